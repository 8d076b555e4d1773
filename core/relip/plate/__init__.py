"""Pictures in and out: movies (PyAV), image sequences (OpenImageIO), colour (OpenColorIO).

The names below are loaded when first used, so that importing :mod:`relip`
loads neither PyAV nor OpenImageIO.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from relip.plate.base import BadFrame, Picture, PictureSpec, Piece, Plate, Window
    from relip.plate.colour import (
        Colour,
        default_colour,
        from_working,
        to_display,
        to_working,
    )
    from relip.plate.comp import write_comp
    from relip.plate.exr import read_exr, read_image, write_exr
    from relip.plate.movie import MoviePlate
    from relip.plate.movie_writer import MovieWriter
    from relip.plate.opening import open_plate
    from relip.plate.pingpong import PingPongPlate
    from relip.plate.sequence import SequencePlate

_WHERE = {
    "BadFrame": "base",
    "Colour": "colour",
    "MoviePlate": "movie",
    "MovieWriter": "movie_writer",
    "Picture": "base",
    "PingPongPlate": "pingpong",
    "PictureSpec": "base",
    "Piece": "base",
    "Plate": "base",
    "Window": "base",
    "SequencePlate": "sequence",
    "default_colour": "colour",
    "from_working": "colour",
    "open_plate": "opening",
    "read_exr": "exr",
    "read_image": "exr",
    "to_display": "colour",
    "to_working": "colour",
    "write_comp": "comp",
    "write_exr": "exr",
}

__all__ = [
    "BadFrame",
    "Colour",
    "MoviePlate",
    "MovieWriter",
    "Picture",
    "PingPongPlate",
    "PictureSpec",
    "Piece",
    "Plate",
    "SequencePlate",
    "Window",
    "default_colour",
    "from_working",
    "open_plate",
    "read_exr",
    "read_image",
    "to_display",
    "to_working",
    "write_comp",
    "write_exr",
]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(importlib.import_module(f"relip.plate.{_WHERE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
