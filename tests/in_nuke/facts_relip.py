"""What Relip's nodes rest on together: nested values, links, inner Writes, handoff, undo."""

import os

from checking import Failed, Skipped, evaluated, fact, near, paste, repository, same, true
from facts_gizmos import _plugin, gizmos

#: A group whose inner Read takes its file from a knob that itself holds a [value …].
NESTED = (
    "Group {\n inputs 0\n name G\n addUserKnob {20 User}\n"
    " addUserKnob {2 folder}\n folder /shots/sh010\n"
    ' addUserKnob {2 cache}\n cache "\\[value folder]/render/patch.####.exr"\n}\n'
    ' Read {\n  inputs 0\n  file "\\[value parent.cache]"\n  name Inner\n }\n'
    " Group {\n  inputs 0\n  name Deep\n }\n"
    '  Read {\n   inputs 0\n   file "\\[value parent.parent.cache]"\n   name Deeper\n  }\n'
    "  Output {\n   name Output1\n  }\n"
    " end_group\n"
    " Output {\n  name Output1\n }\n"
    "end_group\n"
)
FILES = "/shots/sh010/render/patch.0012.exr"


def _newest(family):
    found = [name for name in gizmos() if name.startswith(family + "_v")]
    if not found:
        raise Skipped(f"no gizmo of {family}")
    return found[-1]


def _make(family, name, **knobs):
    import nuke

    _plugin()
    return getattr(nuke.nodes, _newest(family))(name=name, **knobs)


def _linked(node, name):
    """The knob that a link leads to."""
    knob = node[name].getLinkedKnob()
    true(knob is not None, f"{node.name()}.{name} is linked to nothing")
    return knob


def _reopened(folder):
    import nuke

    nuke.scriptSaveAs(folder + "/relip.nk", 1)
    nuke.scriptClear()
    nuke.scriptOpen(folder + "/relip.nk")


@fact("[value parent.knob] gives the evaluated knob, and [value] in it is the group's")
def nested_value(folder):
    import nuke

    paste(folder, NESTED)
    for name in ("G.Inner", "G.Deep.Deeper"):
        same(evaluated(nuke.toNode(name)["file"], 12), FILES, f"{name}.file")
    nuke.toNode("G")["folder"].setValue("/mapped")
    same(evaluated(nuke.toNode("G.Inner")["file"], 12), FILES.replace("/shots/sh010", "/mapped"),
         "after the folder was changed")  # fmt: skip


@fact("an inner Read of RelipRender and of Relip takes its file from the shot folder")
def inner_read(folder):
    import nuke

    for family in ("RelipRender", "Relip"):
        nuke.scriptClear()
        node = _make(family, family + "1")
        node["shot_folder"].setValue("/shots/sh010.relip")
        wanted = "/shots/sh010.relip/render/patch.0012.exr"
        same(evaluated(node["cache"], 12), wanted, f"{family}.cache")
        reads = [n for n in nuke.allNodes("Read", node, recurseGroups=True)]
        found = [evaluated(n["file"], 12) for n in reads]
        true(wanted in found, f"the Reads in {family} read {found}")


@fact("a link knob of Relip keeps its animation in a saved comp, and so does the node inside")
def links_saved(folder):
    import nuke

    node = _make("Relip", "Wired")
    node["mix"].fromScript("{curve L x1 0 x11 1}")
    node["jawOpen"].fromScript("{curve L x1 0 x11 0.5}")
    node["language"].setValue("fr")
    for again in (False, True):
        if again:
            _reopened(folder)
        node = nuke.toNode("Wired")
        said = "after loading" if again else "before saving"
        near(_linked(node, "mix").getValueAt(6), 0.5, f"mix at frame 6 {said}")
        near(_linked(node, "jawOpen").getValueAt(6), 0.25, f"jawOpen at frame 6 {said}")
        same(_linked(node, "language").value(), "fr", f"language {said}")
        inside = {n.Class().split("_v")[0]: n for n in nuke.allNodes(group=node)}
        near(inside["RelipBlend"]["mix"].getValueAt(6), 0.5, f"RelipBlend.mix inside {said}")
        near(inside["RelipSpeech"]["jawOpen"].getValueAt(6), 0.25, f"jawOpen inside {said}")


