"""The mask stage: layers on file, resumed, replaced by the artist's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import face_making
import mask_making
import numpy as np
import pytest
from exr_layers import whole_layers

from relip.errors import RelipError, ShotError, StageMissingError
from relip.mask import matte, stage
from relip.plate import Colour, read_exr, write_exr
from relip.progress import Progress
from relip.records import FrameRecord
from relip.shot import PlateSettings, Shot, ShotSettings
from relip.track import square
from relip.track.facetrack import FaceTrack
from relip.track.picture import Stretched, detection_picture

QUIET = Progress("none")
SIZE = (320, 260)
HIDDEN = 4


@pytest.fixture
def shot(tmp_path: Path) -> Shot:
    """Twelve frames, 1001-1012, with a synthetic face track; frame 1005 shows no face."""
    for frame in range(1001, 1013):
        grey = np.full((SIZE[1], SIZE[0], 3), 0.18, np.float32)
        write_exr(tmp_path / f"grey.{frame:04d}.exr", grey, display=SIZE)
    plate = PlateSettings(path=str(tmp_path / "grey.####.exr"), fps="25", colourspace="ACEScg")
    shot = Shot.create(tmp_path / "a.relip", ShotSettings(plate=plate))
    track = face_making.make_track(face_making.make_shot(12).landmarks, hidden=(HIDDEN,))
    track.save(shot.path("track", "track.npz"))
    return shot


def test_files(shot: Shot):
    report = stage.run(shot, shot.frames, progress=QUIET)
    assert report.passed == [1005]
    assert report.done == [f for f in shot.frames if f != 1005]
    assert not stage.mask_path(shot, 1005).exists()
    track = FaceTrack.load(shot.path("track", "track.npz"))
    for frame in report.done:
        channels, origin, display, _ = read_exr(stage.mask_path(shot, frame))
        assert display == SIZE
        assert set(channels) == set(matte.LAYERS)
        values = np.stack(list(channels.values()))
        assert values.min() >= 0 and values.max() <= 1
        found = stage.read_matte(shot, frame, *SIZE)
        assert found is not None
        np.testing.assert_array_equal(found[0], channels["matte"])
        assert found[1] == origin
        mouth = track.landmarks[track.index(frame), [13, 14], :2].mean(0)
        x, y = np.floor(mouth).astype(int) - origin
        assert found[0][y, x] == 1
    assert stage.read_matte(shot, 1005, *SIZE) is None


def test_any_chunks_give_the_same_files(shot: Shot, tmp_path: Path):
    stage.run(shot, shot.frames, progress=QUIET)
    together = {f: read_exr(stage.mask_path(shot, f)) for f in (1002, 1009)}
    for frame in together:
        stage.mask_path(shot, frame).unlink()
    for frame in (1009, 1002):
        assert stage.run(shot, [frame], progress=QUIET).done == [frame]
    for frame, (channels, origin, _, _) in together.items():
        again = read_exr(stage.mask_path(shot, frame))
        assert again[1] == origin
        for name, values in channels.items():
            np.testing.assert_array_equal(again[0][name], values)


def test_made_once_and_again_when_a_setting_changes(shot: Shot):
    stage.run(shot, shot.frames, progress=QUIET)
    again = stage.run(shot, shot.frames, progress=QUIET)
    assert not again.done
    assert again.kept == list(shot.frames)
    assert again.passed == [1005]
    assert len(stage.run(shot, shot.frames, progress=QUIET, force=True).done) == 11
    for change in ({"feather": 0.06}, {"grow": 0.02}, {"sides": 0.06}):
        changed = shot.change(mask=change)
        assert len(stage.run(changed, changed.frames, progress=QUIET).done) == 11


def test_a_neighbours_points_count(shot: Shot):
    """What is seen beside a frame decides with it what stands before the face."""
    with shot.open_plate() as plate:
        inputs = stage.load_inputs(shot, plate)
        landmarks = inputs.track.landmarks.copy()
        landmarks[inputs.track.index(1003), :, 0] += 1.0
        moved = replace(inputs, track=replace(inputs.track, landmarks=landmarks))
        changed = [
            f for f in shot.frames if moved.key(shot, plate, f) != inputs.key(shot, plate, f)
        ]
    assert changed == [1002, 1003, 1004]


def test_missing(shot: Shot):
    with pytest.raises(StageMissingError, match="relip mask"):
        stage.read_matte(shot, 1001, *SIZE)
    shot.path("track", "track.npz").unlink()
    with pytest.raises(StageMissingError, match="relip track"):
        stage.run(shot, shot.frames, progress=QUIET)


@pytest.mark.parametrize("name", ["matte", "A", "R", "Y"])
def test_the_artists_matte(shot: Shot, name: str):
    stage.run(shot, shot.frames, progress=QUIET)
    own = stage.matte_fingerprint(shot, 1003)
    drawn = np.array([[0.25, np.nan, 3.0], [-1.0, np.inf, 0.75]], np.float32)
    path = shot.path("overrides", "mask.1003.exr")
    write_exr(path, {name: drawn}, display=SIZE, origin=(100, 60), half=False)
    found = stage.read_matte(shot, 1003, *SIZE)
    assert found is not None
    np.testing.assert_array_equal(found[0], np.float32([[0.25, 0, 1], [0, 1, 0.75]]))
    assert found[1] == (100, 60)
    assert stage.matte_fingerprint(shot, 1003) != own
    path.unlink()
    assert stage.matte_fingerprint(shot, 1003) == own


def test_the_artists_matte_over_the_border(shot: Shot):
    path = shot.path("overrides", "mask.1003.exr")
    drawn = np.linspace(0, 1, 12 * 10, dtype=np.float32).reshape(10, 12)
    write_exr(path, {"A": drawn}, display=SIZE, origin=(-5, 254), half=False)
    found = stage.read_matte(shot, 1003, *SIZE)
    assert found is not None and found[1] == (0, 254)
    np.testing.assert_array_equal(found[0], drawn[:6, 5:])
    write_exr(path, {"A": drawn}, display=SIZE, origin=(400, 10), half=False)
    assert stage.read_matte(shot, 1003, *SIZE) is None


def test_the_artists_matte_where_no_face_is(shot: Shot):
    """A matte drawn on a frame without a face is used."""
    stage.run(shot, shot.frames, progress=QUIET)
    path = shot.path("overrides", "mask.1005.exr")
    write_exr(path, {"A": np.ones((4, 4), np.float32)}, display=SIZE, origin=(9, 9))
    found = stage.read_matte(shot, 1005, *SIZE)
    assert found is not None and found[0].min() == 1


def test_an_unfit_override_is_refused(shot: Shot):
    path = shot.path("overrides", "mask.1003.exr")
    write_exr(path, {"A": np.ones((4, 4), np.float32)}, display=(64, 48))
    with pytest.raises(ShotError, match="64x48"):
        stage.read_matte(shot, 1003, *SIZE)
    write_exr(path, {"Z": np.ones((4, 4), np.float32)}, display=SIZE)
    with pytest.raises(ShotError, match="no channel"):
        stage.read_matte(shot, 1003, *SIZE)
    path.write_bytes(b"not a picture")
    with pytest.raises(RelipError, match=r"mask\.1003\.exr"):
        stage.read_matte(shot, 1003, *SIZE)


def test_status_says_what_was_done(shot: Shot):
    stage.run(shot, [1004, 1005], progress=QUIET)
    record = FrameRecord(shot.path("mask"))
    assert [(record.get(f) or {}).get("state") for f in (1003, 1004, 1005)] == [
        None, "done", "passed",
    ]  # fmt: skip


def test_the_artists_matte_multiplies(shot: Shot):
    stage.run(shot, shot.frames, progress=QUIET)
    own = stage.read_matte(shot, 1003, *SIZE)
    assert own is not None
    (values, (x, y)), key = own, stage.matte_fingerprint(shot, 1003)
    half = np.full((values.shape[0] - 10, values.shape[1]), 0.5, np.float32)
    write_exr(shot.path("overrides", "mask.1003.exr"), {"A": half}, display=SIZE, origin=(x, y + 4))
    both = shot.change(mask={"override": "multiply"})
    found = stage.read_matte(both, 1003, *SIZE)
    assert found is not None and found[1] == (x, y + 4)
    np.testing.assert_array_equal(found[0], 0.5 * values[4:-6])
    keys = {key, stage.matte_fingerprint(shot, 1003), stage.matte_fingerprint(both, 1003)}
    assert len(keys) == 3
    # a matte that does not meet the region leaves nothing; one on a faceless frame too
    write_exr(shot.path("overrides", "mask.1003.exr"), {"A": half[:4, :4]}, display=SIZE)
    assert stage.read_matte(both, 1003, *SIZE) is None
    write_exr(shot.path("overrides", "mask.1005.exr"), {"A": half}, display=SIZE)
    assert stage.read_matte(both, 1005, *SIZE) is None


def test_without_looking_the_plate_is_not_needed(shot: Shot):
    blind = shot.change(mask={"occlusion": False})
    assert len(stage.run(blind, blind.frames, progress=QUIET).done) == 11
    assert not shot.path("mask", "fit.npz").exists()
    assert len(stage.run(shot, shot.frames, progress=QUIET).done) == 11
    assert shot.path("mask", "fit.npz").exists()


def test_a_damaged_plate_frame_gets_the_drawn_layers(shot: Shot, tmp_path: Path):
    (tmp_path / "grey.1003.exr").write_bytes(b"damaged")
    report = stage.run(shot, shot.frames, progress=QUIET)
    assert 1003 in report.done and not report.failed
    assert stage.read_matte(shot, 1003, *SIZE) is not None


def test_a_damaged_fit_is_made_again(shot: Shot):
    stage.run(shot, shot.frames, progress=QUIET)
    path = shot.path("mask", "fit.npz")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    stage.mask_path(shot, 1003).unlink()
    assert stage.run(shot, [1003], progress=QUIET).done == [1003]
    assert len(path.read_bytes()) == len(whole)


@pytest.mark.parametrize("aspect", [2.0, 0.8])
def test_a_squeezed_plate_gets_the_layers_that_its_picture_has(
    shot: Shot, tmp_path: Path, aspect: float
):
    """Region, soft edge, lips and what is seen, squeezed like the plate: nothing beside them."""
    width = round(SIZE[0] / aspect)
    folder = tmp_path / "squeezed"
    folder.mkdir()
    for frame in shot.frames:
        grey = np.full((SIZE[1], width, 3), 0.18, np.float32)
        write_exr(folder / f"grey.{frame:04d}.exr", grey, display=(width, SIZE[1]))
    plate = PlateSettings(path=str(folder / "grey.####.exr"), fps="25", colourspace="ACEScg")
    squeezed = Shot.create(folder / "a.relip", ShotSettings(plate=plate))
    track = FaceTrack.load(shot.path("track", "track.npz"))
    track.squeezed(aspect).save(squeezed.path("track", "track.npz"))
    for each in (shot, squeezed):
        stage.run(each, [1003, 1004, 1005], progress=QUIET)
    for frame in (1003, 1004):
        wanted, found = (whole_layers(stage.mask_path(each, frame)) for each in (shot, squeezed))
        assert found["matte"].shape == (SIZE[1], width)
        for name, layer in wanted.items():
            shown = square.columns(found[name], 0.0, 1 / aspect, SIZE[0])
            own = square.columns(layer, 0.0, aspect, width)
            own = square.columns(own, 0.0, 1 / aspect, SIZE[0])
            assert np.abs(shown - own).mean() < 0.002, name
        outside = square.columns(wanted["matte"], 0.0, aspect, width) == 0
        assert found["matte"][outside].max() < 0.01


@pytest.mark.parametrize("aspect", [2.0, 0.8])
def test_what_is_looked_at_of_a_squeezed_plate_is_a_part_of_all_of_it(
    tmp_path: Path, aspect: float
):
    """Its first and last columns are mixed with what lies beside them, as the tracker's are."""
    shot = mask_making.make_shot(tmp_path, occluded=False)
    width = round(mask_making.SIZE[0] / aspect)
    for path in tmp_path.glob("face.*.exr"):
        painted = whole_layers(path)
        rgb = np.stack([painted[c] for c in "RGB"], -1)
        write_exr(path, square.columns(rgb, 0.0, aspect, width), display=(width, SIZE[1]))
    mask_making.make_track().squeezed(aspect).save(shot.path("track", "track.npz"))
    with shot.open_plate() as plate:
        inputs = stage.load_inputs(shot, plate)
        learnt = mask_making.learnt(shot)
        ((look, _),) = stage.looks(shot, plate, inputs, learnt, [1005])
        shown = detection_picture(plate.read(1005).rgb, plate, Colour())
    assert look.piece is not None
    (x, y), (height, count) = look.origin, look.piece.shape[:2]
    whole = Stretched(shown, aspect)[y : y + height, x : x + count]
    np.testing.assert_array_equal(look.piece, whole)
