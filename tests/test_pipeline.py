"""The stages as one shot: up to date or stale, chunks, overrides, drives, the comp's promise."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from relip import pipeline
from relip.errors import UsageError
from relip.plate import read_exr, write_exr
from relip.render import interior, match
from relip.shot import Shot

CHUNKS = ("1001-1004", "1005-1006", "1007-1010")


def pictures(shot: Path, folder: str) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in (shot / folder).glob("*.exr")}


def stamps(shot: Path) -> dict[str, tuple[int, int]]:
    return {
        str(p.relative_to(shot)): (p.stat().st_ino, p.stat().st_mtime_ns)
        for p in shot.rglob("*")
        if p.is_file() and p.name != "record.json"
    }


def states(shot: Path, stage: str) -> dict[int, str]:
    return next(s for s in pipeline.status(Shot.open(shot)) if s.stage == stage).frames


def frames_in(states: dict[int, str], state: str) -> list[int]:
    return [frame for frame, found in states.items() if found == state]


@pytest.fixture
def run(relip: Callable) -> Callable:
    """Runs a stage through the command line; gives its report."""

    def stage(name: str, shot: Path, *options: object) -> dict:
        ended = relip(name, shot, "--progress", "none", "--output", "json", *options)
        assert ended.code == 0, ended
        return ended.data

    return stage


def test_a_finished_shot_is_up_to_date_and_run_again_does_nothing(finished_shot: Path, run):
    assert [s.state for s in pipeline.status(Shot.open(finished_shot))] == ["up to date"] * 6
    before = stamps(finished_shot)
    stages = run("run", finished_shot, "--until", "blend")["stages"]
    assert [(s["stage"], s["done"], s["kept"]) for s in stages] == [
        (name, 0, 40) for name in ("speech", "track", "mask", "train", "render", "blend")
    ]
    assert stamps(finished_shot) == before


def test_chunks_give_the_files_of_one_go(finished_shot: Path, shot_copy: Path, run):
    for stage, folder in (("mask", "mask"), ("render", "render"), ("blend", "comp")):
        shutil.rmtree(shot_copy / folder)
        for chunk in CHUNKS:
            run(stage, shot_copy, "--frames", chunk)
        whole = pictures(finished_shot, folder)
        made = pictures(shot_copy, folder)
        assert len(made) == 10 and made == {name: whole[name] for name in made}
        if stage == "mask":  # the rest, so that render finds what it found before
            run(stage, shot_copy)


def test_force_makes_the_same_again(finished_shot: Path, shot_copy: Path, run):
    before = stamps(shot_copy)
    assert run("render", shot_copy, "--frames", "1001-1002", "--force")["done"] == 2
    after = stamps(shot_copy)
    assert after["render/patch.1001.exr"] != before["render/patch.1001.exr"]
    assert pictures(shot_copy, "render") == pictures(finished_shot, "render")


def test_the_comp_is_patch_over_plate_and_else_the_plate(finished_shot: Path):
    shot = Shot.open(finished_shot)
    touched = 0
    with shot.open_plate() as plate:
        assert plate.half
        for picture in plate.iter(shot.frames):
            channels, (x, y), display, _ = read_exr(
                shot.path("render", f"patch.{picture.frame}.exr")
            )
            assert display == (plate.width, plate.height)
            window = slice(y, y + channels["A"].shape[0]), slice(x, x + channels["A"].shape[1])
            patch, alpha = np.zeros_like(picture.rgb), np.zeros(picture.rgb.shape[:2], np.float32)
            patch[window] = np.stack([channels[c] for c in "RGB"], -1)
            alpha[window] = channels["A"]
            assert alpha.min() == 0 and 0.9 < alpha.max() <= 1
            comp, at, _, _ = read_exr(shot.path("comp", f"comp.{picture.frame}.exr"))
            rgb = np.stack([comp[c] for c in "RGB"], -1)
            assert at == (0, 0)
            expected = patch + picture.rgb * (np.float32(1) - alpha[..., None])
            assert np.array_equal(rgb, expected.astype(np.float16).astype(np.float32))
            outside = alpha == 0
            assert np.abs(rgb - picture.rgb)[outside].max() == 0
            matte, (mx, my), _, _ = read_exr(shot.path("mask", f"mask.{picture.frame}.exr"))
            beyond = np.ones(alpha.shape, bool)
            h, w = matte["matte"].shape
            beyond[my : my + h, mx : mx + w] = matte["matte"] == 0
            assert np.abs(rgb - picture.rgb)[beyond].max() == 0
            touched += int((rgb != picture.rgb).any(-1).sum())
    assert touched > 40 * 100


def test_a_comp_keeps_what_the_plate_says_of_itself(finished_shot: Path):
    shot = Shot.open(finished_shot)
    with shot.open_plate() as plate:
        spec = plate.read(1007).spec
        assert spec is not None
        wanted = spec.metadata
    _, _, _, found = read_exr(shot.path("comp", "comp.1007.exr"))
    for name in ("smpte:TimeCode", "framesPerSecond", "chromaticities"):
        assert name in wanted and np.array_equal(found[name], wanted[name]), name


def test_a_mouth_override_of_two_frames(finished_shot: Path, shot_copy: Path, run):
    """Only the frames around them change: two on each side whose colour match hears of it, and
    a few more where other teeth are chosen."""
    nearest = range(1003 - match.REACH, 1005 + match.REACH + 1)
    reach = interior.AROUND + max(interior.CONTEXT) + match.REACH
    override = shot_copy / "overrides" / "mouth.csv"
    override.parent.mkdir()
    override.write_text("frame,jawOpen\n1003,1\n1005,1\n")
    changed = frames_in(states(shot_copy, "render"), "stale")
    assert set(nearest) <= set(changed) <= set(range(1001, 1005 + reach + 1))
    report = run("render", shot_copy)
    assert (report["done"], report["kept"]) == (len(changed), 40 - len(changed))
    new, old = pictures(shot_copy, "render"), pictures(finished_shot, "render")
    other = sorted(int(n.split(".")[1]) for n in new if new[n] != old[n])
    assert {1003, 1005} <= set(other) <= set(changed)
    assert set(frames_in(states(shot_copy, "blend"), "stale")) >= set(other)
    run("blend", shot_copy)
    override.unlink()
    assert frames_in(states(shot_copy, "render"), "stale") == changed
    assert run("render", shot_copy)["done"] == len(changed)
    run("blend", shot_copy)
    for folder in ("render", "comp"):
        assert pictures(shot_copy, folder) == pictures(finished_shot, folder)


def test_a_mask_override(finished_shot: Path, shot_copy: Path, run):
    """An artist's matte of one channel, a rectangle: pixels change inside it only."""
    matte = np.ones((20, 30), np.float32)
    write_exr(shot_copy / "overrides" / "mask.1004.exr", {"A": matte}, display=(240, 240),
              origin=(110, 120))  # fmt: skip
    assert frames_in(states(shot_copy, "render"), "stale") == [1004]
    assert run("render", shot_copy, "--frames", "1003-1005")["done"] == 1
    run("blend", shot_copy, "--frames", "1003-1005")
    shot = Shot.open(shot_copy)
    with shot.open_plate() as plate:
        rgb = plate.read(1004).rgb
    comp, _, _, _ = read_exr(shot_copy / "comp" / "comp.1004.exr")
    changed = (np.stack([comp[c] for c in "RGB"], -1) != rgb).any(-1)
    rows, columns = np.nonzero(changed)
    assert changed.sum() > 100
    assert rows.min() >= 120 and rows.max() < 140 and columns.min() >= 110 and columns.max() < 140
    computed = pictures(shot_copy, "mask")["mask.1004.exr"]
    assert computed == pictures(finished_shot, "mask")["mask.1004.exr"]
    (shot_copy / "overrides" / "mask.1004.exr").unlink()
    run("render", shot_copy, "--frames", "1004")
    assert pictures(shot_copy, "render") == pictures(finished_shot, "render")


