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

import numpy as np
from scipy.ndimage import gaussian_filter1d

from relip.track import geometry, points
from relip.track.flow import follow

#: Side of the canonical crop in face widths, and room below the chin.
CROP_FACE_WIDTHS = 1.15
CHIN_ROOM = 0.24

#: The error's part slower than this (Gaussian sigma in frames) is left alone.
DRIFT_FRAMES = 6.0

#: Landmarks further than this from where those around have the nose, in crop units, are lost, and
#: say nothing of it: a hand that passes draws the mesh along, by a tenth of the face and more.
LOST = 0.03


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
    """How the nose moved between two frames, by optical flow.

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
    found = follow(before, after, face, face_after)
    return found.motion if found is not None else None


def align(
    landmarks: np.ndarray,
    visible: np.ndarray,
    motions: np.ndarray,
    shape: np.ndarray,
) -> np.ndarray:
    """Similarities from square coordinates to the canonical crop, corrected by flow.

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
        Square pixels to crop units; NaN where no face is visible.
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
    for first, last in runs(np.isfinite(change).all(1)):
        # change[first..last] links frames first-1..last
        error = np.concatenate([np.zeros((1, 2)), np.cumsum(change[first : last + 1], axis=0)])
        result[first - 1 : last + 1, :, 2] -= error - _slow(error)
    return result


def _slow(error: np.ndarray) -> np.ndarray:
    """The slow part of an error ``[shape=(F, 2)]``, without the frames whose landmarks are lost."""
    reach = round(DRIFT_FRAMES)
    beyond = np.full((reach, 2), np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(
        np.concatenate([beyond, error, beyond]), 2 * reach + 1, axis=0
    )
    kept = np.linalg.norm(error - np.nanmedian(windows, axis=-1), axis=1) <= LOST
    if kept.all() or not kept.any():
        slow: np.ndarray = gaussian_filter1d(error, DRIFT_FRAMES, axis=0, mode="nearest")
        return slow
    # the lost ones as their neighbours' mean (normalised convolution, Knutsson and Westin, 1993)
    weight = gaussian_filter1d(kept.astype(float), DRIFT_FRAMES, mode="nearest", truncate=8.0)
    held = np.where(kept[:, None], error, 0.0)
    total = gaussian_filter1d(held, DRIFT_FRAMES, axis=0, mode="nearest", truncate=8.0)
    return total / np.maximum(weight, 1e-12)[:, None]


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


def runs(flags: np.ndarray) -> list[tuple[int, int]]:
    """First and last index of every run of what is True."""
    edges = np.flatnonzero(np.diff(np.r_[False, flags, False].astype(int)))
    return [(int(a), int(b) - 1) for a, b in edges.reshape(-1, 2)]
