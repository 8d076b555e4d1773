"""Mouth controls to Nuke and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from handoff_making import keys_of

from relip.errors import InputError, UsageError
from relip.handoff import nk
from relip.handoff.curves import TOOLTIPS, curves_node, import_curves, read_curves, shot_curves
from relip.shot import Shot
from relip.speech import MOUTH_CONTROLS, read_mouth_csv, write_mouth_csv


def write(path: Path, *nodes: nk.Node) -> Path:
    nk.write(nk.Script(list(nodes), version="13.2 v8", paste=True), path)
    return path


def script(tmp_path: Path, *lines: str, name: str = "Mouth1") -> Path:
    """A comp as an artist may leave it."""
    body = "\n ".join(lines)
    path = tmp_path / "comp.nk"
    path.write_text(
        "version 13.2 v8\nNoOp {\n inputs 0\n"
        f" name {name}\n addUserKnob {{20 User}}\n {body}\n}}\n"
    )
    return path


def test_every_control_comes_back_exactly(tmp_path: Path):
    rng = np.random.default_rng(0)
    frames = list(range(-3, 40))
    curves = {c: np.round(rng.uniform(0, 1, len(frames)), 4) for c in MOUTH_CONTROLS}
    node = curves_node("RelipMouth", frames, curves)
    path = write(tmp_path / "c.nk", node)
    (read,) = nk.read(path).nodes
    assert read.cls == "NoOp" and read.inputs == []
    for control, column in curves.items():
        (text,) = nk.split_list(read.knobs[control])
        assert text.startswith("curve L x-3 ")
        assert keys_of(text) == dict(zip(frames, column.tolist(), strict=True))
    defined = [nk.split_list(k) for k in read.user_knobs]
    assert [d[1] for d in defined] == ["relip", *MOUTH_CONTROLS]
    assert all(d[0] == "7" and d[d.index("R") + 1 :] == ["0", "1"] for d in defined[1:])
    assert [d[d.index("t") + 1] for d in defined[1:]] == [TOOLTIPS[c] for c in MOUTH_CONTROLS]
    got_frames, got = read_curves(path)
    assert got_frames == frames and list(got) == list(MOUTH_CONTROLS)
    for control, column in curves.items():
        assert np.array_equal(got[control], column)


def test_linear_and_constant_stretches_hold_and_constants(tmp_path: Path):
    path = script(
        tmp_path,
        'addUserKnob {7 jawOpen l "jaw"}',
        "jawOpen {{curve L x1001 0 x1005 0.8 K x1006 0.5 x1009 0.1}}",
        "addUserKnob {7 mouthPress}",
        "mouthPress 0.25",
        "addUserKnob {7 other}",
        "other {{curve x1 0 x900 1}}",
    )
    frames, curves = read_curves(path)
    assert frames == list(range(1001, 1010)) and list(curves) == ["jawOpen", "mouthPress"]
    np.testing.assert_allclose(
        curves["jawOpen"], [0, 0.2, 0.4, 0.6, 0.8, 0.5, 0.5, 0.5, 0.1], rtol=0, atol=1e-12
    )
    assert (curves["mouthPress"] == 0.25).all()


def test_a_curve_holds_outside_its_keys(tmp_path: Path):
    path = script(tmp_path, "jawOpen {{curve L x3 0.5 0.7}}", "mouthClose {{curve L x1 0 x6 1}}")
    frames, curves = read_curves(path)
    assert frames == [1, 2, 3, 4, 5, 6]
    assert curves["jawOpen"].tolist() == [0.5, 0.5, 0.5, 0.7, 0.7, 0.7]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("jawOpen {{curve x1001 0 x1005 0.8}}", ["jawOpen", "smooth", "1001", "1005", "bake"]),
        ("jawOpen {{curve L x1001 0 1.5}}", ["jawOpen", "1.5", "between 0 and 1"]),
        ("jawOpen {{\"frame/100\"}}", ["jawOpen", "not a curve", "bake"]),
        ("jawOpen {{curve}}", ["jawOpen", "without keys"]),
        ("jawOpen {{curve L x5 0 x3 1}}", ["jawOpen", "order"]),
        ("jawOpen 0.5", ["no control is animated"]),
        ("size 5", ["no node has mouth controls", "--to curves"]),
    ],
)  # fmt: skip
def test_what_cannot_be_read_says_why(tmp_path: Path, line: str, words: list[str]):
    with pytest.raises(InputError) as caught:
        read_curves(script(tmp_path, line))
    for word in words:
        assert word in str(caught.value)


def test_one_of_several_nodes(tmp_path: Path):
    frames = [1, 2]
    two = [curves_node(n, frames, {"jawOpen": np.array([0, v])}) for n, v in (("A", 1), ("B", 0.5))]
    path = write(tmp_path / "two.nk", *two)
    with pytest.raises(InputError, match="A, B"):
        read_curves(path)
    assert read_curves(path, node="B")[1]["jawOpen"].tolist() == [0, 0.5]
    with pytest.raises(InputError, match="no node is called C"):
        read_curves(path, node="C")


def test_unknown_control():
    with pytest.raises(UsageError, match="smile"):
        curves_node("n", [1], {"smile": np.zeros(1)})


def test_edited_curves_become_the_shots_override(shot_copy: Path, tmp_path: Path):
    shot = Shot.open(shot_copy)
    before = shot_curves(shot)
    frames = list(range(1010, 1016))
    edited = {"jawOpen": np.array([0, 0.1, 0.2, 0.3, 0.4, 0.5])}
    path = write(tmp_path / "edit.nk", curves_node("Mouth", frames, edited))
    target = import_curves(shot, path)
    assert target == shot_copy / "overrides" / "mouth.csv"
    listed, columns = read_mouth_csv(target)
    assert listed == frames and list(columns) == ["jawOpen"]
    after = shot_curves(shot)
    rows = slice(frames[0] - shot.frames.start, frames[-1] - shot.frames.start + 1)
    assert np.array_equal(after["jawOpen"][rows], edited["jawOpen"])
    after["jawOpen"][rows] = before["jawOpen"][rows]
    for control in MOUTH_CONTROLS:
        assert np.array_equal(after[control], before[control])
    write_mouth_csv(target, frames, np.stack(list(edited.values()), 1), ("jawOpen",))
    late = curves_node("Mouth", [5000, 5001], {"jawOpen": np.zeros(2)})
    with pytest.raises(InputError, match="1001-1040"):
        import_curves(shot, write(tmp_path / "late.nk", late))
