"""The appearance model: light is explained, what stands in front is not."""

from __future__ import annotations

import numpy as np
import pytest

from relip.mask import appearance
from relip.mask.appearance import CERTAIN, Appearance
from relip.mask.crop import SMALL

FRAMES, COVERED = 40, range(8, 24)


def bare_face() -> np.ndarray:
    ys, xs = np.mgrid[0:SMALL, 0:SMALL] / SMALL
    face = 140 + 25 * np.sin(9 * xs) * np.cos(7 * ys)
    return face[..., None] * np.array([1.0, 0.8, 0.7])


def light(t: int) -> np.ndarray:
    xs = np.mgrid[0:SMALL, 0:SMALL][1] / SMALL
    return 1 + 0.18 * np.sin(0.7 * t) * (xs - 0.5) + 0.1 * np.cos(0.31 * t)


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    """A textured face under a light that wanders; a block before it in two frames of five."""
    rng = np.random.default_rng(0)
    base = bare_face()
    stack = []
    for t in range(FRAMES):
        picture = base * light(t)[..., None] + rng.normal(0, 1.5, base.shape)
        if t in COVERED:
            picture[60:90, 40:80] = [90, 110, 130]
        stack.append(picture)
    return np.clip(np.stack(stack), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def model(pictures: np.ndarray) -> Appearance:
    area = np.ones((SMALL, SMALL), bool)
    cheeks = np.zeros_like(area)
    cheeks[10:40] = True
    model, certain = appearance.fit(pictures, area, cheeks, np.zeros_like(area))
    assert set(np.flatnonzero(certain)) == set(COVERED)
    return model


def test_the_block_is_strange_and_the_light_is_not(model: Appearance, pictures: np.ndarray):
    for t in (0, 12, 20, 33):
        values = appearance.opponent(pictures[t]).reshape(-1, 3)
        strange = model.strangeness(values, model.explain(values)).reshape(SMALL, SMALL)
        block = np.zeros((SMALL, SMALL), bool)
        block[62:88, 42:78] = True
        around = np.zeros_like(block)
        around[56:94, 36:84] = True
        assert (strange[~around] > CERTAIN).mean() < 0.001
        if t in COVERED:
            assert (strange[block] > CERTAIN).mean() > 0.99
        else:
            assert strange[block].max() < CERTAIN


def test_frames_are_what_they_were(pictures: np.ndarray, model: Appearance):
    area = np.ones((SMALL, SMALL), bool)
    cheeks = np.zeros_like(area)
    cheeks[10:40] = True
    again, _ = appearance.fit(pictures.copy(), area, cheeks, np.zeros_like(area))
    for name in ("mean", "modes", "spread", "level"):
        np.testing.assert_array_equal(getattr(again, name), getattr(model, name))


def test_the_face_behind_the_block_is_expected(model: Appearance, pictures: np.ndarray):
    """Under the light of that very frame, though the block hides it: to a hundredth."""
    hidden = np.zeros((SMALL, SMALL), bool)
    hidden[62:88, 42:78] = True
    for t in (9, 13, 21):
        explained = model.explain(appearance.opponent(pictures[t]).reshape(-1, 3))
        bare = appearance.opponent((bare_face() * light(t)[..., None]).astype(np.uint8))
        off = np.abs(model.picture(explained) - bare)[hidden]
        assert off[:, 0].mean() < 0.01
        assert off[:, 1:].mean() < 0.005
        usual = np.abs(model.picture(model.mean) - bare)[hidden]
        assert off[:, 0].mean() < 0.3 * usual[:, 0].mean()
