"""Read nodes: files, ranges, colour."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from relip.errors import UsageError
from relip.handoff import nk
from relip.handoff.coordinates import Format
from relip.handoff.reads import read_node, read_nodes, sequence_pattern
from relip.shot import Shot, ShotSettings


def reread(nodes: list[nk.Node]) -> list[nk.Node]:
    return nk.parse(nk.Script(nodes, version="13.2 v8").to_text()).nodes


@pytest.mark.parametrize(
    ("files", "pattern"),
    [
        ({1001: "/a/sh.1001.exr", 1002: "/a/sh.1002.exr"}, "/a/sh.####.exr"),
        ({7: "/a/v2_0007.dpx"}, "/a/v2_####.dpx"),
        ({-5: "/a/p.-0005.exr", -4: "/a/p.-0004.exr"}, "/a/p.####.exr"),
        ({99: "/a/99.exr", 100: "/a/100.exr"}, "/a/##.exr"),
        ({10: "/a/10_bg_10.exr", 11: "/a/10_bg_11.exr"}, "/a/10_bg_##.exr"),
        ({1: "/a/still.png"}, "/a/still.png"),
    ],
)
def test_patterns(files: dict[int, str], pattern: str):
    assert sequence_pattern(files) == pattern


def test_a_read():
    (node,) = reread(
        [read_node("R", "/jobs/a b/p.####.exr", (1001, 1048), Format(1920, 1080, 2.0),
                   colourspace="ACES - ACEScg", available=(990, 1100))]
    )  # fmt: skip
    assert node.inputs == []
    assert dict(node.knobs) == {
        "file_type": "exr",
        "file": "/jobs/a b/p.####.exr",
        "format": "1920 1080 0 0 1920 1080 2 relip_1920x1080_2",
        "first": "1001",
        "last": "1048",
        "before": "hold",
        "after": "hold",
        "origfirst": "990",
        "origlast": "1100",
        "origset": "true",
        "on_error": "error",
        "colorspace": "ACES - ACEScg",
        "name": "R",
    }


def test_the_shots_pictures(finished_shot: Path):
    shot = Shot.open(finished_shot)
    nodes, notes = read_nodes(shot)
    assert len(notes) == 1 and "--raw" in notes[0]
    plate, mask, patch, comp = reread(nodes)
    with shot.open_plate() as opened:
        colourspace, (width, height) = opened.colourspace, (opened.width, opened.height)
        assert Path(opened.files[1001]) == Path(plate.knobs["file"].replace("####", "1001"))
    for node in (plate, mask, patch, comp):
        assert (node.knobs["first"], node.knobs["last"]) == ("1001", "1040")
        assert node.knobs["format"].startswith(f"{width} {height} 0 0 {width} {height} 1 ")
        assert node.knobs["file_type"] == "exr"
        assert "at 25" in node.knobs["label"]
    for node in (plate, patch, comp):
        assert node.knobs["colorspace"] == colourspace and "raw" not in node.knobs
    assert mask.knobs["raw"] == "true" and "colorspace" not in mask.knobs
    folder = finished_shot.resolve().as_posix()
    assert mask.knobs["file"] == f"{folder}/mask/mask.####.exr"
    assert patch.knobs["file"] == f"{folder}/render/patch.####.exr"
    assert comp.knobs["file"] == f"{folder}/comp/comp.####.exr"
    # no file means no face: nothing over the plate
    assert [n.knobs["on_error"] for n in (plate, mask, patch, comp)] == [
        "error", "black", "black", "error",
    ]  # fmt: skip


def test_a_part_of_a_movie_and_a_script_with_its_root(tmp_path: Path, demo_clip):
    settings = {"plate": {"path": str(demo_clip.path), "frames": "5-20"}}
    shot = Shot.create(tmp_path / "m.relip", ShotSettings.from_dict(settings))
    nodes, notes = read_nodes(shot, ["plate", "patch"], whole=True)
    root, plate, _ = reread(nodes)
    assert root.cls == "Root"
    assert (root.knobs["first_frame"], root.knobs["last_frame"]) == ("5", "20")
    assert root.knobs["fps"] == "25"
    assert "file_type" not in plate.knobs or plate.knobs["file_type"] == "mov"
    assert plate.knobs["file"] == demo_clip.path.as_posix()
    assert [plate.knobs[k] for k in ("first", "last", "origfirst", "origlast")] == [
        "5", "20", "1", "40",
    ]  # fmt: skip
    assert notes[1:] == ["patch: no frame is made yet; run relip render"]
    for node in reread(read_nodes(shot, raw=True)[0]):
        assert node.knobs["raw"] == "true" and "colorspace" not in node.knobs


def test_ntsc_rates_keep_their_digits(tmp_path: Path, demo_sequence):
    folder = Path(shutil.copytree(demo_sequence.path.parent, tmp_path / "seq"))
    pattern = folder / demo_sequence.path.name
    settings = {"plate": {"path": str(pattern), "fps": "24000/1001"}}
    shot = Shot.create(tmp_path / "n.relip", ShotSettings.from_dict(settings))
    nodes, _ = read_nodes(shot, ["plate"], whole=True)
    assert nodes[0].knobs["fps"] == "23.976024"
    assert "at 24000/1001" in nodes[1].knobs["label"]


def test_a_plate_played_back_and_forth_bounces(tmp_path: Path, demo_clip, dialogue):
    settings = {
        "plate": {"path": str(demo_clip.path), "frames": "1-10"},
        "dialogue": {"audio": str(dialogue.audio), "when_longer": "pingpong"},
    }
    shot = Shot.create(tmp_path / "p.relip", ShotSettings.from_dict(settings))
    assert len(shot.frames) > 10
    (plate,), notes = read_nodes(shot, ["plate"])
    assert (plate.knobs["first"], plate.knobs["last"]) == ("1", "10")
    assert plate.knobs["after"] == "bounce" and "bounces" in notes[0]


def test_unknown_picture(finished_shot: Path):
    with pytest.raises(UsageError, match="plate, mask, patch, comp"):
        read_nodes(Shot.open(finished_shot), ["review"])
