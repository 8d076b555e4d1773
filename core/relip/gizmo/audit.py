"""Which Relip nodes a comp has, and what stands with each."""

from __future__ import annotations

import contextlib
import re
from dataclasses import asdict, dataclass, field
from typing import Any

from relip.errors import GizmoError
from relip.gizmo.comp import Comp
from relip.gizmo.library import Library
from relip.gizmo.manifest import split_class
from relip.gizmo.nodeknobs import COMMON, GROUP, PANEL_DROPPED
from relip.gizmo.userknob import user_knobs
from relip.handoff import nk

#: The hidden knob in which a frozen group keeps the class it was.
FROZEN = "relip_frozen"
#: States that somebody must do something about.
PROBLEMS = frozenset(("unknown", "modified", "missing"))
_FAMILY_VERSION = re.compile(r"(Relip[A-Za-z]*) (\d+)\.(\d+)")


@dataclass
class NodeReport:
    """What stands with one node.

    Attributes
    ----------
    node : str
        Its path in the comp.
    line : int
    cls, family, version : str
        Family and version are empty when the class does not tell.
    newest : str
        The class an upgrade would lead to; empty when it is unknown.
    states : list of str
        ``current``, ``outdated``, ``deprecated``, ``unknown`` (class not in the folder),
        ``modified`` (the file is not the released one), ``missing`` (no file), ``frozen`` (a
        Group that was a gizmo), ``draft`` (not released yet).
    clone_of : str
        The path of the node it is a clone of.
    unknown_knobs : list of str
        Knobs that the comp sets and the class does not have.
    """

    node: str
    line: int
    cls: str
    family: str = ""
    version: str = ""
    newest: str = ""
    states: list[str] = field(default_factory=list)
    clone_of: str = ""
    unknown_knobs: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """As JSON-able values."""
        return asdict(self)

    @property
    def is_problem(self) -> bool:
        """Whether somebody must do something."""
        return bool(PROBLEMS & set(self.states)) or bool(self.unknown_knobs)


def audit(comp: Comp, library: Library) -> list[NodeReport]:
    """The Relip nodes of a comp.

    Parameters
    ----------
    comp : Comp
    library : Library

    Returns
    -------
    list of NodeReport
        In file order; frozen groups included.
    """
    reports = []
    for node in comp.script.walk():
        if library.is_relip(node.cls):
            reports.append(_gizmo(node, comp, library))
        elif node.cls in ("Group", "LiveGroup") and (cls := frozen_class(node)):
            reports.append(_frozen(node, cls, comp, library))
    return reports


def _gizmo(node: nk.Node, comp: Comp, library: Library) -> NodeReport:
    report = NodeReport(comp.path(node), node.line, node.cls)
    if node.clone_of:
        report.clone_of = comp.path(node.clone_of)
    entry = library.entries.get(node.cls)
    if entry is None:
        with contextlib.suppress(GizmoError):
            report.family, report.version = split_class(node.cls)
        newest = library.newest(report.family)
        report.newest = newest.cls if newest else ""
        report.states = ["unknown"]
        return report
    report.family, report.version = entry.family, entry.version
    newest = library.newest(entry.family)
    report.newest = newest.cls if newest else ""
    state = library.file_state(node.cls)
    if report.newest and newest and newest.order > entry.order:
        report.states.append("outdated")
    if entry.deprecated:
        report.states.append("deprecated")
    if state in ("modified", "missing", "draft", "unlisted"):
        report.states.append("draft" if state == "unlisted" else state)
    if not set(report.states) - {"draft"}:
        report.states.insert(0, "current")
    if state != "missing":
        report.unknown_knobs = unknown_knobs(node, node.cls, library)
    return report


def unknown_knobs(node: nk.Node, cls: str, library: Library) -> list[str]:
    """Knobs that a node sets and a class does not have.

    Parameters
    ----------
    node : Node
    cls : str
        A class of the library whose file is there.
    library : Library

    Returns
    -------
    list of str
    """
    known = known_knobs(cls, library) | own_knobs(node)
    return [k for k in node.knobs if k not in known and k.removesuffix(PANEL_DROPPED) not in known]


def known_knobs(cls: str, library: Library) -> frozenset[str]:
    """All knobs a node of a class may set: its own, tabs included, and those of every node.

    Parameters
    ----------
    cls : str
    library : Library

    Returns
    -------
    frozenset of str
    """
    names = {knob.name for knob in user_knobs(library.gizmo(cls))}
    return frozenset(names | library.entries[cls].schema.keys()) | COMMON | GROUP


def own_knobs(node: nk.Node) -> frozenset[str]:
    """The user knobs that were added to this one node in the comp."""
    try:
        return frozenset(knob.name for knob in user_knobs(node))
    except GizmoError:
        return frozenset()


def frozen_class(group: nk.Node) -> str:
    """The class a Group was before it was frozen; empty for any other Group.

    A group that Relip froze says so in a hidden knob; one made by Nuke's
    "Copy gizmo to group" is known by its knob ``version``.

    Parameters
    ----------
    group : Node

    Returns
    -------
    str
    """
    if FROZEN in group.knobs:
        return group.knobs[FROZEN].split("@")[0]
    try:
        knobs = user_knobs(group)
    except GizmoError:
        return ""
    for knob in knobs:
        if knob.name == "version":
            found = _FAMILY_VERSION.match(group.knobs.get("version", knob.text or ""))
            if found and any(k.name == "state" for k in knobs):
                return f"{found[1]}_v{found[2]}_{found[3]}"
    return ""


def _frozen(node: nk.Node, cls: str, comp: Comp, library: Library) -> NodeReport:
    report = NodeReport(comp.path(node), node.line, cls, states=["frozen"])
    try:
        report.family, report.version = split_class(cls)
    except GizmoError:
        return report
    newest = library.newest(report.family)
    report.newest = newest.cls if newest else ""
    entry = library.entries.get(cls)
    if entry:
        report.version = entry.version
    if entry and newest and newest.order > entry.order:
        report.states.append("outdated")
    if entry and entry.deprecated:
        report.states.append("deprecated")
    return report
