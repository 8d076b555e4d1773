"""The Open Job Description job: its files, checked and run by the real openjd."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import relip as package
from relip import pipeline
from relip.errors import UsageError
from relip.farm import bundle
from relip.shot import Shot

yaml = pytest.importorskip("yaml", reason="PyYAML comes with openjd-cli")

SOURCE = Path(package.__file__).parents[1]

COMP = """\
Root {
 inputs 0
 name comp.nk
}
Read {
 inputs 0
 name Read1
}
set N1 [stack 0]
Write {
 file a.####.exr
 name Write1
}
push $N1
Write {
 file b.####.exr
 disable true
 name WriteOff
}
push $N1
Group {
 name Group1
}
 Input {
  inputs 0
  name Input1
 }
 Write {
  file c.####.exr
  name Inner
 }
 Output {
  name Output1
 }
end_group
"""


def openjd(*argv: object, timeout: float = 600) -> subprocess.CompletedProcess[str]:
    pytest.importorskip("openjd.cli", reason="openjd-cli is not installed")
    environ = os.environ | {"PYTHONPATH": str(SOURCE)}
    return subprocess.run(
        [sys.executable, "-m", "openjd", *map(str, argv)],
        env=environ, capture_output=True, text=True, timeout=timeout,
    )  # fmt: skip


def job(folder: Path) -> list[Any]:
    return [yaml.safe_load((folder / name).read_text("utf-8")) for name in bundle.FILES]


def values(folder: Path) -> dict[str, Any]:
    return {p["name"]: p["value"] for p in job(folder)[1]["parameterValues"]}


def test_the_job_s_three_files(finished_shot: Path, tmp_path: Path, relip: Callable):
    out = tmp_path / "job"
    ended = relip("farm", "bundle", finished_shot, "-o", out, "--output", "json", "--chunk", "16")
    assert ended.code == 0
    assert ended.data["steps"] == list(pipeline.STAGES)
    template, _, references = job(out)
    steps = {step["name"]: step for step in template["steps"]}
    depends = {n: [d["dependsOn"] for d in s.get("dependencies", [])] for n, s in steps.items()}
    assert depends == {
        "speech": [],
        "track": [],
        "mask": ["track"],
        "train": ["track", "mask"],
        "render": ["speech", "mask", "train"],
        "blend": ["render"],
        "review": ["blend"],
    }
    assert {n for n, s in steps.items() if "parameterSpace" in s} == {"mask", "render", "blend"}
    paths = {d["name"] for d in template["parameterDefinitions"] if d["type"] == "PATH"}
    assert "ShotFolder" in paths
    assert values(out)["Frames"] == "1001-1040" and values(out)["ChunkSize"] == 16
    assert values(out)["ShotFolder"] == str(finished_shot)
    # the template can be submitted by anyone from anywhere: no path stands in it
    assert str(tmp_path.parent) not in (out / "template.yaml").read_text()
    shot = Shot.open(finished_shot)
    files = references["assetReferences"]["inputs"]["filenames"]
    assert len(files) == 40 + 2 and all(os.path.isfile(f) for f in files)
    assert shot.settings.dialogue.audio in files
    assert references["assetReferences"]["outputs"]["directories"] == [str(finished_shot)]


def test_what_drives_and_draws_the_mouth_goes_along(shot_copy: Path, tmp_path: Path, demo_clip):
    def assets(**settings: dict) -> set[str]:
        shot = Shot.open(shot_copy).change(**settings)
        made = bundle.asset_references(shot, bundle.BundleOptions())
        return set(made["assetReferences"]["inputs"]["filenames"])

    before = assets()
    booth = tmp_path / "booth"
    booth.mkdir()
    for frame in (1, 2, 4):  # a frame that was dropped is held
        (booth / f"actor.{frame:04d}.png").touch()
    witness = {str(booth / f"actor.{frame:04d}.png") for frame in (1, 2, 4)}
    drive = {"witness": str(booth / "actor.%04d.png")}
    assert assets(drive=drive) == before
    assert assets(drive={**drive, "mix": ["speech=1", "video=1"]}) - before == witness
    words = tmp_path / "names.txt"
    words.write_text("Relip R IY L IH P\n")
    assert assets(speech={"lexicon": str(words)}) - before == {str(words)}
    train = {"extra": [str(demo_clip.path)], "model_from": str(shot_copy)}
    model = shot_copy / "model" / "model.safetensors"
    assert assets(train=train) - before == {str(demo_clip.path), str(model)}
    network, models = tmp_path / "lips.onnx", tmp_path / "models.toml"
    network.write_bytes(b"")
    models.write_text(
        '[[renderer]]\nname = "lips"\nadapter = "mel96"\nfile = "lips.onnx"\nformat = "onnx"\n'
        f'sha256 = "{"0" * 64}"\nlicence = "mine"\ncommercial = true\n'
    )
    render = {"renderer": "lips", "models": str(models)}
    assert assets(render=render, train=train) - before == {str(models), str(network)}


def test_a_shot_driven_by_its_track_needs_no_speech(shot_copy: Path, tmp_path: Path):
    shot = Shot.open(shot_copy).change(render={"drive": "track"})
    made = bundle.template(shot, "1001-1040", bundle.BundleOptions(train_gpus=1))
    steps = {step["name"]: step for step in made["steps"]}
    assert "speech" not in steps
    assert steps["render"]["dependencies"] == [{"dependsOn": "mask"}, {"dependsOn": "train"}]
    assert steps["train"]["hostRequirements"]["amounts"] == [
        {"name": "amount.worker.gpu", "min": 1}
    ]


@pytest.mark.parametrize("frames", [None, "1005-1010,1020", "1001-1009x2"])
def test_openjd_accepts_it(
    finished_shot: Path, tmp_path: Path, relip: Callable, frames: str | None
):
    comp = tmp_path / "comp é.nk"
    comp.write_text(COMP)
    argv = ["farm", "bundle", finished_shot, "-o", tmp_path / "job", "--nuke-comp", comp]
    argv += ["--write", "Write1", "--train-gpus", "1", "--name", "{{odd}} \n name"]
    ended = relip(*argv, *(["--frames", frames] if frames else []))
    assert ended.code == 0, ended.err
    checked = openjd("check", tmp_path / "job" / "template.yaml")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    given = json.dumps(values(tmp_path / "job"))
    summary = openjd("summary", tmp_path / "job" / "template.yaml", "-p", given, "--output", "json")
    assert summary.returncode == 0, summary.stdout + summary.stderr
    told = json.loads(summary.stdout)
    assert [s["name"] for s in told["steps"]][-1] == "comp"


def test_the_write_of_a_comp(tmp_path: Path):
    comp = tmp_path / "comp.nk"
    comp.write_text(COMP)
    assert bundle.find_write(comp, "Group1.Inner") == "Group1.Inner"
    for name in (None, "WriteOff", "Read1", "Nothing"):
        with pytest.raises(UsageError, match=r"Group1\.Inner, Write1"):
            bundle.find_write(comp, name)
    comp.write_text(COMP.split("push $N1\nGroup")[0])
    assert bundle.find_write(comp, None) == "Write1"


def test_what_is_wrong_is_said_before_anything_is_written(
    finished_shot: Path, tmp_path: Path, refused: Callable
):
    out, comp = tmp_path / "job", tmp_path / "comp.nk"
    base = ["farm", "bundle", finished_shot, "-o", out]
    refused(2, [*base, "--frames", "1-5"], "outside the shot")
    refused(2, [*base, "--chunk", "0"], "--chunk 0")
    refused(2, [*base, "--train-gpus", "-1"], "--train-gpus")
    refused(2, [*base, "--write", "Write1"], "--nuke-comp")
    refused(3, [*base, "--nuke-comp", comp], comp)
    comp.write_text("exec rm -rf /\n")
    refused(3, [*base, "--nuke-comp", comp], comp)
    refused(3, ["farm", "bundle", tmp_path, "-o", out], "not a shot folder")
    refused(3, ["farm", "bundle", finished_shot, "-o", finished_shot], "the shot itself")
    (tmp_path / "file").write_text("")
    refused(6, ["farm", "bundle", finished_shot, "-o", tmp_path / "file"], "file")
    assert not out.exists()


@pytest.fixture
def executable(tmp_path: Path) -> Path:
    """This checkout's relip as one command."""
    path = tmp_path / "relip command"
    path.write_text(f'#!/bin/sh\nPYTHONPATH="{SOURCE}" exec "{sys.executable}" -m relip "$@"\n')
    path.chmod(0o755)
    return path


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="the command here is a shell script")
def test_openjd_runs_it_to_the_same_frames_bit_for_bit(
    finished_shot: Path, shot_copy: Path, tmp_path: Path, relip: Callable, executable: Path
):
    for stage in (*pipeline.STAGES, "model", "comp"):
        shutil.rmtree(shot_copy / stage, ignore_errors=True)
    out = tmp_path / "job"
    ended = relip("farm", "bundle", shot_copy, "-o", out, "--executable", executable,
                  "--chunk", "15")  # fmt: skip
    assert ended.code == 0, ended.err
    run = openjd("run", out / "template.yaml", "-p", json.dumps(values(out)))
    assert run.returncode == 0, run.stdout[-5000:] + run.stderr
    assert "Chunks run: 13" in run.stdout  # four whole stages and 3 x 3 chunks
    assert "openjd_progress: 100.0" in run.stdout
    for folder, count in (("mask", 40), ("render", 40), ("comp", 40)):
        names = [p.name for p in (finished_shot / folder).glob("*.exr")]
        assert len(names) == count
        for name in names:
            ours = (shot_copy / folder / name).read_bytes()
            assert ours == (finished_shot / folder / name).read_bytes(), name
    assert (shot_copy / "review" / "report.html").exists()


