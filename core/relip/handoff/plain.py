"""The track as plain JSON."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from relip.handoff.scene import Scene, point_track
from relip.records import write_json

FORMAT = "relip-track"
VERSION = 1


def track_data(scene: Scene, chosen: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
    """The track as JSON-able values.

    Parameters
    ----------
    scene : Scene
    chosen : mapping of str to tuple of int
        From :func:`relip.handoff.scene.choose_points`.

    Returns
    -------
    dict
        ``points``: by name a list of places, one for each of ``frames``,
        ``null`` where no face is seen. ``transform``: by frame the map from
        plate pixels to the canonical crop, whose corners are (0, 0) and (1, 1):
        a similarity where pixels are square, else one of (x × pixel_aspect, y).
        ``face_width`` in pixels as wide as high. All other places in plate
        pixels: x right, y down, pixel centres at +0.5.
    """
    track = scene.track
    return {
        "format": FORMAT,
        "version": VERSION,
        "shot": scene.name,
        "coordinates": "plate pixels, x right, y down, origin top-left, pixel centres at +0.5",
        "width": scene.form.width,
        "height": scene.form.height,
        "pixel_aspect": scene.track.aspect,
        "rate": str(scene.rate) if scene.rate else None,
        "colourspace": scene.colourspace,
        "face_width": round(float(track.face_width), 4),
        "frames": scene.frames,
        "faceless": scene.faceless_frames,
        "confidence": [round(float(v), 4) for v in track.confidence],
        "landmarks": {name: list(marks) for name, marks in chosen.items()},
        "points": {name: _rows(point_track(track, marks)) for name, marks in chosen.items()},
        "transform": _rows(track.transform.reshape(len(track.frames), 6), 9),
    }


def write_track(scene: Scene, path: str | Path, chosen: Mapping[str, tuple[int, ...]]) -> Path:
    """Write :func:`track_data`.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    write_json(Path(path), track_data(scene, chosen))
    return Path(path)


def _rows(array: np.ndarray, decimals: int = 4) -> list[list[float] | None]:
    return [
        [round(float(v), decimals) for v in row] if np.isfinite(row).all() else None
        for row in array
    ]
