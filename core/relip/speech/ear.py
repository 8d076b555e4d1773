"""What the acoustic model hears of a part of the recording, with silence beyond its ends."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from relip.speech.acoustics import Heard
from relip.speech.activity import STEP, near
from relip.speech.features import PERIOD, features
from relip.speech.lattice import Loop, Path, Span, phone_loop
from relip.speech.recording import NEAR, Recording

#: Frames of the aligner per 10 ms.
STREAMS = 2

#: A frame this many dB above the level of speech costs as a pause so many nats for every dB more,
#: up to a number of dB: the hum of an m between two words is no pause.
LOUD, LOUD_PAUSE, LOUD_MOST = 8.0, 0.6, 20.0


class Ear(NamedTuple):
    """What is heard of a part of the recording, with frames of silence before and after it."""

    heard: Heard
    #: Nats that each fine frame costs as a pause.
    noisy: np.ndarray
    #: The first frame of 10 ms that is of the recording, and the one after its last.
    first: int
    last: int

    def holds(self, spans: list[Span]) -> bool:
        """Whether at least 10 ms of every sound lie in the recording."""
        low, high = self.first * STREAMS, self.last * STREAMS
        return all(min(s.end, high) - max(s.start, low) >= STREAMS for s in spans)

    def own(self, path: Path) -> Path:
        """The part of a path that is of the recording."""
        low, high = self.first * STREAMS, self.last * STREAMS
        spans = [
            s._replace(
                start=min(max(s.start, low), high) - low, end=max(min(s.end, high), low) - low
            )
            for s in path.spans
        ]
        return path._replace(spans=spans, score=path.score[low:high])

    def own_loop(self) -> Loop:
        """The free phones of the recording."""
        loop = phone_loop(self.heard)
        cut = [
            (p, max(s, self.first) - self.first, min(e, self.last) - self.first)
            for p, s, e in loop.phones
            if e > self.first and s < self.last
        ]
        return Loop(cut, loop.score[self.first : self.last])


def listen(recording: Recording, start: int, end: int, stretch: float, beyond: float = 0.0) -> Ear:
    """Hear the frames start to end, with seconds of silence beyond the recording's ends."""
    samples = recording.samples(start, end)
    if stretch != 1.0:
        import librosa

        # By default its windows are 2048 samples long, and it complains of shorter sound.
        size = 2048 if len(samples) >= 2048 else 512
        samples = librosa.effects.time_stretch(samples, rate=1 / stretch, n_fft=size)
    hop = round(recording.audio.rate * PERIOD)
    count = -(-len(samples) // hop)
    room = round(beyond * stretch / STEP)
    before, after = room * (start == 0), room * (end == len(recording.level))
    if room:
        filled = count * hop - len(samples) + after * hop
        samples = np.pad(samples, (before * hop, filled))
    at = np.minimum(np.arange(count) / stretch + start, end - 1).astype(int)
    spoken = near(np.pad(recording.active[at], (before, after)), NEAR * stretch)
    heard = Heard(recording.model, features(samples, STREAMS, spoken=spoken), STREAMS)
    noisy = LOUD_PAUSE * np.clip(recording.level[at] - recording.limit - LOUD, 0.0, LOUD_MOST)
    noisy = np.repeat(np.pad(noisy, (before, after)), STREAMS)[: len(heard)]
    return Ear(heard, noisy.astype(np.float32), before, before + count)
