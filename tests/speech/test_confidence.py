from __future__ import annotations

import re

import numpy as np
import pytest
from speech_material import demo_aligned, demo_audio, text_of

from relip.speech import align
from relip.speech.confidence import AMBER, GREEN, Fit, doubted, word_certainty

QUIET = np.linspace(-70, -10, 200)
NOISY = np.linspace(-25, -12, 200)


def _sure(fit: Fit, seconds: float = 0.3, level: np.ndarray = QUIET, native: bool = True) -> float:
    return float(word_certainty([fit], [seconds], level, native=native)[0])


@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize("level", [QUIET, NOISY])
def test_whatever_fits_better_is_surer(native: bool, level: np.ndarray) -> None:
    good, bad = Fit(-0.3, 4.0, 0.06), Fit(-4.0, -1.0, 0.02)
    assert _sure(good, level=level, native=native) > GREEN
    assert _sure(bad, level=level, native=native) < AMBER
    middle = Fit(-1.5, 2.0, 0.035)
    for better in (
        middle._replace(score=-1.0),
        middle._replace(margin=3.0),
        middle._replace(shortest=0.04),
    ):
        assert _sure(better, level=level, native=native) > _sure(middle, level=level, native=native)
    longest = middle._replace(shortest=0.3)
    assert _sure(longest, native=native) == _sure(middle._replace(shortest=0.04), native=native)


@pytest.mark.parametrize("native", [True, False])
def test_without_rivals_the_score_and_the_sounds_judge(native: bool) -> None:
    alone = [Fit(s, float("nan"), 0.06) for s in (-6.0, -2.0, -0.2)]
    chances = word_certainty(alone, [0.3] * 3, QUIET, native=native)
    assert np.isfinite(chances).all() and (np.diff(chances) > 0).all()
    assert chances[0] < AMBER and chances[-1] > GREEN
    assert len(word_certainty([], [], QUIET)) == 0


def test_right_words_are_green_and_one_that_nobody_said_is_not() -> None:
    own = demo_aligned("dialogue").word_confidences
    assert np.mean(np.array(own) >= GREEN) > 0.9 and min(own) >= AMBER
    text = text_of("dialogue").replace("bumpy", "gigantic")
    found = align(demo_audio("dialogue"), text=text)
    words = [w.label for w in found.words if w.label]
    assert found.word_confidences[words.index("gigantic")] < AMBER


@pytest.mark.parametrize(
    "fit, seconds, named",
    [
        (Fit(-0.5, 4.4, 0.025), 0.16, False),  # "and", said in passing
        (Fit(-1.2, 1.5, 0.13), 0.13, False),  # "a"
        (Fit(-3.1, 4.3, 0.04), 0.12, True),  # "he" where "to" is said
        (Fit(-1.2, 1.5, 0.025), 0.16, True),  # surely not
        (Fit(-0.5, 4.4, 0.06), 0.16, False),
    ],
)
def test_a_word_said_in_passing_is_not_named_as_wrong(
    fit: Fit, seconds: float, named: bool
) -> None:
    chance = _sure(fit, seconds)
    assert chance < AMBER or not named
    assert doubted([fit], [chance], QUIET).tolist() == [named]
    assert doubted([], [], QUIET).tolist() == []


def test_a_doubted_word_is_named_with_its_time() -> None:
    start = next(w.start for w in demo_aligned("dialogue").words if w.label == "bumpy")
    assert not any("badly" in warning for warning in demo_aligned("dialogue").warnings)
    text = text_of("dialogue").replace("bumpy", "gigantic")
    found = align(demo_audio("dialogue"), text=text)
    (warning,) = [w for w in found.warnings if "badly" in w]
    told = re.search(r"'gigantic' at (\d+\.\d) s", warning)
    assert told and abs(float(told[1]) - start) < 0.2


def test_a_single_word_has_a_confidence() -> None:
    whole = demo_aligned("plate")
    word = max((w for w in whole.words if w.label), key=lambda w: w.end - w.start)
    audio = demo_audio("plate")
    low, high = (round(t * audio.rate) for t in (word.start - 0.05, word.end + 0.05))
    cut = type(audio)(audio.samples[low:high], audio.rate, (high - low) / audio.rate, 16000, 1)
    (confidence,) = align(cut, text=word.label).word_confidences
    assert confidence > GREEN
