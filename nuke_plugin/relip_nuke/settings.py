"""What the panels say, as sections of shot.toml, and where the two differ."""

from __future__ import annotations

import os
import re
from typing import Any, NamedTuple

import nuke

from relip_nuke import curves, drives, nodes, pathmap, paths


class Knob(NamedTuple):
    """A knob that is a setting of the shot.

    Attributes
    ----------
    family : str
        Of the node that has it; nodes of older versions may not.
    knob : str
    section, name : str
        The setting of shot.toml.
    kind : {"", "whole", "text", "file", "sequence", "files"}
        How its value is read: as it is, as a whole number, as text, or as files.
    """

    family: str
    knob: str
    section: str
    name: str
    kind: str = ""

    @property
    def setting(self) -> str:
        """``section.name``."""
        return f"{self.section}.{self.name}"


#: Knobs of which each is one setting.
KNOBS = (
    Knob("RelipSpeech", "language", "dialogue", "language"),
    Knob("RelipSpeech", "audio", "dialogue", "audio", "file"),
    Knob("RelipSpeech", "text", "dialogue", "text", "file"),
    Knob("RelipSpeech", "production_audio", "dialogue", "production_audio", "file"),
    Knob("RelipSpeech", "when_longer", "dialogue", "when_longer"),
    Knob("RelipSpeech", "calibrate", "speech", "calibrate"),
    Knob("RelipSpeech", "lexicon", "speech", "lexicon", "file"),
    Knob("RelipSpeech", "smoothing", "speech", "smoothing"),
    Knob("RelipMask", "grow", "mask", "grow"),
    Knob("RelipMask", "feather", "mask", "feather"),
    Knob("RelipMask", "jaw", "mask", "jaw"),
    Knob("RelipMask", "sides", "mask", "sides"),
    Knob("RelipMask", "occlusion", "mask", "occlusion"),
    Knob("RelipMask", "parser", "mask", "parser", "text"),
    Knob("RelipRender", "quality", "train", "quality"),
    Knob("RelipRender", "steps", "train", "steps", "whole"),
    Knob("RelipRender", "seed", "train", "seed", "whole"),
    Knob("RelipRender", "device", "train", "device"),
    Knob("RelipRender", "device", "render", "device"),
    Knob("RelipRender", "train_frames", "train", "frames", "text"),
    Knob("RelipRender", "model_from", "train", "model_from", "file"),
    Knob("RelipRender", "extra", "train", "extra", "files"),
    Knob("RelipRender", "crop", "train", "crop"),
    Knob("RelipRender", "csv", "render", "csv", "file"),
    Knob("RelipRender", "articulation", "render", "articulation"),
    Knob("RelipRender", "detail", "render", "detail"),
    Knob("RelipRender", "teeth", "render", "teeth"),
    Knob("RelipRender", "grain", "render", "grain"),
    Knob("RelipRender", "defocus", "render", "defocus"),
    Knob("RelipRender", "renderer", "render", "renderer", "text"),
    Knob("RelipRender", "models", "render", "models", "file"),
    Knob("RelipRender", "witness", "drive", "witness", "sequence"),
    Knob("RelipRender", "witness_face", "drive", "witness_face", "text"),
)

#: Knobs that make up settings with others, or are counted otherwise in the panel.
OTHERS = {
    "RelipSpeech": ("offset", *(f"gain_{name}" for name in curves.CONTROLS)),
    "RelipTrack": ("face", "face_point", "face_frame"),
    "RelipRender": ("drive", "witness_offset", *map(drives.knob_of, drives.DRIVES)),
}

#: What Relip calls knobs of its inner nodes whose own names it has for something else.
LINKS = {("RelipRender", "grain"): "match_grain"}

#: What the items of a menu are called in shot.toml, where that is otherwise.
_MENUS: dict[str, dict[str, Any]] = {
    "dialogue.when_longer": {"refuse": "error"},
    "train.crop": {"by the face": 0, "256": 256, "512": 512},
}

#: What is said to differ for a setting; of those that are one knob, the knob.
_SAID = {"speech.gain": "strength", "drive.mix": "drive", **{e.setting: e.knob for e in KNOBS}}

#: Settings that change no picture.
IDLE = ("train.device", "render.device")

#: Settings of how the shot's own network is drawn: a renderer of others' has none of them.
OWN_NETWORK = ("render.detail", "render.teeth", "render.defocus")

