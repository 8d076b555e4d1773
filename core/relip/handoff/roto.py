"""Lips, mouth and jaw as animated shapes of a Roto node."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from relip.errors import UsageError
from relip.handoff import values
from relip.handoff.coordinates import to_nuke
from relip.handoff.nk import Node
from relip.handoff.scene import Scene
from relip.track import points

#: The shapes: outer lip line, opening between the lips, the edited region.
SHAPES = ("lips", "mouth", "jaw")

#: The first and the middle point of each lip line are the corners of the mouth.
_CORNERS = (0, 10)

#: Attributes of Roto's root layer at rest, in Nuke's order.
_ROOT = (
    *(f"pt{i}{axis}" for i in range(1, 5) for axis in "xy"),
    *(f"ptex{i}{j}" for i in range(4) for j in range(4)),
    *(f"ptof{i}{axis}" for i in range(1, 5) for axis in "xy"),
    "pterr",
    "ptrefset",
)


def roto_node(scene: Scene, shapes: Sequence[str] = SHAPES) -> Node:
    """A Roto with closed Bézier shapes, a key in every frame with a face.

    Parameters
    ----------
    scene : Scene
    shapes : sequence of {"lips", "mouth", "jaw"}

    Returns
    -------
    Node
        Switched off in frames without a face.
    """
    curves = {name: shape_handles(scene, name) for name in dict.fromkeys(shapes)}
    if not curves:
        raise UsageError("no shape is chosen", mend=f"use {', '.join(SHAPES)}")
    off = values.switch(scene.frames, ~scene.track.visible)
    knobs = {
        "output": "alpha",
        "cliptype": "none",
        "curves": roto_curves(scene, curves),
        "lifetime_type": "all frames",
        "label": scene.label,
    }
    if off:
        knobs["disable"] = f"{{{off}}}"
    return Node("Roto", f"Roto_{scene.name}", knobs=knobs, inputs=[None])


def shape_handles(scene: Scene, shape: str) -> np.ndarray:
    """A shape through the visible frames, on the plate.

    Parameters
    ----------
    scene : Scene
    shape : {"lips", "mouth", "jaw"}

    Returns
    -------
    np.ndarray [shape=(V, n, 3, 2)]
        Handle before, point, handle after; y down. The points of lips and
        mouth are the landmarks of the lip lines, those of the jaw the knots
        of the region's spline, whose Bézier form is exact.

    Raises
    ------
    UsageError
        If the shape is unknown.
    """
    if shape == "jaw":
        return scene.outlines()
    lines = {"lips": points.OUTER_LIPS, "mouth": points.INNER_LIPS}
    if shape not in lines:
        raise UsageError(f"shape {shape!r} is unknown", mend=f"use {', '.join(SHAPES)}")
    line = scene.track.landmarks[scene.track.visible][:, list(lines[shape]), :2]
    return smooth_handles(line, _CORNERS)


def smooth_handles(line: np.ndarray, corners: Sequence[int] = ()) -> np.ndarray:
    """Handles of a smooth closed curve through points, sharp at some of them.

    Parameters
    ----------
    line : np.ndarray [shape=(..., n, 2)]
    corners : sequence of int
        Points whose two handles do not lie on one line.

    Returns
    -------
    np.ndarray [shape=(..., n, 3, 2)]

    Notes
    -----
    The tangent runs along the chord of the neighbours (Catmull and Rom 1974);
    a handle is a third of the way to its own neighbour, so that uneven
    spacing makes no loops. At a corner each handle points at its neighbour.
    """
    before, after = np.roll(line, 1, axis=-2), np.roll(line, -1, axis=-2)
    along = after - before
    length = np.linalg.norm(along, axis=-1, keepdims=True)
    along = np.divide(along, length, out=np.zeros_like(along), where=length > 0)
    reach_in = np.linalg.norm(line - before, axis=-1, keepdims=True) / 3
    reach_out = np.linalg.norm(after - line, axis=-1, keepdims=True) / 3
    handles = np.stack([line - along * reach_in, line, line + along * reach_out], axis=-2)
    for corner in corners:
        here = line[..., corner, :]
        handles[..., corner, 0, :] = here + (before[..., corner, :] - here) / 3
        handles[..., corner, 2, :] = here + (after[..., corner, :] - here) / 3
    return handles


def roto_curves(scene: Scene, shapes: dict[str, np.ndarray]) -> str:
    """The value of a Roto's ``curves`` knob.

    Parameters
    ----------
    scene : Scene
    shapes : dict of str to np.ndarray [shape=(V, n, 3, 2)]
        As :func:`shape_handles` gives them.

    Returns
    -------
    str
        Places and handles as float32 in hexadecimal; handles relative to
        their point, a number alone where it is the same in every frame.
    """
    hexed = values.hex_float
    middle = f"{hexed(scene.form.left + scene.form.width / 2)} {hexed(scene.form.height / 2)}"
    attributes = " ".join(f"{name} 0" for name in _ROOT) + f" ptmot {hexed(4)} ptref 0"
    groups = "\n".join(
        _curvegroup(scene, name, handles, middle) for name, handles in shapes.items()
    )
    return (
        f"{{{{v {hexed(1.2)}}}\n  {{f 0}}\n  {{n\n   {{layer Root\n"
        f"    {{f 2097152}}\n    {{t {middle}}}\n    {{a {attributes}}}\n{groups}}}}}}}"
    )


def _curvegroup(scene: Scene, name: str, handles: np.ndarray, middle: str) -> str:
    hexed = values.hex_float
    frames = scene.visible_frames
    placed = to_nuke(handles, scene.form)
    placed[:, :, 0] -= placed[:, :, 1]
    placed[:, :, 2] -= placed[:, :, 1]
    pieces = []
    for point in range(placed.shape[1]):
        for part in range(3):
            x, y = (_keys(placed[:, point, part, axis]) for axis in range(2))
            pieces.append(f"        {{{{{x}}}\n      {{{y}}}}}")
    keys = " ".join(hexed(f) for f in frames)
    centre = placed[:, :, 1].mean(axis=(0, 1))
    start = f"{hexed(frames[0])} {hexed(centre[0])} {hexed(centre[1])}"
    return (
        f"    {{curvegroup {name} 512 bezier\n     {{{{cc\n       {{f 8192}}\n       {{px\n"
        f"        {{{keys}}}\n" + "\n".join(pieces) + "}}     idem}\n"
        f"     {{tx {start}}}\n"
        f"     {{a osw {hexed(10)} osf 0 str 1 spx {middle.split()[0]} spy {middle.split()[1]}"
        f" sb 1 tt {hexed(4)}}}}}"
    )


def _keys(column: np.ndarray) -> str:
    """One coordinate through the frames; once when it never changes."""
    words = [values.hex_float(v) for v in column]
    return words[0] if len(set(words)) == 1 else " ".join(words)
