"""The appearance model: light is explained, what stands in front is not."""

from __future__ import annotations

import numpy as np
import pytest

from relip.mask import appearance
from relip.mask.appearance import CERTAIN, Appearance
from relip.mask.crop import SMALL

FRAMES, COVERED = 40, range(8, 24)


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    """A textured face under a light that wanders; a block before it in two frames of five."""
    rng = np.random.default_rng(0)
    ys, xs = np.mgrid[0:SMALL, 0:SMALL] / SMALL
    face = 140 + 25 * np.sin(9 * xs) * np.cos(7 * ys)
    base = face[..., None] * np.array([1.0, 0.8, 0.7])
    stack = []
    for t in range(FRAMES):
        light = 1 + 0.18 * np.sin(0.7 * t) * (xs - 0.5) + 0.1 * np.cos(0.31 * t)
        picture = base * light[..., None] + rng.normal(0, 1.5, base.shape)
        if t in COVERED:
            picture[60:90, 40:80] = [90, 110, 130]
        stack.append(picture)
    return np.clip(np.stack(stack), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def model(pictures: np.ndarray) -> Appearance:
    area = np.ones((SMALL, SMALL), bool)
    cheeks = np.zeros_like(area)
    cheeks[10:40] = True
    return appearance.fit(pictures, area, cheeks, np.zeros_like(area))


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
    again = appearance.fit(pictures.copy(), area, cheeks, np.zeros_like(area))
    for name in ("mean", "modes", "spread", "level"):
        np.testing.assert_array_equal(getattr(again, name), getattr(model, name))
