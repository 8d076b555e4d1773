"""Layers and channels by name."""

from __future__ import annotations

from collections.abc import Sequence

from .faults import fault

_SHORT = {"R": "red", "G": "green", "B": "blue", "A": "alpha"}


class Layers:
    """The layers a script knows, with their channels in order."""

    def __init__(self) -> None:
        self.known: dict[str, list[str]] = {
            "rgba": ["red", "green", "blue", "alpha"],
            "depth": ["Z"],
            "forward": ["u", "v"],
            "backward": ["u", "v"],
            "motion": ["u", "v"],
            "mask": ["a"],
            "rotopaint_mask": ["a"],
            "disparityL": ["x"],
            "disparityR": ["x"],
        }

    def add(self, layer: str, channels: Sequence[str]) -> None:
        """Make a layer, or add channels to it."""
        have = self.known.setdefault(layer, [])
        have += [c for c in channels if c not in have]

    def add_text(self, text: str) -> None:
        """The argument of add_layer: ``relip relip.red relip.green``."""
        parts = text.split()
        if len(parts) < 2:
            fault(f"add_layer {text!r}: a layer has channels")
        layer = parts[0]
        channels = []
        for part in parts[1:]:
            prefix, dot, channel = part.partition(".")
            if not dot or prefix != layer:
                fault(f"add_layer {text!r}: {part!r} is not {layer}.channel")
            channels.append(channel)
        self.add(layer, channels)

    def channels(self, layer: str) -> list[str]:
        """Full names of a layer's channels."""
        return [f"{layer}.{c}" for c in self.known[layer]]

    def resolve(self, text: str, available: Sequence[str]) -> list[str]:
        """The channels that a channel knob's text stands for.

        Raises
        ------
        HostFault
            If it names a layer or channel that does not exist.
        """
        found: list[str] = []
        for part in text.replace("{", " ").replace("}", " ").split():
            if part.startswith("-"):
                self.one(part[1:])
            elif part == "none":
                continue
            elif part == "all":
                found += available
            elif part == "rgb":
                found += self.channels("rgba")[:3]
            elif part == "alpha":
                found.append("rgba.alpha")
            elif part in ("red", "green", "blue"):
                found.append(f"rgba.{part}")
            elif part in self.known:
                found += self.channels(part)
            else:
                found.append(self.one(part))
        return list(dict.fromkeys(found))

    def one(self, name: str) -> str:
        """A single channel's full name; it must exist."""
        layer, dot, channel = name.partition(".")
        if not dot:
            if name in self.known["rgba"]:
                return f"rgba.{name}"
            fault(f"{name!r} is no channel; channels are written layer.channel")
        if layer == "rgb":
            layer = "rgba"
        if channel not in self.known.get(layer, []):
            fault(f"there is no channel {name!r}; an add_layer for it is missing")
        return f"{layer}.{channel}"

    def from_exr(self, name: str) -> str:
        """Nuke's name of an EXR channel; the layer is made if it is new.

        A name without layer other than R, G, B, A and Z goes to the layer ``other``.
        """
        layer, dot, channel = name.rpartition(".")
        if not dot:
            if name in _SHORT:
                return f"rgba.{_SHORT[name]}"
            if name == "Z":
                return "depth.Z"
            layer, channel = "other", name
        layer = layer.replace(".", "_")
        channel = _SHORT.get(channel, channel)
        if layer in ("rgb", "RGBA", "RGB"):
            layer = "rgba"
        self.add(layer, [channel])
        return f"{layer}.{channel}"

    def to_exr(self, name: str) -> str:
        """The EXR channel Nuke writes for a channel."""
        layer, _, channel = name.partition(".")
        long = {v: k for k, v in _SHORT.items()}
        if layer == "rgba":
            return long[channel]
        if name == "depth.Z":
            return "Z"
        return f"{layer}.{long.get(channel, channel)}"
