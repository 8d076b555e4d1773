"""EXR files of every kind, written by the OpenEXR package and read by it: a second opinion."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

OpenEXR = pytest.importorskip("OpenEXR", reason="the OpenEXR package is the independent reader")

SIZE = (70, 50)

COMPRESSIONS = {
    "none": OpenEXR.NO_COMPRESSION,
    "rle": OpenEXR.RLE_COMPRESSION,
    "zips": OpenEXR.ZIPS_COMPRESSION,
    "zip": OpenEXR.ZIP_COMPRESSION,
    "piz": OpenEXR.PIZ_COMPRESSION,
    "pxr24": OpenEXR.PXR24_COMPRESSION,
    "b44": OpenEXR.B44_COMPRESSION,
    "b44a": OpenEXR.B44A_COMPRESSION,
    "dwaa": OpenEXR.DWAA_COMPRESSION,
    "dwab": OpenEXR.DWAB_COMPRESSION,
}
LOSSY = ("b44", "b44a", "dwaa", "dwab")

DTYPES = {"half": np.float16, "float": np.float32, "uint": np.uint32}

#: Channels of the part with the picture, and what a mixed file stores them as.
CHANNELS = {
    "R": "half",
    "G": "half",
    "B": "half",
    "A": "half",
    "depth.Z": "float",
    "id": "uint",
}


def header(compression: str, *, tiled: bool = False, **more: Any) -> dict[str, Any]:
    """A header with attributes of many types, some that OpenImageIO does not know."""
    found = {
        "compression": COMPRESSIONS[compression],
        "type": OpenEXR.tiledimage if tiled else OpenEXR.scanlineimage,
        "pixelAspectRatio": 2.0,
        "timeCode": OpenEXR.TimeCode(1, 2, 3, 4, 1, 0, 1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8),
        "keyCode": OpenEXR.KeyCode(1, 2, 3, 4, 5, 2, 20),
        "framesPerSecond": Fraction(24000, 1001),
        "owner": "the studio",
        "comments": "zażółć",
        "chromaticities": (0.713, 0.293, 0.165, 0.83, 0.128, 0.044, 0.32168, 0.33767),
        "matrix": np.arange(16, dtype=np.float32).reshape(4, 4),
        "vector": np.array([1, 2, 3], np.float32),
        "take": 7,
        "reels": ["A001", "A002"],
        "preview": OpenEXR.PreviewImage(np.full((4, 6, 4), 9, np.uint8)),
    }
    if tiled:
        found["tiles"] = OpenEXR.TileDescription()
        found["tiles"].xSize, found["tiles"].ySize = 32, 16
    return found | more


def write(
    path: Path,
    compression: str,
    types: str = "mixed",
    *,
    tiled: bool = False,
    parts: int = 1,
    size: tuple[int, int] = SIZE,
    origin: tuple[int, int] = (0, 0),
    display: tuple[int, int] | None = None,
    seed: int = 0,
    header_more: dict[str, Any] | None = None,
) -> Path:
    """An EXR whose part ``parts - 1`` holds R, G and B; other parts hold a layer each."""
    rng = np.random.default_rng(seed)
    width, height = size
    shown = display or size
    made = []
    for number in range(parts):
        own = number == parts - 1
        names = CHANNELS if own else {f"layer{number}.{c}": "float" for c in "XYZ"}
        channels = {}
        for name, kind in names.items():
            kind = kind if types == "mixed" else types
            if kind == "uint":
                channels[name] = rng.integers(0, 2**32 - 1, (height, width), dtype=np.uint32)
            else:
                values = rng.uniform(-0.5, 3.0, (height, width))
                channels[name] = values.astype(DTYPES[kind])
        windows = {
            "dataWindow": (origin, (origin[0] + width - 1, origin[1] + height - 1)),
            "displayWindow": ((0, 0), (shown[0] - 1, shown[1] - 1)),
        }
        attributes = header(compression, tiled=tiled, **windows, **(header_more or {}))
        made.append(OpenEXR.Part(attributes, channels, f"part{number}"))
    OpenEXR.File(made).write(str(path))
    return path


def differences(
    before: Path, after: Path, touched: tuple[slice, slice] | None = None
) -> list[tuple[Any, ...]]:
    """Every attribute, channel and pixel in which two files differ, by the OpenEXR package.

    Parameters
    ----------
    touched : (slice, slice), optional
        Rows and columns of the data window in which R, G and B may differ.
    """
    a, b = (OpenEXR.File(str(p), separate_channels=True).parts for p in (before, after))
    if len(a) != len(b):
        return [("parts", len(a), len(b))]
    found: list[tuple[Any, ...]] = []
    for number, (one, two) in enumerate(zip(a, b, strict=True)):
        for name in sorted({*one.header, *two.header}):
            x, y = _plain(one.header.get(name)), _plain(two.header.get(name))
            if x != y:
                found.append((number, name, x, y))
        if set(one.channels) != set(two.channels):
            found.append((number, "channels", *map(sorted, (one.channels, two.channels))))
            continue
        for name in one.channels:
            x, y = one.channels[name].pixels, two.channels[name].pixels
            if x.dtype != y.dtype or x.shape != y.shape:
                found.append((number, name, x.dtype, y.dtype))
                continue
            same = x.view(f"u{x.itemsize}") == y.view(f"u{y.itemsize}")
            if name in "RGB" and touched is not None:
                same[touched] = True
            if not same.all():
                found.append((number, name, "pixels", int((~same).sum())))
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return (value.dtype.str, value.tobytes())
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, OpenEXR.Channel):
        return (value.name, value.xSampling, value.ySampling, value.pLinear)
    if isinstance(value, OpenEXR.PreviewImage):
        return value.pixels.tobytes()
    if isinstance(value, OpenEXR.TileDescription):
        return (value.xSize, value.ySize, str(value.mode), str(value.roundingMode))
    if isinstance(value, (str, int, float, bytes, Fraction)):
        return value
    return str(value)


def channel(path: Path, name: str, part: int = 0) -> np.ndarray:
    """One channel as the OpenEXR package reads it."""
    parts: Sequence[Any] = OpenEXR.File(str(path), separate_channels=True).parts
    return parts[part].channels[name].pixels
