"""Which of what was found is believed to be an occluder.

What has no edge is none, what has the face's own colours must go on outside the face, and what is
hardly unlike the face is believed only where it comes in from there.
"""

from __future__ import annotations

import cv2
import numpy as np

from relip.mask.channels import squared
from relip.mask.groups import LEAST, only, parted

#: Pixels that an occluder has at least of which none is sure: it comes in from outside.
_LARGE = 120

#: Pixels beside the face that an occluder of the face's own colours covers at least; shares of it
#: that lie there where none of it is sure: of one of the face's own colours (a hand, which has an
#: arm), and of any other (what the head uncovers as it turns lies where the cheek was).
_BEYOND_FACE, _BESIDE, _MOSTLY = 24, 0.1, 0.5

#: Share of a group that is sure where it is the face's colour and comes in from above, as hair
#: does: a smile lifts a cheek to there.
_SURELY = 0.1

#: Rows below the upper end of what is known of the face that are its edge.
_TOP = 3

#: Share of an occluder's pixels that have the face's own colours for it to be of these; the same
#: where so much of it lies within the mouth's reach, for a mouth that opens further than anywhere
#: else in the shot shows gums and teeth that the shot does not.
_OWN_SHARE, _OWN_MOUTH, _IN_MOUTH = 0.9, 0.8, 0.9

#: A fold of the skin: so much of it lies where folds are, and it is nowhere further
#: from its edge (pixels of 128).
_IN_FOLDS, _FOLD_HALF = 0.85, 4.0

#: Share of an occluder's rim in the face that is an edge, the step of a value across it from pixel
#: to pixel that makes one, and what the values are: lightness, and two differences of colour,
#: doubled. Where so much of what lies in the face is sure, it needs no edge; what has the face's
#: own colours does, for a face at rest is no less strange where the shot smiles.
_EDGED, _STEEP, _NO_EDGE = 0.2, 0.025, 0.4
_EDGES = np.array([[1 / 3, 1 / 3, 1 / 3], [1.0, -1.0, 0.0], [0.5, 0.5, -1.0]], np.float32)

#: The least rim beside the face's own edges that tells anything, and what the way across a rim is
#: smoothed by (pixels of 128).
_RIM, _ACROSS = 8, 2.0


def believable(
    found: np.ndarray,
    sure: np.ndarray,
    face: np.ndarray,
    fleshy: np.ndarray,
    folds: np.ndarray,
    mouth: np.ndarray,
) -> np.ndarray | None:
    """Groups of what was found that are no face for sure, or large and come in from outside.

    What has the face's own colours (``fleshy``) must also go on outside, or come from above.
    Wrinkles, blushes and shadows that the shot shows once are islands in the
    face; a hand of the face's own colour has an arm. The folds from the nose to
    beside the mouth, which a shout draws deep and dark, are the face's; so is the lower lip that
    the mesh has not followed (``mouth``: as far as it may open).
    """
    count, group = cv2.connectedComponents((found > 0).astype(np.uint8))
    border = ~(cv2.erode(face.astype(np.uint8), np.ones((5, 5), np.uint8), borderValue=0) > 0)
    enters = np.bincount(group[border], minlength=count) > 0
    size = np.bincount(group.ravel(), minlength=count)
    beside = np.bincount(group[~face], minlength=count)
    sures = np.bincount(group[sure], minlength=count)
    in_mouth = np.bincount(group[mouth], minlength=count) >= _IN_MOUTH * size
    own_share = np.where(in_mouth, _OWN_MOUTH, _OWN_SHARE)
    own = np.bincount(group[fleshy], minlength=count) > own_share * size
    keep = sures >= LEAST
    keep |= enters & (size >= _LARGE) & (beside >= np.where(own, _BESIDE, _MOSTLY) * size)
    below = np.zeros_like(face)
    below[_TOP:] = face[:-_TOP]
    above = np.bincount(group[face & ~below], minlength=count) > 0  # as hair does
    above &= sures >= np.maximum(LEAST, _SURELY * size)
    thick = cv2.distanceTransform((found > 0).astype(np.uint8), cv2.DIST_L2, 3) > _FOLD_HALF
    keep &= (np.bincount(group[folds], minlength=count) < _IN_FOLDS * size) | (
        np.bincount(group[thick], minlength=count) > 0
    )
    keep &= ~own | above | (beside >= _BEYOND_FACE)
    return only(found, group, keep)


def edged(
    found: np.ndarray,
    slopes: tuple[np.ndarray, np.ndarray],
    own: np.ndarray,
    sure: np.ndarray,
    face: np.ndarray,
    fleshy: np.ndarray,
) -> np.ndarray | None:
    """What was found without the parts that end nowhere: an occluder has an edge.

    A cheek that turns into a light in which the shot never shows it is strange, and passes into
    the rest of the face without any, also where it touches a hand of its own colour. The edges
    of lips and nose (``own``) are the face's, whatever stands beside them: a chin that a shout
    draws long ends at the lower lip and nowhere else, a cheek that rests where the shot smiles at
    the wing of the nose. An edge counts that runs as the rim does.
    """
    there = (found > 0).astype(np.uint8)
    inside = cv2.erode(face.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    group = parted(there)
    count = int(group.max()) + 1
    # a rim is where it ends, not where one part goes on in the next
    rim = (cv2.erode(there, np.ones((3, 3), np.uint8)) == 0) & (there > 0) & inside
    size = np.bincount(group.ravel(), minlength=count)
    within = np.bincount(group[face], minlength=count)
    steep = _steep(there, slopes)
    # where hardly any of the rim lies beside these, all of it counts
    free = rim & ~own
    rim &= free | (np.bincount(group[free], minlength=count) < _RIM)[group]
    around = np.bincount(group[rim], minlength=count)
    edged = np.bincount(group[rim & steep], minlength=count) >= _EDGED * around
    skin = np.bincount(group[fleshy], minlength=count) > _OWN_SHARE * size
    edged |= ~skin & (np.bincount(group[sure & face], minlength=count) > _NO_EDGE * within)
    return only(found, group, edged & (size > 0))


def slopes(small: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Steps of a crop ``[shape=(128, 128, 3), dtype=uint8]`` to the right and downwards."""
    values = cv2.transform(small.astype(np.float32) / np.float32(255), _EDGES)
    right, down = (cv2.Sobel(values, -1, dx, dy, scale=1 / 8) for dx, dy in ((1, 0), (0, 1)))
    return right, down


def _steep(there: np.ndarray, slopes: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Where a crop has edges that run as the rim of ``there`` does, and a pixel around."""
    soft = cv2.GaussianBlur(there.astype(np.float32), (0, 0), _ACROSS)
    across = [cv2.Sobel(soft, -1, dx, dy, scale=1 / 8) for dx, dy in ((1, 0), (0, 1))]
    length = np.sqrt(across[0] ** 2 + across[1] ** 2) + np.float32(1e-9)
    step = sum(s * (a / length)[..., None] for s, a in zip(slopes, across, strict=True))
    steep = np.sqrt(squared(step)) > _STEEP
    return cv2.dilate(steep.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
