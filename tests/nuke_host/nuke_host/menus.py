"""Menus and tool bars."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .faults import fault
from .state import Guarded, host


class MenuItem(Guarded):
    """An entry of a menu."""

    def __init__(self, name: str, command: Any = None, shortcut: str = "", icon: str = "") -> None:
        self._name = name
        self._command = command
        self._shortcut = shortcut
        self._icon = icon
        self._tooltip = ""
        self._enabled = True
        self._visible = True

    def name(self) -> str:
        return self._name

    def icon(self) -> str:
        return self._icon

    def setIcon(self, icon: str) -> None:
        self._icon = icon

    def shortcut(self) -> str:
        return self._shortcut

    def setShortcut(self, keySequence: str) -> None:
        self._shortcut = keySequence

    def script(self) -> str:
        return self._command if isinstance(self._command, str) else ""

    def setScript(self, script: str) -> None:
        self._command = script

    def setEnabled(self, enabled: bool, recursive: bool = True) -> None:
        self._enabled = bool(enabled)

    def setVisible(self, visible: bool) -> None:
        self._visible = bool(visible)

    def invoke(self) -> None:
        """Do what a click does."""
        if not self._enabled:
            fault(f"menu entry {self._name!r} is greyed out")
        if self._command is None:
            fault(f"menu entry {self._name!r} does nothing")
        if callable(self._command):
            self._command()
        else:
            host().run_python(self._command, None, None)


class _Entries(Guarded):
    """What menus and tool bars share: entries by name."""

    _name: str
    _items: list[Any]

    def name(self) -> str:
        return self._name

    def items(self) -> list[MenuItem]:
        return list(self._items)

    def _find(self, name: str) -> MenuItem | None:
        head, _, rest = name.partition("/")
        for item in self._items:
            if item._name.replace("&", "") == head.replace("&", ""):
                if not rest:
                    return item
                return item._find(rest) if isinstance(item, _Entries) else None
        return None

    def findItem(self, name: str) -> MenuItem | None:
        return self._find(name)

    def menu(self, name: str) -> Menu | None:
        found = self._find(name)
        return found if isinstance(found, Menu) else None

    def _insert(self, item: MenuItem, index: int | None) -> None:
        if index is None or index < 0:
            self._items.append(item)
        else:
            self._items.insert(index, item)

    def addMenu(self, name: str, icon: str = "", tooltip: str = "", index: int = -1) -> Menu:
        if "/" in name:
            head, _, rest = name.partition("/")
            return self.addMenu(head).addMenu(rest, icon, tooltip, index)
        found = self._find(name)
        if isinstance(found, Menu):
            return found
        made = Menu(name, icon)
        made._tooltip = tooltip
        self._insert(made, index)
        return made

    def addCommand(
        self,
        name: str,
        command: str | Callable[[], Any] | None = None,
        shortcut: str | None = None,
        icon: str | None = None,
        tooltip: str | None = None,
        index: int | None = None,
        readonly: bool = False,
        node: Any = None,
        shortcutContext: int | None = None,
    ) -> MenuItem:
        if command is not None and not isinstance(command, str) and not callable(command):
            raise TypeError("a menu command is a string or something to call")
        if isinstance(command, str):
            try:
                compile(command, f"menu entry {name}", "exec")
            except SyntaxError as exc:
                fault(f"menu entry {name!r}: {exc}")
        if "/" in name:
            head, _, rest = name.rpartition("/")
            return self.addMenu(head).addCommand(
                rest, command, shortcut, icon, tooltip, index, readonly, node, shortcutContext
            )
        item = MenuItem(name, command, shortcut or "", icon or "")
        item._tooltip = tooltip or ""
        old = self._find(name)
        if old is not None:
            self._items[self._items.index(old)] = item
        else:
            self._insert(item, index)
        return item

    def addSeparator(self, index: int = -1) -> MenuItem:
        item = MenuItem("")
        self._insert(item, index)
        return item

    def removeItem(self, name: str) -> bool:
        found = self._find(name)
        if found is None:
            return False
        self._items.remove(found)
        return True

    def clearMenu(self) -> None:
        self._items.clear()

    def updateMenuItems(self) -> None:
        return None


class Menu(_Entries, MenuItem):
    """A menu."""

    def __init__(self, name: str, icon: str = "") -> None:
        MenuItem.__init__(self, name, icon=icon)
        self._items = []


class ToolBar(_Entries):
    """A tool bar."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._items = []


#: The menus a Nuke has, by the names nuke.menu takes.
NAMES = ("Nuke", "Nodes", "Animation", "Properties", "Viewer", "Pane", "Node Graph", "Axis")


def all_commands(menu: Menu | ToolBar, path: str = "") -> dict[str, MenuItem]:
    """Every entry below a menu, by its path."""
    found: dict[str, MenuItem] = {}
    for item in menu._items:
        here = f"{path}/{item._name}" if path else item._name
        if isinstance(item, Menu):
            found |= all_commands(item, here)
        elif item._name:
            found[here] = item
    return found
