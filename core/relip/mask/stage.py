"""The mask stage: plate and track → mask/mask.####.exr.

Layers matte, lips, mouth, skin, hair, neck, teeth and occlusion. What stands
before the face is cut out of the matte, so that render and blend leave it as
the plate shows it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from relip import records
from relip.errors import PlateError, ShotError, StageMissingError
from relip.frames import format_range
from relip.mask import alpha, fit, hands, matte, neighbours, occlusion, parsing, region, rim
from relip.mask.crop import SIDE, crop_of, display_window
from relip.mask.external import Parser, ParserEntry, find_parser
from relip.mask.region import Region
from relip.plate import BadFrame, Colour, Picture, Plate, read_exr, write_exr
from relip.plate.base import Window
from relip.plate.prefetch import prefetch, side_by_side
from relip.progress import Progress
from relip.records import FrameRecord, StageReport
from relip.shot import Shot
from relip.threads import thread_count
from relip.track import geometry, pose, square
from relip.track import stage as track_stage
from relip.track.facetrack import FaceTrack
from relip.track.picture import detection_picture

NAME = "mask"
VERSION = 15

#: A frame's status says this, and how much of the region, where something stands before the face.
OCCLUDED = "occluded"

#: Share of the region that an occluder covers at least to be reported.
_LEAST_SHARE = 0.002

#: The classes whose chances are layers, in their order.
_DRAWN = (parsing.LIPS, parsing.MOUTH, parsing.SKIN, parsing.HAIR, parsing.NECK)

#: Frames looked at side by side at most.
_WORKERS = 8


def mask_path(shot: Shot, frame: int) -> Path:
    """The file of one frame's layers."""
    return shot.path("mask", f"mask.{frame:04d}.exr")


@dataclass(frozen=True)
class Inputs:
    """What every frame of the stage is made from."""

    track: FaceTrack
    region: region.Region
    fit_key: str | None
    learn_from: tuple[FaceTrack, Region] | None = None
    parser: ParserEntry | None = None

    def key(self, shot: Shot, plate: Plate, frame: int) -> str:
        """Fingerprint of everything one frame's layers depend on."""
        row = self.track.index(frame)
        settings = shot.settings.mask
        seen: list[str] = []
        beside: list[np.ndarray] = []
        if self.fit_key is not None and self.track.visible[row]:
            around = self.neighbours(frame)
            seen = [plate.fingerprint(f) for f in [frame, *around]]
            # an artist's word on a neighbour changes what is seen there
            for other in map(self.track.index, around):
                beside += [self.track.landmarks[other], self.track.transform[other]]
                beside.append(self.region.outline[other])
        return records.fingerprint(
            NAME,
            VERSION,
            settings.feather,
            bool(self.track.visible[row]),
            self.track.landmarks[row],
            self.track.transform[row],
            self.region.outline[row],
            self.track.face_width,
            self.fit_key if self.track.visible[row] else None,
            hands.available(),
            seen,
            *beside,
            self.parser.key() if self.parser else None,
        )

    def neighbours(self, frame: int) -> list[int]:
        """The frames before and after that show the face."""
        row = self.track.index(frame)
        return [
            frame + step
            for step in (-1, 1)
            if 0 <= row + step < len(self.track.frames) and self.track.visible[row + step]
        ]


def load_inputs(shot: Shot, plate: Plate) -> Inputs:
    """Read the track and find the region.

    Raises
    ------
    StageMissingError
        If the track is not made.
    SettingError, ModelError
        If the parser that is named is not described.
    """
    track = track_stage.load(shot)
    outlines = region.make_region(track, shot.settings.mask)
    settings = shot.settings.mask
    if not settings.occlusion:
        return Inputs(track, outlines, None)
    parser = find_parser(settings.parser) if settings.parser else None
    found = track_stage.uncorrected(shot)
    plain = (found, outlines if found is track else region.make_region(found, settings))
    return Inputs(track, outlines, fit.fit_key(shot, plate, *plain), plain, parser)


