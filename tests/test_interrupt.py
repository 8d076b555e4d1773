"""Killed in the middle, run again: finished frames are kept. Many processes on one shot."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import relip as package
from relip import interrupt
from relip.errors import InterruptedByUser

FRAMES = "1001-1020"


def test_handlers_are_set_in_the_block_only():
    before = signal.getsignal(signal.SIGTERM)
    with interrupt.caught():
        assert signal.getsignal(signal.SIGTERM) is not before
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(InterruptedByUser, match="interrupted in render") as caught:
            interrupt.check("render")
    assert caught.value.exit_code == 143 and "run the same command again" in str(caught.value)
    assert signal.getsignal(signal.SIGTERM) is before
    with interrupt.caught():
        interrupt.check()


def test_sigint_gives_130():
    with interrupt.caught():
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(InterruptedByUser) as caught:
            interrupt.check()
    assert caught.value.exit_code == 130


def test_outside_the_main_thread_nothing_is_caught():
    seen = []

    def work() -> None:
        before = signal.getsignal(signal.SIGINT)
        with interrupt.caught():
            seen.append(signal.getsignal(signal.SIGINT) is before)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [True]


def test_a_second_signal_ends_the_process_at_once():
    code = (
        "import signal, time\nfrom relip import interrupt\n"
        "with interrupt.caught():\n"
        "    signal.raise_signal(signal.SIGTERM)\n    signal.raise_signal(signal.SIGTERM)\n"
        "    time.sleep(60)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], env=environment(), timeout=30)
    assert ended.returncode == -signal.SIGTERM


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(Path(package.__file__).parents[1])}


def render(shot: Path, frames: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "relip", "render", shot, "--frames", frames, "--progress", "none"],
        env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def finished(shot: Path) -> dict[str, tuple[int, int]]:
    """Patches whose frame is recorded as done: inode and time of writing."""
    found = {}
    for status in (shot / "render" / "status").glob("[0-9]*.json"):
        stat = (shot / "render" / f"patch.{int(status.stem):04d}.exr").stat()
        found[status.stem] = (stat.st_ino, stat.st_mtime_ns)
    return found


def patches(shot: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in (shot / "render").glob("patch.*.exr")}


@pytest.fixture
def unrendered(shot_copy: Path) -> Path:
    shutil.rmtree(shot_copy / "render")
    return shot_copy


@pytest.mark.parametrize(
    ("signum", "code"),
    [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)],
)
def test_killed_and_run_again(
    unrendered: Path, finished_shot: Path, relip: Callable, signum: int, code: int
):
    process = render(unrendered, FRAMES)
    deadline = time.monotonic() + 120
    while len(finished(unrendered)) < 2:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signum)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    if signum != signal.SIGKILL:
        assert err.splitlines() == [
            "error: interrupted in render; finished frames are kept; "
            "run the same command again to go on"
        ]
    kept = finished(unrendered)
    assert 2 <= len(kept) < 20
    whole = patches(finished_shot)
    for name, content in patches(unrendered).items():
        assert content == whole[name]

    ended = relip(
        "render", unrendered, "--frames", FRAMES, "--output", "json", "--progress", "none"
    )
    assert ended.code == 0
    assert (ended.data["kept"], ended.data["done"]) == (len(kept), 20 - len(kept))
    after = finished(unrendered)
    assert {name: after[name] for name in kept} == kept
    assert patches(unrendered) == {
        f"patch.{f}.exr": whole[f"patch.{f}.exr"] for f in range(1001, 1021)
    }
    if signum != signal.SIGKILL:
        assert not [p for p in (unrendered / "render").rglob(".*")]


def test_two_processes_on_overlapping_frames(unrendered: Path, finished_shot: Path):
    both = [render(unrendered, "1001-1008"), render(unrendered, "1004-1011")]
    for process in both:
        _, err = process.communicate(timeout=180)
        assert process.returncode == 0, err
    whole = patches(finished_shot)
    assert patches(unrendered) == {
        f"patch.{f}.exr": whole[f"patch.{f}.exr"] for f in range(1001, 1012)
    }
    assert len(finished(unrendered)) == 11
    assert not [p for p in (unrendered / "render").rglob(".*")]
