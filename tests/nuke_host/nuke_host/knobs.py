"""Knobs with Nuke's types, values and text."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from . import curves, expressions, flags, formats
from .faults import fault
from .state import Guarded, host
from .tcl import evaluator, quote, words

if TYPE_CHECKING:
    from .app import Host
    from .nodes import Node


class Knob(Guarded):
    """What all knobs share."""

    _type_number: int | None = None
    _animates = False

    def __init__(self, name: str, label: str | None = None) -> None:
        if not isinstance(name, str):
            raise TypeError("a knob's name is a string")
        self._name = name
        self._label = label
        self._tooltip = ""
        self._flags = 0
        self._node: Node | None = None
        self._user = False
        self._set = False

    def Class(self) -> str:
        return type(self).__name__

    def name(self) -> str:
        return self._name

    def setName(self, name: str) -> None:
        if self._node is not None:
            fault("renaming a knob that is on a node is not known to this host")
        self._name = name

    def label(self) -> str:
        return self._name if self._label is None else self._label

    def setLabel(self, label: str) -> None:
        self._label = label

    def node(self) -> Node:
        if self._node is None:
            raise RuntimeError("this knob is on no node")
        return self._node

    def fullyQualifiedName(self, channel: int = -1) -> str:
        if channel != -1:
            fault("fullyQualifiedName of a channel is not known to this host")
        return f"{self.node().fullName()}.{self._name}"

    def tooltip(self) -> str:
        return self._tooltip

    def setTooltip(self, tooltip: str) -> None:
        self._tooltip = _string(tooltip)

    def setFlag(self, flag: int) -> None:
        if flag not in flags.KNOWN:
            fault(f"knob flag {flag:#x} is not known to this host")
        self._flags |= flag

    def clearFlag(self, flag: int) -> None:
        if flag not in flags.KNOWN:
            fault(f"knob flag {flag:#x} is not known to this host")
        self._flags &= ~flag

    def getFlag(self, flag: int) -> bool:
        return bool(self._flags & flag)

    def setEnabled(self, enabled: bool) -> None:
        self._flags = self._flags & ~flags.DISABLED | (0 if enabled else flags.DISABLED)

    def enabled(self) -> bool:
        return not self._flags & flags.DISABLED

    def setVisible(self, visible: bool) -> None:
        self._flags = self._flags & ~flags.INVISIBLE | (0 if visible else flags.INVISIBLE)

    def visible(self) -> bool:
        return not self._flags & flags.INVISIBLE

    def isAnimated(self, channel: int = -1) -> bool:
        return False

    def hasExpression(self, index: int = -1) -> bool:
        return False

    def getKeyList(self) -> list[float]:
        return []

    def fromScript(self, script: str) -> None:
        self._from_text(_string(script))
        self._changed()

    def toScript(self, quote: bool = True, context: Any = None) -> str:
        if context is not None:
            fault("toScript with a context is not known to this host")
        text = self._to_text()
        return _quoted(text) if quote else text

    # what subclasses say

    def _from_text(self, text: str) -> None:
        fault(f"{self.Class()} {self._name!r}: reading {text[:60]!r} is not known to this host")

    def _to_text(self) -> str:
        fault(f"{self.Class()} {self._name!r}: writing is not known to this host")

    def _is_default(self) -> bool:
        return not self._set

    def _number(self, frame: float, component: int | None = None) -> float:
        fault(f"{self.Class()} {self._name!r} has no number to use in an expression")

    def _changed(self) -> None:
        self._set = True
        if self._node is not None:
            host().knob_changed(self)

    def _definition(self) -> str:
        """The argument of addUserKnob."""
        if self._type_number is None:
            fault(f"a {self.Class()} as user knob is not known to this host")
        name = self._name or '""'
        parts = [str(self._type_number), name]
        if self._label is not None and self._label != self._name:
            parts += ["l", _word(self._label)]
        if self._tooltip:
            parts += ["t", _word(self._tooltip)]
        parts += self._definition_extra()
        for flag, word in (
            (flags.INVISIBLE, "+INVISIBLE"),
            (flags.HIDDEN, "+HIDDEN"),
            (flags.DISABLED, "+DISABLED"),
            (flags.DO_NOT_WRITE, "+DO_NOT_WRITE"),
        ):
            if self._flags & flag:
                parts.append(word)
        if bool(self._flags & flags.STARTLINE) != self._starts_line():
            parts.append("+STARTLINE" if self._flags & flags.STARTLINE else "-STARTLINE")
        return " ".join(parts)

    def _definition_extra(self) -> list[str]:
        return []

    def _starts_line(self) -> bool:
        return False


def _word(text: str) -> str:
    """One word of an addUserKnob list."""
    if text and not any(c in text for c in ' \t\n"[]{}$\\;'):
        return text
    return (
        '"'
        + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("[", "\\[")
        + '"'
    )


def _quoted(text: str) -> str:
    return quote(text) if any(c in text for c in ' \n\t"[]{}$\\') or not text else text


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a string is needed, not {type(value).__name__}")
    return value


def _one_number(value: Any) -> float:
    if isinstance(value, (bool, int, float)):
        return float(value)
    raise TypeError(f"a number is needed, not {type(value).__name__}")


# Strings


class String_Knob(Knob):
    """A line of text, taken as it stands."""

    _type_number = 1

    def __init__(self, name: str, label: str | None = None, value: str = "") -> None:
        super().__init__(name, label)
        self._text = _string(value)
        self._default = self._text

    def value(self, oc: Any = None) -> str:
        return self._text

    def getText(self, oc: Any = None) -> str:
        return self._text

    def getValue(self) -> str:
        return self._text

    def setValue(self, val: str, view: Any = None) -> None:
        if view is not None:
            fault("setting a string for one view is not known to this host")
        self._text = _string(val)
        self._changed()

    def setText(self, text: str) -> None:
        self.setValue(text)

    def _from_text(self, text: str) -> None:
        self._text = text
        self._set = True

    def _to_text(self) -> str:
        return self._text

    def _is_default(self) -> bool:
        return self._text == self._default

    def _starts_line(self) -> bool:
        return True


class EvalString_Knob(String_Knob):
    """Text in which ``[...]`` is Tcl."""

    def evaluate(self) -> str:
        return self._evaluate(host().frame_now)

    def _evaluate(self, frame: float) -> str:
        if "[" not in self._text and "$" not in self._text:
            return self._text
        return evaluate_text(self._text, self._node, frame)

    def _number(self, frame: float, component: int | None = None) -> float:
        text = self._evaluate(frame)
        try:
            return float(text)
        except ValueError:
            fault(f"{self._name!r} is {text!r}, no number for an expression")


class Multiline_Eval_String_Knob(EvalString_Knob):
    """Several lines of text."""

    _type_number = 43


class File_Knob(EvalString_Knob):
    """A file name; ``####`` and ``%04d`` stand for the frame number."""

    _type_number = 2

    def fromUserText(self, text: str) -> None:
        self.setValue(re.sub(r"#+", lambda m: f"%0{len(m[0])}d", text))

    def getEvaluatedValue(self, oc: Any = None) -> str:
        return self.evaluate()

    def evaluate(self) -> str:
        return self._file(host().frame_now)

    def _file(self, frame: float) -> str:
        """The name of one frame's file, through the filename filters."""
        from . import sequences

        name = sequences.at_frame(self._evaluate(frame), frame)
        return host().filter_filename(name, self._node)


