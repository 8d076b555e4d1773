"""Knobs named in expressions: ``parent.RelipBlend1.colour.r``, ``[value this.mix]``.

A dotted name is followed through the comp the way Nuke does: the first word
is a knob of the node itself, ``this``, ``parent``, ``root``, ``input``, or a
node of the same group; each further word a node inside, an input, or at last
a knob. Only what leads to a real node counts, so a look-alike is never taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from relip.gizmo.comp import Comp
from relip.handoff import nk
from relip.handoff.nk_nodes import Entry

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
    names = {node.name for node in comp.siblings(owner)}
    for found in _TOKEN.finditer(text, entry.value_start, entry.end):
        name, start = found["name"], found.start()
        if not name:
            continue
        if "." in name:
            reference = _follow(name, start, owner, comp)
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


def _closing(source: str, start: int) -> int:
    depth = 1
    for position in range(start, len(source)):
        depth += (source[position] == "(") - (source[position] == ")")
        if not depth:
            return position
    return len(source)


def _follow(chain: str, start: int, owner: nk.Node, comp: Comp) -> Reference | None:
    """Follow a dotted name to a knob."""
    here: nk.Node | None = owner  # None: the root
    position = start
    for index, word in enumerate(chain.split(".")):
        following = _step(word, here, owner, comp, first=index == 0)
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
    word: str, here: nk.Node | None, owner: nk.Node, comp: Comp, *, first: bool
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
    nodes = comp.siblings(owner) if first else here.children if here else comp.script.nodes
    return next((n for n in reversed(nodes) if n.name == word and n.cls != "Root"), _NOWHERE)
