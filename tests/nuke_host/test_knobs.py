"""Values, text, animation and expressions of knobs."""

from __future__ import annotations

import struct

import pytest


def made(nuke, kind, *arguments):
    node = nuke.nodes.NoOp()
    knob = kind("k", "K", *arguments)
    node.addKnob(knob)
    return knob


def test_values_have_the_types_of_their_knobs(nuke_host):
    import nuke

    double = made(nuke, nuke.Double_Knob)
    double.setValue(2)
    assert double.value() == 2.0 and double.getValue() == 2.0
    whole = made(nuke, nuke.Int_Knob)
    whole.setValue(3.9)
    assert whole.value() == 3 and isinstance(whole.value(), int)
    tick = made(nuke, nuke.Boolean_Knob)
    tick.setValue(True)
    assert tick.value() is True and tick.getValue() == 1.0
    choice = made(nuke, nuke.Enumeration_Knob, ["a", "b c"])
    choice.setValue("b c")
    assert choice.value() == "b c" and choice.getValue() == 1.0
    choice.setValue(0)
    assert choice.value() == "a" and choice.values() == ["a", "b c"]
    position = made(nuke, nuke.XY_Knob)
    position.setValue([1, 2])
    position.setValue(5, 1)
    assert position.value() == [1.0, 5.0] and position.value(1) == 5.0 and position.x() == 1.0
    colour = made(nuke, nuke.Color_Knob)
    colour.setValue(0.5)
    assert colour.value() == 0.5
    colour.setValue([1, 2, 3])
    assert colour.value() == [1.0, 2.0, 3.0]


def test_a_knob_takes_nothing_of_another_kind(nuke_host):
    import nuke

    with pytest.raises(TypeError):
        made(nuke, nuke.Double_Knob).setValue("1")
    with pytest.raises(TypeError):
        made(nuke, nuke.String_Knob).setValue(1)
    with pytest.raises(TypeError):
        made(nuke, nuke.XY_Knob).setValue([1, 2, 3])
    with pytest.raises(NameError):
        nuke.nodes.NoOp()["nothing"]


def test_one_number_for_a_position_is_refused(nuke_host, nuke_refuses):
    import nuke

    with nuke_refuses("one number"):
        made(nuke, nuke.XY_Knob).setValue(1)


@pytest.mark.parametrize(
    ("text", "frame", "value"),
    [
        ("1.5", 1, 1.5),
        ("{curve x1001 1 x1003 3}", 1003, 3),
        ("{curve x1001 0 0.5 1}", 1002, 0.5),  # frames go on by one
        ("{curve x10 0 x20 1 5}", 30, 5),  # and then by the step before
        ("{curve K x1 1 x5 2}", 4.9, 1),
        ("{curve L x1 1 x5 2}", 4, 1.75),
        ("{curve L x1 1 x5 2}", 99, 2),
        ("{curve x0 0 x4 4 x8 8}", 2, 1.5),  # smooth: level at the first key, slope 1 at the next
        ("{curve x0 0 x4 4 x8 0}", 4, 4),
        ("{curve x0 0 x4 4 x8 2}", 6, 3),  # level at a turning point
        ("{curve x0 0 x1 0.1 x10 9}", 0.5, 0.0125),  # at most three times the flatter side
        ("{curve R x0 0 x4 4 x8 2}", 6, 3.125),  # Catmull-Rom: slope 1/4 there
        ("{curve R x0 0 s0 x4 4 x8 4}", 4, 4),
        ("{curve L x10 0 x20 1 5}", 25, 3),
        ("{{frame*2}}", 7, 14),
        ("{frame*2}", 7, 14),
        ("{1+2*3}", 1, 7),
        ("{2**3-2^2}", 1, 4),
        ("{frame>=7&&!(frame>7)?5:6}", 7, 5),
        ("{clamp(3,0,2)+max(1,4)}", 1, 6),
        ('{"curve + 1" x1 3}', 1, 4),
    ],
)
def test_script_text_of_a_number(nuke_host, text, frame, value):
    import nuke

    knob = made(nuke, nuke.Double_Knob)
    knob.fromScript(text if not text.startswith("{{") else text[1:-1])
    assert knob.getValueAt(frame) == pytest.approx(value)


def test_an_even_hermite_between_smooth_keys(nuke_host):
    import nuke

    knob = made(nuke, nuke.Double_Knob)
    knob.fromScript("{curve x0 0 x10 1}")
    for t in (1.0, 2.5, 5.0, 9.0):
        u = t / 10
        assert knob.getValueAt(t) == pytest.approx(3 * u**2 - 2 * u**3)


def test_animation_is_written_as_it_is_read(nuke_host):
    import nuke

    knob = made(nuke, nuke.XY_Knob)
    text = "{curve L x1001 1 2 x1010 4} {curve K x1001 5}"
    knob.fromScript(text)
    assert knob.toScript(False) == text
    assert knob.isAnimated() and knob.isAnimated(1) and knob.getKeyList() == [1001, 1002, 1010]


