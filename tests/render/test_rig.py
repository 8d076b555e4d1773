"""The rig: exact closures, openings as asked, lines this face really shows."""

from __future__ import annotations

import face_making
import numpy as np
import pytest

from relip.render import rig as rig_module
from relip.render.rig import FEATURES, N_INNER, N_LINES, N_OUTER, OPENING, UNIT, WIDTH, Rig
from relip.speech import MOUTH_CONTROLS
from relip.track import points, pose
from relip.track.facetrack import FaceTrack


def controls(n: int, **values: object) -> np.ndarray:
    result = np.zeros((n, len(MOUTH_CONTROLS)))
    for name, value in values.items():
        result[:, MOUTH_CONTROLS.index(name)] = value
    return result


def feature(lines: np.ndarray, which: int) -> np.ndarray:
    return lines.reshape(len(lines), -1) @ FEATURES[which]


def inner_gaps(lines: np.ndarray) -> np.ndarray:
    """Heights between the facing inner points, without the corners ``[shape=(F, 9)]``."""
    inner = lines[:, N_OUTER : N_OUTER + N_INNER, 1]
    return inner[:, 19:10:-1] - inner[:, 1:10]


@pytest.fixture(scope="module")
def shot() -> face_making.Shot:
    return face_making.make_shot(200)


@pytest.fixture(scope="module")
def track(shot: face_making.Shot) -> FaceTrack:
    landmarks = shot.landmarks.copy()
    landmarks[..., :2] += np.random.default_rng(0).normal(0, 0.05, landmarks[..., :2].shape)
    return face_making.make_track(landmarks, hidden=(11, 12))


@pytest.fixture(scope="module")
def rig(track: FaceTrack) -> Rig:
    return rig_module.fit(track)


NO_POSE = np.zeros((1, 3))


def still(n: int) -> np.ndarray:
    return np.zeros((n, 3))


def test_features_measure_what_they_say():
    face = face_making.with_mouth(0.1, 0.0)[list(rig_module.LINE_POINTS), :2]
    values = FEATURES @ face.reshape(-1)
    at = {p: i for i, p in enumerate(rig_module.LINE_POINTS)}
    gaps = [face[at[b], 1] - face[at[a], 1] for a, b in points.INNER_PAIRS[1:4]]
    assert values[OPENING] == pytest.approx(np.mean(gaps))
    assert values[WIDTH] == pytest.approx(face[at[291], 0] - face[at[61], 0])
    # moving the whole face changes neither
    moved = FEATURES @ (face + [0.3, -0.2]).reshape(-1)
    np.testing.assert_allclose(moved[:3], values[:3], atol=1e-12)


def test_widest_opening_of_some_rows(track: FaceTrack):
    openings = feature(rig_module.track_lines(track), OPENING) / UNIT
    rows = np.argsort(openings)[:50]  # those without a face are NaN, and last
    assert rig_module.widest(track, rows) == pytest.approx(np.percentile(openings[rows], 97))
    assert rig_module.widest(track, rows) < rig_module.widest(track, np.flatnonzero(track.visible))


def test_closed_is_closed(rig: Rig):
    """With every other control anywhere, jawOpen 0 or mouthClose 1 lets the inner lips meet."""
    rng = np.random.default_rng(1)
    any_mouth = rng.uniform(0, 1, (50, len(MOUTH_CONTROLS)))
    any_mouth[:25, MOUTH_CONTROLS.index("jawOpen")] = 0
    any_mouth[25:, MOUTH_CONTROLS.index("mouthClose")] = 1
    lines = rig.lines(any_mouth, still(50))
    np.testing.assert_allclose(inner_gaps(lines), 0, atol=1e-12)


def test_closed_is_closed_when_the_head_turns(rig: Rig, track: FaceTrack):
    """The pose may tilt the line where the lips meet, and hardly opens it: 0.3 % of the face."""
    curves = pose.pose_curves(track)[track.visible]
    lines = rig.lines(controls(len(curves)), curves)
    gap = np.abs(feature(lines, OPENING)) / UNIT
    assert gap.max() < 0.003


