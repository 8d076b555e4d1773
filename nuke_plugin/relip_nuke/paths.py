"""Files of a shot folder, with the standard library alone."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import json
import os
import re
import shlex
import tempfile
from collections.abc import Iterator
from typing import Any, Callable

from relip_nuke import containment

#: What Nuke keeps in a shot folder: handed-over plates, its ledger, native nodes.
NUKE_FOLDER = "nuke"

#: Bytes read from the head, middle and tail of a large file for its fingerprint.
_SAMPLE = 1 << 18

#: Files remembered at most.
_MOST_KNOWN = 20000

_PLACE = re.compile(r"#+|%0?(\d*)d")


def atomic_write(path: str, data: str | bytes, *, shot: str) -> None:
    """Write a file of a shot, whole or not at all; its folder is made when it is missing.

    Raises
    ------
    OSError
        If it cannot be written or would lie outside the shot; ``path`` is as it was then.
    """
    folder = os.path.dirname(containment.inside(path, shot))
    os.makedirs(folder, exist_ok=True)
    handle, temporary = tempfile.mkstemp(
        prefix="." + os.path.basename(path)[:80] + ".", suffix=".tmp", dir=folder
    )
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data.encode("utf-8") if isinstance(data, str) else data)
        # mkstemp's files are private; a shot is shared.
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


#: What was read of a file, and of which state of it: a panel that opens reads nothing again.
_known: dict[tuple[str, str], tuple[tuple[int, int, int], Any]] = {}


def _remembered(kind: str, path: str, read: Callable[[str], Any]) -> Any:
    """What ``read`` gives for a file, read again only when the file is another.

    Raises
    ------
    OSError
        If it is not there.
    """
    info = os.stat(path)
    mark = (info.st_size, info.st_mtime_ns, info.st_ino)
    entry = _known.get((kind, path))
    if entry is None or entry[0] != mark:
        if len(_known) > _MOST_KNOWN:
            _known.clear()
        entry = _known[kind, path] = (mark, read(path))
    return entry[1]


def read_json(path: str) -> dict[str, Any]:
    """A JSON object, yours to change; empty when the file is missing or damaged."""
    try:
        data = json.loads(_remembered("text", path, _read_text))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def read_text(path: str) -> str:
    """A file's text; empty when it is missing or none."""
    try:
        return str(_remembered("text", path, _read_text))
    except (OSError, UnicodeDecodeError):
        return ""


def _read_text(path: str) -> str:
    with open(path, encoding="utf-8") as handle:
        return handle.read()


def write_json(path: str, data: dict[str, Any], *, shot: str) -> None:
    """Write a JSON object of a shot atomically."""
    atomic_write(path, json.dumps(data, indent=1, sort_keys=True) + "\n", shot=shot)


def remove(path: str, *, shot: str) -> bool:
    """Remove a file of a shot; whether it was there.

    Raises
    ------
    OSError
        If it cannot be removed or lies outside the shot.
    """
    try:
        os.unlink(containment.inside(path, shot))
    except FileNotFoundError:
        return False
    return True


def ours(shot: str) -> str:
    """Where it is kept which files in overrides/ Nuke wrote."""
    return os.path.join(shot, NUKE_FOLDER, "overrides.json")


def frame_file(pattern: str, frame: int) -> str:
    """The file of one frame of ``name.####.exr`` or ``name.%04d.exr``."""
    places = list(_PLACE.finditer(os.path.basename(pattern)))
    if not places:
        return pattern
    place = places[-1]
    width = len(place[0]) if place[0].startswith("#") else int(place[1] or 1)
    folder, name = os.path.split(pattern)
    number = f"{frame:0{width}d}"
    return os.path.join(folder, name[: place.start()] + number + name[place.end() :])


def frame_files(pattern: str) -> dict[int, str]:
    """The files of a sequence that are there, by frame."""
    folder, name = os.path.split(pattern)
    places = list(_PLACE.finditer(name))
    if not places:
        return {}
    head, tail = name[: places[-1].start()], name[places[-1].end() :]
    expression = re.compile(re.escape(head) + r"(-?\d+)" + re.escape(tail) + r"\Z")
    found = {}
    with contextlib.suppress(OSError):
        for entry in os.scandir(folder or "."):
            match = expression.match(entry.name)
            if match:
                found[int(match[1])] = entry.path
    return found


def has_frames(pattern: str) -> bool:
    """Whether any frame of a sequence is there; looks no further than the first."""
    folder, name = os.path.split(pattern)
    head = name[: _PLACE.search(name).start()] if _PLACE.search(name) else name  # type: ignore[union-attr]
    tail = os.path.splitext(name)[1]
    with contextlib.suppress(OSError):
        return any(e.name.startswith(head) and e.name.endswith(tail) for e in os.scandir(folder))
    return False


def fingerprint(path: str) -> str:
    """Fingerprint of a file's content, sampled when it is large; ``absent`` without one."""
    try:
        return str(_remembered("fingerprint", path, _fingerprint))
    except OSError:
        return "absent"


