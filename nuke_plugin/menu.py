"""Relip's menu, run in Nuke's interface only. Every entry says "lip sync" for the Tab search."""

import os

import nuke

ICON = os.path.join(os.path.dirname(os.path.abspath(__file__)), "relip.png").replace("\\", "/")

ENTRIES = (
    ("Relip - lip sync in one node", "create('Relip')", "New dialogue for a shot, in one node."),
    ("Relip five nodes - lip sync step by step", "create_five()",
     "RelipSpeech, RelipTrack, RelipMask, RelipRender and RelipBlend, wired together."),
    None,
    ("RelipSpeech - lip sync dialogue", "create('RelipSpeech')", "New dialogue to mouth curves."),
    ("RelipTrack - lip sync face track", "create('RelipTrack')", "Follow the face."),
    ("RelipMask - lip sync matte", "create('RelipMask')", "The region that may change."),
    ("RelipRender - lip sync render", "create('RelipRender')", "Train and render the new mouth."),
    ("RelipBlend - lip sync blend", "create('RelipBlend')", "The new mouth over the plate."),
)  # fmt: skip


def add_menu():
    # type: () -> None
    """Add Relip to the Nodes toolbar and its farm entry to the Render menu."""
    menu = nuke.menu("Nodes").addMenu("Relip", icon=ICON)
    for entry in ENTRIES:
        if entry is None:
            menu.addSeparator()
            continue
        name, call, tooltip = entry
        menu.addCommand(
            name, "import relip_nuke.comp; relip_nuke.comp." + call, icon=ICON, tooltip=tooltip
        )
    nuke.menu("Nuke").addCommand(
        "Render/RelipSubmit - lip sync to the farm",
        "import relip_nuke.actions; relip_nuke.actions.submit_selected()",
        tooltip="Write an Open Job Description bundle: the stages by chunk, then the comp.",
    )


add_menu()
