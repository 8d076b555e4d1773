"""Pytest fixtures: a running host, faults checked when the test ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from . import faults
from .app import Host
from .tcl import NoTcl, interpreter


def _need_tcl() -> None:
    try:
        interpreter()
    except NoTcl as exc:
        pytest.skip(str(exc))


@pytest.fixture
def nuke_hosts() -> Iterator[Callable[..., Host]]:
    """Makes hosts: ``nuke_hosts(gui=False)``. At most one runs at a time; each is stopped."""
    _need_tcl()
    faults.forget()
    running: list[Host] = []

    def make(**options: Any) -> Host:
        while running:
            running.pop().stop()
        running.append(Host(**options).start())
        return running[-1]

    yield make
    while running:
        running.pop().stop()
    found = faults.recorded()
    faults.forget()
    assert not found, "the code under test used Nuke in a way this host refuses:\n" + "\n".join(
        f"- {line}" for line in found
    )


@pytest.fixture
def nuke_host(nuke_hosts: Callable[..., Host]) -> Host:
    """A Nuke with its GUI, nothing on the plugin path yet."""
    return nuke_hosts(gui=True)


@pytest.fixture
def nuke_terminal(nuke_hosts: Callable[..., Host]) -> Host:
    """A ``nuke -t``."""
    return nuke_hosts(gui=False)


@pytest.fixture
def nuke_refuses() -> Callable[..., Any]:
    """``with nuke_refuses("part of the message"):`` for what the host must refuse."""
    from contextlib import contextmanager

    @contextmanager
    def refuses(*parts: str) -> Iterator[None]:
        before = faults.recorded()
        with pytest.raises(faults.HostFault) as caught:
            yield
        for part in parts:
            assert part in str(caught.value), f"{part!r} is not in {str(caught.value)!r}"
        faults._faults[:] = before

    return refuses
