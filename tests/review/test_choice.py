"""Which frames a contact sheet shows."""

from __future__ import annotations

import numpy as np

from relip.review.choice import choose

FRAMES = range(1001, 1121)


def test_a_sheet_shows_what_matters_and_says_why():
    edited = np.ones(len(FRAMES), bool)
    edited[60:71] = edited[100:103] = edited[5] = False
    opening = np.full(len(FRAMES), 0.1)
    opening[[22, 23, 65, 90]] = 0.9, 1.0, 2.0, 0.5
    opening[40] = np.nan
    closures = [("P", [1030, 1031, 1032]), ("B", [1050]), ("M", [1066]), ("M", [1085, 1086])]
    found = choose(FRAMES, edited, opening, closures, 12)
    assert len(found) == 12 and list(found) == sorted(found)
    # the two longest gaps, the peaks of what is edited, and no two of one vowel
    assert {f for f, why in found.items() if why == "passed through"} == {1066, 1102}
    wide = [f for f, why in found.items() if why == "wide open"]
    assert {1024, 1091} < set(wide) and len(wide) == 3 and 1023 not in wide
    assert found[1031] == "p, lips must close" and found[1050] == "b, lips must close"
    assert found[1086] == "m, lips must close"
    assert sum(why == "evenly spaced" for why in found.values()) == 4
    assert choose(FRAMES, edited, opening, closures, 12) == found


def test_short_and_silent_shots_are_shown_whole():
    still = np.zeros(3)
    assert choose(range(5, 8), still == 0, still, [], 12) == dict.fromkeys(
        (5, 6, 7), "evenly spaced"
    )
    assert choose(range(5, 6), still[:1] > 0, still[:1], [], 12) == {5: "passed through"}
    assert choose(range(5, 8), still == 0, still * np.nan, [("P", [5]), ("M", [99])], 12)[5] == (
        "p, lips must close"
    )
