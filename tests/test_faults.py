"""What goes wrong on a farm: stopped in any stage, plates that go, folders and clocks that are off.

Signals are real ones, sent to this very process at a chosen step; see ``test_interrupt`` for
processes of their own and for kill -9.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from relip import interrupt
from relip.errors import InterruptedByUser
from relip.plate import open_plate
from relip.progress import Progress
from relip.records import FrameRecord
from relip.render import match

#: Of each stage: its folder, its results, and a step in its middle.
STAGES = {
    "speech": ("speech", ("mouth.csv", "phones.TextGrid"), 1),
    "track": ("track", ("track.npz",), 3),
    "mask": ("mask", ("mask.*.exr",), 45),  # after the 40 frames that are learned from
    "train": ("model", ("model.safetensors",), 42),
    "render": ("render", ("patch.*.exr",), 3),
    "blend": ("comp", ("comp.*.exr",), 3),
}


def results(shot: Path, stage: str) -> dict[str, bytes]:
    folder, patterns, _ = STAGES[stage]
    return {p.name: p.read_bytes() for name in patterns for p in (shot / folder).glob(name)}


def at_step(
    monkeypatch: pytest.MonkeyPatch, number: int, do: Callable[[], None], stage: str = ""
) -> list[int]:
    """Do something at the n-th step that is counted (of one stage): once."""
    plain, seen = Progress.step, [0]

    def step(self: Progress, n: int = 1, note: str = "") -> None:
        seen[0] += not stage or self._stage == stage
        if seen[0] == number:
            seen[0] += 1
            do()
        plain(self, n, note)

    monkeypatch.setattr(Progress, "step", step)
    return seen


def hidden(folder: Path) -> list[str]:
    return [str(p.relative_to(folder)) for p in folder.rglob(".*")]


@pytest.mark.parametrize("signum, code", [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
@pytest.mark.parametrize("stage", list(STAGES))
def test_a_stage_that_is_stopped_goes_on(
    shot_copy: Path,
    finished_shot: Path,
    refused: Callable,
    relip: Callable,
    monkeypatch: pytest.MonkeyPatch,
    stage: str,
    signum: int,
    code: int,
):
    if signum == signal.SIGINT and stage in ("track", "train", "render"):
        pytest.skip("the same way as SIGTERM; test_interrupt has it in a process of its own")
    folder, _, step = STAGES[stage]
    shutil.rmtree(shot_copy / folder)
    argv = [stage, shot_copy, "--progress", "none"]
    with monkeypatch.context() as patched:
        seen = at_step(patched, step, lambda: signal.raise_signal(signum))
        refused(code, argv, "interrupted in", "finished frames are kept", "run the same command")
    assert seen[0] == step + 1, "the step it was asked in is the last"
    assert hidden(shot_copy) == []
    whole = results(finished_shot, stage)
    made = results(shot_copy, stage)
    assert all(made[name] == whole[name] for name in made)
    if stage == "train":
        assert (shot_copy / "model" / "training.safetensors").exists()
    ended = relip(*argv, "--output", "json")
    assert ended.code == 0 and ended.err == "", ended
    if stage in ("mask", "render", "blend"):
        assert ended.data["kept"] >= 1 and ended.data["kept"] + ended.data["done"] == 40
    assert results(shot_copy, stage) == whole
    assert hidden(shot_copy) == []
    assert not (shot_copy / "model" / "training.safetensors").exists()


@pytest.mark.parametrize("signum, code", [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_review_that_is_stopped_goes_on(
    shot_copy: Path, refused: Callable, relip: Callable, monkeypatch, signum: int, code: int
):
    argv = ["review", shot_copy, "--progress", "none"]
    with monkeypatch.context() as patched:
        at_step(patched, 3, lambda: signal.raise_signal(signum))
        refused(code, argv, "interrupted in")
    assert hidden(shot_copy) == [] and not (shot_copy / "review" / "report.html").exists()
    if signum == signal.SIGTERM:
        assert relip(*argv).code == 0
        assert (shot_copy / "review" / "report.html").exists() and hidden(shot_copy) == []


def test_a_movie_that_is_stopped_leaves_nothing_and_goes_on(
    tmp_path: Path, demo_clip, monkeypatch: pytest.MonkeyPatch
):
    from relip.dubbing import dub_with

    settings = {
        "plate": {"path": str(demo_clip.path), "frames": "1-10"},
        "render": {"drive": "track"},
        "train": {"steps": 2},
    }
    out = tmp_path / "out" / "dubbed.mp4"
    for number, (signum, code) in enumerate([(signal.SIGTERM, 143), (signal.SIGINT, 130)]):
        with monkeypatch.context() as patched, interrupt.caught():
            at_step(patched, 3, lambda s=signum: signal.raise_signal(s), "movie")
            with pytest.raises(InterruptedByUser, match="in movie") as caught:
                dub_with(settings, output=out)
        assert caught.value.exit_code == code
        assert [p.name for p in out.parent.iterdir()] == ["dubbed.relip"]
        assert hidden(out.parent) == []
        if number == 0:
            first = results(out.parent / "dubbed.relip", "render")
    with interrupt.caught():
        outcome = dub_with(settings, output=out)
    kept = {r.stage: len(r.kept) for r in outcome.reports}
    assert (kept["track"], kept["train"], kept["render"]) == (10, 10, 10)
    assert results(out.parent / "dubbed.relip", "render") == first
    with open_plate(out) as made:
        assert len(made.frames) == 10
    assert hidden(out.parent) == []


# ------------------------------------------------------------------------------------------------
# Plates that go


@pytest.fixture
def own_plate(shot_copy: Path, demo_sequence, tmp_path: Path) -> Path:
    """The shot's plate in a folder of its own, that may be spoilt."""
    plate = tmp_path / "plate"
    plate.mkdir()
    for file in demo_sequence.path.parent.glob("*.exr"):
        os.link(file, plate / file.name)
    toml = shot_copy / "shot.toml"
    toml.write_text(toml.read_text().replace(str(demo_sequence.path.parent), str(plate)))
    return plate


