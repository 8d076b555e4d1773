"""The track of squeezed plates: a face is measured as it is shown, and kept in plate pixels."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from relip import records
from relip.demo import make_plate
from relip.errors import FaceError, SettingError, ShotError
from relip.plate import open_plate, read_exr, write_exr
from relip.progress import Progress
from relip.shot import Shot, ShotSettings
from relip.track import overrides, points, square, stage
from relip.track.facetrack import FaceTrack

QUIET = Progress("none")
SIZE, FRAMES = 320, 8
LIPS = list(points.LIPS)


def shot_of(folder: Path, path: Path, **track: object) -> Shot:
    given = {} if path.suffix == ".mp4" else {"fps": "25", "colourspace": "ACEScg"}
    settings = {"plate": {"path": str(path), **given}, "track": track}
    return Shot.create(folder, ShotSettings.from_dict(settings))


def squeeze(pattern: Path, folder: Path, aspect: float, *, told: float | None = None) -> Path:
    """The frames of an EXR sequence squeezed sideways, and headers that say so, or another."""
    folder.mkdir()
    for path in sorted(pattern.parent.glob("*.exr")):
        channels, _, (width, height), _ = read_exr(path)
        rgb = np.stack([channels[c] for c in "RGB"], -1).astype(np.float32)
        size = round(width / aspect), height
        if aspect != 1:
            how = cv2.INTER_AREA if aspect > 1 else cv2.INTER_CUBIC
            rgb = cv2.resize(rgb, size, interpolation=how)
        said = told or width / size[0]
        write_exr(folder / path.name, rgb, display=size, half=True, pixel_aspect=said)
    return folder / pattern.name


@pytest.fixture(scope="module")
def plate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("square")
    return make_plate(folder / "p.####.exr", n_frames=FRAMES, size=SIZE, exr=True)


@pytest.fixture(scope="module")
def own(plate: Path, tmp_path_factory: pytest.TempPathFactory) -> FaceTrack:
    """The track of the plate as it is."""
    shot = shot_of(tmp_path_factory.mktemp("own") / "a.relip", plate)
    stage.run(shot, progress=QUIET)
    return stage.load(shot)


@pytest.fixture(scope="module")
def anamorphic(plate: Path, tmp_path_factory: pytest.TempPathFactory) -> Shot:
    """The plate squeezed by two, tracked."""
    folder = tmp_path_factory.mktemp("anamorphic")
    shot = shot_of(folder / "a.relip", squeeze(plate, folder / "p", 2.0))
    stage.run(shot, progress=QUIET)
    return shot


def off(track: FaceTrack, own: FaceTrack) -> float:
    """How far the lips of a track are from another's as shown, in per cent of the face width."""
    apart = (track.square.landmarks - own.landmarks)[:, LIPS, :2]
    return 100 * float(np.linalg.norm(apart, axis=-1).mean()) / own.face_width


@pytest.mark.parametrize("aspect", [2.0, 1.8, 1.33, 0.9])
def test_lips_are_found_as_in_the_plate_without_the_squeeze(
    plate: Path, own: FaceTrack, tmp_path: Path, aspect: float
):
    shot = shot_of(tmp_path / "a.relip", squeeze(plate, tmp_path / "p", aspect))
    report = stage.run(shot, progress=QUIET)
    track = stage.load(shot)
    assert track.aspect == pytest.approx(aspect, rel=0.01)
    assert track.visible.all()
    assert off(track, own) < 0.3
    # kept in the plate's own pixels
    np.testing.assert_allclose(
        track.landmarks[..., 0], track.square.landmarks[..., 0] / track.aspect, rtol=1e-12
    )
    assert track.landmarks[..., 0].max() < SIZE / track.aspect
    # everything that is counted in face widths is as it was
    assert track.face_width == pytest.approx(own.face_width, rel=0.01)
    np.testing.assert_allclose(track.canonical(), own.canonical(), atol=0.02)
    np.testing.assert_allclose(track.lip_opening(), own.lip_opening(), atol=0.006)
    np.testing.assert_allclose(track.confidence, own.confidence, atol=0.1)
    np.testing.assert_allclose(track.angles, own.angles, atol=2.0)
    np.testing.assert_array_equal(track.mix, own.mix)
    assert sum("measured as it is shown" in note for note in report.notes) == 1
    assert report.data["pixel_aspect"] == track.aspect


def test_a_track_of_square_pixels_does_not_name_them(own: FaceTrack, anamorphic: Shot, tmp_path):
    own.save(tmp_path / "t.npz")
    assert "aspect" not in records.read_npz(tmp_path / "t.npz")
    assert own.square is own
    kept = records.read_npz(anamorphic.path("track", "track.npz"))
    assert kept["aspect"] == 2.0
    records.write_npz(tmp_path / "t.npz", **{**kept, "aspect": np.array(-2.0)})
    with pytest.raises(ShotError, match="aspect"):
        FaceTrack.load(tmp_path / "t.npz")


def test_a_part_of_a_track_is_squeezed_alike(anamorphic: Shot):
    track = stage.load(anamorphic)
    assert track.part(slice(2, 5)).aspect == 2.0
    np.testing.assert_allclose(
        track.square.squeezed(2.0).transform, track.transform, equal_nan=True
    )


