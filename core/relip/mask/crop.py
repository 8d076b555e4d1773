"""The canonical crop as the mask stage looks at it: 8-bit, display-encoded, shape-normalised.

The crop holds the head still; what is left of a face's motion is its own:
the jaw, the lips, and the turning head. A *normalised* picture is a crop in
which these are undone too: the face's mesh is put in the shape of the shot's
reference face, triangle by triangle, so that each pixel shows the same piece
of skin in every frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.spatial import Delaunay

from relip.plate import Colour, Picture, Plate
from relip.track import geometry, points, square
from relip.track.facetrack import FaceTrack
from relip.track.picture import detection_picture

#: Side of the crop in pixels, and of the normalised pictures.
SIDE = 256
SMALL = 128

#: Points around the border of the crop that stay where they are, on each side.
_RING = 9

#: Rounds of the fixed-point iteration that inverts a map.
_ROUNDS = 5


def display_window(
    picture: Picture, transform: np.ndarray, plate: Plate, colour: Colour
) -> tuple[np.ndarray, tuple[int, int]]:
    """The part of a frame that its crop is made of.

    Parameters
    ----------
    picture : Picture
        The frame.
    transform : np.ndarray [shape=(2, 3)]
        Plate pixels to crop units.
    plate : Plate
        Whose colourspace it is.
    colour : Colour

    Returns
    -------
    shown : np.ndarray [shape=(h, w, 3), dtype=uint8]
    origin : tuple of int
        x, y of its top-left pixel in the plate.
    """
    height, width = picture.shape
    corners = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], float)
    on_plate = geometry.apply(geometry.invert(transform), corners)
    x0, y0 = np.clip(np.floor(on_plate.min(0)).astype(int) - 4, 0, [width - 1, height - 1])
    x1, y1 = np.clip(np.ceil(on_plate.max(0)).astype(int) + 4, [x0 + 1, y0 + 1], [width, height])
    shown = detection_picture(picture.cut(x0, y0, x1, y1), plate, colour)
    return shown, (int(x0), int(y0))


def crop_of(shown: np.ndarray, origin: tuple[int, int], transform: np.ndarray) -> np.ndarray:
    """The crop ``[shape=(256, 256, 3), dtype=uint8]`` of what :func:`display_window` gives.

    Beyond the picture's border its last pixels go on.
    """
    to_crop = transform * SIDE
    return cv2.warpAffine(
        square.band_limited(shown, to_crop),
        geometry.for_opencv(geometry.shifted(to_crop, *origin)),
        (SIDE, SIDE),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )


def display_crop(
    picture: Picture, transform: np.ndarray, plate: Plate, colour: Colour
) -> np.ndarray:
    """The crop of one frame; parameters as for :func:`display_window`.

    Returns
    -------
    np.ndarray [shape=(256, 256, 3), dtype=uint8]
        Beyond the picture's border its last pixels go on.
    """
    shown, origin = display_window(picture, transform, plate, colour)
    return crop_of(shown, origin, transform)


@dataclass(frozen=True)
class ShapeSpace:
    """Maps between crops and normalised pictures.

    Attributes
    ----------
    use : np.ndarray [shape=(n,), dtype=int]
        Landmarks that carry the mesh.
    reference : np.ndarray [shape=(n + ring, 2)]
        Where they lie in a normalised picture, in crop units; then the ring around the crop.
    corner : np.ndarray [shape=(128, 128, 3), dtype=int32]
        For every pixel the points of its triangle.
    weight : np.ndarray [shape=(128, 128, 3), dtype=float32]
        And how much of each it is.
    """

    use: np.ndarray
    reference: np.ndarray
    corner: np.ndarray
    weight: np.ndarray

    @classmethod
    def of(cls, reference: np.ndarray) -> ShapeSpace:
        """The space of a reference face ``[shape=(478, 2)]`` in crop units."""
        low = reference[[33, 133, 362, 263], 1].min() - 0.02
        inside = (reference > 0.02).all(1) & (reference < 0.98).all(1) & (reference[:, 1] > low)
        inside[468:] = False  # the irises look about
        use = np.flatnonzero(inside)
        along = np.linspace(0, 1, _RING)
        ring = [(x, y) for x in along for y in along if x in (0.0, 1.0) or y in (0.0, 1.0)]
        everything = np.concatenate([reference[use], np.array(ring)])
        mesh = Delaunay(everything)
        centres = (np.arange(SMALL) + 0.5) / SMALL
        grid = np.stack(np.meshgrid(centres, centres), -1).reshape(-1, 2)
        found = mesh.find_simplex(grid)
        affine = mesh.transform[found]
        two = np.einsum("nij,nj->ni", affine[:, :2], grid - affine[:, 2])
        weight = np.c_[two, 1 - two.sum(1)].astype(np.float32)
        corner = mesh.simplices[found].astype(np.int32)
        side = (SMALL, SMALL, 3)
        return cls(use, everything, corner.reshape(side), weight.reshape(side))

    def crop_map(self, face: np.ndarray) -> np.ndarray:
        """Where each pixel of the normalised picture lies in a frame's crop.

        Parameters
        ----------
        face : np.ndarray [shape=(478, 2)]
            Landmarks in crop units.

        Returns
        -------
        np.ndarray [shape=(128, 128, 2), dtype=float32]
            Crop units.
        """
        placed = self.reference.astype(np.float32).copy()
        placed[: len(self.use)] = face[self.use]
        return np.einsum("ijkc,ijk->ijc", np.take(placed, self.corner, axis=0), self.weight)

    def normalised_map(self, crop_map: np.ndarray) -> np.ndarray:
        """The inverse: where each pixel of a crop of 128 lies in the normalised picture.

        By fixed-point iteration of the displacement, in crop units; where the
        map folds (a mouth that is shut) it is near enough.
        """
        centres = (np.arange(SMALL, dtype=np.float32) + 0.5) / SMALL
        grid = np.stack(np.meshgrid(centres, centres), -1)
        move = cv2.blur(crop_map - grid, (3, 3))
        back = -move
        for _ in range(_ROUNDS):
            at = (grid + back) * SMALL - 0.5
            back = -cv2.remap(move, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return grid + back


def reference_face(track: FaceTrack) -> np.ndarray:
    """The face of the shot with its mouth somewhat open ``[shape=(478, 2)]``, crop units."""
    rows = np.flatnonzero(track.visible)
    opening = track.lip_opening()[rows]
    wide = rows[opening >= np.percentile(opening, 75)]
    return np.median(geometry.apply(track.transform[wide], track.landmarks[wide][..., :2]), axis=0)


def sample(picture: np.ndarray, at: np.ndarray) -> np.ndarray:
    """A square picture at places ``[shape=(h, w, 2)]`` in crop units."""
    pixel = at * np.float32(picture.shape[0]) - np.float32(0.5)
    return cv2.remap(picture, pixel, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def inner_mouth(face: np.ndarray) -> np.ndarray:
    """The line of the inner lips ``[shape=(20, 2)]`` of landmarks."""
    return face[list(points.INNER_LIPS)]
