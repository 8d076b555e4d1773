"""The host that is running, for code that cannot be handed one: knobs made before any node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .faults import fault

if TYPE_CHECKING:
    from .app import Host

_host: list[Host] = []


def host() -> Host:
    """The running host."""
    if not _host:
        fault("nuke is used while no host runs")
    return _host[-1]


def start(new: Host) -> None:
    """Make a host the running one."""
    _host.append(new)


def stop(old: Host) -> None:
    """End it."""
    _host.remove(old)


class Guarded:
    """What may be touched from the main thread only, and knows exactly its own attributes."""

    def __getattribute__(self, name: str) -> Any:
        found = object.__getattribute__(self, name)
        if name[0] == "_" or not _host or _host[-1].in_main_thread():
            return found
        what = f"{type(self).__name__}.{name}"
        if not callable(found):
            _host[-1].check_thread(what)

        # a thread may hand a method to the main thread; it must not call it
        def guarded(*args: Any, **kwargs: Any) -> Any:
            _host[-1].check_thread(what)
            return found(*args, **kwargs)

        return guarded

    def __getattr__(self, name: str) -> Any:
        from . import faults

        if not name.startswith("_"):
            faults._faults.append(f"{type(self).__name__} has no {name!r} in this host")
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
