"""Mixes of drives: weights of the panel, animated ones by frame, and what a shot uses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from desk_making import Desk

from relip.render.mix import drive_weights, drives_used
from relip.shot import Shot, ShotSettings

FRAMES = range(1001, 1011)


class Here(Shot):
    """A shot whose plate is not there."""

    frames = FRAMES  # type: ignore[assignment]


@pytest.fixture
def mixing(desk: Desk) -> Desk:
    """The desk with a longer shot, a witness, and the drive mix."""
    witness = desk.comp.parent / "actor.mov"
    witness.write_bytes(b"")
    desk.make_shot(plate={"frames": "1001-1010"})
    desk.node("Speech")["frames"].setValue("1001-1010")
    desk.plate["last"].setValue(1010)
    for family in ("Speech", "Track", "Mask", "Render", "Blend"):
        desk.node(family)["last_frame"].setValue(1010)
    render = desk.node("Render")
    render["witness"].setValue(str(witness))
    render["drive"].setValue("mix")
    return desk


def override(desk: Desk) -> Path:
    return desk.shot / "overrides" / "drive.csv"


def weights(desk: Desk) -> dict[str, np.ndarray]:
    """The shares that the engine finds."""
    settings = ShotSettings.from_dict(desk.asked[0][1]["settings"] | {"plate": {}})
    return drive_weights(Here(desk.shot, settings))


def sampled(desk: Desk) -> dict[str, np.ndarray]:
    """The shares that the panel's knobs have, frame by frame."""
    names = ("speech", "track", "csv", "video")
    knobs = {name: desk.node("Render")[f"mix_{name}"] for name in names}
    table = {n: np.array([k.getValueAt(f) for f in FRAMES]) for n, k in knobs.items()}
    whole = np.sum(list(table.values()), axis=0)
    return {name: values / whole for name, values in table.items() if values.any()}


def assert_same(mine: dict[str, Any], theirs: dict[str, Any]) -> None:
    assert mine.keys() == theirs.keys()
    for name in mine:
        assert np.allclose(mine[name], theirs[name], atol=2e-4), name


def test_weights_that_stand_still_are_the_setting(mixing: Desk):
    render = mixing.node("Render")
    render["mix_speech"].setValue(7)
    render["mix_video"].setValue(3)
    assert mixing.press("Render", "update") == []
    assert mixing.asked[0][1]["settings"]["drive"]["mix"] == ["speech=7", "video=3"]
    assert not override(mixing).exists()
    assert_same(weights(mixing), sampled(mixing))


@pytest.mark.parametrize(
    ("speech", "video"),
    [
        ("{curve L x1003 1 x1008 0}", "{curve L x1003 0 x1008 1}"),
        ("{curve K x1001 1 x1005 0.25}", "1"),
        ("1", "{curve x1001 0 x1006 1 x1010 0.5}"),
        ("0.5", "{{(frame-1001)/10}}"),
        ("{curve L x1010 1 x1020 3}", "{curve L x990 0.5 x995 1}"),
    ],
    ids=["linear", "steps", "smooth", "expression", "keys outside the shot"],
)
def test_animated_weights_are_the_engines_frame_by_frame(mixing: Desk, speech: str, video: str):
    render = mixing.node("Render")
    render["mix_speech"].fromScript(speech)
    render["mix_video"].fromScript(video)
    for frame in (1001, 1009):  # wherever the viewer stands
        mixing.api.frame(frame)
        assert mixing.press("Render", "update") == []
        assert override(mixing).is_file()
        assert_same(weights(mixing), sampled(mixing))
    settings = ShotSettings.from_dict(mixing.asked[0][1]["settings"] | {"plate": {}})
    # with the override and without the engine knows that both are used
    assert set(drives_used(Here(mixing.shot, settings))) == {"speech", "video"}
    assert {word.partition("=")[0] for word in settings.drive.mix} == {"speech", "video"}
    stamp = override(mixing).stat().st_mtime_ns
    assert mixing.press("Render", "update") == []
    assert override(mixing).stat().st_mtime_ns == stamp


def test_frames_between_equal_ones_are_not_listed(mixing: Desk):
    render = mixing.node("Render")
    render["mix_video"].fromScript("{curve L x1005 0 x1007 1}")
    mixing.press("Render", "update")
    assert override(mixing).read_text() == (
        "frame,speech,video\n1001,1.0000,0.0000\n1005,1.0000,0.0000\n1006,1.0000,0.5000\n"
        "1007,1.0000,1.0000\n1010,1.0000,1.0000\n"
    )


