"""The engine as a long-lived process for Nuke: JSON-RPC 2.0 over stdin and stdout.

One JSON object a line each way, UTF-8. Requests: those of
:data:`relip.jobs.JOBS`, and ``initialize``, ``cancel`` {id} and ``shutdown``.
While a job runs the worker sends ``progress`` notifications {id, share 0-1,
stage, note, done, total, seconds}. One job runs at a time; ``status``, ``set``,
``doctor``, ``cancel`` and ``initialize`` are answered while it does. A
cancelled job is answered within a second: it is asked to stop between two
frames or steps, and its process is killed when it does not; files appear whole
or not at all, so all finished frames are kept either way.

Errors are JSON-RPC's own (−32700 parse error, −32600 invalid request, −32601
method not found, −32602 invalid parameters, −32603 unexpected) and the four
below, each with ``data`` {exit_code, mend, kind}.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType
from typing import IO, Any

from relip import __version__, jobs
from relip.errors import EXIT_INTERRUPTED, EXIT_UNEXPECTED, EXIT_USAGE
from relip.jobprocess import Handle, take_channel

#: The protocol's version: a change of the major number breaks clients.
PROTOCOL = "1.0"

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMETERS = -32602
INTERNAL_ERROR = -32603

#: The engine refused or failed (a RelipError); the job was cancelled; another job runs; the job's
#: process died; the client speaks another protocol.
ENGINE_ERROR = -32000
CANCELLED = -32001
BUSY = -32002
CRASHED = -32003
PROTOCOL_ERROR = -32004

#: Seconds a cancelled job has to stop by itself; with the kill that follows it makes one second.
GRACE = 0.5

#: Longest line that is read, in bytes.
MAX_LINE = 8 * 1024 * 1024

#: Deepest nesting of a request.
MAX_DEPTH = 64

#: Requests that may wait in a lane beside its running one.
MAX_WAITING = 64

OWN = ("initialize", "cancel", "shutdown")


class _Stopped(BaseException):
    """SIGTERM or SIGINT arrived."""

    def __init__(self, signum: int) -> None:
        self.exit_code = 128 + signum


class _Job:
    """A request that is being worked on."""

    def __init__(self, number: int, ident: Any, method: str, parameters: dict[str, Any]) -> None:
        self.number = number
        self.ident = ident
        self.method = method
        self.parameters = parameters
        self.cancelled = False
        self.share = 0.0

    @property
    def folder(self) -> Path | None:
        shot = self.parameters.get("shot")
        return Path(shot) if shot else None


class _Lane:
    """Jobs that run one after the other in one process."""

    def __init__(self, worker: Worker, name: str) -> None:
        self.worker = worker
        self.name = name
        self.handle: Handle | None = None
        self.current: _Job | None = None
        self.waiting: deque[_Job] = deque()

    def submit(self, job: _Job) -> None:
        """Start a job, or put it behind the one that runs."""
        with self.worker.lock:
            if self.current is not None:
                self.waiting.append(job)
                return
            self._start(job)

    def _start(self, job: _Job) -> None:
        self.current = job
        if self.handle is None:
            try:
                self.handle = self.worker.start_process(self._message, self._ended)
            except OSError as exc:
                self.current = None
                text = f"the job's process cannot be started: {exc.strerror or exc}"
                mend = "free some memory, or run relip doctor"
                self.worker.refuse(job.ident, CRASHED, text, EXIT_UNEXPECTED, mend, "Crashed")
                return
        self.handle.send({"number": job.number, "method": job.method, "parameters": job.parameters})

    def cancel(self, ident: Any) -> bool:
        """Cancel the request ``ident`` if it is here."""
        with self.worker.lock:
            for job in self.waiting:
                if same_id(job.ident, ident):
                    self.waiting.remove(job)
                    self._answer_cancelled(job)
                    return True
            job_now, handle = self.current, self.handle
            if job_now is None or handle is None or not same_id(job_now.ident, ident):
                return False
            if job_now.cancelled:
                return True
            job_now.cancelled = True
            handle.send({"cancel": job_now.number})
        timer = threading.Timer(GRACE, self._kill, (job_now, handle))
        timer.daemon = True
        timer.start()
        return True

    def _kill(self, job: _Job, handle: Handle) -> None:
        with self.worker.lock:
            if self.current is job:
                handle.kill()

    def _message(self, handle: Handle, message: dict[str, Any]) -> None:
        with self.worker.lock:
            job = self.current
            if job is None or handle is not self.handle or message.get("number") != job.number:
                return
            if "progress" in message:
                self.worker.progress(job, message["progress"])
                return
            self._answer(job, message)
            self.current = None
            if self.name == jobs.ONCE:
                self.handle = None
                handle.close()
            self._next()

    def _answer(self, job: _Job, message: dict[str, Any]) -> None:
        worker = self.worker
        if "result" in message:
            # Done before the request to stop was seen: the result stands.
            worker.send({"jsonrpc": "2.0", "id": job.ident, "result": message["result"]})
        elif "cancelled" in message:
            self._answer_cancelled(job)
        else:
            code = ENGINE_ERROR if "error" in message else INTERNAL_ERROR
            error = message.get("error") or message["unexpected"]
            worker.refuse(
                job.ident, code, error["message"], error["exit_code"], error["mend"], error["kind"]
            )

    def _answer_cancelled(self, job: _Job) -> None:
        self.worker.refuse(
            job.ident,
            CANCELLED,
            f"{job.method} was cancelled; finished frames are kept",
            EXIT_INTERRUPTED,
            "run it again to go on",
            "Cancelled",
        )

    def _ended(self, handle: Handle) -> None:
        """The process is gone: answer what it was working on, go on with a new one."""
        with self.worker.lock:
            if handle is not self.handle:
                return
            job, self.current, self.handle = self.current, None, None
            if job is not None and job.cancelled:
                self._answer_cancelled(job)
            elif job is not None:
                self.worker.refuse(
                    job.ident,
                    CRASHED,
                    f"the engine died in {job.method}: {handle.how_it_ended()}",
                    EXIT_UNEXPECTED,
                    "finished frames are kept; run it again"
                    " (a kill without a message is often lack of memory)",
                    "Crashed",
                    last_lines=handle.last_lines(),
                )
        if job is not None and job.folder is not None:
            handle.sweep(job.folder)
        with self.worker.lock:
            if self.current is None:
                self._next()

    def _next(self) -> None:
        while self.waiting and self.current is None:
            self._start(self.waiting.popleft())

    def close(self) -> Handle | None:
        """Stop what runs and let the process end; the worker waits for it."""
        with self.worker.lock:
            self.waiting.clear()
            handle = self.handle
            if handle is not None:
                handle.close()
            return handle


class Worker:
    """The server.

    Parameters
    ----------
    requests, answers : binary files
    threads : int
        CPU threads its jobs may use; 0 leaves the default.
    """

    def __init__(self, requests: IO[bytes], answers: IO[bytes], *, threads: int = 0) -> None:
        self.lock = threading.RLock()
        self.threads = threads
        self._requests, self._answers = requests, answers
        self._lanes = {name: _Lane(self, name) for name in (jobs.WORK, jobs.LOOK, jobs.ONCE)}
        self._numbers = 0
        # Linux ends a process with the thread that started it (see jobprocess), so one thread
        # that lives as long as the worker starts them all.
        self._starter = ThreadPoolExecutor(1, "starter")

    def start_process(
        self,
        on_message: Callable[[Handle, dict[str, Any]], None],
        on_end: Callable[[Handle], None],
    ) -> Handle:
        """A new process for jobs.

        Raises
        ------
        OSError
            If the system does not give one.
        """
        return self._starter.submit(Handle, on_message, on_end, threads=self.threads).result()

    def serve(self) -> None:
        """Answer requests until stdin ends or ``shutdown`` comes."""
        while True:
            line = self._requests.readline(MAX_LINE + 1)
            if not line:
                return
            if len(line) > MAX_LINE:
                while line and not line.endswith(b"\n"):
                    line = self._requests.readline(MAX_LINE)
                text = f"a line of more than {MAX_LINE} bytes"
                self.refuse(None, PARSE_ERROR, text, EXIT_USAGE, None, "ParseError")
                continue
            if line.strip() and not self.handle(line):
                return

    def handle(self, line: bytes) -> bool:
        """Answer one line; False when it was ``shutdown``."""
        try:
            request = json.loads(line.decode("utf-8"), parse_constant=_no_constant)
            depth_checked(request)
        except (ValueError, RecursionError) as exc:
            text = f"not JSON: {' '.join(str(exc).split())}"
            self.refuse(None, PARSE_ERROR, text, EXIT_USAGE, "send one object a line", "ParseError")
            return True
        wrong = _invalid(request)
        ident = request.get("id") if isinstance(request, dict) else None
        if wrong:
            sound = ident if _is_id(ident) else None
            mend = "see the JSON-RPC 2.0 specification"
            self.refuse(sound, INVALID_REQUEST, wrong, EXIT_USAGE, mend, "InvalidRequest")
            return True
        method, parameters = request["method"], request.get("params")
        if "id" not in request:
            return self._notified(method, parameters)
        if method == "shutdown":
            self.reply(ident, {})
            return False
        if method == "initialize":
            self._initialize(ident, parameters)
        elif method == "cancel":
            self._cancel(ident, parameters)
        elif method in jobs.JOBS:
            self._job(ident, method, parameters)
        else:
            known = ", ".join((*OWN, *jobs.available()))
            text = f"there is no method {method[:100]!r}"
            self.refuse(
                ident, METHOD_NOT_FOUND, text, EXIT_USAGE, f"known: {known}", "MethodNotFound"
            )
        return True

    def _notified(self, method: str, parameters: Any) -> bool:
        """A request without an id gets no answer; only cancel means anything then."""
        if method == "cancel" and isinstance(parameters, dict):
            self._find_and_cancel(parameters.get("id"))
        elif method in jobs.JOBS:
            print(f"warning: {method[:100]} without an id is ignored", file=sys.stderr, flush=True)
        return method != "shutdown"

    def _initialize(self, ident: Any, parameters: Any) -> None:
        given = parameters.get("protocol", PROTOCOL) if isinstance(parameters, dict) else PROTOCOL
        if not isinstance(given, str) or given.split(".")[0] != PROTOCOL.split(".")[0]:
            self.refuse(
                ident,
                PROTOCOL_ERROR,
                f"the client speaks protocol {str(given)[:20]}, this engine {PROTOCOL}",
                EXIT_USAGE,
                "install the plugin and the engine from the same release",
                "ProtocolError",
            )
            return
        self.reply(
            ident,
            {
                "protocol": PROTOCOL,
                "version": __version__,
                "capabilities": {
                    "methods": [*OWN, *jobs.available()],
                    "progress": True,
                    "cancel": True,
                },
                "pid": os.getpid(),
                "python": platform.python_version(),
                "executable": sys.executable,
            },
        )

    def _cancel(self, ident: Any, parameters: Any) -> None:
        if not isinstance(parameters, dict) or not _is_id(parameters.get("id")):
            text = "cancel needs the parameter 'id', the id of a request"
            self.refuse(ident, INVALID_PARAMETERS, text, EXIT_USAGE, None, "ParameterError")
            return
        self.reply(ident, {"cancelled": self._find_and_cancel(parameters["id"])})

    def _find_and_cancel(self, ident: Any) -> bool:
        return any([lane.cancel(ident) for lane in self._lanes.values()])

    def _job(self, ident: Any, method: str, parameters: Any) -> None:
        job = jobs.JOBS[method]
        if method not in jobs.available():
            text = f"this engine has no {method}"
            self.refuse(
                ident, METHOD_NOT_FOUND, text, EXIT_USAGE, "update the engine", "MethodNotFound"
            )
            return
        try:
            checked = jobs.check(method, parameters)
        except jobs.ParameterError as exc:
            self.refuse(
                ident, INVALID_PARAMETERS, exc.message, exc.exit_code, exc.mend, "ParameterError"
            )
            return
        with self.lock:
            lane = self._lanes[job.lane]
            active = [
                j
                for each in self._lanes.values()
                for j in (each.current, *each.waiting)
                if j is not None
            ]
            if any(same_id(j.ident, ident) for j in active):
                text = f"the id {ident!r} is that of a request that still runs"
                self.refuse(
                    ident, INVALID_REQUEST, text, EXIT_USAGE, "use each id once", "InvalidRequest"
                )
                return
            full = lane.current is not None and (
                job.lane == jobs.WORK or len(lane.waiting) >= MAX_WAITING
            )
            if full:
                assert lane.current is not None
                self.refuse(
                    ident,
                    BUSY,
                    f"{lane.current.method} is still running",
                    EXIT_USAGE,
                    "wait for it or cancel it",
                    "Busy",
                )
                return
            self._numbers += 1
            lane.submit(_Job(self._numbers, ident, method, checked))

    def reply(self, ident: Any, result: dict[str, Any]) -> None:
        """Answer a request."""
        self.send({"jsonrpc": "2.0", "id": ident, "result": result})

    def refuse(
        self,
        ident: Any,
        code: int,
        message: str,
        exit_code: int,
        mend: str | None,
        kind: str,
        **more: Any,
    ) -> None:
        """Answer a request with an error."""
        data = {"exit_code": exit_code, "mend": mend, "kind": kind, **more}
        error = {"code": code, "message": message, "data": data}
        self.send({"jsonrpc": "2.0", "id": ident, "error": error})

    def progress(self, job: _Job, event: dict[str, Any]) -> None:
        """Send a job's progress; its share never falls."""
        job.share = max(job.share, min(float(event.get("fraction") or 0.0), 1.0))
        params = {
            "id": job.ident,
            "share": round(job.share, 4),
            "stage": event.get("stage", ""),
            "note": event.get("text", event.get("note", "")),
        }
        params.update({k: event[k] for k in ("done", "total", "seconds") if k in event})
        self.send({"jsonrpc": "2.0", "method": "progress", "params": params})

    def send(self, message: dict[str, Any]) -> None:
        """Write one line; a client that is gone is noticed where its requests end."""
        data = json.dumps(message, allow_nan=False).encode() + b"\n"
        with self.lock, contextlib.suppress(OSError, ValueError):
            self._answers.write(data)
            self._answers.flush()

    def close(self) -> None:
        """Stop what runs; after a second nothing is left of it."""
        handles = [h for h in (lane.close() for lane in self._lanes.values()) if h is not None]
        deadline = time.monotonic() + GRACE
        for handle in handles:
            with contextlib.suppress(Exception):
                handle.process.wait(max(deadline - time.monotonic(), 0.01))
            handle.kill()


