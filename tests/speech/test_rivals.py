from __future__ import annotations

import itertools

import numpy as np

from relip.speech.acoustics import STATES
from relip.speech.rivals import MOST, rival_margins

NAMES = ("A", "B", "C", "D", "E")


def _sounds(text: str) -> list[list[tuple[str, ...]]]:
    return [[(c,) for c in word] for word in text.split()]


def _best(scores: np.ndarray, word: list[tuple[str, ...]]) -> float:
    """The best path by trying all: where each third begins, or that it is passed over."""
    columns = [
        np.max([scores[:, STATES * NAMES.index(p) + third] for p in sound], axis=0)
        for sound in word
        for third in range(STATES)
    ]
    best, frames = -np.inf, len(scores)
    for path in itertools.product(range(len(columns)), repeat=frames):
        steps = np.diff(path)
        if path[0] == 0 and path[-1] == len(columns) - 1 and set(steps) <= {0, 1, 2}:
            total = sum(columns[s][f] for f, s in enumerate(path)) - 4.0 * (steps == 2).sum()
            best = max(best, total / frames)
    return best


def test_margin_is_over_the_median_of_what_stands_elsewhere() -> None:
    scores = np.random.default_rng(1).normal(-20, 5, (6, STATES * len(NAMES)))
    words = _sounds("AB C DE")
    words[2][1] = ("E", "A")
    frames = [(0, 6), (1, 4), (0, 5)]
    said = [s for w in words for s in w]
    expected = []
    for (low, high), (first, size) in zip(frames, ((0, 2), (2, 1), (3, 2)), strict=True):
        part = scores[low:high]
        others = [
            _best(part, [said[(start + i) % 5] for i in range(size)])
            for start in range(5)
            if min((start - first) % 5, size) == size and (first - start) % 5 >= size
        ]
        own = _best(part, said[first : first + size])
        expected.append(own - np.median(others) if len(others) >= 3 else np.nan)
    assert np.isnan(expected[0]) and not np.isnan(expected[1])
    assert np.allclose(
        rival_margins(scores, NAMES, words, frames), expected, atol=1e-4, equal_nan=True
    )


def _recording(text: str) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """Scores of a voice that says the letters, six frames each, and the frames of its words."""
    letters = text.replace(" ", "")
    scores = np.full((6 * len(letters), STATES * len(NAMES)), -30.0)
    for place, letter in enumerate(letters):
        for third in range(STATES):
            at = 6 * place + 2 * third
            scores[at : at + 2, STATES * NAMES.index(letter) + third] = -5.0
    ends = 6 * np.cumsum([len(w) for w in text.split()])
    return scores, list(zip([0, *ends[:-1].tolist()], ends.tolist(), strict=True))


def test_said_words_beat_their_rivals_and_others_do_not() -> None:
    said = "AB CDE BAD ECB DA " * 8
    scores, frames = _recording(said)
    right = rival_margins(scores, NAMES, _sounds(said), frames)
    assert (right > 10).all()
    assert len(said.replace(" ", "")) > MOST
    wrong = _sounds(said)
    wrong[7], wrong[20] = _sounds("EAD DC")
    margins = rival_margins(scores, NAMES, wrong, frames)
    assert set(np.argsort(margins)[:2]) == {7, 20}
    others = [i for i in range(len(wrong)) if i not in (7, 20)]
    assert np.allclose(margins[others], right[others], atol=4)


def test_no_margin_without_rivals_or_room() -> None:
    scores, frames = _recording("AB CD EA")
    words = _sounds("AB CD EA")
    assert np.isnan(rival_margins(scores[:12], NAMES, words[:1], frames[:1])).all()
    assert np.isnan(rival_margins(scores, NAMES, _sounds("AA AA AA"), frames)).all()
    tight = rival_margins(scores, NAMES, words, [(0, 12), (12, 14), (14, 36)])
    assert np.isnan(tight[1]) and not np.isnan(tight[[0, 2]]).any()
    assert len(rival_margins(scores, NAMES, [], [])) == 0
