"""Text files that people write: transcripts, subtitles, lexicons, TextGrids."""

from __future__ import annotations

from pathlib import Path

from relip.errors import InputError

#: What a file in UTF-16 begins with, in either order of its bytes.
_MARKS = (b"\xff\xfe", b"\xfe\xff")


def read_text(path: Path, kind: type[InputError] = InputError, *, mend: str | None = None) -> str:
    """A text in UTF-8 or, as Praat and editors on Windows write it with its mark, in UTF-16.

    Parameters
    ----------
    path : Path
    kind : type of InputError
        What is raised.
    mend : str, optional
        What to do when it is not there.

    Raises
    ------
    InputError
        If it cannot be read or is no text.
    """
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise kind(f"{path}: no such file", mend=mend) from None
    except OSError as error:
        raise kind(f"{path}: cannot be read: {error.strerror or error}", mend=mend) from None
    try:
        return raw.decode("utf-16" if raw[:2] in _MARKS else "utf-8-sig")
    except UnicodeDecodeError:
        damaged = kind(
            f"{path}: not a text file in UTF-8 or UTF-16", mend="save it as text in UTF-8"
        )
        damaged.general = True
        raise damaged from None
