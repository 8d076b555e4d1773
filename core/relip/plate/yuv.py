"""Codes of a video picture to R'G'B' floats and back, without losing a bit.

Video stores luma and chroma as integers, chroma mostly at a lower resolution.
:func:`decode` makes float R'G'B' of them, :func:`encode` is its exact inverse:
codes that were decoded and not painted over come back unchanged, also after
the R'G'B' values were rounded to half (8 and 10 bits).

Sources: ITU-R BT.601, BT.709 and BT.2020 for the matrices and code ranges;
ITU-T H.273 for the tags and for where chroma samples lie. Chroma is
interpolated linearly; its samples lie on the even luma columns and midway
between two luma rows (H.273 type 0, what MPEG-2, H.264, HEVC and ProRes mean
when they say nothing) or midway in both directions (type 1, JPEG).

The inverse of the interpolation ``U`` is its least-squares inverse
``(U^T U)^-1 U^T``: the chroma samples whose interpolation comes closest to the
painted picture. Where the picture is itself an interpolation it is exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from relip.plate.base import Window

#: Luma weights of red and blue by matrix name.
MATRICES = {
    "bt709": (0.2126, 0.0722),
    "bt601": (0.299, 0.114),
    "bt2020": (0.2627, 0.0593),
    "smpte240m": (0.212, 0.087),
    "fcc": (0.30, 0.11),
}

#: Rows converted at once: small enough for the processor's cache.
_STRIP = 64

#: Half length of the inverse filters; the poles are 0.172 and 1/3, so what is cut is < 1e-6.
_TAPS = 13


@dataclass(frozen=True)
class Coding:
    """How a picture's codes stand for R'G'B'.

    Parameters
    ----------
    depth : int
        Bits of a code, 8 to 16.
    sub_x, sub_y : int
        Binary logarithm of the chroma subsampling: 4:2:0 is ``(1, 1)``.
    matrix : str
        A key of :data:`MATRICES`, or ``"rgb"`` when the planes are G, B, R.
    full : bool
        True for full-range ("JPEG") codes, False for video range.
    centred : bool
        True when chroma samples lie midway between luma columns (JPEG).
    planes : int
        3, or 1 for a grey picture.
    """

    depth: int
    sub_x: int
    sub_y: int
    matrix: str
    full: bool
    centred: bool = False
    planes: int = 3

    @property
    def dtype(self) -> type:
        """The integer type that holds a code."""
        return np.uint8 if self.depth == 8 else np.uint16

    @property
    def fits_half(self) -> bool:
        """True when half floats keep the codes distinct."""
        return self.depth <= 10

    def luma_range(self) -> tuple[float, float]:
        """Code of black, and codes from black to white."""
        if self.full:
            return 0.0, float(2**self.depth - 1)
        return float(16 << (self.depth - 8)), float(219 << (self.depth - 8))

    def chroma_range(self) -> tuple[float, float]:
        """Code of no colour, and codes from -1/2 to 1/2."""
        middle = float(1 << (self.depth - 1))
        return middle, float(2**self.depth - 1 if self.full else 224 << (self.depth - 8))


def chroma_shape(coding: Coding, height: int, width: int) -> tuple[int, int]:
    """Rows and columns of a chroma plane of a ``height`` x ``width`` picture."""
    return -(-height >> coding.sub_y), -(-width >> coding.sub_x)


def round_half(values: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Round float32 values to the nearest half float, as float32.

    Parameters
    ----------
    values : (H, W[, C]) float32
    out : same shape float32, optional
        Where to write; may be ``values``.

    Raises
    ------
    MemoryError
        If there is too little.
    """
    try:
        return cv2.convertFp16(cv2.convertFp16(values), out)
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            raise MemoryError(f"for {values.nbytes} bytes") from None
        raise


