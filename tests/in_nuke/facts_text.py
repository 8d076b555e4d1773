"""Script text: curves, expressions, Roto, Tracker4, CornerPin2D, GridWarp3."""

import struct

from checking import Failed, evaluated, fact, near, paste, pixel, same, true

NOOP = "NoOp {\n inputs 0\n name Keys\n addUserKnob {20 User}\n addUserKnob {7 v}\n v {{%s}}\n}\n"


def _value(folder, curve, frame):
    return paste(folder, NOOP % curve)["v"].getValueAt(frame)


@fact("a curve's frames go on by 1, then by the last step")
def frames_go_on(folder):
    near(_value(folder, "curve x1001 0 0.5 1", 1002), 0.5, "second key, frame 1002")
    near(_value(folder, "curve L x10 0 x20 1 5", 25), 3, "half way to the third key, frame 30")


@fact("L and K in a curve hold for the keys after them")
def flags_go_on(folder):
    near(_value(folder, "curve L x0 0 x10 10 x20 30", 15), 20, "linear, second span")
    near(_value(folder, "curve K x0 1 x10 2 x20 3", 19), 2, "constant, second span")


@fact("a curve without a flag is smooth: level at its first and last key")
def default_is_smooth(folder):
    near(_value(folder, "curve x0 0 x10 1", 5), 0.5, "half way")
    near(_value(folder, "curve x0 0 x10 1", 2.5), 0.15625, "a quarter of the way (linear: 0.25)")


@fact("a smooth curve is level at a turning point and steady between")
def smooth_slopes(folder):
    near(_value(folder, "curve x0 0 x4 4 x8 2", 6), 3, "after the turning point")
    near(_value(folder, "curve x0 0 x1 0.1 x10 9", 0.5), 0.0125, "before a steep span")
    near(_value(folder, "curve x0 0 x4 4 x8 8", 2), 1.5, "before a key in passing")


@fact("setValue on an animated knob sets a key at the current frame")
def set_value_keys(folder):
    import nuke

    node = paste(folder, NOOP % "curve L x1 0 x11 10")
    nuke.frame(6)
    node["v"].setValue(7)
    keys = node["v"].animation(0).keys()
    same([key.x for key in keys], [1, 6, 11], "frames of the keys")


@fact("an expression sees parent, root, the frame and [exists parent.input0]")
def expressions(folder):
    import nuke

    paste(
        folder,
        "Constant {\n inputs 0\n name C\n}\n"
        "Group {\n name G\n addUserKnob {20 User}\n addUserKnob {12 at}\n at {3 4}\n}\n"
        " Input {\n  inputs 0\n  name Input\n }\n"
        " Blur {\n  size {{parent.at.y*2+root.first_frame}}\n  name B\n }\n"
        ' Switch {\n  which {{"\\[exists parent.input0]"}}\n  name S\n }\n'
        " Output {\n  name Output1\n }\n"
        "end_group\n",
    )
    group = nuke.toNode("G")
    blur, switch = nuke.toNode("G.B"), nuke.toNode("G.S")
    wide = blur["size"].value()
    wide = wide[0] if isinstance(wide, (list, tuple)) else wide
    near(wide, 8 + nuke.root().firstFrame(), "parent.at.y*2+root.first_frame")
    near(switch["which"].value(), 1, "[exists parent.input0], connected")
    group.setInput(0, None)
    near(switch["which"].value(), 0, "[exists parent.input0], not connected")


@fact("File knobs fill in #### and %04d when evaluated, and keep them in their value")
def file_knobs(folder):
    import nuke

    node = nuke.nodes.NoOp()
    node.addKnob(nuke.File_Knob("cache"))
    for text in ("a.####.exr", "a.%04d.exr"):
        node["cache"].setValue(text)
        same(evaluated(node["cache"], 12), "a.0012.exr", "evaluate() of " + text)
    node["cache"].setValue("[value name].%04d.exr")
    true("[value name]" in node["cache"].value(), "value() evaluates Tcl")
    same(evaluated(node["cache"], 12), node.name() + ".0012.exr", "evaluate() of [value name]")


def _hexed(value):
    return "x" + "".join(f"{b:02x}" for b in bytearray(struct.pack(">f", value)))


def _roto(points, hexed=True):
    write = _hexed if hexed else lambda v: f"{v:.4f}"
    pairs = " ".join(f"{{{{{write(x)}}} {{{write(y)}}}}}" for point in points for x, y in point)
    return (
        "Roto {\n inputs 0\n output alpha\n cliptype none\n"
        " curves {{{v x3f99999a} {f 0} {n {layer Root {f 2097152} {t 0 0} "
        "{a pt1x 0 pt1y 0 ptmot x40800000 ptref 0} "
        f"{{curvegroup Shape1 512 bezier {{{{cc {{f 8192}} {{px {{{_hexed(1)}}} {pairs}}}}} idem}}"
        f" {{tx {_hexed(1)} 0 0}} "
        "{a osw x41200000 osf 0 str 1 spx 0 spy 0 sb 1 tt x40800000}}}}}}\n"
        ' lifetime_type "all frames"\n name Roto_check\n}\n'
    )


@fact("Roto text loads: a square fills its pixels")
def roto_square(folder):
    corners = ((4, 4), (20, 4), (20, 16), (4, 16))
    node = paste(folder, _roto([((0, 0), corner, (0, 0)) for corner in corners]))
    near(pixel(node, "alpha", 12, 10), 1, "alpha inside", 1e-3)
    near(pixel(node, "alpha", 30, 10), 0, "alpha outside", 1e-3)


