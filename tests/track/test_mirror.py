"""The face in a mirror."""

from __future__ import annotations

import face_making
import numpy as np
import pytest

from relip.track import mirror, points


def test_twice_mirrored_is_the_face_itself() -> None:
    assert sorted(mirror.LANDMARKS) == list(range(points.COUNT))
    assert (mirror.LANDMARKS[mirror.LANDMARKS] == np.arange(points.COUNT)).all()
    face = face_making.make_shot(1).landmarks[0]
    again = mirror.landmarks(mirror.landmarks(face, 640), 640)
    np.testing.assert_allclose(again, face, atol=1e-9)


def test_named_points_have_their_mirror_images() -> None:
    image = mirror.LANDMARKS
    for one, other in (
        (points.FACE_LEFT, points.FACE_RIGHT),
        (points.CHEEK_LEFT, points.CHEEK_RIGHT),
        (points.NOSTRIL_LEFT, points.NOSTRIL_RIGHT),
        (points.OUTER_UPPER[0], points.OUTER_UPPER[-1]),
    ):
        assert image[one] == other
    for alone in (points.CHIN, points.FOREHEAD, points.SUBNASALE, 13, 14, 0, 17):
        assert image[alone] == alone
    for line in (points.OUTER_UPPER, points.INNER_UPPER, points.OUTER_LOWER, points.JAW):
        assert [image[p] for p in line] == list(line)[::-1]
    assert {image[p] for p in points.EYE_LEFT} == set(points.EYE_RIGHT)


def test_edges_of_the_mesh_stay_edges() -> None:
    """All but three pairs, whose quadrangles the model itself divides the other way."""
    connections = pytest.importorskip("mediapipe.python.solutions.face_mesh_connections")
    edges = {frozenset(e) for e in connections.FACEMESH_TESSELATION}
    lost = [e for e in edges if frozenset(int(mirror.LANDMARKS[p]) for p in e) not in edges]
    assert len(edges) > 1300 and len(lost) <= 6
    lips = {frozenset(e) for e in connections.FACEMESH_LIPS}
    assert all(frozenset(int(mirror.LANDMARKS[p]) for p in e) in lips for e in lips)


def test_blendshapes_change_sides() -> None:
    names = ("_neutral", "jawLeft", "mouthSmileLeft", "jawRight", "mouthSmileRight", "jawOpen")
    assert mirror.blendshapes(names).tolist() == [0, 3, 4, 1, 2, 5]
    assert mirror.blendshapes(("mouthLeft",)).tolist() == [0]