class Script_Knob(String_Knob):
    """A script that runs in Nuke."""

    def command(self) -> str:
        return self._text

    def setCommand(self, cmd: str) -> None:
        self.setValue(cmd)

    def setValue(self, cmd: str) -> None:  # type: ignore[override]
        self._text = _string(cmd)
        self._changed()

    def value(self) -> str:  # type: ignore[override]
        return self._text

    def execute(self) -> None:
        fault(f"running a {self.Class()} is not known to this host")

    def _definition_extra(self) -> list[str]:
        return ["T", _word(self._text)] if self._text else []

    def _is_default(self) -> bool:
        return True


class PyScript_Knob(Script_Knob):
    """A button that runs Python."""

    _type_number = 22

    def execute(self) -> None:
        """Run the button's script as a click does: this node and this knob are the context."""
        node = self.node()
        if not self.enabled():
            fault(f"{node.name()}.{self._name} is greyed out: nobody can press it")
        host().run_python(self._text, node, self)

    def _starts_line(self) -> bool:
        return False


class PythonKnob(String_Knob):
    """Python in a text box."""

    _type_number = 52


class PyCustom_Knob(Script_Knob):
    """A panel drawn by Python; a host without Qt cannot show it."""

    _type_number = 32

    def getObject(self) -> Any:
        fault("a PyCustom_Knob needs Qt, which this host has not")


class Text_Knob(Knob):
    """Text to read, or a line across the panel."""

    _type_number = 26

    def __init__(self, name: str, label: str | None = None, value: str = "") -> None:
        super().__init__(name, label)
        self._text = _string(value)

    def value(self) -> str:
        return self._text

    def getValue(self, channel: int = -1) -> str:
        return self._text

    def setValue(self, value: str) -> None:
        self._text = _string(value)
        self._changed()

    def _from_text(self, text: str) -> None:
        self._text = text
        self._set = True

    def _to_text(self) -> str:
        return self._text

    def _definition_extra(self) -> list[str]:
        return ["T", _word(self._text)] if self._text else []

    def _is_default(self) -> bool:
        return True


class Tab_Knob(Knob):
    """A page of the panel, or the begin or end of a group of knobs."""

    _type_number = 20

    def __init__(self, name: str, label: str | None = None, flag: int = flags.TABKNOB) -> None:
        super().__init__(name, label)
        if flag not in (
            flags.TABKNOB,
            flags.TABBEGINGROUP,
            flags.TABBEGINCLOSEDGROUP,
            flags.TABENDGROUP,
        ):
            fault(f"tab flag {flag} is not known to this host")
        self._tab = flag
        self._open = 1 if flag == flags.TABBEGINGROUP else 0

    def value(self) -> bool:
        return bool(self._open)

    def getValue(self, channel: int = -1) -> float:
        return float(self._open)

    def setValue(self, value: Any) -> None:
        self._open = int(_one_number(value))
        self._changed()

    def _from_text(self, text: str) -> None:
        self._open = int(text)
        self._set = True

    def _to_text(self) -> str:
        return str(self._open)

    def _definition_extra(self) -> list[str]:
        number = {flags.TABBEGINGROUP: 1, flags.TABBEGINCLOSEDGROUP: 2, flags.TABENDGROUP: -1}
        return ["n", str(number[self._tab])] if self._tab in number else []

    def _is_default(self) -> bool:
        return not (self._set and self._tab != flags.TABKNOB)