#: Settings that are files.
FILES = (
    "plate.path",
    *(each.setting for each in KNOBS if each.kind in ("file", "sequence")),
)

#: Settings that name files, or several.
ON_DISK = (*FILES, "train.extra")

#: ``X,Y@FRAME`` or a box ``X0,Y0,X1,Y1@FRAME``, as the engine has them.
_NUMBER = r"\s*-?\d+(?:\.\d*)?\s*"
_FACE = re.compile(rf"{_NUMBER},{_NUMBER}(?:,{_NUMBER},{_NUMBER})?(?:@\s*-?\d+)?\s*\Z")

#: A frame number left open at the end of a name.
_OPEN = re.compile(r"(#+|%0?\d*d)([^#%/\\]*)\Z")


def knobs_of(family: str) -> set[str]:
    """The knobs of a family of nodes that are settings; Relip's are links to those inside it."""
    listed = [(each.family, each.knob) for each in KNOBS]
    listed += [(each, knob) for each, knobs in OTHERS.items() for knob in knobs]
    if family == "Relip":
        return {LINKS.get(pair, pair[1]) for pair in listed}
    return {knob for each, knob in listed if each == family}


class SettingError(ValueError):
    """A panel says what no shot can be made from; the message says why and what to do."""


def of(parts: dict[str, nuke.Node]) -> dict[str, dict[str, Any]]:
    """What the panels of a shot's nodes say, as sections of shot.toml.

    What a node of an older version has no knob for is left out: it stays as it is in the shot.

    Raises
    ------
    SettingError
        If a knob's value is none, or the face is pointed at in no plate.
    """
    made: dict[str, dict[str, Any]] = {}
    for each in KNOBS:
        part = parts.get(each.family)
        if part is not None and part.knob(each.knob) is not None:
            made.setdefault(each.section, {})[each.name] = panel_value(part, each)
    speech, render = parts.get("RelipSpeech"), parts.get("RelipRender")
    if speech is not None:
        made["dialogue"]["offset"] = _seconds(speech, "offset", frame_rate(speech))
        if speech.knob("gain_jawOpen") is not None:
            made["speech"]["gain"] = _gains(speech)
    if "RelipTrack" in parts:
        made["track"] = {"face": followed_face(parts["RelipTrack"])}
    if render is not None:
        _add_drive(made, render, parts)
    return made


def panel_value(part: nuke.Node, each: Knob) -> Any:
    """What a knob says, as its setting has it."""
    if each.kind == "file":
        return _file(part, each.knob)
    if each.kind == "sequence":
        return nodes.absolute(pathmap.mapped(_open_name(part, each.knob)))
    if each.kind == "files":
        lines = (line.strip() for line in nodes.text(part, each.knob).splitlines())
        return [nodes.absolute(pathmap.mapped(line)) for line in lines if line]
    if each.kind == "text":
        return nodes.text(part, each.knob)
    plain = nodes.setting(part, each.knob)
    if each.kind == "whole":
        return int(plain)
    return _MENUS.get(each.setting, {}).get(str(plain), plain)


def shown(setting: str, written: Any) -> Any:
    """What a knob that is a setting shows for a value of shot.toml."""
    for item, meaning in _MENUS.get(setting, {}).items():
        if meaning == written:
            return item
    return written


def _add_drive(
    made: dict[str, dict[str, Any]], render: nuke.Node, parts: dict[str, nuke.Node]
) -> None:
    used = drives.weights(render)
    if drives.chosen(render) != drives.MIX:
        made["render"]["drive"] = drives.chosen(render)
    if "csv" in used and not made["render"]["csv"]:
        raise SettingError("Drive is csv, but Controls file names none: name one")
    if not drives.can_mix(render):
        return
    drive = made["drive"]
    drive["mix"] = drives.words(render)
    drive["witness_offset"] = _seconds(render, "witness_offset", rate(render, parts))
    if drive["witness_face"] and not _FACE.match(drive["witness_face"]):
        raise SettingError(
            f"Witness face {drive['witness_face']!r} is none: write X,Y@FRAME, pixels from the top"
            " left of the witness and a frame of it"
        )
    if "video" in used and not drive["witness"]:
        raise SettingError("Drive is video, but Witness names no recording: name one")
    if not made["render"]["renderer"]:
        raise SettingError("Renderer is empty: write shot, the network trained on this shot")


