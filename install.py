#!/usr/bin/env python3
"""Install Relip: one file, standard library only, Python 3.9 or newer to run it.

    python3 install.py            make the engine's environment in ./.relip-env
    python3 install.py --demo     the same if needed, then run the main job on footage it makes
    python3 install.py --test     the same if needed, then run the tests

The engine itself wants Python 3.10, 3.11 or 3.12; this script finds one on the machine or is told
with --python. The environment is lean and headless: the packages of pyproject.toml, without those
that MediaPipe names but FaceMesh never imports, and with the OpenCV build that needs no window
system (the table [tool.relip.install] in pyproject.toml says which). Nothing is installed outside
the environment's folder, unless --nuke or --studio asks for one line in an init.py of Nuke.
Running it again does only what is left to do.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import hashlib
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

ROOT = Path(__file__).resolve().parent
WINDOWS = os.name == "nt"

#: Pythons the engine runs on, the preferred one first: the most wheels exist for it.
PYTHONS = ("3.11", "3.12", "3.10")

MARKER = "relip-env.json"
MARKER_FORMAT = 1
MADE_BY = "relip install.py"

#: Free bytes wanted before an environment is made: with a CPU-only torch, and with a CUDA one.
ROOM = 3 * 1024**3

#: Seconds between two lines that say an installation is still going on.
HEARTBEAT = 10.0

# The exit codes of relip itself (core/relip/errors.py); a test holds the two together.
EXIT_DONE = 0
EXIT_UNEXPECTED = 1
EXIT_USAGE = 2
EXIT_INPUT = 3
EXIT_MODEL = 5
EXIT_OUTPUT = 6
EXIT_INTERRUPTED = 130

HELP_END = """\
examples:
  python3 install.py                               install
  python3 install.py --demo                        see it work; look into ./out/demo
  python3 install.py --demo -- --quality default   what follows -- goes to relip demo
  python3 install.py --test -- -k frames -x        what follows -- goes to pytest
  python3 install.py --python 3.12                 or a path: --python /opt/python3.12/bin/python3
  python3 install.py --env /studio/relip/0.1.0     somewhere else
  python3 install.py --wheels ./wheels             offline, from a folder of wheels
  python3 install.py --check                       what is installed, what is missing
  python3 install.py --nuke                        install, and add the plugin to ~/.nuke/init.py
  python3 install.py --nuke --dry-run              what that would change
  python3 install.py --studio /studio/nuke         a copy in a folder that is on NUKE_PATH
  python3 install.py --uninstall --nuke            give ~/.nuke/init.py back as it was
  python3 install.py --uninstall                   remove the environment again

exit codes: 0 done; 2 usage; 3 not a Relip checkout, or an input is missing; 5 no usable Python, or
a package or something else that is needed cannot be had; 6 the environment cannot be written;
130 interrupted. --demo, --test and --check end with the exit code of what they run.
"""


class InstallError(Exception):
    """A failure with its exit code; the message is one line and says how to mend it."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Interrupted(Exception):
    """SIGTERM arrived."""

    def __init__(self, signum: int) -> None:
        super().__init__(f"signal {signum}")
        self.exit_code = 128 + signum


class Project(NamedTuple):
    """What install.py needs from pyproject.toml."""

    version: str
    dependencies: list[str]
    dev: list[str]
    build: list[str]
    first: list[str]
    headless_opencv: str
    without_dependencies: list[str]
    needed_by_them: list[str]
    unwanted: list[str]


class Step(NamedTuple):
    """One call of pip: what it is for, what it installs, and how."""

    title: str
    requirements: list[str]
    index_url: str | None = None
    with_dependencies: bool = True


class Python(NamedTuple):
    """A Python that can hold the engine: how to call it, and its version."""

    command: list[str]
    version: str


# ---------------------------------------------------------------------------------------------
# pyproject.toml


def read_value(text: str, table: str, key: str) -> Any:
    """Read one string or list of strings from TOML text.

    A string and a list of strings are written alike in TOML and in Python, comments included, so
    Python's own literal reader does the work; tomllib is not there before Python 3.11.

    Raises
    ------
    KeyError
        If the table or key is not there or is something else.
    """
    head = re.search(rf"(?m)^\[{re.escape(table)}\][ \t]*(?:#.*)?$", text)
    if not head:
        raise KeyError(f"[{table}]")
    body = text[head.end() :]
    following = re.search(r"(?m)^\[[\w.\"'-]+\][ \t]*(?:#.*)?$", body)
    if following:
        body = body[: following.start()]
    assignment = re.search(rf"(?m)^{re.escape(key)}[ \t]*=[ \t]*", body)
    if not assignment:
        raise KeyError(f"{key} in [{table}]")
    lines = body[assignment.end() :].splitlines()
    for count in range(1, len(lines) + 1):
        try:
            value = ast.literal_eval("\n".join(lines[:count]))
        except (SyntaxError, ValueError):
            continue
        if isinstance(value, str) or (
            isinstance(value, list) and all(isinstance(item, str) for item in value)
        ):
            return value
        break
    raise KeyError(f"{key} in [{table}] is neither a string nor a list of strings")


def read_project(root: Path) -> Project:
    """Read pyproject.toml beside this file.

    Raises
    ------
    InstallError
        If it is missing or lacks what is needed.
    """
    path = root / "pyproject.toml"
    table = "tool.relip.install"
    try:
        text = path.read_text(encoding="utf-8")
        return Project(
            version=read_value(text, "project", "version"),
            dependencies=read_value(text, "project", "dependencies"),
            dev=read_value(text, "project.optional-dependencies", "dev"),
            build=read_value(text, "build-system", "requires"),
            first=read_value(text, table, "first"),
            headless_opencv=read_value(text, table, "headless-opencv"),
            without_dependencies=read_value(text, table, "without-dependencies"),
            needed_by_them=read_value(text, table, "needed-by-them"),
            unwanted=read_value(text, table, "unwanted"),
        )
    except (OSError, UnicodeDecodeError, KeyError) as exc:
        detail = exc.strerror if isinstance(exc, OSError) else exc.args[0]
        raise InstallError(
            f"{path}: {detail}; run install.py from a complete checkout of Relip", EXIT_INPUT
        ) from exc


