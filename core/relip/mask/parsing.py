"""Which pixel is what: lips, mouth, skin, hair, neck, background, by the shot's own colours.

The face's mesh says roughly where everything is; from pixels that are
certainly skin, lips and so on the shot's own colours and texture of each
class are learnt (smoothed histograms), and in each frame place and colour
together decide (Bayes' rule). Nothing trained elsewhere is used.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from relip.mask.coverage import fill
from relip.mask.crop import SIDE
from relip.track import points

#: The classes, in the order of labels. Teeth and tongue are parts of the mouth.
CLASSES = ("background", "skin", "lips", "mouth", "hair", "neck", "occluder", "teeth", "tongue")
BACKGROUND, SKIN, LIPS, MOUTH, HAIR, NECK, OCCLUDER, TEETH, TONGUE = range(len(CLASSES))

#: Classes with colours of their own.
_LEARNT = 6

#: Bins of lightness and of the two colour differences, and edges of the texture's levels.
_BINS = 16
_TEXTURE = (0.012, 0.035)

#: How much a pixel's colour counts against its place.
_COLOUR_WEIGHT = 0.4

#: Outlines: the face below the eyes, closed over them; both eyebrows.
OVAL = (234, 93, *points.JAW, 323, 454)
_BROWS = (
    (70, 63, 105, 66, 107, 55, 65, 52, 53, 46),
    (300, 293, 334, 296, 336, 285, 295, 282, 283, 276),
)

_OPPONENT = np.array([[1 / 3, 1 / 3, 1 / 3], [0.5, -0.5, 0.0], [0.25, 0.25, -0.5]], np.float32)


@dataclass(frozen=True)
class Palette:
    """What the classes of a shot look like.

    Attributes
    ----------
    chances : np.ndarray [shape=(bins, 6), dtype=float32]
        Log-likelihood of each class for each bin of colour and texture.
    skin, lips : np.ndarray [shape=(3,), dtype=float32]
        Median lightness and colour differences, 0-1.
    """

    chances: np.ndarray
    skin: np.ndarray
    lips: np.ndarray


def features(crop: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Colour bin of each pixel, and its lightness and colour differences.

    Parameters
    ----------
    crop : np.ndarray [shape=(256, 256, 3), dtype=uint8]

    Returns
    -------
    bins : np.ndarray [shape=(256, 256), dtype=int32]
    values : np.ndarray [shape=(256, 256, 3), dtype=float32]
    """
    values = cv2.transform(crop.astype(np.float32) / np.float32(255), _OPPONENT)
    light = values[..., 0]
    mean = cv2.blur(light, (5, 5))
    rough = np.sqrt(np.maximum(cv2.blur(light * light, (5, 5)) - mean * mean, 0))
    bins = (light * (_BINS - 0.01)).astype(np.int32)
    for axis in (1, 2):
        level = np.clip((values[..., axis] + 0.1) * (_BINS / 0.4), 0, _BINS - 1)
        bins = bins * _BINS + level.astype(np.int32)
    texture = (rough > _TEXTURE[0]).astype(np.int32) + (rough > _TEXTURE[1])
    return bins * 3 + texture, values


def places(face: np.ndarray) -> np.ndarray:
    """How likely each class is at each pixel, by the mesh alone.

    Parameters
    ----------
    face : np.ndarray [shape=(478, 2)]
        Landmarks in crop units.

    Returns
    -------
    np.ndarray [shape=(6, 256, 256), dtype=float32]
        Sums to about 1 in each pixel.
    """
    size = (SIDE, SIDE)
    inside = cv2.GaussianBlur(_drawn(face, OVAL), (0, 0), 3.0)
    outer = fill(face[list(points.OUTER_LIPS)] * SIDE, size)
    mouth = cv2.GaussianBlur(fill(face[list(points.INNER_LIPS)] * SIDE, size), (0, 0), 1.2)
    outer = np.maximum(cv2.GaussianBlur(outer, (0, 0), 1.2), mouth)
    lips = outer - mouth
    jaw = face[list(points.JAW)] * SIDE
    order = np.argsort(jaw[:, 0])
    edge = np.interp(np.arange(SIDE) + 0.5, jaw[order, 0], jaw[order, 1])
    rows = np.arange(SIDE)[:, None] + 0.5
    below = np.clip((rows - edge[None]) / 4, 0, 1).astype(np.float32) * (1 - inside)
    rest = np.clip(1 - inside - below, 0, 1)
    face_only = np.clip(inside - outer, 0, 1)
    result = np.empty((_LEARNT, SIDE, SIDE), np.float32)
    result[SKIN] = 0.90 * face_only + 0.05 * outer + 0.10 * rest + 0.10 * below
    result[LIPS] = 0.95 * lips
    result[MOUTH] = mouth
    result[HAIR] = 0.08 * face_only + 0.40 * rest + 0.12 * below
    result[NECK] = 0.68 * below + 0.02
    result[BACKGROUND] = 0.50 * rest + 0.10 * below + 0.001
    return result + 1e-4