@pytest.mark.parametrize("how", ["still", "another drive"])
def test_the_file_goes_with_the_animation(mixing: Desk, how: str):
    render = mixing.node("Render")
    render["mix_video"].fromScript("{curve L x1005 0 x1007 1}")
    mixing.press("Render", "update")
    assert override(mixing).exists()
    if how == "still":
        render["mix_video"].clearAnimated()
    else:
        render["drive"].setValue("speech")
    assert mixing.press("Render", "update") == []
    assert not override(mixing).exists()


def test_a_table_of_somebody_else_is_never_lost(mixing: Desk):
    render = mixing.node("Render")
    override(mixing).parent.mkdir()
    override(mixing).write_text("frame,speech,track\n1001,1,0\n1010,0,1\n")
    # with still weights it has the word, as on the command line
    assert mixing.press("Render", "update") == []
    assert "track" in override(mixing).read_text()
    render["mix_video"].fromScript("{curve L x1005 0 x1007 1}")
    (message,) = mixing.press("Render", "update")
    assert (
        "drive.csv holds weights that no panel wrote" in message
        and "take that file away" in message
    )
    assert "run" not in [method for method, _ in mixing.asked]
    assert "track" in override(mixing).read_text()
    # and one that was changed by hand after the panel wrote it is somebody's own
    override(mixing).unlink()
    assert mixing.press("Render", "update") == []
    override(mixing).write_text("frame,speech\n1001,1\n")
    render["mix_video"].clearAnimated()
    assert mixing.press("Render", "update") == []
    assert override(mixing).read_text() == "frame,speech\n1001,1\n"


@pytest.mark.parametrize(
    ("curve", "words"),
    [
        ("{curve L x1001 1 x1002 -0.5}", "Weight of video is -0.5 in frame 1002; give 0 or more"),
        ("{curve L x1001 0 x1005 0}", "all weights are 0 in frame 1001; give one of them a weight"),
    ],
)
def test_wrong_weights_name_their_frame(mixing: Desk, curve: str, words: str):
    render = mixing.node("Render")
    render["mix_speech"].setValue(0)
    render["mix_video"].fromScript(curve)
    (message,) = mixing.press("Render", "update")
    assert words in message and mixing.asked == []


def test_the_state_tells_of_weights_that_are_not_taken_yet(mixing: Desk):
    state, render = mixing.nuke.plugin("state"), mixing.node("Render")
    mixing.does["set"] = lambda params: mixing.make_shot(**params["settings"])
    render["mix_video"].fromScript("{curve L x1005 0 x1007 1}")
    mixing.press("Render", "update")
    mixing.write_patches()
    for frame in FRAMES:
        mixing.note(mixing.shot / "render" / "status" / f"{frame}.json", "1")
        (mixing.shot / "render" / f"patch.{frame}.exr").touch()
    state.refresh_all()
    assert mixing.state("Render") == "ready"
    render.showControlPanel()
    render["mix_video"].setValueAt(0.5, 1007)
    assert mixing.state("Render") == "stale: panel differs (drive); press Update"
    render["mix_video"].setValueAt(1, 1007)
    assert mixing.state("Render") == "ready"
    render["mix_video"].clearAnimated()
    render["mix_video"].setValue(1)
    assert mixing.state("Render") == "stale: panel differs (drive); press Update"


@pytest.mark.parametrize(
    ("settings", "table"),
    [
        ({}, None),
        ({"render": {"drive": "track"}}, None),
        ({"render": {"drive": "track"}, "drive": {"mix": ["speech=2", "csv=6", "video=0"]}}, None),
        ({"drive": {"mix": ["csv=1", "speech=1"]}}, "frame,track,video,speech\n1001,1,0.0,0\n"),
        ({}, "\ufeffframe, speech ,video\n1001,1,0\n1005,0,0.25\n"),
    ],
)
def test_the_drives_of_a_shot_are_the_engines(nukes, tmp_path, settings, table):
    nuke = nukes()
    drives, paths = nuke.plugin("drives"), nuke.plugin("paths")
    given = {"render": {"csv": "a.csv"} | settings.get("render", {})}
    given["drive"] = {"witness": "a.mov"} | settings.get("drive", {})
    shot = Here(tmp_path, ShotSettings.from_dict(given))
    shot.save()
    if table:
        (tmp_path / "overrides").mkdir()
        (tmp_path / "overrides" / "drive.csv").write_text(table, encoding="utf-8")
    found = drives.of_shot(str(tmp_path), paths.read_settings(str(tmp_path)))
    assert set(found) == set(drives_used(shot))
    if not table:
        theirs = {name: share[0] for name, share in drive_weights(shot).items()}
        assert found == pytest.approx(theirs)


def test_drives_are_the_engines(nukes):
    from relip.shot import DRIVES

    assert set(nukes().plugin("drives").DRIVES) == set(DRIVES)
