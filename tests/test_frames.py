"""Frame ranges and rates."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relip.errors import FrameRangeError, SettingError
from relip.frames import (
    advance_timecode,
    format_range,
    frame_time,
    frames_for_duration,
    parse_range,
    parse_rate,
    select_frames,
)


@pytest.mark.parametrize(
    ("text", "frames"),
    [
        ("1001", [1001]),
        ("1001-1004", [1001, 1002, 1003, 1004]),
        ("1001-1006x2", [1001, 1003, 1005]),
        ("1001-1006:3", [1001, 1004]),
        ("-5--3", [-5, -4, -3]),
        ("-1-1", [-1, 0, 1]),
        ("3,1-2, 2", [1, 2, 3]),
    ],
)
def test_ranges(text: str, frames: list[int]):
    assert parse_range(text) == frames


@pytest.mark.parametrize(
    "text", ["", "a", "1-", "5-1", "1-5x0", "1,,2", "1.5", "1-5x-1", "1-99999999999"]
)
def test_what_is_no_range(text: str):
    with pytest.raises(FrameRangeError):
        parse_range(text)


@given(st.sets(st.integers(-2000, 2000), min_size=1, max_size=60))
def test_a_written_range_reads_back(frames: set[int]):
    assert parse_range(format_range(frames)) == sorted(frames)


def test_select():
    assert select_frames(None, range(3, 6)) == [3, 4, 5]
    assert select_frames("4", range(3, 6)) == [4]
    with pytest.raises(FrameRangeError, match="6-8 are outside the shot's range 3-5"):
        select_frames("4-8", range(3, 6))


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("24", Fraction(24)),
        ("23.976", Fraction(24000, 1001)),
        ("29.97", Fraction(30000, 1001)),
        ("24000/1001", Fraction(24000, 1001)),
        (25, Fraction(25)),
        (Fraction(30), Fraction(30)),
        ("12.5", Fraction(25, 2)),
    ],
)
def test_rates(text: str | int | Fraction, rate: Fraction):
    assert parse_rate(text) == rate


@pytest.mark.parametrize("text", ["", "fast", "0", "-24", "1001", "24/0", "nan", "inf"])
def test_what_is_no_rate(text: str):
    with pytest.raises(SettingError):
        parse_rate(text)


def test_time_is_the_centre_of_the_frame():
    assert frame_time(1001, 1001, Fraction(25)) == Fraction(1, 50)
    assert frame_time(1004, 1001, Fraction(24000, 1001)) == Fraction(7, 2) * Fraction(1001, 24000)


@given(st.integers(1, 100_000), st.sampled_from([Fraction(24), Fraction(24000, 1001)]))
def test_frames_for_the_duration_of_whole_frames(count: int, rate: Fraction):
    assert frames_for_duration(float(count / rate), rate) == count
    assert frames_for_duration(count / rate + Fraction(1, 200), rate) == count + 1


@pytest.mark.parametrize(
    ("text", "count", "rate", "after"),
    [
        ("01:00:00:00", 25, Fraction(25), "01:00:01:00"),
        ("23:59:59:23", 1, Fraction(24000, 1001), "00:00:00:00"),
        ("00:00:00:00", -1, Fraction(24), "23:59:59:23"),
        ("00:00:59;29", 1, Fraction(30000, 1001), "00:01:00;02"),
        ("00:09:59;29", 1, Fraction(30000, 1001), "00:10:00;00"),
        ("00:00:59;59", 1, Fraction(60000, 1001), "00:01:00;04"),
        ("00:00:00;00", 107892, Fraction(30000, 1001), "01:00:00;00"),
        ("soon", 3, Fraction(24), "soon"),
    ],
)
def test_timecode(text: str, count: int, rate: Fraction, after: str):
    assert advance_timecode(text, count, rate) == after
    if after != text:
        assert advance_timecode(after, -count, rate) == text


@pytest.mark.parametrize("text", ["1e999999999", "9" * 5000, "1/" + "9" * 5000, "25_0", "1e2"])
def test_rates_that_would_take_for_ever(text: str):
    with pytest.raises(SettingError, match="is not a number") as caught:
        parse_rate(text)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    "text",
    [
        "9" * 5000,
        "1-999999999999",
        ",".join(f"{i}000000-{i}999999" for i in range(1, 100)),
        "0-1999999,3000000",
    ],
)
def test_ranges_that_would_fill_the_memory(text: str):
    with pytest.raises(FrameRangeError) as caught:
        parse_range(text)
    assert len(str(caught.value)) < 300


def test_a_range_of_many_gaps_outside_the_shot_is_told_in_short():
    with pytest.raises(FrameRangeError, match="outside the shot's range") as caught:
        select_frames("1001-101001x2", range(1, 11))
    assert len(str(caught.value)) < 300
