from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relip.errors import TranscriptError
from relip.speech import normalise
from relip.speech.alignment import ARPABET
from relip.speech.letters import pronounce
from relip.speech.transcript import number_words, ordinal_words, year_words


@pytest.mark.parametrize(
    "text,words",
    [
        ("Don’t PANIC!", "don't panic"),
        ("It's 10:30, Mr. Smith", "it's ten thirty mister smith"),
        ("at 10:00 or 9:05", "at ten o'clock or nine oh five"),
        ("21st of May 1984", "twenty first of may nineteen eighty four"),
        ("$3.50 & 50%", "three dollars and fifty cents and fifty percent"),
        ("£1,200", "one thousand two hundred pounds"),
        ("1 dollar costs $1", "one dollar costs one dollar"),
        ("3.14 and 007", "three point one four and zero zero seven"),
        ("the 90s, in 2007 and 2024", "the nineties in two thousand seven and twenty twenty four"),
        ("mother-in-law — [laughs] naïve café", "mother in law naive cafe"),
        ("the U.S.A. team", "the u s a team"),
        ("'quoted' words", "quoted words"),
        ("B2B", "b two b"),
        ("$1.5 and $0.50", "one point five dollars and fifty cents"),
        ("$5 million, £2bn", "five million dollars two billion pounds"),
        ("½ of 3½ or 1 3/4", "one half of three and a half or one and three quarters"),
        ("24/7, on 9/11, 1/2/2024", "twenty four seven on nine eleven one two twenty twenty four"),
        ("(Mr. Smith) said \"Dr. Who, etc.\"", "mister smith said doctor who etcetera"),
        ("Mr.Smith, i.e., me.", "mister smith that is me"),
        ("www.ex.com/a or a@b.org.", "w w w dot ex dot com slash a or a at b dot org"),
        ("555-0123", "five five five oh one two three"),
        ("20°C, 10–12 km", "twenty degrees celsius ten to twelve kilometers"),
        ("#1, No. 5. No. It is", "number one number five no it is"),
        ("Jan. 5th, may 3", "january fifth may three"),
        ("<i>hello</i> 3 < 4", "hello three four"),
        ("re\u00adturn\u200b home", "return home"),
        ("so 👍🏽 happy❤️", "so happy"),
    ],
)  # fmt: skip
def test_normalise(text: str, words: str) -> None:
    assert " ".join(normalise(text)) == words


@pytest.mark.parametrize("text", ["", "  \n", "...", "[laughs]", "你好"])
def test_no_words(text: str) -> None:
    with pytest.raises(TranscriptError, match="no words"):
        normalise(text)


@pytest.mark.parametrize(
    "value,words",
    [(0, "zero"), (13, "thirteen"), (40, "forty"), (1205, "one thousand two hundred five"),
     (-7, "minus seven"), (10**6 + 1, "one million one")],
)  # fmt: skip
def test_numbers(value: int, words: str) -> None:
    assert number_words(value) == words


def test_ordinals_and_years() -> None:
    assert [ordinal_words(n) for n in (3, 12, 20, 101)] == [
        "third",
        "twelfth",
        "twentieth",
        "one hundred first",
    ]
    assert year_words(1900) == "nineteen hundred"
    assert year_words(2005) == "two thousand five"
    assert year_words(1805) == "eighteen oh five"


@given(st.text(max_size=80))
def test_normalise_never_fails_otherwise(text: str) -> None:
    try:
        words = normalise(text)
    except TranscriptError:
        return
    assert words and all(set(w) <= set("abcdefghijklmnopqrstuvwxyz'") and w for w in words)


@pytest.mark.parametrize(
    "word,phones",
    [("relip", "R EH L IH P"), ("phillips", "F IH L IH P S"), ("wombo", "W AA M B OW"),
     ("knight", "N AY T"), ("jumped", "JH AH M P D"), ("boxes", "B AA K S AH Z"),
     ("bffm", "B IY EH F EH F EH M"), ("cake", "K EY K")],
)  # fmt: skip
def test_pronounce(word: str, phones: str) -> None:
    assert " ".join(pronounce(word)) == phones


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz'", min_size=1, max_size=20))
def test_pronounce_always_gives_phones(word: str) -> None:
    phones = pronounce(word)
    assert phones and set(phones) <= set(ARPABET)


def test_lips_of_guessed_words_agree_with_the_dictionary() -> None:
    import random

    from pocketsphinx import get_model_path

    with open(get_model_path("en-us/cmudict-en-us.dict"), encoding="utf-8") as file:
        rows = [line.split() for line in file]
    rows = [r for r in rows if r[0].isalpha()]
    sample = random.Random(0).sample(rows, 2000)

    def lips(phones: list[str]) -> list[str]:
        return [p for p in phones if p in "PBMFV"]

    right = sum(lips(pronounce(word)) == lips(phones) for word, *phones in sample)
    assert right / len(sample) >= 0.97
