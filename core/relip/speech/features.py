"""Cepstra as the acoustic model of PocketSphinx was trained on, at any time step.

Mel-frequency cepstral coefficients with the settings of the model's
``feat.params``: pre-emphasis 0.97, 25.6 ms Hamming window, 25 triangular
filters from 130 to 6800 Hz, an orthonormal DCT, liftering by 22, cepstral mean
normalisation, and differences over 40 and 60 ms. Noise is followed and taken
out of the filters' powers as in Kim and Stern, "Power-Normalized Cepstral
Coefficients for Robust Speech Recognition" (ICASSP 2012): asymmetric lower
envelopes and temporal masking.

The model's frames are 10 ms apart. Finer steps come from several such streams,
each begun a little later, laid into each other: every stream is exactly what
the model knows.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

#: Samples per second.
RATE = 16000
#: Seconds from frame to frame of one stream.
PERIOD = 0.010
#: Samples in a window: its middle is what a frame tells of.
WINDOW = 410

_FFT = 512
_FILTERS = 25
_LOW, _HIGH = 130.0, 6800.0
_CEPSTRA = 13
_LIFTER = 22
_EMPHASIS = 0.97

# The noise follower's constants.
_SMOOTH = 0.7
_RISE, _FALL = 0.995, 0.5
_DECAY, _MASKED = 0.85, 0.2
_MAX_GAIN = 20.0
_NEIGHBOURS = 4

#: Frames of speech without which the mean is that of the whole sound.
_FEWEST = 20


def features(
    samples: np.ndarray, streams: int = 2, *, spoken: np.ndarray | None = None
) -> np.ndarray:
    """Normalised cepstra and their two differences.

    Parameters
    ----------
    samples : ndarray, shape (n,), float
        Mono at 16 kHz, any level: they are scaled to a peak of half of full scale.
    streams : int
        Frames per 10 ms.
    spoken : ndarray of bool, shape (m,), optional
        Which 10 ms the mean that is taken off is that of: speech and what is near it. The mean of
        everything is mostly that of the silence where there is much of it, and all sounds of the
        voice are then heard as others.

    Returns
    -------
    ndarray, shape (F, 39), float32
        Frame ``i`` tells of the sound around ``i * 0.01 / streams`` seconds;
        ``F = ceil(n / (160 / streams))``.
    """
    hop = round(RATE * PERIOD) // streams
    count = -(-len(samples) // hop)
    peak = float(np.abs(samples).max()) if len(samples) else 0.0
    scaled = np.asarray(samples, np.float64) * (0.5 * 32767 / peak if peak > 0 else 1.0)
    # Windows centred on their frame's time; a little noise keeps logarithms of silence finite.
    padded = np.concatenate(
        (np.zeros(WINDOW // 2 + 1), scaled, np.zeros(WINDOW + 2 * hop * streams))
    )
    dither = np.random.default_rng(0).normal(0.0, 0.5, len(padded))
    padded = padded + dither
    emphasised = padded[1:] - _EMPHASIS * padded[:-1]
    out = np.empty((count, 3 * _CEPSTRA), np.float32)
    view = np.lib.stride_tricks.sliding_window_view(emphasised, WINDOW)[::hop]
    length = -(-count // streams)
    # Every stream is as long as the longest, so that they can be followed side by side.
    power = _filtered(view[: length * streams]).reshape(length, streams, _FILTERS)
    cepstra = np.log(np.maximum(_denoised(power), 1e-4)) @ _dct().T
    for first in range(min(streams, count)):
        own = cepstra[: len(out[first::streams]), first]
        out[first::streams] = _differences(own - _mean(own, spoken))
    return out


def _mean(cepstra: np.ndarray, spoken: np.ndarray | None) -> np.ndarray:
    if spoken is not None:
        counted = np.flatnonzero(spoken[: len(cepstra)])
        if len(counted) >= _FEWEST:
            return np.asarray(cepstra[counted].mean(axis=0))
    return np.asarray(cepstra.mean(axis=0))


def _filtered(windows: np.ndarray) -> np.ndarray:
    power = np.empty((len(windows), _FILTERS))
    for start in range(0, len(windows), 2000):  # bounded memory on long recordings
        block = windows[start : start + 2000] * np.hamming(WINDOW)
        spectrum = np.abs(np.fft.rfft(block, _FFT)) ** 2
        power[start : start + 2000] = spectrum @ _mel().T
    return power


def _differences(centred: np.ndarray) -> np.ndarray:
    padded = np.pad(centred, ((3, 3), (0, 0)), mode="edge")
    n = len(centred)

    def at(shift: int) -> np.ndarray:
        return padded[3 + shift : 3 + shift + n]

    first = at(2) - at(-2)
    second = (at(3) - at(-1)) - (at(1) - at(-3))
    return np.concatenate((centred, first, second), axis=1).astype(np.float32)


@lru_cache(maxsize=1)
def _mel() -> np.ndarray:
    """Triangles of unit area, their corners at the nearest FFT bins."""

    def mel(hertz: np.ndarray | float) -> np.ndarray:
        return 2595.0 * np.log10(1.0 + np.asarray(hertz) / 700.0)

    def hertz(m: np.ndarray) -> np.ndarray:
        return 700.0 * (10.0 ** (m / 2595.0) - 1.0)

    bins = np.arange(_FFT // 2 + 1) * RATE / _FFT
    width = RATE / _FFT
    corners = hertz(np.linspace(mel(_LOW), mel(_HIGH), _FILTERS + 2))
    corners = np.floor(corners / width + 0.5) * width
    table = np.zeros((_FILTERS, len(bins)))
    for i, (low, mid, high) in enumerate(
        zip(corners[:-2], corners[1:-1], corners[2:], strict=True)
    ):
        rise = (bins - low) / max(mid - low, 1e-9)
        fall = (high - bins) / max(high - mid, 1e-9)
        table[i] = np.maximum(np.minimum(rise, fall), 0.0) * 2.0 / (high - low)
    return table


@lru_cache(maxsize=1)
def _dct() -> np.ndarray:
    """Orthonormal DCT-II, liftered."""
    k = np.arange(_CEPSTRA)[:, None]
    n = np.arange(_FILTERS)[None, :]
    table = np.cos(np.pi * k * (n + 0.5) / _FILTERS) * np.sqrt(2.0 / _FILTERS)
    table[0] = np.sqrt(1.0 / _FILTERS)
    return table * (1.0 + _LIFTER / 2 * np.sin(np.pi * k / _LIFTER))


def _denoised(power: np.ndarray) -> np.ndarray:
    """Filter powers, shape (frames, ..., filters), with the slow background taken out."""
    if not len(power):
        return power
    from scipy.signal import lfilter

    start = _SMOOTH * power[:1]
    smooth, _ = lfilter([1 - _SMOOTH], [1.0, -_SMOOTH], power, axis=0, zi=start)
    noise = _envelope(smooth, power[0] / _MAX_GAIN)
    signal = np.maximum(smooth - noise, 1.0)
    floor = _envelope(signal, power[0] / _MAX_GAIN)
    # The decaying peak of all frames before: a running maximum once the decay is taken out.
    decay = np.log(_DECAY) * np.arange(len(power)).reshape(-1, *[1] * (power.ndim - 1))
    peak = np.exp(np.maximum.accumulate(np.log(signal) - decay, axis=0) + decay)
    before = np.concatenate((np.zeros_like(peak[:1]), _DECAY * peak[:-1]))
    masked = np.where(signal < _DECAY * before, before * _MASKED, signal)
    signal = np.maximum(masked, floor)
    gain = np.clip(signal / np.maximum(smooth, 1e-9), 1 / _MAX_GAIN, _MAX_GAIN)
    width = power.shape[-1]
    sums = np.concatenate((np.zeros_like(gain[..., :1]), np.cumsum(gain, axis=-1)), axis=-1)
    at = np.arange(width)
    low, high = np.maximum(at - _NEIGHBOURS, 0), np.minimum(at + _NEIGHBOURS + 1, width)
    return power * (sums[..., high] - sums[..., low]) / (high - low)


def _envelope(values: np.ndarray, start: np.ndarray) -> np.ndarray:
    """A floor that follows falling values at once and rising ones slowly, along the first axis."""
    out = np.empty_like(values)
    floor, rise, fall = start.copy(), np.empty_like(start), np.empty_like(start)
    for row, value in zip(out, values, strict=True):
        np.subtract(value, floor, out=rise)
        np.multiply(rise, 1 - _FALL, out=fall)
        rise *= 1 - _RISE
        # The smaller is the slow step where the value lies above, the quick one below.
        np.minimum(rise, fall, out=rise)
        floor += rise
        row[...] = floor
    return out