def decode(planes: list[np.ndarray], coding: Coding, *, half: bool) -> np.ndarray:
    """R'G'B' of a picture's codes.

    Parameters
    ----------
    planes : list of (h, w) uint8 or uint16
        Y, Cb, Cr, or G, B, R for ``matrix="rgb"``, or one grey plane.
    coding : Coding
    half : bool
        Round the result to half floats.

    Returns
    -------
    (H, W, 3) float32
        Black 0, white 1; codes outside the nominal range go below 0 and above 1.
    """
    height, width = planes[0].shape
    out = np.empty((height, width, 3), np.float32)
    sub_x, sub_y = coding.sub_x, coding.sub_y
    subsampled = coding.planes == 3 and (sub_x > 0 or sub_y > 0)
    # 4:2:0 interpolates in steps of 1/8, so the sums are exact in 16 bits up to 13-bit codes.
    whole = (
        subsampled
        and max(sub_x, sub_y) <= 1
        and coding.depth + sub_x + 2 * sub_y <= 16
        and not (coding.centred and sub_x)
    )
    matrix = _decode_matrix(coding, 1 << (sub_x + 2 * sub_y) if whole else 1)
    tall: list[np.ndarray] = []
    if subsampled and not whole:
        tall = [_upsample(p.astype(np.float32), coding, height, width) for p in planes[1:]]
    for top in range(0, height, _STRIP):
        bottom = min(top + _STRIP, height)
        luma: np.ndarray = planes[0][top:bottom]
        if coding.planes == 1:
            triple: np.ndarray = cv2.merge([luma, luma, luma]).astype(np.float32)
        elif tall:
            triple = cv2.merge([luma.astype(np.float32), *(p[top:bottom] for p in tall)])
        elif subsampled:
            wide = [_upsample_whole(p, coding, top, bottom, width) for p in planes[1:]]
            triple = cv2.merge([luma.astype(np.uint16), *wide]).astype(np.float32)
        else:
            triple = cv2.merge([p[top:bottom] for p in planes]).astype(np.float32)
        strip = out[top:bottom]
        if half:
            cv2.convertFp16(cv2.convertFp16(cv2.transform(triple, matrix)), strip)
        else:
            cv2.transform(triple, matrix, strip)
    return out


def decode_window(
    planes: list[np.ndarray], coding: Coding, rect: Window, *, half: bool
) -> np.ndarray:
    """What :func:`decode` gives in a rectangle, without converting the rest.

    Parameters
    ----------
    planes, coding, half
        Of the whole picture, as for :func:`decode`.
    rect : tuple of int
        x0, y0, x1, y1 inside the picture.

    Returns
    -------
    (y1 - y0, x1 - x0, 3) float32
    """
    height, width = planes[0].shape
    x0, y0, x1, y1 = rect
    # Interpolation reaches one chroma sample to each side.
    left, top, right, bottom = _around(rect, coding, 2, (width, height))
    part = [planes[0][top:bottom, left:right]]
    for plane in planes[1:]:
        rows = slice(top >> coding.sub_y, -(-bottom >> coding.sub_y))
        part.append(plane[rows, left >> coding.sub_x : -(-right >> coding.sub_x)])
    found = decode([np.ascontiguousarray(p) for p in part], coding, half=half)
    return found[y0 - top : y1 - top, x0 - left : x1 - left]


