"""Groups of pixels: what is connected, what is broad, and which of them stay."""

from __future__ import annotations

import cv2
import numpy as np

from relip.mask.coverage import disc

#: Half the width of what is broad.
_BROAD = 4

#: Certain pixels (of 128 × 128) that an occluder has at least.
LEAST = 18

#: Half the width of what only joins two parts (pixels of 128).
_NECK = 4


def broad(found: np.ndarray) -> np.ndarray:
    """What of positive pixels is broad ``[shape=(h, w), dtype=uint8]``."""
    return cv2.morphologyEx((found > 0).astype(np.uint8), cv2.MORPH_OPEN, disc(_BROAD))


def holding(where: np.ndarray, within: np.ndarray, least: int) -> np.ndarray:
    """The pixels of connected groups of ``within`` that hold ``least`` of them."""
    count, group = cv2.connectedComponents(within.astype(np.uint8))
    keep = np.bincount(group[where], minlength=count) >= least
    keep[0] = False
    return where & keep[group]


def only(found: np.ndarray, group: np.ndarray, keep: np.ndarray) -> np.ndarray | None:
    """What was found without the groups that are not kept; None when none is (0 is no group)."""
    keep[0] = False
    if not keep.any():
        return None
    return np.where(keep[group], found, np.minimum(found, -0.05)).astype(np.float32)


def parted(there: np.ndarray) -> np.ndarray:
    """Labels of what is connected by more than a neck, from 1; 0 where nothing is.

    What is too thin to have a middle is as it is connected.
    """
    core = cv2.erode(there, disc(_NECK))
    _, cores, sizes, _ = cv2.connectedComponentsWithStats(core)
    core[sizes[cores, cv2.CC_STAT_AREA] < LEAST] = 0
    count, group = cv2.connectedComponents(there)
    if not core.any():
        return group
    _, cores = cv2.connectedComponents(core)
    _, nearest = cv2.distanceTransformWithLabels(
        1 - core, cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL
    )
    owner = np.zeros(int(nearest.max()) + 1, np.int32)
    owner[nearest[core > 0]] = cores[core > 0]
    parts = owner[nearest]
    # a group keeps its own name where it has one middle or none
    thick = np.bincount(group[core > 0], minlength=count) > 0
    return np.where(there > 0, np.where(thick[group], count + parts, group), 0)
