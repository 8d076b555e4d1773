"""Mouth controls as a Nuke script of one node: paste it, or open it, and drive anything with it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from relip.errors import InputError, SettingError, mended, reason
from relip.records import write_text
from relip.speech.visemes import MOUTH_CONTROLS

_CURVE = re.compile(r"^ (\w+) \{\{curve((?: x-?\d+ [^\s}]+)*)\}\}$", re.MULTILINE)


def write_nuke_curves(
    path: str | Path,
    frames: Sequence[int],
    curves: np.ndarray,
    controls: Sequence[str] = MOUTH_CONTROLS,
    *,
    name: str = "RelipMouth",
) -> None:
    """Write a NoOp node with one animated knob per mouth control.

    Parameters
    ----------
    path : path
        A ``.nk`` file.
    frames : sequence of int, length F
    curves : ndarray, shape (F, C)
        Four decimals are kept, as in mouth.csv.
    controls : sequence of str, length C
    name : str
        Of the node.

    Raises
    ------
    SettingError
        If the shapes do not agree.
    OutputError
        If the file cannot be written.
    """
    values = np.asarray(curves, np.float64)
    if values.shape != (len(frames), len(controls)):
        raise SettingError(
            f"mouth curves of shape {values.shape} do not fit {len(frames)} frames "
            f"and {len(controls)} controls"
        )
    lines = ["NoOp {", " inputs 0", f" name {name}", " addUserKnob {20 Relip}"]
    lines += [f" addUserKnob {{7 {control}}}" for control in controls]
    for column, control in enumerate(controls):
        keys = "".join(
            f" x{int(frame)} {_plain(value)}"
            for frame, value in zip(frames, values[:, column], strict=True)
        )
        lines.append(f" {control} {{{{curve{keys}}}}}")
    write_text(path, "\n".join([*lines, "}"]) + "\n")


@mended("write it with relip export --to curves", general=True)
def read_nuke_curves(path: str | Path) -> tuple[list[int], dict[str, np.ndarray]]:
    """Read what :func:`write_nuke_curves` wrote.

    Returns
    -------
    frames : list of int, length F
    curves : dict of str to ndarray, shape (F,)

    Raises
    ------
    InputError
        If the file is missing or holds no such curves.
    """
    path = Path(path)
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the curves {path}: {reason(error)}") from None
    frames: list[int] = []
    found: dict[str, np.ndarray] = {}
    for control, keys in _CURVE.findall(text):
        if control not in MOUTH_CONTROLS:
            continue
        pairs = re.findall(r"x(-?\d+) (\S+)", keys)
        own = [int(frame) for frame, _ in pairs if len(frame) <= 12]
        if len(own) != len(pairs):
            raise InputError(f"{path}: a key of {control} lies at no frame")
        if frames and own != frames:
            raise InputError(f"{path}: the keys of {control} are not those of the other curves")
        frames = own
        try:
            found[control] = np.array([float(value) for _, value in pairs])
        except ValueError:
            raise InputError(f"{path}: a key of {control} is not a number") from None
    if not found or not frames:
        raise InputError(f"{path} holds no mouth curves", mend="write it with relip")
    return frames, found


def _plain(value: float) -> str:
    text = f"{value:.4f}".rstrip("0").rstrip(".")
    return text or "0"
