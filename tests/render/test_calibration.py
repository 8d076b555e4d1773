"""The line calibration takes a known error off again, and never spoils a closure."""

from __future__ import annotations

import numpy as np
import pytest
import render_making

from relip.render import calibration, rig
from relip.render.calibration import LIMIT, MIN_FRAMES, N_LIPS, Calibration

FACE = rig.UNIT


@pytest.fixture(autouse=True)
def the_whole_error(monkeypatch: pytest.MonkeyPatch):
    """All of the error is taken off here, so that what is learned can be seen."""
    monkeypatch.setattr(calibration, "STRENGTH", 1.0)


@pytest.fixture(scope="module")
def lines() -> np.ndarray:
    """Lines of a face that talks and turns, in window units."""
    examples = render_making.make_examples(40)
    return examples.lines / examples.window.size


def wrong(lines: np.ndarray) -> np.ndarray:
    """An error that shifts all lips, and more so the wider they open: under 1 % of the face."""
    opening = lines.reshape(len(lines), -1) @ rig.FEATURES[rig.OPENING]
    error = np.zeros((len(lines), N_LIPS, 2))
    error[..., 0] = 0.004 * FACE
    error[..., 1] = 0.03 * opening[:, None] * np.linspace(-1, 1, N_LIPS)
    return error


def gaps(lines: np.ndarray) -> np.ndarray:
    return lines[..., rig.INNER_LOWER, 1] - lines[..., rig.INNER_UPPER, 1]


def test_a_known_error_is_taken_off(lines: np.ndarray):
    error = wrong(lines)
    learned = Calibration.fit(lines[::2], error[::2])
    outer = slice(0, rig.N_OUTER)
    for asked, off in zip(lines[1::2], error[1::2], strict=True):
        drawn = learned.apply(asked)
        found = drawn[outer] + off[outer]
        left = np.linalg.norm(found - asked[outer], axis=-1).mean()
        assert left < 0.3 * np.linalg.norm(off[outer], axis=-1).mean()


def test_a_share_of_the_error_is_taken_off(lines: np.ndarray, monkeypatch: pytest.MonkeyPatch):
    whole = Calibration.fit(lines, wrong(lines)).weights
    monkeypatch.undo()
    part = Calibration.fit(lines, wrong(lines)).weights
    np.testing.assert_allclose(part, calibration.STRENGTH * whole, atol=1e-12)
    assert 0 < calibration.STRENGTH < 1


def test_noise_teaches_little(lines: np.ndarray):
    noise = np.random.default_rng(0).normal(0, 0.004 * FACE, (len(lines), N_LIPS, 2))
    learned = Calibration.fit(lines, noise)
    moves = [learned.apply(each)[: rig.N_OUTER] - each[: rig.N_OUTER] for each in lines]
    assert np.abs(moves).mean() < 0.35 * np.abs(noise).mean()


def test_jaw_and_no_calibration_leave_lines_alone(lines: np.ndarray):
    learned = Calibration.fit(lines, wrong(lines))
    np.testing.assert_array_equal(learned.apply(lines[3])[N_LIPS:], lines[3, N_LIPS:])
    np.testing.assert_allclose(Calibration.none().apply(lines[3]), lines[3], atol=1e-12)


def test_a_lost_tracker_moves_lines_no_further_than_the_limit(lines: np.ndarray):
    learned = Calibration.fit(lines, np.full((len(lines), N_LIPS, 2), 0.5))
    move = learned.apply(lines[0]) - lines[0]
    assert np.abs(move).max() <= LIMIT * 1.01


def test_too_few_frames_teach_nothing(lines: np.ndarray):
    few = lines[: MIN_FRAMES - 1]
    assert not Calibration.fit(few, wrong(few)).weights.any()


def test_closed_lips_stay_closed(lines: np.ndarray):
    """Even under an error that says the lips are found a whole per cent too close."""
    error = np.zeros((len(lines), N_LIPS, 2))
    inner = error[:, rig.N_OUTER :]
    inner[:, 1:10, 1], inner[:, 11:20, 1] = 0.005 * FACE, -0.005 * FACE
    learned = Calibration.fit(lines, error)
    closed = lines[0].copy()
    middle = (closed[rig.INNER_UPPER, 1] + closed[rig.INNER_LOWER, 1]) / 2
    closed[rig.INNER_UPPER, 1] = closed[rig.INNER_LOWER, 1] = middle
    np.testing.assert_allclose(gaps(learned.apply(closed)), 0, atol=1e-12)
    open_ = closed.copy()
    open_[rig.INNER_LOWER, 1] += 0.05 * FACE
    assert gaps(learned.apply(open_)).mean() == pytest.approx(0.06 * FACE, rel=0.05)


def test_lips_never_pass_through_one_another(lines: np.ndarray):
    error = np.zeros((len(lines), N_LIPS, 2))
    inner = error[:, rig.N_OUTER :]
    inner[:, 1:10, 1], inner[:, 11:20, 1] = -0.01 * FACE, 0.01 * FACE
    learned = Calibration.fit(lines, error)
    for each in lines:
        assert (gaps(learned.apply(each)) >= np.minimum(gaps(each), 0) - 1e-9).all()


def test_it_is_kept_in_the_model_file(lines: np.ndarray):
    learned = Calibration.fit(lines, wrong(lines))
    again = Calibration.from_tensors(learned.tensors())
    np.testing.assert_array_equal(again.apply(lines[5]), learned.apply(lines[5]))
