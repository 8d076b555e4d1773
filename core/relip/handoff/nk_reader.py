"""Read .nk and .gizmo files strictly: what they say, and nothing of what they could do.

A Nuke script is a Tcl program. This reader accepts the commands that Nuke
itself writes and refuses all others by name and line, so that a file from a
stranger cannot do anything here and a surprise in a file is an error, not a
silently different comp. Command substitution inside a knob's value
(``label "\\[value size]"``) is text like any other.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from relip.errors import NkError
from relip.handoff.nk_nodes import (
    ADD_USER_KNOB,
    GROUPS,
    INPUTS,
    LAYOUT_COMMANDS,
    Entry,
    Node,
    Script,
)
from relip.handoff.nk_tcl import (
    MAX_BRACE_DEPTH,
    TclError,
    brace_end,
    join_lines,
    newlines,
    quote_end,
    unescape,
    words,
)

_TCL = """
after append apply argv array auto_execok auto_import auto_load auto_load_index auto_mkindex
auto_qualify auto_reset bgerror binary break catch cd chan clock close concat continue coroutine
default dict else elseif encoding eof error eval exec exit expr fblocked fconfigure fcopy file
fileevent flush for foreach format gets glob global history http if incr info interp join lappend
lassign lindex linsert list llength lmap load lrange lrepeat lreplace lreverse lsearch lset lsort
msgcat namespace nextto open package parray pid pkg_mkIndex proc puts pwd read regexp regsub rename
return scan seek set socket source split string subst switch tailcall tcl_endOfWord tcl_findLibrary
tcl_startOfNextWord tcl_startOfPreviousWord tcl_wordBreakAfter tcl_wordBreakBefore tclLog tell then
throw time tm trace try unknown unload unset update uplevel upvar variable vwait while yield yieldto
zlib addFavoriteDir add_defaults autoplace connect_input delete duplicate execute expression
full_name getenv input inputs knob knob_default knobs load_all_plugins message node nodes panel
plugin_addpath plugin_appendpath plugin_path proxy pythonDirect python python_tcl quit redo
root_name save script_clear script_close script_directory script_new script_open script_save
script_saveas selected_node setenv tabopen tcl topnode undo user_knob value version_get view views
write_knobs
"""
#: Commands of Tcl 8.6 and of Nuke's Tcl: a class of nodes cannot have one of these names.
TCL_COMMANDS = frozenset(_TCL.split())
#: Names that no class of nodes can have: those commands, and what Nuke writes besides nodes.
RESERVED = (
    TCL_COMMANDS
    | LAYOUT_COMMANDS
    | frozenset(
        ("push", "stack", "version", "clone", "end_group", "add_layer", "define_window_layout_xml")
    )
)

#: Names that a class of nodes can have: a gizmo has that of its file, with blanks if need be.
CLASS = re.compile(r"\w[\w .:/+&()',!~-]*")
_NAME = re.compile(r"[A-Za-z_]\w*")
_STACK = re.compile(r"\[\s*stack\s+(\d{1,9})\s*\]")
_VARIABLE = re.compile(r"\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\})")
_INPUTS = re.compile(r"(\d{1,6})(?:\+(\d{1,6}))?")
_FOREIGN_CLONE = re.compile(r"[^\s${}\[\]\"]+")
_VERSION = re.compile(r"[\w.+-]*")
#: No command of Nuke has more; ``version`` has three.
_MAX_WORDS = 16
_MEND = "save it again in Nuke, or take that line out with a text editor"


@dataclass(frozen=True)
class Limits:
    """What a file may cost before it is refused.

    Attributes
    ----------
    size : int, default 64 MiB
        Bytes of the file, or characters of the text.
    groups : int, default 100
        Groups inside one another.
    braces : int, default 1000
        Braces inside one another.
    nodes : int, default 250000
        Nodes at all levels together.
    inputs : int, default 10000
        Inputs of one node.
    connections : int, default 2000000
        Inputs of all nodes together.
    knobs : int, default 2000000
        Knobs and user knobs of all nodes together.
    commands : int, default 2000000
        Commands and comments outside nodes: push, set, add_layer and the like, and nodes.
    """

    size: int = 64 << 20
    groups: int = 100
    braces: int = MAX_BRACE_DEPTH
    nodes: int = 250_000
    inputs: int = 10_000
    connections: int = 2_000_000
    knobs: int = 2_000_000
    commands: int = 2_000_000


DEFAULT_LIMITS = Limits()


def read(path: str | Path, *, limits: Limits = DEFAULT_LIMITS) -> Script:
    """Read a file.

    Parameters
    ----------
    path : path
    limits : Limits, optional

    Returns
    -------
    Script

    Raises
    ------
    NkError
        If it is missing, unreadable, too large, or not a script this reader takes; the message
        names the line.
    """
    return parse(read_source(path, limits=limits), path=str(path), limits=limits)


def read_source(path: str | Path, *, limits: Limits = DEFAULT_LIMITS) -> str:
    """The text of a file exactly as it stands, line ends and undecodable bytes kept.

    Parameters
    ----------
    path : path
    limits : Limits, optional

    Returns
    -------
    str
        UTF-8 decoded; a byte that is not UTF-8 becomes one surrogate character that
        ``encode("utf-8", "surrogateescape")`` turns back.

    Raises
    ------
    NkError
        If it is missing, not a plain file, unreadable, or larger than ``limits.size``.
    """
    path = Path(path)
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            raise NkError(f"{path} is not a file", mend="name a .nk or .gizmo file")
        if status.st_size > limits.size:
            raise NkError(*_too_large(str(path), status.st_size, limits))
        with path.open("rb") as handle:
            data = handle.read(limits.size + 1)
    except FileNotFoundError:
        raise NkError(f"{path} does not exist", mend="check the name") from None
    except ValueError as exc:  # a NUL in the name
        raise NkError(f"{str(path)!r} is no file name: {exc}", mend="check the name") from None
    except OSError as exc:
        raise NkError(
            f"{path} cannot be read: {exc.strerror or exc}", mend="check its permissions"
        ) from None
    if len(data) > limits.size:
        raise NkError(*_too_large(str(path), len(data), limits))
    return data.decode("utf-8", "surrogateescape")


def parse(text: str, *, path: str = "", limits: Limits = DEFAULT_LIMITS) -> Script:
    """Read a script from its text.

    Parameters
    ----------
    text : str
    path : str, optional
        For messages.
    limits : Limits, optional

    Returns
    -------
    Script

    Raises
    ------
    NkError
        If it is not a script this reader takes; the message names the line.
    """
    if len(text) > limits.size:
        raise NkError(*_too_large(path or "the script", len(text), limits))
    return _Reader(text, path, limits).read()


def _too_large(path: str, size: int, limits: Limits) -> tuple[str]:
    return (
        f"{path} has {size / 2**20:.1f} MiB, more than the {limits.size / 2**20:g} MiB "
        f"that are read; if it is meant to be that large, raise the limit",
    )


class _Word(NamedTuple):
    """A word of a command: its source, and how it was written."""

    form: str  # "{", '"' or "" for bare
    source: str  # without braces or quotes
    start: int
    end: int

    @property
    def is_literal(self) -> bool:
        """Whether Tcl would take it as it stands: no variable and no command in it."""
        return self.form == "{" or not any(
            found[0] in "$[" for found in _SUBSTITUTED.finditer(self.source)
        )

    @property
    def value(self) -> str:
        source = newlines(self.source)
        return join_lines(source) if self.form == "{" else unescape(source)


_SUBSTITUTED = re.compile(r"\\.|[$\[]", re.DOTALL)
_GAP = re.compile(r"(?:[ \t\v\f\ufeff]|\\(?:\r\n|\n|\r))*")
_BETWEEN = re.compile(r"(?:[ \t\v\f\r\n;\ufeff]|\\(?:\r\n|\n|\r))*")
COMMENT = re.compile(r"#(?:[^\\\r\n]|\\(?:\r\n|.)|\\$)*", re.DOTALL)
_BARE = re.compile(r"(?:[^ \t\v\f\r\n;\\\[]+|\\(?![\r\n]).|\[[^\[\]\r\n]*\])*", re.DOTALL)


#: What is selected when a clip is pasted, on the stack and in variables.
_SELECTION = Node("")


class _Level:
    """The nodes of one group while it is read."""

    def __init__(self, group: Node | None) -> None:
        self.group = group
        self.nodes: list[Node] = []
        self.stack: list[Node | None] = []


class _Reader:
    """One pass over a text."""

    def __init__(self, text: str, path: str, limits: Limits) -> None:
        self.text = text
        self.path = path
        self.limits = limits
        self.script = Script(path=path, text=text)
        self.levels = [_Level(None)]
        self.variables: dict[str, Node | None] = {"cut_paste_input": _SELECTION}
        self.count = 0
        self.connections = self.knobs = self.commands = 0
        self.counted = (0, 1)  # a position and its line, to count on from

    def error(self, position: int, message: str, mend: str = _MEND) -> NkError:
        line = self.text.count("\n", 0, position) + 1
        return NkError(f"{self.path or 'the script'}, line {line}: {message}", mend=mend)

    def line(self, position: int) -> int:
        """The line of a position, counted on from the last one asked for."""
        seen, line = self.counted
        line += self.text.count("\n", seen, position)
        self.counted = (position, line)
        return line

    def read(self) -> Script:
        """Take the commands one by one."""
        nul = self.text.find("\0")
        if nul >= 0:
            raise self.error(nul, "a zero byte: this is not a script", "name a .nk or .gizmo file")
        position, end = 0, len(self.text)
        first = True
        while True:
            position = _end(_BETWEEN, self.text, position)
            if position >= end:
                break
            self.commands += 1
            if self.commands > self.limits.commands:
                raise self.error(position, f"more than {self.limits.commands} commands")
            if self.text[position] == "#":
                found = COMMENT.match(self.text, position)
                assert found
                if first:
                    self.script.header.append(newlines(found[0]))
                position = found.end()
                continue
            first = False
            command, position = self.words(position)
            self.command(command)
        self.close()
        return self.script

    def close(self) -> None:
        """What must be closed at the end of the file; the group of a gizmo file need not be."""
        while len(self.levels) > 1:
            level = self.levels[-1]
            assert level.group
            if level.group.cls != "Gizmo":
                raise self.error(
                    level.group.span[0],
                    f"the group {level.group.name or level.group.cls} has no end_group",
                    "the file is cut off: take it from a backup, or add the missing end_group",
                )
            self.end_group(len(self.text))
        self.script.nodes = self.levels[0].nodes

    def words(self, position: int) -> tuple[list[_Word], int]:
        """The words of the command at a position, and the position of its end."""
        text = self.text
        result: list[_Word] = []
        while True:
            after = _end(_GAP, text, position)
            if after >= len(text) or text[after] in "\r\n;":
                return result, after
            if result and after == position:
                raise self.error(
                    position, f"{text[position]!r} follows a closing brace or quote without a blank"
                )
            if len(result) == _MAX_WORDS:
                raise self.error(result[0].start, f"a command of more than {_MAX_WORDS} words")
            word = self.word(after)
            result.append(word)
            position = word.end

    def word(self, start: int) -> _Word:
        """One word."""
        text = self.text
        if text[start] == "{":
            if text.startswith("{*}", start) and text[start + 3 : start + 4].strip():
                raise self.error(start, "Tcl's {*} stands where Nuke never writes it")
            try:
                end = brace_end(text, start, len(text), max_depth=self.limits.braces)
            except TclError as exc:
                raise self.error(exc.position, exc.message) from None
            return _Word("{", text[start + 1 : end - 1], start, end)
        if text[start] == '"':
            try:
                end = quote_end(text, start, len(text))
            except TclError as exc:
                raise self.error(exc.position, exc.message) from None
            return _Word('"', text[start + 1 : end - 1], start, end)
        end = _end(_BARE, text, start)
        if end == start or (end < len(text) and text[end] in "[\\"):
            if end == len(text) - 1 and text[end] == "\\":
                return _Word("", text[start:], start, len(text))
            raise self.error(end, "a command substitution, which this reader never runs")
        return _Word("", text[start:end], start, end)

    def command(self, command: list[_Word]) -> None:
        """One command."""
        first, arguments = command[0], command[1:]
        name = first.value
        if not first.is_literal:
            raise self.error(first.start, f"{_short(first.source)!r} stands where a command must")
        if name == "push":
            self.push(first, arguments)
        elif name == "set":
            self.set(first, arguments)
        elif name == "end_group":
            if arguments:
                raise self.error(first.start, "end_group takes no argument")
            if len(self.levels) == 1:
                raise self.error(first.start, "end_group without a group")
            self.end_group(first.end)
        elif name == "clone":
            self.clone(first, arguments)
        elif name == "version":
            version = [word for word in self.literals(first, arguments) if word]
            if not all(_VERSION.fullmatch(word) for word in version):
                raise self.error(first.start, f"no version: {_short(' '.join(version))!r}")
            self.script.version = " ".join(version)
        elif name == "add_layer":
            self.script.layers += self.literals(first, arguments, count=1)
        elif name == "define_window_layout_xml":
            self.script.window_layout = self.literals(first, arguments, count=1)[0]
        elif name in LAYOUT_COMMANDS:
            self.script.old_layout.append((name, *self.literals(first, arguments)))
        elif name in RESERVED or not CLASS.fullmatch(name) or "::" in name:
            raise self.error(
                first.start,
                f"the Tcl command {_short(name)!r} is not one that Nuke writes into a script; "
                f"it was not run",
            )
        else:
            self.node(name, first, arguments, clone_of=None)

    def literals(
        self, first: _Word, arguments: list[_Word], *, count: int | None = None
    ) -> list[str]:
        """The values of arguments in which nothing may be substituted."""
        if count is not None and len(arguments) != count:
            raise self.error(
                first.start, f"{first.source} takes {count} argument, not {len(arguments)}"
            )
        for word in arguments:
            if not word.is_literal:
                raise self.error(
                    word.start,
                    f"{first.source} has {_short(word.source)!r}, which this reader never runs",
                )
        return [word.value for word in arguments]

    def variable(self, word: _Word) -> Node | None:
        """The node that ``$N1f2a`` stands for."""
        found = _VARIABLE.fullmatch(word.source)
        if word.form == "{" or not found:
            raise self.error(
                word.start, f"{_short(word.source)!r} is no node; $NAME or 0 is expected"
            )
        name = found[1] or found[2]
        if name not in self.variables:
            raise self.error(word.start, f"${name} was never set")
        return self.variables[name]

    def push(self, first: _Word, arguments: list[_Word]) -> None:
        """``push 0`` and ``push $N1f2a``."""
        if len(arguments) != 1:
            raise self.error(first.start, f"push takes 1 argument, not {len(arguments)}")
        word = arguments[0]
        node = None if word.source == "0" else self.variable(word)
        if node is _SELECTION:
            self.script.paste = True
        self.levels[-1].stack.append(node)

    def set(self, first: _Word, arguments: list[_Word]) -> None:
        """``set N1f2a [stack 0]``."""
        if len(arguments) != 2:
            raise self.error(first.start, f"set takes 2 arguments, not {len(arguments)}")
        name, what = arguments
        found = _STACK.fullmatch(what.source)
        if name.form or not _NAME.fullmatch(name.source) or what.form == "{" or not found:
            raise self.error(
                first.start,
                f"set {_short(name.source)} {_short(what.source)} is not the "
                f"'set NAME [stack 0]' that Nuke writes; it was not run",
            )
        stack, depth = self.levels[-1].stack, int(found[1])
        if name.source == "cut_paste_input" and not stack:
            return  # the first line of a clip: what was selected was the top of the stack
        self.variables[name.source] = stack[-1 - depth] if depth < len(stack) else None

    def clone(self, first: _Word, arguments: list[_Word]) -> None:
        """``clone $C1f2a {…}`` and ``clone node7c|Blur|5 Blur {…}``."""
        if len(arguments) == 2:
            original = self.variable(arguments[0])
            original = None if original is _SELECTION else original
            self.node("", first, arguments[1:], clone_of=original)
            return
        named = len(arguments) == 3 and all(
            not word.form and word.is_literal for word in arguments[:2]
        )
        if not named or not _FOREIGN_CLONE.fullmatch(arguments[0].source):
            raise self.error(first.start, "clone takes a node and a body in braces")
        cls, key = arguments[1].value, "clone " + arguments[0].source
        if cls in RESERVED or not CLASS.fullmatch(cls):
            raise self.error(arguments[1].start, f"{_short(cls)!r} is no class of nodes")
        # The node may live in the Nuke it was copied from; here the first one stands for it.
        original = self.variables.get(key)
        node = self.node(cls, first, arguments[2:], clone_of=original)
        self.variables.setdefault(key, node)

    def node(
        self, cls: str, first: _Word, arguments: list[_Word], *, clone_of: Node | None
    ) -> Node:
        """``Class {knob value …}``."""
        if not cls and clone_of is None:
            raise self.error(first.start, "a clone of a node that is not there")
        if len(arguments) != 1 or arguments[0].form != "{":
            raise self.error(
                first.start,
                f"{_short(first.source)!r} is no command that Nuke writes, and a node needs its "
                f"knobs in one pair of braces",
            )
        self.count += 1
        if self.count > self.limits.nodes:
            raise self.error(first.start, f"more than {self.limits.nodes} nodes")
        body = arguments[0]
        node = Node(cls or (clone_of.cls if clone_of else ""), clone_of=clone_of)
        node.span, node.body_span = (first.start, body.end), (body.start + 1, body.end - 1)
        node.line = self.line(first.start)
        wanted = self.entries(node)
        level = self.levels[-1]
        level.nodes.append(node)
        if node.cls == "Root":
            return node
        self.connections += wanted
        if self.connections > self.limits.connections:
            raise self.error(first.start, f"more than {self.limits.connections} connections")
        stack = level.stack
        rest = max(len(stack) - wanted, 0)
        taken = stack[rest:][::-1]
        node.inputs = [None if other is _SELECTION else other for other in taken]
        node.selection_inputs = frozenset(
            index for index, other in enumerate(taken) if other is _SELECTION
        )
        node.inputs += [None] * (wanted - len(node.inputs))  # an empty stack gives no node
        del stack[rest:]
        if node.is_group:
            if len(self.levels) > self.limits.groups:
                raise self.error(first.start, f"groups nest more than {self.limits.groups} deep")
            self.levels.append(_Level(node))
        else:
            stack.append(node)
        return node

    def entries(self, node: Node) -> int:
        """Fill the node's entries; gives back how many nodes to take from the stack."""
        start, end = node.body_span
        wanted = 1  # where the file does not say
        pairs = words(self.text, start, end, continued=True, max_depth=self.limits.braces)
        try:
            for name in pairs:
                value = next(pairs, None)
                if value is None:
                    raise self.error(name.start, f"{node.cls}: {_short(name.value)!r} has no value")
                entry = Entry(name.value, value.value, name.start, value.start, value.end)
                if entry.name == INPUTS:
                    wanted = self.inputs(node, entry)
                else:
                    self.knobs += 1
                    if self.knobs > self.limits.knobs:
                        raise self.error(name.start, f"more than {self.limits.knobs} knobs")
                    node.entries.append(entry)
        except TclError as exc:
            raise self.error(exc.position, f"{node.cls}: {exc.message}") from None
        return wanted

    def inputs(self, node: Node, entry: Entry) -> int:
        """The number after ``inputs``."""
        found = _INPUTS.fullmatch(entry.value.strip())
        if not found:
            raise self.error(
                entry.start, f"{node.cls}: inputs is {_short(entry.value)!r}, not a number"
            )
        node.mask_inputs = int(found[2] or 0)
        count = int(found[1]) + node.mask_inputs
        if count > self.limits.inputs:
            raise self.error(entry.start, f"{node.cls}: more than {self.limits.inputs} inputs")
        return count

    def end_group(self, position: int) -> None:
        """Back to the level around; the group becomes the top of its stack."""
        level = self.levels.pop()
        assert level.group
        level.group.children = level.nodes
        level.group.span = (level.group.span[0], position)
        self.levels[-1].stack.append(level.group)


def _end(pattern: re.Pattern[str], text: str, start: int) -> int:
    found = pattern.match(text, start)
    return found.end() if found else start


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 40 else text[:37] + "…"


__all__ = ["ADD_USER_KNOB", "GROUPS", "DEFAULT_LIMITS", "Limits", "parse", "read", "read_source"]
