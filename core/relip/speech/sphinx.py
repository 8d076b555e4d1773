"""PocketSphinx: the one place that talks to the recogniser.

Every pass hears the whole piece at once, so that cepstral means do not drift.
``compallsen`` makes it score every senone on every frame: scores of different
passes can then be compared, and beams as wide as 1e-48 suffice where the
default scoring needed 1e-200.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from relip.errors import ModelError
from relip.speech.alignment import ARPABET

#: Frames per second of the recogniser.
FRAME_RATE = 100

#: A frame's window is 25.6 ms long; added to every boundary so that it lies at the window's middle.
BOUNDARY_SHIFT = 0.010

#: The beams tried one after the other for forced alignment.
BEAMS = (1e-48, 1e-100, 1e-200)

#: PocketSphinx prints scores as probabilities of base-1.0001 logarithms shifted down by 10 bits;
#: this turns the natural logarithm of such a score into nats.
_NATS = 1024.0

#: Natural logarithm of one step of the language models' scores.
_LOG_STEP = math.log(1.0001)
#: Natural logarithm of the chance of a noise between two phones.
_NO_LINK = -12.0


class Segment(NamedTuple):
    """A word or phone found by the recogniser: frames, last one excluded, and its score in nats."""

    label: str
    start: int
    end: int
    score: float


class Sphinx:
    """The US English acoustic model, dictionary and language models of PocketSphinx's wheel.

    Decoders are made when first needed and kept; an instance serves one job
    and is not for several threads at once.
    """

    def __init__(self) -> None:
        try:
            import pocketsphinx
        except ImportError as error:
            raise ModelError(
                f"PocketSphinx cannot be loaded: {error}", mend="pip install pocketsphinx"
            ) from None
        self._ps = pocketsphinx
        self._decoders: dict[str, Any] = {}

    def align(self, pcm: bytes, words: list[str], beam: float) -> list[Segment] | None:
        """Times of given words; None when the beam loses the path.

        Parameters
        ----------
        pcm : bytes
            16-bit mono at 16 kHz, from :func:`to_pcm`.
        words : list of str
            Each in the dictionary or added by :meth:`add_word`.
        beam : float

        Returns
        -------
        list of Segment or None
            Words and ``""`` for silence, with scores.
        """
        decoder = self._aligner(beam)
        decoder.set_align_text(" ".join(words))
        return self._pass(decoder, pcm)

    def phones(self, pcm: bytes, beam: float) -> list[tuple[Segment, list[Segment]]] | None:
        """Phones of the words just aligned with the same beam: a second pass over the same sound.

        Returns
        -------
        list of (Segment, list of Segment) or None
            Each word (``""`` for silence) with its phones.
        """
        decoder = self._aligner(beam)
        decoder.set_alignment()
        self._hear(decoder, pcm)
        alignment = decoder.get_alignment()
        if alignment is None:
            return None
        found = []
        for word in alignment:
            parts = [
                Segment(_phone(p.name), p.start, p.start + p.duration, float(p.score)) for p in word
            ]
            label = _word(word.name)
            found.append(
                (Segment(label, word.start, word.start + word.duration, float(word.score)), parts)
            )
        return found

    def phone_loop(self, pcm: bytes) -> list[Segment]:
        """The likeliest phones when any may follow any: what the sound is like without words."""
        decoder = self._decoder(
            "loop",
            lm=None,
            allphone=self._ps.get_model_path("en-us/en-us-phone.lm.bin"),
            allphone_ci=True,
            lw=1.5,
            beam=1e-20,
            pbeam=1e-20,
            compallsen=True,
        )
        found = self._pass(decoder, pcm) or []
        return [Segment(_phone(s.label), s.start, s.end, s.score) for s in found]

    def phone_links(self, phones: Sequence[str]) -> np.ndarray:
        """How often a phone follows another in English: the phone loop's language model.

        Parameters
        ----------
        phones : sequence of str
            Of the acoustic model; its noises follow nothing.

        Returns
        -------
        ndarray, shape (P, P)
            Natural logarithms of the chance that the column's phone follows the row's.
        """
        model = self._ps.NGramModel.readfile(self._ps.get_model_path("en-us/en-us-phone.lm.bin"))
        links = np.full((len(phones), len(phones)), _NO_LINK)
        for row, before in enumerate(phones):
            for column, after in enumerate(phones):
                if not (before.startswith("+") or after.startswith("+")):
                    links[row, column] = model.prob([after, before]) * _LOG_STEP
        return links

    def recognise(self, pcm: bytes) -> list[str]:
        """The likeliest words of English.

        One pass without the flat and the lattice search: as many words right, in less time.
        """
        decoder = self._decoder("words", fwdflat=False, bestpath=False)
        return [s.label for s in self._pass(decoder, pcm) or [] if s.label]

    def add_word(self, word: str, phones: list[str]) -> None:
        """Add a pronunciation to every aligner."""
        for beam in BEAMS:
            decoder = self._aligner(beam)
            if decoder.lookup_word(word) is None:
                decoder.add_word(word, " ".join(phones), True)

    def _aligner(self, beam: float) -> Any:
        return self._decoder(
            f"align {beam:g}",
            lm=None,
            bestpath=False,
            beam=beam,
            pbeam=beam,
            wbeam=max(beam, 1e-150),
            compallsen=True,
        )

    def _decoder(self, name: str, **settings: Any) -> Any:
        if name not in self._decoders:
            try:
                self._decoders[name] = self._ps.Decoder(
                    self._ps.Config(loglevel="FATAL", **settings)
                )
            except (RuntimeError, ValueError, KeyError) as error:
                raise ModelError(
                    f"PocketSphinx's English model cannot be loaded: {error}",
                    mend="install pocketsphinx 5.0 or newer again",
                ) from None
        return self._decoders[name]

    def _pass(self, decoder: Any, pcm: bytes) -> list[Segment] | None:
        self._hear(decoder, pcm)
        if decoder.hyp() is None:
            return None
        return [
            Segment(
                _word(s.word),
                s.start_frame,
                s.end_frame + 1,
                math.log(max(s.ascore, 1e-300)) * _NATS,
            )
            for s in decoder.seg()
        ]

    @staticmethod
    def _hear(decoder: Any, pcm: bytes) -> None:
        decoder.start_utt()
        decoder.process_raw(pcm, full_utt=True)
        decoder.end_utt()


def to_pcm(samples: np.ndarray) -> bytes:
    """Float samples to 16-bit with the peak at half of full scale."""
    peak = float(np.abs(samples).max()) if len(samples) else 0.0
    scaled = samples * (0.5 * 32767 / peak) if peak > 0 else samples
    return np.round(scaled).astype("<i2").tobytes()


def _word(name: str) -> str:
    if name.startswith(("<", "[", "+")) or name in ("SIL", "(NULL)"):
        return ""
    return name.split("(")[0]


def _phone(name: str) -> str:
    return name if name in ARPABET else ""
