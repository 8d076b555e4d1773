"""Which pictures a movie holds and when, read from its packets without decoding.

Containers are not believed: headers miscount frames, name average rates and
are cut short. One pass over the packets gives every picture's time and the
pictures one may start decoding at. It takes milliseconds per minute of video
and is remembered for each file.

The rate is constant. When every picture lies within half a frame of its place
on a constant grid, picture ``i`` is frame ``i``. When all lie on such a grid and
some of its places are empty (an AVI repeats a picture by an empty packet), an
empty place holds the picture before. Otherwise (variable rate)
the movie is conformed: frame ``i`` at ``start + i / rate`` shows the latest
picture that began at or before that time (a quarter of a frame of tolerance).
"""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np

from relip.errors import PlateError
from relip.frames import NTSC_RATES
from relip.plate import riff
from relip.plate.movie_container import open_container, video_stream

#: Rates that a measured one is taken to be when it fits.
_STANDARD = sorted(
    {Fraction(n) for n in (12, 15, 16, 18, 24, 25, 30, 48, 50, 60, 100, 120)}
    | set(NTSC_RATES.values())
)


#: More frames than any movie has: a day at 120 fps.
MOST_FRAMES = 24 * 3600 * 120

#: A constant rate leaves no more than this share of its places empty; with more, the rate varies.
MOST_HELD = 0.1

#: Pictures that lie this close to a grid (half their spread, in frames) lie on it.
_ON_GRID = 0.25

#: No codec holds back more decoded pictures than this for later (H.264's and HEVC's buffers).
_MOST_REORDERED = 16


@dataclass(frozen=True)
class MovieIndex:
    """Pictures of a movie in the order they are shown.

    Parameters
    ----------
    pts : (P,) int64, or None
        Each picture's time in ``time_base`` units; None when the file has no
        times, and pictures are told apart by counting.
    keys : (K,) int64
        For ``pts``, times of the pictures where decoding can start.
    time_base, rate : Fraction
    grid : (F,) int64
        Which picture each frame shows; -1, or a number from ``pictures`` on, when the
        file was cut short and lacks it.
    variable : bool
        True when the pictures lie on no constant grid, and were conformed to one.
    pictures : int
        How many were found in the file.
    """

    pts: np.ndarray | None
    keys: np.ndarray
    time_base: Fraction
    rate: Fraction
    grid: np.ndarray
    variable: bool
    pictures: int

    @property
    def missing(self) -> np.ndarray:
        """Which frames the file was cut short of ``[shape=(F,), dtype=bool]``."""
        return (self.grid < 0) | (self.grid >= self.pictures)

    @property
    def held(self) -> np.ndarray:
        """Which frames show the picture of the frame before ``[shape=(F,), dtype=bool]``."""
        again = np.zeros(len(self.grid), bool)
        again[1:] = self.grid[1:] == self.grid[:-1]
        return again & ~self.missing


def movie_index(path: str) -> MovieIndex:
    """Index of a movie's first video stream; remembered until the file changes.

    Raises
    ------
    PlateError
        If the file is missing, cannot be read, or holds no picture.
    """
    if not os.path.exists(path):
        raise PlateError(f"{path} does not exist", mend="check the path")
    try:
        stat = os.stat(path)
        return _index(os.path.abspath(path), stat.st_size, stat.st_mtime_ns)
    except OSError as error:
        raise PlateError(f"{path}: {error.strerror or error}") from None


@functools.lru_cache(maxsize=32)
def _index(path: str, size: int, mtime: int) -> MovieIndex:
    times: list[int] = []
    keys: list[int] = []
    count, timed, left_out = 0, True, 0
    with open_container(path) as container:
        stream = video_stream(container, path)
        try:
            for packet in container.demux(stream):
                if packet.size == 0:
                    continue
                if packet.is_discard:
                    left_out += 1  # by an edit list
                    continue
                count += 1
                if packet.pts is None:
                    timed = False
                    continue
                times.append(packet.pts)
                if packet.is_keyframe:
                    keys.append(packet.pts)
        except av.FFmpegError:
            pass  # cut short: what came before counts, and `promised` tells of the rest
        promised = max((stream.frames or 0) - left_out, 0)
        if promised > MOST_FRAMES:
            promised = 0  # no movie's, and memory for as many would be taken
        time_base = Fraction(stream.time_base)
        hints = [stream.guessed_rate, stream.average_rate, stream.base_rate]
        # AVI counts places, empty ones among them; others count pictures
        places_counted = container.format.name == "avi"
    if count == 0:
        raise PlateError(f"{path} has no picture in it")
    rates = [Fraction(r) for r in hints if r and 1 <= r <= 1000]
    if not timed or len(set(times)) < len(times):
        rate = rates[0] if rates else Fraction(25)
        total = max(count, promised)
        none = np.empty(0, np.int64)
        return MovieIndex(None, none, time_base, rate, np.arange(total), False, count)
    pts = np.array(sorted(times), np.int64)
    if places_counted and 1 <= 1 / time_base <= 1000:
        rates = [1 / time_base]  # its times are places; the average rate leaves out the empty ones
    rate, places = _rate(pts, time_base, rates, 1.0 if places_counted else MOST_HELD)
    variable = places is None
    found = count if places is None or not places_counted else int(places[-1]) + 1
    if promised > found and places_counted and riff.is_whole(path):
        promised = found
    if places is not None and places[-1] == count - 1:
        grid = np.arange(max(count, promised))
    elif promised > found:
        total = promised if places is None else max(promised, int(places[-1]) + 1)
        grid = _cut_short(pts, time_base, rate, total, _reordered(times))
        variable = False
    elif places is not None:
        grid = _held(places)
    else:
        try:
            grid = _conform(pts, time_base, rate)
        except PlateError as error:
            raise PlateError(f"{path}: {error.message}", mend=error.mend) from None
    return MovieIndex(pts, np.array(sorted(keys), np.int64), time_base, rate, grid, variable, count)


