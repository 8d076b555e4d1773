"""Batches: a pure function of the seed and the step, every example in its turn."""

from __future__ import annotations

import numpy as np
import pytest
import render_making

from relip.render import batches as batch_module
from relip.render.batches import NEAR, WHOLE, batches
from relip.render.examples import Examples, near_size


@pytest.fixture(scope="module")
def examples() -> Examples:
    """Ten examples, each of one colour that tells which it is."""
    made = render_making.make_examples(10)
    made.pictures[:] = np.arange(10, dtype=np.float16)[:, None, None, None]
    made.mean[:] = 0
    return made


def numbers(targets: np.ndarray) -> list[int]:
    """Which examples a batch holds; the light is changed by 5 % at most."""
    middle = targets.mean((1, 2, 3))
    return [int(i) for i in np.round(middle)]


def same(a: tuple[np.ndarray, ...], b: tuple[np.ndarray, ...]) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def test_whole_windows_and_pieces_take_turns(examples: Examples):
    window = examples.window
    width, height = near_size(window)
    made = list(batches(examples, seed=0, steps=4))
    assert len(made) == 4
    for step, (inputs, target, region, weight) in enumerate(made):
        count, size = (
            (NEAR, (height, width)) if step % 2 else (WHOLE, (window.height, window.width))
        )
        assert inputs.shape == (count, 8, *size)
        assert target.shape == (count, 3, *size)
        assert region.shape == weight.shape == (count, *size)
        assert {a.dtype for a in (inputs, target, region, weight)} == {np.dtype(np.float32)}


def test_each_step_is_the_same_wherever_one_begins(examples: Examples):
    every = list(batches(examples, seed=3, steps=9))
    for begin in (1, 4, 7, 8):
        rest = list(batches(examples, seed=3, steps=9, begin=begin))
        assert len(rest) == 9 - begin
        assert all(same(a, b) for a, b in zip(rest, every[begin:], strict=True))
    other = list(batches(examples, seed=4, steps=9))
    assert not any(same(a, b) for a, b in zip(every, other, strict=True))
    assert not same(every[0], every[2])


def test_a_round_draws_by_the_sampling(examples: Examples):
    """Over many rounds each example comes as often as it is asked for, and none in vain."""
    wanted = np.array([0, 4, 0, 1, 1, 0, 2, 0, 1, 1]) / 10
    seen = np.zeros(10)
    for _, target, _, _ in batches(examples, seed=1, steps=200, sampling=wanted):
        for number in numbers(target):
            seen[number] += 1
    assert seen.sum() == 100 * (WHOLE + NEAR)
    assert not seen[wanted == 0].any()
    np.testing.assert_allclose(seen / seen.sum(), wanted, atol=0.05)


@pytest.mark.parametrize("sampling", [None, np.array([1, 4, 1, 1, 1, 3, 2, 3, 1, 3]) / 20])
def test_a_round_leaves_no_example_out(examples: Examples, sampling: np.ndarray | None):
    """Ten draws of ten examples: each comes as often as asked for, but for a part of one."""
    drawn = [
        number
        for _, target, _, _ in batches(examples, seed=2, steps=12, sampling=sampling)
        for number in numbers(target)
    ]
    wanted = 10 * (np.full(10, 0.1) if sampling is None else sampling)
    orders = [drawn[start : start + 10] for start in range(0, 60, 10)]
    for order in orders:
        assert (np.abs(np.bincount(order, minlength=10) - wanted) < 1).all()
    assert len({tuple(order) for order in orders}) == 6


def test_lines_are_off_by_the_noise_of_a_long_training(monkeypatch: pytest.MonkeyPatch):
    asked = []

    def augmented(examples, index, rng, near, *, line_noise, lender):
        asked.append(line_noise)
        return (np.zeros(1),) * 4

    monkeypatch.setattr(batch_module, "augmented", augmented)
    examples = render_making.make_examples(3)
    for steps, noise in ((1, 1 / batch_module.LONG), (900, 0.5), (1800, 1.0), (6000, 1.0)):
        asked.clear()
        next(batches(examples, seed=0, steps=steps))
        assert asked == [pytest.approx(noise * batch_module.LINE_NOISE)] * WHOLE
