"""A small preview movie: 8-bit pictures and a recording to H.264 and AAC."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from relip.records import atomic_path, output_error


class PreviewWriter:
    """Writes a preview; it appears, whole, on :meth:`close`.

    Parameters
    ----------
    path : Path
    size : tuple of int
        Width, height, both even.
    rate : Fraction
        Frames per second.
    audio : Path, optional
        The sound, laid from ``offset`` seconds on and cut at the picture's end.
    offset : float
    """

    def __init__(
        self,
        path: Path,
        size: tuple[int, int],
        rate: Fraction,
        *,
        audio: Path | None = None,
        offset: float = 0.0,
    ) -> None:
        import av

        from relip.plate.movie_writer import X264

        self._path = path
        self._stack = ExitStack()
        self._rate = rate
        self._count = 0
        self._samples: np.ndarray | None = None
        if audio is not None:  # before the file is begun, in case it cannot be read
            from relip.speech import load_audio

            sound = load_audio(audio)
            lead = np.zeros(max(round(offset * sound.rate), 0), np.float32)
            start = max(round(-offset * sound.rate), 0)
            self._samples = np.concatenate([lead, sound.samples[start:]])
            self._sound_rate = sound.rate
        temporary = self._stack.enter_context(atomic_path(path))
        try:
            self._container: Any = av.open(str(temporary), "w")
        except OSError as exc:
            self._stack.__exit__(type(exc), exc, exc.__traceback__)
            raise output_error(path, exc) from exc
        self._video: Any = self._container.add_stream("libx264", rate=rate)
        self._video.width, self._video.height = size
        self._video.pix_fmt = "yuv420p"
        self._video.options = {"crf": "20", **X264}
        if self._samples is not None:
            self._sound: Any = self._container.add_stream(
                "aac", rate=self._sound_rate, layout="mono"
            )

    def write(self, picture: np.ndarray) -> None:
        """Add one picture ``[shape=(height, width, 3), dtype=uint8]``."""
        import av

        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
        frame.pts = self._count
        frame.time_base = 1 / self._rate
        self._count += 1
        for packet in self._video.encode(frame):
            self._container.mux(packet)

    def close(self, *, discard: bool = False) -> None:
        """Finish the movie, or drop it."""
        import av

        try:
            if not discard:
                for packet in self._video.encode():
                    self._container.mux(packet)
                if self._samples is not None:
                    length = int(self._count / self._rate * self._sound_rate)
                    samples = np.zeros(length, np.float32)
                    cut = self._samples[:length]
                    samples[: len(cut)] = cut
                    for start in range(0, length, 1024):
                        piece = av.AudioFrame.from_ndarray(
                            samples[None, start : start + 1024], format="fltp", layout="mono"
                        )
                        piece.sample_rate = self._sound_rate
                        piece.pts = start
                        for packet in self._sound.encode(piece):
                            self._container.mux(packet)
                    for packet in self._sound.encode():
                        self._container.mux(packet)
            self._container.close()
        except OSError as exc:
            self._drop()
            raise output_error(self._path, exc) from exc
        except BaseException:
            self._drop()
            raise
        if discard:
            self._drop()
        else:
            self._stack.close()

    def _drop(self) -> None:
        """Leave nothing behind."""
        with suppress(BaseException):
            error = RuntimeError("dropped")
            self._stack.__exit__(RuntimeError, error, None)
