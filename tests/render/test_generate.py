"""Generation and the plate's detail: only the region is drawn, and nothing peeks under it."""

from __future__ import annotations

import dataclasses

import cv2
import face_making
import numpy as np
import pytest
import render_making

from relip.mask.coverage import fill
from relip.mask.region import make_region
from relip.render import detail, generate
from relip.render import rig as rig_module
from relip.render.canonical import Window
from relip.render.grain import Grain
from relip.render.grain import measure as measure_grain
from relip.render.model import ShotModel
from relip.render.rig import N_INNER, N_LINES, N_OUTER
from relip.shot import MaskSettings
from relip.track import geometry, points
from relip.track.facetrack import FaceTrack

ROW = 8


@pytest.fixture(scope="module")
def made() -> tuple[ShotModel, FaceTrack]:
    return render_making.make_model()


@pytest.fixture(scope="module")
def frame(made: tuple[ShotModel, FaceTrack]) -> dict[str, np.ndarray]:
    """A plate of texture, and one frame's transform, lines and outline in crop units."""
    _, track = made
    return {
        "rgb": face_making.texture(260, 320),
        "transform": track.transform[ROW],
        "lines": rig_module.track_lines(track)[ROW],
        "outline": make_region(track, MaskSettings()).outline[ROW],
    }


def window_parts(made, frame):
    model, _ = made
    window = model.window.on(frame["outline"])
    rng = np.random.default_rng(0)
    crop = rng.uniform(0.2, 0.8, (window.height, window.width, 3)).astype(np.float32)
    crop = cv2.GaussianBlur(crop, (0, 0), 4)
    lines, outline = window.to_pixels(frame["lines"]), window.to_pixels(frame["outline"])
    region = fill(outline, (window.width, window.height)) > 0
    return model, crop, lines, outline, region


def test_the_plate_outside_the_region(made, frame):
    model, crop, lines, outline, region = window_parts(made, frame)
    for old in (None, lines + [0, 6.0]):
        picture = generate.generate_window(model, crop, lines, outline, old_lines=old)
        assert picture.dtype == np.float32
        np.testing.assert_array_equal(picture[~region], crop[~region])
        assert np.abs(picture - crop)[region].mean() > 0.02
        assert np.isfinite(picture).all()


def test_nothing_peeks_under_the_region(made, frame):
    """Without detail, what the plate shows in the region's middle does not matter at all."""
    model, crop, lines, outline, region = window_parts(made, frame)
    before = generate.generate_window(model, crop, lines, outline)
    deep = cv2.erode(region.astype(np.uint8), np.ones((3, 3)), iterations=24, borderValue=0) > 0
    assert deep.sum() > 200
    other = crop.copy()
    other[deep] = np.random.default_rng(1).uniform(0, 1, (int(deep.sum()), 3))
    after = generate.generate_window(model, other, lines, outline)
    np.testing.assert_array_equal(after, before)


def test_a_fresh_network_draws_the_mean_colour_matched(frame):
    model, _ = render_making.make_model(trained=False)
    window = model.window.on(frame["outline"])
    crop = np.broadcast_to(model.mean + 0.03, (window.height, window.width, 3)).astype(np.float32)
    outline = window.to_pixels(frame["outline"])
    picture = generate.generate_window(model, crop, window.to_pixels(frame["lines"]), outline)
    np.testing.assert_allclose(picture, crop, atol=2e-4)


