"""SIGINT and SIGTERM: finish the frame at hand, then stop, resumable.

The command line works inside :func:`caught`; long loops call :func:`check`
between two frames (every :meth:`relip.progress.Progress.step` does).
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

from relip.errors import InterruptedByUser

_received: list[int] = []


@contextlib.contextmanager
def caught() -> Iterator[None]:
    """Catch SIGINT and SIGTERM in the block; a second one ends the process at once.

    The handlers there were before come back afterwards. Outside the main
    thread, where Python allows no handlers, nothing is caught.
    """
    clear()
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {s: signal.signal(s, _note) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for signum, handler in before.items():
            # None: a handler that was not set from Python and cannot be set again.
            signal.signal(signum, handler if handler is not None else signal.SIG_DFL)


def _note(signum: int, frame: FrameType | None) -> None:
    if _received:
        signal.signal(signum, signal.SIG_DFL)
        signal.raise_signal(signum)
    _received.append(signum)


def request(signum: int = signal.SIGINT) -> None:
    """Ask for a stop from inside the process (a worker's cancel)."""
    _received.append(int(signum))


def clear() -> None:
    """Forget a request."""
    _received.clear()


def check(where: str = "") -> None:
    """Raise when a stop was asked for.

    Raises
    ------
    InterruptedByUser
        With the exit code 130 (SIGINT) or 143 (SIGTERM).
    """
    if _received:
        signum = _received[0]
        text = f"interrupted{' in ' + where if where else ''}; finished frames are kept"
        raise InterruptedByUser(text, mend="run the same command again to go on", signum=signum)
