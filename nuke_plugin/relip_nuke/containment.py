"""What a comp may make the plugin write or delete: files of its shot folder, nothing else.

A comp and a shot folder come from somebody else's machine. Knobs in the one and
links in the other could lead anywhere, so every file that the plugin writes or
removes, and every folder that it has Nuke or the engine write, is looked at here
first: all links followed, it must lie in the shot folder or in a folder of
``RELIP_WRITE_ROOTS``, as the engine has it. A file that is itself a link is
never followed: a new file takes its place.
"""

from __future__ import annotations

import os

#: Folders, separated like those of PATH, that the folders of a shot may be links into.
VARIABLE = "RELIP_WRITE_ROOTS"

#: What a folder may hold in which a shot is made: what an earlier try left.
_OURS = frozenset(("shot.toml", "nuke"))


class OutsideError(OSError):
    """A file would be written outside the shot; the message says which, where and what to do."""


def inside(path: str, shot: str) -> str:
    """A file's path, when its folder leads into the shot, all links followed.

    Parameters
    ----------
    path : str
        Neither it nor its folder need be there yet.
    shot : str
        The shot folder.

    Returns
    -------
    str
        ``path`` as it was given.

    Raises
    ------
    OutsideError
        If it leads elsewhere.
    """
    folder = os.path.realpath(os.path.dirname(os.path.abspath(path)))
    for root in (shot, *_roots()):
        top = os.path.realpath(root)
        if _same(folder, top) or _same(folder[: len(top) + 1], os.path.join(top, "")):
            return path
    raise OutsideError(
        f"{path} leads to {folder}, outside the shot {shot}; make it a folder of its own,"
        f" or name the place it leads to in {VARIABLE}"
    )


def _same(one: str, other: str) -> bool:
    return os.path.normcase(one) == os.path.normcase(other)


def _roots() -> list[str]:
    named = os.environ.get(VARIABLE, "").split(os.pathsep)
    return [name for name in named if os.path.isabs(name)]


def fit_for_a_shot(folder: str) -> str:
    """The folder, when it is a shot or one may be made in it: it is new, or holds nothing else.

    Raises
    ------
    OutsideError
        If it is a file, or a folder of something else: a comp may name any.
    """
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return folder
    except NotADirectoryError:
        raise OutsideError(f"{folder} is a file; set Shot folder to a new folder") from None
    others = [name for name in names if name not in _OURS and not name.startswith(".")]
    if others and "shot.toml" not in names:
        raise OutsideError(
            f"{folder} holds {sorted(others)[0]} and is no shot; set Shot folder to a new folder"
        )
    return folder


def unlinked(files: list[str], shot: str) -> None:
    """Make room for files that another program writes: links in their places are taken away.

    Raises
    ------
    OutsideError
        If the files' folder leads out of the shot.
    OSError
        If a link cannot be removed.
    """
    for path in files:
        inside(path, shot)
        if os.path.islink(path):
            os.unlink(path)
