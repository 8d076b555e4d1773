"""Adapter of the mel-driven generators that draw 96 × 96 faces.

Input one: six channels, the face with its lower half blacked out and a whole
reference face, 0 to 1. Input two: ``(1, 80, 16)`` of mel spectrogram. Output:
the face, 0 to 1. The reference is the frame itself, as these networks are used
on a moving plate. Options in models.toml:

``size`` (96), ``crop_width`` (1.15 face widths), ``crop_centre`` ([0, 0.35]),
``order`` ("bgr"; the family was trained on OpenCV's pictures), ``masked_from``
(0.5 of the height), ``inputs`` (names in an ONNX file, in the order of the
network's arguments), ``audio_first`` (true: mel before faces), ``mel``
(preemphasis, reference, floor, reach).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from relip.errors import AudioError, ModelError
from relip.render import mel as mel_module
from relip.render.catalogue import ModelEntry
from relip.render.network_file import load_network
from relip.render.renderers import Crop, Sources, View

_OPTIONS: dict[str, Any] = {
    "size": 96,
    "crop_width": 1.15,
    "crop_centre": [0.0, 0.35],
    "order": "bgr",
    "masked_from": 0.5,
    "inputs": [],
    "audio_first": True,
    "mel": {},
}


class Mel96:
    """See :mod:`relip.render.renderers` for what a renderer is.

    Parameters
    ----------
    entry : ModelEntry
        Its file verified.
    device : torch.device

    Raises
    ------
    ModelError
        If an option is unknown or wrong, or the file cannot be loaded.
    """

    def __init__(self, entry: ModelEntry, device: Any) -> None:
        unknown = sorted(set(entry.options) - set(_OPTIONS))
        if unknown:
            raise ModelError(
                f"renderer {entry.name}: unknown option {', '.join(unknown)}",
                mend=f"mel96 takes {', '.join(_OPTIONS)}",
            )
        options = {**_OPTIONS, **entry.options}
        try:
            x, y = (float(v) for v in options["crop_centre"])
            self.crop = Crop(int(options["size"]), float(options["crop_width"]), (x, y))
            self._scale = mel_module.MelScale(**{k: float(v) for k, v in options["mel"].items()})
            self._first_masked = round(float(options["masked_from"]) * self.crop.size)
            if not (16 <= self.crop.size <= 1024 and 0.3 <= self.crop.width <= 4):
                raise ValueError("size or crop_width is out of range")
            if options["order"] not in ("rgb", "bgr"):
                raise ValueError("order is neither rgb nor bgr")
        except (TypeError, ValueError, AttributeError) as exc:
            raise ModelError(
                f"renderer {entry.name}: a wrong option: {exc}", mend="see docs/renderers.md"
            ) from None
        self._entry = entry
        self._audio_first = bool(options["audio_first"])
        self._reverse = options["order"] == "bgr"
        default = ["mel", "faces"] if self._audio_first else ["faces", "mel"]
        self._network = load_network(
            entry.path, entry.format, device, [str(n) for n in options["inputs"] or default]
        )
        self._mel: np.ndarray | None = None

    def prepare(self, sources: Sources) -> None:
        """Listen to the dialogue.

        Raises
        ------
        AudioError
            If the shot has none.
        """
        if sources.audio is None:
            raise AudioError(
                f"the renderer {self._entry.name} is driven by sound and the shot has none",
                mend="give the dialogue with --audio",
            )
        self._mel = mel_module.mel_spectrogram(sources.audio.samples, self._scale)
        self._sources = sources

    def draw(self, view: View) -> np.ndarray:
        """The face with its mouth as the sound says.

        Raises
        ------
        ModelError
            If the network gives something else than a picture of its size.
        """
        assert self._mel is not None, "prepare comes first"
        sources = self._sources
        index = view.frame - sources.frames.start
        heard = mel_module.piece(
            self._mel, index, sources.rate, sources.offset, -self._scale.reach
        )[None, None]
        face = np.clip(view.picture, 0, 1).transpose(2, 0, 1)
        face = face[::-1] if self._reverse else face
        masked = face.copy()
        masked[:, self._first_masked :] = 0
        faces = np.concatenate([masked, face])[None].astype(np.float32)
        given = (heard, faces) if self._audio_first else (faces, heard)
        made = self._network(*given)
        wanted = (1, 3, self.crop.size, self.crop.size)
        if made.shape != wanted or not np.isfinite(made).all():
            raise ModelError(
                f"renderer {self._entry.name}: the network gave {made.shape} where a picture of "
                f"{wanted} is wanted, or values that are not numbers",
                mend="mend size in models.toml, or use the adapter of this network",
            )
        picture = made[0][::-1] if self._reverse else made[0]
        return np.ascontiguousarray(picture.transpose(1, 2, 0), np.float32)