def paint(
    planes: list[np.ndarray],
    coding: Coding,
    rgb: np.ndarray,
    rect: Window,
    *,
    half: bool,
) -> list[np.ndarray]:
    """Codes of a picture of which a rectangle was painted over.

    What :func:`encode` gives for the whole painted picture; codes farther
    from the rectangle than its inverse filter reaches are not touched.

    Parameters
    ----------
    planes : list of (h, w) uint8 or uint16
        The picture's codes.
    coding : Coding
        Theirs.
    rgb : (y1 - y0, x1 - x0, 3) float32
        The new pixels.
    rect : tuple of int
        x0, y0, x1, y1 inside the picture.
    half : bool
        As the pixels that are left were decoded.

    Returns
    -------
    list of (h, w) uint8 or uint16
        New arrays.
    """
    height, width = planes[0].shape
    x0, y0, x1, y1 = rect
    result = [plane.copy() for plane in planes]
    if x1 <= x0 or y1 <= y0:
        return result
    reached = _around(rect, coding, _TAPS, (width, height))
    seen = _around(reached, coding, _TAPS, (width, height))
    left, top, right, bottom = seen
    window = decode_window(planes, coding, seen, half=half)
    window[y0 - top : y1 - top, x0 - left : x1 - left] = rgb
    for number, codes in enumerate(encode(window, coding)):
        sub_x, sub_y = (coding.sub_x, coding.sub_y) if number else (0, 0)
        a, b, c, d = rect if not number else reached
        inner = codes[(b - top) >> sub_y : (d - top) >> sub_y, (a - left) >> sub_x :]
        place = (slice(b >> sub_y, d >> sub_y), slice(a >> sub_x, c >> sub_x))
        result[number][place] = inner[:, : (c - a) >> sub_x]
    return result


