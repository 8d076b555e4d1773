"""Highlights of the plate beside the mouth are kept to the bit; elsewhere nothing happens."""

from __future__ import annotations

import numpy as np
import pytest

from relip.render.highlights import keep_highlights

SIZE = (60, 80)
MOUTH = np.array([[45, 24], [75, 24], [75, 48], [45, 48]], float)


def plate(level: float = 0.2) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.uniform(0.9 * level, 1.1 * level, (*SIZE, 3)).astype(np.float32)


def with_spot(x: int, y: int, peak: float = 40.0, level: float = 0.2) -> np.ndarray:
    ys, xs = np.mgrid[: SIZE[0], : SIZE[1]]
    glow = np.exp(-((xs - x) ** 2 + (ys - y) ** 2) / 2.0)[..., None]
    return np.maximum(plate(level), peak * glow).astype(np.float16).astype(np.float32)


@pytest.mark.parametrize("made", [0.0, 0.2, 3.0])
def test_a_highlight_beside_the_mouth_keeps_its_energy(made: float):
    original = with_spot(20, 30)
    picture = np.full_like(original, made)
    kept = keep_highlights(picture, original, [MOUTH], 1.0)
    spot = np.s_[27:34, 17:24]
    assert kept[spot].sum() >= original[spot].sum() > 40 * 3 * 5
    brightest = original[spot] > made
    np.testing.assert_array_equal(kept[spot][brightest], original[spot][brightest])
    far = np.ones(SIZE, bool)
    far[20:41, 10:31] = False
    np.testing.assert_array_equal(kept[far], picture[far])
    assert (kept >= picture).all()


def test_a_highlight_in_the_mouth_goes_with_it():
    original = with_spot(60, 36)
    picture = np.full_like(original, 0.1)
    np.testing.assert_array_equal(keep_highlights(picture, original, [MOUTH], 1.0), picture)
    moved = keep_highlights(picture, original, [MOUTH - [0, 30]], 1.0)
    assert moved.max() == original.max()


@pytest.mark.parametrize("level", [0.2, 3.0])
def test_skin_is_no_highlight_however_it_is_exposed(level: float):
    original = plate(level)
    picture = np.full_like(original, 0.3 * level)
    np.testing.assert_array_equal(keep_highlights(picture, original, [MOUTH], 1.0), picture)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_no_highlight(value: float):
    original = with_spot(20, 30)
    original[30, 40] = value
    original[30, 21, 1] = value
    kept = keep_highlights(np.full_like(original, 0.2), original, [MOUTH], 1.0)
    assert np.isfinite(kept).all()
    assert kept[30, 40].max() == np.float32(0.2)


def test_amount():
    original = with_spot(20, 30)
    picture = np.full_like(original, 0.2)
    assert keep_highlights(picture, original, [MOUTH], 1.0, 0.0) is picture
    half = keep_highlights(picture, original, [MOUTH], 1.0, 0.5)
    np.testing.assert_allclose(half[30, 20], (0.2 + original[30, 20]) / 2, rtol=1e-6)
