"""``relip run SHOT``: every stage that is stale."""

from __future__ import annotations

import argparse

from relip.commands.common import add_common, describe, exit_code, make_progress
from relip.commands.result import Result


def register(subparsers: argparse._SubParsersAction) -> None:
    """Add the parser."""
    from relip.pipeline import STAGES

    text = "run every stage that is stale, in order"
    parser = subparsers.add_parser("run", help=text, description=text)
    parser.add_argument("shot", metavar="SHOT.relip", help="the shot folder")
    parser.add_argument("--until", choices=STAGES, default="review", help="the last stage to run")
    parser.add_argument("--frames", metavar="RANGE", help="only these frames, where a stage can")
    parser.add_argument("--force", action="store_true", help="do again what is up to date")
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> Result:
    """Run the stages."""
    from relip import pipeline
    from relip.shot import Shot

    reports = pipeline.run(
        Shot.open(args.shot),
        until=args.until,
        frames=args.frames,
        progress=make_progress(args),
        force=args.force,
    )
    return Result({"stages": [r.to_dict() for r in reports]}, describe(reports), exit_code(reports))
