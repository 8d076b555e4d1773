"""Measure the speech stage: boundary errors, right and wrong transcripts, closures.

    python bench/speech.py [--shared FOLDER] [--only TABLES] [--json FILE]

Footage: the demo's two synthetic recordings (phone times known exactly) and,
where the folder is there, ``speech/pumpkins.wav`` (phones set by hand) and
five sentences of ``speech/librivox_*.wav`` (read speech, transcripts only).

One table after the other (each under ten minutes on one core)::

    python bench/voices.py VOICES                    # once: voices whose phone times are known
    python bench/speech.py --only boundaries         # English with and without transcript
    python bench/speech.py --voices VOICES --only languages [--languages it,cs,...]
    python bench/speech.py --voices VOICES --only "white noise 10 dB" [--languages en]
                       # also "music 10 dB", "8 kHz", "clipped", "-40 dB", "reverberant"
    python bench/speech.py --voices VOICES --only words [--languages fr,vi,...]
                       # right, wrong transcripts and wrong words; English alone takes longest
    python bench/speech.py --only clean              # every transcript on every recording
    python bench/speech.py --voices VOICES --only unknown [--rhubarb RESULTS]
                       # English without transcript, beside Rhubarb's results
    python bench/speech.py --only nothing            # silence, noises and music alone
    python bench/speech.py --only closures           # held at every frame rate
    python bench/speech.py --only long --seconds 600 # times real time, and memory
    relip track ... ; python bench/speech.py --only lips --tracks TRACKS
                       # predicted opening against lips; TRACKS/CLIP.npz are track/track.npz
                       # of the clips of ``media``
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import re
import time
from collections.abc import Callable
from difflib import SequenceMatcher
from fractions import Fraction
from pathlib import Path

import numpy as np
from truth import Truth, hits, read_truth
from truth import errors as phone_errors

from relip.errors import RelipError
from relip.speech import (
    Alignment,
    Audio,
    align,
    closures,
    load_audio,
    mouth_curves,
    opening,
    read_rhubarb,
    read_textgrid,
)
from relip.speech.activity import levels
from relip.speech.alignment import fill
from relip.speech.confidence import doubted, mismatch_limit, word_certainty
from relip.speech.laying import force
from relip.speech.pronunciation import Word, find_language, languages, pronounce_transcript
from relip.speech.recording import Recording
from relip.speech.rhubarb import rhubarb_cues

ROOT = Path(__file__).resolve().parents[1]
VOICE = ROOT / "core" / "relip" / "demo" / "voice"
RATES = ("12", "24000/1001", "24", "25", "30000/1001", "30", "50", "60")


def material(shared: Path) -> dict[str, tuple[Audio, str, Alignment | None]]:
    """Recording, transcript and, where known, the true phones of every file."""
    found: dict[str, tuple[Audio, str, Alignment | None]] = {}
    for name in ("plate", "dialogue"):
        text = (VOICE / f"{name}.txt").read_text(encoding="utf-8")
        truth = read_textgrid(VOICE / f"{name}.TextGrid")
        found[name] = (load_audio(VOICE / f"{name}.flac"), text, truth)
    folder = shared / "speech"
    if (folder / "pumpkins.wav").is_file():
        truth = read_textgrid(folder / "pumpkins.TextGrid")
        text = " ".join(w.label.lower() for w in truth.words if w.label)
        found["pumpkins"] = (load_audio(folder / "pumpkins.wav"), text, truth)
    for path in sorted(folder.glob("librivox_*.wav")):
        text = path.with_suffix(".txt").read_text(encoding="utf-8")
        found[path.stem] = (load_audio(path), text, None)
    return found


def boundary_errors(found: Alignment, truth: Alignment) -> np.ndarray:
    """Signed errors in seconds of the starts and ends of the phones both have, in order."""
    ours = [p for p in found.phones if p.label]
    theirs = [p for p in truth.phones if p.label]
    matcher = SequenceMatcher(
        None, [p.label for p in ours], [p.label for p in theirs], autojunk=False
    )
    errors = []
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag == "equal" or (tag == "replace" and i2 - i1 == j2 - j1):
            for a, b in zip(ours[i1:i2], theirs[j1:j2], strict=True):
                errors += [a.start - b.start, a.end - b.end]
    return np.array(errors)


def frame_accuracy(found: Alignment, truth: Alignment) -> float:
    """Share of 10 ms frames with the true phone (silence counts as one)."""
    times = np.arange(0, truth.duration, 0.01) + 0.005

    def at(alignment: Alignment) -> list[str]:
        starts = np.array([p.start for p in alignment.phones])
        index = np.searchsorted(starts, times, side="right") - 1
        return [alignment.phones[max(i, 0)].label for i in index]

    pairs = zip(at(found), at(truth), strict=True)
    return float(np.mean([a == b for a, b in pairs]))


def with_noise(audio: Audio, snr: float, seed: int = 0) -> Audio:
    """White noise added at ``snr`` dB below the recording's mean power."""
    power = float(np.mean(np.square(audio.samples, dtype=np.float64)))
    noise = np.random.default_rng(seed).normal(
        0, np.sqrt(power / 10 ** (snr / 10)), len(audio.samples)
    )
    samples = (audio.samples + noise).astype(np.float32)
    return Audio(samples, audio.rate, audio.duration, audio.source_rate, audio.source_channels)


