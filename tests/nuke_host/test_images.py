"""Pixels against formulas written here, from Foundry's documentation."""

from __future__ import annotations

import struct

import numpy as np
import pytest

WIDTH, HEIGHT = 24, 16
NAMES = ["R", "G", "B", "A"]


def picture(seed=0, channels=4, width=WIDTH, height=HEIGHT):
    """Random pixels, some above 1 and some negative, top row first."""
    random = np.random.default_rng(seed)
    pixels = random.uniform(-0.2, 1.5, (height, width, channels)).astype(np.float32)
    if channels == 4:
        pixels[..., 3] = random.uniform(0, 1, (height, width))
    return pixels


@pytest.fixture
def read(nuke_host, tmp_path):
    """Writes pixels as EXR and gives a Read of them."""
    import nuke

    from relip.plate import write_exr

    def make(pixels, names=None, *, name="Plate", display=(WIDTH, HEIGHT), origin=(0, 0)):
        path = tmp_path / f"{name}.exr"
        write_exr(path, pixels, names or NAMES, display=display, origin=origin, half=False)
        node = nuke.nodes.Read(name=name)
        node["file"].setValue(str(path))
        node["raw"].setValue(True)
        return node

    return make


def look(node, channels="rgba", frame=1):
    from nuke_host.state import host

    return host().picture(node, frame).array(channels)


def test_a_read_gives_the_file(read):
    pixels = picture()
    assert np.array_equal(look(read(pixels)), pixels)


def test_layers_and_windows(nuke_host, read):
    import nuke

    patch = picture(3, 3, 6, 4)
    node = read(patch, ["raw.R", "matte", "A"], origin=(5, 2))
    assert set(node.channels()) == {"raw.red", "other.matte", "rgba.alpha"}
    expected = np.zeros((HEIGHT, WIDTH), np.float32)
    expected[2:6, 5:11] = patch[..., 1]
    assert np.array_equal(look(node, "other.matte")[..., 0], expected)
    image = nuke_host.picture(node, 1)
    # y up; a black pixel around a data window that is smaller than the picture
    assert image.box == (4, HEIGHT - 6 - 1, 12, HEIGHT - 2 + 1)
    assert (node.width(), node.height()) == (WIDTH, HEIGHT)
    assert "other" in nuke.layers(node)
    # nuke.sample counts from the lower left corner
    assert nuke.sample(node, "other.matte", 5.5, HEIGHT - 3 + 0.5) == patch[0, 0, 1]


def test_frames_before_after_and_missing(nuke_host, tmp_path):
    import nuke

    from relip.plate import write_exr

    for frame in (1001, 1002, 1004):
        pixels = np.full((HEIGHT, WIDTH, 4), frame, np.float32)
        write_exr(tmp_path / f"a.{frame}.exr", pixels, NAMES, display=(WIDTH, HEIGHT), half=False)
    node = nuke.nodes.Read(first=1001, last=1004, raw=True)
    node["file"].setValue(str(tmp_path / "a.####.exr"))

    def value(frame):
        return float(look(node, "rgba.red", frame)[0, 0, 0])

    assert (value(1001), value(1004), value(900), value(2000)) == (1001, 1004, 1001, 1004)
    node["before"].setValue("black")
    node["after"].setValue("loop")
    assert (value(1000), value(1005)) == (0, 1001)
    node["after"].setValue("bounce")
    assert value(1006) == 1002
    with pytest.raises(RuntimeError, match="no such file"):
        value(1003)
    assert nuke.frame(1003) == 1003 and node.hasError()
    node["on_error"].setValue("black")
    assert value(1003) == 0 and not node.hasError()
    node["on_error"].setValue("nearest frame")
    assert value(1003) == 1002
    node["frame"].setValue("frame+1")
    assert value(1001) == 1002
    assert (node.firstFrame(), node.lastFrame()) == (1001, 1004)


