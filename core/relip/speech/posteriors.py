"""The phones of a draft: what each frame is likely to be, whatever words were recognised.

Recognised words are often wrong, and where they are, their phones are too: the likeliest words
are not the phones that are right in most frames. Here every frame has its chances of all phones,
by the forward-backward algorithm over free phones with a bigram between them (Rabiner, "A Tutorial
on Hidden Markov Models", Proc. IEEE 1989, section III.A), the acoustic scores flattened as is
usual for posteriors of words (Wessel et al., "Confidence Measures for Large Vocabulary Continuous
Speech Recognition", IEEE Trans. Speech Audio Proc. 2001). The words' phones count as evidence
beside them, by the chance that the words are right, and the phones of most chance in all frames
together are taken (minimum expected frame error).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from relip.speech.acoustics import NOISES, SILENCE, STATES
from relip.speech.alignment import BILABIALS, Interval

#: Scores count so much: frames are far from independent.
SCALE = 0.2

#: Chance to stay in a third of a phone for another 10 ms.
STAY = 0.6

#: No chance is smaller than this: how sure the words must be to overrule the sound.
LEAST = 0.002

#: Nats that a frame gains by the phone of a word: at even chances that the word is right, for
#: every unit of its logit more, and at most.
EVEN, PER_LOGIT, MOST = 2.5, 0.7, 8.0

#: The logit of a word is at most this sure, and is smoothed over so many frames of 10 ms: words
#: beside wrong words are often wrong.
SUREST, NEARBY = 6.9, 50.0

#: Nats for every new phone, and the gain of closures: a missed one is seen more than one too many.
NEW = -1.5
CLOSED = 0.5

#: A word's own phones and times are kept when so many of its frames are decided that way.
AGREED = 0.8

#: What is left of a phone beside a kept word is a phone from this length on, seconds.
SHORTEST = 0.03

_NEVER = -1e30


def phone_posteriors(scores: np.ndarray, links: np.ndarray) -> np.ndarray:
    """The chance of every phone in every frame.

    Parameters
    ----------
    scores : ndarray, shape (F, 3 * P)
        From :meth:`relip.speech.acoustics.Heard.loop`, nats per 10 ms.
    links : ndarray, shape (P, P)
        Natural logarithms of the chance that a phone (column) follows another (row).

    Returns
    -------
    ndarray, shape (F, P)
        Every row sums to 1.
    """
    count = len(links)
    if not len(scores):
        return np.zeros((0, count))
    states = scores.reshape(len(scores), count, STATES).swapaxes(1, 2).astype(np.float64)
    highest = states.max(axis=(1, 2), keepdims=True)
    heard = np.exp(np.maximum(SCALE * (states - highest), -60.0))
    follow = np.exp(links)
    leave = 1.0 - STAY
    forward = np.empty_like(heard)
    now = np.zeros((STATES, count))
    now[0] = heard[0, 0]
    forward[0] = now / now.sum()
    for frame in range(1, len(heard)):
        before = forward[frame - 1]
        now = STAY * before
        now[1:] += leave * before[:-1]
        now[0] += leave * (before[-1] @ follow)
        now *= heard[frame]
        forward[frame] = now / now.sum()
    backward = np.ones((STATES, count))
    out = np.empty((len(heard), count))
    for frame in range(len(heard) - 1, -1, -1):
        both = (forward[frame] * backward).sum(axis=0)
        out[frame] = both / both.sum()
        after = backward * heard[frame]
        backward = STAY * after
        backward[:-1] += leave * after[1:]
        backward[-1] += leave * (follow @ after[0])
        backward /= backward.sum()
    return out


def decide(
    chances: np.ndarray,
    names: Sequence[str],
    *,
    told: Sequence[tuple[str, int, int]] = (),
    weight: np.ndarray | None = None,
) -> list[tuple[str, int, int]]:
    """The phones with the most chance in all frames together.

    Parameters
    ----------
    chances : ndarray, shape (F, P)
        From :func:`phone_posteriors`.
    names : sequence of str, length P
    told : sequence of (str, int, int)
        Phones of recognised words (``""`` is silence) with their first frame and the one after
        their last.
    weight : ndarray, shape (F,)
        From :func:`word_weight`: nats that the phones of ``told`` gain.

    Returns
    -------
    list of (str, int, int)
        Phones without a gap, each three frames or longer but for a cut one at the end; ``""`` is
        silence or noise.
    """
    frames, count = chances.shape
    if not frames:
        return []
    index = {name: i for i, name in enumerate(names)}
    gains = np.log(chances + LEAST)
    gains[:, [index[p] for p in BILABIALS if p in index]] += CLOSED
    if weight is not None:
        for name, start, end in told:
            gains[start:end, index[name or SILENCE]] += weight[start:end]
    history = np.full((frames, STATES, count), _NEVER)
    history[0, 0] = gains[0]
    best = np.zeros(frames, int)
    for frame in range(1, frames):
        before, now = history[frame - 1], history[frame]
        best[frame] = before[-1].argmax()
        now[0] = before[-1, best[frame]] + NEW
        now[1:] = before[:-1]
        # A phone stays in its last third: the others only make it three frames long.
        now[-1] = np.maximum(now[-1], before[-1])
        now += gains[frame]
    place = int(history[-1].max(axis=0).argmax())
    state = int(history[-1, :, place].argmax())
    edges, labels = [frames], [place]
    for frame in range(frames - 1, 0, -1):
        if state == 0:
            place, state = int(best[frame]), STATES - 1
            edges.append(frame)
            labels.append(place)
        elif (
            state < STATES - 1
            or history[frame - 1, state - 1, place] > (history[frame - 1, state, place])
        ):
            state -= 1
    edges.append(0)
    quiet = {SILENCE, *NOISES}
    out: list[tuple[str, int, int]] = []
    for label, start, end in zip(labels[::-1], edges[:0:-1], edges[-2::-1], strict=True):
        name = "" if names[label] in quiet else names[label]
        if out and out[-1][0] == name:
            out[-1] = (name, out[-1][1], end)
        else:
            out.append((name, start, end))
    return out


def word_weight(
    words: Sequence[tuple[int, int]], certainty: Sequence[float], frames: int
) -> np.ndarray:
    """Nats that the phones of recognised words gain in every frame.

    Parameters
    ----------
    words : sequence of (int, int)
        First frame of each word and the one after its last.
    certainty : sequence of float
        The chance that each is right, from :func:`relip.speech.confidence.certainty`.
    frames : int

    Returns
    -------
    ndarray, shape (frames,)
    """
    from scipy.ndimage import gaussian_filter1d

    if not len(words):
        return np.zeros(frames)
    known = np.full(frames, np.nan)
    for (start, end), chance in zip(words, certainty, strict=True):
        odds = np.log(max(chance, 1e-9) / max(1.0 - chance, 1e-9))
        known[min(start, frames - 1) : max(end, start + 1)] = np.clip(odds, -SUREST, SUREST)
    at = np.flatnonzero(~np.isnan(known))
    logit = gaussian_filter1d(np.interp(np.arange(frames), at, known[at]), NEARBY, mode="nearest")
    return np.clip(EVEN + PER_LOGIT * logit, 0.0, MOST)


def confirmed(
    words: Sequence[Interval], phones: Sequence[Interval], decided: Sequence[Interval]
) -> list[Interval]:
    """What was decided, with the phones and finer times of the words that agree with it.

    Parameters
    ----------
    words, phones : sequence of Interval
        Recognised and aligned.
    decided : sequence of Interval
        Phones without silence, in order.

    Returns
    -------
    list of Interval
    """
    kept: list[tuple[float, float]] = []
    out: list[Interval] = []
    for word in words:
        own = [p for p in phones if p.start >= word.start - 1e-6 and p.end <= word.end + 1e-6]
        agreed = sum(
            max(min(p.end, d.end) - max(p.start, d.start), 0.0)
            for p in own
            for d in decided
            if d.label == p.label
        )
        if own and agreed >= AGREED * (word.end - word.start):
            kept.append((own[0].start, own[-1].end))
            out += own
    return sorted([*out, *_outside(decided, kept)])


def _outside(phones: Sequence[Interval], taken: Sequence[tuple[float, float]]) -> list[Interval]:
    """What of phones lies outside the spans that are taken.

    A short rest beside such a span goes to the phone on its other side.
    """
    out: list[Interval] = []
    rest: Interval | None = None
    for phone in phones:
        parts = [phone]
        for low, high in taken:
            parts = [
                p._replace(start=start, end=end)
                for p in parts
                for start, end in ((p.start, min(p.end, low)), (max(p.start, high), p.end))
                if end - start > 1e-6
            ]
        for part in parts:
            after, before = part.start > phone.start, part.end < phone.end
            if rest is not None and not after and part.start - rest.end < 1e-6:
                part = part._replace(start=rest.start)
            rest = None
            if (after or before) and part.end - part.start < SHORTEST:
                if before and not after and out and part.start - out[-1].end < 1e-6:
                    out[-1] = out[-1]._replace(end=part.end)
                elif after and not before:
                    rest = part
                continue
            out.append(part)
    return out
