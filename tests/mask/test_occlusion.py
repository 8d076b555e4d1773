"""Occluders: found where they are, with their edge, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import cv2
import mask_making
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from relip.mask import fit, occlusion, parsing, stage
from relip.mask.appearance import Appearance, opponent
from relip.mask.crop import SMALL
from relip.mask.parsing import BINS, COLOURS
from relip.plate import read_exr
from relip.progress import Progress
from relip.shot import Shot
from relip.track import points
from relip.track.facetrack import FaceTrack

QUIET = Progress("none")


@pytest.fixture(scope="module")
def covered(tmp_path_factory: pytest.TempPathFactory) -> Shot:
    shot = mask_making.make_shot(tmp_path_factory.mktemp("covered"), occluded=True)
    stage.run(shot, shot.frames, progress=QUIET)
    return shot


def whole(shot: Shot, frame: int, name: str) -> np.ndarray:
    channels, (x, y), _, _ = read_exr(stage.mask_path(shot, frame))
    result = np.zeros(mask_making.SIZE[::-1], np.float32)
    layer = channels[name]
    result[y : y + layer.shape[0], x : x + layer.shape[1]] = layer
    return result


def test_the_square_is_cut_out(covered: Shot):
    track = FaceTrack.load(covered.path("track", "track.npz"))
    both = either = 0
    for row in mask_making.PRESENT:
        frame = int(track.frames[row])
        alpha = mask_making.square(row, track.landmarks[row])
        found = whole(covered, frame, "occlusion")
        matte = whole(covered, frame, "matte")
        plain = whole(covered, frame, "skin") + whole(covered, frame, "lips") > 0
        inside = (matte > 0) | plain | (found > 0)
        both += int(((found > 0.5) & (alpha > 0.5) & inside).sum())
        either += int((((found > 0.5) | (alpha > 0.5)) & inside).sum())
        solid = (alpha > 0.98) & (found > 0)
        assert (matte[solid & (found == 1)] == 0).all()
        assert matte[solid].mean() < 0.02
    assert both / either > 0.85
    occluded = stage.occluded(covered)
    first, last = mask_making.PRESENT[0], mask_making.PRESENT[-1]
    assert set(occluded) <= {int(f) for f in track.frames[first : last + 1]}
    assert len(occluded) >= len(mask_making.PRESENT) - 1


def test_frames_without_it_keep_their_matte(covered: Shot):
    track = FaceTrack.load(covered.path("track", "track.npz"))
    for row in (0, 5, 25, 29):
        assert whole(covered, int(track.frames[row]), "occlusion").max() == 0


def shot_fit(shot: Shot) -> fit.ShotFit:
    with shot.open_plate() as plate:
        inputs = stage.load_inputs(shot, plate)
        assert inputs.fit_key and inputs.learn_from
        found = fit.obtain(shot, plate, *inputs.learn_from, QUIET, key=inputs.fit_key)
    assert found is not None
    return found


def test_the_shot_knows_the_colour_of_its_occluder(covered: Shot):
    colours = shot_fit(covered).occluders
    assert colours is not None
    square = np.round(mask_making.SQUARE * 255).astype(np.uint8) + np.zeros((9, 9, 3), np.uint8)
    its_bin = int(parsing.colour_bins(opponent(square))[4, 4])
    assert colours.argmax() == its_bin
    assert colours[its_bin] > 0.6 * colours.sum()


def test_nothing_is_found_where_nothing_is(tmp_path: Path):
    shot = mask_making.make_shot(tmp_path, occluded=False)
    report = stage.run(shot, shot.frames, progress=QUIET)
    assert report.data["occluded"] == []
    assert not report.notes
    assert shot_fit(shot).occluders is None


def test_chunks_and_threads_give_the_same_bits(covered: Shot, tmp_path: Path):
    """Another machine that masks three frames makes the same fit and the same layers."""
    track = FaceTrack.load(covered.path("track", "track.npz"))
    other = Shot(tmp_path / "other.relip", covered.settings)
    track.save(other.path("track", "track.npz"))
    frames = [int(f) for f in track.frames[12:15]]
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        stage.run(other, frames, progress=QUIET)
    finally:
        cv2.setNumThreads(threads)
    for frame in frames:
        ours, theirs = (read_exr(stage.mask_path(s, frame)) for s in (covered, other))
        assert ours[1] == theirs[1]
        for name, values in ours[0].items():
            np.testing.assert_array_equal(theirs[0][name], values, err_msg=name)


def test_edges_beside_their_place_are_no_occluder():
    """A face whose mesh is pushed by two pixels is strange along its edges, but not with room."""
    rng = np.random.default_rng(5)
    face = cv2.GaussianBlur(rng.random((SMALL, SMALL, 3)).astype(np.float32), (0, 0), 4)
    face = (0.5 + 0.5 * np.sign(face - face.mean((0, 1)))) * [0.5, 0.1, 0.1]
    face = cv2.GaussianBlur(face.astype(np.float32), (0, 0), 0.8)
    area = np.zeros((SMALL, SMALL), bool)
    area[20:100, 20:100] = True
    count = int(area.sum())
    model = Appearance(
        area, face[area], np.zeros((0, count, 3), np.float32),
        np.full((count, 3), 0.02, np.float32), np.full(count, 3, np.float32), np.ones(count, bool),
    )  # fmt: skip
    pushed = np.roll(face, (1, 2), axis=(0, 1))
    pushed[50:60, 50:60] = 0.9  # what is no part of the face stays as strange as it is
    seen = occlusion.Sight(
        pushed[area], face[area], np.ones(count, np.float32), np.zeros((SMALL, SMALL, 2))
    )
    plain, roomy = (model.picture(seen.strange(model, room)) for room in (0, 3))
    patch = np.zeros_like(area)
    patch[50:60, 50:60] = True
    inner = np.zeros_like(area)
    inner[24:96, 24:96] = True
    assert (plain[inner & ~patch] > occlusion.CERTAIN).mean() > 0.1
    assert roomy[inner & ~patch].max() < occlusion.SUSPECT
    assert (roomy[patch] > occlusion.CERTAIN).all()
    assert (roomy <= plain + 1e-5).all()


def test_a_mesh_that_the_occluder_pushes(tmp_path: Path):
    """The face is known by the head's pose where its landmarks are wrong."""
    shot = mask_making.make_shot(tmp_path, occluded=True, pushed=16.0)
    rows = list(mask_making.PRESENT)[2:8:2]
    frames = [shot.frames[row] for row in rows]
    stage.run(shot, frames, progress=QUIET)
    right = mask_making.make_track()
    both = either = 0
    for row, frame in zip(rows, frames, strict=True):
        alpha = mask_making.square(row, right.landmarks[row])
        found = whole(shot, frame, "occlusion")
        inside = (whole(shot, frame, "matte") > 0) | (found > 0)
        both += int(((found > 0.5) & (alpha > 0.5) & inside).sum())
        either += int((((found > 0.5) | (alpha > 0.5)) & inside).sum())
    assert both / either > 0.9


