"""Progress in all its forms."""

from __future__ import annotations

import io
import json

import pytest

from relip import interrupt
from relip.errors import InterruptedByUser, SettingError
from relip.progress import Progress


def work(progress: Progress, total: int = 4) -> None:
    progress.start("render", total)
    for _ in range(total):
        progress.step(note="x")
    progress.finish()


def run(form: str) -> str:
    stream = io.StringIO()
    work(Progress(form, stream))
    return stream.getvalue()


def test_json_lines():
    lines = [json.loads(line) for line in run("json").splitlines()]
    assert [lines[0]["event"], lines[-1]["event"]] == ["start", "finish"]
    assert {line["stage"] for line in lines} == {"render"}
    assert lines[-1]["fraction"] == 1 and lines[-1]["done"] == lines[-1]["total"] == 4


def test_farm_forms():
    assert run("openjd").splitlines()[-1] == "openjd_progress: 100.0"
    assert run("tractor").splitlines()[-1] == "TR_PROGRESS 100%"


def test_farm_forms_write_to_stdout_and_the_others_to_stderr(capsys: pytest.CaptureFixture[str]):
    work(Progress("openjd"))
    caught = capsys.readouterr()
    assert caught.out and not caught.err
    work(Progress("json"))
    caught = capsys.readouterr()
    assert caught.err and not caught.out


def test_plain_and_none():
    assert run("plain").splitlines()[-1].startswith("render   4/4")
    assert run("none") == ""


def test_auto_is_plain_where_there_is_no_terminal():
    assert Progress("auto", io.StringIO()).form == "plain"


def test_a_terminal_that_cannot_show_blocks_gets_ascii():
    class Terminal(io.StringIO):
        encoding = "ascii"

        def isatty(self) -> bool:
            return True

    stream = Terminal()
    work(Progress("auto", stream))
    assert stream.getvalue().isascii() and "####" in stream.getvalue()


def test_parts_nest_and_the_job_never_runs_backwards():
    stream = io.StringIO()
    progress = Progress("json", stream)
    with progress.part(0, 0.5):
        with progress.part(0, 0.2):
            work(progress)
        with progress.part(0.2, 0.8):
            work(progress)
    with progress.part(0.5, 0.5):
        work(progress)
    fractions = [json.loads(line)["fraction"] for line in stream.getvalue().splitlines()]
    assert fractions == sorted(fractions)
    assert fractions[0] == 0 and fractions[-1] == 1
    assert 0.1 in fractions and 0.5 in fractions


def test_a_stage_without_steps_is_done():
    stream = io.StringIO()
    progress = Progress("json", stream)
    progress.start("blend", 0)
    progress.finish()
    assert json.loads(stream.getvalue().splitlines()[-1])["fraction"] == 1


def test_unknown_form():
    with pytest.raises(SettingError, match="auto, plain, json"):
        Progress("loud")


def test_a_step_stops_when_asked_to():
    progress = Progress()
    progress.start("train", 3)
    progress.step()
    try:
        interrupt.request()
        with pytest.raises(InterruptedByUser, match="train"):
            progress.step()
    finally:
        interrupt.clear()


def test_a_sink_gets_every_event_and_nothing_is_printed(capsys: pytest.CaptureFixture[str]):
    seen: list[dict] = []
    progress = Progress(sink=seen.append)
    with progress.part(0.5, 0.5):
        progress.start("render", 2)
        progress.message("no face in frame 7")
        progress.step(2, "loss 0.1")
        progress.finish()
    assert [e["event"] for e in seen] == ["start", "message", "step", "finish"]
    assert seen[1] == {"event": "message", "stage": "render", "text": "no face in frame 7"}
    assert seen[0]["fraction"] == 0.5 and seen[2]["fraction"] == 1.0
    assert (seen[2]["done"], seen[2]["total"], seen[2]["note"]) == (2, 2, "loss 0.1")
    assert capsys.readouterr() == ("", "")
