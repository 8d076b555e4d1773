"""Lay one list of words on another: which word of the transcript is which recognised one."""

from __future__ import annotations

import numpy as np

#: Half width of the band searched around the diagonal: words, and share of the longer list.
_BAND = (200, 0.1)


def match_words(heard: list[str], words: list[str]) -> np.ndarray:
    """Minimum edit distance alignment within a band around the diagonal.

    Unlike difflib's, it does not jump from the first to the second time that
    a sentence is said.

    Parameters
    ----------
    heard : list of str, length n
    words : list of str, length m

    Returns
    -------
    ndarray of int, shape (n,)
        For each heard word the index of the equal word it is laid on, or -1;
        rising.
    """
    n, m = len(heard), len(words)
    match = np.full(n, -1)
    if not n or not m:
        return match
    codes = {w: i for i, w in enumerate(dict.fromkeys([*heard, *words]))}
    a = np.array([codes[w] for w in heard])
    b = np.array([codes[w] for w in words])
    half = int(_BAND[0] + _BAND[1] * max(n, m))
    width = min(2 * half + 1, m + 1)
    lows = np.clip(np.round(np.arange(n + 1) * m / n).astype(int) - half, 0, m + 1 - width)
    far = np.int32(1 << 28)
    steps = np.arange(width, dtype=np.int32)
    cost = np.empty((n + 1, width), np.int32)
    cost[0] = lows[0] + steps
    for i in range(1, n + 1):
        shift = int(lows[i] - lows[i - 1])
        above = np.full(width + 1, far, np.int32)  # cost[i-1] at columns lows[i]-1 ...
        first = shift - 1
        part = cost[i - 1, max(first, 0) :]
        above[max(-first, 0) : max(-first, 0) + len(part)] = part[: width + 1 - max(-first, 0)]
        columns = lows[i] + steps
        differs = np.ones(width, np.int32)
        inner = columns > 0
        differs[inner] = b[columns[inner] - 1] != a[i - 1]
        best = np.minimum(above[:-1] + differs, above[1:] + 1)
        cost[i] = np.minimum.accumulate(best - steps) + steps
    i, j = n, m
    while i > 0 and j > 0:
        here = cost[i, j - lows[i]]
        diagonal = _cell(cost, lows, i - 1, j - 1)
        equal = a[i - 1] == b[j - 1]
        if here == diagonal + (not equal):
            if equal:
                match[i - 1] = j - 1
            i, j = i - 1, j - 1
        elif here == _cell(cost, lows, i - 1, j) + 1:
            i -= 1
        else:
            j -= 1
    return match


def _cell(cost: np.ndarray, lows: np.ndarray, i: int, j: int) -> int:
    column = j - int(lows[i])
    return int(cost[i, column]) if 0 <= column < cost.shape[1] else 1 << 28
