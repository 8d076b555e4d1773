"""The camera and the head: where the still's face lies in the plate at a given time.

All motions are sums of sines whose phases come from the seed, so each frame is a function of
its time alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: Still units that the plate's side spans at a zoom of 1, and the point in its middle.
VIEW = 286.0
VIEW_CENTRE = (226.0, 138.0)

#: The largest zoom; the still is enlarged so that it is never enlarged again.
MAX_ZOOM = 1.04

#: The head turns about this point of the neck.
_NECK = (223.0, 196.0)

#: Amplitude and period of each motion: still units, degrees or a share; seconds.
_PAN_X = ((4.2, 9.7), (1.3, 4.3))
_PAN_Y = ((2.0, 8.1), (0.7, 3.7))
_ZOOM = ((0.026, 11.3),)
_ROLL = ((0.55, 8.9),)
_HEAD_X = ((1.1, 5.3), (0.5, 2.3))
_NOD = ((1.0, 2.9), (0.55, 1.37))
_HEAD_ROLL = ((1.0, 6.1), (0.4, 2.6))
_BREATH = ((0.9, 3.4),)


def similarity(angle: float, scale: float, about: tuple[float, float],
               to: tuple[float, float]) -> np.ndarray:  # fmt: skip
    """The (2, 3) map that turns by ``angle`` degrees, scales, and takes ``about`` to ``to``."""
    a = np.deg2rad(angle)
    linear = scale * np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    return np.concatenate([linear, (np.array(to) - linear @ np.array(about))[:, None]], 1)


def chain(outer: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """The (2, 3) map that does ``inner``, then ``outer``."""
    return np.concatenate(
        [outer[:, :2] @ inner[:, :2], (outer[:, :2] @ inner[:, 2] + outer[:, 2])[:, None]], 1
    )


def inverse(matrix: np.ndarray) -> np.ndarray:
    """The inverse of a (2, 3) map."""
    linear = np.linalg.inv(matrix[:, :2])
    return np.concatenate([linear, -(linear @ matrix[:, 2])[:, None]], 1)


def apply(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points (..., 2) through a (2, 3) map."""
    return points @ matrix[:, :2].T + matrix[:, 2]


@dataclass(frozen=True)
class Pose:
    """One frame's motion.

    ``camera`` takes the scene to plate pixels, ``head`` the still's face to the scene, ``rigid``
    is both; ``breath`` is how far the chest has fallen, in still units.
    """

    camera: np.ndarray
    head: np.ndarray
    rigid: np.ndarray
    breath: float


class Motion:
    """The motion of one plate.

    Parameters
    ----------
    size : int
        Width and height of the plate in pixels.
    seed : int
        Changes the phases.
    """

    def __init__(self, size: int, seed: int) -> None:
        self.unit = size / VIEW
        self.size = size
        self._phases = np.random.Generator(np.random.PCG64([seed, 7])).uniform(0, 2 * np.pi, (8, 2))

    def _swing(self, index: int, terms: tuple[tuple[float, float], ...], time: float) -> float:
        return float(
            sum(
                amount * np.sin(2 * np.pi * time / period + self._phases[index, i])
                for i, (amount, period) in enumerate(terms)
            )
        )

    def at(self, time: float) -> Pose:
        """The pose ``time`` seconds into the plate."""
        middle = self.size / 2
        pan = (self._swing(0, _PAN_X, time), self._swing(1, _PAN_Y, time))
        zoom = 1 + self._swing(2, _ZOOM, time)
        camera = similarity(
            self._swing(3, _ROLL, time), self.unit * zoom, VIEW_CENTRE,
            (middle + self.unit * pan[0], middle + self.unit * pan[1]),
        )  # fmt: skip
        breath = self._swing(7, _BREATH, time)
        head = similarity(
            self._swing(6, _HEAD_ROLL, time), 1.0, _NECK,
            (_NECK[0] + self._swing(4, _HEAD_X, time),
             _NECK[1] + self._swing(5, _NOD, time) + 0.6 * breath),
        )  # fmt: skip
        return Pose(camera, head, chain(camera, head), breath)
