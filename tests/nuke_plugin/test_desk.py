"""What the plugin does before and after the engine works, with the engine's answers written down.

The engine is not started: what it is asked, and in which order, is the question here.
"""

from __future__ import annotations

import json
import os
import shutil
from typing import Any

import numpy as np
import pytest
from desk_making import FIRST, HEIGHT, LAST, WIDTH, Desk

from relip.plate import read_exr, write_exr

# ------------------------------------------------------------ a matte from the computed one


@pytest.mark.parametrize("before", [None, 0.1], ids=["no matte yet", "an older matte"])
@pytest.mark.parametrize("way", ["Blur", "Group"])
def test_a_matte_made_from_the_computed_one_is_taken_after_it(desk, way: str, before):
    if before is not None:
        desk.write_masks(before)
    mask, render = desk.node("Mask"), desk.node("Render")
    if way == "Blur":
        between = desk.api.nodes.Blur(inputs=[mask])
    else:
        # The blur and the mask itself in a group of the artist's.
        between = desk.group(mask, lambda source: desk.api.nodes.Blur(inputs=[source]))
    render.setInput(1, between)
    seen = []

    def run(params: dict[str, Any]) -> None:
        override = desk.shot / "overrides" / f"mask.{FIRST}.exr"
        seen.append((params["until"], override.exists()))
        if params["until"] == "mask":
            desk.write_masks(0.25)

    desk.does["run"] = run
    assert desk.press("Render", "update") == []
    assert seen == [("mask", False), ("render", True)]
    assert desk.matte_written() == pytest.approx(0.25)
    assert desk.methods == ["set", "mask", "render", "status"]


def test_a_roto_is_taken_at_once(desk):
    desk.node("Render").setInput(1, desk.constant(0, 0, 0, 0.75))
    assert desk.press("Render", "update") == []
    assert desk.methods == ["set", "render", "status"]
    assert desk.matte_written() == 0.75


def test_masks_own_update_hands_its_matte_over(desk):
    desk.node("Mask").setInput(1, desk.constant(0, 0, 0, 0.5))
    desk.node("Mask")["mode"].setValue("multiply")
    desk.does["run"] = lambda params: desk.write_masks(0.5)
    assert desk.press("Mask", "update") == []
    assert desk.matte_written() == 0.25
    # Without the input the computed one is back.
    desk.node("Mask").setInput(1, None)
    desk.press("Mask", "update")
    assert not list((desk.shot / "overrides").glob("mask.*"))


def test_masks_own_update_leaves_the_matte_of_the_render_alone(desk):
    desk.does["run"] = lambda params: desk.write_masks(1.0)
    desk.node("Mask").setInput(1, desk.constant(0, 0, 0, 0.5))
    grade = desk.api.nodes.Grade(inputs=[desk.node("Mask")])
    grade["channels"].setValue("alpha")
    grade["multiply"].setValue(0.5)
    desk.node("Render").setInput(1, grade)
    desk.press("Render", "update")
    assert desk.matte_written() == 0.25
    desk.press("Mask", "update")
    assert desk.matte_written() == 0.25


# ------------------------------------------------------------- what was rendered from what


def hand_over(desk: Desk) -> bool:
    parts = desk.nuke.plugin("nodes").parts(desk.node("Render"))
    return bool(desk.nuke.plugin("overrides").hand_over_matte(parts, str(desk.shot)))


def test_an_older_save_of_the_comp_takes_no_frames_of_a_newer_one(desk):
    mine = desk.constant(0, 0, 0, 0.5)
    mine.setName("Mine")
    desk.node("Mask").setInput(1, mine)
    assert hand_over(desk) and not hand_over(desk)
    desk.save()
    mine["color"].setValue([0, 0, 0, 0.75])
    assert hand_over(desk)
    assert desk.matte_written() == 0.75
    desk.nuke.host.open(desk.comp)
    assert hand_over(desk)
    assert desk.matte_written() == 0.5


