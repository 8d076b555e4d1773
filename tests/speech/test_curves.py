from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from speech_material import demo_aligned, demo_truth, said

from relip.errors import SettingError
from relip.speech import MOUTH_CONTROLS, closures, mouth_curves, opening, silences, viseme_table
from relip.speech.alignment import ARPABET, BILABIALS, LABIODENTALS, Interval, frame_times
from relip.speech.curves import FELT, RELEASE, TUCK_JAW, TUCK_ROLL

JAW, CLOSE, ROLL = (MOUTH_CONTROLS.index(c) for c in ("jawOpen", "mouthClose", "mouthRollLower"))
RATES = [
    Fraction(r) for r in ("12", "24000/1001", "24", "25", "30000/1001", "30", "50", "60000/1001")
]


def shot(alignment, rate: Fraction, first: int = 1001) -> range:
    return range(first, first + int(np.ceil(alignment.duration * rate)))


def test_table_has_every_phone_within_limits() -> None:
    table = viseme_table()
    assert {"", *ARPABET, "y", "ø", "ɔʏ"} <= set(table)
    for label, parts in table.items():
        for part in parts:
            assert part.weight > 0 and len(part.targets) == len(MOUTH_CONTROLS)
            assert all(0 <= t <= 1 for t in part.targets)
            if label in BILABIALS or label in ("p", "b", "m"):
                assert part.targets[JAW] == 0 and part.targets[CLOSE] == 1
    assert table[""][0].targets == (0.0,) * len(MOUTH_CONTROLS)


@pytest.mark.parametrize("rate", RATES, ids=str)
@pytest.mark.parametrize("name", ["plate", "dialogue"])
def test_lips_close_on_every_closure(name: str, rate: Fraction) -> None:
    alignment = demo_aligned(name)
    frames = shot(alignment, rate)
    curves = mouth_curves(alignment, frames=frames, rate=rate)
    assert curves.shape == (len(frames), len(MOUTH_CONTROLS))
    assert curves.min() >= 0 and curves.max() <= 1
    found = closures(alignment, frames, rate)
    said_closed = [p for p in alignment.phones if p.label in BILABIALS]
    assert [label for label, _ in found] == [p.label for p in said_closed]
    times = frame_times(frames, rate)
    for (_, held), phone in zip(found, said_closed, strict=True):
        index = [f - frames[0] for f in held]
        assert (opening(curves)[index] == 0).all() and (curves[index, JAW] == 0).all()
        nearest = int(np.argmin(np.abs(times - (phone.start + phone.end) / 2)))
        assert nearest in index
    # Lips part in between, and the jaw tells it too.
    assert opening(curves).max() > 0.5
    assert np.corrcoef(opening(curves), curves[:, JAW])[0, 1] > 0.97


@pytest.mark.parametrize("rate", RATES, ids=str)
def test_silence_is_rest_with_anticipation(rate: Fraction) -> None:
    alignment = demo_aligned("dialogue")
    frames = shot(alignment, rate)
    curves = mouth_curves(alignment, frames=frames, rate=rate)
    times = frame_times(frames, rate)
    for start, end in silences(alignment, 0.3):
        inside = (times > start + RELEASE) & (times < end - 0.12)
        assert inside.any() and (curves[inside] == 0).all()


def test_mouth_opens_before_speech_but_not_long_before() -> None:
    alignment = said(("", 0.6), ("AA", 0.4), ("", 0.6))
    rate = Fraction(100)
    curves = mouth_curves(alignment, frames=range(160), rate=rate)
    gap, times = opening(curves), frame_times(range(160), rate)
    assert gap[times < 0.49].max() == 0
    assert gap[(times > 0.55) & (times < 0.6)].min() > 0.02
    assert gap[times > 1.13].max() == 0
    assert 0.9 < gap.max() <= 1


def test_openings_of_a_sentence_are_those_of_people() -> None:
    """1 is what 97 % of an actor's frames stay below, the median of five talkers is 0.4 to 0.6."""
    alignment = demo_aligned("dialogue")
    rate = Fraction(25)
    gap = opening(mouth_curves(alignment, frames=shot(alignment, rate), rate=rate))
    half, most = np.percentile(gap[gap > 0.02], [50, 97])
    assert 0.28 < half < 0.6  # full of closures
    assert 0.75 < most <= 1


def test_frames_outside_the_dialogue_rest() -> None:
    alignment = said(("AA", 0.5))
    rate = Fraction(25)
    curves = mouth_curves(alignment, frames=range(1, 101), rate=rate, offset=2.0)
    times = frame_times(range(1, 101), rate, 2.0)
    assert (curves[(times < -0.15) | (times > 0.65)] == 0).all()
    assert opening(curves).max() > 0.5


def test_offset_by_whole_frames_shifts_the_curves() -> None:
    alignment = demo_aligned("dialogue")
    rate = Fraction(25)
    plain = mouth_curves(alignment, frames=range(0, 100), rate=rate)
    later = mouth_curves(alignment, frames=range(0, 110), rate=rate, offset=0.4)
    np.testing.assert_allclose(later[10:], plain, atol=1e-9)


