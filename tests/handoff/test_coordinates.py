"""The flip, and the formats it depends on."""

from __future__ import annotations

import face_making
import numpy as np
import pytest
from handoff_making import HEIGHT, WIDTH

from relip.handoff.coordinates import Format, affine_to_nuke, from_nuke, to_nuke, uv_of
from relip.plate import open_plate
from relip.track import geometry


def test_corners_and_pixel_centres():
    form = Format(1920, 1080)
    # the middle of the top-left pixel, of the bottom-right one, and the corners of the picture
    places = np.array([[0.5, 0.5], [1919.5, 1079.5], [0, 0], [0, 1080]])
    expected = [[0.5, 1079.5], [1919.5, 0.5], [0, 1080], [0, 0]]
    assert to_nuke(places, form).tolist() == expected
    assert from_nuke(to_nuke(places, form), form).tolist() == places.tolist()


def test_a_window_left_of_nothing_keeps_its_x_when_the_read_does_not_move_it():
    form = Format(100, 50, left=-10)
    assert to_nuke(np.array([0.0, 0.0]), form).tolist() == [-10, 50]
    assert from_nuke(np.array([-10.0, 50.0]), form).tolist() == [0, 0]


@pytest.mark.parametrize("left", [0.0, -12.0])
def test_affine_maps_are_the_flip_around_them(left: float):
    source, target = Format(WIDTH, HEIGHT, left=left), Format(256, 256)
    rng = np.random.default_rng(1)
    transform = rng.normal(size=(5, 2, 3))
    points = rng.uniform(-50, 400, (5, 7, 2))
    there = to_nuke(geometry.apply(transform, points), target)
    flipped = affine_to_nuke(transform, source, target)
    np.testing.assert_allclose(
        geometry.apply(flipped, to_nuke(points, source)), there, rtol=0, atol=1e-9
    )


def test_uv_counts_from_the_lower_left_corner():
    form = Format(200, 100)
    assert uv_of(np.array([[0, 100], [200, 0], [0.5, 0.5]]), form).tolist() == [
        [0, 0],
        [1, 1],
        [0.0025, 0.995],
    ]


def test_a_plate_with_offset_windows_and_anamorphic_pixels(tmp_path):
    """Nuke moves the display window to (0, 0) and keeps the data window's place in it."""
    import OpenImageIO as oiio

    picture = face_making.texture(40, 60).astype(np.float32)
    for frame in (1, 2):
        spec = oiio.ImageSpec(60, 40, 3, oiio.HALF)
        spec.full_x, spec.full_y, spec.full_width, spec.full_height = -7, 5, 80, 64
        spec.x, spec.y = -3, 9  # 4 right of and 4 below the display window's corner
        spec.attribute("PixelAspectRatio", 2.0)
        spec.attribute("chromaticities", oiio.TypeDesc("float[8]"),
                       (0.713, 0.293, 0.165, 0.83, 0.128, 0.044, 0.32168, 0.33767))  # fmt: skip
        out = oiio.ImageOutput.create(str(tmp_path / f"p.{frame:04d}.exr"))
        assert out.open(str(tmp_path / f"p.{frame:04d}.exr"), spec)
        assert out.write_image(picture)
        out.close()
    with open_plate(tmp_path / "p.####.exr") as plate:
        form = Format.of_plate(plate.width, plate.height, plate.info)
        rgb = plate.read(1).rgb
    assert (form.width, form.height, form.pixel_aspect, form.left) == (80, 64, 2.0, 0.0)
    assert form.knob == "80 64 0 0 80 64 2 relip_80x64_2"
    # the first stored pixel: column 4 from the left, and 64 - 4 - 0.5 above the bottom
    assert np.allclose(rgb[4, 4], picture[0, 0], atol=1e-3)
    assert to_nuke(np.array([4.5, 4.5]), form).tolist() == [4.5, 59.5]


def test_a_plate_without_an_aspect_has_square_pixels():
    assert Format.of_plate(10, 20, {"pixel_aspect": None}).pixel_aspect == 1.0
    assert Format(10, 20).knob == "10 20 0 0 10 20 1 relip_10x20"
