"""Captured or generated ARKit faces: Live Link Face and Audio2Face CSV files."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import numpy as np

from relip.errors import InputError, mended
from relip.speech.alignment import frame_times
from relip.speech.mouth_csv import number, read_rows
from relip.speech.visemes import MOUTH_CONTROLS

_TIMECODE = re.compile(r"^(\d{1,3}):(\d{1,2}):(\d{1,2})[:;](\d{1,4}(?:\.\d{1,9})?)$")
#: The rates phones and generators capture at; the smallest that holds every frame number is taken.
_CAPTURE_RATES = (24, 25, 30, 48, 50, 60, 120)
#: Without usable times, rows are taken to be this many per second (Live Link Face's own).
_DEFAULT_RATE = 60.0


@mended("export the capture as CSV again", general=True)
def read_arkit_csv(
    path: str | Path, frames: range, rate: Fraction, offset: float = 0.0
) -> np.ndarray:
    """Mouth controls from an ARKit blendshape recording, at the shot's frames.

    Reads Live Link Face (``Timecode,BlendshapeCount,EyeBlinkLeft,...``) and
    Audio2Face (``timeCode,blendShapes.EyeBlinkLeft,...``, seconds) files.
    Left and right are averaged; values are clipped to 0-1. ARKit's mouthClose
    counts in units of the jaw's opening (lips are closed when it reaches
    jawOpen); Relip's counts in shares of it, so it is divided by jawOpen.
    Time 0 is the first row; frames outside the recording are at rest.

    Parameters
    ----------
    path : path
    frames : range
    rate : Fraction
        Frames per second of the shot.
    offset : float
        Seconds into the shot at which the recording begins.

    Returns
    -------
    ndarray, shape (F, len(MOUTH_CONTROLS)), 0 to 1

    Raises
    ------
    InputError
        If the file is missing, has no jawOpen column, no rows, or a cell that
        is not a number; the message names line and column.
    """
    path = Path(path)
    rows = read_rows(path)
    if not rows:
        raise InputError(f"{path} is empty")
    names = [cell.strip().split(".")[-1].lower() for cell in rows[0][1]]
    columns = {c: _columns(c, names) for c in MOUTH_CONTROLS}
    if not columns["jawOpen"]:
        raise InputError(
            f"{path}, line 1: no column JawOpen", mend="export ARKit's 52 blendshapes as CSV"
        )
    if len(rows) < 2:
        raise InputError(f"{path} holds no frames")
    values = np.zeros((len(rows) - 1, len(MOUTH_CONTROLS)))
    for index, (line, row) in enumerate(rows[1:]):
        if len(row) != len(names):
            raise InputError(
                f"{path}, line {line}: {len(row)} columns where line 1 has {len(names)}"
            )
        for place, control in enumerate(MOUTH_CONTROLS):
            cells = [
                number(row[c], path, line, c + 1, rows[0][1][c].strip(), None)
                for c in columns[control]
            ]
            values[index, place] = float(np.mean(cells)) if cells else 0.0
    values = np.clip(values, 0.0, 1.0)
    jaw, close = MOUTH_CONTROLS.index("jawOpen"), MOUTH_CONTROLS.index("mouthClose")
    values[:, close] = np.clip(values[:, close] / np.maximum(values[:, jaw], 0.02), 0.0, 1.0)
    when = _times(path, names, rows)
    wanted = frame_times(frames, rate, offset)
    out = np.empty((len(wanted), len(MOUTH_CONTROLS)))
    step = (when[-1] - when[0]) / (len(when) - 1) if len(when) > 1 else 1 / _DEFAULT_RATE
    for place in range(len(MOUTH_CONTROLS)):
        out[:, place] = np.interp(wanted, when, values[:, place])
    out[(wanted < -step) | (wanted > when[-1] + step)] = 0.0
    return out


def _columns(control: str, names: list[str]) -> list[int]:
    key = control.lower()
    wanted = {key, f"{key}left", f"{key}right", f"{key}_l", f"{key}_r"}
    return [i for i, name in enumerate(names) if name in wanted]


def _times(path: Path, names: list[str], rows: list[tuple[int, list[str]]]) -> np.ndarray:
    """Seconds of every row, counted from the first."""
    by_count = np.arange(len(rows) - 1) / _DEFAULT_RATE
    if names[0] not in ("timecode", "time"):
        return by_count
    cells = [row[0].strip() for _, row in rows[1:]]
    if all(_TIMECODE.match(cell) for cell in cells):
        parts = [_TIMECODE.match(cell).groups() for cell in cells]  # type: ignore[union-attr]
        highest = max(int(float(p[3])) for p in parts)
        fps = next((r for r in _CAPTURE_RATES if highest < r), highest + 1)
        if len(parts) <= highest:  # shorter than a second: the highest number says little
            fps = max(fps, int(_DEFAULT_RATE))
        seconds = np.array([int(p[0]) * 3600 + int(p[1]) * 60 + int(p[2]) for p in parts], float)
        seconds += np.array([float(p[3]) for p in parts]) / fps
        seconds[seconds < seconds[0]] += 86400.0  # past midnight
    else:
        seconds = np.array(
            [
                number(cell, path, line, 1, "time", None)
                for (line, _), cell in zip(rows[1:], cells, strict=True)
            ]
        )
    for index in np.flatnonzero(np.diff(seconds) < 0):
        raise InputError(
            f"{path}, line {rows[index + 2][0]}, column 1: the time {cells[index + 1]!r} lies "
            f"before that of the row above"
        )
    return seconds - seconds[0]
