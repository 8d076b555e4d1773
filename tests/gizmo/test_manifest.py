"""gizmos.toml, and the folder it describes."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from gizmo_making import gizmo_text, make_library

from relip.errors import GizmoError, NkError
from relip.gizmo.library import ENVIRONMENT, Library, find_folder, open_library
from relip.gizmo.manifest import (
    NAME,
    Knob,
    compute,
    described,
    format_manifest,
    read_manifest,
    same_knobs,
    split_class,
)


def test_a_class_carries_its_version():
    assert split_class("RelipBlend_v1_0") == ("RelipBlend", "1.0")
    assert split_class("A2_v10_03") == ("A2", "10.3")
    for bad in ("RelipBlend", "RelipBlend_v1", "Relip_Blend_v1_0", "_v1_0", "RelipBlend_v1_0x"):
        with pytest.raises(GizmoError, match="no version"):
            split_class(bad)


def test_what_a_file_says(library: Library):
    path = library.path("RelipBlend_v1_0")
    entry = described(path)
    assert (entry.cls, entry.family, entry.version) == ("RelipBlend_v1_0", "RelipBlend", "1.0.0")
    assert entry.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert not entry.released and not entry.deprecated
    schema = entry.schema
    assert schema["mix"] == Knob("mix", 7, "1")
    assert schema["feather"].default == "0" and schema["colour"].default == "1 1 1"
    assert schema["mode"].default == "soft" and schema["state"].default == ""
    assert schema["size"] == Knob("size", 41, "{parent.feather}"), "a link has its target's value"
    assert not {"relip", "version", "about"} & schema.keys(), "tabs and text hold no value"


def test_the_manifest_comes_back(three: Library):
    entries = read_manifest(three.folder / NAME)
    text = format_manifest(entries)
    (three.folder / NAME).write_text(text)
    assert read_manifest(three.folder / NAME) == entries == compute(three.folder)
    assert entries["RelipBlend_v2_0"].migrations[0].dropped == {"legacy": "nobody used it"}
    assert list(entries) == ["RelipBlend_v1_0", "RelipBlend_v1_1", "RelipBlend_v2_0"]


def test_computing_keeps_what_people_decided(library: Library):
    path = library.folder / NAME
    text = path.read_text().replace("deprecated = false", "deprecated = true", 1)
    path.write_text(text.replace('protocol = "1.0"\nreleased', 'protocol = "0.9"\nreleased', 1))
    gizmo = library.path("RelipBlend_v1_1")
    gizmo.write_text(gizmo.read_text().replace(" mix 1\n", " mix 0.5\n"))
    entries = compute(library.folder)
    first, second = entries.values()
    assert first.deprecated and first.protocol == "0.9"
    assert second.schema["mix"].default == "0.5" and second.migrations
    assert second.sha256 == hashlib.sha256(gizmo.read_bytes()).hexdigest()


def test_a_released_file_is_for_ever(tmp_path: Path):
    library = make_library(tmp_path / "g", release=True)
    before = (library.folder / NAME).read_text()
    assert all(library.file_state(cls) == "released" for cls in library.entries)
    gizmo = library.path("RelipBlend_v1_0")
    text = gizmo.read_text()
    gizmo.write_text(text + "\n")
    with pytest.raises(GizmoError, match="was released and has changed") as caught:
        compute(library.folder)
    assert "new version" in str(caught.value)
    assert open_library(library.folder).file_state("RelipBlend_v1_0") == "modified"
    gizmo.unlink()
    with pytest.raises(GizmoError, match="released and gone: RelipBlend_v1_0"):
        compute(library.folder)
    assert open_library(library.folder).file_state("RelipBlend_v1_0") == "missing"
    gizmo.write_text(text)
    assert format_manifest(compute(library.folder)) == before


def test_a_default_that_no_file_tells_may_be_listed_as_anything():
    listed = (Knob("a", 41, ""), Knob("b", 7, "1"))
    assert same_knobs(listed, (Knob("a", 41, None), Knob("b", 7, "1")))
    assert not same_knobs(listed, (Knob("a", 41, "2"), Knob("b", 7, "1")))
    assert not same_knobs(listed, (Knob("a", 41, None), Knob("b", 7, "2")))
    assert not same_knobs(listed, (Knob("a", 7, ""), Knob("b", 7, "1")))
    assert not same_knobs(listed, listed[:1])


def test_a_draft_may_go(library: Library):
    library.path("RelipBlend_v1_1").unlink()
    assert list(compute(library.folder)) == ["RelipBlend_v1_0"]


def test_release_one(library: Library):
    entries = compute(library.folder, release=["RelipBlend_v1_0"])
    assert [e.released for e in entries.values()] == [True, False]
    with pytest.raises(GizmoError, match="RelipBlend_v7_0"):
        compute(library.folder, release=["RelipBlend_v7_0"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("schema = ", "cannot be read"),
        ("schema = 2", "schema 2"),
        ("gizmo = 3", "list of tables"),
        ("[[gizmo]]\nfile = 'a'", "'class'"),
        ("[[gizmo]]\nclass = 'A_v1_0'\nversion = 'new'", "version"),
        ("[[gizmo]]\nclass = 'A_v1_0'\nfile = '../a.gizmo'", "beside the manifest"),
        ("[[gizmo]]\nclass = 'A_v1_0'\n[[gizmo]]\nclass = 'A_v1_0'", "twice"),
        ("[[gizmo]]\nclass = 'A'", "no version"),
        ("[[gizmo]]\nclass = 'A_v1_0'\nknobs = [{name = 'x'}]", "'type'"),
        ("[[gizmo]]\nclass = 'A_v1_0'\n[[gizmo.migrations]]\nrenames = {}", "'from'"),
        ("[[gizmo]]\nclass = 'A_v1_0'\n[[gizmo.migrations]]\nfrom = 'B_v1_0'\nrenames = {a = 1}",
         "renames"),
        ("gizmo = [1]", "gizmo 1"),
    ],
)  # fmt: skip
def test_a_damaged_manifest_is_named(text: str, words: str, tmp_path: Path):
    (tmp_path / NAME).write_text(text)
    with pytest.raises(GizmoError, match=words) as caught:
        read_manifest(tmp_path / NAME)
    assert caught.value.exit_code == 3 and caught.value.mend


def test_a_gizmo_must_be_one(tmp_path: Path):
    path = tmp_path / "RelipBlend_v1_0.gizmo"
    path.write_text("Blur {\n}\nBlur {\n}\n")
    with pytest.raises(GizmoError, match="Blur, Blur, not one Gizmo"):
        described(path)
    path.write_text("exec rm\n")
    with pytest.raises(NkError, match="not run"):
        described(path)


def test_where_the_gizmos_are(library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.setenv(ENVIRONMENT, str(library.folder))
    assert find_folder() == library.folder and find_folder(other) == other
    assert list(open_library().entries) == ["RelipBlend_v1_0", "RelipBlend_v1_1"]
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path / "nowhere"))
    with pytest.raises(GizmoError, match=ENVIRONMENT):
        find_folder()
    with pytest.raises(GizmoError, match="--gizmos"):
        find_folder(tmp_path / "nowhere")
    with pytest.raises(GizmoError, match="has no gizmos"):
        open_library(other)
    monkeypatch.delenv(ENVIRONMENT)
    assert find_folder().name == "gizmos"


def test_a_folder_without_a_manifest_is_read_from_its_files(tmp_path: Path):
    (tmp_path / "RelipBlend_v1_0.gizmo").write_text(gizmo_text("RelipBlend_v1_0"))
    (tmp_path / "note.gizmo").write_text("not one of ours")
    library = open_library(tmp_path)
    assert list(library.entries) == ["RelipBlend_v1_0"]
    assert library.file_state("RelipBlend_v1_0") == "unlisted"
    assert library.newest("RelipBlend").cls == "RelipBlend_v1_0"  # type: ignore[union-attr]


def test_the_newest(three: Library):
    newest = three.newest("RelipBlend")
    assert newest and newest.cls == "RelipBlend_v2_0"
    assert three.newest("RelipNothing") is None
    three.path("RelipBlend_v2_0").unlink()
    fresh = open_library(three.folder).newest("RelipBlend")
    assert fresh and fresh.cls == "RelipBlend_v1_1"


def test_versions_are_numbers(tmp_path: Path):
    for minor in (2, 9, 10):
        text = gizmo_text("RelipBlend_v1_0").replace("1.0", f"1.{minor}")
        (tmp_path / f"RelipBlend_v1_{minor}.gizmo").write_text(text)
    newest = open_library(tmp_path).newest("RelipBlend")
    assert newest and newest.version == "1.10.0"


def test_the_shortest_way_is_taken(three: Library):
    steps = three.steps("RelipBlend_v1_0", "RelipBlend_v2_0")
    assert [entry.cls for _, entry in steps] == ["RelipBlend_v1_1", "RelipBlend_v2_0"]
    assert three.steps("RelipBlend_v1_0", "RelipBlend_v1_0") == []


def test_whose_class_it_is(library: Library):
    for cls in ("RelipBlend_v1_0", "RelipBlend_v9_0", "RelipNew_v1_0"):
        assert library.is_relip(cls)
    for cls in ("Blur", "Relip", "RelipBlend", "MyRelip_v1_0"):
        assert not library.is_relip(cls)
