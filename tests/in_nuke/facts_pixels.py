"""Pixels: the conventions that Relip's nodes and handoffs rely on."""

from checking import PLACES, fact, near, pattern, pattern_value, pixel, same, true, write_exr

CHANNELS = ("red", "green", "blue", "alpha")


def _compare(node, formula, channels=CHANNELS, places=PLACES, within=2e-6):
    for x, y in places:
        for channel in channels:
            what = "%s at %d,%d" % (channel, x, y)
            near(pixel(node, channel, x, y), formula(channel, x, y), what, within)


def _float32(value):
    import struct

    return struct.unpack("<f", struct.pack("<f", value))[0]


@fact("an Expression's x and y count pixels from the lower left corner, from 0")
def expression_places(folder):
    _compare(pattern(1), lambda c, x, y: pattern_value(1, c, x, y))


@fact("Merge over is A + B(1-a), on RGB alone with output rgb")
def over(folder):
    import nuke

    node = nuke.nodes.Merge2(inputs=[pattern(1), pattern(2)])
    node["output"].setValue("rgb")

    def formula(channel, x, y):
        a, b = pattern_value(2, channel, x, y), pattern_value(1, channel, x, y)
        return b if channel == "alpha" else a + b * (1 - pattern_value(2, "alpha", x, y))

    _compare(node, formula)


@fact("Merge mask is Ba, stencil B(1-a), minus A-B, plus A+B, copy A")
def merges(folder):
    import nuke

    formulas = {
        "mask": lambda A, B, a: B * a,
        "stencil": lambda A, B, a: B * (1 - a),
        "minus": lambda A, B, a: A - B,
        "plus": lambda A, B, a: A + B,
        "copy": lambda A, B, a: A,
    }
    for name in sorted(formulas):
        node = nuke.nodes.Merge2(inputs=[pattern(1), pattern(2)], operation=name)
        _compare(
            node,
            lambda c, x, y, name=name: formulas[name](
                pattern_value(2, c, x, y),
                pattern_value(1, c, x, y),
                pattern_value(2, "alpha", x, y),
            ),
        )


@fact("Copy puts A's alpha into B; Keymix takes A where the mask is 1")
def copy_keymix(folder):
    import nuke

    copy = nuke.nodes.Copy(inputs=[pattern(1), pattern(2)])
    copy["from0"].setValue("rgba.alpha")
    copy["to0"].setValue("rgba.alpha")
    _compare(copy, lambda c, x, y: pattern_value(2 if c == "alpha" else 1, c, x, y))
    keymix = nuke.nodes.Keymix(inputs=[pattern(1), pattern(2), pattern(3)])

    def mixed(channel, x, y):
        m = pattern_value(3, "alpha", x, y)
        return pattern_value(2, channel, x, y) * m + pattern_value(1, channel, x, y) * (1 - m)

    _compare(keymix, mixed)


@fact("Grade: multiply, add and clamps; neutral without clamps it changes nothing")
def grade(folder):
    import nuke

    node = nuke.nodes.Grade(inputs=[pattern(0)], multiply=1e10, white_clamp=True)
    node["channels"].setValue("alpha")
    _compare(node, lambda c, x, y: 1.0 if x else 0.0, ("alpha",), ((0, 0), (1, 0), (31, 23)))
    plain = nuke.nodes.Grade(inputs=[pattern(1)])
    plain["black_clamp"].setValue(False)
    _compare(plain, lambda c, x, y: pattern_value(1, c, x, y))


@fact("Transform by whole pixels moves them up and to the right, exactly")
def transform(folder):
    import nuke

    node = nuke.nodes.Transform(inputs=[pattern(1)])
    node["translate"].setValue([3, 2])
    places = ((8, 9), (20, 20), (31, 23))
    _compare(node, lambda c, x, y: pattern_value(1, c, x - 3, y - 2), places=places)


@fact("the Cubic filter half a pixel off is the mean of two pixels")
def cubic(folder):
    import nuke

    node = nuke.nodes.Transform(inputs=[pattern(1)], filter="Cubic")
    node["translate"].setValue([0.5, 0])

    def mean(channel, x, y):
        return (pattern_value(1, channel, x, y) + pattern_value(1, channel, x - 1, y)) / 2

    _compare(node, mean, ("red", "green"), ((8, 9), (20, 20)))


@fact("STMap: u, v of a pixel's centre show that pixel; the map gives the format")
def stmap(folder):
    import nuke

    source = pattern(1)
    place = nuke.nodes.Expression(
        inputs=[nuke.nodes.Constant(channels="rgba", format="relip_check")]
    )
    place["expr0"].setValue("(x+0.5)/width")
    place["expr1"].setValue("(y+0.5)/height")
    node = nuke.nodes.STMap(inputs=[source, place], uv="rgb")
    node["channels"].setValue("rgba")
    _compare(node, lambda c, x, y: pattern_value(1, c, x, y), within=1e-4)
    nuke.addFormat("16 12 0 0 16 12 1 relip_small")
    small = nuke.nodes.Expression(
        inputs=[nuke.nodes.Constant(channels="rgba", format="relip_small")]
    )
    small["expr0"].setValue("(x+4.5)/32")
    small["expr1"].setValue("(y+2.5)/24")
    node.setInput(1, small)
    same((node.width(), node.height()), (16, 12), "format with a small map")
    near(pixel(node, "red", 5, 6), pattern_value(1, "red", 9, 8), "red at 5,6", 1e-4)


