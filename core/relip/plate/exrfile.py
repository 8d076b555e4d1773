"""An EXR file as it lies on disk: raw header attributes and compressed chunks.

Picture libraries hand out decoded pixels and the attributes that they know.
To keep everything else of a file to the bit (previews, attributes of unknown
types, the payload of a NaN, the bytes of a lossy compression) one has to work
on the file itself. What is read here is described in "The OpenEXR File
Layout" of the Academy Software Foundation.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import numpy as np

MAGIC = b"\x76\x2f\x31\x01"

#: Flags of the version word.
_TILED, _DEEP, _MULTIPART = 0x200, 0x800, 0x1000

#: Rows of a chunk of scan lines by the number of the compression.
ROWS = {0: 1, 1: 1, 2: 1, 3: 16, 4: 32, 5: 16, 6: 32, 7: 32, 8: 32, 9: 256}
NAMES = ("none", "rle", "zips", "zip", "piz", "pxr24", "b44", "b44a", "dwaa", "dwab")

#: Compressions that change pixels each time they are applied.
LOSSY = (6, 7, 8, 9)

#: Limits of what is believed of a header.
_MAX_ATTRIBUTE = 1 << 28
_MAX_CHUNKS = 1 << 24


class LayoutError(ValueError):
    """The file is not laid out as an EXR of scan lines or tiles should be."""


@dataclass
class Attribute:
    """One header attribute: its type, its bytes and where they stand in the file."""

    type: str
    value: bytes
    place: int


@dataclass
class RawPart:
    """One part of an EXR file.

    Parameters
    ----------
    attributes : dict of str to Attribute
        In the order of the file.
    tiled : bool
    chunks : list of (int, int)
        Place and size in bytes of every chunk with its own header, in the order of the
        offset table.
    """

    attributes: dict[str, Attribute]
    tiled: bool
    chunks: list[tuple[int, int]] = field(default_factory=list)

    @property
    def window(self) -> tuple[int, int, int, int]:
        """The data window: left, top, right, bottom, the last two included."""
        return struct.unpack("<4i", self.attributes["dataWindow"].value)

    @property
    def compression(self) -> int:
        """The number of the compression; one of :data:`NAMES`."""
        return self.attributes["compression"].value[0]

    @property
    def tile(self) -> tuple[int, int, int]:
        """Width and height of a tile and the level mode (0: one level)."""
        width, height, mode = struct.unpack("<IIB", self.attributes["tiles"].value)
        return width, height, mode & 15

    @property
    def rows_per_chunk(self) -> int:
        """How many rows a chunk (or a row of tiles) holds."""
        return self.tile[1] if self.tiled else ROWS[self.compression]

    @property
    def channels(self) -> list[tuple[str, int, bytes]]:
        """Name, pixel type (0 uint, 1 half, 2 float) and the remaining bytes of each channel."""
        data, place, found = self.attributes["channels"].value, 0, []
        while place < len(data) - 1:
            end = data.index(b"\0", place)
            kind = struct.unpack_from("<i", data, end + 1)[0]
            found.append((data[place:end].decode("latin-1"), kind, data[end + 5 : end + 17]))
            place = end + 17
        return found

    def chunk_count(self) -> int:
        """How many chunks the offset table lists."""
        if "chunkCount" in self.attributes:
            return int(struct.unpack("<i", self.attributes["chunkCount"].value)[0])
        left, top, right, bottom = self.window
        width, height = right - left + 1, bottom - top + 1
        if not self.tiled:
            return -(-height // self.rows_per_chunk)
        across, down, mode = self.tile
        if mode == 0:
            return -(-width // across) * -(-height // down)
        return sum(
            -(-w // across) * -(-h // down)
            for w, h in _levels(width, height, mode, self.attributes["tiles"].value[8] >> 4)
        )


@dataclass
class RawFile:
    """A whole EXR file.

    Parameters
    ----------
    data : bytes
    parts : list of RawPart
    multipart : bool
    header_end : int
        Where the headers end and the offset tables begin.
    """

    data: bytes
    parts: list[RawPart]
    multipart: bool
    header_end: int


def parse(data: bytes) -> RawFile:
    """Find the headers and chunks of an EXR file.

    Parameters
    ----------
    data : bytes
        The whole file.

    Returns
    -------
    RawFile

    Raises
    ------
    LayoutError
        If it is no EXR of flat scan lines or tiles, or an offset points nowhere.
    """
    try:
        return _parse(data)
    except (struct.error, IndexError, KeyError, UnicodeDecodeError) as error:
        raise LayoutError(f"damaged ({error})") from None
    except ValueError as error:
        raise error if isinstance(error, LayoutError) else LayoutError(str(error)) from None


def _parse(data: bytes) -> RawFile:
    if data[:4] != MAGIC:
        raise LayoutError("no EXR")
    version = struct.unpack_from("<I", data, 4)[0]
    if version & 0xFF != 2 or version & _DEEP:
        raise LayoutError("deep, or of an unknown version")
    multipart = bool(version & _MULTIPART)
    place, parts = 8, []
    while True:
        attributes, place = _header(data, place)
        if not attributes:
            break
        kind = attributes["type"].value if "type" in attributes else b""
        tiled = kind.startswith(b"tiled") if multipart else bool(version & _TILED)
        part = RawPart(attributes, tiled)
        _check(part)
        parts.append(part)
        if not multipart:
            break
    if not parts:
        raise LayoutError("no header")
    raw = RawFile(data, parts, multipart, place)
    for part in parts:
        count = part.chunk_count()
        if not 0 < count <= _MAX_CHUNKS:
            raise LayoutError(f"{count} chunks")
        offsets = struct.unpack_from(f"<{count}Q", data, place)
        place += 8 * count
        part.chunks = [(o, _chunk_size(data, o, part.tiled, multipart)) for o in offsets]
    return raw


def _check(part: RawPart) -> None:
    """See that what the header says can be worked with.

    Raises
    ------
    LayoutError
        If it cannot. Also the errors that :func:`parse` makes into one, where values are missing.
    """
    if part.compression not in ROWS:
        raise LayoutError(f"compression {part.compression} is unknown")
    left, top, right, bottom = part.window
    if right < left or bottom < top:
        raise LayoutError("its data window is empty")
    if part.tiled and min(part.tile[:2]) < 1:
        raise LayoutError("its tiles have no size")
    channels = part.channels
    if not channels or any(kind not in (0, 1, 2) or len(rest) < 12 for _, kind, rest in channels):
        raise LayoutError("its list of channels is damaged")


def _header(data: bytes, place: int) -> tuple[dict[str, Attribute], int]:
    attributes: dict[str, Attribute] = {}
    while data[place]:
        name, place = _text(data, place)
        kind, place = _text(data, place)
        size = struct.unpack_from("<i", data, place)[0]
        place += 4
        if not 0 <= size <= _MAX_ATTRIBUTE or place + size > len(data):
            raise LayoutError(f"attribute {name!r} of {size} bytes")
        attributes[name] = Attribute(kind, data[place : place + size], place)
        place += size
    return attributes, place + 1


def _text(data: bytes, place: int) -> tuple[str, int]:
    end = data.index(b"\0", place, place + 257)
    return data[place:end].decode("latin-1"), end + 1


def _chunk_size(data: bytes, offset: int, tiled: bool, multipart: bool) -> int:
    """Size of a chunk with its header."""
    head = 4 * multipart + (16 if tiled else 4)
    if not 0 < offset <= len(data) - head - 4:
        raise LayoutError("an offset points outside the file")
    size = struct.unpack_from("<i", data, offset + head)[0]
    if size < 0 or offset + head + 4 + size > len(data):
        raise LayoutError("a chunk is cut short")
    return head + 4 + size


def _levels(width: int, height: int, mode: int, rounding: int) -> list[tuple[int, int]]:
    def sizes(size: int) -> list[int]:
        found = [size]
        while found[-1] > 1:
            half = found[-1] / 2
            found.append(int(np.ceil(half) if rounding else np.floor(half)))
        return found

    across, down = sizes(width), sizes(height)
    if mode == 2:
        return [(w, h) for h in down for w in across]
    count = max(len(across), len(down))
    across += [1] * (count - len(across))
    down += [1] * (count - len(down))
    return list(zip(across, down, strict=True))


def chunk_place(raw: RawFile, part: RawPart, offset: int) -> tuple[int, ...]:
    """What a chunk says of itself: its first row; of a tile column, row and level."""
    start = offset + 4 * raw.multipart
    return struct.unpack_from("<4i" if part.tiled else "<i", raw.data, start)


def chunk_body(raw: RawFile, part: RawPart, index: int) -> bytes:
    """Size and compressed bytes of a chunk, without its header."""
    offset, size = part.chunks[index]
    head = 4 * raw.multipart + (16 if part.tiled else 4)
    return raw.data[offset + head : offset + size]
