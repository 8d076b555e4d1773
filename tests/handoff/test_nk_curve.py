"""Animation curves as text."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relip.errors import NkError
from relip.handoff import nk

NUMBERS = st.floats(allow_nan=False, allow_infinity=False, width=32)


def pairs(text: str) -> list[tuple[float, float]]:
    return [(key.frame, key.value) for key in nk.parse_curve(text)]


def test_a_curve_names_a_frame_only_where_it_does_not_follow():
    assert nk.curve({1001: 0, 1002: 0.5, 1004: 1}) == "curve L x1001 0 0.5 x1004 1"
    assert nk.curve([(3, 1.0), (1, -2)], interpolation="K") == "curve K x1 -2 x3 1"
    assert nk.curve({-5: 1e-7}, interpolation="") == "curve x-5 1e-07"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{curve x1001 0 x1004 0.7 x1008 0.1}", [(1001, 0), (1004, 0.7), (1008, 0.1)]),
        ("curve x1001 820.5 821 822.25", [(1001, 820.5), (1002, 821), (1003, 822.25)]),
        ("curve", []),
        ("{curve K x1 1 L x5 2}", [(1, 1), (5, 2)]),
        ("curve i x1 0 s0.5 t1 u2 x10 1 s0", [(1, 0), (10, 1)]),
        ("curve(((frame-1)%(15-1+1))+1) K x1 0 S 400 x4 0", [(1, 0), (2, 400), (4, 0)]),
        ("curve(frame - 3) x1 2", [(1, 2)]),
        ("curve x1.5 2 3", [(1.5, 2), (2.5, 3)]),
    ],
)
def test_keys(text: str, expected: list[tuple[float, float]]):
    assert pairs(text) == expected


def test_flags_stay_with_their_keys():
    first, second = nk.parse_curve("curve K x1 0 s0.5 t-1e-3 L x4 1")
    assert first == nk.Key(1, 0, ("K",), ("s0.5", "t-1e-3"))
    assert second == nk.Key(4, 1, ("L",), ())


@given(st.dictionaries(st.integers(-10000, 10000), NUMBERS, min_size=1, max_size=20))
def test_back_and_forth(keys: dict[int, float]):
    text = nk.curve(keys)
    assert pairs(text) == sorted(keys.items())
    value = nk.join_list([text, text])
    assert nk.split_list(value) == [text, text] and nk.is_curve(value)


@pytest.mark.parametrize(
    "text", ["", "5", "curved x1 2", "curve x1 hello", "curve x 1", "curve(( x1 2", "{{curve x1 2}"]
)
def test_what_is_no_curve_is_refused(text: str):
    with pytest.raises(NkError, match="not a curve"):
        nk.parse_curve(text)


@pytest.mark.parametrize("keys", [{}, {1: math.nan}, {1: math.inf}])
def test_no_curve_can_be_made_of_this(keys: dict[int, float]):
    with pytest.raises(NkError):
        nk.curve(keys)


def test_is_curve():
    assert (
        nk.is_curve("{curve x1 0}") and nk.is_curve("curve x1 0") and nk.is_curve("3 {curve x1 1}")
    )
    assert nk.is_curve("{curve(frame-1) x1 0}")
    assert not nk.is_curve("curves") and not nk.is_curve("my_curve x1") and not nk.is_curve("5")


def test_numbers():
    assert [nk.number(x) for x in (1.0, -0.0, 0.1, 1e20, 2.5e-9)] == [
        "1",
        "0",
        "0.1",
        "1e+20",
        "2.5e-09",
    ]
