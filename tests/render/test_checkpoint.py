"""A training that was stopped goes on to the very weights of one that was not."""

from __future__ import annotations

from pathlib import Path

import pytest
import render_making
import torch

from relip import interrupt
from relip.errors import InterruptedByUser, OutputError
from relip.progress import Progress
from relip.render import training
from relip.render.checkpoint import Checkpoint
from relip.render.examples import Examples

STEPS = 30


@pytest.fixture(scope="module")
def examples() -> Examples:
    return render_making.make_examples(10)


@pytest.fixture(scope="module")
def unstopped(examples: Examples) -> training.Trained:
    return fit(examples, None)


def fit(examples: Examples, checkpoint: Checkpoint | None, **more: object) -> training.Trained:
    return training.train(
        examples,
        steps=STEPS,
        seed=3,
        device=torch.device("cpu"),
        progress=Progress("none"),
        checkpoint=checkpoint,
        **more,
    )


def stop_at(step: int, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]) -> None:
    seen = []

    def check(stage: str) -> None:
        seen.append(stage)
        if len(seen) == step:
            raise error(stage)

    monkeypatch.setattr(interrupt, "check", check)


def equal(a: training.Trained, b: training.Trained) -> bool:
    weights = b.network.state_dict()
    return all(torch.equal(v, weights[k]) for k, v in a.network.state_dict().items())


@pytest.mark.parametrize("step", [1, 13, 27])
def test_interrupted_and_run_again(
    step: int, examples, unstopped, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Also across the end of a round of examples (10 examples, 4 a step)."""
    path = tmp_path / "training.safetensors"
    with monkeypatch.context() as patch:
        stop_at(step, patch, InterruptedByUser)
        with pytest.raises(InterruptedByUser):
            fit(examples, Checkpoint(path, "key"))
    seen: list[int] = []
    again = fit(examples, Checkpoint(path, "key"), on_step=lambda s, _: seen.append(s))
    assert seen == list(range(step, STEPS))
    assert equal(again, unstopped)
    assert [h[:2] for h in again.history] == [h[:2] for h in unstopped.history]


def test_killed_between_two_checkpoints(
    examples, unstopped, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "training.safetensors"
    with monkeypatch.context() as patch:
        stop_at(9, patch, SystemError)  # nothing is saved on this one, as on a kill
        with pytest.raises(SystemError):
            fit(examples, Checkpoint(path, "key", every=0.0))
    seen: list[int] = []
    assert equal(
        fit(examples, Checkpoint(path, "key"), on_step=lambda s, _: seen.append(s)), unstopped
    )
    assert seen[0] == 8


@pytest.mark.parametrize("spoil", ["other key", "damaged", "other network"])
def test_what_does_not_fit_is_not_used(spoil: str, examples, unstopped, tmp_path: Path):
    path = tmp_path / "training.safetensors"
    fit(examples, Checkpoint(path, "key", every=0.0))
    assert path.exists()
    key = "key"
    if spoil == "other key":
        key = "another"
    elif spoil == "damaged":
        path.write_bytes(path.read_bytes()[:-1000])
    else:
        from safetensors.torch import safe_open, save_file

        with safe_open(str(path), "pt") as handle:
            tensors = {k: handle.get_tensor(k) for k in handle.keys() if ".down.0" not in k}  # noqa: SIM118
            notes = handle.metadata()
        save_file(tensors, str(path), notes)
    seen: list[int] = []
    assert equal(
        fit(examples, Checkpoint(path, key), on_step=lambda s, _: seen.append(s)), unstopped
    )
    assert seen[0] == 0


def test_a_full_disk_does_not_stop_the_training(
    examples, unstopped, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    checkpoint = Checkpoint(tmp_path / "training.safetensors", "key", every=0.0)

    def full(moment: object) -> None:
        raise OutputError("no space left on device")

    monkeypatch.setattr(checkpoint, "save", full)
    assert equal(fit(examples, checkpoint), unstopped)
