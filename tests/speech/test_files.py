from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from speech_material import VOICE, demo_aligned, demo_audio, demo_truth

from relip.errors import InputError, OutputError, SettingError, TranscriptError
from relip.speech import (
    MOUTH_CONTROLS,
    Alignment,
    Interval,
    curves_array,
    mouth_curves,
    plot_speech,
    read_arkit_csv,
    read_mouth_csv,
    read_textgrid,
    write_mouth_csv,
    write_textgrid,
)
from relip.speech.alignment import ARPABET, fill
from relip.speech.script import read_script
from relip.speech.textgrid import confidence_tier

JAW, CLOSE = MOUTH_CONTROLS.index("jawOpen"), MOUTH_CONTROLS.index("mouthClose")


# TextGrid


def same(a: Alignment, b: Alignment) -> None:
    assert a.duration == pytest.approx(b.duration, abs=1e-6)
    for x, y in ((a.words, b.words), (a.phones, b.phones)):
        assert [i.label for i in x] == [i.label for i in y]
        np.testing.assert_allclose([i[:2] for i in x], [i[:2] for i in y], atol=1e-6)


def test_textgrid_roundtrip_and_no_leftovers(tmp_path: Path) -> None:
    path = tmp_path / "phones.TextGrid"
    write_textgrid(path, demo_aligned("plate"))
    same(read_textgrid(path), demo_aligned("plate"))
    assert os.listdir(tmp_path) == ["phones.TextGrid"]


def test_praatio_reads_ours_and_we_read_its_short_form(tmp_path: Path) -> None:
    textgrid = pytest.importorskip("praatio.textgrid")
    path, short = tmp_path / "long.TextGrid", tmp_path / "short.TextGrid"
    write_textgrid(path, demo_truth("dialogue"))
    grid = textgrid.openTextgrid(str(path), includeEmptyIntervals=True)
    assert list(grid.tierNames) == ["words", "phones"]
    assert len(grid.getTier("phones").entries) == len(demo_truth("dialogue").phones)
    grid.save(str(short), format="short_textgrid", includeBlankSpaces=True)
    same(read_textgrid(short), demo_truth("dialogue"))


def tiers_of(alignment: Alignment) -> dict[str, list[tuple[float, float, str]]]:
    tiers = {"words": alignment.words, "phones": alignment.phones}
    tiers["confidence"] = confidence_tier(alignment)
    return {name: [tuple(i) for i in tier] for name, tier in tiers.items()}


@pytest.mark.parametrize("form", ["long_textgrid", "short_textgrid"])
def test_textgrid_through_praatio_keeps_every_value(tmp_path: Path, form: str) -> None:
    textgrid = pytest.importorskip("praatio.textgrid")
    path, back = tmp_path / "ours.TextGrid", tmp_path / "back.TextGrid"
    write_textgrid(path, demo_aligned("dialogue"))
    ours = read_textgrid(path)
    grid = textgrid.openTextgrid(str(path), includeEmptyIntervals=True)
    for name, intervals in tiers_of(ours).items():
        entries = [(e.start, e.end, e.label) for e in grid.getTier(name).entries]
        if name == "confidence":  # praatio fills the gaps between words
            entries = [e for e in entries if e[2]]
            intervals = [i for i in intervals if i[2]]
        assert entries == intervals
    grid.save(str(back), format=form, includeBlankSpaces=True)
    assert tiers_of(read_textgrid(back)) == tiers_of(ours)
    assert read_textgrid(back).word_confidences == ours.word_confidences


