"""Words laid on a part of the recording by an exact search (:mod:`relip.speech.lattice`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from relip.speech.activity import STEP
from relip.speech.alignment import Interval
from relip.speech.confidence import Fit, overall, word_scores
from relip.speech.decoys import decoy_paths
from relip.speech.ear import STREAMS, Ear, listen
from relip.speech.features import PERIOD
from relip.speech.lattice import Loop, Path, Sound, Span, best_path
from relip.speech.piece import Piece
from relip.speech.pronunciation import Word
from relip.speech.recording import NEAR, Recording, is_speech
from relip.speech.rivals import rival_margins
from relip.speech.verdict import DOUBT

#: The factor by which sound is slowed down on the stretch rung.
STRETCH = 1.3

#: Less speech than this is judged by its score alone: what three words beat their decoys by is
#: mostly chance. Frames of 10 ms.
DECOYS_FROM = 150


def force(
    recording: Recording, words: list[Word], start: int, end: int, stretch: float = 1.0
) -> Piece | None:
    """Align words with the frames start to end; None when they do not fit in."""
    found = lay(recording, words, start, end, stretch)
    return found[0] if found else None


def lay(
    recording: Recording,
    words: list[Word],
    start: int,
    end: int,
    stretch: float = 1.0,
    *,
    open_end: bool = False,
) -> tuple[Piece, int] | None:
    """Align words with the frames start to end, and how many of them are there."""
    native = recording.native
    ear = listen(recording, start, end, stretch, NEAR if native else 0.0)
    sounds = [[[p.sounds for p in variant] for variant in w.variants] for w in words]
    path = best_path(ear.heard, sounds, open_end=open_end, native=native, noisy=ear.noisy)
    if path is not None and not ear.holds(path.spans):
        ear = listen(recording, start, end, stretch)
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
        high = min(high, recording.audio.duration)
        phones.append(Interval(low, high, phone.label))
        ipa.append(phone.ipa)
        if span.sound == 0:
            spoken.append(Interval(low, high, words[span.word].label))
        else:
            spoken[-1] = spoken[-1]._replace(end=high)
    frames = [(s.start // STREAMS, s.end // STREAMS) for s in _word_spans(path.spans)]
    total, count = overall(scored, loop, frames)
    rung = "exact" + (f", stretched {stretch:g}" if stretch != 1.0 else "")
    fits = _fits(recording, ear, path, sounds, word_scores(scored, loop, frames), frames)
    decoy = None
    # The limits hold for sound at its own speed.
    doubt = stretch != 1.0 or abs(total / max(count, 1) - recording.mismatch) < DOUBT
    if doubt and count >= DECOYS_FROM:
        decoy = _decoy(recording, ear, sounds[: path.words], loop)
    piece = Piece(spoken, phones, ipa, fits, total, count, rung, is_speech(loop.phones), decoy)
    return piece, path.words


def _fits(
    recording: Recording,
    ear: Ear,
    path: Path,
    sounds: Sequence[Sequence[Sequence[Sound]]],
    scores: list[float],
    frames: Sequence[tuple[int, int]],
) -> list[Fit]:
    """What tells right words from wrong ones."""
    found = [sounds[s.word][s.variant] for s in path.spans if s.sound == 0]
    loop = ear.heard.loop()[ear.first : ear.last]
    margins = rival_margins(loop, recording.model.phones, found, frames)
    shortest: list[float] = []
    for span in path.spans:
        length = (span.end - span.start) * PERIOD / STREAMS
        if span.sound == 0:
            shortest.append(length)
        else:
            shortest[-1] = min(shortest[-1], length)
    return [Fit(*f) for f in zip(scores, margins.tolist(), shortest, strict=True)]


def _decoy(
    recording: Recording, ear: Ear, sounds: Sequence[Sequence[Sequence[Sound]]], loop: Loop
) -> float | None:
    """What the best of wrong words scores; None when there are none."""
    totals = []
    native = recording.native
    for path in decoy_paths(ear.heard, sounds, native=native, noisy=ear.noisy):
        own = ear.own(path)
        frames = [(s.start // STREAMS, s.end // STREAMS) for s in _word_spans(own.spans)]
        totals.append(overall(own.score[::STREAMS], loop, frames)[0])
    return max(totals, default=None)


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
