"""FrameHold and TimeOffset."""

from __future__ import annotations

import math

from .engine import RANGES, Op, computes, range_of
from .image import Image


@computes("FrameHold")
def frame_hold(op: Op) -> Image:
    """One frame for all, or one in every so many."""
    first, step = op.number("firstFrame"), op.number("increment")
    at = first if step <= 0 else first + math.floor((op.frame - first) / step) * step
    return op.input(0, at)


@computes("TimeOffset")
def time_offset(op: Op) -> Image:
    """The input later (or earlier) by some frames."""
    if op.flag("reverse_input") or op.knob("time")._text not in ("", '""'):
        op.refuse("reverse_input or time")
    return op.input(0, op.frame - op.number("time_offset"))


def _shifted(op: Op) -> tuple[int, int]:
    source = op.node._inputs.get(0)
    if source is None:
        return (1, 1)
    first, last = range_of(op.host, source)
    by = int(op.number("time_offset"))
    return (first + by, last + by)


RANGES["TimeOffset"] = _shifted
