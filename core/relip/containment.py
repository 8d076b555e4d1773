"""What files that others wrote may make Relip write or delete: nothing outside their folder.

A shot folder, a manifest or a bundle comes from somebody else's machine. Names
in them, and links among their files, could lead anywhere. Every write and every
deletion whose place is not the user's own word on the command line goes through
:func:`inside` or :func:`plain_name`. Single files are never written through a
link: :func:`relip.records.atomic_path` puts a new file in the link's place.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from relip.errors import OutputError

#: Folders, separated like those of PATH, that the folders of a shot may be links into: a studio
#: that keeps its pictures on another disk names it here.
VARIABLE = "RELIP_WRITE_ROOTS"

#: A separator of any system, the colon of drives and streams, what no file's name should hold.
_NOT_PLAIN = re.compile(r'[/\\:*?"<>|\x00-\x1f\x7f]')

#: Names that are devices on Windows, whatever their suffix.
_DEVICES = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")


def inside(path: str | Path, folder: str | Path) -> Path:
    """A path that leads into a folder, all links followed.

    Parameters
    ----------
    path : path
        May not be there yet.
    folder : path

    Returns
    -------
    Path
        ``path`` as it was given.

    Raises
    ------
    OutputError
        If it leads outside ``folder`` and the folders of RELIP_WRITE_ROOTS.
    """
    real = os.path.realpath(path)
    for root in (folder, *roots()):
        top = os.path.realpath(root)
        if real == top or real.startswith(os.path.join(top, "")):
            return Path(path)
    raise OutputError(
        f"{path} leads to {real}, outside {folder}",
        mend=f"make it a folder of its own, or name the place it leads to in {VARIABLE}",
    )


def roots() -> list[str]:
    """The absolute folders of RELIP_WRITE_ROOTS."""
    named = os.environ.get(VARIABLE, "").split(os.pathsep)
    return [name for name in named if os.path.isabs(name)]


def plain_name(name: str) -> str:
    """A file's name that means a file in its own folder on every system.

    Parameters
    ----------
    name : str

    Returns
    -------
    str
        ``name``.

    Raises
    ------
    ValueError
        If it is empty, a path, has a drive or a device of Windows in it, or ends in a dot or a
        blank, which Windows drops.
    """
    plain = name and not name.startswith("-") and name == name.rstrip(". ")
    if not plain or _NOT_PLAIN.search(name) or _DEVICES.fullmatch(name):
        raise ValueError(f"{name!r} is no plain file name")
    return name
