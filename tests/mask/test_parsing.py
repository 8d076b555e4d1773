"""Parsing: the painted parts of a face get their classes, by colour where the mesh is wrong."""

from __future__ import annotations

import mask_making
import numpy as np
import pytest

from relip.mask import parsing
from relip.mask.crop import SIDE, display_crop
from relip.mask.parsing import Palette
from relip.plate import Colour, Picture
from relip.track import points
from relip.track.facetrack import FaceTrack


class _Plate:
    colourspace = mask_making.SPACE
    width, height = mask_making.SIZE


@pytest.fixture(scope="module")
def track() -> FaceTrack:
    return mask_making.make_track()


@pytest.fixture(scope="module")
def crops(track: FaceTrack) -> list[np.ndarray]:
    colour = Colour()
    return [
        display_crop(
            Picture(row, mask_making.paint(track.landmarks[row], row)),
            track.transform[row],
            _Plate(),
            colour,
        )
        for row in range(0, 30, 3)
    ]


@pytest.fixture(scope="module")
def palette(track: FaceTrack, crops: list[np.ndarray]) -> Palette:
    return parsing.learn(crops, [track.canonical()[row] for row in range(0, 30, 3)])


def test_classes(track: FaceTrack, crops: list[np.ndarray], palette: Palette):
    row = int(np.argmax(track.lip_opening()[::3])) * 3
    face = track.canonical()[row]
    chance, labels = parsing.parse(palette, crops[row // 3], face)
    np.testing.assert_allclose(chance.sum(0), 1, atol=1e-5)

    def at(place: np.ndarray) -> int:
        x, y = np.floor(place * SIDE).astype(int)
        return int(labels[y, x])

    assert at((face[0] + face[13]) / 2) == parsing.LIPS
    assert at((face[14] + face[17]) / 2) == parsing.LIPS
    assert at((face[13] + face[14]) / 2) in (parsing.MOUTH, parsing.TONGUE)
    assert at((face[17] + face[points.CHIN]) / 2) == parsing.SKIN
    assert at(face[points.CHEEK_LEFT]) == parsing.SKIN
    assert at(face[points.CHIN] + [0, 0.09]) == parsing.NECK
    assert at(np.array([0.02, 0.5])) == parsing.BACKGROUND
    lips = labels == parsing.LIPS
    drawn = parsing.places(face)[parsing.LIPS] > 0.5
    assert (lips & drawn).sum() / (lips | drawn).sum() > 0.8


def test_the_neck_ends_at_its_collar(track: FaceTrack):
    """Clothes and what hangs beside the neck are not neck, whatever lies below the jaw."""
    rows = range(0, 30, 3)
    canonical = track.canonical()
    colour = Colour()
    crops = []
    for row in rows:
        picture = mask_making.paint(track.landmarks[row], row)
        chin = track.landmarks[row, points.CHIN]
        collar = int(chin[1] + 10)
        picture[collar:] = (0.25, 0.30, 0.42)
        crops.append(display_crop(Picture(row, picture), track.transform[row], _Plate(), colour))
    palette = parsing.learn(crops, [canonical[row] for row in rows])
    face = canonical[0]
    _, labels = parsing.parse(palette, crops[0], face)
    x, y = np.floor(face[points.CHIN] * SIDE).astype(int)
    pixel = float(np.hypot(*track.transform[0][0, :2])) * SIDE
    assert (labels[y + 5 : y + int(8 * pixel), x - 8 : x + 8] == parsing.NECK).mean() > 0.9
    below = labels[y + int(14 * pixel) :]
    assert below.size and (below == parsing.NECK).mean() < 0.02
    corner = np.floor(face[[172, 397]] * SIDE).astype(int)
    for side, shift in ((corner[:, 0].min(), -30), (corner[:, 0].max(), 30)):
        beside = labels[corner[0, 1] + 6 : corner[0, 1] + 12, side + shift]
        assert (beside != parsing.NECK).all()


def test_a_window_is_parsed_as_the_whole_is(
    track: FaceTrack, crops: list[np.ndarray], palette: Palette
):
    face = track.canonical()[6]
    chance, labels = parsing.parse(palette, crops[2], face)
    for x0, y0, x1, y1 in [(70, 130, 200, 250), (0, 0, 40, 50), (100, 200, 101, 256)]:
        part, names = parsing.parse(palette, crops[2], face, (x0, y0, x1, y1))
        inside = np.s_[..., y0:y1, x0:x1]
        np.testing.assert_allclose(part[inside], chance[inside], atol=1e-4)
        assert (names[inside] == labels[inside]).mean() > 0.999
        part[inside], names[inside] = 0, parsing.BACKGROUND
        assert not part.any()
        assert (names == parsing.BACKGROUND).all()


def test_colour_corrects_the_mesh(track: FaceTrack, crops: list[np.ndarray], palette: Palette):
    """With the mesh's lips half a lip too low, the labels stay nearer to the painted lips."""
    row = int(np.argmax(track.lip_opening()[::3])) * 3
    face = track.canonical()[row]
    truth = parsing.places(face)[parsing.LIPS] > 0.5
    wrong = face.copy()
    wrong[list(points.LIPS), 1] += 0.012
    drawn = parsing.places(wrong)[parsing.LIPS] > 0.5
    _, labels = parsing.parse(palette, crops[row // 3], wrong)

    def overlap(a: np.ndarray) -> float:
        return float((a & truth).sum() / (a | truth).sum())

    assert overlap(labels == parsing.LIPS) > overlap(drawn) + 0.08


def test_teeth_are_told_from_the_dark():
    palette = Palette(np.zeros((1, 6), np.float32), np.array([0.6, 0.1, 0.1], np.float32),
                      np.array([0.4, 0.15, 0.1], np.float32))  # fmt: skip
    labels = np.full((1, 4), parsing.MOUTH, np.uint8)
    labels[0, 3] = parsing.SKIN
    values = np.array([[[0.7, 0.02, 0.05], [0.05, 0.02, 0.0], [0.35, 0.16, 0.1], [0.7, 0, 0]]])
    found = parsing.with_teeth(palette, labels, values.astype(np.float32))
    assert found.tolist() == [[parsing.TEETH, parsing.MOUTH, parsing.TONGUE, parsing.SKIN]]
