"""``relip models list|fetch|verify``: models that are not shipped."""

from __future__ import annotations

import argparse

from relip.commands.common import add_common
from relip.commands.result import Result
from relip.errors import EXIT_MODEL


def register(subparsers: argparse._SubParsersAction) -> None:
    """Add the parsers."""
    text = "models that are not shipped: what there is, get one, check those installed"
    parser = subparsers.add_parser("models", help=text, description=text)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)

    listing = actions.add_parser("list", help="which models there are, and which are installed")
    listing.set_defaults(run=run_list)

    fetching = actions.add_parser("fetch", help="install a model; its SHA-256 is verified")
    fetching.add_argument("name", metavar="NAME", help="as relip models list calls it")
    fetching.add_argument(
        "--from", dest="source", metavar="FILE", help="take this file instead of downloading it"
    )
    fetching.set_defaults(run=run_fetch)

    verifying = actions.add_parser("verify", help="check the installed models' SHA-256")
    verifying.set_defaults(run=run_verify)
    for each in (listing, fetching, verifying):
        add_common(each)


def run_list(args: argparse.Namespace) -> Result:
    """List them."""
    from relip import models

    rows, lines = [], []
    for model in models.known().values():
        there = models.find(model.name)
        rows.append(
            {
                "name": model.name,
                "what": model.what,
                "installed": str(there) if there else None,
                "url": model.url,
                "sha256": model.sha256,
                "bytes": model.size,
                "licence": model.licence,
            }
        )
        lines += [
            f"{model.name}: {there or 'not installed'}",
            f"  {model.what}",
            f"  {model.size / 1e6:.1f} MB, {model.licence}, {model.origin}; {model.url}",
        ]
    return Result({"folder": str(models.folder()), "models": rows}, "\n".join(lines))


def run_fetch(args: argparse.Namespace) -> Result:
    """Install one."""
    from relip import models

    there = models.fetch(args.name, args.source)
    return Result({"name": args.name, "path": str(there)}, f"{args.name}: {there}")


def run_verify(args: argparse.Namespace) -> Result:
    """Check those that are installed."""
    from relip import models

    rows, lines, bad = [], [], False
    for model in models.known().values():
        there = models.find(model.name)
        if there is None:
            continue
        right = models.checksum(there) == model.sha256
        bad |= not right
        rows.append({"name": model.name, "path": str(there), "right": right})
        lines.append(
            f"{model.name}: {there}: {'right' if right else 'another file: fetch it again'}"
        )
    return Result({"models": rows}, "\n".join(lines) or "no model installed", EXIT_MODEL * bad)
