"""What the menu makes: one Relip node, or the five of them wired together."""

from __future__ import annotations

import re

import nuke

from relip_nuke import callbacks, nodes

#: From the plate down, and the distance between two nodes.
FIVE = ("RelipSpeech", "RelipTrack", "RelipMask", "RelipRender", "RelipBlend")
_DOWN = 80
_RIGHT = 140

_CLASS = re.compile(r"(Relip(?:Speech|Track|Mask|Render|Blend)?)_v(\d+)_(\d+)\Z")


def newest() -> dict[str, str]:
    """The newest released class of each family."""
    found: dict[str, tuple[int, int, str]] = {}
    for name in callbacks.classes():
        match = _CLASS.match(name)
        if match:
            entry = (int(match[2]), int(match[3]), name)
            found[match[1]] = max(found.get(match[1], entry), entry)
    return {family: entry[2] for family, entry in found.items()}


def create(family: str) -> nuke.Node | None:
    """Make the newest node of a family below the selected node."""
    name = newest().get(family)
    if name is None:
        nuke.message(f"No gizmo of {family} is installed: run install.py --nuke again.")
        return None
    return _named(nuke.createNode(name), family)


def _named(node: nuke.Node, family: str) -> nuke.Node:
    """Name a node after its family: RelipMask1, not RelipMask_v1_1 after class and version."""
    node.setName(family + "1")
    return node


def create_five() -> list[nuke.Node]:
    """Make the five nodes below the selected plate, wired together; top to bottom.

    ::

        plate ─ RelipSpeech ─ RelipTrack ─┬─ RelipMask (plate)
                                          └─ RelipRender (plate), RelipMask (matte)
        plate ─ RelipBlend (plate), RelipRender (patch)
    """
    released = newest()
    lacking = [family for family in FIVE if family not in released]
    if lacking:
        nuke.message(f"No gizmo of {', '.join(lacking)} is installed: run install.py --nuke again.")
        return []
    chosen = nuke.selectedNodes()
    plate = chosen[0] if chosen else None
    for node in chosen:
        node.setSelected(False)
    made: dict[str, nuke.Node] = {}
    for family in FIVE:
        made[family] = _named(
            nuke.createNode(released[family], inpanel=family == "RelipSpeech"), family
        )
        made[family].setSelected(False)
    wires: dict[str, list[nuke.Node | None]] = {
        "RelipSpeech": [plate],
        "RelipTrack": [made["RelipSpeech"]],
        "RelipMask": [made["RelipTrack"], None],
        "RelipRender": [made["RelipTrack"], made["RelipMask"], None],
        "RelipBlend": [plate, made["RelipRender"], None],
    }
    for family, inputs in wires.items():
        for index, above in enumerate(inputs):
            made[family].setInput(index, above)
    left, top = (plate.xpos(), plate.ypos()) if plate is not None else (0, 0)
    for row, family in enumerate(FIVE, start=1):
        aside = 0 if family == "RelipBlend" else _RIGHT * (2 if family == "RelipMask" else 1)
        made[family].setXYpos(left + aside, top + _DOWN * row)
    for node in made.values():
        _refresh(node)
    made["RelipBlend"].setSelected(True)
    return [made[family] for family in FIVE]


def _refresh(node: nuke.Node) -> None:
    from relip_nuke import state

    if nodes.family(node) is not None:
        state.refresh(node)
