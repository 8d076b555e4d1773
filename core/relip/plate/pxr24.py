"""The PXR24 compression of EXR, for parts that hold unsigned integers.

OpenImageIO cannot write integers beside floats, so such chunks are made here.
The scheme is Pixar's, as OpenEXR documents it: floats are rounded to 24 bits,
each row of each channel is stored as differences of neighbouring pixels, their
bytes in planes (the high ones first), and all that is deflated.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

import numpy as np

_EXPONENT, _MANTISSA, _SIGN = 0x7F800000, 0x007FFFFF, 0x80000000


def float24(bits: np.ndarray) -> np.ndarray:
    """Bits of float32 values rounded to their 24 high bits, as 24-bit codes.

    Parameters
    ----------
    bits : ndarray of uint32

    Returns
    -------
    ndarray of uint32, same shape
    """
    bits = bits.astype(np.uint32)
    exponent, mantissa = bits & np.uint32(_EXPONENT), bits & np.uint32(_MANTISSA)
    whole = exponent | mantissa
    code = (whole + (mantissa & np.uint32(0x80))) >> np.uint32(8)
    # Rounding up to infinity is not wanted.
    code = np.where(code >= 0x7F8000, whole >> np.uint32(8), code)
    payload = mantissa >> np.uint32(8)
    odd = (exponent >> np.uint32(8)) | payload | ((payload == 0) & (mantissa != 0))
    code = np.where(exponent == _EXPONENT, odd, code)
    return ((bits & np.uint32(_SIGN)) >> np.uint32(8) | code).astype(np.uint32)


def _planes(values: np.ndarray, count: int) -> np.ndarray:
    """Differences along a row, as ``count`` byte planes: (h, w) to (h, count x w)."""
    steps = np.diff(values, axis=1, prepend=np.zeros((len(values), 1), values.dtype))
    parts = [(steps >> (8 * i)).astype(np.uint8) for i in reversed(range(count))]
    return np.concatenate(parts, axis=1)


def chunk(rows: np.ndarray, order: Sequence[int], kinds: Sequence[int]) -> bytes:
    """The size and the compressed bytes of one chunk.

    Parameters
    ----------
    rows : (h, w, C) float32
        Unsigned integers as their bits.
    order : sequence of int
        Places of the channels in ``rows``, in the order of the file.
    kinds : sequence of int
        Their pixel types: 0 uint, 1 half, 2 float.

    Returns
    -------
    bytes
    """
    packed, plain = [], []
    for place, kind in zip(order, kinds, strict=True):
        values = np.ascontiguousarray(rows[..., place], np.float32)
        if kind == 1:
            codes = values.astype("<f2")
            packed.append(_planes(codes.view("<u2").astype(np.uint16), 2))
            plain.append(codes.view(np.uint8))
        else:
            bits = values.view(np.uint32)
            packed.append(_planes(float24(bits), 3) if kind == 2 else _planes(bits, 4))
            plain.append(bits.astype("<u4").view(np.uint8))
    data = zlib.compress(np.concatenate(packed, axis=1).tobytes(), 4)
    size = sum(p.size for p in plain)
    if len(data) >= size:
        data = np.concatenate([p.reshape(len(rows), -1) for p in plain], axis=1).tobytes()
    return struct.pack("<i", len(data)) + data