def test_frames_that_somebody_replaced_are_rendered_again(desk):
    desk.node("Mask").setInput(1, desk.constant(0, 0, 0, 0.5))
    hand_over(desk)
    file = desk.shot / "overrides" / f"mask.{FIRST}.exr"
    write_exr(file, {"A": np.ones((HEIGHT, WIDTH), np.float32)}, display=(WIDTH, HEIGHT))
    assert hand_over(desk)
    assert desk.matte_written() == 0.5
    shutil.rmtree(desk.shot / "overrides")
    assert hand_over(desk)


def test_a_render_that_broke_off_is_not_taken_for_whole(desk, monkeypatch):
    desk.node("Mask").setInput(1, desk.constant(0, 0, 0, 0.5))
    hand_over(desk)
    desk.node("Mask").input(1)["color"].setValue([0, 0, 0, 0.75])
    execute = desk.api.execute

    def broken(node: Any, first: int, last: int, step: int) -> None:
        execute(node, first, first, 1)
        raise RuntimeError("the licence went away")

    monkeypatch.setattr(desk.api, "execute", broken)
    with pytest.raises(desk.nuke.plugin("pixels").PixelError, match="licence"):
        hand_over(desk)
    monkeypatch.undo()
    # The artist gives up and goes back: one of the frames is of the other matte.
    desk.node("Mask").input(1)["color"].setValue([0, 0, 0, 0.5])
    assert hand_over(desk)
    assert desk.matte_written() == 0.5


def test_what_is_inside_a_group_counts(desk):
    grades: list[Any] = []

    def grade_in(source: Any) -> Any:
        grades.append(desk.api.nodes.Grade(inputs=[source]))
        return grades[0]

    group = desk.group(desk.plate, lambda source: desk.group(source, grade_in))
    grade = grades[0]
    tree_hash = desk.nuke.plugin("pixels").tree_hash
    before = tree_hash(group)
    assert tree_hash(group) == before
    grade.setXYpos(300, 300)
    assert tree_hash(group) == before
    grade["multiply"].setValue(2)
    assert tree_hash(group) != before


def test_which_input_a_node_is_connected_to_counts(desk):
    merge = desk.api.nodes.Merge2(operation="minus")
    merge.setInput(0, desk.plate)
    tree_hash = desk.nuke.plugin("pixels").tree_hash
    before = tree_hash(merge)
    merge.setInput(0, None)
    merge.setInput(1, desk.plate)
    assert tree_hash(merge) != before


def test_a_clone_counts_with_what_feeds_it(desk):
    """Nuke calls a clone by the name of its original."""
    blur = desk.api.nodes.Blur(inputs=[desk.plate])
    blur.setName("Blur1")
    other = desk.constant(0.5, 0.5, 0.5, 1)
    clone = desk.api.nodes.Blur(inputs=[other])
    clone._knobs = blur._knobs
    merge = desk.api.nodes.Merge2(inputs=[blur, clone])
    tree_hash = desk.nuke.plugin("pixels").tree_hash
    before = tree_hash(merge)
    other["color"].setValue([0.6, 0.5, 0.5, 1])
    assert tree_hash(merge) != before


def test_a_node_that_an_expression_refers_to_counts(desk):
    control = desk.api.nodes.NoOp()
    control.setName("Control")
    knob = desk.api.Double_Knob("gain")
    control.addKnob(knob)
    second = desk.api.nodes.NoOp()
    second.setName("Second")
    second.addKnob(desk.api.Double_Knob("base"))
    knob.setExpression("Second.base * 2")
    # ... and back again, at another knob: a circle of nodes is none of values
    second.addKnob(desk.api.Double_Knob("back"))
    second["back"].setExpression("Control.gain")
    grade = desk.api.nodes.Grade(inputs=[desk.plate])
    grade["multiply"].setExpression("Control.gain")
    tree_hash = desk.nuke.plugin("pixels").tree_hash
    before = tree_hash(grade)
    second["base"].setValue(3)
    assert tree_hash(grade) != before


