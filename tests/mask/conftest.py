"""What the mask tests share: the synthetic face of the track tests, and one that is painted."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "track"))
sys.path.insert(0, str(Path(__file__).parent))
