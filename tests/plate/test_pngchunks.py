"""PNG comps keep every chunk of the plate but the pixels."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from relip.plate import open_plate, write_comp
from relip.plate.pngchunks import SIGNATURE, with_chunks_of


def chunk(kind: bytes, body: bytes = b"") -> bytes:
    checksum = zlib.crc32(kind + body)
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)


def png(pixels: np.ndarray, *, before: bytes = b"", after: bytes = b"", colour: int = 2) -> bytes:
    """An 8-bit PNG with what is given before and after its pixels."""
    height, width = pixels.shape[:2]
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    head = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    coded = zlib.compress(rows)
    idat = chunk(b"IDAT", coded[:9]) + chunk(b"IDAT", coded[9:])
    return SIGNATURE + chunk(b"IHDR", head) + before + idat + after + chunk(b"IEND")


PIXELS = np.random.default_rng(0).integers(0, 255, (16, 24, 3)).astype(np.uint8)
BEFORE = {
    "nothing": b"",
    "a gamma of its own": chunk(b"gAMA", struct.pack(">I", 55555)),
    "sRGB alone": chunk(b"sRGB", b"\1"),
    "resolution, primaries": chunk(b"cHRM", struct.pack(">8I", *range(30000, 30008)))
    + chunk(b"pHYs", struct.pack(">IIB", 2, 1, 0)),
    "a chunk of somebody": chunk(b"stUd", b"take 7"),
}
AFTER = chunk(b"tEXt", b"Shot\0sh010") + chunk(b"tIME", struct.pack(">H5B", 2024, 2, 3, 4, 5, 6))


@pytest.mark.parametrize("what", list(BEFORE))
def test_all_chunks_stay(tmp_path: Path, what: str):
    plate = png(PIXELS, before=BEFORE[what], after=AFTER)
    (tmp_path / "p.1.png").write_bytes(plate)
    with open_plate(tmp_path / "p.#.png") as opened:
        picture = opened.read(1)
    rgb = picture.rgb.copy()
    rgb[2:5, 3:7] = 0.25
    write_comp(tmp_path / "c.1.png", picture, rgb)
    made = (tmp_path / "c.1.png").read_bytes()
    head, _, rest = plate.partition(chunk(b"IDAT", b"")[4:8])
    assert made[: len(head) - 4] == head[:-4], "all that stands before the pixels"
    assert made.endswith(AFTER + chunk(b"IEND")) and rest
    with Image.open(tmp_path / "c.1.png") as image:
        image.load()
        after = np.asarray(image)
    expected = PIXELS.copy()
    expected[2:5, 3:7] = 64
    assert np.array_equal(after, expected)
    assert [p.name for p in tmp_path.glob(".*")] == []


def test_a_palette_is_not_put_on_colours(tmp_path: Path):
    Image.fromarray(PIXELS).quantize(16).save(tmp_path / "p.1.png")
    with open_plate(tmp_path / "p.#.png") as opened:
        picture = opened.read(1)
    write_comp(tmp_path / "c.1.png", picture, picture.rgb)
    with Image.open(tmp_path / "p.1.png") as one, Image.open(tmp_path / "c.1.png") as two:
        assert one.mode == "P" and two.mode == "RGB"
        assert np.array_equal(np.asarray(one.convert("RGB")), np.asarray(two))


@pytest.mark.parametrize(
    "plate", [b"", b"no PNG", png(PIXELS)[:-5], png(PIXELS[:8]), SIGNATURE + chunk(b"IEND")]
)
def test_chunks_of_another_or_a_damaged_picture_are_not_taken(plate: bytes):
    assert with_chunks_of(plate, png(PIXELS)) is None
