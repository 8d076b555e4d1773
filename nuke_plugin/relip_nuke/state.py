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

from relip_nuke import drives, greying, nodes, pathmap, paths, settings

_PLATE = ("frames", "colourspace", "missing", "duplicates", "interlaced")
_SPEECH: dict[str, tuple[str, ...]] = {
    "plate": ("frames", "fps"),
    "dialogue": ("language", "offset", "when_longer"),
    "speech": ("smoothing", "gain", "calibrate", "transcriber", "model"),
}
_TRACK: dict[str, tuple[str, ...]] = {
    "plate": _PLATE,
    "track": ("face", "ramp", "backend", "pixel_aspect"),
}
_MASK = {**_TRACK, "mask": ("grow", "feather", "jaw", "sides", "occlusion", "parser")}
_TRAIN = ("quality", "steps", "frames", "seed", "working", "crop", "held_out", "patience")
_RENDER = {
    **_MASK,
    "render": ("articulation", "layers", "renderer", "grain"),
}

#: What each stage is made from, as the engine's own keys have it: settings of shot.toml, files
#: that these name, and the artist's files. Where a file lies and what computes are no part of it.
#: What a render is driven and drawn by comes to it in :func:`_drawn_from`.
_MADE_FROM: dict[str, tuple[dict[str, tuple[str, ...]], tuple[str, ...], tuple[str, ...]]] = {
    "speech": (_SPEECH, (), ("overrides/phones.TextGrid",)),
    "track": (_TRACK, ("plate.path",), ("overrides/track.json",)),
    "mask": (_MASK, ("plate.path",), ("overrides/track.json",)),
    "render": (_RENDER, ("plate.path",), ("overrides/track.json", "overrides/mask.*.exr")),
    "blend": (
        {**_RENDER, "blend": ("mix",)},
        ("plate.path",),
        ("overrides/track.json", "overrides/mask.*.exr", "overrides/patch.*.exr"),
    ),
}

#: Of what :func:`made_from` and :func:`result_of` answer: raise it when they answer otherwise.
_VERSION = 4

#: The files that the speech stage reads.
_SPEECH_FILES = ("dialogue.audio", "dialogue.text", "speech.lexicon")

#: The result of each stage: a file, or a sequence with the folder of its status files.
_WHOLE = {"speech": "speech/mouth.csv", "track": "track/track.npz"}
_SEQUENCES = {
    "mask": "mask/mask.####.exr",
    "render": "render/patch.####.exr",
    "blend": "comp/comp.####.exr",
}

#: The ready flag of Relip for each stage.
_READY = {"track": "track_ready", "mask": "mask_ready", "render": "cache_ready"}

#: Frames of a plate that are looked into, and the last one.
_SAMPLES = 4

#: Longest state, so that it fits on a node.
_LONGEST = 120

#: How the state of a node begins whose result is of other settings.
_DIFFERS = "panel differs"

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
    there = os.path.isfile(paths.frame_file(pattern(shot, stage), frame))
    return _frame_state(shot, stage, frame, there)


def _frame_state(shot: str, stage: str, frame: int, there: bool) -> tuple[str, str]:
    folder = os.path.dirname(pattern(shot, stage))
    status = paths.read_json(os.path.join(folder, "status", f"{frame}.json"))
    state, note = str(status.get("state", "")), str(status.get("note", ""))
    if state in ("passed", "failed"):
        return state, note
    # Without a status file the picture itself counts: caches may be copied without them.
    if there:
        return "done", ""
    return "missing", ""


