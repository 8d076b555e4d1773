"""Which frames a contact sheet shows, and why each of them.

A dub fails where the mouth is wide open (teeth, the shape of the chin), where the lips must
touch, and where a frame was left as it was. Frames evenly spaced meet these by chance only.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

#: Frames of each kind at most; what is left of the sheet is evenly spaced.
WIDEST, CLOSURES, PASSED = 3, 3, 2

#: Two wide frames lie at least this share of the shot apart: otherwise they show one vowel.
_APART = 1 / 12


def choose(
    frames: range,
    edited: np.ndarray,
    opening: np.ndarray,
    closures: Sequence[tuple[str, Sequence[int]]],
    count: int,
) -> dict[int, str]:
    """Frames for a sheet and the reason of each, in the order of the shot.

    Parameters
    ----------
    frames : range
    edited : np.ndarray [shape=(F,), dtype=bool]
        The others pass through.
    opening : np.ndarray [shape=(F,)]
        How wide the mouth is wanted; NaN where that is not known.
    closures : sequence of (str, sequence of int)
        Sounds with closed lips and their frames, from :func:`relip.speech.closures`.
    count : int
        Frames at most.

    Returns
    -------
    dict of int to str
    """
    found: dict[int, str] = {}

    def add(frame: int, why: str) -> None:
        if len(found) < count:
            found.setdefault(frame, why)

    for run in _longest(frames, ~edited)[:PASSED]:
        add(run[len(run) // 2], "passed through")
    for row in _peaks(np.where(edited, opening, np.nan)):
        add(frames[row], "wide open")
    shut = [(name, held[len(held) // 2]) for name, held in closures]
    shut = [(name, f) for name, f in shut if f in frames and edited[f - frames.start]]
    for i in _spread(len(shut), CLOSURES):
        add(shut[i][1], f"{shut[i][0].lower()}, lips must close")
    rest = [f for f, own in zip(frames, edited, strict=True) if own and f not in found]
    for i in _spread(len(rest), count - len(found)):
        add(rest[i], "evenly spaced")
    return dict(sorted(found.items()))


def _spread(length: int, count: int) -> list[int]:
    """At most ``count`` places, evenly spaced over a list of ``length``."""
    places = np.linspace(0, length - 1, max(0, min(count, length))).round()
    return [int(i) for i in places]


def _peaks(opening: np.ndarray) -> list[int]:
    """Rows of the widest openings, the widest first, apart from one another."""
    left = np.array(opening, float)
    reach = max(1, round(_APART * len(left)))
    found: list[int] = []
    while len(found) < WIDEST and np.nanmax(left, initial=0.0) > 0:
        row = int(np.nanargmax(left))
        found.append(row)
        left[max(0, row - reach) : row + reach + 1] = np.nan
    return found


def _longest(frames: range, wanted: np.ndarray) -> list[range]:
    """Runs of frames where ``wanted`` holds, the longest first, then the earlier."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], wanted.astype(int), [0]])))
    runs = [frames[a:b] for a, b in zip(edges[::2], edges[1::2], strict=True)]
    return sorted(runs, key=len, reverse=True)
