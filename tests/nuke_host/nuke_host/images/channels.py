"""Shuffle, Shuffle2, Remove, Premult, Dot and the other nodes that only move channels."""

from __future__ import annotations

import numpy as np

from ..faults import fault
from ..tcl import words
from .engine import Op, computes
from .image import Image, shape, union

_PLACES = ("red", "green", "blue", "alpha")


@computes("Dot", "NoOp", "Output", "Viewer", "Text2", "Tracker4")
def same(op: Op) -> Image:
    """What passes its input; a Text2 counts as empty text here."""
    if op.node._class_name == "Text2" and op.flag("enable_background"):
        op.refuse("a text's background")
    if op.node._class_name == "Tracker4" and op.choice("transform") != "none":
        op.refuse("a Tracker4 that transforms")
    return op.input(0)


def _layer(op: Op, knob: str) -> list[str]:
    """Channels of a shuffle's layer, in order."""
    return list(op.knob(knob)._names_at([]))


@computes("Shuffle")
def shuffle(op: Op) -> Image:
    """The old Shuffle: each place of ``out`` takes a channel of ``in`` or ``in2``."""
    image = op.input(0)
    if op.knob("out2").value() != "none":
        op.refuse("out2 of a Shuffle")
    first, second = _layer(op, "in"), _layer(op, "in2")
    out = _layer(op, "out")
    planes = dict(image.channels)
    for i, target in enumerate(out):
        if i >= 4:
            op.refuse("a layer of more than four channels")
        word = op.choice(_PLACES[i])
        if word in ("black", "white"):
            value = np.float32(word == "white")
            planes[target] = np.full(shape(image.box), value, np.float32)
            continue
        source = second if word.endswith("2") else first
        place = _PLACES.index(word.rstrip("2"))
        planes[target] = (
            image.get(source[place], image.box)
            if place < len(source)
            else np.zeros(shape(image.box), np.float32)
        )
    return image.with_channels(planes)


def _from_inputs(op: Op, knob: str) -> int:
    text = op.knob(knob)._text
    if not text:
        return 0
    first = words(text)[0][0]
    if first not in ("0", "1"):
        fault(f"{op.node.name()}.{knob}: {text!r} is not known to this host")
    return int(first)


@computes("Shuffle2")
def shuffle2(op: Op) -> Image:
    """The Shuffle of Nuke 12.1 on: a list of source and target channels.

    Each mapping is ``source input index target output index``; black and white have input -1.
    ``fromInput1`` says which pipe feeds ``in1``: 0 is B (input 0), 1 is A (input 1).
    """
    pipes = {0: op.input(0), 1: op.input(1) if op.connected(1) else op.input(0)}
    image = pipes[0]
    layers = {0: (_layer(op, "in1"), _from_inputs(op, "fromInput1"))}
    layers[1] = (_layer(op, "in2"), _from_inputs(op, "fromInput2"))
    outputs = {0: _layer(op, "out1"), 1: _layer(op, "out2")}
    text = op.knob("mappings")._text
    parts = text.split()
    if text:
        count = int(parts[0])
        rows = [parts[1 + 6 * i : 7 + 6 * i] for i in range(count)]
        if len(parts) != 1 + 6 * count:
            fault(f"{op.node.name()}.mappings: {len(parts) - 1} words for {count} mappings")
    else:
        names = layers[0][0]
        rows = [
            [name, "0", str(i), outputs[0][i], "0", str(i)]
            for i, name in enumerate(names)
            if i < len(outputs[0])
        ]
    boxes = [p.box for p in pipes.values()]
    box = union(boxes[0], boxes[1])
    planes = image.over(box)
    mapped: set[str] = set()
    for source, which, index, target, out, place in rows:
        if target not in outputs[int(out)] or outputs[int(out)].index(target) != int(place):
            fault(
                f"{op.node.name()}.mappings: {target} is not channel {place} of out{int(out) + 1}"
            )
        if source in ("black", "white"):
            if which != "-1":
                fault(f"{op.node.name()}.mappings: {source} {which}")
            planes[target] = np.full(shape(box), np.float32(source == "white"), np.float32)
        else:
            names, pipe = layers[int(which)]
            if int(index) >= len(names) or names[int(index)] != source:
                fault(f"{op.node.name()}.mappings: {source} is not channel {index} of its layer")
            planes[target] = pipes[pipe].get(source, box)
        mapped.add(target)
    return image.with_channels(planes, box)


@computes("Remove")
def remove(op: Op) -> Image:
    """Channels taken away, or all but some."""
    image = op.input(0)
    chosen: set[str] = set()
    for knob in ("channels", "channels2", "channels3", "channels4"):
        chosen |= set(op.names(knob, image))
    keep = op.choice("operation") == "keep"
    return image.with_channels({n: p for n, p in image.channels.items() if (n in chosen) == keep})


@computes("AddChannels")
def add_channels(op: Op) -> Image:
    """Channels added where they are not there yet."""
    image = op.input(0)
    planes = dict(image.channels)
    for knob in ("channels", "channels2", "channels3", "channels4"):
        for name in op.knob(knob)._names_at([]):
            i = min(op.host.layers.known[name.split(".")[0]].index(name.split(".")[1]), 3)
            planes.setdefault(
                name, np.full(shape(image.box), np.float32(op.number("color", i)), np.float32)
            )
    return image.with_channels(planes)


@computes("Premult", "Unpremult")
def premult(op: Op) -> Image:
    """Channels times alpha, or divided by it where it is not 0."""
    image = op.input(0)
    name = op.one("alpha")
    if name is None:
        return image
    alpha = image.get(name, image.box)
    if op.flag("invert"):
        alpha = 1 - alpha
    planes = dict(image.channels)
    for channel in op.names("channels", image):
        if channel == name or channel not in planes:
            continue
        if op.node._class_name == "Premult":
            planes[channel] = planes[channel] * alpha
        else:
            safe = np.where(alpha == 0, np.float32(1), alpha)
            planes[channel] = planes[channel] / safe
    return image.with_channels(planes)
