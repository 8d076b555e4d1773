"""Bring the Relip nodes of a comp to the newest version of their class, and leave all else alone.

Only what has to change is edited, in place: the class, the names of knobs,
values whose meaning changed, and expressions anywhere in the comp that name a
renamed knob. Connections, positions, names, animation and every byte of the
other nodes stay. What cannot be carried over is dropped and listed.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from typing import Any

from relip.gizmo.audit import known_knobs, own_knobs
from relip.gizmo.comp import Comp, Edits
from relip.gizmo.library import Library
from relip.gizmo.manifest import Entry, Migration
from relip.gizmo.nodeknobs import PANEL_DROPPED
from relip.gizmo.python_code import CALLBACKS, EXPRESSIONS
from relip.gizmo.references import references
from relip.gizmo.userknob import BUTTON, ENUM, LINK, PYTHON_CUSTOM, user_knobs
from relip.handoff import nk
from relip.handoff.nk_nodes import ADD_USER_KNOB
from relip.handoff.nk_nodes import Entry as Pair

#: What can happen to a knob or a mention of it; :attr:`Change.what`.
CHANGES = ("class", "renamed", "dropped", "value", "pinned", "expression", "look", "skipped")


@dataclass(frozen=True)
class Change:
    """One thing that was done, or that a person should look at.

    Attributes
    ----------
    node : str
        Path of the node.
    line : int
        Of the old text.
    what : str
        ``class``, ``renamed``, ``dropped``, ``value`` (its value was translated), ``pinned`` (the
        default changed: the old one is written out), ``expression`` (a mention was rewritten),
        ``look`` (cannot be done by a program), ``skipped`` (the node was left as it is).
    knob : str
    detail : str
    """

    node: str
    line: int
    what: str
    knob: str
    detail: str

    def to_dict(self) -> dict[str, Any]:
        """As JSON-able values."""
        return asdict(self)

    def __str__(self) -> str:
        knob = f".{self.knob}" if self.knob else ""
        return f"{self.node}{knob} (line {self.line}): {self.what}: {self.detail}"


@dataclass
class Upgraded:
    """The outcome of an upgrade.

    Attributes
    ----------
    text : str
        The comp after it.
    changes : list of Change
        By line.
    """

    text: str
    changes: list[Change] = field(default_factory=list)

    @property
    def needs_a_look(self) -> bool:
        """Whether something was dropped, skipped, or left to a person."""
        return any(c.what in ("dropped", "look", "skipped") for c in self.changes)


@dataclass
class _Plan:
    """What happens to the nodes of one class."""

    new: Entry
    renames: dict[str, str]
    dropped: dict[str, str]
    values: dict[str, list[tuple[str, dict[str, str]]]]
    pinned: dict[str, str]
    menus: dict[str, tuple[str, ...]]
    known: frozenset[str]
    known_before: frozenset[str]

    def drops(self, knob: str) -> bool:
        """Whether a knob of the old class is gone. One that neither class has is left alone."""
        if knob in self.dropped or self.is_stray(knob):
            return True
        return knob in self.known_before and self.renames.get(knob, knob) not in self.known

    def is_stray(self, knob: str) -> bool:
        """Whether only the new class has a knob: Nuke left its value aside, and now it counted."""
        return knob in self.new.schema and knob not in self.known_before


def upgrade(comp: Comp, library: Library, *, only: list[str] | None = None) -> Upgraded:
    """Bring Relip nodes to their newest version.

    Parameters
    ----------
    comp : Comp
    library : Library
    only : list of str, optional
        Names or paths of the nodes to upgrade; all by default. A clone goes with its original.

    Returns
    -------
    Upgraded
        With the same text when there is nothing to do.

    Raises
    ------
    UsageError
        If a node of ``only`` is not there.
    NkError, GizmoError
        If a gizmo of the library is damaged.
    """
    return _Upgrade(comp, library, only).run()


class _Upgrade:
    def __init__(self, comp: Comp, library: Library, only: list[str] | None) -> None:
        self.comp = comp
        self.library = library
        self.edits = Edits(comp.script.text)
        self.changes: list[Change] = []
        self.plans: dict[str, _Plan] = {}
        self.moved: dict[int, _Plan] = {}
        self.telling: set[str] = set()  # classes and knobs that are called otherwise now
        chosen = {id(_original(node)) for node in comp.chosen(library, only)}
        self.nodes = [n for n in comp.relip_nodes(library) if id(_original(n)) in chosen]

    def note(self, node: nk.Node, at: int, what: str, knob: str, detail: str) -> None:
        line = node.line if at < 0 else self.comp.script.text.count("\n", 0, at) + 1
        self.changes.append(Change(self.comp.path(node), line, what, knob, detail))

    def run(self) -> Upgraded:
        for node in self.nodes:
            plan = self.plan(node)
            if plan:
                self.moved[id(node)] = plan
        for node in self.nodes:
            if id(node) in self.moved:
                self.node(node, self.moved[id(node)])
        if self.moved:
            plans = self.plans.items()
            self.telling = {w for cls, p in plans for w in (cls, *p.renames, *p.dropped)}
            for node in self.comp.script.walk():
                self.mentions(node)
        self.changes.sort(key=lambda change: change.line)
        return Upgraded(self.edits.apply(), self.changes)

    def plan(self, node: nk.Node) -> _Plan | None:
        """Where a node's class leads; None when it stays."""
        cls = node.cls
        if cls in self.plans:
            return self.plans[cls]
        old = self.library.entries.get(cls)
        if old is None:
            self.note(node, -1, "skipped", "", f"{cls} is not in {self.library.folder}")
            return None
        new = self.library.newest(old.family)
        if new is None or new.order <= old.order:
            return None
        renames = {knob.name: knob.name for knob in old.knobs}
        dropped: dict[str, str] = {}
        values: dict[str, list[tuple[str, dict[str, str]]]] = {}
        for step, _ in self.library.steps(cls, new.cls):
            _advance(step, renames, dropped, values)
        pinned = _pinned(old, new, renames, dropped, values)
        menus = {
            knob.name: knob.items
            for knob in user_knobs(self.library.gizmo(new.cls))
            if knob.type == ENUM and knob.items
        }
        self.plans[cls] = _Plan(
            new,
            {k: v for k, v in renames.items() if k != v},
            dropped,
            values,
            pinned,
            menus,
            known_knobs(new.cls, self.library),
            self.known_before(old),
        )
        return self.plans[cls]

    def known_before(self, old: Entry) -> frozenset[str]:
        """The knobs of the old class; from the manifest alone when its file is gone."""
        if self.library.file_state(old.cls) == "missing":
            return frozenset(old.schema)
        return known_knobs(old.cls, self.library)

    def node(self, node: nk.Node, plan: _Plan) -> None:
        """One node: class, knobs, values, defaults."""
        text = self.comp.script.text
        start = node.span[0]
        head = text[start : node.body_span[0]]
        if not node.clone_of or node.cls in head:
            at = start + head.rindex(node.cls)
            self.edits.replace(at, at + len(node.cls), plan.new.cls)
        self.note(node, start, "class", "", f"{node.cls} → {plan.new.cls}")
        own = _own_knobs(node)
        for pair in node.entries:
            if pair.name != ADD_USER_KNOB and pair.name not in own:
                self.knob(node, pair, plan)
        if node.clone_of is None:
            self.pin(node, plan)

    def knob(self, node: nk.Node, pair: Pair, plan: _Plan) -> None:
        """One knob that the node sets."""
        base = pair.name.removesuffix(PANEL_DROPPED)
        suffix = pair.name[len(base) :]
        new = plan.renames.get(base, base)
        if plan.drops(base):
            reason = plan.dropped.get(base, f"{plan.new.cls} has no such knob")
            if plan.is_stray(base):
                reason = f"{node.cls} has no such knob, so it had no effect"
            if not suffix:
                value = " ".join(pair.value.split())
                self.note(node, pair.start, "dropped", base, f"{reason}; it was {value[:80]!r}")
            self.drop(pair)
            return
        if new not in plan.known:
            self.note(
                node, pair.start, "look", base, "neither version has this knob; left as it is"
            )
        if new != base:
            self.edits.replace(pair.start, pair.start + len(pair.name), new + suffix)
            if not suffix:
                self.note(node, pair.start, "renamed", base, f"now {new}")
        if base in plan.values and not suffix:
            self.value(node, pair, plan, new)
        elif new in plan.menus and not _is_moving(pair.value):
            self.menu(node, pair.start, new, pair.value, plan)

    def value(self, node: nk.Node, pair: Pair, plan: _Plan, new: str) -> None:
        """Translate a value through the steps."""
        value = pair.value.strip()
        for _, table in plan.values[pair.name]:
            value = table.get(value, value)
        if value != pair.value.strip():
            self.edits.replace(pair.value_start, pair.end, nk.quote(value))
            self.note(node, pair.start, "value", new, f"{pair.value.strip()!r} → {value!r}")
        elif not _is_moving(value):
            if new in plan.menus:
                self.menu(node, pair.start, new, value, plan)
        else:
            self.note(
                node, pair.start, "look", new,
                "its values have other names in the new version, and an animation or an expression "
                "cannot be translated",
            )  # fmt: skip

    def menu(self, node: nk.Node, at: int, knob: str, value: str, plan: _Plan) -> bool:
        """Whether the new menu has a value; said when it has not."""
        items = plan.menus[knob]
        if value in items or value.isdigit():
            return True
        has = ", ".join(items)
        self.note(node, at, "look", knob, f"{value!r} is not in the new menu, which has {has}")
        return False

    def drop(self, pair: Pair) -> None:
        """Take a knob out with its line, or with the blanks before it where others share it."""
        text = self.comp.script.text
        start, end = pair.start, pair.end
        while start > 0 and text[start - 1] in " \t":
            start -= 1
        rest = re.match(r"[ \t]*\r?\n", text[end:])
        if rest and (start == 0 or text[start - 1] == "\n"):
            end += rest.end()
        self.edits.replace(start, end, "")

    def pin(self, node: nk.Node, plan: _Plan) -> None:
        """Write out old defaults that the new class changed, for knobs the node leaves alone."""
        lines = []
        for knob, default in plan.pinned.items():
            old = next((k for k, v in plan.renames.items() if v == knob), knob)
            if old in node.knobs:
                continue
            if knob not in plan.menus or self.menu(node, -1, knob, default, plan):
                lines.append(f"{knob} {nk.quote(default)}")
                self.note(
                    node,
                    -1,
                    "pinned",
                    knob,
                    f"{plan.new.cls} begins with another value; kept {default!r}",
                )
        if lines:
            text, end = self.comp.script.text, node.body_span[1]
            line_start = text.rfind("\n", 0, end) + 1
            indent = re.match(r"[ \t]*", text[line_start:end])
            alone = bool(indent) and line_start + len(indent[0]) == end  # type: ignore[index]
            newline = self.edits.newline
            if alone:
                space = " " + (indent[0] if indent else "")
                new = "".join(f"{space}{line}{newline}" for line in lines)
                self.edits.replace(line_start, line_start, new)
            else:
                self.edits.replace(end, end, "".join(f" {line}" for line in lines) + " ")

    def mentions(self, node: nk.Node) -> None:
        """Knobs of upgraded nodes that this node's values name."""
        own = _own_knobs(node)
        plan = self.moved.get(id(node))
        for pair in node.entries:
            if not any(word in pair.value for word in self.telling):
                continue  # megabytes of roto shapes need no closer look
            if plan and pair.name not in own and pair.name != ADD_USER_KNOB:
                base = pair.name.removesuffix(PANEL_DROPPED)
                if plan.drops(base):
                    continue  # the whole knob goes
                if base in plan.values and any(
                    pair.value.strip() in t for _, t in plan.values[base]
                ):
                    continue  # its value is replaced as a whole
            if _is_python(pair):
                self.python(node, pair)
                continue
            if "[python" in pair.value:
                self.python(node, pair)
            for found in references(pair, node, self.comp):
                target = self.moved.get(id(found.node))
                if target is None or found.knob in _own_knobs(found.node):
                    continue
                who = self.comp.path(found.node)
                if found.knob in target.renames:
                    new = target.renames[found.knob]
                    self.edits.replace(found.start, found.end, new)
                    self.note(node, found.start, "expression", _knob_name(pair),
                              f"{who}.{found.knob} is now {new}")  # fmt: skip
                elif found.knob in target.dropped:
                    self.note(node, found.start, "look", _knob_name(pair),
                              f"its expression names {who}.{found.knob}, which was dropped: "
                              f"{target.dropped[found.knob]}")  # fmt: skip

    def python(self, node: nk.Node, pair: Pair) -> None:
        """Python is not rewritten; what seems to name a knob or class that changed is listed."""
        said = set()
        for other in self.nodes:
            plan = self.moved.get(id(other))
            about = re.search(rf"\b{re.escape(other.name)}\b", pair.value) if other.name else None
            if plan is None or not (about or other is node):
                continue
            for knob in (*plan.renames, *plan.dropped):
                if (other.name, knob) in said:
                    continue
                if re.search(rf"['\"]{re.escape(knob)}['\"]|\.{re.escape(knob)}\b", pair.value):
                    said.add((other.name, knob))
                    now = f"now {plan.renames[knob]}" if knob in plan.renames else "dropped"
                    detail = f"its Python seems to name {other.name}.{knob}, {now}"
                    self.note(node, pair.start, "look", _knob_name(pair), detail)
        for cls, plan in self.plans.items():
            if re.search(rf"\b{re.escape(cls)}\b", pair.value):
                self.note(node, pair.start, "look", _knob_name(pair),
                          f"its Python names the class {cls}, now {plan.new.cls}")  # fmt: skip