def test_patch(made, frame):
    model, track = made
    patch = generate.generate_patch(model, **frame, old_lines=frame["lines"], detail=0.0)
    assert patch is not None
    x, y = patch.origin
    height, width = patch.raw.shape[:2]
    assert patch.raw.dtype == np.float32 and patch.stmap.shape == (height, width, 2)
    assert x >= 0 and y >= 0 and x + width <= 320 and y + height <= 260
    # it covers the region, and is the plate where the window is not drawn
    outline = geometry.apply(geometry.invert(frame["transform"]), frame["outline"])
    assert (outline > [x + 2, y + 2]).all() and (outline < [x + width - 2, y + height - 2]).all()
    ys, xs = np.mgrid[y : y + height, x : x + width] + 0.5
    window = model.window.on(frame["outline"])
    at = geometry.apply(
        window.from_plate(frame["transform"]), np.stack([xs, ys], -1).reshape(-1, 2)
    ).reshape(height, width, 2)
    inside = ((at > 5) & (at < [window.width - 5, window.height - 5])).all(-1)
    drawn = cv2.dilate(fill(outline - [x, y], (width, height)), np.ones((9, 9))) > 0
    plain = inside & ~drawn
    assert plain.sum() > 100
    plate = frame["rgb"][y : y + height, x : x + width]
    assert np.abs(patch.raw - plate)[plain].mean() < 0.006
    assert np.abs(patch.raw - plate)[inside & drawn].mean() > 0.02
    # red to the right, green upwards, the chin where the crop has it
    chin = np.floor(track.landmarks[ROW, points.CHIN, :2]).astype(int) - [x, y]
    place = track.canonical()[ROW, points.CHIN]
    u, v = patch.stmap[chin[1], chin[0]]
    assert (u, 1 - v) == pytest.approx(tuple(place), abs=0.005)


def test_the_same_frame_gives_the_same_patch(made, frame):
    model, _ = made
    one = generate.generate_patch(model, **frame, old_lines=frame["lines"])
    generate.generate_patch(model, **(frame | {"rgb": frame["rgb"] ** 2}), old_lines=frame["lines"])
    two = generate.generate_patch(model, **frame, old_lines=frame["lines"])
    assert one is not None and two is not None
    np.testing.assert_array_equal(one.raw, two.raw)


def test_one_broken_pixel_outside_the_region_stays_one(made, frame):
    """NaN or an infinity beside the face leaves a healthy patch."""
    model, _ = made
    healthy = generate.generate_patch(model, **frame, old_lines=frame["lines"])
    assert healthy is not None
    x, y = healthy.origin
    for value in (np.nan, -np.inf):
        rgb = frame["rgb"].copy()
        rgb[y + 3, x + 3] = value
        patch = generate.generate_patch(model, **(frame | {"rgb": rgb}), old_lines=frame["lines"])
        assert patch is not None
        assert np.isfinite(patch.raw).all()
        middle = patch.raw[20:-20, 20:-20] - healthy.raw[20:-20, 20:-20]
        assert np.abs(middle).mean() < 0.05


def test_the_plates_own_lines_give_the_plate(made, frame):
    """Nothing changes: the patch is the plate, to the last bit of its detail; in halves a half."""
    model, _ = made
    for amount in (1.0, 0.5, 0.0):
        patch = generate.generate_patch(model, **frame, old_lines=frame["lines"], detail=amount)
        assert patch is not None
        x, y = patch.origin
        height, width = patch.raw.shape[:2]
        apart = np.abs(patch.raw - frame["rgb"][y : y + height, x : x + width])
        outline = geometry.apply(geometry.invert(frame["transform"]), frame["outline"])
        inside = fill(outline - [x, y], (width, height)) > 0.5
        if amount == 1.0:
            np.testing.assert_allclose(apart, 0, atol=2e-6)
            grained = generate.Finish(grain=_strong_grain(), amount=1.0)
            drawn = generate.draw_frame(model, **frame, old_lines=frame["lines"])
            assert drawn is not None
            same = generate.finish_frame(drawn, drawn.match, model.encoding, grained)
            np.testing.assert_allclose(same.raw, patch.raw, atol=2e-6)
            bare = dataclasses.replace(drawn, change=None)
            other = generate.finish_frame(bare, bare.match, model.encoding, grained)
            assert np.abs(other.raw - patch.raw)[inside].mean() > 0.01
        else:
            assert apart[inside].mean() > 0.01


