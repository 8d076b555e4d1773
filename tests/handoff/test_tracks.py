"""Other programs' tracks, read into plate pixels."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from handoff_making import HEIGHT, make_scene, up

from relip import records
from relip.errors import InputError, NkError, StageMissingError, UsageError
from relip.handoff import nk
from relip.handoff.cornerpin import cornerpin_nodes
from relip.handoff.plain import track_data, write_track
from relip.handoff.scene import choose_points, point_track
from relip.handoff.tracker import tracker_node
from relip.handoff.tracks import (
    PointTrack,
    import_tracks,
    landmark_of,
    offsets,
    read_tracks,
    similarities,
)
from relip.shot import Shot
from relip.track import geometry
from relip.track import stage as track_stage


def write(path: Path, *nodes: nk.Node) -> Path:
    nk.write(nk.Script(list(nodes), version="13.2 v8", paste=True), path)
    return path


def test_our_own_trackers_come_back(tmp_path: Path):
    scene = make_scene(hidden=(3, 4))
    chosen = choose_points(["lip_middle", "chin", "61"])
    path = write(tmp_path / "t.nk", tracker_node(scene, chosen))
    tracks = read_tracks(path, scene.form)
    assert [t.name for t in tracks] == list(chosen)
    for track, marks in zip(tracks, chosen.values(), strict=True):
        assert track.frames.tolist() == scene.visible_frames
        wanted = point_track(scene.track, marks)[scene.track.visible]
        assert np.abs(track.places - wanted).max() < 1e-4


def test_a_tracker_as_nuke_saves_it(tmp_path: Path):
    """Smooth curves keyed in every frame, an offset, a frame switched off."""
    scene = make_scene()
    node = tracker_node(scene, choose_points(["chin"]))
    head, columns, _ = nk.split_list(node.knobs["tracks"])
    row = (
        '{ {curve K x1 1 x3 0 x4 1} "Track 1" {curve x1 10 11 12 13.5} {curve x1 100 101 102 103}'
        " {curve K x1 2 x4 4} {curve K x1 0} 1 0 0 {curve x1 0} 1 0 -32 -32 32 32 -22 -22 22 22"
        " {} {} {} {} {} {} {} {} {} {} {} }"
    )
    node.knobs["tracks"] = f"{{{head}}} {{{columns}}} {{{row}}}"
    (track,) = read_tracks(write(tmp_path / "t.nk", node), scene.form)
    assert track.name == "Track 1" and track.frames.tolist() == [1, 2, 4]
    assert np.array_equal(up(track.places), [[12, 100], [13, 101], [17.5, 103]])


def test_pins_come_back_as_four_points(tmp_path: Path):
    scene = make_scene()
    path = write(tmp_path / "p.nk", *cornerpin_nodes(scene, "uncrop", size=256))
    tracks = read_tracks(path, scene.form)
    assert [t.name for t in tracks] == ["to1", "to2", "to3", "to4"]
    corners = np.array([[0, 1], [1, 1], [1, 0], [0, 0]], float)  # from the lower left, y down
    placed = geometry.apply(geometry.invert(scene.track.transform), corners)
    for i, track in enumerate(tracks):
        assert np.abs(track.places - placed[:, i]).max() < 1e-4


def test_a_pin_with_a_corner_that_stands_still(tmp_path: Path):
    path = tmp_path / "p.nk"
    path.write_text(
        "CornerPin2D {\n to1 {{curve L x1 1 x3 3} {curve L x1 10 x3 30}}\n to2 {{curve x2 5} 6}\n"
        " to3 {9 9}\n to4 {0 9}\n name Pin\n}\n"
    )
    tracks = {t.name: t for t in read_tracks(path, make_scene(9).form)}
    assert tracks["to1"].frames.tolist() == [1, 3]
    assert np.array_equal(up(tracks["to1"].places), [[1, 10], [3, 30]])
    assert np.array_equal(up(tracks["to3"].places), [[9, 9], [9, 9]])


AFTER_EFFECTS = """Adobe After Effects 6.0 Keyframe Data

\tUnits Per Second\t24
\tSource Width\t640
\tSource Height\t520
\tSource Pixel Aspect Ratio\t1
\tComp Pixel Aspect Ratio\t1

