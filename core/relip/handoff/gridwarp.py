"""The lower face's deformation as a GridWarp3 node.

The text form of a GridWarp3 is documented nowhere; what is written here
follows scripts of other programs (medium confidence). The header of the file
says so.
"""

from __future__ import annotations

import numpy as np

from relip.errors import UsageError
from relip.handoff import values
from relip.handoff.coordinates import to_nuke
from relip.handoff.nk import Node
from relip.handoff.scene import Scene
from relip.track import geometry

MODES = ("matchmove", "stabilise")

HEADER = [
    "# GridWarp3 written by Relip. The text form of this node is undocumented: medium confidence.",
    "# After loading, check that the destination grid follows the face on three frames.",
    "# If it does not, use relip export --to stmap or --to cornerpin, which are certain.",
]

#: Grid lines left to right and bottom to top.
COLUMNS, ROWS = 7, 7


def grid_points(scene: Scene, columns: int = COLUMNS, rows: int = ROWS) -> np.ndarray:
    """A grid over the lower face, carried along by the face mesh.

    Parameters
    ----------
    scene : Scene
    columns, rows : int
        Grid lines, 2 to 40.

    Returns
    -------
    np.ndarray [shape=(V, rows, columns, 2)]
        Places on the plate, y down; the first row is the lowest. In the
        reference frame a regular grid that holds the edited region.

    Notes
    -----
    The landmarks' movement within the canonical crop since the reference
    frame is interpolated by a thin-plate spline (Bookstein 1989); the crop's
    own movement is the track's.
    """
    from scipy.interpolate import RBFInterpolator

    for count in (columns, rows):
        if not 2 <= count <= 40:
            raise UsageError(f"a grid of {columns}x{rows}", mend="use 2 to 40 lines each way")
    visible = scene.track.visible
    canonical = scene.track.canonical()[visible]
    still = canonical[scene.visible_frames.index(scene.reference)]
    outline = geometry.apply(scene.track.transform[visible], scene.outlines()[:, :, 1])
    low, high = outline.min(axis=(0, 1)), outline.max(axis=(0, 1))
    xs = np.linspace(low[0], high[0], columns)
    ys = np.linspace(high[1], low[1], rows)
    grid = np.stack(np.meshgrid(xs, ys), -1)
    moved = (canonical - still).transpose(1, 0, 2).reshape(len(still), -1)
    spline = RBFInterpolator(still, moved, kernel="thin_plate_spline", smoothing=1e-6)
    shift = spline(grid.reshape(-1, 2)).reshape(rows * columns, len(canonical), 2)
    placed = grid.reshape(1, -1, 2) + shift.transpose(1, 0, 2)
    on_plate = geometry.apply(geometry.invert(scene.track.transform[visible]), placed)
    return on_plate.reshape(len(canonical), rows, columns, 2)


def grid_handles(points: np.ndarray) -> np.ndarray:
    """Handles of a grid's points, relative to them: up, down, right, left.

    Parameters
    ----------
    points : np.ndarray [shape=(..., rows, columns, 2)]
        The first row the lowest.

    Returns
    -------
    np.ndarray [shape=(..., rows, columns, 4, 2)]
        A third of the derivative along the grid line (Catmull-Rom inside,
        one-sided at the rim).
    """
    up = np.gradient(points, axis=-3) / 3
    right = np.gradient(points, axis=-2) / 3
    return np.stack([up, -up, right, -right], axis=-2)


def gridwarp_node(
    scene: Scene, mode: str = "matchmove", *, columns: int = COLUMNS, rows: int = ROWS
) -> Node:
    """A GridWarp3 that moves a picture with the face, or takes the face's movement out.

    Parameters
    ----------
    scene : Scene
    mode : {"matchmove", "stabilise"}
        ``matchmove`` carries what is painted on the reference frame (the
        visible frame in the middle) along; ``stabilise`` is the way back.
    columns, rows : int

    Returns
    -------
    Node
    """
    if mode not in MODES:
        raise UsageError(f"mode {mode!r}", mend=f"use {' or '.join(MODES)}")
    placed = to_nuke(grid_points(scene, columns, rows), scene.form)
    row = scene.visible_frames.index(scene.reference)
    moving = _grid(placed, scene.visible_frames)
    still = _grid(placed[row : row + 1], None)
    source, destination = (still, moving) if mode == "matchmove" else (moving, still)
    centre = " ".join(values.number(v) for v in placed[row].reshape(-1, 2).mean(0))
    return Node(
        "GridWarp3",
        f"Relip_grid_{mode}_{scene.name}",
        knobs={
            "toolbar_visibility_src": "false",
            "source_grid_col": source,
            "destination_grid_col": destination,
            "grids_manually_moved": "true",
            "background": "on black",
            "source_grid_transform_center": centre,
            "destination_grid_transform_center": centre,
            "label": f"{scene.label}\nreference {scene.reference}",
        },
        inputs=[None],
    )


def _grid(points: np.ndarray, frames: list[int] | None) -> str:
    """A grid knob: ``1 columns rows 4 1 0 {default } {points}``; animated when there are frames."""
    handles = grid_handles(points)
    rows, columns = points.shape[1:3]
    lines = [f"1 {columns} {rows} 4 1 0", "  {default }", "  {"]
    for row in range(rows):
        for column in range(columns):
            parts = [_place(points[:, row, column], frames)]
            around = " ".join(_place(handles[:, row, column, i], frames) for i in range(4))
            lines.append(f"    {{ {parts[0]} {{ {around} }} }}")
    return "\n".join([*lines, "  }\n "])


def _place(track: np.ndarray, frames: list[int] | None) -> str:
    if frames is None:
        return f"{{2 {values.number(track[0, 0])} {values.number(track[0, 1])}}}"
    return f"{{1 {values.vector(frames, track)}}}"
