"""Relip's nodes in a comp: which they are, what belongs to one shot, their knobs."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from typing import Any

import nuke

#: The stage that a family of nodes shows; the key is the class name without its version.
STAGES = {
    "RelipSpeech": "speech",
    "RelipTrack": "track",
    "RelipMask": "mask",
    "RelipRender": "render",
    "RelipBlend": "render",
    "Relip": "render",
}

#: The nodes inside Relip, by family.
INSIDE = {
    "RelipSpeech": "RelipSpeech1",
    "RelipTrack": "RelipTrack1",
    "RelipMask": "RelipMask1",
    "RelipRender": "RelipRender1",
    "RelipBlend": "RelipBlend1",
}

#: A path as Windows' Explorer gives it: a drive or a share.
_BACKSLASHED = re.compile(r"[A-Za-z]:\\|\\\\")

_CLASS = re.compile(r"(Relip(?:Speech|Track|Mask|Render|Blend)?)_v\d+_\d+\Z")
_TITLE = re.compile(r"(Relip(?:Speech|Track|Mask|Render|Blend)?) \d+\.\d+\Z")


def family(node: nuke.Node) -> str | None:
    """``RelipTrack`` for a node of class ``RelipTrack_v1_0``; None for other nodes.

    A gizmo that was turned into a Group is known by its version text.
    """
    match = _CLASS.match(node.Class())
    if match:
        return match[1]
    if node.Class() in ("Group", "LiveGroup"):
        knob = node.knob("version")
        if knob is not None and node.knob("shot_folder") is not None:
            match = _TITLE.match(str(knob.value()))
            if match:
                return match[1]
    return None


def parent(node: nuke.Node) -> nuke.Node | None:
    """The group that a node is in; None at the top."""
    inside = node.fullName().rpartition(".")[0]
    return named(inside) if inside else None


def named(full_name: str) -> nuke.Node | None:
    """The node with a full name; None when it is not there.

    A button's script runs inside its own group, where bare names mean inner nodes.
    """
    return nuke.toNode("root." + full_name)


def owner(node: nuke.Node) -> nuke.Node:
    """The Relip node that a node stands inside of, or the node itself."""
    around = parent(node)
    while around is not None:
        if family(around) == "Relip":
            return around
        around = parent(around)
    return node


def every() -> list[nuke.Node]:
    """All Relip nodes of the comp that stand by themselves, those in groups included."""
    return [
        node
        for node in nuke.allNodes(group=nuke.root(), recurseGroups=True)
        if family(node) is not None and owner(node) is node
    ]


def upstream(node: nuke.Node) -> Iterator[nuke.Node]:
    """The nodes above a node, nearest first, each once; not the node itself.

    Walls of groups are no end: what a group holds and what feeds it count, too.
    Relip's own nodes are closed boxes.
    """
    # By the nodes themselves: clones share one name.
    seen = {node}
    waiting = [node]
    while waiting:
        for above in feeding(waiting.pop(0)):
            if above not in seen:
                seen.add(above)
                yield above
                waiting.append(above)


def feeding(node: nuke.Node) -> list[nuke.Node]:
    """What a node's picture is made from, one step up: its inputs, and a group's own output."""
    above = [outer_input(node, index) for index in range(node.inputs())]
    if isinstance(node, nuke.Group) and family(node) is None:
        above.extend(outputs(node))
    if node.Class() == "Input":
        around = parent(node)
        if around is not None and family(around) is None:
            above.append(outer_input(around, _input_number(node)))
    return [each for each in above if each is not None]


def outputs(group: nuke.Group) -> list[nuke.Node]:
    """The Output of a group."""
    return [inner for inner in group.nodes() if inner.Class() == "Output"]


def inside_relip(node: nuke.Node) -> bool:
    """Whether a node is a part of one of Relip's own nodes."""
    around = parent(node)
    while around is not None:
        if family(around) is not None:
            return True
        around = parent(around)
    return False


def text(node: nuke.Node, name: str) -> str:
    """The value of a text or file knob with its Tcl evaluated; empty when it has none."""
    knob = node.knob(name)
    if knob is None:
        return ""
    value = knob.evaluate() if isinstance(knob, nuke.EvalString_Knob) else knob.value()
    return str(value).strip() if value is not None else ""


def value(node: nuke.Node, name: str) -> Any:
    """The value of a knob.

    Raises
    ------
    LookupError
        If the node has no such knob.
    """
    knob = node.knob(name)
    if knob is None:
        raise LookupError(f"{node.name()} has no knob {name}")
    return knob.value()


