"""The plugin's client of the engine: with the real worker, and with engines that misbehave."""

from __future__ import annotations

import importlib
import json
import os
import queue
import shutil
import subprocess
import sys
import textwrap
import threading
import time
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

import relip as package
from relip.shot import Shot

SOURCE = Path(package.__file__).parents[1]
PLUGIN = Path(__file__).resolve().parents[2] / "nuke_plugin"

#: Seconds that a test waits for what takes a moment on an idle machine.
PATIENCE = 300.0

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the engines here are shell scripts")


class ProgressTask:
    """Nuke's, as far as the client uses it."""

    made: list[ProgressTask] = []

    def __init__(self, title: str) -> None:
        self.title = title
        self.values: list[int] = []
        self.messages: list[str] = []
        self.cancel_at: Callable[[ProgressTask], bool] = lambda task: False
        self.made.append(self)

    def setProgress(self, value: int) -> None:
        assert isinstance(value, int) and 0 <= value <= 100
        self.values.append(value)

    def setMessage(self, text: str) -> None:
        assert isinstance(text, str)
        self.messages.append(text)

    def isCancelled(self) -> bool:
        return self.cancel_at(self)


class Host:
    """A Nuke with an interface: its main thread is the test's."""

    def __init__(self, engine: types.ModuleType, nuke: types.ModuleType) -> None:
        self.engine, self.nuke = engine, nuke
        self.calls: queue.Queue[tuple[Any, Any]] = queue.Queue()

        def execute_in_main_thread(call: Any, args: Any = (), kwargs: Any = None) -> None:
            assert threading.current_thread() is not threading.main_thread(), "Nuke hangs"
            self.calls.put((call, args))

        nuke.executeInMainThread = execute_in_main_thread  # type: ignore[attr-defined]
        self.outcomes: list[tuple[Any, Any, bool]] = []

    def done(self, result: Any, error: Any) -> None:
        main = threading.current_thread() is threading.main_thread()
        self.outcomes.append((result, error, main))

    def start(self, method: str, title: str = "Lip sync", **params: Any) -> None:
        began = time.monotonic()
        self.engine.run(method, params, title=title, done=self.done)
        assert time.monotonic() - began < 0.2, "the main thread was blocked"

    def pump(self, count: int = 1, timeout: float = PATIENCE) -> None:
        """What Nuke's event loop does, until ``count`` more jobs are done."""
        for _ in range(count):
            call, args = self.calls.get(timeout=timeout)
            call(*args)

    def outcome(self, method: str, **params: Any) -> tuple[Any, Any]:
        self.start(method, **params)
        self.pump()
        result, error, main = self.outcomes.pop()
        assert main and (result is None) != (error is None)
        return result, error

    def result(self, method: str, **params: Any) -> Any:
        result, error = self.outcome(method, **params)
        assert error is None, error
        return result

    def error(self, method: str, **params: Any) -> Any:
        return self.outcome(method, **params)[1]


def script(path: Path, body: str) -> Path:
    path.write_text("#!/bin/sh\n" + textwrap.dedent(body))
    path.chmod(0o755)
    return path


def real(path: Path, before: str = "") -> Path:
    """The engine of this checkout as an executable."""
    return script(path, f'{before}\nPYTHONPATH={SOURCE} exec {sys.executable} -m relip "$@"\n')


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    """The client in a Nuke with an interface, with this checkout's engine."""
    nuke = types.ModuleType("nuke")
    nuke.GUI, nuke.EXE_PATH, nuke.ProgressTask = True, "/opt/Nuke/Nuke14", ProgressTask  # type: ignore[attr-defined]
    monkeypatch.setattr(ProgressTask, "made", [])
    kept = {n: sys.modules.pop(n) for n in [*sys.modules] if n.split(".")[0] == "relip_nuke"}
    monkeypatch.setitem(sys.modules, "nuke", nuke)
    monkeypatch.syspath_prepend(str(PLUGIN))
    monkeypatch.setenv("RELIP_ENGINE", str(real(tmp_path / "relip")))
    engine = importlib.import_module("relip_nuke.engine")
    yield Host(engine, nuke)
    engine.stop()
    for name in [n for n in sys.modules if n.split(".")[0] == "relip_nuke"]:
        del sys.modules[name]
    sys.modules.update(kept)


