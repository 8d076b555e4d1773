"""YAML text of plain data: block style, every string in double quotes."""

from __future__ import annotations

import json
from typing import Any


def dump(value: Any) -> str:
    """Write dictionaries, lists, strings, whole numbers and flags as YAML.

    Strings are JSON strings, which YAML reads alike; so no word is taken for a
    flag or a number, and no character needs a rule of its own.

    Parameters
    ----------
    value : dict or list
    """
    return "\n".join(_lines(value)) + "\n"


def _lines(value: Any) -> list[str]:
    if isinstance(value, dict) and value:
        found = []
        for key, inner in value.items():
            if isinstance(inner, (dict, list)) and inner:
                found.append(f"{_key(key)}:")
                found += ["  " + line for line in _lines(inner)]
            else:
                found.append(f"{_key(key)}: {_scalar(inner)}")
        return found
    if isinstance(value, list) and value:
        found = []
        for inner in value:
            first, *rest = _lines(inner)
            found.append(f"- {first}")
            found += ["  " + line for line in rest]
        return found
    return [_scalar(value)]


#: Bare words that YAML 1.1 takes for flags or nothing.
_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}


def _key(key: str) -> str:
    plain = key.isascii() and key.isalnum() and key[0].isalpha() and key.lower() not in _WORDS
    return key if plain else _scalar(key)


def _scalar(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    # YAML takes no C1 controls and no line separators as they are
    return "".join(
        f"\\u{ord(c):04x}" if 0x7F <= ord(c) <= 0x9F or c in "\u2028\u2029\ufeff" else c
        for c in text
    )