@pytest.mark.parametrize("stage", ["render", "blend"])
def test_a_plate_that_vanishes_in_mid_run(
    shot_copy: Path,
    own_plate: Path,
    finished_shot: Path,
    relip: Callable,
    monkeypatch: pytest.MonkeyPatch,
    stage: str,
):
    """The frames that were read are done, the others fail by name, and come when it is back."""
    away = own_plate.with_name("away")
    argv = (stage, shot_copy, "--force", "--progress", "none", "--output", "json")
    with monkeypatch.context() as patched:
        at_step(patched, 2, lambda: own_plate.rename(away) and None)
        ended = relip(*argv)
    assert ended.code == 4 and ended.err == "", ended
    failed = ended.data["failed"]
    assert len(failed) >= 20 and len(failed) + ended.data["done"] == 40
    assert all("plate." in reason for reason in failed.values())
    assert hidden(shot_copy) == []
    gone = relip(stage, shot_copy, "--progress", "none")
    assert gone.code == 3 and gone.err.startswith("error: ") and str(own_plate) in gone.err
    assert gone.err.count("\n") == 1
    away.rename(own_plate)
    again = relip(*(a for a in argv if a != "--force"))
    # with those beside the missing ones, whose match is steadied by them
    beside = 2 * match.REACH if stage == "render" else 0
    assert again.code == 0 and 0 <= again.data["done"] - len(failed) <= beside, again
    assert results(shot_copy, stage) == results(finished_shot, stage)


@pytest.mark.parametrize("stage", ["track", "train"])
def test_a_stage_that_needs_all_of_it(
    shot_copy: Path, own_plate: Path, relip: Callable, monkeypatch, stage: str
):
    before = results(shot_copy, stage)
    away = own_plate.with_name("away")
    with monkeypatch.context() as patched:
        at_step(patched, 2, lambda: own_plate.rename(away) and None)
        ended = relip(stage, shot_copy, "--force", "--progress", "none")
    assert ended.code in (3, 4), ended
    assert "Traceback" not in ended.err + ended.out and "plate" in ended.err + ended.out
    assert results(shot_copy, stage) == before
    assert hidden(shot_copy) == []


# ------------------------------------------------------------------------------------------------
# Folders that cannot be written


@contextlib.contextmanager
def nobody(folder: Path, *others: Path) -> Iterator[None]:
    """As a user who may only look at the folder; root may do anything, so it becomes another."""
    for place in (folder, *others):
        for parent in [place, *place.parents]:
            if parent == Path(tempfile.gettempdir()):
                break
            with contextlib.suppress(PermissionError):
                parent.chmod(parent.stat().st_mode | 0o055)
    mode = folder.stat().st_mode
    folder.chmod(0o555)
    root = os.geteuid() == 0
    try:
        if root:
            os.seteuid(65534)
        yield
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(mode)


