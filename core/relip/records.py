"""Stage records: fingerprints, per-frame status, atomic writes, resume.

Up to date is decided by fingerprints, never by time stamps. A stage that
works frame by frame writes one small status file per frame
(``<stage>/status/<frame>.json``), so that many processes on one shared folder
never write the same file with different contents; ``<stage>/record.json`` is
a summary that any of them can rebuild from those.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import hashlib
import json
import os
import platform
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np

from relip.errors import InputError, OutputError, ShotError, reason

#: Bytes read from the head, middle and tail of a large file for its fingerprint.
SAMPLE_BYTES = 1 << 20

#: States a frame can be in. ``passed``: nothing to do here (no face), the plate goes through.
STATES = ("done", "passed", "failed")


def fingerprint(*parts: Any) -> str:
    """SHA-256 over values: JSON-able objects, bytes and arrays.

    Parameters
    ----------
    *parts : object
        JSON-able values, ``bytes``, or ``numpy.ndarray`` (dtype and shape count).

    Returns
    -------
    str
        32 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(f"array {part.dtype.str} {part.shape}".encode())
            digest.update(np.ascontiguousarray(part).tobytes())
        elif isinstance(part, bytes):
            digest.update(b"bytes %d " % len(part) + part)
        else:
            text = json.dumps(part, sort_keys=True, separators=(",", ":"), default=str)
            digest.update(f"json {len(text)} {text}".encode())
    return digest.hexdigest()[:32]


