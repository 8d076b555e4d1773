"""Alignment: flow measures the nose, takes the jitter away, and lags behind nothing."""

from __future__ import annotations

import cv2
import face_making
import numpy as np
import pytest

from relip.track import geometry, points, stabilise

FW = 120.0


def moved(picture: np.ndarray, motion: np.ndarray) -> np.ndarray:
    return cv2.warpAffine(
        picture,
        geometry.for_opencv(motion),
        picture.shape[1::-1],
        flags=cv2.INTER_LANCZOS4,  # OpenCV's cubic kernel shifts ramps by up to 0.05 pixel
        borderMode=cv2.BORDER_REFLECT_101,
    )


def about(centre: tuple[float, float], angle: float, scale: float, shift: tuple[float, float]):
    c, s = scale * np.cos(angle), scale * np.sin(angle)
    linear = np.array([[c, -s], [s, c]])
    return np.c_[linear, np.array(centre) + shift - linear @ np.array(centre)]


@pytest.mark.parametrize(
    "motion",
    [
        about((160, 130), 0.0, 1.0, (0.0, 0.0)),
        about((160, 130), 0.0, 1.0, (0.37, -0.21)),
        about((160, 130), 0.0, 1.0, (6.3, 4.8)),
        about((160, 130), 0.03, 1.0, (1.0, 0.5)),
        about((160, 130), -0.02, 1.015, (-2.5, 1.25)),
    ],
)
def test_nose_motion_is_the_true_one(motion: np.ndarray):
    before = face_making.texture(260, 320)
    after = moved(before, motion)
    grey = [cv2.cvtColor((255 * p).clip(0, 255).astype(np.uint8), cv2.COLOR_RGB2GRAY)
            for p in (before, after)]  # fmt: skip
    face = face_making.make_shot(1, moving=0, turning=0).landmarks[0]
    later = face.copy()
    later[:, :2] = geometry.apply(motion, face[:, :2])
    later[:, :2] += np.random.default_rng(0).normal(0, 0.4, later[:, :2].shape)
    found = stabilise.nose_motion(grey[0], grey[1], face, later)
    assert found is not None
    nose = face[list(points.NOSE), :2]
    error = geometry.apply(found, nose) - geometry.apply(motion, nose)
    # the alignment uses the nose as a whole; at its ends turning leaves a little more
    assert np.linalg.norm(error.mean(0)) < 0.05
    assert np.linalg.norm(error, axis=1).max() < 0.1


def test_nose_motion_gives_up_honestly():
    face = face_making.make_shot(1, moving=0, turning=0).landmarks[0]
    flat = np.full((260, 320), 128, np.uint8)
    assert stabilise.nose_motion(flat, flat, face, face) is None
    away = face + np.array([5000.0, 0, 0])
    assert stabilise.nose_motion(flat, flat, away, away) is None
    one, other = (
        np.round(255 * face_making.texture(260, 320, seed)[..., 0]).astype(np.uint8)
        for seed in (1, 2)
    )
    assert stabilise.nose_motion(one, other, face, face) is None


