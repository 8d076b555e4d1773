"""What the network sees: finite numbers, and the plate's own again on the way back."""

from __future__ import annotations

import numpy as np
import pytest

from relip.errors import ColourError
from relip.plate import to_working
from relip.render.encoding import CURVE, Encoding, from_curve, to_curve


def scene_linear() -> np.ndarray:
    """Highlights, ordinary light, black, and what lies below it."""
    values = np.array([-0.05, -1e-3, 0.0, 1e-4, 0.18, 0.9, 1.0, 4.0, 60.0, 1000.0], np.float32)
    rng = np.random.default_rng(0)
    return rng.choice(values, (24, 32, 3)).astype(np.float32)


def test_auto_takes_a_display_encoding_as_it_is():
    found = Encoding.choose("sRGB - Display", "auto")
    assert (found.working, found.offset, found.scale) == ("sRGB - Display", 0.0, 1.0)


@pytest.mark.parametrize("colourspace", ["ACEScg", "Linear Rec.709 (sRGB)", "lin_rec2020"])
def test_auto_takes_the_curve_for_linear_floats(colourspace: str):
    found = Encoding.choose(colourspace, "auto")
    assert found.working == CURVE and found.linear


@pytest.mark.parametrize("colourspace", ["ACEScct", "ARRI LogC4", "sRGB - Display"])
def test_auto_takes_floats_in_a_log_as_they_are(colourspace: str):
    found = Encoding.choose(colourspace, "auto")
    assert found.working == colourspace and not found.linear
    plate = scene_linear()
    error = np.abs(found.decode(found.encode(plate)) - plate)
    assert (error <= 2**-22 * np.maximum(np.abs(plate), 1)).all()


def test_the_curve_is_that_of_the_config():
    """In ACES primaries it is OpenColorIO's ACEScct, which is one curve for three channels."""
    plate = scene_linear()
    ours, theirs = to_curve(plate), to_working(plate, "ACEScg", "ACEScct")
    np.testing.assert_allclose(ours, theirs, atol=2e-6)
    np.testing.assert_allclose(from_curve(ours), plate, rtol=3e-6, atol=1e-8)


def test_a_working_encoding_that_is_not_there():
    with pytest.raises(ColourError, match="LogZ"):
        Encoding.choose("ACEScg", "LogZ")


def test_a_network_gone_wild_gives_no_infinity():
    assert np.isfinite(from_curve(np.array([-50.0, 3.0, 50.0]))).all()


def test_a_named_encoding_is_taken():
    found = Encoding.choose("ACEScg", "sRGB - Display")
    assert found.working == "sRGB - Display"


@pytest.mark.parametrize("colourspace", ["ACEScg", "Linear Rec.709 (sRGB)"])
def test_scene_linear_roundtrip(colourspace: str):
    plate = scene_linear()
    encoding = Encoding.choose(colourspace, "auto")
    seen = encoding.encode(plate)
    assert seen.dtype == np.float32
    back = encoding.decode(seen)
    assert back.dtype == np.float32
    assert (np.abs(back - plate) <= 1e-8 + 3e-6 * np.abs(plate)).all()


def test_the_scale_is_about_zero_to_one():
    encoding = Encoding.choose("ACEScg", "auto")
    greys = np.repeat(np.array([0.0, 0.18, 1.0, 16.0], np.float32)[None, :, None], 3, 2)
    black, grey, white, bright = encoding.encode(greys)[0, :, 0]
    assert black == pytest.approx(0, abs=0.002)
    assert 0.6 < grey < 0.8
    assert white == pytest.approx(1, abs=0.002)
    assert 1 < bright < 1.6


def test_display_encoded_plates_are_left_alone():
    plate = np.random.default_rng(0).uniform(-0.1, 1.1, (8, 8, 3)).astype(np.float32)
    encoding = Encoding.choose("sRGB - Display", "auto")
    np.testing.assert_array_equal(encoding.encode(plate), plate)
    np.testing.assert_array_equal(encoding.decode(plate), plate)


@pytest.mark.parametrize("colourspace", ["ACEScg", "sRGB - Display"])
def test_what_is_not_a_number_becomes_one(colourspace: str):
    """One broken pixel must not spoil the network's view of the others."""
    plate = np.full((4, 5, 3), 0.18, np.float32)
    plate[1, 2] = [np.nan, np.inf, -np.inf]
    plate[2, 3] = -np.inf
    plate[3, 0] = np.inf
    encoding = Encoding.choose(colourspace, "auto")
    seen = encoding.encode(plate)
    assert np.isfinite(seen).all()
    assert np.isfinite(seen.astype(np.float16)[np.isfinite(plate)]).all()
    if encoding.linear:
        assert np.abs(seen).max() < 4
    healthy = np.isfinite(plate).all(-1)
    np.testing.assert_allclose(seen[healthy], seen[0, 0, 0], atol=1e-5)
    # the caller's picture is left as it is
    assert np.isnan(plate[1, 2, 0]) and np.isinf(plate[2, 3]).all()
