"""A comp and a shot folder of somebody else: the plugin writes inside the shot only."""

from __future__ import annotations

import ast
import inspect
import json
import os
from pathlib import Path

import pytest

PLUGIN = Path(__file__).resolve().parents[2] / "nuke_plugin" / "relip_nuke"

pytestmark = pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """Somebody's folder, with a file in it."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "mask.1001.exr").write_text("theirs")
    return folder


def held(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): p.read_text() for p in folder.rglob("*") if p.is_file()}


# ------------------------------------------------------------------------ the rule itself


@pytest.mark.parametrize("name", ["a", "sub/a", "new/deep/a", "link/a", "alias"])
def test_inside(plugin_module, tmp_path: Path, name: str):
    shot = tmp_path / "a.relip"
    (shot / "sub").mkdir(parents=True)
    (shot / "link").symlink_to(shot / "sub")
    (shot / "alias").symlink_to(tmp_path / "there")  # replaced, not followed
    path = str(shot / name)
    assert plugin_module("containment").inside(path, str(shot)) == path


@pytest.mark.parametrize("name", ["../a", "out/a", "out/new/a", "sub/../../a", "/etc/a"])
def test_outside(plugin_module, tmp_path: Path, name: str):
    shot = tmp_path / "a.relip"
    (shot / "sub").mkdir(parents=True)
    (tmp_path / "a.relip.old").mkdir()
    (shot / "out").symlink_to(tmp_path / "a.relip.old")
    containment = plugin_module("containment")
    with pytest.raises(OSError, match="outside the shot"):
        containment.inside(str(shot / name), str(shot))
    with pytest.raises(containment.OutsideError):
        plugin_module("paths").atomic_write(str(shot / name), "x", shot=str(shot))
    with pytest.raises(containment.OutsideError):
        plugin_module("paths").remove(str(shot / name), shot=str(shot))


def test_a_studio_may_name_another_disk(plugin_module, tmp_path: Path, monkeypatch):
    shot, disk = tmp_path / "a.relip", tmp_path / "disk"
    shot.mkdir(), disk.mkdir()
    (shot / "nuke").symlink_to(disk)
    monkeypatch.setenv("RELIP_WRITE_ROOTS", os.pathsep.join(["here", str(disk)]))
    plugin_module("paths").write_json(str(shot / "nuke" / "a.json"), {}, shot=str(shot))
    assert held(disk) == {"a.json": "{}\n"}


def test_a_file_that_is_a_link_is_replaced(plugin_module, tmp_path: Path, elsewhere: Path):
    shot = tmp_path / "a.relip"
    shot.mkdir()
    (shot / "a.json").symlink_to(elsewhere / "mask.1001.exr")
    plugin_module("paths").write_json(str(shot / "a.json"), {}, shot=str(shot))
    assert not (shot / "a.json").is_symlink() and held(elsewhere) == {"mask.1001.exr": "theirs"}


def test_nothing_else_in_the_plugin_writes(plugin_module):
    """Files are written and removed by paths and containment alone, which ask for the shot."""
    paths = plugin_module("paths")
    for write in (paths.atomic_write, paths.write_json, paths.remove):
        shot = inspect.signature(write).parameters["shot"]
        assert shot.kind is shot.KEYWORD_ONLY and shot.default is shot.empty
    does = {"unlink", "remove", "rmdir", "removedirs", "rename", "renames", "replace", "makedirs",
            "mkdir", "rmtree", "copy", "copy2", "copyfile", "move", "link", "symlink", "truncate",
            "write_text", "write_bytes", "mkstemp", "fdopen", "touch"}  # fmt: skip
    for path in sorted(PLUGIN.glob("*.py")):
        if path.name in ("paths.py", "containment.py"):
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            owner, _, name = called.rpartition(".")
            if name in does and owner in ("os", "shutil", "tempfile", "pathlib"):
                pytest.fail(f"{path.name}:{node.lineno} calls {called}")
            if called in ("open", "os.open", "io.open"):
                mode = node.args[1] if len(node.args) > 1 else None
                assert mode is None or ast.literal_eval(mode) in ("r", "rb"), path.name


# ---------------------------------------------------------------------------- a shot's links


@pytest.mark.parametrize("name", ["nuke", "overrides"])
def test_folders_of_a_shot_that_lead_out_are_refused(desk, elsewhere: Path, name: str):
    desk.write_masks(0.5)
    (desk.shot / name).symlink_to(elsewhere)
    desk.node("Mask").setInput(1, desk.constant(0, 0, 0, 0.7))
    told = desk.press("Render", "update")
    assert len(told) == 1 and "outside the shot" in told[0] and str(elsewhere) in told[0]
    assert "RELIP_WRITE_ROOTS" in told[0]
    assert held(elsewhere) == {"mask.1001.exr": "theirs"}


def test_a_frame_that_is_a_link_is_not_rendered_through(desk, elsewhere: Path):
    (desk.shot / "overrides").mkdir()
    frame = desk.shot / "overrides" / "mask.1001.exr"
    frame.symlink_to(elsewhere / "mask.1001.exr")
    desk.node("Mask").setInput(1, desk.constant(0, 0, 0, 0.7))
    assert desk.press("Mask", "update") == []
    assert held(elsewhere) == {"mask.1001.exr": "theirs"}
    assert not frame.is_symlink() and desk.matte_written() == pytest.approx(0.7, abs=1e-3)


def test_frames_beyond_the_shots_own_are_not_taken_away(desk, elsewhere: Path):
    """What a shot says that Nuke wrote is no reason to remove files elsewhere."""
    marks = {"1001": desk.nuke.plugin("paths").fingerprint(str(elsewhere / "mask.1001.exr"))}
    odd = {"../1001": "x", "1" * 5000: "x", "": None, "nan": []}
    (desk.shot / "nuke").mkdir(exist_ok=True)
    note = desk.shot / "nuke" / "overrides.json"
    for known in ({"mask": marks}, {"mask": odd}, {"mask": [1, 2]}, {"mask": "1001"}):
        note.write_text(json.dumps(known))
        (desk.shot / "overrides").symlink_to(elsewhere)
        told = desk.press("Render", "update")
        assert all("outside the shot" in text for text in told)
        assert held(elsewhere) == {"mask.1001.exr": "theirs"}
        (desk.shot / "overrides").unlink()


@pytest.mark.parametrize("button", ["make_tracker", "submit"])
def test_the_engine_is_not_asked_to_write_through_a_link(desk, elsewhere: Path, button: str):
    family, name = ("Track", "handoff") if button == "make_tracker" else ("Blend", "farm")
    (desk.shot / "nuke").mkdir(exist_ok=True)
    (desk.shot / "nuke" / name).symlink_to(elsewhere)
    if button == "submit":
        desk.nuke.plugin("actions").press(desk.node(family), button)
        told = list(desk.nuke.messages)
    else:
        told = desk.press(family, button)
    assert len(told) == 1 and "outside the shot" in told[0]
    assert not {"export", "farm.bundle"} & set(dict(desk.asked))


# ------------------------------------------------------------------------------ a comp's knobs


@pytest.mark.parametrize("knob", ["plate_cache", "matte_cache"])
def test_a_cache_that_a_comp_puts_elsewhere_is_not_written(desk, elsewhere: Path, knob: str):
    speech = knob == "plate_cache"
    owner = desk.node("Speech" if speech else "Mask")
    owner[knob].setValue(str(elsewhere / "mask.####.exr"))
    if not speech:
        desk.node("Mask").setInput(1, desk.constant(0, 0, 0, 0.7))
    told = desk.press("Render", "update")
    assert len(told) == 1 and "would write" in told[0], told
    assert "elsewhere/mask.1001.exr" in told[0] and "altered copy" in told[0]
    assert held(elsewhere) == {"mask.1001.exr": "theirs"}


@pytest.mark.parametrize("what", ["folder", "file"])
def test_no_shot_is_made_in_a_folder_of_something_else(desk, elsewhere: Path, what: str):
    place = elsewhere if what == "folder" else elsewhere / "mask.1001.exr"
    desk.node("Speech")["shot"].setValue(str(place))
    told = desk.press("Speech", "make_shot")
    assert len(told) == 1 and "set Shot folder to a new folder" in told[0]
    assert desk.asked == [] and held(elsewhere) == {"mask.1001.exr": "theirs"}


@pytest.mark.parametrize("before", [None, (), ("nuke/plate.1001.exr",), ("shot.toml", "x/y")])
def test_a_new_folder_an_empty_one_and_a_shot_are_fine(
    desk, tmp_path: Path, before: tuple[str, ...] | None
):
    place = tmp_path / "new.relip"
    for name in before or ():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).touch()
    if before == ():
        place.mkdir()
    desk.node("Speech")["shot"].setValue(str(place))
    told = desk.press("Speech", "make_shot")
    assert not any("new folder" in text for text in told), told
    assert desk.asked[0][0] == "new"
