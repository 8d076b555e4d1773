"""Hair and background at the region's sides: where they stay, strands too thin for the crop."""

from __future__ import annotations

import mask_making
import numpy as np
import pytest

from relip.mask import parsing, rim
from relip.mask.crop import SIDE
from relip.track import points

SKIN, HAIR = np.array([190, 145, 120.0]), np.array([45, 32, 24.0])


@pytest.fixture(scope="module")
def face() -> np.ndarray:
    return np.median(mask_making.make_track().canonical()[..., :2], axis=0)


def at(picture: np.ndarray, place: np.ndarray | list) -> float:
    x, y = np.floor(np.asarray(place)[:2] * picture.shape[0]).astype(int)
    return float(picture[y, x])


def test_sides(face: np.ndarray):
    where = rim.sides(face)
    for point in (*points.LIPS, points.CHIN, points.SUBNASALE):
        assert at(where, face[point]) == 0
    for corner in (172, 397):
        assert at(where, face[corner] - [0, 2 / SIDE]) > 0.99
        assert at(where, [face[corner, 0], face[points.CHIN, 1]]) == 0
    away = face.copy()
    away[172, 0] = away[61, 0]  # turned until the mouth's corner stands before the jaw's
    assert np.isfinite(rim.sides(away)).all()


def test_what_comes_in_from_outside_is_held(face: np.ndarray):
    where = rim.sides(face)
    chance = np.zeros((6, SIDE, SIDE), np.float32)
    chance[parsing.SKIN] = 1
    assert rim.held(chance, face, where) is None
    x, y = np.round(face[397] * SIDE).astype(int)
    mole = np.s_[y - 22 : y - 18, x - 12 : x - 8]
    for part in (np.s_[y - 12 : y - 3, x - 6 :], mole):
        chance[parsing.SKIN][part], chance[parsing.HAIR][part] = 0.2, 0.8
    found = rim.held(chance, face, where)
    assert found is not None
    assert found[y - 8, x - 4] == pytest.approx(0.8)
    assert not found[mole].any()
    # beside the window nothing was parsed
    window = (0, 0, int(x) + 4, int(y))
    part = rim.held(chance, face, where, window)
    assert part is not None
    np.testing.assert_array_equal(part[:y, : x + 2], found[:y, : x + 2])
    assert not part[:, x + 4 :].any()


def test_held_is_steady():
    one = np.full((SIDE, SIDE), 0.9, np.float32)
    assert rim.steadied(None, [None, None]) is None
    steady = rim.steadied(None, [one, None])
    assert steady is not None
    np.testing.assert_allclose(steady, 0.3, rtol=1e-6)
    steady = rim.steadied(one, [])
    assert steady is not None
    np.testing.assert_array_equal(steady, one)


def scene(size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A cheek with a fold, a mole and two strands from its upper edge; the strands' alpha."""
    rng = np.random.default_rng(5)
    ys, xs = np.meshgrid(*[(np.arange(size) + 0.5) / size * SIDE] * 2, indexing="ij")
    alpha = np.zeros((size, size))
    for start, half in ((90.0, 1.6), (110.0, 2.6)):
        line = start + 0.0007 * (ys - 40) ** 2
        alpha = np.maximum(alpha, np.clip(half + 0.5 - np.abs(xs - line), 0, 1))
    fold = 1 - 0.25 * np.exp(-(((xs - 185 - 0.1 * (ys - 100)) / 3) ** 2))
    mole = np.hypot(xs - 160, ys - 90) < 3
    skin = SKIN * (fold * (1 + 0.0008 * (xs - 128)))[..., None]
    skin[mole] = HAIR
    picture = skin * (1 - alpha[..., None]) + HAIR * alpha[..., None]
    noise = rng.normal(0, 2, picture.shape)
    matte = np.zeros((size, size), np.float32)
    matte[size // 6 : -size // 6, size // 6 : -size // 6] = 1
    return np.clip(picture + noise, 0, 255).astype(np.uint8), matte, alpha


@pytest.mark.parametrize("size", [160, 256, 640])
def test_strands_are_kept(size: int):
    picture, matte, truth = scene(size)
    pixel = size / SIDE
    found = rim.strands(picture, matte, np.ones(matte.shape, bool), pixel)
    inside = matte > 0
    hair = inside & (truth > 0.05)
    assert np.abs(found - truth)[hair].mean() < 0.12
    assert found[inside & (truth > 0.95)].mean() > 0.9
    # neither fold nor mole nor skin
    assert found[inside & (truth == 0)].mean() < 0.004
    columns = (np.arange(size) + 0.5) / pixel > 140
    assert not found[:, columns][inside[:, columns]].any()


def test_grain_on_nearly_black_skin_is_no_strand():
    """A cheek of 8 levels of 255 in a dim room, and specks of 3 that come in from its edge."""
    shown = np.full((SIDE, SIDE, 3), 8, np.uint8)
    matte = np.zeros((SIDE, SIDE), np.float32)
    matte[40:] = 1
    specks = np.s_[30:120, 100:104]
    shown[specks] = 3
    assert not rim.strands(shown, matte, matte >= 0, 1.0).any()
    shown[:] = 80
    shown[specks] = 30
    assert rim.strands(shown, matte, matte >= 0, 1.0)[specks][15:].mean() > 0.9


def test_the_edge_follows_the_picture():
    """A rough chance whose edge lies two pixels aside, and a picture that says where it is."""
    size, to_crop = 320, np.array([[1 / 320, 0, 0], [0, 1 / 320, 0]])
    xs = (np.arange(size) + 0.5) / size * SIDE
    truth = np.repeat((xs > 160)[None], size, axis=0).astype(np.float32)
    picture = np.where(truth[..., None] > 0, HAIR, SKIN).astype(np.uint8)
    centres = np.arange(SIDE) + 0.5
    rough = np.repeat(np.clip((centres - 155) / 6, 0, 1)[None], SIDE, axis=0).astype(np.float32)
    where = np.zeros((SIDE, SIDE), np.float32)
    where[50:200, 128:] = 1
    matte = np.ones((size, size), np.float32)
    found = rim.refine(where, rough, picture, matte, to_crop)
    part = np.s_[100:200, 180:]
    before = np.repeat(np.interp(xs, centres, rough[0])[None], size, axis=0)
    assert np.abs(found - truth)[part].mean() < 0.65 * np.abs(before - truth)[part].mean()
    assert not found[: int(45 * size / SIDE)].any()
    # without anything held the same broad hair is no strand
    assert not rim.refine(where, None, picture, matte, to_crop)[part].any()
