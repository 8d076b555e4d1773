"""Hands before the face: drawn by their points, and cut out where they have the face's colours."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import mask_making
import numpy as np
import pytest

from relip.mask import hands, stage
from relip.mask.crop import SMALL
from relip.plate import Colour, Picture, read_exr
from relip.progress import Progress
from relip.track import geometry

QUIET = Progress("none")


def painted(picture: np.ndarray, transform: np.ndarray) -> np.ndarray:
    """The hand over a plate, of the face's colours; its fingers touch and shade each other."""
    hand = geometry.apply(geometry.invert(transform), mask_making.made_hand())
    half = hands._HALF * hands.size_of(hand)
    fine = 4
    canvas = cv2.resize(picture, None, fx=fine, fy=fine, interpolation=cv2.INTER_LINEAR)
    lines = [np.round(hand[list(hands.PALM)] * fine).astype(np.int32)]
    lines += [np.round(hand[[0, *joints]] * fine).astype(np.int32) for joints in hands.FINGERS]
    skin = mask_making.SKIN.astype(np.float32)
    for line in lines:
        for colour, broad in ((0.8 * skin, 2 * half + 1.0), (0.97 * skin, 2 * half - 1.0)):
            value = tuple(float(c) for c in colour)
            cv2.polylines(canvas, [line], False, value, round(broad * fine), cv2.LINE_AA)
    cv2.fillPoly(canvas, lines[:1], tuple(float(c) for c in 0.97 * skin))
    over = cv2.resize(canvas, picture.shape[1::-1], interpolation=cv2.INTER_AREA)
    return over.astype(np.float32)


def covered(picture: np.ndarray, transform: np.ndarray) -> np.ndarray:
    """Where the hand is in a plate."""
    return np.abs(painted(picture, transform) - picture).max(2) > 0.01


@pytest.mark.parametrize("seen", [True, False])
def test_a_hand_of_the_faces_colours_is_known_by_its_shape(
    seen: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    shot = mask_making.make_shot(tmp_path, occluded=False, before=painted)
    first = shot.frames.start
    rows = mask_making.PRESENT

    def find(picture: Picture, *_: Any) -> list[np.ndarray]:
        return [mask_making.made_hand()] if seen and picture.frame - first in rows else []

    monkeypatch.setattr(hands, "find", find)
    frames = [shot.frames[row] for row in rows[2:8:2]]
    stage.run(shot, [*frames, shot.frames[2]], progress=QUIET)
    track = mask_making.make_track()
    both = either = 0
    for frame in frames:
        row = frame - first
        face = mask_making.paint(track.landmarks[row], seed=row)
        alpha = covered(np.zeros_like(face), track.transform[row])
        channels, (x, y), _, _ = read_exr(stage.mask_path(shot, frame))
        found, matte = channels["occlusion"], channels["matte"]
        there = alpha[y : y + found.shape[0], x : x + found.shape[1]]
        inside = (matte > 0) | (found > 0)
        both += int(((found > 0.5) & there & inside).sum())
        either += int((((found > 0.5) | there) & inside).sum())
    assert (both / either > 0.85) if seen else (both / either < 0.6)
    assert read_exr(stage.mask_path(shot, shot.frames[2]))[0]["occlusion"].max() == 0


def test_a_hand_is_as_large_as_by_what_turns_least_away():
    hand = mask_making.made_hand(size=0.3)
    assert 0.28 < hands.size_of(hand) < 0.36
    tilted = hand.copy()
    tilted[0] += 0.2 * np.array([0.0, -1.0])  # the palm points at the camera
    assert hands.size_of(tilted) > 0.25
    drawn = hands.drawn([hand])
    for x, y in hand:
        if 0 <= x < 1 and 0 <= y < 1:
            assert drawn[int(y * SMALL), int(x * SMALL)]
    assert not hands.drawn([]).any()
    assert not drawn[:, -20:].any()


@pytest.mark.skipif(not hands.available(), reason="this MediaPipe carries no hand models")
def test_a_face_without_hands_shows_none(tmp_path: Path):
    shot = mask_making.make_shot(tmp_path, occluded=False)
    track = mask_making.make_track()
    with shot.open_plate() as plate:
        for picture in plate.iter(list(shot.frames)[:2]):
            transform = track.transform[picture.frame - shot.frames.start]
            assert hands.find(picture, transform, plate, Colour()) == []
            square = hands._square(
                hands.Shown(picture, plate, Colour()),
                geometry.compose(hands._to_square(2.6, 40.0), transform),
            )
            assert square.shape == (hands._SIDE, hands._SIDE, 3)
            assert not square[0, 0].any()  # beyond the picture


def test_without_models_no_hand_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(hands, "models", lambda: None)
    shot = mask_making.make_shot(tmp_path, occluded=False)
    with shot.open_plate() as plate:
        picture = next(iter(plate.iter([shot.frames.start])))
        assert hands.find(picture, np.eye(2, 3), plate, Colour()) == []


def test_threads_that_ask_at_once_share_the_models(monkeypatch: pytest.MonkeyPatch):
    """Two that were loaded side by side took twice the memory and each other's standard error."""
    loaded: list[object] = []

    class Slow:
        def __init__(self) -> None:
            time.sleep(0.05)
            loaded.append(self)

    monkeypatch.setattr(hands, "_Hands", Slow)
    monkeypatch.setattr(hands, "available", lambda: True)
    hands._loaded.cache_clear()
    try:
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda _: hands.models(), range(4)))
    finally:
        hands._loaded.cache_clear()
    assert len(loaded) == 1 and all(each is loaded[0] for each in found)