def test_textgrid_and_csv_through_praat_keep_every_value(tmp_path: Path) -> None:
    parselmouth = pytest.importorskip("parselmouth")
    call = parselmouth.praat.call
    path, back = tmp_path / "ours.TextGrid", tmp_path / "back.TextGrid"
    write_textgrid(path, demo_aligned("dialogue"))
    ours = read_textgrid(path)
    grid = parselmouth.read(str(path))
    tier = {call(grid, "Get tier name", i + 1): i + 1 for i in range(3)}
    assert set(tier) == {"words", "phones", "confidence"}
    for number, (start, end, label) in enumerate(ours.phones, start=1):
        assert call(grid, "Get start time of interval", tier["phones"], number) == start
        assert call(grid, "Get end time of interval", tier["phones"], number) == end
        assert call(grid, "Get label of interval", tier["phones"], number) == label
    for command in ("Save as text file", "Save as short text file"):
        call(grid, command, str(back))
        assert tiers_of(read_textgrid(back)) == tiers_of(ours)
    # the curves: Praat reads the CSV as a table and gives the same numbers back
    csv_path, csv_back = tmp_path / "mouth.csv", tmp_path / "back.csv"
    frames = range(1001, 1140)
    curves = mouth_curves(ours, frames=frames, rate=Fraction(24))
    write_mouth_csv(csv_path, frames, curves)
    table = call("Read Table from comma-separated file", str(csv_path))
    call(table, "Save as comma-separated file", str(csv_back))
    listed, columns = read_mouth_csv(csv_path)
    again, columns_again = read_mouth_csv(csv_back)
    assert list(again) == list(listed) == list(frames)
    for name, values in columns.items():
        np.testing.assert_array_equal(columns_again[name], values)


@settings(max_examples=60, deadline=None)
@given(
    parts=st.lists(
        st.tuples(st.floats(0.01, 1.0), st.sampled_from(["", *ARPABET])), min_size=1, max_size=12
    ),
    word=st.text(
        alphabet=st.characters(blacklist_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), max_size=12
    ),
)
def test_textgrid_keeps_any_label(tmp_path_factory, parts, word) -> None:
    now, phones = 0.0, []
    for length, label in parts:
        phones.append(Interval(now, now + length, label))
        now += length
    words = fill([Interval(0.0, now, word)] if word.lower() not in ("sil", "_", "#") else [], now)
    path = tmp_path_factory.mktemp("grid") / "a.TextGrid"
    given_ = Alignment(words, fill(phones, now), now)
    write_textgrid(path, given_)
    same(read_textgrid(path), given_)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
def test_transcripts_of_any_editor(tmp_path: Path, encoding: str) -> None:
    """Windows' Notepad calls UTF-16 Unicode; its mark tells."""
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    words, srt = tmp_path / "a.txt", tmp_path / "a.srt"
    words.write_text(mark + "Señor, ¿qué?\r\n", encoding)
    srt.write_text(mark + "1\r\n00:00:01,000 --> 00:00:02,000\r\nSeñor\r\n", encoding)
    assert read_script(words).text.split() == ["Señor,", "¿qué?"]
    assert read_script(srt).text == "Señor"


def test_a_word_processors_file_is_no_transcript(tmp_path: Path) -> None:
    """TextEdit saves RTF unless told otherwise; its text is plain ASCII, and not what is said."""
    (tmp_path / "a.txt").write_text("{\\rtf1\\ansi\\ansicpg1252 five big plums}")
    with pytest.raises(TranscriptError, match=r"a\.txt: RTF"):
        read_script(tmp_path / "a.txt")


def test_textgrid_with_stress_sil_and_utf16(tmp_path: Path) -> None:
    text = (VOICE / "dialogue.TextGrid").read_text()
    text = text.replace('text = "AY"', 'text = "ay1"').replace('text = ""', 'text = "sil"')
    path = tmp_path / "utf16.TextGrid"
    path.write_text(text, encoding="utf-16")
    same(read_textgrid(path), demo_truth("dialogue"))


def damage(tmp_path: Path, old: str, new: str) -> Path:
    text = (VOICE / "dialogue.TextGrid").read_text()
    assert old in text
    path = tmp_path / "bad.TextGrid"
    path.write_text(text.replace(old, new, 1))
    return path


