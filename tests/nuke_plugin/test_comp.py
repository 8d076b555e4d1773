"""The five-node comp on a real shot: the picture is the engine's, and nothing else changes."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from exr_layers import whole_layers

from relip.plate import read_exr
from relip.shot import Shot

FRAMES = (1001, 1013, 1040)


def ulps(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Steps between half floats, 0 for equal ones."""
    ints = [np.asarray(x, np.float16).view(np.int16).astype(np.int32) for x in (a, b)]
    ordered = [np.where(i < 0, -32768 - i, i) for i in ints]
    return np.abs(ordered[0] - ordered[1])


def engine_comp(shot: Path, frame: int) -> np.ndarray:
    channels = read_exr(shot / "comp" / f"comp.{frame:04d}.exr")[0]
    return np.stack([channels[c] for c in "RGB"], -1)


def layer(shot: Path, stage: str, frame: int, name: str) -> np.ndarray:
    """A channel of a stage's file over the whole picture."""
    return whole_layers(shot / stage / f"{stage_file(stage)}.{frame:04d}.exr")[name]


def stage_file(stage: str) -> str:
    return {"render": "patch", "mask": "mask"}[stage]


def test_the_comp_is_the_engines_to_one_half_float_step(nuke, comp):
    Shot.open(comp.shot).run(until="blend")
    changed = 0
    for frame in FRAMES:
        mine, theirs = nuke.rgb("RelipBlend1", frame), engine_comp(comp.shot, frame)
        plate = nuke.rgb("Read1", frame)
        assert ulps(mine, theirs).max() <= 1
        changed += int((theirs != plate).any(-1).sum())
        # outside the patch not a bit differs
        alpha = nuke.channel("RelipRender1", frame, "rgba.alpha")
        assert np.array_equal(mine[alpha == 0], plate[alpha == 0])
    assert changed > 1000  # there is a mouth in it


def test_one_node_gives_what_five_give(nuke, comp):
    nuke.node("Read1").setSelected(True)
    one = nuke.plugin("comp").create("Relip")
    one.setInput(0, nuke.node("Read1"))
    one["shot"].setValue(str(comp.shot))
    nuke.plugin("state").refresh_all()
    for frame in FRAMES[:2]:
        assert np.array_equal(nuke.rgb(one.name(), frame), nuke.rgb("RelipBlend1", frame))


def test_the_plates_other_channels_stay(nuke):
    api = nuke.api
    blend, read = nuke.node("RelipBlend1"), nuke.node("Read1")
    extra = api.nodes.Constant()
    extra["channels"].setValue("rgba")
    extra["color"].setValue([0.2, 0.3, 0.4, 0.6])
    copy = api.nodes.Copy(inputs=[read, extra])
    for i, (source, target) in enumerate(
        (("rgba.alpha", "rgba.alpha"), ("rgba.red", "depth.Z"), ("rgba.green", "mask.a"))
    ):
        copy[f"from{i}"].setValue(source)
        copy[f"to{i}"].setValue(target)
    blend.setInput(0, copy)
    before, after = nuke.host.picture(copy, 1013), nuke.host.picture(blend, 1013)
    assert after.box == before.box and after.format == before.format
    assert set(after.channels) == set(before.channels)
    for name in set(before.channels) - {"rgba.red", "rgba.green", "rgba.blue"}:
        assert np.array_equal(after.channels[name], before.channels[name]), name
    assert not np.array_equal(after.channels["rgba.red"], before.channels["rgba.red"])


@pytest.mark.parametrize("missing", ["render", "everything"])
def test_without_a_cache_every_node_passes_the_plate(nukes, comp, missing: str):
    for stage in ("render",) if missing == "render" else ("render", "mask", "track", "speech"):
        shutil.rmtree(comp.shot / stage)
    nuke = nukes()
    nuke.host.open(comp.path)
    plate = nuke.rgb("Read1", 1013)
    for name in ("RelipSpeech1", "RelipTrack1", "RelipMask1", "RelipRender1", "RelipBlend1"):
        assert np.array_equal(nuke.rgb(name, 1013), plate), name
    assert nuke.state("RelipBlend1") == "missing: press Update"
    # even when the flags of the comp were saved before the cache went away
    nuke.node("RelipRender1")["cache_ready"].setValue(False)
    nuke.node("RelipBlend1")["cache_ready"].setValue(True)
    assert np.array_equal(nuke.rgb("RelipBlend1", 1013), plate)


