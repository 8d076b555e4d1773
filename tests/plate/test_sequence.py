"""Image sequences in, comps out."""

from __future__ import annotations

import json
import threading
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest

from relip.errors import ColourError, FrameRangeError, PlateError
from relip.plate import BadFrame, open_plate, write_comp, write_exr

NAMES = ("R", "G", "B", "A", "Z", "id", "mask.x")
TYPES = ("half", "half", "half", "half", "float", "uint", "half")
ACESCG = (0.713, 0.293, 0.165, 0.83, 0.128, 0.044, 0.32168, 0.33767)


def _pixels(height: int, width: int, seed: int) -> np.ndarray:
    """(h, w, 7) float64; the integer channel scaled to 0-1 as OpenImageIO does."""
    rng = np.random.default_rng(seed)
    pixels = rng.normal(0.5, 1.0, (height, width, 7)).astype(np.float16).astype(np.float64)
    pixels[..., 4] = rng.uniform(0, 1e4, (height, width)).astype(np.float32)
    pixels[..., 5] = rng.integers(0, 2**32, (height, width)) / (2**32 - 1)
    return pixels


def _rich_exr(
    path: Path,
    seed: int = 0,
    *,
    data: tuple[int, int, int, int] = (0, 0, 48, 32),
    display: tuple[int, int, int, int] = (0, 0, 48, 32),
    compression: str = "zip",
    tiles: int = 0,
) -> np.ndarray:
    """An EXR with all a comp must keep; data and display as x, y, width, height."""
    spec = oiio.ImageSpec(data[2], data[3], 7, "half")
    spec.channelnames = NAMES
    spec.channelformats = tuple(oiio.TypeDesc(t) for t in TYPES)
    spec.x, spec.y = data[:2]
    spec.full_x, spec.full_y, spec.full_width, spec.full_height = display
    if tiles:
        spec.tile_width = spec.tile_height = tiles
    spec.attribute("compression", compression)
    spec.attribute("framesPerSecond", oiio.TypeDesc("rational"), (24000, 1001))
    spec.attribute("smpte:TimeCode", oiio.TypeDesc("timecode"), (0x01020304 + seed, 0))
    spec.attribute("chromaticities", oiio.TypeDesc("float[8]"), ACESCG)
    spec.attribute("worldToCamera", oiio.TypeDesc("matrix"), tuple(float(i) for i in range(16)))
    spec.attribute("camera/lens", "50 mm")
    spec.attribute("reel", 7)
    spec.attribute("PixelAspectRatio", 2.0)
    pixels = _pixels(data[3], data[2], seed)
    output = oiio.ImageOutput.create(str(path))
    assert output.open(str(path), spec), output.geterror()
    assert output.write_image(pixels), output.geterror()
    assert output.close()
    return pixels


def _dump(path: Path, part: int = 0) -> tuple[Any, dict[str, np.ndarray], dict[str, Any]]:
    """Header, channels in their own types, attributes."""
    image = oiio.ImageInput.open(str(path))
    assert image is not None, oiio.geterror()
    spec = image.spec(part)
    channels = {
        name: image.read_image(part, 0, i, i + 1, str(spec.channelformat(i)))
        for i, name in enumerate(spec.channelnames)
    }
    found = {a.name: (str(a.type), a.value) for a in spec.extra_attribs}
    image.close()
    return spec, channels, found


def _sequence(folder: Path, frames: range, name: str = "sh.{:04d}.exr") -> None:
    for frame in frames:
        value = np.full((6, 8, 3), frame / 1024, np.float32)
        write_exr(
            folder / name.format(frame), value, display=(8, 6), metadata={"chromaticities": ACESCG}
        )


@pytest.mark.parametrize(
    "pattern",
    [
        "sh.####.exr",
        "sh.%04d.exr",
        "sh.0998-1003.exr",
        "sh.1001.exr",
        "sh.0998.exr",
        "sh.#.exr",
        ".",
    ],
)
def test_every_way_to_name_a_sequence(tmp_path: Path, pattern: str) -> None:
    _sequence(tmp_path, range(998, 1004))
    path = tmp_path if pattern == "." else tmp_path / pattern
    with open_plate(path) as plate:
        assert plate.kind == "sequence"
        assert plate.path == str(path)
        assert plate.frames == range(998, 1004)
        for picture in plate.iter():
            np.testing.assert_array_equal(picture.rgb, np.float32(picture.frame / 1024))


