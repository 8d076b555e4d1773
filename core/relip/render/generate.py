"""Generation: one frame of the plate and its new lines → a patch at plate resolution."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
import torch

from relip.mask.coverage import disc, fill
from relip.plate import Picture
from relip.render import canonical
from relip.render import match as matching
from relip.render.change import unchanged, worth_drawing
from relip.render.conditioning import MAPS, draw_maps
from relip.render.detail import SEAM, add_plate_detail, lip_warp
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
class Cut:
    """What the network sees of one frame, and the plate's pixels under it.

    Attributes
    ----------
    window : Window
    to_window : np.ndarray [shape=(2, 3)]
        Plate pixels to window pixels.
    rect : tuple of int
        x0, y0, x1, y1 of the plate's pixels under the window.
    plate, encoded : np.ndarray [shape=(y1 - y0, x1 - x0, 3), dtype=float32]
        The plate there at its own resolution, in its colourspace and in the network's encoding.
    crop : np.ndarray [shape=(height, width, 3), dtype=float32]
        The plate in the window, in the network's encoding.
    """

    window: canonical.Window
    to_window: np.ndarray
    rect: tuple[int, int, int, int]
    plate: np.ndarray
    encoded: np.ndarray
    crop: np.ndarray


@dataclass(frozen=True)
class Drawn:
    """One frame as it was drawn, before its match is known.

    Attributes
    ----------
    cut : Cut
    picture : np.ndarray [shape=(height, width, 3), dtype=float32]
        The renderer's, in the network's encoding; a window of the crop.
    region : np.ndarray [shape=(height, width), dtype=float32]
        1 where the renderer draws.
    match : Match
        Measured in this frame alone.
    outline : np.ndarray [shape=(m, 2)]
        The region in window pixels.
    lines, old_lines : np.ndarray [shape=(57, 2)] or None
        New and own lines in window pixels; None when the renderer knows none.
    change : np.ndarray [shape=(height, width, 3), dtype=float32] or None
        What the new lines change in the renderer's picture; None when it was not asked.
    """

    cut: Cut
    picture: np.ndarray
    region: np.ndarray
    match: Match
    outline: np.ndarray
    lines: np.ndarray | None = None
    old_lines: np.ndarray | None = None
    change: np.ndarray | None = None


@dataclass(frozen=True)
class Made:
    """A drawn window, matched to the plate: ``picture + still * plate`` is what is seen.

    Attributes
    ----------
    picture : np.ndarray [shape=(height, width, 3), dtype=float32]
        In the network's encoding, times what of it is seen.
    still : np.ndarray [shape=(height, width), dtype=float32]
        How much of the plate stays, 0-1: 1 outside the region.
    """

    picture: np.ndarray
    still: np.ndarray

    def over(self, plate: np.ndarray) -> np.ndarray:
        """What is seen, of pixels in the network's encoding."""
        return (self.picture + self.still[..., None] * plate).astype(np.float32)


