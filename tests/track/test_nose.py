"""Noses laid over their neighbours: motions come nearer the truth, and lag behind nothing."""

from __future__ import annotations

import cv2
import face_making
import numpy as np
import pytest

from relip.track import geometry, nose, points, stabilise
from relip.track.flow import follow

FRAMES = 40


@pytest.fixture(scope="module")
def moving():
    """Noisy frames of a face that moves in the plane, once by a jerk: landmarks, flow, patches."""
    shot = face_making.make_shot(FRAMES, turning=0, talking=0, seed=3)
    rigid = shot.rigid.copy()
    rigid[FRAMES // 2 :, 0, 2] += 7.0
    truth = shot.landmarks.copy()
    truth[FRAMES // 2 :, :, 0] += 7.0
    rng = np.random.default_rng(3)
    still = face_making.texture(260, 320, 5)
    still = 0.5 + 0.3 * (still - 0.5)
    pictures = []
    for each in rigid:
        motion = geometry.compose(each, geometry.invert(rigid[0]))
        shown = cv2.warpAffine(
            still, geometry.for_opencv(motion), (320, 260),
            flags=cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REFLECT_101,
        )  # fmt: skip
        noisy = 255 * shown + rng.normal(0, 2, shown.shape)
        pictures.append(noisy.clip(0, 255).astype(np.uint8))
    found = truth.copy()
    found[..., :2] += rng.normal(0, 0.3, (FRAMES, 1, 2))
    motions = np.full((FRAMES, 2, 3), np.nan)
    for t in range(1, FRAMES):
        flow = follow(pictures[t - 1], pictures[t], found[t - 1], found[t])
        assert flow is not None and flow.motion is not None
        motions[t] = flow.motion
    motions[1:, :, 2] += rng.normal(0, 0.1, (FRAMES - 1, 2))  # flow's own error, in pixels
    taken = [nose.take(p, f, found[0, :, :2]) for p, f in zip(pictures, found, strict=True)]
    patches, maps = (np.array(each) for each in zip(*taken, strict=True))
    return truth, found, motions, patches, maps


def error(truth: np.ndarray, found: np.ndarray, motions: np.ndarray) -> np.ndarray:
    """Where the true nose stands in the crop, off its median, in % fw ``[shape=(F, 2)]``."""
    shape, _ = stabilise.reference_shape(found)
    aligned = stabilise.align(found, np.ones(len(found), bool), motions, shape)
    place = geometry.apply(aligned, truth[:, list(points.NOSE), :2]).mean(1)
    away: np.ndarray = 100 * stabilise.CROP_FACE_WIDTHS * (place - np.median(place, axis=0))
    return away


def test_the_true_error_falls_and_a_jerk_is_followed(moving):
    truth, found, motions, patches, maps = moving
    before = error(truth, found, motions)
    after = error(truth, found, nose.refined(motions, patches, maps))
    third = [np.diff(each, 3, axis=0).std() for each in (before, after)]
    assert third[1] < 0.6 * third[0]
    jerk = slice(FRAMES // 2 - 2, FRAMES // 2 + 2)
    assert np.abs(after[jerk] - after.mean(0)).max() < 0.4  # of a jerk by 5.8 % fw


def test_only_the_place_of_the_nose_is_corrected(moving):
    _, _, motions, patches, maps = moving
    result = nose.refined(motions, patches, maps)
    np.testing.assert_array_equal(result[..., :2], motions[..., :2])
    assert np.isnan(result[0]).all()
    assert 0 < np.nanmax(np.abs(result - motions)) < nose.FAR * 120


def test_runs_know_nothing_of_each_other(moving):
    """Where no flow leads from one frame to the next, the frames before are not looked at."""
    _, _, motions, patches, maps = moving
    parted = motions.copy()
    parted[15] = np.nan
    other = patches.copy()
    other[15:] = 255 - other[15:]
    one = nose.refined(parted, patches, maps)
    np.testing.assert_array_equal(one[:15], nose.refined(parted, other, maps)[:15])
    np.testing.assert_array_equal(one[16:], nose.refined(parted[15:], patches[15:], maps[15:])[1:])
    assert np.isnan(one[15]).all()


@pytest.mark.parametrize("tone", [0, 128])
def test_what_hides_the_nose_moves_nothing_itself(moving, tone: int):
    """A flat card, or a picture of something else, gives no correction of its own frame."""
    _, _, motions, patches, maps = moving
    hidden = patches.copy()
    hidden[20] = tone
    place = nose._register(hidden, np.zeros((FRAMES, 2)))
    assert np.abs(place[20]).max() < 1e-5
    hidden[20] = np.random.default_rng(0).integers(0, 255, hidden[20].shape)
    assert (nose._register(hidden, np.zeros((FRAMES, 2)))[20] == 0).all()
    assert np.isfinite(nose.refined(motions, hidden, maps)[1:]).all()
    flat = np.full_like(patches, tone)
    np.testing.assert_allclose(nose.refined(motions, flat, maps), motions, atol=1e-5)


def test_a_frame_without_a_neighbour_is_left_alone(moving):
    _, _, motions, patches, maps = moving
    alone = np.full_like(motions, np.nan)
    np.testing.assert_array_equal(nose.refined(alone, patches, maps), alone)
    gone = maps.copy()
    gone[7] = np.nan
    result = nose.refined(motions, patches, gone)
    np.testing.assert_array_equal(result[[7, 8]], motions[[7, 8]])
    assert np.isfinite(result[1:]).all()


def test_a_shift_of_part_of_a_pixel_is_exact():
    rows, columns = np.mgrid[: nose.SIDE, : nose.SIDE]

    def wave(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return 128 + 60 * np.sin(x / 4.0) * np.cos(y / 5.0)

    shifted = nose._shifted(wave(columns, rows).astype(np.float32), np.array([2.37, -0.61]))
    inside = slice(12, -12)
    expected = wave(columns + 2.37, rows - 0.61)
    assert np.abs(shifted - expected)[inside, inside].max() < 0.6
