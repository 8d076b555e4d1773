"""Other words in a word's place: how much better it fits than what is said elsewhere.

A word's score against free phones depends on the voice, the language and the
sounds it happens to hold. Stretches of as many sounds from elsewhere in the
same transcript, laid on the same frames, depend on these in the same way: a
word that is said beats most of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from relip.speech.acoustics import STATES
from relip.speech.lattice import Sound

#: At most so many rivals for each word.
MOST = 24

#: A margin over fewer rivals than this is chance.
FEWEST = 3

#: Nats for passing over a third of a phone.
_SKIP = 4.0
_NEVER = np.float32(-1e30)


def rival_margins(
    scores: np.ndarray,
    names: Sequence[str],
    words: Sequence[Sequence[Sound]],
    frames: Sequence[tuple[int, int]],
) -> np.ndarray:
    """What each word scores above the median of its rivals.

    Every word and its rivals are searched for side by side, one step for each
    frame of the longest word.

    Parameters
    ----------
    scores : ndarray, shape (F, 3 * P)
        From :meth:`relip.speech.acoustics.Heard.loop`, nats per 10 ms.
    names : sequence of str, length P
        The model's phones.
    words : sequence, length W
        The sounds of every word, as they were found.
    frames : sequence of (int, int), length W
        First frame of each word and the one after its last.

    Returns
    -------
    ndarray, shape (W,)
        Nats per frame; NaN for words with fewer than :data:`FEWEST` rivals, or that are too short
        for their sounds.
    """
    if not words or not len(scores):
        return np.full(len(words), np.nan)
    heard, kinds = _kinds(scores, names, words)
    sizes = np.array([len(w) for w in words])
    firsts = np.cumsum(sizes) - sizes
    said = np.array([kinds[s] for w in words for s in w])
    count = len(said)
    begins = np.unique(np.linspace(0, count - 1, min(MOST, count)).astype(int))
    # The word itself, then what stands elsewhere; after the last sound comes the first.
    starts = np.concatenate(
        (firsts[:, None], np.broadcast_to(begins, (len(words), len(begins)))), axis=1
    )
    sounds = said[(starts[:, :, None] + np.arange(sizes.max())) % count]
    found = _search(heard, sounds, sizes, frames)
    own, rivals = found[:, 0], found[:, 1:]
    for word, (size, first) in enumerate(zip(sizes, firsts, strict=True)):
        ahead = (begins - first) % count
        same = (sounds[word, 1:, :size] == sounds[word, 0, :size]).all(axis=1)
        rivals[word, same | (ahead < size) | (count - ahead < size)] = np.nan
    out = np.full(len(words), np.nan)
    enough = (~np.isnan(rivals)).sum(axis=1) >= FEWEST
    if enough.any():
        out[enough] = own[enough] - np.nanmedian(rivals[enough], axis=1)
    return out


def _kinds(
    scores: np.ndarray, names: Sequence[str], words: Sequence[Sequence[Sound]]
) -> tuple[np.ndarray, dict[Sound, int]]:
    """Scores of every distinct sound's thirds, shape (F, 3 * kinds), and the sounds' places."""
    kinds = {s: i for i, s in enumerate(dict.fromkeys(s for w in words for s in w))}
    at = {name: STATES * i for i, name in enumerate(names)}
    heard = [np.max([scores[:, at[p] : at[p] + STATES] for p in sound], axis=0) for sound in kinds]
    return np.ascontiguousarray(np.concatenate(heard, axis=1), np.float32), kinds


def _search(
    heard: np.ndarray, sounds: np.ndarray, sizes: np.ndarray, frames: Sequence[tuple[int, int]]
) -> np.ndarray:
    """Nats per frame of sounds, shape (W, C, longest), on the frames of each word: shape (W, C).

    What lies behind a word's last state does not change it, so that words of any number of sounds
    are searched together; NaN where the frames are too few.
    """
    low = np.array([min(start, len(heard) - 1) for start, _ in frames])
    high = np.clip([end for _, end in frames], low + 1, len(heard))
    lengths = high - low
    order = np.argsort(-lengths, kind="stable")
    states = STATES * sounds[order][:, :, :, None] + np.arange(STATES)
    place = states.reshape(*sounds.shape[:2], -1) + (low[order] * heard.shape[1])[:, None, None]
    values, ends = heard.ravel(), STATES * sizes[order] - 1
    lengths = lengths[order]
    now = np.full(place.shape, _NEVER, np.float32)
    now[:, :, 0] = values[place[:, :, 0]]
    out = np.empty(sounds.shape[:2])
    for frame in range(int(lengths[0])):
        if frame:
            live = int((lengths > frame).sum())
            before, place = now[:live], place[:live]
            now = before.copy()
            np.maximum(now[:, :, 1:], before[:, :, :-1], out=now[:, :, 1:])
            np.maximum(now[:, :, 2:], before[:, :, :-2] - _SKIP, out=now[:, :, 2:])
            now += values.take(place + frame * heard.shape[1])
        for word in np.flatnonzero(lengths[: len(now)] == frame + 1):
            out[order[word]] = now[word, :, ends[word]] / lengths[word]
    out[out < _NEVER / 1e6] = np.nan
    return out
