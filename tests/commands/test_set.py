"""relip set: all of it or nothing, each value of its setting's kind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from relip.shot import Shot


def test_settings_of_every_kind_are_changed(shot_copy: Path, relip: Callable):
    before = Shot.open(shot_copy).settings.to_dict()
    ended = relip(
        "set", shot_copy, "mask.grow=0.02", "train.steps=7", "render.layers=raw",
        "render.drive=track", "dialogue.text=", "plate.colourspace= ACEScg",
        "--output", "json",
    )  # fmt: skip
    assert ended.code == 3, "no such colourspace: the plate is opened before anything is written"
    assert Shot.open(shot_copy).settings.to_dict() == before
    ended = relip(
        "set", shot_copy, "mask.grow=0.02", "train.steps=7", "render.layers=raw",
        "render.drive=track", "dialogue.text=", "--output", "json",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    assert ended.data["changed"]["mask.grow"] == [0.0, 0.02]
    assert ended.data["changed"]["render.layers"] == [["raw", "stmap"], ["raw"]]
    settings = Shot.open(shot_copy).settings
    assert (settings.mask.grow, settings.train.steps) == (0.02, 7)
    assert (settings.render.layers, settings.render.drive) == (("raw",), "track")
    assert settings.dialogue.text == ""
    kept = (shot_copy / "shot.toml").stat().st_mtime_ns
    ended = relip("set", shot_copy, "mask.grow=0.02")
    assert ended.out == "nothing to change\n"
    assert (shot_copy / "shot.toml").stat().st_mtime_ns == kept


@pytest.mark.parametrize(
    ("pairs", "code", "word"),
    [
        (["mask.grow"], 2, "is not a setting"),
        (["grow=1"], 2, "is not a setting"),
        (["nothing.grow=1"], 2, "unknown section nothing"),
        (["mask.nothing=1"], 2, "unknown setting mask.nothing"),
        (["mask.grow=much"], 2, "it must be a number"),
        (["train.steps=1.5"], 2, "it must be a whole number"),
        (["mask.grow=9"], 2, "mask.grow is 9"),
        (["mask.grow=nan"], 2, "mask.grow is nan"),
        (["mask.grow=0.01", "blend.mix=7"], 2, "blend.mix is 7"),
        (["render.layers=raw,odd"], 2, "render.layers is 'odd'"),
        (["dialogue.audio=/no/such.wav"], 3, "/no/such.wav does not exist"),
        (["render.drive=csv", "render.csv=/no/such.csv"], 3, "/no/such.csv do not exist"),
        (["plate.path=/no/such.####.exr"], 3, "/no/such"),
        (["plate.frames=1-5"], 2, "outside the plate"),
    ],
)
def test_what_is_wrong_changes_nothing(
    shot_copy: Path, refused: Callable, pairs: list[str], code: int, word: str
):
    before = (shot_copy / "shot.toml").read_bytes()
    refused(code, ["set", shot_copy, *pairs], word)
    assert (shot_copy / "shot.toml").read_bytes() == before
    assert not list(shot_copy.glob(".*"))
