"""Line calibration: the network's lips are found again where they were asked for.

A tracker that measures the lips of a drawn picture does not find them quite
where the lines said: the picture is softer than the plate, and the tracker
leans on what it sees around. Most of that error is the same from frame to
frame or follows the shape and place of the mouth, so it can be learned from
frames that the network was trained on, and taken off the lines before they
are drawn. Not all of it is: a soft edge is found elsewhere than a sharp one at the
same place, and lines moved by all of the error lie closer to the plate's landmarks,
but the picture no closer to the plate. On held-out frames of a seated speaker
(every fifth; a network that was trained with noise on its lines): none 0.433 % of
the face width and 30.63 dB, a third 0.416 and 30.66, 0.6 0.404 and 30.66, all 0.394
and 30.64; on the demo plate 0.185 and 30.80 with a third, 0.175 and 30.69 with all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from relip.render import rig

#: Ridge on the standardised features, in frames' worth of doubt.
DOUBT = 10.0

#: Share of the error that is taken off.
STRENGTH = 0.6

#: Fewer frames than this teach nothing.
MIN_FRAMES = 8

#: An error is taken for at most this much (1.5 % of the face width): beyond it the tracker is lost.
LIMIT = 0.015 * rig.UNIT

#: Features are held within this many standard deviations of the frames measured.
REACH = 2.5

#: Points of the lips among the line points.
N_LIPS = rig.N_OUTER + rig.N_INNER


@dataclass(frozen=True)
class Calibration:
    """Offsets of the lip points, linear in the mouth's opening, width and place.

    Lines are in window units: window pixels over the crop's size.

    Attributes
    ----------
    centre, spread : np.ndarray [shape=(4,)]
        Mean and standard deviation of the features over the frames measured.
    weights : np.ndarray [shape=(5, 80)]
        Error of the lip points at the mean, and per standard deviation.
    """

    centre: np.ndarray
    spread: np.ndarray
    weights: np.ndarray

    @classmethod
    def none(cls) -> Calibration:
        """A calibration that leaves lines as they are."""
        return cls(np.zeros(4), np.ones(4), np.zeros((5, 2 * N_LIPS)))

    @classmethod
    def fit(cls, lines: np.ndarray, errors: np.ndarray) -> Calibration:
        """Learn from frames that were drawn and measured.

        Parameters
        ----------
        lines : np.ndarray [shape=(n, 57, 2)]
            What was asked for, in window units.
        errors : np.ndarray [shape=(n, 40, 2)]
            Where the lips were found, less where the same tracker finds them
            in the plate, in window units.
        """
        if len(lines) < MIN_FRAMES:
            return cls.none()
        features = _features(lines)
        centre, spread = features.mean(0), np.maximum(features.std(0), 1e-4)
        design = np.c_[np.ones(len(lines)), (features - centre) / spread]
        doubt = DOUBT * np.diag([0.0, 1, 1, 1, 1])
        flat = np.clip(errors, -LIMIT, LIMIT).reshape(len(errors), -1)
        weights = STRENGTH * np.linalg.solve(design.T @ design + doubt, design.T @ flat)
        return cls(centre, spread, weights)

    def apply(self, lines: np.ndarray) -> np.ndarray:
        """Lines to draw so that the lips are found at ``lines`` ``[shape=(57, 2)]``.

        The inner lips are not let through one another, nor opened where they
        are closed.
        """
        features = np.clip((_features(lines[None])[0] - self.centre) / self.spread, -REACH, REACH)
        result = lines.copy()
        result[:N_LIPS] -= (np.r_[1.0, features] @ self.weights).reshape(N_LIPS, 2)
        upper, lower = rig.INNER_UPPER, rig.INNER_LOWER
        asked = lines[lower, 1] - lines[upper, 1]
        gap = result[lower, 1] - result[upper, 1]
        # between closed and barely open the correction of the gap comes in gradually
        share = np.clip(asked / (0.01 * rig.UNIT), 0, 1)
        move = (np.maximum(share * gap + (1 - share) * asked, np.minimum(asked, 0)) - gap) / 2
        result[upper, 1] -= move
        result[lower, 1] += move
        return result

    def tensors(self) -> dict[str, np.ndarray]:
        """Everything, by name, for the model file."""
        return {f"calibration.{k}": np.asarray(v, np.float64) for k, v in vars(self).items()}

    @classmethod
    def from_tensors(cls, tensors: dict[str, np.ndarray]) -> Calibration:
        """The inverse of :meth:`tensors`."""
        return cls(**{k: tensors[f"calibration.{k}"] for k in cls.__dataclass_fields__})


def _features(lines: np.ndarray) -> np.ndarray:
    """Opening, width and place of mouths ``[shape=(n, 57, 2)]``, as ``[shape=(n, 4)]``."""
    flat = lines.reshape(len(lines), -1)
    middle = lines[:, :N_LIPS].mean(1)
    return np.c_[flat @ rig.FEATURES[rig.OPENING], flat @ rig.FEATURES[rig.WIDTH], middle]
