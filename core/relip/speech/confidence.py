"""How well words fit the sound: the alignment's score against the free phone loop's.

Per word, (score of the aligned word − score of the phone loop over the same
frames) / frames, in nats per 10 ms frame: about 0 where the words are right,
far below where they are not. Noise brings right and wrong words together, and
so does a language that the English model does not know; a logistic curve per
kind turns the score into the chance that the word is right
(``bench/speech.py`` measures and refits it).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from relip.speech.lattice import Loop

#: A word whose chance to be right lies below this is red; below :data:`GREEN` it is amber.
AMBER = 0.35
GREEN = 0.75

#: Distance in dB between loud and quiet parts of the recording at the knots of the tables below.
_RANGE_DB = (10.0, 15.0, 26.0, 36.0)
#: Mean over speech and words below which a transcript does not match. Measured on eight English
#: recordings: right pairs never under -0.8 clean, -0.5 in white noise at 10 dB; wrong ones never
#: over -3.4 and -1.2. On fifteen of five other languages: -1.7 and -1.2; -2.9 and -2.1.
_MISMATCH = (-0.8, -0.95, -1.6, -2.0)
_MISMATCH_FOREIGN = (-1.4, -1.6, -2.1, -2.4)
#: Score of a word of 0.3 s at which right and wrong are equally likely, and nats per unit of logit.
_MIDDLE = (-1.2, -1.3, -1.6, -1.8)
_MIDDLE_FOREIGN = (-1.7, -1.9, -3.0, -3.4)
_WIDTH = 0.7


def loudness_range(level: np.ndarray) -> float:
    """Distance in dB between the loud and the quiet parts of a recording.

    Parameters
    ----------
    level : ndarray, shape (n,)
        dBFS of every 10 ms.
    """
    return float(np.percentile(level, 95) - np.percentile(level, 5))


def mismatch_limit(level: np.ndarray, *, native: bool = True) -> float:
    """The mean score below which a transcript does not match.

    Parameters
    ----------
    level : ndarray, shape (n,)
        dBFS of every 10 ms of the recording.
    native : bool
        Whether the language is that of the acoustic model.

    Returns
    -------
    float
        Nats per frame.
    """
    table = _MISMATCH if native else _MISMATCH_FOREIGN
    return float(np.interp(loudness_range(level), _RANGE_DB, table))


def certainty(
    scores: Sequence[float], seconds: Sequence[float], level: np.ndarray, *, native: bool = True
) -> np.ndarray:
    """The chance that each word is the one that is said.

    Parameters
    ----------
    scores : sequence of float, length n
        From :func:`word_scores`.
    seconds : sequence of float, length n
        Lengths of the words: a long one that fits says more.
    level : ndarray, shape (m,)
        dBFS of every 10 ms of the recording.
    native : bool
        Whether the language is that of the acoustic model.

    Returns
    -------
    ndarray, shape (n,), 0 to 1
    """
    table = _MIDDLE if native else _MIDDLE_FOREIGN
    middle = float(np.interp(loudness_range(level), _RANGE_DB, table))
    weight = np.clip(np.sqrt(np.asarray(seconds, float) / 0.3), 0.6, 1.8)
    logit = (np.asarray(scores, float) - middle) / _WIDTH * weight
    return 1.0 / (1.0 + np.exp(-np.clip(logit, -30, 30)))


def colour(confidence: float) -> str:
    """``green``, ``amber`` or ``red``."""
    return "green" if confidence >= GREEN else "amber" if confidence >= AMBER else "red"


def word_scores(score: np.ndarray, loop: Loop, words: Sequence[tuple[int, int]]) -> list[float]:
    """Nats per frame of every word against the phone loop.

    Parameters
    ----------
    score : ndarray, shape (F,)
        Log likelihood of each 10 ms frame on the aligned path.
    loop : Loop
        Of the same frames.
    words : sequence of (int, int)
        First frame of each word and the one after its last.

    Returns
    -------
    list of float
    """
    n = min(len(score), len(loop.score))
    total = np.concatenate(([0.0], np.cumsum(score[:n] - loop.score[:n], dtype=np.float64)))
    out = []
    for start, end in words:
        low, high = min(start, n - 1), min(max(end, start + 1), n)
        out.append(float(total[high] - total[low]) / max(high - low, 1))
    return out


def overall(score: np.ndarray, loop: Loop, words: Sequence[tuple[int, int]]) -> tuple[float, int]:
    """Sum of the differences over every frame that either side takes for speech, and their number.

    Speech that the alignment passes over as silence counts against it.
    """
    n = min(len(score), len(loop.score))
    counted = np.zeros(n, bool)
    for start, end in words:
        counted[start:end] = True
    for label, start, end in loop.phones:
        if label:
            counted[start:end] = True
    difference = (score[:n] - loop.score[:n])[counted]
    return float(difference.sum()), int(counted.sum())
