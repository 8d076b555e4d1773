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

from relip.errors import AudioError, TranscriptError
from relip.progress import Progress
from relip.speech import verdict
from relip.speech.activity import STEP
from relip.speech.alignment import Alignment, rest
from relip.speech.audio import SILENCE_DBFS, Audio, is_silent
from relip.speech.confidence import doubted
from relip.speech.ipa import Phone
from relip.speech.joining import join
from relip.speech.laying import STRETCH, force
from relip.speech.piece import Piece
from relip.speech.pronunciation import (
    Word,
    find_language,
    pronounce_transcript,
    transcript_words,
)
from relip.speech.recognition import without_words
from relip.speech.recording import Recording
from relip.speech.shares import by_heard_words
from relip.speech.subtitles import Cue
from relip.speech.transcribers import Transcriber
from relip.speech.windows import WHOLE, windows

#: A subtitle's words may lie this far outside its times, seconds.
_CUE_SLACK = 0.4


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
        return rest(audio.duration)
    if cues:
        # Some subtitles hold no words: notes for music, sounds in brackets.
        told = [(c, transcript_words(c.text, language, lexicon)) for c in cues]
        told = [(c, words) for c, words in told if words]
        if not told:
            raise TranscriptError(
                "the subtitles hold no words", mend="write what is said, or give no transcript"
            )
        return _with_cues(Recording(audio, language), told, progress)
    if text is not None:
        words = pronounce_transcript(text, language, lexicon)
        return _with_words(Recording(audio, language), words, progress)
    recording = Recording(audio, language)
    if transcriber is not None and recording.has_speech():
        heard = transcriber(audio, language.code)
        if heard.strip():
            words = pronounce_transcript(heard, language, lexicon)
            found = _with_words(recording, words, progress)
            return replace(found, method="recognise", draft=True, rung=f"heard words, {found.rung}")
    warnings: tuple[str, ...] = ()
    if language.code != "en":
        warnings = (
            f"language {lang!r}: without a transcript phones are recognised with the English "
            "model; correct phones.TextGrid where lips matter",
        )
    return without_words(recording, progress, warnings)


def _with_cues(
    recording: Recording, told: list[tuple[Cue, list[Word]]], progress: Progress
) -> Alignment:
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
    if groups[0][0] > recording.audio.duration:
        raise TranscriptError(
            f"the subtitles begin at {groups[0][0]:.1f} s, after the dialogue's end at "
            f"{recording.audio.duration:.1f} s",
            mend="give the subtitles of this recording",
        )
    pieces: list[Piece] = []
    progress.start("speech", len(groups))
    for index, (start, end, words) in enumerate(groups):
        low = max(start - _CUE_SLACK, groups[index - 1][1] if index else 0.0)
        high = groups[index + 1][0] if index + 1 < len(groups) else recording.audio.duration
        high = min(end + _CUE_SLACK, high, recording.audio.duration)
        first, last = round(low / STEP), round(high / STEP)
        piece = force(recording, words, first, last) if last > first else None
        if piece is None:
            named = " ".join(w.label for w in words)[:120]
            raise TranscriptError(
                f"the subtitle at {start:.1f} s does not fit into its time: {named!r}",
                mend="correct its times, or give plain text",
            )
        pieces.append(piece._replace(rung=f"subtitles, {piece.rung}"))
        progress.step()
    progress.finish()
    everything = [w for _, words in told for w in words]
    if verdict.mismatch(recording, pieces):
        raise verdict.refusal(recording, [w.label for w in everything], pieces)
    return _told(recording, everything, pieces)


def _with_words(recording: Recording, words: list[Word], progress: Progress) -> Alignment:
    short = recording.audio.duration <= WHOLE
    if short:
        progress.start("speech", 1)
        pieces = _whole(recording, words)
        progress.step()
    else:
        pieces = windows(recording, words, progress)
    if verdict.mismatch(recording, pieces):
        pieces = by_heard_words(recording, words, pieces)
    progress.finish()
    return _told(recording, words, pieces)


def _told(recording: Recording, words: list[Word], pieces: list[Piece]) -> Alignment:
    """Joined, with warnings of guessed pronunciations, words left over, and doubtful words."""
    result = join(recording, pieces, "align", False)
    warnings = []
    guessed = {w.label: w for w in words if w.source == "rules"}
    if guessed:
        told = ", ".join(
            f"{w} ({' '.join(p.label for p in g.variants[0])})" for w, g in guessed.items()
        )
        warnings.append(f"not in the dictionary, pronunciation guessed: {told}")
    named = [w for w in result.words if w.label]
    over = [repr(w.label) for w in words[len(named) :]]
    if named and over:
        # of a long recording whose last windows are silent
        warnings.append(
            f"nothing is said after {named[-1].label!r}, where the transcript goes on with "
            f"{len(over)} more words: {', '.join(over[:12])}"
        )
    fits, native = [f for p in pieces for f in p.fits], not any(s for p in pieces for s in p.ipa)
    doubts = doubted(fits, result.word_confidences, recording.level, native=native)
    doubtful = [f"{w.label!r} at {w.start:.1f} s" for w, d in zip(named, doubts, strict=True) if d]
    if doubtful:
        warnings.append(f"these words fit the recording badly: {', '.join(doubtful[:12])}")
    return result.warned(warnings)


def _whole(recording: Recording, words: list[Word]) -> list[Piece]:
    end = len(recording.level)
    piece = force(recording, words, 0, end)
    if piece is not None and not piece.speech:
        raise verdict.no_speech()
    if piece is None or verdict.mismatch(recording, [piece]):
        slow = force(recording, words, 0, end, STRETCH)
        if slow is not None and (piece is None or not verdict.mismatch(recording, [slow])):
            piece = _own_times(recording, piece, slow)
    return [piece] if piece else []


def _own_times(recording: Recording, piece: Piece | None, slow: Piece) -> Piece:
    """What the slowed sound confirmed, with the times of the sound itself where it can be.

    Slowing smears boundaries: on the Vietnamese voices the median error grows from 4 to 20 ms.
    """
    if piece is None or piece.total / max(piece.frames, 1) < recording.mismatch - verdict.DOUBT:
        return slow
    return slow._replace(words=piece.words, phones=piece.phones, ipa=piece.ipa, fits=piece.fits)
