"""What scripts and subtitles hold that nobody says: manners, sounds, and who speaks."""

from __future__ import annotations

import re

_ASIDE = re.compile(r"\([^()]{1,80}\)")


def spoken(text: str) -> str:
    """A text without what stands in round brackets, and without who speaks.

    ``(softly)`` goes, and ``MAN:`` at the start of a line that has small letters.

    Parameters
    ----------
    text : str

    Returns
    -------
    str
        Its lines, those that hold something; all on one line.
    """
    out = []
    for line in _ASIDE.sub(" ", text).splitlines():
        speaker, colon, rest = line.partition(":")
        named = colon and _is_name(speaker) and any(c.islower() for c in rest)
        out.append((rest if named else line).strip())
    return " ".join(line for line in out if line)


def _is_name(text: str) -> bool:
    """Whether it is in capitals and as long as a name, not a word or two of the text."""
    letters = sum(c.isalpha() for c in text)
    return 3 <= letters <= 30 and text.isupper() and len(text.split()) <= 4
