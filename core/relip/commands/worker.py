"""``relip worker``: the engine as a long-lived process, for Nuke."""

from __future__ import annotations

import argparse

from relip.commands.result import Result

DESCRIPTION = """\
Serve the engine over stdin and stdout until stdin closes: JSON-RPC 2.0, one
object a line. The Nuke plugin starts it by itself; the methods are listed in
relip.worker and relip.jobs.
"""


def register(subparsers: argparse._SubParsersAction) -> None:
    """Add the parser."""
    parser = subparsers.add_parser(
        "worker",
        help="the engine as a long-lived process, for Nuke",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--threads",
        dest="job_threads",
        type=int,
        default=0,
        metavar="N",
        help="CPU threads of its jobs (default: all)",
    )
    parser.add_argument("-v", "--verbose", action="count", default=0, help="full details on errors")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> Result:
    """Serve."""
    from relip.errors import SettingError
    from relip.worker import serve

    if args.job_threads < 0:
        raise SettingError(f"--threads {args.job_threads}", mend="give 1 or more")
    return Result(exit_code=serve(threads=args.job_threads))