def test_a_mask_override_of_another_size(refused: Callable, shot_copy: Path):
    path = shot_copy / "overrides" / "mask.1004.exr"
    write_exr(path, {"A": np.ones((9, 9))}, display=(100, 100))
    refused(3, ["render", shot_copy, "--progress", "none"], path, "100x100", "240x240", "; ")


def test_an_override_under_another_name_is_told(shot_copy: Path, run, refused: Callable):
    """It is found by its name alone: the artist's matte went unused without a word."""
    folder = shot_copy / "overrides"
    folder.mkdir()
    for name in ("mask.01004.exr", "patch_1004.EXR", "mask.7.exr", "Mouth.csv", "notes.txt"):
        (folder / name).write_text("")
    told = run("status", shot_copy)["warnings"]
    assert told == [
        "overrides/Mouth.csv is not used: name it mouth.csv",
        "overrides/mask.01004.exr is not used: name it mask.1004.exr",
        "overrides/mask.7.exr is not used: the shot has the frames 1001-1040",
        "overrides/patch_1004.EXR is not used: name it patch.1004.exr",
    ]
    assert run("render", shot_copy)["notes"][-3:] == told[:3]
    assert run("blend", shot_copy)["notes"][-1:] == told[3:]
    assert not any("overrides" in note for note in run("mask", shot_copy)["notes"])
    (folder / "mask.01004.exr").rename(folder / "mask.1004.exr")
    refused(3, ["render", shot_copy], "mask.1004.exr", "mend or remove the override")


