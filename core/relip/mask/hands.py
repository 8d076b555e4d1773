"""Hands before the face, by MediaPipe's hand models.

A hand has the face's own colours, and where it rests on a cheek hardly an edge: neither colour
nor the shot's appearance tell it from the face, its shape does. MediaPipe's wheel carries a
detector of palms and a model of a hand's 21 points; they are asked only where the appearance
model has found something strange (:func:`relip.mask.occlusion.find`), and of each frame by
itself, so that any chunking gives the same bits.
"""

from __future__ import annotations

import contextlib
import os
import threading
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from relip.errors import ModelError
from relip.mask.crop import SMALL
from relip.plate import Colour, Picture, Plate
from relip.track import geometry, square
from relip.track.finder import quiet_stderr
from relip.track.picture import Shown

#: What MediaPipe's wheel must carry.
_MODELS = (
    "python/solutions/hands.py",
    "modules/palm_detection/palm_detection_full.tflite",
    "modules/hand_landmark/hand_landmark_full.tflite",
)

#: Side of the pictures in which hands are looked for, and what these show: sides of the crop, and
#: the turn in degrees. A palm that the picture's border cuts is found in one or another of them;
#: where neither of the first shows any, there is none. Their middle in crop units: hands come from
#: below.
_SIDE, _MIDDLE = 384, np.array([0.5, 0.62])
_SHOWN, _FIRST_SHOWN = ((2.6, 0.0), (2.2, 40.0), (2.2, -40.0), (3.2, 0.0)), 2

#: Score from which a palm is looked at by the model of its points, which has the last word.
_PALM = 0.1

#: Size of a hand, from wrist to the middle finger's knuckle in crop units, that may stand before a
#: face: smaller is a finger taken for a hand, larger no hand.
_SMALLEST, _LARGEST = 0.15, 1.2

#: Sizes by other distances, which do not shorten where the palm turns away: from the first to the
#: last knuckle, along the middle finger.
_ACROSS, _FINGER = 0.65, 0.85

#: Half the width of a finger, and the palm's border, in sizes of the hand.
_HALF = 0.075

#: The joints of each finger from the palm to the tip, and the palm's outline.
FINGERS = ((1, 2, 3, 4), (5, 6, 7, 8), (9, 10, 11, 12), (13, 14, 15, 16), (17, 18, 19, 20))
PALM = (0, 1, 5, 9, 13, 17)

_WRIST, _FIRST, _MIDDLE_KNUCKLE, _LAST = 0, 5, 9, 17

#: Sub-pixel bits of drawing.
_BITS = 4


_LOADING = threading.Lock()


class _Hands:
    """MediaPipe's hand models, one picture after the other whoever asks."""

    def __init__(self) -> None:
        os.environ.setdefault("GLOG_minloglevel", "3")
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        with quiet_stderr():
            from mediapipe.python.solutions.hands import Hands

            self._models: Any = Hands(
                static_image_mode=True, max_num_hands=2, min_detection_confidence=_PALM
            )
            self._models.process(np.full((_SIDE, _SIDE, 3), 128, np.uint8))
        self._alone = threading.Lock()
        self._seen = False

    def __call__(self, picture: np.ndarray) -> list[np.ndarray]:
        """The points of each hand ``[shape=(21, 2)]``, as shares of a square picture's side."""
        with self._alone:
            # the first hand makes the model of its points write a warning about square pictures
            with contextlib.nullcontext() if self._seen else quiet_stderr():
                found = self._models.process(picture).multi_hand_landmarks
            self._seen = self._seen or bool(found)
        return [np.array([(p.x, p.y) for p in hand.landmark]) for hand in found or ()]


@cache
def available() -> bool:
    """Whether the installed MediaPipe carries the hand models; they are not loaded.

    Every frame's key asks, and the answer lies in files.
    """
    spec = find_spec("mediapipe")
    places = (spec.submodule_search_locations or []) if spec else []
    return any(all((Path(place) / part).is_file() for part in _MODELS) for place in places)


def models() -> _Hands | None:
    """The hand models; None where this MediaPipe carries none.

    Raises
    ------
    ModelError
        If they are there and cannot be loaded.
    """
    # frames are looked at side by side, and the first of them ask at once
    with _LOADING:
        return _loaded()


