"""Hair and background at the sides of the region: they stay the plate's.

The region goes a little beyond the face, so that a jaw may move in it. At the
sides, above the jaw's corners, it hardly does; what hangs or passes there is
no part of an edit, and drawn anew it would lose its strands. Which pixels it
is the classes say (:mod:`relip.mask.parsing`), its edge is found in the
plate's own pixels.
"""

from __future__ import annotations

import cv2
import numpy as np

from relip.mask import parsing
from relip.mask.coverage import smooth_step
from relip.mask.crop import SIDE
from relip.mask.lines import HALF, Lines
from relip.mask.parsing import OVAL, WHOLE
from relip.plate.base import Window
from relip.track import geometry

#: Of the way from the mouth's corner to the jaw's, where the sides begin, and from where on all
#: of what is no face stays.
_INNER, _FULL = 0.3, 0.6

#: The jaw's corners: above them nothing of the sides moves with the jaw. Below the lower points all
#: of it does.
_CORNERS, _LOWER = (172, 397), (150, 379)

#: The mouth's corners.
_MOUTH = (61, 291)

#: Chance from which a pixel is hair or background, to find what comes in from outside.
_SURELY = 0.5

#: Radius of the guided filter (pixels of the crop), the variance of 8-bit colours that is no
#: edge, and the chances that become 0 and 1.
_RADIUS, _EDGE = 4.0, 60.0
_LOW, _HIGH = 0.15, 0.85

#: Share of a strand's pixels that are dark enough for one, and its pixels at least, in squares of
#: half the broadest one's width.
_CORE_SHARE, _LEAST = 0.15, 0.3


def sides(face: np.ndarray) -> np.ndarray:
    """How far each pixel of a crop belongs to the sides of the face, 0 to 1.

    Parameters
    ----------
    face : np.ndarray [shape=(478, 2)]
        Landmarks in crop units, as the head's pose alone has them.

    Returns
    -------
    np.ndarray [shape=(256, 256), dtype=float32]
    """
    centres = (np.arange(SIDE, dtype=np.float32) + 0.5) / SIDE
    result = np.zeros((SIDE, SIDE), np.float32)
    for corner, lower, mouth in zip(_CORNERS, _LOWER, _MOUTH, strict=True):
        out = float(face[corner, 0] - face[mouth, 0])
        if abs(out) < 1 / SIDE:
            continue  # turned away
        across = smooth_step((centres - face[mouth, 0]) / out, _INNER, _FULL)
        high = float(face[corner, 1])
        down = 1 - smooth_step(centres, high, max(float(face[lower, 1]), high + 1 / SIDE))
        np.maximum(result, down[:, None] * across[None], out=result)
    return result


def held(
    chance: np.ndarray, face: np.ndarray, where: np.ndarray, window: Window = WHOLE
) -> np.ndarray | None:
    """The chance of hair and background that come in from outside the face.

    Parameters
    ----------
    chance : np.ndarray [shape=(6, 256, 256), dtype=float32]
        Of each class, see :func:`relip.mask.parsing.parse`.
    face : np.ndarray [shape=(478, 2)]
        As for :func:`sides`.
    where : np.ndarray [shape=(256, 256), dtype=float32]
        From :func:`sides`.
    window : tuple of int
        x0, y0, x1, y1: the pixels of the crop that are parsed.

    Returns
    -------
    np.ndarray [shape=(256, 256), dtype=float32] or None
        None where there is none at the face's sides.
    """
    x0, y0, x1, y1 = window
    part = np.s_[y0:y1, x0:x1]
    other = chance[parsing.HAIR][part] + chance[parsing.BACKGROUND][part]
    there = (other > _SURELY) & (where[part] > 0)
    if not there.any():
        return None
    oval = np.round(face[list(OVAL)] * SIDE - (x0, y0)).astype(np.int32)
    outside = cv2.fillPoly(np.ones(there.shape, np.uint8), [oval], 0) > 0
    count, group = cv2.connectedComponents(there.astype(np.uint8))
    enters = np.zeros(count, bool)
    enters[group[outside]] = True
    enters[0] = False
    kept = enters[group].astype(np.uint8)
    if not kept.any():
        return None
    result = np.zeros((SIDE, SIDE), np.float32)
    np.multiply(other, cv2.dilate(kept, np.ones((5, 5), np.uint8)), out=result[part])
    return result


