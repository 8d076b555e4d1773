"""Borrowed surroundings: from heads held alike with other mouths, and only around the mouth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import render_making

from relip.render.examples import Examples, augmented
from relip.render.lenders import BORROWED, INWARD, LIGHT, Lenders, inward, light_between


@pytest.fixture(scope="module")
def examples() -> Examples:
    return render_making.make_examples(24)


def drawn(lenders: Lenders, index: int, count: int = 2000) -> np.ndarray:
    """Frames drawn for one example; −1 for its own surroundings."""
    rng = np.random.default_rng(5)
    found = [lenders.draw(index, rng) for _ in range(count)]
    return np.array([-1 if f is None else f for f in found])


def test_about_half_is_borrowed_and_never_from_itself(examples: Examples):
    found = drawn(Lenders(examples), 3)
    assert np.mean(found >= 0) == pytest.approx(BORROWED, abs=0.05)
    assert 3 not in found
    assert len(set(found)) > 5


def test_other_mouths_lend_more_often(examples: Examples):
    """With heads all held alike the chance is the distance of the lips."""
    lines = examples.lines.copy()
    lines[:] = lines[0]
    lines[1, :40] += 1.0
    lines[2, :40] += 4.0
    still = replace(
        examples,
        lines=lines,
        outlines=np.repeat(examples.outlines[:1], 24, 0),
        corners=np.zeros((24, 2)),
    )
    found = drawn(Lenders(still), 0)
    assert set(found) == {-1, 1, 2}
    assert np.sum(found == 2) / np.sum(found == 1) == pytest.approx(4, rel=0.2)


def test_a_head_that_is_held_otherwise_lends_nothing(examples: Examples):
    corners = examples.corners.copy()
    corners[12:] += 0.1 * examples.window.size
    assert set(drawn(Lenders(replace(examples, corners=corners)), 0)) <= {-1, *range(12)}
    corners = np.arange(24)[:, None] * np.array([examples.window.size, 0.0])
    assert set(drawn(Lenders(replace(examples, corners=corners)), 0)) == {-1}


def test_another_plate_lends_nothing(examples: Examples):
    plates = np.repeat([0, 1], 12)
    lenders = Lenders(replace(examples, plates=plates))
    assert set(drawn(lenders, 0)) <= {-1, *range(12)}
    assert set(drawn(lenders, 20)) <= {-1, *range(12, 24)}


def test_the_network_sees_the_lender_around_and_learns_its_own_mouth(
    examples: Examples, monkeypatch: pytest.MonkeyPatch
):
    """Two frames of one colour each: which of them is where is seen at once."""
    monkeypatch.setattr("relip.render.examples.MOVED", 0.0)
    pictures = examples.pictures.copy()
    pictures[0], pictures[1] = 0.30, 0.35
    corners = examples.corners.copy()
    corners[1] = corners[0] + [3, -2]
    two = replace(examples, pictures=pictures, corners=corners, mean=np.zeros(3, np.float32))
    own = augmented(two, 0, np.random.default_rng(1))
    lent = augmented(two, 0, np.random.default_rng(1), lender=1)
    gain = own[1].mean() / np.float32(np.float16(0.30))
    outside = lent[2] == 0
    np.testing.assert_allclose(own[0][:3, own[2] == 0], 2 * 0.30 * gain, rtol=1e-3)
    np.testing.assert_allclose(lent[0][:3, outside], 2 * 0.35 * gain, rtol=1e-3)
    # the lines are its own
    np.testing.assert_array_equal(own[0][4:], lent[0][4:])
    # its picture in the lender's light
    np.testing.assert_allclose(lent[1], 0.35 * gain, rtol=1e-3)
    # the region is the lender's, where that lies in this frame's window
    ys, xs = np.nonzero(lent[2])
    own_ys, own_xs = np.nonzero(own[2])
    moved = examples.outlines[1].mean(0) + [3, -2] - examples.outlines[0].mean(0)
    at = np.array([xs.mean() - own_xs.mean(), ys.mean() - own_ys.mean()])
    np.testing.assert_allclose(at, moved, atol=1.5)
    # and nothing is learned where the two meet
    edge = outside | (inward(lent[2], two.window.size / 256) == 0)
    assert not lent[3][edge].any()
    assert lent[3].max() == own[3].max()


def test_inward_rises_from_the_edge():
    region = np.zeros((80, 80), np.float32)
    region[10:70, 10:70] = 1
    found = inward(region, 1.0)
    assert found[9, 40] == 0
    np.testing.assert_allclose(found[10:18, 40], np.arange(1, 9) / INWARD, atol=0.01)
    assert found[40, 40] == 1
    assert inward(np.zeros_like(region), 1.0).max() == 0


def test_light_is_compared_in_the_ring_and_limited():
    inside = np.zeros((40, 40), np.float32)
    inside[5:35, 5:35] = 0.5
    inside[15:25, 15:25] = 1
    picture = np.full((40, 40, 3), 0.4, np.float32)
    lent = picture + np.array([0.02, -0.01, 0.5], np.float32)
    lent[15:25, 15:25] = 9
    lent[5:9, 5:9] = 0  # hair over the ring
    np.testing.assert_allclose(
        light_between(lent, picture, inside), [0.02, -0.01, LIGHT], atol=1e-6
    )
    assert not light_between(lent, picture, np.ones_like(inside)).any()


def test_batches_borrow_for_whole_windows_only(examples: Examples, monkeypatch: pytest.MonkeyPatch):
    from relip.render import batches as batch_module

    asked = []

    def noted(examples, index, rng, near, *, line_noise, lender):
        asked.append((near is None, lender))
        return (np.zeros(1),) * 4

    monkeypatch.setattr(batch_module, "augmented", noted)
    for steps, share in ((batch_module.LONG, BORROWED), (batch_module.LONG // 3, BORROWED / 3)):
        asked.clear()
        list(batch_module.batches(examples, seed=0, steps=steps, begin=steps - 200))
        assert not any(lender is not None for whole, lender in asked if not whole)
        whole = [lender is not None for whole, lender in asked if whole]
        assert np.mean(whole) == pytest.approx(share, abs=0.08)
