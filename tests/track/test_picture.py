"""The 8-bit picture for detection."""

from __future__ import annotations

import numpy as np
import pytest

from relip.plate import Colour
from relip.plate.movie_picture import MoviePicture
from relip.plate.orientation import Orientation
from relip.plate.yuv import Coding
from relip.track.picture import Shown, detection_picture, sparse


class _Plate:
    colourspace = "sRGB - Texture"


@pytest.mark.parametrize("height", [1, 32, 75])
def test_display_values_are_rounded_and_clipped(height: int):
    rgb = np.random.default_rng(1).uniform(-0.2, 1.3, (height, 40, 3)).astype(np.float32)
    rgb[0, :4] = np.array([np.inf, -np.inf, np.nan, 1e30])[:, None]
    shown = detection_picture(rgb, _Plate(), Colour())
    wanted = np.rint(np.clip(np.nan_to_num(rgb, nan=0.0), 0, 1) * np.float32(255))
    np.testing.assert_array_equal(shown, wanted.astype(np.uint8))
    part = detection_picture(np.ascontiguousarray(rgb[:, 3:20]), _Plate(), Colour())
    np.testing.assert_array_equal(part, shown[:, 3:20])


@pytest.fixture
def movie_picture() -> MoviePicture:
    rng = np.random.default_rng(4)
    sizes = [(120, 90), (60, 45), (60, 45)]
    planes = [rng.integers(16, 236, size, dtype=np.uint8) for size in sizes]
    coding = Coding(8, 1, 1, "bt709", False)
    return MoviePicture(1, planes, coding, Orientation(1, True), half=True)


def test_a_part_is_what_the_whole_shows_there(movie_picture: MoviePicture):
    """Whatever was looked at before it."""
    shown = Shown(movie_picture, _Plate(), Colour())
    assert shown.shape == (90, 120, 3)
    rng = np.random.default_rng(5)
    parts = []
    for _ in range(40):
        y0, x0 = rng.integers(0, [80, 110])
        y1, x1 = rng.integers([y0 + 1, x0 + 1], [91, 121])
        parts.append(((slice(y0, y1), slice(x0, x1)), shown[y0:y1, x0:x1].copy()))
    assert movie_picture._rgb is None  # not all of it was converted at once
    whole = detection_picture(movie_picture.rgb, _Plate(), Colour())
    shown_whole = shown.whole()
    for at, part in parts:
        np.testing.assert_array_equal(part, shown_whole[at])
    # the plate's values are rounded to half floats, those shown are not
    assert np.abs(shown_whole.astype(int) - whole).max() <= 1
    assert np.mean(shown_whole != whole) < 0.05


def test_a_few_pixels_stand_for_all(movie_picture: MoviePicture):
    for plane in movie_picture.planes:  # smooth, that the nearest chroma is the interpolated one
        ramp = np.linspace(100, 140, plane.shape[1])[None] + np.linspace(0, 15, len(plane))[:, None]
        plane[:] = ramp.astype(np.uint8)
    shown = Shown(movie_picture, _Plate(), Colour())
    few = sparse(shown, 30, 40)
    assert few.shape == (30, 40, 3)
    whole = detection_picture(movie_picture.rgb, _Plate(), Colour())
    wanted = sparse(whole, 30, 40)
    np.testing.assert_array_equal(wanted, whole[::3, ::3])
    np.testing.assert_array_equal(sparse(shown, 30, 40), wanted)  # all is converted now
    # mirrored and turned, the samples lie up to two pixels beside one another
    assert np.abs(few.astype(int) - wanted).max() <= 12
    assert np.abs(few.astype(int) - wanted).mean() < 3
