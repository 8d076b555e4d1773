"""The 8-bit picture that face detection and optical flow look at."""

from __future__ import annotations

import cv2
import numpy as np

from relip.plate import Colour, Plate


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
        return cv2.convertScaleAbs(np.clip(rgb, 0, 1), alpha=255.0)
    return colour.to_display(rgb, plate.colourspace)
