"""The actor's own mouth shapes, learnt from the sound recorded with the picture.

First the offset between sound and lips is found, with a null test: the same
search on the lips turned round in time says how well unrelated sound would
fit. Then the opening of each viseme class is fitted to the tracked inner lips,
drawn towards the generic table (ridge regression; Hoerl and Kennard 1970). The
result is taken only when it predicts lips that it was not fitted to better
than the table does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from relip.speech.alignment import Alignment, Interval, fill, frame_times
from relip.speech.audio import Audio
from relip.speech.visemes import (
    MOUTH_CONTROLS,
    REST,
    Viseme,
    viseme_classes,
    viseme_table,
)

#: Offsets searched, seconds.
SEARCH = 0.6
#: Sound that fits lips no better than this is unrelated.
LEAST = 0.30
#: Share of the null trials that may fit as well.
CHANCE = 0.05
#: Less visible speech than this teaches more noise than shape, seconds.
SHORTEST = 10.0
#: Held-out correlation must grow by this.
GAIN = 0.01
#: Offsets up to this are the lips' own lead, not an error of the sound; seconds.
IN_SYNC = 0.12

_STEP = 0.005
_SIGMA = 0.06
_PENALTIES = (1.0, 3.0, 10.0, 30.0)
_JAW = MOUTH_CONTROLS.index("jawOpen")
_CLOSE = MOUTH_CONTROLS.index("mouthClose")
_SCALED = [MOUTH_CONTROLS.index(c) for c in ("mouthUpperUp", "mouthLowerDown")]
#: Classes whose opening is fixed by what they are.
_FIXED = frozenset((REST, "closed", "lip tuck"))


@dataclass(frozen=True)
class Calibration:
    """What was found and decided.

    Attributes
    ----------
    related : bool
        Whether the sound belongs to the picture.
    offset : float or None
        Seconds that the sound is late behind the lips; None when unrelated.
    peak, chance : float
        Correlation at the offset, and the share of null trials that reached it.
    accepted : bool
    generic, calibrated : float or None
        Mean correlation on the two held-out halves.
    halves : tuple of (float, float)
        Generic and calibrated correlation on the first and on the second half, each time
        learnt from the other.
    jaw : tuple of (str, float)
        Opening of each class, when accepted.
    reason : str
        The decision in words.
    """

    related: bool
    offset: float | None
    peak: float
    chance: float
    accepted: bool
    generic: float | None
    calibrated: float | None
    halves: tuple[tuple[float, float], ...]
    jaw: tuple[tuple[str, float], ...]
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """For records and JSON."""
        return asdict(self)

    @property
    def visemes(self) -> Mapping[str, Viseme] | None:
        """The actor's classes for :class:`relip.speech.Style`; None when not accepted."""
        return actor_visemes(self.jaw) if self.accepted else None


def actor_visemes(jaw: Sequence[tuple[str, float]]) -> dict[str, Viseme]:
    """Generic classes with the opening replaced, and the lips' parts of it scaled alike."""
    classes = dict(viseme_classes())
    for name, value in jaw:
        old = classes[name]
        targets = list(old.targets)
        factor = float(np.clip(value / targets[_JAW], 0.5, 1.6)) if targets[_JAW] > 0 else 1.0
        targets[_JAW] = float(value)
        for control in _SCALED:
            targets[control] = float(np.clip(targets[control] * factor, 0, 1))
        classes[name] = old._replace(targets=tuple(targets))
    return classes


