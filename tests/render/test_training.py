"""Training: it learns, the same way each time, and its loss is what it says."""

from __future__ import annotations

import numpy as np
import pytest
import render_making
import torch
from skimage.metrics import structural_similarity

from relip.errors import InterruptedByUser, ModelError
from relip.progress import Progress
from relip.render import training
from relip.render.examples import Examples, augmented, draw_inputs

CPU = torch.device("cpu")
QUIET = Progress("none")


@pytest.fixture(scope="module")
def examples() -> Examples:
    return render_making.make_examples()


def fit(examples: Examples, steps: int, seed: int = 0, **more: object) -> training.Trained:
    return training.train(examples, steps=steps, seed=seed, device=CPU, progress=QUIET, **more)


def test_it_learns(examples: Examples):
    losses: list[float] = []

    def measure(step: int, network: torch.nn.Module) -> None:
        if step % 10 == 9:
            losses.append(error_of(network, examples))

    trained = fit(examples, 75, on_step=measure)
    assert [h[0] for h in trained.history] == [25, 50, 75]
    assert trained.history[-1][1] < 0.6 * trained.history[0][1]
    assert losses[-1] < 0.5 * losses[0]
    assert not trained.network.training
    # the averaged weights are at least about as good as the last
    assert error_of(trained.network, examples) < 1.5 * losses[-1]


def error_of(network: torch.nn.Module, examples: Examples) -> float:
    """Mean absolute error inside the region over all examples, as they are."""
    from relip.render.examples import draw_inputs

    pad, errors = examples.pad, []
    for i in range(0, len(examples.frames), 6):
        picture = examples.pictures[i].astype(np.float32)[pad:-pad, pad:-pad]
        inputs, region = draw_inputs(
            picture, examples.lines[i], examples.outlines[i], examples.window, examples.mean
        )
        with torch.inference_mode():
            output = network(torch.from_numpy(inputs)[None])[0].numpy().transpose(1, 2, 0)
        errors.append(np.abs(output + examples.mean - picture)[region > 0].mean())
    return float(np.mean(errors))


def test_close_ups():
    """A crop of 512 folds 4 × 4 pixels: the same network inside, four times the picture."""
    near = render_making.make_examples(n=12, crop=512)
    assert near.window.width % 32 == 0 and near.window.height % 32 == 0
    trained = fit(near, steps=3)
    assert trained.network.fold == 4
    inputs, _ = draw_inputs(
        near.pictures[0, near.pad : -near.pad, near.pad : -near.pad].astype(np.float32),
        near.lines[0],
        near.outlines[0],
        near.window,
        near.mean,
    )
    with torch.inference_mode():
        drawn = trained.network(torch.from_numpy(inputs)[None])
    assert drawn.shape == (1, 3, near.window.height, near.window.width)


def test_the_seed_decides(examples: Examples):
    first, again, other = fit(examples, 4, 5), fit(examples, 4, 5), fit(examples, 4, 6)
    for name, value in first.network.state_dict().items():
        assert torch.equal(value, again.network.state_dict()[name]), name
    assert any(
        not torch.equal(value, other.network.state_dict()[name])
        for name, value in first.network.state_dict().items()
    )


def test_sampling_decides_what_is_seen(examples: Examples):
    """Examples of probability zero are never touched, not even when they are broken."""
    broken = render_making.make_examples(6)
    broken.pictures[[0, 1, 3, 4, 5]] = np.nan
    only = np.array([0, 0, 1.0, 0, 0, 0])
    trained = fit(broken, 3, sampling=only)
    assert np.isfinite(trained.history[-1][1])
    assert not np.isfinite(fit(broken, 3).history[-1][1])


def test_history_and_progress_of_a_short_training(examples: Examples):
    steps: list[int] = []
    trained = fit(examples, 3, on_step=lambda step, network: steps.append(step))
    assert steps == [0, 1, 2]
    assert [h[0] for h in trained.history] == [3]
    assert trained.seconds >= trained.history[-1][2] > 0


def test_it_can_be_interrupted(examples: Examples, monkeypatch: pytest.MonkeyPatch):
    from relip import interrupt

    calls = []

    def after_two(stage: str) -> None:
        calls.append(stage)
        if len(calls) == 2:
            raise InterruptedByUser(f"{stage} stopped")

    monkeypatch.setattr(interrupt, "check", after_two)
    with pytest.raises(InterruptedByUser):
        fit(examples, 50)
    assert len(calls) == 2


@pytest.mark.parametrize("steps", [1, 2, 40, 1000])
def test_schedule(steps: int):
    rates = np.array([training.schedule(i, steps) for i in range(steps)])
    assert rates.min() > 0 and rates.max() <= 1
    top = int(rates.argmax())
    assert (np.diff(rates[: top + 1]) > 0).all()
    assert (np.diff(rates[top + 1 :]) < 0).all()
    assert (np.diff(rates[top:]) <= 0).all()
    if steps >= 40:
        assert top <= 0.05 * steps
        assert rates[-1] == pytest.approx(0.02, abs=0.005)


def pictures(seed: int, shape: tuple[int, int] = (40, 52)) -> tuple[np.ndarray, np.ndarray]:
    """Two pictures of 0 to 1 that are alike, ``[shape=(3, height, width)]``."""
    rng = np.random.default_rng(seed)
    a = rng.uniform(0, 1, (3, *shape))
    b = np.clip(a + rng.normal(0, 0.15, a.shape), 0, 1)
    return a.astype(np.float32), b.astype(np.float32)