def test_opening_is_as_asked(rig: Rig, track: FaceTrack):
    rng = np.random.default_rng(2)
    n = 100
    any_mouth = rng.uniform(0, 1, (n, len(MOUTH_CONTROLS)))
    curves = rng.normal(size=(n, 3))
    asked = any_mouth[:, MOUTH_CONTROLS.index("jawOpen")] * (
        1 - any_mouth[:, MOUTH_CONTROLS.index("mouthClose")]
    )
    lines = rig.lines(any_mouth, curves)
    np.testing.assert_allclose(rig.measure(lines, curves), asked, atol=1e-9)
    assert np.corrcoef(rig.measure(lines, curves), asked)[0, 1] > 1 - 1e-9
    full = rig.lines(controls(1, jawOpen=1), NO_POSE)
    assert feature(full, OPENING)[0] == pytest.approx(rig.levels[1], abs=1e-12)
    # the widest opening is the shot's own: 97 % of its openings
    shots = np.percentile(feature(rig_module.track_lines(track)[track.visible], OPENING), 97)
    assert rig.levels[1] == pytest.approx(shots, rel=0.1)


def test_everything_opens_with_the_jaw(rig: Rig):
    lines = rig.lines(controls(21, jawOpen=np.linspace(0, 1, 21)), still(21))
    assert (np.diff(feature(lines, OPENING)) > 0).all()
    assert (np.diff(inner_gaps(lines), axis=0) > -1e-9).all()
    chin = lines[:, N_OUTER + N_INNER + points.JAW.index(points.CHIN), 1]
    assert (np.diff(chin) > 0).all()
    # the face's own: the chin goes down 80 % of the opening
    assert (chin[-1] - chin[0]) / rig.levels[1] == pytest.approx(0.8, abs=0.1)
    assert inner_gaps(lines).min() >= -1e-12


@pytest.mark.parametrize("jaw", [0.0, 0.5])
def test_width_follows_its_controls(rig: Rig, jaw: float):
    ramp = np.linspace(0, 1, 11)
    stretch = feature(rig.lines(controls(11, jawOpen=jaw, mouthStretch=ramp), still(11)), WIDTH)
    pucker = feature(rig.lines(controls(11, jawOpen=jaw, mouthPucker=ramp), still(11)), WIDTH)
    funnel = feature(rig.lines(controls(11, jawOpen=jaw, mouthFunnel=ramp), still(11)), WIDTH)
    assert (np.diff(stretch) > 0).all()
    assert (np.diff(pucker) < 0).all()
    assert (np.diff(funnel) < 0).all()
    assert funnel[-1] > pucker[-1]
    # within the widths that this mouth shows
    _, _, rest, narrow, wide, _ = rig.levels
    assert narrow < rest < wide
    assert stretch[-1] == pytest.approx(wide, abs=0.005 * UNIT)
    assert pucker[-1] == pytest.approx(narrow, abs=0.005 * UNIT)


def test_extra_controls_move_the_lips_and_not_the_opening(rig: Rig):
    base = controls(1, jawOpen=0.5)
    for name in ("mouthRollLower", "mouthUpperUp"):
        lines = rig.lines(controls(1, jawOpen=0.5, **{name: 1}), NO_POSE)
        plain = rig.lines(base, NO_POSE)
        assert feature(lines, OPENING) == pytest.approx(feature(plain, OPENING), abs=1e-12)
        assert np.isfinite(lines).all()
        assert np.abs(lines - plain).max() < 0.05 * UNIT


def test_pose_is_added(rig: Rig):
    rng = np.random.default_rng(3)
    mouth, curves = rng.uniform(0, 1, (8, 10)), rng.normal(size=(8, 3))
    moved = rig.lines(mouth, curves) - rig.lines(mouth, still(8))
    wanted = (curves @ rig.pose_weights).reshape(8, N_LINES, 2)
    np.testing.assert_allclose(moved, wanted, atol=1e-12)


def test_controls_out_of_range_are_held(rig: Rig):
    wild = controls(1, jawOpen=3, mouthStretch=9, mouthRollLower=-4)
    held = controls(1, jawOpen=1, mouthStretch=1, mouthRollLower=0)
    np.testing.assert_allclose(rig.lines(wild, NO_POSE), rig.lines(held, NO_POSE), atol=1e-12)


