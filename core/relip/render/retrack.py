"""Drawn frames tracked again: how far the lips are from where they were asked for."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from relip.mask.coverage import fill
from relip.mask.region import Region
from relip.plate import BadFrame, Colour, Plate
from relip.plate.prefetch import prefetch
from relip.progress import Progress
from relip.render import rig
from relip.render.calibration import N_LIPS
from relip.render.generate import generate_patch
from relip.render.model import ShotModel
from relip.track import geometry, square
from relip.track.backend import open_finder
from relip.track.facetrack import FaceTrack
from relip.track.picture import detection_picture, squared

#: Frames that are drawn and measured.
FRAMES = 48

#: The plate around the face that the tracker is shown, in face widths.
_AROUND = 1.6


def lip_errors(
    model: ShotModel,
    plate: Plate,
    track: FaceTrack,
    region: Region,
    frames: Sequence[int],
    progress: Progress,
    *,
    backend: str = "auto",
) -> tuple[np.ndarray, np.ndarray]:
    """Draw frames from their own lines, track the result, and measure how far off the lips are.

    Parameters
    ----------
    model : ShotModel
        Its own calibration is not used.
    frames : sequence of int
        Frames to choose from; :data:`FRAMES` of them are drawn, evenly spread.
    backend : str
        The shot's ``track.backend``.

    Returns
    -------
    lines : np.ndarray [shape=(n, 57, 2)]
        What was asked for, in window units (window pixels over the crop's size).
    errors : np.ndarray [shape=(n, 40, 2)]
        Where the lips were found, less where the same tracker finds them in
        the plate, in window units.
    """
    own = rig.track_lines(track)
    pick = np.unique(np.linspace(0, len(frames) - 1, min(FRAMES, len(frames))).round().astype(int))
    chosen = [int(frames[i]) for i in pick]
    lines, errors = [], []
    lips = list(rig.LINE_POINTS[:N_LIPS])
    colour = Colour()
    progress.start("retrack", len(chosen))
    with open_finder(backend) as mesh:
        for picture in prefetch(plate.iter(chosen, on_error="mark")):
            progress.step()
            if isinstance(picture, BadFrame):
                continue
            row = track.index(picture.frame)
            x0, y0, x1, y1 = around(track, row, plate.width, plate.height)
            rgb = picture.cut(x0, y0, x1, y1)
            transform = geometry.shifted(track.transform[row], x0, y0)
            outline = region.outline[row]
            patch = generate_patch(
                model, rgb, transform, own[row], outline, own[row], detail=0.0, calibrated=False
            )
            if patch is None:
                continue
            drawn = put(patch.raw, patch.origin, rgb, outline, transform)
            start = square.to_square(track.landmarks[row] - np.array([x0, y0, 0.0]), track.aspect)
            found, there = (
                mesh.refine(squared(detection_picture(each, plate, colour), track.aspect), start)
                for each in (drawn, rgb)
            )
            if found is None or there is None:
                continue
            to_crop = square.from_square(transform, track.aspect)
            apart = geometry.apply(to_crop, found[lips, :2])
            errors.append(apart - geometry.apply(to_crop, there[lips, :2]))
            window = model.window.on(outline)
            lines.append(window.to_pixels(own[row]) / window.size)
    progress.finish()
    return np.array(lines).reshape(-1, rig.N_LINES, 2), np.array(errors).reshape(-1, N_LIPS, 2)


def around(track: FaceTrack, row: int, width: int, height: int) -> tuple[int, int, int, int]:
    """The plate rectangle x0, y0, x1, y1 about a face that a tracker is shown."""
    face = track.square.landmarks[row, :, :2]
    low, high = face.min(0), face.max(0)
    reach = _AROUND * max(track.face_width, float((high - low).max()))
    corners = np.stack([(low + high) / 2 - reach, (low + high) / 2 + reach])
    low, high = square.to_plate(corners, track.aspect)
    x0, y0 = np.maximum(np.floor(low).astype(int), 0)
    x1, y1 = np.minimum(np.ceil(high).astype(int), (width, height))
    return int(x0), int(y0), int(x1), int(y1)


def put(
    raw: np.ndarray,
    origin: tuple[int, int],
    rgb: np.ndarray,
    outline: np.ndarray,
    transform: np.ndarray,
) -> np.ndarray:
    """The picture with the drawn pixels inside the region, its edge softened inwards."""
    x, y = origin
    height, width = raw.shape[:2]
    on_plate = geometry.apply(geometry.invert(transform), outline) - np.array([x, y], float)
    inside = fill(on_plate, (width, height))
    alpha = (cv2.GaussianBlur(cv2.erode(inside, np.ones((5, 5))), (0, 0), 1.5) * inside)[..., None]
    result = rgb.copy()
    with np.errstate(invalid="ignore", over="ignore"):  # infinities in the plate are its own
        result[y : y + height, x : x + width] = (
            alpha * raw + (1 - alpha) * result[y : y + height, x : x + width]
        )
    return result
