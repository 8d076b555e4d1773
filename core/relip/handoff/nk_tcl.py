"""Tcl words and lists, read and quoted as Tcl does it, and never run.

A Nuke script is Tcl source. This module knows the three forms of a word
(``{braces}``, ``"quotes"``, bare), Tcl's backslash sequences and its lists;
there is no interpreter behind it, so nothing in a text can be executed.
The rules are those of the Tcl manual, page Tcl(n), and of ``Tcl_SplitList``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

#: Braces may stand this deep inside one another; a real Roto reaches some tens.
MAX_BRACE_DEPTH = 1000

_BLANKS = re.compile(r"[ \t\n\v\f\r]*")
#: As above, with the lines that a backslash continues (a space, as Tcl sees it).
_BLANKS_CONTINUED = re.compile(r"(?:[ \t\n\v\f\r]|\\[\r\n])*")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_QUOTE = re.compile(r'\\.|"', re.DOTALL)
_BARE = re.compile(r"(?:[^ \t\n\v\f\r\\]+|\\(?:(?:\r\n|\n|\r)[ \t]*|.))*", re.DOTALL)
_BARE_CONTINUED = re.compile(r"(?:[^ \t\n\v\f\r\\]+|\\[^\r\n])*")
_CONTINUATION = re.compile(r"\\(?:(\r\n|\n|\r)[ \t]*|.)", re.DOTALL)
_NEWLINE = re.compile(r"\r\n?")
_ESCAPE = re.compile(
    r"\\(?:(?P<line>(?:\r\n|\n|\r)[ \t]*)|(?P<octal>[0-3]?[0-7]{1,2})|x(?P<hex>[0-9a-fA-F]{1,2})"
    r"|u(?P<short>[0-9a-fA-F]{1,4})|U(?P<long>[0-9a-fA-F]{1,8})|(?P<plain>.))",
    re.DOTALL,
)
_LETTERS = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
#: Values that mean the same bare as quoted, in a script as well as in a list.
_PLAIN = re.compile(r"[A-Za-z0-9_.+\-/:%=,@*!?<>|~^&()'#]+")
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
#: Nuke writes lists (vectors, curves, expressions, shapes) in braces, sentences in quotes.
_LIST = re.compile(rf"\s*[{{]|curve\b|{_NUMBER}(?: {_NUMBER})+$")

#: A list with lists in it, as Nuke writes them: on one line, or beginning with a number.
_NESTED = re.compile(rf"{_NUMBER}\s[^{{}}]*[{{]|[^\n{{]*[{{][^\n]*\Z")


class TclError(ValueError):
    """A text is not what Tcl takes for a word or a list.

    Parameters
    ----------
    message : str
    position : int
        Where in the text, in characters.
    """

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.message = message
        self.position = position


class Word(NamedTuple):
    """One element of a list and where it stands in the source.

    Attributes
    ----------
    value : str
        What Tcl makes of it: braces and quotes taken off, backslash sequences replaced.
    start, end : int
        The source of the word, braces and quotes included.
    """

    value: str
    start: int
    end: int


def unescape(text: str) -> str:
    r"""Replace backslash sequences as Tcl 8.6 does.

    Parameters
    ----------
    text : str
        The inside of a quoted or bare word.

    Returns
    -------
    str
        ``\n``, ``\t``, ``\x41``, ``\u00e9``, ``\101`` and a continued line replaced; before any
        other character the backslash goes.
    """
    return _ESCAPE.sub(_escaped, text) if "\\" in text else text


def _escaped(found: re.Match[str]) -> str:
    plain = found["plain"]
    if plain is not None:
        return _LETTERS.get(plain, plain)
    if found["line"] is not None:
        return " "
    if found["octal"] is not None:
        return chr(int(found["octal"], 8))
    if found["long"] is not None:
        digits = found["long"]
        # Tcl stops before a digit that would leave the range of Unicode.
        while int(digits, 16) > 0x10FFFF:
            digits = digits[:-1]
        code = int(digits, 16)
        sign = "\ufffd" if 0xD800 <= code <= 0xDFFF else chr(code)
        return sign + found["long"][len(digits) :]
    code = int(found["hex"] or found["short"], 16)
    return "\ufffd" if 0xD800 <= code <= 0xDFFF else chr(code)  # half a character is none


def newlines(text: str) -> str:
    """Every line end as a plain newline, as Tcl reads files.

    Parameters
    ----------
    text : str

    Returns
    -------
    str
    """
    return _NEWLINE.sub("\n", text) if "\r" in text else text


def join_lines(text: str) -> str:
    """Replace each continued line (backslash, newline, blanks) by a space, as Tcl does in braces.

    Parameters
    ----------
    text : str

    Returns
    -------
    str
    """
    if "\\\n" not in text and "\\\r" not in text:
        return text
    return _CONTINUATION.sub(lambda m: " " if m[1] is not None else m[0], text)


def brace_end(text: str, start: int, end: int, *, max_depth: int = MAX_BRACE_DEPTH) -> int:
    """The position behind the brace that closes the one at ``start``.

    Parameters
    ----------
    text : str
    start, end : int
        ``text[start]`` is ``{``; nothing from ``end`` on is looked at.
    max_depth : int, default 1000

    Returns
    -------
    int

    Raises
    ------
    TclError
        If the brace is never closed, or braces nest deeper than ``max_depth``.
    """
    depth = 0
    for found in _BRACE.finditer(text, start, end):
        sign = found[0]
        if sign == "{":
            depth += 1
            if depth > max_depth:
                raise TclError(f"braces nest more than {max_depth} deep", found.start())
        elif sign == "}":
            depth -= 1
            if not depth:
                return found.end()
    raise TclError("a brace is never closed", start)


def quote_end(text: str, start: int, end: int) -> int:
    """The position behind the quote that closes the one at ``start``.

    Parameters
    ----------
    text : str
    start, end : int
        ``text[start]`` is a quote; nothing from ``end`` on is looked at.

    Returns
    -------
    int

    Raises
    ------
    TclError
        If it is never closed.
    """
    for found in _QUOTE.finditer(text, start + 1, end):
        if found[0] == '"':
            return found.end()
    raise TclError("a quote is never closed", start)


def words(
    text: str,
    start: int = 0,
    end: int | None = None,
    *,
    continued: bool = False,
    max_depth: int = MAX_BRACE_DEPTH,
) -> Iterator[Word]:
    """The elements of a Tcl list.

    Parameters
    ----------
    text : str
    start, end : int, optional
        The part of the text that is the list.
    continued : bool, default False
        Whether the list still stands in its script, where a backslash before a newline joins
        lines; Tcl does that before it splits the list.
    max_depth : int, default 1000

    Yields
    ------
    Word

    Raises
    ------
    TclError
        If it is not a list: a brace or quote is open, or something other than a blank follows one.
    """
    end = len(text) if end is None else end
    blanks = _BLANKS_CONTINUED if continued else _BLANKS
    bare = _BARE_CONTINUED if continued else _BARE
    position = _after(blanks, text, start, end)
    while position < end:
        first = text[position]
        if first == "{":
            close = brace_end(text, position, end, max_depth=max_depth)
            value = text[position + 1 : close - 1]
            value = join_lines(newlines(value)) if continued else value
        elif first == '"':
            close = quote_end(text, position, end)
            value = text[position + 1 : close - 1]
            value = unescape(newlines(value) if continued else value)
        else:
            close = _after(bare, text, position, end)
            if close == position or (close < end and text[close] == "\\" and not continued):
                close = end  # a backslash at the very end stands for itself
            value = unescape(text[position:close])
        after = _after(blanks, text, close, end)
        if first in '{"' and close < end and after == close:
            what = "a closing brace" if first == "{" else "a closing quote"
            raise TclError(f"{text[close]!r} follows {what} without a blank between", close)
        yield Word(value, position, close)
        position = after


def _after(pattern: re.Pattern[str], text: str, start: int, end: int) -> int:
    found = pattern.match(text, start, end)
    return found.end() if found else start


def split_list(text: str) -> list[str]:
    """The elements of a Tcl list, as strings.

    Parameters
    ----------
    text : str
        A knob's value or a part of one, e.g. ``{curve x1 0} 3``.

    Returns
    -------
    list of str

    Raises
    ------
    TclError
        If it is not a list.
    """
    return [word.value for word in words(text)]


def join_list(elements: Iterable[str]) -> str:
    """A Tcl list of these elements; :func:`split_list` gives them back.

    Parameters
    ----------
    elements : iterable of str

    Returns
    -------
    str
    """
    return " ".join(quote(element) for element in elements)


def can_brace(text: str) -> bool:
    r"""Whether ``{text}`` means ``text``: braces balance, no backslash hides the last or a newline.

    Parameters
    ----------
    text : str

    Returns
    -------
    bool
    """
    depth = 0
    if text.endswith("\\") and (len(text) - len(text.rstrip("\\"))) % 2:
        return False
    if "\r" in text:
        return False  # files are read with any line end as a newline
    for found in _BRACE.finditer(text):
        sign = found[0]
        if sign == "{":
            depth += 1
            if depth > MAX_BRACE_DEPTH // 2:
                return False
        elif sign == "}":
            depth -= 1
            if depth < 0:
                return False
        elif sign == "\\\n":
            return False
    return depth == 0


_TO_ESCAPE = re.compile(r'[\\"\[\]{}$\x00-\x1f\x7f]')
_NAMED = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "\a": "\\a", "\b": "\\b", "\f": "\\f", "\v": "\\v"}


def quote(text: str) -> str:
    r"""A word that Tcl reads as ``text``, in a list and in a script alike.

    Parameters
    ----------
    text : str

    Returns
    -------
    str
        Bare when nothing in it is special, in braces when it is a list, else in quotes with
        ``\[``, ``\"``, ``\$``, ``\n`` and the like.
    """
    if _PLAIN.fullmatch(text) and text[0] != "#":
        return text
    if not text:
        return '""'
    if (_LIST.match(text) or _NESTED.match(text)) and can_brace(text):
        return f"{{{text}}}"
    return f'"{_TO_ESCAPE.sub(_escape, text)}"'


def _escape(found: re.Match[str]) -> str:
    sign = found[0]
    if sign in _NAMED:
        return _NAMED[sign]
    if sign == "]":
        return sign  # closes nothing while every opening one is escaped
    return f"\\{sign}" if sign.isprintable() else f"\\{ord(sign):03o}"


def braced(text: str) -> str:
    """``{text}`` where that is possible, else :func:`quote`.

    Parameters
    ----------
    text : str

    Returns
    -------
    str
    """
    return f"{{{text}}}" if can_brace(text) else quote(text)
