"""The written nodes in the stand-in for Nuke: what they do to pixels.

The host reads the text and computes the pictures by its own code. What is
expected here comes from the face track and from SciPy's splines.
"""

from __future__ import annotations

from pathlib import Path

import face_making
import numpy as np
import pytest
from handoff_making import HEIGHT, WIDTH, make_scene
from scipy.ndimage import gaussian_filter, map_coordinates

from relip.handoff import nk
from relip.handoff.coordinates import Format
from relip.handoff.cornerpin import cornerpin_nodes
from relip.handoff.curves import curves_node
from relip.handoff.reads import read_node
from relip.handoff.roto import SHAPES, roto_node, shape_handles
from relip.handoff.scene import Scene, choose_points
from relip.handoff.stmap import stmap_nodes, write_maps
from relip.handoff.tracker import tracker_node
from relip.handoff.transform import transform_node
from relip.plate import write_exr
from relip.track import geometry

FRAME = 1009
SIZE = 96


@pytest.fixture(scope="module")
def scene() -> Scene:
    return make_scene(16)


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    return soft(HEIGHT, WIDTH, 8.0)


@pytest.fixture(scope="module")
def plate(picture: np.ndarray, scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> nk.Node:
    """A Read of the same picture in every frame."""
    folder = tmp_path_factory.mktemp("plate")
    for frame in scene.frames:
        write_exr(folder / f"p.{frame}.exr", picture, display=(WIDTH, HEIGHT), half=False)
    frames = (scene.frames[0], scene.frames[-1])
    return read_node("Plate", folder / "p.####.exr", frames, scene.form, raw=True)


def soft(height: int, width: int, sigma: float, seed: int = 0) -> np.ndarray:
    """A random picture, 0 to 1, so soft that one interpolation is as good as another."""
    blurred = gaussian_filter(face_making.texture(height, width, seed), (sigma, sigma, 0))
    low, high = blurred.min(), blurred.max()
    return ((blurred - low) / (high - low)).astype(np.float32)


def opened(host, tmp_path: Path, nodes: list[nk.Node]) -> None:
    """Open a comp of these nodes, all in place."""
    path = tmp_path / "comp.nk"
    nk.write(nk.Script(nodes, version="13.2 v8"), path)
    host.open(path)


def sampled(picture: np.ndarray, places: np.ndarray) -> np.ndarray:
    """A picture at places ``[shape=(..., 2)]``, y down, by cubic splines."""
    where = [places[..., 1] - 0.5, places[..., 0] - 0.5]
    return np.stack(
        [map_coordinates(picture[..., c], where, order=3, mode="nearest") for c in range(3)], -1
    )


def centres(width: int, height: int) -> np.ndarray:
    return np.stack(np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5), -1)


def mapped(transform: np.ndarray, width: int, height: int) -> np.ndarray:
    return geometry.apply(transform, centres(width, height).reshape(-1, 2)).reshape(
        height, width, 2
    )


def test_crop_and_stmap_show_the_canonical_crop(nuke_host, tmp_path, scene, plate, picture):
    pattern = str(tmp_path / "m.####.exr")
    write_maps(scene, pattern, "crop", size=SIZE)
    pin = cornerpin_nodes(scene, "crop", size=SIZE)
    stmap = stmap_nodes(scene, pattern, "crop", size=SIZE)
    pin[0].inputs = stmap[0].inputs = [plate]
    opened(nuke_host, tmp_path, [plate, *pin, *stmap])
    to_crop = scene.to_crop(SIZE)[scene.frames.index(FRAME)]
    places = mapped(geometry.invert(to_crop), SIZE, SIZE)
    expected = sampled(picture, places)
    inside = (places > 2).all(-1) & (places < [WIDTH - 2, HEIGHT - 2]).all(-1)
    assert inside.mean() > 0.8
    for name in (pin[-1].name, stmap[-1].name):
        image = nuke_host.picture(name, FRAME)
        got = image.array("rgb")
        assert got.shape == (SIZE, SIZE, 3)
        assert np.abs(got - expected)[inside].max() < 0.01, name
        # a pixel's shift by one would be seen
        assert np.abs(np.roll(got, 1, 0) - expected)[inside].max() > 0.02


def test_uncrop_puts_the_crop_back_and_leaves_the_rest_black(nuke_host, tmp_path, scene):
    small = soft(SIZE, SIZE, 5.0, seed=3)
    crop_file = tmp_path / "crop.exr"
    write_exr(crop_file, np.dstack([small, np.ones((SIZE, SIZE), np.float32)]),
              display=(SIZE, SIZE), half=False)  # fmt: skip
    source = read_node("CropPicture", crop_file, (1001, 1016), Format(SIZE, SIZE), raw=True)
    pattern = str(tmp_path / "m.####.exr")
    write_maps(scene, pattern, "uncrop", size=SIZE)
    pin = cornerpin_nodes(scene, "uncrop", size=SIZE)
    stmap = stmap_nodes(scene, pattern, "uncrop", size=SIZE)
    pin[0].inputs = stmap[0].inputs = [source]
    # the host widens its filter where a map jumps, at the end of its window: slow, and of no use
    # here, where the nearest pixel shows just as well which one it is
    stmap[2].knobs["filter"] = "Impulse"
    opened(nuke_host, tmp_path, [source, *pin, *stmap])
    to_crop = scene.to_crop(SIZE)[scene.frames.index(FRAME)]
    places = mapped(to_crop, WIDTH, HEIGHT)
    expected = sampled(small, places)
    inside = (places > 2).all(-1) & (places < SIZE - 2).all(-1)
    outside = (places < -2).any(-1) | (places > SIZE + 2).any(-1)
    assert inside.sum() > 5000 and outside.sum() > 5000
    for name in (pin[-1].name, stmap[-1].name):
        image = nuke_host.picture(name, FRAME)
        got = image.array("rgb")
        assert got.shape == (HEIGHT, WIDTH, 3)
        assert not got[outside].any(), name
        assert image.array(["rgba.alpha"])[outside].max() == 0, name
        if name == pin[-1].name:
            assert np.abs(got - expected)[inside].max() < 0.01
            continue
        sure = inside & (np.abs(places - np.round(places)) > 1e-3).all(-1)
        columns, rows = np.floor(places[sure]).astype(int).T
        assert sure.sum() > 5000
        assert np.array_equal(got[sure], small[rows, columns])


