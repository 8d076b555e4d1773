"""Words that nobody said: how well any words of that length would fit.

The score of an alignment depends on the language, the voice and the noise; that
of its decoys does in the same way. The same words backwards, said backwards, or
begun in their middle are as long, hold the same sounds, and are wrong: only
words that fit clearly better than all of these are the ones that are said.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from relip.speech.acoustics import Heard
from relip.speech.lattice import Path, Sound, best_path

#: A word: its pronunciations, each a sequence of sounds.
_Said = Sequence[Sequence[Sound]]

#: Words that beat the best decoy by this are the ones said, nats per 10 ms: on the voices of
#: ``bench/voices.py`` (18 languages, sentences for settings) right ones by 1.38 and more, wrong
#: ones by at most 0.93.
MARGIN = 1.15
#: In noise all scores draw together: there right words beat the best decoy by less, but lose
#: against free phones only this share of what it loses; wrong ones 0.67 and more.
SHARE, LEAST = 0.60, 0.25


def decoys(words: Sequence[_Said]) -> list[list[_Said]]:
    """Wrong words with the sounds of the given ones.

    Parameters
    ----------
    words : sequence
        Per word its pronunciations, each a sequence of sounds.

    Returns
    -------
    list of list
        Everything backwards; the words backwards; each word backwards; the second half first.
        Those equal to the words themselves are left out: maybe none remain.
    """
    given: list[_Said] = list(words)
    backwards: list[_Said] = [[list(v)[::-1] for v in w] for w in given]
    middle = len(given) // 2
    out = (backwards[::-1], given[::-1], backwards, given[middle:] + given[:middle])
    said = _plain(given)
    return [d for d in out if _plain(d) != said]


def decoy_paths(
    heard: Heard, words: Sequence[_Said], *, native: bool, noisy: np.ndarray | None = None
) -> list[Path]:
    """The best paths of all decoys, found as :func:`relip.speech.lattice.best_path` does."""
    found = (best_path(heard, d, native=native, noisy=noisy) for d in decoys(words))
    return [p for p in found if p is not None]


def convincing(total: float, decoy: float, frames: int) -> bool:
    """Whether words fit so much better than their best decoy that they are the ones said.

    Parameters
    ----------
    total, decoy : float
        Sums over the same recording of the score against free phones
        (:func:`relip.speech.confidence.overall`), nats.
    frames : int
        Of 10 ms, that they were summed over.
    """
    margin = (total - decoy) / max(frames, 1)
    return margin >= MARGIN or (margin >= LEAST and total >= SHARE * decoy)


def _plain(words: Sequence[_Said]) -> list[list[Sound]]:
    return [list(w[0]) for w in words]
