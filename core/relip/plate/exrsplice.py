"""Writing an EXR again with other red, green and blue in some rows, and nothing else changed.

Headers are kept byte for byte, and so are the compressed chunks of all rows
that are not touched; only the chunks with touched rows are made again. So
unknown attributes, previews, integer ids and every other layer stay what they
were, and most of the work of compressing is never done.

Two things cannot stay. A lossy compression (B44, DWA) would change the pixels
around the touched ones: a part whose rows are touched is stored with ``zip``
instead. Smaller copies of the picture (mipmaps) would no longer be copies of
it: only the full size is kept.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from relip.plate import exrfile, pxr24
from relip.plate.exrfile import LayoutError, RawFile, RawPart

_ZIP, _PXR24 = 3, 5


def splice(
    data: bytes,
    part: int,
    pixels: np.ndarray,
    names: Iterable[str],
    rows: tuple[int, int] | None,
    encode: Any,
) -> list[bytes | memoryview]:
    """The bytes of the new file, piece by piece.

    Parameters
    ----------
    data : bytes
        The plate's file.
    part : int
        Which part changes.
    pixels : (h, w, C) float16 or float32
        All its channels over its data window; unsigned integers as their bits.
    names : iterable of str
        Names of those channels.
    rows : (int, int) or None
        First and last touched row + 1 of the data window; None when nothing changed.
    encode : callable
        ``encode(first, last, kinds, compression)`` gives the bytes of an EXR of rows
        ``first`` to ``last`` (excluded) with channels ``kinds`` (a dict of name to "half" or
        "float"), stored with the name ``compression``.

    Returns
    -------
    list of bytes

    Raises
    ------
    LayoutError
        If the file cannot be taken apart.
    """
    raw = exrfile.parse(data)
    if rows is None:
        return [memoryview(data)]
    target = raw.parts[part]
    left, top, right, bottom = target.window
    if pixels.shape[:2] != (bottom - top + 1, right - left + 1):
        raise LayoutError("another data window")
    kinds = {n: {0: "float", 1: "half", 2: "float"}[k] for n, k, _ in target.channels}
    if set(kinds) != set(names):
        raise LayoutError("other channels")
    if any(struct.unpack("<ii", rest[4:12]) != (1, 1) for _, _, rest in target.channels):
        raise LayoutError("subsampled channels")
    integers = any(k == 0 for _, k, _ in target.channels)
    header = bytearray(data[: raw.header_end])
    compression = target.compression
    changed = compression in exrfile.LOSSY
    if changed:
        compression = _ZIP
        header[target.attributes["compression"].place] = compression
    levels = target.tiled and target.tile[2] != 0
    if levels:
        header[target.attributes["tiles"].place + 8] &= 0xF0
    step = target.tile[1] if target.tiled else exrfile.ROWS[compression]
    height = bottom - top + 1
    first, last = (0, height) if changed else (rows[0] // step * step, rows[1])
    last = min(-(-last // step) * step, height)
    if integers and compression == _PXR24:
        made = _made_pxr24(raw, target, pixels, list(names), (first, last), step)
    else:
        # All others treat an unsigned integer like the float of the same bits.
        band = exrfile.parse(encode(first, last, kinds, exrfile.NAMES[compression]))
        made = _made(raw, target, band, first, step, compression)
    tables, bodies = _assemble(raw, part, made, changed, levels)
    if "chunkCount" in target.attributes:
        struct.pack_into("<i", header, target.attributes["chunkCount"].place, len(tables[part]))
    return _laid_out(header, tables, bodies)


def _made(
    raw: RawFile,
    target: RawPart,
    band: RawFile,
    first: int,
    step: int,
    compression: int,
) -> dict[tuple[int, ...], bytes]:
    """New chunks by their place in the target, with their headers."""
    source = band.parts[0]
    if (source.compression, source.tiled) != (compression, target.tiled) or [
        n for n, _, _ in source.channels
    ] != [n for n, _, _ in target.channels]:
        raise LayoutError("the new rows are stored in another way")
    if target.tiled and source.tile[:2] != target.tile[:2]:
        raise LayoutError("the new rows have other tiles")
    top = target.window[1]
    made = {}
    for index, (offset, _) in enumerate(source.chunks):
        body = exrfile.chunk_body(band, source, index)
        place = exrfile.chunk_place(band, source, offset)
        if target.tiled:
            place = (place[0], place[1] + first // step, 0, 0)
        elif (place[0] - top - first) % step:
            raise LayoutError("the new rows are stored in other chunks")
        made[place] = _head(raw, target, place) + body
    return made


def _made_pxr24(
    raw: RawFile,
    target: RawPart,
    pixels: np.ndarray,
    names: list[str],
    rows: tuple[int, int],
    step: int,
) -> dict[tuple[int, ...], bytes]:
    """New chunks of a part with integers in PXR24."""
    top = target.window[1]
    order = [names.index(n) for n, _, _ in target.channels]
    kinds = [k for _, k, _ in target.channels]
    width = target.tile[0] if target.tiled else pixels.shape[1]
    made: dict[tuple[int, ...], bytes] = {}
    for first in range(rows[0], rows[1], step):
        for left in range(0, pixels.shape[1], width):
            piece = pixels[first : first + step, left : left + width]
            place: tuple[int, ...] = (top + first,)
            if target.tiled:
                place = (left // width, first // step, 0, 0)
            made[place] = _head(raw, target, place) + pxr24.chunk(piece, order, kinds)
    return made


def _head(raw: RawFile, target: RawPart, place: tuple[int, ...]) -> bytes:
    """A chunk's own header."""
    number = (raw.parts.index(target),) if raw.multipart else ()
    return struct.pack(f"<{len(number) + len(place)}i", *number, *place)


