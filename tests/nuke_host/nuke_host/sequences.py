"""File names of image sequences."""

from __future__ import annotations

import re

_PLACE = re.compile(r"#+|%0?(\d*)d")


def at_frame(name: str, frame: float) -> str:
    """The name with its frame number filled in, as Nuke does for ``####`` and ``%04d``."""

    def fill(match: re.Match[str]) -> str:
        width = len(match[0]) if match[0][0] == "#" else int(match[1] or 0)
        return f"{int(frame):0{width}d}"

    return _PLACE.sub(fill, name)


def has_frame(name: str) -> bool:
    """Whether the name has a place for a frame number."""
    return _PLACE.search(name) is not None