def made_from(shot: str, stage: str) -> dict[str, str | None]:
    """Fingerprints of what a stage is made from, as far as the shot folder tells.

    Files count by their content, so that they are the same under another path and on another
    system. None stands for one that is named and cannot be seen from here.
    """
    written = paths.read_settings(shot)
    names, files, overrides = _MADE_FROM[stage]
    found: dict[str, str | None] = {}
    if stage in ("render", "blend"):
        if glob.glob(os.path.join(glob.escape(shot), "overrides", "mask.*.exr")):
            names = {**names, "mask": (*names["mask"], "override")}
        driven = drives.of_shot(shot, written)
        more, more_files, more_overrides = _drawn_from(written, driven)
        names, files = {**names, **more}, (*files, *more_files)
        overrides = (*overrides, *more_overrides)
        found["drives"] = paths.digest(driven)
    if stage == "speech":
        files = _SPEECH_FILES
    if "dialogue.audio" in files and "speech" in names and _calibrates(written):
        files = (*files, "dialogue.production_audio")
    chosen = {
        section: {key: written.get(section, {}).get(key) for key in keys}
        for section, keys in names.items()
    }
    if "speech" in chosen and written.get("dialogue", {}).get("text"):
        # With a transcript nothing is recognised.
        chosen["speech"].pop("transcriber")
        chosen["speech"].pop("model")
    found["settings"] = paths.digest(chosen)
    for name in files:
        section, _, key = name.partition(".")
        named = written.get(section, {}).get(key) or ""
        if isinstance(named, list):
            contents = [_content(shot, str(each)) for each in named]
            found[name] = None if None in contents else paths.digest(contents)
        else:
            span = known_frames(shot) if name == "plate.path" else None
            found[name] = _content(shot, str(named), span) if named else ""
    theirs = []
    for name in overrides:
        for path in glob.glob(os.path.join(glob.escape(shot), *name.split("/"))):
            where = os.path.relpath(path, shot).replace(os.sep, "/")
            theirs.append([where, paths.fingerprint(path)])
    found["overrides"] = paths.digest(sorted(theirs))
    return found


def _calibrates(written: dict[str, dict[str, Any]]) -> bool:
    return bool(written.get("speech", {}).get("calibrate", True))


def _drawn_from(
    written: dict[str, dict[str, Any]], driven: dict[str, float]
) -> tuple[dict[str, tuple[str, ...]], tuple[str, ...], tuple[str, ...]]:
    """What a render is made from besides track and mattes: what drives it, and what draws it.

    Parameters
    ----------
    written : dict
        The shot.toml.
    driven : dict
        The drives in use.

    Returns
    -------
    names, files, overrides
        As in the values of ``_MADE_FROM``.
    """
    names: dict[str, tuple[str, ...]] = {}
    files: tuple[str, ...] = ()
    # Its columns teeth and tongue count whatever the drive.
    overrides: tuple[str, ...] = ("overrides/drive.csv", "overrides/mouth.csv")
    if "speech" in driven:
        names.update(_SPEECH, plate=(*_PLATE, "fps"))
        files += _SPEECH_FILES
        overrides += ("overrides/phones.TextGrid",)
    if "csv" in driven:
        files += ("render.csv",)
    if "video" in driven:
        names.update(plate=(*_PLATE, "fps"), drive=("witness_offset", "witness_face"))
        files += ("drive.witness",)
        overrides += ("witness/overrides/track.json",)
    if written.get("render", {}).get("renderer", "shot") == "shot":
        own = tuple(setting.partition(".")[2] for setting in settings.OWN_NETWORK)
        names.update(train=_TRAIN, render=(*_RENDER["render"], *own))
        return names, (*files, "train.model_from", "train.extra"), overrides
    # Another's network is not trained; it hears the dialogue whatever drives the mouth.
    names.update(train=("seed",), plate=(*_PLATE, "fps"))
    names.setdefault("dialogue", ("offset",))
    if "dialogue.audio" not in files:
        files += ("dialogue.audio",)
    return names, (*files, "render.models"), overrides


