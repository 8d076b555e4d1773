"""Grain: what the plate's noise is like, and as much of it in the patch as it lacks.

The plate's noise is measured in its smooth places: blocks of the plate around
the face whose middle frequencies are lowest. Their power spectrum, averaged,
is the grain's; its strength is noted by intensity, since film and sensors are
noisier in some tones than in others. The patch has some grain already, where
skin detail of the plate was carried over, and none where the network drew.
So its fine bands are measured too, place by place, and grain is added up to the
plate's strength, never beyond.

All numbers are in the network's encoding, which is close to what the eye sees.
The grain of a frame is a function of the frame's number and the shot's seed.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

#: Side of the blocks that are measured, plate pixels, and the most that are looked at in a frame.
BLOCK, MOST = 32, 96

#: Share of the blocks, the smoothest, that count.
SMOOTH = 0.35

#: Frames that are looked at.
FRAMES = 12

#: Fewest blocks that tell anything.
MIN_BLOCKS = 6

#: Frequencies (cycles per pixel) below which nothing is added: there the network draws well and
#: texture cannot be told from grain.
LOWEST, FULL = 0.05, 0.12

#: Frequencies between which texture shows, and those from which strength is measured.
TEXTURE, FINE = (0.03, 0.10), 0.2

#: Bins of the radial spectrum, from 0 to the corner of the spectrum.
BINS = 24

#: Bins of intensity.
LEVELS = 6

#: A grain weaker than this (network encoding, about a fifth of an 8-bit step) is left alone.
NOTHING = 0.0008

#: Pixels over which the grain a patch has already is averaged.
_AROUND = 15

#: Gaussian that parts the second band from what lies below.
_SECOND = 2.0


@dataclass(frozen=True)
class Grain:
    """A measured grain.

    Attributes
    ----------
    spectrum : np.ndarray [shape=(BINS,)]
        Amplitude by radial frequency, 0 to √½ cycles per pixel; white noise is all 1.
    levels : np.ndarray [shape=(n,)]
        Intensities, rising.
    strength : np.ndarray [shape=(n, 3)]
        Standard deviation of each channel there.
    mixing : np.ndarray [shape=(3, 3)]
        Cholesky factor of the channels' correlations.
    """

    spectrum: np.ndarray
    levels: np.ndarray
    strength: np.ndarray
    mixing: np.ndarray

    @classmethod
    def none(cls) -> Grain:
        """No grain at all."""
        return cls(np.ones(BINS), np.array([0.5]), np.zeros((1, 3)), np.eye(3))

    @property
    def empty(self) -> bool:
        """Whether there is nothing to add."""
        return bool(self.strength.max() < NOTHING)

    def to_dict(self) -> dict[str, list[float] | float]:
        """For records: strength in thousandths of the encoding's range."""
        return {
            "levels": [round(float(v), 3) for v in self.levels],
            "strength_x1000": [round(1000 * float(v), 3) for v in self.strength.mean(1)],
            "spectrum": [round(float(v), 3) for v in self.spectrum],
        }


def measure(pieces: list[np.ndarray]) -> Grain:
    """Measure the grain of pieces of a plate.

    Parameters
    ----------
    pieces : list of np.ndarray [shape=(height, width, 3), dtype=float32]
        Plate pixels around the face, at plate resolution, in the network's encoding.

    Returns
    -------
    Grain
        Empty when the pieces are too small or free of noise.
    """
    taper = np.hanning(BLOCK + 2)[1:-1]
    window = np.outer(taper, taper)
    radius = _radius(BLOCK, BLOCK)
    middle = (radius > TEXTURE[0]) & (radius < TEXTURE[1])
    top = radius > FINE
    blocks, texture, levels = [], [], []
    for piece in pieces:
        for y, x in _corners(piece.shape[:2]):
            block = piece[y : y + BLOCK, x : x + BLOCK].astype(np.float64)
            level = float(block.mean())
            if not np.isfinite(level) or not 0.02 < level < 0.98:
                continue  # clipped blacks and whites have no grain
            flat = block - _quadratic(block)
            found = np.fft.fft2(flat * window[..., None], axes=(0, 1))
            blocks.append(found.astype(np.complex64))
            texture.append(float((np.abs(found[middle]) ** 2).mean()))
            levels.append(level)
    if len(blocks) < MIN_BLOCKS:
        return Grain.none()
    # the smoothest of each intensity, or only the darkest places would count
    order = np.argsort(levels)
    groups = np.array_split(order, min(LEVELS, max(len(order) // 12, 1)))
    smooth = [
        group[np.argsort(np.array(texture)[group])[: max(int(SMOOTH * len(group)), 2)]]
        for group in groups
    ]
    scale = 1 / (window**2).sum()
    power = [[scale * (np.abs(blocks[i]) ** 2) for i in group] for group in smooth]
    # medians over blocks: a hair in one of them is no grain
    spectra = np.stack([np.median(np.stack(p), axis=0) for p in power]) / _MEDIAN
    strength = np.sqrt(spectra[:, top].mean(1))
    if strength.max() < NOTHING:
        return Grain.none()
    relative = np.stack([s.mean(-1) / max(float(s[top].mean()), 1e-12) for s in spectra])
    profile = np.sqrt(_radial(np.median(relative, axis=0), radius))
    chosen = np.concatenate(smooth)
    parts = np.concatenate([blocks[i][top] for i in chosen])
    covariance = (np.conj(parts).T @ parts).real
    spread = np.sqrt(np.maximum(np.diag(covariance), 1e-12))
    correlation = covariance / np.outer(spread, spread)
    mixing = np.linalg.cholesky(0.999 * correlation + 0.001 * np.eye(3))
    mean_levels = np.array([np.mean(np.array(levels)[group]) for group in smooth])
    return Grain(profile, mean_levels, strength, mixing)


def _corners(size: tuple[int, ...]) -> list[tuple[int, int]]:
    """Top left corners of the blocks of a piece, at most :data:`MOST`, evenly spread."""
    rows = range(0, size[0] - BLOCK + 1, BLOCK)
    columns = range(0, size[1] - BLOCK + 1, BLOCK)
    every = [(y, x) for y in rows for x in columns]
    if len(every) <= MOST:
        return every
    return [every[i] for i in np.linspace(0, len(every) - 1, MOST).round().astype(int)]


#: Median of the power of Gaussian noise in a bin over its mean (the exponential distribution's).
_MEDIAN = float(np.log(2))


def _radius(height: int, width: int) -> np.ndarray:
    return np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None])


def _quadratic(block: np.ndarray) -> np.ndarray:
    """The smooth part of a block: its least-squares quadratic surface."""
    side = block.shape[0]
    t = np.linspace(-1, 1, side)
    x, y = np.meshgrid(t, t)
    design = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], -1).reshape(-1, 6)
    flat = block.reshape(-1, block.shape[-1])
    weights, *_ = np.linalg.lstsq(design, flat, rcond=None)
    return (design @ weights).reshape(block.shape)


