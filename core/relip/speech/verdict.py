"""Whether the transcript is what is said."""

from __future__ import annotations

import numpy as np

from relip.errors import AudioError, TranscriptError
from relip.speech.confidence import word_certainty
from relip.speech.decoys import convincing
from relip.speech.piece import Piece
from relip.speech.recording import Recording, is_speech

#: Where the score lies this close to the limit, nats per 10 ms, decoys decide. On the settings'
#: sentences of ``bench/voices.py`` right words score from -0.44 under the limit, wrong ones up
#: to 0.50 over it.
DOUBT = 0.9

#: Chance that the words of a foreign transcript are right, on average over their lengths, below
#: which it is another one; it takes so many words to say so.
UNSURE, FEW = 0.3, 4


def mismatch(recording: Recording, pieces: list[Piece]) -> bool:
    """Whether other words are said: by the score alone where it is clear, else by decoys."""
    frames = sum(p.frames for p in pieces)
    if frames == 0:
        return True
    over = sum(p.total for p in pieces) / frames - recording.mismatch
    tried = [p for p in pieces if p.decoy is not None]
    slowed = any("stretched" in p.rung for p in pieces)
    if not tried or (abs(over) >= DOUBT and not slowed):
        return over < 0 or _doubted(recording, pieces)
    return _doubted(recording, pieces) or not convincing(
        sum(p.total for p in tried),
        sum(p.decoy for p in tried if p.decoy is not None),
        sum(p.frames for p in tried),
    )


def _doubted(recording: Recording, pieces: list[Piece]) -> bool:
    """Whether hardly a word of a foreign transcript is sure, however well its sounds fit."""
    if recording.native:
        return False
    fits = [f for p in pieces for f in p.fits]
    lengths = [w.end - w.start for p in pieces for w in p.words]
    if len(fits) < FEW:
        return False
    sure = word_certainty(fits, lengths, recording.level, native=False)
    return float(np.average(sure, weights=lengths)) < UNSURE


def no_speech() -> AudioError:
    """What to say of words for a recording without speech."""
    return AudioError(
        "the dialogue holds no speech but the transcript has words",
        mend="give the recording of these words",
    )


def refusal(recording: Recording, words: list[str], pieces: list[Piece]) -> Exception:
    """What to say of words that are not said: the worst of them, or that nothing is."""
    if not is_speech(recording.loop(0, min(len(recording.level), 6000))):
        return no_speech()
    scored = [(f.score, w.label) for p in pieces for f, w in zip(p.fits, p.words, strict=True)]
    worst = [w for _, w in sorted(scored)[:5]]
    heard: list[str] = []
    if not worst and recording.native:
        heard = [w for s, e in recording.pieces()[:3] for w in recording.recognised(s, e)]
        known = set(heard)
        worst = [w for w in dict.fromkeys(words) if w not in known][:5]
    named = ", ".join(repr(w) for w in worst) or "all of them"
    told = f"; heard was rather {' '.join(heard[:12])!r}" if heard else ""
    return TranscriptError(
        f"the transcript does not match the dialogue; worst words: {named}{told}",
        mend="give the words that are said, or no transcript to have them recognised",
    )
