"""Bare skin: what of a face is no feature and not beside it."""

from __future__ import annotations

import face_making
import numpy as np
import pytest

from relip.render.skin import bare_skin
from relip.track import points, square


def placed(width: float) -> np.ndarray:
    """The still face, so many pixels wide, 20 pixels from the corner of a picture."""
    face = face_making.still()[:, :2]
    across = np.linalg.norm(face[points.FACE_LEFT] - face[points.FACE_RIGHT])
    face = face * (width / across)
    return face - face.min(0) + 20


@pytest.mark.parametrize("width", [60.0, 200.0])
def test_cheeks_are_skin_and_features_are_not(width: float):
    face = placed(width)
    size = tuple(int(v) for v in np.ceil(face.max(0) + 20))
    skin = bare_skin(face, (size[0], size[1]), width)
    assert skin.shape == size[::-1]

    def at(*names: int) -> np.ndarray:
        x, y = np.floor(face[list(names)]).astype(int).T
        return skin[y, x]

    assert at(points.CHEEK_LEFT, points.CHEEK_RIGHT).all()
    assert not at(*points.OUTER_LIPS, *points.INNER_LIPS).any()
    assert not at(*points.EYE_LEFT, *points.EYE_RIGHT, *points.JAW).any()
    assert not at(1, 2, points.NOSTRIL_LEFT, points.NOSTRIL_RIGHT).any()
    # a third to two thirds of what lies between the eyes and the chin
    box = np.ptp(face[:, 0]) * (face[points.CHIN, 1] - face[points.EYE_LEFT[0], 1])
    assert 0.2 < skin.sum() / box < 0.7


def test_a_face_outside_the_picture_has_none():
    assert not bare_skin(placed(100.0) + 1000, (200, 150), 100.0).any()


@pytest.mark.parametrize("aspect", [2.0, 0.8])
def test_a_squeezed_face_has_the_same_skin(aspect: float):
    face = placed(200.0)
    size = tuple(int(v) for v in np.ceil(face.max(0) + 20))
    own = bare_skin(face, (size[0], size[1]), 200.0)
    width = round(size[0] / aspect)
    found = bare_skin(square.to_plate(face, aspect), (width, size[1]), 200.0, aspect)
    assert found.shape == (size[1], width)
    shown = square.columns(found.astype(np.float32), 0.0, 1 / aspect, size[0]) > 0.5
    assert (shown & own).sum() > 0.97 * (shown | own).sum()