def test_closure_shorter_than_a_frame_and_two_in_a_row() -> None:
    alignment = said(("AA", 0.2), ("M", 0.01), ("AA", 0.1), ("B", 0.02), ("P", 0.02), ("AA", 0.2))
    for rate in RATES:
        for shift in np.linspace(0, 1, 7):
            offset = float(shift / rate)
            frames = range(1, 30)
            curves = mouth_curves(alignment, frames=frames, rate=rate, offset=offset)
            found = closures(alignment, frames, rate, offset)
            assert [x for x, _ in found] == ["M", "B", "P"]
            for _, held in found:
                assert held and (opening(curves)[[f - 1 for f in held]] == 0).all()


def test_lips_do_not_part_between_rest_and_closure() -> None:
    alignment = said(("", 0.5), ("M", 0.08), ("AA", 0.3), ("M", 0.08), ("", 0.5))
    curves = mouth_curves(alignment, frames=range(146), rate=Fraction(100))
    times = frame_times(range(146), Fraction(100))
    assert opening(curves)[times < 0.54].max() == 0
    assert opening(curves)[times > 0.92].max() == 0


def test_short_pause_does_not_shut_the_mouth() -> None:
    alignment = said(("AA", 0.3), ("", 0.1), ("AA", 0.3))
    curves = mouth_curves(alignment, frames=range(70), rate=Fraction(100))
    assert opening(curves)[20:50].min() > 0.2


def test_bad_ranges() -> None:
    for frames in (range(0), range(10, 0, -1)):
        with pytest.raises(SettingError):
            mouth_curves(said(("AA", 1.0)), frames=frames, rate=Fraction(25))


phones = st.lists(
    st.tuples(st.sampled_from(["", *ARPABET, *"PBMFVPBMFV"]), st.floats(0.01, 0.5)),
    min_size=1,
    max_size=25,
)
rates = st.sampled_from([*RATES, Fraction(8), Fraction(48), Fraction(120), Fraction(15)])


@settings(max_examples=150, deadline=None)
@given(phones=phones, rate=rates, offset=st.floats(-0.3, 0.3), first=st.integers(-50, 2000))
def test_constraints_hold_for_any_phones_at_any_rate(phones, rate, offset, first) -> None:
    alignment = said(*phones)
    frames = range(first, first + int(np.ceil((alignment.duration + 0.6) * rate)))
    curves = mouth_curves(alignment, frames=frames, rate=rate, offset=offset)
    assert np.isfinite(curves).all() and curves.min() >= 0 and curves.max() <= 1
    times = frame_times(frames, rate, offset)
    half = float(1 / rate / 2) + 1e-9
    gap = opening(curves)

    spoken = [p for p in alignment.phones if p.label in BILABIALS | LABIODENTALS]
    held = closures(alignment, frames, rate, offset)
    inside = []
    for phone in spoken:
        near = np.abs(times - (phone.start + phone.end) / 2)
        if near.min() > half:
            continue  # outside the shot
        here = np.flatnonzero(near <= near.min() + 1e-9)
        if phone.label in BILABIALS:
            inside.append(phone.label)
            assert (gap[here] == 0).any() and (curves[here, CLOSE] == 1).any()
        else:
            around = slice(max(here[0] - 1, 0), here[-1] + 2)
            tucked = (curves[around, ROLL] >= TUCK_ROLL) & (curves[around, JAW] <= TUCK_JAW)
            assert tucked.any() or (curves[around, CLOSE] == 1).all()
    assert [label for label, _ in held] == inside
    for start, end in silences(alignment, 0.3):
        deep = (times >= start + RELEASE) & (times <= end - 0.1)
        assert (gap[deep] == 0).all()


@pytest.mark.parametrize("rate", [Fraction(24000, 1001), Fraction(50)])
def test_an_edited_phone_changes_exactly_the_frames_around_it(rate: Fraction) -> None:
    alignment = demo_truth("plate")
    frames = range(1001, 1001 + int(alignment.duration * rate))
    times = (np.arange(len(frames)) + 0.5) / float(rate)
    before = mouth_curves(alignment, frames=frames, rate=rate)
    phones = list(alignment.phones)
    tried = 0
    for index, phone in enumerate(phones):
        if not phone.label or not (phones[index - 1].label and phones[index + 1].label):
            continue
        label = "M" if phone.label != "M" else "AA"
        later = min(phone.end + 0.02, (phone.end + phones[index + 1].end) / 2)
        edited = list(phones)
        edited[index] = Interval(phone.start, later, label)
        edited[index + 1] = phones[index + 1]._replace(start=later)
        after = mouth_curves(replace(alignment, phones=tuple(edited)), frames=frames, rate=rate)
        changed = np.any(before != after, axis=1)
        # its end moved, so its neighbour was edited too
        far = (times < phone.start - FELT) | (times > phones[index + 1].end + FELT)
        assert not changed[far].any()
        middle = int(np.argmin(np.abs(times - (phone.start + later) / 2)))
        assert changed[middle]
        tried += 1
    assert tried >= 30