def test_a_new_mouth_leaves_the_rest_of_the_region_to_the_plate(frame):
    """Of a network that draws nothing but flesh: its mouth, and the plate's own cheeks."""
    model, _ = render_making.make_model(trained=False)
    window = model.window.on(frame["outline"])
    rng = np.random.default_rng(0)
    crop = rng.uniform(0.3, 0.7, (window.height, window.width, 3)).astype(np.float32)
    own, outline = window.to_pixels(frame["lines"]), window.to_pixels(frame["outline"])
    lips = own[: N_OUTER + N_INNER]
    new = own.copy()
    new[: N_OUTER + N_INNER] += [0, 6.0]
    made = generate.generate_window(model, crop, new, outline, old_lines=own)
    x, y = lips.mean(0).astype(int)
    at_mouth = np.abs(made - crop)[y + 2 : y + 6, x - 3 : x + 4]
    assert at_mouth.mean() > 0.05
    region = fill(outline, (window.width, window.height)) > 0
    far = np.hypot(*(np.mgrid[: window.height, : window.width] - np.array([y, x])[:, None, None]))
    cheek = region & (far > 0.9 * far[region].max())
    assert cheek.sum() > 20
    np.testing.assert_allclose(made[cheek], crop[cheek], atol=1e-3)


def test_a_broken_pixel_inside_the_region_is_drawn_over(made, frame):
    """NaN under the matte: the plate cannot stay there, and nothing of it is seen."""
    model, _ = made
    rgb = frame["rgb"].copy()
    outline = geometry.apply(geometry.invert(frame["transform"]), frame["outline"])
    x, y = outline.mean(0).astype(int)
    rgb[y, x] = np.nan
    broken = frame | {"rgb": rgb}
    drawn = generate.draw_frame(model, **broken, old_lines=frame["lines"])
    assert drawn is not None and drawn.change is None
    patch = generate.generate_patch(model, **broken, old_lines=frame["lines"], detail=0.0)
    whole = generate.generate_patch(model, **frame, old_lines=frame["lines"], detail=0.0)
    assert patch is not None and whole is not None
    spot = (
        slice(y - patch.origin[1] - 1, y - patch.origin[1] + 2),
        slice(x - patch.origin[0] - 1, x - patch.origin[0] + 2),
    )
    np.testing.assert_allclose(patch.raw[spot], whole.raw[spot], atol=0.01)


def _strong_grain() -> Grain:
    rng = np.random.default_rng(3)
    return measure_grain([rng.normal(0.5, 0.05, (96, 96, 3)).astype(np.float32) for _ in range(3)])


def test_outside_the_picture_there_is_no_patch(made, frame):
    model, _ = made
    away = frame["transform"].copy()
    away[:, 2] += away[:, :2] @ [4000.0, 0]
    patch = generate.generate_patch(
        model, **(frame | {"transform": away}), old_lines=frame["lines"]
    )
    assert patch is None


def test_partly_outside_the_picture(made, frame):
    model, _ = made
    away = frame["transform"].copy()
    away[:, 2] += away[:, :2] @ [150.0, 0]
    patch = generate.generate_patch(
        model, **(frame | {"transform": away}), old_lines=frame["lines"]
    )
    assert patch is not None
    assert patch.origin[0] == 0
    assert np.isfinite(patch.raw).all()


# --- the plate's detail -------------------------------------------------------------------------

WINDOW = Window(256, 176, 144)


@pytest.fixture(scope="module")
def mouths() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lines with the lips together, lines with them apart, and the region's outline."""
    index = list(rig_module.LINE_POINTS)
    closed, opened = (
        face_making.with_mouth(o)[index, :2] * 170 + [88.0, -20.0] for o in (0.0, 0.1)
    )
    angle = np.linspace(0, 2 * np.pi, 108, endpoint=False)
    outline = np.array([88.0, 76.0]) + np.stack([76 * np.cos(angle), 64 * np.sin(angle)], -1)
    return closed, opened, outline


SIZE = (WINDOW.width, WINDOW.height)


def with_detail(picture, plate, old, new, outline, amount: float = 1.0) -> np.ndarray:
    shift = detail.lip_warp(old, new, outline, SIZE, detail.SEAM)
    return detail.add_plate_detail(picture, plate, old, new, shift, WINDOW, amount)


def test_no_movement_no_warp(mouths):
    closed, _, outline = mouths
    shift = detail.warp_field(closed, closed, outline, SIZE)
    assert shift.shape == (144, 176, 2)
    np.testing.assert_allclose(shift, 0, atol=1e-6)


