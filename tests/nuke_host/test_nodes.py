"""Nodes, groups and gizmos: making, connecting, copying, deleting."""

from __future__ import annotations

import pytest

GIZMO = r"""version 13.2 v8
Gizmo {
 inputs 2
 help "Mixes."
 addUserKnob {20 mine l Mine}
 addUserKnob {7 amount l Amount R 0 1}
 amount 0.5
 addUserKnob {41 soft l Soft T B.size}
 onCreate "nuke.thisNode()\['amount'].setTooltip('seen')"
}
 add_layer {extra extra.red}
 Input {
  inputs 0
  name Input
 }
set N0 [stack 0]
 Input {
  inputs 0
  number 1
  name over
 }
push $N0
 Dissolve {
  inputs 2
  which {{1-parent.amount}}
  name D
 }
 Blur {
  size 0
  name B
 }
 Output {
  name Output1
 }
end_group
"""


@pytest.fixture
def gizmo_host(nuke_host, tmp_path):
    (tmp_path / "Mix_v1_0.gizmo").write_text(GIZMO)
    nuke_host.boot(tmp_path)
    return nuke_host


def test_a_gizmo_is_found_by_its_files_name(gizmo_host):
    import nuke

    a = nuke.nodes.Constant(color=[1, 1, 1, 1], channels="rgba")
    b = nuke.nodes.Constant(color=[0, 0, 0, 0], channels="rgba")
    node = nuke.nodes.Mix_v1_0(inputs=[b, a])
    assert node.Class() == "Mix_v1_0" and isinstance(node, nuke.Gizmo)
    assert node.name() == "Mix_v1_1"  # Nuke counts on from the digits at the end
    assert node.maxInputs() == 2 and node.help() == "Mixes."
    assert node["amount"].tooltip() == "seen"
    assert "extra" in nuke.layers()
    node["amount"].setValue(0.25)
    red = gizmo_host.picture(node, 1).array("rgb")[0, 0, 0]
    assert red == pytest.approx(0.75)


def test_a_comp_holds_only_what_differs_from_the_gizmo(gizmo_host, tmp_path):
    import nuke

    node = nuke.nodes.Mix_v1_0(name="Mixer")
    text = gizmo_host.to_text()
    assert "Mix_v1_0 {" in text and "amount" not in text and "Blur" not in text
    node["amount"].setValue(0.75)
    node["soft"].setValue(3)
    gizmo_host.save(tmp_path / "a.nk")
    gizmo_host.open(tmp_path / "a.nk")
    loaded = nuke.toNode("Mixer")
    assert loaded["amount"].value() == 0.75 and loaded["soft"].value() == 3
    assert loaded.node("B") is not None


def test_saving_what_was_loaded_gives_the_same_text(gizmo_host, tmp_path):
    import re

    import nuke

    source = nuke.nodes.Constant(name="Source")
    mixer = nuke.nodes.Mix_v1_0(name="Mixer", inputs=[source, source])
    mixer["amount"].fromScript("{curve L x1 0 x11 1}")
    with nuke.nodes.Group(name="G", inputs=[]):
        nuke.nodes.Blur(name="B", inputs=[nuke.nodes.Input()], size=2)
    texts = []
    for name in ("a.nk", "b.nk", "b.nk"):
        gizmo_host.save(tmp_path / name)
        ids: dict[str, str] = {}
        texts.append(
            re.sub(
                r"\bN[0-9a-f]{6,}",
                lambda m, ids=ids: ids.setdefault(m[0], f"N{len(ids)}"),
                (tmp_path / name).read_text().replace("a.nk", "b.nk"),
            )
        )
        gizmo_host.open(tmp_path / name)
    assert texts[0] == texts[1] == texts[2]
    assert nuke.toNode("Mixer").input(1).name() == "Source"


def test_make_group_keeps_knobs_values_and_inputs(gizmo_host):
    import nuke

    source = nuke.nodes.Constant()
    node = nuke.nodes.Mix_v1_0(inputs=[source])
    node["amount"].setValue(0.125)
    group = node.makeGroup()
    assert group.Class() == "Group" and group.input(0) is source
    assert group["amount"].value() == 0.125
    assert group.node("D")["which"].value() == 0.875


def test_create_node_connects_to_what_is_selected(nuke_host):
    import nuke

    first = nuke.createNode("Constant")
    second = nuke.createNode("Blur")
    assert second.input(0) is first and nuke.selectedNodes() == [second] and second.shown()
    first.selectOnly()
    third = nuke.createNode("Grade", "multiply 2", inpanel=False)
    assert third.input(0) is first and second.input(0) is third
    assert third["multiply"].value() == 2 and not third.shown()


