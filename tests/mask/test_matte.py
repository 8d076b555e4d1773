"""The matte: soft inside the outline, nothing outside it, whole in the middle."""

from __future__ import annotations

import cv2
import face_making
import numpy as np
import pytest

from relip.mask.coverage import fill
from relip.mask.matte import Layers, make_layers
from relip.mask.region import Region, make_region
from relip.shot import MaskSettings
from relip.track import points
from relip.track.facetrack import FaceTrack

SIZE = (320, 260)


@pytest.fixture(scope="module")
def track() -> FaceTrack:
    return face_making.make_track(face_making.make_shot(40).landmarks)


@pytest.fixture(scope="module")
def region(track: FaceTrack) -> Region:
    return make_region(track, MaskSettings())


def layers_of(track: FaceTrack, region: Region, row: int = 8, feather: float = 0.045) -> Layers:
    layers = make_layers(track, region, row, feather=feather, width=SIZE[0], height=SIZE[1])
    assert layers is not None
    return layers


def whole(layers: Layers, name: str) -> np.ndarray:
    """A layer over the whole plate."""
    values = getattr(layers, name)
    result = np.zeros((SIZE[1], SIZE[0]), np.float32)
    x, y = layers.origin
    result[y : y + values.shape[0], x : x + values.shape[1]] = values
    return result


@pytest.mark.parametrize("feather", [0.005, 0.045, 0.12])
def test_matte(track: FaceTrack, region: Region, feather: float):
    layers = layers_of(track, region, feather=feather)
    matte = whole(layers, "matte")
    assert matte.dtype == np.float32
    assert matte.min() == 0 and matte.max() == 1
    outline = region.on_plate(track, 8)
    hard = fill(outline, SIZE)
    assert (matte[hard == 0] == 0).all()
    deep = cv2.erode((hard == 1).astype(np.uint8), np.ones((3, 3)), iterations=20)
    assert (matte[(deep == 1)] > 0.995).all() or feather > 0.1
    lips = track.landmarks[8, list(points.LIPS), :2]
    x, y = np.floor(lips).astype(int).T
    assert matte[y, x].min() > (0.9 if feather < 0.1 else 0.5)


def test_the_edge_is_as_soft_as_asked(track: FaceTrack, region: Region):
    """Down from the lower lip past the chin: from 1 to 0 within about the feather, inside."""
    widths = []
    for feather in (0.03, 0.06, 0.12):
        layers = layers_of(track, region, feather=feather)
        matte = whole(layers, "matte")
        x = int(track.landmarks[8, points.CHIN, 0])
        down = matte[int(track.landmarks[8, 14, 1]) :, x]
        assert (np.diff(down) <= 1e-6).all()
        to = np.flatnonzero(down == 0)[0]
        top, foot = np.interp([-0.995, -0.005], -down, np.arange(len(down)))
        widths.append((foot - top) / track.face_width)
        bottom = region.on_plate(track, 8)[:, 1].max()
        assert to + int(track.landmarks[8, 14, 1]) <= bottom + 1.5
    assert np.diff(widths).min() > 0.015
    for width, feather in zip(widths, (0.03, 0.06, 0.12), strict=True):
        assert 0.6 * feather < width < 1.6 * feather + 0.01


def test_layers_share_the_region(track: FaceTrack, region: Region):
    row = int(np.argmax(track.lip_opening()))
    layers = layers_of(track, region, row)
    outline = fill(region.on_plate(track, row), SIZE)
    lips, mouth, skin = (whole(layers, n) for n in ("lips", "mouth", "skin"))
    for layer in (lips, mouth, skin):
        assert layer.min() >= 0 and layer.max() <= 1
        assert layer.max() == 1
    # each pixel of the region is skin, lips or mouth, never more than one
    total = lips + mouth + skin
    assert total.max() <= 1 + 1e-6
    np.testing.assert_allclose(total, outline, atol=0.6)
    assert np.abs(total - outline).mean() < 0.003
    face = track.landmarks[row, :, :2]
    x, y = np.floor((face[13] + face[14]) / 2).astype(int)
    assert mouth[y, x] == 1
    x, y = np.floor((face[14] + face[17]) / 2).astype(int)
    assert lips[y, x] == 1
    x, y = np.floor((face[17] + face[points.CHIN]) / 2).astype(int)
    assert skin[y, x] == 1


def test_closed_lips_have_no_mouth(track: FaceTrack, region: Region):
    row = int(np.argmin(track.lip_opening()))
    assert track.lip_opening()[row] < 1e-3
    mouth = whole(layers_of(track, region, row), "mouth")
    # not more than the line where they meet
    assert mouth.sum() < 2.0 * np.ptp(track.landmarks[row, list(points.INNER_LIPS), 0])


def test_window_is_clipped_to_the_picture():
    shot = face_making.make_shot(20, centre=(20.0, 180.0))
    track = face_making.make_track(shot.landmarks)
    region = make_region(track, MaskSettings())
    layers = layers_of(track, region, 0)
    x, y = layers.origin
    assert x >= 0 and y >= 0
    assert x + layers.matte.shape[1] <= SIZE[0] and y + layers.matte.shape[0] <= SIZE[1]
    roomy = make_layers(track, region, 0, feather=0.045, width=900, height=900)
    assert roomy is not None
    h, w = layers.matte.shape
    x_roomy, y_roomy = roomy.origin
    assert (x_roomy, y_roomy) == (x, y)
    # the picture's border cuts the matte; only the last pixels' softness depends on it
    np.testing.assert_allclose(layers.matte[:-6], roomy.matte[: h - 6, :w], atol=0.01)


def test_outside_the_picture_there_is_none():
    for centre in ((-900.0, 100.0), (160.0, 2000.0)):
        track = face_making.make_track(face_making.make_shot(20, centre=centre).landmarks)
        region = make_region(track, MaskSettings())
        assert make_layers(track, region, 0, feather=0.045, width=SIZE[0], height=SIZE[1]) is None
