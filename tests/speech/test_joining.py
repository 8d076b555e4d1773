from __future__ import annotations

import numpy as np
import pytest
from speech_material import RATE, audio_of

from relip.speech import joining
from relip.speech.alignment import Interval
from relip.speech.pronunciation import find_language
from relip.speech.recording import Recording


def test_silence_before_a_stop_is_its_closure_inside_a_word_and_a_pause_between_words() -> None:
    rng = np.random.default_rng(0)
    levels_ = np.repeat([0.1, 1e-4, 0.1], [RATE // 2, RATE * 3 // 10, RATE // 2])
    audio = audio_of(rng.normal(0, levels_))
    recording = Recording(audio, find_language("fi"))
    phones = [Interval(0.2, 0.5, "AA"), Interval(0.5, 0.85, "P"), Interval(0.85, 1.2, "AA")]
    word = [Interval(0.2, 1.2, "appa")]
    inside = joining.inside_words(word, phones)
    assert inside == [False, True, True]
    assert joining._trim(recording, phones, inside) == phones
    two = [Interval(0.2, 0.5, "a"), Interval(0.5, 1.2, "pa")]
    apart = joining._trim(recording, phones, joining.inside_words(two, phones))
    assert apart[1] == Interval(pytest.approx(0.76, abs=0.011), 0.85, "P")
    # no stop: silence is no part of it, wherever it stands
    nasal = [phones[0], phones[1]._replace(label="M"), phones[2]]
    assert joining._trim(recording, nasal, inside)[1].start == apart[1].start
