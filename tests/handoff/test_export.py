"""``relip export``: every target, through the command line, judged by a real Tcl."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from handoff_making import roto_shapes
from nk_oracle import reader_nodes, tcl_nodes

from relip.handoff import nk
from relip.handoff.export import DIRECTIONS, TARGETS, Options, export
from relip.records import write_json
from relip.shot import Shot

NODES = {
    "tracker": ["Tracker4"],
    "cornerpin": ["Reformat", "CornerPin2D"],
    "transform": ["Transform"],
    "roto": ["Roto"],
    "stmap": ["Dot", "Read", "STMap", "Merge2"] * 2,
    "gridwarp": ["GridWarp3"],
    "curves": ["NoOp"],
    "read": ["Read"] * 4,
}


@pytest.mark.parametrize("to", NODES)
def test_nodes_load_in_tcl_as_the_reader_loads_them(relip, finished_shot, tmp_path, to: str):
    path = tmp_path / f"{to}.nk"
    ended = relip("export", finished_shot, "--to", to, "-o", path, "--output", "json")
    assert ended.code == 0, ended.err
    assert ended.data["to"] == to and ended.data["file"] == str(path)
    assert ended.data["frames"] == "1001-1040" and ended.data["faceless"] == ""
    text = path.read_text("utf-8")
    script = nk.read(path)
    assert [n.cls for n in script.nodes] == NODES[to]
    assert script.paste and script.version == "13.2 v8"
    assert reader_nodes(script) == tcl_nodes(text)
    assert nk.parse(text).to_text() == text
    names = [n.name for n in script.nodes]
    assert len(set(names)) == len(names) and all(n.isidentifier() for n in names)
    for node in script.nodes:  # nothing that a load would run
        assert "[python" not in text and "knobChanged" not in node.knobs


def test_directions_of_everything_that_has_them(finished_shot: Path, tmp_path: Path):
    shot = Shot.open(finished_shot)
    for to, directions in DIRECTIONS.items():
        texts = set()
        for direction in directions:
            path = tmp_path / f"{to}_{direction}.nk"
            options = Options(direction=direction, frames="1001-1012")
            made = export(shot, to, path, options)
            assert made.frames == "1001-1012" and all(f.exists() for f in made.files)
            texts.add(path.read_text())
        assert len(texts) == len(directions)


def test_stmaps_lie_in_a_folder_beside_and_come_from_the_patches_too(
    relip, finished_shot: Path, tmp_path: Path
):
    path = tmp_path / "maps.nk"
    ended = relip("export", finished_shot, "--to", "stmap", "-o", path, "--frames", "1003-1005",
                  "--source", "render", "--output", "json")  # fmt: skip
    assert ended.code == 0, ended.err
    folder = tmp_path / "maps_uncrop"
    files = [str(folder / f"maps_uncrop.{f}.exr") for f in (1003, 1004, 1005)]
    assert ended.data["files"] == [str(path), *files]
    from relip.plate import read_exr

    read = nk.read(path).nodes[1]
    assert read.knobs["file"] == (folder / "maps_uncrop.####.exr").as_posix()
    gathered, at, display, _ = read_exr(files[0])
    patch, patch_at, patch_display, _ = read_exr(finished_shot / "render" / "patch.1003.exr")
    assert (at, display) == (patch_at, patch_display)
    assert np.array_equal(gathered["R"], patch["stmap.R"])
    assert np.array_equal(gathered["G"], patch["stmap.G"]) and (gathered["A"] == 1).all()
    # computed from the track they are the same to a float's last digits
    options = Options(frames="1003-1005", direction="uncrop")
    export(Shot.open(finished_shot), "stmap", tmp_path / "own.nk", options)
    own, origin, _, _ = read_exr(tmp_path / "own_uncrop" / "own_uncrop.1003.exr")
    x0, y0 = max(at[0], origin[0]), max(at[1], origin[1])
    x1 = min(at[0] + gathered["R"].shape[1], origin[0] + own["R"].shape[1])
    y1 = min(at[1] + gathered["R"].shape[0], origin[1] + own["R"].shape[0])
    assert (x1 - x0) * (y1 - y0) > 500
    for name in "RG":
        left = gathered[name][y0 - at[1] : y1 - at[1], x0 - at[0] : x1 - at[0]]
        right = own[name][y0 - origin[1] : y1 - origin[1], x0 - origin[0] : x1 - origin[0]]
        assert np.abs(left - right).max() < 1e-6


def test_options_reach_their_export(relip, finished_shot: Path, tmp_path: Path):
    path = tmp_path / "t.nk"
    ended = relip("export", finished_shot, "--to", "tracker", "-o", path, "--points", "chin", "17",
                  "--reference", "1010")  # fmt: skip
    assert ended.code == 0 and "2 tracks: chin, p017" in ended.out
    (node,) = nk.read(path).nodes
    assert node.knobs["reference_frame"] == "1010"
    relip("export", finished_shot, "--to", "roto", "-o", path, "--shapes", "mouth,jaw")
    assert list(roto_shapes(nk.read(path).nodes[0])) == ["mouth", "jaw"]
    relip("export", finished_shot, "--to", "gridwarp", "-o", path, "--grid", "3x5")
    grid = nk.split_list(nk.read(path).nodes[0].knobs["source_grid_col"])
    assert grid[:3] == ["1", "3", "5"]
    relip("export", finished_shot, "--to", "read", "-o", path, "--pictures", "comp", "--script",
          "--raw")  # fmt: skip
    assert [n.cls for n in nk.read(path).nodes] == ["Root", "Read"]
    assert not nk.read(path).paste
    relip("export", finished_shot, "--to", "json", "-o", tmp_path / "t.json", "--points", "61")
    assert list(json.loads((tmp_path / "t.json").read_text())["points"]) == ["p061"]


def test_usd_and_package(relip, finished_shot: Path, tmp_path: Path):
    ended = relip("export", finished_shot, "--to", "package", "-o", tmp_path / "pkg",
                  "--frames", "1001-1002", "--output", "json")  # fmt: skip
    assert ended.code == 0, ended.err
    assert len(ended.data["files"]) == 2 + 4 and ended.data["notes"] == []
    pytest.importorskip("pxr", reason="usd-core is not installed: pip install relip[usd]")
    path = tmp_path / "face.usdc"
    ended = relip("export", finished_shot, "--to", "usd", "-o", path, "--focal-length", "35")
    assert ended.code == 0, ended.err
    from pxr import Usd, UsdGeom

    stage = Usd.Stage.Open(str(path))
    camera = UsdGeom.Camera(stage.GetPrimAtPath("/Relip/Camera"))
    assert camera.GetFocalLengthAttr().Get() == 35


def test_a_package_of_a_stale_shot_says_so(relip, shot_copy: Path, tmp_path: Path):
    shot = Shot.open(shot_copy)
    shot.change(blend={"mix": 0.5}).save()
    ended = relip("export", shot_copy, "--to", "package", "-o", tmp_path / "p", "--frames", "1001")
    assert ended.code == 0 and "blend is stale" in ended.out


def test_a_stale_track_and_stale_curves_are_said(relip, shot_copy: Path, tmp_path: Path):
    def notes(to: str) -> list[str]:
        path = tmp_path / "x.nk"
        ended = relip("export", shot_copy, "--to", to, "-o", path, "--output", "json")
        assert ended.code == 0 and path.exists()
        return [note for note in ended.data["notes"] if "stale" in note]

    assert notes("transform") == notes("curves") == []
    write_json(shot_copy / "overrides" / "track.json", {"offsets": {"1001": {"13": [1, 0]}}})
    assert "relip track" in notes("transform")[0] and notes("curves") == []
    Shot.open(shot_copy).change(dialogue={"offset": 0.1}).save()
    assert "relip speech" in notes("curves")[0]


def test_what_is_refused(refused, finished_shot: Path, tmp_path: Path):
    def ask(code: int, to: str, *more: object, out: str = "x.nk", words: tuple[str, ...] = ()):
        refused(code, ["export", finished_shot, "--to", to, "-o", tmp_path / out, *more], *words)

    ask(2, "roto", "--points", "chin", words=("--points does nothing", "--shapes"))
    ask(2, "curves", "--size", "5", words=("own options: none",))
    ask(2, "tracker", out="x.txt", words=("suffix", ".nk"))
    ask(2, "usd", words=(".usda",))
    ask(2, "json", words=(".json",))
    ask(2, "tracker", "--points", "ear", words=("ear", "nose_tip"))
    ask(2, "roto", "--shapes", "ear", words=("lips, mouth, jaw",))
    ask(2, "read", "--pictures", "sky", words=("plate, mask",))
    ask(2, "read", "--frames", "1001", words=("--frames",))
    ask(2, "transform", "--direction", "crop", words=("matchmove",))
    ask(2, "stmap", "--source", "render", "--direction", "crop", words=("uncrop",))
    ask(2, "transform", "--reference", "5", words=("outside the export",))
    ask(2, "cornerpin", "--size", "3", words=("16 to 8192",))
    ask(2, "tracker", "--frames", "1-5", words=("outside the shot",))
    ask(2, "gridwarp", "--grid", "seven", words=("7x7",))
    ask(2, "gridwarp", "--grid", "1x900", words=("2 to 40",))
    ask(2, "usd", "--focal-length", "0", out="x.usda", words=("mm",))
    assert list(tmp_path.iterdir()) == []


def test_what_is_missing(refused, relip, demo_clip, tmp_path: Path):
    shot = tmp_path / "new.relip"
    assert relip("new", shot, "--plate", demo_clip.path).code == 0
    for to, stage in (("tracker", "track"), ("curves", "speech"), ("usd", "track")):
        suffix = {"usd": "usda"}.get(to, "nk")
        refused(3, ["export", shot, "--to", to, "-o", tmp_path / f"x.{suffix}"], f"relip {stage}")
    refused(3, ["export", shot, "--to", "package", "-o", tmp_path / "p"], "relip render")
    refused(3, ["export", tmp_path, "--to", "tracker", "-o", tmp_path / "x.nk"], "not a shot")
    assert not list(tmp_path.glob("x.*")) and not (tmp_path / "p").exists()


def test_a_place_that_cannot_be_written(refused, finished_shot: Path, tmp_path: Path):
    (tmp_path / "file").write_text("")
    place = tmp_path / "file" / "x.nk"
    refused(6, ["export", finished_shot, "--to", "tracker", "-o", place], "x.nk")
    (tmp_path / "dir.nk").mkdir()
    refused(6, ["export", finished_shot, "--to", "roto", "-o", tmp_path / "dir.nk"], "folder")


def test_help_names_every_target(relip):
    ended = relip("export", "--help")
    assert ended.code == 0
    for to in TARGETS:
        assert f"\n  {to} " in ended.out


def skeleton(curves: str) -> list[object]:
    """A Roto's tree without its numbers: names of its parts and attributes, in their order."""
    (tree,) = nk.split_list(curves)
    version, flags, body = (nk.split_list(part) for part in nk.split_list(tree))
    layer = [nk.split_list(part) for part in nk.split_list(body[1])[2:]]
    group = layer[3]
    tail = [nk.split_list(part) for part in group[5:]]
    return [
        version,
        flags,
        body[0],
        [part[0] for part in layer[:4]],
        layer[2][1::2],
        nk.split_list(layer[2][0]),
        group[2:4],
        [part[0] for part in tail],
        tail[0][:1] + [str(len(tail[0]))],
        tail[1][1::2],
    ]