def _fingerprint(path: str) -> str:
    size = os.path.getsize(path)
    digest = hashlib.sha256(str(size).encode())
    with open(path, "rb") as handle:
        if size <= 3 * _SAMPLE:
            digest.update(handle.read())
        else:
            for start in (0, size // 2, size - _SAMPLE):
                handle.seek(start)
                digest.update(handle.read(_SAMPLE))
    return digest.hexdigest()[:32]


def mark(path: str) -> list[int] | None:
    """What tells a file from one written in its place: size and time; None when it is absent."""
    try:
        info = os.stat(path)
    except OSError:
        return None
    return [info.st_size, info.st_mtime_ns]


def digest(*parts: Any) -> str:
    """A short fingerprint of JSON-able values."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:32]


def read_settings(shot: str) -> dict[str, dict[str, Any]]:
    """The sections of ``shot.toml``; empty when there is none.

    Python has a TOML reader from 3.11 on; before that the flat tables that the
    engine writes are read line by line, and what is not understood is left as text.
    """
    text = read_text(os.path.join(shot, "shot.toml"))
    try:
        toml: Any = importlib.import_module("tomllib")
    except ImportError:
        return parse_flat_toml(text)
    try:
        data = toml.loads(text)
    except ValueError:
        return {}
    return {name: value for name, value in data.items() if isinstance(value, dict)}


def parse_flat_toml(text: str) -> dict[str, dict[str, Any]]:
    """Sections with one key a line (arrays may take several), as the engine writes them."""
    sections: dict[str, dict[str, Any]] = {}
    section: dict[str, Any] = {}
    lines = iter(text.splitlines())
    for line in lines:
        line = line.strip()
        if line.startswith("[") and line.endswith("]"):
            section = sections.setdefault(line[1:-1].strip(), {})
            continue
        name, equals, value = line.partition("=")
        if not equals or line.startswith("#"):
            continue
        value = value.strip()
        if value.startswith("["):
            value += "".join(_until_bracket(value, lines))
        section[name.strip()] = _toml_value(value)
    return sections


def _until_bracket(value: str, lines: Iterator[str]) -> Iterator[str]:
    if value.endswith("]"):
        return
    for line in lines:
        yield line.strip()
        if line.strip().endswith("]"):
            return


def _toml_value(value: str) -> Any:
    text = re.sub(r",\s*\]$", "]", value)
    try:
        return json.loads(text)
    except ValueError:
        if len(value) > 1 and value[0] == value[-1] == "'":
            return value[1:-1]
        return value


def quoted(word: str) -> str:
    """A word of a command to type, in the shell of this system."""
    if os.name != "nt":
        return shlex.quote(word)
    return f'"{word}"' if re.search(r"[\s&()^;,=%!']", word) else word


def parse_rate(text: str) -> float:
    """Frames per second of ``24``, ``25.0`` or ``24000/1001``.

    Raises
    ------
    ValueError
    """
    above, slash, below = text.partition("/")
    rate = float(above) / (float(below) if slash else 1.0)
    if not rate > 0:
        raise ValueError(f"a frame rate of {text}")
    return rate


def format_rate(rate: float) -> str:
    """A frame rate as the engine takes it: 23.976 is 24000/1001."""
    for base in (24, 30, 48, 60, 120):
        if abs(rate - base / 1.001) < 0.00025 * base:
            return f"{base}000/1001"
    return f"{rate:g}"


def format_frames(frames: list[int]) -> str:
    """Frames as ``1001-1010,1014``."""
    parts: list[str] = []
    start: int | None = None
    previous = 0
    for frame in sorted(set(frames)):
        if start is None:
            start = frame
        elif frame != previous + 1:
            parts.append(str(start) if start == previous else f"{start}-{previous}")
            start = frame
        previous = frame
    if start is not None:
        parts.append(str(start) if start == previous else f"{start}-{previous}")
    return ",".join(parts)


def span(text: str) -> tuple[int, int]:
    """First and last frame of ``1001-1100``.

    Raises
    ------
    ValueError
        If it is no frame range.
    """
    frames = parse_frames(text)
    return frames[0], frames[-1]


def parse_frames(text: str) -> list[int]:
    """Frames of ``1001-1100``, ``1001-1100x2``, lists with commas, negative frames.

    Raises
    ------
    ValueError
        If it is no frame range.
    """
    frames: list[int] = []
    for part in text.replace(" ", "").split(","):
        match = re.match(r"(-?\d+)(?:-(-?\d+)(?:[x:](\d+))?)?\Z", part)
        if not match:
            raise ValueError(f"{part!r} is not a frame range; write 1001-1100")
        first, last = int(match[1]), int(match[2] or match[1])
        step = int(match[3] or 1)
        if last < first or step < 1:
            raise ValueError(f"{part!r} runs backwards")
        frames.extend(range(first, last + 1, step))
    return sorted(set(frames))
