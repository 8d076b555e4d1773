"""``relip set SHOT mask.grow=0.02``: change settings of a shot."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from relip.commands.common import add_common
from relip.commands.result import Result
from relip.errors import SettingError

DESCRIPTION = """\
Change settings in shot.toml. All of them are checked first; then the file is
written whole or not at all. What depends on them becomes stale.

  relip set sh010.relip mask.grow=0.02 render.drive=track
  relip set sh010.relip render.layers=raw,stmap dialogue.text=
"""

#: Settings outside [dialogue] and [drive] after whose change what is named is looked for.
_NAMES_WHAT_IS_THERE = ("render.drive", "render.csv", "train.extra", "track.face")


def register(subparsers: argparse._SubParsersAction) -> None:
    """Add the parser."""
    parser = subparsers.add_parser(
        "set",
        help="change settings of a shot",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("shot", metavar="SHOT.relip", help="the shot folder")
    parser.add_argument(
        "pairs", nargs="+", metavar="SECTION.KEY=VALUE", help="for example mask.grow=0.02"
    )
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> Result:
    """Change them."""
    return change(args.shot, parse_pairs(args.pairs))


def parse_pairs(pairs: Sequence[str]) -> dict[str, dict[str, Any]]:
    """``["mask.grow=0.02"]`` as ``{"mask": {"grow": 0.02}}``, each value of its setting's kind.

    Raises
    ------
    SettingError
        If one is not SECTION.KEY=VALUE, unknown, or not of the setting's kind.
    """
    from relip.shot import ShotSettings

    known = ShotSettings().to_dict()
    found: dict[str, dict[str, Any]] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        section, dot, key = name.strip().partition(".")
        if not equals or not dot:
            raise SettingError(
                f"{pair!r} is not a setting", mend="write SECTION.KEY=VALUE, as in mask.grow=0.02"
            )
        if section not in known:
            raise SettingError(f"unknown section {section}", mend=f"known: {', '.join(known)}")
        if key not in known[section]:
            raise SettingError(
                f"unknown setting {section}.{key}",
                mend=f"known: {', '.join(sorted(known[section]))}",
            )
        found.setdefault(section, {})[key] = _typed(f"{section}.{key}", text, known[section][key])
    return found


def _typed(name: str, text: str, default: Any) -> Any:
    """A value from the command line, of the kind of the setting's default."""
    kinds: dict[type, Any] = {int: int, float: float}
    if isinstance(default, bool):
        if text.lower() not in ("true", "false"):
            raise SettingError(f"{name} is {text!r}", mend="it must be true or false")
        return text.lower() == "true"
    if isinstance(default, tuple):
        return [word.strip() for word in text.split(",") if word.strip()]
    try:
        return kinds.get(type(default), str)(text)
    except ValueError:
        kind = "a whole number" if isinstance(default, int) else "a number"
        raise SettingError(f"{name} is {text!r}", mend=f"it must be {kind}") from None


def change(folder: str | Path, settings: dict[str, Any]) -> Result:
    """Change settings of a shot and write its ``shot.toml``.

    Parameters
    ----------
    folder : path
        The shot.
    settings : dict
        ``{"mask": {"grow": 0.02}, ...}``; what is not named stays.

    Returns
    -------
    Result
        ``data["changed"]``: the settings that are now different, as
        ``{"mask.grow": [old, new]}``.

    Raises
    ------
    SettingError
        If a name is unknown or a value wrong; nothing is written then.
    InputError
        If a file that is now named cannot be used.
    """
    from relip.shot import Shot, ShotSettings

    shot = Shot.open(folder)
    old = shot.settings.to_dict()
    merged: dict[str, Any] = dict(old)
    for section, values in settings.items():
        # from_dict names what is unknown or of the wrong kind
        merged[section] = (
            {**old[section], **values} if section in old and isinstance(values, dict) else values
        )
    wanted = Shot(shot.folder, ShotSettings.from_dict(merged, where="the settings"))
    new = wanted.settings.to_dict()
    changed = differences(old, new)
    if any(name.startswith(("plate.", "dialogue.")) for name in changed):
        wanted.frames  # noqa: B018  opens the plate
    if any(
        name.startswith(("dialogue.", "drive.")) or name in _NAMES_WHAT_IS_THERE for name in changed
    ):
        wanted.check_inputs()
    if changed:
        wanted.save()
    return Result(
        {"shot": str(shot.folder), "changed": changed, "settings": new},
        "\n".join(told(changed)) or "nothing to change",
    )


def differences(old: dict[str, Any], new: dict[str, Any]) -> dict[str, list[Any]]:
    """What is different between the settings of a shot: ``{"mask.grow": [old, new]}``."""
    return {
        f"{section}.{key}": [old[section][key], value]
        for section, values in new.items()
        for key, value in values.items()
        if value != old[section][key]
    }


def told(changed: dict[str, list[Any]]) -> list[str]:
    """A line for every changed setting."""
    return [f"{name}: {before!r} → {after!r}" for name, (before, after) in changed.items()]
