"""Models that are not shipped: which exist, where they are kept, and how they are got.

``models.toml`` says where each comes from, under which licence, and what its
SHA-256 is. A model is used only from Relip's models folder, and only when its
checksum is right, so that a track made on the farm is made with the same model
as the artist's.
"""

from __future__ import annotations

import functools
import hashlib
import os
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from relip import records
from relip.errors import InputError, ModelError, UsageError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_TIMEOUT = 30.0
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Model:
    """One model.

    Attributes
    ----------
    name, what, file, url, sha256, licence, origin : str
    size : int
        Bytes.
    """

    name: str
    what: str
    file: str
    url: str
    sha256: str
    size: int
    licence: str
    origin: str


@functools.lru_cache(maxsize=1)
def known() -> dict[str, Model]:
    """The models of ``models.toml`` by name."""
    data = tomllib.loads(Path(__file__).with_name("models.toml").read_text("utf-8"))
    return {
        name: Model(
            name, m["what"], m["file"], m["url"], m["sha256"], m["bytes"], m["licence"], m["from"]
        )
        for name, m in data.items()
    }


def get(name: str) -> Model:
    """A model by name.

    Raises
    ------
    UsageError
        If there is none.
    """
    if name not in known():
        raise UsageError(f"there is no model {name}", mend=f"known: {', '.join(known())}")
    return known()[name]


def folder() -> Path:
    """Where models are kept: ``RELIP_MODELS``, else the user's data folder."""
    given = os.environ.get("RELIP_MODELS")
    if given:
        return Path(given).expanduser()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return base / "relip" / "models"


def path(name: str) -> Path:
    """Where a model is, or would be."""
    return folder() / get(name).file


def find(name: str) -> Path | None:
    """The installed model; None when it is not there. Its checksum is not looked at."""
    there = path(name)
    return there if there.is_file() else None


def checksum(file: Path) -> str:
    """SHA-256 of a file.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with file.open("rb") as handle:
            while block := handle.read(_CHUNK):
                digest.update(block)
    except OSError as exc:
        raise InputError(f"{file}: {exc.strerror or exc}", mend="check the path") from None
    return digest.hexdigest()


def require(name: str) -> Path:
    """The installed model, its checksum verified.

    Raises
    ------
    ModelError
        If it is not installed, or is another file.
    """
    model, there = get(name), find(name)
    if there is None:
        raise ModelError(
            f"the model {name} is not installed ({path(name)})",
            mend=f"run relip models fetch {name}, with --from FILE where there is no network",
        )
    found = checksum(there)
    if found != model.sha256:
        raise ModelError(
            f"{there}: not the model {name}: its SHA-256 is {found[:12]}…, "
            f"it should be {model.sha256[:12]}…",
            mend=f"run relip models fetch {name}",
        )
    return there


def fetch(name: str, source: str | Path | None = None) -> Path:
    """Install a model from where it is published, or from a file.

    Parameters
    ----------
    name : str
    source : path, optional
        A file to take instead of the download.

    Returns
    -------
    Path
        Where it is now; untouched when it was there already.

    Raises
    ------
    ModelError
        If it cannot be downloaded, or what came is another file. Nothing is
        installed then.
    InputError
        If ``source`` cannot be read.
    OutputError
        If the models folder cannot be written.
    """
    model, target = get(name), path(name)
    if target.is_file() and checksum(target) == model.sha256:
        return target
    content = _read_file(Path(source), model) if source else _download(model)
    found = hashlib.sha256(content).hexdigest()
    if found != model.sha256:
        raise ModelError(
            f"{source or model.url}: not the model {name}: its SHA-256 is {found[:12]}…, "
            f"it should be {model.sha256[:12]}…",
            mend=f"get the file from {model.url}",
        )
    with records.atomic_write(target, "wb") as handle:
        handle.write(content)
    return target


def _read_file(source: Path, model: Model) -> bytes:
    try:
        with source.open("rb") as handle:
            return handle.read(model.size + 1)
    except OSError as exc:
        raise InputError(f"{source}: {exc.strerror or exc}", mend="check the path") from None


def _download(model: Model) -> bytes:
    try:
        with urllib.request.urlopen(model.url, timeout=_TIMEOUT) as answer:
            content: bytes = answer.read(model.size + 1)
            return content
    except (urllib.error.URLError, OSError, ValueError) as exc:
        reason = getattr(exc, "reason", None) or exc
        raise ModelError(
            f"{model.url} cannot be downloaded: {reason}",
            mend=f"get the file by another way and run relip models fetch {model.name} --from FILE",
        ) from None
