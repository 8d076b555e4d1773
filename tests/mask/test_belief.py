"""What is believed to be an occluder, and what is not."""

from __future__ import annotations

import numpy as np
import pytest

from relip.mask import belief
from relip.mask.crop import SMALL
from relip.mask.groups import LEAST


def believed(
    found: np.ndarray,
    sure: np.ndarray,
    face: np.ndarray,
    fleshy: np.ndarray,
    *,
    folds: np.ndarray | None = None,
    mouth: np.ndarray | None = None,
) -> np.ndarray | None:
    """What is believed of what was found; no folds and no mouth where none are given."""
    nothing = np.zeros_like(face)
    folds = nothing if folds is None else folds
    return belief.believable(found, sure, face, fleshy, folds, nothing if mouth is None else mouth)


def test_what_is_hardly_strange_must_come_from_outside():
    face = np.zeros((SMALL, SMALL), bool)
    face[20:110, 20:110] = True
    found = np.full((SMALL, SMALL), -1, np.float32)
    found[50:66, 50:66] = 1  # an island: a blush
    found[40:60, 95:125] = 1  # reaches the face's edge: a hand
    found[90:96, 104:112] = 1  # so does this, but it is next to nothing
    nothing = np.zeros_like(face)
    kept = believed(found, nothing, face, nothing)
    assert kept is not None
    assert (kept[40:60, 95:125] > 0).all()
    assert np.count_nonzero(kept > 0) == 20 * 30
    sure = nothing.copy()
    sure[52:58, 52:58] = True
    kept = believed(found, sure, face, nothing)
    assert kept is not None and (kept[50:66, 50:66] > 0).all()
    found[40:60, 95:125] = -1
    assert believed(found, nothing, face, nothing) is None


@pytest.mark.parametrize(
    ("right", "fleshy", "kept"),
    [(113, True, False), (118, True, True), (118, False, False), (128, False, True)],
)
def test_what_is_hardly_strange_lies_beside_the_face_too(right: int, fleshy: bool, kept: bool):
    """An arm goes on there. A cheek that a smile lifts or a turn uncovers does not."""
    face = np.zeros((SMALL, SMALL), bool)
    face[20:110, 20:110] = True
    nothing = np.zeros_like(face)
    found = np.full((SMALL, SMALL), -1, np.float32)
    found[40:60, 60 if right == 113 else 95 : right] = 1  # 6, 35 and 55 % of it beside the face
    flesh = ~nothing if fleshy else nothing
    result = believed(found, nothing, face, flesh)
    assert (result is not None) is kept


def test_a_cheek_that_a_smile_lifts_is_no_hair():
    """It reaches the upper end of what is known of the face, as hair does, and is hardly sure."""
    face = np.zeros((SMALL, SMALL), bool)
    face[20:110, 20:110] = True
    nothing, everything = np.zeros_like(face), np.ones_like(face)
    found = np.full((SMALL, SMALL), -1, np.float32)
    found[20:50, 70:90] = 1
    sure = nothing.copy()
    sure[22:27, 72:76] = True
    assert sure.sum() >= LEAST
    assert believed(found, sure, face, everything) is None
    kept = believed(found, everything, face, everything)
    assert kept is not None and np.array_equal(kept > 0, found > 0)


def test_what_has_the_colours_of_the_face_must_go_on_beside_it():
    face = np.zeros((SMALL, SMALL), bool)
    face[20:110, 20:110] = True
    everything, nothing = np.ones_like(face), np.zeros_like(face)
    found = np.full((SMALL, SMALL), -1, np.float32)
    found[84:108, 50:80] = 1  # a light on the chin, up to its edge
    assert believed(found, everything, face, everything) is None
    kept = believed(found, everything, face, nothing)
    assert kept is not None and np.array_equal(kept > 0, found > 0)
    found[84:118, 50:80] = 1  # a hand, which goes on below it
    kept = believed(found, everything, face, everything)
    assert kept is not None and np.array_equal(kept > 0, found > 0)
    found[:] = -1
    found[18:80, 60:64] = 1  # a strand of hair, which falls from above
    kept = believed(found, everything, face, everything)
    assert kept is not None and np.array_equal(kept > 0, found > 0)


def test_a_deep_fold_beside_the_mouth_is_the_faces():
    face = np.zeros((SMALL, SMALL), bool)
    face[20:110, 20:110] = True
    nothing = np.zeros_like(face)
    folds = np.zeros_like(face)
    folds[50:90, 30:42] = True
    found = np.full((SMALL, SMALL), -1, np.float32)
    found[52:88, 33:38] = 1  # thin and where folds are
    sure = found > 0
    assert believed(found, sure, face, nothing, folds=folds) is None
    found[40:100, 70:75] = 1  # as thin, elsewhere: a pencil
    kept = believed(found, found > 0, face, nothing, folds=folds)
    assert kept is not None
    np.testing.assert_array_equal(kept[:, 60:] > 0, found[:, 60:] > 0)
    assert not (kept[:, :60] > 0).any()
    found[52:88, 31:41] = 1  # a finger in the place of the fold
    kept = believed(found, found > 0, face, nothing, folds=folds)
    assert kept is not None and ((kept > 0) == (found > 0)).all()


