"""What stands in front of the face: a hand, a microphone, a glass, a strand of hair.

A pixel of the crop is the occluder's where it cannot be the face (the shot's
appearance model does not know it, neither with the face's own mesh nor with
the one that the head's pose gives, for an occluder pushes the mesh about), and
where its colour is rather that of such pixels than what the shot's classes
show there. The search is made in the crop at 128; :mod:`relip.mask.alpha` then
finds its edge in the plate's own pixels. Where several things are strange each
is followed by its own colours.

Careful by design: where no pixel is far from the face nothing is looked for,
what looks like skin at skin's place is skin, what has no edge is no occluder,
what has the face's own colours must go on outside it, and what is hardly unlike
the face is believed only where it comes in from there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from relip.mask import parsing
from relip.mask.appearance import CERTAIN, Appearance, opponent
from relip.mask.channels import squared, total
from relip.mask.coverage import disc, fill
from relip.mask.crop import SMALL, ShapeSpace, sample
from relip.mask.hands import drawn, size_of
from relip.mask.parsing import BIN_SIZE, BINS, COLOURS, OVAL, Palette
from relip.track import points

#: Strangeness from which a pixel is suspect, and from which it is no face whatever the light.
SUSPECT, SURE = 0.85, 4.0

#: Area of a pixel in the crop over its area in the normalised picture below which it tells
#: nothing (a cheek that turns away), and from which it tells all.
_FOLDED, _OPEN = 0.25, 0.6

#: Certain pixels (of 128 × 128) that an occluder has at least.
LEAST = 18

#: Pixels that an occluder has at least of which none is sure: it comes in from outside.
LARGE = 120

#: Pixels beside the face that an occluder of the face's own colours covers at least; shares of it
#: that lie there where none of it is sure: of one of the face's own colours (a hand, which has an
#: arm), and of any other (what the head uncovers as it turns lies where the cheek was).
_BEYOND_FACE, _BESIDE, _MOSTLY = 24, 0.1, 0.5

#: Share of a group that is sure where it is the face's colour and comes in from above, as hair
#: does: a smile lifts a cheek to there.
_SURELY = 0.1

#: Rows below the upper end of what is known of the face that are its edge.
_TOP = 3

#: Distance of two colours (lightness, and twice the differences) that are no one colour.
_TWO = 0.2

#: Room that edges have, in pixels of 128, where certain pixels and where suspect ones are looked
#: for; the next pair where the one before finds none, so that what is like the face is found too.
_ROOMS = ((3, 1), (1, 1), (0, 0))

#: Room that a value has to be the face's.
_ROOM = 1

#: A value beyond all that a face has.
_BEYOND = 9.0

#: Room around the inner lips where teeth and tongue may show, and around the outer lips, which
#: look strange where the mesh has not quite followed them (pixels of 128).
MOUTH_ROOM, LIP_ROOM = 1, 2

#: How far from suspect pixels the occluder may reach (pixels of 128).
REACH = 9

#: How far an occluder moves from frame to frame at most (pixels of 128).
_MOVES = 10

#: Share of what both neighbours show that a frame which has lost sight of it finds at most.
_BLINK = 0.25

#: The log-likelihood ratio is cut at this.
_CUT = 5.0

#: Share of an occluder's colours that its seed may not show; of the face's that the model may not
#: know, in the face, beside it, and in the mouth.
_UNSEEN, _DOUBT, _DOUBT_BESIDE, _DOUBT_MOUTH = 0.05, 0.05, 0.8, 0.999

#: Where the mouth opens and beside the face, colours that these classes show there so often
#: (against any colour) count so much more as theirs.
_AROUND = [parsing.MOUTH, parsing.HAIR, parsing.BACKGROUND]
_COMMON, _PREFER = 2.0, 1.5

#: Log-likelihood ratio from which a suspect pixel with the colours of the shot's occluders is one
#: of theirs, and how many it takes to be believed wherever they are.
_FAMILIAR, FAMILIAR = 2.0, 60

#: Share of a frame's own colours where the shot's are known; frames that make them known, and
#: pixels in each of them: a crease that is taken for an occluder has fewer.
_OWN, _FRAMES, _ENOUGH = 0.7, 3, 40

#: How often the face shows a colour, against any colour, for it to be the face's own; share of an
#: occluder's pixels that have such for it to be of the face's colours.
_FACE_OWN, _OWN_SHARE = 4.0, 0.9

#: Where something of other colours than the face's is sure, skin speaks for an occluder from this
#: share of its strangeness: a face that draws itself up as the shot rarely shows it is strange too.
_BESIDE_SURE = 0.4

#: Half the width of what is mixed colour only (pixels of 128).
_MIXED = 3

#: A colour is the occluders' in half where the face shows it as often, divided by this.
_FLESHY = 2.0

#: A fold of the skin: so much of it lies where folds are, and it is nowhere further
#: from its edge; room around them (pixels of 128).
_IN_FOLDS, _FOLD_HALF, _FOLD_ROOM = 0.85, 4.0, 4

#: Standard deviation of an occluder's colours over neighbouring bins, in bins; the bins it takes.
_BLUR, _BLUR_SIDE = 0.8, 7

#: How far a class may lie from where the mesh has it (pixels of 128), how often it does, and how
#: often any class may be anywhere; what every colour has beside the classes' own.
_ASIDE, _OFTEN, _ANYWHERE, _ANY = 4.0, 0.3, 0.002, 0.02

#: The occluder is followed from what was found, this many times at most, and so many of them.
_ROUNDS, _MOST = 4, 4

#: A hole in what was found is the face's below this mean value, unless it has so few pixels.
_CLEARLY, _SPECK = -0.6, 4

#: Half the width of an occluder that is broad, and of the dents in it that are filled.
_BROAD, _DENT = 4, 8

#: Share of an occluder's rim in the face that is an edge, the step of a value across it from pixel
#: to pixel that makes one, and what the values are: lightness, and two differences of colour,
#: doubled. Where so much of what lies in the face is sure, it needs no edge; what has the face's
#: own colours does, for a face at rest is no less strange where the shot smiles.
_EDGED, _STEEP, _NO_EDGE = 0.2, 0.025, 0.4

#: Room around lips and nose, whose edges are the face's own, the least rim beside it that tells
#: anything, and what the way across a rim is smoothed by (pixels of 128).
_OWN_EDGE, _RIM, _ACROSS = 2, 8, 2.0
_EDGES = np.array([[1 / 3, 1 / 3, 1 / 3], [1.0, -1.0, 0.0], [0.5, 0.5, -1.0]], np.float32)

#: Certain pixels of the face, beside what is found by its colours, from which hands are looked for,
#: the share of a hand's that is suspect
#: at least where it stands before the face, and the share that a second hand has in common with
#: the first at most.
_MUCH, _HAND_STRANGE, _SAME_HAND = 30, 0.2, 0.3

#: Size of a hand in crop units that stands before its own face: it is nearer. A smaller one must be
#: found in so many pictures at one place: a microphone is taken for one now and then. A find that
#: no other picture shares must explain so much of what is suspect: a neck that turns away is now
#: and then taken for a hand, which explains a tenth of it.
_LIFE_SIZE, _AGREED, _SAME_FIND, _ALONE = 0.45, 3, 0.5, 0.15

#: Between fingers this far apart (half of it) lies no face; how far a hand's rim may lie from where
#: its points have it (pixels of 128), and the log-likelihood ratio of a hand well inside.
_BETWEEN, _RIM_HALF, _HAND = 2, 4.0, 3.0

#: Half the width of what only joins two parts (pixels of 128).
_NECK = 4

#: The smoothing's strength, and the differences of 8-bit values that stop it.
_SMOOTHNESS, _EDGE = 20.0, 8.0


def _spread_over(count: int) -> np.ndarray:
    """Spreads colours over neighbouring bins of lightness, their ends repeated."""
    reach = _BLUR_SIDE // 2
    kernel = cv2.getGaussianKernel(_BLUR_SIDE, _BLUR)[:, 0]
    result = np.zeros((count, count))
    for row in range(count):
        np.add.at(
            result[row], np.clip(np.arange(row - reach, row + reach + 1), 0, count - 1), kernel
        )
    return result.astype(np.float32)


_SPREAD_LIGHT = _spread_over(BINS[0])


@dataclass(frozen=True)
class Sight:
    """A frame's face against the shot's model.

    Attributes
    ----------
    values, explained : np.ndarray [shape=(P, 3), dtype=float32]
        What the frame shows in the model's area, and the face behind; see
        :func:`relip.mask.appearance.opponent`.
    telling : np.ndarray [shape=(P,), dtype=float32]
        How much a pixel tells: 0 where its skin turns away.
    crop_map : np.ndarray [shape=(128, 128, 2), dtype=float32]
        Where the normalised picture's pixels lie in the crop, crop units.
    """

    values: np.ndarray
    explained: np.ndarray
    telling: np.ndarray
    crop_map: np.ndarray

    def strange(self, model: Appearance, room: int = 0) -> np.ndarray:
        """How strange each pixel is, in units of the model's level ``[shape=(P,)]``.

        With ``room`` a pixel is as strange as it is to the likest values of
        the face within so many pixels: an occluder pushes the mesh, and then
        every edge of the face stands beside where it is expected.
        """
        if not room:
            return model.strangeness(self.values, self.explained) * self.telling
        low, high = (model.pixels(part) for part in self.bounds(model, room))
        return model.strangeness(self.values, np.clip(self.values, low, high)) * self.telling

    def bounds(self, model: Appearance, room: int) -> tuple[np.ndarray, np.ndarray]:
        """The least and the greatest value that the face has within so many pixels.

        Returns
        -------
        tuple of two np.ndarray [shape=(128, 128, 3)]
        """
        kernel = disc(room)
        high = cv2.dilate(model.picture(self.explained, -_BEYOND), kernel)
        return cv2.erode(model.picture(self.explained, _BEYOND), kernel), high


def sight(model: Appearance, space: ShapeSpace, crop: np.ndarray, face: np.ndarray) -> Sight:
    """Compare a frame with the model; parameters as for :func:`find`."""
    at = space.crop_map(face)
    values = model.pixels(opponent(sample(cv2.blur(crop, (2, 2)), at)))
    down, across = np.gradient(at, 1 / SMALL, axis=(0, 1))
    size = model.pixels(np.abs(across[..., 0] * down[..., 1] - across[..., 1] * down[..., 0]))
    telling = np.clip((size - _FOLDED) / (_OPEN - _FOLDED), 0, 1)
    return Sight(values, model.explain(values), telling, at)


class _Suspicion:
    """A frame seen with several meshes: a pixel is as strange as it is to the likest.

    Parameters
    ----------
    model : Appearance
    space : ShapeSpace
    crop : np.ndarray [shape=(256, 256, 3), dtype=uint8]
    """

    def __init__(self, model: Appearance, space: ShapeSpace, crop: np.ndarray) -> None:
        self._model, self._space, self._crop = model, space, crop
        self._views: list[tuple[Sight, np.ndarray]] = []
        self._strange: dict[int, np.ndarray] = {}

    def see(self, face: np.ndarray) -> bool:
        """Look with a mesh; False when it shows nothing strange at all."""
        seen = sight(self._model, self._space, self._crop, face)
        strange = seen.strange(self._model)
        if not (strange > CERTAIN).any():
            return False  # neither resampling nor room makes a value larger
        self._views.append((seen, self._space.normalised_map(seen.crop_map)))
        self._strange = {}
        return True

    def strange(self, room: int) -> np.ndarray:
        """Strangeness in the crop ``[shape=(128, 128)]``, see :meth:`Sight.strange`."""
        if room not in self._strange:
            each = [
                sample(self._model.picture(seen.strange(self._model, room)), back)
                for seen, back in self._views
            ]
            self._strange[room] = np.minimum.reduce(each)
        return self._strange[room]

    def likelihood(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How well the expected face explains values ``[shape=(128, 128, 3)]`` of the crop.

        Returns
        -------
        likelihood : np.ndarray [shape=(128, 128)]
            Logarithm of the density against that of any colour.
        known : np.ndarray [shape=(128, 128), dtype=bool]
            Where the model says something about the frame.
        """
        known = np.zeros(values.shape[:2], bool)
        best = np.full(values.shape[:2], -np.inf, np.float32)
        for number, (seen, back) in enumerate(self._views):
            low, high = (sample(part, back) for part in seen.bounds(self._model, _ROOM))
            spread = sample(self._model.picture(self._model.spread), back)
            there = spread[..., 0] > 0
            if not number:
                known = there
            spread[~there] = 1
            off = values - cv2.min(cv2.max(values, cv2.min(low, high)), high)
            density = np.float32(-0.5) * squared(off / spread) - total(cv2.log(spread))
            best = np.maximum(best, density)
        return best + np.float32(np.log(BIN_SIZE * COLOURS) - 1.5 * np.log(2 * np.pi)), known


