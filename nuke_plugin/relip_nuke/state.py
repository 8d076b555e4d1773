"""Where a node stands, told from the shot folder without the engine.

The engine decides by fingerprints what is up to date; whenever it says so,
Relip notes in ``nuke/ledger.json`` of the shot what the stage was made from
and which result that was. A stage is stale when what it is made from has
changed since while its result has not. So a render node without the engine can
tell, and frames that somebody remade elsewhere never count as stale.
"""

from __future__ import annotations

import contextlib
import glob
import json
import os
from typing import Any, NamedTuple

import nuke

from relip_nuke import nodes, paths

#: What each stage is made from: sections of shot.toml and files in overrides/.
_MADE_FROM: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "speech": (("plate", "dialogue"), ("phones.TextGrid",)),
    "track": (("plate", "track"), ("track.json",)),
    "mask": (("plate", "track", "mask"), ("track.json",)),
    "render": (
        ("plate", "dialogue", "track", "mask", "train", "render"),
        ("phones.TextGrid", "mouth.csv", "track.json", "mask.*.exr"),
    ),
    "blend": (
        ("plate", "dialogue", "track", "mask", "train", "render", "blend"),
        ("phones.TextGrid", "mouth.csv", "track.json", "mask.*.exr", "patch.*.exr"),
    ),
}

#: The result of each stage: a file, or a sequence with the folder of its status files.
_WHOLE = {"speech": "speech/mouth.csv", "track": "track/track.npz"}
_SEQUENCES = {
    "mask": "mask/mask.####.exr",
    "render": "render/patch.####.exr",
    "blend": "comp/comp.####.exr",
}

#: The ready flag of Relip for each stage.
_READY = {"track": "track_ready", "mask": "mask_ready", "render": "cache_ready"}

#: Longest state, so that it fits on a node.
_LONGEST = 120

#: What runs now and what failed last, by shot; lost with the session, as it should be.
_running: dict[str, str] = {}
_failed: dict[tuple[str, str], str] = {}


class Standing(NamedTuple):
    """Where a stage stands: ready, stale, partial, missing or failed, and why."""

    state: str
    note: str = ""

    def __str__(self) -> str:
        line = f"{self.state}: {self.note}" if self.note else self.state
        return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def result_exists(shot: str, stage: str) -> bool:
    """Whether a stage has any result."""
    if stage in _WHOLE:
        return os.path.isfile(os.path.join(shot, _WHOLE[stage]))
    return paths.has_frames(os.path.join(shot, _SEQUENCES[stage]))


def pattern(shot: str, stage: str) -> str:
    """The files of a stage that works frame by frame."""
    return os.path.join(shot, _SEQUENCES[stage])


def frame_state(shot: str, stage: str, frame: int) -> tuple[str, str]:
    """State of one frame: done, passed, failed or missing, and the engine's note."""
    folder = os.path.dirname(pattern(shot, stage))
    status = paths.read_json(os.path.join(folder, "status", f"{frame}.json"))
    state, note = str(status.get("state", "")), str(status.get("note", ""))
    if state in ("passed", "failed"):
        return state, note
    # Without a status file the picture itself counts: caches may be copied without them.
    if os.path.isfile(paths.frame_file(pattern(shot, stage), frame)):
        return "done", ""
    return "missing", ""


def made_from(shot: str, stage: str) -> str:
    """Fingerprint of what a stage is made from, as far as the shot folder tells."""
    sections, names = _MADE_FROM[stage]
    settings = paths.read_settings(shot)
    chosen = {name: settings.get(name, {}) for name in sections}
    files = []
    for section, key in (("dialogue", "audio"), ("dialogue", "text"), ("render", "csv")):
        named = chosen.get(section, {}).get(key)
        if named:
            files.append([key, paths.fingerprint(os.path.join(shot, str(named)))])
    for name in names:
        for path in sorted(glob.glob(os.path.join(glob.escape(shot), "overrides", name))):
            files.append([os.path.basename(path), paths.fingerprint(path)])
    return paths.digest(chosen, files)


def result_of(shot: str, stage: str) -> str:
    """Fingerprint of a stage's result: the engine's own keys."""
    if stage in _WHOLE:
        folder = os.path.join(shot, os.path.dirname(_WHOLE[stage]))
        return paths.digest(paths.read_json(os.path.join(folder, "record.json")).get("key"))
    status = os.path.join(os.path.dirname(pattern(shot, stage)), "status")
    keys = []
    try:
        names = sorted(os.listdir(status))
    except OSError:
        names = []
    for name in names:
        if name.endswith(".json"):
            keys.append([name, paths.read_json(os.path.join(status, name)).get("key")])
    return paths.digest(keys)


def _ledger(shot: str) -> str:
    return os.path.join(shot, paths.NUKE_FOLDER, "ledger.json")


def note_status(shot: str, status: dict[str, Any]) -> None:
    """Keep what the engine's ``status`` says: the ledger, the shot's frames, failures."""
    ledger = paths.read_json(_ledger(shot))
    for stage in status.get("stages", []):
        name, state = str(stage.get("stage")), str(stage.get("state"))
        if name not in _MADE_FROM:
            continue
        _failed.pop((shot, name), None)
        if state == "up to date":
            ledger[name] = {"from": made_from(shot, name), "result": result_of(shot, name)}
        elif state == "failed":
            _failed[shot, name] = str(stage.get("note", ""))
        elif state in ("stale", "partial") and name in ledger:
            ledger[name] = {"from": "", "result": result_of(shot, name)}
    frames = status.get("frames")
    if isinstance(frames, list) and len(frames) == 2:
        ledger["frames"] = [int(frames[0]), int(frames[1])]
    with contextlib.suppress(OSError):  # a shot that may only be read can still be looked at
        paths.write_json(_ledger(shot), ledger)


