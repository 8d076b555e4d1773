"""Without a transcript: the sound's own phones, recognised words being evidence and no more."""

from __future__ import annotations

import numpy as np

from relip.progress import Progress
from relip.speech.activity import STEP
from relip.speech.alignment import Alignment, Interval, fill, rest
from relip.speech.confidence import word_certainty
from relip.speech.joining import join
from relip.speech.laying import force
from relip.speech.piece import MUSIC_ALONE, PAUSE, Piece
from relip.speech.posteriors import confirmed, decide, phone_posteriors, word_weight
from relip.speech.pronunciation import pronounce_transcript
from relip.speech.recording import Recording, is_speech
from relip.speech.sphinx import BOUNDARY_SHIFT, FRAME_RATE, Segment, to_pcm

#: Fewer phones than this per second of sound are no speech.
_PHONES_PER_SECOND = 2.5


def without_words(recording: Recording, progress: Progress, warnings: tuple[str, ...]) -> Alignment:
    """Find the phones of a recording, and its words where its language is the model's own."""
    spans = recording.pieces()
    progress.start("speech", len(spans))
    pieces = []
    for start, end in spans:
        pieces.append(_hear(recording, start, end))
        progress.step()
    progress.finish()
    if MUSIC_ALONE in pieces:
        told = ", ".join(
            f"{s * STEP:.1f}-{e * STEP:.1f} s"
            for (s, e), p in zip(spans, pieces, strict=True)
            if p is MUSIC_ALONE
        )
        warnings += (f"taken for music without speech, at rest: {told}; give the words if "
                     "there are any",)  # fmt: skip
    if not any(p.phones for p in pieces):
        return rest(recording.audio.duration, (*warnings, "no speech was found in the dialogue"))
    result = join(recording, [p for p in pieces if p.phones], "recognise", True)
    return result.warned(warnings)


def _hear(recording: Recording, start: int, end: int) -> Piece:
    if not recording.active[start:end].any():
        return PAUSE
    if recording.is_music(start, end):
        return MUSIC_ALONE
    loop = recording.sphinx.phone_loop(to_pcm(recording.samples(start, end)))
    if not is_speech([(s.label, s.start, s.end) for s in loop]):
        return PAUSE
    if recording.native:
        heard = recording.recognised(start, end)
        words = pronounce_transcript(" ".join(heard), recording.language) if heard else []
        piece = force(recording, words, start, end) if words else None
        if piece is not None and not _articulated(recording, piece.phones, start, end):
            return PAUSE
        if piece is not None and piece.frames and piece.total / piece.frames > recording.mismatch:
            phones = confirmed(piece.words, piece.phones, _decided(recording, start, end, piece))
            return piece._replace(
                rung=f"words, {piece.rung}", phones=phones, ipa=[""] * len(phones)
            )
    phones = [_heard_phone(recording, p, start) for p in loop if p.label]
    phones = [p for p in phones if _is_active(recording, p)]
    if not _articulated(recording, phones, start, end):
        return PAUSE
    phones = [p for p in _decided(recording, start, end, PAUSE) if _is_active(recording, p)]
    return Piece([], phones, [""] * len(phones), [], 0.0, 0, "phones")


def _decided(recording: Recording, start: int, end: int, piece: Piece) -> list[Interval]:
    """The phones that are right in most frames, words being evidence and no more."""
    chances = phone_posteriors(recording.heard(start, end).loop(), recording.links())

    def frames(part: Interval) -> tuple[int, int]:
        low, high = (round(t / STEP) - start for t in (part.start, part.end))
        return max(low, 0), min(high, len(chances))

    said = [w.end - w.start for w in piece.words]
    sure = word_certainty(piece.fits, said, recording.level)
    weight = word_weight([frames(w) for w in piece.words], sure.tolist(), len(chances))
    told = [(p.label, *frames(p)) for p in fill(piece.phones, end * STEP)]
    found = decide(chances, recording.model.phones, told=told, weight=weight)
    return [
        Interval((start + low) * STEP, min((start + high) * STEP, recording.audio.duration), name)
        for name, low, high in found
        if name
    ]


def _articulated(recording: Recording, phones: list[Interval], start: int, end: int) -> bool:
    """Whether there are enough phones for the sound's length: hum and held chords have few."""
    return len(phones) >= _PHONES_PER_SECOND * STEP * int(recording.active[start:end].sum())


def _heard_phone(recording: Recording, segment: Segment, start: int) -> Interval:
    low = start * STEP + segment.start / FRAME_RATE + BOUNDARY_SHIFT
    high = start * STEP + segment.end / FRAME_RATE + BOUNDARY_SHIFT
    return Interval(low, min(high, recording.audio.duration), segment.label)


def _is_active(recording: Recording, interval: Interval) -> bool:
    first, last = int(interval.start / STEP), int(np.ceil(interval.end / STEP))
    return bool(recording.active[first:last].any())
