"""Which points, frames and outlines an export uses."""

from __future__ import annotations

import numpy as np
import pytest
from handoff_making import make_scene

from relip.errors import FaceError, FrameRangeError, UsageError
from relip.handoff.scene import NAMED_POINTS, bspline_handles, choose_points, node_name
from relip.mask.region import make_region, smooth_outline


def bezier(handles: np.ndarray, t: np.ndarray) -> np.ndarray:
    """A closed Bézier curve from handles ``[shape=(n, 3, 2)]``: ``[shape=(n, len(t), 2)]``."""
    start, out = handles[:, 1], handles[:, 2]
    end, into = np.roll(handles[:, 1], -1, 0), np.roll(handles[:, 0], -1, 0)
    t = t[None, :, None]
    pieces = (
        (1 - t) ** 3 * start[:, None]
        + 3 * (1 - t) ** 2 * t * out[:, None]
        + 3 * (1 - t) * t**2 * into[:, None]
        + t**3 * end[:, None]
    )
    return pieces


def test_the_bezier_form_of_a_spline_is_the_spline():
    corners = np.random.default_rng(3).uniform(0, 100, (11, 2))
    outline = smooth_outline(corners, 8)
    handles = bspline_handles(outline[::8])
    np.testing.assert_allclose(
        bezier(handles, np.arange(8) / 8).reshape(-1, 2), outline, rtol=0, atol=1e-9
    )


def test_the_outline_is_the_edited_region_on_the_plate():
    scene = make_scene(hidden=(5, 6))
    handles = scene.outlines()
    region = make_region(scene.track, scene.mask)
    for i, frame in enumerate(scene.visible_frames):
        outline = region.on_plate(scene.track, scene.track.index(frame))
        drawn = bezier(handles[i], np.arange(6) / 6).reshape(-1, 2)
        np.testing.assert_allclose(drawn, outline, rtol=0, atol=1e-6)


def test_the_outline_of_some_frames_is_that_of_the_whole_shot():
    scene = make_scene()
    part = scene.only("1010-1015")
    assert part.frames == list(range(1010, 1016))
    np.testing.assert_allclose(part.outlines(), scene.outlines()[9:15], rtol=0, atol=1e-9)


def test_frames_are_one_run_inside_the_shot_with_a_face():
    scene = make_scene(hidden=(3, 4))
    with pytest.raises(FrameRangeError, match="outside"):
        scene.only("1020-1100")
    with pytest.raises(FrameRangeError, match="without gaps"):
        scene.only("1001-1010x2")
    with pytest.raises(FaceError, match="1004-1005"):
        scene.only("1004-1005")


def test_the_reference_frame_shows_the_face():
    scene = make_scene(9, hidden=(4,))
    assert scene.reference == 1006
    assert scene.check_reference(1002) == 1002
    with pytest.raises(FrameRangeError, match="shows no face"):
        scene.check_reference(1005)
    with pytest.raises(FrameRangeError, match="outside the export"):
        scene.check_reference(2000)


def test_points_by_name_number_and_all():
    assert choose_points(None) == NAMED_POINTS
    assert choose_points(["chin", "61"]) == {"chin": (152,), "p061": (61,)}
    assert len(choose_points(["all"])) == 478
    for bad in (["ear"], ["478"], ["-1"], ["chin", "chin"], ["7", "007"]):
        with pytest.raises(UsageError):
            choose_points(bad)


@pytest.mark.parametrize(
    ("text", "name"), [("sh010", "sh010"), ("10 a-b", "_10_a_b"), ("", "_"), ("é", "_")]
)
def test_node_names(text: str, name: str):
    assert node_name(text) == name


def test_the_crop_is_what_the_network_sees_or_as_asked():
    scene = make_scene()
    assert scene.crop_size() == 256 and scene.crop_size(1024) == 1024
    with pytest.raises(UsageError, match="16 to 8192"):
        scene.crop_size(4)
