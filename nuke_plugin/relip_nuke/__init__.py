"""Relip inside Nuke: nodes, buttons, overrides, handoffs and the farm check.

Standard library and ``nuke`` only, Python 3.9 syntax. Nothing here imports the
engine: it is a process of its own that ``relip_nuke.engine`` talks to. This
file imports nothing, so that Nuke starts as fast as without it.
"""
