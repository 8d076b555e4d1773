"""What is wrong with a gizmo, found in its text.

Rules, each with its name: ``parse``, ``class``, ``version``, ``help``,
``tooltip``, ``tab``, ``tcl``, ``path``, ``position``, ``python``, ``knob``,
``link``, ``input``, ``manifest``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from relip.errors import GizmoError, NkError
from relip.gizmo.library import Library
from relip.gizmo.manifest import knob_schema, same_knobs, split_class, top_node
from relip.gizmo.nodeknobs import COMMON, GROUP, KNOWN, PANEL_DROPPED, can_have
from relip.gizmo.python_code import python_of, trouble
from relip.gizmo.userknob import BUTTON, FILE, LINK, TAB, TEXT, UserKnob, parse_user_knob
from relip.handoff import nk
from relip.handoff.nk_nodes import ADD_USER_KNOB, Entry
from relip.handoff.nk_tcl import TclError, words

#: Tcl that changes something outside the comp; no knob of a gizmo has a need for it.
_RUNS = re.compile(
    r"\[\s*(?:exec|open|source|load|socket|exit|file\s+(?:delete|rename|copy|mkdir)|cd)\b"
)
_ABSOLUTE = re.compile(r"(?:/(?![/*])[\w.~$%#-]+(?:/|$)|[A-Za-z]:[\\/]|\\\\\w|~[\w-]*/|file:///)")
_PLACES = re.compile(
    r"(?<![\w.:/\]})~-])/(?:home|Users|mnt|jobs|job|tmp|usr|opt|var|etc|Volumes|net|srv|root|work)/\w"
    r"|(?<!\w)[A-Za-z]:[\\/]{1,2}\w|(?<![\w\\])\\\\\\\\\w"
)
_PROSE = frozenset(("help", "label", "autolabel"))


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes
    ----------
    file : str
    line : int
        0 when it concerns the whole file.
    rule : str
    message : str
        What is wrong and what to do.
    """

    file: str
    line: int
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.rule}: {self.message}"


def lint_file(path: Path, library: Library | None = None) -> list[Finding]:
    """What is wrong with a gizmo file.

    Parameters
    ----------
    path : Path
    library : Library, optional
        To compare the file with its entry in the manifest.

    Returns
    -------
    list of Finding
        By line.
    """
    try:
        script = nk.read(path)
        gizmo = top_node(script)
    except (NkError, GizmoError) as exc:
        found = re.search(r", line (\d+): ", exc.message)
        return [Finding(str(path), int(found[1]) if found else 0, "parse", str(exc))]
    linter = _Linter(path, script, gizmo)
    findings = linter.all()
    if library is not None and library.folder.resolve() == path.resolve().parent:
        findings += _against_manifest(path, gizmo, library)
    return sorted(dict.fromkeys(findings), key=lambda f: (f.line, f.rule))


