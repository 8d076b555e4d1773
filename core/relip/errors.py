"""One root error, one named subclass per kind, each with its exit code.

Every failure a user can cause or meet is raised as a subclass of
:class:`RelipError` whose message says what is wrong, where (file, frame) and
how to mend it. The command line prints the message on one line and exits
with :attr:`RelipError.exit_code`; anything else that escapes is a bug and
exits with :data:`EXIT_UNEXPECTED`.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator

EXIT_DONE = 0
EXIT_UNEXPECTED = 1
EXIT_USAGE = 2
EXIT_INPUT = 3
EXIT_SOME_FRAMES_FAILED = 4
EXIT_MODEL = 5
EXIT_OUTPUT = 6
EXIT_INTERRUPTED = 130


#: Longer words of a message are cut in their middle: what is quoted from a damaged file may be one.
_LONGEST_WORD = 400
_LONG = re.compile(rf"\S{{{_LONGEST_WORD},}}")

#: What would move a terminal's cursor, or end the line, when it is quoted from a file.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


def _one_line(text: str) -> str:
    return _LONG.sub(lambda m: f"{m[0][:60]}…{m[0][-20:]}", _CONTROL.sub(" ", text))


def shortened(text: str, most: int = 60) -> str:
    """What was given, as a message shows it: at most ``most`` letters of it."""
    return text if len(text) <= most else f"{text[:most]}…"


def reason(error: BaseException) -> str:
    """Why a text, JSON or TOML file cannot be read, as its user says it and not the interpreter."""
    if isinstance(error, UnicodeDecodeError):
        return "it is not text in UTF-8"
    if isinstance(error, RecursionError):
        return "it is nested too deep"
    if isinstance(error, json.JSONDecodeError):
        return f"line {error.lineno}, column {error.colno}: {error.msg[:1].lower()}{error.msg[1:]}"
    if isinstance(error, OSError):
        return error.strerror or "it cannot be opened"
    if type(error) is ValueError:  # the parsers have classes of their own for all else
        return "a number in it has too many digits"
    return str(error)


class RelipError(Exception):
    """Root of all errors Relip raises on purpose.

    Parameters
    ----------
    message : str
        What is wrong and where: names the file and the frame.
    mend : str, optional
        What the user can do about it; printed after the message.
    """

    exit_code = EXIT_UNEXPECTED

    def __init__(self, message: str, *, mend: str | None = None) -> None:
        message = _one_line(message)
        super().__init__(message)
        self.message = message
        self.mend = mend
        #: Whether ``mend`` is what helps with any file of its kind; who knows better replaces it.
        self.general = False

    def __str__(self) -> str:
        return f"{self.message}; {self.mend}" if self.mend else self.message


@contextlib.contextmanager
def mended(mend: str, *, general: bool = False) -> Iterator[None]:
    """Errors of the block that do not say how to mend them say ``mend``; a decorator, too.

    Parameters
    ----------
    mend : str
    general : bool
        It holds for any file of its kind; a block around this one may say it better.
    """
    try:
        yield
    except RelipError as exc:
        if exc.mend is None or exc.general:
            exc.mend, exc.general = mend, general
        raise


class UsageError(RelipError):
    """The command line or a setting is wrong."""

    exit_code = EXIT_USAGE


class SettingError(UsageError):
    """A value in shot.toml or an option is out of its range or of the wrong type."""


class FrameRangeError(UsageError):
    """A frame range cannot be parsed or lies outside the shot."""


class InputError(RelipError):
    """An input is missing or unreadable."""

    exit_code = EXIT_INPUT


class PlateError(InputError):
    """The plate (movie or image sequence) is missing, unreadable or truncated."""


class ColourError(InputError):
    """A colourspace name or OCIO config is unknown."""


class AudioError(InputError):
    """The dialogue is missing, unreadable, empty or silent."""


class TranscriptError(InputError):
    """The transcript is missing, empty, or does not match the dialogue."""


class FaceError(InputError):
    """No usable face in the plate."""


class ShotError(InputError):
    """A shot folder is missing, incomplete or damaged."""


class NkError(InputError):
    """A Nuke script is missing, damaged, too large, or holds what is never run."""


class GizmoError(InputError):
    """A gizmo, its manifest or a comp's use of it is missing, damaged or unknown."""


class StageMissingError(InputError):
    """A stage's input has not been made yet; the message names the command that makes it."""


class ModelError(RelipError):
    """A model file is missing, damaged or of another version, or a device is not there."""

    exit_code = EXIT_MODEL


class OutputError(RelipError):
    """An output cannot be written: permissions, disk full, not a folder."""

    exit_code = EXIT_OUTPUT


class InterruptedByUser(RelipError):
    """SIGINT or SIGTERM arrived; finished frames are kept and the job can be resumed.

    Parameters
    ----------
    message : str
        Which stage stopped after which frame.
    signum : int
        The signal's number; the exit code is ``128 + signum``.
    """

    exit_code = EXIT_INTERRUPTED

    def __init__(self, message: str, *, mend: str | None = None, signum: int = 2) -> None:
        super().__init__(message, mend=mend)
        self.exit_code = 128 + signum
