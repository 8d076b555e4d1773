"""The track stage on a small plate: whole, resumable, and adjusted by the artist."""

from __future__ import annotations

import dataclasses
import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from relip.demo import INNER_LIPS, curves, make_plate
from relip.errors import FaceError, PlateError, ShotError
from relip.plate import write_exr
from relip.progress import Progress
from relip.records import read_json, read_npz
from relip.shot import PlateSettings, Shot, ShotSettings
from relip.track import detection, geometry, stage
from relip.track.facemesh import FaceMesh
from relip.track.facetrack import FaceTrack

QUIET = Progress("none")
HIDDEN = (10,)
COUNT = 18


def tracked_behind_card(folder: Path) -> Shot:
    """A tracked shot of a face that a card covers, and its truth beside it."""
    make_plate(
        folder / "plate.mp4", n_frames=COUNT, size=320, faceless_frames=HIDDEN,
        truth=folder / "truth.npz",
    )  # fmt: skip
    settings = ShotSettings(plate=PlateSettings(path=str(folder / "plate.mp4")))
    shot = Shot.create(folder / "a.relip", settings)
    report = stage.run(shot, progress=QUIET)
    assert report.done == list(shot.frames)
    return shot


def lips_off(track: FaceTrack, truth: dict[str, np.ndarray]) -> np.ndarray:
    """How far the inner lips lie from where they are, in face widths ``[shape=(F,)]``."""
    away = track.landmarks[:, list(INNER_LIPS), :2] - truth["inner_lips"]
    return np.linalg.norm(away, axis=-1).mean(1) / truth["face_width"]


@pytest.fixture(scope="module")
def tracked(tmp_path_factory: pytest.TempPathFactory) -> Shot:
    return tracked_behind_card(tmp_path_factory.mktemp("tracked"))


def test_result(tracked: Shot):
    track = stage.load(tracked)
    truth = read_npz(tracked.folder.parent / "truth.npz")
    assert track.frames.tolist() == list(tracked.frames)
    # the card covers the face whole only in one frame, and in part in those beside it
    assert not track.visible[list(HIDDEN)].any()
    assert track.visible[truth["covered"] == 0].all()
    seen = track.visible & (truth["covered"] == 0)
    assert lips_off(track, truth)[seen].max() < 0.025
    assert track.face_width == pytest.approx(np.median(truth["face_width"]), rel=0.05)
    # flow that comes from a frame in which the card pushes the mesh tells of a mouth not followed
    beside = np.convolve(truth["covered"] > 0, np.ones(3), mode="same") > 0
    assert (track.confidence[seen & ~beside] > 0.5).all()
    assert (track.confidence[~track.visible] == 0).all()
    assert np.isnan(track.landmarks[~track.visible]).all()


@pytest.mark.parametrize("wider", [1.2, 1.3])
def test_a_mesh_on_what_hid_the_face_does_not_keep_it_hidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wider: float
):
    """A card goes by; what is found on it is no newcomer who stands where the face is again."""
    for name, jaw in curves.JAWS.items():
        monkeypatch.setitem(curves.JAWS, name, min(wider * jaw, 1.0))
    track = stage.load(tracked_behind_card(tmp_path))
    truth = read_npz(tmp_path / "truth.npz")
    free = truth["covered"] == 0
    assert track.visible[free].all()
    assert lips_off(track, truth)[free].max() < 0.025
    assert (track.confidence[free] > 0.5).all()


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
    assert summary["faceless"] == [int(f) for f in track.frames[track.mix == 0]]
    assert set(summary["reasons"]) == {str(f) for f in summary["faceless"]}
    assert any(why.startswith("no face") for why in summary["reasons"].values())
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


def test_a_place_outside_the_picture_is_refused_before_the_track(faceless: Shot, monkeypatch):
    """When the shot is made, when it is set, and when only the file was edited."""
    from relip.commands import set as setting

    outside = {"track": {"face": "900,20"}}
    with pytest.raises(FaceError, match="pictures are 64x48, and --face 900,20 lies outside"):
        Shot.create(faceless.folder, faceless.change(**outside).settings)
    with pytest.raises(FaceError, match="64x48"):
        setting.change(faceless.folder, outside)

    def looked_at(*_: object) -> None:
        raise AssertionError("a picture was looked at")

    monkeypatch.setattr(detection, "open_finder", looked_at)
    with pytest.raises(FaceError, match="64x48"):
        stage.run(faceless.change(**outside), progress=QUIET)


@pytest.mark.parametrize(("pixels", "told"), [(33.97, True), (39.4, True), (39.6, False)])
def test_a_small_face_is_told_with_its_size(tracked: Shot, pixels: float, told: bool):
    found = detection.Detection.load(
        tracked.path("track", "detected.npz"), stage.detection_key(tracked)
    )
    assert found is not None
    track, out, _ = stage.make_track(tracked, found)
    small = dataclasses.replace(track, face_width=pixels)
    notes = [n for n in stage._notes(tracked, found, small, out) if "pixels wide" in n]
    assert [n.partition(":")[0] for n in notes] == [f"the face is {pixels:.0f} pixels wide"] * told


def test_a_frame_that_its_movie_holds_is_told_once(tmp_path: Path):
    import av

    make_plate(tmp_path / "plate.mp4", n_frames=14, size=240)
    with (
        av.open(str(tmp_path / "plate.mp4")) as movie,
        av.open(str(tmp_path / "held.avi"), "w") as held,
    ):
        stream = held.add_stream("mpeg4", rate=25, options={"bf": "0", "qscale": "2"})
        stream.width, stream.height, stream.pix_fmt = 240, 240, "yuv420p"
        for number, frame in enumerate(movie.decode(video=0)):
            frame.pts, frame.time_base = number + (number > 5), Fraction(1, 25)
            held.mux(stream.encode(frame))
        held.mux(stream.encode(None))
    settings = ShotSettings.from_dict({"plate": {"path": str(tmp_path / "held.avi")}})
    report = stage.run(Shot.create(tmp_path / "a.relip", settings), progress=QUIET)
    assert len(report.done) == 15 and not report.failed
    assert [n for n in report.notes if "7" in n] == [
        "frames 7: the file has no picture of their own, the one before is held"
    ]


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


