"""Blur, Dilate, FilterErode: pixels and their neighbours."""

from __future__ import annotations

import math

import numpy as np
from scipy import ndimage

from .engine import Op, computes
from .image import Box, Image, is_empty


@computes("Blur")
def blur(op: Op) -> Image:
    """A Gaussian whose size is 2.4 standard deviations; other filters where they are exact."""
    image = op.input(0)
    width, height = op.numbers("size")
    names = [n for n in op.names("channels", image) if n in image.channels]
    if (width <= 0 and height <= 0) or is_empty(image.box):
        return image
    if op.choice("filter") != "gaussian":
        op.refuse(f"blur filter {op.choice('filter')}")
    sx, sy = width / 2.4, height / 2.4
    reach_x, reach_y = math.ceil(sx * 4), math.ceil(sy * 4)
    x, y, r, t = image.box
    box: Box = (x - reach_x, y - reach_y, r + reach_x, t + reach_y)
    if op.flag("crop"):
        # nothing outside the format, unless the picture is there already
        fw, fh = image.format.width(), image.format.height()
        box = (
            max(box[0], min(x, 0)),
            max(box[1], min(y, 0)),
            min(box[2], max(r, fw)),
            min(box[3], max(t, fh)),
        )
    wide: Box = (box[0] - reach_x, box[1] - reach_y, box[2] + reach_x, box[3] + reach_y)
    planes = image.over(box)
    inside = (
        slice(reach_y, reach_y + box[3] - box[1]),
        slice(reach_x, reach_x + box[2] - box[0]),
    )
    for name in names:
        plane = image.get(name, wide).astype(float)
        plane = _gauss(_gauss(plane, sx, reach_x, 1), sy, reach_y, 0)
        planes[name] = plane[inside].astype(np.float32)
    return image.with_channels(planes, box)


def _gauss(plane: np.ndarray, sigma: float, reach: int, axis: int) -> np.ndarray:
    if sigma <= 0:
        return plane
    at = np.arange(-reach, reach + 1)
    weights = np.exp(-0.5 * (at / sigma) ** 2)
    result: np.ndarray = ndimage.convolve1d(plane, weights / weights.sum(), axis, mode="nearest")
    return result


@computes("Dilate", "FilterErode")
def dilate(op: Op) -> Image:
    """The largest (Dilate) or smallest (FilterErode) value around, over a square.

    A negative size does the other. FilterErode is known with its box filter only.
    """
    image = op.input(0)
    width, height = op.numbers("size")
    if op.node._class_name == "FilterErode":
        if op.choice("filter") != "box":
            op.refuse(f"FilterErode with filter {op.choice('filter')}")
        width, height = -width, -height
    if (width, height) == (0, 0) or is_empty(image.box):
        return image
    if width != int(width) or height != int(height):
        op.refuse("a size that is not whole")
    if (width < 0) != (height < 0) and 0 not in (width, height):
        op.refuse("growing one way and shrinking the other")
    grow = max(width, height) > 0
    rx, ry = abs(int(width)), abs(int(height))
    x, y, r, t = image.box
    box: Box = (x - rx, y - ry, r + rx, t + ry) if grow else image.box
    wide: Box = (box[0] - rx, box[1] - ry, box[2] + rx, box[3] + ry)
    find = ndimage.maximum_filter if grow else ndimage.minimum_filter
    planes = image.over(box)
    for name in op.names("channels", image):
        if name not in image.channels:
            continue
        found = find(image.get(name, wide), size=(2 * ry + 1, 2 * rx + 1), mode="nearest")
        planes[name] = found[ry : ry + box[3] - box[1], rx : rx + box[2] - box[0]]
    return image.with_channels(planes, box)
