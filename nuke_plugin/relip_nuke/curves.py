"""Mouth curves: mouth.csv and the ten animated knobs."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence

from relip_nuke import paths

#: The mouth controls, in the order of mouth.csv; each is a knob of RelipSpeech.
CONTROLS = (
    "jawOpen",
    "mouthClose",
    "mouthFunnel",
    "mouthPucker",
    "mouthStretch",
    "mouthUpperUp",
    "mouthLowerDown",
    "mouthRollLower",
    "mouthPress",
    "tongueOut",
)

#: Further columns of a mouth sheet that somebody wrote by hand: how much of them is to be seen.
VISIBILITY = ("teeth", "tongue")

#: Their value where nothing is wanted.
NEUTRAL = 0.5

#: Values are kept to this many decimals, as the engine writes them.
DECIMALS = 4

#: One row per frame: the controls' values by name.
Table = dict[int, dict[str, float]]


def computed_file(shot: str) -> str:
    """What the speech stage made."""
    return os.path.join(shot, "speech", "mouth.csv")


def override_file(shot: str) -> str:
    """What the artist wrote."""
    return os.path.join(shot, "overrides", "mouth.csv")


def read(path: str) -> Table:
    """Read a mouth.csv; empty when there is none.

    Raises
    ------
    ValueError
        If a cell is no number; names the line.
    """
    try:
        with open(path, encoding="utf-8-sig", newline="") as handle:
            rows = [row for row in csv.reader(handle) if row]
    except FileNotFoundError:
        return {}
    names = [name.strip() for name in rows[0]] if rows else []
    if not names or names[0] != "frame":
        raise ValueError(f"{path}, line 1: the first column must be 'frame'")
    table: Table = {}
    for number, row in enumerate(rows[1:], start=2):
        try:
            table[int(row[0])] = {n: float(v) for n, v in zip(names[1:], row[1:])}
        except ValueError as error:
            raise ValueError(f"{path}, line {number}: {error}") from None
    return table


def write(path: str, table: Table, *, shot: str) -> None:
    """Write a mouth.csv with the controls that its rows have, frames rising."""
    present = {name for row in table.values() for name in row}
    names = [name for name in (*CONTROLS, *VISIBILITY) if name in present]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["frame", *names])
    for frame in sorted(table):
        writer.writerow([frame, *(f"{table[frame][name]:.{DECIMALS}f}" for name in names)])
    paths.atomic_write(path, text.getvalue(), shot=shot)


def merged(shot: str) -> Table:
    """The curves as the render sees them: the artist's word over the computed."""
    table = read(computed_file(shot))
    for frame, row in read(override_file(shot)).items():
        if frame in table:
            table[frame].update({n: v for n, v in row.items() if n in CONTROLS})
    return table


def difference(edited: Table, computed: Table) -> Table:
    """The smallest override that turns ``computed`` into ``edited``.

    Rows for the frames that differ, with the controls that differ anywhere.
    """
    changed: dict[int, list[str]] = {}
    for frame, row in edited.items():
        base = computed.get(frame, {})
        names = [n for n in CONTROLS if _rounded(row[n]) != _rounded(base.get(n, 0.0))]
        if names:
            changed[frame] = names
    columns = {name for names in changed.values() for name in names}
    return {frame: {n: edited[frame][n] for n in CONTROLS if n in columns} for frame in changed}


def kept(written: Table) -> Table:
    """What a sheet says of teeth and tongue, of which the panel knows nothing."""
    rows = {f: {n: row[n] for n in VISIBILITY if n in row} for f, row in written.items()}
    return {frame: row for frame, row in rows.items() if any(v != NEUTRAL for v in row.values())}


def joined(changed: Table, wishes: Table, edited: Table) -> Table:
    """An override of the frames that differ, and of those with wishes for teeth and tongue.

    Parameters
    ----------
    changed : Table
        From :func:`difference`.
    wishes : Table
        From :func:`kept`.
    edited : Table
        The curves of all frames: a sheet has all its columns in each row.
    """
    columns = {name for row in changed.values() for name in row}
    seen = {name for row in wishes.values() for name in row}
    frames = [frame for frame in {*changed, *wishes} if frame in edited or not columns]
    return {
        frame: {
            **{name: edited[frame][name] for name in columns},
            **{name: wishes.get(frame, {}).get(name, NEUTRAL) for name in seen},
        }
        for frame in frames
    }


def _rounded(value: float) -> float:
    return round(value, DECIMALS)


def fingerprint(table: Table) -> str:
    """Fingerprint of curves; equal when they are written alike."""
    return paths.digest(
        [[frame, [_rounded(table[frame].get(n, 0.0)) for n in CONTROLS]] for frame in sorted(table)]
    )


def curve_text(frames: Sequence[int], values: Sequence[float], decimals: int = DECIMALS) -> str:
    """Animation as Nuke scripts write it: ``{curve L x1001 0.1 x1002 0.2}``."""
    keys = " ".join(f"x{f} {round(v, decimals):.10g}" for f, v in zip(frames, values))
    return "{curve L " + keys + "}"


def clipped(value: float | None) -> float:
    """A control's value inside 0-1."""
    return min(max(float(value or 0.0), 0.0), 1.0)