def fit(audio: Audio, words: list[Word], language: str = "en") -> float | None:
    """Score of words on a recording, in nats per frame; None when they do not fit into it."""
    recording = Recording(audio, find_language(language))
    piece = force(recording, words, 0, len(recording.level))
    return piece.total / max(piece.frames, 1) if piece else None


def music(count: int, rate: int) -> np.ndarray:
    """Four chords of plucked strings with eight harmonics, a bass, a drum and a hi-hat."""
    rng = np.random.default_rng(7)
    t = np.arange(count) / rate
    beat = 0.5
    out = np.zeros(count)
    chords = ((220.0, 261.6, 329.6), (174.6, 220.0, 261.6), (261.6, 329.6, 392.0),
              (196.0, 246.9, 293.7))  # fmt: skip
    for number in range(int(np.ceil(t[-1] / beat))):
        since = t - number * beat
        part = np.flatnonzero((since >= 0) & (since < 1.5))
        s = since[part]
        attack = np.minimum(s / 0.004, 1.0)
        for tone in chords[number // 2 % 4]:
            for k in range(1, 9):
                phase = 2 * np.pi * tone * k * s + rng.uniform(0, 6)
                out[part] += attack * np.sin(phase) * np.exp(-(2 + k) * s) / k**1.2
        bass = chords[number // 2 % 4][0] / 4
        out[part] += 1.2 * attack * np.sin(2 * np.pi * bass * s) * np.exp(-4 * s)
        drum = np.sin(2 * np.pi * (50 * s + 8 * (1 - np.exp(-18 * s)))) * np.exp(-14 * s)
        hat = np.diff(rng.normal(size=len(s) + 1)) * np.exp(-60 * s)
        out[part] += 2.0 * drum + 0.6 * (1 + number % 2) * hat
    return out


def spoiled(audio: Audio, how: str) -> Audio:
    """The recording as bad equipment gives it."""
    from scipy.signal import fftconvolve, resample_poly

    x = audio.samples.astype(np.float64)
    rng = np.random.default_rng(0)
    if how == "white noise 10 dB":
        return with_noise(audio, 10.0)
    if how == "music 10 dB":
        sound = music(len(x), audio.rate)
        x = x + sound * np.sqrt(np.mean(x**2) / np.mean(sound**2) / 10)
    elif how == "8 kHz":
        x = resample_poly(resample_poly(x, 1, 2), 2, 1)[: len(x)]
    elif how == "clipped":
        level = np.quantile(np.abs(x), 0.95)
        x = np.clip(x, -level, level)
    elif how == "-40 dB":
        x = np.round(x * 0.01 * 32768) / 32768
    elif how == "reverberant":
        tail = rng.normal(0, 1, audio.rate // 2) * np.exp(-np.arange(audio.rate // 2) / 2000)
        tail[0] = 8.0
        x = fftconvolve(x, tail / np.abs(tail).max())[: len(x)]
        x *= 0.5 / np.abs(x).max()
    samples = x.astype(np.float32)
    return Audio(samples, audio.rate, audio.duration, audio.source_rate, audio.source_channels)


def sentences(part: str) -> set[tuple[str, int]]:
    """Language and number of the sentences of a part: settings, report, or all of them.

    The aligner's settings were chosen on the first part alone.
    """
    numbers: dict[str, int] = {}
    chosen = set()
    with open(ROOT / "bench" / "sentences.csv", encoding="utf-8") as handle:
        for row in csv.DictReader(handle):
            number = numbers[row["language"]] = numbers.get(row["language"], 0) + 1
            if part in ("all", row["part"]):
                chosen.add((row["language"], number))
    return chosen


def voices(folder: Path, code: str, kind: str, part: str) -> list[Path]:
    """Truth files of a language's synthetic voices."""
    chosen = sentences(part)
    paths = sorted(folder.glob(f"{code}_{kind}*.csv"))
    return [p for p in paths if (code, int(p.stem.rpartition("_")[2])) in chosen]


def bench_languages(
    folder: Path,
    wanted: list[str] | None,
    how: str = "clean",
    part: str = "report",
    as_written: bool = False,
) -> dict[str, dict[str, float]]:
    """Every language on voices whose phone times are known (made by ``voices.py``)."""
    print(
        f"\n{how}\n| language | voices | files | median | within 50 ms | within 20 ms "
        "| p b m held | recall | precision | of | f v recall | precision | refused | x real time |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|")
    table = {}
    codes = [c for c in dict.fromkeys(v.code for v in languages().values())]
    for code in wanted or codes:
        for kind in ("espeak", "festival"):
            paths = voices(folder, code, kind, part)
            found, counts, refused = [], np.zeros((2, 5), int), 0
            seconds, began = 0.0, time.process_time()
            for path in paths:
                audio = load_audio(path.with_suffix(".wav"))
                audio = audio if how == "clean" else spoiled(audio, how)
                text = path.with_suffix(".txt").read_text("utf-8")
                try:
                    phones = [p for p in align(audio, text=text, lang=code).phones if p.label]
                except RelipError as error:
                    refused += 1
                    print(f"  {path.stem}: {error}")
                    continue
                seconds += audio.duration
                truth = read_truth(path, closures=not as_written)
                found.append(phone_errors(phones, truth))
                counts += [hits(phones, truth, "pbm"), hits(phones, truth, "fv")]
            if not found:
                continue
            errors = np.abs(np.concatenate(found))
            row = {
                "files": len(paths),
                "median_ms": 1000 * float(np.median(errors)),
                "within_50ms": float(np.mean(errors <= 0.05)),
                "within_20ms": float(np.mean(errors <= 0.02)),
                "pbm_held": counts[0, 4] / max(counts[0, 1], 1),
                "pbm_recall": counts[0, 0] / max(counts[0, 1], 1),
                "pbm_precision": counts[0, 2] / max(counts[0, 3], 1),
                "fv_recall": counts[1, 0] / max(counts[1, 1], 1),
                "fv_precision": counts[1, 2] / max(counts[1, 3], 1),
                "pbm": int(counts[0, 1]),
                "fv": int(counts[1, 1]),
                "refused": refused,
                "speed": seconds / max(time.process_time() - began, 1e-9),
            }
            table[f"{code} {kind}"] = row
            tucks = f"{row['fv_recall']:.1%} | {row['fv_precision']:.1%}" if row["fv"] else "- | -"
            print(
                f"| {code} | {kind} | {len(paths)} | {row['median_ms']:.1f} ms "
                f"| {row['within_50ms']:.1%} | {row['within_20ms']:.0%} "
                f"| {row['pbm_held']:.1%} | {row['pbm_recall']:.1%} | {row['pbm_precision']:.1%} "
                f"| {row['pbm']} | {tucks} | {refused} | {row['speed']:.0f} |",
                flush=True,
            )
    return table


def bench_words(
    folder: Path, wanted: list[str] | None, part: str = "report"
) -> dict[str, dict[str, float]]:
    """Wrong words and wrong transcripts, on the clean voices of every language.

    Each recording is aligned with its own text, with each other sentence of its language, and
    with two of its words replaced by words of those: the chance of being right that
    :func:`relip.speech.align` gives to each word must tell the replaced ones.
    """
    print("\n| language | right kept | wrong refused | wrong (named) | right words (named) | AUC |")
    print("|---|---|---|---|---|---|")
    table = {}
    pooled: tuple[list[float], list[float]] = ([], [])
    counts = np.zeros(4, int)
    rng = np.random.default_rng(0)
    codes = [c for c in dict.fromkeys(v.code for v in languages().values())]
    for code in wanted or codes:
        language = find_language(code)
        paths = [p for k in ("espeak", "festival") for p in voices(folder, code, k, part)]
        texts = {p: p.with_suffix(".txt").read_text("utf-8") for p in paths}
        if not paths:
            continue
        kept = refused = trials = 0
        right: list[float] = []
        wrong: list[float] = []
        named = [0, 0]
        for path in paths:
            audio = load_audio(path.with_suffix(".wav"))
            own = pronounce_transcript(texts[path], language)
            others = [t for t in dict.fromkeys(texts.values()) if t != texts[path]]
            for text in (texts[path], *others):
                try:
                    align(audio, text=text, lang=code)
                    kept += text == texts[path]
                except RelipError as error:
                    if text == texts[path]:
                        print(f"  {path.stem}: refused: {error}")
                    refused += text != texts[path]
                trials += text != texts[path]
            pool = [w for t in others for w in pronounce_transcript(t, language)]
            swapped = sorted(rng.choice(len(own), min(2, len(own)), replace=False).tolist())
            words = list(own)
            for index in swapped:
                size = len(own[index].variants[0])
                fitting = [
                    w
                    for w in pool
                    if w.label != own[index].label and abs(len(w.variants[0]) - size) <= 1
                ]
                words[index] = (fitting or pool)[int(rng.integers(len(fitting or pool)))]
            recording = Recording(audio, language)
            piece = force(recording, words, 0, len(recording.level))
            if piece is None:
                continue
            lengths = [w.end - w.start for w in piece.words]
            native = not any(piece.ipa)
            sure = word_certainty(piece.fits, lengths, recording.level, native=native)
            doubts = doubted(piece.fits, sure, recording.level, native=native)
            for index, chance in enumerate(sure):
                named[index in swapped] += bool(doubts[index])
                (wrong if index in swapped else right).append(float(chance))
        better = _auc(right, wrong)
        pooled[0].extend(right)
        pooled[1].extend(wrong)
        counts += (kept, len(paths), refused, trials)
        row = {
            "right_kept": kept / len(paths),
            "wrong_refused": refused / max(trials, 1),
            "auc": float(better),
            "wrong_named": named[True] / max(len(wrong), 1),
            "right_named": named[False] / max(len(right), 1),
        }
        table[code] = row
        print(
            f"| {code} | {kept}/{len(paths)} | {refused}/{trials} | {len(wrong)} "
            f"({named[True]}) | {len(right)} ({named[False]}) | {better:.3f} |",
            flush=True,
        )
    print(
        f"all: right kept {counts[0]}/{counts[1]}, wrong refused {counts[2]}/{counts[3]}, "
        f"AUC {_auc(*pooled):.3f} of {len(pooled[1])} wrong words"
    )
    return table


def _auc(right: list[float], wrong: list[float]) -> float:
    """The chance that a right word's value lies over a wrong one's."""
    low = np.asarray(wrong)[:, None]
    return float(np.mean((np.asarray(right) > low) + 0.5 * (np.asarray(right) == low)))


#: Rhubarb's six basic shapes; the others fall back on these, as its documentation says.
_BASIC = {"G": "A", "H": "C", "X": "A"}


def shapes(alignment: Alignment, rate: float = 25.0) -> list[str]:
    """Rhubarb's basic shape, A to F, in the middle of every frame."""
    cues = rhubarb_cues(alignment)
    starts = np.array([start for start, _, _ in cues])
    times = (np.arange(int(alignment.duration * rate)) + 0.5) / rate
    index = np.searchsorted(starts, times, side="right") - 1
    found = [cues[max(i, 0)][2] for i in index]
    return [_BASIC.get(s, s) for s in found]


def bench_unknown(
    files: dict[str, tuple[Audio, str, Alignment | None]],
    folder: Path | None,
    part: str,
    rhubarb: Path | None,
) -> dict[str, dict[str, float]]:
    """English without a transcript: six shapes at 25 frames a second, and closures.

    Where a recording's phones are not known, its alignment with the transcript stands for them.
    ``rhubarb`` holds Rhubarb's results, ``NAME.tsv`` or ``NAME.json``, for the same recordings.
    """
    print("\n| recording | phones known | six shapes | closures recall | precision | of "
          "| rung | Rhubarb six shapes | Rhubarb closures recall | precision |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|---|")
    work: list[tuple[str, Audio, Alignment, bool]] = []
    for name, (audio, text, truth) in files.items():
        work.append((name, audio, truth or align(audio, text=text), truth is not None))
    for kind in ("espeak", "festival") if folder else ():
        for path in voices(folder, "en", kind, part):  # type: ignore[arg-type]
            audio = load_audio(path.with_suffix(".wav"))
            true = read_truth(path)
            whole = fill(true.phones, audio.duration)
            work.append((path.stem, audio, Alignment((), whole, audio.duration, "", ""), True))
    totals: dict[str, np.ndarray] = {}
    table = {}
    for name, audio, truth, known in work:
        row = {}
        cells = []
        for who in ("ours", "Rhubarb"):
            if who == "ours":
                found: Alignment | None = align(audio)
                rung = found.rung if found else ""
            else:
                found = _rhubarb_result(rhubarb, name)
            if found is None:
                cells += ["", "", ""]
                continue
            pairs = list(zip(shapes(found), shapes(truth), strict=False))
            same = sum(a == b for a, b in pairs)
            phones = [p for p in found.phones if p.label]
            true_phones = Truth([p for p in truth.phones if p.label], [], truth.duration)
            matched, there, good, ours, _ = hits(phones, true_phones, "pbm")
            counts = np.array([same, len(pairs), matched, there, good, ours])
            for key in (f"{who} all", f"{who} {'known' if known else 'aligned'}"):
                totals[key] = totals.get(key, np.zeros(6, int)) + counts
            row.update({f"{who}_{k}": v for k, v in _shares(counts).items()})
            share = _shares(counts)
            cells += [f"{share['shapes']:.0%}", f"{share['recall']:.0%}"]
            cells += [f"{share['precision']:.0%}"]
            if who == "ours":
                cells += [str(there), rung]
        table[name] = row
        print(f"| {name} | {'yes' if known else 'aligned'} | {' | '.join(cells)} |", flush=True)
    for key, counts in totals.items():
        share = _shares(counts)
        table[key] = share
        print(
            f"{key}: six shapes {share['shapes']:.1%} of {counts[1]} frames, closures recall "
            f"{share['recall']:.1%} of {counts[3]}, precision {share['precision']:.1%} "
            f"of {counts[5]}"
        )
    return table


def _shares(counts: np.ndarray) -> dict[str, float]:
    same, frames, matched, there, good, ours = (int(c) for c in counts)
    return {
        "shapes": same / max(frames, 1),
        "recall": matched / max(there, 1),
        "precision": good / max(ours, 1),
    }


def _rhubarb_result(folder: Path | None, name: str) -> Alignment | None:
    for ending in (".tsv", ".json"):
        if folder and (folder / f"{name}{ending}").is_file():
            return read_rhubarb(folder / f"{name}{ending}")
    return None


def bench_boundaries(
    files: dict[str, tuple[Audio, str, Alignment | None]],
) -> dict[str, dict[str, object]]:
    """Alignment and recognition against the truth."""
    print("\n| recording | words given | median | mean signed | within 20 ms | within 50 ms "
          "| right frames | seconds | rung |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|")
    table: dict[str, dict[str, object]] = {}
    for name, (audio, text, truth) in files.items():
        if truth is None:
            continue
        for given in (True, False):
            began = time.perf_counter()
            found = align(audio, text=text if given else None)
            took = time.perf_counter() - began
            errors = boundary_errors(found, truth)
            row = {
                "median_ms": 1000 * float(np.median(np.abs(errors))),
                "signed_ms": 1000 * float(np.median(errors)),
                "within_20ms": float(np.mean(np.abs(errors) <= 0.02)),
                "within_50ms": float(np.mean(np.abs(errors) <= 0.05)),
                "frames": frame_accuracy(found, truth),
                "seconds": took,
                "rung": found.rung,
            }
            table[f"{name}{'' if given else ' without words'}"] = dict(row)
            print(
                f"| {name} | {'yes' if given else 'no'} | {row['median_ms']:.1f} ms "
                f"| {row['signed_ms']:+.1f} ms | {row['within_20ms']:.0%} "
                f"| {row['within_50ms']:.0%} | {row['frames']:.0%} | {took:.1f} | {found.rung} |"
            )
    return table


def bench_transcripts(
    files: dict[str, tuple[Audio, str, Alignment | None]], snr: float | None
) -> dict[str, object]:
    """Every transcript on every recording."""
    right: list[tuple[float, float, str]] = []
    wrong: list[tuple[float, float, str]] = []
    lost = 0
    for name, (audio, _, _) in files.items():
        heard = audio if snr is None else with_noise(audio, snr)
        limit = mismatch_limit(levels(heard.samples, heard.rate))
        for other, (_, text, _) in files.items():
            score = fit(heard, pronounce_transcript(text, find_language("en")))
            if other == name:
                value = score if score is not None else -99.0
                right.append((value - limit, value, name))
            elif score is None:
                lost += 1
            else:
                wrong.append((score - limit, score, f"{name} with the words of {other}"))
    kept = sum(margin >= 0 for margin, _, _ in right)
    refused = lost + sum(margin < 0 for margin, _, _ in wrong)
    where = "clean" if snr is None else f"white noise at {snr:g} dB"
    low, high = min(right), max(wrong)
    print(
        f"\n{where}: right transcripts kept {kept}/{len(right)} (closest {low[1]:.2f}, "
        f"{low[0]:+.2f} from the limit, {low[2]}); wrong ones refused "
        f"{refused}/{len(wrong) + lost} (closest {high[1]:.2f}, {high[0]:+.2f} from the limit, "
        f"{high[2]}; {lost} too long to fit); nats per frame"
    )
    return {
        "right_kept": kept / len(right),
        "wrong_refused": refused / (len(wrong) + lost),
        "right_margin": low[0],
        "wrong_margin": high[0],
    }


def bench_closures(
    files: dict[str, tuple[Audio, str, Alignment | None]],
) -> dict[str, dict[str, float]]:
    """Closures reached, opening against jawOpen, and rest in silences, by frame rate."""
    print("\n| rate | closures | with opening 0 | highest jawOpen there | r(opening, jawOpen) |")
    print("|---|---|---|---|---|")
    found = [align(audio, text=text) for audio, text, _ in files.values()]
    table = {}
    for name in RATES:
        rate = Fraction(name)
        held, reached, jaw = 0, 0, 0.0
        gaps, jaws = [], []
        for alignment in found:
            frames = range(1001, 1001 + int(np.ceil(alignment.duration * rate)))
            curves = mouth_curves(alignment, frames=frames, rate=rate)
            gap = opening(curves)
            gaps.append(gap)
            jaws.append(curves[:, 0])
            for _, where in closures(alignment, frames, rate):
                held += 1
                index = [f - frames[0] for f in where]
                reached += bool((gap[index] == 0).any())
                jaw = max(jaw, float(curves[index, 0].min()))
        r = float(np.corrcoef(np.concatenate(gaps), np.concatenate(jaws))[0, 1])
        table[name] = {"closures": held, "reached": reached, "jaw": jaw, "r": r}
        print(f"| {name} | {held} | {reached} | {jaw:.3f} | {r:.4f} |")
    return table


def bench_nothing() -> dict[str, str]:
    """What is found where nobody speaks."""
    print("\n| sound | method | said so | words | phones | with six words |")
    print("|---|---|---|---|---|---|")
    rng = np.random.default_rng(0)
    n = 48000
    t = np.arange(n) / 16000
    pink = np.fft.irfft(np.fft.rfft(rng.normal(size=n)) / np.sqrt(np.arange(n // 2 + 1) + 1))
    sounds = {
        "digital silence": np.zeros(n),
        "white noise": rng.normal(0, 0.05, n),
        "pink noise": pink / pink.std() * 0.05,
        "mains hum": 0.05 * np.sin(2 * np.pi * 50 * t) + 0.02 * np.sin(2 * np.pi * 100 * t),
        "440 Hz tone": 0.1 * np.sin(2 * np.pi * 440 * t),
        "chord": sum(0.05 * np.sin(2 * np.pi * f * t) for f in (220, 277, 330, 440)),
        "music": 0.1 * music(n, 16000),
        "long music": 0.1 * music(10 * 16000, 16000),
    }
    out = {}
    for name, samples in sounds.items():
        length = len(samples) / 16000
        audio = Audio(np.asarray(samples, np.float32), 16000, length, 16000, 1)
        found = align(audio)
        words = [w.label for w in found.words if w.label]
        phones = [p.label for p in found.phones if p.label]
        try:
            told = align(audio, text="my father bought five big plums").method
        except RelipError as error:
            told = error.message
        said = "; ".join(found.warnings)
        print(
            f"| {name} | {found.method} | {said} | {' '.join(words)} | {' '.join(phones)} "
            f"| {told} |"
        )
        out[name] = found.method
    return out


def bench_long(
    files: dict[str, tuple[Audio, str, Alignment | None]], seconds: float
) -> dict[str, object]:
    """One long recording of all files in a row, against each aligned alone: time and memory.

    Seconds are the process's, after start-up; the peak of its memory holds everything.
    """
    import resource

    singles = {name: align(audio, text=text) for name, (audio, text, _) in files.items()}
    names = sorted(files)
    order, length = [], 0.0
    while length < seconds:
        order.append(names[len(order) % len(names)])
        length += files[order[-1]][0].duration
    samples = np.concatenate([files[n][0].samples for n in order])
    text = " ".join(files[n][1] for n in order)
    audio = Audio(samples, 16000, len(samples) / 16000, 16000, 1)
    began = time.process_time()
    try:
        found = align(audio, text=text)
    except RelipError as error:
        print(f"\nlong recording: failed: {error}")
        return {"failed": str(error)}
    took = time.process_time() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    truth, now = [], 0.0
    for name in order:
        truth += [(w.start + now, w.end + now) for w in singles[name].words if w.label]
        now += len(files[name][0].samples) / 16000
    ours = [(w.start, w.end) for w in found.words if w.label]
    errors = np.abs(np.array(ours) - np.array(truth)).ravel()
    print(
        f"\nlong recording: {audio.duration:.0f} s, {len(re.findall(r'[^ ]+', text))} words, "
        f"{took:.1f} s of one core: {audio.duration / took:.1f} times real time; peak {peak:.0f} "
        f"MB; against each sentence alone: median {1000 * np.median(errors):.0f} ms, "
        f"{np.mean(errors <= 0.05):.1%} within 50 ms; {found.rung}"
    )
    return {
        "within_50ms": float(np.mean(errors <= 0.05)),
        "seconds": took,
        "times_real_time": audio.duration / took,
        "peak_mb": peak,
    }


def bench_lips(shared: Path, tracks: Path) -> dict[str, dict[str, object]]:
    """Predicted opening against tracked inner lips, and the offset of the clips' own sound."""
    import av

    from relip.speech.calibrate import calibrate, hear
    from relip.track.facetrack import FaceTrack

    print("\n| clip | first half, generic | own | second half | own | offset | decision |")
    print("|---|---|---|---|---|---|---|")
    table: dict[str, dict[str, object]] = {}
    for path in sorted(tracks.glob("*.npz")):
        clip = shared / "media" / f"{path.stem}.mp4"
        if not clip.is_file():
            continue
        track = FaceTrack.load(path)
        with av.open(str(clip)) as movie:
            rate = Fraction(movie.streams.video[0].average_rate or 25)
        lips = np.where(track.visible, track.lip_opening(), np.nan)
        frames = range(int(track.frames[0]), int(track.frames[0]) + len(lips))
        audio = load_audio(clip)
        found = calibrate(audio, hear(audio, text=None, lang="en"), lips, frames, rate)
        cells = [f"{r:.3f}" for half in found.halves for r in half] or ["", "", "", ""]
        offset = "" if found.offset is None else f"{1000 * found.offset:+.0f} ms"
        print(f"| {path.stem} | {' | '.join(cells)} | {offset} | {found.reason} |", flush=True)
        table[path.stem] = found.to_dict()
    return table


def main() -> None:
    """Run every table."""
    parser = argparse.ArgumentParser(description=__doc__)
    default = os.environ.get("RELIP_SHARED", str(ROOT.parent / "shared"))
    parser.add_argument("--shared", type=Path, default=Path(default))
    parser.add_argument("--json", type=Path)
    parser.add_argument("--voices", type=Path, help="folder made by voices.py")
    parser.add_argument("--languages", help="of the voices, with commas")
    parser.add_argument(
        "--as-written", action="store_true", help="leave the closures of stops as labelled"
    )
    parser.add_argument("--rhubarb", type=Path, help="folder with NAME.tsv or NAME.json")
    parser.add_argument("--tracks", type=Path, help="folder with CLIP.npz, for the table lips")
    parser.add_argument("--seconds", type=float, default=120.0, help="of the long recording")
    parser.add_argument(
        "--part",
        default="report",
        choices=("settings", "report", "all"),
        help="sentences of the voices; settings were chosen on the part of that name",
    )
    parser.add_argument("--only", help="tables, with commas: boundaries,clean,snr15,closures,...")
    options = parser.parse_args()
    files = material(options.shared)
    print("recordings:", ", ".join(files))
    tables: dict[str, Callable[[], object]] = {
        "boundaries": lambda: bench_boundaries(files),
        "clean": lambda: bench_transcripts(files, None),
        "snr20": lambda: bench_transcripts(files, 20.0),
        "snr15": lambda: bench_transcripts(files, 15.0),
        "snr10": lambda: bench_transcripts(files, 10.0),
        "closures": lambda: bench_closures(files),
        "nothing": bench_nothing,
        "unknown": lambda: bench_unknown(files, options.voices, options.part, options.rhubarb),
        "long": lambda: bench_long(files, options.seconds),
    }
    if options.tracks:
        tables["lips"] = lambda: bench_lips(options.shared, options.tracks)
    if options.voices:
        codes = options.languages.split(",") if options.languages else None
        part = options.part
        tables["languages"] = lambda: bench_languages(
            options.voices, codes, part=part, as_written=options.as_written
        )
        tables["words"] = lambda: bench_words(options.voices, codes, part)
        for how in (
            "white noise 10 dB",
            "music 10 dB",
            "8 kHz",
            "clipped",
            "-40 dB",
            "reverberant",
        ):
            tables[how] = lambda how=how: bench_languages(
                options.voices, codes or ["en"], how, part
            )
    wanted = options.only.split(",") if options.only else list(tables)
    result = {name: tables[name]() for name in wanted}
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
