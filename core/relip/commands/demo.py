"""``relip demo``: footage made on the spot, dubbed, and shown."""

from __future__ import annotations

import argparse
from pathlib import Path

from relip.commands.common import add_common, describe, exit_code, make_progress
from relip.commands.result import Result
from relip.shot import QUALITIES

DESCRIPTION = """\
Make a demo plate (a public-domain portrait given a talking mouth), dub it with
a short synthetic-voice recording, and write a contact sheet, a preview and a
report. Needs no footage and no network.
"""


def register(subparsers: argparse._SubParsersAction) -> None:
    """Add the parser."""
    parser = subparsers.add_parser(
        "demo", help="footage made on the spot, dubbed and shown", description=DESCRIPTION
    )
    parser.add_argument(
        "folder", nargs="?", default="relip-demo", help="where (default: relip-demo)"
    )
    parser.add_argument("--quality", choices=QUALITIES, default="draft")
    parser.add_argument("--force", action="store_true", help="do again what is up to date")
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> Result:
    """Make plate, dub and review."""
    from relip import pipeline
    from relip.demo import make_demo
    from relip.dubbing import absolute, dub_with
    from relip.shot import Shot

    folder = Path(args.folder)
    progress = make_progress(args)
    with progress.part(0, 0.05):
        made = make_demo(folder / "source", progress=progress)
    with progress.part(0.05, 0.9):
        outcome = dub_with(
            {
                "plate": {"path": absolute(made.plate)},
                "dialogue": {"audio": absolute(made.audio), "text": absolute(made.text)},
                "train": {"quality": args.quality},
            },
            output=folder / "dubbed.mp4",
            force=args.force,
            progress=progress,
        )
    assert outcome.shot is not None
    shot = Shot.open(outcome.shot)
    with progress.part(0.95, 0.05):
        reports = [*outcome.reports, pipeline.run_stage(shot, "review", progress=progress)]
    sync = reports[-1].data.get("sync", {})
    review = shot.path("review")
    text = describe(reports)
    text += (
        f"\nlips     r = {sync.get('opening_r')}, lag {sync.get('lag_frames')} frames, "
        f"{sync.get('closures_closed')} of {sync.get('closures')} closures closed"
        f"\nplate    {made.plate}\nwrote    {outcome.output}"
        f"\nlook at  {review / 'sheet.png'}\n         {review / 'report.html'}"
    )
    return Result(
        {
            "plate": str(made.plate),
            "output": str(outcome.output),
            "shot": str(outcome.shot),
            "report": str(review / "report.html"),
            "sync": sync,
        },
        text,
        exit_code(reports),
    )
