"""Pieces joined into one alignment, each boundary moved to where people put it."""

from __future__ import annotations

import numpy as np

from relip.speech.activity import STEP, runs
from relip.speech.alignment import Alignment, Interval, fill
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
from relip.speech.confidence import certainty, word_certainty
from relip.speech.piece import Piece
from relip.speech.recording import Recording


def join(recording: Recording, pieces: list[Piece], method: str, draft: bool) -> Alignment:
    """One alignment of the whole recording; between the pieces is silence."""
    words = [w for p in pieces for w in p.words]
    aligned = [q for p in pieces for q in p.phones]
    refined = refine(recording.audio.samples, recording.audio.rate, aligned)
    sounding = begin_with_sound(refined, recording.level, recording.limit)
    begun = begin_with_burst(sounding, recording.audio.samples, recording.audio.rate)
    closed = close_stops(begun, recording.audio.samples, recording.audio.rate)
    voiced = voice_after_stops(closed, recording.audio.samples, recording.audio.rate)
    # Measured in English; other languages' sounds the model sets apart in other ways.
    placed = as_people_do(voiced) if recording.native else voiced
    trimmed = _trim(recording, placed, inside_words(words, aligned))
    ended = end_with_sound(trimmed, recording.level, recording.limit)
    phones = hold_stops(
        let_go(ended, recording.level, recording.limit), recording.level, recording.limit
    )
    symbols = [s for p in pieces for s in p.ipa]
    named = [q._replace(label=s or q.label) for q, s in zip(phones, symbols, strict=True)]
    frames = sum(p.frames for p in pieces)
    total = sum(p.total for p in pieces) / frames if frames else None
    foreign = any(symbols)
    fits = [f for p in pieces for f in p.fits]
    lengths = [w.end - w.start for w in words]
    return Alignment(
        words=fill(_fit(words, aligned, phones), recording.audio.duration),
        phones=fill(phones, recording.audio.duration),
        duration=recording.audio.duration,
        method=method,
        rung="; ".join(dict.fromkeys(p.rung for p in pieces if p.rung != "pause")),
        draft=draft,
        confidence=None
        if total is None
        else float(certainty([total], [sum(lengths)], recording.level, native=not foreign)[0]),
        word_confidences=tuple(
            float(c) for c in word_certainty(fits, lengths, recording.level, native=not foreign)
        ),
        ipa=fill(named, recording.audio.duration) if foreign else (),
    )


def _trim(recording: Recording, phones: list[Interval], inside: list[bool]) -> list[Interval]:
    """Take pauses out of the phones beside them: the aligner likes to stretch these over.

    Where a phone holds more than 0.08 s without sound at its end or its
    start, it keeps 0.04 s of it. Inside a word a stop keeps all: there
    silence is its closure, a long one where the consonant is long.
    ``inside`` tells of each phone whether it follows another one of its word.
    """
    quiet = [(s * STEP, e * STEP) for s, e in runs(recording.active, False)]
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


def inside_words(words: list[Interval], phones: list[Interval]) -> list[bool]:
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
