"""Training examples: window crops of the shot with their lines, kept in memory.

At most :data:`MAX_EXAMPLES` frames are kept, fewer of a close-up
(:data:`MAX_BYTES`), evenly spread, so that memory does not grow with the length
of the shot.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from relip.mask.coverage import fill
from relip.mask.region import Region
from relip.plate import BadFrame, Plate
from relip.plate.prefetch import prefetch
from relip.progress import Progress
from relip.render import canonical, rig
from relip.render.canonical import Window
from relip.render.conditioning import MAPS, draw_maps
from relip.render.encoding import Encoding
from relip.render.lenders import inward, light_between
from relip.track import geometry
from relip.track.facetrack import FaceTrack

MAX_EXAMPLES = 900
MAX_BYTES = 1 << 30

#: Of a frame, what stands before the face (0-1) and the place of that picture in the plate.
Occlusion = Callable[[int], tuple[np.ndarray, tuple[int, int]] | None]

#: Context kept around the window for rotations and shifts, as a share of the crop.
PAD = 0.08

#: Augmentation ranges: degrees, scale, shift as a share of the crop, gain.
ROTATION, SCALE, SHIFT, GAIN = 4.0, 0.06, 0.025, 0.05

#: Share of the examples that are turned and scaled; the others stay as sharp as they are.
MOVED = 0.5


@dataclass
class Examples:
    """Frames to learn from.

    Attributes
    ----------
    frames : np.ndarray [shape=(n,)]
    pictures : np.ndarray [shape=(n, height + 2 pad, width + 2 pad, 3), dtype=float16]
        Padded windows in the network's encoding.
    lines : np.ndarray [shape=(n, 57, 2)]
        Unpadded window pixels.
    outlines : np.ndarray [shape=(n, m, 2)]
        The region, in unpadded window pixels.
    corners : np.ndarray [shape=(n, 2)]
        Where in the crop each window lies, in pixels.
    plates : np.ndarray [shape=(n,), dtype=int64]
        Which plate each is cut from: 0 is the shot's own.
    window : Window
    pad : int
    mean : np.ndarray [shape=(3,)]
        Mean colour inside the region.
    hidden : dict of int to np.ndarray [shape=(height + 2 pad, width + 2 pad), dtype=uint8]
        By example, what stands before the face, 0-255: there is nothing to learn there.
    """

    frames: np.ndarray
    pictures: np.ndarray
    lines: np.ndarray
    outlines: np.ndarray
    corners: np.ndarray
    plates: np.ndarray
    window: Window
    pad: int
    mean: np.ndarray
    hidden: dict[int, np.ndarray] = field(default_factory=dict)


def collect(
    plate: Plate,
    track: FaceTrack,
    region: Region,
    window: Window,
    encoding: Encoding,
    frames: Sequence[int],
    progress: Progress,
    occlusion: Occlusion | None = None,
) -> Examples:
    """Cut the examples out of the plate, in one pass.

    Parameters
    ----------
    frames : sequence of int
        Frames to learn from; those without a face or unreadable are left out.
    occlusion : callable, optional
        What stands before the face in a frame, and the place of that picture in the plate
        (:func:`relip.mask.stage.read_occlusion`); None where nothing does.
    """
    visible = [f for f in frames if track.visible[track.index(f)]]
    pad = int(np.ceil(PAD * window.size / 8)) * 8
    whole = window.grown(pad)
    most = min(MAX_EXAMPLES, MAX_BYTES // (whole.height * whole.width * 3 * 2))
    if len(visible) > most:
        pick = np.unique(np.linspace(0, len(visible) - 1, most).round().astype(int))
        visible = [visible[i] for i in pick]
    lines = rig.track_lines(track)
    kept: list[int] = []
    pictures = np.empty((len(visible), whole.height, whole.width, 3), np.float16)
    hidden: dict[int, np.ndarray] = {}
    progress.start("examples", len(visible))
    for picture in prefetch(plate.iter(visible, on_error="mark")):
        progress.step()
        if isinstance(picture, BadFrame):
            continue
        row = track.index(picture.frame)
        padded = window.on(region.outline[row]).grown(pad)
        to_window = padded.from_plate(track.transform[row])
        x0, y0, x1, y1 = canonical.plate_rect(to_window, padded, plate.width, plate.height)
        piece = encoding.encode(picture.cut(x0, y0, x1, y1))
        crop = canonical.cut_out(piece, geometry.shifted(to_window, x0, y0), padded)
        pictures[len(kept)] = crop
        front = occlusion(picture.frame) if occlusion else None
        if front is not None:
            alpha, (x, y) = front
            placed = cv2.warpAffine(
                np.ascontiguousarray(alpha, np.float32),
                geometry.for_opencv(geometry.shifted(to_window, x, y)),
                (padded.width, padded.height),
                flags=cv2.INTER_LINEAR,
            )
            hidden[len(kept)] = np.round(255 * np.clip(placed, 0, 1)).astype(np.uint8)
        kept.append(picture.frame)
    progress.finish()
    outlines = np.empty((len(kept), *region.outline.shape[1:]))
    own_lines = np.empty((len(kept), *lines.shape[1:]))
    corners = np.empty((len(kept), 2))
    for place, row in enumerate(track.index(f) for f in kept):
        own = window.on(region.outline[row])
        outlines[place] = own.to_pixels(region.outline[row])
        own_lines[place] = own.to_pixels(lines[row])
        corners[place] = own.x, own.y
    return Examples(
        frames=np.array(kept, int),
        pictures=pictures[: len(kept)],
        lines=own_lines,
        outlines=outlines,
        corners=corners,
        plates=np.zeros(len(kept), np.int64),
        window=window,
        pad=pad,
        mean=_mean_colour(pictures[: len(kept)], outlines, pad),
        hidden=hidden,
    )


def _mean_colour(pictures: np.ndarray, outlines: np.ndarray, pad: int) -> np.ndarray:
    """Mean colour inside the region over some of the examples; 0 without any."""
    if not len(pictures):
        return np.zeros(3, np.float32)
    sample = pictures[:: max(len(pictures) // 20, 1)].astype(np.float32)
    height, width = pictures.shape[1:3]
    inside = fill(outlines[0] + pad, (width, height)) > 0.5
    return sample[:, inside].mean((0, 1)).astype(np.float32)


def draw_inputs(
    picture: np.ndarray,
    lines: np.ndarray,
    outline: np.ndarray,
    window: Window,
    mean: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """The network's input for one frame.

    Parameters
    ----------
    picture : np.ndarray [shape=(height, width, 3)]
        Window in the network's encoding.
    lines : np.ndarray [shape=(57, 2)]
    outline : np.ndarray [shape=(m, 2)]
        Both in window pixels.
    window : Window
    mean : np.ndarray [shape=(3,)]
        Mean colour of the region over the shot; the network's zero.

    Returns
    -------
    inputs : np.ndarray [shape=(8, height, width), dtype=float32]
    region : np.ndarray [shape=(height, width), dtype=float32]
        1 where the network draws.
    """
    size = (window.width, window.height)
    region = (fill(outline, size) > 0).astype(np.float32)
    maps = draw_maps(lines, size, window.size / 256)
    inputs = np.empty((4 + len(MAPS), window.height, window.width), np.float32)
    around = 2 * (1 - region)
    for channel in range(3):
        inputs[channel] = (picture[..., channel] - mean[channel]) * around
    inputs[3] = region
    inputs[4:] = maps.transpose(2, 0, 1)
    return inputs, region


def mouth_weight(lines: np.ndarray, window: Window, extra: float) -> np.ndarray:
    """Loss weight 1, plus ``extra`` around the lips with a soft edge."""
    low, high = lines[: rig.N_OUTER].min(0), lines[: rig.N_OUTER].max(0)
    room = 6 * window.size / 256
    centre, half = (low + high) / 2, (high - low) / 2 * np.array([1.3, 1.5]) + room
    x = (np.arange(window.width) + 0.5 - centre[0]) / half[0]
    y = (np.arange(window.height) + 0.5 - centre[1]) / half[1]
    radius = np.maximum(np.abs(x)[None], np.abs(y)[:, None])
    return (1 + extra * np.clip(2 - 1.6 * radius, 0, 1)).astype(np.float32)


def near_size(window: Window) -> tuple[int, int]:
    """Width and height of a piece of the window around the mouth: 128 × 96 of 256."""
    grid = canonical.grid(window.size)
    width, height = window.size // 2 // grid * grid, window.size * 3 // 8 // grid * grid
    return min(max(width, grid), window.width), min(max(height, grid), window.height)


def augmented(
    examples: Examples,
    index: int,
    rng: np.random.Generator,
    near: tuple[int, int] | None = None,
    *,
    line_noise: float = 0.0,
    lender: int | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """One example, shifted and dimmed a little, every second one turned and scaled too.

    Parameters
    ----------
    near : tuple of int, optional
        Width and height of a piece around the mouth; by default the whole window.
    line_noise : float
        How far each point of the lines is moved at random in what the network sees (standard
        deviation, pixels per 256 of the crop).
    lender : int, optional
        The example whose surroundings the network sees instead
        (:mod:`relip.render.lenders`).

    Returns
    -------
    inputs : np.ndarray [shape=(8, height, width)]
    target : np.ndarray [shape=(3, height, width)]
        Difference from the mean colour.
    region, weight : np.ndarray [shape=(height, width)]
    """
    window, pad = examples.window, examples.pad
    turned = rng.random() < MOVED
    angle = turned * np.deg2rad(rng.uniform(-ROTATION, ROTATION))
    scale = 1 + turned * rng.uniform(-SCALE, SCALE)
    shift = np.round(rng.uniform(-SHIFT, SHIFT, 2) * window.size)
    gain = np.float32(1 + rng.uniform(-GAIN, GAIN))
    centre = examples.outlines[index].mean(0)
    cos, sin = np.cos(angle) * scale, np.sin(angle) * scale
    linear = np.array([[cos, -sin], [sin, cos]])
    move = np.c_[linear, shift + (centre - linear @ centre)]  # window → augmented window
    lines = geometry.apply(move, examples.lines[index])
    if near is not None:
        # only that piece is made
        room = np.array([window.width, window.height]) - near
        middle = lines[: rig.N_OUTER].mean(0) + rng.uniform(-8, 8, 2) * window.size / 256
        corner = np.clip(np.round(middle - np.array(near) / 2), 0, room)
        window = replace(window, width=near[0], height=near[1])
        move, lines = move - np.c_[np.zeros((2, 2)), corner], lines - corner
    seen = lines + line_noise * window.size / 256 * rng.standard_normal(lines.shape)

    def shown(padded: np.ndarray, of: int, flags: int = canonical.SHARPEST) -> np.ndarray:
        by = examples.corners[of] - examples.corners[index] - pad
        return _moved(padded, geometry.shifted(move, *by), window, flags)

    picture = gain * shown(examples.pictures[index], index)
    weight = mouth_weight(lines, window, 3.0)
    around = index if lender is None else lender
    outline = geometry.apply(
        move, examples.outlines[around] + examples.corners[around] - examples.corners[index]
    )
    surroundings = picture
    if lender is not None:
        surroundings = gain * shown(examples.pictures[lender], lender)
    inputs, region = draw_inputs(surroundings, seen, outline, window, examples.mean)
    if lender is not None:
        inside = inward(region, window.size / 256)
        picture = picture + light_between(surroundings, picture, inside)
        weight = weight * inside
    target = np.ascontiguousarray((picture - examples.mean).transpose(2, 0, 1))
    if index in examples.hidden:
        front = shown(examples.hidden[index], index, cv2.INTER_LINEAR)
        weight = weight * (1 - front / 255)
    return inputs, target, region, weight


def _moved(picture: np.ndarray, move: np.ndarray, window: Window, flags: int) -> np.ndarray:
    """What the window shows of a padded picture, in float32; by whole pixels nothing is blurred."""
    width, height = window.width, window.height
    x, y = -np.round(move[:, 2]).astype(int)
    rows, columns = picture.shape[:2]
    whole = np.array_equal(move[:, :2], np.eye(2)) and not (move[:, 2] % 1).any()
    if whole and min(x, y) >= 0 and x + width <= columns and y + height <= rows:
        return picture[y : y + height, x : x + width].astype(np.float32)
    return cv2.warpAffine(
        picture.astype(np.float32),
        geometry.for_opencv(move),
        (width, height),
        flags=flags,
        borderMode=cv2.BORDER_REPLICATE,
    )
