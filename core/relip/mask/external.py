"""A face-parsing network of others', described in a models.toml.

```toml
[[parser]]
name = "studio-parsing"
file = "parsing.pt"            # beside this file, or absolute
format = "torchscript"         # or onnx
sha256 = "…64 digits…"
licence = "Studio internal"
commercial = true
size = 512                     # side of the square picture it takes
mean = [0.485, 0.456, 0.406]   # optional, of R, G, B, 0-1
std = [0.229, 0.224, 0.225]
[parser.labels]                # its output channels, by class
skin = [1, 10]
lips = [12, 13]
mouth = [11]
hair = [17]
neck = [14]
occluder = [20]
```

``mask.parser`` names the entry, the environment variable ``RELIP_MODELS`` the
file. Channels that no class names are background. Nothing is ever fetched,
and a file whose checksum is not the one written there is not run: a model is
a program.
"""

from __future__ import annotations

import hashlib
import os
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from relip.errors import ModelError, SettingError, reason
from relip.mask import parsing
from relip.mask.crop import SIDE, SMALL

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

VARIABLE = "RELIP_MODELS"
FORMATS = ("torchscript", "onnx")

#: What an entry must have, and of which kind.
_REQUIRED: dict[str, type] = {
    "name": str, "file": str, "format": str, "sha256": str, "licence": str, "commercial": bool,
    "size": int, "labels": dict,
}  # fmt: skip

#: Classes that a label map may name.
_NAMES = ("background", "skin", "lips", "mouth", "hair", "neck", "occluder")

#: Of a picture ``[shape=(1, 3, size, size)]`` the scores ``[shape=(1, K, h, w)]``.
Network = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class ParserEntry:
    """One parser of a models.toml; see the module for the fields."""

    name: str
    path: Path
    format: str
    sha256: str
    licence: str
    commercial: bool
    size: int
    labels: Mapping[str, tuple[int, ...]]
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)

    def key(self) -> list[Any]:
        """Everything that changes its result, for fingerprints."""
        return [self.sha256, self.size, dict(self.labels), self.mean, self.std]

    def load(self) -> Parser:
        """Verify the file and load the network.

        Raises
        ------
        ModelError
            If the file is missing, is another, or is no such network.
        """
        try:
            data = self.path.read_bytes()
        except OSError as exc:
            raise ModelError(
                f"parser {self.name}: {self.path} cannot be read: {exc.strerror or exc}",
                mend="put the model there, or mend its file in models.toml",
            ) from None
        digest = hashlib.sha256(data).hexdigest()
        if digest != self.sha256:
            raise ModelError(
                f"parser {self.name}: {self.path} is not the model that was described: its "
                f"sha256 is {digest}",
                mend="get the right file, or write this sha256 into models.toml if you trust it",
            )
        load = _torchscript if self.format == "torchscript" else _onnx
        return Parser(self, load(self.path, data))


def find_parser(name: str) -> ParserEntry:
    """The entry of that name in the file that ``RELIP_MODELS`` names.

    Raises
    ------
    SettingError
        If there is none.
    ModelError
        If the file is missing, no TOML, or an entry lacks something.
    """
    where = os.environ.get(VARIABLE, "")
    if not where:
        raise SettingError(
            f"mask.parser is {name!r}, but {VARIABLE} names no models.toml",
            mend=f"set {VARIABLE} to the file that describes it",
        )
    path = Path(where).expanduser()
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as exc:
        raise ModelError(
            f"{path} cannot be read: {reason(exc)}", mend=f"check {VARIABLE}"
        ) from None
    entries = data.get("parser", [])
    entries = entries if isinstance(entries, list) else []
    names = [e.get("name") for e in entries if isinstance(e, dict)]
    if name not in names:
        known = ", ".join(str(n) for n in names) or "none"
        raise SettingError(f"{path} describes no parser {name!r}", mend=f"it has: {known}")
    return _entry(path, entries[names.index(name)])


