"""The render stage: plate, track, matte, model and drive → render/patch.####.exr."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from relip import records
from relip.errors import ModelError, PlateError, SettingError, StageMissingError
from relip.mask import stage as mask_stage
from relip.mask.region import Region, make_region
from relip.plate import BadFrame, Picture, Plate, write_exr
from relip.plate.prefetch import prefetch, side_by_side
from relip.progress import Progress
from relip.records import FrameRecord, StageReport
from relip.render import match, train_stage
from relip.render.canonical import Window, crop_size
from relip.render.catalogue import ModelEntry, find_model
from relip.render.drive import driven_controls, driven_lines, driven_visibility
from relip.render.grain import FRAMES, Grain
from relip.render.grain import measure as measure_grain
from relip.render.interior import Mouths, choose, looks, shapes, wishes
from relip.render.premult import premultiply
from relip.render.rig import Rig, track_lines
from relip.render.skin import bare_skin
from relip.sharing import Sharing
from relip.shot import Shot
from relip.threads import one_each
from relip.track import square
from relip.track import stage as track_stage
from relip.track.facetrack import FaceTrack

NAME = "render"
VERSION = 13

#: Patches being written at once while the next frame is computed.
_WRITERS = 2

#: Frames computed side by side at most: each holds a picture of the plate.
_WORKERS = 8


def patch_path(shot: Shot, frame: int) -> Path:
    """The file of one frame's generated pixels."""
    return shot.path("render", f"patch.{frame:04d}.exr")


@dataclass(frozen=True)
class Inputs:
    """What every frame of the stage is made from.

    Attributes
    ----------
    lines, own_lines : np.ndarray [shape=(F, 57, 2)]
        New and the plate's own lip and jaw lines in crop units.
    visibility : np.ndarray [shape=(F, 2)]
        How much of teeth and tongue is wanted.
    mouths : np.ndarray [shape=(F,)]
        Which of the model's mouths lends each frame its teeth; −1: none.
    teeth : float
        How much of them is used.
    model_key : str
        Fingerprint of what draws.
    entry : ModelEntry or None
        The renderer of others' that draws; None for the shot's own network.
    reasons : dict of int to str
        Why frames are not edited.
    """

    track: FaceTrack
    region: Region
    lines: np.ndarray
    own_lines: np.ndarray
    visibility: np.ndarray
    mouths: np.ndarray
    teeth: float
    model_key: str
    entry: ModelEntry | None = None
    reasons: dict[int, str] = field(default_factory=dict)
    known: dict[int, str] = field(default_factory=dict, compare=False, repr=False)

    def neighbours(self, frame: int) -> list[int]:
        """The frames whose match steadies a frame's, itself left out."""
        frames = self.track.frames
        around = range(frame - match.REACH, frame + match.REACH + 1)
        inside = [f for f in around if f != frame and frames[0] <= f <= frames[-1]]
        return [f for f in inside if self.track.editable[self.track.index(f)]]

    def drawn_key(self, plate: Plate, frame: int) -> str:
        """Fingerprint of everything that one frame's drawn picture depends on."""
        if frame not in self.known:
            row = self.track.index(frame)
            self.known[frame] = records.fingerprint(
                NAME,
                VERSION,
                [self.model_key, self.teeth],
                bool(self.track.editable[row]),
                self.lines[row],
                self.own_lines[row],
                self.visibility[row],
                int(self.mouths[row]),
                self.track.transform[row],
                self.region.outline[row],
                plate.fingerprint(frame),
                plate.colourspace,
            )
        return self.known[frame]

    def key(self, shot: Shot, plate: Plate, frame: int) -> str:
        """Fingerprint of everything one frame's patch depends on."""
        own = shot.settings.render
        row = self.track.index(frame)
        grain = [shot.settings.train.seed, *self.grain_frames()] if own.grain else []
        # what of the plate is kept and followed only where the shot's own network draws
        followed = [own.detail, own.defocus] if self.entry is None else []
        return records.fingerprint(
            self.drawn_key(plate, frame),
            [self.drawn_key(plate, f) for f in self.neighbours(frame)],
            list(own.layers),
            [*followed, own.grain],
            [[f, plate.fingerprint(f)] for f in grain[1:]] + grain[:1],
            float(self.track.mix[row]),
            mask_stage.matte_fingerprint(shot, frame),
        )

    def grain_frames(self) -> list[int]:
        """The frames that the plate's grain is measured in."""
        seen = self.track.frames[self.track.visible]
        pick = np.linspace(0, len(seen) - 1, min(FRAMES, len(seen))).round().astype(int)
        chosen = [int(seen[i]) for i in pick]
        return sorted({*chosen, *(f + 1 for f in chosen)} & {int(f) for f in seen})


