"""Reading scripts: as Tcl reads them, and never more than reading."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from relip.errors import NkError
from relip.handoff import nk
from relip.handoff.nk_reader import TCL_COMMANDS

sys.path.insert(0, str(Path(__file__).parent))

from nk_making import made  # noqa: E402
from nk_oracle import TclRefused, reader_nodes, tcl_nodes  # noqa: E402

COMP = r"""#! /usr/local/Nuke13.2v8/Nuke13.2 -nx
#write_info Write1 file:"/a b/c.%04d.exr" format:"1920 1080 1"
version 13.2 v8
define_window_layout_xml {<?xml version="1.0"?>
<layout><window/></layout>
}
Root {
 inputs 0
 name /jobs/sh010/comp.nk
 format "2048 1556 0 0 2048 1556 1 2K_Super_35(full-ap)"
}
add_layer {relip relip.red relip.green}
Read {
 inputs 0
 file "/jobs/a b/p.####.exr"
 name Read1
}
set N1a [stack 0]
Dot {
 name Dot1
}
set N2b [stack 0]
Blur {
 size {{curve x1 0 x10 5}}
 name Blur1
 label "\[value size]\n\"q\" \{b\} \$gui"
}
set C3c [stack 0]
push $N1a
push 0
push $N2b
Merge2 {
 inputs 2+1
 Achannels {rgba.red -rgba.green}
 name Merge1
 disable {{"\[exists parent.input1] ? 0 : 1"}}
}
push $N2b
clone $C3c {
 xpos 10
}
push ${N1a}
Group {
 inputs 2
 name G
 addUserKnob {20 tab l "My Tab"}
 addUserKnob {22 go T "a = 1\nb = \[1]"}
}
 Input {
  inputs 0
  name Input1
 }
 Group {
  name Inner
 }
  Output {
   inputs 0
   name Output2
  }
 end_group
 Output {
  name Output1
 }
