"""The artist's word on the track: ``overrides/track.json``.

::

    {"offsets": {"1001": {"mouth": [0, 0]}, "1010": {"mouth": [4, -2], "lip_upper": [0, 1]}},
     "alignment": {"tracks": {"nose": {"1001": [640.5, 360.2], "1002": [641.0, 360.4]}}}}

Offsets move points, in plate pixels, y down, linearly between key frames and
held outside them. A point is a landmark's number, a name of
:data:`relip.track.points.NAMED`, ``mouth`` (both lip lines, and by less what
is around them) or ``all``; moves add up.

Tracks from another tracker replace the alignment: with two and more the head
stands still where they say, in place, angle and size; with one in place only.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from relip import records
from relip.errors import ShotError, shortened
from relip.track import geometry, points

#: Landmarks around the mouth that go with it, and how far.
_AROUND_MOUTH = 0.45

#: No frame's number has more digits, and no place lies as far from the plate (pixels).
_LONGEST_NUMBER, _FARTHEST = 12, 1e9


def names() -> tuple[str, ...]:
    """All names that an offset understands, besides numbers."""
    return (*points.NAMED, "mouth", "all")


def weights(name: str) -> np.ndarray:
    """How much of an offset called ``name`` each landmark takes ``[shape=(478,)]``.

    Raises
    ------
    ValueError
        If there is no such point.
    """
    result = np.zeros(points.COUNT)
    if name == "all":
        result[:] = 1
    elif name == "mouth":
        result[list(points.AROUND_MOUTH)] = _AROUND_MOUTH
        result[list(points.LIPS + points.WITHIN_LIPS)] = 1
    elif name in points.NAMED:
        result[list(points.NAMED[name])] = 1
    else:
        number = int(name) if name.isdecimal() and len(name) < 10 else points.COUNT
        if number >= points.COUNT:
            raise ValueError(f"there is no point {json.dumps(shortened(name))}")
        result[number] = 1
    return result


def read(path: Path) -> Any:
    """What the file holds; None when there is none.

    Raises
    ------
    ShotError
        If it is not JSON.
    """
    return records.read_json(path, mend="mend it, or remove the override")


def read_offsets(path: Path, frames: range) -> np.ndarray:
    """The offsets of a file ``[shape=(F, 478, 2)]``, in plate pixels.

    Raises
    ------
    ShotError
        If it is not such a file.
    """
    result = np.zeros((len(frames), points.COUNT, 2))
    keys: dict[str, list[tuple[int, list[float]]]] = {}
    try:
        data = read(path)
        if not isinstance(data, dict):
            raise ValueError(f"it is {_given(data)}, not an object")
        nothing: dict[str, Any] | None = {} if "alignment" in data else None
        for frame, moves in _object(data.get("offsets", nothing), "offsets").items():
            number = _frame(frame, "offsets")
            for name, move in _object(moves, "offsets", frame).items():
                keys.setdefault(name, []).append((number, _place(move, "offsets", frame, name)))
        at = np.arange(frames.start, frames.stop)
        for name, keyed in keys.items():
            keyed.sort()
            when = [k[0] for k in keyed]
            curve = np.stack([np.interp(at, when, [k[1][i] for k in keyed]) for i in (0, 1)], -1)
            share = weights(name)
            moved = share > 0
            result[:, moved] += curve[:, None] * share[moved, None]
    except ValueError as exc:
        raise ShotError(
            f"{path}: not a track override: {exc}",
            mend='write {"offsets": {"1001": {"13": [dx, dy]}}}; a point is a number, '
            + ", ".join(names()),
        ) from None
    return result


def read_tracks(path: Path, frames: range) -> dict[str, np.ndarray] | None:
    """The tracks that replace the alignment, places in plate pixels by name.

    Returns
    -------
    dict of str to np.ndarray [shape=(F, 2)] or None
        NaN where a point is not seen; None when the file has none.

    Raises
    ------
    ShotError
        If the file's ``alignment`` is not understood.
    """
    data = read(path)
    if not isinstance(data, dict) or data.get("alignment") is None:
        return None
    try:
        result = {}
        tracks = _object(data["alignment"], "alignment").get("tracks")
        for name, places in _object(tracks, "alignment", "tracks").items():
            curve = np.full((len(frames), 2), np.nan)
            where = "alignment", "tracks", name
            for frame, place in _object(places, *where).items():
                number, at = _frame(frame, *where), _place(place, *where, frame)
                if number in frames:
                    curve[frames.index(number)] = at
            if np.isfinite(curve).any():
                result[str(name)] = curve
        if not result:
            raise ValueError(f"no track has a place in frames {frames.start}-{frames[-1]}")
    except ValueError as exc:
        raise ShotError(
            f"{path}: its alignment is not understood: {exc}",
            mend='write {"alignment": {"tracks": {"nose": {"1001": [x, y]}}}}, or use '
            "relip track SHOT --from FILE",
        ) from None
    return result


def realign(transform: np.ndarray, tracks: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The alignment that holds tracked points still.

    Parameters
    ----------
    transform : np.ndarray [shape=(F, 2, 3)]
        The shot's own, square pixels to crop units; NaN where no face is.
    tracks : dict of str to np.ndarray [shape=(F, 2)]
        Square pixels; NaN where a point is not seen.

    Returns
    -------
    np.ndarray [shape=(F, 2, 3)]
        Where two points are seen, the similarity that puts each on the place
        in the crop where the shot's own alignment has it in the median; where
        one is, the own alignment shifted so that it is there. Where none is,
        the own.
    np.ndarray [shape=(F,), dtype=bool]
        Frames in which the tracks decide.
    """
    curves = np.stack(list(tracks.values()))
    own = np.isfinite(transform[:, 0, 0])
    in_crop = geometry.apply(transform, curves.transpose(1, 0, 2))
    homes = np.full((len(curves), 2), np.nan)
    for i in range(len(curves)):
        known = own & np.isfinite(in_crop[:, i, 0])
        if known.any():
            homes[i] = np.median(in_crop[known, i], axis=0)
    result, used = transform.copy(), np.zeros(len(transform), bool)
    for row in np.flatnonzero(own):
        here = np.isfinite(curves[:, row, 0]) & np.isfinite(homes[:, 0])
        places = curves[here, row]
        if not here.any():
            continue
        used[row] = True
        if here.sum() >= 2 and np.ptp(places, axis=0).max() > 1e-6:
            result[row] = geometry.fit_similarity(places, homes[here])
        else:
            there = geometry.apply(transform[row], places)
            result[row, :, 2] += (homes[here] - there).mean(0)
    return result, used


def _object(value: Any, *where: str) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    raise ValueError(f"{_named(where)} is {_given(value)}, not an object")


def _frame(key: str, *where: str) -> int:
    try:
        return int(key[:_LONGEST_NUMBER])
    except ValueError:
        raise ValueError(f"{_named((*where, key))} is not under a frame number") from None


def _place(value: Any, *where: str) -> list[float]:
    if isinstance(value, list) and len(value) == 2:
        numbers = [v for v in value if type(v) in (int, float) and abs(v) < _FARTHEST]
        if len(numbers) == 2:
            return [float(v) for v in numbers]
    raise ValueError(f"{_named(where)} is {_given(value)}, not two numbers of pixels")


def _named(where: tuple[str, ...]) -> str:
    """The way to a value in the file: ``"offsets", "1001", "mouth"``."""
    return ", ".join(json.dumps(shortened(key, 40)) for key in where)


def _given(value: Any) -> str:
    """What stands in the place of what is expected."""
    if value is None:
        return "missing or null"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        simple = len(value) <= 4 and not any(isinstance(v, (list, dict)) for v in value)
        return shortened(json.dumps(value)) if simple else f"a list of {len(value)}"
    return shortened(json.dumps(value))