def file_fingerprint(path: Path) -> str:
    """Fingerprint of a file's content; ``"absent"`` when there is none.

    Files over three :data:`SAMPLE_BYTES` are sampled at head, middle and tail
    together with their size.

    Parameters
    ----------
    path : Path

    Returns
    -------
    str

    Raises
    ------
    InputError
        If it is there but cannot be read.
    """
    try:
        size = path.stat().st_size
        digest = hashlib.sha256(str(size).encode())
        with path.open("rb") as handle:
            if size <= 3 * SAMPLE_BYTES:
                digest.update(handle.read())
            else:
                for start in (0, size // 2, size - SAMPLE_BYTES):
                    handle.seek(start)
                    digest.update(handle.read(SAMPLE_BYTES))
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return "absent"
    except OSError as exc:
        raise InputError(
            f"{path}: cannot be read: {exc.strerror or exc}", mend="check its permissions"
        ) from None
    return digest.hexdigest()[:32]


_MENDS = {
    errno.ENOSPC: "free some space and run it again",
    errno.EDQUOT: "make room in the quota and run it again",
    errno.EFBIG: "check the room on the disk and the limit on the size of files",
    errno.EACCES: "choose another folder or change its permissions",
    errno.EPERM: "choose another folder or change its permissions",
    errno.EROFS: "choose a folder that can be written",
    errno.ENOTDIR: "a file stands where a folder is needed",
    errno.EEXIST: "a file stands where a folder is needed",
}


def output_error(path: str | Path, error: OSError) -> OutputError:
    """The :class:`OutputError` that an operating system's error stands for."""
    reason = error.strerror or str(error)
    mend = _MENDS.get(error.errno or 0, "choose another place")
    return OutputError(f"{path} cannot be written: {reason}", mend=mend)


#: A temporary file of a process of this machine that is gone, or one older than this many seconds,
#: is swept away.
STALE = 6 * 3600.0

_TEMPORARY = re.compile(r"^\..+\.(?P<host>[0-9a-f]{8})-(?P<pid>\d+)-[0-9a-f]{8}(?:\..+)?$")


@functools.lru_cache(maxsize=1)
def _host() -> str:
    """This machine, since it was started, in eight digits: process numbers mean something on it."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    text = platform.node()
    with contextlib.suppress(OSError):
        text += boot.read_text()
    with contextlib.suppress(OSError):
        # Containers share a kernel and often a name, not their process numbers.
        text += os.readlink("/proc/self/ns/pid")
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def temporary_mark(pid: int) -> str:
    """In the name of every temporary file of a process on this machine: whose leavings they are."""
    return f".{_host()}-{pid}-"


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def sweep(folder: Path) -> list[Path]:
    """Remove temporary files that killed processes left in a folder.

    Those of this machine whose process is gone; of other machines those that
    have not changed for :data:`STALE` seconds, by the file system's own clock
    (a file made for the purpose), so that clocks that differ do no harm.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    list of Path
        What was removed.
    """
    removed: list[Path] = []
    try:
        found = [(p, m) for p in folder.iterdir() if (m := _TEMPORARY.match(p.name))]
    except OSError:
        return removed
    now: float | None = None
    for path, match in found:
        with contextlib.suppress(OSError):
            # On Windows there is no asking after a process without ending it.
            gone = os.name != "nt" and match["host"] == _host() and not _alive(int(match["pid"]))
            if not gone:
                now = _file_time(folder) if now is None else now
                if now - path.stat().st_mtime < STALE:
                    continue
            path.unlink()
            removed.append(path)
    return removed


def _file_time(folder: Path) -> float:
    """What the clock of the file system says."""
    probe = folder / f".clock{temporary_mark(os.getpid())}{os.urandom(4).hex()}"
    try:
        probe.write_bytes(b"")
        return probe.stat().st_mtime
    finally:
        probe.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """A temporary path beside ``path`` that takes its place when the block ends well.

    The folder is made when it is missing. The temporary file keeps the
    suffix, which picture libraries read the format from. On an exception it
    is removed and ``path`` is as it was.

    Raises
    ------
    OutputError
        If the folder cannot be made or written, or the disk is full.
    """
    path = Path(path)
    tag = temporary_mark(os.getpid()) + os.urandom(4).hex()
    temporary = path.with_name(f".{path.stem[:100]}{tag}{path.suffix}")
    try:
        if path.is_dir():
            raise OutputError(f"{path} is a folder", mend="name a file")
        path.parent.mkdir(parents=True, exist_ok=True)
        # Made here, so that a folder that cannot be written speaks before any work is done.
        with open(temporary, "wb"):
            pass
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        raise output_error(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


@contextlib.contextmanager
def atomic_write(path: Path, mode: str = "w") -> Iterator[IO[Any]]:
    """Open ``path`` for writing; it appears, whole, only when the block ends well."""
    encoding = None if "b" in mode else "utf-8"
    with atomic_path(path) as temporary, temporary.open(mode, encoding=encoding) as handle:
        yield handle


def write_text(path: str | Path, text: str) -> None:
    """Write a UTF-8 text file, whole or not at all, with plain newlines.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    with atomic_write(Path(path), "wb") as handle:
        handle.write(text.encode("utf-8"))


def write_json(path: Path, data: Any) -> None:
    """Write JSON atomically, indented, keys in the order given."""
    with atomic_write(path) as handle:
        json.dump(data, handle, indent=1, default=str)
        handle.write("\n")


def read_json(path: Path, mend: str = "delete it and run the stage again") -> Any | None:
    """Read JSON; None when the file does not exist.

    Parameters
    ----------
    path : Path
    mend : str
        What helps when it is damaged.

    Raises
    ------
    ShotError
        If the file is not JSON.
    """
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as exc:
        raise ShotError(f"{path}: damaged: {reason(exc)}", mend=mend) from exc


def _frames(value: Any) -> bool:
    return isinstance(value, list) and all(type(f) is int for f in value)


def _lines(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(v, str) for v in value)


def _by_frame(value: Any) -> bool:
    return isinstance(value, dict) and all(
        _FRAME.fullmatch(k) and isinstance(v, str) for k, v in value.items()
    )


_FRAME = re.compile(r"-?[0-9]{1,12}")

#: What the entries of a record are that one stage writes and another reads. One without a value
#: is as good as none.
_ENTRIES: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys(("stage", "key", "align_key", "target", "movie"), lambda v: type(v) is str),
    **dict.fromkeys(("data", "versions", "again", "grain"), lambda v: type(v) is dict),
    **dict.fromkeys(("faceless", "passed", "skipped", "repeated"), _frames),
    **dict.fromkeys(("reasons", "unreadable", "failed"), _by_frame),
    "notes": _lines,
}


def is_frame(text: str) -> bool:
    """Whether a key of a record or the name of a status file is a frame's number."""
    return _FRAME.fullmatch(text) is not None


