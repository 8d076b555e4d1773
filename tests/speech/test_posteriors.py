from __future__ import annotations

import itertools

import numpy as np
import pytest

from relip.speech.acoustics import NOISES, SILENCE, STATES, acoustic_model
from relip.speech.alignment import Interval
from relip.speech.posteriors import (
    CLOSED,
    MOST,
    SCALE,
    SHORTEST,
    STAY,
    confirmed,
    decide,
    phone_posteriors,
    word_weight,
)
from relip.speech.sphinx import Sphinx

NAMES = (SILENCE, "AA", "S", "M")


def _chances(labels: str, sure: float = 0.9) -> np.ndarray:
    """Frames with one sure phone each: ``.`` is silence, ``a``, ``s``, ``m``."""
    out = np.full((len(labels), len(NAMES)), (1 - sure) / (len(NAMES) - 1))
    out[np.arange(len(labels)), [".asm".index(c) for c in labels]] = sure
    return out


def test_chances_are_those_of_all_paths_together() -> None:
    rng = np.random.default_rng(3)
    scores = rng.normal(0, 6, (5, 2 * STATES))
    links = np.log(np.array([[0.3, 0.7], [0.8, 0.2]]))
    total = np.zeros((5, 2))
    for path in itertools.product(range(2 * STATES), repeat=5):
        if path[0] % STATES:
            continue
        chance = 1.0
        for a, b in itertools.pairwise(path):
            if a == b:
                chance *= STAY
            elif a % STATES < STATES - 1:
                chance *= (1 - STAY) * (b == a + 1)
            else:
                chance *= (1 - STAY) * np.exp(links[a // STATES, b // STATES]) * (b % STATES == 0)
        chance *= np.exp(SCALE * sum(scores[f, s] for f, s in enumerate(path)))
        for frame, state in enumerate(path):
            total[frame, state // STATES] += chance
    expected = total / total.sum(axis=1, keepdims=True)
    assert np.allclose(phone_posteriors(scores, links), expected, atol=1e-9)


def test_long_sound_neither_overflows_nor_vanishes() -> None:
    scores = np.random.default_rng(0).normal(-4000, 900, (3000, 4 * STATES))
    found = phone_posteriors(scores, np.full((4, 4), -1.4))
    assert np.isfinite(found).all() and np.allclose(found.sum(axis=1), 1)
    assert len(phone_posteriors(scores[:0], np.zeros((4, 4)))) == 0


def test_likely_phones_are_taken_and_a_single_frame_makes_none() -> None:
    found = decide(_chances("....aaaasaaaassss..."), NAMES)
    assert found == [("", 0, 4), ("AA", 4, 13), ("S", 13, 17), ("", 17, 20)]
    assert decide(_chances(""), NAMES) == []
    assert decide(_chances("a"), NAMES) == [("AA", 0, 1)]


def test_closures_win_where_chances_are_nearly_even() -> None:
    chances = _chances("aaaaassssssaaaa")
    even = (chances[5:11, 2] + chances[5:11, 3]) / 2
    chances[5:11, 2] = even * np.exp(CLOSED / 4)
    chances[5:11, 3] = even * np.exp(-CLOSED / 4)
    assert ("M", 5, 11) in decide(chances, NAMES)


def test_sure_words_overrule_the_sound_and_doubtful_ones_do_not() -> None:
    chances, told = _chances("aaaaassssssaaaa"), [("AA", 0, 5), ("M", 5, 11), ("AA", 11, 15)]
    sure = decide(chances, NAMES, told=told, weight=np.full(15, MOST))
    assert sure == told
    doubtful = decide(chances, NAMES, told=told, weight=np.zeros(15))
    assert doubtful == decide(chances, NAMES) != told


def test_words_weigh_by_their_chance_to_be_right() -> None:
    assert not word_weight([], [], 10).any()
    means = [word_weight([(20, 60)], [c], 100).mean() for c in (0.01, 0.3, 0.6, 0.9, 0.99, 1.0)]
    assert means == sorted(means) and means[0] == 0 and means[-1] <= MOST
    both = word_weight([(0, 200), (200, 400)], [0.2, 0.99], 400)
    assert np.all(np.diff(both) >= -1e-9) and both[0] < both[-1]


WORDS = [Interval(0.10, 0.30, "am"), Interval(0.30, 0.50, "as")]
PHONES = [
    *(Interval(0.10, 0.205, "AA"), Interval(0.205, 0.30, "M")),
    *(Interval(0.30, 0.40, "AA"), Interval(0.40, 0.50, "S")),
]


def test_words_that_agree_keep_their_own_times() -> None:
    decided = [
        *(Interval(0.09, 0.21, "AA"), Interval(0.21, 0.30, "M")),
        *(Interval(0.30, 0.38, "M"), Interval(0.38, 0.50, "M")),
    ]
    assert confirmed(WORDS, PHONES, decided) == [*PHONES[:2], *decided[2:]]


def test_rests_beside_kept_words_go_to_their_neighbours() -> None:
    decided = [
        *(Interval(0.02, 0.09, "S"), Interval(0.09, 0.21, "AA"), Interval(0.21, 0.32, "M")),
        *(Interval(0.32, 0.41, "S"), Interval(0.41, 0.50, "M")),
    ]
    found = confirmed(WORDS, PHONES, decided)
    assert found == [
        *(Interval(0.02, 0.10, "S"), *PHONES[:2]),
        *(Interval(0.30, 0.41, "S"), Interval(0.41, 0.50, "M")),
    ]
    assert all(p.end - p.start >= SHORTEST for p in found)


def test_without_words_everything_is_as_decided() -> None:
    decided = [Interval(0.0, 0.02, "S"), Interval(0.05, 0.2, "M")]
    assert confirmed([], [], decided) == decided


def test_links_between_phones_are_chances() -> None:
    names = acoustic_model().phones
    chances = np.exp(Sphinx().phone_links(names))
    rows = [i for i, n in enumerate(names) if n not in NOISES]
    assert chances[rows].sum(axis=1) == pytest.approx(1, abs=0.1)
    at = {n: i for i, n in enumerate(names)}
    assert chances[at["NG"], at["K"]] > 10 * chances[at["K"], at["NG"]]
