"""The 8-bit picture for detection."""

from __future__ import annotations

import numpy as np
import pytest

from relip.plate import Colour
from relip.track.picture import detection_picture


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