OVER = {
    "over": lambda A, B, a, b: A + B * (1 - a),
    "under": lambda A, B, a, b: A * (1 - b) + B,
    "plus": lambda A, B, a, b: A + B,
    "minus": lambda A, B, a, b: A - B,
    "from": lambda A, B, a, b: B - A,
    "copy": lambda A, B, a, b: A,
    "mask": lambda A, B, a, b: B * a,
    "in": lambda A, B, a, b: A * b,
    "out": lambda A, B, a, b: A * (1 - b),
    "stencil": lambda A, B, a, b: B * (1 - a),
    "atop": lambda A, B, a, b: A * b + B * (1 - a),
    "xor": lambda A, B, a, b: A * (1 - b) + B * (1 - a),
    "matte": lambda A, B, a, b: A * a + B * (1 - a),
    "max": lambda A, B, a, b: np.maximum(A, B),
    "min": lambda A, B, a, b: np.minimum(A, B),
    "average": lambda A, B, a, b: (A + B) / 2,
    "difference": lambda A, B, a, b: np.abs(A - B),
    "exclusion": lambda A, B, a, b: A + B - 2 * A * B,
}


@pytest.mark.parametrize("operation", sorted(OVER))
def test_merge(read, operation):
    import nuke

    back, front = picture(1), picture(2)
    node = nuke.nodes.Merge2(inputs=[read(back), read(front, name="Front")], operation=operation)
    expected = OVER[operation](front, back, front[..., 3:], back[..., 3:])
    assert np.abs(look(node) - expected).max() <= 2e-7 * np.abs(expected).max()


def test_merge_multiply_and_screen(read):
    import nuke

    back, front = np.abs(picture(1)), np.abs(picture(2))
    inputs = [read(back), read(front, name="Front")]
    multiply = nuke.nodes.Merge2(inputs=inputs, operation="multiply")
    assert np.array_equal(look(multiply), front * back)
    screen = nuke.nodes.Merge2(inputs=inputs, operation="screen")
    both = (front > 1) & (back > 1)
    expected = np.where(both, np.maximum(front, back), front + back - front * back)
    assert np.abs(look(screen) - expected).max() < 1e-6


def test_over_is_bit_for_bit_the_comp(read):
    """patch + plate × (1 − alpha) in float32; alpha and other layers of the plate are kept."""
    import nuke

    plate, patch = picture(1), picture(2, 4, 8, 6)
    node = nuke.nodes.Merge2(
        inputs=[read(plate), read(patch, name="Patch", origin=(4, 3))], output="rgb", bbox="B"
    )
    expected = plate.copy()
    window = expected[3:9, 4:12, :3]
    window[:] = patch[..., :3] + window * (np.float32(1) - patch[..., 3:])
    assert np.array_equal(look(node), expected)


def test_mask_and_mix(read):
    import nuke

    plate, matte = picture(1), picture(2)
    matte[:2], matte[2:4] = 0, 1
    grade = nuke.nodes.Grade(multiply=2, black_clamp=False)
    grade.setInput(0, read(plate))
    grade.setInput(1, read(matte, name="Matte"))
    m = matte[..., 3:]
    got = look(grade, "rgb")
    expected = plate[..., :3] * (1 + m)
    assert np.abs(got - expected).max() < 1e-6
    assert np.array_equal(got[:2], plate[:2, :, :3])
    assert np.array_equal(got[2:4], plate[2:4, :, :3] * 2)
    grade["mix"].setValue(0.5)
    assert np.abs(look(grade, "rgb") - plate[..., :3] * (1 + m / 2)).max() < 1e-6


def test_keymix_copy_switch_dissolve(read):
    import nuke

    a, b, mask = picture(1), picture(2), picture(3)
    nodes = [read(b, name="B"), read(a, name="A"), read(mask, name="M")]
    keymix = nuke.nodes.Keymix(inputs=nodes)
    m = mask[..., 3:]
    assert np.abs(look(keymix) - (a * m + b * (1 - m))).max() < 1e-6
    copy = nuke.nodes.Copy(inputs=nodes[:2])
    assert np.array_equal(look(copy), np.concatenate([b[..., :3], a[..., 3:]], -1))
    copy["from0"].setValue("rgba.red")
    copy["to0"].setValue("depth.Z")
    assert np.array_equal(look(copy, "depth.Z")[..., 0], a[..., 0])
    switch = nuke.nodes.Switch(inputs=nodes, which=1)
    assert np.array_equal(look(switch), a)
    switch["which"].setValue(9)
    assert np.array_equal(look(switch), mask)
    dissolve = nuke.nodes.Dissolve(inputs=nodes[:2], which=0.25)
    assert np.abs(look(dissolve) - (b * 0.75 + a * 0.25)).max() < 1e-6


