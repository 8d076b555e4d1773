"""A transcript as people write it, to the words a dictionary knows."""

from __future__ import annotations

import re
import unicodedata

from relip.errors import TranscriptError

_ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen"),
    "nineteen",
)
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SCALES = ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"), (1000, "thousand"))
_ORDINALS = {"one": "first", "two": "second", "three": "third", "five": "fifth",
             "eight": "eighth", "nine": "ninth", "twelve": "twelfth"}  # fmt: skip
_ABBREVIATIONS = {"mr.": "mister", "mr": "mister", "mrs.": "missus", "mrs": "missus",
                  "ms.": "miz", "dr.": "doctor", "dr": "doctor", "vs.": "versus", "vs": "versus",
                  "etc.": "etcetera", "etc": "etcetera", "prof.": "professor", "jr.": "junior",
                  "sr.": "senior", "e.g.": "for example", "i.e.": "that is"}  # fmt: skip
_CURRENCIES = {"$": ("dollar", "cent"), "£": ("pound", "penny"), "€": ("euro", "cent")}
_SIGNS = {"&": " and ", "%": " percent ", "+": " plus ", "=": " equals ", "@": " at "}
_NUMBER = re.compile(r"([$£€]?)(\d[\d,]*(?::\d\d)?(?:\.\d+)?)(st|nd|rd|th|s)?(?![a-z\d])")


def number_words(value: int) -> str:
    """A whole number in English words.

    >>> number_words(1205)
    'one thousand two hundred five'
    """
    if value < 0:
        return "minus " + number_words(-value)
    if value < 20:
        return _ONES[value]
    if value < 100:
        return _TENS[value // 10] + ("" if value % 10 == 0 else " " + _ONES[value % 10])
    for scale, name in (*_SCALES, (100, "hundred")):
        if value >= scale:
            head = f"{number_words(value // scale)} {name}"
            return head if value % scale == 0 else f"{head} {number_words(value % scale)}"
    raise AssertionError(value)


def ordinal_words(value: int) -> str:
    """A place in a row in English words.

    >>> ordinal_words(21)
    'twenty first'
    """
    *head, last = number_words(value).split()
    if last in _ORDINALS:
        last = _ORDINALS[last]
    else:
        last = last[:-1] + "ieth" if last.endswith("y") else last + "th"
    return " ".join([*head, last])


def year_words(value: int) -> str:
    """A year from 1100 on as it is said: ``nineteen eighty four``, ``two thousand seven``."""
    century, rest = divmod(value, 100)
    if century % 10 == 0 and rest < 10:
        return number_words(value)
    if rest == 0:
        return f"{number_words(century)} hundred"
    tail = f"oh {number_words(rest)}" if rest < 10 else number_words(rest)
    return f"{number_words(century)} {tail}"


def _spell(match: re.Match[str]) -> str:
    currency, digits, suffix = match.groups()
    if ":" in digits:
        hour, minute = digits.replace(",", "").split(":")
        past = "o'clock" if minute == "00" else number_words(int(minute))
        if 0 < int(minute) < 10:
            past = "oh " + past
        return f" {number_words(int(hour))} {past} "
    whole, _, fraction = digits.rstrip(",").partition(".")
    plain = whole.replace(",", "")
    if len(plain) > 15 or (len(plain) > 1 and plain[0] == "0"):
        words = " ".join(_ONES[int(d)] for d in plain)
        value = None
    else:
        value = int(plain)
        is_year = not currency and not fraction and "," not in whole
        if suffix in ("st", "nd", "rd", "th"):
            words = ordinal_words(value)
        elif is_year and (1100 <= value < 2000 or 2010 <= value < 2100):
            words = year_words(value)
        else:
            words = number_words(value)
    if suffix == "s":
        words = words[:-1] + "ies" if words.endswith("y") else words + "s"
    if currency:
        unit, small = _CURRENCIES[currency]
        words += f" {unit}" + ("" if value == 1 else "s")
        if len(fraction) == 2 and int(fraction):
            cents = int(fraction)
            plural = "pence" if small == "penny" else small + "s"
            words += f" and {number_words(cents)} {small if cents == 1 else plural}"
    elif fraction:
        words += " point " + " ".join(_ONES[int(d)] for d in fraction)
    return f" {words} "


def normalise(text: str) -> list[str]:
    """The words of an English transcript, as the dictionary writes them.

    Numbers, amounts, times and years become words; accents and punctuation
    go, apostrophes stay; hyphenated words part; what stands in square or curly
    brackets (``[laughs]``) is left out; ``U.S.`` becomes its letters.

    Parameters
    ----------
    text : str

    Returns
    -------
    list of str
        Lower-case words of the letters a-z and apostrophes.

    Raises
    ------
    TranscriptError
        If no word is left.
    """
    plain = text.translate(str.maketrans("’‘ʼ`“”", "''''\"\"")).replace("\ufeff", "")
    plain = re.sub(r"\[[^\]]*\]|\{[^}]*\}", " ", plain)
    plain = unicodedata.normalize("NFKD", plain.replace("€", "\0"))
    plain = "".join(c for c in plain if not unicodedata.combining(c)).replace("\0", "€").lower()
    plain = plain.replace("ß", "ss").replace("æ", "ae").replace("œ", "oe").replace("ø", "o")
    plain = " ".join(_ABBREVIATIONS.get(token, token) for token in plain.split())
    plain = re.sub(r"\b(?:[a-z]\.){2,}", lambda m: " ".join(m[0].replace(".", " ")), plain)
    plain = _NUMBER.sub(_spell, plain)
    for sign, word in _SIGNS.items():
        plain = plain.replace(sign, word)
    plain = re.sub(r"(\d+)", lambda m: f" {number_words(int(m[1][:15]))} ", plain)
    words = [w.strip("'") if w.strip("'") else "" for w in re.findall(r"[a-z']+", plain)]
    words = [w for w in words if w]
    if not words:
        raise TranscriptError(
            "the transcript holds no words", mend="write what is said, or give no transcript"
        )
    return words
