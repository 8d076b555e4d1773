from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from speech_material import VOICE, audio_of, demo_audio

from relip.errors import AudioError
from relip.speech import is_silent, load_audio


def tone(rate: int, seconds: float, channels: int = 1) -> np.ndarray:
    t = np.arange(round(rate * seconds)) / rate
    mono = (0.3 * np.sin(2 * np.pi * 440 * t)).astype(np.float32)
    return np.repeat(mono[:, None], channels, 1) if channels > 1 else mono


def test_reads_the_demo_recording_whole() -> None:
    audio = demo_audio("dialogue")
    direct, rate = soundfile.read(VOICE / "dialogue.flac", dtype="float32")
    assert (audio.rate, audio.source_rate, audio.source_channels) == (16000, rate, 1)
    assert audio.samples.dtype == np.float32
    np.testing.assert_allclose(audio.samples, direct, atol=1e-4)


@pytest.mark.parametrize("rate,channels", [(44100, 2), (48000, 1), (8000, 1), (96000, 2)])
def test_resamples_without_moving_or_scaling(tmp_path: Path, rate: int, channels: int) -> None:
    path = tmp_path / "tone.wav"
    soundfile.write(path, tone(rate, 1.5, channels), rate, subtype="PCM_24")
    audio = load_audio(path)
    assert (audio.source_rate, audio.source_channels) == (rate, channels)
    assert audio.duration == pytest.approx(1.5, abs=0.002)
    middle = slice(4000, 20000)
    # Exactly the same sine: neither shifted by a resampler's delay nor louder.
    np.testing.assert_allclose(audio.samples[middle], tone(16000, 1.5)[middle], atol=0.01)


def write_movie(path: Path, sound_starts: float) -> None:
    with av.open(str(path), "w") as out:
        video = out.add_stream("mpeg4", rate=Fraction(25))
        video.width = video.height = 64
        sound = out.add_stream("aac", rate=48000)
        for i in range(50):
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), i, np.uint8), format="rgb24")
            out.mux(video.encode(frame))
        wave = tone(48000, 1.0)
        for start in range(0, len(wave) - 1023, 1024):
            block = wave[None, start : start + 1024]
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block), "fltp", "mono")
            frame.sample_rate = 48000
            frame.pts = start + round(sound_starts * 48000)
            out.mux(sound.encode(frame))
        out.mux(video.encode(None))
        out.mux(sound.encode(None))


@pytest.mark.parametrize("begins", [0.0, 0.5])
def test_movie_sound_keeps_its_place(tmp_path: Path, begins: float) -> None:
    path = tmp_path / "movie.mkv"
    write_movie(path, begins)
    audio = load_audio(path)
    loud = np.flatnonzero(np.abs(audio.samples) > 0.1)
    assert loud[0] / 16000 == pytest.approx(begins, abs=0.03)
    assert loud[-1] / 16000 == pytest.approx(begins + 1.0, abs=0.06)


def test_movie_without_sound(tmp_path: Path) -> None:
    path = tmp_path / "mute.mp4"
    with av.open(str(path), "w") as out:
        video = out.add_stream("mpeg4", rate=25)
        video.width = video.height = 64
        out.mux(video.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), "rgb24")))
        out.mux(video.encode(None))
    with pytest.raises(AudioError, match="no sound"):
        load_audio(path)


def test_missing_folder_text_empty_and_zero_seconds(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="does not exist"):
        load_audio(tmp_path / "none.wav")
    with pytest.raises(AudioError, match="is a folder"):
        load_audio(tmp_path)
    text = tmp_path / "text.wav"
    text.write_text("this is not sound\n" * 20)
    with pytest.raises(AudioError, match="cannot read the dialogue .*text.wav"):
        load_audio(text)
    empty = tmp_path / "empty.wav"
    empty.write_bytes(b"")
    with pytest.raises(AudioError):
        load_audio(empty)
    zero = tmp_path / "zero.wav"
    soundfile.write(zero, np.zeros(0, np.float32), 16000)
    with pytest.raises(AudioError, match="0 s long") as caught:
        load_audio(zero)
    assert caught.value.exit_code == 3


def test_samples_that_are_not_numbers(tmp_path: Path) -> None:
    path = tmp_path / "nan.wav"
    wave = tone(16000, 0.5)
    wave[100] = np.nan
    soundfile.write(path, wave, 16000, subtype="FLOAT")
    with pytest.raises(AudioError, match="not numbers"):
        load_audio(path)


def test_silence_is_a_level() -> None:
    assert is_silent(audio_of(np.zeros(1600)))
    assert is_silent(audio_of(np.full(1600, 0.001)))  # -60 dBFS
    assert not is_silent(audio_of(np.full(1600, 0.003)))  # -50 dBFS
    assert not is_silent(demo_audio("plate"))


def test_many_channels_are_their_mean(tmp_path: Path) -> None:
    path = tmp_path / "poly.wav"
    samples = np.outer(tone(16000, 0.5), np.linspace(0, 1, 17)).astype(np.float32)
    soundfile.write(path, samples, 16000, subtype="FLOAT")
    audio = load_audio(path)
    assert audio.source_channels == 17
    np.testing.assert_allclose(audio.samples, samples.mean(1), atol=1e-6)


@pytest.mark.parametrize("noise", [0.0, 1e-3])
def test_channels_of_opposite_polarity_are_no_silence(tmp_path: Path, noise: float) -> None:
    """A balanced line recorded as stereo: the mean is silence, or the line's noise."""
    mono = tone(16000, 1.0)
    samples = np.stack([0.9 * mono, -0.91 * mono], 1)
    samples += noise * np.random.default_rng(0).standard_normal(samples.shape)
    soundfile.write(tmp_path / "line.wav", samples, 16000, subtype="FLOAT")
    audio = load_audio(tmp_path / "line.wav")
    np.testing.assert_allclose(audio.samples, samples[:, 1], atol=1e-6)
    # two voices that have nothing to do with one another are still both heard
    samples = np.random.default_rng(1).uniform(-0.5, 0.5, (16000, 2))
    soundfile.write(tmp_path / "two.wav", samples, 16000, subtype="FLOAT")
    np.testing.assert_allclose(load_audio(tmp_path / "two.wav").samples, samples.mean(1), atol=1e-6)
