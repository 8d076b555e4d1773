"""The errors and their exit codes."""

from __future__ import annotations

import inspect

import pytest

from relip import errors
from relip.errors import InterruptedByUser, RelipError

DOCUMENTED = {
    "UsageError": 2,
    "SettingError": 2,
    "FrameRangeError": 2,
    "InputError": 3,
    "PlateError": 3,
    "ColourError": 3,
    "AudioError": 3,
    "TranscriptError": 3,
    "FaceError": 3,
    "ShotError": 3,
    "NkError": 3,
    "GizmoError": 3,
    "StageMissingError": 3,
    "ModelError": 5,
    "OutputError": 6,
    "InterruptedByUser": 130,
}


def test_every_error_has_its_documented_exit_code():
    found = {
        name: kind.exit_code
        for name, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, RelipError) and kind is not RelipError
    }
    assert found == DOCUMENTED


def test_message_and_mend():
    assert str(RelipError("what and where")) == "what and where"
    assert str(RelipError("what and where", mend="do this")) == "what and where; do this"


@pytest.mark.parametrize(("signum", "code"), [(2, 130), (15, 143)])
def test_a_signal_gives_its_exit_code(signum: int, code: int):
    assert InterruptedByUser("stopped", signum=signum).exit_code == code
    assert InterruptedByUser.exit_code == 130


def test_who_knows_better_how_to_mend_it_says_so():
    @errors.mended("any file of this kind", general=True)
    def reader(mend: str | None) -> None:
        raise errors.InputError("damaged", mend=mend)

    with pytest.raises(RelipError, match="damaged; any file of this kind"):
        reader(None)
    with pytest.raises(RelipError, match="damaged; this one"):
        reader("this one")
    with pytest.raises(RelipError, match="damaged; this shot"), errors.mended("this shot"):
        reader(None)
    with pytest.raises(RelipError, match="damaged; this one"), errors.mended("this shot"):
        reader("this one")


def test_a_message_is_one_line_whatever_it_quotes():
    error = errors.InputError(
        f"a.csv, line 1: '\x1b[2J\r\n{'9' * 5000}' is no number", mend="mend it"
    )
    assert str(error).startswith("a.csv, line 1: ' [2J 999") and str(error).endswith("; mend it")
    assert len(str(error)) < 200 and str(error).isprintable()
    path = "/" + "/".join(["a" * 90] * 4)
    assert path in str(errors.InputError(f"{path}: missing"))