def test_names_do_not_collide(nuke_host):
    import nuke

    one, two = nuke.nodes.Merge2(), nuke.nodes.Merge2()
    assert (one.name(), two.name()) == ("Merge1", "Merge2")
    two.setName("Merge1")
    assert two.name() == "Merge2"
    with pytest.raises(ValueError):
        two.setName("Merge1", uncollide=False)
    with pytest.raises(ValueError):
        two.setName("not a name")


def test_inputs_that_cannot_be(nuke_host, nuke_refuses):
    import nuke

    a = nuke.nodes.Blur()
    b = nuke.nodes.Blur(inputs=[a])
    assert a.setInput(5, b) is False
    with nuke_refuses("feed itself"):
        a.setInput(0, b)
    with nuke.nodes.Group():
        inner = nuke.nodes.Blur()
    with nuke_refuses("one group"):
        inner.setInput(0, a)


def test_deleting_joins_what_was_on_both_sides(nuke_host):
    import nuke

    a = nuke.nodes.Constant()
    b = nuke.nodes.Blur(inputs=[a])
    c = nuke.nodes.Blur(inputs=[b])
    nuke.delete(b)
    assert c.input(0) is a and a.dependent() == [c] and c.dependencies() == [a]
    assert nuke.toNode(b.name()) is not b


def test_copy_and_paste(nuke_host, tmp_path):
    import nuke

    a = nuke.nodes.Constant(name="A")
    b = nuke.nodes.Blur(name="B", inputs=[a], size=4)
    for node in (a, b):
        node.setSelected(True)
    nuke.nodeCopy(str(tmp_path / "clip.nk"))
    for node in (a, b):
        node.setSelected(False)
    last = nuke.nodePaste(str(tmp_path / "clip.nk"))
    assert {n.name() for n in nuke.allNodes()} == {"A", "B", "A1", "B1"}
    pasted = nuke.toNode("B1")
    assert last in (pasted, pasted.input(0))
    assert pasted.input(0).name() == "A1" and pasted["size"].value() == 4
    assert set(nuke.selectedNodes()) == {pasted, pasted.input(0)}


def test_a_clip_connects_to_the_selected_node(nuke_host):
    import nuke

    a = nuke.nodes.Constant(name="A")
    a.setSelected(True)
    nuke_host.paste(
        "set cut_paste_input [stack 0]\nversion 15.1 v3\npush $cut_paste_input\n"
        "Blur {\n name B\n}\n"
    )
    assert nuke.toNode("B").input(0) is a


def test_clones_share_their_knobs(nuke_host):
    import nuke

    nuke_host.paste(
        "Blur {\n inputs 0\n size 3\n name B\n}\nset C0 [stack 0]\npush 0\n"
        "clone $C0 {\n xpos 40\n}\n"
    )
    clones = [n for n in nuke.allNodes() if n.Class() == "Blur"]
    assert len(clones) == 2
    clones[0]["size"].setValue(9)
    assert clones[1]["size"].value() == 9 and clones[1].xpos() == 40


def test_groups_in_groups(nuke_host, tmp_path):
    import nuke

    with nuke.nodes.Group(name="A"), nuke.nodes.Group(name="B") as inner:
        inner_inner = nuke.nodes.NoOp(name="C")
        assert nuke.thisGroup() is inner and nuke.toNode("C") is inner_inner
    assert inner_inner.fullName() == "A.B.C" and nuke.toNode("A.B.C") is inner_inner
    nuke_host.save(tmp_path / "a.nk")
    nuke_host.open(tmp_path / "a.nk")
    assert nuke.toNode("A.B.C").fullName() == "A.B.C"
    assert len(nuke.allNodes(recurseGroups=True)) == 3 and len(nuke.allNodes()) == 1


def test_the_samples_of_real_nuke_text_load(nuke_host, shared):
    import nuke

    folder = shared / "nuke"
    if not folder.is_dir():
        pytest.skip(f"no Nuke samples in {folder}")
    for path in sorted(folder.glob("*.nk")):
        nuke.scriptClear()
        assert nuke_host.paste(path.read_text(), str(path)) is not None
    group = nuke_host.open(folder / "01_group_user_knobs.nk")
    group = nuke.toNode("RelipTrack1")
    assert group["mode"].value() == "auto" and group["mix"].value() == 1
