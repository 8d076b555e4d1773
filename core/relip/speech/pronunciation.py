"""How the words of a transcript are said, in any language.

In order: the user's lexicon, a pronunciation written in the transcript itself
(``/həˈloʊ/`` or ``/HH AH L OW/``), the CMU dictionary for English, eSpeak NG
where it is installed, and for English the letter-to-sound rules.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import NamedTuple

from relip.errors import ModelError, SettingError, TranscriptError
from relip.speech import espeak
from relip.speech.acoustics import model_folder
from relip.speech.ipa import Phone, arpabet_phone, parse_ipa, parse_phones
from relip.speech.letters import pronounce
from relip.speech.readings import japanese, mandarin
from relip.speech.textfile import read_text
from relip.speech.transcript import INVISIBLE, TAG, normalise

#: A pronunciation in the transcript.
_INLINE = re.compile(r"(?<!\S)/([^/\n]+)/(?=[\s.,;:!?]|$)")
#: Emoji and other pictures: eSpeak would say their names.
_PICTURE = re.compile("[\u2190-\u2bff\ufe0f\U0001f000-\U0001faff]+")
_CLAUSE_END = re.compile(r"[.,;:!?…。、，！？；：؟،।\n\"“”«»()—–]+")


class Language(NamedTuple):
    """A language that Relip knows by name."""

    code: str
    voice: str
    name: str


class Word(NamedTuple):
    """A word of the transcript.

    Attributes
    ----------
    label : str
    variants : tuple of tuple of Phone
        Its pronunciations, the commonest first.
    source : {"lexicon", "transcript", "dictionary", "espeak", "rules"}
    """

    label: str
    variants: tuple[tuple[Phone, ...], ...]
    source: str


@lru_cache(maxsize=1)
def languages() -> Mapping[str, Language]:
    """The languages by code and by alias."""
    path = resources.files("relip.speech").joinpath("data").joinpath("languages.csv")
    out: dict[str, Language] = {}
    for row in csv.DictReader(path.read_text(encoding="utf-8").splitlines()):
        language = Language(row["code"], row["voice"], row["name"])
        for key in (row["code"], *row["aliases"].split()):
            out[key] = language
    return out


def find_language(code: str) -> Language:
    """The language of a code: ``en``, ``pt-BR``, ``cmn``, ``zh``, or a full name.

    Raises
    ------
    SettingError
        If no language has the code.
    """
    key = code.strip().lower().replace("_", "-")
    known = languages()
    for candidate in (key, key.split("-")[0]):
        if candidate in known:
            return known[candidate]
    for language in known.values():
        if language.name.lower() == key:
            return language
    codes = ", ".join(sorted({language.code for language in known.values()}))
    raise SettingError(f"the language {code!r} is unknown", mend=f"use one of {codes}")


def read_lexicon(path: str | Path) -> dict[str, tuple[tuple[Phone, ...], ...]]:
    """Read a user's pronunciations: one word a line, then its phones in ARPAbet or IPA.

    A word may stand several times (``word(2)`` counts as ``word``); lines that
    begin with ``#`` or ``;;;`` are comments.

    Raises
    ------
    InputError
        If the file cannot be read.
    TranscriptError
        If a line has no phones or an unknown one; the message names the line.
    """
    path = Path(path)
    text = read_text(path, mend="check --lexicon")
    found: dict[str, list[tuple[Phone, ...]]] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith(("#", ";;;")):
            continue
        word, _, phones = line.strip().partition("\t" if "\t" in line.strip() else " ")
        try:
            variant = parse_phones(phones)
        except TranscriptError as error:
            raise TranscriptError(
                f"{path}, line {number} ({word!r}): {error.message}",
                mend="write: word, a space, its phones in ARPAbet or IPA",
            ) from None
        found.setdefault(fold(re.sub(r"\(\d+\)$", "", word)), []).append(variant)
    return {word: tuple(variants) for word, variants in found.items()}


def pronounce_transcript(
    text: str,
    language: Language,
    lexicon: Mapping[str, tuple[tuple[Phone, ...], ...]] | None = None,
) -> list[Word]:
    """The words of a transcript with their pronunciations.

    Parameters
    ----------
    text : str
    language : Language
        From :func:`find_language`.
    lexicon : mapping, optional
        From :func:`read_lexicon`; goes before everything else.

    Returns
    -------
    list of Word
        At least one.

    Raises
    ------
    TranscriptError
        If the transcript holds no words.
    ModelError
        If the language needs espeak-ng or a reading library that is missing.
    """
    out = transcript_words(text, language, lexicon)
    if not out:
        raise TranscriptError(
            "the transcript holds no words", mend="write what is said, or give no transcript"
        )
    return out


def transcript_words(
    text: str,
    language: Language,
    lexicon: Mapping[str, tuple[tuple[Phone, ...], ...]] | None = None,
) -> list[Word]:
    """:func:`pronounce_transcript` for text that may hold no words: a subtitle of music."""
    lexicon = lexicon or {}
    out: list[Word] = []
    at = 0
    for match in _INLINE.finditer(text):
        out += _part(text[at : match.start()], language, lexicon)
        out.append(Word(match[1].strip(), (parse_phones(match[1]),), "transcript"))
        at = match.end()
    return out + _part(text[at:], language, lexicon)


def fold(word: str) -> str:
    """A word as lexicons are searched: lower case, composed, one kind of apostrophe."""
    return unicodedata.normalize("NFC", word).lower().translate(str.maketrans("’‘ʼ`", "''''"))


def _part(
    text: str, language: Language, lexicon: Mapping[str, tuple[tuple[Phone, ...], ...]]
) -> list[Word]:
    if not text.strip():
        return []
    if language.code == "en":
        try:
            words = normalise(text)
        except TranscriptError:
            return []
        return _english(words, lexicon)
    return _foreign(text, language, lexicon)


def _english(words: list[str], lexicon: Mapping[str, tuple[tuple[Phone, ...], ...]]) -> list[Word]:
    dictionary = cmu_dictionary()
    known: dict[str, Word] = {}
    unknown = []
    for word in dict.fromkeys(words):
        if word in lexicon:
            known[word] = Word(word, lexicon[word], "lexicon")
        elif word in dictionary:
            variants = tuple(
                tuple(arpabet_phone(p) for p in line.split()) for line in dictionary[word]
            )
            known[word] = Word(word, variants, "dictionary")
        else:
            unknown.append(word)
    if unknown:
        known.update(_out_of_vocabulary(unknown, dictionary))
    return [known[w] for w in words]


def _out_of_vocabulary(words: list[str], dictionary: Mapping[str, list[str]]) -> dict[str, Word]:
    found: dict[str, Word] = {}
    if espeak.espeak_program():
        try:
            said = espeak.say([[w] for w in words], "en-us", "en")
            for word, (sound,) in zip(words, said, strict=True):
                phones = parse_ipa(sound)
                if phones:
                    plain = tuple(arpabet_phone(p.label) for p in phones)
                    found[word] = Word(word, (plain,), "espeak")
        except (ModelError, TranscriptError):
            pass  # a broken eSpeak must not take English away
    for word in words:
        if word not in found:
            stem, mark, ending = word.rpartition("'")
            if mark and ending == "s" and stem:
                base = dictionary[stem][0].split() if stem in dictionary else pronounce(stem)
                labels = [*base, "Z"]
            else:
                labels = pronounce(word)
            found[word] = Word(word, (tuple(arpabet_phone(p) for p in labels),), "rules")
    return found


@lru_cache(maxsize=1)
def cmu_dictionary() -> Mapping[str, list[str]]:
    """The CMU dictionary of PocketSphinx's wheel: phones of every word, by pronunciation."""
    path = model_folder() / "cmudict-en-us.dict"
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise ModelError(
            f"the dictionary {path} cannot be read: {error}", mend="install pocketsphinx again"
        ) from None
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        word, _, phones = line.partition(" ")
        found.setdefault(word.partition("(")[0] or word, []).append(phones)
    return found


