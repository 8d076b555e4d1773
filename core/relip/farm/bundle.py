"""An Open Job Description job of a shot: template, parameter values, asset references.

The three files are a job bundle as AWS Deadline Cloud submits it; the template
alone is what ``openjd check`` and ``openjd run`` take. Stages that see the
whole shot are one task; mask, render, blend and the comp are split into chunks
of frames (extension TASK_CHUNKING). A step depends on what its stage reads.

See https://github.com/OpenJobDescription/openjd-specifications for the format.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from relip import pipeline
from relip.errors import SettingError, ShotError, UsageError
from relip.farm import yaml
from relip.farm.comp import CompFiles, comp_files, named
from relip.frames import format_range, select_frames
from relip.pipeline import WHOLE
from relip.records import write_text
from relip.shot import Shot

SPECIFICATION = "jobtemplate-2023-09"
FILES = ("template.yaml", "parameter_values.yaml", "asset_references.yaml")

#: What each stage reads of the stages before it.
READS = {
    "speech": (),
    "track": (),
    "mask": ("track",),
    "train": ("track", "mask"),
    "render": ("speech", "mask", "train"),
    "blend": ("render",),
    "review": ("blend",),
}

#: Frames of a task: long enough that starting Python does not count.
CHUNK = 50


@dataclass(frozen=True)
class NukeStep:
    """The comp that is rendered at the end.

    Attributes
    ----------
    comp : Path
    write : str
        Full name of the Write, "Group1.Write1" inside a group.
    executable : str
    """

    comp: Path
    write: str
    executable: str = "nuke"


@dataclass(frozen=True)
class BundleOptions:
    """How the job is cut.

    Attributes
    ----------
    frames : str, optional
        Only these of the shot's frames, for the steps that are split.
    chunk : int
        Frames of a task.
    executable : str
        The relip command on the farm.
    name : str, optional
        Of the job; by default the shot's.
    train_gpus : int
        GPUs that the host of the training must have.
    nuke : NukeStep, optional
    """

    frames: str | None = None
    chunk: int = CHUNK
    executable: str = "relip"
    name: str | None = None
    train_gpus: int = 0
    nuke: NukeStep | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.chunk <= 100_000:
            raise SettingError(f"--chunk {self.chunk}", mend="give 1 to 100000 frames")
        if not 0 <= self.train_gpus <= 64:
            raise SettingError(f"--train-gpus {self.train_gpus}", mend="give 0 to 64")


def write(shot: Shot, folder: Path, options: BundleOptions) -> dict[str, Any]:
    """Write the bundle.

    Parameters
    ----------
    shot : Shot
    folder : Path
        Made when it is missing; the three files replace those that are there.
    options : BundleOptions

    Returns
    -------
    dict
        ``files``, ``steps`` and ``frames`` of the job; ``notes``: what of the comp's files could
        not be found.

    Raises
    ------
    FrameRangeError, InputError
        If the shot or the comp cannot be read.
    OutputError
        If the folder cannot be written.
    """
    frames = select_frames(options.frames, shot.frames)
    shot.check_inputs()
    made = template(shot, format_range(frames), options)
    values = parameter_values(shot, format_range(frames), options)
    files = None
    if options.nuke is not None:
        files = comp_files(options.nuke.comp, options.nuke.write)
    references = asset_references(shot, options, files)
    for name, data in zip(FILES, (made, values, references), strict=True):
        write_text(folder / name, yaml.dump(data))
    return {
        "files": [str(folder / name) for name in FILES],
        "steps": [step["name"] for step in made["steps"]],
        "frames": format_range(frames),
        "notes": files.notes if files is not None else [],
    }


def template(shot: Shot, frames: str, options: BundleOptions) -> dict[str, Any]:
    """The job template."""
    stages = pipeline.needed(shot, "review")
    steps = [_stage_step(stage, stages, options) for stage in stages]
    if options.nuke is not None:
        steps.append(_nuke_step())
    return {
        "specificationVersion": SPECIFICATION,
        "extensions": ["TASK_CHUNKING"],
        # A job's name is at most 128 characters without control characters.
        "name": _job_name(options.name or f"{shot.folder.resolve().stem} lip sync"),
        "description": "Lip sync of a shot by Relip; written by relip farm bundle",
        "parameterDefinitions": _definitions(frames, options),
        "steps": steps,
    }


def _job_name(name: str) -> str:
    plain = "".join(c if c.isprintable() else " " for c in name).strip()[:128]
    # A format string begins with two braces.
    return plain.replace("{{", "( (").replace("}}", ") )")[:128] or "Lip sync"


def _definitions(frames: str, options: BundleOptions) -> list[dict[str, Any]]:
    definitions: list[dict[str, Any]] = [
        {
            "name": "ShotFolder",
            "type": "PATH",
            "objectType": "DIRECTORY",
            "dataFlow": "INOUT",
            "description": "The shot folder; all results are written into it.",
        },
        _executable("RelipExecutable", options.executable, "The relip command on the farm."),
        {
            "name": "Frames",
            "type": "STRING",
            "default": frames,
            "description": "The frames of the steps that are split: 1001-1100, lists with commas.",
        },
        {
            "name": "ChunkSize",
            "type": "INT",
            "minValue": 1,
            "default": options.chunk,
            "description": "Frames of a task.",
        },
    ]
    if options.nuke is not None:
        definitions += [
            {
                "name": "NukeComp",
                "type": "PATH",
                "objectType": "FILE",
                "dataFlow": "IN",
                "description": "The comp that is rendered at the end.",
            },
            {
                "name": "NukeWrite",
                "type": "STRING",
                "default": options.nuke.write,
                "description": "The Write node that is rendered.",
            },
            _executable("NukeExecutable", options.nuke.executable, "Nuke on the farm."),
        ]
    return definitions


def _executable(name: str, value: str, description: str) -> dict[str, Any]:
    """A path is mapped between systems; a bare name is looked up on the host's PATH."""
    if _is_path(value):
        kind = {"type": "PATH", "objectType": "FILE", "dataFlow": "NONE"}
        return {"name": name, **kind, "description": description}
    return {"name": name, "type": "STRING", "default": value, "description": description}


