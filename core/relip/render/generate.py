"""Generation: one frame of the plate and its new lines → a patch at plate resolution."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch

from relip.plate import Picture
from relip.render import canonical
from relip.render import match as matching
from relip.render.detail import add_plate_detail
from relip.render.encoding import Encoding
from relip.render.examples import draw_inputs
from relip.render.grain import Grain, add_grain
from relip.render.highlights import keep_highlights
from relip.render.interior import add_mouth_detail
from relip.render.match import Match
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
        The renderer's picture in the plate's colourspace, matched to the
        plate, without matte.
    stmap : np.ndarray [shape=(h, w, 2), dtype=float32]
    """

    origin: tuple[int, int]
    raw: np.ndarray
    stmap: np.ndarray


@dataclass(frozen=True)
class Drawn:
    """One frame as it was drawn, before its match is known.

    Attributes
    ----------
    picture : np.ndarray [shape=(height, width, 3), dtype=float32]
        The renderer's, in the network's encoding; a window of the crop.
    crop : np.ndarray [shape=(height, width, 3), dtype=float32]
        The plate there.
    region : np.ndarray [shape=(height, width), dtype=float32]
        1 where the renderer draws.
    match : Match
        Measured in this frame alone.
    window : Window
    to_window : np.ndarray [shape=(2, 3)]
        Plate pixels to window pixels.
    rect : tuple of int
        x0, y0, x1, y1 of the plate's pixels under the window.
    plate : np.ndarray [shape=(y1 - y0, x1 - x0, 3), dtype=float32]
        The plate there at its own resolution, in its colourspace.
    lines, old_lines : np.ndarray [shape=(57, 2)] or None
        New and own lines in window pixels; None when the renderer knows none.
    outline : np.ndarray [shape=(m, 2)]
        The region in window pixels.
    """

    picture: np.ndarray
    crop: np.ndarray
    region: np.ndarray
    match: Match
    window: canonical.Window
    to_window: np.ndarray
    rect: tuple[int, int, int, int]
    plate: np.ndarray
    lines: np.ndarray | None
    old_lines: np.ndarray | None
    outline: np.ndarray


@dataclass(frozen=True)
class Finish:
    """How a drawn frame becomes a patch.

    Attributes
    ----------
    detail : float
        How much of the plate's skin detail is used, 0-1.
    defocus : float
        How far the plate's softness is followed, 0-1.
    grain : Grain
        The plate's.
    amount : float
        How much of it is matched, 0-1.
    seed : int
        The shot's.
    """

    detail: float = 1.0
    defocus: float = 1.0
    grain: Grain = field(default_factory=Grain.none)
    amount: float = 0.0
    seed: int = 0


def draw_window(
    model: ShotModel,
    crop: np.ndarray,
    lines: np.ndarray,
    outline: np.ndarray,
    *,
    calibrated: bool = True,
    visibility: np.ndarray | None = None,
    mouth: int = -1,
    teeth: float = 1.0,
) -> tuple[np.ndarray, np.ndarray]:
    """The network's picture in the window with the inside of its mouth, and the region it fills.

    Parameters
    ----------
    visibility : np.ndarray [shape=(2,)], optional
        How much of teeth and tongue the compositor wants to see, 0-1; 0.5 leaves it to the
        network.
    mouth : int
        Which of the model's mouths the fine band inside the opening is taken from; −1: none.
    teeth : float
        How much of it is used, 0-1.

    Other parameters are those of :func:`generate_window`.
    """
    size = model.window.size
    drawn_lines = size * model.calibration.apply(lines / size) if calibrated else lines
    inputs, region = draw_inputs(crop, drawn_lines, outline, model.window, model.mean)
    device = next(model.network.parameters()).device
    with torch.inference_mode():
        tensor = torch.from_numpy(inputs)[None].to(device)
        tensor = tensor.contiguous(memory_format=torch.channels_last)
        output = model.network(tensor)[0].float().cpu().numpy()
    picture = (output.transpose(1, 2, 0) + model.mean).astype(np.float32)
    picture = add_mouth_detail(picture, model.mouths, mouth, lines, model.window, teeth, visibility)
    return picture, region


