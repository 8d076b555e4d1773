"""Matching the drawn picture to its plate frame, steady over time.

Two things are measured in the ring just inside the region's outline, where
the picture drawn with the plate's own mouth should equal the plate: a smooth
surface of colour per channel (:mod:`relip.render.colourmatch`) and by how much
the plate is softer there (a frame out of focus or blurred by motion, which the
network draws as sharp as the others). Both are averaged with those of the neighbouring frames, with
weights that are the same on both sides, so that the match neither jitters with
what passes through the ring nor lags. A frame's match is a function of the
frame: whoever renders it measures its neighbours too.

Softening is round in the picture as it is shown. An anamorphic lens out of focus
blurs up to twice as far down as across, and a squeezed plate has fewer columns
to be soft in: what all frames share of that the network learns, what comes and
goes with focus is followed by its mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from relip.render.colourmatch import TERMS, fit_surface, grey, ring_of, surface

#: Weights of the neighbours, from the frame itself outwards (binomial, of order 4).
WEIGHTS = (6.0, 4.0, 1.0)

#: How many frames on either side are looked at.
REACH = len(WEIGHTS) - 1

#: Softenings that are tried: Gaussian sigma in pixels per 256 of the crop.
BLURS = (0.0, 0.35, 0.6, 0.9, 1.3, 1.8, 2.5)

#: The plate's power in the ring must be less by this share, and by more than it differs from one
#: part of the ring to the next, or it is chance.
GAIN = 0.25

#: Parts of the ring that are looked at each by itself: a camera out of focus softens all of them,
#: a fold that the network draws and the plate has not is in one or two.
SECTORS = 9

#: A part in which the drawn picture has less than this (RMS of the band, network encoding) is
#: smooth skin: what it has is a 256th of the range, and it is as smooth after any softening. Fewer
#: parts than this that have more tell nothing.
LEAST, FEWEST = 0.0035, 3

#: Where the widest softening does not take a part's power down to the plate's, it is softer than
#: that only if the plate's is less by so much (natural logarithm).
FAINT = 1.5


@dataclass(frozen=True)
class Match:
    """What makes the drawn picture like its plate.

    Attributes
    ----------
    colour : np.ndarray [shape=(3, TERMS)]
        Per channel the terms of :func:`relip.render.colourmatch.surface`, in the network's
        encoding.
    blur : float
        Gaussian sigma in pixels per 256 of the crop; 0 where the plate is as sharp.
    """

    colour: np.ndarray
    blur: float

    @classmethod
    def none(cls) -> Match:
        """A match that changes nothing."""
        return cls(np.zeros((3, TERMS)), 0.0)


def fit(picture: np.ndarray, plate: np.ndarray, region: np.ndarray, size: int) -> Match:
    """Measure one frame.

    Parameters
    ----------
    picture, plate : np.ndarray [shape=(height, width, 3), dtype=float32]
        Drawn and original window in the network's encoding: with the same mouth, or what
        another mouth changes is taken for a fault.
    region : np.ndarray [shape=(height, width)]
        1 inside the region.
    size : int
        Side of the whole crop in pixels.
    """
    ring = ring_of(plate, region)
    if ring is None:
        return Match.none()
    colour = fit_surface(picture, plate, ring)
    return Match(colour, _blur(picture + surface(colour, picture.shape[:2]), plate, region, size))


def _blur(picture: np.ndarray, plate: np.ndarray, region: np.ndarray, size: int) -> float:
    """The softening that takes the ring's middle frequencies down to the plate's power.

    Powers are compared, not pixels: a blur brings any picture with faults
    closer to any other. The plate's grain adds to its power, so that a doubt
    is decided for no softening. It is the median of what the ring's parts ask for.
    """
    unit = size / 256
    side = 2 * round(14 * unit) + 1
    inner = cv2.erode(region, np.ones((side, side), np.uint8), borderValue=1)
    parts = _sectors((region > 0) & (inner == 0))
    made, wanted = grey(picture), grey(plate)
    power = _powers(made, parts, unit)
    parts = [part for part, known in zip(parts, power > LEAST**2, strict=True) if known]
    if len(parts) < FEWEST:
        return 0.0
    there = np.log(_powers(wanted, parts, unit))
    tried = [np.log(power[power > LEAST**2])]
    apart = there - tried[0]
    typical = float(np.median(apart))
    chance = max(-np.log(1 - GAIN), 1.4826 * float(np.median(np.abs(apart - typical))))
    if typical >= -chance:
        return 0.0
    for sigma in BLURS[1:]:
        soft = cv2.GaussianBlur(made, (0, 0), sigma * unit)
        tried.append(np.log(_powers(soft, parts, unit)))
    # between the two softenings around it, straight in the logarithm of power
    falling = -np.minimum.accumulate(tried, 0)
    found = np.array([np.interp(-t, f, BLURS) for t, f in zip(there, falling.T, strict=True)])
    # a hard edge or a shadow keeps its power in any softening: that it has less is no softness
    found[(-there > falling[-1]) & (there - tried[0] > -FAINT)] = 0
    return float(np.median(found))


def _sectors(ring: np.ndarray) -> list[np.ndarray]:
    """The ring in :data:`SECTORS` parts of as many pixels, around its middle."""
    y, x = np.nonzero(ring)
    order = np.argsort(np.arctan2(y - y.mean(), x - x.mean()), kind="stable")
    return [np.ravel_multi_index((y[k], x[k]), ring.shape) for k in np.array_split(order, SECTORS)]


def _powers(grey: np.ndarray, parts: list[np.ndarray], unit: float) -> np.ndarray:
    """Power of the band between Gaussians of 0.8 and 3 pixels per 256 in each part of the ring.

    The largest tenth is cut off: collars, hair and the old jaw line make it.
    """
    band = cv2.GaussianBlur(grey, (0, 0), 0.8 * unit) - cv2.GaussianBlur(grey, (0, 0), 3 * unit)
    result = []
    for part in parts:
        seen = np.abs(band.ravel()[part])
        most = len(seen) * 9 // 10
        result.append(np.mean(np.square(np.minimum(seen, np.partition(seen, most)[most]))))
    return np.maximum(result, 1e-12)


def smoothed(around: Mapping[int, Match]) -> Match:
    """The match of a frame from those of itself (0) and its neighbours (±1, ±2).

    A neighbour that is not there has no say, nor has its mirror image: what
    is left stays balanced.
    """
    whole, colour, blur = 0.0, np.zeros((3, TERMS)), 0.0
    for offset, match in sorted(around.items()):
        if offset == 0 or -offset in around:
            weight = WEIGHTS[abs(offset)]
            whole += weight
            colour += weight * match.colour
            blur += weight * match.blur
    return Match(colour / whole, blur / whole) if whole else Match.none()


def apply(picture: np.ndarray, match: Match, size: int, defocus: float = 1.0) -> np.ndarray:
    """The drawn picture with its match.

    Parameters
    ----------
    picture : np.ndarray [shape=(height, width, 3), dtype=float32]
    match : Match
    size : int
        Side of the whole crop in pixels.
    defocus : float
        How far the softening is followed, 0-1.
    """
    picture = soften(picture, match, size, defocus)
    return (picture + surface(match.colour, picture.shape[:2])).astype(np.float32)


def soften(picture: np.ndarray, match: Match, size: int, defocus: float = 1.0) -> np.ndarray:
    """The drawn picture as soft as its plate; parameters as :func:`apply` has them."""
    sigma = defocus * match.blur * size / 256
    if sigma > 0.15:  # less is no change that 8 bits would show
        return cv2.GaussianBlur(picture, (0, 0), sigma)
    return picture
