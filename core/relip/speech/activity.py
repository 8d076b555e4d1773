"""Where the recording is loud enough to be speech, and where to cut a long one."""

from __future__ import annotations

import numpy as np

#: Seconds per activity frame; the aligner's own frame.
STEP = 0.01

#: Nothing below this is speech, dBFS.
FLOOR_DBFS = -62.0


def levels(samples: np.ndarray, rate: int) -> np.ndarray:
    """RMS level of every 10 ms.

    Parameters
    ----------
    samples : ndarray, shape (n,)
    rate : int
        Samples per second.

    Returns
    -------
    ndarray, shape (ceil(n / (rate / 100)),)
        dBFS, at least -120.
    """
    hop = rate // 100
    count = len(samples) // hop
    body = samples[: count * hop].reshape(count, hop)
    power = np.einsum("ij,ij->i", body, body, dtype=np.float64) / hop
    rest = samples[count * hop :]
    if len(rest):
        power = np.append(power, float(np.mean(np.square(rest, dtype=np.float64))))
    return 10 * np.log10(np.maximum(power, 1e-12))


def threshold(level: np.ndarray) -> float:
    """The level in dBFS above which there may be speech.

    35 dB below the loud parts, or 8 dB above the noise floor where the floor
    is higher than that, but always below the loud parts by 12 dB.
    """
    loud = float(np.percentile(level, 95))
    floor = float(np.percentile(level, 5))
    return max(FLOOR_DBFS, loud - 35.0, min(floor + 8.0, loud - 12.0))


def active(level: np.ndarray, limit: float | None = None) -> np.ndarray:
    """Frames that may hold speech.

    Holes under 0.12 s (the closures of stops) are filled and islands under
    0.04 s (clicks) removed.

    Parameters
    ----------
    level : ndarray, shape (n,)
        From :func:`levels`.
    limit : float, optional
        dBFS; by default :func:`threshold` of the same levels.

    Returns
    -------
    ndarray of bool, shape (n,)
    """
    mask = level > (threshold(level) if limit is None else limit)
    for value, shortest in ((False, 12), (True, 4)):
        for start, end in runs(mask, value):
            inner = start > 0 and end < len(mask)
            if end - start < shortest and (value or inner):
                mask[start:end] = not value
    return mask


def runs(mask: np.ndarray, value: bool = True) -> list[tuple[int, int]]:
    """Start and end (exclusive) of every run of ``value``."""
    padded = np.concatenate(([False], mask == value, [False])).astype(np.int8)
    edges = np.flatnonzero(np.diff(padded))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def cuts(level: np.ndarray, longest: float = 20.0) -> list[int]:
    """Where to cut a recording into pieces of at most ``longest`` seconds.

    Each cut lies in the middle of the longest pause between half and all of
    the allowed length; without a pause, at the quietest 50 ms.

    Parameters
    ----------
    level : ndarray, shape (n,)
        From :func:`levels`.
    longest : float
        Seconds.

    Returns
    -------
    list of int
        Frames of 10 ms, from 0 to n.
    """
    limit = round(longest / STEP)
    pauses = runs(active(level), False)
    edges = [0]
    while len(level) - edges[-1] > limit:
        low, high = edges[-1] + limit // 2, edges[-1] + limit
        inside = [
            (min(e, high) - max(s, low), (max(s, low) + min(e, high)) // 2)
            for s, e in pauses
            if min(e, high) - max(s, low) >= 8
        ]
        if inside:
            edges.append(max(inside)[1])
        else:
            smooth = np.convolve(level[low:high], np.ones(5), "same")
            edges.append(low + int(np.argmin(smooth[2:-2])) + 2)
    return [*edges, len(level)]
