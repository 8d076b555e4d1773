"""Nuke's script text through a real Tcl interpreter, with only Nuke's own commands left in it.

A ``.nk`` file is a Tcl program. Here the interpreter knows ``set push stack version clone
end_group add_layer define_window_layout_xml`` and, for everything else, an ``unknown`` handler
that takes the word as a node class; no command of Tcl itself is left. The body of a node is
evaluated in a second, empty interpreter whose ``unknown`` takes each command as a knob: there the
names ``file``, ``format`` and ``after`` are knobs, not commands.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .faults import fault

#: Handed back by every command inside a node's body. Seen in an argument, it betrays a command
#: substitution: text that Nuke would run while it loads the file.
_RAN = "\x01ran\x01"

#: Kept for expressions in string knobs: pure, and unable to reach files or other programs.
_PURE = {"expr", "if", "string", "format", "lindex", "llength", "lrange", "list", "join", "split"}
_PURE |= {"subst", "concat", "return", "error", "::tcl::mathfunc", "catch", "set", "regexp"}


class NoTcl(ImportError):
    """Python was built without Tcl; tests skip with this as the reason."""


@dataclass
class Parsed:
    """One node as it stands in the text.

    ``knobs`` keeps the order of the file; an ``addUserKnob`` stands in it under that name.
    ``inputs`` are nodes, None for no node, or ``"external"`` for the node a paste connects to.
    """

    cls: str
    knobs: list[tuple[str, str]] = field(default_factory=list)
    inputs: list[Parsed | str | None] = field(default_factory=list)
    children: list[Parsed] = field(default_factory=list)
    clone_of: Parsed | None = None
    input_word: str | None = None
    ended: bool = True
    _links: frozenset[str] | None = None

    def links(self) -> frozenset[str]:
        """Names of its link knobs: their values belong to the nodes inside."""
        if self._links is None:
            listed = ([w for w, _ in words(v)] for k, v in self.knobs if k == "addUserKnob")
            self._links = frozenset(w[1] for w in listed if len(w) > 1 and w[0] == "41")
        return self._links

    def knob(self, name: str) -> str | None:
        """The last value given to a knob, or None."""
        found = [v for k, v in self.knobs if k == name]
        return found[-1] if found else None


@dataclass
class Text:
    """A whole script."""

    nodes: list[Parsed]
    layers: list[str]
    version: str | None


def interpreter() -> Any:
    """An interpreter with every command of its own still there.

    Raises
    ------
    NoTcl
        If Python has no Tcl.
    """
    try:
        import tkinter
    except ImportError as exc:
        raise NoTcl(f"this Python has no Tcl: {exc}") from exc
    return tkinter.Tcl()


def _strip(interp: Any, keep: set[str]) -> None:
    """Take every command away but those to keep, those in namespaces too."""
    for name in interp.splitlist(interp.eval("info commands")):
        if name not in keep and name not in ("namespace", "rename"):
            interp.eval(f"rename {{{name}}} {{}}")
    for child in interp.splitlist(interp.eval("namespace children ::")):
        interp.eval(f"namespace delete {{{child}}}")  # the one of ::tcl takes namespace along
    interp.eval("rename rename {}")


class _Reader:
    """State while one text is evaluated."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.outer = interpreter()
        self.body = interpreter()
        self.roots: list[Parsed] = []
        self.layers: list[str] = []
        self.version: str | None = None
        self.handles: dict[str, Parsed | str | None] = {"0": None, "external": "external"}
        #: One stack for each open group, outermost first.
        self.stacks: list[list[Parsed | str | None]] = [[]]
        self.open: list[Parsed] = []
        self.found: list[tuple[str, ...]] = []
        self.error: BaseException | None = None
        _strip(self.body, set())
        self.body.createcommand("unknown", self.guard(self.on_knob))
        _strip(self.outer, {"set"})
        for name in ("push", "stack", "version", "clone", "end_group", "add_layer"):
            self.outer.createcommand(name, self.guard(getattr(self, f"on_{name}")))
        self.outer.createcommand("define_window_layout_xml", self.guard(self.on_layout))
        for name in ("define_window_layout", "restore_window_layout_from_script"):
            self.outer.createcommand(name, lambda *_: "")  # scripts of Nuke 4 have them
        self.outer.createcommand("unknown", self.guard(self.on_node))
        self.outer.setvar("cut_paste_input", "external")

    def guard(self, call: Any) -> Any:
        """Keep the Python error of a handler: Tcl would only pass on its text."""

        def guarded(*args: str) -> Any:
            try:
                return call(*args)
            except BaseException as exc:
                if self.error is None:
                    self.error = exc
                raise

        return guarded

    def fail(self, message: str) -> None:
        fault(f"{self.path or 'script text'}: {message}")

    # the outer language

    def on_version(self, *args: str) -> str:
        if not args:
            self.fail("version needs a number")
        self.version = " ".join(args)
        return ""

    def on_layout(self, *args: str) -> str:
        if len(args) != 1:
            self.fail("define_window_layout_xml takes one argument")
        return ""

    def on_add_layer(self, *args: str) -> str:
        if len(args) != 1:
            self.fail("add_layer takes one argument")
        self.layers.append(args[0])
        return ""

    def on_stack(self, *args: str) -> str:
        if len(args) != 1 or not args[0].isdigit():
            self.fail(f"stack {' '.join(args)}: not a position")
        stack, place = self.stacks[-1], int(args[0])
        if place >= len(stack):
            # Nuke's own first line, `set cut_paste_input [stack 0]`, runs on an empty stack
            return "external" if place == 0 and len(self.stacks) == 1 else "0"
        node = stack[-1 - place]
        if node is None:
            return "0"
        if isinstance(node, str):
            return node
        key = f"node{id(node):x}"
        self.handles[key] = node
        return key

    def on_push(self, *args: str) -> str:
        if len(args) != 1 or args[0] not in self.handles:
            self.fail(f"push {' '.join(args)}: no such node")
        self.stacks[-1].append(self.handles[args[0]])
        return ""

    def on_end_group(self, *args: str) -> str:
        if args or not self.open:
            self.fail("end_group without a group")
        self.open.pop().ended = True
        self.stacks.pop()
        return ""

    def on_clone(self, *args: str) -> str:
        if len(args) != 2 or not isinstance(self.handles.get(args[0]), Parsed):
            self.fail(f"clone {args[0] if args else ''}: no such node")
        original = self.handles[args[0]]
        assert isinstance(original, Parsed)
        node = Parsed(original.cls, self.knobs_of(args[1], f"clone of {original.cls}"))
        node.clone_of = original
        self.place(node)
        return ""

    def on_node(self, *args: str) -> str:
        if len(args) != 2:
            self.fail(f"{' '.join(args)[:60]!r} is neither a command nor `Class {{ knobs }}`")
        cls, body = args
        if not cls.replace("_", "a").replace(".", "a").isalnum():
            self.fail(f"{cls!r} is no class name")
        node = Parsed(cls, self.knobs_of(body, cls))
        self.place(node)
        if cls in ("Group", "Gizmo", "LiveGroup", "VariableGroup"):
            node.ended = False
            self.open.append(node)
            self.stacks.append([])
        return ""

    def place(self, node: Parsed) -> None:
        """Take a node's inputs from the stack and put the node on it."""
        (self.open[-1].children if self.open else self.roots).append(node)
        if node.cls in ("Root", "define_window_layout_xml"):
            return
        stack = self.stacks[-1]
        word = node.knob("inputs")
        node.input_word = word
        count = 1
        if word is not None:
            parts = word.split("+")
            if len(parts) > 2 or not all(p.isdigit() for p in parts):
                self.fail(f"{node.cls}: inputs {word}")
            count = sum(int(p) for p in parts)
        gizmo_file = node.cls == "Gizmo" and not self.open and len(self.roots) == 1
        if not gizmo_file:
            node.inputs = [stack.pop() if stack else None for _ in range(count)]
        stack.append(node)

    # the body of a node

    def knobs_of(self, body: str, cls: str) -> list[tuple[str, str]]:
        import tkinter

        before, self.found = self.found, []
        try:
            self.body.eval(body)
        except tkinter.TclError as exc:
            if self.error is not None:
                raise
            self.fail(f"{cls}: {exc}")
        calls, self.found = self.found, before
        knobs = []
        for words in calls:
            if any(_RAN in word for word in words):
                self.fail(f"{cls}: a knob holds an unescaped [command]: {words!r}")
            if len(words) != 2:
                self.fail(f"{cls}: a knob takes one value: {' '.join(words)[:80]!r}")
            knobs.append((words[0], words[1]))
        return knobs

    def on_knob(self, *args: str) -> str:
        self.found.append(args)
        return _RAN


