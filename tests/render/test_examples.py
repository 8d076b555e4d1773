"""Examples: cut out in register with their lines, and kept in register when augmented."""

from __future__ import annotations

from pathlib import Path

import cv2
import face_making
import numpy as np
import pytest
import render_making

from relip.mask.coverage import fill
from relip.mask.region import make_region
from relip.plate import open_plate, write_exr
from relip.progress import Progress
from relip.render import examples as example_module
from relip.render.canonical import Window
from relip.render.conditioning import draw_maps
from relip.render.encoding import Encoding
from relip.render.examples import Examples, augmented, draw_inputs, mouth_weight
from relip.render.rig import LINE_POINTS, N_INNER, N_OUTER
from relip.shot import MaskSettings

SIZE = (320, 260)


def dots(lines: np.ndarray, size: tuple[int, int], sigma: float = 1.3) -> np.ndarray:
    """A soft bright dot at every place ``[shape=(height, width)]``."""
    ys, xs = np.mgrid[0 : size[1], 0 : size[0]] + 0.5
    picture = np.zeros((size[1], size[0]), np.float32)
    for x, y in lines:
        picture = np.maximum(picture, np.exp(-((xs - x) ** 2 + (ys - y) ** 2) / (2 * sigma**2)))
    return picture


def centre_near(picture: np.ndarray, place: np.ndarray, reach: int = 3) -> np.ndarray:
    """Centre of brightness around a place, found by a few mean-shift steps."""
    for _ in range(8):
        x, y = np.floor(place).astype(int)
        ys, xs = np.mgrid[y - reach : y + reach + 1, x - reach : x + reach + 1]
        weight = np.clip(picture[ys, xs], 0, None) * np.exp(
            -((xs + 0.5 - place[0]) ** 2 + (ys + 0.5 - place[1]) ** 2) / 4
        )
        place = np.array([(weight * (xs + 0.5)).sum(), (weight * (ys + 0.5)).sum()]) / weight.sum()
    return place


#: Line points that stand alone: the corners of the mouth, and a few on the jaw.
ALONE = [N_OUTER + N_INNER + i for i in (2, 4, 6, 8, 10, 12, 14)]


def test_augmentation_keeps_lines_and_picture_together():
    """The picture is its own maps: after turning, scaling and shifting they still agree."""
    made = render_making.make_examples(6)
    pad, window = made.pad, made.window
    size = (window.width + 2 * pad, window.height + 2 * pad)
    for i in range(6):
        maps = draw_maps(made.lines[i] + pad, size, window.size / 256)
        made.pictures[i] = maps[..., [0, 1, 3]]
    made.mean[:] = 0
    rng = np.random.default_rng(0)
    apart = []
    for turn in range(48):
        inputs, target, region, weight = augmented(made, turn % 6, rng)
        assert inputs.shape == (8, window.height, window.width)
        assert target.shape == (3, window.height, window.width)
        gain = np.median(target[0][inputs[4] == 1])
        assert abs(gain - 1) <= example_module.GAIN + 0.01
        fills = inputs[4:6] * gain
        assert np.abs(target[:2] - fills).mean() < 0.01
        ys, xs = np.mgrid[0 : window.height, 0 : window.width]
        for a, b in zip(target[:2], fills, strict=True):
            apart.append([(a * v).sum() / a.sum() - (b * v).sum() / b.sum() for v in (xs, ys)])
    # a thin mouth's antialiasing scatters by some tenths; in the mean both lie in one place
    assert np.abs(apart).max() < 0.7
    assert np.abs(np.mean(apart, axis=0)).max() < 0.06


