"""Codes to R'G'B' and back against the formulas of the standards."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from relip.plate.yuv import (
    MATRICES,
    Coding,
    chroma_shape,
    decode,
    decode_window,
    encode,
    round_half,
)


def _picture(coding: Coding, height: int, width: int, seed: int = 0) -> list[np.ndarray]:
    """Every legal code at random."""
    rng = np.random.default_rng(seed)
    scale = 1 << (coding.depth - 8)
    top = 2**coding.depth - 1
    luma = (0, top) if coding.full else (16 * scale, 235 * scale)
    chroma = (0, top) if coding.full else (16 * scale, 240 * scale)
    small = chroma_shape(coding, height, width)
    return [
        rng.integers(luma[0], luma[1] + 1, (height, width)).astype(coding.dtype),
        rng.integers(chroma[0], chroma[1] + 1, small).astype(coding.dtype),
        rng.integers(chroma[0], chroma[1] + 1, small).astype(coding.dtype),
    ]


@pytest.mark.parametrize("matrix", sorted(MATRICES))
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("depth", [8, 10, 12])
def test_decode_is_the_standards_formula(matrix: str, full: bool, depth: int) -> None:
    coding = Coding(depth, 0, 0, matrix, full)
    y, cb, cr = _picture(coding, 70, 33)
    kr, kb = MATRICES[matrix]
    if full:
        luma = y / (2**depth - 1)
        pb, pr = ((c - 2.0 ** (depth - 1)) / (2**depth - 1) for c in (cb, cr))
    else:
        scale = 2 ** (depth - 8)
        luma = (y / scale - 16) / 219
        pb, pr = ((c / scale - 128) / 224 for c in (cb, cr))
    red = luma + 2 * (1 - kr) * pr
    blue = luma + 2 * (1 - kb) * pb
    green = (luma - kr * red - kb * blue) / (1 - kr - kb)
    truth = np.stack([red, green, blue], axis=-1)
    np.testing.assert_allclose(decode([y, cb, cr], coding, half=False), truth, atol=2e-6)


@pytest.mark.parametrize(
    ("sub", "centred"), list(itertools.product([(1, 0), (1, 1), (0, 1)], [False, True]))
)
def test_chroma_of_a_ramp_lies_where_its_samples_do(sub: tuple[int, int], centred: bool) -> None:
    """Chroma that grows linearly over the picture is linear at luma resolution, unshifted."""
    coding = Coding(12, *sub, "bt709", False, centred)
    height, width = 64, 96
    rows, columns = chroma_shape(coding, height, width)
    step_y, step_x = 1 << sub[1], 1 << sub[0]
    # Positions of chroma samples in luma samples: on the first column or midway; midway in rows.
    x = np.arange(columns) * step_x + ((step_x - 1) / 2 if centred else 0)
    y = np.arange(rows) * step_y + (step_y - 1) / 2
    cb = (2048 + 8 * x[None, :] + 4 * y[:, None]).astype(np.float64)
    assert np.all(np.abs(cb - np.rint(cb)) < 1e-9)
    luma = np.full((height, width), 2000, np.uint16)
    neutral = np.full((rows, columns), 2048, np.uint16)
    rgb = decode([luma, cb.astype(np.uint16), neutral], coding, half=False)
    kr, kb = MATRICES["bt709"]
    found = (rgb[..., 2] - (2000 - 256) / 3504) / (2 * (1 - kb)) * 3584 + 2048
    truth = 2048 + 8 * np.arange(width)[None, :] + 4 * np.arange(height)[:, None]
    inner = (slice(2, -2), slice(4, -4))
    np.testing.assert_allclose(found[inner], truth[inner], atol=0.02)


@pytest.mark.parametrize("depth", [8, 10, 12])
@pytest.mark.parametrize("sub", [(0, 0), (1, 0), (1, 1)])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("centred", [False, True])
def test_every_code_comes_back(depth: int, sub: tuple[int, int], full: bool, centred: bool) -> None:
    """Also through half floats, for 8 and 10 bits."""
    for seed, matrix in enumerate(("bt709", "bt601", "bt2020")):
        coding = Coding(depth, *sub, matrix, full, centred)
        planes = _picture(coding, 130, 78, seed)
        rgb = decode(planes, coding, half=coding.fits_half)
        if coding.fits_half:
            np.testing.assert_array_equal(rgb, rgb.astype(np.float16).astype(np.float32))
        for before, after in zip(planes, encode(rgb, coding), strict=True):
            np.testing.assert_array_equal(before, after)


def test_all_ten_bit_luma_codes_stay_distinct_as_half() -> None:
    coding = Coding(10, 0, 0, "bt709", False)
    luma = np.arange(1024, dtype=np.uint16).reshape(32, 32)
    grey = np.full((32, 32), 512, np.uint16)
    rgb = decode([luma, grey, grey], coding, half=True)
    assert len(np.unique(rgb[..., 1].astype(np.float16))) == 1024
    np.testing.assert_array_equal(encode(rgb, coding)[0], luma)


def test_rgb_and_grey_codes_come_back() -> None:
    rng = np.random.default_rng(3)
    coding = Coding(10, 0, 0, "rgb", True)
    planes = [rng.integers(0, 1024, (40, 30)).astype(np.uint16) for _ in range(3)]
    rgb = decode(planes, coding, half=True)
    np.testing.assert_allclose(rgb[..., 0], planes[2] / 1023, atol=3e-4)
    np.testing.assert_allclose(rgb[..., 1], planes[0] / 1023, atol=3e-4)
    for before, after in zip(planes, encode(rgb, coding), strict=True):
        np.testing.assert_array_equal(before, after)
    grey = Coding(8, 0, 0, "bt709", False, planes=1)
    luma = rng.integers(0, 256, (40, 30)).astype(np.uint8)
    (back,) = encode(decode([luma], grey, half=True), grey)
    np.testing.assert_array_equal(back, luma)


def test_painting_changes_chroma_only_near_the_paint() -> None:
    """The inverse filter's reach is short: 20 pixels from the paint all codes are the plate's."""
    coding = Coding(8, 1, 1, "bt709", False)
    planes = _picture(coding, 128, 128)
    rgb = decode(planes, coding, half=True)
    rgb[48:80, 48:80] = (0.9, 0.2, 0.1)
    after = encode(rgb, coding)
    far = np.ones((128, 128), bool)
    far[28:100, 28:100] = False
    np.testing.assert_array_equal(after[0][far], planes[0][far])
    for before, now in zip(planes[1:], after[1:], strict=True):
        np.testing.assert_array_equal(now[far[::2, ::2]], before[far[::2, ::2]])
    # And the flat middle of the paint is what was painted.
    middle = decode(after, coding, half=False)[60:68, 60:68]
    np.testing.assert_allclose(middle, np.broadcast_to((0.9, 0.2, 0.1), (8, 8, 3)), atol=0.008)


def test_odd_sizes_decode() -> None:
    coding = Coding(8, 1, 1, "bt601", False)
    planes = _picture(coding, 35, 51)
    odd = decode(planes, coding, half=False)
    assert odd.shape == (35, 51, 3)
    padded = [np.pad(planes[0], ((0, 1), (0, 1)), "edge"), *planes[1:]]
    np.testing.assert_allclose(odd, decode(padded, coding, half=False)[:35, :51], atol=1e-6)


def test_nan_and_infinity_stay_local() -> None:
    coding = Coding(8, 1, 1, "bt709", False)
    planes = _picture(coding, 64, 64)
    rgb = decode(planes, coding, half=True)
    rgb[32, 32] = np.nan
    rgb[10, 50] = (np.inf, 0.5, 0.5)
    after = encode(rgb, coding)
    touched = after[0] != planes[0]
    assert touched.sum() <= 2
    assert (after[1] != planes[1])[:, :4].sum() == 0


def test_round_half_is_numpys() -> None:
    rng = np.random.default_rng(0)
    values = np.concatenate(
        [rng.normal(0, s, 20000) for s in (1e-6, 1e-3, 1.0, 1e3)] + [[0.0, -0.0, 65504.0, np.inf]]
    ).astype(np.float32)[None]
    np.testing.assert_array_equal(round_half(values), values.astype(np.float16).astype(np.float32))


@pytest.mark.parametrize("depth", [8, 12])
@pytest.mark.parametrize(
    ("sub", "centred"),
    [((0, 0), False), ((1, 0), False), ((1, 1), False), ((1, 1), True), ((2, 2), True)],
)
def test_a_window_is_cut_out_of_the_whole(sub: tuple[int, int], centred: bool, depth: int) -> None:
    """Also where it begins and ends between chroma samples, and at the picture's borders."""
    coding = Coding(depth, *sub, "bt709", False, centred)
    planes = _picture(coding, 90, 130)
    half = coding.fits_half
    whole = decode(planes, coding, half=half)
    for window in [
        (0, 0, 130, 90), (1, 1, 2, 2), (7, 5, 64, 77), (64, 31, 129, 89), (0, 3, 5, 90),
        (129, 0, 130, 1), (30, 66, 99, 90),
    ]:  # fmt: skip
        x0, y0, x1, y1 = window
        found = decode_window(planes, coding, window, half=half)
        atol = 0 if half else 2e-7
        np.testing.assert_allclose(found, whole[y0:y1, x0:x1], rtol=0, atol=atol)
