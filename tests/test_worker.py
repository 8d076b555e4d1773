"""The worker: JSON-RPC over pipes, one job at a time, cancel within a second, no orphan."""

from __future__ import annotations

import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import relip as package
from relip import jobs, worker
from relip.shot import Shot

#: Seconds within which a cancelled job ends: one on a quiet machine, and room for a busy one. What
#: is cancelled here would go on for a minute.
PROMPT = 5.0
SOURCE = str(Path(package.__file__).parents[1])
posix_only = pytest.mark.skipif(os.name == "nt", reason="signals are POSIX's")


class Client:
    """The other end of ``relip worker``."""

    def __init__(self, *argv: str, path: str = SOURCE) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "relip", "worker", *argv],
            env=os.environ | {"PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.messages: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self.progress: list[dict[str, Any]] = []
        self.stderr: list[str] = []
        self.seen: list[dict[str, Any]] = []
        for target in (self._read, self._read_stderr):
            threading.Thread(target=target, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.messages.put(json.loads(line))  # anything else on the channel fails here
        self.messages.put(None)

    def said(self, start: str, seconds: float = 20.0) -> bool:
        """Whether a line of stderr begins so; it comes by another pipe than the answers."""
        end = time.monotonic() + seconds
        while not any(line.startswith(start) for line in self.stderr):
            if time.monotonic() > end:
                return False
            time.sleep(0.02)
        return True

    def _read_stderr(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            self.stderr.append(line.decode().rstrip())

    def write(self, data: bytes) -> None:
        assert self.process.stdin
        self.process.stdin.write(data + b"\n")
        self.process.stdin.flush()

    def ask(self, ident: object, method: str, **params: Any) -> None:
        self.write(
            json.dumps({"jsonrpc": "2.0", "id": ident, "method": method, "params": params}).encode()
        )

    def answer(self, ident: object, timeout: float = 120) -> dict[str, Any]:
        """The answer to one request; others that come first are kept."""
        for message in self.seen:
            if message["id"] == ident:
                self.seen.remove(message)
                return message
        deadline = time.monotonic() + timeout
        while True:
            message = self.messages.get(timeout=max(deadline - time.monotonic(), 0.01))
            assert message is not None, self.stderr
            assert message["jsonrpc"] == "2.0"
            if message.get("method") == "progress":
                self.progress.append(message["params"])
            elif message["id"] == ident:
                return message
            else:
                self.seen.append(message)

    def call(self, ident: object, method: str, **params: Any) -> dict[str, Any]:
        self.ask(ident, method, **params)
        return self.answer(ident)

    def wait_for_progress(self, ident: object, enough: Callable[[dict[str, Any]], bool]) -> None:
        while True:
            message = self.messages.get(timeout=120)
            assert message is not None, self.stderr
            assert message.get("method") == "progress", message
            self.progress.append(message["params"])
            if message["params"]["id"] == ident and enough(message["params"]):
                return

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)


@pytest.fixture
def client() -> Iterator[Client]:
    made = Client()
    yield made
    if made.process.poll() is None:
        made.process.kill()
    made.process.wait(10)


@pytest.fixture(scope="module")
def idle() -> Iterator[Client]:
    """One worker for the tests that only ask."""
    made = Client()
    yield made
    made.process.kill()
    made.process.wait(10)


def code(message: dict[str, Any]) -> int:
    assert set(message["error"]["data"]) >= {"exit_code", "mend", "kind"}
    return int(message["error"]["code"])


# --- the protocol ----------------------------------------------------------------------------


def test_initialize_tells_protocol_version_and_methods(idle: Client):
    result = idle.call("hello", "initialize", protocol="1.0")["result"]
    assert result["protocol"] == "1.0" and result["version"] == package.__version__
    assert result["pid"] == idle.process.pid
    wanted = {"new", "stage", "run", "status", "set", "align", "doctor", "cancel", "shutdown"}
    assert wanted <= set(result["capabilities"]["methods"])


@pytest.mark.parametrize("protocol", ["2.0", "0.9", "", 1, None])
def test_another_protocol_is_refused(idle: Client, protocol: object):
    message = idle.call(1, "initialize", protocol=protocol)
    assert code(message) == worker.PROTOCOL_ERROR
    assert "same release" in message["error"]["data"]["mend"]


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        (b"{", worker.PARSE_ERROR),
        (b"\xff\xfe", worker.PARSE_ERROR),
        (b'{"jsonrpc": "2.0", "id": NaN, "method": "status"}', worker.PARSE_ERROR),
        (b"[" * 100_000, worker.PARSE_ERROR),
        (b"[" * 70 + b"]" * 70, worker.PARSE_ERROR),
        (b"1" * 5000, worker.PARSE_ERROR),
        (b"x" * (worker.MAX_LINE + 10), worker.PARSE_ERROR),
        (b"[]", worker.INVALID_REQUEST),
        (b"42", worker.INVALID_REQUEST),
        (b'{"id": 1, "method": "status"}', worker.INVALID_REQUEST),
        (b'{"jsonrpc": "2.0", "id": 1}', worker.INVALID_REQUEST),
        (b'{"jsonrpc": "2.0", "id": null, "method": "status"}', worker.INVALID_REQUEST),
        (b'{"jsonrpc": "2.0", "id": true, "method": "status"}', worker.INVALID_REQUEST),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "status", "params": 3}', worker.INVALID_REQUEST),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "quit"}', worker.METHOD_NOT_FOUND),
        (b'{"jsonrpc": "2.0", "id": 1, "method": ""}', worker.METHOD_NOT_FOUND),
    ],
)
def test_bad_lines_get_their_error_and_the_worker_goes_on(idle: Client, line: bytes, wanted: int):
    idle.write(line)
    ident = 1 if b'"id": 1' in line else None
    assert code(idle.answer(ident)) == wanted
    assert idle.call("after", "initialize")["result"]["protocol"] == "1.0"


