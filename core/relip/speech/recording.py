"""A recording, and what is heard of it before any words are laid on it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from relip.speech.acoustics import Heard, acoustic_model
from relip.speech.activity import (
    MUSIC,
    STEP,
    active,
    cuts,
    levels,
    near,
    steady_tones,
    threshold,
    without_rumble,
)
from relip.speech.audio import Audio
from relip.speech.confidence import mismatch_limit
from relip.speech.features import features
from relip.speech.lattice import phone_loop
from relip.speech.pronunciation import Language
from relip.speech.sphinx import Sphinx, to_pcm

#: The mean of the cepstra is that of the speech and of so much before and after it, seconds. A
#: recording that begins or ends closer to its speech gets that much silence there in English, so
#: that it is heard as it would be with more around it; in languages whose sounds the model only
#: resembles nothing is won by that (``bench/speech.py``: ar and cs lose a closure).
NEAR = 0.3

#: Longest piece of a recording whose words are recognised, seconds.
PIECE = 20.0

#: Share of a piece's frames that the phone loop must take for speech to look for words in it.
_SPEECH_SHARE = 0.08


class Recording:
    """A recording, and what is heard of it as a whole.

    Parameters
    ----------
    audio : Audio
    language : Language

    Attributes
    ----------
    level : ndarray
        dB of each frame of 10 ms.
    limit : float
        Level from which on a frame is loud enough for speech.
    active : ndarray of bool
        Which frames are.
    mismatch : float
        Score below which words are not what is said, see
        :func:`relip.speech.confidence.mismatch_limit`.
    """

    def __init__(self, audio: Audio, language: Language) -> None:
        audio = replace(audio, samples=without_rumble(audio.samples, audio.rate))
        self.audio = audio
        self.language = language
        self.model = acoustic_model()
        self._sphinx: Sphinx | None = None
        self.level = levels(audio.samples, audio.rate)
        self.limit = threshold(self.level)
        self.active = active(self.level, self.limit)
        self.mismatch = mismatch_limit(self.level, native=self.native)
        self._words: dict[tuple[int, int], list[str]] = {}
        self._links: np.ndarray | None = None

    @property
    def native(self) -> bool:
        """Whether its language is the acoustic model's own."""
        return self.language.code == "en"

    @property
    def sphinx(self) -> Sphinx:
        """The recogniser, loaded when first needed."""
        if self._sphinx is None:
            self._sphinx = Sphinx()
        return self._sphinx

    def samples(self, start: int, end: int) -> np.ndarray:
        """The sound of the frames start to end."""
        hop = round(self.audio.rate * STEP)
        return self.audio.samples[start * hop : end * hop]

    def pieces(self, longest: float = PIECE) -> list[tuple[int, int]]:
        """Its frames in pieces of so many seconds at most, cut at pauses."""
        edges = cuts(self.level, longest)
        return list(zip(edges[:-1], edges[1:], strict=True))

    def heard(self, start: int, end: int) -> Heard:
        """What is heard of the frames start to end, a frame for each."""
        spoken = near(self.active[start:end], NEAR)
        return Heard(self.model, features(self.samples(start, end), 1, spoken=spoken))

    def loop(self, start: int, end: int) -> list[tuple[str, int, int]]:
        """The phones that are heard freely: label, and frames."""
        return phone_loop(self.heard(start, end)).phones

    def links(self) -> np.ndarray:
        """How phones follow each other, see :meth:`relip.speech.sphinx.Sphinx.phone_links`."""
        if self._links is None:
            self._links = self.sphinx.phone_links(self.model.phones)
        return self._links

    def recognised(self, start: int, end: int) -> list[str]:
        """The words that recognition finds in the frames start to end."""
        if not self.active[start:end].any():
            return []
        if (start, end) not in self._words:
            self._words[start, end] = self.sphinx.recognise(to_pcm(self.samples(start, end)))
        return self._words[start, end]

    def is_music(self, start: int, end: int) -> bool:
        """Whether the frames start to end are music."""
        return steady_tones(self.samples(start, end), self.audio.rate) > MUSIC

    def has_speech(self) -> bool:
        """Whether any 20 s of the recording sound like phones."""
        return any(
            self.active[s:e].any() and not self.is_music(s, e) and is_speech(self.loop(s, e))
            for s, e in self.pieces()
        )


def is_speech(loop: list[tuple[str, int, int]]) -> bool:
    """Whether the phones of a free loop are enough to be speech."""
    frames = sum(end - start for _, start, end in loop)
    speech = sum(end - start for label, start, end in loop if label)
    return frames > 0 and speech >= _SPEECH_SHARE * frames
