"""What the frames before and after say of an occluder."""

from __future__ import annotations

import cv2
import numpy as np

from relip.mask.groups import broad, only

#: How far an occluder moves from frame to frame at most (pixels of 128).
_MOVES = 10

#: Share of what both neighbours show that a frame which has lost sight of it finds at most.
_BLINK = 0.25


def supported(cover: np.ndarray | None, neighbours: list[np.ndarray | None]) -> np.ndarray | None:
    """What of an occluder a neighbouring frame shows too, and what both of them show.

    What is seen in one frame alone is none; what the frames before and after show at one place
    is there in between too, where hardly any of it is found.

    Parameters
    ----------
    cover : np.ndarray [shape=(128, 128), dtype=float32] or None
        From :func:`relip.mask.occlusion.find`.
    neighbours : list of (np.ndarray or None)
        The same of the frames before and after, None where they show none.
        Without neighbours everything stays.

    Returns
    -------
    np.ndarray or None
    """
    kept = cover if cover is None or not neighbours else _seen_beside(cover, neighbours)
    if len(neighbours) < 2 or any(other is None for other in neighbours):
        return kept
    both: np.ndarray = np.minimum.reduce([other for other in neighbours if other is not None])
    # a strand of hair waves, and is elsewhere in between
    there = broad(both) > 0
    own = 0 if kept is None else np.count_nonzero(there & (kept > 0))
    if not there.any() or own >= _BLINK * np.count_nonzero(there):
        return kept
    held = np.where(there, both, np.minimum(both, -0.05)).astype(np.float32)
    return held if kept is None else np.maximum(kept, held)


def _seen_beside(cover: np.ndarray, neighbours: list[np.ndarray | None]) -> np.ndarray | None:
    """The groups of a cover near what a neighbour shows; None without any."""
    seen = np.zeros(cover.shape, np.uint8)
    for other in neighbours:
        if other is not None:
            seen |= (other > 0).astype(np.uint8)
    seen = cv2.dilate(seen, np.ones((2 * _MOVES + 1, 2 * _MOVES + 1), np.uint8))
    count, group = cv2.connectedComponents((cover > 0).astype(np.uint8))
    return only(cover, group, np.bincount(group.ravel(), seen.ravel(), minlength=count) > 0)
