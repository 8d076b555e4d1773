from __future__ import annotations

import numpy as np
import pytest
from speech_material import RATE

from relip.speech.activity import levels
from relip.speech.alignment import Interval
from relip.speech.boundaries import (
    AROUND_APPROXIMANT,
    LEAD,
    as_people_do,
    begin_with_burst,
    begin_with_sound,
    close_stops,
    end_with_sound,
    hold_stops,
    let_go,
    voice_after_stops,
)


def sound(*parts: tuple[float, float]) -> np.ndarray:
    """Noise of the given levels and lengths in seconds, one after the other."""
    rng = np.random.default_rng(0)
    noise = [rng.normal(0, level, round(length * RATE)) for level, length in parts]
    return np.concatenate(noise).astype(np.float32)


def test_a_stop_begins_where_the_sound_before_it_ends() -> None:
    # 0.2 s of an s, 0.08 s of silence, the burst
    samples = sound((0.1, 0.2), (0.0005, 0.08), (0.1, 0.1))
    phones = [Interval(0.0, 0.26, "S"), Interval(0.26, 0.3, "T"), Interval(0.3, 0.38, "IY")]
    s, t, vowel = close_stops(phones, samples, RATE)
    assert s.end == t.start == pytest.approx(0.2, abs=0.01)
    assert (s.start, t.end, vowel) == (0.0, 0.3, phones[2])
    # no stop follows, or no silence: as it was
    other = [phones[0], phones[1]._replace(label="N"), phones[2]]
    assert close_stops(other, samples, RATE) == other
    assert close_stops(phones, sound((0.1, 0.38)), RATE) == phones


def test_a_phone_before_a_stop_keeps_a_third_of_its_length() -> None:
    samples = sound((0.1, 0.03), (0.0001, 0.35))
    phones = [Interval(0.0, 0.3, "AA"), Interval(0.3, 0.38, "P")]
    vowel, stop = close_stops(phones, samples, RATE)
    assert vowel.end == stop.start == pytest.approx(0.1)


def test_a_stop_before_a_pause_ends_with_its_burst() -> None:
    # a vowel, 0.05 s held, a burst of 0.03 s, a pause, a vowel
    samples = sound((0.1, 0.3), (0.0001, 0.05), (0.05, 0.03), (0.0001, 0.3), (0.1, 0.2))
    level = levels(samples, RATE)
    phones = [Interval(0.1, 0.28, "AA"), Interval(0.28, 0.3, "P"), Interval(0.68, 0.88, "AA")]
    found = let_go(phones, level, -50.0)
    assert found[1] == Interval(0.28, pytest.approx(0.38, abs=0.011), "P")
    assert [found[0], found[2]] == [phones[0], phones[2]]
    # a nasal has no burst; a longer sound is none
    nasal = [phones[0], phones[1]._replace(label="M"), phones[2]]
    assert let_go(nasal, level, -50.0) == nasal
    long = levels(sound((0.1, 0.3), (0.0001, 0.05), (0.05, 0.1), (0.0001, 0.5)), RATE)
    assert let_go(phones[:2], long, -50.0) == phones[:2]


def test_a_short_stop_is_let_go_after_the_rest_of_the_sound_before_it() -> None:
    # a vowel that goes on for 0.03 s in the stop and after, silence, the burst, a pause
    samples = sound((0.1, 0.3), (0.0001, 0.04), (0.05, 0.03), (0.0001, 0.3))
    level = levels(samples, RATE)
    phones = [Interval(0.1, 0.26, "AA"), Interval(0.26, 0.28, "B")]
    assert let_go(phones, level, -50.0)[1].end == pytest.approx(0.37, abs=0.011)
    # what is long enough for a closure and its burst has ended, and so it has without a burst
    long = [phones[0]._replace(end=0.24), phones[1]._replace(start=0.24)]
    assert let_go(long, level, -50.0) == long
    alone = levels(sound((0.1, 0.3), (0.0001, 0.4)), RATE)
    assert let_go(phones, alone, -50.0) == phones


def test_a_stop_said_twice_stays_closed_in_between() -> None:
    phones = [Interval(0.1, 0.2, "P"), Interval(0.26, 0.36, "P"), Interval(0.36, 0.5, "AA")]
    quiet, loud = np.full(60, -70.0), np.full(60, -20.0)
    assert hold_stops(phones, quiet, -50.0) == [phones[0]._replace(end=0.26), *phones[1:]]
    assert hold_stops(phones, loud, -50.0) == phones
    other = [phones[0]._replace(label="T"), *phones[1:]]
    assert hold_stops(other, quiet, -50.0) == other
    pause = [phones[0], phones[1]._replace(start=0.32), phones[2]]
    assert hold_stops(pause, quiet, -50.0) == pause


