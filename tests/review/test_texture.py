"""Metrics of the patch's surface: known values for known faults."""

from __future__ import annotations

import cv2
import face_making
import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from relip.review import texture

SIDE = 160


def ground() -> np.ndarray:
    return (0.3 + 0.4 * face_making.texture(SIDE, SIDE)).astype(np.float32)


def noise(sigma: float, seed: int = 0) -> np.ndarray:
    return sigma * np.random.default_rng(seed).standard_normal((SIDE, SIDE, 3), np.float32)


def disc(soft: float = 5.0) -> np.ndarray:
    hard = np.zeros((SIDE, SIDE), np.float32)
    cv2.circle(hard, (80, 80), 50, 1.0, -1)
    return np.clip(cv2.GaussianBlur(hard, (0, 0), soft), 0, 1)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0, 1.3])
def test_grain_power(share: float):
    flat = np.full((SIDE, SIDE, 3), 0.5, np.float32)
    plate = flat + noise(0.02)
    made = flat + np.sqrt(share) * noise(0.02, 1)
    found = texture.grain_power_ratio(made, plate, np.ones((SIDE, SIDE)))
    assert found == pytest.approx(share, abs=0.12)


def test_grain_is_looked_for_only_in_the_mask():
    flat = np.full((SIDE, SIDE, 3), 0.5, np.float32)
    plate = flat + noise(0.02)
    made = plate.copy()
    made[:80] = 0.5
    lower = np.zeros((SIDE, SIDE))
    lower[80:] = 1
    assert texture.grain_power_ratio(made, plate, lower) == pytest.approx(1)
    assert texture.grain_power_ratio(made, plate, 1 - lower) == pytest.approx(0, abs=0.1)
    assert np.isnan(texture.grain_power_ratio(made, plate, np.zeros((SIDE, SIDE))))


def test_seam():
    plate, matte = ground(), disc()
    assert texture.seam_gradient_ratio(plate, plate, matte) == pytest.approx(1)
    # a patch that is too bright: a step under the matte's edge
    values = []
    for step in (0.02, 0.05, 0.1):
        made = plate + step * matte[..., None]
        values.append(texture.seam_gradient_ratio(made, plate, matte))
    assert 1 < values[0] < values[1] < values[2] and values[2] > 1.5
    # a step that is not at the edge is none of the seam's
    far = np.zeros((SIDE, SIDE, 1), np.float32)
    far[76:84, 76:84] = 0.3
    assert texture.seam_gradient_ratio(plate + far, plate, matte) == pytest.approx(1, abs=1e-3)
    assert np.isnan(texture.seam_gradient_ratio(plate, plate, np.ones((SIDE, SIDE))))


def test_seam_of_a_ramp_is_known():
    """On a flat slope, a step of known height under a straight edge of known width."""
    xs = np.arange(SIDE, dtype=np.float32)
    plate = np.repeat(np.repeat((0.3 + 0.001 * xs)[None], SIDE, 0)[..., None], 3, 2)
    matte = np.repeat(np.clip((xs - 60) / 40, 0, 1)[None], SIDE, 0)
    made = plate + 0.08 * matte[..., None]
    found = texture.seam_gradient_ratio(made, plate, matte)
    assert found == pytest.approx((0.001 + 0.08 / 40) / 0.001, rel=0.03)


def test_colour_drift():
    plate = np.full((SIDE, SIDE, 3), (0.72, 0.52, 0.42), np.float32)
    assert texture.ring_colour_drift(plate, plate, disc()) == 0
    made = plate.copy()
    made[..., 0] += 0.03
    wanted = float(deltaE_ciede2000(rgb2lab(plate[:1, :1]), rgb2lab(made[:1, :1]))[0, 0])
    assert texture.ring_colour_drift(made, plate, disc()) == pytest.approx(wanted, rel=1e-4)
    # both cheeks tinted against one another do not cancel
    left = plate.copy()
    left[:, :80, 0] += 0.03
    left[:, 80:, 0] -= 0.03
    assert texture.ring_colour_drift(left, plate, disc()) > 0.7 * wanted
    right = np.zeros((SIDE, SIDE), bool)
    right[:, 90:] = True
    tinted = plate.copy()
    tinted[:, :80, 0] += 0.03
    assert texture.ring_colour_drift(tinted, plate, disc(), where=right) == 0
    # inside, where a new mouth may be, nothing is looked at
    middle = plate.copy()
    middle[60:100, 60:100] = 0
    assert texture.ring_colour_drift(middle, plate, disc()) == 0


def moved(shift: float) -> np.ndarray:
    matrix = np.array([[1, 0, shift], [0, 1, 0.4 * shift]], np.float32)
    return cv2.warpAffine(
        ground(), matrix, (SIDE, SIDE), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
    )


def test_motion_is_no_flicker_and_flicker_is_counted():
    plates = [moved(0.8 * i) + noise(0.01, i) for i in range(6)]
    masks = [disc() for _ in plates]
    assert texture.warping_error_ratio(plates, plates, masks) == pytest.approx(1)
    # twice the variance of fresh noise is twice the error
    more = [p + noise(0.01, 50 + i) for i, p in enumerate(plates)]
    assert texture.warping_error_ratio(more, plates, masks) == pytest.approx(2, rel=0.2)
    pumping = [p + 0.02 * (i % 2) for i, p in enumerate(plates)]
    assert texture.warping_error_ratio(pumping, plates, masks) > 1.8
    still = [plates[0]] * 3
    assert np.isnan(texture.warping_error_ratio(still, still, masks[:3]))
