"""Rhubarb Lip Sync's mouth cues, TSV and JSON, in and out.

Its nine shapes stand for groups of sounds; ``data/rhubarb.csv`` says which
phone each is read as, and which shape each viseme class is written as.
"""

from __future__ import annotations

import csv
import json
from functools import lru_cache
from importlib import resources
from pathlib import Path

from relip.errors import InputError, TranscriptError, mended, reason
from relip.records import write_text
from relip.speech.alignment import Alignment, Interval, fill
from relip.speech.textfile import read_text
from relip.speech.visemes import viseme_table

SUFFIXES = (".tsv", ".json")


@lru_cache(maxsize=1)
def _tables() -> tuple[dict[str, str], dict[str, str]]:
    path = resources.files("relip.speech").joinpath("data").joinpath("rhubarb.csv")
    rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    phones = {r["shape"]: r["name"] for r in rows if r["kind"] == "phone"}
    shapes = {r["name"]: r["shape"] for r in rows if r["kind"] == "viseme"}
    return phones, shapes


@mended("make it with rhubarb -f tsv or -f json", general=True)
def read_rhubarb(path: str | Path) -> Alignment:
    """Read mouth cues as phones.

    Parameters
    ----------
    path : path
        ``.tsv`` (``seconds<TAB>shape``) or ``.json`` (``mouthCues``).

    Returns
    -------
    Alignment
        Phones only; ``method="textgrid"``.

    Raises
    ------
    InputError
        If the file is missing or malformed.
    TranscriptError
        If a shape is unknown or times run backwards; the message names the cue.
    """
    path = Path(path)
    text = read_text(path, mend="check --text")
    cues = _from_json(text, path) if path.suffix.lower() == ".json" else _from_tsv(text, path)
    phones, _ = _tables()
    out = []
    last = 0.0
    for number, (start, end, shape) in enumerate(cues, start=1):
        if shape != "X" and shape not in phones:
            raise TranscriptError(
                f"{path}, cue {number} at {start:g} s: the shape {shape!r} is unknown",
                mend=f"use one of {' '.join(sorted((*phones, 'X')))}",
            )
        if start < last - 1e-9 or end < start:
            raise TranscriptError(f"{path}, cue {number}: {start:g} s lies before the cue above")
        last = start
        out.append(Interval(start, end, phones.get(shape, "")))
    duration = cues[-1][1]
    if duration <= 0:
        raise InputError(f"{path}: the mouth cues are {duration:g} s long")
    whole = fill(out, duration)
    return Alignment((Interval(0.0, duration, ""),), whole, duration, "textgrid", "rhubarb")


def _from_tsv(text: str, path: Path) -> list[tuple[float, float, str]]:
    starts: list[tuple[float, str]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        parts = line.split()
        try:
            starts.append((float(parts[0]), parts[1].upper()))
        except (ValueError, IndexError):
            raise InputError(
                f"{path}, line {number}: {line.strip()[:60]!r} is not a time and a shape",
                mend="write seconds, a tab, and one of the shapes A to H or X",
            ) from None
    if len(starts) < 2:
        raise InputError(f"{path} holds no mouth cues")
    ends = [s for s, _ in starts[1:]]
    # The last line says where the recording ends.
    return [(s, e, shape) for (s, shape), e in zip(starts[:-1], ends, strict=True)]


def _from_json(text: str, path: Path) -> list[tuple[float, float, str]]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not a Rhubarb result: {reason(error)}") from None
    cues = data.get("mouthCues") if isinstance(data, dict) else None
    if not isinstance(cues, list):
        raise InputError(f'{path} is not a Rhubarb result: it has no list "mouthCues"')
    out = []
    for number, cue in enumerate(cues, start=1):
        try:
            out.append((float(cue["start"]), float(cue["end"]), str(cue["value"]).upper()))
        except (ValueError, LookupError, TypeError, OverflowError):
            raise InputError(
                f"{path} is not a Rhubarb result: cue {number} has no times start and end in "
                "seconds, and no shape as its value"
            ) from None
    if not out:
        raise InputError(f"{path} holds no mouth cues")
    return out


def rhubarb_cues(alignment: Alignment) -> list[tuple[float, float, str]]:
    """Start, end and shape; neighbours of one shape are joined."""
    _, shapes = _tables()
    table = viseme_table()
    cues: list[tuple[float, float, str]] = []
    for start, end, label in fill(list(alignment.seen()), alignment.duration):
        parts = table[label]
        for place, part in enumerate(parts):
            low = start + (end - start) * place / len(parts)
            high = start + (end - start) * (place + 1) / len(parts)
            shape = shapes[part.name] if label else "X"
            if cues and cues[-1][2] == shape:
                cues[-1] = (cues[-1][0], high, shape)
            else:
                cues.append((low, high, shape))
    return cues


def write_rhubarb(path: str | Path, alignment: Alignment, sound: str = "") -> None:
    """Write TSV, or JSON where the name ends so.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    cues = rhubarb_cues(alignment)
    if Path(path).suffix.lower() == ".json":
        data = {
            "metadata": {"soundFile": sound, "duration": round(alignment.duration, 6)},
            "mouthCues": [
                {"start": round(s, 6), "end": round(e, 6), "value": shape} for s, e, shape in cues
            ],
        }
        write_text(path, json.dumps(data, indent=2) + "\n")
        return
    lines = [f"{_time(s)}\t{shape}" for s, _, shape in cues]
    lines.append(f"{_time(alignment.duration)}\tX")
    write_text(path, "\n".join(lines) + "\n")


def _time(seconds: float) -> str:
    text = f"{seconds:.6f}".rstrip("0")
    whole, _, fraction = text.partition(".")
    return f"{whole}.{fraction.ljust(2, '0')}"
