"""The artist's word: each override changes the result as it should, and only there."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from exr_layers import whole_layers

from relip.plate import read_exr
from relip.shot import Shot
from relip.speech import stage as speech_stage


def hashes(shot: Path, stage: str = "render") -> dict[int, str]:
    """Frames of a stage's pictures and the fingerprint of their pixels."""
    found = {}
    for path in sorted((shot / stage).glob("*.exr")):
        channels, origin, _, _ = read_exr(path)
        digest = hashlib.sha256(repr(origin).encode())
        for name in sorted(channels):
            digest.update(channels[name].tobytes())
        found[int(path.name.split(".")[1])] = digest.hexdigest()
    return found


def changed(before: dict[int, str], after: dict[int, str]) -> list[int]:
    assert before.keys() == after.keys()
    return [frame for frame in before if before[frame] != after[frame]]


def controls(shot: Path) -> np.ndarray:
    return speech_stage.load(Shot.open(shot)).curves


def stages(shot: Path) -> dict[str, str]:
    from relip import pipeline

    return {s.stage: s.state for s in pipeline.status(Shot.open(shot))}


def test_the_panel_holds_the_computed_curves(nuke, comp):
    speech = nuke.node("RelipSpeech1")
    computed = controls(comp.shot)
    for row, frame in enumerate(range(comp.first, comp.last + 1)):
        got = [speech[name].getValueAt(frame) for name in nuke.plugin("curves").CONTROLS]
        assert got == pytest.approx(computed[row], abs=1e-4)
    assert speech["jawOpen"].isAnimated()
    assert not nuke.plugin("overrides").curves_edited(speech)
    assert not nuke.plugin("overrides").phones_edited(speech)


def test_edited_curves_change_their_frames_only(nuke, comp):
    before, computed = hashes(comp.shot), controls(comp.shot)
    jaw = nuke.node("RelipSpeech1")["jawOpen"]
    for frame in (1006, 1007):
        jaw.setValueAt(0.05, frame)
    nuke.host.press("RelipSpeech1", "write_curves")
    assert nuke.messages == ["RelipSpeech1: frames 1006-1007 are now yours; press Update"]
    nuke.host.said.clear()
    assert (comp.shot / "overrides" / "mouth.csv").read_text() == (
        "frame,jawOpen\n1006,0.0500\n1007,0.0500\n"
    )
    assert nuke.state("RelipRender1").startswith("stale")
    assert nuke.state("RelipBlend1").startswith("stale")
    assert nuke.state("RelipTrack1") == nuke.state("RelipMask1") == "ready"
    assert stages(comp.shot)["mask"] == stages(comp.shot)["train"] == "up to date"
    nuke.press("RelipBlend1", "update")
    assert nuke.state("RelipBlend1") == "ready"
    after = hashes(comp.shot)
    # with the frames beside them, whose colour match hears of it
    assert {1006, 1007} <= set(changed(before, after)) <= set(range(1001, 1020))
    now = controls(comp.shot)
    assert np.flatnonzero((now != computed).any(1)).tolist() == [5, 6]
    # the old result comes back with the old frames
    nuke.host.press("RelipSpeech1", "revert_curves")
    assert not (comp.shot / "overrides" / "mouth.csv").exists()
    assert jaw.getValueAt(1006) == pytest.approx(computed[5, 0], abs=1e-4)
    nuke.press("RelipBlend1", "update")
    assert hashes(comp.shot) == before


def test_update_writes_unwritten_edits_unless_told_not_to(nuke, comp):
    speech = nuke.node("RelipSpeech1")
    speech["auto_write"].setValue(False)
    speech["mouthPucker"].setValueAt(1.0, 1020)
    nuke.press("RelipSpeech1", "update")
    assert not (comp.shot / "overrides" / "mouth.csv").exists()
    assert speech["mouthPucker"].getValueAt(1020) == 1.0  # and the edit is not lost
    speech["auto_write"].setValue(True)
    nuke.press("RelipSpeech1", "update")
    assert (comp.shot / "overrides" / "mouth.csv").exists()
    assert controls(comp.shot)[19, 3] == 1.0


def test_edited_phones_make_new_curves(nuke, comp):
    speech = nuke.node("RelipSpeech1")
    before = controls(comp.shot)
    lines = str(speech["phones"].value()).splitlines()
    assert any(line.endswith(" five") for line in lines)
    silent = []
    for line in lines:
        words = line.split()
        keep = words[2] == "sil" or float(words[0]) < comp.first + 10
        silent.append(line if keep else f"{words[0]} {words[1]} sil")
    speech["phones"].setValue("\n".join(silent))
    nuke.host.press("RelipSpeech1", "write_phones")
    nuke.host.said.clear()
    assert nuke.state("RelipSpeech1").startswith("stale")
    nuke.press("RelipSpeech1", "update")
    after = controls(comp.shot)
    assert np.allclose(after[:6], before[:6], atol=0.02)
    assert before[20:28, 0].max() > 0.1 and after[20:28, 0].max() < 0.05  # the jaw stays shut
    assert speech["jawOpen"].getValueAt(1024) < 0.05  # and so does the panel's
    nuke.host.press("RelipSpeech1", "revert_phones")
    assert str(speech["phones"].value()).splitlines() == lines
    nuke.press("RelipSpeech1", "update")
    assert np.array_equal(controls(comp.shot), before)