def test_ranges_steps_and_negative_numbers(tmp_path: Path) -> None:
    _sequence(tmp_path, range(-3, 4), "a_v002.{:d}.exr")
    with open_plate(tmp_path / "a_v002.#.exr") as plate:
        assert plate.frames == range(-3, 4)
        assert plate.read(-2).rgb[0, 0, 0] == np.float32(-2 / 1024)
    with open_plate(tmp_path / "a_v002.#.exr", frames="-1-2") as plate:
        assert plate.frames == range(-1, 3)
    with open_plate(tmp_path / "a_v002.-3-3x2.exr") as plate:
        assert plate.frames == range(-3, 4, 2)
    with pytest.raises(FrameRangeError):
        open_plate(tmp_path / "a_v002.#.exr", frames="one")


def test_numbers_past_their_padding(tmp_path: Path) -> None:
    _sequence(tmp_path, range(98, 103), "b.{:02d}.exr")
    _sequence(tmp_path, range(1, 3), "b.{:04d}.exr")
    with open_plate(tmp_path / "b.##.exr") as plate:
        assert plate.frames == range(98, 103)
    with open_plate(tmp_path / "b.####.exr") as plate:
        assert plate.frames == range(1, 3)


def test_steps_are_seen(tmp_path: Path) -> None:
    _sequence(tmp_path, range(1001, 1020, 3))
    with open_plate(tmp_path / "sh.####.exr") as plate:
        assert plate.frames == range(1001, 1020, 3)


def test_missing_files_are_named(tmp_path: Path) -> None:
    _sequence(tmp_path, range(1001, 1011))
    for frame in (1004, 1005, 1008):
        (tmp_path / f"sh.{frame}.exr").unlink()
    with pytest.raises(PlateError, match="lacks frames 1004-1005,1008"):
        open_plate(tmp_path / "sh.####.exr")
    with pytest.raises(PlateError, match="lacks frames 1000,1004-1005"):
        open_plate(tmp_path / "sh.1000-1006.exr")
    with open_plate(tmp_path / "sh.####.exr", frames="1001-1003") as plate:
        assert plate.frames == range(1001, 1004)


def test_names_that_lead_nowhere(tmp_path: Path) -> None:
    _sequence(tmp_path, range(1, 3), "a.{:04d}.exr")
    _sequence(tmp_path, range(1, 3), "b.{:04d}.exr")
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.exr").write_text("no picture")
    for path, reason in [
        (tmp_path / "c.####.exr", "matches no file"),
        (tmp_path / "none" / "c.####.exr", "matches no file"),
        (tmp_path / "c.0001.exr", "does not exist"),
        (tmp_path / "c.exr", "does not exist.*####"),
        (tmp_path, "several sequences"),
        (tmp_path / "empty", "holds no images"),
        (tmp_path / "text.exr", "not an image"),
        ("", "no plate"),
        ("  ", "no plate"),
    ]:
        with pytest.raises(PlateError, match=reason) as caught:
            open_plate(path)
        assert "\n" not in str(caught.value)


def test_one_image_is_frame_one(tmp_path: Path) -> None:
    write_exr(tmp_path / "still.exr", np.full((4, 6, 3), 0.25), display=(6, 4))
    with open_plate(tmp_path / "still.exr", colourspace="ACEScg") as plate:
        assert plate.frames == range(1, 2)
        np.testing.assert_array_equal(plate.read(1).rgb, np.float32(0.25))
        with pytest.raises(PlateError, match="--fps"):
            _ = plate.rate
    with open_plate(tmp_path / "still.exr", colourspace="ACEScg", fps=Fraction(24)) as plate:
        assert plate.rate == 24


