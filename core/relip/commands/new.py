"""``relip new SHOT.relip``: make a shot folder."""

from __future__ import annotations

import argparse

from relip.commands.common import (
    add_common,
    add_dialogue,
    add_making,
    add_plate,
    settings_from,
    to_type,
)
from relip.commands.result import Result


def register(subparsers: argparse._SubParsersAction) -> None:
    """Add the parser."""
    text = "make a shot folder"
    parser = subparsers.add_parser("new", help=text, description=text)
    parser.add_argument("shot", metavar="SHOT.relip", help="the folder to make")
    parser.add_argument("--plate", required=True, help="a movie, or a sequence: name.####.exr")
    add_plate(parser)
    add_dialogue(parser, required=False)
    add_making(parser)
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> Result:
    """Make it."""
    from relip.dubbing import absolute
    from relip.shot import Shot, ShotSettings

    settings = ShotSettings.from_dict(
        settings_from(args, absolute(args.plate)), where="the options"
    )
    shot = Shot.create(args.shot, settings)
    frames = shot.frames
    command = to_type("relip", "run", str(shot.folder))
    return Result(
        {"shot": str(shot.folder), "frames": [frames.start, frames[-1]]},
        f"{shot.folder}: frames {frames.start}-{frames[-1]}; next: {command}",
    )