@dataclass
class Look:
    """What was seen in one frame.

    Attributes
    ----------
    frame : int
    cover : np.ndarray [shape=(128, 128), dtype=float32] or None
        The occluder, see :func:`relip.mask.occlusion.find`.
    chance, labels : np.ndarray or None
        The classes where the region is, see :func:`relip.mask.parsing.parse`; None for a
        neighbour.
    sides, held : np.ndarray [shape=(256, 256), dtype=float32] or None
        Where hair and background stay the plate's, and these, see :mod:`relip.mask.rim`.
    piece : np.ndarray [shape=(h, w, 3), dtype=uint8] or None
        The plate around the region in square pixels; None for a neighbour, and beside the
        picture.
    origin : tuple of int
        Its place in the plate, in square pixels.
    face, posed : np.ndarray [shape=(478, 2)] or None
        Landmarks in crop units, as found and as the head's pose alone has them.
    """

    frame: int
    cover: np.ndarray | None = None
    chance: np.ndarray | None = None
    labels: np.ndarray | None = None
    sides: np.ndarray | None = None
    held: np.ndarray | None = None
    piece: np.ndarray | None = None
    origin: tuple[int, int] = (0, 0)
    face: np.ndarray | None = None
    posed: np.ndarray | None = None


def looks(
    shot: Shot,
    plate: Plate,
    inputs: Inputs,
    learnt: fit.ShotFit,
    frames: Sequence[int],
) -> Iterator[tuple[Look, np.ndarray | None]]:
    """Look at frames, each with its neighbours.

    Yields
    ------
    Look
        Of each frame that can be read, in order.
    np.ndarray [shape=(128, 128), dtype=float32] or None
        What of its occluder a neighbour shows too.
    """
    colour = Colour()
    canonical = inputs.track.canonical()
    plain = inputs.learn_from[0] if inputs.learn_from else inputs.track
    posed = learnt.posed(pose.pose_curves(plain))
    parser = inputs.parser.load() if inputs.parser else None
    wanted = set(frames)
    needed = sorted(wanted | {n for f in frames for n in inputs.neighbours(f)})

    def look(picture: Picture | BadFrame) -> Look | None:
        if isinstance(picture, BadFrame):
            return None
        parse = picture.frame in wanted
        return look_at(
            picture, plate, colour, inputs, learnt, (canonical, posed), parser, parse=parse
        )

    recent: dict[int, Look] = {}
    waiting: list[int] = sorted(wanted)
    seen = -1 << 60

    def settled(last: int) -> Iterator[tuple[Look, np.ndarray | None]]:
        while waiting and waiting[0] < last:
            found = recent.get(waiting.pop(0))
            if found is None:
                continue
            around = [recent[n].cover for n in inputs.neighbours(found.frame) if n in recent]
            cover = found.cover
            held = [recent[n].held for n in inputs.neighbours(found.frame) if n in recent]
            found = replace(found, held=rim.steadied(found.held, held))
            yield found, neighbours.supported(cover, around)
            for old in [f for f in recent if f < found.frame]:
                del recent[old]

    pictures = prefetch(plate.iter(needed, on_error="mark"))
    workers = min(thread_count() or cv2.getNumThreads(), _WORKERS)
    for number, found in zip(needed, side_by_side(look, pictures, workers), strict=True):
        if found is not None:
            recent[number] = found
        seen = number
        yield from settled(seen)
    yield from settled(seen + 2)


def _around(inputs: Inputs, row: int) -> Window:
    """The region, and as far around as the colours beside an edge are looked at.

    A window of the plate in square pixels.
    """
    outline = inputs.region.on_plate(inputs.track.square, row)
    room = int(np.ceil(0.1 * inputs.track.face_width)) + 2
    x0, y0 = np.clip(np.floor(outline.min(0)).astype(int) - room, 0, None)
    x1, y1 = np.ceil(outline.max(0)).astype(int) + room
    return int(x0), int(y0), int(x1), int(y1)


