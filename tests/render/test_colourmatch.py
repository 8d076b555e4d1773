"""Colour match: it finds an offset in the ring, whatever else is there, within limits."""

from __future__ import annotations

import cv2
import face_making
import numpy as np
import pytest

from relip.render.colourmatch import LIMIT, ring_correction

HEIGHT, WIDTH = 112, 144


@pytest.fixture(scope="module")
def plate() -> np.ndarray:
    soft = cv2.GaussianBlur(face_making.texture(HEIGHT, WIDTH), (0, 0), 6)
    return (0.5 + 0.4 * (soft - soft.mean()) / soft.std()).astype(np.float32) * 0.3 + 0.2


@pytest.fixture(scope="module")
def region() -> np.ndarray:
    ys, xs = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5
    inside = ((xs - 72) / 58) ** 2 + ((ys - 56) / 44) ** 2 < 1
    return inside.astype(np.float32)


@pytest.fixture(scope="module")
def ring(region: np.ndarray) -> np.ndarray:
    inner = cv2.erode(region, np.ones((15, 15), np.uint8))
    return (region > 0) & (inner == 0)


def planar(a: float, b: float, c: float) -> np.ndarray:
    ys, xs = np.mgrid[0:HEIGHT, 0:WIDTH]
    return (a + b * (xs / WIDTH - 0.5) + c * (ys / HEIGHT - 0.5))[..., None]


OFFSETS = np.array([0.03, -0.02, 0.05])


def test_nothing_to_correct(plate: np.ndarray, region: np.ndarray):
    np.testing.assert_allclose(ring_correction(plate, plate, region), 0, atol=1e-6)


def test_constant_offset(plate: np.ndarray, region: np.ndarray):
    found = ring_correction((plate - OFFSETS).astype(np.float32), plate, region)
    assert found.shape == plate.shape and found.dtype == np.float32
    np.testing.assert_allclose(found, np.broadcast_to(OFFSETS, found.shape), atol=2e-4)


def test_planar_offset(plate: np.ndarray, region: np.ndarray, ring: np.ndarray):
    wrong = np.concatenate([planar(0.02, 0.05, 0), planar(0, 0, -0.06), planar(-0.03, 0.03, 0.03)],
                           axis=2)  # fmt: skip
    found = ring_correction((plate - wrong).astype(np.float32), plate, region)
    np.testing.assert_allclose(found[ring], wrong[ring], atol=0.006)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_wrong_pixels_are_ignored(
    plate: np.ndarray, region: np.ndarray, ring: np.ndarray, sign: float
):
    """A collar, hair or the old jaw in 30 % of the ring, far from the plate, do not tint."""
    picture = (plate - OFFSETS).astype(np.float32)
    rng = np.random.default_rng(0)
    ys, xs = np.mgrid[0:HEIGHT, 0:WIDTH]
    angle = np.arctan2(ys - 56, xs - 72)
    for wrong in (
        ring & (angle > 0.6) & (angle < 2.5),
        ring & (rng.uniform(size=ring.shape) < 0.3),
    ):
        assert 0.25 < wrong[ring].mean() < 0.35
        spoilt = picture.copy()
        spoilt[wrong] += sign * 0.3
        found = ring_correction(spoilt, plate, region)
        np.testing.assert_allclose(found[ring].mean(0), OFFSETS, atol=0.004)


def test_the_mouth_inside_does_not_count(plate: np.ndarray, region: np.ndarray, ring: np.ndarray):
    picture = (plate - OFFSETS).astype(np.float32)
    spoilt = picture.copy()
    spoilt[(region > 0) & ~cv2.dilate(ring.astype(np.uint8), np.ones((9, 9))).astype(bool)] = 0.9
    np.testing.assert_allclose(
        ring_correction(spoilt, plate, region), ring_correction(picture, plate, region), atol=1e-6
    )


def test_it_is_limited(plate: np.ndarray, region: np.ndarray):
    found = ring_correction((plate - 0.5).astype(np.float32), plate, region)
    np.testing.assert_allclose(found, LIMIT, atol=1e-6)
    found = ring_correction((plate + 0.5).astype(np.float32), plate, region)
    np.testing.assert_allclose(found, -LIMIT, atol=1e-6)


@pytest.mark.parametrize("pixels", [0, 1, 40])
def test_too_small_a_ring_corrects_nothing(plate: np.ndarray, pixels: int):
    region = np.zeros((HEIGHT, WIDTH), np.float32)
    region.reshape(-1)[:pixels] = 1
    found = ring_correction((plate - 0.05).astype(np.float32), plate, region)
    assert found.shape == plate.shape and not found.any()
