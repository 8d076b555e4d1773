"""What the host does when it meets something it does not know: it never lets it pass."""

from __future__ import annotations

from typing import NoReturn

#: Every fault since the host was made. A fault swallowed by the code under test still fails its
#: test, because the fixture looks here when the test ends.
_faults: list[str] = []


class HostFault(Exception):
    """The code under test used something this host does not know, or used it against the rules.

    A real Nuke may well know it: teach the host first, from Nuke's documentation.
    """


def fault(message: str) -> NoReturn:
    """Record a fault and raise it.

    Raises
    ------
    HostFault
        Always.
    """
    _faults.append(message)
    raise HostFault(message)


def recorded() -> list[str]:
    """The faults so far, oldest first."""
    return list(_faults)


def forget() -> None:
    """Forget all faults; a test that provokes one on purpose ends with this."""
    _faults.clear()
