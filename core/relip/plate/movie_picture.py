"""One picture of a movie, decoded to float R'G'B' without losing bits."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np

from relip.errors import PlateError
from relip.plate.base import Picture, spread
from relip.plate.orientation import Orientation
from relip.plate.yuv import Coding, decode, decode_window, paint

#: Rows looked at first to tell two pictures apart: one of this many.
_ROWS_APART = 61


class MoviePicture(Picture):
    """A picture of a movie, converted to R'G'B' when it is asked for, and only where.

    Parameters
    ----------
    frame : int
    planes : list of (h, w) uint8 or uint16
        Its codes as they are stored; see :func:`relip.plate.pixel_format.planes_of`.
    coding : Coding
    orientation : Orientation
    half : bool
        Whether its pixels are rounded to half floats.
    alpha_codes : (h, w) uint8 or uint16, optional
    source : str
        The movie, for messages.

    Notes
    -----
    Asking for pixels raises :class:`~relip.errors.PlateError` when they take more memory than
    there is.
    """

    def __init__(
        self,
        frame: int,
        planes: list[np.ndarray],
        coding: Coding,
        orientation: Orientation,
        *,
        half: bool,
        alpha_codes: np.ndarray | None = None,
        source: str = "",
    ) -> None:
        self.frame = frame
        self.spec = None
        self._source = source
        self.planes = planes
        self.coding = coding
        self.orientation = orientation
        self.half = half
        self._alpha_codes = alpha_codes
        self._rgb = None
        self._alpha = None

    @property
    def rgb(self) -> np.ndarray:
        if self._rgb is None:
            with self._enough_memory():
                stored = decode(self.planes, self.coding, half=self.half)
                self._rgb = self.orientation.apply(stored)
        return self._rgb

    @property
    def alpha(self) -> np.ndarray | None:
        if self._alpha is None and self._alpha_codes is not None:
            codes = self._alpha_codes.astype(np.float32)
            top = np.float32((1 << self.coding.depth) - 1)
            self._alpha = self.orientation.apply(codes / top)
        return self._alpha

    @property
    def shape(self) -> tuple[int, int]:
        height, width = self.planes[0].shape
        return (height, width) if self.orientation.turns % 2 == 0 else (width, height)

    def cut(self, x0: int, y0: int, x1: int, y1: int, *, exact: bool = True) -> np.ndarray:
        height, width = self.shape
        x0, y0, x1, y1 = max(x0, 0), max(y0, 0), min(x1, width), min(y1, height)
        if x1 <= x0 or y1 <= y0:
            return np.zeros((max(y1 - y0, 0), max(x1 - x0, 0), 3), np.float32)
        if self._rgb is not None:
            return super().cut(x0, y0, x1, y1)
        rows, columns = self.planes[0].shape
        rect = self.orientation.stored_rect((x0, y0, x1, y1), columns, rows)
        with self._enough_memory():
            found = decode_window(self.planes, self.coding, rect, half=self.half and exact)
            return np.ascontiguousarray(self.orientation.apply(np.ascontiguousarray(found)))

    def sparse(self, height: int, width: int) -> np.ndarray:
        if self._rgb is not None:
            return super().sparse(height, width)
        if self.orientation.turns % 2:
            height, width = width, height
        rows, columns = (
            spread(n, m) for n, m in zip(self.planes[0].shape, (height, width), strict=True)
        )
        coding = self.coding
        part = [self.planes[0][np.ix_(rows, columns)]]
        part += [p[np.ix_(rows >> coding.sub_y, columns >> coding.sub_x)] for p in self.planes[1:]]
        found = decode(part, replace(coding, sub_x=0, sub_y=0), half=self.half)
        return np.ascontiguousarray(self.orientation.apply(found))

    def painted_codes(self, pixels: np.ndarray, origin: tuple[int, int]) -> list[np.ndarray]:
        """The codes with a rectangle painted over, computed near it alone.

        Parameters
        ----------
        pixels : (h, w, 3) float32
            The rectangle, inside the picture; it may be empty.
        origin : (int, int)
            Its left column and top row.
        """
        (x, y), (height, width) = origin, pixels.shape[:2]
        if not pixels.size:
            return self.planes
        rows, columns = self.planes[0].shape
        rect = self.orientation.stored_rect((x, y, x + width, y + height), columns, rows)
        stored = self.orientation.undo(pixels)
        with self._enough_memory():
            return paint(self.planes, self.coding, stored, rect, half=self.half)

    @contextlib.contextmanager
    def _enough_memory(self) -> Iterator[None]:
        try:
            yield
        except (MemoryError, cv2.error) as error:
            if isinstance(error, cv2.error) and error.code != cv2.Error.StsNoMem:
                raise
            raise PlateError(
                f"{self._source} frame {self.frame} takes more memory than there is",
                mend="use a machine that has more",
            ) from None

    def same_pixels(self, other: Picture) -> bool:
        if not isinstance(other, MoviePicture):
            return super().same_pixels(other)
        if self.coding != other.coding:
            return False
        # pictures that differ mostly do so everywhere: some rows tell, without reading all
        return all(
            np.array_equal(one[::step], two[::step])
            for step in (_ROWS_APART, 1)
            for one, two in zip(self.planes, other.planes, strict=True)
        )
