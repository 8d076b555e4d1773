"""Relip's plugin and gizmos."""

import os
import time

from checking import (
    PLACES,
    Failed,
    Skipped,
    fact,
    near,
    paste,
    pattern,
    pattern_value,
    pixel,
    repository,
    same,
    true,
)

CHANNELS = ("red", "green", "blue", "alpha")


def gizmos():
    """Class names of the released gizmos."""
    folder = os.path.join(repository(), "gizmos")
    if not os.path.isdir(folder):
        raise Skipped("no folder gizmos in this checkout")
    return sorted(name[:-6] for name in os.listdir(folder) if name.endswith(".gizmo"))


def _plugin():
    """Put the plugin on Nuke's path, once."""
    import nuke

    folder = os.path.join(repository(), "nuke_plugin").replace("\\", "/")
    if not os.path.isdir(folder):
        raise Skipped("no folder nuke_plugin in this checkout")
    if folder not in [p.replace("\\", "/") for p in nuke.pluginPath()]:
        nuke.pluginAddPath(folder)


@fact("the plugin starts in less than 50 ms")
def start_up(folder):
    before = time.process_time()
    _plugin()
    took = 1000 * (time.process_time() - before)
    true(took < 50, f"it took {took:.0f} ms")


@fact("every gizmo loads without error, passes its plate and knows its inputs")
def loads(folder):
    import nuke

    _plugin()
    for name in gizmos():
        plate = pattern(1)
        node = getattr(nuke.nodes, name)(inputs=[plate])
        same(node.Class(), name, "Class()")
        true(not node.hasError(), f"{name} shows an error")
        for x, y in PLACES:
            for channel in CHANNELS:
                what = "%s without a cache: %s at %d,%d" % (name, channel, x, y)
                wanted = pattern_value(1, channel, x, y)
                if name.startswith("RelipRender_") and channel == "alpha":
                    wanted = 0  # a patch of nothing, so that RelipBlend gives the plate
                near(pixel(node, channel, x, y), wanted, what)


@fact("every knob of a gizmo has a tooltip, every node a help text and a version")
def tooltips(folder):
    import nuke

    _plugin()
    for name in gizmos():
        node = getattr(nuke.nodes, name)()
        true(node.help().strip(), f"{name} has no help")
        true(node.knob("version") is not None, f"{name} has no version knob")
        plain = set(nuke.nodes.Group().knobs())
        bare = [
            key
            for key, knob in node.knobs().items()
            if key
            and key not in plain
            and knob.visible()
            and not knob.tooltip()
            and knob.Class() not in ("Tab_Knob", "BeginTabGroup_Knob", "EndTabGroup_Knob")
        ]
        same(bare, [], f"{name}: knobs without tooltip")


@fact("a new gizmo node is named by its class without the digits at its end")
def names(folder):
    import nuke

    _plugin()
    for name in gizmos()[:1]:
        node = getattr(nuke.nodes, name)()
        same(node.name(), name.rstrip("0123456789") + "1", f"name of a new {name}")


@fact("RelipBlend at its defaults is patch + plate x (1 - alpha), live")
def blend(folder):
    import nuke

    _plugin()
    chosen = [name for name in gizmos() if name.startswith("RelipBlend_")]
    if not chosen:
        raise Skipped("no RelipBlend")
    for name in chosen:
        plate, patch = pattern(1), nuke.nodes.Premult(inputs=[pattern(2)])
        node = getattr(nuke.nodes, name)(inputs=[plate, patch])
        node["cache_ready"].setValue(True)
        for x, y in PLACES:
            a = pattern_value(2, "alpha", x, y)
            for channel in CHANNELS:
                wanted = pattern_value(1, channel, x, y)
                if channel != "alpha":
                    wanted = pattern_value(2, channel, x, y) * a + wanted * (1 - a)
                what = "%s: %s at %d,%d" % (name, channel, x, y)
                near(pixel(node, channel, x, y), wanted, what)


@fact("a comp keeps a gizmo's class, values, animation and inputs")
def saved(folder):
    import nuke

    _plugin()
    name = [n for n in gizmos() if n.startswith("RelipBlend_")][0]
    plate = nuke.nodes.Constant(name="Plate")
    node = getattr(nuke.nodes, name)(name="Blend", inputs=[plate])
    node["mix"].fromScript("{curve L x1 0 x11 1}")
    nuke.scriptSaveAs(folder + "/gizmo.nk", 1)
    nuke.scriptClear()
    nuke.scriptOpen(folder + "/gizmo.nk")
    node = nuke.toNode("Blend")
    same(node.Class(), name, "Class()")
    same(node.input(0).name(), "Plate", "input")
    near(node["mix"].getValueAt(6), 0.5, "mix at frame 6")


@fact("makeGroup keeps a gizmo's knobs, values and picture")
def make_group(folder):
    import nuke

    _plugin()
    name = [n for n in gizmos() if n.startswith("RelipBlend_")][0]
    node = getattr(nuke.nodes, name)(inputs=[pattern(1), nuke.nodes.Premult(inputs=[pattern(2)])])
    node["cache_ready"].setValue(True)
    node["mix"].setValue(0.5)
    group = node.makeGroup()
    if group.input(0) is None:
        # Nuke makes the group without inputs
        for i in range(2):
            group.setInput(i, node.input(i))
    same(group["mix"].value(), 0.5, "mix")
    for x, y in PLACES:
        near(pixel(group, "red", x, y), pixel(node, "red", x, y), "red at %d,%d" % (x, y))


@fact("the five nodes can be pasted as text and found by the plugin")
def pasted(folder):
    import nuke

    _plugin()
    families = ("RelipSpeech", "RelipTrack", "RelipMask", "RelipRender", "RelipBlend")
    text = ""
    for family in families:
        found = [n for n in gizmos() if n.startswith(family + "_")]
        if not found:
            raise Failed(f"no gizmo of {family}")
        text += f"{found[0]} {{\n inputs 0\n name {family}1\n}}\n"
    paste(folder, text)
    for family in families:
        true(nuke.toNode(family + "1") is not None, f"{family}1 is not there")
