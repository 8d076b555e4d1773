"""The shot's model file: network, rig, window and encoding in one safetensors file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch

from relip import records
from relip.errors import ModelError, StageMissingError
from relip.render.calibration import Calibration
from relip.render.canonical import Window, fold
from relip.render.encoding import Encoding
from relip.render.interior import Mouths
from relip.render.network import ShotNet
from relip.render.rig import Rig

#: Changes when an old file can no longer be read as it was meant.
FORMAT = 2


@dataclass
class ShotModel:
    """Everything learned from a shot.

    Attributes
    ----------
    network : ShotNet
    rig : Rig
    window : Window
    encoding : Encoding
    mean : np.ndarray [shape=(3,)]
        The network's zero, in its encoding.
    calibration : Calibration
        What is taken off lines before they are drawn.
    mouths : Mouths
        Mouths of the shot, for the fine band inside the opening.
    """

    network: ShotNet
    rig: Rig
    window: Window
    encoding: Encoding
    mean: np.ndarray
    calibration: Calibration = field(default_factory=Calibration.none)
    mouths: Mouths = field(default_factory=Mouths.none)

    def save(self, path: Path, notes: dict[str, object]) -> None:
        """Write the model; ``notes`` go into the file's metadata."""
        from safetensors.torch import save_file

        tensors = {
            f"network.{k}": v.detach().cpu().contiguous()
            for k, v in self.network.state_dict().items()
        }
        parts = self.rig.tensors() | self.calibration.tensors() | self.mouths.tensors()
        for name, value in parts.items():
            tensors[name] = torch.from_numpy(np.ascontiguousarray(value))
        tensors["mean"] = torch.from_numpy(np.asarray(self.mean, np.float32))
        description = {
            "format": FORMAT,
            "window": self.window.as_list(),
            "encoding": asdict(self.encoding),
            "notes": notes,
        }
        with records.atomic_path(path) as temporary:
            save_file(tensors, str(temporary), {"relip": json.dumps(description)})

    @classmethod
    def load(cls, path: Path, device: torch.device | None = None) -> ShotModel:
        """Read a model.

        Raises
        ------
        StageMissingError
            If there is none.
        ModelError
            If it is damaged or of another format.
        """
        from safetensors import safe_open

        if not path.exists():
            raise StageMissingError(
                f"{path}: the shot's network is not trained yet", mend="run relip train on the shot"
            )
        try:
            with safe_open(str(path), "pt") as handle:
                description = json.loads(handle.metadata()["relip"])
                tensors = {k: handle.get_tensor(k) for k in handle.keys()}  # noqa: SIM118
            if description["format"] != FORMAT:
                raise ModelError(
                    f"{path}: model format {description['format']} is not {FORMAT}",
                    mend="train the shot again with this Relip",
                )
            window = Window.from_list(description["window"])
            network = ShotNet(fold(window.size))
            prefix = "network."
            network.load_state_dict(
                {k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)}
            )
            rig = Rig.from_tensors({k: v.numpy() for k, v in tensors.items() if k[:4] == "rig."})
            calibration = Calibration.from_tensors(
                {k: v.numpy() for k, v in tensors.items() if k.startswith("calibration.")}
            )
            mouths = Mouths.from_tensors(
                {k: v.numpy() for k, v in tensors.items() if k.startswith("interior.")}
            )
            mean = tensors["mean"].numpy()
            encoding = Encoding.from_dict(description["encoding"])
        except ModelError:
            raise
        except Exception as exc:
            raise ModelError(
                f"{path}: damaged model: {exc}", mend="delete it and run relip train again"
            ) from exc
        network = network.placed(device or torch.device("cpu"))
        return cls(network.eval(), rig, window, encoding, mean, calibration, mouths)
