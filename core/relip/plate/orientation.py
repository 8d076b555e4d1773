"""How a movie's pictures are turned and mirrored when they are shown."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from relip.plate.base import Window


@dataclass(frozen=True)
class Orientation:
    """A display matrix that only turns and mirrors: quarter turns clockwise, after a mirroring."""

    turns: int
    mirrored: bool

    def apply(self, picture: np.ndarray) -> np.ndarray:
        """The upright picture of a stored one."""
        if self.mirrored:
            picture = cv2.flip(picture, 1)
        return picture if self.turns == 0 else cv2.rotate(picture, _TURN[self.turns])

    def undo(self, picture: np.ndarray) -> np.ndarray:
        """The stored picture of an upright one."""
        if self.turns:
            picture = cv2.rotate(picture, _TURN[4 - self.turns])
        return cv2.flip(picture, 1) if self.mirrored else picture

    def stored_rect(self, rect: Window, width: int, height: int) -> Window:
        """Where a rectangle x0, y0, x1, y1 of the upright picture is stored.

        Parameters
        ----------
        width, height : int
            Of the stored picture.
        """
        x0, y0, x1, y1 = rect
        if self.turns == 1:
            x0, y0, x1, y1 = y0, height - x1, y1, height - x0
        elif self.turns == 2:
            x0, y0, x1, y1 = width - x1, height - y1, width - x0, height - y0
        elif self.turns == 3:
            x0, y0, x1, y1 = width - y1, x0, width - y0, x1
        if self.mirrored:
            x0, x1 = width - x1, width - x0
        return x0, y0, x1, y1


_TURN = {1: cv2.ROTATE_90_CLOCKWISE, 2: cv2.ROTATE_180, 3: cv2.ROTATE_90_COUNTERCLOCKWISE}


def orientation_of(matrix: np.ndarray | None) -> Orientation | None:
    """The orientation a 3x3 display matrix stands for, or None when it is not one of the eight.

    Parameters
    ----------
    matrix : (9,) int, or None
        As libav gives it: a stored point (x, y) is shown at
        ``(a x + c y, b x + d y)``, with ``a, b, c, d`` at places 0, 1, 3, 4.
    """
    if matrix is None:
        return Orientation(0, False)
    a, b, c, d = (int(matrix[i]) for i in (0, 1, 3, 4))
    size = max(abs(a), abs(b), abs(c), abs(d))
    if size == 0:
        return Orientation(0, False)
    unit = (round(a / size), round(b / size), round(c / size), round(d / size))
    if any(abs(v / size - u) > 0.01 for v, u in zip((a, b, c, d), unit, strict=True)):
        return None
    known = {
        (1, 0, 0, 1): (0, False),
        (0, 1, -1, 0): (1, False),
        (-1, 0, 0, -1): (2, False),
        (0, -1, 1, 0): (3, False),
        (-1, 0, 0, 1): (0, True),
        (0, -1, -1, 0): (1, True),
        (1, 0, 0, -1): (2, True),
        (0, 1, 1, 0): (3, True),
    }.get(unit)
    return Orientation(*known) if known else None