def finish_window(
    picture: np.ndarray,
    crop: np.ndarray,
    region: np.ndarray,
    match: Match,
    window: canonical.Window,
    *,
    lines: np.ndarray | None = None,
    old_lines: np.ndarray | None = None,
    outline: np.ndarray | None = None,
    detail: float = 1.0,
    defocus: float = 1.0,
) -> np.ndarray:
    """A drawn window, matched to the plate, with its detail; the plate outside the region."""
    picture = matching.apply(picture, match, window.size, defocus)
    if lines is not None and old_lines is not None and outline is not None:
        picture = add_plate_detail(picture, crop, old_lines, lines, outline, window, detail)
    drawn = region[..., None]
    return (picture * drawn + crop * (1 - drawn)).astype(np.float32)


def generate_window(
    model: ShotModel,
    crop: np.ndarray,
    lines: np.ndarray,
    outline: np.ndarray,
    *,
    old_lines: np.ndarray | None = None,
    detail: float = 1.0,
    calibrated: bool = True,
    visibility: np.ndarray | None = None,
    mouth: int = -1,
    teeth: float = 1.0,
) -> np.ndarray:
    """The network's picture in the window, matched to the plate by this frame alone.

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
    visibility : np.ndarray [shape=(2,)], optional
        How much of teeth and tongue is wanted.
    mouth : int
        Which of the model's mouths the fine band inside the opening is taken from; −1: none.
    teeth : float
        How much of it is used, 0-1.

    Returns
    -------
    np.ndarray [shape=(height, width, 3), dtype=float32]
        In the network's encoding; the plate outside the region.
    """
    picture, region = draw_window(
        model,
        crop,
        lines,
        outline,
        calibrated=calibrated,
        visibility=visibility,
        mouth=mouth,
        teeth=teeth,
    )
    match = matching.fit(picture, crop, region, model.window.size)
    return finish_window(
        picture,
        crop,
        region,
        match,
        model.window,
        lines=lines,
        old_lines=old_lines,
        outline=outline,
        detail=detail,
    )


def draw_frame(
    model: ShotModel,
    rgb: Picture | np.ndarray,
    transform: np.ndarray,
    lines: np.ndarray,
    outline: np.ndarray,
    old_lines: np.ndarray,
    *,
    calibrated: bool = True,
    visibility: np.ndarray | None = None,
    mouth: int = -1,
    teeth: float = 1.0,
) -> Drawn | None:
    """Draw one frame and measure its match.

    Parameters
    ----------
    rgb : Picture or np.ndarray [shape=(height, width, 3), dtype=float32]
        The plate in its colourspace.
    transform : np.ndarray [shape=(2, 3)]
        Plate pixels to crop units.
    lines : np.ndarray [shape=(57, 2)]
        New lip and jaw lines in crop units.
    outline : np.ndarray [shape=(m, 2)]
        The region in crop units.
    old_lines : np.ndarray [shape=(57, 2)]
        The plate's own lines in crop units.
    calibrated : bool
        Draw the lines so that the lips are found at ``lines``; False to draw them as they are.
    visibility : np.ndarray [shape=(2,)], optional
        How much of teeth and tongue is wanted.
    mouth, teeth
        As in :func:`draw_window`.

    Returns
    -------
    Drawn or None
        None when the region lies outside the picture.
    """
    cut = cut_frame(model.window, model.encoding, rgb, transform, outline)
    if cut is None:
        return None
    window, to_window, rect, plate, crop = cut
    new, edge = window.to_pixels(lines), window.to_pixels(outline)
    picture, region = draw_window(
        model,
        crop,
        new,
        edge,
        calibrated=calibrated,
        visibility=visibility,
        mouth=mouth,
        teeth=teeth,
    )
    match = matching.fit(picture, crop, region, window.size)
    own = window.to_pixels(old_lines)
    return Drawn(picture, crop, region, match, window, to_window, rect, plate, new, own, edge)