def test_dialogue_edits_are_no_change_of_a_matte_below_the_five(desk):
    desk.write_masks(0.5)
    desk.nuke.plugin("state").refresh_all()
    grade = desk.api.nodes.Grade(inputs=[desk.node("Mask")])
    tree_hash = desk.nuke.plugin("pixels").tree_hash
    before = tree_hash(grade)
    desk.node("Speech")["jawOpen"].setValueAt(0.5, 1002)
    desk.node("Mask")["feather"].setValue(0.1)
    desk.node("Mask")["state"].setValue("stale")
    assert tree_hash(grade) == before
    desk.write_masks(0.625)
    assert tree_hash(grade) != before


# ----------------------------------------------------------------------------- expressions


def test_a_correction_moved_by_an_expression_is_sampled_at_every_frame(desk):
    track = desk.node("Track")
    track["fix_all"].setExpression("frame - 1001", 0)
    made = desk.nuke.plugin("overrides").corrections(track)["fix_all"]
    assert made == {1001: (0.0, 0.0), 1002: (1.0, 0.0), 1003: (2.0, 0.0)}
    assert desk.press("Track", "write_track") == [
        "RelipTrack1: the corrections are written; press Update"
    ]
    written = json.loads((desk.shot / "overrides" / "track.json").read_text())["offsets"]
    assert written["1003"]["all"] == [2.0, 0.0]


def test_keys_between_frames_are_sampled_to_the_frame_after(desk):
    knob = desk.node("Track")["fix_chin"]
    knob.fromScript("{curve L x1001.5 0 x1002.5 4} 0")
    made = desk.nuke.plugin("overrides").corrections(desk.node("Track"))["fix_chin"]
    assert made[1003][0] == 4.0 and made[1001][0] == 0.0


# ------------------------------------------------------------------- others' overrides


@pytest.fixture
def spoken(desk: Desk) -> Desk:
    """The desk with computed curves of three frames, loaded into the panel."""
    (desk.shot / "speech").mkdir()
    names = ",".join(desk.nuke.plugin("curves").CONTROLS)
    rows = "".join(f"{frame},{','.join(['0.2500'] * 10)}\n" for frame in range(FIRST, LAST + 1))
    (desk.shot / "speech" / "mouth.csv").write_text(f"frame,{names}\n{rows}")
    return desk


def sheet(desk: Desk) -> Any:
    from relip.speech import read_mouth_csv

    return read_mouth_csv(desk.shot / "overrides" / "mouth.csv")


def test_wishes_for_teeth_outlive_edits_of_the_curves(spoken: Desk):
    """The panel does not show these columns of a sheet; it must not lose them either."""
    (spoken.shot / "overrides").mkdir()
    path = spoken.shot / "overrides" / "mouth.csv"
    path.write_text("frame,teeth,tongue\n1001,1,0.5\n1002,0.25,0.75\n")
    assert spoken.press("Speech", "refresh") == []
    spoken.node("Speech")["jawOpen"].setValueAt(0.75, 1003)
    spoken.press("Speech", "write_curves")
    frames, columns = sheet(spoken)
    assert frames == [1001, 1002, 1003]
    assert columns["jawOpen"].tolist() == [0.25, 0.25, 0.75]
    assert columns["teeth"].tolist() == [1, 0.25, 0.5]
    assert columns["tongue"].tolist() == [0.5, 0.75, 0.5]
    # and the way back
    spoken.press("Speech", "revert_curves")
    frames, columns = sheet(spoken)
    assert frames == [1001, 1002] and set(columns) == {"teeth", "tongue"}
    spoken.node("Speech")["jawOpen"].setValueAt(0.75, 1003)
    spoken.press("Speech", "write_curves")
    spoken.node("Speech")["jawOpen"].setValueAt(0.25, 1003)
    spoken.press("Speech", "write_curves")
    assert set(sheet(spoken)[1]) == {"teeth", "tongue"}


