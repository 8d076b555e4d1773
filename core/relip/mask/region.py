"""The edited region: from below the nose over the cheeks to the jaw, by pose.

The region comes from the plate's head pose and the shot's mean face, never
from the mouth that is said or that is to be said: it holds still while the
mouth moves, and it holds the old jaw and the new one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from relip.shot import MaskSettings
from relip.track import geometry, points, pose
from relip.track.facetrack import FaceTrack
from relip.track.stabilise import CROP_FACE_WIDTHS

#: Jaw points used, from the left cheek over the chin to the right.
LOWER = (172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397)

#: Share of the way from the nose's base to the upper lip where the region begins.
BELOW_NOSE = 0.25

#: How far from the cheek to the cheekbone the region's corner lies: outside of the fold that a
#: smile or a wide mouth draws from the nose to beside the mouth.
FOLD = 0.6

#: How far from beside the mouth to that corner the next one lies.
SIDE = 0.4

#: Points used above the jaw.
UPPER = (
    points.CHEEK_LEFT,
    points.NOSTRIL_LEFT,
    points.SUBNASALE,
    points.NOSTRIL_RIGHT,
    points.CHEEK_RIGHT,
    points.UPPER_LIP_TOP,
    points.CHEEKBONE_LEFT,
    points.CHEEKBONE_RIGHT,
    points.BESIDE_LEFT,
    points.BESIDE_RIGHT,
)

#: Room kept below the lowest chin of the shot, in face widths.
CHIN_MARGIN = 0.055

#: How much further the chin of an open mouth is than the mesh has it, by how far the lips are open
#: (face widths): a mouth that is opened as far as it goes has its chin a tenth lower.
OPENING, HIDDEN_DROP = (0.16, 0.22, 0.36), (0.0, 0.015, 0.105)

#: Points put between two corners of the outline, so that it is smooth.
_SPLINE_POINTS = 6


@dataclass(frozen=True)
class Region:
    """The region's outline in every frame.

    Attributes
    ----------
    outline : np.ndarray [shape=(F, n, 2)]
        In canonical crop units; NaN where no face is visible.
    """

    outline: np.ndarray

    def on_plate(self, track: FaceTrack, row: int) -> np.ndarray:
        """The outline in the pixels of a track ``[shape=(n, 2)]``: the plate's or square ones."""
        return geometry.apply(geometry.invert(track.transform[row]), self.outline[row])


def make_region(track: FaceTrack, settings: MaskSettings) -> Region:
    """Find the region of every frame from the head pose.

    Parameters
    ----------
    track : FaceTrack
    settings : MaskSettings
        ``grow``, ``jaw`` and ``sides`` in face widths.

    Returns
    -------
    Region
    """
    rows = np.flatnonzero(track.visible)
    unit = 1.0 / CROP_FACE_WIDTHS  # one face width in crop units
    canonical = geometry.apply(track.transform[rows], track.landmarks[rows][:, UPPER + LOWER, :2])
    curves = pose.pose_curves(track)
    mean = np.median(canonical, axis=0)
    flat = (canonical - mean).reshape(len(rows), -1)
    weights = pose.ridge(curves[rows], flat)
    predicted = (curves @ weights).reshape(len(curves), -1, 2) + mean
    chin = (UPPER + LOWER).index(points.CHIN)
    drop = np.percentile(canonical[:, chin, 1] - predicted[rows, chin, 1], 98)
    opening = float(np.percentile(track.lip_opening()[rows], 98))
    margin = CHIN_MARGIN + float(np.interp(opening, OPENING, HIDDEN_DROP))
    room_below = max(settings.jaw * unit, float(drop) + margin * unit)

    seen = _outlines(predicted[rows], room_below, settings, unit)
    outlines = np.full((len(curves), *seen.shape[1:]), np.nan)
    outlines[rows] = seen
    return Region(outlines)


def _outlines(
    faces: np.ndarray, room_below: float, settings: MaskSettings, unit: float
) -> np.ndarray:
    """Outlines ``[shape=(F, n, 2)]`` of faces ``[shape=(F, upper + jaw points, 2)]``."""
    cheek_l, nostril_l, nose, nostril_r, cheek_r, lip_top, bone_l, bone_r, side_l, side_r = (
        np.moveaxis(faces[:, : len(UPPER)], 1, 0)
    )
    jaw = faces[:, len(UPPER) :]
    cheek_l = cheek_l + FOLD * (bone_l - cheek_l)
    cheek_r = cheek_r + FOLD * (bone_r - cheek_r)
    side_l = side_l + SIDE * (cheek_l - side_l)
    side_r = side_r + SIDE * (cheek_r - side_r)
    centre = np.stack([(cheek_l[:, 0] + cheek_r[:, 0]) / 2, lip_top[:, 1]], axis=1)
    # sides go outwards, the chin goes down; in between the two are mixed by direction
    away = jaw - centre[:, None]
    away /= np.linalg.norm(away, axis=2, keepdims=True)
    down = np.clip(away[..., 1], 0, 1) ** 2
    jaw = jaw + away * (settings.sides * unit * (1 - down) + room_below * down)[..., None]
    below = BELOW_NOSE * (lip_top - nose)
    top = np.stack([cheek_l, nostril_l + below, nose + below, nostril_r + below, cheek_r], axis=1)
    corners = np.concatenate([top, side_r[:, None], jaw[:, ::-1], side_l[:, None]], axis=1)
    if settings.grow:
        outwards = corners - corners.mean(1, keepdims=True)
        outwards /= np.linalg.norm(outwards, axis=2, keepdims=True)
        corners = corners + outwards * settings.grow * unit
    return smooth_outline(corners, _SPLINE_POINTS)


def smooth_outline(corners: np.ndarray, per_corner: int) -> np.ndarray:
    """A closed uniform cubic B-spline over corners ``[shape=(..., n, 2)]``.

    ``per_corner`` points for each corner, in their order.
    """
    t = np.arange(per_corner)[:, None] / per_corner
    basis = [(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3]
    around = [np.roll(corners, shift, axis=-2)[..., None, :] for shift in (1, 0, -1, -2)]
    pieces = sum(b * a for b, a in zip(basis, around, strict=True)) / 6
    return pieces.reshape(*corners.shape[:-2], -1, 2)
