"""A comp is the plate's file with other R, G and B in some rows: judged by another library."""

from __future__ import annotations

import contextlib
import struct
from pathlib import Path

import exr_making as making
import numpy as np
import pytest

from relip.errors import OutputError, PlateError
from relip.plate import exrfile, open_plate, pxr24, write_comp
from relip.plate.exrsplice import touched_rows

#: Rows and columns of the display window that are painted.
PAINTED = (slice(10, 20), slice(20, 40))


def paint(path: Path, target: Path, *, where: tuple[slice, slice] = PAINTED) -> np.ndarray:
    with open_plate(path, colourspace="ACEScg") as plate:
        picture = plate.read(plate.frames[0])
        rgb = picture.rgb.copy()
        rgb[where] = (0.25, 0.5, 4.0)
        write_comp(target, picture, rgb)
        return rgb


@pytest.mark.parametrize("tiled", [False, True])
@pytest.mark.parametrize("types", ["half", "float", "mixed"])
@pytest.mark.parametrize("compression", list(making.COMPRESSIONS))
def test_every_compression_and_type(tmp_path: Path, compression: str, types: str, tiled: bool):
    path = making.write(tmp_path / "a.0001.exr", compression, types, tiled=tiled)
    out = tmp_path / "b.exr"
    paint(path, out)
    found = making.differences(path, out, PAINTED)
    if compression in making.LOSSY:
        assert [f[1] for f in found] == ["compression"]
        assert "ZIP_" in found[0][3]
    else:
        assert found == []
    for name, value in zip("RGB", (0.25, 0.5, 4.0), strict=True):
        assert (making.channel(out, name)[PAINTED] == value).all()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.0001.exr", "b.exr"]


@pytest.mark.parametrize("tiled", [False, True])
@pytest.mark.parametrize(
    ("origin", "display"),
    [((-10, -8), (49, 33)), ((10, 8), (149, 133)), ((-30, -20), (150, 134)), ((5, -7), (40, 90))],
)
def test_windows(tmp_path: Path, origin: tuple[int, int], display: tuple[int, int], tiled: bool):
    """Overscan, a data window inside the display window, negative origins."""
    path = making.write(tmp_path / "a.0001.exr", "zip", origin=origin, display=display, tiled=tiled)
    out = tmp_path / "b.exr"
    paint(path, out)
    rows = slice(10 - origin[1], 20 - origin[1])
    columns = slice(20 - origin[0], 40 - origin[0])
    assert making.differences(path, out, (rows, columns)) == []
    assert (making.channel(out, "B")[rows, columns] == 4).all()


@pytest.mark.parametrize("tiled", [False, True])
@pytest.mark.parametrize("compression", ["piz", "dwaa"])
def test_parts(tmp_path: Path, compression: str, tiled: bool):
    """Parts without R, G and B stay as they are, also in a lossy compression."""
    path = making.write(tmp_path / "a.0001.exr", compression, parts=3, tiled=tiled)
    out = tmp_path / "b.exr"
    paint(path, out)
    found = making.differences(path, out, PAINTED)
    # A chunk of DWA holds 32 rows, one of zip 16.
    allowed = {"compression", "chunkCount"} if compression == "dwaa" else set()
    assert {f[1] for f in found} <= allowed and {f[0] for f in found} <= {2}
    assert (making.channel(out, "G", 2)[PAINTED] == 0.5).all()


@pytest.mark.parametrize("compression", ["dwab", "piz"])
def test_an_untouched_comp_is_the_plates_file(tmp_path: Path, compression: str):
    path = making.write(tmp_path / "a.0001.exr", compression, parts=2)
    with open_plate(path) as plate:
        picture = plate.read(1)
        write_comp(tmp_path / "b.exr", picture, picture.rgb)
        write_comp(tmp_path / "c.exr", picture, picture.rgb.copy())
    assert (tmp_path / "b.exr").read_bytes() == path.read_bytes()
    assert (tmp_path / "c.exr").read_bytes() == path.read_bytes()


