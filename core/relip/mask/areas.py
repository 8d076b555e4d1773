"""Areas of the crop at 128 that the face's mesh draws: the face, lips, nose, folds."""

from __future__ import annotations

import cv2
import numpy as np

from relip.mask.coverage import disc, fill
from relip.mask.crop import SMALL
from relip.mask.parsing import OVAL
from relip.track import points

#: Room around the folds from nose to mouth, and around the mouth's reach (pixels of 128).
_FOLD_ROOM, _REACH_ROOM = 4, 3

#: The chin's end.
_CHIN = (176, 148, 152, 377, 400)


def grown(face: np.ndarray, line: tuple[int, ...], room: int) -> np.ndarray:
    """What a closed line of landmarks encloses, and some room around."""
    inside = fill(face[list(line)] * SMALL, (SMALL, SMALL)) > 0
    return cv2.dilate(inside.astype(np.uint8), disc(room)) > 0


def folds(face: np.ndarray) -> np.ndarray:
    """Where the folds from the nose to beside the mouth are, on both sides, and some room."""
    left, right = (grown(face, side, _FOLD_ROOM) for side in points.FOLDS)
    return left | right


def mouth_reach(face: np.ndarray) -> np.ndarray:
    """Where the mouth may be that opens further than the mesh has it: from lips to chin."""
    corners = face[list(points.OUTER_LIPS + _CHIN)].astype(np.float32)
    hull = cv2.convexHull(corners)[:, 0]
    inside = fill(hull * SMALL, (SMALL, SMALL)) > 0
    return cv2.dilate(inside.astype(np.uint8), disc(_REACH_ROOM)) > 0


def face_area(face: np.ndarray) -> np.ndarray:
    """The face below the eyes ``[shape=(128, 128), dtype=uint8]``."""
    return (fill(face[list(OVAL)] * SMALL, (SMALL, SMALL)) > 0.5).astype(np.uint8)


def around_face(area: np.ndarray) -> np.ndarray:
    """The face below the eyes and a pixel around it."""
    return cv2.dilate(area, np.ones((3, 3), np.uint8)) > 0


def inside_face(area: np.ndarray) -> np.ndarray:
    """The face itself: beyond its edge neck and background pass by as the head turns."""
    return cv2.erode(area, np.ones((7, 7), np.uint8)) > 0