def find(
    model: Appearance,
    palette: Palette,
    space: ShapeSpace,
    crop: np.ndarray,
    face: np.ndarray,
    posed: np.ndarray,
    colours: np.ndarray | None = None,
    where: parsing.Places | None = None,
    look_for_hands: Callable[[], list[np.ndarray]] | None = None,
) -> np.ndarray | None:
    """The occluder in a crop.

    Parameters
    ----------
    model : Appearance
    palette : Palette
    space : ShapeSpace
    crop : np.ndarray [shape=(256, 256, 3), dtype=uint8]
    face : np.ndarray [shape=(478, 2)]
        Landmarks in crop units.
    posed : np.ndarray [shape=(478, 2)]
        The same as the head's pose alone has them.
    colours : np.ndarray [shape=(COLOURS,)] or None
        Of what stands before the face in the shot, see :func:`shot_colours`.
    where : Places, optional
        Of the same face, where somebody else asks too.
    look_for_hands : callable, optional
        Gives the hands around the face, see :func:`relip.mask.hands.find`; called where much of
        the face is strange.

    Returns
    -------
    np.ndarray [shape=(128, 128), dtype=float32] or None
        −1 to 1, above 0 where the occluder is; None where there is none.
    """
    suspicion = _Suspicion(model, space, crop)
    oval = _face_area(face)
    inside = _inside_face(oval)
    for mesh in (face, posed):
        if not suspicion.see(mesh):
            return None
        looked_at = inside if colours is None else slice(None)
        if np.count_nonzero((suspicion.strange(0) > CERTAIN)[looked_at]) < LEAST:
            return None
    lips = _grown(face, points.OUTER_LIPS, LIP_ROOM) | _grown(posed, points.OUTER_LIPS, LIP_ROOM)
    telling = inside & ~lips
    for rooms in _ROOMS:
        certain, suspect = (suspicion.strange(room) for room in rooms)
        seed = _seed(certain, suspect, telling)
        if seed is not None:
            break
    if seed is None and colours is None:
        return None
    small = cv2.resize(crop, (SMALL, SMALL), interpolation=cv2.INTER_AREA)
    values = opponent(small)
    expected, known = suspicion.likelihood(values)
    bins = parsing.colour_bins(values)
    mouth = _grown(face, points.INNER_LIPS, MOUTH_ROOM)
    doubt = np.where(telling, _DOUBT, _DOUBT_BESIDE).astype(np.float32)
    doubt[mouth] = _DOUBT_MOUTH
    shown = _usual(palette, where or parsing.Places(face), bins)
    usual = shown.sum(0) + np.float32(_ANY)
    behind = cv2.log(cv2.exp(expected) * (1 - doubt) + usual * doubt)
    # a microphone as dark as the mouth and the hair must not annex them
    theirs = palette.densities[_AROUND].max(0) > 2 * palette.flesh
    home = (shown[_AROUND].sum(0) > _COMMON) & theirs[bins]
    behind[home & (mouth | ~inside)] += _PREFER
    fleshy = palette.flesh[bins] > _FACE_OWN
    smoother = cv2.ximgproc.createFastGlobalSmootherFilter(small, _SMOOTHNESS, _EDGE)
    near = pure = familiar = np.zeros_like(known)
    if seed is not None:
        near, pure = seed
    if colours is not None:
        familiar = (_front(bins, pure & False, colours) - behind > _FAMILIAR) & known
        familiar &= suspicion.strange(1) > SUSPECT
        familiar = _groups(familiar, near | familiar, LEAST)
        near, pure = near | familiar, pure | familiar
    pure = _foremost(pure, certain, fleshy)
    if look_for_hands is None and not pure.any():
        return None
    sure = ((certain > SURE) & telling) | _groups(familiar, familiar, FAMILIAR)
    face_here, folds, slopes = _oval(oval), _folds(face), _slopes(small)
    nose = _grown(face, points.NOSE_OUTLINE, 0) | _grown(posed, points.NOSE_OUTLINE, 0)
    edges = cv2.dilate((lips | nose).astype(np.uint8), disc(_OWN_EDGE)) > 0
    result, free = None, known
    for own_near, own_pure in _apart(near, pure, values):
        found = _grow(own_near, own_pure, bins, behind, free | own_pure, smoother, colours)
        if found is not None:
            surely = sure | (certain > SURE)
            found = _edged(found, slopes, edges, surely, face_here, fleshy)
        if found is not None:
            found = _believable(found, sure, known & face_here, fleshy, folds)
        if found is not None:
            result = found if result is None else np.maximum(result, found)
            free = free & (found <= 0)
    result = None if result is None else _rounded(result, known)
    if look_for_hands is not None:
        # a hand is what explains the rest
        rest = inside if result is None else inside & (cv2.dilate(result, disc(_MIXED)) <= 0)
        if np.count_nonzero((suspicion.strange(0) > CERTAIN) & telling & rest) >= _MUCH:
            suspect = suspicion.strange(1) > SUSPECT
            hand = _hand(look_for_hands(), suspect, rest, bins, behind, known, smoother)
            if hand is not None:
                result = hand if result is None else np.maximum(result, hand)
    return result