@pytest.mark.skipif(os.name == "nt", reason="the command here is a shell script")
def test_a_failing_task_tells_openjd_why(shot_copy: Path, tmp_path: Path, relip: Callable,
                                          executable: Path):  # fmt: skip
    out = tmp_path / "job"
    relip("farm", "bundle", shot_copy, "-o", out, "--executable", executable)
    shutil.rmtree(shot_copy / "render")
    (shot_copy / "comp").rename(shot_copy / "gone")
    argv = ["run", out / "template.yaml", "-p", json.dumps(values(out)), "--step", "blend"]
    run = openjd(*argv, "--no-run-dependencies", "-tp", "Frame=1001-1003")
    assert run.returncode != 0
    assert "frame 1001 is not rendered yet; run relip render on the shot" in run.stdout
    assert "ERROR:" not in run.stdout and "Error:" not in run.stdout


READS = """\
Root {{
 inputs 0
 name {comp}
 project_directory "\\[file dirname \\[value root.name]]"
}}
Read {{
 inputs 0
 file plates/bg.####.exr
 first 1002
 last 1003
 name Read1
}}
Group {{
 inputs 0
 name Group1
}}
 Read {{
  inputs 0
  file "\\[file dirname \\[value root.name]]/plates/logo.png"
  name Read1
 }}
 Output {{
  name Output1
 }}
end_group
Read {{
 inputs 0
 file "\\[getenv SHOW]/other.exr"
 name Other
}}
Read {{
 inputs 0
 file plates/gone.exr
 name Gone
}}
RelipRender_v1_0 {{
 inputs 0
 shot other.relip
 name RelipRender1
}}
Write {{
 file renders/v001/out.%04d.exr
 name Write1
}}
"""