# Numbers


class Component:
    """One number of a knob: a constant, a curve, or an expression over a curve."""

    def __init__(self, value: float = 0.0) -> None:
        self.value = float(value)
        self.curve: curves.Curve | None = None

    @property
    def animated(self) -> bool:
        return self.curve is not None and bool(self.curve.keys or self.curve.expression != "curve")

    @property
    def expression(self) -> str | None:
        if self.curve is None or self.curve.expression == "curve":
            return None
        return self.curve.expression

    def key(self) -> tuple[Any, ...]:
        """What it equals another by."""
        return (self.value, None if self.curve is None else self.curve.to_text())

    def to_text(self) -> str:
        if self.curve is None:
            return curves.number(self.value)
        return "{" + self.curve.to_text() + "}"


class Array_Knob(Knob):
    """One or more numbers, each of which can be animated."""

    _size = 1
    _names = "0123456789"
    #: Shows one number while all are equal (a colour, a blur's size; not a position).
    _joins = True
    _animates = True

    def __init__(self, name: str, label: str | None = None, size: int | None = None) -> None:
        super().__init__(name, label)
        if size is not None:
            self._size = int(size)
        self._parts = [Component() for _ in range(self._size)]
        self._defaults = [0.0] * self._size
        self._range: tuple[float, float] | None = None
        self._joined = self._joins

    # values

    def _kept(self, value: float) -> float:
        """The value as the knob stores it."""
        return value

    def _part_at(self, i: int, frame: float) -> float:
        part = self._parts[i]
        if part.curve is None:
            return part.value
        if part.expression is None:
            return self._kept(part.curve.evaluate(frame)) if part.curve.keys else part.value
        guard = (self, i, frame)
        busy = host().evaluating
        if guard in busy:
            fault(f"the expression of {self._name!r} refers to itself")
        busy.add(guard)
        try:
            return self._kept(self._expression_at(i, frame))
        finally:
            busy.discard(guard)

    def _expression_at(self, i: int, frame: float) -> float:
        part = self._parts[i]
        assert part.curve is not None
        curve = part.curve
        text = curve.expression
        if "[" in text:
            text = evaluate_text(text, self._node, frame)

        def value(path: str, at: float) -> float:
            return host().path_number(path, self._node, at, asker=self, component=i)

        def under(at: float) -> float:
            return curve.evaluate(at) if curve.keys else part.value

        return float(expressions.evaluate(text, expressions.Scope(frame, value, under)))

    def _values_at(self, frame: float) -> list[float]:
        return [self._part_at(i, frame) for i in range(self._size)]

    def _number(self, frame: float, component: int | None = None) -> float:
        i = component or 0
        if self._size == 1:
            i = 0
        if i >= self._size:
            fault(f"{self._name!r} has no component {i}")
        return self._part_at(i, frame)

    def _shown(self, values: list[float]) -> Any:
        if self._size == 1 or (self._joined and len(set(values)) == 1):
            return values[0]
        return values

    def value(self, index: int | None = None, oc: Any = None) -> Any:
        return self.getValue(-1 if index is None else index)

    def getValue(self, channel: int = -1) -> Any:
        return self.getValueAt(host().frame_now, channel)

    def getValueAt(self, frame: float, index: int = -1, view: Any = None) -> Any:
        if view is not None:
            fault("values for one view are not known to this host")
        if index == -1:
            return self._shown(self._values_at(frame))
        self._check(index)
        return self._part_at(index, frame)

    def valueAt(self, frame: float, index: int = -1, view: Any = None) -> Any:
        return self.getValueAt(frame, index, view)

    def _check(self, index: int) -> None:
        if not 0 <= index < self._size:
            raise ValueError(f"{self._name!r} has no component {index}")

    def _assign(self, value: Any, index: int, frame: float) -> None:
        if isinstance(value, (list, tuple)):
            if index != -1 or len(value) != self._size:
                raise TypeError(f"{self._name!r} takes {self._size} numbers")
            given = [(i, self._kept(_one_number(v))) for i, v in enumerate(value)]
        elif index == -1:
            number = self._kept(_one_number(value))
            if self._size > 1 and not self._joins:
                fault(f"{self._name!r}: one number for {self._size}; give a list or an index")
            given = [(i, number) for i in range(self._size)]
        else:
            self._check(index)
            given = [(index, self._kept(_one_number(value)))]
        for i, number in given:
            part = self._parts[i]
            if part.expression is not None:
                # a value set over an expression replaces it
                part.curve = None
            if part.curve is not None:
                part.curve.set_key(frame, number)
            else:
                part.value = number
        if self._joins and self._size > 1:
            first = self._parts[0].key()
            self._joined = all(p.key() == first for p in self._parts)

    def setValue(self, val: Any, chan: int = -1, time: float | None = None) -> bool:
        self._assign(val, chan, host().frame_now if time is None else time)
        self._changed()
        return True

    def setValueAt(self, val: Any, time: float, index: int = -1, view: Any = None) -> bool:
        if view is not None:
            fault("values for one view are not known to this host")
        self._assign(val, index, time)
        self._changed()
        return True

    def defaultValue(self, index: int = 0) -> float:
        return self._defaults[index]

    def setDefaultValue(self, values: Sequence[float]) -> None:
        if len(values) != self._size:
            raise TypeError(f"{self._name!r} takes {self._size} numbers")
        untouched = self._is_default()
        self._defaults = [float(v) for v in values]
        if untouched:
            for part, default in zip(self._parts, self._defaults, strict=True):
                part.value = default

    def arraySize(self) -> int:
        return self._size

    def array(self) -> list[float]:
        return self._values_at(host().frame_now)

    def dimensions(self) -> int:
        return 1

    def width(self) -> int:
        return self._size

    def height(self) -> int:
        return 1

    def singleValue(self) -> bool:
        return self._size == 1 or self._joined

    def setSingleValue(self, single: bool = True) -> None:
        self._joined = bool(single)

    def setRange(self, minimum: float, maximum: float) -> None:
        self._range = (float(minimum), float(maximum))

    def min(self) -> float:
        return self._range[0] if self._range else 0.0

    def max(self) -> float:
        return self._range[1] if self._range else 1.0

    def minimum(self) -> float:
        return self.min()

    def maximum(self) -> float:
        return self.max()

    # animation

    def _which(self, index: int) -> list[int]:
        if index == -1:
            return list(range(self._size))
        self._check(index)
        return [index]

    def isAnimated(self, channel: int = -1) -> bool:
        return any(self._parts[i].animated for i in self._which(channel))

    def hasExpression(self, index: int = -1) -> bool:
        return any(self._parts[i].expression is not None for i in self._which(index))

    def setAnimated(self, channel: int = -1) -> bool:
        if self._flags & flags.NO_ANIMATION:
            return False
        for i in self._which(channel):
            part = self._parts[i]
            if part.curve is None:
                part.curve = curves.Curve()
                part.curve.set_key(host().frame_now, part.value)
        self._changed()
        return True

    def clearAnimated(self, channel: int = -1) -> bool:
        frame = host().frame_now
        for i in self._which(channel):
            value = self._part_at(i, frame)
            self._parts[i].curve = None
            self._parts[i].value = value
        self._changed()
        return True

    def setExpression(self, expression: str, channel: int = -1, view: Any = None) -> bool:
        if view is not None:
            fault("expressions for one view are not known to this host")
        for i in self._which(channel):
            part = self._parts[i]
            if part.curve is None:
                part.curve = curves.Curve()
            part.curve.expression = _string(expression)
        self._changed()
        return True

    def isKey(self, channel: int = -1) -> bool:
        return self.isKeyAt(host().frame_now, channel)

    def isKeyAt(self, frame: float, index: int = -1, view: Any = None) -> bool:
        return any(
            (c := self._parts[i].curve) is not None and c.key_at(frame) is not None
            for i in self._which(index)
        )

    def removeKey(self, channel: int = -1) -> bool:
        return self.removeKeyAt(host().frame_now, channel)

    def removeKeyAt(self, frame: float, index: int = -1, view: Any = None) -> bool:
        for i in self._which(index):
            curve = self._parts[i].curve
            if curve is not None:
                curve.keys = [k for k in curve.keys if k.x != frame]
        self._changed()
        return True

    def getNumKeys(self, channel: int = -1) -> int:
        found = (self._parts[i].curve for i in self._which(channel))
        return max((len(c.keys) for c in found if c is not None), default=0)

    def getKeyTime(self, index: int, channel: int = 0) -> float:
        curve = self._parts[channel].curve
        if curve is None:
            raise ValueError(f"{self._name!r} is not animated")
        return curve.keys[index].x

    def getKeyList(self) -> list[float]:
        times = {k.x for p in self._parts if p.curve is not None for k in p.curve.keys}
        return sorted(times)

    def animation(self, chan: int = 0, view: Any = None) -> AnimationCurve | None:
        self._check(chan)
        return AnimationCurve(self, chan) if self._parts[chan].curve is not None else None

    def animations(self) -> list[AnimationCurve]:
        found = (self.animation(i) for i in range(self._size))
        return [a for a in found if a is not None]

    def deleteAnimation(self, curve: AnimationCurve) -> None:
        self.clearAnimated(curve._index)

    def copyAnimation(self, channel: int, curve: AnimationCurve, view: Any = None) -> None:
        self._parts[channel].curve = curves.parse(curve._curve().to_text())
        self._changed()

    # text

    def _from_text(self, text: str) -> None:
        given = words(text)
        if not given:
            fault(f"{self._name!r}: no number in {text!r}")
        if len(given) not in (1, self._size):
            fault(f"{self._name!r}: {len(given)} values in {text[:60]!r}, it takes {self._size}")
        parts = [self._component(word, braced) for word, braced in given]
        if len(parts) < self._size:
            self._joined = True
            parts = [self._component(*given[0]) for _ in range(self._size)]
        elif self._size > 1:
            self._joined = False
        self._parts = parts
        self._set = True

    def _component(self, word: str, braced: bool) -> Component:
        number = _number_of(word)
        if number is not None:
            return Component(self._kept(number))
        if not braced and " " not in word:
            fault(f"{self._name!r}: {word!r} is no number; an expression stands in braces")
        curve = curves.parse(word)
        if curve.expression != "curve" and not curve.keys and curve.expression.startswith("x"):
            fault(f"{self._name!r}: {word!r} is neither a curve nor an expression")
        part = Component()
        part.curve = curve
        if curve.keys:
            part.value = self._kept(curve.keys[0].y)
        return part

    def _to_text(self) -> str:
        if self._size > 1 and not self._joined:
            return " ".join(p.to_text() for p in self._parts)
        return self._parts[0].to_text()

    def _is_default(self) -> bool:
        return all(
            p.curve is None and p.value == d
            for p, d in zip(self._parts, self._defaults, strict=True)
        )

    def notDefault(self) -> bool:
        return not self._is_default()

    def _definition_extra(self) -> list[str]:
        return [] if self._range is None else ["R", *(curves.number(r) for r in self._range)]

    def _starts_line(self) -> bool:
        return True


