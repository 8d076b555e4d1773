"""The demo plate's frames and their truth, each a function of frame number and seed alone."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

import cv2
import numpy as np

from relip.demo.curves import plate_controls
from relip.demo.motion import MAX_ZOOM, VIEW, Motion, Pose, apply, inverse
from relip.demo.mouth import painter, smooth_step
from relip.demo.portrait import FRAME, jaw_line
from relip.demo.rig import MouthShape, rig
from relip.errors import SettingError

#: Side of the square plate in pixels when none is asked for; the face is then 205 wide.
SIZE = 640

#: Standard deviation of the film grain at middle grey, display code values 0-1.
GRAIN = 0.013

_CARD = np.array((0.46, 0.46, 0.46), np.float32)

#: Frames in which the card comes in, and goes out again.
_CARD_FRAMES = 2


@dataclass(frozen=True)
class FrameTruth:
    """What is in a frame, in plate pixels: x right, y down, pixel centres at +0.5.

    Attributes
    ----------
    controls : ndarray, (10,)
    opening : float
        Gap of the inner lips at their centre.
    inner_lips, outer_lips : ndarray, (20, 2)
        In the order of :data:`relip.demo.portrait.INNER_LIPS` and ``OUTER_LIPS``.
    jaw : ndarray, (21, 2)
        In the order of :data:`relip.demo.portrait.JAW`.
    rigid : ndarray, (2, 3)
        Still coordinates (of the upper face) to the plate.
    face_width : float
        Between the ends of the jaw line (landmarks 234 and 454).
    covered : float
        How much of the face the card hides, 0 to 1.
    """

    controls: np.ndarray
    opening: float
    inner_lips: np.ndarray
    outer_lips: np.ndarray
    jaw: np.ndarray
    rigid: np.ndarray
    face_width: float
    covered: float


class Scene:
    """A plate to be rendered.

    Parameters
    ----------
    n_frames : int
    fps : Fraction
    size : int
        Side of the square picture in pixels; even.
    seed : int
        Changes motion and grain.
    controls : ndarray, (n_frames, 10), optional
        Mouth controls; by default those of the plate's own voice.
    faceless_frames : collection of int
        Frames in which a grey card hides the face.

    Raises
    ------
    SettingError
        If the size is odd or outside 128-2048, or the counts do not fit.
    """

    def __init__(
        self,
        n_frames: int,
        fps: Fraction = Fraction(25),
        *,
        size: int = SIZE,
        seed: int = 0,
        controls: np.ndarray | None = None,
        faceless_frames: Collection[int] = (),
    ) -> None:
        if size % 2 or not 128 <= size <= 2048:
            raise SettingError(
                f"demo size {size} is not an even number of pixels between 128 and 2048"
            )
        if n_frames < 1:
            raise SettingError(f"a demo of {n_frames} frames has nothing to show")
        if seed < 0:
            raise SettingError(f"seed {seed} is negative")
        self.n_frames, self.fps, self.size, self.seed = n_frames, Fraction(fps), size, seed
        if controls is None:
            controls = plate_controls(n_frames, self.fps)
        self.controls = np.array(controls, np.float64)
        if self.controls.shape != (n_frames, 10):
            raise SettingError(
                f"mouth controls of shape {self.controls.shape} for {n_frames} frames",
                mend=f"give ({n_frames}, 10)",
            )
        self._faceless = frozenset(faceless_frames)
        self._motion = Motion(size, seed)
        self._scale = round(MAX_ZOOM * size / VIEW, 4)
        ears = jaw_line()[[0, -1]]
        self._face_width = float(np.hypot(*(ears[1] - ears[0])))

    def _check(self, frame: int) -> None:
        if not 0 <= frame < self.n_frames:
            raise SettingError(f"frame {frame} is outside the demo's 0-{self.n_frames - 1}")

    def _pose(self, frame: int) -> Pose:
        return self._motion.at(float((frame + Fraction(1, 2)) / self.fps))

    def _shape(self, frame: int) -> MouthShape:
        return rig().shape(self.controls[frame])

    def covered(self, frame: int) -> float:
        """How much of the face the card hides in a frame, 0 to 1."""
        if not self._faceless:
            return 0.0
        away = min(abs(frame - f) for f in self._faceless)
        return max(0.0, 1 - away / (_CARD_FRAMES + 1))

    def truth(self, frame: int) -> FrameTruth:
        """Where everything is in a frame, without rendering it."""
        self._check(frame)
        shape, rigid = self._shape(frame), self._pose(frame).rigid
        factor = float(np.sqrt(np.linalg.det(rigid[:, :2])))
        return FrameTruth(
            self.controls[frame].copy(),
            shape.opening * factor,
            apply(rigid, shape.inner_lips),
            apply(rigid, shape.outer_lips),
            apply(rigid, shape.jaw),
            rigid,
            self._face_width * factor,
            self.covered(frame),
        )

    def render(self, frame: int) -> np.ndarray:
        """A frame.

        Parameters
        ----------
        frame : int

        Returns
        -------
        ndarray, (size, size, 3) float32, 0-1
            sRGB encoded, with grain. The same numbers each time it is called.
        """
        self._check(frame)
        pose = self._pose(frame)
        painted = painter(self._scale).paint(self._shape(frame))
        picture = cv2.remap(
            painted, *self._source(pose), cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
        )
        self._hold_card(picture, pose, frame)
        return self._grain(picture, frame)

    def _source(self, pose: Pose) -> tuple[np.ndarray, np.ndarray]:
        """Where in the enlarged still each plate pixel comes from: x and y, (size, size)."""
        camera, head = inverse(pose.camera), inverse(pose.head)
        x, y = _affine(camera, self.size, 1.0)
        # The parts' borders are soft and wide: worked out on every eighth pixel.
        small = -(-self.size // 8)
        parts = _parts(*_affine(camera, small, 8.0))
        weight, chest = (
            cv2.resize(p, (8 * small, 8 * small), interpolation=cv2.INTER_LINEAR)[
                : self.size, : self.size
            ]
            for p in parts
        )
        # Exactly the head's motion where its weight is 1, which holds for all of the face.
        shift_x = (head[0, 0] - 1) * x + head[0, 1] * y + head[0, 2]
        shift_y = head[1, 0] * x + (head[1, 1] - 1) * y + head[1, 2]
        x += weight * shift_x - FRAME[0]
        y += weight * shift_y - chest * pose.breath - FRAME[1]
        x *= self._scale
        y *= self._scale
        x -= 0.5
        y -= 0.5
        return x.astype(np.float32), y.astype(np.float32)

    def _hold_card(self, picture: np.ndarray, pose: Pose, frame: int) -> None:
        """Slide a grey card, wider than the head, in from the picture's left."""
        covered = self.covered(frame)
        if covered <= 0:
            return
        left, right = apply(pose.rigid, np.array(((140.0, 100.0), (310.0, 100.0))))[:, 0]
        edge = int(round(covered * right))
        top = int(round(0.02 * self.size))
        picture[top : int(round(0.80 * self.size)), : max(edge, 0)] = _CARD

    def _grain(self, picture: np.ndarray, frame: int) -> np.ndarray:
        generator = np.random.Generator(np.random.Philox(key=(self.seed << 32) + frame))
        noise: Any = generator.standard_normal(picture.shape, np.float32)
        # The layers' grain is partly the same; unit variance.
        noise = cv2.transform(noise, ((np.eye(3) + 0.5) * 2.75**-0.5).astype(np.float32))
        # Grain has a size: a soft 3 x 3, brought back to unit variance.
        k = np.array((0.18, 0.64, 0.18), np.float32)
        noise = cv2.sepFilter2D(noise, -1, k, k, borderType=cv2.BORDER_REFLECT_101)
        light = cv2.transform(picture, np.array(((0.2126, 0.7152, 0.0722),), np.float32))
        np.clip(light, 0, 1, out=light)
        strength = (GRAIN / float((k**2).sum())) * (0.35 + 2.6 * light * (1 - light))
        noise *= strength[..., None]
        noise += picture
        return np.clip(noise, 0, 1, out=noise)


