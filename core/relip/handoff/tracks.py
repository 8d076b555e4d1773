"""Other programs' 2-D tracks: Tracker4 and CornerPin2D text, After Effects data, columns, JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from relip import containment, records
from relip.errors import InputError, NkError, StageMissingError, UsageError, reason
from relip.handoff import nk
from relip.handoff.coordinates import Format, from_nuke
from relip.handoff.curves import evaluate
from relip.handoff.plain import FORMAT
from relip.handoff.scene import NAMED_POINTS
from relip.shot import Shot
from relip.track import geometry, overrides, points
from relip.track.facetrack import FaceTrack

#: Larger files are refused before they are read.
MAX_BYTES = 256 << 20

#: Frame numbers beyond this are taken for damage.
_LAST_FRAME = 1e9

#: A place further than this many picture sizes away is taken for damage.
_FAR = 100.0


@dataclass(frozen=True)
class PointTrack:
    """A point through some frames.

    Attributes
    ----------
    name : str
    frames : np.ndarray [shape=(n,), dtype=int64]
        Rising; frames in which the point is not seen are left out.
    places : np.ndarray [shape=(n, 2)]
        Plate pixels, x right, y down, pixel centres at +0.5.
    """

    name: str
    frames: np.ndarray
    places: np.ndarray

    def on(self, frames: np.ndarray) -> np.ndarray:
        """Its places in the given frames ``[shape=(F, 2)]``; NaN where it is not seen."""
        result = np.full((len(frames), 2), np.nan)
        rows = {int(f): i for i, f in enumerate(self.frames)}
        for i, frame in enumerate(frames):
            if int(frame) in rows:
                result[i] = self.places[rows[int(frame)]]
        return result


def read_tracks(
    path: str | Path, form: Format, *, node: str | None = None, first_frame: int = 1
) -> list[PointTrack]:
    """The point tracks of a file.

    Parameters
    ----------
    path : path
        ``.nk`` (Tracker4, CornerPin2D), ``.json`` (:mod:`relip.handoff.plain`),
        or text: After Effects keyframe data as Mocha and others export it, or
        columns ``frame x y`` as Nuke's and Shake's ASCII.
    form : Format
        The plate's.
    node : str, optional
        Of a .nk with several trackers or pins, the one to read.
    first_frame : int
        The plate's frame that After Effects' frame 0 stands for.

    Returns
    -------
    list of PointTrack
        In the order of the file. Columns of Nuke's ASCII count from the
        bottom, After Effects' from the top; both come out as plate pixels.

    Raises
    ------
    InputError
        If the file is missing, of another kind, damaged, or holds no track.
    """
    path = Path(path)
    if path.suffix.lower() in (".nk", ".gizmo"):
        tracks = _of_script(path, form, node)
    else:
        text = _text(path)
        if text.lstrip()[:1] == "{":
            tracks = _of_json(path, text)
        elif re.match(r"\s*Adobe After Effects [\d.]+ Keyframe Data", text):
            tracks = _of_after_effects(path, text, form, first_frame)
        else:
            tracks = _of_columns(path, text, form)
    tracks = [t for t in tracks if len(t.frames)]
    if not tracks:
        raise InputError(f"{path}: holds no track", mend="export it again with its keys")
    for track in tracks:
        reach = np.abs(track.places / [form.width, form.height])
        if not np.isfinite(track.places).all() or reach.max() > _FAR:
            raise InputError(
                f"{path}, {track.name}: a place far outside the {form.width}x{form.height} plate",
                mend="check that it was tracked on this plate",
            )
    return tracks


def similarities(tracks: list[PointTrack], frames: np.ndarray, reference: int) -> np.ndarray:
    """The motion that point tracks agree on.

    Parameters
    ----------
    tracks : list of PointTrack
        Two or more; a CornerPin's four corners are.
    frames : np.ndarray [shape=(F,), dtype=int]
    reference : int
        The frame that the motion is counted from.

    Returns
    -------
    np.ndarray [shape=(F, 2, 3)]
        Similarities on plate pixels from the reference frame to each frame,
        by least squares over the points seen in both; NaN where fewer than
        two are.

    Raises
    ------
    InputError
        If fewer than two points are seen in the reference frame.
    """
    still = np.stack([t.on(np.array([reference]))[0] for t in tracks])
    if np.isfinite(still[:, 0]).sum() < 2:
        raise InputError(
            f"fewer than two tracked points in frame {reference}",
            mend="choose another reference frame or track a second point",
        )
    moving = np.stack([t.on(frames) for t in tracks], axis=1)
    result = np.full((len(frames), 2, 3), np.nan)
    for i, places in enumerate(moving):
        use = np.isfinite(places[:, 0]) & np.isfinite(still[:, 0])
        if use.sum() >= 2:
            result[i] = geometry.fit_similarity(still[use], places[use])
    return result


def landmark_of(name: str) -> tuple[int, ...]:
    """The landmarks that a track's name stands for: ``lip_middle``, ``p013``, ``13``.

    Raises
    ------
    InputError
        If it is no such name.
    """
    if name in NAMED_POINTS:
        return NAMED_POINTS[name]
    found = re.fullmatch(r"p?(\d{1,3})", name)
    if found and int(found[1]) < points.COUNT:
        return (int(found[1]),)
    raise InputError(
        f"track {name!r} names no point of the face",
        mend=f"call it {', '.join(NAMED_POINTS)}, or p000 to p{points.COUNT - 1}",
    )


def offsets(
    tracks: list[PointTrack], track: FaceTrack, before: np.ndarray | None = None
) -> dict[str, Any]:
    """How far the face track must be moved to agree with tracked points.

    Parameters
    ----------
    tracks : list of PointTrack
        Named as :func:`landmark_of` understands.
    track : FaceTrack
    before : np.ndarray [shape=(F, 478, 2)], optional
        Offsets that the face track already has in it.

    Returns
    -------
    dict
        ``{"offsets": {"1001": {"61": [dx, dy]}}}`` in plate pixels, y down:
        what ``overrides/track.json`` holds and the track stage applies.

    Raises
    ------
    InputError
        If a track names no point of the face.
    """
    measured = track.landmarks[..., :2] - (0 if before is None else before)
    result: dict[str, dict[str, list[float]]] = {}
    for each in tracks:
        marks = landmark_of(each.name)
        places = each.on(track.frames)
        own = measured[:, list(marks)].mean(axis=1)
        for row, shift in enumerate(places - own):
            if np.isfinite(shift).all():
                moves = result.setdefault(str(int(track.frames[row])), {})
                for mark in marks:
                    moves[str(mark)] = [round(float(v), 4) for v in shift]
    return {"offsets": {frame: result[frame] for frame in sorted(result, key=int)}}


def import_tracks(
    shot: Shot, path: str | Path, *, node: str | None = None, names: Mapping[str, str] | None = None
) -> Path:
    """Write a file's point tracks to the shot's ``overrides/track.json``.

    Points of an override that is there already and are not in the file stay.

    Parameters
    ----------
    shot : Shot
    path : path
    node : str, optional
        See :func:`read_tracks`.
    names : mapping of str to str, optional
        What the file's tracks are called here: ``{"Tracker1": "mouth_l"}``.

    Returns
    -------
    Path

    Raises
    ------
    StageMissingError
        If the shot's track is not made, or stale.
    InputError
        As :func:`read_tracks`, and if no track falls in the shot.
    """
    from relip.track import stage as track_stage

    track = track_stage.load(shot)
    if records.read_record(shot.path("track")).get("key") != track_stage.key(shot):
        raise StageMissingError(
            f"{shot.path('track')}: the face track is stale", mend="run relip track on the shot"
        )
    with shot.open_plate() as plate:
        form = Format.of_plate(plate.width, plate.height, plate.info)
    found = read_tracks(path, form, node=node, first_frame=shot.frames.start)
    renamed = [PointTrack((names or {}).get(t.name, t.name), t.frames, t.places) for t in found]
    before = track_stage._offsets(shot, track.landmarks.shape)
    made = offsets(renamed, track, before)
    if not made["offsets"]:
        raise InputError(
            f"{path}: no tracked frame falls in the shot ({shot.frames.start}-{shot.frames[-1]})",
            mend="number its frames like the plate's",
        )
    target = shot.path("overrides", "track.json")
    new = {mark for moves in made["offsets"].values() for mark in moves}
    old = overrides.read(target) or {}
    for frame, moves in (old.get("offsets") or {}).items():
        kept = {mark: move for mark, move in moves.items() if mark not in new}
        for name in kept:
            if overrides.weights(name)[[int(mark) for mark in new]].any():
                raise UsageError(
                    f'{target}: moves more points together ("{name}")',
                    mend="remove that offset before importing tracks of single points",
                )
        if kept:
            made["offsets"].setdefault(frame, {}).update(kept)
    records.write_json(containment.inside(target, shot.folder), {**old, **made})
    return target


def import_alignment(
    shot: Shot, path: str | Path, *, node: str | None = None, frames: int | None = None
) -> Path:
    """Let a file's point tracks replace the alignment: the shot's ``overrides/track.json``.

    Its offsets stay; tracks imported before are replaced.

    Parameters
    ----------
    shot : Shot
    path : path
    node : str, optional
        See :func:`read_tracks`.
    frames : int, optional
        The plate's frame that After Effects' frame 0 stands for; by default
        the shot's first.

    Returns
    -------
    Path

    Raises
    ------
    InputError
        As :func:`read_tracks`, and if no track falls in the shot.
    """
    with shot.open_plate() as plate:
        form = Format.of_plate(plate.width, plate.height, plate.info)
    first = shot.frames.start if frames is None else frames
    found = read_tracks(path, form, node=node, first_frame=first)
    made: dict[str, dict[str, list[float]]] = {}
    for number, each in enumerate(found, start=1):
        name = each.name if each.name not in made else f"{each.name} {number}"
        places = {
            str(int(f)): [round(float(x), 4), round(float(y), 4)]
            for f, (x, y) in zip(each.frames, each.places, strict=True)
            if int(f) in shot.frames
        }
        if places:
            made[name] = places
    if not made:
        raise InputError(
            f"{path}: no tracked frame falls in the shot ({shot.frames.start}-{shot.frames[-1]})",
            mend="number its frames like the plate's",
        )
    target = shot.path("overrides", "track.json")
    old = overrides.read(target) or {}
    if not isinstance(old, dict):
        raise InputError(f"{target}: not a track override", mend="mend or remove it")
    made_of = {**old, "alignment": {"from": Path(path).name, "tracks": made}}
    records.write_json(containment.inside(target, shot.folder), made_of)
    return target


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(
                f"{path}: larger than {MAX_BYTES >> 20} MiB", mend="export fewer tracks"
            )
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{path}: not a text file", mend="export the track as text") from None
    except OSError as exc:
        raise InputError(f"{path}: {exc.strerror or exc}", mend="check the path") from None


def _of_script(path: Path, form: Format, name: str | None) -> list[PointTrack]:
    script = nk.read(path)
    kinds = ("Tracker4", "CornerPin2D")
    found = [n for n in script.walk() if n.cls in kinds and (name is None or n.name == name)]
    if len(found) != 1:
        names = ", ".join(n.name for n in script.walk() if n.cls in kinds) or "none"
        what = "no tracker or corner pin" if not found else "several trackers or corner pins"
        raise InputError(f"{path}: {what} (it has {names})", mend="name one that is there")
    where = f"{path}, {found[0].name}"
    try:
        if found[0].cls == "Tracker4":
            return _of_tracker(found[0], where, form)
        return _of_pin(found[0], where, form)
    except (nk.TclError, NkError, ValueError, IndexError, OverflowError) as exc:
        raise InputError(
            f"{where}: damaged: {getattr(exc, 'message', exc)}", mend="save the comp again in Nuke"
        ) from None


#: Columns of a Tracker4's table that are read.
_COLUMNS = ("enable", "name", "track_x", "track_y", "offset_x", "offset_y")


def _of_tracker(node: nk.Node, where: str, form: Format) -> list[PointTrack]:
    table = nk.split_list(node.knobs["tracks"]) if "tracks" in node.knobs else []
    if len(table) < 3:
        return []
    columns = [nk.split_list(column)[3] for column in nk.split_list(table[1])]
    place = {name: i for i, name in enumerate(columns)}
    result = []
    for row in nk.split_list(table[2]):
        cells = nk.split_list(row)
        if len(cells) != len(columns):
            raise ValueError(f"{len(cells)} cells in a table of {len(columns)} columns")
        lacking = [c for c in _COLUMNS if c not in place]
        if lacking:
            raise ValueError(f"its table has no column {lacking[0]}")
        name = cells[place["name"]]
        keys = {c: _keys(cells[place[c]]) for c in ("track_x", "track_y")}
        marks = sorted({round(k.frame) for curve in keys.values() for k in curve})
        spot = f"{where}.{name}"
        xy = np.stack([evaluate(keys[c], marks, spot) for c in keys], -1).reshape(-1, 2)
        for axis, column in enumerate(("offset_x", "offset_y")):
            shift = _keys(cells[place[column]])
            if shift:
                xy[:, axis] += evaluate(shift, marks, spot)
        on = _keys(cells[place["enable"]])
        shown = evaluate(on, marks, spot) > 0.5 if on else np.ones(len(marks), bool)
        frames = np.array(marks, np.int64)[shown]
        result.append(PointTrack(name, frames, from_nuke(xy[shown], form)))
    return result


def _of_pin(node: nk.Node, where: str, form: Format) -> list[PointTrack]:
    """The animated side of a pin; all four corners over the frames of any key."""
    sides = {}
    for side in ("to", "from"):
        corners = []
        for i in range(1, 5):
            parts = nk.split_list(node.knobs.get(f"{side}{i}", "0 0"))
            if len(parts) != 2:
                raise ValueError(f"{side}{i} has {len(parts)} components")
            corners.append([_keys(part) for part in parts])
        frames = {round(k.frame) for c in corners for axis in c if len(axis) > 1 for k in axis}
        sides[side] = (corners, sorted(frames))
    side = "to" if sides["to"][1] else "from"
    corners, marks = sides[side]
    if not marks:
        return []
    result = []
    for i, corner in enumerate(corners, start=1):
        xy = np.stack([evaluate(axis, marks, f"{where}.{side}{i}") for axis in corner], -1)
        result.append(PointTrack(f"{side}{i}", np.array(marks, np.int64), from_nuke(xy, form)))
    return result


def _keys(text: str) -> list[nk.Key]:
    """A cell's keys; of a constant one key at frame 0, of an empty cell none."""
    stripped = text.strip()
    if not stripped:
        return []
    try:
        return [nk.Key(0.0, float(stripped))]
    except ValueError:
        keys = nk.parse_curve(stripped)
    if any(not abs(key.frame) <= _LAST_FRAME for key in keys):
        raise ValueError("a key's frame is out of range")
    return keys


