"""What the network sees: finite numbers, and the plate's own again on the way back."""

from __future__ import annotations

import numpy as np
import pytest

from relip.render.encoding import Encoding


def scene_linear() -> np.ndarray:
    """Highlights, ordinary light, black, and what lies below it."""
    values = np.array([-0.05, -1e-3, 0.0, 1e-4, 0.18, 0.9, 1.0, 4.0, 60.0, 1000.0], np.float32)
    rng = np.random.default_rng(0)
    return rng.choice(values, (24, 32, 3)).astype(np.float32)


def test_auto_takes_the_plates_own_encoding_for_integers():
    found = Encoding.choose("sRGB - Display", "auto", integer=True)
    assert (found.working, found.offset, found.scale) == ("sRGB - Display", 0.0, 1.0)


@pytest.mark.parametrize("colourspace", ["ACEScg", "Linear Rec.709 (sRGB)", "ACEScct"])
def test_auto_takes_acescct_for_floats(colourspace: str):
    assert Encoding.choose(colourspace, "auto", integer=False).working == "ACEScct"


def test_a_named_encoding_is_taken():
    found = Encoding.choose("ACEScg", "sRGB - Display", integer=False)
    assert found.working == "sRGB - Display"


@pytest.mark.parametrize("colourspace", ["ACEScg", "Linear Rec.709 (sRGB)"])
def test_scene_linear_roundtrip(colourspace: str):
    plate = scene_linear()
    encoding = Encoding.choose(colourspace, "auto", integer=False)
    seen = encoding.encode(plate)
    assert seen.dtype == np.float32
    back = encoding.decode(seen)
    assert back.dtype == np.float32
    # a pixel's largest channel sets the precision of the others: colour matrices mix them
    allowed = 1e-4 + 2e-4 * np.abs(plate).max(-1, keepdims=True)
    assert (np.abs(back - plate) <= allowed).all()


def test_the_scale_is_about_zero_to_one():
    encoding = Encoding.choose("ACEScg", "auto", integer=False)
    greys = np.repeat(np.array([0.0, 0.18, 1.0, 16.0], np.float32)[None, :, None], 3, 2)
    black, grey, white, bright = encoding.encode(greys)[0, :, 0]
    assert black == pytest.approx(0, abs=0.002)
    assert 0.6 < grey < 0.8
    assert white == pytest.approx(1, abs=0.002)
    assert 1 < bright < 1.6


def test_display_encoded_plates_are_left_alone():
    plate = np.random.default_rng(0).uniform(-0.1, 1.1, (8, 8, 3)).astype(np.float32)
    encoding = Encoding.choose("sRGB - Display", "auto", integer=True)
    np.testing.assert_array_equal(encoding.encode(plate), plate)
    np.testing.assert_array_equal(encoding.decode(plate), plate)


@pytest.mark.parametrize("colourspace, integer", [("ACEScg", False), ("sRGB - Display", True)])
def test_what_is_not_a_number_becomes_one(colourspace: str, integer: bool):
    """One broken pixel must not spoil the network's view of the others."""
    plate = np.full((4, 5, 3), 0.18, np.float32)
    plate[1, 2] = [np.nan, np.inf, -np.inf]
    plate[2, 3] = -np.inf
    plate[3, 0] = np.inf
    encoding = Encoding.choose(colourspace, "auto", integer=integer)
    seen = encoding.encode(plate)
    assert np.isfinite(seen).all()
    assert np.isfinite(seen.astype(np.float16)[np.isfinite(plate)]).all()
    if not integer:
        assert np.abs(seen).max() < 4
    healthy = np.isfinite(plate).all(-1)
    np.testing.assert_allclose(seen[healthy], seen[0, 0, 0], atol=1e-5)
    # the caller's picture is left as it is
    assert np.isnan(plate[1, 2, 0]) and np.isinf(plate[2, 3]).all()
