"""The nose of every frame against the mean of its neighbours: flow made steadier.

Flow compares two frames, each with its own noise of grain and compression, and what it gets
wrong adds up over the frames between two sights of the same nose. Here every frame's nose is laid
over the mean of those in the frames around it, which has little noise, and its motions are
corrected by what is seen. No path is smoothed: a head that jerks is at its place in every frame,
for the noses are compared where landmarks and flow have laid them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d

from relip.track import geometry, points
from relip.track.finder import cut
from relip.track.picture import Look
from relip.track.stabilise import DRIFT_FRAMES, runs

#: A patch's side in pixels, and how many of them are a face width.
SIDE, SCALE = 80, 160.0

#: Standard deviation of the weight around the middle, in face widths. Set on pictures of known
#: motion, coded as clips are: wider is steadier, and follows the cheeks where a head turns.
SPREAD = 0.12

#: Frames on each side whose mean a frame is compared with, and how often that is done.
AROUND, ROUNDS = 5, 3

#: A correction larger than this share of the face width is none.
FAR = 0.03

#: Where the mean of the others explains less than this share of a patch, it shows something else.
ALIKE = 0.5

#: Taps of the interpolation on each side.
_TAPS = 3


def take(picture: Look, face: np.ndarray, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The patch around the nose of a face.

    Parameters
    ----------
    picture : np.ndarray [shape=(height, width, 3), dtype=uint8] or Shown
    face : np.ndarray [shape=(478, 3)]
        Landmarks in pixels.
    own : np.ndarray [shape=(478, 2)]
        The person's template, in any units.

    Returns
    -------
    patch : np.ndarray [shape=(SIDE, SIDE), dtype=uint8]
    to_patch : np.ndarray [shape=(2, 3)]
        Similarity from the picture to the patch.
    """
    rigid = list(points.RIGID)
    shape = own * (SCALE / points.face_width(own))
    shape = shape + (SIDE / 2 - shape[list(points.NOSE)].mean(0))
    to_patch = geometry.fit_similarity(face[rigid, :2], shape[rigid])
    return cv2.cvtColor(cut(picture, to_patch, SIDE), cv2.COLOR_RGB2GRAY), to_patch


def refined(motions: np.ndarray, patches: Sequence[np.ndarray], to_patch: np.ndarray) -> np.ndarray:
    """Motions corrected by the patches of the frames around each.

    Parameters
    ----------
    motions : np.ndarray [shape=(F, 2, 3)]
        Of the nose since the frame before; NaN where unknown.
    patches : sequence of F np.ndarray [shape=(SIDE, SIDE), dtype=uint8]
        From :func:`take`; not looked at where there is no face.
    to_patch : np.ndarray [shape=(F, 2, 3)]
        NaN where there is no face.

    Returns
    -------
    np.ndarray [shape=(F, 2, 3)]
    """
    result = motions.copy()
    linked = np.isfinite(motions).all((1, 2)) & np.isfinite(to_patch).all((1, 2))
    linked[1:] &= np.isfinite(to_patch[:-1]).all((1, 2))
    linked[:1] = False
    for first, last in runs(linked):
        run = slice(first - 1, last + 1)  # the frames that these motions link
        where = _path(motions[run], to_patch[run])
        start = where - gaussian_filter1d(where, DRIFT_FRAMES, axis=0, mode="nearest")
        more = _register(patches[run], start) - start
        more[np.abs(more).max(1) > FAR * SCALE] = 0
        for row in range(first, last + 1):
            back = geometry.invert(to_patch[row])[:, :2]
            result[row, :, 2] += back @ (more[row - first + 1] - more[row - first])
    return result


def _path(motions: np.ndarray, to_patch: np.ndarray) -> np.ndarray:
    """Where the flow takes the first frame's nose, from the patches' middles ``[shape=(F, 2)]``."""
    middle = np.full((1, 2), SIDE / 2)
    steps = np.zeros((len(motions), 2))
    for t in range(1, len(motions)):
        on_plate = geometry.apply(geometry.invert(to_patch[t - 1]), middle)
        steps[t] = (geometry.apply(to_patch[t], geometry.apply(motions[t], on_plate)) - middle)[0]
    path: np.ndarray = np.cumsum(steps, axis=0)
    return path