def test_a_patch_override(finished_shot: Path, shot_copy: Path, run):
    """Another renderer's frame: it is shown, and the stage's own frame is not lost."""
    red = np.full((10, 10), 0.5, np.float32)
    channels = {"R": red, "G": 0 * red, "B": 0 * red, "A": red}
    write_exr(shot_copy / "overrides" / "patch.1004.exr", channels, display=(240, 240),
              origin=(5, 6))  # fmt: skip
    assert frames_in(states(shot_copy, "blend"), "stale") == [1004]
    assert frames_in(states(shot_copy, "render"), "stale") == []
    assert run("blend", shot_copy)["done"] == 1
    shot = Shot.open(shot_copy)
    with shot.open_plate() as plate:
        expected = plate.read(1004).rgb.copy()
    expected[6:16, 5:15] *= np.float32(0.5)
    expected[6:16, 5:15, 0] += np.float32(0.5)
    comp, _, _, _ = read_exr(shot_copy / "comp" / "comp.1004.exr")
    assert np.array_equal(
        np.stack([comp[c] for c in "RGB"], -1), expected.astype(np.float16).astype(np.float32)
    )
    (shot_copy / "overrides" / "patch.1004.exr").unlink()
    assert run("blend", shot_copy)["done"] == 1
    assert pictures(shot_copy, "comp") == pictures(finished_shot, "comp")


def test_retimed_phones(finished_shot: Path, shot_copy: Path, run):
    """A TextGrid moved by the artist: the curves follow, the alignment is not made again."""
    from relip.speech import Alignment, Interval, read_mouth_csv, read_textgrid, write_textgrid

    own = read_textgrid(shot_copy / "speech" / "phones.TextGrid")
    silence = [Interval(0.0, own.duration, "")]
    quiet = Alignment(words=silence, phones=silence, duration=own.duration)
    override = shot_copy / "overrides" / "phones.TextGrid"
    override.parent.mkdir()
    write_textgrid(override, quiet)
    before = stamps(shot_copy)["speech/phones.TextGrid"]
    state = {s.stage: s.state for s in pipeline.status(Shot.open(shot_copy))}
    assert state["speech"] == "stale"
    report = run("speech", shot_copy)
    assert any("overrides/phones.TextGrid" in note for note in report["notes"])
    assert stamps(shot_copy)["speech/phones.TextGrid"] == before
    _, curves = read_mouth_csv(shot_copy / "speech" / "mouth.csv")
    assert max(curves["jawOpen"]) < 0.05
    assert run("render", shot_copy, "--frames", "1005-1008")["done"] > 0
    override.unlink()
    run("speech", shot_copy)
    assert (shot_copy / "speech" / "mouth.csv").read_bytes() == (
        finished_shot / "speech" / "mouth.csv"
    ).read_bytes()
    run("render", shot_copy, "--frames", "1005-1008")
    assert pictures(shot_copy, "render") == pictures(finished_shot, "render")


def drive(shot: Path, **settings: str) -> None:
    Shot.open(shot).change(render=settings).save()


def test_drive_track_needs_no_speech(finished_shot: Path, shot_copy: Path, run):
    drive(shot_copy, drive="track")
    shutil.rmtree(shot_copy / "speech")
    stages = run("run", shot_copy, "--until", "blend", "--frames", "1001-1003")["stages"]
    assert [s["stage"] for s in stages] == ["track", "mask", "train", "render", "blend"]
    assert stages[3]["done"] == 3
    new, old = pictures(shot_copy, "render"), pictures(finished_shot, "render")
    assert [n for n in sorted(new) if new[n] != old[n]] == [
        f"patch.{f}.exr" for f in (1001, 1002, 1003)
    ]


