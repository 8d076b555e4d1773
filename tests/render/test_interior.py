"""Mouths of the shot: the right one is chosen, and lends its teeth inside the opening only."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import render_making

from relip.mask.coverage import fill
from relip.render import interior
from relip.render.canonical import Window
from relip.render.examples import Examples
from relip.render.interior import (
    Mouths,
    add_mouth_detail,
    choose,
    looks,
    settled,
    shapes,
    spread,
    wishes,
)
from relip.render.rig import N_INNER, N_OUTER, track_lines


@pytest.fixture(scope="module")
def examples() -> Examples:
    return render_making.make_examples(n=30, crop=256)


@pytest.fixture(scope="module")
def mouths(examples: Examples) -> Mouths:
    return Mouths.collect(examples, shapes(track_lines(render_making.make_track(30))))


def opening(lines: np.ndarray) -> float:
    return float(np.ptp(lines[N_OUTER : N_OUTER + N_INNER, 1]))


def test_mouths_are_cut_where_the_lips_are(examples: Examples, mouths: Mouths):
    height, width = mouths.pictures.shape[1:3]
    seen = 0
    for i in range(len(mouths.frames)):
        middle = mouths.lines[i, :N_OUTER].mean(0)
        np.testing.assert_allclose(middle, [width / 2, height / 2], atol=0.51)
        # the painted opening is dark, the skin is not
        inside = fill(mouths.lines[i, N_OUTER : N_OUTER + N_INNER], (width, height)) > 0.99
        core = cv2.erode(inside.astype(np.uint8), np.ones((3, 3))) > 0
        if core.sum() > 4:
            assert mouths.pictures[i][core].astype(float).mean() < 0.35
            seen += 1
        assert mouths.pictures[i][0, 0].astype(float).mean() > 0.4
    assert seen > 5


def test_there_and_back_through_a_file(mouths: Mouths):
    again = Mouths.from_tensors(mouths.tensors())
    for name in ("frames", "pictures", "lines", "shapes"):
        np.testing.assert_array_equal(getattr(again, name), getattr(mouths, name))
    assert len(Mouths.from_tensors({}).frames) == 0


def test_shapes_are_distances_of_the_lips():
    """A shift of all lips by 1 % of the face width is 1, times the weights of the context."""
    lines = np.random.default_rng(0).uniform(0, 1, (1, 57, 2)).repeat(20, 0)
    moved = lines.copy()
    moved[..., 0] += 0.01 / 1.15
    apart = np.linalg.norm(shapes(moved) - shapes(lines), axis=1)
    weights = np.sqrt(sum(w * w for w in interior.CONTEXT.values()))
    np.testing.assert_allclose(apart, weights, rtol=1e-9)
    # the jaw does not count, a frame without a face does no harm
    lines[:, 45:] += 1
    lines[3] = np.nan
    assert np.isfinite(shapes(lines)).all()
    np.testing.assert_allclose(shapes(lines)[10], shapes(moved - [0.01 / 1.15, 0])[10], atol=1e-9)
    assert np.isfinite(shapes(np.full((4, 57, 2), np.nan))).all()


def test_each_frame_finds_itself():
    rng = np.random.default_rng(1)
    known = rng.normal(0, 3, (50, 6))
    frames = np.arange(100, 150)
    np.testing.assert_array_equal(choose(frames, known, known), np.arange(50))
    # in another order too, when they are far apart: the cost of a jump does not outweigh it
    order = rng.permutation(50)
    np.testing.assert_array_equal(choose(frames, 10 * known, 10 * known[order]), order)


def test_a_run_is_kept_where_others_are_hardly_nearer():
    """Two takes of one movement: one frame that is a little nearer is no reason to jump."""
    movement = np.sin(np.arange(30) / 3)[:, None] * [3.0, 1.0]
    known = np.concatenate([movement + [0, 0.1], movement + [0, 0.3]])
    known[30 + 15] = movement[15]
    frames = np.concatenate([np.arange(30), np.arange(100, 130)])
    assert frames[choose(frames, known, movement)].tolist() == list(range(30))
    # but some that are much nearer are
    known[13:18] += [0, 5.0]
    known[30 + 13 : 30 + 18] = movement[13:18]
    there = [*range(13), *range(113, 118), *range(18, 30)]
    assert frames[choose(frames, known, movement)].tolist() == there


def test_an_edit_changes_nothing_far_away():
    rng = np.random.default_rng(4)
    known, frames = rng.normal(0, 1, (80, 6)), np.arange(80)
    wanted = rng.normal(0, 1, (700, 6))
    edited = wanted.copy()
    edited[300] += 2
    changed = np.flatnonzero(choose(frames, known, wanted) != choose(frames, known, edited))
    assert 300 in changed
    assert np.abs(changed - 300).max() <= interior.AROUND
    # nor does a part of the shot choose otherwise than the whole
    part = choose(frames, known, wanted[480:560])
    whole = choose(frames, known, wanted)[480:560]
    edge = interior.AROUND
    np.testing.assert_array_equal(part[edge:-edge], whole[edge:-edge])


def test_nothing_to_choose_from():
    assert choose(np.zeros(0, int), np.zeros((0, 3)), np.zeros((4, 3))).tolist() == [-1] * 4
    assert len(choose(np.arange(2), np.zeros((2, 3)), np.zeros((0, 3)))) == 0


def test_spread_covers():
    rng = np.random.default_rng(3)
    many = np.concatenate([rng.normal(0, 0.1, (500, 4)), rng.normal(5, 0.1, (3, 4))])
    kept = spread(many, 20)
    assert len(kept) == 20 and (np.diff(kept) > 0).all()
    assert (kept >= 500).any()  # the rare ones are not lost
    np.testing.assert_array_equal(spread(many[:7], 20), np.arange(7))


@pytest.fixture(scope="module")
def striped(mouths: Mouths) -> Mouths:
    """The same mouths with stripes for teeth."""
    pictures = mouths.pictures.astype(np.float32)
    pictures[:, :, ::4] += 0.05
    return Mouths(mouths.frames, pictures.astype(np.float16), mouths.lines, mouths.shapes)


def test_detail_comes_into_the_opening_the_lips_and_the_skin_around(
    examples: Examples, striped: Mouths
):
    widest = int(np.argmax([opening(lines) for lines in examples.lines]))
    pad, window = examples.pad, examples.window
    picture = examples.pictures[widest, pad:-pad, pad:-pad].astype(np.float32)
    lines = examples.lines[widest]
    result = add_mouth_detail(picture, striped, widest, lines, window)
    change = np.abs(result - picture).max(2)
    inner = fill(lines[N_OUTER : N_OUTER + N_INNER], (window.width, window.height))
    assert change[inner > 0.99].mean() > 0.01
    outer = fill(lines[:N_OUTER], (window.width, window.height))
    lips = cv2.erode(outer, np.ones((5, 5))) - cv2.dilate(inner, np.ones((9, 9))) > 0.99
    skin = cv2.dilate(outer, np.ones((9, 9))) - cv2.dilate(outer, np.ones((5, 5))) > 0.99
    for around in (lips, skin):  # as much of it as inside
        assert 0.5 < change[around].mean() / change[inner > 0.99].mean() < 1.1
    # no further than the piece reaches
    height, width = striped.pictures.shape[1:3]
    x, y = lines[:N_OUTER].mean(0).round().astype(int)
    beyond = np.ones(change.shape, bool)
    beyond[y - height // 2 : y + height // 2, x - width // 2 : x + width // 2] = False
    assert change[beyond].max() < 1e-3
    # stripes, not a tint: the broad band stays
    broad = cv2.GaussianBlur(result - picture, (0, 0), 6)
    assert np.abs(broad).max() < 0.01
    half = add_mouth_detail(picture, striped, widest, lines, window, 0.5)
    np.testing.assert_allclose(half - picture, 0.5 * (result - picture), atol=1e-6)


def row_of_teeth(bottom: float, *, soft: float) -> tuple[np.ndarray, np.ndarray]:
    """An opening with teeth that reach down to ``bottom``, and where it is open."""
    y, x = np.mgrid[0:96, 0:128] + 0.5
    gaps = 1 - 0.5 * np.exp(-np.square((x % 10 - 5) / 0.8))
    teeth = gaps / (1 + np.exp((y - bottom) / 0.4))
    inside = ((np.abs(x - 64) < 40) & (np.abs(y - 48) < 16)).astype(np.float32)
    picture = np.where(inside > 0, 0.1 + 0.5 * teeth, 0.6).astype(np.float32)
    picture = cv2.GaussianBlur(picture, (0, 0), soft) if soft else picture
    return np.repeat(picture[..., None], 3, 2), inside


@pytest.mark.parametrize("aside", [-2.5, 0.0, 2.5])
def test_teeth_are_laid_on_those_that_were_drawn(aside: float):
    """Where the row of teeth ends says how far it has come down, to half a pixel."""
    drawn, inside = row_of_teeth(46, soft=1.5)
    mouth, _ = row_of_teeth(46 + aside, soft=0)
    # the shot's light is another one
    shift = settled(drawn, 0.7 * mouth + 0.1, inside, 1.0)
    edge = shift[45:48, 40:88, 1]
    assert abs(float(np.median(edge)) - aside) < 0.5
    assert not shift[inside == 0].any()
    assert np.linalg.norm(shift, axis=2).max() <= interior.FLOW_REACH + 1e-4


def test_nothing_to_be_laid_on():
    """A drawn mouth without any contrast, and one that is closed, leave teeth where they are."""
    mouth, inside = row_of_teeth(46, soft=0)
    flat = np.full_like(mouth, 0.3)
    assert np.linalg.norm(settled(flat, mouth, inside, 1.0), axis=2).max() < 0.5
    assert not settled(mouth, mouth, np.zeros_like(inside), 1.0).any()


def test_no_teeth_between_closed_lips(examples: Examples, mouths: Mouths):
    openings = [opening(lines) for lines in examples.lines]
    widest, closed = int(np.argmax(openings)), int(np.argmin(openings))
    lines = examples.lines[closed].copy()
    inner = slice(N_OUTER, N_OUTER + N_INNER)
    lines[inner, 1] = lines[inner, 1].mean()  # shut
    # teeth in the widest mouth and nowhere else
    pictures = mouths.pictures.astype(np.float32)
    height, width = pictures.shape[1:3]
    pictures[widest, :, ::4] += (
        0.3 * fill(mouths.lines[widest, inner], (width, height))[:, ::4, None]
    )
    toothed = Mouths(mouths.frames, pictures.astype(np.float16), mouths.lines, mouths.shapes)
    pad = examples.pad
    picture = examples.pictures[closed, pad:-pad, pad:-pad].astype(np.float32)
    added = [
        add_mouth_detail(picture, each, widest, lines, examples.window)
        for each in (mouths, toothed)
    ]
    assert np.abs(added[1] - added[0]).max() < 0.02
    line = fill(lines[inner] + [0, 0.5], picture.shape[1::-1]) > 0
    np.testing.assert_array_equal(added[1][line], picture[line])


def test_where_the_pictures_disagree_nothing_is_taken(examples: Examples, striped: Mouths):
    widest = int(np.argmax([opening(lines) for lines in examples.lines]))
    pad = examples.pad
    bright = np.full_like(examples.pictures[widest, pad:-pad, pad:-pad].astype(np.float32), 0.9)
    result = add_mouth_detail(bright, striped, widest, examples.lines[widest], examples.window)
    np.testing.assert_array_equal(result, bright)


def open_mouth() -> np.ndarray:
    """Lines ``[shape=(57, 2)]`` of a mouth 60 wide and 24 high in the middle of a piece."""
    lines = np.zeros((57, 2))
    for part, count, grow in ((0, N_OUTER, 6), (N_OUTER, N_INNER, 0)):
        angle = np.linspace(np.pi, -np.pi, count, endpoint=False)
        x, y = (30 + grow) * np.cos(angle), -(12 + grow) * np.sin(angle)
        lines[part : part + count] = np.stack([64 + x, 48 + y], -1)
    lines[N_OUTER + N_INNER :] = np.stack([np.linspace(10, 118, 17), np.full(17, 90.0)], -1)
    return lines


def painted_mouth(wave: float, *, deep: float, fine: float) -> tuple[np.ndarray, np.ndarray]:
    """A mouth, dark above and light below, with upright stripes; the same without stripes."""
    y, x = np.mgrid[0:96, 0:128] + 0.5
    inside = cv2.GaussianBlur(fill(open_mouth()[N_OUTER : N_OUTER + N_INNER], (128, 96)), (0, 0), 1)
    broad = 0.6 * (1 - inside) + inside * (0.3 + deep * np.tanh((y - 48) / 6))
    stripes = inside * fine * np.sin(2 * np.pi * x / wave)
    plain, striped = (np.repeat(each[..., None], 3, 2) for each in (broad, broad + stripes))
    return striped.astype(np.float32), plain.astype(np.float32)


def one_mouth(picture: np.ndarray) -> Mouths:
    return Mouths(
        np.zeros(1, np.int64),
        picture[None].astype(np.float16),
        open_mouth()[None].astype(np.float32),
        np.zeros((1, 1), np.float32),
    )


def stripes_taken(made: np.ndarray, mouth: np.ndarray, **more: float) -> float:
    """The part of a mouth's stripes that comes into the middle of a drawn one."""
    window = Window(256, 128, 96)
    result = add_mouth_detail(made, one_mouth(mouth), 0, open_mouth(), window, **more)
    middle = (slice(44, 52), slice(44, 84))
    return float((result - made)[middle].std() / (mouth - made)[middle].std())


