"""The 8-bit picture that face detection and optical flow look at.

Most of a frame is never looked at while a face is followed through it, and
converting all of it takes longer than following: a :class:`Shown` picture is
converted where it is asked for.
"""

from __future__ import annotations

import cv2
import numpy as np

from relip.plate import Colour, Picture, Plate
from relip.plate.base import Window, spread
from relip.track import square

#: Rows converted at once: small enough for the processor's cache.
_STRIP = 32


#: Room converted around what is asked for, as a share of it: what follows is asked for near it.
_ROOM = 0.2


class Shown:
    """A frame as the finder sees it, converted where it is looked at.

    ``shown[y0:y1, x0:x1]`` is a part ``[shape=(h, w, 3), dtype=uint8]`` as of an array; see
    :func:`detection_picture`.

    Parameters
    ----------
    picture : Picture
    plate : Plate
    colour : Colour
    """

    def __init__(self, picture: Picture, plate: Plate, colour: Colour) -> None:
        self._picture, self._plate, self._colour = picture, plate, colour
        self._part = np.empty((0, 0, 3), np.uint8)
        self._origin = (0, 0)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width, 3."""
        return (*self._picture.shape, 3)

    def __getitem__(self, at: tuple[slice, slice]) -> np.ndarray:
        height, width = self._picture.shape
        (y0, y1, _), (x0, x1, _) = at[0].indices(height), at[1].indices(width)
        x, y = self._origin
        rows, columns = self._part.shape[:2]
        if not (x <= x0 and y <= y0 and x1 <= x + columns and y1 <= y + rows):
            across, down = int(_ROOM * (x1 - x0)), int(_ROOM * (y1 - y0))
            # what was converted is asked for again, with something beside it
            left, top = max(x0 - across, 0), max(y0 - down, 0)
            right, bottom = min(x1 + across, width), min(y1 + down, height)
            if self._part.size and _overlap((left, top, right, bottom), (x, y, columns, rows)):
                left, top = min(left, x), min(top, y)
                right, bottom = max(right, x + columns), max(bottom, y + rows)
            shown = self._picture.cut(left, top, right, bottom, exact=False)
            self._part = detection_picture(shown, self._plate, self._colour)
            self._origin = x, y = left, top
        return self._part[y0 - y : y1 - y, x0 - x : x1 - x]

    def whole(self) -> np.ndarray:
        """All of it, kept."""
        return self[:, :]

    def sparse(self, height: int, width: int) -> np.ndarray:
        """Pixels evenly spread over it ``[shape=(height, width, 3), dtype=uint8]``."""
        return detection_picture(self._picture.sparse(height, width), self._plate, self._colour)


class Stretched:
    """A squeezed picture in square pixels, stretched where it is looked at.

    Its parts are those of an array, like those of :class:`Shown`.

    Parameters
    ----------
    stored : np.ndarray [shape=(height, width, 3), dtype=uint8] or Shown
        As the plate holds it.
    aspect : float
        Width over height of its pixels as shown.
    """

    def __init__(self, stored: np.ndarray | Shown, aspect: float) -> None:
        self.stored, self.aspect = stored, aspect

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width, 3."""
        height, width = self.stored.shape[:2]
        return height, square.width_of(width, self.aspect), 3

    def __getitem__(self, at: tuple[slice, slice]) -> np.ndarray:
        (y0, y1, _), (x0, x1, _) = at[0].indices(self.shape[0]), at[1].indices(self.shape[1])
        first, last = square.stored_columns(x0, x1, self.aspect, self.stored.shape[1])
        part = self.stored[y0:y1, first:last]
        return square.columns(part, x0 / self.aspect - first, 1 / self.aspect, x1 - x0)

    def whole(self) -> np.ndarray:
        """All of it."""
        return self[:, :]


#: A picture as an array, or converted or stretched where it is looked at.
Look = np.ndarray | Shown | Stretched


def squared(picture: np.ndarray | Shown, aspect: float) -> Look:
    """A picture of the plate in square pixels: itself where they are."""
    return picture if aspect == 1 else Stretched(picture, aspect)


def stored(picture: Look) -> tuple[np.ndarray | Shown, float]:
    """The pixels that the plate holds of a picture, and their aspect."""
    if isinstance(picture, Stretched):
        return picture.stored, picture.aspect
    return picture, 1.0


def whole(picture: Look) -> np.ndarray:
    """All of a picture as an array."""
    return picture if isinstance(picture, np.ndarray) else picture.whole()


def sparse(picture: Look, height: int, width: int) -> np.ndarray:
    """Pixels evenly spread over a picture ``[shape=(height, width, 3)]``."""
    picture, _ = stored(picture)
    if isinstance(picture, Shown):
        return picture.sparse(height, width)
    rows = picture[spread(picture.shape[0], height)]
    return np.take(rows, spread(picture.shape[1], width), axis=1)


def _overlap(window: Window, part: tuple[int, int, int, int]) -> bool:
    """Whether a window x0, y0, x1, y1 has anything in common with a part x, y, width, height."""
    x, y, columns, rows = part
    return window[0] < x + columns and x < window[2] and window[1] < y + rows and y < window[3]


def detection_picture(rgb: np.ndarray, plate: Plate, colour: Colour) -> np.ndarray:
    """A display-encoded 8-bit picture of a frame.

    Pictures that are display-encoded already are only rounded: the small
    difference between display encodings does not matter to detection, and
    converting every pixel would take most of the stage's time.

    Parameters
    ----------
    rgb : np.ndarray [shape=(height, width, 3), dtype=float32]
    plate : Plate
    colour : Colour

    Returns
    -------
    np.ndarray [shape=(height, width, 3), dtype=uint8]
    """
    if colour.is_display_encoded(plate.colourspace):
        return _rounded(rgb)
    return colour.to_display(rgb, plate.colourspace)


def _rounded(rgb: np.ndarray) -> np.ndarray:
    """Values from 0 to 1 as 8 bits; what lies outside is clipped, NaN is black."""
    result = np.empty(rgb.shape, np.uint8)
    for top in range(0, len(rgb), _STRIP):
        strip = rgb[top : top + _STRIP]
        _, held = cv2.threshold(strip, 0.0, 0.0, cv2.THRESH_TOZERO)
        cv2.threshold(held, 1.0, 1.0, cv2.THRESH_TRUNC, dst=held)
        cv2.convertScaleAbs(held, dst=result[top : top + _STRIP], alpha=255.0)
    return result
