"""Which knob of which node an expression names."""

from __future__ import annotations

import pytest
from gizmo_making import comp

from relip.gizmo.references import references

HEAD = """\
Read {
 inputs 0
 name R
}
Group {
 name G
 size2 1
}
 Blur {
  inputs 0
  name Inner
 }
 Blur {
  %s
  name Deep
 }
 Output {
  name Output1
 }
end_group
Blur {
 %s
 name B
}
Blur {
 inputs 0
 name mix
}
"""


def found(value: str, *, knob: str = "size", deep: bool = False) -> list[tuple[str, str]]:
    line = f"{knob} {value}"
    script = comp(HEAD % ((line, "a 1") if deep else ("a 1", line)))
    owner = script.script.find("G.Deep" if deep else "B")
    assert owner
    entry = next(e for e in owner.entries if e.name == knob)
    result = []
    for reference in references(entry, owner, script):
        assert script.script.text[reference.start : reference.end] == reference.knob
        result.append((script.path(reference.node), reference.knob))
    return result


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("{{R.first}}", [("R", "first")]),
        ("{{R.first+B.size*2}}", [("R", "first"), ("B", "size")]),
        ("{{parent.R.first}}", [("R", "first")]),
        ("{{root.R.first}}", [("R", "first")]),
        ("{{root.first_frame}}", []),
        ("{{this.quality}}", [("B", "quality")]),
        ("{{input.size2}}", [("G", "size2")]),
        ("{{input0.size2}}", [("G", "size2")]),
        ("{{input3.size2}}", []),
        ("{{G.Inner.size.w}}", [("G.Inner", "size")]),
        ("{{G.Nobody.size}}", [("G", "Nobody")]),
        ("{{quality*2}}", [("B", "quality")]),
        ("{{quality.r}}", [("B", "quality")]),
        ("{{sin(quality)}}", [("B", "quality")]),
        ("{{mix}}", []),  # a node has that name
        ("{{mix.size}}", [("mix", "size")]),
        ("{{1.5*quality+0.5e3}}", [("B", "quality")]),
        ("{5 {R.first}}", [("R", "first")]),
        ("{{curve x1 0 x2 5}}", []),
        ("{{curve(R.first-frame) x1 0}}", [("R", "first"), ("B", "frame")]),
        ("R.first", [("R", "first")]),
        ('"R.first > 2 ? 1 : 0"', [("R", "first")]),
        ("Nobody.first", []),
        ("/a/b.exr", []),
        ("/a/R.first.%04d.exr", []),  # a path is text
        ('"C:/a b/R.first.exr"', []),
        ("//server/R.first.exr", []),
        (r'"\[value R.first]/R.first.exr"', [("R", "first")]),
        ("r/R.first", [("R", "first")]),
        ("{{1/R.first}}", [("R", "first")]),
        ("quality", []),
        ('"quality and more"', []),
        (r'"\[value quality]"', [("B", "quality")]),
        (r'"\[value this.quality]\nR.first"', [("B", "quality"), ("R", "first")]),
        (r'"\[knob R.first 5]"', [("R", "first")]),
        (r'{{"\[value quality] + R.first"}}', [("B", "quality"), ("R", "first")]),
        (r'{{"\[exists parent.R.first] ? 1 : 0"}}', [("R", "first")]),
        (r'"\nR.first"', [("R", "first")]),
        ('"x.R.first"', []),
    ],
)
def test_at_the_top(value: str, expected: list[tuple[str, str]]):
    assert found(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("{{Inner.size}}", [("G.Inner", "size")]),
        ("{{parent.size2}}", [("G", "size2")]),
        ("{{parent.Inner.size}}", [("G.Inner", "size")]),
        ("{{parent.parent.R.first}}", [("R", "first")]),
        ("{{root.G.Inner.size}}", [("G.Inner", "size")]),
        ("{{R.first}}", []),
        ("{{input.size}}", [("G.Inner", "size")]),
    ],
)
def test_in_a_group(value: str, expected: list[tuple[str, str]]):
    assert found(value, deep=True) == expected


def test_a_link_knob():
    assert found("{41 c l C T R.first}", knob="addUserKnob") == [("R", "first")]


def test_the_words_of_a_user_knob_are_text():
    line = '{41 "c" l "of R.first" t "R.first \\[value R.last]" T "R.first"}'
    assert found(line, knob="addUserKnob") == [("R", "last"), ("R", "first")]
    assert found('{7 c l "R.first" R 0 1}', knob="addUserKnob") == []
    assert found("{41 c T quality}", knob="addUserKnob") == [("B", "quality")]
    assert found("{41 c T}", knob="addUserKnob") == []


@pytest.mark.parametrize("knob", ["file", "proxy"])
def test_a_file_knob_holds_a_path(knob: str):
    assert found("R.first", knob=knob) == []
    assert found(r'"\[value R.first]"', knob=knob) == [("R", "first")]


GROUP = """\
Blur {
 name Outside
}
Blur {
 name Both
}
Group {
 name G
 addUserKnob {41 a T Inside.size}
 addUserKnob {41 b T Both.size}
 addUserKnob {41 c T Outside.size}
 addUserKnob {7 d}
 d {{Inside.size+Both.size+Outside.size}}
}
 Blur {
  name Inside
 }
 Blur {
  name Both
 }
end_group
"""


def test_the_knobs_of_a_group_reach_what_is_inside_it():
    script = comp(GROUP)
    group = script.script.nodes[2]
    reached = [
        [script.path(reference.node) for reference in references(entry, group, script)]
        for entry in group.entries
        if entry.name in ("addUserKnob", "d")
    ]
    assert reached == [
        ["G.Inside"], ["G.Both"], ["Outside"], [], ["G.Inside", "Both", "Outside"],
    ]  # fmt: skip
