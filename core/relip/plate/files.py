"""Writing files so that a reader finds the old one, the new one, or none: never half of one."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from relip.errors import OutputError

_MENDS = {
    errno.ENOSPC: "make room on the disk",
    errno.EDQUOT: "make room in the quota",
    errno.EACCES: "check the permissions of the folder",
    errno.EPERM: "check the permissions of the folder",
    errno.EROFS: "choose a folder that can be written",
    errno.ENOENT: "make the folder first",
    errno.ENOTDIR: "a file stands where a folder is needed",
}


def output_error(path: str | Path, error: OSError) -> OutputError:
    """The :class:`~relip.errors.OutputError` that an operating system's error stands for."""
    reason = error.strerror or str(error)
    return OutputError(f"{path} cannot be written: {reason}", mend=_MENDS.get(error.errno or 0))


@contextmanager
def written_beside(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside ``path``, and rename it to ``path`` on success.

    The temporary file keeps the suffix, which picture libraries read the
    format from. On an exception it is removed and ``path`` is as it was.

    Raises
    ------
    OutputError
        If the folder is missing or cannot be written, or the disk is full.
    """
    path = Path(path)
    tag = f"{os.getpid()}-{os.urandom(4).hex()}"
    temporary = path.with_name(f".{path.stem[:100]}.{tag}{path.suffix}")
    try:
        if path.is_dir():
            raise OutputError(f"{path} is a folder", mend="name a file")
        # Made here, so that a missing or read-only folder speaks before any work is done.
        with open(temporary, "wb"):
            pass
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        raise output_error(path, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink()
