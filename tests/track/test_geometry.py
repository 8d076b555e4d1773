"""Similarities: exact on exact points, sturdy with wrong ones, and OpenCV's half pixel."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relip.track import geometry


def similarity(scale: float, angle: float, x: float, y: float) -> np.ndarray:
    c, s = scale * np.cos(angle), scale * np.sin(angle)
    return np.array([[c, -s, x], [s, c, y]])


transforms = st.builds(
    similarity,
    st.floats(0.05, 20),
    st.floats(-np.pi, np.pi),
    st.floats(-2000, 2000),
    st.floats(-2000, 2000),
)


@settings(max_examples=60, deadline=None)
@given(transforms, st.integers(0, 2**32 - 1))
def test_fit_recovers_the_transform(wanted: np.ndarray, seed: int):
    source = np.random.default_rng(seed).uniform(-300, 300, (12, 2))
    target = geometry.apply(wanted, source)
    found = geometry.fit_similarity(source, target)
    np.testing.assert_allclose(geometry.apply(found, source), target, atol=1e-7)
    np.testing.assert_allclose(found[:, :2], wanted[:, :2], atol=1e-9)


@given(transforms, st.integers(-500, 500), st.integers(-500, 500))
def test_a_window_of_a_picture_has_the_same_map(of_picture: np.ndarray, x0: int, y0: int):
    seen = np.random.default_rng(2).uniform(-300, 300, (5, 2))
    of_window = geometry.shifted(of_picture, x0, y0)
    wanted = geometry.apply(of_picture, seen + [x0, y0])
    np.testing.assert_allclose(geometry.apply(of_window, seen), wanted, atol=1e-8)


def test_fit_is_least_squares():
    rng = np.random.default_rng(1)
    source, target = rng.normal(size=(30, 2)), rng.normal(size=(30, 2))
    found = geometry.fit_similarity(source, target)
    best = np.square(geometry.apply(found, source) - target).sum()
    # the four free numbers of a similarity, solved by the normal equations
    rows = np.zeros((60, 4))
    rows[0::2] = np.c_[source[:, 0], -source[:, 1], np.ones(30), np.zeros(30)]
    rows[1::2] = np.c_[source[:, 1], source[:, 0], np.zeros(30), np.ones(30)]
    answer, *_ = np.linalg.lstsq(rows, target.reshape(-1), rcond=None)
    a, b, x, y = answer
    np.testing.assert_allclose(found, [[a, -b, x], [b, a, y]], atol=1e-12)
    assert best == pytest.approx(np.square(rows @ answer - target.reshape(-1)).sum())


def test_weights_leave_points_out():
    rng = np.random.default_rng(2)
    wanted = similarity(1.7, 0.4, 12, -5)
    source = rng.uniform(-50, 50, (10, 2))
    target = geometry.apply(wanted, source)
    target[7:] += 500
    found = geometry.fit_similarity(source, target, np.r_[np.ones(7), np.zeros(3)])
    np.testing.assert_allclose(found, wanted, atol=1e-9)


def test_robust_fit_ignores_outliers():
    rng = np.random.default_rng(3)
    wanted = similarity(0.8, -0.3, 40, 7)
    source = rng.uniform(-60, 60, (20, 2))
    target = geometry.apply(wanted, source) + rng.normal(0, 0.01, (20, 2))
    wrong = target.copy()
    wrong[:6] += rng.uniform(15, 40, (6, 2))
    plain = geometry.fit_similarity(source, wrong)
    found, residual = geometry.fit_similarity_robust(source, wrong, rounds=12)
    error = np.abs(geometry.apply(found, source) - geometry.apply(wanted, source)).max()
    assert np.abs(geometry.apply(plain, source) - geometry.apply(wanted, source)).max() > 3
    assert error < 0.05
    assert residual < 0.05


def test_robust_fit_of_exact_points():
    source = np.random.default_rng(4).uniform(0, 9, (8, 2))
    wanted = similarity(2.0, 0.1, 3, 4)
    found, residual = geometry.fit_similarity_robust(source, geometry.apply(wanted, source))
    np.testing.assert_allclose(found, wanted, atol=1e-9)
    assert residual < 1e-9


@settings(max_examples=60, deadline=None)
@given(transforms, transforms)
def test_invert_and_compose(first: np.ndarray, second: np.ndarray):
    places = np.random.default_rng(0).uniform(-100, 100, (5, 2))
    both = geometry.apply(geometry.compose(second, first), places)
    one_by_one = geometry.apply(second, geometry.apply(first, places))
    np.testing.assert_allclose(both, one_by_one, rtol=1e-9, atol=1e-6)
    back = geometry.apply(geometry.invert(first), geometry.apply(first, places))
    np.testing.assert_allclose(back, places, atol=1e-7)


def test_many_transforms_at_once():
    many = np.stack([similarity(1 + i, 0.1 * i, i, -i) for i in range(5)])
    places = np.random.default_rng(0).normal(size=(5, 7, 2))
    together = geometry.apply(geometry.compose(geometry.invert(many), many), places)
    np.testing.assert_allclose(together, places, atol=1e-12)
    for i in range(5):
        np.testing.assert_allclose(
            geometry.apply(many, places)[i], geometry.apply(many[i], places[i])
        )


@pytest.mark.parametrize(
    "transform",
    [
        similarity(1.0, 0.0, 0.25, -0.5),
        similarity(2.0, 0.0, -7.0, -3.25),
        similarity(0.5, 0.0, 9.0, 8.0),
        similarity(1.0, np.pi / 2, 40.0, 0.0),
        similarity(1.3, 0.35, 3.3, -11.7),
    ],
)
def test_opencv_has_its_half_pixel(transform: np.ndarray):
    """A warped ramp holds at each pixel centre the source place, as the transform says."""
    size = 64
    ys, xs = np.mgrid[0:size, 0:size].astype(np.float32) + 0.5
    # OpenCV rounds places to 1/32 pixel for its linear kernel: allow that, not half a pixel
    warped = [
        cv2.warpAffine(
            ramp, geometry.for_opencv(transform), (size, size), flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT, borderValue=float("nan"),
        )
        for ramp in (xs, ys)
    ]  # fmt: skip
    centres = np.stack([xs, ys], -1).reshape(-1, 2).astype(float)
    source = geometry.apply(geometry.invert(transform), centres).reshape(size, size, 2)
    inside = ((source > 1.5) & (source < size - 1.5)).all(-1)
    assert inside.sum() > 200
    for axis in (0, 1):
        difference = np.abs(warped[axis] - source[..., axis])[inside]
        assert difference.max() < 0.04


def test_opencv_whole_scale_is_exact():
    """Twice as large: each pixel becomes the two places a quarter pixel beside its centre."""
    row = np.arange(16, dtype=np.float32)[None].repeat(4, 0)
    twice = np.array([[2.0, 0, 0], [0, 2.0, 0]])
    big = cv2.warpAffine(row, geometry.for_opencv(twice), (32, 8), flags=cv2.INTER_LINEAR)
    expected = (np.arange(32) + 0.5) / 2 - 0.5
    np.testing.assert_allclose(big[4, 1:-1], expected[1:-1], atol=1e-6)