def test_a_longer_plate_is_no_edit_of_the_curves(spoken: Desk):
    assert spoken.press("Speech", "refresh") == []
    speech, longer = spoken.node("Speech"), range(FIRST, LAST + 3)
    speech["frames"].setValue(f"{FIRST}-{LAST + 2}")
    spoken.plate["last"].setValue(LAST + 2)

    def run(params: dict[str, Any]) -> None:
        names = ",".join(spoken.nuke.plugin("curves").CONTROLS)
        rows = "".join(f"{frame},{','.join(['0.5000'] * 10)}\n" for frame in longer)
        (spoken.shot / "speech" / "mouth.csv").write_text(f"frame,{names}\n{rows}")

    spoken.does["run"] = run
    assert spoken.press("Speech", "update") == []
    assert [speech["jawOpen"].getValueAt(frame) for frame in longer] == [0.5] * 5
    assert not (spoken.shot / "overrides").exists()
    # comps that were saved before keep a fingerprint alone
    speech["curves_loaded"].setValue(speech["curves_loaded"].value().split()[0])
    overrides = spoken.nuke.plugin("overrides")
    assert not overrides.curves_edited(speech)
    speech["jawOpen"].setValueAt(0.75, LAST)
    assert overrides.curves_edited(speech)


def test_corrections_of_somebody_else_are_not_lost(desk: Desk):
    """Of ``relip import``, say: the panel's corrections do not hold them."""
    path = desk.shot / "overrides" / "track.json"
    path.parent.mkdir()
    path.write_text('{"offsets": {"1001": {"61": [3, 4]}}}')
    assert desk.press("Track", "update") == []  # nothing was corrected here
    desk.node("Track")["fix_chin"].setValue([1, 2])
    (message,) = desk.press("Track", "update")
    assert "holds corrections that RelipTrack1 did not write" in message and desk.asked == []
    assert json.loads(path.read_text())["offsets"] == {"1001": {"61": [3, 4]}}
    desk.press("Track", "revert_track")
    assert not path.exists()
    # its own it may change, also from an older save of the comp
    desk.node("Track")["fix_chin"].setValue([1, 2])
    desk.press("Track", "write_track")
    desk.node("Track")["fixes_written"].setValue("")
    desk.node("Track")["fix_chin"].setValue([2, 2])
    desk.press("Track", "write_track")
    assert json.loads(path.read_text())["offsets"]["1001"]["152"] == [2, -2]
    # and those that were written before this was noted
    (desk.shot / "nuke" / "overrides.json").unlink()
    desk.node("Track")["fix_chin"].setValue([3, 2])
    desk.press("Track", "write_track")
    assert json.loads(path.read_text())["offsets"]["1001"]["152"] == [3, -2]


# ------------------------------------------------------------------------------- the farm


def test_submit_takes_along_what_the_panels_say_and_what_is_connected(desk):
    desk.node("Mask")["grow"].setValue(0.02)
    desk.node("Mask").setInput(1, desk.constant(0, 0, 0, 0.5))
    desk.node("Speech")["frames"].setValue(f"{FIRST}-{LAST}")
    desk.write_below(desk.node("Blend"))
    desk.save()
    seen = []
    desk.does["farm.bundle"] = lambda params: seen.append(
        (desk.matte_written(), (desk.shot / "nuke" / f"plate.{FIRST}.exr").exists())
    )
    desk.node("Blend").selectOnly()
    desk.nuke.plugin("actions").submit_selected()
    assert desk.methods == ["set", "farm.bundle"]
    assert desk.asked[0][1]["settings"]["mask"]["grow"] == 0.02
    assert desk.asked[0][1]["settings"]["plate"]["frames"] == f"{FIRST}-{LAST}"
    assert seen == [(0.5, True)]
    assert desk.asked[1][1]["comp"] == str(desk.comp)
    assert "the job bundle is in" in desk.nuke.messages[0]


@pytest.mark.parametrize("save", [True, False])
def test_submit_asks_about_a_comp_that_is_not_saved(desk, save: bool):
    desk.write_below(desk.node("Blend"))
    desk.save()
    desk.node("Blend")["mix"].setValue(0.375)
    desk.nuke.host.answers.append(save)
    desk.node("Blend").selectOnly()
    desk.nuke.plugin("actions").submit_selected()
    assert ("mix 0.375" in desk.comp.read_text()) is save
    assert desk.methods == (["set", "farm.bundle"] if save else [])
    if not save:
        assert "save it and submit again" in desk.nuke.messages[0]


