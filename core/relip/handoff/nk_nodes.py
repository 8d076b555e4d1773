"""What a Nuke script holds: nodes, their knobs, their connections."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field

#: Classes whose nodes are followed by the nodes inside them, up to ``end_group``
#: (VariableGroup since Nuke 16).
GROUPS = frozenset(("Group", "Gizmo", "LiveGroup", "VariableGroup"))
#: What Nuke 4 wrote about its windows, where later ones write ``define_window_layout_xml``.
LAYOUT_COMMANDS = frozenset(("define_window_layout", "restore_window_layout_from_script"))
#: The knob-like word that adds a user knob.
ADD_USER_KNOB = "addUserKnob"
#: The knob-like word that says how many nodes are taken from the stack.
INPUTS = "inputs"


@dataclass(slots=True)
class Entry:
    """One pair of words in a node's body: a knob and its value, or ``addUserKnob`` and its list.

    Attributes
    ----------
    name, value : str
        ``value`` is what Tcl hands to the knob: quotes and braces taken off, backslash sequences
        replaced; a list (a curve, a vector) stays one string.
    start, value_start, end : int
        Where name and value stand in the text that was read; -1 in a node made by hand.
    """

    name: str
    value: str
    start: int = -1
    value_start: int = -1
    end: int = -1


class Knobs(MutableMapping[str, str]):
    """The knobs of a node by name, in the order of the file.

    Reads and writes the node's entries, all but ``addUserKnob``. When a file
    sets a knob twice the last one counts, as it does in Nuke.
    """

    def __init__(self, entries: list[Entry]) -> None:
        self._entries = entries

    def __getitem__(self, name: str) -> str:
        for entry in reversed(self._entries):
            if entry.name == name and name != ADD_USER_KNOB:
                return entry.value
        raise KeyError(name)

    def __setitem__(self, name: str, value: str) -> None:
        if name in (ADD_USER_KNOB, INPUTS):
            raise KeyError(f"{name} is no knob: use Node.{name}")
        for entry in reversed(self._entries):
            if entry.name == name:
                entry.value = str(value)
                return
        self._entries.append(Entry(name, str(value)))

    def __delitem__(self, name: str) -> None:
        kept = [e for e in self._entries if e.name != name or name == ADD_USER_KNOB]
        if len(kept) == len(self._entries):
            raise KeyError(name)
        self._entries[:] = kept

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(e.name for e in self._entries if e.name != ADD_USER_KNOB))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return repr(dict(self))


class Node:
    """A node of a script.

    Parameters
    ----------
    cls : str
        The class, e.g. ``Blur``.
    name : str, optional
        Its knob ``name``, written last as Nuke does when it is given here.
    knobs : mapping of str to str, optional
        Values as Tcl hands them to the knob; numbers are turned to text.
    inputs : iterable of Node or None, optional
        Input 0 first; None for one that is not connected.
    children : iterable of Node, optional
        The nodes inside a Group, Gizmo, LiveGroup or VariableGroup, in file order.
    mask_inputs : int, default 0
        How many of the inputs are masks (``inputs 2+1``).
    clone_of : Node, optional
        The node this one is a clone of.

    Attributes
    ----------
    entries : list of Entry
        Knobs and user knobs in file order: the truth behind `knobs` and `user_knobs`.
    span, body_span : tuple of (int, int)
        Where the command (with its children and its ``end_group``) and the inside of its braces
        stand in the text that was read; (-1, -1) in a node made by hand.
    line : int
        1 for the first line of the text; 0 in a node made by hand.
    selection_inputs : frozenset of int
        Inputs that go to what is selected when the clip is pasted (``push $cut_paste_input``);
        None in `inputs`.
    """

    __slots__ = (
        "cls",
        "entries",
        "inputs",
        "children",
        "mask_inputs",
        "clone_of",
        "span",
        "body_span",
        "line",
        "selection_inputs",
    )

    def __init__(
        self,
        cls: str,
        name: str = "",
        knobs: Mapping[str, object] | None = None,
        *,
        inputs: Iterable[Node | None] = (),
        children: Iterable[Node] = (),
        mask_inputs: int = 0,
        clone_of: Node | None = None,
    ) -> None:
        self.cls = cls
        self.entries: list[Entry] = []
        self.inputs: list[Node | None] = list(inputs)
        self.children: list[Node] = list(children)
        self.mask_inputs = mask_inputs
        self.clone_of = clone_of
        self.span = self.body_span = (-1, -1)
        self.line = 0
        self.selection_inputs: frozenset[int] = frozenset()
        for knob, value in (knobs or {}).items():
            self.knobs[knob] = str(value)
        if name:
            self.name = name

    def __repr__(self) -> str:
        return f"<{self.cls} {self.name or 'without a name'}>"

    @property
    def knobs(self) -> Knobs:
        """The knobs by name, in file order: a mutable mapping."""
        return Knobs(self.entries)

    @property
    def name(self) -> str:
        """The knob ``name``; of a clone without one, that of its original; else empty."""
        for entry in reversed(self.entries):
            if entry.name == "name":
                return entry.value
        return self.clone_of.name if self.clone_of else ""

    @name.setter
    def name(self, name: str) -> None:
        self.knobs["name"] = name

    @property
    def user_knobs(self) -> list[str]:
        """The arguments of ``addUserKnob`` in file order, each a Tcl list (a copy)."""
        return [entry.value for entry in self.entries if entry.name == ADD_USER_KNOB]

    def add_user_knob(self, definition: str, value: object | None = None) -> None:
        """Append a user knob and, when given, its value.

        Parameters
        ----------
        definition : str
            The list, e.g. ``7 open l "mouth open" R 0 1``.
        value : object, optional
            Turned to text.
        """
        self.entries.append(Entry(ADD_USER_KNOB, definition))
        if value is not None:
            from relip.handoff.nk_tcl import split_list

            self.knobs[split_list(definition)[1]] = str(value)

    @property
    def is_group(self) -> bool:
        """Whether nodes inside it follow it in the file."""
        return self.cls in GROUPS and self.clone_of is None

    def walk(self) -> Iterator[Node]:
        """Every node inside, at any depth, in file order; not itself."""
        waiting = list(reversed(self.children))
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(reversed(node.children))


@dataclass(eq=False)
class Script:
    """The whole of a .nk or .gizmo file.

    Attributes
    ----------
    nodes : list of Node
        The top level in file order, ``Root`` included.
    version : str
        As written, e.g. ``13.2 v8``; empty when the file names none.
    header : list of str
        The comment lines before the first command, with their ``#``.
    layers : list of str
        The arguments of ``add_layer`` in file order, e.g. ``relip relip.red relip.green``.
    window_layout : str
        The argument of ``define_window_layout_xml``; empty when there is none.
    old_layout : list of tuple of str
        The commands about windows in a script of Nuke 4, each as its words:
        ``("restore_window_layout_from_script", "-1")``.
    paste : bool
        Whether it is a clip for the clipboard: the nodes that say so in
        :attr:`Node.selection_inputs` go to what is selected, or the first node where none does.
    path : str
        The file it was read from; for messages.
    text : str
        The text it was read from; the spans of its nodes count in it.
    """

    nodes: list[Node] = field(default_factory=list)
    version: str = ""
    header: list[str] = field(default_factory=list)
    layers: list[str] = field(default_factory=list)
    window_layout: str = ""
    old_layout: list[tuple[str, ...]] = field(default_factory=list)
    paste: bool = False
    path: str = field(default="", repr=False)
    text: str = field(default="", repr=False)

    @property
    def root(self) -> Node | None:
        """The node of class Root, if the file has one."""
        return next((node for node in self.nodes if node.cls == "Root"), None)

    def walk(self) -> Iterator[Node]:
        """Every node at any depth, in file order."""
        for node in self.nodes:
            yield node
            yield from node.walk()

    def find(self, path: str) -> Node | None:
        """The node at a path such as ``Group1.Blur2``; the last one when a name stands twice.

        Parameters
        ----------
        path : str

        Returns
        -------
        Node or None
        """
        nodes, found = self.nodes, None
        for name in path.split("."):
            found = next((node for node in reversed(nodes) if node.name == name), None)
            if found is None:
                return None
            nodes = found.children
        return found

    def to_text(self) -> str:
        """The script as Nuke writes it; see :func:`relip.handoff.nk_writer.format_script`."""
        from relip.handoff.nk_writer import format_script

        return format_script(self)