def _seconds(node: nuke.Node, knob: str, per_second: str) -> float:
    """Frames of a knob in seconds."""
    return round(float(nodes.setting(node, knob)) / paths.parse_rate(per_second), 6)


def _gains(speech: nuke.Node) -> list[str]:
    """The strengths of the mouth controls that are not 1: ``jawOpen=1.2``."""
    found = {name: float(nodes.setting(speech, f"gain_{name}")) for name in curves.CONTROLS}
    return [f"{name}={factor:g}" for name, factor in found.items() if factor != 1]


def _file(node: nuke.Node, knob: str) -> str:
    """A file that a knob names, as it is called on this system."""
    return nodes.absolute(pathmap.mapped(nodes.text(node, knob)))


def _open_name(node: nuke.Node, knob: str) -> str:
    """A file or a sequence that a knob names, its Tcl evaluated and its frame number left open."""
    raw, found = str(nodes.value(node, knob) or "").strip(), nodes.text(node, knob)
    place = _OPEN.search(raw)
    if place is None:
        return found
    if "[" not in raw:
        return raw
    # Nuke fills the number in, and only the end of the name tells where it stands.
    number = re.search(rf"-?\d+{re.escape(place[2])}\Z", found)
    return found if number is None else found[: number.start()] + place[1] + place[2]


def followed_face(track: nuke.Node) -> str:
    """The face to follow as shot.toml has it: a place and a frame; "" for the largest.

    Raises
    ------
    SettingError
        If a place is chosen and no plate is connected: its height turns y over.
    """
    if str(nodes.setting(track, "face")) == "largest":
        return ""
    plate = nodes.plate_input(track)
    if plate is None:
        raise SettingError("connect the plate: the face's point lies in it")
    frame = int(nodes.setting(track, "face_frame"))
    x, y = (float(v) for v in nodes.setting(track, "face_point", frame))
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


def rate(render: nuke.Node, parts: dict[str, nuke.Node]) -> str:
    """The shot's frame rate; without a RelipSpeech the shot folder's, else the project's."""
    if "RelipSpeech" in parts:
        return frame_rate(parts["RelipSpeech"])
    written = str(paths.read_settings(nodes.shot_of(render)).get("plate", {}).get("fps") or "")
    return written or paths.format_rate(float(nuke.root()["fps"].value()))


# ------------------------------------------------------------------- what has no say


def idle(parts: dict[str, nuke.Node]) -> set[str]:
    """The settings that change nothing as the panels stand, as ``render.csv``.

    Raises
    ------
    ValueError, LookupError
        If the panels say what no shot can be made from.
    """
    found = set(IDLE)
    speech, render = parts.get("RelipSpeech"), parts.get("RelipRender")
    mask = parts.get("RelipMask")
    if speech is not None and not nodes.text(speech, "production_audio"):
        found.add("speech.calibrate")
    looks = mask is None or mask.knob("occlusion") is None or nodes.setting(mask, "occlusion")
    if not looks:
        found.add("mask.parser")
    if render is None:
        return found
    used = set(drives.weights(render))
    if "csv" not in used:
        found.add("render.csv")
    if "video" not in used:
        found.update(("drive.witness", "drive.witness_offset", "drive.witness_face"))
    if used == {"track"}:
        found.add("render.articulation")
    if not _external(render):
        found.add("render.models")
        return found
    found.update(each.setting for each in KNOBS if each.section == "train")
    found.update(OWN_NETWORK)
    if float(nodes.setting(render, "grain")) > 0:
        found.discard("train.seed")
    return found


def _external(render: nuke.Node) -> bool:
    """Whether a renderer of others' draws."""
    return render.knob("renderer") is not None and nodes.text(render, "renderer") != "shot"


def usable(node: nuke.Node) -> dict[str, bool]:
    """Whether each knob of a node's settings has a say; those of version 1.0 all have.

    Parameters
    ----------
    node : nuke.Node
        A RelipSpeech, a RelipMask or a RelipRender.
    """
    family = nodes.family(node) or ""
    newer = {
        "RelipSpeech": "calibrate",
        "RelipMask": "occlusion",
        "RelipRender": drives.knob_of(drives.DRIVES[0]),
    }
    if family not in newer or node.knob(newer[family]) is None:
        return {}
    parts = {family: node}
    try:
        without = idle(parts) - set(IDLE)
    except ValueError:
        without = set()  # weights that are none: all may be needed to mend them
    found: dict[str, bool] = {}
    for each in KNOBS:
        if each.family == family:
            found[each.knob] = found.get(each.knob, False) or each.setting not in without
    if family == "RelipRender":
        found["witness_offset"] = "drive.witness_offset" not in without
        found["train"] = not _external(node)
        for drive in drives.DRIVES:
            found[drives.knob_of(drive)] = drives.chosen(node) == drives.MIX
    return found


