from __future__ import annotations

from pathlib import Path as File

import numpy as np
import pytest
from speech_material import RATE, audio_of, demo_aligned, demo_audio, demo_truth, text_of

from relip.errors import AudioError, TranscriptError
from relip.speech import align, align_with, aligner, espeak, load_audio, shares, silences, windows
from relip.speech.activity import active, cuts, levels, near, runs, without_rumble
from relip.speech.alignment import ARPABET
from relip.speech.features import features
from relip.speech.lattice import Path
from relip.speech.match import match_words


def labels(tier: tuple) -> list[str]:
    return [i.label for i in tier if i.label]


def word_errors(name: str, found) -> np.ndarray:
    ours = [w for w in found.words if w.label]
    theirs = [w for w in demo_truth(name).words if w.label]
    return np.array([(a.start - b.start, a.end - b.end) for a, b in zip(ours, theirs, strict=True)])


@pytest.mark.parametrize("name", ["plate", "dialogue"])
def test_words_and_phones_lie_where_the_voice_put_them(name: str) -> None:
    found, truth = demo_aligned(name), demo_truth(name)
    assert (found.method, found.draft) == ("align", False)
    assert labels(found.words) == labels(truth.words)
    errors = np.abs(word_errors(name, found))
    assert np.median(errors) <= 0.015
    assert np.mean(errors <= 0.05) >= 0.92
    for phone in "PBMFV":
        ours = [p for p in found.phones if p.label == phone]
        theirs = [p for p in truth.phones if p.label == phone]
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs, strict=True):
            assert abs(a.start + a.end - b.start - b.end) / 2 <= 0.04


@pytest.mark.parametrize("name", ["plate", "dialogue"])
def test_tiers_cover_the_recording_without_overlap(name: str) -> None:
    found = demo_aligned(name)
    for tier in (found.words, found.phones):
        assert tier[0].start == 0 and tier[-1].end == pytest.approx(found.duration)
        for before, after in zip(tier[:-1], tier[1:], strict=True):
            assert before.end == after.start and before.end > before.start
    assert set(labels(found.phones)) <= set(ARPABET)
    assert len(found.word_confidences) == len(labels(found.words))


def test_pause_in_the_sentence_is_silence() -> None:
    inner = [s for s in silences(demo_aligned("dialogue"), 0.4) if s[0] > 0 and s[1] < 5.5]
    assert len(inner) == 1
    (start, end), (true_start, true_end) = inner[0], silences(demo_truth("dialogue"), 0.4)[0]
    assert abs(start - true_start) < 0.08 and abs(end - true_end) < 0.08


def test_wrong_transcript_is_refused_by_name() -> None:
    with pytest.raises(TranscriptError, match="does not match.*worst words") as caught:
        align(demo_audio("plate"), text=text_of("dialogue"))
    assert caught.value.exit_code == 3
    assert any(f"{w!r}" in str(caught.value) for w in labels(demo_truth("dialogue").words))


def test_right_transcript_passes_in_noise() -> None:
    audio = demo_audio("plate")
    power = float(np.mean(audio.samples**2))
    noise = np.random.default_rng(3).normal(0, np.sqrt(power / 10**1.5), len(audio.samples))
    found = align(audio_of(audio.samples + noise), text=text_of("plate"))
    assert np.mean(np.abs(word_errors("plate", found)) <= 0.05) >= 0.8


def test_one_wrong_word_is_warned_of_and_the_rest_kept() -> None:
    text = text_of("dialogue").replace("bumpy", "gigantic")
    found = align(demo_audio("dialogue"), text=text)
    worst = int(np.argmin(found.word_confidences))
    assert labels(found.words)[worst] == "gigantic"
    assert any("'gigantic'" in w for w in found.warnings)