def _number_of(word: str) -> float | None:
    low = word.lower()
    if low in ("true", "false"):
        return float(low == "true")
    if low.startswith("0x"):
        return float(int(low, 16))
    if re.fullmatch(r"x[0-9a-f]{8}", low):
        import struct

        return float(struct.unpack(">f", bytes.fromhex(low[1:]))[0])
    try:
        value = float(word)
    except ValueError:
        return None
    return value if math.isfinite(value) or low in ("inf", "-inf", "nan") else None


class Double_Knob(Array_Knob):
    """One number."""

    _type_number = 7


class Int_Knob(Array_Knob):
    """One whole number."""

    _type_number = 3

    def __init__(self, name: str, label: str | None = None, value: int = 0) -> None:
        super().__init__(name, label)
        self._parts[0].value = float(int(value))

    def _kept(self, value: float) -> float:
        return float(math.trunc(value))

    def _shown(self, values: list[float]) -> Any:
        return int(values[0])

    def value(self) -> int:  # type: ignore[override]
        return int(self.getValue())

    def setValue(self, val: Any) -> bool:  # type: ignore[override]
        return super().setValue(val)


class Unsigned_Knob(Array_Knob):
    """A whole number that is not negative, such as a colour of the interface."""

    _animates = False

    def _kept(self, value: float) -> float:
        if value < 0:
            raise ValueError(f"{self._name!r} cannot be negative")
        return float(math.trunc(value))

    def _shown(self, values: list[float]) -> Any:
        return int(values[0])

    def value(self) -> int:  # type: ignore[override]
        return int(self._values_at(host().frame_now)[0])

    def setValue(self, val: Any) -> bool:  # type: ignore[override]
        return super().setValue(val)

    def _to_text(self) -> str:
        return (
            f"{int(self._parts[0].value):#x}"
            if self._parts[0].curve is None
            else (super()._to_text())
        )


