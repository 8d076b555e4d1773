"""``relip rerun RECORD.json``: make a stage again as its record says."""

from __future__ import annotations

import argparse
from pathlib import Path

from relip.commands.common import add_common, describe, exit_code, make_progress
from relip.commands.result import Result
from relip.errors import EXIT_SOME_FRAMES_FAILED


def register(subparsers: argparse._SubParsersAction) -> None:
    """Add the parser."""
    text = "make a stage again from its record, and compare"
    parser = subparsers.add_parser("rerun", help=text, description=text)
    parser.add_argument("record", metavar="RECORD.json", help="a stage's record.json")
    parser.add_argument(
        "-o",
        "--into",
        metavar="NEW.relip",
        help="work in a new shot folder and compare the results with the recorded ones",
    )
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> Result:
    """Run it."""
    from relip.rerun import rerun

    into = Path(args.into) if args.into else None
    again = rerun(Path(args.record), into=into, progress=make_progress(args))
    lines = [describe([again.report]), *again.notes]
    if into:
        lines.append(f"{len(again.same)} files are the same, {len(again.differing)} are not")
        lines.extend(f"         {name}" for name in again.differing)
    code = exit_code([again.report])
    if again.differing:
        code = EXIT_SOME_FRAMES_FAILED
    return Result(again.to_dict(), "\n".join(lines), code)
