"""Frames that are missing or damaged, and formats that come back as they were."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest

from relip.errors import OutputError, PlateError
from relip.plate import BadFrame, open_plate, write_comp, write_exr
from relip.plate.comp import check_suffix


@pytest.fixture
def gappy(tmp_path: Path) -> Path:
    """Frames 1-8 without 1 ... 3, 4 and 7 are missing; each frame's red is its number."""
    for frame in (1, 2, 5, 6, 8):
        picture = np.full((6, 8, 3), frame, np.float32)
        write_exr(tmp_path / f"a.{frame:04d}.exr", picture, display=(8, 6))
    return tmp_path / "a.####.exr"


def test_missing_frames_are_refused_unless_told_otherwise(gappy: Path):
    with pytest.raises(PlateError, match=r"lacks frames 3-4,7; it has 1-2,5-6,8.*--missing"):
        open_plate(gappy, colourspace="ACEScg")


def test_missing_frames_held(gappy: Path):
    with open_plate(gappy, colourspace="ACEScg", missing="hold") as plate:
        assert plate.frames == range(1, 9)
        shown = [(p.frame, p.rgb[0, 0, 0]) for p in plate.iter()]
        assert plate.info["notes"] == ["frames 3-4,7 are missing: the frame before is held"]
        assert plate.fingerprint(4) == plate.fingerprint(2)
    assert shown == [(1, 1), (2, 2), (3, 2), (4, 2), (5, 5), (6, 6), (7, 6), (8, 8)]
    with open_plate(gappy, colourspace="ACEScg", missing="hold", frames="3-8") as plate:
        assert plate.read(3).rgb[0, 0, 0] == 5, "before the first one there is none to hold"


def test_missing_frames_left_out(gappy: Path):
    with open_plate(gappy, colourspace="ACEScg", missing="skip") as plate:
        found = list(plate.iter())
        assert [f.frame for f in found if isinstance(f, BadFrame) and f.skipped] == [3, 4, 7]
        assert [f.frame for f in found if not isinstance(f, BadFrame)] == [1, 2, 5, 6, 8]
        assert plate.fingerprint(3) == "absent"
        with pytest.raises(PlateError, match="frame 3 is missing"):
            plate.read(3)


def test_all_frames_missing_is_never_fine(gappy: Path):
    for policy in ("hold", "skip"):
        with pytest.raises(PlateError, match="lacks frames 20-30"):
            open_plate(gappy, colourspace="ACEScg", missing=policy, frames="20-30")


def test_a_damaged_first_file_does_not_stop_the_others(gappy: Path):
    first = gappy.with_name("a.0001.exr")
    first.write_bytes(first.read_bytes()[:50])
    with open_plate(gappy, colourspace="ACEScg", missing="hold") as plate:
        assert (plate.width, plate.height) == (8, 6)
        found = list(plate.iter(on_error="mark"))
    assert isinstance(found[0], BadFrame) and not found[0].skipped
    assert [p.frame for p in found[1:]] == list(range(2, 9))
    for file in gappy.parent.iterdir():
        file.write_bytes(b"")
    with pytest.raises(PlateError, match=r"a\.0001\.exr is not an image"):
        open_plate(gappy, colourspace="ACEScg", missing="hold")


INTEGERS = [
    ("dpx", "uint16", 10, 3),
    ("dpx", "uint16", 10, 4),
    ("dpx", "uint16", 12, 3),
    ("dpx", "uint16", 16, 3),
    ("dpx", "uint8", 8, 3),
    ("tif", "uint16", 16, 3),
    ("tif", "uint16", 16, 4),
    ("tif", "uint8", 8, 3),
    ("tif", "float", 32, 3),
    ("png", "uint8", 8, 3),
    ("png", "uint8", 8, 4),
    ("png", "uint16", 16, 3),
    ("png", "uint16", 16, 4),
]