def test_the_matte_of_a_render_with_its_caches_is_not_needed(desk):
    write = desk.write_below(desk.node("Blend"))
    farm = desk.nuke.plugin("farm")
    assert [node.name() for node in farm.needed(write)] == ["RelipRender1"]
    desk.write_patches()
    desk.api.execute(write, FIRST, FIRST, 1)  # there are no mattes
    # the artist's own patch, of this or of another shot, is
    other = desk.api.nodes.RelipRender_v1_0()
    desk.node("Render")["use_mine"].setValue(True)
    desk.node("Render").setInput(2, other)
    assert [node.name() for node in farm.needed(write)] == [other.name()]


def test_a_switch_to_the_plate_needs_no_cache(desk):
    switch = desk.api.nodes.Switch(inputs=[desk.plate, desk.node("Blend")])
    write = desk.write_below(switch)
    desk.api.execute(write, FIRST, FIRST, 1)
    switch["which"].setValue(1)
    with pytest.raises(RuntimeError, match="RelipRender1"):
        desk.api.execute(write, FIRST, FIRST, 1)


def test_a_write_in_a_group_is_checked_too(desk):
    writes: list[Any] = []

    def write_in(source: Any) -> Any:
        writes.append(desk.write_below(source))
        return writes[0]

    desk.group(desk.node("Blend"), write_in)
    write = writes[0]
    desk.save()
    with pytest.raises(RuntimeError, match=r"RelipRender1: the cache render/patch.####.exr"):
        desk.api.execute(write, FIRST, FIRST, 1)
    farm = desk.nuke.plugin("farm")
    assert farm.write_below(desk.node("Blend")) == write
    desk.write_patches()
    desk.api.execute(write, FIRST, FIRST, 1)


def test_commands_can_be_pasted_into_a_shell(desk):
    spaced = desk.shot.parent / "my shot.relip"
    shutil.copytree(desk.shot, spaced)
    desk.node("Speech")["shot"].setValue(str(spaced))
    write = desk.write_below(desk.node("Blend"))
    with pytest.raises(RuntimeError) as caught:
        desk.api.execute(write, FIRST, FIRST, 1)
    assert f"relip run '{spaced}' --until render" in str(caught.value)


# ------------------------------------------------------------------------------- the state


def told(desk: Desk, **states: str) -> None:
    """The engine has said where the stages stand."""
    stages = [{"stage": name, "state": state, "note": ""} for name, state in states.items()]
    desk.nuke.plugin("state").note_status(
        str(desk.shot), {"stages": stages, "frames": [FIRST, LAST]}
    )


def standing(desk: Desk, stage: str) -> str:
    return str(desk.nuke.plugin("state").standing(str(desk.shot), stage).state)


@pytest.fixture
def made(desk: Desk) -> Desk:
    """The desk with speech, mattes and patches made."""
    desk.nuke.plugin("pixels").hand_over(desk.node("Speech"), str(desk.shot))
    (desk.shot / "speech").mkdir()
    (desk.shot / "speech" / "mouth.csv").write_text("frame,jawOpen\n1001,0\n")
    (desk.shot / "speech" / "record.json").write_text('{"key": "1"}')
    desk.write_masks(0.5)
    desk.write_patches()
    told(desk, speech="up to date", mask="up to date", render="up to date")
    for stage in ("speech", "mask", "render"):
        assert standing(desk, stage) == "ready"
    return desk


def test_another_device_makes_nothing_stale(made):
    made.make_shot(train={"device": "cpu"}, render={"device": "cpu"})
    assert standing(made, "render") == "ready"


def test_the_same_files_under_another_path_make_nothing_stale(made, tmp_path, monkeypatch):
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for path in (made.sound, made.words):
        shutil.copy(path, moved)
    shutil.copytree(made.shot / "nuke", moved / "plates")
    made.make_shot(
        plate={"path": str(moved / "plates" / "plate.####.exr")},
        dialogue={"audio": "P:\\show\\new.wav", "text": "P:\\show\\new.txt"},
    )
    monkeypatch.setenv("RELIP_PATH_MAP", f"P:\\show={moved}")
    assert standing(made, "speech") == standing(made, "render") == "ready"
    # a machine that sees neither the plate nor the recording has the caches, and they are good
    monkeypatch.delenv("RELIP_PATH_MAP")
    shutil.rmtree(moved)
    assert standing(made, "speech") == standing(made, "render") == "ready"


