"""The whole job in one call: plate and new recording in, finished pictures out."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from relip import containment, pipeline, records
from relip.errors import OutputError, UsageError
from relip.progress import Progress
from relip.records import StageReport
from relip.shot import SUFFIX, Shot, ShotSettings

MOVIE_SUFFIXES = (".mp4", ".mov", ".mkv", ".m4v")

#: EXR from every plate; the others only from a plate of the same format.
IMAGE_OUTPUTS = (".exr", ".dpx", ".tif", ".tiff", ".png")


@dataclass
class Outcome:
    """What a dub made.

    Attributes
    ----------
    output : Path
        The movie, or the sequence's pattern.
    shot : Path or None
        The shot folder; None when it was removed.
    reports : list of StageReport
    """

    output: Path
    shot: Path | None
    reports: list[StageReport] = field(default_factory=list)


def dub(
    plate: str | Path,
    *,
    output: str | Path,
    audio: str | Path | None = None,
    text: str | Path | None = None,
    language: str = "en",
    quality: str = "default",
    shot: str | Path | None = None,
    progress: str = "none",
    **settings: dict[str, Any],
) -> Outcome:
    """Re-sync the mouth in a plate to a new recording.

    Parameters
    ----------
    plate : path
        A movie, or a sequence ``name.####.exr``.
    output : path
        A movie for a movie, ``name.####.exr`` for a sequence.
    audio : path, optional
        The new recording; by default the witness's sound: ``render={"drive": "video"}``,
        ``drive={"witness": "actor.mov"}``.
    text : path, optional
        The recording's transcript.
    language : str
    quality : {"draft", "default", "final"}
    shot : path, optional
        The shot folder; by default ``<output>.relip``.
    progress : str
        A form of :class:`relip.progress.Progress`.
    **settings : dict
        Further sections of ``shot.toml``, e.g. ``mask={"grow": 0.02}``. Files in them are those
        of the current folder, as ``plate`` and ``audio`` are.

    Returns
    -------
    Outcome

    Raises
    ------
    RelipError
        A named subclass tells what is wrong and how to mend it.
    """
    merged: dict[str, Any] = {
        "plate": {"path": plate},
        "dialogue": {"audio": audio, "text": text, "language": language},
        "train": {"quality": quality},
    }
    for group, values in settings.items():
        known = merged.get(group, {})
        merged[group] = {**known, **values} if isinstance(values, dict) else values
    return dub_with(from_here(merged), output=output, shot_folder=shot, progress=Progress(progress))


def dub_with(
    settings: dict[str, Any],
    *,
    output: str | Path,
    shot_folder: str | Path | None = None,
    clean: bool = False,
    force: bool = False,
    progress: Progress | None = None,
) -> Outcome:
    """:func:`dub` from nested settings as in ``shot.toml``.

    Raises
    ------
    RelipError
    """
    from relip.blend import stage as blend_stage
    from relip.plate.comp import check_suffix

    progress = progress or Progress()
    out = Path(output)
    is_movie = out.suffix.lower() in MOVIE_SUFFIXES
    if not is_movie and out.suffix.lower() not in IMAGE_OUTPUTS:
        raise UsageError(
            f"{out}: {out.suffix or 'a name without ending'} is not an output",
            mend=f"use {', '.join(MOVIE_SUFFIXES)} for a movie or name.####.exr for a sequence",
        )
    if not is_movie:
        blend_stage.sequence_path(str(out), 1)
    folder = Path(shot_folder) if shot_folder else out.with_name(_stem(out) + SUFFIX)
    if is_movie:
        settings = {**settings, "render": {"layers": [], **settings.get("render", {})}}
    description = _with_sound(folder, ShotSettings.from_dict(settings, where="the options"))
    shot = Shot(folder, description)
    with shot.open_plate() as plate:
        if is_movie != (plate.kind == "movie"):
            wanted = "a movie (out.mp4)" if plate.kind == "movie" else "a sequence (out.####.exr)"
            raise UsageError(f"{out}: the plate gives {wanted}", mend="change the output's name")
        if not is_movie:
            check_suffix(out, plate)
    first = out if is_movie else blend_stage.sequence_path(str(out), shot.frames.start)
    for taken in shot.input_files():
        if os.path.realpath(taken) == os.path.realpath(first):
            raise UsageError(f"{out}: would overwrite an input", mend="change the output's name")
    shot.check_inputs()
    _check_shot_folder(folder)
    _check_writable(out.parent)
    shot = Shot.create(folder, description)
    with progress.part(0, 0.9):
        reports = pipeline.run(shot, until="render", progress=progress, force=force)
    audio = shot.resolve(description.dialogue.audio) if description.dialogue.audio else None
    with progress.part(0.9, 0.1):
        if is_movie:
            reports.append(blend_stage.write_movie(shot, out, audio=audio, progress=progress))
        else:
            reports.append(
                blend_stage.run(
                    shot,
                    list(shot.frames),
                    progress=progress,
                    force=force,
                    target=str(out.resolve()),
                )
            )
            pipeline.note_again(shot, "blend")
    records.write_json(
        folder / "dub.json", {"output": str(out), "stages": [r.to_dict() for r in reports]}
    )
    kept: Path | None = folder
    if clean and not any(r.failed for r in reports):
        _remove(folder)
        kept = None
    return Outcome(out, kept, reports)


def _with_sound(folder: Path, given: ShotSettings) -> ShotSettings:
    """The settings with the witness's sound as the dialogue, where none is named and it has one.

    Raises
    ------
    UsageError
        If there is no witness either, and speech is to drive the mouth.
    """
    import av

    if given.dialogue.audio:
        return given
    if not given.drive.witness:
        if given.render.drive != "speech":
            return given  # curves, or the plate's own lips, over the plate's own sound
        raise UsageError(
            "there is no new dialogue", mend="give --audio, or --drive video with --witness"
        )
    try:
        with av.open(str(Shot(folder, given).resolve(given.drive.witness))) as container:
            heard = bool(container.streams.audio)
    except (OSError, ValueError):
        heard = False  # the plate's own reader says what is wrong with it
    dialogue = replace(
        given.dialogue,
        audio=given.drive.witness if heard else "",
        offset=given.dialogue.offset or given.drive.witness_offset,
    )
    return replace(given, dialogue=dialogue)


def absolute(path: str | Path | None) -> str:
    """An absolute path as text; empty for None."""
    return os.path.abspath(os.path.expanduser(str(path))) if path else ""


#: Settings that name files, or several.
_FILES = {
    "plate": ("path",),
    "dialogue": ("audio", "text", "production_audio"),
    "speech": ("lexicon",),
    "train": ("model_from", "extra"),
    "render": ("csv", "models"),
    "drive": ("witness",),
}


def from_here(settings: dict[str, Any]) -> dict[str, Any]:
    """Nested settings whose files are named from the current folder, made absolute."""

    def made(value: Any) -> Any:
        if isinstance(value, (list, tuple)):
            return [made(each) for each in value]
        return absolute(value) if value is None or isinstance(value, (str, Path)) else value

    return {
        group: {k: made(v) if k in _FILES.get(group, ()) else v for k, v in values.items()}
        if isinstance(values, dict)
        else values
        for group, values in settings.items()
    }


def _stem(path: Path) -> str:
    return re.sub(r"[._-]?(#+|%0?\d*d)$", "", path.stem) or "comp"


def _remove(folder: Path) -> None:
    """Remove what Relip made in a shot folder, and the folder when nothing else is in it."""
    for name in (*pipeline.STAGES, "model", "comp", "witness"):
        with contextlib.suppress(OutputError):  # a link that leads elsewhere: not ours to empty
            shutil.rmtree(containment.inside(folder / name, folder), ignore_errors=True)
    for name in ("shot.toml", "dub.json"):
        (folder / name).unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        folder.rmdir()


def _check_shot_folder(folder: Path) -> None:
    """Refuse a folder of something else: ``clean`` would remove a "model" or "comp" in it."""
    if (folder / "shot.toml").exists():
        return
    for name in (*pipeline.STAGES, "model", "comp", "witness"):
        if os.path.lexists(folder / name):
            raise UsageError(
                f"{folder} is no shot folder, and has a {name} already",
                mend="name another with --shot",
            )


def _check_writable(folder: Path) -> None:
    """Fail before minutes of work, not after."""
    probe = folder / f".relip-write-test-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as exc:
        raise OutputError(
            f"{folder}: cannot write there ({exc.strerror})", mend="choose another output folder"
        ) from None
