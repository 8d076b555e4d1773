"""Alignment of every frame to the canonical crop, with the flow correction.

The alignment is a similarity fitted to the landmarks of the rigid part of the
face. It is not smoothed over time: smoothing lags behind real head motion.
Its jitter is removed by optical flow instead. Between two neighbouring frames
Lucas-Kanade flow tells how the nose really moved; what the alignment says
differently is the change of its error. The error itself is that change summed
up, and only its fast part is used, since a sum of flow drifts slowly while
the landmarks jitter quickly but do not drift.
"""

from __future__ import annotations

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d

from relip.track import geometry, points

#: Side of the canonical crop in face widths, and room below the chin.
CROP_FACE_WIDTHS = 1.15
CHIN_ROOM = 0.24

#: Lucas-Kanade window as a share of the face width, and the limit of the
#: forward-backward error that a point may show, in pixels.
FLOW_WINDOW = 0.14
FLOW_ERROR = 0.5
FLOW_MIN_POINTS = 6

#: The error's part slower than this (Gaussian sigma in frames) is left alone.
DRIFT_FRAMES = 6.0


def reference_shape(landmarks: np.ndarray) -> tuple[np.ndarray, float]:
    """Mean shape of a shot in units of the canonical crop.

    Parameters
    ----------
    landmarks : np.ndarray [shape=(n, 478, 3)]
        Landmarks of the visible frames, in pixels.

    Returns
    -------
    shape : np.ndarray [shape=(478, 2)]
        Mean landmarks in the crop: (0, 0) its top-left, (1, 1) its
        bottom-right corner; eyes level.
    face_width : float
        Median face width in pixels.
    """
    rigid = landmarks[:, points.RIGID, :2]
    widths = np.linalg.norm(
        landmarks[:, points.FACE_RIGHT, :2] - landmarks[:, points.FACE_LEFT, :2], axis=1
    )
    mean = rigid[np.argsort(widths)[len(widths) // 2]]
    full = landmarks[0, :, :2]
    for _ in range(4):
        fits = np.stack([geometry.fit_similarity(r, mean) for r in rigid])
        aligned = geometry.apply(fits, landmarks[..., :2])
        full = np.median(aligned, axis=0)
        mean = full[list(points.RIGID)]
    eyes = full[[362, 263]].mean(0) - full[[33, 133]].mean(0)
    angle = np.arctan2(eyes[1], eyes[0])
    rotation = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    level = full @ rotation.T
    width = np.linalg.norm(level[points.FACE_RIGHT] - level[points.FACE_LEFT])
    level = level / (CROP_FACE_WIDTHS * width)
    centre = (level[points.FACE_LEFT, 0] + level[points.FACE_RIGHT, 0]) / 2
    centre = 0.5 * centre + 0.5 * level[list(points.OUTER_LIPS), 0].mean()
    bottom = level[points.CHIN, 1] + CHIN_ROOM / CROP_FACE_WIDTHS
    return level + np.array([0.5 - centre, 1.0 - bottom]), float(np.median(widths))


def nose_motion(
    before: np.ndarray, after: np.ndarray, face: np.ndarray, face_after: np.ndarray
) -> np.ndarray | None:
    """How the nose moved between two frames, by pyramidal Lucas-Kanade flow.

    Parameters
    ----------
    before, after : np.ndarray [shape=(height, width), dtype=uint8]
        Grey pictures of two neighbouring frames.
    face, face_after : np.ndarray [shape=(478, 3)]
        Their landmarks in pixels; the second starts the search.

    Returns
    -------
    np.ndarray [shape=(2, 3)] or None
        Similarity from ``before`` to ``after`` in pixels; None when too few
        points could be followed there and back.
    """
    low = np.floor(np.minimum(face[:, :2].min(0), face_after[:, :2].min(0))) - 8
    high = np.ceil(np.maximum(face[:, :2].max(0), face_after[:, :2].max(0))) + 8
    x0, y0 = np.clip(low, 0, None).astype(int)
    x1, y1 = np.minimum(high, [before.shape[1], before.shape[0]]).astype(int)
    if x1 - x0 < 16 or y1 - y0 < 16:
        return None
    a = np.ascontiguousarray(before[y0:y1, x0:x1])
    b = np.ascontiguousarray(after[y0:y1, x0:x1])
    width = np.linalg.norm(face[points.FACE_RIGHT, :2] - face[points.FACE_LEFT, :2])
    side = int(np.clip(FLOW_WINDOW * width, 9, 61)) | 1
    origin = np.array([x0 + 0.5, y0 + 0.5])
    start = np.ascontiguousarray(face[list(points.NOSE), :2] - origin, np.float32)
    guess = np.ascontiguousarray(face_after[list(points.NOSE), :2] - origin, np.float32)
    options = {
        "winSize": (side, side),
        "maxLevel": 2,
        "criteria": (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 0.003),
        "flags": cv2.OPTFLOW_USE_INITIAL_FLOW,
    }
    there, good, _ = cv2.calcOpticalFlowPyrLK(a, b, start, guess.copy(), **options)
    # the way back starts as far off as the way there did, or it would find its start for nothing
    home = there - (guess - start)
    back, good_back, _ = cv2.calcOpticalFlowPyrLK(b, a, there, home, **options)
    returned = np.linalg.norm(back - start, axis=1) < FLOW_ERROR
    use = returned & (good[:, 0] == 1) & (good_back[:, 0] == 1)
    if use.sum() < FLOW_MIN_POINTS:
        return None
    motion, _ = geometry.fit_similarity_robust(
        start[use].astype(float) + origin, there[use].astype(float) + origin
    )
    return motion


def align(
    landmarks: np.ndarray,
    visible: np.ndarray,
    motions: np.ndarray,
    shape: np.ndarray,
) -> np.ndarray:
    """Similarities from the plate to the canonical crop, corrected by flow.

    Parameters
    ----------
    landmarks : np.ndarray [shape=(F, 478, 3)]
        Landmarks in pixels.
    visible : np.ndarray [shape=(F,), dtype=bool]
    motions : np.ndarray [shape=(F, 2, 3)]
        ``motions[t]`` is :func:`nose_motion` from frame t − 1 to t; NaN where
        it is not known.
    shape : np.ndarray [shape=(478, 2)]
        From :func:`reference_shape`.

    Returns
    -------
    np.ndarray [shape=(F, 2, 3)]
        Plate pixels to crop units; NaN where no face is visible.
    """
    rigid = list(points.RIGID)
    result = np.full((len(landmarks), 2, 3), np.nan)
    for t in np.flatnonzero(visible):
        result[t] = geometry.fit_similarity(landmarks[t, rigid, :2], shape[rigid])
    nose = shape[list(points.NOSE)].mean(0, keepdims=True)
    change = np.full((len(landmarks), 2), np.nan)
    for t in range(1, len(landmarks)):
        if visible[t] and visible[t - 1] and np.isfinite(motions[t]).all():
            # where the nose of frame t-1 lands in the crop of frame t
            on_plate = geometry.apply(geometry.invert(result[t - 1]), nose)
            moved = geometry.apply(motions[t], on_plate)
            change[t] = (geometry.apply(result[t], moved) - nose)[0]
    for first, last in _runs(np.isfinite(change).all(1)):
        # change[first..last] links frames first-1..last
        error = np.concatenate([np.zeros((1, 2)), np.cumsum(change[first : last + 1], axis=0)])
        fast = error - gaussian_filter1d(error, DRIFT_FRAMES, axis=0, mode="nearest")
        result[first - 1 : last + 1, :, 2] -= fast
    return result


def residual_jitter(transforms: np.ndarray, motions: np.ndarray, shape: np.ndarray) -> float:
    """What flow still sees of alignment jitter: RMS of one axis, in crop units per frame / √2."""
    nose = shape[list(points.NOSE)].mean(0, keepdims=True)
    errors = []
    for t in range(1, len(transforms)):
        if np.isfinite(transforms[t - 1 : t + 1]).all() and np.isfinite(motions[t]).all():
            moved = geometry.apply(
                motions[t], geometry.apply(geometry.invert(transforms[t - 1]), nose)
            )
            errors.append((geometry.apply(transforms[t], moved) - nose)[0])
    return float(np.sqrt(np.mean(np.square(errors)) / 2)) if errors else 0.0


def _runs(flags: np.ndarray) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.r_[False, flags, False].astype(int)))
    return [(int(a), int(b) - 1) for a, b in edges.reshape(-1, 2)]
