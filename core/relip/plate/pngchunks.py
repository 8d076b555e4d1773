"""A PNG's pixels in the chunks of another: what the plate's file says, the comp's says, too.

OpenImageIO writes a colour space, a gamma and primaries into a PNG that had none,
and leaves out chunks that it does not know. Here every chunk but the pixels is the
plate's, byte for byte and in its place.

See https://www.w3.org/TR/png-3/#5DataRep for the format.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def with_chunks_of(plate: bytes, made: bytes) -> bytes | None:
    """The pixels of one PNG in the chunks of another.

    Parameters
    ----------
    plate : bytes
        Gives all chunks but IHDR and IDAT.
    made : bytes
        Gives IHDR and IDAT.

    Returns
    -------
    bytes or None
        None where the chunks of the one would say something wrong of the pixels of the other:
        size, depth or kind differ (a palette was unfolded), or a file is damaged.
    """
    try:
        old, new = list(_chunks(plate)), list(_chunks(made))
    except ValueError:
        return None
    # Whether the rows are interlaced, the last byte of IHDR's body, is the coder's own choice.
    heads = [chunks[0][1][8:20] for chunks in (old, new) if chunks and chunks[0][0] == b"IHDR"]
    if len(heads) != 2 or heads[0] != heads[1]:
        return None
    kinds = [kind for kind, _ in old]
    if b"IDAT" not in kinds or b"PLTE" in kinds:
        return None
    first = kinds.index(b"IDAT")
    before = [raw for _, raw in old[1:first]]
    after = [raw for kind, raw in old[first:] if kind != b"IDAT"]
    pixels = [raw for kind, raw in new if kind == b"IDAT"]
    return b"".join([SIGNATURE, new[0][1], *before, *pixels, *after])


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and bytes of every chunk, its length and checksum among them.

    Raises
    ------
    ValueError
        If one is cut short.
    """
    if data[:8] != SIGNATURE:
        raise ValueError("no PNG")
    place = 8
    while place < len(data):
        head = data[place : place + 8]
        if len(head) < 8:
            raise ValueError("cut short")
        end = place + 12 + struct.unpack(">I", head[:4])[0]
        if end > len(data):
            raise ValueError("cut short")
        yield head[4:], data[place:end]
        place = end