@pytest.mark.parametrize("kind", ["relip", "arkit"])
def test_drive_csv(finished_shot: Path, shot_copy: Path, run, tmp_path: Path, kind: str):
    path = tmp_path / "curves.csv"
    if kind == "relip":
        rows = ["frame,jawOpen", *(f"{f},{1 if f == 1002 else 0}" for f in range(1001, 1041))]
    else:
        rows = ["Timecode,BlendshapeCount,JawOpen"]
        rows += [f"00:00:{i // 25:02d}:{i % 25:02d}.000,1,{1 if i == 1 else 0}" for i in range(40)]
    path.write_text("\n".join(rows) + "\n")
    drive(shot_copy, drive="csv", csv=str(path))
    assert run("render", shot_copy, "--frames", "1002-1003")["done"] == 2
    new = pictures(shot_copy, "render")
    assert new["patch.1002.exr"] != pictures(finished_shot, "render")["patch.1002.exr"]
    path.write_text("\n".join(rows).replace(",1", ",0.5") + "\n")
    assert states(shot_copy, "render")[1002] == "stale"


def test_a_setting_makes_stale_what_depends_on_it(shot_copy: Path):
    def stale() -> list[str]:
        return [s.stage for s in pipeline.status(Shot.open(shot_copy)) if s.state != "up to date"]

    shot = Shot.open(shot_copy)
    shot.change(render={"articulation": 0.5}).save()
    assert stale() == ["render"]
    shot.change(mask={"feather": 0.1}).save()
    assert stale() == ["mask"]
    shot.change(blend={"mix": 0.5}).save()
    assert stale() == ["blend"]
    shot.change(train={"seed": 5}).save()
    assert stale() == ["train", "render"]  # the grain's seed is the shot's
    shot.change(train={"device": "cpu"}).save()
    assert stale() == []
    assert [
        s.note for s in pipeline.status(shot.change(mask={"feather": 0.1})) if s.stage == "render"
    ]


def test_missing_and_waiting_stages(tmp_path: Path, demo_clip, relip):
    shot = tmp_path / "a.relip"
    assert relip("new", shot, "--plate", demo_clip.path, "--drive", "track").code == 0
    found = {s.stage: s.state for s in pipeline.status(Shot.open(shot))}
    assert found == {
        "track": "missing", "mask": "waits", "train": "missing", "render": "waits",
        "blend": "missing",
    }  # fmt: skip


def test_what_cannot_be_asked(finished_shot: Path):
    shot = Shot.open(finished_shot)
    with pytest.raises(UsageError, match="cannot be split"):
        pipeline.run_stage(shot, "track", frames="1001")
    with pytest.raises(UsageError, match="use one of speech, track"):
        pipeline.run_stage(shot, "paint")
    with pytest.raises(UsageError, match="use one of speech, track"):
        pipeline.run(shot, until="paint")


def test_status_as_text_and_json(relip, shot_copy: Path):
    (shot_copy / "comp" / "comp.1009.exr").unlink()
    (shot_copy / "overrides").mkdir()
    (shot_copy / "overrides" / "mouth.csv").write_text("frame,jawOpen\n1003,1\n")
    text = relip("status", shot_copy, "--per-frame")
    assert text.code == 0 and text.err == ""
    for words in ("speech   up to date", "render   partial", "stale: 1001-10", "missing: 1009",
                  "to do: 1009", "overrides: mouth.csv"):  # fmt: skip
        assert words in text.out, text.out
    data = relip("status", shot_copy, "--output", "json", "--per-frame").data
    assert data["frames"] == [1001, 1040] and data["overrides"] == ["mouth.csv"]
    stages = {s["stage"]: s for s in data["stages"]}
    assert stages["render"]["per_frame"]["1003"] == "stale"
    counts = stages["render"]["frames"]
    assert counts["stale"] >= 5 and counts["done"] + counts["stale"] == 40
    assert stages["blend"]["per_frame"]["1009"] == "missing"


def test_progress_json_of_a_run(relip, shot_copy: Path):
    shutil.rmtree(shot_copy / "comp")
    ended = relip("run", shot_copy, "--until", "blend", "--progress", "json", "--output", "json")
    lines = [json.loads(line) for line in ended.err.splitlines()]
    fractions = [line["fraction"] for line in lines if "fraction" in line]
    assert fractions == sorted(fractions) and fractions[-1] == 1
    assert lines[-1]["stage"] == "blend" and lines[-1]["event"] == "finish"
    assert [s["stage"] for s in ended.data["stages"]][-1] == "blend"
