"""What the speech tests share: speech_material.py, and the synthetic face of the track tests."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "track"))
sys.path.insert(0, str(Path(__file__).parent))