class ColorChip_Knob(Unsigned_Knob):
    """A colour of the interface."""

    _type_number = 40


class Boolean_Knob(Array_Knob):
    """A tick box."""

    _type_number = 6

    def __init__(self, name: str, label: str | None = None, value: bool = False) -> None:
        super().__init__(name, label)
        self._parts[0].value = float(bool(value))

    def _kept(self, value: float) -> float:
        return float(value != 0)

    def value(self) -> bool:  # type: ignore[override]
        return bool(super().getValue())

    def setValue(self, b: Any) -> bool:  # type: ignore[override]
        return super().setValue(b)

    def _to_text(self) -> str:
        if self._parts[0].curve is None:
            return "true" if self._parts[0].value else "false"
        return super()._to_text()

    def _starts_line(self) -> bool:
        return False


class Disable_Knob(Boolean_Knob):
    """The tick box that takes a node out."""


class Enumeration_Knob(Unsigned_Knob):
    """One of several words."""

    _type_number = 4
    _animates = True

    def __init__(self, name: str, label: str | None, items: Sequence[str]) -> None:
        super().__init__(name, label)
        self._items = [_string(i) for i in items]

    def _shown(self, values: list[float]) -> Any:
        return values[0]

    def values(self) -> list[str]:
        return list(self._items)

    def setValues(self, items: Sequence[str]) -> None:
        now = self.value()
        self._items = [_string(i) for i in items]
        if now in self._items:
            self._parts[0].value = float(self._items.index(now))
        else:
            self._parts[0].value = 0.0

    def numValues(self) -> int:
        return len(self._items)

    def enumName(self, n: int) -> str:
        return self._items[n]

    def _at(self, frame: float) -> str:
        index = int(self._values_at(frame)[0])
        if not 0 <= index < len(self._items):
            fault(f"{self._name!r}: no item {index}")
        return self._items[index]

    def value(self) -> str:  # type: ignore[override]
        return self._at(host().frame_now)

    def setValue(self, item: Any) -> bool:  # type: ignore[override]
        if isinstance(item, str):
            if item not in self._items:
                fault(f"{self._name!r}: no item {item!r}; it has {self._items}")
            item = self._items.index(item)
        if not 0 <= int(item) < len(self._items):
            fault(f"{self._name!r}: no item {item}")
        return super().setValue(int(item))

    def _from_text(self, text: str) -> None:
        if text in self._items:
            self._parts = [Component(self._items.index(text))]
            self._set = True
            return
        given = words(text)
        if len(given) == 1 and given[0][1]:
            super()._from_text(text)
            return
        if len(given) == 1 and given[0][0] in self._items:
            self._parts = [Component(self._items.index(given[0][0]))]
            self._set = True
            return
        fault(f"{self._name!r}: no item {text!r}; it has {self._items}")

    def _to_text(self) -> str:
        if self._parts[0].curve is None:
            return self._items[int(self._parts[0].value)] if self._items else "0"
        return Array_Knob._to_text(self)

    def _definition_extra(self) -> list[str]:
        return ["M", "{" + " ".join([*(_word(i) for i in self._items), '""']) + "}"]


