"""Opened mouths of a silent actor: where the lips go, what lies behind them, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from render_making import PAD, make_examples, make_track

from relip.mask.coverage import fill
from relip.render import opened as module
from relip.render import rig as rig_module
from relip.render.examples import Examples
from relip.render.rig import FEATURES, N_INNER, N_OUTER, OPENING
from relip.track import pose

SIZE = 128


@pytest.fixture(scope="module")
def silent() -> tuple[Examples, rig_module.Rig, np.ndarray]:
    """A painted face that keeps silent while its head turns; one frame is half hidden."""
    track = make_track(30, talking=0)
    examples = make_examples(30, SIZE, talking=0)
    examples.hidden[3] = np.full(examples.pictures.shape[1:3], 200, np.uint8)
    return examples, rig_module.fit(track), pose.pose_curves(track)


@pytest.fixture(scope="module")
def made(silent) -> Examples:
    return module.opened_examples(*silent, seed=4)


def openings(examples: Examples) -> np.ndarray:
    flat = examples.lines.reshape(len(examples.frames), -1)
    return flat @ FEATURES[OPENING] / SIZE / rig_module.UNIT


def test_openings_of_all_sizes(silent, made: Examples):
    examples, rig, _ = silent
    assert len(made.frames) == module.FEWEST and made.pictures.dtype == np.float16
    found = openings(made)
    assert found.min() > 0.005 and found.max() == pytest.approx(
        rig.levels[1] / rig_module.UNIT, rel=0.1
    )
    # evenly spread over the openings, and over the shot
    assert np.ptp(np.histogram(found, 5, (0.0095, 0.12))[0]) <= 4
    assert set(made.frames) == set(examples.frames)
    # what hides the face hides it there, too
    assert {int(made.frames[i]) for i in made.hidden} == {int(examples.frames[3])}


def test_lips_part_and_what_is_between_them_is_not_skin(silent, made: Examples):
    examples, *_ = silent
    wide = int(openings(made).argmax())
    picture = made.pictures[wide].astype(np.float32)
    size = (picture.shape[1], picture.shape[0])
    lines = made.lines[wide] + PAD
    inside = fill(lines[N_OUTER : N_OUTER + N_INNER], size) > 0.99
    assert inside.sum() > 60
    values = picture[inside].mean(1)
    skin = examples.pictures.astype(np.float32).max()
    # the back of the mouth is dark, and there are teeth, no brighter than the skin
    assert np.percentile(values, 20) < 0.2 * skin and values.max() > 0.45 * skin
    assert values.max() < skin
    rows = np.nonzero(inside)[0]
    bright = values > 0.4 * skin
    assert rows[bright].mean() < rows[~bright].mean() - 1  # they hang from the upper lip
    # around the mouth, the lips: what the rig's lines enclose has the lips' colour
    whole = fill(lines[:N_OUTER], size) > 0.99
    mouth = fill(lines[N_OUTER : N_OUTER + N_INNER], size) < 0.01
    lips = picture[whole & mouth]
    assert np.median(lips[:, 0] - lips[:, 1]) > 0.2


def test_a_mouth_in_a_small_face_is_as_soft_as_the_plate(silent):
    """Where a pixel of the plate is many of the crop's wide, nothing painted is sharper than it."""
    examples, rig, curves = silent
    sharp, soft, same = (
        module.opened_examples(examples, rig, curves, seed=4, finest=finest)
        for finest in (0.5, 3.0, 0.6)  # the crop is one of 128
    )
    np.testing.assert_array_equal(same.pictures, sharp.pictures)
    narrow = int(np.argsort(openings(sharp))[len(sharp.frames) // 4])
    size = (sharp.pictures.shape[2], sharp.pictures.shape[1])
    inside = fill(sharp.lines[narrow, N_OUTER : N_OUTER + N_INNER] + PAD, size) > 0.5
    spread = [
        np.ptp(np.percentile(e.pictures[narrow].astype(np.float32).mean(2)[inside], [2, 98]))
        for e in (sharp, soft)
    ]
    assert spread[1] < 0.6 * spread[0]


def test_nothing_changes_outside_the_region(silent, made: Examples):
    examples, *_ = silent
    place = {int(f): i for i, f in enumerate(examples.frames)}
    for i in range(0, len(made.frames), 9):
        before = examples.pictures[place[int(made.frames[i])]].astype(np.float32)
        size = (before.shape[1], before.shape[0])
        outside = fill(made.outlines[i] + PAD, size) == 0
        apart = np.abs(made.pictures[i].astype(np.float32) - before)[outside]
        assert np.percentile(apart, 98) < 0.02


def test_the_same_seed_opens_the_same(silent, made: Examples):
    again = module.opened_examples(*silent, seed=4)
    np.testing.assert_array_equal(again.pictures, made.pictures)
    other = module.opened_examples(*silent, seed=5)
    assert not np.array_equal(other.lines, made.lines)


def test_lips_that_stay_shut_show_nothing_behind_them(silent):
    examples, *_ = silent
    picture = examples.pictures[0].astype(np.float32)
    lines, outline = examples.lines[0] + PAD, examples.outlines[0] + PAD
    made = module.opened(picture, lines, lines, outline, SIZE)
    np.testing.assert_allclose(made, picture, atol=0.03)
