"""Phones: the TextGrid and the text that the artist edits in the panel.

A line of the text is ``first end PHONE [word]``: the frames at which the phone
begins and ends (with decimals), its ARPAbet name or IPA symbol (``sil`` for
silence) and, on the first phone of a word, the word.
"""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from relip_nuke import paths

_TOKEN = re.compile(
    r'"((?:[^"]|"")*)"|<(exists|absent)>'
    r"|(?<![\w.\[])(-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)(?![\w.\]])"
)

#: The ARPAbet phones that the engine knows.
ARPABET = frozenset(
    ("AA", "AE", "AH", "AO", "AW", "AY", "B", "CH", "D", "DH", "EH", "ER", "EY", "F", "G", "HH",
     "IH", "IY", "JH", "K", "L", "M", "N", "NG", "OW", "OY", "P", "R", "S", "SH", "T", "TH", "UH",
     "UW", "V", "W", "Y", "Z", "ZH")
)  # fmt: skip

#: What aligners write for silence.
_SILENCE = frozenset(
    ("", "sil", "sp", "spn", "pau", "<sil>", "<eps>", "_", "#", "silence", "h#")
)  # fmt: skip

#: Seconds by which an interval's ends may differ and still be the same.
_SAME = 5e-4


class Interval(NamedTuple):
    """A stretch of sound: seconds and its label."""

    start: float
    end: float
    label: str


class Grid(NamedTuple):
    """Words and phones of a dialogue, and how phones are said that ARPAbet has no sign for."""

    words: list[Interval]
    phones: list[Interval]
    duration: float
    ipa: list[Interval] = []


class Clock(NamedTuple):
    """How the dialogue's seconds and the shot's frames belong together."""

    first: int
    rate: float
    offset: float

    def frame(self, seconds: float) -> float:
        """Frames of a time in the dialogue."""
        return self.first + (seconds + self.offset) * self.rate

    def seconds(self, frame: float) -> float:
        """Time in the dialogue of a frame."""
        return (frame - self.first) / self.rate - self.offset


def computed_file(shot: str) -> str:
    """What the speech stage made."""
    return os.path.join(shot, "speech", "phones.TextGrid")


def override_file(shot: str) -> str:
    """What the artist wrote."""
    return os.path.join(shot, "overrides", "phones.TextGrid")


def read(path: str) -> Grid | None:
    """Read words and phones from a TextGrid; None when there is none.

    Raises
    ------
    ValueError
        If it is no TextGrid, or has no tier of phones.
    """
    try:
        with open(path, "rb") as handle:
            raw = handle.read()
    except FileNotFoundError:
        return None
    wide = raw[:2] in (b"\xff\xfe", b"\xfe\xff")
    text = raw.decode("utf-16" if wide else "utf-8-sig")
    tokens: list[str] = []
    for match in _TOKEN.finditer(text):
        tokens.append(match[1].replace('""', '"') if match[1] is not None else match[2] or match[3])
    if tokens[:2] != ["ooTextFile", "TextGrid"]:
        raise ValueError(f"{path} is not a Praat TextGrid")
    try:
        duration = float(tokens[3])
        at, tiers = 6, []
        for _ in range(int(tokens[5])):
            kind, name, count = tokens[at], tokens[at + 1].lower(), int(tokens[at + 4])
            at += 5
            width = 3 if kind == "IntervalTier" else 2
            rows = [tokens[at + i * width : at + (i + 1) * width] for i in range(count)]
            at += count * width
            if width == 3:
                tiers.append((name, [Interval(float(a), float(b), c.strip()) for a, b, c in rows]))
    except (IndexError, ValueError):
        raise ValueError(f"{path} is a damaged TextGrid") from None
    phones = _tier(tiers, ("phone", "segment", "phon"))
    if phones is None:
        raise ValueError(f"{path} has no tier of phones")
    return Grid(_tier(tiers, ("word",)) or [], phones, duration, _tier(tiers, ("ipa",)) or [])


def _tier(tiers: list[tuple[str, list[Interval]]], parts: tuple[str, ...]) -> list[Interval] | None:
    for part in parts:
        for name, intervals in tiers:
            if part in name:
                return intervals
    return None