def test_what_is_hardly_strange_must_come_from_outside():
    face = np.zeros((SMALL, SMALL), bool)
    face[20:110, 20:110] = True
    found = np.full((SMALL, SMALL), -1, np.float32)
    found[50:66, 50:66] = 1  # an island: a blush
    found[40:60, 95:125] = 1  # reaches the face's edge: a hand
    found[90:96, 104:112] = 1  # so does this, but it is next to nothing
    nothing = np.zeros_like(face)
    kept = occlusion._believable(found, nothing, face, nothing, np.zeros_like(face))
    assert kept is not None
    assert (kept[40:60, 95:125] > 0).all()
    assert np.count_nonzero(kept > 0) == 20 * 30
    sure = nothing.copy()
    sure[52:58, 52:58] = True
    kept = occlusion._believable(found, sure, face, nothing, np.zeros_like(face))
    assert kept is not None and (kept[50:66, 50:66] > 0).all()
    found[40:60, 95:125] = -1
    assert occlusion._believable(found, nothing, face, nothing, np.zeros_like(face)) is None


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
    result = occlusion._believable(found, nothing, face, flesh, nothing)
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
    assert sure.sum() >= occlusion.LEAST
    assert occlusion._believable(found, sure, face, everything, nothing) is None
    kept = occlusion._believable(found, everything, face, everything, nothing)
    assert kept is not None and np.array_equal(kept > 0, found > 0)


