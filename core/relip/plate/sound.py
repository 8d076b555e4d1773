"""A sound file as a stream of samples, for laying under a movie."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np

from relip.errors import AudioError, PlateError
from relip.plate.movie_container import open_container

#: Rates AAC can have, in Hz (ISO/IEC 14496-3, table 1.18).
AAC_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000)

#: Channel layouts that libav's AAC encoder has, by libav's names (each was tried).
AAC_LAYOUTS = (
    "mono", "stereo", "2.1", "3.0", "3.0(back)", "3.1", "4.0", "quad", "quad(side)", "4.1", "5.0",
    "5.0(side)", "5.1", "5.1(side)", "6.0", "6.0(front)", "hexagonal", "6.1", "6.1(back)",
    "6.1(front)", "7.0", "7.0(front)", "7.1", "7.1(wide)", "octagonal", "hexadecagonal",
)  # fmt: skip

_LAYOUTS = {1: "mono", 2: "stereo", 3: "3.0", 4: "quad", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}

#: What samples are converted to before they are read. Interleaved: PyAV knows the first eight
#: planes of a frame only, and reads past them when there are more channels.
SAMPLES = "flt"


def channels_of(frame: av.AudioFrame) -> np.ndarray:
    """The samples of an interleaved frame (:data:`SAMPLES`), (channels, n) float32."""
    interleaved = frame.to_ndarray().reshape(-1, len(frame.layout.channels))
    return np.ascontiguousarray(interleaved.T)


class Sound:
    """The first sound stream of a file, decoded as it is asked for.

    Parameters
    ----------
    path : str or Path

    Raises
    ------
    AudioError
        If there is no sound in it.

    Attributes
    ----------
    rate : int
        Samples per second.
    channels : int
    layout : str
        libav's name of the channel layout.
    deep : bool
        True when samples have more than 16 bits.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = str(path)
        try:
            self._container: Any = open_container(self.path)
        except PlateError as error:
            raise AudioError(
                error.message.replace("is not a movie", "is not a sound file"),
                mend="give a WAV, FLAC, MP3 or AAC file",
            ) from None
        streams = [s for s in self._container.streams.audio if s.codec_context is not None]
        if not streams:
            known = (
                "no sound in it" if not self._container.streams.audio else "sound of no known codec"
            )
            self.close()
            raise AudioError(f"{self.path} has {known}", mend="give a WAV, FLAC, MP3 or AAC file")
        self._stream = streams[0]
        self.rate = int(self._stream.rate or 0)
        self.channels = int(self._stream.channels)
        if not self.rate or not self.channels:
            self.close()
            raise AudioError(f"{self.path}: its sound has no rate or no channels")
        self.layout = str(self._stream.layout.name)
        if self.layout.endswith("channels") or "channels" in self.layout:
            self.layout = _LAYOUTS.get(self.channels, self.layout)
        name = self._stream.codec.name
        self.deep = name.startswith(("pcm_s24", "pcm_s32", "pcm_f", "flac", "alac"))

    def blocks(self, rate: int) -> Iterator[np.ndarray]:
        """All samples at ``rate``, as (channels, n) float32 blocks.

        What cannot be decoded is left out.
        """
        # the layout stays the file's: another with as many channels would mix them
        resampler = av.AudioResampler(format=SAMPLES, rate=rate)
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
                if packet is None:
                    break
                frames = packet.decode()
            except av.EOFError:
                break
            except (av.FFmpegError, ValueError):
                continue
            for frame in frames:
                for part in resampler.resample(frame):
                    yield channels_of(part)
        for part in resampler.resample(None):
            yield channels_of(part)

    def close(self) -> None:
        """Let go of the file."""
        self._container.close()


class Track:
    """Sound of exactly the length asked for: cut, or followed by silence.

    Parameters
    ----------
    sound : Sound
    rate : int
        Samples per second to give.
    offset : float
        Seconds of silence before it begins; negative: seconds of it to skip.
    """

    def __init__(self, sound: Sound, rate: int, offset: float = 0.0) -> None:
        self._sound = sound
        self._blocks: Iterator[np.ndarray] | None = sound.blocks(rate)
        lead = round(offset * rate)
        self._left = np.zeros((sound.channels, max(lead, 0)), np.float32)
        while lead < 0:
            skipped = self.take(min(-lead, 1 << 15)).shape[1]
            lead += skipped

    def take(self, count: int) -> np.ndarray:
        """The next ``count`` samples, (channels, count) float32."""
        parts, have = [self._left], self._left.shape[1]
        while have < count and self._blocks is not None:
            block = next(self._blocks, None)
            if block is None:
                self._blocks = None
                break
            parts.append(block)
            have += block.shape[1]
        if have < count:
            parts.append(np.zeros((self._sound.channels, count - have), np.float32))
        whole = np.concatenate(parts, axis=1)
        self._left = whole[:, count:]
        return np.ascontiguousarray(whole[:, :count])
