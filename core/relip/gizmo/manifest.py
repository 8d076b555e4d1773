"""The manifest ``gizmos.toml``: which gizmo is which version, and how old nodes become new ones.

A class name carries major and minor version (``RelipBlend_v1_0``). A released
file never changes: the manifest holds its SHA-256. What can be computed from
the files (checksums, knobs) is computed by :func:`compute`; what a person
decides (migrations, deprecations) stands in the manifest and is kept.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from relip.containment import plain_name
from relip.errors import GizmoError, reason
from relip.gizmo.userknob import LINK, WITHOUT_VALUE, UserKnob, user_knobs
from relip.handoff import nk

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

NAME = "gizmos.toml"
SCHEMA = 1
PROTOCOL = "1.0"
#: ``RelipBlend_v1_0``: family, major, minor.
CLASS = re.compile(r"([A-Za-z][A-Za-z0-9]*)_v(\d+)_(\d+)")
_VERSION = re.compile(r"\d+(?:\.\d+){1,2}")
_HEAD = """\
# Released gizmos of Relip. A released file never changes and is never deleted: mend it in a new
# version, and write here how nodes of the old class become the new one. sha256 and knobs are filled
# in by `relip gizmo manifest`; deprecated and migrations are written by hand.
"""


@dataclass(frozen=True)
class Knob:
    """A user knob of a class: its name, Nuke's type number, and its raw value when not set."""

    name: str
    type: int
    default: str | None = None


@dataclass(frozen=True)
class Migration:
    """How a node of an older class becomes one of the class that lists this.

    Attributes
    ----------
    source : str
        The older class.
    renames : mapping of old knob to new knob
    dropped : mapping of old knob to the reason
    values : mapping of new knob to mapping of old value to new value
    """

    source: str
    renames: Mapping[str, str] = field(default_factory=dict)
    dropped: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Entry:
    """One class of the manifest."""

    cls: str
    family: str
    version: str
    file: str
    sha256: str = ""
    protocol: str = PROTOCOL
    released: bool = False
    deprecated: bool = False
    knobs: tuple[Knob, ...] = ()
    migrations: tuple[Migration, ...] = ()

    @property
    def order(self) -> tuple[int, ...]:
        """Major, minor and patch as numbers, for comparing."""
        parts = [int(part) for part in self.version.split(".")]
        return tuple([*parts, 0, 0][:3])

    @property
    def schema(self) -> dict[str, Knob]:
        """The knobs by name."""
        return {knob.name: knob for knob in self.knobs}


def split_class(cls: str) -> tuple[str, str]:
    """Family and version of a class.

    Parameters
    ----------
    cls : str
        E.g. ``RelipBlend_v1_0``.

    Returns
    -------
    tuple of (str, str)
        E.g. ``("RelipBlend", "1.0")``.

    Raises
    ------
    GizmoError
        If the name carries no version.
    """
    found = CLASS.fullmatch(cls)
    if not found:
        raise GizmoError(
            f"{cls} carries no version", mend="name it FAMILY_vMAJOR_MINOR, e.g. RelipBlend_v1_0"
        )
    return found[1], f"{int(found[2])}.{int(found[3])}"


def read_manifest(path: Path) -> dict[str, Entry]:
    """Read a manifest.

    Parameters
    ----------
    path : Path

    Returns
    -------
    dict of class to Entry
        In the order of the file; empty when there is none.

    Raises
    ------
    GizmoError
        If it is no manifest; the message names the entry.
    """
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as exc:
        raise GizmoError(f"{path} cannot be read: {reason(exc)}", mend="mend its TOML") from None
    if data.get("schema", SCHEMA) != SCHEMA:
        raise GizmoError(
            f"{path} is of schema {data.get('schema')!r}, this Relip reads {SCHEMA}",
            mend="update Relip",
        )
    tables = data.get("gizmo", [])
    if not isinstance(tables, list):
        raise GizmoError(f"{path}: gizmo is no list of tables", mend="write [[gizmo]]")
    entries: dict[str, Entry] = {}
    for number, table in enumerate(tables, start=1):
        try:
            entry = _entry(table, str(data.get("protocol", PROTOCOL)))
        except (KeyError, TypeError, ValueError, AttributeError) as exc:
            name = table.get("class", f"number {number}") if isinstance(table, dict) else number
            raise GizmoError(
                f"{path}: gizmo {name}: {exc} is missing or of the wrong type",
                mend="compare it with the other entries",
            ) from None
        if entry.cls in entries:
            raise GizmoError(f"{path}: {entry.cls} stands there twice", mend="take one out")
        entries[entry.cls] = entry
    return entries


