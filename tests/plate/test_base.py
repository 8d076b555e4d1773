"""What every picture of a plate can do."""

from __future__ import annotations

import numpy as np
import pytest

from relip.plate import Picture


def _picture(seed: int = 0) -> Picture:
    return Picture(5, np.random.default_rng(seed).random((40, 60, 3), np.float32))


@pytest.mark.parametrize("rect", [(0, 0, 60, 40), (3, 4, 20, 31), (-5, -6, 7, 8), (50, 30, 99, 99)])
def test_a_cut_is_the_rectangle_clipped_to_the_picture(rect: tuple[int, int, int, int]) -> None:
    x0, y0, x1, y1 = rect
    picture = _picture()
    cut = picture.cut(*rect)
    np.testing.assert_array_equal(cut, picture.rgb[max(y0, 0) : y1, max(x0, 0) : x1])
    assert cut.flags.c_contiguous


def test_a_cut_beside_the_picture_is_empty() -> None:
    assert _picture().cut(70, 50, 90, 60).size == 0
    assert _picture().cut(-9, -9, -2, -2).size == 0


def test_the_same_pixels_are_found_so_to_the_last_bit() -> None:
    one, two = _picture(), _picture()
    one.rgb[7, 8] = two.rgb[7, 8] = np.nan
    assert one.same_pixels(two)
    # a row that the quick look passes over
    two.rgb[11, 3, 1] = np.nextafter(two.rgb[11, 3, 1], np.float32(2))
    assert not one.same_pixels(two)
    assert not one.same_pixels(Picture(5, one.rgb[:-1]))


def test_bare_pixels_become_a_picture() -> None:
    picture = _picture()
    assert Picture.of(picture) is picture
    assert Picture.of(picture.rgb).shape == (40, 60)
    assert "60x40" in repr(picture)
