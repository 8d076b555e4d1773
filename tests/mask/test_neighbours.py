"""What neighbouring frames say of an occluder."""

from __future__ import annotations

import numpy as np

from relip.mask import neighbours
from relip.mask.crop import SMALL


def test_a_lone_frame_is_not_believed():
    cover = np.full((SMALL, SMALL), -1, np.float32)
    cover[40:60, 40:60] = 1
    away = np.full((SMALL, SMALL), -1, np.float32)
    away[90:110, 90:110] = 1
    near = np.roll(cover, 12, axis=1)
    assert neighbours.supported(cover, [None, None]) is None
    assert neighbours.supported(cover, [away, None]) is None
    np.testing.assert_array_equal(neighbours.supported(cover, [None, near]), cover)
    np.testing.assert_array_equal(neighbours.supported(cover, []), cover)
    kept = neighbours.supported(np.maximum(cover, away), [near])
    assert kept is not None and ((kept > 0) == (cover > 0)).all()


def test_what_both_neighbours_show_does_not_blink():
    cover = np.full((SMALL, SMALL), -1, np.float32)
    cover[40:60, 40:60] = 1
    moved = np.roll(cover, 4, axis=1)
    filled = neighbours.supported(None, [cover, moved])
    assert filled is not None
    both = (cover > 0) & (moved > 0)
    assert not (filled > 0)[~both].any()
    assert (filled > 0)[both].mean() > 0.9  # its corners are round
    assert neighbours.supported(None, [cover]) is None
    assert neighbours.supported(None, [cover, None]) is None
    most = cover.copy()
    most[55:] = -1
    np.testing.assert_array_equal(neighbours.supported(most, [cover, cover]), most)
    half = cover.copy()
    half[44:] = -1
    whole = neighbours.supported(half, [cover, cover])
    assert whole is not None
    assert not (whole > 0)[cover <= 0].any()
    assert (whole > 0)[cover > 0].mean() > 0.9
    strand = np.full((SMALL, SMALL), -1, np.float32)
    strand[20:100, 40:44] = 1  # it waves
    assert neighbours.supported(None, [strand, strand]) is None