@cache
def _loaded() -> _Hands | None:
    if not available():
        return None
    try:
        return _Hands()
    except (ImportError, OSError, RuntimeError, ValueError) as exc:
        raise ModelError(
            f"MediaPipe's bundled hand models cannot be loaded: {exc}",
            mend="install mediapipe==0.10.21",
        ) from exc


def find(picture: Picture, transform: np.ndarray, plate: Plate, colour: Colour) -> list[np.ndarray]:
    """The hands around a face.

    Parameters
    ----------
    picture : Picture
    transform : np.ndarray [shape=(2, 3)]
        Plate pixels to crop units.
    plate : Plate
    colour : Colour

    Returns
    -------
    list of np.ndarray [shape=(21, 2)]
        Their points in crop units; one hand may be there several times, each time a little
        otherwise.
    """
    look = models()
    if look is None:
        return []
    shown = Shown(picture, plate, colour)
    found: list[np.ndarray] = []
    for number, (side, turn) in enumerate(_SHOWN):
        if number == _FIRST_SHOWN and not found:
            break
        to_square = _to_square(side, turn)
        small = _square(shown, geometry.compose(to_square, transform))
        found += [geometry.apply(geometry.invert(to_square), hand * _SIDE) for hand in look(small)]
    return [hand for hand in found if _SMALLEST < size_of(hand) < _LARGEST]


def _to_square(side: float, turn: float) -> np.ndarray:
    """Crop units to pixels of a picture that shows so many sides of the crop, turned."""
    cos, sin = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    linear = np.array([[cos, -sin], [sin, cos]]) * (_SIDE / side)
    result: np.ndarray = np.c_[linear, _SIDE / 2 - linear @ _MIDDLE]
    return result


def _square(picture: Shown, to_square: np.ndarray) -> np.ndarray:
    """A square around the face; black beyond the picture's border."""
    height, width, _ = picture.shape
    corners = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], float) * _SIDE
    on_plate = geometry.apply(geometry.invert(to_square), corners)
    x0, y0 = np.clip(np.floor(on_plate.min(0)).astype(int) - 4, 0, [width - 1, height - 1])
    x1, y1 = np.clip(np.ceil(on_plate.max(0)).astype(int) + 4, [x0 + 1, y0 + 1], [width, height])
    return cv2.warpAffine(
        square.band_limited(picture[y0:y1, x0:x1], to_square),
        geometry.for_opencv(geometry.shifted(to_square, x0, y0)),
        (_SIDE, _SIDE),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
    )


def size_of(hand: np.ndarray) -> float:
    """From wrist to the middle finger's knuckle, or as long as that is by what turns less away."""
    palm = np.linalg.norm(hand[_MIDDLE_KNUCKLE] - hand[_WRIST])
    across = np.linalg.norm(hand[_FIRST] - hand[_LAST]) / _ACROSS
    finger = np.linalg.norm(np.diff(hand[list(FINGERS[2])], axis=0), axis=1).sum() / _FINGER
    return float(max(palm, across, finger))


def drawn(hands: list[np.ndarray], grow: float = 0.0) -> np.ndarray:
    """Where hands are ``[shape=(128, 128), dtype=bool]``, as fingers and a palm of their size.

    Parameters
    ----------
    hands : list of np.ndarray [shape=(21, 2)]
        Points in crop units.
    grow : float
        How much broader half a finger is, in sizes of the hand.
    """
    picture = np.zeros((SMALL, SMALL), np.uint8)
    for hand in hands:
        at = np.round((hand * SMALL - 0.5) * 2**_BITS).astype(np.int32)
        half = (_HALF + grow) * size_of(hand) * SMALL
        broad = max(round(2 * half), 1)
        cv2.fillPoly(picture, [at[list(PALM)]], 1, cv2.LINE_8, _BITS)
        for joints in ((*PALM, _WRIST), *FINGERS):
            cv2.polylines(picture, [at[list(joints)]], False, 1, broad, cv2.LINE_8, _BITS)
            for x, y in at[list(joints)]:
                cv2.circle(picture, (int(x), int(y)), round(half * 2**_BITS), 1, -1, 8, _BITS)
    return picture > 0