"""


def test_after_effects_corner_pin(tmp_path: Path):
    """Measured at twice the plate's size; frame 0 is the plate's first."""
    path = tmp_path / "mocha.txt"
    pins = "".join(
        f"Effects\tCC Power Pin #1\tCC Power Pin-000{i + 2}\n\tFrame\tX pixels\tY pixels\n"
        + "".join(f"\t{f}\t{100 * i + f}\t{50 * i + 2 * f}\n" for f in range(3)) + "\n"
        for i in range(4)
    )  # fmt: skip
    path.write_text(AFTER_EFFECTS + pins + "End of Keyframe Data\n")
    tracks = read_tracks(path, make_scene(9).form, first_frame=1001)
    assert [t.name for t in tracks] == [f"CC Power Pin-000{i}" for i in range(2, 6)]
    assert tracks[1].frames.tolist() == [1001, 1002, 1003]
    assert np.array_equal(tracks[1].places, [[50, 25], [50.5, 26], [51, 27]])


def test_after_effects_transform_gives_the_position_alone(tmp_path: Path):
    path = tmp_path / "mocha.txt"
    path.write_text(
        AFTER_EFFECTS + "Anchor Point\n\tFrame\tX pixels\tY pixels\tZ pixels\n\t0\t1\t2\t0\n\n"
        "Position\n\tFrame\tX pixels\tY pixels\tZ pixels\n\t0\t20\t40\t0\n\t2\t22\t44\t0\n\n"
        "Scale\n\tFrame\tX percent\tY percent\tZ percent\n\t0\t100\t100\t100\n\n"
        "Rotation\n\tFrame Degrees\n\t0\t0\n\nEnd of Keyframe Data\n"
    )
    (track,) = read_tracks(path, make_scene(9).form, first_frame=10)
    assert track.frames.tolist() == [10, 12]
    assert np.array_equal(track.places, [[10, 20], [11, 22]])


def test_after_effects_track_points(tmp_path: Path):
    path = tmp_path / "ae.txt"
    path.write_text(
        AFTER_EFFECTS + "Motion Trackers\tTracker #1\tmouth_l\tFeature Center\n"
        "\tFrame\tX pixels\tY pixels\n\t0\t2\t4\n\n"
        "Motion Trackers\tTracker #1\tmouth_l\tConfidence\n\tFrame\tpercent\n\t0\t99\n\n"
        "End of Keyframe Data\n"
    )
    (track,) = read_tracks(path, make_scene(9).form)
    assert track.name == "mouth_l" and track.places.tolist() == [[1, 2]]


def test_columns_count_upwards(tmp_path: Path):
    path = tmp_path / "chin.txt"
    path.write_text("# frame x y\n1001 10.5 20\n1002, 11 21\n")
    (track,) = read_tracks(path, make_scene(9).form)
    assert track.name == "chin" and track.frames.tolist() == [1001, 1002]
    assert track.places.tolist() == [[10.5, HEIGHT - 20], [11, HEIGHT - 21]]


def test_json_comes_back(tmp_path: Path):
    scene = make_scene(hidden=(0, 6))
    chosen = choose_points(["all"])
    path = write_track(scene, tmp_path / "t.json", chosen)
    tracks = read_tracks(path, scene.form)
    assert len(tracks) == 478
    for track, marks in zip(tracks, chosen.values(), strict=True):
        assert track.frames.tolist() == scene.visible_frames
        wanted = point_track(scene.track, marks)[scene.track.visible]
        assert np.abs(track.places - wanted).max() <= 5.1e-5
    data = json.loads(path.read_text())
    assert data == json.loads(json.dumps(track_data(scene, chosen)))
    assert data["rate"] == "24000/1001" and data["faceless"] == [1001, 1007]
    assert data["transform"][0] is None
    back = np.array(data["transform"][1]).reshape(2, 3)
    assert np.abs(back - scene.track.transform[1]).max() < 1e-9


def test_similarities_are_the_motion_of_the_points():
    frames = np.arange(5)
    still = np.array([[10.0, 20], [50, 25], [30, 60]])
    angle, scale = 0.1 * frames, 1 + 0.05 * frames
    c, s = scale * np.cos(angle), scale * np.sin(angle)
    true = np.stack([np.stack([c, -s, 3.0 * frames], -1), np.stack([s, c, -2.0 * frames], -1)], 1)
    moved = geometry.apply(true, still)
    tracks = [PointTrack(f"t{i}", frames, moved[:, i]) for i in range(3)]
    np.testing.assert_allclose(similarities(tracks, frames, 0), true, rtol=0, atol=1e-9)
    # a point that is lost on the way, and one more
    tracks[1] = PointTrack("t1", frames[:3], moved[:3, 1])
    tracks[2] = PointTrack("t2", frames[:4], moved[:4, 2])
    got = similarities(tracks, frames, 0)
    np.testing.assert_allclose(got[:4], true[:4], rtol=0, atol=1e-9)
    assert np.isnan(got[4]).all()
    with pytest.raises(InputError, match="fewer than two"):
        similarities(tracks, frames, 4)


def test_names_of_landmarks():
    assert landmark_of("lip_middle") == (13, 14)
    assert landmark_of("p061") == landmark_of("61") == (61,)
    for bad in ("Tracker1", "p999", ""):
        with pytest.raises(InputError, match="names no point"):
            landmark_of(bad)


def test_offsets_bring_the_track_to_the_points():
    scene = make_scene(9, hidden=(2,))
    shift = np.array([1.5, -2.25])
    places = point_track(scene.track, (13, 14)) + shift
    seen = np.isfinite(places[:, 0])
    track = PointTrack("lip_middle", scene.track.frames[seen], places[seen])
    made = offsets([track], scene.track)["offsets"]
    assert [int(f) for f in made] == scene.visible_frames
    for moves in made.values():
        assert moves == {"13": [1.5, -2.25], "14": [1.5, -2.25]}
    # what is in the face track already is not counted twice
    before = np.zeros((9, 478, 2))
    before[:, 13:15] = [0.5, 0]
    for moves in offsets([track], scene.track, before)["offsets"].values():
        assert moves["13"] == [2.0, -2.25]


def test_imported_points_are_the_track_stages_override(shot_copy: Path, tmp_path: Path):
    shot = Shot.open(shot_copy)
    track = track_stage.load(shot)
    wanted = track.landmarks[:, 152, :2] + [2.0, 3.0]
    with shot.open_plate() as plate:
        height = plate.height
    path = tmp_path / "t.txt"
    rows = [
        f"{f} {x!r} {height - y!r}"
        for f, (x, y) in zip(track.frames.tolist(), wanted.tolist(), strict=True)
    ]
    path.write_text("\n".join(rows) + "\n")
    target = import_tracks(shot, path, names={"t": "chin"})
    assert target == shot_copy / "overrides" / "track.json"
    moved = track_stage._offsets(shot, track.landmarks.shape)
    assert np.abs(moved[:, 152] - [2, 3]).max() < 1e-3
    assert not np.delete(moved, 152, axis=1).any()
    # the face track is stale now: what it holds is not what the override says
    with pytest.raises(StageMissingError, match="stale"):
        import_tracks(shot, path, names={"t": "chin"})


def test_points_of_an_older_override_stay(shot_copy: Path, tmp_path: Path):
    shot = Shot.open(shot_copy)
    records.write_json(shot.path("overrides", "track.json"),
                       {"offsets": {"1001": {"61": [1, 1], "152": [9, 9]}}})  # fmt: skip
    record = records.read_record(shot.path("track"))
    records.write_record(shot.path("track"), {**record, "key": track_stage.key(shot)})
    path = tmp_path / "chin.txt"
    path.write_text("1002 10 10\n")
    data = json.loads(import_tracks(shot, path).read_text())["offsets"]
    assert data["1001"] == {"61": [1, 1]} and list(data["1002"]) == ["152"]
    records.write_json(shot.path("overrides", "track.json"), {"offsets": {"1001": {"all": [1, 1]}}})
    records.write_record(shot.path("track"), {**record, "key": track_stage.key(shot)})
    with pytest.raises(UsageError, match="all"):
        import_tracks(shot, path)
    path.write_text("5 10 10\n")
    with pytest.raises(InputError, match="1001-1040"):
        import_tracks(shot, path)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.txt", "", ["holds no track"]),
        ("a.txt", "1 2 x\n", ["line 1", "frame, x and y"]),
        ("a.txt", "1 2 3\n1 2 3\n", ["not in order"]),
        ("a.txt", "1 2 nan\n", ["line 1"]),
        ("a.txt", "1 2 3 4\n", ["line 1"]),
        ("a.txt", "1 99999999 3\n", ["far outside"]),
        ("a.txt", AFTER_EFFECTS, ["holds no track"]),
        ("a.txt", AFTER_EFFECTS + "Position\n\tFrame\tX\tY\n\t0\tq\t1\n", ["not frame, x and y"]),
        ("a.txt", AFTER_EFFECTS.replace("640", "0"), ["line 4", "no size"]),
        ("a.json", "{", ["not a track by Relip"]),
        ("a.json", '{"format": "other"}', ["not a track by Relip"]),
        ("a.json", '{"format": "relip-track", "frames": [1], "points": {"chin": []}}', ["chin"]),
        ("a.nk", "Blur {\n name B\n}\n", ["no tracker or corner pin", "none"]),
        ("a.nk", "CornerPin2D {\n to1 {1 2 3}\n name P\n}\n", ["P", "to1"]),
        ("a.nk", "CornerPin2D {\n to1 {1 2}\n name P\n}\n", ["holds no track"]),
        ("a.nk", "Tracker4 {\n tracks {{1} {{5 1 20 enable e 1}} {{{1} a b}}}\n name T\n}\n",
         ["T", "3 cells in a table of 1 columns"]),
        ("a.nk", "Tracker4 {\n tracks {{1} {{5 1 20 enable e 1} {2 1 75 name name 1}} {{1 a}}}\n"
         " name T\n}\n", ["T", "no column track_x"]),
    ],
)  # fmt: skip
def test_damaged_files_say_what_and_where(tmp_path: Path, name: str, text: str, words: list[str]):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_tracks(path, make_scene(9).form)
    for word in [name, *words]:
        assert word in str(caught.value)


def test_missing_binary_and_hostile_files(tmp_path: Path):
    form = make_scene(9).form
    with pytest.raises(InputError, match="No such file"):
        read_tracks(tmp_path / "gone.txt", form)
    (tmp_path / "b.txt").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(InputError, match="not a text file"):
        read_tracks(tmp_path / "b.txt", form)
    (tmp_path / "h.nk").write_text("Tracker4 {\n name [exec rm -rf /]\n}\nexec rm x\n")
    with pytest.raises(NkError):
        read_tracks(tmp_path / "h.nk", form)
    (tmp_path / "two.nk").write_text("Tracker4 {\n name A\n}\nTracker4 {\n name B\n}\n")
    with pytest.raises(InputError, match="A, B"):
        read_tracks(tmp_path / "two.nk", form)