def parse(text: str, *, path: str = "") -> Text:
    """Evaluate script text.

    Raises
    ------
    HostFault
        On anything that is not Nuke's script language.
    NoTcl
        If Python has no Tcl.
    """
    import tkinter

    reader = _Reader(path)
    try:
        reader.outer.eval(text)
    except tkinter.TclError as exc:
        if reader.error is not None:
            raise reader.error from None
        fault(f"{path or 'script text'}: {exc}")
    except BaseException:
        if reader.error is not None:
            raise reader.error from None
        raise
    gizmo = len(reader.open) == 1 and reader.open[0].cls == "Gizmo"
    if reader.open and not gizmo:
        fault(f"{path or 'script text'}: {len(reader.open)} group(s) without end_group")
    return Text(reader.roots, reader.layers, reader.version)


def words(text: str) -> list[tuple[str, bool]]:
    """Split a Tcl list; each element with whether it stood in braces.

    Raises
    ------
    HostFault
        If the text is no list.
    """
    result: list[tuple[str, bool]] = []
    i, n = 0, len(text)
    while i < n:
        if text[i].isspace():
            i += 1
        elif text[i] == "{":
            depth, start = 1, i + 1
            i += 1
            while i < n and depth:
                if text[i] == "\\":
                    i += 1
                elif text[i] == "{":
                    depth += 1
                elif text[i] == "}":
                    depth -= 1
                i += 1
            if depth:
                fault(f"unbalanced braces in {text[:60]!r}")
            result.append((text[start : i - 1], True))
        elif text[i] == '"':
            start = i = i + 1
            word = ""
            while i < n and text[i] != '"':
                if text[i] == "\\" and i + 1 < n:
                    i += 1
                    word += {"n": "\n", "t": "\t"}.get(text[i], text[i])
                else:
                    word += text[i]
                i += 1
            if i >= n:
                fault(f"unbalanced quotes in {text[:60]!r}")
            i += 1
            result.append((word, False))
        else:
            word = ""
            while i < n and not text[i].isspace():
                if text[i] == "\\" and i + 1 < n:
                    i += 1
                    word += {"n": "\n", "t": "\t"}.get(text[i], text[i])
                else:
                    word += text[i]
                i += 1
            result.append((word, False))
    return result


