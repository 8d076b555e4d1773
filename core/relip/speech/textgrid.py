"""Praat TextGrid files: words and phones that any phonetics tool can open and correct.

Writes the long text format in UTF-8; reads the long and the short one, in
UTF-8 and UTF-16, since both are the same sequence of numbers and quoted
strings once the long format's names are left out.
"""

from __future__ import annotations

import re
from pathlib import Path

from relip.errors import InputError, TranscriptError, mended
from relip.records import write_text
from relip.speech.alignment import ARPABET, Alignment, Interval, fill
from relip.speech.confidence import colour
from relip.speech.ipa import parse_ipa
from relip.speech.textfile import read_text

#: A quoted string, the flag for tiers, or a number that is not an index in brackets.
_TOKEN = re.compile(
    r'"((?:[^"]|"")*)"|<(exists|absent)>'
    r"|(?<![\w.\[])(-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)(?![\w.\]])"
)
#: Seconds: a day. What says it is longer is damaged.
LONGEST = 86_400.0

#: What other aligners write for silence.
SILENCE_LABELS = frozenset(
    ("", "sil", "sp", "spn", "pau", "<sil>", "<eps>", "_", "#", "silence", "h#")
)
_FOLD = {"AX": "AH", "AXR": "ER", "IX": "IH", "UX": "UW", "DX": "T", "NX": "N", "EL": "L",
         "EM": "M", "EN": "N", "HV": "HH", "Q": "", "H": "HH", "WH": "W"}  # fmt: skip


def write_textgrid(path: str | Path, alignment: Alignment) -> None:
    """Write the tiers of an alignment: words, phones, confidence, and IPA where it is known.

    The confidence tier says of every word ``green``, ``amber`` or ``red`` and the chance that
    it is right: what to look at first.

    Parameters
    ----------
    path : path
    alignment : Alignment

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    write_text(path, format_textgrid(alignment))


def format_textgrid(alignment: Alignment) -> str:
    """The text of a TextGrid in Praat's long format."""
    end = _number(alignment.duration)
    tiers = [("words", alignment.words), ("phones", alignment.phones)]
    confidences = confidence_tier(alignment)
    if confidences:
        tiers.append(("confidence", confidences))
    if alignment.ipa:
        tiers.append(("ipa", alignment.ipa))
    lines = [
        'File type = "ooTextFile"',
        'Object class = "TextGrid"',
        "",
        "xmin = 0",
        f"xmax = {end}",
        "tiers? <exists>",
        f"size = {len(tiers)}",
        "item []:",
    ]
    for index, (name, tier) in enumerate(tiers, start=1):
        intervals = fill(list(tier), alignment.duration)
        lines += [
            f"    item [{index}]:",
            '        class = "IntervalTier"',
            f'        name = "{name}"',
            "        xmin = 0",
            f"        xmax = {end}",
            f"        intervals: size = {len(intervals)}",
        ]
        for i, (start, stop, label) in enumerate(intervals, start=1):
            quoted = label.replace('"', '""')
            lines += [
                f"        intervals [{i}]:",
                f"            xmin = {_number(start)}",
                f"            xmax = {_number(stop)}",
                f'            text = "{quoted}"',
            ]
    return "\n".join(lines) + "\n"


def confidence_tier(alignment: Alignment) -> tuple[Interval, ...]:
    """Colour and chance of every word, at the word's times: ``green 0.97``."""
    words = [w for w in alignment.words if w.label]
    if len(words) != len(alignment.word_confidences):
        return ()  # not measured, or the words were changed by hand
    return tuple(
        w._replace(label=f"{colour(c)} {c:.2f}")
        for w, c in zip(words, alignment.word_confidences, strict=True)
    )


