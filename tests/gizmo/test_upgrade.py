"""Upgrading comps: what must change changes, all else stays byte for byte."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from gizmo_making import COMP, comp, make_library
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nk_oracle import reader_nodes, tcl_nodes

from relip.errors import UsageError
from relip.gizmo.comp import Comp, Edits
from relip.gizmo.library import Library
from relip.gizmo.upgrade import CHANGES, Change, Upgraded, upgrade
from relip.handoff import nk


def changes(result: Upgraded, what: str) -> list[tuple[str, str]]:
    return [(c.node, c.knob) for c in result.changes if c.what == what]


def find(text: str, path: str) -> nk.Node:
    """The node at a path; the original where clones share its name."""
    script = Comp(nk.parse(text))
    found = [n for n in script.script.walk() if script.path(n) == path and not n.clone_of]
    assert found, f"{path} is gone"
    return found[0]


@pytest.fixture
def upgraded(library: Library) -> Upgraded:
    return upgrade(comp(COMP), library)


def test_only_lines_that_must_change_do(upgraded: Upgraded):
    old, new = COMP.split("\n"), upgraded.text.split("\n")
    removed = [line for line in old if line not in new]
    added = [line for line in new if line not in old]
    assert removed == [
        "RelipBlend_v1_0 {",
        " colour {1 {curve K x1 1 x5 2 s0.5} 0.5}",
        " colour_panelDropped true",
        " mode soft",
        ' label "gain \\[value colour.r]\\nmix [value this.mix] Blend_hero.colour"',
        " white {{parent.Blend_hero.colour.r*2} {Blend_hero.colour.g} "
        '{"\\[value Blend_hero.mix]"}}',
        " black {{curve(Blend_hero.colour.b) x1 0 x2 1}}",
        " addUserKnob {41 c l C T Blend_hero.colour}",
        " RelipBlend_v1_0 {",
        "  feather {{parent.parent.Blend_hero.colour + mix}}",
        "  size {{parent.Blend_hero.colour.r}}",
        "RelipBlend_v1_0 { inputs 0 mode hard radius 3 name Alone }",
    ]
    assert added == [
        "RelipBlend_v1_1 {",
        " gain {1 {curve K x1 1 x5 2 s0.5} 0.5}",
        " gain_panelDropped true",
        " mode smooth",
        ' label "gain \\[value gain.r]\\nmix [value this.mix] Blend_hero.gain"',
        " radius 2",
        ' white {{parent.Blend_hero.gain.r*2} {Blend_hero.gain.g} {"\\[value Blend_hero.mix]"}}',
        " black {{curve(Blend_hero.gain.b) x1 0 x2 1}}",
        " addUserKnob {41 c l C T Blend_hero.gain}",
        " RelipBlend_v1_1 {",
        "  feather {{parent.parent.Blend_hero.gain + mix}}",
        "  radius 2",
        "  size {{parent.Blend_hero.gain.r}}",
        "RelipBlend_v1_1 { inputs 0 mode hard radius 3 name Alone }",
    ]


def test_connections_names_and_positions_stay(upgraded: Upgraded):
    def graph(text: str) -> list[tuple[object, ...]]:
        return [
            (n.name, [i and i.name for i in n.inputs], n.knobs.get("xpos"), n.knobs.get("ypos"),
             n.clone_of and n.clone_of.name, n.mask_inputs, n.knobs.get("selected"))
            for n in nk.parse(text).walk()
        ]  # fmt: skip

    assert graph(upgraded.text) == graph(COMP)
    hero = find(upgraded.text, "Blend_hero")
    assert [i and i.name for i in hero.inputs] == ["Read1", None, "Read1"]


def test_animation_stays(upgraded: Upgraded):
    hero = find(upgraded.text, "Blend_hero")
    assert hero.knobs["mix"] == "{curve L x1001 0 x1010 1}"
    assert hero.knobs["gain"] == "1 {curve K x1 1 x5 2 s0.5} 0.5"


def test_the_report_names_all(upgraded: Upgraded):
    assert changes(upgraded, "class") == [
        ("Blend_hero", ""), ("Blend_hero", ""), ("Group1.Blend_hero", ""), ("Alone", ""),
    ]  # fmt: skip
    assert changes(upgraded, "renamed") == [("Blend_hero", "colour")]
    assert changes(upgraded, "dropped") == []
    assert changes(upgraded, "value") == [("Blend_hero", "mode")]
    assert changes(upgraded, "pinned") == [
        ("Blend_hero", "radius"),
        ("Group1.Blend_hero", "radius"),
    ]
    assert changes(upgraded, "expression") == [
        ("Blend_hero", "label"), ("Blend_hero", "label"), ("Grade1", "white"), ("Grade1", "white"),
        ("Grade1", "black"), ("Grade1", "c"), ("Group1.Blend_hero", "feather"),
        ("Group1.Blur1", "size"),
    ]  # fmt: skip
    assert changes(upgraded, "look") == [
        ("Grade1", "knobChanged"), ("Group1.Blend_hero", "mode"),
    ]  # fmt: skip
    assert changes(upgraded, "skipped") == [("FromTheFuture", "")]
    assert {c.what for c in upgraded.changes} <= set(CHANGES)
    assert upgraded.needs_a_look
    for change in upgraded.changes:
        line = COMP.split("\n")[change.line - 1]
        if change.what in ("renamed", "value", "look", "expression"):
            assert change.knob in line or "mode" in line
        if change.what == "class":
            assert "RelipBlend_v1_0" in line or "clone" in line
        assert str(change).startswith(change.node) and change.to_dict()["what"] == change.what


def test_twice_changes_nothing(library: Library, three: Library, upgraded: Upgraded):
    for gizmos in (library, three):
        once = upgrade(comp(COMP), gizmos)
        twice = upgrade(comp(once.text), gizmos)
        assert twice.text == once.text
        assert {c.what for c in twice.changes} == {"skipped"}


def test_tcl_reads_the_result(upgraded: Upgraded):
    assert tcl_nodes(upgraded.text) == reader_nodes(nk.parse(upgraded.text))
    assert len(tcl_nodes(upgraded.text)) == len(tcl_nodes(COMP))


def test_two_steps_at_once(three: Library):
    result = upgrade(comp(COMP), three)
    hero = find(result.text, "Blend_hero")
    assert hero.cls == "RelipBlend_v2_0"
    assert hero.knobs["amount"] == "{curve L x1001 0 x1010 1}" and "mix" not in hero.knobs
    assert hero.knobs["gain"].startswith("1 {curve K") and "legacy" not in hero.knobs
    assert hero.knobs["mode"] == "smooth" and find(result.text, "Alone").knobs["mode"] == "crisp"
    assert changes(result, "dropped") == [("Blend_hero", "legacy")]
    dropped = next(c for c in result.changes if c.what == "dropped")
    assert "nobody used it" in dropped.detail and "'4'" in dropped.detail
    assert sorted(changes(result, "renamed")) == [("Blend_hero", "colour"), ("Blend_hero", "mix")]
    grade = find(result.text, "Grade1")
    assert grade.knobs["white"] == (
        '{parent.Blend_hero.gain.r*2} {Blend_hero.gain.g} {"\\[value Blend_hero.amount]"}'
    )
    assert find(result.text, "Group1").knobs["mix2"] == "{Blend_hero.amount}"
    inner = find(result.text, "Group1.Blend_hero")
    assert inner.knobs["feather"] == "{parent.parent.Blend_hero.gain + amount}"
    assert hero.knobs["label"] == "gain [value gain.r]\nmix [value this.amount] Blend_hero.gain"
    assert hero.knobs["legacy2"] == "3", "a knob that the artist added is not Relip's"
    assert "guard" not in hero.knobs, "a new knob keeps its default"


def test_one_step_equals_two(tmp_path: Path, three: Library):
    middle = make_library(tmp_path / "middle")
    stepwise = upgrade(comp(upgrade(comp(COMP), middle).text), three).text
    at_once = upgrade(comp(COMP), three).text
    assert reader_nodes(nk.parse(stepwise)) == reader_nodes(nk.parse(at_once))


def test_only_some_nodes(library: Library):
    result = upgrade(comp(COMP), library, only=["Alone"])
    assert changes(result, "class") == [("Alone", "")]
    assert result.text == COMP.replace(
        "RelipBlend_v1_0 { inputs 0 mode hard", "RelipBlend_v1_1 { inputs 0 mode hard"
    )
    inner = upgrade(comp(COMP), library, only=["Group1.Blend_hero"])
    assert changes(inner, "class") == [("Group1.Blend_hero", "")]
    assert find(inner.text, "Blend_hero").cls == "RelipBlend_v1_0"
    assert find(inner.text, "Group1.Blur1").knobs["size"] == "{parent.Blend_hero.gain.r}"
    assert find(inner.text, "Grade1").knobs["white"].startswith("{parent.Blend_hero.colour.r*2}")
    with pytest.raises(UsageError, match="Nobody"):
        upgrade(comp(COMP), library, only=["Nobody"])


def test_a_clone_goes_with_its_original(library: Library):
    text = (
        "RelipBlend_v1_0 {\n name B\n}\nset C1 [stack 0]\n"
        "clone $C1 {\n colour {2 2 2}\n xpos 5\n}\n"
        "clone node7|RelipBlend_v1_0|9 RelipBlend_v1_0 {\n colour 3\n name F\n}\n"
    )
    result = upgrade(comp(text), library)
    assert result.text == (
        "RelipBlend_v1_1 {\n name B\n radius 2\n}\nset C1 [stack 0]\n"
        "clone $C1 {\n gain {2 2 2}\n xpos 5\n}\n"
        "clone node7|RelipBlend_v1_0|9 RelipBlend_v1_1 {\n gain 3\n name F\n radius 2\n}\n"
    )
    nodes = nk.parse(result.text).nodes
    assert nodes[1].clone_of is nodes[0] and nodes[2].clone_of is None
    assert [n.cls for n in nk.parse(result.text).nodes] == ["RelipBlend_v1_1"] * 3


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_line_ends_and_odd_bytes_stay(newline: str, library: Library, tmp_path: Path):
    path = tmp_path / "c.nk"
    data = COMP.replace("# the end", "# caf\udce9 the end").replace("\n", newline)
    path.write_bytes(data.encode("utf-8", "surrogateescape"))
    result = upgrade(Comp.read(path), library)
    expected = upgrade(comp(COMP.replace("# the end", "# caf\udce9 the end")), library).text
    assert result.text == expected.replace("\n", newline)
    nk.save(result.text, path)
    assert path.read_bytes() == result.text.encode("utf-8", "surrogateescape")
    assert b"caf\xe9" in path.read_bytes()


def test_a_knob_that_neither_version_has_is_left_and_named(library: Library):
    text = "RelipBlend_v1_0 {\n strange 5\n radius 1\n name B\n}\n"
    result = upgrade(comp(text), library)
    assert result.text == text.replace("_v1_0", "_v1_1")
    assert changes(result, "look") == [("B", "strange")]


def test_a_knob_that_a_migration_forgot_is_dropped_and_named(tmp_path: Path):
    library = make_library(tmp_path / "g", ("RelipBlend_v1_0", "RelipBlend_v2_0"))
    assert library.steps("RelipBlend_v1_0", "RelipBlend_v2_0")[0][0].renames == {}
    text = "RelipBlend_v1_0 {\n mix 0.5\n feather 3\n radius 1\n name B\n}\n"
    result = upgrade(comp(text), library)
    assert result.text == "RelipBlend_v2_0 {\n feather 3\n radius 1\n name B\n}\n"
    assert changes(result, "dropped") == [("B", "mix")]
    assert changes(result, "look") == [("B", "mode")]  # the old default is not in the new menu
    assert "'0.5'" in next(c.detail for c in result.changes if c.what == "dropped")


def test_a_changed_default_is_written_out_only_where_the_node_has_none(library: Library):
    result = upgrade(comp("RelipBlend_v1_0 {\n radius {{frame}}\n name B\n}\n"), library)
    assert not changes(result, "pinned") and "radius {{frame}}" in result.text
    for body, expected in [
        ("{\n name B\n}", "{\n name B\n radius 2\n}"),
        ("{}", "{ radius 2 }"),
        ("{\n}", "{\n radius 2\n}"),
        ("{ name B }", "{ name B  radius 2 }"),
    ]:
        text = upgrade(comp(f"RelipBlend_v1_0 {body}\n"), library).text
        assert text == f"RelipBlend_v1_1 {expected}\n"
        assert nk.parse(text).nodes[0].knobs["radius"] == "2"


def test_a_link_without_a_default_is_not_pinned(tmp_path: Path):
    library = make_library(tmp_path / "g")
    path = library.folder / "gizmos.toml"
    old = 'name = "size", type = 41, default = "{parent.feather}"'
    assert path.read_text().count(old) == 2
    path.write_text(path.read_text().replace(old, 'name = "size", type = 41, default = ""', 1))
    from relip.gizmo.library import open_library

    result = upgrade(comp("RelipBlend_v1_0 {\n radius 1\n name B\n}\n"), open_library(path.parent))
    assert result.text == "RelipBlend_v1_1 {\n radius 1\n name B\n}\n"


def test_a_value_that_the_new_menu_lacks_is_named(tmp_path: Path):
    library = make_library(tmp_path / "g", ("RelipBlend_v1_0", "RelipBlend_v2_0"))
    for value, told in [("hard", True), ("crisp", False), ("1", False), ("{{frame}}", False)]:
        text = f"RelipBlend_v1_0 {{\n mode {value}\n radius 1\n name B\n}}\n"
        result = upgrade(comp(text), library)
        assert f" mode {value}\n" in result.text
        assert changes(result, "look") == ([("B", "mode")] if told else [])


def test_a_deprecated_version_is_not_the_goal(tmp_path: Path):
    library = make_library(
        tmp_path / "g", ("RelipBlend_v1_0", "RelipBlend_v1_1", "RelipBlend_v2_0")
    )
    path = library.folder / "gizmos.toml"
    head, last = path.read_text().rsplit("deprecated = false", 1)
    path.write_text(head + "deprecated = true" + last)
    from relip.gizmo.library import open_library

    result = upgrade(comp("RelipBlend_v1_0 {\n name B\n}\n"), open_library(library.folder))
    assert find(result.text, "B").cls == "RelipBlend_v1_1"


def test_dropped_knobs_in_expressions_are_named(three: Library):
    text = "RelipBlend_v1_1 {\n name B\n}\nBlur {\n size {{B.legacy*2}}\n name Z\n}\n"
    result = upgrade(comp(text), three)
    assert "{{B.legacy*2}}" in result.text
    look = next(c for c in result.changes if c.what == "look")
    assert (look.node, look.knob) == ("Z", "size") and "B.legacy" in look.detail


def test_python_is_not_rewritten_but_named(three: Library):
    text = (
        "RelipBlend_v1_0 {\n name B\n knobChanged \"n\\['colour'].value()\"\n}\n"
        "NoOp {\n name Z\n addUserKnob {22 go T \"nuke.toNode('B')\\\\\\['mix']\"}\n"
        ' onCreate "nuke.allNodes(\'RelipBlend_v1_0\')"\n autolabel "nuke.thisNode().name()"\n}\n'
    )
    result = upgrade(comp(text), three)
    assert changes(result, "look") == [("B", "knobChanged"), ("Z", "go"), ("Z", "onCreate")]
    for node in ("B", "Z"):
        before, after = find(text, node), find(result.text, node)
        for knob in ("knobChanged", "onCreate", "autolabel"):
            assert before.knobs.get(knob) == after.knobs.get(knob)


def test_a_large_comp_is_upgraded_quickly(library: Library):
    shape = "{{{v x3f99999a} {f 0} {n {layer Root" + " {x447ec000 x44750000}" * 100_000 + "}}}}"
    text = f"Roto {{\n curves {shape}\n name R\n}}\n" + "Dot {\n name D\n}\n" * 5000
    text += "RelipBlend_v1_0 {\n colour 2\n radius 1\n name B\n}\n"
    began = time.process_time()
    result = upgrade(comp(text), library)
    assert time.process_time() - began < 5
    assert result.text == text.replace("Blend_v1_0", "Blend_v1_1").replace("colour", "gain")


WRAPPED = """\
Read {
 inputs 0
 name Read1
}
Group {
 name Mouth
 addUserKnob {20 User}
 addUserKnob {41 amount_of_patch l "B.mix of it" T B.mix}
 addUserKnob {7 double}
 double {{B.mix*2}}
}
 Input {
  inputs 0
  name Input1
 }
 RelipBlend_v1_0 {
  mix {{parent.Animated.which}}
  radius 1
  name B
 }
