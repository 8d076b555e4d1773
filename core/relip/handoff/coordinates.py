"""The flip: Relip's plate coordinates and Nuke's, in one place.

Relip: x right, y **down**, origin at the top-left corner of the display
window. Nuke: x right, y **up**, origin at the lower-left corner of the format.
Both put pixel centres at +0.5 and both count stored pixels, whatever their
aspect. Nuke's EXR reader moves any display window to (0, 0); only when its
"offset negative display window" is off does a window that begins left of 0
stay where it is in x (y is always counted from the window's bottom).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Format:
    """The format of a picture in Nuke.

    Attributes
    ----------
    width, height : int
        Display window in stored pixels.
    pixel_aspect : float
        Width over height of one pixel as shown: 2.0 for anamorphic plates.
    left : float
        Where Nuke puts the display window's left edge: 0, or the display
        window's own (negative) left when the Read's "offset negative display
        window" is off.
    """

    width: int
    height: int
    pixel_aspect: float = 1.0
    left: float = 0.0

    @classmethod
    def of_plate(cls, width: int, height: int, info: Mapping[str, Any]) -> Format:
        """The format of a plate with the display window ``width`` × ``height``.

        Parameters
        ----------
        width, height : int
        info : mapping
            :attr:`relip.plate.base.Plate.info`.
        """
        aspect = float(info.get("pixel_aspect") or 1.0)
        return cls(width, height, aspect if aspect > 0 else 1.0)

    @property
    def knob(self) -> str:
        """The value of a format knob: ``1920 1080 0 0 1920 1080 1 name``."""
        name = f"relip_{self.width}x{self.height}"
        if self.pixel_aspect != 1:
            name += f"_{self.pixel_aspect:g}".replace(".", "p")
        size = f"{self.width} {self.height}"
        return f"{size} 0 0 {size} {self.pixel_aspect:g} {name}"


def to_nuke(points: np.ndarray, form: Format) -> np.ndarray:
    """Plate coordinates as Nuke counts them.

    Parameters
    ----------
    points : np.ndarray [shape=(..., 2)]
        x right, y down.
    form : Format

    Returns
    -------
    np.ndarray [shape=(..., 2)]
        x right, y up.
    """
    points = np.asarray(points, float)
    return np.stack([points[..., 0] + form.left, form.height - points[..., 1]], -1)


def from_nuke(points: np.ndarray, form: Format) -> np.ndarray:
    """The inverse of :func:`to_nuke`."""
    points = np.asarray(points, float)
    return np.stack([points[..., 0] - form.left, form.height - points[..., 1]], -1)


def affine_to_nuke(transform: np.ndarray, source: Format, target: Format) -> np.ndarray:
    """An affine map between two pictures, for Nuke's coordinates of both.

    Parameters
    ----------
    transform : np.ndarray [shape=(..., 2, 3)]
        From pixels of ``source`` to pixels of ``target``, y down in both.
    source, target : Format

    Returns
    -------
    np.ndarray [shape=(..., 2, 3)]
        The same map, y up in both.

    Notes
    -----
    With the flip ``F(x, y) = (x + left, height − y)``: ``F_target ∘ T ∘ F_source⁻¹``.
    """
    transform = np.asarray(transform, float)
    flip = np.diag([1.0, -1.0])
    linear = flip @ transform[..., :2] @ flip
    # where the source's origin goes: F_source⁻¹(0) = (−left, height)
    origin = transform[..., :2] @ np.array([-source.left, source.height]) + transform[..., 2]
    return np.concatenate([linear, to_nuke(origin, target)[..., None]], -1)


def uv_of(points: np.ndarray, form: Format) -> np.ndarray:
    """What an STMap holds for places in a picture: 0-1 from its lower-left corner.

    Parameters
    ----------
    points : np.ndarray [shape=(..., 2)]
        Pixels of the picture the map samples, y down.
    form : Format
        That picture's.

    Returns
    -------
    np.ndarray [shape=(..., 2)]
        Red: x over the width; green: height above the bottom over the height.
    """
    return to_nuke(points, form) / np.array([form.width, form.height], float)