def setting(node: nuke.Node, name: str, frame: int | None = None) -> Any:
    """The one value that a knob gives to the whole shot, wherever the viewer stands.

    Of an animated knob that is its value in the shot's first frame.

    Parameters
    ----------
    node : nuke.Node
    name : str
    frame : int, optional
        Take the value there instead.

    Raises
    ------
    LookupError
        If the node has no such knob.
    """
    now, knob = value(node, name), node[name]
    if not isinstance(knob, nuke.Array_Knob) or not (knob.isAnimated() or knob.hasExpression()):
        return now
    at = shot_frames(node)[0] if frame is None else frame
    if isinstance(knob, nuke.Enumeration_Knob):
        return knob.values()[int(knob.getValueAt(at))]
    if isinstance(now, (list, tuple)):
        return [knob.getValueAt(at, index) for index in range(len(now))]
    return type(now)(knob.getValueAt(at))


def put(node: nuke.Node, name: str, new: Any) -> None:
    """Set a knob if the node has it and it differs: an unchanged comp stays unmodified."""
    knob = node.knob(name)
    if knob is not None and knob.value() != new:
        knob.setValue(new)


def absolute(path: str) -> str:
    """A path of a knob as an absolute one: relative to the project directory, else the comp."""
    if not path:
        return ""
    path = os.path.expanduser(path)
    if not os.path.isabs(path):
        root = nuke.root()
        base = text(root, "project_directory") or os.path.dirname(text(root, "name"))
        path = os.path.join(base or os.getcwd(), path)
    return os.path.normpath(path)


def folder_script(shot: nuke.Node) -> str:
    """The Shot folder of a node as its Reads must have it, to find what :func:`absolute` finds.

    As it was typed, Tcl and all, because the comp may move and its shots with it. Nuke itself
    knows neither ``~`` nor, without a project directory, what a relative path begins at.
    """
    raw = str(shot["shot"].toScript(False))
    plain = text(shot, "shot")
    if plain.startswith("~") or _BACKSLASHED.match(plain):
        # To Nuke a backslash in a file name begins an escape.
        return os.path.expanduser(plain).replace("\\", "/")
    if not plain or os.path.isabs(plain) or text(nuke.root(), "project_directory"):
        return raw
    return "[file dirname [value root.name]]/" + raw


@contextlib.contextmanager
def no_undo() -> Iterator[None]:
    """What is set inside leaves nothing to undo: it follows the disk, not the artist."""
    undo = nuke.Undo()
    if undo.disabled():
        yield
        return
    undo.disable()
    try:
        yield
    finally:
        undo.enable()


def shot_giver(node: nuke.Node) -> nuke.Node | None:
    """The node whose Shot folder counts for ``node``: itself, or the next Relip node upstream."""
    for candidate in (node, *upstream(node)):
        if family(candidate) is not None and text(candidate, "shot"):
            return candidate
    return None


def shot_of(node: nuke.Node) -> str:
    """The shot folder of a node, absolute; empty when there is none."""
    giver = shot_giver(node)
    return absolute(text(giver, "shot")) if giver is not None else ""


def parts(node: nuke.Node) -> dict[str, nuke.Node]:
    """The nodes that make up a node's shot, by family: itself and those upstream.

    Of several of one family the nearest counts. A Relip node's are inside it.
    """
    node = owner(node)
    shot = shot_of(node)
    found: dict[str, nuke.Node] = {}
    for candidate in (node, *upstream(node)):
        name = family(candidate)
        if name is None or (candidate is not node and shot_of(candidate) != shot):
            continue
        if name == "Relip":
            for inner, inner_name in INSIDE.items():
                inside = candidate.node(inner_name) if isinstance(candidate, nuke.Group) else None
                if inside is not None:
                    found.setdefault(inner, inside)
        else:
            found.setdefault(name, candidate)
    return found


def sharing(part: nuke.Node) -> list[nuke.Node]:
    """The Relip nodes that have a node among the :func:`parts` of their shot."""
    return [each for each in every() if part in parts(each).values()]


def plate_input(node: nuke.Node) -> nuke.Node | None:
    """What is connected to a node's plate; for a node inside Relip, to Relip's."""
    return outer_input(node, 0)


def outer_input(node: nuke.Node, index: int) -> nuke.Node | None:
    """An input of a node, seen through the walls of the group it stands in."""
    above = node.input(index)
    while above is not None and above.Class() == "Input":
        around = parent(above)
        if around is None:
            return None
        above = around.input(_input_number(above))
    return above


def _input_number(node: nuke.Node) -> int:
    knob = node.knob("number")
    return int(knob.value()) if knob is not None else 0


def through(node: nuke.Node | None) -> nuke.Node | None:
    """The first node above that does something: past Dots, NoOps and disabled nodes."""
    while node is not None:
        disabled = node.knob("disable")
        idle = node.Class() in ("Dot", "NoOp") or (disabled is not None and bool(disabled.value()))
        if not idle or node.inputs() < 1:
            return node
        node = outer_input(node, 0)
    return None


def shot_frames(node: nuke.Node) -> tuple[int, int]:
    """First and last frame of a node's shot, as its knobs hold them."""
    node = owner(node)
    return int(value(node, "first_frame")), int(value(node, "last_frame"))