def test_odd_names(tmp_path: Path) -> None:
    folder = tmp_path / "a folder, [with] (signs) +"
    folder.mkdir()
    _sequence(folder, range(1, 4), "shöt [1] +x.{:04d}.exr")
    with open_plate(folder / "shöt [1] +x.####.exr") as plate:
        assert len(list(plate.iter())) == 3
    with open_plate(folder) as plate:
        assert plate.frames == range(1, 4)


def test_what_an_exr_says_is_known(tmp_path: Path) -> None:
    _rich_exr(tmp_path / "a.1001.exr", data=(-4, 2, 40, 25))
    with open_plate(tmp_path / "a.1001.exr") as plate:
        assert plate.rate == Fraction(24000, 1001)
        assert (plate.colourspace, plate.info["colourspace_from"]) == ("ACEScg", "metadata")
        assert plate.half
        assert plate.info["timecode"] == "01:02:03:04"
        assert plate.info["pixel_aspect"] == 2.0
        assert plate.info["data_window"] == [-4, 2, 40, 25]
        json.dumps(plate.info)


@pytest.mark.parametrize("data", [(-4, 2, 40, 25), (0, 0, 48, 32), (-3, -5, 60, 50), (10, 8, 7, 9)])
@pytest.mark.parametrize("display", [(0, 0, 48, 32), (5, -3, 48, 32)])
def test_data_windows_are_placed(
    tmp_path: Path, data: tuple[int, int, int, int], display: tuple[int, int, int, int]
) -> None:
    pixels = _rich_exr(tmp_path / "a.1001.exr", data=data, display=display)
    with open_plate(tmp_path / "a.1001.exr") as plate:
        assert (plate.width, plate.height) == display[2:]
        rgb = plate.read(1001).rgb
    for y in range(display[3]):
        for x in range(display[2]):
            row, column = y + display[1] - data[1], x + display[0] - data[0]
            inside = 0 <= row < data[3] and 0 <= column < data[2]
            expected = pixels[row, column, :3] if inside else 0.0
            np.testing.assert_array_equal(rgb[y, x], np.float32(expected))


@pytest.mark.parametrize("compression", ["zip", "zips", "piz", "none", "rle", "pxr24", "dwaa:60"])
@pytest.mark.parametrize("data", [(0, 0, 48, 32), (-4, 2, 40, 25), (-3, -5, 60, 50)])
@pytest.mark.parametrize("tiles", [0, 16])
def test_a_comp_changes_only_red_green_and_blue(
    tmp_path: Path, compression: str, data: tuple[int, int, int, int], tiles: int
) -> None:
    source, target = tmp_path / "a.1001.exr", tmp_path / "comp.exr"
    _rich_exr(source, data=data, compression=compression, tiles=tiles)
    with open_plate(source) as plate:
        picture = plate.read(1001)
    painted = picture.rgb.copy()
    painted[10:20, 15:25] = (0.25, 0.5, 4.0)
    write_comp(target, picture, painted)
    spec_a, before, said_before = _dump(source)
    spec_b, after, said_after = _dump(target)
    assert list(before) == list(after) == [str(n) for n in spec_b.channelnames]
    for name in ("A", "Z", "id", "mask.x"):
        np.testing.assert_array_equal(after[name], before[name])
        assert after[name].dtype == before[name].dtype
    expected = {n: before[n][..., 0].copy() for n in "RGB"}
    left, top = 15 - data[0], 10 - data[1]
    for value, name in zip((0.25, 0.5, 4.0), "RGB", strict=True):
        expected[name][top : top + 10, left : left + 10] = value
        np.testing.assert_array_equal(after[name][..., 0], expected[name])
    for key in ("x", "y", "width", "height", "full_x", "full_y", "full_width", "full_height"):
        assert getattr(spec_a, key) == getattr(spec_b, key)
    assert spec_a.channelformats == spec_b.channelformats
    assert spec_a.tile_width == spec_b.tile_width
    if compression.startswith("dwa"):
        # Writing DWA again would change every pixel a little.
        assert said_after.pop("compression") == ("string", "zip")
        said_before.pop("compression")
    assert said_after == said_before