def test_shuffles(read):
    import nuke

    pixels = picture(1)
    source = read(pixels)
    old = nuke.nodes.Shuffle(inputs=[source], red="alpha", green="red", blue="white", alpha="black")
    got = look(old)
    assert np.array_equal(got[..., 0], pixels[..., 3]) and np.array_equal(
        got[..., 1], pixels[..., 0]
    )
    assert (got[..., 2] == 1).all() and (got[..., 3] == 0).all()
    new = nuke.nodes.Shuffle2(inputs=[source])
    assert np.array_equal(look(new), pixels)
    new["mappings"].fromScript(
        "4 rgba.alpha 0 3 rgba.red 0 0 rgba.alpha 0 3 rgba.green 0 1 "
        "rgba.alpha 0 3 rgba.blue 0 2 white -1 -1 rgba.alpha 0 3"
    )
    got = look(new)
    assert all(np.array_equal(got[..., i], pixels[..., 3]) for i in range(3))
    assert (got[..., 3] == 1).all()


def test_a_wrong_mapping_is_refused(read, nuke_refuses):
    import nuke

    node = nuke.nodes.Shuffle2(inputs=[read(picture())])
    node["mappings"].fromScript("1 rgba.green 0 0 rgba.red 0 0")
    with nuke_refuses("not channel 0"):
        look(node)


def test_premult_remove_clamp_invert(read):
    import nuke

    pixels = picture(1)
    source = read(pixels)
    alpha = pixels[..., 3:]
    assert np.array_equal(look(nuke.nodes.Premult(inputs=[source]), "rgb"), pixels[..., :3] * alpha)
    un = look(nuke.nodes.Unpremult(inputs=[source]), "rgb")
    assert np.allclose(un, pixels[..., :3] / alpha, rtol=1e-6)
    keep = nuke.nodes.Remove(inputs=[source], operation="keep", channels="rgba.red")
    assert keep.channels() == ["rgba.red"]
    assert np.array_equal(look(nuke.nodes.Clamp(inputs=[source])), np.clip(pixels, 0, 1))
    assert np.array_equal(look(nuke.nodes.Invert(inputs=[source])), 1 - pixels)


def test_grade_and_friends(read):
    import nuke

    pixels = picture(1)
    rgb = pixels[..., :3].astype(float)
    source = read(pixels)
    grade = nuke.nodes.Grade(
        inputs=[source], blackpoint=0.1, whitepoint=0.9, black=0.05, white=1.2, add=0.02, gamma=1.25
    )
    a = (1.2 - 0.05) / (0.9 - 0.1)
    linear = a * rgb + (0.02 + 0.05 - a * 0.1)
    bent = np.where(linear > 1, 1 + (linear - 1) / 1.25, np.abs(linear) ** (1 / 1.25))
    assert np.allclose(look(grade, "rgb"), np.where(linear > 0, bent, 0), atol=1e-5)
    assert np.array_equal(look(grade)[..., 3], pixels[..., 3])
    neutral = nuke.nodes.Grade(inputs=[source], black_clamp=False)
    assert np.array_equal(look(neutral), pixels)
    by_colour = nuke.nodes.Multiply(inputs=[source], value=[1, 2, 3, 1])
    assert np.allclose(look(by_colour, "rgb"), rgb * [1, 2, 3], rtol=1e-6)
    assert np.allclose(look(nuke.nodes.Add(inputs=[source], value=0.5), "rgb"), rgb + 0.5)
    grey = look(nuke.nodes.Saturation(inputs=[source], saturation=0), "rgb")
    luma = rgb @ [0.2125, 0.7154, 0.0721]
    assert np.allclose(grey, luma[..., None].repeat(3, -1), atol=1e-6)
    correct = nuke.nodes.ColorCorrect(inputs=[source], gain=2, offset=0.1)
    assert np.allclose(look(correct, "rgb"), rgb * 2 + 0.1, atol=1e-6)


