"""The comp: patch over plate, exactly as a Merge (over) does it."""

from __future__ import annotations

import numpy as np


def over(
    plate: np.ndarray,
    patch: np.ndarray,
    alpha: np.ndarray,
    origin: tuple[int, int],
    *,
    mix: float = 1.0,
) -> np.ndarray:
    """``patch + plate × (1 − alpha)`` in float32.

    Where alpha is 0 the plate comes back bit for bit, infinities and NaN included.

    Parameters
    ----------
    plate : np.ndarray [shape=(height, width, 3), dtype=float32]
    patch : np.ndarray [shape=(h, w, 3), dtype=float32]
        Premultiplied.
    alpha : np.ndarray [shape=(h, w), dtype=float32]
    origin : tuple of int
        x, y of the patch in the plate; parts outside the picture are ignored.
    mix : float
        1 shows the patch, 0 the plate.

    Returns
    -------
    np.ndarray [shape=(height, width, 3), dtype=float32]
    """
    result = plate.astype(np.float32, copy=True)
    x, y = origin
    height, width = plate.shape[:2]
    x0, y0 = max(x, 0), max(y, 0)
    x1, y1 = min(x + alpha.shape[1], width), min(y + alpha.shape[0], height)
    if x1 <= x0 or y1 <= y0 or mix == 0:
        return result
    window = (slice(y0 - y, y1 - y), slice(x0 - x, x1 - x))
    a, p = alpha[window], patch[window]
    if mix != 1:
        a, p = a * np.float32(mix), p * np.float32(mix)
    behind = result[y0:y1, x0:x1]
    touched = a > 0
    with np.errstate(invalid="ignore", over="ignore"):  # infinities in the plate are its own
        mixed = p + behind * (np.float32(1) - a[..., None])
    behind[touched] = mixed[touched]
    return result
