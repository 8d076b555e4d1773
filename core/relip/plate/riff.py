"""Whether an AVI is there to its end.

An AVI is a row of RIFF chunks (the first of a gigabyte at most, then more of
them: OpenDML AVI File Format Extensions, 1.02), each of which begins with four
letters and its length in bytes, little-endian.
"""

from __future__ import annotations

import os
import struct

_HEAD = struct.Struct("<4sI")


def is_whole(path: str) -> bool:
    """Whether every RIFF chunk of a file ends inside it.

    Parameters
    ----------
    path : str
    """
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        place = 0
        while place < size:
            file.seek(place)
            head = file.read(_HEAD.size)
            if len(head) < _HEAD.size:
                break
            name, length = _HEAD.unpack(head)
            if name != b"RIFF":
                break
            place += _HEAD.size + length + length % 2
    return 0 < place <= size