def _hand(
    hands: list[np.ndarray],
    suspect: np.ndarray,
    inside: np.ndarray,
    bins: np.ndarray,
    behind: np.ndarray,
    known: np.ndarray,
    smoother: Any,
) -> np.ndarray | None:
    """The hands that stand before the face, their rims where the picture has its edges.

    Parameters
    ----------
    hands : list of np.ndarray [shape=(21, 2)]
        In crop units.
    suspect : np.ndarray [shape=(128, 128), dtype=bool]
        What is strange.
    inside : np.ndarray [shape=(128, 128), dtype=bool]
        Where the face is, and nothing else is known to stand before it.
    bins, behind, known, smoother
        As for :func:`_grow`.

    Returns
    -------
    np.ndarray [shape=(128, 128), dtype=float32] or None
        Above 0 where they are.
    """
    whole = _before(hands, suspect, inside)
    if whole is None:
        return None
    near = cv2.morphologyEx(whole.astype(np.uint8), cv2.MORPH_CLOSE, disc(_BETWEEN))
    deep = cv2.distanceTransform(near, cv2.DIST_L2, 3)
    deep -= cv2.distanceTransform(1 - near, cv2.DIST_L2, 3)
    front = _front(bins, whole & known, None) - behind
    ratio = np.clip(front, -_CUT, _CUT) + np.clip(deep * (_CUT / _RIM_HALF), -_CUT, _HAND)
    ratio = np.clip(ratio, -_CUT, _CUT)
    ratio[~known] = -_CUT
    smooth: np.ndarray = smoother.filter(np.ascontiguousarray(ratio, np.float32)) / _CUT
    return _whole(smooth, whole)


