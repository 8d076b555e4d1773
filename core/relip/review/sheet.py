"""Contact sheets: plate and comp side by side around the face."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from relip import records
from relip.track import geometry, square

TILE = 240
COLUMNS = 6
_LABEL = 20


def face_tile(
    picture: np.ndarray, centre: np.ndarray, half: float, label: str, aspect: float = 1.0
) -> np.ndarray:
    """A square around the face, ``TILE`` pixels wide, with a label below.

    Parameters
    ----------
    picture : np.ndarray [shape=(height, width, 3), dtype=uint8]
    centre : np.ndarray [shape=(2,)]
        In square pixels.
    half : float
        Half the side of the square in square pixels.
    label : str
    aspect : float
        Of the picture's pixels.
    """
    to_tile = centred(centre, TILE / (2 * half), TILE, aspect)
    tile = placed(picture, to_tile, TILE, border=40)
    bar = np.full((_LABEL, TILE, 3), 24, np.uint8)
    cv2.putText(
        bar, label, (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (220, 220, 220), 1, cv2.LINE_AA
    )
    return np.concatenate([tile, bar])


def centred(middle: np.ndarray, scale: float, side: int, aspect: float) -> np.ndarray:
    """The map of a plate to a tile of ``side`` pixels about a place, as it is meant to be seen.

    Parameters
    ----------
    middle : np.ndarray [shape=(2,)]
        In square pixels.
    scale : float
        Pixels of the tile for a square pixel.
    side : int
    aspect : float
        Of the plate's pixels.

    Returns
    -------
    np.ndarray [shape=(2, 3)]
    """
    x, y = side / 2 - scale * middle
    return square.from_plate(np.array([[scale, 0, x], [0, scale, y]]), aspect)


def placed(picture: np.ndarray, to_tile: np.ndarray, side: int, *, border: int = 0) -> np.ndarray:
    """A picture moved into a square tile; a smaller one leaves no pixel out.

    Parameters
    ----------
    picture : np.ndarray [shape=(height, width) or (height, width, channels)]
    to_tile : np.ndarray [shape=(2, 3)]
        Picture pixels to tile pixels, centres at +0.5.
    side : int
    border : int
        What lies beside the picture, in all channels.
    """
    scale = max(float(np.hypot(*to_tile[:, axis])) for axis in (0, 1))
    shrink = int(1 / scale)
    if shrink > 1:
        picture = cv2.resize(
            picture, None, fx=1 / shrink, fy=1 / shrink, interpolation=cv2.INTER_AREA
        )
        to_tile = to_tile * np.array([shrink, shrink, 1])
    return cv2.warpAffine(
        picture,
        geometry.for_opencv(to_tile),
        (side, side),
        flags=cv2.INTER_LINEAR if scale < 1 else cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(border,) * 3,
    )


def assemble(columns: list[list[np.ndarray]]) -> np.ndarray:
    """Rows of tiles: each column is a list of tiles shown one below the other."""
    strips = [np.concatenate(column) for column in columns]
    blank = np.full_like(strips[0], 24)
    rows = []
    for start in range(0, len(strips), COLUMNS):
        row = strips[start : start + COLUMNS]
        row += [blank] * (COLUMNS - len(row)) if len(strips) > COLUMNS else []
        rows.append(np.concatenate(row, axis=1))
    return np.concatenate(rows)


def reduction(picture: np.ndarray, aspect: float, side: int) -> float:
    """Pixels of :func:`seen` for a square pixel of the plate: 1 at most."""
    return min(1.0, side / max(picture.shape[0], picture.shape[1] * aspect))


def seen(picture: np.ndarray, aspect: float, side: int, *, even: bool = False) -> np.ndarray:
    """A picture of the plate as it is meant to be seen, its longer side ``side`` pixels at most."""
    height, width = picture.shape[0], picture.shape[1] * aspect
    scale = reduction(picture, aspect, side)
    if even:
        size = [max(2, round(each * scale / 2) * 2) for each in (width, height)]
    else:
        size = [max(2, round(each * scale)) for each in (width, height)]
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def write_png(path: Path, picture: np.ndarray) -> None:
    """Write an 8-bit RGB picture as PNG, whole or not at all."""
    good, data = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    assert good
    with records.atomic_write(path, "wb") as handle:
        handle.write(data.tobytes())
