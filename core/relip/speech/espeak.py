"""eSpeak NG as a separate process: how words of many languages are said.

It is optional and never a part of Relip: the program ``espeak-ng`` is looked
for on the path (or where the environment variable ``RELIP_ESPEAK`` says), and
asked for IPA by its command line.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess

from relip.errors import ModelError

#: Seconds that a call may last.
_PATIENCE = 60
#: Marks of a switch of language inside the answer: ``(en)``.
_SWITCH = re.compile(r"\([a-z]{2,3}(?:-[a-z0-9-]+)?\)")

#: The version in the answer to ``--version``: ``eSpeak NG text-to-speech: 1.51  Data at: ...``.
_VERSION = re.compile(r":\s*(\d[\w.+-]*)")

HOW_TO_GET = (
    "install it: apt install espeak-ng, dnf install espeak-ng, brew install espeak-ng, or its "
    "Windows installer; RELIP_ESPEAK may name the program"
)


def espeak_program() -> str | None:
    """The path of espeak-ng; None when it is not installed."""
    return os.environ.get("RELIP_ESPEAK") or shutil.which("espeak-ng")


def espeak_version() -> str | None:
    """What espeak-ng calls its version; None when it is missing or does not say."""
    program = espeak_program()
    if program is None:
        return None
    try:
        ran = subprocess.run(
            [program, "--version"], capture_output=True, timeout=_PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    said = _VERSION.search(ran.stdout.decode("utf-8", "replace"))
    return said[1] if said else None


def say(clauses: list[list[str]], voice: str, language: str) -> list[list[str]]:
    """IPA of every word.

    A clause is asked for as a whole, so that words colour each other as they
    do in speech (French liaison); where eSpeak joins or parts words (``of
    the``, numbers) the words of that clause are asked for alone.

    Parameters
    ----------
    clauses : list of list of str
        Words without punctuation.
    voice : str
        eSpeak's name of the voice.
    language : str
        Named in messages.

    Returns
    -------
    list of list of str
        IPA in the same shape; ``""`` for a word that eSpeak does not say.

    Raises
    ------
    ModelError
        If eSpeak is missing or fails.
    """
    whole = _lines([" ".join(c) for c in clauses], voice, language)
    out: list[list[str] | None] = []
    for clause, line in zip(clauses, whole or [""] * len(clauses), strict=True):
        parts = line.split()
        out.append(parts if len(parts) == len(clause) else None)
    missing = list(dict.fromkeys(w for c, o in zip(clauses, out, strict=True) if not o for w in c))
    alone: dict[str, str] = {}
    if missing:
        lines = _lines(missing, voice, language)
        if lines is None:
            lines = [" ".join(_ask(w, voice, language).split()) for w in missing]
        alone = {w: line.replace(" ", "") for w, line in zip(missing, lines, strict=True)}
    return [
        o if o is not None else [alone[w] for w in c] for c, o in zip(clauses, out, strict=True)
    ]


def _lines(texts: list[str], voice: str, language: str) -> list[str] | None:
    """An answer per line asked; None when their numbers differ."""
    answer = _ask("\n".join(texts), voice, language)
    lines = [line.strip() for line in answer.splitlines() if line.strip()]
    return lines if len(lines) == len(texts) else None


def _ask(text: str, voice: str, language: str) -> str:
    program = espeak_program()
    if program is None:
        raise ModelError(
            f"the language {language!r} needs espeak-ng for its pronunciation, and it is missing",
            mend=f"{HOW_TO_GET}; or give a lexicon with every word, or a TextGrid",
        )
    command = [program, "-q", "-b", "1", "--ipa", "--sep=_", "-v", voice]
    try:
        ran = subprocess.run(
            command,
            input=(text + "\n").encode(),
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ModelError(f"{program} cannot be run: {error}", mend=HOW_TO_GET) from None
    if ran.returncode != 0:
        told = ran.stderr.decode("utf-8", "replace").strip().splitlines()
        raise ModelError(
            f"espeak-ng does not speak {language!r} (voice {voice!r}): {' '.join(told[:1])}",
            mend="see espeak-ng --voices, or install a newer one",
        )
    return _SWITCH.sub("", ran.stdout.decode("utf-8", "replace"))
