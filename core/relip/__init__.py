"""Relip re-syncs an actor's mouth in a shot to new dialogue.

>>> import relip
>>> relip.dub("plate.mp4", audio="new.wav", text="new.txt", output="out.mp4")  # doctest: +SKIP
>>> relip.Shot.open("sh010.relip").run()  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from relip.dubbing import dub
    from relip.errors import RelipError
    from relip.shot import Shot, ShotSettings

__all__ = ["RelipError", "Shot", "ShotSettings", "__version__", "dub"]

_WHERE = {
    "dub": "relip.dubbing",
    "RelipError": "relip.errors",
    "Shot": "relip.shot",
    "ShotSettings": "relip.shot",
}


def __getattr__(name: str) -> Any:
    import importlib

    if name in _WHERE:
        return getattr(importlib.import_module(_WHERE[name]), name)
    raise AttributeError(f"module 'relip' has no attribute {name!r}")
