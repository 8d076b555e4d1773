"""nuke.ProgressTask, and a hand for the tests to press its Cancel."""

from __future__ import annotations

import weakref
from typing import Any

from .faults import fault
from .state import host


class ProgressTask:
    """A progress bar. Unlike nodes it may be used from any thread."""

    def __init__(self, name: str = "") -> None:
        if not isinstance(name, str):
            raise TypeError("a progress task's name is a string")
        self._name = name
        self._record = Record(name)
        host().progress.append(self._record)
        self._record.alive = weakref.ref(self)

    def setProgress(self, progress: int) -> None:
        if isinstance(progress, bool) or not isinstance(progress, int):
            raise TypeError("setProgress takes an int")
        if not 0 <= progress <= 100:
            fault(f"setProgress({progress}): it goes from 0 to 100")
        self._record.values.append(progress)

    def setMessage(self, message: str) -> None:
        if not isinstance(message, str):
            raise TypeError("setMessage takes a string")
        self._record.messages.append(message)

    def isCancelled(self) -> bool:
        return self._record.cancelled

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_"):
            fault(f"ProgressTask has no {name!r}")
        raise AttributeError(name)


class Record:
    """What one progress bar showed."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.values: list[int] = []
        self.messages: list[str] = []
        self.cancelled = False
        self.alive: Any = None

    @property
    def open(self) -> bool:
        """Whether the bar is still on the screen: it goes when its object does."""
        return self.alive is not None and self.alive() is not None