def test_what_has_the_colours_of_the_face_must_go_on_beside_it():
    face = np.zeros((SMALL, SMALL), bool)
    face[20:110, 20:110] = True
    everything, nothing = np.ones_like(face), np.zeros_like(face)
    found = np.full((SMALL, SMALL), -1, np.float32)
    found[84:108, 50:80] = 1  # a light on the chin, up to its edge
    assert occlusion._believable(found, everything, face, everything, np.zeros_like(face)) is None
    kept = occlusion._believable(found, everything, face, nothing, np.zeros_like(face))
    assert kept is not None and np.array_equal(kept > 0, found > 0)
    found[84:118, 50:80] = 1  # a hand, which goes on below it
    kept = occlusion._believable(found, everything, face, everything, np.zeros_like(face))
    assert kept is not None and np.array_equal(kept > 0, found > 0)
    found[:] = -1
    found[18:80, 60:64] = 1  # a strand of hair, which falls from above
    kept = occlusion._believable(found, everything, face, everything, np.zeros_like(face))
    assert kept is not None and np.array_equal(kept > 0, found > 0)


def test_an_occluder_has_an_edge():
    """What passes into the rest of the face without any is a change of the light."""
    face = np.ones((SMALL, SMALL), bool)
    across = np.clip(np.arange(SMALL, dtype=np.float32) - 30, 0, 60)[None] * np.ones((SMALL, 1))
    shaded = np.repeat((120 + across).astype(np.uint8)[..., None], 3, -1)
    found = np.full((SMALL, SMALL), -1, np.float32)
    found[40:90, 50:90] = 1
    nothing = np.zeros_like(face)
    assert (
        occlusion._edged(found, occlusion._slopes(shaded), nothing, nothing, face, nothing) is None
    )
    covered = shaded.copy()
    covered[40:90, 50:90] += 25
    kept = occlusion._edged(found, occlusion._slopes(covered), nothing, nothing, face, nothing)
    assert kept is not None and np.array_equal(kept > 0, found > 0)
    # what no light explains needs none: out of focus before the lens
    slopes = occlusion._slopes(shaded)
    kept = occlusion._edged(found, slopes, nothing, ~nothing, face, nothing)
    assert kept is not None and np.array_equal(kept > 0, found > 0)
    # but for what is all of the face's colours: a face at rest in a shot that smiles
    assert occlusion._edged(found, slopes, nothing, ~nothing, face, ~nothing) is None


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
    slopes = occlusion._slopes(crop)
    assert occlusion._edged(found, slopes, lips, nothing, face, nothing) is None
    kept = occlusion._edged(
        found, slopes, nothing, nothing, face, nothing
    )  # a red thing, were it no lip
    assert kept is not None and np.array_equal(kept > 0, found > 0)
    striped = np.full((SMALL, SMALL, 3), 120, np.uint8)
    striped[:, ::8] = striped[:, 1::8] = striped[:, 2::8] = 160  # cloth, and a rim across it
    found[:] = -1
    found[58:80, 4:124] = 1
    inner = found > 0
    assert (
        occlusion._steep(inner.astype(np.uint8), occlusion._slopes(striped))[58, 10:118].mean()
        < 0.1
    )


