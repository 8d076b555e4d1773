"""The window: cut out of the plate and put back where it was."""

from __future__ import annotations

import face_making
import numpy as np
import pytest

from relip.mask.region import make_region
from relip.render import canonical
from relip.render.canonical import CONTEXT, Window
from relip.shot import MaskSettings
from relip.track import geometry


def similarity(scale: float, angle: float, x: float, y: float) -> np.ndarray:
    c, s = scale * np.cos(angle), scale * np.sin(angle)
    return np.array([[c, -s, x], [s, c, y]])


@pytest.fixture(scope="module")
def outlines() -> np.ndarray:
    track = face_making.make_track(face_making.make_shot(50).landmarks, hidden=(7,))
    return make_region(track, MaskSettings()).outline


@pytest.mark.parametrize("size", [256, 512])
def test_window_holds_the_region_of_every_frame(outlines: np.ndarray, size: int):
    window = Window.for_outlines(outlines, size)
    grid = {256: 16, 512: 32}[size]  # three halvings after folding 2 × 2 pixels, or 4 × 4
    assert window.width % grid == 0 and window.height % grid == 0
    room = CONTEXT * size / 256
    for outline in outlines[np.isfinite(outlines[:, 0, 0])]:
        pixels = window.on(outline).to_pixels(outline)
        assert pixels.min() >= room - 1e-9
        assert pixels[:, 0].max() <= window.width - room + 1e-9
        assert pixels[:, 1].max() <= window.height - room + 1e-9
        # in the middle: as much room on the left as on the right, above as below
        middle = (pixels.min(0) + pixels.max(0)) / 2
        np.testing.assert_allclose(middle, [window.width / 2, window.height / 2], atol=1e-9)
    # and hardly larger than it must be
    extent = np.nanmax(np.ptp(outlines, axis=1), axis=0) * size + 2 * room
    assert window.width - extent[0] < grid and window.height - extent[1] < grid


def test_close_ups_are_drawn_larger():
    assert canonical.crop_size(80) == canonical.crop_size(220) == 256
    assert canonical.crop_size(220.1) == canonical.crop_size(900) == 512


def test_on_and_grown_keep_the_rest(outlines: np.ndarray):
    window = Window.for_outlines(outlines, 256)
    placed = window.on(outlines[0])
    assert (placed.size, placed.width, placed.height) == tuple(window.as_list())
    grown = placed.grown(8)
    assert (grown.width, grown.height) == (window.width + 16, window.height + 16)
    np.testing.assert_allclose(
        grown.to_pixels(outlines[0]), placed.to_pixels(outlines[0]) + 8, atol=1e-9
    )


def test_from_plate_is_to_pixels_after_the_transform():
    rng = np.random.default_rng(0)
    window = Window(256, 96, 80, 40.25, 130.5)
    to_crop = similarity(0.006, 0.2, -0.3, 0.1)
    places = rng.uniform(0, 300, (9, 2))
    np.testing.assert_allclose(
        geometry.apply(window.from_plate(to_crop), places),
        window.to_pixels(geometry.apply(to_crop, places)),
        atol=1e-9,
    )


@pytest.mark.parametrize(
    "scale, angle, limit",
    [(1.0, 0.0, 45), (1.3, 0.1, 45), (2.4, -0.2, 45), (0.8, 0.05, 38), (0.5, 0.0, 28)],
)
def test_cut_out_and_put_back(scale: float, angle: float, limit: float):
    """Nearly the plate again (picture without detail below three pixels); no half pixel lost."""
    picture = face_making.texture(260, 320)
    window = Window(256, 160, 128)
    to_window = similarity(scale, angle, 0, 0)
    to_window[:, 2] = [80.3, 64.7] - to_window[:, :2] @ [161.2, 131.9]
    crop = canonical.cut_out(picture, to_window, window)
    assert crop.shape == (128, 160, 3)
    rect = canonical.plate_rect(to_window, window, 320, 260)
    x0, y0, x1, y1 = rect
    back = canonical.put_back(crop, to_window, rect)
    assert back.shape == (y1 - y0, x1 - x0, 3)
    ys, xs = np.mgrid[y0:y1, x0:x1] + 0.5
    at = geometry.apply(to_window, np.stack([xs, ys], -1).reshape(-1, 2)).reshape(*xs.shape, 2)
    inside = ((at > 4) & (at < [window.width - 4, window.height - 4])).all(-1)
    assert inside.sum() > 500
    error = (back - picture[y0:y1, x0:x1])[inside]
    assert -10 * np.log10(np.square(error).mean()) > limit
    # no shift: the error does not go with the picture's slope
    for axis in (0, 1):
        slope = np.gradient(picture, axis=axis)[y0:y1, x0:x1][inside]
        shift = (error * slope).sum() / np.square(slope).sum()
        assert abs(shift) < 0.03


