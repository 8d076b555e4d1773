"""Highlights of the plate that the mouth does not cover: kept at their full energy.

A glint on wet skin in a scene-linear plate is many times as bright as diffuse
white and a few pixels wide. The network, which sees the crop's resolution and
not this frame's skin, cannot know it. Where neither the old nor the new mouth
lies, the plate's own pixels stay wherever they are the brighter ones, over the
highlight and a small surrounding that fades out. Nothing is ever darkened.
"""

from __future__ import annotations

import numpy as np

from relip.mask.coverage import depth, fill

#: A highlight is brighter than diffuse white, and than this multiple of the median of the picture
#: (two stops): skin that is overexposed as a whole is none.
WHITE, ABOVE_MEDIAN = 1.0, 4.0

#: How far around a highlight the plate is kept wholly, and where it is no more: its own soft edge.
#: Pixels per 256 of the crop, and pixels of the plate besides.
WHOLE, GONE = 3.0, 6.0
_SOFT = (1.0, 2.0)

#: Room around the lips where nothing is kept, and where everything is (pixels per 256).
ROOM, FREE = 3.0, 6.0


def keep_highlights(
    made: np.ndarray, plate: np.ndarray, mouths: list[np.ndarray], unit: float, amount: float = 1.0
) -> np.ndarray:
    """Put the plate's highlights back.

    Parameters
    ----------
    made, plate : np.ndarray [shape=(h, w, 3), dtype=float32]
        Generated and original pixels, linear in light. What is not finite in
        the plate is no highlight.
    mouths : list of np.ndarray [shape=(n, 2)]
        Outlines of the plate's lips and of the new ones, in these pixels.
    unit : float
        Pixels of this picture per 1/256 of the crop.
    amount : float
        0 leaves the picture as it is.

    Returns
    -------
    np.ndarray [shape=(h, w, 3), dtype=float32]
    """
    if amount <= 0:
        return made
    light = np.where(np.isfinite(plate).all(-1), plate.max(-1), 0.0)
    highlight = light > max(WHITE, ABOVE_MEDIAN * float(np.median(light)))
    if not highlight.any():
        return made
    height, width = light.shape
    mouth = np.zeros((height, width), bool)
    for outline in mouths:
        mouth |= fill(outline, (width, height)) > 0
    whole, gone = WHOLE * unit + _SOFT[0], GONE * unit + _SOFT[1]
    weight = depth(~highlight, gone, whole) * depth(~mouth, ROOM * unit, FREE * unit)
    weight = (amount * weight)[..., None]
    known = np.where(np.isfinite(plate), plate, made)
    brighter = np.maximum(made, known)
    # Where it is kept wholly it is the plate's to the bit.
    kept = np.where(weight >= 1, brighter, made + weight * (brighter - made))
    return kept.astype(np.float32)
