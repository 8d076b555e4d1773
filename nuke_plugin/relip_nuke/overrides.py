"""The artist's word: edited curves, phones, points, mattes and patches go to overrides/.

What stands in a shot's ``overrides/`` wins over what was computed; only what
depends on it becomes stale, and removing it brings the computed result back.
"""

from __future__ import annotations

import math
import os
import re

import nuke

from relip_nuke import curves, facetrack, nodes, paths, phones, pixels, state

#: A frame's number as JSON keeps it; more digits than any shot has are none.
_FRAME = re.compile(r"-?\d{1,9}\Z")


class OverrideError(Exception):
    """An override cannot be written; the message says why and what to do."""


def _frames(node: nuke.Node) -> range:
    first, last = nodes.shot_frames(node)
    return range(first, last + 1)


# ---------------------------------------------------------------- mouth curves


def knob_curves(speech: nuke.Node, frames: range) -> curves.Table:
    """The ten controls of RelipSpeech, sampled at every frame."""
    return {
        frame: {name: curves.clipped(speech[name].getValueAt(frame)) for name in curves.CONTROLS}
        for frame in frames
    }


def load_curves(speech: nuke.Node, shot: str) -> bool:
    """Fill the ten controls with the shot's curves; whether there were any."""
    table = curves.merged(shot)
    if not table:
        return False
    frames = sorted(table)
    for name in curves.CONTROLS:
        values = [table[frame].get(name, 0.0) for frame in frames]
        speech[name].fromScript(curves.curve_text(frames, values))
    nodes.put(speech, "curves_loaded", _loaded(table))
    return True


def _loaded(table: curves.Table) -> str:
    """What is kept of curves that were loaded: their fingerprint and the frames they have."""
    return f"{curves.fingerprint(table)} {min(table)} {max(table)}"


def curves_edited(speech: nuke.Node) -> bool:
    """Whether the controls differ from what was loaded into them.

    In the frames that were loaded: the shot may have got others since.
    """
    words = nodes.text(speech, "curves_loaded").split()
    if not words:
        return False
    frames = range(int(words[1]), int(words[2]) + 1) if len(words) == 3 else _frames(speech)
    return curves.fingerprint(knob_curves(speech, frames)) != words[0]


def write_curves(speech: nuke.Node, shot: str) -> list[int]:
    """Write the edited controls to ``overrides/mouth.csv``; the frames that differ.

    Raises
    ------
    OverrideError
        If the shot has no computed curves to compare with.
    """
    computed = curves.read(curves.computed_file(shot))
    if not computed:
        raise OverrideError("there are no mouth curves yet; press Update on RelipSpeech first")
    edited = knob_curves(speech, _frames(speech))
    changed = curves.difference(
        {frame: row for frame, row in edited.items() if frame in computed}, computed
    )
    _write_sheet(shot, changed, edited)
    nodes.put(speech, "curves_loaded", _loaded(edited))
    return sorted(changed)


def _write_sheet(shot: str, changed: curves.Table, edited: curves.Table) -> None:
    """Write ``overrides/mouth.csv``, or remove it; its columns for teeth and tongue stay."""
    path = curves.override_file(shot)
    table = curves.joined(changed, curves.kept(curves.read(path)), edited)
    if table:
        curves.write(path, table, shot=shot)
    else:
        paths.remove(path, shot=shot)


def revert_curves(speech: nuke.Node, shot: str) -> bool:
    """Remove the override and load the computed curves; whether there was one."""
    there = os.path.lexists(curves.override_file(shot))
    _write_sheet(shot, {}, {})
    load_curves(speech, shot)
    return there


# ---------------------------------------------------------------------- phones


def clock(speech: nuke.Node, shot: str) -> phones.Clock:
    """How seconds of the dialogue and frames of the shot belong together."""
    settings = paths.read_settings(shot)
    rate = str(settings.get("plate", {}).get("fps") or "") or nodes.text(speech, "fps")
    offset = float(settings.get("dialogue", {}).get("offset") or 0.0)
    try:
        frames_per_second = paths.parse_rate(rate) if rate else float(nuke.root()["fps"].value())
    except (ValueError, ZeroDivisionError):
        raise OverrideError(f"the frame rate {rate!r} is not understood") from None
    return phones.Clock(nodes.shot_frames(speech)[0], frames_per_second, offset)


