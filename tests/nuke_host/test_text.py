"""Nuke's text into nodes: the stack, groups, refusals."""

from __future__ import annotations

import pytest

SCRIPT = r"""
version 15.1 v3
Root {
 inputs 0
 first_frame 1001
 last_frame 1010
}
Constant {
 inputs 0
 color {0.5 0.25 0.125 1}
 channels rgba
 format "64 32 0 0 64 32 1 small"
 name Plate
}
set N1 [stack 0]
Constant {
 inputs 0
 color {0.1 0.2 0.3 0.5}
 channels rgba
 format "64 32 0 0 64 32 1 small"
 name Patch
}
push $N1
Merge2 {
 inputs 2
 name Over
}
push 0
push $N1
Merge2 {
 inputs 2+1
 name Half
}
"""


def test_inputs_come_from_the_stack(nuke_host, tmp_path):
    path = tmp_path / "a.nk"
    path.write_text(SCRIPT)
    nuke_host.open(path)
    over = nuke_host.find_node("Over")
    assert over.input(0).name() == "Plate"
    assert over.input(1).name() == "Patch"
    half = nuke_host.find_node("Half")
    assert half.input(0).name() == "Plate"
    assert half.input(1) is None
    assert half.input(2).name() == "Over"
    assert nuke_host.root.firstFrame() == 1001


def test_the_masks_place_is_skipped_without_a_mask(nuke_host):
    sources = "".join(f"Constant {{\n inputs 0\n name {n}\n}}\n" for n in ("A2", "A", "B"))
    nuke_host.paste(sources + "Merge2 {\n inputs 3\n name M\n}\n")
    merge = nuke_host.find_node("M")
    names = [n and n.name() for n in (merge.input(i) for i in range(4))]
    assert names == ["B", "A", None, "A2"]


def test_over_is_foundrys_formula(nuke_host, tmp_path):
    path = tmp_path / "a.nk"
    path.write_text(SCRIPT)
    nuke_host.open(path)
    picture = nuke_host.picture("Over", 1001).array("rgba")
    assert picture.shape == (32, 64, 4)
    expected = [0.1 + 0.5 * 0.5, 0.2 + 0.25 * 0.5, 0.3 + 0.125 * 0.5, 0.5 + 1 * 0.5]
    assert picture[3, 5] == pytest.approx(expected, abs=1e-7)


def test_saved_text_makes_the_same_script(nuke_host, tmp_path):
    first, second = tmp_path / "a.nk", tmp_path / "b.nk"
    first.write_text(SCRIPT)
    nuke_host.open(first)
    nuke_host.save(second)
    nuke_host.open(second)
    assert sorted(n.name() for n in nuke_host.root.nodes()) == ["Half", "Over", "Patch", "Plate"]
    assert nuke_host.find_node("Over").input(1).name() == "Patch"
    assert nuke_host.find_node("Half").input(2).name() == "Over"
    assert nuke_host.find_node("Patch")["color"].value() == [0.1, 0.2, 0.3, 0.5]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("NoSuch {\n}", "NoSuch"),
        ("Blur {\n nosuch 1\n}", "nosuch"),
        ("Blur {\n size [exec ls]\n}", "unescaped"),
        ("exec touch hacked", "exec"),
        ("source other.nk", "source"),
        ("proc a {} {}", "proc"),
        ("Blur {\n size 1 2\n}", "one value"),
        ("Group {\n}", "end_group"),
        ("push $nothing", "nothing"),
        ('Merge2 {\n operation "no such"\n}', "no item"),
        ("Blur {\n size {{curve x1 0 x1 1}}\n}", "order of time"),
        ("NoOp {\n addUserKnob {99 a}\n}", "type"),
        ("NoOp {\n addUserKnob {7 a W 3}\n}", "W"),
    ],
)
def test_what_is_not_nukes_is_refused(nuke_host, nuke_refuses, text, why):
    with nuke_refuses(why):
        nuke_host.paste(text)
