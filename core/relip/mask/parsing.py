"""Which pixel is what: lips, mouth, skin, hair, neck, background, by the shot's own colours.

The face's mesh says roughly where everything is; from pixels that are
certainly skin, lips and so on the shot's own colours and texture of each
class are learnt (smoothed histograms), and in each frame place and colour
together decide (Bayes' rule). Nothing trained elsewhere is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from relip.mask.coverage import fill
from relip.mask.crop import SIDE
from relip.plate.base import Window
from relip.track import points

#: The classes, in the order of labels. Teeth and tongue are parts of the mouth.
CLASSES = ("background", "skin", "lips", "mouth", "hair", "neck", "occluder", "teeth", "tongue")
BACKGROUND, SKIN, LIPS, MOUTH, HAIR, NECK, OCCLUDER, TEETH, TONGUE = range(len(CLASSES))

#: Classes with colours of their own.
_LEARNT = 6

#: Bins of lightness and of the two colour differences, and edges of the texture's levels.
BINS = (16, 40, 40)
COLOURS = BINS[0] * BINS[1] * BINS[2]
_CHROMA = 0.4
_TEXTURE = (0.012, 0.035)

#: What a bin of colour holds, in units of lightness and the two differences.
BIN_SIZE = _CHROMA**2 / COLOURS

#: How likely each class is in each part that the mesh draws: the face without its mouth, lips and
#: mouth, lips, mouth, above and beside, below between the jaw's corners and beside them; anywhere.
_BY_PART = np.array(
    [
        [0.00, 0.00, 0.00, 0.00, 0.50, 0.18, 0.45, 0.0011],  # background
        [0.90, 0.05, 0.00, 0.00, 0.10, 0.10, 0.10, 0.0001],  # skin
        [0.00, 0.00, 0.95, 0.00, 0.00, 0.00, 0.00, 0.0001],  # lips
        [0.00, 0.00, 0.00, 1.00, 0.00, 0.00, 0.00, 0.0001],  # mouth
        [0.08, 0.00, 0.00, 0.00, 0.40, 0.12, 0.35, 0.0001],  # hair
        [0.00, 0.00, 0.00, 0.00, 0.00, 0.60, 0.10, 0.0201],  # neck
    ],
    np.float32,
)

#: The window of a whole crop.
WHOLE = (0, 0, SIDE, SIDE)

#: Pixels beside a window that texture and smoothing look at, and that the widest blur reaches.
_ROOM, _BLUR_REACH = 4, 13

#: Softness of the lips' edge (standard deviation in pixels), how far it reaches, and the lines.
_SOFT, _SOFT_REACH = 1.2, 12
_LIP_LINES = (points.OUTER_LIPS, points.INNER_LIPS)

#: How much a pixel's colour counts against its place.
_COLOUR_WEIGHT = 0.4

#: Outlines: the face below the eyes, closed over them; both eyebrows.
OVAL = (234, 93, *points.JAW, 323, 454)
_BROWS = (
    (70, 63, 105, 66, 107, 55, 65, 52, 53, 46),
    (300, 293, 334, 296, 336, 285, 295, 282, 283, 276),
)

#: The jaw's corners, between which the neck surely is.
_CORNERS = (172, 397)

#: Distance from the skin's colour, each as its differences over its lightness, that a neck in the
#: shadow of its chin may have: a collar has more.
_SHADED, _DARKEST = 0.13, 0.08

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

    @cached_property
    def scores(self) -> np.ndarray:
        """Log-likelihoods as they count against a pixel's place ``[shape=(bins, 6)]``."""
        return self.chances * np.float32(_COLOUR_WEIGHT)

    @cached_property
    def densities(self) -> np.ndarray:
        """How often each class shows each colour whatever its texture ``[shape=(6, bins)]``.

        1 is as often as if all colours were alike.
        """
        cube = np.exp(self.chances.astype(np.float64)).reshape(COLOURS, -1, _LEARNT)
        return np.ascontiguousarray(cube.sum(1).T * COLOURS, np.float32)

    @cached_property
    def flesh(self) -> np.ndarray:
        """How often skin or lips show each colour ``[shape=(bins,)]``; see :attr:`densities`."""
        return self.densities[[SKIN, LIPS]].max(0)


