"""The gizmos a comp needs, in one folder or zip, for whoever renders it elsewhere."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

from relip import __version__
from relip.errors import GizmoError, OutputError
from relip.gizmo.comp import Comp
from relip.gizmo.library import Library
from relip.gizmo.manifest import NAME, Entry, format_manifest
from relip.records import atomic_path, output_error

_README = """\
Gizmos of Relip {version} that {comp} needs: {classes}.

Put this folder on Nuke's plug-in path, either of:
  - set NUKE_PATH to this folder;
  - in a .nuke/init.py: nuke.pluginAddPath("/where/this/folder/is")

The comp renders from its cached pictures; the Relip engine is not needed for that. gizmos.toml has
the version and SHA-256 of each file.
"""


def needed(comp: Comp, library: Library) -> list[Entry]:
    """The classes a comp needs, with those that they hold themselves.

    Parameters
    ----------
    comp : Comp
    library : Library

    Returns
    -------
    list of Entry
        By family and version.

    Raises
    ------
    GizmoError
        If one is not in the folder, has no file, or is not the one in the manifest.
    """
    waiting = [(node.cls, comp.path(node)) for node in comp.relip_nodes(library)]
    found: dict[str, Entry] = {}
    while waiting:
        cls, where = waiting.pop()
        if cls in found:
            continue
        entry = library.entries.get(cls)
        state = library.file_state(cls) if entry else "not there"
        if entry is None or state in ("missing", "modified"):
            raise GizmoError(
                f"{cls}, which {where} needs, is {state} in {library.folder}",
                mend="name the folder that has the released file with --gizmos DIR",
            )
        found[cls] = entry
        waiting += [
            (node.cls, cls) for node in library.gizmo(cls).walk() if library.is_relip(node.cls)
        ]
    return sorted(found.values(), key=lambda e: (e.family, e.order))


def bundle(comp: Comp, library: Library, out: Path) -> list[str]:
    """Write the gizmos a comp needs, their manifest and a note how to use them.

    Parameters
    ----------
    comp : Comp
    library : Library
    out : Path
        A folder that is not there or empty, or a name that ends in ``.zip``.

    Returns
    -------
    list of str
        The names of the files written.

    Raises
    ------
    GizmoError
        As :func:`needed`; also when the comp has no Relip gizmo.
    OutputError
        If ``out`` is in the way or cannot be written.
    """
    entries = needed(comp, library)
    if not entries:
        raise GizmoError(
            f"{comp.script.path} has no Relip gizmo", mend="there is nothing to bundle"
        )
    manifest = format_manifest({entry.cls: entry for entry in entries})
    note = _README.format(
        version=__version__,
        comp=Path(comp.script.path).name or "the comp",
        classes=", ".join(entry.cls for entry in entries),
    )
    files = {entry.file: library.path(entry.cls).read_bytes() for entry in entries}
    files |= {NAME: manifest.encode(), "README.txt": note.encode()}
    if out.suffix.lower() == ".zip":
        with atomic_path(out) as temporary, zipfile.ZipFile(temporary, "w") as archive:
            for name, data in files.items():
                info = zipfile.ZipInfo(f"{out.stem}/{name}")  # 1980: the same zip every time
                info.compress_type = zipfile.ZIP_DEFLATED
                info.external_attr = 0o644 << 16
                archive.writestr(info, data)
    else:
        _write_folder(out, files)
    return list(files)


def _write_folder(out: Path, files: dict[str, bytes]) -> None:
    """All files or none."""
    try:
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise OutputError(f"{out} is there already", mend="name a new folder or a .zip file")
        out.parent.mkdir(parents=True, exist_ok=True)
        temporary = out.with_name(f".{out.name}.part")
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        try:
            for name, data in files.items():
                (temporary / name).write_bytes(data)
            if out.exists():
                out.rmdir()
            temporary.rename(out)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as exc:
        raise output_error(out, exc) from exc
