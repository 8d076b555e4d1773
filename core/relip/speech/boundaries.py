"""Phone boundaries between the aligner's frames: where the spectrum changes.

Within some milliseconds of each boundary the sound is split into a before and
an after so that both are as uniform as they can be (least squares over the
log spectra in 24 bands, 1 ms apart); a penalty for moving keeps the boundary where
nothing changes.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from relip.speech.activity import STEP
from relip.speech.alignment import Interval

#: How far a boundary may move, and how much sound on either side is looked at, seconds.
REACH = 0.012
CONTEXT = 0.030
#: Spread of the aligner's errors, seconds: the strength of the penalty for moving.
SPREAD = 0.010

#: How far a phone after a pause may begin earlier than the aligner found, seconds.
ONSET = 0.05
#: Shorter gaps between phones are no pauses, seconds.
_GAP = 0.03

#: Sound that has fallen this far below the loudest 10 ms of a phone, and stays so until its end,
#: is the closure of the stop that follows, dB.
FALL = 25.0
#: A stop before a pause is let go up to this much later, in a burst no longer than that, seconds.
HELD, BURST = 0.10, 0.06
#: Sound that has risen so much over the quietest 10 ms of a stop after a pause is its own, dB.
RISE = 10.0
#: A stop after a pause begins so long before its sound, seconds: the lips close before it.
LEAD = 0.025
#: Phones that close the mouth and let it go.
VOICELESS = frozenset(("P", "T", "K", "CH"))
STOPS = VOICELESS | frozenset(("B", "D", "G", "JH"))

#: The silence between two equal stops is no longer, seconds.
HELD_BETWEEN = 0.10

_APPROXIMANTS = frozenset("LRWY")
_NASALS = frozenset(("M", "N", "NG"))
_VOICELESS_FRICATIVES = frozenset(("S", "SH", "F", "TH", "HH"))
#: Sounds so weak that their end cannot be told from a pause by its level.
_WEAK = STOPS | frozenset(("F", "V", "TH", "DH", "HH"))

#: The voice after a voiceless stop: this band, hertz, this far below its loudest in the sound
#: after, dB; it begins at most so much later than the aligner found, seconds.
VOICE_BAND, VOICE, BREATH = (90.0, 450.0), 18.0, 0.07

#: Where people set boundaries against where the model does, seconds: about half of the medians in
#: 13 s of labelled English by eight speakers, of the same sign in a voice of labelled diphones.
AFTER_NASAL, BEFORE_BREATH, AROUND_APPROXIMANT = -0.006, -0.004, 0.005

_STEP = 0.001
_WINDOW = 0.008
_BANDS = 24
#: Milliseconds of sound needed around a boundary, and looked at in one go.
_SHORTEST = 12
_AT_ONCE = 4000


def refine(samples: np.ndarray, rate: int, phones: list[Interval]) -> list[Interval]:
    """Move the boundaries that the sound itself shows.

    Parameters
    ----------
    samples : ndarray, shape (n,)
    rate : int
    phones : list of Interval
        In order, without overlap.

    Returns
    -------
    list of Interval
        As many, in the same order, none shorter than 5 ms or than it was.
    """
    if not phones:
        return []
    edges = sorted({t for p in phones for t in (p.start, p.end)})
    moved: dict[float, float] = {}
    spectra, first, until = np.empty((0, _BANDS)), 0, 0
    for index, edge in enumerate(edges):
        before = edges[index - 1] if index else edge - CONTEXT
        after = edges[index + 1] if index + 1 < len(edges) else edge + CONTEXT
        begin = round(max(edge - CONTEXT, before, 0.0) / _STEP)
        stop = round(min(edge + CONTEXT, after) / _STEP)
        if stop > until:  # the next seconds, so that the memory needed stays the same
            first, until = begin, max(begin + _AT_ONCE, stop)
            spectra = _spectra(samples, rate, first, until)
        part = spectra[begin - first : stop - first]
        moved[edge] = _best(part, begin * _STEP, before, edge, after)
    out = []
    last = 0.0
    for start, end, label in phones:
        low = max(moved[start], last)
        high = moved[end]
        if high - low < min(0.005, end - start):
            low, high = max(start, last), max(end, max(start, last))
        out.append(Interval(low, high, label))
        last = high
    return out


def begin_with_sound(phones: list[Interval], level: np.ndarray, limit: float) -> list[Interval]:
    """Let phones after a pause begin where the sound does.

    A soft onset is near silence for the acoustic model; its level tells it from a pause.

    Parameters
    ----------
    phones : list of Interval
        In order, without overlap.
    level : ndarray, shape (n,)
        dBFS of every 10 ms, from :func:`relip.speech.activity.levels`.
    limit : float
        The level in dBFS above which there is sound.

    Returns
    -------
    list of Interval
        As many; starts lie up to :data:`ONSET` earlier, never in the phone before.
    """
    out: list[Interval] = []
    for start, end, label in phones:
        earliest = max(out[-1].end if out else 0.0, start - ONSET)
        # Before a voiceless stop is its closure, which is silent.
        if (out and start - out[-1].end < _GAP) or label in VOICELESS:
            out.append(Interval(start, end, label))
            continue
        frame = min(int(start / STEP), len(level))
        while frame > 0 and (frame - 1) * STEP >= earliest and level[frame - 1] > limit:
            frame -= 1
        out.append(Interval(min(start, max(frame * STEP, earliest)), end, label))
    return out


def begin_with_burst(phones: list[Interval], samples: np.ndarray, rate: int) -> list[Interval]:
    """Let a stop after a pause begin shortly before it is heard.

    Its closure cannot be told from the pause; who labels by ear and eye begins it at its burst or
    its voice.

    Parameters
    ----------
    phones : list of Interval
        In order, without overlap.
    samples : ndarray, shape (n,)
    rate : int

    Returns
    -------
    list of Interval
        As many; stops after a pause begin at most :data:`LEAD` before their sound.
    """
    out = list(phones)
    hop = rate // 200
    for index, (start, end, label) in enumerate(out):
        if label not in STOPS or (index and start - out[index - 1].end < _GAP):
            continue
        power = _powers(samples[round(start * rate) : round(end * rate)], hop)
        if len(power) < 4:
            continue
        # Above what is quiet there by a little, or by half where the room is loud.
        quiet = min(power.min() * 10 ** (RISE / 10), np.sqrt(power.min() * power.max()))
        loud = power > max(power.max() * 10 ** (-FALL / 10), quiet)
        heard = start + hop * int(np.argmax(loud)) / rate
        out[index] = Interval(max(start, heard - LEAD), end, label)
    return out


def close_stops(phones: list[Interval], samples: np.ndarray, rate: int) -> list[Interval]:
    """Let stops begin with their closure: the silence before the burst is theirs.

    The acoustic model hears the end of a fricative or a vowel and the closure after it much
    alike where a room or a breath fills it.

    Parameters
    ----------
    phones : list of Interval
        In order, without overlap.
    samples : ndarray, shape (n,)
    rate : int

    Returns
    -------
    list of Interval
        As many; a phone before a stop keeps at least a third of its length.
    """
    out = list(phones)
    hop = rate // 200
    for index in range(1, len(out)):
        before, stop = out[index - 1], out[index]
        if stop.label not in STOPS or before.label in STOPS or stop.start - before.end > 0.001:
            continue
        part = samples[round(before.start * rate) : round(before.end * rate)]
        power = _powers(part, hop)
        if len(power) < 4:
            continue
        loud = np.flatnonzero(power > power.max() * 10 ** (-FALL / 10))
        if not len(loud):
            continue
        fallen = before.start + (hop * int(loud[-1]) + 2 * hop) / rate
        closed = max(float(fallen), before.start + (before.end - before.start) / 3)
        if before.end - closed >= 0.015:
            out[index - 1] = before._replace(end=closed)
            out[index] = stop._replace(start=closed)
    return out


def hold_stops(phones: list[Interval], level: np.ndarray, limit: float) -> list[Interval]:
    """Let a stop that is said twice stay closed in between: *stop pushing*, *Bob bought*.

    Parameters
    ----------
    phones, level, limit
        As for :func:`begin_with_sound`.

    Returns
    -------
    list of Interval
        As many; of two equal stops with nothing but a short silence between them the first lasts
        until the second.
    """
    out = list(phones)
    for index in range(1, len(out)):
        first, second = out[index - 1], out[index]
        if first.label != second.label or first.label not in STOPS:
            continue
        silence = level[int(np.ceil(first.end / STEP)) : int(second.start / STEP)]
        if 0 < second.start - first.end <= HELD_BETWEEN and (silence <= limit).all():
            out[index - 1] = first._replace(end=second.start)
    return out


def voice_after_stops(phones: list[Interval], samples: np.ndarray, rate: int) -> list[Interval]:
    """Let the breath of a voiceless stop be its own where l, r, w or y follows.

    The model hears the breath of *tw* or *pl* in the colour of the sound that comes; people
    begin that sound with its voice.

    Parameters
    ----------
    phones : list of Interval
        In order, without overlap.
    samples : ndarray, shape (n,)
    rate : int

    Returns
    -------
    list of Interval
        As many; the sound after a stop keeps at least 0.02 s.
    """
    from scipy.signal import butter, sosfiltfilt

    out = list(phones)
    hop = rate // 200
    sections = butter(2, VOICE_BAND, "bandpass", fs=rate, output="sos")
    for index in range(1, len(out) - 1):
        stop, here, after = out[index - 1 : index + 2]
        if stop.label not in VOICELESS or here.label not in _APPROXIMANTS:
            continue
        if here.start - stop.end > 0.001 or here.end - here.start < 0.03:
            continue
        # From the stop's last 0.02 s to the middle of what follows, with a margin for the filter.
        until = (after.start + after.end) / 2 if after.start - here.end < _GAP else here.end
        begin = max(stop.start, stop.end - 0.02)
        low = max(round((begin - 0.05) * rate), 0)
        part = samples[low : round((until + 0.05) * rate)]
        if len(part) < 30:
            continue
        voice = sosfiltfilt(sections, part)[round(begin * rate) - low :]
        power = _powers(voice[: round((until - begin) * rate)], hop)
        if len(power) < 6:
            continue
        weak = np.flatnonzero(power < power.max() * 10 ** (-VOICE / 10))
        # The voice is there for good after the last weak window before the loudest one.
        weak = weak[weak < int(np.argmax(power))]
        if not len(weak):
            continue
        voiced = begin + (int(weak[-1]) + 1.5) * hop / rate
        latest = min(stop.end + BREATH, here.end - 0.02)
        if stop.end + 0.005 < voiced <= latest:
            out[index - 1] = stop._replace(end=voiced)
            out[index] = here._replace(start=voiced)
    return out


def end_with_sound(phones: list[Interval], level: np.ndarray, limit: float) -> list[Interval]:
    """Let phones before a pause end where the sound does.

    The model takes a vowel's last echo, and some of the silence after it, for the vowel.

    Parameters
    ----------
    phones, level, limit
        As for :func:`begin_with_sound`.

    Returns
    -------
    list of Interval
        As many; none loses more than half of its length.
    """
    out = list(phones)
    for index, (start, end, label) in enumerate(out):
        until = _until(out, index, level)
        if label in _WEAK or (until - end < _GAP and index + 1 < len(out)):
            continue
        earliest = (start + end) / 2
        last = min(int(np.ceil(end / STEP)), len(level))
        while last > 0 and last * STEP > earliest and level[last - 1] <= limit:
            last -= 1
        out[index] = Interval(start, min(end, max(last * STEP, earliest)), label)
    return out


def as_people_do(phones: list[Interval]) -> list[Interval]:
    """Move the boundaries that the model sets apart from people's, by kind.

    Parameters
    ----------
    phones : list of Interval
        In order, without overlap.

    Returns
    -------
    list of Interval
        As many; a boundary moves at most a fifth of the shorter phone beside it.
    """
    out = list(phones)
    for index in range(1, len(out)):
        before, here = out[index - 1], out[index]
        if here.start - before.end > 0.001:
            continue
        shift = _shift(before.label, here.label)
        most = 0.2 * min(before.end - before.start, here.end - here.start)
        edge = before.end + float(np.clip(shift, -most, most))
        out[index - 1] = before._replace(end=edge)
        out[index] = here._replace(start=edge)
    return out


def _shift(before: str, here: str) -> float:
    from_vowel, to_vowel = (label[0] in "AEIOU" for label in (before, here))
    if before in _NASALS and (to_vowel or here in STOPS):
        return AFTER_NASAL
    if before in _APPROXIMANTS and to_vowel:
        return -AROUND_APPROXIMANT
    if from_vowel:
        if here in _APPROXIMANTS:
            return AROUND_APPROXIMANT
        if here in _VOICELESS_FRICATIVES:
            return BEFORE_BREATH
    return 0.0


def let_go(phones: list[Interval], level: np.ndarray, limit: float) -> list[Interval]:
    """Let stops before a pause end with their burst, which silence parts from what is before.

    Parameters
    ----------
    phones, level, limit
        As for :func:`begin_with_sound`.

    Returns
    -------
    list of Interval
        As many.
    """
    out = list(phones)
    loud = level > limit
    for index, (start, end, label) in enumerate(out):
        until = _until(out, index, level)
        if label not in STOPS or until - end < _GAP:
            continue
        first = round(end / STEP)
        inside = np.flatnonzero(loud[first : min(round(until / STEP), len(level))]) + first
        if end - start < _GAP and len(inside) and inside[0] == first:
            # Too short for closure and burst: what is loud there still is the sound before.
            parted = np.flatnonzero(np.diff(inside) > 1)
            inside = inside[parted[0] + 1 :] if len(parted) else inside[:0]
        if not len(inside) or not 1 <= inside[0] - first <= HELD / STEP:
            continue
        stops = np.flatnonzero(np.diff(inside) > 1)
        last = int(inside[stops[0]] if len(stops) else inside[-1]) + 1
        # Followed by silence: the next phone's own onset is no burst of this one.
        if (last - inside[0]) * STEP <= BURST and until - last * STEP >= 0.02:
            out[index] = Interval(start, last * STEP, label)
    return out


def _until(phones: list[Interval], index: int, level: np.ndarray) -> float:
    """When the next phone begins, or the sound ends."""
    return phones[index + 1].start if index + 1 < len(phones) else len(level) * STEP


def _powers(part: np.ndarray, hop: int) -> np.ndarray:
    """Mean squares of windows of two hops, a hop apart."""
    edges = np.arange(0, len(part) - 2 * hop + 1, hop)
    return np.array([np.mean(np.square(part[e : e + 2 * hop])) for e in edges])


def _best(spectra: np.ndarray, first: float, before: float, edge: float, after: float) -> float:
    # Never past a third of the way to a neighbour, which may move towards this one.
    left = min(REACH, (edge - before) / 3)
    right = min(REACH, (after - edge) / 3)
    n = len(spectra)
    if n < _SHORTEST:
        return edge
    sums = np.zeros((n + 1, _BANDS))
    np.cumsum(spectra, axis=0, out=sums[1:])
    splits = np.arange(4, n - 4)
    where = first + (splits - 0.5) * _STEP
    allowed = (where >= edge - left) & (where <= edge + right)
    spread = float((spectra**2).sum() - (sums[n] ** 2).sum() / n) / n
    if not allowed.any() or spread <= 0:
        return edge
    splits, where = splits[allowed], where[allowed]
    head = (sums[splits] ** 2).sum(1) / splits
    tail = ((sums[n] - sums[splits]) ** 2).sum(1) / (n - splits)
    value = (head + tail) / (spread * _BANDS) * 6.0 - 0.5 * ((where - edge) / SPREAD) ** 2
    return float(where[int(np.argmax(value))])


def _spectra(samples: np.ndarray, rate: int, first: int, until: int) -> np.ndarray:
    """Log powers in equal bands of the milliseconds from first to until, as far as sound goes."""
    size, hop = round(_WINDOW * rate), round(_STEP * rate)
    begin = first * hop - size // 2
    part = samples[max(begin, 0) : (until - 1) * hop + size - size // 2]
    part = np.pad(part, (max(-begin, 0), 0))
    if len(part) < size:
        return np.empty((0, _BANDS))
    windows = np.lib.stride_tricks.sliding_window_view(part, size)[::hop] * np.hanning(size)
    power = np.square(np.abs(np.fft.rfft(windows, axis=1)[:, 1:]))
    return np.log10(power @ _bands(power.shape[1]) + 1e-7)


@lru_cache(maxsize=4)
def _bands(bins: int) -> np.ndarray:
    """Means over equal runs of bins, shape (bins, bands)."""
    out = np.zeros((bins, _BANDS))
    for band, part in enumerate(np.array_split(np.arange(bins), _BANDS)):
        out[part, band] = 1 / len(part)
    return out
