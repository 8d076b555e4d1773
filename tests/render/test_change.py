"""What stays of the plate: all where nothing changes, nothing where the mouth does."""

from __future__ import annotations

import numpy as np
import pytest

from relip.render import change
from relip.render.rig import N_INNER, N_LINES, N_OUTER

SIZE = (80, 100)


def still() -> tuple[np.ndarray, np.ndarray]:
    return np.zeros((*SIZE, 3), np.float32), np.zeros((*SIZE, 2), np.float32)


def lines(jaw: float = 0.0) -> np.ndarray:
    """Lips about (50, 30) and a half ring below them as a jaw, its chin lowered by so much."""
    at = np.full((N_LINES, 2), (50.0, 30.0))
    angle = np.linspace(0, np.pi, N_LINES - N_OUTER - N_INNER)
    chin = np.maximum(np.sin(angle), 0)
    at[N_OUTER + N_INNER :] += np.stack([-34 * np.cos(angle), 24 * chin + jaw * chin**2], -1)
    return at


def kept_of(made: np.ndarray, shift: np.ndarray, unit: float) -> np.ndarray:
    return change.unchanged(made, shift, lines(), lines(), unit)


def test_no_change_no_loss():
    kept = kept_of(*still(), 1.0)
    assert kept.shape == SIZE and kept.dtype == np.float32
    np.testing.assert_array_equal(kept, 1)


@pytest.mark.parametrize("channel", [0, 1, 2])
@pytest.mark.parametrize("sign", [-1, 1])
def test_a_change_of_any_colour_and_sign_is_drawn(channel: int, sign: int):
    made, shift = still()
    made[30:50, 40:60, channel] = sign * 2 * change.DIFFERENCE[1]
    kept = kept_of(made, shift, 1.0)
    assert kept[32:48, 42:58].max() < 0.01
    assert kept[:18].min() == kept[62:].min() == 1
    # from one to the other without a step
    assert np.abs(np.diff(kept, axis=0)).max() < 0.25


def test_a_shading_is_no_change():
    """As little as the network's doubt about the light leaves the plate."""
    made, shift = still()
    made[:] = 0.9 * change.DIFFERENCE[0]
    np.testing.assert_array_equal(kept_of(made, shift, 1.0), 1)
    made[:] = np.mean(change.DIFFERENCE)
    np.testing.assert_allclose(kept_of(made, shift, 1.0), 0.5, atol=1e-4)


@pytest.mark.parametrize("unit", [0.5, 1.0, 2.0])
def test_skin_that_moves_is_drawn(unit: float):
    """By the way it goes in whatever direction, of the crop and not in pixels."""
    made, shift = still()
    for direction in ((1, 0), (0, -1), (0.6, 0.8)):
        for length, wanted in ((change.MOVE[0], 1), (np.mean(change.MOVE), 0.5), (4.0, 0)):
            shift[:] = unit * length * np.array(direction)
            np.testing.assert_allclose(kept_of(made, shift, unit), wanted, atol=1e-3)


@pytest.mark.parametrize("way", [1, -1])
def test_a_jaw_that_moves_takes_its_old_edge_along(way: int):
    """Up or down: between the two chins and below all is drawn, at the ears nothing."""
    old, new = (lines(0), lines(8))[::way]
    share = change.swept(old, new, SIZE, 1.0)
    assert share.dtype == np.float32
    np.testing.assert_array_equal(share[55:72, 46:54], 1)  # chins at 54 and 62, and beyond
    assert share[:50, 46:54].max() == share[78:].max() == 0
    assert share[:38].max() == 0
    kept = change.unchanged(*still(), old, new, 1.0)
    assert kept[55:72, 46:54].max() < 0.01 and kept[:28].min() == 1


def test_a_jaw_that_hardly_moves_keeps_the_plate():
    small = lines(change.MOVE[0])
    assert change.swept(lines(), small, SIZE, 1.0).max() == 0
    half = change.swept(lines(), lines(float(np.mean(change.MOVE))), SIZE, 1.0)
    assert half.max() == pytest.approx(0.5, abs=0.05)
    assert change.swept(lines(), lines(8), SIZE, 8.0).max() == 0  # of the crop, not in pixels


def test_a_tremble_is_left_out_and_a_shadow_drawn():
    made, _ = still()
    for size, wanted in ((change.TREMBLE[0], 0), (np.mean(change.TREMBLE), 0.5), (0.02, 1)):
        for sign in (-1, 1):
            made[:] = sign * np.array([0, size, 0])
            share = change.worth_drawing(made, 1.0)
            assert share.shape == SIZE and share.dtype == np.float32
            np.testing.assert_allclose(share, wanted, atol=1e-3)
