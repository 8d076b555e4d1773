"""Pronunciation in any alphabet, and the files that dialogue comes in and goes out by."""

from __future__ import annotations

import shutil
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from speech_material import demo_aligned, demo_audio, text_of

from relip.errors import InputError, ModelError, SettingError, TranscriptError
from relip.speech import (
    Alignment,
    Interval,
    Style,
    align,
    find_transcriber,
    mouth_curves,
    opening,
    read_lexicon,
    read_nuke_curves,
    read_rhubarb,
    read_subtitles,
    read_textgrid,
    write_nuke_curves,
    write_rhubarb,
    write_subtitles,
    write_textgrid,
)
from relip.speech.alignment import ARPABET
from relip.speech.calibrate import calibrate
from relip.speech.ipa import parse_ipa, parse_phones
from relip.speech.pronunciation import find_language, pronounce_transcript
from relip.speech.rhubarb import rhubarb_cues
from relip.speech.subtitles import Cue, subtitle_cues
from relip.speech.visemes import MOUTH_CONTROLS, ipa_symbols, viseme_classes

JAW = MOUTH_CONTROLS.index("jawOpen")


def test_every_ipa_symbol_is_heard_as_known_phones_and_seen_as_known_classes() -> None:
    for symbol in ipa_symbols().values():
        assert set(symbol.sounds) <= set(ARPABET), symbol
        assert set(symbol.visemes) <= set(viseme_classes()), symbol
    assert len(viseme_classes()) >= 13


@pytest.mark.parametrize(
    ("text", "ipa"),
    [
        ("ˈtʃa_o", "tʃ a o"),
        ("bɔ̃ʒˈuʁ", "b ɔ̃ ʒ u ʁ"),
        ("ʃˈøːnə", "ʃ ø n ə"),
        ("tʰʲa˥", "t a"),
        ("r̝iʔa", "r̝ i a"),
    ],
)
def test_ipa_is_read_by_its_longest_symbols(text: str, ipa: str) -> None:
    assert " ".join(p.ipa for p in parse_ipa(text)) == ipa


def test_front_rounded_vowels_reach_the_lips() -> None:
    (phone,) = parse_ipa("y")
    assert phone.label in ARPABET
    spoken = (Interval(0.2, 0.6, phone.label),)
    plain = Alignment((), spoken, 1.0)
    rounded = Alignment((), spoken, 1.0, ipa=(Interval(0.2, 0.6, "y"),))
    frames, rate = range(1, 26), Fraction(25)
    assert rounded.seen()[0].label == "y"
    assert not np.allclose(
        mouth_curves(plain, frames=frames, rate=rate),
        mouth_curves(rounded, frames=frames, rate=rate),
    )
    # A phone that was relabelled by hand rules over the IPA beside it.
    edited = Alignment((), (Interval(0.2, 0.6, "AA"),), 1.0, ipa=rounded.ipa)
    assert edited.seen()[0].label == "AA"


def test_lexicon_takes_both_alphabets_and_names_bad_lines(tmp_path: Path) -> None:
    path = tmp_path / "names.txt"
    path.write_text("# names\nRelip\tR IY1 L IH0 P\nciao tʃao\nciao(2) tʃau\n", "utf-8")
    lexicon = read_lexicon(path)
    assert [p.label for p in lexicon["relip"][0]] == ["R", "IY", "L", "IH", "P"]
    assert len(lexicon["ciao"]) == 2
    words = pronounce_transcript("Relip, hello", find_language("en"), lexicon)
    assert [w.source for w in words] == ["lexicon", "dictionary"]
    path.write_text("one W AH N\ntwo T 8\n", "utf-8")
    with pytest.raises(TranscriptError, match=r"line 2 \('two'\)"):
        read_lexicon(path)
    with pytest.raises(InputError, match="none.txt"):
        read_lexicon(tmp_path / "none.txt")


def test_pronunciation_inside_the_transcript() -> None:
    words = pronounce_transcript("say /HH AH L OW/ and /bɔ̃/.", find_language("en"))
    assert [w.source for w in words][1::2] == ["transcript", "transcript"]
    assert words[1].variants[0] == parse_phones("HH AH0 L OW1")


def test_without_espeak_english_works_and_others_say_what_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("RELIP_ESPEAK", raising=False)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert pronounce_transcript("hello plummz", find_language("en"))[1].source == "rules"
    with pytest.raises(ModelError, match="espeak-ng") as caught:
        pronounce_transcript("ciao mondo", find_language("it"))
    assert "apt install espeak-ng" in str(caught.value)
    lexicon = {"ciao": (parse_phones("tʃao"),)}
    assert pronounce_transcript("ciao", find_language("it"), lexicon)[0].source == "lexicon"


