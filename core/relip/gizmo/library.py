"""A folder of released gizmos and its manifest."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from relip.errors import GizmoError
from relip.gizmo.manifest import (
    CLASS,
    NAME,
    Entry,
    Migration,
    checksum,
    described,
    read_manifest,
    top_node,
)
from relip.handoff import nk

ENVIRONMENT = "RELIP_GIZMOS"
#: A class that begins so is Relip's, known or not.
PREFIX = "Relip"


@dataclass
class Library:
    """The gizmos of a folder.

    Attributes
    ----------
    folder : Path
    entries : dict of class to Entry
        Those of the manifest, and those of files that it does not list.
    unlisted : set of str
        Classes with a file but without an entry in the manifest.
    """

    folder: Path
    entries: dict[str, Entry]
    unlisted: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._scripts: dict[str, nk.Script] = {}
        self._states: dict[str, str] = {}

    def path(self, cls: str) -> Path:
        """The file of a class."""
        return self.folder / self.entries[cls].file

    def script(self, cls: str) -> nk.Script:
        """The text of a class, read once.

        Raises
        ------
        NkError
            If its file is missing or damaged.
        """
        if cls not in self._scripts:
            self._scripts[cls] = nk.read(self.path(cls))
        return self._scripts[cls]

    def gizmo(self, cls: str) -> nk.Node:
        """The Gizmo node of a class.

        Raises
        ------
        NkError, GizmoError
            If its file is missing, damaged, or holds something else.
        """
        return top_node(self.script(cls))

    def file_state(self, cls: str) -> str:
        """``released``, ``draft``, ``unlisted``, ``missing`` (no file) or ``modified``.

        Modified: the file is not the one whose checksum the manifest has.
        """
        if cls not in self._states:
            self._states[cls] = self._file_state(cls)
        return self._states[cls]

    def _file_state(self, cls: str) -> str:
        entry = self.entries[cls]
        if not self.path(cls).is_file():
            return "missing"
        if cls in self.unlisted:
            return "unlisted"
        if entry.sha256 and checksum(self.path(cls)) != entry.sha256:
            return "modified"
        return "released" if entry.released else "draft"

    def newest(self, family: str) -> Entry | None:
        """The highest version of a family that is not deprecated and has its file."""
        own = [
            e for e in self.entries.values()
            if e.family == family and self.file_state(e.cls) != "missing"
        ]  # fmt: skip
        fresh = [e for e in own if not e.deprecated] or own
        return max(fresh, key=lambda e: e.order, default=None)

    def is_relip(self, cls: str) -> bool:
        """Whether a class of nodes is a Relip gizmo, or claims to be one."""
        return cls in self.entries or (cls.startswith(PREFIX) and bool(CLASS.fullmatch(cls)))

    def steps(self, old: str, new: str) -> list[tuple[Migration, Entry]]:
        """The migrations that lead from one class to another, the fewest there are.

        Parameters
        ----------
        old, new : str

        Returns
        -------
        list of (Migration, Entry)
            The migration and the class it leads to. Where none is written, one step without
            renames: knobs of the same name carry over.
        """
        ways: list[list[tuple[Migration, Entry]]] = [[]]
        seen = {old}
        ends = {0: old}
        for index, way in enumerate(ways):
            here = ends[index]
            if here == new:
                return way
            for entry in self.entries.values():
                for migration in entry.migrations:
                    if migration.source == here and entry.cls not in seen:
                        seen.add(entry.cls)
                        ends[len(ways)] = entry.cls
                        ways.append([*way, (migration, entry)])
        return [(Migration(old), self.entries[new])]


def find_folder(given: str | Path | None = None) -> Path:
    """The folder of gizmos.

    Parameters
    ----------
    given : path, optional
        Wins over the environment variable RELIP_GIZMOS, which wins over ``gizmos`` beside
        ``core`` in a checkout.

    Returns
    -------
    Path

    Raises
    ------
    GizmoError
        If there is none.
    """
    for source, folder in (
        ("--gizmos", given),
        (ENVIRONMENT, os.environ.get(ENVIRONMENT)),
        ("", Path(__file__).resolve().parents[3] / "gizmos"),
    ):
        if folder:
            if Path(folder).is_dir():
                return Path(folder)
            where = f"{source} names {folder}, which" if source else f"{folder}, the checkout's,"
            raise GizmoError(
                f"{where} is no folder",
                mend=f"name the folder of Relip's gizmos with --gizmos DIR or {ENVIRONMENT}",
            )
    raise AssertionError("the checkout's folder is always tried")


def open_library(folder: str | Path | None = None) -> Library:
    """The gizmos of a folder.

    Parameters
    ----------
    folder : path, optional
        See :func:`find_folder`.

    Returns
    -------
    Library

    Raises
    ------
    GizmoError
        If there is no folder, no gizmo in it, or its manifest is damaged.
    """
    place = find_folder(folder)
    entries = read_manifest(place / NAME)
    known = {entry.file for entry in entries.values()}
    unlisted = set()
    for path in sorted(place.glob("*.gizmo")):
        if path.name not in known and CLASS.fullmatch(path.stem):
            entries[path.stem] = described(path)
            unlisted.add(path.stem)
    if not entries:
        raise GizmoError(
            f"{place} has no gizmos", mend=f"name another folder with --gizmos DIR or {ENVIRONMENT}"
        )
    return Library(place, entries, unlisted)
