"""Occluders followed by their own colours."""

from __future__ import annotations

import numpy as np

from relip.mask import growth
from relip.mask.crop import SMALL


def test_skin_beside_what_is_sure_does_not_speak():
    pure, fleshy = np.zeros((SMALL, SMALL), bool), np.zeros((SMALL, SMALL), bool)
    strange = np.full((SMALL, SMALL), 2.0, np.float32)
    pure[20:100, 60:66] = True
    stick = pure.copy()
    strange[stick] = 8.0
    pure[60:90, 20:50] = fleshy[60:90, 20:50] = True
    pure[20:100, 66:68] = fleshy[20:100, 66:68] = True
    edge = pure & (np.arange(SMALL) >= 66)
    strange[edge] = 6.0
    # a chin that draws itself up, and the stick's edge, where its colour is mixed with the skin's
    np.testing.assert_array_equal(growth.foremost(pure, strange, fleshy), stick)
    # a hand beside the stick is as strange as a hand is
    strange[60:90, 20:50] = 5.0
    kept = growth.foremost(pure, strange, fleshy)
    assert kept[stick].all() and kept[64:86, 24:46].all() and not kept[edge].any()
    # where nothing is sure skin is all there is
    np.testing.assert_array_equal(growth.foremost(fleshy, strange, fleshy), fleshy)
    few = fleshy.copy()
    few[20:22, 60:66] = True
    np.testing.assert_array_equal(growth.foremost(few, strange, fleshy), few)


def test_two_colours_are_followed_apart():
    near = np.zeros((SMALL, SMALL), bool)
    near[30:60, 30:60] = near[80:100, 80:100] = True
    values = np.full((SMALL, SMALL, 3), (0.5, 0.08, 0.05), np.float32)
    values[30:60, 45:60] = (0.15, 0.0, 0.0)
    groups = growth.apart(near, near, values)
    assert [np.count_nonzero(pure) for _, pure in groups] == [450, 450, 400]
    for there, pure in groups:
        assert (near & there)[pure].all()
        assert np.ptp(values[pure], axis=0).max() == 0
    # shades of one colour are one
    values[30:60, 45:60] = (0.42, 0.08, 0.05)
    assert [np.count_nonzero(pure) for _, pure in growth.apart(near, near, values)] == [
        900,
        400,
    ]


def test_the_face_between_strands_is_no_hole():
    smooth = np.full((SMALL, SMALL), -0.9, np.float32)
    smooth[30:90, 40:44] = smooth[30:90, 56:60] = 0.8
    smooth[30:34, 40:60] = smooth[86:90, 40:60] = 0.8
    seed = smooth > 0
    strands = growth.whole(smooth, seed)
    assert strands is not None and np.array_equal(strands > 0, seed)
    smooth[34:86, 44:56] = -0.3  # as a palm of the face's own colour
    palm = growth.whole(smooth, seed)
    assert palm is not None and (palm[30:90, 40:60] > 0).all()