# ------------------------------------------------------------------------ differences

#: The sections that each node's state depends on.
_SECTIONS = {
    "speech": ("dialogue", "speech"),
    "track": ("track",),
    "mask": ("track", "mask"),
    "render": ("dialogue", "speech", "track", "mask", "train", "render", "drive"),
}

#: Settings of the dialogue that count when a renderer of others' hears it.
_HEARD = ("dialogue.audio", "dialogue.offset")


def differing(parts: dict[str, nuke.Node], shot: str, stage: str) -> list[str]:
    """The knobs whose values a stage was not made with, because Update has not taken them yet."""
    try:
        panel = of(parts)
        without = idle(parts)
        found = _weights_differ(parts, shot) if stage == "render" else []
    except (ValueError, LookupError):
        return []  # Update says what is wrong; a state must not
    written = paths.read_settings(shot)
    render = parts.get("RelipRender")
    if stage == "render":
        used = drives.of_shot(shot, written) if render is None else drives.weights(render)
        if "speech" not in used:
            heard = _HEARD if render is not None and _external(render) else ()
            for section in ("dialogue", "speech"):
                names = [f"{section}.{name}" for name in panel.get(section, {})]
                without.update(name for name in names if name not in heard)
    for section in _SECTIONS.get(stage, ()):
        for name, value in panel.get(section, {}).items():
            setting = f"{section}.{name}"
            if setting in without or name not in written.get(section, {}):
                continue
            if not same(shot, setting, value, written[section][name]):
                found.append(_SAID.get(setting, name))
    return list(dict.fromkeys(found))


def _weights_differ(parts: dict[str, nuke.Node], shot: str) -> list[str]:
    """Whether animated weights are not yet those of the shot."""
    render = parts.get("RelipRender")
    if render is None or not drives.can_mix(render):
        return []
    there = paths.read_text(drives.override_file(shot))
    if drives.animated(render):
        return [] if there == drives.table(render) else ["drive"]
    return ["drive"] if there and drives.is_ours(shot) else []


def same(shot: str, setting: str, value: Any, written: Any) -> bool:
    """Whether a setting of the panel means what shot.toml says, however it is spelt there."""
    if setting in FILES:
        return _place(shot, str(value)) == _place(shot, str(written))
    if setting == "train.extra":
        return _places(shot, value) == _places(shot, written)
    if setting == "drive.mix":
        return drives.parse_mix(value) == drives.parse_mix(written)
    if setting == "speech.gain":
        return parse_gains(value) == parse_gains(written)
    if isinstance(value, (int, float)) and isinstance(written, (int, float)):
        return abs(value - written) <= 1e-6
    return bool(value == written)


def as_written(
    shot: str, made: dict[str, dict[str, Any]], written: dict[str, dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    """The panels' settings, spelt as in shot.toml where they mean the same.

    So a path that is relative there, or another system's, stays as it is, and nothing is stale for
    a spelling.
    """
    return {
        section: {
            name: (
                written[section][name]
                if name in written.get(section, {})
                and same(shot, f"{section}.{name}", value, written[section][name])
                else value
            )
            for name, value in values.items()
        }
        for section, values in made.items()
    }


def parse_gains(listed: Any) -> dict[str, float]:
    """The factors of ``speech.gain`` that are not 1; what is none is left out."""
    found: dict[str, float] = {}
    for word in listed if isinstance(listed, list) else []:
        name, _, text = str(word).partition("=")
        try:
            found[name.strip()] = float(text)
        except ValueError:
            continue
    return {name: factor for name, factor in found.items() if factor != 1}


def _place(shot: str, path: str) -> str:
    """A file as it is found here; a frame number is left open in one way."""
    if not path:
        return ""
    found = re.sub(r"%0?(\d*)d", lambda match: "#" * int(match[1] or 1), path)
    return os.path.normcase(pathmap.resolve(shot, found))


def _places(shot: str, listed: Any) -> list[str]:
    return [_place(shot, str(path)) for path in listed] if isinstance(listed, list) else []