def test_contrast_is_that_of_the_openings():
    """One half of the opening lies 0.1 above its mean, the other below: that is the deviation."""
    halves = np.full((96, 128, 3), 0.9, np.float32)
    inside = fill(open_mouth()[N_OUTER : N_OUTER + N_INNER], (128, 96)) > 0
    halves[inside] = 0.2
    halves[:48][inside[:48]] = 0.4
    assert one_mouth(halves).contrast == pytest.approx(0.1, rel=0.01)
    assert one_mouth(0.5 * halves).contrast == pytest.approx(0.05, rel=0.01)
    assert one_mouth(np.full_like(halves, 0.3)).contrast == pytest.approx(0, abs=1e-3)
    assert Mouths.none().contrast == 0


def test_pictures_disagree_by_the_measure_of_their_contrast():
    """The same picture with thrice the light in it: as much of the fine band is taken."""
    taken = []
    for light in (1.0, 3.0):
        mouth, plain = (light * each for each in painted_mouth(6, deep=0.04 * 3, fine=0.03))
        # the drawn mouth lies lower by a pixel and a half
        made = np.roll(plain, 2, 0)
        taken.append(stripes_taken(made, mouth))
    assert taken[1] == pytest.approx(taken[0], abs=0.1)


def test_a_mouth_in_other_light_lends_its_teeth():
    """A little darker as a whole it is the same mouth, much darker it is another one."""
    mouth, plain = painted_mouth(6, deep=0.12, fine=0.02)
    contrast = one_mouth(mouth).contrast
    same = stripes_taken(plain, mouth)
    inside = fill(open_mouth()[N_OUTER : N_OUTER + N_INNER], (128, 96))[..., None]
    little, much = (plain + part * contrast * inside for part in (0.24, 1.2))
    assert same > 0.75  # of stripes of six pixels a fifth is broad
    assert stripes_taken(little, mouth) == pytest.approx(same, abs=0.02)
    assert stripes_taken(much, mouth) < 0.1


