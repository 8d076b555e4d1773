"""A comp under the knife: its text, its Relip nodes, and edits that leave all else as it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from relip.errors import UsageError
from relip.gizmo.library import Library
from relip.handoff import nk


@dataclass
class Edits:
    """Replacements of parts of a text, collected and then applied at once.

    What no edit covers comes out byte for byte as it went in.
    """

    text: str
    _edits: list[tuple[int, int, str]] = field(default_factory=list)

    def replace(self, start: int, end: int, new: str) -> None:
        """Put ``new`` in the place of ``text[start:end]``."""
        if self.text[start:end] != new:
            self._edits.append((start, end, new))

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._edits)

    def apply(self) -> str:
        """The edited text."""
        parts, position = [], 0
        for start, end, new in sorted(self._edits, key=lambda e: (e[0], e[1])):
            assert start >= position, "edits overlap"
            parts += [self.text[position:start], new]
            position = end
        return "".join([*parts, self.text[position:]])

    @property
    def newline(self) -> str:
        """The line end that the text uses."""
        return "\r\n" if "\r\n" in self.text else "\n"


class Comp:
    """A script with the ways from each node to the group it stands in.

    Parameters
    ----------
    script : Script
    """

    def __init__(self, script: nk.Script) -> None:
        self.script = script
        self._parents: dict[int, nk.Node | None] = {}
        for node in script.nodes:
            self._parents[id(node)] = None
        for node in script.walk():
            for child in node.children:
                self._parents[id(child)] = node

    @classmethod
    def read(cls, path: str | Path) -> Comp:
        """Read a comp.

        Raises
        ------
        NkError
            If it is missing or not a script.
        """
        return cls(nk.read(path))

    def parent(self, node: nk.Node) -> nk.Node | None:
        """The group a node stands in; None at the top."""
        return self._parents[id(node)]

    def siblings(self, node: nk.Node) -> list[nk.Node]:
        """The nodes of the group a node stands in, itself included."""
        parent = self.parent(node)
        return parent.children if parent else self.script.nodes

    def path(self, node: nk.Node) -> str:
        """The node's full name, e.g. ``Group1.RelipBlend1``."""
        names = []
        here: nk.Node | None = node
        while here is not None:
            names.append(here.name or here.cls)
            here = self.parent(here)
        return ".".join(reversed(names))

    def relip_nodes(self, library: Library) -> Iterator[nk.Node]:
        """The nodes whose class is a Relip gizmo, known or not, clones included."""
        for node in self.script.walk():
            if library.is_relip(node.cls):
                yield node

    def chosen(self, library: Library, only: list[str] | None) -> list[nk.Node]:
        """The Relip nodes to work on.

        Parameters
        ----------
        library : Library
        only : list of str, optional
            Their names or paths; all when empty.

        Raises
        ------
        UsageError
            If one is not there.
        """
        nodes = list(self.relip_nodes(library))
        if not only:
            return nodes
        for name in only:
            if not any(name in (node.name, self.path(node)) for node in nodes):
                have = ", ".join(self.path(n) for n in nodes[:10]) or "none"
                raise UsageError(
                    f"{self.script.path}: no Relip node is called {name}",
                    mend=f"there: {have}",
                )
        return [n for n in nodes if n.name in only or self.path(n) in only]
