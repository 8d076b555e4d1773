"""The panels and shot.toml say the same: taken over, refused, read back, greyed out, stale.

The engine is not started, but its ``set`` is the real one: what it refuses is refused here.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from desk_making import FIRST, HEIGHT, LAST, WIDTH, Desk

from relip.commands.set import change
from relip.errors import RelipError
from relip.shot import Shot, ShotSettings

#: What a compositor enters, and what shot.toml says of it at 25 frames a second.
RENDER: dict[str, tuple[Any, dict[str, Any]]] = {
    "drive": ("track", {"render.drive": "track"}),
    "articulation": (1.25, {"render.articulation": 1.25}),
    "detail": (0.5, {"render.detail": 0.5}),
    "teeth": (0.25, {"render.teeth": 0.25}),
    "grain": (0.75, {"render.grain": 0.75}),
    "defocus": (0.125, {"render.defocus": 0.125}),
    "renderer": ("studio-lips", {"render.renderer": "studio-lips"}),
    "quality": ("draft", {"train.quality": "draft"}),
    "train_frames": ("1001-1002", {"train.frames": "1001-1002"}),
    "crop": ("512", {"train.crop": 512}),
    "device": ("cpu", {"train.device": "cpu", "render.device": "cpu"}),
    "seed": (7, {"train.seed": 7}),
    "steps": (40, {"train.steps": 40}),
    "witness_offset": (-10, {"drive.witness_offset": -0.4}),
    "witness_face": ("12,8@3", {"drive.witness_face": "12,8@3"}),
}
SPEECH: dict[str, tuple[Any, dict[str, Any]]] = {
    "language": ("de", {"dialogue.language": "de"}),
    "offset": (5, {"dialogue.offset": 0.2}),
    "when_longer": ("trim", {"dialogue.when_longer": "trim"}),
    "smoothing": (2, {"speech.smoothing": 2.0}),
    "calibrate": (False, {"speech.calibrate": False}),
    "gain_jawOpen": (1.25, {"speech.gain": ("jawOpen=1.25",)}),
    "gain_tongueOut": (0, {"speech.gain": ("tongueOut=0",)}),
}


@pytest.fixture
def real(desk: Desk) -> Desk:
    """The desk with the engine's own ``set`` and the plate handed over."""
    engine = desk.nuke.plugin("engine")

    def set_(params: dict[str, Any]) -> Any:
        try:
            return change(params["shot"], params["settings"]).data
        except RelipError as error:
            return engine.EngineError(error.message, error.mend or "", 2)

    desk.does["set"] = set_
    desk.nuke.plugin("pixels").hand_over(desk.node("Speech"), str(desk.shot))
    return desk


@pytest.fixture
def witness(tmp_path: Path) -> Path:
    """A recording as a sequence of two pictures; its pattern."""
    folder = tmp_path / "booth"
    folder.mkdir()
    for frame in (1, 2):
        cv2.imwrite(
            str(folder / f"actor.{frame:04d}.png"), np.full((HEIGHT, WIDTH, 3), 99, np.uint8)
        )
    return folder / "actor.####.png"


def settings(desk: Desk) -> dict[str, Any]:
    """shot.toml by ``section.name``."""
    written = Shot.open(desk.shot).settings.to_dict()
    return {f"{s}.{name}": v for s, values in written.items() for name, v in values.items()}


def last_years(desk: Desk) -> Desk:
    """The comp as it was saved with the nodes of version 1.0."""
    desk.save()
    text = desk.comp.read_text()
    for family in ("RelipSpeech", "RelipRender"):
        assert f"{family}_v1_1 {{" in text
        text = text.replace(f"{family}_v1_1", f"{family}_v1_0")
    desk.comp.write_text(text)
    desk.nuke.host.open(desk.comp)
    desk.plate = desk.nuke.node("Plate1")
    return desk


# ------------------------------------------------------------------------- taken over


@pytest.mark.parametrize(
    ("family", "knob"),
    [*(("Render", name) for name in RENDER), *(("Speech", name) for name in SPEECH)],
)
def test_a_knob_is_a_setting(real: Desk, family: str, knob: str):
    value, expected = (RENDER if family == "Render" else SPEECH)[knob]
    before = settings(real)
    assert real.press("Render", "update") == []
    unchanged = settings(real)
    # the panels' defaults are the engine's
    assert {k for k in before if before[k] != unchanged[k]} <= {"plate.colourspace", "plate.path"}
    real.node(family)[knob].setValue(value)
    assert real.press("Render", "update") == []
    after = settings(real)
    assert {k: v for k, v in after.items() if v != unchanged[k]} == expected


