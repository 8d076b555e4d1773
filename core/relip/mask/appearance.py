"""How the shot's face looks: a low-rank model of its normalised pictures, and what it cannot be.

The model is a median picture, a few modes of its change (light, turning,
smile) and the size of what they leave in each pixel. It is fitted so that
what stands in front of the face for a part of the shot does not enter it:
values that lie far off are replaced by what the model expects of them, and
the modes found again (a robust principal component analysis by imputation,
after De la Torre and Black, 2003).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np

from relip.mask.channels import squared
from relip.mask.crop import SMALL

#: Red, green, blue to lightness and two differences of colour.
_OPPONENT = np.array([[1 / 3, 1 / 3, 1 / 3], [0.5, -0.5, 0.0], [0.25, 0.25, -0.5]], np.float32)

#: Modes at most, and frames needed for each.
MODES, FRAMES_PER_MODE = 6, 6

#: Spread below which a difference means nothing: lightness, colour.
FLOOR = np.array([0.0066, 0.0033, 0.0033], np.float32)

#: Difference of a pixel in two frames that counts half against their likeness.
_APART = np.array([0.066, 0.033, 0.033], np.float32)

#: Share of the frames that a clear one is like; the pixels by which that is found.
_ALIKE, _FEW = 1 / 3, slice(None, None, 7)

#: Certain pixels beside the mouth from which something may stand before the face.
_LEAST = 18

#: Standard deviations beyond which a value is not believed, in the fit and in a frame.
_FAR = 3.0

#: The lowest level of a pixel, in standard deviations.
_LEVEL = 3.0

#: What is rarely exceeded, in units of what six frames of seven do not exceed: a thin occluder
#: that passes must not make itself usual.
_RARELY = 1.5

#: Strangeness of a pixel that is certainly not the face.
CERTAIN = 1.4

#: A frame with this share of certain pixels does not join the clear ones.
_COVERED = 0.06

#: The pixels by which a frame's weights are found.
_THIN = slice(None, None, 2)

_ROUNDS = 4
_FRAME_ROUNDS = 4
_LIGHT_ROUNDS = 3
_JOINS = 2


def opponent(picture: np.ndarray) -> np.ndarray:
    """An 8-bit RGB picture as lightness and two colour differences, float32, blurred a little."""
    values = cv2.GaussianBlur(picture, (0, 0), 0.8).astype(np.float32) / np.float32(255)
    return cv2.transform(values, _OPPONENT)


@dataclass(frozen=True)
class Appearance:
    """A fitted model.

    Attributes
    ----------
    area : np.ndarray [shape=(128, 128), dtype=bool]
        The pixels that are modelled, P of them.
    mean : np.ndarray [shape=(P, 3), dtype=float32]
    modes : np.ndarray [shape=(k, P, 3), dtype=float32]
        Orthonormal.
    spread : np.ndarray [shape=(P, 3), dtype=float32]
        Standard deviation of what the modes leave, at least :data:`FLOOR`.
    level : np.ndarray [shape=(P,), dtype=float32]
        Distance that a pixel rarely exceeds in frames that show the face clear.
    anchor : np.ndarray [shape=(P,), dtype=bool]
        Pixels that are rarely covered: cheeks and nose.
    """

    area: np.ndarray
    mean: np.ndarray
    modes: np.ndarray
    spread: np.ndarray
    level: np.ndarray
    anchor: np.ndarray

    @cached_property
    def _places(self) -> np.ndarray:
        """The area's pixels as indices: reading by them is several times as fast as by a mask."""
        return np.flatnonzero(self.area)

    @cached_property
    def _thinned(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """At every other pixel, channel by channel: modes in standard deviations, what makes
        values such (mean and factor), and the anchor.
        """
        basis = (self.modes / self.spread)[:, _THIN].transpose(0, 2, 1)
        factor = (1 / self.spread)[_THIN].T
        return (
            np.ascontiguousarray(basis),
            np.ascontiguousarray(self.mean[_THIN].T),
            np.ascontiguousarray(factor),
            self.anchor[_THIN].astype(np.float32),
        )

    def explain(self, values: np.ndarray) -> np.ndarray:
        """The face that the model sees behind whatever a frame shows.

        Parameters
        ----------
        values : np.ndarray [shape=(P, 3), dtype=float32]
            A normalised picture's pixels, see :func:`opponent`.

        Returns
        -------
        np.ndarray [shape=(P, 3), dtype=float32]

        Notes
        -----
        Weights by the modes are found by iteratively reweighted least
        squares (Geman-McClure weights), begun with the anchor alone: pixels
        that do not fit count little.
        """
        if not len(self.modes):
            return self.mean.copy()
        basis, mean, factor, weight = self._thinned
        count = len(basis)
        flat = basis.reshape(count, -1)
        target = ((values[_THIN].T - mean) * factor).reshape(-1)
        prior = np.eye(count, dtype=np.float32)
        amount = np.zeros(count, np.float32)
        for round_ in range(_FRAME_ROUNDS):
            if round_:
                red, green, blue = np.square(target - amount @ flat).reshape(3, -1)
                weight = 1 / np.square(1 + (red + green + blue) / np.float32(3 * _FAR**2))
            weighted = (basis * weight).reshape(count, -1)
            amount = np.linalg.solve(weighted @ flat.T + prior, weighted @ target)
        return self.mean + (amount @ self.modes.reshape(count, -1)).reshape(-1, 3)

    def strangeness(self, values: np.ndarray, explained: np.ndarray) -> np.ndarray:
        """How far each pixel is from the face ``[shape=(P,)]``; 1 is the pixel's level."""
        return np.sqrt(squared((values - explained) / self.spread)) / self.level

    def picture(self, values: np.ndarray, fill: float = 0.0) -> np.ndarray:
        """Values of the area's pixels as a picture of 128."""
        result = np.full((SMALL * SMALL, *values.shape[1:]), fill, np.float32)
        # a pixel's channels as one item: twice as fast as value by value
        pixel = np.dtype((np.void, result[0].nbytes))
        placed = np.ascontiguousarray(values, np.float32).view(pixel)
        result.view(pixel).reshape(-1)[self._places] = placed.reshape(-1)
        return result.reshape(SMALL, SMALL, *values.shape[1:])

    def pixels(self, picture: np.ndarray) -> np.ndarray:
        """The area's pixels of a picture of 128."""
        flat = picture.reshape(SMALL * SMALL, *picture.shape[2:])
        result: np.ndarray = np.take(flat, self._places, axis=0)
        return result


def fit(
    pictures: np.ndarray,
    area: np.ndarray,
    cheeks: np.ndarray,
    mouth: np.ndarray,
) -> tuple[Appearance, np.ndarray]:
    """Fit the model to normalised pictures of a shot.

    What many frames show alike is taken for the face: what passes before it
    makes a frame unlike the others, wherever it stands. First a model is made
    of the half of the frames that are most like a third of the others; it
    then tells which of the rest may join.

    Parameters
    ----------
    pictures : np.ndarray [shape=(n, 128, 128, 3), dtype=uint8]
    area : np.ndarray [shape=(128, 128), dtype=bool]
        What is to be modelled.
    cheeks : np.ndarray [shape=(128, 128), dtype=bool]
        Skin above it that is rarely covered.
    mouth : np.ndarray [shape=(128, 128), dtype=bool]
        Where the mouth's inside may show: it says nothing about a frame.

    Returns
    -------
    model : Appearance
    certain : np.ndarray [shape=(n,), dtype=int]
        How many pixels beside the mouth are certainly not the face in each frame, less the
        few that any frame may have.
    """
    data = np.stack([opponent(p)[area] for p in pictures])
    telling = ~mouth[area]
    excess = _unlike(data[:, telling][:, _FEW], np.argwhere(area)[telling][_FEW])
    clear = excess <= max(np.median(excess), np.sort(excess)[min(9, len(excess) - 1)])
    model, strange = _fit(data, area, cheeks, clear)
    for _ in range(_JOINS):
        joined = clear | ((strange[:, telling] > CERTAIN).mean(1) < _COVERED)
        if joined.sum() == clear.sum():
            break
        clear = joined
        model, strange = _fit(data, area, cheeks, clear)
    certain = np.count_nonzero(strange[:, telling] > CERTAIN, axis=1)
    return model, np.maximum(certain - _LEAST, 0)


def _unlike(data: np.ndarray, where: np.ndarray) -> np.ndarray:
    """How unlike each frame is to those that it is most like, whatever the light.

    Parameters
    ----------
    data : np.ndarray [shape=(n, P, 3)]
    where : np.ndarray [shape=(P, 2)]
        The pixels' places.

    Returns
    -------
    np.ndarray [shape=(n,)]
    """
    count = len(data)
    plane = np.c_[np.ones(len(where)), where / SMALL - 0.5].astype(np.float32)
    off = data - np.median(data, axis=0)
    for frame in off:  # the light's change, a plane over the face
        weight = np.ones(len(where), np.float32)
        for _ in range(_LIGHT_ROUNDS):
            weighted = plane * weight[:, None]
            left = frame - plane @ np.linalg.solve(weighted.T @ plane, weighted.T @ frame)
            weight = 1 / (1 + squared(left / _APART))
        frame[:] = left
    apart = np.empty((count, count), np.float32)
    for i, frame in enumerate(off):
        away = squared((off - frame) / _APART)
        apart[i] = (away / (1 + away)).mean(1)
    near = min(max(int(_ALIKE * count), 10), count - 1)
    result: np.ndarray = np.sort(apart, axis=1)[:, 1 : near + 1].mean(1)
    return result


def _fit(
    data: np.ndarray, area: np.ndarray, anchor: np.ndarray, clear: np.ndarray
) -> tuple[Appearance, np.ndarray]:
    """The model of clear frames, and how strange all frames are to it."""
    mean = np.median(data[clear], axis=0)
    off = data[clear] - mean
    count, size = len(off), off[0].size
    spread = _spread(off, area)
    cleaned = np.where(np.abs(off) < _FAR * spread, off, 0)
    modes = np.zeros((0, size), np.float32)
    rank = min(MODES, count // FRAMES_PER_MODE)
    for _ in range(_ROUNDS if rank else 0):
        flat = (cleaned / spread).reshape(count, -1)
        _, vectors = np.linalg.eigh(flat @ flat.T)
        top = vectors[:, ::-1][:, :rank]
        amounts = top.T @ flat
        # a mode as long as one standard deviation of its amounts in the shot
        modes = (amounts / np.sqrt(count)).reshape(rank, -1, 3) * spread
        fitted = (top @ amounts).reshape(off.shape) * spread
        spread = _spread(off - fitted, area)
        cleaned = np.where(np.abs(off - fitted) < _FAR * spread, off, fitted)
    model = Appearance(
        area,
        mean.astype(np.float32),
        modes.reshape(len(modes), -1, 3).astype(np.float32),
        spread,
        np.ones(len(mean), np.float32),
        anchor[area],
    )
    strange = np.stack([model.strangeness(d, model.explain(d)) for d in data])
    often = np.percentile(strange[clear], 85, axis=0)
    high = model.picture((_RARELY * often).astype(np.float32))
    high = cv2.GaussianBlur(cv2.dilate(high, np.ones((5, 5), np.uint8)), (0, 0), 2.0)
    level = np.clip(high[area], _LEVEL, None)
    return replace(model, level=level), strange / level


def _spread(off: np.ndarray, area: np.ndarray) -> np.ndarray:
    """Robust standard deviation of each pixel, not below its neighbours'."""
    own = 1.4826 * np.median(np.abs(off), axis=0)
    picture = np.zeros((*area.shape, 3), np.float32)
    picture[area] = own
    around = cv2.dilate(picture, np.ones((3, 3), np.uint8))
    around = cv2.GaussianBlur(around, (0, 0), 1.0)
    return np.maximum(np.maximum(own, around[area]), FLOOR).astype(np.float32)