@pytest.mark.parametrize(
    ("sample", "to"),
    [("03_tracker4.nk", "tracker"), ("04_roto_anim.nk", "roto"), ("06_noop_curves.nk", "curves"),
     ("07_cornerpin.nk", "cornerpin"), ("05_read_exr.nk", "read")],
)  # fmt: skip
def test_the_knobs_are_built_like_those_nuke_saves(
    shared: Path, finished_shot: Path, tmp_path: Path, sample: str, to: str
):
    """Against scripts with nodes as Nuke wrote them: same class, knobs, and depth of lists."""
    if not (shared / "nuke" / sample).exists():
        pytest.skip(f"no {sample} in {os.fspath(shared)}")
    theirs = nk.read(shared / "nuke" / sample).nodes[-1]
    options = Options(pictures=["patch"]) if to == "read" else Options()
    made = export(Shot.open(finished_shot), to, tmp_path / "x.nk", options)
    ours = nk.read(made.files[0]).nodes[-1]
    assert ours.cls == theirs.cls

    def shape(text: str) -> object:
        """A list's structure, every number and name taken for a dot, equal neighbours as one."""
        try:
            parts = nk.split_list(text)
        except nk.TclError:
            return "."
        if len(parts) <= 1 and text.strip() == (parts or [""])[0]:
            return "."
        if parts[0] == "curve":
            return "curve"
        inner = [shape(p) for p in parts]
        return [s for i, s in enumerate(inner) if i == 0 or s != inner[i - 1]]

    for knob in ("tracks", "curves", "open", "to1", "to2", "from1", "from3", "format", "first"):
        if knob in theirs.knobs:
            mine = ours.knobs["jawOpen" if knob == "open" else knob]
            if knob == "curves":  # the shapes differ in number and in which coordinates move
                assert skeleton(mine) == skeleton(theirs.knobs[knob])
                assert roto_shapes(theirs)["mouth_outer"][1].shape == (3, 4, 3, 2)
            else:
                assert shape(mine) == shape(theirs.knobs[knob]), knob
    # besides what is only looks, ours has no knob that theirs has not
    extra = set(ours.knobs) - set(theirs.knobs) - {"label", "on_error", "colorspace"}
    if to != "curves":
        assert extra == set()
