"""Nodes as Nuke writes them."""

from __future__ import annotations

from collections.abc import Sequence

from . import knobs as k
from .nodes import Gizmo, Group, Node, Root
from .tcl import quote

_FIRST = ("name", "selected", "xpos", "ypos")


def _value(knob: k.Knob) -> str:
    while isinstance(knob, k.Link_Knob):
        knob = knob._target()
    text = knob._to_text()
    if isinstance(knob, k.Array_Knob) and ("{" in text or " " in text):
        return "{" + text + "}"
    return quote(text)


def knob_lines(node: Node, *, user_definitions: bool = True) -> list[str]:
    """One line a knob, those at their default left out."""
    lines = []
    gizmo = isinstance(node, Gizmo)
    for knob in node._order:
        if knob._name in _FIRST:
            continue
        inherited = gizmo and knob._name in node._baseline
        if knob._user and not inherited and user_definitions:
            lines.append(f"addUserKnob {{{knob._definition()}}}")
        if not knob._name or knob._is_default() and not inherited:
            continue
        if isinstance(knob, (k.PyScript_Knob, k.Text_Knob)):
            continue
        if isinstance(knob, k.Link_Knob) and not inherited:
            continue  # a Group's links are written with the nodes inside
        if inherited and knob._to_text() == node._baseline[knob._name]:
            continue
        lines.append(f"{knob._name} {_value(knob)}")
    for name in _FIRST:
        knob = node._knobs[name]
        if not knob._is_default():
            lines.append(f"{name} {_value(knob)}")
    return lines


def node_texts(nodes: Sequence[Node], indent: str = "") -> list[str]:
    """Lines that make these nodes again, connections among them kept.

    A connection to a node outside is written as the node pasted on (``$cut_paste_input``).
    """
    wanted = list(nodes)
    done: set[Node] = set()
    order: list[Node] = []

    def visit(node: Node) -> None:
        if node in done:
            return
        done.add(node)
        for index in sorted(node._inputs, reverse=True):
            source = node._inputs[index]
            if source in wanted:
                visit(source)
        order.append(node)

    for node in wanted:
        visit(node)
    lines: list[str] = []
    for node in order:
        mask = None if isinstance(node, Group) else node._cls.mask
        count = node.inputs()
        has_mask = mask is not None and mask in node._inputs
        slots = [i for i in range(count) if i != mask or has_mask]
        if not slots and node.maxInputs() and not isinstance(node, Group) and node._cls.minimum:
            slots = list(range(node._cls.minimum))
        for slot in reversed(slots):
            source = node._inputs.get(slot)
            if source is None:
                lines.append("push 0")
            elif source in wanted:
                lines.append(f"push $N{id(source):x}")
            else:
                lines.append("push $cut_paste_input")
        head = []
        if has_mask:
            head = [f"inputs {len(slots) - 1}+1"]
        elif len(slots) != 1:
            head = [f"inputs {len(slots)}"]
        cls = "Group" if type(node) is Group else node.Class()
        lines.append(f"{cls} {{")
        lines += [f" {line}" for line in head + knob_lines(node)]
        lines.append("}")
        if type(node) is Group:
            lines += [f" {line}" for line in node_texts(node._nodes)]
            lines.append("end_group")
        lines.append(f"set N{id(node):x} [stack 0]")
    return [indent + line for line in lines]


def script(root: Root, version: str) -> str:
    """The whole script."""
    from .state import host

    lines = [f"version {version}", "Root {"]
    lines += [f" {line}" for line in knob_lines(root)]
    lines.append("}")
    for layer, channels in host().layers.known.items():
        if layer in host().new_layers:
            full = " ".join(f"{layer}.{c}" for c in channels)
            lines.append(f"add_layer {{{layer} {full}}}")
    lines += node_texts(root._nodes)
    return "\n".join(lines) + "\n"


def selection(nodes: Sequence[Node], version: str) -> str:
    """What copying these nodes puts on the clipboard."""
    lines = ["set cut_paste_input [stack 0]", f"version {version}"]
    return "\n".join([*lines, *node_texts(nodes)]) + "\n"
