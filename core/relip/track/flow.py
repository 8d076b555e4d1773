"""How the points of a face move from one frame to the next, by optical flow.

The flow starts from the face of the frame before and knows nothing of the
landmarks of the new one, so it serves three purposes: it says where to look
for the face, it corrects the alignment's jitter (:mod:`relip.track.stabilise`),
and where landmarks move and the picture does not follow, one of them is wrong
(:mod:`relip.track.confidence`).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from relip.track import geometry, points
from relip.track.picture import Look

#: Lucas-Kanade window as a share of the face width, and the limit of the
#: forward-backward error that a point may show, in pixels.
WINDOW = 0.14
ERROR = 0.5
MIN_POINTS = 6

#: Where the search for a point ends: rounds, and the step in pixels. The way back must only tell
#: whether it ends within :data:`ERROR`.
_THERE = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 0.003)
_BACK = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 10, 0.03)

#: Faces wider than this are reduced before the flow: its precision is a few
#: hundredths of a pixel whatever the size, its time goes with the area.
WIDEST = 240.0

#: Points on the nose around which wide windows settle its motion, the windows' share of the face
#: width, and how far they may move it.
SETTLED = (195, 4, 2, 48, 278)
WIDE, FAR = 0.3, 0.03

#: The points followed, by region: alignment, lips, jaw.
REGIONS = (points.NOSE, points.OUTER_LIPS[::2], points.JAW[2:15:2])
ALL = tuple(index for region in REGIONS for index in region)
_N = len(points.NOSE)


@dataclass(frozen=True)
class Flow:
    """Points of a face followed from one frame to the next.

    Attributes
    ----------
    start, there : np.ndarray [shape=(n, 2)]
        Places of the landmarks :data:`ALL` in both frames, in pixels.
    good : np.ndarray [shape=(n,), dtype=bool]
        Followed there and back to within :data:`ERROR`.
    motion : np.ndarray [shape=(2, 3)] or None
        Similarity of the nose; None when too few points were followed.
    """

    start: np.ndarray
    there: np.ndarray
    good: np.ndarray
    motion: np.ndarray | None

    def disagreement(self, face: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How far the landmarks of the second frame are from where the flow went, by region.

        Returns
        -------
        away : np.ndarray [shape=(3,)]
            Median distance in face widths over the points followed; NaN where
            none was.
        followed : np.ndarray [shape=(3,)]
            Share of the points that were.
        """
        apart = np.linalg.norm(face[list(ALL), :2] - self.there, axis=1) / points.face_width(face)
        away, followed, first = np.full(3, np.nan), np.zeros(3), 0
        for i, region in enumerate(REGIONS):
            use = self.good[first : first + len(region)]
            if use.any():
                away[i] = geometry.median(apart[first : first + len(region)][use])
            followed[i] = use.mean()
            first += len(region)
        return away, followed