def name_of(requirement: str) -> str:
    """The normalised distribution name at the start of a requirement."""
    match = re.match(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)", requirement)
    if not match:
        raise InstallError(f"cannot read the requirement {requirement!r}", EXIT_INPUT)
    return re.sub(r"[-_.]+", "-", match[1]).lower()


def plan(project: Project, *, dev: bool, torch_index: str | None) -> list[Step]:
    """The calls of pip that make a lean environment, in order."""
    first = {name_of(n) for n in project.first}
    bare = {name_of(n) for n in project.without_dependencies}
    replaced = name_of(project.headless_opencv).replace("-headless", "")
    groups: dict[str, list[str]] = {"first": [], "main": [], "bare": []}
    for requirement in project.dependencies:
        name = name_of(requirement)
        if name == replaced:
            groups["main"].append(project.headless_opencv)
        else:
            groups["first" if name in first else "bare" if name in bare else "main"].append(
                requirement
            )
    main = groups["main"] + project.needed_by_them + project.build + (project.dev if dev else [])
    return [
        Step("torch", groups["first"], index_url=torch_index),
        Step("libraries", main),
        Step("face and speech models", groups["bare"], with_dependencies=False),
    ]


def required_names(steps: Sequence[Step]) -> list[str]:
    """The distributions that must be present once the steps are done.

    Those with an environment marker are left out: only pip knows whether they apply.
    """
    return [name_of(r) for step in steps for r in step.requirements if ";" not in r]


def fingerprint(data: Any) -> str:
    """SHA-256 of plain data."""
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def source_files(root: Path) -> list[Path]:
    """The files the package is built from, sorted."""
    files = [root / n for n in ("pyproject.toml", "README.md", "LICENSE", "NOTICE.md")]
    package = root / "core" / "relip"
    files += [
        path
        for path in sorted(package.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"
    ]
    return [path for path in files if path.is_file()]


def source_fingerprint(root: Path) -> str:
    """SHA-256 over the names and contents of the files the package is built from."""
    digest = hashlib.sha256()
    for path in source_files(root):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


# ---------------------------------------------------------------------------------------------
# Child processes


def child_environment(environ: dict[str, str] | None = None) -> dict[str, str]:
    """The environment for children, without what would leak another Python into them.

    Nuke, Maya and other hosts set PYTHONHOME and PYTHONPATH; pip settings that redirect an
    installation would make it miss the environment.
    """
    kept = dict(os.environ if environ is None else environ)
    leaks = (
        "PYTHONHOME",
        "PYTHONPATH",
        "PYTHONSTARTUP",
        "PYTHONUSERBASE",
        "PYTHONEXECUTABLE",
        "__PYVENV_LAUNCHER__",
        "VIRTUAL_ENV",
        "PIP_USER",
        "PIP_TARGET",
        "PIP_PREFIX",
        "PIP_ROOT",
        "PIP_PYTHON",
        "PIP_REQUIREMENT",
        "PIP_CONSTRAINT",
        "PIP_NO_DEPS",
    )
    for name in leaks:
        kept.pop(name, None)
    kept.update(PYTHONNOUSERSITE="1", PIP_DISABLE_PIP_VERSION_CHECK="1", PIP_NO_INPUT="1")
    return kept


def stop(process: subprocess.Popen[Any], *, group: bool = False) -> None:
    """End a child: ask, wait, then kill; with ``group`` also what it has started itself.

    pip and venv start further processes, which would go on writing into a folder that is removed.
    """
    if WINDOWS and group:
        taskkill = ["taskkill", "/T", "/F", "/PID", str(process.pid)]
        subprocess.run(taskkill, capture_output=True, check=False)
        process.wait()
        return
    for number in (signal.SIGTERM, getattr(signal, "SIGKILL", signal.SIGTERM)):
        with contextlib.suppress(ProcessLookupError):
            if group:
                os.killpg(process.pid, number)
            elif process.poll() is None:
                process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)


def run_through(command: Sequence[str], cwd: Path | None = None) -> int:
    """Run a command with this terminal as its own and return its exit code."""
    process = subprocess.Popen(command, env=child_environment(), cwd=cwd)
    try:
        code = process.wait()
    except KeyboardInterrupt:
        with contextlib.suppress(KeyboardInterrupt, subprocess.TimeoutExpired):
            process.wait(30)  # the child got the same Ctrl-C and saves what it has
        stop(process)
        raise
    except Interrupted:
        stop(process)
        raise
    return 128 - code if code < 0 else code


def run_logged(command: Sequence[str], log: Path, title: str) -> int:
    """Run a command with its output in a log file, a line on stderr every ten seconds."""
    began = time.monotonic()
    with log.open("a", encoding="utf-8", errors="replace") as file:
        file.write(f"\n$ {' '.join(command)}\n")
        file.flush()
        process = subprocess.Popen(
            command,
            env=child_environment(),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=not WINDOWS,
        )
        try:
            while True:
                try:
                    code = process.wait(HEARTBEAT)
                    break
                except subprocess.TimeoutExpired:
                    say(f"  {title}: {time.monotonic() - began:.0f} s, {last_action(log)}")
        except BaseException:
            stop(process, group=True)
            raise
    say(f"  {title}: {'done' if code == 0 else 'failed'} in {time.monotonic() - began:.0f} s")
    return code


def tail(path: Path, lines: int) -> list[str]:
    """The last lines of a text file."""
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 16384))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return []
    return [line.rstrip() for line in text.splitlines() if line.strip()][-lines:]


def last_action(log: Path) -> str:
    """What pip is doing, from its log."""
    for line in reversed(tail(log, 30)):
        match = re.match(
            r"\s*(Collecting|Downloading|Processing|Installing|Building|Preparing|Using cached)"
            r"\s+(\S+)",
            line,
        )
        if match and match[1] == "Installing":
            return "unpacking"
        if match:
            return f"{match[1].lower()} {match[2].rsplit('/', 1)[-1]}"
    return "working"