def test_languages_by_code_alias_and_name() -> None:
    assert find_language("en_GB").code == "en" and find_language("zh-TW").code == "cmn"
    assert find_language("Finnish").code == "fi" and find_language("pt-BR").voice == "pt-br"
    with pytest.raises(SettingError, match="'tlh' is unknown"):
        find_language("tlh")


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
def test_espeak_says_words_of_other_languages() -> None:
    words = pronounce_transcript("Schöne Brücke, 23!", find_language("de"))
    assert [w.label for w in words] == ["Schöne", "Brücke", "23"]
    assert "ø" in [p.ipa for p in words[0].variants[0]]


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
def test_tags_pictures_and_soft_hyphens_are_not_said() -> None:
    plain = pronounce_transcript("buongiorno amico mio", find_language("it"))
    noisy = "<i>buon\u00adgiorno</i> \U0001f600 amico\u2764\ufe0f mio\U0001f44d\U0001f3fd"
    found = pronounce_transcript(noisy, find_language("it"))
    assert [(w.label, w.variants) for w in found] == [(w.label, w.variants) for w in plain]


def test_subtitles_round_trip_and_errors(tmp_path: Path) -> None:
    cues = [Cue(0.5, 1.25, "Five big plums & more"), Cue(2.0, 3.001, "before night")]
    for name in ("a.srt", "a.vtt"):
        write_subtitles(tmp_path / name, cues)
        assert read_subtitles(tmp_path / name) == cues
    (tmp_path / "b.srt").write_text("1\n00:00:02,000 --> 00:00:01,000\nno\n")
    with pytest.raises(TranscriptError, match="line 2.*before it starts"):
        read_subtitles(tmp_path / "b.srt")
    (tmp_path / "c.srt").write_text("nothing")
    with pytest.raises(TranscriptError, match="no subtitles"):
        read_subtitles(tmp_path / "c.srt")


@pytest.mark.parametrize("said", ["<" * 200_000, "{\\" * 100_000, "<a" * 100_000])
def test_tags_that_never_end_take_no_time(tmp_path: Path, said: str) -> None:
    path = tmp_path / "a.srt"
    path.write_text(f"1\n00:00:01,000 --> 00:00:02,000\n{said}\n")
    began = time.process_time()
    assert read_subtitles(path)[0].text == said
    assert time.process_time() - began < 2


def test_a_character_of_thousands_of_digits_is_text(tmp_path: Path) -> None:
    path = tmp_path / "a.srt"
    said = f"&#{'1' * 5000}; plums"
    path.write_text(f"1\n00:00:01,000 --> 00:00:02,000\n{said}\n")
    assert read_subtitles(path)[0].text == said


@pytest.mark.parametrize(
    "written,said",
    [
        ("(DOOR\nSLAMS) MAN: Hello\n- WOMAN (O.S.): Oh, <i>you</i>.", "Hello Oh, you."),
        ("<i>ÉLISE: Oui</i>", "Oui"),
        ("At 3:30 I said: stop", "At 3:30 I said: stop"),
        ("I SAID: STOP", "I SAID: STOP"),
        ("OK: so it is", "OK: so it is"),
    ],
)
def test_subtitles_for_the_deaf_hold_more_than_words(
    tmp_path: Path, written: str, said: str
) -> None:
    path = tmp_path / "a.srt"
    path.write_text(f"1\n00:00:01,000 --> 00:00:02,000\n{written}\n", "utf-8")
    assert [c.text for c in read_subtitles(path)] == [said]


def test_subtitles_without_words_are_passed_over() -> None:
    cues = subtitle_cues(demo_aligned("dialogue"))
    more = [Cue(0.0, 0.1, "♪♪"), *cues, Cue(cues[-1].end, cues[-1].end + 0.1, "[door slams]")]
    found = align(demo_audio("dialogue"), cues=more)
    assert found.words == align(demo_audio("dialogue"), cues=cues).words
    with pytest.raises(TranscriptError, match="hold no words"):
        align(demo_audio("dialogue"), cues=[more[0], more[-1]])


def test_subtitles_of_the_recording_align_like_its_text() -> None:
    cues = subtitle_cues(demo_aligned("dialogue"))
    found = align(demo_audio("dialogue"), text=text_of("dialogue"), cues=cues)
    assert found.rung == "subtitles, exact"
    ours = [(w.start, w.end) for w in found.words if w.label]
    theirs = [(w.start, w.end) for w in demo_aligned("dialogue").words if w.label]
    assert np.mean(np.abs(np.array(ours) - np.array(theirs)) < 0.03) > 0.9


