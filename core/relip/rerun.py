"""Making a stage again from its record, and seeing whether the same comes out."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from relip import pipeline, records
from relip.errors import InputError, UsageError
from relip.frames import format_range
from relip.progress import Progress
from relip.records import FrameRecord, StageReport
from relip.shot import Shot, ShotSettings

#: The folder of each stage, and the files in it that are its result.
RESULTS = {
    "speech": ("speech", ("phones.TextGrid", "mouth.csv")),
    "track": ("track", ("track.npz",)),
    "mask": ("mask", ("mask.*.exr",)),
    "train": ("model", ("model.safetensors",)),
    "render": ("render", ("patch.*.exr",)),
    "blend": ("comp", ("comp.*.exr",)),
    "review": ("review", ("metrics.json",)),
}


@dataclass
class Again:
    """What a rerun gave.

    Attributes
    ----------
    stage : str
    report : StageReport
    same, differing : list of str
        Result files that came out like the recorded ones, and those that did not; both empty
        when the stage was made again in place.
    notes : list of str
    """

    stage: str
    report: StageReport
    same: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """JSON-able values."""
        return {
            "stage": self.stage,
            "report": self.report.to_dict(),
            "same": self.same,
            "differing": self.differing,
            "notes": self.notes,
        }


def rerun(path: Path, *, into: Path | None = None, progress: Progress | None = None) -> Again:
    """Run the stage of a record again, with the settings and frames it had.

    Parameters
    ----------
    path : Path
        A stage's ``record.json``, in its shot folder.
    into : Path, optional
        A new shot folder. It gets copies of what the stage is made from, and
        its results are compared with the recorded ones. By default the stage
        is made again where it is.
    progress : Progress, optional

    Returns
    -------
    Again

    Raises
    ------
    InputError
        If there is no such record, it is not one, or an input is not what it
        was any more.
    UsageError
        If ``into`` exists.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path} does not exist", mend="give a stage's record.json")
    record = records.read_record(path.parent, path.name)
    wanted, stage = record.get("again"), record.get("stage")
    if wanted is None or stage not in RESULTS:
        raise InputError(f"{path} is no record of a stage", mend="give a stage's record.json")
    source = Shot.open(path.resolve().parent.parent)
    if not all(isinstance(wanted.get(name, {}), dict) for name in ("settings", "keys")):
        raise InputError(
            f"{path}: damaged: it does not say what {stage} was made with",
            mend="run the stage again",
        )
    settings = ShotSettings.from_dict(wanted.get("settings", {}), where=str(path))
    shot = Shot(source.folder, settings)
    changed = changed_inputs(shot, stage, wanted)
    if changed:
        raise InputError(
            f"{path}: {changed}", mend="bring the inputs back, or run the stage as it is now"
        )
    notes = [
        f"{name} was {old}, is {new}"
        for name, old in record.get("versions", {}).items()
        if (new := records.versions().get(name, "not there")) != old
    ]
    if into is not None:
        shot = _copied(shot, stage, Path(into))
    frames = str(wanted.get("frames") or "")
    report = pipeline.run_stage(
        shot,
        stage,
        frames=frames if frames and stage not in pipeline.WHOLE else None,
        progress=progress,
        force=True,
    )
    again = Again(stage, report, notes=notes)
    if into is not None:
        again.same, again.differing = compare(source, shot, stage)
    return again


def changed_inputs(shot: Shot, stage: str, wanted: dict[str, Any]) -> str:
    """Whether the inputs are those of the record, by their fingerprints; empty when they are."""
    keys = wanted.get("keys", {})
    now = pipeline.stage_keys(shot, stage, [int(f) for f in keys if records.is_frame(f)])
    different = [f for f, key in keys.items() if now.get(f) != key]
    if not different:
        return ""
    frames = [int(f) for f in different if records.is_frame(f)]
    where = f"of frames {format_range(frames)} " if frames else ""
    return f"the inputs {where}are not what they were when {stage} was run"


def compare(old: Shot, new: Shot, stage: str) -> tuple[list[str], list[str]]:
    """Names of the result files that are equal and that are not."""
    folder, patterns = RESULTS[stage]
    target = records.read_record(old.path(folder)).get("target") if stage == "blend" else None
    elsewhere = target if target and target != "comp/comp.####.exr" else None
    same: list[str] = []
    differing: list[str] = []
    for pattern in patterns:
        for made in sorted(new.path(folder).glob(pattern)):
            kept = old.path(folder, made.name)
            if elsewhere:
                from relip.blend.stage import sequence_path

                kept = sequence_path(elsewhere, int(made.name.split(".")[-2]))
            equal = kept.exists() and _content(kept) == _content(made)
            (same if equal else differing).append(f"{folder}/{made.name}")
    return same, differing


def _content(path: Path) -> str:
    """A fingerprint of what a file says: of a model its numbers, not how long they took."""
    if path.suffix == ".safetensors":
        from safetensors import safe_open

        with safe_open(str(path), "np") as handle:
            return records.fingerprint(*[v for k in sorted(handle.keys())
                                         for v in (k, handle.get_tensor(k))])  # fmt: skip
    return records.fingerprint(path.read_bytes())


def _copied(shot: Shot, stage: str, into: Path) -> Shot:
    """A new shot folder with everything that the stage is made from."""
    if into.exists():
        raise UsageError(f"{into} exists", mend="name a folder that does not")
    data = shot.settings.to_dict()
    for group, name in (
        ("plate", "path"),
        ("dialogue", "audio"),
        ("dialogue", "text"),
        ("dialogue", "production_audio"),
        ("render", "csv"),
        ("render", "models"),
        ("drive", "witness"),
        ("train", "model_from"),
    ):
        if data[group].get(name):
            data[group][name] = str(shot.resolve(data[group][name]))
    data["train"]["extra"] = [str(shot.resolve(p)) for p in data["train"]["extra"]]
    new = Shot(into, ShotSettings.from_dict(data))
    new.save()
    before = pipeline.STAGES[: pipeline.STAGES.index(stage)]
    try:
        for folder in ("overrides", "witness", *(RESULTS[s][0] for s in before)):
            if shot.path(folder).is_dir():
                shutil.copytree(shot.path(folder), new.path(folder))
    except OSError as error:
        raise records.output_error(into, error) from error
    return new


def recorded_frames(shot: Shot, stage: str) -> list[int]:
    """Frames of which a stage has kept a status."""
    folder = FrameRecord(shot.path(RESULTS[stage][0])).status_folder
    found = [p.stem for p in folder.glob("*.json") if records.is_frame(p.stem)]
    return sorted(int(f) for f in found if int(f) in shot.frames)