def _radial(power: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """Means over rings of a 2-D spectrum, in :data:`BINS` bins; empty bins as their neighbours."""
    place = np.minimum((radius / np.sqrt(0.5) * BINS).astype(int), BINS - 1)
    count = np.bincount(place.ravel(), minlength=BINS)
    total = np.bincount(place.ravel(), power.ravel(), minlength=BINS)
    known = np.flatnonzero(count)
    return np.interp(np.arange(BINS), known, total[known] / count[known])


def field(grain: Grain, size: tuple[int, ...], seed: int, frame: int) -> np.ndarray:
    """Grain of unit strength ``[shape=(height, width, 3), dtype=float32]``.

    Parameters
    ----------
    grain : Grain
    size : tuple of int
        Height, width.
    seed, frame : int
        The same two give the same grain.
    """
    height, width = size
    rng = np.random.default_rng([seed & 0xFFFFFFFF, frame & 0xFFFFFFFF])
    white = rng.standard_normal((height, width, 3), dtype=np.float32)
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    at = (np.arange(BINS) + 0.5) / BINS * np.sqrt(0.5)
    gain = np.interp(radius, at, grain.spectrum) * np.clip(
        (radius - LOWEST) / (FULL - LOWEST), 0, 1
    )
    shaped = np.fft.irfft2(
        np.fft.rfft2(white, axes=(0, 1)) * gain[..., None], s=(height, width), axes=(0, 1)
    )
    return (shaped @ grain.mixing.T).astype(np.float32)


def add_grain(
    picture: np.ndarray, grain: Grain, amount: float, *, seed: int, frame: int
) -> np.ndarray:
    """The picture with as much grain as the plate has.

    Parameters
    ----------
    picture : np.ndarray [shape=(height, width, 3), dtype=float32]
        The patch at plate resolution, in the network's encoding.
    grain : Grain
    amount : float
        0 adds nothing, 1 all that is missing.
    seed, frame : int

    Returns
    -------
    np.ndarray [shape=(height, width, 3), dtype=float32]
    """
    if amount <= 0 or grain.empty or min(picture.shape[:2]) < 8:
        return picture
    noise = field(grain, picture.shape[:2], seed, frame)
    low = cv2.GaussianBlur(picture, (0, 0), _SECOND)
    level = low.mean(2)
    strength = np.stack(
        [np.interp(level, grain.levels, grain.strength[:, c]) for c in range(3)], -1
    ).astype(np.float32)
    result = picture.astype(np.float32, copy=True)
    for made, there in zip(_bands(noise), _bands(picture), strict=True):
        # power of this band of the whole grain, and of what stands in the picture
        unit = max(float(np.mean(np.square(made))), 1e-12)
        full = np.square(strength) * unit
        # an edge has more power than any grain: cut off, it counts as grain and nothing is added
        seen = np.minimum(np.square(there), 6.0 * full)
        seen = cv2.blur(seen, (_AROUND, _AROUND), borderType=cv2.BORDER_REFLECT_101)
        missing = np.clip(1 - seen.mean(2) / np.maximum(full.mean(2), 1e-12), 0, 1)
        result += amount * np.sqrt(missing)[..., None] * strength * made
    return result


def _bands(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The top octave and the one below: what a 3 × 3 binomial takes away, and a Gaussian more."""
    near = cv2.sepFilter2D(picture, -1, _BINOMIAL, _BINOMIAL, borderType=cv2.BORDER_REFLECT_101)
    far = cv2.GaussianBlur(picture, (0, 0), _SECOND)
    return picture - near, near - far


_BINOMIAL = np.array([0.25, 0.5, 0.25], np.float32)
