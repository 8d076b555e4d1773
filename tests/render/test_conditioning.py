"""The maps that tell the network where lips and jaw are."""

from __future__ import annotations

import face_making
import numpy as np
import pytest

from relip.render.conditioning import MAPS, REACH, draw_maps, signed_distance
from relip.render.rig import LINE_POINTS, N_INNER, N_OUTER

SIZE = (176, 144)


def lines_of(opening: float, scale: float = 170.0) -> np.ndarray:
    face = face_making.with_mouth(opening)[list(LINE_POINTS), :2]
    return face * scale + [88.0, -20.0]


def area(outline: np.ndarray) -> float:
    x, y = outline.T
    return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2)


def test_maps_are_what_they_are_called():
    lines = lines_of(0.12)
    maps = draw_maps(lines, SIZE)
    assert maps.shape == (SIZE[1], SIZE[0], len(MAPS))
    assert maps.dtype == np.float32
    assert maps.min() == 0 and maps.max() == 1
    assert maps.max((0, 1)).min() > 0.8
    for i, part in ((0, lines[:N_OUTER]), (1, lines[N_OUTER : N_OUTER + N_INNER])):
        assert (maps[..., i] > 0.5).sum() == pytest.approx(area(part), rel=0.05)
    # the mouth lies within the lips
    assert (maps[..., 0][maps[..., 1] > 0.5] > 0.5).all()
    # lines are thin: their area is their length, up to two pixels wide
    jaw = lines[N_OUTER + N_INNER :]
    length = np.linalg.norm(np.diff(jaw, axis=0), axis=1).sum()
    assert 0.8 * length < maps[..., 3].sum() < 2.0 * length
    inside = np.floor(jaw[(jaw[:, 1] < SIZE[1]) & (jaw[:, 0] > 0)]).astype(int)
    inside = inside[(inside < SIZE).all(1) & (inside >= 0).all(1)]
    assert (maps[inside[:, 1], inside[:, 0], 3] > 0.35).mean() > 0.9


def test_the_distance_to_a_circle_is_known():
    angle = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    centre, radius, reach = np.array([50.3, 41.8]), 20.0, 6.0
    circle = centre + radius * np.stack([np.cos(angle), np.sin(angle)], -1)
    y, x = np.mgrid[0:90, 0:100] + 0.5
    exact = radius - np.hypot(x - centre[0], y - centre[1])
    found = signed_distance(circle, (100, 90), reach) * reach
    np.testing.assert_allclose(found, np.clip(exact, -reach, reach), atol=0.01)


def test_a_quarter_of_a_pixel_shows():
    """A shift smaller than a pixel changes every pixel near the lips by as much."""
    a = draw_maps(lines_of(0.12), SIZE)[..., 0]
    b = draw_maps(lines_of(0.12) + [0, 0.25], SIZE)[..., 0]
    near = (a > 0.05) & (a < 0.95)
    change = np.abs(a - b)[near] * 2 * REACH
    assert np.median(change) > 0.15
    assert change.max() < 0.26


def test_closed_lips_draw_a_line_and_no_area():
    closed = draw_maps(lines_of(0.0), SIZE)
    assert (closed[..., 1] > 0.5 + 1e-6).sum() == 0
    assert closed[..., 1].max() > 0.45
    inner = lines_of(0.0)[N_OUTER : N_OUTER + N_INNER]
    assert closed[..., 2].sum() < 3.2 * np.ptp(inner[:, 0])
    opened = draw_maps(lines_of(0.12), SIZE)[..., 1]
    assert opened.max() > 0.9


def test_opening_grows_with_the_mouth():
    areas = [draw_maps(lines_of(o), SIZE)[..., 1].sum() for o in (0, 0.01, 0.03, 0.06, 0.12)]
    assert (np.diff(areas) > 0).all()


def test_mirrored_lines_draw_mirrored_maps():
    lines = lines_of(0.1)
    mirrored = lines.copy()
    mirrored[:, 0] = SIZE[0] - lines[:, 0]
    difference = np.abs(draw_maps(lines, SIZE)[:, ::-1] - draw_maps(mirrored, SIZE))
    assert difference[..., :2].max() < 1e-4
    assert difference.mean() < 1.0 / 255
    # but for the rounding of OpenCV's antialiased lines
    assert (difference > 96 / 255).mean() < 0.002


def test_moving_the_lines_moves_the_maps():
    a, b = draw_maps(lines_of(0.1), SIZE), draw_maps(lines_of(0.1) + [3, -2], SIZE)
    np.testing.assert_allclose(a[2:, :-3], b[:-2, 3:], atol=1e-4)


@pytest.mark.parametrize("scale", [1.0, 2.0, 4.0])
def test_lines_get_wider_with_the_crop(scale: float):
    jaw = draw_maps(lines_of(0.1), SIZE, scale)[..., 3]
    thin = draw_maps(lines_of(0.1), SIZE, 1.0)[..., 3]
    assert jaw.sum() >= thin.sum() * (0.6 + 0.4 * scale)


def test_lines_outside_the_window_are_cut():
    assert not draw_maps(lines_of(0.1) + 5000, SIZE).any()
    assert draw_maps(lines_of(0.1) + [-80, 0], SIZE).any()
