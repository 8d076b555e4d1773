"""Nodes, groups and gizmos."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from . import classes, flags
from . import knobs as k
from .faults import fault
from .formats import Format
from .state import Guarded, host
from .tcl import words

if TYPE_CHECKING:
    from .tcl import Parsed


class FrameRange:
    """First and last frame and the step between."""

    def __init__(self, first: int, last: int, increment: int = 1) -> None:
        self._first, self._last, self._step = int(first), int(last), int(increment)

    def first(self) -> int:
        return self._first

    def last(self) -> int:
        return self._last

    def increment(self) -> int:
        return self._step

    def frames(self) -> int:
        return len(range(self._first, self._last + 1, self._step))

    def minFrame(self) -> int:
        return min(self._first, self._last)

    def maxFrame(self) -> int:
        return max(self._first, self._last)

    def getFrame(self, n: int) -> int:
        return self._first + n * self._step

    def isInRange(self, n: int) -> bool:
        return n in range(self._first, self._last + 1, self._step)

    def __iter__(self) -> Any:
        return iter(range(self._first, self._last + 1, self._step))


class Info:
    """The bounding box of a picture."""

    def __init__(self, box: tuple[int, int, int, int]) -> None:
        self._box = box

    def x(self) -> float:
        return float(self._box[0])

    def y(self) -> float:
        return float(self._box[1])

    def w(self) -> float:
        return float(self._box[2] - self._box[0])

    def h(self) -> float:
        return float(self._box[3] - self._box[1])


#: Types of user knobs by their number in addUserKnob.
USER_KNOBS: dict[int, Any] = {
    1: k.String_Knob,
    2: k.File_Knob,
    3: k.Int_Knob,
    4: k.Enumeration_Knob,
    6: k.Boolean_Knob,
    7: k.Double_Knob,
    10: k.ChannelMask_Knob,
    11: k.Channel_Knob,
    12: k.XY_Knob,
    13: k.XYZ_Knob,
    14: k.WH_Knob,
    15: k.BBox_Knob,
    17: k.Format_Knob,
    18: k.Color_Knob,
    19: k.AColor_Knob,
    20: k.Tab_Knob,
    22: k.PyScript_Knob,
    26: k.Text_Knob,
    30: k.UV_Knob,
    40: k.ColorChip_Knob,
    41: k.Link_Knob,
    42: k.Scale_Knob,
    43: k.Multiline_Eval_String_Knob,
    52: k.PythonKnob,
}
_FLAG_WORDS = {
    "STARTLINE": flags.STARTLINE,
    "INVISIBLE": flags.INVISIBLE,
    "HIDDEN": flags.HIDDEN,
    "DISABLED": flags.DISABLED,
    "DO_NOT_WRITE": flags.DO_NOT_WRITE,
    "NO_ANIMATION": flags.NO_ANIMATION,
}


def user_knob(text: str) -> k.Knob:
    """A knob from the argument of addUserKnob.

    Raises
    ------
    HostFault
        If the text has a type or option this host does not know.
    """
    parts = [w for w, _ in words(text)]
    if not parts or not parts[0].isdigit() or int(parts[0]) not in USER_KNOBS:
        fault(f"addUserKnob {{{text[:60]}}}: type is not known to this host")
    kind = USER_KNOBS[int(parts[0])]
    name = parts[1] if len(parts) > 1 else ""
    options: dict[str, str] = {}
    range_: tuple[float, float] | None = None
    switched: list[tuple[int, bool]] = []
    i = 2
    while i < len(parts):
        word = parts[i]
        if word in ("l", "t", "T", "M", "n"):
            if i + 1 >= len(parts) or word in options:
                fault(f"addUserKnob {{{text[:60]}}}: option {word!r}")
            options[word] = parts[i + 1]
            i += 2
        elif word == "R":
            range_ = (float(parts[i + 1]), float(parts[i + 2]))
            i += 3
        elif word[:1] in "+-" and word[1:] in _FLAG_WORDS:
            switched.append((_FLAG_WORDS[word[1:]], word[0] == "+"))
            i += 1
        else:
            fault(f"addUserKnob {{{text[:60]}}}: option {word!r} is not known to this host")
    label = options.pop("l", None)
    tip = options.pop("t", "")
    if kind is k.Enumeration_Knob:
        items = [w for w, _ in words(options.pop("M", ""))]
        if items and items[-1] == "":
            items.pop()  # Nuke ends its lists with an empty item
        knob: k.Knob = k.Enumeration_Knob(name, label, items)
    elif kind is k.Tab_Knob:
        number = int(options.pop("n", "0"))
        tabs = {
            0: flags.TABKNOB,
            1: flags.TABBEGINGROUP,
            2: flags.TABBEGINCLOSEDGROUP,
            -1: flags.TABENDGROUP,
        }
        if number not in tabs:
            fault(f"addUserKnob {{{text[:60]}}}: n {number}")
        knob = k.Tab_Knob(name, label, tabs[number])
    else:
        knob = kind(name, label)
        if "T" in options:
            content = options.pop("T")
            if isinstance(knob, k.Link_Knob):
                knob.setLink(content)
            elif isinstance(knob, (k.Script_Knob, k.Text_Knob)):
                knob._text = content
            else:
                fault(f"addUserKnob {{{text[:60]}}}: T on a {knob.Class()}")
    if options:
        fault(f"addUserKnob {{{text[:60]}}}: {sorted(options)} on a {knob.Class()}")
    if range_ is not None:
        if not isinstance(knob, k.Array_Knob):
            fault(f"addUserKnob {{{text[:60]}}}: R on a {knob.Class()}")
        knob._range = range_
    knob._tooltip = tip
    knob._flags = flags.STARTLINE if knob._starts_line() else 0
    for flag, on in switched:
        knob._flags = knob._flags | flag if on else knob._flags & ~flag
    return knob


class Node(Guarded):
    """One node of the script."""

    def __init__(self) -> None:
        self._cls = classes.CLASSES["NoOp"]
        self._class_name = ""
        self._knobs: dict[str, k.Knob] = {}
        self._unnamed: list[k.Knob] = []
        self._order: list[k.Knob] = []
        self._inputs: dict[int, Node] = {}
        self._parent: Group | None = None
        self._shown = False
        self._alive = True
        self._baseline: dict[str, str] = {}
        self._clones: list[Node] = []

    # knobs

    def Class(self) -> str:
        return self._class_name

    def name(self) -> str:
        return str(self._knobs["name"]._text)

    def fullName(self) -> str:
        if self._parent is None or self._parent._parent is None:
            return self.name()
        return f"{self._parent.fullName()}.{self.name()}"

    def setName(self, name: str, uncollide: bool = True, updateExpressions: bool = False) -> None:
        if not name or not name.replace("_", "a").isalnum() or name[0].isdigit():
            raise ValueError(f"{name!r} is no name for a node")
        assert self._parent is not None
        others = {n.name() for n in self._parent._nodes if n is not self}
        if name in others:
            if not uncollide:
                raise ValueError(f"there is a node {name!r} already")
            name = host().free_name(self._parent, name.rstrip("0123456789"), self)
        self._knobs["name"]._text = name  # type: ignore[attr-defined]

    def knob(self, p: str | int, follow_link: bool = False) -> k.Knob | None:
        if isinstance(p, int):
            return self._order[p]
        found = self._knobs.get(p)
        if follow_link and isinstance(found, k.Link_Knob):
            return found.getLinkedKnob()
        return found

    def knobs(self) -> dict[str, k.Knob]:
        return dict(self._knobs)

    def allKnobs(self) -> list[k.Knob]:
        return list(self._order)

    def numKnobs(self) -> int:
        return len(self._order)

    def getNumKnobs(self) -> int:
        return len(self._order)

    def __getitem__(self, name: str) -> k.Knob:
        host().check_thread(f"node[{name!r}]")
        found = self._knobs.get(name)
        if found is None:
            raise NameError(f"knob {name} does not exist")
        return found

    def __len__(self) -> int:
        return len(self._order)

    def addKnob(self, knob: k.Knob) -> None:
        if not isinstance(knob, k.Knob):
            raise TypeError("addKnob takes a knob")
        if knob._node is not None:
            fault(f"knob {knob.name()!r} is on a node already")
        if not isinstance(knob, k.Tab_Knob) and not any(
            isinstance(o, k.Tab_Knob) and o._user for o in self._order
        ):
            tab = k.Tab_Knob("User")
            tab._user = True
            self._put(tab)
        knob._user = True
        self._put(knob)

    def _put(self, knob: k.Knob) -> None:
        name = knob._name
        if name:
            if name in self._knobs:
                if not self._knobs[name]._user:
                    fault(f"{self.Class()} has a knob {name!r} already")
                raise ValueError(f"knob {name!r} exists already")
            self._knobs[name] = knob
        knob._node = self
        self._order.append(knob)

    def removeKnob(self, knob: k.Knob) -> None:
        if knob not in self._order or not knob._user:
            raise ValueError(f"{knob.name()!r} is no user knob of {self.name()}")
        self._order.remove(knob)
        self._knobs.pop(knob._name, None)
        knob._node = None

    def readKnobs(self, s: str) -> None:
        from .tcl import parse

        text = parse(f"NoOp {{\n{s}\n}}\n", path=f"readKnobs on {self.name()}")
        self._read(text.nodes[0].knobs)

    def _read(self, given: Sequence[tuple[str, str]]) -> None:
        for name, value in given:
            if name == "addUserKnob":
                knob = user_knob(value)
                if knob._name in self._knobs and self._knobs[knob._name]._user:
                    continue  # a gizmo's own knob, written again in the comp
                knob._user = True
                self._put(knob)
            elif name == "inputs":
                continue
            elif name in self._knobs:
                self._knobs[name]._from_text(value)
                self._knobs[name]._set = True
            else:
                fault(f"{self.Class()} has no knob {name!r} in this host")

    def writeKnobs(self, flags: int = 0) -> str:
        from .writing import knob_lines

        return "\n".join(knob_lines(self, user_definitions=bool(flags & 4)))

    def resetKnobsToDefault(self) -> None:
        fault("resetKnobsToDefault is not known to this host")

    def help(self) -> str:
        return str(self._knobs["help"]._text)

    # connections

    def _slots(self) -> list[int]:
        """Indices of the inputs that are not the mask, in order."""
        return [i for i in range(self.maxInputs()) if i != self._cls.mask]

    def input(self, index: int) -> Node | None:
        return self._inputs.get(index)

    def setInput(self, i: int, node: Node | None) -> bool:
        if node is not None and not isinstance(node, Node):
            raise TypeError("setInput takes a node or None")
        if not isinstance(i, int):
            raise TypeError("setInput takes the number of an input")
        if i < 0 or i >= self.maxInputs():
            return False
        if node is None:
            self._inputs.pop(i, None)
        else:
            if node._parent is not self._parent:
                fault(f"{self.name()} and {node.name()} are not in one group")
            if self in node._upstream():
                fault(f"{self.name()} would feed itself through {node.name()}")
            self._inputs[i] = node
        host().input_changed(self)
        return True

    def connectInput(self, i: int, node: Node | None) -> bool:
        return self.setInput(i, node)

    def canSetInput(self, i: int, node: Node) -> bool:
        return 0 <= i < self.maxInputs() and self not in node._upstream()

    def _upstream(self) -> set[Node]:
        found = {self}
        todo = [self]
        while todo:
            for node in todo.pop()._inputs.values():
                if node not in found:
                    found.add(node)
                    todo.append(node)
        return found

    def inputs(self) -> int:
        return max(self._inputs, default=-1) + 1

    def maxInputs(self) -> int:
        return self._cls.maximum

    def maximumInputs(self) -> int:
        return self.maxInputs()

    def minInputs(self) -> int:
        return self._cls.minimum

    def minimumInputs(self) -> int:
        return self.minInputs()

    def optionalInput(self) -> int:
        return -1 if self._cls.mask is None else self._cls.mask

    def dependencies(self, mask: int = flags.INPUTS | flags.HIDDEN_INPUTS) -> list[Node]:
        found: list[Node] = []
        if mask & flags.EXPRESSIONS:
            for knob in self._order:
                if isinstance(knob, k.Array_Knob):
                    for text in filter(None, (part.expression for part in knob._parts)):
                        found += host().nodes_in_expression(text, self)
        if mask & (flags.INPUTS | flags.HIDDEN_INPUTS):
            found += [self._inputs[i] for i in sorted(self._inputs)]
        return list(dict.fromkeys(n for n in found if n is not self))

    def dependent(
        self, mask: int = flags.INPUTS | flags.HIDDEN_INPUTS, forceEvaluate: bool = True
    ) -> list[Node]:
        if mask & flags.EXPRESSIONS:
            fault("dependents by expression are not known to this host")
        if self._parent is None:
            return []
        return [n for n in self._parent._nodes if self in n._inputs.values()]

    # place and panel

    def parent(self) -> Group | None:
        return self._parent

    def rootNode(self) -> Group:
        return host().root

    def xpos(self) -> int:
        return int(self["xpos"].value())

    def ypos(self) -> int:
        return int(self["ypos"].value())

    def setXpos(self, x: int) -> None:
        self.setXYpos(x, self.ypos())

    def setYpos(self, y: int) -> None:
        self.setXYpos(self.xpos(), y)

    def setXYpos(self, x: int, y: int) -> None:
        for name, value in (("xpos", x), ("ypos", y)):
            self._knobs[name]._parts[0].value = float(int(value))
            self._knobs[name]._set = True

    def screenWidth(self) -> int:
        return 80

    def screenHeight(self) -> int:
        return 18

    def autoplace(self) -> None:
        return None

    def redraw(self) -> None:
        return None

    def isSelected(self) -> bool:
        return bool(self["selected"].value())

    def setSelected(self, selected: bool) -> None:
        self._knobs["selected"]._parts[0].value = float(bool(selected))

    def selectOnly(self) -> None:
        assert self._parent is not None
        for node in self._parent._nodes:
            node.setSelected(node is self)

    def shown(self) -> bool:
        return self._shown

    def showControlPanel(self, forceFloat: bool = False) -> None:
        if not host().gui:
            fault("a panel can only be shown in the GUI")
        if not self._shown:
            self._shown = True
            host().panel_event(self, "showPanel")

    def hideControlPanel(self) -> None:
        if self._shown:
            host().panel_event(self, "hidePanel")
            self._shown = False

    def setTab(self, tabIndex: int) -> None:
        return None

    # picture

    def _info(self) -> Any:
        return host().image_of(self, host().frame_now)

    def width(self) -> int:
        return round(self.format().width() * host().proxy_scale())

    def height(self) -> int:
        return round(self.format().height() * host().proxy_scale())

    def pixelAspect(self) -> float:
        return self.format().pixelAspect()

    def format(self) -> Format:
        return host().format_of(self)

    def bbox(self) -> Info:
        return Info(self._info().box)

    def channels(self) -> list[str]:
        return list(host().channels_of(self))

    def frameRange(self) -> FrameRange:
        return FrameRange(*host().range_of(self))

    def firstFrame(self) -> int:
        return host().range_of(self)[0]

    def lastFrame(self) -> int:
        return host().range_of(self)[1]

    def upstreamFrameRange(self, i: int) -> FrameRange | None:
        node = self.input(i)
        return None if node is None else node.frameRange()

    def sample(
        self, channel: str, x: float, y: float, dx: float = 1, dy: float = 1, frame: Any = None
    ) -> float:
        if (dx, dy) != (1, 1):
            fault("sample over an area is not known to this host")
        now = host().frame_now if frame is None else frame
        return host().sample(self, channel, x, y, now)

    def metadata(self, key: str | None = None, time: float | None = None, view: Any = None) -> Any:
        image = host().image_of(self, host().frame_now if time is None else time)
        return dict(image.metadata) if key is None else image.metadata.get(key)

    def hasError(self) -> bool:
        return host().error_of(self) is not None

    def error(self) -> bool:
        return self.hasError()

    def treeHasError(self) -> bool:
        return self.hasError()

    def forceValidate(self) -> None:
        host().forget_images()

    def __repr__(self) -> str:
        return f"<{self._class_name} {self._knobs['name']._text if self._knobs else ''}>"

    def __hash__(self) -> int:
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other


class Group(Node):
    """A node made of nodes."""

    def __init__(self) -> None:
        super().__init__()
        self._nodes: list[Node] = []

    def begin(self) -> Group:
        host().groups.append(self)
        return self

    def end(self) -> None:
        if len(host().groups) < 2 or host().groups[-1] is not self:
            fault(f"end of {self.name()}, which is not the group begun last")
        host().groups.pop()

    def __enter__(self) -> Group:
        return self.begin()

    def __exit__(self, type: Any, value: Any, traceback: Any) -> None:
        self.end()

    def node(self, s: str) -> Node | None:
        return host().find_node(s, self)

    def nodes(self) -> list[Node]:
        return list(self._nodes)

    def numNodes(self) -> int:
        return len(self._nodes)

    def output(self) -> Node | None:
        found = [n for n in self._nodes if n._class_name == "Output"]
        return found[0] if found else None

    def run(self, call: Any) -> Any:
        with self:
            return call()

    def selectedNodes(self) -> list[Node]:
        return [n for n in self._nodes if n.isSelected()]

    def selectedNode(self) -> Node | None:
        found = self.selectedNodes()
        return found[-1] if found else None

    def maxInputs(self) -> int:
        return len(self._input_nodes())

    def minInputs(self) -> int:
        return 0

    def _input_nodes(self) -> dict[int, Node]:
        found: dict[int, Node] = {}
        for node in self._nodes:
            if node._class_name == "Input":
                number = int(node._knobs["number"]._parts[0].value)
                if number in found:
                    fault(f"{self.name()}: two Inputs have the number {number}")
                found[number] = node
        if sorted(found) != list(range(len(found))):
            fault(f"{self.name()}: its Inputs are numbered {sorted(found)}")
        return found


class Gizmo(Group):
    """A group that lives in a file on the plugin path."""

    _file = ""

    def command(self) -> str:
        return self._class_name

    def filename(self) -> str:
        return self._file

    def makeGroup(self) -> Group:
        """A Group of its own beside the gizmo, with the same knobs, values and inputs."""
        return host().group_of_gizmo(self)


class Root(Group):
    """The script."""

    def modified(self) -> bool:
        return host().modified

    def setModified(self, modified: bool) -> None:
        host().modified = bool(modified)

    def firstFrame(self) -> int:
        return int(self["first_frame"].value())

    def lastFrame(self) -> int:
        return int(self["last_frame"].value())

    def fps(self) -> int:
        return int(self["fps"].value())

    def realFps(self) -> float:
        return float(self["fps"].value())

    def setFrame(self, n: int) -> None:
        host().set_frame(n)

    def maxInputs(self) -> int:
        return 0

    def maximumInputs(self) -> int:
        return 0

    def fullName(self) -> str:
        return "root"

    def name(self) -> str:
        return str(self._knobs["name"]._text or "Root")

    def format(self) -> Format:
        return host().root_format()


class BackdropNode(Node):
    """A coloured area behind nodes."""

    def getNodes(self) -> list[Node]:
        fault("BackdropNode.getNodes is not known to this host")


class Viewer(Node):
    """What shows pictures."""


def knobs_of_class(cls: classes.NodeClass, node: Node) -> None:
    """Give a new node the knobs of its class."""
    if cls.name == "Root":
        named = {m()._name for m in classes.ROOT}
        makers = [m for m in classes.COMMON if m()._name not in named] + classes.ROOT
    else:
        makers = [*classes.COMMON, *cls.knobs]
    for make in makers:
        node._put(make())


def new_node(cls: classes.NodeClass, class_name: str) -> Node:
    """A node outside any script."""
    kinds: dict[str, Any] = {
        "Root": Root,
        "Group": Group,
        "Gizmo": Gizmo,
        "BackdropNode": BackdropNode,
        "Viewer": Viewer,
    }
    node: Node = kinds.get(cls.name, Node)()
    node._cls = cls
    node._class_name = class_name
    knobs_of_class(cls, node)
    return node


def connect_from_text(node: Node, parsed: Parsed, made: dict[int, Node], external: Any) -> None:
    """Connect a node as its text says: the mask is counted after the ``+``."""
    word = parsed.input_word or "1"
    main, _, extra = word.partition("+")
    mask = node._cls.mask if not isinstance(node, Group) else None
    if extra and mask is None:
        fault(f"{node.Class()}: inputs {word}, but it has no mask")
    if extra == "" and mask is not None:
        # without a mask its place is skipped
        slots = [i for i in range(mask + len(parsed.inputs) + 1) if i != mask]
    else:
        slots = list(range(len(parsed.inputs)))
    for slot, source in zip(slots, parsed.inputs, strict=False):
        if source is None:
            continue
        found = external if isinstance(source, str) else made[id(source)]
        if found is None:
            continue
        if slot >= node.maxInputs():
            if parsed.input_word is None and node.maxInputs() == 0:
                continue
            fault(f"{node.name()} ({node.Class()}): the text connects input {slot}")
        node._inputs[slot] = found