def test_files_are_found_from_the_comp_and_mapped(real: Desk, witness: Path, monkeypatch):
    render, folder = real.node("Render"), real.comp.parent
    (folder / "c.csv").write_text("frame,jawOpen\n1001,0.5\n")
    render["drive"].setValue("mix")
    render["mix_csv"].setValue(0.25)
    render["mix_video"].setValue(0.75)
    render["mix_speech"].setValue(0)
    render["csv"].setValue("c.csv")
    render["witness"].fromUserText(str(witness))
    render["models"].setValue("P:/show/models.toml")
    render["model_from"].setValue("other.relip")
    render["extra"].setValue(
        f"{witness}\n\n  [file dirname [value root.name]]/booth/actor.####.png"
    )
    real.node("Speech")["lexicon"].setValue("names.txt")
    (folder / "names.txt").write_text("Relip R IY L IH P\n")
    monkeypatch.setenv("RELIP_PATH_MAP", "P:/show=/mnt/show")
    for frame in (FIRST, 2):
        real.api.frame(frame)  # the viewer stands anywhere: the number stays open
        assert real.press("Render", "update") == []
        found = settings(real)
        assert found["render.csv"] == str(folder / "c.csv")
        assert found["drive.witness"] == str(witness).replace("####", "%04d")
        assert found["render.models"] == "/mnt/show/models.toml"
        assert found["train.model_from"] == str(folder / "other.relip")
        assert found["train.extra"] == (str(witness), str(witness))
        assert found["speech.lexicon"] == str(folder / "names.txt")
        assert found["drive.mix"] == ("csv=0.25", "video=0.75")
    assert settings(real)["render.drive"] == "speech"  # the mix takes its place


def test_the_number_of_a_sequence_stays_open_behind_tcl(real: Desk, witness: Path):
    render = real.node("Render")
    render["witness"].setValue("[file dirname [value root.name]]/booth/actor.%04d.png")
    for frame in (1, 1001):
        real.api.frame(frame)
        parts = real.nuke.plugin("nodes").parts(render)
        found = real.nuke.plugin("settings").of(parts)["drive"]["witness"]
        assert found == str(witness).replace("####", "%04d")
    render["witness"].setValue("booth/take2.mov")
    found = real.nuke.plugin("settings").of(parts)["drive"]["witness"]
    assert found == str(real.comp.parent / "booth" / "take2.mov")


def test_the_witness_is_counted_in_frames_of_the_shot_without_its_speech_node(real: Desk):
    render = real.node("Render")
    render.setInput(0, real.plate)
    render.setInput(1, None)
    render["shot"].setValue(str(real.shot))
    render["witness_offset"].setValue(25)
    parts = real.nuke.plugin("nodes").parts(render)
    assert "RelipSpeech" not in parts
    real.api.root()["fps"].setValue(50)
    assert real.nuke.plugin("settings").of(parts)["drive"]["witness_offset"] == 1.0


def test_an_animated_knob_gives_what_it_is_in_the_first_frame(real: Desk):
    """Not what it is where the viewer happens to stand."""
    render, speech, track = real.node("Render"), real.node("Speech"), real.node("Track")
    render["teeth"].fromScript(f"{{curve L x{FIRST} 0.25 x{LAST} 1}}")
    render["drive"].fromScript(f"{{curve K x{FIRST} 1 x{LAST} 2}}")
    render["seed"].setExpression("frame - 1000")
    speech["gain_jawOpen"].fromScript(f"{{curve L x{FIRST} 2 x{LAST} 0}}")
    speech["calibrate"].fromScript(f"{{curve K x{FIRST} 0 x{LAST} 1}}")
    track["face"].setValue("at the point")
    track["face_point"].fromScript(
        f"{{curve L x{FIRST} 2 x{LAST} 10}} {{curve L x{FIRST} 4 x{LAST} 8}}"
    )
    track["face_frame"].setValue(FIRST + 1)
    for frame in (FIRST, LAST, 1):
        real.api.frame(frame)
        assert real.press("Render", "update") == []
        found = settings(real)
        assert found["render.teeth"] == 0.25 and found["render.drive"] == "track"
        assert found["train.seed"] == 1 and found["speech.gain"] == ("jawOpen=2",)
        assert found["speech.calibrate"] is False
        # the point where it lies in its own frame
        assert found["track.face"] == f"6,{HEIGHT - 6}@{FIRST + 1}"


