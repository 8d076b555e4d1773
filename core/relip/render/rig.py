"""The rig: mouth controls → lip and jaw lines, fitted on the shot's own face.

The lines of a shot vary for two reasons: the head turns, and the mouth moves.
A ridge regression on the pose takes the first away. What is left is described
by its mean and covariance, and lines for a wanted opening and width are their
Gaussian conditional expectation: the lines this actor's mouth shows, on
average, at that opening and width. Further controls (rolling the lower lip,
raising the upper) add what the shot's own variation knows of them. An actor who
keeps silent shows none of this: then what other actors' lips do is known beforehand.

Formula: ``E[x | Fx = f] = m + C Fᵀ (F C Fᵀ + n I)⁻¹ (f − F m)``, the
conditional mean of a multivariate normal (Bishop 2006, eq. 2.81), with the
linear features ``F`` below and observation noise ``n``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from relip.speech import MOUTH_CONTROLS
from relip.track import points, pose
from relip.track.facetrack import FaceTrack
from relip.track.stabilise import CROP_FACE_WIDTHS

#: The points of the lines: outer lips, inner lips, jaw.
LINE_POINTS = points.OUTER_LIPS + points.INNER_LIPS + points.JAW
N_OUTER = len(points.OUTER_LIPS)
N_INNER = len(points.INNER_LIPS)
N_LINES = len(LINE_POINTS)

#: One face width in crop units.
UNIT = 1.0 / CROP_FACE_WIDTHS

#: Observation noise of a feature in crop units (tracking noise, 0.1 % of the face width).
NOISE = 0.001 * UNIT

#: Openings in face widths: an actor whose full one is less than the first keeps silent, none is
#: taken to be more than the second.
MIN_FULL_OPENING = 0.06
MAX_FULL_OPENING = 0.22

#: How much narrower and wider every mouth is taken to become at least, in face widths.
_NARROW, _WIDE = 0.01, 0.01

#: Full opening, and how much narrower and wider the mouth becomes, of an actor who keeps silent:
#: opens less than :data:`MIN_FULL_OPENING`. Others' are 0.16 to 0.22, 0.01 to 0.04, 0.03 to 0.05.
SILENT_FULL_OPENING, SILENT_NARROW, SILENT_WIDE = 0.12, 0.03, 0.03

#: Standard deviations of his opening and width, in face widths, as others have them.
_USUAL_SPREAD = np.array([0.05, 0.015])

#: What an opening of 1 does, as the rigs of three talking actors have it: the middle of the upper
#: lip, that of the lower one, the corners and the chin go down by so much. And what a width of 1
#: more does: corners go up by so much.
_UPPER_DOWN, _LOWER_DOWN, _CORNER_DOWN, _CHIN_DOWN, _CORNER_UP = -0.13, 0.87, 0.22, 0.42, 0.25

#: Per cent of the frames that open less than what counts as the shot's full opening.
_WIDEST = 97

#: How far (standard deviations of the shot) the extra controls reach at 1.
EXTRA_REACH = 1.5

#: Opening below which a frame counts as closed, in face widths.
CLOSED = 0.012


def _feature_matrix() -> np.ndarray:
    """Linear features of the lines.

    Opening, width, lower-lip thickness, upper-lip height, lip height.
    """
    at = {p: i for i, p in enumerate(LINE_POINTS)}
    rows = np.zeros((5, N_LINES, 2))
    for upper, lower in points.INNER_PAIRS[1:4]:
        rows[0, at[lower], 1] += 1 / 3
        rows[0, at[upper], 1] -= 1 / 3
    rows[1, at[291], 0] += 1
    rows[1, at[61], 0] -= 1
    rows[2, at[17], 1] += 1
    rows[2, at[14], 1] -= 1
    rows[3, at[13], 1] -= 1
    rows[4, at[0], 1] -= 1
    return rows.reshape(5, -1)


FEATURES = _feature_matrix()
OPENING, WIDTH, THICKNESS, UPPER, HEIGHT = range(5)


#: Inner upper line without its corners, and the lower points that face them, left to right.
INNER_UPPER = slice(N_OUTER + 1, N_OUTER + 10)
INNER_LOWER = slice(N_OUTER + 19, N_OUTER + 10, -1)


@dataclass(frozen=True)
class Rig:
    """A fitted rig.

    Attributes
    ----------
    mean : np.ndarray [shape=(114,)]
        Mean lines without pose, in crop units.
    pose_weights : np.ndarray [shape=(3, 114)]
    gain : np.ndarray [shape=(114, 2)]
        Lines per opening and width.
    extra : np.ndarray [shape=(2, 114)]
        Directions of the lower lip's roll and the upper lip's raise.
    basis : np.ndarray [shape=(k, 114)]
        Principal components of the lines without pose, scaled to one
        standard deviation.
    levels : np.ndarray [shape=(6,)]
        Opening at rest, full opening, width at rest, narrow, wide, and mean
        opening, in crop units.
    """

    mean: np.ndarray
    pose_weights: np.ndarray
    gain: np.ndarray
    extra: np.ndarray
    basis: np.ndarray
    levels: np.ndarray

    def tensors(self) -> dict[str, np.ndarray]:
        """Everything, by name, for the model file."""
        return {f"rig.{k}": np.asarray(v, np.float64) for k, v in vars(self).items()}

    @classmethod
    def from_tensors(cls, tensors: dict[str, np.ndarray]) -> Rig:
        """The inverse of :meth:`tensors`."""
        names = cls.__dataclass_fields__
        return cls(**{k: np.asarray(tensors[f"rig.{k}"], np.float64) for k in names})

    def lines(self, controls: np.ndarray, pose_curves: np.ndarray) -> np.ndarray:
        """Lip and jaw lines for mouth controls.

        Parameters
        ----------
        controls : np.ndarray [shape=(F, 10)]
            In the order of :data:`relip.speech.MOUTH_CONTROLS`, 0-1.
        pose_curves : np.ndarray [shape=(F, 3)]
            From :func:`relip.track.pose.pose_curves`.

        Returns
        -------
        np.ndarray [shape=(F, 57, 2)]
            Crop units, in the order of :data:`LINE_POINTS`.
        """
        c = {name: controls[:, i] for i, name in enumerate(MOUTH_CONTROLS)}
        opening01 = np.clip(c["jawOpen"] * (1 - c["mouthClose"]), 0, 1)
        _, full, width_rest, narrow, wide, mean_opening = self.levels
        opening = opening01 * full
        rounding = np.clip(np.maximum(c["mouthPucker"], 0.6 * c["mouthFunnel"]), 0, 1)
        stretch = np.clip(c["mouthStretch"], 0, 1)
        width = width_rest + stretch * (wide - width_rest) - rounding * (width_rest - narrow)
        mean_width = float(FEATURES[WIDTH] @ self.mean)
        wanted = np.stack([opening - mean_opening, width - mean_width], -1)
        flat = self.mean + wanted @ self.gain.T
        roll = np.clip(c["mouthRollLower"], 0, 1)
        raised = np.clip(c["mouthUpperUp"], 0, 1)
        flat = flat + np.stack([roll, raised], -1) @ self.extra
        lines = flat.reshape(-1, N_LINES, 2)
        lines = _set_opening(lines, opening)
        return lines + (pose_curves @ self.pose_weights).reshape(-1, N_LINES, 2)

    def measure(self, lines: np.ndarray, pose_curves: np.ndarray) -> np.ndarray:
        """Opening control 0-1 of lines ``[shape=(F, 57, 2)]``: the inverse of :meth:`lines`."""
        flat = lines.reshape(len(lines), -1) - pose_curves @ self.pose_weights
        return flat @ FEATURES[OPENING] / self.levels[1]


def _set_opening(lines: np.ndarray, opening: np.ndarray) -> np.ndarray:
    """Make the inner lips open by exactly ``opening`` in the middle, and meet when it is 0.

    The conditional expectation gives the opening up to its noise term; a
    closure must be exact. Upper and lower inner points are moved towards or
    away from their middle by one factor, and with them the outer lips, so
    that the lips keep their thickness.
    """
    lines = lines.copy()
    upper, lower = INNER_UPPER, INNER_LOWER
    gaps = lines[:, lower, 1] - lines[:, upper, 1]
    current = lines.reshape(len(lines), -1) @ FEATURES[OPENING]
    profile = np.clip(gaps, 0, None)
    # a fixed, smooth profile takes over where the predicted gap is too small to scale
    x = np.linspace(-0.8, 0.8, 9)
    fallback = (1 - x**2) / np.mean(1 - x[3:6] ** 2)
    scaled = profile / np.maximum(current, 1e-9)[:, None]
    mix = np.clip(current / (0.02 * UNIT), 0, 1)[:, None]
    target = opening[:, None] * (mix * scaled + (1 - mix) * fallback)
    move = (target - gaps) / 2
    lines[:, upper, 1] -= move
    lines[:, lower, 1] += move
    outer_upper = slice(1, 10)
    outer_lower = slice(19, 10, -1)
    lines[:, outer_upper, 1] -= move
    lines[:, outer_lower, 1] += move
    return lines


def lip_edges(inner: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The upper and the lower edge of an opening, both from the left corner to the right.

    Parameters
    ----------
    inner : np.ndarray [shape=(20, 2)]
        The inner lips, in the order of :data:`relip.track.points.INNER_LIPS`.

    Returns
    -------
    tuple of np.ndarray [shape=(11, 2)]
    """
    return inner[:11], np.concatenate([inner[10:], inner[:1]])[::-1]


