"""The face track and its file."""

from __future__ import annotations

from pathlib import Path

import face_making
import numpy as np
import pytest

from relip import records
from relip.errors import ShotError, StageMissingError
from relip.track import geometry
from relip.track.facetrack import FaceTrack, lip_opening


@pytest.fixture
def track() -> FaceTrack:
    return face_making.make_track(face_making.make_shot(20).landmarks, hidden=(7,))


def test_roundtrip(track: FaceTrack, tmp_path: Path):
    path = tmp_path / "track" / "track.npz"
    track.save(path)
    read = FaceTrack.load(path)
    np.testing.assert_array_equal(read.frames, track.frames)
    np.testing.assert_array_equal(read.transform, track.transform)
    np.testing.assert_array_equal(read.visible, track.visible)
    np.testing.assert_array_equal(read.shape, track.shape)
    assert read.face_width == track.face_width
    # landmarks are stored in single precision: under 1e-4 pixel
    np.testing.assert_allclose(read.landmarks, track.landmarks, atol=1e-4)
    assert np.isnan(read.landmarks[7]).all()
    read.save(path)
    np.testing.assert_array_equal(FaceTrack.load(path).landmarks, read.landmarks)
    assert [p.name for p in path.parent.iterdir()] == ["track.npz"]


def test_missing(tmp_path: Path):
    with pytest.raises(StageMissingError, match="relip track"):
        FaceTrack.load(tmp_path / "track.npz")


@pytest.mark.parametrize("keep", [0, 10, 1000, -40])
def test_damaged(track: FaceTrack, tmp_path: Path, keep: int):
    path = tmp_path / "track.npz"
    track.save(path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ShotError, match="track.npz"):
        FaceTrack.load(path)


@pytest.mark.parametrize("name", ["frames", "landmarks", "transform", "visible", "face_width"])
def test_missing_array(track: FaceTrack, tmp_path: Path, name: str):
    path = tmp_path / "track.npz"
    track.save(path)
    arrays = records.read_npz(path)
    del arrays[name]
    records.write_npz(path, **arrays)
    with pytest.raises(ShotError, match=name):
        FaceTrack.load(path)


@pytest.mark.parametrize(
    ("name", "value", "what"),
    [
        ("landmarks", 1.0, "a point"),
        ("landmarks", np.nan, "no place"),
        ("visible", False, "no face is visible"),
        ("transform", 0.0, "no alignment"),
        ("transform", np.inf, "no alignment"),
    ],
)
def test_a_face_that_is_none(
    track: FaceTrack, tmp_path: Path, name: str, value: object, what: str
) -> None:
    """Arrays of the right kind whose values are not a face's: refused here, not in later stages."""
    path = tmp_path / "track.npz"
    track.save(path)
    arrays = records.read_npz(path)
    arrays[name] = np.full_like(arrays[name], value)
    records.write_npz(path, **arrays)
    with pytest.raises(ShotError, match=what):
        FaceTrack.load(path)


def test_index(track: FaceTrack):
    assert track.index(1001) == 0
    assert track.index(1020) == 19
    for frame in (1000, 1021):
        with pytest.raises(ShotError, match=str(frame)):
            track.index(frame)


def test_lip_opening_is_the_true_one():
    """In face widths, of any size, tilt and place of the face."""
    shot = face_making.make_shot(60, turning=0)
    np.testing.assert_allclose(lip_opening(shot.landmarks), shot.opening, atol=2e-4)


def test_canonical_holds_the_head_still(track: FaceTrack):
    shot = face_making.make_shot(20, turning=0)
    steady = face_making.make_track(shot.landmarks)
    crop = steady.canonical()
    nose = crop[:, [168, 6, 1, 4]]
    np.testing.assert_allclose(nose, np.broadcast_to(nose[:1], nose.shape), atol=1e-6)
    back = geometry.apply(geometry.invert(steady.transform), crop)
    np.testing.assert_allclose(back, shot.landmarks[..., :2], atol=1e-8)
    assert np.isnan(track.canonical()[7]).all()