def test_augmentation_moves_region_and_context_along():
    made = render_making.make_examples(4)
    rng = np.random.default_rng(1)
    for turn in range(8):
        inputs, target, region, weight = augmented(made, turn % 4, rng)
        assert set(np.unique(region)) <= {0.0, 1.0}
        np.testing.assert_array_equal(inputs[3], region)
        # the plate is hidden inside the region and shown outside it, twice as strong
        assert not inputs[:3, region == 1].any()
        np.testing.assert_allclose(inputs[:3, region == 0], 2 * target[:, region == 0], atol=1e-5)
        # lips inside the region, and with the greatest weight there
        assert region[inputs[4] > 0.5].min() == 1
        assert weight[inputs[4] > 0.5].min() > 2
        assert weight.min() >= 1 and weight.max() <= 4
        assert np.isfinite(inputs).all() and np.isfinite(target).all()


def test_a_piece_is_cut_from_the_window_that_would_be_made(monkeypatch: pytest.MonkeyPatch):
    """Turned pictures up to OpenCV's 1/32 pixel; the jaw's line may end otherwise at the border."""
    made = render_making.make_examples(8)
    near = example_module.near_size(made.window)
    for index in range(8):
        turned = index % 2
        monkeypatch.setattr(example_module, "MOVED", float(turned))
        whole = augmented(made, index, np.random.default_rng(index))
        piece = augmented(made, index, np.random.default_rng(index), near)
        assert piece[1].shape == (3, near[1], near[0])
        y, x = _place(whole[1], piece[1])
        cut = [part[..., y : y + near[1], x : x + near[0]] for part in whole]
        assert np.abs(cut[1] - piece[1]).max() < (0.05 if turned else 1e-6)
        assert np.abs(cut[1] - piece[1]).mean() < (1e-3 if turned else 1e-6)
        np.testing.assert_array_equal(cut[2], piece[2])
        np.testing.assert_allclose(cut[3], piece[3], atol=1e-5)
        assert np.abs(cut[0] - piece[0])[4:, 4:-4, 4:-4].max() < 1e-5
        lips = np.argwhere(piece[0][4] > 0.5).mean(0)
        assert np.abs(lips - np.array(near[::-1]) / 2).max() < 12


def _place(whole: np.ndarray, piece: np.ndarray) -> tuple[int, int]:
    """The row and column of a picture at which another fits best."""
    apart = sum(
        cv2.matchTemplate(a.astype(np.float32), b.astype(np.float32), cv2.TM_SQDIFF)
        for a, b in zip(whole, piece, strict=True)
    )
    y, x = np.unravel_index(int(np.argmin(apart)), apart.shape)
    return int(y), int(x)


def test_pictures_that_are_not_turned_stay_as_sharp_as_they_are(monkeypatch: pytest.MonkeyPatch):
    """They are moved by whole pixels: every one is found again in the shot's own picture."""
    made = render_making.make_examples(2)
    noise = np.random.default_rng(0).uniform(-0.2, 0.2, made.pictures.shape)
    made.pictures += noise.astype(np.float16)
    monkeypatch.setattr(example_module, "MOVED", 0.0)
    monkeypatch.setattr(example_module, "GAIN", 0.0)
    for near in (None, example_module.near_size(made.window)):
        _, target, _, _ = augmented(made, 1, np.random.default_rng(5), near)
        shown = target + made.mean[:, None, None]
        own = made.pictures[1].astype(np.float32).transpose(2, 0, 1)
        y, x = _place(own, shown)
        assert (y, x) != (made.pad, made.pad)
        height, width = shown.shape[1:]
        np.testing.assert_allclose(own[:, y : y + height, x : x + width], shown, atol=1e-6)