def _content(shot: str, named: str, span: tuple[int, int] | None = None) -> str | None:
    """Fingerprint of a file, or of a sequence's frames in a span; None when it is not there."""
    path = pathmap.resolve(shot, named)
    if os.path.isdir(path) and os.path.isfile(os.path.join(path, "shot.toml")):
        path = os.path.join(path, "model", "model.safetensors")  # what train.model_from begins with
    if os.path.isfile(path):
        return paths.fingerprint(path)
    files = paths.frame_files(path)
    frames = sorted(f for f in files if span is None or span[0] <= f <= span[1])
    if not frames:
        return None
    # The engine looks into every frame; here, where a panel waits, which there are and the content
    # of some tell one plate from another.
    looked = {frames[len(frames) * i // _SAMPLES] for i in range(_SAMPLES)} | {frames[-1]}
    return paths.digest(frames, [paths.fingerprint(files[frame]) for frame in sorted(looked)])


def changed(then: Any, now: dict[str, str | None]) -> list[str]:
    """What differs between two answers of :func:`made_from`; what one of them cannot see does not.

    Something that is no such answer differs in everything.
    """
    if not isinstance(then, dict):
        return sorted(now)
    return [
        name
        for name in sorted(now)
        if name not in then or (None not in (then[name], now[name]) and then[name] != now[name])
    ]


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
    frames = status.get("frames")
    if isinstance(frames, list) and len(frames) == 2:
        span = [int(frames[0]), int(frames[1])]
        if ledger.get("frames") != span:
            # Known from here on: a plate's fingerprint is that of the shot's frames.
            ledger["frames"] = span
            with contextlib.suppress(OSError):
                paths.write_json(_ledger(shot), ledger, shot=shot)
    made: dict[str, Any] = {}
    for stage in status.get("stages", []):
        name, state = str(stage.get("stage")), str(stage.get("state"))
        if name not in _MADE_FROM:
            continue
        _failed.pop((shot, name), None)
        if state == "up to date":
            made[name] = made_from(shot, name)
        elif state == "failed":
            _failed[shot, name] = str(stage.get("note", ""))
        elif state in ("stale", "partial"):
            made[name] = None
    for name, source in made.items():
        ledger[name] = {"version": _VERSION, "from": source, "result": result_of(shot, name)}
    with contextlib.suppress(OSError):  # a shot that may only be read can still be looked at
        paths.write_json(_ledger(shot), ledger, shot=shot)


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
    with contextlib.suppress(ValueError):
        return paths.span(str(paths.read_settings(shot).get("plate", {}).get("frames")))
    return None


def standing(shot: str, stage: str, frames: list[int] | None = None) -> Standing:
    """Where a stage stands, by what is on disk: a press that failed takes no result away.

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
    if stage == "speech" and not _is_spoken(shot):
        return Standing("ready", "no speech drives the mouth")
    if not result_exists(shot, stage):
        return Standing("missing", "press Update")
    if stage in _SEQUENCES:
        span = known_frames(shot)
        wanted = frames if frames is not None else list(range(span[0], span[1] + 1)) if span else []
        there = set(paths.frame_files(pattern(shot, stage)))
        states = {frame: _frame_state(shot, stage, frame, frame in there) for frame in wanted}
        failed = [f for f, (s, _) in states.items() if s == "failed"]
        missing = [f for f, (s, _) in states.items() if s == "missing"]
        if failed:
            return Standing(
                "failed", f"frames {paths.format_frames(failed)}: {states[failed[0]][1]}"
            )
        if missing:
            return Standing("partial", f"frames {paths.format_frames(missing)} are missing")
    entry = paths.read_json(_ledger(shot)).get(stage)
    # What another release noted says nothing here, and no cache is stale for an update of Relip.
    entry = entry if isinstance(entry, dict) and entry.get("version") == _VERSION else {}
    same = entry.get("result") == result_of(shot, stage)
    if entry and same and changed(entry.get("from"), made_from(shot, stage)):
        return Standing("stale", "an input changed; press Update")
    return Standing("ready")


def _is_spoken(shot: str) -> bool:
    """Whether the shot has a dialogue, or is to have one."""
    written = paths.read_settings(shot)
    spoken = "speech" in drives.of_shot(shot, written)
    return spoken or bool(written.get("dialogue", {}).get("audio"))


def begin(shot: str, title: str) -> None:
    """Note that a job runs for a shot, and show it."""
    _running[shot] = title
    refresh_shot(shot)


def end(shot: str, stages: tuple[str, ...], failure: str = "") -> None:
    """Note that the job has ended, and why if it failed, and show it."""
    _running.pop(shot, None)
    fail(shot, stages, failure)


def fail(shot: str, stages: tuple[str, ...], failure: str) -> None:
    """Note why stages failed, or that they did not, and show it."""
    for stage in stages:
        # No node of its own shows that it is trained, or that the engine made its comp.
        shown = "render" if stage in ("train", "blend") else stage
        if failure:
            _failed[shot, shown] = failure
        else:
            _failed.pop((shot, shown), None)
    refresh_shot(shot)


def describe(node: nuke.Node) -> str:
    """A node's state in one line."""
    shot = nodes.shot_of(node)
    if shot in _running:
        return literal(f"running: {_running[shot]}")
    stage = nodes.STAGES[nodes.family(node) or "Relip"]
    if (shot, stage) in _failed and os.path.isfile(os.path.join(shot, "shot.toml")):
        return literal(str(Standing("failed", _failed[shot, stage])))
    found = standing(shot, stage)
    return literal(str(_with_panel(node, shot, stage, found) if found.state == "ready" else found))


def _with_panel(node: nuke.Node, shot: str, stage: str, ready: Standing) -> Standing:
    """Where a stage that is ready stands when the panels have a say."""
    knobs = settings.differing(nodes.parts(node), shot, stage)
    if nodes.family(node) == "Relip":
        links = {knob: link for (_, knob), link in settings.LINKS.items()}
        knobs = [links.get(knob, knob) for knob in knobs]
    if not knobs:
        return ready
    return Standing("stale", f"{_DIFFERS} ({', '.join(knobs)}); press Update")


def refresh_panel(node: nuke.Node) -> None:
    """A setting was turned: show whether the panel differs, without a look at the results."""
    greying.refresh(node)
    shown = str(nodes.value(node, "state"))
    if shown == "ready" or shown.startswith(f"stale: {_DIFFERS}"):
        stage = nodes.STAGES[nodes.family(node) or "Relip"]
        found = _with_panel(node, nodes.shot_of(node), stage, Standing("ready"))
        with nodes.no_undo():
            nodes.put(node, "state", literal(str(found)))


#: The state stands in a text knob and, through it, in the node's label: Nuke takes these for Tcl.
_TCL = str.maketrans(
    {"[": "\uff3b", "]": "\uff3d", "$": "\uff04", "\\": "\uff3c", "\n": " ", "\r": " ", "\t": " "}
)


def literal(text: str) -> str:
    """A text that shows as it is, whether or not Nuke evaluates it: wide twins for Tcl's signs."""
    return text.translate(_TCL)


def refresh(node: nuke.Node) -> None:
    """Bring a node's knobs up to what the shot folder holds. Computes and asks nothing.

    Knobs are only set when they differ, and nothing of it is left to undo.
    """
    with nodes.no_undo():
        _refresh(node)


def _refresh(node: nuke.Node) -> None:
    family = nodes.family(node)
    if family is None or nodes.owner(node) is not node:
        return
    giver = nodes.shot_giver(node)
    shot = nodes.shot_of(node)
    folder = node.knob("shot_folder")
    if folder is not None:
        # As it was typed, Tcl and all: the comp may move, and its shots with it.
        raw = "" if giver is None else nodes.folder_script(giver)
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
    greying.refresh(node)


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


def refresh_below(node: nuke.Node) -> None:
    """Refresh a node, and those that may take their shot or their picture from it."""
    refresh(node)
    for other in nodes.every():
        if other != node and node in nodes.upstream(other):
            refresh(other)


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
