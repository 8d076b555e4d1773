"""The stages of a shot in order, what is stale, and running what is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from relip import records
from relip.errors import RelipError, StageMissingError, UsageError
from relip.frames import format_range, select_frames
from relip.overrides import misnamed
from relip.progress import Progress
from relip.records import FrameRecord, StageReport
from relip.shot import Shot
from relip.threads import steady, thread_count, waiting_threads_sleep

#: The stages in the order in which they run.
STAGES = ("speech", "track", "mask", "train", "render", "blend", "review")

#: Stages that see the whole shot at once and cannot be split into chunks.
WHOLE = ("speech", "track", "train", "review")

#: A rough share of the whole job's time, for one progress bar over all stages.
SHARES = {
    "speech": 0.01,
    "track": 0.08,
    "mask": 0.05,
    "train": 0.6,
    "render": 0.16,
    "blend": 0.08,
    "review": 0.02,
}


def run_stage(
    shot: Shot,
    stage: str,
    *,
    frames: str | None = None,
    progress: Progress | None = None,
    force: bool = False,
) -> StageReport:
    """Run one stage.

    Parameters
    ----------
    shot : Shot
    stage : {"speech", "track", "mask", "train", "render", "blend", "review"}
    frames : str, optional
        A frame range inside the shot; only for stages that work frame by frame.
    progress : Progress, optional
    force : bool
        Do again what is up to date.

    Returns
    -------
    StageReport

    Raises
    ------
    UsageError
        If the stage is unknown, or cannot be split and ``frames`` was given.
    RelipError
        What the stage raises.
    """
    # a program that imports relip gets it here, as long as it has not loaded PyTorch itself
    waiting_threads_sleep()
    progress = progress or Progress()
    chosen = select_frames(frames, shot.frames)
    if frames and stage in WHOLE:
        raise UsageError(
            f"{stage} looks at the whole shot and cannot be split",
            mend="leave --frames out",
        )
    with steady():
        report = _run_stage(shot, stage, chosen, progress, force)
        # A run with nothing to do may have written the record anew, without this.
        if report.done or force or not _noted_again(shot, stage):
            note_again(shot, stage)
        unused = [line for reader, line in misnamed(shot) if reader == stage]
        report.notes = [*report.notes, *unused]
        return report


def _noted_again(shot: Shot, stage: str) -> bool:
    from relip.rerun import RESULTS

    return "again" in records.read_record(shot.path(RESULTS[stage][0]))


def note_again(shot: Shot, stage: str) -> None:
    """Add to a stage's record what :mod:`relip.rerun` needs: settings, frames, keys, threads."""
    from relip.rerun import RESULTS, recorded_frames

    folder = shot.path(RESULTS[stage][0])
    record = records.read_record(folder)
    frames = [] if stage in WHOLE else recorded_frames(shot, stage)
    status = FrameRecord(folder)
    if stage in WHOLE:
        keys = {"key": record.get("key")}
    else:
        keys = {str(f): (status.get(f) or {}).get("key") for f in frames}
    record["again"] = {
        "settings": shot.settings.to_dict(),
        "frames": format_range(frames),
        "keys": keys,
        "threads": thread_count(),
        "target": record.get("target"),
    }
    records.write_record(folder, record)


def stage_keys(shot: Shot, stage: str, frames: list[int]) -> dict[str, str]:
    """Fingerprints of a stage's inputs now: of the frames asked for, or one of the whole.

    Raises
    ------
    RelipError
        If an earlier stage is not made.
    """
    from relip.blend import stage as blend_stage
    from relip.mask import stage as mask_stage
    from relip.render import stage as render_stage
    from relip.render import train_stage
    from relip.review import stage as review_stage
    from relip.speech import stage as speech_stage
    from relip.track import stage as track_stage

    whole: dict[str, Callable[[Shot], str]] = {
        "speech": speech_stage.curves_key,
        "track": track_stage.key,
        "train": train_stage.key,
        "review": review_stage.review_key,
    }
    with steady():
        if stage in whole:
            return {"key": whole[stage](shot)}
        with shot.open_plate() as plate:
            if stage == "mask":
                made = mask_stage.load_inputs(shot, plate)
                return {str(f): made.key(shot, plate, f) for f in frames}
            if stage == "render":
                inputs = render_stage.load_inputs(shot)
                return {str(f): inputs.key(shot, plate, f) for f in frames}
            target = records.read_record(shot.path("comp")).get("target") or ""
            pattern = "" if target == "comp/comp.####.exr" else target
            return {str(f): blend_stage.frame_key(shot, plate, f, pattern) for f in frames}


