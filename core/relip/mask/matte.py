"""The matte: the region with a soft edge inside it, at plate resolution."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from relip.mask import region as regions
from relip.mask.coverage import fill
from relip.track import points, square
from relip.track.facetrack import FaceTrack

#: What is left of the blurred edge is cut at this value and stretched back to 0-1.
_CUT = 0.02

#: The layers of a file, in order.
LAYERS = ("matte", "lips", "mouth", "skin", "hair", "neck", "teeth", "occlusion")


@dataclass(frozen=True)
class Layers:
    """Matte layers of one frame over a window of the plate.

    They are drawn in square pixels and squeezed like the plate at last.

    Attributes
    ----------
    origin : tuple of int
        x, y of the window's top-left pixel in the plate.
    matte, lips, mouth, skin : np.ndarray [shape=(height, width), dtype=float32]
        0 to 1. ``mouth`` is the opening between the lips, ``skin`` the region
        without lips and mouth.
    hair, neck, teeth, occlusion : np.ndarray or None
        Likewise; None is nothing. ``occlusion`` is what stands before the
        face: it is cut out of the matte.
    """

    origin: tuple[int, int]
    matte: np.ndarray
    lips: np.ndarray
    mouth: np.ndarray
    skin: np.ndarray
    hair: np.ndarray | None = None
    neck: np.ndarray | None = None
    teeth: np.ndarray | None = None
    occlusion: np.ndarray | None = None

    def multiplied(self, free: np.ndarray, occlusion: np.ndarray) -> Layers:
        """The layers with what stands before them cut out, and that as a layer of its own."""
        cut = {n: v * free for n in LAYERS[:-1] if (v := getattr(self, n)) is not None}
        return replace(self, **cut, occlusion=occlusion)

    def squeezed(self, aspect: float, width: int) -> Layers:
        """The layers of a window in square pixels on the plate, which is so many pixels wide."""
        if aspect == 1:
            return self
        (x, y), count = self.origin, self.matte.shape[1]
        x0, x1 = int(np.floor(x / aspect)), min(int(np.ceil((x + count) / aspect)), width)
        made = {
            name: square.columns(layer, x0 * aspect - x, aspect, x1 - x0)
            for name in LAYERS
            if (layer := getattr(self, name)) is not None
        }
        return replace(self, origin=(x0, y), **made)

    def channels(self) -> dict[str, np.ndarray]:
        """All layers by name, zeros for those that are None."""
        none = np.zeros_like(self.matte)
        return {n: none if (v := getattr(self, n)) is None else v for n in LAYERS}


def make_layers(
    track: FaceTrack,
    region: regions.Region,
    row: int,
    *,
    feather: float,
    width: int,
    height: int,
) -> Layers | None:
    """Draw the layers of one frame.

    Parameters
    ----------
    track : FaceTrack
        In square coordinates.
    region : Region
    row : int
        Row of the frame in the track.
    feather : float
        Width of the soft edge in face widths; it lies inside the region.
    width, height : int
        The plate's display window in square pixels.

    Returns
    -------
    Layers or None
        None when the region lies outside the picture.
    """
    outline = region.on_plate(track, row)
    x0, y0 = np.clip(np.floor(outline.min(0)).astype(int) - 2, 0, None)
    x1 = min(int(np.ceil(outline[:, 0].max())) + 2, width)
    y1 = min(int(np.ceil(outline[:, 1].max())) + 2, height)
    if x1 - x0 < 4 or y1 - y0 < 4:
        return None
    size = (int(x1 - x0), int(y1 - y0))
    origin = np.array([x0, y0], float)
    whole = fill(outline - origin, size)
    soft = feather * track.face_width
    # A straight edge moved in by half the feather and blurred with a sigma of a
    # quarter of it falls to 2 % on the outline; fill() outside the outline is 0.
    centre = outline.mean(0)
    reach = np.linalg.norm(outline - centre, axis=1, keepdims=True)
    shrunk = centre + (outline - centre) * np.clip(1 - 0.5 * soft / reach, 0.1, 1)
    matte = cv2.GaussianBlur(
        fill(shrunk - origin, size),
        (0, 0),
        max(soft / 4, 0.5),
        borderType=cv2.BORDER_REPLICATE,
    )
    matte = np.clip((matte - _CUT) / (1 - 2 * _CUT), 0, 1) * whole
    matte = (matte * matte * (3 - 2 * matte)).astype(np.float32)
    face = track.landmarks[row, :, :2] - origin
    lips_outer = fill(face[list(points.OUTER_LIPS)], size)
    mouth = fill(face[list(points.INNER_LIPS)], size)
    lips = np.clip(lips_outer - mouth, 0, 1)
    skin = np.clip(whole - np.maximum(lips_outer, mouth), 0, 1)
    return Layers((int(x0), int(y0)), matte, lips, mouth, skin)
