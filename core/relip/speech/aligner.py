"""From sound and words to the time of every phone.

With a transcript its words are laid on the sound by an exact search
(:mod:`relip.speech.lattice`), long recordings in windows that end at pauses. A
ladder, whose step is recorded: as it is; on the sound slowed down by 1.3, for
speech too fast for the model; in English with the transcript laid on recognised
words, so that each piece is aligned alone. Words that fit neither clearly well
nor clearly badly must fit better than decoys (:mod:`relip.speech.decoys`).
Without a transcript the words are recognised and aligned, and are evidence of
the phones beside the sound itself (:mod:`relip.speech.posteriors`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from relip.errors import AudioError, TranscriptError
from relip.progress import Progress
from relip.speech.acoustics import Heard, acoustic_model
from relip.speech.activity import (
    MUSIC,
    STEP,
    active,
    cuts,
    levels,
    near,
    runs,
    steady_tones,
    threshold,
    without_rumble,
)
from relip.speech.alignment import Alignment, Interval, fill
from relip.speech.audio import SILENCE_DBFS, Audio, is_silent
from relip.speech.boundaries import (
    STOPS,
    as_people_do,
    begin_with_burst,
    begin_with_sound,
    close_stops,
    end_with_sound,
    hold_stops,
    let_go,
    refine,
    voice_after_stops,
)
from relip.speech.confidence import (
    AMBER,
    Fit,
    certainty,
    mismatch_limit,
    overall,
    word_certainty,
    word_scores,
)
from relip.speech.decoys import convincing, decoy_paths
from relip.speech.features import PERIOD, features
from relip.speech.ipa import Phone
from relip.speech.lattice import Loop, Path, Sound, Span, best_path, phone_loop
from relip.speech.match import match_words
from relip.speech.posteriors import confirmed, decide, phone_posteriors, word_weight
from relip.speech.pronunciation import (
    Language,
    Word,
    find_language,
    pronounce_transcript,
    transcript_words,
)
from relip.speech.rivals import rival_margins
from relip.speech.sphinx import BOUNDARY_SHIFT, FRAME_RATE, Segment, Sphinx, to_pcm
from relip.speech.subtitles import Cue
from relip.speech.transcribers import Transcriber

#: Frames of the aligner per 10 ms.
STREAMS = 2

#: Longer recordings are aligned in windows. Seconds.
WHOLE = 45.0

#: Length of a window, and how much of its end waits for the next one, seconds.
WINDOW = 40.0
AHEAD = 2.5

#: The mean of the cepstra is that of the speech and of so much before and after it, seconds. A
#: recording that begins or ends closer to its speech gets that much silence there in English, so
#: that it is heard as it would be with more around it; in languages whose sounds the model only
#: resembles nothing is won by that (``bench/speech.py``: ar and cs lose a closure).
NEAR = 0.3

#: Words a window may hold at most, per second.
_FASTEST = 7.0

#: A window is first tried with this many times the words that the mean pace suggests.
_MARGIN = 1.3

#: A frame this many dB above the level of speech costs as a pause so many nats for every dB more,
#: up to a number of dB: the hum of an m between two words is no pause.
LOUD, LOUD_PAUSE, LOUD_MOST = 8.0, 0.6, 20.0

#: Where the score lies this close to the limit, nats per 10 ms, decoys decide. On the settings'
#: sentences of ``bench/voices.py`` right words score from -0.44 under the limit, wrong ones up
#: to 0.50 over it.
DOUBT = 0.9

#: Chance that the words of a foreign transcript are right, on average over their lengths, below
#: which it is another one; it takes so many words to say so.
UNSURE, FEW = 0.3, 4

#: Less speech than this is judged by its score alone: what three words beat their decoys by is
#: mostly chance. Frames of 10 ms.
DECOYS_FROM = 150

#: Longest piece of a recording whose words are recognised, seconds.
PIECE = 20.0

#: The factor by which sound is slowed down on the stretch rung.
STRETCH = 1.3

#: A subtitle's words may lie this far outside its times, seconds.
_CUE_SLACK = 0.4

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
    ipa: list[str]
    fits: list[Fit]
    total: float
    frames: int
    rung: str
    speech: bool = True
    #: The same total for the best of wrong words, where there was doubt.
    decoy: float | None = None


_PAUSE = _Piece([], [], [], [], 0.0, 0, "pause")
_MUSIC = _PAUSE._replace(rung="music")


def align(
    audio: Audio,
    *,
    text: str | None = None,
    cues: Sequence[Cue] = (),
    lang: str = "en",
    lexicon: Mapping[str, tuple[tuple[Phone, ...], ...]] | None = None,
    transcriber: Transcriber | None = None,
    progress: Progress | None = None,
) -> Alignment:
    """Find the words and phones of the dialogue.

    Parameters
    ----------
    audio : Audio
    text : str, optional
        What is said. Without it words are recognised and the result is a draft.
    cues : sequence of Cue
        The same as subtitles, from :func:`relip.speech.read_subtitles`: each is looked for
        near its own time.
    lang : str
        ``en``, ``it``, ``cmn``, ``pt-BR`` ...: see ``data/languages.csv``.
        Languages other than English need espeak-ng, or a lexicon with every
        word. Without a transcript their phones are recognised with the
        English model.
    lexicon : mapping, optional
        The user's pronunciations, from :func:`relip.speech.read_lexicon`.
    transcriber : callable, optional
        Hears the words where no transcript is given, e.g. from
        :func:`relip.speech.find_transcriber`. The result is still a draft.
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
    SettingError
        If the language is unknown.
    ModelError
        If PocketSphinx or its model is missing, or what the language needs.
    """
    progress = progress or Progress()
    language = find_language(lang)
    if is_silent(audio):
        if text is not None and text.strip():
            raise AudioError(
                f"the dialogue is silent (its peak lies below {SILENCE_DBFS:g} dBFS) "
                "but the transcript has words",
                mend="give the recording of these words",
            )
        return _rest(audio, ())
    if cues:
        # Some subtitles hold no words: notes for music, sounds in brackets.
        told = [(c, transcript_words(c.text, language, lexicon)) for c in cues]
        told = [(c, words) for c, words in told if words]
        if not told:
            raise TranscriptError(
                "the subtitles hold no words", mend="write what is said, or give no transcript"
            )
        return _Job(audio, language, progress).with_cues(told)
    if text is not None:
        words = pronounce_transcript(text, language, lexicon)
        return _Job(audio, language, progress).with_words(words)
    job = _Job(audio, language, progress)
    if transcriber is not None and job.has_speech():
        heard = transcriber(audio, language.code)
        if heard.strip():
            words = pronounce_transcript(heard, language, lexicon)
            found = job.with_words(words)
            return replace(found, method="recognise", draft=True, rung=f"heard words, {found.rung}")
    warnings: tuple[str, ...] = ()
    if language.code != "en":
        warnings = (
            f"language {lang!r}: without a transcript phones are recognised with the English "
            "model; correct phones.TextGrid where lips matter",
        )
    return job.without_words(words_wanted=language.code == "en", warnings=warnings)


def _rest(audio: Audio, warnings: tuple[str, ...]) -> Alignment:
    rest = (Interval(0.0, audio.duration, ""),)
    return Alignment(rest, rest, audio.duration, "silence", "silence", warnings=warnings)


class _Ear(NamedTuple):
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


class _Job:
    """One recording and what is known about it."""

    def __init__(self, audio: Audio, language: Language, progress: Progress) -> None:
        audio = replace(audio, samples=without_rumble(audio.samples, audio.rate))
        self.audio = audio
        self.language = language
        self.progress = progress
        self.model = acoustic_model()
        self._sphinx: Sphinx | None = None
        self.level = levels(audio.samples, audio.rate)
        self.limit = threshold(self.level)
        self.active = active(self.level, self.limit)
        self.mismatch = mismatch_limit(self.level, native=language.code == "en")
        self.heard: dict[tuple[int, int], list[str]] = {}
        self._links: np.ndarray | None = None

    @property
    def sphinx(self) -> Sphinx:
        """The recogniser, loaded when first needed."""
        if self._sphinx is None:
            self._sphinx = Sphinx()
        return self._sphinx

    def has_speech(self) -> bool:
        """Whether any 20 s of the recording sound like phones."""
        return any(
            self.active[s:e].any() and not self._is_music(s, e) and _speech_share(self._loop(s, e))
            for s, e in self._pieces()
        )

    def _loop(self, start: int, end: int) -> list[tuple[str, int, int]]:
        spoken = near(self.active[start:end], NEAR)
        cepstra = features(self._samples(start, end), 1, spoken=spoken)
        return phone_loop(Heard(self.model, cepstra)).phones

    # With a transcript

    def with_cues(self, told: list[tuple[Cue, list[Word]]]) -> Alignment:
        """Align subtitles, each group between two pauses near its own time."""
        groups: list[tuple[float, float, list[Word]]] = []
        for cue, words in told:
            if groups and (
                cue.start - groups[-1][1] < 2 * _CUE_SLACK and cue.end - groups[-1][0] <= WHOLE
            ):
                start, end, before = groups[-1]
                groups[-1] = (start, max(end, cue.end), [*before, *words])
            else:
                groups.append((cue.start, cue.end, list(words)))
        if groups[0][0] > self.audio.duration:
            raise TranscriptError(
                f"the subtitles begin at {groups[0][0]:.1f} s, after the dialogue's end at "
                f"{self.audio.duration:.1f} s",
                mend="give the subtitles of this recording",
            )
        pieces: list[_Piece] = []
        self.progress.start("speech", len(groups))
        for index, (start, end, words) in enumerate(groups):
            low = max(start - _CUE_SLACK, groups[index - 1][1] if index else 0.0)
            high = groups[index + 1][0] if index + 1 < len(groups) else self.audio.duration
            high = min(end + _CUE_SLACK, high, self.audio.duration)
            first, last = round(low / STEP), round(high / STEP)
            piece = self._force(words, first, last) if last > first else None
            if piece is None:
                named = " ".join(w.label for w in words)[:120]
                raise TranscriptError(
                    f"the subtitle at {start:.1f} s does not fit into its time: {named!r}",
                    mend="correct its times, or give plain text",
                )
            pieces.append(piece._replace(rung=f"subtitles, {piece.rung}"))
            self.progress.step()
        self.progress.finish()
        everything = [w for _, words in told for w in words]
        if self._mismatch(pieces):
            raise self._refusal([w.label for w in everything], pieces)
        return self._told(everything, self._join(pieces, "align", False))

    def with_words(self, words: list[Word]) -> Alignment:
        short = self.audio.duration <= WHOLE
        if short:
            self.progress.start("speech", 1)
            pieces = self._whole(words)
            self.progress.step()
        else:
            pieces = self._windows(words)
        if self._mismatch(pieces):
            pieces = self._by_heard_words(words, pieces)
        self.progress.finish()
        return self._told(words, self._join(pieces, "align", False))

    def _told(self, words: list[Word], result: Alignment) -> Alignment:
        """With warnings of guessed pronunciations, words left over, and doubtful words."""
        warnings = []
        guessed = {w.label: w for w in words if w.source == "rules"}
        if guessed:
            told = ", ".join(
                f"{w} ({' '.join(p.label for p in g.variants[0])})" for w, g in guessed.items()
            )
            warnings.append(f"not in the dictionary, pronunciation guessed: {told}")
        named = [w.label for w in result.words if w.label]
        over = [repr(w.label) for w in words[len(named) :]]
        if named and over:
            # of a long recording whose last windows are silent
            warnings.append(
                f"nothing is said after {named[-1]!r}, where the transcript goes on with "
                f"{len(over)} more words: {', '.join(over[:12])}"
            )
        doubtful = [
            f"{w!r}" for w, c in zip(named, result.word_confidences, strict=True) if c < AMBER
        ]
        if doubtful:
            warnings.append(f"these words fit the recording badly: {', '.join(doubtful[:12])}")
        return _with_warnings(result, warnings)

    def _whole(self, words: list[Word]) -> list[_Piece]:
        end = len(self.level)
        piece = self._force(words, 0, end)
        if piece is not None and not piece.speech:
            raise self._no_speech()
        if piece is None or self._mismatch([piece]):
            slow = self._force(words, 0, end, STRETCH)
            if slow is not None and (piece is None or not self._mismatch([slow])):
                piece = self._own_times(piece, slow)
        return [piece] if piece else []

    def _own_times(self, piece: _Piece | None, slow: _Piece) -> _Piece:
        """What the slowed sound confirmed, with the times of the sound itself where it can be.

        Slowing smears boundaries: on the Vietnamese voices the median error grows from 4 to 20 ms.
        """
        if piece is None or piece.total / max(piece.frames, 1) < self.mismatch - DOUBT:
            return slow
        return slow._replace(words=piece.words, phones=piece.phones, ipa=piece.ipa, fits=piece.fits)

    def _force(
        self, words: list[Word], start: int, end: int, stretch: float = 1.0
    ) -> _Piece | None:
        """Align words with the frames start to end; None when they do not fit in."""
        found = self._lay(words, start, end, stretch)
        return found[0] if found else None

    def _lay(
        self,
        words: list[Word],
        start: int,
        end: int,
        stretch: float = 1.0,
        *,
        open_end: bool = False,
    ) -> tuple[_Piece, int] | None:
        """Align words with the frames start to end, and how many of them are there."""
        native = self.language.code == "en"
        ear = self._listen(start, end, stretch, NEAR if native else 0.0)
        sounds = [[[p.sounds for p in variant] for variant in w.variants] for w in words]
        path = best_path(ear.heard, sounds, open_end=open_end, native=native, noisy=ear.noisy)
        if path is not None and not ear.holds(path.spans):
            ear = self._listen(start, end, stretch)
            path = best_path(ear.heard, sounds, open_end=open_end, native=native, noisy=ear.noisy)
        if path is None:
            return None
        path = ear.own(path)
        loop = ear.own_loop()
        scored = path.score[::STREAMS]
        seconds = PERIOD / STREAMS / stretch
        begin = start * STEP
        spoken: list[Interval] = []
        phones: list[Interval] = []
        ipa: list[str] = []
        for span in path.spans:
            phone = words[span.word].variants[span.variant][span.sound]
            low, high = begin + span.start * seconds, begin + span.end * seconds
            high = min(high, self.audio.duration)
            phones.append(Interval(low, high, phone.label))
            ipa.append(phone.ipa)
            if span.sound == 0:
                spoken.append(Interval(low, high, words[span.word].label))
            else:
                spoken[-1] = spoken[-1]._replace(end=high)
        frames = [(s.start // STREAMS, s.end // STREAMS) for s in _word_spans(path.spans)]
        total, count = overall(scored, loop, frames)
        rung = "exact" + (f", stretched {stretch:g}" if stretch != 1.0 else "")
        fits = self._fits(ear, path, sounds, word_scores(scored, loop, frames), frames)
        decoy = None
        # The limits hold for sound at its own speed.
        doubt = stretch != 1.0 or abs(total / max(count, 1) - self.mismatch) < DOUBT
        if doubt and count >= DECOYS_FROM:
            decoy = self._decoy(ear, sounds[: path.words], loop)
        piece = _Piece(
            spoken, phones, ipa, fits, total, count, rung, _speech_share(loop.phones), decoy
        )
        return piece, path.words

    def _fits(
        self,
        ear: _Ear,
        path: Path,
        sounds: Sequence[Sequence[Sequence[Sound]]],
        scores: list[float],
        frames: Sequence[tuple[int, int]],
    ) -> list[Fit]:
        """What tells right words from wrong ones."""
        found = [sounds[s.word][s.variant] for s in path.spans if s.sound == 0]
        loop = ear.heard.loop()[ear.first : ear.last]
        margins = rival_margins(loop, self.model.phones, found, frames)
        shortest: list[float] = []
        for span in path.spans:
            length = (span.end - span.start) * PERIOD / STREAMS
            if span.sound == 0:
                shortest.append(length)
            else:
                shortest[-1] = min(shortest[-1], length)
        return [Fit(*f) for f in zip(scores, margins.tolist(), shortest, strict=True)]

    def _listen(self, start: int, end: int, stretch: float, beyond: float = 0.0) -> _Ear:
        """Hear the frames start to end, with seconds of silence beyond the recording's ends."""
        samples = self._samples(start, end)
        if stretch != 1.0:
            import librosa

            # By default its windows are 2048 samples long, and it complains of shorter sound.
            size = 2048 if len(samples) >= 2048 else 512
            samples = librosa.effects.time_stretch(samples, rate=1 / stretch, n_fft=size)
        hop = round(self.audio.rate * PERIOD)
        count = -(-len(samples) // hop)
        room = round(beyond * stretch / STEP)
        before, after = room * (start == 0), room * (end == len(self.level))
        if room:
            filled = count * hop - len(samples) + after * hop
            samples = np.pad(samples, (before * hop, filled))
        at = np.minimum(np.arange(count) / stretch + start, end - 1).astype(int)
        spoken = near(np.pad(self.active[at], (before, after)), NEAR * stretch)
        heard = Heard(self.model, features(samples, STREAMS, spoken=spoken), STREAMS)
        noisy = LOUD_PAUSE * np.clip(self.level[at] - self.limit - LOUD, 0.0, LOUD_MOST)
        noisy = np.repeat(np.pad(noisy, (before, after)), STREAMS)[: len(heard)]
        return _Ear(heard, noisy.astype(np.float32), before, before + count)

    def _decoy(
        self, ear: _Ear, sounds: Sequence[Sequence[Sequence[Sound]]], loop: Loop
    ) -> float | None:
        """What the best of wrong words scores; None when there are none."""
        totals = []
        native = self.language.code == "en"
        for path in decoy_paths(ear.heard, sounds, native=native, noisy=ear.noisy):
            own = ear.own(path)
            frames = [(s.start // STREAMS, s.end // STREAMS) for s in _word_spans(own.spans)]
            totals.append(overall(own.score[::STREAMS], loop, frames)[0])
        return max(totals, default=None)

    def _samples(self, start: int, end: int) -> np.ndarray:
        hop = round(self.audio.rate * STEP)
        return self.audio.samples[start * hop : end * hop]

    def _windows(self, words: list[Word]) -> list[_Piece]:
        """Align a long recording window by window; the memory needed does not grow with it.

        Each window may end after any word. What lies before its last pause but
        some seconds is kept; the next window begins in that pause.
        """
        pieces: list[_Piece] = []
        start, taken, whole = 0, 0, len(self.level)
        self.progress.start("speech", whole)
        while True:
            end = self._window_end(start)
            final = end == whole
            rest = words[taken:]
            found = None
            if self.active[start:end].any() and rest:
                if final and len(rest) > _FASTEST * 1.5 * (end - start) * STEP + 20:
                    raise self._refusal([w.label for w in rest], pieces)
                found = (
                    self._lay(rest, start, end)
                    if final
                    else self._lay_some(rest, start, end, len(words))
                )
                if final and found is None:
                    raise self._refusal([w.label for w in rest], pieces)
            if found is None:
                if final:
                    break
                self.progress.step(end - start)
                start = end
                continue
            piece, _ = found
            if final:
                pieces.append(piece._replace(rung=f"windows at pauses, {piece.rung}"))
                break
            count, cut = _commit(piece.words, start, end)
            kept = _first_words(piece, count)
            pieces.append(kept._replace(rung=f"windows at pauses, {piece.rung}"))
            taken += count
            self.progress.step(cut - start)
            start = cut
        self.progress.step(whole - start)
        return pieces

    def _lay_some(
        self, rest: list[Word], start: int, end: int, total: int
    ) -> tuple[_Piece, int] | None:
        """Lay the next words on a window that may hold only some of them.

        As many are tried as the recording's mean pace suggests, with a good margin; when most
        of them are there, as many as anybody can say.
        """
        most = rest[: int(_FASTEST * WINDOW)]
        pace = total / max(int(self.active.sum()), 1)
        likely = round(_MARGIN * pace * int(self.active[start:end].sum())) + 10
        if likely < len(most):
            found = self._lay(most[:likely], start, end, open_end=True)
            if found is not None and found[1] < likely * 0.9:
                return found
        return self._lay(most, start, end, open_end=True)

    def _window_end(self, start: int) -> int:
        whole = len(self.level)
        limit = start + round(WINDOW / STEP)
        if whole - start <= limit - start + round(AHEAD / STEP):
            return whole
        low = start + (limit - start) * 2 // 3
        pauses = runs(self.active[low:limit], False)
        if pauses:
            first, last = max(pauses, key=lambda r: r[1] - r[0])
            if last - first >= 8:
                return low + (first + last) // 2
        return limit

    def _pieces(self, longest: float = PIECE) -> list[tuple[int, int]]:
        edges = cuts(self.level, longest)
        return list(zip(edges[:-1], edges[1:], strict=True))

    def _recognised(self, start: int, end: int) -> list[str]:
        if not self.active[start:end].any():
            return []
        if (start, end) not in self.heard:
            self.heard[start, end] = self.sphinx.recognise(to_pcm(self._samples(start, end)))
        return self.heard[start, end]

    def _by_heard_words(self, words: list[Word], first: list[_Piece]) -> list[_Piece]:
        """Lay an English transcript on recognised words, and align each piece with its share.

        Raises
        ------
        TranscriptError
            If recognition does not find the words either.
        """
        labels = [w.label for w in words]
        if self.language.code != "en":
            raise self._refusal(labels, first)
        longest = PIECE if self.audio.duration > WHOLE else max(self.audio.duration / 3, 2.0)
        spans = self._pieces(longest)
        heard = [self._recognised(s, e) for s, e in spans]
        if _found([w for h in heard for w in h], labels) < _FOUND:
            raise self._refusal(labels, first)
        pieces: list[_Piece] = []
        at = 0
        for start, end, part in _share(spans, heard, labels):
            share, at = words[at : at + len(part)], at + len(part)
            piece = (
                self._force(share, start, end) or self._force(share, start, end, STRETCH)
                if share
                else _PAUSE
            )
            if piece is None:
                raise TranscriptError(
                    f"the transcript does not match the dialogue between {start * STEP:.1f} s "
                    f"and {end * STEP:.1f} s: {' '.join(part)[:160]!r}",
                    mend="correct the transcript, or give none to have the words recognised",
                )
            pieces.append(piece._replace(rung=f"split at pauses, {piece.rung}"))
        if self._mismatch(pieces):
            raise self._refusal(labels, pieces)
        return pieces

    def _mismatch(self, pieces: list[_Piece]) -> bool:
        """Whether other words are said: by the score alone where it is clear, else by decoys."""
        frames = sum(p.frames for p in pieces)
        if frames == 0:
            return True
        over = sum(p.total for p in pieces) / frames - self.mismatch
        tried = [p for p in pieces if p.decoy is not None]
        slowed = any("stretched" in p.rung for p in pieces)
        if not tried or (abs(over) >= DOUBT and not slowed):
            return over < 0 or self._doubted(pieces)
        return self._doubted(pieces) or not convincing(
            sum(p.total for p in tried),
            sum(p.decoy for p in tried if p.decoy is not None),
            sum(p.frames for p in tried),
        )

    def _doubted(self, pieces: list[_Piece]) -> bool:
        """Whether hardly a word of a foreign transcript is sure, however well its sounds fit."""
        if self.language.code == "en":
            return False
        fits = [f for p in pieces for f in p.fits]
        lengths = [w.end - w.start for p in pieces for w in p.words]
        if len(fits) < FEW:
            return False
        sure = word_certainty(fits, lengths, self.level, native=False)
        return float(np.average(sure, weights=lengths)) < UNSURE

    @staticmethod
    def _no_speech() -> AudioError:
        return AudioError(
            "the dialogue holds no speech but the transcript has words",
            mend="give the recording of these words",
        )

    def _refusal(self, words: list[str], pieces: list[_Piece]) -> Exception:
        if not _speech_share(self._loop(0, min(len(self.level), 6000))):
            return self._no_speech()
        scored = [(f.score, w.label) for p in pieces for f, w in zip(p.fits, p.words, strict=True)]
        worst = [w for _, w in sorted(scored)[:5]]
        heard: list[str] = []
        if not worst and self.language.code == "en":
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
        if _MUSIC in pieces:
            told = ", ".join(
                f"{s * STEP:.1f}-{e * STEP:.1f} s"
                for (s, e), p in zip(spans, pieces, strict=True)
                if p is _MUSIC
            )
            warnings += (f"taken for music without speech, at rest: {told}; give the words if "
                         "there are any",)  # fmt: skip
        if not any(p.phones for p in pieces):
            return _rest(self.audio, (*warnings, "no speech was found in the dialogue"))
        result = self._join([p for p in pieces if p.phones], "recognise", True)
        return _with_warnings(result, list(warnings))

    def _hear(self, start: int, end: int, words_wanted: bool) -> _Piece:
        if not self.active[start:end].any():
            return _PAUSE
        if self._is_music(start, end):
            return _MUSIC
        loop = self.sphinx.phone_loop(to_pcm(self._samples(start, end)))
        if not _speech_share([(s.label, s.start, s.end) for s in loop]):
            return _PAUSE
        if words_wanted:
            heard = self._recognised(start, end)
            words = pronounce_transcript(" ".join(heard), self.language) if heard else []
            piece = self._force(words, start, end) if words else None
            if piece is not None and not self._articulated(piece.phones, start, end):
                return _PAUSE
            if piece is not None and piece.frames and piece.total / piece.frames > self.mismatch:
                phones = confirmed(piece.words, piece.phones, self._decided(start, end, piece))
                return piece._replace(
                    rung=f"words, {piece.rung}", phones=phones, ipa=[""] * len(phones)
                )
        phones = [self._heard_phone(p, start) for p in loop if p.label]
        phones = [p for p in phones if self._is_active(p)]
        if not self._articulated(phones, start, end):
            return _PAUSE
        phones = [p for p in self._decided(start, end, _PAUSE) if self._is_active(p)]
        return _Piece([], phones, [""] * len(phones), [], 0.0, 0, "phones")

    def _decided(self, start: int, end: int, piece: _Piece) -> list[Interval]:
        """The phones that are right in most frames, words being evidence and no more."""
        spoken = near(self.active[start:end], NEAR)
        heard = Heard(self.model, features(self._samples(start, end), 1, spoken=spoken))
        if self._links is None:
            self._links = self.sphinx.phone_links(self.model.phones)
        chances = phone_posteriors(heard.loop(), self._links)

        def frames(part: Interval) -> tuple[int, int]:
            low, high = (round(t / STEP) - start for t in (part.start, part.end))
            return max(low, 0), min(high, len(chances))

        said = [w.end - w.start for w in piece.words]
        sure = word_certainty(piece.fits, said, self.level)
        weight = word_weight([frames(w) for w in piece.words], sure.tolist(), len(chances))
        told = [(p.label, *frames(p)) for p in fill(piece.phones, end * STEP)]
        found = decide(chances, self.model.phones, told=told, weight=weight)
        return [
            Interval((start + low) * STEP, min((start + high) * STEP, self.audio.duration), name)
            for name, low, high in found
            if name
        ]

    def _is_music(self, start: int, end: int) -> bool:
        return steady_tones(self._samples(start, end), self.audio.rate) > MUSIC

    def _articulated(self, phones: list[Interval], start: int, end: int) -> bool:
        """Whether there are enough phones for the sound's length: hum and held chords have few."""
        return len(phones) >= _PHONES_PER_SECOND * STEP * int(self.active[start:end].sum())

    def _heard_phone(self, segment: Segment, start: int) -> Interval:
        low = start * STEP + segment.start / FRAME_RATE + BOUNDARY_SHIFT
        high = start * STEP + segment.end / FRAME_RATE + BOUNDARY_SHIFT
        return Interval(low, min(high, self.audio.duration), segment.label)

    def _is_active(self, interval: Interval) -> bool:
        first, last = int(interval.start / STEP), int(np.ceil(interval.end / STEP))
        return bool(self.active[first:last].any())

    # Both

    def _join(self, pieces: list[_Piece], method: str, draft: bool) -> Alignment:
        words = [w for p in pieces for w in p.words]
        aligned = [q for p in pieces for q in p.phones]
        refined = refine(self.audio.samples, self.audio.rate, aligned)
        sounding = begin_with_sound(refined, self.level, self.limit)
        begun = begin_with_burst(sounding, self.audio.samples, self.audio.rate)
        closed = close_stops(begun, self.audio.samples, self.audio.rate)
        voiced = voice_after_stops(closed, self.audio.samples, self.audio.rate)
        # Measured in English; other languages' sounds the model sets apart in other ways.
        placed = as_people_do(voiced) if self.language.code == "en" else voiced
        trimmed = self._trim(placed, _inside(words, aligned))
        ended = end_with_sound(trimmed, self.level, self.limit)
        phones = hold_stops(let_go(ended, self.level, self.limit), self.level, self.limit)
        symbols = [s for p in pieces for s in p.ipa]
        named = [q._replace(label=s or q.label) for q, s in zip(phones, symbols, strict=True)]
        frames = sum(p.frames for p in pieces)
        total = sum(p.total for p in pieces) / frames if frames else None
        foreign = any(symbols)
        fits = [f for p in pieces for f in p.fits]
        lengths = [w.end - w.start for w in words]
        return Alignment(
            words=fill(_fit(words, aligned, phones), self.audio.duration),
            phones=fill(phones, self.audio.duration),
            duration=self.audio.duration,
            method=method,
            rung="; ".join(dict.fromkeys(p.rung for p in pieces if p.rung != "pause")),
            draft=draft,
            confidence=None
            if total is None
            else float(certainty([total], [sum(lengths)], self.level, native=not foreign)[0]),
            word_confidences=tuple(
                float(c) for c in word_certainty(fits, lengths, self.level, native=not foreign)
            ),
            ipa=fill(named, self.audio.duration) if foreign else (),
        )

    def _trim(self, phones: list[Interval], inside: list[bool]) -> list[Interval]:
        """Take pauses out of the phones beside them: the aligner likes to stretch these over.

        Where a phone holds more than 0.08 s without sound at its end or its
        start, it keeps 0.04 s of it. Inside a word a stop keeps all: there
        silence is its closure, a long one where the consonant is long.
        ``inside`` tells of each phone whether it follows another one of its word.
        """
        quiet = [(s * STEP, e * STEP) for s, e in runs(self.active, False)]
        out = []
        for index, (start, end, label) in enumerate(phones):
            stop = label in STOPS
            held = stop and inside[index]
            let_go = not (stop and index + 1 < len(phones) and inside[index + 1])
            for low, high in quiet:
                if low <= start + 0.02 and high - start > 0.08 and high < end - 0.03:
                    start = start if held else high - 0.04
                elif high >= end - 0.02 and end - low > 0.08 and low > start + 0.03 and let_go:
                    end = low + 0.04
            out.append(Interval(start, end, label))
        return out


def _inside(words: list[Interval], phones: list[Interval]) -> list[bool]:
    """Which phones follow another one of the same word directly."""
    heads = {w.start for w in words}
    return [
        bool(words)
        and index > 0
        and p.start not in heads
        and p.start - phones[index - 1].end < 1e-6
        for index, p in enumerate(phones)
    ]


def _fit(words: list[Interval], before: list[Interval], after: list[Interval]) -> list[Interval]:
    """Words from the first to the last of their phones, after these were moved."""
    starts = np.array([p.start for p in before])
    ends = np.array([p.end for p in before])
    out = []
    for start, end, label in words:
        inside = np.flatnonzero((starts >= start - 1e-6) & (ends <= end + 1e-6))
        if len(inside):
            start, end = after[inside[0]].start, after[inside[-1]].end
        out.append(Interval(start, end, label))
    return out


class _WordSpan(NamedTuple):
    start: int
    end: int


def _word_spans(spans: list[Span]) -> list[_WordSpan]:
    out: list[_WordSpan] = []
    for span in spans:
        if span.sound == 0:
            out.append(_WordSpan(span.start, span.end))
        else:
            out[-1] = out[-1]._replace(end=span.end)
    return out


def _commit(words: list[Interval], start: int, end: int) -> tuple[int, int]:
    """How many words of a window to keep, and the frame where the next one begins.

    The cut falls into the last silence between words that lies some seconds
    before the window's end; without one, between two words.
    """
    latest = end * STEP - AHEAD
    best = 0
    for index in range(len(words)):
        following = words[index + 1].start if index + 1 < len(words) else end * STEP
        if words[index].end > latest:
            break
        if following - words[index].end >= 0.15:
            best = index + 1
    if best == 0:
        best = sum(w.end <= latest for w in words)
    if best == 0:  # one very long pause, or nothing said
        if words and words[0].start <= latest:
            best = len(words)
        else:
            return 0, max(round(latest / STEP), start + 1)
    ended = words[best - 1].end
    following = words[best].start if best < len(words) else end * STEP
    middle = min((ended + following) / 2, ended + 1.0)
    return best, min(max(round(middle / STEP), start + 1), end)


def _first_words(piece: _Piece, count: int) -> _Piece:
    """The piece without the words that the next window aligns again."""
    if count == len(piece.words):
        return piece
    until = piece.words[count].start
    kept = sum(p.end <= until + 1e-6 for p in piece.phones)
    share = count / len(piece.words)
    return piece._replace(
        words=piece.words[:count],
        phones=piece.phones[:kept],
        ipa=piece.ipa[:kept],
        fits=piece.fits[:count],
        total=piece.total * share,
        frames=round(piece.frames * share),
        decoy=None if piece.decoy is None else piece.decoy * share,
    )


def _with_warnings(alignment: Alignment, warnings: list[str]) -> Alignment:
    return replace(alignment, warnings=alignment.warnings + tuple(warnings))


def _speech_share(loop: list[tuple[str, int, int]]) -> bool:
    frames = sum(end - start for _, start, end in loop)
    speech = sum(end - start for label, start, end in loop if label)
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