def test_the_fine_band_of_a_small_face_is_wider():
    """Stripes of 12 pixels are broad where a pixel of the plate is one, fine where it is two."""
    mouth, plain = painted_mouth(12, deep=0.12, fine=0.02)
    large, small = (stripes_taken(plain, mouth, finest=each) for each in (1.0, 2.1))
    assert large < 0.5
    assert small > large + 0.15
    # no wider however small
    assert stripes_taken(plain, mouth, finest=9.0) == stripes_taken(plain, mouth, finest=2.5)


@pytest.mark.parametrize(("chosen", "amount"), [(-1, 1.0), (0, 0.0)])
def test_nothing_asked_for(examples: Examples, striped: Mouths, chosen: int, amount: float):
    picture = examples.pictures[0].astype(np.float32)
    lines, window = examples.lines[0], examples.window
    assert add_mouth_detail(picture, striped, chosen, lines, window, amount) is picture


def test_lips_at_the_edge_of_the_window(examples: Examples, striped: Mouths):
    pad, window = examples.pad, examples.window
    picture = examples.pictures[0, pad:-pad, pad:-pad].astype(np.float32)
    for shift in ([-window.width, 0], [window.width / 2, window.height / 2], [9999, 0]):
        lines = examples.lines[0] + shift
        result = add_mouth_detail(picture, striped, 3, lines, window)
        assert result.shape == picture.shape and np.isfinite(result).all()


