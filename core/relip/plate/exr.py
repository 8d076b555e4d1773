"""Reading and writing single images: EXR with its windows, and what OpenImageIO knows besides."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from relip.errors import OutputError, PlateError
from relip.plate.base import AGAIN
from relip.plate.damage import damage
from relip.records import atomic_path

#: Header attributes that say how the file is stored, not what it shows; they are set anew.
STORAGE_KEYS = {
    "compression",
    "openexr:dwaCompressionLevel",
    "oiio:subimages",
    "oiio:subimagename",
    "PixelAspectRatio",
    "openexr:lineOrder",
    "openexr:chunkCount",
    "openexr:version",
    "version",
    "name",
    "type",
    "nuke/full_layer_names",
}


#: Attributes whose EXR type OpenImageIO needs to be told.
_TYPED = {
    "framesPerSecond": "rational",
    "smpte:TimeCode": "timecode",
    "smpte:KeyCode": "keycode",
}


def read_exr(
    path: str | Path,
) -> tuple[dict[str, np.ndarray], tuple[int, int], tuple[int, int], dict[str, Any]]:
    """An EXR's channels over its data window.

    Returns
    -------
    channels : dict of str to (h, w) float32
    origin : (int, int)
        Left column and top row of the data window, in the display window's coordinates.
    display : (int, int)
        Width and height of the display window.
    metadata : dict
        Header attributes, without what describes the storage.

    Raises
    ------
    PlateError
        If the file is missing or cannot be read.
    """
    pixels, spec = read_pixels(path)
    names = list(spec.channelnames)
    channels = {name: np.ascontiguousarray(pixels[..., i]) for i, name in enumerate(names)}
    origin = (spec.x - spec.full_x, spec.y - spec.full_y)
    metadata = {a.name: a.value for a in spec.extra_attribs if a.name not in STORAGE_KEYS}
    return channels, origin, (spec.full_width, spec.full_height), metadata


def read_image(path: str | Path) -> np.ndarray:
    """An image's channels over its display window.

    Integers are divided by their largest value.

    Returns
    -------
    (H, W, C) float32
        In the file's channel order; 0 outside the data window.

    Raises
    ------
    PlateError
        If the file is missing or cannot be read.
    """
    pixels, spec = read_pixels(path)
    window = (spec.x - spec.full_x, spec.y - spec.full_y)
    return place(pixels, window, spec.full_width, spec.full_height)


def write_exr(
    path: str | Path,
    channels: Mapping[str, np.ndarray] | np.ndarray,
    names: Sequence[str] | None = None,
    *,
    display: tuple[int, int],
    origin: tuple[int, int] = (0, 0),
    half: bool | Mapping[str, bool] = True,
    metadata: Mapping[str, Any] | None = None,
    compression: str = "zip",
    pixel_aspect: float = 1.0,
) -> None:
    """Write an EXR, whole or not at all.

    Parameters
    ----------
    path : str or Path
    channels : dict of str to (h, w) array, or (h, w, C) array
        Over the data window, which may lie inside the display window.
    names : sequence of str, optional
        Channel names of an array; ``R, G, B`` or ``R, G, B, A`` by default.
    display : (int, int)
        Width and height of the display window.
    origin : (int, int)
        Left column and top row of the data window.
    half : bool or dict of str to bool
        Store half floats instead of floats; for all channels or by name
        (channels not named are half).
    metadata : dict, optional
        Header attributes: str, int, float, Fraction-free lists of floats.
    compression : str
        ``none``, ``rle``, ``zip``, ``zips``, ``piz``, ``pxr24``, ``b44``, ``dwaa:45``, …
    pixel_aspect : float

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    import OpenImageIO as oiio

    if not isinstance(channels, Mapping):
        array = np.asarray(channels)
        if array.ndim == 2:
            array = array[..., None]
        if names is None:
            names = {1: ["Y"], 3: list("RGB"), 4: list("RGBA")}.get(array.shape[2])
        if names is None or len(names) != array.shape[2]:
            raise ValueError(f"{array.shape[2]} channels need as many names")
        channels = {name: array[..., i] for i, name in enumerate(names)}
    if not channels:
        raise ValueError("an EXR needs a channel")
    shapes = {np.shape(c) for c in channels.values()}
    if len(shapes) != 1 or len(next(iter(shapes))) != 2 or 0 in next(iter(shapes)):
        raise ValueError(f"{path}: channels of shapes {sorted(shapes)}")
    height, width = next(iter(shapes))
    spec = oiio.ImageSpec(width, height, len(channels), oiio.HALF)
    spec.channelnames = tuple(channels)
    wanted = [half.get(n, True) if isinstance(half, Mapping) else half for n in channels]
    if all(wanted):
        spec.format = oiio.TypeHalf
    elif not any(wanted):
        spec.format = oiio.TypeFloat
    else:
        spec.format = oiio.TypeFloat
        spec.channelformats = tuple(oiio.TypeHalf if h else oiio.TypeFloat for h in wanted)
    spec.x, spec.y = origin
    spec.full_x, spec.full_y = 0, 0
    spec.full_width, spec.full_height = display
    if "A" in channels:
        spec.alpha_channel = list(channels).index("A")
    for key, value in (metadata or {}).items():
        _set_attribute(spec, key, value)
    spec.attribute("compression", compression)
    spec.attribute("PixelAspectRatio", float(pixel_aspect))
    undated(spec)
    pixels = np.empty((height, width, len(channels)), np.float32)
    for i, channel in enumerate(channels.values()):
        pixels[..., i] = channel
    store(path, spec, pixels)


