"""What the checks share: registering, comparing, small scripts, an EXR writer of a few lines."""

import os
import struct

_CHECKS = []  # type: list


class Failed(Exception):
    """A fact that does not hold; the message says what Nuke did instead."""


class Skipped(Exception):
    """A fact that cannot be checked here; the message says why."""


def fact(title):
    """Register a check under what it asserts."""

    def register(function):
        if title not in [known for known, _ in _CHECKS]:
            _CHECKS.append((title, function))
        return function

    return register


def registered():
    """All checks, in the order in which they were registered."""
    return list(_CHECKS)


def same(got, wanted, what):
    """Refuse anything but equality."""
    if got != wanted:
        raise Failed(f"{what}: got {got!r}, expected {wanted!r}")


def near(got, wanted, what, within=1e-5):
    """Refuse numbers that are further apart."""
    if not abs(got - wanted) <= within:
        raise Failed(f"{what}: got {got:.7g}, expected {wanted:.7g}")


def true(condition, what):
    """Refuse what is not so."""
    if not condition:
        raise Failed(what)


def evaluated(knob, frame):
    """What a File knob holds at a frame, its Tcl run."""
    import nuke

    before = nuke.frame()
    nuke.frame(frame)
    try:
        return knob.evaluate()
    finally:
        nuke.frame(before)


def repository():
    """The folder of the checkout."""
    return os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def paste(folder, text):
    """Paste script text; gives the last node."""
    import nuke

    path = folder + "/clip.nk"
    with open(path, "w") as stream:
        stream.write(text)
    return nuke.nodePaste(path)


def pixel(node, channel, x, y):
    """The value of the pixel in column ``x``, row ``y`` counted from below."""
    import nuke

    return nuke.sample(node, channel, x + 0.5, y + 0.5)


def pattern(seed, channels="rgba"):
    """A node whose pixels all differ, 32 x 24; alpha from 0 to 1."""
    import nuke

    if "relip_check" not in [f.name() for f in nuke.formats()]:
        nuke.addFormat("32 24 0 0 32 24 1 relip_check")
    base = nuke.nodes.Constant(channels="rgba", format="relip_check")
    node = nuke.nodes.Expression(inputs=[base])
    node["expr0"].setValue("0.01*x + 0.003*y + 0.1*%d" % seed)
    node["expr1"].setValue("0.02*y - 0.005*x + 0.05*%d" % seed)
    node["expr2"].setValue("0.5 + 0.001*x*y")
    node["expr3"].setValue("clamp((x + %d*y) / 80, 0, 1)" % seed)
    return node


def pattern_value(seed, channel, x, y):
    """What the pattern holds at a pixel."""
    return {
        "red": 0.01 * x + 0.003 * y + 0.1 * seed,
        "green": 0.02 * y - 0.005 * x + 0.05 * seed,
        "blue": 0.5 + 0.001 * x * y,
        "alpha": min(max((x + seed * y) / 80.0, 0.0), 1.0),
    }[channel]


#: Pixels that are looked at: corners, edges, middle.
PLACES = ((0, 0), (31, 23), (5, 17), (16, 12), (30, 1))


def write_exr(path, channels, width, height, origin=(0, 0), size=None):
    """Write an uncompressed float EXR.

    Parameters
    ----------
    path : str
    channels : dict of str to callable
        Name to a function of column and row, rows counted from above.
    width, height : int
        Of the display window.
    origin, size : (int, int)
        Left, top, width and height of the data window; the display window by default.
    """
    left, top = origin
    wide, high = size or (width, height)
    names = sorted(channels)
    header = b"\x76\x2f\x31\x01" + struct.pack("<I", 2)

    def attribute(name, kind, data):
        return name.encode() + b"\0" + kind.encode() + b"\0" + struct.pack("<I", len(data)) + data

    listed = b"".join(n.encode() + b"\0" + struct.pack("<IIII", 2, 0, 1, 1) for n in names) + b"\0"
    header += attribute("channels", "chlist", listed)
    header += attribute("compression", "compression", b"\0")
    data_window = struct.pack("<iiii", left, top, left + wide - 1, top + high - 1)
    header += attribute("dataWindow", "box2i", data_window)
    header += attribute("displayWindow", "box2i", struct.pack("<iiii", 0, 0, width - 1, height - 1))
    header += attribute("lineOrder", "lineOrder", b"\0")
    header += attribute("pixelAspectRatio", "float", struct.pack("<f", 1))
    header += attribute("screenWindowCenter", "v2f", struct.pack("<ff", 0, 0))
    header += attribute("screenWindowWidth", "float", struct.pack("<f", 1)) + b"\0"
    line = 4 * wide * len(names)
    start = len(header) + 8 * high
    with open(path, "wb") as stream:
        stream.write(header)
        stream.write(b"".join(struct.pack("<Q", start + i * (line + 8)) for i in range(high)))
        for row in range(top, top + high):
            stream.write(struct.pack("<iI", row, line))
            for name in names:
                values = [channels[name](x, row) for x in range(left, left + wide)]
                stream.write(struct.pack("<%df" % wide, *values))
