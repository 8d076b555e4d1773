"""Premultiplied patches, rounded as they are stored."""

from __future__ import annotations

import numpy as np


def premultiply(raw: np.ndarray, matte: np.ndarray, *, half: bool) -> tuple[np.ndarray, np.ndarray]:
    """Premultiplied patch and its alpha, rounded as they will be stored.

    Parameters
    ----------
    raw : np.ndarray [shape=(h, w, 3)]
    matte : np.ndarray [shape=(h, w)]
    half : bool
        Whether the patch is stored in half float.

    Returns
    -------
    rgb : np.ndarray [shape=(h, w, 3), dtype=float32]
    alpha : np.ndarray [shape=(h, w), dtype=float32]
    """
    alpha = _stored(matte, half)
    with np.errstate(invalid="ignore", over="ignore"):
        rgb = _stored(np.where(alpha[..., None] > 0, raw * alpha[..., None], 0), half)
    return rgb, alpha


def _stored(values: np.ndarray, half: bool) -> np.ndarray:
    values = np.asarray(values, np.float32)
    if half:
        values = np.clip(values, -65504, 65504).astype(np.float16).astype(np.float32)
    return values
