"""Training the shot's network."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from relip.errors import InterruptedByUser, ModelError
from relip.plate.prefetch import prefetch
from relip.progress import Progress
from relip.render.batches import batches
from relip.render.canonical import fold
from relip.render.checkpoint import Checkpoint, Moment
from relip.render.examples import Examples
from relip.render.network import ShotNet

#: Optimiser steps of each quality. Measured on two laptop-class cores in
#: bench/reenact.py: about 0.3 s a step.
STEPS = {"draft": 400, "default": 1800, "final": 6000}

LEARNING_RATE = 1.5e-3
WARM_UP = 0.03
EMA = 0.995
SSIM_WEIGHT = 0.25


@dataclass
class Trained:
    """A trained network and how it got there.

    Attributes
    ----------
    network : ShotNet
        With the averaged weights.
    history : list of tuple
        (step, loss, seconds).
    seconds : float
    steps : int
        Steps done: fewer than asked for when it was ended early.
    """

    network: ShotNet
    history: list[tuple[int, float, float]]
    seconds: float
    steps: int = 0


def choose_device(name: str) -> torch.device:
    """The device to compute on.

    Parameters
    ----------
    name : {"auto", "cpu", "cuda", "mps"}

    Raises
    ------
    ModelError
        If the device is not there.
    """
    cuda = torch.cuda.is_available()
    mps = torch.backends.mps.is_available()
    if name == "auto":
        name = "cuda" if cuda else "mps" if mps else "cpu"
    if name == "cuda" and not cuda:
        raise ModelError(
            f"device cuda is not available here: {_why_no_cuda()}", mend="use --device cpu"
        )
    if name == "mps" and not mps:
        why = (
            "this PyTorch was built without Metal"
            if not torch.backends.mps.is_built()
            else "macOS offers no Metal device"
        )
        raise ModelError(f"device mps is not available here: {why}", mend="use --device cpu")
    return torch.device(name)


def _why_no_cuda() -> str:
    if not torch.backends.cuda.is_built():
        return f"PyTorch {torch.__version__} was built without CUDA"
    return "the driver finds no NVIDIA GPU"


def mixed_precision(device: torch.device, precision: str) -> bool:
    """Whether the network computes in bfloat16 while it is trained; its weights stay float32.

    Parameters
    ----------
    device : torch.device
    precision : {"auto", "float32", "bfloat16"}
        ``auto``: bfloat16 where the device has instructions for it. One that has none
        converts back and forth and is slower for it.
    """
    if precision != "auto":
        return precision == "bfloat16"
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu":
        has = torch.cpu.get_capabilities()
        return bool(has.get("amx_bf16") or has.get("avx512_bf16"))
    return False


def train(
    examples: Examples,
    *,
    steps: int,
    seed: int,
    device: torch.device,
    progress: Progress,
    sampling: np.ndarray | None = None,
    on_step: Callable[[int, ShotNet], None] | None = None,
    checkpoint: Checkpoint | None = None,
    watch: Sequence[Callable[[Moment], None]] = (),
    start: Mapping[str, torch.Tensor] | None = None,
    mixed: bool = False,
) -> Trained:
    """Fit the network to a shot.

    Parameters
    ----------
    examples : Examples
    steps : int
        Optimiser steps; the learning rate follows a cosine over them.
    seed : int
        On one kind of machine and thread count, the same seed gives the same weights.
    device : torch.device
    progress : Progress
    sampling : np.ndarray [shape=(n,)], optional
        Probability of each example; by default equal.
    on_step : callable, optional
        Called with (step, network) after every step; used by benchmarks.
    checkpoint : Checkpoint, optional
        Where a stopped training goes on from, and what is written on the way.
    watch : sequence of callable, optional
        Each is called with the training's moment after every step; one that
        sets ``stopped`` ends it. They must leave all else as it is.
    start : mapping of str to torch.Tensor, optional
        Weights to begin with; by default random ones.
    mixed : bool
        Compute in bfloat16 what bears it (:func:`mixed_precision`); the loss and
        the weights stay float32.

    Returns
    -------
    Trained
    """
    torch.manual_seed(seed)
    network = ShotNet(fold(examples.window.size)).placed(device)
    if start is not None:
        # a network that draws already: the random draws above stay the same
        network.load_state_dict(dict(start))
    now = Moment(
        step=0,
        network=network,
        average={k: v.detach().clone() for k, v in network.state_dict().items()},
        optimiser=torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=1e-4),
    )
    if checkpoint:
        checkpoint.restore(now)
    began = time.monotonic() - now.seconds
    progress.start("train", steps)
    if now.step:
        progress.step(now.step)
    network.train()
    coming = batches(examples, seed=seed, sampling=sampling, begin=now.step, steps=steps)
    # made beside the step before: the network does not keep every core busy all the time
    with closing(prefetch(coming)) as made:
        while now.step < steps and not now.stopped:
            for group in now.optimiser.param_groups:
                group["lr"] = LEARNING_RATE * schedule(now.step, steps)
            inputs, target, region, weight = (
                torch.from_numpy(part).to(device) for part in next(made)
            )
            with torch.autocast(device.type, torch.bfloat16, enabled=mixed):
                output = network(inputs)
            loss = reconstruction_loss(output.float(), target, region, weight)
            now.optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            now.optimiser.step()
            decay = min(EMA, (1 + now.step) / (10 + now.step))
            with torch.no_grad():
                for name, value in network.state_dict().items():
                    now.average[name].lerp_(value, 1 - decay)
            now.running += float(loss.detach())
            now.step += 1
            now.seconds = time.monotonic() - began
            if now.step % 25 == 0 or now.step == steps:
                span = (now.step - 1) % 25 + 1
                now.history.append((now.step, now.running / span, now.seconds))
                now.running = 0.0
            # before an interruption is noticed, so that one that goes on saw the same
            for look in watch:
                look(now)
            try:
                progress.step(note=f"loss {now.history[-1][1]:.4f}" if now.history else "")
            except InterruptedByUser:
                if checkpoint:
                    checkpoint.save(now)
                raise
            if on_step:
                on_step(now.step - 1, network)
            if checkpoint and now.step < steps:
                checkpoint.save_if_due(now)
    network.load_state_dict(now.average)
    network.eval()
    progress.finish()
    return Trained(network, now.history, now.seconds, now.step)


def schedule(step: int, steps: int) -> float:
    """Linear warm-up, then a cosine to 2 % of the learning rate."""
    warm = max(int(WARM_UP * steps), 1)
    if step < warm:
        return (step + 1) / warm
    share = (step - warm) / max(steps - warm, 1)
    return 0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * share))


def reconstruction_loss(
    output: torch.Tensor, target: torch.Tensor, region: torch.Tensor, weight: torch.Tensor
) -> torch.Tensor:
    """L1 + 0.25 (1 − SSIM) + gradients, inside the region, more around the mouth.

    Parameters
    ----------
    output, target : torch.Tensor [shape=(batch, 3, height, width)]
    region, weight : torch.Tensor [shape=(batch, height, width)]
    """
    drawn = region[:, None]
    output = output * drawn + target * (1 - drawn)
    w = (region * weight)[:, None]
    # where all of a batch is hidden there is nothing to learn
    whole = w.sum().clamp_min(1e-6)
    norm = whole * output.shape[1]
    error = output - target
    l1 = (error.abs() * w).sum() / norm
    dx = (error[..., 1:] - error[..., :-1]).abs() * w[..., 1:]
    dy = (error[..., 1:, :] - error[..., :-1, :]).abs() * w[..., 1:, :]
    gradient = (dx.sum() + dy.sum()) / norm
    similarity = 1 - (ssim_map(output, target) * w).sum() / whole
    return l1 + gradient + SSIM_WEIGHT * similarity


def ssim_map(a: torch.Tensor, b: torch.Tensor, size: int = 7) -> torch.Tensor:
    """SSIM of the luminance per pixel, uniform window (Wang et al. 2004, range of 1).

    The local means are two depthwise convolutions over all five maps at once:
    pooling is several times slower on a CPU, backwards most of all.

    Parameters
    ----------
    a, b : torch.Tensor [shape=(batch, 3, height, width)]
        Differences from a mean colour.
    size : int
        Side of the window.

    Returns
    -------
    torch.Tensor [shape=(batch, 1, height, width)]
    """
    # a mid grey makes pictures of the differences again
    grey_a, grey_b = a.mean(1, keepdim=True) + 0.5, b.mean(1, keepdim=True) + 0.5
    maps = torch.cat([grey_a, grey_b, grey_a**2, grey_b**2, grey_a * grey_b], 1)
    row = torch.full((5, 1, 1, size), 1 / size, device=a.device, dtype=a.dtype)
    maps = F.conv2d(maps, row, padding=(0, size // 2), groups=5)
    maps = F.conv2d(maps, row.transpose(2, 3), padding=(size // 2, 0), groups=5)
    ma, mb, maa, mbb, mab = maps.split(1, 1)
    va, vb = (maa - ma * ma).clamp_min(0), (mbb - mb * mb).clamp_min(0)
    cov = mab - ma * mb
    c1, c2 = 0.01**2, 0.03**2
    luminance = (2 * ma * mb + c1) / (ma * ma + mb * mb + c1)
    return luminance * (2 * cov + c2) / (va + vb + c2)
