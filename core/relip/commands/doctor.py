"""``relip doctor``: what is installed, what is missing, how to mend it."""

from __future__ import annotations

import argparse

from relip import environment, registration
from relip.commands.common import add_common
from relip.commands.result import Result
from relip.errors import EXIT_DONE, EXIT_MODEL


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand to the parser of ``relip``."""
    parser = subparsers.add_parser(
        "doctor",
        help="what is installed, what is missing, how to mend it",
        description=(
            "Checks Python, every package and its version, the devices, the models, colour, EXR "
            "and movie support, disk, memory and the current folder, by using each of them, and "
            "says what Nuke finds of the plugin. "
            "Exit code 0: the engine can work; 5: something it needs is missing."
        ),
    )
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> Result:
    """Look at the machine.

    Parameters
    ----------
    args : argparse.Namespace
        Nothing of it is used.

    Returns
    -------
    Result
        ``data["checks"]`` is a list of checks with name, status, detail, mend and needed;
        ``data["missing"]`` and ``data["warnings"]`` list names; the exit code is 5 when something
        needed is missing.
    """
    checks = [*environment.all_checks(), *registration.checks()]
    missing = [c.name for c in checks if c.fatal]
    warnings = [c.name for c in checks if c.status != environment.OK and not c.fatal]
    data = {
        "ok": not missing,
        "missing": missing,
        "warnings": warnings,
        "checks": [c.to_dict() for c in checks],
    }
    return Result(data, render(checks), EXIT_MODEL if missing else EXIT_DONE)


def render(checks: list[environment.Check]) -> str:
    """The checks as a table for people, what needs mending again at the end.

    Parameters
    ----------
    checks : list of Check

    Returns
    -------
    str
        Without a newline at the end.
    """
    width = max((len(c.name) for c in checks), default=0)
    lines = [f"{c.status:<8} {c.name:<{width}}  {' '.join(c.detail.split())}" for c in checks]
    troubled = [c for c in checks if c.mend]
    if troubled:
        lines.append("")
        lines += [f"{'mend' if c.fatal else 'hint'}: {c.name}: {c.mend}" for c in troubled]
    fatal = sum(c.fatal for c in checks)
    lines.append("")
    lines.append(
        f"{fatal} needed thing{'s are' if fatal != 1 else ' is'} missing"
        if fatal
        else "all that is needed is there"
    )
    return "\n".join(lines)
