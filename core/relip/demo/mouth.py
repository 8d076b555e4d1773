"""Paints the mouth and jaw of one frame: skin bent by the rig, and what lies behind the lips.

Behind the lips, from back to front: the dark cavity, the tongue and the lower teeth, which
move with the jaw, and the portrait's own upper teeth, which stay with the skull.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np

from relip.demo.portrait import FRAME, load
from relip.demo.rig import STEP, MouthRig, MouthShape, rig

#: Still coordinates of the painted window: left, top, right, bottom.
WINDOW = (160.0, 118.0, 290.0, 214.0)

_CAVITY = np.array((0.17, 0.055, 0.05), np.float32)
_TONGUE = np.array((0.66, 0.33, 0.32), np.float32)
_GUM = np.array((0.70, 0.40, 0.38), np.float32)

#: Damped fixed-point steps that turn the skin's displacement around.
_INVERT_STEPS = 16
_INVERT_DAMPING = 0.7


def smooth_step(x: Any) -> Any:
    """0 up to 0, 1 from 1 on, a cubic between, in the precision of ``x``."""
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


class MouthPainter:
    """The mouth window at one enlargement.

    Parameters
    ----------
    scale : float
        Pixels per still unit, as given to :func:`relip.demo.portrait.load`.
    """

    def __init__(self, scale: float) -> None:
        self.scale = scale
        self.rig: MouthRig = rig()
        self.still = load(scale)
        left, top, right, bottom = WINDOW
        self.x0, self.y0 = round((left - FRAME[0]) * scale), round((top - FRAME[1]) * scale)
        self.x1, self.y1 = round((right - FRAME[0]) * scale), round((bottom - FRAME[1]) * scale)
        self._x = ((np.arange(self.x0, self.x1) + 0.5) / scale + FRAME[0]).astype(np.float32)
        self._y = ((np.arange(self.y0, self.y1) + 0.5) / scale + FRAME[1]).astype(np.float32)
        self._grid = np.stack(np.meshgrid(self._x, self._y), -1)
        height, width = self._grid.shape[:2]
        # The displacement is smooth on each side of the slit: turned around on half the pixels.
        half = (max(width // 2, 2), max(height // 2, 2))
        self._coarse = cv2.resize(self._grid, half, interpolation=cv2.INTER_AREA)
        self._weight = self._window_weight()
        self._skin = [self._bake(-1), self._bake(1)]
        self._teeth, self._teeth_alpha = self._upper_teeth()
        self._lower_teeth = self._make_lower_teeth()

    # ---- made once -------------------------------------------------------------------------

    def _window_weight(self) -> np.ndarray:
        left, top, right, bottom = WINDOW
        rim = 4.0
        wx = smooth_step(np.minimum(self._x - left, right - self._x) / rim)
        wy = smooth_step(np.minimum(self._y - top, bottom - self._y) / rim)
        return (wy[:, None] * wx[None, :])[..., None].astype(np.float32)

    def _lookup(self, field: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Value of a sheet's field (ny, nx, 2) at points (h, w, 2)."""
        sheet = self.rig.sheet
        u = (points[..., 0] - sheet.x[0]) / STEP
        v = (points[..., 1] - self.rig.slit.line(points[..., 0]) - sheet.v[0]) / STEP
        return cv2.remap(
            field, u.astype(np.float32), v.astype(np.float32), cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )  # fmt: skip

    def _sample(self, image: np.ndarray, points: np.ndarray) -> np.ndarray:
        """The window-sized ``image`` at still coordinates (h, w, 2)."""
        u = (points[..., 0] - FRAME[0]) * self.scale - 0.5 - self.x0
        v = (points[..., 1] - FRAME[1]) * self.scale - 0.5 - self.y0
        return cv2.remap(
            image, u.astype(np.float32), v.astype(np.float32), cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_REPLICATE,
        )  # fmt: skip

    def _bake(self, side: int) -> np.ndarray:
        """The neutral skin as the upper (-1) or lower (+1) lip sees it."""
        rig_, grid = self.rig, self._grid.copy()
        field = (rig_.neutral_upper if side < 0 else rig_.neutral_lower).astype(np.float32)
        t = (grid[..., 0] - rig_.slit.centre) / rig_.slit.half_width
        line = rig_.slit.line(grid[..., 0])
        inside = np.abs(t) < 1
        if side < 0:
            grid[..., 1] = np.where(inside, np.minimum(grid[..., 1], line - 0.1), grid[..., 1])
        else:
            grid[..., 1] = np.where(inside, np.maximum(grid[..., 1], line + 0.1), grid[..., 1])
        crop = self.still[self.y0 : self.y1, self.x0 : self.x1]
        skin = self._sample(crop, grid + self._lookup(field, grid))
        # Where the lips meet, little light comes in.
        depth = np.abs(grid[..., 1] - line)
        along = smooth_step((1.0 - np.abs(t)) / 0.3)
        shade = along * (
            0.50 * np.exp(-((depth / 0.55) ** 2)) + 0.22 * np.exp(-((depth / 1.5) ** 2))
        )
        tint = np.array((0.82, 1.0, 1.0), np.float32)
        return np.clip(skin * (1 - shade[..., None] * tint), 0, 1).astype(np.float32)

    def _upper_teeth(self) -> tuple[np.ndarray, np.ndarray]:
        """The portrait's teeth (h, w, 3) and their matte (h, w), fixed to the skull."""
        lips = self.rig.lips
        t = np.linspace(-1, 1, 201)
        x = lips.x(t)
        top = np.interp(self._x, x, lips.at("upper_inner", t)[:, 1])
        edge = np.interp(self._x, x, lips.at("lower_inner", t)[:, 1]) - 0.95
        for gap in lips.tooth_gaps():
            edge -= 0.55 * np.exp(-(((self._x - gap) / 0.5) ** 2))
        still = self.still[self.y0 : self.y1, self.x0 : self.x1]
        # Above the smile line and below the edges, draw the nearest tooth rows on.
        rows = np.clip(self._grid[..., 1], (top + 1.5)[None], (edge - 0.5)[None])
        teeth = self._sample(still, np.stack([self._grid[..., 0], rows], -1).astype(np.float32))
        gum = np.clip(((top + 0.3)[None] - self._grid[..., 1]) / 1.2, 0, 1)[..., None]
        teeth = teeth * (1 - gum) + _GUM * gum
        alpha = np.clip((edge[None] - self._grid[..., 1]) / 0.6 + 0.5, 0, 1)
        alpha *= smooth_step((0.93 - np.abs((self._x - lips.centre) / lips.half_width)) / 0.12)[
            None
        ]
        return teeth.astype(np.float32), alpha.astype(np.float32)

    def _make_lower_teeth(self) -> np.ndarray:
        """RGBA (h, w, 4) of the lower teeth with the jaw shut, premultiplied.

        They are the upper ones turned over and made narrower: lower incisors are three
        quarters as wide.
        """
        centre, crown = self.rig.slit.centre, 148.6
        sag = 3.0 * ((self._grid[..., 0] - centre) / 15.0) ** 2
        source_x = centre + (self._grid[..., 0] - centre) / 0.74 + 0.9
        lips = self.rig.lips
        t = np.linspace(-1, 1, 201)
        edge = np.interp(source_x, lips.x(t), lips.at("lower_inner", t)[:, 1]) - 0.95
        below = self._grid[..., 1] - (crown - 0.35 * sag)
        points = np.stack([source_x, edge - np.clip(below, -1.5, 4.5)], -1).astype(np.float32)
        colour = self._sample(self._teeth, points)
        matte = self._sample(self._teeth_alpha, points) * (below < 6.5)
        matte *= smooth_step((13.5 - np.abs(self._grid[..., 0] - centre)) / 4.0)
        dim = (0.80 * (1 - 0.5 * smooth_step((below - 2) / 5)))[..., None]
        return np.concatenate([colour * dim * matte[..., None], matte[..., None]], -1).astype(
            np.float32
        )

    # ---- per frame -------------------------------------------------------------------------

    def _invert(self, field: np.ndarray) -> np.ndarray:
        """Where the skin seen at each pixel of the window comes from (h, w, 2)."""
        points = self._coarse.copy()
        for _ in range(_INVERT_STEPS):
            points += _INVERT_DAMPING * (self._coarse - points - self._lookup(field, points))
        offset = cv2.resize(
            points - self._coarse, self._grid.shape[1::-1], interpolation=cv2.INTER_LINEAR
        )
        return self._grid + offset

    def _inside(self, shape: MouthShape, upper: np.ndarray, lower: np.ndarray) -> np.ndarray:
        """What lies behind the lips (h, w, 3)."""
        centre = self.rig.slit.centre
        y = self._grid[..., 1]
        gap = np.maximum(lower - upper, 0)[None]
        depth = np.clip((y - upper[None]) / np.maximum(gap, 1e-3), 0, 1)[..., None]
        out = _CAVITY * (0.55 + 0.75 * depth)

        # Tongue: a soft mound on the floor of the mouth, lifted by tongueOut.
        floor = 148.6 + shape.drop + 2.0
        rise = 4.2 + 0.16 * shape.drop + shape.tongue * (2.4 + 0.72 * shape.drop)
        across = (self._grid[..., 0] - centre) / (11.5 - 2.5 * shape.tongue)
        top = floor - rise * np.sqrt(np.maximum(1 - across**2, 0)) - 0.25
        mound = smooth_step((y - top) / 1.6 + 0.4) * smooth_step((1 - np.abs(across)) / 0.25)
        groove = 1 - 0.18 * np.exp(-((across / 0.13) ** 2))
        lit = 0.42 + 0.38 * np.exp(-(((y - top - 2.6) / 2.2) ** 2)) + 0.16 * shape.tongue
        mound = mound[..., None]
        out = out * (1 - mound) + mound * _TONGUE * (lit * groove)[..., None]

        fallen = self._grid - np.array((0, shape.drop), np.float32)
        teeth = self._sample(self._lower_teeth, fallen)
        if shape.tongue > 0:
            teeth = teeth * (1 - 0.75 * shape.tongue * mound)
        out = out * (1 - teeth[..., 3:]) + teeth[..., :3]

        # The upper lip's shadow on the teeth, and less light in a narrow gap, behind rounded
        # lips and at the sides. Light that comes through lips is warm.
        shadow = 1 - 0.55 * np.exp(-np.maximum(y - upper[None], 0) / 1.1)
        half_width = float(np.ptp(shape.corners[:, 0])) / 2
        light = (0.80 + 0.20 * smooth_step(gap / 6.0)) * (
            0.6 + 0.4 * smooth_step((half_width - 12) / 6)
        )
        side = 1 - 0.45 * smooth_step((np.abs(self._x - centre) - 8.0) / 11.0)[None]
        light = np.clip(light * shadow * side, 0, 1)[..., None]
        warm = 0.94 * (light + light * (1 - light) * np.array((0.08, -0.10, -0.17)))
        alpha = self._teeth_alpha[..., None]
        return out * (1 - alpha) + alpha * self._teeth * warm

    def paint(self, shape: MouthShape) -> np.ndarray:
        """The enlarged still (H, W, 3) with the mouth and jaw of this shape."""
        upper = np.interp(self._x, shape.upper[:, 0], shape.upper[:, 1])
        lower = np.interp(self._x, shape.lower[:, 0], shape.lower[:, 1])
        lower = np.maximum(lower, upper)
        fields = shape.fields.astype(np.float32)
        skins = [
            self._sample(skin, self._invert(field))
            for skin, field in zip(self._skin, fields, strict=True)
        ]
        y = self._y[:, None]
        above = np.clip((upper[None] - y) * self.scale + 0.5, 0, 1)[..., None]
        below = np.clip((y - lower[None]) * self.scale + 0.5, 0, 1)[..., None]
        # Beyond the corners the skin is whole: nothing shines through between the two halves.
        ends = shape.corners[:, 0]
        beyond = np.clip(np.maximum(ends[0] - self._x, self._x - ends[1]) * self.scale + 0.5, 0, 1)
        below = np.maximum(below, beyond[None, :, None])
        out = self._inside(shape, upper, lower)
        out = out * (1 - below) + skins[1] * below
        out = out * (1 - above) + skins[0] * above
        result = self.still.copy()
        window = result[self.y0 : self.y1, self.x0 : self.x1]
        window += self._weight * (np.clip(out, 0, 1) - window)
        return result


@lru_cache(maxsize=3)
def painter(scale: float) -> MouthPainter:
    """The painter for an enlargement, made once."""
    return MouthPainter(scale)