def track_lines(track: FaceTrack) -> np.ndarray:
    """The shot's own lines ``[shape=(F, 57, 2)]`` in crop units; NaN where not visible."""
    return track.canonical()[:, list(LINE_POINTS)]


def widest(track: FaceTrack, rows: np.ndarray) -> float:
    """How far the mouth opens in rows of a track, in face widths: 97 % of them open less."""
    lines = track_lines(track)[rows]
    openings = lines.reshape(len(rows), -1) @ FEATURES[OPENING]
    return float(np.percentile(openings, _WIDEST)) / UNIT


def fit(track: FaceTrack, rows: np.ndarray | None = None) -> Rig:
    """Fit the rig on a shot.

    Parameters
    ----------
    track : FaceTrack
    rows : np.ndarray of int, optional
        Rows of the track to learn from; by default all visible ones.

    Returns
    -------
    Rig
    """
    visible = np.flatnonzero(track.visible)
    rows = visible if rows is None else np.intersect1d(rows, visible)
    curves = pose.pose_curves(track)[rows]
    data = track_lines(track)[rows].reshape(len(rows), -1)
    centre = data.mean(0)
    # opening is regressed together with the pose, so that nodding while speaking is
    # not taken for speech nor speech for nodding
    opening = (data - centre) @ FEATURES[OPENING]
    spread = max(float(opening.std()), 1e-6)
    both = np.c_[curves, opening / spread]
    weights = pose.ridge(both, data - centre)[: curves.shape[1]]
    # facing inner-lip points rise and fall together with the pose, or a nod would open a closure
    moves = weights.reshape(len(weights), N_LINES, 2)
    facing = (moves[:, INNER_UPPER, 1] + moves[:, INNER_LOWER, 1]) / 2
    moves[:, INNER_UPPER, 1] = moves[:, INNER_LOWER, 1] = facing
    free = data - curves @ weights
    mean = free.mean(0)
    rest = free - mean
    _, singular, directions = np.linalg.svd(rest, full_matrices=False)
    keep = min(12, len(singular))
    basis = directions[:keep] * (singular[:keep] / np.sqrt(max(len(rows) - 1, 1)))[:, None]
    covariance = basis.T @ basis
    features = free @ FEATURES.T
    o, w = features[:, OPENING], features[:, WIDTH]
    full, narrower, wider = float(np.percentile(o, _WIDEST)), _NARROW, _WIDE
    if full < MIN_FULL_OPENING * UNIT:
        full, narrower, wider = SILENT_FULL_OPENING * UNIT, SILENT_NARROW, SILENT_WIDE
        usual = _usual_moves(mean) * (_USUAL_SPREAD * UNIT)[:, None]
        covariance = covariance + usual.T @ usual
    two = FEATURES[[OPENING, WIDTH]]
    gain = _conditional_gain(covariance, two)
    residual = covariance - gain @ two @ covariance
    extra = []
    for feature, sign in ((THICKNESS, -1.0), (UPPER, 1.0)):
        f = FEATURES[feature]
        variance = float(f @ residual @ f) + NOISE**2
        extra.append(sign * EXTRA_REACH * (residual @ f) / np.sqrt(variance))
    closed = o <= max(CLOSED * UNIT, float(np.percentile(o, 10)))
    width_rest = float(np.median(w[closed]))
    narrow = min(float(np.percentile(w, 3)), width_rest - narrower * UNIT)
    wide = max(float(np.percentile(w, 97)), width_rest + wider * UNIT)
    levels = np.array(
        [
            float(np.median(o[closed])),
            min(full, MAX_FULL_OPENING * UNIT),
            width_rest,
            narrow,
            wide,
            float(o.mean()),
        ]
    )
    return Rig(mean, weights, gain, np.stack(extra), basis, levels)


