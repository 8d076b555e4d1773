"""Turn gizmos of a comp into Groups: the comp then opens without Relip's gizmos.

A frozen group holds the gizmo's knobs with the comp's values, and its nodes;
its hidden knob ``relip_frozen`` names the class and checksum it was, so that
``audit`` still knows it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from relip.errors import GizmoError
from relip.gizmo.audit import FROZEN
from relip.gizmo.comp import Comp, Edits
from relip.gizmo.library import Library
from relip.gizmo.manifest import checksum, top_node
from relip.handoff import nk
from relip.handoff.nk_nodes import ADD_USER_KNOB, INPUTS, Entry
from relip.handoff.nk_tcl import words
from relip.handoff.nk_writer import format_body

#: Knobs of the gizmo file that concern the file, not the group.
_OF_THE_FILE = frozenset(("name", "xpos", "ypos", "selected"))
_PREFIX = re.compile(r"[NC]f(\d+)x")


@dataclass
class Frozen:
    """The outcome of freezing.

    Attributes
    ----------
    text : str
        The comp after it.
    nodes : list of (str, str)
        Path and class of each node that became a group.
    notes : list of str
        What a person should know.
    """

    text: str
    nodes: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def freeze(comp: Comp, library: Library, *, only: list[str] | None = None) -> Frozen:
    """Turn Relip gizmos into groups.

    Parameters
    ----------
    comp : Comp
    library : Library
    only : list of str, optional
        Names or paths of the nodes; all by default. Clones go with their original.

    Returns
    -------
    Frozen
        With the same text when there is nothing to do.

    Raises
    ------
    UsageError
        If a node of ``only`` is not there.
    GizmoError
        If a class is not in the folder, or its file is not the one in the manifest.
    NkError
        If a gizmo's file is damaged.
    """
    edits = Edits(comp.script.text)
    result = Frozen("")
    text = comp.script.text
    taken = [int(number) for number in _PREFIX.findall(text)]
    number = max(taken, default=0)
    names = {node.name for node in comp.script.walk()}
    chosen = {id(node.clone_of or node) for node in comp.chosen(library, only)}
    for node in comp.relip_nodes(library):
        if id(node.clone_of or node) not in chosen:
            continue
        number += 1
        where, depth = comp.path(node), comp.path(node).count(".")
        group = nk.Node("Group")
        group.entries = _merged(node, library)
        if node.clone_of:
            fresh = _unused(node.name, names)
            group.name = fresh
            result.notes.append(
                f"{where} (line {node.line}) was a clone; it is now a group of its own, {fresh}"
            )
        group.children = _inside(node.cls, library)
        layers = _freeze_inside(group, library, (node.cls,))
        indent = " " * depth
        head = "".join(f"add_layer {nk.braced(layer)}\n" for layer in layers)
        inputs = _inputs(node, text)
        new = (
            f"{head}{indent}Group {{\n{inputs and f'{indent} {inputs}'}"
            f"{format_body(group, indent + ' ')}{indent}}}\n"
            + nk.format_nodes(group.children, depth=depth + 1, prefix=f"f{number}x")
            + f"{indent}end_group"
        )
        start = node.span[0]
        # The indentation before the node stays where it is, behind the layers.
        new = new[len(indent) :] if not head else new
        edits.replace(start, node.span[1], new.replace("\n", edits.newline))
        result.nodes.append((where, node.cls))
    result.text = edits.apply()
    return result


def _merged(node: nk.Node, library: Library) -> list[Entry]:
    """The gizmo's knobs with the values of one node of it, and the mark."""
    cls = node.cls
    if cls not in library.entries or library.file_state(cls) in ("missing", "modified"):
        state = library.file_state(cls) if cls in library.entries else "not there"
        raise GizmoError(
            f"{cls} of {node.name} is {state} in {library.folder}",
            mend="name the folder that has the released file with --gizmos DIR",
        )
    gizmo = library.gizmo(cls)
    values: dict[str, str] = dict(node.clone_of.knobs) if node.clone_of else {}
    values |= dict(node.knobs)
    own = [entry for entry in node.entries if entry.name == ADD_USER_KNOB]
    result: list[Entry] = []
    written: set[str] = set()

    def put(name: str, value: str) -> None:
        if name not in written:
            written.add(name)
            result.append(Entry(name, value))

    for entry in gizmo.entries:
        if entry.name == ADD_USER_KNOB:
            result.append(Entry(ADD_USER_KNOB, entry.value))
            name = nk.split_list(entry.value)[1]
            if name in values:
                put(name, values[name])
        elif entry.name not in _OF_THE_FILE:
            put(entry.name, values.get(entry.name, entry.value))
    result += [
        Entry(ADD_USER_KNOB, f'1 {FROZEN} l "" t "The gizmo this group was." +INVISIBLE'),
        Entry(FROZEN, f"{cls}@{checksum(library.path(cls))[:16]}"),
    ]
    for entry in own:
        result.append(Entry(ADD_USER_KNOB, entry.value))
        name = nk.split_list(entry.value)[1]
        if name in values:
            put(name, values[name])
    for name, value in values.items():
        put(name, value)
    return result


def _freeze_inside(group: nk.Node, library: Library, above: tuple[str, ...]) -> list[str]:
    """Freeze the gizmos inside a group; gives the layers that all of them add."""
    layers = list(library.script(above[-1]).layers)
    waiting = list(group.children)
    while waiting:
        node = waiting.pop()
        waiting += node.children
        if not library.is_relip(node.cls):
            continue
        if node.cls in above:
            raise GizmoError(f"{node.cls} holds itself", mend="mend the gizmo: it would never end")
        cls = node.cls
        node.entries = _merged(node, library)
        node.cls, node.clone_of = "Group", None
        node.children = _inside(cls, library)
        layers += _freeze_inside(node, library, (*above, cls))
    return list(dict.fromkeys(layers))


def _inside(cls: str, library: Library) -> list[nk.Node]:
    """The nodes inside a class, read afresh: each frozen node has its own."""
    return top_node(nk.parse(library.script(cls).text, path=str(library.path(cls)))).children


def _inputs(node: nk.Node, text: str) -> str:
    """The node's own line of inputs, as it is written."""
    pairs = words(text, *node.body_span, continued=True)
    for name in pairs:
        value = next(pairs)
        if name.value == INPUTS:
            return f"inputs {value.value}\n"
    return ""


def _unused(name: str, names: set[str]) -> str:
    base = re.sub(r"\d+$", "", name) or "Group"
    number = 1
    while f"{base}{number}" in names:
        number += 1
    names.add(f"{base}{number}")
    return f"{base}{number}"