def load_inputs(shot: Shot) -> Inputs:
    """Read the track, the drive and the model's rig.

    Raises
    ------
    StageMissingError
        If one of them is not made; the message names the command that makes it.
    ModelError
        If the model was trained for another track or region.
    """
    from relip.speech.mouth_csv import NEUTRAL

    track = track_stage.load(shot)
    own = track_lines(track)
    region = make_region(track, shot.settings.mask)
    if shot.settings.render.renderer != "shot":
        entry = external_entry(shot)
        return Inputs(
            reasons=track_stage.reasons(shot),
            track=track,
            region=region,
            lines=own,
            own_lines=own,
            visibility=driven_visibility(shot),
            mouths=np.full(len(own), -1),
            teeth=0.0,
            model_key=records.fingerprint(
                entry.to_dict(), heard_key(shot), external_window(track, region).as_list()
            ),
            entry=entry,
        )
    path = train_stage.model_path(shot)
    lines = driven_lines(shot, track, load_rig(path))
    mouths = np.full(len(lines), -1)
    visibility = driven_visibility(shot)
    if shot.settings.render.teeth:
        biased = bool((visibility != NEUTRAL).any())
        known = _tensors(path, "interior." if biased else ("interior.frames", "interior.shapes"))
        if known:
            wished = wishes(looks(Mouths.from_tensors(known)), visibility) if biased else None
            mouths = choose(
                known["interior.frames"], known["interior.shapes"], shapes(lines), wished
            )
    return Inputs(
        track=track,
        region=region,
        lines=lines,
        own_lines=own,
        visibility=visibility,
        mouths=mouths,
        teeth=shot.settings.render.teeth,
        model_key=records.file_fingerprint(path),
        reasons=track_stage.reasons(shot),
    )


def external_entry(shot: Shot) -> ModelEntry:
    """The description of the renderer of others' that the shot asks for."""
    own = shot.settings.render
    return find_model(own.renderer, shot.resolve(own.models) if own.models else None)


def external_window(track: FaceTrack, region: Region) -> Window:
    """The window that a renderer of others' is shown in: ``train.crop`` is of the shot's own."""
    return Window.for_outlines(region.outline, crop_size(track.face_width))


def heard_key(shot: Shot) -> str:
    """Fingerprint of everything that a renderer of others' may hear and be driven by."""
    d = shot.settings.dialogue
    try:
        controls = driven_controls(shot)
    except StageMissingError:
        controls = None
    return records.fingerprint(
        records.file_fingerprint(shot.resolve(d.audio)) if d.audio else None,
        [d.offset, str(shot.rate), shot.frames.start],
        controls if controls is not None else None,
    )


def load_rig(path: Path) -> Rig:
    """The rig of a model file, without its network."""
    try:
        return Rig.from_tensors(_tensors(path, "rig."))
    except (KeyError, ValueError) as exc:
        raise ModelError(
            f"{path}: damaged model: {exc}", mend="delete it and run relip train again"
        ) from exc


def _tensors(path: Path, names: str | tuple[str, ...]) -> dict[str, np.ndarray]:
    """Those tensors of a model file whose names begin so.

    Raises
    ------
    StageMissingError
        If there is no file.
    ModelError
        If it is damaged.
    """
    from safetensors import safe_open

    if not path.exists():
        raise StageMissingError(
            f"{path}: the shot's network is not trained yet", mend="run relip train on the shot"
        )
    try:
        with safe_open(str(path), "np") as handle:
            wanted = [k for k in handle.keys() if k.startswith(names)]  # noqa: SIM118
            return {k: handle.get_tensor(k) for k in wanted}
    except Exception as exc:
        raise ModelError(
            f"{path}: damaged model: {exc}", mend="delete it and run relip train again"
        ) from exc


