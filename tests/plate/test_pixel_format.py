"""Pixel formats: every code as it is held."""

from __future__ import annotations

import av
import numpy as np
import pytest

from relip.plate.pixel_format import coding_of, planes_of


def _fill(pix_fmt: str, planes: list[np.ndarray], size: tuple[int, int]) -> av.VideoFrame:
    frame = av.VideoFrame(*size, pix_fmt)
    for plane, codes in zip(frame.planes, planes, strict=True):
        rows = np.frombuffer(plane, codes.dtype)
        rows = rows.reshape(-1, plane.line_size // codes.itemsize)
        rows[:, : codes.shape[1]] = codes
    return frame


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
@pytest.mark.parametrize("kind", ["420", "422", "444"])
def test_two_plane_formats_keep_their_codes(bits: int, kind: str) -> None:
    names = {
        8: {"420": "nv12", "422": "nv16", "444": "nv24"},
        10: {"420": "p010le", "422": "p210le", "444": "p410le"},
        12: {"420": "p012le", "422": "p212le", "444": "p412le"},
        16: {"420": "p016le", "422": "p216le", "444": "p416le"},
    }
    rng = np.random.default_rng(0)
    pix_fmt = names[bits][kind]
    dtype = np.uint8 if bits == 8 else np.uint16
    shift = 0 if bits in (8, 16) else 16 - bits
    rows, columns = {"420": (32, 48), "422": (64, 48), "444": (64, 96)}[kind]
    luma = rng.integers(0, 1 << bits, (64, 96)).astype(dtype)
    chroma = rng.integers(0, 1 << bits, (rows, columns, 2)).astype(dtype)
    frame = _fill(pix_fmt, [luma << shift, chroma.reshape(rows, -1) << shift], (96, 64))
    found = coding_of(pix_fmt)
    assert found is not None
    planes = planes_of(frame, found[0], found[1])
    assert found[1].depth == bits
    np.testing.assert_array_equal(planes[0], luma)
    np.testing.assert_array_equal(planes[1], chroma[..., 0])
    np.testing.assert_array_equal(planes[2], chroma[..., 1])


@pytest.mark.parametrize(
    ("pix_fmt", "places"),
    [
        ("uyvy422", None),
        ("yuyv422", None),
        ("rgb24", (0, 1, 2)),
        ("bgr24", (2, 1, 0)),
        ("rgba", (0, 1, 2)),
        ("bgra", (2, 1, 0)),
        ("argb", (1, 2, 3)),
        ("rgb48le", (0, 1, 2)),
        ("rgba64le", (0, 1, 2)),
    ],
)
def test_packed_formats_keep_their_codes(pix_fmt: str, places: tuple[int, ...] | None) -> None:
    rng = np.random.default_rng(0)
    deep = "48" in pix_fmt or "64" in pix_fmt
    dtype = np.uint16 if deep else np.uint8
    count = 2 if places is None else 4 if "a" in pix_fmt else 3
    packed = rng.integers(0, 65536 if deep else 256, (64, 96, count)).astype(dtype)
    frame = _fill(pix_fmt, [packed.reshape(64, -1)], (96, 64))
    found = coding_of(pix_fmt)
    assert found is not None
    planes = planes_of(frame, found[0], found[1])
    if places is None:
        luma = 1 if pix_fmt == "uyvy422" else 0
        expected = [packed[..., luma], packed[:, 0::2, 1 - luma], packed[:, 1::2, 1 - luma]]
    else:
        red, green, blue = (packed[..., p] for p in places)
        expected = [green, blue, red]
    for plane, codes in zip(planes, expected, strict=True):
        np.testing.assert_array_equal(plane, codes)


@pytest.mark.parametrize("pix_fmt", ["gbrpf32le", "xyz12le", "bayer_rggb8", "grayf32le"])
def test_formats_that_cannot_be_read_exactly_are_refused(pix_fmt: str) -> None:
    assert coding_of(pix_fmt) is None