@fact("knobs that are greyed out, links too, are so at once and in no saved comp")
def greyed(folder):
    import nuke

    node = _make("Relip", "Grey")
    for name in ("witness", "mix_video", "models"):
        node[name].setEnabled(False)
        same(node[name].enabled(), False, f"{name} after setEnabled(False)")
        node[name].setEnabled(True)
        same(node[name].enabled(), True, f"{name} after setEnabled(True)")
        node[name].setEnabled(False)
    node["articulation"].setValue(0.5)
    nuke.scriptSaveAs(folder + "/grey.nk", 1)
    with open(folder + "/grey.nk") as handle:
        text = handle.read()
    true("articulation 0.5" in text, "articulation was not saved")
    true("DISABLED" not in text, "the comp says what is greyed out")


@fact("a File knob's value leaves the frame number open, its text filled in does not; lines do")
def open_numbers(folder):
    node = _make("RelipRender", "Numbers")
    for name in ("/booth/actor.####.exr", "/booth/actor.%04d.exr"):
        node["witness"].setValue(name)
        same(node["witness"].value(), name, "value() of a File knob")
        same(evaluated(node["witness"], 12), "/booth/actor.0012.exr", "evaluate() of a File knob")
        node["extra"].setValue(name + "\n" + name)
        same(node["extra"].evaluate(), name + "\n" + name, "evaluate() of lines")


@fact("an animated menu gives the number of its item at a frame, a tick box 0 or 1")
def animated_menu(folder):
    import nuke

    node = _make("RelipRender", "Menu")
    node["drive"].fromScript("{curve K x1 0 x5 3}")
    node["use_mine"].fromScript("{curve K x1 0 x5 1}")
    nuke.frame(1)
    found = [node["drive"].values()[int(node["drive"].getValueAt(frame))] for frame in (1, 4, 6)]
    same(found, ["speech", "speech", "video"], "drive at frames 1, 4, 6")
    same([bool(node["use_mine"].getValueAt(f)) for f in (4, 6)], [False, True], "use_mine")
    true(node["drive"].isAnimated() and node["use_mine"].isAnimated(), "isAnimated")


@fact("getValueAt samples an expression at that frame, through a link too, and time stays")
def expression_samples(folder):
    import nuke

    node = _make("RelipSpeech", "Speech")
    control = nuke.nodes.NoOp(name="Control")
    control.addKnob(nuke.Double_Knob("open", "open"))
    control["open"].fromScript("{curve L x1 0 x11 1}")
    node["jawOpen"].setExpression("Control.open/2 + frame/100")
    nuke.frame(3)
    for frame in (1, 6, 11):
        near(node["jawOpen"].getValueAt(frame), (frame - 1) / 20.0 + frame / 100.0,
             "jawOpen at frame %d" % frame)  # fmt: skip
    same(nuke.frame(), 3, "the current frame")
    near(node["jawOpen"].value(), 0.13, "value() at frame 3")


@fact("nuke.execute renders the Write inside a gizmo, with its relative knobs")
def inner_write(folder):
    import nuke

    plate = nuke.nodes.Constant(channels="rgb")
    node = _make("RelipSpeech", "Speech")
    node.setInput(0, plate)
    node["plate_cache"].setValue(folder + "/plate/plate.####.exr")
    node["writing"].setValue(True)
    inner = [n for n in node.nodes() if n.Class() == "Write"]
    same(len(inner), 1, "Writes in RelipSpeech")
    same(inner[0]["disable"].value(), False, "its disable")
    nuke.execute(inner[0], 1, 2, 1)
    for frame in (1, 2):
        path = folder + "/plate/plate.%04d.exr" % frame
        true(os.path.isfile(path), f"{path} was not written")
    nuke.execute(inner[0].fullName(), 3, 3, 1)
    true(os.path.isfile(folder + "/plate/plate.0003.exr"), "not rendered by its full name")


