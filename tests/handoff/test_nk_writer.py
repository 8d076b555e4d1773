"""Writing scripts: what is written is read back equal, by the reader and by Tcl."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relip.errors import NkError, OutputError
from relip.handoff import nk

sys.path.insert(0, str(Path(__file__).parent))

from nk_oracle import reader_nodes, tcl_nodes  # noqa: E402

VALUES = st.text(
    alphabet=st.sampled_from("{}[]\"\\$;#' \t\nabcx019.-é漢"), max_size=16
) | st.sampled_from(
    [
        "5",
        "{curve L x1 0 x2 1}",
        "{curve x1 0} {curve x1 1}",
        "[value size]",
        "{{parent.a}}",
        "true",
    ]
)
KNOBS = st.sampled_from(["size", "label", "name", "xpos", "disable", "file", "tile_color"])
CLASSES = st.sampled_from(["Blur", "Grade", "Dot", "Merge2", "Read", "OFXcom.a.b_v1", "mine"])


@st.composite
def node_lists(draw, depth: int = 2) -> list[nk.Node]:
    """Some nodes with inputs among those before them, groups and clones."""
    nodes: list[nk.Node] = []
    for _ in range(draw(st.integers(0, 6))):
        knobs = draw(st.dictionaries(KNOBS, VALUES, max_size=3))
        inputs = draw(st.lists(st.sampled_from([None, *nodes]), max_size=4))
        masks = draw(st.integers(0, min(1, len(inputs))))
        kind = draw(st.integers(0, 5))
        originals = [n for n in nodes if not n.children and not n.clone_of and not n.is_group]
        if kind == 0 and depth:
            node = nk.Node(
                "Group", knobs=knobs, inputs=inputs, children=draw(node_lists(depth=depth - 1))
            )
        elif kind == 1 and originals:
            original = draw(st.sampled_from(originals))
            node = nk.Node(original.cls, knobs=knobs, inputs=inputs, clone_of=original)
        else:
            node = nk.Node(draw(CLASSES), knobs=knobs, inputs=inputs, mask_inputs=masks)
        if draw(st.booleans()):
            node.add_user_knob(nk.join_list(["7", "a", "l", draw(VALUES)]), draw(VALUES))
        nodes.append(node)
    return nodes


@settings(max_examples=60, deadline=None)
@given(node_lists(), st.booleans())
def test_what_is_written_is_read_back(nodes: list[nk.Node], paste: bool):
    script = nk.Script(nodes, version="13.2 v8", layers=["relip relip.red"], paste=paste)
    text = script.to_text()
    again = nk.parse(text)
    assert reader_nodes(again) == reader_nodes(script)
    assert [n.mask_inputs for n in again.walk()] == [n.mask_inputs for n in script.walk()]
    assert (again.version, again.layers, again.paste) == ("13.2 v8", ["relip relip.red"], paste)
    assert again.to_text() == text


@settings(max_examples=30, deadline=None)
@given(node_lists())
def test_tcl_reads_what_is_written(nodes: list[nk.Node]):
    script = nk.Script(nodes)
    assert tcl_nodes(script.to_text()) == reader_nodes(script)


def test_the_text_is_nukes():
    read = nk.Node("Read", "Read1", knobs={"file": "/a b/c.exr"})
    blur = nk.Node("Blur", "Blur1", knobs={"size": "{curve L x1 0 x2 5}"}, inputs=[read])
    merge = nk.Node(
        "Merge2", "M", knobs={"label": "[value mix]"}, inputs=[blur, read, None], mask_inputs=1
    )
    script = nk.Script([read, blur, merge], version="13.2 v8", layers=["relip relip.red"])
    assert script.to_text() == (
        "version 13.2 v8\n"
        "add_layer {relip relip.red}\n"
        'Read {\n inputs 0\n file "/a b/c.exr"\n name Read1\n}\n'
        "set N00000001 [stack 0]\n"
        "Blur {\n size {{curve L x1 0 x2 5}}\n name Blur1\n}\n"
        "set N00000002 [stack 0]\n"
        "push 0\npush $N00000001\npush $N00000002\n"
        'Merge2 {\n inputs 2+1\n label "\\[value mix]"\n name M\n}\n'
    )


def test_a_clip_goes_to_what_is_selected():
    script = nk.Script([nk.Node("Blur", "B", inputs=[None])], version="13.2 v8", paste=True)
    assert script.to_text().splitlines()[:4] == [
        "set cut_paste_input [stack 0]",
        "version 13.2 v8",
        "push $cut_paste_input",
        "Blur {",
    ]


CLIP = """\
set cut_paste_input [stack 0]
version 10.0 v4
push $cut_paste_input
set N1 [stack 0]
Read {
 inputs 0
 name R
}
push $N1
Merge2 {
 inputs 2
 name M
}
push $cut_paste_input
Dot {
 name D
}
"""


def test_every_node_of_a_clip_that_goes_to_the_selection_still_does():
    script = nk.parse(CLIP)
    read, merge, dot = script.nodes
    assert merge.inputs == [None, read] and merge.selection_inputs == {0}
    assert dot.inputs == [None] and dot.selection_inputs == {0}
    again = nk.parse(script.to_text())
    assert [n.selection_inputs for n in again.nodes] == [set(), {0}, {0}]
    # With something selected, Tcl connects both texts alike.
    selected = "Blur {\n inputs 0\n name Selected\n}\n"
    assert tcl_nodes(selected + CLIP) == tcl_nodes(selected + script.to_text())
    assert tcl_nodes(selected + CLIP)[2].inputs == (1, 2)


def test_the_selection_is_not_taken_for_an_input_that_is_open():
    read = nk.Node("Read", "R")
    merge = nk.Node("Merge2", "M", inputs=[read, None])
    text = nk.Script([read, merge], paste=True).to_text()
    selected = "Blur {\n inputs 0\n name Selected\n}\n"
    assert tcl_nodes(selected + text)[2].inputs == (2, 0)
    script = nk.parse(text)
    assert script.paste and not script.nodes[1].selection_inputs


def test_a_name_of_nukes_that_is_set_later_is_a_node_like_any_other():
    text = "Read {\n inputs 0\n}\nset cut_paste_input [stack 0]\npush 0\nBlur {\n}\n"
    script = nk.parse(text + "push $cut_paste_input\nGrade {\n}\n")
    assert script.nodes[2].inputs == [script.nodes[0]] and not script.paste
    with pytest.raises(NkError, match="not there"):
        nk.parse("clone $cut_paste_input {\n}\n")


def test_a_group_with_user_knobs():
    group = nk.Node("Group", "G", inputs=[None])
    group.add_user_knob('20 tab l "My Tab"')
    group.add_user_knob("7 open l Open R 0 1", 0.5)
    inside = nk.Node("Input", "Input")
    group.children = [inside, nk.Node("Output", "Output1", inputs=[inside])]
    text = nk.Script([group]).to_text()
    assert text == (
        'Group {\n name G\n addUserKnob {20 tab l "My Tab"}\n addUserKnob {7 open l Open R 0 1}\n'
        " open 0.5\n}\n Input {\n  inputs 0\n  name Input\n }\n"
        " Output {\n  name Output1\n }\nend_group\n"
    )
    assert nk.parse(text).nodes[0].user_knobs == ['20 tab l "My Tab"', "7 open l Open R 0 1"]


def test_nodes_are_put_behind_their_inputs():
    read, blur = nk.Node("Read", "R"), nk.Node("Blur", "B")
    blur.inputs = [read]
    assert [n.name for n in nk.parse(nk.format_nodes([blur, read])).nodes] == ["R", "B"]


def test_a_long_chain_is_written():
    nodes = [nk.Node("Dot", "D0")]
    for n in range(1, 5000):
        nodes.append(nk.Node("Dot", f"D{n}", inputs=[nodes[-1]]))
    again = nk.parse(nk.format_nodes(nodes[::-1]))
    assert again.nodes[-1].name == "D4999" and "push" not in again.text


@pytest.mark.parametrize(
    "what", ["circle", "stranger", "twice", "class", "command", "clone", "child"]
)
def test_what_cannot_be_written_is_refused(what: str, tmp_path: Path):
    a, b = nk.Node("Blur", "A"), nk.Node("Blur", "B")
    nodes = [a, b]
    if what == "circle":
        a.inputs, b.inputs = [b], [a]
    elif what == "stranger":
        a.inputs = [nk.Node("Read", "R")]
    elif what == "twice":
        nodes = [a, a]
    elif what == "class":
        a.cls = "Blur {}; exec rm"
    elif what == "command":
        a.cls = "exec"
    elif what == "clone":
        a.clone_of = nk.Node("Blur", "C")
    else:
        a.children = [nk.Node("Blur", "C")]
    path = tmp_path / "a.nk"
    with pytest.raises(NkError) as caught:
        nk.write(nk.Script(nodes), path)
    assert caught.value.mend and not list(tmp_path.iterdir())


@pytest.mark.parametrize("line", ["exec rm", "# a\nexec rm", "# a\rexec rm"])
def test_nothing_slips_out_of_the_header(line: str):
    with pytest.raises(NkError, match="comment"):
        nk.Script([], header=[line]).to_text()


def test_a_header_cannot_swallow_the_next_line():
    text = nk.Script([], header=["# a\\"], version="13.2 v8").to_text()
    assert nk.parse(text).version == "13.2 v8"


def test_nothing_slips_out_of_the_version():
    text = nk.Script([], version="13;exec rm [x] $y").to_text()
    with pytest.raises(NkError, match="no version"):
        nk.parse(text)
    assert tcl_nodes(text) == []


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path):
    path = tmp_path / "new" / "a.nk"
    nk.write(nk.Script([nk.Node("Blur", "A", inputs=[None])]), path)
    assert path.read_text() == "Blur {\n name A\n}\n"
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        nk.write(nk.Script([]), tmp_path / "file" / "a.nk")


def test_knobs_are_a_mapping_in_file_order():
    node = nk.parse("Blur {\n size 1\n name A\n addUserKnob {7 a}\n size 2\n}").nodes[0]
    assert list(node.knobs) == ["size", "name"] and node.knobs["size"] == "2"
    node.knobs["size"] = "3"
    node.knobs["new"] = "x"
    del node.knobs["name"]
    assert dict(node.knobs) == {"size": "3", "new": "x"} and len(node.knobs) == 2
    assert node.user_knobs == ["7 a"] and node.name == ""
    for bad in ("inputs", "addUserKnob"):
        with pytest.raises(KeyError):
            node.knobs[bad] = "1"
    with pytest.raises(KeyError):
        del node.knobs["addUserKnob"]
