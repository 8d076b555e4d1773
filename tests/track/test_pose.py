"""Pose curves: they follow the turning head and not the mouth."""

from __future__ import annotations

import dataclasses

import face_making
import numpy as np
import pytest

from relip.track import points, pose


def explained(inputs: np.ndarray, wanted: np.ndarray) -> float:
    """R² of a linear regression."""
    design = np.c_[inputs, np.ones(len(inputs))]
    answer, *_ = np.linalg.lstsq(design, wanted, rcond=None)
    left = wanted - design @ answer
    return 1 - float(np.square(left).sum() / np.square(wanted - wanted.mean()).sum())


def test_zero_mean_and_unit_variance():
    track = face_making.make_track(face_making.make_shot(200).landmarks)
    curves = pose.pose_curves(track)
    assert curves.shape == (200, pose.COMPONENTS)
    np.testing.assert_allclose(curves.mean(0), 0, atol=0.02)
    # yaw and pitch swing slowly, so the smoothing after the scaling hardly takes from them
    np.testing.assert_allclose(curves[:, :2].std(0), 1, atol=0.03)


def test_they_know_the_turning_head():
    shot = face_making.make_shot(200)
    curves = pose.pose_curves(face_making.make_track(shot.landmarks))
    for axis in (0, 1):
        assert explained(curves, shot.turn[:, axis]) > 0.97


def test_they_do_not_know_the_mouth():
    talking = face_making.make_track(face_making.make_shot(100).landmarks)
    silent = face_making.make_track(face_making.make_shot(100, talking=0).landmarks)
    np.testing.assert_allclose(pose.pose_curves(talking), pose.pose_curves(silent), atol=1e-6)


def test_moving_the_face_in_the_plate_is_no_pose():
    shot = face_making.make_shot(100)
    still = face_making.make_shot(100, moving=0)
    np.testing.assert_allclose(
        np.abs(pose.pose_curves(face_making.make_track(shot.landmarks))[:, :2]),
        np.abs(pose.pose_curves(face_making.make_track(still.landmarks))[:, :2]),
        atol=0.02,
    )


def test_hidden_frames_are_zero_and_split_the_smoothing():
    landmarks = face_making.make_shot(100).landmarks
    hidden = (40, 41, 42)
    curves = pose.pose_curves(face_making.make_track(landmarks, hidden=hidden))
    assert (curves[list(hidden)] == 0).all()
    assert np.isfinite(curves).all()
    whole = pose.pose_curves(face_making.make_track(landmarks))
    # a gap does not pull its neighbours to zero
    np.testing.assert_allclose(curves[37:40, :2], whole[37:40, :2], atol=0.25)
    assert np.abs(curves[39, :2]).max() > 0.3


def test_a_still_head_has_a_finite_pose():
    track = face_making.make_track(np.repeat(face_making.make_shot(1).landmarks, 10, axis=0))
    assert np.isfinite(pose.pose_curves(track)).all()
    one = face_making.make_track(face_making.make_shot(1).landmarks)
    np.testing.assert_array_equal(pose.pose_curves(one), np.zeros((1, pose.COMPONENTS)))


@pytest.mark.parametrize(
    "flags, runs",
    [
        ([], []),
        ([0, 0], []),
        ([1], [(0, 0)]),
        ([1, 1, 0, 1], [(0, 1), (3, 3)]),
        ([0, 1, 0, 0, 1, 1], [(1, 1), (4, 5)]),
    ],
)
def test_visible_runs(flags: list[int], runs: list[tuple[int, int]]):
    assert pose.visible_runs(np.array(flags, bool)) == runs


def test_ridge():
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(400, 3))
    wanted = rng.normal(size=(3, 5))
    outputs = inputs @ wanted
    np.testing.assert_allclose(pose.ridge(inputs, outputs, 0.0), wanted, atol=1e-9)
    # the closed form is the minimum of |XW - Y|² + p|W|²
    penalty = 50.0
    found = pose.ridge(inputs, outputs, penalty)
    gradient = 2 * inputs.T @ (inputs @ found - outputs) + 2 * penalty * found
    np.testing.assert_allclose(gradient, 0, atol=1e-8)
    assert np.linalg.norm(found) < np.linalg.norm(wanted)


def test_pose_needs_only_the_rigid_points():
    track = face_making.make_track(face_making.make_shot(60).landmarks)
    landmarks = track.landmarks.copy()
    others = [i for i in range(points.COUNT) if i not in points.RIGID]
    landmarks[:, others] += np.random.default_rng(0).normal(0, 5, (60, len(others), 3))
    changed = dataclasses.replace(track, landmarks=landmarks)
    np.testing.assert_array_equal(pose.pose_curves(track), pose.pose_curves(changed))