@dataclass(frozen=True)
class Finish:
    """How a drawn frame becomes a patch.

    Attributes
    ----------
    detail : float
        How much of the plate is used inside the region, 0-1.
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
    old_lines: np.ndarray | None = None,
    calibrated: bool = True,
    visibility: np.ndarray | None = None,
    mouth: int = -1,
    teeth: float = 1.0,
    finest: float = 1.0,
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """The network's picture in the window with the inside of its mouth, and the region it fills.

    Parameters
    ----------
    old_lines : np.ndarray [shape=(57, 2)], optional
        The plate's own lines in window pixels: what the new ones change is drawn, too.
    visibility : np.ndarray [shape=(2,)], optional
        How much of teeth and tongue the compositor wants to see, 0-1; 0.5 leaves it to the
        network.
    mouth : int
        Which of the model's mouths the fine band inside the opening is taken from; −1: none.
    teeth : float
        How much of it is used, 0-1.
    finest : float
        How many pixels of the window one of the plate's is wide.

    Other parameters are those of :func:`generate_window`.

    Returns
    -------
    picture : np.ndarray [shape=(height, width, 3), dtype=float32]
    region : np.ndarray [shape=(height, width), dtype=float32]
    change : np.ndarray [shape=(height, width, 3), dtype=float32] or None
        The network's picture of the new lines less that of the old ones.
    """
    window, size = model.window, model.window.size

    def asked(wanted: np.ndarray) -> np.ndarray:
        return size * model.calibration.apply(wanted / size) if calibrated else wanted

    inputs, region = draw_inputs(crop, asked(lines), outline, window, model.mean)
    stack = [inputs]
    if old_lines is not None:
        maps = draw_maps(asked(old_lines), (window.width, window.height), size / 256)
        stack.append(np.concatenate([inputs[: -len(MAPS)], maps.transpose(2, 0, 1)]))
    device = next(model.network.parameters()).device
    with torch.inference_mode():
        tensor = torch.from_numpy(np.stack(stack)).to(device)
        output = model.network(tensor).float().cpu().numpy().transpose(0, 2, 3, 1)
    change = np.ascontiguousarray(output[0] - output[1]) if len(output) > 1 else None
    picture = (output[0] + model.mean).astype(np.float32)
    picture = add_mouth_detail(
        picture, model.mouths, mouth, lines, window, teeth, visibility, finest=finest
    )
    return picture, region, change


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
    change: np.ndarray | None = None,
    detail: float = 1.0,
    defocus: float = 1.0,
) -> Made:
    """A drawn window, matched to the plate, with its detail; the plate where nothing changes.

    Parameters
    ----------
    picture, region, change
        From :func:`draw_window`.
    crop, lines, old_lines, outline, detail
        As in :func:`generate_window`.
    match : Match
    window : Window
    defocus : float
        How far the plate's softness is followed, 0-1.
    """
    picture = matching.apply(picture, match, window.size, defocus)
    shown = region[..., None]
    still = 1 - region
    if detail > 0 and lines is not None and old_lines is not None and outline is not None:
        unit = window.size / 256
        shift = lip_warp(old_lines, lines, outline, (window.width, window.height), SEAM * unit)
        picture = add_plate_detail(picture, crop, old_lines, lines, shift, window, detail)
        if change is not None:
            kept = detail * unchanged(change, shift, old_lines, lines, unit)[..., None]
            changed = change * worth_drawing(change, unit)[..., None]
            changed = matching.soften(changed, match, window.size, defocus)
            picture = picture + kept * (changed - picture)
            still = still + region * kept[..., 0]
    return Made((shown * picture).astype(np.float32), still.astype(np.float32))


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
    finest: float = 1.0,
) -> np.ndarray:
    """The network's picture in the window, matched to the plate by this frame alone.

    Parameters
    ----------
    crop : np.ndarray [shape=(height, width, 3)]
        The plate's window in the network's encoding.
    lines, outline : np.ndarray
        In window pixels.
    old_lines : np.ndarray [shape=(57, 2)], optional
        The plate's own lines in window pixels; without them no pixel of the plate is used.
    detail : float
        How much of the plate is used inside the region, 0-1: its skin detail, and itself where
        the mouth changes nothing.
    calibrated : bool
        Draw the lines so that the lips are found at ``lines``; False to draw them as they are.
    visibility : np.ndarray [shape=(2,)], optional
        How much of teeth and tongue is wanted.
    mouth : int
        Which of the model's mouths the fine band inside the opening is taken from; −1: none.
    teeth : float
        How much of it is used, 0-1.
    finest : float
        How many pixels of the window one of the plate's is wide.

    Returns
    -------
    np.ndarray [shape=(height, width, 3), dtype=float32]
        In the network's encoding; the plate outside the region.
    """
    picture, region, change = draw_window(
        model,
        crop,
        lines,
        outline,
        old_lines=old_lines if detail > 0 else None,
        calibrated=calibrated,
        visibility=visibility,
        mouth=mouth,
        teeth=teeth,
        finest=finest,
    )
    match = _matched(picture, change, crop, region, model.window.size)
    made = finish_window(
        picture,
        crop,
        region,
        match,
        model.window,
        lines=lines,
        old_lines=old_lines,
        outline=outline,
        change=change,
        detail=detail,
    )
    return made.over(crop)


def draw_frame(
    model: ShotModel,
    rgb: Picture | np.ndarray,
    transform: np.ndarray,
    lines: np.ndarray,
    outline: np.ndarray,
    old_lines: np.ndarray,
    *,
    detail: float = 1.0,
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
    detail : float
        How much of the plate will be used inside the region; with 0 what the lines change is not
        drawn.
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
    new, edge, own = (cut.window.to_pixels(each) for each in (lines, outline, old_lines))
    # a pixel that is no number cannot stay: all is drawn
    whole = detail > 0 and not _broken(cut, edge)
    picture, region, change = draw_window(
        model,
        cut.crop,
        new,
        edge,
        old_lines=own if whole else None,
        calibrated=calibrated,
        visibility=visibility,
        mouth=mouth,
        teeth=teeth,
        finest=canonical.magnification(cut.to_window),
    )
    match = _matched(picture, change, cut.crop, region, cut.window.size)
    return Drawn(cut, picture, region, match, edge, new, own, change)


def _matched(
    picture: np.ndarray,
    change: np.ndarray | None,
    crop: np.ndarray,
    region: np.ndarray,
    size: int,
) -> Match:
    """A frame's match, by its own mouth where that was drawn."""
    own = picture if change is None else picture - change
    return matching.fit(own, crop, region, size)


