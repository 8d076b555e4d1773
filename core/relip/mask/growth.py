"""What an occluder is grown from, and how it is followed by its colours.

Where several things are strange each is followed by its own colours.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from relip.mask.appearance import CERTAIN
from relip.mask.coverage import disc
from relip.mask.groups import LEAST, broad
from relip.mask.likelihood import as_occluder
from relip.mask.sight import SURE, SUSPECT

#: Distance of two colours (lightness, and twice the differences) that are no one colour.
_TWO = 0.2

#: How far from suspect pixels the occluder may reach (pixels of 128).
_REACH = 9

#: The log-likelihood ratio is cut at this.
CUT = 5.0

#: Where something of other colours than the face's is sure, skin speaks for an occluder from this
#: share of its strangeness: a face that draws itself up as the shot rarely shows it is strange too.
_BESIDE_SURE = 0.4

#: Half the width of what is mixed colour only (pixels of 128).
MIXED = 3

#: The occluder is followed from what was found, this many times at most, and so many of them.
_ROUNDS, _MOST = 4, 4

#: A hole in what was found is the face's below this mean value, unless it has so few pixels.
_CLEARLY, _SPECK = -0.6, 4

#: Half the width of the dents in a broad occluder that are filled (pixels of 128).
_DENT = 8


def seed(
    strange: np.ndarray, suspect: np.ndarray, telling: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    """Groups of suspect pixels that hold enough certain ones, and these; None without any."""
    certain = (strange > CERTAIN) & telling
    if np.count_nonzero(certain) < LEAST:
        return None
    suspect = cv2.morphologyEx(
        (suspect > SUSPECT).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)
    )
    count, group = cv2.connectedComponents(suspect)
    held = np.bincount(group[certain], minlength=count)
    keep = held >= LEAST
    keep[0] = False
    return (keep[group], certain & keep[group]) if keep.any() else None


def foremost(pure: np.ndarray, strange: np.ndarray, fleshy: np.ndarray) -> np.ndarray:
    """Certain pixels without those of skin that something sure beside them explains."""
    sure = pure & ~fleshy & (strange > SURE)
    if np.count_nonzero(sure) < LEAST:
        return pure
    skin = pure & fleshy & (strange > _BESIDE_SURE * np.median(strange[sure]))
    # along its edges and between its strands the other thing's colour is mixed with the face's
    wide = cv2.morphologyEx(skin.astype(np.uint8), cv2.MORPH_OPEN, disc(MIXED)) > 0
    kept: np.ndarray = (pure & ~fleshy) | wide
    return kept


def apart(
    near: np.ndarray, pure: np.ndarray, values: np.ndarray
) -> list[tuple[np.ndarray, np.ndarray]]:
    """The connected groups of suspect pixels that hold most of the certain ones, each with its own.

    Each is followed by its own colours, and one of two colours by each of them: a light on the
    chin beside a microphone would show the colours of all skin as the occluder's.
    """
    count, group = cv2.connectedComponents(near.astype(np.uint8))
    held = np.bincount(group[pure], minlength=count)
    found = []
    for k in np.flatnonzero(held >= LEAST):
        if not k:
            continue
        there = group == k
        found += [(there, part) for part in _two_colours(pure & there, values)]
    found.sort(key=lambda each: -np.count_nonzero(each[1]))
    return found[:_MOST]


def _two_colours(where: np.ndarray, values: np.ndarray) -> list[np.ndarray]:
    """Pixels as they are, or in two parts of different colours along their principal axis."""
    own = values[where] * np.array([1, 2, 2], np.float32)
    off = own - own.mean(0)
    _, axes = np.linalg.eigh(off.T @ off)
    along = off @ axes[:, -1]
    for _ in range(_ROUNDS):  # the cut lies midway between both parts
        first = along > 0
        if not first.any() or first.all():
            return [where]
        along = along - (along[first].mean() + along[~first].mean()) / 2
    first = along > 0
    if along[first].mean() - along[~first].mean() < _TWO:
        return [where]
    parts = []
    for kind in (first, ~first):
        part = np.zeros_like(where)
        part[where] = kind
        if np.count_nonzero(kind) >= LEAST:  # a few of another colour say nothing of either
            parts.append(part)
    return parts or [where]


def grow(
    near: np.ndarray,
    pure: np.ndarray,
    bins: np.ndarray,
    behind: np.ndarray,
    known: np.ndarray,
    smoother: Any,
    colours: np.ndarray | None,
) -> np.ndarray | None:
    """Follow an occluder from its certain pixels by its colours.

    Parameters
    ----------
    near, pure : np.ndarray [shape=(128, 128), dtype=bool]
        Suspect pixels, and certain ones among them.
    bins, behind : np.ndarray [shape=(128, 128)]
        Colours, and their log-likelihood without any occluder.
    known : np.ndarray [shape=(128, 128), dtype=bool]
        Where it may be.
    smoother : cv2.ximgproc.FastGlobalSmootherFilter
        Of the crop at 128: it is the crop that takes time to prepare, not what is smoothed.
    colours : np.ndarray or None

    Returns
    -------
    np.ndarray [shape=(128, 128), dtype=float32] or None
        Above 0 where it is.
    """
    found, pixels = None, pure
    for _ in range(_ROUNDS):
        ratio = as_occluder(bins, pixels, colours) - behind
        far = cv2.distanceTransform((~near).astype(np.uint8), cv2.DIST_L2, 3)
        ratio -= np.clip(far - 2, 0, None) * (2 * CUT / _REACH)
        ratio = np.clip(ratio, -CUT, CUT)
        ratio[~known] = -CUT
        ratio = np.ascontiguousarray(ratio, np.float32)
        smooth = smoother.filter(ratio) / CUT
        before, found = found, whole(smooth, pure)
        if found is None or (before is not None and np.array_equal(found > 0, before > 0)):
            break
        # what only lies between, or was smoothed over, does not speak for the colours
        near, pixels = near | (found > 0), pure | ((found > 0) & (ratio > 0))
    return found


def whole(smooth: np.ndarray, seed: np.ndarray) -> np.ndarray | None:
    """Groups of positive pixels that hold seeds, their holes filled."""
    found = (smooth > 0).astype(np.uint8)
    count, group = cv2.connectedComponents(found)
    held = np.bincount(group[seed], minlength=count)
    keep = held >= LEAST
    keep[0] = False
    if not keep.any():
        return None
    found = keep[group].astype(np.uint8)
    outlines, _ = cv2.findContours(found, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = np.zeros_like(found)
    cv2.drawContours(filled, outlines, -1, 1, cv2.FILLED)
    holes = _doubtful((filled > 0) & (found == 0), smooth)
    result = np.where(found > 0, np.maximum(smooth, 0.05), np.minimum(smooth, -0.05))
    return np.where(holes, 0.5, result).astype(np.float32)


def _doubtful(holes: np.ndarray, smooth: np.ndarray) -> np.ndarray:
    """The holes that are not clearly the face: between strands of hair it is seen."""
    count, group, stats, _ = cv2.connectedComponentsWithStats(holes.astype(np.uint8))
    size = stats[:, cv2.CC_STAT_AREA]
    mean = np.bincount(group.ravel(), smooth.ravel(), minlength=count) / size
    keep = (mean > _CLEARLY) | (size <= _SPECK)
    keep[0] = False
    return keep[group]


def rounded(found: np.ndarray, known: np.ndarray) -> np.ndarray:
    """What was found, its dents filled where it is broad.

    A hand of the face's own colour shows itself by its edges, its shadows and
    here and there its light; what these enclose is hand too. Strands of hair
    and cables are not broad, and enclose nothing.
    """
    around = cv2.copyMakeBorder(broad(found), _DENT, _DENT, _DENT, _DENT, cv2.BORDER_CONSTANT)
    closed = cv2.morphologyEx(around, cv2.MORPH_CLOSE, disc(_DENT))
    dents = (closed[_DENT:-_DENT, _DENT:-_DENT] > 0) & (found <= 0) & known
    return np.where(dents, np.float32(0.5), found)
