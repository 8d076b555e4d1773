"""A picture of the speech stage: sound, words, phones and mouth controls over time."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np

from relip.records import atomic_path
from relip.speech.alignment import Alignment, frame_times
from relip.speech.audio import Audio
from relip.speech.curves import closures, opening
from relip.speech.textgrid import confidence_tier
from relip.speech.visemes import MOUTH_CONTROLS

#: The colours of confidence.
_COLOURS = {"green": "tab:green", "amber": "orange", "red": "tab:red"}
#: Seconds of dialogue per row of the picture.
ROW = 8.0
#: Rows drawn at most: a longer dialogue is cut with a note in the title.
MAX_ROWS = 8

#: Heights of words and phones in the waveform, whose range is -1 to 1. Short phones follow each
#: other closer than their names are wide: every second one stands above.
_WORDS, _PHONES = (0.78,), (-0.95, -0.8)


def plot_speech(
    path: str | Path,
    audio: Audio,
    alignment: Alignment,
    frames: range,
    rate: Fraction,
    curves: np.ndarray,
    offset: float = 0.0,
) -> None:
    """Draw waveform, words with the colour of their confidence, phones and mouth controls.

    Parameters
    ----------
    path : path
        A PNG file.
    audio : Audio
    alignment : Alignment
    frames : range
    rate : Fraction
        Frames per second.
    curves : ndarray, shape (F, len(MOUTH_CONTROLS))
    offset : float
        Seconds into the shot at which the dialogue begins.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    times = frame_times(frames, rate, offset)
    span = max(audio.duration, 1.0)  # what a longer shot has beyond its dialogue is silence
    count = int(min(np.ceil(span / ROW), MAX_ROWS))
    figure = Figure(figsize=(16, 4.6 * count), dpi=80, layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(2 * count, 1, squeeze=False, height_ratios=[1, 1.5] * count)[:, 0]
    closed = {f for _, held in closures(alignment, frames, rate, offset) for f in held}
    marks = np.array([i for i, f in enumerate(frames) if f in closed], dtype=int)
    for row in range(count):
        low, high = row * ROW, min((row + 1) * ROW, span)
        top, bottom = grid[2 * row], grid[2 * row + 1]
        _wave(top, audio, low, high)
        for tier, heights, size in ((alignment.words, _WORDS, 10), (alignment.seen(), _PHONES, 8)):
            for number, (start, end, label) in enumerate(i for i in tier if i.label):
                if end > low and start < high:
                    height = heights[number % len(heights)]
                    top.axvline(start, color="0.8", lw=0.5)
                    top.text(
                        (start + end) / 2, height, label, ha="center", size=size, clip_on=True
                    ).set_in_layout(False)
        for start, end, label in confidence_tier(alignment):
            if end > low and start < high:  # a bar above each word: can it be trusted?
                kind = _COLOURS[label.split()[0]]
                top.fill_between([start, end], 0.94, 1.0, color=kind, lw=0)
        bottom.fill_between(times, opening(curves), color="0.85", label="opening")
        for place, name in enumerate(MOUTH_CONTROLS):
            if curves[:, place].any():
                bottom.plot(times, curves[:, place], lw=2 if place < 2 else 1, label=name)
        bottom.plot(times[marks], np.zeros(len(marks)), "kv", ms=6, label="lips must close")
        for axes in (top, bottom):
            axes.set_xlim(low, low + ROW if count > 1 else high)
        bottom.set_ylim(-0.03, 1.05)
        bottom.set_xlabel("seconds of dialogue")
        if row == 0:
            handles, labels = bottom.get_legend_handles_labels()
            figure.legend(handles, labels, ncols=12, fontsize=8, loc="outside lower center")
            note = " (draft)" if alignment.draft else ""
            cut = f", first {count * ROW:g} s of {span:.0f} s" if span > count * ROW else ""
            top.set_title(f"{alignment.method}{note}: {alignment.rung}{cut}", size=10)
    path = Path(path)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png")


def _wave(axes: object, audio: Audio, low: float, high: float) -> None:
    """The waveform as the band between the lowest and highest sample of each column."""
    part = audio.samples[int(low * audio.rate) : int(high * audio.rate)]
    size = max(len(part) // 1600, 1)
    body = part[: len(part) // size * size].reshape(-1, size)
    when = low + (np.arange(len(body)) + 0.5) * size / audio.rate
    axes.fill_between(when, body.min(1), body.max(1), color="tab:blue", lw=0)  # type: ignore[attr-defined]
    axes.set_ylim(-1, 1)  # type: ignore[attr-defined]
    axes.set_yticks([])  # type: ignore[attr-defined]
