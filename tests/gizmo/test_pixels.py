"""Freezing and upgrading do not change a picture: the released gizmos, in the stand-in for Nuke."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from gizmo_making import comp

from relip.gizmo.freeze import freeze
from relip.gizmo.library import open_library
from relip.gizmo.upgrade import upgrade
from relip.handoff import nk
from relip.handoff.coordinates import Format
from relip.handoff.reads import read_node
from relip.plate import write_exr

GIZMOS = Path(__file__).parents[2] / "gizmos"
WIDTH, HEIGHT = 48, 32
FRAMES = (1001, 1005)


@pytest.fixture
def text(tmp_path: Path) -> str:
    """A plate, a patch with a soft edge, and a blend with animated colour driving a Multiply."""
    if not (GIZMOS / "RelipBlend_v1_1.gizmo").is_file():
        pytest.skip("no gizmos in this checkout")
    noise = np.random.default_rng(5)
    plate = noise.random((HEIGHT, WIDTH, 3), np.float32)
    patch = noise.random((HEIGHT, WIDTH, 4), np.float32)
    patch[:, : WIDTH // 3] = 0
    patch[..., :3] *= patch[..., 3:]
    reads = []
    for name, picture in (("Plate", plate), ("Patch", patch)):
        for frame in range(FRAMES[0], FRAMES[1] + 1):
            write_exr(
                tmp_path / f"{name}.{frame}.exr", picture, display=(WIDTH, HEIGHT), half=False
            )
        path = tmp_path / f"{name}.####.exr"
        reads.append(read_node(name, path, FRAMES, Format(WIDTH, HEIGHT), raw=True))
    blend = nk.Node(
        "RelipBlend_v1_0",
        "B",
        knobs={
            "colour": "{curve L x1001 1 x1005 2} 0.75 1.25",
            "gamma": "1.5",
            "feather": "2",
            "mix": "{curve L x1001 0.5 x1005 1}",
            "cache_ready": "true",
        },
        inputs=[*reads],
    )
    after = nk.Node("Multiply", "After", knobs={"value": "{B.colour.r}"}, inputs=[blend])
    return nk.Script([*reads, blend, after], version="13.2 v8").to_text()


def pictures(host, tmp_path: Path, text: str) -> list[np.ndarray]:
    path = tmp_path / "comp.nk"
    nk.save(text, path)
    host.open(path)
    return [host.picture(n, f).array("rgb") for f in FRAMES for n in ("B", "After")]


def test_a_frozen_comp_and_an_upgraded_comp_give_the_same_pixels(nuke_hosts, tmp_path, text):
    library = open_library(GIZMOS)
    host = nuke_hosts(gui=False)
    host.boot(GIZMOS)
    before = pictures(host, tmp_path, text)
    # What is compared is no blank: the blend shows, is animated, and the expression acts.
    assert before[0].std() > 0.1 and np.abs(before[0] - before[2]).max() > 0.1
    np.testing.assert_allclose(before[3], before[2] * 2, rtol=1e-6)
    newer = upgrade(comp(text), library)
    assert "RelipBlend_v1_0" not in newer.text
    both = freeze(comp(newer.text), library)
    for changed in (freeze(comp(text), library).text, newer.text, both.text):
        assert changed != text
        for old, new in zip(before, pictures(host, tmp_path, changed), strict=True):
            np.testing.assert_array_equal(old, new)
