"""Thin dark lines on skin, in the plate's own pixels: strands of hair, cables, sticks.

Thinner than a pixel or two of the crop they are lost there. In the plate they
are what a closing of the picture takes away.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

#: Half the width of the broadest line (pixels of the crop at 256); how bright, against the skin
#: beside it, its pixels are at most, and its darkest. A little above these grain and the jaw's
#: shadow come and go.
HALF, _DARK, _CORE = 5.0, 0.82, 0.65

#: How far below the skin the darkest pixels of a line are at least, in levels of 255: on skin that
#: is nearly black grain and coding make as dark ones of a few.
_LEVELS = 16

#: Brightness against the skin that is none of the line yet; all of it may be at these.
_CLEAR, _BLACKEST, _PALEST = 0.95, 0.25, 0.65


#: Softness of the light's slope and of its mean direction (pixels of the crop at 256), and the mean
#: direction's length from which it is one.
_SLOPE, _MEAN, _ONE_WAY = 0.7, 2.5, 0.15


def along(picture: np.ndarray, seen: np.ndarray, pixel: float) -> np.ndarray:
    """Where a picture runs the way it does in some pixels, give or take 45 degrees.

    By the structure tensor (Bigun and Granlund 1987): directions are doubled, so that a line and
    its other end count alike, and means of them are taken.

    Parameters
    ----------
    picture : np.ndarray [shape=(height, width, 3), dtype=uint8]
    seen : np.ndarray [shape=(height, width), dtype=bool]
        What runs so; everything does where it runs all ways.
    pixel : float
        A pixel of the crop at 256 in the picture's pixels.

    Returns
    -------
    np.ndarray [shape=(height, width), dtype=bool]
    """
    light = picture[..., 0].astype(np.float32)
    light = cv2.GaussianBlur(light, (0, 0), max(_SLOPE * pixel, 0.6))
    across, down = cv2.Sobel(light, -1, 1, 0), cv2.Sobel(light, -1, 0, 1)
    tensor = cv2.merge([across * across - down * down, 2 * across * down])
    tensor = cv2.GaussianBlur(tensor, (0, 0), _MEAN * pixel)
    strength = cv2.GaussianBlur(across * across + down * down, (0, 0), _MEAN * pixel)
    direction = tensor / np.maximum(strength, 1e-3)[..., None]
    mean = direction[seen].mean(0)
    if np.linalg.norm(mean) < _ONE_WAY:
        return np.ones_like(seen)
    return seen | (direction @ mean > 0)


@dataclass(frozen=True)
class Lines:
    """What may be lines in a picture, in connected groups.

    Attributes
    ----------
    half : int
        Half the width of the broadest, in pixels.
    ratio : np.ndarray [shape=(height, width), dtype=float32]
        Brightness against the skin beside it.
    group : np.ndarray [shape=(height, width), dtype=int32]
        0 where nothing is dark.
    core : np.ndarray [shape=(height, width), dtype=bool]
        Pixels that are dark enough to be a line's and no fold's.
    size, cores : np.ndarray [shape=(groups,)]
        Pixels of each group, and those that are core.
    """

    half: int
    ratio: np.ndarray
    group: np.ndarray
    core: np.ndarray
    size: np.ndarray
    cores: np.ndarray

    @classmethod
    def of(cls, picture: np.ndarray, where: np.ndarray, pixel: float) -> Lines | None:
        """Look for lines.

        Parameters
        ----------
        picture : np.ndarray [shape=(height, width, 3), dtype=uint8]
            Display-encoded.
        where : np.ndarray [shape=(height, width), dtype=bool]
            Where they are looked for.
        pixel : float
            A pixel of the crop at 256 in the picture's pixels.

        Returns
        -------
        Lines or None
            None where nothing is dark enough.
        """
        half = max(round(HALF * pixel), 2)
        # in red light skin is bright and its folds are shallow; hair is neither
        light = np.ascontiguousarray(picture[..., 0])
        closed = cv2.morphologyEx(light, cv2.MORPH_CLOSE, _square(half))
        skin = cv2.blur(closed, (half | 1, half | 1))
        ratio = light / np.maximum(skin, 8).astype(np.float32)
        dark = (ratio < _DARK) & where
        core = dark & (ratio < _CORE) & (skin >= light + np.float32(_LEVELS))
        if not core.any():
            return None
        count, group = cv2.connectedComponents(dark.astype(np.uint8))
        size = np.bincount(group.ravel(), minlength=count)
        return cls(half, ratio, group, core, size, np.bincount(group[core], minlength=count))

    def holding(self, where: np.ndarray) -> np.ndarray:
        """How many of the given pixels each group holds ``[shape=(groups,)]``."""
        return np.bincount(self.group[where], minlength=len(self.size))

    def share(self, keep: np.ndarray) -> np.ndarray | None:
        """How much of each pixel is a line of the groups that are kept.

        Parameters
        ----------
        keep : np.ndarray [shape=(groups,), dtype=bool]

        Returns
        -------
        np.ndarray [shape=(height, width), dtype=float32] or None
            None when no group is kept.
        """
        keep = keep.copy()
        keep[0] = False
        kept = keep[self.group]
        if not kept.any():
            return None
        kernel = _square(self.half)
        # a fold that a strand crosses is none
        close = cv2.dilate((self.core & kept).astype(np.uint8), kernel) > 0
        found = (kept & close).astype(np.uint8)
        # what is all of the line is as dark as its darkest beside
        darkest = cv2.erode(np.where(found > 0, self.ratio, 1).astype(np.float32), kernel)
        darkest = np.clip(darkest, _BLACKEST, _PALEST)
        part = np.clip((_CLEAR - self.ratio) / (_CLEAR - darkest), 0, 1)
        near = cv2.dilate(found, np.ones((3, 3), np.uint8)) > 0
        result: np.ndarray = np.where(near, part, 0).astype(np.float32)
        return result


def _square(half: int) -> np.ndarray:
    return np.ones((2 * half + 1, 2 * half + 1), np.uint8)
