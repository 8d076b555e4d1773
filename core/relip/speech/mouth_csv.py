"""mouth.csv: one row per frame, the frame number and then the mouth controls, 0-1.

Besides the mouth controls a sheet may have columns ``teeth`` and ``tongue``, by
which a compositor says how much of them is to be seen; 0.5 says nothing.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from relip.errors import InputError, SettingError, mended, shortened
from relip.records import write_text
from relip.speech.visemes import MOUTH_CONTROLS

#: Further columns that a mouth sheet may have: how much is seen inside the mouth, 0 to 1.
VISIBILITY = ("teeth", "tongue")

#: Their value where nothing is wanted: the renderer decides.
NEUTRAL = 0.5


def write_mouth_csv(
    path: str | Path,
    frames: Sequence[int],
    curves: np.ndarray,
    controls: Sequence[str] = MOUTH_CONTROLS,
) -> None:
    """Write the mouth controls of a shot.

    Parameters
    ----------
    path : path
    frames : sequence of int, length F
    curves : ndarray, shape (F, C)
        0 to 1; four decimals are kept.
    controls : sequence of str, length C

    Raises
    ------
    SettingError
        If the shapes do not agree or a value is not a number from 0 to 1.
    OutputError
        If the file cannot be written.
    """
    values = np.asarray(curves, dtype=np.float64)
    if values.shape != (len(frames), len(controls)):
        raise SettingError(
            f"mouth curves of shape {values.shape} do not fit {len(frames)} frames "
            f"and {len(controls)} controls"
        )
    if values.size and not (np.isfinite(values).all() and values.min() >= 0 and values.max() <= 1):
        raise SettingError("mouth curves hold values that are not between 0 and 1")
    lines = [",".join(("frame", *controls))]
    for frame, row in zip(frames, values, strict=True):
        lines.append(",".join((str(int(frame)), *(f"{v:.4f}" for v in row))))
    write_text(path, "\n".join(lines) + "\n")


@mended("mend the line, or write the file again with relip", general=True)
def read_mouth_csv(path: str | Path) -> tuple[list[int], dict[str, np.ndarray]]:
    """Read mouth controls.

    Parameters
    ----------
    path : path
        A first line ``frame,jawOpen,...``; the controls may stand in any
        order and some may be left out.

    Returns
    -------
    frames : list of int, length F
        Rising.
    curves : dict of str to ndarray, shape (F,), 0 to 1
        The controls that the file has, and :data:`VISIBILITY` where it has them.

    Raises
    ------
    InputError
        If the file is missing or malformed; the message names line and column.
    """
    path = Path(path)
    rows = read_rows(path)
    names = [name.strip() for name in rows[0][1]] if rows else []
    parted = re.match(r"frame\s*([;\t])", names[0]) if names else None
    if parted:
        raise InputError(
            f"{path}, line 1: its columns are parted by {parted[1]!r}",
            mend="part them by commas, and write numbers with a point (0.5): in a spreadsheet save "
            "as CSV in English",
        )
    if not names or names[0] != "frame":
        raise InputError(
            f"{path}, line 1, column 1: the first column must be 'frame'",
            mend=f"begin the file with frame,{','.join(MOUTH_CONTROLS)}",
        )
    for column, name in enumerate(names[1:], start=2):
        if name not in (*MOUTH_CONTROLS, *VISIBILITY):
            raise InputError(
                f"{path}, line 1, column {column}: {_shown(name)!r} is not a mouth control",
                mend=f"use {', '.join((*MOUTH_CONTROLS, *VISIBILITY))}",
            )
        if name in names[1 : column - 1]:
            raise InputError(f"{path}, line 1, column {column}: {name!r} stands twice")
    if len(names) < 2:
        raise InputError(f"{path}, line 1: no mouth control follows 'frame'")
    if len(rows) < 2:
        raise InputError(f"{path} holds no frames")
    frames: list[int] = []
    values = np.empty((len(rows) - 1, len(names) - 1))
    for index, (line, row) in enumerate(rows[1:]):
        if len(row) != len(names):
            raise InputError(
                f"{path}, line {line}: {len(row)} columns where line 1 has {len(names)}"
            )
        try:
            frame = int(row[0][:_LONGEST])
            if len(row[0]) > _LONGEST:
                raise ValueError
        except ValueError:
            raise InputError(
                f"{path}, line {line}, column 1 (frame): {_shown(row[0])!r} is not a frame number"
            ) from None
        if frames and frame <= frames[-1]:
            raise InputError(
                f"{path}, line {line}, column 1 (frame): {frame} does not come after {frames[-1]}"
            )
        frames.append(frame)
        for column in range(1, len(names)):
            values[index, column - 1] = number(
                row[column], path, line, column + 1, names[column], (0.0, 1.0)
            )
    return frames, {name: values[:, i].copy() for i, name in enumerate(names[1:])}


def curves_array(curves: Mapping[str, np.ndarray]) -> np.ndarray:
    """Curves by name to an array in the order of MOUTH_CONTROLS; absent ones are 0.

    Parameters
    ----------
    curves : mapping of str to ndarray, shape (F,)

    Returns
    -------
    ndarray, shape (F, len(MOUTH_CONTROLS))
    """
    length = len(next(iter(curves.values())))
    return np.stack([curves.get(name, np.zeros(length)) for name in MOUTH_CONTROLS], axis=1)


def read_rows(path: Path) -> list[tuple[int, list[str]]]:
    """The rows of a CSV file that are not empty, with their line numbers.

    Raises
    ------
    InputError
        If the file is missing or not text.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path} is not a text file in UTF-8") from None
    reader = csv.reader(text.splitlines())
    try:
        return [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num}: {error}") from None


#: Letters of a cell that messages show; no number is longer.
_LONGEST = 40


def _shown(cell: str) -> str:
    """A cell as a message shows it."""
    return shortened(cell, _LONGEST)


def number(
    text: str, path: Path, line: int, column: int, name: str, limits: tuple[float, float] | None
) -> float:
    """A cell as a finite number within the limits, or an InputError that says where it stands."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(
            f"{path}, line {line}, column {column} ({_shown(name)}): "
            f"{_shown(text)!r} is not a number"
        )
    if limits and not limits[0] - 1e-6 <= value <= limits[1] + 1e-6:
        raise InputError(
            f"{path}, line {line}, column {column} ({_shown(name)}): {_shown(text)} is not between "
            f"{limits[0]:g} and {limits[1]:g}"
        )
    return min(max(value, limits[0]), limits[1]) if limits else value
