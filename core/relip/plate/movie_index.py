"""Which pictures a movie holds and when, read from its packets without decoding.

Containers are not believed: headers miscount frames, name average rates and
are cut short. One pass over the packets gives every picture's time and the
pictures one may start decoding at. It takes milliseconds per minute of video
and is remembered for each file.

The rate is constant. When every picture lies within half a frame of its place
on a constant grid, picture ``i`` is frame ``i``. Otherwise (variable rate)
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
from relip.plate.movie_container import open_container, video_stream

#: Rates that a measured one is taken to be when it fits.
_STANDARD = sorted(
    {Fraction(n) for n in (12, 15, 16, 18, 24, 25, 30, 48, 50, 60, 100, 120)}
    | set(NTSC_RATES.values())
)


#: More frames than any movie has: a day at 120 fps.
MOST_FRAMES = 24 * 3600 * 120


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
        True when ``grid`` is not simply 0, 1, 2, …
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
    count, timed = 0, True
    with open_container(path) as container:
        stream = video_stream(container, path)
        try:
            for packet in container.demux(stream):
                if packet.size == 0 or packet.is_discard:
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
        promised = max(stream.frames or 0, 0)
        if promised > MOST_FRAMES:
            promised = 0  # no movie's, and memory for as many would be taken
        time_base = Fraction(stream.time_base)
        hints = [stream.guessed_rate, stream.average_rate, stream.base_rate]
    if count == 0:
        raise PlateError(f"{path} has no picture in it")
    rates = [Fraction(r) for r in hints if r and 1 <= r <= 1000]
    if not timed or len(set(times)) < len(times):
        rate = rates[0] if rates else Fraction(25)
        total = max(count, promised)
        none = np.empty(0, np.int64)
        return MovieIndex(None, none, time_base, rate, np.arange(total), False, count)
    pts = np.array(sorted(times), np.int64)
    rate, variable = _rate(pts, time_base, rates)
    if variable and promised > count:
        # Cut short: pictures are missing among the last ones in the order they are shown.
        grid = np.full(promised, -1, np.int64)
        places = np.rint((pts - pts[0]) * float(time_base * rate)).astype(np.int64)
        fits = places < promised
        grid[places[fits]] = np.arange(count)[fits]
        variable = False
    elif variable:
        try:
            grid = _conform(pts, time_base, rate)
        except PlateError as error:
            raise PlateError(f"{path}: {error.message}", mend=error.mend) from None
    else:
        grid = np.arange(max(count, promised))
    return MovieIndex(pts, np.array(sorted(keys), np.int64), time_base, rate, grid, variable, count)


def _rate(pts: np.ndarray, time_base: Fraction, hints: list[Fraction]) -> tuple[Fraction, bool]:
    """The constant rate that fits the times, and whether it fails to fit them."""
    count = len(pts)
    if count < 2 or pts[-1] == pts[0]:
        return (hints[0] if hints else Fraction(25)), False
    ticks = (pts - pts[0]).astype(np.float64)
    measured = Fraction(count - 1) / (int(pts[-1] - pts[0]) * time_base)
    near = [r for r in _STANDARD if abs(r / measured - 1) < Fraction(2, 1000)]
    near.sort(key=lambda r: abs(r - measured))
    rounded = measured.limit_denominator(1001)
    candidates = list(dict.fromkeys([*hints, *near, rounded, measured]))

    def worst(rate: Fraction) -> float:
        offset = ticks - np.arange(count) * float(1 / (rate * time_base))
        return float(np.abs(offset - (offset.max() + offset.min()) / 2).max())

    for rate in candidates:
        if worst(rate) <= 1.0:
            return rate, False
    for rate in candidates:
        if worst(rate) * float(time_base * rate) < 0.5:
            return rate, False
    step = Fraction(int(np.median(np.diff(pts)))) * time_base
    usual = 1 / step if step else measured
    for rate in [*hints, *_STANDARD]:
        # A hint far above the usual rate is only the time base's own.
        if abs(rate / usual - 1) < Fraction(2, 100):
            return rate, True
    return min(max(usual.limit_denominator(1001), Fraction(1)), Fraction(1000)), True


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