def _run_stage(
    shot: Shot, stage: str, chosen: list[int], progress: Progress, force: bool
) -> StageReport:
    if stage == "speech":
        from relip.speech import stage as speech_stage

        return speech_stage.run(shot, progress=progress, force=force)
    if stage == "track":
        return _run_track(shot, progress, force)
    if stage == "train":
        from relip.render import train_stage

        return train_stage.run(shot, progress=progress, force=force)
    if stage == "review":
        from relip.review import stage as review_stage

        return review_stage.run(shot, progress=progress, force=force)
    runner: Callable[..., StageReport]
    if stage == "mask":
        from relip.mask import stage as mask_stage

        runner = mask_stage.run
    elif stage == "render":
        from relip.render import stage as render_stage

        runner = render_stage.run
    elif stage == "blend":
        from relip.blend import stage as blend_stage

        runner = blend_stage.run
    else:
        raise UsageError(f"stage {stage!r} is unknown", mend=f"use one of {', '.join(STAGES)}")
    return runner(shot, chosen, progress=progress, force=force)


def _run_track(shot: Shot, progress: Progress, force: bool) -> StageReport:
    """Track the plate, and the witness where it drives the mouth."""
    from relip.render.mix import drives_used
    from relip.track import aside, witness
    from relip.track import stage as track_stage

    if "video" not in drives_used(shot):
        return track_stage.run(shot, progress=progress, force=force)
    with progress.part(0, 0.5):
        report = track_stage.run(shot, progress=progress, force=force)
    with progress.part(0.5, 0.5):
        own = aside.track(witness.witness(shot), witness.NAME, progress=progress, force=force)
    report.notes.extend(f"{witness.NAME}: {note}" for note in own.notes)
    if own.failed:
        report.notes.append(
            f"{witness.NAME}: frames {format_range(own.failed)} could not be read and are bridged"
        )
    report.data["witness"] = own.data
    return report


def needed(shot: Shot, until: str) -> list[str]:
    """The stages a shot needs up to ``until``: no speech when another drive is set.

    Speech comes after track where the mouth curves are calibrated on the production sound,
    which wants the tracked lips.
    """
    if until not in STAGES:
        raise UsageError(f"stage {until!r} is unknown", mend=f"use one of {', '.join(STAGES)}")
    from relip.render.mix import drives_used

    stages = list(STAGES[: STAGES.index(until) + 1])
    used = drives_used(shot)
    if "speech" not in used and "speech" in stages:
        stages.remove("speech")
    # another's generator learns nothing of the shot
    if shot.settings.render.renderer != "shot" and "train" in stages:
        stages.remove("train")
    settings = shot.settings
    calibrated = settings.speech.calibrate and settings.dialogue.production_audio
    if calibrated and {"speech", "track"} <= set(stages):
        stages.remove("speech")
        stages.insert(stages.index("track") + 1, "speech")
    return stages


def run(
    shot: Shot,
    *,
    until: str = "review",
    frames: str | None = None,
    progress: Progress | None = None,
    force: bool = False,
) -> list[StageReport]:
    """Run every stale stage in order.

    Parameters
    ----------
    shot : Shot
    until : str
        The last stage to run.
    frames : str, optional
        Frames for the stages that work frame by frame; the others see the whole shot.
    progress : Progress, optional
    force : bool

    Returns
    -------
    list of StageReport
    """
    progress = progress or Progress()
    stages = needed(shot, until)
    whole = sum(SHARES[s] for s in stages)
    reports, base = [], 0.0
    for stage in stages:
        with progress.part(base / whole, SHARES[stage] / whole):
            reports.append(
                run_stage(
                    shot,
                    stage,
                    frames=None if stage in WHOLE else frames,
                    progress=progress,
                    force=force,
                )
            )
        base += SHARES[stage]
    return reports


@dataclass
class StageStatus:
    """Where a stage stands.

    Attributes
    ----------
    stage : str
    state : {"up to date", "stale", "missing", "failed", "partial", "waits"}
        ``partial``: some frames are up to date; ``waits``: an earlier stage must run first.
    counts : dict of str to int
        Frames per state, for stages that work frame by frame.
    frames : dict of int to str
        State per frame.
    note : str
    """

    stage: str
    state: str
    counts: dict[str, int] = field(default_factory=dict)
    frames: dict[int, str] = field(default_factory=dict)
    note: str = ""

    def to_dict(self, *, per_frame: bool = False) -> dict[str, Any]:
        """JSON-able values."""
        data: dict[str, Any] = {"stage": self.stage, "state": self.state, "note": self.note}
        if self.counts:
            data["frames"] = self.counts
        if per_frame and self.frames:
            data["per_frame"] = {str(k): v for k, v in self.frames.items()}
        return data


def status(shot: Shot) -> list[StageStatus]:
    """What is up to date, stale, missing or failed, without computing anything.

    Parameters
    ----------
    shot : Shot

    Returns
    -------
    list of StageStatus
    """
    with steady():
        return _status(shot)


