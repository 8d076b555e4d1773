"""How pixels reach the engine: an untouched Read's own files, else frames rendered here."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any, NamedTuple

import nuke

from relip_nuke import containment, facetrack, nodes, paths, settings, state

#: Knobs that say where a node stands or how it looks, not what it shows.
_LOOKS = frozenset(
    ("xpos", "ypos", "selected", "note_font", "note_font_size", "note_font_color", "tile_color",
     "gl_color", "label", "icon", "hide_input", "postage_stamp", "postage_stamp_frame", "bookmark",
     "name", "process_mask", "panel", "dope_sheet", "lifetimeStart", "lifetimeEnd", "useLifetime",
     "cached", "indicators", "state")
)  # fmt: skip

#: Knobs of our own nodes that reach the picture through the shot's files only, or not at all.
_NO_PICTURE = frozenset(
    ("plate_source", "phones", "phones_loaded", "curves_loaded", "fixes_written", "auto_write",
     "writing", "writing_matte",
     *facetrack.FIXES)
)  # fmt: skip

#: Settings of the project that change pictures.
_PROJECT = ("format", "colorManagement", "OCIO_config", "workingSpaceLUT")


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
    """

    path: str
    first: int
    last: int
    colourspace: str
    how: str


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
    """Fingerprint of everything upstream: the script text of each node, and its files.

    Groups and gizmos count with what they hold, clones each with its own inputs, and nodes that
    expressions refer to with their knobs. Where nodes stand and how they look does not count.
    """
    if node is None:
        return ""
    order = [node, *nodes.upstream(node)]
    number = {each: index for index, each in enumerate(order)}
    tree: list[object] = [_project()]
    for each in order:
        inputs = [nodes.outer_input(each, index) for index in range(each.inputs())]
        wires = [None if above is None else number[above] for above in inputs]
        held = [number[above] for above in nodes.feeding(each)]
        tree.append([each.Class(), _script(each), wires, held, _files(each)])
    tree.extend([each.Class(), _script(each)] for each in _referred(order))
    return paths.digest(tree)


def _referred(tree: list[nuke.Node]) -> list[nuke.Node]:
    """The nodes outside a tree that expressions in it refer to, and that these refer to."""
    seen = set(tree)
    found: list[nuke.Node] = []
    waiting = list(tree)
    while waiting:
        for other in waiting.pop(0).dependencies(nuke.EXPRESSIONS):
            if other not in seen and other.Class() != "Root":
                seen.add(other)
                found.append(other)
                waiting.append(other)
    return found


def _project() -> list[str]:
    root = nuke.root()
    return [str(root[name].toScript(False)) for name in _PROJECT if root.knob(name) is not None]


def _script(node: nuke.Node) -> list[str]:
    """A node's knobs as script lines, without those that do not change the picture."""
    idle = _LOOKS
    family = nodes.family(node)
    if family == "RelipSpeech":
        return []  # passes the picture on, always
    if family is not None:
        idle = idle | _NO_PICTURE | settings.knobs_of(family)
    lines = node.writeKnobs(nuke.TO_SCRIPT | nuke.WRITE_NON_DEFAULT_ONLY).split("\n")
    return [line for line in lines if line.strip().partition(" ")[0] not in idle]


def _files(node: nuke.Node) -> list[object]:
    """Size and time of every file that a node reads."""
    stage = nodes.STAGES.get(nodes.family(node) or "")
    if stage is not None:
        # Its own Reads are inside it; speech and track reach the picture through knobs.
        framed = stage in ("mask", "render")
        patterns = [state.pattern(nodes.shot_of(node), stage)] if framed else []
    elif node.Class() in ("Write", "DeepWrite", "WriteGeo"):
        patterns = []
    elif node.Class() in ("Read", "DeepRead"):
        patterns = [file_pattern(node)] if nuke.filename(node) else []
    else:
        patterns = [
            _named(node, name)
            for name, knob in sorted(node.knobs().items())
            if isinstance(knob, nuke.File_Knob) and knob.value()
        ]
    found: list[object] = []
    for pattern in patterns:
        files = paths.frame_files(pattern) or {0: pattern}
        found.append([[frame, paths.mark(files[frame])] for frame in sorted(files)])
    return found


