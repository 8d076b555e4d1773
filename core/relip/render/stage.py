"""The render stage: plate, track, matte, model and drive → render/patch.####.exr."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from relip import records
from relip.errors import ModelError, PlateError
from relip.mask import stage as mask_stage
from relip.mask.region import Region, make_region
from relip.plate import BadFrame, Plate, write_exr
from relip.plate.prefetch import prefetch, side_by_side
from relip.progress import Progress
from relip.records import FrameRecord, StageReport
from relip.render import train_stage
from relip.render.drive import driven_lines
from relip.render.premult import premultiply
from relip.render.rig import Rig, track_lines
from relip.sharing import Sharing
from relip.shot import Shot
from relip.threads import one_each
from relip.track import stage as track_stage
from relip.track.facetrack import FaceTrack

NAME = "render"
VERSION = 3

#: Patches being written at once while the next frame is computed.
_WRITERS = 2

#: Frames computed side by side at most: each holds a picture of the plate.
_WORKERS = 8


def patch_path(shot: Shot, frame: int) -> Path:
    """The file of one frame's generated pixels."""
    return shot.path("render", f"patch.{frame:04d}.exr")


@dataclass(frozen=True)
class Inputs:
    """What every frame of the stage is made from."""

    track: FaceTrack
    region: Region
    lines: np.ndarray
    own_lines: np.ndarray
    model_key: str

    def key(self, shot: Shot, plate: Plate, frame: int) -> str:
        """Fingerprint of everything one frame's patch depends on."""
        row = self.track.index(frame)
        return records.fingerprint(
            NAME,
            VERSION,
            self.model_key,
            list(shot.settings.render.layers),
            bool(self.track.visible[row]),
            self.lines[row],
            [self.own_lines[row].tolist(), shot.settings.render.detail],
            self.track.transform[row],
            self.region.outline[row],
            mask_stage.matte_fingerprint(shot, frame),
            plate.fingerprint(frame),
            plate.colourspace,
        )


def load_inputs(shot: Shot) -> Inputs:
    """Read the track, the drive and the model's rig.

    Raises
    ------
    StageMissingError
        If one of them is not made; the message names the command that makes it.
    ModelError
        If the model was trained for another track or region.
    """
    track = track_stage.load(shot)
    path = train_stage.model_path(shot)
    rig = load_rig(path)
    return Inputs(
        track=track,
        region=make_region(track, shot.settings.mask),
        lines=driven_lines(shot, track, rig),
        own_lines=track_lines(track),
        model_key=records.file_fingerprint(path),
    )


def load_rig(path: Path) -> Rig:
    """The rig of a model file, without its network."""
    from safetensors import safe_open

    from relip.errors import StageMissingError

    if not path.exists():
        raise StageMissingError(
            f"{path}: the shot's network is not trained yet", mend="run relip train on the shot"
        )
    try:
        with safe_open(str(path), "np") as handle:
            return Rig.from_tensors(
                {k: handle.get_tensor(k) for k in handle.keys() if k.startswith("rig.")}  # noqa: SIM118
            )
    except Exception as exc:
        raise ModelError(
            f"{path}: damaged model: {exc}", mend="delete it and run relip train again"
        ) from exc


def run(
    shot: Shot, frames: Sequence[int], *, progress: Progress, force: bool = False
) -> StageReport:
    """Generate the patches of the given frames.

    A frame without a face is passed through: no file is written for it. A
    frame whose plate cannot be read fails and is reported; the rest is done.

    Raises
    ------
    StageMissingError
        If an earlier stage was not run.
    """
    report = StageReport(NAME)
    inputs = load_inputs(shot)
    record = FrameRecord(shot.stage_folder("render"))
    progress.start(NAME, len(frames))
    todo: dict[int, str] = {}
    with shot.open_plate() as plate:
        for frame in frames:
            key = inputs.key(shot, plate, frame)
            if not force and record.is_current(frame, key, patch_path(shot, frame)):
                report.kept.append(frame)
                if not inputs.track.visible[inputs.track.index(frame)]:
                    report.passed.append(frame)
                progress.step()
            elif not inputs.track.visible[inputs.track.index(frame)]:
                record.set(frame, key, "passed", "no face")
                patch_path(shot, frame).unlink(missing_ok=True)
                report.passed.append(frame)
                progress.step()
            else:
                todo[frame] = key
        if todo:
            with Sharing(record, todo, lambda f: patch_path(shot, f), alone=force) as share:
                _generate(shot, plate, inputs, todo, record, report, progress, share)
            report.kept.extend(share.taken)
            progress.step(len(share.taken))
    records.write_record(
        shot.path("render"),
        {
            "stage": NAME,
            "settings": shot.settings.to_dict()["render"],
            "model": inputs.model_key,
            "faceless": report.passed,
            "failed": {str(k): v for k, v in report.failed.items()},
            "versions": records.versions(),
        },
    )
    progress.finish()
    return report


