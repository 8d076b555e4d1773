"""The maps that tell the network where lips and jaw are."""

from __future__ import annotations

import face_making
import numpy as np
import pytest

from relip.render.conditioning import MAPS, draw_maps
from relip.render.rig import LINE_POINTS, N_INNER, N_OUTER

SIZE = (176, 144)


def lines_of(opening: float, scale: float = 170.0) -> np.ndarray:
    face = face_making.with_mouth(opening)[list(LINE_POINTS), :2]
    return face * scale + [88.0, -20.0]


def area(outline: np.ndarray) -> float:
    x, y = outline.T
    return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2)


def test_maps_are_what_they_are_called():
    maps = draw_maps(lines_of(0.12), SIZE)
    assert maps.shape == (SIZE[1], SIZE[0], len(MAPS))
    assert maps.dtype == np.uint8
    assert maps.max((0, 1)).min() > 240
    assert maps[..., :2].max((0, 1)).tolist() == [255, 255]
    assert maps.min() == 0
    lines = lines_of(0.12)
    for i, part in ((0, lines[:N_OUTER]), (1, lines[N_OUTER : N_OUTER + N_INNER])):
        exact = area(part)
        around = np.linalg.norm(np.diff(part, axis=0, append=part[:1]), axis=1).sum()
        drawn = maps[..., i].sum() / 255
        # OpenCV's antialiased fills are up to 0.8 pixel too large on every side
        assert exact * 0.98 < drawn < exact + 0.8 * around
    # the mouth lies within the lips
    assert (maps[..., 1][maps[..., 0] == 0] == 0).all()
    # lines are thin: their area is their length, up to two pixels wide
    jaw = lines[N_OUTER + N_INNER :]
    length = np.linalg.norm(np.diff(jaw, axis=0), axis=1).sum()
    assert 0.8 * length < maps[..., 3].sum() / 255 < 2.0 * length
    inside = np.floor(jaw[(jaw[:, 1] < SIZE[1]) & (jaw[:, 0] > 0)]).astype(int)
    inside = inside[(inside < SIZE).all(1) & (inside >= 0).all(1)]
    assert (maps[inside[:, 1], inside[:, 0], 3] > 90).mean() > 0.9


def test_closed_lips_draw_a_line_and_no_area():
    closed = draw_maps(lines_of(0.0), SIZE)[..., 1] > 0
    span = np.ptp(lines_of(0.0)[N_OUTER : N_OUTER + N_INNER, 0])
    assert closed.sum() <= 3.2 * span
    columns = closed.sum(0)
    assert columns.max() <= 4
    opened = draw_maps(lines_of(0.12), SIZE)[..., 1].sum() / 255
    assert draw_maps(lines_of(0.0), SIZE)[..., 1].sum() / 255 < 0.2 * opened


def test_opening_grows_with_the_mouth():
    areas = [draw_maps(lines_of(o), SIZE)[..., 1].sum() for o in (0, 0.01, 0.03, 0.06, 0.12)]
    assert (np.diff(areas) > 0).all()


def test_mirrored_lines_draw_mirrored_maps():
    lines = lines_of(0.1)
    mirrored = lines.copy()
    mirrored[:, 0] = SIZE[0] - lines[:, 0]
    a = draw_maps(lines, SIZE)[:, ::-1].astype(int)
    b = draw_maps(mirrored, SIZE).astype(int)
    difference = np.abs(a - b)
    assert difference.mean() < 1.0
    # but for the antialiasing's rounding
    assert (difference > 96).mean() < 0.002


def test_moving_the_lines_moves_the_maps():
    a, b = draw_maps(lines_of(0.1), SIZE), draw_maps(lines_of(0.1) + [3, -2], SIZE)
    np.testing.assert_array_equal(a[2:, :-3], b[:-2, 3:])


@pytest.mark.parametrize("scale", [1.0, 2.0, 4.0])
def test_lines_get_wider_with_the_crop(scale: float):
    jaw = draw_maps(lines_of(0.1), SIZE, scale)[..., 3]
    thin = draw_maps(lines_of(0.1), SIZE, 1.0)[..., 3]
    assert jaw.sum() >= thin.sum() * (0.6 + 0.4 * scale)


def test_lines_outside_the_window_are_cut():
    assert not draw_maps(lines_of(0.1) + 5000, SIZE).any()
    assert draw_maps(lines_of(0.1) + [-80, 0], SIZE).any()