def say(text: str) -> None:
    """One line of progress; stdout stays free for what the commands print."""
    print(text, file=sys.stderr, flush=True)


# ---------------------------------------------------------------------------------------------
# Finding a Python

PROBE = (
    "import sys, json, platform\n"
    "try:\n"
    "    import ensurepip, venv\n"
    "    pip = True\n"
    "except ImportError:\n"
    "    pip = False\n"
    "print(json.dumps({'version': '%d.%d.%d' % sys.version_info[:3],"
    " 'implementation': platform.python_implementation(),"
    " 'wide': sys.maxsize > 2**32, 'pip': pip}))\n"
)


def probe(command: Sequence[str]) -> tuple[Python | None, str]:
    """Run a Python and see whether it can hold the engine.

    A file named python3.11 proves nothing (a pyenv shim may answer 'command not found'), so it is
    run.

    Returns
    -------
    tuple of (Python or None, str)
        The Python, or None and why not.
    """
    try:
        done = subprocess.run(
            [*command, "-I", "-c", PROBE],
            env=child_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=30,
            check=False,
        )
        found = json.loads(done.stdout.decode("utf-8", "replace"))
        version, implementation = str(found["version"]), str(found["implementation"])
        wide, pip = bool(found["wide"]), bool(found["pip"])
    except FileNotFoundError:
        return None, "not found"
    except subprocess.TimeoutExpired:
        return None, "does not answer"
    except (OSError, ValueError, KeyError, TypeError):
        return None, "does not run"
    series = ".".join(version.split(".")[:2])
    if implementation != "CPython":
        return None, f"{implementation}, not CPython"
    if series not in PYTHONS:
        return None, f"Python {version}, not {spoken_pythons()}"
    if not wide:
        return None, f"Python {version} is a 32-bit build"
    if not pip:
        return None, f"Python {version} lacks venv or ensurepip (Debian: python{series}-venv)"
    return Python(list(command), version), ""


def spoken_pythons() -> str:
    """The versions as one says them: 3.10 to 3.12."""
    ordered = sorted(PYTHONS, key=lambda v: int(v.split(".")[1]))
    return f"{ordered[0]} to {ordered[-1]}"