@fact("CornerPin2D takes from1..4 to to1..4")
def corner_pin(folder):
    import nuke

    node = nuke.nodes.CornerPin2D(inputs=[pattern(1)], filter="Impulse")
    for i, (x, y) in enumerate(((0, 0), (32, 0), (32, 24), (0, 24)), 1):
        node["from%d" % i].setValue([x, y])
        node["to%d" % i].setValue([x + 4, y + 3])
    places = ((8, 9), (20, 20))
    _compare(node, lambda c, x, y: pattern_value(1, c, x - 4, y - 3), places=places)


@fact("Crop with reformat: the box becomes the format, its lower left corner 0, 0")
def crop(folder):
    import nuke

    node = nuke.nodes.Crop(inputs=[pattern(1)], reformat=True)
    node["box"].setValue([4, 3, 20, 15])
    same((node.width(), node.height()), (16, 12), "format")
    _compare(node, lambda c, x, y: pattern_value(1, c, x + 4, y + 3), places=((0, 0), (15, 11)))


@fact("Blur of size 12 spreads by 12/2.4 pixels (standard deviation)")
def blur(folder):
    import math

    import nuke

    nuke.addFormat("128 128 0 0 128 128 1 relip_line")
    base = nuke.nodes.Constant(channels="rgba", format="relip_line")
    source = nuke.nodes.Expression(inputs=[base])
    source["expr0"].setValue("x == 64 ? 1 : 0")
    node = nuke.nodes.Blur(inputs=[source], size=12)
    node["channels"].setValue("rgba")
    line = [pixel(node, "red", x, 64) for x in range(24, 105)]
    total = sum(line)
    near(total, 1, "sum over the line", 1e-3)
    mean = sum(v * x for x, v in enumerate(line)) / total
    spread = math.sqrt(sum(v * (x - mean) ** 2 for x, v in enumerate(line)) / total)
    near(spread, 12 / 2.4, "standard deviation", 0.15)


@fact("Read: EXR names without a layer come as other.NAME, layer.R as layer.red")
def read_names(folder):
    import nuke

    path = folder + "/layers.exr"
    write_exr(
        path,
        {
            "A": lambda x, y: 0.5,
            "matte": lambda x, y: 0.01 * x,
            "raw.R": lambda x, y: 0.02 * y,
            "stmap.G": lambda x, y: 0.25,
        },
        32,
        24,
    )
    node = nuke.nodes.Read(raw=True)
    node["file"].setValue(path)
    got = set(node.channels())
    wanted = {"rgba.alpha", "other.matte", "raw.red", "stmap.green"}
    true(wanted <= got, f"channels are {sorted(got)}")
    near(pixel(node, "other.matte", 9, 3), _float32(0.09), "other.matte at 9,3")
    # file row 20 from above is row 3 from below
    near(pixel(node, "raw.red", 9, 3), _float32(0.02 * 20), "raw.red at 9,3")


@fact("Read: outside a small data window the picture is black, with one pixel more of box")
def read_window(folder):
    import nuke

    path = folder + "/window.exr"
    write_exr(path, {"R": lambda x, y: 1.0}, 32, 24, origin=(8, 4), size=(10, 6))
    node = nuke.nodes.Read(raw=True)
    node["file"].setValue(path)
    same((node.width(), node.height()), (32, 24), "format")
    near(pixel(node, "red", 8, 24 - 4 - 1), 1, "red at the window's upper left pixel")
    near(pixel(node, "red", 7, 24 - 4 - 1), 0, "red to the left of it")
    box = node.bbox()
    same((box.x(), box.y(), box.w(), box.h()), (7, 24 - 10 - 1, 12, 8), "bounding box")


@fact("Read: on_error black gives black for a missing frame, before/after black too")
def read_missing(folder):
    import nuke

    for frame in (1, 2, 4):
        plane = (lambda value: lambda x, y: float(value))(frame)
        write_exr(folder + "/seq.%04d.exr" % frame, {"R": plane}, 8, 8)
    node = nuke.nodes.Read(
        raw=True, first=1, last=4, before="black", after="hold", on_error="black"
    )
    node["file"].setValue(folder + "/seq.####.exr")
    for frame, wanted in ((1, 1), (2, 2), (3, 0), (4, 4), (0, 0), (9, 4)):
        nuke.frame(frame)
        near(pixel(node, "red", 2, 2), wanted, "red in frame %d" % frame)
    nuke.frame(1)


@fact("a float EXR Write with raw on gives back the very numbers")
def write_read(folder):
    import nuke

    write = nuke.nodes.Write(inputs=[pattern(1)], channels="rgba", raw=True)
    write["file"].setValue(folder + "/back.####.exr")
    write["file_type"].setValue("exr")
    write["datatype"].setValue("32 bit float")
    nuke.execute(write, 1, 1, 1)
    read = nuke.nodes.Read(raw=True)
    read["file"].setValue(folder + "/back.####.exr")
    read["first"].setValue(1)
    read["last"].setValue(1)
    _compare(read, lambda c, x, y: pattern_value(1, c, x, y))


@fact("Write makes its folder when create_directories is on")
def write_folder(folder):
    import os

    import nuke

    write = nuke.nodes.Write(inputs=[pattern(1)], create_directories=True)
    write["file"].setValue(folder + "/new/deep/a.####.exr")
    write["file_type"].setValue("exr")
    nuke.execute(write, 7, 7, 1)
    true(os.path.isfile(folder + "/new/deep/a.0007.exr"), "no file was written")
