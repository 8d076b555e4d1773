"""Progress to a terminal, to JSON lines, to a farm.

A stage takes a :class:`Progress` and calls :meth:`Progress.start`,
:meth:`Progress.step` and :meth:`Progress.finish`; what is shown depends on
``--progress``. All forms but ``openjd`` and ``tractor`` write to stderr, so
that stdout stays the command's result.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, TextIO

from relip import interrupt
from relip.errors import SettingError

FORMS = ("auto", "plain", "json", "openjd", "tractor", "none")

#: Seconds between two updates of a terminal bar, and of a plain line.
BAR_INTERVAL = 0.2
PLAIN_INTERVAL = 10.0


class Progress:
    """Shows how far a long work has come.

    Parameters
    ----------
    form : {"auto", "plain", "json", "openjd", "tractor", "none"}
        ``auto`` is a bar on a terminal and plain lines elsewhere.
    stream : file, optional
        Where to write; by default stderr, and stdout for the farm forms,
        whose readers listen there.
    sink : callable, optional
        Called with each event as a dictionary, whatever the form: ``event``
        ("start", "step", "finish" or "message"), ``stage``, and ``done``,
        ``total``, ``fraction`` (0-1, of the whole job), ``seconds``, ``note``,
        or of a message its ``text``. The worker sends them to Nuke.
    """

    def __init__(
        self,
        form: str = "none",
        stream: TextIO | None = None,
        *,
        sink: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:
        if form not in FORMS:
            raise SettingError(
                f"progress {form!r} is unknown", mend=f"use one of {', '.join(FORMS)}"
            )
        default = sys.stdout if form in ("openjd", "tractor") else sys.stderr
        self._stream = stream if stream is not None else default
        if form == "auto":
            form = "bar" if self._stream.isatty() else "plain"
        self.form = form
        self._sink = sink
        self._stage = ""
        self._total = 0
        self._done = 0
        self._began = 0.0
        self._shown = 0.0
        self._base, self._share = 0.0, 1.0

    @contextlib.contextmanager
    def part(self, base: float, share: float) -> Iterator[None]:
        """Stages in the block run from ``base`` to ``base + share`` of the job; parts nest."""
        outer = self._base, self._share
        self._base, self._share = outer[0] + outer[1] * base, outer[1] * share
        try:
            yield
        finally:
            self._base, self._share = outer

    def start(self, stage: str, total: int) -> None:
        """Begin a stage of ``total`` steps."""
        self._stage, self._total, self._done = stage, max(int(total), 0), 0
        self._began = self._shown = time.monotonic()
        self._emit("start", "")

    def step(self, n: int = 1, note: str = "") -> None:
        """Count ``n`` more steps done; ``note`` is shown beside them (a loss, a frame).

        Raises
        ------
        InterruptedByUser
            If SIGINT or SIGTERM arrived since the last step.
        """
        self._done += n
        now = time.monotonic()
        wait = PLAIN_INTERVAL if self.form == "plain" else BAR_INTERVAL
        if now - self._shown >= wait or self._done >= self._total:
            self._shown = now
            self._emit("step", note)
        interrupt.check(self._stage)

    def message(self, text: str) -> None:
        """Say one line, above the bar when there is one."""
        if self._sink:
            self._sink({"event": "message", "stage": self._stage, "text": text})
        if self.form == "none":
            return
        if self.form == "json":
            self._line(json.dumps({"event": "message", "stage": self._stage, "text": text}))
        elif self.form == "openjd":
            self._line(f"openjd_status: {text}")
        else:
            self._line(("\r\033[K" if self.form == "bar" else "") + text)

    def finish(self, note: str = "") -> None:
        """End the stage: all its steps are done."""
        self._done = self._total
        self._emit("finish", note)
        if self.form == "bar":
            self._line("")

    def _fraction(self) -> float:
        own = min(self._done / self._total, 1.0) if self._total else 1.0
        return self._base + self._share * own

    def _emit(self, event: str, note: str) -> None:
        elapsed = time.monotonic() - self._began
        if self._sink or self.form == "json":
            record = {
                "event": event,
                "stage": self._stage,
                "done": self._done,
                "total": self._total,
                "fraction": round(self._fraction(), 4),
                "seconds": round(elapsed, 2),
                "note": note,
            }
            if self._sink:
                self._sink(record)
            if self.form == "json":
                self._line(json.dumps(record))
                return
        if self.form == "none":
            return
        if self.form == "openjd":
            self._line(f"openjd_progress: {100 * self._fraction():.1f}")
            return
        if self.form == "tractor":
            self._line(f"TR_PROGRESS {100 * self._fraction():.0f}%")
            return
        left = ""
        if self._done and self._done < self._total:
            left = f", {_clock(elapsed * (self._total - self._done) / self._done)} left"
        text = f"{self._stage:<8} {self._done}/{self._total}  {_clock(elapsed)}{left}"
        if note:
            text += f"  {note}"
        if self.form == "plain":
            if event != "start":
                self._line(text)
            return
        width = 24
        filled = round(width * self._done / self._total) if self._total else width
        bar = "━" * filled + "╌" * (width - filled)
        if "utf" not in (getattr(self._stream, "encoding", "") or "").lower():
            bar = "#" * filled + "-" * (width - filled)
        self._stream.write(f"\r\033[K{bar} {text}")
        self._stream.flush()

    def _line(self, text: str) -> None:
        self._stream.write(text + "\n")
        self._stream.flush()


def _clock(seconds: float) -> str:
    whole = int(seconds)
    if whole >= 3600:
        return f"{whole // 3600}:{whole % 3600 // 60:02d}:{whole % 60:02d}"
    return f"{whole // 60}:{whole % 60:02d}"