def test_other_content_under_the_same_path_does(made):
    made.words.write_text("Six.\n")
    assert standing(made, "speech") == standing(made, "render") == "stale"
    assert standing(made, "mask") == "ready"
    told(made, speech="up to date", render="up to date")
    frame = made.shot / "nuke" / f"plate.{FIRST}.exr"
    frame.write_bytes(frame.read_bytes() + b"\0")
    assert standing(made, "speech") == "ready"
    assert standing(made, "mask") == standing(made, "render") == "stale"


def test_what_the_engine_calls_stale_is_stale(desk):
    desk.write_patches()
    told(desk, render="stale")
    assert standing(desk, "render") == "stale"


def test_what_another_release_noted_stops_no_render(made):
    ledger = made.shot / "nuke" / "ledger.json"
    noted = json.loads(ledger.read_text())
    for entry in (noted[stage] for stage in ("speech", "mask", "render")):
        entry["version"] = 0
        entry["from"] = "a fingerprint of another kind"
    ledger.write_text(json.dumps(noted))
    assert standing(made, "render") == "ready"


def test_path_maps_are_the_engines(desk, tmp_path, monkeypatch):
    from relip import pathmap as engines

    mine = desk.nuke.plugin("pathmap")
    rules = tmp_path / "rules.json"
    entry = {"source_path_format": "WINDOWS", "source_path": "Q:\\", "destination_path": "/mnt/q"}
    rules.write_text(json.dumps({"version": "pathmapping-1.0", "path_mapping_rules": [entry]}))
    monkeypatch.setenv("RELIP_PATH_MAP", f"P:\\Show=/mnt/show; P:/show/b=/mnt/b;/old=/new;{rules}")
    for path in (
        "P:\\show\\a\\b.wav", "p:/SHOW/a.wav", "P:/show/b/c.wav", "/old/x.wav", "/older/x.wav",
        "Q:\\x\\y.wav", "rel/x.wav", "/mnt/x",
    ):  # fmt: skip
        assert mine.mapped(path) == engines.mapped(path), path


def test_a_panel_that_differs_is_not_ready(made):
    made.nuke.plugin("state").refresh_all()
    assert made.state("Render") == made.state("Mask") == "ready"
    made.node("Mask").showControlPanel()
    made.node("Mask")["grow"].setValue(0.02)
    assert made.state("Mask") == "stale: panel differs (grow); press Update"
    made.node("Render")["seed"].setValue(3)
    made.node("Render")["device"].setValue("cpu")
    made.nuke.plugin("state").refresh_all()
    assert made.state("Render") == "stale: panel differs (grow, seed); press Update"
    made.node("Speech")["offset"].setValue(5)
    made.nuke.plugin("state").refresh_all()
    assert made.state("Speech") == "stale: panel differs (offset); press Update"
    # the caches are as good as they were: a farm may render them
    made.api.execute(made.write_below(made.node("Blend")), FIRST, FIRST, 1)


def test_a_refusal_is_a_message_and_no_state(made):
    made.nuke.plugin("state").refresh_all()
    made.node("Render")["use_mine"].setValue(True)
    messages = made.press("Render", "update")
    assert len(messages) == 1 and "nothing is connected to the input patch" in messages[0]
    made.node("Render")["use_mine"].setValue(False)
    made.nuke.plugin("state").refresh_all()
    assert made.state("Render") == "ready"
    made.node("Speech")["phones"].setValue("1001 1010 XX\n")
    assert len(made.press("Speech", "write_phones")) == 1
    assert made.state("Speech") == "ready"
    made.api.execute(made.write_below(made.node("Blend")), FIRST, FIRST, 1)


