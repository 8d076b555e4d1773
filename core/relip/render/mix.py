"""How much each drive has to say, frame by frame: ``drive.mix`` and ``overrides/drive.csv``.

The override is a table ``frame,speech,video``: weights of drives at key
frames, straight lines between them, held before the first and after the last.
Weights count in proportion to their sum, so 0.7 and 0.3 are the same as 7 and 3.
"""

from __future__ import annotations

import numpy as np

from relip.errors import InputError
from relip.shot import DRIVES, Shot, parse_mix
from relip.speech.mouth_csv import number, read_rows

OVERRIDE = "drive.csv"


def drive_weights(shot: Shot) -> dict[str, np.ndarray]:
    """Shares of the drives that have any, each ``[shape=(F,)]``, 1 in sum in every frame.

    Raises
    ------
    InputError
        If the override is damaged.
    """
    override = shot.override(OVERRIDE)
    count = len(shot.frames)
    if override:
        frames, columns = read_weights(override)
        at = np.arange(shot.frames.start, shot.frames.stop)
        found = {n: np.interp(at, frames, values) for n, values in columns.items()}
    else:
        mixed = parse_mix(shot.settings.drive.mix) or {shot.settings.render.drive: 1.0}
        found = {n: np.full(count, w) for n, w in mixed.items()}
    whole = np.sum(list(found.values()), axis=0)
    if not (whole > 0).all():
        frame = shot.frames.start + int(np.flatnonzero(whole <= 0)[0])
        raise InputError(
            f"{override}: no drive has a weight in frame {frame}", mend="give one a weight above 0"
        )
    return {n: w / whole for n, w in found.items() if w.any()}


def drives_used(shot: Shot) -> tuple[str, ...]:
    """The drives that have a share in any frame."""
    if not shot.override(OVERRIDE):  # the frames need not be known, and so no plate be opened
        mixed = parse_mix(shot.settings.drive.mix) or {shot.settings.render.drive: 1.0}
        return tuple(n for n, w in mixed.items() if w)
    return tuple(drive_weights(shot))


def read_weights(path: object) -> tuple[list[int], dict[str, np.ndarray]]:
    """Key frames, and the weights there of each drive that the table has.

    Raises
    ------
    InputError
        If the file is missing or malformed; the message names line and column.
    """
    from pathlib import Path

    where = Path(str(path))
    rows = read_rows(where)
    names = [name.strip() for name in rows[0][1]] if rows else []
    if not names or names[0] != "frame" or len(names) < 2:
        raise InputError(
            f"{where}, line 1: not a table of drives", mend="begin it with frame,speech,video"
        )
    for column, name in enumerate(names[1:], start=2):
        if name not in DRIVES or name in names[1 : column - 1]:
            raise InputError(
                f"{where}, line 1, column {column}: {name!r} is no drive or stands twice",
                mend=f"use {', '.join(DRIVES)}",
            )
    if len(rows) < 2:
        raise InputError(f"{where} holds no frames", mend="add a row, or remove the override")
    frames: list[int] = []
    values = []
    for line, row in rows[1:]:
        if len(row) != len(names):
            raise InputError(
                f"{where}, line {line}: {len(row)} columns where line 1 has {len(names)}"
            )
        frame = number(row[0], where, line, 1, "frame", None)
        if frame != int(frame) or (frames and frame <= frames[-1]):
            raise InputError(
                f"{where}, line {line}, column 1 (frame): {row[0]!r} is no frame number after the "
                "one above"
            )
        frames.append(int(frame))
        values.append(
            [
                number(cell, where, line, column, names[column - 1], (0.0, 1e6))
                for column, cell in enumerate(row[1:], start=2)
            ]
        )
    table = np.array(values)
    return frames, {name: table[:, i] for i, name in enumerate(names[1:])}