def _drawn(face: np.ndarray, line: tuple[int, ...]) -> np.ndarray:
    canvas = np.zeros((SIDE, SIDE), np.uint8)
    cv2.fillPoly(canvas, [np.round(face[list(line)] * SIDE).astype(np.int32)], 1)
    return canvas.astype(np.float32)


def _seeds(face: np.ndarray) -> list[np.ndarray]:
    """Pixels that are certainly of each learnt class, bool pictures of 256."""
    chance = places(face)
    oval = _drawn(face, OVAL).astype(np.uint8)
    lips = _drawn(face, points.OUTER_LIPS).astype(np.uint8)
    near = cv2.dilate(oval, np.ones((25, 25), np.uint8))
    inner = cv2.erode(oval, np.ones((13, 13), np.uint8))
    around_lips = cv2.dilate(lips, np.ones((9, 9), np.uint8))
    brows = sum(_drawn(face, line) for line in _BROWS) > 0
    below_eyes = np.arange(SIDE)[:, None] > face[[33, 133, 362, 263], 1].max() * SIDE + 10
    below = cv2.erode((chance[NECK] > 0.6).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    middle = np.abs(np.arange(SIDE)[None] / SIDE - face[points.CHIN, 0]) < 0.22
    return [
        (near == 0) & (np.arange(SIDE)[:, None] < face[points.CHIN, 1] * SIDE),
        (inner > 0) & (around_lips == 0) & below_eyes,
        chance[LIPS] > 0.85,
        chance[MOUTH] > 0.95,
        brows,
        below & middle,
    ]


def learn(crops: list[np.ndarray], faces: list[np.ndarray]) -> Palette:
    """Learn the classes' colours.

    Parameters
    ----------
    crops : list of np.ndarray [shape=(256, 256, 3), dtype=uint8]
        Of frames that show the face clear.
    faces : list of np.ndarray [shape=(478, 2)]
        Their landmarks in crop units.
    """
    total = _BINS**3 * 3
    counts = np.zeros((_LEARNT, total), np.float64)
    skins, lips = [], []
    for crop, face in zip(crops, faces, strict=True):
        bins, values = features(crop)
        for kind, where in enumerate(_seeds(face)):
            counts[kind] += np.bincount(bins[where], minlength=total)
            if kind == SKIN and where.any():
                skins.append(np.median(values[where], axis=0))
            if kind == LIPS and where.any():
                lips.append(np.median(values[where], axis=0))
    density = np.stack([_smoothed(c) for c in counts])
    # beside the head is what looks like the eyebrows: that is hair, not background
    hairy = density[HAIR] > 2 * np.maximum(density[SKIN], 1e-7)
    counts[HAIR] += counts[BACKGROUND] * hairy
    counts[BACKGROUND] *= ~hairy
    density = np.stack([_smoothed(c) for c in counts])
    chances = np.log(0.95 * density + 0.05 / total).T
    none = np.zeros((1, 3), np.float32)
    return Palette(
        np.ascontiguousarray(chances, np.float32),
        np.median(np.array(skins or none), axis=0).astype(np.float32),
        np.median(np.array(lips or none), axis=0).astype(np.float32),
    )


def _smoothed(counts: np.ndarray) -> np.ndarray:
    """Counts as a density, smoothed over neighbouring bins of colour and a little of texture."""
    from scipy.ndimage import gaussian_filter

    if counts.sum() < 1:
        return np.full(counts.shape, 1 / counts.size)
    cube = counts.reshape(_BINS, _BINS, _BINS, 3) / counts.sum()
    return gaussian_filter(cube, (0.9, 0.9, 0.9, 0.4), mode="nearest").reshape(-1)


def parse(palette: Palette, crop: np.ndarray, face: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Parse one crop.

    Parameters
    ----------
    palette : Palette
    crop : np.ndarray [shape=(256, 256, 3), dtype=uint8]
    face : np.ndarray [shape=(478, 2)]
        Landmarks in crop units.

    Returns
    -------
    chance : np.ndarray [shape=(256, 256, 6), dtype=float32]
        Of each learnt class, in the order of :data:`CLASSES`; sums to 1.
    labels : np.ndarray [shape=(256, 256), dtype=uint8]
        The likeliest class, teeth and tongue told apart; no occluder yet.
    """
    bins, values = features(crop)
    score = palette.chances[bins] * np.float32(_COLOUR_WEIGHT)
    score = cv2.blur(np.ascontiguousarray(score), (3, 3))
    score += np.log(places(face)).transpose(1, 2, 0)
    score -= score.max(2, keepdims=True)
    chance = np.exp(score)
    chance /= chance.sum(2, keepdims=True)
    labels = score.argmax(2).astype(np.uint8)
    return chance, with_teeth(palette, labels, values)


def with_teeth(palette: Palette, labels: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Tell teeth (bright, not red) and tongue (red, not dark) in the mouth from its dark."""
    mouth = labels == MOUTH
    light, red = values[..., 0], values[..., 1]
    bright = light > 0.55 * palette.skin[0]
    pale = red < 0.65 * palette.lips[1]
    labels = labels.copy()
    labels[mouth & bright & pale] = TEETH
    labels[mouth & (light > 0.4 * palette.skin[0]) & (red > 0.75 * palette.lips[1])] = TONGUE
    return labels
