"""Animation curves as Nuke writes them: ``{curve L x1001 0 x1004 0.7}``.

``xF`` names a frame, a number is the key's value there; a number without a
frame before it is a key one frame after the last. Letters say how the curve
goes on from there (``K`` constant, ``L`` linear, others smooth); letters with
a number are slopes and bends of the key before. What this module does not
interpret it keeps in place.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from relip.errors import NkError

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?(?:nan|inf)"
_FRAME = re.compile(rf"x({_NUMBER})")
_VALUE = re.compile(_NUMBER)
_HEAD = re.compile(r"curve(?![A-Za-z0-9_.])")
_LETTER = re.compile(r"[A-WYZa-wyz]")
_TANGENT = re.compile(rf"[A-Za-wyz]({_NUMBER})")


@dataclass(frozen=True)
class Key:
    """One key of a curve.

    Attributes
    ----------
    frame, value : float
    before : tuple of str
        Letters written before it, e.g. ``("K",)``: they apply from this key on.
    after : tuple of str
        Slopes and bends written after it, e.g. ``("s0", "t1.5")``.
    """

    frame: float
    value: float
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


def curve(
    keys: Mapping[int, float] | Iterable[tuple[float, float]], *, interpolation: str = "L"
) -> str:
    """The text of a curve, ready to be one element of a knob's list.

    Parameters
    ----------
    keys : mapping of frame to value, or iterable of (frame, value)
        Frames and values in the knob's units.
    interpolation : str, default "L"
        ``L`` linear, ``K`` constant, or empty for Nuke's smooth default.

    Returns
    -------
    str
        E.g. ``curve L x1001 0 x1004 0.7``. A knob takes ``{curve …}``, or one such element for
        each of its components: ``nk.join_list([curve(x), curve(y)])``.

    Raises
    ------
    NkError
        If there is no key, or a number is not finite.
    """
    pairs = sorted((float(f), float(v)) for f, v in dict(keys).items())
    if not pairs:
        raise NkError("a curve without keys", mend="give it one key at least")
    tokens = ["curve"] + ([interpolation] if interpolation else [])
    expected = None
    for frame, value in pairs:
        if frame != expected:
            tokens.append("x" + number(frame))
        tokens.append(number(value))
        expected = frame + 1
    return " ".join(tokens)


def number(value: float) -> str:
    """A number as Nuke writes it: no ``.0``, no digits beyond those that tell it apart.

    Parameters
    ----------
    value : float

    Returns
    -------
    str

    Raises
    ------
    NkError
        If it is not finite.
    """
    value = float(value)
    if value != value or value in (float("inf"), float("-inf")):
        raise NkError(f"{value} in a knob", mend="only finite numbers can be written")
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return repr(value)


def parse_curve(text: str) -> list[Key]:
    """The keys of a curve.

    Parameters
    ----------
    text : str
        ``curve …``, with or without the braces around it; ``curve(expression) …``, a curve read at
        another time than the frame, is taken too.

    Returns
    -------
    list of Key
        In the order of the text; empty for an empty curve.

    Raises
    ------
    NkError
        If it is not a curve.
    """
    text = text.strip()
    if text.startswith("{") and text.endswith("}"):
        text = text[1:-1].strip()
    found = _HEAD.match(text)
    start = _head_end(text, found.end()) if found else -1
    if start < 0:
        raise NkError(f"not a curve: {text[:40]!r}", mend="it begins with the word curve")
    tokens = text[start:].split()
    keys: list[Key] = []
    frame: float | None = None
    before: list[str] = []
    after: list[str] = []
    for token in tokens:
        if found := _FRAME.fullmatch(token):
            frame = float(found[1])
        elif _VALUE.fullmatch(token):
            here = frame if frame is not None else (keys[-1].frame + 1 if keys else 0.0)
            if after and keys:
                keys[-1] = Key(keys[-1].frame, keys[-1].value, keys[-1].before, tuple(after))
            keys.append(Key(here, float(token), tuple(before)))
            frame, before, after = None, [], []
        elif _LETTER.fullmatch(token):
            before.append(token)
        elif _TANGENT.fullmatch(token) and keys:
            after.append(token)
        else:
            raise NkError(
                f"not a curve: {token[:40]!r} in it", mend="keys are written xFRAME VALUE"
            )
    if after and keys:
        keys[-1] = Key(keys[-1].frame, keys[-1].value, keys[-1].before, tuple(after))
    return keys


def _head_end(text: str, start: int) -> int:
    """The position behind the parentheses that may follow the word curve; -1 when they are open."""
    depth = 0
    for position in range(start, len(text)):
        sign = text[position]
        depth += (sign == "(") - (sign == ")")
        if not depth:
            # Nothing but a blank may follow the word or its parentheses.
            end = position + 1 if sign == ")" else position
            return end if end == len(text) or text[end].isspace() else -1
    return start if not depth else -1


def is_curve(text: str) -> bool:
    """Whether a knob's value, or a part of it, is an animation curve.

    Parameters
    ----------
    text : str

    Returns
    -------
    bool
    """
    return bool(re.search(r"(?:^|[{\s])curve(?:[\s}(]|$)", text))
