"""Pictures of a movie in any order: where decoding starts, and what is damaged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import av
import numpy as np

from relip.errors import PlateError
from relip.plate.movie_container import open_container, video_stream
from relip.plate.movie_index import MovieIndex
from relip.plate.movie_picture import MoviePicture


class MovieReader:
    """Decodes pictures of a movie, forward from the last one where that is shortest.

    A picture is good when its packets and those of all pictures since the
    preceding key picture decoded without an error: what follows a damaged
    picture is predicted from it. Damage that the codec cannot notice stays
    unnoticed: HEVC without picture hashes decodes wrong bits to wrong pixels.

    Parameters
    ----------
    path : str
    index : MovieIndex
    picture_of : callable
        Makes the picture of a frame's number and libav's frame.
    """

    def __init__(
        self, path: str, index: MovieIndex, picture_of: Callable[[int, Any], MoviePicture]
    ) -> None:
        self._path = path
        self._index = index
        self._picture_of = picture_of
        self._container: Any = None
        self._frames: Iterator[Any] | None = None
        self._next = 0
        self._held: tuple[int, Any] | None = None
        self._missing = range(0)

    def picture(self, shown: int, number: int) -> MoviePicture | str:
        """Picture ``number`` (from 0) as frame ``shown``, or why it cannot be read."""
        if not 0 <= number < self._index.pictures:
            return "the file ends before it"
        if self._held is not None and self._held[0] == number:
            return self._result(shown, self._held[1])
        if number in self._missing:
            return "it is damaged"
        if self._frames is None or not self._near(number):
            self._start(number)
        for found, frame in self._frames or ():
            self._next = found + 1
            if found < number:
                continue
            self._held = (found, frame)
            break
        else:
            self._frames = None
            self._next, self._held = self._index.pictures, None
            return "it is damaged"
        if found > number:
            # Not among what the decoder gave: damaged. What came instead is kept for its turn.
            self._missing = range(number, found)
            return "it is damaged"
        return self._result(shown, frame)

    def close(self) -> None:
        self._frames, self._held = None, None
        if self._container is not None:
            self._container.close()
            self._container = None

    def _result(self, shown: int, frame: Any) -> MoviePicture | str:
        if isinstance(frame, str):
            return frame
        try:
            return self._picture_of(shown, frame)
        except PlateError as error:
            return error.message
        except MemoryError:
            return "it takes more memory than there is"

    def _near(self, number: int) -> bool:
        """Whether decoding on reaches ``number`` no later than starting afresh would."""
        if self._held is not None and self._held[0] > number:
            return False
        if number < self._next:
            return False
        return self._index.pts is None or self._key(number) <= self._next

    def _key(self, number: int) -> int:
        """The last key picture at or before ``number``, or 0."""
        assert self._index.pts is not None
        keys = self._index.keys
        place = int(np.searchsorted(keys, self._index.pts[number], side="right")) - 1
        return int(np.searchsorted(self._index.pts, keys[place])) if place >= 0 else 0

    def _start(self, number: int) -> None:
        """Place the decoder at a key picture from which ``number`` can be reached."""
        pts = self._index.pts
        self._held = None
        if pts is not None and number > 0:
            key = self._key(number)
            targets = [int(pts[key])]
            earlier = self._index.keys[self._index.keys < pts[key]]
            if len(earlier):
                targets.append(int(earlier[-1]))
            for target in targets:
                self._open()
                stream = video_stream(self._container, self._path)
                try:
                    self._container.seek(target, stream=stream, backward=True, any_frame=False)
                except (av.FFmpegError, OSError):
                    continue
                frames = self._decode(stream)
                first = next(frames, None)
                if first is not None and first[0] <= key:
                    self._frames = _chain(first, frames)
                    self._next = first[0]
                    return
        self._open()
        self._frames = self._decode(video_stream(self._container, self._path))
        self._next = 0

    def _open(self) -> None:
        self.close()
        self._container = open_container(self._path)

    def _decode(self, stream: Any) -> Iterator[tuple[int, Any]]:
        """Pictures in the order they are shown: (number, frame, or why it is damaged)."""
        stream.thread_type = "AUTO"
        # Damage that the decoder notices is an error, not a picture with a patch over it.
        stream.codec_context.options = {"err_detect": "crccheck+explode"}
        # HEVC passes over a damaged picture without a word and predicts from what it lacks.
        gaps_tell = stream.codec.name == "hevc"
        expected: int | None = None
        pts = self._index.pts
        counted = 0
        damaged: str | None = None
        packets = self._container.demux(stream)
        while True:
            try:
                packet = next(packets, None)
            except av.FFmpegError:
                packet = None
            if packet is None:
                return
            try:
                frames = packet.decode()
            except av.EOFError:
                return
            except (av.FFmpegError, ValueError) as error:
                reason = getattr(error, "strerror", None) or str(error)
                damaged = f"damaged, or after a damaged picture ({reason})"
                continue
            for frame in frames:
                if pts is None:
                    number, counted = counted, counted + 1
                else:
                    if frame.pts is None:
                        continue
                    number = int(np.searchsorted(pts, frame.pts))
                    if number >= len(pts) or pts[number] != frame.pts:
                        continue
                if gaps_tell and expected is not None and number > expected:
                    damaged = "after a damaged picture"
                expected = number + 1
                if frame.key_frame:
                    damaged = None
                if frame.is_corrupt and damaged is None:
                    damaged = "damaged, or after a damaged picture"
                yield number, damaged or frame


def _chain(first: Any, rest: Iterator[Any]) -> Iterator[Any]:
    yield first
    yield from rest