@pytest.mark.parametrize(
    ("method", "params", "word"),
    [
        ("status", {}, "'shot'"),
        ("status", {"shot": 3}, "string"),
        ("status", {"shot": ""}, "empty"),
        ("status", {"shot": "a\0b"}, "NUL"),
        ("status", {"shot": "\ud800"}, "Unicode"),
        ("status", {"shot": "x", "per_frame": 1}, "true or false"),
        ("status", {"shot": "x", "frames": "1"}, "'frames'"),
        ("run", [], "by name"),
        ("set", {"shot": "x", "settings": {"mask": 1}}, "settings.mask"),
        ("cancel", {}, "'id'"),
        ("cancel", {"id": None}, "'id'"),
    ],
)
def test_bad_parameters_are_named(idle: Client, method: str, params: Any, word: str):
    idle.write(
        json.dumps({"jsonrpc": "2.0", "id": "p", "method": method, "params": params}).encode()
    )
    message = idle.answer("p")
    assert code(message) == worker.INVALID_PARAMETERS
    assert word in message["error"]["message"]


def test_an_error_of_the_engine_carries_exit_code_mend_and_kind(idle: Client, tmp_path: Path):
    error = idle.call(5, "status", shot=str(tmp_path))["error"]
    assert error["code"] == worker.ENGINE_ERROR
    assert error["data"] == {
        "exit_code": 3,
        "mend": "make one with relip new",
        "kind": "ShotError",
    }


def test_notifications_get_no_answer(idle: Client):
    idle.write(b'{"jsonrpc": "2.0", "method": "cancel", "params": {"id": 9}}')
    idle.write(b'{"jsonrpc": "2.0", "method": "run", "params": {"shot": "x"}}')
    idle.write(b'{"jsonrpc": "2.0", "method": "$/unknown"}')
    assert idle.call("next", "cancel", id="nothing")["result"] == {"cancelled": False}
    assert not idle.seen
    assert idle.said("warning: run without an id")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
#: Requests that look right at first, so that the fuzz gets behind the first check.
near_requests = st.fixed_dictionaries(
    {"jsonrpc": st.just("2.0"), "id": st.integers() | st.text(max_size=3)},
    optional={
        "method": st.sampled_from(
            [*(m for m in jobs.JOBS if m not in ("new", "dub")), "initialize", "cancel"]
        )
        | st.text(max_size=8),
        "params": st.dictionaries(
            st.sampled_from(["shot", "frames", "id", "settings", "per_frame", "protocol"]),
            json_values.filter(lambda v: not isinstance(v, str)),
            max_size=4,
        )
        | json_values,
    },
)


