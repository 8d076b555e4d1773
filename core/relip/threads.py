"""How many CPU threads the engine may use, and how results do not depend on it.

A sum taken by two threads is not the sum taken by one, to the last bit. On
the libraries used here that was measured: PyTorch's convolutions and LAPACK's
decompositions change with the number of threads, OpenCV's filters and flows
and OpenColorIO do not. So decompositions, which are small, always run on one
thread; and a frame is always computed by one thread, several frames at once.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

from relip.errors import SettingError


def waiting_threads_sleep() -> None:
    """Let OpenMP threads that wait for one another sleep instead of spinning.

    On a machine with other work a spinning thread takes the time that the others wait for.
    A training step with two threads beside other jobs on two cores took 7 to 22 s and 3 CPU
    seconds, like this 1.5 to 4.3 s and 0.5; on an idle machine 0.24 to 0.36 s, like this 0.27
    to 0.42. Nuke, a browser or a farm's next task is such work. Must be called before PyTorch is
    loaded; a policy that the environment names stays.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def set_threads(count: int) -> None:
    """Limit PyTorch, OpenCV and the BLAS libraries to ``count`` threads.

    Must be called before they are used for the first time.

    Raises
    ------
    SettingError
        If the number is below 1.
    """
    if count < 1:
        raise SettingError(f"--threads {count}", mend="give 1 or more")
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(count)
    waiting_threads_sleep()
    import cv2
    import torch

    torch.set_num_threads(count)
    cv2.setNumThreads(count)


@contextlib.contextmanager
def steady() -> Iterator[None]:
    """In the block BLAS and LAPACK compute on one thread: the same bits everywhere."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1, user_api="blas"):
        yield


@contextlib.contextmanager
def one_each() -> Iterator[int]:
    """In the block PyTorch computes on one thread, for frames that are computed side by side.

    Yields
    ------
    int
        How many threads may be used, each for a frame of its own.
    """
    import torch

    count = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield count
    finally:
        torch.set_num_threads(count)


def thread_count() -> int | None:
    """PyTorch's threads; None when it was not needed."""
    torch = sys.modules.get("torch")
    return int(torch.get_num_threads()) if torch is not None else None
