"""Square geometry: a squeezed plate is measured as it is meant to be seen.

Film is often stored squeezed: a pixel of an anamorphic plate is twice as wide
as it is high when shown, one of PAL video 1.07 times. A face in stored pixels
is then half as wide as a face is, and no landmark model, distance, angle or
similarity holds in it. All of these live in *square coordinates*, ``(x * aspect,
y)``: display pixels that are as wide as high, a plate's own where its pixels are
square. What is kept in files, and what is handed to other programs, is in the
plate's stored pixels; this module is the way between the two.

The plate's own pixels are never stretched on their way into a crop: the aspect
is one more factor of the crop's affine map. Only what looks at a picture as
such (the search for faces, optical flow, the edge of an occluder) sees it
stretched.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

#: Pixel aspects this near to 1 are square: headers are rounded, and a movie's are made of whole
#: numbers. A face is 0.5 % wider at most than it should be.
NEARLY = 0.005

#: Pixel aspects that a plate may have: no lens squeezes further, a header that says so is wrong.
LEAST, MOST = 0.25, 4.0

#: A picture is blurred before it is reduced further than to this.
_REDUCED = 0.7


def aspect_of(info: dict[str, Any], wanted: float = 0.0) -> float:
    """Width over height of a pixel as shown; 1 exactly for a plate whose pixels are square.

    Parameters
    ----------
    info : dict
        :attr:`relip.plate.base.Plate.info`.
    wanted : float
        The setting ``track.pixel_aspect``; 0 takes what the plate says.
    """
    aspect = wanted or float(info.get("pixel_aspect") or 1.0)
    if not LEAST <= aspect <= MOST or abs(aspect - 1) <= NEARLY:
        return 1.0
    return aspect


def stretch(aspect: float) -> np.ndarray:
    """What stored x and y are multiplied by to be square ``[shape=(2,)]``."""
    return np.array([aspect, 1.0])


def to_square(points: np.ndarray, aspect: float) -> np.ndarray:
    """Points of the plate ``[shape=(..., 2 or 3)]`` in square coordinates; z is square already."""
    return _stretched(points, aspect)


def to_plate(points: np.ndarray, aspect: float) -> np.ndarray:
    """Points in square coordinates ``[shape=(..., 2 or 3)]`` on the plate."""
    return _stretched(points, 1 / aspect)


def from_plate(transform: np.ndarray, aspect: float) -> np.ndarray:
    """A map of square coordinates ``[shape=(..., 2, 3)]`` as a map of the plate's."""
    return _stretched(transform, aspect)


def from_square(transform: np.ndarray, aspect: float) -> np.ndarray:
    """A map of the plate's coordinates ``[shape=(..., 2, 3)]`` as a map of square ones."""
    return _stretched(transform, 1 / aspect)


def _stretched(values: np.ndarray, by: float) -> np.ndarray:
    """Points, whose first column is x, or a map, whose first column is what x is multiplied by."""
    if by == 1:
        return values
    result = np.array(values, float)
    result[..., 0] *= by
    return result


def band_limited(picture: np.ndarray, transform: np.ndarray) -> np.ndarray:
    """A picture blurred so that fine texture does not alias where a map makes it smaller.

    Parameters
    ----------
    picture : np.ndarray [shape=(height, width) or (height, width, channels)]
    transform : np.ndarray [shape=(2, 3)]
        From its pixels to those of the smaller picture. Its two axes may be
        reduced differently.
    """
    sigmas = [
        0.5 / scale - 0.2 if scale < _REDUCED else 0.0
        for scale in (float(np.hypot(*transform[:, axis])) for axis in (0, 1))
    ]
    if not any(sigmas):
        return picture
    # a side of 1 is no blur, one of 0 as wide as the sigma asks for
    sides = (int(sigmas[0] == 0), int(sigmas[1] == 0))
    return cv2.GaussianBlur(picture, sides, max(sigmas[0], 1e-6), sigmaY=max(sigmas[1], 1e-6))


def columns(picture: np.ndarray, start: float, step: float, count: int) -> np.ndarray:
    """A picture with other columns; its last ones go on beyond its sides.

    Parameters
    ----------
    picture : np.ndarray [shape=(height, width) or (height, width, channels)]
        Floats, or 8 bits, which are rounded.
    start : float
        Where the first new column begins in the picture's columns.
    step : float
        Columns that a new one covers: their mean where it covers more than
        one, else what lies at its middle, linearly interpolated.
    count : int

    Returns
    -------
    np.ndarray [shape=(height, count) or (height, count, channels)]
        Of the picture's type.
    """
    left = start + step * np.arange(count)
    if step > 1:
        first = np.floor(left).astype(int)
        taps = first + np.arange(int(np.ceil(step)) + 1)[:, None]
        shares = np.minimum(left + step, taps + 1) - np.maximum(left, taps)
        weights = np.maximum(shares, 0) / step
    else:
        middle = left + step / 2 - 0.5
        first = np.floor(middle).astype(int)
        taps = first + np.arange(2)[:, None]
        weights = np.stack([1 - (middle - first), middle - first])
    taps = np.clip(taps, 0, picture.shape[1] - 1)
    weights = weights.astype(np.float32).reshape(*weights.shape, *(1,) * (picture.ndim - 2))
    total = sum(
        weight * np.take(picture, tap, axis=1) for weight, tap in zip(weights, taps, strict=True)
    )
    if picture.dtype == np.uint8:
        total = np.rint(total)
    return np.asarray(total).astype(picture.dtype)


def stored_columns(x0: int, x1: int, aspect: float, width: int) -> tuple[int, int]:
    """The stored columns, from and to, of which :func:`columns` makes those in square pixels.

    With some beside them, that what is asked for in parts is what all of it is.

    Parameters
    ----------
    x0, x1 : int
        In square pixels, from and to.
    aspect : float
    width : int
        Of the plate.
    """
    if aspect == 1:
        return x0, x1
    return max(int(x0 / aspect) - 2, 0), min(int(np.ceil(x1 / aspect)) + 2, width)


def width_of(width: int, aspect: float) -> int:
    """Columns that hold all of a plate of so many in square pixels."""
    return int(np.ceil(width * aspect - 1e-6))
