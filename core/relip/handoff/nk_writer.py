"""Write a script the way Nuke does: nodes in file order, connected through the stack."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from relip.errors import NkError
from relip.handoff.nk_nodes import ADD_USER_KNOB, LAYOUT_COMMANDS, Node, Script
from relip.handoff.nk_reader import CLASS, COMMENT, DEFAULT_LIMITS, RESERVED
from relip.handoff.nk_tcl import braced, quote
from relip.records import atomic_write


def write(script: Script, path: str | Path) -> None:
    """Write a script to a file, whole or not at all.

    Parameters
    ----------
    script : Script
    path : path

    Raises
    ------
    NkError
        If the script cannot be written as text, see :func:`format_script`.
    OutputError
        If the file cannot be written.
    """
    save(format_script(script), path)


def save(text: str, path: str | Path) -> None:
    """Write the text of a script, bytes that were not UTF-8 as they were read.

    Parameters
    ----------
    text : str
    path : path

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    with atomic_write(Path(path), "wb") as handle:
        handle.write(text.encode("utf-8", "surrogateescape"))


def format_script(script: Script) -> str:
    """The text of a script.

    Parameters
    ----------
    script : Script

    Returns
    -------
    str
        Ends with a newline. Reading it gives the same nodes, knobs and connections, and writing
        that again the same text.

    Raises
    ------
    NkError
        If nodes go round in a circle, an input or the original of a clone stands in another group
        or nowhere, or a class is no name.
    """
    return _Writer(script).text()


def format_nodes(nodes: Sequence[Node], *, depth: int = 0, prefix: str = "") -> str:
    """The text of some nodes alone, without version or header.

    Parameters
    ----------
    nodes : sequence of Node
    depth : int, default 0
        Spaces to indent by: one for each group around.
    prefix : str, default empty
        Letters and digits that tell the variables of these nodes from others in the same script.

    Returns
    -------
    str

    Raises
    ------
    NkError
        As :func:`format_script`.
    """
    return _Writer(Script(list(nodes)), prefix).text(depth)


def format_body(node: Node, indent: str = " ") -> str:
    """The lines between a node's braces, without ``inputs``.

    Parameters
    ----------
    node : Node
    indent : str, default one space

    Returns
    -------
    str
        Each line ends with a newline.
    """
    lines = []
    for entry in node.entries:
        form = braced if entry.name == ADD_USER_KNOB else quote
        lines.append(f"{indent}{quote(entry.name)} {form(entry.value)}\n")
    return "".join(lines)


#: What is selected when the clip is pasted.
_SELECTION = Node("")


