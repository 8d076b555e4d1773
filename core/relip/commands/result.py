"""What a command gives back: data for ``--output json``, text for people, an exit code."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Result:
    """The outcome of one subcommand.

    Parameters
    ----------
    data : dict
        What a program reads: plain numbers, strings, lists and dicts, so that ``json.dumps``
        takes it as it is.
    text : str
        What a person reads; printed to stdout without a change.
    exit_code : int, default 0
        One of the codes in :mod:`relip.errors`.
    """

    data: dict[str, Any] = field(default_factory=dict)
    text: str = ""
    exit_code: int = 0

    def to_dict(self) -> dict[str, Any]:
        """The data, ready for ``json.dumps``."""
        return self.data

    def to_text(self) -> str:
        """The text for people."""
        return self.text


def plain(value: Any) -> Any:
    """A value as strict JSON takes it.

    NumPy's numbers and arrays become Python's, NaN and infinity (which JSON has
    no words for) become None, anything unknown its text.
    """
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, range)):
        return [plain(v) for v in value]
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return str(value)