def _entry(table: Mapping[str, Any], protocol: str) -> Entry:
    cls = _text(table, "class")
    family, version = split_class(cls)
    knobs = tuple(
        Knob(_text(k, "name"), int(k["type"]), _text(k, "default") if "default" in k else None)
        for k in table.get("knobs", [])
    )
    migrations = tuple(
        Migration(
            _text(m, "from"),
            _texts(m.get("renames", {}), "renames"),
            _texts(m.get("dropped", {}), "dropped"),
            {k: _texts(v, f"values.{k}") for k, v in m.get("values", {}).items()},
        )
        for m in table.get("migrations", [])
    )
    entry = Entry(
        cls,
        str(table.get("family", family)),
        str(table.get("version", version)),
        str(table.get("file", f"{cls}.gizmo")),
        str(table.get("sha256", "")),
        str(table.get("protocol", protocol)),
        table.get("released", False) is True,
        table.get("deprecated", False) is True,
        knobs,
        migrations,
    )
    if not _VERSION.fullmatch(entry.version):
        raise ValueError(f"version {entry.version!r}")
    try:
        plain_name(entry.file)
    except ValueError:
        raise ValueError(f"file {entry.file!r}: it must lie beside the manifest, and it") from None
    return entry


def _text(table: Mapping[str, Any], key: str) -> str:
    value = table[key]
    if not isinstance(value, str):
        raise TypeError(repr(key))
    return value


def _texts(table: Any, key: str) -> dict[str, str]:
    if not isinstance(table, dict) or not all(isinstance(v, str) for v in table.values()):
        raise TypeError(repr(key))
    return dict(table)


def checksum(path: Path) -> str:
    """SHA-256 of a file's bytes, as 64 hexadecimal digits.

    Raises
    ------
    GizmoError
        If it cannot be read.
    """
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as exc:
        raise GizmoError(
            f"{path} cannot be read: {exc.strerror or exc}", mend="put the file back"
        ) from None


def top_node(script: nk.Script) -> nk.Node:
    """The one node of class Gizmo that a gizmo file holds.

    Raises
    ------
    GizmoError
        If it holds anything else.
    """
    nodes = [node for node in script.nodes if node.cls != "Root"]
    if len(nodes) != 1 or nodes[0].cls != "Gizmo":
        found = ", ".join(node.cls for node in nodes[:5]) or "nothing"
        raise GizmoError(
            f"{script.path or 'the gizmo'} holds {found}, not one Gizmo",
            mend="export it again from Nuke as a gizmo",
        )
    return nodes[0]


def knob_schema(gizmo: nk.Node) -> tuple[Knob, ...]:
    """The named user knobs of a gizmo with their defaults.

    Parameters
    ----------
    gizmo : Node

    Returns
    -------
    tuple of Knob
        In file order, without tabs, buttons and text.
    """
    values = gizmo.knobs
    inside = {node.name: node for node in gizmo.children}
    result = []
    for knob in user_knobs(gizmo):
        if not knob.name or knob.type in WITHOUT_VALUE:
            continue
        default = values.get(knob.name, knob.implicit_default)
        if knob.type == LINK and knob.name not in values:
            default = _linked(knob, inside)
        result.append(Knob(knob.name, knob.type, default))
    return tuple(result)


def same_knobs(listed: tuple[Knob, ...], computed: tuple[Knob, ...]) -> bool:
    """Whether a manifest's knobs are those of the file.

    Parameters
    ----------
    listed, computed : tuple of Knob
        A default that the file does not tell (computed as None) may be listed as anything.

    Returns
    -------
    bool
    """
    return len(listed) == len(computed) and all(
        (a.name, a.type) == (b.name, b.type) and b.default in (None, a.default)
        for a, b in zip(listed, computed, strict=True)
    )