def jittered(n: int = 80, seed: int = 0, jump: float = 0.0):
    """A shot without turning, its exact motions, and its landmarks with jitter."""
    shot = face_making.make_shot(n, turning=0, seed=seed)
    rigid = shot.rigid.copy()
    landmarks = shot.landmarks.copy()
    if jump:
        rigid[n // 2 :, 0, 2] += jump
        landmarks[n // 2 :, :, 0] += jump
    motions = np.full((n, 2, 3), np.nan)
    motions[1:] = geometry.compose(rigid[1:], geometry.invert(rigid[:-1]))
    rng = np.random.default_rng(seed)
    noisy = landmarks.copy()
    # as detectors do: all points of a frame shake together, and each a little by itself
    noisy[..., :2] += rng.normal(0, 0.003 * FW, (n, 1, 2)) + rng.normal(
        0, 0.001 * FW, noisy[..., :2].shape
    )
    return landmarks, noisy, motions


def nose_in_crop(transform: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Where the true nose lies in the crop, in face widths ``[shape=(F, 2)]``."""
    nose = landmarks[:, list(points.NOSE), :2]
    return geometry.apply(transform, nose).mean(1) * stabilise.CROP_FACE_WIDTHS


def test_align_removes_jitter():
    truth, noisy, motions = jittered()
    shape, _ = stabilise.reference_shape(noisy)
    everywhere = np.ones(len(noisy), bool)
    raw = stabilise.align(noisy, everywhere, np.full_like(motions, np.nan), shape)
    steady = stabilise.align(noisy, everywhere, motions, shape)
    shake = [np.diff(nose_in_crop(t, truth), axis=0).std() for t in (raw, steady)]
    assert 0.002 < shake[0] < 0.008
    assert shake[1] < 0.25 * shake[0]
    seen = [stabilise.residual_jitter(t, motions, shape) for t in (raw, steady)]
    assert seen[1] < 0.25 * seen[0]
    # the linear part is left as the landmarks say
    np.testing.assert_array_equal(raw[..., :2], steady[..., :2])


@pytest.mark.parametrize("jump", [0.0, 30.0])
def test_align_neither_lags_nor_drifts(jump: float):
    """However the head moves, even by a jerk, the nose stays in its place in the crop."""
    truth, noisy, motions = jittered(120, seed=1, jump=jump)
    shape, _ = stabilise.reference_shape(noisy)
    steady = stabilise.align(noisy, np.ones(len(noisy), bool), motions, shape)
    nose = nose_in_crop(steady, truth)
    away = np.abs(nose - np.median(nose, axis=0))
    assert away.max() < 0.006  # twice one frame's jitter; the jerk is 25 % of the face width
    # no trend: the ends lie where the middle lies
    thirds = [nose[:40].mean(0), nose[40:80].mean(0), nose[80:].mean(0)]
    assert np.ptp(thirds, axis=0).max() < 0.0025


def test_align_with_exact_landmarks_changes_nothing():
    truth, _, motions = jittered()
    shape, _ = stabilise.reference_shape(truth)
    everywhere = np.ones(len(truth), bool)
    raw = stabilise.align(truth, everywhere, np.full_like(motions, np.nan), shape)
    np.testing.assert_allclose(stabilise.align(truth, everywhere, motions, shape), raw, atol=1e-9)


def test_landmarks_that_are_lost_do_not_draw_the_others_along():
    """A hand passes, and the mesh goes with it, at the end of a run or inside it."""
    truth, noisy, motions = jittered(60)
    shape, _ = stabilise.reference_shape(noisy)
    everywhere = np.ones(60, bool)
    for first in (0, 30):
        lost = noisy.copy()
        lost[first : first + 2, :, 1] += 0.15 * FW
        others = np.delete(np.arange(60), [first, first + 1])
        nose = nose_in_crop(stabilise.align(lost, everywhere, motions, shape), truth)[others]
        assert np.abs(nose - np.median(nose, axis=0)).max() < 0.006


def test_align_with_gaps():
    truth, noisy, motions = jittered(90)
    visible = np.ones(90, bool)
    visible[30:34] = False
    visible[70] = False
    noisy[~visible] = np.nan
    motions[30:35] = np.nan
    motions[70:72] = np.nan
    motions[55] = np.nan  # flow lost although the face is there
    shape, _ = stabilise.reference_shape(noisy[visible])
    raw = stabilise.align(noisy, visible, np.full_like(motions, np.nan), shape)
    steady = stabilise.align(noisy, visible, motions, shape)
    assert np.isnan(steady[~visible]).all()
    assert np.isfinite(steady[visible]).all()
    assert stabilise.residual_jitter(steady, motions, shape) < 0.3 * stabilise.residual_jitter(
        raw, motions, shape
    )
    nose = nose_in_crop(steady, truth)[visible]
    assert np.abs(nose - np.median(nose, axis=0)).max() < 0.01
    # what happens on one side of a gap does not reach the other side
    noisy[80:, :, 0] += 3.0
    again = stabilise.align(noisy, visible, motions, shape)
    np.testing.assert_array_equal(again[:70], steady[:70])


@pytest.mark.parametrize("angle, scale", [(0.0, 1.0), (0.35, 2.3), (-0.2, 0.4)])
def test_reference_shape(angle: float, scale: float):
    landmarks = face_making.make_shot(40).landmarks
    place = about((0, 0), angle, scale, (300, -20))
    landmarks[..., :2] = geometry.apply(place, landmarks[..., :2])
    shape, width = stabilise.reference_shape(landmarks)
    widths = np.linalg.norm(landmarks[:, 454, :2] - landmarks[:, 234, :2], axis=1)
    assert width == pytest.approx(np.median(widths))
    eyes = shape[[362, 263]].mean(0) - shape[[33, 133]].mean(0)
    assert eyes[1] == pytest.approx(0, abs=1e-9)
    assert eyes[0] > 0
    across = np.linalg.norm(shape[454] - shape[234])
    assert across == pytest.approx(1 / 1.15, rel=1e-9)
    assert shape[points.CHIN, 1] == pytest.approx(1 - 0.24 / 1.15, abs=1e-9)
    sides = (shape[234, 0] + shape[454, 0]) / 2
    lips = shape[list(points.OUTER_LIPS), 0].mean()
    assert (sides + lips) / 2 == pytest.approx(0.5, abs=1e-9)


def test_reference_shape_is_that_of_any_placement():
    """Size and place of the face do not matter; nor does tilt, but for a turning head's median."""
    for turning, angle in ((1.0, 0.0), (0.0, 0.5)):
        landmarks = face_making.make_shot(40, turning=turning).landmarks
        first, _ = stabilise.reference_shape(landmarks)
        turned = landmarks.copy()
        place = about((50, 50), angle, 3.0, (10, 80))
        turned[..., :2] = geometry.apply(place, landmarks[..., :2])
        second, _ = stabilise.reference_shape(turned)
        # without turning, only the mouth's points differ from frame to frame, and along lines
        np.testing.assert_allclose(first, second, atol=1e-9 if not angle else 5e-3)


def test_nose_motion_holds_in_the_noise_of_compression():
    """JPEG's blocks and noise move single points; the nose as a whole is seen to move truly."""
    face = face_making.make_shot(1, moving=0, turning=0).landmarks[0]
    nose = face[list(points.NOSE), :2]
    rng = np.random.default_rng(4)
    errors = []
    for seed in range(12):
        picture = face_making.texture(260, 320, seed)
        motion = about((160, 130), rng.normal(0, 0.01), 1.0, tuple(rng.normal(0, 1.5, 2)))
        coded = []
        for shown in (picture, moved(picture, motion)):
            noisy = 255 * (0.5 + 0.25 * (shown - 0.5)) + rng.normal(0, 4, shown.shape)
            jpeg = cv2.imencode(
                ".jpg", noisy.clip(0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 40]
            )[1]
            coded.append(cv2.imdecode(jpeg, cv2.IMREAD_GRAYSCALE))
        found = stabilise.nose_motion(*coded, face, face)
        assert found is not None
        errors.append((geometry.apply(found, nose) - geometry.apply(motion, nose)).mean(0))
    rms = float(np.sqrt(np.mean(np.square(errors))))
    assert rms < 0.19  # of the points alone 0.23