def test_the_warp_goes_back_to_the_old_places(mouths):
    """At a new point it shows where the old one was; on the outline and the border nothing."""
    closed, opened, outline = mouths
    shift = detail.lip_warp(closed, opened, outline, SIZE, detail.SEAM)
    jaw = opened[N_OUTER + N_INNER :]
    chin = points.JAW.index(points.CHIN)
    assert jaw[chin, 1] < WINDOW.height
    for i, reach in ((chin, 0.35), (chin - 1, 0.45), (chin + 1, 0.45)):
        x, y = np.floor(jaw[i]).astype(int)
        wanted = (closed - opened)[N_OUTER + N_INNER + i]
        assert np.linalg.norm(shift[y, x] - wanted) < reach * np.linalg.norm(wanted)
    # the upper lip goes up, the lower one down: above the opening it is fetched from below
    x, y = np.floor(opened[5]).astype(int)
    assert shift[y, x, 1] > 0.5
    lower = np.floor(opened[15]).astype(int)
    assert shift[lower[1], lower[0], 1] < -0.5
    # at the sides and above nothing moves; the chin is near the lower border here
    assert np.abs(np.concatenate([shift[0], shift[:100, 0], shift[:100, -1]])).max() < 2.0


def test_detail_comes_back_on_still_skin(mouths):
    """Nothing moved: a blurred picture gets the plate's fine band again, but for the mouth."""
    _, opened, outline = mouths
    plate = cv2.GaussianBlur(
        np.random.default_rng(0).uniform(0, 1, (144, 176, 3)).astype(np.float32), (0, 0), 1.0
    )
    smooth = cv2.GaussianBlur(plate, (0, 0), detail.SIGMA)
    result = with_detail(smooth, plate, opened, opened, outline)
    assert result.dtype == np.float32
    mouth = fill(opened[N_OUTER : N_OUTER + N_INNER], SIZE)
    skin = cv2.dilate(mouth, np.ones((21, 21))) == 0
    skin[:12] = skin[-12:] = skin[:, :12] = skin[:, -12:] = False
    before, after = (np.abs(p - plate)[skin].mean() for p in (smooth, result))
    assert after < 0.45 * before
    deep = cv2.erode(mouth, np.ones((5, 5))) == 1
    assert deep.sum() > 50
    np.testing.assert_allclose(result[deep], smooth[deep], atol=0.01)


