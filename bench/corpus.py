"""Measure the speech stage on a corpus of your own, whose phones were set by hand.

    python bench/corpus.py FOLDER [--lang en] [--limit N] [--per-file] [--json FILE]

Every recording below FOLDER counts that has one of these beside it:

* ``NAME.TextGrid`` with tiers of phones and words (Praat, ARPAbet or IPA),
* ``NAME.PHN`` and ``NAME.WRD`` (TIMIT: samples, 61 labels),
* ``NAME.phones`` and ``NAME.words`` (Buckeye: ends in seconds after a line ``#``),
* ``NAME.lab`` (the same without words) with ``NAME.txt``.

The transcript is ``NAME.txt`` where it is there (TIMIT's own begins with two numbers, which are
left out), else the words of the labels; a word in angle brackets or braces is a noise.

Phones found and labelled are paired by minimum edit distance; errors are those of the starts
and ends of pairs. Stops are closure and burst together, a closure alone is its stop; glottal
stops and noises are silence. The last table says by kind of boundary where the errors are.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
from truth import Truth, hits, merge_long, pair

from relip.errors import RelipError
from relip.speech import Audio, align, load_audio, read_textgrid
from relip.speech.alignment import ARPABET, Interval

SOUNDS = (".wav", ".flac", ".WAV", ".sph", ".mp3", ".aiff")
#: What TIMIT and Buckeye write beyond the phones of the CMU dictionary.
_FOLD = {
    "AX": "AH", "AX-H": "AH", "AXR": "ER", "IX": "IH", "UX": "UW", "HV": "HH", "EL": "L",
    "EM": "M", "EN": "N", "ENG": "NG", "NX": "N", "DX": "T", "TQ": "T", "WH": "W", "OWN": "OW",
}  # fmt: skip
_CLOSURES = {"BCL": "B", "DCL": "D", "GCL": "G", "PCL": "P", "TCL": "T", "KCL": "K"}
_RELEASES = {"D": ("D", "JH"), "T": ("T", "CH", "DX")}

_KINDS = {
    **dict.fromkeys(("P", "T", "K"), "voiceless stop"),
    **dict.fromkeys(("B", "D", "G"), "voiced stop"),
    **dict.fromkeys(("CH", "JH"), "affricate"),
    **dict.fromkeys(("S", "SH", "F", "TH", "HH"), "voiceless fricative"),
    **dict.fromkeys(("Z", "ZH", "V", "DH"), "voiced fricative"),
    **dict.fromkeys(("M", "N", "NG"), "nasal"),
    **dict.fromkeys(("L", "R", "W", "Y"), "approximant"),
}


def kind(label: str) -> str:
    """The manner of a phone, ``pause`` for none."""
    return _KINDS.get(label, "vowel") if label else "pause"


def fold(label: str) -> str:
    """The CMU dictionary's phone of a label of TIMIT or Buckeye; ``""`` for silence and noises."""
    plain = label.split(";")[0].strip().upper().rstrip("0123456789")
    plain = _FOLD.get(plain, plain)
    if len(plain) > 2 and plain.endswith("N") and plain[:-1] in ARPABET:  # a nasal vowel
        plain = plain[:-1]
    return plain if plain in ARPABET else ""


def from_rows(rows: list[tuple[float, float, str]]) -> list[Interval]:
    """Phones of labels in order, each closure joined to the burst that follows it."""
    out: list[Interval] = []
    closure = ""
    for start, end, label in rows:
        name = label.split(";")[0].strip().upper()
        stop = _CLOSURES.get(name, "")
        if stop:
            out.append(Interval(start, end, stop))
            closure = stop
            continue
        if closure and name in _RELEASES.get(closure, (closure,)):
            out[-1] = Interval(out[-1].start, end, fold(name))
        elif fold(name):
            out.append(Interval(start, end, fold(name)))
        closure = ""
    return out


