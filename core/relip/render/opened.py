"""Opened mouths of an actor who keeps silent: what to learn from where the plate shows none.

An actor who listens never opens the mouth, and a network that never saw one opened
cannot draw it. So frames of the plate are opened by a warp: lips, chin and the skin
between go where the rig puts them (:mod:`relip.render.rig` knows how other actors'
lips open), as the plate shows them. What lies behind the lips is painted: dark, the
colour of the lips going down into it, the tongue's in its floor, and the edge of the
upper teeth below the lip. That is no actor's own mouth, and the training says so;
real ones (an extra plate, another shot's network) are better.
"""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np

from relip.mask.coverage import fill
from relip.render.detail import SEAM, lip_warp, moved
from relip.render.examples import Examples
from relip.render.rig import INNER_LOWER, INNER_UPPER, N_INNER, N_OUTER, Rig, lip_edges
from relip.speech import MOUTH_CONTROLS
from relip.track.stabilise import CROP_FACE_WIDTHS

#: As many opened frames as a half of the shot's own, and no fewer or more than this.
SHARE, FEWEST, MOST = 0.5, 80, 300

#: The least of their opening controls.
LEAST_OPEN = 0.08

#: How much of the upper teeth is seen when the mouth begins to open, and at most (face widths).
TEETH_SHOWN, TEETH_MOST = 0.010, 0.045

#: Share of half the mouth's width beyond which no teeth are seen, and their edges from the middle
#: outwards (face widths; mean widths of incisors and canines, of a face of 140 mm).
TEETH_ACROSS, TEETH_EDGES = 0.82, (0.0, 0.060, 0.107, 0.161, 0.211)

#: The dark behind the lips and the tongue's colour as parts of the lips', and the teeth's as a
#: part of the lit skin's grey, in the network's encoding. The light has a colour too: so much of
#: the skin's own is in it.
DARK = np.array([0.26, 0.18, 0.18], np.float32)
TONGUE = np.array([0.62, 0.50, 0.52], np.float32)
TEETH = np.array([1.0, 0.96, 0.89], np.float32)
LIGHT = 0.4

#: How soft what is painted is, and its edge: pixels per 256 of the crop, and of the plate, whose
#: own are as soft as this where the face is small.
SOFT, SOFT_EDGE, PLATE_SOFT = 0.8, 0.6, 0.5


def opened_examples(
    examples: Examples, rig: Rig, curves: np.ndarray, seed: int, *, finest: float = 1.0
) -> Examples:
    """Frames of a shot with their mouths opened.

    Parameters
    ----------
    examples : Examples
        The shot's own.
    rig : Rig
        Fitted on them.
    curves : np.ndarray [shape=(n, 3)]
        Pose of every example, from :func:`relip.track.pose.pose_curves`.
    seed : int
        The shot's.
    finest : float
        How many pixels of the window one of the plate's is wide.

    Returns
    -------
    Examples
        Of the same window, :data:`FEWEST` to :data:`MOST`.
    """
    own = len(examples.frames)
    count = int(np.clip(round(SHARE * own), FEWEST, MOST))
    rows = np.round(np.linspace(0, own - 1, count)).astype(int)
    lines = rig.lines(_controls(count, seed), curves[rows]) * examples.window.size
    lines = lines - examples.corners[rows, None]
    pictures = np.empty((count, *examples.pictures.shape[1:]), np.float16)
    for place, row in enumerate(rows):
        pictures[place] = opened(
            examples.pictures[row].astype(np.float32),
            examples.lines[row] + examples.pad,
            lines[place] + examples.pad,
            examples.outlines[row] + examples.pad,
            examples.window.size,
            finest=finest,
        )
    return dataclasses.replace(
        examples,
        frames=examples.frames[rows],
        pictures=pictures,
        lines=lines,
        outlines=examples.outlines[rows],
        corners=examples.corners[rows],
        plates=examples.plates[rows],
        hidden={
            place: examples.hidden[row] for place, row in enumerate(rows) if row in examples.hidden
        },
    )


def _controls(count: int, seed: int) -> np.ndarray:
    """Mouth controls ``[shape=(count, 10)]``: openings evenly, widths and lips at random."""
    rng = np.random.default_rng([seed & 0xFFFFFFFF, count])
    controls = np.zeros((count, len(MOUTH_CONTROLS)))
    opening = LEAST_OPEN + (1 - LEAST_OPEN) * (rng.permutation(count) + 0.5) / count
    controls[:, MOUTH_CONTROLS.index("jawOpen")] = opening
    rounded = rng.random(count) < 0.4
    amounts = rng.random((count, 2))
    controls[:, MOUTH_CONTROLS.index("mouthPucker")] = np.where(rounded, amounts[:, 0], 0)
    controls[:, MOUTH_CONTROLS.index("mouthStretch")] = np.where(rounded, 0, amounts[:, 0])
    controls[:, MOUTH_CONTROLS.index("mouthUpperUp")] = 0.5 * amounts[:, 1]
    return controls


