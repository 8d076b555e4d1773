"""The normalised picture: the same skin at the same pixel, there and back."""

from __future__ import annotations

import face_making
import numpy as np
import pytest

from relip.mask import crop
from relip.mask.crop import SMALL, ShapeSpace
from relip.track.facetrack import FaceTrack


@pytest.fixture(scope="module")
def track() -> FaceTrack:
    return face_making.make_track(face_making.make_shot(40).landmarks)


@pytest.fixture(scope="module")
def space(track: FaceTrack) -> ShapeSpace:
    return ShapeSpace.of(crop.reference_face(track))


def grid() -> np.ndarray:
    centres = (np.arange(SMALL) + 0.5) / SMALL
    return np.stack(np.meshgrid(centres, centres), -1)


def test_the_reference_face_is_not_moved(track: FaceTrack, space: ShapeSpace):
    at = space.crop_map(crop.reference_face(track))
    np.testing.assert_allclose(at, grid(), atol=2e-6)


def test_a_face_moved_as_a_whole_moves_its_pixels(track: FaceTrack, space: ShapeSpace):
    reference = crop.reference_face(track)
    at = space.crop_map(reference + [0.02, -0.01])
    moved = at - grid()
    nose = np.floor(reference[1] * SMALL).astype(int)
    np.testing.assert_allclose(moved[nose[1], nose[0]], [0.02, -0.01], atol=1e-6)
    # the crop's border stays
    assert np.abs(moved[0]).max() < 0.003


def test_landmarks_come_to_their_places(track: FaceTrack, space: ShapeSpace):
    """Each point of a face that is bent a little is found where the reference face has it."""
    reference = crop.reference_face(track)
    bent = reference + 0.015 * np.sin(6 * reference[:, ::-1])
    at = space.crop_map(bent)
    away = []
    for point in space.use:
        x, y = reference[point] * SMALL - 0.5
        if 1 < x < SMALL - 2 and 1 < y < SMALL - 2:
            away.append(np.linalg.norm(_bilinear(at, x, y) - bent[point]))
    assert len(away) > 200
    assert np.percentile(away, 95) < 0.0005
    assert max(away) < 0.003


def test_there_and_back(track: FaceTrack, space: ShapeSpace):
    canonical = track.canonical()
    row = int(np.argmax(track.lip_opening()))
    at = space.crop_map(canonical[row])
    back = space.normalised_map(at)
    again = crop.sample(at, back)
    away = np.linalg.norm(again - grid(), axis=-1) * SMALL
    assert np.percentile(away, 99) < 0.5
    assert np.median(away) < 0.02


def _bilinear(picture: np.ndarray, x: float, y: float) -> np.ndarray:
    x0, y0 = int(x), int(y)
    fx, fy = x - x0, y - y0
    top = picture[y0, x0] * (1 - fx) + picture[y0, x0 + 1] * fx
    low = picture[y0 + 1, x0] * (1 - fx) + picture[y0 + 1, x0 + 1] * fx
    return top * (1 - fy) + low * fy