def stored(path: Path) -> tuple[np.ndarray, dict[str, object]]:
    image = oiio.ImageInput.open(str(path))
    spec = image.spec()
    pixels = image.read_image(spec.format)
    image.close()
    return pixels, {a.name: a.value for a in spec.extra_attribs}


@pytest.mark.parametrize(("suffix", "kind", "bits", "channels"), INTEGERS)
def test_formats_are_written_as_they_were(
    tmp_path: Path, suffix: str, kind: str, bits: int, channels: int
):
    """Every code outside the painted window comes back, alpha and attributes included."""
    path, out = tmp_path / f"a.0001.{suffix}", tmp_path / f"out.{suffix}"
    rng = np.random.default_rng(0)
    spec = oiio.ImageSpec(40, 30, channels, kind)
    if channels == 4:
        spec.alpha_channel = 3
    spec.attribute("oiio:BitsPerSample", bits)
    spec.attribute("oiio:UnassociatedAlpha", 1)
    spec.attribute("Artist", "someone")
    if kind == "float":
        pixels = rng.uniform(-1, 40, (30, 40, channels)).astype(np.float32)
    else:
        top = 255 if kind == "uint8" else 65535
        codes = rng.integers(0, 2**bits, (30, 40, channels)) / (2**bits - 1)
        pixels = np.rint(codes * top).astype(kind)
    output = oiio.ImageOutput.create(str(path))
    assert output.open(str(path), spec) and output.write_image(pixels) and output.close()
    with open_plate(path, colourspace="ACEScct") as plate:
        check_suffix(out, plate)
        picture = plate.read(1)
        rgb = picture.rgb.copy()
        rgb[5:9, 5:9] = 0.5
        write_comp(out, picture, rgb)
        with pytest.raises(OutputError, match=r"use the suffix \.exr"):
            check_suffix("a.####.jpg", plate)
    before, said_before = stored(path)
    after, said_after = stored(out)
    assert before.dtype == after.dtype
    changed = (before != after).any(-1)
    assert changed[5:9, 5:9].all() and changed.sum() == 16
    np.testing.assert_array_equal(before[..., 3:], after[..., 3:])
    for said in (said_before, said_after):
        said.pop("tiff:RowsPerStrip", None)
    assert said_after == said_before


def test_a_jpeg_plate_becomes_an_exr(tmp_path: Path):
    path = tmp_path / "a.0001.jpg"
    spec = oiio.ImageSpec(40, 30, 3, "uint8")
    output = oiio.ImageOutput.create(str(path))
    pixels = np.random.default_rng(0).integers(0, 256, (30, 40, 3)).astype(np.uint8)
    assert output.open(str(path), spec) and output.write_image(pixels) and output.close()
    with open_plate(path) as plate:
        picture = plate.read(1)
        with pytest.raises(OutputError, match="without a loss"):
            write_comp(tmp_path / "out.jpg", picture, picture.rgb)
        write_comp(tmp_path / "out.exr", picture, picture.rgb)
    with open_plate(tmp_path / "out.exr", colourspace="ACEScct") as plate:
        np.testing.assert_array_equal(plate.read(1).rgb, picture.rgb)


def test_an_image_too_large_to_be_one_is_refused_before_it_is_read(tmp_path: Path):
    """The header of a small EXR is changed to say 100 000 x 100 000."""
    path = tmp_path / "a.0001.exr"
    write_exr(path, np.zeros((4, 4, 3), np.float32), display=(4, 4))
    data = bytearray(path.read_bytes())
    for name in (b"dataWindow\0box2i\0", b"displayWindow\0box2i\0"):
        place = data.index(name) + len(name) + 4
        data[place + 8 : place + 16] = np.array([99_999, 99_999], "<i4").tobytes()
    path.write_bytes(bytes(data))
    with pytest.raises(PlateError, match="100000x100000|not an image"):
        open_plate(path, colourspace="ACEScg")