def test_chunks_of_other_rows_are_not_made_again(tmp_path: Path):
    path = making.write(tmp_path / "a.0001.exr", "zips")
    out = tmp_path / "b.exr"
    paint(path, out)
    before, after = (exrfile.parse(p.read_bytes()) for p in (path, out))
    assert before.data[: before.header_end] == after.data[: after.header_end]
    for row in range(50):
        bodies = [exrfile.chunk_body(r, r.parts[0], row) for r in (before, after)]
        assert (bodies[0] != bodies[1]) == (10 <= row < 20)


def test_numbers_that_are_none_keep_their_bits(tmp_path: Path):
    """Also the payload of a NaN, in the very rows that are painted."""
    path = making.write(tmp_path / "a.0001.exr", "zip", "mixed")
    data = {n: making.channel(path, n).copy() for n in making.CHANNELS}
    odd = np.array([0x7FC01234, 0xFFC00001, 0x7F800000, 0xFF800000, 0x00000001], np.uint32)
    data["depth.Z"][12, 30:35] = odd.view(np.float32)
    data["R"][12, 50:53] = np.array([0x7E01, 0x7C00, 0xFC00], np.uint16).view(np.float16)
    making.OpenEXR.File(making.header("zip"), data).write(str(path))
    out = tmp_path / "b.exr"
    rgb = paint(path, out)
    assert np.isnan(rgb[12, 50, 0]) and np.isinf(rgb[12, 51:53, 0]).all()
    assert making.differences(path, out, PAINTED) == []


def test_smaller_copies_of_the_picture_are_left_out(tmp_path: Path):
    """Mipmaps: OpenImageIO writes them here, level by level."""
    import OpenImageIO as oiio

    path, out = tmp_path / "a.0001.exr", tmp_path / "b.exr"
    pixels = np.random.default_rng(0).uniform(0, 1, (64, 64, 3)).astype(np.float32)
    config = oiio.ImageSpec()
    config.attribute("maketx:fileformatname", "openexr")
    config.tile_width = config.tile_height = 16
    source = oiio.ImageBuf(pixels)
    assert oiio.ImageBufAlgo.make_texture(oiio.MakeTxTexture, source, str(path), config)
    assert exrfile.parse(path.read_bytes()).parts[0].tile == (16, 16, 1)
    paint(path, out)
    assert exrfile.parse(out.read_bytes()).parts[0].tile == (16, 16, 0)
    assert {f[1] for f in making.differences(path, out, PAINTED)} == {"tiles"}


def test_a_plate_that_changes_under_the_work(tmp_path: Path):
    path = making.write(tmp_path / "a.0001.exr", "zip")
    with open_plate(path) as plate:
        picture = plate.read(1)
    making.write(path, "zip", seed=1)
    with pytest.raises(PlateError, match="was changed while it was worked on; run the stage"):
        write_comp(tmp_path / "b.exr", picture, picture.rgb + 1)
    path.unlink()
    with pytest.raises(PlateError, match=r"a\.0001\.exr: No such file"):
        write_comp(tmp_path / "b.exr", picture, picture.rgb + 1)
    assert list(tmp_path.iterdir()) == []


def test_an_exr_does_not_become_a_png(tmp_path: Path):
    path = making.write(tmp_path / "a.0001.exr", "zip")
    with open_plate(path) as plate, pytest.raises(OutputError, match="use the suffix .exr"):
        picture = plate.read(1)
        write_comp(tmp_path / "b.png", picture, picture.rgb)
    assert not (tmp_path / "b.png").exists()


def test_pxr24_against_openexr():
    """Rounding as OpenEXR does it, over every exponent, and back to itself."""
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2**32, 100_000, dtype=np.uint32)
    bits[:6] = [0, 0x7F7FFFFF, 0x7F800000, 0x7F800001, 0xFFC00000, 0x80000000]
    code = pxr24.float24(bits)
    again = pxr24.float24(code << np.uint32(8))
    np.testing.assert_array_equal(code, again)
    values = bits.view(np.float32)
    rounded = (code << np.uint32(8)).view(np.float32)
    finite = np.isfinite(values) & (np.abs(values) > 1e-30)
    assert np.isfinite(rounded[finite]).all()
    with np.errstate(all="ignore"):
        error = np.abs(rounded.astype(np.float64) / values - 1)
    assert error[finite].max() <= 2.0**-15
    assert np.isnan(rounded[np.isnan(values)]).all()