class _Linter:
    def __init__(self, path: Path, script: nk.Script, gizmo: nk.Node) -> None:
        self.path = path
        self.script = script
        self.gizmo = gizmo
        self.findings: list[Finding] = []

    def add(self, position: int, rule: str, message: str) -> None:
        line = self.script.text.count("\n", 0, position) + 1 if position >= 0 else 0
        self.findings.append(Finding(str(self.path), line, rule, message))

    def all(self) -> list[Finding]:
        knobs = self.user_knobs(self.gizmo)
        self.identity(knobs)
        self.tooltips(knobs)
        self.tabs(knobs)
        self.inputs()
        self.links(knobs)
        for node in (self.gizmo, *self.gizmo.walk()):
            self.names(node)
            self.values(node)
            self.python(node)
        for entry in self.gizmo.entries:
            if entry.name in ("xpos", "ypos", "selected"):
                self.add(entry.start, "position", f"{entry.name} on the gizmo itself; take it out")
        return self.findings

    def user_knobs(self, node: nk.Node) -> list[tuple[Entry, UserKnob]]:
        result = []
        for entry in node.entries:
            if entry.name == ADD_USER_KNOB:
                try:
                    result.append((entry, parse_user_knob(entry.value)))
                except GizmoError as exc:
                    self.add(entry.start, "knob", str(exc))
        return result

    def identity(self, knobs: list[tuple[Entry, UserKnob]]) -> None:
        """Class, version and help."""
        start, stem = self.gizmo.span[0], self.path.stem
        name = self.gizmo.knobs.get("name")
        if name not in (None, stem):
            self.add(start, "class", f"the gizmo is named {name}, its file {stem}; make them equal")
        if not self.gizmo.knobs.get("help", "").strip():
            self.add(start, "help", "no help text; say what the node does and what its inputs are")
        try:
            _, version = split_class(stem)
        except GizmoError as exc:
            self.add(start, "class", str(exc))
            return
        own = [(e, k) for e, k in knobs if k.name == "version"]
        if not own:
            self.add(start, "version", "no knob named version; add one that says " + version)
        for entry, knob in own:
            text = self.gizmo.knobs.get("version", knob.text or "")
            if not re.search(rf"(?<![\d.]){re.escape(version)}(?!\d)", text):
                self.add(
                    entry.start,
                    "version",
                    f"the knob version says {text!r}, the class {version}; make them agree",
                )

    def tooltips(self, knobs: list[tuple[Entry, UserKnob]]) -> None:
        """Each named knob but the end of a group says what it is for."""
        for entry, knob in knobs:
            divider = knob.type == TEXT and not knob.name
            if not divider and not knob.closes_group and not (knob.tooltip or "").strip():
                self.add(entry.start, "tooltip", f"{knob.name or 'a knob'} has no tooltip")

    def tabs(self, knobs: list[tuple[Entry, UserKnob]]) -> None:
        """The first tab has a name of its own; groups of knobs are closed."""
        if knobs and knobs[0][1].type != TAB:
            self.add(
                knobs[0][0].start,
                "tab",
                "the first user knob is no tab: Nuke would make one called User; add a tab before",
            )
        depth = 0
        for entry, knob in knobs:
            if knob.type != TAB:
                continue
            if "User" in (knob.name, knob.label):
                self.add(entry.start, "tab", "a tab called User; give it the tool's name")
            if knob.nesting and not knob.nesting.startswith("-"):
                depth += 1
            elif knob.closes_group:
                depth -= 1
                if depth < 0:
                    self.add(entry.start, "tab", "ends a group of knobs that none has begun")
                    depth = 0
        if depth:
            self.add(self.gizmo.span[0], "tab", "a group of knobs is never ended (n -1)")

    def inputs(self) -> None:
        """One Output; inputs numbered without gaps; the first called Input."""
        found = [n for n in self.gizmo.children if n.cls == "Input"]
        numbers = []
        for node in found:
            try:
                numbers.append(int(float(node.knobs.get("number", "0"))))
            except ValueError:
                self.add(node.span[0], "input", f"{node.name}: its number is no number")
        if sorted(numbers) != list(range(len(found))) and len(numbers) == len(found):
            self.add(
                self.gizmo.span[0],
                "input",
                f"inputs are numbered {sorted(numbers)}; number them from 0 without gaps",
            )
        first = [n for n, number in zip(found, numbers, strict=False) if number == 0]
        if first and first[0].name != "Input":
            self.add(
                first[0].span[0],
                "input",
                f"the first input is called {first[0].name}; Input hides its label in the graph",
            )
        declared = len(self.gizmo.inputs)
        if found and declared != len(found):
            self.add(
                self.gizmo.span[0],
                "input",
                f"inputs {declared}, but {len(found)} Input nodes; make them agree",
            )
        outputs = sum(n.cls == "Output" for n in self.gizmo.children)
        if outputs != 1:
            self.add(self.gizmo.span[0], "input", f"{outputs} Output nodes; a gizmo needs one")

    def links(self, knobs: list[tuple[Entry, UserKnob]]) -> None:
        """Each link leads to a knob that is there."""
        inside = {node.name: node for node in self.gizmo.children}
        for entry, knob in knobs:
            if knob.type != LINK:
                continue
            name, _, target = (knob.text or "").partition(".")
            node = inside.get(name)
            if node is None or not target:
                self.add(
                    entry.start, "link", f"{knob.name} leads to {knob.text!r}, which is not there"
                )
                continue
            own = {k.name for _, k in self.user_knobs(node)}
            known = node.cls in KNOWN or node.cls in ("Group", "Gizmo")
            if known and target not in own and not can_have(node.cls, target):
                self.add(entry.start, "link", f"{knob.name}: {name} has no knob {target}")

    def names(self, node: nk.Node) -> None:
        """No knob twice, none that the class cannot have."""
        own: dict[str, UserKnob] = {}
        for entry, knob in self.user_knobs(node):
            if knob.name and knob.name in own:
                self.add(entry.start, "knob", f"{knob.name} is added twice")
            own[knob.name] = knob
        is_group = node.cls in ("Gizmo", "Group", "LiveGroup")
        for entry in node.entries:
            if entry.name == ADD_USER_KNOB or entry.name in own:
                continue
            if entry.name.removesuffix(PANEL_DROPPED) in own:
                continue
            fine = entry.name in COMMON | GROUP if is_group else can_have(node.cls, entry.name)
            if not fine:
                who = node.name or node.cls
                self.add(entry.start, "knob", f"{who} ({node.cls}) has no knob {entry.name}")

    def values(self, node: nk.Node) -> None:
        """Tcl that would be run on reading, Tcl that does harm, paths of one machine."""
        own = {knob.name: knob for _, knob in self.user_knobs(node)}
        text = self.script.text
        for entry in node.entries:
            for position in unescaped(text, entry.value_start, entry.end):
                what = text[position : position + 20].split("\n")[0]
                self.add(
                    position, "tcl", f"{entry.name}: {what!r} is not escaped; write \\{what[0]}"
                )
            if _RUNS.search(entry.value):
                self.add(entry.start, "tcl", f"{entry.name} runs a command outside the comp")
            if entry.name == ADD_USER_KNOB:
                self.paths_of_user_knob(entry)
            elif self.is_absolute(entry, own.get(entry.name)):
                self.add(
                    entry.start,
                    "path",
                    f"{entry.name} holds an absolute path, {entry.value[:50]!r}; make it relative "
                    "to the shot or the project",
                )

    def is_absolute(self, entry: Entry, knob: UserKnob | None) -> bool:
        if _PLACES.search(entry.value):
            return True
        if entry.name in _PROSE or (knob and knob.type in (BUTTON, TEXT)):
            return False
        is_file = "file" in entry.name.lower() or bool(knob and knob.type == FILE)
        value = entry.value.strip()
        found = _ABSOLUTE.match(value)
        return bool(found) and (is_file or value.count("/") > 1 or "\\" in value)

    def paths_of_user_knob(self, entry: Entry) -> None:
        try:
            knob = parse_user_knob(entry.value)
        except GizmoError:
            return  # told already
        for part in (knob.text, knob.tooltip, knob.label, *knob.items):
            if part and _PLACES.search(part):
                self.add(entry.start, "path", f"{knob.name} names a place of one machine")
                return

    def python(self, node: nk.Node) -> None:
        """All Python compiles for the oldest Nuke."""
        try:
            found = list(python_of(node))
        except GizmoError:
            return  # told already
        for name, mode, code in found:
            reason = trouble(code, mode)
            if reason:
                entry = next(
                    (e for e in node.entries if e.name == name and e.value == code),
                    next(
                        (
                            e
                            for e in node.entries
                            if e.name == name
                            or (e.name == ADD_USER_KNOB and e.value.split()[1:2] == [name])
                        ),
                        None,
                    ),
                )
                at = entry.start if entry else node.span[0]
                who = f"{node.name or node.cls}.{name}"
                self.add(at, "python", f"{who} is no Python 3.9: {reason}")