@pytest.fixture
def unrendered(shot_copy: Path) -> Path:
    shutil.rmtree(shot_copy / "render")
    return shot_copy


def pid(host: Host) -> int:
    return int(host.engine.info()["pid"])


def wait_until(condition: Callable[[], Any], timeout: float = PATIENCE) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


# --- with the real engine --------------------------------------------------------------------


def test_a_job_shows_its_progress_and_ends_on_the_main_thread(host: Host, unrendered: Path):
    assert host.engine.info()["running"] is False
    result = host.result("stage", shot=str(unrendered), stage="render")
    assert result["done"] == 40 and result["exit_code"] == 0
    assert "render   40 frames done" in result["text"]
    (task,) = ProgressTask.made
    assert task.title == "Lip sync"
    assert task.values == sorted(set(task.values)) and task.values[-1] == 100
    assert len(task.values) >= 3
    assert task.messages[0] == "starting the engine"
    assert any(m.startswith("render  ") and m.endswith("/40") for m in task.messages)
    known = host.engine.info()
    assert known["running"] and known["version"] == package.__version__
    # the next job finds it warm
    before = pid(host)
    assert host.result("status", shot=str(unrendered))["stages"]
    assert pid(host) == before


def test_cancel_stops_the_engine_long_before_it_is_done(host: Host, unrendered: Path):
    host.start("stage", shot=str(unrendered), stage="render")
    wait_until(lambda: ProgressTask.made and (ProgressTask.made[0].values or [0])[-1] > 5)
    ProgressTask.made[0].cancel_at = lambda task: True
    host.pump()
    result, error, _ = host.outcomes.pop()
    assert result is None and isinstance(error, host.engine.Cancelled)
    kept = len(list((unrendered / "render" / "status").glob("[0-9]*.json")))
    assert 1 <= kept < 40
    again = host.result("stage", shot=str(unrendered), stage="render")
    assert (again["kept"], again["done"]) == (kept, 40 - kept)


def test_a_killed_engine_is_reported_and_started_again(host: Host, unrendered: Path):
    shot = Shot.open(unrendered).change(train={"steps": 100_000})
    shot.save()
    host.start("stage", shot=str(unrendered), stage="train")
    wait_until(lambda: any("train" in m for t in ProgressTask.made for m in t.messages))
    first = pid(host)
    psutil.Process(first).kill()
    host.pump()
    _, error, _ = host.outcomes.pop()
    assert isinstance(error, host.engine.EngineError)
    assert error.kind == "Crashed" and error.code == 1
    assert "in stage by signal 9" in error.message and "run it again" in error.mend
    assert host.result("status", shot=str(unrendered))["stages"]
    assert pid(host) != first


def test_a_crash_in_a_library_is_reported_with_its_last_lines(host: Host, unrendered: Path):
    shot = Shot.open(unrendered).change(train={"steps": 100_000})
    shot.save()
    host.start("stage", shot=str(unrendered), stage="train")
    wait_until(lambda: any("train" in m for t in ProgressTask.made for m in t.messages))
    first = pid(host)
    (job,) = psutil.Process(first).children()
    job.send_signal(11)
    host.pump()
    _, error, _ = host.outcomes.pop()
    assert error.kind == "Crashed" and "SIGSEGV" in error.message
    assert any("Segmentation fault" in line for line in error.last_lines)
    assert "Segmentation fault" in str(error)
    assert host.result("status", shot=str(unrendered))["stages"]
    assert pid(host) == first  # the worker itself lived on


def test_jobs_wait_for_one_another_and_questions_do_not(host: Host, unrendered: Path):
    host.start("stage", shot=str(unrendered), stage="render")
    wait_until(lambda: ProgressTask.made and ProgressTask.made[0].values)
    host.start("stage", shot=str(unrendered), stage="mask")
    host.start("status", title="", shot=str(unrendered))
    host.pump()
    assert "stages" in host.outcomes[0][0]  # answered first
    host.pump(2)
    assert [error for _, error, _ in host.outcomes] == [None, None, None]
    assert [r["stage"] for r, _, _ in host.outcomes[1:]] == ["render", "mask"]
    assert "waiting for another lip sync job" in ProgressTask.made[1].messages
    assert len(ProgressTask.made) == 2  # a question without a title shows no bar


