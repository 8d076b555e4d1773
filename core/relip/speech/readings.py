"""Scripts that do not write sounds: Japanese kanji by their kana, Mandarin hanzi by pinyin.

Both libraries carry their data and are optional: ``pip install relip[ja]``
(Janome, Apache-2.0) and ``relip[cmn]`` (pypinyin, MIT).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from relip.errors import ModelError

_KANJI = re.compile(r"[\u3400-\u9fff\uf900-\ufaff々〆]")
_KANA = re.compile(r"[\u3040-\u30ff]")


def japanese(clause: str) -> list[tuple[str, str]]:
    """Words of a Japanese clause with their sound in katakana.

    Text in kana alone, parted by blanks, needs no library.

    Returns
    -------
    list of (str, str)
        The word as written, and as said (particles too: は is ワ).

    Raises
    ------
    ModelError
        If there are kanji, or words to part, and Janome is missing.
    """
    if not _KANJI.search(clause) and (" " in clause.strip() or len(clause) <= 8):
        return [(w, w) for w in clause.split()]
    out = []
    for token in _tokenizer().tokenize(clause):
        sound = token.phonetic if token.phonetic not in ("*", "") else token.surface
        if _KANA.search(sound) or sound.strip().isalnum():
            out.append((token.surface, sound))
    return out


@lru_cache(maxsize=1)
def _tokenizer() -> Any:
    try:
        from janome.tokenizer import Tokenizer
    except ImportError:
        raise ModelError(
            "Japanese with kanji needs the library Janome, and it is missing",
            mend="pip install janome, or write the transcript in kana with blanks between words",
        ) from None
    return Tokenizer()


def mandarin(clause: str) -> list[tuple[str, str]]:
    """Syllables of a Mandarin clause with their pinyin (``hang2``); pinyin itself is kept.

    Raises
    ------
    ModelError
        If there are hanzi and pypinyin is missing.
    """
    if not _KANJI.search(clause):
        return [(w, w) for w in clause.split()]
    try:
        from pypinyin import Style, pinyin
    except ImportError:
        raise ModelError(
            "Mandarin in hanzi needs the library pypinyin, and it is missing",
            mend="pip install pypinyin, or write the transcript in pinyin with tone numbers",
        ) from None
    out: list[tuple[str, str]] = []
    for part in re.findall(
        r"[\u3400-\u9fff\uf900-\ufaff]+|[^\u3400-\u9fff\uf900-\ufaff\s]+", clause
    ):
        if _KANJI.match(part):
            sounds = pinyin(part, style=Style.TONE3, neutral_tone_with_five=True)
            out += [(c, s[0].replace("v", "ü")) for c, s in zip(part, sounds, strict=True)]
        elif any(c.isalnum() for c in part):
            out.append((part, part))
    return out