@mended("save it from Praat as a TextGrid, as text", general=True)
def read_textgrid(path: str | Path) -> Alignment:
    """Read words and phones from a TextGrid.

    The phone tier is the one whose name holds ``phone``, ``segment`` or
    ``phon``, the word tier the one whose name holds ``word``. Phones may be
    ARPAbet, with stress digits or without, or IPA as the Montreal Forced
    Aligner writes it (a small ``y`` is of the kind that the tier's other
    phones are); ``sil``, ``sp``, ``pau`` and the like are silence.
    Tiers named ``confidence`` and ``ipa`` are read as they were written here.

    Parameters
    ----------
    path : path

    Returns
    -------
    Alignment
        With ``method="textgrid"``.

    Raises
    ------
    InputError
        If the file is missing or is not a TextGrid.
    TranscriptError
        If it has no phone tier, an unknown phone, or intervals that overlap
        or run backwards; the message names the interval.
    """
    path = Path(path)
    tiers, duration = _parse(read_text(path), path)
    phones = _pick(tiers, ("phone", "segment", "phon"))
    if phones is None:
        names = ", ".join(repr(name) for name in tiers) or "none"
        raise TranscriptError(
            f"{path} has no tier of phones (its tiers: {names})",
            mend="name the tier with the ARPAbet phones 'phones'",
        )
    clean: list[Interval] = []
    symbols: list[Interval] = []
    glide = "ipa" not in tiers and _is_arpabet([p.label for p in phones])
    for number, interval in enumerate(phones, start=1):
        for phone, symbol in _phones(interval, number, path, glide=glide):
            clean.append(phone)
            symbols.append(symbol)
    words = [
        Interval(s, e, "" if label.lower() in SILENCE_LABELS else label)
        for s, e, label in (_pick(tiers, ("word",)) or [])
    ]
    typed = [s for s in symbols if s.label]
    ipa = _replaced(tiers["ipa"], typed) if "ipa" in tiers and typed else tiers.get("ipa") or typed
    spoken = [w for w in words if w.label]
    return Alignment(
        words=fill(words, duration),
        phones=fill(clean, duration),
        duration=duration,
        method="textgrid",
        rung="textgrid",
        word_confidences=_confidences(tiers.get("confidence", []), spoken),
        ipa=fill(ipa, duration) if ipa else (),
    )


def _replaced(tier: list[Interval], typed: list[Interval]) -> list[Interval]:
    """The tier of IPA, in whose place the phones' own IPA stands where they have any."""
    beside = [
        i for i in tier if all(i.end < t.start + 1e-6 or i.start > t.end - 1e-6 for t in typed)
    ]
    return sorted(beside + typed)


def _confidences(tier: list[Interval], words: list[Interval]) -> tuple[float, ...]:
    """The chances written beside the words; none unless every word has one."""
    named = [i for i in tier if i.label]
    if len(named) != len(words):
        return ()
    try:
        return tuple(float(i.label.split()[-1]) for i in named)
    except ValueError:
        return ()


def _number(seconds: float) -> str:
    text = f"{seconds:.6f}".rstrip("0").rstrip(".")
    return text or "0"


