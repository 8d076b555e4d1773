"""Decode the next pictures while the last one is worked on."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

#: Pictures decoded ahead. A 4K float picture is 106 MB, so they are few.
DEPTH = 2

_END = object()


def prefetch(items: Iterable[T], depth: int = DEPTH) -> Generator[T, None, None]:
    """Give the same items in the same order, produced in a thread of their own.

    Parameters
    ----------
    items : iterable
        Used by that thread alone until this iterator ends or is closed.
    depth : int
        How many are made ahead.

    Yields
    ------
    object
        Each item; an exception of ``items`` is raised here at its place.
    """
    ready: queue.Queue[object] = queue.Queue(depth)
    stop = threading.Event()

    def put(value: object) -> bool:
        while not stop.is_set():
            try:
                ready.put(value, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        try:
            for item in items:
                if not put(item):
                    return
            put(_END)
        except BaseException as error:  # handed over to the reader, whatever it is
            put(_Failure(error))

    thread = threading.Thread(target=work, name="prefetch", daemon=True)
    thread.start()
    try:
        while True:
            value = ready.get()
            if value is _END:
                return
            if isinstance(value, _Failure):
                raise value.error
            yield value  # type: ignore[misc]
    finally:
        stop.set()
        thread.join()


def side_by_side(work: Callable[[T], R], items: Iterable[T], workers: int) -> Iterator[R]:
    """Results of ``work`` in the order of the items, several computed at once.

    Parameters
    ----------
    work : callable
        Of one item; runs in a thread of its own.
    items : iterable
        Taken one by one, never more than ``workers`` and one ahead: while the oldest is waited
        for, no worker is idle.
    workers : int

    Yields
    ------
    object
        Each result; an exception of ``work`` is raised here at its place.
    """
    if workers <= 1:
        yield from map(work, items)
        return
    waiting: deque[Future[R]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="frame") as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) > workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


class _Failure:
    def __init__(self, error: BaseException) -> None:
        self.error = error
