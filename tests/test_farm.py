"""Many processes on one folder, killed at will: nothing lost, nothing half-written."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import relip as package
from relip import records
from relip.records import FrameRecord

#: What one task of a farm does to a stage's folder, without the minutes of computing.
TASK = """
import sys
from pathlib import Path
import numpy as np
from relip import records
from relip.plate import write_exr
from relip.records import FrameRecord
folder, seed = Path(sys.argv[1]), int(sys.argv[2])
records.sweep(folder), records.sweep(folder / "status")
record = FrameRecord(folder)
frames = list(range(1001, 1041))
np.random.default_rng(seed).shuffle(frames)
for frame in frames:
    output = folder / f"patch.{frame}.exr"
    if not record.is_current(frame, f"key {frame}", output):
        picture = np.random.default_rng(frame).random((90, 160, 4)).astype(np.float32)
        write_exr(output, picture, display=(160, 90))
        record.set(frame, f"key {frame}", "done")
"""


def environment(**more: str) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(Path(package.__file__).parents[1]), **more}


def task(folder: Path, seed: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", TASK, folder, str(seed)],
        env=environment(), stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def finished(folder: Path, name: str = "patch") -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.glob(f"{name}.*.exr")}


def hidden(folder: Path) -> list[Path]:
    return [p for p in folder.rglob(".*")]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What one process makes by itself."""
    folder = tmp_path_factory.mktemp("alone")
    process = task(folder, 0)
    assert process.wait(120) == 0, process.stderr.read()
    return finished(folder)


def whole(folder: Path, alone: dict[str, bytes]) -> None:
    record = FrameRecord(folder)
    for frame in range(1001, 1041):
        assert record.is_current(frame, f"key {frame}", folder / f"patch.{frame}.exr"), frame
    assert finished(folder) == alone
    assert hidden(folder) == []


def test_eight_processes_on_one_folder(tmp_path: Path, alone: dict[str, bytes]):
    processes = [task(tmp_path, seed) for seed in range(8)]
    for process in processes:
        _, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
    whole(tmp_path, alone)


def test_killed_ten_times_at_random(tmp_path: Path, alone: dict[str, bytes]):
    """At any moment what is recorded as done is whole; in the end nothing is missing or left."""
    rng = random.Random(0)
    kills = 0
    for turn in range(10):
        process = task(tmp_path, turn)
        goal = min(len(finished(tmp_path)) + rng.randint(1, 4), 39)
        deadline = time.monotonic() + 60
        while len(finished(tmp_path)) < goal and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.001)
        time.sleep(rng.random() * 0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        kills += process.returncode == -signal.SIGKILL
        done = FrameRecord(tmp_path)
        for path in (tmp_path / "status").glob("[0-9]*.json"):
            name = f"patch.{path.stem}.exr"
            assert done.get(int(path.stem)) and (tmp_path / name).read_bytes() == alone[name]
    assert kills == 10
    process = task(tmp_path, 99)
    assert process.wait(120) == 0
    whole(tmp_path, alone)


def relip(*argv: object, **more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "relip", *map(str, argv), "--progress", "none"],
        env=environment(**more), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.parametrize("threads", ["1", "3"])
def test_any_number_of_threads_gives_the_same_bits(
    finished_shot: Path, shot_copy: Path, threads: str
):
    """Convolutions and decompositions are not the same on two threads; frames are."""
    for stage in ("mask", "render"):
        process = relip(stage, shot_copy, "--frames", "1005-1009", "--force", "--threads", threads,
                        OMP_NUM_THREADS=threads, OPENBLAS_NUM_THREADS=threads)  # fmt: skip
        _, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
    for folder, name in (("mask", "mask"), ("render", "patch")):
        assert finished(shot_copy / folder, name) == finished(finished_shot / folder, name)
    state = records.read_record(shot_copy / "render")["again"]
    assert state["threads"] == int(threads)


@pytest.mark.slow
def test_eight_renders_and_ten_kills_of_a_real_shot(shot_copy: Path, finished_shot: Path):
    shutil.rmtree(shot_copy / "render")
    rng = random.Random(1)
    processes = [relip("render", shot_copy, "--threads", 1) for _ in range(8)]
    for _ in range(10):
        time.sleep(rng.uniform(1, 6))
        victim = rng.choice(processes)
        processes.remove(victim)
        victim.kill()
        victim.communicate()
        processes.append(relip("render", shot_copy, "--threads", 1))
    for process in processes:
        _, err = process.communicate(timeout=600)
        assert process.returncode == 0, err
    last = relip("render", shot_copy)
    out, err = last.communicate(timeout=300)
    assert last.returncode == 0 and "40 up to date" in out, (out, err)
    assert finished(shot_copy / "render") == finished(finished_shot / "render")
    assert hidden(shot_copy / "render") == []


def test_a_file_that_may_not_grow(shot_copy: Path, tmp_path: Path):
    """Like a full disk, without being root: RLIMIT_FSIZE ends a write with an error."""
    resource = pytest.importorskip("resource", reason="limits are Unix's")
    code = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000));"
        "from relip.__main__ import main; sys.exit(main(sys.argv[1:]))"
    )
    assert resource
    before = finished(shot_copy / "comp", "comp")
    ended = subprocess.run(
        [sys.executable, "-c", code, "blend", shot_copy, "--force", "--progress", "none"],
        env=environment(), capture_output=True, text=True,
    )  # fmt: skip
    assert ended.returncode == 6, ended.stderr
    assert ended.stderr.startswith(f"error: {shot_copy / 'comp' / 'comp.1001.exr'} cannot be")
    assert "check the room on the disk" in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert finished(shot_copy / "comp", "comp") == before
    assert hidden(shot_copy / "comp") == []
