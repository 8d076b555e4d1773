"""The demo plate: licence-clean footage made on the spot, with its exact truth.

A public-domain portrait (inside scikit-image's wheel) before a slowly moving
camera, breathing, nodding and talking with mouth shapes that are known.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from relip.demo.making import Demo, make_demo, make_plate
    from relip.demo.portrait import INNER_LIPS, JAW, OUTER_LIPS
    from relip.demo.scene import FrameTruth, Scene, render_frame, truth

_WHERE = {
    "Demo": "making",
    "FrameTruth": "scene",
    "INNER_LIPS": "portrait",
    "JAW": "portrait",
    "OUTER_LIPS": "portrait",
    "Scene": "scene",
    "make_demo": "making",
    "make_plate": "making",
    "render_frame": "scene",
    "truth": "scene",
}

__all__ = [
    "Demo",
    "FrameTruth",
    "INNER_LIPS",
    "JAW",
    "OUTER_LIPS",
    "Scene",
    "make_demo",
    "make_plate",
    "render_frame",
    "truth",
]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(importlib.import_module(f"relip.demo.{_WHERE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
