"""Python inside knobs: where it stands, and whether Nuke's Python will compile it."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator

from relip.gizmo.userknob import BUTTON, PYTHON_CUSTOM, user_knobs
from relip.handoff import nk

#: The oldest Python a supported Nuke has (Nuke 14).
OLDEST = (3, 9)
#: Knobs that hold statements.
CALLBACKS = frozenset(
    (
        "knobChanged", "onCreate", "onDestroy", "updateUI", "beforeRender", "afterRender",
        "beforeFrameRender", "afterFrameRender", "renderProgress", "onScriptLoad", "onScriptSave",
        "onScriptClose", "beforeBackgroundRender", "afterBackgroundRender",
        "afterBackgroundFrameRender", "filenameFilter",
    )
)  # fmt: skip
#: Knobs that hold one expression.
EXPRESSIONS = frozenset(("autolabel",))
_IN_TCL = re.compile(r"\[\s*python\s+(?P<options>(?:-\w+\s+)*)\{(?P<code>[^{}]*)\}\s*\]")


def python_of(node: nk.Node) -> Iterator[tuple[str, str, str]]:
    """The Python in the knobs of a node.

    Parameters
    ----------
    node : Node

    Yields
    ------
    tuple of (str, str, str)
        The knob, ``exec`` or ``eval``, and the code.

    Raises
    ------
    GizmoError
        If a user knob cannot be read.
    """
    modes = dict.fromkeys(CALLBACKS, "exec") | dict.fromkeys(EXPRESSIONS, "eval")
    for knob in user_knobs(node):
        if knob.type in (BUTTON, PYTHON_CUSTOM):
            mode = "exec" if knob.type == BUTTON else "eval"
            modes[knob.name] = mode
            if knob.text:
                yield knob.name, mode, knob.text
    for name, value in node.knobs.items():
        if name in modes and value.strip():
            yield name, modes[name], value
        elif name not in modes:
            for found in _IN_TCL.finditer(value):
                statements = "-exec" in found["options"]
                yield name, "exec" if statements else "eval", found["code"]


def trouble(code: str, mode: str) -> str | None:
    """Why Python 3.9 does not compile this; None when it does.

    Parameters
    ----------
    code : str
    mode : str
        ``exec`` or ``eval``.

    Returns
    -------
    str or None
        The reason and the line within the code.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "\d" in a string is untidy, not wrong
            tree = ast.parse(code.strip() if mode == "eval" else code, "<knob>", mode,
                             feature_version=OLDEST)  # fmt: skip
            # A return outside a function and the like only show when it is compiled.
            compile(
                tree,  # type: ignore[call-overload]
                "<knob>",
                mode,
            )
    except SyntaxError as exc:
        return f"line {exc.lineno}: {exc.msg}"
    except (ValueError, RecursionError, MemoryError) as exc:
        return str(exc) or type(exc).__name__
    return None