def write(path: str, grid: Grid, *, shot: str) -> None:
    """Write a TextGrid with the tiers words, phones and maybe ipa, in Praat's long format."""
    tiers = [("words", grid.words), ("phones", grid.phones)]
    tiers += [("ipa", grid.ipa)] if any(i.label for i in grid.ipa) else []
    lines = [
        'File type = "ooTextFile"',
        'Object class = "TextGrid"',
        "",
        "xmin = 0",
        f"xmax = {_number(grid.duration)}",
        "tiers? <exists>",
        f"size = {len(tiers)}",
        "item []:",
    ]
    for index, (name, tier) in enumerate(tiers, start=1):
        whole = filled(tier, grid.duration)
        lines += [
            f"    item [{index}]:",
            '        class = "IntervalTier"',
            f'        name = "{name}"',
            "        xmin = 0",
            f"        xmax = {_number(grid.duration)}",
            f"        intervals: size = {len(whole)}",
        ]
        for number, (start, end, label) in enumerate(whole, start=1):
            quoted = label.replace('"', '""')
            lines += [
                f"        intervals [{number}]:",
                f"            xmin = {_number(start)}",
                f"            xmax = {_number(end)}",
                f'            text = "{quoted}"',
            ]
    paths.atomic_write(path, "\n".join(lines) + "\n", shot=shot)


def _number(seconds: float) -> str:
    return f"{seconds:.6f}".rstrip("0").rstrip(".") or "0"


def filled(tier: list[Interval], duration: float) -> list[Interval]:
    """The intervals with silence between them, from 0 to the end."""
    whole: list[Interval] = []
    at = 0.0
    for start, end, label in tier:
        if start > at + _SAME:
            whole.append(Interval(at, start, ""))
            at = start
        whole.append(Interval(at, end, label))
        at = end
    if at < duration - _SAME:
        whole.append(Interval(at, duration, ""))
    return whole


def to_text(grid: Grid, clock: Clock) -> str:
    """The lines that the panel shows."""
    lines = []
    for start, end, label in grid.phones:
        silent = label.lower() in _SILENCE
        line = f"{clock.frame(start):.3f} {clock.frame(end):.3f} {'sil' if silent else label}"
        for word in grid.words:
            if word.label and not silent and abs(word.start - start) < _SAME:
                line += f" {word.label}"
        lines.append(line)
    return "\n".join(lines)


def from_text(text: str, clock: Clock, duration: float) -> Grid:
    """Phones and words of edited lines.

    Parameters
    ----------
    text : str
    clock : Clock
    duration : float
        Of the dialogue in seconds; phones must lie inside it.

    Raises
    ------
    ValueError
        If a line is not understood, runs backwards, or begins before the one
        above it ends; names the line.
    """
    phones: list[Interval] = []
    words: list[Interval] = []
    open_word = False
    for number, line in enumerate(text.splitlines(), start=1):
        words_of_line = line.split(None, 3)
        if not words_of_line:
            continue
        where = f"line {number} ({line.strip()!r})"
        try:
            start, end = (clock.seconds(float(v)) for v in words_of_line[:2])
        except ValueError:
            raise ValueError(f"{where} must begin with two frames") from None
        label = _phone(words_of_line[2]) if len(words_of_line) > 2 else ""
        silent = label.lower() in _SILENCE
        if not silent and label not in ARPABET and not _is_ipa(label):
            raise ValueError(f"{where}: {label} is not an ARPAbet phone, nor IPA")
        previous = phones[-1].end if phones else 0.0
        if start < previous - 2 * _SAME:
            raise ValueError(f"{where} begins before the phone above it ends")
        start = max(start, previous)
        end = min(end, duration) if end < duration + 2 * _SAME else end
        if end > duration:
            raise ValueError(
                f"{where} ends after the recording, at frame {clock.frame(duration):.1f}"
            )
        if end <= start:
            raise ValueError(f"{where} ends before it begins")
        phones.append(Interval(start, end, "" if silent else label))
        if silent:
            open_word = False
        elif len(words_of_line) > 3:
            words.append(Interval(start, end, words_of_line[3].strip()))
            open_word = True
        elif open_word:
            words[-1] = words[-1]._replace(end=end)
    if not phones:
        raise ValueError("there is no phone; press Revert to load the computed ones")
    return Grid(words, phones, duration)


def _phone(label: str) -> str:
    """The ARPAbet name without its stress, where it is one; else what was written.

    A small ``y`` may be IPA's: the engine tells by the other phones.
    """
    if label == "y":
        return label
    name = label.upper().rstrip("0123456789")
    return name if name in ARPABET else label


def _is_ipa(label: str) -> bool:
    """Whether it may be an IPA symbol; which ones there are the engine knows."""
    return bool(re.search(r"[^\x00-\x7f]", label) or re.fullmatch("[a-z]", label))


def with_ipa(grid: Grid, before: Grid) -> Grid:
    """Edited phones with the IPA that those of the same name had, at their new times."""
    kept: list[Interval] = []
    for start, end, label in grid.phones:
        shared = [
            (min(end, old.end) - max(start, old.start), said.label)
            for old in before.phones
            if old.label == label
            for said in before.ipa
            if abs(said.start - old.start) < _SAME and abs(said.end - old.end) < _SAME
        ]
        overlap, symbol = max(shared, default=(0.0, ""))
        if label and symbol and overlap > 0:
            kept.append(Interval(start, end, symbol))
    return grid._replace(ipa=kept)