def _is_path(value: str) -> bool:
    return "/" in value or "\\" in value


def _stage_step(stage: str, stages: list[str], options: BundleOptions) -> dict[str, Any]:
    step: dict[str, Any] = {"name": stage}
    reads = [name for name in READS[stage] if name in stages]
    if reads:
        step["dependencies"] = [{"dependsOn": name} for name in reads]
    if stage == "train" and options.train_gpus:
        step["hostRequirements"] = {
            "amounts": [{"name": "amount.worker.gpu", "min": options.train_gpus}]
        }
    args = [stage, "{{Param.ShotFolder}}"]
    if stage not in WHOLE:
        step["parameterSpace"] = _chunks()
        args.append("--frames={{Task.Param.Frame}}")
    args += ["--progress", "openjd", "--path-map", "{{Session.PathMappingRulesFile}}"]
    step["script"] = {"actions": {"onRun": {"command": "{{Param.RelipExecutable}}", "args": args}}}
    return step


def _chunks() -> dict[str, Any]:
    return {
        "taskParameterDefinitions": [
            {
                "name": "Frame",
                "type": "CHUNK[INT]",
                "range": "{{Param.Frames}}",
                "chunks": {
                    "defaultTaskCount": "{{Param.ChunkSize}}",
                    "rangeConstraint": "CONTIGUOUS",
                },
            }
        ]
    }


def _nuke_step() -> dict[str, Any]:
    """``nuke -X WRITE -F 1001-1050 COMP``: reads the caches, never calls the engine."""
    args = ["-X", "{{Param.NukeWrite}}", "-F", "{{Task.Param.Frame}}", "{{Param.NukeComp}}"]
    return {
        "name": "comp",
        "dependencies": [{"dependsOn": "blend"}],
        "parameterSpace": _chunks(),
        "script": {"actions": {"onRun": {"command": "{{Param.NukeExecutable}}", "args": args}}},
    }


