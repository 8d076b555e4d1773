"""Grain: known noise is measured as it is, and as much is added as is missing."""

from __future__ import annotations

import cv2
import face_making
import numpy as np
import pytest

from relip.render import grain as module
from relip.render.grain import Grain, add_grain, field, measure


def noisy(
    sigma: float, *, soft: float = 0.0, n: int = 4, side: int = 256, seed: int = 0
) -> list[np.ndarray]:
    """Smooth pictures with Gaussian noise, softened first and brought to ``sigma`` again."""
    rng = np.random.default_rng(seed)
    ys, xs = np.mgrid[0:side, 0:side] / side
    ground = 0.3 + 0.35 * xs + 0.1 * np.sin(5 * ys)
    pieces = []
    for _ in range(n):
        noise = rng.standard_normal((side, side, 3)).astype(np.float32)
        if soft:
            noise = cv2.GaussianBlur(noise, (0, 0), soft)
        noise *= sigma / noise.std()
        pieces.append((ground[..., None] + noise).astype(np.float32))
    return pieces


@pytest.mark.parametrize("sigma", [0.004, 0.013, 0.03])
def test_white_noise_is_measured(sigma: float):
    found = measure(noisy(sigma))
    np.testing.assert_allclose(found.strength, sigma, rtol=0.08)
    fine = found.spectrum[module.BINS // 4 :]
    np.testing.assert_allclose(fine, 1, atol=0.15)
    np.testing.assert_allclose(found.mixing, np.eye(3), atol=0.1)


def test_soft_grain_has_a_falling_spectrum():
    found = measure(noisy(0.02, soft=0.8))
    at = (np.arange(module.BINS) + 0.5) / module.BINS * np.sqrt(0.5)
    power = np.square(found.spectrum)
    # a Gaussian filter: amplitude exp(−2 π² σ² f²)
    wanted = np.exp(-4 * np.pi**2 * 0.8**2 * at**2)
    low, high = np.searchsorted(at, [0.2, 0.4])
    assert power[high] / power[low] == pytest.approx(wanted[high] / wanted[low], rel=0.35)


def test_strength_by_intensity():
    rng = np.random.default_rng(1)
    pieces = []
    for _ in range(4):
        ground = np.repeat(np.linspace(0.15, 0.85, 256, dtype=np.float32)[None], 256, 0)[..., None]
        pieces.append(ground + (0.02 * ground) * rng.standard_normal((256, 256, 3), np.float32))
    found = measure(pieces)
    assert (np.diff(found.levels) > 0).all()
    np.testing.assert_allclose(found.strength.mean(1), 0.02 * found.levels, rtol=0.15)


def test_colours_that_go_together():
    rng = np.random.default_rng(2)
    grey = 0.015 * rng.standard_normal((4, 256, 256, 1), np.float32)
    found = measure([0.4 + np.repeat(g, 3, 2) for g in grey])
    assert (found.mixing @ found.mixing.T)[0, 1] > 0.99


def test_texture_is_no_grain():
    """Half of the picture is cloth: only the smooth half is measured."""
    pieces = noisy(0.008)
    ys, xs = np.mgrid[0:256, 0:256]
    for piece in pieces:
        piece[:, 128:] += (0.1 * np.sin(xs * 0.5) * np.sin(ys * 0.45))[:, 128:, None]
    np.testing.assert_allclose(measure(pieces).strength.mean(), 0.008, rtol=0.15)


def test_a_face_of_50_pixels_has_a_feature_in_every_block():
    """What is measured then must not be eyes and mouth: it would boil on the chin."""
    rng = np.random.default_rng(5)
    pieces = []
    for _ in range(8):
        ys, xs = np.mgrid[0:76, 0:76].astype(np.float32)
        ground = 0.45 + 0.1 * (xs / 76 - 0.5)
        for y, x, height, width in (
            (22, 20, 4, 7),
            (22, 56, 4, 7),
            (36, 38, 6, 4),
            (56, 38, 4, 11),
        ):
            ground -= 0.25 * np.exp(-(((ys - y) / height) ** 2) - ((xs - x) / width) ** 2)
            ground -= 0.2 * np.exp(-(((ys - y) / 1.2) ** 2) - ((xs - x) / width) ** 2)
        pieces.append(ground[..., None] + 0.004 * rng.standard_normal((76, 76, 3), np.float32))
    assert measure(pieces).strength.max() < 0.008


def test_the_smoothest_hair_is_no_grain():
    """Of a tone that only hair has all blocks are hair: the skin of the face is measured."""
    rng = np.random.default_rng(6)
    ys, xs = np.mgrid[0:170, 0:170]
    middle = np.hypot(ys - 85, xs - 85)
    skin = middle < 55
    pieces = []
    for _ in range(8):
        strands = np.repeat(rng.normal(0, 0.04, (1, 170)), 170, 0)
        ground = np.where(middle < 60, 0.6, 0.35 + 0.05 * xs / 170 + strands)
        ground += 0.001 * (ys - 85) * (middle < 60)
        pieces.append(ground[..., None] + 0.005 * rng.standard_normal((170, 170, 3), np.float32))
    np.testing.assert_allclose(measure(pieces, skin=[skin] * 8).strength, 0.005, rtol=0.15)
    assert measure(pieces).strength.max() > 0.01


def test_a_beard_is_no_grain():
    """A dark half of the skin that is hair: the grain is the bright half's, in every tone."""
    rng = np.random.default_rng(7)
    ys, xs = np.mgrid[0:170, 0:170]
    pieces = []
    for _ in range(6):
        hair = cv2.GaussianBlur(rng.normal(0, 0.1, (170, 170)), (0, 0), 0.8)
        ground = np.where(ys < 85, 0.6 + 0.1 * xs / 170, 0.3 + 0.05 * xs / 170 + hair)
        pieces.append(ground[..., None] + 0.006 * rng.standard_normal((170, 170, 3), np.float32))
    found = measure(pieces, skin=[np.ones((170, 170), bool)] * 6)
    np.testing.assert_allclose(found.strength, 0.006, rtol=0.15)
    assert found.levels.min() > 0.5


def test_too_little_skin_leaves_all_around_it():
    pieces = noisy(0.008)
    skin = np.zeros((256, 256), bool)
    skin[100:130, 100:130] = True
    found, all_of_it = measure(pieces, skin=[skin] * 4), measure(pieces)
    np.testing.assert_array_equal(found.strength, all_of_it.strength)
    nothing = [np.zeros((8, 300, 3), np.float32)]
    assert measure(nothing, skin=[np.ones((8, 300), bool)]).empty


def test_a_feature_in_every_block_is_no_grain():
    """Blocks whose power lies in one place are left out; without any other nothing is measured."""
    pieces = noisy(0.004)
    for piece in pieces:
        piece[12::32, :] -= 0.15
    found = measure(pieces)
    assert found.empty or found.strength.max() < 0.008


def test_no_noise_and_no_room():
    assert measure(noisy(0.0)).empty
    assert measure([np.full((20, 300, 3), 0.5, np.float32)]).empty
    assert measure([]).empty
    picture = face_making.texture(40, 40)
    np.testing.assert_array_equal(add_grain(picture, Grain.none(), 1.0, seed=0, frame=1), picture)


def test_a_smooth_patch_gets_the_plates_grain():
    pieces = noisy(0.013, soft=0.4)
    grain = measure(pieces)
    smooth = noisy(0.0)[0]
    made = add_grain(smooth, grain, 1.0, seed=3, frame=1001)
    for band_made, band_there in zip(module._bands(made), module._bands(pieces[0]), strict=True):
        ratio = np.mean(np.square(band_made[8:-8, 8:-8])) / np.mean(
            np.square(band_there[8:-8, 8:-8])
        )
        assert 0.85 < ratio < 1.15
    # what is slower is left alone
    slow = cv2.GaussianBlur(made - smooth, (0, 0), 6)
    assert np.abs(slow).max() < 0.15 * 0.013


def test_a_patch_that_has_its_grain_keeps_it():
    pieces = noisy(0.013)
    made = add_grain(pieces[1], measure(pieces), 1.0, seed=0, frame=5)
    before, after = (np.mean(np.square(module._bands(p)[0])) for p in (pieces[1], made))
    assert after / before == pytest.approx(1, abs=0.12)


def test_half_of_it_is_filled_up():
    """Grain at half its power: the other half is added."""
    pieces = noisy(0.013)
    weak = noisy(0.013 * np.sqrt(0.5), seed=9)[0]
    made = add_grain(weak, measure(pieces), 1.0, seed=0, frame=5)
    top = np.mean(np.square(module._bands(made)[0]))
    wanted = np.mean(np.square(module._bands(pieces[0])[0]))
    assert top / wanted == pytest.approx(1, abs=0.12)


def test_the_same_frame_has_the_same_grain_and_no_two_alike():
    grain = measure(noisy(0.013))
    one, again, other, seed = (
        field(grain, (40, 50), *key) for key in ((1, 1001), (1, 1001), (1, 1002), (2, 1001))
    )
    np.testing.assert_array_equal(one, again)
    for different in (other, seed):
        assert abs(np.corrcoef(one.ravel(), different.ravel())[0, 1]) < 0.1
    field(grain, (40, 50), 0, -12)  # frame numbers may be negative


@pytest.mark.parametrize("likeness", [0.0, 0.3, 0.8])
def test_likeness_of_neighbouring_frames(likeness: float):
    """Measured as it is, and made as it was measured."""
    rng = np.random.default_rng(4)
    common, *own = (rng.standard_normal((256, 256, 3), np.float32) for _ in range(3))
    two = [0.5 + 0.013 * (np.sqrt(likeness) * common + np.sqrt(1 - likeness) * o) for o in own]
    moved = np.roll(two[1], 1, axis=1)
    found = measure([two[0]], [moved])
    np.testing.assert_allclose(found.likeness, likeness, atol=0.06)
    one, other = (field(found, (200, 220), 0, f) for f in (10, 11))
    made = np.corrcoef(one.ravel(), other.ravel())[0, 1]
    assert made == pytest.approx(likeness, abs=0.08)
    assert one.std() == pytest.approx(field(measure([two[0]]), (200, 220), 0, 10).std(), rel=0.05)


def test_shares():
    for wanted in (0.1, 0.5, 0.85):
        weights = module.shares(wanted)
        assert np.sum(weights**2) == pytest.approx(1)
        assert np.sum(weights[1:] * weights[:-1]) == pytest.approx(wanted, abs=1e-6)
    assert module.shares(0.0).tolist() == [0, 0, 0, 1, 0, 0, 0]


def test_the_plates_own_power_is_wanted_where_it_is_known():
    """A frame with less grain than the shot's others gets less."""
    grain = measure(noisy(0.013))
    smooth, weak = noisy(0.0)[0], noisy(0.009, seed=7)[0]
    made = add_grain(smooth, grain, 1.0, seed=0, frame=1, plate=weak)
    ratio = np.mean(np.square(module._bands(made)[0])) / np.mean(np.square(module._bands(weak)[0]))
    assert ratio == pytest.approx(1, abs=0.12)
    # lips in the plate are no grain
    edges = smooth.copy()
    edges[100:160, 100:160] = 0.0
    more = add_grain(smooth, grain, 1.0, seed=0, frame=1, plate=edges)
    assert np.abs(more - smooth).max() < 0.013 * 6


def test_amount():
    grain = measure(noisy(0.013))
    smooth = noisy(0.0)[0]
    full, half, none = (add_grain(smooth, grain, a, seed=0, frame=1) for a in (1.0, 0.5, 0.0))
    np.testing.assert_array_equal(none, smooth)
    np.testing.assert_allclose(half - smooth, (full - smooth) / 2, atol=1e-6)


def test_there_and_back_through_a_record():
    grain = Grain.none()
    lists = {k: np.asarray(v).tolist() for k, v in vars(grain).items()}
    again = Grain.from_dict(lists)
    for name, value in vars(grain).items():
        np.testing.assert_array_equal(getattr(again, name), value)


@pytest.mark.parametrize(
    "change",
    [
        {"levels": [0.1, 0.5]},
        {"levels": []},
        {"levels": [0.5, 0.5], "strength": [[0, 0, 0]] * 2},
        {"strength": [[0.0, 0.0]]},
        {"mixing": [[1.0]]},
        {"likeness": ["a", "b"]},
        {"likeness": {"a": 1}},
        {"spectrum": [float("nan")]},
        {"more": []},
    ],
)
def test_a_record_that_is_no_grain(change: dict[str, object]):
    lists = {k: np.asarray(v).tolist() for k, v in vars(Grain.none()).items()}
    with pytest.raises(ValueError):
        Grain.from_dict(lists | change)
    with pytest.raises(ValueError):
        Grain.from_dict(None)
