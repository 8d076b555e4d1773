from __future__ import annotations

import numpy as np
import pytest
from speech_material import RATE, audio_of, demo_aligned, demo_audio, demo_truth, text_of

from relip.errors import TranscriptError
from relip.speech import Audio, align, lattice, laying, recording, verdict
from relip.speech.acoustics import Heard, acoustic_model
from relip.speech.decoys import convincing, decoys
from relip.speech.features import features
from relip.speech.pronunciation import find_language, pronounce_transcript


def said(text: str) -> list:
    words = pronounce_transcript(text, find_language("en"))
    return [[[p.sounds for p in v] for v in w.variants] for w in words]


def test_decoys_hold_the_same_sounds_and_are_other_words() -> None:
    words = said("five big plums")
    found = decoys(words)
    assert len(found) == 4
    whole = sorted(s for w in words for s in w[0])
    for wrong in found:
        assert sorted(s for w in wrong for s in w[0]) == whole
        assert wrong != words
    eye = said("eye")  # one sound, the same from either end
    assert decoys(eye) == []


@pytest.mark.parametrize(
    ("total", "decoy", "right"),
    [
        (-2.8, -4.8, True),  # far better than its decoy, in a voice the model hardly knows
        (-1.9, -2.8, False),
        (-0.2, -0.6, True),  # in noise
        (-0.2, -0.3, False),
        (0.5, 0.4, False),
    ],
)
def test_words_must_fit_clearly_better_than_their_decoys(total, decoy, right) -> None:
    assert convincing(100 * total, 100 * decoy, 100) is right


def score(text: str, audio: Audio | None = None) -> float:
    english = find_language("en")
    heard = recording.Recording(audio or demo_audio("dialogue"), english)
    piece = laying.force(heard, pronounce_transcript(text, english), 0, len(heard.level))
    assert piece is not None
    return piece.total / piece.frames


def test_right_words_of_a_strange_voice_are_kept_at_their_own_speed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A score under the limit alone refuses no words, and does not slow the sound down."""
    limit = score(text_of("dialogue")) + 0.4
    monkeypatch.setattr(recording, "mismatch_limit", lambda *_, **__: limit)
    found = align(demo_audio("dialogue"), text=text_of("dialogue"))
    assert found.rung == "exact"
    assert found.phones == demo_aligned("dialogue").phones


def test_wrong_words_over_the_limit_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = text_of("plate")
    limit = score(wrong) - 0.4
    monkeypatch.setattr(recording, "mismatch_limit", lambda *_, **__: limit)
    with pytest.raises(TranscriptError, match="does not match"):
        align(demo_audio("dialogue"), text=wrong)


def test_decoys_do_not_judge_a_few_words(monkeypatch: pytest.MonkeyPatch) -> None:
    words = [w for w in demo_truth("dialogue").words if w.label][:3]
    first, last = words[0].start - 0.05, words[-1].end + 0.05
    part = demo_audio("dialogue").samples[round(max(first, 0) * RATE) : round(last * RATE)]
    short, text = audio_of(part), " ".join(w.label for w in words)
    monkeypatch.setattr(verdict, "convincing", lambda *_: False)
    limit = score(text, short) - 0.3
    monkeypatch.setattr(recording, "mismatch_limit", lambda *_, **__: limit)
    assert align(short, text=text).rung == "exact"
    monkeypatch.setattr(laying, "DECOYS_FROM", 0)
    with pytest.raises(TranscriptError, match="does not match"):
        align(short, text=text)


def test_what_only_the_slowed_sound_confirms_keeps_its_own_times(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = text_of("dialogue")
    limit = score(text) + 0.4
    monkeypatch.setattr(recording, "mismatch_limit", lambda *_, **__: limit)
    monkeypatch.setattr(verdict, "mismatch", lambda _, pieces: "stretched" not in pieces[0].rung)
    found = align(demo_audio("dialogue"), text=text)
    assert found.rung == "exact, stretched 1.3"
    assert found.phones == demo_aligned("dialogue").phones
    # far below the limit, the times of the sound at its own speed are not believed
    limit = score(text) + 2 * verdict.DOUBT
    assert align(demo_audio("dialogue"), text=text).phones != demo_aligned("dialogue").phones


@pytest.mark.parametrize("name", ["dialogue", "plate"])
def test_states_given_up_would_not_have_been_reached(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    heard = Heard(acoustic_model(), features(demo_audio("dialogue").samples, 2), 2)
    # Many words more than the sound holds: what lies far ahead is not looked at.
    words = said(text_of(name) + " " + text_of("plate") * 3)
    narrow = lattice.best_path(heard, words, open_end=True)
    monkeypatch.setattr(lattice, "BEAM", 1e9)
    whole = lattice.best_path(heard, words, open_end=True)
    assert narrow is not None and whole is not None
    assert narrow.spans == whole.spans and np.array_equal(narrow.score, whole.score)
