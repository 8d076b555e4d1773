"""The panels set to what a shot folder says: settings of the command line, of another comp."""

from __future__ import annotations

import os
import re
from typing import Any

import nuke

from relip_nuke import curves, drives, nodes, pathmap, paths, settings

#: Signs that Tcl would act upon in a text, and that Nuke has no way to escape in all its knobs.
_TCL = re.compile(r"[\[$]")

#: A point on a face and its frame, in plate pixels from the top left: what the panel shows. The
#: engine also takes a point without a frame, and a box.
_PLACE = re.compile(r"\s*(-?[\d.]+)\s*,\s*(-?[\d.]+)\s*@\s*(-?\d+)\s*\Z")


class Read:
    """What was read into the panels.

    Attributes
    ----------
    changed : list of str
        ``RelipRender1.drive``, in words of the panels.
    left : list of str
        What a panel cannot show, and why.
    """

    def __init__(self) -> None:
        self.changed: list[str] = []
        self.left: list[str] = []

    def leave(self, why: str) -> None:
        """Note, once, what stays as it is."""
        if why not in self.left:
            self.left.append(why)


def is_fresh(parts: dict[str, nuke.Node]) -> bool:
    """Whether nobody has used these nodes yet: without a recording no shot was made from them."""
    speech = parts.get("RelipSpeech")
    return speech is not None and not nodes.text(speech, "audio")


def read(parts: dict[str, nuke.Node], shot: str, found: Read) -> None:
    """Set the panels of a shot's nodes to what its shot.toml says.

    Knobs that mean it already stay as they are, with their Tcl and all; so do animated ones.

    Parameters
    ----------
    parts : dict
        By family.
    shot : str
    found : Read
        What was done is added to it.
    """
    written = paths.read_settings(shot)
    for each in settings.KNOBS:
        part = parts.get(each.family)
        if part is None or each.name not in written.get(each.section, {}):
            continue
        if part.knob(each.knob) is not None and each.setting != "render.device":
            _one(found, part, each, shot, written[each.section][each.name])
    speech, track = parts.get("RelipSpeech"), parts.get("RelipTrack")
    if speech is not None:
        _speech(found, speech, written)
    if track is not None and "face" in written.get("track", {}):
        _face(found, track, str(written["track"]["face"]))
    if "RelipRender" in parts:
        _drive(found, parts["RelipRender"], parts, written)
    blend = parts.get("RelipBlend")
    if blend is not None and "mix" in written.get("blend", {}):
        _put(found, blend, "mix", float(written["blend"]["mix"]))


def _one(found: Read, part: nuke.Node, each: settings.Knob, shot: str, value: Any) -> None:
    if settings.same(shot, each.setting, settings.panel_value(part, each), value):
        return
    where = f"{part.name()}.{each.knob}"
    named = value if isinstance(value, list) else [value]
    if each.setting in settings.ON_DISK and any(pathmap.is_foreign(str(path)) for path in named):
        found.leave(f"{where}: no rule of {pathmap.VARIABLE} maps {', '.join(map(str, named))}")
        return
    if each.kind in ("file", "sequence"):
        value = _name(shot, str(value))
    elif each.kind == "files":
        listed = value if isinstance(value, list) else []
        value = "\n".join(_name(shot, str(path)) for path in listed)
    else:
        value = settings.shown(each.setting, value)
    if each.kind and _TCL.search(str(value)):
        found.leave(f"{where} cannot hold {value}: Nuke takes [ and $ for Tcl")
        return
    _put(found, part, each.knob, value)


def _name(shot: str, path: str) -> str:
    """A file of shot.toml as a file knob has it: absolute, slashes forward."""
    return pathmap.resolve(shot, path).replace(os.sep, "/") if path else ""


def _put(found: Read, part: nuke.Node, name: str, value: Any) -> None:
    knob = part.knob(name)
    if knob is None:
        return
    where = f"{part.name()}.{name}"
    if knob.isAnimated() or knob.hasExpression():
        if knob.value() != value:
            found.leave(f"{where} is animated and stays as it is")
        return
    if isinstance(knob, nuke.Enumeration_Knob) and str(value) not in knob.values():
        found.leave(f"{where} has no {value}, which shot.toml says")
        return
    if isinstance(knob, nuke.Array_Knob) and not isinstance(knob, nuke.Enumeration_Knob):
        now = knob.value()
        if isinstance(now, (int, float)) and abs(float(now) - float(value)) <= 1e-9:
            return
    elif knob.value() == value:
        return
    knob.setValue(value)
    found.changed.append(where)


def _frames(seconds: Any, rate: str) -> float:
    return round(float(seconds) * paths.parse_rate(rate), 6)


def _speech(found: Read, speech: nuke.Node, written: dict[str, dict[str, Any]]) -> None:
    plate = written.get("plate", {})
    rate = str(plate.get("fps") or "")
    if rate and abs(paths.parse_rate(rate) - paths.parse_rate(settings.frame_rate(speech))) > 1e-9:
        _put(found, speech, "fps", rate)
    if plate.get("frames") and plate["frames"] != _range(speech):
        _put(found, speech, "frames", str(plate["frames"]))
    offset = written.get("dialogue", {}).get("offset")
    if offset is not None:
        _put(found, speech, "offset", _frames(offset, settings.frame_rate(speech)))
    if "gain" in written.get("speech", {}):
        factors = settings.parse_gains(written["speech"]["gain"])
        for name in curves.CONTROLS:
            _put(found, speech, f"gain_{name}", factors.get(name, 1.0))


def _range(speech: nuke.Node) -> str:
    """The frames of the panel, or of the picture at its input."""
    source = nodes.plate_input(speech)
    if source is None:
        return ""
    from relip_nuke import pixels

    try:
        first, last = pixels.wanted_frames(speech, source)
    except pixels.PixelError:
        return ""
    return f"{first}-{last}"


def _face(found: Read, track: nuke.Node, face: str) -> None:
    if face.strip() in ("", "largest"):
        _put(found, track, "face", "largest")
        return
    place, plate = _PLACE.match(face), nodes.plate_input(track)
    if place is None:
        what = "a point without a frame" if face.count(",") == 1 else "a box"
        found.leave(f"{track.name()} cannot show {what}, {face}: give a point on the face")
        return
    if plate is None:
        found.leave(f"{track.name()} has no plate, in which {face} lies")
        return
    try:
        if settings.followed_face(track) == face:
            return
    except settings.SettingError:
        pass
    height = plate.format().height()
    point = [float(place[1]), height - float(place[2])]
    if list(track["face_point"].value()) != point:
        track["face_point"].setValue(point)
        found.changed.append(f"{track.name()}.face_point")
    _put(found, track, "face_frame", int(place[3]))
    _put(found, track, "face", "at the point")


def _drive(
    found: Read, render: nuke.Node, parts: dict[str, nuke.Node], written: dict[str, dict[str, Any]]
) -> None:
    section = written.get("drive", {})
    weights = drives.parse_mix(section.get("mix"))
    if drives.can_mix(render):
        rate = settings.rate(render, parts)
        if "witness_offset" in section:
            _put(found, render, "witness_offset", _frames(section["witness_offset"], rate))
        if weights and not drives.animated(render):
            _put(found, render, "drive", drives.MIX)
            for drive in drives.DRIVES:
                _put(found, render, drives.knob_of(drive), weights.get(drive, 0.0))
    elif weights:
        found.leave(f"{render.name()} shows no mix of drives; upgrade it to RelipRender 1.1")
    if not weights and "drive" in written.get("render", {}):
        _put(found, render, "drive", str(written["render"]["drive"]))
