"""CornerPin2D and Transform: evaluated again from their knobs."""

from __future__ import annotations

import numpy as np
import pytest
from handoff_making import HEIGHT, WIDTH, homography, keys_of, make_scene, project, up, values_of

from relip.errors import UsageError
from relip.handoff import nk
from relip.handoff.cornerpin import cornerpin_nodes
from relip.handoff.transform import transform_node
from relip.track import geometry, points


def reread(nodes: list[nk.Node]) -> list[nk.Node]:
    """Nodes after writing and reading, in their order."""
    return nk.parse(nk.Script(nodes, version="13.2 v8", paste=True).to_text()).nodes


def pin_matrix(pin: nk.Node, frame: int) -> np.ndarray:
    """What a CornerPin2D does to a picture in a frame."""
    source = np.array([values_of(pin.knobs[f"from{i}"], frame) for i in range(1, 5)])
    target = np.array([values_of(pin.knobs[f"to{i}"], frame) for i in range(1, 5)])
    matrix = homography(source, target)
    return np.linalg.inv(matrix) if pin.knobs["invert"] == "true" else matrix


@pytest.mark.parametrize("size", [256, 1024])
def test_uncrop_puts_the_crop_where_the_track_has_it(size: int):
    scene = make_scene(hidden=(2,))
    form, pin = reread(cornerpin_nodes(scene, "uncrop", size=size))
    assert (form.cls, pin.cls) == ("Reformat", "CornerPin2D")
    assert pin.inputs == [form] and form.inputs == [None]
    assert form.knobs["format"].split()[:2] == [str(WIDTH), str(HEIGHT)]
    assert (form.knobs["resize"], form.knobs["center"]) == ("none", "false")
    assert list(keys_of(nk.split_list(pin.knobs["to1"])[0])) == scene.visible_frames
    grid = np.random.default_rng(0).uniform(0, 1, (20, 2))  # crop units, y down
    for frame in scene.visible_frames:
        transform = scene.track.transform[scene.track.index(frame)]
        on_plate = geometry.apply(geometry.invert(transform), grid)
        got = project(pin_matrix(pin, frame), up(grid * size, size))
        assert np.abs(got - up(on_plate)).max() < 1e-3


def test_crop_is_the_way_back_into_a_square_format():
    scene = make_scene()
    pin, cut = reread(cornerpin_nodes(scene, "crop", size=512))
    assert cut.cls == "Crop" and cut.inputs == [pin] and cut.knobs["reformat"] == "true"
    assert values_of(cut.knobs["box"], 0) == [0, 0, 512, 512]
    (_, back) = cornerpin_nodes(scene, "uncrop", size=512)
    for frame in (1001, 1012, 1024):
        transform = scene.track.transform[scene.track.index(frame)]
        nose = scene.track.landmarks[scene.track.index(frame), list(points.NOSE), :2]
        got = project(pin_matrix(pin, frame), up(nose))
        # a millionth of the crop is 0.0005 of its pixels
        assert np.abs(got - up(geometry.apply(transform, nose) * 512, 512)).max() < 1e-3
        identity = pin_matrix(pin, frame) @ pin_matrix(back, frame)
        np.testing.assert_allclose(identity / identity[2, 2], np.eye(3), rtol=0, atol=1e-6)


def moved(scene, frame: int, reference: int, places: np.ndarray) -> np.ndarray:
    """Where the head takes places of the reference frame, from the track alone."""
    first = scene.track.transform[scene.track.index(reference)]
    now = scene.track.transform[scene.track.index(frame)]
    return geometry.apply(geometry.invert(now), geometry.apply(first, places))


@pytest.mark.parametrize("pixel_aspect", [1.0, 2.0])
def test_a_pin_holds_the_head_still_at_any_pixel_aspect(pixel_aspect: float):
    scene = make_scene(pixel_aspect=pixel_aspect)
    (still,) = reread(cornerpin_nodes(scene, "stabilise", reference=1004))
    (along,) = reread(cornerpin_nodes(scene, "matchmove", reference=1004))
    places = np.random.default_rng(2).uniform(60, 220, (9, 2))
    for frame in scene.frames:
        there = up(moved(scene, frame, 1004, places))
        assert np.abs(project(pin_matrix(along, frame), up(places)) - there).max() < 1e-3
        assert np.abs(project(pin_matrix(still, frame), there) - up(places)).max() < 1e-3
    np.testing.assert_allclose(pin_matrix(along, 1004), np.eye(3), rtol=0, atol=1e-6)


def transformed(node: nk.Node, frame: int, places: np.ndarray) -> np.ndarray:
    """Nuke's Transform: scale, then rotation anticlockwise, about the centre, then translation."""
    centre = np.array(values_of(node.knobs["center"], frame))
    shift = np.array(values_of(node.knobs["translate"], frame))
    (angle,) = np.radians(values_of(node.knobs["rotate"], frame))
    (scale,) = values_of(node.knobs["scale"], frame)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return (places - centre) @ (scale * turn).T + centre + shift


def test_transform_moves_along_and_back():
    scene = make_scene(hidden=(7,))
    (along,) = reread([transform_node(scene, "matchmove", reference=1004)])
    (still,) = reread([transform_node(scene, "stabilise", reference=1004)])
    places = np.random.default_rng(3).uniform(20, 250, (9, 2))
    for frame in scene.visible_frames:
        there = up(moved(scene, frame, 1004, places))
        assert np.abs(transformed(along, frame, up(places)) - there).max() < 1e-3
        assert np.abs(transformed(still, frame, there) - up(places)).max() < 1e-3
    assert list(keys_of(nk.split_list(along.knobs["rotate"])[0])) == scene.visible_frames


def test_a_turned_camera_makes_no_jump_of_a_whole_turn():
    scene = make_scene(40)
    angle = np.linspace(0, 2.5 * np.pi, 40)  # through 180 and 360 degrees
    turn = np.stack([np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)], -1)
    turned = turn.reshape(-1, 2, 2)
    to_crop = scene.track.transform[:1].repeat(40, 0)
    centre = np.array([160.0, 130.0])
    about = np.concatenate([turned, (centre - turned @ centre)[..., None]], -1)
    object.__setattr__(scene.track, "transform", geometry.compose(to_crop, geometry.invert(about)))
    (node,) = reread([transform_node(scene, "matchmove", reference=1001)])
    keys = np.array(list(keys_of(nk.split_list(node.knobs["rotate"])[0]).values()))
    # anticlockwise where y goes up is clockwise where it goes down
    np.testing.assert_allclose(keys, -np.degrees(angle), rtol=0, atol=1e-5)


def test_a_transform_refuses_anamorphic_plates_and_says_what_can():
    with pytest.raises(UsageError, match="cornerpin --direction stabilise"):
        transform_node(make_scene(pixel_aspect=2.0), "stabilise")


def test_unknown_directions():
    with pytest.raises(UsageError, match="uncrop"):
        cornerpin_nodes(make_scene(), "sideways")
    with pytest.raises(UsageError, match="matchmove"):
        transform_node(make_scene(), "crop")
