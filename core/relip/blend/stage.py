"""The blend stage: patch over plate → comp/comp.####.exr, or a movie."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from relip import records
from relip.blend.comp import over
from relip.errors import PlateError, RelipError, ShotError, StageMissingError, UsageError
from relip.plate import BadFrame, MoviePlate, MovieWriter, Picture, Plate, read_exr, write_comp
from relip.plate.comp import check_suffix
from relip.plate.prefetch import prefetch
from relip.progress import Progress
from relip.records import FrameRecord, StageReport
from relip.render.stage import patch_path
from relip.sharing import Sharing
from relip.shot import Shot

NAME = "blend"
VERSION = 1


def comp_path(shot: Shot, frame: int) -> Path:
    """The file of one finished frame."""
    return shot.path("comp", f"comp.{frame:04d}.exr")


def sequence_path(pattern: str, frame: int) -> Path:
    """A frame's file for ``name.####.exr`` or ``name.%04d.exr``.

    Raises
    ------
    UsageError
        If the pattern has no place for the frame number.
    """
    hashes = re.search(r"#+", pattern)
    if hashes:
        number = f"{frame:0{len(hashes[0])}d}"
        return Path(pattern[: hashes.start()] + number + pattern[hashes.end() :])
    printf = re.search(r"%0?(\d*)d", pattern)
    if printf:
        number = f"{frame:0{int(printf[1] or 1)}d}"
        return Path(pattern[: printf.start()] + number + pattern[printf.end() :])
    raise UsageError(
        f"{pattern}: an image sequence needs a place for the frame number",
        mend="write it as name.####.exr",
    )


def frame_key(shot: Shot, plate: Plate, frame: int, target: str) -> str:
    """Fingerprint of everything one comp frame depends on."""
    override = shot.override(f"patch.{frame:04d}.exr")
    status = FrameRecord(shot.path("render")).get(frame) or {}
    return records.fingerprint(
        NAME,
        VERSION,
        shot.settings.blend.mix,
        records.file_fingerprint(override)
        if override
        else [status.get("key"), status.get("state")],
        plate.fingerprint(frame),
        target,
    )


def read_patch(
    shot: Shot, frame: int, plate: Plate
) -> tuple[np.ndarray, np.ndarray, tuple[int, int]] | None:
    """The patch of a frame, the artist's where there is one.

    Returns
    -------
    tuple of (rgb [shape=(h, w, 3)], alpha [shape=(h, w)], (x, y)) or None
        None where the plate passes through.

    Raises
    ------
    StageMissingError
        If the frame was not rendered.
    ShotError
        If the override does not fit the plate.
    """
    override = shot.override(f"patch.{frame:04d}.exr")
    path = override or patch_path(shot, frame)
    if not override:
        status = FrameRecord(shot.path("render")).get(frame)
        if status and status.get("state") in ("passed", "failed"):
            return None
        if not status or not path.exists():
            raise StageMissingError(
                f"{path}: frame {frame} is not rendered yet", mend="run relip render on the shot"
            )
    try:
        channels, origin, display, _ = read_exr(path)
    except PlateError as exc:
        raise ShotError(exc.message, mend="delete it and run relip render again") from exc
    if tuple(display) != (plate.width, plate.height):
        raise ShotError(
            f"{path}: its display window is {display[0]}x{display[1]}, "
            f"the plate's {plate.width}x{plate.height}",
            mend="render the patch at plate resolution",
        )
    missing = [c for c in "RGBA" if c not in channels]
    if missing:
        raise ShotError(
            f"{path}: no channel {', '.join(missing)}", mend="a patch is premultiplied RGBA"
        )
    rgb = np.stack([channels[c] for c in "RGB"], -1)
    return rgb, channels["A"], origin


def compose(shot: Shot, plate: Plate, picture: Picture) -> np.ndarray | None:
    """The finished frame ``[shape=(height, width, 3)]``; None where the plate passes through."""
    change = painted(shot, plate, picture)
    return None if change is None else picture.painted(*change)


def painted(
    shot: Shot, plate: Plate, picture: Picture
) -> tuple[np.ndarray, tuple[int, int]] | None:
    """What :func:`compose` changes of a picture, and nothing else of it.

    Returns
    -------
    tuple of (np.ndarray [shape=(h, w, 3), dtype=float32], (x, y)) or None
        The finished pixels of a rectangle of the picture, which may be empty; None where the
        plate passes through.
    """
    patch = read_patch(shot, picture.frame, plate)
    if patch is None:
        return None
    rgb, alpha, (x, y) = patch
    height, width = picture.shape
    x0, y0 = min(max(x, 0), width), min(max(y, 0), height)
    x1 = max(min(x + alpha.shape[1], width), x0)
    y1 = max(min(y + alpha.shape[0], height), y0)
    behind = picture.cut(x0, y0, x1, y1)
    return over(behind, rgb, alpha, (x - x0, y - y0), mix=shot.settings.blend.mix), (x0, y0)


def run(
    shot: Shot,
    frames: Sequence[int],
    *,
    progress: Progress,
    force: bool = False,
    target: str | None = None,
) -> StageReport:
    """Write the comp of the given frames as EXR files.

    Parameters
    ----------
    target : str, optional
        ``name.####.exr``; by default ``comp/comp.####.exr`` in the shot.

    Raises
    ------
    StageMissingError
        If a frame was not rendered.
    OutputError
        If the files cannot be written.

    Notes
    -----
    A frame whose patch does not fit, or whose plate cannot be read, fails and
    is not written; the others are.
    """
    report = StageReport(NAME)
    record = FrameRecord(shot.stage_folder("comp"))
    rendered = FrameRecord(shot.path("render"))
    progress.start(NAME, len(frames))

    def place(frame: int) -> Path:
        return sequence_path(target, frame) if target else comp_path(shot, frame)

    def kept(frame: int) -> None:
        state = record.get(frame) or {}
        report.kept.append(frame)
        reason = _why_not_rendered(shot, rendered, frame)
        if reason is not None:
            report.failed[frame] = reason
        elif state.get("note") == "plate" or state.get("state") == "passed":
            report.passed.append(frame)
        progress.step()

    with shot.open_plate() as plate:
        if target:
            check_suffix(target, plate)
            records.sweep(Path(target).parent)
        todo = {}
        for frame in frames:
            key = frame_key(shot, plate, frame, target or "")
            state = record.get(frame) or {}
            if (
                not force
                and record.is_current(frame, key, place(frame))
                and (place(frame).exists() or state["state"] == "passed")
            ):
                kept(frame)
            else:
                todo[frame] = key
        with Sharing(record, todo, place, alone=force) as share:
            for picture in prefetch(share.pictures(plate)):
                frame = picture.frame
                if share.made_by_another(frame):
                    continue
                if isinstance(picture, BadFrame):
                    if picture.skipped:
                        report.passed.append(frame)
                    else:
                        report.failed[frame] = picture.reason
                    fate = "passed" if picture.skipped else "failed"
                    record.set(frame, todo[frame], fate, picture.reason)
                    progress.step()
                    continue
                try:
                    rgb = compose(shot, plate, picture)
                    finished = picture.rgb if rgb is None else rgb
                    write_comp(place(frame), picture, finished, half=plate.half)
                except StageMissingError:
                    raise
                except (PlateError, ShotError) as exc:
                    # One bad patch, or a plate that went away, keeps back no other frame.
                    report.failed[frame] = str(exc)
                    record.set(frame, todo[frame], "failed", str(exc))
                    progress.step()
                    continue
                reason = _why_not_rendered(shot, rendered, frame)
                if reason is not None:
                    report.failed[frame] = reason
                elif rgb is None:
                    report.passed.append(frame)
                record.set(frame, todo[frame], "done", "plate" if rgb is None else "")
                report.done.append(frame)
                progress.step()
        for frame in share.taken:
            kept(frame)
    records.write_record(
        shot.path("comp"),
        {
            "stage": NAME,
            "settings": shot.settings.to_dict()["blend"],
            "target": target or "comp/comp.####.exr",
            "passed": report.passed,
            "failed": {str(k): v for k, v in report.failed.items()},
            "versions": records.versions(),
        },
    )
    progress.finish()
    return report


def movie_key(shot: Shot, plate: Plate) -> str:
    """Fingerprint of everything a finished movie depends on."""
    dialogue = shot.settings.dialogue
    return records.fingerprint(
        [frame_key(shot, plate, frame, "movie") for frame in shot.frames],
        records.file_fingerprint(shot.resolve(dialogue.audio)) if dialogue.audio else None,
        dialogue.offset,
    )


def _why_not_rendered(shot: Shot, rendered: FrameRecord, frame: int) -> str | None:
    """Why a frame shows the plate though it has a face; None when it does not."""
    status = rendered.get(frame) or {}
    if status.get("state") != "failed" or shot.override(f"patch.{frame:04d}.exr"):
        return None
    return str(status.get("note"))


def write_movie(shot: Shot, path: Path, *, audio: Path | None, progress: Progress) -> StageReport:
    """Write the finished shot as a movie like the plate, with the new dialogue as its sound.

    The comp of each frame is computed from plate and patch as it is written.
    A plate frame that cannot be read is replaced by the frame before it and
    reported.

    Raises
    ------
    UsageError
        If the plate is not a movie.
    OutputError
        If the movie cannot be written.
    """
    report = StageReport("movie")
    with shot.open_plate() as plate:
        like = getattr(plate, "movie", plate)
        if not isinstance(like, MoviePlate):
            raise UsageError(
                f"{path}: the plate is an image sequence and is finished as one",
                mend="give the output as name.####.exr",
            )
        rendered = FrameRecord(shot.path("render"))
        records.sweep(Path(path).parent)
        progress.start("movie", len(shot.frames))
        last: Picture | None = None
        change: tuple[np.ndarray, tuple[int, int]] | None = None
        with MovieWriter(
            path,
            like,
            audio=audio,
            audio_offset=shot.settings.dialogue.offset,
            frames=len(shot.frames),
            rate=shot.rate,
            first_frame=shot.frames.start,
        ) as writer:
            for picture in prefetch(plate.iter(shot.frames, on_error="mark")):
                frame = picture.frame
                if isinstance(picture, BadFrame):
                    if picture.skipped:
                        # A movie that loses a frame loses its sync: the frame before is held.
                        report.passed.append(frame)
                    else:
                        report.failed[frame] = picture.reason
                    if last is None:
                        last = Picture(frame, np.zeros((plate.height, plate.width, 3), np.float32))
                else:
                    last = picture
                    try:
                        change = painted(shot, plate, picture)
                    except RelipError as exc:
                        if isinstance(exc, StageMissingError):
                            raise
                        report.failed[frame] = exc.message
                        change = None
                    if change is None:
                        state = rendered.get(frame) or {}
                        if state.get("state") == "passed":
                            report.passed.append(frame)
                writer.write_painted(last, *(change or ()))
                report.done.append(frame)
                progress.step()
        report.notes.extend(writer.notes)
        records.write_json(
            shot.stage_folder("comp") / "movie.json",
            {"movie": str(path.resolve()), "key": movie_key(shot, plate)},
        )
    progress.finish()
    return report
