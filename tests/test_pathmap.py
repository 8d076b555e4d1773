"""Path mapping: rules, Windows paths, files of rules, and a shot that moved."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from relip import pathmap
from relip.errors import InputError, SettingError
from relip.shot import Shot


@pytest.fixture(autouse=True)
def no_rules(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv(pathmap.VARIABLE, raising=False)
    pathmap.use([])
    yield
    pathmap.use([])


@pytest.mark.parametrize(
    ("rule", "path", "wanted"),
    [
        ("P:/show=/mnt/show", r"P:\show\sh010\plate.####.exr", "/mnt/show/sh010/plate.####.exr"),
        (r"p:\SHOW\=/mnt/show/", "P:/Show/a.wav", "/mnt/show/a.wav"),
        ("P:\\=/mnt/p", r"P:\a\b", "/mnt/p/a/b"),
        (r"\\server\show=/mnt/show", r"\\SERVER\show\a.exr", "/mnt/show/a.exr"),
        ("/mnt/show=/Volumes/show", "/mnt/show", "/Volumes/show"),
        ("/mnt/show=/Volumes/show", "/mnt/show2/a", "/mnt/show2/a"),
        ("/mnt/show=/Volumes/show", "/mnt/Show/a", "/mnt/Show/a"),
        ("/mnt/show=/a=b", "/mnt/show/c", "/a=b/c"),
        ("/mnt/show=/x", "relative/mnt/show", "relative/mnt/show"),
        ("/=/root", "/a", "/root/a"),
        ("/a=/", "/a/b", "/b"),
        ("/a\\b=/x", "/a\\b/c", "/x/c"),
    ],
)
def test_a_rule_replaces_the_beginning_of_a_path(rule: str, path: str, wanted: str):
    pathmap.use([rule])
    assert pathmap.mapped(path) == wanted


def test_the_longest_rule_wins_and_options_join_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(pathmap.VARIABLE, "P:/=/mnt/p; P:/show=/mnt/show ;")
    assert pathmap.mapped(r"P:\show\a") == "/mnt/show/a"
    assert pathmap.mapped(r"P:\other\a") == "/mnt/p/other/a"
    pathmap.use(["P:/show=/mnt/mine", "P:/show/x=/mnt/x"])
    assert pathmap.mapped(r"P:\show\a") == "/mnt/mine/a"
    assert pathmap.mapped(r"P:\show\x\a") == "/mnt/x/a"


def test_a_mapped_path_is_not_mapped_again():
    pathmap.use(["/a=/b", "/b=/c"])
    assert pathmap.mapped("/a/x") == "/b/x"


@pytest.mark.skipif(os.name == "nt", reason="there it is a path like any other")
@pytest.mark.parametrize("path", [r"P:\show\a.exr", "P:/show/a.exr", r"\\server\show\a"])
def test_a_path_of_windows_that_no_rule_maps_is_an_error(path: str):
    with pytest.raises(InputError, match="no rule maps it.*--path-map"):
        pathmap.mapped(path)


@pytest.mark.parametrize("value", ["", "=", "/a=", "=/a", "/no/such/file", " = "])
def test_what_is_no_rule_is_refused(value: str):
    with pytest.raises(SettingError, match="path map"):
        pathmap.use([value])


def test_a_file_of_open_job_description_rules(tmp_path: Path):
    path = tmp_path / "rules.json"
    path.write_text("{}")
    pathmap.use([str(path)])
    assert pathmap.mapped("/a") == "/a"
    rules = [
        {
            "source_path_format": "WINDOWS",
            "source_path": "P:\\show",
            "destination_path": "/mnt/show",
        },
        {"source_path_format": "POSIX", "source_path": "/Vol", "destination_path": "/mnt/vol"},
    ]
    path.write_text(json.dumps({"version": "pathmapping-1.0", "path_mapping_rules": rules}))
    pathmap.use([str(path)])
    assert pathmap.mapped(r"p:\show\a") == "/mnt/show/a"
    assert pathmap.mapped("/Vol/a") == "/mnt/vol/a"
    for damaged in ("{", "[]", '{"path_mapping_rules": [{}]}', '{"path_mapping_rules": 3}'):
        path.write_text(damaged)
        with pytest.raises(SettingError, match="holds no rules"):
            pathmap.use([str(path)])


@pytest.mark.skipif(os.name == "nt", reason="maps from Windows to this system")
def test_a_shot_made_on_windows_is_rendered_here(
    shot_copy: Path, relip: Callable, refused: Callable, monkeypatch: pytest.MonkeyPatch
):
    text = (shot_copy / "shot.toml").read_text()
    settings = Shot.open(shot_copy).settings
    folder, name = os.path.split(settings.plate.path)
    sound = os.path.dirname(settings.dialogue.audio)
    moved = text.replace(f'"{folder}/', "'S:\\plates\\").replace(f'{name}"', f"{name}'")
    assert moved != text
    moved = moved.replace(f'"{sound}/', '"S:/sound/')
    (shot_copy / "shot.toml").write_text(moved)
    refused(3, ["status", shot_copy, "--output", "human"], "S:\\plates", "--path-map")
    maps = ["--path-map", f"s:\\PLATES={folder}", "--path-map", f"S:/sound={sound}"]
    states = relip("status", shot_copy, "--output", "json", *maps).data["stages"]
    # fingerprints do not know of paths: all that was made elsewhere is still up to date
    assert {s["state"] for s in states} == {"up to date"}
    monkeypatch.setenv(pathmap.VARIABLE, f"S:/plates={folder};S:/sound={sound}")
    ended = relip("blend", shot_copy, "--frames", "1001-1002", "--force", "--output", "json")
    assert ended.code == 0 and ended.data["done"] == 2
    refused(2, ["status", shot_copy, "--path-map", "nonsense"], "path map 'nonsense'")
