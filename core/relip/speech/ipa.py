"""Reading the International Phonetic Alphabet: strings to symbols that the tables know."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import NamedTuple

from relip.errors import TranscriptError
from relip.speech.alignment import ARPABET
from relip.speech.visemes import arpabet_symbols, ipa_symbols

#: The tilde of nasal vowels: the one diacritic that changes how a sound is heard and seen.
_NASAL = "\u0303"
#: Written between or over symbols, without a sound of their own.
_MARKS = frozenset("_ˈˌːˑ.ˑ'’ʼ‿|‖͜͡ʰʱʲʷˠˤˀᵊᵝⁿˡ˞ʴ\u02c8\u02cc()[]/,-‿ \"^*!;:?")


class Phone(NamedTuple):
    """One sound of a pronunciation.

    Attributes
    ----------
    label : str
        The nearest ARPAbet phone.
    ipa : str
        The IPA symbol, or ``""`` when the pronunciation came in ARPAbet.
    sounds : tuple of str
        The ARPAbet phones that may stand for it in the sound, ``label`` first.
    """

    label: str
    ipa: str
    sounds: tuple[str, ...]


@lru_cache(maxsize=1)
def _longest() -> int:
    return max(len(s) for s in ipa_symbols())


def parse_ipa(text: str) -> tuple[Phone, ...]:
    """Phones of an IPA string.

    Stress, length, tone, tie bars and diacritics other than nasality are read
    over; the longest symbol that the table knows wins (``tʃ`` before ``t``).

    Parameters
    ----------
    text : str

    Returns
    -------
    tuple of Phone
        Maybe empty.

    Raises
    ------
    TranscriptError
        If a letter is not an IPA symbol; the message names it.
    """
    plain = _plain(text)
    table = ipa_symbols()
    out: list[Phone] = []
    at = 0
    while at < len(plain):
        for size in range(min(_longest(), len(plain) - at), 0, -1):
            symbol = table.get(plain[at : at + size])
            if symbol is not None:
                if symbol.sounds:
                    out.append(Phone(symbol.sounds[0], symbol.label, symbol.sounds))
                at += size
                break
        else:
            character = plain[at]
            if not (unicodedata.combining(character) or character in _MARKS):
                raise TranscriptError(
                    f"{text!r}: {character!r} (U+{ord(character):04X}) is not an IPA symbol",
                    mend="write the pronunciation in IPA or in ARPAbet phones",
                )
            at += 1
    return tuple(out)


def _plain(text: str) -> str:
    kept: list[str] = []
    for character in unicodedata.normalize("NFD", text):
        if character == "\u0327" and kept and kept[-1] == "c":
            kept[-1] = "ç"
        elif character == _NASAL or not (
            unicodedata.combining(character)
            or character in _MARKS
            or character.isdigit()
            or unicodedata.category(character) in ("Sk", "Lm")
        ):
            # r̝ is the one symbol of the table with a mark below.
            kept.append(character)
        elif character == "\u031d" and kept and kept[-1] == "r":
            kept.append(character)
    joined = "".join(kept)
    return joined


def parse_phones(text: str) -> tuple[Phone, ...]:
    """Phones of a pronunciation in ARPAbet (``HH AH0 L OW1``) or IPA (``həloʊ``).

    Raises
    ------
    TranscriptError
        If it is neither, or holds no sound.
    """
    parts = text.split()
    bare = [p.rstrip("012") for p in parts]
    if parts and all(p in ARPABET for p in bare):
        return tuple(arpabet_phone(p) for p in bare)
    found = parse_ipa("".join(parts))
    if not found:
        raise TranscriptError(f"{text!r} holds no phones", mend="write them in IPA or ARPAbet")
    return found


def arpabet_phone(label: str) -> Phone:
    """An ARPAbet phone, heard as itself."""
    return Phone(label, "", arpabet_symbols()[label].sounds)
