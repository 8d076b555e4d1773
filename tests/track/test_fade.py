"""Which frames are edited, and how the edit comes and goes."""

from __future__ import annotations

import numpy as np
import pytest

from relip.track import fade
from relip.track.confidence import Belief


def belief(count: int) -> Belief:
    return Belief(
        np.ones((count, 3)), np.ones(count), np.zeros((count, 3)), np.zeros((count, 3), int)
    )


def why(visible: np.ndarray, runs: np.ndarray, **changed: np.ndarray) -> dict[int, str]:
    full = belief(len(visible))
    made = Belief(
        changed.get("regions", full.regions), full.overall, changed.get("angles", full.angles),
        changed.get("causes", full.causes),
    )  # fmt: skip
    return fade.reasons(visible, runs, made, changed.get("border", np.zeros(len(visible), bool)))


def test_the_edit_fades_beside_what_is_not_edited():
    mix = fade.mix(20, np.zeros(20, int), {10: "no face"}, 3)
    assert mix[10] == 0
    assert (mix[:7] == 1).all() and (mix[14:] == 1).all()
    np.testing.assert_allclose(mix[7:10], mix[13:10:-1])
    assert 0 < mix[9] < mix[8] < mix[7] < 1
    assert mix[9] == pytest.approx(0.25**2 * (3 - 0.5))


def test_no_fade_across_a_cut_or_at_the_ends():
    runs = np.array([0] * 10 + [1] * 10)
    mix = fade.mix(20, runs, {r: "no face" for r in range(5, 10)}, 4)
    assert (mix[10:] == 1).all()
    assert mix[0] == pytest.approx(1) and mix[4] < 0.2


def test_a_ramp_of_no_frames_switches():
    mix = fade.mix(6, np.zeros(6, int), {2: "no face"}, 0)
    assert mix.tolist() == [1, 1, 0, 1, 1, 1]


def test_reasons():
    visible = np.array([1, 1, 0, 1, 0, 0, 1, 1], bool)
    runs = np.array([0, 0, 0, 0, 1, 1, 2, 2])
    found = why(visible, runs)
    assert found == {2: "no face: hidden or turned away", 4: "no face: cut away",
                     5: "no face: cut away"}  # fmt: skip
    assert why(visible[:4], runs[:4], border=np.array([0, 1, 0, 0], bool))[2] == (
        "no face: out of the picture"
    )
    assert why(np.zeros(3, bool), np.zeros(3, int)) == dict.fromkeys(range(3), "no face")


def test_profiles_and_hidden_mouths_are_not_edited():
    visible, runs = np.ones(5, bool), np.zeros(5, int)
    angles = np.zeros((5, 3))
    angles[1, 0], angles[2, 1] = -70, 60
    regions = np.ones((5, 3))
    regions[3, 1:] = 0.0
    assert why(visible, runs, angles=angles, regions=regions) == {
        1: "face in profile", 2: "face turned up or down", 3: "mouth hidden",
    }  # fmt: skip


def test_description_names_the_frames():
    lines = fade.describe({2: "no face: cut away", 3: "no face: cut away", 7: "face in profile"},
                          range(1001, 1010))  # fmt: skip
    assert lines == [
        "no face in frames 1003-1004 (cut away): the plate passes through",
        "face in profile in frames 1008: the plate passes through",
    ]


def test_runs():
    assert fade.runs_of(6, [2, 5]).tolist() == [0, 0, 1, 1, 1, 2]
    assert fade.runs_of(3, [0, 7]).tolist() == [0, 0, 0]
