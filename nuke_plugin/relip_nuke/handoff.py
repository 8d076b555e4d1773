"""Native nodes from the shot: the engine writes Nuke's text, Nuke pastes it."""

from __future__ import annotations

import os
from typing import Any

import nuke

from relip_nuke import containment, nodes, paths

#: What each button of RelipTrack asks ``relip export`` for.
EXPORTS: dict[str, dict[str, Any]] = {
    "make_tracker": {"to": "tracker"},
    "make_cornerpin": {"to": "cornerpin", "options": {"direction": "uncrop"}},
    "make_transform": {"to": "transform"},
    "make_stmap": {"to": "stmap"},
    "make_roto_lips": {"to": "roto", "options": {"shapes": "lips"}},
    "make_roto_mouth": {"to": "roto", "options": {"shapes": "mouth"}},
    "make_roto_jaw": {"to": "roto", "options": {"shapes": "jaw"}},
}

#: How far right of the node the new ones are put.
_ASIDE = 160


def request(node: nuke.Node, button: str, shot: str) -> dict[str, Any]:
    """The parameters of the engine's ``export`` for a button."""
    chosen = EXPORTS[button]
    out = os.path.join(shot, paths.NUKE_FOLDER, "handoff", button[5:] + ".nk")
    params: dict[str, Any] = {
        "shot": shot,
        "to": chosen["to"],
        "out": containment.inside(out, shot),
    }
    options = dict(chosen.get("options", {}))
    if chosen["to"] in ("cornerpin", "stmap"):
        options["size"] = int(nodes.value(node, "crop_size"))
    if options:
        params["options"] = options
    return params


def paste(node: nuke.Node, path: str) -> list[nuke.Node]:
    """Paste a file of nodes beside ``node``, below what feeds it; the new nodes.

    Raises
    ------
    RuntimeError
        If Nuke does not take the file.
    """
    around = nodes.parent(node)
    group = around if isinstance(around, nuke.Group) else nuke.root()
    # A button's script runs inside its own node; what it pastes must not end up there.
    with group:
        before = {each.fullName() for each in group.nodes()}
        for each in group.nodes():
            each.setSelected(False)
        plate = nodes.plate_input(node)
        if plate is not None:
            plate.setSelected(True)
        # Nuke reads it as Tcl, to which a backslash says something else.
        nuke.nodePaste(path.replace("\\", "/"))
        made = [each for each in group.nodes() if each.fullName() not in before]
    if not made:
        raise RuntimeError(f"{path} holds no nodes")
    left, top = min(each.xpos() for each in made), min(each.ypos() for each in made)
    for each in made:
        each.setXYpos(each.xpos() - left + node.xpos() + _ASIDE, each.ypos() - top + node.ypos())
    return made
