"""Which frames are edited, why others are not, and how the edit comes and goes.

A frame without the face, or one whose face cannot be edited, shows the plate.
Towards it the edit fades over ``track.ramp`` frames, so that it never pops.
A cut is no reason to fade: the picture jumps there anyway.
"""

from __future__ import annotations

import numpy as np

from relip.frames import format_range
from relip.track.confidence import PITCH, YAW, Belief

#: A frame whose lips and jaw are both believed less than this is not edited: what stands before
#: the mouth alone is kept in front by the occlusion layer.
MOUTH_LIMIT = (0.08, 0.2)

#: … nor one whose alignment is.
ALIGNMENT_LIMIT = 0.08

_CAUSES = ("hidden", "not followed by the landmarks", "too blurred", "turned too far")


def runs_of(count: int, cuts: list[int]) -> np.ndarray:
    """The number of the run between cuts that each row is in ``[shape=(F,), dtype=int64]``."""
    starts = np.zeros(count, np.int64)
    for row in cuts:
        if 0 < row < count:
            starts[row] = 1
    return np.cumsum(starts)


def reasons(
    visible: np.ndarray, runs: np.ndarray, belief: Belief, border: np.ndarray
) -> dict[int, str]:
    """Why rows are not edited; rows that are edited are left out.

    Parameters
    ----------
    visible : np.ndarray [shape=(F,), dtype=bool]
    runs : np.ndarray [shape=(F,)]
    belief : Belief
    border : np.ndarray [shape=(F,), dtype=bool]
        Rows in which the face reaches over the picture's border.
    """
    found: dict[int, str] = {}
    for row in range(len(visible)):
        if not visible[row]:
            same = np.flatnonzero(visible & (runs == runs[row]))
            if not len(same):
                found[row] = "no face" if runs.max() == 0 else "no face: cut away"
                continue
            nearest = same[np.abs(same - row).argmin()]
            left = "out of the picture" if border[nearest] else "hidden or turned away"
            found[row] = f"no face: {left}"
            continue
        yaw, pitch, _ = belief.angles[row]
        if abs(yaw) >= YAW[1]:
            found[row] = "face in profile"
        elif abs(pitch) >= PITCH[1]:
            found[row] = "face turned up or down"
        elif belief.regions[row, 1] < MOUTH_LIMIT[0] and belief.regions[row, 2] < MOUTH_LIMIT[1]:
            found[row] = f"mouth {_CAUSES[belief.causes[row, 1]]}"
        elif belief.regions[row, 0] < ALIGNMENT_LIMIT:
            found[row] = f"face {_CAUSES[belief.causes[row, 0]]}"
    return found


def mix(count: int, runs: np.ndarray, out: dict[int, str], ramp: int) -> np.ndarray:
    """How much of the edit each row shows ``[shape=(F,)]``, 0 to 1.

    Parameters
    ----------
    count : int
    runs : np.ndarray [shape=(F,)]
        The edit fades within a run, never across a cut.
    out : dict of int to str
        Rows that are not edited.
    ramp : int
        Frames of the fade; 0 switches.
    """
    result = np.ones(count)
    gone = np.zeros(count, bool)
    gone[list(out)] = True
    result[gone] = 0
    for row in np.flatnonzero(gone):
        for step in range(1, ramp + 1):
            for other in (row - step, row + step):
                if 0 <= other < count and not gone[other] and runs[other] == runs[row]:
                    t = step / (ramp + 1)
                    result[other] = min(result[other], t * t * (3 - 2 * t))
    return result


def describe(out: dict[int, str], frames: range) -> list[str]:
    """A line for each reason, with its frames."""
    lines = []
    for reason in dict.fromkeys(out.values()):
        rows = [frames[row] for row, why in sorted(out.items()) if why == reason]
        what, _, more = reason.partition(": ")
        where = format_range(rows) + (f" ({more})" if more else "")
        lines.append(f"{what} in frames {where}: the plate passes through")
    return lines