def labelled(sound: Path) -> tuple[list[Interval], str] | None:
    """Phones and transcript of a recording; None where nothing stands beside it."""
    for ending in (".TextGrid", ".textgrid"):
        if sound.with_suffix(ending).is_file():
            grid = read_textgrid(sound.with_suffix(ending))
            phones = [p for p in grid.phones if p.label]
            return phones, transcript(sound, [w.label for w in grid.words])
    for ending, beside in ((".PHN", ".WRD"), (".phn", ".wrd")):
        if sound.with_suffix(ending).is_file():
            rate = load_audio(sound).source_rate
            rows = [r.split() for r in sound.with_suffix(ending).read_text().splitlines() if r]
            timed = [(int(a) / rate, int(b) / rate, label) for a, b, label in rows]
            path = sound.with_suffix(beside)
            said = [r.split()[2] for r in path.read_text().splitlines()] if path.is_file() else []
            return from_rows(timed), transcript(sound, said)
    for ending in (".phones", ".lab"):
        if sound.with_suffix(ending).is_file():
            stamped = _after_mark(sound.with_suffix(ending))
            path = sound.with_suffix(".words")
            said = [w for _, _, w in _after_mark(path)] if path.is_file() else []
            return from_rows(stamped), transcript(sound, said)
    return None


def _after_mark(path: Path) -> list[tuple[float, float, str]]:
    """ESPS labels: after a line ``#``, the end in seconds, a colour, the label."""
    _, _, body = path.read_text(encoding="latin-1").partition("\n#")
    rows, now = [], 0.0
    for line in body.splitlines()[1:]:
        parts = line.strip().split(None, 2)
        if len(parts) >= 2:
            label = parts[2].split(";")[0].strip() if len(parts) == 3 else ""
            rows.append((now, float(parts[0]), label))
            now = float(parts[0])
    return rows


def transcript(sound: Path, words: list[str]) -> str:
    """The text beside a recording, or the words of its labels."""
    for ending in (".txt", ".TXT"):
        if sound.with_suffix(ending).is_file():
            text = sound.with_suffix(ending).read_text(encoding="utf-8-sig")
            return re.sub(r"^\s*\d+\s+\d+\s+", "", text)
    noise = re.compile(r"^([<{\[].*|sp|sil|pau|h#)$", re.IGNORECASE)
    return " ".join(w.lower() for w in words if w and not noise.match(w))


def boundaries(found: list[Interval], true: list[Interval]) -> list[tuple[str, str, float]]:
    """Kinds of the sounds before and after each boundary of paired phones, and its error."""
    ours = merge_long(found)
    theirs = merge_long(true)
    out = []
    for i, j in pair([p.label for p in ours], [p.label for p in theirs]):
        before = theirs[j - 1] if j and theirs[j].start - theirs[j - 1].end < 0.001 else None
        after = theirs[j + 1 : j + 2]
        touches = bool(after) and after[0].start - theirs[j].end < 0.001
        here = kind(theirs[j].label)
        left = kind(before.label) if before else "pause"
        right = kind(after[0].label) if touches else "pause"
        out.append((left, here, ours[i].start - theirs[j].start))
        out.append((here, right, ours[i].end - theirs[j].end))
    return out


