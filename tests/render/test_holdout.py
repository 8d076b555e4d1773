"""Held-out frames: which, what is said of them, and what more is learned from."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import render_making
import torch

from relip import pipeline
from relip.errors import InputError, ModelError, SettingError
from relip.progress import Progress
from relip.render import extra, holdout, rig, train_stage
from relip.render.network import ShotNet
from relip.review import metrics
from relip.shot import Shot, ShotSettings

QUIET = Progress("none")


def test_frames_kept_back_are_few_and_spread():
    assert holdout.choose(range(1001, 1051), 0.02) == []  # every one is needed
    assert holdout.choose(range(1000), 0.0) == []
    found = holdout.choose(range(1, 101), 0.02)
    assert len(found) == holdout.LEAST
    many = holdout.choose(range(1, 501), 0.02)
    assert len(many) == 10 and np.diff(many).min() >= 40
    assert many[0] > 1 and many[-1] < 500


@pytest.mark.parametrize(
    "figures, verdict, word",
    [
        ((30.0, 24.0, 0.004, 0.8), "good", "30.0 dB"),
        ((30.0, 24.0, 0.004, 0.4), "soft", "40 %"),
        ((24.5, 24.0, 0.004, 0.8), "bad", "mean mouth"),
        ((30.0, 24.0, 0.013, 0.8), "bad", "1.30 %"),
        ((30.0, 24.0, float("nan"), 0.8), "good", "80 %"),
    ],
)
def test_verdicts(figures: tuple[float, float, float, float], verdict: str, word: str):
    said, reason = holdout.judge(*figures)
    assert said == verdict and word in reason


@pytest.mark.parametrize(
    "figures, verdict, words",
    [
        ((37.3, 37.4, 0.001, 1.0), "still", ("37.3 dB", "0.4 %", "cannot be checked")),
        ((36.3, 37.4, 0.001, 1.0), "bad", ("worse than the mean mouth",)),
        ((37.3, 37.4, 0.013, 1.0), "bad", ("1.30 %",)),
        ((37.3, 37.4, 0.001, 0.4), "soft", ("40 %",)),
    ],
)
def test_a_mouth_that_keeps_still_is_its_own_mean(
    figures: tuple[float, float, float, float], verdict: str, words: tuple[str, ...]
):
    """Training longer gains nothing on it, so that nothing of the kind is advised."""
    said, reason = holdout.judge(*figures, still=0.004)
    assert said == verdict and all(word in reason for word in words)
    assert said != "still" or "train longer" not in reason
    assert holdout.judge(37.3, 37.4, 0.001, 1.0)[0] == "bad"


def test_a_silent_actor_is_judged_as_one(shot_copy: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(holdout, "FEWEST", 20)
    asked = []
    judge = holdout.judge
    monkeypatch.setattr(holdout, "judge", lambda *given: asked.append(given) or judge(*given))
    shot = Shot.open(shot_copy).change(train={"held_out": 0.1, "steps": 2})
    train_stage.run(shot, progress=QUIET)
    monkeypatch.setattr(rig, "widest", lambda track, rows: 0.004)
    train_stage.run(shot, progress=QUIET, force=True)
    assert [given[4] for given in asked] == [None, 0.004]


@pytest.mark.parametrize("height", [7, 3])
def test_a_small_mouth_is_judged_or_it_is_said_why_not(
    shot_copy: Path, monkeypatch: pytest.MonkeyPatch, height: int
):
    """A face of 34 pixels has a mouth box seven rows high."""
    monkeypatch.setattr(holdout, "FEWEST", 20)
    box = metrics.mouth_box

    def small(*given):
        x0, y0, _, _ = box(*given)
        return x0, y0, x0 + 16, y0 + height

    monkeypatch.setattr(metrics, "mouth_box", small)
    shot = Shot.open(shot_copy).change(train={"held_out": 0.1, "steps": 2})
    verdict = train_stage.run(shot, progress=QUIET).data["held_out"]
    if height == 7:
        assert len(verdict["frames"]) == holdout.LEAST and verdict["verdict"] != "none"
        assert 0 < verdict["ssim"] < 1
    else:
        assert verdict["verdict"] == "none"
        assert "16 by 3 pixels" in verdict["reason"] and "larger plate" in verdict["reason"]


def test_a_training_that_keeps_frames_back(shot_copy: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(holdout, "FEWEST", 20)
    shot = Shot.open(shot_copy).change(train={"held_out": 0.1})
    report = train_stage.run(shot, progress=QUIET)
    verdict = report.data["held_out"]
    assert verdict["frames"] == holdout.choose(range(1001, 1041), 0.1)
    # four steps draw next to nothing
    assert verdict["verdict"] in ("bad", "soft") and verdict["reason"] in report.notes[-1]
    assert 5 < verdict["psnr"] < 40 and 0 < verdict["ssim"] < 1
    record = json.loads((shot_copy / "model" / "record.json").read_text())
    assert record["data"]["held_out"] == verdict and record["notes"] == report.notes
    learned = record["learned_from"]
    assert all(str(f) not in learned.replace("-", ",").split(",") for f in verdict["frames"])
    # run again: nothing to do, and the verdict is still told
    assert train_stage.run(shot, progress=QUIET).notes == report.notes
    assert (shot_copy / "model" / "progress.png").exists()


def test_how_it_is_watched_makes_no_other_network(finished_shot: Path):
    shot = Shot.open(finished_shot)
    key = train_stage.key(shot)
    assert key == train_stage.key(shot.change(train={"preview": 0.0, "device": "cpu"}))
    for other in ({"held_out": 0.0}, {"patience": 300}, {"seed": 1}):
        assert key != train_stage.key(shot.change(train=other))


def test_patience_needs_frames():
    with pytest.raises(SettingError, match="held_out"):
        ShotSettings.from_dict({"train": {"patience": 100, "held_out": 0.0}})


# --- warm start -----------------------------------------------------------------------------------


def test_model_from_another_shot(shot_copy: Path, tmp_path: Path):
    other = Path(shutil.copytree(shot_copy, tmp_path / "other.relip"))
    shot = Shot.open(shot_copy)
    cold = train_stage.key(shot)
    warm = shot.change(train={"model_from": str(other), "steps": 1})
    assert train_stage.key(warm) != cold
    report = train_stage.run(warm, progress=QUIET)
    assert report.data["model_from"]
    first = train_stage.model_path(Shot.open(other)).read_bytes()
    assert train_stage.model_path(warm).read_bytes() != first
    # the model itself may be named too
    model = other / "model" / "model.safetensors"
    assert train_stage.key(shot.change(train={"model_from": str(model), "steps": 1})) == (
        train_stage.key(warm)
    )


def test_models_that_cannot_be_begun_with(finished_shot: Path, tmp_path: Path):
    with pytest.raises(ModelError, match="no model"):
        extra.first_weights(tmp_path / "model.safetensors", ShotNet())
    path = tmp_path / "m.safetensors"
    path.write_bytes(b"no model")
    with pytest.raises(ModelError, match="damaged"):
        extra.first_weights(path, ShotNet())
    with pytest.raises(ModelError, match="kind"):
        extra.first_weights(finished_shot / "model" / "model.safetensors", ShotNet(4))
    weights = extra.first_weights(finished_shot / "model" / "model.safetensors", ShotNet())
    assert all(isinstance(v, torch.Tensor) for v in weights.values())


# --- extra plates ---------------------------------------------------------------------------------


def test_examples_joined():
    own, other = render_making.make_examples(20), render_making.make_examples(10)
    weights = np.full(20, 1 / 20)
    both, chances = extra.joined(own, weights, [(other, np.full(10, 0.1))])
    assert len(both.frames) == len(both.pictures) == len(both.lines) == len(both.corners) == 30
    assert both.plates.tolist() == [0] * 20 + [1] * 10
    assert chances.sum() == pytest.approx(1) and chances[20:].sum() == pytest.approx(1 / 3)
    many = render_making.make_examples(60)
    _, chances = extra.joined(other, np.full(10, 0.1), [(many, np.full(60, 1 / 60))])
    assert chances[10:].sum() == pytest.approx(extra.MOST)
    same, equal = extra.joined(own, weights, [])
    assert same is own and equal is weights


def test_an_extra_plate_is_learned_from(shot_copy: Path, demo_clip):
    """A movie beside a scene-linear sequence of the same face."""
    shot = Shot.open(shot_copy).change(train={"extra": [str(demo_clip.path)], "steps": 2})
    report = train_stage.run(shot, progress=QUIET)
    assert report.data["examples"] == 40 and report.data["extra_examples"] == 40
    assert (shot_copy / "model" / "extra-1" / "track" / "track.npz").exists()
    # what it draws is the shot's: the stages after it go on
    assert pipeline.run_stage(shot, "render", frames="1010").done == [1010]


def test_a_mouth_that_never_opens_is_opened_and_told(
    shot_copy: Path, demo_clip, monkeypatch: pytest.MonkeyPatch
):
    """A silent actor: opened mouths are learned from, and whose teeth they are is said."""
    shot = Shot.open(shot_copy).change(train={"steps": 2})
    report = train_stage.run(shot, progress=QUIET)
    opens = report.data["widest_opening"]
    assert opens > rig.MIN_FULL_OPENING and not any("opens" in note for note in report.notes)
    assert "opened_examples" not in report.data
    monkeypatch.setattr(rig, "widest", lambda track, rows: 0.004)
    report = train_stage.run(shot, progress=QUIET, force=True)
    assert "opens by 0.4 % of the face width" in report.notes[0]
    assert "train.extra" in report.notes[0] and "train.model_from" in report.notes[0]
    assert "teeth are no actor's" in report.notes[0]
    assert report.data["opened_examples"] >= 80 and report.data["examples"] == 40
    # one plate that shows it is enough
    found = iter([0.004, 0.1])
    monkeypatch.setattr(rig, "widest", lambda track, rows: next(found))
    taught = shot.change(train={"extra": [str(demo_clip.path)]})
    report = train_stage.run(taught, progress=QUIET)
    assert not any("opens" in note for note in report.notes)
    assert "opened_examples" not in report.data and report.data["extra_examples"] == 40


def test_an_extra_plate_in_the_shots_encoding(shot_copy: Path, demo_clip):
    """The same pictures as a movie and as a linear sequence are alike to the network."""
    from relip.mask.region import make_region
    from relip.render import examples as example_module
    from relip.render.encoding import Encoding
    from relip.track import stage as track_stage

    shot = Shot.open(shot_copy).change(train={"extra": [str(demo_clip.path)]})
    track = track_stage.load(shot)
    region = make_region(track, shot.settings.mask)
    window = train_stage.shot_window(shot, track, region)
    with shot.open_plate() as plate:
        encoding = Encoding.choose(plate.colourspace, "auto")
        own = example_module.collect(
            plate, track, region, window, encoding, list(shot.frames), QUIET
        )
    ((other, _, rows),) = extra.extra_examples(shot, window, encoding, QUIET)
    assert other.pictures.shape == own.pictures.shape and len(rows) == 40
    apart = np.abs(other.pictures.astype(float) - own.pictures.astype(float))
    assert apart.mean() < 0.03


def test_an_extra_plate_that_is_missing(finished_shot: Path):
    shot = Shot.open(finished_shot).change(train={"extra": ["/no/such.mov"]})
    with pytest.raises(InputError, match=r"such\.mov"):
        shot.check_inputs()
