"""The plugin's own readers and writers against the engine's: same files, same meaning."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from relip import speech
from relip.shot import Shot, ShotSettings
from relip.speech import textgrid
from relip.speech.alignment import ARPABET, Alignment, Interval
from relip.track import points
from relip.track import stage as track_stage
from relip.track.facetrack import FaceTrack


def test_controls_are_the_engines(plugin_module):
    assert plugin_module("curves").CONTROLS == speech.MOUTH_CONTROLS


def test_phones_are_the_engines(plugin_module):
    assert frozenset(ARPABET) - {""} == plugin_module("phones").ARPABET
    assert plugin_module("phones")._SILENCE == textgrid.SILENCE_LABELS


def test_reads_the_curves_that_the_engine_writes(plugin_module, tmp_path: Path):
    curves = plugin_module("curves")
    values = np.random.default_rng(3).random((5, 10))
    speech.write_mouth_csv(tmp_path / "mouth.csv", range(1001, 1006), values)
    table = curves.read(str(tmp_path / "mouth.csv"))
    assert sorted(table) == list(range(1001, 1006))
    for row, frame in enumerate(range(1001, 1006)):
        expected = dict(zip(speech.MOUTH_CONTROLS, np.round(values[row], 4), strict=True))
        assert table[frame] == pytest.approx(expected, abs=1e-9)


def test_an_override_holds_only_what_differs_and_the_engine_reads_it(plugin_module, tmp_path: Path):
    curves = plugin_module("curves")
    computed = {f: dict.fromkeys(curves.CONTROLS, 0.25) for f in range(1, 9)}
    edited = {f: dict(row) for f, row in computed.items()}
    edited[3]["jawOpen"] = 0.5
    edited[6]["mouthPress"] = 1.0
    edited[7]["mouthPress"] = 0.25 + 1e-6  # below what is written: no difference
    changed = curves.difference(edited, computed)
    assert sorted(changed) == [3, 6]
    curves.write(str(tmp_path / "o.csv"), changed, shot=str(tmp_path))
    frames, columns = speech.read_mouth_csv(tmp_path / "o.csv")
    assert frames == [3, 6]
    assert set(columns) == {"jawOpen", "mouthPress"}
    assert columns["jawOpen"].tolist() == [0.5, 0.25]
    assert columns["mouthPress"].tolist() == [0.25, 1.0]


def test_a_broken_curve_names_its_line(plugin_module, tmp_path: Path):
    (tmp_path / "m.csv").write_text("frame,jawOpen\n1,0.5\n2,wide\n")
    with pytest.raises(ValueError, match="line 3"):
        plugin_module("curves").read(str(tmp_path / "m.csv"))


@pytest.fixture
def alignment() -> Alignment:
    phones = [("", 0, 0.2), ("HH", 0.2, 0.3), ("AH", 0.3, 0.45), ("L", 0.45, 0.52)]
    phones += [("OW", 0.52, 0.8), ("", 0.8, 1.0)]
    return Alignment(
        words=[Interval(0, 0.2, ""), Interval(0.2, 0.8, 'hel"lo'), Interval(0.8, 1, "")],
        phones=[Interval(a, b, p) for p, a, b in phones],
        duration=1.0,
        method="test",
        rung="test",
    )


def test_phones_there_and_back_are_the_engines(plugin_module, tmp_path: Path, alignment: Alignment):
    phones = plugin_module("phones")
    speech.write_textgrid(tmp_path / "a.TextGrid", alignment)
    grid = phones.read(str(tmp_path / "a.TextGrid"))
    clock = phones.Clock(1001, 24000 / 1001, 0.5)
    text = phones.to_text(grid, clock)
    assert text.splitlines()[1].split() == ["1017.783", "1020.181", "HH", 'hel"lo']
    mine = phones.from_text(text, clock, grid.duration)
    phones.write(str(tmp_path / "b.TextGrid"), mine, shot=str(tmp_path))
    back = speech.read_textgrid(tmp_path / "b.TextGrid")
    assert [p.label for p in back.phones] == [p.label for p in alignment.phones]
    assert [w.label for w in back.words] == ["", 'hel"lo', ""]
    for mine, theirs in zip(back.phones, alignment.phones, strict=True):
        assert mine.start == pytest.approx(theirs.start, abs=5e-4)
        assert mine.end == pytest.approx(theirs.end, abs=5e-4)


def test_reads_a_grid_saved_by_praat_in_utf16(plugin_module, tmp_path: Path, alignment: Alignment):
    speech.write_textgrid(tmp_path / "a.TextGrid", alignment)
    text = (tmp_path / "a.TextGrid").read_text("utf-8")
    (tmp_path / "b.TextGrid").write_bytes(text.encode("utf-16"))
    phones = plugin_module("phones")
    assert phones.read(str(tmp_path / "b.TextGrid")) == phones.read(str(tmp_path / "a.TextGrid"))


def test_reads_what_other_aligners_write(plugin_module, tmp_path: Path, alignment: Alignment):
    """Times with an exponent, and names of their own for silence."""
    text = speech.format_textgrid(alignment)
    text = text.replace("xmin = 0\n", "xmin = 0e-05\n").replace('text = ""', 'text = "<eps>"')
    (tmp_path / "a.TextGrid").write_text(text)
    phones = plugin_module("phones")
    shown = phones.to_text(phones.read(str(tmp_path / "a.TextGrid")), phones.Clock(1, 25.0, 0.0))
    assert [line.split()[2] for line in shown.splitlines()] == ["sil", "HH", "AH", "L", "OW", "sil"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1001 1005 B\n1003 1008 AA", "line 2.*begins before"),
        ("1001 1005 QQ", "QQ is not an ARPAbet"),
        ("1001 1005 qq", "qq is not an ARPAbet phone, nor IPA"),
        ("hello", "two frames"),
        ("1005 1001 B", "ends before it begins"),
        ("1001 2001 B", "ends after the recording"),
        ("\n", "no phone"),
    ],
)
def test_bad_phones_name_the_line(plugin_module, text: str, words: str):
    phones = plugin_module("phones")
    with pytest.raises(ValueError, match=words):
        phones.from_text(text, phones.Clock(1001, 24.0, 0.0), 2.0)


def test_phones_in_ipa_are_written_back(plugin_module, tmp_path: Path, alignment: Alignment):
    """An aligner's IPA in the artist's file, and the IPA beside a foreign language's phones."""
    phones = plugin_module("phones")
    clock = phones.Clock(1001, 24000 / 1001, 0.5)
    text = speech.format_textgrid(alignment).replace('"AH"', '"ø"').replace('"HH"', '"h"')
    text = text.replace('"L"', '"y"')
    (tmp_path / "a.TextGrid").write_text(text, "utf-8")
    theirs = speech.read_textgrid(tmp_path / "a.TextGrid")
    grid = phones.read(str(tmp_path / "a.TextGrid"))
    mine = phones.from_text(phones.to_text(grid, clock), clock, grid.duration)
    phones.write(str(tmp_path / "b.TextGrid"), mine, shot=str(tmp_path))
    back = speech.read_textgrid(tmp_path / "b.TextGrid")
    seen = [p.label for p in theirs.seen()]
    assert [p.label for p in back.seen()] == seen and {"ø", "y"} <= set(seen)

    # computed: ARPAbet, and the IPA in a tier of its own; one phone is moved, one renamed
    speech.write_textgrid(tmp_path / "c.TextGrid", theirs)
    computed = phones.read(str(tmp_path / "c.TextGrid"))
    shown = phones.to_text(computed, clock)
    assert "ø" not in shown
    lines = shown.replace(" OW", " UW").splitlines()
    lines[2:4] = [lines[2].replace("1023.776", "1024.5"), lines[3].replace("1023.776", "1024.5")]
    mine = phones.from_text("\n".join(lines), clock, computed.duration)
    assert mine.phones[2].end != computed.phones[2].end
    phones.write(str(tmp_path / "d.TextGrid"), phones.with_ipa(mine, computed), shot=str(tmp_path))
    back = speech.read_textgrid(tmp_path / "d.TextGrid")
    assert [p.label for p in back.seen()] == [{"OW": "UW"}.get(p, p) for p in seen]


