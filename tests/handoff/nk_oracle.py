"""What a real Tcl makes of a Nuke script: the judge of the reader.

The script runs in a safe interpreter from which every command but ``set`` is
taken, with an ``unknown`` handler that notes each node. The words, lists and
substitutions are Tcl's own; only Nuke's stack is written here, in Tcl.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from relip.handoff.nk import Node, Script

HARNESS = r"""
proc hex text { binary encode hex [encoding convertto utf-8 $text] }
set file [open $path r]
fconfigure $file -encoding utf-8
set text [read $file]
close $file
set records {}
set count 0
set level 0
set stack(0) {}
set parent(0) 0
set class(0) {}
set where(0) 0
proc place {} { lindex $::path_of_levels end }
set path_of_levels 0
proc node {name body clone} {
  global records count stack path_of_levels classes
  set wanted 1
  set pairs {}
  if {[llength $body] % 2} { error "odd body" }
  foreach {knob value} $body {
    if {$knob eq "inputs"} {
      if {![regexp {^\s*(\d+)(?:\+(\d+))?\s*$} $value - a b]} { error "inputs $value" }
      set wanted [expr {$a + ($b eq "" ? 0 : $b)}]
    } else {
      lappend pairs [hex $knob]=[hex $value]
    }
  }
  set id [incr count]
  set classes($id) $name
  set here [place]
  set inputs {}
  if {$name ne "Root"} {
    for {set i 0} {$i < $wanted} {incr i} {
      lappend inputs [lindex $stack($here) end]
      set stack($here) [lrange $stack($here) 0 end-1]
    }
    set inputs [lmap each $inputs {expr {$each eq "" ? 0 : $each}}]
    if {$clone eq "" && $name in {Group Gizmo LiveGroup VariableGroup}} {
      lappend path_of_levels $id
      set stack($id) {}
    } else {
      lappend stack($here) $id
    }
  }
  lappend records "$id;$here;[hex $name];$clone;[join $inputs ,];[join $pairs ,]"
  return $id
}
proc do_unknown {name args} {
  if {[llength $args] != 1} { error "command $name" }
  node $name [lindex $args 0] {}
}
proc do_push value { lappend ::stack([place]) $value }
proc do_stack index {
  set value [lindex $::stack([place]) end-$index]
  return [expr {$value eq "" ? 0 : $value}]
}
proc do_end_group {} {
  global path_of_levels stack
  if {[llength $path_of_levels] < 2} { error "end_group" }
  set id [place]
  set path_of_levels [lrange $path_of_levels 0 end-1]
  lappend stack([place]) $id
}
proc do_clone args {
  global classes foreign
  if {[llength $args] == 2} {
    lassign $args id body
    node $classes($id) $body $id
  } else {
    lassign $args name class body
    if {[info exists foreign($name)]} {
      node $class $body $foreign($name)
    } else {
      set foreign($name) [node $class $body {}]
    }
  }
  return
}
proc nothing args {}
set child [interp create -safe]
foreach command [interp eval $child {info commands}] {
  if {$command ne "set"} { interp hide $child $command }
}
interp invokehidden $child namespace delete ::tcl
foreach name {push stack clone end_group unknown} { interp alias $child $name {} do_$name }
foreach name {
  version add_layer define_window_layout_xml
  define_window_layout restore_window_layout_from_script
} { interp alias $child $name {} nothing }
interp eval $child {set cut_paste_input 0}
interp limit $child time -seconds [expr {[clock seconds] + 20}]
if {[catch {interp eval $child $text} message]} {
  set outcome "error [hex $message]"
} else {
  set outcome "ok"
}
interp delete $child
set result [join [concat [list $outcome] $records] "\n"]
"""


@dataclass(frozen=True)
class Seen:
    """A node as it is compared: numbers stand for nodes, 0 for none."""

    number: int
    parent: int
    cls: str
    clone_of: int
    inputs: tuple[int, ...]
    pairs: tuple[tuple[str, str], ...]


class TclRefused(Exception):
    """Tcl could not run the script to its end."""


def tcl_nodes(text: str) -> list[Seen]:
    """The nodes of a script as a real Tcl sees them; skips the test where there is no Tcl."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "script.nk"
        path.write_bytes(text.encode())
        lines = _run(path).split("\n")
    if lines[0] != "ok":
        raise TclRefused(_text(lines[0].split()[1]))
    return [_seen(line) for line in lines[1:]]


def _run(path: Path) -> str:
    try:
        import tkinter

        interpreter = tkinter.Tcl()
    except Exception:  # tkinter is absent or broken: a program does as well
        program = shutil.which("tclsh") or shutil.which("tclsh8.6")
        if not program:
            pytest.skip("neither tkinter nor tclsh: no Tcl to compare the reader with")
        script = f"set path {{{path}}}\n{HARNESS}\nputs -nonewline $result\n"
        return subprocess.run(
            [program], input=script, capture_output=True, text=True, check=True
        ).stdout
    interpreter.setvar("path", str(path))
    return str(interpreter.eval(HARNESS))


def _text(digits: str) -> str:
    return bytes.fromhex(digits).decode("utf-8")


def _seen(line: str) -> Seen:
    number, parent, cls, clone, inputs, pairs = line.split(";")
    return Seen(
        int(number), int(parent), _text(cls), int(clone or 0),
        tuple(int(n) for n in inputs.split(",") if n),
        tuple((_text(k), _text(v)) for k, v in (p.split("=") for p in pairs.split(",") if p)),
    )  # fmt: skip


def reader_nodes(script: Script) -> list[Seen]:
    """The nodes of a script as the reader sees them."""
    numbers: dict[int, int] = {}
    parents: dict[int, int] = {}
    order: list[Node] = []

    def visit(nodes: list[Node], parent: int) -> None:
        for node in nodes:
            order.append(node)
            numbers[id(node)] = len(order)
            parents[id(node)] = parent
            visit(node.children, numbers[id(node)])

    visit(script.nodes, 0)
    return [
        Seen(
            numbers[id(node)], parents[id(node)], node.cls,
            numbers[id(node.clone_of)] if node.clone_of else 0,
            tuple(numbers[id(n)] if n else 0 for n in node.inputs),
            tuple((e.name, e.value) for e in node.entries),
        )
        for node in order
    ]  # fmt: skip
