"""Make the two recordings of the demo with the synthetic voice of Flite.

Flite (http://cmuflite.org, BSD-like licence; Debian package ``flite``) says
each sentence on its own and prints the end of every phone it made: that is the
ground truth of the demo's TextGrids. The recordings are committed; this script
only documents how they came to be and makes them again:

    python bench/make_demo_voice.py [FOLDER]
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from relip.speech.alignment import Alignment, Interval, fill
from relip.speech.textgrid import write_textgrid

VOICE = "slt"
RATE = 16000
EDGE = 0.18  # seconds of silence kept before and after each sentence

#: (text, pause after it in seconds) of every sentence.
RECORDINGS = {
    "plate": [
        ("Good morning. ", 0.0),
        (
            "This room is where I usually work, and before we move on, watch how my face moves. ",
            0.0,
        ),
        ("Big smile. ", 0.0),
    ],
    "dialogue": [
        ("My father bought five big plums. ", 0.25),
        ("Maybe we will move them over the bumpy path before night. ", 0.0),
    ],
}
FOLD = {"ax": "ah", "pau": ""}


def flite(*arguments: str) -> str:
    """Run Flite and return what it prints."""
    done = subprocess.run(
        ["flite", "-voice", VOICE, *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout


def phones_of(text: str) -> list[str]:
    """The phones Flite makes of a text, pauses left out."""
    found = flite("-t", f" {text} ", "-ps", "-o", "none").split()
    return [p for p in found if p != "pau"]


def say(text: str, folder: Path) -> tuple[np.ndarray, list[Interval], list[Interval]]:
    """One sentence: samples, words and phones."""
    wav = folder / "sentence.wav"
    printed = flite("-t", text, "-psdur", "-o", str(wav)).split()
    samples, rate = soundfile.read(wav, dtype="float32")
    if rate != RATE or samples.ndim != 1:
        raise SystemExit(f"the voice {VOICE} gave {rate} Hz, {samples.ndim} channels")
    phones: list[Interval] = []
    now = 0.0
    for item in printed:
        name, end = item.split(":")
        phones.append(Interval(now, float(end), FOLD.get(name, name).upper()))
        now = float(end)
    spoken = [p for p in phones if p.label]
    words: list[Interval] = []
    for word in re.findall(r"[A-Za-z']+", text):
        count = len(phones_of(word))
        group, spoken = spoken[:count], spoken[count:]
        words.append(Interval(group[0].start, group[-1].end, word.lower()))
    if spoken:
        raise SystemExit(f"{text!r}: Flite's words and sentence differ in phones")
    return samples, words, phones


def trim(
    samples: np.ndarray, words: list[Interval], phones: list[Interval]
) -> tuple[np.ndarray, list[Interval], list[Interval]]:
    """Keep ``EDGE`` seconds of silence around the sentence."""
    first = max(round((words[0].start - EDGE) * RATE), 0)
    last = min(round((words[-1].end + EDGE) * RATE), len(samples))
    shift, length = first / RATE, (last - first) / RATE
    moved = [
        [Interval(max(s - shift, 0.0), min(e - shift, length), x) for s, e, x in tier]
        for tier in (words, phones)
    ]
    return samples[first:last], moved[0], moved[1]


def main(folder: Path) -> None:
    """Write every recording with its transcript and TextGrid."""
    if shutil.which("flite") is None:
        raise SystemExit("flite is not installed; on Debian and Ubuntu: apt install flite")
    folder.mkdir(parents=True, exist_ok=True)
    for name, sentences in RECORDINGS.items():
        pieces: list[np.ndarray] = []
        words: list[Interval] = []
        phones: list[Interval] = []
        with tempfile.TemporaryDirectory() as work:
            for text, pause in sentences:
                samples, w, p = trim(*say(text.strip(), Path(work)))
                now = sum(map(len, pieces)) / RATE
                words += [Interval(s + now, e + now, x) for s, e, x in w]
                phones += [Interval(s + now, e + now, x) for s, e, x in p]
                pieces += [samples, np.zeros(round(pause * RATE), np.float32)]
        audio = np.concatenate(pieces)
        audio *= 0.7 / np.abs(audio).max()
        # A recording has a noise floor; without it every pause is digital zero. -80 dBFS.
        audio += np.random.default_rng(1).normal(0, 1e-4, len(audio)).astype(np.float32)
        audio = np.round(audio * 4096) / 4096  # 13 bits: the file stays small
        duration = len(audio) / RATE
        soundfile.write(folder / f"{name}.flac", audio, RATE, subtype="PCM_16")
        text = "".join(t for t, _ in sentences).strip() + "\n"
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")
        write_textgrid(
            folder / f"{name}.TextGrid",
            Alignment(fill(words, duration), fill(phones, duration), duration),
        )
        print(f"{name}: {duration:.2f} s, {len(words)} words")


if __name__ == "__main__":
    default = Path(__file__).resolve().parents[1] / "core" / "relip" / "demo" / "voice"
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else default)