#: Largest image read, in pixels of its data window: 16384 x 16384.
MAX_PIXELS = 1 << 28
#: Most channels, and most bytes of all parts decoded.
MAX_CHANNELS, MAX_BYTES = 1024, 8 << 30


#: Pixels of a tile that is larger than its image.
_LARGEST_TILE = 1 << 24


def check_size(path: str | Path, headers: Sequence[Any]) -> None:
    """Refuse an image too large to be one, before memory is taken for it.

    Parameters
    ----------
    path : str or Path
    headers : sequence of OpenImageIO.ImageSpec
        Of all its parts.

    Raises
    ------
    PlateError
        Above :data:`MAX_PIXELS`, :data:`MAX_CHANNELS` or :data:`MAX_BYTES`; or with tiles
        of more pixels than any image has.
    """
    total = 0
    for header in headers:
        shown = max(header.width * header.height, header.full_width * header.full_height)
        if shown > MAX_PIXELS or min(header.full_width, header.full_height) < 1:
            raise PlateError(
                f"{path} says it is {header.width}x{header.height} in a display window of "
                f"{header.full_width}x{header.full_height}",
                mend=f"images up to {MAX_PIXELS} pixels are read; check the file",
            )
        # A reader takes memory for whole tiles, which may be said to be far larger than the image.
        tile = max(header.tile_width, 1) * max(header.tile_height, 1)
        if tile > max(header.width * header.height, _LARGEST_TILE):
            raise PlateError(
                f"{path} says its tiles are {header.tile_width}x{header.tile_height}",
                mend="the file is damaged: copy or render it again",
            )
        total += 4 * header.width * header.height * header.nchannels
        if header.nchannels > MAX_CHANNELS or total > MAX_BYTES:
            raise PlateError(
                f"{path} says it has {header.nchannels} channels of {header.width}x{header.height}",
                mend=f"up to {MAX_CHANNELS} channels and {MAX_BYTES >> 30} GiB are read; "
                "check the file",
            )


def file_stamp(path: str | Path) -> tuple[int, int]:
    """A file's size and time of change.

    Raises
    ------
    PlateError
        If it is not there.
    """
    try:
        stat = os.stat(path)
    except OSError as error:
        raise PlateError(f"{path}: {error.strerror or error}", mend="check the path") from None
    return stat.st_size, stat.st_mtime_ns


def undated(spec: Any) -> None:
    """Keep OpenImageIO from adding the time of writing: equal pictures make equal files."""
    if not any(a.name == "DateTime" for a in spec.extra_attribs):
        spec.attribute("DateTime", "")


def store(path: str | Path, spec: Any, pixels: np.ndarray) -> None:
    """Write pixels with a ready OpenImageIO spec, atomically.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    store_parts(path, [(spec, pixels)])


def write_rows(
    path: str | Path,
    header: Any,
    pixels: np.ndarray,
    first: int,
    kinds: Mapping[str, str],
    compression: str,
) -> None:
    """Write some rows of an EXR part as a file of their own, for their compressed chunks.

    Parameters
    ----------
    path : str or Path
        Written as it is, not beside its place.
    header : OpenImageIO.ImageSpec
        Of the part.
    pixels : (h, w, C) float16 or float32
    first : int
        Their first row in the part's data window.
    kinds : dict of str to str
        ``"half"`` or ``"float"`` by channel.
    compression : str

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    import OpenImageIO as oiio

    height, width, count = pixels.shape
    spec = oiio.ImageSpec(width, height, count, oiio.FLOAT)
    spec.channelnames = tuple(header.channelnames)
    wanted = [oiio.TypeHalf if kinds[n] == "half" else oiio.TypeFloat for n in spec.channelnames]
    if len(set(map(str, wanted))) == 1:
        spec.format = wanted[0]
    else:
        spec.channelformats = tuple(wanted)
    spec.x, spec.y = header.x, header.y + first
    spec.full_x, spec.full_y = spec.x, spec.y
    spec.full_width, spec.full_height = width, height
    if header.tile_width:
        spec.tile_width, spec.tile_height = header.tile_width, header.tile_height
        spec.tile_depth = 1
    spec.attribute("compression", compression)
    output = oiio.ImageOutput.create(str(path))
    fine = output.open(str(path), spec) and output.write_image(np.ascontiguousarray(pixels))
    message = output.geterror()
    if not output.close() or not fine:
        raise OutputError(
            f"{path} cannot be written: {_brief(message or output.geterror())}",
            mend="check the room on the disk",
        )


