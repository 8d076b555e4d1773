"""What several speech tests share: the demo's recordings and ways to make others."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

import relip
from relip.speech import Alignment, Audio, Interval, align, load_audio, read_textgrid
from relip.speech.alignment import fill

VOICE = Path(relip.__file__).parent / "demo" / "voice"
RATE = 16000


def text_of(name: str) -> str:
    return (VOICE / f"{name}.txt").read_text(encoding="utf-8")


@cache
def demo_audio(name: str) -> Audio:
    return load_audio(VOICE / f"{name}.flac")


@cache
def demo_truth(name: str) -> Alignment:
    return read_textgrid(VOICE / f"{name}.TextGrid")


@cache
def demo_aligned(name: str) -> Alignment:
    return align(demo_audio(name), text=text_of(name))


def audio_of(samples: np.ndarray) -> Audio:
    samples = np.asarray(samples, np.float32)
    return Audio(samples, RATE, len(samples) / RATE, RATE, 1)


def said(*phones: tuple[str, float]) -> Alignment:
    """An alignment of phones given by label and length, one after the other."""
    out, now = [], 0.0
    for label, length in phones:
        out.append(Interval(now, now + length, label))
        now += length
    return Alignment((), fill(out, now), now)