def _register(patches: Sequence[np.ndarray], start: np.ndarray) -> np.ndarray:
    """Where the noses lie in a run's patches, from their middles ``[shape=(F, 2)]``."""
    place = start
    for _ in range(ROUNDS):
        before, place = place, place.copy()
        laid: dict[int, np.ndarray] = {}
        for t in range(len(patches)):
            low, end = max(t - AROUND, 0), min(t + AROUND + 1, len(patches))
            laid.pop(low - 1, None)
            for other in range(low, end):
                if other not in laid:
                    laid[other] = _shifted(patches[other], before[other])
            mean = np.mean([laid[other] for other in range(low, end) if other != t], axis=0)
            place[t] += _offset(laid[t], mean)
    return place


def _shifted(patch: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """``patch(x + shift)`` ``[dtype=float32]``: OpenCV's own warps know 32 steps of a pixel."""
    kernels = []
    for each in np.clip(shift, -SIDE / 4, SIDE / 4):
        half = math.ceil(abs(each)) + _TAPS
        away = np.arange(-half, half + 1) - each
        kernel = np.where(np.abs(away) < _TAPS, np.sinc(away) * np.sinc(away / _TAPS), 0)
        kernels.append((kernel / kernel.sum()).astype(np.float32))
    result: np.ndarray = cv2.sepFilter2D(
        patch, cv2.CV_32F, kernels[0], kernels[1], borderType=cv2.BORDER_REPLICATE
    )
    return result


_SLOPE = np.array([1, -8, 0, 8, -1], np.float32) / 12
_ONE = np.ones(1, np.float32)
_X, _Y = (axis.astype(np.float32) - (SIDE - 1) / 2 for axis in np.indices((SIDE, SIDE))[::-1])
_WHOLE = np.exp(-(_X**2 + _Y**2) / (2 * (SPREAD * SCALE) ** 2)).reshape(-1)
#: The pixels whose weight counts, and it.
_INSIDE = np.flatnonzero(_WHOLE > 0.04)
_WEIGHT = _WHOLE[_INSIDE]


def _offset(patch: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """How far what is in the mean's middle lies from it in the patch ``[shape=(2,)]``.

    One step of Gauss and Newton for a similarity, a gain and an offset of the light (Lucas and
    Kanade, 1981): without them a head that comes nearer, turns in the plane or is lit otherwise
    would seem to move. The slopes are the mean's, which has no noise to weaken them.
    """
    across = cv2.sepFilter2D(mean, -1, _SLOPE, _ONE, borderType=cv2.BORDER_REPLICATE)
    down = cv2.sepFilter2D(mean, -1, _ONE, _SLOPE, borderType=cv2.BORDER_REPLICATE)
    model = np.stack([
        across, down, across * _X + down * _Y, down * _X - across * _Y, mean, np.ones_like(mean),
    ]).reshape(6, -1)[:, _INSIDE]  # fmt: skip
    seen = patch.reshape(-1)[_INSIDE]
    # from the middle of the tones, where single precision is enough
    level = np.float32(_WEIGHT @ model[4] / _WEIGHT.sum())
    model[4] -= level
    difference = (seen - level) - model[4]
    weighed = model * _WEIGHT
    try:
        found = np.linalg.solve(
            (weighed @ model.T).astype(float), (weighed @ difference).astype(float)
        )
    except np.linalg.LinAlgError:
        return np.zeros(2)  # nothing but one tone
    left = _WEIGHT @ (difference - found.astype(np.float32) @ model) ** 2
    whole = _WEIGHT @ (seen - _WEIGHT @ seen / _WEIGHT.sum()) ** 2
    if not np.isfinite(found).all() or left > (1 - ALIKE) * whole:
        return np.zeros(2)
    return -found[:2]
