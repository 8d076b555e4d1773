"""Writing a comp: a frame's file again, with other R, G and B."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from relip.plate.base import Picture
from relip.plate.exr import store_parts, undated, write_exr

#: Compressions that change pixels each time they are written. Nothing but the
#: mouth may change, so these are written as zip, which is exact.
_LOSSY = ("dwaa", "dwab", "b44", "b44a")

#: Attributes of other formats that mean nothing in an EXR, or say what is no longer true.
_FOREIGN = (
    "oiio:BitsPerSample",
    "oiio:ColorSpace",
    "png:",
    "jpeg:",
    "tiff:",
    "dpx:",
    "compression",
    "CompressionQuality",
    "ResolutionUnit",
)


def write_comp(
    path: str | Path, picture: Picture, rgb: np.ndarray, *, half: bool | None = None
) -> None:
    """Write ``picture`` as an EXR with other R, G and B.

    Of an EXR everything else is kept: the other channels and parts, channel
    types and order, data and display window, compression (zip for the lossy
    DWA and B44), pixel aspect, metadata and timecode. What ``rgb`` holds
    outside the data window is not written; overscan keeps the plate's pixels.
    Frames of movies and other image formats become a plain EXR.

    Parameters
    ----------
    path : str or Path
        Ending in ``.exr``.
    picture : Picture
        As the plate gave it.
    rgb : (H, W, 3) float32
        Over the display window.
    half : bool, optional
        For frames that were no EXR: store half floats. By default when the
        values of the frame fit them.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    if rgb.shape != picture.rgb.shape:
        raise ValueError(f"picture of shape {rgb.shape}, not {picture.rgb.shape}")
    spec = picture.spec
    if spec is None:
        _write_plain(path, picture, rgb, half, {}, 1.0)
        return
    if spec.format != "openexr":
        aspect = spec.header.get_float_attribute("PixelAspectRatio", 1.0) or 1.0
        _write_plain(path, picture, rgb, half, _extra(spec, picture), aspect)
        return
    parts: list[tuple[Any, np.ndarray]] = []
    for number, part in enumerate(spec.parts):
        header, pixels = part.header.copy(), part.pixels
        if number == spec.part:
            pixels = _replaced(pixels, spec.rgb_channels, spec.origin, rgb)
        kind = header.get_string_attribute("compression")
        if kind.partition(":")[0] in _LOSSY:
            header.attribute("compression", "zip")
            header.erase_attribute("openexr:dwaCompressionLevel")
        elif kind in ("zip", "zips") and header.get_int_attribute("openexr:zipCompressionLevel", 0):
            pass
        undated(header)
        parts.append((header, pixels))
    store_parts(path, parts)


def _replaced(
    pixels: np.ndarray, channels: tuple[int, ...], origin: tuple[int, int], rgb: np.ndarray
) -> np.ndarray:
    """Stored pixels with the part of ``rgb`` that lies in their data window."""
    out = pixels.copy()
    height, width = rgb.shape[:2]
    left, top = max(origin[0], 0), max(origin[1], 0)
    right = min(origin[0] + pixels.shape[1], width)
    bottom = min(origin[1] + pixels.shape[0], height)
    if right <= left or bottom <= top:
        return out
    window = out[top - origin[1] : bottom - origin[1], left - origin[0] : right - origin[0]]
    inside = rgb[top:bottom, left:right]
    if len(channels) == 1:
        # A grey plate stays grey: luminance of what was painted.
        window[..., channels[0]] = _grey(inside)
    else:
        for place, channel in enumerate(channels):
            window[..., channel] = inside[..., place]
    return out


def _grey(rgb: np.ndarray) -> np.ndarray:
    """Luma with BT.709 weights, exactly the common value where the three are equal."""
    red, green, blue = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    mixed = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return np.where((red == green) & (green == blue), red, mixed)


def _extra(spec: Any, picture: Picture) -> dict[str, np.ndarray]:
    """Channels of another format's image that are not R, G and B, by name."""
    part = spec.parts[spec.part]
    height, width = picture.rgb.shape[:2]
    if part.pixels.shape[:2] != (height, width) or spec.origin != (0, 0):
        return {}
    names = part.header.channelnames
    return {
        names[i]: part.pixels[..., i].astype(np.float32)
        for i in range(part.pixels.shape[2])
        if i not in spec.rgb_channels
    }


def _write_plain(
    path: str | Path,
    picture: Picture,
    rgb: np.ndarray,
    half: bool | None,
    extra: dict[str, np.ndarray],
    aspect: float,
) -> None:
    if half is None:
        half = bool(np.array_equal(picture.rgb.astype(np.float16), picture.rgb, equal_nan=True))
    metadata: dict[str, Any] = {}
    if picture.spec is not None:
        for attribute in picture.spec.header.extra_attribs:
            if not attribute.name.startswith(_FOREIGN) and isinstance(
                attribute.value, (str, int, float)
            ):
                metadata[attribute.name] = attribute.value
    channels = {name: rgb[..., i] for i, name in enumerate("RGB")} | extra
    height, width = rgb.shape[:2]
    write_exr(
        path, channels, display=(width, height), half=half, metadata=metadata, pixel_aspect=aspect
    )