def test_transform_and_pin_hold_the_head_alike(nuke_host, tmp_path, scene, plate, picture):
    nodes = [plate]
    for mode in ("stabilise", "matchmove"):
        pin = cornerpin_nodes(scene, mode, reference=1003)
        move = transform_node(scene, mode, reference=1003)
        pin[-1].name, move.name = f"Pin_{mode}", f"Move_{mode}"
        pin[0].inputs, move.inputs = [plate], [plate]
        nodes += [*pin, move]
    opened(nuke_host, tmp_path, nodes)
    first = scene.track.transform[scene.frames.index(1003)]
    now = scene.track.transform[scene.frames.index(FRAME)]
    moved = geometry.compose(geometry.invert(now), first)  # from the reference frame to this one
    for mode, source in (("stabilise", moved), ("matchmove", geometry.invert(moved))):
        places = mapped(source, WIDTH, HEIGHT)
        expected = sampled(picture, places)
        inside = (places > 2).all(-1) & (places < [WIDTH - 2, HEIGHT - 2]).all(-1)
        for kind in ("Pin", "Move"):
            got = nuke_host.picture(f"{kind}_{mode}", FRAME).array("rgb")
            assert np.abs(got - expected)[inside].max() < 0.01, (kind, mode)
    for kind in ("Pin", "Move"):
        still = nuke_host.picture(f"{kind}_matchmove", 1003).array("rgb")
        assert np.abs(still - picture).max() < 1e-5


def coverage(outline: np.ndarray, fine: int = 6) -> np.ndarray:
    """How much of each pixel lies inside a polygon: the share of 6 x 6 points."""
    from matplotlib.path import Path as Polygon

    low = np.floor(outline.min(0)).astype(int) - 1
    high = np.ceil(outline.max(0)).astype(int) + 1
    width, height = high - low
    xs = (np.arange(width * fine) + 0.5) / fine + low[0]
    ys = (np.arange(height * fine) + 0.5) / fine + low[1]
    points = np.stack(np.meshgrid(xs, ys), -1).reshape(-1, 2)
    inside = Polygon(outline).contains_points(points).reshape(height, fine, width, fine)
    result = np.zeros((HEIGHT, WIDTH))
    result[low[1] : high[1], low[0] : high[0]] = inside.mean(axis=(1, 3))
    return result


@pytest.mark.parametrize("shape", SHAPES)
def test_a_roto_draws_what_the_engine_draws(nuke_host, tmp_path, scene, plate, shape: str):
    roto = roto_node(scene, [shape])
    roto.inputs = [plate]
    opened(nuke_host, tmp_path, [plate, roto])
    frame = int(scene.frames[int(np.argmax(scene.track.lip_opening()))])
    got = nuke_host.picture(roto.name, frame).array(["rgba.alpha"])[..., 0]
    handles = shape_handles(scene, shape)[scene.frames.index(frame)]
    t = np.linspace(0, 1, 16, endpoint=False)[None, :, None]
    after = np.roll(handles, -1, axis=0)
    curve = (
        (1 - t) ** 3 * handles[:, None, 1]
        + 3 * (1 - t) ** 2 * t * handles[:, None, 2]
        + 3 * (1 - t) * t**2 * after[:, None, 0]
        + t**3 * after[:, None, 1]
    )
    expected = coverage(curve.reshape(-1, 2))
    assert expected.sum() > 30
    assert np.abs(got - expected).max() < 0.15
    assert abs(got.sum() - expected.sum()) < 0.01 * expected.sum()


def test_tracker_curves_and_a_clip_pasted_below_what_is_selected(nuke_host, tmp_path, scene, plate):
    import nuke

    opened(nuke_host, tmp_path, [plate])
    nuke.toNode("Plate").setSelected(True)
    clip = nk.Script(
        [tracker_node(scene, choose_points(None))], version="13.2 v8", paste=True
    ).to_text()
    nuke_host.paste(clip)
    made = nuke.toNode("Tracker_sh010")
    assert made.input(0) is nuke.toNode("Plate")
    assert made["reference_frame"].value() == scene.reference
    curves = {"jawOpen": np.linspace(0, 1, 16), "mouthPress": np.full(16, 0.25)}
    nuke_host.paste(
        nk.Script([curves_node("Mouth", scene.frames, curves)], version="13.2 v8").to_text()
    )
    node = nuke.toNode("Mouth")
    for i, frame in enumerate(scene.frames):
        for control, column in curves.items():
            assert abs(node[control].getValueAt(frame) - column[i]) < 1e-6
    assert node["jawOpen"].getValueAt(1005.5) == pytest.approx(4.5 / 15)