def test_lines_are_the_ones_the_face_shows(rig: Rig, track: FaceTrack, shot: face_making.Shot):
    """Given its own opening and width, the rig draws the shot's lines: 0.6 % of the face width."""
    seen = np.flatnonzero(track.visible)
    own = rig_module.track_lines(track)[seen]
    curves = pose.pose_curves(track)[seen]
    free = own.reshape(len(seen), -1) - curves @ rig.pose_weights
    _, full, rest, narrow, wide, _ = rig.levels
    width = free @ FEATURES[WIDTH]
    mouth = controls(
        len(seen),
        jawOpen=np.clip(free @ FEATURES[OPENING] / full, 0, 1),
        mouthStretch=np.clip((width - rest) / (wide - rest), 0, 1),
        mouthPucker=np.clip((rest - width) / (rest - narrow), 0, 1),
    )
    away = np.linalg.norm(rig.lines(mouth, curves) - own, axis=-1) / UNIT
    assert away.mean() < 0.006
    assert np.percentile(away, 99) < 0.02


def test_pose_is_not_taken_for_speech(track: FaceTrack, rig: Rig):
    """A shot that does not turn gives the same mean lines and levels."""
    plain = rig_module.fit(face_making.make_track(face_making.make_shot(200, turning=0).landmarks))
    np.testing.assert_allclose(rig.levels[1], plain.levels[1], rtol=0.06)
    assert np.linalg.norm(plain.pose_weights) < 0.5 * np.linalg.norm(rig.pose_weights)


def test_a_silent_shot_can_still_be_opened():
    """A mouth that never opens opens as other actors' do: the lower lip, the chin, the corners."""
    silent = face_making.make_track(face_making.make_shot(40, talking=0).landmarks)
    rig = rig_module.fit(silent)
    assert rig.levels[1] == pytest.approx(rig_module.SILENT_FULL_OPENING * UNIT)
    lines = rig.lines(controls(3, jawOpen=[0, 0.5, 1]), still(3))
    assert np.isfinite(lines).all()
    np.testing.assert_allclose(
        feature(lines, OPENING), np.array([0, 0.5, 1]) * rig.levels[1], atol=1e-12
    )
    # open in the middle, more than beside it
    assert inner_gaps(lines)[2].argmax() in (3, 4, 5)
    at = {p: i for i, p in enumerate(rig_module.LINE_POINTS)}
    down = (lines[2] - lines[0])[:, 1] / rig.levels[1]
    assert -0.25 < down[at[13]] < -0.05 and 0.75 < down[at[14]] < 1.0
    assert 0.3 < down[at[points.CHIN]] < 0.5 and 0.1 < down[at[61]] < 0.35
    # where the jaw turns it stays
    assert np.abs(down[[at[132], at[361]]]).max() < 0.05
    rounded = rig.lines(controls(2, mouthPucker=[0, 1]), still(2))
    assert np.ptp(feature(rounded, WIDTH)) == pytest.approx(0.03 * UNIT, rel=0.2)


def test_what_a_shot_shows_is_all_its_rig_knows(track: FaceTrack, monkeypatch: pytest.MonkeyPatch):
    """Other actors' mouths have no say where this one's opens."""
    before = rig_module.fit(track)
    monkeypatch.setattr(rig_module, "_CHIN_DOWN", 9.0)
    monkeypatch.setattr(rig_module, "SILENT_FULL_OPENING", 0.5)
    np.testing.assert_array_equal(rig_module.fit(track).gain, before.gain)
    np.testing.assert_array_equal(rig_module.fit(track).levels, before.levels)


def test_rows_choose_what_is_learned_from(track: FaceTrack):
    rows = np.arange(0, 100)
    some = rig_module.fit(track, rows)
    assert not np.array_equal(some.mean, rig_module.fit(track).mean)
    # rows that show no face are left out
    np.testing.assert_array_equal(some.mean, rig_module.fit(track, np.delete(rows, [11, 12])).mean)


def test_tensors_roundtrip(rig: Rig):
    tensors = rig.tensors()
    assert all(name.startswith("rig.") for name in tensors)
    again = Rig.from_tensors(tensors)
    for name in Rig.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(again, name), getattr(rig, name))
    del tensors["rig.gain"]
    with pytest.raises(KeyError):
        Rig.from_tensors(tensors)


def test_track_lines(track: FaceTrack):
    lines = rig_module.track_lines(track)
    assert lines.shape == (200, N_LINES, 2)
    assert np.isnan(lines[[11, 12]]).all()
    np.testing.assert_array_equal(lines[0, 0], track.canonical()[0, 61])


def test_a_turned_head_does_not_open_a_closure(rig: Rig):
    """Whatever the pose, the facing inner-lip points meet when the opening is 0."""
    poses = np.random.default_rng(3).normal(0, 3, (40, 3))
    assert np.abs(inner_gaps(rig.lines(controls(40), poses))).max() < 1e-9
