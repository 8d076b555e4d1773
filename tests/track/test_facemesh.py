"""The landmark backend: a pure function of the frame, several faces, small faces, no face."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import pytest

from relip.demo import INNER_LIPS, JAW, OUTER_LIPS, Scene
from relip.track import facetrack, mirror, points
from relip.track.facemesh import FaceMesh, landmarks_of
from relip.track.points import face_width

SIZE = 400
FRAMES = 12


@pytest.fixture(scope="module")
def scene() -> Scene:
    return Scene(FRAMES, size=SIZE)


@pytest.fixture(scope="module")
def pictures(scene: Scene) -> list[np.ndarray]:
    return [np.round(scene.render(i) * 255).astype(np.uint8) for i in range(FRAMES)]


@pytest.fixture(scope="module")
def mesh() -> Iterator[FaceMesh]:
    with FaceMesh() as mesh:
        yield mesh


@pytest.fixture(scope="module")
def faces(mesh: FaceMesh, pictures: list[np.ndarray]) -> list[np.ndarray]:
    found = [mesh.faces(p) for p in pictures]
    assert [len(f) for f in found] == [1] * FRAMES
    return [f[0] for f in found]


def test_landmarks_are_where_the_face_is(scene: Scene, faces: list[np.ndarray]):
    for name, index, limit in (
        ("inner_lips", INNER_LIPS, 2.4), ("outer_lips", OUTER_LIPS, 2.4), ("jaw", JAW, 2.3),
    ):  # fmt: skip
        errors = []
        for i, face in enumerate(faces):
            truth = scene.truth(i)
            away = np.linalg.norm(face[list(index), :2] - getattr(truth, name), axis=1)
            errors.append(100 * away.mean() / truth.face_width)
        assert np.mean(errors) < 0.65 * limit
        assert np.max(errors) < limit


def test_opening_follows_the_mouth(scene: Scene, faces: list[np.ndarray]):
    truth = np.array([scene.truth(i).opening / scene.truth(i).face_width for i in range(FRAMES)])
    seen = np.array([facetrack.lip_opening(f) for f in faces])
    assert np.ptp(truth) > 0.04
    assert np.corrcoef(truth, seen)[0, 1] > 0.97


def test_pure_function_of_the_frame(
    mesh: FaceMesh, pictures: list[np.ndarray], faces: list[np.ndarray]
):
    """The same numbers whatever was looked at before, and from a fresh instance."""
    for i in (9, 2, 2, 5):
        np.testing.assert_array_equal(mesh.faces(pictures[i])[0], faces[i])
    mesh.faces(np.zeros((300, 200, 3), np.uint8))
    mesh.faces(np.ascontiguousarray(pictures[0][:, ::-1]))
    np.testing.assert_array_equal(mesh.faces(pictures[7])[0], faces[7])
    with FaceMesh() as fresh:
        np.testing.assert_array_equal(fresh.faces(pictures[7])[0], faces[7])


def test_the_picture_is_not_changed(mesh: FaceMesh, pictures: list[np.ndarray]):
    before = pictures[3].copy()
    mesh.faces(pictures[3])
    np.testing.assert_array_equal(pictures[3], before)


def test_moved_picture_moves_the_landmarks(
    mesh: FaceMesh, pictures: list[np.ndarray], faces: list[np.ndarray]
):
    wide = cv2.copyMakeBorder(pictures[4], 31, 10, 57, 20, cv2.BORDER_REPLICATE)
    (found,) = mesh.faces(wide)
    away = np.linalg.norm(found[:, :2] - faces[4][:, :2] - [57, 31], axis=1)
    assert away.mean() < 0.006 * face_width(faces[4])


@pytest.mark.parametrize("side", ["left", "right"])
def test_two_faces(mesh: FaceMesh, pictures: list[np.ndarray], faces: list[np.ndarray], side: str):
    """Both are found, the larger one first, each where it is alone."""
    small = cv2.resize(pictures[6], (280, 280), interpolation=cv2.INTER_AREA)
    small = cv2.copyMakeBorder(small, SIZE - 280, 0, 0, 0, cv2.BORDER_REPLICATE)
    pair = [pictures[1], small] if side == "left" else [small, pictures[1]]
    large_x, small_x = (0, SIZE) if side == "left" else (280, 0)
    found = mesh.faces(np.ascontiguousarray(np.concatenate(pair, axis=1)))
    assert len(found) == 2
    assert face_width(found[0]) > 1.2 * face_width(found[1])
    wanted = [
        faces[1][:, :2] + [large_x, 0],
        faces[6][:, :2] * 0.7 + [small_x, SIZE - 280],
    ]
    for face, place in zip(found, wanted, strict=True):
        assert np.linalg.norm(face[:, :2] - place, axis=1).mean() < 0.012 * face_width(face)


def test_two_faces_close_together(mesh: FaceMesh, pictures: list[np.ndarray], faces):
    """Cheek by cheek: the crop around one must not deliver the other."""
    half = 0.72 * face_width(faces[0])
    x = int(faces[0][:, 0].mean() - half), int(faces[0][:, 0].mean() + half)
    close = np.ascontiguousarray(np.concatenate([p[:, x[0] : x[1]] for p in pictures[:2]], axis=1))
    found = sorted(mesh.faces(close), key=lambda f: float(f[:, 0].mean()))
    assert len(found) == 2
    apart = found[1][:, 0].mean() - found[0][:, 0].mean()
    assert apart == pytest.approx(x[1] - x[0], abs=0.06 * face_width(faces[0]))


def test_a_known_face_is_not_measured_again(
    mesh: FaceMesh, pictures: list[np.ndarray], faces, monkeypatch: pytest.MonkeyPatch
):
    """It is given back as it is known; the one beside it is measured as ever."""
    both = np.concatenate([pictures[0], pictures[4]], axis=1)
    left, right = sorted(mesh.search(both), key=lambda f: float(f[:, 0].mean()))
    first, measured = mesh._first, []
    monkeypatch.setattr(mesh, "_first", lambda *at: measured.append(at) or first(*at))
    known = left + [2.0, 1.0, 0.0]
    found = mesh.search(both, known=[known])
    assert len(found) == 2 and len(measured) == 1
    assert any(face is known for face in found)
    assert any(np.array_equal(face, right) for face in found)
    # one of another size in that place is not it
    head = known.copy()
    head[:, :2] = left[:, :2].mean(0) + 2.0 * (left[:, :2] - left[:, :2].mean(0))
    assert len(mesh.search(both, known=[head])) == 2 and len(measured) == 3


def test_small_face_in_a_large_picture(mesh: FaceMesh, pictures: list[np.ndarray], faces):
    """Not seen in the whole picture, found in a tile of it, at the right place."""
    small = cv2.resize(pictures[8], (150, 150), interpolation=cv2.INTER_AREA)
    wide = np.full((720, 1280, 3), 96, np.uint8)
    wide[500:650, 900:1050] = small
    assert not mesh.detect(wide)
    (found,) = mesh.faces(wide)
    wanted = faces[8][:, :2] * (150 / SIZE) + [900, 500]
    assert np.linalg.norm(found[:, :2] - wanted, axis=1).mean() < 0.02 * face_width(found)


def test_a_small_face_beside_a_large_one(mesh: FaceMesh, pictures: list[np.ndarray], faces):
    """A detector that sees the whole picture misses it; a tile shows it, at the right place."""
    small = cv2.resize(pictures[8], (110, 110), interpolation=cv2.INTER_AREA)
    wide = np.full((SIZE, 1000, 3), 120, np.uint8)
    wide[:, :SIZE], wide[150:260, 740:850] = pictures[0], small
    assert len(mesh.search(wide, tiles=True, far=True)) == 1
    large, found = mesh.search(wide, far=True, beside=True)
    assert face_width(large) > 3 * face_width(found)
    wanted = faces[8][:, :2] * (110 / SIZE) + [740, 150]
    assert np.linalg.norm(found[:, :2] - wanted, axis=1).mean() < 0.04 * face_width(found)


def test_landmarks_are_read_from_their_encoding():
    """Whether each is three floats, as the model writes them, or more."""
    from mediapipe.framework.formats import landmark_pb2

    rng = np.random.default_rng(3)
    values = rng.uniform(-1, 2, (points.COUNT, 3)).astype(np.float32)
    message = landmark_pb2.NormalizedLandmarkList()
    for x, y, z in values:
        message.landmark.add(x=x, y=y, z=z)
    wanted = values.astype(float) * [192, 100, 192]
    np.testing.assert_array_equal(landmarks_of(message, 192, 100), wanted)
    message.landmark[7].presence = 0.5
    np.testing.assert_array_equal(landmarks_of(message, 192, 100), wanted)


def test_no_face(mesh: FaceMesh):
    noise = np.random.default_rng(0).integers(0, 255, (240, 320, 3)).astype(np.uint8)
    for picture in (np.full((240, 320, 3), 128, np.uint8), noise, np.zeros((40, 40, 3), np.uint8)):
        assert mesh.faces(picture) == []


def test_a_hidden_face_is_not_found(mesh: FaceMesh):
    scene = Scene(1, size=SIZE, faceless_frames=[0])
    assert mesh.faces(np.round(scene.render(0) * 255).astype(np.uint8)) == []


def test_a_mirrored_picture_has_the_mirrored_face(
    mesh: FaceMesh, pictures: list[np.ndarray], faces: list[np.ndarray]
):
    off = []
    for picture, face in zip(pictures, faces, strict=True):
        width = picture.shape[1]
        start = mesh.refine(picture, face)
        seen = mesh.refine(np.ascontiguousarray(picture[:, ::-1]), mirror.landmarks(face, width))
        assert start is not None and seen is not None
        back = mirror.landmarks(seen, width)
        lips = list(points.LIPS)
        apart = np.linalg.norm(back[lips, :2] - start[lips, :2], axis=1).mean()
        off.append(apart / face_width(face))
    assert max(off) < 0.0004  # ten times as much when the mirror image is not measured too
