"""What is learnt of a shot."""

from __future__ import annotations

from pathlib import Path

import cv2
import mask_making
import numpy as np
import pytest

from relip.mask import fit, occlusion, parsing
from relip.mask.appearance import opponent
from relip.mask.crop import SIDE, SMALL
from relip.shot import Shot
from relip.track import points


def test_the_shot_knows_the_colour_of_its_occluder(covered: Shot):
    colours = mask_making.learnt(covered).occluders
    assert colours is not None
    square = np.round(mask_making.SQUARE * 255).astype(np.uint8) + np.zeros((9, 9, 3), np.uint8)
    its_bin = int(parsing.colour_bins(opponent(square))[4, 4])
    assert colours.argmax() == its_bin
    assert colours[its_bin] > 0.6 * colours.sum()


def test_what_may_be_the_face_in_another_light_teaches_no_colours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Of a chin that was once taken for an occluder, and of a green thing before it."""
    shot = mask_making.make_shot(tmp_path, occluded=False)
    learnt = mask_making.learnt(shot)
    face = learnt.mean_face
    cover = np.full((SMALL, SMALL), -1, np.float32)
    x, y = (face[points.CHIN] * SMALL).astype(int)
    cover[y - 22 : y - 8, x - 12 : x + 12] = 1
    monkeypatch.setattr(occlusion, "find", lambda *_: cover)
    there = cv2.resize(cover, (SIDE, SIDE), interpolation=cv2.INTER_NEAREST) > 0

    def colours(change: tuple[int, int, int]) -> np.ndarray | None:
        crops = []
        for crop in mask_making.crops(shot)[:3]:
            changed = crop.astype(int) + there[..., None] * np.array(change)
            crops.append(np.clip(changed, 0, 255).astype(np.uint8))
        return fit.occluder_colours(
            learnt.model, learnt.palette, learnt.space, crops, [face] * 3, [face] * 3
        )

    assert colours((-10, 8, 0)) is None
    assert colours((-100, 0, -50)) is not None
