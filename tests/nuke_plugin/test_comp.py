"""The five-node comp on a real shot: the picture is the engine's, and nothing else changes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from relip.plate import read_exr
from relip.shot import Shot


def ulps(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Steps between half floats, 0 for equal ones."""
    ints = [np.asarray(x, np.float16).view(np.int16).astype(np.int32) for x in (a, b)]
    ordered = [np.where(i < 0, -32768 - i, i) for i in ints]
    return np.abs(ordered[0] - ordered[1])


def engine_comp(shot: Path, frame: int) -> np.ndarray:
    channels = read_exr(shot / "comp" / f"comp.{frame:04d}.exr")[0]
    return np.stack([channels[c] for c in "RGB"], -1)


def test_the_comp_is_the_engines_to_one_half_float_step(nuke, comp):
    Shot.open(comp.shot).run(until="blend")
    changed = 0
    for frame in (1001, 1013, 1022, 1040):
        mine, theirs = nuke.rgb("RelipBlend1", frame), engine_comp(comp.shot, frame)
        plate = nuke.rgb("Read1", frame)
        assert ulps(mine, theirs).max() <= 1
        changed += int((theirs != plate).any(-1).sum())
    assert changed > 1000  # there is a mouth in it
