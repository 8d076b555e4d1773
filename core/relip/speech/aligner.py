"""From sound and words to the time of every phone.

A ladder, whose step is recorded: forced alignment with wider and wider beams;
the same on the sound stretched by 1.3, for speech too fast for the model; the
recording split at its pauses, its words recognised and the transcript laid on
them, so that each piece is aligned alone. Without a transcript the words are
recognised and then aligned, or only phones are recognised.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from relip.errors import AudioError, TranscriptError
from relip.progress import Progress
from relip.speech.activity import STEP, active, cuts, levels, runs, threshold
from relip.speech.alignment import Alignment, Interval, fill
from relip.speech.audio import SILENCE_DBFS, Audio, is_silent
from relip.speech.confidence import DOUBTFUL, mismatch_limit, overall, word_confidences
from relip.speech.letters import pronounce
from relip.speech.match import match_words
from relip.speech.sphinx import BEAMS, BOUNDARY_SHIFT, FRAME_RATE, Segment, Sphinx, to_pcm
from relip.speech.transcript import normalise

#: Longer recordings are split before they are aligned: the aligner's memory grows with
#: the square of the length. Seconds.
WHOLE = 40.0

#: Longest piece of a split recording, seconds.
PIECE = 20.0

#: The factor by which sound is slowed down on the stretch rung.
STRETCH = 1.3

#: Share of a piece's frames that the phone loop must take for speech to look for words in it.
_SPEECH_SHARE = 0.08

#: Share of the transcript's words that recognition must find to take it for the right one.
_FOUND = 0.3


#: Fewer phones than this per second of sound are no speech.
_PHONES_PER_SECOND = 2.5


class _Piece(NamedTuple):
    """A part of the recording, aligned: times are seconds of the whole recording."""

    words: list[Interval]
    phones: list[Interval]
    confidences: list[float]
    total: float
    frames: int
    rung: str


def align(
    audio: Audio,
    *,
    text: str | None = None,
    lang: str = "en",
    progress: Progress | None = None,
) -> Alignment:
    """Find the words and phones of the dialogue.

    Parameters
    ----------
    audio : Audio
    text : str, optional
        What is said. Without it words are recognised and the result is a draft.
    lang : str
        ``en`` (or ``en-US``...). For other languages phones are recognised
        with the English model and the result is a draft, with a warning.
    progress : Progress, optional

    Returns
    -------
    Alignment

    Raises
    ------
    AudioError
        If the recording is silent, or holds no speech, though there is a transcript.
    TranscriptError
        If the transcript holds no words or does not match; the message names
        the words that fit worst.
    ModelError
        If PocketSphinx or its model is missing.
    """
    progress = progress or Progress()
    english = lang.lower().replace("_", "-").split("-")[0] in ("en", "eng", "english")
    words = normalise(text) if text is not None and english else None
    if is_silent(audio):
        if text is not None and text.strip():
            raise AudioError(
                f"the dialogue is silent (its peak lies below {SILENCE_DBFS:g} dBFS) "
                "but the transcript has words",
                mend="give the recording of these words",
            )
        return _rest(audio, ())
    job = _Job(audio, progress)
    if words is not None:
        return job.with_words(words)
    warnings: tuple[str, ...] = ()
    if not english:
        warnings = (
            f"language {lang!r}: phones are recognised with the English model"
            + ("; the transcript is not used" if text and text.strip() else "")
            + "; correct phones.TextGrid where lips matter",
        )
    return job.without_words(words_wanted=english, warnings=warnings)


def _rest(audio: Audio, warnings: tuple[str, ...]) -> Alignment:
    rest = (Interval(0.0, audio.duration, ""),)
    return Alignment(rest, rest, audio.duration, "silence", "silence", warnings=warnings)


class _Job:
    """One recording and what is known about it."""

    def __init__(self, audio: Audio, progress: Progress) -> None:
        self.audio = audio
        self.progress = progress
        self.sphinx = Sphinx()
        self.level = levels(audio.samples, audio.rate)
        self.limit = threshold(self.level)
        self.active = active(self.level, self.limit)
        self.mismatch = mismatch_limit(self.level)
        self.heard: dict[tuple[int, int], list[str]] = {}

    # With a transcript

    def with_words(self, words: list[str]) -> Alignment:
        guessed = self._learn(words)
        if self.audio.duration <= WHOLE:
            self.progress.start("speech", 1)
            end = len(self.level)
            if not _speech_share(self.sphinx.phone_loop(to_pcm(self.audio.samples))):
                raise self._no_speech()
            piece = self._force(words, 0, end) or self._force(words, 0, end, STRETCH)
            pieces = [piece] if piece and not self._mismatch([piece]) else None
            if pieces is None and piece is not None and not self._worth_splitting(words):
                raise self._refusal(words, [piece])
            pieces = pieces or self._split(words, piece)
            self.progress.step()
        else:
            pieces = self._split(words, None)
        self.progress.finish()
        if self._mismatch(pieces):
            raise self._refusal(words, pieces)
        result = self._join(pieces, "align", False)
        warnings = []
        if guessed:
            told = ", ".join(f"{w} ({' '.join(p)})" for w, p in guessed.items())
            warnings.append(f"not in the dictionary, pronunciation guessed: {told}")
        named = [w.label for w in result.words if w.label]
        doubtful = [
            f"{w!r}" for w, c in zip(named, result.word_confidences, strict=True) if c < DOUBTFUL
        ]
        if doubtful:
            warnings.append(f"these words fit the recording badly: {', '.join(doubtful[:12])}")
        return _with_warnings(result, warnings)

    def _learn(self, words: Iterable[str]) -> dict[str, list[str]]:
        guessed: dict[str, list[str]] = {}
        for word in dict.fromkeys(words):
            if not self.sphinx.knows(word):
                guessed[word] = self._guess(word)
                self.sphinx.add_word(word, guessed[word])
        return guessed

    def _guess(self, word: str) -> list[str]:
        stem, mark, ending = word.rpartition("'")
        if mark and ending == "s":
            return [*pronounce(stem), "Z"]
        return pronounce(word)

    def _force(self, words: list[str], start: int, end: int, stretch: float = 1.0) -> _Piece | None:
        """Align words with the frames start to end; None when every beam loses them."""
        samples = self._samples(start, end)
        if stretch != 1.0:
            import librosa

            samples = librosa.effects.time_stretch(samples, rate=1 / stretch)
        pcm = to_pcm(samples)
        for beam in BEAMS:
            first = self.sphinx.align(pcm, words, beam)
            if first is None or [s.label for s in first if s.label] != words:
                continue
            second = self.sphinx.phones(pcm, beam)
            if second is None:
                continue
            loop = self.sphinx.phone_loop(pcm)
            if not loop:
                continue
            total, frames = overall(first, loop)
            name = f"beam {beam:g}" + (f", stretched {stretch:g}" if stretch != 1.0 else "")
            spoken, phones = self._times(second, start, stretch)
            return _Piece(spoken, phones, word_confidences(first, loop), total, frames, name)
        return None

    def _times(
        self, found: list[tuple[Segment, list[Segment]]], start: int, stretch: float
    ) -> tuple[list[Interval], list[Interval]]:
        words: list[Interval] = []
        phones: list[Interval] = []
        for word, parts in found:
            if not word.label:
                continue
            inside = [self._interval(p, start, stretch) for p in parts if p.label]
            words.append(Interval(inside[0].start, inside[-1].end, word.label))
            phones += inside
        return words, phones

    def _interval(self, segment: Segment, start: int, stretch: float = 1.0) -> Interval:
        low = start * STEP + (segment.start / FRAME_RATE + BOUNDARY_SHIFT) / stretch
        high = start * STEP + (segment.end / FRAME_RATE + BOUNDARY_SHIFT) / stretch
        return Interval(low, min(high, self.audio.duration), segment.label)

    def _samples(self, start: int, end: int) -> np.ndarray:
        hop = round(self.audio.rate * STEP)
        return self.audio.samples[start * hop : end * hop]

    def _worth_splitting(self, words: list[str]) -> bool:
        """Whether recognition finds enough of the words: a bad start may have spoiled the whole."""
        heard = [w for s, e in self._pieces() for w in self._recognised(s, e)]
        return _found(heard, words) >= _FOUND

    def _pieces(self, longest: float = PIECE) -> list[tuple[int, int]]:
        edges = cuts(self.level, longest)
        return list(zip(edges[:-1], edges[1:], strict=True))

    def _recognised(self, start: int, end: int) -> list[str]:
        if not self.active[start:end].any():
            return []
        if (start, end) not in self.heard:
            self.heard[start, end] = self.sphinx.recognise(to_pcm(self._samples(start, end)))
        return self.heard[start, end]

    def _split(self, words: list[str], whole: _Piece | None) -> list[_Piece]:
        """Lay the transcript on recognised words, and align each piece with its share of it."""
        longest = PIECE if self.audio.duration > WHOLE else max(self.audio.duration / 3, 2.0)
        spans = self._pieces(longest)
        if self.audio.duration > WHOLE:
            self.progress.start("speech", 2 * len(spans))
        heard = []
        for start, end in spans:
            heard.append(self._recognised(start, end))
            if self.audio.duration > WHOLE:
                self.progress.step()
        everything = [w for h in heard for w in h]
        if _found(everything, words) < _FOUND:
            raise self._refusal(words, [whole] if whole else [])
        pieces: list[_Piece] = []
        for start, end, part in _share(spans, heard, words):
            piece = (
                self._force(part, start, end) or self._force(part, start, end, STRETCH)
                if part
                else _Piece([], [], [], 0.0, 0, "pause")
            )
            if piece is None:
                raise TranscriptError(
                    f"the transcript does not match the dialogue between {start * STEP:.1f} s "
                    f"and {end * STEP:.1f} s: {' '.join(part)[:160]!r}",
                    mend="correct the transcript, or give none to have the words recognised",
                )
            pieces.append(piece._replace(rung=f"split at pauses, {piece.rung}"))
            if self.audio.duration > WHOLE:
                self.progress.step()
        return pieces

    def _mismatch(self, pieces: list[_Piece]) -> bool:
        frames = sum(p.frames for p in pieces)
        return frames == 0 or sum(p.total for p in pieces) / frames < self.mismatch

    @staticmethod
    def _no_speech() -> AudioError:
        return AudioError(
            "the dialogue holds no speech but the transcript has words",
            mend="give the recording of these words",
        )

    def _refusal(self, words: list[str], pieces: list[_Piece]) -> Exception:
        loop = self.sphinx.phone_loop(to_pcm(self._samples(0, min(len(self.level), 6000))))
        if not _speech_share(loop):
            return self._no_speech()
        scored = [(c, w.label) for p in pieces for c, w in zip(p.confidences, p.words, strict=True)]
        worst = [w for _, w in sorted(scored)[:5]]
        heard: list[str] = []
        if not worst:
            heard = [w for s, e in self._pieces()[:3] for w in self._recognised(s, e)]
            known = set(heard)
            worst = [w for w in dict.fromkeys(words) if w not in known][:5]
        named = ", ".join(repr(w) for w in worst) or "all of them"
        told = f"; heard was rather {' '.join(heard[:12])!r}" if heard else ""
        return TranscriptError(
            f"the transcript does not match the dialogue; worst words: {named}{told}",
            mend="give the words that are said, or no transcript to have them recognised",
        )

    # Without a transcript

    def without_words(self, *, words_wanted: bool, warnings: tuple[str, ...]) -> Alignment:
        spans = self._pieces()
        self.progress.start("speech", len(spans))
        pieces = []
        for start, end in spans:
            pieces.append(self._hear(start, end, words_wanted))
            self.progress.step()
        self.progress.finish()
        if not any(p.phones for p in pieces):
            return _rest(self.audio, (*warnings, "no speech was found in the dialogue"))
        result = self._join([p for p in pieces if p.phones], "recognise", True)
        return _with_warnings(result, list(warnings))

    def _hear(self, start: int, end: int, words_wanted: bool) -> _Piece:
        nothing = _Piece([], [], [], 0.0, 0, "pause")
        if not self.active[start:end].any():
            return nothing
        pcm = to_pcm(self._samples(start, end))
        loop = self.sphinx.phone_loop(pcm)
        if not _speech_share(loop):
            return nothing
        if words_wanted:
            words = self._recognised(start, end)
            piece = self._force(words, start, end) if words else None
            if piece is not None and not self._articulated(piece.phones, start, end):
                return nothing
            if piece is not None and piece.frames and piece.total / piece.frames > self.mismatch:
                return piece._replace(rung=f"words, {piece.rung}")
        phones = [self._interval(p, start) for p in loop if p.label]
        phones = [p for p in phones if self._is_active(p)]
        if not self._articulated(phones, start, end):
            return nothing
        return _Piece([], phones, [], 0.0, 0, "phones")

    def _articulated(self, phones: list[Interval], start: int, end: int) -> bool:
        """Whether there are enough phones for the sound's length: hum and held chords have few."""
        return len(phones) >= _PHONES_PER_SECOND * STEP * int(self.active[start:end].sum())

    def _is_active(self, interval: Interval) -> bool:
        first, last = int(interval.start / STEP), int(np.ceil(interval.end / STEP))
        return bool(self.active[first:last].any())

    # Both

    def _join(self, pieces: list[_Piece], method: str, draft: bool) -> Alignment:
        words = [w for p in pieces for w in p.words]
        phones = self._trim([q for p in pieces for q in p.phones])
        frames = sum(p.frames for p in pieces)
        return Alignment(
            words=fill(_fit(words, phones), self.audio.duration),
            phones=fill(phones, self.audio.duration),
            duration=self.audio.duration,
            method=method,
            rung="; ".join(dict.fromkeys(p.rung for p in pieces if p.rung != "pause")),
            draft=draft,
            confidence=sum(p.total for p in pieces) / frames if frames else None,
            word_confidences=tuple(c for p in pieces for c in p.confidences),
        )

    def _trim(self, phones: list[Interval]) -> list[Interval]:
        """Take pauses out of the phones beside them: the aligner likes to stretch these over.

        Where a phone holds more than 0.08 s without sound at its end or its
        start, it keeps 0.04 s of it.
        """
        quiet = [(s * STEP, e * STEP) for s, e in runs(self.active, False)]
        out = []
        for start, end, label in phones:
            for low, high in quiet:
                if low <= start + 0.02 and high - start > 0.08 and high < end - 0.03:
                    start = high - 0.04
                elif high >= end - 0.02 and end - low > 0.08 and low > start + 0.03:
                    end = low + 0.04
            out.append(Interval(start, end, label))
        return out


