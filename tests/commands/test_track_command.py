"""``relip track --from`` takes over foreign tracks; ``relip review --stage track`` shows."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import av
import cv2
import numpy as np

from relip import records
from relip.shot import Shot
from relip.track import geometry
from relip.track import stage as track_stage


def write_mocha(path: Path, shot: Shot, places: np.ndarray) -> Path:
    """After Effects keyframe data of one point, y down from the top."""
    with shot.open_plate() as plate:
        width, height = plate.width, plate.height
    rows = "\n".join(f"\t{i}\t{x:.4f}\t{y:.4f}\t0" for i, (x, y) in enumerate(places))
    path.write_text(
        "Adobe After Effects 6.0 Keyframe Data\n\n\tUnits Per Second\t25\n"
        f"\tSource Width\t{width}\n\tSource Height\t{height}\n"
        "\tSource Pixel Aspect Ratio\t1\n\tComp Pixel Aspect Ratio\t1\n\n"
        f"Position\n\tFrame\tX pixels\tY pixels\tZ pixels\n{rows}\n\nEnd of Keyframe Data\n"
    )
    return path


def test_a_mocha_track_replaces_the_alignment(relip, shot_copy: Path, tmp_path: Path):
    shot = Shot.open(shot_copy)
    before = track_stage.load(shot)
    nose = before.landmarks[:, 4, :2] + np.random.default_rng(0).normal(0, 1.5, (40, 2))
    source = write_mocha(tmp_path / "nose.txt", shot, nose)
    ended = relip("track", shot_copy, "--from", source, "--output", "json")
    assert ended.code == 0, ended
    assert ended.data["data"]["alignment"] == {"tracks": ["Position"], "frames": 40}
    after = track_stage.load(shot)
    inside = geometry.apply(after.transform, nose[:, None])[:, 0]
    assert inside.std(0).max() < 1e-4
    np.testing.assert_array_equal(after.landmarks, before.landmarks)
    status = {
        s["stage"]: s["state"]
        for s in relip("status", shot_copy, "--output", "json").data["stages"]
    }
    assert status["mask"] == "stale"
    # without the override the shot's own alignment is back
    shot.path("overrides", "track.json").unlink()
    assert relip("track", shot_copy).code == 0
    np.testing.assert_array_equal(track_stage.load(shot).transform, before.transform)


def test_points_by_name(relip, refused, shot_copy: Path, tmp_path: Path):
    shot = Shot.open(shot_copy)
    before = track_stage.load(shot)
    chin = before.landmarks[:, 152, :2] + [3, -2]
    source = write_mocha(tmp_path / "chin.txt", shot, chin)
    refused(3, ["track", shot_copy, "--from", source, "--as", "points"], "Position")
    ended = relip("track", shot_copy, "--from", source, "--as", "points", "--call", "Position=chin")
    assert ended.code == 0, ended
    after = track_stage.load(shot)
    np.testing.assert_allclose(after.landmarks[:, 152, :2], chin, atol=2e-3)
    np.testing.assert_array_equal(after.transform, before.transform)


def test_bad_tracks_change_nothing(refused, shot_copy: Path, tmp_path: Path):
    bad = tmp_path / "bad.txt"
    bad.write_text("this is no track\n")
    refused(3, ["track", shot_copy, "--from", bad], "bad.txt")
    refused(3, ["track", shot_copy, "--from", tmp_path / "none.nk"], "none.nk")
    late = tmp_path / "late.txt"
    late.write_text("5 10 10\n6 11 10\n")
    refused(3, ["track", shot_copy, "--from", late], "1001-1040")
    refused(2, ["track", shot_copy, "--from", late, "--call", "a=chin"], "--as points")
    assert not (shot_copy / "overrides" / "track.json").exists()


def test_review_shows_the_track(relip, shot_copy: Path):
    ended = relip("review", shot_copy, "--stage", "track", "--output", "json")
    assert ended.code == 0, ended
    movie, picture = (Path(name) for name in ended.data["files"])
    with av.open(str(movie)) as container:
        frames = [f.to_ndarray(format="rgb24") for f in container.decode(video=0)]
    assert len(frames) == 40
    sheet = cv2.imread(str(picture))
    assert sheet is not None and sheet.shape[1] >= 6 * 240
    stamp = movie.stat().st_mtime_ns
    assert relip("review", shot_copy, "--stage", "track").code == 0
    assert movie.stat().st_mtime_ns == stamp
    assert not (shot_copy / "review" / "report.html").exists()


def test_review_of_a_shot_that_is_not_tracked(refused, shot_copy: Path):
    shutil.rmtree(shot_copy / "track")
    refused(3, ["review", shot_copy, "--stage", "track"], "run relip track")


def test_an_edit_that_comes_and_goes_is_in_the_alpha(relip, shot_copy: Path):
    """A frame's alpha is its matte times mix, and the comp is patch over plate as ever."""
    from relip.plate import read_exr

    shot = Shot.open(shot_copy)
    track = track_stage.load(shot)
    mix = np.ones(40)
    mix[3], mix[4] = 0.375, 0.0
    before = read_exr(shot.path("render", "patch.1004.exr"))
    changed = track.part(slice(None))
    object.__setattr__(changed, "mix", mix)
    changed.save(shot.path("track", "track.npz"))
    record = records.read_record(shot.path("track"))
    record["reasons"] = {"1005": "mouth hidden"}
    records.write_record(shot.path("track"), record)
    assert relip("render", shot_copy, "--frames", "1003-1005").code == 0
    assert relip("blend", shot_copy, "--frames", "1003-1005").code == 0
    patch, origin, _, _ = read_exr(shot.path("render", "patch.1004.exr"))
    wanted = (before[0]["A"] * np.float32(0.375)).astype(np.float16).astype(np.float32)
    assert np.abs(patch["A"] - wanted).max() < 1e-3 and patch["A"].max() > 0.3
    assert not shot.path("render", "patch.1005.exr").exists()
    state = json.loads(shot.path("render", "status", "1005.json").read_text())
    assert state["state"] == "passed" and state["note"] == "mouth hidden"
    with shot.open_plate() as plate:
        plates = {p.frame: p.rgb for p in plate.iter([1004, 1005])}
    comp, at, _, _ = read_exr(shot.path("comp", "comp.1004.exr"))
    x, y = origin[0] - at[0], origin[1] - at[1]
    height, width = patch["A"].shape
    window = (slice(y, y + height), slice(x, x + width))
    behind = plates[1004][origin[1] : origin[1] + height, origin[0] : origin[0] + width]
    for i, name in enumerate("RGB"):
        over = patch[name] + behind[..., i] * (1 - patch["A"])
        np.testing.assert_array_equal(
            comp[name][window], over.astype(np.float16).astype(np.float32)
        )
    whole, _, _, _ = read_exr(shot.path("comp", "comp.1005.exr"))
    np.testing.assert_array_equal(whole["G"], plates[1005][..., 1])
