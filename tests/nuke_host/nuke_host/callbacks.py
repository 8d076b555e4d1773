"""nuke.addOnCreate and its like."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .faults import fault

#: Each kind with the node class it is for when none is given.
KINDS = {
    "OnUserCreate": "*",
    "OnCreate": "*",
    "OnScriptLoad": "Root",
    "OnScriptSave": "Root",
    "OnScriptClose": "Root",
    "OnDestroy": "*",
    "KnobChanged": "*",
    "UpdateUI": "*",
    "Autolabel": "*",
    "BeforeRender": "Write",
    "BeforeFrameRender": "Write",
    "AfterFrameRender": "Write",
    "AfterRender": "Write",
    "RenderProgress": "Write",
    "FilenameFilter": "*",
}


class Callbacks:
    """The functions registered, by kind and node class, in the order of registration."""

    def __init__(self) -> None:
        self.lists: dict[str, dict[str, list[tuple[Any, tuple[Any, ...], dict[str, Any]]]]] = {
            kind: {} for kind in KINDS
        }

    def add(self, kind: str, call: Any, args: Any, kwargs: Any, node_class: str) -> None:
        if not callable(call):
            raise ValueError(f"add{kind} needs something to call")
        if not isinstance(args, tuple):
            args = (args,)
        if not isinstance(kwargs, dict):
            fault(f"add{kind}: kwargs is a dict")
        entry = (call, args, kwargs)
        found = self.lists[kind].setdefault(node_class, [])
        if entry not in found:
            found.append(entry)

    def remove(self, kind: str, call: Any, args: Any, kwargs: Any, node_class: str) -> None:
        if not isinstance(args, tuple):
            args = (args,)
        found = self.lists[kind].get(node_class, [])
        if (call, args, kwargs) in found:
            found.remove((call, args, kwargs))

    def of(self, kind: str, node_class: str) -> list[Callable[..., Any]]:
        """What to call for a node: those for all classes first, then those for its own."""
        found = list(self.lists[kind].get("*", []))
        if node_class != "*":
            found += self.lists[kind].get(node_class, [])
        return [_bound(*entry) for entry in found]


def _bound(call: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Callable[..., Any]:
    return lambda *first: call(*first, *args, **kwargs)