end_group
Viewer {
 frame 1
 name Viewer1
}
"""


def test_a_comp():
    script = nk.parse(COMP)
    assert script.version == "13.2 v8"
    assert len(script.header) == 2 and script.header[0].startswith("#! /usr")
    assert script.window_layout.endswith("</layout>\n")
    assert script.layers == ["relip relip.red relip.green"]
    assert script.root is script.nodes[0] and not script.paste
    names = [node.name for node in script.nodes]
    assert names == [
        "/jobs/sh010/comp.nk", "Read1", "Dot1", "Blur1", "Merge1", "Blur1", "G", "Viewer1",
    ]  # fmt: skip
    root, read, dot, blur, merge, clone, group, viewer = script.nodes
    assert root.inputs == [] and read.inputs == []
    assert dot.inputs == [read] and blur.inputs == [dot]
    assert merge.inputs == [dot, None, read] and merge.mask_inputs == 1
    assert clone.clone_of is blur and clone.cls == "Blur" and clone.inputs == [dot]
    assert dict(clone.knobs) == {"xpos": "10"}
    assert group.inputs == [read, clone] and viewer.inputs == [group]
    assert [n.name for n in group.children] == ["Input1", "Inner", "Output1"]
    assert group.children[2].inputs == [group.children[1]]
    assert group.children[1].inputs == [group.children[0]]
    assert blur.knobs["label"] == '[value size]\n"q" {b} $gui'
    assert blur.knobs["size"] == "{curve x1 0 x10 5}"
    assert merge.knobs["disable"] == '{"\\[exists parent.input1] ? 0 : 1"}'
    assert group.user_knobs == ['20 tab l "My Tab"', '22 go T "a = 1\\nb = \\[1]"']
    assert script.find("G.Inner.Output2") is group.children[1].children[0]
    assert script.find("G.Nobody") is None and script.find("Inner") is None


def test_a_comp_is_what_tcl_makes_of_it():
    assert reader_nodes(nk.parse(COMP)) == tcl_nodes(COMP)


def test_spans_are_exact():
    script = nk.parse(COMP)
    for node in script.walk():
        start, end = node.body_span
        assert COMP[start - 1] == "{" and COMP[end] == "}"
        first = "clone" if node.clone_of else node.cls
        assert COMP[node.span[0] :].startswith(first + " ")
        assert COMP.count("\n", 0, node.span[0]) + 1 == node.line
        for entry in node.entries:
            assert COMP[entry.start :].startswith(entry.name + " ")
            assert nk.split_list(COMP[entry.value_start : entry.end]) == [entry.value]
    group = script.find("G")
    assert group and COMP[: group.span[1]].endswith("end_group")


def test_the_samples(shared: Path):
    folder = shared / "nuke"
    paths = sorted([*folder.glob("*.nk"), *folder.glob("*.gizmo")])
    if not paths:
        pytest.skip(f"no samples in {folder}")
    for path in paths:
        text = path.read_text("utf-8")
        script = nk.read(path)
        assert reader_nodes(script) == tcl_nodes(text), path.name
        again = nk.parse(script.to_text())
        assert reader_nodes(again) == reader_nodes(script), path.name
        assert tcl_nodes(script.to_text()) == tcl_nodes(text), path.name
        assert again.to_text() == script.to_text(), path.name


def test_line_ends_do_not_matter():
    plain = reader_nodes(nk.parse(COMP))
    assert reader_nodes(nk.parse(COMP.replace("\n", "\r\n"))) == plain
    assert reader_nodes(nk.parse("\ufeff" + COMP)) == plain
    assert reader_nodes(nk.parse(COMP.replace("\n", "\r"))) == plain


def test_commands_end_at_semicolons_and_go_on_behind_a_backslash():
    text = (
        "push 0; push 0;Blur { name A } ;# a comment \\\n goes on {\nset X \\\n  [stack 0]\npush $X"
    )
    script = nk.parse(text)
    assert [n.name for n in script.nodes] == ["A"]
    assert reader_nodes(script) == tcl_nodes(text)
    assert nk.parse("Blur {\n name A\n # x\n}").nodes[0].knobs == {"name": "A", "#": "x"}


def test_stack_underflow_gives_no_input():
    text = "Merge2 {\n inputs 3\n name A\n}\nset N [stack 4]\npush $N\nBlur { name B }\n"
    script = nk.parse(text)
    assert script.nodes[0].inputs == [None] * 3 and script.nodes[1].inputs == [None]
    assert reader_nodes(script) == tcl_nodes(text)


def test_a_gizmo_file_may_end_without_end_group():
    text = "Gizmo {\n inputs 1\n}\n Input {\n  inputs 0\n }\n Output {\n }\n"
    script = nk.parse(text)
    assert [n.cls for n in script.nodes] == ["Gizmo"]
    assert [n.cls for n in script.nodes[0].children] == ["Input", "Output"]
    assert nk.parse(script.to_text()).nodes[0].children[1].inputs[0] is not None


#: What other versions of Nuke, and people, write: in the manner of files found in the wild.
WILD = r"""#
#  a licence
#
#! P:/Nuke7.0v10/Nuke7.0.exe -nx
version 7.0 v10
add_layer {ids ids.red ids.green}
Group {
 onCreate {
if 'x' not in locals():
    d = {"a": "{} ({})".format(1, 2)}
    t = '\n'.join(["a[0]", "$b"])
}
 autolabel f(nuke.thisNode()).autolabel()
 addUserKnob {20 "" l User}
 addUserKnob {1 knob_name l "knob name(控制名称)" t 控制}
 addUserKnob {22 "" l "Upload..." T "# no\nimport nuke\ntry:\n  f(\"%s\" % e)\n" +STARTLINE}
 output {{"\[python f(nuke.thisNode()).g()]"}}
 label "\[if \{\[value a]==false\} \{return \"R\"\} \{return \"\\nE\"\}]"
 old_message {{76 117 109}
    }
 font {{ Arial : Regular : arial.ttf : 0 }}
 animation {{curve(((frame-1)%(15-1+1))+1) K x1 0 S 400 x4 0}}
}
 Input {
  inputs 0
  name Input
 }
