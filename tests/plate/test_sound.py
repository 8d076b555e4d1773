"""Sound under a movie: exact length, and where it begins."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from relip.errors import AudioError
from relip.plate.sound import Sound, Track

RATE = 16000


@pytest.fixture
def ramp(tmp_path):
    """One second whose samples count up, exact in 16 bits."""
    path = tmp_path / "ramp.wav"
    soundfile.write(path, np.arange(RATE, dtype=np.int16), RATE, subtype="PCM_16")
    return path


def counts(samples: np.ndarray) -> np.ndarray:
    return np.rint(samples[0] * 32768).astype(int)


@pytest.mark.parametrize(("offset", "first"), [(0.0, 0), (-0.25, 4000), (-2.0, None)])
def test_a_negative_offset_cuts_the_start(ramp, offset, first):
    sound = Sound(ramp)
    got = counts(Track(sound, RATE, offset).take(100))
    sound.close()
    expected = np.zeros(100, int) if first is None else np.arange(first, first + 100)
    assert np.array_equal(got, expected)


def test_a_positive_offset_puts_silence_before(ramp):
    sound = Sound(ramp)
    got = counts(Track(sound, RATE, 0.01).take(RATE + 400))
    sound.close()
    assert np.array_equal(got[:160], np.zeros(160, int))
    assert np.array_equal(got[160 : 160 + RATE], np.arange(RATE))
    assert not got[160 + RATE :].any()


def test_a_file_without_sound_is_refused(tmp_path):
    path = tmp_path / "words.wav"
    path.write_text("these are words")
    with pytest.raises(AudioError, match="words.wav"):
        Sound(path)


@pytest.mark.parametrize("channels", [3, 4, 7, 8, 9, 24])
def test_every_channel_is_what_the_file_has(tmp_path, channels):
    # a location recorder's file: PyAV knows eight planes of a frame only
    path = tmp_path / "poly.wav"
    samples = np.arange(channels)[None] * 100 + np.arange(2000)[:, None] % 50
    soundfile.write(path, samples.astype(np.int16), RATE, subtype="PCM_16")
    sound = Sound(path)
    got = np.rint(Track(sound, RATE).take(2000) * 32768).astype(int)
    sound.close()
    assert np.array_equal(got, samples.T)
