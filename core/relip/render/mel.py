"""The mel spectrogram that the 96 × 96 family of lip generators listens to.

80 bands from 55 to 7600 Hz of a 16 kHz recording, windows of 800 samples
every 200 (80 a second), magnitudes in decibels mapped to −4 … 4: the numbers
that the family's networks were trained with (Prajwal et al. 2020, after the
Tacotron vocoders' front ends).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

RATE, HOP, WINDOW, BANDS = 16000, 200, 800, 80
LOW, HIGH = 55.0, 7600.0

#: Columns of the spectrogram in a second, and in the piece a network hears at once.
PER_SECOND, COLUMNS = RATE // HOP, 16


@dataclass(frozen=True)
class MelScale:
    """How magnitudes become the network's numbers.

    Attributes
    ----------
    preemphasis : float
        Of the sound, ``y[n] = x[n] − preemphasis · x[n−1]``.
    reference : float
        Decibels taken off.
    floor : float
        Decibels that become ``−reach``; 0 dB becomes ``+reach``.
    reach : float
    """

    preemphasis: float = 0.97
    reference: float = 20.0
    floor: float = -100.0
    reach: float = 4.0

    def of(self, magnitudes: np.ndarray) -> np.ndarray:
        """The network's numbers for mel magnitudes."""
        decibels = 20 * np.log10(np.maximum(1e-5, magnitudes)) - self.reference
        scaled = 2 * self.reach * (decibels - self.floor) / -self.floor - self.reach
        return np.clip(scaled, -self.reach, self.reach).astype(np.float32)


def mel_spectrogram(samples: np.ndarray, scale: MelScale | None = None) -> np.ndarray:
    """The mel spectrogram of a 16 kHz recording.

    Parameters
    ----------
    samples : np.ndarray [shape=(n,)]
    scale : MelScale, optional

    Returns
    -------
    np.ndarray [shape=(80, 1 + n // 200), dtype=float32]
        Column ``i`` is centred at ``i / 80`` seconds.
    """
    import librosa

    scale = scale or MelScale()
    sound = np.asarray(samples, np.float32)
    sound = np.append(sound[:1], sound[1:] - np.float32(scale.preemphasis) * sound[:-1])
    power = np.abs(
        librosa.stft(sound, n_fft=WINDOW, hop_length=HOP, win_length=WINDOW, pad_mode="constant")
    )
    bank = librosa.filters.mel(sr=RATE, n_fft=WINDOW, n_mels=BANDS, fmin=LOW, fmax=HIGH)
    return scale.of(bank @ power)


def piece(mel: np.ndarray, index: int, rate: Fraction, offset: float, silence: float) -> np.ndarray:
    """What a network hears for one frame: 16 columns, 0.2 s, about the frame's middle.

    Parameters
    ----------
    mel : np.ndarray [shape=(80, n)]
    index : int
        Frame of the shot, from 0.
    rate : Fraction
        Frames per second, any: columns are chosen by time.
    offset : float
        Seconds into the shot at which the recording begins.
    silence : float
        Value outside the recording.

    Returns
    -------
    np.ndarray [shape=(80, 16)]
    """
    middle = float((index + Fraction(1, 2)) / rate) - offset
    first = int(np.floor(middle * PER_SECOND - COLUMNS / 2 + 0.5))
    result = np.full((mel.shape[0], COLUMNS), silence, np.float32)
    low, high = max(first, 0), min(first + COLUMNS, mel.shape[1])
    if high > low:
        result[:, low - first : high - first] = mel[:, low:high]
    return result