def make_track(tmp_path: Path, frames: int = 4) -> FaceTrack:
    rng = np.random.default_rng(1)
    angle, scale = 0.1, 1 / 200
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    transform = np.stack([np.column_stack([turn, [0.1 * t, -0.2]]) for t in range(frames)])
    landmarks = rng.uniform(0, 500, (frames, points.COUNT, 3)).astype(np.float32)
    visible = np.ones(frames, bool)
    visible[1] = False
    landmarks[1], transform[1] = np.nan, np.nan
    return FaceTrack(
        frames=np.arange(1001, 1001 + frames),
        landmarks=landmarks,
        transform=transform,
        visible=visible,
        confidence=np.ones(frames),
        shape=np.zeros((points.COUNT, 2)),
        face_width=100.0,
    )


def test_reads_the_track_without_numpy(plugin_module, tmp_path: Path):
    facetrack = plugin_module("facetrack")
    track = make_track(tmp_path)
    track.save(tmp_path / "track.npz")
    found = facetrack.read(str(tmp_path / "track.npz"))
    assert found.frames == [1001, 1003, 1004]
    for name, index in facetrack.POINTS.items():
        assert np.array_equal(found.points[name], track.landmarks[[0, 2, 3], index, :2])
    assert np.array_equal(np.reshape(found.transforms, (-1, 2, 3)), track.transform[[0, 2, 3]])


