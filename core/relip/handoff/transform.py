"""The head's motion as a Transform node: hold it still, or move something along with it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from relip.errors import UsageError
from relip.handoff import values
from relip.handoff.coordinates import to_nuke
from relip.handoff.cornerpin import from_reference
from relip.handoff.nk import Node
from relip.handoff.scene import Scene
from relip.track import geometry, points

MODES = ("matchmove", "stabilise")


@dataclass(frozen=True)
class Motion:
    """A similarity through the shot as Nuke's Transform takes it.

    Attributes
    ----------
    centre : np.ndarray [shape=(2,)]
        What is rotated and scaled about; the same in every frame.
    translate : np.ndarray [shape=(V, 2)]
    rotate : np.ndarray [shape=(V,)]
        Degrees, anticlockwise, without jumps of a whole turn.
    scale : np.ndarray [shape=(V,)]

    Notes
    -----
    Nuke: ``p → translate + centre + R·s·(p − centre)``.
    """

    centre: np.ndarray
    translate: np.ndarray
    rotate: np.ndarray
    scale: np.ndarray

    @classmethod
    def of(cls, similarities: np.ndarray, centre: np.ndarray) -> Motion:
        """Take similarities ``[shape=(V, 2, 3)]``, y up, apart."""
        along, across = similarities[:, 0, 0], similarities[:, 1, 0]
        moved = geometry.apply(similarities, np.asarray(centre, float)[None])[:, 0]
        return cls(
            centre=np.asarray(centre, float),
            translate=moved - centre,
            rotate=np.degrees(np.unwrap(np.arctan2(across, along))),
            scale=np.hypot(along, across),
        )


def transform_node(scene: Scene, mode: str = "matchmove", *, reference: int | None = None) -> Node:
    """A Transform that moves with the head, or takes its motion out.

    Parameters
    ----------
    scene : Scene
    mode : {"matchmove", "stabilise"}
    reference : int, optional
        The frame in which nothing is moved; by default the visible frame in
        the middle.

    Returns
    -------
    Node

    Raises
    ------
    UsageError
        If the plate's pixels are not square: the head's motion is a similarity
        of the picture as it is shown and a shear in stored pixels, and which of
        the two a Transform's numbers count is not documented.
    """
    if mode not in MODES:
        raise UsageError(f"mode {mode!r}", mend=f"use {' or '.join(MODES)}")
    aspect = scene.track.aspect if scene.track.aspect != 1 else scene.form.pixel_aspect
    if aspect != 1:
        raise UsageError(
            f"the plate's pixel aspect is {aspect:g}: a Transform cannot hold"
            " the head's motion exactly",
            mend=f"use --to cornerpin --direction {mode}, which can",
        )
    reference = scene.check_reference(reference)
    row = scene.track.index(reference)
    nose = scene.track.landmarks[row, list(points.NOSE), :2].mean(0)
    motions = from_reference(scene, reference)
    if mode == "stabilise":
        motions = geometry.invert(motions)
    motion = Motion.of(motions, np.round(to_nuke(nose, scene.form), 3))
    frames = scene.visible_frames
    return Node(
        "Transform",
        f"Relip_{mode}_{scene.name}",
        knobs={
            "translate": values.vector(frames, motion.translate),
            "rotate": values.scalar(frames, motion.rotate, decimals=values.FINE_DECIMALS),
            "scale": values.scalar(frames, motion.scale, decimals=values.FINE_DECIMALS),
            "center": " ".join(values.number(v) for v in motion.centre),
            "label": f"{scene.label}\nreference {reference}",
        },
        inputs=[None],
    )
