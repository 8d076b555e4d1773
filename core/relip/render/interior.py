"""The inside of the mouth: the fine band of shot frames whose lips have the wanted shape.

Lip lines do not say where the teeth and the tongue are, so a network that is
driven by them averages over what the shot shows: one soft bar instead of teeth.
The shot itself holds sharp mouths of nearly every shape. For each frame the one
is chosen whose lips, with those of the frames around it, are nearest to the
wanted ones and which goes on from the frame chosen before (Viterbi 1967, on the
frames around). Its lips are warped to the wanted lines, its teeth are laid on
those that the network drew, and inside the opening its fine band replaces the
network's, on the lips too. The broad band stays the network's, and where the
two disagree about it (teeth here, tongue there) the network's picture stays as
it is. Between closed lips there is no opening, so nothing is shown there.

Sharpness has its price: on held-out frames of a seated speaker the inside is as
sharp as the plate's instead of half as sharp, at 0.28 dB and 0.008 of SSIM.

The frames' mouths travel inside the model file, so that a render needs no other
frame of the plate than its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from relip.mask.coverage import disc, fill
from relip.render.canonical import Window
from relip.render.colourmatch import grey, largest
from relip.render.detail import SEAM, lip_warp, moved, still_skin
from relip.render.examples import Examples, near_size
from relip.render.rig import N_INNER, N_OUTER

#: Mouths that a model carries at most, and their size in the file.
MOST, MOST_BYTES = 400, 64 << 20

#: The fine band: what a Gaussian of this sigma takes away, in pixels per 256 of the crop and in
#: pixels of the plate, which are wider than the crop's where the face is small; how many times the
#: first it is at most.
SIGMA, PLATE_SIGMA, WIDEST = 1.75, 1.4, 2.0

#: Room around the opening, and the softness of its edge (pixels per 256).
ROOM, SOFT = 1, 1.0

#: Over how far from the piece's border the fine band of the lips and of the skin around them comes
#: in (pixels per 256); where the plate's own is used, that replaces it.
BORDER = 6.0

#: Difference of the broad bands at which the fine band is gone: a part of how much light and dark
#: lie apart inside the shot's mouths, and at least (network encoding).
DISAGREEMENT, LEAST_DISAGREEMENT = 0.5, 0.045

#: How much lighter or darker a mouth may be as a whole for that to be its light and nothing else:
#: a part of the same.
OTHER_LIGHT = 0.25

#: How far teeth may lie from where the lips put them (pixels per 256).
FLOW_REACH = 4.0

#: Room around the opening that is looked at (pixels per 256).
FLOW_ROOM = 12.0

#: Grey levels per standard deviation inside the opening of the pictures that flow is sought in,
#: and the deviation (network encoding) that is taken for nothing but noise.
FLOW_CONTRAST, LEAST_CONTRAST = 45.0, 0.02

#: Frames around a frame whose lips are compared too, and their weights.
CONTEXT = {-4: 0.25, -2: 0.4, 0: 1.0, 2: 0.4, 4: 0.25}

#: Candidates of each frame.
CANDIDATES = 40

#: The path is sought through so many frames before and behind each.
AROUND = 3

#: Frames whose paths are sought at once.
_BLOCK = 500

#: Cost of leaving a run of consecutive shot frames, in per cent of the face width; shares of it
#: for holding or skipping a frame, and for a jump of up to four.
JUMP, HOLD, NEAR_JUMP = 0.35, 0.3, 0.6

#: What a mouth that shows all of what is not wanted costs, in per cent of the face width.
WISH = 2.0

#: Share of a mouth's piece below which its opening shows nothing, and the part of the piece's
#: height by which the opening is narrowed before it is looked at.
LEAST_OPENING, EDGE = 0.002, 0.02

#: Percentile of the opening's values that is its dark, and the brightest that is dark still, as
#: a part of the skin's.
DARK, DARKEST = 15, 0.25

_LIPS = slice(0, N_OUTER + N_INNER)
_PER_CENT = 115.0  # crop units to per cent of the face width


@dataclass(frozen=True)
class Mouths:
    """Mouths of the shot to take fine bands from.

    Attributes
    ----------
    frames : np.ndarray [shape=(n,), dtype=int64]
        Frame numbers, ascending.
    pictures : np.ndarray [shape=(n, height, width, 3), dtype=float16]
        Pieces around the mouth, in the network's encoding.
    lines : np.ndarray [shape=(n, 57, 2), dtype=float32]
        Lip and jaw lines in pixels of the piece.
    shapes : np.ndarray [shape=(n, k), dtype=float32]
        What is compared: see :func:`shapes`.
    """

    frames: np.ndarray
    pictures: np.ndarray
    lines: np.ndarray
    shapes: np.ndarray

    @classmethod
    def none(cls) -> Mouths:
        """No mouths: the network's picture stays as it is."""
        return cls(
            np.zeros(0, np.int64),
            np.zeros((0, 1, 1, 3), np.float16),
            np.zeros((0, N_OUTER, 2), np.float32),
            np.zeros((0, 1), np.float32),
        )

    @classmethod
    def collect(cls, examples: Examples, all_shapes: np.ndarray) -> Mouths:
        """Cut the mouths out of training examples.

        Parameters
        ----------
        examples : Examples
        all_shapes : np.ndarray [shape=(n, k)]
            Of the examples' frames.
        """
        width, height = near_size(examples.window)
        most = min(MOST, MOST_BYTES // (width * height * 3 * 2))
        kept = spread(all_shapes, most)
        pictures = np.empty((len(kept), height, width, 3), np.float16)
        lines = np.empty((len(kept), examples.lines.shape[1], 2), np.float32)
        for place, i in enumerate(kept):
            x, y = _corner(examples.lines[i], (width, height))
            pad = examples.pad
            piece = _cut(examples.pictures[i], x + pad, y + pad, width, height)
            pictures[place] = piece
            lines[place] = examples.lines[i] - [x, y]
        return cls(
            examples.frames[kept].astype(np.int64),
            pictures,
            lines,
            all_shapes[kept].astype(np.float32),
        )

    @cached_property
    def contrast(self) -> float:
        """How far light and dark lie apart inside the mouths that are open.

        The deviation from each opening's own mean, RMS over the pixels of all, in the network's
        encoding; 0 where none is open.
        """
        height, width = self.pictures.shape[1:3]
        squares, total = 0.0, 0.0
        for picture, lines in zip(self.pictures, self.lines, strict=True):
            opening = fill(lines[N_OUTER : N_OUTER + N_INNER], (width, height))
            area = float(opening.sum())
            if area < LEAST_OPENING * height * width:
                continue
            shown = grey(picture.astype(np.float32))
            mean = float((opening * shown).sum()) / area
            squares += float((opening * np.square(shown - mean)).sum())
            total += area
        return float(np.sqrt(squares / total)) if total else 0.0

    def tensors(self) -> dict[str, np.ndarray]:
        """Everything, for a file."""
        return {
            "interior.frames": self.frames,
            "interior.pictures": self.pictures,
            "interior.lines": self.lines,
            "interior.shapes": self.shapes,
        }

    @classmethod
    def from_tensors(cls, tensors: dict[str, np.ndarray]) -> Mouths:
        """What :meth:`tensors` gave; none when there is nothing of it."""
        if "interior.frames" not in tensors:
            return cls.none()
        return cls(
            *(tensors[f"interior.{name}"] for name in ("frames", "pictures", "lines", "shapes"))
        )


def shapes(lines: np.ndarray) -> np.ndarray:
    """What mouths are compared by: lip lines, with those of the frames around.

    Parameters
    ----------
    lines : np.ndarray [shape=(F, 57, 2)]
        Of all frames of the shot in crop units; NaN without a face.

    Returns
    -------
    np.ndarray [shape=(F, k), dtype=float64]
        Their Euclidean distance is about the mean distance of the lips' points in per cent of
        the face width. A frame without a face is all zeros; beside it, frames have their own
        lips in its stead.
    """
    lips = lines[:, _LIPS].reshape(len(lines), -1) * _PER_CENT
    seen = np.isfinite(lips).all(1)
    lips = np.where(seen[:, None], lips, 0.0)
    frames = np.arange(len(lines))
    parts = []
    for ahead, weight in CONTEXT.items():
        other = np.clip(frames + ahead, 0, len(lines) - 1)
        parts.append(weight * lips[np.where(seen[other], other, frames)])
    return np.concatenate(parts, 1) / np.sqrt(_LIPS.stop)


def looks(mouths: Mouths) -> np.ndarray:
    """How much of each mouth's opening shows teeth, and how much tongue.

    Returns
    -------
    np.ndarray [shape=(n, 2), dtype=float64]
        Shares of the opening, 0 to 1; 0 where the lips are closed.
    """
    height, width = mouths.pictures.shape[1:3]
    result = np.zeros((len(mouths.frames), 2))
    # not the lips' own edge, which is as red as a tongue
    kernel = disc(max(round(EDGE * height), 1))
    for i, picture in enumerate(mouths.pictures):
        lines = mouths.lines[i]
        opening = cv2.erode(fill(lines[N_OUTER : N_OUTER + N_INNER], (width, height)), kernel)
        total = float(opening.sum())
        if total < LEAST_OPENING * height * width:
            continue
        shown = picture.astype(np.float32)
        inside = _parts(shown, _skin(shown, lines))
        result[i] = [float((part * opening).sum()) / total for part in inside]
    return result


def _parts(picture: np.ndarray, skin: float) -> tuple[np.ndarray, np.ndarray]:
    """How much each pixel of a mouth looks like teeth and like tongue, 0 to 1 in float32.

    Teeth are bright and pale, a tongue is bright and red, beside the skin around, which is as
    bright as ``skin``.
    """
    high, low = picture.max(2), np.maximum(picture.min(2), 0)
    bright = np.clip((picture.mean(2) / skin - 0.35) / 0.25, 0, 1)
    red = np.clip(((high - low) / np.maximum(high, 0.02) - 0.25) / 0.15, 0, 1)
    return (bright * (1 - red)).astype(np.float32), (bright * red).astype(np.float32)


def _skin(picture: np.ndarray, lines: np.ndarray) -> float:
    """How bright the skin around the lips is."""
    lips = fill(lines[:N_OUTER], (picture.shape[1], picture.shape[0]))
    around = picture.mean(2)[lips < 0.01]
    return max(float(np.median(around)) if around.size else 0.5, 0.05)


def wishes(shown: np.ndarray, visibility: np.ndarray) -> np.ndarray | None:
    """What each mouth costs in each frame for showing what is not wanted.

    Parameters
    ----------
    shown : np.ndarray [shape=(n, 2)]
        From :func:`looks`.
    visibility : np.ndarray [shape=(F, 2)]
        How much of teeth and tongue is wanted, 0-1; 0.5 is no wish.

    Returns
    -------
    np.ndarray [shape=(F, n)] or None
        Per cent of the face width, as the shapes' distances; None without any wish.
    """
    wish = 2 * visibility - 1
    if not len(shown) or not wish.any():
        return None
    share = shown / np.maximum(shown.max(0), 1e-6)
    cost = np.zeros((len(visibility), len(shown)))
    for k in range(visibility.shape[1]):
        missed = np.where(wish[:, k, None] > 0, 1 - share[None, :, k], share[None, :, k])
        cost += WISH * np.abs(wish[:, k, None]) * missed
    return cost


def choose(
    frames: np.ndarray,
    known: np.ndarray,
    wanted: np.ndarray,
    wished: np.ndarray | None = None,
) -> np.ndarray:
    """The mouth for every frame of a shot.

    Parameters
    ----------
    frames : np.ndarray [shape=(n,)]
        Frame numbers of the mouths, ascending.
    known : np.ndarray [shape=(n, k)]
        Their shapes.
    wanted : np.ndarray [shape=(F, k)]
        Shapes of all frames of the shot. What a frame is given depends on the
        :data:`AROUND` frames before and behind it: an edit changes nothing far
        away, and every chunk of the shot chooses alike.
    wished : np.ndarray [shape=(F, n)], optional
        What the mouths cost besides, from :func:`wishes`.

    Returns
    -------
    np.ndarray [shape=(F,), dtype=int64]
        Indices into the mouths; −1 everywhere when there are none.
    """
    if not len(frames) or not len(wanted):
        return np.full(len(wanted), -1)
    known = known.astype(np.float64)
    square = (wanted**2).sum(1)[:, None] + (known**2).sum(1)[None] - 2 * wanted @ known.T
    distance = np.sqrt(np.maximum(square, 0))
    if wished is not None:
        distance += wished
    count = min(CANDIDATES, len(known))
    candidates = np.argsort(distance, axis=1, kind="stable")[:, :count]
    cost = np.take_along_axis(distance, candidates, 1)
    parts = [
        _middle(frames, candidates, cost, np.arange(start, min(start + _BLOCK, len(wanted))))
        for start in range(0, len(wanted), _BLOCK)
    ]
    return np.concatenate(parts)


def _middle(
    frames: np.ndarray, candidates: np.ndarray, cost: np.ndarray, at: np.ndarray
) -> np.ndarray:
    """For each frame the middle of the cheapest path through the frames around it."""
    around = np.clip(at[:, None] + np.arange(-AROUND, AROUND + 1), 0, len(cost) - 1)
    total = cost[around[:, 0]]
    back = []
    for s in range(1, 2 * AROUND + 1):
        before, here = frames[candidates[around[:, s - 1]]], frames[candidates[around[:, s]]]
        step = here[:, None, :] - before[:, :, None]
        paid = np.where(np.abs(step) <= 4, NEAR_JUMP * JUMP, JUMP)
        paid = np.where(np.abs(step - 1) <= 1, HOLD * JUMP, paid)
        through = total[:, :, None] + np.where(step == 1, 0.0, paid)
        back.append(through.argmin(1))
        total = through.min(1) + cost[around[:, s]]
    place = total.argmin(1)
    for link in reversed(back[AROUND:]):
        place = np.take_along_axis(link, place[:, None], 1)[:, 0]
    return candidates[at, place].astype(np.int64)


def spread(all_shapes: np.ndarray, most: int) -> np.ndarray:
    """Indices of at most ``most`` shapes that cover all of them, ascending.

    Farthest-point sampling (Gonzalez 1985) from the shape nearest to the mean.
    """
    if len(all_shapes) <= most:
        return np.arange(len(all_shapes))
    apart = np.square(all_shapes - all_shapes.mean(0)).sum(1)
    chosen = [int(apart.argmin())]
    nearest = np.square(all_shapes - all_shapes[chosen[0]]).sum(1)
    while len(chosen) < most:
        chosen.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, np.square(all_shapes - all_shapes[chosen[-1]]).sum(1))
    return np.array(sorted(chosen))


