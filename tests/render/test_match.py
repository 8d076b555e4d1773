"""The match with the plate: softness and colour found again, steady and balanced over time."""

from __future__ import annotations

from typing import ClassVar

import cv2
import face_making
import numpy as np
import pytest

from relip.render import match, stage
from relip.render.match import Match

SIZE = 256


def scene(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A textured window and the region in its middle."""
    picture = face_making.texture(176, 224, seed) * 0.5 + 0.25
    rng = np.random.default_rng(seed)
    fine = cv2.GaussianBlur(rng.standard_normal((176, 224, 1)).astype(np.float32), (0, 0), 1.0)
    picture = picture + 0.15 * fine[..., None]
    region = np.zeros((176, 224), np.float32)
    cv2.ellipse(region, (112, 88), (90, 70), 0, 0, 360, 1.0, -1)
    return picture.astype(np.float32), region


@pytest.mark.parametrize("sigma", [0.0, 0.9, 1.8])
def test_a_softer_plate_is_followed(sigma: float):
    picture, region = scene()
    plate = cv2.GaussianBlur(picture, (0, 0), sigma) if sigma else picture
    found = match.fit(picture, plate, region, SIZE)
    assert found.blur == pytest.approx(sigma, abs=0.31)
    made = match.apply(picture, found, SIZE)
    assert np.abs(made - plate)[region > 0].mean() < 0.01


@pytest.mark.parametrize("sigma", [0.0, 1.3])
def test_what_only_a_part_of_the_ring_shows_is_no_softening(sigma: float):
    """A fold that the network drew and the plate has not is no reason to blur the mouth."""
    picture, region = scene()
    plate = cv2.GaussianBlur(picture, (0, 0), sigma) if sigma else picture
    drawn = picture.copy()
    drawn[:, :60] += 3 * (picture - cv2.GaussianBlur(picture, (0, 0), 2))[:, :60]
    assert match.fit(drawn, plate, region, SIZE).blur == pytest.approx(sigma, abs=0.31)


def test_smooth_skin_is_compared_by_more_than_chance():
    """Hardly any texture, here more and there less of it: no part of the ring says much."""
    rng = np.random.default_rng(3)
    _, region = scene()
    picture, plate = (
        cv2.GaussianBlur(rng.standard_normal((176, 224)).astype(np.float32), (0, 0), 1.2)[..., None]
        * cv2.resize(np.exp(rng.normal(0, 1.2, (4, 5))).astype(np.float32), (224, 176))[..., None]
        * np.full(3, 0.003 * strength, np.float32)
        + np.float32(0.6)
        for strength in (1.3, 1.0)
    )
    assert match.fit(picture, plate, region, SIZE).blur == 0


def test_less_noise_on_smooth_skin_is_no_softening():
    """All around the drawn skin has twice the plate's noise, and neither is seen."""
    _, region = scene()
    noise = np.random.default_rng(4).standard_normal((176, 224, 3)).astype(np.float32)
    noise = 0.6 + 0.01 * cv2.GaussianBlur(noise, (0, 0), 1.5)
    assert match.fit(noise, 0.5 * noise + 0.3, region, SIZE).blur == 0


def test_a_fainter_shadow_is_no_softening():
    """Light that comes over the jaw less strongly than it was drawn, as softly."""
    _, region = scene()
    across = np.hypot(
        *(np.mgrid[:176, :224] - np.array([88, 112])[:, None, None]) / [[[70]], [[90]]]
    )
    step = cv2.GaussianBlur((across < 0.93).astype(np.float32), (0, 0), 4.0)[..., None]
    drawn, plate = (np.full(3, 0.4, np.float32) + height * step for height in (0.3, 0.22))
    assert match.fit(drawn, plate, region, SIZE).blur == 0


def test_a_sharper_plate_changes_nothing():
    picture, region = scene()
    soft = cv2.GaussianBlur(picture, (0, 0), 1.2)
    assert match.fit(soft, picture, region, SIZE).blur == 0


def test_colour_is_found():
    picture, region = scene()
    plate = picture + np.array([0.03, -0.02, 0.01], np.float32)
    found = match.fit(picture, plate, region, SIZE)
    np.testing.assert_allclose(found.colour[:, 0], [0.03, -0.02, 0.01], atol=2e-3)
    np.testing.assert_allclose(match.apply(picture, found, SIZE), plate, atol=4e-3)


def test_no_ring_no_match():
    picture, _ = scene()
    found = match.fit(picture, picture, np.zeros((176, 224), np.float32), SIZE)
    assert not found.colour.any() and found.blur == 0


def test_defocus_can_be_left_out():
    picture, _ = scene()
    soft = Match(np.zeros((3, 7)), 1.5)
    np.testing.assert_array_equal(match.apply(picture, soft, SIZE, 0.0), picture)
    assert np.abs(match.apply(picture, soft, SIZE) - picture).max() > 0.02


def of(value: float) -> Match:
    return Match(np.full((3, 7), value), value)


def test_a_steady_change_does_not_lag():
    """A light that comes up: the average of a straight line is its middle."""
    around = {i: of(0.01 * (5 + i)) for i in range(-2, 3)}
    assert match.smoothed(around).colour[0, 0] == pytest.approx(0.05)
    for gone in ([2], [-1], [1, -2], [1, 2], [-2, -1, 1, 2]):
        left = {i: m for i, m in around.items() if i not in gone}
        assert match.smoothed(left).colour[0, 0] == pytest.approx(0.05)


def test_jitter_is_averaged():
    rng = np.random.default_rng(0)
    raw = rng.normal(size=400)
    smooth = [match.smoothed({k: of(raw[i + k]) for k in range(-2, 3)}).blur for i in range(2, 398)]
    wanted = np.sqrt(36 + 2 * 16 + 2) / 16  # the weights 1 4 6 4 1
    assert np.std(smooth) / np.std(raw) == pytest.approx(wanted, abs=0.05)


class Found:
    """Stands for what was drawn: all that is asked of it is its match."""

    def __init__(self, value: float) -> None:
        self.match = of(value)


def beside(first: int, last: int):
    """The frames within the reach of a frame, itself left out, of a shot first-last."""
    reach = range(-match.REACH, match.REACH + 1)
    return lambda f: [f + k for k in reach if k and first <= f + k <= last]


def test_whichever_frames_are_wanted_their_match_is_the_same():
    """Chunks see their neighbours, and only those."""
    values = dict(enumerate(np.random.default_rng(3).normal(size=12)))
    everything = [(f, Found(v)) for f, v in values.items()]
    whole = {f: m.blur for f, _, m in stage.steadied(iter(everything), set(values), beside(0, 11))}
    assert list(whole) == list(values)
    for chunk in ({0, 1}, {5}, {2, 3, 9}, {11}):
        needed = {n for f in chunk for n in (f, *beside(0, 11)(f))}
        seen = [item for item in everything if item[0] in needed]
        found = {f: m.blur for f, _, m in stage.steadied(iter(seen), chunk, beside(0, 11))}
        assert found == {f: whole[f] for f in chunk}


def test_runs_taken_in_any_order():
    """Blocks taken by several processes: none is finished twice, nor without its neighbours."""
    values = dict(enumerate(np.random.default_rng(4).normal(size=20)))
    whole = {
        f: m.blur
        for f, _, m in stage.steadied(
            iter([(f, Found(v)) for f, v in values.items()]), set(values), beside(0, 19)
        )
    }
    rng = np.random.default_rng(5)
    for _ in range(20):
        # some blocks of this process, in the order in which it takes them, others' between them
        blocks = [list(range(s, s + 4)) for s in range(0, 20, 4)]
        rng.shuffle(blocks)
        blocks = blocks[:4]

        class Plate:
            read: ClassVar[list[int]] = []

            def iter(self, frames, on_error):
                self.read.extend(frames)
                return iter(frames)

        class Share:
            def parts(self, plate):
                return iter(blocks)  # noqa: B023

        class Inputs:
            neighbours = staticmethod(beside(0, 19))

        mine: set[int] = set()
        plate = Plate()
        plate.read = []
        drawn = (
            (f, Found(values[f])) for f in stage._with_neighbours(plate, Inputs(), Share(), mine)
        )
        found = [(f, m.blur) for f, _, m in stage.steadied(drawn, mine, beside(0, 19))]
        assert sorted(f for f, _ in found) == sorted(f for block in blocks for f in block)
        assert all(blur == whole[f] for f, blur in found)
    # in order, no picture is read twice
    plate = Plate()
    plate.read = []
    blocks = [list(range(s, s + 4)) for s in range(0, 20, 4)]
    list(stage._with_neighbours(plate, Inputs(), Share(), set()))
    assert plate.read == list(range(20))


def test_frames_that_were_not_drawn_come_through():
    from relip.plate import BadFrame

    items = [(1, Found(1.0)), (BadFrame(2, "torn"), None), (3, None), (4, Found(4.0))]
    found = list(stage.steadied(iter(items), {1, 2, 3, 4}, beside(1, 4)))
    assert [stage._number(f) for f, _, _ in found] == [1, 2, 3, 4]
    assert [m is None for _, _, m in found] == [False, True, True, False]