def _named(node: nuke.Node, name: str) -> str:
    """A file that a knob names; its frame number is left open where no Tcl is in the way."""
    raw = str(node[name].value())
    return nodes.absolute(nodes.text(node, name) if "[" in raw else raw)


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
        A RelipSpeech; its knob ``plate_source`` is set.
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
        )  # fmt: skip
    else:
        made = paths.digest("rendered", tree_hash(source), first, last)
        path = os.path.join(shot, paths.NUKE_FOLDER, "plate.####.exr")
        frames = range(first, last + 1)
        render_once(speech, "PlateWrite", "writing", shot, path, made, frames, source)
        plate = Plate(path, first, last, space or working_space(), "rendered to float EXR")
    with nodes.no_undo():
        nodes.put(speech, "plate_source", plate.how)
    return plate


def _memory(shot: str, write: str) -> str:
    """Where it is kept what the frames of an inner Write were rendered from: beside them.

    Not in the comp, of which there are copies and older saves.
    """
    return os.path.join(shot, paths.NUKE_FOLDER, write + ".json")


def forget(shot: str, write: str) -> None:
    """What the frames of an inner Write were rendered from is no longer known."""
    paths.remove(_memory(shot, write), shot=shot)


def render_once(
    node: nuke.Node,
    write: str,
    switch: str,
    shot: str,
    path: str,
    fingerprint: str,
    frames: range,
    source: nuke.Node,
) -> bool:
    """Render an inner Write unless just these frames are there and nothing upstream changed.

    Parameters
    ----------
    node : nuke.Node
        The Relip node.
    write : str
        Name of the Write inside it.
    switch : str
        Its knob that turns the Write on.
    shot : str
        The shot folder, in which is noted what was rendered.
    path : str
        The sequence it writes.
    fingerprint : str
        Of what is upstream.
    frames : range
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
    if _still(paths.read_json(_memory(shot, write)), _made(fingerprint, path, frames)):
        return False
    inner = node.node(write) if isinstance(node, nuke.Group) else None
    if inner is None:
        raise PixelError(f"{node.name()} has no {write} inside; is it an altered copy?")
    wanted = [paths.frame_file(path, frame) for frame in frames]
    with nodes.no_undo(), _full_size():
        _check_target(inner, wanted, frames)
        containment.unlinked(wanted, shot)
        # Until all frames are there, what is on disk belongs to nothing.
        forget(shot, write)
        node[switch].setValue(True)
        try:
            nuke.execute(inner, frames[0], frames[-1], 1)
        except RuntimeError as error:
            raise PixelError(f"{source.name()} could not be rendered: {error}") from None
        finally:
            node[switch].setValue(False)
    made = _made(fingerprint, path, frames)
    lacking = [int(frame) for frame, mark in made["frames"].items() if mark is None]
    if lacking:
        raise PixelError(
            f"{source.name()}: frames {paths.format_frames(lacking)} were not rendered;"
            " press Update again"
        )
    paths.write_json(_memory(shot, write), made, shot=shot)
    return True


def _check_target(inner: nuke.Node, wanted: list[str], frames: range) -> None:
    """See that a Write inside a Relip node writes the shot's files: a comp may say otherwise.

    Raises
    ------
    PixelError
        If it names another place.
    """
    pattern = file_pattern(inner)
    named = [paths.frame_file(pattern, frame) for frame in frames]
    if [_place(path) for path in named] != [_place(path) for path in wanted]:
        raise PixelError(
            f"{inner.fullName()} would write {named[0]}, which is not {wanted[0]} of the shot;"
            " is the node an altered copy? Make a new one"
        )


def _place(path: str) -> str:
    folder, name = os.path.split(os.path.abspath(path))
    return os.path.normcase(os.path.join(os.path.realpath(folder), name))


def _made(fingerprint: str, path: str, frames: range) -> dict[str, Any]:
    """What was rendered: from what, and the frames as they lie there."""
    marks = {str(frame): paths.mark(paths.frame_file(path, frame)) for frame in frames}
    return {"fingerprint": fingerprint, "frames": marks}


def _still(then: dict[str, Any], now: dict[str, Any]) -> bool:
    """Whether what was rendered is what lies there: the same files from the same comp."""
    marks, there = then.get("frames"), now["frames"]
    if then.get("fingerprint") != now["fingerprint"] or not isinstance(marks, dict):
        return False
    if set(marks) != set(there):
        return False
    return all(
        there[frame] is not None
        and there[frame][0] == marks[frame][0]
        # File servers round times, some of them after a while.
        and abs(there[frame][1] - marks[frame][1]) < 2e9
        for frame in there
    )


@contextlib.contextmanager
def _full_size() -> Iterator[None]:
    """Proxy mode is off meanwhile: the engine gets the plate as it is."""
    proxy = nuke.root().knob("proxy")
    if proxy is None or not proxy.value():
        yield
        return
    proxy.setValue(False)
    try:
        yield
    finally:
        proxy.setValue(True)