def store_parts(path: str | Path, parts: list[tuple[Any, np.ndarray]]) -> None:
    """Write an image of several parts, atomically. See :func:`store`."""
    import OpenImageIO as oiio

    with atomic_path(path) as temporary:
        output = oiio.ImageOutput.create(str(temporary))
        if output is None:
            raise OutputError(
                f"{path} cannot be written: {_brief(oiio.geterror())}", mend="use the suffix .exr"
            )
        specs = [spec for spec, _ in parts]
        fine = output.open(str(temporary), specs[0] if len(specs) == 1 else tuple(specs))
        for number, (spec, pixels) in enumerate(parts):
            if fine and number:
                fine = output.open(str(temporary), spec, "AppendSubimage")
            fine = fine and output.write_image(pixels)
        message = output.geterror()
        if not output.close() or not fine:
            raise OutputError(
                f"{path} cannot be written: {_brief(message or output.geterror())}",
                mend="check the room on the disk",
            )


def open_image(path: str | Path) -> Any:
    """An OpenImageIO input, to be closed by the caller.

    Raises
    ------
    PlateError
        If the file is missing or no image.
    """
    import OpenImageIO as oiio

    path = Path(path)
    if not path.is_file():
        raise PlateError(
            f"{path} {'is a folder' if path.is_dir() else 'does not exist'}", mend="check the path"
        )
    try:
        wrong = damage(path)
    except OSError as error:
        raise PlateError(
            f"{path} cannot be read: {error.strerror or error}", mend="check its permissions"
        ) from None
    if wrong is not None:
        raise PlateError(f"{path} is not an image that can be read ({wrong})", mend=AGAIN)
    # This reader returns its errors; the older one prints them.
    oiio.attribute("openexr:core", 1)
    config = oiio.ImageSpec()
    # Colours as they are stored: not multiplied by their alpha.
    config.attribute("oiio:UnassociatedAlpha", 1)
    image = oiio.ImageInput.open(str(path), config)
    if image is None:
        try:
            reason = _brief(oiio.geterror())
        except UnicodeDecodeError:  # it quotes the damaged bytes
            reason = "damaged"
        raise PlateError(f"{path} is not an image that can be read ({reason})", mend=AGAIN)
    return image


def read_pixels(path: str | Path, dtype: str = "float") -> tuple[np.ndarray, Any]:
    """All channels of the first part over its data window, and the OpenImageIO spec.

    Raises
    ------
    PlateError
        If the file is missing or cannot be read whole.
    """
    image = open_image(path)
    try:
        spec = image.spec()
        if spec.deep:
            raise PlateError(f"{path} is a deep image", mend="flatten it")
        check_size(path, [spec])
        try:
            pixels = image.read_image(dtype)
        except MemoryError:
            raise PlateError(
                f"{path} takes more memory than there is", mend="delete it if it is not that large"
            ) from None
        if pixels is None:
            raise PlateError(f"{path} cannot be read: {_brief(image.geterror())}", mend=AGAIN)
    finally:
        image.close()
    return pixels.reshape(spec.height, spec.width, spec.nchannels), spec


def place(pixels: np.ndarray, origin: tuple[int, int], width: int, height: int) -> np.ndarray:
    """Pixels of a data window in a display window that is 0 elsewhere.

    Parameters
    ----------
    pixels : (h, w, C)
    origin : (int, int)
        Left column and top row of the data window in the display window.
    width, height : int
        Of the display window.

    Returns
    -------
    (height, width, C) same type
    """
    rows, columns = pixels.shape[:2]
    if (columns, rows) == (width, height) and origin == (0, 0):
        return pixels
    out = np.zeros((height, width, pixels.shape[2]), pixels.dtype)
    left, top = max(origin[0], 0), max(origin[1], 0)
    right, bottom = min(origin[0] + columns, width), min(origin[1] + rows, height)
    if right > left and bottom > top:
        out[top:bottom, left:right] = pixels[
            top - origin[1] : bottom - origin[1], left - origin[0] : right - origin[0]
        ]
    return out


def _set_attribute(spec: Any, key: str, value: Any) -> None:
    import OpenImageIO as oiio

    if key in _TYPED:
        spec.attribute(key, oiio.TypeDesc(_TYPED[key]), tuple(int(v) for v in value))
        return
    if isinstance(value, bool):
        spec.attribute(key, int(value))
    elif isinstance(value, (str, int, float)):
        spec.attribute(key, value)
    elif isinstance(value, (list, tuple)) and all(isinstance(v, str) for v in value):
        spec.attribute(key, oiio.TypeDesc(f"string[{len(value)}]"), tuple(value))
    elif isinstance(value, (list, tuple, np.ndarray)):
        floats = tuple(float(v) for v in value)
        spec.attribute(key, oiio.TypeDesc(f"float[{len(floats)}]"), floats)
    else:
        spec.attribute(key, str(value))


def _brief(message: str) -> str:
    lines = [line.strip() for line in (message or "").splitlines() if line.strip()]
    return lines[0] if lines else "unknown reason"
