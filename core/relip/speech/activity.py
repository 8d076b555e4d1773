"""Where the recording is loud enough to be speech, and where to cut a long one."""

from __future__ import annotations

import numpy as np

#: Seconds per activity frame; the aligner's own frame.
STEP = 0.01

#: Steady tones per frame from which on sound without known words is music. Speech has under 0.3,
#: in a hall 1, with music 10 dB below it 2.3; chords with drums have 11 (``bench/speech.py``).
MUSIC = 5.0

#: Below this is no voice, hertz.
RUMBLE = 60.0

#: Nothing below this is speech, dBFS.
FLOOR_DBFS = -62.0


def without_rumble(samples: np.ndarray, rate: int) -> np.ndarray:
    """Sound without what lies below any voice, at the same times.

    Wind, steps, a handled microphone or a constant offset may be louder than the speech over
    them: levels would tell of these.

    Parameters
    ----------
    samples : ndarray, shape (n,)
    rate : int
        Samples per second.

    Returns
    -------
    ndarray, shape (n,), float32
    """
    from scipy.signal import butter, sosfiltfilt

    if len(samples) < rate // 10:
        return samples
    sections = butter(2, RUMBLE, "highpass", fs=rate, output="sos")
    return sosfiltfilt(sections, samples).astype(np.float32)


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


def near(mask: np.ndarray, reach: float) -> np.ndarray:
    """Frames of 10 ms that lie no further than ``reach`` seconds from one that is set."""
    out = np.zeros(len(mask), bool)
    most = round(reach / STEP)
    for start, end in runs(mask):
        out[max(start - most, 0) : end + most] = True
    return out


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


def steady_tones(samples: np.ndarray, rate: int) -> float:
    """How many partials hold their pitch for 0.2 s: many in music, hardly any in speech.

    The pitch of a voice never rests, and moves its upper partials from bin to bin of a 64 ms
    spectrum; those of instruments stay.

    Parameters
    ----------
    samples : ndarray, shape (n,)
    rate : int
        Samples per second.

    Returns
    -------
    float
        Mean over the loud frames, from 300 to 4000 Hz; 0 for sound shorter than 0.3 s.
    """
    from scipy.ndimage import median_filter

    size = round(0.064 * rate)
    hop, lasting = size // 4, 12
    if len(samples) < size + lasting * hop:
        return 0.0
    low, high = int(300 * size / rate), int(4000 * size / rate)
    windows = np.lib.stride_tricks.sliding_window_view(samples, size)[::hop]
    spectrum = np.empty((len(windows), high + 2 - low), np.float32)
    for start in range(0, len(windows), 500):
        part = windows[start : start + 500] * np.hanning(size)
        magnitude = np.abs(np.fft.rfft(part, axis=1))[:, low - 1 : high + 1]
        spectrum[start : start + 500] = 20 * np.log10(magnitude + 1e-6)
    inner = spectrum[:, 1:-1]
    peak = (inner > spectrum[:, :-2]) & (inner >= spectrum[:, 2:])
    peak &= inner > median_filter(spectrum, (1, 21))[:, 1:-1] + 8.0
    total = np.cumsum(np.pad(peak.astype(np.int32), ((1, 0), (0, 0))), axis=0)
    held = total[lasting:] - total[:-lasting] >= lasting - 1
    loud = inner.max(axis=1) > inner.max() - 30.0
    counts = held.sum(axis=1)[loud[: len(held)]]
    return float(counts.mean()) if len(counts) else 0.0
