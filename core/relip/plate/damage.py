"""Damage that the picture libraries print instead of reporting, or pass over in silence.

libpng prints a line of its own to stderr for every damaged file; libjpeg fills
what a truncated file lacks with grey and calls it a warning. Both kinds of
files are looked at here before those libraries see them.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"

#: Samples a pixel by PNG colour type, and the bit depths that a sample may have.
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_DEPTHS = (1, 2, 4, 8, 16)

#: Decoded pixels beyond this many bytes are left to the reader's own limit.
_MAX_DECODED = 1 << 31


def damage(path: str | Path) -> str | None:
    """What is wrong with a PNG or a JPEG.

    Parameters
    ----------
    path : path

    Returns
    -------
    str or None
        None when nothing is, and for files of other formats.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    with open(path, "rb") as file:
        head = file.read(8)
        if head != _PNG and head[:3] != _JPEG:
            return None
        data = head + file.read()
    return _png(data) if head == _PNG else _jpeg(data)


def _jpeg(data: bytes) -> str | None:
    # In the coded picture 0xFF is followed by 0: the marker after the last scan's is the end's.
    if data.rfind(b"\xff\xd9") < data.rfind(b"\xff\xda"):
        return "it is cut short: its end marker is missing"
    return None


def _png(data: bytes) -> str | None:
    header, coded, ended = b"", [], False
    try:
        for kind, body in _chunks(data):
            if kind == b"IHDR" and not header:
                header = body
            elif kind == b"IDAT":
                coded.append(body)
            ended = kind == b"IEND"
    except ValueError as error:
        return str(error)
    if not ended:
        return "it is cut short: its last chunk is missing"
    if len(header) != 13:
        return "its header is damaged"
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    if colour not in _SAMPLES or depth not in _DEPTHS or not width or not height:
        return "its header is damaged"
    if not coded:
        return "it holds no pixels"
    row = 1 + -(-width * _SAMPLES[colour] * depth // 8)
    if row * height > _MAX_DECODED:
        return None
    stream = zlib.decompressobj()
    try:
        # Interlaced pictures are a little larger: their seven parts have rows of their own.
        pixels = stream.decompress(b"".join(coded), 2 * row * height + 64)
    except zlib.error as error:
        return f"its compressed pixels are damaged ({error})"
    if not interlaced:
        if len(pixels) < row * height:
            return "rows of its pixels are missing"
        if np.frombuffer(pixels[: row * height], np.uint8)[::row].max() > 4:
            return "its compressed pixels are damaged (unknown row filter)"
    return None


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and body of each chunk, up to the last one.

    Raises
    ------
    ValueError
        If one is cut short, or its checksum is wrong.
    """
    place = len(_PNG)
    while place + 12 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, place)
        end = place + 12 + size
        name = kind.decode("latin-1") if kind.isalpha() else "?"
        if end > len(data):
            raise ValueError(f"it is cut short in a chunk {name}")
        if zlib.crc32(data[place + 4 : end - 4]) != struct.unpack_from(">I", data, end - 4)[0]:
            raise ValueError(f"the checksum of a chunk {name} is wrong")
        yield kind, data[place + 8 : end - 4]
        if kind == b"IEND":
            return
        place = end
    if place < len(data):
        raise ValueError("it is cut short between two chunks")
