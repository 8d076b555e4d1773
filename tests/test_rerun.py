"""A stage is made again from its record, and the same comes out."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from relip.render import interior, match


@pytest.mark.parametrize("stage", ["speech", "mask", "render", "comp"])
def test_the_same_comes_out(finished_shot: Path, tmp_path: Path, relip: Callable, stage: str):
    record = finished_shot / stage / "record.json"
    again = json.loads(record.read_text())["again"]
    assert again["settings"]["train"]["seed"] == 0 and again["keys"]
    ended = relip("rerun", record, "-o", tmp_path / "new.relip", "--output", "json",
                  "--progress", "none")  # fmt: skip
    assert ended.code == 0, ended
    assert ended.data["differing"] == [] and ended.data["notes"] == []
    assert len(ended.data["same"]) == (2 if stage == "speech" else 40)


def test_a_run_with_nothing_to_do_keeps_what_rerun_needs(shot_copy: Path, relip: Callable):
    before = {
        stage: json.loads((shot_copy / stage / "record.json").read_text())["again"]
        for stage in ("speech", "mask", "render", "comp")
    }
    assert relip("run", shot_copy, "--until", "blend", "--progress", "none").code == 0
    for stage, again in before.items():
        after = json.loads((shot_copy / stage / "record.json").read_text())["again"]
        assert after | {"threads": again["threads"]} == again


def test_a_difference_is_seen(shot_copy: Path, tmp_path: Path, relip: Callable):
    patch = shot_copy / "render" / "patch.1003.exr"
    patch.write_bytes((shot_copy / "render" / "patch.1004.exr").read_bytes())
    ended = relip("rerun", shot_copy / "render" / "record.json", "-o", tmp_path / "new.relip",
                  "--progress", "none")  # fmt: skip
    assert ended.code == 4
    assert "39 files are the same, 1 are not" in ended.out and "patch.1003.exr" in ended.out


def test_the_settings_of_the_record_count(shot_copy: Path, tmp_path: Path, relip: Callable):
    """shot.toml was changed since: the record remembers how it was."""
    toml = shot_copy / "shot.toml"
    toml.write_text(toml.read_text().replace("feather = 0.045", "feather = 0.1"))
    ended = relip("rerun", shot_copy / "mask" / "record.json", "-o", tmp_path / "new.relip",
                  "--progress", "none")  # fmt: skip
    assert ended.code == 0 and "40 files are the same" in ended.out


def test_inputs_that_are_not_what_they_were(shot_copy: Path, refused: Callable):
    """An override that came later."""
    override = shot_copy / "overrides" / "mouth.csv"
    override.parent.mkdir(exist_ok=True)
    override.write_text("frame,jawOpen\n1003,1\n")
    record = shot_copy / "render" / "record.json"
    ended = refused(3, ["rerun", record], "inputs of frames 1001-", "bring")
    # the edited frame, those whose mouths are chosen with it, and those that these steady
    last = int(re.search(r"frames 1001-(\d+) are not what they were", ended.err)[1])
    assert 1005 <= last <= 1003 + interior.AROUND + max(interior.CONTEXT) + match.REACH


def test_what_is_no_record(tmp_path: Path, refused: Callable, finished_shot: Path):
    refused(3, ["rerun", tmp_path / "record.json"], "does not exist")
    for content in ("[]", "{}", '{"stage": "lunch", "again": {}}', "{"):
        (tmp_path / "record.json").write_text(content)
        refused(3, ["rerun", tmp_path / "record.json"], "record.json", "; ")
    refused(2, ["rerun", finished_shot / "mask" / "record.json", "-o", tmp_path], "exists")
