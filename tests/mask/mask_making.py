"""A painted face in motion, and a square that passes before it, for the mask tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import face_making
import numpy as np

from relip.mask import fit, parsing, stage
from relip.mask.crop import display_crop
from relip.plate import Colour, write_exr
from relip.progress import Progress
from relip.shot import PlateSettings, Shot, ShotSettings
from relip.track import points
from relip.track.facetrack import FaceTrack

SIZE = (320, 260)
SPACE = "sRGB - Texture"
SKIN, LIPS, MOUTH, BROWS, BACK, NECK = (
    np.array(c)
    for c in (
        (0.72, 0.55, 0.47),
        (0.62, 0.30, 0.30),
        (0.16, 0.06, 0.06),
        (0.18, 0.13, 0.10),
        (0.35, 0.45, 0.55),
        (0.60, 0.44, 0.38),
    )
)
SQUARE = np.array((0.15, 0.55, 0.25))
FRAMES = 30

#: Paints over a plate, given what takes its pixels to crop units.
Before = Callable[[np.ndarray, np.ndarray], np.ndarray] | None

#: Rows of the shot in which the square is there.
PRESENT = range(10, 20)

#: How far each finger's joints lie from the wrist, and its direction from upwards, in degrees.
_FINGERS = (
    (0.4, 0.6, 0.8, 1.0),
    (1.0, 1.35, 1.6, 1.8),
    (1.0, 1.4, 1.7, 1.9),
    (0.95, 1.3, 1.6, 1.8),
    (0.9, 1.15, 1.35, 1.5),
)
_SPREAD = (-45, -18, -4, 10, 25)


def make_track(n: int = FRAMES) -> FaceTrack:
    """The track of the painted shot."""
    return face_making.make_track(face_making.make_shot(n, face_width=130.0).landmarks)


def paint(face: np.ndarray, seed: int = 0) -> np.ndarray:
    """A plate ``[shape=(260, 320, 3)]`` in which every part of a face has its own colour."""
    fine = 4
    canvas = np.empty((SIZE[1] * fine, SIZE[0] * fine, 3), np.float32)
    canvas[:] = BACK

    def fill(outline: np.ndarray, colour: np.ndarray) -> None:
        at = np.round(outline * fine).astype(np.int32)
        cv2.fillPoly(canvas, [at], tuple(float(c) for c in colour))

    jaw = face[list(points.JAW), :2]
    width = np.linalg.norm(face[points.FACE_RIGHT, :2] - face[points.FACE_LEFT, :2])
    below = jaw[4:-4] + [0.0, 0.5 * width]
    fill(np.concatenate([jaw[4:-4], below[::-1]]), NECK)
    top = face[[454, 251, 284, 297, 10, 67, 54, 21, 234], :2]
    fill(np.concatenate([jaw, top]), SKIN)
    for line in parsing._BROWS:
        fill(face[list(line), :2], BROWS)
    fill(face[list(points.OUTER_LIPS), :2], LIPS)
    fill(face[list(points.INNER_LIPS), :2], MOUTH)
    picture = cv2.resize(canvas, SIZE, interpolation=cv2.INTER_AREA)
    noise = np.random.default_rng(seed).standard_normal(picture.shape)
    return (picture + 0.006 * noise).astype(np.float32)


def square(row: int, face: np.ndarray) -> np.ndarray:
    """Alpha of a square, a third of the face wide, that slides over chin and lips."""
    alpha = np.zeros(SIZE[::-1], np.float32)
    if row in PRESENT:
        x, y = face[points.SUBNASALE, :2] + [-12 + 2.5 * (row - PRESENT[0]), 14]
        x, y = int(x), int(y)
        alpha[y : y + 40, x : x + 40] = 1
    return cv2.GaussianBlur(alpha, (0, 0), 0.8)


def make_plate(folder: Path, track: FaceTrack, *, occluded: bool, before: Before = None) -> str:
    """Write the plate as a sequence; where the name of the frame goes is ``####``."""
    for row, frame in enumerate(track.frames):
        face = track.landmarks[row]
        picture = paint(face, seed=row)
        if occluded:
            alpha = square(row, face)[..., None]
            picture = picture * (1 - alpha) + SQUARE.astype(np.float32) * alpha
        if before is not None and row in PRESENT:
            picture = before(picture, track.transform[row])
        write_exr(folder / f"face.{frame:04d}.exr", picture, display=SIZE)
    return str(folder / "face.####.exr")


def make_shot(folder: Path, *, occluded: bool, pushed: float = 0.0, before: Before = None) -> Shot:
    """A shot folder of the painted face with its track.

    What ``before`` paints over a frame stands there as long as the square would. Where the square
    is the mesh of the track is wrong below the nose: ``pushed`` pixels too high.
    """
    track = make_track()
    path = make_plate(folder, track, occluded=occluded, before=before)
    low = track.landmarks[0, :, 1] > track.landmarks[0, points.SUBNASALE, 1] + 3
    track.landmarks[np.ix_(PRESENT, low, [1])] -= pushed
    plate = PlateSettings(path=path, fps="25", colourspace=SPACE)
    shot = Shot.create(folder / "painted.relip", ShotSettings(plate=plate))
    track.save(shot.path("track", "track.npz"))
    return shot


def learnt(shot: Shot) -> fit.ShotFit:
    """What the stage learns of a shot."""
    with shot.open_plate() as plate:
        inputs = stage.load_inputs(shot, plate)
        assert inputs.fit_key and inputs.learn_from
        found = fit.obtain(shot, plate, *inputs.learn_from, Progress("none"), key=inputs.fit_key)
    assert found is not None
    return found


def crops(shot: Shot) -> list[np.ndarray]:
    """The crop of each frame of a shot ``[shape=(256, 256, 3), dtype=uint8]``."""
    track = FaceTrack.load(shot.path("track", "track.npz"))
    with shot.open_plate() as plate:
        return [
            display_crop(picture, track.transform[track.index(picture.frame)], plate, Colour())
            for picture in plate.iter(list(track.frames))
        ]


def made_hand(wrist: tuple[float, float] = (0.4, 1.35), size: float = 0.5) -> np.ndarray:
    """A hand that points upwards ``[shape=(21, 2)]``."""
    at = [np.array(wrist)]
    for along, turn in zip(_FINGERS, _SPREAD, strict=True):
        way = np.array([np.sin(np.radians(turn)), -np.cos(np.radians(turn))])
        at += [np.array(wrist) + size * each * way for each in along]
    return np.array(at)
