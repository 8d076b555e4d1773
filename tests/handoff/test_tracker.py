"""Tracker4: columns, keys, places."""

from __future__ import annotations

import numpy as np
import pytest
from handoff_making import keys_of, make_scene, up

from relip.handoff import nk
from relip.handoff.scene import NAMED_POINTS, choose_points
from relip.handoff.tracker import tracker_node

#: The columns of a Tracker4 as Nuke 13 saved it.
SAVED_COLUMNS = """
enable name track_x track_y offset_x offset_y T R S error error_min error_max pattern_x
pattern_y pattern_r pattern_t search_x search_y search_r search_t key_track key_search_x
key_search_y key_search_r key_search_t key_track_x key_track_y key_track_r key_track_t
key_centre_offset_x key_centre_offset_y
"""


def table_of(node: nk.Node) -> tuple[list[str], list[list[str]], list[list[str]]]:
    head, columns, rows = nk.split_list(node.knobs["tracks"])
    return (
        nk.split_list(head),
        [nk.split_list(c) for c in nk.split_list(columns)],
        [nk.split_list(r) for r in nk.split_list(rows)],
    )


def reread(node: nk.Node) -> nk.Node:
    """The node after writing and reading."""
    (found,) = nk.parse(nk.Script([node], version="13.2 v8", paste=True).to_text()).nodes
    return found


def test_the_table_has_nukes_31_columns_in_their_order():
    node = reread(tracker_node(make_scene(), choose_points(None)))
    assert node.cls == "Tracker4"
    head, columns, rows = table_of(node)
    assert head == ["1", "31", str(len(NAMED_POINTS))]
    assert [c[3] for c in columns] == SAVED_COLUMNS.split()
    assert all(len(c) == 6 for c in columns) and all(len(r) == 31 for r in rows)
    assert columns[0] == ["5", "1", "20", "enable", "e", "1"]
    assert columns[9] == ["2", "0", "45", "error", "error", "1"]
    assert [r[1] for r in rows] == list(NAMED_POINTS)
    assert all(r[20:] == [""] * 11 for r in rows)


def test_every_key_is_the_landmark_counted_upwards():
    scene = make_scene()
    chosen = choose_points(["lip_middle", "chin", "61"])
    node = reread(tracker_node(scene, chosen))
    for row, marks in zip(table_of(node)[2], chosen.values(), strict=True):
        x, y = keys_of(row[2]), keys_of(row[3])
        places = up(scene.track.landmarks[:, list(marks), :2].mean(1))
        assert list(x) == list(y) == scene.frames
        got = np.array([[x[f], y[f]] for f in scene.frames])
        np.testing.assert_allclose(got, places, rtol=0, atol=6e-5)


def test_frames_without_a_face_have_no_key_and_the_track_is_off():
    scene = make_scene(12, hidden=(0, 5, 6))
    node = reread(tracker_node(scene, choose_points(["chin"])))
    (row,) = table_of(node)[2]
    assert list(keys_of(row[2])) == scene.visible_frames
    assert keys_of(row[0]) == {1001: 0, 1002: 1, 1006: 0, 1008: 1}
    assert "no face in 1001,1006-1007" in node.knobs["label"]


def test_transforms_made_in_nuke_follow_the_head_not_the_mouth():
    node = tracker_node(make_scene(), choose_points(["nose_tip", "eye_l_outer", "mouth_l"]))
    flags = {row[1]: row[6:9] for row in table_of(node)[2]}
    assert flags == {
        "nose_tip": ["1", "1", "1"],
        "eye_l_outer": ["1", "1", "1"],
        "mouth_l": ["0", "0", "0"],
    }
    (row,) = table_of(tracker_node(make_scene(), choose_points(["mouth_l"])))[2]
    assert row[6:9] == ["1", "0", "0"]


@pytest.mark.parametrize("reference", [None, 1003])
def test_reference_frame(reference: int | None):
    node = tracker_node(make_scene(9), choose_points(["chin"]), reference=reference)
    assert node.knobs["reference_frame"] == str(reference or 1005)


def test_boxes_are_square_as_shown():
    """Of a plate squeezed by two they are half as wide in its pixels."""
    boxes = []
    for pixel_aspect in (1.0, 2.0):
        scene = make_scene(8, pixel_aspect=pixel_aspect)
        _, _, rows = table_of(reread(tracker_node(scene, choose_points(["nose_tip"]))))
        # the boxes' eight edges stand before eleven empty cells
        boxes.append([float(cell) for cell in rows[0][-19:-11]])
    wide, narrow = np.array(boxes)
    np.testing.assert_array_equal(wide[[0, 4]], wide[[1, 5]])
    np.testing.assert_array_equal(narrow[1::2], wide[1::2])
    assert np.abs(2 * narrow[::2] - wide[::2]).max() <= 2