def read_record(folder: Path, name: str = "record.json") -> dict[str, Any]:
    """Read ``<stage>/record.json``; empty when there is none.

    Its entries are what :func:`write_record` is given: a key is text, notes are lines, what is
    told by frame has frames for keys.

    Parameters
    ----------
    folder : Path
    name : str
        Of another file of this kind.

    Raises
    ------
    ShotError
        If it is damaged.
    """
    path = Path(folder) / name
    record = read_json(path)
    if record is None:
        return {}
    mend = "delete it and run the stage again"
    if not isinstance(record, dict):
        raise ShotError(f"{path}: damaged: not a record", mend=mend)
    for entry, fits in _ENTRIES.items():
        if record.get(entry) is None:
            record.pop(entry, None)
        elif not fits(record[entry]):
            raise ShotError(f"{path}: damaged: its {entry} is not what Relip writes", mend=mend)
    return record


def write_npz(path: Path, **arrays: np.ndarray) -> None:
    """Write arrays as a compressed ``.npz`` atomically (no pickled objects)."""
    for name, value in arrays.items():
        if np.asarray(value).dtype == object:
            raise TypeError(f"{name} is an object array")
    with atomic_write(path, "wb") as handle:
        np.savez_compressed(handle, **arrays)


#: Bytes of all arrays of a file: those of a track over 200,000 frames.
LARGEST_NPZ = 4 << 30


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """Read a ``.npz`` written by :func:`write_npz`, refusing pickled objects.

    Raises
    ------
    ShotError
        If the file is damaged, or its arrays are larger than :data:`LARGEST_NPZ`.
    FileNotFoundError
        If it does not exist.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            # A few bytes can stand for very many zeros.
            size = sum(entry.file_size for entry in archive.infolist())
        if size > LARGEST_NPZ:
            raise ValueError(f"its arrays are said to take {size} bytes")
        with np.load(path, allow_pickle=False) as data:
            return {name: data[name] for name in data.files}
    except FileNotFoundError:
        raise
    except Exception as exc:
        raise ShotError(
            f"{path}: damaged: {exc}", mend="delete it and run the stage again"
        ) from exc


@dataclass
class StageReport:
    """What one run of a stage did.

    Attributes
    ----------
    stage : str
    done, kept, passed : list of int
        Frames made now, found up to date, and passed through (no face).
    failed : dict of int to str
        Frames that failed, with the reason.
    notes : list of str
        Warnings and decisions worth a line to the user.
    data : dict
        Figures of the stage (loss, rung, confidence).
    """

    stage: str
    done: list[int] = field(default_factory=list)
    kept: list[int] = field(default_factory=list)
    passed: list[int] = field(default_factory=list)
    failed: dict[int, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON-able values."""
        return {
            "stage": self.stage,
            "done": len(self.done),
            "kept": len(self.kept),
            "passed": self.passed,
            "failed": {str(k): v for k, v in self.failed.items()},
            "notes": self.notes,
            "data": self.data,
        }


class FrameRecord:
    """Per-frame status of one stage of one shot.

    Parameters
    ----------
    folder : Path
        The stage's folder inside the shot.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self.status_folder = self.folder / "status"

    def get(self, frame: int) -> dict[str, Any] | None:
        """Status of one frame: ``{"key", "state", "note"}``; None when never done or damaged."""
        path = self.status_folder / f"{frame}.json"
        try:
            status = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError, RecursionError):
            return None
        fine = isinstance(status, dict) and status.get("state") in STATES
        return status if fine else None

    def is_current(self, frame: int, key: str, output: Path | None) -> bool:
        """Whether the frame was finished with this key and its output is still there."""
        status = self.get(frame)
        if not status or status.get("key") != key or status["state"] == "failed":
            return False
        return output is None or status["state"] == "passed" or output.exists()

    def set(self, frame: int, key: str, state: str, note: str = "") -> None:
        """Record a frame, after its output is in place."""
        assert state in STATES, state
        with atomic_write(self.status_folder / f"{frame}.json") as handle:
            json.dump({"frame": frame, "key": key, "state": state, "note": note}, handle)


def write_record(folder: Path, record: dict[str, Any]) -> None:
    """Write ``<stage>/record.json``."""
    write_json(Path(folder) / "record.json", record)


def versions() -> dict[str, str]:
    """Versions of everything that can change a pixel, for the record."""
    from importlib.metadata import PackageNotFoundError, version

    found = {"python": platform.python_version(), "machine": platform.machine()}
    for name in ("relip", "torch", "numpy", "mediapipe", "av", "OpenImageIO", "opencolorio"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed as a distribution"
    for name in ("opencv-contrib-python-headless", "opencv-contrib-python"):
        with contextlib.suppress(PackageNotFoundError):
            found["opencv"] = version(name)
            break
    return found
