"""The exact coverage of polygons, against areas known on paper and against brute force."""

from __future__ import annotations

import numpy as np
import pytest

from relip.mask.coverage import fill


def circle(radius: float, count: int = 200) -> np.ndarray:
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.array([70.3, 64.8]) + radius * np.stack([np.cos(angle), np.sin(angle)], -1)


def area(outline: np.ndarray) -> float:
    """Area of a simple polygon (shoelace formula)."""
    x, y = outline.T
    return float(abs(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))) / 2)


def counted(outline: np.ndarray, size: tuple[int, int], parts: int = 20) -> np.ndarray:
    """The coverage by even-odd tests of ``parts``² places in every pixel."""
    width, height = size
    x = ((np.arange(width * parts) + 0.5) / parts)[None, :]
    y = ((np.arange(height * parts) + 0.5) / parts)[:, None]
    inside = np.zeros((height * parts, width * parts), bool)
    for (ax, ay), (bx, by) in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        if ay != by:
            inside ^= ((ay > y) != (by > y)) & (x < ax + (y - ay) * (bx - ax) / (by - ay))
    return inside.reshape(height, parts, width, parts).mean((1, 3))


@pytest.mark.parametrize(
    "x0, y0, x1, y1", [(10, 20, 90, 70), (10.5, 20.25, 90.75, 70.5), (3.3, 3.7, 95.1, 77.9)]
)
def test_a_rectangle_fills_its_area_in_its_place(x0: float, y0: float, x1: float, y1: float):
    filled = fill(np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]]), (100, 80))
    assert filled.dtype == np.float32
    assert filled.shape == (80, 100)
    assert filled.min() == 0 and filled.max() == 1
    assert filled.sum() == pytest.approx((x1 - x0) * (y1 - y0), rel=1e-5)
    ys, xs = np.mgrid[0:80, 0:100] + 0.5
    assert (filled * xs).sum() / filled.sum() == pytest.approx((x0 + x1) / 2, abs=0.01)
    assert (filled * ys).sum() / filled.sum() == pytest.approx((y0 + y1) / 2, abs=0.01)


@pytest.mark.parametrize("radius", [0.4, 5.0, 20.0, 60.0])
@pytest.mark.parametrize("turn", [1, -1])
def test_a_circle_fills_its_area_whichever_way_it_is_drawn(radius: float, turn: int):
    filled = fill(circle(radius)[::turn], (140, 130))
    assert filled.sum() == pytest.approx(area(circle(radius)), rel=1e-4)


def test_pixel_borders_fill_those_pixels_alone():
    filled = fill(np.array([[2, 3], [6, 3], [6, 5], [2, 5]], float), (10, 8))
    expected = np.zeros((8, 10))
    expected[3:5, 2:6] = 1
    np.testing.assert_allclose(filled, expected, atol=1e-6)


@pytest.mark.parametrize("seed", range(6))
def test_any_star_is_what_counting_finds(seed: int):
    rng = np.random.default_rng(seed)
    angle = np.sort(rng.uniform(0, 2 * np.pi, 12))
    radius = rng.uniform(3, 14, 12)
    star = np.array([11.3, 9.8]) + radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], -1)
    np.testing.assert_allclose(fill(star, (22, 20)), counted(star, (22, 20)), atol=0.03)


def test_an_outline_that_crosses_itself_fills_both_lobes():
    bow = np.array([[2.2, 2], [18.7, 12], [18.7, 2], [2.2, 12]])
    difference = np.abs(fill(bow, (20, 14)) - counted(bow, (20, 14)))
    # in the two pixels where the lines cross, the lobes' shares are subtracted
    assert np.sort(difference.ravel())[-3] < 0.03
    assert difference.max() < 0.15


def test_outside_and_across_the_border():
    square = np.array([[-50, -50], [20, -50], [20, 20], [-50, 20]], float)
    filled = fill(square, (40, 40))
    assert filled[:20, :20].min() == 1
    assert filled[20:].max() == 0 and filled[:, 20:].max() == 0
    for shift in ((-100, 0), (100, 0), (0, -100), (0, 100)):
        assert fill(square + shift, (40, 40))[:, :20].sum() == pytest.approx(
            area(np.clip(square + shift, 0, [20, 40]))
        )


def test_a_line_covers_nothing():
    assert fill(np.array([[1, 1], [8, 6], [1, 1]], float), (10, 8)).max() == 0