@pytest.mark.parametrize("amount", [0.0, 0.5, 1.0])
def test_amount(mouths, amount: float):
    closed, opened, outline = mouths
    rng = np.random.default_rng(0)
    plate = rng.uniform(0.4, 0.6, (144, 176, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(plate, (0, 0), detail.SIGMA)
    full = with_detail(smooth, plate, closed, opened, outline, 1.0)
    some = with_detail(smooth, plate, closed, opened, outline, amount)
    np.testing.assert_allclose(some, smooth + amount * (full - smooth), atol=1e-5)


def test_where_the_pictures_disagree_the_network_stays(mouths):
    closed, opened, outline = mouths
    rng = np.random.default_rng(0)
    plate = rng.uniform(0.0, 0.2, (144, 176, 3)).astype(np.float32)
    made = np.full_like(plate, 0.8)
    result = with_detail(made, plate, closed, opened, outline)
    np.testing.assert_allclose(result, made, atol=1e-6)


def test_lips_that_close_take_no_teeth_along(mouths):
    """What glints in the plate's open mouth must not show where the new lips meet."""
    closed, opened, outline = mouths
    mouth = fill(opened[N_OUTER : N_OUTER + N_INNER], SIZE)[..., None]
    # as bright as the lips on average, so that the two pictures do not disagree about it
    glints = 0.5 + 0.4 * np.sign(np.sin(np.arange(SIZE[0])))[None, :, None]
    flat = np.full((SIZE[1], SIZE[0], 3), 0.5, np.float32)
    plate = (flat * (1 - mouth) + glints * mouth).astype(np.float32)
    result = with_detail(flat, plate, opened, closed, outline)
    inner = closed[N_OUTER : N_OUTER + N_INNER]
    left, right = inner[:, 0].min(), inner[:, 0].max()
    y = round(float(inner[:, 1].mean()))
    seam = result[y - 6 : y + 6, round(left) : round(right)]
    assert np.abs(seam - 0.5).max() < 0.05


def test_strain():
    """A shift is none, a turn by 0.2 is little, a squeeze to a tenth is too much."""
    y, x = np.mgrid[0:60, 0:80].astype(np.float32)
    zero = np.zeros_like(x)
    for shift, wanted in (
        ((zero + 9, zero - 4), 1.0),
        ((-0.2 * y, 0.2 * x), 1.0),
        ((zero, -0.9 * y), 0.0),
        ((zero, -float(np.mean(detail.STRAIN)) * y), 0.5),
    ):
        share = detail.unstrained(np.stack(shift, -1), 1.0)
        np.testing.assert_allclose(share, wanted, atol=1e-4)


def test_squeezed_skin_gives_no_detail(mouths):
    """A wide mouth that shuts: streaks where its chin is drawn together, none on the cheek."""
    closed, _, outline = mouths
    wide = closed.copy()
    lower = np.r_[11:N_OUTER, N_OUTER + 11 : len(closed)]
    wide[lower, 1] += 40
    stripes = 0.5 + 0.05 * np.sign(np.sin(np.arange(SIZE[1])))[:, None, None]
    plate = np.broadcast_to(stripes, (SIZE[1], SIZE[0], 3)).astype(np.float32)
    smooth = np.full_like(plate, 0.5)
    result = np.abs(with_detail(smooth, plate, wide, closed, outline) - 0.5)
    shift = detail.lip_warp(wide, closed, outline, SIZE, detail.SEAM)
    squeezed = np.abs(np.gradient(shift[..., 1], axis=0)) > 1.2 * detail.STRAIN[1]
    squeezed = cv2.erode(squeezed.astype(np.uint8), np.ones((7, 7))) > 0
    assert squeezed.sum() > 50
    assert result[squeezed].max() < 0.01
    assert result[20:30, 60:110].mean() > 0.02


def test_creases_of_the_plate_stay_behind(mouths):
    """Pores come along and so does a mole; the fold of the plate's own mouth does not."""
    _, opened, outline = mouths
    rng = np.random.default_rng(0)
    pores = rng.normal(0, 0.006, (SIZE[1], SIZE[0], 3))
    pores = cv2.GaussianBlur(pores.astype(np.float32), (0, 0), 0.8)
    marks = np.zeros((SIZE[1], SIZE[0]), np.float32)
    cv2.line(marks, (30, 34), (38, 70), 0.06, 1, cv2.LINE_AA)
    cv2.circle(marks, (140, 50), 2, 0.06, -1, cv2.LINE_AA)
    smooth = np.full_like(pores, 0.5)
    plate = (smooth + pores - cv2.GaussianBlur(marks, (0, 0), 0.7)[..., None]).astype(np.float32)
    result = with_detail(smooth, plate, opened, opened, outline)
    gained = (result - smooth)[..., 1]
    fine = (plate - cv2.GaussianBlur(plate, (0, 0), detail.SIGMA))[..., 1]
    skin = slice(26, 34), slice(60, 110)
    assert np.std(gained[skin]) > 0.7 * np.std(fine[skin])
    assert gained[46:55, 136:145].min() < 0.7 * fine[46:55, 136:145].min() < -0.02
    on_line = cv2.erode((marks > 0.05).astype(np.float32), np.ones((1, 1))) > 0
    on_line[:, 100:] = False
    assert on_line.sum() > 25 and fine[on_line].mean() < -0.02
    assert abs(gained[on_line].mean()) < 0.15 * abs(fine[on_line].mean())


def test_line_points_of_the_two_warps():
    """Together they are all points; both have the corners of the mouth."""
    above, below = set(detail._ABOVE.tolist()), set(detail._BELOW.tolist())
    assert above | below == set(range(N_LINES))
    corners = {rig_module.LINE_POINTS.index(p) for p in (61, 291, 78, 308)}
    assert above & below == corners
