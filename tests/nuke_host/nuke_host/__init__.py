"""A strict stand-in for Nuke, for tests only. See README.md beside this package."""

from .app import Host
from .faults import HostFault
from .tcl import NoTcl

__all__ = ["Host", "HostFault", "NoTcl"]