@fact("in proxy mode a Read without a proxy file and a Write's own file keep their names")
def proxy(folder):
    import nuke

    paste(folder, NESTED)
    read = nuke.toNode("G.Inner")
    root = nuke.root()
    if root.knob("proxy") is None:
        raise Skipped("no proxy knob in this host")
    root["proxy"].setValue(True)
    try:
        same(evaluated(read["file"], 12), FILES, "file in proxy mode")
        same(read["proxy"].value() or "", "", "proxy of the Read")
    finally:
        root["proxy"].setValue(False)


@fact("onCreate and beforeRender run for nodes inside a group; thisNode is the inner one")
def callbacks_inside(folder):
    import nuke

    made = []
    create = lambda: made.append(nuke.thisNode().fullName())  # noqa: E731
    nuke.addOnCreate(create, nodeClass="Read")
    try:
        paste(folder, NESTED)
    finally:
        nuke.removeOnCreate(create, nodeClass="Read")
    same(sorted(made), ["G.Deep.Deeper", "G.Inner"], "onCreate")
    seen = []
    before = lambda: seen.append(nuke.thisNode().fullName())  # noqa: E731
    with nuke.nodes.Group(name="Out"):
        source = nuke.nodes.Constant(channels="rgb")
        write = nuke.nodes.Write(name="W", inputs=[source])
        write["file"].setValue(folder + "/inside.####.exr")
        write["file_type"].setValue("exr")
        nuke.nodes.Output(inputs=[write])
    nuke.addBeforeRender(before, nodeClass="Write")
    try:
        nuke.execute("Out.W", 1, 1, 1)
    finally:
        nuke.removeBeforeRender(before, nodeClass="Write")
    same(seen, ["Out.W"], "beforeRender")


@fact("Undo.disable and Undo.enable leave what is set between them set")
def undo(folder):
    import nuke

    node = nuke.nodes.NoOp(name="N")
    nuke.Undo.disable()
    try:
        node["label"].setValue("set")
    finally:
        nuke.Undo.enable()
    with nuke.Undo("Relip checks"):
        node["disable"].setValue(True)
    same((node["label"].value(), node["disable"].value()), ("set", True), "label and disable")


#: What ``relip export`` writes, in short: a test of the stand-in compares it with the writers.
HANDOFF = {
    "cornerpin": ("CornerPin2D", "to1", 2),
    "transform": ("Transform", "translate", 2),
    "tracker": ("Tracker4", "tracks", 0),
    "roto": ("Roto", "curves", 0),
    "curves": ("NoOp", "jawOpen", 1),
}


@fact("handoff text pastes under what is selected, with its animation")
def handoff(folder):
    import nuke

    texts = os.path.join(repository(), "tests", "in_nuke", "handoff")
    for name, (cls, knob, keyed) in sorted(HANDOFF.items()):
        nuke.scriptClear()
        nuke.nodes.Constant(name="Plate").setSelected(True)
        nuke.nodePaste(os.path.join(texts, name + ".nk").replace("\\", "/"))
        found = [n for n in nuke.allNodes() if n.Class() == cls]
        true(found, f"{name}: no {cls} was made")
        node = found[0]
        true(not node.hasError(), f"{name}: {cls} shows an error")
        if name != "curves":
            below = [n.name() for n in nuke.allNodes() if n.input(0) is not None
                     and n.input(0).name() == "Plate"]  # fmt: skip
            same(len(below), 1, f"{name}: nodes under the plate")
        if keyed:
            if not node[knob].isAnimated():
                raise Failed(f"{name}: {knob} has no animation")
            first, last = node[knob].getValueAt(1001, 0), node[knob].getValueAt(1003, 0)
            true(first != last, f"{name}: {knob} stands still")
        else:
            true(len(node[knob].toScript()) > 200, f"{name}: {knob} is empty")
