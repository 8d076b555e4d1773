"""What the buttons do."""

from __future__ import annotations

import os
import re
from typing import Any, Callable, NamedTuple

import nuke

from relip_nuke import (
    containment,
    drives,
    engine,
    farm,
    handoff,
    nodes,
    overrides,
    paths,
    pixels,
    readback,
    settings,
    state,
)

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
    """Do what a button says; what it refuses is told, and changes no node's state."""
    action = _BUTTONS.get(button)
    if action is None:
        tell(node, f"{node.name()} has no action {button}: plugin and gizmo are of two releases")
        return
    try:
        action(nodes.owner(node), button)
    except _EXPECTED as error:
        refuse(nodes.owner(node), error)


def refuse(node: nuke.Node, error: Exception) -> None:
    """Tell why something was not done. What the shot holds is as good as before."""
    last = getattr(error, "last_lines", None)
    more = "\n\nThe engine's last lines:\n" + "\n".join(last) if last else ""
    tell(node, f"{node.name()}: {one_line(error)}{more}")


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
    node: nuke.Node,
    method: str,
    params: dict[str, Any],
    *,
    title: str,
    then: Next,
    stages: tuple[str, ...] = (),
) -> None:
    """Run a job of the engine and go on with its result; failures are told.

    The nodes of the shot say ``running`` meanwhile, when the job has a title. With stages, the
    job is a part of making them, and its failure is theirs.
    """
    shot = str(params.get("shot", ""))
    name = node.fullName()
    if title:
        state.begin(shot, title)

    def done(result: dict[str, Any] | None, error: Exception | None) -> None:
        failure = ""
        if error is not None and not isinstance(error, engine.Cancelled):
            failure = one_line(error)
        if title:
            state.end(shot, stages, failure)
        elif failure and stages:
            state.fail(shot, stages, failure)
        at = nodes.named(name)
        # Nothing is left to do for a node that was deleted while the engine worked.
        if at is None or isinstance(error, engine.Cancelled):
            return
        if error is not None:
            refuse(at, error)
            return
        try:
            then(result or {})
        except _EXPECTED as problem:
            refuse(nodes.named(name) or nuke.root(), problem)

    engine.run(method, params, title=title, done=done)


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


# --------------------------------------------------------------------- make shot


def make_shot(node: nuke.Node, button: str) -> None:
    """Make the shot folder from the plate at the input and the dialogue."""
    parts = nodes.parts(node)
    speech = parts.get("RelipSpeech")
    if speech is None:
        raise overrides.OverrideError("there is no RelipSpeech upstream")
    if not nodes.text(speech, "audio") and _is_spoken(speech):
        raise overrides.OverrideError("name the new dialogue under Recording first")
    holder = nodes.owner(speech)
    if not nodes.text(holder, "shot"):
        nodes.put(holder, "shot", default_shot(holder))
    shot = containment.fit_for_a_shot(nodes.shot_of(holder))
    made = settings.of(parts)
    made["plate"] = plate_settings(speech, shot)
    written = paths.read_settings(shot)
    made = settings.as_written(shot, made, written)
    # Made again, for another plate, it is the same shot in all that these panels do not say.
    made = {name: {**written.get(name, {}), **made.get(name, {})} for name in {**written, **made}}

    def then(result: dict[str, Any]) -> None:
        state.note_status(shot, {"frames": result.get("frames")})
        refresh(holder, "refresh")

    ask(
        holder,
        "new",
        {"shot": shot, "settings": made},
        title=f"{os.path.basename(shot)}: make shot",
        then=then,
    )


def _is_spoken(speech: nuke.Node) -> bool:
    """Whether the dialogue moves the mouth, as far as the nodes below a RelipSpeech tell."""
    renders = [nodes.parts(each).get("RelipRender") for each in nodes.sharing(speech)]
    found = [render for render in renders if render is not None]
    return not found or any("speech" in drives.weights(render) for render in found)


def plate_settings(speech: nuke.Node, shot: str) -> dict[str, Any]:
    """Hand the plate over and describe it as the section [plate]."""
    plate = pixels.hand_over(speech, shot)
    return {
        "path": plate.path,
        "frames": f"{plate.first}-{plate.last}",
        "fps": settings.frame_rate(speech),
        "colourspace": plate.colourspace,
    }


