"""Knobs that Nuke's own nodes have: enough to tell a knob that cannot be there."""

from __future__ import annotations

#: Knobs of every node.
COMMON = frozenset(
    (
        "name", "xpos", "ypos", "selected", "label", "help", "icon", "note_font",
        "note_font_size", "note_font_color", "tile_color", "gl_color", "hide_input", "disable",
        "cached", "dope_sheet", "bookmark", "postage_stamp", "postage_stamp_frame", "indicators",
        "autolabel", "onCreate", "onDestroy", "knobChanged", "updateUI", "useLifetime",
        "lifetimeStart", "lifetimeEnd", "window", "rootNodeUpdated", "gizmo_file", "process_mask",
        "panel", "mapsize", "bookmark", "userpane", "enable", "lock_connections", "panelDropped",
    )
)  # fmt: skip
#: Knobs of what is a group.
GROUP = frozenset(
    (
        "lock_connections", "subgraph", "published", "publishDate", "users", "file", "autosave",
        "output", "input", "num_inputs", "prefs", "copy", "hidpi",
    )
)  # fmt: skip
_MASK = frozenset(
    (
        "maskChannelMask", "maskChannelInput", "maskChannelMaskFrom", "maskFrom", "maskFromFlag",
        "inject", "invert_mask", "fringe", "mix", "mix_luminance", "process_mask",
    )
)  # fmt: skip
_CHANNELS = frozenset(("channels", "unpremult"))
#: Classes with few knobs, all of them known. Others are not judged.
KNOWN: dict[str, frozenset[str]] = {
    "NoOp": frozenset(),
    "Dot": frozenset(),
    "Input": frozenset(("number",)),
    "Output": frozenset(),
    "Switch": frozenset(("which",)),
    "Dissolve": _MASK | _CHANNELS | {"which"},
    "Blur": _MASK | _CHANNELS | {"size", "filter", "quality", "crop", "cropToFormat"},
    "Invert": _MASK | _CHANNELS | {"clamp"},
    "Crop": frozenset(("box", "softness", "reformat", "intersect", "crop")),
    "Multiply": _MASK | _CHANNELS | {"value"},
    "Add": _MASK | _CHANNELS | {"value"},
    "Gamma": _MASK | _CHANNELS | {"value"},
}
#: Nuke writes one of these beside each colour knob whose panel was opened.
PANEL_DROPPED = "_panelDropped"


def can_have(cls: str, knob: str) -> bool:
    """Whether a node of Nuke's own class may have a knob, as far as this module can tell.

    Parameters
    ----------
    cls, knob : str

    Returns
    -------
    bool
        True for a class that is not known here.
    """
    known = KNOWN.get(cls)
    base = knob.removesuffix(PANEL_DROPPED)
    return known is None or base in COMMON or base in known
