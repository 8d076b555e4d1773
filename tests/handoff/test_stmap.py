"""STMaps: the maps themselves, and a picture through both of them."""

from __future__ import annotations

import numpy as np
import pytest
from handoff_making import HEIGHT, WIDTH, make_scene

from relip.errors import UsageError
from relip.handoff import nk
from relip.handoff.coordinates import Format
from relip.handoff.stmap import crop_map, stmap_nodes, uncrop_map, write_maps
from relip.plate import read_exr
from relip.track import geometry


def sample(picture: np.ndarray, uv: np.ndarray) -> np.ndarray:
    """What Nuke's STMap reads, bilinearly: u to the right, v up, pixel centres at +0.5."""
    height, width = picture.shape[:2]
    x = uv[..., 0] * width - 0.5
    y = (1 - uv[..., 1]) * height - 0.5
    x0, y0 = np.floor(x).astype(int), np.floor(y).astype(int)
    fx, fy = (x - x0)[..., None], (y - y0)[..., None]
    x0, x1 = np.clip(x0, 0, width - 1), np.clip(x0 + 1, 0, width - 1)
    y0, y1 = np.clip(y0, 0, height - 1), np.clip(y0 + 1, 0, height - 1)
    top = picture[y0, x0] * (1 - fx) + picture[y0, x1] * fx
    low = picture[y1, x0] * (1 - fx) + picture[y1, x1] * fx
    return top * (1 - fy) + low * fy


def ramp(width: int, height: int) -> np.ndarray:
    """A picture whose value is its place in pixels, y down: bilinear sampling is exact on it."""
    return np.stack(np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5), -1)


def test_the_crop_map_looks_where_the_track_says():
    scene = make_scene()
    size = 128
    for i in (0, 11, 23):
        to_crop = scene.to_crop(size)[i]
        got = sample(ramp(WIDTH, HEIGHT), crop_map(to_crop, size, scene.form))
        expected = geometry.apply(geometry.invert(to_crop), ramp(size, size).reshape(-1, 2))
        expected = expected.reshape(size, size, 2)
        inside = (expected > 1).all(-1) & (expected < [WIDTH - 1, HEIGHT - 1]).all(-1)
        assert inside.mean() > 0.9
        assert np.abs(got - expected)[inside].max() < 1e-3


def test_the_uncrop_map_is_its_way_back():
    scene = make_scene()
    size = 128
    to_crop = scene.to_crop(size)[5]
    uv, inside, (x0, y0) = uncrop_map(to_crop, size, scene.form)
    got = sample(ramp(size, size), uv)
    rows, columns = np.nonzero(inside)
    places = np.stack([columns + x0 + 0.5, rows + y0 + 0.5], -1)
    expected = geometry.apply(to_crop, places)
    assert np.abs(got[rows, columns] - expected).max() < 1e-3
    assert expected.min() >= 0.5 - 1e-6 and expected.max() <= size - 0.5 + 1e-6
    # all of the crop's footprint but its rim: a square of (size - 1) crop pixels, turned and scaled
    area = ((size - 1) / np.hypot(to_crop[0, 0], to_crop[1, 0])) ** 2
    assert abs(inside.sum() - area) < 0.02 * area


def test_a_crop_outside_the_plate_has_no_map():
    assert uncrop_map(np.array([[1.0, 0, 500], [0, 1, 0]]), 64, Format(100, 100)) is None


def test_files_of_both_directions(tmp_path):
    scene = make_scene(10, hidden=(3,), pixel_aspect=2.0)
    crop = write_maps(scene, str(tmp_path / "c.####.exr"), "crop", size=64)
    uncrop = write_maps(scene, str(tmp_path / "u.####.exr"), "uncrop", size=64)
    numbers = [f"{f}" for f in scene.visible_frames]
    assert [p.name.split(".")[1] for p in crop] == numbers == [p.name[2:6] for p in uncrop]
    channels, origin, display, metadata = read_exr(crop[0])
    assert (origin, display) == ((0, 0), (64, 64)) and sorted(channels) == ["A", "G", "R"]
    wanted = crop_map(scene.to_crop(64)[0], 64, scene.form)
    assert np.array_equal(channels["R"], wanted[..., 0])
    assert np.array_equal(channels["G"], wanted[..., 1])
    assert metadata["relip/stmap"] == "crop"
    channels, origin, display, _ = read_exr(uncrop[4])
    uv, inside, where = uncrop_map(scene.to_crop(64)[4], 64, scene.form)
    assert (origin, display) == (where, (WIDTH, HEIGHT))
    assert np.array_equal(channels["G"], uv[..., 1]) and np.array_equal(channels["A"], inside)


def test_nodes_keep_only_what_the_map_reaches():
    scene = make_scene()
    text = nk.Script(
        [*stmap_nodes(scene, "/maps/c.####.exr", "crop"),
         *stmap_nodes(scene, "/maps/u.####.exr", "uncrop", size=512)],
        version="13.2 v8", paste=True,
    ).to_text()  # fmt: skip
    nodes = nk.parse(text).nodes
    assert [n.cls for n in nodes] == ["Dot", "Read", "STMap", "Merge2"] * 2
    for dot, read, apply, keep in (nodes[:4], nodes[4:]):
        assert apply.inputs == [dot, read] and keep.inputs == [apply, read]
        assert keep.knobs["operation"] == "mask" and apply.knobs["uv"] == "rgb"
        assert read.knobs["raw"] == "true" and read.knobs["on_error"] == "black"
        assert (read.knobs["first"], read.knobs["last"]) == ("1001", "1024")
    assert nodes[1].knobs["format"].startswith("256 256 ")
    assert nodes[5].knobs["format"].startswith(f"{WIDTH} {HEIGHT} ")
    assert "512x512" in nodes[4].knobs["label"]


def test_unknown_direction(tmp_path):
    with pytest.raises(UsageError, match="crop, uncrop"):
        write_maps(make_scene(9), str(tmp_path / "x.####.exr"), "sideways")