def test_an_untouched_comp_is_the_plate_bit_for_bit(tmp_path: Path) -> None:
    """NaN, infinity and denormals too."""
    pixels = np.random.default_rng(0).normal(0, 1, (32, 48, 3)).astype(np.float16)
    pixels[0, 0], pixels[1, 1], pixels[2, 2] = np.nan, np.inf, 6e-8
    write_exr(tmp_path / "a.exr", pixels, display=(48, 32), compression="piz")
    with open_plate(tmp_path / "a.exr", colourspace="ACEScg") as plate:
        picture = plate.read(1)
    write_comp(tmp_path / "b.exr", picture, picture.rgb)
    assert _dump(tmp_path / "a.exr")[2] == _dump(tmp_path / "b.exr")[2]
    for name, channel in _dump(tmp_path / "b.exr")[1].items():
        np.testing.assert_array_equal(
            channel[..., 0].view(np.uint16), pixels[..., "RGB".index(name)].view(np.uint16)
        )
    write_comp(tmp_path / "c.exr", picture, picture.rgb)
    assert (tmp_path / "b.exr").read_bytes() == (tmp_path / "c.exr").read_bytes()


def test_float_plates_stay_float(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).uniform(0, 1, (8, 9, 3)).astype(np.float32)
    write_exr(tmp_path / "a.exr", pixels, display=(9, 8), half=False)
    with open_plate(tmp_path / "a.exr", colourspace="ACEScg") as plate:
        assert not plate.half
        picture = plate.read(1)
    np.testing.assert_array_equal(picture.rgb, pixels)
    write_comp(tmp_path / "b.exr", picture, picture.rgb)
    np.testing.assert_array_equal(_dump(tmp_path / "b.exr")[1]["G"][..., 0], pixels[..., 1])


