"""Colours of occluders."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from relip.mask import likelihood
from relip.mask.parsing import BINS, COLOURS


def test_colours_are_spread_as_by_a_gaussian():
    rng = np.random.default_rng(5)
    counts = np.where(rng.random(COLOURS) < 0.02, rng.integers(1, 50, COLOURS), 0)
    found = likelihood.frequency(counts.astype(np.float32))
    cube = counts.reshape(BINS) * (COLOURS / counts.sum())
    assert np.allclose(found.reshape(BINS), gaussian_filter(cube, 0.8, mode="nearest"), atol=1e-3)