def test_the_comp_s_own_files_are_assets_of_the_job(
    finished_shot: Path, tmp_path: Path, relip: Callable
):
    comp = tmp_path / "comps" / "sh010.nk"
    (comp.parent / "plates").mkdir(parents=True)
    (comp.parent / "other.relip").mkdir()
    comp.write_text(READS.format(comp=comp))
    names = ["bg.1001.exr", "bg.1002.exr", "bg.1003.exr", "logo.png"]
    for name in names:
        (comp.parent / "plates" / name).touch()
    out = tmp_path / "job"
    ended = relip("farm", "bundle", finished_shot, "-o", out, "--nuke-comp", comp)
    assert ended.code == 0, ended.err
    references = job(out)[2]["assetReferences"]
    mine = [f for f in references["inputs"]["filenames"] if f.startswith(str(comp.parent))]
    plates = [str(comp.parent / "plates" / name) for name in names[1:]]
    assert mine == [str(comp), *plates]
    assert references["inputs"]["directories"] == [
        str(finished_shot), str(comp.parent / "other.relip")
    ]  # fmt: skip
    assert references["outputs"]["directories"] == [
        str(finished_shot), str(comp.parent / "renders" / "v001")
    ]  # fmt: skip
    # what only Nuke can tell is said
    lines = [line for line in ended.out.splitlines() if line.startswith("not in the job")]
    assert len(lines) == 2
    assert "Other: [getenv SHOW]/other.exr" in lines[0] and "Gone" in lines[1]
    assert f"{comp.parent / 'plates' / 'gone.exr'} is not there" in lines[1]