def test_the_nose_ends_a_cheek_and_is_no_edge_of_an_occluder(tmp_path: Path):
    """A cheek at rest where the shot smiles ends at the wing of the nose, and nowhere else."""
    face = np.ones((SMALL, SMALL), bool)
    nothing = np.zeros_like(face)
    crop = np.full((SMALL, SMALL, 3), 120, np.uint8)
    crop[30:60, 30:60] = 160
    found = np.full((SMALL, SMALL), -1, np.float32)
    found[40:70, 60:80] = 1
    slopes = occlusion._slopes(crop)
    assert occlusion._edged(found, slopes, nothing, nothing, face, ~nothing) is not None
    nose = nothing.copy()
    nose[28:62, 28:63] = True
    assert occlusion._edged(found, slopes, nose, nothing, face, ~nothing) is None

    learnt = shot_fit(mask_making.make_shot(tmp_path, occluded=False))
    own = learnt.mean_face
    outline = occlusion._grown(own, points.NOSE_OUTLINE, 0)
    for inside in (points.NOSTRIL_LEFT, points.NOSTRIL_RIGHT, 1, 4, 5):
        x, y = np.clip(own[inside] * SMALL, 0, SMALL - 1).astype(int)
        assert outline[y - 2 : y + 3, x - 2 : x + 3].any()
    for beside in (points.CHEEK_LEFT, points.CHEEK_RIGHT, 13, points.CHIN):
        x, y = np.clip(own[beside] * SMALL, 0, SMALL - 1).astype(int)
        assert not outline[y, x]


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
    kept = occlusion._edged(found, occlusion._slopes(crop), nothing, nothing, face, nothing)
    assert kept is not None and (kept[hand] > 0).all()
    assert not (kept[:60, :50] > 0).any()
    # a stick at the hand has no middle of its own, and stays with it
    found = np.where(hand, 1, -1).astype(np.float32)
    found[30:72, 70:74] = 1
    kept = occlusion._edged(found, occlusion._slopes(crop), nothing, nothing, face, nothing)
    assert kept is not None and np.array_equal(kept > 0, found > 0)


def test_skin_beside_what_is_sure_does_not_speak():
    pure, fleshy = np.zeros((SMALL, SMALL), bool), np.zeros((SMALL, SMALL), bool)
    strange = np.full((SMALL, SMALL), 2.0, np.float32)
    pure[20:100, 60:66] = True
    stick = pure.copy()
    strange[stick] = 8.0
    pure[60:90, 20:50] = fleshy[60:90, 20:50] = True
    pure[20:100, 66:68] = fleshy[20:100, 66:68] = True
    edge = pure & (np.arange(SMALL) >= 66)
    strange[edge] = 6.0
    # a chin that draws itself up, and the stick's edge, where its colour is mixed with the skin's
    np.testing.assert_array_equal(occlusion._foremost(pure, strange, fleshy), stick)
    # a hand beside the stick is as strange as a hand is
    strange[60:90, 20:50] = 5.0
    kept = occlusion._foremost(pure, strange, fleshy)
    assert kept[stick].all() and kept[64:86, 24:46].all() and not kept[edge].any()
    # where nothing is sure skin is all there is
    np.testing.assert_array_equal(occlusion._foremost(fleshy, strange, fleshy), fleshy)
    few = fleshy.copy()
    few[20:22, 60:66] = True
    np.testing.assert_array_equal(occlusion._foremost(few, strange, fleshy), few)


def test_two_colours_are_followed_apart():
    near = np.zeros((SMALL, SMALL), bool)
    near[30:60, 30:60] = near[80:100, 80:100] = True
    values = np.full((SMALL, SMALL, 3), (0.5, 0.08, 0.05), np.float32)
    values[30:60, 45:60] = (0.15, 0.0, 0.0)
    groups = occlusion._apart(near, near, values)
    assert [np.count_nonzero(pure) for _, pure in groups] == [450, 450, 400]
    for there, pure in groups:
        assert (near & there)[pure].all()
        assert np.ptp(values[pure], axis=0).max() == 0
    # shades of one colour are one
    values[30:60, 45:60] = (0.42, 0.08, 0.05)
    assert [np.count_nonzero(pure) for _, pure in occlusion._apart(near, near, values)] == [
        900,
        400,
    ]


def test_the_face_between_strands_is_no_hole():
    smooth = np.full((SMALL, SMALL), -0.9, np.float32)
    smooth[30:90, 40:44] = smooth[30:90, 56:60] = 0.8
    smooth[30:34, 40:60] = smooth[86:90, 40:60] = 0.8
    seed = smooth > 0
    strands = occlusion._whole(smooth, seed)
    assert strands is not None and np.array_equal(strands > 0, seed)
    smooth[34:86, 44:56] = -0.3  # as a palm of the face's own colour
    palm = occlusion._whole(smooth, seed)
    assert palm is not None and (palm[30:90, 40:60] > 0).all()