def test_crop_corners_map_to_the_crops_corners(plugin_module, tmp_path: Path):
    track = make_track(tmp_path)
    corners = np.array(plugin_module("facetrack").crop_corners(tuple(track.transform[2].ravel())))
    back = corners @ track.transform[2][:, :2].T + track.transform[2][:, 2]
    assert np.allclose(back, [[0, 1], [1, 1], [1, 0], [0, 0]], atol=1e-12)


def test_a_damaged_track_is_an_error(plugin_module, tmp_path: Path):
    (tmp_path / "track.npz").write_bytes(b"PK\x03\x04 not a track")
    with pytest.raises(ValueError, match="damaged"):
        plugin_module("facetrack").read(str(tmp_path / "track.npz"))


def test_named_points_are_the_engines_lips_and_chin(plugin_module):
    facetrack = plugin_module("facetrack")
    known = {str(p) for p in (*points.LIPS, *points.JAW)} | {"all"}
    for shares in facetrack.FIXES.values():
        assert set(shares) <= known
        assert max(shares.values()) == 1.0
    assert facetrack.POINTS["chin"] == points.CHIN
    assert facetrack.POINTS["lip_left"] == points.OUTER_UPPER[0]
    assert facetrack.POINTS["lip_right"] == points.OUTER_UPPER[-1]


def test_corrections_move_the_engines_landmarks(plugin_module, tmp_path: Path):
    facetrack = plugin_module("facetrack")
    zero = {name: {f: (0.0, 0.0) for f in range(1002, 1005)} for name in facetrack.FIXES}
    fixes = {**zero, "fix_lip_left": {1002: (0.0, 0.0), 1003: (2.0, 3.0), 1004: (4.0, 6.0)}}
    path = tmp_path / "overrides" / "track.json"
    assert facetrack.write_offsets(str(path), fixes, shot=str(tmp_path))

    class Here(Shot):
        frames = range(1001, 1007)  # type: ignore[assignment]

    moves = track_stage._offsets(Here(tmp_path, ShotSettings()), (6, points.COUNT, 3))
    assert moves is not None
    # right and up are positive in Nuke; the engine's y points down
    assert moves[:, 61].tolist() == [[0, 0], [0, 0], [2, -3], [4, -6], [4, -6], [4, -6]]
    assert moves[3, 185] == pytest.approx([0.67 * 4, -0.67 * 6])
    untouched = [p for p in range(points.COUNT) if str(p) not in facetrack.FIXES["fix_lip_left"]]
    assert not moves[:, untouched].any()


