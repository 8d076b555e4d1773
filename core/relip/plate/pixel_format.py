"""Pixel formats of libav: how the codes of their pixels are held, plane by plane."""

from __future__ import annotations

import re
from typing import Any

import av
import numpy as np

from relip.plate.yuv import Coding

_PLANAR = re.compile(r"^yuv(j?)a?(4[0-4][0-4])p(\d*)(le)?$")

_PLANAR_RGB = re.compile(r"^gbra?p(\d*)(le)?$")

_GREY = re.compile(r"^gray(\d*)(le)?$")

_SUBSAMPLING = {
    "444": (0, 0),
    "440": (0, 1),
    "422": (1, 0),
    "420": (1, 1),
    "411": (2, 0),
    "410": (2, 2),
}

_DEPTHS = (8, 9, 10, 12, 14, 16)


def coding_of(format_name: str) -> tuple[str, Coding, bool] | None:
    """How to read pixels of a libav pixel format.

    Returns
    -------
    (str, Coding, bool) or None
        The planar format to ask libav for (the format itself, or one that
        holds the same codes in planes), its coding (matrix and range not yet
        decided), and whether the format's name means full range. None for
        formats that cannot be read exactly.
    """
    name = format_name
    if match := _PLANAR.match(name):
        depth = int(match[3] or 8)
        sub_x, sub_y = _SUBSAMPLING.get(match[2], (-1, -1))
        if sub_x < 0 or depth not in _DEPTHS:
            return None
        return name, Coding(depth, sub_x, sub_y, "bt709", bool(match[1])), bool(match[1])
    if match := _PLANAR_RGB.match(name):
        return name, Coding(int(match[1] or 8), 0, 0, "rgb", True), True
    if match := _GREY.match(name):
        return name, Coding(int(match[1] or 8), 0, 0, "bt709", True, planes=1), False
    try:
        described = av.VideoFormat(name)
    except ValueError:
        return None
    if "f16" in name or "f32" in name or name.startswith(("bayer", "xyz")):
        return None
    depth = max(c.bits for c in described.components)
    depth = next((d for d in _DEPTHS if d >= depth), 16)
    tail = "" if depth == 8 else f"{depth}le"
    if described.is_rgb or described.has_palette or name.startswith("mono"):
        return coding_of("gbrp" + tail)
    if len(described.components) <= 2:
        return coding_of("gray" + tail)
    wide, tall = described.chroma_width(64), described.chroma_height(64)
    kind = next(
        (k for k, (x, y) in _SUBSAMPLING.items() if (64 >> x, 64 >> y) == (wide, tall)), None
    )
    return coding_of(f"yuv{kind}p{tail}") if kind else None


def planes_of(frame: Any, planar: str, coding: Coding) -> list[np.ndarray]:
    """The codes of a libav frame, plane by plane, as :func:`coding_of` says they are held.

    Views of libav's memory, without its padding.
    """
    if frame.format.name != planar:
        frame = frame.reformat(format=planar)
    return [plane(p, coding.dtype) for p in frame.planes[: coding.planes]]


def plane(plane: Any, dtype: type) -> np.ndarray:
    """A libav plane as an array."""
    flat: np.ndarray = np.frombuffer(plane, dtype)
    rows = flat.reshape(-1, plane.line_size // flat.itemsize)
    return rows[: plane.height, : plane.width]


def has_alpha(name: str) -> bool:
    """Whether a pixel format has an alpha channel, by its name."""
    return name.startswith(("yuva", "gbrap", "rgba", "bgra", "argb", "abgr", "ya", "ayuv", "vuya"))
