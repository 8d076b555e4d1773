"""Lets the gizmo tests import what they share from gizmo_making.py."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "handoff"))

from gizmo_making import make_library  # noqa: E402

from relip.gizmo.library import Library  # noqa: E402


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """RelipBlend 1.0 and 1.1."""
    return make_library(tmp_path / "gizmos")


@pytest.fixture
def three(tmp_path: Path) -> Library:
    """RelipBlend 1.0, 1.1 and 2.0."""
    return make_library(
        tmp_path / "three", ("RelipBlend_v1_0", "RelipBlend_v1_1", "RelipBlend_v2_0")
    )
