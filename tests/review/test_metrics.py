"""The figures we quote: known values for known pictures and curves."""

from __future__ import annotations

import cv2
import face_making
import numpy as np
import pytest
from skimage.metrics import structural_similarity

from relip.review import metrics
from relip.track import points


def test_psnr():
    a = np.full((20, 30, 3), 0.5, np.float32)
    assert metrics.psnr(a, a) == float("inf")
    assert metrics.psnr(a, a + 0.1) == pytest.approx(20.0, abs=1e-4)
    assert metrics.psnr(np.zeros((4, 4, 3)), np.ones((4, 4, 3))) == 0
    noise = np.random.default_rng(0).normal(0, 0.01, (200, 200, 3))
    assert metrics.psnr(np.full_like(noise, 0.5), 0.5 + noise) == pytest.approx(40, abs=0.1)


def test_ssim():
    a = face_making.texture(40, 50)
    assert metrics.ssim(a, a) == pytest.approx(1)
    rng = np.random.default_rng(0)
    noisy = (a + rng.normal(0, 0.1, a.shape)).astype(np.float32)
    wanted = structural_similarity(a, noisy, channel_axis=2, data_range=1.0, win_size=7)
    assert metrics.ssim(a, noisy) == pytest.approx(wanted)
    assert metrics.ssim(a, noisy) < 0.9
    # as SSIM is defined for two flat pictures: luminance alone
    x, y, c = 0.4, 0.6, 0.01**2
    flat = (2 * x * y + c) / (x * x + y * y + c)
    left, right = (np.full((12, 12, 3), v, np.float32) for v in (x, y))
    assert metrics.ssim(left, right) == pytest.approx(flat, abs=1e-3)


@pytest.mark.parametrize("size", [(3, 9), (4, 40), (6, 6), (8, 5)])
def test_ssim_of_a_small_box(size: tuple[int, int]):
    a = np.random.default_rng(0).uniform(size=(*size, 3)).astype(np.float32)
    assert metrics.ssim(a, a) == pytest.approx(1)


def test_sharpness():
    ys, xs = np.mgrid[0:40, 0:40].astype(np.float32)
    ramp = np.repeat((0.3 * xs + 0.2 * ys)[..., None], 3, 2)
    assert metrics.sharpness(ramp[2:-2, 2:-2]) < 0.2
    parabola = np.repeat((xs**2)[..., None], 3, 2)
    # the second difference of x² is 2 everywhere but at the picture's edge
    assert metrics.sharpness(parabola) > 1.9
    fine = face_making.texture(60, 60)
    coarse = np.repeat(np.repeat(fine[:30, :30], 2, 0), 2, 1)
    assert metrics.sharpness(np.full((9, 9, 3), 0.3)) == 0
    assert metrics.sharpness(2 * fine) == pytest.approx(2 * metrics.sharpness(fine), rel=1e-4)
    assert metrics.sharpness(coarse) != metrics.sharpness(fine)


def test_detail_correlation():
    rng = np.random.default_rng(1)
    fine = rng.normal(0, 0.1, (64, 80, 1)).repeat(3, 2).astype(np.float32)
    broad = cv2.GaussianBlur(rng.normal(0, 9, (64, 80, 3)).astype(np.float32), (0, 0), 12)
    shown = 0.5 + broad + fine
    assert metrics.detail_correlation(shown, 0.3 + fine) == pytest.approx(1, abs=0.02)
    assert metrics.detail_correlation(shown, 0.5 + broad - fine) == pytest.approx(-1, abs=0.02)
    other = rng.normal(0, 0.1, (64, 80, 1)).repeat(3, 2).astype(np.float32)
    assert abs(metrics.detail_correlation(shown, other)) < 0.05
    # half the detail, half noise of the same power: r = 1 / sqrt(2)
    mixed = metrics.detail_correlation(fine, fine + other)
    assert mixed == pytest.approx(np.sqrt(0.5), abs=0.03)
    assert metrics.detail_correlation(fine, np.zeros_like(fine)) == 0


def test_landmark_distance():
    face = face_making.make_shot(1, moving=0, turning=0).landmarks[0]
    assert metrics.landmark_distance(face, face, 120.0) == 0
    moved = face.copy()
    moved[list(points.LIPS), :2] += [3.0, 4.0]
    assert metrics.landmark_distance(face, moved, 120.0) == pytest.approx(5 / 120)
    # other points and depth do not count
    moved = face + np.array([0, 0, 9.0])
    moved[1, :2] += 50
    assert metrics.landmark_distance(face, moved, 120.0) == 0


def test_mouth_box():
    face = np.zeros((478, 3))
    face[list(points.OUTER_LIPS), 0] = np.linspace(40, 60, 20)
    face[list(points.OUTER_LIPS), 1] = np.linspace(30, 38, 20)
    # 15 % of 20 at the sides, 25 % of 8 above and below
    assert metrics.mouth_box(face, 200, 100) == (37, 28, 63, 40)
    assert metrics.mouth_box(face, 50, 35) == (37, 28, 50, 35)
    assert metrics.mouth_box(face - [39.0, 29.0, 0], 200, 100) == (0, 0, 24, 11)


def test_correlation():
    x = np.array([1.0, 2, 5, 3])
    assert metrics.correlation(x, 3 * x + 1) == pytest.approx(1)
    assert metrics.correlation(x, -x) == pytest.approx(-1)
    assert metrics.correlation(x, np.ones(4)) == 0
    assert metrics.correlation(x[:2], x[:2]) == 0
    assert metrics.correlation(np.array([]), np.array([])) == 0


def speech(n: int, seed: int = 0) -> np.ndarray:
    """A curve like an opening: bumps of a few frames."""
    noise = np.random.default_rng(seed).normal(size=n + 20)
    return np.convolve(noise, np.hanning(7), "same")[10:-10]


@pytest.mark.parametrize("lag", [-8, -3, -1, 0, 1, 2, 8])
def test_best_lag(lag: int):
    """The picture comes ``lag`` frames late: what is said at t is seen at t + lag."""
    whole = speech(140)
    driven, seen = whole[20:120], whole[20 - lag : 120 - lag]
    found, r = metrics.best_lag(driven, seen)
    assert found == lag
    assert r == pytest.approx(1)
    noisy = seen + np.random.default_rng(1).normal(0, 0.3 * seen.std(), seen.shape)
    assert metrics.best_lag(driven, noisy)[0] == lag


def test_best_lag_of_nothing_is_zero():
    assert metrics.best_lag(np.zeros(40), np.zeros(40))[0] == 0
    assert metrics.best_lag(speech(40), np.ones(40))[0] == 0


@pytest.mark.parametrize("n", range(13))
def test_best_lag_of_a_short_shot(n: int):
    curve = speech(60)[:n]
    lag, _ = metrics.best_lag(curve, 2 * curve)
    assert lag == 0


def test_flicker():
    rng = np.random.default_rng(0)
    truth = [rng.uniform(size=(8, 8, 3)) for _ in range(5)]
    assert metrics.flicker(truth, truth) == pytest.approx(1)
    assert metrics.flicker([3 * p for p in truth], truth) == pytest.approx(3)
    assert metrics.flicker([truth[0]] * 5, truth) == 0