def unescaped(text: str, start: int, end: int) -> Iterator[int]:
    """Where a value, as it is written, has a ``[`` or ``$`` that Tcl would act upon.

    In braces nothing is acted upon, but what is inside may be a list with
    quoted words of its own, as after ``addUserKnob``.

    Parameters
    ----------
    text : str
    start, end : int
        The source of the value, with its braces or quotes.

    Yields
    ------
    int
        Positions in ``text``.
    """
    if text[start] == "{":
        try:
            inner = list(words(text, start + 1, end - 1, continued=True))
        except TclError:
            return
        for word in inner:
            if text[word.start] == '"':
                yield from unescaped(text, word.start, word.end)
        return
    position = start
    while position < end:
        sign = text[position]
        if sign == "\\":
            position += 1
        elif sign == "[" or (
            sign == "$" and re.match(r"[\w{(]", text[position + 1 : position + 2])
        ):
            yield position
        position += 1


def _against_manifest(path: Path, gizmo: nk.Node, library: Library) -> Iterator[Finding]:
    """The entry of the file agrees with it."""
    cls = path.stem
    entry = library.entries.get(cls)

    def finding(message: str) -> Finding:
        return Finding(str(path), 0, "manifest", message)

    if entry is None or cls in library.unlisted:
        yield finding("not in gizmos.toml; run relip gizmo manifest")
        return
    if library.file_state(cls) == "modified":
        yield finding(
            "released and changed since; put the released file back and make a new version"
            if entry.released
            else "its checksum in gizmos.toml is old; run relip gizmo manifest"
        )
    if not entry.released:
        try:
            if not same_knobs(entry.knobs, knob_schema(gizmo)):
                yield finding("its knobs in gizmos.toml are old; run relip gizmo manifest")
        except GizmoError:
            return  # told already
    names = {knob.name for knob in entry.knobs}
    for migration in entry.migrations:
        source = library.entries.get(migration.source)
        if source is None:
            yield finding(f"migration from {migration.source}, which is not in gizmos.toml")
            continue
        old = {knob.name for knob in source.knobs}
        for knob in sorted({*migration.renames, *migration.dropped} - old):
            yield finding(f"migration of {knob}, which {migration.source} does not have")
        for knob in sorted({*migration.renames.values(), *migration.values} - names):
            yield finding(f"migration to {knob}, which {cls} does not have")
        for knob in sorted(old - names - {*migration.renames, *migration.dropped}):
            yield finding(
                f"{knob} of {migration.source} is gone; say in its migration whether it was "
                "renamed or dropped"
            )


def lint_manifest(library: Library) -> list[Finding]:
    """What is wrong with a manifest beyond its single files.

    Parameters
    ----------
    library : Library

    Returns
    -------
    list of Finding
    """
    from relip.gizmo.manifest import NAME

    path = str(library.folder / NAME)
    found = [
        Finding(path, 0, "manifest", f"{cls}: {entry.file} is gone; put it back")
        for cls, entry in library.entries.items()
        if library.file_state(cls) == "missing"
    ]
    for family in dict.fromkeys(entry.family for entry in library.entries.values()):
        own = sorted(
            (e for e in library.entries.values() if e.family == family), key=lambda e: e.order
        )
        for old, new in zip(own, own[1:], strict=False):
            if not any(migration.source == old.cls for migration in new.migrations):
                found.append(
                    Finding(
                        path,
                        0,
                        "manifest",
                        f"{new.cls} has no migration from {old.cls}; write one, empty if nothing "
                        "changed",
                    )  # fmt: skip
                )
    return found
