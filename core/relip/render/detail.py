"""Skin detail: the plate's own pores and grain, carried along with the jaw.

The network's skin is smooth: a small network trained for minutes averages fine
texture away. The plate frame that is being edited holds the right texture, in
the right light, with the right grain, only at the places where the skin was
before the lips and the jaw moved. So its fine band is moved there: a smooth
warp takes the plate's own lip and jaw lines to the new ones, and the warped
fine band replaces the network's, on skin only. Near the lips, where the plate
shows lips or teeth instead of skin, and where the two pictures disagree
(a fold that should have gone), the network's picture stays.

The region under the matte is never an input of the network. This detail is
the one thing that comes from it, which is why ``bench/reenact.py`` measures
reproduction without it.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from relip.mask.coverage import disc, fill
from relip.render.canonical import SHARPEST, Window
from relip.render.colourmatch import grey, largest
from relip.render.rig import N_INNER, N_LINES, N_OUTER, lip_edges

#: The fine band: what a Gaussian of this sigma (pixels per 256 of the crop) takes away.
SIGMA = 3.0

#: Room around the opening without plate detail, and the softness of its edge (pixels per 256).
MOUTH_ROOM, MOUTH_SOFT = 2.0, 1.2

#: Height over which the two warps pass into each other beside the mouth (pixels per 256).
SEAM = 4.0

#: Difference of the blurred pictures (network encoding) at which plate detail is gone.
DISAGREEMENT = 0.10

#: What the plate adds, in robust standard deviations of it over the skin, at which it is a crease
#: and none of it is taken; the least deviation that skin has; how softly it ends, and over what
#: length it must be drawn out (pixels per 256); coherence from which it is, and surely is.
CREASE, LEAST_PORES, CREASE_SOFT, CREASE_LONG = 5.0, 0.002, 1.0, 3.0
COHERENCE = (0.3, 0.6)

#: Room around the lips, whose lines are no creases (pixels per 256).
LIP_ROOM = 3.0

#: Strain of the warp (norm of the gradient of its displacement) at which the plate's detail begins
#: to go, and at which it is gone.
STRAIN = (0.4, 0.9)

#: The warp is solved on a grid of this many pixels.
_GRID = 8


def add_plate_detail(
    picture: np.ndarray,
    plate: np.ndarray,
    old_lines: np.ndarray,
    new_lines: np.ndarray,
    shift: np.ndarray,
    window: Window,
    amount: float = 1.0,
) -> np.ndarray:
    """Replace the fine band of the generated skin by the plate's.

    Parameters
    ----------
    picture, plate : np.ndarray [shape=(height, width, 3), dtype=float32]
        Generated and original window in the network's encoding.
    old_lines, new_lines : np.ndarray [shape=(57, 2)]
        The plate's own lip and jaw lines and the new ones, in window pixels.
    shift : np.ndarray [shape=(height, width, 2), dtype=float32]
        From where the plate's skin comes to each pixel (:func:`lip_warp`).
    window : Window
    amount : float
        0 leaves the picture as it is.

    Returns
    -------
    np.ndarray [shape=(height, width, 3), dtype=float32]
    """
    if amount <= 0:
        return picture
    unit = window.size / 256
    warped = moved(plate, shift)
    skin = still_skin(old_lines, new_lines, shift, unit)
    low_made = cv2.GaussianBlur(picture, (0, 0), SIGMA * unit)
    low_plate = cv2.GaussianBlur(warped, (0, 0), SIGMA * unit)
    apart = largest(np.abs(low_made - low_plate)) / DISAGREEMENT
    apart = cv2.GaussianBlur(apart, (0, 0), SIGMA * unit)
    gate = cv2.GaussianBlur(skin * np.clip(1.5 - 1.5 * apart, 0, 1), (0, 0), 1.5 * unit)
    # lips that close squeeze the plate's open mouth into a line, which the blur would fill
    # with its teeth
    gate = np.minimum(gate, skin)
    gain = (warped - low_plate) - (picture - low_made)
    gate = (amount * gate * _like_pores(gain, gate, new_lines[:N_OUTER], unit))[..., None]
    return (picture + gate * gain).astype(np.float32)


def _like_pores(gain: np.ndarray, gate: np.ndarray, lips: np.ndarray, unit: float) -> np.ndarray:
    """1 where what the plate adds is no crease ``[shape=(height, width), dtype=float32]``.

    A crease of the plate's own mouth (a smile's fold, the chin of a jaw that was open) is many
    times as strong as pores, stubble and grain, and drawn out: a mole is as strong, but round.
    Tukey's biweight of what is added, over its robust deviation, where the structure tensor
    (Bigun and Granlund 1987) of it has one direction. The lips' own lines lie where the new lips
    ``[shape=(20, 2)]`` have theirs: they are welcome.
    """
    shown = grey(gain)
    size = np.abs(shown)
    skin = size[gate > 0.5]
    if not skin.size:
        return np.ones(size.shape, np.float32)
    cut = CREASE * max(1.4826 * float(np.median(skin)), LEAST_PORES)
    strength = np.minimum(cv2.dilate(size, np.ones((3, 3), np.uint8)) / cut, 1)
    across, down = (cv2.Sobel(shown, cv2.CV_32F, *order) for order in ((1, 0), (0, 1)))
    sums = cv2.merge([across * across, down * down, across * down])
    xx, yy, xy = cv2.split(cv2.GaussianBlur(sums, (0, 0), CREASE_LONG * unit))
    one_way = np.sqrt(np.square(xx - yy) + 4 * np.square(xy)) / (xx + yy + np.float32(1e-9))
    low, high = COHERENCE
    drawn_out = np.clip((one_way - low) / (high - low), 0, 1)
    taken = 1 - np.square(1 - np.square(strength))
    room = 2 * round(LIP_ROOM * unit) + 1
    taken *= 1 - cv2.dilate(fill(lips, size.shape[::-1]), np.ones((room, room), np.uint8))
    return 1 - cv2.GaussianBlur(drawn_out * taken, (0, 0), CREASE_SOFT * unit)


def moved(
    picture: np.ndarray,
    shift: np.ndarray,
    interpolation: int = SHARPEST,
    *,
    beyond: float | None = None,
) -> np.ndarray:
    """Each pixel from where ``shift`` says; beyond the picture its edge, or a value."""
    return cv2.remap(
        picture,
        shift + _places(*picture.shape[:2]),
        None,
        interpolation,
        borderMode=cv2.BORDER_REPLICATE if beyond is None else cv2.BORDER_CONSTANT,
        borderValue=0.0 if beyond is None else beyond,
    )


@lru_cache(maxsize=8)
def _places(height: int, width: int) -> np.ndarray:
    """Where the pixels are: x, y ``[shape=(height, width, 2), dtype=float32]``."""
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    return np.stack([xs, ys], -1)


def still_skin(
    old_lines: np.ndarray, new_lines: np.ndarray, shift: np.ndarray, unit: float
) -> np.ndarray:
    """1 where a warp brings skin and lips as they are ``[shape=(height, width)]``.

    Not where the old picture showed its open mouth, seen from the new place, nor
    in the new mouth, nor where the warp strains.
    """
    size = (shift.shape[1], shift.shape[0])
    there = moved(beside_mouth(old_lines, size, unit), shift, cv2.INTER_LINEAR, beyond=1.0)
    return np.minimum(there, beside_mouth(new_lines, size, unit)) * unstrained(shift, unit)


def unstrained(shift: np.ndarray, unit: float) -> np.ndarray:
    """1 where a warp moves skin as it is, 0 where it stretches or squeezes it.

    There the plate's pores become streaks, and its folds are those of another face
    than the new one.
    """
    along = [np.gradient(shift[..., k], axis=axis) for k in (0, 1) for axis in (0, 1)]
    strain = np.sqrt(sum(np.square(a) for a in along))
    low, high = STRAIN
    return cv2.GaussianBlur(
        np.clip((high - strain) / (high - low), 0, 1).astype(np.float32), (0, 0), SIGMA * unit
    )


def beside_mouth(lines: np.ndarray, size: tuple[int, int], unit: float) -> np.ndarray:
    """1 on skin and lips, 0 in the opening with some room around."""
    opening = fill(lines[N_OUTER : N_OUTER + N_INNER], size)
    grown = cv2.dilate(opening, disc(round(MOUTH_ROOM * unit)))
    return 1 - cv2.GaussianBlur(grown, (0, 0), MOUTH_SOFT * unit)


def lip_warp(
    old_lines: np.ndarray,
    new_lines: np.ndarray,
    outline: np.ndarray,
    size: tuple[int, int],
    seam: float,
) -> np.ndarray:
    """Backward displacement, above the mouth's opening by the upper lip, below by the lower.

    Parameters
    ----------
    old_lines, new_lines : np.ndarray [shape=(57, 2)]
    outline : np.ndarray [shape=(m, 2)]
        All in window pixels.
    size : tuple of int
        Width, height.
    seam : float
        Height over which one warp passes into the other.

    Returns
    -------
    np.ndarray [shape=(height, width, 2), dtype=float32]
        Add it to a pixel's place to find where the plate shows that skin.
    """
    above = warp_field(old_lines[_ABOVE], new_lines[_ABOVE], outline, size)
    below = warp_field(old_lines[_BELOW], new_lines[_BELOW], outline, size)
    upper, lower = lip_edges(new_lines[N_OUTER : N_OUTER + N_INNER])
    middle = (upper + lower) / 2
    order = np.argsort(middle[:, 0])
    x = np.arange(size[0]) + 0.5
    line = np.interp(x, middle[order, 0], middle[order, 1])
    y = np.arange(size[1])[:, None] + 0.5
    share = np.clip(0.5 + (y - line[None]) / seam, 0, 1).astype(np.float32)[..., None]
    return above * (1 - share) + below * share


#: Line points that the skin above the opening goes with, and the skin below it.
_ABOVE = np.r_[0:11, N_OUTER : N_OUTER + 11]
_BELOW = np.r_[
    0, 10:N_OUTER, N_OUTER, N_OUTER + 10 : N_OUTER + N_INNER, N_OUTER + N_INNER : N_LINES
]


def warp_field(
    old_lines: np.ndarray, new_lines: np.ndarray, outline: np.ndarray, size: tuple[int, int]
) -> np.ndarray:
    """Backward displacement from the new points to the old ones, zero on the outline.

    A thin-plate spline (Duchon 1977) through the points and fixed points
    on the region's outline and around the window.

    Parameters
    ----------
    old_lines, new_lines : np.ndarray [shape=(n, 2)]
    outline : np.ndarray [shape=(m, 2)]
        All in window pixels.
    size : tuple of int
        Width, height.

    Returns
    -------
    np.ndarray [shape=(height, width, 2), dtype=float32]
        Add it to a pixel's place to find where the plate shows that skin.
    """
    from scipy.interpolate import RBFInterpolator

    width, height = size
    frame = np.array(
        [[x * width / 3, y * height / 3] for x in range(4) for y in range(4) if {x, y} & {0, 3}]
    )
    fixed = np.concatenate([outline[:: max(len(outline) // 24, 1)], frame])
    at = np.concatenate([new_lines, fixed])
    move = np.concatenate([old_lines - new_lines, np.zeros((len(fixed), 2))])
    at = at + 1e-4 * np.arange(len(at))[:, None]  # no two points in one place
    spline = RBFInterpolator(at, move, kernel="thin_plate_spline", smoothing=2.0)
    columns, rows = -(-width // _GRID), -(-height // _GRID)
    xs = (np.arange(columns) + 0.5) * width / columns
    ys = (np.arange(rows) + 0.5) * height / rows
    grid = np.stack(np.meshgrid(xs, ys), -1).reshape(-1, 2)
    coarse = spline(grid).reshape(rows, columns, 2).astype(np.float32)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