def _parsed_window(inputs: Inputs, row: int) -> Window:
    """The pixels of the crop that the window of a region's layers shows."""
    track = inputs.track.square
    outline = inputs.region.on_plate(track, row)
    (x0, y0), (x1, y1) = outline.min(0) - 3, outline.max(0) + 3
    corners = np.array([(x0, y0), (x1, y0), (x0, y1), (x1, y1)])
    shown = geometry.apply(track.transform[row], corners) * SIDE
    left, top = np.clip(np.floor(shown.min(0)) - 1, 0, SIDE - 1).astype(int)
    right, bottom = np.clip(np.ceil(shown.max(0)) + 1, [left + 1, top + 1], SIDE).astype(int)
    return int(left), int(top), int(right), int(bottom)


def look_at(
    picture: Picture,
    plate: Plate,
    colour: Colour,
    inputs: Inputs,
    learnt: fit.ShotFit,
    faces: tuple[np.ndarray, np.ndarray],
    parser: Parser | None,
    *,
    parse: bool,
) -> Look:
    """Look at one frame; see :class:`Look`.

    ``faces`` are the landmarks of all rows in crop units, as they were found and as the head's
    pose alone has them.
    """
    row = inputs.track.index(picture.frame)
    shown, corner = display_window(picture, inputs.track.transform[row], plate, colour)
    crop = crop_of(shown, corner, inputs.track.transform[row])
    face, posed = faces[0][row], faces[1][row]
    where = parsing.Places(face)
    cover = occlusion.find(
        learnt.model,
        learnt.palette,
        learnt.space,
        crop,
        face,
        posed,
        learnt.occluders,
        where,
        lambda: hands.find(picture, inputs.track.transform[row], plate, colour),
    )
    result = Look(picture.frame, cover, face=face, posed=posed)
    if parser is not None:
        result.chance, result.labels, cover = parser.parse(crop)
        if cover is not None:
            result.cover = cover if result.cover is None else np.maximum(cover, result.cover)
    window = parsing.WHOLE
    if parser is None:
        window = _parsed_window(inputs, row)
        result.chance, result.labels = parsing.parse(learnt.palette, crop, face, window, where)
    assert result.chance is not None
    result.sides = rim.sides(posed)
    result.held = rim.held(result.chance, posed, result.sides, window)
    if not parse:
        return result
    aspect = inputs.track.aspect
    x0, y0, x1, y1 = _around(inputs, row)
    x1, y1 = min(x1, square.width_of(plate.width, aspect)), min(y1, plate.height)
    if x1 > x0 and y1 > y0:
        first, last = square.stored_columns(x0, x1, aspect, plate.width)
        left, top, (height, width) = first - corner[0], y0 - corner[1], shown.shape[:2]
        if left >= 0 and top >= 0 and last - corner[0] <= width and y1 - corner[1] <= height:
            piece = shown[top : y1 - corner[1], left : last - corner[0]]
        else:
            piece = detection_picture(picture.cut(first, y0, last, y1), plate, colour)
        if aspect != 1:
            piece = square.columns(piece, x0 / aspect - first, 1 / aspect, x1 - x0)
        result.piece = piece
        result.origin = (x0, y0)
    return result


def with_look(
    layers: matte.Layers, look: Look, cover: np.ndarray | None, transform: np.ndarray
) -> matte.Layers:
    """The drawn layers, refined by what was seen.

    Parameters
    ----------
    layers : Layers
        From :func:`relip.mask.matte.make_layers`.
    look : Look
    cover : np.ndarray or None
        The occluder that stays.
    transform : np.ndarray [shape=(2, 3)]
        Square pixels to crop units.
    """
    height, width = layers.matte.shape
    window = geometry.shifted(transform, *layers.origin)
    assert look.chance is not None and look.labels is not None
    teeth = (look.labels == parsing.TEETH).astype(np.float32)
    classes = [look.chance[k] for k in _DRAWN]
    lips, mouth, skin = _onto(classes[:3], window, (width, height))
    hair, neck, white = _onto([*classes[3:], teeth], window, (width, height))
    inside = np.clip(layers.lips + layers.mouth + layers.skin, 0, 1)
    seen = replace(
        layers, lips=lips, mouth=mouth, skin=skin * inside, hair=hair, neck=neck, teeth=white
    )
    if look.piece is None or look.sides is None:
        return seen
    x, y = layers.origin[0] - look.origin[0], layers.origin[1] - look.origin[1]
    part = np.s_[y : y + height, x : x + width]
    shown = look.piece[part]
    if shown.shape[:2] == layers.matte.shape:
        beside = rim.refine(look.sides, look.held, shown, layers.matte, window)
        seen = replace(seen, matte=layers.matte * (1 - beside))
    if cover is None:
        return seen
    front = np.zeros_like(layers.matte)
    to_crop = geometry.shifted(transform, *look.origin)
    found = alpha.refine(cover, look.piece, to_crop)
    if look.face is not None and look.posed is not None:
        found = alpha.continued(found, look.piece, to_crop, look.face, look.posed, look.held)
    found = found[part]
    front[: found.shape[0], : found.shape[1]] = found
    return seen.multiplied(1 - front, occlusion=front)


