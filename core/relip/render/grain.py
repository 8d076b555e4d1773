"""Grain: what the plate's noise is like, and as much of it in the patch as it lacks.

The plate's noise is measured in its smooth places: blocks of the face's bare
skin whose middle frequencies are lowest, or of all that is around a face too
small for that. Their power spectrum, averaged, is the grain's; its strength is
noted by intensity, since film and sensors are noisier in some tones than in
others. The patch has some grain already, where skin detail of the plate was
carried over, and none where the network drew. So its fine bands are measured
too, place by place, and grain is added up to the plate's strength, never beyond.

All numbers are in the network's encoding, which is close to what the eye sees.
The grain of a frame is a function of the frame's number and the shot's seed.
Where a codec has frozen the plate's grain, the patch's is like its neighbours'
too, or it would boil on a still face.
"""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field as field_of
from functools import lru_cache

import cv2
import numpy as np
from scipy.fft import irfft2, rfft2

from relip.render.colourmatch import grey

#: Side of the blocks that are measured, plate pixels, and the most that are looked at in a frame.
#: A piece with room for fewer than five in a row is measured in blocks half as wide: on a face of
#: 50 pixels a whole block always has an eye or a mouth in it. So is bare skin, whose cheeks hold
#: few whole ones.
BLOCK, MOST, ROW = 32, 96, 5

#: Share of a block that must be skin, and how many times as strong as the smoothest tone's the
#: grain of another may be: of tones that only a beard has it is three times as strong.
ALL_SKIN, SKIN_TONES = 0.98, 2.0

#: Sides of the places of a block that are compared, pixels, and how uneven their power may be:
#: the mean over the geometric mean. Grain lies evenly (1.0-1.3); what is left of a feature of the
#: face in a block that was the smoothest of its tone does not (2-3).
PLACE, UNEVEN = 8, 1.5

#: Share of the blocks, the smoothest, that count.
SMOOTH = 0.35

#: Frames that are looked at, each with the one after it.
FRAMES = 8

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

#: Side of the tile that grain is made in, pixels.
TILE = 256

#: Pixels over which the grain of a patch is averaged, and that of the plate.
_AROUND, _WIDE = 15, 31

#: How far the plate's own power in a place may be from the measured grain's and still be grain.
LESS, MORE = 0.25, 1.6

#: Gaussian that parts the second band from what lies below.
_SECOND = 2.0

#: Steps of intensity that its strength is looked up at.
_STEPS = 1024


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
    likeness : np.ndarray [shape=(2,)]
        Correlation of the grain of neighbouring frames, in the octave below the top one and in
        the top one: 0 for film and cameras, more where a codec repeats what it can.
    """

    spectrum: np.ndarray
    levels: np.ndarray
    strength: np.ndarray
    mixing: np.ndarray
    likeness: np.ndarray = field_of(default_factory=lambda: np.zeros(2))

    @classmethod
    def none(cls) -> Grain:
        """No grain at all."""
        return cls(np.ones(BINS), np.array([0.5]), np.zeros((1, 3)), np.eye(3))

    @classmethod
    def from_dict(cls, values: object) -> Grain:
        """From its attributes by name, as lists.

        Raises
        ------
        ValueError
            If they are not all there, or no grain.
        """
        if not isinstance(values, dict) or set(values) != set(cls.__dataclass_fields__):
            raise ValueError("not the attributes of a grain")
        try:
            grain = cls(**{k: np.array(v, np.float64) for k, v in values.items()})
        except TypeError as error:
            raise ValueError(str(error)) from None
        count = len(np.atleast_1d(grain.levels))
        shapes = {"spectrum": (BINS,), "levels": (count,), "strength": (count, 3),
                  "mixing": (3, 3), "likeness": (2,)}  # fmt: skip
        for name, shape in shapes.items():
            value = getattr(grain, name)
            if value.shape != shape or not count or not np.isfinite(value).all():
                raise ValueError(f"{name} is {value.shape}, not {shape}")
        if (np.diff(grain.levels) <= 0).any():
            raise ValueError("its levels do not rise")
        return grain

    @property
    def empty(self) -> bool:
        """Whether there is nothing to add."""
        return bool(self.strength.max() < NOTHING)

    def to_dict(self) -> dict[str, list[float] | float]:
        """For records: strength in thousandths of the encoding's range."""
        return {
            "levels": [round(float(v), 3) for v in self.levels],
            "strength_x1000": [round(1000 * float(v), 3) for v in self.strength.mean(1)],
            "likeness": [round(float(v), 3) for v in self.likeness],
            "spectrum": [round(float(v), 3) for v in self.spectrum],
        }