def test_a_stop_after_a_pause_begins_shortly_before_it_is_heard() -> None:
    # a pause, a burst at 0.3 s, its breath; the stop was found with 0.2 s of the pause
    samples = sound((0.0005, 0.3), (0.1, 0.03), (0.03, 0.07), (0.1, 0.2))
    phones = [Interval(0.1, 0.4, "T"), Interval(0.4, 0.6, "UW")]
    found = begin_with_burst(phones, samples, RATE)
    assert found == [Interval(pytest.approx(0.3 - LEAD, abs=0.011), 0.4, "T"), phones[1]]
    # a louder room, 20 dB below the burst, is no burst either
    room = begin_with_burst(phones, sound((0.01, 0.3), (0.1, 0.1), (0.1, 0.2)), RATE)
    assert room[0].start == pytest.approx(0.3 - LEAD, abs=0.011)
    # other phones, and stops within the speech, begin where they were found
    fricative = [phones[0]._replace(label="S"), phones[1]]
    assert begin_with_burst(fricative, samples, RATE) == fricative
    inside = [Interval(0.0, 0.1, "AA"), *phones]
    assert begin_with_burst(inside, samples, RATE) == inside


def test_a_soft_onset_belongs_to_a_phone_but_not_to_the_closure_of_a_voiceless_stop() -> None:
    level = levels(sound((0.0001, 0.2), (0.005, 0.04), (0.1, 0.16)), RATE)
    for label, start in (("M", 0.2), ("B", 0.2), ("P", 0.24)):
        (found,) = begin_with_sound([Interval(0.24, 0.4, label)], level, -60.0)
        assert found == Interval(pytest.approx(start, abs=0.001), 0.4, label)


def test_the_breath_of_a_voiceless_stop_is_its_own() -> None:
    # silence, a burst with breath from 0.1 s, a voice from 0.18 s
    samples = sound((0.0001, 0.1), (0.03, 0.08), (0.001, 0.32))
    t = np.arange(len(samples)) / RATE
    voice = 0.2 * np.sin(2 * np.pi * 120 * t) + 0.1 * np.sin(2 * np.pi * 1200 * t)
    samples[t >= 0.18] += voice[t >= 0.18].astype(np.float32)
    phones = [Interval(0.05, 0.13, "T"), Interval(0.13, 0.26, "W"), Interval(0.26, 0.45, "EH")]
    stop, glide, vowel = voice_after_stops(phones, samples, RATE)
    assert stop.end == glide.start == pytest.approx(0.18, abs=0.008)
    assert (stop.start, glide.end, vowel) == (0.05, 0.26, phones[2])
    # the voice was there before, no voiceless stop, or no approximant: as it was
    early = [Interval(0.05, 0.2, "T"), Interval(0.2, 0.26, "W"), phones[2]]
    assert voice_after_stops(early, samples, RATE) == early
    for at, label in ((0, "D"), (1, "EH")):
        other = [p._replace(label=label) if i == at else p for i, p in enumerate(phones)]
        assert voice_after_stops(other, samples, RATE) == other
    # too late to be breath: the voice has not to do with this stop
    late = [Interval(0.0, 0.02, "T"), Interval(0.02, 0.26, "W"), phones[2]]
    assert voice_after_stops(late, samples, RATE) == late


def test_a_phone_before_a_pause_ends_where_the_sound_does() -> None:
    level = levels(sound((0.1, 0.4), (0.0001, 0.4), (0.1, 0.2)), RATE)
    phones = [Interval(0.2, 0.46, "IY"), Interval(0.8, 1.0, "AA")]
    found = end_with_sound(phones, level, -50.0)
    assert found == [Interval(0.2, pytest.approx(0.4, abs=1e-6), "IY"), phones[1]]
    # half of it stays; a stop and a weak fricative keep their silence; no pause follows
    long = [phones[0]._replace(end=0.7), phones[1]]
    assert end_with_sound(long, level, -50.0)[0].end == pytest.approx(0.45)
    for label in ("P", "F"):
        weak = [phones[0]._replace(label=label), phones[1]]
        assert end_with_sound(weak, level, -50.0) == weak
    joined = [phones[0], Interval(0.46, 0.5, "N"), phones[1]]
    assert end_with_sound(joined, level, -50.0)[0] == phones[0]


def test_an_approximant_is_as_long_as_people_set_it() -> None:
    phones = [
        Interval(0.0, 0.1, "AA"),
        Interval(0.1, 0.2, "R"),
        Interval(0.2, 0.21, "IY"),
        Interval(0.5, 0.6, "L"),
        Interval(0.6, 0.7, "Z"),
    ]
    found = as_people_do(phones)
    assert found[0].end == found[1].start == pytest.approx(0.1 + AROUND_APPROXIMANT)
    # at most a fifth of the shorter phone
    assert found[1].end == found[2].start == pytest.approx(0.2 - 0.002)
    # not beside a pause, nor where people and model agree
    assert found[2].end == 0.21 and found[3:] == phones[3:]