def _before(hands: list[np.ndarray], suspect: np.ndarray, inside: np.ndarray) -> np.ndarray | None:
    """Where hands are ``[shape=(128, 128), dtype=bool]`` that stand before the face.

    Of several finds of one hand that which explains best what is suspect; None without any.
    """
    ranked = []
    finds = [drawn([hand]) for hand in hands]
    much = np.count_nonzero(inside & suspect)
    for hand, there in zip(hands, finds, strict=True):
        alike = sum(_overlap(there, other) > _SAME_FIND for other in finds)
        if size_of(hand) < _LIFE_SIZE and alike < _AGREED:
            continue
        shown = np.count_nonzero(there & inside)
        strange = np.count_nonzero(there & inside & suspect)
        if alike < 2 and strange < _ALONE * much:
            continue
        if strange >= max(_HAND_STRANGE * shown, LEAST):
            ranked.append((strange - _HAND_STRANGE * shown, there))
    ranked.sort(key=lambda each: -each[0])
    whole: np.ndarray | None = None
    for _, there in ranked:
        if whole is None:
            whole = there
        elif np.count_nonzero(whole & there) < _SAME_HAND * np.count_nonzero(there):
            whole = whole | there
    return whole


def _overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union."""
    return np.count_nonzero(one & other) / max(np.count_nonzero(one | other), 1)


def _apart(
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


def _foremost(pure: np.ndarray, strange: np.ndarray, fleshy: np.ndarray) -> np.ndarray:
    """Certain pixels without those of skin that something sure beside them explains."""
    sure = pure & ~fleshy & (strange > SURE)
    if np.count_nonzero(sure) < LEAST:
        return pure
    skin = pure & fleshy & (strange > _BESIDE_SURE * np.median(strange[sure]))
    # along its edges and between its strands the other thing's colour is mixed with the face's
    broad = cv2.morphologyEx(skin.astype(np.uint8), cv2.MORPH_OPEN, disc(_MIXED)) > 0
    kept: np.ndarray = (pure & ~fleshy) | broad
    return kept


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


def _grow(
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
        ratio = _front(bins, pixels, colours) - behind
        far = cv2.distanceTransform((~near).astype(np.uint8), cv2.DIST_L2, 3)
        ratio -= np.clip(far - 2, 0, None) * (2 * _CUT / REACH)
        ratio = np.clip(ratio, -_CUT, _CUT)
        ratio[~known] = -_CUT
        ratio = np.ascontiguousarray(ratio, np.float32)
        smooth = smoother.filter(ratio) / _CUT
        before, found = found, _whole(smooth, pure)
        if found is None or (before is not None and np.array_equal(found > 0, before > 0)):
            break
        # what only lies between, or was smoothed over, does not speak for the colours
        near, pixels = near | (found > 0), pure | ((found > 0) & (ratio > 0))
    return found


def shot_colours(
    model: Appearance,
    palette: Palette,
    space: ShapeSpace,
    crops: list[np.ndarray],
    faces: list[np.ndarray],
    posed: list[np.ndarray],
) -> np.ndarray | None:
    """The colours of what stands before the face in frames of a shot.

    Where it comes in from the side only these tell it from what is beside the
    face, which changes as the head turns.

    Parameters
    ----------
    model, palette, space
        As for :func:`find`.
    crops, faces, posed : list of np.ndarray
        Of frames in which something may stand before the face.

    Returns
    -------
    np.ndarray [shape=(COLOURS,), dtype=float32] or None
        How often each bin of colour is seen; None where hardly anything is found.
    """
    counts = np.zeros(COLOURS, np.float32)
    frames = 0
    for crop, face, pose in zip(crops, faces, posed, strict=True):
        found = find(model, palette, space, crop, face, pose)
        if found is None:
            continue
        small = cv2.resize(crop, (SMALL, SMALL), interpolation=cv2.INTER_AREA)
        bins = parsing.colour_bins(opponent(small))
        surely = (found > 0.5) & _inside_face(_face_area(face))
        if np.count_nonzero(surely) >= _ENOUGH:
            counts += np.bincount(bins[surely], minlength=COLOURS)
            frames += 1
    if frames < _FRAMES:
        return None
    # a wrinkle or a light on the chin taken for an occluder must not be looked for in all frames
    own = _density(counts)
    own = own / (own + _FLESHY * palette.flesh)
    counts = counts * own
    return counts if counts.sum() >= _FRAMES * _ENOUGH else None


def _groups(where: np.ndarray, within: np.ndarray, least: int) -> np.ndarray:
    """The pixels of connected groups of ``within`` that hold ``least`` of them."""
    count, group = cv2.connectedComponents(within.astype(np.uint8))
    keep = np.bincount(group[where], minlength=count) >= least
    keep[0] = False
    return where & keep[group]


def _usual(palette: Palette, where: parsing.Places, bins: np.ndarray) -> np.ndarray:
    """How often each class shows each pixel's colour there ``[shape=(6, 128, 128)]``.

    1 is as often as if all colours were alike. The mesh that says where each
    class is may lie some pixels off.
    """
    size, half = bins.shape[::-1], (bins.shape[1] // 2, bins.shape[0] // 2)
    place, wide = [], []
    for each in where.whole():
        place.append(cv2.resize(each, size, interpolation=cv2.INTER_AREA))
        small = cv2.resize(place[-1], half, interpolation=cv2.INTER_AREA)
        small = cv2.GaussianBlur(small, (0, 0), _ASIDE / 2)
        wide.append(cv2.resize(small, size, interpolation=cv2.INTER_LINEAR))
    chance = (1 - _OFTEN) * np.stack(place) + _OFTEN * np.stack(wide) + np.float32(_ANYWHERE)
    chance /= chance.sum(0)
    result: np.ndarray = chance * np.take(palette.densities, bins, axis=1)
    return result


def _front(bins: np.ndarray, shown: np.ndarray, colours: np.ndarray | None) -> np.ndarray:
    """Log-likelihood of each pixel's colour as the occluder's.

    Its colours are those of the pixels ``shown``, and in part the shot's.
    """
    counts = np.bincount(bins[shown], minlength=COLOURS).astype(np.float32)
    share = counts / max(float(counts.sum()), 1.0)
    if colours is not None:
        own = _OWN if shown.any() else 0.0
        share = own * share + (1 - own) * colours / colours.sum()
    density = np.take(_density(share), bins)
    return cv2.log(np.float32(1 - _UNSEEN) * density + np.float32(_UNSEEN))


def _density(counts: np.ndarray) -> np.ndarray:
    """How often colours are seen, from their counts; 1 is as often as if all were alike."""
    cube = counts.reshape(BINS[0], -1) * np.float32(COLOURS / max(float(counts.sum()), 1e-6))
    # over lightness, then over both differences, each lightness a channel
    planes = np.ascontiguousarray((_SPREAD_LIGHT @ cube).T).reshape(BINS[1], BINS[2], BINS[0])
    blurred = cv2.GaussianBlur(
        planes, (_BLUR_SIDE, _BLUR_SIDE), _BLUR, borderType=cv2.BORDER_REPLICATE
    )
    return np.ascontiguousarray(blurred.reshape(-1, BINS[0]).T).reshape(-1)


def _believable(
    found: np.ndarray,
    sure: np.ndarray,
    face: np.ndarray,
    fleshy: np.ndarray,
    folds: np.ndarray,
) -> np.ndarray | None:
    """Groups of what was found that are no face for sure, or large and come in from outside.

    What has the face's own colours (``fleshy``) must also go on outside, or come from above.
    Wrinkles, blushes and shadows that the shot shows once are islands in the
    face; a hand of the face's own colour has an arm. The folds from the nose to
    beside the mouth, which a shout draws deep and dark, are the face's.
    """
    count, group = cv2.connectedComponents((found > 0).astype(np.uint8))
    border = ~(cv2.erode(face.astype(np.uint8), np.ones((5, 5), np.uint8), borderValue=0) > 0)
    enters = np.bincount(group[border], minlength=count) > 0
    size = np.bincount(group.ravel(), minlength=count)
    beside = np.bincount(group[~face], minlength=count)
    sures = np.bincount(group[sure], minlength=count)
    own = np.bincount(group[fleshy], minlength=count) > _OWN_SHARE * size
    keep = sures >= LEAST
    keep |= enters & (size >= LARGE) & (beside >= np.where(own, _BESIDE, _MOSTLY) * size)
    below = np.zeros_like(face)
    below[_TOP:] = face[:-_TOP]
    above = np.bincount(group[face & ~below], minlength=count) > 0  # as hair does
    above &= sures >= np.maximum(LEAST, _SURELY * size)
    thick = cv2.distanceTransform((found > 0).astype(np.uint8), cv2.DIST_L2, 3) > _FOLD_HALF
    keep &= (np.bincount(group[folds], minlength=count) < _IN_FOLDS * size) | (
        np.bincount(group[thick], minlength=count) > 0
    )
    keep &= ~own | above | (beside >= _BEYOND_FACE)
    return _only(found, group, keep)


def _only(found: np.ndarray, group: np.ndarray, keep: np.ndarray) -> np.ndarray | None:
    """What was found without the groups that are not kept; None when none is (0 is no group)."""
    keep[0] = False
    if not keep.any():
        return None
    return np.where(keep[group], found, np.minimum(found, -0.05)).astype(np.float32)


def _rounded(found: np.ndarray, known: np.ndarray) -> np.ndarray:
    """What was found, its dents filled where it is broad.

    A hand of the face's own colour shows itself by its edges, its shadows and
    here and there its light; what these enclose is hand too. Strands of hair
    and cables are not broad, and enclose nothing.
    """
    broad = cv2.morphologyEx((found > 0).astype(np.uint8), cv2.MORPH_OPEN, disc(_BROAD))
    around = cv2.copyMakeBorder(broad, _DENT, _DENT, _DENT, _DENT, cv2.BORDER_CONSTANT)
    closed = cv2.morphologyEx(around, cv2.MORPH_CLOSE, disc(_DENT))
    dents = (closed[_DENT:-_DENT, _DENT:-_DENT] > 0) & (found <= 0) & known
    return np.where(dents, np.float32(0.5), found)


def _slopes(small: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Steps of a crop ``[shape=(128, 128, 3), dtype=uint8]`` to the right and downwards."""
    values = cv2.transform(small.astype(np.float32) / np.float32(255), _EDGES)
    right, down = (cv2.Sobel(values, -1, dx, dy, scale=1 / 8) for dx, dy in ((1, 0), (0, 1)))
    return right, down


