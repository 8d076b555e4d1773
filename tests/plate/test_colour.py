"""Colour conversions through OpenColorIO."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from relip.errors import ColourError
from relip.plate import Colour, from_working, to_display, to_working

SPACES = [
    "ACEScg",
    "ACES2065-1",
    "Linear Rec.709 (sRGB)",
    "sRGB - Texture",
    "Gamma 2.4 Rec.709 - Texture",
    "Camera Rec.709",
    "ARRI LogC4",
    "ARRI LogC3 (EI800)",
    "S-Log3 S-Gamut3.Cine",
    "Rec.2100-PQ - Display",
    "Rec.2100-HLG - Display",
    "ACEScct",
]


@pytest.mark.parametrize("space", SPACES)
def test_round_trip_also_above_one_and_below_zero(space: str) -> None:
    rng = np.random.default_rng(0)
    display = space.startswith("Rec.2100")
    linear = space in SPACES[:3]
    rgb = rng.uniform(0.02, 0.95, (50, 40, 3)).astype(np.float32)
    if not display:
        rgb[:5] = rng.uniform(1.0, 30.0 if linear else 1.4, (5, 40, 3))
    if linear:
        rgb[5:8] = rng.uniform(-0.05, 0.0, (3, 40, 3))
    kept = rgb.copy()
    back = from_working(to_working(rgb, space), space)
    np.testing.assert_array_equal(rgb, kept)
    np.testing.assert_allclose(back, rgb, rtol=1e-4, atol=4e-4 if "LogC4" in space else 1e-4)


def test_acescct_is_the_academys_formula() -> None:
    """S-2016-001: from ACEScg, so that no matrix stands between."""
    values = np.array([-0.005, 0.0, 0.001, 0.0078125, 0.01, 0.18, 1.0, 16.0, 200.0], np.float32)
    rgb = np.repeat(values[:, None], 3, axis=1)
    truth = np.where(
        values <= 0.0078125,
        10.5402377416545 * values + 0.0729055341958355,
        (np.log2(np.maximum(values, 1e-9)) + 9.72) / 17.52,
    )
    np.testing.assert_allclose(to_working(rgb, "ACEScg")[:, 0], truth, atol=1e-6)


def test_display_is_the_srgb_formula() -> None:
    linear = np.linspace(0, 1, 256, dtype=np.float32)
    rgb = np.repeat(linear[None, :, None], 3, axis=2)
    truth = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    found = to_display(rgb, "Linear Rec.709 (sRGB)")
    assert found.dtype == np.uint8
    assert np.abs(found[0, :, 1].astype(int) - np.rint(truth * 255)).max() <= 1
    gamma = to_display(rgb, "Gamma 2.4 Rec.709 - Texture")
    light = linear**2.4
    truth = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    assert np.abs(gamma[0, :, 2].astype(int) - np.rint(truth * 255)).max() <= 1
    codes = np.arange(256, dtype=np.float32)
    same = to_display(np.repeat(codes[None, :, None] / 255, 3, axis=2), "sRGB - Texture")
    np.testing.assert_array_equal(same[0, :, 0], np.arange(256))


@pytest.mark.parametrize("space", ["sRGB - Texture", "Gamma 2.4 Rec.709 - Texture", "ACEScg"])
def test_display_clips_and_survives_nan(space: str) -> None:
    rgb = np.full((4, 5, 3), 0.5, np.float32)
    rgb[0, 0] = 40.0
    rgb[1, 1] = -3.0
    rgb[2, 2] = np.nan
    rgb[3, 3] = np.inf
    clean = to_display(np.full((4, 5, 3), 0.5, np.float32), space)
    kept = rgb.copy()
    found = to_display(rgb, space)
    np.testing.assert_array_equal(rgb, kept)
    assert tuple(found[0, 0]) == (255, 255, 255)
    assert tuple(found[1, 1]) == (0, 0, 0)
    assert tuple(found[2, 2]) == (0, 0, 0)
    assert tuple(found[3, 3]) == (255, 255, 255)
    others = np.ones((4, 5), bool)
    others[[0, 1, 2, 3], [0, 1, 2, 3]] = False
    np.testing.assert_array_equal(found[others], clean[others])


@pytest.mark.parametrize("space", SPACES)
def test_nan_and_infinity_do_not_spread(space: str) -> None:
    rng = np.random.default_rng(1)
    rgb = rng.uniform(0.1, 0.9, (9, 11, 3)).astype(np.float32)
    clean = to_working(rgb, space)
    rgb[4, 5] = (np.nan, 0.5, 0.5)
    rgb[2, 3] = (0.5, np.inf, 0.5)
    found = to_working(rgb, space)
    others = np.ones((9, 11), bool)
    others[4, 5] = others[2, 3] = False
    np.testing.assert_array_equal(found[others], clean[others])


def test_unknown_names_are_told_what_looks_like_them() -> None:
    for name, close in [("ACEScgg", "ACEScg"), ("srgb texture", "sRGB"), ("logc4", "LogC4")]:
        with pytest.raises(ColourError, match="did you mean") as caught:
            to_working(np.zeros((2, 2, 3), np.float32), name)
        assert close in str(caught.value)
        assert caught.value.exit_code == 3


def test_config_from_a_file_and_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config.ocio"
    config.write_text(
        """ocio_profile_version: 2