def test_transform_by_whole_pixels_is_exact(read):
    import nuke

    pixels = picture(1)
    node = nuke.nodes.Transform(inputs=[read(pixels)], translate=[3, 2])
    expected = np.zeros_like(pixels)
    expected[: HEIGHT - 2, 3:] = pixels[2:, : WIDTH - 3]  # y points up
    assert np.abs(look(node) - expected).max() < 1e-6


def test_cubic_half_a_pixel_off_is_the_mean_of_two(read):
    import nuke

    pixels = picture(1)
    node = nuke.nodes.Transform(inputs=[read(pixels)], translate=[0.5, 0])
    mean = (pixels[:, 1:] + pixels[:, :-1]) / 2
    assert np.abs(look(node)[:, 1:] - mean).max() < 1e-6


def test_keys_filter_has_the_weights_of_keys(read):
    """Keys 1981, a = -1/2, a quarter of a pixel off."""
    import nuke

    pixels = picture(1)
    node = nuke.nodes.Transform(inputs=[read(pixels)], translate=[0.25, 0], filter="Keys")
    t = 0.75  # from the pixel to the left
    w = [
        -0.5 * (t**3 - 2 * t**2 + t),
        1.5 * t**3 - 2.5 * t**2 + 1,
        -1.5 * t**3 + 2 * t**2 + 0.5 * t,
        0.5 * (t**3 - t**2),
    ]
    x = 10
    expected = sum(w[i] * pixels[:, x - 2 + i] for i in range(4))
    assert np.abs(look(node)[:, x] - expected).max() < 1e-6


def test_rotation_by_a_quarter_turn(read):
    import nuke

    size = 12
    pixels = picture(1, width=size, height=size)
    node = nuke.nodes.Transform(
        inputs=[read(pixels, display=(size, size))], rotate=90, center=[size / 2, size / 2]
    )
    assert np.abs(look(node) - np.rot90(pixels)).max() < 1e-5  # against the clock


def test_corner_pin_is_the_homography_through_its_points(read):
    import nuke

    ys, xs = np.mgrid[0:HEIGHT, 0:WIDTH]
    ramp = np.stack([xs + 0.5, HEIGHT - ys - 0.5, 0 * xs, 1 + 0 * xs], -1).astype(np.float32)
    source = read(ramp)
    here = [(0, 0), (WIDTH, 0), (WIDTH, HEIGHT), (0, HEIGHT)]
    there = [(2, 1), (22, 3), (20, 15), (3, 13)]
    node = nuke.nodes.CornerPin2D(inputs=[source], filter="Impulse")
    for i in range(4):
        node[f"from{i + 1}"].setValue(list(map(float, here[i])))
        node[f"to{i + 1}"].setValue(list(map(float, there[i])))
    import cv2

    matrix = cv2.getPerspectiveTransform(np.float32(there), np.float32(here))
    x, y = 11.5, 7.5
    u, v, w = matrix @ [x, y, 1]
    got = look(node)[HEIGHT - 8, 11]
    assert got[0] == np.floor(u / w) + 0.5 and got[1] == np.floor(v / w) + 0.5
    node["invert"].setValue(True)
    back = nuke.nodes.CornerPin2D(inputs=[node], filter="Impulse")
    for i in range(4):
        back[f"from{i + 1}"].setValue(list(map(float, here[i])))
        back[f"to{i + 1}"].setValue(list(map(float, there[i])))
    assert np.abs(look(back)[8, 12, :2] - ramp[8, 12, :2]).max() <= 1.5