def measure(folder: Path, lang: str, limit: int | None, per_file: bool) -> dict[str, object]:
    """Align every labelled recording below a folder and print the tables."""
    sounds = sorted({p for e in SOUNDS for p in folder.rglob(f"*{e}")})
    rows: list[tuple[str, str, float]] = []
    counts = np.zeros((2, 5), int)
    files = refused = unread = paired = present = 0
    seconds = spent = 0.0
    for sound in sounds:
        if limit is not None and files == limit:
            break
        try:
            labels = labelled(sound)
            if labels is None or not labels[0] or not labels[1].strip():
                continue
            audio: Audio = load_audio(sound)
        except (RelipError, ValueError) as error:
            unread += 1
            print(f"  {sound.relative_to(folder)}: not read: {error}")
            continue
        phones, text = labels
        files += 1
        began = time.process_time()
        try:
            alignment = align(audio, text=text, lang=lang)
        except RelipError as error:
            refused += 1
            print(f"  {sound.relative_to(folder)}: {error}")
            continue
        spent += time.process_time() - began
        seconds += audio.duration
        found = [p for p in alignment.phones if p.label]
        mine = boundaries(found, phones)
        rows += mine
        paired += len(mine) // 2
        present += len(merge_long(phones))
        truth = Truth(phones, [], audio.duration)
        here = np.array([hits(found, truth, "pbm"), hits(found, truth, "fv")])
        counts += here
        if per_file and mine:
            wrong = np.abs([value for _, _, value in mine])
            print(
                f"  {sound.relative_to(folder)}: median {1000 * np.median(wrong):.1f} ms, "
                f"within 50 ms {np.mean(wrong <= 0.05):.1%}, p b m {here[0, 0]}/{here[0, 1]}, "
                f"right {here[0, 2]}/{here[0, 3]}; {alignment.rung}",
                flush=True,
            )
    if not rows:
        raise SystemExit(f"{folder} holds no recording with labels of phones that could be aligned")
    print(
        f"\n{files} recordings ({seconds:.0f} s), {refused} refused, {unread} not read; "
        f"{paired} of {present} phones paired; {seconds / max(spent, 1e-9):.1f} times real time "
        "of one core's processor time"
    )
    figures = summary(rows, counts)
    more = {"files": files, "refused": refused, "seconds": seconds, "kinds": by_kind(rows)}
    return {**figures, **more}


def summary(rows: list[tuple[str, str, float]], counts: np.ndarray) -> dict[str, float]:
    """Print and return the figures over all boundaries, and over closures and tucks."""
    errors = np.array([value for _, _, value in rows])
    size = np.abs(errors)
    table: dict[str, float] = {
        "median_ms": 1000 * float(np.median(size)),
        "signed_ms": 1000 * float(np.median(errors)),
    }
    for limit in (10, 20, 50):
        table[f"within_{limit}ms"] = float(np.mean(size <= limit / 1000))
    print(
        "median {median_ms:.1f} ms (signed {signed_ms:+.1f}), within 10 ms {within_10ms:.1%}, "
        "20 ms {within_20ms:.1%}, 50 ms {within_50ms:.1%}".format(**table)
    )
    for name, (matched, there, right, ours, _) in zip(("pbm", "fv"), counts, strict=True):
        table[f"{name}_recall"] = matched / max(there, 1)
        table[f"{name}_precision"] = right / max(ours, 1)
        print(
            f"{' '.join(name)}: recall {matched / max(there, 1):.1%} of {there}, precision "
            f"{right / max(ours, 1):.1%} of {ours}"
        )
    return table


def by_kind(rows: list[tuple[str, str, float]]) -> dict[str, tuple[int, float]]:
    """Print the errors by the kinds of sound on both sides; return how many and their median."""
    groups: dict[tuple[str, str], list[float]] = defaultdict(list)
    for left, right, value in rows:
        for key in ((left, right), ("any", right), (left, "any")):
            groups[key].append(value)
    print("\n| before | after | boundaries | median signed | median | within 50 ms |")
    print("|---|---|---|---|---|---|")
    table = {}
    for (left, right), values in sorted(groups.items(), key=lambda g: -len(g[1])):
        each = np.array(values)
        table[f"{left}|{right}"] = (len(each), float(np.median(each)))
        print(
            f"| {left} | {right} | {len(each)} | {1000 * np.median(each):+.1f} ms "
            f"| {1000 * np.median(np.abs(each)):.1f} ms | {np.mean(np.abs(each) <= 0.05):.0%} |"
        )
    return table


def main() -> None:
    """Measure one folder."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--lang", default="en")
    parser.add_argument("--limit", type=int, help="measure so many recordings only")
    parser.add_argument("--per-file", action="store_true", help="print a line for every recording")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    result = measure(options.folder, options.lang, options.limit, options.per_file)
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
