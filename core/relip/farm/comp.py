"""What a Nuke comp reads and writes, told from its text: a farm must have these files, too."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from relip import pathmap
from relip.errors import InputError

if TYPE_CHECKING:
    from relip.handoff.nk import Node

#: Knobs that name what a node reads.
READING = ("file", "vfield_file")

#: Classes whose ``file`` is written.
WRITING = ("Write", "DeepWrite", "WriteGeo", "GenerateLUT")

_FRAME = re.compile(r"#+|%0?\d*d")
_TCL = re.compile(r"\[[^\[\]]*\]")


@dataclass
class CompFiles:
    """What a comp reads and writes.

    Attributes
    ----------
    inputs : list of str
        Files that are there, every frame of a sequence by itself.
    shots : list of str
        Folders of Relip shots that it shows.
    outputs : list of str
        Folders that the Write writes into.
    notes : list of str
        A line for each name that this reader cannot follow or that is not there.
    """

    inputs: list[str] = field(default_factory=list)
    shots: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def comp_files(comp: Path, write: str) -> CompFiles:
    """Look through a comp, groups included.

    Parameters
    ----------
    comp : Path
    write : str
        Full name of the Write that is rendered.

    Returns
    -------
    CompFiles

    Raises
    ------
    NkError
        If the comp cannot be read.
    """
    from relip.handoff import nk

    nodes = list(named(nk.read(comp).nodes))
    root = next((node for _, node in nodes if node.cls == "Root"), None)
    project = root.knobs.get("project_directory", "") if root is not None else ""
    names = _Names(comp.absolute(), project)
    found = CompFiles()
    for path, node in nodes:
        if node.cls == "Root" or node.clone_of is not None:
            continue
        if node.cls in WRITING:
            if path == write and node.knobs.get("file"):
                place = names.place(node.knobs["file"])
                if place is None:
                    found.notes.append(_unclear(path, node.knobs["file"]))
                else:
                    found.outputs.append(os.path.dirname(place))
            continue
        if node.cls.startswith("Relip") and node.knobs.get("shot"):
            place = names.place(node.knobs["shot"])
            if place is not None and os.path.isdir(place):
                found.shots.append(place)
            continue
        for knob in READING:
            if node.knobs.get(knob):
                _take(found, names, path, node, node.knobs[knob])
    found.inputs = list(dict.fromkeys(found.inputs))
    found.shots = list(dict.fromkeys(found.shots))
    return found


def named(nodes: list[Node], prefix: str = "") -> Iterator[tuple[str, Node]]:
    """Every node with its full name, "Group1.Read1" inside a group."""
    for node in nodes:
        yield prefix + node.name, node
        yield from named(list(node.children), f"{prefix}{node.name}.")


def _take(found: CompFiles, names: _Names, path: str, node: Node, text: str) -> None:
    place = names.place(text)
    if place is None:
        found.notes.append(_unclear(path, text))
        return
    files = _files(place, _whole(node.knobs.get("first")), _whole(node.knobs.get("last")))
    if not files:
        found.notes.append(f"{path}: {place} is not there")
    found.inputs += files


def _unclear(path: str, text: str) -> str:
    return f"{path}: {text} can only be followed inside Nuke; add its files to the job by hand"


def _whole(text: str | None) -> int | None:
    return int(text) if text and re.fullmatch(r"-?\d+", text) else None


def _files(place: str, first: int | None, last: int | None) -> list[str]:
    """The files that a name stands for: itself, or the frames from first to last on disk."""
    folder, name = os.path.split(place)
    places = list(_FRAME.finditer(name))
    if not places:
        return [place] if os.path.isfile(place) else []
    head, tail = name[: places[-1].start()], name[places[-1].end() :]
    pattern = re.compile(re.escape(head) + r"(-?\d+)" + re.escape(tail) + r"\Z")
    frames = {}
    try:
        for entry in os.scandir(folder):
            match = pattern.match(entry.name)
            if match:
                frames[int(match[1])] = entry.path
    except OSError:
        return []
    low, high = first if first is not None else -(10**9), last if last is not None else 10**9
    return [frames[f] for f in sorted(frames) if low <= f <= high]


class _Names:
    """Names of files as knobs hold them, made absolute as Nuke does."""

    def __init__(self, comp: Path, project: str) -> None:
        self._known = {
            "value root.name": comp.as_posix(),
            "knob root.name": comp.as_posix(),
            "python nuke.script_directory()": comp.parent.as_posix(),
            "python {nuke.script_directory()}": comp.parent.as_posix(),
        }
        self._base = str(comp.parent)
        base = self.place(project) if project else None
        if base is not None:
            self._base = base
            self._known["value root.project_directory"] = base

    def place(self, text: str) -> str | None:
        """Where a name leads; None when it holds Tcl that only Nuke can evaluate."""
        while True:
            match = _TCL.search(text)
            if match is None:
                break
            value = self._evaluated(match[0][1:-1].strip())
            if value is None:
                return None
            text = text[: match.start()] + value + text[match.end() :]
        if "[" in text or "$" in text:
            return None
        try:
            text = os.path.expanduser(pathmap.mapped(text))
        except InputError:
            return None
        return os.path.normpath(os.path.join(self._base, text))

    def _evaluated(self, command: str) -> str | None:
        command = " ".join(command.split())
        if command in self._known:
            return self._known[command]
        head, _, argument = command.partition(" ")
        if head == "file" and argument.startswith("dirname "):
            return os.path.dirname(argument[len("dirname ") :].strip('{}"'))
        return None
