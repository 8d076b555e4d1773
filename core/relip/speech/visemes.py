"""What the mouth does on each phone: the table ``visemes.csv``.

Columns: ``phone`` (ARPAbet; empty is silence), ``part`` (diphthongs have two
halves), ``viseme`` (the class, for people), ``weight`` (dominance: how much
the phone prevails over its neighbours) and the target of every mouth control,
0-1. The classes follow Jeffers and Barley's lip-reading groups; the
targets are for an ARKit face and were set by hand.
"""

from __future__ import annotations

import csv
from functools import lru_cache
from importlib import resources
from typing import NamedTuple

#: The ARKit blendshapes that Relip's mouth is driven by, in the order of mouth.csv.
MOUTH_CONTROLS: tuple[str, ...] = (
    "jawOpen",
    "mouthClose",
    "mouthFunnel",
    "mouthPucker",
    "mouthStretch",
    "mouthUpperUp",
    "mouthLowerDown",
    "mouthRollLower",
    "mouthPress",
    "tongueOut",
)


class Viseme(NamedTuple):
    """One row of the table."""

    name: str
    weight: float
    targets: tuple[float, ...]


@lru_cache(maxsize=1)
def viseme_table() -> dict[str, tuple[Viseme, ...]]:
    """The visemes of every phone: one, or two for diphthongs; ``""`` is silence."""
    text = resources.files("relip.speech").joinpath("visemes.csv").read_text(encoding="utf-8")
    table: dict[str, tuple[Viseme, ...]] = {}
    for row in csv.DictReader(text.splitlines()):
        viseme = Viseme(
            row["viseme"], float(row["weight"]), tuple(float(row[c]) for c in MOUTH_CONTROLS)
        )
        table[row["phone"]] = (*table.get(row["phone"], ()), viseme)
    return table
