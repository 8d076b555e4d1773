"""What the mouth does on each phone: the tables ``data/phones.csv`` and ``data/visemes.csv``.

``visemes.csv`` has one row per class: its ``weight`` (dominance: how much it
prevails over its neighbours) and its target for every mouth control, 0-1.
``phones.csv`` says for every symbol, ARPAbet or IPA, which class or, in
diphthongs, which two classes one after the other (``>``) it shows, and by
which phones of the acoustic model an IPA symbol is heard (``|`` parts
alternatives, the nearest first). The classes follow Jeffers and Barley's
lip-reading groups, with rounded front vowels of their own; the targets are for
an ARKit face, whose jaw is fully open where 97 % of an actor's frames are less
so. Five people who speak in their own clips (``bench/opening.py``) opened it
0.8 to 1.4 times as far as the curves of their own sound, in the median 1.15.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from types import MappingProxyType
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

#: The class of silence.
REST = "rest"


class Viseme(NamedTuple):
    """One class of mouth shapes."""

    name: str
    weight: float
    targets: tuple[float, ...]


class Symbol(NamedTuple):
    """One phone symbol: how it is heard and how it looks."""

    label: str
    sounds: tuple[str, ...]
    visemes: tuple[str, ...]


@lru_cache(maxsize=1)
def viseme_classes() -> Mapping[str, Viseme]:
    """The classes by name, in the table's order; ``rest`` is the first."""
    return MappingProxyType(
        {
            row["viseme"]: Viseme(
                row["viseme"], float(row["weight"]), tuple(float(row[c]) for c in MOUTH_CONTROLS)
            )
            for row in _rows("visemes.csv")
        }
    )


@lru_cache(maxsize=1)
def viseme_table() -> Mapping[str, tuple[Viseme, ...]]:
    """The visemes of every phone, ARPAbet and IPA: one, or two for diphthongs; ``""`` is rest."""
    classes = viseme_classes()
    table: dict[str, tuple[Viseme, ...]] = {"": (classes[REST],)}
    for symbols in (arpabet_symbols(), ipa_symbols()):
        for label, symbol in symbols.items():
            table[label] = tuple(classes[name] for name in symbol.visemes)
    return MappingProxyType(table)


@lru_cache(maxsize=1)
def arpabet_symbols() -> Mapping[str, Symbol]:
    """The ARPAbet phones."""
    return MappingProxyType(_symbols("arpabet"))


@lru_cache(maxsize=1)
def ipa_symbols() -> Mapping[str, Symbol]:
    """The IPA symbols; one without sounds (the glottal stop) is passed over."""
    return MappingProxyType(_symbols("ipa"))


def _symbols(alphabet: str) -> dict[str, Symbol]:
    return {
        row["symbol"]: Symbol(
            row["symbol"],
            tuple(row["sounds"].split("|")) if row["sounds"] else (),
            tuple(row["visemes"].split(">")) if row["visemes"] else (REST,),
        )
        for row in _rows("phones.csv")
        if row["alphabet"] == alphabet
    }


def _rows(name: str) -> list[dict[str, str]]:
    path = resources.files("relip.speech").joinpath("data").joinpath(name)
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