def test_a_wrong_phone_is_refused_and_nothing_written(nuke, comp):
    speech = nuke.node("RelipSpeech1")
    speech["phones"].setValue("1001 1010 XX\n")
    nuke.press("RelipSpeech1", "write_phones", fine=False)
    assert (
        len(nuke.messages) == 1 and "line 1" in nuke.messages[0] and "ARPAbet" in nuke.messages[0]
    )
    assert nuke.state("RelipSpeech1") == "ready"  # a refusal is no failure
    assert not (comp.shot / "overrides").exists()


def test_corrections_move_the_track_and_what_depends_on_it(nuke, comp):
    from relip.track.facetrack import FaceTrack

    before = FaceTrack.load(comp.shot / "track" / "track.npz")
    old = hashes(comp.shot, "mask")
    knob = nuke.node("RelipTrack1")["fix_lip_left"]
    knob.setAnimated(0)
    knob.setAnimated(1)
    for frame, place in ((1010, (0, 0)), (1014, (4, -6)), (1018, (0, 0))):
        for i in (0, 1):
            knob.setValueAt(place[i], frame, i)
    nuke.press("RelipTrack1", "write_track", fine=False)
    offsets = json.loads((comp.shot / "overrides" / "track.json").read_text())["offsets"]
    assert offsets["1014"]["61"] == [4.0, 6.0]
    assert nuke.state("RelipTrack1").startswith("stale")
    assert nuke.state("RelipSpeech1") == "ready"
    nuke.press("RelipMask1", "update")
    after = FaceTrack.load(comp.shot / "track" / "track.npz")
    moved = after.landmarks[..., :2] - before.landmarks[..., :2]
    assert moved[13, 61] == pytest.approx([4, 6], abs=1e-3)
    frames = np.flatnonzero(np.abs(moved).max((1, 2)) > 1e-3)
    assert set(frames) <= set(range(9, 18)) and 13 in frames
    assert 1014 in changed(old, hashes(comp.shot, "mask"))
    assert 1030 not in changed(old, hashes(comp.shot, "mask"))
    nuke.host.press("RelipTrack1", "revert_track")
    assert not (comp.shot / "overrides" / "track.json").exists()
    assert knob.getValueAt(1014, 0) == 0


def constant(nuke, *colour: float):
    node = nuke.api.nodes.Constant()
    node["channels"].setValue("rgba")
    node["color"].setValue(list(colour))
    node["first"].setValue(1001)
    node["last"].setValue(1040)
    return node


def boxed(nuke, source, x: int, y: int, r: int, t: int):
    crop = nuke.api.nodes.Crop(inputs=[source])
    crop["box"].setValue([x, y, r, t])
    return crop


def test_my_matte_reaches_the_render_and_leaves_with_the_input(nuke, comp):
    before = hashes(comp.shot)
    size = nuke.rgb("Read1", 1013).shape[0]
    matte = boxed(nuke, constant(nuke, 0, 0, 0, 1), 60, 20, 180, 120)
    nuke.node("RelipMask1").setInput(1, matte)
    nuke.press("RelipRender1", "update")
    channels, origin, display, _ = read_exr(comp.shot / "overrides" / "mask.1013.exr")
    assert display == (size, size)
    patch, (x, y), _, _ = read_exr(comp.shot / "render" / "patch.1013.exr")
    whole = whole_layers(comp.shot / "render" / "patch.1013.exr")["A"]
    expected = np.zeros((size, size), np.float32)
    expected[size - 120 : size - 20, 60:180] = 1
    inside = np.zeros((size, size), bool)
    inside[y : y + patch["A"].shape[0], x : x + patch["A"].shape[1]] = True
    assert np.array_equal(whole[inside], expected[inside]) and whole.max() == 1
    assert len(changed(before, hashes(comp.shot))) == len(before)
    # a second Update renders nothing again
    overrides = nuke.plugin("overrides")
    parts = nuke.plugin("nodes").parts(nuke.node("RelipRender1"))
    assert not overrides.hand_over_matte(parts, str(comp.shot))
    # ... until something upstream of it is moved
    matte["box"].setValue([70, 20, 180, 120])
    assert overrides.hand_over_matte(parts, str(comp.shot))
    # without the input the computed matte is back
    nuke.node("RelipMask1").setInput(1, None)
    assert overrides.hand_over_matte(parts, str(comp.shot))
    assert not list((comp.shot / "overrides").glob("mask.*"))


