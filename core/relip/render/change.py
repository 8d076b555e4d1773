"""What the new mouth changes, and where it changes nothing.

A network that has seen a shot for minutes draws the jaw of a head that is turned
away, the hair beside it and the collar below it less well than the plate shows
them. But it is asked twice: for the new lines and for the plate's own. Where its
two pictures are alike and the skin does not move, the new mouth changes nothing,
and the plate stays, with as little as the one picture differs from the other: the
shadow of a lip, the tension of a cheek. Where they differ the new picture is drawn.
A frame whose lines are the plate's own is the plate.
"""

from __future__ import annotations

import cv2
import numpy as np

from relip.mask.coverage import disc, smooth_step
from relip.render.colourmatch import largest
from relip.render.rig import N_INNER, N_OUTER

#: Difference of the two pictures (network encoding) from which the plate begins to go, and at
#: which it is gone.
DIFFERENCE = (0.02, 0.06)

#: Difference that is the lines' own tremble, and that surely is more.
TREMBLE = (0.004, 0.016)

#: How far the skin is moved from which the plate begins to go, and at which it is gone (pixels per
#: 256 of the crop).
MOVE = (1.5, 4.0)

#: How far beyond the outer one of two jaws the skin is another one, times what the jaw is moved:
#: the chin of an open mouth lies lower than the mesh has it.
BEYOND = 1.5

#: What a difference is smoothed by first, how far it reaches, and how softly the plate comes back
#: (pixels per 256).
FINEST, REACH, SOFT = 1.0, 3.0, 2.0

#: Fractional bits of OpenCV's polygons.
_SHIFT = 4


def unchanged(
    change: np.ndarray,
    shift: np.ndarray,
    old_lines: np.ndarray,
    new_lines: np.ndarray,
    unit: float,
) -> np.ndarray:
    """How much of the plate stays.

    Parameters
    ----------
    change : np.ndarray [shape=(height, width, 3), dtype=float32]
        The network's picture of the new lines less that of the plate's own.
    shift : np.ndarray [shape=(height, width, 2), dtype=float32]
        From where the plate's skin is moved to each pixel (:func:`relip.render.detail.lip_warp`).
    old_lines, new_lines : np.ndarray [shape=(57, 2)]
        The plate's own lip and jaw lines and the new ones, in window pixels.
    unit : float
        Pixels per 1/256 of the crop.

    Returns
    -------
    np.ndarray [shape=(height, width), dtype=float32]
        1 where the new mouth changes nothing, 0 where all is drawn.
    """
    apart = largest(np.abs(cv2.GaussianBlur(change, (0, 0), FINEST * unit)))
    move = np.sqrt(np.square(shift).sum(-1)) / np.float32(unit)
    drawn = np.maximum(smooth_step(apart, *DIFFERENCE), smooth_step(move, *MOVE))
    drawn = np.maximum(drawn, swept(old_lines, new_lines, drawn.shape, unit))
    drawn = cv2.dilate(drawn, disc(round(REACH * unit)))
    return 1 - cv2.GaussianBlur(drawn, (0, 0), SOFT * unit)


def swept(
    old_lines: np.ndarray, new_lines: np.ndarray, shape: tuple[int, ...], unit: float
) -> np.ndarray:
    """Where a jaw that moves was and will be: there the plate shows another chin's edge.

    Parameters
    ----------
    old_lines, new_lines : np.ndarray [shape=(57, 2)]
        In pixels.
    shape : tuple of int
        Height, width.
    unit : float
        Pixels per 1/256 of the crop.

    Returns
    -------
    np.ndarray [shape=(height, width), dtype=float32]
        0 to 1: between the two jaws and some way beyond, by how far each part of the jaw moves.
    """
    jaws = np.stack([old_lines[N_OUTER + N_INNER :], new_lines[N_OUTER + N_INNER :]])
    middle = (old_lines[:N_OUTER].mean(0) + new_lines[:N_OUTER].mean(0)) / 2
    away = jaws.mean(0) - middle
    away = away / np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-6)
    reach = ((jaws - middle) * away).sum(-1)
    moved = np.linalg.norm(jaws[1] - jaws[0], axis=1)
    inner = middle + reach.min(0)[:, None] * away
    outer = middle + (reach.max(0) + BEYOND * moved)[:, None] * away
    share = smooth_step((moved[1:] + moved[:-1]) / 2 / unit, *MOVE)
    result = np.zeros(shape, np.float32)
    for i in np.argsort(share, kind="stable"):
        if share[i] > 0:
            corners = np.stack([inner[i], inner[i + 1], outer[i + 1], outer[i]])
            fixed = np.round((corners - 0.5) * (1 << _SHIFT)).astype(np.int32)
            cv2.fillConvexPoly(result, fixed, float(share[i]), cv2.LINE_8, _SHIFT)
    return result


def worth_drawing(change: np.ndarray, unit: float) -> np.ndarray:
    """How much of a small change is drawn where the plate stays.

    The two pictures follow lines that a tracker found, and tremble with it by a
    few thousandths where nothing happens at all.

    Parameters
    ----------
    change, unit
        As for :func:`unchanged`.

    Returns
    -------
    np.ndarray [shape=(height, width), dtype=float32]
        0 to 1.
    """
    apart = largest(np.abs(cv2.GaussianBlur(change, (0, 0), SOFT * unit)))
    return cv2.GaussianBlur(smooth_step(apart, *TREMBLE), (0, 0), SOFT * unit)
