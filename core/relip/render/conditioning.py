"""Conditioning maps: lip and jaw lines drawn as pictures for the network."""

from __future__ import annotations

import cv2
import numpy as np

from relip.render.rig import N_INNER, N_OUTER

#: Maps drawn, in channel order.
MAPS = ("outer_lip_fill", "inner_mouth_fill", "inner_lip_line", "jaw_line")

_SHIFT = 8


def draw_maps(lines: np.ndarray, size: tuple[int, int], scale: float = 1.0) -> np.ndarray:
    """Draw the maps of one frame.

    Parameters
    ----------
    lines : np.ndarray [shape=(57, 2)]
        Window pixels, centres at +0.5, in the order of
        :data:`relip.render.rig.LINE_POINTS`.
    size : tuple of int
        Width, height.
    scale : float
        Line width in pixels per 256 of the crop.

    Returns
    -------
    np.ndarray [shape=(height, width, 4), dtype=uint8]
        0-255, antialiased.
    """
    width, height = size
    maps = np.zeros((4, height, width), np.uint8)
    fixed = np.round((lines - 0.5) * (1 << _SHIFT)).astype(np.int32)
    outer, inner = fixed[:N_OUTER], fixed[N_OUTER : N_OUTER + N_INNER]
    jaw = fixed[N_OUTER + N_INNER :]
    thick = max(1, round(scale))
    cv2.fillPoly(maps[0], [outer], 255, cv2.LINE_AA, _SHIFT)
    cv2.fillPoly(maps[1], [inner], 255, cv2.LINE_AA, _SHIFT)
    cv2.polylines(maps[2], [inner], True, 255, thick, cv2.LINE_AA, _SHIFT)
    cv2.polylines(maps[3], [jaw], False, 255, thick, cv2.LINE_AA, _SHIFT)
    return np.ascontiguousarray(maps.transpose(1, 2, 0))
