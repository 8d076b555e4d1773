"""What Nuke calls us for; registered at start-up, so nothing heavy is imported here."""

from __future__ import annotations

import os

import nuke

#: Knobs whose change gives other nodes another shot or picture.
_HANDED_ON = frozenset(("shot", "inputChange", "use_mine", "mode"))

#: Knobs that are settings of the shot.
_SETTINGS = frozenset(
    ("language", "audio", "text", "production_audio", "offset", "when_longer", "fps",
     "face", "face_point", "face_frame", "grow", "feather", "jaw", "sides", "quality", "steps",
     "occlusion", "parser", "seed", "train_frames", "drive", "csv", "articulation", "detail",
     "calibrate", "lexicon", "smoothing", "witness", "witness_offset", "witness_face", "teeth",
     "grain", "match_grain", "defocus", "renderer", "models", "model_from", "extra", "crop")
)  # fmt: skip

#: How the names of further settings begin: the strengths of mouth controls, weights of drives.
_SETTINGS_BEGIN = ("gain_", "mix_")


def gizmo_folder() -> str:
    """The folder of released gizmos: beside nuke_plugin, or inside it in a copy; empty without."""
    plugin = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    for folder in (os.path.join(os.path.dirname(plugin), "gizmos"), os.path.join(plugin, "gizmos")):
        if os.path.isdir(folder):
            return folder
    return ""


def classes() -> list[str]:
    """The class names of the released gizmos."""
    folder = gizmo_folder()
    if not folder:
        return []
    return sorted(name[:-6] for name in os.listdir(folder) if name.endswith(".gizmo"))


def register() -> None:
    """Register gizmos and callbacks. Asks nothing, starts nothing."""
    folder = gizmo_folder()
    if not folder:
        print("warning: Relip's folder gizmos is missing; run install.py --nuke again")
        return
    # Nuke wants forward slashes on every system.
    nuke.pluginAddPath(folder.replace("\\", "/"), addToSysPath=False)
    for name in classes():
        nuke.addOnCreate(on_create, nodeClass=name)
        nuke.addKnobChanged(on_knob_changed, nodeClass=name)
    nuke.addOnScriptLoad(on_script_load)
    nuke.addBeforeRender(before_render, nodeClass="Write")
    nuke.addBeforeFrameRender(before_frame, nodeClass="Write")


def on_create() -> None:
    """A node was made, loaded, pasted or brought back by undo: show where it stands."""
    from relip_nuke import state

    state.refresh(nuke.thisNode())


def on_knob_changed() -> None:
    """A knob was changed or a panel opened. Nuke waits for this: nothing more than needed."""
    name = nuke.thisKnob().name()
    is_setting = name in _SETTINGS or name.startswith(_SETTINGS_BEGIN)
    if name not in _HANDED_ON and not is_setting and name != "showPanel":
        return
    from relip_nuke import nodes, state

    if name in _HANDED_ON:
        if name == "shot":
            from relip_nuke import actions

            actions.opened(nuke.thisNode())
        state.refresh_below(nuke.thisNode())
    elif is_setting:
        # A slider that is dragged comes here many times a second. A link of Relip's turns a knob
        # of a node inside it.
        state.refresh_panel(nodes.owner(nuke.thisNode()))
    else:
        state.refresh(nuke.thisNode())


def on_script_load() -> None:
    """All nodes of a comp are there and connected now."""
    from relip_nuke import state

    state.refresh_all()


def before_render() -> None:
    """See :func:`relip_nuke.farm.before_render`."""
    from relip_nuke import farm

    farm.before_render()


def before_frame() -> None:
    """See :func:`relip_nuke.farm.before_frame`."""
    from relip_nuke import farm

    farm.before_frame()
