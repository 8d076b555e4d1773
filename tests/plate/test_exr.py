"""Single EXR files."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest

from relip.errors import OutputError, PlateError
from relip.plate import MovieWriter, open_plate, read_exr, read_image, write_exr


def test_channels_windows_and_metadata_come_back(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    names = ["R", "G", "B", "A", "raw.R", "stmap.u"]
    channels = {n: rng.normal(0, 2, (20, 30)).astype(np.float16).astype(np.float32) for n in names}
    channels["stmap.u"] = rng.uniform(0, 1, (20, 30)).astype(np.float32)
    path = tmp_path / "patch.0001.exr"
    write_exr(
        path,
        channels,
        display=(100, 80),
        origin=(7, 11),
        half={"stmap.u": False},
        metadata={
            "relip/stage": "render",
            "relip/frame": 12,
            "relip/score": 0.5,
            "relip/flag": True,
            "relip/matrix": [1.0, 2.0, 3.0],
            "framesPerSecond": (24000, 1001),
            "rate": Fraction(24000, 1001),
        },
        pixel_aspect=2.0,
    )
    found, origin, display, metadata = read_exr(path)
    assert set(found) == set(names)
    for name in names:
        np.testing.assert_array_equal(found[name], channels[name])
    assert (origin, display) == ((7, 11), (100, 80))
    assert metadata["relip/stage"] == "render"
    assert metadata["relip/frame"] == 12
    assert metadata["relip/score"] == 0.5
    assert metadata["relip/flag"] == 1
    assert tuple(metadata["relip/matrix"]) == (1.0, 2.0, 3.0)
    assert tuple(metadata["framesPerSecond"]) == (24000, 1001)
    assert metadata["rate"] == "24000/1001"
    image = oiio.ImageInput.open(str(path))
    spec = image.spec()
    types = {n: str(spec.channelformat(i)) for i, n in enumerate(spec.channelnames)}
    assert types["stmap.u"] == "float" and types["R"] == types["raw.R"] == "half"
    assert spec.get_float_attribute("PixelAspectRatio") == 2.0
    image.close()


def test_an_array_with_names(tmp_path: Path) -> None:
    array = np.random.default_rng(0).uniform(-1, 3, (9, 12, 4)).astype(np.float32)
    write_exr(tmp_path / "a.exr", array, display=(12, 9), half=False)
    np.testing.assert_array_equal(read_image(tmp_path / "a.exr"), array)
    found, *_ = read_exr(tmp_path / "a.exr")
    assert list(found) == list("RGBA")
    write_exr(tmp_path / "b.exr", array[..., 0], ["matte"], display=(12, 9), half=False)
    found, *_ = read_exr(tmp_path / "b.exr")
    np.testing.assert_array_equal(found["matte"], array[..., 0])


def test_read_image_places_the_data_window(tmp_path: Path) -> None:
    pixels = np.ones((4, 6, 3), np.float32)
    write_exr(tmp_path / "in.exr", pixels, display=(20, 10), origin=(3, 5))
    found = read_image(tmp_path / "in.exr")
    truth = np.zeros((10, 20, 3), np.float32)
    truth[5:9, 3:9] = 1
    np.testing.assert_array_equal(found, truth)
    write_exr(tmp_path / "over.exr", np.ones((14, 24, 3)), display=(20, 10), origin=(-2, -2))
    np.testing.assert_array_equal(read_image(tmp_path / "over.exr"), np.ones((10, 20, 3)))


def test_equal_pictures_make_equal_files(tmp_path: Path) -> None:
    array = np.random.default_rng(0).uniform(0, 1, (9, 12, 3)).astype(np.float32)
    write_exr(tmp_path / "a.exr", array, display=(12, 9))
    os.utime(tmp_path / "a.exr", (0, 0))
    (tmp_path / "sub").mkdir()
    write_exr(tmp_path / "sub" / "b.exr", array, display=(12, 9))
    first = (tmp_path / "a.exr").read_bytes()
    assert first == (tmp_path / "sub" / "b.exr").read_bytes()
    assert b"capDate\0string\0\0\0\0\0" in first or b"capDate" not in first


def test_nan_and_infinity_are_stored(tmp_path: Path) -> None:
    array = np.zeros((4, 4, 3), np.float32)
    array[0, 0] = np.nan
    array[1, 1] = np.inf
    array[2, 2] = -np.inf
    write_exr(tmp_path / "a.exr", array, display=(4, 4))
    np.testing.assert_array_equal(read_image(tmp_path / "a.exr"), array)


def test_unreadable_images_are_one_clear_line(tmp_path: Path) -> None:
    write_exr(tmp_path / "good.exr", np.random.rand(64, 64, 3), display=(64, 64))
    data = (tmp_path / "good.exr").read_bytes()
    (tmp_path / "cut.exr").write_bytes(data[: len(data) // 2])
    (tmp_path / "text.exr").write_text("no picture")
    (tmp_path / "empty.exr").touch()
    (tmp_path / "folder.exr").mkdir()
    for name in ("cut.exr", "text.exr", "empty.exr", "folder.exr", "none.exr"):
        for reader in (read_exr, read_image):
            with pytest.raises(PlateError, match=name) as caught:
                reader(tmp_path / name)
            assert "\n" not in str(caught.value)


def test_a_missing_folder_is_made(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    write_exr(folder / "a.exr", np.zeros((4, 4, 3), np.float32), display=(4, 4))
    assert os.listdir(folder) == ["a.exr"]


def test_unwritable_outputs_are_one_clear_line(tmp_path: Path) -> None:
    array = np.zeros((4, 4, 3), np.float32)
    (tmp_path / "file").touch()
    (tmp_path / "folder.exr").mkdir()
    for path in (
        tmp_path / "file" / "a.exr",
        tmp_path / "folder.exr",
        tmp_path / "a.unknown",
    ):
        with pytest.raises(OutputError) as caught:
            write_exr(path, array, display=(4, 4))
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


@contextmanager
def _files_up_to(size: int) -> Iterator[None]:
    """Writing beyond ``size`` bytes fails as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_fills_up_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.exr"
    write_exr(path, np.zeros((4, 4, 3)), display=(4, 4))
    before = path.read_bytes()
    noise = np.random.default_rng(0).uniform(0, 1, (256, 256, 3))
    with _files_up_to(50_000), pytest.raises(OutputError, match=r"a\.exr cannot be written"):
        write_exr(path, noise, display=(256, 256))
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["a.exr"]


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv"])
def test_a_disk_that_fills_up_under_a_movie(tmp_path: Path, movie: Path, suffix: str) -> None:
    noise = np.random.default_rng(0).uniform(0, 1, (64, 96, 3)).astype(np.float32)
    with (
        open_plate(movie) as plate,
        _files_up_to(100_000),
        pytest.raises(OutputError, match="out.* cannot be written"),
        MovieWriter(tmp_path / f"out.{suffix}", plate) as writer,
    ):
        for number in range(200):
            writer.write(np.roll(noise, 7 * number, axis=0))
    assert [p.name for p in tmp_path.iterdir()] == ["movie.mp4"]