def parameter_values(shot: Shot, frames: str, options: BundleOptions) -> dict[str, Any]:
    """The values of this submission; the template itself holds no path."""
    values: dict[str, Any] = {
        "ShotFolder": str(shot.folder.resolve()),
        "RelipExecutable": options.executable,
        "Frames": frames,
        "ChunkSize": options.chunk,
    }
    if options.nuke is not None:
        values["NukeComp"] = str(options.nuke.comp.resolve())
        values["NukeWrite"] = options.nuke.write
        values["NukeExecutable"] = options.nuke.executable
    return {"parameterValues": [{"name": k, "value": v} for k, v in values.items()]}


def asset_references(
    shot: Shot, options: BundleOptions, comp: CompFiles | None = None
) -> dict[str, Any]:
    """Every file the job reads outside the shot folder, and where it writes."""
    s = shot.settings
    # all frames of the shot: the network learns from them whichever are rendered
    complete = s.plate.missing == "error"
    files = _pictures(shot, s.plate.path, shot.frames, complete=complete)
    d = s.dialogue
    named = (d.audio, d.text, d.production_audio, s.speech.lexicon)
    files += [str(shot.resolve(n)) for n in named if n]
    files += _drawn_from(shot)
    if options.nuke is not None:
        files.append(str(options.nuke.comp.resolve()))
    folder = str(shot.folder.resolve())
    read, written = [folder], [folder]
    if comp is not None:
        files += comp.inputs
        read += comp.shots
        written += comp.outputs
    return {
        "assetReferences": {
            "inputs": {
                "filenames": list(dict.fromkeys(str(Path(f).absolute()) for f in files)),
                "directories": list(dict.fromkeys(read)),
            },
            "outputs": {"directories": list(dict.fromkeys(written))},
            "referencedPaths": [],
        }
    }


def _drawn_from(shot: Shot) -> list[str]:
    """The files that drive the mouth besides the dialogue, and those that it is drawn by."""
    from relip.render.catalogue import VARIABLE, find_model
    from relip.render.extra import model_file
    from relip.render.mix import drives_used

    s, used = shot.settings, drives_used(shot)
    files = [str(shot.resolve(s.render.csv))] if s.render.csv and "csv" in used else []
    if s.drive.witness and "video" in used:
        files += _pictures(shot, s.drive.witness)
    if s.render.renderer != "shot":
        models = shot.resolve(s.render.models) if s.render.models else None
        entry = find_model(s.render.renderer, models)
        listed = models or Path(os.environ[VARIABLE]).expanduser()
        return [*files, str(listed), str(entry.path)]
    for name in s.train.extra:
        files += _pictures(shot, name)
    begun = model_file(shot)
    return [*files, str(begun)] if begun else files


def _pictures(
    shot: Shot, name: str, frames: range | None = None, *, complete: bool = False
) -> list[str]:
    """The files of a movie or of a sequence, of some of its frames or of all."""
    from relip.plate.opening import IMAGE_SUFFIXES
    from relip.plate.sequence import find_files

    path = shot.resolve(name)
    if not path.is_dir() and path.suffix.lower() not in IMAGE_SUFFIXES:
        return [str(path)]
    found, _ = find_files(path, complete=complete)
    return [file for frame, file in sorted(found.items()) if frames is None or frame in frames]


def find_write(comp: Path, name: str | None) -> str:
    """The Write node of a comp, read as text; without a name the only one that is enabled.

    Raises
    ------
    NkError
        If the comp cannot be read.
    UsageError
        If there is no such node, or a choice.
    """
    from relip.handoff import nk

    script = nk.read(comp)
    writes = {}
    for path, node in named(script.nodes):
        if node.cls == "Write" and node.knobs.get("disable", "false") not in ("true", "1"):
            writes[path] = node
    known = ", ".join(sorted(writes)) or "none"
    if name is None:
        if len(writes) != 1:
            raise UsageError(f"{comp}: enabled Writes: {known}", mend="name one with --write")
        return next(iter(writes))
    if name not in writes:
        raise UsageError(f"{comp}: no enabled Write {name}", mend=f"it has: {known}")
    return name


def check_folder(folder: Path, shot: Shot) -> None:
    """Refuse a bundle among the shot's own files.

    Raises
    ------
    ShotError
    """
    if folder.resolve() == shot.folder.resolve():
        raise ShotError(f"{folder} is the shot itself", mend="give another folder with -o")
