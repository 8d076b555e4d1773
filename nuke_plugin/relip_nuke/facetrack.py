"""The face track: track.npz read without NumPy, and corrections by point."""

from __future__ import annotations

import array
import ast
import json
import math
import os
import struct
import sys
import zipfile
from typing import Any, NamedTuple

from relip_nuke import paths

#: Tracked points shown by RelipTrack: knob and landmark.
POINTS = {
    "lip_left": 61,
    "lip_right": 291,
    "lip_top": 0,
    "lip_bottom": 17,
    "inner_top": 13,
    "inner_bottom": 14,
    "chin": 152,
    "nose": 1,
}

#: What each correction moves: landmark and share. Neighbours on the outer and
#: the inner lip line follow with a third less for each step away.
FIXES: dict[str, dict[str, float]] = {
    "fix_all": {"all": 1.0},
    "fix_lip_left": {
        "61": 1.0, "78": 1.0, "185": 0.67, "146": 0.67, "191": 0.67, "95": 0.67,
        "40": 0.33, "91": 0.33, "80": 0.33, "88": 0.33,
    },
    "fix_lip_right": {
        "291": 1.0, "308": 1.0, "409": 0.67, "375": 0.67, "415": 0.67, "324": 0.67,
        "270": 0.33, "321": 0.33, "310": 0.33, "318": 0.33,
    },
    "fix_lip_top": {
        "0": 1.0, "13": 1.0, "37": 0.8, "267": 0.8, "82": 0.8, "312": 0.8,
        "39": 0.5, "269": 0.5, "81": 0.5, "311": 0.5, "40": 0.2, "270": 0.2, "80": 0.2, "310": 0.2,
    },
    "fix_lip_bottom": {
        "17": 1.0, "14": 1.0, "84": 0.8, "314": 0.8, "87": 0.8, "317": 0.8,
        "181": 0.5, "405": 0.5, "178": 0.5, "402": 0.5,
        "91": 0.2, "321": 0.2, "88": 0.2, "318": 0.2,
    },
    "fix_chin": {
        "152": 1.0, "148": 0.9, "377": 0.9, "176": 0.7, "400": 0.7, "149": 0.45, "378": 0.45,
        "150": 0.2, "379": 0.2,
    },
}  # fmt: skip

#: Corrections are kept to this many decimals of a pixel.
DECIMALS = 3

_KINDS = {"f4": "f", "f8": "d", "i8": "q", "b1": "b"}

#: Keys of a correction: frame to (right, up) in pixels.
Keys = dict[int, tuple[float, float]]


class Track(NamedTuple):
    """What the panel needs of a face track.

    Attributes
    ----------
    frames : list of int
        Those with a face.
    points : dict of str to list of (x, y)
        Plate pixels, y down, one per frame.
    transforms : list of 6 floats
        Plate pixels to the crop, rows of a 2x3 matrix, one per frame.
    """

    frames: list[int]
    points: dict[str, list[tuple[float, float]]]
    transforms: list[tuple[float, ...]]


def track_file(shot: str) -> str:
    """What the track stage made."""
    return os.path.join(shot, "track", "track.npz")


def override_file(shot: str) -> str:
    """The artist's corrections."""
    return os.path.join(shot, "overrides", "track.json")


def read(path: str) -> Track | None:
    """Read a face track; None when there is none.

    Raises
    ------
    ValueError
        If the file is damaged or of another kind.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            numbers, _ = _array(archive, "frames")
            visible, _ = _array(archive, "visible")
            transform, _ = _array(archive, "transform")
            landmarks, shape = _array(archive, "landmarks")
    except FileNotFoundError:
        return None
    except (OSError, KeyError, zipfile.BadZipFile, struct.error, SyntaxError) as error:
        raise ValueError(f"{path} is damaged: {error}; run Update on RelipTrack again") from None
    count, columns = shape[1], shape[2]
    rows = [row for row, seen in enumerate(visible) if seen]
    points = {
        name: [
            (
                landmarks[(row * count + index) * columns],
                landmarks[(row * count + index) * columns + 1],
            )
            for row in rows
        ]
        for name, index in POINTS.items()
    }
    return Track(
        [int(numbers[row]) for row in rows],
        points,
        [tuple(transform[row * 6 : row * 6 + 6]) for row in rows],
    )


def _array(archive: zipfile.ZipFile, name: str) -> tuple[Any, tuple[int, ...]]:
    """One array of an .npz: its numbers in C order and its shape."""
    data = archive.read(name + ".npy")
    if data[:6] != b"\x93NUMPY":
        raise ValueError(f"{name} is no array")
    wide = data[6] > 1
    length = struct.unpack("<I" if wide else "<H", data[8 : 12 if wide else 10])[0]
    start = (12 if wide else 10) + length
    header = ast.literal_eval(data[12 if wide else 10 : start].decode("latin-1").strip())
    kind = str(header["descr"])
    if header["fortran_order"] or kind[1:] not in _KINDS:
        raise ValueError(f"{name} is stored as {kind}")
    values: array.array[Any] = array.array(_KINDS[kind[1:]])
    values.frombytes(data[start:])
    if sys.byteorder == "big" and kind[0] == "<":
        values.byteswap()
    return values, tuple(header["shape"])


def crop_corners(transform: tuple[float, ...]) -> list[tuple[float, float]]:
    """The crop's corners in the plate, y down: lower left, lower right, upper right, upper left."""
    a, b, tx, c, d, ty = transform
    det = a * d - b * c
    corners = []
    for u, v in ((0.0, 1.0), (1.0, 1.0), (1.0, 0.0), (0.0, 0.0)):
        x, y = u - tx, v - ty
        corners.append(((d * x - b * y) / det, (a * y - c * x) / det))
    return corners


def offsets(corrections: dict[str, Keys]) -> dict[str, dict[str, list[float]]]:
    """Corrections as ``overrides/track.json`` holds them: frame, point, plate pixels, y down."""
    result: dict[int, dict[str, list[float]]] = {}
    frames = sorted({frame for keys in corrections.values() for frame in keys})
    for name, keys in corrections.items():
        if not any(x or y for x, y in keys.values()):
            continue
        for frame in frames:
            x, y = keys[frame]
            for point, share in FIXES[name].items():
                move = result.setdefault(frame, {}).setdefault(point, [0.0, 0.0])
                move[0] += x * share
                move[1] -= y * share
    return {
        str(frame): {p: [round(v, DECIMALS) + 0.0 for v in move] for p, move in points.items()}
        for frame, points in result.items()
    }


def write_offsets(path: str, corrections: dict[str, Keys], *, shot: str) -> bool:
    """Write corrections; False, and the file removed, when all of them are 0.

    A file that holds more than Relip's offsets keeps what else it holds.
    """
    made = offsets(corrections)
    for points in made.values():
        for move in points.values():
            if not all(math.isfinite(v) for v in move):
                raise ValueError("a correction is not a number")
    data = paths.read_json(path)
    data.pop("offsets", None)
    if made:
        data["offsets"] = made
    if not data:
        paths.remove(path, shot=shot)
        return False
    paths.atomic_write(path, json.dumps(data, indent=1) + "\n", shot=shot)
    return bool(made)