def test_frames_outside_the_shot_and_without_a_patch_are_the_plate(nuke, comp):
    (comp.shot / "render" / "patch.1013.exr").unlink()
    read = nuke.node("Read1")
    for frame in (990, 1013, 1100):
        assert np.array_equal(nuke.rgb("RelipBlend1", frame), nuke.rgb(read.name(), frame))


def test_render_gives_the_patch_with_its_layers(nuke, comp):
    for mine, theirs in (
        ("rgba.alpha", "A"), ("rgba.red", "R"), ("raw.green", "raw.G"), ("stmap.red", "stmap.R")
    ):  # fmt: skip
        expected = layer(comp.shot, "render", 1013, theirs)
        assert np.array_equal(nuke.channel("RelipRender1", 1013, mine), expected), mine
        assert expected.any()


def test_mask_gives_matte_and_layers(nuke, comp):
    for mine, theirs in (
        ("rgba.alpha", "matte"), ("relip.matte", "matte"), ("relip.lips", "lips"),
        ("relip.mouth", "mouth"), ("relip.skin", "skin"),
    ):  # fmt: skip
        expected = layer(comp.shot, "mask", 1013, theirs)
        assert np.array_equal(nuke.channel("RelipMask1", 1013, mine), expected), mine
        assert expected.any()
    nuke.node("RelipMask1")["to_alpha"].setValue(False)
    assert not nuke.channel("RelipMask1", 1013, "rgba.alpha").any()  # the plate has none
    assert nuke.channel("RelipMask1", 1013, "relip.matte").any()


def test_my_matte_replaces_multiplies_and_joins_live(nuke, comp):
    api = nuke.api
    mine = api.nodes.Constant()
    mine["channels"].setValue("rgba")
    mine["color"].setValue([0, 0, 0, 0.5])
    mask = nuke.node("RelipMask1")
    computed = nuke.channel("RelipMask1", 1013, "rgba.alpha")
    mask.setInput(1, mine)
    half = np.full_like(computed, 0.5)
    for mode, expected in (
        ("replace", half), ("multiply", computed * half), ("union", np.maximum(computed, half))
    ):  # fmt: skip
        mask["mode"].setValue(mode)
        assert np.array_equal(nuke.channel("RelipMask1", 1013, "rgba.alpha"), expected), mode
    assert np.array_equal(nuke.rgb("RelipMask1", 1013), nuke.rgb("Read1", 1013))