def known_frames(shot: str) -> tuple[int, int] | None:
    """First and last frame of a shot, when the folder tells."""
    frames = paths.read_json(_ledger(shot)).get("frames")
    if isinstance(frames, list) and len(frames) == 2:
        return int(frames[0]), int(frames[1])
    for stage in ("render", "mask", "blend"):
        folder = os.path.join(os.path.dirname(pattern(shot, stage)), "status")
        try:
            numbers = [int(name[:-5]) for name in os.listdir(folder) if name.endswith(".json")]
        except (OSError, ValueError):
            continue
        if numbers:
            return min(numbers), max(numbers)
    return None


def standing(shot: str, stage: str, frames: list[int] | None = None) -> Standing:
    """Where a stage stands.

    Parameters
    ----------
    shot : str
    stage : {"speech", "track", "mask", "render", "blend"}
    frames : list of int, optional
        Look at these frames only; by default at all of the shot.
    """
    if not shot:
        return Standing("no shot", "press Make shot on RelipSpeech")
    if not os.path.isfile(os.path.join(shot, "shot.toml")):
        return Standing("no shot", f"{shot} is not there; press Make shot on RelipSpeech")
    if (shot, stage) in _failed:
        return Standing("failed", _failed[shot, stage])
    if not result_exists(shot, stage):
        return Standing("missing", "press Update")
    if stage in _SEQUENCES:
        span = known_frames(shot)
        wanted = frames if frames is not None else list(range(span[0], span[1] + 1)) if span else []
        states = {frame: frame_state(shot, stage, frame) for frame in wanted}
        failed = [f for f, (s, _) in states.items() if s == "failed"]
        missing = [f for f, (s, _) in states.items() if s == "missing"]
        if failed:
            return Standing(
                "failed", f"frames {paths.format_frames(failed)}: {states[failed[0]][1]}"
            )
        if missing:
            return Standing("partial", f"frames {paths.format_frames(missing)} are missing")
    entry = paths.read_json(_ledger(shot)).get(stage)
    entry = entry if isinstance(entry, dict) else {}
    same = entry.get("result") == result_of(shot, stage)
    if entry and same and entry.get("from") != made_from(shot, stage):
        return Standing("stale", "an input changed; press Update")
    return Standing("ready")


def begin(shot: str, title: str) -> None:
    """Note that a job runs for a shot, and show it."""
    _running[shot] = title
    refresh_shot(shot)


def end(shot: str, stage: str, failure: str = "") -> None:
    """Note that the job has ended, and why if it failed, and show it."""
    _running.pop(shot, None)
    if failure:
        _failed[shot, stage] = failure
    else:
        _failed.pop((shot, stage), None)
    refresh_shot(shot)


def describe(node: nuke.Node) -> str:
    """A node's state in one line."""
    shot = nodes.shot_of(node)
    if shot in _running:
        return f"running: {_running[shot]}"
    return str(standing(shot, nodes.STAGES[nodes.family(node) or "Relip"]))


def refresh(node: nuke.Node) -> None:
    """Bring a node's knobs up to what the shot folder holds. Computes and asks nothing.

    Knobs are only set when they differ.
    """
    family = nodes.family(node)
    if family is None or nodes.owner(node) is not node:
        return
    giver = nodes.shot_giver(node)
    shot = nodes.shot_of(node)
    folder = node.knob("shot_folder")
    if folder is not None:
        # As it was typed, Tcl and all: the comp may move, and its shots with it.
        raw = "" if giver is None else giver["shot"].toScript(False)
        if folder.toScript(False) != raw:
            folder.setValue(raw)
    span = known_frames(shot) if shot else None
    if span is not None:
        nodes.put(node, "first_frame", span[0])
        nodes.put(node, "last_frame", span[1])
    stage = nodes.STAGES[family]
    if family == "Relip":
        for name, knob in _READY.items():
            nodes.put(node, knob, bool(shot) and result_exists(shot, name))
    elif family == "RelipBlend":
        nodes.put(node, "cache_ready", _patch_ready(node, shot))
    else:
        nodes.put(node, "cache_ready", bool(shot) and result_exists(shot, stage))
    nodes.put(node, "state", describe(node))


def _patch_ready(node: nuke.Node, shot: str) -> bool:
    """Whether RelipBlend has a patch: another node's picture, or RelipRender's when it is there."""
    source = nodes.through(node.input(1))
    if source is None:
        return False
    if nodes.family(source) != "RelipRender":
        return True
    if bool(nodes.value(source, "use_mine")) and source.input(2) is not None:
        return True
    return bool(shot) and result_exists(nodes.shot_of(source) or shot, "render")


def refresh_shot(shot: str) -> None:
    """Refresh all nodes of a shot."""
    for node in nodes.every():
        if nodes.shot_of(node) == shot:
            refresh(node)


def refresh_all() -> None:
    """Refresh every Relip node of the comp."""
    for node in nodes.every():
        refresh(node)


def dump(shot: str) -> str:
    """All a support question needs: the ledger and where each stage stands."""
    stages = {stage: str(standing(shot, stage)) for stage in _MADE_FROM}
    return json.dumps(
        {"shot": shot, "stages": stages, "ledger": paths.read_json(_ledger(shot))}, indent=1
    )
