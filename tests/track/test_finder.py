"""Crops around a face, and the search, whatever the backend."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import face_making
import numpy as np
import pytest

from relip.track import finder, geometry, points


def ramp(height: int, width: int) -> np.ndarray:
    """Red is x, green is y, at pixel centres; four pixels to a level."""
    y, x = np.mgrid[:height, :width] + 0.5
    return np.stack([x / 4, y / 4, np.zeros_like(x)], -1).round().astype(np.uint8)


@pytest.mark.parametrize("scale", [2.0, 1.0, 0.55, 0.21, 0.12])
@pytest.mark.parametrize("angle", [0.0, 0.4])
def test_a_crop_shows_what_lies_there(scale: float, angle: float):
    """Also after several octaves: every place of the crop has the colour of its place."""
    picture = ramp(1000, 900)
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    linear = np.array([[cos, sin], [-sin, cos]])
    to_crop = np.c_[linear, 48 - linear @ [460.3, 510.8]]
    crop = finder.cut(picture, to_crop, 96).astype(float)
    places = np.stack(np.meshgrid(np.arange(96) + 0.5, np.arange(96) + 0.5), -1)
    wanted = geometry.apply(geometry.invert(to_crop), places.reshape(-1, 2)).reshape(96, 96, 2)
    inside = ((wanted > 40) & (wanted < [860, 960])).all(-1)
    assert inside.mean() > 0.4
    away = 4 * crop[..., :2] - wanted
    assert np.abs(away[inside].mean(0)).max() < 0.7
    assert np.abs(away[inside]).max() < 6


def test_a_crop_beyond_the_border_repeats_it():
    picture = ramp(100, 100)
    crop = finder.cut(picture, np.array([[1.0, 0, 90], [0, 1.0, 90]]), 96)
    assert (crop[:80, :80] == picture[0, 0]).all()
    crop = finder.cut(picture, np.array([[1.0, 0, -5000], [0, 1.0, 0]]), 96)
    assert (crop[:, 50] == crop[:, 60]).all()


def test_a_face_stands_upright_in_its_crop():
    shot = face_making.make_shot(1, moving=0, turning=0)
    face = shot.landmarks[0].copy()
    turn = cv2.getRotationMatrix2D((160, 130), 27, 1.3)
    face[:, :2] = geometry.apply(turn, face[:, :2])
    inside = geometry.apply(finder.upright(face, 1.5, 192), face[:, :2])
    eyes = inside[[362, 263]].mean(0) - inside[[33, 133]].mean(0)
    assert abs(eyes[1]) < 1e-6 and eyes[0] > 0
    low, high = inside.min(0), inside.max(0)
    np.testing.assert_allclose((low + high) / 2, [96, 96], atol=1e-6)
    assert (high - low).max() == pytest.approx(192 / 1.5)


def test_of_two_faces_in_one_place_the_larger_stays():
    face = face_making.make_shot(1).landmarks[0]
    smaller = face.copy()
    smaller[:, :2] = (face[:, :2] - face[:, :2].mean(0)) * 0.8 + face[:, :2].mean(0) + 3
    away = face + [400.0, 0, 0]
    kept = finder.distinct([smaller, away, face])
    assert len(kept) == 2 and any(k is face for k in kept) and any(k is away for k in kept)


class Slow(finder.Finder):
    """Sees a face, given beforehand, more exactly from crops that are nearly right."""

    name, crop_size, crop_faces = "slow", 96, (1.4,)

    def __init__(self, face: np.ndarray) -> None:
        self.face, self.crops = face, 0
        self.last: np.ndarray | None = None

    def detect(self, picture: np.ndarray, **options: object) -> list[np.ndarray]:
        return []

    def in_crop(self, crop: np.ndarray) -> finder.Face | None:
        raise NotImplementedError

    def close(self) -> None:
        pass

    def _measure(self, picture: np.ndarray, start: np.ndarray) -> finder.Face | None:
        self.crops += 1
        return finder.Face(0.7 * self.face + 0.3 * start)


def test_a_face_that_lies_elsewhere_is_measured_again_from_there():
    face = face_making.make_shot(1).landmarks[0]
    picture = np.zeros((300, 300, 3), np.uint8)
    near, far = Slow(face), Slow(face)
    near.measure(picture, face + [0.5, 0, 0])
    assert near.crops == 1
    found = far.measure(picture, face + [40.0, 0, 0])
    assert far.crops == 3 and found is not None
    assert np.abs(found.landmarks - face).max() < 2


def test_tiles_reach_every_place():
    for length, side in ((1920, 648), (1080, 1080), (700, 96), (96, 96)):
        starts = finder._starts(length, side)
        assert starts[0] == 0 and starts[-1] == length - side
        assert max(np.diff(starts), default=0) <= 0.62 * side
    assert points.COUNT == 478


def test_threads_that_are_quiet_at_once_leave_standard_error_as_it_was(tmp_path: Path):
    """One that begins while another is quiet must not take the silence for what to go back to."""
    kept = os.dup(2)
    file = tmp_path / "stderr"
    with file.open("wb") as log:
        os.dup2(log.fileno(), 2)
        try:
            first, second = finder.quiet_stderr(), finder.quiet_stderr()
            first.__enter__()
            second.__enter__()
            os.write(2, b"never")
            first.__exit__(None, None, None)
            os.write(2, b"nor now")
            second.__exit__(None, None, None)
            os.write(2, b"again")
        finally:
            os.dup2(kept, 2)
            os.close(kept)
    assert file.read_bytes() == b"again"