def _original(node: nk.Node) -> nk.Node:
    return node.clone_of or node


def _own_knobs(node: nk.Node) -> frozenset[str]:
    """The user knobs added to a node in the comp; a clone has those of its original too."""
    own = own_knobs(node)
    return own | own_knobs(node.clone_of) if node.clone_of else own


def _knob_name(pair: Pair) -> str:
    return pair.value.split()[1] if pair.name == ADD_USER_KNOB else pair.name


def _is_moving(value: str) -> bool:
    """Whether a value is an animation or an expression."""
    return "{" in value or "[" in value or nk.is_curve(value)


def _is_python(pair: Pair) -> bool:
    if pair.name == ADD_USER_KNOB:
        return pair.value.split()[0] in (str(BUTTON), str(PYTHON_CUSTOM))
    return pair.name in CALLBACKS or pair.name in EXPRESSIONS


def _advance(
    step: Migration,
    renames: dict[str, str],
    dropped: dict[str, str],
    values: dict[str, list[tuple[str, dict[str, str]]]],
) -> None:
    """Carry the names of the oldest class one migration further."""
    for knob, name in list(renames.items()):
        if name in step.dropped:
            dropped[knob] = step.dropped[name] or "dropped"
            del renames[knob]
            continue
        renames[knob] = step.renames.get(name, name)
        if renames[knob] in step.values:
            values.setdefault(knob, []).append((renames[knob], dict(step.values[renames[knob]])))


def _pinned(
    old: Entry,
    new: Entry,
    renames: dict[str, str],
    dropped: dict[str, str],
    values: dict[str, list[tuple[str, dict[str, str]]]],
) -> dict[str, str]:
    """Knobs of the new class whose default is not the old one's, with the old one."""
    result = {}
    schema = new.schema
    for knob in old.knobs:
        name = renames.get(knob.name)
        if name is None or knob.name in dropped or name not in schema:
            continue
        default = knob.default
        if knob.type == LINK and not default:
            continue  # the value of what it leads to, which the text does not tell
        for _, table in values.get(knob.name, []):
            default = table.get(default, default) if default is not None else None
        fresh = schema[name].default
        if default is not None and fresh is not None and not _equal(default, fresh):
            result[name] = default
    return result


def _equal(left: str, right: str) -> bool:
    """Whether two raw values are one: ``1`` and ``1.0``, ``true`` and ``1``."""
    a, b = left.split(), right.split()
    return len(a) == len(b) and all(_plain(x) == _plain(y) for x, y in zip(a, b, strict=True))


def _plain(word: str) -> object:
    try:
        return float({"true": "1", "false": "0"}.get(word, word))
    except ValueError:
        return word
