"""What the mesh draws in the crop."""

from __future__ import annotations

from pathlib import Path

import mask_making
import numpy as np

from relip.mask import areas
from relip.mask.crop import SMALL
from relip.shot import Shot
from relip.track import points
from relip.track.facetrack import FaceTrack


def test_folds_lie_beside_nose_and_mouth(covered: Shot):
    track = FaceTrack.load(covered.path("track", "track.npz"))
    row = int(np.flatnonzero(track.visible)[0])
    face = track.canonical()[row][:, :2]
    folds = areas.folds(face)
    for side, corner in ((slice(0, SMALL // 2), 61), (slice(SMALL // 2, SMALL), 291)):
        across = np.flatnonzero(folds[:, side].any(0)) + side.start
        assert abs(across.mean() / SMALL - face[corner, 0]) < 0.12
    assert not folds[tuple((face[13, ::-1] * SMALL).astype(int))]  # never the lips


def test_the_outline_of_the_nose_holds_the_nose_alone(tmp_path: Path):
    own = mask_making.learnt(mask_making.make_shot(tmp_path, occluded=False)).mean_face
    outline = areas.grown(own, points.NOSE_OUTLINE, 0)
    for inside in (points.NOSTRIL_LEFT, points.NOSTRIL_RIGHT, 1, 4, 5):
        x, y = np.clip(own[inside] * SMALL, 0, SMALL - 1).astype(int)
        assert outline[y - 2 : y + 3, x - 2 : x + 3].any()
    for beside in (points.CHEEK_LEFT, points.CHEEK_RIGHT, 13, points.CHIN):
        x, y = np.clip(own[beside] * SMALL, 0, SMALL - 1).astype(int)
        assert not outline[y, x]


def test_the_mouths_reach_goes_from_the_lips_to_the_chin(tmp_path: Path):
    own = mask_making.learnt(mask_making.make_shot(tmp_path, occluded=False)).mean_face
    reach = areas.mouth_reach(own)
    middle = (own[17] + own[points.CHIN]) / 2
    for inside in (own[61], own[291], own[0], own[17], middle, own[points.CHIN]):
        x, y = (inside * SMALL).astype(int)
        assert reach[y, x]
    for beside in (points.CHEEK_LEFT, points.CHEEK_RIGHT, points.SUBNASALE, 172, 397):
        x, y = (own[beside] * SMALL).astype(int)
        assert not reach[y, x]
