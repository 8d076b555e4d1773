"""The plate's own mouth: from its voice's known phone times to mouth controls."""

from __future__ import annotations

from fractions import Fraction
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from relip.speech.visemes import Viseme

#: How far the plate's actor opens the jaw on the visemes of open lips, about three quarters of what
#: people do: it is a portrait made to talk by a warp, and a warp opens no mouth wide.
JAWS = {
    "dental": 0.25,
    "alveolar": 0.24,
    "lateral": 0.32,
    "velar": 0.30,
    "guttural": 0.40,
    "rhotic": 0.28,
    "open": 0.82,
    "open spread": 0.75,
    "mid": 0.50,
    "mid spread": 0.52,
    "near close spread": 0.34,
    "close spread": 0.28,
    "round open": 0.65,
    "round mid": 0.50,
    "near close round": 0.35,
    "round close": 0.27,
    "front round mid": 0.40,
    "front round close": 0.22,
    "spread glide": 0.24,
}


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
        As :func:`relip.speech.mouth_curves` gives them for the voice's known phones, spoken
        with :data:`JAWS`.
    """
    from relip.speech import Style, mouth_curves, read_textgrid

    style = Style(visemes=_actors_visemes())
    alignment = read_textgrid(voice_file("plate.TextGrid"))
    parts, start, round_ = [], 0, 0
    length = Fraction(alignment.duration).limit_denominator(100_000)
    while start < n_frames:
        # Frames whose centres lie in this round of the voice.
        end = min(n_frames, round((round_ + 1) * length * fps))
        if end > start:
            offset = float(round_ * length - start / fps)
            parts.append(
                mouth_curves(
                    alignment, frames=range(end - start), rate=fps, offset=offset, style=style
                )
            )
        start, round_ = max(start, end), round_ + 1
    return np.concatenate(parts)


def _actors_visemes() -> dict[str, Viseme]:
    """The generic classes with the jaw of :data:`JAWS`."""
    from relip.speech import MOUTH_CONTROLS
    from relip.speech.visemes import viseme_classes

    jaw = MOUTH_CONTROLS.index("jawOpen")
    visemes = {}
    for name, opening in JAWS.items():
        targets = list(viseme_classes()[name].targets)
        targets[jaw] = opening
        visemes[name] = viseme_classes()[name]._replace(targets=tuple(targets))
    return visemes
