"""Over: exactly what a Merge does, and the plate's own bits where the matte is zero."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relip.blend.comp import over
from relip.render.premult import premultiply


def random_pair(seed: int = 0, size: tuple[int, int] = (24, 30)):
    rng = np.random.default_rng(seed)
    plate = rng.normal(0.4, 1.0, (*size, 3)).astype(np.float32)
    alpha = rng.uniform(0, 1, size).astype(np.float32)
    alpha[rng.uniform(size=size) < 0.4] = 0
    alpha[rng.uniform(size=size) < 0.2] = 1
    patch = (rng.normal(0.4, 1.0, (*size, 3)) * alpha[..., None]).astype(np.float32)
    return plate, patch, alpha


def same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    return a.dtype == b.dtype and bool((a.view(np.uint32) == b.view(np.uint32)).all())


def test_formula():
    plate, patch, alpha = random_pair()
    result = over(plate, patch, alpha, (0, 0))
    wanted = patch + plate * (np.float32(1) - alpha[..., None])
    assert result.dtype == np.float32
    touched = alpha > 0
    assert same_bits(result[touched], wanted[touched])
    assert same_bits(result[~touched], plate[~touched])


def test_inputs_are_not_changed():
    plate, patch, alpha = random_pair()
    copies = plate.copy(), patch.copy(), alpha.copy()
    over(plate, patch, alpha, (3, 2), mix=0.3)
    for before, after in zip(copies, (plate, patch, alpha), strict=True):
        np.testing.assert_array_equal(before, after)


ODD = [np.nan, -np.nan, np.inf, -np.inf, -0.0, 0.0, 1e-45, -1e38, 65504.0]


def test_plate_bits_where_alpha_is_zero():
    """NaN with its payload, infinities, minus zero and denormals come back bit for bit."""
    plate = np.resize(np.array(ODD, np.float32), (6, 9, 3)).copy()
    plate.view(np.uint32)[0, 0, 0] = 0x7FC12345
    plate.view(np.uint32)[0, 0, 1] = 0xFFA00001
    alpha = np.zeros((6, 9), np.float32)
    for patch in (np.zeros((6, 9, 3)), np.full((6, 9, 3), np.nan), np.ones((6, 9, 3))):
        assert same_bits(over(plate, patch.astype(np.float32), alpha, (0, 0)), plate)
    alpha[2, 4] = 0.5
    result = over(plate, np.ones((6, 9, 3), np.float32), alpha, (0, 0))
    outside = alpha == 0
    assert same_bits(result[outside], plate[outside])


def test_full_alpha_is_the_patch():
    plate, patch, _ = random_pair()
    np.testing.assert_array_equal(over(plate, patch, np.ones((24, 30), np.float32), (0, 0)), patch)


def test_mix():
    plate, patch, alpha = random_pair()
    assert same_bits(over(plate, patch, alpha, (0, 0), mix=0.0), plate)
    assert same_bits(over(plate, patch, alpha, (0, 0), mix=1.0), over(plate, patch, alpha, (0, 0)))
    half = over(plate, patch, alpha, (0, 0), mix=0.5)
    middle = (plate.astype(float) + over(plate, patch, alpha, (0, 0))) / 2
    np.testing.assert_allclose(half, middle, atol=1e-6)
    assert same_bits(half[alpha == 0], plate[alpha == 0])


@settings(max_examples=120, deadline=None)
@given(
    st.integers(-12, 30), st.integers(-12, 24), st.integers(1, 12), st.integers(1, 12),
    st.integers(0, 999),
)  # fmt: skip
def test_clipped_at_the_borders(x: int, y: int, width: int, height: int, seed: int):
    """A patch anywhere, even outside, equals a patch placed on a large canvas and cut."""
    plate = np.random.default_rng(seed).uniform(size=(20, 26, 3)).astype(np.float32)
    _, patch, alpha = random_pair(seed, (height, width))
    result = over(plate, patch, alpha, (x, y))
    big_patch = np.zeros((80, 80, 3), np.float32)
    big_alpha = np.zeros((80, 80), np.float32)
    big_patch[20 + y : 20 + y + height, 20 + x : 20 + x + width] = patch
    big_alpha[20 + y : 20 + y + height, 20 + x : 20 + x + width] = alpha
    inside = (slice(20, 40), slice(20, 46))
    wanted = over(plate, big_patch[inside], big_alpha[inside], (0, 0))
    assert same_bits(result, wanted)


@pytest.mark.parametrize("half", [True, False])
def test_premultiplied_patch(half: bool):
    rng = np.random.default_rng(3)
    raw = rng.normal(0.3, 0.5, (10, 12, 3)).astype(np.float32)
    matte = rng.uniform(0, 1, (10, 12)).astype(np.float32)
    matte[:4] = 0
    raw[0, 0] = np.nan
    raw[1, 1] = np.inf
    rgb, alpha = premultiply(raw, matte, half=half)
    assert rgb.dtype == alpha.dtype == np.float32
    assert (rgb[:4] == 0).all() and (alpha[:4] == 0).all()
    stored = (lambda v: v.astype(np.float16).astype(np.float32)) if half else (lambda v: v)
    np.testing.assert_array_equal(alpha, stored(matte))
    np.testing.assert_array_equal(rgb, stored(rgb))
    np.testing.assert_array_equal(rgb[4:], stored(raw[4:] * alpha[4:, :, None]))


def test_premultiplied_half_does_not_overflow():
    raw = np.array([[[1e6, -1e6, 70000.0]]], np.float32)
    rgb, _ = premultiply(raw, np.ones((1, 1), np.float32), half=True)
    np.testing.assert_array_equal(rgb[0, 0], [65504, -65504, 65504])
    rgb, _ = premultiply(raw, np.ones((1, 1), np.float32), half=False)
    np.testing.assert_array_equal(rgb, raw)


def test_a_matte_below_half_precision_is_none():
    rgb, alpha = premultiply(
        np.ones((1, 1, 3), np.float32), np.full((1, 1), 1e-9, np.float32), half=True
    )
    assert alpha[0, 0] == 0 and not rgb.any()


def test_comp_can_be_rebuilt_from_the_stored_patch():
    """Merge over of the stored patch gives the comp's pixels, also after the comp is stored."""
    rng = np.random.default_rng(5)
    plate = rng.uniform(0, 4, (16, 16, 3)).astype(np.float16).astype(np.float32)
    rgb, alpha = premultiply(
        rng.uniform(0, 4, (16, 16, 3)).astype(np.float32),
        rng.uniform(0, 1, (16, 16)).astype(np.float32),
        half=True,
    )
    again = rgb.astype(np.float16).astype(np.float32), alpha.astype(np.float16).astype(np.float32)
    assert same_bits(over(plate, rgb, alpha, (0, 0)), over(plate, *again, (0, 0)))
