"""Gizmos that become groups."""

from __future__ import annotations

from pathlib import Path

import pytest
from gizmo_making import COMP, comp, make_library
from nk_oracle import reader_nodes, tcl_nodes

from relip.errors import GizmoError, UsageError
from relip.gizmo.audit import FROZEN, audit
from relip.gizmo.freeze import freeze
from relip.gizmo.library import Library, open_library
from relip.gizmo.manifest import checksum
from relip.handoff import nk

PLAIN = """\
Read {
 inputs 0
 name R
}
set N1 [stack 0]
 RelipBlend_v1_0 {
  inputs 2
  mix {{curve x1 0 x2 1}}
  state ready
  name B
  xpos 5
  addUserKnob {20 User l Mine}
  addUserKnob {7 own l Own}
  own 3
 }
push $N1
Blur {
 name After
}
"""


def test_the_group_has_the_gizmos_knobs_and_the_comps_values(library: Library):
    result = freeze(comp(PLAIN), library)
    assert result.nodes == [("B", "RelipBlend_v1_0")] and not result.notes
    script = nk.parse(result.text)
    group, gizmo = script.find("B"), library.gizmo("RelipBlend_v1_0")
    assert group and group.cls == "Group"
    assert [i and i.name for i in group.inputs] == ["R", None]
    knobs = group.knobs
    assert knobs["mix"] == "{curve x1 0 x2 1}" and knobs["state"] == "ready"
    assert knobs["colour"] == "1 1 1" and knobs["radius"] == "2" and knobs["own"] == "3"
    assert knobs["help"] == gizmo.knobs["help"] and knobs["xpos"] == "5"
    digits = checksum(library.path("RelipBlend_v1_0"))[:16]
    assert knobs[FROZEN] == f"RelipBlend_v1_0@{digits}"
    own = group.user_knobs
    assert own[: len(gizmo.user_knobs)] == gizmo.user_knobs
    assert own[-2:] == ["20 User l Mine", "7 own l Own"] and FROZEN in own[-3]
    # A value can only be set behind the knob it belongs to.
    order = [e.value.split()[1] if e.name == "addUserKnob" else e.name for e in group.entries]
    for name in ("mix", "state", "own", "colour"):
        assert order.index(name) < len(order) - 1 - order[::-1].index(name)


def test_the_nodes_inside_are_the_gizmos(library: Library):
    group = nk.parse(freeze(comp(PLAIN), library).text).find("B")
    gizmo = library.gizmo("RelipBlend_v1_0")
    assert group
    shape = [
        [(n.cls, n.name, dict(n.knobs), [i and i.name for i in n.inputs], n.mask_inputs)
         for n in node.children]
        for node in (group, gizmo)
    ]  # fmt: skip
    assert shape[0] == shape[1]


def test_the_rest_stays_byte_for_byte(library: Library):
    text = freeze(comp(PLAIN), library).text
    head, tail = PLAIN.split(" RelipBlend_v1_0 {")[0], PLAIN[PLAIN.index("push $N1") :]
    assert text.startswith(head) and text.endswith(tail)


def test_variables_of_gizmo_and_comp_do_not_meet(library: Library):
    # The gizmo's own text sets N1 too.
    text = PLAIN.replace("push $N1\n", "push $N1\n") + "RelipBlend_v1_0 {\n name C\n}\n"
    script = nk.parse(freeze(comp(text), library).text)
    after = script.find("After")
    assert after and [i and i.name for i in after.inputs] == ["R"]
    assert after.inputs[0] is script.find("R")
    again = freeze(comp(freeze(comp(text), library, only=["B"]).text), library)
    assert reader_nodes(nk.parse(again.text)) == reader_nodes(script)