def _onto(
    pictures: list[np.ndarray], window: np.ndarray, size: tuple[int, int]
) -> list[np.ndarray]:
    """Three pictures of the crop resampled into a window of the plate."""
    to_crop = window * pictures[0].shape[0]
    placed = cv2.warpAffine(
        cv2.merge(pictures),
        geometry.for_opencv(to_crop),
        size,
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return list(cv2.split(placed))


def run(
    shot: Shot, frames: Sequence[int], *, progress: Progress, force: bool = False
) -> StageReport:
    """Make the layers of the given frames.

    Raises
    ------
    StageMissingError
        If the track is not made.

    Notes
    -----
    A frame whose plate cannot be read gets the layers that the track alone
    gives; it fails where its pixels are needed, in the render stage.
    """
    report = StageReport(NAME)
    record = FrameRecord(shot.stage_folder("mask"))
    with shot.open_plate() as plate:
        inputs = load_inputs(shot, plate)
        todo: dict[int, str] = {}
        for frame in frames:
            key = inputs.key(shot, plate, frame)
            if force or not record.is_current(frame, key, mask_path(shot, frame)):
                todo[frame] = key
                continue
            report.kept.append(frame)
            if not inputs.track.visible[inputs.track.index(frame)]:
                report.passed.append(frame)
        learnt = None
        share = 0.0
        if inputs.fit_key is not None and inputs.learn_from is not None and todo:
            share = 0.25
            with progress.part(0, share):
                learnt = fit.obtain(
                    shot, plate, *inputs.learn_from, progress, key=inputs.fit_key, force=force
                )
        with progress.part(share, 1 - share):
            progress.start(NAME, len(frames))
            progress.step(len(report.kept))
            _make(shot, plate, inputs, learnt, todo, record, report, progress)
    hidden = occluded(shot)
    report.data["occluded"] = sorted(hidden)
    if hidden:
        report.notes.append(
            f"something stands before the face in frames {format_range(sorted(hidden))}: "
            "it stays as the plate shows it"
        )
    records.write_record(
        shot.path("mask"),
        {
            "stage": NAME,
            "settings": shot.settings.to_dict()["mask"],
            "faceless": report.passed,
            "data": report.data,
            "notes": report.notes,
            "fit": inputs.fit_key,
            "versions": records.versions(),
        },
    )
    progress.finish()
    return report


def _make(
    shot: Shot,
    plate: Plate,
    inputs: Inputs,
    learnt: fit.ShotFit | None,
    todo: dict[int, str],
    record: FrameRecord,
    report: StageReport,
    progress: Progress,
) -> None:
    track = inputs.track
    pixel_aspect = float(plate.info.get("pixel_aspect") or 1.0)
    visible = [f for f in sorted(todo) if track.visible[track.index(f)]]
    seen: Iterator[tuple[Look, np.ndarray | None]] = iter(())
    if learnt is not None:
        seen = looks(shot, plate, inputs, learnt, visible)
    ahead = next(seen, None)
    for frame in sorted(todo):
        row = track.index(frame)
        layers = None
        if track.visible[row]:
            layers = matte.make_layers(
                track.square,
                inputs.region,
                row,
                feather=shot.settings.mask.feather,
                width=square.width_of(plate.width, track.aspect),
                height=plate.height,
            )
        look, cover = None, None
        if ahead is not None and ahead[0].frame == frame:
            look, cover = ahead
            ahead = next(seen, None)
        if layers is None:
            record.set(frame, todo[frame], "passed", "no face")
            report.passed.append(frame)
            progress.step()
            continue
        note = ""
        if look is not None:
            whole = layers.matte
            layers = with_look(layers, look, cover, track.square.transform[row])
            front = 0.0 if layers.occlusion is None else float((whole * layers.occlusion).sum())
            share = front / max(float(whole.sum()), 1e-6)
            if share > _LEAST_SHARE:
                note = f"{OCCLUDED} {100 * share:.1f} %"
        layers = layers.squeezed(track.aspect, plate.width)
        write_exr(
            mask_path(shot, frame),
            layers.channels(),
            display=(plate.width, plate.height),
            origin=layers.origin,
            half=True,
            metadata={"relip/stage": NAME, "relip/key": todo[frame]},
            pixel_aspect=pixel_aspect,
        )
        record.set(frame, todo[frame], "done", note)
        report.done.append(frame)
        progress.step()


def occluded(shot: Shot) -> dict[int, str]:
    """Frames in which something stands before the face, and the keys of their layers."""
    record = FrameRecord(shot.path("mask"))
    found = {}
    for frame in shot.frames:
        status = record.get(frame)
        if status and str(status.get("note", "")).startswith(OCCLUDED):
            found[frame] = str(status["key"])
    return found


def read_occlusion(shot: Shot, frame: int) -> tuple[np.ndarray, tuple[int, int]] | None:
    """The occlusion layer of a frame over its data window, and where that is in the plate."""
    path = mask_path(shot, frame)
    if not path.exists():
        return None
    channels, origin, _, _ = read_exr(path)
    if "occlusion" not in channels:
        return None
    return channels["occlusion"], (int(origin[0]), int(origin[1]))


def read_matte(
    shot: Shot, frame: int, width: int, height: int
) -> tuple[np.ndarray, tuple[int, int]] | None:
    """The matte of one frame, the artist's where there is one.

    With ``mask.override = "multiply"`` the artist's matte is multiplied with
    the stage's own, and the frame must be made.

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
    if override and shot.settings.mask.override == "multiply":
        own = _read_matte(shot, frame, mask_path(shot, frame), width, height)
        drawn = _read_matte(shot, frame, override, width, height)
        return multiplied(own, drawn)
    return _read_matte(shot, frame, override or mask_path(shot, frame), width, height)


def multiplied(
    one: tuple[np.ndarray, tuple[int, int]] | None,
    other: tuple[np.ndarray, tuple[int, int]] | None,
) -> tuple[np.ndarray, tuple[int, int]] | None:
    """Two mattes over their windows, multiplied where they overlap; None where they do not."""
    if one is None or other is None:
        return None
    (a, (ax, ay)), (b, (bx, by)) = one, other
    x0, y0 = max(ax, bx), max(ay, by)
    x1 = min(ax + a.shape[1], bx + b.shape[1])
    y1 = min(ay + a.shape[0], by + b.shape[0])
    if x1 <= x0 or y1 <= y0:
        return None
    product = a[y0 - ay : y1 - ay, x0 - ax : x1 - ax] * b[y0 - by : y1 - by, x0 - bx : x1 - bx]
    return product, (x0, y0)


def _read_matte(
    shot: Shot, frame: int, path: Path, width: int, height: int
) -> tuple[np.ndarray, tuple[int, int]] | None:
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
        drawn = path.parent.name == "overrides"
        mend = "mend or remove the override" if drawn else "delete it and run relip mask again"
        raise ShotError(exc.message, mend=mend) from exc
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
    status = FrameRecord(shot.path("mask")).get(frame)
    own = str(status["key"]) if status else "absent"
    if not override:
        return own
    drawn = records.file_fingerprint(override)
    if shot.settings.mask.override == "multiply":
        return records.fingerprint("multiply", own, drawn)
    return drawn
