"""Mouth controls as animated knobs of a NoOp, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from relip.errors import InputError, UsageError
from relip.handoff import nk, values
from relip.handoff.nk import Node
from relip.shot import Shot
from relip.speech.visemes import MOUTH_CONTROLS

#: What each control does, for tooltips.
TOOLTIPS = {
    "jawOpen": "The jaw goes down.",
    "mouthClose": "The lips close whatever the jaw does.",
    "mouthFunnel": "The lips open into a funnel.",
    "mouthPucker": "The lips come together and forward.",
    "mouthStretch": "The corners of the mouth go apart.",
    "mouthUpperUp": "The upper lip rises.",
    "mouthLowerDown": "The lower lip goes down.",
    "mouthRollLower": "The lower lip rolls in, under the teeth.",
    "mouthPress": "The lips press together.",
    "tongueOut": "The tongue comes forward.",
}

#: A curve over more frames than this is taken for damage.
MAX_SPAN = 1_000_000

#: Decimals kept of a control; mouth.csv keeps 4.
_DECIMALS = 6


def curves_node(name: str, frames: Sequence[int], curves: Mapping[str, np.ndarray]) -> Node:
    """A NoOp whose knobs are the mouth controls, a linear key in every frame.

    Parameters
    ----------
    name : str
        Of the node.
    frames : sequence of int, length F
    curves : mapping of str to np.ndarray [shape=(F,)]
        0 to 1, by control.

    Returns
    -------
    Node
    """
    node = Node("NoOp", name, knobs={"label": "mouth [value jawOpen]"})
    node.inputs = []
    node.add_user_knob("20 relip l Relip")
    for control, column in curves.items():
        if control not in MOUTH_CONTROLS:
            raise UsageError(
                f"{control!r} is not a mouth control", mend=f"use {', '.join(MOUTH_CONTROLS)}"
            )
        node.add_user_knob(
            f"7 {control} l {control} t {nk.quote(TOOLTIPS[control])} R 0 1",
            values.scalar(frames, column, decimals=_DECIMALS),
        )
    return node


def shot_curves(shot: Shot) -> dict[str, np.ndarray]:
    """The shot's mouth controls as the render stage uses them, overrides applied.

    Raises
    ------
    StageMissingError
        If the speech stage was not run.
    """
    from relip.speech import stage as speech_stage

    curves = speech_stage.load(shot).curves
    return {name: curves[:, i] for i, name in enumerate(MOUTH_CONTROLS)}


def read_curves(
    path: str | Path, *, node: str | None = None
) -> tuple[list[int], dict[str, np.ndarray]]:
    """The mouth controls of a node in a Nuke script.

    Parameters
    ----------
    path : path
        A .nk with a node that has knobs named like the controls: what
        :func:`curves_node` wrote, or a RelipSpeech.
    node : str, optional
        Its name or path; by default the only one that has such knobs.

    Returns
    -------
    frames : list of int, length F
        From the first key of any control to the last.
    curves : dict of str to np.ndarray [shape=(F,)], 0 to 1
        The controls that the node has. A control without keys is constant;
        before its first and after its last key a curve holds.

    Raises
    ------
    InputError
        If there is no such node, several, or a curve cannot be read: an
        expression, values outside 0-1, or frames between keys that Nuke
        interpolates smoothly.
    """
    script = nk.read(path)
    if node:
        found = [n for n in (script.find(node),) if n is not None]
        if not found:
            raise InputError(f"{path}: no node is called {node}", mend="check its name")
    else:
        found = [n for n in script.walk() if any(c in n.knobs for c in MOUTH_CONTROLS)]
    having = [n for n in found if any(c in n.knobs for c in MOUTH_CONTROLS)]
    if not having:
        raise InputError(
            f"{path}: no node has mouth controls ({', '.join(MOUTH_CONTROLS[:3])}, …)",
            mend="write one with relip export --to curves",
        )
    if len(having) > 1:
        names = ", ".join(n.name for n in having)
        raise InputError(f"{path}: several nodes have mouth controls: {names}", mend="name one")
    texts = {c: having[0].knobs[c] for c in MOUTH_CONTROLS if c in having[0].knobs}
    where = f"{path}, {having[0].name}"
    keyed = {c: _keys(text, f"{where}.{c}") for c, text in texts.items()}
    marks = [key.frame for keys in keyed.values() if isinstance(keys, list) for key in keys]
    if not marks:
        raise InputError(f"{where}: no control is animated", mend="set keys in the Curve Editor")
    if not np.abs(marks).max() <= 1000 * MAX_SPAN or max(marks) - min(marks) > MAX_SPAN:
        raise InputError(
            f"{where}: keys from frame {min(marks):g} to {max(marks):g}",
            mend="delete the keys that are not in the shot",
        )
    frames = list(range(int(np.floor(min(marks))), int(np.ceil(max(marks))) + 1))
    curves = {}
    for control, keys in keyed.items():
        spot = f"{where}.{control}"
        column = (
            evaluate(keys, frames, spot)
            if isinstance(keys, list)
            else np.full(len(frames), float(keys))
        )
        if not (column.min() >= -1e-6 and column.max() <= 1 + 1e-6):
            raise InputError(
                f"{spot}: goes from {column.min():g} to {column.max():g}",
                mend="keep mouth controls between 0 and 1",
            )
        curves[control] = np.clip(column, 0, 1)
    return frames, curves


def import_curves(shot: Shot, path: str | Path, *, node: str | None = None) -> Path:
    """Write a Nuke node's mouth controls to the shot's ``overrides/mouth.csv``.

    Parameters
    ----------
    shot : Shot
    path : path
    node : str, optional
        See :func:`read_curves`.

    Returns
    -------
    Path
        The file; only its own frames and controls are replaced, and only what
        depends on them becomes stale.

    Raises
    ------
    InputError
        As :func:`read_curves`, and if none of the frames is in the shot.
    OutputError
        If it cannot be written.
    """
    from relip.speech import write_mouth_csv

    frames, curves = read_curves(path, node=node)
    rows = [i for i, frame in enumerate(frames) if frame in shot.frames]
    if not rows:
        raise InputError(
            f"{path}: keys in {frames[0]}-{frames[-1]}, the shot has"
            f" {shot.frames.start}-{shot.frames[-1]}",
            mend="move the keys to the plate's frame numbers",
        )
    target = shot.path("overrides", "mouth.csv")
    table = np.stack([column[rows] for column in curves.values()], axis=1)
    write_mouth_csv(target, [frames[i] for i in rows], table, tuple(curves))
    return target


def evaluate(keys: Sequence[nk.Key], frames: Sequence[int], where: str) -> np.ndarray:
    """A curve's value in each frame.

    Parameters
    ----------
    keys : sequence of Key
        In rising order.
    frames : sequence of int
    where : str
        Named in messages.

    Returns
    -------
    np.ndarray [shape=(F,)]
        Exact on keys and where the curve is linear or constant.

    Raises
    ------
    InputError
        If a frame lies between keys where Nuke's own smooth interpolation
        holds, whose text does not say its shape.
    """
    at = np.array([key.frame for key in keys])
    value = np.array([key.value for key in keys])
    if (np.diff(at) <= 0).any():
        raise InputError(f"{where}: its keys are not in order", mend="save the comp again in Nuke")
    ways, way = [], ""
    for key in keys:
        way = key.before[-1] if key.before else way
        ways.append(way)
    result = np.interp(frames, at, value)
    for i, frame in enumerate(frames):
        left = int(np.searchsorted(at, frame, side="right")) - 1
        if left < 0 or left >= len(at) - 1 or at[left] == frame:
            continue
        if ways[left] == "K":
            result[i] = value[left]
        elif ways[left] != "L" and value[left] != value[left + 1]:
            raise InputError(
                f"{where}: smooth between the keys {at[left]:g} and {at[left + 1]:g}",
                mend="make it linear, or bake a key into every frame in the Curve Editor",
            )
    return result


def _keys(text: str, where: str) -> list[nk.Key] | float:
    """The keys of a knob, or its constant."""
    stripped = text.strip()
    try:
        constant = float(stripped)
    except ValueError:
        pass
    else:
        if not np.isfinite(constant):
            raise InputError(f"{where}: {stripped} is no value", mend="set it between 0 and 1")
        return constant
    try:
        parts = nk.split_list(stripped)
        keys = nk.parse_curve(parts[0] if len(parts) == 1 else stripped)
    except (nk.NkError, nk.TclError) as exc:
        raise InputError(
            f"{where}: not a curve: {exc.message}",
            mend="bake expressions into keys in the Curve Editor",
        ) from None
    if not keys:
        raise InputError(f"{where}: a curve without keys", mend="set a key")
    return keys
