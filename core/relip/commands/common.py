"""Options that several commands share, and the text of stage reports."""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
from collections.abc import Iterable
from typing import Any

from relip.errors import EXIT_SOME_FRAMES_FAILED
from relip.frames import format_range
from relip.progress import FORMS, Progress
from relip.records import StageReport
from relip.shot import (
    DRIVES,
    INTERLACED,
    POLICIES,
    QUALITIES,
    QUALITY_MINUTES,
    WHEN_LONGER,
)


def add_common(parser: argparse.ArgumentParser) -> None:
    """``--progress``, ``--output``, ``--threads``, ``--path-map`` and ``-v``."""
    group = parser.add_argument_group("common")
    group.add_argument(
        "--progress", choices=FORMS, default="auto", help="how progress is shown (default: auto)"
    )
    group.add_argument(
        "--output",
        dest="output_form",
        choices=("human", "json"),
        default="human",
        help="form of the result on stdout (default: human)",
    )
    group.add_argument(
        "--threads", type=int, default=0, metavar="N", help="CPU threads (default: all)"
    )
    group.add_argument(
        "--path-map",
        action="append",
        default=[],
        metavar="FROM=TO",
        help="replace the beginning of paths in shot.toml, as in P:/show=/mnt/show; repeatable, or "
        "a file of Open Job Description rules; RELIP_PATH_MAP does the same",
    )
    group.add_argument("-v", "--verbose", action="count", default=0, help="full details on errors")


def add_plate(parser: argparse.ArgumentParser) -> None:
    """Options that describe the plate."""
    group = parser.add_argument_group("plate")
    group.add_argument("--frames", metavar="RANGE", help="use only these frames, e.g. 1001-1100")
    group.add_argument("--fps", metavar="RATE", help="frame rate of a sequence: 24, 25, 24000/1001")
    group.add_argument("--colourspace", metavar="NAME", help="OCIO colourspace of the plate")
    group.add_argument(
        "--face",
        default="",
        metavar="X,Y@FRAME",
        help="follow the face at this place (plate pixels from the top left) in this frame, or in "
        "the box X0,Y0,X1,Y1@FRAME; by default the largest of the shot",
    )
    group.add_argument(
        "--pixel-aspect",
        type=float,
        default=0.0,
        metavar="A",
        help="width over height of a pixel as shown, 2 for most anamorphic plates; by default what "
        "the plate's header says",
    )
    group.add_argument(
        "--missing",
        choices=POLICIES,
        default="error",
        help="frames that the plate lacks: refuse it, show the frame before, or leave them out",
    )
    group.add_argument(
        "--duplicates",
        choices=POLICIES,
        default="hold",
        help="frames equal to the one before: refuse them, take them as they are, or let the plate "
        "through",
    )
    group.add_argument(
        "--interlaced",
        choices=INTERLACED,
        default="error",
        help="an interlaced movie: refuse it, or take its pictures as whole ones",
    )


def add_dialogue(parser: argparse.ArgumentParser, *, required: bool) -> None:
    """Options that describe the new dialogue."""
    group = parser.add_argument_group("dialogue")
    group.add_argument("--audio", required=required, metavar="FILE", help="the new recording")
    group.add_argument(
        "--text",
        metavar="FILE",
        help="its transcript: plain text, SRT, VTT; or its phones: TextGrid, Rhubarb TSV or JSON "
        "(lips are exact only with one)",
    )
    group.add_argument(
        "--lang", default="en", metavar="L", help="its language: en, es, ja, cmn ... (default: en)"
    )
    group.add_argument(
        "--production-audio",
        metavar="FILE",
        help="the sound recorded with the plate: the actor's own mouth shapes are learnt from it",
    )
    add_hearing(group)
    group.add_argument(
        "--offset",
        type=float,
        default=0.0,
        metavar="S",
        help="seconds into the plate at which it begins",
    )
    group.add_argument(
        "--when-longer",
        choices=WHEN_LONGER,
        default="error",
        help="when it is longer than the plate: refuse, cut it, or play the plate back and forth",
    )


def add_hearing(group: argparse._ArgumentGroup) -> None:
    """Options of pronunciation and recognition."""
    group.add_argument(
        "--lexicon", metavar="FILE", help="pronunciations: a word a line, then ARPAbet or IPA"
    )
    group.add_argument(
        "--transcriber",
        metavar="NAME",
        help="hears the words where there is no --text: faster-whisper, or a plug-in's name",
    )
    group.add_argument("--speech-model", metavar="PATH", help="the transcriber's model")


def add_speaking(group: argparse._ArgumentGroup) -> None:
    """Options of the mouth curves' style."""
    group.add_argument(
        "--articulation",
        type=float,
        default=1.0,
        metavar="0..2",
        help="strength of the mouth shapes (default: 1)",
    )
    group.add_argument(
        "--smoothing",
        type=float,
        default=1.0,
        metavar="0..3",
        help="how far neighbouring phones colour each other (default: 1)",
    )
    group.add_argument(
        "--gain",
        action="append",
        default=[],
        metavar="CONTROL=X",
        help="strength of one mouth control, e.g. jawOpen=1.2; may be repeated",
    )