# --- teeth and tongue by wish ---------------------------------------------------------------------

TEETH, TONGUE, DARK = (0.55, 0.53, 0.50), (0.55, 0.25, 0.28), (0.05, 0.03, 0.03)
SKIN, LIP = (0.62, 0.50, 0.44), (0.50, 0.33, 0.33)


@pytest.fixture(scope="module")
def painted(examples: Examples, mouths: Mouths) -> Mouths:
    """Three mouths of the widest opening, alike in shape: one shows teeth, one tongue, one dark."""
    widest = int(np.argmax([opening(lines) for lines in mouths.lines]))
    lines = mouths.lines[widest]
    height, width = mouths.pictures.shape[1:3]
    lips = fill(lines[:N_OUTER], (width, height))[..., None]
    inside = fill(lines[N_OUTER : N_OUTER + N_INNER], (width, height))[..., None]
    pictures = []
    for within in (TEETH, TONGUE, DARK):
        picture = np.array(SKIN) * (1 - lips) + np.array(LIP) * lips
        picture = picture * (1 - inside) + np.array(DARK) * inside
        upper = inside * (np.arange(height) < lines[:, 1].mean())[:, None, None]
        pictures.append(picture * (1 - upper) + np.array(within) * upper)
    return Mouths(
        np.array([10, 20, 30]),
        np.array(pictures, np.float16),
        np.repeat(lines[None], 3, 0),
        np.repeat(mouths.shapes[widest : widest + 1], 3, 0),
    )