def test_a_mouth_that_opens_further_than_the_mesh_has_it_is_the_faces():
    """Lips of the face's colours, and gums and teeth that the shot shows nowhere else."""
    face = np.zeros((SMALL, SMALL), bool)
    face[20:110, 20:110] = True
    found = np.full((SMALL, SMALL), -1, np.float32)
    found[70:90, 45:85] = 1
    fleshy = np.ones_like(face)
    fleshy[70:73] = False  # 15 % of it: teeth
    mouth = np.zeros_like(face)
    mouth[62:95, 40:90] = True
    assert believed(found, found > 0, face, fleshy, mouth=mouth) is None
    kept = believed(found, found > 0, face, fleshy)  # a thing on a cheek
    assert kept is not None and np.array_equal(kept > 0, found > 0)
    fleshy[70:80] = False  # half of it: a sweet
    kept = believed(found, found > 0, face, fleshy, mouth=mouth)
    assert kept is not None and np.array_equal(kept > 0, found > 0)
    fleshy[:] = True
    found[70:114, 55:65] = 1  # a finger before the lips has a hand
    kept = believed(found, found > 0, face, fleshy, mouth=mouth)
    assert kept is not None and np.array_equal(kept > 0, found > 0)


def test_an_occluder_has_an_edge():
    """What passes into the rest of the face without any is a change of the light."""
    face = np.ones((SMALL, SMALL), bool)
    across = np.clip(np.arange(SMALL, dtype=np.float32) - 30, 0, 60)[None] * np.ones((SMALL, 1))
    shaded = np.repeat((120 + across).astype(np.uint8)[..., None], 3, -1)
    found = np.full((SMALL, SMALL), -1, np.float32)
    found[40:90, 50:90] = 1
    nothing = np.zeros_like(face)
    assert belief.edged(found, belief.slopes(shaded), nothing, nothing, face, nothing) is None
    covered = shaded.copy()
    covered[40:90, 50:90] += 25
    kept = belief.edged(found, belief.slopes(covered), nothing, nothing, face, nothing)
    assert kept is not None and np.array_equal(kept > 0, found > 0)
    # what no light explains needs none: out of focus before the lens
    slopes = belief.slopes(shaded)
    kept = belief.edged(found, slopes, nothing, ~nothing, face, nothing)
    assert kept is not None and np.array_equal(kept > 0, found > 0)
    # but for what is all of the face's colours: a face at rest in a shot that smiles
    assert belief.edged(found, slopes, nothing, ~nothing, face, ~nothing) is None


def test_edges_of_the_lips_and_edges_that_run_across_a_rim_are_none_of_an_occluder():
    """A shout draws the chin long: strange, and it ends at the lower lip and nowhere else."""
    face = np.ones((SMALL, SMALL), bool)
    nothing = np.zeros_like(face)
    crop = np.full((SMALL, SMALL, 3), 120, np.uint8)
    crop[40:60, 40:90] = (150, 80, 80)
    lips = nothing.copy()
    lips[38:62, 38:92] = True
    found = np.full((SMALL, SMALL), -1, np.float32)
    found[58:90, 40:90] = 1
    slopes = belief.slopes(crop)
    assert belief.edged(found, slopes, lips, nothing, face, nothing) is None
    kept = belief.edged(
        found, slopes, nothing, nothing, face, nothing
    )  # a red thing, were it no lip
    assert kept is not None and np.array_equal(kept > 0, found > 0)
    striped = np.full((SMALL, SMALL, 3), 120, np.uint8)
    striped[:, ::8] = striped[:, 1::8] = striped[:, 2::8] = 160  # cloth, and a rim across it
    found[:] = -1
    found[58:80, 4:124] = 1
    inner = found > 0
    assert belief._steep(inner.astype(np.uint8), belief.slopes(striped))[58, 10:118].mean() < 0.1


def test_the_nose_ends_a_cheek_and_is_no_edge_of_an_occluder():
    """A cheek at rest where the shot smiles ends at the wing of the nose, and nowhere else."""
    face = np.ones((SMALL, SMALL), bool)
    nothing = np.zeros_like(face)
    crop = np.full((SMALL, SMALL, 3), 120, np.uint8)
    crop[30:60, 30:60] = 160
    found = np.full((SMALL, SMALL), -1, np.float32)
    found[40:70, 60:80] = 1
    slopes = belief.slopes(crop)
    assert belief.edged(found, slopes, nothing, nothing, face, ~nothing) is not None
    nose = nothing.copy()
    nose[28:62, 28:63] = True
    assert belief.edged(found, slopes, nose, nothing, face, ~nothing) is None


def test_a_cheek_in_a_new_light_does_not_hang_on_a_hand():
    face = np.ones((SMALL, SMALL), bool)
    crop = np.full((SMALL, SMALL, 3), 120, np.uint8)
    crop[70:120, 50:100] += 25
    found = np.full((SMALL, SMALL), -1, np.float32)
    found[70:120, 50:100] = 1
    hand = found > 0
    found[20:60, 20:60] = 1  # no edge around it
    found[56:72, 54:58] = 1  # what joins both
    nothing = np.zeros_like(face)
    kept = belief.edged(found, belief.slopes(crop), nothing, nothing, face, nothing)
    assert kept is not None and (kept[hand] > 0).all()
    assert not (kept[:60, :50] > 0).any()
    # a stick at the hand has no middle of its own, and stays with it
    found = np.where(hand, 1, -1).astype(np.float32)
    found[30:72, 70:74] = 1
    kept = belief.edged(found, belief.slopes(crop), nothing, nothing, face, nothing)
    assert kept is not None and np.array_equal(kept > 0, found > 0)
