"""Whatever a file holds, reading it ends with tracks or with one clear error."""

from __future__ import annotations

from pathlib import Path

import pytest
from handoff_making import make_scene
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from relip.errors import RelipError
from relip.handoff.curves import read_curves
from relip.handoff.tracks import read_tracks

WORDS = st.sampled_from(
    ["{", "}", " ", "\n", "\t", '"', "curve", "x1", "x1e300", "xnan", "L", "K", "nan", "inf", "-",
     "1", "0.5", "1e400", "Tracker4", "CornerPin2D", "NoOp", "name", "tracks", "to1", "from1",
     "jawOpen", "[", "$", "\\", "Adobe After Effects 6.0 Keyframe Data", "Position",
     "Source Width", "Frame", '{"format": "relip-track", "frames": [1e999], "points": ']
)  # fmt: skip
TEXT = st.lists(WORDS | st.text(max_size=4), max_size=60).map("".join)
NODE = st.tuples(
    st.sampled_from(["Tracker4", "CornerPin2D", "NoOp"]),
    st.sampled_from(["tracks", "to1", "to3", "from2", "jawOpen"]),
    TEXT,
).map(lambda t: f"{t[0]} {{\n {t[1]} {{{t[2]}}}\n name N\n}}\n")
FORM = make_scene(9).form
FEW = settings(
    max_examples=150, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip


@pytest.mark.parametrize("name", ["f.txt", "f.json", "f.nk"])
@FEW
@given(text=TEXT | NODE)
def test_tracks(tmp_path: Path, name: str, text: str):
    path = tmp_path / name
    path.write_text(text, "utf-8", "replace")
    try:
        for track in read_tracks(path, FORM):
            assert len(track.frames) == len(track.places) > 0
    except RelipError as exc:
        assert str(path) in str(exc) or name in str(exc)


@FEW
@given(text=TEXT | NODE)
def test_curves(tmp_path: Path, text: str):
    path = tmp_path / "c.nk"
    path.write_text(text, "utf-8", "replace")
    try:
        frames, curves = read_curves(path)
        assert all(len(c) == len(frames) and 0 <= c.min() <= c.max() <= 1 for c in curves.values())
    except RelipError as exc:
        assert "c.nk" in str(exc)


@pytest.mark.parametrize(
    "value",
    ["{curve L x1 0 x2000000000 1}", "{curve L x1e300 0.5}", "{curve x1 nan}", "nan", "inf",
     "{curve L x1 0.5 x1 0.7}", "{{{{}}}}", "{curve L x-5 inf}"],
)  # fmt: skip
def test_curves_out_of_all_range(tmp_path: Path, value: str):
    path = tmp_path / "c.nk"
    path.write_text(f"NoOp {{\n name N\n jawOpen {{{value}}}\n}}\n")
    with pytest.raises(RelipError):
        read_curves(path)
