"""Faults of a mouth's inside: known values for drawn seams, bars and stripes."""

from __future__ import annotations

import numpy as np
import pytest

from relip.review import mouth

SIDE, WIDTH = 200, 300.0  # of the picture, and the face width it is said to have
MIDDLE = 100.5


def lips(half: float, opening: float, angle: float = 0.0) -> np.ndarray:
    """A lens of 20 points as lip lines are ordered: half its width, its height in the middle."""
    x = np.linspace(-half, half, 11)
    y = opening / 2 * (1 - (x / half) ** 2)
    points = np.concatenate([np.stack([x, -y], -1), np.stack([x, y], -1)[9:0:-1]])
    c, s = np.cos(angle), np.sin(angle)
    return points @ np.array([[c, s], [-s, c]]) + MIDDLE


def across(angle: float = 0.0) -> np.ndarray:
    """Distance of every pixel's centre from the line between the lips."""
    ys, xs = np.mgrid[0:SIDE, 0:SIDE] + 0.5 - MIDDLE
    return ys * np.cos(angle) - xs * np.sin(angle)


def closed(angle: float = 0.0) -> np.ndarray:
    """Lips of a known red that darken to a fifth in the line where they meet."""
    fall = 1 - 0.8 * np.exp(-np.square(across(angle)) / 2)
    return (np.array([0.6, 0.4, 0.35]) * fall[..., None]).astype(np.float32)


@pytest.mark.parametrize("angle", [0.0, 0.3])
@pytest.mark.parametrize("tooth", [0.0, 0.1, 0.2])
def test_a_tooth_in_the_line_glints(angle: float, tooth: float):
    """A white strip in the middle of the dark line: as prominent as it is high."""
    picture = closed(angle)
    # in a line of even darkness: what stands out is the strip alone
    dark = np.abs(across(angle)) < 4
    picture[dark] = (0.12, 0.08, 0.07)
    picture[np.abs(across(angle)) < 1.2] += np.float32(tooth)
    found = mouth.seam(picture, lips(60, 0, angle), lips(70, 50, angle), WIDTH)
    assert found.glint == pytest.approx(tooth / 0.35, abs=0.02)


@pytest.mark.parametrize("angle", [0.0, 0.3])
def test_lips_that_meet_do_not_glint(angle: float):
    found = mouth.seam(closed(angle), lips(60, 0, angle), lips(70, 50, angle), WIDTH)
    assert found.glint < 0.02
    # the band ends 3 pixels from the line, where the lips are nearly as bright as farther off
    assert found.bright == pytest.approx(1 - 0.8 * np.exp(-4.5), abs=0.03)


def test_a_line_that_lies_beside_the_lips_is_no_tooth():
    """Lip lines are a pixel off now and then."""
    found = mouth.seam(closed(), lips(60, 0) + [0, 1.2], lips(70, 50), WIDTH)
    assert found.glint < 0.02


def test_only_what_is_white_glints():
    picture = closed()
    at = np.abs(across()) < 1.2
    picture[np.abs(across()) < 4] = (0.12, 0.08, 0.07)
    picture[at, 0] += np.float32(0.2)  # a red gum
    assert mouth.seam(picture, lips(60, 0), lips(70, 50), WIDTH).glint < 0.02


def test_teeth_brighter_than_the_lips():
    picture = closed()
    picture[np.abs(across()) < 2] = 0.9
    found = mouth.seam(picture, lips(60, 0), lips(70, 50), WIDTH)
    assert found.bright == pytest.approx(0.9 / 0.45, rel=0.02)


def test_no_lips_no_figures():
    assert np.isnan(mouth.seam(closed(), lips(60, 0), lips(60, 0), WIDTH)).all()


def stripes(direction: float, period: float = 9.0) -> np.ndarray:
    ys, xs = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    wave = np.cos(2 * np.pi / period * (xs * np.cos(direction) + ys * np.sin(direction)))
    return np.repeat((0.4 + 0.2 * wave)[..., None], 3, 2).astype(np.float32)


@pytest.mark.parametrize("angle", [0.0, 0.4])
@pytest.mark.parametrize("turn", [0.0, 0.5, np.pi / 2])
def test_stripes_have_a_direction(angle: float, turn: float):
    """Their energy along the mouth is the squared cosine of the turn between them."""
    found = mouth.run(stripes(angle + turn), lips(70, 60, angle), WIDTH)
    assert found.coherence > 0.97
    assert found.upright == pytest.approx(np.cos(turn) ** 2, abs=0.03)


def test_checks_and_noise_have_none():
    checks = (stripes(0.0) + stripes(np.pi / 2)) / 2
    found = mouth.run(checks, lips(70, 60), WIDTH)
    assert found.coherence < 0.1 and found.upright == pytest.approx(0.5, abs=0.05)
    noise = np.random.default_rng(0).uniform(0, 1, (SIDE, SIDE, 3)).astype(np.float32)
    assert mouth.run(noise, lips(70, 60), WIDTH).coherence < 0.35


def test_the_lips_edge_does_not_leak_in():
    """Outside the opening everything is stripes; inside it, checks."""
    inner = lips(70, 60)
    checks = (stripes(0.0) + stripes(np.pi / 2)) / 2
    inside = np.zeros((SIDE, SIDE, 1), np.float32)
    ys, xs = np.mgrid[0:SIDE, 0:SIDE] + 0.5 - MIDDLE
    inside[np.abs(ys) < 30 * (1 - (xs / 70) ** 2)] = 1
    picture = checks * inside + 4 * stripes(np.pi / 2) * (1 - inside)
    apart = mouth.run(picture, inner, WIDTH).coherence - mouth.run(checks, inner, WIDTH).coherence
    assert abs(apart) < 0.15


def test_a_flat_mouth_and_a_closed_one():
    flat = np.full((SIDE, SIDE, 3), 0.2, np.float32)
    assert mouth.run(flat, lips(70, 60), WIDTH) == (0.0, 0.0)
    assert np.isnan(mouth.run(flat, lips(70, 3), WIDTH)).all()