def _assemble(
    raw: RawFile, part: int, made: dict[tuple[int, ...], bytes], changed: bool, levels: bool
) -> tuple[list[list[int]], list[tuple[int, int, bytes | memoryview]]]:
    """For each part the places of its chunks in the list of bodies; and those bodies.

    A body comes with where its chunk stood before, so that the order of the
    file is kept.
    """
    whole = memoryview(raw.data)
    tables: list[list[int]] = []
    bodies: list[tuple[int, int, bytes | memoryview]] = []
    for number, each in enumerate(raw.parts):
        table = []
        if number == part and changed:
            # Tiles by row and column, scan lines by row: the order of the table.
            order = sorted(made, key=lambda p: p[::-1] if len(p) > 1 else p)
            start = min(offset for offset, _ in each.chunks)
            for place in order:
                table.append(len(bodies))
                bodies.append((start, len(bodies), made[place]))
        else:
            for offset, size in each.chunks:
                place = exrfile.chunk_place(raw, each, offset)
                if number == part:
                    if levels and place[2:] != (0, 0):
                        continue
                    new = made.get(place)
                else:
                    new = None
                table.append(len(bodies))
                body = whole[offset : offset + size] if new is None else new
                bodies.append((offset, len(bodies), body))
        tables.append(table)
    return tables, bodies


def _laid_out(
    header: bytearray, tables: list[list[int]], bodies: list[tuple[int, int, bytes | memoryview]]
) -> list[bytes | memoryview]:
    place = len(header) + 8 * sum(map(len, tables))
    offsets = [0] * len(bodies)
    pieces: list[bytes | memoryview] = []
    for _, index, body in sorted(bodies, key=lambda b: b[:2]):
        offsets[index] = place
        place += len(body)
        pieces.append(body)
    table = b"".join(struct.pack("<Q", offsets[index]) for each in tables for index in each)
    return [bytes(header), table, *pieces]


def touched_rows(before: np.ndarray, after: np.ndarray) -> tuple[int, int] | None:
    """First and last + 1 row in which two pictures of one shape and type differ in any bit."""
    if before is after or not before.size:
        return None
    unsigned = np.dtype(f"u{before.itemsize}")
    a, b = (np.ascontiguousarray(p).view(unsigned) for p in (before, after))
    rows = np.flatnonzero((a != b).any(axis=tuple(range(1, a.ndim))))
    return (int(rows[0]), int(rows[-1]) + 1) if len(rows) else None


def write_pieces(path: Path, pieces: Iterable[bytes | memoryview]) -> None:
    """Write the pieces to a file."""
    with open(path, "wb") as handle:
        for piece in pieces:
            handle.write(piece)
