"""Retargeting: another's mouth becomes controls by his own range, and keeps its time."""

from __future__ import annotations

import dataclasses

import face_making
import numpy as np
import pytest

from relip.render import retarget, rig
from relip.render.rig import FEATURES, OPENING
from relip.speech import MOUTH_CONTROLS
from relip.track.facetrack import FaceTrack

JAW = MOUTH_CONTROLS.index("jawOpen")


def mirrored(landmarks: np.ndarray) -> np.ndarray:
    """The picture's mirror image, each point named as the mesh names it there."""
    from relip.track import points

    pairs = np.arange(points.COUNT)
    upper, lower = points.OUTER_UPPER, points.OUTER_LOWER
    for line in (upper, lower, points.INNER_UPPER, points.INNER_LOWER, points.JAW):
        pairs[list(line)] = line[::-1]
    for a, b in ((33, 263), (133, 362), (98, 327), (64, 294), (234, 454)):
        pairs[[a, b]] = b, a
    flipped = landmarks[:, pairs].copy()
    flipped[..., 0] = 2000 - flipped[..., 0]
    return flipped


def tracks(n: int = 80) -> tuple[FaceTrack, FaceTrack, np.ndarray]:
    """A track, the same speech by a bigger mirrored face, and the opening of its lines."""
    shot = face_making.make_shot(n)
    one = face_making.make_track(shot.landmarks)
    other = face_making.make_track(1.7 * mirrored(shot.landmarks))
    opening = rig.track_lines(one).reshape(n, -1) @ FEATURES[OPENING]
    return one, other, opening


def test_controls_follow_the_actor_whatever_his_size_and_side():
    one, other, opening = tracks()
    first, second = retarget.actor_controls(one), retarget.actor_controls(other)
    assert first.min() >= 0 and first.max() <= 1
    assert np.corrcoef(first[:, JAW], opening)[0, 1] > 0.97
    assert np.corrcoef(first[:, JAW], second[:, JAW])[0, 1] > 0.99
    np.testing.assert_allclose(first[:, JAW], second[:, JAW], atol=0.08)
    # by his own range: closed lips are 0, the widest of his openings 1
    assert first[opening.argmax(), JAW] > 0.95
    assert first[opening < np.percentile(opening, 5), JAW].max() < 0.05


def test_a_mumbler_fills_the_range_of_the_shot():
    """Openings half as wide, of his own full opening, mean the same."""
    one, _, _ = tracks()
    full = retarget.actor_controls(one)[:, JAW]
    landmarks = one.landmarks.copy()
    middle = (landmarks[:, 13] + landmarks[:, 14]) / 2
    lips = [*rig.points.LIPS]
    landmarks[:, lips, 1] = middle[:, None, 1] + 0.7 * (landmarks[:, lips, 1] - middle[:, None, 1])
    small = retarget.actor_controls(face_making.make_track(landmarks))[:, JAW]
    assert np.corrcoef(full, small)[0, 1] > 0.95
    assert small.max() == pytest.approx(1, abs=0.02)


def test_pictures_without_a_face_are_nan():
    one, _, _ = tracks(40)
    visible = one.visible.copy()
    visible[10:14] = False
    landmarks, transform = one.landmarks.copy(), one.transform.copy()
    landmarks[10:14], transform[10:14] = np.nan, np.nan
    found = retarget.actor_controls(
        dataclasses.replace(one, visible=visible, landmarks=landmarks, transform=transform)
    )
    assert np.isnan(found[10:14]).all() and np.isfinite(np.delete(found, range(10, 14), 0)).all()


def test_short_gaps_are_bridged_and_long_ones_at_rest():
    times = np.arange(40) / 20
    curves = np.full((40, 2), 0.8)
    curves[5:8] = np.nan
    np.testing.assert_allclose(retarget.bridged(curves, times), 0.8)
    curves[20:34] = np.nan
    found = retarget.bridged(curves, times)
    np.testing.assert_allclose(found[:20], 0.8)
    np.testing.assert_allclose(found[34:], 0.8)
    assert not found[23:31].any()  # 0.12 s after the last face, and before the next
    assert (np.diff(found[19:24, 0]) <= 0).all() and (np.diff(found[30:35, 0]) >= 0).all()
    curves[:3] = np.nan
    assert retarget.bridged(curves, times)[0, 0] < 0.3
    assert not retarget.bridged(np.full((4, 2), np.nan), times[:4]).any()


def test_resampling_at_the_same_times_changes_nothing():
    curves = np.random.default_rng(0).uniform(size=(50, 3))
    times = (np.arange(50) + 0.5) / 25
    np.testing.assert_allclose(retarget.resample(curves, times, 0.04, times, 0.04), curves)


@pytest.mark.parametrize("rate", [15.0, 30000 / 1001, 59.94, 120.0])
def test_resampling_keeps_time(rate: float):
    """A straight line of any rate is that line again: nothing is early or late."""
    times = (np.arange(int(4 * rate)) + 0.5) / rate
    wanted = (np.arange(20, 60) + 0.5) / 24
    found = retarget.resample(0.2 * times[:, None], times, 1 / rate, wanted, 1 / 24)
    np.testing.assert_allclose(found[:, 0], 0.2 * wanted, atol=1e-9)


def test_a_higher_rate_is_averaged_over_the_frame():
    """Every second picture of 48 is 1: at 24 frames a second that is one half."""
    times = (np.arange(96) + 0.5) / 48
    flicker = (np.arange(96) % 2).astype(float)[:, None]
    found = retarget.resample(flicker, times, 1 / 48, (np.arange(2, 40) + 0.5) / 24, 1 / 24)
    np.testing.assert_allclose(found, 0.5, atol=1e-9)


def test_uneven_times():
    """A camera that drops its rate: what counts is when each picture was taken."""
    times = np.array([0.0, 0.04, 0.08, 0.30, 0.34])
    curve = times[:, None] * 2
    wanted = np.array([0.06, 0.19, 0.32])
    found = retarget.resample(curve, times, 0.04, wanted, 0.04)
    np.testing.assert_allclose(found[:, 0], 2 * wanted)


def test_outside_the_recording_is_rest():
    times = (np.arange(25) + 0.5) / 25
    found = retarget.resample(np.ones((25, 1)), times, 0.04, np.arange(-10, 40) / 25 + 0.02, 0.04)
    assert not found[:9].any() and not found[37:].any() and (found[11:34] == 1).all()