@settings(deadline=None, max_examples=300, suppress_health_check=list(HealthCheck))
@given(
    st.binary(max_size=60).filter(lambda b: b"\n" not in b)
    | json_values.map(lambda v: json.dumps(v).encode())
    | near_requests.map(lambda v: json.dumps(v).encode())
)
def test_no_line_ends_or_confuses_it(idle: Client, line: bytes):
    try:
        request = json.loads(line)
    except (ValueError, RecursionError):
        request = None
    sound = isinstance(request, dict) and request.get("jsonrpc") == "2.0"
    if sound and request.get("method") in ("doctor", "shutdown"):
        return
    idle.write(line)
    mark = f"mark {time.monotonic_ns()}"
    assert idle.call(mark, "initialize")["result"]["protocol"] == "1.0"
    for message in idle.seen:
        assert ("error" in message) or ("result" in message)
        if "error" in message:
            code(message)
    idle.seen.clear()


# --- jobs ------------------------------------------------------------------------------------


def without(shot: Path, *stages: str) -> Path:
    for name in stages:
        shutil.rmtree(shot / name, ignore_errors=True)
    return shot


def long_training(shot: Path, steps: int = 100_000) -> Path:
    made = Shot.open(shot)
    made.change(train={"steps": steps}).save()
    return shot


def test_a_job_runs_with_progress_while_status_is_answered_and_a_second_job_refused(
    client: Client, shot_copy: Path, finished_shot: Path
):
    shot = without(shot_copy, "render", "comp")
    client.ask(1, "run", shot=str(shot), until="blend")
    client.wait_for_progress(1, lambda p: p["stage"] == "render")
    client.ask(2, "stage", shot=str(shot), stage="mask")
    assert code(client.answer(2)) == worker.BUSY
    client.ask(1, "status", shot=str(shot))  # an id that still runs
    assert code(client.answer(1)) == worker.INVALID_REQUEST
    client.ask(3, "status", shot=str(shot))
    states = client.answer(3)["result"]
    assert [s["stage"] for s in states["stages"]][-1] == "blend"
    done = client.answer(1)["result"]
    assert done["exit_code"] == 0
    assert [s["stage"] for s in done["stages"]] == [
        "speech", "track", "mask", "train", "render", "blend",
    ]  # fmt: skip
    assert "render   40 frames done" in done["text"]
    shares = [p["share"] for p in client.progress if p["id"] == 1]
    assert shares == sorted(shares) and shares[-1] == 1.0 and len(set(shares)) > 3
    assert {p["stage"] for p in client.progress} >= {"render", "blend"}
    for path in (finished_shot / "comp").glob("comp.*.exr"):
        assert (shot / "comp" / path.name).read_bytes() == path.read_bytes()
    # warm: the same process does the next job
    before = {p.pid for p in client.children()}
    assert client.call(4, "stage", shot=str(shot), stage="blend")["result"]["kept"] == 40
    assert {p.pid for p in client.children()} == before


def test_cancel_is_prompt_and_keeps_what_is_finished(
    client: Client, shot_copy: Path, finished_shot: Path
):
    shot = without(shot_copy, "render")
    client.ask("r", "stage", shot=str(shot), stage="render")
    client.wait_for_progress("r", lambda p: p.get("done", 0) >= 3)
    began = time.monotonic()
    assert client.call("c", "cancel", id="r")["result"] == {"cancelled": True}
    error = client.answer("r")["error"]
    assert time.monotonic() - began < PROMPT
    assert error["code"] == worker.CANCELLED and error["data"]["exit_code"] == 130
    time.sleep(0.3)
    kept = list((shot / "render" / "status").glob("[0-9]*.json"))
    assert 3 <= len(kept) < 40
    for status in kept:
        name = f"patch.{status.stem}.exr"
        assert (shot / "render" / name).read_bytes() == (
            finished_shot / "render" / name
        ).read_bytes()
    assert not [p for p in (shot / "render").rglob(".*")]
    result = client.call("again", "stage", shot=str(shot), stage="render")["result"]
    assert (result["kept"], result["done"]) == (len(kept), 40 - len(kept))


@pytest.mark.parametrize("stage", ["train", "track", "mask"])
def test_every_stage_is_cancelled_promptly(client: Client, shot_copy: Path, stage: str):
    shot = long_training(shot_copy) if stage == "train" else shot_copy
    client.ask(1, "stage", shot=str(shot), stage=stage, force=True)
    client.wait_for_progress(1, lambda p: p["stage"] == stage)
    began = time.monotonic()
    client.ask(2, "cancel", id=1)
    assert client.answer(1)["error"]["code"] == worker.CANCELLED
    assert time.monotonic() - began < PROMPT
    assert client.answer(2)["result"] == {"cancelled": True}