def add_mouth_detail(
    picture: np.ndarray,
    mouths: Mouths,
    chosen: int,
    lines: np.ndarray,
    window: Window,
    amount: float = 1.0,
    visibility: np.ndarray | None = None,
    *,
    finest: float = 1.0,
) -> np.ndarray:
    """Replace the fine band inside the opening by that of a mouth of the shot.

    Where the compositor wants more or less of teeth or tongue, the whole of
    that mouth comes in as far as the wish goes, its light matched at the lips;
    what is not wanted of it sinks into the mouth's dark.

    Parameters
    ----------
    picture : np.ndarray [shape=(height, width, 3), dtype=float32]
        The network's window.
    mouths : Mouths
    chosen : int
        Which of them; −1 leaves the picture as it is.
    lines : np.ndarray [shape=(57, 2)]
        Wanted lip and jaw lines in window pixels.
    window : Window
    amount : float
        0 leaves the picture as it is.
    visibility : np.ndarray [shape=(2,)], optional
        How much of teeth and tongue is wanted, 0-1; 0.5 is no wish.
    finest : float
        How many pixels of the window one of the plate's is wide.

    Returns
    -------
    np.ndarray [shape=(height, width, 3), dtype=float32]
    """
    if chosen < 0 or amount <= 0:
        return picture
    wish = np.zeros(2) if visibility is None else 2 * np.asarray(visibility, float) - 1
    whole = float(np.abs(wish).max())
    unit = window.size / 256
    height, width = mouths.pictures.shape[1:3]
    size = (width, height)
    x, y = _corner(lines, size)
    x0, y0 = max(x, 0), max(y, 0)
    x1, y1 = min(x + width, window.width), min(y + height, window.height)
    if x1 <= x0 or y1 <= y0:
        return picture
    within = lines - [x, y]
    known = mouths.pictures[chosen].astype(np.float32)
    shift = lip_warp(mouths.lines[chosen], within, np.zeros((0, 2)), size, SEAM * unit)
    made = _cut(picture, x, y, width, height)
    inside = _opening(within, size, unit)
    if whole < 1:
        # the flow looks at the broad forms; what the compositor brings in lies where the lips
        # put it
        mouth = moved(known, shift, cv2.INTER_LINEAR)
        aside = (1 - whole) * settled(made, mouth, inside, unit)
        mouth = moved(known, aside + moved(shift, aside, cv2.INTER_LINEAR))
    else:
        mouth = moved(known, shift)
    sigma = float(np.clip(PLATE_SIGMA * finest / unit, SIGMA, WIDEST * SIGMA)) * unit
    broad_made = cv2.GaussianBlur(made, (0, 0), sigma)
    broad_mouth = cv2.GaussianBlur(mouth, (0, 0), sigma)
    difference = broad_made - broad_mouth
    # that one mouth stands in more light than the other is no disagreement about its teeth; much
    # more is: those of one in the dark of the other would be outlines
    light = _light(difference, inside)
    light *= min(1.0, OTHER_LIGHT * mouths.contrast / max(float(np.abs(light).max()), 1e-6))
    apart = cv2.GaussianBlur(largest(np.abs(difference - inside[..., None] * light)), (0, 0), sigma)
    gate = np.clip(1.5 - apart / max(DISAGREEMENT * mouths.contrast, LEAST_DISAGREEMENT), 0, 1)
    broad = broad_made
    if whole > 0:
        gate = (1 - whole) * gate + whole
        lips = fill(within[:N_OUTER], size) * (1 - inside)
        light = _light(difference, lips)
        broad = (1 - whole) * broad_made + whole * (broad_mouth + light)
    around = (1 - whole) * _around(mouths.lines[chosen], within, shift, unit)
    gate = (amount * gate * np.maximum(inside, around))[..., None]
    shown = broad + mouth - broad_mouth
    if (wish < 0).any():
        shown = _sunk(shown, within, np.clip(-wish, 0, 1))
    result = gate * shown + (1 - gate) * made
    picture = picture.copy()
    picture[y0:y1, x0:x1] = result[y0 - y : y1 - y, x0 - x : x1 - x]
    return picture.astype(np.float32)


