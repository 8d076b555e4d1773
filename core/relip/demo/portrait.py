"""The still: a public-domain portrait, levelled, with its lip lines drawn by hand.

The picture is NASA's portrait of Eileen Collins, in the public domain, which
scikit-image carries inside its wheel. Everything here is in *still
coordinates*: pixels of that 512 x 512 picture after it has been levelled by
:data:`TILT` about :data:`PIVOT`; x right, y down, pixel centres at +0.5. The
face is about 92 units wide in them.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

#: Rotation in degrees that levels the mouth, and the point that it keeps.
TILT = -2.0
PIVOT = (224.0, 140.0)

#: MediaPipe FaceMesh indices, in the order of ``inner_lips``: upper lip from the
#: picture's left corner to its right one, then the lower lip back.
INNER_LIPS = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308,
              324, 318, 402, 317, 14, 87, 178, 88, 95)  # fmt: skip
#: The same for ``outer_lips``.
OUTER_LIPS = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291,
              375, 321, 405, 314, 17, 84, 181, 91, 146)  # fmt: skip
#: The jaw line from ear to ear, in the order of ``jaw``.
JAW = (234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152,
       377, 400, 378, 379, 365, 397, 288, 361, 323, 454)  # fmt: skip

# Positions below were read off the picture, in its own pixels: the landmarks from FaceMesh
# (mean over three enlargements), the lip lines by eye in a 16-fold enlargement.
_JAW = ((179.5, 111.7), (179.8, 120.9), (180.7, 131.0), (182.9, 141.8), (186.5, 150.7),
        (190.8, 157.6), (196.6, 164.1), (201.6, 169.0), (207.1, 173.4), (213.7, 176.5),
        (222.5, 177.9), (231.4, 177.3), (238.4, 174.7), (244.4, 170.7), (250.0, 166.3),
        (256.5, 160.4), (261.4, 153.9), (265.8, 145.3), (268.8, 134.8), (270.4, 124.9),
        (271.1, 115.6))  # fmt: skip
_INNER_X = (204.2, 206.9, 210.1, 213.8, 218.5, 224.3, 230.3, 235.1, 238.9, 242.1, 244.6,
            241.0, 238.2, 234.3, 229.6, 223.9, 218.4, 213.8, 210.1, 207.5)  # fmt: skip
_OUTER_X = (202.7, 205.0, 208.1, 212.2, 218.1, 224.5, 231.0, 237.0, 241.0, 244.1, 246.2,
            243.5, 240.2, 235.8, 230.2, 223.8, 217.4, 212.1, 207.9, 205.0)  # fmt: skip

#: Lip lines as (x, y) in sixteenths of a picture pixel from (190, 125), corner to corner.
_LINES = {
    "upper_inner": ((203, 238), (240, 245), (280, 258), (330, 268), (380, 279), (430, 285),
                    (480, 289), (540, 294), (600, 294), (650, 287), (700, 281), (740, 275),
                    (780, 264), (820, 258), (865, 255), (876, 256)),
    "lower_inner": ((203, 238), (235, 277), (265, 310), (300, 340), (340, 366), (380, 386),
                    (430, 400), (480, 406), (540, 408), (600, 404), (650, 396), (690, 382),
                    (730, 360), (770, 333), (810, 302), (845, 274), (876, 256)),
    "upper_outer": ((203, 238), (215, 231), (250, 230), (300, 232), (360, 232), (420, 229),
                    (470, 231), (500, 238), (545, 246), (590, 238), (640, 232), (700, 237),
                    (760, 244), (820, 248), (860, 250), (876, 256)),
    "lower_outer": ((203, 238), (222, 272), (250, 305), (300, 350), (340, 390), (380, 425),
                    (430, 455), (490, 468), (550, 470), (610, 465), (660, 452), (700, 425),
                    (750, 385), (800, 335), (845, 285), (876, 256)),
}  # fmt: skip

#: The smile's creases from the nose past the corners of the mouth, in the same units.
_FOLDS = (
    ((215, 70), (160, 125), (118, 165), (104, 215)),
    ((860, 60), (905, 120), (950, 185), (965, 235), (950, 285)),
)

#: Gaps between the upper teeth, x in sixteenths of a picture pixel from 190.
_TOOTH_GAPS = (335, 388, 442, 520, 616, 676, 728)


def _turn(points: np.ndarray) -> np.ndarray:
    angle = np.deg2rad(TILT)
    c, s = np.cos(angle), np.sin(angle)
    return (points - PIVOT) @ np.array([[c, s], [-s, c]]) + PIVOT


def jaw_line() -> np.ndarray:
    """The jaw line, (21, 2), in still coordinates, in the order of :data:`JAW`."""
    return _turn(np.array(_JAW))


def _resample(line: np.ndarray, x: np.ndarray) -> np.ndarray:
    return np.interp(x, line[:, 0], line[:, 1])


class LipLines:
    """The still's four lip lines as functions of the place along the mouth.

    ``t`` runs from -1 at the picture's left corner to +1 at its right one.
    """

    def __init__(self) -> None:
        self._lines = {
            name: _turn(np.array(line, float) / 16 + (190, 125)) for name, line in _LINES.items()
        }
        ends = self._lines["upper_inner"][[0, -1]]
        self.left, self.right = ends
        self.centre = float(ends[:, 0].mean())
        self.half_width = float(np.ptp(ends[:, 0]) / 2)

    def x(self, t: np.ndarray) -> np.ndarray:
        """x of the place ``t`` (n,)."""
        return self.centre + self.half_width * np.asarray(t, float)

    def at(self, name: str, t: np.ndarray) -> np.ndarray:
        """Points (n, 2) of a line at ``t`` (n,); the lines are rounded by a short mean."""
        t = np.asarray(t, float)
        fine = np.linspace(-1, 1, 401)
        y = _resample(self._lines[name], self.x(fine))
        kernel = np.hanning(31)
        kernel /= kernel.sum()
        chord = np.interp(fine, (-1, 1), y[[0, -1]])
        bent = np.pad(y - chord, 15, mode="reflect", reflect_type="odd")
        bent = np.convolve(bent, kernel, "valid")
        return np.stack([self.x(t), np.interp(t, fine, bent + chord)], -1)

    def landmark_places(self) -> tuple[np.ndarray, np.ndarray]:
        """``t`` (20,) of the inner-lip and of the outer-lip landmarks.

        Landmarks of the inner lips that face each other share their place, as they touch when
        the lips do.
        """
        places = []
        for xs in (_INNER_X, _OUTER_X):
            x = np.array(xs)
            t = 2 * (x - x[0]) / (x[10] - x[0]) - 1
            places.append(np.clip(t, -1, 1))
        inner, outer = places
        inner[1:10] = (inner[1:10] + inner[:10:-1]) / 2
        inner[:10:-1] = inner[1:10]
        return inner, outer

    def tooth_gaps(self) -> np.ndarray:
        """x (7,) of the gaps between the upper teeth, at the height of the teeth."""
        x = np.array(_TOOTH_GAPS) / 16 + 190
        return _turn(np.stack([x, np.full_like(x, 147.0)], -1))[:, 0]


#: Still coordinates that :func:`load` covers: left, top, right, bottom.
FRAME = (48, -30, 400, 310)


@lru_cache(maxsize=4)
def load(scale: float) -> np.ndarray:
    """The levelled portrait enlarged.

    Parameters
    ----------
    scale : float
        Pixels per still unit.

    Returns
    -------
    ndarray, (H, W, 3) float32, display encoded (sRGB), 0-1
        Covers :data:`FRAME`: the pixel at ``(i, j)`` has the still coordinates
        ``(j + 0.5) / scale + FRAME[0], (i + 0.5) / scale + FRAME[1]``. Beyond the picture's
        own border it is mirrored.
    """
    from skimage.data import astronaut

    picture = astronaut().astype(np.float32) / 255
    pad = 64
    picture = cv2.copyMakeBorder(picture, pad, pad, pad, pad, cv2.BORDER_REFLECT_101)
    left, top, right, bottom = FRAME
    width, height = round((right - left) * scale), round((bottom - top) * scale)
    angle = np.deg2rad(TILT)
    c, s = np.cos(angle), np.sin(angle)
    inverse = np.array([[c, s], [-s, c]])  # still -> picture
    x = (np.arange(width) + 0.5) / scale + left
    y = (np.arange(height) + 0.5) / scale + top
    gx, gy = np.meshgrid(x, y)
    points = np.stack([gx - PIVOT[0], gy - PIVOT[1]], -1) @ inverse.T + PIVOT
    maps = (points + pad - 0.5).astype(np.float32)
    big = cv2.remap(
        picture, maps[..., 0], maps[..., 1], cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REFLECT_101
    )
    soft = cv2.GaussianBlur(big, (0, 0), 0.75 * scale)
    big = np.clip(big + 0.55 * (big - soft), 0, 1)
    return _without_smile_folds(big, scale)


def _without_smile_folds(picture: np.ndarray, scale: float) -> np.ndarray:
    """Soften the creases that the smile draws beside the mouth, which a resting face lacks."""
    matte = np.zeros(picture.shape[:2], np.float32)
    for fold in _FOLDS:
        points = (_turn(np.array(fold, float) / 16 + (190, 125)) - FRAME[:2]) * scale
        cv2.polylines(
            matte, [np.round(points * 16).astype(np.int32)], False, (1.0,), round(4.5 * scale),
            cv2.LINE_AA, 4,
        )  # fmt: skip
    matte = cv2.GaussianBlur(matte, (0, 0), 1.3 * scale)[..., None] * 0.75
    size = round(5.5 * scale) | 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    left, top = (round((v - o) * scale) for v, o in zip((170, 110), FRAME[:2], strict=True))
    box = np.s_[top : top + round(60 * scale), left : left + round(110 * scale)]
    level = cv2.GaussianBlur(picture[box], (0, 0), 0.8 * scale)
    filled = cv2.GaussianBlur(cv2.morphologyEx(level, cv2.MORPH_CLOSE, disc), (0, 0), 1.5 * scale)
    out = picture.copy()
    out[box] += matte[box] * np.maximum(filled - level, 0)
    return np.clip(out, 0, 1)