def opened(
    picture: np.ndarray,
    old_lines: np.ndarray,
    new_lines: np.ndarray,
    outline: np.ndarray,
    size: int,
    *,
    finest: float = 1.0,
) -> np.ndarray:
    """One picture of a shut mouth, opened.

    Parameters
    ----------
    picture : np.ndarray [shape=(height, width, 3), dtype=float32]
        In the network's encoding.
    old_lines, new_lines : np.ndarray [shape=(57, 2)]
    outline : np.ndarray [shape=(m, 2)]
        The region. All in pixels of the picture.
    size : int
        Side of the whole crop.
    finest : float
        How many of the picture's pixels one of the plate's is wide.

    Returns
    -------
    np.ndarray [shape=(height, width, 3), dtype=float32]
    """
    shape = (picture.shape[1], picture.shape[0])
    unit = size / 256
    shift = lip_warp(old_lines, new_lines, outline, shape, SEAM * unit)
    warped = moved(picture, shift)
    inner = new_lines[N_OUTER : N_OUTER + N_INNER]
    opening = fill(inner, shape)
    if not opening.any():
        return warped
    behind = _behind_lips(picture, old_lines, new_lines, size / CROP_FACE_WIDTHS)
    behind = cv2.GaussianBlur(behind, (0, 0), max(SOFT * unit, PLATE_SOFT * finest))
    edge = max(SOFT_EDGE * unit, PLATE_SOFT * finest)
    seen = cv2.GaussianBlur(opening, (0, 0), edge)[..., None]
    return (seen * behind + (1 - seen) * warped).astype(np.float32)


def _behind_lips(
    picture: np.ndarray, old_lines: np.ndarray, new_lines: np.ndarray, face: float
) -> np.ndarray:
    """What is painted behind the lips, over the whole picture; ``face`` is its width."""
    height, width = picture.shape[:2]
    lips, skin = _colours(picture, old_lines)
    x, y = np.arange(width) + 0.5, np.arange(height)[:, None] + 0.5
    inner = new_lines[N_OUTER : N_OUTER + N_INNER]
    top, bottom = (np.interp(x, *_rising(edge)) for edge in lip_edges(inner))
    depth = np.clip((y - top) / np.maximum(bottom - top, 1), 0, 1).astype(np.float32)[..., None]
    # the floor of the mouth catches light; its back and what lies below the teeth do not
    floor = np.clip((depth - 0.45) / 0.55, 0, 1) ** 2
    painted = lips * (DARK + floor * (TONGUE - DARK))
    middle, half = (inner[0] + inner[10]) / 2, np.linalg.norm(inner[10] - inner[0]) / 2
    across = np.abs(x - middle[0]) / max(half, 1)
    gap = float((new_lines[INNER_LOWER, 1] - new_lines[INNER_UPPER, 1]).max())
    risen = float((old_lines[INNER_UPPER, 1] - new_lines[INNER_UPPER, 1]).mean())
    shown = min(TEETH_SHOWN * face + max(risen, 0) + 0.12 * gap, TEETH_MOST * face)
    arch = np.sqrt(np.clip(1 - np.square(across / TEETH_ACROSS), 0, 1))
    edge = top + shown * arch
    below = np.clip(0.5 - (y - edge), 0, 1).astype(np.float32)
    # the lip's shadow lies on them, and they turn away to the sides
    lit = (0.60 + 0.42 * np.clip((y - top) / max(shown, 1), 0, 1)) * (0.45 + 0.55 * arch)
    apart = np.min([np.abs(np.abs(x - middle[0]) - e * face) for e in TEETH_EDGES], axis=0)
    lit = lit * (1 - 0.12 * np.clip(1 - apart / (0.004 * face), 0, 1))
    grey_skin = float(skin.mean())
    teeth = ((1 - LIGHT) * grey_skin * TEETH + LIGHT * skin) * lit[..., None].astype(np.float32)
    share = below[..., None]
    return (share * teeth + (1 - share) * painted).astype(np.float32)


def _rising(line: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """x and y of a line from left to right."""
    order = np.argsort(line[:, 0])
    return line[order, 0], line[order, 1]


def _colours(picture: np.ndarray, lines: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Colours of the lips and of the lit skin around them ``[shape=(3,), dtype=float32]``."""
    shape = (picture.shape[1], picture.shape[0])
    whole = fill(lines[:N_OUTER], shape)
    lips = np.average(picture.reshape(-1, 3), axis=0, weights=whole.ravel() + 1e-9)
    low, high = lines[:N_OUTER].min(0), lines[:N_OUTER].max(0)
    room = (high - low)[0] / 2
    around = np.zeros_like(whole)
    x0, y0 = np.maximum(np.floor(low - room), 0).astype(int)
    x1, y1 = np.ceil(high + room).astype(int)
    around[y0:y1, x0:x1] = 1
    beside = picture[(around > 0) & (whole == 0)]
    if not len(beside):
        return lips.astype(np.float32), lips.astype(np.float32)
    light = beside.mean(1)
    lit = beside[light >= np.percentile(light, 60)]
    return lips.astype(np.float32), np.median(lit, axis=0).astype(np.float32)