def follow(
    before: Look, after: Look, face: np.ndarray, guess: np.ndarray | None = None
) -> Flow | None:
    """Follow a face's points by pyramidal Lucas-Kanade flow.

    Parameters
    ----------
    before, after : np.ndarray [shape=(height, width) or (height, width, 3), dtype=uint8]
        Grey or RGB pictures of two neighbouring frames.
    face : np.ndarray [shape=(478, 3)]
        Landmarks in the first, in pixels.
    guess : np.ndarray [shape=(478, 3)], optional
        Where the search starts; by default where the face was.

    Returns
    -------
    Flow or None
        None when the face lies outside the picture.
    """
    guess = face if guess is None else guess
    width = points.face_width(face)
    both = np.concatenate([face[:, :2], guess[:, :2]])
    margin = 8 + 0.25 * width
    x0, y0 = np.clip(np.floor(both.min(0) - margin), 0, None).astype(int)
    x1, y1 = np.minimum(np.ceil(both.max(0) + margin), [before.shape[1], before.shape[0]]).astype(
        int
    )
    if x1 - x0 < 16 or y1 - y0 < 16:
        return None
    a, b = _grey(before[y0:y1, x0:x1]), _grey(after[y0:y1, x0:x1])
    scale = min(1.0, WIDEST / max(width, 1.0))
    if scale < 1:
        size = (max(round((x1 - x0) * scale), 16), max(round((y1 - y0) * scale), 16))
        a = cv2.resize(a, size, interpolation=cv2.INTER_AREA)
        b = cv2.resize(b, size, interpolation=cv2.INTER_AREA)
    a, b = np.ascontiguousarray(a), np.ascontiguousarray(b)
    scale_xy = np.array([a.shape[1] / (x1 - x0), a.shape[0] / (y1 - y0)])
    side = int(np.clip(WINDOW * width * scale, 9, 61)) | 1

    def into(marks: np.ndarray) -> np.ndarray:
        own = (marks[list(ALL), :2] - [x0, y0]) * scale_xy - 0.5
        return np.ascontiguousarray(own, np.float32)

    def out(marks: np.ndarray) -> np.ndarray:
        return (marks.astype(float) + 0.5) / scale_xy + [x0, y0]

    start, first = into(face), into(guess)
    options = {
        "winSize": (side, side),
        "maxLevel": 2,
        "criteria": _THERE,
        "flags": cv2.OPTFLOW_USE_INITIAL_FLOW,
    }
    there, good, _ = cv2.calcOpticalFlowPyrLK(a, b, start, first.copy(), **options)
    # the way back starts as far off as the way there did, or it would find its start for nothing
    home = there - (first - start)
    options["criteria"] = _BACK
    back, good_back, _ = cv2.calcOpticalFlowPyrLK(b, a, there, home, **options)
    returned = np.linalg.norm(back - start, axis=1) < ERROR
    # a point without texture comes back by standing still; one that left the picture is no use
    inside = ((there > 1) & (there < [a.shape[1] - 2, a.shape[0] - 2])).all(1)
    use = returned & inside & (good[:, 0] == 1) & (good_back[:, 0] == 1)
    origin, target = out(start), out(there)
    motion = None
    if use[:_N].sum() >= MIN_POINTS:
        nose = use[:_N]
        motion = geometry.fit_similarity_robust(origin[:_N][nose], target[:_N][nose])[0]
        # the motion in pixels of the reduced pieces
        whole = np.diag([*scale_xy, 1.0])
        whole[:2, 2] = -scale_xy * [x0, y0]
        own = whole @ np.vstack([motion, [0, 0, 1]]) @ np.linalg.inv(whole)
        marks = into(face)[[ALL.index(i) for i in SETTLED]]
        motion[:, 2] += _settle(a, b, marks, own[:2], width * scale) / scale_xy
    return Flow(origin, target, use, motion)


def _settle(
    before: np.ndarray, after: np.ndarray, marks: np.ndarray, motion: np.ndarray, width: float
) -> np.ndarray:
    """How much further the nose moved than its points did, in pixels ``[shape=(2,)]``.

    The small windows of the points follow each its own detail, compression
    noise included; a few windows as wide as the nose see the motion of all.
    The points' motion is undone first: so wide a window must not turn.
    """
    side = int(np.clip(WIDE * width, 9, 81)) | 1
    low = np.maximum(np.floor(marks.min(0)).astype(int) - side, 0)
    high = np.minimum(np.ceil(marks.max(0)).astype(int) + side, before.shape[1::-1])
    if (high - low < 16).any():
        return np.zeros(2)
    one = np.ascontiguousarray(before[low[1] : high[1], low[0] : high[0]])
    undone = geometry.compose(motion, np.array([[1.0, 0, low[0]], [0, 1.0, low[1]]]))
    other = cv2.warpAffine(
        after,
        geometry.for_opencv(undone),
        (one.shape[1], one.shape[0]),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    here = marks - low.astype(np.float32)
    found, good, _ = cv2.calcOpticalFlowPyrLK(
        one,
        other,
        here,
        here.copy(),
        winSize=(side, side),
        maxLevel=0,
        criteria=_THERE,
        flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
    )
    moved = (found - here).astype(float)
    if not good.all() or np.abs(moved).max() > max(FAR * width, 0.5):
        return np.zeros(2)
    result: np.ndarray = motion[:, :2] @ moved.mean(0)
    return result


def _grey(picture: np.ndarray) -> np.ndarray:
    return picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
