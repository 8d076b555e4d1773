"""Cuts are found; motion, exposure and flashes are none."""

from __future__ import annotations

import cv2
import face_making
import numpy as np
import pytest

from relip.track.cuts import CutFinder, jumps


def scene(seed: int, tint: tuple[float, float, float], dx: float = 0.0) -> np.ndarray:
    """A picture of a scene of its own colours, the camera moved by ``dx`` pixels."""
    wide = face_making.texture(200, 400, seed)
    wide = cv2.GaussianBlur(wide, (0, 0), 6)
    wide = (wide - wide.min()) / np.ptp(wide)
    moved = cv2.warpAffine(wide, np.array([[1.0, 0, -dx], [0, 1.0, 0]]), (300, 200))
    return (255 * np.clip(moved * tint, 0, 1)).astype(np.uint8)


WARM, COLD = (1.0, 0.7, 0.4), (0.3, 0.5, 0.9)


def cuts_of(pictures: list[np.ndarray]) -> list[int]:
    finder, cuts = CutFinder(), []
    for row, picture in enumerate(pictures):
        finder.step(row, picture, cuts)
    return cuts


def test_cuts_are_found():
    pictures = [scene(1, WARM, i) for i in range(6)] + [scene(2, COLD, i) for i in range(6)]
    pictures += [scene(1, WARM, 6 + i) for i in range(6)]
    assert cuts_of(pictures) == [6, 12]


def test_a_cut_to_the_same_colours_is_found():
    assert cuts_of([scene(3, WARM)] * 4 + [scene(4, WARM)] * 4) == [4]


@pytest.mark.parametrize("speed", [1.0, 8.0])
def test_motion_is_no_cut(speed: float):
    assert cuts_of([scene(5, WARM, speed * i) for i in range(10)]) == []


def test_exposure_and_fades_are_no_cuts():
    picture = scene(6, COLD)
    gains = [1, 0.8, 0.6, 0.45, 0.3, 0.2, 0.1, 0.0, 0.0, 0.2, 0.5, 1.0]
    faded = [np.round(picture * g).astype(np.uint8) for g in gains]
    assert [c for c in cuts_of(faded) if c < 7] == []


@pytest.mark.parametrize("length", [1, 2])
def test_a_flash_is_looked_through(length: int):
    picture = scene(7, WARM)
    white = np.full_like(picture, 255)
    assert cuts_of([picture] * 5 + [white] * length + [picture] * 5) == []


def test_a_scene_of_few_frames_is_no_flash():
    pictures = [scene(8, WARM)] * 5 + [scene(9, COLD)] * 4 + [scene(8, WARM)] * 5
    assert cuts_of(pictures) == [5, 9]


def test_a_jump_of_the_face_alone_is_a_cut_in_one_scene():
    landmarks = face_making.make_shot(12).landmarks.copy()
    motions = np.zeros((12, 2, 3))
    landmarks[5:, :, 0] += 60  # half a face, explained by flow: a quick head
    landmarks[8:, :, 0] += 60
    motions[8] = np.nan
    motions[3] = np.nan  # flow that failed, a face that stayed
    landmarks[10] = np.nan
    motions[10:] = np.nan
    assert jumps(landmarks, motions) == [8]