def test_line_noise_moves_what_the_network_sees_and_nothing_else():
    made = render_making.make_examples(2)
    plain, noisy = (
        augmented(made, 0, np.random.default_rng(7), line_noise=noise) for noise in (0.0, 1.5)
    )
    for a, b in zip(plain[1:], noisy[1:], strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(plain[0][:4], noisy[0][:4])
    # the outline goes from 0 to 1 over 2 × REACH pixels: moved by about 1.5 of them
    moved = np.abs(plain[0][4] - noisy[0][4])
    edge = np.abs(plain[0][4] - 0.5) < 0.1
    assert 0.02 < moved[edge].mean() < 0.2


def test_mouth_weight():
    lines = np.zeros((57, 2))
    lines[:N_OUTER] = [[40, 30], [60, 40]] * (N_OUTER // 2)
    weight = mouth_weight(lines, Window(256, 100, 70), 3.0)
    assert weight.shape == (70, 100)
    assert weight[35, 50] == 4
    assert weight[0, 0] == weight[69, 99] == 1
    assert (np.diff(weight[35, 50:]) <= 0).all()
    np.testing.assert_allclose(weight, weight[::-1], atol=1e-6)
    # the same place, twice as large
    twice = mouth_weight(2 * lines, Window(512, 200, 140), 3.0)
    blocks = twice.reshape(70, 2, 100, 2).mean((1, 3))
    np.testing.assert_allclose(blocks, weight, atol=0.04)


def test_inputs():
    window = Window(256, 96, 80)
    rng = np.random.default_rng(0)
    picture = rng.uniform(0, 1, (80, 96, 3)).astype(np.float32)
    mean = np.array([0.5, 0.4, 0.3], np.float32)
    angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    outline = np.array([48.0, 40]) + 30 * np.stack([np.cos(angle), np.sin(angle)], -1)
    lines = face_making.with_mouth(0.1)[list(LINE_POINTS), :2] * 60 + [48, 10]
    inputs, region = draw_inputs(picture, lines, outline, window, mean)
    assert inputs.dtype == np.float32 and inputs.shape == (8, 80, 96)
    np.testing.assert_array_equal(region, fill(outline, (96, 80)) > 0)
    np.testing.assert_allclose(
        inputs[:3], (2 * (picture - mean) * (1 - region[..., None])).transpose(2, 0, 1), atol=1e-6
    )
    maps = draw_maps(lines, (96, 80)).transpose(2, 0, 1)
    np.testing.assert_allclose(inputs[4:], maps, atol=1e-6)
    # nothing of the plate under the region is seen
    other = np.where(region[..., None] > 0, rng.uniform(0, 1, picture.shape), picture)
    np.testing.assert_array_equal(draw_inputs(other, lines, outline, window, mean)[0], inputs)


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> tuple[Examples, np.ndarray]:
    """Examples of a sequence with a dot at every jaw point; one frame hidden, one damaged."""
    folder = tmp_path_factory.mktemp("dots")
    landmarks = face_making.make_shot(10).landmarks
    track = face_making.make_track(landmarks, hidden=(3,))
    jaw = [LINE_POINTS[i] for i in ALONE]
    for row, frame in enumerate(track.frames):
        picture = np.repeat(dots(landmarks[row, jaw, :2], SIZE)[..., None], 3, 2)
        write_exr(folder / f"dots.{frame:04d}.exr", picture, display=SIZE, half=False)
    (folder / "dots.1006.exr").write_bytes(b"damaged")
    region = make_region(track, MaskSettings())
    window = Window.for_outlines(region.outline, 256)
    encoding = Encoding("sRGB - Display", "sRGB - Display", 0.0, 1.0)
    with open_plate(folder / "dots.####.exr", fps=25, colourspace="sRGB - Display") as plate:
        examples = example_module.collect(
            plate, track, region, window, encoding, list(track.frames), Progress("none")
        )
    return examples, track.canonical()


def test_collected_frames(collected: tuple[Examples, np.ndarray]):
    examples, _ = collected
    # the hidden one and the damaged one are left out
    assert examples.frames.tolist() == [1001, 1002, 1003, 1005, 1007, 1008, 1009, 1010]
    n, window = len(examples.frames), examples.window
    shape = (n, window.height + 2 * examples.pad, window.width + 2 * examples.pad, 3)
    assert examples.pictures.shape == shape
    assert examples.pictures.dtype == np.float16
    assert np.isfinite(examples.pictures).all()
    assert examples.lines.shape == (n, 57, 2)
    assert np.isfinite(examples.lines).all() and np.isfinite(examples.mean).all()


def test_where_no_frame_can_be_read_there_are_no_examples(tmp_path: Path):
    """Who asks for them says what is wrong; held-out frames may all be damaged."""
    track = face_making.make_track(face_making.make_shot(3).landmarks)
    for frame in track.frames:
        (tmp_path / f"bad.{frame:04d}.exr").write_bytes(b"damaged")
    write_exr(tmp_path / "bad.1001.exr", np.zeros((SIZE[1], SIZE[0], 3)), display=SIZE)
    region = make_region(track, MaskSettings())
    window = Window.for_outlines(region.outline, 256)
    encoding = Encoding("sRGB - Display", "sRGB - Display", 0.0, 1.0)
    with open_plate(tmp_path / "bad.####.exr", fps=25, colourspace="sRGB - Display") as plate:
        examples = example_module.collect(
            plate, track, region, window, encoding, [1002, 1003], Progress("none")
        )
    assert not len(examples.frames) and not len(examples.lines) and not len(examples.outlines)


def test_collected_pictures_are_in_register(collected: tuple[Examples, np.ndarray]):
    """The dot at a line point of the plate is at that line point of the example."""
    examples, _ = collected
    away = []
    for picture, lines in zip(examples.pictures, examples.lines, strict=True):
        grey = cv2.GaussianBlur(picture.astype(np.float32).mean(2), (0, 0), 0.8)
        for place in lines[ALONE] + examples.pad:
            if ((place > 6) & (place < np.array(grey.shape[::-1]) - 6)).all():
                away.append(centre_near(grey, place) - place)
    assert len(away) > 30
    assert np.abs(np.mean(away, axis=0)).max() < 0.06
    assert np.linalg.norm(away, axis=1).max() < 0.35


def test_what_stands_before_the_face_is_not_learnt(tmp_path_factory: pytest.TempPathFactory):
    """Its weight is 0 where the occlusion is, wherever the example is shifted."""
    folder = tmp_path_factory.mktemp("front")
    track = face_making.make_track(face_making.make_shot(10).landmarks)
    for row, frame in enumerate(track.frames):
        # the occluder is white, all else black: the weight must be 0 where the picture is white
        picture = np.zeros((SIZE[1], SIZE[0], 3), np.float32)
        x, y = track.landmarks[row, 17, :2].astype(int)
        picture[y : y + 30, x - 20 : x + 20] = 1
        write_exr(folder / f"front.{frame:04d}.exr", picture, display=SIZE, half=False)
    region = make_region(track, MaskSettings())
    window = Window.for_outlines(region.outline, 256)
    encoding = Encoding("sRGB - Display", "sRGB - Display", 0.0, 1.0)

    def occlusion(frame: int):
        row = track.index(frame)
        if row % 2:
            return None
        x, y = track.landmarks[row, 17, :2].astype(int)
        return np.ones((30, 40), np.float32), (x - 20, y)

    with open_plate(folder / "front.####.exr", fps=25, colourspace="sRGB - Display") as plate:
        examples = example_module.collect(
            plate, track, region, window, encoding, list(track.frames), Progress("none"), occlusion
        )
    assert sorted(examples.hidden) == [0, 2, 4, 6, 8]
    rng = np.random.default_rng(0)
    for index in (0, 1, 4, 5):
        _, target, _, weight = example_module.augmented(examples, index, rng)
        light = target.mean(0) + examples.mean.mean()
        white = cv2.erode((light > 0.9).astype(np.uint8), np.ones((7, 7))) == 1
        black = cv2.dilate((light > 0.02).astype(np.uint8), np.ones((7, 7))) == 0
        assert white.sum() > 300
        assert (weight[black] >= 0.98).all()
        if index % 2:
            assert (weight[white] >= 1).all()
        else:
            assert weight[white].max() < 0.05