def run(
    shot: Shot, frames: Sequence[int], *, progress: Progress, force: bool = False
) -> StageReport:
    """Generate the patches of the given frames.

    A frame that is not edited (:mod:`relip.track.fade`) is passed through: no
    file is written for it. Beside such frames the alpha is the matte times
    the track's ``mix``. A frame whose plate cannot be read fails and is reported; the rest is done.

    Raises
    ------
    StageMissingError
        If an earlier stage was not run.
    """
    report = StageReport(NAME)
    inputs = load_inputs(shot)
    if inputs.entry:
        # whoever pays for the picture wants to know before it is made
        progress.message(inputs.entry.terms())
        report.notes.append(inputs.entry.terms())
        report.data["renderer"] = inputs.entry.to_dict()
    record = FrameRecord(shot.stage_folder("render"))
    progress.start(NAME, len(frames))
    todo: dict[int, str] = {}
    with shot.open_plate() as plate:
        for frame in frames:
            key = inputs.key(shot, plate, frame)
            if not force and record.is_current(frame, key, patch_path(shot, frame)):
                report.kept.append(frame)
                if not inputs.track.editable[inputs.track.index(frame)]:
                    report.passed.append(frame)
                progress.step()
            elif not inputs.track.editable[inputs.track.index(frame)]:
                record.set(frame, key, "passed", inputs.reasons.get(frame, "no face"))
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
            "renderer": inputs.entry.to_dict() if inputs.entry else "shot",
            "grain": records.read_record(shot.path("render", "grain")).get("grain"),
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
    from relip.render.generate import Drawn, Patch, finish_frame
    from relip.render.training import choose_device

    device = choose_device(shot.settings.render.device)
    draw, encoding = _drawer(shot, plate, inputs, device)
    finish = _finish(shot, inputs, encoding)

    unreadable: set[int] = set()

    def begin(picture: Any) -> tuple[Any, Drawn | None]:
        """A frame's picture, and what was drawn; a frame that cannot be read as it is."""
        if isinstance(picture, BadFrame):
            unreadable.add(picture.frame)
            return picture, None
        drawn = draw(picture)
        # the plate's pixels are not needed any more: only its frame number goes on
        return picture.frame, drawn

    def end(item: tuple[Any, Drawn | None, match.Match | None]) -> tuple[Any, Patch | None]:
        """A frame and its patch; no frame for what another process finished meanwhile."""
        frame, drawn, found = item
        if not isinstance(frame, BadFrame) and share.made_by_another(frame):
            return None, None
        if drawn is None or found is None:
            return frame, None
        return frame, finish_frame(drawn, found, encoding, finish, frame)

    pixel_aspect = float(plate.info.get("pixel_aspect") or 1.0)
    waiting: list[tuple[int, Future[None]]] = []

    def settle(limit: int) -> int:
        settled = 0
        while len(waiting) > limit:
            frame, future = waiting.pop(0)
            future.result()
            # until its neighbours can be read, it is not what it is to be
            beside = sorted(unreadable.intersection(inputs.neighbours(frame)))
            key = records.fingerprint(todo[frame], "without", beside) if beside else todo[frame]
            record.set(frame, key, "done")
            report.done.append(frame)
            settled += 1
        return settled

    # Each frame on one thread, whatever the number of threads: the same bits.
    with ThreadPoolExecutor(_WRITERS) as pool, one_each() as threads:
        workers = min(threads, _WORKERS) if device.type == "cpu" else 1
        try:
            mine: set[int] = set()
            pictures = prefetch(_with_neighbours(plate, inputs, share, mine))
            drawn_frames = side_by_side(begin, pictures, workers)
            ready = steadied(drawn_frames, mine, inputs.neighbours)
            for picture, patch in side_by_side(end, ready, workers):
                if picture is None:
                    continue
                if isinstance(picture, BadFrame):
                    frame = picture.frame
                    record.set(frame, todo[frame], "failed", picture.reason)
                    report.failed[frame] = picture.reason
                    progress.step()
                    continue
                frame = picture
                found = mask_stage.read_matte(shot, frame, plate.width, plate.height)
                if patch is None or found is None:
                    record.set(frame, todo[frame], "passed", "the region is outside the picture")
                    report.passed.append(frame)
                    progress.step()
                    continue
                height, width = patch.raw.shape[:2]
                matte = onto(found[0], found[1], (height, width), patch.origin)
                # the edit comes and goes in the alpha, so that any Merge (over) shows it alike
                matte *= np.float32(inputs.track.mix[inputs.track.index(frame)])
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


