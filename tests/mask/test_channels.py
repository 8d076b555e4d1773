"""Sums over channels: NumPy's bits."""

from __future__ import annotations

import numpy as np
import pytest

from relip.mask import channels


@pytest.mark.parametrize("shape", [(7, 3), (5, 9, 3)])
def test_the_bits_are_numpys(shape: tuple[int, ...]):
    values = np.random.default_rng(0).normal(0, 3, shape).astype(np.float32)
    assert np.array_equal(channels.total(values), values.sum(-1))
    assert np.array_equal(channels.squared(values), np.square(values).sum(-1))
