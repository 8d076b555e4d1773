"""Checkpoints of a training: what was learned so far, so that a killed one goes on.

A training that goes on from a checkpoint ends with the very weights of one
that was never stopped: the file holds the network, the averaged weights, the
optimiser's moments and the step, from which all that is drawn at random follows.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from relip import records
from relip.errors import OutputError
from relip.render.network import ShotNet

#: Seconds of training between two checkpoints.
EVERY = 60.0


@dataclass
class Moment:
    """A training between two steps.

    Attributes
    ----------
    step : int
        Steps done.
    network : ShotNet
    average : dict of str to torch.Tensor
        The averaged weights.
    optimiser : torch.optim.Optimizer
    history : list of tuple
        (step, loss, seconds).
    running : float
        Loss summed since the last entry of the history.
    seconds : float
        Time spent so far.
    checks : list of tuple
        (step, error on the held-out frames), where they are looked at.
    stopped : bool
        Whether the training ended before its last step.
    """

    step: int
    network: ShotNet
    average: dict[str, torch.Tensor]
    optimiser: torch.optim.Optimizer
    history: list[tuple[int, float, float]] = field(default_factory=list)
    running: float = 0.0
    seconds: float = 0.0
    checks: list[tuple[int, float]] = field(default_factory=list)
    stopped: bool = False


class Checkpoint:
    """The checkpoint file of one training.

    Parameters
    ----------
    path : Path
        ``model/training.safetensors`` of the shot.
    key : str
        Fingerprint of everything the training depends on; a file with
        another key is not used.
    every : float
        Seconds between two checkpoints.
    """

    def __init__(self, path: Path, key: str, *, every: float = EVERY) -> None:
        self.path = path
        self.key = key
        self.every = every
        self._last = time.monotonic()

    def save_if_due(self, moment: Moment) -> None:
        """Write the file when the last is old enough; a full disk does not stop the training."""
        if time.monotonic() - self._last < self.every:
            return
        try:
            self.save(moment)
        except (OSError, OutputError):
            self.path.unlink(missing_ok=True)
        self._last = time.monotonic()

    def save(self, moment: Moment) -> None:
        """Write the file.

        Raises
        ------
        OutputError
            If it cannot be written.
        """
        from safetensors.torch import save_file

        tensors = {f"network.{k}": v for k, v in moment.network.state_dict().items()}
        tensors |= {f"average.{k}": v for k, v in moment.average.items()}
        for index, state in moment.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{index}.{k}": v for k, v in state.items()}
        description = {
            "key": self.key,
            "step": moment.step,
            "history": moment.history,
            "running": moment.running,
            "seconds": moment.seconds,
            "checks": moment.checks,
            "stopped": moment.stopped,
        }
        plain = {k: v.detach().cpu().contiguous().clone() for k, v in tensors.items()}
        with records.atomic_path(self.path) as temporary:
            save_file(plain, str(temporary), {"relip": json.dumps(description)})

    def restore(self, moment: Moment) -> bool:
        """Bring a fresh training to where the file left it.

        Returns
        -------
        bool
            False, and the moment untouched, when there is no file of this
            training or it is damaged.
        """
        from safetensors import safe_open

        try:
            with safe_open(str(self.path), "pt") as handle:
                description: dict[str, Any] = json.loads(handle.metadata()["relip"])
                if description["key"] != self.key:
                    return False
                tensors = {k: handle.get_tensor(k) for k in handle.keys()}  # noqa: SIM118
            network = _part(tensors, "network.")
            average = _part(tensors, "average.")
            if network.keys() != moment.average.keys() or average.keys() != network.keys():
                return False
            states: dict[int, dict[str, torch.Tensor]] = {}
            for name, value in _part(tensors, "optimiser.").items():
                index, _, kind = name.partition(".")
                states.setdefault(int(index), {})[kind] = value
            history = [(int(s), float(x), float(t)) for s, x, t in description["history"]]
            step, running = int(description["step"]), float(description["running"])
            seconds = float(description["seconds"])
            checks = [(int(s), float(e)) for s, e in description.get("checks", [])]
            stopped = bool(description.get("stopped", False))
            moment.network.load_state_dict(network)
        except Exception:  # whatever is wrong with it, the training begins anew
            return False
        for name, value in average.items():
            moment.average[name].copy_(value)
        groups = moment.optimiser.state_dict()["param_groups"]
        moment.optimiser.load_state_dict({"state": states, "param_groups": groups})
        moment.step, moment.history = step, history
        moment.running, moment.seconds = running, seconds
        moment.checks, moment.stopped = checks, stopped
        return True

    def remove(self) -> None:
        """Delete the file: the training is done."""
        self.path.unlink(missing_ok=True)


def _part(tensors: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)}