class Pulldown_Knob(Enumeration_Knob):
    """A menu of scripts."""

    _type_number = 35

    def __init__(self, name: str, label: str | None, items: dict[str, str]) -> None:
        super().__init__(name, label, list(items))
        self._commands = list(items.values())

    def itemName(self, n: int) -> str:
        return self._items[n]

    def commands(self, n: int) -> str:
        return self._commands[n]


class XY_Knob(Array_Knob):
    """A position in the picture."""

    _type_number = 12
    _size, _names, _joins = 2, "xy", False

    def value(self, n: int | None = None, oc: Any = None) -> Any:
        return super().value(n)

    def x(self, oc: Any = None) -> float:
        return self._part_at(0, host().frame_now)

    def y(self, oc: Any = None) -> float:
        return self._part_at(1, host().frame_now)

    def names(self, n: int) -> str:
        return self._names[n]


class XYZ_Knob(Array_Knob):
    """A position in space."""

    _type_number = 13
    _size, _names, _joins = 3, "xyz", False

    def value(self, n: int | None = None, oc: Any = None) -> Any:
        return super().value(n)

    def x(self, oc: Any = None) -> float:
        return self._part_at(0, host().frame_now)

    def y(self, oc: Any = None) -> float:
        return self._part_at(1, host().frame_now)

    def z(self, oc: Any = None) -> float:
        return self._part_at(2, host().frame_now)

    def names(self, n: int) -> str:
        return self._names[n]


class UV_Knob(Array_Knob):
    """Two numbers of a texture."""

    _type_number = 30
    _size, _names, _joins = 2, "uv", False

    def names(self, n: int) -> str:
        return self._names[n]


class WH_Knob(Array_Knob):
    """A width and a height, one number while they are equal."""

    _type_number = 14
    _size, _names, _joins = 2, "wh", True

    def x(self) -> float:
        return self._part_at(0, host().frame_now)

    def y(self) -> float:
        return self._part_at(1, host().frame_now)

    def names(self, n: int) -> str:
        return self._names[n]


class Scale_Knob(Array_Knob):
    """Factors by axis."""

    _type_number = 42
    _size, _names, _joins = 3, "xyz", True

    def value(self, n: int | None = None, oc: Any = None) -> Any:
        return super().value(n)


class BBox_Knob(Array_Knob):
    """A rectangle: left, bottom, right, top."""

    _type_number = 15
    _size, _names, _joins = 4, "xyrt", False

    def value(self, n: int | None = None, oc: Any = None) -> Any:
        return super().value(n)

    def x(self) -> float:
        return self._part_at(0, host().frame_now)

    def y(self) -> float:
        return self._part_at(1, host().frame_now)

    def r(self) -> float:
        return self._part_at(2, host().frame_now)

    def t(self) -> float:
        return self._part_at(3, host().frame_now)

    def setX(self, value: float) -> None:
        self.setValue(value, 0)

    def setY(self, value: float) -> None:
        self.setValue(value, 1)

    def setR(self, value: float) -> None:
        self.setValue(value, 2)

    def setT(self, value: float) -> None:
        self.setValue(value, 3)

    def names(self, n: int) -> str:
        return self._names[n]

    def toDict(self) -> dict[str, float]:
        return dict(zip("xyrt", self._values_at(host().frame_now), strict=True))

    def fromDict(self, box: dict[str, float]) -> None:
        self.setValue([box[k] for k in "xyrt"])


class Color_Knob(Array_Knob):
    """Red, green, blue."""

    _type_number = 18
    _size, _names = 3, "rgb"

    def names(self, n: int) -> str:
        return self._names[n]


class AColor_Knob(Color_Knob):
    """Red, green, blue, alpha."""

    _type_number = 19
    _size, _names = 4, "rgba"


class AnimationKey:
    """A key of an animation curve, for ``AnimationCurve.addKey``."""

    def __init__(self, x: float, y: float, interpolation: int = flags.SMOOTH) -> None:
        self._key = curves.Key(float(x), float(y), flags.LETTER[interpolation])

    @property
    def x(self) -> float:
        return self._key.x

    @x.setter
    def x(self, value: float) -> None:
        self._key.x = float(value)

    @property
    def y(self) -> float:
        return self._key.y

    @y.setter
    def y(self, value: float) -> None:
        self._key.y = float(value)

    @property
    def interpolation(self) -> int:
        return flags.INTERPOLATION[self._key.interpolation]

    @interpolation.setter
    def interpolation(self, value: int) -> None:
        self._key.interpolation = flags.LETTER[value]

    @property
    def lslope(self) -> float | None:
        return self._key.lslope

    @lslope.setter
    def lslope(self, value: float) -> None:
        self._key.lslope = float(value)

    @property
    def rslope(self) -> float | None:
        return self._key.rslope

    @rslope.setter
    def rslope(self, value: float) -> None:
        self._key.rslope = float(value)

    @classmethod
    def _of(cls, key: curves.Key) -> AnimationKey:
        made = cls.__new__(cls)
        made._key = key
        return made


