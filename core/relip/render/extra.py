"""More to learn from: other plates of the same actor, and the network of another shot."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from relip.errors import ModelError
from relip.mask.region import make_region
from relip.plate import default_colour
from relip.progress import Progress
from relip.render import examples as example_module
from relip.render.canonical import Window
from relip.render.encoding import BRIGHTEST, Encoding
from relip.render.examples import Examples
from relip.shot import Shot
from relip.track import aside
from relip.track.facetrack import FaceTrack

#: The most that extra plates count for together, as a share of the training.
MOST = 0.5


@dataclass(frozen=True)
class _Converted(Encoding):
    """The shot's encoding, of pixels in another colourspace."""

    source: str = ""

    def encode(self, rgb: np.ndarray) -> np.ndarray:
        if self.source != self.colourspace:
            finite = np.nan_to_num(rgb, nan=0.0, posinf=BRIGHTEST, neginf=0.0)
            rgb = default_colour().to_working(finite, self.source, self.colourspace)
        return super().encode(rgb)


def model_file(shot: Shot) -> Path | None:
    """The model that ``train.model_from`` names, a shot folder or its model; None when empty."""
    name = shot.settings.train.model_from
    if not name:
        return None
    path = shot.resolve(name)
    return path / "model" / "model.safetensors" if path.is_dir() else path


def first_weights(path: Path, network: Any) -> dict[str, Any]:
    """The weights of another shot's network, to begin with.

    Parameters
    ----------
    path : Path
    network : torch.nn.Module
        The one to be trained: its weights must have the same names and shapes.

    Raises
    ------
    ModelError
        If there is no such model, it is damaged, or its network is another.
    """
    from safetensors import safe_open

    prefix = "network."
    try:
        with safe_open(str(path), "pt") as handle:
            names = [k for k in handle.keys() if k.startswith(prefix)]  # noqa: SIM118
            weights = {k[len(prefix) :]: handle.get_tensor(k) for k in names}
    except FileNotFoundError:
        raise ModelError(
            f"{path}: there is no model to begin with",
            mend="train.model_from takes a shot that is trained",
        ) from None
    except Exception as exc:
        raise ModelError(f"{path}: damaged model: {exc}", mend="check train.model_from") from None
    wanted = {k: tuple(v.shape) for k, v in network.state_dict().items()}
    if {k: tuple(v.shape) for k, v in weights.items()} != wanted:
        raise ModelError(
            f"{path}: its network is not of this shot's kind (another crop or another Relip)",
            mend="leave train.model_from out, or train that shot again",
        )
    return weights


def extra_examples(
    shot: Shot, window: Window, encoding: Encoding, progress: Progress
) -> list[tuple[Examples, FaceTrack, np.ndarray]]:
    """Track the extra plates and cut their examples.

    Each is tracked in a folder of its own, ``model/extra-1`` and so on.

    Returns
    -------
    list of (Examples, FaceTrack, rows of the track)

    Raises
    ------
    RelipError
        If one cannot be read or shows no face; the message names it.
    """
    found = []
    plates = shot.settings.train.extra
    for number, name in enumerate(plates, start=1):
        own = aside.beside(shot, f"model/extra-{number}", name)
        with progress.part(0.5 * (number - 1) / len(plates), 0.5 / len(plates)):
            aside.track(own, f"extra plate {number}", progress=progress)
        track = aside.load(own, f"extra plate {number}")
        region = make_region(track, shot.settings.mask)
        visible = [int(f) for f in track.frames[track.visible]]
        limit = max(example_module.MAX_EXAMPLES // (len(plates) + 1), 1)
        if len(visible) > limit:
            pick = np.linspace(0, len(visible) - 1, limit).round().astype(int)
            visible = [visible[i] for i in pick]
        with own.open_plate() as plate:
            seen = _Converted(**dataclasses.asdict(encoding), source=plate.colourspace)
            with progress.part(0.5 + 0.5 * (number - 1) / len(plates), 0.5 / len(plates)):
                cut = example_module.collect(plate, track, region, window, seen, visible, progress)
        rows = np.array([track.index(int(f)) for f in cut.frames])
        found.append((cut, track, rows))
    return found


def joined(
    own: Examples, weights: np.ndarray, extra: Sequence[tuple[Examples, np.ndarray]]
) -> tuple[Examples, np.ndarray]:
    """The shot's examples and the extra ones together, and the probability of each.

    Parameters
    ----------
    own : Examples
    weights : np.ndarray [shape=(n,)]
        Probabilities of the shot's own.
    extra : sequence of (Examples, probabilities)
        Together they count as their number has it, :data:`MOST` at most.
    """
    if not extra:
        return own, weights
    counts = [len(e.frames) for e, _ in extra]
    share = min(MOST, sum(counts) / (sum(counts) + len(own.frames)))
    every = [own, *(e for e, _ in extra)]
    both = dataclasses.replace(
        own,
        frames=np.concatenate([e.frames for e in every]),
        pictures=np.concatenate([e.pictures for e in every]),
        lines=np.concatenate([e.lines for e in every]),
        outlines=np.concatenate([e.outlines for e in every]),
        corners=np.concatenate([e.corners for e in every]),
        plates=np.repeat(np.arange(len(every)), [len(e.frames) for e in every]),
    )
    parts = [(1 - share) * weights]
    parts += [share * n / sum(counts) * w for n, (_, w) in zip(counts, extra, strict=True)]
    return both, np.concatenate(parts)
