"""``relip export SHOT --to WHAT -o FILE``: results for Nuke and other programs."""

from __future__ import annotations

import argparse
import re

from relip.commands.common import add_common, make_progress
from relip.commands.result import Result
from relip.errors import UsageError

EPILOG = """\
what can be exported (--to):
  tracker     Tracker4 with named points of the face       --points, --reference
  cornerpin   CornerPin2D between plate and face crop      --direction, --size, --reference
              uncrop: put a picture of the crop onto the plate (default); crop: the way back;
              stabilise, matchmove: hold the head still, or move something along with it
  transform   Transform that moves with the head           --direction, --reference
  roto        Roto with animated shapes lips, mouth, jaw   --shapes
  stmap       STMap sequences (EXR beside FILE) and nodes  --direction, --size, --source
  gridwarp    GridWarp3 that follows the lower face        --direction, --grid
  curves      NoOp with the mouth controls as knobs
  read        Reads of plate, mask, patch and comp         --pictures, --script, --raw
  usd         face mesh and camera (pip install relip[usd])  --focal-length, --film-width
  json        the track as plain data                      --points
  package     delivery folder: generated pixels in multi-layer EXRs beside the comp

In Nuke: File > Insert Comp Nodes, or drag the .nk into the node graph; select a node first
and the new ones go below it. Nuke counts y upwards; everything here is turned for it.

examples:
  relip export sh010.relip --to tracker -o sh010_track.nk
  relip export sh010.relip --to tracker --points mouth_l mouth_r chin 199 -o mouth.nk
  relip export sh010.relip --to cornerpin --direction crop --size 1024 -o crop.nk
  relip export sh010.relip --to transform --direction stabilise --reference 1024 -o still.nk
  relip export sh010.relip --to roto --shapes lips mouth -o lips.nk
  relip export sh010.relip --to package -o delivery/sh010
"""


def register(subparsers: argparse._SubParsersAction) -> None:
    """Add the parser."""
    from relip.handoff.export import TARGETS

    text = "write tracks, shapes, maps, curves, meshes or a delivery package for other programs"
    parser = subparsers.add_parser(
        "export",
        help=text,
        description=text,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("shot", metavar="SHOT.relip", help="the shot folder")
    parser.add_argument("--to", required=True, choices=tuple(TARGETS), help="what; see below")
    parser.add_argument(
        "-o", "--out", required=True, metavar="FILE",
        help="where: .nk; .usd, .usda or .usdc; .json; for a package a folder",
    )  # fmt: skip
    parser.add_argument("--frames", metavar="RANGE", help="only these frames, e.g. 1001-1100")
    group = parser.add_argument_group("what some of them take")
    group.add_argument(
        "--points", nargs="+", metavar="NAME",
        help="points: nose_tip, eye_l_outer, mouth_l, mouth_r, lip_middle, chin, …, "
        "a landmark's number (0-477), or all (default: 14 named ones)",
    )  # fmt: skip
    group.add_argument(
        "--shapes", nargs="+", metavar="NAME", help="lips, mouth, jaw (default: all)"
    )
    group.add_argument(
        "--pictures", nargs="+", metavar="NAME", help="plate, mask, patch, comp (default: all)"
    )
    group.add_argument("--direction", metavar="D", help="which way the picture goes; see below")
    group.add_argument(
        "--reference", type=int, metavar="FRAME",
        help="the frame in which nothing moves (default: the middle one with a face)",
    )  # fmt: skip
    group.add_argument(
        "--size", type=int, metavar="PIXELS", help="side of the face crop (default: 256 or 512)"
    )
    group.add_argument(
        "--source", choices=("track", "render"),
        help="of STMaps: computed from the track (default), or the layers of the patches",
    )  # fmt: skip
    group.add_argument("--grid", metavar="CxR", help="grid lines across and up (default: 7x7)")
    group.add_argument(
        "--script", action="store_true", default=None,
        help="a whole script with the shot's range, rate and format, to be opened",
    )  # fmt: skip
    group.add_argument(
        "--raw", action="store_true", default=None,
        help="Reads without colour conversion (when the comp lacks the plate's colourspace)",
    )  # fmt: skip
    group.add_argument(
        "--focal-length", type=float, metavar="MM", help="of the USD camera (default: 50)"
    )
    group.add_argument(
        "--film-width", type=float, metavar="MM", help="of its film back (default: 36)"
    )
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> Result:
    """Export."""
    from relip.handoff.export import Options, export
    from relip.shot import Shot

    names = ("frames", "points", "shapes", "pictures", "direction", "reference", "size", "source",
             "script", "raw", "focal_length", "film_width")  # fmt: skip
    given = {name: getattr(args, name) for name in names}
    for name in ("points", "shapes", "pictures"):  # "a b" and "a,b" alike
        if given[name] is not None:
            given[name] = [word for part in given[name] for word in part.split(",") if word]
    options = Options(**given, grid=_grid(args.grid))
    shot = Shot.open(args.shot)
    made = export(shot, args.to, args.out, options, progress=make_progress(args))
    count = len(made.files)
    more = f", {count - 1} files with it" if count > 1 else ""
    lines = [f"{made.files[0]}: {args.to}, frames {made.frames}{more}", *made.notes]
    return Result(made.to_dict(), "\n".join(lines))


def _grid(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    found = re.fullmatch(r"(\d{1,3})x(\d{1,3})", text.strip())
    if not found:
        raise UsageError(f"--grid {text!r} is not a grid", mend="write it as 7x7")
    return int(found[1]), int(found[2])
