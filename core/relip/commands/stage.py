"""``relip speech|track|mask|train|render|blend|review SHOT``: one stage."""

from __future__ import annotations

import argparse
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from relip.commands.common import add_common, describe, exit_code, make_progress
from relip.commands.result import Result
from relip.errors import UsageError

if TYPE_CHECKING:
    from relip.shot import Shot

HELP = {
    "speech": "align the dialogue: phones.TextGrid and mouth.csv",
    "track": "find and follow the face: track.npz",
    "mask": "draw the matte layers: mask.####.exr",
    "train": "train the shot's network: model.safetensors",
    "render": "generate the patches: patch.####.exr",
    "blend": "put the patches over the plate: comp.####.exr",
    "review": "measure and show the result: report.html, preview.mp4",
}

#: Stages that ``relip review --stage`` shows.
PICTURES = ("track", "mask")


def register(subparsers: argparse._SubParsersAction) -> None:
    """Add one parser per stage."""
    from relip.pipeline import WHOLE

    for stage, text in HELP.items():
        parser = subparsers.add_parser(stage, help=text, description=text)
        parser.add_argument("shot", metavar="SHOT.relip", help="the shot folder")
        if stage not in WHOLE:
            parser.add_argument("--frames", metavar="RANGE", help="only these frames")
        if stage == "track":
            _add_import(parser)
        if stage == "review":
            parser.add_argument(
                "--stage",
                dest="pictures",
                choices=PICTURES,
                help="only show what this stage made, over the plate: a movie and a contact sheet",
            )
        parser.add_argument("--force", action="store_true", help="do again what is up to date")
        add_common(parser)
        parser.set_defaults(run=partial(run, stage))


def _add_import(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("a track of another program")
    group.add_argument(
        "--from",
        dest="source",
        metavar="FILE",
        help="take it over into overrides/track.json, then track: .nk (Tracker4, CornerPin2D), "
        "After Effects keyframe data as Mocha exports it, columns FRAME X Y, Relip's .json",
    )
    group.add_argument(
        "--as",
        dest="meaning",
        choices=("alignment", "points"),
        default="alignment",
        help="it replaces the alignment (default), or its tracks, named like points of the face "
        "(lip_upper, chin, 61 ...), move those points",
    )
    group.add_argument("--node", metavar="NAME", help="of a .nk with several trackers, the one")
    group.add_argument(
        "--call",
        action="append",
        default=[],
        metavar="TRACK=POINT",
        help="with --as points: what one of its tracks is called here; may be repeated",
    )


def _take_over(shot: Shot, args: argparse.Namespace) -> None:
    """Write another program's track into the shot's overrides."""
    from relip.handoff.tracks import import_alignment, import_tracks

    if args.meaning == "alignment":
        if args.call:
            raise UsageError("--call goes with --as points", mend="leave it out")
        import_alignment(shot, args.source, node=args.node)
        return
    names = {}
    for pair in args.call:
        name, equals, point = pair.partition("=")
        if not equals:
            raise UsageError(f"--call {pair!r}", mend="write it as TRACK=POINT")
        names[name] = point
    import_tracks(shot, args.source, node=args.node, names=names)


def run(stage: str, args: argparse.Namespace) -> Result:
    """Run the stage."""
    from relip.pipeline import run_stage
    from relip.shot import Shot

    shot = Shot.open(args.shot)
    if stage == "track" and getattr(args, "source", None):
        _take_over(shot, args)
    if stage == "review" and getattr(args, "pictures", None):
        return _show(shot, args)
    report = run_stage(
        shot,
        stage,
        frames=getattr(args, "frames", None),
        progress=make_progress(args),
        force=args.force,
    )
    return Result(report.to_dict(), describe([report]), exit_code([report]))


def _show(shot: Shot, args: argparse.Namespace) -> Result:
    """Pictures of one stage's result."""
    pictures = import_module(f"relip.review.{args.pictures}_pictures")
    report = pictures.run(shot, progress=make_progress(args), force=args.force)
    made = [str(shot.path("review", name)) for name in pictures.FILES]
    text = describe([report]) + "\n" + "\n".join(made)
    return Result({**report.to_dict(), "files": made}, text, exit_code([report]))
