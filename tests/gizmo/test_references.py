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
