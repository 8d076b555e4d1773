"""The speech stage: what its record says, and when the actor's mouth is learnt anew."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import face_making
import numpy as np
import pytest
import speech_material

from relip.plate import write_exr
from relip.progress import Progress
from relip.records import StageReport
from relip.shot import DialogueSettings, PlateSettings, Shot, ShotSettings
from relip.speech import calibrate, stage

QUIET = Progress("none")
VOICE = speech_material.VOICE
FRAMES = 100


@pytest.fixture
def shot(tmp_path: Path) -> Shot:
    """Four seconds of grey that say the demo's dialogue, whose phones are known."""
    for frame in range(1001, 1001 + FRAMES):
        grey = np.zeros((8, 8, 3), np.float32)
        write_exr(tmp_path / f"grey.{frame}.exr", grey, display=(8, 8))
    return Shot.create(
        tmp_path / "a.relip",
        ShotSettings(
            plate=PlateSettings(str(tmp_path / "grey.####.exr"), fps="25", colourspace="ACEScg"),
            dialogue=DialogueSettings(
                str(VOICE / "dialogue.flac"),
                str(VOICE / "dialogue.TextGrid"),
                when_longer="trim",
            ),
        ),
    )


def changed(shot: Shot, section: str, **values: object) -> Shot:
    own = replace(getattr(shot.settings, section), **values)
    return Shot(shot.folder, replace(shot.settings, **{section: own}))


def test_the_artists_phones_are_told_while_they_are_there(shot: Shot):
    def notes(shot: Shot) -> list[str]:
        return [n for n in stage.run(shot, progress=QUIET).notes if "the artist's" in n]

    assert notes(shot) == []
    override = shot.path("overrides", "phones.TextGrid")
    override.parent.mkdir(exist_ok=True)
    override.write_bytes((VOICE / "dialogue.TextGrid").read_bytes())
    assert len(notes(shot)) == 1
    assert len(notes(changed(shot, "speech", smoothing=1.2))) == 1
    override.unlink()
    assert notes(shot) == []


def test_the_actor_is_heard_again_for_another_rate_or_language(
    shot: Shot, monkeypatch: pytest.MonkeyPatch
):
    """At another rate the frames lie at other times of the sound."""
    track = face_making.make_track(face_making.make_shot(FRAMES).landmarks)
    track.save(shot.path("track", "track.npz"))
    heard: list[tuple[str, str]] = []
    nothing = calibrate.Calibration(False, None, 0.0, 1.0, False, None, None, (), (), "a test")

    def hear(audio: object, *, text: str | None, lang: str) -> list:
        return [lang]

    def learn(audio: object, alignments: list, lips: object, frames: range, rate: object) -> object:
        heard.append((alignments[0], str(rate)))
        return nothing

    monkeypatch.setattr(calibrate, "hear", hear)
    monkeypatch.setattr(calibrate, "calibrate", learn)
    shot = changed(shot, "dialogue", production_audio=str(VOICE / "plate.flac"))
    stage.run(shot, progress=QUIET)
    stage.run(changed(shot, "speech", smoothing=1.2), progress=QUIET)
    assert heard == [("en", "25")]
    stage.run(changed(shot, "plate", fps="24"), progress=QUIET)
    stage.run(changed(shot, "dialogue", language="it"), progress=QUIET)
    assert heard == [("en", "25"), ("en", "24"), ("it", "25")]


def test_another_espeak_is_told_and_changes_nothing(shot: Shot, monkeypatch: pytest.MonkeyPatch):
    """A farm machine with another espeak-ng, or none, must find the alignment up to date."""
    alignment = replace(stage.read_phones(_run(shot)), method="align")
    monkeypatch.setattr(stage, "_align", lambda *_: alignment)
    shot = changed(shot, "dialogue", language="it")
    monkeypatch.setattr(stage, "espeak_version", lambda: "1.51")
    assert _older(stage.run(shot, progress=QUIET)) == []
    for here, told in (("1.52", 1), (None, 0), ("1.51", 0), ("1.52", 1)):
        monkeypatch.setattr(stage, "espeak_version", lambda here=here: here)
        report = stage.run(shot, progress=QUIET)
        assert not report.done and len(_older(report)) == told, here
    report = stage.run(changed(shot, "speech", smoothing=1.2), progress=QUIET)
    assert "espeak-ng 1.51, here is 1.52" in _older(report)[0]
    assert _older(stage.run(shot, progress=QUIET, force=True)) == []


def _run(shot: Shot) -> Shot:
    stage.run(shot, progress=QUIET)
    return shot


def _older(report: StageReport) -> list[str]:
    return [n for n in report.notes if "espeak" in n]
