"""Headless renders need caches only; what is missing or stale is named; cancel and crash."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from tests.nuke_plugin.conftest import PATIENCE
from tests.nuke_plugin.test_comp import engine_comp, ulps

from relip.plate import read_exr
from relip.shot import Shot


@pytest.fixture
def terminal(nukes, comp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """``nuke -t`` on a machine without the engine, a Write below the comp."""
    monkeypatch.setenv("RELIP_ENGINE", str(tmp_path / "no engine here"))
    nuke = nukes(gui=False)
    nuke.plugin("engine").stop()
    nuke.host.open(comp.path)
    write = nuke.api.nodes.Write(inputs=[nuke.node("RelipBlend1")])
    write["file"].setValue(str(tmp_path / "out" / "out.####.exr"))
    write["file_type"].setValue("exr")
    write["raw"].setValue(True)
    write["create_directories"].setValue(True)
    nuke.write, nuke.out = write, tmp_path / "out"
    return nuke


def test_a_render_needs_the_caches_only(terminal, comp):
    Shot.open(comp.shot).run(until="blend")
    terminal.api.execute(terminal.write, 1013, 1014, 1)
    for frame in (1013, 1014):
        channels = read_exr(terminal.out / f"out.{frame:04d}.exr")[0]
        mine = np.stack([channels[c] for c in "RGB"], -1)
        assert ulps(mine, engine_comp(comp.shot, frame)).max() <= 1
    # frames outside the shot are the plate and no reason to stop
    terminal.api.execute(terminal.write, 1050, 1050, 1)


def test_a_missing_frame_aborts_and_is_named(terminal, comp):
    (comp.shot / "render" / "patch.1013.exr").unlink()
    (comp.shot / "render" / "status" / "1013.json").unlink()
    terminal.api.execute(terminal.write, 1012, 1012, 1)
    with pytest.raises(RuntimeError) as caught:
        terminal.api.execute(terminal.write, 1013, 1013, 1)
    text = str(caught.value)
    assert "patch.1013.exr is missing" in text
    assert f"relip run {comp.shot} --until render --frames 1013" in text
    assert not (terminal.out / "out.1013.exr").exists()


def test_no_cache_at_all_aborts_before_the_first_frame(terminal, comp):
    shutil.rmtree(comp.shot / "render")
    with pytest.raises(RuntimeError) as caught:
        terminal.api.execute(terminal.write, 1012, 1013, 1)
    text = str(caught.value)
    assert "RelipRender1" in text and "is missing" in text and "relip run" in text
    assert not terminal.out.exists()


def test_a_stale_cache_aborts_until_somebody_remakes_it(terminal, comp):
    (comp.shot / "overrides").mkdir()
    (comp.shot / "overrides" / "mouth.csv").write_text("frame,jawOpen\n1006,0.05\n")
    with pytest.raises(RuntimeError, match="is stale"):
        terminal.api.execute(terminal.write, 1012, 1012, 1)
    # the farm renders it, without Nuke: no longer stale
    Shot.open(comp.shot).run(until="render", frames="1006")
    terminal.api.execute(terminal.write, 1006, 1006, 1)
    # and taking the override away counts, too
    assert terminal.plugin("state").standing(str(comp.shot), "track").state == "ready"


def test_a_node_that_reads_no_cache_does_not_stop_the_render(terminal, comp):
    shutil.rmtree(comp.shot / "render")
    terminal.write.setInput(0, terminal.node("RelipSpeech1"))
    terminal.api.execute(terminal.write, 1012, 1012, 1)
    terminal.node("RelipRender1")["disable"].setValue(True)
    terminal.write.setInput(0, terminal.node("RelipRender1"))
    terminal.api.execute(terminal.write, 1013, 1013, 1)


def test_without_a_shot_the_render_says_what_to_do(terminal):
    for name in ("RelipSpeech1", "RelipRender1"):
        terminal.node(name)["shot"].setValue("")
    with pytest.raises(RuntimeError, match="has no shot folder"):
        terminal.api.execute(terminal.write, 1012, 1012, 1)


@pytest.mark.parametrize(
    ("words", "frames"),
    [
        (["nuke", "-x", "-F", "1001-1003", "a.nk"], [1001, 1002, 1003]),
        (["nuke", "-F1-9x4", "-F", "20", "-x", "a.nk"], [1, 5, 9, 20]),
        (["nuke", "-x", "a.nk"], None),
        (["nuke", "-F", "nonsense"], None),
    ],
)
def test_frames_of_the_command_line(nukes, words: list[str], frames: list[int] | None):
    assert nukes(gui=False).plugin("farm").rendered_frames(words) == frames


def test_cancel_stops_and_a_second_update_goes_on(nuke, comp):
    render = nuke.node("RelipRender1")
    render["articulation"].setValue(0.5)
    nuke.host.said.clear()
    nuke.host.press("RelipRender1", "update")
    nuke.host.pump(until=lambda: any(bar.open for bar in nuke.host.progress), timeout=PATIENCE)
    assert nuke.state("RelipRender1").startswith("running")
    nuke.host.press_cancel()
    nuke.settle()
    assert nuke.messages == []
    assert not any(bar.open for bar in nuke.host.progress)
    assert not nuke.state("RelipRender1").startswith(("running", "failed"))
    # the picture is still there
    assert nuke.rgb("RelipBlend1", 1013).any()


def test_a_crash_is_told_with_its_last_lines_and_the_next_click_works(
    nuke, comp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: Path
):
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\necho 'cannot open libfoo.so' >&2\nexit 3\n")
    broken.chmod(0o755)
    nuke.plugin("engine").stop()
    monkeypatch.setenv("RELIP_ENGINE", str(broken))
    nuke.press("RelipSpeech1", "update", fine=False)
    assert len(nuke.messages) == 1 and "cannot open libfoo.so" in nuke.messages[0]
    assert nuke.state("RelipSpeech1").startswith("failed: the Relip engine")
    monkeypatch.setenv("RELIP_ENGINE", str(engine))
    nuke.press("RelipSpeech1", "update")
    assert nuke.state("RelipSpeech1") == "ready"


def test_the_farm_bundle(nuke, comp):
    nuke.api.nodes.Write(inputs=[nuke.node("RelipBlend1")])["file"].setValue("/tmp/out.####.exr")
    nuke.host.save(comp.path)
    nuke.node("RelipBlend1").selectOnly()
    nuke.plugin("actions").submit_selected()
    nuke.settle()
    assert len(nuke.messages) == 1 and "the job bundle is in" in nuke.messages[0], nuke.messages
    folder = comp.shot / "nuke" / "farm"
    assert any("template" in path.name for path in folder.rglob("*"))


@pytest.mark.parametrize("button", ["make_tracker", "make_cornerpin", "make_roto_lips"])
def test_native_nodes_are_made_beside_the_node(nuke, button: str):
    before = {node.fullName() for node in nuke.api.allNodes()}
    nuke.press("RelipTrack1", button)
    made = [node for node in nuke.api.allNodes() if node.fullName() not in before]
    wanted = {"make_tracker": "Tracker4", "make_cornerpin": "CornerPin2D", "make_roto_lips": "Roto"}
    assert wanted[button] in [node.Class() for node in made]


def test_a_plate_that_is_no_untouched_read_is_rendered_once(nuke, comp):
    pixels = nuke.plugin("pixels")
    speech, read = nuke.node("RelipSpeech1"), nuke.node("Read1")
    assert pixels.hand_over(speech, str(comp.shot)).how == "files of Read1, as they are"
    dot = nuke.api.nodes.Dot(inputs=[read])
    speech.setInput(0, dot)
    assert pixels.untouched_read(dot) is not None
    grade = nuke.api.nodes.Grade(inputs=[dot])
    grade["multiply"].setValue(2)
    speech.setInput(0, grade)
    nuke.node("RelipSpeech1")["frames"].setValue("1001-1003")
    plate = pixels.hand_over(speech, str(comp.shot))
    assert (plate.first, plate.last) == (1001, 1003) and plate.how == "rendered to float EXR"
    written = comp.shot / "nuke" / "plate.1002.exr"
    channels, _, _, _ = read_exr(written)
    theirs = np.stack([channels[c] for c in "RGB"], -1)
    assert np.array_equal(theirs, nuke.rgb("Read1", 1002) * 2)
    stamp = written.stat().st_mtime_ns
    grade.setXYpos(500, 500)
    pixels.hand_over(speech, str(comp.shot))
    assert written.stat().st_mtime_ns == stamp  # where a node stands is no change
    grade["multiply"].setValue(3)
    pixels.hand_over(speech, str(comp.shot))
    assert np.array_equal(read_exr(written)[0]["R"], nuke.rgb("Read1", 1002)[..., 0] * 3)


#: Changes of a finished shot: settings or files, and the stages that they make stale.
CHANGES = {
    "device": ({"train": {"device": "cpu"}, "render": {"device": "cpu"}}, []),
    "seed": ({"train": {"seed": 5}}, ["render"]),
    "detail": ({"render": {"detail": 0.5}}, ["render"]),
    "grow": ({"mask": {"grow": 0.05}}, ["mask", "render"]),
    "offset": ({"dialogue": {"offset": 0.1}}, ["speech", "render"]),
    "smoothing": ({"speech": {"smoothing": 2.0}}, ["speech", "render"]),
    "transcriber": ({"speech": {"transcriber": "other"}}, []),
    "mix": ({"blend": {"mix": 0.5}}, []),
    "face": ({"track": {"face": "100,100@1001"}}, ["track", "mask", "render"]),
    "ramp": ({"track": {"ramp": 9}}, ["track", "mask", "render"]),
    "occlusion": ({"mask": {"occlusion": False}}, ["mask", "render"]),
    "multiply no matte": ({"mask": {"override": "multiply"}}, []),
    "teeth": ({"render": {"teeth": 0.5}}, ["render"]),
    "grain": ({"render": {"grain": 0.5}}, ["render"]),
    "defocus": ({"render": {"defocus": 0.5}}, ["render"]),
    "crop": ({"train": {"crop": 512}}, ["render"]),
    "begun": ({"train": {"model_from": "model/model.safetensors"}}, ["render"]),
    "drive": ({"render": {"drive": "track"}}, ["render"]),
    "the drive as a mix": ({"drive": {"mix": ["speech=7", "track=0"]}}, []),
    "a mix": ({"drive": {"mix": ["speech=0.7", "track=0.3"]}}, ["render"]),
    "a witness that nobody follows": (
        {"drive": {"witness": "a.mov", "witness_offset": 1.0, "witness_face": "1,2@3"}},
        [],
    ),
    "controls that nobody follows": ({"render": {"csv": "a.csv"}}, []),
    "models of no use": ({"render": {"models": "models.toml"}}, []),
}


@pytest.mark.parametrize("what", CHANGES)
def test_stale_is_what_the_engine_calls_stale(nuke, comp, what: str):
    """And what comes after: the engine sees a matte's stale track only once that is made again."""
    from relip import pipeline

    settings, stale = CHANGES[what]
    Shot.open(comp.shot).change(**settings).save()
    state = nuke.plugin("state")
    shown = ("speech", "track", "mask", "render")
    found = [s for s in shown if state.standing(str(comp.shot), s).state == "stale"]
    assert found == stale
    reads = {"mask": ["track"], "render": ["speech", "track", "mask", "train"]}
    engines = {s.stage: s.state != "up to date" for s in pipeline.status(Shot.open(comp.shot))}
    # a stage that the shot does not need any more is not stale
    truth = [s for s in shown if any(engines.get(r) for r in [s, *reads.get(s, [])])]
    assert found == truth


def test_stale_goes_by_content_as_it_does_for_the_engine(nuke, comp, tmp_path: Path):
    from relip import pipeline

    moved = tmp_path / "moved"
    shutil.copytree(comp.plate.parent, moved)
    shot = Shot.open(comp.shot)
    words = moved / "words.txt"
    shutil.copy(shot.settings.dialogue.text, words)
    shot.change(plate={"path": str(moved / comp.plate.name)}, dialogue={"text": str(words)}).save()
    state = nuke.plugin("state")
    assert {s.state for s in pipeline.status(Shot.open(comp.shot))[:-1]} == {"up to date"}
    for stage in ("speech", "track", "mask", "render"):
        assert state.standing(str(comp.shot), stage).state == "ready", stage
    words.write_text("Five small plums.\n")
    assert pipeline.status(Shot.open(comp.shot))[0].state == "stale"
    assert state.standing(str(comp.shot), "speech").state == "stale"
