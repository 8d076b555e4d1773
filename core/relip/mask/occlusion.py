"""What stands in front of the face: a hand, a microphone, a glass, a strand of hair.

A pixel of the crop is the occluder's where it cannot be the face (the shot's
appearance model does not know it: :mod:`relip.mask.sight`), and where its colour
is rather that of such pixels than what the shot's classes show there
(:mod:`relip.mask.likelihood`, :mod:`relip.mask.growth`). The search is made in the
crop at 128; :mod:`relip.mask.alpha` then finds its edge in the plate's own pixels.

Careful by design: where no pixel is far from the face nothing is looked for,
what looks like skin at skin's place is skin, and what was found must be
believable (:mod:`relip.mask.belief`).
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from relip.mask import areas, belief, growth, hand_cover, parsing
from relip.mask.appearance import CERTAIN, Appearance, opponent
from relip.mask.coverage import disc
from relip.mask.crop import SMALL, ShapeSpace
from relip.mask.groups import LEAST, holding
from relip.mask.likelihood import as_face, as_occluder
from relip.mask.parsing import Palette
from relip.mask.sight import SURE, SUSPECT, Suspicion
from relip.track import points

#: Room that edges have, in pixels of 128, where certain pixels and where suspect ones are looked
#: for; the next pair where the one before finds none, so that what is like the face is found too.
_ROOMS = ((3, 1), (1, 1), (0, 0))

#: Room around the inner lips where teeth and tongue may show, and around the outer lips, which
#: look strange where the mesh has not quite followed them (pixels of 128).
_MOUTH_ROOM, _LIP_ROOM = 1, 2

#: Room around lips and nose, whose edges are the face's own (pixels of 128).
_OWN_EDGE = 2

#: How often the face shows a colour, against any colour, for it to be the face's own.
_FACE_OWN = 4.0

#: Log-likelihood ratio from which a suspect pixel with the colours of the shot's occluders is one
#: of theirs, and how many it takes to be believed wherever they are.
_FAMILIAR, _FAMILIAR_GROUP = 2.0, 60

#: Certain pixels of the face, beside what is found by its colours, from which hands are looked for.
_MUCH = 30

#: The smoothing's strength, and the differences of 8-bit values that stop it.
_SMOOTHNESS, _EDGE = 20.0, 8.0


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
        Of what stands before the face in the shot, see :func:`relip.mask.fit.occluder_colours`.
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
    suspicion = Suspicion(model, space, crop)
    oval = areas.face_area(face)
    inside = areas.inside_face(oval)
    for mesh in (face, posed):
        if not suspicion.see(mesh):
            return None
        looked_at = inside if colours is None else slice(None)
        if np.count_nonzero((suspicion.strange(0) > CERTAIN)[looked_at]) < LEAST:
            return None
    lips = areas.grown(face, points.OUTER_LIPS, _LIP_ROOM)
    lips |= areas.grown(posed, points.OUTER_LIPS, _LIP_ROOM)
    telling = inside & ~lips
    for rooms in _ROOMS:
        certain, suspect = (suspicion.strange(room) for room in rooms)
        seed = growth.seed(certain, suspect, telling)
        if seed is not None:
            break
    if seed is None and colours is None:
        return None
    small = cv2.resize(crop, (SMALL, SMALL), interpolation=cv2.INTER_AREA)
    values = opponent(small)
    expected, known = suspicion.likelihood(values)
    bins = parsing.colour_bins(values)
    behind = as_face(
        expected,
        palette,
        where or parsing.Places(face),
        bins,
        telling=telling,
        mouth=areas.grown(face, points.INNER_LIPS, _MOUTH_ROOM),
        inside=inside,
    )
    fleshy = palette.flesh[bins] > _FACE_OWN
    smoother = cv2.ximgproc.createFastGlobalSmootherFilter(small, _SMOOTHNESS, _EDGE)
    near = pure = familiar = np.zeros_like(known)
    if seed is not None:
        near, pure = seed
    if colours is not None:
        familiar = (as_occluder(bins, pure & False, colours) - behind > _FAMILIAR) & known
        familiar &= suspicion.strange(1) > SUSPECT
        familiar = holding(familiar, near | familiar, LEAST)
        near, pure = near | familiar, pure | familiar
    pure = growth.foremost(pure, certain, fleshy)
    if look_for_hands is None and not pure.any():
        return None
    sure = ((certain > SURE) & telling) | holding(familiar, familiar, _FAMILIAR_GROUP)
    # where the head turns away one mesh may leave out the far cheek that the other has
    face_here = areas.around_face(oval | areas.face_area(posed))
    folds, mouth, slopes = areas.folds(face), areas.mouth_reach(face), belief.slopes(small)
    nose = areas.grown(face, points.NOSE_OUTLINE, 0) | areas.grown(posed, points.NOSE_OUTLINE, 0)
    edges = cv2.dilate((lips | nose).astype(np.uint8), disc(_OWN_EDGE)) > 0
    result, free = None, known
    for own_near, own_pure in growth.apart(near, pure, values):
        found = growth.grow(own_near, own_pure, bins, behind, free | own_pure, smoother, colours)
        if found is not None:
            surely = sure | (certain > SURE)
            found = belief.edged(found, slopes, edges, surely, face_here, fleshy)
        if found is not None:
            found = belief.believable(found, sure, known & face_here, fleshy, folds, mouth)
        if found is not None:
            result = found if result is None else np.maximum(result, found)
            free = free & (found <= 0)
    result = None if result is None else growth.rounded(result, known)
    if look_for_hands is not None:
        # a hand is what explains the rest
        rest = inside if result is None else inside & (cv2.dilate(result, disc(growth.MIXED)) <= 0)
        if np.count_nonzero((suspicion.strange(0) > CERTAIN) & telling & rest) >= _MUCH:
            suspect = suspicion.strange(1) > SUSPECT
            hand = hand_cover.standing(
                look_for_hands(), suspect, rest, bins, behind, known, smoother
            )
            if hand is not None:
                result = hand if result is None else np.maximum(result, hand)
    return result
