"""Phone boundaries between the aligner's frames: where the spectrum changes.

Within some milliseconds of each boundary the sound is split into a before and
an after so that both are as uniform as they can be (least squares over the
log spectra in 24 bands, 1 ms apart); a penalty for moving keeps the boundary where
nothing changes.
"""

from __future__ import annotations

import numpy as np

from relip.speech.alignment import Interval

#: How far a boundary may move, and how much sound on either side is looked at, seconds.
REACH = 0.012
CONTEXT = 0.030
#: Spread of the aligner's errors, seconds: the strength of the penalty for moving.
SPREAD = 0.010

_STEP = 0.001
_WINDOW = 0.008
_BANDS = 24


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
    moved = {}
    for index, edge in enumerate(edges):
        before = edges[index - 1] if index else edge - CONTEXT
        after = edges[index + 1] if index + 1 < len(edges) else edge + CONTEXT
        moved[edge] = _best(samples, rate, before, edge, after)
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


def _best(samples: np.ndarray, rate: int, before: float, edge: float, after: float) -> float:
    # Never past a third of the way to a neighbour, which may move towards this one.
    left = min(REACH, (edge - before) / 3)
    right = min(REACH, (after - edge) / 3)
    low, high = max(edge - CONTEXT, before), min(edge + CONTEXT, after)
    spectra, first = _spectra(samples, rate, low, high)
    if spectra is None or len(spectra) < 12:
        return edge
    times = first + np.arange(len(spectra)) * _STEP
    sums = np.concatenate((np.zeros((1, _BANDS)), np.cumsum(spectra, axis=0)))
    n = len(spectra)
    splits = np.arange(4, n - 4)
    head = (sums[splits] ** 2).sum(1) / splits
    tail = ((sums[n] - sums[splits]) ** 2).sum(1) / (n - splits)
    gain = head + tail
    spread = float((spectra**2).sum() - (sums[n] ** 2).sum() / n) / n
    where = times[splits] - _STEP / 2
    allowed = (where >= edge - left) & (where <= edge + right)
    if not allowed.any() or spread <= 0:
        return edge
    value = gain / (spread * _BANDS) * 6.0 - 0.5 * ((where - edge) / SPREAD) ** 2
    value[~allowed] = -np.inf
    return float(where[int(np.argmax(value))])


def _spectra(
    samples: np.ndarray, rate: int, low: float, high: float
) -> tuple[np.ndarray | None, float]:
    """Log powers in equal bands every millisecond, and the time of the first."""
    size, hop = round(_WINDOW * rate), round(_STEP * rate)
    first = round(low * rate) - size // 2
    count = int((high - low) / _STEP)
    begin = max(first, 0)
    part = samples[begin : first + count * hop + size]
    if count < 12 or len(part) < size:
        return None, low
    windows = np.lib.stride_tricks.sliding_window_view(part, size)[::hop] * np.hanning(size)
    power = np.abs(np.fft.rfft(windows, axis=1)) ** 2
    bands = np.array_split(power[:, 1:], _BANDS, axis=1)
    total = np.stack([b.mean(axis=1) for b in bands], axis=1)
    return np.log10(total + 1e-7), (begin + size // 2) / rate
