"""A training that is watched: its pictures are whole, and it is the training it would be."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import render_making
import torch

from relip import interrupt
from relip.errors import InterruptedByUser
from relip.progress import Progress
from relip.render import holdout, training
from relip.render.checkpoint import Checkpoint, Moment
from relip.render.examples import Examples
from relip.render.monitor import LOSS, PLOT, PREVIEW, TILE, Monitor, loss_picture

STEPS = 24


@pytest.fixture(scope="module")
def examples() -> Examples:
    return render_making.make_examples(10)


def fit(examples: Examples, **more: object) -> training.Trained:
    return training.train(
        examples,
        steps=STEPS,
        seed=1,
        device=torch.device("cpu"),
        progress=Progress("none"),
        **more,
    )


def equal(a: training.Trained, b: training.Trained) -> bool:
    weights = b.network.state_dict()
    return all(torch.equal(v, weights[k]) for k, v in a.network.state_dict().items())


@pytest.fixture(scope="module")
def plain(examples: Examples) -> training.Trained:
    return fit(examples)


def test_watching_changes_nothing(
    examples: Examples, plain: training.Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(holdout, "EVERY", 5)
    watch = [holdout.plateau(examples, 10_000), Monitor(tmp_path, examples, STEPS, 1e-9)]
    watched = fit(examples, watch=watch)
    assert equal(watched, plain) and watched.steps == STEPS
    shown = cv2.imread(str(tmp_path / PREVIEW))
    assert shown.shape[0] == 2 * TILE and shown.std() > 10
    # plate above, drawn below: after some steps they are alike, not equal
    above, below = shown[:TILE].astype(float), shown[TILE:].astype(float)
    assert 0 < np.abs(above - below).mean() < 60
    assert cv2.imread(str(tmp_path / LOSS)).shape == (PLOT[1], PLOT[0], 3)
    assert sorted(p.name for p in tmp_path.iterdir()) == [LOSS, PREVIEW]


def test_no_pictures_wanted(examples: Examples, tmp_path: Path):
    fit(examples, watch=[Monitor(tmp_path, examples, STEPS, 0.0)])
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_stops_nothing(
    examples: Examples, plain: training.Trained, tmp_path: Path
):
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    assert equal(fit(examples, watch=[Monitor(blocked, examples, STEPS, 1e-9)]), plain)


def test_the_curve_falls_where_the_loss_falls():
    moment = Moment(90, *[None] * 4)  # type: ignore[arg-type]
    moment.history = [(25, 0.8, 1.0), (50, 0.4, 2.0), (75, 0.2, 3.0)]
    moment.checks = [(50, 0.3)]
    picture = loss_picture(moment, 100).astype(int)
    curve = np.argwhere((picture[..., 0] > 180) & (picture[..., 2] < 140))
    left, right = curve[curve[:, 1].argmin()], curve[curve[:, 1].argmax()]
    assert left[0] < right[0] - 100  # higher up in the picture
    moment.history = []
    moment.checks = []
    assert loss_picture(moment, 100).std() == 0


# --- ending early ---------------------------------------------------------------------------------


def test_has_ended():
    falling = [(100 * i, 1.0 / i) for i in range(1, 9)]
    assert not holdout.has_ended(falling, 200)
    flat = [*falling, (900, 0.125), (1000, 0.13)]
    assert holdout.has_ended(flat, 200) and not holdout.has_ended(flat, 300)
    assert not holdout.has_ended([], 100) and not holdout.has_ended([(100, 1.0)], 100)


def test_it_ends_on_a_plateau(examples: Examples, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(holdout, "EVERY", 4)
    monkeypatch.setattr(holdout, "GAIN", 1.0)  # nothing is gain enough
    ended = fit(examples, watch=[holdout.plateau(examples, 8)])
    assert ended.steps == 12


@pytest.mark.parametrize("stop", [3, 12, 13])
def test_an_early_end_is_the_same_when_interrupted(
    examples: Examples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: int
):
    """Also when it is interrupted in the very step in which it would end."""
    monkeypatch.setattr(holdout, "EVERY", 4)
    monkeypatch.setattr(holdout, "GAIN", 1.0)
    whole = fit(examples, watch=[holdout.plateau(examples, 8)])
    seen: list[str] = []

    def check(stage: str) -> None:
        seen.append(stage)
        if len(seen) == stop:
            raise InterruptedByUser("stop")

    checkpoint = Checkpoint(tmp_path / "c.safetensors", "key")
    with monkeypatch.context() as patch:
        patch.setattr(interrupt, "check", check)
        if stop <= 12:
            with pytest.raises(InterruptedByUser):
                fit(examples, watch=[holdout.plateau(examples, 8)], checkpoint=checkpoint)
    again = fit(examples, watch=[holdout.plateau(examples, 8)], checkpoint=checkpoint)
    assert again.steps == whole.steps == 12
    assert equal(again, whole)


# --- beginning with another's weights -------------------------------------------------------------


def test_a_warm_start_begins_where_the_other_ended(examples: Examples, plain: training.Trained):
    seen: list[float] = []

    def look(moment: Moment) -> None:
        seen.append(moment.running)

    training.train(
        examples,
        steps=6,
        seed=9,
        device=torch.device("cpu"),
        progress=Progress("none"),
        watch=[look],
        start=plain.network.state_dict(),
    )
    warm = seen[0]
    seen.clear()
    training.train(
        examples,
        steps=6,
        seed=9,
        device=torch.device("cpu"),
        progress=Progress("none"),
        watch=[look],
    )
    assert warm < 0.9 * seen[0]
