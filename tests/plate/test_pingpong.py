"""A plate played back and forth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from relip.errors import PlateError
from relip.plate import BadFrame, PingPongPlate, open_plate


def pingpong(movie: Path, own: range, count: int) -> PingPongPlate:
    return PingPongPlate(open_plate(movie), own, count)


def test_the_turning_frames_are_shown_once(movie: Path):
    with pingpong(movie, range(3, 7), 12) as plate:
        assert [plate.source(f) for f in plate.frames] == [3, 4, 5, 6, 5, 4, 3, 4, 5, 6, 5, 4]
        assert plate.frames == range(3, 15)


def test_one_frame_stands_still(movie: Path):
    with pingpong(movie, range(5, 6), 4) as plate:
        assert [plate.source(f) for f in plate.frames] == [5] * 4
        pictures = list(plate.iter())
        assert [p.frame for p in pictures] == [5, 6, 7, 8]
        assert all(np.array_equal(p.rgb, pictures[0].rgb) for p in pictures)


@pytest.mark.parametrize(
    ("own", "count"), [(range(1, 41), 130), (range(3, 7), 15), (range(2, 4), 7)]
)
def test_iter_gives_what_read_gives(movie: Path, own: range, count: int):
    """Backward runs longer than a block, and many short ones, in order and bit for bit."""
    with pingpong(movie, own, count) as plate, open_plate(movie) as plain:
        stored = {p.frame: p.rgb for p in plain.iter(own)}
        seen = []
        for picture in plate.iter():
            seen.append(picture.frame)
            assert np.array_equal(picture.rgb, stored[plate.source(picture.frame)])
        assert seen == list(plate.frames)
        for frame in (plate.frames[0], plate.frames[-1], plate.frames[len(own)]):
            picture = plate.read(frame)
            assert picture.frame == frame
            assert np.array_equal(picture.rgb, stored[plate.source(frame)])


def test_chosen_frames(movie: Path):
    with pingpong(movie, range(1, 11), 40) as plate:
        wanted = [2, 9, 12, 13, 19, 21, 30, 38]
        found = list(plate.iter(wanted))
        assert [p.frame for p in found] == wanted
        for picture in found:
            assert np.array_equal(picture.rgb, plate.read(picture.frame).rgb)


def test_pieces_of_frames_shown_twice(movie: Path):
    """A frame of the movie, shown forwards and backwards, with a window of its own each time."""
    with pingpong(movie, range(1, 31), 100) as plate:
        windows = {f: (f % 50, 3, f % 50 + 9, 20) for f in plate.frames}
        found = list(plate.pieces(windows))
        assert [p.frame for p in found] == list(plate.frames)
        for piece, whole in zip(found, plate.iter(), strict=True):
            x = piece.frame % 50
            assert piece.origin == (x, 3)
            assert np.array_equal(piece.rgb, whole.rgb[3:20, x : x + 9])


def test_it_describes_itself_as_the_plate(movie: Path):
    with pingpong(movie, range(1, 11), 40) as plate, open_plate(movie) as plain:
        for name in ("path", "kind", "width", "height", "colourspace", "half", "rate"):
            assert getattr(plate, name) == getattr(plain, name)
        assert plate.fingerprint() == plain.fingerprint()
        assert plate.fingerprint(12) == plain.fingerprint(plate.source(12))


def test_frames_outside(movie: Path):
    with pingpong(movie, range(1, 11), 40) as plate:
        with pytest.raises(PlateError):
            plate.read(41)
        with pytest.raises(PlateError):
            list(plate.iter([0]))


def test_a_damaged_frame_is_marked_each_time_it_is_shown(tmp_path: Path):
    from relip.plate import write_exr

    for frame in range(1, 5):
        grey = np.full((8, 8), frame, np.float32)
        write_exr(tmp_path / f"p.{frame:04d}.exr", dict.fromkeys("RGB", grey), display=(8, 8))
    (tmp_path / "p.0003.exr").write_bytes((tmp_path / "p.0003.exr").read_bytes()[:200])
    own = open_plate(tmp_path / "p.####.exr", colourspace="ACEScg")
    with PingPongPlate(own, range(1, 5), 8) as plate:
        found = list(plate.iter(on_error="mark"))
        assert [p.frame for p in found] == list(range(1, 9))
        assert [p.frame for p in found if isinstance(p, BadFrame)] == [3, 5]