#: A job that holds Python's lock inside C code for a minute, prints on descriptor 1 by hand and
#: ignores every request to stop: what no polling can stop.
HOSTILE = """\
import os, re
from relip import jobs, records
from relip.commands.result import Result

def deaf(parameters, progress):
    os.write(1, b'{"jsonrpc": "2.0", "id": 1, "result": "forged"}\\n')
    print("noise")
    if parameters["stage"] == "crash":
        os.write(2, b"about to fall\\n")
        os.kill(os.getpid(), 11)
    with records.atomic_path(parameters["shot"] + "/render/patch.1001.exr"):
        progress.start("deaf", 1)
        re.match("(a*)*b", "a" * 40)
    return Result()

jobs.JOBS["stage"] = jobs.Job(jobs.JOBS["stage"].parameters, deaf)
"""


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[Client]:
    """A worker whose job process, not the worker itself, has the job above."""
    (tmp_path / "hostile.py").write_text(HOSTILE)
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\nif sys.orig_argv[1:3] == ['-m', 'relip.jobprocess']:\n    import hostile\n"
    )
    made = Client(path=os.pathsep.join([SOURCE, str(tmp_path)]))
    yield made
    made.process.kill()
    made.process.wait(10)


def deaf(client: Client, tmp_path: Path) -> Path:
    """Start a job that holds Python's lock and a half-written file."""
    client.ask(1, "stage", shot=str(tmp_path / "shot.relip"), stage="render")
    client.wait_for_progress(1, lambda p: p["stage"] == "deaf")
    return tmp_path / "shot.relip" / "render"


def test_a_deaf_job_is_killed_promptly_and_the_next_one_runs(hostile: Client, tmp_path: Path):
    folder = deaf(hostile, tmp_path)
    shot = folder.parent
    (process,) = hostile.children()
    (half,) = folder.iterdir()
    other = folder / f".patch.1001.{process.pid}-ffffffff-00000000.exr"
    other.write_bytes(b"of a process with the same number on another machine")
    began = time.monotonic()
    assert hostile.call(2, "status", shot=str(shot))["error"]["code"] == worker.ENGINE_ERROR
    assert time.monotonic() - began < PROMPT  # answered although the job holds Python's lock
    began = time.monotonic()
    hostile.ask(3, "cancel", id=1)
    assert hostile.answer(1)["error"]["code"] == worker.CANCELLED
    assert time.monotonic() - began < PROMPT
    assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    deadline = time.monotonic() + 5
    while half.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert list(folder.iterdir()) == [other]
    assert "noise" in hostile.stderr  # and not on the channel
    hostile.ask(4, "stage", shot=str(shot), stage="render")
    hostile.wait_for_progress(4, lambda p: p["stage"] == "deaf")


@posix_only
def test_a_crash_is_told_with_the_last_lines_and_the_next_job_runs(hostile: Client, tmp_path: Path):
    error = hostile.call(1, "stage", shot=str(tmp_path), stage="crash")["error"]
    assert error["code"] == worker.CRASHED
    assert "SIGSEGV" in error["message"] and error["data"]["kind"] == "Crashed"
    assert "about to fall" in error["data"]["last_lines"]
    assert any("Segmentation fault" in line for line in error["data"]["last_lines"])
    assert hostile.call(2, "stage", shot=str(tmp_path), stage="crash")["error"]["code"] == (
        worker.CRASHED
    )


@posix_only
def test_a_killed_job_process_is_told_and_its_half_files_removed(hostile: Client, tmp_path: Path):
    folder = deaf(hostile, tmp_path)
    assert len(list(folder.iterdir())) == 1
    (process,) = hostile.children()
    process.kill()
    error = hostile.answer(1)["error"]
    assert error["code"] == worker.CRASHED and "SIGKILL" in error["message"]
    assert "lack of memory" in error["data"]["mend"]
    deadline = time.monotonic() + 5
    while list(folder.iterdir()):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_set_changes_the_shot_or_nothing(client: Client, shot_copy: Path):
    shot = str(shot_copy)
    result = client.call(1, "set", shot=shot, settings={"mask": {"grow": 0.02}})["result"]
    assert result["changed"] == {"mask.grow": [0.0, 0.02]}
    before = (shot_copy / "shot.toml").read_bytes()
    error = client.call(
        2, "set", shot=shot, settings={"mask": {"grow": 0.03}, "blend": {"mix": 7}}
    )["error"]
    assert error["data"]["kind"] == "SettingError" and "blend.mix" in error["message"]
    assert (shot_copy / "shot.toml").read_bytes() == before
    assert Shot.open(shot_copy).settings.mask.grow == 0.02


