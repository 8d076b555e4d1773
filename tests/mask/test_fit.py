"""What is learnt of a shot."""

from __future__ import annotations

import mask_making
import numpy as np

from relip.mask import parsing
from relip.mask.appearance import opponent
from relip.shot import Shot


def test_the_shot_knows_the_colour_of_its_occluder(covered: Shot):
    colours = mask_making.learnt(covered).occluders
    assert colours is not None
    square = np.round(mask_making.SQUARE * 255).astype(np.uint8) + np.zeros((9, 9, 3), np.uint8)
    its_bin = int(parsing.colour_bins(opponent(square))[4, 4])
    assert colours.argmax() == its_bin
    assert colours[its_bin] > 0.6 * colours.sum()