def test_what_means_the_same_is_not_spelt_anew(real: Desk, witness: Path, monkeypatch):
    """A shot whose paths are relative, or another system's, stays so when Nuke updates it."""
    render = real.node("Render")
    written = {
        "dialogue": {"audio": os.path.relpath(real.sound, real.shot), "text": "P:\\show\\new.txt"},
        "speech": {"gain": ["mouthPucker=1.50", "jawOpen=1.20", "tongueOut=1"]},
        "drive": {
            "witness": os.path.relpath(witness, real.shot),
            "mix": ["video=3", "speech=0.70"],
        },
    }
    monkeypatch.setenv("RELIP_PATH_MAP", f"P:\\show={real.words.parent}")
    real.make_shot(**written)
    real.node("Speech")["gain_jawOpen"].setValue(1.2)
    real.node("Speech")["gain_mouthPucker"].setValue(1.5)
    render["drive"].setValue("mix")
    render["mix_speech"].setValue(0.7)
    render["mix_video"].setValue(3)
    render["witness"].setValue(str(witness).replace("####", "%04d"))
    before = settings(real)
    real.nuke.plugin("state").refresh_all()
    assert real.press("Render", "update") == []
    after = settings(real)
    assert {k: v for k, v in after.items() if v != before[k]} == {"plate.colourspace": "ACEScg"}
    render["mix_video"].setValue(2)
    assert real.press("Render", "update") == []
    assert settings(real)["drive.mix"] == ("speech=0.7", "video=2")


# ---------------------------------------------------------------------------- refused


