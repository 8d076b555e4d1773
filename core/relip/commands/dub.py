"""``relip dub PLATE --audio NEW.wav -o OUT``: the whole job."""

from __future__ import annotations

import argparse

from relip.commands.common import (
    add_common,
    add_dialogue,
    add_making,
    add_plate,
    describe,
    exit_code,
    make_progress,
    settings_from,
)
from relip.commands.result import Result

DESCRIPTION = """\
Re-sync the mouth in PLATE to a new recording, in one command. A movie in gives
a movie out with the new dialogue as its sound; a sequence in gives an EXR
sequence out. The work is kept in a shot folder beside OUT: a second dub into
it reuses the track and the trained network, and a killed one goes on where it
stopped.

  relip dub clip.mp4 --audio new.wav --text new.txt -o dubbed.mp4
  relip dub sh010.%04d.exr --fps 24 --colourspace ACEScg --audio new.wav -o comp.####.exr
  relip dub clip.mp4 --drive video --witness actor.mov -o dubbed.mp4

With a witness and no --audio the witness's own sound is the new dialogue.
"""


def register(subparsers: argparse._SubParsersAction) -> None:
    """Add the parser."""
    parser = subparsers.add_parser(
        "dub",
        help="the whole job: plate and new recording in, finished pictures out",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("plate", metavar="PLATE", help="a movie, or a sequence: name.####.exr")
    parser.add_argument(
        "-o", "--out", required=True, metavar="OUT", help="out.mp4, out.mov, or out.####.exr"
    )
    parser.add_argument("--shot", metavar="FOLDER", help="the shot folder (default: OUT.relip)")
    parser.add_argument(
        "--clean", action="store_true", help="remove the shot folder when all went well"
    )
    parser.add_argument("--force", action="store_true", help="do again what is up to date")
    add_dialogue(parser, required=False)
    add_plate(parser)
    add_making(parser)
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> Result:
    """Dub."""
    from relip.dubbing import absolute, dub_with

    outcome = dub_with(
        settings_from(args, absolute(args.plate)),
        output=args.out,
        shot_folder=args.shot,
        clean=args.clean,
        force=args.force,
        progress=make_progress(args),
    )
    text = describe(outcome.reports)
    text += f"\nwrote    {outcome.output}"
    if outcome.shot is not None:
        text += f"\nshot     {outcome.shot} (reused by the next dub; --clean removes it)"
    return Result(
        {
            "output": str(outcome.output),
            "shot": str(outcome.shot) if outcome.shot else None,
            "stages": [r.to_dict() for r in outcome.reports],
        },
        text,
        exit_code(outcome.reports),
    )