set Na8903c00 [stack 0]
 Blur {
  inputs 1+1
  name Blur10
  which {{parent.output C x1 1 x100 100}}
 }
  set C72f04e8 [stack 0]
add_layer {more more.red}
push $Na8903c00
clone $C72f04e8 {
   xpos 342
   selected false
  }
 OFXcom.genarts.sapphire.blur_v1 {
  inputs 2
  name S1
 }
 2DFlare {
  name F1
 }
 "My Flare_v2" {
  name F2
 }
 光 {
  name F3
 }
 Output {
  name Output1
 }
end_group

"""


def test_files_as_they_are_in_the_wild():
    script = nk.parse(WILD)
    assert reader_nodes(script) == tcl_nodes(WILD)
    group = script.nodes[0]
    code = group.knobs["onCreate"]
    assert code.startswith("\nif 'x'") and "'\\n'.join" in code and code.endswith("])\n")
    assert group.knobs["label"].endswith('{return "\\nE"}]')
    assert [n.cls for n in group.children] == [
        "Input", "Blur", "Blur", "OFXcom.genarts.sapphire.blur_v1", "2DFlare", "My Flare_v2", "光",
        "Output",
    ]  # fmt: skip
    assert [i and i.name for i in group.children[3].inputs] == ["Blur10", "Blur10"]
    assert len(script.layers) == 2 and len(script.header) == 4
    again = nk.parse(script.to_text())
    assert reader_nodes(again) == reader_nodes(script) and again.to_text() == script.to_text()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1 << 32))
def test_scripts_in_the_manner_of_real_ones(seed: int):
    text = made(seed)
    script = nk.parse(text)
    expected = tcl_nodes(text)
    assert reader_nodes(script) == expected
    written = script.to_text()
    again = nk.parse(written)
    assert reader_nodes(again) == expected and tcl_nodes(written) == expected
    assert again.to_text() == written
    assert (again.version, again.layers, again.header) == (
        script.version,
        script.layers,
        script.header,
    )
    assert again.window_layout == script.window_layout
    assert again.old_layout == script.old_layout


def test_the_scripts_made_have_all_that_real_ones_have():
    texts = [made(seed) for seed in range(200)]
    for form in (
        "clone $C", "LiveGroup {", "VariableGroup {", "Gizmo {", "push $cut_paste_input",
        "define_window_layout_xml", "define_window_layout -1", "add_layer", "addUserKnob {22",
        "[stack 7]", "\r\n", "Precomp", "inputs 2+1", "curvegroup", "微软雅黑", "#write_info",
    ):  # fmt: skip
        assert sum(form in text for text in texts) >= 3, form
    deep = [node for text in texts for node in nk.parse(text).walk() if node.is_group]
    assert any(child.is_group for node in deep for child in node.children)


#: What Nuke 4 wrote where later ones write the layout of windows as XML.
NUKE_4 = (
    "#! /opt/Nuke4.8/Nuke4.8 -nx\nversion 4.8100\n"
    "define_window_layout -1 {  {4 0 0.1 0 0.7 1 0 1 {-3 -2 1 0.3 0}}  {2 0 0 0 1 1 0 1 {0}} }\n"
    "restore_window_layout_from_script -1\n"
    "Root {\n inputs 0\n lookup {lookup {to_sRGB(x) C 0 255}}\n}\n"
    "Constant {\n inputs 0\n name A\n}\nBlur {\n name B\n}\n"
)


def test_a_script_of_nuke_4_keeps_its_layout_of_windows():
    script = nk.parse(NUKE_4)
    assert [n.cls for n in script.nodes] == ["Root", "Constant", "Blur"]
    assert [words[0] for words in script.old_layout] == [
        "define_window_layout", "restore_window_layout_from_script",
    ]  # fmt: skip
    assert script.old_layout[0][2].split()[:2] == ["{4", "0"] and script.old_layout[1][1] == "-1"
    assert reader_nodes(script) == tcl_nodes(NUKE_4)
    again = nk.parse(script.to_text())
    assert again.old_layout == script.old_layout and again.to_text() == script.to_text()
    assert reader_nodes(again) == reader_nodes(script) == tcl_nodes(script.to_text())


def test_a_layout_of_windows_runs_nothing_either():
    for value in ("[exec id]", "$x", '"[exec id]"'):
        with pytest.raises(NkError, match="line 1"):
            nk.parse(f"define_window_layout -1 {value}\nDot {{\n}}\n")
    with pytest.raises(NkError, match="no class"):
        nk.Script([nk.Node("define_window_layout")]).to_text()
    with pytest.raises(NkError, match="no command about windows"):
        nk.Script([], old_layout=[("exec", "id")]).to_text()


def test_a_variable_group_of_nuke_16_holds_nodes():
    inside = " Input {\n  inputs 0\n }\n Output {\n }\n"
    text = f"VariableGroup {{\n name V\n}}\n{inside}end_group\nDot {{\n}}\n"
    script = nk.parse(text)
    group, dot = script.nodes
    assert [n.cls for n in group.children] == ["Input", "Output"] and dot.inputs == [group]
    assert script.to_text() == text


def test_a_clone_of_a_node_in_another_nuke():
    text = (
        "clone node7f|Blur|5 Blur {\n size 3\n name B\n}\nset Ca [stack 0]\n"
        "clone node7f|Blur|5 Blur {\n xpos 1\n}\nclone $Ca {\n xpos 2\n}\n"
    )
    first, second, third = nk.parse(text).nodes
    assert first.clone_of is None and second.clone_of is first and third.clone_of is first
    assert second.name == "B"
    assert reader_nodes(nk.parse(text)) == tcl_nodes(text)


def test_bytes_that_are_not_utf8_are_kept(tmp_path: Path):
    data = b'Blur {\n name B\n label "caf\xe9 \xc3\xa9"\n}\n'
    (tmp_path / "a.nk").write_bytes(data)
    script = nk.read(tmp_path / "a.nk")
    nk.write(script, tmp_path / "b.nk")
    assert (tmp_path / "b.nk").read_bytes() == data


HOSTILE = {
    "exec": "exec touch {0}",
    "exec in a group": "Group {{\n}}\nexec touch {0}\nend_group",
    "exec by a node's name": "exec {{touch {0}}}",
    "file delete": "file delete -force {0}",
    "substitution as a word": "Blur [exec touch {0}]",
    "substitution as a command": "[exec touch {0}]",
    "python": '[python {{open("{0}", "w")}}]',
    "python command": 'python {{open("{0}", "w")}}',
    "substitution in set": "set x [exec touch {0}]",
    "nested in stack": "set x [stack [exec touch {0}]]",
    "substitution in a quoted word": 'version "[exec touch {0}]"',
    "substitution in push": "push [exec touch {0}]",
    "variable as a command": "set x [stack 0]\n$x {{}}",
    "variable in version": "version $env(HOME)",
    "namespace": "::exec touch {0}",
    "namespace of tcl": "::tcl::file::delete {{{0}}}",
    "source": "source {0}",
    "load": "load {0}",
    "open": "open {{|touch {0}}} w",
    "eval": "eval {{exec touch {0}}}",
    "if": "if 1 {{exec touch {0}}}",
    "while": "while 1 {{}}",
    "proc": "proc Blur a {{exec touch {0}}}",
    "rename": "rename set Blur",
    "expansion": "{{*}}{{exec touch {0}}}",
    "expansion of arguments": "Blur {{*}}{{a b}}",
    "uplevel": "uplevel #0 {{exec touch {0}}}",
    "interp": "interp create",
    "after a node": "Blur {{\n name A\n}}; exec touch {0}",
    "behind a comment": "# \\\\\nexec touch {0}",
    "quoted command": '"exec" touch {0}',
    "quoted command with one word": '"exec" {{touch {0}}}',
    "braced command with one word": "{{file}} {{delete {0}}}",
    "escaped command with one word": "e\\x78ec {{touch {0}}}",
    "quoted substitution": '"[exec touch {0}]" {{}}',
    "braced command": "{{exec}} touch {0}",
    "body in quotes": 'Blur "name [exec touch {0}]"',
    "an escaped name": "ex\\x65c touch {0}",
    "add_layer": "add_layer [exec touch {0}]",
    "layout": 'define_window_layout_xml "[exec touch {0}]"',
    "clone": "clone [exec touch {0}] {{}}",
    "load_all_plugins": "load_all_plugins",
    "no braces": "Blur size 5",
    "set a value": "set x 5",
    "unset variable": "push $nobody",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_would_run_is_refused(name: str, tmp_path: Path):
    victim = tmp_path / "victim"
    text = "Read {\n inputs 0\n name R\n}\n" + HOSTILE[name].format(victim) + "\n"
    (tmp_path / "bad.nk").write_text(text)
    with pytest.raises(NkError) as caught:
        nk.read(tmp_path / "bad.nk")
    message = str(caught.value)
    assert f"{tmp_path / 'bad.nk'}, line " in message and caught.value.mend
    assert int(message.split("line ")[1].split(":")[0]) >= 5
    assert caught.value.exit_code == 3
    assert not victim.exists() and sorted(p.name for p in tmp_path.iterdir()) == ["bad.nk"]


def test_substitution_in_a_value_is_data(tmp_path: Path):
    victim = tmp_path / "victim"
    script = nk.parse(
        f'Text2 {{\n message "\\[exec touch {victim}]"\n a {{[exec touch {victim}]}}\n'
        f' b "[exec touch {victim}]"\n c [exec\n size {{{{[python os.remove]}}}}\n}}\n'
    )
    knobs = script.nodes[0].knobs
    assert knobs["message"] == knobs["a"] == knobs["b"] == f"[exec touch {victim}]"
    assert knobs["size"] == "{[python os.remove]}" and not victim.exists()
    assert nk.parse(script.to_text()).nodes[0].knobs == knobs


@pytest.mark.parametrize("command", sorted(TCL_COMMANDS))
def test_no_command_of_tcl_passes_for_a_node(command: str):
    if command in ("set", "push", "version", "clone", "unknown"):
        return
    with pytest.raises(NkError):
        nk.parse(f"{command} {{a b}}")


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("Blur {\n size 5\n", 1, "never closed"),
        ("push 0\nBlur {\n size\n}\n", 3, "no value"),
        ("Blur {\n size {1}2\n}", 2, "without a blank"),
        ('Blur {\n label "a\n}', 2, "never closed"),
        ("Blur {\n}x", 2, "without a blank"),
        ("Blur {\n inputs two\n}", 2, "not a number"),
        ("Blur {\n inputs 1000000\n}", 2, "inputs"),
        ("Group {\n name G\n}\nBlur {\n}\n", 1, "no end_group"),
        ("Blur {\n}\nend_group\n", 3, "without a group"),
        ("push 0\npush\n", 2, "1 argument"),
        ("add_layer a b", 1, "1 argument"),
        ("Blur {\n}\n\0", 3, "zero byte"),
        ("clone $N {\n}", 1, "never set"),
        ("clone 0 {\n}", 1, "no node"),
        ("set N [stack 0]\nclone $N {\n}", 2, "not there"),
        ("hello world\n", 1, "hello"),
        ("<html>\n<body>", 1, "<html>"),
    ],
)
def test_what_is_damaged_is_named_with_its_line(text: str, line: int, words: str):
    with pytest.raises(NkError) as caught:
        nk.parse(text, path="x.nk")
    assert f"x.nk, line {line}: " in str(caught.value) and words in str(caught.value)
    assert caught.value.mend


def test_a_file_that_is_not_there_or_not_a_file(tmp_path: Path):
    with pytest.raises(NkError, match="does not exist"):
        nk.read(tmp_path / "nothing.nk")
    with pytest.raises(NkError, match="not a file"):
        nk.read(tmp_path)
    os.mkfifo(tmp_path / "pipe.nk")
    with pytest.raises(NkError, match="not a file"):
        nk.read(tmp_path / "pipe.nk")


def test_a_huge_file_is_refused_before_it_is_read(tmp_path: Path):
    path = tmp_path / "huge.nk"
    with path.open("wb") as handle:
        handle.truncate(100 << 20)
    began = time.process_time()
    with pytest.raises(NkError, match=r"100\.0 MiB, more than the 64 MiB"):
        nk.read(path)
    assert time.process_time() - began < 0.5
    with pytest.raises(NkError, match="zero byte"):
        nk.read(path, limits=nk.Limits(size=200 << 20))
    small = tmp_path / "small.nk"
    small.write_text("Blur {\n}\n")
    with pytest.raises(NkError, match="more than"):
        nk.read(small, limits=nk.Limits(size=5))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Group {\n}\n" * 200_000, "groups nest more than 100"),
        ("Blur { a " + "{" * 3_000_000, "braces nest more than 1000"),
        ("Blur { a " + "{" * 2000 + "}" * 2000 + " }", "braces nest more than 1000"),
        ("# " + "x\\\n" * 1_000_000 + "\nexec {}", "exec"),
        ('Blur { a "' + "\\" * 3_000_000, "never closed"),
        ("[" * 3_000_000, "command"),
        ("a" * 3_000_000 + " b", "no command"),
        ('version "' + "a " * 1_000_000, "never closed"),
        (";" * 3_000_000 + "exec", "exec"),
        ("x " * 1_000_000, "more than 16 words"),
    ],
)
def test_what_is_made_to_take_long_does_not(text: str, words: str):
    began = time.process_time()
    with pytest.raises(NkError, match=words) as caught:
        nk.parse(text)
    assert time.process_time() - began < 8
    assert len(str(caught.value)) < 400


def test_nodes_and_groups_are_counted():
    limits = nk.Limits(nodes=1000, groups=3, braces=5)
    with pytest.raises(NkError, match="line 1001: more than 1000 nodes"):
        nk.parse("Blur {}\n" * 1001, limits=limits)
    assert len(nk.parse("Blur {}\n" * 1000, limits=limits).nodes) == 1000
    with pytest.raises(NkError, match="line 4: groups nest more than 3 deep"):
        nk.parse("Group {}\n" * 4, limits=limits)
    with pytest.raises(NkError, match="more than 5 deep"):
        nk.parse("Blur {a {{{{{}}}}}}", limits=limits)


@pytest.mark.parametrize(
    ("text", "limits", "words"),
    [
        (
            "Merge2 {\n inputs 10\n}\n" * 11,
            nk.Limits(connections=100),
            "line 31: more than 100 con",
        ),
        ("NoOp {\n a 1\n b 2\n}\n" * 6, nk.Limits(knobs=10), "line 22: more than 10 knobs"),
        ("NoOp {\n addUserKnob {7 a}\n}\n" * 6, nk.Limits(knobs=5), "more than 5 knobs"),
        ("push 0\n" * 20, nk.Limits(commands=10), "line 11: more than 10 commands"),
        ("# x\n" * 20, nk.Limits(commands=10), "line 11: more than 10 commands"),
        ("add_layer {a a.b}\n" * 20, nk.Limits(commands=10), "more than 10 commands"),
    ],
)
def test_what_stands_in_small_text_and_needs_much_memory_is_counted(
    text: str, limits: nk.Limits, words: str
):
    with pytest.raises(NkError, match=words):
        nk.parse(text, limits=limits)


def test_five_megabytes_of_nodes_with_ten_thousand_inputs_do_not_take_all_memory():
    """240000 of them fit into the other limits and would take 19 GB."""
    with pytest.raises(NkError, match="line 601: more than 2000000 connections"):
        nk.parse("Merge2 {\n inputs 10000\n}\n" * 1000)


def test_nodes_that_name_themselves_on_the_stack_are_read_and_end():
    text = "push 0\nset N [stack 0]\npush $N\nset N [stack 0]\npush $N\n"
    script = nk.parse(text + "Dot {\n}\nset N [stack 0]\npush $N\nDot {\n}\n")
    assert [n.inputs for n in script.nodes] == [[None], [script.nodes[0]]]
    with pytest.raises(NkError, match="not there"):
        nk.parse(text + "clone $N {\n}\n")


def test_reading_is_quick():
    """4 MB of curves in some seconds even on a slow machine: no time grows with the square."""
    curve = "{curve " + " ".join(f"x{n} {n * 0.37}" for n in range(20_000)) + "}"
    body = "".join(f" k{n} {{{curve}}}\n" for n in range(10))
    began = time.process_time()
    script = nk.parse(f"NoOp {{\n{body} name A\n}}\n" + "Dot {\n name D\n}\n" * 10_000)
    assert time.process_time() - began < 6
    assert len(script.nodes) == 10_001 and len(script.nodes[0].knobs["k9"]) > 100_000


PIECES = st.sampled_from(
    [
        "Blur ", "Group ", "Root ", "push ", "set ", "N1 ", "$N1", "0", "[stack 0]", "[stack ", "]",
        "end_group", "clone ", "version ", "add_layer ", "{", "}", "{}", " {\n", "\n}\n", "\n", ";",
        "#", " ", "\\", "\\\n", '"', "name ", "A ", "inputs ", "2", "2+1", "label ", "$", "exec ",
        "é", "\t", "{a b}", "name B\n", "addUserKnob {7 a}", "{*}", "\\[", "\\{", "\\\"", "\r\n",
    ]
)  # fmt: skip


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(PIECES, max_size=25).map("".join))
def test_whatever_the_reader_takes_tcl_reads_the_same(text: str):
    try:
        script = nk.parse(text)
    except NkError:
        return
    if any(node.cls == "Gizmo" for node in script.walk()):
        return
    try:
        expected = tcl_nodes(text)
    except TclRefused as exc:
        pytest.fail(f"taken, but Tcl says: {exc}")
    assert reader_nodes(script) == expected
    again = nk.parse(script.to_text())
    assert reader_nodes(again) == reader_nodes(script)
    assert again.to_text() == script.to_text()


@settings(max_examples=200, deadline=None)
@given(
    st.text(max_size=80)
    | st.binary(max_size=80).map(lambda b: b.decode("utf-8", "surrogateescape"))
)
def test_noise_is_refused_or_read(text: str):
    try:
        script = nk.parse(text)
    except NkError as exc:
        assert "line" in str(exc)
    else:
        assert reader_nodes(nk.parse(script.to_text())) == reader_nodes(script)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, len(COMP)), st.integers(0, 40), PIECES)
def test_a_damaged_comp_is_refused_or_read_as_tcl_reads_it(at: int, cut: int, piece: str):
    text = COMP[:at] + piece + COMP[at + cut :]
    try:
        script = nk.parse(text)
    except NkError:
        return
    assert reader_nodes(script) == tcl_nodes(text)
