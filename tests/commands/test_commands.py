"""The command line as a whole."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import relip as package
from relip.commands.result import plain
from relip.pipeline import STAGES
from relip.plate import write_exr
from relip.shot import PlateSettings, Shot, ShotSettings

NAMES = ("dub", "demo", "new", *STAGES, "run", "status", "align", "export", "gizmo", "doctor")


def python(code: str) -> subprocess.CompletedProcess[str]:
    path = str(Path(package.__file__).parents[1])
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": path, "COLUMNS": "100"},
    )  # fmt: skip


def test_help_of_every_command_is_quick_and_imports_nothing_heavy():
    code = f"""
import io, json, sys, time
from contextlib import redirect_stdout
began = time.process_time()
from relip.__main__ import main
texts = {{}}
for name in {("", *NAMES)!r}:
    out = io.StringIO()
    with redirect_stdout(out):
        code = main([name, "--help"] if name else ["--help"])
    texts[name] = [code, out.getvalue()]
heavy = [m for m in ("torch", "mediapipe", "librosa", "cv2", "av", "scipy", "pocketsphinx",
                     "OpenImageIO", "PyOpenColorIO", "matplotlib") if m in sys.modules]
print(json.dumps([time.process_time() - began, heavy, texts]))
"""
    ended = python(code)
    assert ended.returncode == 0, ended.stderr
    seconds, heavy, texts = json.loads(ended.stdout)
    assert heavy == [] and seconds < 2
    assert all(code == 0 and "usage: relip" in text for code, text in texts.values())
    for name in NAMES:
        assert f"\n    {name} " in texts[""][1], f"{name} is not in relip --help"
        assert f"relip {name}" in texts[name][1]
    assert "exit codes: 0 done" in texts[""][1]


def test_version():
    began = time.process_time()
    ended = python("from relip.__main__ import main; import sys; sys.exit(main(['--version']))")
    assert ended.returncode == 0 and ended.stdout.strip() == f"relip {package.__version__}"
    assert time.process_time() - began < 2


def test_new_writes_what_was_said(relip, tmp_path: Path, demo_sequence, dialogue):
    folder = tmp_path / "sh010.relip"
    ended = relip(
        "new", folder, "--plate", demo_sequence.path, "--frames", "1005-1030", "--fps",
        "24000/1001", "--colourspace", "ACEScg", "--audio", dialogue.audio, "--text", dialogue.text,
        "--offset", "-0.5", "--seed", "7", "--articulation", "1.2", "--output", "json",
    )  # fmt: skip
    assert ended.code == 0 and ended.err == ""
    assert ended.data == {
        "shot": str(folder), "frames": [1005, 1030], "rate": "24000/1001", "warnings": [],
    }  # fmt: skip
    shot = Shot.open(folder)
    assert shot.frames == range(1005, 1031) and str(shot.rate) == "24000/1001"
    s = shot.settings
    assert (s.plate.colourspace, s.dialogue.offset, s.train.seed) == ("ACEScg", -0.5, 7)
    assert s.render.articulation == 1.2 and s.dialogue.audio == str(dialogue.audio)


def test_new_names_the_next_command(relip, tmp_path: Path, demo_clip):
    folder = tmp_path / "a [1] 100%.relip"
    ended = relip("new", folder, "--plate", demo_clip.path)
    assert (
        ended.out.strip()
        == f"{folder}: frames 1-40 at 25 frames per second; next: relip run '{folder}'"
    )


def test_negative_frames_are_no_option(relip, tmp_path: Path, demo_clip):
    ended = relip("new", tmp_path / "a.relip", "--plate", demo_clip.path, "--frames", "-5--1")
    assert ended.code == 2 and "frames -5--1 are outside" in ended.err.replace(
        "-5,-4,-3,-2,-1", "-5--1"
    )


def test_a_stage_reports_as_text_and_json(relip, finished_shot: Path):
    text = relip("render", finished_shot, "--frames", "1001-1003")
    assert (text.code, text.out) == (0, "render   3 up to date\n")
    data = relip("render", finished_shot, "--frames", "1001-1003", "--output", "json").data
    assert (data["stage"], data["kept"], data["done"], data["failed"]) == ("render", 3, 0, {})


def test_farm_progress_goes_to_stdout(relip, finished_shot: Path):
    ended = relip("blend", finished_shot, "--frames", "1001-1003", "--progress", "openjd")
    assert "openjd_progress: 100.0" in ended.out.splitlines() and ended.err == ""


def test_an_error_as_json(relip, tmp_path: Path):
    ended = relip("run", tmp_path / "no.relip", "--output", "json")
    assert ended.code == 3 and ended.err.startswith("error: ")
    assert ended.data["kind"] == "ShotError" and "relip new" in ended.data["mend"]


def test_verbose_shows_where(relip, tmp_path: Path):
    ended = relip("run", tmp_path / "no.relip", "-v")
    assert ended.err.startswith("error: ") and "Traceback" in ended.err


def test_a_bug_is_one_line_and_exit_code_1(relip, finished_shot, monkeypatch: pytest.MonkeyPatch):
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a\nbug")

    monkeypatch.setattr("relip.pipeline.status", broken)
    ended = relip("status", finished_shot)
    assert ended.code == 1
    assert (
        ended.err == "error: unexpected ZeroDivisionError: a bug; run again with -v for details\n"
    )


def test_align(relip, tmp_path: Path, dialogue):
    from relip.speech import read_textgrid

    out, plot = tmp_path / "a.TextGrid", tmp_path / "a.png"
    ended = relip("align", dialogue.audio, "--text", dialogue.text, "-o", out, "--plot", plot,
                  "--output", "json")  # fmt: skip
    assert ended.code == 0 and ended.data["draft"] is False
    assert [w[0] for w in ended.data["words"]] == ["five", "big", "plums"]
    for (_, start, end), (_, true_start, true_end) in zip(
        ended.data["words"], dialogue.words, strict=True
    ):
        assert abs(start - true_start) < 0.08 and abs(end - true_end) < 0.08
    assert read_textgrid(out).duration == pytest.approx(dialogue.seconds, abs=0.01)
    assert plot.read_bytes()[:4] == b"\x89PNG"
    assert "draft" not in relip("align", dialogue.audio, "--text", dialogue.text, "-o", out).out
    assert "a draft, closures may be missing" in relip("align", dialogue.audio, "-o", out).out


def test_align_refuses(refused, tmp_path: Path, dialogue):
    out = tmp_path / "a.TextGrid"
    empty = tmp_path / "empty.txt"
    empty.write_text("")
    missing = tmp_path / "no.txt"
    refused(3, ["align", dialogue.audio, "--text", missing, "-o", out], missing, "check --text")
    refused(3, ["align", dialogue.audio, "--text", empty, "-o", out], "transcript")
    refused(3, ["align", tmp_path / "no.wav", "-o", out], "no.wav", "give a sound")
    assert not out.exists()


def test_plain_json():
    value = {1: np.float32(0.5), "n": float("nan"), "a": np.array([1, 2]), "t": (np.int64(3), None),
             "p": Path("x"), "b": np.bool_(True)}  # fmt: skip
    assert json.loads(json.dumps(plain(value), allow_nan=False)) == {
        "1": 0.5, "n": None, "a": [1, 2], "t": [3, None], "p": "x", "b": True,
    }  # fmt: skip


def test_a_new_shot_says_its_rate_or_that_the_plate_names_none(relip, tmp_path: Path):
    for name, metadata in (("with", {"framesPerSecond": (24000, 1001)}), ("without", {})):
        for frame in (1, 2):
            grey = np.zeros((8, 8, 3), np.float32)
            path = tmp_path / f"{name}.{frame:04d}.exr"
            write_exr(path, grey, display=(8, 8), metadata=metadata)

    def new(name: str, *words: str):
        folder = tmp_path / f"{name}{len(words)}.relip"
        plate = tmp_path / f"{name}.####.exr"
        return relip("new", folder, "--plate", plate, "--colourspace",
                     "ACEScg", *words, "--output", "json")  # fmt: skip

    found = new("with")
    assert found.data["rate"] == "24000/1001" and found.data["warnings"] == []
    assert new("with", "--fps", "25").data["rate"] == "25"
    found = new("without")
    assert found.code == 0 and found.data["rate"] is None
    assert "names no frame rate" in found.data["warnings"][0]
    assert "relip set SHOT.relip plate.fps=" in found.data["warnings"][0]


def test_a_shot_made_again_tells_what_its_settings_were(relip, demo_clip, tmp_path: Path):
    """The options replace all of them: the ones that were not given again are lost."""
    words = ["new", tmp_path / "a.relip", "--plate", demo_clip.path]
    first = relip(*words, "--drive", "track", "--seed", "4", "--output", "json")
    assert "changed" not in first.data
    again = relip(*words, "--drive", "track", "--output", "json")
    assert again.code == 0 and again.data["changed"] == {"train.seed": [4, 0]}
    assert "train.seed: 4 → 0" not in first.out
    assert "train.seed: 0 → 9" in relip(*words, "--drive", "track", "--seed", "9").out


def test_a_shot_is_named_by_its_description_too(tmp_path: Path, demo_clip):
    made = Shot.create(tmp_path / "a.relip", ShotSettings(plate=PlateSettings(str(demo_clip.path))))
    assert Shot.open(made.folder / "shot.toml").folder == made.folder