@pytest.mark.skipif(os.name == "nt", reason="permissions are Unix's")
@pytest.mark.parametrize("stage, folder", [("mask", "mask"), ("blend", "comp")])
def test_a_folder_that_may_not_be_written(
    shot_copy: Path, own_plate: Path, refused: Callable, relip: Callable, stage: str, folder: str
):
    # Once before, so that nothing has to be imported by the user who may not.
    argv = [stage, shot_copy, "--frames", "1001-1002", "--force", "--progress", "none"]
    assert relip(*argv).code == 0
    before = results(shot_copy, stage)
    with nobody(shot_copy / folder, own_plate):
        refused(6, argv, shot_copy / folder, "Permission denied", "change its permissions")
    assert results(shot_copy, stage) == before
    assert hidden(shot_copy) == []


@pytest.mark.parametrize("stage, folder", [("mask", "mask"), ("render", "render"),
                                           ("blend", "comp"), ("review", "review"),
                                           ("blend", "comp/status")])  # fmt: skip
def test_a_file_where_a_folder_should_be(
    shot_copy: Path, refused: Callable, stage: str, folder: str
):
    place = shot_copy / folder
    shutil.rmtree(place, ignore_errors=True)
    place.write_text("not a folder")
    refused(6, [stage, shot_copy, "--force", "--progress", "none"], place, "a file stands where")
    assert place.read_text() == "not a folder"


# ------------------------------------------------------------------------------------------------
# Clocks


@pytest.mark.parametrize("when", [0.0, -86400.0 * 400, 86400.0 * 400])
def test_clocks_that_are_off_change_nothing(
    shot_copy: Path, own_plate: Path, relip: Callable, when: float
):
    """Files of a machine whose clock is a year ahead or behind; plates older than their masks."""
    stamp = time.time() + when if when else 0.0
    for path in [*shot_copy.rglob("*"), *own_plate.iterdir()]:
        os.utime(path, (stamp, stamp))
    # Every second one as if by a machine that runs the other way.
    for path in sorted(shot_copy.rglob("*.exr"))[::2]:
        os.utime(path, (time.time() - when, time.time() - when))
    state = relip("status", shot_copy, "--output", "json").data["stages"]
    assert {s["state"] for s in state} == {"up to date"}, state
    ended = relip("run", shot_copy, "--until", "blend", "--progress", "none", "--output", "json")
    assert ended.code == 0 and [s["done"] for s in ended.data["stages"]] == [0] * len(state)


def test_a_changed_plate_is_seen_though_its_clock_stands_still(
    shot_copy: Path, own_plate: Path, relip: Callable
):
    """Another picture of the same size and time of change: content decides, not time."""
    path = own_plate / "plate.1005.exr"
    stat = path.stat()
    other = (own_plate / "plate.1030.exr").read_bytes()
    path.unlink()
    path.write_bytes(other)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns - 10**12))
    state = relip("status", shot_copy, "--per-frame", "--output", "json").data["stages"]
    stale = {s["stage"]: [f for f, v in s.get("per_frame", {}).items() if v == "stale"]
             for s in state}  # fmt: skip
    assert "1005" in stale["render"] and "1005" in stale["blend"]
    # and those whose colour match hears of it
    assert stale["render"] == [str(f) for f in range(1003, 1008)]


def test_temporary_files_of_machines_whose_clock_is_ahead_stay(shot_copy: Path, relip: Callable):
    """They may be being written; those of this machine's dead processes go whatever they say."""
    from relip import records

    theirs = shot_copy / "comp" / ".comp.1001.0123abcd-4242-89abcdef.exr"
    ours = shot_copy / "comp" / f".comp.1002{records.temporary_mark(2**22 + 1)}89abcdef.exr"
    ahead = time.time() + 86400
    for path in (theirs, ours):
        path.write_bytes(b"half")
        os.utime(path, (ahead, ahead))
    assert relip("blend", shot_copy, "--frames", "1001", "--progress", "none").code == 0
    assert theirs.exists() and not ours.exists()


def test_a_status_that_another_wrote_meanwhile_is_taken(shot_copy: Path, relip: Callable):
    """Two writers: a frame that another finished with the same inputs is not made again."""
    record = FrameRecord(shot_copy / "comp")
    status = record.get(1007)
    assert status
    (record.status_folder / "1007.json").unlink()
    record.set(1007, status["key"], "done")
    ended = relip("blend", shot_copy, "--progress", "none", "--output", "json")
    assert ended.code == 0 and ended.data["done"] == 0 and ended.data["kept"] == 40
