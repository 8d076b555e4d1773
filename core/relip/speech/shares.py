"""A transcript laid on recognised words, so that each piece of the sound is aligned alone."""

from __future__ import annotations

from relip.errors import TranscriptError
from relip.speech.activity import STEP
from relip.speech.laying import STRETCH, force
from relip.speech.match import match_words
from relip.speech.piece import PAUSE, Piece
from relip.speech.pronunciation import Word
from relip.speech.recording import PIECE, Recording
from relip.speech.verdict import mismatch, refusal
from relip.speech.windows import WHOLE

#: Share of the transcript's words that recognition must find to take it for the right one.
_FOUND = 0.3


def by_heard_words(recording: Recording, words: list[Word], first: list[Piece]) -> list[Piece]:
    """Lay an English transcript on recognised words, and align each piece with its share.

    Raises
    ------
    TranscriptError
        If recognition does not find the words either.
    """
    labels = [w.label for w in words]
    if not recording.native:
        raise refusal(recording, labels, first)
    longest = PIECE if recording.audio.duration > WHOLE else max(recording.audio.duration / 3, 2.0)
    spans = recording.pieces(longest)
    heard = [recording.recognised(s, e) for s, e in spans]
    if _found([w for h in heard for w in h], labels) < _FOUND:
        raise refusal(recording, labels, first)
    pieces: list[Piece] = []
    at = 0
    for start, end, part in _share(spans, heard, labels):
        share, at = words[at : at + len(part)], at + len(part)
        piece = (
            force(recording, share, start, end) or force(recording, share, start, end, STRETCH)
            if share
            else PAUSE
        )
        if piece is None:
            raise TranscriptError(
                f"the transcript does not match the dialogue between {start * STEP:.1f} s "
                f"and {end * STEP:.1f} s: {' '.join(part)[:160]!r}",
                mend="correct the transcript, or give none to have the words recognised",
            )
        pieces.append(piece._replace(rung=f"split at pauses, {piece.rung}"))
    if mismatch(recording, pieces):
        raise refusal(recording, labels, pieces)
    return pieces


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
