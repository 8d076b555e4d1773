"""Where the engine is, and the environment it is started in."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import NamedTuple

#: Beside nuke_plugin; written by ``install.py --nuke`` and ``--studio``.
FILE = "engine.json"

#: The environment of a checkout.
ENVIRONMENT = ".relip-env"

#: What Nuke sets for itself and what would make another Python load Nuke's libraries.
SCRUBBED = (
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
    "LIBPATH",
    "SHLIB_PATH",
    "TCL_LIBRARY",
    "TK_LIBRARY",
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    "__PYVENV_LAUNCHER__",
    "PXR_PLUGINPATH_NAME",
    "OPENSSL_CONF",
    "SSL_CERT_FILE",
)
SCRUBBED_PREFIXES = ("PYTHON", "DYLD_", "QT_", "QML", "QTWEBENGINE")


class NotFound(Exception):
    """There is no engine; the message names where it was looked for."""


class Engine(NamedTuple):
    """How to start the engine.

    Attributes
    ----------
    command : list of str
        Without the subcommand.
    source : str
        What named it, for messages.
    """

    command: list[str]
    source: str


def find(root: str, environ: Mapping[str, str] | None = None) -> Engine:
    """The engine: RELIP_ENGINE, else engine.json, else the checkout's own environment.

    Parameters
    ----------
    root : str
        The folder that holds nuke_plugin.
    environ : mapping, optional
        By default ``os.environ``.

    Returns
    -------
    Engine

    Raises
    ------
    NotFound
        If what is named is not there; a wrong name is never passed over in silence.
    """
    environ = os.environ if environ is None else environ
    named = environ.get("RELIP_ENGINE", "").strip()
    if named:
        return _usable(os.path.expanduser(named), "RELIP_ENGINE")
    file = os.path.join(root, FILE)
    if os.path.exists(file):
        return _usable(os.path.join(root, _read(file)), file)
    beside = os.path.join(root, ENVIRONMENT)
    if os.path.isdir(beside):
        return _usable(beside, beside)
    raise NotFound(
        "the Relip engine is not installed: RELIP_ENGINE is not set, and there is neither "
        f"{file} nor {beside}"
    )


def _read(file: str) -> str:
    """The engine named by engine.json; one file can serve several systems."""
    try:
        with open(file, encoding="utf-8") as handle:
            data = json.load(handle)
    except (OSError, ValueError) as exc:
        raise NotFound(f"{file} cannot be read: {exc}") from None
    named = data.get("environment") if isinstance(data, dict) else None
    if isinstance(named, dict):
        system = "linux" if sys.platform.startswith("linux") else sys.platform
        if system not in named:
            raise NotFound(f"{file} names no engine for {system}")
        named = named[system]
    if not isinstance(named, str) or not named:
        raise NotFound(f"{file} names no environment")
    return named


def _usable(path: str, source: str) -> Engine:
    """The command for an environment's folder, or an executable."""
    if os.path.isdir(path):
        for names in (("bin", "python"), ("Scripts", "python.exe"), ("python.exe",)):
            python = os.path.join(path, *names)
            if os.path.isfile(python):
                # -I: nothing of the user's own site-packages gets in.
                return Engine([python, "-I", "-m", "relip"], source)
        raise NotFound(f"{path} ({source}) holds no Python")
    if not os.path.isfile(path):
        raise NotFound(f"{path} ({source}) does not exist")
    if not os.access(path, os.X_OK):
        raise NotFound(f"{path} ({source}) cannot be run")
    return Engine([path], source)


def scrubbed(environ: Mapping[str, str], nuke_folder: str = "") -> dict[str, str]:
    """An environment in which another Python works.

    Parameters
    ----------
    environ : mapping
    nuke_folder : str
        Nuke's own folder: on Windows it is taken off PATH, where its libraries would be found
        before the engine's.

    Returns
    -------
    dict
    """
    kept = {
        name: value
        for name, value in environ.items()
        if name.upper() not in SCRUBBED and not name.upper().startswith(SCRUBBED_PREFIXES)
    }
    kept["PYTHONNOUSERSITE"] = "1"
    if os.name == "nt" and nuke_folder:
        own = os.path.normcase(os.path.abspath(nuke_folder))
        for name in [n for n in kept if n.upper() == "PATH"]:
            kept[name] = os.pathsep.join(
                part
                for part in kept[name].split(os.pathsep)
                if os.path.normcase(os.path.abspath(part or ".")) != own
            )
    return kept


def describe(root: str) -> tuple[str, str]:
    """For a panel: the engine's command and what named it; empty and why not."""
    try:
        engine = find(root)
    except NotFound as exc:
        return "", str(exc)
    return " ".join(engine.command), engine.source