def test_teeth_and_tongue_are_told_apart(painted: Mouths):
    seen = looks(painted)
    assert seen[0, 0] > 0.25 and seen[0, 1] < 0.05
    assert seen[1, 1] > 0.25 and seen[1, 0] < 0.05
    assert seen[2].max() < 0.05
    shut = painted.lines.copy()
    inner = slice(N_OUTER, N_OUTER + N_INNER)
    shut[:, inner, 1] = shut[:, inner, 1].mean()
    assert not looks(Mouths(painted.frames, painted.pictures, shut, painted.shapes)).any()


def test_a_wish_chooses_among_mouths_of_one_shape(painted: Mouths):
    seen = looks(painted)
    assert wishes(seen, np.full((5, 2), 0.5)) is None
    for visibility, chosen in (([1, 0.5], 0), ([0.5, 1], 1), ([0, 0], 2)):
        wanted = np.repeat(painted.shapes[:1], 5, 0).astype(float)
        cost = wishes(seen, np.repeat([visibility], 5, 0).astype(float))
        assert cost is not None and cost.min() >= 0
        assert (choose(painted.frames, painted.shapes, wanted, cost) == chosen).all()


def test_a_wish_in_one_frame_changes_no_frame_far_away(painted: Mouths):
    visibility = np.full((40, 2), 0.5)
    visibility[20, 0] = 1
    wanted = np.repeat(painted.shapes[:1], 40, 0).astype(float)
    plain = choose(painted.frames, painted.shapes, wanted)
    biased = choose(painted.frames, painted.shapes, wanted, wishes(looks(painted), visibility))
    changed = np.flatnonzero(plain != biased)
    assert np.abs(changed - 20).max(initial=0) <= interior.AROUND
    assert biased[20] == 0


def test_what_is_wished_for_is_shown(examples: Examples, painted: Mouths):
    """Though the network drew a dark mouth there."""
    window = examples.window
    middle = np.array([window.width, window.height]) / 2
    lines = painted.lines[0] - painted.lines[0, :N_OUTER].mean(0) + middle
    size = (window.width, window.height)
    lips = fill(lines[:N_OUTER], size)[..., None]
    inside = fill(lines[N_OUTER : N_OUTER + N_INNER], size)
    made = np.array(SKIN) * (1 - lips) + np.array(LIP) * lips
    made = (made * (1 - inside[..., None]) + np.array(DARK) * inside[..., None]).astype(np.float32)
    core = cv2.erode((inside > 0.99).astype(np.uint8), np.ones((5, 5))) > 0

    def shown(chosen: int, *visibility: float) -> np.ndarray:
        wish = np.array(visibility)
        return add_mouth_detail(made, painted, chosen, lines, window, visibility=wish)

    def teeth(picture: np.ndarray) -> float:
        return float((picture.min(2)[core] > 0.35).mean())

    assert teeth(made) == 0 and teeth(shown(0, 0.5, 0.5)) == 0
    assert teeth(shown(0, 1, 0.5)) > 0.2
    half = shown(0, 0.75, 0.5)
    assert made[core].mean() < half[core].mean() < shown(0, 1, 0.5)[core].mean()
    # a mouth that has nothing but teeth, and none are wanted
    assert teeth(shown(0, 0, 0.5)) == 0
    assert shown(0, 0, 0.5)[core].mean() < shown(0, 1, 0.5)[core].mean() / 2
    # nothing beyond the opening's edge
    near = cv2.dilate((inside > 0).astype(np.uint8), np.ones((11, 11))) > 0
    np.testing.assert_array_equal(shown(0, 1, 0.5)[~near], made[~near])


def test_no_wish_opens_closed_lips(examples: Examples, painted: Mouths):
    window = examples.window
    middle = np.array([window.width, window.height]) / 2
    lines = painted.lines[0] - painted.lines[0, :N_OUTER].mean(0) + middle
    inner = slice(N_OUTER, N_OUTER + N_INNER)
    lines[inner, 1] = lines[inner, 1].mean()
    made = np.full((window.height, window.width, 3), SKIN, np.float32)
    result = add_mouth_detail(made, painted, 0, lines, window, visibility=np.array([1.0, 1.0]))
    np.testing.assert_array_equal(result, made)
