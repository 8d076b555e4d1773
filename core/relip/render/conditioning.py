"""Conditioning maps: lip and jaw lines drawn as pictures for the network.

The lips and the opening between them are drawn as signed distances to their
outlines, cut off a few pixels away: unlike a filled shape, whose edge is one
pixel wide, a distance tells every pixel near the lip how far it is, to a
fraction of a pixel, and closed lips still show their line.
"""

from __future__ import annotations

import cv2
import numpy as np

from relip.render.rig import N_INNER, N_OUTER

#: Maps drawn, in channel order.
MAPS = ("outer_lip", "inner_mouth", "inner_lip_line", "jaw_line")

#: Distance at which the signed distances are cut off (pixels per 256 of the crop).
REACH = 8.0

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
        Line width in pixels, and the unit of :data:`REACH`: the crop's size over 256.

    Returns
    -------
    np.ndarray [shape=(height, width, 4), dtype=float32]
        0 to 1; in the first two 0.5 is the outline, 1 deep inside.
    """
    outer, inner = lines[:N_OUTER], lines[N_OUTER : N_OUTER + N_INNER]
    return np.stack(
        [
            0.5 + 0.5 * signed_distance(outer, size, REACH * scale),
            0.5 + 0.5 * signed_distance(inner, size, REACH * scale),
            _drawn(inner, size, scale, closed=True),
            _drawn(lines[N_OUTER + N_INNER :], size, scale, closed=False),
        ],
        axis=-1,
    )


def signed_distance(outline: np.ndarray, size: tuple[int, int], reach: float) -> np.ndarray:
    """Distance of every pixel's centre to a closed outline, positive inside (even-odd rule).

    Parameters
    ----------
    outline : np.ndarray [shape=(n, 2)]
        Pixels, pixel centres at +0.5.
    size : tuple of int
        Width, height.
    reach : float
        Distance in pixels at which the result is cut off.

    Returns
    -------
    np.ndarray [shape=(height, width), dtype=float32]
        −1 to 1, in units of ``reach``.
    """
    width, height = size
    result = np.full((height, width), -1.0, np.float32)
    x0, y0 = np.maximum(np.floor(outline.min(0) - reach).astype(int), 0)
    x1, y1 = np.minimum(np.ceil(outline.max(0) + reach).astype(int), (width, height))
    if x1 <= x0 or y1 <= y0:
        return result
    x = np.arange(x0, x1, dtype=np.float32)[None, None] + 0.5
    y = np.arange(y0, y1, dtype=np.float32)[None, :, None] + 0.5
    begin = outline.astype(np.float32)
    end = np.roll(begin, -1, axis=0)
    ax, ay = begin[:, 0, None, None], begin[:, 1, None, None]
    ex, ey = (end - begin)[:, 0, None, None], (end - begin)[:, 1, None, None]
    along = ((x - ax) * ex + (y - ay) * ey) / np.maximum(ex * ex + ey * ey, 1e-9)
    along = np.clip(along, 0, 1)
    distance = np.sqrt(((x - ax - along * ex) ** 2 + (y - ay - along * ey) ** 2).min(0))
    crosses = (ay > y) != (end[:, 1, None, None] > y)
    at = ax + (y - ay) * ex / np.where(np.abs(ey) < 1e-9, 1e-9, ey)
    inside = np.count_nonzero(crosses & (x < at), axis=0) % 2 == 1
    result[y0:y1, x0:x1] = np.clip(np.where(inside, distance, -distance) / reach, -1, 1)
    return result


def _drawn(line: np.ndarray, size: tuple[int, int], scale: float, *, closed: bool) -> np.ndarray:
    canvas = np.zeros((size[1], size[0]), np.uint8)
    fixed = np.round((line - 0.5) * (1 << _SHIFT)).astype(np.int32)
    cv2.polylines(canvas, [fixed], closed, 255, max(1, round(scale)), cv2.LINE_AA, _SHIFT)
    return canvas.astype(np.float32) / 255