def _with_neighbours(
    plate: Plate, inputs: Inputs, share: Sharing, mine: set[int]
) -> Iterator[Picture | BadFrame]:
    """The pictures of the frames to be made and of those whose match steadies theirs.

    ``mine`` is told the frames to be made as they are taken. A run that goes on
    where the one before ended needs no picture twice.
    """
    shown: set[int] = set()
    last = -1
    for part in share.parts(plate):
        mine.update(part)
        wanted = sorted(set(part).union(*(inputs.neighbours(f) for f in part)))
        missing = [f for f in wanted if f not in shown]
        gone = any(f in shown and f + match.REACH <= last for f in part)
        if gone or (missing and missing[0] < last):
            shown, missing = set(), wanted
        yield from plate.iter(missing, on_error="mark")
        shown.update(missing)
        last = missing[-1] if missing else last


def steadied(
    drawn: Iterable[tuple[Any, Any]],
    wanted: Container[int],
    neighbours: Callable[[int], list[int]],
) -> Iterator[tuple[Any, Any, match.Match | None]]:
    """Each wanted frame with its match, steadied by those of the frames around it.

    Parameters
    ----------
    drawn : iterable of (frame or BadFrame, Drawn or None)
        In the order of the frames, the neighbours of the wanted ones among
        them. When it goes back, it begins anew: with all neighbours again.
    wanted : container of int
        Looked at when a frame and its neighbours are there.
    neighbours : callable
        The frames whose match steadies a frame's.

    Yields
    ------
    frame or BadFrame, Drawn or None, Match or None
    """
    matches: dict[int, match.Match] = {}
    seen: set[int] = set()
    done: set[int] = set()
    waiting: deque[tuple[Any, Any]] = deque()
    last = -1

    def ready(until: float) -> Iterator[tuple[Any, Any, match.Match | None]]:
        while waiting and _number(waiting[0][0]) + match.REACH <= until:
            frame, found = waiting.popleft()
            number = _number(frame)
            # a neighbour only, whose own turn may come elsewhere or later
            if number not in wanted or number in done or not seen.issuperset(neighbours(number)):
                continue
            done.add(number)
            around = {
                i: matches[number + i]
                for i in range(-match.REACH, match.REACH + 1)
                if number + i in matches
            }
            yield frame, found, match.smoothed(around) if found is not None else None
            for old in [f for f in matches if f < number - match.REACH]:
                del matches[old]

    for frame, found in drawn:
        number = _number(frame)
        if number <= last:
            yield from ready(float("inf"))
            matches.clear()
            seen.clear()
        last = number
        seen.add(number)
        if found is not None:
            matches[number] = found.match
        waiting.append((frame, found))
        yield from ready(number)
    yield from ready(float("inf"))


def _number(frame: Any) -> int:
    return frame.frame if isinstance(frame, BadFrame) else int(frame)