def _rate(
    pts: np.ndarray, time_base: Fraction, hints: list[Fraction], most_held: float
) -> tuple[Fraction, np.ndarray | None]:
    """The constant rate that fits the times, and each picture's place on its grid.

    Parameters
    ----------
    most_held : float
        Share of the places that may be empty.

    Returns
    -------
    rate : Fraction
    places : np.ndarray or None [shape=(P,), dtype=int64]
        From 0; None when no rate fits, and the one given is the usual one.
    """
    count = len(pts)
    every = np.arange(count)
    if count < 2 or pts[-1] == pts[0]:
        return (hints[0] if hints else Fraction(25)), every
    ticks = (pts - pts[0]).astype(np.float64)
    measured = Fraction(count - 1) / (int(pts[-1] - pts[0]) * time_base)
    near = [r for r in _STANDARD if abs(r / measured - 1) < Fraction(2, 1000)]
    near.sort(key=lambda r: abs(r - measured))
    rounded = measured.limit_denominator(1001)
    candidates = list(dict.fromkeys([*hints, *near, rounded, measured]))

    def worst(rate: Fraction, places: np.ndarray) -> float:
        """Half the spread of the times around their places, in ticks."""
        offset = ticks - places * float(1 / (rate * time_base))
        return float(np.abs(offset - (offset.max() + offset.min()) / 2).max())

    def with_empty(rate: Fraction) -> np.ndarray | None:
        """The places of pictures that all lie on a grid of which some places are empty."""
        frame = float(1 / (rate * time_base))
        if ticks[-1] / frame > MOST_FRAMES:
            return None
        places = np.rint(ticks / frame).astype(np.int64)
        empty = int(places[-1]) + 1 - count
        if not 0 < empty <= most_held * (places[-1] + 1) or (np.diff(places) < 1).any():
            return None
        away = worst(rate, places)
        return places if away <= 1.0 and away < _ON_GRID * frame else None

    first = next((r for r in candidates if worst(r, every) <= 1.0), None)
    fits = first is not None and worst(first, every) < _ON_GRID / float(first * time_base)
    # where a tick is nearly a frame, a rate may fit by leaving out a place
    for rate in [first] if first is not None and fits else [*hints, *_STANDARD]:
        places = with_empty(rate)
        if places is not None:
            return rate, places
    if first is not None:
        return first, every
    for rate in candidates:
        if worst(rate, every) * float(time_base * rate) < 0.5:
            return rate, every
    step = Fraction(int(np.median(np.diff(pts)))) * time_base
    usual = 1 / step if step else measured
    for rate in [*hints, *_STANDARD]:
        # A hint far above the usual rate is only the time base's own.
        if abs(rate / usual - 1) < Fraction(2, 100):
            return rate, None
    return min(max(usual.limit_denominator(1001), Fraction(1)), Fraction(1000)), None


def _cut_short(
    pts: np.ndarray, time_base: Fraction, rate: Fraction, total: int, reordered: int
) -> np.ndarray:
    """Which picture each of ``total`` frames shows: -1 for what a file cut short lacks.

    Before the last ``reordered`` pictures none is missing: an empty place there
    was empty in the whole file too.
    """
    grid = np.full(total, -1, np.int64)
    places = np.rint((pts - pts[0]) * float(time_base * rate)).astype(np.int64)
    fits = places < total
    grid[places[fits]] = np.arange(len(pts))[fits]
    sure = min(int(places[max(len(pts) - 1 - reordered, 0)]), total)
    grid[:sure] = np.maximum.accumulate(grid[:sure])
    return grid


def _reordered(times: list[int]) -> int:
    """How many pictures are decoded before one that is shown before them, at most."""
    decoded = np.array(times, np.int64)
    later = np.zeros(len(decoded), np.int64)
    for back in range(1, min(_MOST_REORDERED, len(decoded) - 1) + 1):
        later[back:] += decoded[:-back] > decoded[back:]
    return int(later.max())


def _held(places: np.ndarray) -> np.ndarray:
    """Which picture each place shows: its own, or the one before."""
    return np.searchsorted(places, np.arange(int(places[-1]) + 1), side="right") - 1


def _conform(pts: np.ndarray, time_base: Fraction, rate: Fraction) -> np.ndarray:
    """Which picture each frame of the constant grid shows."""
    step = 1 / (rate * time_base)
    last = int(pts[-1] - pts[0])
    # The last picture lasts one frame.
    total = int((last / step) + Fraction(1, 4)) + 1
    if total > MOST_FRAMES:
        raise PlateError(
            f"its pictures' times run over {total} frames at {rate} fps",
            mend="the file is damaged: copy it again",
        )
    places = np.array([float(i * step + step / 4) for i in range(total)])
    return np.searchsorted(pts - pts[0], places, side="right") - 1
