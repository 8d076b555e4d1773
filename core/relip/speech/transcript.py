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
                  "sr.": "senior", "e.g.": "for example", "i.e.": "that is", "sgt.": "sergeant",
                  "lt.": "lieutenant", "capt.": "captain", "col.": "colonel", "mt.": "mount",
                  "www": "w w w"}  # fmt: skip
_MONTHS = {"jan": "january", "feb": "february", "mar": "march", "apr": "april", "jun": "june",
           "jul": "july", "aug": "august", "sep": "september", "sept": "september",
           "oct": "october", "nov": "november", "dec": "december"}  # fmt: skip
_CURRENCIES = {"$": ("dollar", "cent"), "£": ("pound", "penny"), "€": ("euro", "cent")}
_SIGNS = {"&": " and ", "%": " percent ", "+": " plus ", "=": " equals ", "@": " at ",
          "°": " degrees "}  # fmt: skip
_SCALE = re.compile(r"°\s*([cf])\b")
_UNITS = {"km": "kilometers", "cm": "centimeters", "mm": "millimeters", "kg": "kilograms",
          "mg": "milligrams", "ml": "milliliters", "lb": "pounds", "lbs": "pounds",
          "oz": "ounces", "hz": "hertz", "khz": "kilohertz", "ghz": "gigahertz",
          "kb": "kilobytes", "mb": "megabytes", "gb": "gigabytes"}  # fmt: skip
#: How many of each, and the whole.
_FRACTIONS = {(1, 2): "half", (1, 3): "third", (2, 3): "thirds", (1, 4): "quarter",
              (3, 4): "quarters", (1, 8): "eighth", (3, 8): "eighths", (5, 8): "eighths",
              (7, 8): "eighths"}  # fmt: skip
_NUMBER = re.compile(r"([$£€]?)(\d[\d,]*(?::\d\d)?(?:\.\d+)?)(st|nd|rd|th|s)?(?![a-z\d])")
#: ``$1.5 million``: the unit is said last.
_LARGE = re.compile(
    r"([$£€])(\d[\d,]*(?:\.\d+)?)\s*(thousand|million|billion|trillion|bn|k|m)(?![a-z\d])"
)
_SCALE_LETTERS = {"k": "thousand", "m": "million", "bn": "billion"}
#: ``3 1/2``; no date, and no ``24/7``.
_FRACTION = re.compile(r"(?<![\d/.,$£€])(?:(\d+)[ -])?(\d)[/\u2044](\d)(?![\d/]|[.,]\d)")
_TELEPHONE = re.compile(r"(?<![\d-])(?:\d{3}-)?\d{3}-\d{4}(?![\d-])")
_MONTH = re.compile(rf"\b({'|'.join(_MONTHS)})\.?(?=\s+\d)")
_UNIT = re.compile(rf"(?<=\d)(\s*)({'|'.join(_UNITS)})\b")
#: Marks without a picture that may stand inside a word: soft hyphen, word joiner, byte order mark.
INVISIBLE = str.maketrans({"\u00ad": "", "\u2060": "", "\ufeff": "", "\u200b": " "})
#: What subtitles and web pages write in angle brackets: ``<i>``.
TAG = re.compile(r"</?[a-zA-Z][^<>]{0,80}>")
#: Addresses in the web and of mail are said with their dots.
_ADDRESS = re.compile(
    r"(?:https?://)?(?:[\w.+-]+@)?(?:[a-z0-9-]+\.)+(?:com|org|net|edu|gov|info|io|tv|co\.uk|uk)\b"
    r"(?:/[\w./-]*\w)?"
)


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
    if currency and len(fraction) in (0, 2):
        unit, small = _CURRENCIES[currency]
        said = [f"{words} {unit}" + ("" if value == 1 else "s")]
        if fraction and int(fraction):
            cents = int(fraction)
            plural = "pence" if small == "penny" else small + "s"
            said.append(f"{number_words(cents)} {small if cents == 1 else plural}")
        words = " and ".join(said if value or len(said) == 1 else said[1:])
        return f" {words} "
    if fraction:
        words += _point(fraction)
    if currency:
        words += f" {_CURRENCIES[currency][0]}s"
    return f" {words} "


