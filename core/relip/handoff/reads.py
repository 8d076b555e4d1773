"""Read nodes for a shot's plate, matte, patch and comp."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from relip.errors import RelipError, UsageError
from relip.handoff.coordinates import Format
from relip.handoff.nk import Node
from relip.handoff.scene import node_name
from relip.shot import Shot

#: What can be read, in the order of the flow.
PICTURES = ("plate", "mask", "patch", "comp")

#: What Nuke calls the readers of these suffixes; others it finds by the suffix itself.
_FILE_TYPES = {
    ".exr": "exr", ".sxr": "exr", ".dpx": "dpx", ".cin": "cin", ".png": "png", ".jpg": "jpeg",
    ".jpeg": "jpeg", ".tif": "tiff", ".tiff": "tiff", ".tga": "targa", ".hdr": "hdr",
    ".sgi": "sgi", ".mov": "mov",
}  # fmt: skip


def read_node(
    name: str,
    file: str | Path,
    frames: tuple[int, int],
    form: Format,
    *,
    colourspace: str = "",
    raw: bool = False,
    on_error: str = "error",
    after: str = "hold",
    available: tuple[int, int] | None = None,
) -> Node:
    """A Read.

    Parameters
    ----------
    name : str
    file : path
        Written with forward slashes, as Nuke does on every system.
    frames : (int, int)
        First and last frame that are used.
    form : Format
    colourspace : str
        Its name in the OCIO config; data needs none.
    raw : bool
        Data: no colour conversion.
    on_error : {"error", "black", "checkerboard", "nearest frame"}
        What stands for a file that is missing.
    after : {"hold", "loop", "bounce", "black"}
    available : (int, int), optional
        First and last frame of the file, when it has more than are used.

    Returns
    -------
    Node
    """
    path = str(file).replace(os.sep, "/")
    first, last = frames
    own = available or frames
    knobs: dict[str, object] = {}
    if kind := _FILE_TYPES.get(os.path.splitext(path)[1].lower()):
        knobs["file_type"] = kind
    knobs |= {
        "file": path,
        "format": form.knob,
        "first": first,
        "last": last,
        "before": "hold",
        "after": after,
        "origfirst": own[0],
        "origlast": own[1],
        "origset": "true",
        "on_error": on_error,
    }
    if raw:
        knobs["raw"] = "true"
    elif colourspace:
        knobs["colorspace"] = colourspace
    return Node("Read", name, knobs=knobs)


def read_nodes(
    shot: Shot, pictures: Sequence[str] = PICTURES, *, whole: bool = False, raw: bool = False
) -> tuple[list[Node], list[str]]:
    """Read nodes for what a shot has.

    The patch and the matte are black where there is no file (frames without a
    face); premultiplied black leaves the plate alone.

    Parameters
    ----------
    shot : Shot
    pictures : sequence of {"plate", "mask", "patch", "comp"}
    whole : bool
        Put a Root before them with the shot's range, rate and format: a
        script to be opened rather than pasted.
    raw : bool
        No colour conversion in any Read, for comps whose OCIO config does not
        know the plate's colourspace.

    Returns
    -------
    nodes : list of Node
    notes : list of str
        What a user should know: the rate, stages that are not made yet, how
        the plate is played.

    Raises
    ------
    UsageError
        If a picture is unknown.
    """
    from relip import records
    from relip.plate import PingPongPlate

    for picture in pictures:
        if picture not in PICTURES:
            raise UsageError(f"picture {picture!r} is unknown", mend=f"use {', '.join(PICTURES)}")
    with shot.open_plate() as plate:
        form = Format.of_plate(plate.width, plate.height, plate.info)
        colourspace, kind = plate.colourspace, plate.kind
        used = (shot.frames.start, shot.frames[-1])
        pingpong = isinstance(plate, PingPongPlate)
        if isinstance(plate, PingPongPlate):
            played = [plate.source(f) for f in plate.frames]
            used = (min(played), max(played))
        source = plate.movie if isinstance(plate, PingPongPlate) else plate
        available = (source.frames[0], source.frames[-1])
        # the files as they are, not as shot.toml names them: a folder or one file of many
        files = getattr(source, "files", None)
    frames = (shot.frames.start, shot.frames[-1])
    notes: list[str] = []
    try:
        rate = str(shot.rate)
    except RelipError:
        rate = ""
        notes.append("the plate does not say its frame rate: set it in the comp")
    if pingpong:
        notes.append("the plate is played back and forth: its Read bounces after the last frame")
    if not raw and set(pictures) - {"mask"}:
        notes.append(
            f"the comp's OCIO config must know the colourspace {colourspace}; else use --raw"
        )
    target = records.read_record(shot.path("comp")).get("target")
    comp = target if target else "comp/comp.####.exr"
    name = node_name(shot.folder.stem)
    patterns = {
        "mask": shot.resolve("mask/mask.####.exr"),
        "patch": shot.resolve("render/patch.####.exr"),
        "comp": shot.resolve(comp),
    }
    nodes: list[Node] = []
    if whole:
        root = {"first_frame": frames[0], "last_frame": frames[1], "format": form.knob}
        if rate:
            root["fps"] = _decimal(shot)
        nodes.append(Node("Root", knobs=root))
    for picture in pictures:
        if picture == "plate":
            pattern = sequence_pattern(files) if files else shot.resolve(shot.settings.plate.path)
            node = read_node(
                f"Plate_{name}", pattern, used, form, colourspace=colourspace, raw=raw,
                after="bounce" if pingpong else "hold", available=available,
            )  # fmt: skip
        elif picture == "mask":
            node = read_node(
                f"Mask_{name}", patterns["mask"], frames, form, raw=True, on_error="black"
            )
        else:
            node = read_node(
                f"{picture.capitalize()}_{name}", patterns[picture], frames, form,
                colourspace=colourspace, raw=raw,
                on_error="black" if picture == "patch" else "error",
            )  # fmt: skip
        if picture != "plate" and not any(
            patterns[picture].parent.glob(f"*{patterns[picture].suffix}")
        ):
            stage = {"mask": "mask", "patch": "render", "comp": "blend"}[picture]
            notes.append(f"{picture}: no frame is made yet; run relip {stage}")
        label = f"{picture}, {kind}" if picture == "plate" else picture
        node.knobs["label"] = f"{label}\n{frames[0]}-{frames[1]}" + (f" at {rate}" if rate else "")
        nodes.append(node)
    return nodes, notes


def sequence_pattern(files: dict[int, str]) -> str:
    """``name.####.exr`` for the files of a sequence; of a single picture its own name.

    Parameters
    ----------
    files : dict of int to str
        Frame number to path.

    Returns
    -------
    str
        Absolute.
    """
    frame, path = next(iter(files.items()))
    folder, base = os.path.split(os.path.abspath(path))
    places = [m for m in re.finditer(r"-?\d+", base) if int(m[0]) == frame]
    if not places and frame < 0:
        places = [m for m in re.finditer(r"\d+", base) if int(m[0]) == -frame]
    if len(files) == 1 and not places:
        return os.path.join(folder, base)
    found = places[-1]
    digits = len(found[0].lstrip("-"))
    return os.path.join(folder, base[: found.start()] + "#" * digits + base[found.end() :])


def _decimal(shot: Shot) -> str:
    """The rate as Nuke's fps knob holds it: a decimal."""
    rate = shot.rate
    return str(rate.numerator) if rate.denominator == 1 else f"{float(rate):.6f}".rstrip("0")
