"""What was said when: words and phones with their times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import NamedTuple

import numpy as np

#: The 39 ARPAbet phones of the CMU dictionary, without stress.
ARPABET = (
    *("AA", "AE", "AH", "AO", "AW", "AY", "B", "CH", "D", "DH", "EH", "ER", "EY", "F", "G", "HH"),
    *("IH", "IY", "JH", "K", "L", "M", "N", "NG", "OW", "OY", "P", "R", "S", "SH", "T", "TH"),
    *("UH", "UW", "V", "W", "Y", "Z", "ZH"),
)

#: The phones made by closing both lips.
BILABIALS = frozenset("PBM")

#: The phones made with the lower lip against the upper teeth.
LABIODENTALS = frozenset("FV")


class Interval(NamedTuple):
    """A stretch of the dialogue: seconds from its start, and what is said (``""`` is silence)."""

    start: float
    end: float
    label: str


@dataclass(frozen=True)
class Alignment:
    """Words and phones with their times.

    Attributes
    ----------
    words, phones : tuple of Interval
        In order, without overlap, covering ``0`` to ``duration``; silence has
        the label ``""``. Phones are ARPAbet without stress, in upper case.
    duration : float
        Seconds of the dialogue.
    method : {"align", "recognise", "silence", "textgrid"}
        Words given, words or phones found, nothing said, read from a file.
    rung : str
        The step of the alignment ladder that succeeded.
    draft : bool
        True when nobody gave the words: closures may be missing or wrong.
    confidence : float or None
        The chance, 0-1, that the words as a whole are the ones that are said.
        None when not measured.
    word_confidences : tuple of float
        The same for each spoken word (silences left out), in order.
    warnings : tuple of str
        What the user should know: guessed pronunciations, a language fallback.
    ipa : tuple of Interval
        The phones in IPA, interval by interval beside :attr:`phones`; empty
        where the pronunciations came in ARPAbet. Front rounded vowels, which
        ARPAbet lacks, reach the lips through it.
    """

    words: tuple[Interval, ...]
    phones: tuple[Interval, ...]
    duration: float
    method: str = "align"
    rung: str = ""
    draft: bool = False
    confidence: float | None = None
    word_confidences: tuple[float, ...] = ()
    warnings: tuple[str, ...] = field(default=())
    ipa: tuple[Interval, ...] = ()

    def seen(self) -> tuple[Interval, ...]:
        """The phones as the lips show them: in IPA where it is known, else in ARPAbet.

        The phones rule: where one was moved or relabelled by hand, the IPA
        beside it no longer counts.
        """
        if not self.ipa:
            return self.phones
        from relip.speech.visemes import ipa_symbols

        table = ipa_symbols()
        by_time = {(round(i.start, 5), round(i.end, 5)): i.label for i in self.ipa if i.label}
        out = []
        for phone in self.phones:
            symbol = table.get(by_time.get((round(phone.start, 5), round(phone.end, 5)), ""))
            same = symbol is not None and symbol.sounds[:1] == (phone.label,)
            out.append(phone._replace(label=symbol.label) if symbol and same else phone)
        return tuple(out)

    def warned(self, warnings: Sequence[str]) -> Alignment:
        """With more warnings."""
        return replace(self, warnings=(*self.warnings, *warnings))


def rest(duration: float, warnings: tuple[str, ...] = ()) -> Alignment:
    """Of a recording in which nothing is said."""
    silence = (Interval(0.0, duration, ""),)
    return Alignment(silence, silence, duration, "silence", "silence", warnings=warnings)


def fill(intervals: list[Interval], duration: float) -> tuple[Interval, ...]:
    """Put a silence into every gap, so that the intervals cover ``0`` to ``duration``.

    Neighbouring silences become one; intervals outside the duration are cut.
    """
    out: list[Interval] = []
    now = 0.0
    for start, end, label in sorted(intervals, key=lambda i: (i.start, i.end)):
        start, end = max(start, now), min(end, duration)
        if not label or end <= start:
            continue
        if start > now:
            out.append(Interval(now, start, ""))
        out.append(Interval(start, end, label))
        now = end
    if now < duration:
        out.append(Interval(now, duration, ""))
    return tuple(out)


def spoken(intervals: tuple[Interval, ...]) -> list[Interval]:
    """The intervals that are not silence."""
    return [i for i in intervals if i.label]


def silences(
    alignment: Alignment,
    min_seconds: float = 0.3,
    *,
    start: float = 0.0,
    end: float | None = None,
) -> list[tuple[float, float]]:
    """Where nobody speaks.

    Parameters
    ----------
    alignment : Alignment
    min_seconds : float
        Shorter silences are left out.
    start, end : float
        Seconds looked at; by default the recording's. Before and after it
        nobody speaks.

    Returns
    -------
    list of (float, float)
        Start and end of each silence in seconds.
    """
    end = alignment.duration if end is None else end
    at, found = start, []
    for phone in sorted((p for p in alignment.phones if p.label), key=lambda p: p.start):
        found.append((at, min(phone.start, end)))
        at = max(at, phone.end)
    return [(s, e) for s, e in [*found, (at, end)] if e - s >= min_seconds - 1e-9]


def frame_times(frames: range, rate: Fraction, offset: float = 0.0) -> np.ndarray:
    """Dialogue time of every frame's centre.

    Parameters
    ----------
    frames : range
        Consecutive frames.
    rate : Fraction
        Frames per second.
    offset : float
        Seconds into the shot at which the dialogue begins.

    Returns
    -------
    ndarray, shape (F,)
        ``(frame - first + 1/2) / rate - offset`` seconds.
    """
    index = np.arange(len(frames), dtype=np.float64) * frames.step
    return (index + 0.5) * rate.denominator / rate.numerator - offset