def default_shot(node: nuke.Node) -> str:
    """Where a shot goes when nobody says: beside the comp, ``relip/NAME.relip``.

    A name that is taken gets a number: another dialogue of the same plate is another shot.

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
    # The number of a frame is left open in a sequence's name; other digits are a part of it.
    name = re.sub(r"[._]?(?:#+|%0?\d*d)(?=\.[^.]*$)", "", os.path.basename(base))
    name = os.path.splitext(name)[0].strip() or "shot"
    folder = os.path.join(os.path.dirname(nodes.absolute(comp)), "relip")
    free, number = name, 1
    while os.path.exists(os.path.join(folder, f"{free}.relip", "shot.toml")):
        number += 1
        free = f"{name}_{number}"
    return f"[file dirname [value root.name]]/relip/{free}.relip"


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
    name = node.fullName()

    def ran(result: dict[str, Any]) -> None:
        if stage == "mask":
            # RelipMask's own Update hands its matte over, too; it may be made from what just ran.
            overrides.hand_over_own_matte(nodes.parts(_again(name)), shot)
        refresh(_again(name), "refresh")
        report(_again(name), result)

    def run() -> None:
        ask(
            _again(name),
            "run",
            {"shot": shot, "until": stage},
            title=f"{os.path.basename(shot)}: {stage}",
            then=ran,
            stages=(stage,),
        )

    prepare(node, shot, stage, run)


def prepare(node: nuke.Node, shot: str, stage: str, then: Callable[[], None]) -> None:
    """Bring the shot folder up to what Nuke holds, then go on.

    That is the plate, the panels' settings, edits, and for what comes after the mask stage the
    artist's matte and patch. Where the matte is made from the computed one, that is made first.
    """
    parts = nodes.parts(node)
    made = settings.of(parts)
    speech = parts.get("RelipSpeech")
    if speech is not None:
        made["plate"] = plate_settings(speech, shot)
    made = settings.as_written(shot, made, paths.read_settings(shot))
    if "RelipBlend" in parts:
        made["blend"] = {"mix": float(nodes.setting(parts["RelipBlend"], "mix"))}
    overrides.write_edits(parts, shot)
    name = node.fullName()
    after_mask = stage in ("train", "render", "blend")

    def hand_over() -> None:
        if after_mask:
            parts = nodes.parts(_again(name))
            overrides.hand_over_matte(parts, shot)
            if stage != "train" and "RelipRender" in parts:
                overrides.hand_over_patch(parts["RelipRender"], shot)
        then()

    def masked(result: dict[str, Any]) -> None:
        reload_files(_again(name))
        state.refresh_shot(shot)
        hand_over()

    def was_set(result: dict[str, Any]) -> None:
        if speech is not None:
            # What is handed over has the plate's frames, which may be others than before.
            state.note_status(shot, {"frames": list(paths.span(made["plate"]["frames"]))})
        if state.known_frames(shot) is None:
            ask(node, "status", {"shot": shot}, title="", then=counted, stages=(stage,))
        else:
            state.refresh_shot(shot)
            go_on()

    def counted(result: dict[str, Any]) -> None:
        state.note_status(shot, result)
        state.refresh_shot(shot)
        go_on()

    def go_on() -> None:
        drives.hand_over(nodes.parts(_again(name)).get("RelipRender"), shot)
        if after_mask and overrides.matte_needs_mask(nodes.parts(_again(name))):
            ask(
                _again(name),
                "run",
                {"shot": shot, "until": "mask"},
                title=f"{os.path.basename(shot)}: mask",
                then=masked,
                stages=("mask", stage),
            )
        else:
            hand_over()

    ask(node, "set", {"shot": shot, "settings": made}, title="", then=was_set, stages=(stage,))


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


def read_settings(node: nuke.Node, button: str) -> None:
    """Set the panels of the shot's nodes to what its shot.toml says."""
    shot = need_shot(node)
    with nuke.Undo(f"{node.name()}: read settings"):
        found = _read_settings([node, *nodes.every()], shot)
    lines = [f"{node.name()}: the panels say what the shot says now"]
    if found.changed:
        lines.append(f"set: {', '.join(found.changed)}")
    tell(node, "\n".join([*lines, *found.left]))


def _read_settings(each_of: list[nuke.Node], shot: str) -> readback.Read:
    """Read the settings into the nodes of a shot, and show it."""
    found = readback.Read()
    for each in each_of:
        if nodes.shot_of(each) == shot:
            readback.read(nodes.parts(each), shot, found)
    state.refresh_shot(shot)
    return found