def _usual_moves(mean: np.ndarray) -> np.ndarray:
    """How the lines of other actors go with opening and width.

    Parameters
    ----------
    mean : np.ndarray [shape=(114,)]
        Lines of the silent face.

    Returns
    -------
    np.ndarray [shape=(2, 114)]
        Crop units per crop unit of opening, and of width.
    """
    lines = mean.reshape(N_LINES, 2)
    at = {p: i for i, p in enumerate(LINE_POINTS)}
    left, right, chin = (lines[at[p]] for p in (61, 291, points.CHIN))
    middle, half = (left + right) / 2, (right[0] - left[0]) / 2
    across = np.clip((lines[:, 0] - middle[0]) / half, -1, 1)
    down = np.zeros((N_LINES, 2))
    for part, moves in (
        ((points.OUTER_UPPER, points.INNER_UPPER), _UPPER_DOWN),
        ((points.OUTER_LOWER, points.INNER_LOWER), _LOWER_DOWN),
    ):
        rows = [at[p] for line in part for p in line]
        down[rows, 1] = moves + (_CORNER_DOWN - moves) * np.square(across[rows])
    # the jaw turns about a joint high at the ear: what is no lower than the mouth stays
    jaw = slice(N_OUTER + N_INNER, N_LINES)
    depth = np.clip((lines[jaw, 1] - middle[1]) / (chin[1] - middle[1]), 0, 1)
    down[jaw, 1] = _CHIN_DOWN * np.square(depth)
    out = np.zeros((N_LINES, 2))
    lips = slice(0, N_OUTER + N_INNER)
    out[lips, 0] = across[lips] / 2
    out[lips, 1] = -_CORNER_UP * np.square(across[lips])
    both = np.stack([down.ravel(), out.ravel()])
    # to the very unit: the profile between the points that are measured is not quite theirs
    scale = np.array([FEATURES[OPENING] @ both[0], FEATURES[WIDTH] @ both[1]])
    both /= scale[:, None]
    return both


def _conditional_gain(covariance: np.ndarray, features: np.ndarray) -> np.ndarray:
    seen = features @ covariance @ features.T + NOISE**2 * np.eye(len(features))
    return np.linalg.solve(seen, features @ covariance).T
