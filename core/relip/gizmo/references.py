"""Knobs named in expressions: ``parent.RelipBlend1.colour.r``, ``[value this.mix]``.

A dotted name is followed through the comp the way Nuke does: the first word
is a knob of the node itself, ``this``, ``parent``, ``root``, ``input``, or a
node of the same group; each further word a node inside, an input, or at last
a knob. The knobs of a group also reach the nodes inside it, its link knobs
before those beside it. Only what leads to a real node counts, so a look-alike
is never taken; paths of files and the words of user knobs (labels, tooltips)
are text, in which only what stands in brackets is an expression.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from relip.gizmo.comp import Comp
from relip.gizmo.userknob import LINK
from relip.handoff import nk
from relip.handoff.nk_nodes import ADD_USER_KNOB, Entry

#: A backslash sequence and a number (both passed over), or a name with or without dots.
_TOKEN = re.compile(
    r"\\.|\.?\d[\w.]*|(?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)(?P<call>\()?", re.DOTALL
)
_INPUT = re.compile(r"input(\d*)")
#: ``[value mix]`` and the like, in which a single word is a knob of the node itself.
_TCL = re.compile(
    r"\\?\[\s*(?:value|knob|expression|exists|animation)\s+(?:-\w+\s+)*\{?([^\[\]{}]*)"
)
_WORDS = frozenset(("curve", "this", "parent", "root", "value", "knob", "expression", "exists"))
_COMPONENTS = frozenset("rgbaxyzwhtuv") | {"left", "right", "top", "bottom", "width", "height"}
_FILES = frozenset(("file", "proxy", "gizmo_file", "project_directory"))
#: The value of a knob that is a path: from the root, from a drive, or from what brackets give.
_PATH = re.compile(r"[{\"]?(?:[A-Za-z]:[\\/]|//?\w|\\{4}\w|\\?\[[^\]]*\]+/)")
_BRACKET = re.compile(r"[\[\]]")
_CURVE_HEAD = re.compile(r"curve\s*\(")


class Reference(NamedTuple):
    """A place where a knob is named.

    Attributes
    ----------
    node : Node
        The node that has the knob.
    knob : str
    start, end : int
        Where the knob's name stands in the script's text.
    """

    node: nk.Node
    knob: str
    start: int
    end: int


def references(entry: Entry, owner: nk.Node, comp: Comp) -> Iterator[Reference]:
    """The knobs of nodes that a value names.

    Parameters
    ----------
    entry : Entry
        A knob of the comp, as it was read.
    owner : Node
        The node that has it.
    comp : Comp

    Yields
    ------
    Reference
    """
    text = comp.script.text
    alone = list(_single_words(text, entry.value_start, entry.end))
    only: list[tuple[int, int]] | None = None  # where expressions stand, if not everywhere
    link = (0, 0)
    if entry.name == ADD_USER_KNOB:
        link = _link(entry, text)
        only = [link, *_brackets(text, entry.value_start, entry.end)]
        alone.append(link)
    elif entry.name in _FILES or _PATH.match(text, entry.value_start, entry.end):
        only = list(_brackets(text, entry.value_start, entry.end))
    names = {node.name for node in comp.siblings(owner)}
    for found in _TOKEN.finditer(text, entry.value_start, entry.end):
        name, start = found["name"], found.start()
        if not name or (only is not None and not any(a <= start < b for a, b in only)):
            continue
        if "." in name:
            reference = _follow(name, start, owner, comp, inside_first=link[0] <= start < link[1])
            if reference:
                yield reference
                continue
        first, _, component = name.partition(".")
        if component and component not in _COMPONENTS:
            continue
        inside = any(begin <= start < stop for begin, stop in alone)
        # ``colour`` and ``colour.r``: an own knob, unless a node has that name.
        if inside and not found["call"] and first not in _WORDS and first not in names:
            yield Reference(owner, first, start, start + len(first))


def _single_words(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The parts of a value in which a lone word is a knob of the node itself."""
    for found in _TCL.finditer(text, start, end):
        yield found.span(1)
    if text[start] != "{":
        return
    try:
        inner = list(nk.words(text, start + 1, end - 1, continued=True))
    except nk.TclError:
        return
    for word in inner:
        if text[word.start] not in '{"':
            continue
        source = text[word.start + 1 : word.end - 1]
        if not source.lstrip().startswith("curve"):
            yield word.start + 1, word.end - 1
        elif head := _CURVE_HEAD.match(source.lstrip()):
            shift = word.start + 1 + len(source) - len(source.lstrip())
            yield shift + head.end(), shift + _closing(source.lstrip(), head.end())


def _link(entry: Entry, text: str) -> tuple[int, int]:
    """Where the target of a link knob stands, in ``addUserKnob``; empty when there is none."""
    if text[entry.value_start] != "{":
        return (0, 0)
    try:
        found = list(nk.words(text, entry.value_start + 1, entry.end - 1, continued=True))
    except nk.TclError:
        return (0, 0)
    if not found or found[0].value != str(LINK):
        return (0, 0)
    for option, value in zip(found[2:], found[3:], strict=False):
        if option.value == "T":
            return (value.start, value.end)
    return (0, 0)


def _brackets(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The outermost ``[…]`` of a value."""
    depth = begin = 0
    for found in _BRACKET.finditer(text, start, end):
        if found[0] == "[":
            begin = begin if depth else found.start()
            depth += 1
        elif depth:
            depth -= 1
            if not depth:
                yield begin, found.start()


def _closing(source: str, start: int) -> int:
    depth = 1
    for position in range(start, len(source)):
        depth += (source[position] == "(") - (source[position] == ")")
        if not depth:
            return position
    return len(source)


def _follow(
    chain: str, start: int, owner: nk.Node, comp: Comp, *, inside_first: bool
) -> Reference | None:
    """Follow a dotted name to a knob."""
    here: nk.Node | None = owner  # None: the root
    position = start
    for index, word in enumerate(chain.split(".")):
        nodes = comp.siblings(owner) if index == 0 else here.children if here else comp.script.nodes
        if index == 0 and owner.children:
            # Of two nodes with one name the last counts.
            both = (nodes, owner.children) if inside_first else (owner.children, nodes)
            nodes = [*both[0], *both[1]]
        following = _step(word, here, comp, nodes)
        if following is _NOWHERE:
            if here is None or here is owner and index == 0:
                return None
            return Reference(here, word, position, position + len(word))
        assert not isinstance(following, str)
        here = following
        position += len(word) + 1
    return None


_NOWHERE = "no node"


def _step(
    word: str, here: nk.Node | None, comp: Comp, nodes: list[nk.Node]
) -> nk.Node | str | None:
    """The node a word leads to from here; ``_NOWHERE`` when it is no node."""
    if word == "root":
        return None
    if word == "parent":
        return comp.parent(here) if here else None
    if word == "this":
        return here
    found = _INPUT.fullmatch(word)
    if found and here:
        number = int(found[1] or 0)
        node = here.inputs[number] if number < len(here.inputs) else None
        return node if node else _NOWHERE
    return next((n for n in reversed(nodes) if n.name == word and n.cls != "Root"), _NOWHERE)