def _status(shot: Shot) -> list[StageStatus]:
    from relip.blend import stage as blend_stage
    from relip.mask import stage as mask_stage
    from relip.render import stage as render_stage
    from relip.render import train_stage
    from relip.render.mix import drives_used
    from relip.speech import stage as speech_stage
    from relip.track import stage as track_stage

    result = []
    stale_before = False
    for stage in needed(shot, "blend"):
        try:
            if stage == "speech":
                found = _whole(shot, "speech", speech_stage.curves_key(shot), "mouth.csv")
            elif stage == "track":
                found = _whole(shot, "track", track_stage.key(shot), "track.npz")
                if found.state == "up to date" and "video" in drives_used(shot):
                    from relip.track import aside, witness

                    if not aside.is_tracked(witness.witness(shot)):
                        found = StageStatus("track", "stale", note="the witness is not tracked yet")
            elif stage == "train":
                found = _whole(
                    shot, "train", train_stage.key(shot), "model.safetensors", folder="model"
                )
            elif stage == "mask":
                with shot.open_plate() as plate:
                    made = mask_stage.load_inputs(shot, plate)
                    found = _per_frame(
                        shot,
                        "mask",
                        "mask",
                        lambda f, i=made, p=plate: i.key(shot, p, f),  # type: ignore[misc]
                        lambda f: mask_stage.mask_path(shot, f),
                    )
            elif stage == "render":
                inputs = render_stage.load_inputs(shot)
                with shot.open_plate() as plate:
                    found = _per_frame(
                        shot,
                        "render",
                        "render",
                        lambda f, i=inputs, p=plate: i.key(shot, p, f),  # type: ignore[misc]
                        lambda f: render_stage.patch_path(shot, f),
                    )
            else:
                target = records.read_record(shot.path("comp")).get("target")
                pattern = target if target and target != "comp/comp.####.exr" else None
                movie = records.read_record(shot.path("comp"), "movie.json")
                with shot.open_plate() as plate:
                    found = _per_frame(
                        shot,
                        "blend",
                        "comp",
                        lambda f, p=plate, t=pattern: blend_stage.frame_key(shot, p, f, t or ""),  # type: ignore[misc]
                        lambda f, t=pattern: (  # type: ignore[misc]
                            blend_stage.sequence_path(t, f) if t else blend_stage.comp_path(shot, f)
                        ),
                    )
                    if "movie" in movie and found.state == "missing":
                        current = movie.get("key") == blend_stage.movie_key(shot, plate)
                        current &= shot.resolve(movie["movie"]).exists()
                        found = StageStatus(
                            stage,
                            "up to date" if current else "stale",
                            note=f"finished as {movie['movie']}",
                        )
        except StageMissingError as exc:
            found = StageStatus(stage, "waits", note=exc.message)
        except RelipError as exc:
            found = StageStatus(stage, "failed", note=str(exc))
        if stale_before and found.state == "up to date" and stage in ("render", "blend"):
            found.note = found.note or "an earlier stage is stale"
        stale_before |= found.state != "up to date"
        result.append(found)
    return result


def _whole(
    shot: Shot, stage: str, key: str, output: str, *, folder: str | None = None
) -> StageStatus:
    where = shot.path(folder or stage)
    record = records.read_record(where)
    if not record or not (where / output).exists():
        return StageStatus(stage, "missing", note=f"run relip {stage}")
    if record.get("key") != key:
        return StageStatus(stage, "stale", note="an input or a setting changed")
    return StageStatus(stage, "up to date")


def _per_frame(
    shot: Shot,
    stage: str,
    folder: str,
    key: Callable[[int], str],
    output: Callable[[int], Any],
) -> StageStatus:
    record = FrameRecord(shot.path(folder))
    frames: dict[int, str] = {}
    for frame in shot.frames:
        status_now = record.get(frame)
        if status_now is None:
            frames[frame] = "missing"
        elif status_now.get("key") != key(frame):
            frames[frame] = "stale"
        elif status_now["state"] == "failed":
            frames[frame] = "failed"
        elif status_now["state"] == "passed":
            frames[frame] = "passed"
        elif not output(frame).exists():
            frames[frame] = "missing"
        else:
            frames[frame] = "done"
    counts: dict[str, int] = {}
    for state in frames.values():
        counts[state] = counts.get(state, 0) + 1
    fine = counts.get("done", 0) + counts.get("passed", 0)
    if fine == len(frames):
        state = "up to date"
    elif counts.get("failed"):
        state = "failed"
    elif fine:
        state = "partial"
    elif counts.get("stale"):
        state = "stale"
    else:
        state = "missing"
    unfinished = [f for f, s in frames.items() if s not in ("done", "passed")]
    note = f"to do: {format_range(unfinished)}" if unfinished else ""
    return StageStatus(stage, state, counts, frames, note)