def test_word_outside_the_dictionary_is_guessed_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """By Relip's own rules where no espeak-ng is installed."""
    monkeypatch.setattr(espeak, "espeak_program", lambda: None)
    text = text_of("dialogue").replace("plums", "plummz")
    found = align(demo_audio("dialogue"), text=text)
    assert any("plummz (P L AH M Z)" in w for w in found.warnings)
    start, end = next((w.start, w.end) for w in found.words if w.label == "plummz")
    truth = next(w for w in demo_truth("dialogue").words if w.label == "plums")
    assert abs(start - truth.start) < 0.05 and abs(end - truth.end) < 0.08


def test_without_transcript_words_are_recognised_as_a_draft() -> None:
    found = align(demo_audio("dialogue"))
    assert (found.method, found.draft) == ("recognise", True)
    right = match_words(labels(found.words), labels(demo_truth("dialogue").words))
    assert (right >= 0).sum() >= 8
    assert silences(found, 0.4)


def test_other_language_without_transcript_gives_phones_and_a_warning() -> None:
    found = align(demo_audio("dialogue"), lang="it")
    assert found.draft and not labels(found.words)
    assert len(labels(found.phones)) > 30
    assert "'it'" in found.warnings[0] and "without a transcript" in found.warnings[0]


def test_silence_is_rest_and_refused_with_words() -> None:
    quiet = audio_of(np.zeros(2 * RATE))
    found = align(quiet)
    assert found.method == "silence" and not labels(found.phones)
    assert silences(found) == [(0.0, 2.0)]
    with pytest.raises(AudioError, match="silent .*but the transcript has words"):
        align(quiet, text="hello there")


@pytest.mark.parametrize("kind", ["noise", "tone", "hum", "chord"])
def test_what_is_not_speech_gives_rest(kind: str) -> None:
    t = np.arange(2 * RATE) / RATE
    samples = {
        "noise": np.random.default_rng(0).normal(0, 0.05, len(t)),
        "tone": 0.1 * np.sin(2 * np.pi * 440 * t),
        "hum": 0.05 * np.sin(2 * np.pi * 50 * t) + 0.02 * np.sin(2 * np.pi * 100 * t),
        "chord": sum(0.05 * np.sin(2 * np.pi * f * t) for f in (220, 277, 330, 440)),
    }[kind]
    found = align(audio_of(samples))
    assert found.method == "silence" and not labels(found.phones)
    assert "no speech" in found.warnings[0]