class _Writer:
    """Collects the parts, then knows which nodes need a name for a later ``push``."""

    def __init__(self, script: Script, prefix: str = "") -> None:
        self.script = script
        self.prefix = prefix
        self.parts: list[str | tuple[str, Node]] = []
        self.numbers: dict[int, int] = {}
        self.pushed: set[int] = set()
        self.cloned: set[int] = set()
        self.first: Node | None = None  # takes what is selected, though no node says so

    def text(self, depth: int = 0) -> str:
        script = self.script
        self.parts += [_comment(line) for line in script.header]
        if script.paste:
            self.parts.append("set cut_paste_input [stack 0]\n")
        if script.version:
            version = " ".join(quote(word) for word in script.version.split())
            self.parts.append(f"version {version}\n")
        if script.window_layout:
            layout = braced(script.window_layout)
            self.parts.append(f"define_window_layout_xml {layout}\n")
        self.parts += [_layout(words) for words in script.old_layout]
        layers = [f"add_layer {braced(layer)}\n" for layer in script.layers]
        if not script.root:
            self.parts += layers
            layers = []
        self.level(script.nodes, layers, depth, self.clip())
        result = []
        for part in self.parts:
            if isinstance(part, str):
                result.append(part)
                continue
            what, node = part
            if what == "push" or id(node) in (self.pushed if what == "N" else self.cloned):
                variable = self.variable("C" if what == "C" else "N", node)
                text = f"push ${variable}\n" if what == "push" else f"set {variable} [stack 0]\n"
                result.append(text)
        return "".join(result)

    def clip(self) -> list[Node | None]:
        """What stands on the stack before the first node, in a clip that nobody says takes it."""
        if not self.script.paste or any(node.selection_inputs for node in self.script.walk()):
            return []
        first = next((n for n in _ordered(self.script.nodes) if n.cls != "Root"), None)
        if first and first.inputs[:1] == [None]:
            self.first = first
            return []
        self.parts.append("push $cut_paste_input\n")
        return [_SELECTION]

    def variable(self, letter: str, node: Node) -> str:
        """The name that a node is pushed (N) or cloned (C) by."""
        return f"{letter}{self.prefix}{self.numbers[id(node)]:08x}"

    def level(
        self, nodes: list[Node], layers: list[str], depth: int, stack: list[Node | None]
    ) -> None:
        """The nodes of one group; ``stack`` is what stands on it before them."""
        if depth > DEFAULT_LIMITS.groups:
            raise NkError(
                f"groups nest more than {DEFAULT_LIMITS.groups} deep", mend="take some apart"
            )
        for node in _ordered(nodes):
            self.connect(node, stack)
            self.node(node, depth)
            if node.cls == "Root":
                self.parts += layers
                continue
            stack.append(node)
            self.parts += [("N", node), ("C", node)]

    def connect(self, node: Node, stack: list[Node | None]) -> None:
        """Push what the node takes, unless it is on the stack already; take it off again."""
        selected = {0} if node is self.first else node.selection_inputs
        inputs = [
            _SELECTION if other is None and index in selected else other
            for index, other in enumerate(node.inputs)
        ]
        count = len(inputs)
        above: list[Node | None] = stack[::-1][:count]
        above += [None] * (count - len(above))
        there = next(k for k in range(count, -1, -1) if _same(above[:k], inputs[count - k :]))
        for wanted in reversed(inputs[: count - there]):
            if wanted is None:
                self.parts.append("push 0\n")
            elif wanted is _SELECTION:
                self.parts.append("push $cut_paste_input\n")
            else:
                self.parts.append(("push", wanted))
                self.pushed.add(id(wanted))
        del stack[max(len(stack) - there, 0) :]

    def node(self, node: Node, depth: int) -> None:
        """The command of one node, with what is inside it."""
        if not CLASS.fullmatch(node.cls) or node.cls in RESERVED:
            raise NkError(f"{node.cls!r} is no class of nodes", mend="name one, e.g. Blur")
        self.numbers[id(node)] = len(self.numbers) + 1
        indent = " " * depth
        if node.clone_of:
            if id(node.clone_of) not in self.numbers:
                raise NkError(
                    f"{node!r} is a clone of a node that does not come before it",
                    mend="put the original into the script, before its clones",
                )
            self.cloned.add(id(node.clone_of))
            self.parts.append(f"{indent}clone ${self.variable('C', node.clone_of)} {{\n")
        else:
            self.parts.append(f"{indent}{quote(node.cls)} {{\n")
        inputs = _inputs(node)
        if inputs:
            self.parts.append(f"{indent} inputs {inputs}\n")
        self.parts.append(f"{format_body(node, indent + ' ')}{indent}}}\n")
        if node.is_group:
            self.level(node.children, [], depth + 1, [])
            self.parts.append(f"{indent}end_group\n")
        elif node.children:
            raise NkError(
                f"{node!r} cannot hold nodes: its class is no group",
                mend="use Group, Gizmo, LiveGroup or VariableGroup",
            )


def _comment(line: str) -> str:
    """A line of the header, of which nothing may stand outside the comment."""
    if not line.startswith("#") or not COMMENT.fullmatch(line):
        raise NkError(f"{line[:60]!r} is no comment line", mend="begin every line of it with #")
    hides = (len(line) - len(line.rstrip("\\"))) % 2  # a backslash would join the next line
    return line + (" \n" if hides else "\n")


def _layout(words: tuple[str, ...]) -> str:
    """A command of Nuke 4 about its windows."""
    if not words or words[0] not in LAYOUT_COMMANDS:
        known = " or ".join(sorted(LAYOUT_COMMANDS))
        raise NkError(f"{' '.join(words)[:60]!r} is no command about windows", mend=f"use {known}")
    return " ".join((words[0], *(quote(word) for word in words[1:]))) + "\n"


def _inputs(node: Node) -> str:
    """The number to write; empty where Nuke writes none."""
    count, masks = len(node.inputs), node.mask_inputs
    if node.cls == "Root":
        return ""
    if masks:
        if masks > count:
            raise NkError(f"{node!r} has {masks} mask inputs of {count}", mend="give it more")
        return f"{count - masks}+{masks}"
    return "" if count == 1 and node.cls != "Gizmo" else str(count)


def _same(left: Sequence[Node | None], right: Sequence[Node | None]) -> bool:
    return all(a is b for a, b in zip(left, right, strict=True))


def _ordered(nodes: list[Node]) -> list[Node]:
    """In the order given, but each node after its inputs."""
    known = {id(node) for node in nodes}
    if len(known) != len(nodes):
        raise NkError("a node stands in the script twice", mend="make a second node or a clone")
    done: set[int] = set()
    opened: set[int] = set()
    result = []
    for first in nodes:
        waiting = [first]
        while waiting:
            node = waiting[-1]
            if id(node) in done:
                waiting.pop()
                continue
            before = [n for n in node.inputs if n is not None and id(n) not in done]
            if id(node) in opened and before:
                raise NkError(f"{node!r} is connected to itself, round some others",
                              mend="cut one of the connections")  # fmt: skip
            opened.add(id(node))
            for other in before:
                if id(other) not in known:
                    raise NkError(
                        f"{node!r} has an input, {other!r}, that is not in its group",
                        mend="add it to the same list of nodes",
                    )
            if before:
                waiting += reversed(before)
                continue
            done.add(id(node))
            result.append(node)
            waiting.pop()
    return result
