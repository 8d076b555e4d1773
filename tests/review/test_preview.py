"""Preview, contact sheet and the check that nothing else changed."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from relip.demo.output import write_wave
from relip.errors import AudioError, OutputError
from relip.review import sheet
from relip.review.preview import PreviewWriter
from relip.review.stage import outside_difference

RATE = Fraction(24000, 1001)


def tone(path: Path, seconds: float) -> Path:
    time = np.arange(round(16000 * seconds)) / 16000
    write_wave(path, (0.3 * np.sin(2 * np.pi * 440 * time)).astype(np.float32), 16000)
    return path


def make(path: Path, count: int, **more: object) -> None:
    writer = PreviewWriter(path, (64, 48), RATE, **more)
    for i in range(count):
        writer.write(np.full((48, 64, 3), 40 + 8 * i, np.uint8))
    writer.close()


def test_movie(tmp_path: Path):
    path = tmp_path / "review" / "preview.mp4"
    make(path, 20)
    with av.open(str(path)) as movie:
        video = movie.streams.video[0]
        assert (video.width, video.height, video.average_rate) == (64, 48, RATE)
        assert not movie.streams.audio
        greys = [f.to_ndarray(format="rgb24").mean() for f in movie.decode(video)]
    np.testing.assert_allclose(greys, 40 + 8 * np.arange(20), atol=4)
    assert [p.name for p in path.parent.iterdir()] == ["preview.mp4"]


def sound_of(path: Path) -> tuple[np.ndarray, int]:
    with av.open(str(path)) as movie:
        stream = movie.streams.audio[0]
        pieces = [f.to_ndarray()[0] for f in movie.decode(stream)]
        return np.concatenate(pieces), stream.rate


@pytest.mark.parametrize("seconds", [0.3, 3.0])
@pytest.mark.parametrize("offset", [0.0, 0.25, -0.1])
def test_sound_is_as_long_as_the_picture(tmp_path: Path, seconds: float, offset: float):
    path = tmp_path / "preview.mp4"
    make(path, 24, audio=tone(tmp_path / "a.wav", seconds), offset=offset)
    samples, rate = sound_of(path)
    length = 24 / float(RATE)
    assert len(samples) / rate == pytest.approx(length, abs=0.08)
    # it sounds from the offset on, for as long as it is
    loud = np.abs(samples) > 0.1
    first, last = np.flatnonzero(loud)[[0, -1]] / rate
    assert first == pytest.approx(max(offset, 0), abs=0.03)
    assert last == pytest.approx(min(seconds + offset, length), abs=0.08)


def test_discarded_there_is_no_file(tmp_path: Path):
    path = tmp_path / "preview.mp4"
    path.write_bytes(b"the one before")
    writer = PreviewWriter(path, (64, 48), RATE)
    writer.write(np.zeros((48, 64, 3), np.uint8))
    writer.close(discard=True)
    assert path.read_bytes() == b"the one before"
    assert [p.name for p in tmp_path.iterdir()] == ["preview.mp4"]


def test_unreadable_sound_leaves_nothing_behind(tmp_path: Path):
    broken = tmp_path / "a.wav"
    broken.write_bytes(b"no sound")
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(AudioError):
        PreviewWriter(out / "preview.mp4", (64, 48), RATE, audio=broken)
    assert not list(out.iterdir())


def test_no_place_to_write(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"preview\.mp4"):
        PreviewWriter(tmp_path / "file" / "preview.mp4", (64, 48), RATE)


# --- contact sheet ------------------------------------------------------------------------------


def test_face_tile_is_centred():
    picture = np.zeros((200, 300, 3), np.uint8)
    picture[95:105, 145:155] = 255
    tile = sheet.face_tile(picture, np.array([150.0, 100.0]), 60.0, "comp 1001")
    assert tile.shape == (sheet.TILE + 20, sheet.TILE, 3)
    body = tile[: sheet.TILE].astype(float).mean(2)
    ys, xs = np.nonzero(body > 128)
    assert xs.mean() == pytest.approx(sheet.TILE / 2, abs=2)
    assert ys.mean() == pytest.approx(sheet.TILE / 2, abs=2)
    assert tile[sheet.TILE :].max() > 150  # the label


def test_a_tile_beyond_the_picture_is_grey():
    tile = sheet.face_tile(np.zeros((50, 50, 3), np.uint8), np.array([0.0, 0.0]), 40.0, "")
    assert (tile[0, 0] == 40).all()


@pytest.mark.parametrize("count, rows, columns", [(1, 1, 1), (6, 1, 6), (7, 2, 6), (12, 2, 6)])
def test_assemble(count: int, rows: int, columns: int):
    tiles = [[np.full((10, 8, 3), i, np.uint8), np.full((10, 8, 3), 100 + i, np.uint8)]
             for i in range(count)]  # fmt: skip
    whole = sheet.assemble(tiles)
    assert whole.shape == (20 * rows, 8 * columns, 3)
    for i in range(count):
        row, column = divmod(i, 6)
        assert (whole[20 * row : 20 * row + 10, 8 * column : 8 * column + 8] == i).all()
        assert (whole[20 * row + 10 : 20 * row + 20, 8 * column : 8 * column + 8] == 100 + i).all()


def test_write_png(tmp_path: Path):
    picture = np.random.default_rng(0).integers(0, 255, (20, 30, 3)).astype(np.uint8)
    sheet.write_png(tmp_path / "sheet.png", picture)
    read = cv2.cvtColor(cv2.imread(str(tmp_path / "sheet.png")), cv2.COLOR_BGR2RGB)
    np.testing.assert_array_equal(read, picture)


# --- nothing else changes -----------------------------------------------------------------------


def test_outside_difference():
    plate = np.random.default_rng(0).uniform(size=(20, 30, 3)).astype(np.float32)
    plate[3, 3] = np.nan
    alpha = np.zeros((8, 9), np.float32)
    alpha[2:6, 2:7] = 0.5
    comp = plate.copy()
    comp[12:16, 12:17] += 1  # where the matte is
    assert outside_difference(comp, plate, alpha, (10, 10)) == 0
    comp[0, 0, 1] += 0.25
    assert outside_difference(comp, plate, alpha, (10, 10)) == pytest.approx(0.25, abs=1e-6)


@pytest.mark.parametrize("origin", [(-40, 3), (500, 500), (3, -50), (28, 18), (-4, -4), (0, 19)])
def test_outside_difference_of_a_patch_anywhere(origin: tuple[int, int]):
    plate = np.random.default_rng(0).uniform(size=(20, 30, 3)).astype(np.float32)
    alpha = np.ones((8, 9), np.float32)
    assert outside_difference(plate.copy(), plate, alpha, origin) == 0
    comp = plate.copy()
    comp[10, 15] += 0.5
    assert outside_difference(comp, plate, alpha, origin) == pytest.approx(0.5, abs=1e-6)
