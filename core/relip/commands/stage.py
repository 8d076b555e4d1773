"""``relip speech|track|mask|train|render|blend|review SHOT``: one stage."""

from __future__ import annotations

import argparse
from functools import partial

from relip.commands.common import add_common, describe, exit_code, make_progress
from relip.commands.result import Result

HELP = {
    "speech": "align the dialogue: phones.TextGrid and mouth.csv",
    "track": "find and follow the face: track.npz",
    "mask": "draw the matte layers: mask.####.exr",
    "train": "train the shot's network: model.safetensors",
    "render": "generate the patches: patch.####.exr",
    "blend": "put the patches over the plate: comp.####.exr",
    "review": "measure and show the result: report.html, preview.mp4",
}


def register(subparsers: argparse._SubParsersAction) -> None:
    """Add one parser per stage."""
    from relip.pipeline import WHOLE

    for stage, text in HELP.items():
        parser = subparsers.add_parser(stage, help=text, description=text)
        parser.add_argument("shot", metavar="SHOT.relip", help="the shot folder")
        if stage not in WHOLE:
            parser.add_argument("--frames", metavar="RANGE", help="only these frames")
        parser.add_argument("--force", action="store_true", help="do again what is up to date")
        add_common(parser)
        parser.set_defaults(run=partial(run, stage))


def run(stage: str, args: argparse.Namespace) -> Result:
    """Run the stage."""
    from relip.pipeline import run_stage
    from relip.shot import Shot

    report = run_stage(
        Shot.open(args.shot),
        stage,
        frames=getattr(args, "frames", None),
        progress=make_progress(args),
        force=args.force,
    )
    return Result(report.to_dict(), describe([report]), exit_code([report]))
