"""``relip new SHOT.relip``: make a shot folder."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from relip.commands.common import (
    add_common,
    add_dialogue,
    add_making,
    add_plate,
    settings_from,
    to_type,
)
from relip.commands.result import Result
from relip.commands.set import differences, told
from relip.errors import RelipError, SettingError

if TYPE_CHECKING:
    from relip.shot import Shot


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
    try:
        before = Shot.open(args.shot).settings.to_dict()
    except RelipError:  # as a rule there is none yet
        return made(Shot.create(args.shot, settings))
    result = made(Shot.create(args.shot, settings))
    result.data["changed"] = differences(before, settings.to_dict())
    lines = [
        result.text,
        "it was a shot already; the options of relip new replaced all its settings",
    ]
    result.text = "\n".join([*lines, *told(result.data["changed"])])
    return result


def made(shot: Shot) -> Result:
    """What a new shot is: its folder, frames and rate; a warning where the plate names no rate."""
    frames = shot.frames
    warnings = []
    try:
        rate = str(shot.rate)
        said = f" at {rate} frames per second"
    except SettingError as exc:
        rate, said = None, ""
        warnings = [str(exc)]
    command = to_type("relip", "run", str(shot.folder))
    return Result(
        {
            "shot": str(shot.folder),
            "frames": [frames.start, frames[-1]],
            "rate": rate,
            "warnings": warnings,
        },
        "\n".join(
            [
                f"{shot.folder}: frames {frames.start}-{frames[-1]}{said}; next: {command}",
                *(f"warning: {w}" for w in warnings),
            ]
        ),
    )