@fact("a Roto point is: handle before, point, handle after, handles relative to the point")
def roto_handles(folder):
    r, k = 20.0, 20.0 * 0.5522847498
    points = (
        ((0, -k), (30 + r, 30), (0, k)),
        ((k, 0), (30, 30 + r), (-k, 0)),
        ((0, k), (30 - r, 30), (0, -k)),
        ((-k, 0), (30, 30 - r), (k, 0)),
    )
    node = paste(folder, _roto(points))
    # on the diagonal the circle reaches 14.1 pixels out; with swapped handles it would not
    near(pixel(node, "alpha", 42, 42), 1, "alpha at 12 px along the diagonal", 1e-2)
    near(pixel(node, "alpha", 46, 46), 0, "alpha at 16 px along the diagonal", 1e-2)


@fact("Tracker4 text with empty tails loads, with both of its tracks")
def tracker(folder):
    node = paste(folder, TRACKER)
    text = node["tracks"].toScript()
    true("mouth_l" in text and "mouth_r" in text, f"tracks: {text[:80]}")
    # Nuke writes an unanimated column as a number; the x of both tracks is 4 curve keys
    true("820.5" in text.replace("{", " ") and "980.75" in text, "positions are lost")


@fact("CornerPin2D text keeps its animation")
def cornerpin(folder):
    node = paste(
        folder,
        "CornerPin2D {\n inputs 0\n to1 {{curve L x1001 1 x1003 3} {curve L x1001 5 x1003 6}}\n"
        " from2 {512 0}\n name Pin\n}\n",
    )
    near(node["to1"].getValueAt(1002, 0), 2, "to1.x at 1002")
    near(node["to1"].getValueAt(1002, 1), 5.5, "to1.y at 1002")
    near(node["from2"].value()[0], 512, "from2.x")


@fact("GridWarp3 has the knobs that relip export writes")
def gridwarp(folder):
    import nuke

    node = nuke.nodes.GridWarp3()
    missing = [n for n in ("source_grid_col", "destination_grid_col") if n not in node.knobs()]
    if missing:
        raise Failed(f"no knob {missing}; it has {sorted(node.knobs())}")


@fact("what is saved loads again: expressions, animation, user knobs, inputs")
def round_trip(folder):
    import nuke

    paste(folder, NOOP % "curve L x1 0 x11 10")
    blur = nuke.nodes.Blur(name="B", inputs=[nuke.toNode("Keys")])
    blur["size"].setExpression("Keys.v*2")
    nuke.frame(1)
    nuke.scriptSaveAs(folder + "/saved.nk", 1)
    nuke.scriptClear()
    nuke.scriptOpen(folder + "/saved.nk")
    blur = nuke.toNode("B")
    same(blur.input(0).name(), "Keys", "input of B")
    true(blur["size"].hasExpression(), "the expression is lost")
    wide = blur["size"].getValueAt(6)
    wide = wide[0] if isinstance(wide, (list, tuple)) else wide
    near(wide, 10, "the expression at frame 6")


_COLUMNS = [
    "5 1 20 enable e 1",
    "3 1 75 name name 1",
    "2 1 58 track_x track_x 1",
    "2 1 58 track_y track_y 1",
    "2 1 63 offset_x offset_x 1",
    "2 1 63 offset_y offset_y 1",
    "4 1 27 T T 1",
    "4 1 27 R R 1",
    "4 1 27 S S 1",
    "2 0 45 error error 1",
    "1 1 0 error_min error_min 1",
    "1 1 0 error_max error_max 1",
    "1 1 0 pattern_x pattern_x 1",
    "1 1 0 pattern_y pattern_y 1",
    "1 1 0 pattern_r pattern_r 1",
    "1 1 0 pattern_t pattern_t 1",
    "1 1 0 search_x search_x 1",
    "1 1 0 search_y search_y 1",
    "1 1 0 search_r search_r 1",
    "1 1 0 search_t search_t 1",
    "2 1 0 key_track key_track 1",
    "2 1 0 key_search_x key_search_x 1",
    "2 1 0 key_search_y key_search_y 1",
    "2 1 0 key_search_r key_search_r 1",
    "2 1 0 key_search_t key_search_t 1",
    "2 1 0 key_track_x key_track_x 1",
    "2 1 0 key_track_y key_track_y 1",
    "2 1 0 key_track_r key_track_r 1",
    "2 1 0 key_track_t key_track_t 1",
    "2 1 0 key_centre_offset_x key_centre_offset_x 1",
    "2 1 0 key_centre_offset_y key_centre_offset_y 1",
]
_ROW = (
    ' { {curve K x1001 1} "%s" {curve x1001 %s} {curve x1001 %s} {curve K x1001 0} '
    "{curve K x1001 0} 1 0 0 {curve x1001 0} 1 0 -32 -32 32 32 -22 -22 22 22 "
    "{} {} {} {} {} {} {} {} {} {} {}  } \n"
)
TRACKER = (
    "Tracker4 {\n inputs 0\n tracks { { 1 31 2 } \n{ "
    + "".join(f"{{ {column} }} \n" for column in _COLUMNS)
    + "} \n{ \n"
    + _ROW % ("mouth_l", "820.5 821 822.25 823", "540 541.5 542 542.25")
    + _ROW % ("mouth_r", "980 980.75 981.5 982.5", "539 540 541 541")
    + "} \n}\n\n reference_frame 1001\n name Tracker_check\n}\n"
)