def _around(rect: Window, coding: Coding, samples: int, size: tuple[int, int]) -> Window:
    """A rectangle grown by some chroma samples, its borders between such, inside the picture."""
    x0, y0, x1, y1 = rect
    width, height = size
    across, down = 1 << coding.sub_x, 1 << coding.sub_y
    return (
        max((x0 // across - samples) * across, 0),
        max((y0 // down - samples) * down, 0),
        min((-(-x1 // across) + samples) * across, width),
        min((-(-y1 // down) + samples) * down, height),
    )


def encode(rgb: np.ndarray, coding: Coding) -> list[np.ndarray]:
    """Codes of an R'G'B' picture: the inverse of :func:`decode`.

    Parameters
    ----------
    rgb : (H, W, 3) float32
        Values that have no code are clipped; NaN becomes black.
    coding : Coding
        Subsampled directions need an even number of pixels.

    Returns
    -------
    list of (h, w) uint8 or uint16
    """
    height, width = rgb.shape[:2]
    if (coding.sub_x and width % 2) or (coding.sub_y and height % 2):
        raise ValueError(f"{width}x{height} cannot be subsampled")
    if coding.sub_x > 1 or coding.sub_y > 1:
        raise ValueError("only 4:4:4, 4:2:2, 4:2:0 and 4:4:0 are written")
    matrix = _encode_matrix(coding)
    first: np.ndarray = np.empty((height, width), coding.dtype)
    top_code = 2**coding.depth - 1
    if coding.planes == 1:
        for top in range(0, height, _STRIP):
            strip = cv2.transform(rgb[top : top + _STRIP], matrix[:1])
            first[top : top + _STRIP] = _codes(strip, top_code, coding)
        return [first]
    middle = 0.0 if coding.matrix == "rgb" else float(1 << (coding.depth - 1))
    floats = [np.empty((height, width >> coding.sub_x), np.float32) for _ in range(2)]
    for top in range(0, height, _STRIP):
        rows = slice(top, min(top + _STRIP, height))
        luma, *chroma = cv2.split(cv2.transform(np.ascontiguousarray(rgb[rows]), matrix))
        first[rows] = _codes(luma, top_code, coding)
        for plane, values in zip(floats, chroma, strict=True):
            # What has no finite value or no code would spread through the inverse filter.
            cv2.patchNaNs(values, middle)
            np.clip(values, -top_code, 2 * top_code, out=values)
            plane[rows] = _narrow(values, coding) if coding.sub_x else values
    if coding.sub_y:
        floats = [_lower(plane) for plane in floats]
    return [first, *(_codes(plane, top_code, coding) for plane in floats)]


def _codes(values: np.ndarray, top_code: int, coding: Coding) -> np.ndarray:
    if coding.depth == 8:
        return cv2.convertScaleAbs(np.maximum(values, 0.0))
    cv2.patchNaNs(values, coding.luma_range()[0])
    return np.rint(np.clip(values, 0.0, float(top_code))).astype(np.uint16)


def _decode_matrix(coding: Coding, gain: int) -> np.ndarray:
    """3x4 matrix from codes (chroma times ``gain``) to R'G'B'."""
    black, luma = coding.luma_range()
    middle, chroma = coding.chroma_range()
    if coding.planes == 1:
        rows = np.zeros((3, 4))
        rows[:, 0], rows[:, 3] = 1 / luma, -black / luma
        return rows.astype(np.float32)
    if coding.matrix == "rgb":
        rows = np.zeros((3, 4))
        for row, plane in enumerate((2, 0, 1)):
            rows[row, plane], rows[row, 3] = 1 / luma, -black / luma
        return rows.astype(np.float32)
    inverse = np.linalg.inv(_rgb_to_ycc(coding.matrix))
    scale = np.array([1 / luma, 1 / (chroma * gain), 1 / (chroma * gain)])
    offset = inverse @ np.array([-black / luma, -middle / chroma, -middle / chroma])
    return np.column_stack([inverse * scale, offset]).astype(np.float32)


def _encode_matrix(coding: Coding) -> np.ndarray:
    """3x4 matrix from R'G'B' to codes."""
    black, luma = coding.luma_range()
    middle, chroma = coding.chroma_range()
    if coding.matrix == "rgb":
        rows = np.zeros((3, 4))
        for row, channel in enumerate((1, 2, 0)):
            rows[row, channel], rows[row, 3] = luma, black
        return rows.astype(np.float32)
    if coding.planes == 1:
        kr, kb = MATRICES["bt709"]
        rows = np.array([[kr * luma, (1 - kr - kb) * luma, kb * luma, black]] * 3)
        return rows.astype(np.float32)
    forward = _rgb_to_ycc(coding.matrix) * np.array([[luma], [chroma], [chroma]])
    return np.column_stack([forward, [black, middle, middle]]).astype(np.float32)


def _rgb_to_ycc(name: str) -> np.ndarray:
    """3x3 matrix from R'G'B' to Y', Pb, Pr (BT.601 section 2.5.1 with any weights)."""
    kr, kb = MATRICES[name]
    kg = 1 - kr - kb
    return np.array(
        [
            [kr, kg, kb],
            [-kr / (2 * (1 - kb)), -kg / (2 * (1 - kb)), 0.5],
            [0.5, -kg / (2 * (1 - kr)), -kb / (2 * (1 - kr))],
        ]
    )


def _upsample_whole(
    plane: np.ndarray, coding: Coding, top: int, bottom: int, width: int
) -> np.ndarray:
    """Luma rows ``top`` to ``bottom`` of a chroma plane, times 2 (4:2:2) or 8 (4:2:0)."""
    if coding.sub_y:
        count = plane.shape[0]
        first, last = top // 2, (bottom + 1) // 2
        rows = plane[max(first - 1, 0) : min(last + 1, count)].astype(np.uint16)
        if first == 0:
            rows = np.concatenate([rows[:1], rows])
        if last == count:
            rows = np.concatenate([rows, rows[-1:]])
        centre = rows[1:-1] * np.uint16(3)
        tall = np.empty((2 * (last - first), plane.shape[1]), np.uint16)
        np.add(centre, rows[:-2], out=tall[0::2])
        np.add(centre, rows[2:], out=tall[1::2])
        tall = tall[: bottom - top]
    else:
        tall = plane[top:bottom].astype(np.uint16)
    if not coding.sub_x:
        return tall
    even = tall * np.uint16(2)
    odd = tall.copy()
    odd[:, :-1] += tall[:, 1:]
    odd[:, -1] *= np.uint16(2)
    wide = cv2.merge([even, odd]).reshape(tall.shape[0], -1)
    return wide if wide.shape[1] == width else wide[:, :width]


def _upsample(plane: np.ndarray, coding: Coding, height: int, width: int) -> np.ndarray:
    """A float chroma plane at luma resolution, for every subsampling and both sitings."""
    for _ in range(coding.sub_y):
        plane = _double_midway(plane.T).T
    for _ in range(coding.sub_x):
        plane = _double_midway(plane) if coding.centred else _double_cosited(plane)
    return np.ascontiguousarray(plane[:height, :width])


def _double_midway(plane: np.ndarray) -> np.ndarray:
    padded = np.concatenate([plane[:, :1], plane, plane[:, -1:]], axis=1)
    out = np.empty((plane.shape[0], 2 * plane.shape[1]), np.float32)
    out[:, 0::2] = 0.75 * plane + 0.25 * padded[:, :-2]
    out[:, 1::2] = 0.75 * plane + 0.25 * padded[:, 2:]
    return out


def _double_cosited(plane: np.ndarray) -> np.ndarray:
    out = np.empty((plane.shape[0], 2 * plane.shape[1]), np.float32)
    out[:, 0::2] = plane
    out[:, 1:-1:2] = 0.5 * (plane[:, :-1] + plane[:, 1:])
    out[:, -1] = plane[:, -1]
    return out


def _narrow(plane: np.ndarray, coding: Coding) -> np.ndarray:
    """The least-squares inverse of the horizontal interpolation, (h, W) to (h, W/2).

    ``U^T`` gathers the luma samples each chroma sample reaches; ``U^T U`` is
    tridiagonal, and its inverse a two-sided geometric filter. Mirrored borders
    agree with the interpolation's repeated border samples, so the inverse is
    exact up to the edge.
    """
    even = np.ascontiguousarray(plane[:, 0::2])
    odd = np.ascontiguousarray(plane[:, 1::2])
    if coding.centred:
        left = np.concatenate([even[:, :1], odd[:, :-1]], axis=1)
        right = np.concatenate([even[:, 1:], odd[:, -1:]], axis=1)
        gathered = 0.75 * (even + odd) + 0.25 * (left + right)
        kernel, border = _MIDWAY, cv2.BORDER_REFLECT
    else:
        # Mirrored about the first chroma sample, and about the last luma column.
        before = np.concatenate([odd[:, :1], odd[:, :-1]], axis=1)
        gathered = even + 0.5 * (before + odd)
        kernel, border = _COSITED, cv2.BORDER_REFLECT_101
    gathered = cv2.copyMakeBorder(gathered, 0, 0, _TAPS, 0, border)
    gathered = cv2.copyMakeBorder(gathered, 0, 0, 0, _TAPS, cv2.BORDER_REFLECT)
    solved = cv2.sepFilter2D(gathered, cv2.CV_32F, kernel, _ONE)
    return solved[:, _TAPS:-_TAPS]


def _lower(plane: np.ndarray) -> np.ndarray:
    """The least-squares inverse of the vertical interpolation, (H, w) to (H/2, w)."""
    above, below = plane[0::2], plane[1::2]
    gathered = above + below
    gathered *= 0.75
    gathered[1:] += 0.25 * below[:-1]
    gathered[0] += 0.25 * above[0]
    gathered[:-1] += 0.25 * above[1:]
    gathered[-1] += 0.25 * below[-1]
    return cv2.sepFilter2D(gathered, cv2.CV_32F, _ONE, _MIDWAY, borderType=cv2.BORDER_REFLECT)


def _geometric(diagonal: float, beside: float, half_length: int) -> np.ndarray:
    """Inverse of the tridiagonal Toeplitz operator: ``pole^|n| / (diagonal + 2 beside pole)``."""
    pole = (-diagonal + (diagonal * diagonal - 4 * beside * beside) ** 0.5) / (2 * beside)
    taps = pole ** np.abs(np.arange(-half_length, half_length + 1))
    return (taps / (diagonal + 2 * beside * pole)).astype(np.float32)


_ONE = np.ones(1, np.float32)
_COSITED = _geometric(1.5, 0.25, 9)
_MIDWAY = _geometric(1.25, 0.375, _TAPS)
