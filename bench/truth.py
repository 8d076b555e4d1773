"""The true phones of the voices of ``voices.py``, and how found phones compare with them."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from relip.errors import TranscriptError
from relip.speech import Audio, load_audio
from relip.speech.alignment import ARPABET, BILABIALS, LABIODENTALS, Interval
from relip.speech.ipa import parse_ipa

_VOWELS = frozenset(p for p in ARPABET if p[0] in "AEIOU")
_STOPS = frozenset(["P", "B", "T", "D", "K", "G", "CH", "JH"])
#: A blank of eSpeak's is a pause when its level lies this far below the recording's peak, dB.
_QUIET = 40.0
#: Voices cut out of recordings hold their room: there a closure is this far below the loudest
#: 10 ms of the sound before it, dB.
_RECORDED = ("ru",)
_FALL = 15.0

#: Festival's letters that are not read as ARPAbet or as IPA.
_FESTIVAL = {
    "it": {"E": "ɛ", "O": "ɔ", "dZ": "dʒ", "tS": "tʃ", "ch": "tʃ", "S": "ʃ", "J": "ɲ", "L": "ʎ",
           "nf": "n", "ng": "ŋ"},
    "cs": {"c~": "tʃ", "s~": "ʃ", "z~": "ʒ", "r~": "r̝", "r~*": "r̝", "n~": "ɲ", "t~": "c",
           "d~": "ɟ", "ch": "x", "c": "t", "dz~": "dʒ", "h": "ɦ", "ou": "oʊ", "au": "aʊ"},
    "fi": {"@": "æ", "7": "ø", "N": "ŋ"},
    "ru": {"aa": "a", "oo": "o", "uu": "u", "ee": "e", "ii": "i", "ae": "æ", "ay": "ɪ", "ur": "u",
           "yy": "ɨ", "y": "ɨ", "sh": "ʃ", "zh": "ʒ", "ch": "tʃ", "sch": "ɕ", "c": "t", "h": "x",
           "hh": "x"},
}  # fmt: skip


class Truth(NamedTuple):
    """Phones that are known; ``inner`` marks a start that only was guessed."""

    phones: list[Interval]
    inner: list[bool]
    duration: float


def read_truth(path: Path, *, closures: bool = True) -> Truth:
    """The phones of a file that ``voices.py`` wrote, in ARPAbet.

    ``closures`` gives stops the silence before their burst; without it, times are as written.
    """
    language, kind = path.stem.split("_")[:2]
    with open(path, encoding="utf-8") as handle:
        rows = [(float(r["start"]), float(r["end"]), r["phone"]) for r in csv.DictReader(handle)]
    sound = load_audio(path.with_suffix(".wav"))
    limit = float(np.abs(sound.samples).max()) * 10 ** (-_QUIET / 20)
    merged: list[tuple[float, float, list[str]]] = []
    for index, (start, end, name) in enumerate(rows):
        labels = _labels(name, language, kind)
        if labels:
            if merged and merged[-1][2] == ["*"]:  # the closure of a stop
                start = merged.pop()[0]
            merged.append((start, end, labels))
        elif kind == "espeak" and merged:
            part = sound.samples[round(start * sound.rate) : round(end * sound.rate)]
            following = _labels(rows[index + 1][2], language, kind) if index + 1 < len(rows) else []
            if following and following[0] in _STOPS and end - start < 0.12:
                merged.append((start, end, ["*"]))
            elif len(part) and float(np.sqrt(np.mean(part**2))) > limit:
                merged[-1] = (merged[-1][0], end, merged[-1][2])
    if closures:
        recorded = kind == "festival" and language in _RECORDED
        merged = _with_closures(merged, sound, limit, recorded, events=kind == "espeak")
    phones: list[Interval] = []
    inner: list[bool] = []
    for start, end, labels in merged:
        edges = np.linspace(start, end, len(labels) + 1)
        for place, label in enumerate(labels):
            if phones and phones[-1].label == label and edges[place] - phones[-1].end < 0.001:
                phones[-1] = phones[-1]._replace(end=float(edges[place + 1]))
                continue
            phones.append(Interval(float(edges[place]), float(edges[place + 1]), label))
            inner.append(place > 0)
    return Truth(phones, inner, rows[-1][1])


def _with_closures(
    merged: list[tuple[float, float, list[str]]],
    sound: Audio,
    limit: float,
    recorded: bool,
    *,
    events: bool,
) -> list[tuple[float, float, list[str]]]:
    """Stops begin with their closure.

    eSpeak's event of a stop tells of its burst, and the closure before it goes to the phone in
    front, as a vowel that cannot be heard; so do many labels of the recorded Russian voice. What
    is as quiet there as a pause belongs to the stop; in a recording, what has fallen silent but
    for the room.
    """
    out = list(merged)
    for index in range(1, len(out)):
        start, end, labels = out[index]
        before, until, name = out[index - 1]
        if labels[0] not in _STOPS or start - until > 0.001:
            continue
        # Of two stops the second one's closure is the silence after the first one's burst; only
        # labels, not events, know of a first one without a burst.
        if name[0] in _STOPS and not events:
            continue
        part = sound.samples[round(before * sound.rate) : round(start * sound.rate)]
        if recorded:
            closed = before + _fallen(part, sound.rate)
            if start - closed >= 0.015:
                out[index - 1] = (before, closed, name)
                out[index] = (closed, end, labels)
            continue
        heard = np.flatnonzero(np.abs(part) > limit)
        # The burst may begin some milliseconds before its event.
        quiet = _longest_gap(heard, len(part))
        if quiet is None:
            continue
        low, high = quiet
        if high - low >= 0.015 * sound.rate and len(part) - high <= 0.03 * sound.rate:
            closed = before + low / sound.rate
            out[index - 1] = (before, closed, name)
            out[index] = (closed, end, labels)
    return out


def _fallen(part: np.ndarray, rate: int) -> float:
    """Seconds after which the level stays :data:`_FALL` below the loudest 10 ms."""
    hop = rate // 200
    edges = np.arange(0, max(len(part) - 2 * hop, 0) + 1, hop)
    power = np.array([np.mean(part[e : e + 2 * hop] ** 2) for e in edges])
    loud = np.flatnonzero(power > power.max() * 10 ** (-_FALL / 10))
    return float(edges[loud[-1]] + 2 * hop) / rate if len(loud) else len(part) / rate


def _longest_gap(heard: np.ndarray, length: int) -> tuple[int, int] | None:
    """The longest run of samples without sound, after some."""
    if not len(heard):
        return None
    edges = np.append(heard, length)
    gap = int(np.argmax(np.diff(edges)))
    return int(edges[gap]) + 1, int(edges[gap + 1])


def _labels(name: str, language: str, kind: str) -> list[str]:
    if name in ("", "#", "##", "pau", "_", "phone"):
        return []
    if kind == "espeak":
        if language in ("cmn", "vi"):
            name = name.replace("s.", "ʂ").replace("z.", "ʐ")
            name = re.sub(r"(?<=.)ɜ", "", name)
            name = name[:-1] if len(name) > 1 and name.endswith("h") else name
        return [p.label for p in parse_ipa(name)]
    plain = name.rstrip("0123456789:") if name not in ("7",) else name
    if language == "en":
        plain = {"AX": "AH", "DX": "T"}.get(plain.upper(), plain.upper())
        return [plain] if plain in ARPABET else []
    table = _FESTIVAL[language]
    if plain in table:
        return [p.label for p in parse_ipa(table[plain])]
    if language == "ru" and len(plain) == 2 and plain[0] == plain[1]:
        plain = plain[0]
    try:
        return [p.label for p in parse_ipa(plain)]
    except TranscriptError:
        return []


def merge_long(phones: list[Interval]) -> list[Interval]:
    """Phones with each long one whole: some write a long consonant as two, some as one."""
    out: list[Interval] = []
    for phone in phones:
        if out and out[-1].label == phone.label and phone.start - out[-1].end < 0.001:
            out[-1] = out[-1]._replace(end=phone.end)
        else:
            out.append(phone)
    return out


def pair(found: list[str], true: list[str]) -> list[tuple[int, int]]:
    """Minimum edit distance over labels; a vowel never stands for a consonant."""
    n, m = len(found), len(true)
    cost = np.zeros((n + 1, m + 1))
    cost[:, 0], cost[0] = 0.7 * np.arange(n + 1), 0.7 * np.arange(m + 1)
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            cost[i, j] = min(
                cost[i - 1, j - 1] + _distance(found[i - 1], true[j - 1]),
                cost[i - 1, j] + 0.7,
                cost[i, j - 1] + 0.7,
            )
    pairs = []
    i, j = n, m
    while i and j:
        if cost[i, j] == cost[i - 1, j - 1] + _distance(found[i - 1], true[j - 1]):
            pairs.append((i - 1, j - 1))
            i, j = i - 1, j - 1
        elif cost[i, j] == cost[i - 1, j] + 0.7:
            i -= 1
        else:
            j -= 1
    return pairs[::-1]


def _distance(a: str, b: str) -> float:
    if a == b:
        return 0.0
    return 0.6 if (a in _VOWELS) == (b in _VOWELS) else 2.0


def errors(found: list[Interval], truth: Truth) -> np.ndarray:
    """Signed errors in seconds of the starts and ends of paired phones."""
    true = truth.phones
    found = merge_long(found)
    out = []
    for i, j in pair([p.label for p in found], [p.label for p in true]):
        if not truth.inner[j]:
            out.append(found[i].start - true[j].start)
        if j + 1 == len(true) or not truth.inner[j + 1]:
            out.append(found[i].end - true[j].end)
    return np.array(out)


def hits(found: list[Interval], truth: Truth, kind: str) -> tuple[int, int, int, int, int]:
    """True closures (or tucks) found, true ones, right ones and found ones, and true ones held.

    Found are those whose middle lies within 50 ms of a true one's, and the other way round;
    held are true ones in whose middle the lips of a found one are where they must be.
    """
    labels = BILABIALS if kind == "pbm" else LABIODENTALS
    ours = [p for p in merge_long(found) if p.label in labels]
    theirs = [p for p in truth.phones if p.label in labels]

    def near(a: Interval, others: list[Interval]) -> bool:
        return any(abs(a.start + a.end - b.start - b.end) <= 0.1 for b in others)

    matched = sum(near(t, ours) for t in theirs)
    right = sum(near(o, theirs) for o in ours)
    held = sum(
        near(t, ours) or any(o.start <= (t.start + t.end) / 2 <= o.end for o in ours)
        for t in theirs
    )
    return matched, len(theirs), right, len(ours), held