def _linked(knob: UserKnob, inside: Mapping[str, nk.Node]) -> str | None:
    node, _, name = (knob.text or "").partition(".")
    return inside[node].knobs.get(name) if node in inside else None


def described(path: Path) -> Entry:
    """The entry that a gizmo file alone gives: checksum, version and knobs.

    Parameters
    ----------
    path : Path

    Returns
    -------
    Entry
        Not released, without migrations.

    Raises
    ------
    GizmoError
        If the file's name carries no version or it is no gizmo.
    NkError
        If it cannot be read.
    """
    family, version = split_class(path.stem)
    gizmo = top_node(nk.read(path))
    for knob in user_knobs(gizmo):
        if knob.name == "version":
            found = _VERSION.search(gizmo.knobs.get("version", knob.text or ""))
            version = found[0] if found else version
    if version.count(".") < 2:
        version += ".0"  # a patch release says so in its knob
    return Entry(path.stem, family, version, path.name, checksum(path), knobs=knob_schema(gizmo))


def compute(folder: Path, *, release: Iterable[str] | None = None) -> dict[str, Entry]:
    """The manifest a folder should have: computed from its files, decisions kept from the old one.

    Parameters
    ----------
    folder : Path
    release : iterable of str, optional
        Classes to release now.

    Returns
    -------
    dict of class to Entry
        By family and version.

    Raises
    ------
    GizmoError
        If a released file changed or is gone, or a class to release is not there.
    """
    old = read_manifest(folder / NAME)
    result = {}
    for path in sorted(folder.glob("*.gizmo")):
        fresh = described(path)
        entry = old.get(fresh.cls)
        if entry is None:
            result[fresh.cls] = fresh
        elif entry.released:
            if entry.sha256 != fresh.sha256:
                raise GizmoError(
                    f"{path} was released and has changed since",
                    mend="put the released file back and give the change a new version",
                )
            result[fresh.cls] = entry
        else:
            result[fresh.cls] = replace(
                entry,
                version=fresh.version,
                file=fresh.file,
                sha256=fresh.sha256,
                knobs=entry.knobs if same_knobs(entry.knobs, fresh.knobs) else fresh.knobs,
            )
    gone = [cls for cls, entry in old.items() if entry.released and cls not in result]
    if gone:
        raise GizmoError(
            f"{folder}: released and gone: {', '.join(gone)}",
            mend="put the file back; one that nobody should use any more is marked deprecated",
        )
    for cls in release or ():
        if cls not in result:
            raise GizmoError(f"{cls} is not in {folder}", mend="relip gizmo list shows what is")
        result[cls] = replace(result[cls], released=True)
    return dict(sorted(result.items(), key=lambda item: (item[1].family, item[1].order)))


def format_manifest(entries: Mapping[str, Entry]) -> str:
    """The text of a manifest.

    Parameters
    ----------
    entries : mapping of class to Entry

    Returns
    -------
    str
    """
    import tomli_w

    tables = []
    for entry in entries.values():
        table: dict[str, Any] = {
            "class": entry.cls,
            "family": entry.family,
            "version": entry.version,
            "file": entry.file,
            "sha256": entry.sha256,
            "protocol": entry.protocol,
            "released": entry.released,
            "deprecated": entry.deprecated,
        }
        if entry.migrations:
            table["migrations"] = [_migration(m) for m in entry.migrations]
        table["knobs"] = [
            {"name": k.name, "type": k.type} | ({} if k.default is None else {"default": k.default})
            for k in entry.knobs
        ]
        tables.append(table)
    data = {"schema": SCHEMA, "protocol": PROTOCOL, "gizmo": tables}
    return _HEAD + tomli_w.dumps(data)


def _migration(migration: Migration) -> dict[str, Any]:
    table: dict[str, Any] = {"from": migration.source}
    if migration.renames:
        table["renames"] = dict(migration.renames)
    if migration.dropped:
        table["dropped"] = dict(migration.dropped)
    if migration.values:
        table["values"] = {knob: dict(values) for knob, values in migration.values.items()}
    return table
