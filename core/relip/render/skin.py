"""Where a face shows nothing but skin: cheeks, chin and the bridge of the nose.

What a plate's grain is like is read off there: hair, eyes, teeth and a coloured
background have structure of their own, and the patch is mostly skin.
"""

from __future__ import annotations

import cv2
import numpy as np

from relip.mask.coverage import disc, fill
from relip.mask.parsing import OVAL
from relip.track import points, square

#: Shares of the face's width: what lies so near to the face's outline is left out, and so near to
#: a feature. The mesh's eyes are without lashes and bags.
EDGE, NEAR, AROUND_EYES = 0.03, 0.03, 0.06

#: The bottom of the nose.
_NOSE = (98, 327, 2, 1, 4)

_FEATURES = (
    (points.OUTER_LIPS, NEAR),
    (points.EYE_LEFT, AROUND_EYES),
    (points.EYE_RIGHT, AROUND_EYES),
    (_NOSE, NEAR),
)


def bare_skin(
    landmarks: np.ndarray, size: tuple[int, int], face_width: float, aspect: float = 1.0
) -> np.ndarray:
    """Pixels of the face below the eyes that are skin and no feature.

    Parameters
    ----------
    landmarks : np.ndarray [shape=(478, 2)]
        Pixels of the picture, pixel centres at +0.5.
    size : tuple of int
        Width, height of the picture.
    face_width : float
        Square pixels.
    aspect : float
        Of the picture's pixels: the face is drawn in square ones.

    Returns
    -------
    np.ndarray [shape=(height, width), dtype=bool]
    """
    landmarks = square.to_square(landmarks, aspect)
    whole = square.width_of(size[0], aspect), size[1]
    face = (fill(landmarks[list(OVAL)], whole) > 0.99).astype(np.uint8)
    skin = cv2.erode(face, disc(round(EDGE * face_width)), borderValue=0)
    for line, reach in _FEATURES:
        hull = cv2.convexHull(np.rint(landmarks[list(line)]).astype(np.int32))
        feature = cv2.fillPoly(np.zeros_like(skin), [hull], 1)
        skin[cv2.dilate(feature, disc(round(reach * face_width))) > 0] = 0
    if aspect != 1:
        return square.columns(skin.astype(np.float32), 0.0, aspect, size[0]) > 0.99
    return skin > 0
