"""``relip status SHOT``: what is up to date, stale, missing, failed."""

from __future__ import annotations

import argparse

from relip.commands.common import add_common
from relip.commands.result import Result


def register(subparsers: argparse._SubParsersAction) -> None:
    """Add the parser."""
    text = "what is up to date, stale, missing or failed"
    parser = subparsers.add_parser("status", help=text, description=text)
    parser.add_argument("shot", metavar="SHOT.relip", help="the shot folder")
    parser.add_argument("--per-frame", action="store_true", help="list every frame's state")
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> Result:
    """Collect the states."""
    from relip import pipeline
    from relip.frames import format_range
    from relip.overrides import misnamed
    from relip.shot import Shot

    shot = Shot.open(args.shot)
    stages = pipeline.status(shot)
    lines = []
    for stage in stages:
        counts = ", ".join(f"{n} {state}" for state, n in stage.counts.items())
        line = f"{stage.stage:<8} {stage.state:<11} {counts}"
        lines.append((line + (f"  ({stage.note})" if stage.note else "")).rstrip())
        if args.per_frame and stage.frames:
            for state in dict.fromkeys(stage.frames.values()):
                chosen = [f for f, s in stage.frames.items() if s == state]
                lines.append(f"           {state}: {format_range(chosen)}")
    overrides = sorted(
        p.name for p in shot.path("overrides").glob("*") if not p.name.startswith(".")
    )
    if overrides:
        lines.append(f"overrides: {', '.join(overrides)}")
    warnings = [line for _, line in misnamed(shot)]
    lines += [f"warning: {w}" for w in warnings]
    data = {
        "shot": str(shot.folder),
        "frames": [shot.frames.start, shot.frames[-1]],
        "stages": [s.to_dict(per_frame=args.per_frame) for s in stages],
        "overrides": overrides,
        "warnings": warnings,
    }
    return Result(data, "\n".join(lines))