def _entry(path: Path, entry: dict[str, Any]) -> ParserEntry:
    where = f"{path}, parser {entry.get('name')}"
    for name, kind in _REQUIRED.items():
        value = entry.get(name)
        if not isinstance(value, kind) or value in ("", {}) or (kind is int and value is True):
            raise ModelError(
                f"{where}: {name} is missing or no {kind.__name__}",
                mend=f"it needs {', '.join(_REQUIRED)}",
            )
    if entry["format"] not in FORMATS:
        raise ModelError(
            f"{where}: format is {entry['format']!r}", mend=f"use one of {', '.join(FORMATS)}"
        )
    if not 32 <= entry["size"] <= 4096:
        raise ModelError(f"{where}: size is {entry['size']}", mend="give 32 to 4096")
    labels = {}
    for name, channels in entry["labels"].items():
        fine = isinstance(channels, list) and all(
            isinstance(c, int) and not isinstance(c, bool) and c >= 0 for c in channels
        )
        if name not in _NAMES or not fine:
            raise ModelError(
                f"{where}: label {name} = {channels!r}",
                mend=f"write channel numbers in a list for {', '.join(_NAMES)}",
            )
        labels[name] = tuple(channels)
    triples = {}
    for name in ("mean", "std"):
        value = entry.get(name)
        if value is None:
            continue
        fine = isinstance(value, list) and len(value) == 3
        fine = fine and all(isinstance(v, (int, float)) for v in value)
        if not fine or (name == "std" and min(value) <= 0):
            raise ModelError(f"{where}: {name} is {value!r}", mend="give three numbers")
        triples[name] = tuple(float(v) for v in value)
    return ParserEntry(
        name=entry["name"],
        path=path.parent / Path(entry["file"]).expanduser(),
        format=entry["format"],
        sha256=entry["sha256"].lower(),
        licence=entry["licence"],
        commercial=entry["commercial"],
        size=entry["size"],
        labels=labels,
        **triples,
    )


@dataclass(frozen=True)
class Parser:
    """A loaded network."""

    entry: ParserEntry
    network: Network

    def parse(self, crop: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Parse a crop.

        Parameters
        ----------
        crop : np.ndarray [shape=(256, 256, 3), dtype=uint8]

        Returns
        -------
        chance, labels : np.ndarray
            As :func:`relip.mask.parsing.parse` gives them, without teeth and tongue.
        cover : np.ndarray [shape=(128, 128), dtype=float32] or None
            The occluder, above 0; None where the network knows none or sees none.

        Raises
        ------
        ModelError
            If the network does not take the picture, or gives too few channels.
        """
        entry = self.entry
        picture = cv2.resize(crop, (entry.size, entry.size), interpolation=cv2.INTER_LINEAR)
        scaled = (picture.astype(np.float32) / 255 - entry.mean) / entry.std
        scores = self.network(np.ascontiguousarray(scaled.transpose(2, 0, 1)[None], np.float32))
        top = max((c for channels in entry.labels.values() for c in channels), default=0)
        if scores.ndim != 4 or scores.shape[1] <= top:
            raise ModelError(
                f"parser {entry.name}: its output has the shape {scores.shape}",
                mend=f"a label map up to channel {top} needs (1, {top + 1} or more, h, w)",
            )
        scores = scores[0] - scores[0].max(0)
        share = np.exp(scores)
        share /= share.sum(0)
        found = {n: share[list(c)].sum(0) for n, c in entry.labels.items()}
        front = found.pop("occluder", None)
        chance = np.zeros((6, SIDE, SIDE), np.float32)
        for name, values in found.items():
            layer = cv2.resize(values.astype(np.float32), (SIDE, SIDE))
            chance[parsing.CLASSES.index(name)] = layer
        chance[parsing.BACKGROUND] += np.clip(1 - chance.sum(0), 0, 1)
        cover = None
        if front is not None:
            small = cv2.resize(
                front.astype(np.float32), (SMALL, SMALL), interpolation=cv2.INTER_AREA
            )
            cover = 2 * small - 1 if (small > 0.5).any() else None
        return chance, chance.argmax(0).astype(np.uint8), cover


def _torchscript(path: Path, data: bytes) -> Network:
    import io

    import torch

    try:
        # the very bytes whose checksum was taken
        module = torch.jit.load(io.BytesIO(data), map_location="cpu").eval()
    except (RuntimeError, ValueError, OSError) as exc:
        raise ModelError(
            f"{path}: no TorchScript network: {_line(exc)}",
            mend="save it with torch.jit.trace(...).save(...), or set format to onnx",
        ) from None

    def call(picture: np.ndarray) -> np.ndarray:
        try:
            with torch.inference_mode():
                result = module(torch.from_numpy(picture))
                result = result[0] if isinstance(result, (tuple, list)) else result
                return np.asarray(result.float().numpy())
        except (RuntimeError, AttributeError, TypeError) as exc:
            raise ModelError(
                f"{path}: the network does not take its input: {_line(exc)}",
                mend="check its size in models.toml",
            ) from None

    return call


def _onnx(path: Path, data: bytes) -> Network:
    try:
        network = cv2.dnn.readNetFromONNX(np.frombuffer(data, np.uint8))
    except cv2.error as exc:
        raise ModelError(
            f"{path}: no ONNX network that OpenCV reads: {_line(exc)}",
            mend="export it with a lower opset, or save it as TorchScript",
        ) from None
    lock = threading.Lock()  # one network holds one input: threads take turns

    def call(picture: np.ndarray) -> np.ndarray:
        try:
            with lock:
                network.setInput(picture)
                return np.array(network.forward())
        except cv2.error as exc:
            raise ModelError(
                f"{path}: the network does not take its input: {_line(exc)}",
                mend="check its size in models.toml",
            ) from None

    return call


def _line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
