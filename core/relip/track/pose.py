"""Head pose as seen in the canonical crop: a few numbers per frame.

After the similarity alignment only turning and nodding are left in the rigid
points. Their first principal components say how the head is turned without
knowing about the mouth, so that lip and jaw lines can be split into what the
pose explains and what the speech explains.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d

from relip.track import geometry, points
from relip.track.facetrack import FaceTrack
from relip.track.stabilise import runs

COMPONENTS = 3

#: Zero-phase smoothing of the pose curves, Gaussian sigma in frames.
SMOOTH_FRAMES = 1.5

#: Ridge penalty, in units of one frame's evidence.
RIDGE = 3.0


def pose_curves(track: FaceTrack) -> np.ndarray:
    """Pose numbers ``[shape=(F, 3)]`` of zero mean and unit variance; 0 where not visible."""
    rows = np.flatnonzero(track.visible)
    rigid = list(points.RIGID)
    track = track.square  # depth is measured in its pixels
    scale = np.hypot(track.transform[rows, 0, 0], track.transform[rows, 1, 0])
    xy = geometry.apply(track.transform[rows], track.landmarks[rows][:, rigid, :2])
    z = track.landmarks[rows][:, rigid, 2] * scale[:, None]
    z = z - z.mean(1, keepdims=True)
    data = np.concatenate([xy.reshape(len(rows), -1), z], axis=1)
    data = data - data.mean(0)
    _, _, basis = np.linalg.svd(data, full_matrices=False)
    basis = basis[:COMPONENTS]
    basis = basis * np.sign(basis[np.arange(len(basis)), np.abs(basis).argmax(1)])[:, None]
    scores = data @ basis.T
    spread = scores.std(0)
    scores = scores / np.where(spread > 1e-9, spread, 1.0)
    result = np.zeros((len(track.frames), COMPONENTS))
    result[rows, : scores.shape[1]] = scores
    for first, last in visible_runs(track.visible, track.run):
        piece = slice(first, last + 1)
        result[piece] = gaussian_filter1d(result[piece], SMOOTH_FRAMES, axis=0, mode="nearest")
    return result


def visible_runs(visible: np.ndarray, run: np.ndarray | None = None) -> list[tuple[int, int]]:
    """First and last row of every unbroken stretch of visible frames; a cut breaks it too."""
    found = runs(visible)
    if run is None:
        return found
    result = []
    for first, last in found:
        starts = [first, *(first + 1 + np.flatnonzero(np.diff(run[first : last + 1])))]
        result += [
            (int(a), int(b) - 1) for a, b in zip(starts, [*starts[1:], last + 1], strict=True)
        ]
    return result


def ridge(inputs: np.ndarray, outputs: np.ndarray, penalty: float = RIDGE) -> np.ndarray:
    """Ridge regression through standardised inputs, without intercept.

    Parameters
    ----------
    inputs : np.ndarray [shape=(n, k)]
    outputs : np.ndarray [shape=(n, d)]
        Zero-mean.
    penalty : float

    Returns
    -------
    np.ndarray [shape=(k, d)]
    """
    gram = inputs.T @ inputs + penalty * np.eye(inputs.shape[1])
    return np.linalg.solve(gram, inputs.T @ outputs)