@pytest.mark.parametrize(
    ("knobs", "words"),
    [
        ({"drive": "video"}, "Drive is video, but Witness names no recording"),
        ({"drive": "mix", "mix_video": 0.5}, "Drive is video, but Witness names no recording"),
        ({"drive": "csv"}, "Drive is csv, but Controls file names none"),
        ({"drive": "mix", "mix_speech": 0}, "all weights are 0; give one of them a weight"),
        ({"drive": "mix", "mix_track": -1}, "Weight of track is -1; give 0 or more"),
        ({"witness_face": "the left one"}, "Witness face 'the left one' is none: write X,Y@FRAME"),
        ({"renderer": " "}, "Renderer is empty: write shot"),
        # and what only the engine knows
        ({"teeth": 1.5}, "render.teeth is 1.5; it must lie between 0 and 1"),
        ({"grain": -0.5}, "render.grain is -0.5"),
        ({"drive": "video", "witness": "/no/such.mov"}, "/no/such.mov"),
        ({"witness_face": "9,9,3,3@1"}, "9,9,3,3@1"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_what_is_no_setting_is_refused_and_nothing_changed(real: Desk, knobs, words: str):
    before = (real.shot / "shot.toml").read_bytes()
    for name, value in knobs.items():
        real.node("Render")[name].setValue(value)
    messages = real.press("Render", "update")
    assert len(messages) == 1 and words in messages[0], messages
    assert set(real.methods) <= {"set"}
    assert (real.shot / "shot.toml").read_bytes() == before
    assert not (real.shot / "overrides").exists()


@pytest.mark.parametrize("text", ["1,2@3", "-1.5,2", " 10 , 20 @ -5 ", "1,2,30,40@7", "1.,2@3"])
def test_faces_are_the_engines(real: Desk, text: str):
    from relip.track.people import parse_choice

    assert parse_choice(text) is not None
    real.node("Render")["witness_face"].setValue(text)
    assert real.press("Render", "update") == []
    assert settings(real)["drive.witness_face"] == text.strip()


def test_a_shot_without_a_recording_is_made_when_no_speech_drives_it(desk: Desk):
    desk.node("Speech")["audio"].setValue("")
    desk.node("Speech")["text"].setValue("")
    assert "Recording" in desk.press("Speech", "make_shot")[0]
    desk.node("Render")["drive"].setValue("track")
    desk.does["new"] = lambda params: {"frames": [FIRST, LAST]}
    assert desk.press("Speech", "make_shot") == []
    assert desk.methods == ["new", "status"]
    # and speech waits for nothing
    desk.make_shot(dialogue={"audio": "", "text": ""}, render={"drive": "track"})
    desk.nuke.plugin("state").refresh_all()
    assert desk.state("Speech") == "ready: no speech drives the mouth"


# ------------------------------------------------------------------- last year's comp


def test_a_node_of_last_year_leaves_what_it_does_not_know(real: Desk, witness: Path):
    """Its panel has no say in the newer settings, so those of the shot stay."""
    newer = {
        "drive": {"mix": ["speech=1", "video=1"], "witness": str(witness), "witness_offset": 0.5},
        "render": {"grain": 0.25, "teeth": 0.5, "renderer": "studio-lips"},
        "speech": {"smoothing": 2.0, "gain": ["jawOpen=1.5"], "calibrate": False},
        "train": {"crop": 512, "model_from": "/shots/a.relip"},
    }
    real.make_shot(**newer)
    before = settings(real)
    last_years(real)
    real.write_patches()
    real.nuke.plugin("state").refresh_all()
    assert real.node("Render").Class() == "RelipRender_v1_0"
    assert real.state("Render") == "ready"
    real.node("Render")["seed"].setValue(5)
    assert real.press("Render", "update") == []
    after = settings(real)
    assert {k: v for k, v in after.items() if v != before[k]} == {
        "train.seed": 5,
        "plate.colourspace": "ACEScg",
    }


def test_a_comp_of_last_year_renders_as_before(real: Desk):
    real.write_patches()
    real.nuke.plugin("state").refresh_all()
    new = [real.nuke.rgb(f"Relip{f}1", 1002) for f in ("Speech", "Render", "Blend")]
    last_years(real)
    real.nuke.plugin("state").refresh_all()
    old = [real.nuke.rgb(f"Relip{f}1", 1002) for f in ("Speech", "Render", "Blend")]
    assert all(np.array_equal(a, b) for a, b in zip(new, old, strict=True))
    assert not np.array_equal(new[2], real.nuke.rgb("Plate1", 1002))
    # nothing of it is greyed out that was not
    assert real.node("Render")["csv"].enabled()


# -------------------------------------------------------------------------- read back

#: A shot as somebody made it on the command line.
MADE = {
    "dialogue": {"language": "fr", "offset": 0.4, "when_longer": "trim"},
    "speech": {"smoothing": 0.5, "gain": ["jawOpen=1.2", "mouthPress=0"], "calibrate": False},
    "track": {"face": "10,4@1002"},
    "mask": {"grow": 0.05, "feather": 0.1, "jaw": 0.2, "sides": 0.0},
    "train": {
        "quality": "final", "steps": 50, "seed": 3, "frames": "1001-1002", "crop": 256,
        "model_from": "../a b.relip", "device": "cpu",
    },
    "render": {
        "articulation": 0.5, "detail": 0.25, "teeth": 0.75, "grain": 0.5, "defocus": 0.0,
        "renderer": "studio-lips", "models": "../models.toml", "device": "cpu",
    },
    "drive": {"mix": ["video=0.75", "track=0.25"], "witness_offset": -0.2, "witness_face": "1,2@3"},
    "blend": {"mix": 0.5},
}  # fmt: skip


@pytest.mark.parametrize("one_node", [False, True], ids=["five nodes", "one node"])
def test_a_shot_of_the_command_line_is_read_into_the_panels(
    real: Desk, witness: Path, one_node: bool
):
    made = {**MADE, "drive": {**MADE["drive"], "witness": str(witness)}}
    made["train"] = {**MADE["train"], "extra": [str(witness), "../b.mov"]}
    real.make_shot(**made)
    Shot.open(real.shot).change(plate={"colourspace": "ACEScg"}).save()
    before = settings(real)
    family = "Render"
    if one_node:
        real.plate.setSelected(True)
        one = real.nuke.plugin("comp").create("Relip")
        one.setInput(0, real.plate)
        one["shot"].setValue(str(real.shot))
        one["colourspace"].setValue("ACEScg")
        one["frames"].setValue(f"{FIRST}-{LAST}")
        family = ""
    messages = real.press(family, "read_settings")
    assert len(messages) == 1 and "say what the shot says now" in messages[0]
    assert "\n" in messages[0] and "is animated" not in messages[0]
    nodes, panel = real.nuke.plugin("nodes"), real.nuke.plugin("settings")
    top = real.nuke.node("Relip1") if one_node else real.node("Blend")
    said = panel.of(nodes.parts(top))
    for section, values in said.items():
        for name, value in values.items():
            assert panel.same(
                str(real.shot), f"{section}.{name}", value, _plain(before, section, name)
            )
    assert panel.differing(nodes.parts(top), str(real.shot), "render") == []
    if one_node:
        assert one["match_grain"].value() == 0.5 and one["grain"].value() == 0
        assert one["mix_video"].value() == 0.75 and one["mix"].value() == 0.5
    # and the next Update writes what was there
    if not one_node:
        assert real.press("Blend", "update") == []
        assert settings(real) == before
    # once more changes nothing
    assert real.press(family, "read_settings") == [
        f"Relip{family}1: the panels say what the shot says now"
    ]


def _plain(found: dict[str, Any], section: str, name: str) -> Any:
    value = found[f"{section}.{name}"]
    return list(value) if isinstance(value, tuple) else value


def test_what_a_panel_cannot_show_is_told(real: Desk):
    real.make_shot(
        dialogue={"when_longer": "pingpong"},
        track={"face": "1,1,9,9@1001"},
        mask={"grow": 0.1},
        train={"model_from": "../a [b].relip", "extra": ["P:\\b.mov"]},
        render={"models": "\\\\srv\\models.toml"},
    )
    real.node("Mask")["grow"].setExpression("frame/1000")
    (message,) = real.press("Render", "read_settings")
    assert "RelipRender1.model_from cannot hold" in message
    assert "RelipRender1.extra: no rule of RELIP_PATH_MAP maps P:\\b.mov" in message
    assert "RelipRender1.models: no rule of RELIP_PATH_MAP maps \\\\srv" in message
    for name in ("model_from", "extra", "models"):
        assert real.node("Render")[name].value() == ""
    assert "RelipSpeech1.when_longer has no pingpong" in message
    assert "RelipTrack1 cannot show a box, 1,1,9,9@1001" in message
    assert "RelipMask1.grow is animated and stays as it is" in message
    assert real.node("Speech")["when_longer"].value() == "refuse"
    real.make_shot(track={"face": "30,40"})
    (message,) = real.press("Render", "read_settings")
    assert "RelipTrack1 cannot show a point without a frame, 30,40" in message


def test_what_says_it_already_stays_as_it_was_typed(real: Desk):
    speech = real.node("Speech")
    speech["audio"].setValue("[file dirname [value root.name]]/new.wav")
    real.press("Render", "read_settings")
    assert speech["audio"].value() == "[file dirname [value root.name]]/new.wav"
    assert speech["frames"].value() == ""  # the range of what is connected


def test_opening_a_shot_in_fresh_nodes_takes_its_settings(real: Desk, witness: Path):
    """Else the first Update would write the defaults of the nodes over them."""
    real.make_shot(train={"quality": "final"}, render={"drive": "track"}, mask={"grow": 0.05})
    before = settings(real)
    real.plate.setSelected(True)
    fresh = real.nuke.plugin("comp").create_five()
    speech = fresh[0]
    speech.showControlPanel()
    speech["shot"].setValue(str(real.shot))
    assert Path(speech["audio"].value()) == real.sound
    # those below it are of the shot as well
    assert fresh[3]["quality"].value() == "final" and fresh[3]["drive"].value() == "track"
    assert fresh[2]["grow"].value() == 0.05
    panel, nodes = real.nuke.plugin("settings"), real.nuke.plugin("nodes")
    assert panel.differing(nodes.parts(fresh[4]), str(real.shot), "render") == []
    assert settings(real) == before
    # in nodes that somebody has used it is not done by itself
    mine = real.node("Speech")
    mine.showControlPanel()
    real.node("Render")["quality"].setValue("draft")
    mine["shot"].setValue("")
    mine["shot"].setValue(str(real.shot))
    assert real.node("Render")["quality"].value() == "draft"


# ------------------------------------------------------------------------- greyed out


def grey(desk: Desk, *names: str, family: str = "Render") -> list[str]:
    """Those of the knobs that are greyed out."""
    return [name for name in names if not desk.node(family)[name].enabled()]


WITNESS = ("witness", "witness_offset", "witness_face")
MIX = ("mix_speech", "mix_track", "mix_csv", "mix_video")
OWN = ("detail", "teeth", "defocus")
TRAIN = ("quality", "train_frames", "model_from", "extra", "steps", "crop", "train")


def test_what_has_no_say_is_greyed_out(desk: Desk):
    render = desk.node("Render")
    looked = (
        *WITNESS, *MIX, *TRAIN, "csv", "articulation", *OWN, "models", "seed", "device", "grain"
    )  # fmt: skip
    render.showControlPanel()
    assert grey(desk, *looked) == [*WITNESS, *MIX, "csv", "models"]
    render["drive"].setValue("video")
    assert grey(desk, *looked) == [*MIX, "csv", "models"]
    render["drive"].setValue("track")
    assert grey(desk, *looked) == [*WITNESS, *MIX, "csv", "articulation", "models"]
    render["drive"].setValue("mix")
    assert grey(desk, *looked) == [*WITNESS, "csv", "models"]
    render["mix_video"].setValue(0.5)
    assert grey(desk, *looked) == ["csv", "models"]
    render["mix_csv"].fromScript("{curve L x1001 0 x1003 1}")
    assert grey(desk, *looked) == ["models"]
    render["renderer"].setValue("studio-lips")
    assert grey(desk, *looked) == [*TRAIN, *OWN]
    render["grain"].setValue(0)
    assert grey(desk, *looked) == [*TRAIN, *OWN, "seed"]
    # it is so when the comp is opened again
    desk.save()
    desk.nuke.host.open(desk.comp)
    assert grey(desk, *looked) == [*TRAIN, *OWN, "seed"]
    assert grey(desk, "calibrate", family="Speech") == ["calibrate"]
    desk.node("Speech").showControlPanel()
    desk.node("Speech")["production_audio"].setValue("set.wav")
    assert grey(desk, "calibrate", family="Speech") == []


def test_the_one_node_greys_its_links_too(desk: Desk):
    one = desk.nuke.plugin("comp").create("Relip")
    inner = one.node("RelipRender1")
    looked = (*WITNESS, *MIX, "csv", "models", "grain", "match_grain")
    assert [n for n in looked if not one[n].enabled()] == [*WITNESS, *MIX, "csv", "models"]
    inner.showControlPanel()
    one["drive"].setValue("video")
    assert [n for n in looked if not one[n].enabled()] == [*MIX, "csv", "models"]
    assert inner["witness"].enabled() and not inner["csv"].enabled()


def test_greying_leaves_the_comp_unmodified(desk: Desk):
    desk.save()
    desk.nuke.host.open(desk.comp)
    assert not desk.api.modified()
    desk.node("Render").showControlPanel()
    assert grey(desk, "csv") == ["csv"] and not desk.api.modified()
    desk.save()
    assert "DISABLED" not in desk.comp.read_text()


# ------------------------------------------------------------------------------ state


def test_a_panel_differs_by_what_has_a_say(real: Desk, witness: Path):
    assert real.press("Render", "update") == []
    real.write_patches()
    state, render = real.nuke.plugin("state"), real.node("Render")
    state.refresh_all()
    assert real.state("Render") == "ready"
    render.showControlPanel()
    said = {
        "witness": str(witness), "witness_offset": 5, "csv": "c.csv", "models": "models.toml",
        "witness_face": "1,2@3", "mix_video": 0.5, "device": "cpu",
    }  # fmt: skip
    for name, value in said.items():
        render[name].setValue(value)
        assert real.state("Render") == "ready", name
    for name, value in {"teeth": 0.5, "grain": 0.5, "defocus": 0.5, "crop": "256"}.items():
        before = render[name].value()
        render[name].setValue(value)
        assert real.state("Render") == f"stale: panel differs ({name}); press Update"
        render[name].setValue(before)
        assert real.state("Render") == "ready"
    render["drive"].setValue("mix")
    assert real.state("Render") == (
        "stale: panel differs (witness, witness_face, drive, witness_offset); press Update"
    )
    render["drive"].setValue("track")
    assert real.state("Render") == "stale: panel differs (drive); press Update"
    # the dialogue moves no mouth then
    real.node("Speech")["gain_jawOpen"].setValue(2)
    state.refresh_all()
    assert real.state("Render") == "stale: panel differs (drive); press Update"
    render["drive"].setValue("speech")
    state.refresh_all()
    assert real.state("Render") == "stale: panel differs (strength); press Update"


def test_a_knob_of_a_node_inside_relip_shows_on_relip(real: Desk):
    real.write_patches()
    one = real.nuke.plugin("comp").create("Relip")
    one.setInput(0, real.plate)
    one["shot"].setValue(str(real.shot))
    real.press("", "read_settings")
    one["colourspace"].setValue("ACEScg")
    real.nuke.plugin("state").refresh_all()
    assert one["state"].value() == "ready"
    one.node("RelipRender1").showControlPanel()
    one["match_grain"].setValue(0.5)
    assert one["state"].value() == "stale: panel differs (match_grain); press Update"


def test_settings_of_nodes_are_no_picture(real: Desk):
    """Turning a setting changes no pixel above which a matte hangs; only files do."""
    tree_hash = real.nuke.plugin("pixels").tree_hash
    one = real.nuke.plugin("comp").create("Relip")
    one.setInput(0, real.plate)
    for node, names in (
        (real.node("Render"), ("grain", "teeth", "mix_video", "witness_offset", "renderer")),
        (one, ("match_grain", "teeth", "mix_video", "smoothing", "gain_jawOpen", "drive")),
    ):
        below = real.api.nodes.Grade(inputs=[node])
        before = tree_hash(below)
        for name in names:
            value = {"renderer": "other", "drive": "track"}.get(name, 0.5)
            node[name].setValue(value)
            assert tree_hash(below) == before, name
    one["grain"].setValue(1)  # RelipBlend's, which is laid over the patch live
    assert tree_hash(below) != before


@pytest.mark.parametrize("stage", ["render", "blend"])
def test_what_a_renderer_of_the_studio_hears_and_is_counts(real: Desk, stage: str):
    """Its file's checksum stands in models.toml; no network is trained for it."""
    models = real.comp.parent / "models.toml"
    models.write_text("# one\n")
    state = real.nuke.plugin("state")

    def differs(**settings: Any) -> list[str]:
        before = state.made_from(str(real.shot), stage)
        real.make_shot(**{**given, **settings})
        found = state.changed(before, state.made_from(str(real.shot), stage))
        real.make_shot(**given)
        return found

    given: dict[str, Any] = {
        "render": {"renderer": "lips", "models": str(models), "drive": "csv", "csv": str(models)}
    }
    real.make_shot(**given)
    assert differs(train={"steps": 5, "quality": "draft", "crop": 512}) == []
    for own in ("detail", "teeth", "defocus"):
        assert differs(render={**given["render"], own: 0.5}) == []
    assert differs(train={"seed": 5}) == ["settings"]  # of the grain
    assert differs(dialogue={"audio": str(real.sound), "offset": 0.5}) == ["settings"]
    assert differs(dialogue={"audio": str(real.words)}) == ["dialogue.audio"]
    assert differs(dialogue={"audio": str(real.sound), "text": ""}) == []
    before = state.made_from(str(real.shot), stage)
    models.write_text("# two\n")
    now = state.made_from(str(real.shot), stage)
    assert state.changed(before, now) == ["render.csv", "render.models"]


def test_what_is_learnt_from_counts_where_it_can_be_seen(real: Desk, witness: Path):
    """A farm machine that does not see the further plates renders from the caches all the same."""
    state, other = real.nuke.plugin("state"), real.comp.parent / "other.relip"
    (other / "model").mkdir(parents=True)
    (other / "shot.toml").write_text("version = 1\n")
    (other / "model" / "model.safetensors").write_bytes(b"one")
    real.make_shot(train={"extra": [str(witness)], "model_from": "../../other.relip"})
    before = state.made_from(str(real.shot), "render")
    assert None not in before.values()
    (other / "model" / "model.safetensors").write_bytes(b"two")
    after = state.made_from(str(real.shot), "render")
    assert state.changed(before, after) == ["train.model_from"]
    shutil.rmtree(other)
    shutil.rmtree(witness.parent)
    assert state.changed(before, state.made_from(str(real.shot), "render")) == []


def test_a_witness_counts_with_its_own_corrections(real: Desk, witness: Path):
    state = real.nuke.plugin("state")
    real.make_shot(render={"drive": "video"}, drive={"witness": str(witness)})
    before = state.made_from(str(real.shot), "render")
    assert before["drive.witness"]
    folder = real.shot / "witness" / "overrides"
    folder.mkdir(parents=True)
    (folder / "track.json").write_text("{}")
    after = state.made_from(str(real.shot), "render")
    assert state.changed(before, after) == ["overrides"]
    # all of its pictures count, whatever their numbers
    picture = witness.with_name("actor.0002.png")
    picture.write_bytes(picture.read_bytes() + b"\0")
    assert state.changed(after, state.made_from(str(real.shot), "render")) == ["drive.witness"]


# ----------------------------------------------------------------------------- frames


def test_a_longer_plate_takes_the_matte_along_at_once(real: Desk):
    """The matte is handed over for the frames that the shot has from now on."""
    assert real.press("Render", "update") == []
    real.node("Render").setInput(1, real.constant(0, 0, 0, 0.5))
    real.node("Speech")["frames"].setValue(f"{FIRST}-{LAST + 2}")
    real.plate["last"].setValue(LAST + 2)
    assert real.press("Render", "update") == []
    frames = sorted(path.name for path in (real.shot / "overrides").glob("mask.*"))
    assert frames == [f"mask.{frame}.exr" for frame in range(FIRST, LAST + 3)]


def test_a_shot_whose_frames_nobody_knows_is_asked_first(desk: Desk):
    """A shot of the command line, whole plate, opened without its RelipSpeech."""
    settings = {"plate": {"path": "nuke/plate.####.exr", "fps": "25"}, "render": {"drive": "track"}}
    shutil.rmtree(desk.shot)
    desk.shot.mkdir(parents=True)
    Shot(desk.shot, ShotSettings.from_dict(settings)).save()
    render = desk.node("Render")
    render.setInput(0, desk.plate)
    render.setInput(1, desk.constant(0, 0, 0, 0.5))
    render["shot"].setValue(str(desk.shot))
    render["drive"].setValue("track")
    render["first_frame"].setValue(1)
    render["last_frame"].setValue(1)
    desk.does["status"] = lambda params: {"frames": [FIRST, LAST], "stages": []}
    assert desk.press("Render", "update") == []
    assert desk.methods == ["set", "status", "render", "status"]
    frames = sorted(path.name for path in (desk.shot / "overrides").glob("mask.*"))
    assert frames == [f"mask.{frame}.exr" for frame in range(FIRST, LAST + 1)]


def test_a_shot_made_again_keeps_what_the_panels_do_not_say(desk: Desk):
    """Make shot is pressed again for another plate."""
    desk.make_shot(
        mask={"occlusion": False}, drive={"witness_offset": 0.5}, render={"layers": ["raw"]}
    )
    desk.node("Speech")["language"].setValue("de")
    desk.does["new"] = lambda params: {"frames": [FIRST, LAST]}
    assert desk.press("Speech", "make_shot") == []
    sent = ShotSettings.from_dict(desk.asked[0][1]["settings"])
    assert not sent.mask.occlusion and sent.drive.witness_offset == 0.5
    assert sent.render.layers == ("raw",) and sent.dialogue.language == "de"
    assert sent.plate.colourspace == "ACEScg"


def test_another_dialogue_of_the_plate_is_another_shot(desk: Desk):
    """A comp of its own must not write over the shot of the comp beside it."""
    first = desk.comp.parent / "relip" / "sh 010.relip"
    for number in ("", "_2", "_3"):
        desk.node("Speech")["shot"].setValue("")
        desk.does["new"] = lambda params: {"frames": [FIRST, LAST]}
        desk.press("Speech", "make_shot")
        made = Path(desk.asked[0][1]["shot"])
        assert made == first.with_name(f"sh 010{number}.relip")
        made.mkdir(parents=True, exist_ok=True)
        (made / "shot.toml").write_text("version = 1\n")
        # pressed again it is the same
        desk.press("Speech", "make_shot")
        assert Path(desk.asked[0][1]["shot"]) == made


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("bg.####.exr", "bg"),
        ("sh010_v002.%04d.dpx", "sh010_v002"),
        ("sh020.mov", "sh020"),
        ("interview_2.mp4", "interview_2"),
    ],
)
def test_a_shot_is_named_after_its_plate(desk: Desk, file: str, name: str):
    read = desk.api.nodes.Read()
    read["file"].fromUserText(str(desk.comp.parent / file))
    read["raw"].setValue(True)
    (desk.comp.parent / file.replace("####", "1001").replace("%04d", "1001")).touch()
    desk.node("Speech").setInput(0, read)
    found = desk.nuke.plugin("actions").default_shot(desk.node("Speech"))
    assert found == f"[file dirname [value root.name]]/relip/{name}.relip"


# ------------------------------------------------------------------------- the mask's


def test_what_stands_in_front_is_a_setting_of_the_mask(real: Desk):
    settings, mask = real.nuke.plugin("settings"), real.node("Mask")
    assert settings.of({"RelipMask": mask})["mask"]["occlusion"] is True
    mask["parser"].setValue("studio-parsing")
    mask.showControlPanel()
    assert grey(real, "parser", family="Mask") == []
    mask["occlusion"].setValue(False)
    assert grey(real, "parser", family="Mask") == ["parser"]
    said = settings.of({"RelipMask": mask})["mask"]
    assert (said["occlusion"], said["parser"]) == (False, "studio-parsing")
    # and back from the shot
    real.make_shot(mask={"occlusion": True, "parser": ""})
    real.nuke.plugin("readback").read(
        {"RelipMask": mask}, str(real.shot), real.nuke.plugin("readback").Read()
    )
    assert mask["occlusion"].value() is True and mask["parser"].value() == ""