def _edged(
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
    group = _parts(there)
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
    return _only(found, group, edged & (size > 0))


def _steep(there: np.ndarray, slopes: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Where a crop has edges that run as the rim of ``there`` does, and a pixel around."""
    soft = cv2.GaussianBlur(there.astype(np.float32), (0, 0), _ACROSS)
    across = [cv2.Sobel(soft, -1, dx, dy, scale=1 / 8) for dx, dy in ((1, 0), (0, 1))]
    length = np.sqrt(across[0] ** 2 + across[1] ** 2) + np.float32(1e-9)
    step = sum(s * (a / length)[..., None] for s, a in zip(slopes, across, strict=True))
    steep = np.sqrt(squared(step)) > _STEEP
    return cv2.dilate(steep.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0


def _parts(there: np.ndarray) -> np.ndarray:
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


def _grown(face: np.ndarray, line: tuple[int, ...], room: int) -> np.ndarray:
    """What a closed line of landmarks encloses, and some room around."""
    inside = fill(face[list(line)] * SMALL, (SMALL, SMALL)) > 0
    return cv2.dilate(inside.astype(np.uint8), disc(room)) > 0


def _folds(face: np.ndarray) -> np.ndarray:
    """Where the folds from the nose to beside the mouth are, on both sides, and some room."""
    left, right = (_grown(face, side, _FOLD_ROOM) for side in points.FOLDS)
    return left | right


def _face_area(face: np.ndarray) -> np.ndarray:
    """The face below the eyes ``[shape=(128, 128), dtype=uint8]``."""
    return (fill(face[list(OVAL)] * SMALL, (SMALL, SMALL)) > 0.5).astype(np.uint8)


def _oval(area: np.ndarray) -> np.ndarray:
    """The face below the eyes and a pixel around it."""
    return cv2.dilate(area, np.ones((3, 3), np.uint8)) > 0


def _inside_face(area: np.ndarray) -> np.ndarray:
    """The face itself: beyond its edge neck and background pass by as the head turns."""
    return cv2.erode(area, np.ones((7, 7), np.uint8)) > 0


def _seed(
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


def _whole(smooth: np.ndarray, seed: np.ndarray) -> np.ndarray | None:
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


def supported(cover: np.ndarray | None, neighbours: list[np.ndarray | None]) -> np.ndarray | None:
    """What of an occluder a neighbouring frame shows too, and what both of them show.

    What is seen in one frame alone is none; what the frames before and after show at one place
    is there in between too, where hardly any of it is found.

    Parameters
    ----------
    cover : np.ndarray [shape=(128, 128), dtype=float32] or None
        From :func:`find`.
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
    broad = cv2.morphologyEx((both > 0).astype(np.uint8), cv2.MORPH_OPEN, disc(_BROAD)) > 0
    own = 0 if kept is None else np.count_nonzero(broad & (kept > 0))
    if not broad.any() or own >= _BLINK * np.count_nonzero(broad):
        return kept
    held = np.where(broad, both, np.minimum(both, -0.05)).astype(np.float32)
    return held if kept is None else np.maximum(kept, held)


def _seen_beside(cover: np.ndarray, neighbours: list[np.ndarray | None]) -> np.ndarray | None:
    """The groups of a cover near what a neighbour shows; None without any."""
    seen = np.zeros(cover.shape, np.uint8)
    for other in neighbours:
        if other is not None:
            seen |= (other > 0).astype(np.uint8)
    seen = cv2.dilate(seen, np.ones((2 * _MOVES + 1, 2 * _MOVES + 1), np.uint8))
    count, group = cv2.connectedComponents((cover > 0).astype(np.uint8))
    return _only(cover, group, np.bincount(group.ravel(), seen.ravel(), minlength=count) > 0)
