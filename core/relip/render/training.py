"""Training the shot's network."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from relip.progress import Progress
from relip.render.examples import Examples, augmented
from relip.render.network import ShotNet

#: Optimiser steps of each quality. Measured on two laptop-class cores in
#: bench/reenact.py: about 0.35 s a step.
STEPS = {"draft": 250, "default": 1000, "final": 4000}

BATCH = 4
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
    """

    network: ShotNet
    history: list[tuple[int, float, float]]
    seconds: float


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
    from relip.errors import ModelError

    cuda = torch.cuda.is_available()
    mps = torch.backends.mps.is_available()
    if name == "auto":
        name = "cuda" if cuda else "mps" if mps else "cpu"
    if (name == "cuda" and not cuda) or (name == "mps" and not mps):
        raise ModelError(f"device {name} is not available here", mend="use --device cpu")
    return torch.device(name)


def train(
    examples: Examples,
    *,
    steps: int,
    seed: int,
    device: torch.device,
    progress: Progress,
    sampling: np.ndarray | None = None,
    on_step: Callable[[int, ShotNet], None] | None = None,
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

    Returns
    -------
    Trained
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    network = ShotNet(2 if examples.window.size <= 256 else 4).placed(device)
    average = {k: v.detach().clone() for k, v in network.state_dict().items()}
    optimiser = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=1e-4)
    history: list[tuple[int, float, float]] = []
    began = time.monotonic()
    running = 0.0
    order: list[int] = []
    progress.start("train", steps)
    network.train()
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = LEARNING_RATE * schedule(step, steps)
        indices = []
        for _ in range(BATCH):
            if not order:
                count = len(examples.frames)
                order = list(rng.choice(count, size=count, p=sampling))
            indices.append(order.pop())
        batch = [augmented(examples, i, rng) for i in indices]
        inputs, target, region, weight = (
            torch.from_numpy(np.stack(part)).to(device) for part in zip(*batch, strict=True)
        )
        inputs = inputs.contiguous(memory_format=torch.channels_last)
        loss = reconstruction_loss(network(inputs), target, region, weight)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        decay = min(EMA, (1 + step) / (10 + step))
        with torch.no_grad():
            for name, value in network.state_dict().items():
                average[name].lerp_(value, 1 - decay)
        running += float(loss.detach())
        if (step + 1) % 25 == 0 or step + 1 == steps:
            span = (step % 25) + 1
            history.append((step + 1, running / span, time.monotonic() - began))
            running = 0.0
        progress.step(note=f"loss {history[-1][1]:.4f}" if history else "")
        if on_step:
            on_step(step, network)
    network.load_state_dict(average)
    network.eval()
    progress.finish()
    return Trained(network, history, time.monotonic() - began)


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
    norm = w.sum() * output.shape[1]
    error = output - target
    l1 = (error.abs() * w).sum() / norm
    dx = (error[..., 1:] - error[..., :-1]).abs() * w[..., 1:]
    dy = (error[..., 1:, :] - error[..., :-1, :]).abs() * w[..., 1:, :]
    gradient = (dx.sum() + dy.sum()) / norm
    similarity = 1 - (ssim_map(output, target) * w).sum() / w.sum()
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