def settled(made: np.ndarray, mouth: np.ndarray, inside: np.ndarray, unit: float) -> np.ndarray:
    """How far each pixel of a warped mouth lies from where the drawn one shows the same.

    Lips say how a mouth is open, not how far its teeth have come down: the row of
    teeth in a mouth that is warped by its lips lies beside the soft one that the
    network drew. Dense flow (Farnebäck 2003) from the drawn mouth to the warped one,
    whose contrast is made the same first, lays the one on the other.

    Parameters
    ----------
    made, mouth : np.ndarray [shape=(height, width, 3), dtype=float32]
        Drawn and warped mouth in the network's encoding.
    inside : np.ndarray [shape=(height, width), dtype=float32]
        1 inside the opening.
    unit : float
        Pixels of the pieces per 256 of the crop.

    Returns
    -------
    np.ndarray [shape=(height, width, 2), dtype=float32]
        Add it to a pixel's place to find what belongs there in the warped mouth; 0 beside the
        opening.
    """
    if not inside.any():
        return np.zeros((*inside.shape, 2), np.float32)
    share = inside / max(float(inside.sum()), 1e-6)
    levels, sure = [], 1.0
    for picture in (made, mouth):
        soft = cv2.GaussianBlur(grey(picture), (0, 0), unit)
        mean = float((share * soft).sum())
        spread = float(np.sqrt((share * np.square(soft - mean)).sum()))
        level = 128 + FLOW_CONTRAST * (soft - mean) / max(spread, LEAST_CONTRAST)
        levels.append(np.clip(level, 0, 255).astype(np.uint8))
        sure = min(sure, spread / LEAST_CONTRAST)
    size = 2 * round(3 * unit) + 1
    seen = _box(inside, round(FLOW_ROOM * unit))
    flow = np.zeros((*inside.shape, 2), np.float32)
    flow[seen] = cv2.calcOpticalFlowFarneback(
        *(np.ascontiguousarray(level[seen]) for level in levels), None, 0.5, 3, size, 5, 5, 1.1, 0
    )
    # what is beside the opening has as good as no say inside it
    weight = inside[..., None] + np.float32(0.02)
    both = np.repeat(weight, 2, axis=2)
    flow = cv2.GaussianBlur(flow * weight, (0, 0), unit) / cv2.GaussianBlur(both, (0, 0), unit)
    length = np.linalg.norm(flow, axis=2, keepdims=True)
    within_reach = np.minimum(1, FLOW_REACH * unit / np.maximum(length, 1e-6))
    return (flow * within_reach * (sure * inside[..., None])).astype(np.float32)


