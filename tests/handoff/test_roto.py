"""Roto: shapes decoded again from their hexadecimal floats."""

from __future__ import annotations

import numpy as np
import pytest
from handoff_making import decode, keys_of, make_scene, roto_shapes, up

from relip.errors import UsageError
from relip.handoff import nk, values
from relip.handoff.roto import roto_node, smooth_handles
from relip.track import points


def reread(node: nk.Node) -> nk.Node:
    (found,) = nk.parse(nk.Script([node], version="13.2 v8", paste=True).to_text()).nodes
    return found


@pytest.mark.parametrize(
    ("value", "word"),
    [(1.2, "x3f99999a"), (1001, "x447a4000"), (10, "x41200000"), (-30, "xc1f00000"), (0, "0")],
)
def test_floats_are_big_endian_hexadecimal(value: float, word: str):
    assert values.hex_float(value) == word
    assert values.from_hex_float(word) == np.float32(value) == np.float32(decode(word))
    assert values.from_hex_float("12.5") == 12.5


@pytest.mark.parametrize("bad", ["x12", "xzzzzzzzz", "a"])
def test_damaged_floats(bad: str):
    with pytest.raises(ValueError):
        values.from_hex_float(bad)


def test_points_are_the_landmarks_and_their_count_never_changes():
    scene = make_scene(hidden=(4,))
    shapes = roto_shapes(reread(roto_node(scene)))
    assert list(shapes) == ["lips", "mouth", "jaw"]
    visible = scene.track.landmarks[scene.track.visible]
    for name, line in (("lips", points.OUTER_LIPS), ("mouth", points.INNER_LIPS)):
        frames, table = shapes[name]
        assert frames == scene.visible_frames
        assert table.shape == (len(frames), len(line), 3, 2)
        places = up(visible[:, list(line), :2])
        # float32 of places up to 320 pixels: half of 2^-15
        assert np.abs(table[:, :, 1] - places).max() <= 2**-16


def test_the_jaw_is_the_edited_region_handles_included():
    scene = make_scene()
    frames, table = roto_shapes(reread(roto_node(scene, ["jaw"])))["jaw"]
    assert frames == scene.frames
    expected = up(scene.outlines())
    assert np.abs(table[:, :, 1] - expected[:, :, 1]).max() <= 2**-15
    for part in (0, 2):
        relative = expected[:, :, part] - expected[:, :, 1]
        assert np.abs(table[:, :, part] - relative).max() < 1e-5


def test_handles_are_on_one_line_but_at_the_corners_of_the_mouth():
    scene = make_scene()
    _, table = roto_shapes(roto_node(scene, ["lips"]))["lips"]
    before, after = table[:, :, 0], table[:, :, 2]
    across = before[..., 0] * after[..., 1] - before[..., 1] * after[..., 0]
    lengths = np.linalg.norm(before, axis=-1) * np.linalg.norm(after, axis=-1)
    bend = np.abs(across / lengths)
    smooth = [i for i in range(20) if i not in (0, 10)]
    assert bend[:, smooth].max() < 1e-3
    assert bend[:, [0, 10]].min() > 0.1
    assert (before * after).sum(-1)[:, smooth].max() < 0


def test_smooth_handles_of_a_regular_polygon():
    """On a circle's polygon a handle is a third of the chord, along the tangent."""
    angle = np.arange(12) * np.pi / 6
    line = np.stack([np.cos(angle), np.sin(angle)], -1)
    handles = smooth_handles(line)
    chord = 2 * np.sin(np.pi / 12)
    tangent = np.stack([-np.sin(angle), np.cos(angle)], -1)
    np.testing.assert_allclose(handles[:, 2], line + tangent * chord / 3, atol=1e-12)
    np.testing.assert_allclose(handles[:, 0], line - tangent * chord / 3, atol=1e-12)


def test_points_that_coincide_make_no_nan():
    assert np.isfinite(smooth_handles(np.zeros((5, 2)))).all()


def test_frames_without_a_face_switch_the_node_off():
    node = reread(roto_node(make_scene(8, hidden=(3, 4))))
    (curve,) = nk.split_list(node.knobs["disable"])
    assert keys_of(curve) == {1001: 0, 1004: 1, 1006: 0}
    assert "disable" not in roto_node(make_scene(8)).knobs


def test_unknown_shapes():
    with pytest.raises(UsageError, match="lips, mouth, jaw"):
        roto_node(make_scene(), ["nose"])
    with pytest.raises(UsageError, match="no shape"):
        roto_node(make_scene(), [])