def test_a_deep_fold_beside_the_mouth_is_the_faces():
    face = np.zeros((SMALL, SMALL), bool)
    face[20:110, 20:110] = True
    nothing = np.zeros_like(face)
    folds = np.zeros_like(face)
    folds[50:90, 30:42] = True
    found = np.full((SMALL, SMALL), -1, np.float32)
    found[52:88, 33:38] = 1  # thin and where folds are
    sure = found > 0
    assert occlusion._believable(found, sure, face, nothing, folds) is None
    found[40:100, 70:75] = 1  # as thin, elsewhere: a pencil
    kept = occlusion._believable(found, found > 0, face, nothing, folds)
    assert kept is not None
    np.testing.assert_array_equal(kept[:, 60:] > 0, found[:, 60:] > 0)
    assert not (kept[:, :60] > 0).any()
    found[52:88, 31:41] = 1  # a finger in the place of the fold
    kept = occlusion._believable(found, found > 0, face, nothing, folds)
    assert kept is not None and ((kept > 0) == (found > 0)).all()


def test_folds_lie_beside_nose_and_mouth(covered: Shot):
    track = FaceTrack.load(covered.path("track", "track.npz"))
    row = int(np.flatnonzero(track.visible)[0])
    face = track.canonical()[row][:, :2]
    folds = occlusion._folds(face)
    for side, corner in ((slice(0, SMALL // 2), 61), (slice(SMALL // 2, SMALL), 291)):
        across = np.flatnonzero(folds[:, side].any(0)) + side.start
        assert abs(across.mean() / SMALL - face[corner, 0]) < 0.12
    assert not folds[tuple((face[13, ::-1] * SMALL).astype(int))]  # never the lips


def test_a_lone_frame_is_not_believed():
    cover = np.full((SMALL, SMALL), -1, np.float32)
    cover[40:60, 40:60] = 1
    away = np.full((SMALL, SMALL), -1, np.float32)
    away[90:110, 90:110] = 1
    near = np.roll(cover, 12, axis=1)
    assert occlusion.supported(cover, [None, None]) is None
    assert occlusion.supported(cover, [away, None]) is None
    np.testing.assert_array_equal(occlusion.supported(cover, [None, near]), cover)
    np.testing.assert_array_equal(occlusion.supported(cover, []), cover)
    kept = occlusion.supported(np.maximum(cover, away), [near])
    assert kept is not None and ((kept > 0) == (cover > 0)).all()


def test_what_both_neighbours_show_does_not_blink():
    cover = np.full((SMALL, SMALL), -1, np.float32)
    cover[40:60, 40:60] = 1
    moved = np.roll(cover, 4, axis=1)
    filled = occlusion.supported(None, [cover, moved])
    assert filled is not None
    both = (cover > 0) & (moved > 0)
    assert not (filled > 0)[~both].any()
    assert (filled > 0)[both].mean() > 0.9  # its corners are round
    assert occlusion.supported(None, [cover]) is None
    assert occlusion.supported(None, [cover, None]) is None
    most = cover.copy()
    most[55:] = -1
    np.testing.assert_array_equal(occlusion.supported(most, [cover, cover]), most)
    half = cover.copy()
    half[44:] = -1
    whole = occlusion.supported(half, [cover, cover])
    assert whole is not None
    assert not (whole > 0)[cover <= 0].any()
    assert (whole > 0)[cover > 0].mean() > 0.9
    strand = np.full((SMALL, SMALL), -1, np.float32)
    strand[20:100, 40:44] = 1  # it waves
    assert occlusion.supported(None, [strand, strand]) is None


def test_colours_are_spread_as_by_a_gaussian():
    rng = np.random.default_rng(5)
    counts = np.where(rng.random(COLOURS) < 0.02, rng.integers(1, 50, COLOURS), 0)
    found = occlusion._density(counts.astype(np.float32))
    cube = counts.reshape(BINS) * (COLOURS / counts.sum())
    assert np.allclose(found.reshape(BINS), gaussian_filter(cube, 0.8, mode="nearest"), atol=1e-3)
