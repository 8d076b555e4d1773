"""The region: it holds the mouth whatever is said, and does not know what is said."""

from __future__ import annotations

import dataclasses

import face_making
import numpy as np
import pytest

from relip.mask.region import Region, make_region, smooth_outline
from relip.shot import MaskSettings
from relip.track import points
from relip.track.facetrack import FaceTrack
from relip.track.stabilise import CROP_FACE_WIDTHS


def inside(outline: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Signed distance of places to a closed outline: positive inside."""
    a, b = outline, np.roll(outline, -1, axis=0)
    along = b - a
    share = ((place[:, None] - a) * along).sum(-1) / np.maximum((along**2).sum(-1), 1e-12)
    nearest = a + np.clip(share, 0, 1)[..., None] * along
    distance = np.linalg.norm(place[:, None] - nearest, axis=-1).min(1)
    x, y = place[:, :1], place[:, 1:]
    crosses = (a[:, 1] > y) != (b[:, 1] > y)
    with np.errstate(divide="ignore", invalid="ignore"):
        at = a[:, 0] + (y - a[:, 1]) / (b[:, 1] - a[:, 1]) * along[:, 0]
    odd = (crosses & (x < at)).sum(1) % 2 == 1
    return np.where(odd, distance, -distance)


def area(outline: np.ndarray) -> float:
    x, y = outline.T
    return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2)


@pytest.fixture(scope="module")
def track() -> FaceTrack:
    return face_making.make_track(face_making.make_shot(80).landmarks, hidden=(20, 21))


@pytest.fixture(scope="module")
def region(track: FaceTrack) -> Region:
    return make_region(track, MaskSettings())


def test_holds_all_lips_and_the_chin(track: FaceTrack, region: Region):
    """With room to spare: 2 % of the face width around the lips, the chin inside in all frames."""
    crop = track.canonical()
    for row in np.flatnonzero(track.visible):
        lips = inside(region.outline[row], crop[row, list(points.LIPS)])
        assert lips.min() * CROP_FACE_WIDTHS > 0.02
        assert inside(region.outline[row], crop[row, [points.CHIN]])[0] > 0


def test_holds_the_folds_beside_the_mouth(track: FaceTrack, region: Region):
    """From the height of the nose's base down, where a smile's fold runs, and skin around it."""
    crop = track.canonical()
    folds = [points.CHEEK_LEFT, points.CHEEK_RIGHT, 206, 426, 216, 436, 212, 432]
    for row in np.flatnonzero(track.visible):
        assert inside(region.outline[row], crop[row, folds]).min() * CROP_FACE_WIDTHS > 0.01


def test_reaches_below_the_chin_of_a_shout(track: FaceTrack):
    """The mesh has the chin of a wide mouth too high, and the more so the wider it is."""
    shout = track.landmarks.copy()
    shout[:, 14, 1] += 0.25 * track.face_width
    wide = make_region(dataclasses.replace(track, landmarks=shout), MaskSettings())
    before = make_region(track, MaskSettings())
    rows = track.visible
    lower = (wide.outline[rows, :, 1].max(1) - before.outline[rows, :, 1].max(1)).min()
    assert lower * CROP_FACE_WIDTHS > 0.02


def test_leaves_the_nose_and_the_eyes(track: FaceTrack, region: Region):
    crop = track.canonical()
    above = [1, 4, 33, 133, 362, 263, points.NOSTRIL_LEFT, points.NOSTRIL_RIGHT]
    for row in np.flatnonzero(track.visible):
        assert inside(region.outline[row], crop[row, above]).max() < 0
        # the nose's base lies on the border, within 1 % of the face width
        (base,) = inside(region.outline[row], crop[row, [points.SUBNASALE]])
        assert base * CROP_FACE_WIDTHS < 0.01


def test_nothing_where_no_face_is(track: FaceTrack, region: Region):
    assert np.isnan(region.outline[~track.visible]).all()
    assert np.isfinite(region.outline[track.visible]).all()


def test_independent_of_the_frames_mouth(track: FaceTrack, region: Region):
    """Tearing one frame's mouth wide open, chin and all, leaves its outline where it was."""
    row = 50
    landmarks = track.landmarks.copy()
    moved = list(points.LIPS) + list(points.JAW)
    landmarks[row, moved, 1] += 0.2 * track.face_width
    changed = make_region(dataclasses.replace(track, landmarks=landmarks), MaskSettings())
    away = np.linalg.norm(changed.outline - region.outline, axis=-1) * CROP_FACE_WIDTHS
    # the chin's room is that of the shot's lowest chins, so all frames move by the same little
    assert np.nanmax(away) < 0.02
    own = away[row] - np.nanmedian(away, axis=0)
    assert np.abs(own).max() < 0.01


def test_holds_still_while_the_mouth_moves():
    """A head that only moves in the plate, talking: one outline for all frames."""
    track = face_making.make_track(face_making.make_shot(60, turning=0).landmarks)
    outline = make_region(track, MaskSettings()).outline
    assert np.ptp(outline, axis=0).max() * CROP_FACE_WIDTHS < 0.01


def test_on_plate_goes_with_the_head():
    shot = face_making.make_shot(60, turning=0)
    track = face_making.make_track(shot.landmarks)
    region = make_region(track, MaskSettings())
    for row in (0, 30, 59):
        on_plate = region.on_plate(track, row)
        lips = shot.landmarks[row, list(points.LIPS), :2]
        assert inside(on_plate, lips).min() > 0.02 * track.face_width
        fitted = track.face_width * CROP_FACE_WIDTHS
        assert area(on_plate) == pytest.approx(area(region.outline[row]) * fitted**2, rel=0.08)


@pytest.mark.parametrize("name", ["grow", "sides"])
def test_settings_make_it_larger(track: FaceTrack, name: str):
    values = (-0.05, 0.0, 0.05, 0.1) if name == "grow" else (0.0, 0.05, 0.1, 0.2)
    areas = [area(make_region(track, MaskSettings(**{name: value})).outline[0]) for value in values]
    assert np.diff(areas).min() > 0.01 * areas[0]


def test_grow_moves_every_edge_outwards_by_as_much(track: FaceTrack, region: Region):
    grown = make_region(track, MaskSettings(grow=0.05)).outline[0]
    out = -inside(region.outline[0], grown) * CROP_FACE_WIDTHS
    assert out.min() > 0.025
    assert out.max() < 0.051
    assert np.median(out) == pytest.approx(0.045, abs=0.008)


def test_jaw_makes_room_below_the_chin(track: FaceTrack):
    bottoms = [
        make_region(track, MaskSettings(jaw=jaw)).outline[0, :, 1].max() * CROP_FACE_WIDTHS
        for jaw in (0.0, 0.1, 0.2, 0.3, 0.4)
    ]
    # never less than the lowest chin of the shot needs, then by as much as is asked
    assert np.diff(bottoms).min() >= 0
    assert bottoms[4] - bottoms[3] == pytest.approx(0.1, abs=0.01)
    chin = track.canonical()[track.visible, points.CHIN, 1].max() * CROP_FACE_WIDTHS
    assert bottoms[0] > chin - 0.01


def test_smooth_outline_of_a_circle():
    angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    corners = np.stack([np.cos(angle), np.sin(angle)], -1)
    smooth = smooth_outline(corners, 6)
    assert smooth.shape == (144, 2)
    # a uniform cubic B-spline keeps a circle, a little smaller: (2 + cos h) / 3
    expected = (2 + np.cos(angle[1])) / 3
    np.testing.assert_allclose(np.linalg.norm(smooth, axis=1), expected, atol=1e-4)