def candidates(series: str, environ: dict[str, str]) -> Iterator[list[str]]:
    """Commands that may start a Python of one series, likeliest first, each once."""
    seen: set[str] = set()

    def fresh(path: Path) -> Iterator[list[str]]:
        key = os.path.normcase(str(path))
        if key not in seen and path.is_file():
            seen.add(key)
            yield [str(path)]

    if ".".join(map(str, sys.version_info[:2])) == series and sys.executable:
        yield from fresh(Path(sys.executable))
    folders = [Path(f) for f in environ.get("PATH", "").split(os.pathsep) if f]
    suffix = ".exe" if WINDOWS else ""
    for folder in folders:
        yield from fresh(folder / f"python{series}{suffix}")
    launcher = shutil.which("py", path=environ.get("PATH", ""))
    if WINDOWS and launcher:
        yield [launcher, f"-{series}"]
    pyenv = Path(environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    installed = list((pyenv / "versions").glob(f"{series}.*"))
    newest_first = sorted(
        installed, key=lambda p: [int(n) for n in re.findall(r"\d+", p.name)], reverse=True
    )
    for version in newest_first:
        yield from fresh(version / f"bin/python{series}")
    compact = series.replace(".", "")
    for place in (
        f"/opt/homebrew/bin/python{series}",
        f"/usr/local/bin/python{series}",
        f"/usr/bin/python{series}",
        f"/Library/Frameworks/Python.framework/Versions/{series}/bin/python{series}",
    ):
        if not WINDOWS:
            yield from fresh(Path(place))
    if WINDOWS:
        for base in ("LOCALAPPDATA", "PROGRAMFILES"):
            if environ.get(base):
                inner = "Programs/Python" if base == "LOCALAPPDATA" else ""
                yield from fresh(Path(environ[base]) / inner / f"Python{compact}" / "python.exe")


def find_python(wanted: str | None, avoid: Path, environ: dict[str, str] | None = None) -> Python:
    """A Python for the engine.

    Parameters
    ----------
    wanted : str or None
        A series (``3.12``), a command or a path; None looks for the preferred one.
    avoid : Path
        The environment's own folder: a Python in there cannot hold its successor.
    environ : dict, optional
        Where PATH and PYENV_ROOT are looked up.

    Raises
    ------
    InstallError
        If there is none.
    """
    environ = dict(os.environ) if environ is None else environ
    reasons: list[str] = []
    named = wanted is not None and wanted not in PYTHONS
    if wanted is not None and named:
        found, reason = probe([shutil.which(wanted, path=environ.get("PATH")) or wanted])
        if found:
            return found
        raise InstallError(
            f"--python {wanted}: {reason}; give a Python {spoken_pythons()}", EXIT_MODEL
        )
    for series in [wanted] if wanted else PYTHONS:
        for command in candidates(series, environ):
            inside = is_inside(Path(command[0]), avoid)
            found, reason = (None, "inside the environment") if inside else probe(command)
            if found and found.version.startswith(series + "."):
                return found
            reasons.append(f"{' '.join(command)}: {reason or 'another version'}")
    looked = f" (looked at {'; '.join(reasons)})" if reasons else ""
    raise InstallError(
        f"no Python {wanted or spoken_pythons()} found{looked}; install one (python.org, "
        "apt-get install python3.11-venv, brew install python@3.11) or name it with --python",
        EXIT_MODEL,
    )


def is_inside(path: Path, folder: Path) -> bool:
    """Whether a path lies in a folder, links not followed."""
    return Path(os.path.abspath(folder)) in Path(os.path.abspath(path)).parents


# ---------------------------------------------------------------------------------------------
# The environment


def env_python(env: Path) -> Path:
    """The environment's interpreter."""
    return env / ("Scripts/python.exe" if WINDOWS else "bin/python")


def env_command(env: Path) -> Path:
    """The ``relip`` command in the environment."""
    return env / ("Scripts/relip.exe" if WINDOWS else "bin/relip")


def read_marker(env: Path) -> dict[str, Any] | None:
    """The record this script leaves in an environment it makes; None when it made none."""
    try:
        marker = json.loads((env / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return marker if isinstance(marker, dict) and marker.get("made_by") == MADE_BY else None


def write_marker(env: Path, marker: dict[str, Any]) -> None:
    """Write the record, at once or not at all."""
    beside = env / f"{MARKER}.{os.getpid()}.part"
    beside.write_text(json.dumps(marker, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    os.replace(beside, env / MARKER)


def refuse_foreign(env: Path) -> None:
    """Stop before touching a folder that this script did not make.

    Raises
    ------
    InstallError
        If ``env`` is a link, a file, or a folder with something in it and no marker.
    """
    if env.is_symlink() or (env.exists() and not env.is_dir()):
        raise InstallError(f"{env} is not a folder; give another one with --env", EXIT_USAGE)
    if env.is_dir() and read_marker(env) is None and any(env.iterdir()):
        raise InstallError(
            f"{env} was not made by install.py and is left alone; give another folder with --env, "
            "or remove it yourself",
            EXIT_USAGE,
        )


def remove(env: Path) -> bool:
    """Remove an environment this script made; False when there is none.

    Raises
    ------
    InstallError
        If the folder is not one of ours or cannot be removed.
    """
    refuse_foreign(env)
    if not env.exists():
        return False
    if is_inside(Path(sys.executable), env):
        raise InstallError(
            f"{sys.executable} lies in the environment to be removed; use another Python to run "
            "install.py",
            EXIT_USAGE,
        )
    marker = read_marker(env)
    if marker is not None:  # a removal that is cut short leaves a folder known to be ours, unusable
        write_marker(env, {**marker, "complete": False})
    try:
        for entry in env.iterdir():
            if entry.name == MARKER:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        (env / MARKER).unlink(missing_ok=True)
        env.rmdir()
    except OSError as exc:
        raise InstallError(f"{env} cannot be removed: {exc.strerror or exc}", EXIT_OUTPUT) from exc
    return True


@contextlib.contextmanager
def locked(env: Path) -> Iterator[None]:
    """Keep a second install.py away from the same environment while this one changes it.

    The system drops the lock when the process ends, however it ends.
    """
    path = env.parent / f"{env.name}.lock"
    try:
        env.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+")
    except OSError as exc:
        raise InstallError(
            f"{env.parent} cannot be written: {exc.strerror or exc}; give another folder "
            "with --env",
            EXIT_OUTPUT,
        ) from exc
    with file:
        try:
            if WINDOWS:
                import msvcrt

                file.seek(0)
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
            else:
                import fcntl

                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not WINDOWS and not os.path.samestat(os.fstat(file.fileno()), path.stat()):
                raise OSError("the lock was dropped between opening and locking it")
        except OSError as exc:
            raise InstallError(
                f"another install.py is at work on {env}; wait for it", EXIT_OUTPUT
            ) from exc
        yield
        if not WINDOWS:
            path.unlink(missing_ok=True)


PRESENT = (
    "import sys, importlib.metadata as m\n"
    "import re\n"
    "norm = lambda n: re.sub('[-_.]+', '-', n or '').lower()\n"
    "have = {norm(d.metadata['Name']) for d in m.distributions()}\n"
    "print('.'.join(map(str, sys.version_info[:3])), *sorted(have))\n"
)


def present(env: Path) -> tuple[str, set[str]] | None:
    """The environment's Python version and distributions; None when it does not run."""
    try:
        done = subprocess.run(
            [str(env_python(env)), "-I", "-c", PRESENT],
            env=child_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=True,
        )
        version, *names = done.stdout.decode("utf-8", "replace").split()
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return version, set(names)


class Wish(NamedTuple):
    """What the environment should be."""

    python: str | None
    dev: bool
    editable: bool
    torch_index: str | None
    wheels: Path | None
    rebuild: bool


def work_left(env: Path, project: Project, wish: Wish, root: Path) -> str:
    """What is to be done to an environment.

    Returns
    -------
    {"nothing", "check", "package", "update", "rebuild", "create"}
        ``check``: installed but its last check failed; ``package``: Relip's own files changed;
        ``update``: other dependencies are wanted; ``rebuild``: half-made, damaged or of another
        Python.
    """
    marker = read_marker(env)
    if marker is None:
        return "create"
    if wish.rebuild or not marker.get("complete") or marker.get("format") != MARKER_FORMAT:
        return "rebuild"
    found = present(env)
    if found is None or found[0] != marker.get("python"):
        return "rebuild"
    if wish.python in PYTHONS and not found[0].startswith(f"{wish.python}."):
        return "rebuild"
    if wish.python and wish.python not in PYTHONS:
        asked, _ = probe([shutil.which(wish.python) or wish.python])
        if asked is None or asked.version != found[0]:
            return "rebuild"
    steps = wished_steps(marker, project, wish)
    if marker.get("plan") != fingerprint(steps):
        return "update"
    if set(required_names(steps)) - found[1]:
        return "rebuild"
    if "relip" not in found[1] or marker.get("editable") != wish.editable:
        return "package"
    if marker.get("source") != source_stamp(root, wish.editable):
        return "package"
    return "nothing" if marker.get("checked") else "check"


def wished_steps(marker: dict[str, Any] | None, project: Project, wish: Wish) -> list[Step]:
    """The steps for a wish; what an environment has already (dev tools, torch's origin) stays."""
    kept = marker or {}
    return plan(
        project,
        dev=wish.dev or bool(kept.get("dev")),
        torch_index=wish.torch_index or kept.get("torch_index"),
    )


def source_stamp(root: Path, editable: bool) -> str:
    """What the installed package was made from; an editable one follows the files by itself."""
    if editable:
        return fingerprint([str(root), (root / "pyproject.toml").read_text(encoding="utf-8")])
    return source_fingerprint(root)


def ensure(env: Path, wish: Wish, root: Path = ROOT) -> None:
    """Bring the environment to what is wished, doing only what is left to do.

    Raises
    ------
    InstallError
    """
    project = read_project(root)
    refuse_foreign(env)
    todo = work_left(env, project, wish, root)
    if todo == "nothing":
        return
    with locked(env):
        todo = work_left(env, project, wish, root)  # another install.py may have just done it
        if todo == "nothing":
            return
        marker = read_marker(env)
        steps = wished_steps(marker if todo != "rebuild" else None, project, wish)
        try:
            if todo in ("create", "rebuild"):
                marker = make_env(env, wish, again=todo == "rebuild")
            assert marker is not None
            if todo in ("create", "rebuild", "update"):
                write_marker(env, {**marker, "complete": False})
                for step in steps:
                    install_step(env, step, wish.wheels)
                marker.update(
                    plan=fingerprint(steps),
                    dev=wish.dev or (todo == "update" and bool(marker.get("dev"))),
                    torch_index=wish.torch_index or marker.get("torch_index"),
                )
            if todo != "check":
                install_package(env, root, wish)
                marker.update(
                    complete=True,
                    checked=False,
                    version=project.version,
                    editable=wish.editable,
                    source=source_stamp(root, wish.editable),
                )
                write_marker(env, marker)
        except OSError as exc:
            raise InstallError(
                f"{env} cannot be written: {exc.strerror or exc}", EXIT_OUTPUT
            ) from exc
        check_env(env, project)
        write_marker(env, {**marker, "checked": True})
    say(f"relip {project.version} is installed: {env_command(env)}")


def make_env(env: Path, wish: Wish, *, again: bool) -> dict[str, Any]:
    """Make an empty environment with pip and the marker of an unfinished one."""
    python = find_python(wish.python, env)
    if again:
        say(f"making {env} anew: it is unfinished, damaged or of another Python")
        remove(env)
    room(env.parent)
    env.mkdir(parents=True, exist_ok=True)
    marker = {
        "format": MARKER_FORMAT,
        "made_by": MADE_BY,
        "python": python.version,
        "base": python.command,
        "complete": False,
    }
    write_marker(env, marker)
    say(f"Python {python.version} ({' '.join(python.command)}) → {env}")
    code = run_logged([*python.command, "-m", "venv", str(env)], log_of(env), "environment")
    found = present(env)
    if code != 0 or found is None:
        fail_with_log(env, "the Python environment cannot be made", EXIT_MODEL)
    return {**marker, "python": found[0]}


def room(folder: Path) -> None:
    """Stop early when the disk is too full for an environment."""
    free = shutil.disk_usage(folder).free
    if free < ROOM:
        raise InstallError(
            f"{folder} has {free / 1024**3:.1f} GiB free and {ROOM / 1024**3:.0f} GiB are needed; "
            "free some room or give another folder with --env",
            EXIT_OUTPUT,
        )


def install_step(env: Path, step: Step, wheels: Path | None) -> None:
    """Run one step of the plan."""
    command = [str(env_python(env)), "-m", "pip", "install", "--progress-bar", "off"]
    if wheels is not None:
        command += ["--no-index", "--find-links", str(wheels)]
    elif step.index_url is not None:
        command += ["--index-url", step.index_url]
    if not step.with_dependencies:
        command.append("--no-deps")
    if run_logged([*command, *step.requirements], log_of(env), step.title) != 0:
        fail_with_log(env, f"pip could not install {step.title}", EXIT_MODEL)


def install_package(env: Path, root: Path, wish: Wish) -> None:
    """Install Relip itself, from a copy of its files, so that the checkout stays as it is."""
    options = ["--no-deps", "--no-build-isolation", "--no-index"]
    command = [str(env_python(env)), "-m", "pip", "install", "--progress-bar", "off", *options]
    if wish.editable:
        code = run_logged([*command, "--editable", str(root)], log_of(env), "relip (editable)")
    else:
        copy = env / "source"
        shutil.rmtree(copy, ignore_errors=True)
        try:
            for path in source_files(root):
                target = copy / path.relative_to(root)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)
            code = run_logged([*command, "--force-reinstall", str(copy)], log_of(env), "relip")
        finally:
            shutil.rmtree(copy, ignore_errors=True)
    if code != 0:
        fail_with_log(env, "pip could not install relip itself", EXIT_MODEL)


def log_of(env: Path) -> Path:
    """Where pip's output goes."""
    return env / "install.log"


#: What pip's output says, the exit code and the mend.
KNOWN_FAILURES = (
    (r"No space left on device|Errno 28", EXIT_OUTPUT, "the disk is full"),
    (
        r"No matching distribution found for mediapipe",
        EXIT_MODEL,
        "mediapipe 0.10.21 has wheels for x86-64 Linux, Windows and macOS only",
    ),
    (
        r"No matching distribution found for torch",
        EXIT_MODEL,
        "no torch 2.13 for this system; name an index that has one with --torch-index",
    ),
    (
        r"NewConnectionError|name resolution|getaddrinfo|Max retries exceeded|ProxyError|timed out",
        EXIT_MODEL,
        "no connection to the package index; offline, give a folder of wheels with --wheels",
    ),
)


def fail_with_log(env: Path, message: str, exit_code: int) -> NoReturn:
    """Show the end of the log, then raise one line with the likeliest cause."""
    lines = tail(log_of(env), 60)
    for line in lines[-12:]:
        say(f"  | {line}")
    for pattern, code, mend in KNOWN_FAILURES:
        if any(re.search(pattern, line) for line in lines):
            raise InstallError(f"{message}: {mend} (log: {log_of(env)})", code)
    raise InstallError(f"{message}; the log is {log_of(env)}", exit_code)


LOADED = (
    "import sys, cv2, mediapipe\n"
    "maps = open('/proc/self/maps').read()\n"
    "print('libGL.so' in maps, 'jax' in sys.modules)\n"
)


def check_env(env: Path, project: Project) -> None:
    """Use everything once: imports, models, colour, EXR, movies; no jax, no libGL.

    Raises
    ------
    InstallError
        Naming what is missing and the mend of the first.
    """
    say("  checking")
    found = present(env)
    names = found[1] if found else set()
    extra = sorted(names & {name_of(n) for n in project.unwanted})
    if extra:
        raise InstallError(
            f"{', '.join(extra)} got into {env}; run install.py --rebuild", EXIT_MODEL
        )
    done = subprocess.run(
        [str(env_python(env)), "-I", "-m", "relip.environment"],
        env=child_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    try:
        checks = json.loads(done.stdout.decode("utf-8"))
        bad = [c for c in checks if c["needed"] and c["status"] == "missing"]
    except (ValueError, KeyError, TypeError):
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise InstallError(
            f"the engine does not start: {lines[-1] if lines else f'exit code {done.returncode}'}",
            EXIT_MODEL,
        ) from None
    for check in bad:
        say(f"  missing: {check['name']}: {check['detail']}; {check['mend']}")
    if bad:
        raise InstallError(
            f"{len(bad)} of {len(checks)} checks failed, first {bad[0]['name']}: {bad[0]['mend']}",
            EXIT_MODEL,
        )
    if sys.platform.startswith("linux"):
        done = subprocess.run(
            [str(env_python(env)), "-I", "-c", LOADED],
            env=child_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=False,
        )
        if done.stdout.split() != [b"False", b"False"]:
            raise InstallError("libGL or jax was loaded; run install.py --rebuild", EXIT_MODEL)


# ---------------------------------------------------------------------------------------------
# Nuke

#: The comment at the end of the one line in an init.py; by it the line is found again.
NUKE_MARK = "# relip: added by install.py; install.py --uninstall removes it"

#: What the comment remembers, so that --uninstall gives the file back byte for byte.
MADE_FILE = " (it made this file)"
MADE_NEWLINE = " (and the line break before it)"

#: The engine's protocol; core/relip/worker.py's, and a test holds the two together.
PROTOCOL = "1.0"

#: What a studio's folder gets of a release, beside engine.json.
NUKE_PARTS = ("nuke_plugin", "gizmos", "LICENSE", "NOTICE.md")

PLUGIN_MARKER = "relip-plugin.json"


class NukeWish(NamedTuple):
    """Where Nuke is to find Relip.

    ``folder`` holds init.py; with ``studio`` the plugin is copied below it, else Nuke uses the
    checkout's own.
    """

    folder: Path
    studio: bool
    dry_run: bool


def nuke_line(plugin: str) -> str:
    """The line for init.py; plain ASCII whatever the path."""
    return f"import nuke; nuke.pluginAddPath({ascii(plugin)})  {NUKE_MARK}"


def registered(content: bytes, plugin: str | None) -> bytes:
    """An init.py with our line for ``plugin``, or without it when that is None.

    Everything else keeps its bytes, and taking away what was added gives the first content back.

    Parameters
    ----------
    content : bytes
        Of the file; empty when there is none.
    plugin : str or None
    """
    lines = content.splitlines(keepends=True)
    mark = NUKE_MARK.encode()
    ours = [n for n, line in enumerate(lines) if mark in line]
    if ours:
        at, old = ours[0], lines[ours[0]]
        for extra in reversed(ours[1:]):
            del lines[extra]
        if plugin is None:
            del lines[at]
            # Only while it is the last line: what was added after it needs the line break.
            if MADE_NEWLINE.encode() in old and 0 < at == len(lines):
                lines[at - 1] = lines[at - 1].rstrip(b"\r\n")
        else:
            tail = old.rstrip(b"\r\n")
            memory = tail[tail.index(mark) + len(mark) :]
            ending = old[len(tail) :]
            lines[at] = nuke_line(plugin).encode() + memory + ending
        return b"".join(lines)
    if plugin is None:
        return content
    ending = b"\r\n" if lines and lines[0].endswith(b"\r\n") else b"\n"
    own = nuke_line(plugin).encode()
    if content and not content.endswith((b"\n", b"\r")):
        return content + ending + own + MADE_NEWLINE.encode() + ending
    return content + own + ending


def change_init(path: Path, plugin: str | None, *, dry_run: bool) -> None:
    """Add, renew or take away our line in an init.py, whole or not at all.

    Raises
    ------
    InstallError
        If the file cannot be read or written.
    """
    target = Path(os.path.realpath(path))  # a linked init.py stays a link
    try:
        before = target.read_bytes() if target.exists() else None
    except OSError as exc:
        raise InstallError(f"{path} cannot be read: {exc.strerror or exc}", EXIT_OUTPUT) from exc
    after: bytes | None = registered(before or b"", plugin)
    if before is None and plugin is not None:
        after = after.replace(NUKE_MARK.encode(), (NUKE_MARK + MADE_FILE).encode())  # type: ignore[union-attr]
    made_by_us = before is not None and (NUKE_MARK + MADE_FILE).encode() in before
    if plugin is None and not after and (before is None or made_by_us):
        after = None
    if after == before:
        say(f"{path}: nothing to change")
        return
    doing = "would" if dry_run else "now"
    if plugin is None:
        say(f"{path}: {doing} without Relip's line" + (" (removed)" if after is None else ""))
    else:
        say(f"{path}: {doing} {'have' if dry_run else 'has'} the line")
        say(f"  {nuke_line(plugin)}")
    if dry_run:
        return
    try:
        if after is None:
            target.unlink()
            return
        write_whole(target, after)
    except OSError as exc:
        raise InstallError(f"{path} cannot be written: {exc.strerror or exc}", EXIT_OUTPUT) from exc


def write_whole(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all; it keeps its permissions."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(content)
        if path.exists():
            shutil.copymode(path, temporary)
        os.replace(temporary, path)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def engine_file(old: bytes | None, env: Path, version: str) -> bytes:
    """engine.json: which environment the plugin starts on which system; other systems' stay."""
    known: dict[str, str] = {}
    with contextlib.suppress(ValueError, AttributeError, TypeError):
        found = json.loads(old or b"{}").get("environment")
        known = {str(k): str(v) for k, v in found.items()}
    system = "linux" if sys.platform.startswith("linux") else sys.platform
    known[system] = str(env)
    data = {
        "made_by": MADE_BY,
        "version": version,
        "protocol": PROTOCOL,
        "environment": dict(sorted(known.items())),
    }
    return (json.dumps(data, indent=1) + "\n").encode()


def plugin_files(root: Path) -> list[Path]:
    """The files of the plugin and the gizmos, sorted."""
    files = []
    for name in NUKE_PARTS:
        part = root / name
        files += [part] if part.is_file() else sorted(part.rglob("*"))
    return [f for f in files if f.is_file() and "__pycache__" not in f.parts and f.suffix != ".pyc"]


def plugin_fingerprint(root: Path) -> str:
    """SHA-256 over the names and contents of the plugin's files."""
    digest = hashlib.sha256()
    for path in plugin_files(root):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def copy_plugin(root: Path, release: Path, *, dry_run: bool) -> None:
    """Put a release of the plugin into a studio's folder; it appears whole or not at all.

    Raises
    ------
    InstallError
        If the folder is someone else's or cannot be written.
    """
    stamp = plugin_fingerprint(root)
    marker = read_plugin_marker(release)
    if marker is None and release.exists() and any(release.iterdir()):
        raise InstallError(
            f"{release} was not made by install.py and is left alone; remove it yourself or give "
            "another folder",
            EXIT_USAGE,
        )
    if marker and marker.get("source") == stamp:
        say(f"{release}: nothing to change")
        return
    say(f"{release}: {'would hold' if dry_run else 'now holds'} the plugin and its gizmos")
    if dry_run:
        return
    fresh = release.with_name(f".{release.name}.{os.getpid()}.new")
    old = release.with_name(f".{release.name}.{os.getpid()}.old")
    try:
        for path in plugin_files(root):
            target = fresh / path.relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        if (release / "engine.json").is_file():  # other systems' environments are in it
            shutil.copyfile(release / "engine.json", fresh / "engine.json")
        content = json.dumps({"made_by": MADE_BY, "source": stamp}, indent=1) + "\n"
        (fresh / PLUGIN_MARKER).write_text(content, encoding="utf-8")
        if release.exists():
            os.replace(release, old)
        os.replace(fresh, release)
    except OSError as exc:
        if old.exists() and not release.exists():
            os.replace(old, release)
        raise InstallError(
            f"{release} cannot be written: {exc.strerror or exc}", EXIT_OUTPUT
        ) from exc
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def read_plugin_marker(release: Path) -> dict[str, Any] | None:
    """The marker of a copied plugin; None when there is none of ours."""
    try:
        data = json.loads((release / PLUGIN_MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return data if isinstance(data, dict) and data.get("made_by") == MADE_BY else None


def register(wish: NukeWish, env: Path, root: Path = ROOT) -> None:
    """Let Nuke find the plugin, and the plugin the engine.

    Raises
    ------
    InstallError
    """
    version = read_project(root).version
    if not (root / "nuke_plugin" / "init.py").is_file():
        raise InstallError(
            f"{root} has no nuke_plugin; run install.py from a complete checkout of Relip",
            EXIT_INPUT,
        )
    home, plugin = root, (root / "nuke_plugin").as_posix()
    if wish.studio:
        home = wish.folder / "relip" / version
        plugin = f"./relip/{version}/nuke_plugin"  # Nuke reads it from beside the init.py
        copy_plugin(root, home, dry_run=wish.dry_run)
    path = home / "engine.json"
    try:
        before = path.read_bytes() if path.is_file() else None
        after = engine_file(before, env, version)
        if after != before:
            say(f"{path}: {'would name' if wish.dry_run else 'names'} {env}")
            if not wish.dry_run:
                write_whole(path, after)
    except OSError as exc:
        raise InstallError(f"{path} cannot be written: {exc.strerror or exc}", EXIT_OUTPUT) from exc
    change_init(wish.folder / "init.py", plugin, dry_run=wish.dry_run)


def unregister(wish: NukeWish, root: Path = ROOT) -> None:
    """Take away what :func:`register` made.

    Raises
    ------
    InstallError
    """
    change_init(wish.folder / "init.py", None, dry_run=wish.dry_run)
    if not wish.studio:
        path = root / "engine.json"
        if path.exists():
            say(f"{path}: {'would be removed' if wish.dry_run else 'removed'}")
            if not wish.dry_run:
                path.unlink()
        return
    releases = wish.folder / "relip"
    for release in sorted(releases.iterdir()) if releases.is_dir() else []:
        if release.is_symlink() or read_plugin_marker(release) is None:
            continue
        say(f"{release}: {'would be removed' if wish.dry_run else 'removed'}")
        if not wish.dry_run:
            shutil.rmtree(release)
    if not wish.dry_run:
        with contextlib.suppress(OSError):
            releases.rmdir()


# ---------------------------------------------------------------------------------------------
# The command line


def build_parser() -> argparse.ArgumentParser:
    """The parser of everything before ``--``."""
    parser = argparse.ArgumentParser(
        prog="install.py",
        description=(
            "Makes the engine's environment, checks it, and runs the demo or the tests in it. "
            "Nothing outside the environment's folder is changed."
        ),
        epilog=HELP_END,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--demo", action="store_true", help="install if needed, then run relip demo")
    what.add_argument(
        "--test", action="store_true", help="install if needed, test tools too, then run pytest"
    )
    what.add_argument("--check", action="store_true", help="run relip doctor in the environment")
    what.add_argument(
        "--uninstall",
        action="store_true",
        help="remove the environment that install.py made; with --nuke or --studio take the "
        "plugin away from Nuke instead",
    )
    parser.add_argument(
        "--env",
        type=Path,
        default=ROOT / ".relip-env",
        metavar="DIR",
        help="the environment's folder (default: .relip-env beside install.py)",
    )
    parser.add_argument(
        "--python",
        metavar="PYTHON",
        help=f"Python {spoken_pythons()} for the engine: a version, a command or a path "
        f"(default: the first found of {', '.join(PYTHONS)})",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("out") / "demo",
        metavar="DIR",
        help="where --demo writes (default: ./out/demo)",
    )
    parser.add_argument("--dev", action="store_true", help="also install pytest, ruff and mypy")
    parser.add_argument(
        "--editable", action="store_true", help="run Relip from this checkout instead of a copy"
    )
    parser.add_argument(
        "--torch-index",
        metavar="URL",
        help="package index for torch alone, for one CUDA version or CPU-only builds",
    )
    parser.add_argument(
        "--wheels", type=Path, metavar="DIR", help="install from this folder only, offline"
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--nuke",
        type=Path,
        nargs="?",
        const=Path("~/.nuke"),
        metavar="DIR",
        help="also register the plugin with Nuke: one line in DIR/init.py (default: ~/.nuke)",
    )
    where.add_argument(
        "--studio",
        type=Path,
        metavar="DIR",
        help="also copy the plugin into DIR, a folder on NUKE_PATH, and register it there",
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="with --nuke or --studio: say what would change, change nothing",
    )
    parser.add_argument(
        "--rebuild", action="store_true", help="make the environment anew even if it is sound"
    )
    return parser


def split_arguments(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """What is for install.py, and what follows ``--``."""
    arguments = list(argv)
    if "--" in arguments:
        at = arguments.index("--")
        return arguments[:at], arguments[at + 1 :]
    return arguments, []


def check_arguments(args: argparse.Namespace, rest: Sequence[str]) -> None:
    """Refuse combinations that mean nothing.

    Raises
    ------
    InstallError
    """
    if rest and not (args.demo or args.test or args.check):
        raise InstallError(
            f"{' '.join(rest)!r} after -- is only for --demo, --test or --check", EXIT_USAGE
        )
    if args.dry_run and not (args.nuke or args.studio):
        raise InstallError("--dry-run is for --nuke and --studio", EXIT_USAGE)
    if (args.nuke or args.studio) and (args.demo or args.test or args.check):
        raise InstallError("--nuke and --studio go without --demo, --test and --check", EXIT_USAGE)
    if args.wheels is not None and not args.wheels.is_dir():
        raise InstallError(f"--wheels {args.wheels}: no such folder", EXIT_INPUT)
    if args.wheels is not None and args.torch_index:
        raise InstallError("--wheels and --torch-index exclude each other", EXIT_USAGE)


def nuke_wish(args: argparse.Namespace) -> NukeWish | None:
    """What --nuke and --studio ask for."""
    folder = args.studio or args.nuke
    if folder is None:
        return None
    absolute = Path(os.path.abspath(folder.expanduser()))
    return NukeWish(absolute, args.studio is not None, args.dry_run)


def perform(args: argparse.Namespace, rest: list[str]) -> int:
    """Do what the command line asks and return the exit code."""
    check_arguments(args, rest)
    env = Path(os.path.abspath(args.env.expanduser()))
    python = str(env_python(env))
    nuke = nuke_wish(args)
    if nuke is not None and (args.uninstall or args.dry_run):
        if args.uninstall:
            unregister(nuke)
        else:
            register(nuke, env)
        return EXIT_DONE
    if args.uninstall:
        if not env.exists():
            say(f"nothing to remove: {env} does not exist")
            return EXIT_DONE
        refuse_foreign(env)
        with locked(env):
            remove(env)
        say(f"removed {env}")
        return EXIT_DONE
    if args.check:
        if read_marker(env) is None or present(env) is None:
            raise InstallError(
                f"{env} is not an environment of install.py; run python3 install.py", EXIT_MODEL
            )
        return run_through([python, "-m", "relip", "doctor", *rest])
    marker = read_marker(env) or {}
    wish = Wish(
        python=args.python,
        dev=args.dev or args.test,
        editable=args.editable or (bool(marker.get("editable")) and not args.rebuild),
        torch_index=args.torch_index,
        wheels=args.wheels.resolve() if args.wheels is not None else None,
        rebuild=args.rebuild,
    )
    if args.test and not (ROOT / "tests").is_dir():
        raise InstallError(f"{ROOT} has no tests; run --test from a checkout", EXIT_INPUT)
    ensure(env, wish)
    if nuke is not None:
        register(nuke, env)
    if args.test:
        return run_through([python, "-m", "pytest", *rest], cwd=ROOT)
    if args.demo:
        out = str(Path(os.path.abspath(args.out.expanduser())))
        return run_through([python, "-m", "relip", "demo", out, *rest])
    return EXIT_DONE


def on_terminate(signum: int, _frame: Any) -> NoReturn:
    """Turn SIGTERM into an exception, so that children are ended and files closed."""
    raise Interrupted(signum)


def main(argv: Sequence[str] | None = None) -> int:
    """Run install.py and return its exit code."""
    own, rest = split_arguments(sys.argv[1:] if argv is None else argv)
    args = build_parser().parse_args(own)
    before = signal.signal(signal.SIGTERM, on_terminate)
    try:
        return perform(args, rest)
    except InstallError as exc:
        say(f"error: {exc}")
        return exc.exit_code
    except KeyboardInterrupt:
        say("error: interrupted; run the same command again to go on")
        return EXIT_INTERRUPTED
    except Interrupted as exc:
        say("error: terminated; run the same command again to go on")
        return exc.exit_code
    finally:
        signal.signal(signal.SIGTERM, before)


if __name__ == "__main__":
    if sys.version_info < (3, 9):  # noqa: UP036
        say(f"error: install.py needs Python 3.9 or newer, this is {platform.python_version()}")
        sys.exit(EXIT_USAGE)
    sys.exit(main())
