"""Generation: one frame of the plate and its new lines → a patch at plate resolution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from relip.render import canonical
from relip.render.colourmatch import ring_correction
from relip.render.detail import add_plate_detail
from relip.render.examples import draw_inputs
from relip.render.highlights import keep_highlights
from relip.render.model import ShotModel
from relip.render.rig import N_OUTER
from relip.track import geometry


@dataclass(frozen=True)
class Patch:
    """Generated pixels of one frame over a rectangle of the plate.

    Attributes
    ----------
    origin : tuple of int
        x, y of the top-left pixel in the plate.
    raw : np.ndarray [shape=(h, w, 3), dtype=float32]
        The network's picture in the plate's colourspace, colour-matched,
        without matte.
    stmap : np.ndarray [shape=(h, w, 2), dtype=float32]
    """

    origin: tuple[int, int]
    raw: np.ndarray
    stmap: np.ndarray


def generate_window(
    model: ShotModel,
    crop: np.ndarray,
    lines: np.ndarray,
    outline: np.ndarray,
    *,
    old_lines: np.ndarray | None = None,
    detail: float = 1.0,
    calibrated: bool = True,
) -> np.ndarray:
    """The network's picture in the window, its colour matched to the plate at the region's edge.

    Parameters
    ----------
    crop : np.ndarray [shape=(height, width, 3)]
        The plate's window in the network's encoding.
    lines, outline : np.ndarray
        In window pixels.
    old_lines : np.ndarray [shape=(57, 2)], optional
        The plate's own lines in window pixels; without them no plate detail is used.
    detail : float
        How much of the plate's skin detail is used, 0-1.
    calibrated : bool
        Draw the lines so that the lips are found at ``lines``; False to draw them as they are.

    Returns
    -------
    np.ndarray [shape=(height, width, 3), dtype=float32]
        In the network's encoding; the plate outside the region.
    """
    size = model.window.size
    drawn_lines = size * model.calibration.apply(lines / size) if calibrated else lines
    inputs, region = draw_inputs(crop, drawn_lines, outline, model.window, model.mean)
    device = next(model.network.parameters()).device
    with torch.inference_mode():
        tensor = torch.from_numpy(inputs)[None].to(device)
        tensor = tensor.contiguous(memory_format=torch.channels_last)
        output = model.network(tensor)[0].float().cpu().numpy()
    picture = output.transpose(1, 2, 0) + model.mean
    picture = (picture + ring_correction(picture, crop, region)).astype(np.float32)
    if old_lines is not None:
        picture = add_plate_detail(picture, crop, old_lines, lines, outline, model.window, detail)
    drawn = region[..., None]
    return (picture * drawn + crop * (1 - drawn)).astype(np.float32)


def generate_patch(
    model: ShotModel,
    rgb: np.ndarray,
    transform: np.ndarray,
    lines: np.ndarray,
    outline: np.ndarray,
    old_lines: np.ndarray,
    detail: float = 1.0,
    *,
    calibrated: bool = True,
) -> Patch | None:
    """Generate one frame.

    Parameters
    ----------
    rgb : np.ndarray [shape=(height, width, 3), dtype=float32]
        The plate in its colourspace.
    transform : np.ndarray [shape=(2, 3)]
        Plate pixels to crop units.
    lines : np.ndarray [shape=(57, 2)]
        New lip and jaw lines in crop units.
    outline : np.ndarray [shape=(m, 2)]
        The region in crop units.
    old_lines : np.ndarray [shape=(57, 2)]
        The plate's own lines in crop units.
    detail : float
        How much of the plate's skin detail is used, 0-1.
    calibrated : bool
        Draw the lines so that the lips are found at ``lines``; False to draw them as they are.

    Returns
    -------
    Patch or None
        None when the region lies outside the picture.
    """
    height, width = rgb.shape[:2]
    window = model.window.on(outline)
    to_window = window.from_plate(transform)
    rect = canonical.plate_rect(to_window, window, width, height)
    x0, y0, x1, y1 = rect
    if x1 - x0 < 8 or y1 - y0 < 8:
        return None
    piece = model.encoding.encode(np.ascontiguousarray(rgb[y0:y1, x0:x1]))
    crop = canonical.cut_out(piece, canonical.shifted(to_window, x0, y0), window)
    picture = generate_window(
        model,
        crop,
        window.to_pixels(lines),
        window.to_pixels(outline),
        old_lines=window.to_pixels(old_lines),
        detail=detail,
        calibrated=calibrated,
    )
    raw = model.encoding.decode(canonical.put_back(picture, to_window, rect))
    if model.encoding.linear:
        to_piece = geometry.invert(canonical.shifted(to_window, x0, y0))
        mouths = [
            geometry.apply(to_piece, window.to_pixels(each[:N_OUTER]))
            for each in (old_lines, lines)
        ]
        unit = window.size / 256 * float(np.hypot(*to_piece[:, 0]))
        raw = keep_highlights(raw, rgb[y0:y1, x0:x1], mouths, unit, detail)
    return Patch((x0, y0), raw, canonical.stmap(to_window, window, rect))