def _digits(text: str) -> list[str]:
    return ["oh" if d == "0" else _ONES[int(d)] for d in text if d.isdigit()]


def _point(fraction: str) -> str:
    return " point " + " ".join(_ONES[int(d)] for d in fraction)


def _spell_large(match: re.Match[str]) -> str:
    currency, digits, scale = match.groups()
    scale = _SCALE_LETTERS.get(scale, scale)
    return f" {digits} {scale} {_CURRENCIES[currency][0]}s "


def _spell_fraction(match: re.Match[str]) -> str:
    whole, part, of = match.groups()
    name = _FRACTIONS.get((int(part), int(of)))
    if name is None:
        return match[0]
    if whole is None:
        return f" {_ONES[int(part)]} {name} "
    return f" {whole} and {'a' if part == '1' else _ONES[int(part)]} {name} "


def _spell_address(match: re.Match[str]) -> str:
    said = re.sub(r"^https?://", "", match[0])
    for sign, name in ((".", " dot "), ("/", " slash "), ("-", " dash "), ("_", " underscore ")):
        said = said.replace(sign, name)
    return " ".join(_ABBREVIATIONS.get(w, w) for w in said.replace("@", " at ").split())


def _expand(token: str) -> str:
    """A token with its abbreviation written out, whatever stands around it."""
    bare = token.strip("\"'(),;:!?")
    for candidate in (bare, bare.rstrip(".")):
        if candidate in _ABBREVIATIONS:
            return token.replace(bare, _ABBREVIATIONS[candidate], 1)
    return token


def normalise(text: str) -> list[str]:
    """The words of an English transcript, as the dictionary writes them.

    Numbers, amounts, fractions, times, years, telephone numbers and web
    addresses become words; accents and punctuation go, apostrophes stay;
    hyphenated words part; what stands in square or curly brackets
    (``[laughs]``) and tags (``<i>``) are left out; ``U.S.`` becomes its letters.

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
    plain = text.translate(str.maketrans("’‘ʼ`“”", "''''\"\"")).translate(INVISIBLE)
    plain = re.sub(r"\[[^\]]*\]|\{[^}]*\}", " ", TAG.sub(" ", plain))
    # Composed fractions would run into the number before them, the numero sign into "no".
    plain = re.sub(r"(?<=\d)(?=[\u00bc-\u00be\u2150-\u215e])", " ", plain)
    plain = re.sub(r"№|#(?=\d)|\b[Nn]o\.\s*(?=\d)", " number ", plain)
    plain = re.sub(r"(?<=\d)\s?[\u2013\u2014]\s?(?=\d)", " to ", plain)
    plain = unicodedata.normalize("NFKD", plain.replace("€", "\0").replace("º", "°"))
    plain = "".join(c for c in plain if not unicodedata.combining(c)).replace("\0", "€").lower()
    plain = plain.replace("ß", "ss").replace("æ", "ae").replace("œ", "oe").replace("ø", "o")
    plain = re.sub(r"\b(mr|mrs|ms|dr|prof)\.(?=[a-z])", r"\1. ", plain)
    plain = " ".join(_expand(token) for token in plain.split())
    plain = _ADDRESS.sub(_spell_address, plain)
    plain = re.sub(r"\b(?:[a-z]\.){2,}", lambda m: " ".join(m[0].replace(".", " ")), plain)
    plain = _MONTH.sub(lambda m: _MONTHS[m[1]], plain)
    plain = _TELEPHONE.sub(lambda m: " ".join(_digits(m[0])), plain)
    plain = _SCALE.sub(lambda m: "° " + {"c": "celsius", "f": "fahrenheit"}[m[1]], plain)
    plain = _UNIT.sub(lambda m: f" {_UNITS[m[2]]}", plain)
    plain = _FRACTION.sub(_spell_fraction, plain)
    plain = _LARGE.sub(_spell_large, plain)
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