def test_a_waiting_job_can_be_cancelled(host: Host, tmp_path: Path):
    host.engine._turn.acquire()
    host.start("stage", shot=str(tmp_path), stage="mask")
    wait_until(lambda: ProgressTask.made)
    ProgressTask.made[0].cancel_at = lambda task: True
    host.pump()
    assert isinstance(host.outcomes[0][1], host.engine.Cancelled)
    host.engine._turn.release()


def test_an_error_of_the_engine_comes_with_its_mend(host: Host, tmp_path: Path):
    error = host.error("status", shot=str(tmp_path))
    assert (error.code, error.kind, error.last_lines) == (3, "ShotError", [])
    assert error.message == f"{tmp_path}: not a shot folder (no shot.toml)"
    assert str(error).endswith("; make one with relip new")
    error = host.error("status")
    assert error.code == 2 and "'shot'" in error.message


def test_nuke_s_own_environment_does_not_reach_the_engine(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for name in ("PYTHONHOME", "PYTHONPATH", "LD_LIBRARY_PATH", "LD_PRELOAD"):
        monkeypatch.setenv(name, "/opt/Nuke")
    assert host.error("status", shot=str(tmp_path)).kind == "ShotError"


def test_lines_that_others_print_do_not_disturb_it(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    noisy = real(tmp_path / "noisy", "echo 'Welcome to the studio shell'\necho '{\"a\": 1}'\n")
    monkeypatch.setenv("RELIP_ENGINE", str(noisy))
    assert host.error("status", shot=str(tmp_path)).kind == "ShotError"


def test_terminal_mode_is_synchronous_and_prints(
    host: Host,
    unrendered: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    host.nuke.GUI = False  # type: ignore[attr-defined]
    monkeypatch.setattr(host.engine, "LINE_INTERVAL", 0.0)
    host.engine.run(
        "stage", {"shot": str(unrendered), "stage": "render"}, title="Lip sync", done=host.done
    )
    assert [e for _, e, _ in host.outcomes] == [None] and host.calls.empty()
    assert "Lip sync: 100 %  render  40/40" in capsys.readouterr().out
    assert not ProgressTask.made
    with pytest.raises(host.engine.EngineError, match="not a shot folder"):
        host.engine.call("status", {"shot": str(unrendered / "mask")}, title="")


def test_call_refuses_to_freeze_nuke(host: Host):
    with pytest.raises(RuntimeError, match=r"engine\.run"):
        host.engine.call("doctor", {}, title="")


def test_stop_ends_the_process(host: Host, tmp_path: Path):
    host.error("status", shot=str(tmp_path))
    process = psutil.Process(pid(host))
    host.engine.stop()
    assert process.wait(10) == 0 or not process.is_running()
    assert host.engine.info()["running"] is False


# --- with engines that misbehave -------------------------------------------------------------


@pytest.fixture
def engine_script(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Host]:
    def make(body: str) -> Host:
        monkeypatch.setenv("RELIP_ENGINE", str(script(tmp_path / "engine", body)))
        return host

    return make


def test_one_that_dies_at_once_shows_what_it_said(engine_script: Callable[[str], Host]):
    host = engine_script("echo 'cannot open libfoo.so' >&2\nexit 3\n")
    error = host.error("doctor")
    assert error.kind == "Crashed" and error.last_lines == ["cannot open libfoo.so"]
    assert "while starting with exit code 3" in error.message and "relip doctor" in error.mend


def test_one_that_talks_nonsense_is_given_up(engine_script: Callable[[str], Host]):
    host = engine_script("while true; do echo nonsense; done\n")
    error = host.error("doctor")
    assert error.kind == "Crashed" and "nonsense" in error.last_lines


def test_one_that_says_nothing_is_given_up(
    engine_script: Callable[[str], Host], monkeypatch: pytest.MonkeyPatch
):
    host = engine_script("exec sleep 60\n")
    monkeypatch.setattr(sys.modules["relip_nuke.link"], "START_TIMEOUT", 0.5)
    error = host.error("doctor")
    assert "did not answer" in error.message and error.code == 5


def test_a_slow_start_can_be_cancelled_and_does_not_block(engine_script: Callable[[str], Host]):
    host = engine_script("exec sleep 60\n")
    host.start("doctor")
    wait_until(lambda: ProgressTask.made)
    ProgressTask.made[0].cancel_at = lambda task: True
    host.pump()
    assert isinstance(host.outcomes[0][1], host.engine.Cancelled)


@pytest.mark.parametrize("answer", ['"protocol": "2.0"', '"version": "9"'])
def test_another_protocol_is_explained(engine_script: Callable[[str], Host], answer: str):
    line = '{"jsonrpc": "2.0", "id": 1, "result": {' + answer + "}}"
    host = engine_script(f"read line\necho '{line}'\nread line\n")
    error = host.error("doctor")
    assert error.kind == "ProtocolError" and "same release" in error.mend


def test_an_engine_that_ignores_cancel_is_killed(
    engine_script: Callable[[str], Host], monkeypatch: pytest.MonkeyPatch
):
    line = '{"jsonrpc": "2.0", "id": 1, "result": {"protocol": "1.3"}}'
    host = engine_script(f"read line\necho '{line}'\nexec sleep 60\n")
    monkeypatch.setattr(sys.modules["relip_nuke.link"], "CANCEL_TIMEOUT", 0.3)
    host.start("doctor")
    wait_until(lambda: host.engine.info()["running"])
    ProgressTask.made[0].cancel_at = lambda task: True
    host.pump()
    assert isinstance(host.outcomes[0][1], host.engine.Cancelled)
    assert host.engine.info()["running"] is False


def test_an_unexpected_fault_reaches_the_panel(host: Host):
    error = host.error("status", shot=object())
    assert error.kind == "TypeError" and error.mend == "please report it"


# --- where it is -----------------------------------------------------------------------------


def test_no_engine(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RELIP_ENGINE", str(tmp_path / "nothing"))
    error = host.error("doctor")
    assert (error.kind, error.code) == ("NotFound", 5)
    assert f"{tmp_path / 'nothing'} (RELIP_ENGINE) does not exist" in error.message
    assert "install.py --nuke" in error.mend
    broken = tmp_path / "broken"
    broken.write_text("#!/no/such/interpreter\n")
    monkeypatch.setenv("RELIP_ENGINE", str(broken))
    assert "cannot be run" in host.error("doctor").message
    broken.chmod(0o755)
    assert "cannot be started" in host.error("doctor").message


def environment(path: Path) -> str:
    (path / "bin").mkdir(parents=True)
    (path / "bin" / "python").touch()
    return str(path / "bin" / "python")


def test_the_engine_is_found_where_it_was_put(host: Host, tmp_path: Path):
    location = sys.modules["relip_nuke.location"]
    root = tmp_path / "root"
    root.mkdir()
    with pytest.raises(location.NotFound, match="RELIP_ENGINE is not set"):
        location.find(str(root), {})
    own = environment(root / ".relip-env")
    assert location.find(str(root), {}).command == [own, "-I", "-m", "relip"]
    other = environment(tmp_path / "other")
    (root / "engine.json").write_text(json.dumps({"environment": str(tmp_path / "other")}))
    assert location.find(str(root), {}).command[0] == other
    (root / "engine.json").write_text(
        json.dumps({"environment": {"linux": "../other", "darwin": "../other", "win32": "x"}})
    )
    assert os.path.samefile(location.find(str(root), {}).command[0], other)
    assert location.find(str(root), {"RELIP_ENGINE": str(root / ".relip-env")}).command[0] == own
    for wrong in ("{", "[]", "{}", '{"environment": 3}', '{"environment": {"beos": "x"}}'):
        (root / "engine.json").write_text(wrong)
        with pytest.raises(location.NotFound, match=r"engine\.json"):
            location.find(str(root), {})
    (tmp_path / "empty").mkdir()
    with pytest.raises(location.NotFound, match="holds no Python"):
        location.find(str(root), {"RELIP_ENGINE": str(tmp_path / "empty")})


def test_what_is_scrubbed_and_what_is_kept(host: Host):
    location = sys.modules["relip_nuke.location"]
    given = {
        "PYTHONHOME": "x", "PYTHONPATH": "x", "LD_LIBRARY_PATH": "x", "LD_PRELOAD": "x",
        "DYLD_INSERT_LIBRARIES": "x", "QT_PLUGIN_PATH": "x", "QML2_IMPORT_PATH": "x",
        "PATH": "/bin", "OCIO": "show.ocio", "RELIP_PATH_MAP": "a=b", "HOME": "/home/me",
        "CUDA_VISIBLE_DEVICES": "1", "OMP_NUM_THREADS": "4", "NUKE_PATH": "/show",
    }  # fmt: skip
    kept = location.scrubbed(given)
    assert kept.pop("PYTHONNOUSERSITE") == "1"
    assert kept == {n: given[n] for n in list(given)[7:]}


def test_it_works_in_python_3_9(tmp_path: Path):
    """Nuke 14's Python, where there is one."""
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = [shutil.which("python3.9"), *map(str, versions.glob("3.9.*/bin/python3.9"))]
    for python in filter(None, found):
        if subprocess.run([python, "-c", ""], capture_output=True).returncode == 0:
            break
    else:
        pytest.skip("no Python 3.9 here")
    code = f"""
import sys, types
nuke = types.ModuleType("nuke"); nuke.GUI = False; nuke.EXE_PATH = ""; sys.modules["nuke"] = nuke
sys.path.insert(0, {str(PLUGIN)!r})
from relip_nuke import engine
try:
    engine.call("status", {{"shot": {str(tmp_path)!r}}}, title="")
except engine.EngineError as exc:
    print(exc.kind, sys.version_info[:2])
"""
    environ = os.environ | {"RELIP_ENGINE": str(real(tmp_path / "relip"))}
    ended = subprocess.run([python, "-c", code], env=environ, capture_output=True, text=True)
    assert ended.stdout == "ShotError (3, 9)\n", ended.stderr


# --- in the stand-in host --------------------------------------------------------------------


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """The client imported by the strict host's nuke: unknown calls and wrong threads fail."""
    monkeypatch.setenv("RELIP_ENGINE", str(real(tmp_path / "relip")))
    monkeypatch.syspath_prepend(str(PLUGIN))
    kept = {n: sys.modules.pop(n) for n in [*sys.modules] if n.split(".")[0] == "relip_nuke"}
    yield lambda: importlib.import_module("relip_nuke.engine")
    if "relip_nuke.engine" in sys.modules:
        sys.modules["relip_nuke.engine"].stop()
    for name in [n for n in sys.modules if n.split(".")[0] == "relip_nuke"]:
        del sys.modules[name]
    sys.modules.update(kept)


def test_the_stand_in_s_bar_shows_and_cancels(
    nuke_host: Any, stand_in: Callable[..., Any], unrendered: Path
):
    engine = stand_in()
    outcomes: list[tuple[Any, Any]] = []
    params = {"shot": str(unrendered), "stage": "render"}
    engine.run("stage", params, title="Lip sync", done=lambda r, e: outcomes.append((r, e)))
    wait_until(lambda: nuke_host.progress and (nuke_host.progress[0].values or [0])[-1] > 5)
    pressed = time.monotonic()
    nuke_host.press_cancel()
    nuke_host.pump(until=lambda: outcomes, timeout=PATIENCE)
    assert time.monotonic() - pressed < 1.0
    assert isinstance(outcomes[0][1], engine.Cancelled)
    engine.run("stage", params, title="Lip sync", done=lambda r, e: outcomes.append((r, e)))
    nuke_host.pump(until=lambda: len(outcomes) == 2, timeout=PATIENCE)
    assert outcomes[1][0]["exit_code"] == 0 and outcomes[1][0]["kept"] > 0
    assert nuke_host.progress[-1].values[-1] == 100
    assert not any(bar.open for bar in nuke_host.progress)


def test_the_stand_in_s_terminal(
    nuke_terminal: Any, stand_in: Callable[..., Any], finished_shot: Path
):
    engine = stand_in()
    result = engine.call("status", {"shot": str(finished_shot)}, title="Lip sync")
    assert {s["state"] for s in result["stages"]} == {"up to date"}
    outcomes: list[tuple[Any, Any]] = []
    engine.run("status", {"shot": "/nothing"}, title="", done=lambda r, e: outcomes.append((r, e)))
    assert outcomes[0][1].kind == "ShotError"
