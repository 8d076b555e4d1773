"""The 8-bit picture that face detection and optical flow look at."""

from __future__ import annotations

import cv2
import numpy as np

from relip.plate import Colour, Plate

#: Rows converted at once: small enough for the processor's cache.
_STRIP = 32


def detection_picture(rgb: np.ndarray, plate: Plate, colour: Colour) -> np.ndarray:
    """A display-encoded 8-bit picture of a frame.

    Pictures that are display-encoded already are only rounded: the small
    difference between display encodings does not matter to detection, and
    converting every pixel would take most of the stage's time.

    Parameters
    ----------
    rgb : np.ndarray [shape=(height, width, 3), dtype=float32]
    plate : Plate
    colour : Colour

    Returns
    -------
    np.ndarray [shape=(height, width, 3), dtype=uint8]
    """
    if colour.is_display_encoded(plate.colourspace):
        return _rounded(rgb)
    return colour.to_display(rgb, plate.colourspace)


def _rounded(rgb: np.ndarray) -> np.ndarray:
    """Values from 0 to 1 as 8 bits; what lies outside is clipped, NaN is black."""
    result = np.empty(rgb.shape, np.uint8)
    for top in range(0, len(rgb), _STRIP):
        strip = rgb[top : top + _STRIP]
        _, held = cv2.threshold(strip, 0.0, 0.0, cv2.THRESH_TOZERO)
        cv2.threshold(held, 1.0, 1.0, cv2.THRESH_TRUNC, dst=held)
        cv2.convertScaleAbs(held, dst=result[top : top + _STRIP], alpha=255.0)
    return result