def _affine(matrix: np.ndarray, count: int, step: float) -> tuple[np.ndarray, np.ndarray]:
    """x and y (count, count) of pixels ``step`` wide through a (2, 3) map."""
    axis = (np.arange(count) + 0.5) * step
    return (
        matrix[0, 0] * axis[None] + (matrix[0, 1] * axis[:, None] + matrix[0, 2]),
        matrix[1, 0] * axis[None] + (matrix[1, 1] * axis[:, None] + matrix[1, 2]),
    )


def _parts(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How much a point of the scene moves with the head, and with the breathing chest."""
    radius = np.hypot((x - 227.0) / 88.0, (y - 112.0) / 118.0)
    head = smooth_step((1.45 - radius) / 0.45) * smooth_step((236.0 - y) / 40.0)
    chest = smooth_step((y - 196.0) / 40.0)
    return head, chest


@lru_cache(maxsize=2)
def _scene(n_frames: int, fps: Fraction, size: int, seed: int) -> Scene:
    return Scene(n_frames, fps, size=size, seed=seed)


def render_frame(
    frame: int,
    *,
    n_frames: int = 180,
    fps: Fraction = Fraction(25),
    size: int = SIZE,
    seed: int = 0,
) -> np.ndarray:
    """A frame of the demo plate: see :meth:`Scene.render`."""
    return _scene(n_frames, Fraction(fps), size, seed).render(frame)


def truth(
    frame: int,
    *,
    n_frames: int = 180,
    fps: Fraction = Fraction(25),
    size: int = SIZE,
    seed: int = 0,
) -> FrameTruth:
    """The truth of a frame of the demo plate: see :meth:`Scene.truth`."""
    return _scene(n_frames, Fraction(fps), size, seed).truth(frame)