def serve(*, threads: int = 0) -> int:
    """Serve on this process's stdin and stdout until stdin ends.

    Parameters
    ----------
    threads : int
        CPU threads the jobs may use; 0 leaves the default.

    Returns
    -------
    int
        0, or 128 + the number of the signal that ended it.
    """
    requests, answers = take_channel()
    worker = Worker(requests, answers, threads=threads)
    before = {s: signal.signal(s, _on_signal) for s in (signal.SIGTERM, signal.SIGINT)}
    threading.Thread(target=_watch_parent, args=(worker,), name="parent", daemon=True).start()
    try:
        worker.serve()
        return 0
    except _Stopped as exc:
        return exc.exit_code
    finally:
        worker.close()
        for signum, handler in before.items():
            signal.signal(signum, handler if handler is not None else signal.SIG_DFL)


def _on_signal(signum: int, frame: FrameType | None) -> None:
    raise _Stopped(signum)


def _watch_parent(worker: Worker) -> None:
    """End with the parent even when something else holds the other end of stdin open."""
    parent = os.getppid()
    started = _start_time(parent)
    while True:
        time.sleep(1.0)
        gone = os.getppid() != parent if os.name != "nt" else _start_time(parent) != started
        if gone:
            worker.close()
            os._exit(0)


def _start_time(pid: int) -> float | None:
    """When a process was started; only needed where a dead parent keeps its number."""
    if os.name != "nt":
        return None
    import psutil

    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def depth_checked(value: Any) -> None:
    """Refuse nesting deeper than :data:`MAX_DEPTH`.

    Raises
    ------
    ValueError
    """
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for outer in level
            if isinstance(outer, (dict, list))
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return
    raise ValueError(f"nested deeper than {MAX_DEPTH}")


def _is_id(ident: Any) -> bool:
    """Whether a JSON-RPC id is one that can be told from others."""
    return isinstance(ident, str) or (
        isinstance(ident, (int, float)) and not isinstance(ident, bool)
    )


def same_id(a: Any, b: Any) -> bool:
    """Whether two ids are one: the number 1 is not the string "1"."""
    return isinstance(a, str) == isinstance(b, str) and bool(a == b)


def _invalid(request: Any) -> str:
    """What is wrong with a request; empty when nothing is."""
    if isinstance(request, list):
        return "batches are not served; send one object a line"
    if not isinstance(request, dict):
        return "a request is an object"
    if request.get("jsonrpc") != "2.0":
        return 'jsonrpc must be "2.0"'
    if not isinstance(request.get("method"), str):
        return "method must be a string"
    if "id" in request and not _is_id(request["id"]):
        return "id must be a string or a number"
    if "params" in request and not isinstance(request["params"], (dict, list)):
        return "params must be an object or an array"
    return ""
