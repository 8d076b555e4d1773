"""The lists after addUserKnob."""

from __future__ import annotations

from pathlib import Path

import pytest

from relip.errors import GizmoError
from relip.gizmo.userknob import UserKnob, parse_user_knob, user_knobs
from relip.handoff import nk


@pytest.mark.parametrize(
    ("text", "knob"),
    [
        ("20 relip l Relip", UserKnob(20, "relip", "Relip")),
        ("20 User", UserKnob(20, "User")),
        ('26 ""', UserKnob(26, "")),
        (
            '7 mix l "Mix it" t "How \\"much\\"." R 0 1 -STARTLINE +INVISIBLE',
            UserKnob(
                7, "mix", "Mix it", 'How "much".', range=("0", "1"),
                flags=("-STARTLINE", "+INVISIBLE"),
            ),
        ),
        (
            '4 mode l Mode M {auto single ""}',
            UserKnob(4, "mode", "Mode", items=("auto", "single", "")),
        ),
        ("20 adv l Advanced n 1", UserKnob(20, "adv", "Advanced", nesting="1")),
        ('20 adv_end l "" +STARTLINE n -1',
         UserKnob(20, "adv_end", "", nesting="-1", flags=("+STARTLINE",))),
        ("41 mix l Mix T Keymix1.mix", UserKnob(41, "mix", "Mix", text="Keymix1.mix")),
        ('22 go l Go T "a = \\[1]\\nb" +STARTLINE',
         UserKnob(22, "go", "Go", text="a = [1]\nb", flags=("+STARTLINE",))),
        ("7 t l t t t R -1 1", UserKnob(7, "t", "t", "t", range=("-1", "1"))),
    ],
)  # fmt: skip
def test_what_nuke_writes(text: str, knob: UserKnob):
    assert parse_user_knob(text) == knob


@pytest.mark.parametrize("text", ["", "x y", "7 a l", "7 a hello", "7 a R 0", "7 {a", "4 m M {{a}"])
def test_what_is_no_knob_is_refused(text: str):
    with pytest.raises(GizmoError) as caught:
        parse_user_knob(text)
    assert "addUserKnob" in str(caught.value) and caught.value.mend


def test_defaults_that_nobody_wrote():
    defaults = {
        "1 a": "", "2 a": "", "3 a": "0", "6 a": "false", "7 a": "0", "43 a": "",
        "4 a M {x y}": "x", "68 a M {x y}": "x", "4 a": None, "18 a": None, "12 a": None,
    }  # fmt: skip
    assert {t: parse_user_knob(t).implicit_default for t in defaults} == defaults


def test_the_samples(shared: Path):
    folder = shared / "nuke"
    if not folder.is_dir():
        pytest.skip(f"no samples in {folder}")
    knobs = user_knobs(nk.read(folder / "01_group_user_knobs.nk").nodes[0])
    assert [k.name for k in knobs if k.type == 22] == ["track"]
    assert next(k for k in knobs if k.name == "mode").items == ("auto", "single", "")
    assert [k.name for k in knobs if k.closes_group] == ["grp_adv_end"]
