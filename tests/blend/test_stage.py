"""The blend stage: failures are not forgotten, the artist's patch goes in, names of files."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from relip.blend import stage
from relip.errors import StageMissingError, UsageError
from relip.plate import read_exr, read_image, write_exr
from relip.progress import Progress
from relip.records import FrameRecord
from relip.shot import Shot

QUIET = Progress("none")
FRAMES = [1003, 1004, 1005]
SIZE = (240, 240)


@pytest.mark.parametrize(
    "pattern, frame, name",
    [
        ("out/a.####.exr", 7, "out/a.0007.exr"),
        ("a.#.exr", 1001, "a.1001.exr"),
        ("a.%04d.exr", 12, "a.0012.exr"),
        ("a.%d.exr", 12, "a.12.exr"),
        ("a.######.exr", 1001, "a.001001.exr"),
    ],
)
def test_sequence_path(pattern: str, frame: int, name: str):
    assert stage.sequence_path(pattern, frame) == Path(name)


def test_a_sequence_needs_a_place_for_the_number():
    with pytest.raises(UsageError, match="####"):
        stage.sequence_path("a.exr", 3)


def test_to_another_place(shot_copy: Path, tmp_path: Path):
    shot = Shot.open(shot_copy)
    target = str(tmp_path / "out" / "sh.####.exr")
    report = stage.run(shot, FRAMES, progress=QUIET, target=target)
    assert report.done == FRAMES
    for frame in FRAMES:
        made = tmp_path / "out" / f"sh.{frame}.exr"
        np.testing.assert_array_equal(read_image(made), read_image(stage.comp_path(shot, frame)))
    assert stage.run(shot, FRAMES, progress=QUIET, target=target).kept == FRAMES


def test_mix(shot_copy: Path):
    shot = Shot.open(shot_copy).change(blend={"mix": 0.0})
    stage.run(shot, FRAMES, progress=QUIET)
    with shot.open_plate() as plate:
        for frame in FRAMES:
            wanted = plate.read(frame).rgb
            np.testing.assert_array_equal(read_image(stage.comp_path(shot, frame)), wanted)


def fail(shot: Shot, frame: int) -> None:
    """As the render stage leaves a frame that it could not do."""
    record = FrameRecord(shot.path("render"))
    record.set(frame, str((record.get(frame) or {})["key"]), "failed", "no memory")


def test_a_failed_frame_is_the_plate_and_stays_failed(shot_copy: Path):
    """Also when the stage runs again and finds its file up to date."""
    shot = Shot.open(shot_copy)
    fail(shot, 1004)
    for turn in range(2):
        report = stage.run(shot, FRAMES, progress=QUIET)
        assert report.failed == {1004: "no memory"}
        assert (report.kept if turn else report.done) == (FRAMES if turn else [1004])
    with shot.open_plate() as plate:
        np.testing.assert_array_equal(read_image(stage.comp_path(shot, 1004)), plate.read(1004).rgb)


def test_the_artists_patch_mends_a_failed_frame(shot_copy: Path):
    shot = Shot.open(shot_copy)
    fail(shot, 1004)
    patch = {c: np.full((6, 8), v, np.float32) for c, v in zip("RGBA", (0.2, 0.3, 0.4, 1.0),
                                                              strict=True)}  # fmt: skip
    write_exr(shot.path("overrides", "patch.1004.exr"), patch, display=SIZE, origin=(-3, 100))
    report = stage.run(shot, FRAMES, progress=QUIET)
    assert not report.failed
    with shot.open_plate() as plate:
        wanted = plate.read(1004).rgb.copy()
    wanted[100:106, :5] = np.float32(np.float16([0.2, 0.3, 0.4]))
    np.testing.assert_array_equal(read_image(stage.comp_path(shot, 1004)), wanted)


def test_an_unfit_patch_fails_its_frame_and_no_other(shot_copy: Path):
    shot = Shot.open(shot_copy)
    path = shot.path("overrides", "patch.1004.exr")
    one = np.ones((4, 4), np.float32)

    def reason(done: list[int]) -> str:
        report = stage.run(shot, FRAMES, progress=QUIET, force=bool(done))
        assert list(report.failed) == [1004] and report.done == done
        return report.failed[1004]

    write_exr(path, dict.fromkeys("RGBA", one), display=(64, 64))
    assert "64x64" in reason([])
    write_exr(path, dict.fromkeys("RGB", one), display=SIZE)
    assert "no channel A" in reason([1003, 1005])
    path.write_bytes(b"no picture")
    assert "patch.1004.exr" in reason([1003, 1005])
    path.unlink()
    report = stage.run(shot, FRAMES, progress=QUIET)
    assert report.done == [1004] and not report.failed


def test_not_rendered(shot_copy: Path):
    shot = Shot.open(shot_copy)
    shutil.rmtree(shot.path("render"))
    with pytest.raises(StageMissingError, match="relip render"):
        stage.run(shot, FRAMES, progress=QUIET, force=True)


def test_merge_over_of_the_stored_patch_is_the_comp(finished_shot: Path):
    """Half floats on file: patch + plate × (1 − alpha), rounded once."""
    shot = Shot.open(finished_shot)
    with shot.open_plate() as plate:
        rgb = plate.read(1020).rgb
    channels, (x, y), _, _ = read_exr(finished_shot / "render" / "patch.1020.exr")
    alpha = channels["A"][..., None]
    patch = np.stack([channels[c] for c in "RGB"], -1)
    assert (patch[alpha[..., 0] == 0] == 0).all()
    height, width = alpha.shape[:2]
    wanted = rgb.copy()
    behind = wanted[y : y + height, x : x + width]
    behind[:] = patch + behind * (1 - alpha)
    np.testing.assert_array_equal(
        read_image(stage.comp_path(shot, 1020)), wanted.astype(np.float16).astype(np.float32)
    )