def _of_json(path: Path, text: str) -> list[PointTrack]:
    def refused(why: str) -> InputError:
        mend = "write one with relip export --to json"
        return InputError(f"{path}: not a track by Relip: {why}", mend=mend)

    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise refused(reason(exc)) from None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise refused(f'"format" is not {FORMAT!r}')
    try:
        frames = np.array([int(f) for f in data["frames"]], np.int64)
    except (ValueError, KeyError, TypeError, OverflowError):
        raise refused('"frames" is no list of frame numbers') from None
    points = data.get("points")
    if not isinstance(points, dict):
        raise refused('"points" does not say the places of each point')
    result = []
    for name, rows in points.items():
        if not isinstance(rows, list) or len(rows) != len(frames):
            raise refused(f"{name} has not one place for each of its {len(frames)} frames")
        seen = [i for i, row in enumerate(rows) if row is not None]
        try:
            places = np.array([rows[i] for i in seen], float).reshape(-1, 2)
        except (ValueError, TypeError, OverflowError):
            raise refused(f"{name} has places that are not [x, y] or null") from None
        result.append(PointTrack(str(name), frames[seen], places))
    return result


def _of_after_effects(path: Path, text: str, form: Format, first_frame: int) -> list[PointTrack]:
    """Sections of ``frame x y`` under a title; positions, corner pins, track points."""
    result: list[PointTrack] = []
    name = ""
    rows: list[list[float]] = []
    size = {"Width": float(form.width), "Height": float(form.height)}

    def close() -> None:
        if name and rows:
            table = np.array(rows, float)
            if not np.isfinite(table).all() or np.abs(table[:, 0]).max() > _LAST_FRAME:
                raise InputError(f"{path}, {name}: a number out of range", mend="export it again")
            frames = np.round(table[:, 0]).astype(np.int64) + first_frame
            scale = np.array([form.width / size["Width"], form.height / size["Height"]])
            if (np.diff(frames) <= 0).any():
                raise InputError(f"{path}, {name}: its frames are not in order",
                                 mend="export it again")  # fmt: skip
            result.append(PointTrack(name, frames, table[:, 1:3] * scale))

    for number, line in enumerate(text.splitlines(), start=1):
        words = [w.strip() for w in line.split("\t") if w.strip()]
        if not words:
            continue
        if found := re.match(r"Source (Width|Height)", words[0]):
            try:
                value = float(words[-1])
            except ValueError:
                value = 0.0
            if not 1 <= value <= 1e6:
                raise InputError(f"{path}, line {number}: {words[-1]!r} is no size",
                                 mend="export it again")  # fmt: skip
            size[found[1]] = value
        elif not line[:1].isspace():
            close()
            # positions only: scale, rotation and anchor points are no places of a point
            wanted = words[0] not in ("Scale", "Rotation", "Anchor Point", "Transform")
            title = words[-1] if words[0] in ("Effects", "Motion Trackers", "Position") else ""
            name = title if wanted and title not in ("Scale", "Rotation", "Anchor Point") else ""
            if words[0] == "Motion Trackers" and len(words) > 2:
                kept = words[-1] in ("Feature Center", "Attach Point")
                name = words[-2] if kept and words[-1] == "Feature Center" else ""
            rows = []
        elif name and not words[0].startswith("Frame"):
            try:
                rows.append([float(w) for w in words[:3]])
                if len(rows[-1]) < 3:
                    raise ValueError
            except ValueError:
                raise InputError(
                    f"{path}, line {number}: {line.strip()[:40]!r} is not frame, x and y",
                    mend="export it again",
                ) from None
    close()
    return result


def _of_columns(path: Path, text: str, form: Format) -> list[PointTrack]:
    rows = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = re.split(r"[\s,;]+", line.strip())
        if words == [""] or words[0].startswith("#"):
            continue
        try:
            row = [float(w) for w in words]
            if len(row) != 3 or not np.isfinite(row).all() or row[0] != round(row[0]):
                raise ValueError
            if abs(row[0]) > _LAST_FRAME:
                raise ValueError
        except ValueError:
            raise InputError(
                f"{path}, line {number}: {line.strip()[:40]!r} is not frame, x and y",
                mend="give Nuke's ASCII, After Effects keyframe data, a .nk or a .json",
            ) from None
        rows.append(row)
    if not rows:
        return []
    table = np.array(rows)
    if (np.diff(table[:, 0]) <= 0).any():
        raise InputError(f"{path}: its frames are not in order", mend="sort it by frame")
    return [PointTrack(path.stem, table[:, 0].astype(np.int64), from_nuke(table[:, 1:], form))]
