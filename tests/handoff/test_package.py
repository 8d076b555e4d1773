"""The delivery package, read back by another reader and put over the plate again."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from relip.errors import OutputError, RelipError, ShotError, StageMissingError
from relip.handoff.package import write_package, write_patch
from relip.plate import Picture, open_plate, read_exr, write_exr
from relip.records import FrameRecord, read_json
from relip.render.stage import patch_path
from relip.shot import Shot


def channels_of(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Channels by name and the header, by the OpenEXR package where there is one."""
    try:
        import OpenEXR
    except ImportError:
        import OpenImageIO as oiio

        image = oiio.ImageInput.open(str(path))
        spec = image.spec()
        pixels = image.read_image(oiio.FLOAT).reshape(spec.height, spec.width, -1)
        image.close()
        x, y = spec.x, spec.y
        header = {a.name: a.value for a in spec.extra_attribs}
        header["dataWindow"] = ((x, y), (x + spec.width - 1, y + spec.height - 1))
        header["displayWindow"] = (
            (spec.full_x, spec.full_y),
            (spec.full_x + spec.full_width - 1, spec.full_y + spec.full_height - 1),
        )
        kinds = {n: str(spec.channelformat(i)) for i, n in enumerate(spec.channelnames)}
        header["types"] = kinds
        return {n: pixels[..., i] for i, n in enumerate(spec.channelnames)}, header
    file = OpenEXR.File(str(path), separate_channels=True)
    found = {name: channel.pixels for name, channel in file.channels().items()}
    header = dict(file.header())
    header["types"] = {n: {"float16": "half", "float32": "float"}[str(v.dtype)]
                       for n, v in found.items()}  # fmt: skip
    return found, header


def window(header: dict[str, Any], name: str) -> tuple[int, int, int, int]:
    low, high = header[name]
    return int(low[0]), int(low[1]), int(high[0]) + 1, int(high[1]) + 1


def over_again(plate: Path, patch: Path) -> tuple[dict[str, np.ndarray], np.dtype]:
    """patch + plate × (1 − alpha) from the files alone, stored as the plate is."""
    base, plate_header = channels_of(plate)
    new, header = channels_of(patch)
    x0, y0, x1, y1 = window(header, "dataWindow")
    left, top, _, _ = window(plate_header, "dataWindow")
    result = {}
    for name in "RGB":
        whole = base[name].astype(np.float32)
        behind = whole[y0 - top : y1 - top, x0 - left : x1 - left]
        alpha = new["A"].astype(np.float32)
        mixed = new[name].astype(np.float32) + behind * (np.float32(1) - alpha)
        whole[y0 - top : y1 - top, x0 - left : x1 - left] = mixed
        result[name] = whole.astype(base[name].dtype)
    return result, base["R"].dtype


def plate_file(shot: Shot, frame: int) -> Path:
    with shot.open_plate() as plate:
        return Path(plate.files[frame])


def test_patch_over_plate_is_the_comp_bit_for_bit(finished_shot: Path, tmp_path: Path):
    shot = Shot.open(finished_shot)
    made = write_package(shot, tmp_path / "out" / "sh010", frames="1003-1014")
    folder = tmp_path / "out" / "sh010"
    assert sorted(p.name for p in folder.iterdir()) == ["comp", "package.json", "patch"]
    changed = 0
    for frame in range(1003, 1015):
        comp, _ = channels_of(folder / "comp" / f"sh010_comp.{frame:04d}.exr")
        expected, kind = over_again(
            plate_file(shot, frame), folder / "patch" / f"sh010_patch.{frame:04d}.exr"
        )
        plate, _ = channels_of(plate_file(shot, frame))
        assert set(comp) == set(plate)
        for name in "RGB":
            assert comp[name].dtype == kind
            assert np.array_equal(comp[name], expected[name])
            changed += int((comp[name] != plate[name]).sum())
    assert changed > 1000
    assert made["frames"] == "1003-1014" and made["plate_passes_through"] == ""


