"""A folder of small gizmos in three versions, and comps that use them."""

from __future__ import annotations

from pathlib import Path

from relip.gizmo.comp import Comp
from relip.gizmo.library import Library, open_library
from relip.gizmo.manifest import NAME, compute, format_manifest
from relip.handoff import nk
from relip.records import write_text

HEAD = """\
 addUserKnob {20 relip l Relip t "The main controls."}
"""
TAIL = """\
 addUserKnob {20 about l About t "Version."}
 addUserKnob {26 version l Version t "Version of this node." T "%s"}
"""
INSIDE = """\
 Input {
  inputs 0
  name Input
 }
set N1 [stack 0]
 Input {
  inputs 0
  name matte
  number 1
 }
push $N1
 Blur {
  inputs 1+1
  size {{parent.feather}}
  name Soften
  label "\\[value size]"
 }
 Output {
  name Output1
 }
end_group
"""

#: Knob lines of each version of the family RelipBlend.
KNOBS = {
    "RelipBlend_v1_0": """\
 addUserKnob {1 state l State t "Where this node stands."}
 addUserKnob {7 mix l Mix t "How much of the patch." R 0 1}
 mix 1
 addUserKnob {7 feather l Feather t "Edge." R 0 100}
 addUserKnob {18 colour l Gain t "Gain of the patch."}
 colour {1 1 1}
 addUserKnob {4 mode l Mode t "How." M {soft hard}}
 addUserKnob {7 legacy l Legacy t "Gone later."}
 addUserKnob {7 radius l Radius t "Its default changes later."}
 radius 2
 addUserKnob {41 size l Size t "Of the blur." T Soften.size}
""",
    "RelipBlend_v1_1": """\
 addUserKnob {1 state l State t "Where this node stands."}
 addUserKnob {7 mix l Mix t "How much of the patch." R 0 1}
 mix 1
 addUserKnob {7 feather l Feather t "Edge." R 0 100}
 addUserKnob {18 gain l Gain t "Gain of the patch."}
 gain {1 1 1}
 addUserKnob {4 mode l Mode t "How." M {smooth hard}}
 addUserKnob {7 legacy l Legacy t "Gone later."}
 addUserKnob {7 radius l Radius t "Its default changed."}
 radius 5
 addUserKnob {41 size l Size t "Of the blur." T Soften.size}
""",
    "RelipBlend_v2_0": """\
 addUserKnob {1 state l State t "Where this node stands."}
 addUserKnob {7 amount l Amount t "How much of the patch." R 0 1}
 amount 1
 addUserKnob {7 feather l Feather t "Edge." R 0 100}
 addUserKnob {18 gain l Gain t "Gain of the patch."}
 gain {1 1 1}
 addUserKnob {4 mode l Mode t "How." M {smooth crisp}}
 addUserKnob {7 radius l Radius t "Its default changed."}
 radius 5
 addUserKnob {41 size l Size t "Of the blur." T Soften.size}
 addUserKnob {6 guard l Guard t "New." +STARTLINE}
 guard true
""",
}
MIGRATIONS = {
    "RelipBlend_v1_1": """
[[gizmo.migrations]]
from = "RelipBlend_v1_0"
renames = { colour = "gain" }
values = { mode = { soft = "smooth" } }
""",
    "RelipBlend_v2_0": """
[[gizmo.migrations]]
from = "RelipBlend_v1_1"
renames = { mix = "amount" }
dropped = { legacy = "nobody used it" }
values = { mode = { hard = "crisp" } }
""",
}
#: A gizmo that holds another one, twice.
OUTER = """\
Gizmo {{
 inputs 1
 help "RelipAll: two blends."
{head} addUserKnob {{41 mix l Mix t "Of the first." T First.mix}}
{tail}}}
add_layer {{relip relip.red relip.green}}
 Input {{
  inputs 0
  name Input
 }}
 RelipBlend_v1_0 {{
  mix 0.25
  name First
 }}
 RelipBlend_v1_0 {{
  name Second
 }}
 Output {{
  name Output1
 }}
end_group
"""


def gizmo_text(cls: str) -> str:
    """A gizmo file without faults."""
    family, _, version = cls.partition("_v")
    tail = TAIL % f"{family} {version.replace('_', '.')}"
    if family == "RelipAll":
        return OUTER.format(head=HEAD, tail=tail)
    return (
        f'Gizmo {{\n inputs 2\n help "{family}: a blend."\n tile_color 0x4c7a8cff\n'
        f"{HEAD}{KNOBS[cls]}{tail}}}\n{INSIDE}"
    )


def make_library(
    folder: Path,
    classes: tuple[str, ...] = ("RelipBlend_v1_0", "RelipBlend_v1_1"),
    *,
    release: bool = False,
    extra: dict[str, str] | None = None,
) -> Library:
    """A folder of gizmos with its manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    text = "schema = 1\n"
    for cls in classes:
        (folder / f"{cls}.gizmo").write_text(gizmo_text(cls))
        text += f'\n[[gizmo]]\nclass = "{cls}"\n'
        text += MIGRATIONS.get(cls, "") + (extra or {}).get(cls, "")
    (folder / NAME).write_text(text)
    write_text(
        folder / NAME, format_manifest(compute(folder, release=classes if release else None))
    )
    return open_library(folder)


def comp(text: str) -> Comp:
    """A comp from its text."""
    return Comp(nk.parse(text, path="comp.nk"))


#: A comp with all that an upgrade must keep: animation, expressions, names, clones, gaps in inputs,
#: a node inside a group, one that is not connected, a foreign version.
COMP = r"""#! /opt/Nuke -nx
version 13.2 v8
Root {
 inputs 0
 name /jobs/comp.nk
}
Read {
 inputs 0
 file /jobs/p.####.exr
 name Read1
 xpos -40
}
set N1 [stack 0]
push 0
push $N1
RelipBlend_v1_0 {
 inputs 3
 mix {{curve L x1001 0 x1010 1}}
 colour {1 {curve K x1 1 x5 2 s0.5} 0.5}
 colour_panelDropped true
 mode soft
 legacy 4
 name Blend_hero
 label "gain \[value colour.r]\nmix [value this.mix] Blend_hero.colour"
 selected true
 xpos 100
 ypos   -20
 addUserKnob {20 User l Mine}
 addUserKnob {7 legacy2 l "my own"}
 legacy2 3
}
set C1 [stack 0]
set N2 [stack 0]
Grade {
 white {{parent.Blend_hero.colour.r*2} {Blend_hero.colour.g} {"\[value Blend_hero.mix]"}}
 black {{curve(Blend_hero.colour.b) x1 0 x2 1}}
 multiply {{root.Blend_hero.radius}}
 name Grade1
 knobChanged "nuke.toNode('Blend_hero')\['colour'].setValue(1)"
 addUserKnob {20 User}
 addUserKnob {41 c l C T Blend_hero.colour}
}
push 0
clone $C1 {
 inputs 1
 xpos 99
}
push $N2
Group {
 inputs 1
 name Group1
 mix2 {{Blend_hero.mix}}
}
 Input {
  inputs 0
  name Input1
 }
 RelipBlend_v1_0 {
  feather {{parent.parent.Blend_hero.colour + mix}}
  mode {{"hard"}}
  name Blend_hero
  disable true
 }
 Blur {
  size {{parent.Blend_hero.colour.r}}
  name Blur1
 }
 Output {
  name Output1
 }
end_group
RelipBlend_v1_0 { inputs 0 mode hard radius 3 name Alone }
RelipBlend_v9_9 {
 inputs 1
 name FromTheFuture
}
# the end
"""