class AnimationCurve(Guarded):
    """The curve of one number of a knob."""

    def __init__(self, knob: Array_Knob, index: int) -> None:
        self._knob = knob
        self._index = index

    def _curve(self) -> curves.Curve:
        curve = self._knob._parts[self._index].curve
        if curve is None:
            raise RuntimeError("this curve was deleted")
        return curve

    def keys(self) -> list[AnimationKey]:
        return [AnimationKey._of(k) for k in self._curve().keys]

    def size(self) -> int:
        return len(self._curve().keys)

    def evaluate(self, t: float) -> float:
        return self._knob._part_at(self._index, t)

    def setKey(self, t: float, y: float) -> AnimationKey:
        key = self._curve().set_key(t, y)
        self._knob._changed()
        return AnimationKey._of(key)

    def addKey(self, keys: Sequence[AnimationKey]) -> None:
        if not isinstance(keys, (list, tuple)):
            raise TypeError("addKey takes a list of AnimationKey")
        curve = self._curve()
        for key in keys:
            new = curve.set_key(key.x, key.y)
            new.interpolation = key._key.interpolation
            new.lslope, new.rslope = key._key.lslope, key._key.rslope
        self._knob._changed()

    def removeKey(self, keys: Any) -> None:
        times = {k.x for k in (keys if isinstance(keys, (list, tuple)) else [keys])}
        curve = self._curve()
        curve.keys = [k for k in curve.keys if k.x not in times]
        self._knob._changed()

    def clear(self) -> None:
        self._curve().keys = []
        self._knob._changed()

    def changeInterpolation(self, keys: Sequence[AnimationKey], type: int) -> None:
        for key in keys:
            key.interpolation = type
        self._knob._changed()

    def constant(self) -> bool:
        return len({k.y for k in self._curve().keys}) <= 1

    def identity(self) -> bool:
        return False

    def expression(self) -> str:
        return self._curve().expression

    def setExpression(self, expression: str) -> None:
        self._knob.setExpression(expression, self._index)

    def noExpression(self) -> bool:
        return self._curve().expression == "curve"

    def knob(self) -> Array_Knob:
        return self._knob

    def knobIndex(self) -> int:
        return self._index

    def knobAndFieldName(self) -> str:
        if self._knob._size == 1:
            return self._knob._name
        return f"{self._knob._name}.{self._knob._names[self._index]}"

    def toScript(self, selected: bool = False) -> str:
        return self._curve().to_text()

    def fromScript(self, text: str) -> None:
        self._knob._parts[self._index].curve = curves.parse(text)
        self._knob._changed()

    def view(self) -> str:
        return "main"


# Channels, formats, links


class Channel_Knob(Knob):
    """Channels to work on, by name."""

    _type_number = 11

    def __init__(self, name: str, label: str | None = None, input: int = 0) -> None:
        super().__init__(name, label)
        self._input = input
        self._channels = "none"
        self._default = "none"

    def value(self) -> str:
        return self._channels

    def getValue(self, channel: int = -1) -> str:
        return self._channels

    def setValue(self, name: str) -> None:
        self._channels = _string(name)
        self._changed()

    def setInput(self, num: int) -> None:
        self._input = int(num)

    def inputNumber(self) -> int:
        return self._input

    def _from_text(self, text: str) -> None:
        if text.startswith("{") and "parent." in text:
            fault(f"{self._name!r}: an expression for channels is not known to this host")
        self._channels = text
        self._set = True

    def _to_text(self) -> str:
        return self._channels

    def _is_default(self) -> bool:
        return self._channels == self._default

    def _names_at(self, available: Sequence[str]) -> list[str]:
        """The channels it stands for; with "all", those available."""
        return host().layers.resolve(self._channels, available)

    def _starts_line(self) -> bool:
        return True


class ChannelMask_Knob(Channel_Knob):
    """A set of channels."""

    _type_number = 10


class Format_Knob(Knob):
    """A picture format."""

    _type_number = 17

    def __init__(self, name: str, label: str | None = None) -> None:
        super().__init__(name, label)
        self._format: formats.Format | None = None

    def value(self) -> formats.Format:
        if self._format is None:
            return host().root_format()
        return self._format

    def actualValue(self) -> formats.Format:
        return self.value()

    def setValue(self, value: Any) -> None:
        if isinstance(value, formats.Format):
            self._format = value
        else:
            self._from_text(_string(value))
        self._changed()

    def _from_text(self, text: str) -> None:
        if text in host().formats:
            self._format = host().formats[text]
        else:
            self._format = formats.from_text(text)
            if self._format.name():
                host().formats.setdefault(self._format.name(), self._format)
        self._set = True

    def _to_text(self) -> str:
        return self.value()._to_text()

    def notDefault(self) -> bool:
        return self._format is not None

    def _is_default(self) -> bool:
        return self._format is None


