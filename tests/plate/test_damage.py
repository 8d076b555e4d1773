"""Damaged PNG and JPEG: one error of ours, no line of the libraries', no grey instead of pixels."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest

from relip.errors import PlateError
from relip.plate import open_plate
from relip.plate.damage import damage

SIZE = (48, 64)


def image(path: Path, kind: str = "uint8", channels: int = 3, **attributes: int) -> bytes:
    spec = oiio.ImageSpec(SIZE[1], SIZE[0], channels, kind)
    for name, value in attributes.items():
        spec.attribute(name.replace("_", ":"), value)
    output = oiio.ImageOutput.create(str(path))
    assert output.open(str(path), spec)
    pixels = np.random.default_rng(0).integers(0, 255, (*SIZE, channels)).astype(np.uint8)
    output.write_image(pixels)
    output.close()
    return path.read_bytes()


def parts(data: bytes) -> list[tuple[bytes, bytes]]:
    place, found = 8, []
    while place < len(data):
        size = struct.unpack(">I", data[place : place + 4])[0]
        found.append((data[place + 4 : place + 8], data[place + 8 : place + 8 + size]))
        place += 12 + size
    return found


def png(chunks: list[tuple[bytes, bytes]]) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("kind", ["uint8", "uint16"])
def test_good_ones(tmp_path: Path, kind: str, channels: int):
    image(tmp_path / "a.png", kind, channels)
    assert damage(tmp_path / "a.png") is None
    if kind == "uint8" and channels in (1, 3):
        image(tmp_path / "a.jpg", kind, channels)
        assert damage(tmp_path / "a.jpg") is None
    image(tmp_path / "a.tif", kind, channels)
    assert damage(tmp_path / "a.tif") is None


def spoilt(data: bytes) -> dict[str, bytes]:
    chunks = parts(data)
    pixels = b"".join(body for kind, body in chunks if kind == b"IDAT")
    rest = [c for c in chunks if c[0] not in (b"IDAT", b"IEND")]

    def made(body: bytes) -> bytes:
        return png([*rest, (b"IDAT", body), (b"IEND", b"")])

    raw = zlib.decompress(pixels)
    middle = len(data) // 2
    return {
        "cut short in a chunk": data[:middle],
        "last chunk is missing": png(chunks[:-1]),
        "between two chunks": png(chunks[:-1]) + b"\0\0",
        "checksum of a chunk": data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :],
        "holds no pixels": png([*rest, (b"IEND", b"")]),
        "header is damaged": png([(b"IHDR", b"\0" * 13), *chunks[1:]]),
        "pixels are damaged": made(pixels[:60] + b"\xff\0\xff\0" + pixels[64:]),
        "rows of its pixels": made(zlib.compress(raw[:500])),
        "unknown row filter": made(zlib.compress(b"\x09" + raw[1:])),
    }


def test_every_damage_of_a_png_is_one_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    good = image(tmp_path / "a.png")
    for words, data in spoilt(good).items():
        path = tmp_path / "bad.png"
        path.write_bytes(data)
        with pytest.raises(PlateError, match=words) as caught, open_plate(path) as plate:
            plate.read(plate.frames[0])
        assert "\n" not in str(caught.value) and "bad.png" in str(caught.value)
    assert capfd.readouterr() == ("", ""), "no library says a word of its own"


def test_a_jpeg_that_is_cut_short_is_no_grey_picture(tmp_path: Path):
    good = image(tmp_path / "a.jpg")
    with open_plate(tmp_path / "a.jpg") as plate:
        whole = plate.read(plate.frames[0]).rgb
    assert whole.std() > 0.1
    for length in (len(good) // 2, len(good) - 40, len(good) - 2):
        (tmp_path / "b.jpg").write_bytes(good[:length])
        with pytest.raises(PlateError, match="end marker is missing"):
            open_plate(tmp_path / "b.jpg")
    # What cameras put behind the end does no harm; a thumbnail's end is not the picture's.
    (tmp_path / "b.jpg").write_bytes(good + b"\0" * 500)
    assert damage(tmp_path / "b.jpg") is None
    (tmp_path / "b.jpg").write_bytes(good[:2] + b"\xff\xd9" + good[2 : len(good) // 2])
    assert damage(tmp_path / "b.jpg")


def test_one_bad_frame_of_a_sequence_fails_alone(tmp_path: Path):
    good = image(tmp_path / "p.1.png")
    (tmp_path / "p.2.png").write_bytes(good[: len(good) // 2])
    (tmp_path / "p.3.png").write_bytes(good)
    with open_plate(tmp_path / "p.#.png") as plate:
        found = list(plate.iter(on_error="mark"))
    assert [hasattr(f, "reason") for f in found] == [False, True, False]
    assert "cut short" in found[1].reason


@pytest.mark.parametrize("suffix", ["png", "mp4"])
def test_too_little_memory_is_one_line(tmp_path: Path, movie: Path, monkeypatch, suffix: str):
    from relip.plate import yuv

    path = movie if suffix == "mp4" else tmp_path / "a.png"
    if suffix == "png":
        image(path)

    def none(*_: object) -> None:
        error = yuv.cv2.error("Failed to allocate")
        error.code = yuv.cv2.Error.StsNoMem
        raise error

    with open_plate(path) as plate:
        monkeypatch.setattr(yuv.cv2, "convertFp16", none)
        with pytest.raises(PlateError, match="takes more memory than there is") as caught:
            assert plate.read(plate.frames[0]).rgb.size == 0
    assert caught.value.mend and path.name in str(caught.value)
