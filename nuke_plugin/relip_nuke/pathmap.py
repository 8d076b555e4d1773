r"""Path mapping as the engine does it: rules FROM=TO in RELIP_PATH_MAP, ``;`` between them.

In the place of a rule stands the name of a file of Open Job Description's
``pathmapping-1.0``, too. The longest FROM that fits wins.
"""

from __future__ import annotations

import os
import re

from relip_nuke import paths

VARIABLE = "RELIP_PATH_MAP"

#: A drive letter with a separator, or a UNC share.
_WINDOWS = re.compile(r"^([A-Za-z]:([\\/]|$)|\\\\|//[^/])")


def mapped(path: str) -> str:
    """A path with the longest rule that fits applied; unchanged when none does."""
    found = []
    for source, target in rules(os.environ.get(VARIABLE, "")):
        windows = bool(_WINDOWS.match(source))
        compared, begin = (_plain(path), _plain(source)) if windows else (path, source)
        if compared == begin or compared.startswith(begin + "/"):
            rest = path[len(source) :]
            if windows and not _WINDOWS.match(target):
                rest = rest.replace("\\", "/")
            found.append((len(source), target + rest))
    return max(found)[1] if found else path


def is_foreign(path: str) -> bool:
    """Whether a path is one of Windows that no rule maps to this system."""
    return os.name != "nt" and bool(re.match(r"[A-Za-z]:[\\/]|\\\\", mapped(path)))


def _plain(path: str) -> str:
    return path.replace("\\", "/").casefold()


def rules(text: str) -> list[tuple[str, str]]:
    """The pairs FROM, TO of a variable's text; what is none is left to the engine to refuse."""
    found: list[tuple[str, str]] = []
    for part in filter(None, (part.strip() for part in text.split(";"))):
        source, equals, target = part.partition("=")
        if equals:
            found.append((source.strip(), target.strip()))
            continue
        listed = paths.read_json(part).get("path_mapping_rules", [])
        for rule in listed if isinstance(listed, list) else []:
            if isinstance(rule, dict):
                found.append((str(rule.get("source_path")), str(rule.get("destination_path"))))
    return [(s.rstrip("/\\"), t.rstrip("/\\")) for s, t in found if s.rstrip("/\\")]


def resolve(shot: str, path: str) -> str:
    """A path of shot.toml here: mapped, and relative to the shot folder."""
    return os.path.normpath(os.path.join(shot, os.path.expanduser(mapped(path))))