def plate_and_patch(nuke, frame: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return (
        nuke.rgb("Read1", frame),
        nuke.rgb("RelipRender1", frame),
        nuke.channel("RelipRender1", frame, "rgba.alpha")[..., None],
    )


def test_mix_is_the_engines_mix(nuke, comp):
    nuke.node("RelipBlend1")["mix"].setValue(0.25)
    Shot.open(comp.shot).change(blend={"mix": 0.25}).save()
    Shot.open(comp.shot).run(until="blend")
    mine, theirs = nuke.rgb("RelipBlend1", 1013), engine_comp(comp.shot, 1013)
    assert ulps(mine, theirs).max() <= 1
    nuke.node("RelipBlend1")["mix"].setValue(0)
    assert np.array_equal(nuke.rgb("RelipBlend1", 1013), nuke.rgb("Read1", 1013))


def test_gain_grades_the_patch_only(nuke):
    plate, patch, alpha = plate_and_patch(nuke, 1013)
    nuke.node("RelipBlend1")["gain"].setValue([2, 1, 0.5])
    expected = patch * [2, 1, 0.5] + plate * (1 - alpha)
    assert np.allclose(nuke.rgb("RelipBlend1", 1013), expected, atol=1e-5)


def test_feather_softens_inwards_only(nuke):
    _, _, alpha = plate_and_patch(nuke, 1013)
    plate = nuke.rgb("Read1", 1013)
    before = np.abs(nuke.rgb("RelipBlend1", 1013) - plate)
    nuke.node("RelipBlend1")["feather"].setValue(8)
    after = np.abs(nuke.rgb("RelipBlend1", 1013) - plate)
    assert not after[alpha[..., 0] == 0].any()
    assert (after <= before + 1e-6).all() and after.sum() < before.sum()
    assert after.any()


def test_grain_adds_the_plates_high_frequencies_inside_the_patch(nuke):
    _, _, alpha = plate_and_patch(nuke, 1013)
    before = nuke.rgb("RelipBlend1", 1013)
    blend = nuke.node("RelipBlend1")
    blend["grain"].setValue(1)
    blend["grain_from"].setValue([0, 60])
    after = nuke.rgb("RelipBlend1", 1013)
    outside = alpha[..., 0] == 0
    assert np.array_equal(after[outside], before[outside])
    assert not np.array_equal(after, before)


def test_a_matte_limits_the_patch_or_replaces_its_own(nuke):
    api = nuke.api
    plate, patch, alpha = plate_and_patch(nuke, 1013)
    raw = np.stack(
        [nuke.channel("RelipRender1", 1013, f"raw.{c}") for c in ("red", "green", "blue")], -1
    )
    inside = np.stack(
        [nuke.channel("RelipRender1", 1013, f"stmap.{c}") for c in ("red", "green")], -1
    )
    mine = api.nodes.Constant()
    mine["channels"].setValue("rgba")
    mine["color"].setValue([0, 0, 0, 0.5])
    blend = nuke.node("RelipBlend1")
    blend.setInput(2, mine)
    limited = patch * 0.5 + plate * (1 - alpha * 0.5)
    assert np.allclose(nuke.rgb("RelipBlend1", 1013), limited, atol=1e-6)
    blend["matte_mode"].setValue("replace")
    cut = 0.5 * (inside > 0).all(-1, keepdims=True)
    replaced = raw * cut + plate * (1 - cut)
    assert np.allclose(nuke.rgb("RelipBlend1", 1013), replaced, atol=1e-6)
    assert (cut > 0).sum() > (alpha > 0).sum()


def test_track_overlay_crop_and_back(nuke):
    track = nuke.node("RelipTrack1")
    plate = nuke.rgb("Read1", 1013)
    matte = nuke.channel("RelipMask1", 1013, "relip.matte") > 0.5
    track["output"].setValue("overlay")
    drawn = (nuke.rgb("RelipTrack1", 1013) != plate).any(-1)
    ys, xs = np.nonzero(drawn)
    assert 8 * 9 < len(ys) < 8 * 60  # eight small points
    chin = track["chin"].getValueAt(1013, 0), track["chin"].getValueAt(1013, 1)
    near = np.hypot(xs + 0.5 - chin[0], plate.shape[0] - ys - 0.5 - chin[1])
    assert near.min() < 4
    track["output"].setValue("stabilised crop")
    track["crop_size"].setValue(256)
    crop = nuke.host.picture(track, 1013)
    assert (crop.format.width(), crop.format.height()) == (256, 256)
    back = nuke.plugin("comp").create("RelipTrack")
    back.setInput(0, track)
    back["output"].setValue("crop back")
    for name in ("crop_size", "crop1", "crop2", "crop3", "crop4", "plate_width", "plate_height"):
        back[name].fromScript(track[name].toScript(False))
    nuke.plugin("state").refresh_all()
    again = nuke.rgb(back.name(), 1013)
    assert again.shape == plate.shape
    # there and back through two filters: the picture, a little softer
    assert np.abs(again - plate)[matte].mean() < 0.1 * plate[matte].mean()


def test_points_are_where_the_engine_found_them(nuke, comp):
    from relip.track.facetrack import FaceTrack

    track = FaceTrack.load(comp.shot / "track" / "track.npz")
    height = nuke.rgb("Read1", 1001).shape[0]
    node = nuke.node("RelipTrack1")
    for frame in FRAMES:
        x, y = track.landmarks[track.index(frame), 152, :2]
        got = [node["chin"].getValueAt(frame, i) for i in (0, 1)]
        assert got == pytest.approx([x, height - y], abs=1e-3)
        assert node["chin"].isKeyAt(frame)
