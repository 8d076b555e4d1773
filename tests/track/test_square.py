"""Square geometry: to and fro, resampling, and the one map from stored pixels into a crop."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from relip.track import geometry, square
from relip.track.finder import cut
from relip.track.flow import follow
from relip.track.picture import Stretched, sparse, squared, stored, whole


@pytest.mark.parametrize(
    ("told", "wanted", "aspect"),
    [
        (None, 0.0, 1.0),
        (1.0, 0.0, 1.0),
        (1.004, 0.0, 1.0),
        (2.0, 0.0, 2.0),
        (0.9, 0.0, 0.9),
        (0.0, 0.0, 1.0),
        (30.0, 0.0, 1.0),
        (float("nan"), 0.0, 1.0),
        (2.0, 1.0, 1.0),
        (1.0, 1.33, 1.33),
    ],
)
def test_which_aspect_counts(told: float | None, wanted: float, aspect: float):
    assert square.aspect_of({"pixel_aspect": told}, wanted) == aspect


def test_to_and_fro():
    rng = np.random.default_rng(0)
    points = rng.uniform(0, 500, (7, 11, 3))
    there = square.to_square(points, 1.8)
    np.testing.assert_allclose(there[..., 0], 1.8 * points[..., 0])
    np.testing.assert_array_equal(there[..., 1:], points[..., 1:])
    np.testing.assert_allclose(square.to_plate(there, 1.8), points)
    upright = rng.normal(size=(7, 2, 3))
    on_plate = square.from_plate(upright, 1.8)
    np.testing.assert_allclose(
        geometry.apply(on_plate, points[..., :2]), geometry.apply(upright, there[..., :2])
    )
    np.testing.assert_allclose(square.from_square(on_plate, 1.8), upright)


def test_square_pixels_are_left_alone():
    """Not a bit changes, and nothing is copied."""
    points, map_, picture = np.ones((4, 3)), np.ones((2, 3)), np.ones((4, 4, 3), np.uint8)
    assert square.to_square(points, 1.0) is points is square.to_plate(points, 1.0)
    assert square.from_plate(map_, 1.0) is map_ is square.from_square(map_, 1.0)
    assert squared(picture, 1.0) is picture


@pytest.mark.parametrize("step", [2.0, 1.33, 0.9, 0.5])
def test_columns_keep_the_light_where_it_is(step: float):
    """A slope stays one, and a bright column brings all of its light along."""
    slope = np.repeat(np.arange(60.0, dtype=np.float32)[None] + 0.5, 3, 0)
    count = int(50 / step)
    found = square.columns(slope, 3.3, step, count)
    middles = 3.3 + step * (np.arange(count) + 0.5)
    np.testing.assert_allclose(found, np.repeat(middles[None], 3, 0), atol=0.13 * (step > 1) + 1e-4)
    line = np.zeros((2, 60), np.float32)
    line[:, 20:23] = 1
    assert square.columns(line, 0.0, step, count).sum() * step == pytest.approx(
        6, rel=1e-5 if step > 1 else 0.02
    )


def test_columns_of_eight_bits_are_rounded():
    picture = np.array([[10, 13, 250, 255]], np.uint8)
    np.testing.assert_array_equal(square.columns(picture, 0, 2, 2), [[12, 252]])
    assert square.columns(np.zeros((4, 6, 3), np.uint8), 0, 0.5, 12).shape == (4, 12, 3)


def test_a_map_that_reduces_one_axis_blurs_along_it_only():
    picture = np.random.default_rng(1).random((40, 50), np.float32)
    both = square.band_limited(picture, np.array([[0.3, 0.1, 4], [-0.1, 0.3, 2]]))
    scale = np.hypot(0.3, 0.1)
    np.testing.assert_array_equal(both, cv2.GaussianBlur(picture, (0, 0), 0.5 / scale - 0.2))
    down = square.band_limited(picture, np.array([[1.0, 0, 0], [0, 0.3, 0]]))
    assert np.abs(np.diff(down, axis=0)).mean() < 0.4 * np.abs(np.diff(picture, axis=0)).mean()
    across = down.mean(0) - picture.mean(0)
    assert np.abs(across).max() < 0.06  # the columns' means are what they were
    assert square.band_limited(picture, np.eye(2, 3)) is picture


def textured(height: int = 200, width: int = 240) -> np.ndarray:
    """A smooth picture of blobs ``[shape=(height, width, 3), dtype=uint8]``."""
    noise = np.random.default_rng(2).random((height, width, 3)).astype(np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), 5)
    soft = (soft - soft.min()) / np.ptp(soft)
    return np.round(255 * soft).astype(np.uint8)


@pytest.mark.parametrize("size", [48, 192])
@pytest.mark.parametrize("aspect", [2.0, 0.5, 1.33])
def test_a_crop_of_a_squeezed_picture_is_the_crop_of_what_it_shows(aspect: float, size: int):
    """Reduced by octaves or not: one map leads from the stored pixels into the crop."""
    shown = textured()
    count = round(shown.shape[1] / aspect)
    aspect = shown.shape[1] / count
    held = square.columns(shown.astype(np.float32), 0.0, aspect, count)
    view = Stretched(np.round(held).astype(np.uint8), aspect)
    assert view.shape == shown.shape
    turn = 0.2
    linear = size / 130 * np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    to_crop = np.c_[linear, size / 2 - linear @ [110, 95]]
    wanted, found = (cut(each, to_crop, size).astype(float) for each in (shown, view))
    assert np.abs(found - wanted).mean() < 1.5
    part = view[30:90, 41:160].astype(float)
    assert np.abs(part - shown[30:90, 41:160]).mean() < 1.5
    assert np.abs(whole(view).astype(float) - shown).mean() < 1.5
    assert stored(view) == (view.stored, aspect)
    assert sparse(view, 32, 48).shape == (32, 48, 3)


def test_flow_in_a_squeezed_picture_is_counted_in_square_pixels():
    import face_making

    before = textured(260, 320)
    moved = cv2.warpAffine(before, np.array([[1, 0, 3.0], [0, 1, -2.0]]), before.shape[1::-1])
    face = face_making.make_shot(1).landmarks[0]
    views = [Stretched(square.columns(p, 0.0, 2.0, 160), 2.0) for p in (before, moved)]
    found = follow(views[0], views[1], face)
    assert found is not None and found.motion is not None
    there = geometry.apply(found.motion, face[:1, :2]) - face[:1, :2]
    np.testing.assert_allclose(there[0], [3.0, -2.0], atol=0.15)