def _parse(text: str, path: Path) -> tuple[dict[str, list[Interval]], float]:
    tokens: list[str | float] = []
    for match in _TOKEN.finditer(text):
        if match[3] is not None:
            tokens.append(float(match[3]))
        elif match[2] is not None:
            tokens.append(f"<{match[2]}>")
        else:
            tokens.append(match[1].replace('""', '"'))
    if len(tokens) < 4 or tokens[:2] != ["ooTextFile", "TextGrid"]:
        raise InputError(f"{path} is not a Praat TextGrid")
    at = 2

    def take(kind: type) -> str | float:
        nonlocal at
        if at >= len(tokens) or not isinstance(tokens[at], kind):
            raise InputError(
                f"{path} is damaged: item {at + 1} of the TextGrid is missing or of the wrong kind"
            )
        at += 1
        return tokens[at - 1]

    def count() -> int:
        number = float(take(float))
        # No tier has more; and infinity is no count at all.
        if not 0 <= number <= len(tokens):
            raise InputError(f"{path} is damaged: {number:g} tiers or intervals in it")
        return int(number)

    take(float)
    duration = float(take(float))
    if not 0 < duration <= LONGEST:
        raise InputError(f"{path}: the TextGrid is {duration:g} s long")
    tiers: dict[str, list[Interval]] = {}
    if take(str) != "<exists>":
        return tiers, duration
    for _ in range(count()):
        kind, name = str(take(str)), str(take(str))
        take(float), take(float)
        intervals: list[Interval] = []
        for number in range(1, count() + 1):
            start = float(take(float))
            if kind == "TextTier":
                take(str)
                continue
            end, label = float(take(float)), str(take(str)).strip()
            where = f"{path}, tier {name!r}, interval {number} ({label!r})"
            if end < start:
                raise TranscriptError(f"{where} ends at {end:g} s before it starts at {start:g} s")
            if intervals and start < intervals[-1].end - 1e-4:
                raise TranscriptError(
                    f"{where} starts at {start:g} s, before the one before it ends "
                    f"at {intervals[-1].end:g} s"
                )
            intervals.append(Interval(start, end, label))
        if kind == "IntervalTier":
            tiers.setdefault(name, intervals)
    return tiers, duration


def _pick(tiers: dict[str, list[Interval]], parts: tuple[str, ...]) -> list[Interval] | None:
    for part in parts:
        for name, intervals in tiers.items():
            if part in name.lower():
                return intervals
    return None


def _is_arpabet(labels: list[str]) -> bool:
    """Whether a tier's phones are ARPAbet's, in capitals, with stress, or in small letters.

    IPA has symbols of its own in almost every word; a diphthong may look like ARPAbet's, as the
    Montreal Forced Aligner's ``aw`` and ``ow`` do. Single small letters say nothing.
    """
    if not all(label.isascii() for label in labels):
        return False
    own = [p for p in labels if len(p) > 1 or p.isupper()]
    return any(_arpabet(p) in ARPABET for p in own if p not in ("aw", "ow"))


def _arpabet(label: str) -> str:
    """A label as an ARPAbet phone, if it is one: without its stress."""
    phone = label.upper().rstrip("0123456789")
    return _FOLD.get(phone, phone)


def _phones(
    interval: Interval, number: int, path: Path, *, glide: bool
) -> list[tuple[Interval, Interval]]:
    """The phone in ARPAbet and in IPA (``""`` where it came in ARPAbet); affricates may be two.

    A small ``y`` is the glide of ARPAbet where ``glide`` says so, else IPA's front rounded vowel.
    """
    start, end, label = interval
    if label.lower() in SILENCE_LABELS:
        return [(Interval(start, end, ""), Interval(start, end, ""))]
    phone = _arpabet(label)
    # An ARPAbet symbol is written in capitals; "p" and "ch" of other tools count too, but a
    # single small letter is IPA where the two differ.
    small = len(label) == 1 and label.islower()
    differs = phone != label.upper() or (label == "y" and not glide)
    if phone in ARPABET and not (small and differs):
        return [(Interval(start, end, phone), Interval(start, end, ""))]
    if not phone:
        return [(Interval(start, end, ""), Interval(start, end, ""))]
    try:
        found = parse_ipa(label)
    except TranscriptError:
        found = ()
    if not found:
        raise TranscriptError(
            f"{path}, phone {number} at {start:.2f} s: {label!r} is neither an ARPAbet phone nor "
            "IPA",
            mend=f"use one of {' '.join(ARPABET)}, an IPA symbol, or leave it empty for silence",
        )
    edges = [start + (end - start) * i / len(found) for i in range(len(found) + 1)]
    return [
        (Interval(low, high, p.label), Interval(low, high, p.ipa))
        for p, low, high in zip(found, edges[:-1], edges[1:], strict=True)
    ]
