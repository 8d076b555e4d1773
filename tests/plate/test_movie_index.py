"""Which pictures a movie holds."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from plate_making import moving_pictures, write_planes

from relip.errors import PlateError
from relip.plate import BadFrame, movie_index, open_plate
from relip.plate.movie_writer import MovieWriter

#: Places of 20 pictures of which 1, 13 and 14 are empty.
PLACES = [0, *range(2, 13), *range(15, 23)]
SHOWN = [0, *range(12), 11, 11, *range(12, 20)]


def test_times_that_run_for_years_take_no_memory() -> None:
    """A damaged time stamp must not make a grid of a billion frames."""
    pts = np.array([0, 1, 2, 3, 2**40])
    with pytest.raises(PlateError, match="run over"):
        movie_index._conform(pts, Fraction(1, 25), Fraction(25))
    assert len(movie_index._conform(pts[:4], Fraction(1, 25), Fraction(25))) == 4


def _holes(path: Path, places: list[int] = PLACES, **how: object) -> Path:
    """A movie with empty places (an AVI's writer leaves empty packets in them)."""
    return write_planes(
        path,
        moving_pictures(len(places)),
        "yuv420p",
        codec="mpeg4",
        times=places,
        time_base=Fraction(1, 25),
        options={"bf": "0"},
        **how,  # type: ignore[arg-type]
    )


def _decoded(path: Path) -> list[np.ndarray]:
    """Every picture that a movie holds, in order."""
    with av.open(str(path)) as container:
        return [f.to_ndarray() for f in container.decode(video=0)]


def _shown(path: Path) -> list[int | None]:
    """Which of the movie's pictures each frame of the plate shows; None for one it lacks."""
    held = [f[:64].astype(int) for f in _decoded(path)]
    shown: list[int | None] = []
    with open_plate(path) as plate:
        for picture in plate.iter(on_error="mark"):
            if isinstance(picture, BadFrame):
                shown.append(None)
                continue
            luma = picture.planes[0].astype(int)
            shown.append(int(np.argmin([np.abs(luma - h).max() for h in held])))
    return shown


def test_an_empty_packet_holds_the_picture_before(tmp_path: Path) -> None:
    path = _holes(tmp_path / "holes.avi")
    assert _shown(path) == SHOWN
    with open_plate(path) as plate:
        assert plate.rate == 25
        assert not plate.info["variable_rate"]
        assert [n for n in plate.info["notes"] if "frames 2,14-15" in n] == plate.info["notes"]
        np.testing.assert_array_equal(plate.read(15).rgb, plate.read(13).rgb)


def test_one_empty_packet_early_is_no_slower_rate(tmp_path: Path) -> None:
    """A shift of one frame is within half a frame of a rate in which it is spread out."""
    for suffix, places in (("avi", [0, *range(2, 133)]), ("mkv", [0, *range(2, 133)])):
        index = movie_index.movie_index(str(_holes(tmp_path / f"m.{suffix}", places)))
        assert index.rate == 25
        assert index.grid.tolist() == [0, *range(132)]
        assert not index.missing.any()


def test_the_movie_out_holds_it_too(tmp_path: Path) -> None:
    """So that pictures keep their times, and the new sound with them."""
    path, out = _holes(tmp_path / "holes.avi"), tmp_path / "out.mov"
    with open_plate(path) as plate, MovieWriter(out, plate, frames=len(plate.frames)) as writer:
        for picture in plate.iter():
            writer.write_painted(picture)
    with av.open(str(out)) as container:
        frames = [(f.time, f.to_ndarray().astype(int)) for f in container.decode(video=0)]
    held = [f.astype(int) for f in _decoded(path)]
    assert [round(25 * t) for t, _ in frames] == list(range(23))
    near = [int(np.argmin([np.abs(f - h).mean() for h in held])) for _, f in frames]
    assert near == SHOWN


def test_an_avi_that_ends_in_empty_packets_is_not_cut_short(tmp_path: Path) -> None:
    data = bytearray(_holes(tmp_path / "holes.avi").read_bytes())
    (total,) = struct.unpack_from("<I", data, 48)
    assert total == 23
    header = data.index(b"strh") + 8
    for place in (48, header + 32):  # dwTotalFrames of avih, dwLength of strh
        struct.pack_into("<I", data, place, total + 2)
    whole, cut = tmp_path / "whole.avi", tmp_path / "cut.avi"
    whole.write_bytes(data)
    cut.write_bytes(data[:-8])  # of its index
    with open_plate(whole) as plate:
        assert not any("cut short" in note for note in plate.info["notes"])
    assert _shown(whole) == SHOWN
    assert _shown(cut) == [*SHOWN, None, None]
    with open_plate(cut) as plate:
        assert "cut short: 2 of its last pictures are missing" in plate.info["notes"]


def test_what_an_edit_list_leaves_out_is_not_missing(tmp_path: Path) -> None:
    """A trim of QuickTime's keeps the pictures in the file and shortens its edit list."""
    data = bytearray(
        write_planes(
            tmp_path / "m.mp4", moving_pictures(24), "yuv420p", options={"bf": "0"}
        ).read_bytes()
    )
    edit = data.index(b"elst") + 12  # version, flags, count; then the duration, in 1/1000 s
    (duration,) = struct.unpack_from(">I", data, edit)
    assert duration == 960
    struct.pack_into(">I", data, edit, 800)
    path = tmp_path / "trimmed.mp4"
    path.write_bytes(data)
    with av.open(str(path)) as container:
        assert any(p.is_discard for p in container.demux(video=0) if p.size)
    with open_plate(path) as plate:
        assert not any("cut short" in note for note in plate.info["notes"])
        assert len(plate.frames) == len(_decoded(path)) < 24


@pytest.mark.parametrize("time_base", [Fraction(1, 1000), Fraction(1, 90000), Fraction(1, 600)])
@pytest.mark.parametrize("rate", [Fraction(24000, 1001), Fraction(30000, 1001), Fraction(60)])
def test_rounded_times_are_no_gaps_and_gaps_are(time_base: Fraction, rate: Fraction) -> None:
    exact = np.arange(900) / float(rate * time_base)
    pts = np.floor(exact).astype(np.int64)
    found, places = movie_index._rate(pts, time_base, [rate], movie_index.MOST_HELD)
    assert found == rate
    np.testing.assert_array_equal(places, np.arange(900))
    kept = np.delete(np.arange(900), [1, 444, 445])
    average = Fraction(896) / (int(pts[-1] - pts[0]) * time_base)
    found, places = movie_index._rate(pts[kept], time_base, [average, rate], movie_index.MOST_HELD)
    assert found == rate
    np.testing.assert_array_equal(places, kept)


def test_in_a_file_cut_short_a_gap_is_held_and_the_end_is_missing() -> None:
    """Of the pictures decoded last some are shown after one that is not there."""
    places = np.delete(np.arange(40), [5, 36, 38])
    grid = movie_index._cut_short(places, Fraction(1, 25), Fraction(25), 50, 2)
    expected = np.full(50, -1)
    expected[places] = np.arange(37)
    expected[5] = 4
    np.testing.assert_array_equal(grid, expected)
    assert movie_index._reordered([0, 3, 1, 2, 6, 4, 5]) == 1
    assert movie_index._reordered([0, 1, 2, 4]) == 0