@pytest.mark.parametrize("cut", [0, 3, 8, 40, 300, 2000])
def test_a_file_that_is_cut_short_is_refused(tmp_path: Path, cut: int):
    data = making.write(tmp_path / "a.exr", "zip").read_bytes()
    with pytest.raises(exrfile.LayoutError):
        exrfile.parse(data[:cut])


def test_random_damage_never_crashes_the_parser(tmp_path: Path):
    data = making.write(tmp_path / "a.exr", "zip", tiled=True, parts=2).read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(400):
        damaged = bytearray(data)
        for place in rng.integers(0, min(3000, len(data)), 3):
            damaged[place] = rng.integers(0, 256)
        with contextlib.suppress(exrfile.LayoutError):
            exrfile.parse(bytes(damaged))


def test_touched_rows():
    before = np.zeros((9, 4, 3), np.float32)
    after = before.copy()
    assert touched_rows(before, after) is None
    after[3:5, 2] = np.nan
    assert touched_rows(before, after) == (3, 5)
    assert touched_rows(after, after.copy()) is None


@pytest.mark.parametrize("main", ["beauty", "RGBA", "Main"])
def test_the_part_with_the_picture_is_found(tmp_path: Path, main: str):
    """Plain R, G, B before a layer's in an earlier part; by name among several plain ones."""
    value = {"albedo": 0.1, "layers": 0.2, main: 0.3, "shadow": 0.4}
    parts = []
    for name, level in value.items():
        prefix = "diffuse." if name == "layers" else ""
        channels = {f"{prefix}{c}": np.full((50, 70), level, np.float32) for c in "RGB"}
        parts.append(making.OpenEXR.Part(making.header("zip"), channels, name))
    for order, expected in (([1, 0, 2, 3], 0.3), ([1, 0, 3], 0.1), ([1], 0.2)):
        path = tmp_path / f"{len(order)}.0001.exr"
        making.OpenEXR.File([parts[i] for i in order]).write(str(path))
        with open_plate(path) as plate:
            assert plate.read(1).rgb[3, 3, 0] == np.float32(expected)
        paint(path, tmp_path / "out.exr")
        found = making.differences(path, tmp_path / "out.exr")
        assert [f[0] for f in found] == [order.index({0.3: 2, 0.1: 0, 0.2: 1}[expected])] * 3


@pytest.mark.parametrize(
    "name, offset, value",
    [
        ("dataWindow", 8, struct.pack("<i", -5)),  # its right side left of its left one
        ("tiles", 0, struct.pack("<I", 0)),
        ("tiles", 4, struct.pack("<I", 0)),
        ("channels", 2, struct.pack("<i", 8388609)),
        ("channels", 0, b"\0"),
        ("compression", 0, b"\x63"),
    ],
)
def test_headers_that_found_their_way_through_fuzzing(
    tmp_path: Path, name: str, offset: int, value: bytes
):
    making.write(tmp_path / "a.exr", "zip", tiled=True)
    data = bytearray((tmp_path / "a.exr").read_bytes())
    place = exrfile.parse(bytes(data)).parts[0].attributes[name].place
    data[place + offset : place + offset + len(value)] = value
    with pytest.raises(exrfile.LayoutError):
        exrfile.parse(bytes(data))


@pytest.mark.parametrize("name", [b"channels\0", b"dataWindow\0", b"compression\0", b"tiles\0"])
def test_headers_that_lack_something(tmp_path: Path, name: bytes):
    making.write(tmp_path / "a.exr", "zip", tiled=True)
    data = (tmp_path / "a.exr").read_bytes().replace(name, b"x" + name[1:], 1)
    with pytest.raises(exrfile.LayoutError):
        exrfile.parse(data)