def _generate(
    shot: Shot,
    plate: Plate,
    inputs: Inputs,
    todo: dict[int, str],
    record: FrameRecord,
    report: StageReport,
    progress: Progress,
    share: Sharing,
) -> None:
    from relip.render.generate import generate_patch
    from relip.render.model import ShotModel
    from relip.render.training import choose_device

    device = choose_device(shot.settings.render.device)
    model = ShotModel.load(train_stage.model_path(shot), device)

    def generate(picture: Any) -> Any:
        """A frame's picture and its patch; a frame that cannot be read as it is.

        No picture for what another process finished while this one was reading.
        """
        if isinstance(picture, BadFrame):
            return picture, None
        if share.made_by_another(picture.frame):
            return None, None
        row = inputs.track.index(picture.frame)
        return picture, generate_patch(
            model,
            picture.rgb,
            inputs.track.transform[row],
            inputs.lines[row],
            inputs.region.outline[row],
            inputs.own_lines[row],
            shot.settings.render.detail,
        )

    pixel_aspect = float(plate.info.get("pixel_aspect") or 1.0)
    waiting: list[tuple[int, Future[None]]] = []

    def settle(limit: int) -> int:
        settled = 0
        while len(waiting) > limit:
            frame, future = waiting.pop(0)
            future.result()
            record.set(frame, todo[frame], "done")
            report.done.append(frame)
            settled += 1
        return settled

    # Each frame on one thread, whatever the number of threads: the same bits.
    with ThreadPoolExecutor(_WRITERS) as pool, one_each() as threads:
        workers = min(threads, _WORKERS) if device.type == "cpu" else 1
        try:
            pictures = prefetch(share.pictures(plate))
            for picture, patch in side_by_side(generate, pictures, workers):
                if picture is None:
                    continue
                frame = picture.frame
                if isinstance(picture, BadFrame):
                    record.set(frame, todo[frame], "failed", picture.reason)
                    report.failed[frame] = picture.reason
                    progress.step()
                    continue
                found = mask_stage.read_matte(shot, frame, plate.width, plate.height)
                if patch is None or found is None:
                    record.set(frame, todo[frame], "passed", "the region is outside the picture")
                    report.passed.append(frame)
                    progress.step()
                    continue
                height, width = patch.raw.shape[:2]
                matte = onto(found[0], found[1], (height, width), patch.origin)
                rgb, alpha = premultiply(patch.raw, matte, half=plate.half)
                channels = {
                    "R": rgb[..., 0],
                    "G": rgb[..., 1],
                    "B": rgb[..., 2],
                    "A": alpha,
                }
                if "raw" in shot.settings.render.layers:
                    channels |= {f"raw.{c}": patch.raw[..., i] for i, c in enumerate("RGB")}
                if "stmap" in shot.settings.render.layers:
                    channels |= {f"stmap.{c}": patch.stmap[..., i] for i, c in enumerate("RG")}
                waiting.append(
                    (
                        frame,
                        pool.submit(
                            write_exr,
                            patch_path(shot, frame),
                            channels,
                            display=(plate.width, plate.height),
                            origin=patch.origin,
                            half={n: plate.half and n[:5] != "stmap" for n in channels},
                            metadata={
                                "relip/stage": NAME,
                                "relip/key": todo[frame],
                                "relip/colourspace": plate.colourspace,
                            },
                            pixel_aspect=pixel_aspect,
                        ),
                    )
                )
                progress.step(settle(_WRITERS))
        finally:
            settled = settle(0)
    progress.step(settled)
    unread = set(todo) - set(report.done) - set(report.failed) - set(report.passed)
    unread -= set(share.taken)
    if unread:
        raise PlateError(f"{plate.path}: frames {sorted(unread)} were not delivered by the reader")


def onto(
    matte: np.ndarray, at: tuple[int, int], shape: tuple[int, int], origin: tuple[int, int]
) -> np.ndarray:
    """A matte placed at ``at`` in the plate, cut to a window at ``origin`` of ``shape``."""
    result = np.zeros(shape, np.float32)
    dx, dy = at[0] - origin[0], at[1] - origin[1]
    x0, y0 = max(dx, 0), max(dy, 0)
    x1, y1 = min(dx + matte.shape[1], shape[1]), min(dy + matte.shape[0], shape[0])
    if x1 > x0 and y1 > y0:
        result[y0:y1, x0:x1] = matte[y0 - dy : y1 - dy, x0 - dx : x1 - dx]
    return result
