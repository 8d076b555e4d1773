"""SRT and WebVTT subtitles as a transcript with times."""

from __future__ import annotations

import contextlib
import html
import re
from pathlib import Path
from typing import NamedTuple

from relip.errors import TranscriptError, mended
from relip.records import write_text
from relip.speech.alignment import Alignment
from relip.speech.asides import spoken
from relip.speech.textfile import read_text

_TIME = r"(?:(\d{1,6}):)?(\d{1,2}):(\d{2})[.,](\d{1,3})"
_CUE = re.compile(rf"^\s*{_TIME}\s*-->\s*{_TIME}")
_TAG = re.compile(r"<[^<>]*>|\{\\[^{}]*\}")
SUFFIXES = (".srt", ".vtt")


class Cue(NamedTuple):
    """A subtitle: seconds, and its text on one line."""

    start: float
    end: float
    text: str


@mended("mend its times", general=True)
def read_subtitles(path: str | Path) -> list[Cue]:
    """Read SRT or WebVTT.

    Tags, notes, styles and positions are left out, and what subtitles for the deaf add: sounds in
    round brackets, and who speaks (``MAN:`` at the start of a line that has small letters).

    Parameters
    ----------
    path : path

    Returns
    -------
    list of Cue
        In order of time, at least one with words.

    Raises
    ------
    TranscriptError
        If the file cannot be read, holds no cue, or one ends before it starts.
    """
    path = Path(path)
    lines = read_text(path, TranscriptError, mend="check --text").splitlines()
    cues: list[Cue] = []
    at = 0
    while at < len(lines):
        match = _CUE.match(lines[at])
        at += 1
        if not match:
            continue
        start, end = _seconds(match.groups()[:4]), _seconds(match.groups()[4:])
        if end < start:
            raise TranscriptError(
                f"{path}, line {at}: the subtitle ends at {end:g} s before it starts at {start:g} s"
            )
        said = []
        while at < len(lines) and lines[at].strip() and not _CUE.match(lines[at]):
            said.append(lines[at])
            at += 1
        words = _plain("\n".join(said))
        if words:
            cues.append(Cue(start, end, words))
    if not cues:
        raise TranscriptError(f"{path} holds no subtitles", mend="give SRT, WebVTT or plain text")
    return sorted(cues, key=lambda c: (c.start, c.end))


def write_subtitles(path: str | Path, cues: list[Cue]) -> None:
    """Write SRT, or WebVTT where the name ends so; times are kept to the millisecond.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    vtt = Path(path).suffix.lower() == ".vtt"
    mark = "." if vtt else ","
    blocks = ["WEBVTT\n"] if vtt else []
    for number, cue in enumerate(cues, start=1):
        times = f"{_clock(cue.start, mark)} --> {_clock(cue.end, mark)}"
        said = html.escape(cue.text, quote=False) if vtt else cue.text
        blocks.append(f"{number}\n{times}\n{said}\n")
    write_text(path, "\n".join(blocks))


def subtitle_cues(alignment: Alignment, longest: float = 5.0, pause: float = 0.6) -> list[Cue]:
    """Subtitles of an alignment, parted at pauses and after ``longest`` seconds."""
    cues: list[Cue] = []
    for start, end, label in (w for w in alignment.words if w.label):
        last = cues[-1] if cues else None
        if last and start - last.end < pause and end - last.start <= longest:
            cues[-1] = Cue(last.start, end, f"{last.text} {label}")
        else:
            cues.append(Cue(start, end, label))
    return cues


def _plain(said: str) -> str:
    """Lines of a subtitle as one, without what nobody says."""
    said = _TAG.sub("", said)
    # The number of a character may have thousands of digits.
    with contextlib.suppress(ValueError):
        said = html.unescape(said)
    return spoken(said)


def _seconds(parts: tuple[str, ...]) -> float:
    hours, minutes, seconds, fraction = parts
    whole = int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds)
    return whole + int(fraction.ljust(3, "0")) / 1000


def _clock(seconds: float, mark: str) -> str:
    whole = round(seconds * 1000)
    hours, whole = divmod(whole, 3_600_000)
    minutes, whole = divmod(whole, 60_000)
    return f"{hours:02d}:{minutes:02d}:{whole // 1000:02d}{mark}{whole % 1000:03d}"