def test_no_correction_is_no_override_but_other_keys_stay(plugin_module, tmp_path: Path):
    facetrack = plugin_module("facetrack")
    path = tmp_path / "track.json"
    zero = {name: {1001: (0.0, 0.0)} for name in facetrack.FIXES}
    assert not facetrack.write_offsets(str(path), zero, shot=str(tmp_path))
    assert not path.exists()
    path.write_text('{"face": [1, 2], "offsets": {"1001": {"all": [1, 0]}}}')
    assert not facetrack.write_offsets(str(path), zero, shot=str(tmp_path))
    assert path.read_text().split() == ["{", '"face":', "[", "1,", "2", "]", "}"]


def test_reads_settings_as_the_engine_writes_them(plugin_module, tmp_path: Path):
    paths = plugin_module("paths")
    settings = ShotSettings.from_dict(
        {"plate": {"path": 'C:\\plates\\a "b" [x].####.exr'}, "mask": {"grow": -0.02}}
    )
    Shot(tmp_path, settings).save()
    text = (tmp_path / "shot.toml").read_text("utf-8")
    flat = paths.parse_flat_toml(text)
    assert flat["plate"]["path"] == settings.plate.path
    assert flat["mask"]["grow"] == -0.02
    assert flat["render"]["layers"] == ["raw", "stmap"]
    assert flat["train"]["steps"] == 0
    read = paths.read_settings(str(tmp_path))
    assert read == flat


@pytest.mark.parametrize(
    ("rate", "text"),
    [(24, "24"), (23.976, "24000/1001"), (23.98, "24000/1001"), (29.97, "30000/1001"), (25, "25")]
    + [(59.94, "60000/1001"), (12.5, "12.5"), (30, "30"), (47.952, "48000/1001")],
)
def test_rates_are_rational(plugin_module, rate: float, text: str):
    assert plugin_module("paths").format_rate(rate) == text


def test_frame_ranges_there_and_back(plugin_module):
    paths = plugin_module("paths")
    assert paths.parse_frames("-3-1,5,8-12x2") == [-3, -2, -1, 0, 1, 5, 8, 10, 12]
    assert paths.format_frames([1, 2, 3, 5, 9, 10]) == "1-3,5,9-10"
    for wrong in ("", "a", "5-1", "1-5x0"):
        with pytest.raises(ValueError):
            paths.parse_frames(wrong)


def test_sequences_on_disk(plugin_module, tmp_path: Path):
    paths = plugin_module("paths")
    pattern = str(tmp_path / "v01.patch.####.exr")
    assert not paths.has_frames(pattern)
    for frame in (999, 1001, 10002):
        path = paths.frame_file(pattern, frame)
        Path(path).write_bytes(b"")
        assert os.path.basename(path) == f"v01.patch.{frame:04d}.exr"
    (tmp_path / "v02.patch.1002.exr").write_bytes(b"")
    assert sorted(paths.frame_files(pattern)) == [999, 1001, 10002]
    assert paths.frame_file("/a/b.%04d.exr", 7) == "/a/b.0007.exr"
    assert paths.has_frames(pattern)


def test_writes_whole_or_not_at_all(plugin_module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    paths = plugin_module("paths")
    path = tmp_path / "a.json"
    paths.write_json(str(path), {"x": 1}, shot=str(tmp_path))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        paths.write_json(str(path), {"x": 2}, shot=str(tmp_path))
    assert paths.read_json(str(path)) == {"x": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]