def load_phones(speech: nuke.Node, shot: str) -> bool:
    """Show the shot's phones in the panel; whether there were any."""
    grid = phones.read(phones.override_file(shot)) or phones.read(phones.computed_file(shot))
    if grid is None:
        return False
    text = phones.to_text(grid, clock(speech, shot))
    # As text, not as a Tcl script: words may hold brackets.
    nodes.put(speech, "phones", text)
    nodes.put(speech, "phones_loaded", paths.digest(_lines(text)))
    return True


def _lines(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def _phone_text(speech: nuke.Node) -> str:
    return str(speech["phones"].value() or "")


def phones_edited(speech: nuke.Node) -> bool:
    """Whether the phones in the panel differ from what was loaded."""
    loaded = nodes.text(speech, "phones_loaded")
    return bool(loaded) and paths.digest(_lines(_phone_text(speech))) != loaded


def write_phones(speech: nuke.Node, shot: str) -> bool:
    """Write the edited phones to ``overrides/phones.TextGrid``; False when they are the computed.

    Raises
    ------
    OverrideError
        If there are no computed phones, or a line is not understood.
    """
    computed = phones.read(phones.computed_file(shot))
    if computed is None:
        raise OverrideError("there are no phones yet; press Update on RelipSpeech first")
    time = clock(speech, shot)
    text = _phone_text(speech)
    if _lines(text) == _lines(phones.to_text(computed, time)):
        paths.remove(phones.override_file(shot), shot=shot)
        nodes.put(speech, "phones_loaded", paths.digest(_lines(text)))
        return False
    try:
        grid = phones.from_text(text, time, computed.duration)
        grid = phones.with_ipa(grid, phones.read(phones.override_file(shot)) or computed)
    except ValueError as error:
        raise OverrideError(f"Phones, {error}") from None
    phones.write(phones.override_file(shot), grid, shot=shot)
    nodes.put(speech, "phones_loaded", paths.digest(_lines(text)))
    return True


def revert_phones(speech: nuke.Node, shot: str) -> bool:
    """Remove the override and show the computed phones; whether there was one."""
    removed = paths.remove(phones.override_file(shot), shot=shot)
    load_phones(speech, shot)
    return removed


# ----------------------------------------------------------------- corrections


def corrections(track: nuke.Node) -> dict[str, facetrack.Keys]:
    """The point corrections of RelipTrack, sampled wherever they may differ.

    That is from the first key to the last, and at every frame when an expression moves one.
    """
    keyed: list[float] = []
    for name in facetrack.FIXES:
        keyed.extend(track[name].getKeyList())
    frames = _frames(track)
    if any(_moved_by_expression(track[name]) for name in facetrack.FIXES):
        sampled = list(frames)
    elif keyed:
        # Nuke holds a curve before its first and after its last key, as the engine does.
        span = range(math.floor(min(keyed)), math.ceil(max(keyed)) + 1)
        inside = [frame for frame in span if frame in frames]
        sampled = inside or [frames[0] if span.stop <= frames.start else frames[-1]]
    else:
        sampled = [frames[0]]
    return {
        name: {
            frame: (
                round(float(track[name].getValueAt(frame, 0)), facetrack.DECIMALS),
                round(float(track[name].getValueAt(frame, 1)), facetrack.DECIMALS),
            )
            for frame in sampled
        }
        for name in facetrack.FIXES
    }


def _moved_by_expression(knob: nuke.Knob) -> bool:
    """Whether a value may differ at frames where it has no key."""
    return bool(knob.hasExpression()) or (bool(knob.isAnimated()) and not knob.getKeyList())


def _fixes_fingerprint(made: dict[str, facetrack.Keys]) -> str:
    return paths.digest(facetrack.offsets(made))


def corrections_edited(track: nuke.Node) -> bool:
    """Whether the corrections differ from what was last written."""
    made = corrections(track)
    written = nodes.text(track, "fixes_written") or paths.digest({})
    return _fixes_fingerprint(made) != written


def write_corrections(track: nuke.Node, shot: str) -> bool:
    """Write the corrections to ``overrides/track.json``; False when all are 0.

    Raises
    ------
    OverrideError
        If a correction is none, or those of somebody else would be lost.
    """
    if _of_somebody_else(track, shot):
        raise OverrideError(
            f"{facetrack.override_file(shot)} holds corrections that {track.name()} did not write,"
            " and they would be lost; take the file away, or Revert, which removes them"
        )
    return _write_corrections(track, shot)


def _write_corrections(track: nuke.Node, shot: str) -> bool:
    made, path = corrections(track), facetrack.override_file(shot)
    try:
        there = facetrack.write_offsets(path, made, shot=shot)
    except ValueError as error:
        raise OverrideError(f"Corrections: {error}") from None
    nodes.put(track, "fixes_written", _fixes_fingerprint(made))
    known = paths.read_json(paths.ours(shot))
    if there or "track" in known:
        known["track"] = paths.fingerprint(path)
        paths.write_json(paths.ours(shot), known, shot=shot)
    return there


def _of_somebody_else(track: nuke.Node, shot: str) -> bool:
    """Whether the shot has corrections that no RelipTrack wrote: of an import, or by hand."""
    path = facetrack.override_file(shot)
    if not paths.read_json(path).get("offsets"):
        return False
    noted = paths.read_json(paths.ours(shot)).get("track")
    if noted:
        return bool(noted != paths.fingerprint(path))
    return not nodes.text(track, "fixes_written")  # what was written before that was noted


def revert_corrections(track: nuke.Node, shot: str) -> bool:
    """Set all corrections to 0 and remove their override; whether there was one."""
    for name in facetrack.FIXES:
        knob = track[name]
        knob.clearAnimated()
        for channel in (0, 1):
            knob.setValue(0.0, channel)
    there = os.path.exists(facetrack.override_file(shot))
    _write_corrections(track, shot)
    return there


def load_points(track: nuke.Node, shot: str) -> bool:
    """Fill the tracked points and the crop's corners; whether there is a track."""
    found = facetrack.read(facetrack.track_file(shot))
    plate = nodes.plate_input(track)
    if found is None or not found.frames:
        return False
    if plate is not None:
        # The format is the full size; width() and height() are those of the proxy when it is on.
        nodes.put(track, "plate_width", plate.format().width())
        nodes.put(track, "plate_height", plate.format().height())
    height = int(nodes.value(track, "plate_height"))
    corners = [facetrack.crop_corners(matrix) for matrix in found.transforms]
    filled: dict[str, list[tuple[float, float]]] = dict(found.points)
    for index in range(4):
        filled[f"crop{index + 1}"] = [row[index] for row in corners]
    for name, places in filled.items():
        across = curves.curve_text(found.frames, [x for x, _ in places], facetrack.DECIMALS)
        up = curves.curve_text(found.frames, [height - y for _, y in places], facetrack.DECIMALS)
        track[name].fromScript(f"{across} {up}")
    return True


# ------------------------------------------------------------ mattes and patches


def _forget(shot: str, kind: str) -> list[int]:
    """Remove the frames of an override that Nuke wrote and nobody changed since."""
    known = paths.read_json(paths.ours(shot))
    removed = []
    noted = known.get(kind)
    for frame, made in noted.items() if isinstance(noted, dict) else ():
        if not _FRAME.match(frame):
            continue
        path = paths.frame_file(_sequence(shot, kind), int(frame))
        if paths.fingerprint(path) == made and paths.remove(path, shot=shot):
            removed.append(int(frame))
    if kind in known:
        del known[kind]
        paths.write_json(paths.ours(shot), known, shot=shot)
    return sorted(removed)


def _remember(shot: str, kind: str, frames: range) -> None:
    known = paths.read_json(paths.ours(shot))
    known[kind] = {
        str(frame): paths.fingerprint(paths.frame_file(_sequence(shot, kind), frame))
        for frame in frames
    }
    paths.write_json(paths.ours(shot), known, shot=shot)


def _sequence(shot: str, kind: str) -> str:
    return os.path.join(shot, "overrides", f"{kind}.####.exr")


def matte_writer(parts: dict[str, nuke.Node]) -> tuple[nuke.Node, str] | None:
    """The node whose matte the render must use, and its switch; None for the computed one.

    It is RelipRender's when something other than RelipMask itself is connected
    to its second input (a roto, or RelipMask with a blur behind it), else
    RelipMask's when it has a second input.
    """
    render, mask = parts.get("RelipRender"), parts.get("RelipMask")
    if render is not None:
        source = nodes.through(nodes.outer_input(render, 1))
        if source is not None and nodes.family(source) != "RelipMask":
            return render, "writing_matte"
        if source is not None:
            mask = source
    if mask is not None and nodes.outer_input(mask, 1) is not None:
        return mask, "writing"
    return None


def hand_over_matte(parts: dict[str, nuke.Node], shot: str) -> bool:
    """Write the artist's matte to ``overrides/mask.####.exr``, or take it away when it is gone.

    Returns
    -------
    bool
        Whether anything changed on disk.

    Raises
    ------
    pixels.PixelError
        If Nuke cannot render it.
    """
    writer = matte_writer(parts)
    if writer is None:
        pixels.forget(shot, "MatteWrite")
        return bool(_forget(shot, "mask"))
    node, switch = writer
    source = nodes.outer_input(node, 1)
    assert source is not None
    frames = _frames(node)
    computed = "" if switch == "writing_matte" else state.result_of(shot, "mask")
    mode = str(nodes.value(node, "mode")) if switch == "writing" else "replace"
    made = paths.digest(
        pixels.tree_hash(source), frames[0], frames[-1], mode, "" if mode == "replace" else computed
    )
    changed = pixels.render_once(
        node, "MatteWrite", switch, shot, _sequence(shot, "mask"), made, frames, source
    )  # fmt: skip
    if changed:
        _remember(shot, "mask", frames)
    return changed


def hand_over_own_matte(parts: dict[str, nuke.Node], shot: str) -> bool:
    """RelipMask's part of :func:`hand_over_matte`: where the render has a matte of its own, none.

    Returns
    -------
    bool
        Whether anything changed on disk.
    """
    mask = parts.get("RelipMask")
    if mask is None:
        return False
    for node in nodes.every():
        own = nodes.parts(node)
        if own.get("RelipMask") != mask or "RelipRender" not in own:
            continue
        writer = matte_writer(own)
        if writer is not None and writer[1] == "writing_matte":
            return False
    return hand_over_matte({"RelipMask": mask}, shot)


def matte_needs_mask(parts: dict[str, nuke.Node]) -> bool:
    """Whether the artist's matte is made from the computed one, which must be there first.

    It is when it is combined with it, and when RelipMask stands anywhere above it.
    """
    writer = matte_writer(parts)
    if writer is None:
        return False
    node, switch = writer
    if switch == "writing" and nodes.value(node, "mode") != "replace":
        return True
    source = nodes.outer_input(node, 1)
    above = [] if source is None else [source, *nodes.upstream(source)]
    return any(nodes.family(each) in ("RelipMask", "Relip") for each in above)


def hand_over_patch(render: nuke.Node, shot: str) -> bool:
    """Write the artist's patch to ``overrides/patch.####.exr``, or take it away when it is off.

    Returns
    -------
    bool
        Whether anything changed on disk.

    Raises
    ------
    OverrideError
        If Use mine is on and nothing is connected.
    pixels.PixelError
        If Nuke cannot render it.
    """
    if not bool(nodes.value(render, "use_mine")):
        pixels.forget(shot, "PatchWrite")
        return bool(_forget(shot, "patch"))
    source = nodes.outer_input(render, 2)
    if source is None:
        raise OverrideError(
            f"{render.name()}: Use mine is on, but nothing is connected to the input patch"
        )
    frames = _frames(render)
    made = paths.digest(pixels.tree_hash(source), frames[0], frames[-1])
    changed = pixels.render_once(
        render, "PatchWrite", "writing", shot, _sequence(shot, "patch"), made, frames, source
    )  # fmt: skip
    if changed:
        _remember(shot, "patch", frames)
    return changed


def write_edits(parts: dict[str, nuke.Node], shot: str) -> list[str]:
    """Write what the artist edited and has not written yet; what was written, in words."""
    done: list[str] = []
    speech, track = parts.get("RelipSpeech"), parts.get("RelipTrack")
    if speech is not None and not bool(nodes.value(speech, "auto_write")):
        return done
    if speech is not None and phones_edited(speech):
        done.append("phones" if write_phones(speech, shot) else "phones as computed")
    if speech is not None and curves_edited(speech):
        frames = write_curves(speech, shot)
        done.append(
            f"mouth curves of frames {paths.format_frames(frames)}"
            if frames
            else "curves as computed"
        )
    if track is not None and corrections_edited(track):
        done.append("corrections" if write_corrections(track, shot) else "no corrections")
    return done