def measure(
    pieces: list[np.ndarray],
    after: list[np.ndarray | None] | None = None,
    skin: list[np.ndarray] | None = None,
) -> Grain:
    """Measure the grain of pieces of a plate.

    Parameters
    ----------
    pieces : list of np.ndarray [shape=(height, width, 3), dtype=float32]
        Plate pixels around the face, at plate resolution, in the network's encoding.
    after : list of np.ndarray or None, optional
        The same places in the next frames; None where there is none.
    skin : list of np.ndarray [shape=(height, width), dtype=bool], optional
        Where the pieces are bare skin. Where they hold enough of it, it alone is measured: of a
        tone that only hair has, hair would be the smoothest.

    Returns
    -------
    Grain
        Empty when the pieces are too small or free of noise.
    """
    corners = [_skin_corners(seen, BLOCK // 2) for seen in skin or ()]
    side, of_skin = BLOCK // 2, sum(map(len, corners)) >= LEVELS * MIN_BLOCKS
    if not of_skin:
        room = max((min(piece.shape[:2]) for piece in pieces), default=0)
        side = BLOCK if room >= ROW * BLOCK else BLOCK // 2
        corners = [_corners(piece.shape[:2], side) for piece in pieces]
    taper = np.hanning(side + 2)[1:-1]
    window = np.outer(taper, taper)
    radius = _radius(side, side)
    middle = (radius > TEXTURE[0]) & (radius < TEXTURE[1])
    top = radius > FINE
    blocks, texture, levels, places, even = [], [], [], [], []
    for number, piece in enumerate(pieces):
        fine = grey(np.square(_bands(piece)[0]))
        for y, x in corners[number]:
            block = piece[y : y + side, x : x + side].astype(np.float64)
            level = float(block.mean())
            if not np.isfinite(level) or not 0.02 < level < 0.98:
                continue  # clipped blacks and whites have no grain
            flat = block - _quadratic(block)
            found = np.fft.fft2(flat * window[..., None], axes=(0, 1))
            blocks.append(found.astype(np.complex64))
            texture.append(float((np.abs(found[middle]) ** 2).mean()))
            levels.append(level)
            places.append((number, y, x))
            even.append(_unevenness(fine[y : y + side, x : x + side]) <= UNEVEN)
    if len(blocks) < MIN_BLOCKS:
        return Grain.none()
    # the smoothest of each intensity, or only the darkest places would count
    order = np.argsort(levels)
    groups = np.array_split(order, min(LEVELS, max(len(order) // 12, 1)))
    smooth = [
        group[np.argsort(np.array(texture)[group])[: max(int(SMOOTH * len(group)), 2)]]
        for group in groups
    ]
    smooth = [kept for kept in (group[np.array(even)[group]] for group in smooth) if len(kept)]
    if sum(map(len, smooth)) < MIN_BLOCKS:
        return Grain.none()
    scale = 1 / (window**2).sum()
    power = [[scale * (np.abs(blocks[i]) ** 2) for i in group] for group in smooth]
    # medians over blocks: a hair in one of them is no grain
    spectra = np.stack([np.median(np.stack(p), axis=0) for p in power]) / _MEDIAN
    strength = np.sqrt(spectra[:, top].mean(1))
    if of_skin:
        whole = strength.mean(1)
        grainy = whole <= SKIN_TONES * max(float(whole.min()), NOTHING)
        spectra, strength = spectra[grainy], strength[grainy]
        smooth = [group for group, kept in zip(smooth, grainy, strict=True) if kept]
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
    likeness = _likeness(pieces, after or [], [places[i] for i in chosen], side)
    return Grain(profile, mean_levels, strength, mixing, likeness)


def _likeness(
    pieces: list[np.ndarray],
    after: list[np.ndarray | None],
    places: list[tuple[int, int, int]],
    side: int,
) -> np.ndarray:
    """Correlations of the two bands with the next frame's, in the blocks at ``places``.

    The face may have moved by a pixel: the best of the nine shifts counts.
    """
    sums = np.zeros((2, 9, 3))
    for number, follower in enumerate(after[: len(pieces)]):
        if follower is None or follower.shape != pieces[number].shape:
            continue
        bands = zip(_bands(pieces[number])[::-1], _bands(follower)[::-1], strict=True)
        for band, (here, there) in enumerate(bands):
            for n, y, x in places:
                if n != number:
                    continue
                a = here[y : y + side, x : x + side].mean(2)
                for shift in range(9):
                    dy, dx = shift // 3 - 1, shift % 3 - 1
                    if min(y + dy, x + dx) < 0:
                        continue
                    b = there[y + dy : y + dy + side, x + dx : x + dx + side].mean(2)
                    if a.shape == b.shape:
                        sums[band, shift] += (a * b).sum(), (a * a).sum(), (b * b).sum()
    found = sums[..., 0] / np.sqrt(np.maximum(sums[..., 1] * sums[..., 2], 1e-20))
    return np.clip(found.max(1), 0.0, 0.85)


def _unevenness(power: np.ndarray) -> float:
    """Mean power of a block's places over their geometric mean, 1 for a grain that lies evenly.

    Power too weak to count is no difference.
    """
    count = power.shape[0] // PLACE
    places = power.reshape(count, PLACE, count, PLACE).mean((1, 3)).astype(np.float64) + NOTHING**2
    return float(places.mean() / np.exp(np.log(places).mean()))


def _corners(size: tuple[int, ...], side: int) -> list[tuple[int, int]]:
    """Top left corners of the blocks of a piece, at most :data:`MOST`, evenly spread."""
    rows = range(0, size[0] - side + 1, side)
    columns = range(0, size[1] - side + 1, side)
    return _spread([(y, x) for y in rows for x in columns])


def _skin_corners(skin: np.ndarray, side: int) -> list[tuple[int, int]]:
    """Top left corners of the blocks of bare skin, which overlap by half."""
    whole = cv2.integral(skin.astype(np.uint8))
    half = side // 2
    inside = whole[side:, side:] - whole[:-side, side:] - whole[side:, :-side]
    inside = (inside + whole[:-side, :-side])[::half, ::half]
    found = np.argwhere(inside >= ALL_SKIN * side * side) * half
    return _spread([(int(y), int(x)) for y, x in found])


def _spread(corners: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """At most :data:`MOST` of them, evenly spread."""
    if len(corners) <= MOST:
        return corners
    return [corners[i] for i in np.linspace(0, len(corners) - 1, MOST).round().astype(int)]


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

    It is made of fields of its own frame and of those around it, in the
    shares that give neighbouring frames the likeness measured in the plate.

    Parameters
    ----------
    grain : Grain
    size : tuple of int
        Height, width.
    seed, frame : int
        The same two give the same grain.
    """
    height, width = size[:2]
    spectrum = np.zeros((3, TILE, TILE // 2 + 1), np.complex64)
    kernels = _kernels(
        np.asarray(grain.spectrum, np.float64).tobytes(),
        np.asarray(grain.likeness, np.float64).tobytes(),
    )
    for offset, kernel in zip(OFFSETS, kernels, strict=True):
        if kernel is not None:
            spectrum += _white(seed, frame + offset) * kernel
    shaped = irfft2(spectrum, s=(TILE, TILE), workers=1)
    tile = cv2.transform(np.ascontiguousarray(shaped.transpose(1, 2, 0)), grain.mixing)
    # periodic by its making: its repeats meet without a seam
    repeats = (-(-height // TILE), -(-width // TILE), 1)
    return np.tile(tile, repeats)[:height, :width]


@lru_cache(maxsize=4)
def _kernels(spectrum: bytes, likeness: bytes) -> list[np.ndarray | None]:
    """What shapes the white noise of the frame at each of :data:`OFFSETS`; None: nothing of it.

    Parameters
    ----------
    spectrum, likeness : bytes
        A grain's, as float64.
    """
    radius = np.hypot(np.fft.fftfreq(TILE)[:, None], np.fft.rfftfreq(TILE)[None])
    at = (np.arange(BINS) + 0.5) / BINS * np.sqrt(0.5)
    gain = np.interp(radius, at, np.frombuffer(spectrum)) * np.clip(
        (radius - LOWEST) / (FULL - LOWEST), 0, 1
    )
    # the likeness of the band below counts at its middle, that of the top octave at its own
    fine = np.clip((radius - FULL) / (0.3 - FULL), 0, 1)
    below, top = (shares(v) for v in np.frombuffer(likeness))
    weights = [(1 - fine) * below[i] + fine * top[i] for i in range(len(OFFSETS))]
    norm = np.sqrt(np.sum(np.square(weights), axis=0))
    return [
        (gain * weight / norm).astype(np.float32) if weight.any() else None for weight in weights
    ]


@lru_cache(maxsize=24)
def _white(seed: int, frame: int) -> np.ndarray:
    """Spectrum of a frame's white noise; its neighbours want it too."""
    rng = np.random.default_rng([seed & 0xFFFFFFFF, frame & 0xFFFFFFFF])
    white = rng.standard_normal((TILE, TILE, 3), dtype=np.float32)
    return np.ascontiguousarray(rfft2(white.transpose(2, 0, 1), workers=1))


#: Frames whose fields a frame's grain is made of.
OFFSETS = (-3, -2, -1, 0, 1, 2, 3)


def shares(likeness: float) -> np.ndarray:
    """Weights of the fields at :data:`OFFSETS`, their squares 1 in sum.

    Parameters
    ----------
    likeness : float
        Correlation of neighbouring frames that is to come out, 0 to 1; more than
        0.85 is out of reach of a window of seven frames.
    """
    away = np.abs(np.array(OFFSETS))

    def made(decay: float) -> tuple[np.ndarray, float]:
        weights = decay**away
        weights = weights / np.sqrt(np.sum(weights**2))
        return weights, float(np.sum(weights[1:] * weights[:-1]))

    if likeness < 0.02:
        return (away == 0).astype(float)
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if made(middle)[1] < likeness else (low, middle)
    return made(low)[0]


def add_grain(
    picture: np.ndarray,
    grain: Grain,
    amount: float,
    *,
    seed: int,
    frame: int,
    plate: np.ndarray | None = None,
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
    plate : np.ndarray [shape=(height, width, 3), dtype=float32], optional
        The plate there, in the same encoding. Its own fine power, place by
        place and up to :data:`MORE` times the measured grain's, is then what is
        wanted: a compressed movie has more grain in one frame than in the next.

    Returns
    -------
    np.ndarray [shape=(height, width, 3), dtype=float32]
    """
    if amount <= 0 or grain.empty or min(picture.shape[:2]) < 8:
        return picture
    noise = field(grain, picture.shape[:2], seed, frame)
    strength = _strength(grain, picture)
    result = picture.astype(np.float32, copy=True)
    plates = _bands(plate) if plate is not None else (None, None)
    model = _strength(grain, plate) if plate is not None else strength
    for made, there, wanted in zip(_bands(noise), _bands(picture), plates, strict=True):
        # power of this band of the whole grain, and of what stands in the picture
        unit = max(float(np.mean(np.square(made))), 1e-12)
        full = grey(np.square(strength)) * unit
        target = full
        if wanted is not None:
            own = grey(np.square(model)) * unit
            target = np.clip(_power(wanted, own, _WIDE), LESS * full, MORE * full)
        missing = np.maximum(target - _power(there, full, _AROUND), 0)
        result += amount * np.sqrt(missing / np.maximum(full, 1e-12))[..., None] * strength * made
    return result


def _strength(grain: Grain, picture: np.ndarray) -> np.ndarray:
    """Standard deviation of the grain at every pixel's intensity ``[shape=(h, w, 3)]``."""
    level = cv2.GaussianBlur(grey(picture), (0, 0), _SECOND)
    low, high = float(grain.levels[0]), float(grain.levels[-1])
    if high <= low:
        return np.broadcast_to(grain.strength[0].astype(np.float32), picture.shape)
    steps = np.linspace(low, high, _STEPS)
    table = [np.interp(steps, grain.levels, grain.strength[:, c]) for c in range(3)]
    at = np.clip((level - low) * ((_STEPS - 1) / (high - low)) + 0.5, 0, _STEPS - 1)
    return np.stack(table, -1).astype(np.float32)[at.astype(np.int32)]


def _power(band: np.ndarray, full: np.ndarray, around: int) -> np.ndarray:
    """Power of a band about every pixel, ``full`` being the grain's there.

    An edge has more power than any grain: it is cut off at six times the grain's.
    """
    seen = np.minimum(grey(np.square(band)), 6.0 * full)
    return cv2.blur(seen, (around, around), borderType=cv2.BORDER_REFLECT_101)


def _bands(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The top octave and the one below: what a 3 × 3 binomial takes away, and a Gaussian more."""
    near = cv2.sepFilter2D(picture, -1, _BINOMIAL, _BINOMIAL, borderType=cv2.BORDER_REFLECT_101)
    far = cv2.GaussianBlur(picture, (0, 0), _SECOND)
    return picture - near, near - far


_BINOMIAL = np.array([0.25, 0.5, 0.25], np.float32)