def test_the_layers_are_those_of_the_stages(finished_shot: Path, tmp_path: Path):
    shot = Shot.open(finished_shot)
    write_package(shot, tmp_path / "p", frames="1007")
    found, header = channels_of(tmp_path / "p" / "patch" / "sh010_patch.1007.exr")
    x0, y0, x1, y1 = window(header, "dataWindow")
    rendered, at, display, _ = read_exr(patch_path(shot, 1007))
    assert window(header, "displayWindow") == (0, 0, *display)
    assert x0 <= at[0] and y0 <= at[1] and x1 - x0 < display[0]
    rows = slice(at[1] - y0, at[1] - y0 + rendered["A"].shape[0])
    columns = slice(at[0] - x0, at[0] - x0 + rendered["A"].shape[1])
    for name, values in rendered.items():
        assert np.array_equal(found[name][rows, columns].astype(np.float32), values), name
    drawn, at, _, _ = read_exr(shot.path("mask", "mask.1007.exr"))
    rows = slice(at[1] - y0, at[1] - y0 + drawn["skin"].shape[0])
    columns = slice(at[0] - x0, at[0] - x0 + drawn["skin"].shape[1])
    for name in ("matte", "lips", "mouth", "skin"):
        layer = found[f"{name}.A"].astype(np.float32)
        assert np.array_equal(layer[rows, columns], drawn[name])
        assert np.count_nonzero(layer) == np.count_nonzero(drawn[name]) > 0
    assert {n: t for n, t in header["types"].items() if t == "float"} == {
        "stmap.R": "float", "stmap.G": "float",
    }  # fmt: skip