def _drawer(
    shot: Shot, plate: Plate, inputs: Inputs, device: Any
) -> tuple[Callable[[Picture], Any], Any]:
    """What draws a picture of the plate, and the encoding it draws in."""
    from relip.render.generate import draw_frame
    from relip.render.model import ShotModel

    track, region = inputs.track, inputs.region
    if inputs.entry is not None:
        from relip.render.external import ExternalDrawer
        from relip.render.renderers import Sources, make_renderer, others_code
        from relip.speech import load_audio

        renderer = make_renderer(inputs.entry, device)
        d = shot.settings.dialogue
        audio = load_audio(shot.resolve(d.audio)) if d.audio else None
        with others_code(f"the renderer {inputs.entry.name!r} cannot get ready for the shot"):
            renderer.prepare(
                Sources(audio, d.offset, shot.rate, shot.frames, lambda: _controls(shot))
            )
        external = ExternalDrawer.of(
            inputs.entry.name,
            renderer,
            external_window(track, region),
            track.shape,
            plate.colourspace,
        )

        def draw_external(picture: Picture) -> Any:
            row = track.index(picture.frame)
            return external.draw(
                picture.frame,
                picture,
                track.transform[row],
                region.outline[row],
                track.landmarks[row],
            )

        return draw_external, external.encoding
    model = ShotModel.load(train_stage.model_path(shot), device)

    def draw(picture: Picture) -> Any:
        row = track.index(picture.frame)
        return draw_frame(
            model,
            picture,
            track.transform[row],
            inputs.lines[row],
            region.outline[row],
            inputs.own_lines[row],
            detail=shot.settings.render.detail,
            visibility=inputs.visibility[row],
            mouth=int(inputs.mouths[row]),
            teeth=inputs.teeth,
        )

    return draw, model.encoding


def _controls(shot: Shot) -> np.ndarray:
    """The mouth controls of the drive, for a renderer of others'.

    Raises
    ------
    SettingError
        If the drive is the shot's own lips, which are no controls.
    """
    controls = driven_controls(shot)
    if controls is None:
        raise SettingError(
            "the renderer is driven by mouth controls, and the drive track has none",
            mend="set render.drive to speech, csv or video",
        )
    return controls


def _finish(shot: Shot, inputs: Inputs, encoding: Any) -> Any:
    """How drawn frames become patches; the plate's grain is measured, once for a shot."""
    from relip.render.generate import Finish
    from relip.render.grain import Grain

    own = shot.settings.render
    grain = plate_grain(shot, inputs, encoding) if own.grain else Grain.none()
    return Finish(own.detail, own.defocus, grain, own.grain, shot.settings.train.seed)


def plate_grain(shot: Shot, inputs: Inputs, encoding: Any) -> Grain:
    """The grain of the shot's plate around the face, kept in ``render/grain/record.json``.

    In stored pixels, in which it is laid on again: film and sensors have it as fine across as
    down, whatever the lens squeezed. Where a plate was squeezed after it was shot its grain is
    half as coarse across; what is laid on then has the mean of both.
    """
    track = inputs.track
    chosen = inputs.grain_frames()
    folder = shot.path("render", "grain")
    with shot.open_plate() as plate:
        key = records.fingerprint(
            "grain",
            VERSION,
            [[f, plate.fingerprint(f)] for f in chosen],
            [encoding.colourspace, encoding.working, encoding.offset, encoding.scale],
            np.median(track.landmarks[[track.index(f) for f in chosen]], axis=1).round(),
        )
        old = records.read_record(folder)
        if old.get("key") == key:
            # What is not what was written is measured again.
            with contextlib.suppress(ValueError):
                return Grain.from_dict(old.get("model"))
        pieces: list[np.ndarray] = []
        after: list[np.ndarray | None] = []
        skin: list[np.ndarray] = []
        last: tuple[int, np.ndarray] | None = None
        for picture in plate.iter(chosen, on_error="mark"):
            if isinstance(picture, BadFrame):
                continue
            face = track.landmarks[track.index(picture.frame), :, :2]
            middle = np.median(face, axis=0).round()
            half = square.to_plate(np.full(2, 0.8 * track.face_width), track.aspect)
            x0, y0 = np.maximum(np.rint(middle - half).astype(int), 0)
            width, height = (2 * half).astype(int)
            piece = encoding.encode(picture.cut(x0, y0, x0 + width, y0 + height))
            if last is not None and last[0] + 1 == picture.frame:
                after[-1] = piece
            pieces.append(piece)
            place = face - [x0, y0]
            skin.append(bare_skin(place, piece.shape[1::-1], track.face_width, track.aspect))
            after.append(None)
            last = picture.frame, piece
    with one_each():  # the same bits, whatever the number of threads
        grain = measure_grain(pieces, after, skin)
    records.write_record(
        folder,
        {
            "key": key,
            "model": {k: np.asarray(v).tolist() for k, v in vars(grain).items()},
            "grain": grain.to_dict(),
        },
    )
    return grain


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