def test_commands_of_others_are_called_through_their_own_parsers(
    client: Client, finished_shot: Path, tmp_path: Path
):
    shot, out = str(finished_shot), tmp_path / "track.nk"
    options = {"points": ["nose_tip", "chin"], "reference": 1003, "script": False}
    result = client.call(
        1, "export", shot=shot, to="tracker", out=str(out), frames="1001-1005", options=options
    )["result"]
    assert result["exit_code"] == 0 and "Tracker4" in out.read_text()
    assert str(out) in json.dumps(result)
    error = client.call(2, "export", shot=shot, to="nothing", out=str(out))["error"]
    assert error["data"]["kind"] == "ParameterError" and error["data"]["exit_code"] == 2
    assert "'nothing'" in error["message"]
    error = client.call(3, "export", shot=shot, to="tracker", out="x", options={"colour": 1})
    assert "--colour=1" in error["error"]["message"]
    result = client.call(4, "farm.bundle", shot=shot, out=str(tmp_path / "job"), frames="1001-1010")
    assert result["result"]["frames"] == "1001-1010"
    assert (tmp_path / "job" / "template.yaml").is_file()


def test_a_new_shot_and_an_alignment(client: Client, demo_sequence, dialogue, tmp_path: Path):
    shot = tmp_path / "new.relip"
    result = client.call(
        1,
        "new",
        shot=str(shot),
        plate=str(demo_sequence.path),
        frames="1001-1020",
        settings={"dialogue": {"audio": str(dialogue.audio)}, "plate": {"fps": "25"}},
    )["result"]
    assert result["frames"] == [1001, 1020]
    assert Shot.open(shot).settings.plate.fps == "25"
    out = tmp_path / "out.TextGrid"
    result = client.call(
        2, "align", audio=str(dialogue.audio), text=str(dialogue.text), out=str(out)
    )["result"]
    assert [w[0] for w in result["words"]] == ["five", "big", "plums"] and out.is_file()
    error = client.call(3, "new", shot=str(tmp_path / "b.relip"), plate="/nothing.mov")["error"]
    assert error["data"]["exit_code"] == 3 and not (tmp_path / "b.relip").exists()


# --- its end ---------------------------------------------------------------------------------


def gone(processes: list[psutil.Process], seconds: float = 5.0) -> bool:
    return not psutil.wait_procs(processes, timeout=seconds)[1]


def test_it_ends_when_stdin_closes(hostile: Client, tmp_path: Path):
    deaf(hostile, tmp_path)
    children = hostile.children()
    assert hostile.process.stdin and children
    began = time.monotonic()
    hostile.process.stdin.close()
    assert hostile.process.wait(10) == 0
    assert time.monotonic() - began < 5.0
    assert gone(children)


def test_shutdown_answers_and_ends(client: Client):
    assert client.call("s", "shutdown")["result"] == {}
    assert client.process.wait(10) == 0


@posix_only
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it(client: Client, signum: int):
    client.call(1, "initialize")
    client.process.send_signal(signum)
    assert client.process.wait(10) == 128 + signum
    assert not any("Traceback" in line for line in client.stderr)


@posix_only
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it ends when its C code returns")
def test_a_killed_worker_takes_its_jobs_along(hostile: Client, tmp_path: Path):
    deaf(hostile, tmp_path)
    children = hostile.children()
    assert children
    hostile.process.kill()
    assert gone(children)


@posix_only
def test_it_ends_with_its_parent_even_when_its_stdin_stays_open(tmp_path: Path):
    """A parent that dies while something else holds the pipe: no end of file ever comes."""
    read, write = os.pipe()
    code_text = (
        "import subprocess, sys, time\n"
        "p = subprocess.Popen([sys.executable, '-m', 'relip', 'worker'], stdin=0,"
        " stdout=subprocess.PIPE)\n"
        "p.stdout.readline()\n"
        "print(p.pid, flush=True)\ntime.sleep(60)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code_text],
        env=os.environ | {"PYTHONPATH": SOURCE},
        stdin=read,
        stdout=subprocess.PIPE,
    )
    try:
        os.write(write, b'{"jsonrpc": "2.0", "id": 1, "method": "initialize"}\n')
        assert parent.stdout
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
        parent.wait()
        assert gone([child])
    finally:
        os.close(read)
        os.close(write)
