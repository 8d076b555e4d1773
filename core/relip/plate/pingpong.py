"""A plate played back and forth, for a dialogue that is longer than it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from relip.plate.base import Picture, Plate, Window

#: Frames decoded at once when the plate runs backwards.
_BLOCK = 24


class PingPongPlate(Plate):
    """``plate`` followed by itself backwards, forwards, … until it has ``count`` frames.

    The turning frames are not shown twice: 1 2 3 2 1 2 3.

    Parameters
    ----------
    plate : Plate
        Closed together with this one.
    own : range
        The plate's frames that are played.
    count : int
        Frames wanted; the numbers go on after ``own``.
    """

    def __init__(self, plate: Plate, own: range, count: int) -> None:
        self.movie = plate
        self.path = plate.path
        self.kind = plate.kind
        self.width, self.height = plate.width, plate.height
        self.colourspace = plate.colourspace
        self.half = plate.half
        self.info: dict[str, Any] = {**plate.info, "pingpong": count}
        self.frames = range(own.start, own.start + count)
        self._own = own
        self._rate = plate._rate

    def source(self, frame: int) -> int:
        """The plate's frame that is shown at ``frame``."""
        length = len(self._own)
        if length == 1:
            return self._own.start
        place = (frame - self._own.start) % (2 * length - 2)
        return self._own.start + (place if place < length else 2 * length - 2 - place)

    def read(self, frame: int) -> Picture:
        """One frame, by its number here."""
        self._check([frame])
        return replace(self.movie.read(self.source(frame)), frame=frame)

    def iter(
        self, frames: Iterable[int] | None = None, *, on_error: str = "raise"
    ) -> Iterator[Any]:
        """Frames in order; runs that go backwards are decoded in blocks."""
        chosen = list(self._select(frames, on_error))
        return self._played(chosen, lambda run: self.movie.iter(run, on_error=on_error))

    def pieces(
        self, windows: Mapping[int, Window], *, on_error: str = "raise", lean: bool = False
    ) -> Iterator[Any]:
        """Windows of frames in order; a frame shown twice may have two."""
        chosen = list(self._select(windows, on_error))

        def read(run: Mapping[int, int]) -> Iterator[Any]:
            own = {source: windows[frame] for source, frame in run.items()}
            return self.movie.pieces(own, on_error=on_error, lean=lean)

        return self._played(chosen, read)

    def _played(
        self, chosen: list[int], read: Callable[[dict[int, int]], Iterator[Any]]
    ) -> Iterator[Any]:
        """What is read of the plate's frames, by those shown; ``read`` gets shown by own."""
        start = 0
        while start < len(chosen):
            stop = start + 1
            step = 0
            while stop < len(chosen):
                way = self.source(chosen[stop]) - self.source(chosen[stop - 1])
                if way == 0 or (step and (way > 0) != (step > 0)):
                    break
                if way < 0 and stop - start >= _BLOCK:
                    break
                step = way
                stop += 1
            run = chosen[start:stop]
            found = read({self.source(f): f for f in run})
            if step < 0:
                found = reversed(list(found))
            for frame, picture in zip(run, found, strict=True):
                yield replace(picture, frame=frame)
            start = stop

    def fingerprint(self, frame: int | None = None) -> str:
        """The plate's fingerprint."""
        return self.movie.fingerprint(None if frame is None else self.source(frame))

    def close(self) -> None:
        """Close the plate."""
        self.movie.close()