def cut_frame(
    window: canonical.Window,
    encoding: Encoding,
    rgb: Picture | np.ndarray,
    transform: np.ndarray,
    outline: np.ndarray,
) -> tuple[canonical.Window, np.ndarray, tuple[int, int, int, int], np.ndarray, np.ndarray] | None:
    """The window on a frame's region, its map and plate rectangle, the plate there and in it."""
    picture = Picture.of(rgb)
    height, width = picture.shape
    window = window.on(outline)
    to_window = window.from_plate(transform)
    rect = canonical.plate_rect(to_window, window, width, height)
    x0, y0, x1, y1 = rect
    if x1 - x0 < 8 or y1 - y0 < 8:
        return None
    plate = picture.cut(x0, y0, x1, y1)
    piece = encoding.encode(plate)
    crop = canonical.cut_out(piece, geometry.shifted(to_window, x0, y0), window)
    return window, to_window, rect, plate, crop


def finish_frame(
    drawn: Drawn, match: Match, encoding: Encoding, finish: Finish, frame: int = 0
) -> Patch:
    """A drawn frame as a patch: matched, with detail and grain, at plate resolution.

    Parameters
    ----------
    match : Match
        Of the frame, steadied by its neighbours'.
    encoding : Encoding
        The network's.
    frame : int
        Its number, which the grain follows.
    """
    picture = finish_window(
        drawn.picture,
        drawn.crop,
        drawn.region,
        match,
        drawn.window,
        lines=drawn.lines,
        old_lines=drawn.old_lines,
        outline=drawn.outline,
        detail=finish.detail,
        defocus=finish.defocus,
    )
    on_plate = canonical.put_back(picture, drawn.to_window, drawn.rect)
    if finish.amount > 0 and not finish.grain.empty:
        own = encoding.encode(drawn.plate)
        on_plate = add_grain(
            on_plate, finish.grain, finish.amount, seed=finish.seed, frame=frame, plate=own
        )
    x0, y0 = drawn.rect[:2]
    raw = encoding.decode(on_plate)
    if encoding.linear and drawn.lines is not None and drawn.old_lines is not None:
        to_piece = geometry.invert(geometry.shifted(drawn.to_window, x0, y0))
        mouths = [
            geometry.apply(to_piece, each[:N_OUTER]) for each in (drawn.old_lines, drawn.lines)
        ]
        unit = drawn.window.size / 256 * float(np.hypot(*to_piece[:, 0]))
        raw = keep_highlights(raw, drawn.plate, mouths, unit, finish.detail)
    stmap = canonical.stmap(drawn.to_window, drawn.window, drawn.rect)
    return Patch((x0, y0), raw, stmap)


def generate_patch(
    model: ShotModel,
    rgb: Picture | np.ndarray,
    transform: np.ndarray,
    lines: np.ndarray,
    outline: np.ndarray,
    old_lines: np.ndarray,
    detail: float = 1.0,
    *,
    calibrated: bool = True,
    visibility: np.ndarray | None = None,
) -> Patch | None:
    """Generate one frame, matched by itself and without grain.

    Parameters are those of :func:`draw_frame`, and ``detail``: how much of the
    plate's skin detail is used, 0-1.

    Returns
    -------
    Patch or None
        None when the region lies outside the picture.
    """
    drawn = draw_frame(
        model,
        rgb,
        transform,
        lines,
        outline,
        old_lines,
        calibrated=calibrated,
        visibility=visibility,
    )
    if drawn is None:
        return None
    return finish_frame(drawn, drawn.match, model.encoding, Finish(detail=detail))
