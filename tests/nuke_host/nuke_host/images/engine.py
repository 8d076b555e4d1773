"""Pulls pictures through the tree, frame by frame."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import knobs as k
from ..faults import fault
from ..formats import Format
from ..nodes import Group, Node
from .image import Image, black, union

if TYPE_CHECKING:
    from ..app import Host


class RenderError(RuntimeError):
    """What a node says when it has no picture; Nuke shows it on the node and fails the render."""


class Op:
    """One node at one frame, as its function sees it."""

    def __init__(self, host: Host, node: Node, frame: float) -> None:
        self.host, self.node, self.frame = host, node, frame

    def input(self, index: int, frame: float | None = None) -> Image:
        """The picture at an input; black in the script's format when nothing is connected."""
        source = self.node._inputs.get(index)
        at = self.frame if frame is None else frame
        if source is None:
            return black(self.host.root_format())
        return image_of(self.host, source, at)

    def connected(self, index: int) -> bool:
        """Whether an input has a node."""
        return index in self.node._inputs

    def knob(self, name: str) -> Any:
        """A knob by name."""
        return self.node._knobs[name]

    def number(self, name: str, component: int = 0) -> float:
        """A knob's number at this frame."""
        return float(self.knob(name)._number(self.frame, component))

    def numbers(self, name: str) -> list[float]:
        """All numbers of a knob at this frame."""
        return list(self.knob(name)._values_at(self.frame))

    def flag(self, name: str) -> bool:
        """A tick box."""
        return bool(self.number(name))

    def choice(self, name: str) -> str:
        """The word an enumeration shows."""
        return str(self.knob(name)._at(self.frame))

    def names(self, knob: str, image: Image) -> list[str]:
        """The channels a channel knob stands for; "all" are those of the picture."""
        return list(self.knob(knob)._names_at(list(image.channels)))

    def one(self, knob: str) -> str | None:
        """The one channel a channel knob stands for, or None."""
        found = self.knob(knob)._names_at([])
        if len(found) > 1:
            fault(f"{self.node.name()}.{knob}: one channel is needed")
        return found[0] if found else None

    def refuse(self, why: str) -> None:
        """Meet a setting this host cannot compute."""
        fault(f"{self.node.fullName()} ({self.node.Class()}): {why} is not known to this host")


Function = Callable[[Op], Image]
FUNCTIONS: dict[str, Function] = {}
#: Frame ranges of sources.
RANGES: dict[str, Callable[[Op], tuple[int, int]]] = {}


def computes(*classes: str) -> Callable[[Function], Function]:
    """Register the function of node classes."""

    def register(function: Function) -> Function:
        for name in classes:
            FUNCTIONS[name] = function
        return function

    return register


def _load() -> None:
    from . import channels, colour, filters, geometry, merging, reading, roto, timing  # noqa: F401


def disabled(host: Host, node: Node, frame: float) -> bool:
    """Whether a node is taken out."""
    knob = node._knobs.get("disable")
    return isinstance(knob, k.Boolean_Knob) and bool(knob._number(frame))


def image_of(host: Host, node: Node, frame: float) -> Image:
    """A node's picture.

    Raises
    ------
    RenderError
        If the node has an error, as Nuke would.
    HostFault
        If the host cannot compute it.
    """
    _load()
    key = (id(node), frame)
    kept = host._images.get(key)
    if kept is not None:
        return kept
    before, host.render_frame = host.render_frame, frame
    try:
        image = _compute(Op(host, node, frame))
    finally:
        host.render_frame = before
    host._images[key] = image
    return image


def _compute(op: Op) -> Image:
    node, host = op.node, op.host
    if disabled(host, node, op.frame):
        if node._class_name in ("Read", "Constant", "CheckerBoard2"):
            return black(host.root_format())
        return op.input(0)
    if isinstance(node, Group):
        output = node.output()
        if output is None:
            fault(f"{node.fullName()}: a group without Output")
        return image_of(host, output, op.frame)
    if node._class_name == "Input":
        group = node._parent
        assert group is not None
        if group is host.root:
            return black(host.root_format())
        source = group._inputs.get(int(op.number("number")))
        return black(host.root_format()) if source is None else image_of(host, source, op.frame)
    function = FUNCTIONS.get(node._class_name)
    if function is None:
        fault(f"{node.fullName()}: the pixels of a {node._class_name} are not known to this host")
    result = function(op)
    if "maskChannelMask" in node._knobs and node._class_name not in ("Merge2", "Roto"):
        result = through_mask(op, op.input(0), result)
    return result


def through_mask(op: Op, before: Image, after: Image) -> Image:
    """Mix of a node's input and its result by mask and mix, exact at 0 and 1."""
    if op.flag("inject") or op.flag("fringe"):
        op.refuse("inject or fringe of a mask")
    box = union(before.box, after.box)
    amount: np.ndarray | np.float32 = np.float32(op.number("mix") if "mix" in op.node._knobs else 1)
    index = op.node._cls.mask
    if index is not None and op.connected(index):
        channel = op.one("maskChannelMask")
        if channel is not None:
            mask_image = op.input(index)
            mask = mask_image.get(channel, box)
            amount = amount * (1 - mask if op.flag("invert_mask") else mask)
    elif (channel := op.one("maskChannelInput")) is not None:
        mask = before.get(channel, box)
        amount = amount * (1 - mask if op.flag("invert_mask") else mask)
    if np.ndim(amount) == 0 and float(amount) == 1.0:
        return after
    return blend(before, after, np.broadcast_to(amount, _rows(box)), box)


def _rows(box: tuple[int, int, int, int]) -> tuple[int, int]:
    return (box[3] - box[1], box[2] - box[0])


def blend(before: Image, after: Image, amount: np.ndarray, box: Any) -> Image:
    """``before + (after - before) × amount``, bit for bit one of them at 0 and 1."""
    planes = {}
    for name in dict.fromkeys([*before.channels, *after.channels]):
        a, b = before.get(name, box), after.get(name, box)
        with np.errstate(invalid="ignore", over="ignore"):
            mixed = a + (b - a) * amount.astype(np.float32)
        planes[name] = np.where(amount == 0, a, np.where(amount == 1, b, mixed)).astype(np.float32)
    return after.with_channels(planes, box)


def format_of(host: Host, node: Node) -> Format:
    """A node's format, without asking for its pixels where that can be avoided."""
    return image_of(host, node, host.frame_now).format


def range_of(host: Host, node: Node) -> tuple[int, int]:
    """A node's frame range: its own for a source, else that of what feeds it."""
    _load()
    op = Op(host, node, host.frame_now)
    if node._class_name in RANGES:
        return RANGES[node._class_name](op)
    if isinstance(node, Group) and node is not host.root and (output := node.output()) is not None:
        return range_of(host, output)
    if node._class_name == "Input" and node._parent is not None:
        source = node._parent._inputs.get(int(op.number("number")))
        if source is not None:
            return range_of(host, source)
    elif node._inputs and node is not host.root:
        found = [range_of(host, n) for _, n in sorted(node._inputs.items())]
        if node._class_name not in ("Merge2", "Dissolve", "Copy", "Keymix", "ChannelMerge"):
            found = found[:1]
        return (min(f for f, _ in found), max(t for _, t in found))
    first, last = (host.root._knobs[n]._number(1) for n in ("first_frame", "last_frame"))
    return (int(first), int(last))
