"""What the buttons do."""

from __future__ import annotations

import os
import re
from typing import Any, Callable

import nuke

from relip_nuke import engine, farm, handoff, nodes, overrides, paths, pixels, state

#: Knobs that are settings of the shot: family, knob, section of shot.toml, setting.
_SETTINGS = (
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

#: Errors that are told to the artist in one line.
_EXPECTED = (
    overrides.OverrideError,
    pixels.PixelError,
    farm.CacheError,
    engine.EngineError,
    OSError,
    ValueError,
)

Next = Callable[[dict[str, Any]], None]


def press(node: nuke.Node, button: str) -> None:
    """Do what a button says; failures end in the node's state and, in the interface, a message."""
    action = _BUTTONS.get(button)
    if action is None:
        tell(node, f"{node.name()} has no action {button}: plugin and gizmo are of two releases")
        return
    try:
        action(nodes.owner(node), button)
    except _EXPECTED as error:
        fail(node, button, error)


def fail(node: nuke.Node, what: str, error: Exception) -> None:
    """Show why something failed, in the panel, on the node, and as a message."""
    shot = nodes.shot_of(node)
    line = one_line(error)
    state.end(shot, nodes.STAGES[nodes.family(nodes.owner(node)) or "Relip"], line)
    if not shot:
        nodes.put(nodes.owner(node), "state", str(state.Standing("failed", line)))
    last = getattr(error, "last_lines", None)
    more = "\n\n" + "\n".join(last) if last else ""
    tell(node, f"{nodes.owner(node).name()}: {line}{more}")


def one_line(error: Exception) -> str:
    """An error as one sentence with how to mend it."""
    message = str(getattr(error, "message", "") or error)
    mend = getattr(error, "mend", None)
    return " ".join(f"{message}; {mend}".split()) if mend else " ".join(message.split())


def tell(node: nuke.Node, text: str) -> None:
    """Show a message in the interface; print it in a terminal."""
    if nuke.GUI:
        nuke.message(text)
    else:
        print(f"{node.name()}: {text}" if node.name() not in text else text)


# -------------------------------------------------------------------- the engine


def ask(
    node: nuke.Node, method: str, params: dict[str, Any], *, title: str, then: Next, stage: str = ""
) -> None:
    """Run a job of the engine and go on with its result; failures are shown.

    The nodes of the shot say ``running`` meanwhile.
    """
    shot = str(params.get("shot", ""))
    name = node.fullName()
    if title:
        state.begin(shot, title)

    def done(result: dict[str, Any] | None, error: Exception | None) -> None:
        at = nodes.named(name)
        if isinstance(error, engine.Cancelled):
            state.end(shot, stage or "render")
            return
        if at is None:
            state.end(shot, stage or "render")  # the node was deleted while the engine worked
            return
        if error is not None:
            state.end(shot, stage or "render", one_line(error))
            fail_stage(at, stage, error)
            return
        if title:
            state.end(shot, stage or "render")
        try:
            then(result or {})
        except _EXPECTED as problem:
            fail(at, method, problem)

    engine.run(method, params, title=title, done=done)


def fail_stage(node: nuke.Node, stage: str, error: Exception) -> None:
    """Show an engine's failure at the stage it belongs to."""
    line = one_line(error)
    own = nodes.STAGES[nodes.family(node) or "Relip"]
    state.end(nodes.shot_of(node), stage or own, line)
    if stage and stage != own:
        nodes.put(node, "state", str(state.Standing("failed", line)))
    last = getattr(error, "last_lines", None)
    more = "\n\nThe engine's last lines:\n" + "\n".join(last) if last else ""
    tell(node, f"{node.name()}: {line}{more}")


def need_shot(node: nuke.Node) -> str:
    """The node's shot folder.

    Raises
    ------
    OverrideError
        If there is none.
    """
    shot = nodes.shot_of(node)
    if not shot:
        raise overrides.OverrideError(
            "there is no shot yet; press Make shot on RelipSpeech, or set Shot folder"
        )
    if not os.path.isfile(os.path.join(shot, "shot.toml")):
        raise overrides.OverrideError(
            f"the shot {shot} is not there; press Make shot on RelipSpeech"
        )
    return shot


def settings(parts: dict[str, nuke.Node]) -> dict[str, dict[str, Any]]:
    """What the panels of a shot's nodes say, as sections of shot.toml."""
    made: dict[str, dict[str, Any]] = {}
    for family, knob, section, name in _SETTINGS:
        if family in parts:
            value = nodes.value(parts[family], knob)
            if knob in _WHOLE_NUMBERS:
                value = int(value)
            made.setdefault(section, {})[name] = value
    speech, render = parts.get("RelipSpeech"), parts.get("RelipRender")
    if speech is not None:
        dialogue = made.setdefault("dialogue", {})
        for knob, name in (("audio", "audio"), ("text", "text"), ("production_audio",) * 2):
            dialogue[name] = nodes.absolute(nodes.text(speech, knob))
        longer = str(nodes.value(speech, "when_longer"))
        dialogue["when_longer"] = "error" if longer == "refuse" else longer
        rate = frame_rate(speech)
        dialogue["offset"] = round(float(nodes.value(speech, "offset")) / paths.parse_rate(rate), 6)
    if "RelipTrack" in parts:
        made["track"] = {"face": followed_face(parts["RelipTrack"])}
    if render is not None:
        made["render"]["csv"] = nodes.absolute(nodes.text(render, "csv"))
        made["train"]["frames"] = nodes.text(render, "train_frames")
    return made


def followed_face(track: nuke.Node) -> str:
    """The face to follow as shot.toml has it: a place and a frame; "" for the largest.

    Raises
    ------
    OverrideError
        If a place is chosen and no plate is connected: its height turns y over.
    """
    if str(nodes.value(track, "face")) == "largest":
        return ""
    plate = nodes.plate_input(track)
    if plate is None:
        raise overrides.OverrideError("connect the plate: the face's point lies in it")
    x, y = (float(v) for v in nodes.value(track, "face_point"))
    frame = int(nodes.value(track, "face_frame"))
    return f"{x:g},{plate.height() - y:g}@{frame}"


def frame_rate(speech: nuke.Node) -> str:
    """The shot's frame rate: the panel's, else the project's.

    Raises
    ------
    ValueError
        If it is none.
    """
    given = nodes.text(speech, "fps")
    if given:
        try:
            paths.parse_rate(given)
        except (ValueError, ZeroDivisionError):
            raise ValueError(f"Frame rate {given!r} is none: write 24, 25 or 24000/1001") from None
        return given
    return paths.format_rate(float(nuke.root()["fps"].value()))


# --------------------------------------------------------------------- make shot


def make_shot(node: nuke.Node, button: str) -> None:
    """Make the shot folder from the plate at the input and the dialogue."""
    parts = nodes.parts(node)
    speech = parts.get("RelipSpeech")
    if speech is None:
        raise overrides.OverrideError("there is no RelipSpeech upstream")
    if not nodes.text(speech, "audio"):
        raise overrides.OverrideError("name the new dialogue under Recording first")
    holder = nodes.owner(speech)
    if not nodes.text(holder, "shot"):
        nodes.put(holder, "shot", default_shot(holder))
    shot = nodes.shot_of(holder)
    made = settings(parts)
    made["plate"] = plate_settings(speech, shot)

    def then(result: dict[str, Any]) -> None:
        state.note_status(shot, {"frames": result.get("frames")})
        refresh(holder, "refresh")

    ask(
        holder,
        "new",
        {"shot": shot, "settings": made},
        title=f"{os.path.basename(shot)}: make shot",
        then=then,
        stage="speech",
    )


def plate_settings(speech: nuke.Node, shot: str) -> dict[str, Any]:
    """Hand the plate over and describe it as the section [plate]."""
    plate = pixels.hand_over(speech, shot)
    return {
        "path": plate.path,
        "frames": f"{plate.first}-{plate.last}",
        "fps": frame_rate(speech),
        "colourspace": plate.colourspace,
    }


def default_shot(node: nuke.Node) -> str:
    """Where a shot goes when nobody says: beside the comp, ``relip/NAME.relip``.

    Raises
    ------
    OverrideError
        If the comp is not saved yet.
    """
    comp = nodes.text(nuke.root(), "name")
    if not comp or comp == "Root":
        raise overrides.OverrideError("save the comp first, or set Shot folder")
    read = pixels.untouched_read(nodes.plate_input(node))
    base = pixels.file_pattern(read) if read is not None else comp
    name = re.sub(r"[._]?(?:#+|%0?\d*d|\d+)?\.[^.]*$", "", os.path.basename(base)) or "shot"
    return f"[file dirname [value root.name]]/relip/{name}.relip"


# ------------------------------------------------------------------------ update


def update(node: nuke.Node, button: str) -> None:
    """Bring everything up to this node up to date."""
    run_until(node, nodes.STAGES[nodes.family(node) or "Relip"])


def train(node: nuke.Node, button: str) -> None:
    """Train, and stop before rendering."""
    run_until(node, "train")


def write_comp(node: nuke.Node, button: str) -> None:
    """Let the engine write its own comp, too."""
    run_until(node, "blend")


def run_until(node: nuke.Node, stage: str) -> None:
    """Hand over what changed in Nuke, then run every stale stage up to ``stage``."""
    shot = need_shot(node)
    parts = nodes.parts(node)
    made = settings(parts)
    speech = parts.get("RelipSpeech")
    if speech is not None:
        made["plate"] = plate_settings(speech, shot)
    if "RelipBlend" in parts:
        made["blend"] = {"mix": float(nodes.value(parts["RelipBlend"], "mix"))}
    overrides.write_edits(parts, shot)
    title = f"{os.path.basename(shot)}: {stage}"
    name = node.fullName()

    def ran(result: dict[str, Any]) -> None:
        refresh(_again(name), "refresh")
        report(_again(name), result)

    def hand_over_then_run() -> None:
        if stage in ("render", "blend", "train"):
            overrides.hand_over_matte(parts, shot)
        if stage in ("render", "blend") and "RelipRender" in parts:
            overrides.hand_over_patch(parts["RelipRender"], shot)
        ask(_again(name), "run", {"shot": shot, "until": stage}, title=title, then=ran, stage=stage)

    def masked(result: dict[str, Any]) -> None:
        reload_files(_again(name))
        state.refresh_shot(shot)
        hand_over_then_run()

    def was_set(result: dict[str, Any]) -> None:
        if stage in ("render", "blend", "train") and overrides.matte_needs_mask(parts):
            ask(
                _again(name),
                "run",
                {"shot": shot, "until": "mask"},
                title=f"{os.path.basename(shot)}: mask",
                then=masked,
                stage="mask",
            )
        else:
            hand_over_then_run()

    ask(node, "set", {"shot": shot, "settings": made}, title="", then=was_set, stage=stage)


def _again(name: str) -> nuke.Node:
    """A node by its full name, after the engine has worked.

    Raises
    ------
    OverrideError
        If it was deleted meanwhile.
    """
    node = nodes.named(name)
    if node is None:
        raise overrides.OverrideError(f"{name} is no longer there")
    return node


def report(node: nuke.Node, result: dict[str, Any]) -> None:
    """Tell when some frames failed; success needs no message."""
    if result.get("exit_code") == 4:
        tell(node, f"{node.name()}: some frames failed.\n\n{result.get('text', '')}")


# ----------------------------------------------------------------------- refresh


def refresh(node: nuke.Node, button: str) -> None:
    """Look at the shot folder again: state, curves, phones, points, files."""
    shot = need_shot(node)
    name = node.fullName()

    def then(result: dict[str, Any]) -> None:
        state.note_status(shot, result)
        load(_again(name), shot)
        state.refresh_shot(shot)
        state.refresh_all()

    ask(node, "status", {"shot": shot}, title="", then=then)


def load(node: nuke.Node, shot: str) -> None:
    """Load what the shot folder holds into all nodes of the shot, keeping unwritten edits."""
    done: list[str] = []
    for each in [node, *nodes.every()]:
        if nodes.shot_of(each) != shot:
            continue
        for part in nodes.parts(each).values():
            if part.fullName() in done:
                continue
            done.append(part.fullName())
            family = nodes.family(part)
            if family == "RelipSpeech":
                if not nodes.text(part, "curves_loaded") or not overrides.curves_edited(part):
                    overrides.load_curves(part, shot)
                if not nodes.text(part, "phones_loaded") or not overrides.phones_edited(part):
                    overrides.load_phones(part, shot)
            elif family == "RelipTrack":
                overrides.load_points(part, shot)
        reload_files(each)


def reload_files(node: nuke.Node) -> None:
    """Let the Reads inside a node look at their files again."""
    if not isinstance(node, nuke.Group):
        return
    for inner in node.nodes():
        if inner.Class() == "Read":
            knob = inner.knob("reload")
            if isinstance(knob, nuke.Script_Knob):
                knob.execute()
        elif nodes.family(inner) is not None:
            reload_files(inner)


# --------------------------------------------------------------------- overrides


def _part(node: nuke.Node, family: str) -> nuke.Node:
    part = nodes.parts(node).get(family)
    if part is None:
        raise overrides.OverrideError(f"there is no {family} upstream of {node.name()}")
    return part


def write_curves(node: nuke.Node, button: str) -> None:
    """Write the edited mouth curves."""
    shot = need_shot(node)
    frames = overrides.write_curves(_part(node, "RelipSpeech"), shot)
    _stale(shot)
    tell(
        node,
        f"{node.name()}: frames {paths.format_frames(frames)} are now yours; press Update"
        if frames
        else f"{node.name()}: the curves are as they were computed; there is no override",
    )


def revert_curves(node: nuke.Node, button: str) -> None:
    """Load the computed mouth curves again."""
    shot = need_shot(node)
    overrides.revert_curves(_part(node, "RelipSpeech"), shot)
    _stale(shot)


def write_phones(node: nuke.Node, button: str) -> None:
    """Write the edited phones."""
    shot = need_shot(node)
    there = overrides.write_phones(_part(node, "RelipSpeech"), shot)
    _stale(shot)
    tell(
        node,
        f"{node.name()}: the phones are now yours; press Update"
        if there
        else f"{node.name()}: the phones are as they were computed; there is no override",
    )


def revert_phones(node: nuke.Node, button: str) -> None:
    """Show the computed phones again."""
    shot = need_shot(node)
    overrides.revert_phones(_part(node, "RelipSpeech"), shot)
    _stale(shot)


def write_track(node: nuke.Node, button: str) -> None:
    """Write the point corrections."""
    shot = need_shot(node)
    there = overrides.write_corrections(_part(node, "RelipTrack"), shot)
    _stale(shot)
    tell(
        node,
        f"{node.name()}: the corrections are written; press Update"
        if there
        else f"{node.name()}: all corrections are 0; there is no override",
    )


def revert_track(node: nuke.Node, button: str) -> None:
    """Set all corrections to 0."""
    shot = need_shot(node)
    overrides.revert_corrections(_part(node, "RelipTrack"), shot)
    _stale(shot)


def _stale(shot: str) -> None:
    """Show at once what an override has made stale."""
    state.refresh_shot(shot)


# ---------------------------------------------------------------- native nodes


def native(node: nuke.Node, button: str) -> None:
    """Make Nuke's own nodes from the track."""
    shot = need_shot(node)
    name = node.fullName()
    params = handoff.request(_part(node, "RelipTrack"), button, shot)

    def then(result: dict[str, Any]) -> None:
        try:
            handoff.paste(_again(name), params["out"])
        except RuntimeError as error:
            raise overrides.OverrideError(str(error)) from None

    ask(
        node,
        "export",
        params,
        title=f"{os.path.basename(shot)}: {params['to']}",
        then=then,
        stage="track",
    )


# -------------------------------------------------------------------------- farm


def submit(node: nuke.Node, button: str = "submit") -> None:
    """RelipSubmit: write an Open Job Description bundle of the shot and the comp."""
    shot = need_shot(node)
    overrides.write_edits(nodes.parts(node), shot)
    write = farm.write_below(node)
    params = farm.bundle_request(node, shot, write)

    def then(result: dict[str, Any]) -> None:
        comp = "" if "comp" in params else (
            "\nWithout a comp step: save the comp and put a Write below the node to have one."
        )  # fmt: skip
        tell(node, f"{node.name()}: the job bundle is in {params['out']}{comp}")

    ask(node, "farm.bundle", params, title="", then=then)


def submit_selected() -> None:
    """The menu's RelipSubmit: the selected Relip node, or the only one of the comp."""
    chosen = [node for node in nuke.selectedNodes() if nodes.family(node) is not None]
    if not chosen:
        shots = {nodes.shot_of(node): node for node in nodes.every() if nodes.shot_of(node)}
        chosen = list(shots.values())
    if len(chosen) != 1:
        nuke.message("Select one Relip node: its shot is handed to the farm.")
        return
    press(chosen[0], "submit")


def doctor(node: nuke.Node, button: str) -> None:
    """Ask the engine what is installed."""

    def then(result: dict[str, Any]) -> None:
        tell(node, str(result.get("text", "")))

    ask(node, "doctor", {}, title="Relip: check installation", then=then)


_BUTTONS: dict[str, Callable[[nuke.Node, str], None]] = {
    "make_shot": make_shot,
    "update": update,
    "train": train,
    "write_comp": write_comp,
    "refresh": refresh,
    "write_curves": write_curves,
    "revert_curves": revert_curves,
    "write_phones": write_phones,
    "revert_phones": revert_phones,
    "write_track": write_track,
    "revert_track": revert_track,
    "submit": submit,
    "doctor": doctor,
    **dict.fromkeys(handoff.EXPORTS, native),
}
