"""The mix of drives: shares in every frame, and the lines that come of it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from relip import pipeline
from relip.errors import InputError, SettingError, StageMissingError
from relip.plate.movie_index import MovieIndex
from relip.render import rig as rig_module
from relip.render import stage, train_stage
from relip.render.drive import driven_controls, driven_lines, driven_visibility
from relip.render.mix import drive_weights, drives_used, read_weights
from relip.shot import Shot, ShotSettings, parse_mix
from relip.speech import MOUTH_CONTROLS, opening, write_mouth_csv
from relip.track import stage as track_stage
from relip.track import witness


def override(shot: Shot, name: str, text: str) -> Path:
    path = shot.path("overrides", name)
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def test_without_a_mix_one_drive_has_all(finished_shot: Path):
    shot = Shot.open(finished_shot)
    weights = drive_weights(shot)
    assert list(weights) == ["speech"] and (weights["speech"] == 1).all()
    assert drives_used(shot.change(render={"drive": "track"})) == ("track",)


def test_weights_count_by_their_sum(finished_shot: Path):
    shot = Shot.open(finished_shot)
    for words in (["speech=0.7", "track=0.3"], ["speech=7", "track=3", "csv=0"]):
        weights = drive_weights(shot.change(drive={"mix": words}))
        np.testing.assert_allclose(weights["speech"], 0.7)
        np.testing.assert_allclose(weights["track"], 0.3)
        assert "csv" not in weights


def test_keys_are_joined_by_lines_and_held(shot_copy: Path):
    shot = Shot.open(shot_copy)
    override(shot, "drive.csv", "frame,speech,track\n1010,1,0\n1020,0,1\n")
    weights = drive_weights(shot)
    assert (weights["speech"][:10] == 1).all() and (weights["track"][19:] == 1).all()
    np.testing.assert_allclose(weights["track"][9:20], np.linspace(0, 1, 11))
    np.testing.assert_allclose(weights["speech"] + weights["track"], 1)
    assert set(drives_used(shot)) == {"speech", "track"}


def test_lines_of_a_mix_lie_between(shot_copy: Path):
    shot = Shot.open(shot_copy)
    track = track_stage.load(shot)
    rig = stage.load_rig(train_stage.model_path(shot))
    speech = driven_lines(shot, track, rig)
    own = rig_module.track_lines(track)
    mixed = driven_lines(shot.change(drive={"mix": ["speech=0.7", "track=0.3"]}), track, rig)
    np.testing.assert_allclose(mixed, 0.7 * speech + 0.3 * own, atol=1e-9)
    override(shot, "drive.csv", "frame,speech,track\n1010,1,0\n1020,0,1\n")
    animated = driven_lines(shot, track, rig)
    np.testing.assert_array_equal(animated[:10], speech[:10])
    np.testing.assert_allclose(animated[19:], own[19:], atol=1e-12)


def test_controls_of_a_mix(shot_copy: Path, tmp_path: Path):
    shot = Shot.open(shot_copy)
    curves = np.random.default_rng(0).uniform(size=(40, len(MOUTH_CONTROLS)))
    write_mouth_csv(tmp_path / "m.csv", shot.frames, curves)
    both = shot.change(
        drive={"mix": ["speech=1", "csv=3"]}, render={"csv": str(tmp_path / "m.csv")}
    )
    spoken = driven_controls(shot)
    wanted = 0.25 * spoken + 0.75 * curves
    np.testing.assert_allclose(driven_controls(both), wanted, atol=1e-4)


def test_a_mix_renders_other_pixels_and_says_so(shot_copy: Path):
    """The weights of a frame make it stale, and only where they changed its lines.

    (Teeth follow the lips of a block of frames: see test_interior.)
    """
    shot = Shot.open(shot_copy).change(render={"teeth": 0.0})
    with shot.open_plate() as plate:
        before = {f: stage.load_inputs(shot).key(shot, plate, f) for f in shot.frames}
        override(shot, "drive.csv", "frame,speech,track\n1030,1,0\n1031,0,1\n")
        inputs = stage.load_inputs(shot)
        after = {f: inputs.key(shot, plate, f) for f in shot.frames}
    changed = {f for f in shot.frames if before[f] != after[f]}
    assert set(range(1031, 1041)) <= changed
    assert not changed & set(range(1001, 1025))


@pytest.mark.parametrize(
    "text, word",
    [
        ("frame,speech\n", "no frames"),
        ("speech,frame\n1,2\n", "line 1"),
        ("frame,lips\n1001,1\n", "'lips' is no drive"),
        ("frame,speech,speech\n1001,1,1\n", "twice"),
        ("frame,speech\n1001,1\n1001,1\n", "line 3, column 1"),
        ("frame,speech\n1001,-1\n", "line 2, column 2"),
        ("frame,speech\n1001\n", "line 2"),
        ("frame,speech,track\n1001,0,0\n", "frame 1001"),
        ("", "line 1"),
    ],
)
def test_damaged_tables(shot_copy: Path, text: str, word: str):
    shot = Shot.open(shot_copy)
    path = override(shot, "drive.csv", text)
    with pytest.raises(InputError, match=word) as caught:
        drive_weights(shot)
    assert str(path) in caught.value.message
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError):
        read_weights(path)


@pytest.mark.parametrize(
    "words", [("lips=1",), ("speech=-1",), ("speech=x",), ("speech=1", "speech=2"), ("speech=0",),
              ("speech=inf",)],
)  # fmt: skip
def test_mixes_that_are_refused(words: tuple[str, ...]):
    with pytest.raises(SettingError):
        parse_mix(words)
    with pytest.raises(SettingError):
        ShotSettings.from_dict({"drive": {"mix": list(words)}})


def test_a_drive_needs_its_file():
    with pytest.raises(SettingError, match="--witness"):
        ShotSettings.from_dict({"render": {"drive": "video"}})
    with pytest.raises(SettingError, match="--witness"):
        ShotSettings.from_dict({"drive": {"mix": ["speech", "video=0.2"]}})
    with pytest.raises(SettingError, match="--csv"):
        ShotSettings.from_dict({"render": {"drive": "csv"}})
    ShotSettings.from_dict({"render": {"drive": "csv"}, "drive": {"mix": ["speech=1"]}})


def test_stages_that_a_mix_needs(finished_shot: Path):
    shot = Shot.open(finished_shot)
    assert "speech" in pipeline.needed(shot.change(drive={"mix": ["track=2", "speech=1"]}), "blend")
    assert "speech" not in pipeline.needed(shot.change(drive={"mix": ["track=1"]}), "blend")


# --- the witness ----------------------------------------------------------------------------------


def test_a_witness_drives_the_shot(shot_copy: Path, demo_clip):
    """The plate's own speech, filmed as a movie: its opening is that of the truth."""
    shot = Shot.open(shot_copy).change(
        render={"drive": "video"}, drive={"witness": str(demo_clip.path)}
    )
    with pytest.raises(StageMissingError, match="run relip track"):
        driven_controls(shot)
    assert {s.stage: s.state for s in pipeline.status(shot)}["track"] == "stale"
    pipeline.run_stage(shot, "track")
    assert {s.stage: s.state for s in pipeline.status(shot)}["track"] == "up to date"
    with np.load(demo_clip.truth) as data:
        truth = data["opening"] / data["face_width"]
    assert np.corrcoef(opening(driven_controls(shot)), truth)[0, 1] > 0.95
    # half a second later, and the mouth is at rest before
    late = opening(driven_controls(shot.change(drive={"witness_offset": 0.52})))
    assert not late[:12].any()
    assert np.corrcoef(late[13:], truth[:27])[0, 1] > 0.95
    # another recording is not tracked yet
    other = demo_clip.path.with_name("other.mp4")
    if not other.exists():
        other.write_bytes(demo_clip.path.read_bytes() + b"\0" * 16)
    with pytest.raises(StageMissingError, match=r"other\.mp4 is not tracked yet"):
        driven_controls(shot.change(drive={"witness": str(other)}))