def test_offsets_need_no_second_detection(tracked: Shot, tmp_path: Path, monkeypatch):
    """The pictures are looked at once: an edit of overrides/track.json moves points only."""
    shot = copied(tracked, tmp_path)
    before = stage.load(shot)

    def looked(*_: object) -> None:
        raise TypeError("looked at the pictures again")

    monkeypatch.setattr(FaceMesh, "measure", looked)
    monkeypatch.setattr(FaceMesh, "search", looked)
    override = shot.path("overrides", "track.json")
    override.parent.mkdir(exist_ok=True)
    override.write_text('{"offsets": {"1": {"all": [3.0, -2.0]}}}')
    assert stage.run(shot, progress=QUIET).done
    after = stage.load(shot)
    seen = before.visible
    moved = (after.landmarks - before.landmarks)[seen]
    np.testing.assert_allclose(moved[..., 0], 3.0, atol=1e-3)
    np.testing.assert_allclose(moved[..., 1], -2.0, atol=1e-3)
    # what is learned of the whole shot is learned from the same track, to the bit
    plain = stage.uncorrected(shot)
    for field in dataclasses.fields(plain):
        np.testing.assert_array_equal(getattr(plain, field.name), getattr(before, field.name))
    override.unlink()
    assert stage.run(shot, progress=QUIET).done
    np.testing.assert_array_equal(stage.load(shot).landmarks, before.landmarks)
    shot.path("track", "detected.npz").write_bytes(b"PK damaged")
    with pytest.raises(TypeError):
        override.write_text('{"offsets": {"1": {"all": [1.0, 0.0]}}}')
        stage.run(shot, progress=QUIET)


def copied(shot: Shot, tmp_path: Path) -> Shot:
    import shutil

    return Shot.open(shutil.copytree(shot.folder, tmp_path / "a.relip"))


@pytest.fixture(scope="module")
def stuttering(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An EXR sequence of 14 frames; 5 repeats 4, and 9 is missing."""
    import shutil

    folder = tmp_path_factory.mktemp("stuttering")
    pattern = make_plate(folder / "p.####.exr", n_frames=14, size=240, exr=True)
    files = sorted(folder.glob("p.*.exr"))
    shutil.copy(files[3], files[4])
    files[8].unlink()
    return pattern


@pytest.mark.parametrize("policy", ["hold", "skip", "error"])
def test_missing_and_repeated_frames(stuttering: Path, tmp_path: Path, policy: str):
    plate = {"path": str(stuttering), "missing": "skip" if policy == "error" else policy}
    settings = ShotSettings.from_dict({"plate": {**plate, "duplicates": policy}})
    shot = Shot.create(tmp_path / "a.relip", settings)
    first = shot.frames.start
    repeat, missing = first + 4, first + 8
    if policy == "error":
        with pytest.raises(PlateError, match=rf"frames {repeat} repeat .*hold or skip"):
            stage.run(shot, progress=QUIET)
        return
    report = stage.run(shot, progress=QUIET)
    assert not report.failed
    track = stage.load(shot)
    record = read_json(shot.path("track", "record.json"))
    notes = " | ".join(report.notes)
    if policy == "hold":
        # The held frame repeats the one before it, too.
        assert record["repeated"] == [repeat, missing] and track.visible.all()
        assert f"{missing} are missing: the frame before is held" in notes
    else:
        assert record["repeated"] == [repeat] and record["skipped"] == [missing]
        assert sorted(report.passed) == [repeat, missing]
        assert f"frames {repeat} repeat the frame before them: the plate passes" in notes
        assert f"frames {missing} are missing and left out" in notes
    again = stage.run(shot, progress=QUIET)
    assert again.kept and again.notes == report.notes


def test_the_other_face_of_two(tmp_path: Path):
    """Two plates side by side: each face is followed alone where it is pointed at."""
    import av

    make_plate(tmp_path / "one.mp4", n_frames=10, size=240)
    with av.open(str(tmp_path / "one.mp4")) as movie:
        pictures = [f.to_ndarray(format="rgb24") for f in movie.decode(video=0)]
    height, width = pictures[0].shape[:2]
    with av.open(str(tmp_path / "two.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "8"})
        stream.width, stream.height, stream.pix_fmt = 2 * width, height, "yuv420p"
        for picture in pictures:
            both = np.concatenate([picture, picture[:, ::-1]], axis=1)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(both, "rgb24")))
        container.mux(stream.encode(None))
    found = {}
    for side, x in (("left", width / 2), ("right", 1.5 * width)):
        settings = ShotSettings.from_dict(
            {"plate": {"path": str(tmp_path / "two.mp4")}, "track": {"face": f"{x},{height / 2}@4"}}
        )
        shot = Shot.create(tmp_path / f"{side}.relip", settings)
        report = stage.run(shot, progress=QUIET)
        assert any("is followed" in note for note in report.notes)
        found[side] = stage.load(shot).landmarks[:, 4, 0]
    assert (found["left"] < width).all()
    assert (found["right"] > width).all()
    mirrored = 2 * width - found["right"]
    np.testing.assert_allclose(mirrored, found["left"], atol=2.5)
