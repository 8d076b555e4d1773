"""The mouth rig: what the controls do to lips and jaw, and that the pictures follow."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from relip.demo.mouth import WINDOW, painter
from relip.demo.portrait import FRAME, INNER_LIPS, OUTER_LIPS
from relip.demo.rig import FIELDS, OPEN_GAP, MouthShape, rig
from relip.speech import MOUTH_CONTROLS


def shape_of(**controls: float) -> MouthShape:
    assert set(controls) <= set(MOUTH_CONTROLS)
    return rig().shape(np.array([controls.get(name, 0.0) for name in MOUTH_CONTROLS]))


def gaps(shape: MouthShape) -> np.ndarray:
    """How far the lips are apart, at the same x, from left to right."""
    x = shape.lower[:, 0]
    return shape.lower[:, 1] - np.interp(x, shape.upper[:, 0], shape.upper[:, 1])


def test_rest_is_closed_along_the_whole_mouth():
    rest = shape_of()
    assert rest.opening == pytest.approx(0, abs=1e-9)
    assert np.abs(gaps(rest)).max() < 1e-9
    np.testing.assert_allclose(rest.inner_lips[1:10], rest.inner_lips[:10:-1][:9], atol=2.0)


def test_gap_grows_with_jaw_open():
    openings = [shape_of(jawOpen=a).opening for a in np.linspace(0, 1, 11)]
    np.testing.assert_allclose(openings, OPEN_GAP * np.linspace(0, 1, 11), atol=0.01)


def test_mouth_close_closes_whatever_else_is_asked():
    rng = np.random.default_rng(1)
    close = MOUTH_CONTROLS.index("mouthClose")
    for _ in range(20):
        controls = rng.uniform(0, 1, 10)
        controls[close] = 1
        shape = rig().shape(controls)
        assert shape.opening < 0.01
        assert gaps(shape).max() < 0.01


def test_opening_is_jaw_open_times_not_close():
    for jaw, close in ((0.8, 0.25), (0.5, 0.5), (1.0, 0.9)):
        got = shape_of(jawOpen=jaw, mouthClose=close).opening
        assert got == pytest.approx(OPEN_GAP * jaw * (1 - close), abs=0.01)


def test_gap_is_never_negative():
    rng = np.random.default_rng(2)
    for _ in range(50):
        assert gaps(rig().shape(rng.uniform(0, 1, 10))).min() >= -1e-9


@pytest.mark.parametrize(
    ("control", "sign"), [("mouthPucker", -1), ("mouthFunnel", -1), ("mouthStretch", 1)]
)
def test_width(control: str, sign: int):
    def width(shape: MouthShape) -> float:
        return float(np.ptp(shape.corners[:, 0]))

    change = width(shape_of(**{control: 1.0})) - width(shape_of())
    assert sign * change > 4


def test_upper_lip_lower_lip_and_chin():
    rest = shape_of()
    up, down = shape_of(mouthUpperUp=1), shape_of(mouthLowerDown=1)
    middle_up, middle_low = INNER_LIPS.index(13), INNER_LIPS.index(14)
    assert rest.inner_lips[middle_up, 1] - up.inner_lips[middle_up, 1] > 2
    assert abs(up.inner_lips[middle_low, 1] - rest.inner_lips[middle_low, 1]) < 0.05
    assert down.inner_lips[middle_low, 1] - rest.inner_lips[middle_low, 1] > 2
    chin = 10
    assert shape_of(jawOpen=1).jaw[chin, 1] - rest.jaw[chin, 1] > 9
    # Lips stay shut over a jaw that falls behind them, which the chin shows.
    assert 4 < shape_of(jawOpen=1, mouthClose=1).jaw[chin, 1] - rest.jaw[chin, 1] < 9
    # The ends of the jaw line stay with the skull.
    np.testing.assert_allclose(shape_of(jawOpen=1).jaw[[0, -1]], rest.jaw[[0, -1]], atol=0.3)


def test_rolled_lip_is_thinner_and_slides_behind_the_upper_one():
    rest, rolled = shape_of(), shape_of(mouthRollLower=1)
    low = OUTER_LIPS.index(17)
    assert rest.outer_lips[low, 1] - rolled.outer_lips[low, 1] > 1
    assert rolled.opening == pytest.approx(0, abs=1e-9)


def test_displacement_can_be_turned_around_everywhere():
    # A point carried by the rig must show the skin it was on: the picture agrees with the truth.
    paint = painter(1.4)
    shape = shape_of(jawOpen=0.7, mouthPucker=0.3, mouthStretch=0.2)
    for side, field in zip((-1, 1), shape.fields.astype(np.float32), strict=True):
        x, y = np.meshgrid(np.linspace(190, 258, 18), np.linspace(128, 195, 18))
        line = rig().slit.line(x)
        keep = (y < line - 3) if side < 0 else (y > line + 3)
        start = np.stack([x[keep], y[keep]], -1)
        carried = start + rig().sheet.sample(field, start)
        source = paint._invert(field)
        u = (carried[:, 0] - FRAME[0]) * 1.4 - 0.5 - paint.x0
        v = (carried[:, 1] - FRAME[1]) * 1.4 - 0.5 - paint.y0
        back = cv2.remap(source, u.astype(np.float32), v.astype(np.float32), cv2.INTER_LINEAR)[:, 0]
        assert np.abs(back - start).max() < 0.25
        assert np.abs(back - start).mean() < 0.03


def test_paint_changes_the_window_only_and_shows_no_teeth_when_closed():
    paint = painter(1.4)
    rest, wide = paint.paint(shape_of()), paint.paint(shape_of(jawOpen=0.5, mouthUpperUp=1))
    left, top, right, bottom = ((v - o) * 1.4 for v, o in zip(WINDOW, FRAME[:2] * 2, strict=True))
    outside = np.ones(rest.shape[:2], bool)
    outside[int(top) : int(bottom) + 1, int(left) : int(right) + 1] = False
    assert np.array_equal(rest[outside], wide[outside])
    assert np.array_equal(rest[outside], paint.still[outside])

    def greyness(picture: np.ndarray) -> float:
        """Share of bright, colourless pixels (teeth) between the corners of the mouth."""
        x0, x1 = (round((v - FRAME[0]) * 1.4) for v in (210, 238))
        y0, y1 = (round((v - FRAME[1]) * 1.4) for v in (142, 154))
        box = picture[y0:y1, x0:x1]
        return float(((np.ptp(box, -1) < 0.12) & (box.min(-1) > 0.5)).mean())

    assert greyness(paint.still) > 0.15  # she smiles in the portrait
    assert greyness(wide) > 0.1
    assert greyness(rest) < 0.3 * greyness(wide)  # what is left is a highlight on the lip


def test_fields_are_named_once():
    assert len(set(FIELDS)) == len(FIELDS) == 10
