"""The plate's own mouth: from its voice's known phone times to mouth controls."""

from __future__ import annotations

from fractions import Fraction
from importlib.resources import files
from pathlib import Path

import numpy as np


def voice_file(name: str) -> Path:
    """A file of the demo's synthetic voices, such as ``plate.flac``."""
    return Path(str(files("relip.demo") / "voice" / name))


def plate_controls(n_frames: int, fps: Fraction) -> np.ndarray:
    """Mouth controls of the plate's voice; the voice begins again after its end.

    Parameters
    ----------
    n_frames : int
    fps : Fraction

    Returns
    -------
    ndarray, (n_frames, 10) float64, 0-1
        As :func:`relip.speech.mouth_curves` gives them for the voice's known phones.
    """
    from relip.speech import mouth_curves, read_textgrid

    alignment = read_textgrid(voice_file("plate.TextGrid"))
    parts, start, round_ = [], 0, 0
    length = Fraction(alignment.duration).limit_denominator(100_000)
    while start < n_frames:
        # Frames whose centres lie in this round of the voice.
        end = min(n_frames, round((round_ + 1) * length * fps))
        if end > start:
            offset = float(round_ * length - start / fps)
            parts.append(
                mouth_curves(alignment, frames=range(end - start), rate=fps, offset=offset)
            )
        start, round_ = max(start, end), round_ + 1
    return np.concatenate(parts)