def steadied(own: np.ndarray | None, neighbours: list[np.ndarray | None]) -> np.ndarray | None:
    """The mean of :func:`held` over a frame and its neighbours."""
    every = [own, *neighbours]
    there = [each for each in every if each is not None]
    if not there:
        return None
    result: np.ndarray = np.sum(there, axis=0) / np.float32(len(every))
    return result


def refine(
    where: np.ndarray,
    beside: np.ndarray | None,
    picture: np.ndarray,
    matte: np.ndarray,
    to_crop: np.ndarray,
) -> np.ndarray:
    """How much of each pixel of the plate at the region's sides is the plate's own.

    The edge of hair and background is found with a guided filter (He, Sun and
    Tang 2013): where their chance changes, it changes with the colours of the
    picture. Strands too thin for the crop are what a closing of the picture
    takes away, where they come in from outside and are dark somewhere: folds
    and lights of the skin are neither.

    Parameters
    ----------
    where : np.ndarray [shape=(256, 256), dtype=float32]
        From :func:`sides`.
    beside : np.ndarray [shape=(256, 256), dtype=float32] or None
        From :func:`held`.
    picture : np.ndarray [shape=(height, width, 3), dtype=uint8]
        A window of the plate, display-encoded.
    matte : np.ndarray [shape=(height, width), dtype=float32]
        The region with its soft edge.
    to_crop : np.ndarray [shape=(2, 3)]
        Pixels of the window to crop units.

    Returns
    -------
    np.ndarray [shape=(height, width), dtype=float32]
        0 to 1.
    """
    result = np.zeros(matte.shape, np.float32)
    pixel = 1 / (SIDE * float(np.hypot(to_crop[0, 0], to_crop[1, 0])))
    pictures = [where] if beside is None else [where, beside]
    placed = cv2.warpAffine(
        cv2.merge(pictures),
        geometry.for_opencv(to_crop * SIDE),
        matte.shape[::-1],
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    ).reshape(*matte.shape, len(pictures))
    searched = ((placed[..., 0] > 0) & (matte > 0)).astype(np.uint8)
    count, _, boxes, _ = cv2.connectedComponentsWithStats(searched)
    room = 2 * round(HALF * pixel) + 2
    for x, y, width, height, _ in boxes[1:count]:
        part = np.s_[max(y - room, 0) : y + height + room, max(x - room, 0) : x + width + room]
        shown, here = np.ascontiguousarray(picture[part]), placed[part]
        found = strands(shown, matte[part], here[..., 0] > 0, pixel)
        if beside is not None and (here[..., 1] * matte[part]).max() > _LOW:
            radius = max(round(_RADIUS * pixel), 2)
            chance = np.ascontiguousarray(here[..., 1])
            soft = cv2.ximgproc.guidedFilter(shown, chance, radius, _EDGE)
            found = np.maximum(found, np.clip((soft - _LOW) / (_HIGH - _LOW), 0, 1))
        np.maximum(result[part], found * here[..., 0], out=result[part])
    return result


def strands(picture: np.ndarray, matte: np.ndarray, where: np.ndarray, pixel: float) -> np.ndarray:
    """How much of each pixel is a thin dark strand that comes in from outside the region.

    Parameters
    ----------
    picture : np.ndarray [shape=(height, width, 3), dtype=uint8]
    matte : np.ndarray [shape=(height, width), dtype=float32]
        0 outside the region.
    where : np.ndarray [shape=(height, width), dtype=bool]
        Where strands are looked for.
    pixel : float
        A pixel of the crop in the picture's pixels.

    Returns
    -------
    np.ndarray [shape=(height, width), dtype=float32]
    """
    found = Lines.of(picture, where, pixel)
    if found is None:
        return np.zeros(matte.shape, np.float32)
    keep = (found.holding(matte == 0) > 0) & (found.cores >= _CORE_SHARE * found.size)
    share = found.share(keep & (found.size >= _LEAST * found.half**2))
    return np.zeros(matte.shape, np.float32) if share is None else share