set C1 [stack 0]
 Write {
  file "/jobs/B.mix.%04d.exr"
  proxy "\\[value B.mix]/B.mix.exr"
  name W
 }
 Output {
  name Output1
 }
end_group
clone $C1 {
 mix {{curve L x1 0 x9 1}}
 name Outer
}
Text2 {
 message "\\[python \\{nuke.toNode('Outer')\\['mix'].value()\\}]"
 name T
}
"""


def test_a_group_around_a_relip_node_keeps_its_links(three: Library):
    result = upgrade(comp(WRAPPED), three)
    expected = WRAPPED.replace("v1_0", "v2_0").replace("T B.mix}", "T B.amount}")
    expected = expected.replace("{{B.mix*2}}", "{{B.amount*2}}").replace("\n  mix", "\n  amount")
    expected = expected.replace("\n mix", "\n amount").replace("[value B.mix]", "[value B.amount]")
    assert result.text == expected
    assert changes(result, "renamed") == [("Mouth.B", "mix"), ("Outer", "mix")]
    assert changes(result, "expression") == [
        ("Mouth", "amount_of_patch"), ("Mouth", "double"), ("Mouth.W", "proxy"),
    ]  # fmt: skip
    assert changes(result, "look") == [("T", "message")]
    assert upgrade(comp(result.text), three) == Upgraded(result.text, [])
    assert tcl_nodes(result.text) == reader_nodes(nk.parse(result.text))


def test_a_value_under_the_new_name_had_no_effect_and_has_none(three: Library):
    text = (
        "RelipBlend_v1_0 {\n amount {{B.mix}}\n mix 0.2\n amount 0.3\n guard false\n radius 1\n"
        " name B\n}\n"
    )
    result = upgrade(comp(text), three)
    assert result.text == "RelipBlend_v2_0 {\n amount 0.2\n radius 1\n name B\n}\n"
    assert changes(result, "dropped") == [("B", "amount"), ("B", "amount"), ("B", "guard")]
    assert all("no effect" in c.detail for c in result.changes if c.what == "dropped")


def test_a_value_of_a_translated_menu_that_neither_has_is_named(library: Library):
    result = upgrade(comp("RelipBlend_v1_0 {\n mode odd\n radius 1\n name B\n}\n"), library)
    assert changes(result, "look") == [("B", "mode")] and " mode odd\n" in result.text


def test_the_knobs_an_artist_added_to_an_original_are_its_clones_too(three: Library):
    text = (
        "RelipBlend_v1_0 {\n radius 1\n name B\n addUserKnob {20 User}\n"
        " addUserKnob {41 short T mix}\n addUserKnob {7 mine}\n}\nset C1 [stack 0]\n"
        "clone $C1 {\n mine 4\n name C\n}\nBlur {\n size {{C.mine}}\n name Z\n}\n"
    )
    result = upgrade(comp(text), three)
    assert result.text == text.replace("v1_0", "v2_0").replace("T mix}", "T amount}")
    assert not changes(result, "look")


def test_a_comp_without_relip_is_left_alone(library: Library):
    text = "Blur {\n name A\n label RelipBlend_v1_0\n}\n"
    assert upgrade(comp(text), library) == Upgraded(text, [])


def test_edits_do_not_overlap():
    edits = Edits("abcdef")
    edits.replace(3, 4, "X")
    edits.replace(0, 1, "")
    edits.replace(2, 2, "-")
    edits.replace(4, 5, "e")
    assert edits.apply() == "b-cXef" and edits.count == 3
    edits.replace(2, 4, "no")
    with pytest.raises(AssertionError):
        edits.apply()


def test_a_change_reads_as_a_line():
    change = Change("G.B", 3, "renamed", "colour", "now gain")
    assert str(change) == "G.B.colour (line 3): renamed: now gain"
    assert str(Change("B", 1, "class", "", "a → b")) == "B (line 1): class: a → b"


NAMES = st.sampled_from(["B1", "B2", "Blur1", "Group7", "Read1"])
VALUES = {
    "mix": st.sampled_from(["0.5", "{curve L x1 0 x9 1}", "{B1.colour.r}", "{parent.B2.mix}"]),
    "colour": st.sampled_from(["2", "1 2 3", "{curve x1 0 3} 1 1", "{mix} {mix} 1"]),
    "feather": st.sampled_from(["3", "{B2.feather+colour}", "{curve(frame-mix) x1 2}"]),
    "mode": st.sampled_from(["soft", "hard", "{1}"]),
    "legacy": st.sampled_from(["1", "{B1.legacy}"]),
    "radius": st.sampled_from(["1", "2", "{curve x1 0}"]),
    "label": st.sampled_from(
        ['a [value mix]\n{x} "q"', "colour", "", "B1.colour B1.mix [knob B2.mix]"]
    ),
    "xpos": st.sampled_from(["-4", "12"]),
    "name": NAMES,
}


@st.composite
def comps(draw, depth: int = 1) -> list[nk.Node]:
    nodes: list[nk.Node] = []
    for _ in range(draw(st.integers(1, 5))):
        knobs = {
            knob: draw(VALUES[knob])
            for knob in draw(st.lists(st.sampled_from(sorted(VALUES)), unique=True))
        }
        inputs = draw(st.lists(st.sampled_from([None, *nodes]), max_size=3))
        originals = [n for n in nodes if n.cls.startswith("Relip") and not n.clone_of]
        kind = draw(st.integers(0, 6))
        if kind == 0 and depth:
            node = nk.Node("Group", inputs=inputs, knobs={"name": draw(NAMES)})
            node.children = draw(comps(depth=depth - 1))
        elif kind == 1 and originals:
            original = draw(st.sampled_from(originals))
            node = nk.Node(original.cls, inputs=inputs, knobs=knobs, clone_of=original)
        elif kind == 2:
            node = nk.Node("Blur", inputs=inputs, knobs={"size": draw(VALUES["mix"])})
        else:
            version = draw(st.sampled_from(["1_0", "1_1", "2_0"]))
            node = nk.Node(f"RelipBlend_v{version}", inputs=inputs, knobs=knobs)
        nodes.append(node)
    return nodes


@settings(
    max_examples=50, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(nodes=comps())
def test_any_comp_keeps_what_it_is(nodes: list[nk.Node], three: Library):
    text = nk.Script(nodes).to_text()
    before = comp(text)
    result = upgrade(before, three)
    after = comp(result.text)
    olds, news = list(before.script.walk()), list(after.script.walk())
    assert len(olds) == len(news)
    index = {id(n): i for i, n in enumerate(olds)}
    number = {id(n): i for i, n in enumerate(news)}
    renames = {"RelipBlend_v1_0": {"mix": "amount", "colour": "gain"},
               "RelipBlend_v1_1": {"mix": "amount"}}  # fmt: skip
    for old, new in zip(olds, news, strict=True):
        assert [i and index[id(i)] for i in old.inputs] == [i and number[id(i)] for i in new.inputs]
        assert old.name == new.name and old.knobs.get("xpos") == new.knobs.get("xpos")
        assert (old.clone_of is None) == (new.clone_of is None)
        if not old.cls.startswith("Relip"):
            assert new.cls == old.cls and list(old.knobs) == list(new.knobs)
            continue
        assert new.cls == "RelipBlend_v2_0"
        path = before.path(old)
        gone = {k for n, k in changes(result, "dropped") if n == path}
        if old.cls == "RelipBlend_v2_0":
            assert list(old.knobs) == list(new.knobs)
            continue
        for knob, value in old.knobs.items():
            renamed = renames[old.cls].get(knob, knob)
            if knob == "legacy":
                assert "legacy" in gone and "legacy" not in new.knobs
            elif knob == "mode":
                table = {"soft": "smooth"} if old.cls == "RelipBlend_v1_0" else {}
                assert new.knobs["mode"] == (table | {"hard": "crisp"}).get(value, value)
            else:
                # Values change only where they name a renamed knob.
                pattern = (
                    re.escape(value)
                    .replace("mix", "(mix|amount)")
                    .replace("colour", "(colour|gain)")
                )
                assert re.fullmatch(pattern, new.knobs[renamed], re.DOTALL)
    again = upgrade(after, three)
    assert again.text == result.text and not again.changes
    assert tcl_nodes(result.text) == reader_nodes(after.script)
