"""The canonical crop pinned onto the plate and back, or the head held still: CornerPin2D."""

from __future__ import annotations

import numpy as np

from relip.errors import UsageError
from relip.handoff import values
from relip.handoff.coordinates import Format, affine_to_nuke
from relip.handoff.nk import Node
from relip.handoff.scene import Scene
from relip.track import geometry

#: What the pin does to a picture.
DIRECTIONS = ("crop", "uncrop", "stabilise", "matchmove")


def cornerpin_nodes(
    scene: Scene,
    direction: str = "uncrop",
    *,
    size: int | None = None,
    reference: int | None = None,
) -> list[Node]:
    """A CornerPin2D and the node that sets its format.

    Parameters
    ----------
    scene : Scene
    direction : {"crop", "uncrop", "stabilise", "matchmove"}
        ``crop`` brings the plate's face into the canonical crop (a square of
        1.15 face widths), ``uncrop`` puts a picture of the crop onto the
        plate. ``stabilise`` holds the head where it is in the reference
        frame, ``matchmove`` moves a picture painted on that frame along.
    size : int, optional
        Side of the crop in pixels; by default what the network sees.
    reference : int, optional
        For the last two; by default the visible frame in the middle.

    Returns
    -------
    list of Node
        In the order of the flow, each the next one's input 0.

    Notes
    -----
    Nuke's pin is the homography that takes the corners ``from1``-``from4`` to
    ``to1``-``to4``, with ``invert`` the way back. The corners are given
    anticlockwise from the lower left.
    """
    if direction not in DIRECTIONS:
        raise UsageError(f"direction {direction!r}", mend=f"use {', '.join(DIRECTIONS)}")
    plate = scene.form
    if direction in ("crop", "uncrop"):
        crop = Format(scene.crop_size(size), scene.crop_size(size))
        to_plate = affine_to_nuke(geometry.invert(scene.to_crop(crop.width)), crop, plate)
        corners = _corners(crop)
        pin = _pin(scene, f"Relip_{direction}_{scene.name}", corners, to_plate)
        pin.knobs["invert"] = "true" if direction == "crop" else "false"
        if direction == "crop":
            box = f"0 0 {crop.width} {crop.height}"
            name = f"Relip_crop_format_{scene.name}"
            cut = Node("Crop", name, knobs={"box": box, "reformat": "true"})
            return _chain(pin, cut)
        return _chain(plate_format(scene), pin)
    matchmove = from_reference(scene, reference)
    pin = _pin(scene, f"Relip_{direction}_{scene.name}", _corners(plate), matchmove)
    pin.knobs["invert"] = "true" if direction == "stabilise" else "false"
    pin.knobs["label"] += f"\nreference {scene.check_reference(reference)}"
    return [pin]


def from_reference(scene: Scene, reference: int | None = None) -> np.ndarray:
    """How the head moved since the reference frame.

    Parameters
    ----------
    scene : Scene
    reference : int, optional

    Returns
    -------
    np.ndarray [shape=(V, 2, 3)]
        In Nuke's coordinates from the reference frame's plate to each visible
        frame's: similarities of what is shown.
    """
    row = scene.visible_frames.index(scene.check_reference(reference))
    to_crop = scene.to_crop(1)
    moved = geometry.compose(geometry.invert(to_crop), to_crop[row])
    return affine_to_nuke(moved, scene.form, scene.form)


def plate_format(scene: Scene) -> Node:
    """A Reformat that lays a picture of the crop into the lower-left corner of the plate's format.

    No pixel is resampled: only the format changes.
    """
    return Node(
        "Reformat",
        f"Relip_plate_format_{scene.name}",
        knobs={
            "format": scene.form.knob,
            "resize": "none",
            "center": "false",
            "black_outside": "true",
        },
        inputs=[None],
    )


def _corners(form: Format) -> np.ndarray:
    left, right = form.left, form.left + form.width
    return np.array([[left, 0], [right, 0], [right, form.height], [left, form.height]], float)


def _pin(scene: Scene, name: str, corners: np.ndarray, to_plate: np.ndarray) -> Node:
    placed = geometry.apply(to_plate, corners)
    knobs = {f"to{i + 1}": values.vector(scene.visible_frames, placed[:, i]) for i in range(4)} | {
        "invert": "false"
    }
    for i, corner in enumerate(corners):
        knobs[f"from{i + 1}"] = " ".join(values.number(v) for v in corner)
    knobs["label"] = scene.label
    return Node("CornerPin2D", name, knobs=knobs, inputs=[None])


def _chain(*nodes: Node) -> list[Node]:
    for before, after in zip(nodes, nodes[1:], strict=False):
        after.inputs = [before]
    return list(nodes)