@pytest.mark.parametrize("kind", ["plucked chords and drums", "organ"])
def test_music_alone_is_rest_and_refused_with_words(kind: str) -> None:
    rng = np.random.default_rng(3)
    t = np.arange(4 * RATE) / RATE
    samples = np.zeros(len(t))
    for number in range(8 if kind != "organ" else 4):
        length = 0.5 if kind != "organ" else 1.0
        since = np.maximum(t - number * length, 0.0)
        on = (t >= number * length) & ((t < (number + 1) * length) | (kind != "organ"))
        fall = np.exp(-3 * since) if kind != "organ" else 1.0
        for tone in ((196.0, 246.9, 293.7), (220.0, 277.2, 329.6))[number // 2 % 2]:
            for k in range(1, 9):
                samples += on * fall * np.sin(2 * np.pi * tone * k * since + k) / k
        if kind != "organ":
            drum = np.sin(2 * np.pi * 60 * since) + 0.5 * rng.normal(size=len(t))
            samples += 2 * on * drum * np.exp(-40 * since)
    music = audio_of(0.1 * samples / np.abs(samples).max())
    found = align(music)
    assert found.method == "silence" and not labels(found.phones)
    assert any("music" in w for w in found.warnings)
    with pytest.raises((AudioError, TranscriptError)):
        align(music, text="my father bought five big plums")


def test_speech_with_music_under_it_is_still_heard() -> None:
    audio = demo_audio("dialogue")
    t = np.arange(len(audio.samples)) / RATE
    chord = sum(np.sin(2 * np.pi * f * k * t) / k for f in (220, 277, 330) for k in range(1, 6))
    power = float(np.mean(audio.samples**2) / np.mean(chord**2))
    mixed = audio_of(audio.samples + chord * np.sqrt(power / 100))  # 20 dB below
    assert len(labels(align(mixed).phones)) > 30


def test_noise_with_a_transcript_is_refused() -> None:
    noise = audio_of(np.random.default_rng(0).normal(0, 0.05, 2 * RATE))
    with pytest.raises((AudioError, TranscriptError)) as caught:
        align(noise, text="my father bought five big plums")
    assert caught.value.exit_code == 3


@pytest.mark.filterwarnings("error")
def test_a_recording_of_one_frame_takes_no_long_words() -> None:
    start = round(0.3 * demo_audio("dialogue").rate)
    short = audio_of(demo_audio("dialogue").samples[start : start + 640])
    assert align(short).duration == 0.04
    with pytest.raises(TranscriptError, match="does not match"):
        align(short, text="father")


def test_transcript_without_words() -> None:
    with pytest.raises(TranscriptError, match="no words"):
        align(demo_audio("dialogue"), text=" ... [laughs] ")


@pytest.mark.parametrize(
    ("name", "text"),
    [("a.txt", " ... [laughs] "), ("a.srt", "1\n00:00:00,000 --> 00:00:02,000\n[laughs]\n")],
)
def test_what_is_wrong_with_a_transcript_names_its_file(
    tmp_path: Path, name: str, text: str
) -> None:
    path = tmp_path / name
    path.write_text(text, "utf-8")
    with pytest.raises(TranscriptError, match="no words") as caught:
        align_with(demo_audio("dialogue"), text_path=path)
    assert str(path) in str(caught.value) and caught.value.mend


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Recordings of more than 12 s count as long, so that the tests stay short."""
    monkeypatch.setattr(aligner, "WHOLE", 12.0)
    monkeypatch.setattr(shares, "WHOLE", 12.0)
    monkeypatch.setattr(shares, "PIECE", 8.0)
    monkeypatch.setattr(windows, "WINDOW", 9.0)
    monkeypatch.setattr(windows, "AHEAD", 2.0)


def test_long_recording_is_split_and_every_word_found(small_pieces: None) -> None:
    order = ["dialogue", "plate", "dialogue"]
    samples = np.concatenate([demo_audio(n).samples for n in order])
    found = align(audio_of(samples), text=" ".join(text_of(n) for n in order))
    assert found.rung == "windows at pauses, exact"
    truth, now = [], 0.0
    for name in order:
        truth += [(w.start + now, w.end + now) for w in demo_truth(name).words if w.label]
        now += demo_audio(name).duration
    ours = [(w.start, w.end) for w in found.words if w.label]
    errors = np.abs(np.array(ours) - np.array(truth))
    assert np.mean(errors <= 0.05) >= 0.9


def test_words_that_a_long_recording_ends_before_are_told(small_pieces: None) -> None:
    silence = np.random.default_rng(0).normal(0, 1e-4, 25 * RATE)
    audio = audio_of(np.concatenate([demo_audio("dialogue").samples, silence]))
    assert align(audio, text=text_of("dialogue")).warnings == ()
    found = align(audio, text=text_of("dialogue") + " and then seven elephants danced")
    assert len(found.warnings) == 1
    assert "5 more words: 'and', 'then', 'seven'" in found.warnings[0]


@pytest.mark.slow
def test_long_recording_with_another_text_is_refused(small_pieces: None) -> None:
    samples = np.concatenate([demo_audio("dialogue").samples] * 3)
    with pytest.raises(TranscriptError, match="does not match"):
        align(audio_of(samples), text=text_of("plate") * 2)


@pytest.mark.slow
def test_read_speech(shared: File) -> None:
    path = shared / "speech" / "librivox_0870.wav"
    found = align(load_audio(path), text=path.with_suffix(".txt").read_text())
    assert found.confidence is not None and found.confidence > 0.9
    wrong = (shared / "speech" / "librivox_0920.txt").read_text()
    with pytest.raises(TranscriptError):
        align(load_audio(path), text=wrong)


@pytest.mark.parametrize("where", ["before", "after"])
def test_a_loud_noise_beside_the_speech_is_in_no_phone(where: str) -> None:
    """As loud as the voice and as wide as breath: a cough, a moved chair."""
    audio = demo_audio("dialogue")
    rng = np.random.default_rng(3)
    gap = rng.normal(0, 1e-4, RATE // 5)
    noise = rng.uniform(-1, 1, RATE) * np.abs(audio.samples).max()
    parts = [noise, gap, audio.samples] if where == "before" else [audio.samples, gap, noise, gap]
    shift = 1.2 if where == "before" else 0.0
    found = align(audio_of(np.concatenate(parts)), text=text_of("dialogue"))
    assert np.abs(word_errors("dialogue", found) - shift).max() < 0.12


def test_rumble_below_the_voice_is_taken_out_and_the_voice_stays_in_place() -> None:
    t = np.arange(16000) / 16000
    voice = (0.1 * np.sin(2 * np.pi * 200 * t)).astype(np.float32)
    rumble = np.float32(0.2) + 0.5 * np.sin(2 * np.pi * 12 * t)
    found = without_rumble((voice + rumble).astype(np.float32), 16000)
    assert found.dtype == np.float32
    assert np.abs(found - voice)[2000:-2000].max() < 0.005


def test_speech_over_rumble_is_found_where_it_is() -> None:
    """Wind 20 dB over the voice, all of it below 25 Hz."""
    samples = demo_audio("plate").samples
    t = np.arange(len(samples)) / RATE
    swell = np.sin(2 * np.pi * 0.7 * t) ** 2
    wind = np.sin(2 * np.pi * 13 * t) * swell + 0.5 * np.sin(2 * np.pi * 22 * t) * (1 - swell)
    wind *= 10 * np.sqrt(np.mean(samples**2) / np.mean(wind**2))
    found = align(audio_of(samples + wind), text=text_of("plate"))
    plain = demo_aligned("plate")
    moved = np.abs(word_errors("plate", found) - word_errors("plate", plain))
    # What is left of the wind covers the last echo of words before a pause.
    assert np.mean(moved[:, 0] <= 0.02) > 0.95 and np.mean(moved[:, 1] <= 0.04) > 0.95
    assert np.mean(moved < 0.021) > 0.9


def test_activity_ignores_clicks_and_stop_closures() -> None:
    level = np.full(300, -70.0)
    level[50:150] = -20
    level[90:97] = -70  # a stop's closure
    level[250] = -20  # a click
    mask = active(level, -50.0)
    assert runs(mask) == [(50, 150)]


def test_near_reaches_as_far_on_both_sides_and_not_beyond_the_ends() -> None:
    mask = np.zeros(100, bool)
    mask[3:5] = mask[60:70] = True
    assert runs(near(mask, 0.1)) == [(0, 15), (50, 80)]
    assert runs(near(mask, 0.0)) == [(3, 5), (60, 70)]
    assert not near(np.zeros(100, bool), 0.3).any()


@pytest.mark.parametrize("name", ["plate", "dialogue"])
def test_silence_around_a_recording_moves_no_phone(name: str) -> None:
    """What is heard does not depend on how long before and after the recording ran."""
    plain = demo_aligned(name)
    for seconds in (2.0, 15.0):
        quiet = np.zeros(round(seconds * RATE))
        samples = np.concatenate((quiet, demo_audio(name).samples, quiet))
        found = align(audio_of(samples), text=text_of(name))
        assert labels(found.phones) == labels(plain.phones)
        pairs = zip(
            [p for p in found.phones if p.label], [p for p in plain.phones if p.label], strict=True
        )
        moved = [(a.start - seconds - b.start, a.end - seconds - b.end) for a, b in pairs]
        far = np.abs(moved).ravel() > 0.0101
        # Where the sound is mostly silence, the level that counts as sound lies a little lower:
        # an echo before a pause may last a frame longer.
        assert not far.any() or (seconds > 2.0 and far.sum() <= 1)
        assert np.abs(moved).max() <= 0.0201


@pytest.mark.parametrize("cut", ["before the first word", "inside the first word"])
def test_a_recording_that_begins_and_ends_in_speech_holds_all_of_its_phones(cut: str) -> None:
    words = [w for w in demo_truth("dialogue").words if w.label][:5]
    first = words[0].start + (0.0 if cut == "before the first word" else 0.06)
    part = demo_audio("dialogue").samples[round(first * RATE) : round(words[-1].end * RATE)]
    audio = audio_of(part)
    found = align(audio, text=" ".join(w.label for w in words))
    phones = [p for p in found.phones if p.label]
    assert phones[0].start >= 0 and phones[-1].end <= audio.duration + 1e-9
    assert min(p.end - p.start for p in phones) > 0
    ours = [w for w in found.words if w.label]
    for a, b in zip(ours[1:-1], words[1:-1], strict=True):
        assert abs(a.start - (b.start - first)) < 0.05 and abs(a.end - (b.end - first)) < 0.05


def test_mean_of_cepstra_is_that_of_the_frames_told() -> None:
    rng = np.random.default_rng(2)
    sound = np.concatenate((np.zeros(RATE), rng.normal(0, 0.1, RATE), np.zeros(RATE)))
    spoken = np.zeros(300, bool)
    spoken[90:210] = True
    for streams in (1, 2):
        told, plain = features(sound, streams, spoken=spoken), features(sound, streams)
        assert np.isfinite(told).all()
        for first in range(streams):
            assert np.abs(told[first::streams, :13][spoken].mean(0)).max() < 1e-4
            assert np.abs(plain[first::streams, :13].mean(0)).max() < 1e-4
            # an offset of each stream, nothing else; differences stay as they are
            moved = (told - plain)[first::streams]
            assert np.abs(moved - moved[:1])[:, :13].max() < 1e-3
            assert np.abs(moved[:, 13:]).max() < 1e-3
    few = np.zeros(300, bool)
    few[100:110] = True
    assert np.array_equal(features(sound, 1, spoken=few), features(sound, 1))
    nothing = features(np.zeros(RATE), 2, spoken=np.zeros(100, bool))
    assert np.isfinite(nothing).all() and nothing.shape == (200, 39)


def test_cuts_fall_into_pauses_and_keep_the_length() -> None:
    rng = np.random.default_rng(1)
    speech = rng.normal(0, 0.1, 60 * RATE)
    for second in range(7, 60, 7):
        speech[second * RATE : second * RATE + RATE // 2] *= 0.001
    level = levels(speech.astype(np.float32), RATE)
    edges = cuts(level, 20.0)
    assert edges[0] == 0 and edges[-1] == len(level)
    assert max(np.diff(edges)) <= 2000
    assert all(level[e] < -50 for e in edges[1:-1])
    flat = levels(rng.normal(0, 0.1, 50 * RATE).astype(np.float32), RATE)
    assert max(np.diff(cuts(flat, 20.0))) <= 2000


def test_match_words_does_not_jump_to_a_later_copy() -> None:
    words = ("we said so", "and again", "we said so", "at last")
    transcript = " ".join(words).split()
    heard = " ".join(("we said x", "and", "we said so", "at last")).split()
    assert match_words(heard, transcript).tolist() == [0, 1, -1, 3, 5, 6, 7, 8, 9]
    assert match_words([], transcript).tolist() == []
    assert match_words(heard, []).tolist() == [-1] * 9
