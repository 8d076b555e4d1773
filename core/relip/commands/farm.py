"""``relip farm bundle SHOT -o DIR``: an Open Job Description job."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from relip.commands.common import add_common
from relip.commands.result import Result
from relip.errors import UsageError

DESCRIPTION = """\
Write the shot as an Open Job Description job: template.yaml,
parameter_values.yaml and asset_references.yaml. AWS Deadline Cloud submits the
folder as it is; docs/farm.md has the command lines of other farms.

  relip farm bundle sh010.relip -o job
  openjd check job/template.yaml
  deadline bundle submit job
"""


def register(subparsers: argparse._SubParsersAction) -> None:
    """Add the parsers."""
    text = "a shot as a job for a render farm"
    parser = subparsers.add_parser("farm", help=text, description=text)
    actions = parser.add_subparsers(
        dest="action", metavar="ACTION", required=True, parser_class=type(parser)
    )
    bundle = actions.add_parser(
        "bundle",
        help="an Open Job Description job",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    bundle.add_argument("shot", metavar="SHOT.relip", help="the shot folder")
    bundle.add_argument("-o", "--out", required=True, metavar="DIR", help="the job's folder")
    bundle.add_argument(
        "--frames", metavar="RANGE", help="only these frames of the steps that are split"
    )
    bundle.add_argument(
        "--chunk", type=int, default=50, metavar="N", help="frames of a task (default: 50)"
    )
    bundle.add_argument("--name", metavar="TEXT", help="the job's name")
    bundle.add_argument(
        "--executable",
        metavar="RELIP",
        help="the relip command on the farm (default: this one's path)",
    )
    bundle.add_argument(
        "--train-gpus",
        type=int,
        default=0,
        metavar="N",
        help="GPUs that the host of the training must have (default: 0)",
    )
    nuke = bundle.add_argument_group("Nuke")
    nuke.add_argument("--nuke-comp", metavar="COMP.nk", help="render this comp at the end")
    nuke.add_argument(
        "--write", metavar="NODE", help="its Write node (default: the only enabled one)"
    )
    nuke.add_argument(
        "--nuke", default="nuke", metavar="NUKE", help="Nuke on the farm (default: nuke)"
    )
    add_common(bundle)
    bundle.set_defaults(run=run_bundle)


def run_bundle(args: argparse.Namespace) -> Result:
    """Write the bundle."""
    from relip.farm import bundle
    from relip.shot import Shot

    if args.write and not args.nuke_comp:
        raise UsageError("--write names a node of no comp", mend="give --nuke-comp, too")
    shot, folder = Shot.open(args.shot), Path(args.out)
    bundle.check_folder(folder, shot)
    nuke = None
    if args.nuke_comp:
        comp = Path(args.nuke_comp)
        nuke = bundle.NukeStep(comp, bundle.find_write(comp, args.write), args.nuke)
    options = bundle.BundleOptions(
        frames=args.frames,
        chunk=args.chunk,
        executable=args.executable or own_executable(),
        name=args.name,
        train_gpus=args.train_gpus,
        nuke=nuke,
    )
    data = bundle.write(shot, folder, options)
    text = "\n".join(
        [
            *data["files"],
            f"steps: {', '.join(data['steps'])}",
            f"frames: {data['frames']}",
            *(f"not in the job: {note}" for note in data["notes"]),
        ]
    )
    return Result({"folder": str(folder), **data}, text)


def own_executable() -> str:
    """The relip command of this environment; its bare name when there is none beside Python."""
    beside = Path(sys.executable).parent
    return shutil.which("relip", path=str(beside)) or "relip"
