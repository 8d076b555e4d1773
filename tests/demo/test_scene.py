"""Frames and truth of the demo plate; and that a face tracker sees what the truth says."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest

from relip.demo import INNER_LIPS, Scene, render_frame, truth
from relip.demo.curves import plate_controls
from relip.demo.motion import Motion, apply, chain, inverse
from relip.errors import SettingError
from relip.speech import MOUTH_CONTROLS, closures, read_textgrid


def digest(picture: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(picture).tobytes()).hexdigest()


def test_a_frame_is_a_function_of_its_number_and_seed():
    scene = Scene(40, size=160, seed=3)
    forth = [digest(scene.render(i)) for i in (0, 17, 39)]
    back = [digest(Scene(40, size=160, seed=3).render(i)) for i in (39, 17, 0)][::-1]
    assert forth == back
    assert len(set(forth)) == 3
    assert digest(Scene(40, size=160, seed=4).render(17)) != forth[1]
    assert digest(Scene(20, size=160, seed=3).render(17)) == forth[1]


def test_a_frame_is_the_same_in_another_process():
    code = (
        "import hashlib; from relip.demo import render_frame;"
        "print(hashlib.sha256(render_frame(5, size=160).tobytes()).hexdigest())"
    )
    other = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()
    assert other == digest(render_frame(5, size=160))


def test_render_gives_display_codes():
    picture = render_frame(3, size=160)
    assert picture.shape == (160, 160, 3)
    assert picture.dtype == np.float32
    assert picture.min() >= 0 and picture.max() <= 1
    assert 0.2 < picture.mean() < 0.8


def test_grain_depends_on_light_and_changes_with_the_frame():
    still = np.zeros((1, 10))
    frames = [
        Scene(1, size=160, seed=0, controls=still)._grain(
            np.full((160, 160, 3), level, np.float32), number
        )
        for number in (0, 1)
        for level in (0.05, 0.5)
    ]
    deviations = [f.std() for f in frames]
    assert 0.010 < deviations[1] < 0.016
    assert deviations[0] < 0.6 * deviations[1]
    assert abs(frames[1].mean() - 0.5) < 5e-4
    correlation = np.corrcoef(frames[1].ravel(), frames[3].ravel())[0, 1]
    assert abs(correlation) < 0.02


def test_motion_is_slow_and_smooth():
    motion = Motion(640, 0)
    points = np.array(((200.0, 100.0), (250.0, 105.0), (224.0, 180.0)))
    path = np.array([apply(motion.at(f / 25).rigid, points) for f in range(250)])
    speed = np.hypot(*np.moveaxis(np.diff(path, axis=0), -1, 0))
    assert 0.2 < speed.mean() < 2.0  # plate pixels a frame: it moves, by fractions of a pixel
    assert speed.max() < 4.0
    assert np.abs(np.diff(path, 2, axis=0)).max() < 0.6
    assert np.ptp(path[:, 0], axis=0).min() > 10
    rigid = motion.at(1.0).rigid
    np.testing.assert_allclose(chain(inverse(rigid), rigid), np.eye(2, 3), atol=1e-12)


def test_truth_agrees_with_itself():
    for frame in (0, 20, 33):
        seen = truth(frame)
        up, low = (seen.inner_lips[INNER_LIPS.index(i)] for i in (13, 14))
        assert np.hypot(*(low - up)) == pytest.approx(seen.opening, abs=0.25)
        scale = np.sqrt(np.linalg.det(seen.rigid[:, :2]))
        assert seen.face_width == pytest.approx(91.7 * scale, rel=0.01)
        assert 180 < seen.face_width < 230
        np.testing.assert_allclose(seen.rigid[:, :2] @ seen.rigid[:, :2].T, scale**2 * np.eye(2),
                                   atol=1e-9)  # fmt: skip


def test_opening_scales_with_the_picture():
    small, big = truth(14, size=320), truth(14, size=640)
    assert big.opening > 5
    assert big.opening == pytest.approx(2 * small.opening, rel=1e-9)
    np.testing.assert_allclose(big.inner_lips, 2 * small.inner_lips)


def test_lips_close_on_each_p_b_m_of_the_voice():
    from relip.demo.curves import voice_file

    alignment = read_textgrid(voice_file("plate.TextGrid"))
    scene = Scene(180, size=128)
    marked = closures(alignment, range(180), Fraction(25))
    assert len(marked) >= 6
    openings = np.array([t.opening / t.face_width for t in map(scene.truth, range(180))])
    for _, frames in marked:
        assert openings[frames].min() < 1e-4
    assert openings.max() > 0.08


def test_voice_begins_again_after_its_end():
    fps = Fraction(24000, 1001)
    long = plate_controls(400, fps)
    assert long.shape == (400, len(MOUTH_CONTROLS))
    once = plate_controls(172, fps)
    np.testing.assert_array_equal(long[:172], once)
    # 7.18 s is 172.15 frames: the second round is the first, moved by 0.15 frames.
    assert np.corrcoef(long[172:344, 0], once[:, 0])[0, 1] > 0.98


@pytest.mark.parametrize(
    "bad",
    [{"size": 161}, {"size": 64}, {"size": 4096}, {"n_frames": 0}, {"seed": -1},
     {"controls": np.zeros((3, 9))}],
)  # fmt: skip
def test_bad_settings(bad: dict):
    with pytest.raises(SettingError):
        Scene(**{"n_frames": 3, **bad})


def test_frame_outside():
    with pytest.raises(SettingError, match="outside the demo's 0-2"):
        Scene(3, size=160).render(3)


def test_card_hides_the_face():
    scene = Scene(12, size=160, faceless_frames=[5, 6])
    assert [scene.covered(f) for f in range(12)] == pytest.approx(
        [0, 0, 0, 1 / 3, 2 / 3, 1, 1, 2 / 3, 1 / 3, 0, 0, 0]
    )
    bare = Scene(12, size=160)
    assert np.array_equal(scene.render(0), bare.render(0))
    seen = scene.truth(5)
    x, y = seen.inner_lips.mean(0).astype(int)
    assert np.abs(scene.render(5)[y - 4 : y + 4, x - 4 : x + 4] - 0.46).max() < 0.1
    assert scene.render(5)[y, x, 0] != bare.render(5)[y, x, 0]


def test_face_tracker_agrees_with_the_truth():
    """MediaPipe on rendered frames: found in each, opening as the truth, shut when it is shut."""
    face_mesh = pytest.importorskip("mediapipe").solutions.face_mesh
    scene = Scene(180, size=400)
    seen, true = [], []
    with face_mesh.FaceMesh(static_image_mode=True, refine_landmarks=True) as mesh:
        for frame in range(2, 180, 5):
            found = mesh.process(np.rint(scene.render(frame) * 255).astype(np.uint8))
            assert found.multi_face_landmarks, frame
            marks = found.multi_face_landmarks[0].landmark
            lips = np.array([(marks[i].x * 400, marks[i].y * 400) for i in (13, 14)])
            fact = scene.truth(frame)
            seen.append(np.hypot(*(lips[1] - lips[0])) / fact.face_width)
            true.append(fact.opening / fact.face_width)
    seen_, true_ = np.array(seen), np.array(true)
    assert np.corrcoef(seen_, true_)[0, 1] > 0.96
    assert seen_[true_ < 0.001].max() < 0.01


def test_face_tracker_finds_no_face_behind_the_card():
    face_mesh = pytest.importorskip("mediapipe").solutions.face_mesh
    scene = Scene(3, size=400, faceless_frames=[1])
    with face_mesh.FaceMesh(static_image_mode=True, refine_landmarks=True) as mesh:
        hidden = mesh.process(np.rint(scene.render(1) * 255).astype(np.uint8))
    assert not hidden.multi_face_landmarks