class Link_Knob(Knob):
    """A knob that shows another one."""

    _type_number = 41

    def __init__(self, name: str, label: str | None = None) -> None:
        super().__init__(name, label)
        self._link = ""

    def makeLink(self, s: str, t: str) -> None:
        self._link = f"{_string(s)}.{_string(t)}"

    def setLink(self, s: str) -> None:
        self._link = _string(s)

    def getLink(self) -> str:
        return self._link

    def getLinkedKnob(self) -> Knob | None:
        if not self._link or self._node is None:
            return None
        return host().find_knob(self._link, self._node)

    def _target(self) -> Any:
        found = self.getLinkedKnob()
        if found is None:
            fault(f"link {self._name!r} leads nowhere: {self._link!r}")
        return found

    def value(self, *args: Any) -> Any:
        return self._target().value(*args)

    def getValue(self, *args: Any) -> Any:
        return self._target().getValue(*args)

    def setValue(self, *args: Any) -> Any:
        return self._target().setValue(*args)

    def _from_text(self, text: str) -> None:
        self._target()._from_text(text)

    def _to_text(self) -> str:
        return str(self._target()._to_text())

    def _number(self, frame: float, component: int | None = None) -> float:
        return float(self._target()._number(frame, component))

    def _is_default(self) -> bool:
        return True

    def _definition_extra(self) -> list[str]:
        return ["T", _word(self._link)] if self._link else []


class Raw_Knob(Knob):
    """A knob whose text this host keeps and writes back without understanding it."""

    def __init__(self, name: str, label: str | None = None) -> None:
        super().__init__(name, label)
        self._text = ""

    def Class(self) -> str:
        return "Knob"

    def value(self, index: int | None = None) -> str:
        return self._text

    def getValue(self, channel: int = -1) -> str:
        return self._text

    def _from_text(self, text: str) -> None:
        self._text = text
        self._set = True

    def _to_text(self) -> str:
        return self._text


def evaluate_text(text: str, node: Node | None, frame: float) -> str:
    """Text with its ``[...]`` worked out.

    Raises
    ------
    HostFault
        If it uses a command other than ``value``, ``knob``, ``frame``, ``file`` (on names only)
        and Tcl's pure ones.
    """
    import tkinter

    running = host()
    kept = running.text_interpreter
    if kept is None:
        kept = running.text_interpreter = _TextInterpreter(running)
    return kept.evaluate(text, node, frame, tkinter.TclError)


class _TextInterpreter:
    """One Tcl interpreter for all string knobs of a host; it holds no variable of theirs."""

    def __init__(self, running: Host) -> None:
        self.running = running
        #: Node and frame of the texts under way, the innermost last.
        self.asked: list[tuple[Node | None, float]] = []
        self.caught: list[BaseException] = []
        names = ("value", "knob", "frame", "exists", "file", "python")
        self.interp = evaluator({name: self._guarded(name) for name in names})

    def evaluate(self, text: str, node: Node | None, frame: float, error: Any) -> str:
        self.asked.append((node, frame))
        try:
            self.interp.setvar("gui", "1" if self.running.gui else "0")
            return str(self.interp.call("subst", "-nobackslashes", text))
        except error as exc:
            if self.caught:
                first, self.caught = self.caught[0], []
                raise first from None
            fault(f"{text!r}: {exc}")
        finally:
            self.asked.pop()

    def _guarded(self, name: str) -> Any:
        call = getattr(self, f"on_{'value' if name == 'knob' else name}")

        def inner(*args: str) -> str:
            try:
                return str(call(*args))
            except BaseException as exc:
                self.caught.append(exc)
                raise

        return inner

    def on_value(self, *args: str) -> str:
        if len(args) != 1:
            fault(f"[value {' '.join(args)}] takes one knob")
        node, frame = self.asked[-1]
        return self.running.path_text(args[0], node, frame)

    def on_frame(self, *args: str) -> str:
        if args:
            fault("[frame] with an argument is not known to this host")
        return curves.number(self.asked[-1][1])

    def on_exists(self, *args: str) -> str:
        if len(args) != 1:
            fault(f"[exists {' '.join(args)}] takes one name")
        return "1" if self.running.path_exists(args[0], self.asked[-1][0]) else "0"

    def on_file(self, *args: str) -> str:
        return _file_name(*args)

    def on_python(self, *args: str) -> str:
        fault("[python ...] in a knob is refused by this host")


def _file_name(*args: str) -> str:
    """Tcl's ``file``, without what looks at a disk."""
    if len(args) < 2:
        fault(f"[file {' '.join(args)}]")
    sub, name = args[0], args[1]
    if sub == "dirname":
        head = name.rstrip("/").rpartition("/")
        return (head[0] or "/") if head[1] else "."
    if sub == "tail":
        return name.rstrip("/").rpartition("/")[2]
    if sub == "rootname":
        stem, dot, extension = name.rpartition(".")
        return stem if dot and "/" not in extension else name
    if sub == "extension":
        stem, dot, extension = name.rpartition(".")
        return dot + extension if dot and "/" not in extension else ""
    if sub == "join":
        return "/".join(a.rstrip("/") for a in args[1:])
    fault(f"[file {sub} ...] looks at the disk or is not known to this host")
