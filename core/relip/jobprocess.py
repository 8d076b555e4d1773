"""A process that does the worker's jobs, and the handle by which the worker holds it.

The jobs run in a process of their own, so that the worker always answers: a
job inside a C library that holds Python's lock, a crash, or a kill for lack of
memory stops that process alone. It keeps what it has imported for the next job.
Worker and process exchange one JSON object a line over pipes.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

#: Lines shown when a process crashes, and lines of it that are kept to choose them from.
LAST_LINES = 20
KEPT_LINES = 200

#: Seconds that a process has to end by itself once the worker is gone.
PATIENCE = 1.0


def take_channel() -> tuple[IO[bytes], IO[bytes]]:
    """Stdin and stdout as a private channel; whatever else prints goes to stderr.

    Libraries write to file descriptor 1 (C code, too) and programs that they
    start read from 0, so both are replaced, not just ``sys.stdout``.

    Returns
    -------
    tuple of (file, file)
        The channel's input and output, binary.
    """
    sys.stdout.flush()
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return requests, answers


class Handle:
    """The worker's end of one job process.

    Parameters
    ----------
    on_message : callable
        Called with each message in a thread of its own.
    on_end : callable
        Called with the handle once the process has ended.
    threads : int
        CPU threads its jobs may use; 0 leaves the default.
    """

    def __init__(
        self,
        on_message: Callable[[Handle, dict[str, Any]], None],
        on_end: Callable[[Handle], None],
        *,
        threads: int = 0,
    ) -> None:
        self._said: deque[str] = deque(maxlen=KEPT_LINES)
        self._on_message, self._on_end = on_message, on_end
        environment = dict(os.environ)
        source = str(Path(__file__).resolve().parents[1])
        environment["PYTHONPATH"] = os.pathsep.join(
            [source, *filter(None, [environment.get("PYTHONPATH")])]
        )
        if threads:
            for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
                environment[name] = str(threads)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "relip.jobprocess", str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            # Ctrl-C in a terminal is for the worker, which ends its processes itself.
            start_new_session=os.name != "nt",
        )
        self._sending = threading.Lock()
        self._lines = threading.Thread(target=self._pump, name="job stderr", daemon=True)
        self._lines.start()
        threading.Thread(target=self._listen, name="job messages", daemon=True).start()

    def send(self, message: dict[str, Any]) -> None:
        """Send a message; a process that has ended is told of by ``on_end``."""
        assert self.process.stdin
        with self._sending, contextlib.suppress(OSError, ValueError):
            self.process.stdin.write(json.dumps(message).encode() + b"\n")
            self.process.stdin.flush()

    def kill(self) -> None:
        """End it at once, with what it has started itself."""
        with contextlib.suppress(OSError):
            if os.name == "nt":
                self.process.kill()
            elif self.process.poll() is None:
                os.killpg(self.process.pid, signal.SIGKILL)

    def close(self) -> None:
        """Let it end when its job is done: no more messages come."""
        assert self.process.stdin
        with self._sending, contextlib.suppress(OSError, ValueError):
            self.process.stdin.close()

    def last_lines(self) -> list[str]:
        """What it said last; of a crash inside a library its beginning, which names the fault."""
        lines = list(self._said)
        for index in range(len(lines) - 1, -1, -1):
            if lines[index].startswith("Fatal Python error"):
                return lines[max(index - 3, 0) :][:LAST_LINES]
        return lines[-LAST_LINES:]

    def how_it_ended(self) -> str:
        """``"signal SIGKILL"`` or ``"exit code 1"``."""
        code = self.process.wait()
        if code < 0:
            with contextlib.suppress(ValueError):
                return f"signal {signal.Signals(-code).name}"
        return f"exit code {code}"

    def sweep(self, folder: Path) -> None:
        """Remove the temporary files that a killed process left in a shot folder."""
        from relip import records

        mark = records.temporary_mark(self.process.pid)
        with contextlib.suppress(OSError):
            for depth in ("", "*/", "*/*/"):
                for path in folder.glob(f"{depth}.*{mark}*"):
                    with contextlib.suppress(OSError):
                        path.unlink()

    def _listen(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            try:
                message = json.loads(line)
            except ValueError:
                continue
            self._on_message(self, message)
        self.process.wait()
        self._lines.join(1.0)
        self._on_end(self)

    def _pump(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            text = line.decode("utf-8", "replace").rstrip()
            if text:
                self._said.append(text)
            with contextlib.suppress(OSError, ValueError):
                sys.stderr.write(text + "\n")
                sys.stderr.flush()


# ---------------------------------------------------------------------------------------------
# In the process


class _Jobs:
    """What the process is asked to do, as its reading thread sees it."""

    def __init__(self, requests: IO[bytes]) -> None:
        self.waiting: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._requests = requests
        self._lock = threading.Lock()
        self._current: int | None = None
        self._cancelled: set[int] = set()
        threading.Thread(target=self._read, name="requests", daemon=True).start()

    def begin(self, number: int) -> None:
        from relip import interrupt

        with self._lock:
            interrupt.clear()
            self._current = number
            if number in self._cancelled:
                interrupt.request()

    def end(self) -> None:
        from relip import interrupt

        with self._lock:
            self._current = None
            interrupt.clear()

    def _read(self) -> None:
        from relip import interrupt

        for line in self._requests:
            message = json.loads(line)
            if "cancel" in message:
                with self._lock:
                    self._cancelled.add(message["cancel"])
                    if self._current == message["cancel"]:
                        interrupt.request()
            else:
                self.waiting.put(message)
        # The worker is gone, or has closed this process.
        self.waiting.put(None)
        with self._lock:
            if self._current is not None:
                interrupt.request()
        threading.Event().wait(PATIENCE)
        os._exit(0)


def main(threads: int = 0) -> int:
    """Do jobs until the worker goes away."""
    import faulthandler

    from relip.threads import set_threads, waiting_threads_sleep

    requests, answers = take_channel()
    faulthandler.enable(all_threads=False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _die_with_parent()
    waiting_threads_sleep()
    sending = threading.Lock()

    def send(message: dict[str, Any]) -> None:
        with sending:
            answers.write(json.dumps(message).encode() + b"\n")
            answers.flush()

    jobs = _Jobs(requests)
    limited = not threads
    while True:
        message = jobs.waiting.get()
        if message is None:
            return 0
        number = message["number"]
        jobs.begin(number)
        try:
            if not limited:
                set_threads(threads)
                limited = True
            send({"number": number, **_outcome(message, number, send)})
        except OSError:
            return 0  # the worker does not listen any more
        finally:
            jobs.end()


def _outcome(
    message: dict[str, Any], number: int, send: Callable[[dict[str, Any]], None]
) -> dict[str, Any]:
    """The result or error of one job; whatever happens, the process goes on."""
    import traceback

    from relip import jobs
    from relip.commands.result import plain
    from relip.errors import EXIT_UNEXPECTED, InterruptedByUser, RelipError
    from relip.progress import Progress

    def sink(event: dict[str, Any]) -> None:
        send({"number": number, "progress": plain(event)})

    try:
        result = jobs.perform(message["method"], message["parameters"], Progress(sink=sink))
        return {"result": plain(result)}
    except InterruptedByUser as exc:
        return {"cancelled": _described(exc.message, exc.mend, exc.exit_code, exc)}
    except RelipError as exc:
        return {"error": _described(exc.message, exc.mend, exc.exit_code, exc)}
    except MemoryError as exc:
        mend = "free some memory and run it again"
        return {"error": _described("not enough memory", mend, EXIT_UNEXPECTED, exc)}
    except OSError as exc:
        from relip.records import output_error

        if exc.errno is not None and exc.filename is not None:
            known = output_error(exc.filename, exc)
            if known.mend != "choose another place":
                return {"error": _described(known.message, known.mend, known.exit_code, known)}
        traceback.print_exc()
        return {"unexpected": _unexpected(exc)}
    except (Exception, SystemExit) as exc:
        traceback.print_exc()
        return {"unexpected": _unexpected(exc)}


def _described(message: str, mend: str | None, code: int, exc: BaseException) -> dict[str, Any]:
    return {"message": message, "mend": mend, "exit_code": code, "kind": type(exc).__name__}


def _unexpected(exc: BaseException) -> dict[str, Any]:
    from relip.environment import explain_import_error
    from relip.errors import EXIT_UNEXPECTED

    text = " ".join(str(exc).split()) or "no message"
    if isinstance(exc, ImportError):
        text = explain_import_error(exc) or text
    mend = "please report it with the lines of the worker's stderr"
    return _described(f"unexpected {type(exc).__name__}: {text}", mend, EXIT_UNEXPECTED, exc)


def _die_with_parent() -> None:
    """On Linux, let the kernel kill this process when the worker dies, even inside C code."""
    if sys.platform.startswith("linux"):
        import ctypes

        parent = os.getppid()
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:
            os._exit(0)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 0))