def quote(text: str) -> str:
    """A value as Nuke writes it: bare, in braces for lists that have them, else in quotes."""
    if text == "":
        return '""'
    if not any(c in text for c in ' \t\n"[]{}$\\;#'):
        return text
    if text[0] == "{" and text[-1] == "}" and _balanced(text) and "\\" not in text:
        return "{" + text + "}"
    for raw, written in (
        ("\\", "\\\\"),
        ('"', '\\"'),
        ("[", "\\["),
        ("$", "\\$"),
        ("\n", "\\n"),
    ):
        text = text.replace(raw, written)
    if not _balanced(text):
        text = text.replace("{", "\\{").replace("}", "\\}")
    return '"' + text + '"'


def _balanced(text: str) -> bool:
    depth = 0
    for char in text:
        depth += {"{": 1, "}": -1}.get(char, 0)
        if depth < 0:
            return False
    return depth == 0


def evaluator(commands: dict[str, Any]) -> Any:
    """An interpreter for ``[...]`` in string knobs: pure Tcl plus the commands given."""
    interp = interpreter()
    keep = _PURE - set(commands)
    names = set(interp.splitlist(interp.eval("info commands")))
    for name in names - keep - {"rename"}:
        interp.eval(f"rename {{{name}}} {{}}")
    interp.eval("rename rename {}")
    for name, call in commands.items():
        interp.createcommand(name, call)
    return interp