@pytest.mark.parametrize("name", ["cues.tsv", "cues.rhubarb.json"])
def test_rhubarb_round_trip_changes_nothing(tmp_path: Path, name: str) -> None:
    first, second = tmp_path / name, tmp_path / f"again-{name}"
    write_rhubarb(first, demo_aligned("dialogue"), "dialogue.flac")
    found = read_rhubarb(first)
    write_rhubarb(second, found, "dialogue.flac")
    assert second.read_text() == first.read_text()
    assert rhubarb_cues(found)[0][2] == "X"


def test_rhubarb_errors_say_where(tmp_path: Path) -> None:
    path = tmp_path / "cues.tsv"
    path.write_text("0.00\tX\n0.50\tQ\n1.00\tX\n")
    with pytest.raises(TranscriptError, match=r"cue 2 at 0\.5 s: the shape 'Q'"):
        read_rhubarb(path)
    path.write_text("0.00\tX\nhalf\tA\n")
    with pytest.raises(InputError, match="line 2"):
        read_rhubarb(path)


def test_nuke_curves_round_trip(tmp_path: Path) -> None:
    frames = range(1001, 1031)
    curves = mouth_curves(demo_aligned("dialogue"), frames=frames, rate=Fraction(24)).round(4)
    write_nuke_curves(tmp_path / "m.nk", frames, curves)
    back, found = read_nuke_curves(tmp_path / "m.nk")
    assert back == list(frames) and list(found) == list(MOUTH_CONTROLS)
    assert np.array_equal(np.stack(list(found.values()), axis=1), curves)


def test_textgrid_keeps_confidence_and_ipa(tmp_path: Path) -> None:
    alignment = Alignment(
        (Interval(0.0, 0.1, ""), Interval(0.1, 0.5, "tu"), Interval(0.5, 1.0, "")),
        (
            Interval(0.0, 0.1, ""),
            Interval(0.1, 0.2, "T"),
            Interval(0.2, 0.5, "UW"),
            Interval(0.5, 1.0, ""),
        ),
        1.0,
        word_confidences=(0.42,),
        ipa=(
            Interval(0.0, 0.1, ""),
            Interval(0.1, 0.2, "t"),
            Interval(0.2, 0.5, "y"),
            Interval(0.5, 1.0, ""),
        ),
    )
    path = tmp_path / "a.TextGrid"
    write_textgrid(path, alignment)
    assert 'text = "amber 0.42"' in path.read_text()
    back = read_textgrid(path)
    assert (back.words, back.phones, back.ipa) == (
        alignment.words,
        alignment.phones,
        alignment.ipa,
    )
    assert back.word_confidences == (0.42,)
    write_textgrid(tmp_path / "b.TextGrid", back)
    assert (tmp_path / "b.TextGrid").read_text() == path.read_text()


def test_style_is_what_an_animator_expects() -> None:
    alignment, frames, rate = demo_aligned("dialogue"), range(1, 100), Fraction(25)

    def jaw(**style: object) -> np.ndarray:
        made = Style(**style)  # type: ignore[arg-type]
        return mouth_curves(alignment, frames=frames, rate=rate, style=made)[:, JAW]

    assert jaw(articulation=0.0).max() == 0
    assert jaw(articulation=0.5).max() < jaw().max() < jaw(articulation=1.5).max() + 1e-9
    assert np.abs(np.diff(jaw(smoothing=2.0))).sum() < np.abs(np.diff(jaw(smoothing=0.5))).sum()
    assert np.allclose(jaw(gain=(("mouthPucker", 0.0),)), jaw())
    with pytest.raises(SettingError, match="articulation"):
        Style(articulation=2.5)


def test_calibration_finds_the_offset_and_refuses_unrelated_lips() -> None:
    alignment, rate = demo_aligned("dialogue"), Fraction(25)
    frames = range(1, int(alignment.duration * 25))
    lips = opening(mouth_curves(alignment, frames=frames, rate=rate, offset=-0.2))
    found = calibrate(demo_audio("dialogue"), [alignment], lips, frames, rate)
    assert found.related and found.offset == pytest.approx(0.2, abs=0.05)
    assert not found.accepted and "too few to learn from" in found.reason
    noise = np.random.default_rng(1).random(len(frames))
    found = calibrate(demo_audio("dialogue"), [alignment], noise, frames, rate)
    assert not found.related and found.offset is None and "does not belong" in found.reason


def test_unknown_transcriber_and_missing_model_say_so(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="'nobody' is unknown"):
        find_transcriber("nobody")
    with pytest.raises(SettingError, match="needs a model"):
        find_transcriber("faster-whisper")
    with pytest.raises(ModelError, match="no model.bin"):
        find_transcriber("faster-whisper", str(tmp_path))
