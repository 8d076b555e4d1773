"""On the farm: refuse to render what is not there, and hand the shot over for making."""

from __future__ import annotations

import os
import re
from typing import Any

import nuke

from relip_nuke import containment, nodes, paths, state

#: Which command makes a stage's frames.
_MAKES = {
    "track": "relip track {}",
    "mask": "relip mask {}",
    "render": "relip run {} --until render",
}


class CacheError(RuntimeError):
    """A cache is missing or stale. Raised before a render, it aborts it."""


def rendered_frames(arguments: list[str]) -> list[int] | None:
    """The frames that Nuke's command line asks for (``-F``); None when it does not say."""
    found: list[int] = []
    for at, word in enumerate(arguments):
        if word == "-F" and at + 1 < len(arguments):
            text = arguments[at + 1]
        elif word.startswith("-F") and re.match(r"-F-?\d", word):
            text = word[2:]
        else:
            continue
        try:
            found.extend(paths.parse_frames(text.replace(" ", ",")))
        except ValueError:
            return None
    return sorted(set(found)) or None


def needed(write: nuke.Node) -> list[nuke.Node]:
    """The Relip nodes whose caches a Write's picture is made from, those inside groups too."""
    found: list[nuke.Node] = []
    seen = {write}
    waiting = [write]
    while waiting:
        for node in _used(waiting.pop(0)):
            if node in seen:
                continue
            seen.add(node)
            waiting.append(node)
            if not _on(node, "disable") and stage_read(node) is not None:
                found.append(node)
    return found


def _used(node: nuke.Node) -> list[nuke.Node]:
    """What a node's picture is made from, one step up, as the node is set."""
    family = nodes.family(node)
    if _on(node, "disable"):
        inputs = [0]
    elif family == "RelipRender":
        # Its picture is its cache, or the artist's own: matte and plate go to the engine.
        inputs = [2] if _uses_mine(node) else []
    elif family == "Relip":
        inputs = [0]  # the matte goes to the engine
    elif node.Class() == "Switch" and not _moves(node, "which"):
        inputs = [int(nodes.value(node, "which"))]
    else:
        return nodes.feeding(node)
    above = (nodes.outer_input(node, index) for index in inputs)
    return [each for each in above if each is not None]


def _moves(node: nuke.Node, name: str) -> bool:
    knob = node[name]
    return bool(knob.isAnimated()) or bool(knob.hasExpression())


def _uses_mine(render: nuke.Node) -> bool:
    return bool(nodes.value(render, "use_mine")) and render.input(2) is not None


def stage_read(node: nuke.Node) -> str | None:
    """The stage whose files a node reads as it is set; None when it needs none."""
    family = nodes.family(node)
    if family == "RelipTrack":
        return "track" if str(nodes.value(node, "output")) != "plate" else None
    if family == "RelipMask":
        mine = node.input(1) is not None and str(nodes.value(node, "mode")) == "replace"
        return None if mine else "mask"
    if family == "RelipRender":
        return None if _uses_mine(node) else "render"
    return "render" if family == "Relip" else None


def _on(node: nuke.Node, name: str) -> bool:
    knob = node.knob(name)
    return knob is not None and bool(knob.value())


def problem(node: nuke.Node, frames: list[int] | None) -> str | None:
    """Why a node's cache cannot be rendered from, and how to make it; None when it can."""
    stage = stage_read(node)
    if stage is None:
        return None
    shot = nodes.shot_of(node)
    name = node.name()
    if not shot:
        return f"{name} has no shot folder: set Shot folder, or press Make shot on RelipSpeech"
    if not os.path.isfile(os.path.join(shot, "shot.toml")):
        return f"{name}: the shot {shot} is not there; check Shot folder and the path mapping"
    span = state.known_frames(shot)
    wanted = frames
    if frames is not None and span is not None:
        wanted = [frame for frame in frames if span[0] <= frame <= span[1]]
    found = state.standing(shot, stage, wanted if stage != "track" else None)
    if found.state == "ready" or (found.state == "partial" and frames is None):
        # Which frames are wanted is known when each is rendered: see before_frame.
        return None
    folder = paths.quoted(shot)
    make = f"{_MAKES[stage].format(folder)}, or Update on {name}"
    where = (
        "track/track.npz" if stage == "track" else os.path.relpath(state.pattern(shot, stage), shot)
    )
    note = f" ({found.note})" if found.note and found.state != "missing" else ""
    if found.state == "missing":
        make = f"relip run {folder} --until {stage}, or Update on {name}"
    return f"{name}: the cache {where} of {shot} is {found.state}{note}. Make it with {make}"


def before_render() -> None:
    """Abort a render whose lip sync caches are missing or stale. Called by Nuke for each Write.

    Raises
    ------
    CacheError
        Naming node, cache and how to make it.
    """
    write = nuke.thisNode()
    if nodes.inside_relip(write):
        return  # our own Writes hand pixels over; the caches come after them
    _refresh(write)
    frames = rendered_frames([str(word) for word in nuke.rawArgs]) if not nuke.GUI else None
    found = [text for text in (problem(node, frames) for node in needed(write)) if text]
    if found:
        raise CacheError("; ".join(dict.fromkeys(found)))


def before_frame() -> None:
    """Abort at a frame whose cache is missing. Called by Nuke for each frame of each Write.

    Raises
    ------
    CacheError
    """
    write = nuke.thisNode()
    if nodes.inside_relip(write):
        return
    frame = int(nuke.frame())
    for node in needed(write):
        stage, shot = stage_read(node), nodes.shot_of(node)
        if stage in (None, "track") or not shot:
            continue
        span = state.known_frames(shot)
        if span is not None and not span[0] <= frame <= span[1]:
            continue
        found, note = state.frame_state(shot, str(stage), frame)
        if found in ("missing", "failed"):
            path = paths.frame_file(state.pattern(shot, str(stage)), frame)
            reason = f" ({note})" if note else ""
            raise CacheError(
                f"{node.name()}: {path} is {found}{reason}. Make it with relip run"
                f" {paths.quoted(shot)} --until {stage} --frames {frame}, or Update on"
                f" {node.name()}"
            )


def _refresh(write: nuke.Node) -> None:
    """Bring the nodes above a Write up to the disk, so that caches made since are read."""
    for node in nodes.upstream(write):
        if nodes.family(node) is not None:
            state.refresh(node)


def bundle_request(node: nuke.Node, shot: str, write: nuke.Node | None) -> dict[str, Any]:
    """The parameters of the engine's ``farm.bundle`` for a node's shot.

    The comp step is there when the comp is saved and a Write is given.
    """
    out = os.path.join(shot, paths.NUKE_FOLDER, "farm")
    containment.inside(os.path.join(out, "template.yaml"), shot)
    params: dict[str, Any] = {"shot": shot, "out": out}
    comp = comp_file()
    if write is not None and comp:
        first, last = nodes.shot_frames(node)
        params.update(comp=comp, write=write.fullName(), frames=f"{first}-{last}")
    return params


def comp_file() -> str:
    """The comp's file; empty when it was never saved."""
    comp = nodes.absolute(nodes.text(nuke.root(), "name"))
    return comp if os.path.isfile(comp) else ""


def write_below(node: nuke.Node) -> nuke.Node | None:
    """The first enabled Write that a node feeds, in a group too; None when there is none."""
    for write in nuke.allNodes("Write", group=nuke.root(), recurseGroups=True):
        if nodes.inside_relip(write) or _on(write, "disable"):
            continue
        if node in nodes.upstream(write):
            return write
    return None