def _light(apart: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Mean of a difference of two mouths over a part of them ``[shape=(3,), dtype=float32]``."""
    return ((where[..., None] * apart).sum((0, 1)) / (where.sum() + 1e-6)).astype(np.float32)


def _sunk(picture: np.ndarray, lines: np.ndarray, share: np.ndarray) -> np.ndarray:
    """A mouth whose teeth and tongue sink, by their shares, into its own dark."""
    height, width = picture.shape[:2]
    opening = fill(lines[N_OUTER : N_OUTER + N_INNER], (width, height)) > 0.5
    if not opening.any():
        return picture
    skin = _skin(picture, lines)
    dark = np.percentile(picture[opening], DARK, axis=0)
    dark = dark * min(1.0, DARKEST * skin / max(float(dark.mean()), 1e-3))
    sunk = np.zeros((height, width), np.float32)
    for part, amount in zip(_parts(picture, skin), share, strict=True):
        sunk += np.float32(amount) * part
    # what lies between two teeth sinks with them
    sunk = cv2.GaussianBlur(np.clip(sunk, 0, 1), (0, 0), max(height / 64, 0.8))[..., None]
    sunk = np.clip(1.4 * sunk, 0, 1)
    return (picture + sunk * np.minimum(dark - picture, 0)).astype(np.float32)


def _opening(lines: np.ndarray, size: tuple[int, int], unit: float) -> np.ndarray:
    """1 inside the opening, with a little room and a soft edge."""
    opening = fill(lines[N_OUTER : N_OUTER + N_INNER], size)
    room = 2 * round(ROOM * unit) + 1
    grown = cv2.dilate(opening, np.ones((room, room), np.uint8))
    return cv2.GaussianBlur(grown, (0, 0), SOFT * unit)


def _box(shown: np.ndarray, room: int) -> tuple[slice, slice]:
    """Rows and columns of the rectangle around what is not 0, with some room."""
    sides = []
    for axis in (1, 0):
        at = np.flatnonzero(shown.any(axis))
        sides.append(slice(max(int(at[0]) - room, 0), int(at[-1]) + 1 + room))
    return sides[0], sides[1]


def _around(old: np.ndarray, new: np.ndarray, shift: np.ndarray, unit: float) -> np.ndarray:
    """How much of the fine band of lips and skin is taken, away from both openings."""
    height, width = shift.shape[:2]
    x, y = np.arange(width) + 0.5, np.arange(height)[:, None] + 0.5
    border = np.minimum(np.minimum(x, width - x), np.minimum(y, height - y))
    share = np.clip(border / (BORDER * unit), 0, 1)
    return (share * still_skin(old, new, shift, unit)).astype(np.float32)


def _corner(lines: np.ndarray, size: tuple[int, int]) -> tuple[int, int]:
    """Top-left pixel of the piece whose middle is the middle of the lips."""
    middle = lines[:N_OUTER].mean(0) - np.array(size) / 2
    return int(np.round(middle[0])), int(np.round(middle[1]))


def _cut(picture: np.ndarray, x: int, y: int, width: int, height: int) -> np.ndarray:
    """A piece of a picture; what lies beyond its edge repeats the edge."""
    rows = np.clip(np.arange(y, y + height), 0, picture.shape[0] - 1)
    columns = np.clip(np.arange(x, x + width), 0, picture.shape[1] - 1)
    return picture[rows[:, None], columns[None]]
