"""Colour match of the generated pixels to the plate, from a ring at the region's edge.

Just inside the region's outline the network's picture should equal the plate:
no mouth moves there. The difference in that ring is fitted by a smooth surface
per channel with robust weights, so that a collar, hair or the old jaw line in
the ring do not tint the face, and the surface is added to the picture. It is a
harmonic polynomial of the third degree: what Laplace's equation makes of the
ring, without the ring's details.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

#: Width of the ring in pixels per 256 of the crop.
RING = 10

#: Largest correction in the network's encoding.
LIMIT = 0.08

#: Pixels with a plate gradient above this share of the ring's 75th percentile are left out.
GRADIENT_LIMIT = 1.5

_ROUNDS = 5

#: A surface is fitted to at most about so many pixels of the ring, evenly spread.
_PIXELS = 1500

_THIRDS = np.full((1, 3), 1 / 3, np.float32)

#: Terms of a surface, and what each costs, in pixels of the ring: the bent ones more.
TERMS = 7
_PENALTY = np.diag([1.0, 5.0, 5.0, 20.0, 20.0, 60.0, 60.0])
_MIN_PIXELS = 60


def ring_correction(picture: np.ndarray, plate: np.ndarray, region: np.ndarray) -> np.ndarray:
    """The correction to add to the generated picture.

    Parameters
    ----------
    picture, plate : np.ndarray [shape=(height, width, 3)]
        Generated and original window in the network's encoding.
    region : np.ndarray [shape=(height, width)]
        1 inside the region.

    Returns
    -------
    np.ndarray [shape=(height, width, 3), dtype=float32]
        A surface per channel, limited to ±0.08; zero when the ring is too small.
    """
    ring = ring_of(plate, region)
    if ring is None:
        return np.zeros_like(picture, dtype=np.float32)
    return surface(fit_surface(picture, plate, ring), picture.shape[:2])


def ring_of(plate: np.ndarray, region: np.ndarray) -> np.ndarray | None:
    """The pixels of the ring that are smooth in the plate; None when they are too few."""
    width = region.shape[1]
    size = max(3, round(RING * max(width, 64) / 224)) | 1
    inner = cv2.erode(region, np.ones((2 * size + 1, 2 * size + 1), np.uint8), borderValue=1)
    ring = (region > 0) & (inner == 0)
    soft = cv2.GaussianBlur(grey(plate), (0, 0), 1.0)
    gradient = np.hypot(cv2.Sobel(soft, cv2.CV_32F, 1, 0), cv2.Sobel(soft, cv2.CV_32F, 0, 1))
    if ring.sum() >= _MIN_PIXELS:
        ring &= gradient <= GRADIENT_LIMIT * np.percentile(gradient[ring], 75) + 1e-6
    return ring if ring.sum() >= _MIN_PIXELS else None


def fit_surface(picture: np.ndarray, plate: np.ndarray, ring: np.ndarray) -> np.ndarray:
    """The smooth surface per channel that the picture lacks in the ring ``[shape=(3, TERMS)]``."""
    height, width = ring.shape
    at = np.flatnonzero(ring)
    at = at[:: max(len(at) // _PIXELS, 1)]
    ys, xs = np.divmod(at, width)
    design = _terms(xs / width - 0.5, ys / height - 0.5)
    difference = plate[ys, xs].astype(np.float64) - picture[ys, xs]
    # what is left out counts as if it were like its neighbours, beside the price of bent terms
    penalty = _PENALTY * len(at) / np.count_nonzero(ring)
    values = np.ascontiguousarray(difference.T)
    # begun at the median: a least-squares start leans towards a collar beyond return
    weights = _tukey(values - np.median(values, axis=1, keepdims=True))
    for _ in range(_ROUNDS):
        weighted = weights[..., None] * design
        normal = weighted.transpose(0, 2, 1) @ design + penalty
        wanted = (weighted * values[..., None]).sum(1)
        fits = np.linalg.solve(normal, wanted[..., None])[..., 0]
        weights = _tukey(values - fits @ design.T)
    return fits


def surface(fits: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """The correction of a fit over a window ``[shape=(height, width, 3)]``, limited to ±0.08."""
    height, width = size
    everywhere = _grid(height, width)
    return np.clip(everywhere @ fits.T.astype(np.float32), -LIMIT, LIMIT)


@lru_cache(maxsize=4)
def _grid(height: int, width: int) -> np.ndarray:
    """The terms over a window ``[shape=(height, width, TERMS), dtype=float32]``."""
    grid_y, grid_x = np.mgrid[0:height, 0:width]
    return _terms(grid_x / width - 0.5, grid_y / height - 0.5).astype(np.float32)


def grey(picture: np.ndarray) -> np.ndarray:
    """The mean of the three channels ``[shape=(height, width), dtype=float32]``."""
    return cv2.transform(np.ascontiguousarray(picture, np.float32), _THIRDS)


def largest(picture: np.ndarray) -> np.ndarray:
    """The largest of the three channels ``[shape=(height, width)]``; ``max(2)`` takes longer."""
    return np.maximum(np.maximum(picture[..., 0], picture[..., 1]), picture[..., 2])


def _terms(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Harmonic polynomials to the third degree, each about 1 at the window's edge.

    Harmonic, so that no bump can rise inside the ring where nothing was
    measured: a surface is largest on its edge.
    """
    u, v = 2 * x, 2 * y
    one = np.ones_like(u)
    return np.stack(
        [one, u, v, u * u - v * v, 2 * u * v, u**3 - 3 * u * v * v, 3 * u * u * v - v**3], -1
    )


def _tukey(left: np.ndarray) -> np.ndarray:
    """Tukey's biweight of rows of residuals, cut at three robust standard deviations."""
    away = np.abs(left)
    spread = np.maximum(1.4826 * np.median(away, axis=1, keepdims=True), 1e-4)
    u = np.minimum(away / (3.0 * spread), 1)
    return (1 - u * u) ** 2
