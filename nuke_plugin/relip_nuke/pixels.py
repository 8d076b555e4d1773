"""How pixels reach the engine: an untouched Read's own files, else frames rendered here."""

from __future__ import annotations

import os
from typing import NamedTuple

import nuke

from relip_nuke import nodes, paths

#: Knobs that say where a node stands or how it looks, not what it shows.
_LOOKS = frozenset(
    ("xpos", "ypos", "selected", "note_font", "note_font_size", "note_font_color", "tile_color",
     "gl_color", "label", "icon", "hide_input", "postage_stamp", "postage_stamp_frame", "bookmark",
     "name", "process_mask", "panel", "dope_sheet", "lifetimeStart", "lifetimeEnd", "useLifetime",
     "cached", "indicators", "state")
)  # fmt: skip


class PixelError(Exception):
    """The plate cannot be handed over; the message says why and what to do."""


class Plate(NamedTuple):
    """A handed-over plate.

    Attributes
    ----------
    path : str
        A movie or a sequence.
    first, last : int
    colourspace : str
        OCIO name; empty leaves it to the engine to read from the file.
    how : str
        For the panel.
    fingerprint : str
    """

    path: str
    first: int
    last: int
    colourspace: str
    how: str
    fingerprint: str


def working_space() -> str:
    """The OCIO name of the project's working space."""
    root = nuke.root()
    if nodes.text(root, "colorManagement") == "OCIO":
        space = nodes.text(root, "workingSpaceLUT")
        # Nuke 13 writes "linear" and menu paths such as "Roles/scene_linear (ACES - ACEScg)".
        name = space.rpartition("/")[2]
        if "(" in name and name.endswith(")"):
            name = name[name.index("(") + 1 : -1]
        return name or "scene_linear"
    return "Linear Rec.709 (sRGB)"


def untouched_read(node: nuke.Node | None) -> nuke.Node | None:
    """The Read above whose files hold exactly the picture seen here; None when there is none.

    Exactly means: nothing but Dots and disabled nodes in between, no colour
    conversion, no retime, no premultiplication.
    """
    read = nodes.through(node)
    if read is None or read.Class() != "Read":
        return None
    if nodes.text(read, "frame") or _on(read, "premultiplied"):
        return None
    if not _on(read, "raw") and not _no_conversion(read):
        return None
    path = file_pattern(read)
    there = bool(path) and (os.path.isfile(path) or paths.has_frames(path))
    return read if there else None


def _on(node: nuke.Node, name: str) -> bool:
    knob = node.knob(name)
    return knob is not None and bool(knob.value())


def _no_conversion(read: nuke.Node) -> bool:
    """Whether a Read's colourspace is the working space."""
    knob = read.knob("colorspace")
    if knob is None:
        return False
    space = str(knob.value()).rpartition("/")[2].lower()
    if space.startswith("default"):
        # "default (linear)" of EXR files; other formats' defaults are conversions.
        space = space.partition("(")[2].rstrip(")").strip()
    same = {"linear", "scene_linear", working_space().lower()}
    return space in same or (space.endswith(")") and space.partition("(")[2].rstrip(")") in same)


def file_pattern(read: nuke.Node) -> str:
    """A Read's file with its Tcl evaluated and its frame number left open; absolute."""
    return nodes.absolute(str(nuke.filename(read) or ""))


def _read_range(read: nuke.Node) -> tuple[int, int]:
    return int(nodes.value(read, "first")), int(nodes.value(read, "last"))


def tree_hash(node: nuke.Node | None) -> str:
    """Fingerprint of everything upstream: the script text of each node, and its files' sizes.

    Where nodes stand and how they look does not count.
    """
    if node is None:
        return ""
    tree: list[list[object]] = []
    order = [node, *nodes.upstream(node)]
    number = {each.fullName(): index for index, each in enumerate(order)}
    for each in order:
        inputs = []
        for index in range(each.inputs()):
            above = each.input(index)
            inputs.append(None if above is None else number.get(above.fullName()))
        tree.append([each.Class(), _script(each), inputs, _files(each)])
    return paths.digest(tree)


def _script(node: nuke.Node) -> list[str]:
    """A node's knobs as script lines, without those that do not change the picture."""
    lines = node.writeKnobs(nuke.TO_SCRIPT | nuke.WRITE_NON_DEFAULT_ONLY).split("\n")
    return [line for line in lines if line.strip().partition(" ")[0] not in _LOOKS]


