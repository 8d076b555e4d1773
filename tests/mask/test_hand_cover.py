"""Hands that stand before the face."""

from __future__ import annotations

import mask_making
import numpy as np

from relip.mask import hand_cover, hands
from relip.mask.crop import SMALL


def test_the_find_that_explains_what_is_strange():
    """One hand is found several times, once with a finger where the face is as always."""
    right, wrong = mask_making.made_hand(), mask_making.made_hand()
    wrong[17:21] += np.linspace(0, 1, 4)[:, None] * np.array([0.25, -0.1])
    inside = np.ones((SMALL, SMALL), bool)
    suspect = hands.drawn([right])
    found = hand_cover._before([wrong, right], suspect, inside)
    np.testing.assert_array_equal(found, hands.drawn([right]))
    other = mask_making.made_hand(wrist=(0.85, 1.4), size=0.5)
    both = hands.drawn([right, other])
    found = hand_cover._before([right, wrong, other], both, inside)
    np.testing.assert_array_equal(found, both)
    # what is smaller than a hand nearer than the face must be seen at one place again and again
    small = mask_making.made_hand(wrist=(0.5, 0.8), size=0.2)
    suspect = hands.drawn([small])
    assert hand_cover._before([small, right], suspect, inside) is None
    assert hand_cover._before([small, small + 0.01, small - 0.01], suspect, inside) is not None
    suspect = hands.drawn([right])
    # one beside the face, or where nothing is strange, is none before it
    assert hand_cover._before([right], suspect, ~inside) is None
    assert hand_cover._before([right], ~inside, inside) is None
    # nor is one that explains little of it, unless another picture shows it too
    little = ~suspect | (np.arange(SMALL) < 40)
    assert hand_cover._before([right], little, inside) is None
    assert hand_cover._before([right, right + 0.01], little, inside) is not None
    assert hand_cover._before([right], suspect, inside) is not None