@pytest.mark.parametrize(
    ("button", "family"), [("doctor", "Render"), ("make_tracker", "Track"), ("refresh", "Render")]
)
def test_a_question_that_fails_is_no_failure_of_a_stage(made, button: str, family: str):
    error = made.nuke.plugin("engine").EngineError("no", "try again", 1)
    made.nuke.plugin("state").refresh_all()
    before = made.state(family)
    made.does = dict.fromkeys(("doctor", "export", "status"), lambda params: error)
    assert made.press(family, button) == [f"Relip{family}1: no; try again"]
    assert made.state(family) == before


def test_a_stage_that_fails_says_so_and_leaves_the_caches_usable(made):
    error = made.nuke.plugin("engine").EngineError("the GPU is full", "use the CPU", 5)
    made.does["run"] = lambda params: error
    assert made.press("Render", "update") == ["RelipRender1: the GPU is full; use the CPU"]
    assert made.state("Render") == "failed: the GPU is full; use the CPU"
    made.api.execute(made.write_below(made.node("Blend")), FIRST, FIRST, 1)


def test_a_panel_that_opens_looks_at_its_own_node_only(made, monkeypatch):
    state = made.nuke.plugin("state")
    state.refresh_all()
    looked, describe = [], state.describe
    monkeypatch.setattr(state, "describe", lambda node: (looked.append(node), describe(node))[1])
    made.node("Render").showControlPanel()
    assert looked == [made.node("Render")]


def test_a_panel_that_opens_reads_nothing_twice(made, monkeypatch):
    state, paths = made.nuke.plugin("state"), made.nuke.plugin("paths")
    state.refresh_all()
    read: list[str] = []
    text, content = paths._read_text, paths._fingerprint
    monkeypatch.setattr(paths, "_read_text", lambda path: (read.append(path), text(path))[1])
    monkeypatch.setattr(paths, "_fingerprint", lambda path: (read.append(path), content(path))[1])
    made.node("Render").showControlPanel()
    assert read == []
    made.words.write_text("Something else.\n")
    made.node("Render").hideControlPanel()
    made.node("Render").showControlPanel()
    assert read == [str(made.words)]
    assert made.state("Render").startswith("stale")


def test_a_failed_training_shows_on_the_render_and_a_failed_mask_on_both(made):
    error = made.nuke.plugin("engine").EngineError("no", "", 5)
    made.does["run"] = lambda params: error
    made.press("Render", "train")
    assert made.state("Render") == "failed: no" and made.state("Mask") == "ready"
    made.does["status"] = lambda params: {
        "stages": [{"stage": "render", "state": "up to date", "note": ""}]
    }
    made.press("Render", "refresh")
    assert made.state("Render") == "ready"
    made.node("Mask").setInput(1, made.constant(0, 0, 0, 1))
    made.node("Mask")["mode"].setValue("union")
    made.press("Render", "update")
    assert made.state("Render") == made.state("Mask") == "failed: no"


def test_a_slider_looks_at_no_results(made, monkeypatch):
    state = made.nuke.plugin("state")
    state.refresh_all()
    made.node("Mask").showControlPanel()
    monkeypatch.setattr(state, "standing", lambda *args: pytest.fail("looked at the results"))
    made.node("Mask")["feather"].setValue(0.1)
    assert made.state("Mask") == "stale: panel differs (feather); press Update"
    made.node("Mask")["feather"].setValue(0.045)
    assert made.state("Mask") == "ready"


@pytest.mark.parametrize(
    "text",
    ["C:\\shots\\new [draft] costs $5", "[exec rm]", "line one\nline two", '{a} "b" $root', "a\\"],
)
def test_a_failure_shows_as_it_is_whatever_tcl_makes_of_it(made, text: str):
    from nuke_host.knobs import evaluate_text

    error = made.nuke.plugin("engine").EngineError(text, "", 5)
    made.does["run"] = lambda params: error
    made.press("Render", "update")
    shown = made.state("Render")
    twins = {"\uff3b": "[", "\uff3d": "]", "\uff04": "$", "\uff3c": "\\"}
    plain = "".join(twins.get(c, c) for c in shown)
    assert plain == "failed: " + " ".join(text.split())
    render = made.node("Render")
    # the panel may evaluate it, and the label does; both show what was said
    assert evaluate_text(shown, render, FIRST) == shown
    assert made.nuke.host.autolabel(render).endswith(shown)
    made.save()
    made.nuke.host.open(made.comp)
    assert not set("[]$\\\n") & set(made.state("Render"))