def add_making(parser: argparse.ArgumentParser) -> None:
    """Options of training and rendering."""
    group = parser.add_argument_group("making")
    group.add_argument(
        "--quality",
        choices=QUALITIES,
        default="default",
        help="how long to train: "
        + ", ".join(f"{name} about {minutes} min" for name, minutes in QUALITY_MINUTES.items())
        + " on two laptop cores for a crop of 256 (default: default)",
    )
    group.add_argument(
        "--model-from",
        metavar="SHOT",
        help="begin with the network of this shot of the same actor (a shot folder or its model)",
    )
    group.add_argument(
        "--extra",
        action="append",
        default=[],
        metavar="PLATE",
        help="learn from this plate of the same actor too; may be repeated",
    )
    group.add_argument("--drive", choices=DRIVES, default="speech", help="what moves the mouth")
    group.add_argument(
        "--mix",
        metavar="DRIVE=W,...",
        default="",
        help="several drives by weight, e.g. speech=0.7,video=0.3; overrides/drive.csv animates it",
    )
    group.add_argument(
        "--witness",
        metavar="FILE",
        help="for --drive video: a recording of the voice actor's face, of any size and rate",
    )
    group.add_argument(
        "--witness-offset",
        type=float,
        default=0.0,
        metavar="S",
        help="seconds into the plate at which the witness begins",
    )
    group.add_argument(
        "--witness-face",
        default="",
        metavar="X,Y@FRAME",
        help="whose face in the witness; by default the largest",
    )
    group.add_argument(
        "--renderer",
        default="shot",
        metavar="NAME",
        help="what draws the mouth: the shot's own network (shot), or a model of --models",
    )
    group.add_argument("--models", metavar="FILE", help="models.toml, which describes renderers")
    group.add_argument(
        "--csv", metavar="FILE", help="mouth controls for --drive csv (Relip or ARKit)"
    )
    add_speaking(group)
    group.add_argument(
        "--no-calibrate",
        action="store_true",
        help="keep the generic mouth shapes, whatever the production sound says",
    )
    group.add_argument(
        "--device",
        choices=("auto", "cpu", "cuda", "mps"),
        default="auto",
        help="what trains and draws (default: auto, a GPU where there is one)",
    )
    group.add_argument("--seed", type=int, default=0, help="seed of the training (default: 0)")


def settings_from(args: argparse.Namespace, plate: str) -> dict[str, Any]:
    """The nested settings of shot.toml from parsed options; paths made absolute."""
    from relip.dubbing import absolute

    return {
        "plate": {
            "path": plate,
            "frames": args.frames or "",
            "fps": args.fps or "",
            "colourspace": args.colourspace or "",
            "missing": args.missing,
            "duplicates": args.duplicates,
            "interlaced": args.interlaced,
        },
        "dialogue": {
            "audio": absolute(args.audio),
            "text": absolute(args.text),
            "language": args.lang,
            "production_audio": absolute(args.production_audio),
            "offset": args.offset,
            "when_longer": args.when_longer,
        },
        "speech": {
            "smoothing": args.smoothing,
            "gain": list(args.gain),
            "lexicon": absolute(args.lexicon),
            "calibrate": not args.no_calibrate,
            "transcriber": args.transcriber or "",
            "model": absolute(args.speech_model),
        },
        "track": {"face": args.face, "pixel_aspect": args.pixel_aspect},
        "train": {
            "quality": args.quality,
            "device": args.device,
            "seed": args.seed,
            "model_from": absolute(args.model_from),
            "extra": [absolute(p) for p in args.extra],
        },
        "render": {
            "drive": args.drive,
            "csv": absolute(args.csv),
            "articulation": args.articulation,
            "device": args.device,
            "renderer": args.renderer,
            "models": absolute(args.models),
        },
        "drive": {
            "mix": [w.strip() for w in args.mix.split(",") if w.strip()],
            "witness": absolute(args.witness),
            "witness_offset": args.witness_offset,
            "witness_face": args.witness_face,
        },
    }


def make_progress(args: argparse.Namespace) -> Progress:
    """The progress that ``--progress`` asks for; the worker hands over its own."""
    return args.progress if isinstance(args.progress, Progress) else Progress(args.progress)


def describe(reports: Iterable[StageReport]) -> str:
    """A line per stage, then its notes."""
    lines = []
    for report in reports:
        parts = []
        if report.done:
            parts.append(f"{len(report.done)} frames done")
        if report.kept:
            parts.append(f"{len(report.kept)} up to date")
        if report.passed:
            parts.append(f"{len(report.passed)} passed through")
        if report.failed:
            parts.append(f"{len(report.failed)} failed")
        lines.append(f"{report.stage:<8} {', '.join(parts) or 'nothing to do'}")
        lines.extend(f"         {note}" for note in report.notes)
        for reason in sorted(set(report.failed.values())):
            frames = [f for f, r in report.failed.items() if r == reason]
            lines.append(f"         frames {format_range(frames)}: {reason}")
    return "\n".join(lines)


def exit_code(reports: Iterable[StageReport]) -> int:
    """4 when any frame failed, else 0."""
    return EXIT_SOME_FRAMES_FAILED if any(r.failed for r in reports) else 0


def to_type(*words: str) -> str:
    """A command to be typed or copied, in the shell of this system."""
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)