def test_parts_of_a_multipart_exr_are_kept(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    specs, data = [], []
    for name, names in (("depth", ("Z",)), ("rgba", tuple("RGBA")), ("right", tuple("RGB"))):
        spec = oiio.ImageSpec(20, 10, len(names), "half")
        spec.channelnames = names
        spec.attribute("oiio:subimagename", name)
        spec.attribute("note", f"part {name}")
        specs.append(spec)
        data.append(rng.normal(0, 1, (10, 20, len(names))).astype(np.float16))
    source = str(tmp_path / "a.exr")
    output = oiio.ImageOutput.create(source)
    assert output.open(source, tuple(specs))
    for number, (spec, pixels) in enumerate(zip(specs, data, strict=True)):
        if number:
            assert output.open(source, spec, "AppendSubimage")
        assert output.write_image(pixels)
    assert output.close()
    with open_plate(source, colourspace="ACEScg") as plate:
        picture = plate.read(1)
    np.testing.assert_array_equal(picture.rgb, data[1][..., :3].astype(np.float32))
    write_comp(tmp_path / "b.exr", picture, picture.rgb + 1)
    for part in range(3):
        _spec, before, said_before = _dump(tmp_path / "a.exr", part)
        _spec, after, said_after = _dump(tmp_path / "b.exr", part)
        assert {k: v for k, v in said_after.items() if k != "DateTime"} == {
            k: v for k, v in said_before.items() if k != "DateTime"
        }
        for name in before:
            if part == 1 and name in "RGB":
                changed = (before[name].astype(np.float32) + 1).astype(np.float16)
                np.testing.assert_array_equal(after[name], changed)
            else:
                np.testing.assert_array_equal(after[name], before[name])


def test_grey_plates_stay_grey(tmp_path: Path) -> None:
    grey = np.random.default_rng(0).uniform(0, 1, (8, 9)).astype(np.float16).astype(np.float32)
    write_exr(tmp_path / "a.exr", grey, ["Y"], display=(9, 8))
    with open_plate(tmp_path / "a.exr", colourspace="ACEScg") as plate:
        picture = plate.read(1)
    for channel in range(3):
        np.testing.assert_array_equal(picture.rgb[..., channel], grey)
    painted = picture.rgb.copy()
    painted[2, 3] = (1.0, 0.0, 0.0)
    write_comp(tmp_path / "b.exr", picture, painted)
    _spec, after, _said = _dump(tmp_path / "b.exr")
    grey[2, 3] = np.float16(0.2126)
    assert list(after) == ["Y"]
    np.testing.assert_array_equal(after["Y"][..., 0], grey.astype(np.float16))


def test_comps_of_movies_are_plain_exrs(tmp_path: Path, movie: Path) -> None:
    with open_plate(movie) as plate:
        picture = plate.read(3)
    write_comp(tmp_path / "c.exr", picture, picture.rgb)
    spec, channels, _said = _dump(tmp_path / "c.exr")
    assert str(spec.format) == "half"
    for i, name in enumerate("RGB"):
        found = channels[name][..., 0].astype(np.float32)
        np.testing.assert_array_equal(found, picture.rgb[..., i])


@pytest.mark.parametrize(
    ("suffix", "dtype", "half"),
    [
        ("png", "uint8", True),
        ("png", "uint16", False),
        ("tif", "uint8", True),
        ("tif", "uint16", False),
        ("tif", "float", False),
        ("dpx", "uint10", True),
        ("dpx", "uint16", False),
    ],
)
def test_other_formats(tmp_path: Path, suffix: str, dtype: str, half: bool) -> None:
    rng = np.random.default_rng(0)
    kind = {"uint10": "uint16"}.get(dtype, dtype)
    spec = oiio.ImageSpec(30, 20, 3, kind)
    if dtype == "uint10":
        spec.attribute("oiio:BitsPerSample", 10)
    if dtype == "float":
        pixels = rng.uniform(-1, 2, (20, 30, 3)).astype(np.float32)
        truth = pixels
    else:
        top = {"uint8": 255, "uint10": 1023, "uint16": 65535}[dtype]
        codes = rng.integers(0, top + 1, (20, 30, 3))
        truth = (codes / top).astype(np.float32)
        pixels = np.rint(truth.astype(np.float64) * (255 if kind == "uint8" else 65535))
        pixels = pixels.astype(kind)
    path = tmp_path / f"a.0001.{suffix}"
    output = oiio.ImageOutput.create(str(path))
    assert output.open(str(path), spec) and output.write_image(pixels) and output.close()
    display = dtype != "float" and suffix != "dpx"
    if not display:
        with pytest.raises(ColourError, match="--colourspace"):
            open_plate(path)
    with open_plate(path, colourspace=None if display else "ARRI LogC4") as plate:
        if display:
            assert plate.info["colourspace_from"] == "default"
            assert plate.colourspace == "sRGB Encoded Rec.709 (sRGB)"
        assert plate.half == half
        picture = plate.read(1)
    np.testing.assert_allclose(picture.rgb, truth, atol=3e-4 if half else 2e-6)
    if half:
        # The codes stay distinct.
        assert len(np.unique(picture.rgb)) == len(np.unique(truth))
    comp = tmp_path / "comp.exr"
    write_comp(comp, picture, picture.rgb)
    spec, channels, _said = _dump(comp)
    assert str(spec.format) == ("half" if half else "float")
    np.testing.assert_array_equal(channels["R"][..., 0].astype(np.float32), picture.rgb[..., 0])


def test_png_alpha_is_kept_and_not_multiplied(tmp_path: Path) -> None:
    pixels = np.zeros((4, 5, 4), np.uint8)
    pixels[..., :3], pixels[..., 3] = 200, 100
    spec = oiio.ImageSpec(5, 4, 4, "uint8")
    spec.attribute("oiio:UnassociatedAlpha", 1)
    output = oiio.ImageOutput.create(str(tmp_path / "a.png"))
    assert output.open(str(tmp_path / "a.png"), spec) and output.write_image(pixels)
    output.close()
    with open_plate(tmp_path / "a.png") as plate:
        picture = plate.read(1)
    np.testing.assert_allclose(picture.rgb, 200 / 255, atol=3e-4)
    write_comp(tmp_path / "c.exr", picture, picture.rgb)
    written = _dump(tmp_path / "c.exr")[1]
    np.testing.assert_allclose(written["A"], 100 / 255, atol=3e-4)
    for name in "RGB":  # the comp is the plate where nothing was drawn, in Nuke's Read too
        np.testing.assert_allclose(written[name], 200 / 255, atol=3e-4)


def test_colourspaces_of_exrs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = np.full((4, 4, 3), 0.18)
    monkeypatch.delenv("OCIO", raising=False)

    def space(metadata: dict[str, Any]) -> tuple[str, str]:
        write_exr(tmp_path / "log_a.exr", pixels, display=(4, 4), metadata=metadata)
        with open_plate(tmp_path / "log_a.exr") as plate:
            return plate.colourspace, plate.info["colourspace_from"]

    assert space({"chromaticities": ACESCG}) == ("ACEScg", "metadata")
    rec709 = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290)
    assert space({"chromaticities": rec709}) == ("Linear Rec.709 (sRGB)", "metadata")
    assert space({"colorInteropID": "lin_ap0_scene"}) == ("ACES2065-1", "metadata")
    with pytest.raises(ColourError, match="--colourspace"):
        space({})
    with pytest.raises(ColourError, match="--colourspace"):
        space({"chromaticities": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]})
    config = tmp_path / "config.ocio"
    config.write_text(
        """ocio_profile_version: 2
roles: {default: raw, scene_linear: lin}
file_rules:
  - !<Rule> {name: logs, colorspace: lin, pattern: "*log*", extension: exr}
  - !<Rule> {name: Default, colorspace: raw}
displays:
  sRGB: [!<View> {name: Raw, colorspace: raw}]
colorspaces:
  - !<ColorSpace> {name: raw, isdata: true}
  - !<ColorSpace> {name: lin}
"""
    )
    monkeypatch.setenv("OCIO", str(config))
    assert space({}) == ("lin", "file rules")


