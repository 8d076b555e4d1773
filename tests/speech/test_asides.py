"""A script's manners and names are not said."""

from __future__ import annotations

from pathlib import Path

import pytest

from relip.speech.script import read_script


@pytest.mark.parametrize(
    "written, said",
    [
        ("NARRATOR: Once (softly) upon a time.\n\nANNA (V.O.): Oh!", "Once upon a time. Oh!"),
        ("I SAID: STOP", "I SAID: STOP"),
        ("He said: go.", "He said: go."),
        ("(all of it stands in brackets)", "(all of it stands in brackets)"),
        ("two (2) plums", "two plums"),
    ],
)
def test_plain_text_as_scripts_have_it(tmp_path: Path, written: str, said: str):
    path = tmp_path / "a.txt"
    path.write_text(written, "utf-8")
    assert " ".join(read_script(path).text.split()) == said


def test_brackets_over_many_lines_are_text(tmp_path: Path):
    path = tmp_path / "a.txt"
    path.write_text("A (" + "word " * 40 + ") end")
    assert read_script(path).text.count("word") == 40