def movie_of(pattern: Path, path: Path, *, turned: bool) -> Path:
    """The frames squeezed by two along a movie's rows, which a flag may turn upright."""
    import av

    with open_plate(pattern) as plate:
        pictures = [np.clip(p.rgb, 0, 1) ** (1 / 2.2) for p in plate.iter(plate.frames)]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "6"})
        stream.width, stream.height = SIZE // 2, SIZE
        stream.pix_fmt = "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(2)
        if turned:
            stream.set_display_rotation(90)
        for picture in pictures:
            rgb = np.round(255 * picture).astype(np.uint8)
            if turned:  # stored lying on its side, whatever way the flag turns it back
                rgb = np.rot90(rgb, -1)
            small = cv2.resize(rgb, (SIZE // 2, SIZE), interpolation=cv2.INTER_AREA)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(small, "rgb24")))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("turned", [False, True])
def test_a_movie_with_a_sample_aspect_ratio(
    plate: Path, own: FaceTrack, tmp_path: Path, turned: bool
):
    """Turned upright, the rows that were squeezed are columns: pixels half as wide as high."""
    path = movie_of(plate, tmp_path / "p.mp4", turned=turned)
    shot = shot_of(tmp_path / "a.relip", path)
    stage.run(shot, progress=QUIET)
    track = stage.load(shot)
    assert track.aspect == (0.5 if turned else 2.0)
    # square pixels are as high as stored ones: the plate's, or twice as large
    scale = 2.0 if turned else 1.0
    apart = scale * track.square.landmarks[:, LIPS, :2] - own.landmarks[:, LIPS, :2]
    # lips of half as many rows lie less exactly
    assert 100 * np.linalg.norm(apart, axis=-1).mean() / own.face_width < (0.8 if turned else 0.3)
    assert np.median(track.confidence) > 0.9


def test_a_header_that_is_wrong(plate: Path, own: FaceTrack, tmp_path: Path):
    """``track.pixel_aspect`` has the last word, and the track is made again."""
    path = squeeze(plate, tmp_path / "p", 1.0, told=2.0)
    wrong = shot_of(tmp_path / "a.relip", path)
    right = shot_of(tmp_path / "b.relip", path, pixel_aspect=1.0)
    assert stage.detection_key(wrong) != stage.detection_key(right)
    report = stage.run(right, progress=QUIET)
    assert not any("wide as high" in note for note in report.notes)
    assert off(stage.load(right), own) < 0.1
    with pytest.raises(SettingError, match=r"track\.pixel_aspect"):
        ShotSettings.from_dict({"track": {"pixel_aspect": 30.0}})


def test_faces_are_named_and_points_moved_in_plate_pixels(anamorphic: Shot, tmp_path: Path):
    before = stage.load(anamorphic)
    path = anamorphic.settings.plate.path
    nose = before.landmarks[0, 4, :2]
    shot = shot_of(tmp_path / "a.relip", Path(path), face=f"{nose[0]:.1f},{nose[1]:.1f}@1001")
    stage.run(shot, progress=QUIET)
    np.testing.assert_array_equal(stage.load(shot).landmarks, before.landmarks)
    beside = shot_of(tmp_path / "b.relip", Path(path), face=f"{SIZE // 2 - 10},20@1001")
    with pytest.raises(FaceError) as told:
        stage.run(beside, progress=QUIET)
    middle = (before.landmarks[0, :, :2].min(0) + before.landmarks[0, :, :2].max(0)) / 2
    assert f"{middle[0]:.0f},{middle[1]:.0f}" in str(told.value.mend)

    tracks = {
        name: {str(f): (before.landmarks[row, mark, :2] + [2.0, 0]).tolist()
               for row, f in enumerate(before.frames)}
        for name, mark in (("a", 33), ("b", 263), ("c", 2))
    }  # fmt: skip
    moves = {"1001": {"13": [1.5, -2.0]}}
    records.write_json(
        shot.path("overrides", "track.json"), {"offsets": moves, "alignment": {"tracks": tracks}}
    )
    stage.run(shot, progress=QUIET)
    after = stage.load(shot)
    moved = after.landmarks[:, 13, :2] - before.landmarks[:, 13, :2]
    np.testing.assert_allclose(moved, np.tile([1.5, -2.0], (FRAMES, 1)), atol=1e-4)
    # the imported alignment is a similarity of what is shown, and holds its points still
    linear = after.square.transform[:, :, :2]
    np.testing.assert_allclose(linear[:, 0, 0], linear[:, 1, 1], rtol=1e-9)
    np.testing.assert_allclose(linear[:, 0, 1], -linear[:, 1, 0], atol=1e-12)
    read = overrides.read_tracks(shot.path("overrides", "track.json"), shot.frames)
    assert read is not None
    own = stage.uncorrected(shot).transform
    size = before.face_width * np.hypot(*own[0, :, 1])
    for curve in read.values():
        placed = [square_apply(after.transform[row], curve[row]) for row in range(FRAMES)]
        assert np.ptp(placed, axis=0).max() < 0.01 * size


def square_apply(transform: np.ndarray, place: np.ndarray) -> np.ndarray:
    return transform[:, :2] @ place + transform[:, 2]


def test_an_aspect_beyond_all_lenses_is_no_squeeze(plate: Path, tmp_path: Path):
    assert square.aspect_of({"pixel_aspect": 12.0}) == 1.0
    path = squeeze(plate, tmp_path / "p", 1.0, told=12.0)
    report = stage.run(shot_of(tmp_path / "a.relip", path), progress=QUIET)
    assert any("taken for square" in note for note in report.notes)