def calibrate(
    audio: Audio,
    alignments: Sequence[Alignment],
    opening: np.ndarray,
    frames: range,
    rate: Fraction,
) -> Calibration:
    """Learn the actor's openings from the production sound.

    Parameters
    ----------
    audio : Audio
        The production sound; its time 0 is the first frame.
    alignments : sequence of Alignment
        Of that sound, at least one; several (words and free phones) are averaged, which
        evens out what either misheard.
    opening : ndarray, shape (F,)
        Tracked inner-lip opening of every frame, any unit; NaN where not visible.
    frames : range
    rate : Fraction
        Frames per second.

    Returns
    -------
    Calibration
        Always; ``accepted`` and ``reason`` say what became of it.
    """
    nothing = Calibration(False, None, 0.0, 1.0, False, None, None, (), (), "")
    seen = np.isfinite(opening)
    spoken = [i for a in alignments for i in a.phones if i.label]
    if not spoken:
        return _because(nothing, "no speech was found in the production sound")
    if seen.sum() < 2.0 * rate:
        return _because(nothing, "the mouth is visible for less than 2 s")
    if np.nanstd(opening) < 1e-6:
        return _because(nothing, "the mouth does not move in the plate")
    lips = np.interp(np.arange(len(opening)), np.flatnonzero(seen), opening[seen])
    grid, table = _bases(alignments, audio.duration)
    generic = np.array(
        [v.targets[_JAW] * (1 - v.targets[_CLOSE]) for v in viseme_classes().values()]
    )
    times = frame_times(frames, rate)
    lag, peak, chance = _offset(grid, table @ generic, lips, seen, times)
    if peak < LEAST or chance > CHANCE:
        return _because(
            nothing,
            f"the sound does not belong to this picture: it fits the lips with r {peak:.2f} at "
            f"best, and {chance:.0%} of unrelated trials fit as well",
            peak=peak,
            chance=chance,
        )
    found = _because(nothing, "", related=True, offset=round(-lag, 3), peak=peak, chance=chance)
    late = (
        f"sound {abs(lag) * 1000:.0f} ms {'late' if lag < 0 else 'early'}"
        if abs(lag) > IN_SYNC
        else "sound in sync"
    )
    if seen.sum() < SHORTEST * rate:
        return _because(
            found,
            f"{late}; {float(seen.sum() / rate):.1f} s of visible speech are too few to learn "
            f"from (at least {SHORTEST:g} s)",
        )
    basis = np.stack(
        [np.interp(times - lag, grid, table[:, k]) for k in range(table.shape[1])], axis=1
    )
    middle = len(lips) // 2
    parts = (np.arange(len(lips)) < middle, np.arange(len(lips)) >= middle)
    halves = []
    for held, learnt in (parts, parts[::-1]):
        held, learnt = held & seen, learnt & seen
        own = _fit(basis[learnt], lips[learnt], generic)
        before = _r(basis[held] @ generic, lips[held])
        halves.append((round(before, 4), round(_r(basis[held] @ own, lips[held]), 4)))
    before, after = (float(np.mean([h[i] for h in halves])) for i in (0, 1))
    accepted = after > before + GAIN and all(b >= a - 0.02 for a, b in halves)
    told = f"{late}; held-out correlation {before:.2f} with the generic table, {after:.2f} with "
    if not accepted:
        return _because(
            found,
            told + "the actor's own: the generic table stays",
            generic=before,
            calibrated=after,
            halves=tuple(halves),
        )
    own = _fit(basis[seen], lips[seen], generic)
    jaw = tuple(
        (name, round(float(value), 4))
        for name, value in zip(viseme_classes(), own, strict=True)
        if name not in _FIXED
    )
    return _because(
        found,
        told + "the actor's own: the actor's is used",
        accepted=True,
        generic=before,
        calibrated=after,
        halves=tuple(halves),
        jaw=jaw,
    )


def hear(audio: Audio, *, text: str | None, lang: str) -> list[Alignment]:
    """Alignments of production sound for :func:`calibrate`: its words, and its free phones."""
    from relip.errors import RelipError
    from relip.speech.acoustics import Heard, acoustic_model
    from relip.speech.aligner import align
    from relip.speech.audio import is_silent
    from relip.speech.features import PERIOD, features
    from relip.speech.lattice import phone_loop

    if is_silent(audio):
        return []
    out = []
    try:
        found = align(audio, text=text, lang=lang)
    except RelipError:  # a wrong transcript must not stop the shot: hear for oneself
        found = align(audio, lang=lang)
    if found.method == "silence":
        return []
    out.append(found)
    phones: list[Interval] = []
    hop = 30 * audio.rate
    for start in range(0, len(audio.samples), hop):
        part = audio.samples[start : start + hop]
        if len(part) < audio.rate // 10:
            continue
        loop = phone_loop(Heard(acoustic_model(), features(part, 1))).phones
        begin = start / audio.rate
        phones += [
            Interval(begin + s * PERIOD, begin + e * PERIOD, label) for label, s, e in loop if label
        ]
    whole = fill(phones, audio.duration)
    out.append(Alignment((), whole, audio.duration, method="recognise", rung="phones", draft=True))
    return out


def _because(base: Calibration, reason: str, **changes: Any) -> Calibration:
    return Calibration(**{**base.__dict__, "reason": reason, **changes})


