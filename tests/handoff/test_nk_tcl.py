"""Tcl's words and lists: against Tcl itself, and back and forth."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relip.handoff.nk_tcl import (
    MAX_BRACE_DEPTH,
    TclError,
    brace_end,
    can_brace,
    join_lines,
    join_list,
    quote,
    split_list,
    unescape,
    words,
)

#: Text made of what matters to Tcl, a letter, and characters outside ASCII.
TRICKY = st.text(alphabet='{}[]"\\$;# \t\n\vax1é한', max_size=30)
ANYTHING = st.text(
    alphabet=st.characters(max_codepoint=0xFFFF, exclude_categories=("Cs",)), max_size=30
)


def tcl():
    tkinter = pytest.importorskip("tkinter", reason="tkinter is not built in: no Tcl to ask")
    return tkinter.Tcl()


@pytest.fixture(scope="module")
def interpreter():
    return tcl()


@pytest.mark.parametrize(
    ("text", "elements"),
    [
        ("", []),
        (" a  b\n\tc ", ["a", "b", "c"]),
        ("{a b} c", ["a b", "c"]),
        ("{a {b c}} {}", ["a {b c}", ""]),
        (r'"a \[b\" \{" c', ['a [b" {', "c"]),
        (r"a\ b \n \x41 \u00e9 \101", ["a b", "\n", "A", "é", "A"]),
        ("a\\\n \t1 b", ["a 1", "b"]),
        (r"{a \{ b} {\\} {\n}", [r"a \{ b", r"\\", r"\n"]),
        ('a"b {c}d"', None),
        ("{a", None),
        ('"a', None),
        ("{a}b", None),
        ('"a"b', None),
        ("a{b c}", ["a{b", "c}"]),
        ("a}", ["a}"]),
        ("a\\", ["a\\"]),
        ("$x [exec y] ;z #c", ["$x", "[exec", "y]", ";z", "#c"]),
    ],
)
def test_lists(text: str, elements: list[str] | None):
    if elements is None:
        with pytest.raises(TclError):
            split_list(text)
    else:
        assert split_list(text) == elements


@settings(max_examples=300, deadline=None)
@given(TRICKY)
def test_a_list_is_split_as_tcl_splits_it(interpreter, text: str):
    tkinter = pytest.importorskip("tkinter")
    try:
        count = int(interpreter.call("llength", text))
        expected = [str(interpreter.call("lindex", text, n)) for n in range(count)]
    except tkinter.TclError:
        with pytest.raises(TclError):
            split_list(text)
        return
    assert split_list(text) == expected


@settings(max_examples=300, deadline=None)
@given(TRICKY | ANYTHING)
def test_what_is_quoted_comes_back(text: str):
    assert split_list(f"a {quote(text)} b") == ["a", text, "b"]
    if can_brace(text):
        assert split_list(f"{{{text}}} b") == [text, "b"]
        assert join_lines(text) == text


@settings(max_examples=200, deadline=None)
@given(TRICKY | ANYTHING)
def test_tcl_takes_a_quoted_word_for_the_same_in_a_script_and_in_a_list(interpreter, text: str):
    if "\0" in text or text.startswith("#"):
        return  # zero bytes do not pass through tkinter
    word = quote(text)
    assert str(interpreter.call("lindex", word, 0)) == text
    assert str(interpreter.eval(f"set x {word}")) == text
    # In the braces of a node's body, as Nuke's files have it.
    interpreter.eval(f"set body {{ label {word}\n}}")
    assert interpreter.eval("lindex $body 1") == text


@settings(max_examples=300, deadline=None)
@given(st.lists(TRICKY, max_size=6))
def test_a_list_comes_back(elements: list[str]):
    assert split_list(join_list(elements)) == elements


def test_how_values_are_quoted():
    assert quote("rgba.red") == "rgba.red"
    assert quote("") == '""'
    assert quote("all frames") == '"all frames"'
    assert quote("[value size]") == '"\\[value size]"'
    assert quote('a\n"b" {c}') == '"a\\n\\"b\\" \\{c\\}"'
    assert quote("{curve x1 0 x2 1}") == "{{curve x1 0 x2 1}}"
    assert quote("curve x1 0") == "{curve x1 0}"
    assert quote("1 2.5 -3e-2") == "{1 2.5 -3e-2}"
    assert quote("{a \\}") == '"\\{a \\\\\\}"'
    assert quote("#1") == '"#1"'
    assert quote("$gui") == '"\\$gui"'


def test_continued_lines_are_joined_where_the_list_stands_in_its_script():
    text = 'a \\\n  b {c\\\n   d} "e\\\n f" g\\\\\nh'
    assert [w.value for w in words(text, continued=True)] == ["a", "b", "c d", "e f", "g\\", "h"]
    assert [w.value for w in words('{a\r\nb} "c\r\nd\\\r\n e"', continued=True)] == [
        "a\nb",
        "c\nd e",
    ]


def test_words_know_where_they_stand():
    text = ' size {1 2}\n label "x y" z'
    for word in words(text):
        assert text[word.start : word.end] in ("size", "{1 2}", "label", '"x y"', "z")
    assert [text[w.start : w.end] for w in words(text)][1] == "{1 2}"


def test_an_escape_beyond_unicode_stops_as_in_tcl():
    assert unescape("\\U0010ffff") == "\U0010ffff"
    assert unescape("\\U00110000") == "\U00011000" + "0"
    assert unescape("\\ud800") == "�"
    assert unescape("\\x") == "x" and unescape("\\q") == "q"


def test_braces_may_not_nest_without_end():
    deep = "{" * (MAX_BRACE_DEPTH + 1) + "}" * (MAX_BRACE_DEPTH + 1)
    with pytest.raises(TclError, match="deep"):
        brace_end(deep, 0, len(deep))
    with pytest.raises(TclError, match="deep"):
        split_list(deep)
    fine = "{" * MAX_BRACE_DEPTH + "}" * MAX_BRACE_DEPTH
    assert brace_end(fine, 0, len(fine)) == len(fine)
    assert not can_brace(fine)
