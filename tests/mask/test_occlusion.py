"""Occluders: found where they are, with their edge, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import cv2
import mask_making
import numpy as np
from exr_layers import whole_layers

from relip.mask import occlusion, stage
from relip.mask.crop import SIDE
from relip.plate import read_exr
from relip.progress import Progress
from relip.shot import Shot
from relip.track import points, pose
from relip.track.facetrack import FaceTrack

QUIET = Progress("none")


def whole(shot: Shot, frame: int, name: str) -> np.ndarray:
    return whole_layers(stage.mask_path(shot, frame))[name]


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


def test_nothing_is_found_where_nothing_is(tmp_path: Path):
    shot = mask_making.make_shot(tmp_path, occluded=False)
    report = stage.run(shot, shot.frames, progress=QUIET)
    assert report.data["occluded"] == []
    assert not report.notes
    assert mask_making.learnt(shot).occluders is None


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


def test_the_far_cheek_that_one_mesh_leaves_out_is_the_faces(tmp_path: Path):
    """A landmark model draws a face that turns away too narrow, and its cheek goes on beside it."""
    shot = mask_making.make_shot(tmp_path, occluded=False)
    learnt = mask_making.learnt(shot)
    face = mask_making.make_track().canonical()[5, :, :2]
    right = learnt.posed(pose.pose_curves(mask_making.make_track()))[5]
    narrow, middle = face.copy(), face[1, 0]
    far = face[:, 0] > middle
    narrow[far, 0] = middle + 0.75 * (face[far, 0] - middle)
    lit = mask_making.crops(shot)[5]
    x, y = int(face[288, 0] * SIDE) - 10, int(face[points.CHEEK_RIGHT, 1] * SIDE) + 12
    lit[y : y + 36, x - 30 : x] = mask_making.LIPS * 255  # a light that has a colour of the face
    seen = (learnt.model, learnt.palette, learnt.space, lit)
    assert occlusion.find(*seen, narrow, right) is None
    assert occlusion.find(*seen, narrow, narrow) is not None