def test_textgrid_errors_say_where(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none.TextGrid"):
        read_textgrid(tmp_path / "none.TextGrid")
    with pytest.raises(
        TranscriptError, match=r"phone \d+ at .* s: 'QX' is neither an ARPAbet phone nor IPA"
    ):
        read_textgrid(damage(tmp_path, 'text = "AY"', 'text = "QX"'))
    with pytest.raises(TranscriptError, match="no tier of phones.*'words'"):
        read_textgrid(damage(tmp_path, 'name = "phones"', 'name = "sounds"'))
    with pytest.raises(TranscriptError, match="tier 'words', interval 2 .*ends at"):
        read_textgrid(damage(tmp_path, "xmax = 0.348", "xmax = 0.01"))
    text = (VOICE / "dialogue.TextGrid").read_text()
    cut = tmp_path / "cut.TextGrid"
    cut.write_text(text[: len(text) // 2])
    with pytest.raises(InputError, match="damaged"):
        read_textgrid(cut)
    other = tmp_path / "other.TextGrid"
    other.write_text("hello")
    with pytest.raises(InputError, match="not a Praat TextGrid"):
        read_textgrid(other)
    other.write_bytes(b"\xff\xfe\x00\xd8\x00")
    with pytest.raises(InputError, match="not a text file"):
        read_textgrid(other)


@pytest.mark.parametrize(
    ("labels", "seen"),
    [
        (["y", "uː", "b", "ɐ"], ["y", "u", "B", "ɐ"]),  # German über
        (["t", "y"], ["T", "y"]),  # French tu
        (["aw", "y"], ["AW", "y"]),  # IPA's diphthong looks like ARPAbet's
        (["y", "uw", "b"], ["Y", "UW", "B"]),  # ARPAbet in small letters, as TIMIT has it
        (["b", "Y", "UW1", "y"], ["B", "Y", "UW", "Y"]),
        (["y", "iy0"], ["Y", "IY"]),
    ],
)
def test_a_small_y_is_what_the_other_phones_are(
    tmp_path: Path, labels: list[str], seen: list[str]
) -> None:
    """ARPAbet's y begins "yes", IPA's ends "tu": one spreads the lips, the other rounds them."""
    intervals = tuple(Interval(float(i), i + 1.0, label) for i, label in enumerate(labels))
    words = (Interval(0.0, float(len(labels)), "word"),)
    path = tmp_path / "phones.TextGrid"
    write_textgrid(path, Alignment(words, intervals, float(len(labels))))
    assert [p.label for p in read_textgrid(path).seen()] == seen


def test_ipa_that_is_typed_among_the_phones_counts_before_the_tier_of_ipa(tmp_path: Path) -> None:
    """A foreign alignment has such a tier; what the artist corrects in the phones is newer."""
    edges = [Interval(0.0, 1.0, "T"), Interval(1.0, 2.0, "y"), Interval(2.0, 3.0, "UW")]
    said = [Interval(0.0, 1.0, "t"), Interval(1.0, 2.0, "j"), Interval(2.0, 3.0, "u")]
    path = tmp_path / "phones.TextGrid"
    write_textgrid(path, Alignment((Interval(0.0, 3.0, "tu"),), tuple(edges), 3.0, ipa=tuple(said)))
    assert [p.label for p in read_textgrid(path).seen()] == ["t", "y", "u"]


def test_a_missing_folder_is_made(tmp_path: Path) -> None:
    write_textgrid(tmp_path / "a" / "b" / "phones.TextGrid", demo_truth("plate"))
    write_mouth_csv(tmp_path / "c" / "mouth.csv", [1], np.zeros((1, len(MOUTH_CONTROLS))))
    assert os.listdir(tmp_path / "a" / "b") == ["phones.TextGrid"]
    assert os.listdir(tmp_path / "c") == ["mouth.csv"]


def test_a_file_in_the_folders_place(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("kept")
    for write in (
        lambda: write_textgrid(blocked / "a.TextGrid", demo_truth("plate")),
        lambda: write_mouth_csv(blocked / "a.csv", [1], np.zeros((1, len(MOUTH_CONTROLS)))),
    ):
        with pytest.raises(OutputError, match=r"a\.\w+ cannot be written: .*file stands where"):
            write()
    assert blocked.read_text() == "kept" and os.listdir(tmp_path) == ["file"]


# mouth.csv


def test_mouth_csv_roundtrip(tmp_path: Path) -> None:
    frames = range(-3, 97)
    curves = mouth_curves(demo_aligned("plate"), frames=frames, rate=Fraction(24000, 1001))
    path = tmp_path / "mouth.csv"
    write_mouth_csv(path, frames, curves)
    assert path.read_text().splitlines()[0] == "frame," + ",".join(MOUTH_CONTROLS)
    read, columns = read_mouth_csv(path)
    assert read == list(frames) and tuple(columns) == MOUTH_CONTROLS
    np.testing.assert_allclose(curves_array(columns), curves, atol=5.1e-5)
    assert os.listdir(tmp_path) == ["mouth.csv"]


def test_mouth_csv_with_some_columns_in_another_order(tmp_path: Path) -> None:
    path = tmp_path / "mouth.csv"
    path.write_text("\ufeffframe,mouthClose,jawOpen\r\n1001,0.5,1\r\n\r\n1002,0,0.25\r\n", "utf-8")
    frames, columns = read_mouth_csv(path)
    assert frames == [1001, 1002]
    array = curves_array(columns)
    assert array[:, JAW].tolist() == [1, 0.25] and array[:, CLOSE].tolist() == [0.5, 0]
    assert array.sum() == 1.75


@pytest.mark.parametrize(
    "text,message",
    [
        ("", "line 1, column 1"),
        ("time,jawOpen\n1,0\n", "line 1, column 1: the first column must be 'frame'"),
        ("frame;jawOpen\n1;0,5\n", "line 1: its columns are parted by ';'; part them by commas"),
        ("frame,jawOpen,jaw\n1,0,0\n", "line 1, column 3: 'jaw' is not a mouth control"),
        ("frame,jawOpen,jawOpen\n1,0,0\n", "line 1, column 3: 'jawOpen' stands twice"),
        ("frame\n1\n", "no mouth control"),
        ("frame,jawOpen\n", "holds no frames"),
        ("frame,jawOpen\n1,0\n2\n", "line 3: 1 columns where line 1 has 2"),
        ("frame,jawOpen\nx,0\n", r"line 2, column 1 \(frame\): 'x' is not a frame number"),
        ("frame,jawOpen\n2,0\n2,0\n", r"line 3, column 1 \(frame\): 2 does not come after 2"),
        ("frame,jawOpen\n1,0\n2,open\n", r"line 3, column 2 \(jawOpen\): 'open' is not a number"),
        ("frame,jawOpen\n1,nan\n", r"line 2, column 2 \(jawOpen\): 'nan' is not a number"),
        ("frame,jawOpen\n1,1.5\n", r"line 2, column 2 \(jawOpen\): 1.5 is not between 0 and 1"),
    ],
)
def test_mouth_csv_errors_name_line_and_column(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "mouth.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_mouth_csv(path)


def test_mouth_csv_refuses_bad_values_before_it_writes(tmp_path: Path) -> None:
    path = tmp_path / "mouth.csv"
    bad = np.zeros((2, len(MOUTH_CONTROLS)))
    for value in (np.nan, 1.2, -0.1):
        bad[1, 3] = value
        with pytest.raises(SettingError):
            write_mouth_csv(path, range(2), bad)
    with pytest.raises(SettingError, match="do not fit"):
        write_mouth_csv(path, range(3), np.zeros((2, len(MOUTH_CONTROLS))))
    assert not path.exists()


# ARKit


def live_link(path: Path, jaw: list[float], close: list[float], first: int = 58) -> None:
    lines = ["Timecode,BlendshapeCount,EyeBlinkLeft,JawOpen,MouthClose,MouthStretchLeft,MouthStretchRight"]  # fmt: skip  # noqa: E501
    for i, (j, c) in enumerate(zip(jaw, close, strict=True)):
        seconds, frame = divmod(first + i, 60)
        lines.append(f"23:59:{58 + seconds:02d}:{frame:02d}.250,52,0.9,{j},{c},0.2,0.4")
    path.write_text("\n".join(lines) + "\n")


def test_live_link_face_at_the_shots_rate(tmp_path: Path) -> None:
    path = tmp_path / "face.csv"
    jaw = [0.5 + 0.4 * np.sin(i / 8) for i in range(70)]
    live_link(path, jaw, [j * 0.5 for j in jaw])
    rate = Fraction(24)
    curves = read_arkit_csv(path, range(1001, 1041), rate)
    times = (np.arange(40) + 0.5) / 24
    covered = times <= 69 / 60
    expected = np.interp(times[covered], np.arange(70) / 60, jaw)
    np.testing.assert_allclose(curves[covered, JAW], expected, atol=1e-6)
    np.testing.assert_allclose(curves[covered, CLOSE], 0.5, atol=0.01)
    np.testing.assert_allclose(curves[covered, MOUTH_CONTROLS.index("mouthStretch")], 0.3)
    assert (curves[times > 71 / 60] == 0).all()


def test_audio2face_seconds_and_prefix(tmp_path: Path) -> None:
    path = tmp_path / "a2f.csv"
    rows = [f"{i / 30},{min(i / 30, 1.2)},0" for i in range(61)]
    path.write_text("timeCode,blendShapes.JawOpen,blendShapes.TongueOut\n" + "\n".join(rows))
    curves = read_arkit_csv(path, range(0, 25), Fraction(25))
    np.testing.assert_allclose(curves[:, JAW], (np.arange(25) + 0.5) / 25, atol=1e-6)
    shifted = read_arkit_csv(path, range(0, 25), Fraction(25), offset=0.4)
    assert (shifted[:9, JAW] == 0).all()
    np.testing.assert_allclose(shifted[10:, JAW], curves[:15, JAW], atol=1e-6)


@pytest.mark.parametrize(
    "text,message",
    [
        ("", "empty"),
        ("Timecode,EyeBlinkLeft\n0,0\n", "no column JawOpen"),
        ("Timecode,JawOpen\n", "no frames"),
        ("Timecode,JawOpen\n0,0\n1,x\n", r"line 3, column 2 \(JawOpen\): 'x' is not a number"),
        ("Timecode,JawOpen\n0,0\n1,0,0\n", "line 3: 3 columns"),
        ("Timecode,JawOpen\n1.0,0\n0.5,0\n", "line 3, column 1: the time '0.5' lies before"),
    ],
)
def test_arkit_errors(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "face.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_arkit_csv(path, range(10), Fraction(25))


# The picture


def test_plot_is_a_picture_that_shows_the_curves(tmp_path: Path) -> None:
    from skimage.io import imread

    alignment, audio = demo_aligned("dialogue"), demo_audio("dialogue")
    frames, rate = range(1, 149), Fraction(25)
    curves = mouth_curves(alignment, frames=frames, rate=rate)
    full, none = tmp_path / "full.png", tmp_path / "none.png"
    plot_speech(full, audio, alignment, frames, rate, curves)
    plot_speech(none, audio, alignment, frames, rate, np.zeros_like(curves))
    a, b = imread(full), imread(none)
    assert a.shape[1] == b.shape[1] >= 1000
    blue = np.all(np.abs(a[..., :3].astype(int) - (31, 119, 180)) < 12, axis=-1)
    blue_none = np.all(np.abs(b[..., :3].astype(int) - (31, 119, 180)) < 12, axis=-1)
    assert blue.sum() > blue_none.sum() + 500
    assert sorted(os.listdir(tmp_path)) == ["full.png", "none.png"]
    with pytest.raises(OutputError):
        plot_speech(full / "x.png", audio, alignment, frames, rate, curves)
