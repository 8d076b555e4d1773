"""From phones to mouth controls per frame.

Each phone pulls every control towards its viseme's target with its weight;
the pulls are blended by a Gaussian in time (dominance after Cohen and
Massaro). What must not be blurred is enforced afterwards, on the frames
themselves: lips closed on p, b, m; lower lip tucked on f, v; rest in silence.
The curves of a frame depend on its time alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from relip.errors import SettingError
from relip.speech.alignment import BILABIALS, Alignment, Interval, fill, frame_times
from relip.speech.visemes import MOUTH_CONTROLS, Viseme, viseme_table

#: Seconds: how far neighbouring phones colour each other.
SIGMA = 0.055

#: A phone is felt in frames up to this far from it, times the smoothing where that is above 1,
#: seconds: the Gaussian ends after four widths. A frame further away keeps its controls to the
#: bit when the phone is edited, unless a silence of REST or longer begins, ends or changes.
FELT = 4 * SIGMA + 0.01

#: Silence from this length on is rest, seconds; shorter ones weigh little and stay neutral.
REST = 0.2

#: Seconds in which the mouth opens before speech, and comes to rest after it.
ANTICIPATION = 0.10
RELEASE = 0.12

#: Seconds from the held closure or tuck to the free curve.
RAMP = 0.05

#: Opening allowed at the held frame of f and v, and the tuck it reaches at least.
TUCK_JAW = 0.12
TUCK_ROLL = 0.8

#: The classes with hard constraints.
CLOSED, TUCK = "closed", "lip tuck"

_STEP = 0.005
_JAW = MOUTH_CONTROLS.index("jawOpen")
_CLOSE = MOUTH_CONTROLS.index("mouthClose")
_ROLL = MOUTH_CONTROLS.index("mouthRollLower")
_APART = [MOUTH_CONTROLS.index(c) for c in ("jawOpen", "mouthUpperUp", "mouthLowerDown")]


def opening(curves: np.ndarray) -> np.ndarray:
    """How far the lips are apart: ``jawOpen * (1 - mouthClose)``.

    Parameters
    ----------
    curves : ndarray, shape (F, len(MOUTH_CONTROLS))

    Returns
    -------
    ndarray, shape (F,)
        0 is closed.
    """
    return curves[:, _JAW] * (1 - curves[:, _CLOSE])


@dataclass(frozen=True)
class Style:
    """How somebody speaks, as an animator sets it.

    Attributes
    ----------
    articulation : float
        Strength of all shapes: 0 mumbles with still lips, 1 is the table, 2 overdoes it.
        Closures and tucks stay.
    smoothing : float
        How far neighbouring phones colour each other: 1 is the usual, 0 snaps from shape to
        shape, 3 slurs.
    gain : tuple of (str, float)
        Factors of single mouth controls, 0-3.
    visemes : mapping of str to Viseme, optional
        Classes of the actor's own (from calibration) in place of the generic ones.
    """

    articulation: float = 1.0
    smoothing: float = 1.0
    gain: tuple[tuple[str, float], ...] = ()
    visemes: Mapping[str, Viseme] | None = None

    def __post_init__(self) -> None:
        for name, value, high in (
            ("articulation", self.articulation, 2.0),
            ("smoothing", self.smoothing, 3.0),
            *((f"the gain of {control}", factor, 3.0) for control, factor in self.gain),
        ):
            if not 0.0 <= value <= high:
                raise SettingError(
                    f"{name} is {value:g}", mend=f"it must lie between 0 and {high:g}"
                )
        for control, _ in self.gain:
            if control not in MOUTH_CONTROLS:
                raise SettingError(
                    f"{control!r} is not a mouth control", mend=f"use {', '.join(MOUTH_CONTROLS)}"
                )


def parse_gains(words: Iterable[str]) -> tuple[tuple[str, float], ...]:
    """Gains as people write them: ``jawOpen=1.2``.

    Raises
    ------
    SettingError
        If one is not a control, an equals sign and a number.
    """
    out = []
    for word in words:
        control, mark, factor = word.partition("=")
        try:
            out.append((control.strip(), float(factor)))
        except ValueError:
            mark = ""
        if not mark:
            raise SettingError(f"{word!r} is not a gain", mend="write it like jawOpen=1.2")
    return Style(gain=tuple(out)).gain


def mouth_curves(
    alignment: Alignment,
    *,
    frames: range,
    rate: Fraction,
    offset: float = 0.0,
    style: Style | None = None,
) -> np.ndarray:
    """Mouth controls of every frame.

    Parameters
    ----------
    alignment : Alignment
    frames : range
        The shot's frames; the dialogue time of a frame is its centre.
    rate : Fraction
        Frames per second.
    offset : float
        Seconds into the shot at which the dialogue begins.
    style : Style, optional
        How it is spoken.

    Returns
    -------
    ndarray, shape (F, len(MOUTH_CONTROLS)), float64, 0 to 1
        On every p, b, m whose middle lies in the shot at least one frame has
        opening 0, jawOpen 0 and mouthClose 1; on every f, v one has its lower
        lip tucked, unless lips must be closed on the frames beside it;
        silence longer than 0.2 s comes to 0 in every control.

    Raises
    ------
    SettingError
        If the range is empty or steps backwards.
    """
    _check(frames)
    style = style or Style()
    table = _table(style)
    times = frame_times(frames, rate, offset)
    phones = fill(list(alignment.seen()), alignment.duration)
    curves = _blend(phones, alignment.duration, times, table, style.smoothing)
    curves *= _rest_envelope(phones, alignment.duration, times)[:, None]
    gains = np.full(len(MOUTH_CONTROLS), style.articulation)
    for control, factor in style.gain:
        gains[MOUTH_CONTROLS.index(control)] *= factor
    gains[_CLOSE] = 1.0
    curves = np.clip(curves * gains, 0.0, 1.0)
    _hold_closures(curves, phones, times, table)
    closed, tucked = _held_frames(phones, times, frames, rate, table)
    for index in tucked:
        curves[index, _JAW] = min(curves[index, _JAW], TUCK_JAW)
        curves[index, _ROLL] = max(curves[index, _ROLL], TUCK_ROLL)
        curves[index, _CLOSE] = 0.0
    for index in closed:
        curves[index, _APART] = 0.0
        curves[index, _CLOSE] = 1.0
    return np.clip(curves, 0.0, 1.0)


_Table = Mapping[str, "tuple[Viseme, ...]"]


def _table(style: Style) -> _Table:
    table = viseme_table()
    own = style.visemes
    if own is None:
        return table
    return {k: tuple(own.get(v.name, v) for v in parts) for k, parts in table.items()}


def _is(label: str, viseme: str, table: _Table) -> bool:
    return bool(label) and table[label][0].name == viseme


def closures(
    alignment: Alignment, frames: range, rate: Fraction, offset: float = 0.0
) -> list[tuple[str, list[int]]]:
    """The frames on which the lips must be closed.

    Parameters
    ----------
    alignment : Alignment
    frames : range
    rate : Fraction
        Frames per second.
    offset : float
        Seconds into the shot at which the dialogue begins.

    Returns
    -------
    list of (str, list of int)
        Each p, b, m whose middle lies in the shot, in order, with its frames:
        the one nearest to the middle and those whose centres lie in the
        middle half.
    """
    _check(frames)
    times = frame_times(frames, rate, offset)
    out = []
    for phone in alignment.phones:
        if phone.label in BILABIALS:
            held = _closure_frames(phone, times, frames, rate)
            if held:
                out.append((phone.label, [frames[i] for i in held]))
    return out


def _check(frames: range) -> None:
    if len(frames) == 0 or frames.step < 1:
        raise SettingError(f"the frame range {frames!r} holds no frames in rising order")


def _blend(
    phones: tuple[Interval, ...],
    duration: float,
    times: np.ndarray,
    table: _Table,
    smoothing: float,
) -> np.ndarray:
    """Weighted Gaussian mean of the targets around each time."""
    margin = 5 * SIGMA * max(smoothing, 1.0)
    count = int(np.ceil((duration + 2 * margin) / _STEP)) + 1
    grid = np.arange(count) * _STEP - margin
    weights = np.full(count, table[""][0].weight)
    targets = np.zeros((count, len(MOUTH_CONTROLS)))
    for start, end, label in phones:
        parts = table[label]
        edges = np.linspace(start, end, len(parts) + 1)
        for part, low, high in zip(parts, edges[:-1], edges[1:], strict=True):
            first, last = np.searchsorted(grid, (low, high))
            if first == last:  # shorter than the grid
                first, last = max(first - 1, 0), first
            weight = part.weight
            if not label and end - start < REST and start > 0 and end < duration:
                weight = 0.3
            weights[first:last] = weight
            targets[first:last] = part.targets
    from scipy.ndimage import gaussian_filter1d

    sigma = max(SIGMA * smoothing / _STEP, 1e-3)
    bottom = gaussian_filter1d(weights, sigma, mode="nearest")
    out = np.empty((len(times), len(MOUTH_CONTROLS)))
    for column in range(len(MOUTH_CONTROLS)):
        if column == _CLOSE:  # not blended: lips would stay half shut between two closures
            out[:, column] = 0.0
            continue
        top = gaussian_filter1d(weights * targets[:, column], sigma, mode="nearest")
        out[:, column] = np.interp(times, grid, top / bottom, left=0.0, right=0.0)
    return out


def _rest_envelope(phones: tuple[Interval, ...], duration: float, times: np.ndarray) -> np.ndarray:
    """1 in speech, 0 in silence, with a short rise before and fall after speech."""
    # The dialogue is surrounded by silence.
    rests = [[s, e] for s, e, label in phones if not label and e - s >= REST - 1e-9]
    ends = phones[-1].end if phones else 0.0
    if rests and rests[0][0] <= 1e-9:
        rests[0][0] = -np.inf
    elif phones and not phones[0].label:
        rests.insert(0, [-np.inf, phones[0].end])
    else:
        rests.insert(0, [-np.inf, 0.0])
    if rests[-1][1] >= ends - 1e-9:
        rests[-1][1] = np.inf
    elif phones and not phones[-1].label:
        rests.append([phones[-1].start, np.inf])
    else:
        rests.append([duration, np.inf])
    envelope = np.ones(len(times))
    for start, end in rests:
        length = end - start
        fall, rise = min(RELEASE, length / 2), min(ANTICIPATION, length / 2)
        inside = (times >= start) & (times <= end)
        t = times[inside]
        down = _ease(1 - (t - start) / fall)
        up = _ease(1 - (end - t) / rise)
        envelope[inside] = np.minimum(envelope[inside], np.maximum(down, up))
    return envelope


def _ease(x: np.ndarray) -> np.ndarray:
    """Raised cosine from 0 to 1 over 0..1."""
    return 0.5 - 0.5 * np.cos(np.pi * np.clip(x, 0.0, 1.0))


def _hold_closures(
    curves: np.ndarray, phones: tuple[Interval, ...], times: np.ndarray, table: _Table
) -> None:
    """Bring the lips together around every closure and tuck, over :data:`RAMP`."""
    for index, (start, end, label) in enumerate(phones):
        closed = _is(label, CLOSED, table)
        if not closed and not _is(label, TUCK, table):
            continue
        middle, half = (start + end) / 2, (end - start) / 4
        near = slice(*np.searchsorted(times, (start - 1.0, end + 1.0)))
        t = times[near]
        hold = _ease(1 - (np.abs(t - middle) - half) / RAMP)
        block = curves[near]
        if closed:
            apart = hold.copy()
            before = phones[index - 1] if index else None
            after = phones[index + 1] if index + 1 < len(phones) else None
            # Lips that come from rest, or go to it, do not part in between.
            if before is None or (not before.label and before.end - before.start >= REST):
                apart[t <= middle] = np.where(
                    t[t <= middle] >= start - ANTICIPATION, 1.0, apart[t <= middle]
                )
            if after is None or (not after.label and after.end - after.start >= REST):
                apart[t >= middle] = np.where(
                    t[t >= middle] <= end + RELEASE, 1.0, apart[t >= middle]
                )
            block[:, _APART] *= 1 - apart[:, None]
            block[:, _CLOSE] = np.maximum(block[:, _CLOSE], hold)
        else:
            jaw = block[:, _JAW]
            block[:, _JAW] = jaw + hold * (np.minimum(jaw, TUCK_JAW) - jaw)
            block[:, _ROLL] = np.maximum(block[:, _ROLL], TUCK_ROLL * hold)


def _nearest(middle: float, times: np.ndarray, frames: range, rate: Fraction) -> int | None:
    """Index of the frame whose time holds ``middle``; None when the shot does not."""
    half = frames.step * rate.denominator / rate.numerator / 2
    index = int(np.argmin(np.abs(times - middle)))
    return index if abs(float(times[index]) - middle) <= half + 1e-9 else None


def _closure_frames(phone: Interval, times: np.ndarray, frames: range, rate: Fraction) -> list[int]:
    middle, half = (phone.start + phone.end) / 2, (phone.end - phone.start) / 4
    nearest = _nearest(middle, times, frames, rate)
    if nearest is None:
        return []
    inner = np.flatnonzero(np.abs(times - middle) <= half)
    return sorted({nearest, *inner.tolist()})


def _held_frames(
    phones: tuple[Interval, ...],
    times: np.ndarray,
    frames: range,
    rate: Fraction,
    table: _Table,
) -> tuple[set[int], set[int]]:
    """Frames with closed lips and frames with a tucked lip; a closure goes before a tuck."""
    closed: set[int] = set()
    for phone in phones:
        if _is(phone.label, CLOSED, table):
            closed.update(_closure_frames(phone, times, frames, rate))
    tucked: set[int] = set()
    for phone in phones:
        if not _is(phone.label, TUCK, table):
            continue
        middle = (phone.start + phone.end) / 2
        nearest = _nearest(middle, times, frames, rate)
        if nearest is None:
            continue
        beside = [nearest, nearest - 1, nearest + 1]
        if middle > times[nearest]:
            beside = [nearest, nearest + 1, nearest - 1]
        for index in beside:
            if 0 <= index < len(times) and index not in closed:
                tucked.add(index)
                break
    return closed, tucked
