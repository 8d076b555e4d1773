"""Small grey pictures of a face, always in the same place: what it looks like, frame by frame.

A look is the upright face reduced to :data:`SIDE` pixels, laid by the rigid
points (eyes, nose), so that the mouth moves in it and the head does not. It
tells people apart and shows when something covers the face.
"""

from __future__ import annotations

import cv2
import numpy as np

from relip.track import geometry, points
from relip.track.finder import cut, upright
from relip.track.picture import Look

#: Side of a look in pixels, and how much of it the face's extent takes.
SIDE = 96
FACE_SHARE = 1.35

#: Looks are compared at this side.
_COARSE = 24


def template(face: np.ndarray) -> np.ndarray:
    """The landmarks ``[shape=(478, 2)]`` of a person's first face in look pixels."""
    return geometry.apply(upright(face, FACE_SHARE, SIDE), face[:, :2])


def to_look(face: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Similarity from picture pixels to the look of the person with template ``own``."""
    rigid = list(points.RIGID)
    return geometry.fit_similarity(face[rigid, :2], own[rigid])


def take(picture: Look, face: np.ndarray, own: np.ndarray) -> np.ndarray:
    """The look of a face ``[shape=(SIDE, SIDE, 3), dtype=uint8]``."""
    return cut(picture, to_look(face, own), SIDE)


def grey(look: np.ndarray) -> np.ndarray:
    """The part of a look that is kept for every frame ``[shape=(SIDE, SIDE), dtype=uint8]``."""
    return cv2.cvtColor(look, cv2.COLOR_RGB2GRAY)


def signature(look: np.ndarray) -> np.ndarray:
    """A look as a vector that does not mind exposure: coarse, of zero mean and unit length."""
    small = cv2.resize(look, (_COARSE, _COARSE), interpolation=cv2.INTER_AREA).astype(np.float64)
    rest = small - small.mean(axis=(0, 1))
    # colours against each other tell people apart too: half the weight is theirs
    tint = small.mean(axis=(0, 1)) - small.mean()
    vector = np.concatenate([rest.reshape(-1), np.repeat(tint, _COARSE * _COARSE // 4)])
    return vector / max(float(np.linalg.norm(vector)), 1e-9)


def likeness(a: np.ndarray, b: np.ndarray) -> float:
    """Correlation of two signatures: near 1 for one person, lower for two."""
    return float(a @ b)
