"""The engine, as the plugin uses it: one job with a progress bar and Cancel, Nuke never blocked.

The engine is a process of its own (``relip worker``), started by the first job
and kept warm. From Nuke's interface call :func:`run`; :func:`call` waits and is
for threads and for ``nuke -t``.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
from typing import Any, Callable, Optional

import nuke

from relip_nuke import location
from relip_nuke.link import Cancelled, EngineError, Link

__all__ = ["Cancelled", "EngineError", "call", "info", "run", "stop"]

Done = Callable[[Optional[dict[str, Any]], Optional[Exception]], None]

#: The folder that holds nuke_plugin.
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

#: Methods that the engine answers while a job runs; the others wait their turn.
AT_ONCE = ("status", "set", "doctor", "farm.bundle")

#: Seconds between two lines of progress in a terminal.
LINE_INTERVAL = 10.0

#: Seconds between two looks at Cancel while a job waits for another.
_POLL = 0.1

_link: Link | None = None
_link_lock = threading.Lock()
_turn = threading.Lock()


class _Bar:
    """A nuke.ProgressTask, or lines in a terminal."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._task: Any = nuke.ProgressTask(title) if title and nuke.GUI else None
        self._told = time.monotonic()
        self._percent = -1
        self._message = ""

    def cancelled(self) -> bool:
        return bool(self._task is not None and self._task.isCancelled())

    def message(self, text: str) -> None:
        if self._task is not None and text != self._message:
            self._message = text
            self._task.setMessage(text)

    def close(self) -> None:
        """Take the bar away: an error's traceback would keep it on the screen."""
        self._task = None

    def progress(self, event: dict[str, Any]) -> None:
        percent = int(100 * min(max(float(event.get("share", 0)), 0.0), 1.0))
        parts = [str(event.get("stage", ""))]
        if event.get("total", 0) > 1:
            parts.append("{}/{}".format(event.get("done", 0), event["total"]))
        if event.get("note"):
            parts.append(str(event["note"]))
        text = "  ".join(part for part in parts if part)
        if self._task is not None:
            if percent != self._percent:
                self._percent = percent
                self._task.setProgress(percent)
            self.message(text)
        elif self._title and not nuke.GUI and time.monotonic() - self._told >= LINE_INTERVAL:
            self._told = time.monotonic()
            print(f"{self._title}: {percent} %  {text}")
            sys.stdout.flush()


def call(method: str, params: dict[str, Any], *, title: str) -> dict[str, Any]:
    """Run one job and wait for it.

    Parameters
    ----------
    method : str
        "run", "stage", "status", …: see ``relip.jobs``.
    params : dict
        JSON values only.
    title : str
        Of the progress bar; empty shows none.

    Returns
    -------
    dict
        The command's result, with ``text`` for people and ``exit_code``: 0, or 4 when some frames
        failed.

    Raises
    ------
    EngineError
        With ``message``, ``mend``, ``code`` and, after a crash, ``last_lines``. The next call
        starts the engine anew.
    Cancelled
        The user pressed Cancel; finished frames are kept.
    RuntimeError
        On the main thread of Nuke's interface, which it would freeze: use :func:`run` there.
    """
    if nuke.GUI and threading.current_thread() is threading.main_thread():
        raise RuntimeError("engine.call would freeze Nuke; use engine.run on the main thread")
    bar = _Bar(title)
    mine = False
    try:
        if method not in AT_ONCE:
            _take_turn(bar)
            mine = True
        bar.message("starting the engine")
        return _connected(bar).request(method, params, bar.progress, bar.cancelled)
    finally:
        if mine:
            _turn.release()
        bar.close()


def run(method: str, params: dict[str, Any], *, title: str, done: Done) -> None:
    """Run one job beside Nuke; ``done(result, error)`` follows on the main thread.

    Exactly one of the two is None; the error is an :class:`EngineError` or
    :class:`Cancelled`. In terminal mode there is no interface to keep alive and
    the job has ended, and ``done`` was called, when this returns.

    Parameters
    ----------
    method, params, title
        As for :func:`call`.
    done : callable
    """
    if not nuke.GUI:
        result, error = _outcome(method, params, title)
        done(result, error)
        return

    def work() -> None:
        result, error = _outcome(method, params, title)
        nuke.executeInMainThread(done, args=(result, error))

    threading.Thread(target=work, name="relip " + method, daemon=True).start()


def info() -> dict[str, Any]:
    """What is known of the engine without starting it: command, where it was named, version."""
    command, source = location.describe(ROOT)
    known: dict[str, Any] = {"command": command, "source": source, "running": False}
    with _link_lock:
        if _link is not None and not _link.dead:
            known.update(_link.info, running=True)
    return known


def stop() -> None:
    """End the engine; the next job starts it again. Nuke's exit does the same."""
    global _link
    with _link_lock:
        ended, _link = _link, None
    if ended is not None:
        ended.close()


def _outcome(
    method: str, params: dict[str, Any], title: str
) -> tuple[dict[str, Any] | None, EngineError | Cancelled | None]:
    try:
        return call(method, params, title=title), None
    except (EngineError, Cancelled) as exc:
        return None, exc
    except Exception as exc:  # a fault of the plugin must reach the panel, not vanish in a thread
        text = f"unexpected {type(exc).__name__}: {exc}"
        return None, EngineError(text, "please report it", kind=type(exc).__name__)


def _take_turn(bar: _Bar) -> None:
    """Wait until no other job of this Nuke runs."""
    while not _turn.acquire(timeout=_POLL):
        bar.message("waiting for another lip sync job")
        if bar.cancelled():
            raise Cancelled()


def _connected(bar: _Bar) -> Link:
    """The running engine, started when there is none."""
    global _link
    while not _link_lock.acquire(timeout=_POLL):  # held by a thread that starts it
        if bar.cancelled():
            raise Cancelled()
    try:
        if _link is None or _link.dead:
            try:
                engine = location.find(ROOT)
            except location.NotFound as exc:
                raise EngineError(
                    str(exc),
                    "install it with python3 install.py --nuke, or set RELIP_ENGINE to the "
                    "environment's folder",
                    5,
                    kind="NotFound",
                ) from None
            nuke_folder = os.path.dirname(str(nuke.EXE_PATH))
            environ = location.scrubbed(os.environ, nuke_folder)
            _link = Link([*engine.command, "worker"], environ, bar.cancelled)
        return _link
    finally:
        _link_lock.release()


atexit.register(stop)
