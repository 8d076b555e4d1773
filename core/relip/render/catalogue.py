"""models.toml: which renderers of others' there are, what they need, and on what terms.

```toml
[[renderer]]
name = "studio-lips"
adapter = "mel96"
file = "studio-lips.pt"        # beside this file, or absolute
format = "torchscript"         # or onnx
sha256 = "…64 digits…"
licence = "Studio internal"
commercial = true
[renderer.options]
order = "bgr"
```

Nothing is ever fetched. A file whose checksum is not the one written here is
not run: a model is a program.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from relip.errors import ModelError, SettingError, reason

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

#: Names a models.toml where ``render.models`` does not.
VARIABLE = "RELIP_MODELS"

FORMATS = ("torchscript", "onnx")

#: What an entry must have, and of which kind.
_REQUIRED: dict[str, type] = {
    "name": str,
    "adapter": str,
    "file": str,
    "format": str,
    "sha256": str,
    "licence": str,
    "commercial": bool,
}


@dataclass(frozen=True)
class ModelEntry:
    """One renderer of a models.toml.

    Attributes
    ----------
    name, adapter : str
        The adapter is built in (``mel96``) or an entry point of the group ``relip.renderers``.
    path : Path
        The model's file.
    format : {"torchscript", "onnx"}
    sha256 : str
        Of the whole file, 64 hexadecimal digits.
    licence : str
    commercial : bool
        Whether its licence allows commercial use.
    options : mapping
        What the adapter makes of it: crop, normalisation, input.
    """

    name: str
    adapter: str
    path: Path
    format: str
    sha256: str
    licence: str
    commercial: bool
    options: Mapping[str, Any] = field(default_factory=dict)

    def terms(self) -> str:
        """A line that is shown before it runs."""
        allowed = "yes" if self.commercial else "NO"
        return (
            f"renderer {self.name}: licence {self.licence}; commercial use: {allowed} "
            f"({self.path.name}, sha256 {self.sha256[:12]}…)"
        )

    def verify(self) -> None:
        """See that the file is the one described.

        Raises
        ------
        ModelError
            If it is missing, cannot be read, or its checksum is another.
        """
        digest = hashlib.sha256()
        try:
            with self.path.open("rb") as handle:
                for block in iter(lambda: handle.read(1 << 20), b""):
                    digest.update(block)
        except OSError as exc:
            raise ModelError(
                f"renderer {self.name}: {self.path} cannot be read: {exc.strerror or exc}",
                mend="put the model there, or mend its file in models.toml",
            ) from None
        if digest.hexdigest() != self.sha256:
            raise ModelError(
                f"renderer {self.name}: {self.path} is not the model that was described: its "
                f"sha256 is {digest.hexdigest()}",
                mend="get the right file, or write this sha256 into models.toml if you trust it",
            )

    def to_dict(self) -> dict[str, Any]:
        """For records: everything that tells which model it was."""
        return {
            "name": self.name,
            "adapter": self.adapter,
            "file": self.path.name,
            "format": self.format,
            "sha256": self.sha256,
            "licence": self.licence,
            "commercial": self.commercial,
            "options": dict(self.options),
        }


def read_models(path: Path) -> dict[str, ModelEntry]:
    """The renderers of a models.toml by name.

    Raises
    ------
    ModelError
        If it is missing, no TOML, or an entry lacks something.
    """
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise ModelError(f"{path} does not exist", mend="check --models") from None
    except (OSError, ValueError, RecursionError) as exc:
        raise ModelError(f"{path} cannot be read: {reason(exc)}", mend="mend it") from None
    entries = data.get("renderer", [])
    if not isinstance(entries, list):
        raise ModelError(f"{path}: renderer is no list", mend="write [[renderer]] for each")
    found: dict[str, ModelEntry] = {}
    for number, entry in enumerate(entries, start=1):
        made = _entry(path, number, entry)
        if made.name in found or made.name == "shot":
            raise ModelError(
                f"{path}: the name {made.name!r} is taken", mend="give each renderer its own name"
            )
        found[made.name] = made
    return found


def _entry(path: Path, number: int, entry: Any) -> ModelEntry:
    where = f"{path}, renderer {number}"
    if not isinstance(entry, dict):
        raise ModelError(f"{where} is no table", mend="write [[renderer]] for each")
    for name, kind in _REQUIRED.items():
        if not isinstance(entry.get(name), kind) or entry[name] == "":
            raise ModelError(
                f"{where} ({entry.get('name', '?')}): {name} is missing or no "
                f"{'true or false' if kind is bool else 'text'}",
                mend=f"it needs {', '.join(_REQUIRED)}",
            )
    unknown = sorted(set(entry) - set(_REQUIRED) - {"options", "note", "source"})
    if unknown:
        raise ModelError(
            f"{where} ({entry['name']}): unknown {', '.join(unknown)}",
            mend="what the adapter takes goes into [renderer.options]",
        )
    if entry["format"] not in FORMATS:
        raise ModelError(
            f"{where} ({entry['name']}): format is {entry['format']!r}",
            mend=f"use one of {', '.join(FORMATS)}",
        )
    digest = entry["sha256"].lower()
    if len(digest) != 64 or set(digest) - set("0123456789abcdef"):
        raise ModelError(
            f"{where} ({entry['name']}): sha256 is not 64 hexadecimal digits",
            mend="write what sha256sum says of the file",
        )
    options = entry.get("options", {})
    if not isinstance(options, dict):
        raise ModelError(f"{where} ({entry['name']}): options is no table")
    return ModelEntry(
        name=entry["name"],
        adapter=entry["adapter"],
        path=path.parent / Path(entry["file"]).expanduser(),
        format=entry["format"],
        sha256=digest,
        licence=entry["licence"],
        commercial=entry["commercial"],
        options=options,
    )


def find_model(name: str, models: Path | None) -> ModelEntry:
    """The renderer of a name.

    Parameters
    ----------
    name : str
    models : Path or None
        A models.toml; by default the one that RELIP_MODELS names.

    Raises
    ------
    SettingError
        If there is no models.toml, or it has no such renderer.
    ModelError
        If the models.toml is damaged.
    """
    given = os.environ.get(VARIABLE, "")
    path = models or (Path(given).expanduser() if given else None)
    if path is None:
        raise SettingError(
            f"the renderer {name!r} is not described anywhere",
            mend=f"name a models.toml with --models, or in {VARIABLE}",
        )
    found = read_models(path)
    if name not in found:
        raise SettingError(
            f"{path} describes no renderer {name!r}",
            mend=f"it has: {', '.join(sorted(found)) or 'none'}; shot is the shot's own network",
        )
    return found[name]
