"""How far a frame's landmarks can be believed, by region.

The landmark model places lips on a hand as readily as on a mouth, and its own
score says nothing about it. So belief comes from elsewhere: from what the
face looks like where it should look as in the rest of the shot, from the
optical flow that should go where the landmarks go, from the picture's
sharpness, and from how far the head is turned. Each gives 0 to 1, falling
linearly between the limits below, and a region's confidence is their product.
``bench/track.py`` measures what they are worth on faces damaged on purpose.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from relip.track import geometry, looks, points

#: The regions, in the order of :data:`relip.track.flow.REGIONS`.
REGIONS = ("alignment", "lips", "jaw")

#: Mean distance from the shot's median look, in the spread that each pixel has in the shot:
#: below the first all is well, above the second nothing is.
LOOK = (2.0, 4.0)

#: Distance between landmarks and flow in face widths.
FLOW = (0.015, 0.045)

#: Sharpness as a share of the shot's median sharpness of the region.
SHARP = (0.45, 0.15)

#: Turn and nod in degrees.
YAW = (45.0, 65.0)
PITCH = (38.0, 55.0)

#: A frame in which the face was not found, but carried over by flow, shows it if its alignment and
#: lips are believed this much.
BRIDGED_LIMIT = 0.3

#: Grey levels that every pixel may differ by.
_FLOOR = 7.0

#: Looks that the median and the spread are taken over, evenly chosen.
_SAMPLE = 160

#: Outlines of the regions in landmarks; their convex hulls are filled.
_HULLS = (
    (70, 105, 334, 300, 33, 263, 129, 358, 2, 168),
    (*points.OUTER_LIPS, 164, 18),
    (58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 205, 425),
)


@dataclass(frozen=True)
class Belief:
    """Confidence of every frame.

    Attributes
    ----------
    regions : np.ndarray [shape=(F, 3)]
        0 to 1 for :data:`REGIONS`; 0 where no face is.
    overall : np.ndarray [shape=(F,)]
        The lowest of the three.
    angles : np.ndarray [shape=(F, 3)]
        Yaw (to the picture's right positive), pitch (down positive) and roll
        (clockwise positive) in degrees; NaN where no face is.
    causes : np.ndarray [shape=(F, 3)]
        Which evidence was weakest: 0 look, 1 flow, 2 sharpness, 3 pose.
    """

    regions: np.ndarray
    overall: np.ndarray
    angles: np.ndarray
    causes: np.ndarray


def believe(
    landmarks: np.ndarray,
    seen: np.ndarray,
    template: np.ndarray,
    away: np.ndarray,
    followed: np.ndarray,
) -> Belief:
    """Confidence from what was seen.

    Parameters
    ----------
    landmarks : np.ndarray [shape=(F, 478, 3)]
        NaN where no face was found.
    seen : np.ndarray [shape=(F, SIDE, SIDE), dtype=uint8]
        Looks.
    template : np.ndarray [shape=(478, 2)]
        Where the person's first face lies in a look.
    away, followed : np.ndarray [shape=(F, 3)]
        See :meth:`relip.track.flow.Flow.disagreement`; of the flow that leads
        to each frame.

    Returns
    -------
    Belief
    """
    count = len(landmarks)
    visible = np.isfinite(landmarks[:, 0, 0])
    rows = np.flatnonzero(visible)
    regions, causes = np.zeros((count, 3)), np.zeros((count, 3), int)
    angles = np.full((count, 3), np.nan)
    if not len(rows):
        return Belief(regions, regions.min(1), angles, causes)
    angles[rows] = head_angles(landmarks[rows])
    look = _falling(look_residuals(landmarks, seen, template, rows), LOOK)
    sharp = _falling(-sharpness(landmarks, seen, template, rows), (-SHARP[0], -SHARP[1]))
    flow = _falling(_flow_evidence(away, followed)[rows], FLOW)
    turned = _falling(np.abs(angles[rows, 0]), YAW) * _falling(np.abs(angles[rows, 1]), PITCH)
    evidence = np.stack([look, flow, sharp, np.repeat(turned[:, None], 3, 1)])
    regions[rows] = evidence.prod(0)
    causes[rows] = evidence.argmin(0)
    return Belief(regions, regions.min(1), angles, causes)


def head_angles(landmarks: np.ndarray) -> np.ndarray:
    """Yaw, pitch and roll in degrees from landmarks ``[shape=(n, 478, 3)]``.

    Notes
    -----
    From two axes of the face in the landmarks' own space: from cheek to cheek
    (234, 454) and from the forehead to the chin (10, 152). A face that looks
    into the camera gives 0 within some degrees; MediaPipe's depth is an
    estimate, so far turns come out too small, and an open jaw nods a little.
    """
    right = landmarks[:, points.FACE_RIGHT] - landmarks[:, points.FACE_LEFT]
    down = landmarks[:, points.CHIN] - landmarks[:, points.FOREHEAD]
    yaw = np.arctan2(right[:, 2], np.hypot(right[:, 0], right[:, 1]))
    pitch = np.arctan2(down[:, 2], np.hypot(down[:, 0], down[:, 1]))
    roll = np.arctan2(right[:, 1], right[:, 0])
    return np.degrees(np.stack([yaw, pitch, roll], -1))


def region_masks(landmarks: np.ndarray, template: np.ndarray, rows: np.ndarray) -> list[np.ndarray]:
    """Where the regions lie in the looks, three of ``[shape=(SIDE, SIDE), dtype=bool]``."""
    pick = rows[:: max(1, len(rows) // 50)]
    placed = [
        geometry.apply(looks.to_look(landmarks[r], template), landmarks[r, :, :2]) for r in pick
    ]
    mean = np.median(placed, axis=0)
    masks = []
    for hull in _HULLS:
        outline = cv2.convexHull(np.round(mean[list(hull)] * 16).astype(np.int32))
        mask = np.zeros((looks.SIDE, looks.SIDE), np.uint8)
        cv2.fillConvexPoly(mask, outline, 1, shift=4)
        masks.append(mask > 0)
    masks[2] &= ~masks[1]
    return masks


def look_residuals(
    landmarks: np.ndarray, seen: np.ndarray, template: np.ndarray, rows: np.ndarray
) -> np.ndarray:
    """How strange each region looks in the shot ``[shape=(len(rows), 3)]``; about 0.8 is normal.

    The mean over the region of every pixel's distance from the shot's median,
    in its own robust spread, at most 8; exposure is fitted first.
    """
    masks = region_masks(landmarks, template, rows)
    face = masks[0] | masks[1] | masks[2]
    columns = np.flatnonzero(masks[2].any(0))
    edges = np.linspace(columns[0], columns[-1] + 1, 4).round().astype(int)
    thirds = [masks[2].copy() for _ in range(3)]
    for third, left, right in zip(thirds, edges, edges[1:], strict=False):
        third[:, :left] = third[:, right:] = False
    pick = rows[np.unique(np.linspace(0, len(rows) - 1, _SAMPLE).round().astype(int))]
    sample = np.stack([_soft(seen[r]) for r in pick])
    median = np.median(sample, axis=0)
    for i in range(len(sample)):
        sample[i] = _exposed_as(sample[i], median, face)
    median = np.median(sample, axis=0)
    spread = 1.4826 * np.median(np.abs(sample - median), axis=0) + _FLOOR
    del sample
    result = np.empty((len(rows), 3))
    for i, row in enumerate(rows):
        picture = _exposed_as(_soft(seen[row]), median, face)
        strange = np.minimum(np.abs(picture - median) / spread, 8.0)
        # the jaw goes from ear to ear: its strangest third counts, or a hand would drown in skin
        result[i] = [
            strange[masks[0]].mean(),
            strange[masks[1]].mean(),
            max(strange[third].mean() for third in thirds),
        ]
    return result


def sharpness(
    landmarks: np.ndarray, seen: np.ndarray, template: np.ndarray, rows: np.ndarray
) -> np.ndarray:
    """Each region's sharpness as a share of its median in the shot ``[shape=(len(rows), 3)]``."""
    masks = region_masks(landmarks, template, rows)
    values = np.empty((len(rows), 3))
    for i, row in enumerate(rows):
        picture = cv2.GaussianBlur(seen[row].astype(np.float32), (0, 0), 0.8)
        edges = np.abs(cv2.Laplacian(picture, cv2.CV_32F))
        values[i] = [edges[mask].mean() for mask in masks]
    return values / np.maximum(np.median(values, axis=0), 1e-6)


def _flow_evidence(away: np.ndarray, followed: np.ndarray) -> np.ndarray:
    """Disagreement of a frame: the smaller of the flow that leads to it and from it, 0 unknown.

    A landmark that is wrong in one frame disagrees on both sides; a point
    that is new in the next frame on one only.
    """
    there = np.where((followed >= 0.3) & np.isfinite(away), away, np.nan)
    onwards = np.concatenate([there[1:], np.full((1, 3), np.nan)])
    both = np.fmin(there, onwards)
    return np.where(np.isfinite(both), both, 0.0)


def _soft(look: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(look.astype(np.float32), (0, 0), 1.5)


def _exposed_as(picture: np.ndarray, median: np.ndarray, face: np.ndarray) -> np.ndarray:
    """The picture with the gain and offset that make most of the face the median's."""
    x, y = picture[face].astype(np.float64), median[face].astype(np.float64)
    weight = np.ones_like(x)
    gain, offset = 1.0, 0.0
    for _ in range(5):
        total = weight.sum()
        mx, my = (weight * x).sum() / total, (weight * y).sum() / total
        dx = x - mx
        gain = float((weight * dx * (y - my)).sum() / max((weight * dx * dx).sum(), 1e-6))
        gain = float(np.clip(gain, 0.5, 2.0))
        offset = float(my - gain * mx)
        rest = np.abs(gain * x + offset - y)
        scale = max(1.4826 * float(np.median(rest)), 2.0)
        weight = 1 / (1 + (rest / (2 * scale)) ** 2)
    return picture * gain + offset


def _falling(values: np.ndarray, limits: tuple[float, float]) -> np.ndarray:
    good, bad = limits
    return np.clip((bad - values) / (bad - good), 0, 1)
