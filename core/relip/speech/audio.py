"""Reading the dialogue: any sound file or movie to 16 kHz mono."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from relip.errors import AudioError

#: Samples per second the aligner works at.
RATE = 16000

#: A recording whose highest peak lies below this is silent, in dB below full scale.
SILENCE_DBFS = -55.0

#: A longer dialogue is refused while it is read, before memory runs out.
MAX_SECONDS = 4 * 3600

#: A hole in the sound stream of a movie longer than this is filled with silence, seconds.
_GAP = 0.1


@dataclass(frozen=True)
class Audio:
    """The dialogue as the aligner hears it.

    Attributes
    ----------
    samples : ndarray, shape (n,), float32
        Mono, -1 to 1.
    rate : int
        Samples per second, always 16000.
    duration : float
        Seconds.
    source_rate, source_channels : int
        What the file holds.
    """

    samples: np.ndarray
    rate: int
    duration: float
    source_rate: int
    source_channels: int


def audio_file(path: Path, what: str = "the dialogue") -> Path:
    """A path that is a file's.

    Raises
    ------
    AudioError
        If it is not there, or a folder's.
    """
    if path.is_file():
        return path
    raise AudioError(
        f"{what} {path} {'is a folder' if path.is_dir() else 'does not exist'}",
        mend="give a sound file or a movie",
    )


def load_audio(path: str | Path) -> Audio:
    """Read a sound file, or the first sound stream of a movie, as 16 kHz mono.

    Time 0 is the start of the file; a sound stream that begins later than its
    movie is padded with silence.

    Parameters
    ----------
    path : path
        Anything FFmpeg reads: wav, flac, mp3, m4a, ogg, mov, mp4 ...

    Returns
    -------
    Audio

    Raises
    ------
    AudioError
        If the file is missing, unreadable, has no sound, lasts 0 s, or holds
        samples that are not numbers.
    """
    path = audio_file(Path(path))
    mixer = _Mixer()
    found = _read(path, mixer)
    only = mixer.loudest_of_cancelled()
    return found if only is None else _read(path, _Mixer(only))


class _Mixer:
    """Channels to one: their mean, which is never louder than the loudest, so that nothing clips.

    Parameters
    ----------
    only : int, optional
        The channel to take alone instead.
    """

    #: Power of the mean below this share of what one channel alone would leave in it.
    CANCELLED = 0.05

    def __init__(self, only: int | None = None) -> None:
        self._only = only
        self._power = np.zeros(1)
        self._mean_power = 0.0

    def __call__(self, frame: object) -> np.ndarray:
        """The samples of a frame as one channel."""
        from relip.plate.sound import channels_of

        channels = channels_of(frame)  # type: ignore[arg-type]
        if self._only is not None:
            return channels[self._only]
        mean: np.ndarray = channels.mean(axis=0, dtype=np.float32)
        self._power = self._power + np.square(channels, dtype=np.float64).sum(1)
        self._mean_power += float(np.square(mean, dtype=np.float64).sum())
        return mean

    def loudest_of_cancelled(self) -> int | None:
        """The loudest channel, where the mean of all that was heard cancels the channels out.

        Two have opposite polarity where a balanced line was recorded as stereo.
        """
        count = len(self._power)
        alone = float(self._power.sum()) / count**2
        cancelled = count > 1 and self._mean_power < self.CANCELLED * alone
        return int(self._power.argmax()) if cancelled else None


def _read(path: Path, mixer: _Mixer) -> Audio:
    import av

    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise AudioError(f"{path} has no sound", mend="give a sound file")
            stream = container.streams.audio[0]
            if stream.codec_context is None:
                raise AudioError(
                    f"{path}: its sound is in a form that is not known", mend="give a WAV file"
                )
            source_rate = int(stream.rate or 0)
            source_channels = int(stream.channels or 0)
            pieces = []
            length = 0
            for piece in _decode(container, stream, mixer):
                length += len(piece)
                if length > MAX_SECONDS * RATE:
                    raise AudioError(
                        f"the dialogue {path} is longer than {MAX_SECONDS // 3600} hours",
                        mend="cut it to the shot",
                    )
                pieces.append(piece)
    except AudioError:
        raise
    except (av.FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise AudioError(
            f"cannot read the dialogue {path}: {reason}",
            mend="give a sound file (wav, flac, mp3, m4a ...) or a movie with sound",
        ) from None
    samples = np.concatenate(pieces) if pieces else np.zeros(0, np.float32)
    if len(samples) < RATE // 100:
        raise AudioError(f"the dialogue {path} is 0 s long", mend="give one with speech in it")
    if not np.isfinite(samples).all():
        raise AudioError(
            f"the dialogue {path} holds samples that are not numbers", mend="export it again"
        )
    return Audio(samples, RATE, len(samples) / RATE, source_rate, source_channels)


def _decode(container: object, stream: object, mixer: _Mixer) -> Iterator[np.ndarray]:
    import av

    from relip.plate.sound import SAMPLES

    resampler = av.AudioResampler(format=SAMPLES, rate=RATE)
    start = (container.start_time or 0) / av.time_base  # type: ignore[attr-defined]
    written = 0  # samples at 16 kHz handed out, silence included
    heard = 0.0  # seconds of the stream decoded, holes filled
    for frame in container.decode(stream):  # type: ignore[attr-defined]
        if frame.pts is not None and frame.time_base is not None:
            hole = float(frame.pts * frame.time_base) - start - heard
            if hole > _GAP:
                for out in resampler.resample(None):
                    yield mixer(out)
                    written += out.samples
                resampler = av.AudioResampler(format=SAMPLES, rate=RATE)
                count = round((heard + hole) * RATE) - written
                if count > MAX_SECONDS * RATE:
                    raise AudioError(f"the dialogue has a hole of {hole:.0f} s in it")
                if count > 0:
                    yield np.zeros(count, np.float32)
                    written += count
                heard += hole
        heard += frame.samples / frame.sample_rate
        frame.pts = None
        for out in resampler.resample(frame):
            yield mixer(out)
            written += out.samples
    if heard:
        for out in resampler.resample(None):
            yield mixer(out)


def peak_dbfs(audio: Audio) -> float:
    """Highest peak in dB below full scale; ``-inf`` for digital silence."""
    peak = max(float(audio.samples.max()), -float(audio.samples.min()))
    return 20 * float(np.log10(peak)) if peak > 0 else float("-inf")


def is_silent(audio: Audio) -> bool:
    """Whether the highest peak lies below :data:`SILENCE_DBFS`."""
    return peak_dbfs(audio) < SILENCE_DBFS
