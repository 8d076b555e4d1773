"""Text files written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from relip.errors import OutputError


def write_text(path: str | Path, text: str) -> None:
    """Write a UTF-8 file beside its place and rename it there.

    Parameters
    ----------
    path : path
    text : str

    Raises
    ------
    OutputError
        If the folder is missing, not writable or full.
    """
    path = Path(path)
    temporary = ""
    try:
        handle, temporary = tempfile.mkstemp(".tmp", f".{path.name}.", path.parent)
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except OSError as error:
        if temporary and os.path.exists(temporary):
            os.unlink(temporary)
        raise OutputError(
            f"cannot write {path}: {error.strerror or error}",
            mend="give a folder that exists, is writable and has room",
        ) from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