roles: {default: raw, scene_linear: lin}
file_rules:
  - !<Rule> {name: logs, colorspace: half, pattern: "*log*", extension: exr}
  - !<Rule> {name: Default, colorspace: raw}
displays:
  sRGB: [!<View> {name: Raw, colorspace: raw}]
colorspaces:
  - !<ColorSpace> {name: raw, isdata: true}
  - !<ColorSpace> {name: lin}
  - !<ColorSpace>
    name: half
    to_scene_reference: !<MatrixTransform> {matrix: [2,0,0,0, 0,2,0,0, 0,0,2,0, 0,0,0,1]}
"""
    )
    colour = Colour(config)
    rgb = np.full((2, 2, 3), 0.25, np.float32)
    np.testing.assert_allclose(colour.to_working(rgb, "half", "lin"), 0.5)
    assert colour.from_file_rules("/a/b_log.0001.exr") == "half"
    assert colour.from_file_rules("/a/b.0001.exr") is None
    with pytest.raises(ColourError, match="ACEScct"):
        colour.to_working(rgb, "half")
    monkeypatch.setenv("OCIO", str(config))
    np.testing.assert_allclose(from_working(rgb, "half", "lin"), 0.125)
    monkeypatch.setenv("OCIO", str(tmp_path / "none.ocio"))
    with pytest.raises(ColourError, match="OCIO.*does not exist"):
        to_working(rgb, "ACEScg")
    broken = tmp_path / "broken.ocio"
    broken.write_text("not a config")
    monkeypatch.setenv("OCIO", str(broken))
    with pytest.raises(ColourError) as caught:
        to_working(rgb, "ACEScg")
    assert "\n" not in str(caught.value)


def test_views_and_other_types_are_not_changed() -> None:
    whole = np.random.default_rng(0).uniform(0, 1, (20, 30, 4))
    view = whole[3:9, ::2, :3]
    kept = whole.copy()
    found = to_working(view, "ACEScg")
    assert found.dtype == np.float32 and found.flags.c_contiguous
    np.testing.assert_array_equal(whole, kept)
    np.testing.assert_array_equal(found, to_working(view.astype(np.float32).copy(), "ACEScg"))
    assert to_working(np.zeros((0, 5, 3), np.float32), "ACEScg").shape == (0, 5, 3)


def test_threads_share_one_config() -> None:
    colour = Colour()
    rgb = np.random.default_rng(0).uniform(0, 1, (64, 64, 3)).astype(np.float32)
    truth = {s: Colour().to_working(rgb, s) for s in SPACES[:6]}
    wrong: list[str] = []

    def work() -> None:
        for space in SPACES[:6]:
            if not np.array_equal(colour.to_working(rgb, space), truth[space]):
                wrong.append(space)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def half_ulp(values: np.ndarray) -> np.ndarray:
    """The distance of neighbouring half floats at these values."""
    exponent = np.floor(np.log2(np.maximum(np.abs(values), 2.0**-14)))
    return np.maximum(2.0 ** (exponent - 10), 2.0**-24)


def scene_linear_spaces() -> list[str]:
    """All of the built-in config."""
    colour = Colour()
    return [name for name in colour.names() if colour.is_linear(name)]


def test_linear_spaces_are_told_by_the_config() -> None:
    spaces = scene_linear_spaces()
    assert len(spaces) >= 15 and {"ACEScg", "Linear Rec.709 (sRGB)"} <= set(spaces)
    assert not {"ACEScct", "ARRI LogC4", "sRGB - Display", "Raw"} & set(spaces)
    with pytest.raises(ColourError, match="ACESgc"):
        Colour().is_linear("ACESgc")


@pytest.mark.parametrize("space", scene_linear_spaces())
def test_half_plates_come_back_from_the_networks_encoding(space: str) -> None:
    """On [-0.1, 64], each channel of any colour: to a small part of its own half-float step."""
    from relip.render.encoding import Encoding

    encoding = Encoding.choose(space, "auto")
    rng = np.random.default_rng(0)
    greys = np.repeat(np.linspace(-0.1, 64, 20_001)[:, None], 3, axis=1)
    dark = np.repeat(np.linspace(-0.1, 0.1, 20_001)[:, None], 3, axis=1)
    colours = rng.uniform(0, 1, (20_000, 3)) ** 6 * 64.1 - 0.1
    rgb = np.concatenate([greys, dark, colours]).astype(np.float16).astype(np.float32)[None]
    error = np.abs(encoding.decode(encoding.encode(rgb)) - rgb)
    assert (error / half_ulp(rgb)).max() <= 0.02


def test_every_half_float_comes_back_as_itself() -> None:
    from relip.render.encoding import Encoding

    encoding = Encoding.choose("Linear Rec.709 (sRGB)", "auto")
    every = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    every = every[np.isfinite(every)][:, None, None].repeat(3, 2)
    again = encoding.decode(encoding.encode(every.astype(np.float32))).astype(np.float16)
    np.testing.assert_array_equal(again, every)
