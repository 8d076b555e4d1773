"""Writing a comp: a frame's file again, with other R, G and B."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from relip.errors import OutputError, PlateError
from relip.plate.base import Picture, Plate
from relip.plate.exr import file_stamp, store, undated, write_exr, write_rows
from relip.plate.exrfile import LayoutError
from relip.plate.exrsplice import splice, touched_rows, write_pieces
from relip.plate.pngchunks import with_chunks_of
from relip.records import atomic_path

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


#: Formats other than EXR that can be written again without a loss, and their suffixes.
_SAME = {"dpx": (".dpx",), "tiff": (".tif", ".tiff"), "png": (".png",)}


def write_comp(
    path: str | Path, picture: Picture, rgb: np.ndarray, *, half: bool | None = None
) -> None:
    """Write ``picture`` again with other R, G and B.

    Of an EXR everything else is kept to the bit: header attributes of any
    type, the other channels and parts, channel types, data and display
    window, compression, pixel aspect, timecode; see
    :mod:`relip.plate.exrsplice` for the two exceptions. What ``rgb`` holds
    outside the data window is not written; overscan keeps the plate's pixels.

    DPX, TIFF and PNG can be written as what they are: codes that were not
    changed come back the same. Frames of movies, and of other formats when
    the path ends in ``.exr``, become a plain EXR. Their alpha goes with them as
    it is, and colours stay as the plate has them: those of a PNG, which are not
    multiplied by it, are not in the EXR either. Outside the matte a comp is the
    plate, and Nuke's Read (``premultiplied`` off) shows both alike.

    Parameters
    ----------
    path : str or Path
        Ending in ``.exr``, or in the plate's own suffix.
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
        If the file cannot be written, or not in the format that its suffix names.
    PlateError
        If the plate's file is not the one that was read any more.
    """
    if rgb.shape != picture.rgb.shape:
        raise ValueError(f"picture of shape {rgb.shape}, not {picture.rgb.shape}")
    spec = picture.spec
    suffix = os.path.splitext(str(path))[1].lower()
    if suffix != ".exr":
        _write_same(path, picture, rgb, suffix)
    elif spec is None:
        extra = {} if picture.alpha is None else {"A": picture.alpha}
        _write_plain(path, picture, rgb, half, extra, 1.0)
    elif spec.format != "openexr":
        aspect = spec.header.get_float_attribute("PixelAspectRatio", 1.0) or 1.0
        _write_plain(path, picture, rgb, half, _extra(spec, picture), aspect)
    else:
        _write_again(path, picture, rgb)


def check_suffix(path: str | Path, plate: Plate) -> None:
    """See that frames of a plate can be written under a name, before any work.

    Raises
    ------
    OutputError
        If its suffix is neither ``.exr`` nor the plate's own lossless format.
    """
    suffix = os.path.splitext(str(path))[1].lower()
    own = str(plate.info.get("codec"))
    if suffix == ".exr" or suffix in _SAME.get(own, ()):
        return
    raise OutputError(
        f"{path}: frames of {own if plate.kind == 'sequence' else 'a movie'} cannot be written as "
        f"{suffix or 'a file without a suffix'} without a loss",
        mend="use the suffix .exr",
    )


def _write_again(path: str | Path, picture: Picture, rgb: np.ndarray) -> None:
    """An EXR, made of the bytes of the plate's own file."""
    spec = picture.spec
    assert spec is not None
    data = _read_again(spec)
    part = spec.parts[spec.part]
    pixels = _replaced(part.pixels, spec.rgb_channels, spec.origin, rgb)
    rows = touched_rows(part.pixels, pixels)
    with atomic_path(path) as temporary:
        band = temporary.with_name(f"{temporary.stem}.rows.exr")

        def encode(first: int, last: int, kinds: dict[str, str], compression: str) -> bytes:
            try:
                write_rows(band, part.header, pixels[first:last], first, kinds, compression)
            except OutputError as error:
                # The file that the user knows, not the one beside it.
                raise OutputError(
                    f"{path} cannot be written: its new rows do not fit on the disk",
                    mend=error.mend,
                ) from None
            return band.read_bytes()

        try:
            names = part.header.channelnames
            pieces = splice(data, spec.part, pixels, names, rows, encode)
        except LayoutError as error:
            raise PlateError(
                f"{spec.source}: its layout is not understood ({error})", mend="write it again"
            ) from None
        finally:
            band.unlink(missing_ok=True)
        write_pieces(temporary, pieces)


def _read_again(spec: Any) -> bytes:
    """The plate's file, which must be the one that its pixels came from."""
    try:
        data = Path(spec.source).read_bytes()
    except OSError as error:
        raise PlateError(
            f"{spec.source}: {error.strerror or error}", mend="bring it back"
        ) from None
    if file_stamp(spec.source) != spec.stamp:
        raise PlateError(
            f"{spec.source} was changed while it was worked on", mend="run the stage again"
        )
    return data


def _write_same(path: str | Path, picture: Picture, rgb: np.ndarray, suffix: str) -> None:
    """A DPX, TIFF or PNG like the plate's."""
    spec = picture.spec
    if spec is None or suffix not in _SAME.get(spec.format, ()):
        own = spec.format if spec is not None else "a movie"
        raise OutputError(
            f"{path}: frames of {own} cannot be written as {suffix or 'a file without a suffix'} "
            "without a loss",
            mend="use the suffix .exr",
        )
    if len(spec.parts) != 1:
        raise OutputError(f"{path}: the plate has several pictures in a file", mend="use .exr")
    part = spec.parts[0]
    header = part.header.copy()
    pixels = _replaced(part.pixels, spec.rgb_channels, spec.origin, rgb)
    # Its values are colours as they were stored; they are stored like that again.
    header.attribute("oiio:UnassociatedAlpha", 1)
    undated(header)
    if spec.format != "png":
        store(path, header, pixels)
        return
    plate = _read_again(spec)
    with atomic_path(path) as temporary:
        store(temporary, header, pixels)
        again = with_chunks_of(plate, temporary.read_bytes())
        if again is not None:
            temporary.write_bytes(again)


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
