"""What the evidence says of faces that are covered, blurred, turned or badly placed."""

from __future__ import annotations

import cv2
import face_making
import numpy as np
import pytest

from relip.track import confidence, finder, flow, geometry, looks, points

COUNT = 30


@pytest.fixture(scope="module")
def shot() -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Landmarks, template and pictures: a texture that moves with the head."""
    made = face_making.make_shot(COUNT, turning=0, face_width=110)
    skin = (255 * face_making.texture(400, 400, 4)).astype(np.uint8)
    to_skin = np.array([[130.0, 0, 200], [0, 130.0, 200]])
    pictures = []
    for rigid in made.rigid:
        way = geometry.compose(rigid, geometry.invert(to_skin))
        pictures.append(cv2.warpAffine(skin, geometry.for_opencv(way), (320, 280)))
    return made.landmarks, looks.template(made.landmarks[0]), pictures


def seen(landmarks: np.ndarray, own: np.ndarray, pictures: list[np.ndarray]) -> np.ndarray:
    pairs = zip(pictures, landmarks, strict=True)
    return np.stack([looks.grey(looks.take(p, f, own)) for p, f in pairs])


def judge(shot, pictures=None, landmarks=None, away=None) -> confidence.Belief:
    own, template, clean = shot
    landmarks = own if landmarks is None else landmarks
    away = np.zeros((COUNT, 3)) if away is None else away
    pictures = clean if pictures is None else pictures
    return confidence.believe(
        landmarks, seen(own, template, pictures), template, away, np.ones((COUNT, 3))
    )


def test_an_untouched_shot_is_believed(shot):
    found = judge(shot)
    assert found.regions.min() > 0.95
    np.testing.assert_array_equal(found.overall, found.regions.min(1))


@pytest.mark.parametrize("gain", [0.7, 1.25])
def test_exposure_is_no_damage(shot, gain: float):
    pictures = [*shot[2][:10], *(cv2.convertScaleAbs(p, alpha=gain) for p in shot[2][10:])]
    assert judge(shot, pictures).regions.min() > 0.8


def test_what_covers_the_mouth_costs_lips_and_jaw_their_confidence(shot):
    pictures = [p.copy() for p in shot[2]]
    hidden = slice(12, 17)
    for row in range(*hidden.indices(COUNT)):
        x, y = shot[0][row, [14, 152], :2].mean(0)
        cv2.circle(pictures[row], (round(x), round(y)), 46, (250, 240, 20), -1)
    found = judge(shot, pictures)
    assert found.regions[hidden, 1].max() < 0.1
    assert found.regions[hidden, 2].max() < 0.85
    # it looks like no lips, and the disc has no detail either
    assert np.isin(found.causes[hidden, 1], (0, 2)).all()
    calm = np.r_[found.regions[:12], found.regions[17:]]
    assert calm.min() > 0.9


def test_blur_costs_confidence(shot):
    pictures = list(shot[2])
    pictures[8] = cv2.GaussianBlur(pictures[8], (0, 0), 9)
    found = judge(shot, pictures)
    assert found.regions[8].max() < 0.5
    assert found.regions[9].min() > 0.9


def test_landmarks_that_the_flow_does_not_follow_are_not_believed(shot):
    away = np.full((COUNT, 3), 0.003)
    away[[10, 11], 1] = 0.06  # to frame 10 and from it
    away[20, 1] = 0.06  # only to frame 20: its neighbour may be the wrong one
    found = judge(shot, away=away)
    assert found.regions[10, 1] == 0 and found.causes[10, 1] == 1
    assert found.regions[20, 1] > 0.9 and found.regions[10, 0] > 0.9


def test_a_turned_head_is_not_believed(shot):
    flat = shot[0].copy()
    turned = face_making.with_mouth(0.0) * 110
    angle = np.radians(70)
    spin = np.array(
        [[np.cos(angle), 0, -np.sin(angle)], [0, 1, 0], [np.sin(angle), 0, np.cos(angle)]]
    )
    flat[5] = turned @ spin.T + [160, 130, 0]
    found = judge(shot, landmarks=flat)
    assert found.overall[5] == 0 and found.causes[5, 1] == 3
    assert found.angles[5, 0] == pytest.approx(70, abs=4)


@pytest.mark.parametrize("which, degrees", [(0, 35), (0, -50), (1, 25), (1, -20), (2, 30)])
def test_angles(which: int, degrees: float):
    face = face_making.with_mouth(0.0)
    rest = confidence.head_angles(face[None])[0]
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    spin = {
        0: [[c, 0, -s], [0, 1, 0], [s, 0, c]],
        1: [[1, 0, 0], [0, c, -s], [0, s, c]],
        2: [[c, -s, 0], [s, c, 0], [0, 0, 1]],
    }[which]
    found = confidence.head_angles((face @ np.array(spin).T)[None])[0]
    assert found[which] - rest[which] == pytest.approx(degrees, abs=3)


def test_frames_without_a_face(shot):
    landmarks = shot[0].copy()
    landmarks[3] = np.nan
    found = judge(shot, landmarks=landmarks)
    assert found.overall[3] == 0 and np.isnan(found.angles[3]).all()
    nothing = judge(shot, landmarks=np.full_like(landmarks, np.nan))
    assert not nothing.overall.any()


def test_signatures_tell_textures_apart(shot):
    landmarks, template, pictures = shot
    other = [(255 * face_making.texture(280, 320, 9)).astype(np.uint8)] * 2
    same = [looks.signature(looks.take(pictures[i], landmarks[i], template)) for i in (0, 20)]
    strange = looks.signature(looks.take(other[0], landmarks[0], template))
    assert looks.likeness(*same) > 0.9
    assert looks.likeness(same[0], strange) < 0.4


def test_flow_and_landmarks_agree_only_where_they_should(shot):
    landmarks, _, pictures = shot
    found = flow.follow(pictures[4], pictures[5], landmarks[4])
    assert found is not None
    rigid = landmarks[4].copy()
    step = geometry.fit_similarity(landmarks[4, list(points.RIGID), :2],
                                   landmarks[5, list(points.RIGID), :2])  # fmt: skip
    rigid[:, :2] = geometry.apply(step, rigid[:, :2])
    away, followed = found.disagreement(rigid)
    assert followed.min() > 0.8 and away.max() < 0.004
    rigid[list(points.OUTER_LIPS), 0] += 6
    away, _ = found.disagreement(rigid)
    assert away[1] == pytest.approx(6 / points.face_width(rigid), rel=0.1)
    assert away[0] < 0.004
    assert finder.extent(rigid) > points.face_width(rigid)
