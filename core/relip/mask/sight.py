"""A frame's face against the shot's model: how strange each pixel of it is.

It is seen with the face's own mesh and with the one that the head's pose gives, for an occluder
pushes the mesh about; a pixel is as strange as it is to the likest.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from relip.mask.appearance import CERTAIN, Appearance, opponent
from relip.mask.channels import squared, total
from relip.mask.coverage import disc
from relip.mask.crop import SMALL, ShapeSpace, sample
from relip.mask.parsing import BIN_SIZE, COLOURS

#: Strangeness from which a pixel is suspect, and from which it is no face whatever the light.
SUSPECT, SURE = 0.85, 4.0

#: Area of a pixel in the crop over its area in the normalised picture below which it tells
#: nothing (a cheek that turns away), and from which it tells all.
_FOLDED, _OPEN = 0.25, 0.6

#: Room that a value has to be the face's.
_ROOM = 1

#: A value beyond all that a face has.
_BEYOND = 9.0


@dataclass(frozen=True)
class Sight:
    """A frame's face against the shot's model.

    Attributes
    ----------
    values, explained : np.ndarray [shape=(P, 3), dtype=float32]
        What the frame shows in the model's area, and the face behind; see
        :func:`relip.mask.appearance.opponent`.
    telling : np.ndarray [shape=(P,), dtype=float32]
        How much a pixel tells: 0 where its skin turns away.
    crop_map : np.ndarray [shape=(128, 128, 2), dtype=float32]
        Where the normalised picture's pixels lie in the crop, crop units.
    """

    values: np.ndarray
    explained: np.ndarray
    telling: np.ndarray
    crop_map: np.ndarray

    def strange(self, model: Appearance, room: int = 0) -> np.ndarray:
        """How strange each pixel is, in units of the model's level ``[shape=(P,)]``.

        With ``room`` a pixel is as strange as it is to the likest values of
        the face within so many pixels: an occluder pushes the mesh, and then
        every edge of the face stands beside where it is expected.
        """
        if not room:
            return model.strangeness(self.values, self.explained) * self.telling
        low, high = (model.pixels(part) for part in self.bounds(model, room))
        return model.strangeness(self.values, np.clip(self.values, low, high)) * self.telling

    def bounds(self, model: Appearance, room: int) -> tuple[np.ndarray, np.ndarray]:
        """The least and the greatest value that the face has within so many pixels.

        Returns
        -------
        tuple of two np.ndarray [shape=(128, 128, 3)]
        """
        kernel = disc(room)
        high = cv2.dilate(model.picture(self.explained, -_BEYOND), kernel)
        return cv2.erode(model.picture(self.explained, _BEYOND), kernel), high


def sight(model: Appearance, space: ShapeSpace, crop: np.ndarray, face: np.ndarray) -> Sight:
    """Compare a frame with the model; parameters as for :func:`find`."""
    at = space.crop_map(face)
    values = model.pixels(opponent(sample(cv2.blur(crop, (2, 2)), at)))
    down, across = np.gradient(at, 1 / SMALL, axis=(0, 1))
    size = model.pixels(np.abs(across[..., 0] * down[..., 1] - across[..., 1] * down[..., 0]))
    telling = np.clip((size - _FOLDED) / (_OPEN - _FOLDED), 0, 1)
    return Sight(values, model.explain(values), telling, at)


class Suspicion:
    """A frame seen with several meshes: a pixel is as strange as it is to the likest.

    Parameters
    ----------
    model : Appearance
    space : ShapeSpace
    crop : np.ndarray [shape=(256, 256, 3), dtype=uint8]
    """

    def __init__(self, model: Appearance, space: ShapeSpace, crop: np.ndarray) -> None:
        self._model, self._space, self._crop = model, space, crop
        self._views: list[tuple[Sight, np.ndarray]] = []
        self._strange: dict[int, np.ndarray] = {}

    def see(self, face: np.ndarray) -> bool:
        """Look with a mesh; False when it shows nothing strange at all."""
        seen = sight(self._model, self._space, self._crop, face)
        strange = seen.strange(self._model)
        if not (strange > CERTAIN).any():
            return False  # neither resampling nor room makes a value larger
        self._views.append((seen, self._space.normalised_map(seen.crop_map)))
        self._strange = {}
        return True

    def strange(self, room: int) -> np.ndarray:
        """Strangeness in the crop ``[shape=(128, 128)]``, see :meth:`Sight.strange`."""
        if room not in self._strange:
            each = [
                sample(self._model.picture(seen.strange(self._model, room)), back)
                for seen, back in self._views
            ]
            self._strange[room] = np.minimum.reduce(each)
        return self._strange[room]

    def likelihood(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How well the expected face explains values ``[shape=(128, 128, 3)]`` of the crop.

        Returns
        -------
        likelihood : np.ndarray [shape=(128, 128)]
            Logarithm of the density against that of any colour.
        known : np.ndarray [shape=(128, 128), dtype=bool]
            Where the model says something about the frame.
        """
        known = np.zeros(values.shape[:2], bool)
        best = np.full(values.shape[:2], -np.inf, np.float32)
        for number, (seen, back) in enumerate(self._views):
            low, high = (sample(part, back) for part in seen.bounds(self._model, _ROOM))
            spread = sample(self._model.picture(self._model.spread), back)
            there = spread[..., 0] > 0
            if not number:
                known = there
            spread[~there] = 1
            off = values - cv2.min(cv2.max(values, cv2.min(low, high)), high)
            density = np.float32(-0.5) * squared(off / spread) - total(cv2.log(spread))
            best = np.maximum(best, density)
        return best + np.float32(np.log(BIN_SIZE * COLOURS) - 1.5 * np.log(2 * np.pi)), known
