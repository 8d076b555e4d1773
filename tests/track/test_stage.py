"""The track stage on a small plate: whole, resumable, and adjusted by the artist."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from relip.demo import INNER_LIPS, make_plate
from relip.errors import FaceError, ShotError
from relip.plate import write_exr
from relip.progress import Progress
from relip.records import read_json, read_npz
from relip.shot import PlateSettings, Shot, ShotSettings
from relip.track import geometry, stage
from relip.track.facetrack import FaceTrack

QUIET = Progress("none")
HIDDEN = (10,)
COUNT = 18


@pytest.fixture(scope="module")
def tracked(tmp_path_factory: pytest.TempPathFactory) -> Shot:
    folder = tmp_path_factory.mktemp("tracked")
    make_plate(
        folder / "plate.mp4", n_frames=COUNT, size=320, faceless_frames=HIDDEN,
        truth=folder / "truth.npz",
    )  # fmt: skip
    settings = ShotSettings(plate=PlateSettings(path=str(folder / "plate.mp4")))
    shot = Shot.create(folder / "a.relip", settings)
    report = stage.run(shot, progress=QUIET)
    assert report.done == list(shot.frames)
    return shot


def test_result(tracked: Shot):
    track = stage.load(tracked)
    truth = read_npz(tracked.folder.parent / "truth.npz")
    assert track.frames.tolist() == list(tracked.frames)
    # the card covers the face whole only in one frame, and in part in those beside it
    assert not track.visible[list(HIDDEN)].any()
    assert track.visible[truth["covered"] == 0].all()
    seen = track.visible & (truth["covered"] == 0)
    away = track.landmarks[:, list(INNER_LIPS), :2] - truth["inner_lips"]
    away = np.linalg.norm(away, axis=-1).mean(1) / truth["face_width"]
    assert away[seen].max() < 0.025
    assert track.face_width == pytest.approx(np.median(truth["face_width"]), rel=0.05)
    assert (track.confidence[seen] > 0.5).all()
    assert (track.confidence[~track.visible] == 0).all()
    assert np.isnan(track.landmarks[~track.visible]).all()


def test_the_head_stands_still_in_the_crop(tracked: Shot):
    """A point of the still, moved by the true motion, hardly moves in the crop."""
    track = stage.load(tracked)
    truth = read_npz(tracked.folder.parent / "truth.npz")
    seen = np.flatnonzero(track.visible & (truth["covered"] == 0))
    nose = np.linalg.inv(np.vstack([truth["rigid"][0], [0, 0, 1]]))[:2]
    nose = geometry.apply(nose, track.landmarks[0, [1], :2])
    crop = geometry.apply(track.transform, geometry.apply(truth["rigid"], nose))[seen, 0] * 1.15
    assert np.abs(crop - crop.mean(0)).max() < 0.008
    steps = np.diff(crop, axis=0)[np.diff(seen) == 1]
    assert np.sqrt(np.square(steps).mean()) < 0.002


def test_summary(tracked: Shot):
    summary = json.loads(tracked.path("track", "track.json").read_text())
    track = stage.load(tracked)
    assert summary["frames"] == COUNT
    assert summary["visible"] == int(track.visible.sum())
    assert summary["faceless"] == [int(f) for f in track.frames[~track.visible]]
    assert summary["jitter_percent_fw"]["with_flow"] <= summary["jitter_percent_fw"]["landmarks"]


def test_made_once(tracked: Shot):
    target = tracked.path("track", "track.npz")
    stamp = target.stat().st_mtime_ns
    report = stage.run(tracked, progress=QUIET)
    assert report.kept == list(tracked.frames) and not report.done
    assert report.passed == read_json(tracked.path("track", "track.json"))["faceless"]
    assert target.stat().st_mtime_ns == stamp


def test_offset_moves_the_points_and_removing_it_brings_them_back(tracked: Shot):
    before = stage.load(tracked)
    path = tracked.path("overrides", "track.json")
    path.parent.mkdir(exist_ok=True)
    path.write_text('{"offsets": {"3": {"13": [0, 0]}, "7": {"13": [4, -2]}}}')
    try:
        assert stage.run(tracked, progress=QUIET).done
        after = stage.load(tracked)
    finally:
        path.unlink()
    moved = (after.landmarks - before.landmarks)[:, 13, :2]
    np.testing.assert_allclose(moved[4], [2, -1], atol=1e-3)
    np.testing.assert_allclose(moved[[0, 2, 6, 12]], [[0, 0], [0, 0], [4, -2], [4, -2]], atol=1e-3)
    np.testing.assert_array_equal(after.landmarks[:, 14], before.landmarks[:, 14])
    np.testing.assert_array_equal(after.transform, before.transform)
    assert stage.run(tracked, progress=QUIET).done
    again = stage.load(tracked)
    for field in dataclasses.fields(FaceTrack):
        np.testing.assert_array_equal(getattr(again, field.name), getattr(before, field.name))


@pytest.fixture
def faceless(tmp_path: Path) -> Shot:
    """A five-frame sequence of grey, frames 11 to 15."""
    for frame in range(11, 16):
        grey = np.full((48, 64, 3), 0.18, np.float32)
        write_exr(tmp_path / f"grey.{frame:04d}.exr", grey, display=(64, 48))
    plate = PlateSettings(path=str(tmp_path / "grey.####.exr"), fps="25", colourspace="ACEScg")
    return Shot.create(tmp_path / "grey.relip", ShotSettings(plate=plate))


def test_no_face(faceless: Shot):
    with pytest.raises(FaceError, match="0 of 5 frames"):
        stage.run(faceless, progress=QUIET)
    assert not faceless.path("track", "track.npz").exists()


def offsets(shot: Shot, text: str) -> np.ndarray | None:
    path = shot.path("overrides", "track.json")
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return stage._offsets(shot, (5, 478, 3))


def test_offsets_are_linear_between_keys_and_held_outside(faceless: Shot):
    found = offsets(
        faceless, '{"offsets": {"14": {"0": [3, 6]}, "12": {"0": [1, 2], "5": [9, 9]}}}'
    )
    np.testing.assert_allclose(found[:, 0], [[1, 2], [1, 2], [2, 4], [3, 6], [3, 6]])
    np.testing.assert_allclose(found[:, 5], [[9, 9]] * 5)
    assert not np.delete(found, [0, 5], axis=1).any()


def test_offsets_of_all_points_add_up(faceless: Shot):
    found = offsets(faceless, '{"offsets": {"11": {"all": [1, 0], "477": [0, 1]}}}')
    np.testing.assert_allclose(found[:, 477], [[1, 1]] * 5)
    np.testing.assert_allclose(found[:, :477], 1.0 * np.array([1, 0]) * np.ones((5, 477, 1)))


def test_no_offsets(faceless: Shot):
    assert stage._offsets(faceless, (5, 478, 3)) is None
    assert not offsets(faceless, '{"offsets": {}}').any()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"points": {}}',
        '{"offsets": []}',
        '{"offsets": {"1x": {"13": [0, 0]}}}',
        '{"offsets": {"11": [0, 0]}}',
        '{"offsets": {"11": {"lip": [0, 0]}}}',
        '{"offsets": {"11": {"13": [0]}}}',
        '{"offsets": {"11": {"13": 5}}}',
        '{"offsets": {"11": {"13": ["a", 0]}}}',
        '{"offsets": {"11": {"478": [0, 0]}}}',
        '{"offsets": {"11": {"-1": [0, 0]}}}',
        '{"offsets": {"11": {"13": [NaN, 0]}}}',
        '{"offsets": {"11": {"13": [0, Infinity]}}}',
    ],
)
def test_malformed_offsets_are_refused(faceless: Shot, text: str):
    with pytest.raises(ShotError, match=r"track\.json"):
        offsets(faceless, text)
