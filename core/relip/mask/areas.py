"""Areas of the crop at 128 that the face's mesh draws: the face, lips, nose, folds."""

from __future__ import annotations

import cv2
import numpy as np

from relip.mask.coverage import disc, fill
from relip.mask.crop import SMALL
from relip.mask.parsing import OVAL
from relip.track import points

#: Room around the folds from nose to mouth (pixels of 128).
_FOLD_ROOM = 4


def grown(face: np.ndarray, line: tuple[int, ...], room: int) -> np.ndarray:
    """What a closed line of landmarks encloses, and some room around."""
    inside = fill(face[list(line)] * SMALL, (SMALL, SMALL)) > 0
    return cv2.dilate(inside.astype(np.uint8), disc(room)) > 0


def folds(face: np.ndarray) -> np.ndarray:
    """Where the folds from the nose to beside the mouth are, on both sides, and some room."""
    left, right = (grown(face, side, _FOLD_ROOM) for side in points.FOLDS)
    return left | right


def face_area(face: np.ndarray) -> np.ndarray:
    """The face below the eyes ``[shape=(128, 128), dtype=uint8]``."""
    return (fill(face[list(OVAL)] * SMALL, (SMALL, SMALL)) > 0.5).astype(np.uint8)


def around_face(area: np.ndarray) -> np.ndarray:
    """The face below the eyes and a pixel around it."""
    return cv2.dilate(area, np.ones((3, 3), np.uint8)) > 0


def inside_face(area: np.ndarray) -> np.ndarray:
    """The face itself: beyond its edge neck and background pass by as the head turns."""
    return cv2.erode(area, np.ones((7, 7), np.uint8)) > 0
