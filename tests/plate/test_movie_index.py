"""Which pictures a movie holds."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from relip.errors import PlateError
from relip.plate import movie_index


def test_times_that_run_for_years_take_no_memory() -> None:
    """A damaged time stamp must not make a grid of a billion frames."""
    pts = np.array([0, 1, 2, 3, 2**40])
    with pytest.raises(PlateError, match="run over"):
        movie_index._conform(pts, Fraction(1, 25), Fraction(25))
    assert len(movie_index._conform(pts[:4], Fraction(1, 25), Fraction(25))) == 4
