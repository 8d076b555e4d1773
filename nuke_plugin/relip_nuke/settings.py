"""What the panels say, as sections of shot.toml, and where the two differ."""

from __future__ import annotations

import os
from typing import Any

import nuke

from relip_nuke import nodes, pathmap, paths

#: Knobs that are settings of the shot: family, knob, section of shot.toml, setting.
KNOBS = (
    ("RelipSpeech", "language", "dialogue", "language"),
    ("RelipMask", "grow", "mask", "grow"),
    ("RelipMask", "feather", "mask", "feather"),
    ("RelipMask", "jaw", "mask", "jaw"),
    ("RelipMask", "sides", "mask", "sides"),
    ("RelipRender", "quality", "train", "quality"),
    ("RelipRender", "steps", "train", "steps"),
    ("RelipRender", "seed", "train", "seed"),
    ("RelipRender", "device", "train", "device"),
    ("RelipRender", "device", "render", "device"),
    ("RelipRender", "drive", "render", "drive"),
    ("RelipRender", "articulation", "render", "articulation"),
    ("RelipRender", "detail", "render", "detail"),
)

_WHOLE_NUMBERS = ("steps", "seed")

#: Settings whose knob has another name.
_KNOB_OF = {"train.frames": "train_frames", "track.face": "face"}

#: Settings that change no picture.
IDLE = ("train.device", "render.device")

#: Settings that are files.
FILES = ("dialogue.audio", "dialogue.text", "dialogue.production_audio", "render.csv")


class SettingError(ValueError):
    """A panel says what no shot can be made from; the message says why and what to do."""


def of(parts: dict[str, nuke.Node]) -> dict[str, dict[str, Any]]:
    """What the panels of a shot's nodes say, as sections of shot.toml.

    Raises
    ------
    SettingError
        If a knob's value is none, or the face is pointed at in no plate.
    """
    made: dict[str, dict[str, Any]] = {}
    for family, knob, section, name in KNOBS:
        if family in parts:
            value = nodes.value(parts[family], knob)
            if knob in _WHOLE_NUMBERS:
                value = int(value)
            made.setdefault(section, {})[name] = value
    speech, render = parts.get("RelipSpeech"), parts.get("RelipRender")
    if speech is not None:
        dialogue = made.setdefault("dialogue", {})
        for knob in ("audio", "text", "production_audio"):
            dialogue[knob] = _file(speech, knob)
        longer = str(nodes.value(speech, "when_longer"))
        dialogue["when_longer"] = "error" if longer == "refuse" else longer
        rate = frame_rate(speech)
        dialogue["offset"] = round(float(nodes.value(speech, "offset")) / paths.parse_rate(rate), 6)
    if "RelipTrack" in parts:
        made["track"] = {"face": followed_face(parts["RelipTrack"])}
    if render is not None:
        made["render"]["csv"] = _file(render, "csv")
        made["train"]["frames"] = nodes.text(render, "train_frames")
    return made


def _file(node: nuke.Node, knob: str) -> str:
    """A file that a knob names, as it is called on this system."""
    return nodes.absolute(pathmap.mapped(nodes.text(node, knob)))


def followed_face(track: nuke.Node) -> str:
    """The face to follow as shot.toml has it: a place and a frame; "" for the largest.

    Raises
    ------
    SettingError
        If a place is chosen and no plate is connected: its height turns y over.
    """
    if str(nodes.value(track, "face")) == "largest":
        return ""
    plate = nodes.plate_input(track)
    if plate is None:
        raise SettingError("connect the plate: the face's point lies in it")
    x, y = (float(v) for v in nodes.value(track, "face_point"))
    frame = int(nodes.value(track, "face_frame"))
    # Of the format: width() and height() shrink in proxy mode.
    return f"{x:g},{plate.format().height() - y:g}@{frame}"


def frame_rate(speech: nuke.Node) -> str:
    """The shot's frame rate: the panel's, else the project's.

    Raises
    ------
    SettingError
        If it is none.
    """
    given = nodes.text(speech, "fps")
    if given:
        try:
            paths.parse_rate(given)
        except (ValueError, ZeroDivisionError):
            raise SettingError(
                f"Frame rate {given!r} is none: write 24, 25 or 24000/1001"
            ) from None
        return given
    return paths.format_rate(float(nuke.root()["fps"].value()))


#: The sections that each node's state depends on.
_SECTIONS = {
    "speech": ("dialogue",),
    "track": ("track",),
    "mask": ("track", "mask"),
    "render": ("dialogue", "track", "mask", "train", "render"),
}


def differing(parts: dict[str, nuke.Node], shot: str, stage: str) -> list[str]:
    """The knobs whose values a stage was not made with, because Update has not taken them yet."""
    try:
        panel = of(parts)
    except (ValueError, LookupError):
        return []  # Update says what is wrong; a state must not
    written = paths.read_settings(shot)
    drive = written.get("render", {}).get("drive", "speech")
    found = []
    for section in _SECTIONS.get(stage, ()):
        if section == "dialogue" and stage == "render" and drive != "speech":
            continue
        for name, value in panel.get(section, {}).items():
            setting = f"{section}.{name}"
            if setting in IDLE or name not in written.get(section, {}):
                continue
            if setting == "render.csv" and panel["render"]["drive"] != "csv":
                continue
            if not _same(shot, setting, value, written[section][name]):
                found.append(_KNOB_OF.get(setting, name))
    return found


def _same(shot: str, setting: str, value: Any, written: Any) -> bool:
    if setting in FILES:
        return _place(shot, str(value)) == _place(shot, str(written))
    if isinstance(value, (int, float)) and isinstance(written, (int, float)):
        return abs(value - written) <= 1e-6
    return bool(value == written)


def _place(shot: str, path: str) -> str:
    return os.path.normcase(pathmap.resolve(shot, path)) if path else ""