def test_the_description_says_what_is_there(finished_shot: Path, tmp_path: Path):
    shot = Shot.open(finished_shot)
    write_package(shot, tmp_path / "p", frames="1007-1009")
    data = json.loads((tmp_path / "p" / "package.json").read_text("utf-8"))
    with shot.open_plate() as plate:
        assert data["colourspace"]["name"] == plate.colourspace
        assert (data["width"], data["height"]) == (plate.width, plate.height)
    assert data["rate"] == "25" and data["frames"] == "1007-1009" and data["shot"] == "sh010"
    assert data["versions"]["numpy"] == np.__version__
    layers = data["patch"]["layers"]
    assert list(layers) == ["rgba", "raw", "stmap", "matte", "lips", "mouth", "skin"]
    found, header = channels_of(tmp_path / "p" / data["patch"]["files"].replace("####", "1008"))
    assert sorted(c for layer in layers.values() for c in layer["channels"]) == sorted(found)
    for layer in layers.values():
        assert {header["types"][c] for c in layer["channels"]} == {layer["type"]}
    assert [n for n, layer in layers.items() if layer["premultiplied"]] == ["rgba"]
    files = sorted(p.relative_to(tmp_path / "p").as_posix()
                   for p in (tmp_path / "p").rglob("*.exr"))  # fmt: skip
    assert sorted(data["files"]) == files and len(files) == 6
    for name, each in data["files"].items():
        content = (tmp_path / "p" / name).read_bytes()
        assert each == {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    model = shot.path("model", "model.safetensors").read_bytes()
    assert data["model"]["sha256"] == hashlib.sha256(model).hexdigest()


def test_a_mixed_blend_is_as_exact(shot_copy: Path, tmp_path: Path):
    shot = Shot.open(shot_copy).change(blend={"mix": 0.3})
    made = write_package(shot, tmp_path / "p", frames="1005-1006")
    assert made["patch"]["layers"]["rgba"]["type"] == "float" and made["mix"] == 0.3
    for frame in (1005, 1006):
        comp, _ = channels_of(tmp_path / "p" / "comp" / f"sh010_comp.{frame}.exr")
        expected, _ = over_again(
            plate_file(shot, frame), tmp_path / "p" / "patch" / f"sh010_patch.{frame}.exr"
        )
        for name in "RGB":
            assert np.array_equal(comp[name], expected[name])


def test_the_artists_patch_and_a_faceless_frame(shot_copy: Path, tmp_path: Path):
    shot = Shot.open(shot_copy)
    with shot.open_plate() as plate:
        size = (plate.width, plate.height)
    ramp = np.linspace(0, 1, 12 * 10, dtype=np.float32).reshape(10, 12)  # not exact as half
    own = {"R": ramp * 0.3, "G": ramp * 0.2, "B": ramp * 0.1, "A": ramp}
    write_exr(shot.path("overrides", "patch.1003.exr"), own, display=size, origin=(90, 110),
              half=False)  # fmt: skip
    record = FrameRecord(shot.path("render"))
    record.set(1004, record.get(1004)["key"], "passed", "no face")
    made = write_package(shot, tmp_path / "p", frames="1003-1004")
    assert made["plate_passes_through"] == "1004"
    names = sorted(p.name for p in (tmp_path / "p").rglob("*.exr"))
    assert names == ["sh010_comp.1003.exr", "sh010_comp.1004.exr", "sh010_patch.1003.exr"]
    found, _ = channels_of(tmp_path / "p" / "patch" / "sh010_patch.1003.exr")
    assert found["R"].dtype == np.float32 and found["R"].max() == np.float32(0.3)
    comp, _ = channels_of(tmp_path / "p" / "comp" / "sh010_comp.1003.exr")
    expected, _ = over_again(
        plate_file(shot, 1003), tmp_path / "p" / "patch" / "sh010_patch.1003.exr"
    )
    assert all(np.array_equal(comp[c], expected[c]) for c in "RGB")
    comp, _ = channels_of(tmp_path / "p" / "comp" / "sh010_comp.1004.exr")
    plate, _ = channels_of(plate_file(shot, 1004))
    assert all(np.array_equal(comp[c], plate[c]) for c in plate)


def test_a_package_is_replaced_whole_or_not_at_all(shot_copy: Path, tmp_path: Path):
    shot = Shot.open(shot_copy)
    folder = tmp_path / "p"
    write_package(shot, folder, frames="1001-1002")
    write_package(shot, folder, frames="1003")
    assert read_json(folder / "package.json")["frames"] == "1003"
    assert sorted(p.name for p in folder.rglob("*.exr")) == [
        "sh010_comp.1003.exr", "sh010_patch.1003.exr",
    ]  # fmt: skip
    patch_path(shot, 1006).write_bytes(b"no picture")
    with pytest.raises(ShotError, match="1006"):
        write_package(shot, folder, frames="1005-1006")
    assert read_json(folder / "package.json")["frames"] == "1003"
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_other_things_that_stand_there_are_left_alone(finished_shot: Path, tmp_path: Path):
    shot = Shot.open(finished_shot)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    (tmp_path / "file").write_text("x")
    for place in ("mine", "file", "file/below"):
        with pytest.raises(OutputError):
            write_package(shot, tmp_path / place, frames="1001")
    assert (tmp_path / "mine" / "letter.txt").read_text() == "dear"
    (tmp_path / "empty").mkdir()
    write_package(shot, tmp_path / "empty", frames="1001")
    assert (tmp_path / "empty" / "package.json").exists()


def test_a_frame_that_is_not_rendered(shot_copy: Path, tmp_path: Path):
    shot = Shot.open(shot_copy)
    patch_path(shot, 1002).unlink()
    with pytest.raises(StageMissingError, match="1002 is not rendered"):
        write_package(shot, tmp_path / "p")
    with pytest.raises(RelipError):
        write_package(shot, tmp_path / "p", frames="9")
    assert list(tmp_path.glob("p")) == []


def test_header_of_the_plate_is_kept(tmp_path: Path):
    """Windows with an offset, tiles, a lossy compression, timecode and other attributes."""
    import OpenImageIO as oiio

    source = tmp_path / "p.0001.exr"
    spec = oiio.ImageSpec(64, 48, 4, oiio.HALF)
    spec.channelnames = ("R", "G", "B", "depth.Z")
    spec.full_x, spec.full_y, spec.full_width, spec.full_height = -8, 4, 64, 48
    spec.x, spec.y = -8, 4
    spec.tile_width = spec.tile_height = 16
    spec.attribute("compression", "dwaa:45")
    spec.attribute("PixelAspectRatio", 2.0)
    spec.attribute("smpte:TimeCode", oiio.TypeDesc("timecode"), (0x01020304, 0))
    spec.attribute("framesPerSecond", oiio.TypeDesc("rational"), (24000, 1001))
    spec.attribute("worldToCamera", oiio.TypeDesc("matrix"), tuple(range(16)))
    spec.attribute("scene", "sh010")
    spec.attribute("chromaticities", oiio.TypeDesc("float[8]"),
                   (0.713, 0.293, 0.165, 0.83, 0.128, 0.044, 0.32168, 0.33767))  # fmt: skip
    out = oiio.ImageOutput.create(str(source))
    assert out.open(str(source), spec)
    assert out.write_image(np.random.default_rng(0).random((48, 64, 4), np.float32))
    out.close()
    with open_plate(source) as plate:
        picture = plate.read(1)
    names = ("R", "G", "B", "A", "stmap.R", "stmap.G")
    layers = {name: np.full((5, 7), i + 1, np.float32) for i, name in enumerate(names)}
    target = tmp_path / "patch.exr"
    write_patch(target, picture, layers, (10, 20), half=True, colourspace="ACEScg")
    found, header = channels_of(target)
    assert sorted(found) == sorted(layers)
    assert all((found[c] == layers[c]).all() for c in layers)
    assert window(header, "dataWindow") == (2, 24, 9, 29)
    assert window(header, "displayWindow") == (-8, 4, 56, 52)
    image = oiio.ImageInput.open(str(target))
    new = image.spec()
    image.close()
    image = oiio.ImageInput.open(str(source))
    old = image.spec()
    image.close()
    assert new.get_string_attribute("compression") == "zip" and new.tile_width == 0
    storage = ("compression", "oiio:", "openexr:", "type", "DateTime", "relip", "tiles")
    for attribute in old.extra_attribs:
        if not attribute.name.startswith(storage):
            assert new.getattribute(attribute.name) == attribute.value, attribute.name
    assert new.get_float_attribute("PixelAspectRatio") == 2.0
    assert new.get_string_attribute("relip/colourspace") == "ACEScg"


@pytest.mark.parametrize("compression", ["none", "rle", "zips", "zip", "piz"])
def test_exact_compressions_are_the_plates(tmp_path: Path, compression: str):
    path = tmp_path / "p.0001.exr"
    write_exr(path, np.zeros((20, 30, 3), np.float32), display=(30, 20), compression=compression)
    with open_plate(path, colourspace="ACEScg") as plate:
        picture = plate.read(1)
    layers = {c: np.ones((3, 4), np.float32) for c in "RGBA"}
    write_patch(tmp_path / "o.exr", picture, layers, (1, 2), half=True, colourspace="ACEScg")
    import OpenImageIO as oiio

    image = oiio.ImageInput.open(str(tmp_path / "o.exr"))
    assert image.spec().get_string_attribute("compression") == compression
    image.close()


def test_a_movies_frame_becomes_a_plain_exr(tmp_path: Path):
    picture = Picture(1, np.zeros((20, 30, 3), np.float32))
    layers = {c: np.ones((3, 4), np.float32) for c in "RGBA"}
    write_patch(tmp_path / "o.exr", picture, layers, (1, 2), half=True, colourspace="x")
    found, header = channels_of(tmp_path / "o.exr")
    assert window(header, "displayWindow") == (0, 0, 30, 20)
    assert window(header, "dataWindow") == (1, 2, 5, 5) and sorted(found) == list("ABGR")
