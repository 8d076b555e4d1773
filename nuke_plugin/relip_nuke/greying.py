"""Knobs that have no say as the panel stands are greyed out."""

from __future__ import annotations

import nuke

from relip_nuke import nodes, settings


def refresh(node: nuke.Node) -> None:
    """Grey out what has no say on a node, and on the links that Relip shows of its inner nodes."""
    if nodes.family(node) != "Relip":
        _set(node, settings.usable(node))
        return
    for family, inner in nodes.parts(node).items():
        if nodes.owner(inner) != node:
            continue  # of another node above
        usable = settings.usable(inner)
        _set(inner, usable)
        _set(node, {settings.LINKS.get((family, name), name): on for name, on in usable.items()})


def _set(node: nuke.Node, usable: dict[str, bool]) -> None:
    for name, on in usable.items():
        knob = node.knob(name)
        if knob is not None and knob.enabled() != on:
            knob.setEnabled(on)
