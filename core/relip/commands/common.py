"""Options that several commands share, and the text of stage reports."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any

from relip.errors import EXIT_SOME_FRAMES_FAILED
from relip.frames import format_range
from relip.progress import FORMS, Progress
from relip.records import StageReport
from relip.shot import DRIVES, QUALITIES, WHEN_LONGER


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


def add_dialogue(parser: argparse.ArgumentParser, *, required: bool) -> None:
    """Options that describe the new dialogue."""
    group = parser.add_argument_group("dialogue")
    group.add_argument("--audio", required=required, metavar="FILE", help="the new recording")
    group.add_argument(
        "--text", metavar="FILE", help="its transcript, plain text (lips are exact only with one)"
    )
    group.add_argument("--lang", default="en", metavar="L", help="its language (default: en)")
    group.add_argument(
        "--production-audio",
        metavar="FILE",
        help="the sound recorded with the plate (kept in the shot)",
    )
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


def add_making(parser: argparse.ArgumentParser) -> None:
    """Options of training and rendering."""
    group = parser.add_argument_group("making")
    group.add_argument(
        "--quality",
        choices=QUALITIES,
        default="default",
        help="how long to train (default: default)",
    )
    group.add_argument("--drive", choices=DRIVES, default="speech", help="what moves the mouth")
    group.add_argument(
        "--csv", metavar="FILE", help="mouth controls for --drive csv (Relip or ARKit)"
    )
    group.add_argument(
        "--articulation",
        type=float,
        default=1.0,
        metavar="0..2",
        help="strength of the mouth shapes",
    )
    group.add_argument("--device", choices=("auto", "cpu", "cuda", "mps"), default="auto")
    group.add_argument("--seed", type=int, default=0, help="seed of the training (default: 0)")


def settings_from(args: argparse.Namespace, plate: str) -> dict[str, Any]:
    """The nested settings of shot.toml from parsed options; paths made absolute."""
    from relip.dub import absolute

    return {
        "plate": {
            "path": plate,
            "frames": args.frames or "",
            "fps": args.fps or "",
            "colourspace": args.colourspace or "",
        },
        "dialogue": {
            "audio": absolute(args.audio),
            "text": absolute(args.text),
            "language": args.lang,
            "production_audio": absolute(args.production_audio),
            "offset": args.offset,
            "when_longer": args.when_longer,
        },
        "train": {"quality": args.quality, "device": args.device, "seed": args.seed},
        "render": {
            "drive": args.drive,
            "csv": absolute(args.csv),
            "articulation": args.articulation,
            "device": args.device,
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
            parts.append(f"{len(report.passed)} without a face")
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