def test_a_piece_of_the_plate_gives_the_same_crop():
    picture = face_making.texture(260, 320)
    window = Window(256, 96, 64)
    to_window = similarity(1.4, 0.1, -150, -120)
    x0, y0, x1, y1 = canonical.plate_rect(to_window, window, 320, 260)
    piece = np.ascontiguousarray(picture[y0:y1, x0:x1])
    part = canonical.cut_out(piece, geometry.shifted(to_window, x0, y0), window)
    # the kernel's places are rounded to 1/32 pixel from another origin
    np.testing.assert_allclose(part, canonical.cut_out(picture, to_window, window), atol=0.012)


def test_plate_rect_covers_the_window_and_stays_in_the_picture():
    window = Window(256, 96, 64)
    for to_window in (similarity(1.4, 0.3, -100, -90), similarity(0.7, -1.0, 20, 150)):
        x0, y0, x1, y1 = canonical.plate_rect(to_window, window, 320, 260)
        assert 0 <= x0 <= x1 <= 320 and 0 <= y0 <= y1 <= 260
        corners = np.array([[0, 0], [96, 0], [0, 64], [96, 64]], float)
        places = geometry.apply(geometry.invert(to_window), corners).clip([0, 0], [320, 260])
        assert (places >= [x0, y0]).all() and (places <= [x1, y1]).all()
    far = canonical.plate_rect(similarity(1.0, 0.0, 5000, 0), window, 320, 260)
    assert far[2] - far[0] <= 0 or far[3] - far[1] <= 0


def test_stmap_as_nuke_reads_it():
    """STMap takes u × width, v × height with v upwards: it fetches the right crop pixel."""
    size = 256
    window = Window(size, 96, 64, 30.0, 150.0)
    to_crop = similarity(1 / 130.0, 0.15, 0, 0)
    to_crop[:, 2] = [0.5, 0.8] - to_crop[:, :2] @ [150, 160]
    rect = (110, 130, 190, 190)
    uv = canonical.stmap(window.from_plate(to_crop), window, rect)
    assert uv.shape == (60, 80, 2) and uv.dtype == np.float32
    for x, y in ((110, 130), (150, 160), (189, 189)):
        place = geometry.apply(to_crop, np.array([[x + 0.5, y + 0.5]]))[0]
        u, v = uv[y - 130, x - 110]
        assert u == pytest.approx(place[0], abs=1e-6)
        assert v == pytest.approx(1 - place[1], abs=1e-6)
    # further right is more red, further up is more green
    assert (np.diff(uv[:, :, 0], axis=1) > 0).all()
    assert (np.diff(uv[:, :, 1], axis=0) < 0).all()


def test_stmap_does_not_depend_on_where_the_window_is():
    to_crop = similarity(1 / 130.0, 0.15, -0.4, -0.3)
    rect = (60, 70, 90, 110)
    maps = [
        canonical.stmap(window.from_plate(to_crop), window, rect)
        for window in (Window(256, 96, 64), Window(256, 160, 128, 33.3, 12.25))
    ]
    np.testing.assert_allclose(maps[0], maps[1], atol=1e-6)