@pytest.mark.parametrize("size", [7, 11])
def test_ssim_is_scikit_images(size: int):
    for seed in range(3):
        a, b = pictures(seed)
        _, wanted = structural_similarity(
            a.mean(0).astype(float), b.mean(0).astype(float), win_size=size, data_range=1.0,
            use_sample_covariance=False, full=True,
        )  # fmt: skip
        # the function adds the mid grey that training has taken away
        found = training.ssim_map(
            torch.from_numpy(a - 0.5)[None], torch.from_numpy(b - 0.5)[None], size
        )[0, 0].numpy()
        inner = (slice(size // 2, -(size // 2)),) * 2
        np.testing.assert_allclose(found[inner], wanted[inner], atol=2e-3)


def test_ssim_of_a_picture_with_itself_is_one():
    a, _ = pictures(0)
    tensor = torch.from_numpy(a)[None] - 0.5
    torch.testing.assert_close(
        training.ssim_map(tensor, tensor), torch.ones(1, 1, 40, 52), atol=1e-3, rtol=0
    )


def loss_of(a: np.ndarray, b: np.ndarray, region: np.ndarray, weight: np.ndarray) -> float:
    parts = (torch.from_numpy(np.ascontiguousarray(v, np.float32))[None]
             for v in (a, b, region, weight))  # fmt: skip
    return float(training.reconstruction_loss(*parts))


def test_loss():
    a, b = pictures(1)
    region = np.zeros((40, 52))
    region[10:30, 12:40] = 1
    one = np.ones((40, 52))
    assert loss_of(a, a, region, one) == pytest.approx(0, abs=1e-4)
    assert loss_of(a, b, region, one) > 0.1
    # what lies outside the region does not count
    mixed = np.where(region > 0, a, b)
    assert loss_of(a, mixed, region, one) == pytest.approx(0, abs=1e-4)
    # a constant difference: its size, no gradient, and hardly any structure lost
    shifted = np.float32(a * 0.2 + 0.4)
    inner_only = loss_of(shifted + np.float32(0.05), shifted, np.ones((40, 52)), one)
    assert 0.05 < inner_only < 0.05 + 0.25 * 0.05


def test_loss_counts_the_weight():
    rng = np.random.default_rng(0)
    b = rng.uniform(0.4, 0.6, (3, 40, 52)).astype(np.float32)
    a = b.copy()
    a[:, 5:15, 5:15] += 0.2
    region = np.ones((40, 52))
    near = np.ones((40, 52))
    near[3:17, 3:17] = 4
    far = np.ones((40, 52))
    far[25:, 30:] = 4
    assert loss_of(a, b, region, near) > 1.5 * loss_of(a, b, region, far)
    # only the weights' ratio matters
    assert loss_of(a, b, region, 3 * near) == pytest.approx(loss_of(a, b, region, near), rel=1e-4)


def test_a_batch_that_is_hidden_teaches_nothing():
    """A hand before the mouth in all of its pieces: a loss that is no number ends a network."""
    output = torch.rand(2, 3, 24, 32, requires_grad=True)
    region, weight = torch.ones(2, 24, 32), torch.zeros(2, 24, 32)
    loss = training.reconstruction_loss(output, torch.rand(2, 3, 24, 32), region, weight)
    loss.backward()
    assert torch.isfinite(loss)
    assert output.grad is not None and not output.grad.any()


def test_loss_goes_down_the_gradient():
    a, b = pictures(2)
    output = torch.from_numpy(a)[None].requires_grad_()
    target = torch.from_numpy(b)[None]
    region = torch.ones(1, 40, 52)
    before = training.reconstruction_loss(output, target, region, region)
    before.backward()
    with torch.no_grad():
        moved = output - 0.5 * output.grad / output.grad.abs().max() * 0.05
        after = training.reconstruction_loss(moved, target, region, region)
    assert torch.isfinite(output.grad).all()
    assert after < before


def test_devices():
    assert training.choose_device("cpu") == CPU
    assert training.choose_device("auto").type in ("cpu", "cuda", "mps")
    for name, there in (
        ("cuda", torch.cuda.is_available()), ("mps", torch.backends.mps.is_available()),
    ):  # fmt: skip
        if there:
            assert training.choose_device(name).type == name
        else:
            with pytest.raises(ModelError, match=name):
                training.choose_device(name)


def test_bfloat16_learns_as_well(examples: Examples):
    """The same steps in half the bits: another network, as good, with weights of float32."""
    plain, mixed = fit(examples, 12), fit(examples, 12, mixed=True)
    assert all(w.dtype == torch.float32 for w in mixed.network.state_dict().values())
    losses = [t.history[-1][1] for t in (plain, mixed)]
    assert losses[0] != losses[1]
    assert abs(losses[1] / losses[0] - 1) < 0.2
    assert error_of(mixed.network, examples) < 1.3 * error_of(plain.network, examples)


def test_precision_is_chosen_by_the_device(monkeypatch: pytest.MonkeyPatch):
    assert not training.mixed_precision(CPU, "float32")
    assert training.mixed_precision(CPU, "bfloat16")
    for has, wanted in (({"amx_bf16": True}, True), ({"avx512_bf16": True}, True), ({}, False)):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda has=has: has)
        assert training.mixed_precision(CPU, "auto") is wanted
    assert not training.mixed_precision(torch.device("mps"), "auto")


def test_augmented_examples_differ_and_repeat(examples: Examples):
    one = augmented(examples, 3, np.random.default_rng(0))
    same = augmented(examples, 3, np.random.default_rng(0))
    other = augmented(examples, 3, np.random.default_rng(1))
    for a, b in zip(one, same, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(one[1], other[1])
