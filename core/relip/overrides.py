"""Files in a shot's ``overrides/`` whose names no stage looks for, though they seem to be meant.

An override is found by its name alone: ``mask.4.exr`` for ``mask.0004.exr`` would leave the
artist's matte unused, and say nothing.
"""

from __future__ import annotations

import re

from relip.shot import Shot

#: The stage that reads a file of the whole shot, or of one frame.
WHOLE = {
    "phones.TextGrid": "speech",
    "track.json": "track",
    "mouth.csv": "render",
    "drive.csv": "render",
}
FRAME = {"mask": "render", "patch": "blend"}

#: Files of a frame, as people number them.
_FRAME = re.compile(r"(mask|patch)[._ -]*?(-?[0-9]{1,9})\.exr", re.IGNORECASE)


def misnamed(shot: Shot) -> list[tuple[str, str]]:
    """Every file that seems to be an override and is not used: who would read it, and why not."""
    found = []
    for path in sorted(shot.path("overrides").glob("*")):
        stage, why = _meant(shot, path.name)
        if why:
            found.append((stage, f"overrides/{path.name} is not used: {why}"))
    return found


def _meant(shot: Shot, name: str) -> tuple[str, str]:
    for known, stage in WHOLE.items():
        if name != known and name.lower() == known.lower():
            return stage, f"name it {known}"
    found = _FRAME.fullmatch(name)
    if not found:
        return "", ""
    kind, frame = found[1].lower(), int(found[2])
    if frame not in shot.frames:
        first, last = shot.frames.start, shot.frames[-1]
        return FRAME[kind], f"the shot has the frames {first}-{last}"
    wanted = f"{kind}.{frame:04d}.exr"
    return FRAME[kind], "" if name == wanted else f"name it {wanted}"
