"""The hands that stand before the face, and their rims."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from relip.mask import growth
from relip.mask.coverage import disc
from relip.mask.groups import LEAST
from relip.mask.growth import CUT
from relip.mask.hands import drawn, size_of
from relip.mask.likelihood import as_occluder

#: The share of a hand's pixels that is suspect at least where it stands before the face, and the
#: share that a second hand has in common with the first at most.
_HAND_STRANGE, _SAME_HAND = 0.2, 0.3

#: Size of a hand in crop units that stands before its own face: it is nearer. A smaller one must be
#: found in so many pictures at one place: a microphone is taken for one now and then. A find that
#: no other picture shares must explain so much of what is suspect: a neck that turns away is now
#: and then taken for a hand, which explains a tenth of it.
_LIFE_SIZE, _AGREED, _SAME_FIND, _ALONE = 0.45, 3, 0.5, 0.15

#: Between fingers this far apart (half of it) lies no face; how far a hand's rim may lie from where
#: its points have it (pixels of 128), and the log-likelihood ratio of a hand well inside.
_BETWEEN, _RIM_HALF, _HAND = 2, 4.0, 3.0


def standing(
    hands: list[np.ndarray],
    suspect: np.ndarray,
    inside: np.ndarray,
    bins: np.ndarray,
    behind: np.ndarray,
    known: np.ndarray,
    smoother: Any,
) -> np.ndarray | None:
    """The hands that stand before the face, their rims where the picture has its edges.

    Parameters
    ----------
    hands : list of np.ndarray [shape=(21, 2)]
        In crop units.
    suspect : np.ndarray [shape=(128, 128), dtype=bool]
        What is strange.
    inside : np.ndarray [shape=(128, 128), dtype=bool]
        Where the face is, and nothing else is known to stand before it.
    bins, behind, known, smoother
        As for :func:`relip.mask.growth.grow`.

    Returns
    -------
    np.ndarray [shape=(128, 128), dtype=float32] or None
        Above 0 where they are.
    """
    there = _before(hands, suspect, inside)
    if there is None:
        return None
    near = cv2.morphologyEx(there.astype(np.uint8), cv2.MORPH_CLOSE, disc(_BETWEEN))
    deep = cv2.distanceTransform(near, cv2.DIST_L2, 3)
    deep -= cv2.distanceTransform(1 - near, cv2.DIST_L2, 3)
    front = as_occluder(bins, there & known, None) - behind
    ratio = np.clip(front, -CUT, CUT) + np.clip(deep * (CUT / _RIM_HALF), -CUT, _HAND)
    ratio = np.clip(ratio, -CUT, CUT)
    ratio[~known] = -CUT
    smooth: np.ndarray = smoother.filter(np.ascontiguousarray(ratio, np.float32)) / CUT
    return growth.whole(smooth, there)


def _before(hands: list[np.ndarray], suspect: np.ndarray, inside: np.ndarray) -> np.ndarray | None:
    """Where hands are ``[shape=(128, 128), dtype=bool]`` that stand before the face.

    Of several finds of one hand that which explains best what is suspect; None without any.
    """
    ranked = []
    finds = [drawn([hand]) for hand in hands]
    much = np.count_nonzero(inside & suspect)
    for hand, there in zip(hands, finds, strict=True):
        alike = sum(_overlap(there, other) > _SAME_FIND for other in finds)
        if size_of(hand) < _LIFE_SIZE and alike < _AGREED:
            continue
        shown = np.count_nonzero(there & inside)
        strange = np.count_nonzero(there & inside & suspect)
        if alike < 2 and strange < _ALONE * much:
            continue
        if strange >= max(_HAND_STRANGE * shown, LEAST):
            ranked.append((strange - _HAND_STRANGE * shown, there))
    ranked.sort(key=lambda each: -each[0])
    whole: np.ndarray | None = None
    for _, there in ranked:
        if whole is None:
            whole = there
        elif np.count_nonzero(whole & there) < _SAME_HAND * np.count_nonzero(there):
            whole = whole | there
    return whole


def _overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union."""
    return np.count_nonzero(one & other) / max(np.count_nonzero(one | other), 1)
