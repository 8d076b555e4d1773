"""The jobs of the worker: method names, their parameters, and what they call.

Each is a command of the command line under the same name, with its options as
named parameters; what it gives back is the command's ``--output json`` with
``text`` (the lines a person reads) and ``exit_code`` (0, or 4 when some frames
failed) added.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from relip.commands.result import Result
from relip.errors import UsageError
from relip.progress import Progress

#: Where a job runs: one after the other with everything kept warm; beside them, answered while
#: one of those runs; or beside them in a process that ends with it.
WORK, LOOK, ONCE = "work", "look", "once"


class ParameterError(UsageError):
    """A parameter is missing, unknown or of the wrong kind."""


@dataclass(frozen=True)
class Parameter:
    """One parameter of a job.

    Attributes
    ----------
    kind : {"text", "flag", "settings", "options"}
    needed : bool
    """

    kind: str = "text"
    needed: bool = False


@dataclass(frozen=True)
class Job:
    """A method of the worker.

    Attributes
    ----------
    parameters : dict
    call : callable
        Takes the checked parameters and a :class:`Progress`, returns a Result.
    lane : {"work", "look", "once"}
    command : str, optional
        The module of ``relip.commands`` it needs.
    """

    parameters: dict[str, Parameter]
    call: Callable[[dict[str, Any], Progress], Result]
    lane: str = WORK
    command: str = ""


def _args(parameters: dict[str, Any], progress: Progress, **defaults: Any) -> argparse.Namespace:
    return argparse.Namespace(**{**defaults, **parameters, "progress": progress})


def _new(parameters: dict[str, Any], progress: Progress) -> Result:
    from relip.commands import new
    from relip.shot import Shot, ShotSettings

    given = dict(parameters.get("settings", {}))
    plate = {"path": parameters.get("plate")}
    plate |= {name: parameters.get(name) for name in ("frames", "fps", "colourspace")}
    given["plate"] = {
        **given.get("plate", {}),
        **{name: value for name, value in plate.items() if value is not None},
    }
    settings = ShotSettings.from_dict(given, where="the settings")
    return new.made(Shot.create(parameters["shot"], settings))


def _stage(parameters: dict[str, Any], progress: Progress) -> Result:
    from relip.commands import stage

    args = _args(parameters, progress, frames=None, force=False)
    return stage.run(parameters["stage"], args)


def _run(parameters: dict[str, Any], progress: Progress) -> Result:
    from relip.commands import run

    return run.run(_args(parameters, progress, until="review", frames=None, force=False))


def _dub(parameters: dict[str, Any], progress: Progress) -> Result:
    from relip.commands.common import describe, exit_code
    from relip.dubbing import dub_with

    outcome = dub_with(
        parameters["settings"],
        output=parameters["out"],
        shot_folder=parameters.get("shot"),
        clean=parameters.get("clean", False),
        force=parameters.get("force", False),
        progress=progress,
    )
    return Result(
        {
            "output": str(outcome.output),
            "shot": str(outcome.shot) if outcome.shot else None,
            "stages": [r.to_dict() for r in outcome.reports],
        },
        describe(outcome.reports),
        exit_code(outcome.reports),
    )


def _status(parameters: dict[str, Any], progress: Progress) -> Result:
    from relip.commands import status

    return status.run(_args(parameters, progress, per_frame=False))


def _set(parameters: dict[str, Any], progress: Progress) -> Result:
    from relip.commands import set as set_command

    return set_command.change(parameters["shot"], parameters["settings"])


def _align(parameters: dict[str, Any], progress: Progress) -> Result:
    words = [parameters["audio"], f"--out={parameters['out']}"]
    words += [f"--{n}={parameters[n]}" for n in ("text", "lang", "plot") if n in parameters]
    return _by_command_line("align", words, parameters.get("options", {}), progress)


def _doctor(parameters: dict[str, Any], progress: Progress) -> Result:
    from relip.commands import doctor

    return doctor.run(_args(parameters, progress))


def _export(parameters: dict[str, Any], progress: Progress) -> Result:
    """``relip export``: whatever options it has, by name, in ``options``."""
    words = [parameters["shot"], f"--to={parameters['to']}"]
    if "out" in parameters:
        words.append(f"--out={parameters['out']}")
    if "frames" in parameters:
        words.append(f"--frames={parameters['frames']}")
    return _by_command_line("export", words, parameters.get("options", {}), progress)


def _farm_bundle(parameters: dict[str, Any], progress: Progress) -> Result:
    words = ["bundle", parameters["shot"], f"--out={parameters['out']}"]
    for name, option in (("comp", "nuke-comp"), ("write", "write"), ("frames", "frames")):
        if name in parameters:
            words.append(f"--{option}={parameters[name]}")
    return _by_command_line("farm", words, parameters.get("options", {}), progress)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> Any:
        raise ParameterError(message, mend=f"relip {self.prog} --help lists the options")


def _by_command_line(
    command: str, words: list[str], options: dict[str, Any], progress: Progress
) -> Result:
    """Call a command through its own parser, so that its checks and defaults hold."""
    for name, value in options.items():
        option = "--" + name.replace("_", "-")
        if value is True:
            words.append(option)
        elif isinstance(value, list):
            words += [option, *map(str, value)]
        elif value is not False and value is not None:
            words.append(f"{option}={value}")
    parser = _Parser(prog=command, add_help=False, allow_abbrev=False)
    subparsers = parser.add_subparsers(dest="command", required=True, parser_class=_Parser)
    importlib.import_module(f"relip.commands.{command}").register(subparsers)
    args = parser.parse_args([command, *words])
    args.progress = progress
    result: Result = args.run(args)
    return result


_SHOT = Parameter(needed=True)

#: All methods that are jobs, by name.
JOBS: dict[str, Job] = {
    "new": Job(
        {
            "shot": _SHOT,
            "plate": Parameter(),
            "frames": Parameter(),
            "fps": Parameter(),
            "colourspace": Parameter(),
            "settings": Parameter("settings"),
        },
        _new,
    ),
    "set": Job({"shot": _SHOT, "settings": Parameter("settings", needed=True)}, _set, LOOK),
    "stage": Job(
        {
            "shot": _SHOT,
            "stage": Parameter(needed=True),
            "frames": Parameter(),
            "force": Parameter("flag"),
        },
        _stage,
    ),
    "run": Job(
        {
            "shot": _SHOT,
            "until": Parameter(),
            "frames": Parameter(),
            "force": Parameter("flag"),
        },
        _run,
    ),
    "dub": Job(
        {
            "settings": Parameter("settings", needed=True),
            "out": Parameter(needed=True),
            "shot": Parameter(),
            "clean": Parameter("flag"),
            "force": Parameter("flag"),
        },
        _dub,
    ),
    "status": Job({"shot": _SHOT, "per_frame": Parameter("flag")}, _status, LOOK),
    "align": Job(
        {
            "audio": Parameter(needed=True),
            "out": Parameter(needed=True),
            "text": Parameter(),
            "lang": Parameter(),
            "plot": Parameter(),
            "options": Parameter("options"),
        },
        _align,
        command="align",
    ),
    "export": Job(
        {
            "shot": _SHOT,
            "to": Parameter(needed=True),
            "out": Parameter(),
            "frames": Parameter(),
            "options": Parameter("options"),
        },
        _export,
        command="export",
    ),
    "farm.bundle": Job(
        {
            "shot": _SHOT,
            "out": Parameter(needed=True),
            "comp": Parameter(),
            "write": Parameter(),
            "frames": Parameter(),
            "options": Parameter("options"),
        },
        _farm_bundle,
        LOOK,
        command="farm",
    ),
    "doctor": Job({}, _doctor, ONCE),
}


def available() -> list[str]:
    """The methods that this engine has."""
    return [
        name
        for name, job in JOBS.items()
        if not job.command or importlib.util.find_spec(f"relip.commands.{job.command}")
    ]


def check(method: str, parameters: Any) -> dict[str, Any]:
    """The parameters of a request, checked; those that are null are left out.

    Raises
    ------
    ParameterError
        If one is missing, unknown or of the wrong kind.
    """
    wanted = JOBS[method].parameters
    if parameters is None:
        parameters = {}
    if not isinstance(parameters, dict):
        raise ParameterError(f"{method}: parameters are given by name", mend="send an object")
    unknown = sorted(set(parameters) - set(wanted))
    if unknown:
        known = ", ".join(wanted) or "none"
        raise ParameterError(f"{method} has no parameter {unknown[0]!r}", mend=f"known: {known}")
    given = {name: value for name, value in parameters.items() if value is not None}
    for name, parameter in wanted.items():
        if name not in given:
            if parameter.needed:
                raise ParameterError(f"{method} needs the parameter {name!r}")
            continue
        _check_kind(f"{method}: {name}", given[name], parameter)
    return given


def _check_kind(where: str, value: Any, parameter: Parameter) -> None:
    kinds: dict[str, type[Any]] = {"text": str, "flag": bool, "settings": dict, "options": dict}
    if not isinstance(value, kinds[parameter.kind]):
        spoken = {"text": "a string", "flag": "true or false"}.get(parameter.kind, "an object")
        raise ParameterError(f"{where} must be {spoken}")
    if parameter.kind == "text" and parameter.needed and not value:
        raise ParameterError(f"{where} is empty")
    if parameter.kind == "settings":
        for section, group in value.items():
            if not isinstance(group, dict):
                raise ParameterError(f"{where}.{section} must be an object")
    if parameter.kind == "options":
        for name, one in value.items():
            for item in one if isinstance(one, list) else [one]:
                if not (item is None or isinstance(item, (str, int, float))):
                    raise ParameterError(f"{where}.{name} must be a string, number or flag")
    _check_text(where, value)


def _check_text(where: str, value: Any, depth: int = 0) -> None:
    """No character that no path can hold: they would fail deep inside, or cut a path short."""
    if depth > 8:
        raise ParameterError(f"{where} is nested too deeply")
    if isinstance(value, dict):
        for key, inner in value.items():
            _check_text(where, key, depth + 1)
            _check_text(where, inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            _check_text(where, inner, depth + 1)
    elif isinstance(value, str):
        if "\0" in value:
            raise ParameterError(f"{where} holds a NUL character")
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            raise ParameterError(f"{where} is not valid Unicode text") from None


def perform(method: str, parameters: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Do a job.

    Parameters
    ----------
    method : str
        One of :func:`available`.
    parameters : dict
        As :func:`check` gave them.
    progress : Progress

    Returns
    -------
    dict
        The command's data with ``text`` and ``exit_code``.

    Raises
    ------
    RelipError
        What the command raises.
    """
    result = JOBS[method].call(parameters, progress)
    return {**result.to_dict(), "text": result.to_text(), "exit_code": int(result.exit_code)}
