"""What the plate tests share."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from plate_making import moving_pictures, write_planes  # noqa: E402


@pytest.fixture
def movie(tmp_path: Path) -> Path:
    """40 pictures of 96x64 at 25 fps, lossless H.264 with B pictures and a key every 12."""
    return write_planes(tmp_path / "movie.mp4", moving_pictures(40), "yuv420p")