def _broken(cut: Cut, outline: np.ndarray) -> bool:
    """Whether a pixel of the plate inside the region is not finite."""
    rows, columns = np.nonzero(~np.isfinite(cut.plate).all(-1))
    if not len(rows):
        return False
    window, to_window = cut.window, geometry.shifted(cut.to_window, *cut.rect[:2])
    region = cv2.dilate(fill(outline, (window.width, window.height)), disc(2))
    at = np.floor(geometry.apply(to_window, np.stack([columns, rows], -1) + 0.5)).astype(int)
    inside = ((at >= 0) & (at < [window.width, window.height])).all(1)
    return bool((region[at[inside, 1], at[inside, 0]] > 0).any())


def cut_frame(
    window: canonical.Window,
    encoding: Encoding,
    rgb: Picture | np.ndarray,
    transform: np.ndarray,
    outline: np.ndarray,
) -> Cut | None:
    """Look at one frame's region; None when it lies outside the picture."""
    picture = Picture.of(rgb)
    height, width = picture.shape
    window = window.on(outline)
    to_window = window.from_plate(transform)
    rect = canonical.plate_rect(to_window, window, width, height)
    x0, y0, x1, y1 = rect
    if x1 - x0 < 8 or y1 - y0 < 8:
        return None
    plate = picture.cut(x0, y0, x1, y1)
    encoded = encoding.encode(plate)
    crop = canonical.cut_out(encoded, geometry.shifted(to_window, x0, y0), window)
    return Cut(window, to_window, rect, plate, encoded, crop)


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
    cut = drawn.cut
    made = finish_window(
        drawn.picture,
        cut.crop,
        drawn.region,
        match,
        cut.window,
        lines=drawn.lines,
        old_lines=drawn.old_lines,
        outline=drawn.outline,
        change=drawn.change,
        detail=finish.detail,
        defocus=finish.defocus,
    )
    # the plate stays as it is, not as the window shows it
    placed = canonical.put_back(np.dstack([made.picture, made.still]), cut.to_window, cut.rect)
    still = np.clip(placed[..., 3:], 0, 1)
    on_plate = placed[..., :3] + still * cut.encoded
    if finish.amount > 0 and not finish.grain.empty:
        grained = add_grain(
            on_plate, finish.grain, finish.amount, seed=finish.seed, frame=frame, plate=cut.encoded
        )
        # where some of the plate stays less is missing; none where all of it does
        on_plate = on_plate + np.clip(4 * (1 - still), 0, 1) * (grained - on_plate)
    x0, y0 = cut.rect[:2]
    raw = encoding.decode(on_plate)
    if encoding.linear and drawn.lines is not None and drawn.old_lines is not None:
        to_piece = geometry.invert(geometry.shifted(cut.to_window, x0, y0))
        mouths = [
            geometry.apply(to_piece, each[:N_OUTER]) for each in (drawn.old_lines, drawn.lines)
        ]
        # In stored columns: of a plate squeezed by two the room below and above a highlight, and
        # around the lips, is half of what it is beside them (3 of the crop's 256 pixels instead of
        # 6); nothing but how far a glint's soft edge is kept hangs on it.
        unit = cut.window.size / 256 * float(np.hypot(*to_piece[:, 0]))
        raw = keep_highlights(raw, cut.plate, mouths, unit, finish.detail)
    stmap = canonical.stmap(cut.to_window, cut.window, cut.rect)
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

    Parameters are those of :func:`draw_frame`.

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
        detail=detail,
        calibrated=calibrated,
        visibility=visibility,
    )
    if drawn is None:
        return None
    return finish_frame(drawn, drawn.match, model.encoding, Finish(detail=detail))