def test_a_whole_comp(library: Library):
    text = COMP.split("RelipBlend_v9_9")[0]
    result = freeze(comp(text), library)
    assert [n for n, _ in result.nodes] == [
        "Blend_hero",
        "Blend_hero",
        "Group1.Blend_hero",
        "Alone",
    ]
    assert len(result.notes) == 1 and "clone" in result.notes[0]
    assert tcl_nodes(result.text) == reader_nodes(nk.parse(result.text))
    script = nk.parse(result.text)
    assert not [n for n in script.walk() if library.is_relip(n.cls)]
    before = nk.parse(text)
    for node in before.walk():
        if node.cls in ("Read", "Grade", "Blur", "Group", "Output", "Root"):
            path = comp(text).path
            twin = [n for n in script.walk() if n.name == node.name and n.cls == node.cls][0]
            assert dict(twin.knobs) == dict(node.knobs) and path
    reports = audit(comp(result.text), library)
    assert [r.states[0] for r in reports] == ["frozen"] * 4
    again = freeze(comp(result.text), library)
    assert again.text == result.text and again.nodes == []


def test_a_clone_becomes_a_group_of_its_own(library: Library):
    text = (
        "RelipBlend_v1_0 {\n mix 0.5\n name B1\n xpos 1\n}\nset C1 [stack 0]\n"
        "clone $C1 {\n xpos 7\n}\nBlur {\n name B2\n}\n"
    )
    result = freeze(comp(text), library)
    first, second, blur = nk.parse(result.text).nodes
    assert (first.name, second.name, blur.name) == ("B1", "B3", "B2")
    assert first.knobs["mix"] == second.knobs["mix"] == "0.5"
    assert (first.knobs["xpos"], second.knobs["xpos"]) == ("1", "7")
    assert second.inputs == [first] and len(second.children) == len(first.children)
    assert "B3" in result.notes[0]
    only = freeze(comp(text), library, only=["B1"])
    assert only.text == result.text, "clones go with their original"


def test_gizmos_inside_gizmos(tmp_path: Path):
    library = make_library(tmp_path / "g", ("RelipAll_v1_0", "RelipBlend_v1_0"))
    text = "Group {\n name G\n}\n RelipAll_v1_0 {\n  name A\n }\n Output {\n }\nend_group\n"
    text += "RelipAll_v1_0 {\n name Z\n}\n"
    result = freeze(comp(text), library)
    assert tcl_nodes(result.text) == reader_nodes(nk.parse(result.text))
    script = nk.parse(result.text)
    assert script.layers == ["relip relip.red relip.green"] * 2
    for path in ("G.A", "Z"):
        group, first, second = (script.find(path + n) for n in ("", ".First", ".Second"))
        assert group and first and second
        assert group.cls == first.cls == second.cls == "Group"
        assert first.knobs["mix"] == "0.25" and second.knobs["mix"] == "1"
        assert [n.cls for n in first.children] == ["Input", "Input", "Blur", "Output"]
        assert second.inputs == [first]
    assert not [n for n in script.walk() if library.is_relip(n.cls)]
    assert [n.cls for n in library.gizmo("RelipAll_v1_0").children][1] == "RelipBlend_v1_0"


def test_a_gizmo_that_holds_itself_is_refused(tmp_path: Path):
    library = make_library(tmp_path / "g", ("RelipBlend_v1_0",))
    path = library.path("RelipBlend_v1_0")
    path.write_text(path.read_text().replace(" Output {", " RelipBlend_v1_0 {\n }\n Output {"))
    (library.folder / "gizmos.toml").unlink()
    with pytest.raises(GizmoError, match="holds itself"):
        freeze(comp("RelipBlend_v1_0 {\n name B\n}\n"), open_library(library.folder))


def test_line_ends_stay(library: Library):
    result = freeze(comp(PLAIN.replace("\n", "\r\n")), library).text
    assert result == freeze(comp(PLAIN), library).text.replace("\n", "\r\n")


def test_what_cannot_be_frozen_is_refused(library: Library):
    with pytest.raises(GizmoError, match=r"RelipBlend_v9_9 of FromTheFuture is not there"):
        freeze(comp(COMP), library)
    with pytest.raises(UsageError, match="Nobody"):
        freeze(comp(COMP), library, only=["Nobody"])
    path = library.path("RelipBlend_v1_0")
    path.write_text(path.read_text() + "#\n")
    with pytest.raises(GizmoError, match="modified"):
        freeze(comp(PLAIN), open_library(library.folder))
