"""Nuke scripts (.nk) and gizmos (.gizmo) without Nuke.

>>> script = parse("Read {\\n inputs 0\\n name A\\n}\\nBlur {\\n size 5\\n name B\\n}\\n")
>>> script.nodes[1].knobs["size"], script.nodes[1].inputs[0].name
('5', 'A')

Reading is strict and runs nothing (:mod:`relip.handoff.nk_reader`); writing
connects nodes through Nuke's stack (:mod:`relip.handoff.nk_writer`).
"""

from __future__ import annotations

from relip.errors import NkError
from relip.handoff.nk_curve import Key, curve, is_curve, number, parse_curve
from relip.handoff.nk_nodes import Entry, Node, Script
from relip.handoff.nk_reader import DEFAULT_LIMITS, Limits, parse, read, read_source
from relip.handoff.nk_tcl import TclError, braced, join_list, quote, split_list, words
from relip.handoff.nk_writer import format_nodes, format_script, save, write

__all__ = [
    "DEFAULT_LIMITS",
    "Entry",
    "Key",
    "Limits",
    "NkError",
    "Node",
    "Script",
    "TclError",
    "braced",
    "curve",
    "format_nodes",
    "format_script",
    "is_curve",
    "join_list",
    "number",
    "parse",
    "parse_curve",
    "quote",
    "read",
    "read_source",
    "save",
    "split_list",
    "words",
    "write",
]
