r"""Path mapping: a shot described on one system is rendered on another.

A rule FROM=TO replaces the beginning of a path, as ``P:\show=/mnt/show``.
Rules come from ``--path-map`` and from the environment variable
RELIP_PATH_MAP (several with ``;`` between them); in the place of a rule either
takes a file of Open Job Description's ``pathmapping-1.0``. The longest FROM
that fits wins. They apply where the paths of ``shot.toml`` are resolved, so
nothing in the shot changes and no fingerprint does.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from relip.errors import InputError, SettingError

VARIABLE = "RELIP_PATH_MAP"

#: A drive letter with a separator, or a UNC share.
_WINDOWS = re.compile(r"^([A-Za-z]:([\\/]|$)|\\\\|//[^/])")


@dataclass(frozen=True)
class Rule:
    """One mapping.

    Attributes
    ----------
    source, target : str
        Without a separator at the end.
    windows : bool
        Whether ``source`` is a path of Windows: compared without regard to case and with both
        separators alike.
    """

    source: str
    target: str
    windows: bool

    def apply(self, path: str) -> str | None:
        """The path with its beginning replaced; None when the rule does not fit."""
        compared = path.replace("\\", "/").casefold() if self.windows else path
        source = self.source.replace("\\", "/").casefold() if self.windows else self.source
        if compared != source and not compared.startswith(source + "/"):
            return None
        rest = path[len(self.source) :]
        if self.windows and not is_windows(self.target):
            rest = rest.replace("\\", "/")
        return (self.target + rest) or "/"


_rules: tuple[Rule, ...] = ()


def use(values: Iterable[str]) -> None:
    """Take the rules of ``--path-map``, in place of those taken before.

    Raises
    ------
    SettingError
        If one is neither FROM=TO nor a file of rules.
    """
    global _rules
    _rules = tuple(rule for value in values for rule in parse(value))


def mapped(path: str) -> str:
    """A path with the longest rule that fits applied; unchanged when none does.

    Raises
    ------
    InputError
        If it is then still a path of another system.
    """
    rules = [*_rules, *_from_environment(os.environ.get(VARIABLE, ""))]
    for rule in sorted(rules, key=lambda r: -len(r.source)):
        result = rule.apply(path)
        if result is not None:
            path = result
            break
    if os.name != "nt" and is_windows(path) and not path.startswith("//"):
        raise InputError(
            f"{path} is a path of Windows, and no rule maps it",
            mend="give --path-map FROM=TO or RELIP_PATH_MAP, for example P:/show=/mnt/show",
        )
    return path


def is_windows(path: str) -> bool:
    r"""Whether a path is one of Windows: ``P:\…``, ``P:/…`` or ``\\server\share``."""
    return bool(_WINDOWS.match(path))


def parse(value: str) -> list[Rule]:
    """The rules that an option's value stands for.

    Raises
    ------
    SettingError
        If it is neither FROM=TO nor a file of rules.
    """
    source, equals, target = value.partition("=")
    if equals:
        return [_rule(value, source.strip(), target.strip())]
    return _read(Path(value))


@lru_cache(maxsize=8)
def _from_environment(text: str) -> tuple[Rule, ...]:
    return tuple(rule for part in text.split(";") if part.strip() for rule in parse(part.strip()))


def _rule(value: str, source: str, target: str) -> Rule:
    if not source or not target:
        raise SettingError(f"path map {value!r}", mend="write FROM=TO, as in P:/show=/mnt/show")
    return Rule(_ended(source), _ended(target), is_windows(source))


def _ended(path: str) -> str:
    return path.rstrip("/\\") if path not in ("", ".") else path


def _read(path: Path) -> list[Rule]:
    """The rules of a pathmapping-1.0 file; a session without rules has an empty object."""
    mend = "write FROM=TO, or name a file of pathmapping-1.0"
    try:
        data = json.loads(path.read_text("utf-8"))
        entries = data.get("path_mapping_rules", [])
        return [
            Rule(
                _ended(str(entry["source_path"])),
                _ended(str(entry["destination_path"])),
                str(entry["source_path_format"]).upper() == "WINDOWS",
            )
            for entry in entries
        ]
    except OSError as exc:
        reason = exc.strerror or exc
        raise SettingError(f"path map {str(path)!r}: {reason}", mend=mend) from None
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError):
        raise SettingError(f"path map {str(path)!r} holds no rules", mend=mend) from None
