"""How well words fit the sound: the alignment's score against the free phone loop's.

Per word, (score of the aligned word − score of the phone loop over the same
frames) / frames, in nats per 10 ms frame: about 0 where the words are right,
far below where they are not. Noise brings right and wrong words together, and
so does a language that the English model does not know. A word is judged beside
that by how much better it fits than what else is said (:mod:`relip.speech.rivals`)
and by whether one of its sounds is squeezed: a logistic curve per kind of
language turns these into the chance that it is right (``bench/speech.py``
measures it).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from relip.speech.lattice import Loop

#: A word whose chance to be right lies below this is red; below :data:`GREEN` it is amber.
AMBER = 0.35
GREEN = 0.75

#: A red word is named where its chance is below this or its score by itself speaks against it, too.
#: Few words of a transcript are wrong, and a function word that is said in passing looks like it.
#: Chosen on eight recordings: of 114 right words, clean, two are red and none is named, of 342
#: replaced by others of their length 92 % are red and 91 % named; in white noise at 10 dB 18 of 114
#: and 82 % are red, 15 and 81 % named. On voices it was not chosen on (English, Italian, French)
#: 40 of 48 replaced words are named as they are red, and 14 others of 272 instead of 16.
NAMED = 0.2

#: Distance in dB between loud and quiet parts of the recording at the knots of the tables below.
_RANGE_DB = (10.0, 15.0, 26.0, 36.0)
#: Mean over speech and words below which a transcript does not match. Measured on eight English
#: recordings: right pairs never under -0.8 clean, -0.5 in white noise at 10 dB; wrong ones never
#: over -3.4 and -1.2. On fifteen of five other languages: -1.7 and -1.2; -2.9 and -2.1.
_MISMATCH = (-0.8, -0.95, -1.6, -2.0)
_MISMATCH_FOREIGN = (-1.4, -1.6, -2.1, -2.4)
#: Score of words at which right and wrong are equally likely, and nats per unit of logit.
_MIDDLE = (-1.2, -1.3, -1.6, -1.8)
_MIDDLE_FOREIGN = (-1.7, -1.9, -3.0, -3.4)
_WIDTH = 0.7
#: Logit of a word: of 1; and of 1, 10 dB of range, nats of score and of margin, these four times
#: the weight of its length; and of 10 ms of its shortest sound, which counts up to 40 ms. Fitted to
#: words replaced by others on the settings' sentences of ``bench/voices.py``, clean and with noise
#: and music at 10 dB, right and wrong ones weighing the same; for words without rivals alone.
_WORD = (-5.23, 1.03, -0.34, 0.96, 0.57, 1.19)
_WORD_ALONE = (-4.10, 1.64, 0.23, 1.28, 0.0, 1.04)
_WORD_FOREIGN = (-7.21, 1.10, -0.01, 0.78, 0.53, 1.66)
_WORD_FOREIGN_ALONE = (-5.78, 1.04, 0.39, 1.07, 0.0, 1.56)
_SQUEEZED = 0.040


class Fit(NamedTuple):
    """What is measured of a word.

    Attributes
    ----------
    score : float
        Nats per frame against free phones, from :func:`word_scores`.
    margin : float
        Nats per frame over its rivals, from :func:`relip.speech.rivals.rival_margins`; NaN where
        there are none.
    shortest : float
        Length of its shortest sound, seconds.
    """

    score: float
    margin: float
    shortest: float


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
    """The chance that words are the ones that are said, by their score alone.

    Parameters
    ----------
    scores : sequence of float, length n
        Nats per frame against free phones.
    seconds : sequence of float, length n
        Lengths of what was scored: something long that fits says more.
    level : ndarray, shape (m,)
        dBFS of every 10 ms of the recording.
    native : bool
        Whether the language is that of the acoustic model.

    Returns
    -------
    ndarray, shape (n,), 0 to 1
    """
    logit = (np.asarray(scores, float) - _middle(level, native)) / _WIDTH * _weight(seconds)
    return _chance(logit)


def word_certainty(
    fits: Sequence[Fit], seconds: Sequence[float], level: np.ndarray, *, native: bool = True
) -> np.ndarray:
    """The chance that each word is the one that is said.

    Parameters
    ----------
    fits : sequence of Fit, length n
    seconds, level, native
        As for :func:`certainty`.

    Returns
    -------
    ndarray, shape (n,), 0 to 1
    """
    measured = np.array(fits, float).reshape(-1, 3)
    alone = np.isnan(measured[:, 1])
    tables = (_WORD, _WORD_ALONE) if native else (_WORD_FOREIGN, _WORD_FOREIGN_ALONE)
    factors = np.where(alone[:, None], tables[1], tables[0])
    range_db = float(np.clip(loudness_range(level), _RANGE_DB[0], _RANGE_DB[-1]))
    count = len(measured)
    long = np.stack(
        (
            np.ones(count),
            np.full(count, range_db / 10),
            measured[:, 0],
            np.where(alone, 0.0, measured[:, 1]),
        ),
        axis=1,
    )
    logit = factors[:, 0] + _weight(seconds) * (factors[:, 1:5] * long).sum(axis=1)
    logit += factors[:, 5] * np.minimum(measured[:, 2], _SQUEEZED) * 100
    return _chance(logit)


def doubted(
    fits: Sequence[Fit], chances: Sequence[float], level: np.ndarray, *, native: bool = True
) -> np.ndarray:
    """Which words are to be named as hardly the ones that are said.

    Parameters
    ----------
    fits : sequence of Fit, length n
    chances : sequence of float, length n
        From :func:`word_certainty`.
    level, native
        As for :func:`certainty`.

    Returns
    -------
    ndarray of bool, shape (n,)
    """
    scores = np.array(fits, float).reshape(-1, 3)[:, 0]
    chance = np.asarray(chances, float)
    return (chance < NAMED) | ((chance < AMBER) & (scores < _middle(level, native)))


def _middle(level: np.ndarray, native: bool) -> float:
    """Score of words at which right and wrong are equally likely, nats per frame."""
    table = _MIDDLE if native else _MIDDLE_FOREIGN
    return float(np.interp(loudness_range(level), _RANGE_DB, table))


def _weight(seconds: Sequence[float]) -> np.ndarray:
    return np.clip(np.sqrt(np.asarray(seconds, float) / 0.3), 0.6, 1.8)


def _chance(logit: np.ndarray) -> np.ndarray:
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
