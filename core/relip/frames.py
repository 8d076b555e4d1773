"""Frame ranges and rational frame rates.

A rate is a :class:`fractions.Fraction` of frames per second, never a float:
23.976 is 24000/1001. A frame's dialogue time is its centre, counted from the
first frame of the shot.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from fractions import Fraction

from relip.errors import FrameRangeError, SettingError, shortened

#: The broadcast rates people write as decimals, in frames per second.
NTSC_RATES = {
    "23.976": Fraction(24000, 1001),
    "23.98": Fraction(24000, 1001),
    "29.97": Fraction(30000, 1001),
    "47.952": Fraction(48000, 1001),
    "59.94": Fraction(60000, 1001),
    "119.88": Fraction(120000, 1001),
}

#: Ranges longer than this are refused before they are expanded.
MAX_FRAMES = 2_000_000

_TERM = re.compile(r"^(-?\d{1,12})(?:-(-?\d{1,12}))?(?:[x:](\d{1,12}))?$")

#: A rate as people write it. Fraction itself takes 1e999999999, too, and counts for hours.
_RATE = re.compile(r"\d{1,9}(?:\.\d{1,12}|/\d{1,9})?")


def parse_rate(text: str | int | Fraction) -> Fraction:
    """Read a frame rate.

    Parameters
    ----------
    text : str, int or Fraction
        ``"24"``, ``"24000/1001"``, ``"25.0"``, or one of the NTSC decimals
        (``"23.976"`` gives 24000/1001).

    Returns
    -------
    Fraction
        Frames per second.

    Raises
    ------
    SettingError
        If the text is not a rate between 1 and 1000 frames per second.
    """
    if isinstance(text, float):
        text = repr(text)
    key = str(text).strip()
    try:
        # What is a number already, as a movie's rate is, is taken as it is.
        if isinstance(text, str) and not _RATE.fullmatch(key):
            raise ValueError
        rate = NTSC_RATES.get(key) or Fraction(key)
    except (ValueError, ZeroDivisionError):
        raise SettingError(
            f"frame rate {shortened(str(text))!r} is not a number",
            mend="write it as 24, 25 or 24000/1001",
        ) from None
    if not 1 <= rate <= 1000:
        raise SettingError(
            f"frame rate {text!r} is outside 1 to 1000 frames per second",
            mend="write it as 24, 25 or 24000/1001",
        )
    return rate


def frame_time(frame: int, first: int, rate: Fraction) -> Fraction:
    """Dialogue time of a frame's centre.

    Parameters
    ----------
    frame, first : int
        The frame and the shot's first frame.
    rate : Fraction
        Frames per second.

    Returns
    -------
    Fraction
        Seconds from the start of the shot: ``(frame - first + 1/2) / rate``.
    """
    return (Fraction(frame - first) + Fraction(1, 2)) / rate


def parse_range(text: str) -> list[int]:
    """Expand a frame range.

    Parameters
    ----------
    text : str
        ``1001``, ``1001-1100``, ``1001-1100x2`` or ``1001-1100:2`` (every
        second frame), ``-5--1``, and lists of these with commas.

    Returns
    -------
    list of int
        The frames, sorted, each once.

    Raises
    ------
    FrameRangeError
        If the text is not a range, runs backwards or has a step of 0.
    """
    frames: set[int] = set()
    whole, text = text, shortened(text)
    for term in whole.split(","):
        match = _TERM.match(term.strip())
        if not match:
            raise FrameRangeError(
                f"frame range {text!r}: cannot read {shortened(term.strip())!r}",
                mend="write 1001, 1001-1100, 1001-1100x2 or a list of these with commas",
            )
        first = int(match[1])
        last = int(match[2]) if match[2] is not None else first
        step = int(match[3]) if match[3] is not None else 1
        if last < first:
            raise FrameRangeError(
                f"frame range {text!r}: {first} comes after {last}", mend="write the smaller first"
            )
        if step < 1:
            raise FrameRangeError(f"frame range {text!r}: a step of 0 gives no frames")
        if (last - first) // step + len(frames) >= MAX_FRAMES:
            raise FrameRangeError(
                f"frame range {text!r}: more than {MAX_FRAMES} frames", mend="write a shorter one"
            )
        frames.update(range(first, last + 1, step))
    return sorted(frames)


def format_range(frames: Iterable[int]) -> str:
    """Write frames in their shortest plain form, the inverse of :func:`parse_range`.

    Parameters
    ----------
    frames : iterable of int

    Returns
    -------
    str
        ``"1001-1010,1015"``; the empty string for no frames.
    """
    ordered = sorted(set(frames))
    runs: list[list[int]] = []
    for frame in ordered:
        if runs and frame == runs[-1][1] + 1:
            runs[-1][1] = frame
        else:
            runs.append([frame, frame])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)


def select_frames(text: str | None, available: range) -> list[int]:
    """The frames of ``text`` that a stage is asked to do, all of them when it is None.

    Parameters
    ----------
    text : str or None
        A frame range as :func:`parse_range` reads it.
    available : range
        The shot's frames.

    Returns
    -------
    list of int

    Raises
    ------
    FrameRangeError
        If a frame lies outside the shot.
    """
    if text is None:
        return list(available)
    frames = parse_range(text)
    outside = [f for f in frames if f not in available]
    if outside:
        raise FrameRangeError(
            f"frames {shortened(format_range(outside))} are outside the shot's range "
            f"{available[0]}-{available[-1]}",
            mend="give frames inside the shot or change its range in shot.toml",
        )
    return frames


_TIMECODE = re.compile(r"^(\d\d):(\d\d):(\d\d)([:;.])(\d\d+)$")


def advance_timecode(text: str, count: int, rate: Fraction) -> str:
    """The timecode some frames later.

    Parameters
    ----------
    text : str
        ``HH:MM:SS:FF``, with ``;`` before the frames for drop-frame (SMPTE ST 12-1: two frame
        numbers of 29.97, four of 59.94, are left out each minute but every tenth).
    count : int
        Frames, which may be negative.
    rate : Fraction
        Frames per second.

    Returns
    -------
    str
        Wrapped at 24 hours; ``text`` itself when it is no timecode.
    """
    match = _TIMECODE.match(text.strip())
    if match is None:
        return text
    hours, minutes, seconds, frame = (int(match[i]) for i in (1, 2, 3, 5))
    base = round(rate)
    drop = base // 15 if match[4] != ":" and base % 30 == 0 else 0
    whole = hours * 60 + minutes
    number = (whole * 60 + seconds) * base + frame - drop * (whole - whole // 10)
    ten_minutes = 600 * base - 9 * drop
    number = (number + count) % (144 * ten_minutes)
    tens, rest = divmod(number, ten_minutes)
    ones = 0 if rest < 60 * base else 1 + (rest - 60 * base) // (60 * base - drop)
    number += drop * (9 * tens + ones)
    seconds, frame = divmod(number, base)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{match[4]}{frame:02d}"


def frames_for_duration(seconds: float | Fraction, rate: Fraction) -> int:
    """How many frames a duration needs, counting a started frame as whole.

    Parameters
    ----------
    seconds : float or Fraction
    rate : Fraction

    Returns
    -------
    int
    """
    exact = Fraction(seconds).limit_denominator(1_000_000) * rate
    return math.ceil(exact - Fraction(1, 1000))