def test_keys_through_python(nuke_host):
    import nuke

    nuke.frame(5)
    knob = made(nuke, nuke.Double_Knob)
    knob.setValueAt(3, 1)
    assert not knob.isAnimated() and knob.value() == 3
    knob.setAnimated()
    assert knob.getKeyList() == [5.0]
    knob.setValueAt(1, 10)
    knob.setValue(9)  # at the current frame, since the knob is animated
    curve = knob.animation(0)
    keys = curve.keys()
    assert [(k.x, k.y) for k in keys] == [(5, 9), (10, 1)]
    curve.changeInterpolation(keys, nuke.LINEAR)
    assert knob.valueAt(7.5) == 5
    curve.addKey([nuke.AnimationKey(20, 4)])
    assert knob.valueAt(20) == 4
    knob.removeKeyAt(20)
    assert knob.getKeyList() == [5, 10]
    knob.clearAnimated()
    assert not knob.isAnimated() and knob.value() == 9


def test_floats_in_hexadecimal(nuke_host):
    import nuke

    knob = made(nuke, nuke.Double_Knob)
    knob.fromScript("x" + struct.pack(">f", 0.1).hex())
    assert knob.value() == pytest.approx(0.1, abs=1e-8)


def test_expressions_reach_other_nodes(nuke_host):
    import nuke

    group = nuke.nodes.Group(name="G")
    group.addKnob(nuke.Double_Knob("mix"))
    group.addKnob(nuke.XY_Knob("at"))
    group["mix"].setValue(0.25)
    group["at"].setValue([3, 4])
    with group:
        inner = nuke.nodes.Blur(name="B")
        inner["size"].setExpression("parent.mix * 4 + root.first_frame")
        move = nuke.nodes.Transform(name="T")
        move["translate"].setExpression("parent.at.x - 1", 0)
        move["translate"].setExpression("0-parent.at", 1)
        move["disable"].setExpression("[exists parent.input0] == 0")
    assert inner["size"].value() == 2
    assert inner["size"].hasExpression()
    assert move["translate"].value() == [2.0, -4.0]
    assert nuke.toNode("G.T") is move and nuke.expression("G.mix*2") == 0.5


@pytest.mark.parametrize(
    "expression",
    [
        "nothing.at",
        "random(1)",
        "parent.",
        "[python 1]",
        "[exec ls]",
        "[file exists /]",
        "size",
        "1/0",
    ],
)
def test_what_an_expression_cannot_say(nuke_host, nuke_refuses, expression):
    import nuke

    node = nuke.nodes.Blur()
    node["size"].setExpression(expression)
    with nuke_refuses():
        node["size"].value()


def test_text_with_tcl_in_it(nuke_host):
    import nuke

    nuke.root()["name"].setValue("/jobs/sh010/comp_v01.nk")
    nuke.frame(12)
    node = nuke.nodes.NoOp()
    node.addKnob(nuke.File_Knob("cache"))
    node["cache"].setValue("[file dirname [value root.name]]/track.%04d.exr")
    assert node["cache"].value().startswith("[file dirname")
    assert node["cache"].evaluate() == "/jobs/sh010/track.0012.exr"
    node["cache"].setValue("a.####.exr")
    assert node["cache"].evaluate() == "a.0012.exr"
    node["label"].setValue("[value this.cache]")
    assert node["label"].evaluate() == "a.####.exr"


def test_a_link_is_the_knob_it_shows(nuke_host):
    import nuke

    group = nuke.nodes.Group(name="G")
    with group:
        blur = nuke.nodes.Blur(name="B")
    link = nuke.Link_Knob("soft")
    link.makeLink("B", "size")
    group.addKnob(link)
    group["soft"].setValue(7)
    assert blur["size"].value() == 7 and group["soft"].getLinkedKnob() is blur["size"]


def test_flags_and_states(nuke_host):
    import nuke

    knob = made(nuke, nuke.Double_Knob)
    knob.setVisible(False)
    assert knob.getFlag(nuke.INVISIBLE) and not knob.visible()
    knob.clearFlag(nuke.INVISIBLE)
    knob.setEnabled(False)
    assert not knob.enabled() and knob.visible()
    knob.setTooltip("what it does")
    assert knob.tooltip() == "what it does"


def test_user_knobs_survive_saving(nuke_host, tmp_path):
    import nuke

    text = (
        "NoOp {\n inputs 0\n name N\n"
        ' addUserKnob {20 tab l "My tab" t "a tab"}\n'
        ' addUserKnob {4 mode l Mode t "one [of] \\"two\\"" M {auto "one by one" ""}}\n'
        ' mode "one by one"\n'
        " addUserKnob {7 open l Open R 0 1 +INVISIBLE}\n"
        " open {{curve L x1 0 x5 1}}\n"
        " addUserKnob {6 gpu l GPU -STARTLINE}\n gpu true\n"
        ' addUserKnob {22 go l Go T "print(\\"a\\\\n\\")\\nx = \\[1]" +STARTLINE}\n'
        ' addUserKnob {26 text l "" T "some {text}"}\n'
        " addUserKnob {20 end n -1}\n"
        "}\n"
    )
    nuke_host.paste(text)
    path = tmp_path / "a.nk"
    nuke_host.save(path)
    nuke_host.open(path)
    node = nuke.toNode("N")
    assert node["mode"].value() == "one by one"
    assert node["mode"].tooltip() == 'one [of] "two"'
    assert node["open"].getValueAt(3) == 0.5 and not node["open"].visible()
    assert node["gpu"].value() is True
    assert node["go"].command() == 'print("a\\n")\nx = [1]'
    assert node["text"].value() == "some {text}"
