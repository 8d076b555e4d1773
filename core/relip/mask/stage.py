"""The mask stage: track → mask/mask.####.exr (layers matte, lips, mouth, skin)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from relip import records
from relip.errors import PlateError, ShotError, StageMissingError
from relip.mask import matte, region
from relip.plate import read_exr, write_exr
from relip.progress import Progress
from relip.records import FrameRecord, StageReport
from relip.shot import Shot
from relip.track import stage as track_stage
from relip.track.facetrack import FaceTrack

NAME = "mask"
VERSION = 2


def mask_path(shot: Shot, frame: int) -> Path:
    """The file of one frame's layers."""
    return shot.path("mask", f"mask.{frame:04d}.exr")


def frame_key(shot: Shot, track: FaceTrack, outline: np.ndarray, frame: int) -> str:
    """Fingerprint of everything one frame's matte depends on."""
    row = track.index(frame)
    settings = shot.settings.mask
    return records.fingerprint(
        NAME,
        VERSION,
        settings.feather,
        bool(track.visible[row]),
        track.landmarks[row],
        track.transform[row],
        outline[row],
        track.face_width,
    )


def run(
    shot: Shot, frames: Sequence[int], *, progress: Progress, force: bool = False
) -> StageReport:
    """Draw the matte layers of the given frames.

    Raises
    ------
    StageMissingError
        If the track is not made.
    """
    report = StageReport(NAME)
    track = track_stage.load(shot)
    outlines = region.make_region(track, shot.settings.mask)
    record = FrameRecord(shot.stage_folder("mask"))
    with shot.open_plate() as plate:
        width, height = plate.width, plate.height
        pixel_aspect = float(plate.info.get("pixel_aspect") or 1.0)
    progress.start(NAME, len(frames))
    for frame in frames:
        key = frame_key(shot, track, outlines.outline, frame)
        path = mask_path(shot, frame)
        if not force and record.is_current(frame, key, path):
            report.kept.append(frame)
            if not track.visible[track.index(frame)]:
                report.passed.append(frame)
            progress.step()
            continue
        row = track.index(frame)
        layers = None
        if track.visible[row]:
            layers = matte.make_layers(
                track,
                outlines,
                row,
                feather=shot.settings.mask.feather,
                width=width,
                height=height,
            )
        if layers is None:
            record.set(frame, key, "passed", "no face")
            report.passed.append(frame)
        else:
            write_exr(
                path,
                {
                    "matte": layers.matte,
                    "lips": layers.lips,
                    "mouth": layers.mouth,
                    "skin": layers.skin,
                },
                display=(width, height),
                origin=layers.origin,
                half=True,
                metadata={"relip/stage": NAME, "relip/key": key},
                pixel_aspect=pixel_aspect,
            )
            record.set(frame, key, "done")
            report.done.append(frame)
        progress.step()
    records.write_record(
        shot.path("mask"),
        {
            "stage": NAME,
            "settings": shot.settings.to_dict()["mask"],
            "faceless": report.passed,
            "versions": records.versions(),
        },
    )
    progress.finish()
    return report


def read_matte(
    shot: Shot, frame: int, width: int, height: int
) -> tuple[np.ndarray, tuple[int, int]] | None:
    """The matte of one frame, the artist's where there is one.

    Parameters
    ----------
    shot : Shot
    frame : int
    width, height : int
        The plate's display window.

    Returns
    -------
    tuple of (np.ndarray [shape=(h, w), dtype=float32], (x, y)) or None
        The matte over its data window clipped to the picture; None on a
        frame without a face and without an override.

    Raises
    ------
    StageMissingError
        If the frame's mask was not made.
    ShotError
        If the override is of another size or cannot be read.
    """
    override = shot.override(f"mask.{frame:04d}.exr")
    path = override or mask_path(shot, frame)
    if not path.exists():
        status = FrameRecord(shot.path("mask")).get(frame)
        if status and status.get("state") == "passed":
            return None
        raise StageMissingError(
            f"{path}: the mask of frame {frame} is not made yet", mend="run relip mask on the shot"
        )
    try:
        channels, origin, display, _ = read_exr(path)
    except PlateError as exc:
        raise ShotError(exc.message, mend="delete it and run relip mask again") from exc
    if tuple(display) != (width, height):
        raise ShotError(
            f"{path}: its display window is {display[0]}x{display[1]},"
            f" the plate's {width}x{height}",
            mend="render the override at plate resolution",
        )
    for name in ("matte", "A", "matte.A", "alpha", "R", "Y"):
        if name in channels:
            values = channels[name]
            break
    else:
        raise ShotError(
            f"{path}: no channel called matte, A, R or Y", mend=f"it has {', '.join(channels)}"
        )
    x, y = origin
    x0, y0 = max(x, 0), max(y, 0)
    x1, y1 = min(x + values.shape[1], width), min(y + values.shape[0], height)
    if x1 <= x0 or y1 <= y0:
        return None
    values = np.nan_to_num(values[y0 - y : y1 - y, x0 - x : x1 - x], posinf=1.0, neginf=0.0)
    return np.clip(values, 0, 1).astype(np.float32), (x0, y0)


def matte_fingerprint(shot: Shot, frame: int) -> str:
    """Fingerprint of the matte a frame uses: the override's content or the stage's key."""
    override = shot.override(f"mask.{frame:04d}.exr")
    if override:
        return records.file_fingerprint(override)
    status = FrameRecord(shot.path("mask")).get(frame)
    return str(status["key"]) if status else "absent"