def features(crop: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Colour bin of each pixel, and its lightness and colour differences.

    Parameters
    ----------
    crop : np.ndarray [shape=(h, w, 3), dtype=uint8]

    Returns
    -------
    bins : np.ndarray [shape=(h, w), dtype=int32]
    values : np.ndarray [shape=(h, w, 3), dtype=float32]
    """
    values = cv2.transform(crop.astype(np.float32) / np.float32(255), _OPPONENT)
    light = values[..., 0]
    mean = cv2.blur(light, (5, 5))
    rough = np.sqrt(np.maximum(cv2.blur(light * light, (5, 5)) - mean * mean, 0))
    bins = colour_bins(values)
    texture = (rough > _TEXTURE[0]).astype(np.int32) + (rough > _TEXTURE[1])
    return bins * 3 + texture, values


def colour_bins(values: np.ndarray) -> np.ndarray:
    """Bins ``[shape=(h, w), dtype=int32]`` of lightness and colour differences, 0 to COLOURS."""
    bins = (values[..., 0] * (BINS[0] - 0.01)).astype(np.int32)
    for axis in (1, 2):
        count = BINS[axis]
        level = np.clip((values[..., axis] + 0.1) * (count / _CHROMA), 0, count - 1)
        bins = bins * count + level.astype(np.int32)
    return bins


def places(face: np.ndarray, window: Window = WHOLE) -> np.ndarray:
    """How likely each class is at each pixel, by the mesh alone.

    Parameters
    ----------
    face : np.ndarray [shape=(478, 2)]
        Landmarks in crop units.
    window : tuple of int
        x0, y0, x1, y1: the pixels of the crop that are wanted.

    Returns
    -------
    np.ndarray [shape=(6, y1 - y0, x1 - x0), dtype=float32]
        Sums to about 1 in each pixel.
    """
    x0, y0, x1, y1 = window
    # the blurred outlines are drawn with as much beside the window as the blur reaches
    ax, ay = max(x0 - _BLUR_REACH, 0), max(y0 - _BLUR_REACH, 0)
    size = (min(x1 + _BLUR_REACH, SIDE) - ax, min(y1 + _BLUR_REACH, SIDE) - ay)
    at = face * SIDE
    moved = at - (ax, ay)

    part = np.s_[y0 - ay : y1 - ay, x0 - ax : x1 - ax]
    inside = cv2.GaussianBlur(_drawn(at, OVAL, (ax, ay), size), (0, 0), 3.0)[part]
    outer, mouth = (_soft(moved[list(line)], size)[part] for line in _LIP_LINES)
    outer = np.maximum(outer, mouth)
    lips = outer - mouth
    jaw = at[list(points.JAW)]
    order = np.argsort(jaw[:, 0])
    edge = np.interp(np.arange(x0, x1) + 0.5, jaw[order, 0], jaw[order, 1]).astype(np.float32)
    rows = np.arange(y0, y1, dtype=np.float32)[:, None] + np.float32(0.5)
    below = np.clip((rows - edge[None]) / 4, 0, 1) * (1 - inside)
    rest = np.clip(1 - inside - below, 0, 1)
    # the neck is as wide as the jaw's corners, and what hangs beside it is hair or background
    left, right = np.sort(at[list(_CORNERS), 0])
    half = max((right - left) / 2, 1.0)
    aside = np.abs(np.arange(x0, x1) + 0.5 - (left + right) / 2) - half
    under = below * (0.5 - 0.5 * np.tanh(aside / 8)).astype(np.float32)[None]
    beside = below - under
    face_only = np.clip(inside - outer, 0, 1)
    parts = [face_only, outer, lips, mouth, rest, under, beside, np.ones_like(rest)]
    flat = np.stack(parts).reshape(len(parts), -1)
    return (_BY_PART @ flat).reshape(_LEARNT, y1 - y0, x1 - x0)


def _soft(outline: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A filled outline with a soft edge, drawn where it is."""
    result = np.zeros(size[::-1], np.float32)
    x0, y0 = np.maximum(np.floor(outline.min(0)).astype(int) - _SOFT_REACH, 0)
    x1, y1 = np.minimum(np.ceil(outline.max(0)).astype(int) + _SOFT_REACH, size)
    if x1 > x0 and y1 > y0:
        drawn = fill(outline - [x0, y0], (int(x1 - x0), int(y1 - y0)))
        result[y0:y1, x0:x1] = cv2.GaussianBlur(
            drawn, (0, 0), _SOFT, borderType=cv2.BORDER_CONSTANT | cv2.BORDER_ISOLATED
        )
    return result


class Places:
    """What :func:`places` says of a frame, found once for all who ask.

    Parameters
    ----------
    face : np.ndarray [shape=(478, 2)]
        Landmarks in crop units.
    """

    def __init__(self, face: np.ndarray) -> None:
        self._face = face
        self._whole: np.ndarray | None = None

    def whole(self) -> np.ndarray:
        """Of the whole crop."""
        if self._whole is None:
            self._whole = places(self._face)
        return self._whole

    def window(self, window: Window) -> np.ndarray:
        """Of a window of it."""
        if self._whole is None:
            return places(self._face, window)
        x0, y0, x1, y1 = window
        return np.ascontiguousarray(self._whole[:, y0:y1, x0:x1])


def _drawn(
    at: np.ndarray,
    line: tuple[int, ...],
    origin: tuple[int, int] = (0, 0),
    size: tuple[int, int] = (SIDE, SIDE),
) -> np.ndarray:
    """A closed line of landmarks ``at`` pixels of the crop, filled, over a window of it."""
    canvas = np.zeros(size[::-1], np.uint8)
    outline = np.round(at[list(line)]).astype(np.int32) - np.array(origin, np.int32)
    cv2.fillPoly(canvas, [outline], 1)
    return canvas.astype(np.float32)


def _seeds(face: np.ndarray) -> list[np.ndarray]:
    """Pixels that are certainly of each learnt class, bool pictures of 256."""
    chance = places(face)
    at = face * SIDE
    oval = _drawn(at, OVAL).astype(np.uint8)
    lips = _drawn(at, points.OUTER_LIPS).astype(np.uint8)
    near = cv2.dilate(oval, np.ones((25, 25), np.uint8))
    inner = cv2.erode(oval, np.ones((13, 13), np.uint8))
    around_lips = cv2.dilate(lips, np.ones((9, 9), np.uint8))
    brows = sum(_drawn(at, line) for line in _BROWS) > 0
    below_eyes = np.arange(SIDE)[:, None] > face[[33, 133, 362, 263], 1].max() * SIDE + 10
    below = cv2.erode((chance[NECK] > 0.6).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    middle = np.abs(np.arange(SIDE)[None] / SIDE - face[points.CHIN, 0]) < 0.15
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
    total = COLOURS * 3
    counts = np.zeros((_LEARNT, total), np.float64)
    skins, lips = [], []
    for crop, face in zip(crops, faces, strict=True):
        bins, values = features(crop)
        seeds = _seeds(face)
        if seeds[SKIN].any():
            shaded = _shaded(values, np.median(values[seeds[SKIN]], axis=0))
            seeds[BACKGROUND] |= seeds[NECK] & ~shaded
            seeds[NECK] &= shaded
        for kind, where in enumerate(seeds):
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


def _shaded(values: np.ndarray, skin: np.ndarray) -> np.ndarray:
    """Pixels of the skin's colour in whatever light."""
    tint = values[..., 1:] / np.maximum(values[..., :1], _DARKEST)
    return np.linalg.norm(tint - skin[1:] / max(skin[0], _DARKEST), axis=-1) < _SHADED


def _smoothed(counts: np.ndarray) -> np.ndarray:
    """Counts as a density, smoothed over neighbouring bins of colour and a little of texture."""
    from scipy.ndimage import gaussian_filter

    if counts.sum() < 1:
        return np.full(counts.shape, 1 / counts.size)
    cube = counts.reshape(*BINS, 3) / counts.sum()
    return gaussian_filter(cube, (0.9, 1.5, 1.5, 0.4), mode="nearest").reshape(-1)


def parse(
    palette: Palette,
    crop: np.ndarray,
    face: np.ndarray,
    window: Window = WHOLE,
    where: Places | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Parse one crop.

    Parameters
    ----------
    palette : Palette
    crop : np.ndarray [shape=(256, 256, 3), dtype=uint8]
    face : np.ndarray [shape=(478, 2)]
        Landmarks in crop units.
    window : tuple of int
        x0, y0, x1, y1: the pixels of the crop that are wanted.
    where : Places, optional
        Of the same face, where somebody else asks too.

    Returns
    -------
    chance : np.ndarray [shape=(6, 256, 256), dtype=float32]
        Of each learnt class, in the order of :data:`CLASSES`; sums to 1 in the window, 0 beside.
    labels : np.ndarray [shape=(256, 256), dtype=uint8]
        The likeliest class, teeth and tongue told apart; no occluder yet. Background beside
        the window.
    """
    x0, y0, x1, y1 = window
    # texture and smoothing look at pixels beside the window
    ax, ay = max(x0 - _ROOM, 0), max(y0 - _ROOM, 0)
    bins, values = features(crop[ay : y1 + _ROOM, ax : x1 + _ROOM])
    part = np.s_[y0 - ay : y1 - ay, x0 - ax : x1 - ax]
    # all classes of a pixel are read together, they lie side by side
    colour = cv2.blur(np.take(palette.scores, bins, axis=0), (3, 3))[part]
    share = np.ascontiguousarray(np.moveaxis(colour, -1, 0))
    share = cv2.exp(share.reshape(_LEARNT, -1)).reshape(share.shape)
    share *= (where or Places(face)).window(window)
    share /= share.sum(0)
    chance = np.zeros((_LEARNT, SIDE, SIDE), np.float32)
    labels = np.full((SIDE, SIDE), BACKGROUND, np.uint8)
    chance[:, y0:y1, x0:x1] = share
    labels[y0:y1, x0:x1] = with_teeth(palette, _likeliest(share), values[part])
    return chance, labels


def _likeliest(share: np.ndarray) -> np.ndarray:
    """The first class ``[shape=(h, w), dtype=uint8]`` of the largest share."""
    best, result = share[0].copy(), np.zeros(share.shape[1:], np.uint8)
    for kind in range(1, len(share)):
        np.copyto(result, np.uint8(kind), where=share[kind] > best)
        np.maximum(best, share[kind], out=best)
    return result


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
