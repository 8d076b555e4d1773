"""A picture: channels over a bounding box, in a format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..faults import fault
from ..formats import Format

Box = tuple[int, int, int, int]
#: No pixel.
EMPTY: Box = (0, 0, 0, 0)


def union(a: Box, b: Box) -> Box:
    """The smallest box around both."""
    if is_empty(a):
        return b
    if is_empty(b):
        return a
    return (min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3]))


def intersection(a: Box, b: Box) -> Box:
    """What both share."""
    box = (max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3]))
    return EMPTY if is_empty(box) else box


def is_empty(box: Box) -> bool:
    """Whether it holds no pixel."""
    return box[2] <= box[0] or box[3] <= box[1]


def shape(box: Box) -> tuple[int, int]:
    """Rows and columns."""
    return (max(box[3] - box[1], 0), max(box[2] - box[0], 0))


@dataclass(frozen=True)
class Image:
    """A picture as it runs through the tree.

    ``channels`` are float32 arrays over ``box``; row 0 is the lowest, for Nuke's y points up.
    Outside the box the pixels of its edge go on for ever, as in Nuke.
    """

    format: Format
    box: Box
    channels: dict[str, np.ndarray]
    metadata: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, plane in self.channels.items():
            if plane.shape != shape(self.box) or plane.dtype != np.float32:
                fault(f"{name}: {plane.shape} {plane.dtype} over the box {self.box}")

    def get(self, name: str, box: Box) -> np.ndarray:
        """A channel over any box; black when the picture has it not."""
        plane = self.channels.get(name)
        if plane is None or is_empty(self.box) or is_empty(box):
            return np.zeros(shape(box), np.float32)
        if box == self.box:
            return plane
        ys = np.clip(np.arange(box[1], box[3]), self.box[1], self.box[3] - 1) - self.box[1]
        xs = np.clip(np.arange(box[0], box[2]), self.box[0], self.box[2] - 1) - self.box[0]
        return plane[np.ix_(ys, xs)]

    def over(self, box: Box) -> dict[str, np.ndarray]:
        """All channels over a box."""
        return {name: self.get(name, box) for name in self.channels}

    def with_channels(self, channels: dict[str, np.ndarray], box: Box | None = None) -> Image:
        """Other channels, perhaps over another box."""
        return replace(self, channels=channels, box=self.box if box is None else box)

    def rebox(self, box: Box) -> Image:
        """The same picture with another box."""
        return replace(self, box=box, channels=self.over(box))

    def black_edge(self) -> Image:
        """One black pixel around the box, so that nothing streaks out of it."""
        if is_empty(self.box):
            return self
        x, y, r, t = self.box
        padded = {n: np.pad(p, 1) for n, p in self.channels.items()}
        return replace(self, box=(x - 1, y - 1, r + 1, t + 1), channels=padded)

    @property
    def window(self) -> Box:
        """The format as a box."""
        return (0, 0, self.format.width(), self.format.height())

    def array(self, channels: str | Sequence[str] = "rgba") -> np.ndarray:
        """The format's area as ``(height, width, n)`` float32, top row first, for tests.

        ``channels`` is ``rgb``, ``rgba``, ``alpha`` or full names.
        """
        short = {
            "rgb": ["rgba.red", "rgba.green", "rgba.blue"],
            "rgba": ["rgba.red", "rgba.green", "rgba.blue", "rgba.alpha"],
            "alpha": ["rgba.alpha"],
        }
        names = short.get(channels, [channels]) if isinstance(channels, str) else list(channels)
        return np.stack([self.get(n, self.window)[::-1] for n in names], -1)


def black(format: Format) -> Image:
    """A picture of nothing."""
    return Image(format, EMPTY, {})
