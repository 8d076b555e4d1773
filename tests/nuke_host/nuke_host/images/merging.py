"""Merge2, Keymix, Copy, ChannelMerge, Dissolve, Switch: several pictures into one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..faults import fault
from .engine import Op, blend, computes, through_mask
from .image import Box, Image, intersection, is_empty, shape, union

#: Foundry's table "Merge operations": A, B the channel, a, b the alphas.
OPERATIONS: dict[str, Callable[..., np.ndarray]] = {
    "atop": lambda A, B, a, b: A * b + B * (1 - a),
    "average": lambda A, B, a, b: (A + B) / 2,
    "copy": lambda A, B, a, b: A + 0 * B,
    "difference": lambda A, B, a, b: np.abs(A - B),
    "divide": lambda A, B, a, b: np.where((A < 0) & (B < 0), 0, A / B),
    "exclusion": lambda A, B, a, b: A + B - 2 * A * B,
    "from": lambda A, B, a, b: B - A,
    "geometric": lambda A, B, a, b: 2 * A * B / (A + B),
    "hypot": lambda A, B, a, b: np.sqrt(A * A + B * B),
    "in": lambda A, B, a, b: A * b,
    "mask": lambda A, B, a, b: B * a,
    "matte": lambda A, B, a, b: A * a + B * (1 - a),
    "max": lambda A, B, a, b: np.maximum(A, B),
    "min": lambda A, B, a, b: np.minimum(A, B),
    "minus": lambda A, B, a, b: A - B,
    "multiply": lambda A, B, a, b: np.where((A < 0) & (B < 0), 0, A * B),
    "out": lambda A, B, a, b: A * (1 - b),
    "over": lambda A, B, a, b: A + B * (1 - a),
    "plus": lambda A, B, a, b: A + B,
    "screen": lambda A, B, a, b: np.where((A <= 1) | (B <= 1), A + B - A * B, np.maximum(A, B)),
    "stencil": lambda A, B, a, b: B * (1 - a),
    "under": lambda A, B, a, b: A * (1 - b) + B,
    "xor": lambda A, B, a, b: A * (1 - b) + B * (1 - a),
}
_NEEDS_A = {"atop", "mask", "matte", "over", "stencil", "xor"}
_NEEDS_B = {"atop", "in", "out", "under", "xor"}


@computes("Merge2")
def merge(op: Op) -> Image:
    """A Merge; further A inputs go over the result of the earlier ones."""
    result = op.input(0)
    sources = [i for i in sorted(op.node._inputs) if i not in (0, 2)]
    if op.flag("screen_alpha") or op.flag("sRGB"):
        op.refuse("alpha masking or video colourspace")
    base = result
    if not op.connected(0) and sources:
        first = op.input(sources[0])
        result = base = Image(first.format, base.box, base.channels)
    for index in sources:
        result = _merge(op, op.input(index), result)
    return through_mask(op, base, result)


def _merge(op: Op, a_image: Image, b_image: Image) -> Image:
    word = op.choice("operation")
    function = OPERATIONS.get(word)
    if function is None:
        op.refuse(f"operation {word}")
        raise AssertionError
    box = {
        "union": union(a_image.box, b_image.box),
        "intersection": intersection(a_image.box, b_image.box),
        "A": a_image.box,
        "B": b_image.box,
    }[op.choice("bbox")]
    a_names, b_names = op.names("Achannels", a_image), op.names("Bchannels", b_image)
    out_names = op.names("output", b_image)
    alpha_name = "rgba.alpha"
    if word in _NEEDS_A and alpha_name not in a_names:
        op.refuse(f"{word} with A channels without alpha")
    if word in _NEEDS_B and alpha_name not in b_names:
        op.refuse(f"{word} with B channels without alpha")
    if len(a_names) != len(b_names):
        op.refuse(f"A channels {a_names} and B channels {b_names} of different number")
    alpha_a, alpha_b = a_image.get(alpha_name, box), b_image.get(alpha_name, box)
    planes = b_image.over(box)
    pairs = list(zip(a_names, b_names, strict=True))
    also = [(n, n) for n in op.names("also_merge", b_image)]
    # each result goes where the output knob has a channel of B's name
    targets = [(a, b, b) for a, b in pairs if b in out_names] + [(a, b, b) for a, b in also]
    if [b for _, b in pairs] != out_names and not set(out_names) <= {b for _, b in pairs}:
        op.refuse(f"output {out_names} for B channels {b_names}")
    for a, b, out in targets:
        if a not in a_image.channels and b not in b_image.channels:
            continue
        with np.errstate(all="ignore"):
            value = function(a_image.get(a, box), b_image.get(b, box), alpha_a, alpha_b)
        planes[out] = np.asarray(value, np.float32)
    return b_image.with_channels(planes, box)


@computes("Keymix")
def keymix(op: Op) -> Image:
    """``A`` where the mask is 1, ``B`` where it is 0."""
    b_image, a_image = op.input(0), op.input(1)
    if not op.connected(0):
        b_image = Image(a_image.format, b_image.box, b_image.channels)
    box = _side(op, a_image, b_image)
    amount = np.ones(shape(box), np.float32)
    if op.connected(2):
        name = op.one("maskChannel")
        if name is not None:
            amount = op.input(2).get(name, box)
    if op.flag("invertMask"):
        amount = 1 - amount
    amount = amount * np.float32(op.number("mix"))
    both = Image(b_image.format, b_image.box, b_image.channels)
    names = op.knob("channels")._names_at([*dict.fromkeys([*b_image.channels, *a_image.channels])])
    chosen = {n: a_image.get(n, box) for n in names}
    kept = {n: p for n, p in b_image.over(box).items() if n not in chosen}
    after = both.with_channels({**kept, **chosen}, box)
    return blend(b_image.rebox(box), after, amount, box)


def _side(op: Op, a_image: Image, b_image: Image) -> Box:
    way = op.choice("bbox")
    if way == "A side":
        return a_image.box
    if way == "B side":
        return b_image.box
    return union(a_image.box, b_image.box)


@computes("Copy")
def copy(op: Op) -> Image:
    """Channels of A put into B."""
    b_image, a_image = op.input(0), op.input(1)
    box = _side(op, a_image, b_image)
    planes = b_image.over(box)
    for i in range(4):
        source, target = op.one(f"from{i}"), op.one(f"to{i}")
        if source is None and target is None:
            continue
        if target is None or source is None:
            op.refuse(f"from{i} or to{i} alone")
            raise AssertionError
        planes[target] = a_image.get(source, box)
    for name in op.knob("channels")._names_at(list(a_image.channels)):
        planes[name] = a_image.get(name, box)
    return b_image.with_channels(planes, box)


_CHANNEL_OPERATIONS: dict[str, Callable[..., np.ndarray]] = {
    "absminus": lambda a, b: np.abs(a - b),
    "a if not b": lambda a, b: np.where(b == 0, a, b),
    "b if not a": lambda a, b: np.where(a == 0, b, a),
    "copy": lambda a, b: a,
    "difference": lambda a, b: np.abs(a - b),
    "divide": lambda a, b: a / b,
    "exclusion": lambda a, b: a + b - 2 * a * b,
    "from": lambda a, b: b - a,
    "hypot": lambda a, b: np.sqrt(a * a + b * b),
    "in": lambda a, b: a * b,
    "max": lambda a, b: np.maximum(a, b),
    "min": lambda a, b: np.minimum(a, b),
    "minus": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "out": lambda a, b: a * (1 - b),
    "plus": lambda a, b: a + b,
    "screen": lambda a, b: np.where((a <= 1) | (b <= 1), a + b - a * b, np.maximum(a, b)),
    "stencil": lambda a, b: b * (1 - a),
    "union": lambda a, b: a + b - a * b,
    "xor": lambda a, b: a + b - 2 * a * b,
}


@computes("ChannelMerge")
def channel_merge(op: Op) -> Image:
    """One channel out of two."""
    b_image, a_image = op.input(0), op.input(1)
    box = _side(op, a_image, b_image)
    function = _CHANNEL_OPERATIONS.get(op.choice("operation"))
    if function is None:
        op.refuse(f"operation {op.choice('operation')}")
        raise AssertionError
    a, b, out = op.one("A"), op.one("B"), op.one("output")
    if a is None or b is None or out is None:
        op.refuse("A, B or output of none")
        raise AssertionError
    planes = b_image.over(box)
    with np.errstate(all="ignore"):
        value = function(a_image.get(a, box), b_image.get(b, box))
    planes[out] = np.asarray(value, np.float32)
    return b_image.with_channels(planes, box)


@computes("Switch")
def switch(op: Op) -> Image:
    """One of the inputs."""
    count = op.node.inputs()
    which = int(min(max(op.number("which"), 0), max(count - 1, 0)))
    return op.input(which)


@computes("Dissolve")
def dissolve(op: Op) -> Image:
    """From one input to the next."""
    slots = [i for i in range(op.node.inputs()) if i != 2] or [0]
    which = min(max(op.number("which"), 0.0), len(slots) - 1.0)
    low = int(np.floor(which))
    part = which - low
    first = op.input(slots[low])
    if part == 0:
        return first
    second = op.input(slots[low + 1])
    box = union(first.box, second.box)
    if is_empty(box):
        return first
    names = set(op.knob("channels")._names_at([*{**first.channels, **second.channels}]))
    mixed = blend(first, second, np.full(shape(box), np.float32(part)), box)
    planes = {n: p if n in names else first.get(n, box) for n, p in mixed.channels.items()}
    return first.with_channels(planes, box)


def check_operations(known: list[str]) -> None:
    """Refuse an operation table that names what Nuke does not have."""
    unknown = sorted(set(OPERATIONS) - set(known))
    if unknown:
        fault(f"Merge operations {unknown} do not exist")
