"""A synthetic face in motion, with every position known: the tests' own truth.

``face.csv`` holds 478 landmarks of the demo's public-domain portrait with the
lips together, in face widths, its eyes level and their middle at the origin;
z is negative towards the camera. From it come shots whose head turns, nods and
moves and whose mouth opens and narrows by known amounts.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from relip.track import geometry, points, stabilise
from relip.track.facetrack import FaceTrack

UPPER_INNER = points.INNER_UPPER[1:-1]
LOWER_INNER = points.INNER_LOWER[::-1]
#: Points that go down with the jaw, and how far of the opening.
JAW_SHARE = 0.8


@lru_cache(maxsize=1)
def still() -> np.ndarray:
    """The still face ``[shape=(478, 3)]`` in face widths, the lips exactly together."""
    face = np.loadtxt(Path(__file__).with_name("face.csv"), delimiter=",", skiprows=1)
    upper, lower = list(UPPER_INNER), list(LOWER_INNER)
    middle = (face[upper] + face[lower]) / 2
    face[upper] = face[lower] = middle
    return face


def with_mouth(opening: float, width: float = 0.0) -> np.ndarray:
    """The still face with its inner lips ``opening`` apart and its mouth ``width`` wider."""
    face = still().copy()
    x = np.linspace(-0.8, 0.8, len(UPPER_INNER))
    profile = opening * (1 - x**2)
    outer_upper, outer_lower = points.OUTER_UPPER[1:-1], points.OUTER_LOWER[::-1]
    for upper, lower in ((UPPER_INNER, LOWER_INNER), (outer_upper, outer_lower)):
        face[list(upper), 1] -= 0.2 * profile
        face[list(lower), 1] += 0.8 * profile
    jaw = list(points.JAW)
    weight = np.clip((face[jaw, 1] - face[61, 1]) / (face[points.CHIN, 1] - face[61, 1]), 0, 1)
    face[jaw, 1] += JAW_SHARE * opening * weight
    lips = list(points.LIPS)
    middle = (face[61, 0] + face[291, 0]) / 2
    share = (face[lips, 0] - middle) / (face[291, 0] - face[61, 0])
    face[lips, 0] += width * share
    return face


@dataclass(frozen=True)
class Shot:
    """A synthetic shot of F frames and what is true of it.

    ``rigid`` (F, 2, 3) takes the still, in face widths, to the plate where
    the head does not turn; ``opening`` and ``width`` (F,) are in face widths.
    """

    landmarks: np.ndarray
    rigid: np.ndarray
    opening: np.ndarray
    width: np.ndarray
    turn: np.ndarray


def make_shot(
    n: int = 60,
    *,
    face_width: float = 120.0,
    centre: tuple[float, float] = (160.0, 130.0),
    moving: float = 1.0,
    turning: float = 1.0,
    talking: float = 1.0,
    seed: int = 0,
) -> Shot:
    """A shot in which the head drifts, tilts and turns and the mouth talks, all smoothly."""
    t = np.arange(n) / 25.0
    rng = np.random.default_rng(seed)
    phase = rng.uniform(0, 2 * np.pi, 6)
    yaw = turning * 0.16 * np.sin(2 * np.pi * 0.37 * t + phase[0])
    pitch = turning * 0.08 * np.sin(2 * np.pi * 0.53 * t + phase[1])
    tilt = moving * 0.05 * np.sin(2 * np.pi * 0.31 * t + phase[2])
    scale = face_width * (1 + moving * 0.03 * np.sin(2 * np.pi * 0.21 * t + phase[3]))
    x = centre[0] + moving * 0.08 * face_width * np.sin(2 * np.pi * 0.43 * t + phase[4])
    y = centre[1] + moving * 0.05 * face_width * np.sin(2 * np.pi * 0.61 * t + phase[5])
    opening = talking * 0.12 * np.clip(np.sin(2 * np.pi * 2.3 * t), 0, None)
    width = talking * 0.05 * np.sin(2 * np.pi * 1.1 * t + 1.0)
    landmarks = np.empty((n, points.COUNT, 3))
    rigid = np.empty((n, 2, 3))
    for i in range(n):
        face = with_mouth(opening[i], width[i])
        cy, sy, cp, sp = np.cos(yaw[i]), np.sin(yaw[i]), np.cos(pitch[i]), np.sin(pitch[i])
        turn_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
        turn_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
        face = face @ (turn_y @ turn_x).T
        c, s = np.cos(tilt[i]) * scale[i], np.sin(tilt[i]) * scale[i]
        rigid[i] = [[c, -s, x[i]], [s, c, y[i]]]
        landmarks[i, :, :2] = geometry.apply(rigid[i], face[:, :2])
        landmarks[i, :, 2] = face[:, 2] * scale[i]
    return Shot(landmarks, rigid, opening, width, np.stack([yaw, pitch], -1))


def make_track(
    landmarks: np.ndarray, *, first: int = 1001, hidden: tuple[int, ...] = ()
) -> FaceTrack:
    """The face track of landmarks, as the track stage makes it; rows in ``hidden`` show no face."""
    landmarks = landmarks.copy()
    landmarks[list(hidden)] = np.nan
    visible = np.isfinite(landmarks[:, 0, 0])
    shape, width = stabilise.reference_shape(landmarks[visible])
    motions = np.full((len(landmarks), 2, 3), np.nan)
    return FaceTrack(
        frames=np.arange(first, first + len(landmarks)),
        landmarks=landmarks,
        transform=stabilise.align(landmarks, visible, motions, shape),
        visible=visible,
        confidence=visible.astype(float),
        shape=shape,
        face_width=width,
    )


def texture(height: int, width: int, seed: int = 0) -> np.ndarray:
    """A smooth random picture ``[shape=(height, width, 3)]``, 0 to 1, band-limited."""
    import cv2

    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((height, width, 3)).astype(np.float32)
    noise = cv2.GaussianBlur(noise, (0, 0), 3.0)
    low, high = noise.min(), noise.max()
    return (noise - low) / (high - low)