def test_of_a_witness_cut_short_what_is_there_counts():
    grid = np.array([0, 0, 1, 2, -1, 3, -1, 9])
    index = MovieIndex(
        np.arange(4), np.arange(1), Fraction(1, 25), Fraction(25), grid, False, pictures=4
    )
    shown, rows = witness.pictures(index, 8)
    assert shown.tolist() == [0, 1, 2, 3]
    assert rows.tolist() == [0, 2, 3, 5]
    assert witness.pictures(index, 4)[1].tolist() == [0, 2, 3]


def test_a_witness_without_a_face(shot_copy: Path, grey_clip: Path):
    from relip.errors import FaceError

    shot = Shot.open(shot_copy).change(render={"drive": "video"}, drive={"witness": str(grey_clip)})
    with pytest.raises(FaceError, match="the witness: .*grey.mp4"):
        pipeline.run_stage(shot, "track")


def test_a_witness_that_is_missing(finished_shot: Path):
    shot = Shot.open(finished_shot).change(
        render={"drive": "video"}, drive={"witness": "/no/such/witness.mov"}
    )
    with pytest.raises(InputError, match="witness.mov"):
        shot.check_inputs()


# --- teeth and tongue -----------------------------------------------------------------------------


def test_nothing_is_wanted_of_teeth_and_tongue(finished_shot: Path):
    assert (driven_visibility(Shot.open(finished_shot)) == 0.5).all()


def test_the_artist_shows_teeth(shot_copy: Path):
    shot = Shot.open(shot_copy)
    override(shot, "mouth.csv", "frame,teeth,tongue,jawOpen\n1005,1,0.2,0.9\n1050,0,0,0\n")
    found = driven_visibility(shot)
    np.testing.assert_allclose(found[4], [1, 0.2])
    assert (np.delete(found, 4, 0) == 0.5).all()
    # it is no mouth control: the drive is what it was but for the jaw
    assert driven_controls(shot)[4, MOUTH_CONTROLS.index("jawOpen")] == pytest.approx(0.9)


def test_the_sheet_that_drives_may_show_them_too(shot_copy: Path, tmp_path: Path):
    path = tmp_path / "m.csv"
    path.write_text("frame,jawOpen,teeth\n1003,0.5,0\n1004,0.5,0.75\n")
    shot = Shot.open(shot_copy).change(render={"drive": "csv", "csv": str(path)})
    found = driven_visibility(shot)
    assert found[2:4, 0].tolist() == [0, 0.75] and (found[:, 1] == 0.5).all()
    override(shot, "mouth.csv", "frame,teeth\n1004,0.25\n")
    assert driven_visibility(shot)[2:4, 0].tolist() == [0, 0.25]
