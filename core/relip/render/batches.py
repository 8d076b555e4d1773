"""Batches of a training: which examples each step sees, and how they are changed for it.

A batch is a pure function of the seed and the step, so a training that goes on
from a checkpoint sees what one that was never stopped would have seen, and a
batch can be made while the step before is computed.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from relip.render.examples import Examples, augmented, near_size
from relip.render.lenders import BORROWED, Lenders

#: Examples of a step: whole windows, and in every second step the mouth and its surroundings
#: alone, which cost half the time and show the network more mouths.
WHOLE, NEAR = 4, 6

#: How far each point of the lines is moved at random (standard deviation, pixels per 256 of the
#: crop), and the steps from which on it is moved as far: about as far as a tracker's points are
#: off. A network that sees the very same lines again and again learns each frame by their noise,
#: and draws unseen mouths the worse the longer it is trained; in a short training it does not
#: come to that, and exact lines are learned sooner.
LINE_NOISE, LONG = 0.5, 1800

#: What tells the random draws of the two kinds apart.
_ORDER, _CHANGE = 0, 1


def batches(
    examples: Examples,
    *,
    seed: int,
    steps: int,
    begin: int = 0,
    sampling: np.ndarray | None = None,
) -> Iterator[tuple[np.ndarray, ...]]:
    """The batches of the steps ``begin`` to ``steps - 1``.

    The examples are drawn round by round, each round as many draws as there are examples, evenly
    spread over the shot: each comes as often as its probability says, but for a part of one.

    Parameters
    ----------
    examples : Examples
    seed : int
    steps, begin : int
    sampling : np.ndarray [shape=(n,)], optional
        Probability of each example; by default equal.

    Yields
    ------
    inputs : np.ndarray [shape=(batch, 8, height, width), dtype=float32]
    target : np.ndarray [shape=(batch, 3, height, width), dtype=float32]
    region, weight : np.ndarray [shape=(batch, height, width), dtype=float32]
    """
    count = len(examples.frames)
    near = near_size(examples.window)
    # a short training has to learn what is usual
    share = min(1.0, steps / LONG)
    noise, lenders = share * LINE_NOISE, Lenders(examples, share * BORROWED)
    number, order = -1, np.zeros(0, np.int64)
    for step in range(begin, steps):
        rng = np.random.default_rng((seed, _CHANGE, step))
        close = step % 2 == 1
        first = step // 2 * (WHOLE + NEAR) + (WHOLE if close else 0)
        parts = []
        for place in range(first, first + (NEAR if close else WHOLE)):
            if place // count != number:
                number = place // count
                draw = np.random.default_rng((seed, _ORDER, number))
                order = _round(count, sampling, draw)
            index = int(order[place % count])
            piece, lender = (near, None) if close else (None, lenders.draw(index, rng))
            parts.append(augmented(examples, index, rng, piece, line_noise=noise, lender=lender))
        yield tuple(np.stack(part) for part in zip(*parts, strict=True))


def _round(count: int, sampling: np.ndarray | None, draw: np.random.Generator) -> np.ndarray:
    """One round of examples ``[shape=(count,)]`` in random order.

    Systematic sampling (Madow and Madow 1944): draws made one by one leave a third of the
    examples of a short training unseen and show others three times.
    """
    ends = np.cumsum(np.full(count, 1 / count) if sampling is None else sampling)
    places = (draw.random() + np.arange(count)) / count * ends[-1]
    chosen = np.minimum(np.searchsorted(ends, places, side="right"), count - 1)
    return draw.permutation(chosen)
