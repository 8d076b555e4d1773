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

from pathlib import Path
from typing import Any

import numpy as np

from relip import records
from relip.errors import ShotError
from relip.track import geometry, points

#: Landmarks around the mouth that go with it, and how far.
_AROUND_MOUTH = 0.45


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
        number = int(name)
        if not 0 <= number < points.COUNT:
            raise ValueError(f"there is no point {name}")
        result[number] = 1
    return result


def read_offsets(path: Path, frames: range) -> np.ndarray:
    """The offsets of a file ``[shape=(F, 478, 2)]``, in plate pixels.

    Raises
    ------
    ShotError
        If it is not such a file.
    """
    data: Any = records.read_json(path)
    result = np.zeros((len(frames), points.COUNT, 2))
    keys: dict[str, list[tuple[int, list[float]]]] = {}
    try:
        moves_of = data["offsets"] if "offsets" in data or "alignment" not in data else {}
        for frame, moves in moves_of.items():
            for name, move in moves.items():
                keys.setdefault(name, []).append((int(frame), _place(move)))
        at = np.arange(frames.start, frames.stop)
        for name, keyed in keys.items():
            keyed.sort()
            when = [k[0] for k in keyed]
            curve = np.stack([np.interp(at, when, [k[1][i] for k in keyed]) for i in (0, 1)], -1)
            share = weights(name)
            moved = share > 0
            result[:, moved] += curve[:, None] * share[moved, None]
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as exc:
        raise ShotError(
            f"{path}: not a track override ({exc.__class__.__name__}: {exc})",
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
    data: Any = records.read_json(path)
    if not isinstance(data, dict) or data.get("alignment") is None:
        return None
    try:
        result = {}
        for name, places in data["alignment"]["tracks"].items():
            curve = np.full((len(frames), 2), np.nan)
            for frame, place in places.items():
                if int(frame) in frames:
                    curve[frames.index(int(frame))] = _place(place)
            if np.isfinite(curve).any():
                result[str(name)] = curve
        if not result:
            raise ValueError(f"no track has a place in frames {frames.start}-{frames[-1]}")
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as exc:
        raise ShotError(
            f"{path}: its alignment is not understood ({exc.__class__.__name__}: {exc})",
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


def _place(value: Any) -> list[float]:
    place = [float(value[0]), float(value[1])]
    if not np.isfinite(place).all():
        raise ValueError(f"{value} is not a place")
    return place