def test_a_graded_mask_before_the_render_counts_and_a_hand_made_one_is_kept(nuke, comp):
    mask, render = nuke.node("RelipMask1"), nuke.node("RelipRender1")
    grade = nuke.api.nodes.Grade(inputs=[mask])
    grade["channels"].setValue("alpha")
    grade["multiply"].setValue(0.5)
    render.setInput(1, grade)
    overrides = nuke.plugin("overrides")
    parts = nuke.plugin("nodes").parts(render)
    assert overrides.hand_over_matte(parts, str(comp.shot))
    computed = read_exr(comp.shot / "mask" / "mask.1013.exr")[0]["matte"]
    written = read_exr(comp.shot / "overrides" / "mask.1013.exr")[0]["A"]
    assert written.max() == pytest.approx(0.5 * computed.max(), abs=1e-3)
    # somebody paints over one frame: it is theirs and stays
    hand = comp.shot / "overrides" / "mask.1020.exr"
    shutil.copy(comp.shot / "mask" / "mask.1020.exr", hand)
    render.setInput(1, mask)
    assert overrides.hand_over_matte(parts, str(comp.shot))
    assert [p.name for p in (comp.shot / "overrides").glob("mask.*")] == ["mask.1020.exr"]


def test_my_patch_is_shown_and_used(nuke, comp):
    before = hashes(comp.shot)
    patch = boxed(nuke, constant(nuke, 0.1, 0.2, 0.3, 1), 100, 40, 140, 80)
    render = nuke.node("RelipRender1")
    render.setInput(2, patch)
    untouched = nuke.rgb("RelipBlend1", 1013)
    render["use_mine"].setValue(True)
    plate = nuke.rgb("Read1", 1013)
    size = plate.shape[0]
    expected = plate.copy()
    expected[size - 80 : size - 40, 100:140] = [0.1, 0.2, 0.3]
    assert np.allclose(nuke.rgb("RelipBlend1", 1013), expected, atol=1e-6)
    nuke.press("RelipBlend1", "write_comp")
    theirs = np.stack([read_exr(comp.shot / "comp" / "comp.1013.exr")[0][c] for c in "RGB"], -1)
    assert np.allclose(theirs, expected, atol=2e-3)
    assert hashes(comp.shot) == before  # the computed patches are still there
    render["use_mine"].setValue(False)
    assert np.array_equal(nuke.rgb("RelipBlend1", 1013), untouched)
    nuke.press("RelipBlend1", "write_comp")
    assert not list((comp.shot / "overrides").glob("patch.*"))


def test_animated_weights_change_the_drive_within_the_shot(nuke, comp):
    before = hashes(comp.shot)
    render = nuke.node("RelipRender1")
    render["drive"].setValue("mix")
    render["mix_track"].fromScript("{curve L x1025 0 x1030 1}")
    render["mix_speech"].fromScript("{curve L x1025 1 x1030 0}")
    nuke.press("RelipRender1", "update")
    assert nuke.state("RelipRender1") == nuke.state("RelipBlend1") == "ready"
    assert stages(comp.shot)["train"] == stages(comp.shot)["render"] == "up to date"
    after = changed(before, hashes(comp.shot))
    # speech alone is as it was, but for the frames whose colour match hears of the others; where
    # a network of a few steps draws both mouths alike the plate stays
    assert 1040 in after and set(after) & set(range(1026, 1031))
    assert set(after) <= set(range(1014, 1041))
    # and back
    render["drive"].setValue("speech")
    assert not nuke.state("RelipRender1").startswith("failed")
    nuke.press("RelipRender1", "update")
    assert hashes(comp.shot) == before
    assert not (comp.shot / "overrides" / "drive.csv").exists()


def test_use_mine_without_a_picture_says_so(nuke):
    nuke.node("RelipRender1")["use_mine"].setValue(True)
    nuke.press("RelipRender1", "update", fine=False)
    assert "nothing is connected to the input patch" in nuke.messages[0]


def test_the_face_pointed_at_is_asked_for_from_the_top(nuke, comp):
    """Nuke counts y from the bottom of the plate, the engine from its top."""
    track, settings = nuke.node("RelipTrack1"), nuke.plugin("settings")
    parts = {"RelipTrack": track}
    assert settings.of(parts)["track"] == {"face": ""}
    height = nuke.plugin("nodes").plate_input(track).height()
    track["face"].setValue("at the point")
    track["face_point"].setValue([100.5, 30])
    track["face_frame"].setValue(1003)
    assert settings.of(parts)["track"] == {"face": f"100.5,{height - 30}@1003"}
    from relip.track.people import parse_choice

    assert parse_choice(settings.of(parts)["track"]["face"]) == (100.5, height - 30, 1003)
