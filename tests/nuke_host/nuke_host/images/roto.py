"""Roto: closed Bézier shapes, filled with exact coverage.

The text is Foundry's "Roto serialisation format" (NDK developers' guide). Each point is three
pairs: the handle before it, the point, the handle after it; handles are relative to the point.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

import numpy as np

from ..faults import fault
from ..tcl import words
from .engine import Op, computes
from .image import Box, Image, intersection, union

#: Attributes of a shape that leave its fill as it is: where it was drawn, its lifetime when no
#: type is set, its tension.
_IDLE = {"osw", "osf", "str", "spx", "spy", "sb", "tt", "ltn", "ltm", "src", "ssx", "ssy", "sf"}
#: Straight pieces a Bézier segment is drawn with.
_PIECES = 24


@dataclass
class Shape:
    """A closed curve. ``keys`` are frames; ``points`` is (keys, n, 3, 2)."""

    name: str
    keys: list[float]
    points: np.ndarray

    def at(self, frame: float) -> np.ndarray:
        """The points at a frame; between keys Nuke eases, which this host does not know."""
        if frame <= self.keys[0]:
            return self.points[0]
        if frame >= self.keys[-1]:
            return self.points[-1]
        if frame not in self.keys:
            fault(f"shape {self.name}: frame {frame:g} lies between keys; key every frame")
        return self.points[self.keys.index(frame)]


def number(word: str) -> float:
    """A number of the format: ``x`` and a float in hexadecimal, or a decimal."""
    if word[:1] == "x":
        return float(struct.unpack(">f", bytes.fromhex(word[1:]))[0])
    try:
        return float(word)
    except ValueError:
        fault(f"{word!r} is no number of a Roto")


def shapes(text: str) -> list[Shape]:
    """The shapes in a ``curves`` knob.

    Raises
    ------
    HostFault
        If it holds anything else: strokes, transforms, feather.
    """
    top = [w for w, _ in words(text)]
    while len(top) == 1:
        top = [w for w, _ in words(top[0])]
    found: list[Shape] = []
    for part in top:
        inner = [w for w, _ in words(part)]
        if inner[0] == "n":
            for child in inner[1:]:
                found += _element(child)
        elif inner[0] not in ("v", "f"):
            fault(f"a Roto's {inner[0]!r} is not known to this host")
    return found


def _element(text: str) -> list[Shape]:
    inner = [w for w, _ in words(text)]
    if inner[0] == "layer":
        found: list[Shape] = []
        for part in inner[2:]:
            head = words(part)[0][0]
            if head in ("layer", "curvegroup", "cubiccurve"):
                found += _element(part)
            elif head == "a":
                _layer_attributes([w for w, _ in words(part)][1:])
            elif head == "t":
                if len(words(part)) != 3:
                    fault("a Roto layer's transform is not known to this host")
            elif head != "f":
                fault(f"a Roto layer's {head!r} is not known to this host")
        return found
    if inner[0] != "curvegroup" or inner[3] != "bezier":
        fault(f"a Roto's {' '.join(inner[:1])} is not known to this host")
    return [_shape(inner)]


def _layer_attributes(parts: list[str]) -> None:
    for name, value in zip(parts[::2], parts[1::2], strict=True):
        if name not in ("ptmot", "ptref") and number(value) != 0:
            fault(f"a Roto layer's {name} {value} is not known to this host")


def _shape(inner: list[str]) -> Shape:
    name = inner[1]
    body = [w for w, _ in words(inner[4])]
    if len(body) != 2 or body[1] != "idem":
        fault(f"shape {name}: feather is not known to this host")
    shape: Shape | None = None
    for piece, _ in words(body[0])[1:]:
        bits = words(piece)
        if bits[0][0] == "px":
            shape = _points(name, bits[1:])
        elif bits[0][0] != "f":
            fault(f"shape {name}: {bits[0][0]!r} is not known to this host")
    if shape is None:
        fault(f"shape {name} has no points")
    for part_text in inner[5:]:
        parts = [w for w, _ in words(part_text)]
        if parts[0] == "tx":
            if len(parts) != 4:
                fault(f"shape {name}: a transform is not known to this host")
        elif parts[0] == "a":
            unknown = set(parts[1::2]) - _IDLE
            if unknown:
                fault(f"shape {name}: {sorted(unknown)} are not known to this host")
        else:
            fault(f"shape {name}: {parts[0]!r} is not known to this host")
    return shape


def _points(name: str, given: list[tuple[str, bool]]) -> Shape:
    keys = [number(w) for w, _ in words(given[0][0])]
    pairs = []
    for text, _ in given[1:]:
        both = words(text)
        if len(both) != 2:
            fault(f"shape {name}: {text!r} is no pair")
        columns = []
        for word, _ in both:
            values = [number(w) for w, _ in words(word)]
            if len(values) not in (1, len(keys)):
                fault(f"shape {name}: {len(values)} values for {len(keys)} keys")
            columns.append(values * len(keys) if len(values) == 1 else values)
        pairs.append(np.array(columns).T)
    if len(pairs) % 3:
        fault(f"shape {name}: {len(pairs)} pairs are no points with two handles each")
    array = np.stack(pairs, 1)
    return Shape(name, keys, array.reshape(len(keys), -1, 3, 2))


def outline(points: np.ndarray) -> np.ndarray:
    """A polygon along the curve, ``(n × pieces, 2)``."""
    u = np.linspace(0, 1, _PIECES, endpoint=False)[:, None]
    pieces = []
    count = len(points)
    for i in range(count):
        (_, p0, after), (before, p3, _) = points[i], points[(i + 1) % count]
        p1, p2 = p0 + after, p3 + before
        pieces.append(
            (1 - u) ** 3 * p0 + 3 * u * (1 - u) ** 2 * p1 + 3 * u**2 * (1 - u) * p2 + u**3 * p3
        )
    return np.concatenate(pieces)


def coverage(polygon: np.ndarray, box: Box) -> np.ndarray:
    """Which share of each pixel a simple polygon covers, row 0 lowest.

    Each edge adds the area to its right; the sum along a row is the coverage.
    """
    height, width = box[3] - box[1], box[2] - box[0]
    total = np.zeros((height, width + 2))
    points = polygon - np.array([box[0], box[1]])
    for (x0, y0), (x1, y1) in zip(points, np.roll(points, -1, 0), strict=True):
        if y0 == y1:
            continue
        sign = 1.0 if y1 > y0 else -1.0
        if sign < 0:
            x0, y0, x1, y1 = x1, y1, x0, y0
        slope = (x1 - x0) / (y1 - y0)
        for row in range(max(math.floor(y0), 0), min(math.ceil(y1), height)):
            low, high = max(y0, row), min(y1, row + 1)
            if high <= low:
                continue
            xa, xb = x0 + (low - y0) * slope, x0 + (high - y0) * slope
            _edge(total[row], sign * (high - low), min(xa, xb), max(xa, xb), width)
    return np.clip(np.abs(np.cumsum(total, 1)[:, :width]), 0, 1).astype(np.float32)


def _edge(row: np.ndarray, tall: float, left: float, right: float, width: int) -> None:
    """Add an edge that goes from ``left`` to ``right`` within one row, ``tall`` high."""
    left, right = min(max(left, 0.0), float(width)), min(max(right, 0.0), float(width))
    first, last = math.floor(left), math.floor(right)
    before = 0.0  # what lies right of the edge in the pixel to the left
    passed = 0.0  # height of the edge already left of this pixel
    for column in range(first, last + 1):
        a, b = max(left, column), min(right, column + 1)
        here = tall if right - left < 1e-12 else tall * (b - a) / (right - left)
        area = passed + here * (column + 1 - (a + b) / 2)
        row[column] += area - before
        before = area
        passed += here
    row[last + 1] += tall - before


@computes("Roto")
def roto(op: Op) -> Image:
    """Shapes over the input, in the channels of ``output``."""
    image = op.input(0)
    if op.connected(1) or op.number("mix") != 1 or op.choice("premultiply") != "none":
        op.refuse("mask, mix or premultiply of a Roto")
    if op.flag("replace"):
        op.refuse("replace of a Roto")
    names = op.knob("output")._names_at([])
    box = image.box
    filled: list[tuple[Box, np.ndarray]] = []
    for shape in shapes(op.knob("curves")._text):
        polygon = outline(shape.at(op.frame))
        low, high = np.floor(polygon.min(0)).astype(int), np.ceil(polygon.max(0)).astype(int)
        # one pixel of nothing around it, so that nothing streaks out of the box
        own: Box = (int(low[0]) - 1, int(low[1]) - 1, int(high[0]) + 1, int(high[1]) + 1)
        if op.choice("cliptype") == "format":
            own = intersection(own, image.window)
        elif op.choice("cliptype") == "bbox":
            own = intersection(own, image.box)
        filled.append((own, coverage(polygon, own)))
        box = union(box, own)
    planes = image.rebox(box).channels if image.channels else {}
    planes = dict(planes)
    for own, alpha in filled:
        inside = (
            slice(own[1] - box[1], own[3] - box[1]),
            slice(own[0] - box[0], own[2] - box[0]),
        )
        for name in names:
            plane = planes.get(name)
            plane = (
                np.zeros((box[3] - box[1], box[2] - box[0]), np.float32)
                if plane is None
                else (plane.copy())
            )
            plane[inside] = alpha + plane[inside] * (1 - alpha)
            planes[name] = plane
    return Image(image.format, box, planes, image.metadata)
