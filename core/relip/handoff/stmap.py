"""STMaps between the plate and the canonical crop: EXR sequences and the nodes that use them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from relip.errors import PlateError, ShotError, StageMissingError, UsageError
from relip.frames import format_range
from relip.handoff.coordinates import Format, uv_of
from relip.handoff.nk import Node
from relip.handoff.reads import read_node
from relip.handoff.scene import Scene
from relip.track import geometry

if TYPE_CHECKING:
    from relip.progress import Progress
    from relip.shot import Shot

#: ``crop``: a picture of the crop that looks into the plate. ``uncrop``: a picture of the plate
#: that looks into the crop.
DIRECTIONS = ("crop", "uncrop")

#: Pixels that the way back goes on around the crop: where a map ends its value jumps, and a filter
#: that looks at neighbours must meet the jump where nothing is shown any more.
MARGIN = 4


def crop_map(to_crop: np.ndarray, size: int, plate: Format) -> np.ndarray:
    """The map that cuts the canonical crop out of the plate.

    Parameters
    ----------
    to_crop : np.ndarray [shape=(2, 3)]
        Plate pixels to crop pixels.
    size : int
        Side of the crop.
    plate : Format

    Returns
    -------
    np.ndarray [shape=(size, size, 2), dtype=float32]
        For each pixel of the crop its place on the plate, 0-1 to the right
        and upwards. Places outside the plate lie outside 0-1.
    """
    grid = _centres(0, 0, size, size)
    places = geometry.apply(geometry.invert(to_crop), grid.reshape(-1, 2))
    return uv_of(places, plate).reshape(size, size, 2).astype(np.float32)


def uncrop_map(
    to_crop: np.ndarray, size: int, plate: Format
) -> tuple[np.ndarray, np.ndarray, tuple[int, int]] | None:
    """The map that puts a picture of the crop back onto the plate.

    Parameters
    ----------
    to_crop, size, plate
        As for :func:`crop_map`.

    Returns
    -------
    uv : np.ndarray [shape=(h, w, 2), dtype=float32]
        For each pixel of the crop's footprint on the plate, and :data:`MARGIN`
        around it, its place in the crop.
    inside : np.ndarray [shape=(h, w), dtype=float32]
        1 where that place is in the crop.
    origin : (int, int)
        The footprint's left column and top row on the plate. None instead of
        all three when the crop lies outside the plate.
    """
    corners = np.array([[0, 0], [size, 0], [size, size], [0, size]], float)
    placed = geometry.apply(geometry.invert(to_crop), corners)
    x0, y0 = np.maximum(np.floor(placed.min(0)).astype(int) - MARGIN, 0)
    x1, y1 = np.ceil(placed.max(0)).astype(int) + MARGIN
    x1, y1 = min(int(x1), plate.width), min(int(y1), plate.height)
    if x1 <= x0 or y1 <= y0:
        return None
    grid = _centres(int(x0), int(y0), int(x1), int(y1))
    places = geometry.apply(to_crop, grid.reshape(-1, 2)).reshape(grid.shape)
    # half a pixel in from the edge, where the nearest pixels of the crop still are all around
    inside = ((places >= 0.5) & (places <= size - 0.5)).all(-1)
    uv = uv_of(places, Format(size, size))
    return uv.astype(np.float32), inside.astype(np.float32), (int(x0), int(y0))


def _centres(x0: int, y0: int, x1: int, y1: int) -> np.ndarray:
    return np.stack(np.meshgrid(np.arange(x0, x1) + 0.5, np.arange(y0, y1) + 0.5), -1)


def write_maps(
    scene: Scene, pattern: str, direction: str, *, size: int | None = None,
    progress: Progress | None = None,
) -> list[Path]:  # fmt: skip
    """Compute a direction's maps from the track and write them as float EXRs.

    Parameters
    ----------
    scene : Scene
    pattern : str
        ``name.####.exr``.
    direction : {"crop", "uncrop"}
    size : int, optional
        Side of the crop in pixels; by default what the network sees.
    progress : Progress, optional

    Returns
    -------
    list of Path
        One file for each frame with a face: red and green the map, alpha
        where it means something.

    Raises
    ------
    OutputError
        If a file cannot be written.
    """
    from relip.blend.stage import sequence_path
    from relip.plate import write_exr

    if direction not in DIRECTIONS:
        raise UsageError(f"direction {direction!r}", mend=f"use {', '.join(DIRECTIONS)}")
    side = scene.crop_size(size)
    written = []
    for frame, to_crop in zip(scene.visible_frames, scene.to_crop(side), strict=True):
        origin = (0, 0)
        if direction == "crop":
            uv = crop_map(to_crop, side, scene.form)
            inside = ((uv >= 0) & (uv <= 1)).all(-1).astype(np.float32)
            display, aspect = (side, side), 1.0
        else:
            display, aspect = (scene.form.width, scene.form.height), scene.form.pixel_aspect
            found = uncrop_map(to_crop, side, scene.form)
            if found is None:
                if progress:
                    progress.step()
                continue
            uv, inside, origin = found
        path = sequence_path(pattern, frame)
        write_exr(
            path,
            {"R": uv[..., 0], "G": uv[..., 1], "A": inside},
            display=display,
            origin=origin,
            half=False,
            metadata={"relip/stmap": direction, "relip/crop": side},
            pixel_aspect=aspect,
        )
        written.append(path)
        if progress:
            progress.step()
    return written


def gather_maps(
    shot: Shot, frames: Sequence[int], pattern: str, *, progress: Progress | None = None
) -> list[Path]:
    """Copy the maps that the render stage stored in its patches to a sequence of their own.

    Parameters
    ----------
    shot : Shot
    frames : sequence of int
        Frames with a face.
    pattern : str
        ``name.####.exr``.

    Returns
    -------
    list of Path
        Files like those of :func:`write_maps` for ``uncrop``, over the
        patch's data window.

    Raises
    ------
    StageMissingError
        If a frame is not rendered.
    ShotError
        If its patch has no layer stmap, or is damaged.
    """
    from relip.blend.stage import sequence_path
    from relip.plate import read_exr, write_exr
    from relip.records import FrameRecord
    from relip.render.stage import patch_path

    record = FrameRecord(shot.path("render"))
    with shot.open_plate() as plate:
        aspect = Format.of_plate(plate.width, plate.height, plate.info).pixel_aspect
    wanted = {f: record.get(f) for f in frames}
    missing = [f for f, s in wanted.items() if s is None or s["state"] == "failed"]
    missing += [f for f, s in wanted.items() if s and s["state"] == "done"
                and not patch_path(shot, f).exists()]  # fmt: skip
    if missing:
        raise StageMissingError(
            f"{shot.path('render')}: frames {format_range(missing)} are not rendered",
            mend="run relip render on the shot, or leave --source render out",
        )
    written = []
    for frame in frames:
        path = patch_path(shot, frame)
        if path.exists():
            try:
                channels, origin, display, _ = read_exr(path)
            except PlateError as exc:
                mend = "delete it and run relip render again"
                raise ShotError(exc.message, mend=mend) from exc
            if "stmap.R" not in channels or "stmap.G" not in channels:
                raise ShotError(
                    f"{path}: no layer stmap",
                    mend='put "stmap" into render.layers in shot.toml and run relip render',
                )
            target = sequence_path(pattern, frame)
            write_exr(
                target,
                {
                    "R": channels["stmap.R"],
                    "G": channels["stmap.G"],
                    "A": np.ones_like(channels["stmap.R"]),
                },
                display=display,
                origin=origin,
                half=False,
                metadata={"relip/stmap": "uncrop"},
                pixel_aspect=aspect,
            )
            written.append(target)
        if progress:
            progress.step()
    return written


def stmap_nodes(
    scene: Scene, pattern: str | Path, direction: str, *, size: int | None = None
) -> list[Node]:
    """A Read of the maps and the STMap that uses them.

    Parameters
    ----------
    scene : Scene
    pattern : str
        ``name.####.exr`` of :func:`write_maps`.
    direction : {"crop", "uncrop"}
    size : int, optional

    Returns
    -------
    list of Node
        The first is a Dot for the picture: the plate for ``crop``, a picture
        of the crop for ``uncrop``. What the crop does not reach stays black
        and transparent.
    """
    side = scene.crop_size(size)
    frames = (scene.frames[0], scene.frames[-1])
    form = Format(side, side) if direction == "crop" else scene.form
    picture = "the plate" if direction == "crop" else f"a picture of the crop, {side}x{side}"
    dot = Node("Dot", f"Relip_{direction}_in_{scene.name}", knobs={"label": picture}, inputs=[None])
    read = read_node(
        f"Relip_{direction}_map_{scene.name}", pattern, frames, form, raw=True, on_error="black"
    )
    apply = Node(
        "STMap",
        f"Relip_{direction}_{scene.name}",
        knobs={"channels": "rgba", "uv": "rgb", "label": scene.label},
        inputs=[dot, read],
    )
    # outside the map its value is 0, the corner of the picture: only the map's alpha is kept
    keep = Node(
        "Merge2",
        f"Relip_{direction}_inside_{scene.name}",
        knobs={"operation": "mask"},
        inputs=[apply, read],
    )
    return [dot, read, apply, keep]