def _fit(words: list[Interval], phones: list[Interval]) -> list[Interval]:
    """Words from the first to the last of their phones, after these were trimmed."""
    starts = np.array([p.start for p in phones])
    ends = np.array([p.end for p in phones])
    out = []
    for start, end, label in words:
        inside = np.flatnonzero((starts >= start - 1e-6) & (ends <= end + 1e-6))
        if len(inside):
            start, end = float(starts[inside[0]]), float(ends[inside[-1]])
        out.append(Interval(start, end, label))
    return out


def _with_warnings(alignment: Alignment, warnings: list[str]) -> Alignment:
    from dataclasses import replace

    return replace(alignment, warnings=alignment.warnings + tuple(warnings))


def _speech_share(loop: list[Segment]) -> bool:
    frames = sum(s.end - s.start for s in loop)
    speech = sum(s.end - s.start for s in loop if s.label)
    return frames > 0 and speech >= _SPEECH_SHARE * frames


def _found(heard: list[str], words: list[str]) -> float:
    return float((match_words(heard, words) >= 0).sum()) / max(len(words), 1)


def _share(
    spans: list[tuple[int, int]], heard: list[list[str]], words: list[str]
) -> list[tuple[int, int, list[str]]]:
    """Give each piece of sound its words.

    Pieces whose common edge falls between two words that recognition found
    next to each other are parted there; where the edge is doubtful the pieces
    are joined, so that the aligner decides, up to :data:`WHOLE` seconds.
    """
    flat = [w for h in heard for w in h]
    match = match_words(flat, words)
    out: list[tuple[int, int, list[str]]] = []
    begin, taken, seen = spans[0][0], 0, 0
    for index, (_, end) in enumerate(spans):
        seen += len(heard[index])
        if index == len(spans) - 1:
            out.append((begin, end, words[taken:]))
            break
        before = [int(m) for m in match[:seen] if m >= 0]
        after = [int(m) for m in match[seen:] if m >= 0]
        low = max(before[-1] + 1 if before else 0, taken)
        high = max(after[0] if after else len(words), low)
        too_long = (spans[index + 1][1] - begin) * STEP > WHOLE
        if low != high and not too_long:
            continue
        if low != high:
            # Words that recognition missed: share them as their neighbours' counts suggest.
            left = seen - 1 - max((i for i in range(seen) if match[i] >= 0), default=-1)
            right = next((i for i in range(len(flat) - seen) if match[seen + i] >= 0), 0)
            low += round((high - low) * (left + 0.5) / (left + right + 1))
        out.append((begin, end, words[taken:low]))
        begin, taken = end, low
    return out
