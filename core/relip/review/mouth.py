"""Faults of a mouth's inside: teeth between closed lips, streaks in an open mouth.

These are figures of one frame that mean something only beside the same figures of the plate's
own frames: how bright the line is where closed lips meet, what glints in it, and how far the
inside of an open mouth runs along one direction.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from relip.mask.coverage import disc, fill
from relip.render.rig import lip_edges

#: Half the height of the band about the line where closed lips meet, in face widths.
BAND = 0.01

#: Samples across the band and along it, and the part of the line, about its middle, looked at.
ROWS, COLUMNS, MIDDLE = 9, 64, 0.8

#: Percentile of the band's luminance that is how bright it is.
BRIGHTEST = 99

#: How far the opening is narrowed before its texture is looked at, in face widths: its own edge
#: runs along the lips.
EDGE = 0.008

#: Gaussian sigmas of the gradient and of the structure tensor, in face widths and in pixels at
#: least.
GRADIENT, GRADIENT_LEAST = 0.004, 0.5
TENSOR, TENSOR_LEAST = 0.012, 1.0

#: Pixels of the narrowed opening below which nothing is said of it.
LEAST = 40


class Seam(NamedTuple):
    """What closed lips show where they meet.

    Attributes
    ----------
    bright : float
        The band's luminance, its brightest percentile, over the lips'.
    glint : float
        How far the whitest place stands out of the dark line: above the darkest both over and
        under it, over the lips' own white. 0 where luminance falls to the line from both sides.
    """

    bright: float
    glint: float


class Run(NamedTuple):
    """How the texture inside a mouth runs.

    Attributes
    ----------
    coherence : float
        0 where it has no direction, 1 where every place has one: stripes.
    upright : float
        Share of its energy that changes along the mouth: 1 for stripes across the mouth, 0 for
        bars along it.
    """

    coherence: float
    upright: float


def seam(picture: np.ndarray, inner: np.ndarray, outer: np.ndarray, face_width: float) -> Seam:
    """How bright the line between closed lips is, and what glints in it.

    False teeth between closed lips are seldom brighter than the lips beside
    them. What gives them away is that they are white and lie in a dark line:
    a profile across closed lips falls to the line and rises again, and one
    with teeth in it has a bump there. A bump's height is its topographic
    prominence within the band. White is the least of the three channels:
    teeth hold much of it, and what is only red holds none.

    Parameters
    ----------
    picture : np.ndarray [shape=(height, width, 3)]
        Display encoded, 0 to 1.
    inner, outer : np.ndarray [shape=(20, 2)]
        Lip lines in its pixels (centres at +0.5), from the left corner over the upper lip and
        back below, as :data:`relip.track.points.INNER_LIPS`.
    face_width : float
        In pixels.

    Returns
    -------
    Seam
        NaN where no lip is seen.
    """
    size = (picture.shape[1], picture.shape[0])
    between = cv2.dilate((fill(inner, size) > 0).astype(np.uint8), np.ones((3, 3), np.uint8))
    lips = picture[(fill(outer, size) > 0.99) & (between == 0)]
    if not len(lips):
        return Seam(float("nan"), float("nan"))
    found = band(picture, inner, face_width)
    bright = np.percentile(found.mean(2), BRIGHTEST) / max(np.median(lips.mean(1)), 1e-3)
    white = found.min(2)
    over = np.minimum.accumulate(white, axis=0)
    under = np.minimum.accumulate(white[::-1], axis=0)[::-1]
    bump = float((white - np.maximum(over, under)).max())
    return Seam(float(bright), bump / max(float(np.median(lips.min(1))), 1e-3))


def band(picture: np.ndarray, inner: np.ndarray, face_width: float) -> np.ndarray:
    """The band about the line where the lips meet, straightened.

    Parameters
    ----------
    picture, inner, face_width
        As in :func:`seam`.

    Returns
    -------
    np.ndarray [shape=(ROWS, COLUMNS, 3), dtype=float32]
    """
    upper, lower = lip_edges(inner)
    middle = (upper + lower) / 2
    along = _direction(middle[-1] - middle[0])
    across = np.array([-along[1], along[0]])
    place = (middle - middle[0]) @ along
    order = np.argsort(place)
    at = place.max() * np.linspace((1 - MIDDLE) / 2, (1 + MIDDLE) / 2, COLUMNS)
    line = np.stack([np.interp(at, place[order], middle[order, k]) for k in (0, 1)], -1)
    apart = BAND * face_width * np.linspace(-1, 1, ROWS)[:, None, None]
    where = (line[None] + apart * across - 0.5).astype(np.float32)
    return cv2.remap(
        picture.astype(np.float32), where[..., 0], where[..., 1], cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip


def run(picture: np.ndarray, inner: np.ndarray, face_width: float) -> Run:
    """How the texture inside an open mouth runs: the coherence of its structure tensor.

    Coherence is ``((a - b) / (a + b))²`` of the tensor's eigenvalues (Weickert
    1999), averaged with their sum as weight: flat places have a direction by
    chance only. The tensor is summed over pixels of the narrowed opening
    alone, so that the lips' edge does not leak in.

    Parameters
    ----------
    picture, inner, face_width
        As in :func:`seam`.

    Returns
    -------
    Run
        NaN where the opening is too small to say.
    """
    size = (picture.shape[1], picture.shape[0])
    kernel = disc(max(round(EDGE * face_width), 1))
    whole = (fill(inner, size) > 0.99).astype(np.uint8)
    inside = cv2.erode(whole, kernel, borderValue=0).astype(np.float32)
    if inside.sum() < LEAST:
        return Run(float("nan"), float("nan"))
    sigma = max(GRADIENT * face_width, GRADIENT_LEAST)
    grey = cv2.GaussianBlur(picture.astype(np.float32).mean(2), (0, 0), sigma)
    along = _direction(inner[10] - inner[0])
    gx, gy = (cv2.Sobel(grey, cv2.CV_32F, *d, ksize=3) / 8 for d in ((1, 0), (0, 1)))
    gx, gy = gx * along[0] + gy * along[1], gy * along[0] - gx * along[1]
    sigma = max(TENSOR * face_width, TENSOR_LEAST)
    xx, xy, yy = (
        cv2.GaussianBlur((inside * p).astype(np.float32), (0, 0), sigma)
        for p in (gx * gx, gx * gy, gy * gy)
    )
    energy = xx + yy
    coherence = (np.square(xx - yy) + 4 * np.square(xy)) / np.maximum(np.square(energy), 1e-20)
    weight = inside * energy
    total = float(weight.sum())
    if total < 1e-12:
        return Run(0.0, 0.0)
    return Run(float((weight * coherence).sum()) / total, float((inside * xx).sum()) / total)


def _direction(way: np.ndarray) -> np.ndarray:
    unit: np.ndarray = way / max(float(np.linalg.norm(way)), 1e-6)
    return unit
