"""What moves the mouth: the drives that a panel and a shot use, and their shares.

The drive ``mix`` of RelipRender has a weight for each drive. Weights that stand
still are the setting ``drive.mix``; animated ones become ``overrides/drive.csv``,
which takes its place.
"""

from __future__ import annotations

import csv
import math
import os
from typing import Any

import nuke

from relip_nuke import nodes, paths

#: The drives, as the engine calls them.
DRIVES = ("speech", "track", "csv", "video")

#: The drive of the panel that is several.
MIX = "mix"

#: Animated weights are written with as many decimals.
DECIMALS = 4


class DriveError(ValueError):
    """The weights of a panel are none; the message says which and what to do."""


def knob_of(drive: str) -> str:
    """The knob of a drive's weight."""
    return f"mix_{drive}"


def override_file(shot: str) -> str:
    """Weights by frame."""
    return os.path.join(shot, "overrides", "drive.csv")


# -------------------------------------------------------------------------- the panel


def chosen(render: nuke.Node) -> str:
    """The drive that a RelipRender's panel names."""
    return str(nodes.setting(render, "drive"))


def can_mix(render: nuke.Node) -> bool:
    """Whether a RelipRender has weights; those of 1.0 have none."""
    return render.knob(knob_of(DRIVES[0])) is not None


def animated(render: nuke.Node) -> bool:
    """Whether the panel's mix changes during the shot."""
    if chosen(render) != MIX:
        return False
    knobs = [render[knob_of(drive)] for drive in DRIVES]
    return any(bool(knob.isAnimated()) or bool(knob.hasExpression()) for knob in knobs)


def weights(render: nuke.Node) -> dict[str, float]:
    """The drives that a panel uses and their weights; of animated ones the greatest in the shot.

    Raises
    ------
    DriveError
        If a weight is below 0, or all are 0.
    """
    name = chosen(render)
    if name != MIX:
        return {name: 1.0}
    if animated(render):
        rows = list(_rows(render).values())
        found = {drive: max(row[drive] for row in rows) for drive in DRIVES}
    else:
        found = _checked({d: float(nodes.value(render, knob_of(d))) for d in DRIVES})
    return {drive: weight for drive, weight in found.items() if weight}


def words(render: nuke.Node) -> list[str]:
    """The setting ``drive.mix`` of a panel: ``speech=0.7``, ``video=0.3``; empty for one drive.

    Raises
    ------
    DriveError
    """
    if chosen(render) != MIX:
        return []
    return [f"{drive}={weight:g}" for drive, weight in weights(render).items()]


def table(render: nuke.Node) -> str:
    """The text of ``overrides/drive.csv`` for animated weights.

    Frames amid others of the same weights are left out.

    Raises
    ------
    DriveError
    """
    rows = _rows(render)
    used = [drive for drive in DRIVES if any(row[drive] for row in rows.values())]
    frames = list(rows)
    lines = ["frame," + ",".join(used)]
    for at, frame in enumerate(frames):
        if not _idle(rows, frames[max(at - 1, 0) : at + 2]):
            lines.append(f"{frame}," + ",".join(f"{rows[frame][d]:.{DECIMALS}f}" for d in used))
    return "\n".join(lines) + "\n"


def _rows(render: nuke.Node) -> dict[int, dict[str, float]]:
    """The weights at every frame of the shot."""
    first, last = nodes.shot_frames(render)
    return {
        frame: _checked(
            {
                drive: round(float(render[knob_of(drive)].getValueAt(frame)), DECIMALS)
                for drive in DRIVES
            },
            f" in frame {frame}",
        )
        for frame in range(first, last + 1)
    }


def _checked(row: dict[str, float], where: str = "") -> dict[str, float]:
    for drive, weight in row.items():
        if not 0 <= weight < math.inf:
            raise DriveError(f"Weight of {drive} is {weight:g}{where}; give 0 or more")
    if not any(row.values()):
        raise DriveError(f"Drive is mix, and all weights are 0{where}; give one of them a weight")
    return row


def _idle(rows: dict[int, dict[str, float]], three: list[int]) -> bool:
    """Whether the middle one of three frames in a row says what both others say."""
    return len(three) == 3 and rows[three[0]] == rows[three[1]] == rows[three[2]]


# --------------------------------------------------------------------------- the shot


def parse_mix(listed: Any) -> dict[str, float]:
    """The weights of ``drive.mix``, a drive without one 1; what is no weight is left out."""
    found = {}
    for word in listed if isinstance(listed, list) else []:
        name, equals, text = str(word).partition("=")
        try:
            found[name.strip()] = float(text) if equals else 1.0
        except ValueError:
            continue
    return {name: weight for name, weight in found.items() if name in DRIVES and weight > 0}


def of_shot(shot: str, written: dict[str, dict[str, Any]]) -> dict[str, float]:
    """The drives that have a share in a shot, which add up to 1.

    Of weights by frame it is known only that each has some.

    Parameters
    ----------
    shot : str
    written : dict
        Its shot.toml.
    """
    found = _of_override(shot) or parse_mix(written.get("drive", {}).get("mix"))
    found = found or {str(written.get("render", {}).get("drive") or "speech"): 1.0}
    whole = sum(found.values())
    return {name: round(found[name] / whole, 9) for name in sorted(found)}


def is_ours(shot: str) -> bool:
    """Whether the weights by frame are those that a panel wrote, and nobody changed them since."""
    path = override_file(shot)
    return os.path.isfile(path) and paths.read_json(paths.ours(shot)).get(
        "drive"
    ) == paths.fingerprint(path)


def hand_over(render: nuke.Node | None, shot: str) -> bool:
    """Write animated weights to ``overrides/drive.csv``, or take them away when they stand still.

    Returns
    -------
    bool
        Whether anything changed on disk.

    Raises
    ------
    DriveError
        If the weights are none, or somebody's own table would be lost.
    OSError
        If it cannot be written.
    """
    path, ours = override_file(shot), is_ours(shot)
    if render is None or not can_mix(render):
        return False
    known = paths.read_json(paths.ours(shot))
    if not animated(render):
        changed = ours and paths.remove(path, shot=shot)
        if known.pop("drive", None) is not None:
            paths.write_json(paths.ours(shot), known, shot=shot)
        return changed
    text = table(render)
    there = paths.read_text(path)
    if there == text:
        return False
    if os.path.lexists(path) and not ours:
        raise DriveError(
            f"{path} holds weights that no panel wrote, and the weights of {render.name()} are"
            " animated; take that file away, or the animation"
        )
    paths.atomic_write(path, text, shot=shot)
    known["drive"] = paths.fingerprint(path)
    paths.write_json(paths.ours(shot), known, shot=shot)
    return True


def _of_override(shot: str) -> dict[str, float]:
    text = paths.read_text(override_file(shot)).lstrip("\ufeff")
    rows = [row for row in csv.reader(text.splitlines()) if row]
    if len(rows) < 2:
        return {}
    found = {}
    for column, name in enumerate(rows[0]):
        cells = [row[column].strip() for row in rows[1:] if column < len(row)]
        if name.strip() in DRIVES and any(cell.strip("0.") for cell in cells):
            found[name.strip()] = 1.0
    return found