def _bases(alignments: Sequence[Alignment], duration: float) -> tuple[np.ndarray, np.ndarray]:
    """Share of every viseme class in the mouth, every 5 ms: what the targets are weighed with."""
    from scipy.ndimage import gaussian_filter1d

    classes = list(viseme_classes().values())
    place = {v.name: i for i, v in enumerate(classes)}
    table = viseme_table()
    margin = SEARCH + 0.5
    grid = np.arange(int((duration + 2 * margin) / _STEP)) * _STEP - margin
    total = np.zeros((len(grid), len(classes)))
    for alignment in alignments:
        weights = np.zeros_like(total)
        weights[:, place[REST]] = classes[place[REST]].weight
        for start, end, label in alignment.seen():
            if not label:
                continue
            parts = table[label]
            edges = np.linspace(start, end, len(parts) + 1)
            for part, low, high in zip(parts, edges[:-1], edges[1:], strict=True):
                first, last = np.searchsorted(grid, (low, high))
                weights[first:last] = 0.0
                weights[first:last, place[part.name]] = part.weight
        weights = gaussian_filter1d(weights, _SIGMA / _STEP, axis=0)
        total += weights / weights.sum(axis=1, keepdims=True)
    return grid, total / len(alignments)


def _offset(
    grid: np.ndarray, drive: np.ndarray, lips: np.ndarray, seen: np.ndarray, times: np.ndarray
) -> tuple[float, float, float]:
    """Best lag of the drive, its correlation, and the share of null trials that reach it."""
    lags = np.arange(-SEARCH, SEARCH + 1e-9, 0.01)
    moved = np.stack([np.interp(times - lag, grid, drive) for lag in lags])

    def search(target: np.ndarray, mask: np.ndarray) -> tuple[float, int]:
        x = moved[:, mask]
        y = target[mask] - target[mask].mean()
        x = x - x.mean(axis=1, keepdims=True)
        below = np.sqrt((x**2).sum(axis=1) * (y**2).sum())
        r = (x @ y) / np.maximum(below, 1e-12)
        best = int(r.argmax())
        return float(r[best]), best

    peak, best = search(lips, seen)
    step = float(times[1] - times[0])
    shortest = int(np.ceil(2 * SEARCH / step))
    trials = []
    for mirrored in (False, True):
        base, mask = (lips[::-1], seen[::-1]) if mirrored else (lips, seen)
        shifts = range(shortest, len(lips) - shortest, max(int(0.25 / step), 1))
        trials += [search(np.roll(base, s), np.roll(mask, s))[0] for s in shifts]
        if mirrored:
            trials.append(search(base, mask)[0])
    chance = float(np.mean([t >= peak for t in trials])) if trials else 1.0
    return float(lags[best]), peak, chance


def _fit(basis: np.ndarray, lips: np.ndarray, generic: np.ndarray) -> np.ndarray:
    """Targets in the generic table's unit; the penalty is chosen inside the data."""
    blocks = np.array_split(np.arange(len(lips)), 4)
    best, chosen = -np.inf, _PENALTIES[-1]
    for penalty in _PENALTIES:
        scores = []
        for block in blocks:
            rest = np.setdiff1d(np.arange(len(lips)), block)
            own = _ridge(basis[rest], lips[rest], generic, penalty)
            scores.append(_r(basis[block] @ own, lips[block]))
        if np.mean(scores) > best:
            best, chosen = float(np.mean(scores)), penalty
    return _ridge(basis, lips, generic, chosen)


def _ridge(basis: np.ndarray, lips: np.ndarray, generic: np.ndarray, penalty: float) -> np.ndarray:
    drive = basis @ generic
    slope, level = np.polyfit(drive, lips, 1)
    if slope <= 1e-9:
        return generic
    wanted = (lips - level) / slope - drive
    size = basis.shape[1]
    # 30 frames a second are the unit of the penalty.
    moved = np.linalg.solve(basis.T @ basis + penalty * np.eye(size), basis.T @ wanted)
    own = np.clip(generic + moved, 0.0, 1.0)
    for index, viseme in enumerate(viseme_classes().values()):
        if viseme.name in _FIXED:
            own[index] = generic[index]
    return own


def _r(a: np.ndarray, b: np.ndarray) -> float:
    if len(a) < 3 or a.std() < 1e-12 or b.std() < 1e-12:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])