def test_stmap_identity_and_shift(read):
    import nuke

    pixels = picture(1)
    ys, xs = np.mgrid[0:HEIGHT, 0:WIDTH]
    u, v = (xs + 0.5) / WIDTH, (HEIGHT - ys - 0.5) / HEIGHT
    zero = np.zeros_like(u)
    source = read(pixels)
    same = read(np.stack([u, v, zero, zero], -1).astype(np.float32), name="Same")
    node = nuke.nodes.STMap(inputs=[source, same], channels="rgba", uv="rgb")
    assert np.abs(look(node) - pixels).max() < 1e-5
    moved = read(np.stack([u + 2.5 / WIDTH, v, zero, zero], -1).astype(np.float32), name="Moved")
    node.setInput(1, moved)
    mean = (pixels[:, 2:-1] + pixels[:, 3:]) / 2
    assert np.abs(look(node)[:, : WIDTH - 3] - mean).max() < 1e-5


def test_crop_and_reformat(nuke_host, read):
    import nuke

    pixels = picture(1)
    source = read(pixels)
    crop = nuke.nodes.Crop(inputs=[source], box=[4, 2, 12, 10])
    expected = np.zeros_like(pixels)
    expected[6:14, 4:12] = pixels[6:14, 4:12]
    assert np.array_equal(look(crop), expected)
    crop["reformat"].setValue(True)
    assert np.array_equal(look(crop), pixels[6:14, 4:12])
    assert (crop.width(), crop.height()) == (8, 8)
    nuke.addFormat("48 32 1 twice")
    big = nuke.nodes.Reformat(inputs=[source], format="twice", filter="Impulse")
    assert np.array_equal(look(big), pixels.repeat(2, 0).repeat(2, 1))
    whole = nuke.nodes.Reformat(inputs=[source], type="scale", scale=1)
    assert np.array_equal(look(whole), pixels)


def test_blur_keeps_the_sum_and_spreads_as_its_size(read):
    import nuke

    size = 64
    pixels = np.zeros((size, size, 4), np.float32)
    pixels[32, 30] = 1
    node = nuke.nodes.Blur(inputs=[read(pixels, display=(size, size))], size=12)
    got = look(node)[..., 0].astype(float)
    assert got.sum() == pytest.approx(1, abs=1e-4)
    xs = np.arange(size)
    mean = (got.sum(0) * xs).sum()
    spread = np.sqrt((got.sum(0) * (xs - mean) ** 2).sum())
    assert (mean, spread) == (pytest.approx(30, abs=1e-3), pytest.approx(12 / 2.4, rel=0.01))
    node["size"].setValue(0)
    assert np.array_equal(look(node), pixels)


def test_dilate_and_erode(read):
    import nuke

    pixels = picture(1)
    source = read(pixels)
    grown = look(nuke.nodes.Dilate(inputs=[source], size=2))
    y, x = 8, 12
    around = pixels[y - 2 : y + 3, x - 2 : x + 3]
    assert np.array_equal(grown[y, x], around.max((0, 1)))
    shrunk = look(nuke.nodes.Dilate(inputs=[source], size=-2))
    assert np.array_equal(shrunk[y, x], around.min((0, 1)))
    eroded = look(nuke.nodes.FilterErode(inputs=[source], channels="rgba", size=2, filter="box"))
    assert np.array_equal(eroded[y, x], around.min((0, 1)))


def test_expression_by_pixel(read):
    import nuke

    pixels = picture(1)
    node = nuke.nodes.Expression(inputs=[read(pixels)])
    node["temp_name0"].fromScript("half")
    node["temp_expr0"].fromScript("r/2")
    node["expr0"].fromScript("half + g*(1-a)")
    node["expr1"].fromScript("x < 4 ? 1 : y")
    node["expr2"].fromScript("clamp(b)")
    got = look(node)
    assert np.allclose(got[..., 0], pixels[..., 0] / 2 + pixels[..., 1] * (1 - pixels[..., 3]))
    assert (got[:, :4, 1] == 1).all()
    assert np.array_equal(got[:, 5, 1], np.arange(HEIGHT)[::-1])
    assert np.array_equal(got[..., 2], np.clip(pixels[..., 2], 0, 1))
    assert np.array_equal(got[..., 3], pixels[..., 3])


