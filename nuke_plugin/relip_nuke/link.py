"""One running engine: JSON-RPC over the pipes of ``relip worker``. Knows nothing of Nuke."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import queue
import subprocess
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Any, Callable

#: The protocol this client speaks; only its major number must be the engine's.
PROTOCOL = "1.0"

#: Seconds the engine has for its first answer (a cold network drive), and for a cancel before it
#: is killed. The engine itself needs at most one second for a cancel.
START_TIMEOUT = 120.0
CANCEL_TIMEOUT = 3.0

#: Seconds between two looks at the cancel button.
POLL = 0.05

#: Lines that are kept for the message of a crash, and lines on the channel that are no JSON (a
#: chatty shell profile) before it is given up.
LAST_LINES = 20
MAX_NOISE = 200

#: The engine's answer to a cancelled job.
CANCELLED_CODE = -32001

OnProgress = Callable[[dict[str, Any]], None]


class EngineError(Exception):
    """The engine could not do what was asked.

    Attributes
    ----------
    message : str
        What is wrong and where.
    mend : str
        What to do about it; may be empty.
    code : int
        The engine's exit code for it: 2 usage, 3 input, 4 some frames, 5 model or device, 6 output,
        1 crash or unexpected.
    last_lines : list of str
        What the engine said last, when it crashed.
    kind : str
        The engine's name for it, as "FaceError"; "Crashed", "NotFound", "ProtocolError" here.
    """

    def __init__(
        self,
        message: str,
        mend: str = "",
        code: int = 1,
        last_lines: Sequence[str] = (),
        kind: str = "EngineError",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.mend = mend
        self.code = code
        self.last_lines = list(last_lines)
        self.kind = kind

    def __str__(self) -> str:
        text = f"{self.message}; {self.mend}" if self.mend else self.message
        if self.last_lines:
            text += "\n\n" + "\n".join(self.last_lines)
        return text


class Cancelled(Exception):
    """The user pressed Cancel; finished frames are kept."""


class Link:
    """A running engine.

    Parameters
    ----------
    command : list of str
        Starts it, with ``worker`` at its end.
    environ : dict
    cancelled : callable
        Asked now and then while it starts.

    Raises
    ------
    EngineError
        If it does not start or speaks another protocol.
    Cancelled
    """

    def __init__(
        self, command: list[str], environ: dict[str, str], cancelled: Callable[[], bool]
    ) -> None:
        self.command = command
        self.last_lines: deque[str] = deque(maxlen=LAST_LINES)
        self.dead = False
        self.info: dict[str, Any] = {}
        self._numbers = itertools.count(1)
        self._pending: dict[int, queue.Queue[dict[str, Any] | None]] = {}
        self._lock = threading.Lock()
        self._ended = False
        self._noise = 0
        options: dict[str, Any] = {}
        if os.name == "nt":
            options["creationflags"] = 0x08000000  # CREATE_NO_WINDOW
        try:
            self.process = subprocess.Popen(
                command,
                env=environ,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                **options,
            )
        except (OSError, ValueError) as exc:
            reason = getattr(exc, "strerror", None) or str(exc)
            raise EngineError(
                f"the Relip engine cannot be started: {command[0]}: {reason}",
                "install it again: python3 install.py --nuke",
                5,
                kind="NotFound",
            ) from None
        self._errors = threading.Thread(target=self._read_errors, name="relip stderr", daemon=True)
        self._errors.start()
        threading.Thread(target=self._read, name="relip engine", daemon=True).start()
        try:
            self.info = self.request(
                "initialize",
                {"protocol": PROTOCOL, "client": "nuke"},
                lambda event: None,
                cancelled,
                START_TIMEOUT,
            )
            self._check_protocol()
        except BaseException:
            self.kill()
            raise

    def _check_protocol(self) -> None:
        theirs = str(self.info.get("protocol", ""))
        if theirs.split(".")[0] != PROTOCOL.split(".")[0]:
            raise EngineError(
                f"the engine at {self.command[0]} speaks protocol {theirs!r}, "
                f"this plugin {PROTOCOL!r}",
                "install the plugin and the engine from the same release of Relip",
                2,
                kind="ProtocolError",
            )

    def request(
        self,
        method: str,
        params: dict[str, Any],
        on_progress: OnProgress,
        cancelled: Callable[[], bool],
        timeout: float | None = None,
    ) -> dict[str, Any]:
        """Ask and wait for the answer; not on Nuke's main thread.

        Raises
        ------
        EngineError
            What the engine answered, or how it died.
        Cancelled
        """
        number = next(self._numbers)
        answers: queue.Queue[dict[str, Any] | None] = queue.Queue()
        with self._lock:
            if self._ended:
                answers.put(None)
            self._pending[number] = answers
        began = time.monotonic()
        asked: float | None = None
        try:
            self._send({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
            while True:
                try:
                    message = answers.get(timeout=POLL)
                except queue.Empty:
                    message = {}
                if message is None:
                    if asked is not None:
                        raise Cancelled()
                    raise self._crash(method)
                if message.get("method") == "progress":
                    on_progress(message["params"])
                elif message:
                    return self._answer(message)
                now = time.monotonic()
                if asked is None and cancelled():
                    asked = now
                    if method == "initialize":
                        raise Cancelled()
                    self._send({"jsonrpc": "2.0", "method": "cancel", "params": {"id": number}})
                elif asked is not None and now - asked > CANCEL_TIMEOUT:
                    self.kill()
                    raise Cancelled()
                elif timeout is not None and now - began > timeout:
                    self.kill()
                    raise EngineError(
                        f"the Relip engine did not answer within {timeout:.0f} s",
                        "run relip doctor in a terminal",
                        5,
                        list(self.last_lines),
                        "Crashed",
                    )
        except KeyboardInterrupt:
            # Ctrl-C in nuke -t: the engine must be free for the next job.
            self._send({"jsonrpc": "2.0", "method": "cancel", "params": {"id": number}})
            deadline = time.monotonic() + CANCEL_TIMEOUT
            with contextlib.suppress(queue.Empty):
                while (answers.get(timeout=max(deadline - time.monotonic(), 0.01)) or {}).get(
                    "method"
                ) == "progress":
                    pass
            raise
        finally:
            with self._lock:
                self._pending.pop(number, None)

    def kill(self) -> None:
        """End the engine at once."""
        self.dead = True
        with contextlib.suppress(OSError):
            self.process.kill()

    def close(self) -> None:
        """Let the engine end: it does when its stdin closes."""
        self.dead = True
        with contextlib.suppress(OSError, ValueError):
            if self.process.stdin:
                self.process.stdin.close()

    def _answer(self, message: dict[str, Any]) -> dict[str, Any]:
        error = message.get("error")
        if not isinstance(error, dict):
            result = message.get("result")
            return result if isinstance(result, dict) else {}
        if error.get("code") == CANCELLED_CODE:
            raise Cancelled()
        given = error.get("data")
        data: dict[str, Any] = given if isinstance(given, dict) else {}
        exit_code = data.get("exit_code")
        raise EngineError(
            str(error.get("message", "unknown error")),
            str(data.get("mend") or ""),
            exit_code if isinstance(exit_code, int) else 1,
            [str(line) for line in data.get("last_lines") or []],
            str(data.get("kind", "EngineError")),
        )

    def _crash(self, method: str) -> EngineError:
        """The error of a dead process, with what it said last."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(2.0)
        self._errors.join(1.0)
        code = self.process.returncode
        how = "without an exit code" if code is None else f"with exit code {code}"
        if code is not None and code < 0:
            how = f"by signal {-code}"
        doing = "while starting" if method == "initialize" else f"in {method}"
        return EngineError(
            f"the Relip engine ended {doing} {how}",
            "finished frames are kept; run it again (the engine starts anew), "
            "or run relip doctor in a terminal",
            1,
            list(self.last_lines),
            "Crashed",
        )

    def _send(self, message: dict[str, Any]) -> None:
        data = json.dumps(message).encode("utf-8") + b"\n"
        # A process that is gone is told of by the thread that reads from it.
        with self._lock, contextlib.suppress(OSError, ValueError):
            if self.process.stdin:
                self.process.stdin.write(data)
                self.process.stdin.flush()

    def _read(self) -> None:
        assert self.process.stdout
        try:
            for line in self.process.stdout:
                self._take(line)
        except (OSError, ValueError):
            pass
        with self._lock:
            self.dead = self._ended = True
            for waiting in self._pending.values():
                waiting.put(None)
        with contextlib.suppress(OSError):
            self.process.wait()

    def _take(self, line: bytes) -> None:
        try:
            message = json.loads(line.decode("utf-8"))
            if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
                raise ValueError("not the protocol")
        except ValueError:
            self._noise += 1
            self.last_lines.append(line.decode("utf-8", "replace").rstrip()[:500])
            if self._noise > MAX_NOISE:
                self.kill()
            return
        params = message.get("params")
        progress = message.get("method") == "progress" and isinstance(params, dict)
        ident = params.get("id") if progress and isinstance(params, dict) else message.get("id")
        with self._lock:
            waiting = self._pending.get(ident) if isinstance(ident, int) else None
        if waiting is not None:
            waiting.put(message)

    def _read_errors(self) -> None:
        assert self.process.stderr
        with contextlib.suppress(OSError, ValueError):
            for line in self.process.stderr:
                text = line.decode("utf-8", "replace").rstrip()
                if text:
                    self.last_lines.append(text[:500])
