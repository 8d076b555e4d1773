"""What of Nuke's side is there: the registration of the plugin, its gizmos, its protocol."""

from __future__ import annotations

import ast
import hashlib
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from relip.environment import OK, WARNING, Check

#: The comment of the line that install.py adds to an init.py.
MARK = "# relip: added by install.py"

_LINE = re.compile(r"pluginAddPath\((.*)\)\s*" + re.escape(MARK))
_PROTOCOL = re.compile(r"(?m)^PROTOCOL = \"([\d.]+)\"$")


@dataclass(frozen=True)
class Found:
    """A plugin that Nuke would load.

    Attributes
    ----------
    plugin : Path
        The folder nuke_plugin.
    where : str
        What names it: an init.py, NUKE_PATH, or the checkout.
    registered : bool
        Whether Nuke finds it without being told.
    """

    plugin: Path
    where: str
    registered: bool


def find(environ: dict[str, str] | None = None) -> Found | None:
    """The plugin Nuke would load first, else the one of this checkout, else None."""
    given = dict(os.environ) if environ is None else environ
    folders = [Path(p) for p in given.get("NUKE_PATH", "").split(os.pathsep) if p]
    home = given.get("HOME") or given.get("USERPROFILE") or str(Path.home())
    for folder in [*folders, Path(home) / ".nuke"]:
        if (folder / "relip_nuke").is_dir():
            return Found(folder, "NUKE_PATH", True)
        init = folder / "init.py"
        try:
            text = init.read_text("utf-8", errors="replace")
        except OSError:
            continue
        match = _LINE.search(text)
        if match:
            try:
                path = str(ast.literal_eval(match[1]))
            except (ValueError, SyntaxError):
                continue
            return Found(folder / path, str(init), True)
    checkout = Path(__file__).resolve().parents[2] / "nuke_plugin"
    return Found(checkout, "the checkout", False) if checkout.is_dir() else None


def checks(environ: dict[str, str] | None = None) -> list[Check]:
    """What ``relip doctor`` says about Nuke; none of it is needed by the engine.

    Returns
    -------
    list of Check
    """
    found = find(environ)
    if found is None:
        detail = "no plugin on NUKE_PATH, in ~/.nuke or beside the engine"
        return [Check("nuke plugin", OK, detail, needed=False)]
    mend = "run python3 install.py --nuke"
    if not (found.plugin / "init.py").is_file():
        detail = f"{found.where} names {found.plugin}, which is not there"
        return [Check("nuke plugin", WARNING, detail, mend, needed=False)]
    detail = f"{found.plugin} ({found.where})"
    if not found.registered:
        detail += f", not registered with Nuke; {mend} to use it there"
    return [
        Check("nuke plugin", OK, detail, needed=False),
        _protocol(found.plugin),
        _gizmos(found.plugin.parent / "gizmos"),
    ]


def _protocol(plugin: Path) -> Check:
    from relip.worker import PROTOCOL

    try:
        match = _PROTOCOL.search((plugin / "relip_nuke" / "link.py").read_text("utf-8"))
    except (OSError, UnicodeDecodeError):
        match = None
    theirs = match[1] if match else "unknown"
    if theirs.split(".")[0] == PROTOCOL.split(".")[0]:
        return Check("nuke protocol", OK, f"plugin {theirs}, engine {PROTOCOL}", needed=False)
    return Check(
        "nuke protocol",
        WARNING,
        f"the plugin speaks {theirs}, this engine {PROTOCOL}",
        "install both from the same release: python3 install.py --nuke",
        needed=False,
    )


def _gizmos(folder: Path) -> Check:
    """Whether each gizmo of the manifest is there, with the bytes it was released with."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    name, manifest = "nuke gizmos", folder / "gizmos.toml"
    mend = "install the plugin again: python3 install.py --nuke"
    try:
        with manifest.open("rb") as file:
            entries = tomllib.load(file)["gizmo"]
        wrong = []
        for entry in entries:
            path = folder / entry["file"]
            if path.parent != folder or not path.is_file():
                wrong.append(f"{entry['file']} is missing")
                continue
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            if digest != entry.get("sha256", digest):
                wrong.append(f"{entry['file']} was changed after its release")
    except FileNotFoundError:
        return Check(name, WARNING, f"{manifest} is missing", mend, needed=False)
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError) as exc:
        return Check(name, WARNING, f"{manifest} is damaged: {exc}", mend, needed=False)
    if wrong:
        return Check(name, WARNING, "; ".join(wrong), mend, needed=False)
    return Check(name, OK, f"{len(entries)} as released ({folder})", needed=False)