def _foreign(
    text: str, language: Language, lexicon: Mapping[str, tuple[tuple[Phone, ...], ...]]
) -> list[Word]:
    clauses = _clauses(text, language)
    flat = [w for c in clauses for w, _ in c]
    if not flat:
        return []
    if all(fold(w) in lexicon for w in flat):
        return [Word(w, lexicon[fold(w)], "lexicon") for w in flat]
    said = espeak.say([[s for _, s in c] for c in clauses], language.voice, language.code)
    out = []
    for clause, sounds in zip(clauses, said, strict=True):
        for (word, _), sound in zip(clause, sounds, strict=True):
            if fold(word) in lexicon:
                out.append(Word(word, lexicon[fold(word)], "lexicon"))
                continue
            phones = parse_ipa(_tidy(sound, language))
            if phones:
                out.append(Word(word, (phones,), "espeak"))
    return out


def _tidy(sound: str, language: Language) -> str:
    """Plain IPA of what eSpeak writes for tone languages.

    There the breath of stops is a letter of its own, retroflex sounds carry a
    dot, and a low tone is written like a vowel.
    """
    if language.code in ("cmn", "vi"):
        sound = sound.replace("s.", "ʂ").replace("z.", "ʐ")
        sound = re.sub(r"(?<=[^_ˈˌ])ɜ", "", sound)
    parts = sound.split("_")
    return "".join(p[:-1] if len(p) > 1 and p.endswith("h") else p for p in parts)


def _clauses(text: str, language: Language) -> list[list[tuple[str, str]]]:
    """Words of every clause, as written and as eSpeak is to read them."""
    plain = unicodedata.normalize("NFC", text).translate(INVISIBLE)
    plain = re.sub(r"\[[^\]]*\]|\{[^}]*\}", " ", TAG.sub(" ", plain))
    plain = _PICTURE.sub(" ", plain)
    # A mark between digits is part of the number.
    plain = re.sub(r"(?<=\d)[.,](?=\d)", lambda m: {".": "\1", ",": "\2"}[m[0]], plain)
    clauses = []
    for clause in _CLAUSE_END.split(plain):
        clause = clause.replace("\1", ".").replace("\2", ",").strip()
        if not clause:
            continue
        if language.code == "ja":
            words = japanese(clause)
        elif language.code == "cmn":
            words = mandarin(clause)
        else:
            tokens = [t.strip("'’-_*~<>·•") for t in clause.split()]
            words = [(t, t) for t in tokens if any(c.isalnum() for c in t)]
        if words:
            clauses.append(words)
    return clauses
