"""Which Relip nodes a comp has."""

from __future__ import annotations

from pathlib import Path

from gizmo_making import COMP, comp, make_library

from relip.gizmo.audit import audit, frozen_class
from relip.gizmo.library import Library, open_library
from relip.gizmo.manifest import NAME
from relip.handoff import nk


def states(text: str, library: Library) -> dict[str, list[str]]:
    return {r.node: r.states for r in audit(comp(text), library)}


def test_a_comp(library: Library):
    reports = audit(comp(COMP), library)
    assert [(r.node, r.cls) for r in reports] == [
        ("Blend_hero", "RelipBlend_v1_0"),
        ("Blend_hero", "RelipBlend_v1_0"),
        ("Group1.Blend_hero", "RelipBlend_v1_0"),
        ("Alone", "RelipBlend_v1_0"),
        ("FromTheFuture", "RelipBlend_v9_9"),
    ]
    assert [r.clone_of for r in reports] == ["", "Blend_hero", "", "", ""]
    for r in reports[:4]:
        assert r.states == ["outdated", "draft"] and r.newest == "RelipBlend_v1_1"
        assert r.version == "1.0.0" and not r.is_problem
    assert reports[4].states == ["unknown"] and reports[4].is_problem
    assert (reports[4].family, reports[4].version) == ("RelipBlend", "9.9")
    for r in reports:
        line = COMP.split("\n")[r.line - 1]
        assert r.cls in line or "clone $C1" in line


def test_released_and_current(tmp_path: Path):
    library = make_library(tmp_path / "g", release=True)
    text = "RelipBlend_v1_1 {\n name B\n}\nRelipBlend_v1_0 {\n name A\n}\n"
    assert states(text, library) == {"B": ["current"], "A": ["outdated"]}


def test_modified_missing_deprecated(tmp_path: Path):
    classes = ("RelipBlend_v1_0", "RelipBlend_v1_1", "RelipBlend_v2_0")
    library = make_library(tmp_path / "g", classes, release=True)
    manifest = library.folder / NAME
    manifest.write_text(manifest.read_text().replace("deprecated = false", "deprecated = true", 1))
    library.path("RelipBlend_v1_1").unlink()
    path = library.path("RelipBlend_v2_0")
    path.write_text(path.read_text() + "# touched\n")
    text = "".join(f"{cls} {{\n name {cls[-3:]}\n}}\n" for cls in classes)
    reports = audit(comp(text), open_library(library.folder))
    assert [r.states for r in reports] == [
        ["outdated", "deprecated"],
        ["outdated", "missing"],
        ["modified"],
    ]
    assert [r.is_problem for r in reports] == [False, True, True]


def test_unknown_knobs(library: Library):
    text = (
        "RelipBlend_v1_1 {\n colour 2\n mix 1\n mix_panelDropped 1\n about 1\n tile_color 0xff\n"
        " addUserKnob {7 mine}\n mine 3\n name B\n}\n"
    )
    (report,) = audit(comp(text), library)
    assert report.unknown_knobs == ["colour"] and report.is_problem
    assert report.to_dict()["unknown_knobs"] == ["colour"]


def test_frozen_groups(library: Library):
    mark = "Group {\n name G\n addUserKnob {1 relip_frozen}\n relip_frozen RelipBlend_v1_0@ab\n}\n"
    by_nuke = (
        "Group {\n name H\n addUserKnob {1 state}\n"
        ' addUserKnob {26 version T "RelipBlend 1.1"}\n}\n'
    )
    other = 'Group {\n name I\n addUserKnob {26 version T "Something 1.1"}\n}\n'
    text = "".join(group + "end_group\n" for group in (mark, by_nuke, other))
    reports = audit(comp(text), library)
    assert [(r.node, r.cls, r.states) for r in reports] == [
        ("G", "RelipBlend_v1_0", ["frozen", "outdated"]),
        ("H", "RelipBlend_v1_1", ["frozen"]),
    ]
    assert frozen_class(nk.Node("Group", "A")) == ""


def test_a_comp_without_relip(library: Library):
    assert audit(comp("Blur {\n name A\n}\n"), library) == []
