"""The knobs a gizmo adds to itself: the lists after ``addUserKnob``."""

from __future__ import annotations

from dataclasses import dataclass, field

from relip.errors import GizmoError
from relip.handoff import nk

STRING, FILE, INT, ENUM, BOOL, DOUBLE = 1, 2, 3, 4, 6, 7
TAB, BUTTON, TEXT, LINK, MULTILINE, PYTHON_CUSTOM, CASCADING = 20, 22, 26, 41, 43, 52, 68
#: Types that a number, name or text is the value of, and what they hold before anyone sets them.
_IMPLICIT = {STRING: "", FILE: "", MULTILINE: "", INT: "0", BOOL: "false", DOUBLE: "0"}
#: Types without a value worth keeping: tabs, buttons, text.
WITHOUT_VALUE = frozenset((TAB, BUTTON, TEXT))
#: Options followed by one word; ``R`` is followed by two.
_ONE_WORD = {"l": "label", "t": "tooltip", "T": "text", "M": "items", "n": "nesting"}


@dataclass(frozen=True)
class UserKnob:
    """One user knob.

    Attributes
    ----------
    type : int
        Nuke's number, e.g. 7 for a floating-point slider.
    name : str
        Empty for a divider without a name.
    label, tooltip, text : str or None
        ``l``, ``t`` and ``T``; None when not written.
    items : tuple of str
        The entries of a menu.
    nesting : str
        ``1`` opens a group of knobs, ``-1`` closes it, empty for a plain tab.
    range : tuple of str
        The two ends of a slider, or empty.
    flags : tuple of str
        E.g. ``+INVISIBLE``.
    """

    type: int
    name: str
    label: str | None = None
    tooltip: str | None = None
    text: str | None = None
    items: tuple[str, ...] = ()
    nesting: str = ""
    range: tuple[str, ...] = ()
    flags: tuple[str, ...] = field(default=())

    @property
    def closes_group(self) -> bool:
        """Whether it only ends a group of knobs."""
        return self.type == TAB and self.nesting.startswith("-")

    @property
    def implicit_default(self) -> str | None:
        """The value before anyone sets it; None where the text cannot tell."""
        if self.type in (ENUM, CASCADING) and self.items:
            return self.items[0]
        return _IMPLICIT.get(self.type)


def parse_user_knob(definition: str) -> UserKnob:
    """Read the list after ``addUserKnob``.

    Parameters
    ----------
    definition : str
        E.g. ``7 mix l Mix t "How much." R 0 1``.

    Returns
    -------
    UserKnob

    Raises
    ------
    GizmoError
        If it is not such a list.
    """
    short = " ".join(definition.split())[:60]
    try:
        words = nk.split_list(definition)
        kind, name = int(words[0]), words[1] if len(words) > 1 else ""
    except (nk.TclError, ValueError, IndexError) as exc:
        raise GizmoError(
            f"addUserKnob {{{short}}} is no list of type and name: {exc}",
            mend="make the knob again in Nuke's Manage User Knobs",
        ) from None
    found: dict[str, str] = {}
    items: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()
    flags = []
    position = 2
    while position < len(words):
        word = words[position]
        if word[:1] in ("+", "-") and len(word) > 1:
            flags.append(word)
            position += 1
        elif word == "R" and position + 2 < len(words):
            ends = (words[position + 1], words[position + 2])
            position += 3
        elif word in _ONE_WORD and position + 1 < len(words):
            found[_ONE_WORD[word]] = words[position + 1]
            position += 2
        else:
            raise GizmoError(
                f"addUserKnob {{{short}}}: {word[:40]!r} is no option of a knob",
                mend="make the knob again in Nuke's Manage User Knobs",
            )
    if "items" in found:
        try:
            items = tuple(nk.split_list(found.pop("items")))
        except nk.TclError as exc:
            raise GizmoError(
                f"addUserKnob {{{short}}}: its menu is no list: {exc}", mend="mend its braces"
            ) from None
    return UserKnob(
        kind,
        name,
        found.get("label"),
        found.get("tooltip"),
        found.get("text"),
        items,
        found.get("nesting", ""),
        ends,
        tuple(flags),
    )


def user_knobs(node: nk.Node) -> list[UserKnob]:
    """The user knobs of a node, in file order.

    Parameters
    ----------
    node : Node

    Returns
    -------
    list of UserKnob

    Raises
    ------
    GizmoError
        If one cannot be read.
    """
    return [parse_user_knob(definition) for definition in node.user_knobs]