def opened(node: nuke.Node) -> None:
    """The artist named a shot folder: nodes that nobody used yet take its settings over.

    Otherwise the first Update would write their defaults over what the shot was made with.
    """
    shot, parts = nodes.shot_of(node), nodes.parts(node)
    if not readback.is_fresh(parts) or not os.path.isfile(os.path.join(shot, "shot.toml")):
        return
    try:
        _read_settings([node, *nodes.sharing(parts["RelipSpeech"])], shot)
    except _EXPECTED as error:
        refuse(node, error)


def load(node: nuke.Node, shot: str) -> None:
    """Load what the shot folder holds into all nodes of the shot, keeping unwritten edits.

    None of it can be undone: curves brought back by an undo would count as edits.
    """
    with nodes.no_undo():
        _load(node, shot)


def _load(node: nuke.Node, shot: str) -> None:
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


class _Override(NamedTuple):
    """One kind of edit: whose it is, how it is written and reverted, and what is said of it."""

    family: str
    write: Callable[[nuke.Node, str], Any]
    revert: Callable[[nuke.Node, str], bool]
    written: str
    unchanged: str


_OVERRIDES = {
    "curves": _Override(
        "RelipSpeech",
        overrides.write_curves,
        overrides.revert_curves,
        "frames {} are now yours; press Update",
        "the curves are as they were computed; there is no override",
    ),
    "phones": _Override(
        "RelipSpeech",
        overrides.write_phones,
        overrides.revert_phones,
        "the phones are now yours; press Update",
        "the phones are as they were computed; there is no override",
    ),
    "track": _Override(
        "RelipTrack",
        overrides.write_corrections,
        overrides.revert_corrections,
        "the corrections are written; press Update",
        "all corrections are 0; there is no override",
    ),
}


def write_override(node: nuke.Node, button: str) -> None:
    """Write edited curves, phones or point corrections."""
    shot, kind = need_shot(node), _OVERRIDES[button.partition("_")[2]]
    there = kind.write(_part(node, kind.family), shot)
    state.refresh_shot(shot)
    frames = paths.format_frames(there) if isinstance(there, list) else ""
    tell(node, f"{node.name()}: {kind.written.format(frames) if there else kind.unchanged}")


def revert_override(node: nuke.Node, button: str) -> None:
    """Load what was computed again, and remove the override."""
    shot, kind = need_shot(node), _OVERRIDES[button.partition("_")[2]]
    kind.revert(_part(node, kind.family), shot)
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
    )


# -------------------------------------------------------------------------- farm


def submit(node: nuke.Node, button: str = "submit") -> None:
    """RelipSubmit: write an Open Job Description bundle of the shot and the comp.

    The farm reads the shot folder and the comp's file, so both are brought up to what is on the
    screen first.
    """
    shot = need_shot(node)
    write = farm.write_below(node)
    save = write is not None and bool(farm.comp_file()) and bool(nuke.root().modified())
    if save and not _may_save():
        raise overrides.OverrideError(
            "the comp has changes that are not saved, and the farm reads its file;"
            " save it and submit again"
        )
    name = node.fullName()

    def bundle() -> None:
        at = _again(name)
        if save:
            nuke.scriptSave("")
        params = farm.bundle_request(at, shot, farm.write_below(at))

        def then(result: dict[str, Any]) -> None:
            comp = "" if "comp" in params else (
                "\nWithout a comp step: save the comp and put a Write below the node to have one."
            )  # fmt: skip
            lacking = "".join(f"\nNot in the job: {note}" for note in result.get("notes", []))
            tell(at, f"{at.name()}: the job bundle is in {params['out']}{comp}{lacking}")

        ask(at, "farm.bundle", params, title="", then=then)

    prepare(node, shot, "blend", bundle)


def _may_save() -> bool:
    return bool(nuke.GUI) and bool(
        nuke.ask("The farm renders the comp as it is saved. Save its changes now and submit it?")
    )


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
    "read_settings": read_settings,
    "submit": submit,
    "doctor": doctor,
    **{f"write_{kind}": write_override for kind in _OVERRIDES},
    **{f"revert_{kind}": revert_override for kind in _OVERRIDES},
    **dict.fromkeys(handoff.EXPORTS, native),
}
