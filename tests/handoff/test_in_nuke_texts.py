"""The texts in tests/in_nuke/handoff, which a real Nuke pastes, are what the writers write.

``python tests/handoff/test_in_nuke_texts.py`` writes them anew after a writer was changed.
"""

from __future__ import annotations

import re
import struct
import sys
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "track"), str(HERE.parents[1] / "core")]

from handoff_making import make_scene  # noqa: E402

from relip.handoff import nk  # noqa: E402
from relip.handoff.cornerpin import cornerpin_nodes  # noqa: E402
from relip.handoff.curves import curves_node  # noqa: E402
from relip.handoff.export import write_nodes  # noqa: E402
from relip.handoff.roto import roto_node  # noqa: E402
from relip.handoff.scene import choose_points  # noqa: E402
from relip.handoff.tracker import tracker_node  # noqa: E402
from relip.handoff.transform import transform_node  # noqa: E402

FOLDER = HERE.parent / "in_nuke" / "handoff"
NAMES = ("cornerpin", "curves", "roto", "tracker", "transform")
_WORD = re.compile(r"[^\s{}]+|[{}]")
_NUMBER = re.compile(r"x?(-?\d+(?:\.\d+)?(?:e[-+]?\d+)?)")
_HEX = re.compile(r"x[0-9a-f]{8}")


def nodes_of(name: str) -> list[nk.Node]:
    """Three frames of a made face."""
    scene = make_scene(3)
    if name == "cornerpin":
        return cornerpin_nodes(scene)
    if name == "curves":
        controls = {"jawOpen": np.array([0, 0.5, 1.0]), "mouthPress": np.full(3, 0.25)}
        return [curves_node("Mouth", scene.frames, controls)]
    if name == "roto":
        return [roto_node(scene)]
    if name == "tracker":
        return [tracker_node(scene, choose_points(None))]
    return [transform_node(scene)]


def words(text: str) -> list[object]:
    """Its words, numbers as such: the last digit may differ from machine to machine."""
    result: list[object] = []
    for word in _WORD.findall(text):
        if _HEX.fullmatch(word):
            result.append(struct.unpack(">f", bytes.fromhex(word[1:]))[0])
        elif found := _NUMBER.fullmatch(word):
            result.append(float(found[1]))
        else:
            result.append(word)
    return result


@pytest.mark.parametrize("name", NAMES)
def test_the_texts_are_what_is_written(name: str, tmp_path: Path):
    write_nodes(tmp_path / "new.nk", nodes_of(name))
    kept, new = words((FOLDER / f"{name}.nk").read_text()), words((tmp_path / "new.nk").read_text())
    assert [type(word) for word in kept] == [type(word) for word in new]
    for old, fresh in zip(kept, new, strict=True):
        assert fresh == (pytest.approx(old, abs=2e-3) if isinstance(old, float) else old)


def test_there_is_no_other_text():
    assert sorted(path.stem for path in FOLDER.iterdir()) == sorted(NAMES)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for each in NAMES:
        write_nodes(FOLDER / f"{each}.nk", nodes_of(each))