def _files(node: nuke.Node) -> list[object]:
    if node.Class() not in ("Read", "DeepRead") or not nuke.filename(node):
        return []
    files = paths.frame_files(file_pattern(node))
    found: list[object] = []
    for frame in sorted(files):
        try:
            info = os.stat(files[frame])
        except OSError:
            continue
        found.append([frame, info.st_size, info.st_mtime_ns])
    return found


def wanted_frames(speech: nuke.Node, source: nuke.Node) -> tuple[int, int]:
    """The shot's frames: what the panel says, else the range of the input.

    Raises
    ------
    PixelError
        If the range is not one run of frames.
    """
    given = nodes.text(speech, "frames")
    if given:
        try:
            frames = paths.parse_frames(given)
        except ValueError as error:
            raise PixelError(f"Frame range: {error}") from None
        if frames != list(range(frames[0], frames[-1] + 1)):
            raise PixelError("Frame range: a shot is one run of frames; write 1001-1100")
        return frames[0], frames[-1]
    top = nodes.through(source)
    if top is not None and top.Class() == "Read":
        return _read_range(top)
    span = source.frameRange()
    return span.first(), span.last()


def hand_over(speech: nuke.Node, shot: str) -> Plate:
    """Make the picture at RelipSpeech's input readable for the engine.

    Parameters
    ----------
    speech : nuke.Node
        A RelipSpeech; its knobs ``plate_hash`` and ``plate_source`` are set.
    shot : str
        The shot folder, where frames that must be rendered go.

    Raises
    ------
    PixelError
        If nothing is connected, or Nuke cannot render it.
    """
    source = nodes.plate_input(speech)
    if source is None:
        raise PixelError(
            f"{nodes.owner(speech).name()} has no plate: connect the picture to its first input"
        )
    first, last = wanted_frames(speech, source)
    space = nodes.text(speech, "colourspace")
    read = untouched_read(source)
    if read is not None:
        path = file_pattern(read)
        plate = Plate(
            path, first, last, space or working_space(),
            f"files of {read.name()}, as they are",
            paths.digest("file", path, first, last, space),
        )  # fmt: skip
    else:
        made = paths.digest("rendered", tree_hash(source), first, last)
        path = os.path.join(shot, paths.NUKE_FOLDER, "plate.####.exr")
        render_once(speech, "PlateWrite", "writing", "plate_hash", path, made, first, last, source)
        plate = Plate(path, first, last, space or working_space(), "rendered to float EXR", made)
    nodes.put(speech, "plate_source", plate.how)
    nodes.put(speech, "plate_hash", plate.fingerprint)
    return plate


def render_once(
    node: nuke.Node,
    write: str,
    switch: str,
    memory: str,
    path: str,
    fingerprint: str,
    first: int,
    last: int,
    source: nuke.Node,
) -> bool:
    """Render an inner Write unless its frames are there and nothing upstream changed.

    Parameters
    ----------
    node : nuke.Node
        The Relip node.
    write : str
        Name of the Write inside it.
    switch, memory : str
        Its knobs that turn the Write on and hold the fingerprint of what was written.
    path : str
        The sequence it writes.
    fingerprint : str
    first, last : int
    source : nuke.Node
        Named in messages.

    Returns
    -------
    bool
        Whether it had to render.

    Raises
    ------
    PixelError
        If Nuke cannot render it.
    """
    files = paths.frame_files(path)
    frames = range(first, last + 1)
    if str(nodes.value(node, memory)) == fingerprint and all(frame in files for frame in frames):
        return False
    inner = node.node(write) if isinstance(node, nuke.Group) else None
    if inner is None:
        raise PixelError(f"{node.name()} has no {write} inside; is it an altered copy?")
    # Until all frames are there, what is on disk belongs to nothing.
    node[memory].setValue("")
    node[switch].setValue(True)
    try:
        nuke.execute(inner, first, last, 1)
    except RuntimeError as error:
        raise PixelError(f"{source.name()} could not be rendered: {error}") from None
    finally:
        node[switch].setValue(False)
    files = paths.frame_files(path)
    lacking = [frame for frame in frames if frame not in files]
    if lacking:
        raise PixelError(
            f"{source.name()}: frames {paths.format_frames(lacking)} were not rendered;"
            " press Update again"
        )
    node[memory].setValue(fingerprint)
    return True