def test_a_damaged_file_is_named_and_the_others_are_good(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    noise = np.random.default_rng(0).uniform(0, 1, (64, 64, 3)).astype(np.float32)
    for frame in range(1, 6):
        write_exr(tmp_path / f"s.{frame:04d}.exr", noise, display=(64, 64))
    bad = tmp_path / "s.0003.exr"
    bad.write_bytes(bad.read_bytes()[:9000])
    write_exr(tmp_path / "s.0005.exr", noise[:32], display=(64, 32))
    with open_plate(tmp_path / "s.####.exr", colourspace="ACEScg") as plate:
        results = list(plate.iter(on_error="mark"))
        assert [isinstance(r, BadFrame) for r in results] == [False, False, True, False, True]
        with pytest.raises(PlateError, match="frame 3 cannot be read.*s.0003.exr"):
            plate.read(3)
        with pytest.raises(PlateError, match="frame 5 .*64x32"):
            plate.read(5)
        with pytest.raises(PlateError, match="frame 3"):
            list(plate.iter())
        with pytest.raises(PlateError, match="1-5, not 6"):
            plate.read(6)
        np.testing.assert_array_equal(plate.read(4).rgb, np.float32(np.float16(noise)))
    out, err = capfd.readouterr()
    assert out + err == ""


def test_fingerprints_are_by_frame(tmp_path: Path) -> None:
    _sequence(tmp_path, range(1, 4))
    with open_plate(tmp_path / "sh.####.exr") as plate:
        before = {f: plate.fingerprint(f) for f in plate.frames}
        whole = plate.fingerprint()
        assert len(set(before.values())) == 3
        write_exr(tmp_path / "sh.0002.exr", np.full((6, 8, 3), 0.7), display=(8, 6))
        assert plate.fingerprint(2) != before[2]
        assert plate.fingerprint(1) == before[1]
        assert plate.fingerprint() != whole


def test_threads(tmp_path: Path) -> None:
    _sequence(tmp_path, range(1, 21))
    wrong: list[int] = []

    def work() -> None:
        with open_plate(tmp_path / "sh.####.exr") as plate:
            for picture in plate.iter():
                if not np.all(picture.rgb == np.float32(picture.frame / 1024)):
                    wrong.append(picture.frame)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
