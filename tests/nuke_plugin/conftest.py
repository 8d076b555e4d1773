"""The plugin in the stand-in Nuke, on a real shot, with the real engine."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLUGIN = ROOT / "nuke_plugin"
GIZMOS = ROOT / "gizmos"


@pytest.fixture
def plugin_module() -> Iterator[Callable[[str], ModuleType]]:
    """Imports a module of the plugin that needs no Nuke: ``plugin_module("phones")``."""
    before = set(sys.modules)
    sys.path.insert(0, str(PLUGIN))
    try:
        yield lambda name: importlib.import_module(f"relip_nuke.{name}")
    finally:
        sys.path.remove(str(PLUGIN))
        for name in set(sys.modules) - before:
            if name.split(".")[0] == "relip_nuke":
                del sys.modules[name]
