"""Drives on the command line: what is refused, and where the sound comes from."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest

import relip as package
from relip import pipeline
from relip.errors import RelipError
from relip.shot import Shot


def test_a_dub_without_a_dialogue(refused, demo_clip, tmp_path: Path):
    refused(2, ["dub", demo_clip.path, "-o", tmp_path / "o.mp4"], "--audio", "--witness")


def test_video_without_a_witness(refused, demo_clip, dialogue, tmp_path: Path):
    words = ["dub", demo_clip.path, "--audio", dialogue.audio, "--drive", "video"]
    refused(2, [*words, "-o", tmp_path / "o.mp4"], "--witness")
    refused(2, [*words[:-2], "--mix", "speech,lips=1", "-o", tmp_path / "o.mp4"], "lips")


def test_a_witness_that_is_not_there(refused, demo_clip, tmp_path: Path):
    words = ["dub", demo_clip.path, "--drive", "video", "--witness", tmp_path / "no.mov"]
    refused(3, [*words, "-o", tmp_path / "o.mp4"], "no.mov")
    assert not (tmp_path / "o.relip").exists()


def test_the_witness_speaks(
    relip, demo_clip, grey_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """On the command line as from Python; a silent one drives all the same."""

    def stop(*_: object, **__: object) -> None:
        raise RelipError("far enough")

    monkeypatch.setattr(pipeline, "run", stop)

    def dialogue(made: Callable[[Path], object]) -> tuple[str, float]:
        out = tmp_path / f"{len(list(tmp_path.iterdir()))}.mp4"
        with contextlib.suppress(RelipError):
            made(out)
        own = Shot.open(out.with_suffix(".relip")).settings.dialogue
        return own.audio, own.offset

    for witness, heard in ((demo_clip.path, str(demo_clip.path)), (grey_clip, "")):
        words = ["dub", demo_clip.path, "--drive", "video", "--witness", witness]
        words += ["--witness-offset", "0.25"]
        video: dict = {"witness": witness, "witness_offset": 0.25}
        wanted = (heard, 0.25)
        assert dialogue(lambda out, w=words: relip(*w, "-o", out)) == wanted
        assert wanted == dialogue(
            lambda out, v=video: package.dub(
                demo_clip.path, output=out, render={"drive": "video"}, drive=v
            )
        )
    with pytest.raises(RelipError, match="no new dialogue"):
        package.dub(demo_clip.path, output=tmp_path / "o.mp4")


def test_options_become_settings(relip, demo_clip, tmp_path: Path):
    folder = tmp_path / "a.relip"
    ended = relip(
        "new", folder, "--plate", demo_clip.path, "--witness", demo_clip.path,
        "--witness-offset", "0.25", "--witness-face", "10,20@3", "--mix", "video=3, track",
        "--extra", demo_clip.path, "--renderer", "mine", "--models", tmp_path / "m.toml",
        "--model-from", tmp_path / "b.relip",
    )  # fmt: skip
    assert ended.code == 0, ended
    settings = Shot.open(folder).settings
    assert settings.drive.witness == str(demo_clip.path)
    assert (settings.drive.witness_offset, settings.drive.witness_face) == (0.25, "10,20@3")
    assert settings.drive.mix == ("video=3", "track")
    assert settings.train.extra == (str(demo_clip.path),)
    assert (settings.render.renderer, settings.render.models) == ("mine", str(tmp_path / "m.toml"))
    assert settings.train.model_from == str(tmp_path / "b.relip")


def test_help_states_the_times(relip):
    ended = relip("dub", "--help")
    assert ended.code == 0
    text = " ".join(ended.out.split())
    assert "draft about 2 min" in text and "final about" in text


def test_a_missing_renderer(refused, shot_copy: Path, tmp_path: Path):
    from relip.commands.set import change

    change(shot_copy, {"render": {"renderer": "mine", "models": str(tmp_path / "m.toml")}})
    refused(5, ["render", shot_copy], "m.toml", "--models")