def test_refreshes_leave_nothing_to_undo(made):
    host = made.nuke.host
    host.undo.clear()
    made.write_masks(0.75)
    made.nuke.plugin("state").refresh_all()
    made.press("Render", "refresh")
    assert host.undo and host.undo[0] == "disable" and host.undo[-1] == "enable"
    assert set(host.undo) == {"disable", "enable"}
    # an undo that was off stays off
    host.undo.append("disable")
    made.nuke.plugin("state").refresh_all()
    assert host.undo[-1] == "disable"


def test_relative_shots_are_found_by_the_reads_too(desk):
    """Nuke knows nothing of the comp's folder unless it is told."""
    speech = desk.node("Speech")
    speech["shot"].setValue("relip/plate.relip")
    desk.write_patches()
    state = desk.nuke.plugin("state")
    state.refresh_all()
    cache = desk.node("Render")["cache"]
    assert os.path.dirname(cache.evaluate()) == str(desk.shot / "render")
    assert desk.nuke.plugin("nodes").shot_of(desk.node("Render")) == str(desk.shot)
    assert desk.node("Render")["shot_folder"].value().startswith("[file dirname")
    assert desk.nuke.channel("RelipRender1", FIRST, "rgba.alpha").max() == 0.5
    # with a project directory Nuke's own rule does
    desk.api.root()["project_directory"].setValue(str(desk.comp.parent / "relip"))
    speech["shot"].setValue("plate.relip")
    state.refresh_all()
    assert desk.node("Render")["shot_folder"].value() == "plate.relip"
    assert desk.nuke.plugin("nodes").shot_of(desk.node("Render")) == str(desk.shot)
    assert desk.nuke.channel("RelipRender1", FIRST, "rgba.alpha").max() == 0.5


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("P:\\shots\\new.relip", "P:/shots/new.relip"),
        ("\\\\srv\\shots\\new.relip", "//srv/shots/new.relip"),
        ("~/new.relip", os.path.expanduser("~/new.relip")),
        ("/shots/new.relip", "/shots/new.relip"),
        ("[value root.project_directory]/new.relip", "[value root.project_directory]/new.relip"),
    ],
)
def test_the_shot_folder_is_one_that_nuke_reads(desk, typed: str, read: str):
    desk.api.root()["project_directory"].setValue("/show")
    desk.node("Speech")["shot"].setValue(typed)
    assert desk.nuke.plugin("nodes").folder_script(desk.node("Speech")) == read


def test_proxy_mode_is_off_while_pixels_are_handed_over(desk):
    proxy = desk.api.root()["proxy"]
    proxy.setValue(True)
    plate = desk.nuke.plugin("pixels").hand_over(desk.node("Speech"), str(desk.shot))
    assert plate.how == "rendered to float EXR" and proxy.value()
    assert read_exr(desk.shot / "nuke" / f"plate.{FIRST}.exr")[2] == (WIDTH, HEIGHT)
    track = desk.node("Track")
    track["face"].setValue("at the point")
    track["face_point"].setValue([4, 5])
    track["face_frame"].setValue(FIRST)
    assert desk.nuke.plugin("settings").followed_face(track) == f"4,{HEIGHT - 5}@{FIRST}"
    # and it comes back when the render fails
    desk.plate["first"].setValue(FIRST + 1)
    desk.node("Speech").setInput(0, None)
    with pytest.raises(desk.nuke.plugin("pixels").PixelError):
        desk.nuke.plugin("pixels").hand_over(desk.node("Speech"), str(desk.shot))
    assert proxy.value()


def test_pasted_paths_hold_no_backslash(desk, monkeypatch):
    pasted = []
    monkeypatch.setattr(desk.api, "nodePaste", pasted.append)
    with pytest.raises(RuntimeError):
        desk.nuke.plugin("handoff").paste(desk.node("Track"), "C:\\shots\\new\\tracker.nk")
    assert pasted == ["C:/shots/new/tracker.nk"]