def test_time(nuke_host):
    import nuke

    ramp = nuke.nodes.Constant(channels="rgba")
    ramp["color"].setExpression("frame")
    hold = nuke.nodes.FrameHold(inputs=[ramp], firstFrame=10)
    later = nuke.nodes.TimeOffset(inputs=[ramp], time_offset=5)

    def value(node, frame):
        return float(look(node, "rgba.red", frame)[0, 0, 0])

    assert (value(hold, 3), value(later, 12), value(ramp, 7)) == (10, 7, 7)
    hold["increment"].setValue(4)
    assert [value(hold, f) for f in (10, 13, 14, 9)] == [10, 10, 14, 6]


def hexed(value):
    return "x" + struct.pack(">f", value).hex()


def roto_text(points, keys="1"):
    """A Roto of straight-handled points ``[((bx, by), (x, y), (ax, ay)), …]``."""
    pairs = " ".join(f"{{{{{hexed(x)}}} {{{hexed(y)}}}}}" for point in points for x, y in point)
    return (
        "Roto {\n inputs 0\n output alpha\n cliptype none\n"
        " curves {{{v x3f99999a} {f 0} {n {layer Root"
        " {f 2097152} {t 0 0} {a pt1x 0 ptmot x40800000 ptref 0}"
        f" {{curvegroup Shape1 512 bezier {{{{cc {{f 8192}} {{px {{{keys}}} {pairs}}}}} idem}}"
        " {tx 1 0 0} {a osw x41200000 osf 0 str 1 spx 0 spy 0 sb 1 tt x40800000}}}}}}\n"
        " name Roto1\n}\n"
    )


def test_roto_fills_exactly(nuke_host):
    corners = [(2.25, 3.5), (9.5, 3.5), (9.5, 8.0), (2.25, 8.0)]
    nuke_host.paste(roto_text([((0, 0), corner, (0, 0)) for corner in corners]))
    image = nuke_host.picture("Roto1", 1)
    alpha = image.get("rgba.alpha", (0, 0, 12, 12))
    assert alpha.sum() == pytest.approx((9.5 - 2.25) * (8 - 3.5), abs=1e-5)
    assert alpha[3, 2] == pytest.approx(0.75 * 0.5) and alpha[5, 5] == 1 and alpha[9].max() == 0


def test_roto_curves_bulge_as_their_handles_say(nuke_host):
    """Four Bézier arcs with handles 0.5523 × radius are a circle to 0.03 %."""
    r, k = 20.0, 20.0 * 0.5522847498
    points = [
        ((0, -k), (30 + r, 30), (0, k)),
        ((k, 0), (30, 30 + r), (-k, 0)),
        ((0, k), (30 - r, 30), (0, -k)),
        ((-k, 0), (30, 30 - r), (k, 0)),
    ]
    nuke_host.paste(roto_text(points))
    alpha = nuke_host.picture("Roto1", 1).get("rgba.alpha", (0, 0, 60, 60))
    assert alpha.sum() == pytest.approx(np.pi * r * r, rel=1e-3)


@pytest.mark.parametrize(
    ("cls", "knobs"),
    [
        ("Transform", {"skewX": 1.0}),
        ("Transform", {"motionblur": 1.0}),
        ("Transform", {"filter": "Lanczos4", "translate": [0.5, 0.0]}),
        ("Blur", {"size": 3.0, "filter": "box"}),
        ("Merge2", {"operation": "soft-light"}),
        ("Grade", {"reverse": True}),
        ("Tracker4", {"transform": "stabilize"}),
        ("Read", {"file": "/nowhere/a.exr", "frame_mode": "offset", "frame": "3"}),
    ],
)
def test_settings_without_a_documented_formula_are_refused(read, nuke_refuses, cls, knobs):
    import nuke

    node = getattr(nuke.nodes, cls)()
    for i in range(min(node.maxInputs(), 2)):
        node.setInput(i, read(picture(i), name=f"P{i}"))
    for name, value in knobs.items():
        node[name].setValue(value)
    with nuke_refuses("not known"):
        look(node)
