"""The canonical crop: the part of it that is generated, cut out of the plate and put back.

The canonical crop is a square of 1.15 face widths, (0, 0) to (1, 1). The
network sees a *window* of it: a rectangle that holds the edited region with
some room around, of one size for the whole shot, its centre following the
region of each frame as the head turns. The rest of the face would only cost
time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from relip.track import geometry, square

#: Pixels of context around the region at 256, at least.
CONTEXT = 4

#: How pictures are resampled: plate to crop, mouth to mouth and back to the plate a cubic takes a
#: tenth of the finest detail away, Lanczos' kernel half as much.
SHARPEST = cv2.INTER_LANCZOS4

#: Above this face width in square pixels a crop of 256 would soften the plate.
WIDE_FACE = 220.0


def crop_size(face_width: float) -> int:
    """Side of the crop in pixels for a face of this many square pixels: 256, close-ups 512."""
    return 256 if face_width <= WIDE_FACE else 512


def fold(size: int) -> int:
    """Space-to-depth factor of the network for a crop of ``size`` pixels: 2, above 256 it is 4."""
    return 2 if size <= 256 else 4


def grid(size: int) -> int:
    """What the window's sides are multiples of: three halvings after space-to-depth."""
    return 8 * fold(size)


@dataclass(frozen=True)
class Window:
    """A rectangle of the canonical crop in pixels.

    Attributes
    ----------
    size : int
        Side of the whole crop in pixels (256 or 512).
    width, height : int
        The rectangle's.
    x, y : float
        Its top-left corner inside the crop.
    """

    size: int
    width: int
    height: int
    x: float = 0.0
    y: float = 0.0

    @classmethod
    def for_outlines(cls, outlines: np.ndarray, size: int) -> Window:
        """The window whose sides hold the region of every frame.

        Parameters
        ----------
        outlines : np.ndarray [shape=(F, n, 2)]
            In crop units; NaN where no face is visible.
        size : int
            Side of the whole crop in pixels.
        """
        seen = outlines[np.isfinite(outlines[:, 0, 0])]
        extent = (seen.max(1) - seen.min(1)).max(0) * size + 2 * CONTEXT * size / 256
        step = grid(size)
        width, height = (int(np.ceil(e / step)) * step for e in extent)
        return cls(size, width, height)

    @classmethod
    def from_list(cls, values: object) -> Window:
        """What :meth:`as_list` gave.

        Raises
        ------
        ValueError
            If it is something else.
        """
        if not isinstance(values, list) or len(values) != 3:
            raise ValueError(f"a window of {values!r}")
        if not all(type(v) is int and 0 < v <= 1 << 14 for v in values):
            raise ValueError(f"a window of {values!r}")
        return cls(*values)

    def on(self, outline: np.ndarray) -> Window:
        """This window, centred on one frame's region ``[shape=(n, 2)]`` in crop units."""
        centre = (outline.min(0) + outline.max(0)) / 2 * self.size
        return replace(
            self, x=float(centre[0] - self.width / 2), y=float(centre[1] - self.height / 2)
        )

    def grown(self, pad: int) -> Window:
        """This window with ``pad`` more pixels on every side."""
        return replace(
            self,
            width=self.width + 2 * pad,
            height=self.height + 2 * pad,
            x=self.x - pad,
            y=self.y - pad,
        )

    def to_pixels(self, points: np.ndarray) -> np.ndarray:
        """Crop units ``[shape=(..., 2)]`` to window pixels (centres at +0.5)."""
        return points * self.size - np.array([self.x, self.y], float)

    def from_plate(self, transform: np.ndarray) -> np.ndarray:
        """Map from plate pixels to window pixels for one from the plate to the crop."""
        result = transform * self.size
        return result - np.array([[0, 0, self.x], [0, 0, self.y]], float)

    def as_list(self) -> list[int]:
        """Crop size, width and height, for files."""
        return [self.size, self.width, self.height]


def magnification(to_window: np.ndarray) -> float:
    """How many pixels of the window one of the plate's is wide, of a map ``[shape=(2, 3)]``.

    Of pixels that are not square, the side of a square of the same area.
    """
    return float(np.sqrt(abs(np.linalg.det(to_window[:, :2]))))


def cut_out(picture: np.ndarray, to_window: np.ndarray, window: Window) -> np.ndarray:
    """Resample the plate into the window.

    Parameters
    ----------
    picture : np.ndarray [shape=(height, width, channels), dtype=float32]
    to_window : np.ndarray [shape=(2, 3)]
        Plate pixels to window pixels.
    window : Window

    Returns
    -------
    np.ndarray [shape=(window.height, window.width, channels), dtype=float32]
    """
    return cv2.warpAffine(
        square.band_limited(picture, to_window),
        geometry.for_opencv(to_window),
        (window.width, window.height),
        flags=SHARPEST,
        borderMode=cv2.BORDER_REPLICATE,
    )


def plate_rect(
    to_window: np.ndarray, window: Window, width: int, height: int, margin: int = 4
) -> tuple[int, int, int, int]:
    """The plate rectangle x0, y0, x1, y1 that covers the window, clipped to the picture."""
    corners = np.array(
        [[0, 0], [window.width, 0], [0, window.height], [window.width, window.height]], float
    )
    on_plate = geometry.apply(geometry.invert(to_window), corners)
    x0, y0 = np.floor(on_plate.min(0)).astype(int) - margin
    x1, y1 = np.ceil(on_plate.max(0)).astype(int) + margin
    return max(int(x0), 0), max(int(y0), 0), min(int(x1), width), min(int(y1), height)


def put_back(
    patch: np.ndarray, to_window: np.ndarray, rect: tuple[int, int, int, int]
) -> np.ndarray:
    """Resample window pixels into a rectangle of the plate.

    Nothing is softened first, for a window shows no more than the plate it was cut out of. That
    holds for squeezed plates too: averaging the window over their wide pixels changed 0.00 dB of
    a re-enactment and took 5 % of its detail across away.

    Parameters
    ----------
    patch : np.ndarray [shape=(window.height, window.width, channels), dtype=float32]
    to_window : np.ndarray [shape=(2, 3)]
        Plate pixels to window pixels.
    rect : tuple of int
        x0, y0, x1, y1 in the plate.

    Returns
    -------
    np.ndarray [shape=(y1 - y0, x1 - x0, channels), dtype=float32]
    """
    x0, y0, x1, y1 = rect
    return cv2.warpAffine(
        patch,
        geometry.for_opencv(geometry.shifted(to_window, x0, y0)),
        (x1 - x0, y1 - y0),
        flags=SHARPEST | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )


def stmap(to_window: np.ndarray, window: Window, rect: tuple[int, int, int, int]) -> np.ndarray:
    """STMap from the plate to the canonical crop over a rectangle of the plate.

    Parameters
    ----------
    to_window, window, rect
        As for :func:`put_back`.

    Returns
    -------
    np.ndarray [shape=(h, w, 2), dtype=float32]
        For each plate pixel its place in the crop, red to the right and
        green **upwards**, 0-1, as Nuke's STMap reads it.
    """
    x0, y0, x1, y1 = rect
    (a, b, left), (c, d, top) = to_window
    x, y = np.arange(x0, x1) + 0.5, np.arange(y0, y1)[:, None] + 0.5
    result = np.empty((y1 - y0, x1 - x0, 2), np.float32)
    result[..., 0] = (a * x + b * y + (left + window.x)) / window.size
    result[..., 1] = 1.0 - (c * x + d * y + (top + window.y)) / window.size
    return result
