"""The command line: ``relip COMMAND …`` or ``python -m relip COMMAND …``."""

from __future__ import annotations

import argparse
import errno
import importlib
import json
import os
import re
import sys
import traceback
from collections.abc import Sequence

from relip import __version__, interrupt, pathmap
from relip.commands.result import plain
from relip.errors import EXIT_INTERRUPTED, EXIT_OUTPUT, EXIT_UNEXPECTED, EXIT_USAGE, RelipError
from relip.threads import set_threads, waiting_threads_sleep

#: The subcommands, in the order of --help; each is a module of relip.commands.
COMMANDS = (
    "dub",
    "demo",
    "new",
    "set",
    "stage",
    "run",
    "rerun",
    "status",
    "align",
    "export",
    "gizmo",
    "farm",
    "models",
    "doctor",
    "worker",
)

EPILOG = """\
start here:
  relip demo out/demo                      footage made on the spot, dubbed
  relip dub clip.mp4 --audio new.wav --text new.txt -o dubbed.mp4
  relip new sh010.relip --plate sh010.####.exr --fps 24000/1001 --colourspace ACEScg --audio new.wav
  relip run sh010.relip                    every stage that is stale
  relip status sh010.relip --per-frame

exit codes: 0 done, 1 unexpected, 2 usage, 3 input missing or unreadable, 4 some frames
failed, 5 model or device, 6 output not writable or disk full, 130 or 143 interrupted
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        print(f"error: {message}; {self.prog} --help explains", file=sys.stderr)
        raise SystemExit(EXIT_USAGE)


def build_parser() -> argparse.ArgumentParser:
    """The parser with every subcommand."""
    parser = _Parser(
        prog="relip",
        description="Re-sync an actor's mouth in a shot to new dialogue.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"relip {__version__}")
    subparsers = parser.add_subparsers(
        dest="command", metavar="COMMAND", required=True, parser_class=_Parser
    )
    for name in COMMANDS:
        importlib.import_module(f"relip.commands.{name}").register(subparsers)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        By default ``sys.argv[1:]``.

    Returns
    -------
    int
        The exit code.
    """
    os.environ.setdefault("GLOG_minloglevel", "3")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    waiting_threads_sleep()
    try:
        args = build_parser().parse_args(_bound(sys.argv[1:] if argv is None else argv))
    except SystemExit as exc:
        return int(exc.code or 0)
    with interrupt.caught():
        return _run(args)


def _run(args: argparse.Namespace) -> int:
    """Call the subcommand; every failure becomes one line and an exit code."""
    try:
        if getattr(args, "threads", 0):
            set_threads(args.threads)
        pathmap.use(getattr(args, "path_map", []))
        result = args.run(args)
        if getattr(args, "output_form", "human") == "json":
            print(json.dumps(plain(result.to_dict()), indent=1))
        elif result.to_text():
            print(result.to_text())
        return int(result.exit_code)
    except RelipError as exc:
        line = " ".join(str(exc).splitlines())
        print(f"error: {line}", file=sys.stderr)
        if getattr(args, "progress", "") == "openjd":
            print(f"openjd_fail: {line}", flush=True)
        if getattr(args, "output_form", "human") == "json":
            print(json.dumps({"error": exc.message, "mend": exc.mend, "kind": type(exc).__name__}))
        if getattr(args, "verbose", 0):
            traceback.print_exc()
        return exc.exit_code
    except KeyboardInterrupt:
        print("error: interrupted; run the same command again to go on", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_OUTPUT
    except MemoryError:
        print("error: not enough memory; free some and run the same command again", file=sys.stderr)
        return EXIT_UNEXPECTED
    except OSError as exc:
        if exc.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
            return _unexpected(exc, args)
        print(
            f"error: {exc.filename or 'output'}: {exc.strerror}; free some space", file=sys.stderr
        )
        return EXIT_OUTPUT
    except Exception as exc:
        return _unexpected(exc, args)


def _unexpected(exc: Exception, args: argparse.Namespace) -> int:
    """A bug: say so in one line, and in full with -v."""
    from relip.environment import explain_import_error

    text = " ".join(str(exc).split()) or "no message"
    hint = explain_import_error(exc) if isinstance(exc, ImportError) else ""
    print(
        f"error: unexpected {type(exc).__name__}: {hint or text}; run again with -v for details",
        file=sys.stderr,
    )
    if getattr(args, "verbose", 0):
        traceback.print_exc()
    return EXIT_UNEXPECTED


def _bound(argv: Sequence[str]) -> list[str]:
    """``--frames -5--1`` as ``--frames=-5--1``: argparse takes a leading minus for an option."""
    result: list[str] = []
    for word in argv:
        if result and result[-1] == "--frames" and re.match(r"-\d", word):
            result[-1] = f"--frames={word}"
        else:
            result.append(word)
    return result


if __name__ == "__main__":
    sys.exit(main())
