"""install.py: what it decides, what it refuses, and one whole installation without a network."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import re
import stat
import subprocess
import sys
import textwrap
import time
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relip import errors

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "install.py"
posix_only = pytest.mark.skipif(os.name == "nt", reason="the fake Pythons are shell scripts")


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("relip_install", SCRIPT)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["relip_install"] = module
    spec.loader.exec_module(module)
    return module


install = load()


def read_toml(path: Path) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    return tomllib.loads(path.read_text(encoding="utf-8"))


# --- the script itself -----------------------------------------------------------------------


def test_it_parses_as_python_3_9() -> None:
    ast.parse(SCRIPT.read_text(encoding="utf-8"), feature_version=(3, 9))


def test_it_imports_the_standard_library_only() -> None:
    names = set()
    for node in ast.walk(ast.parse(SCRIPT.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            names.add(str(node.module).split(".")[0])
    newer_than_3_9 = {"tomllib"}
    assert names - (sys.stdlib_module_names - newer_than_3_9) == set()


def test_exit_codes_are_those_of_relip() -> None:
    for name in ("DONE", "UNEXPECTED", "USAGE", "INPUT", "MODEL", "OUTPUT", "INTERRUPTED"):
        assert getattr(install, f"EXIT_{name}") == getattr(errors, f"EXIT_{name}")


def test_help_names_the_two_commands() -> None:
    done = subprocess.run([sys.executable, SCRIPT, "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    assert "install.py --demo" in done.stdout
    assert "install.py --test" in done.stdout


# --- pyproject.toml --------------------------------------------------------------------------


def test_the_small_reader_agrees_with_toml() -> None:
    project = install.read_project(ROOT)
    truth = read_toml(ROOT / "pyproject.toml")
    own = truth["tool"]["relip"]["install"]
    assert project.version == truth["project"]["version"]
    assert project.dependencies == truth["project"]["dependencies"]
    assert project.dev == truth["project"]["optional-dependencies"]["dev"]
    assert project.build == truth["build-system"]["requires"]
    assert project.first == own["first"]
    assert project.headless_opencv == own["headless-opencv"]
    assert project.without_dependencies == own["without-dependencies"]
    assert project.needed_by_them == own["needed-by-them"]
    assert project.unwanted == own["unwanted"]


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.text(st.characters(codec="ascii", exclude_categories=("Cc",)), max_size=20)),
    st.lists(st.text(st.characters(codec="utf-8", exclude_categories=("Cc",)), max_size=20)),
)
def test_the_small_reader_reads_any_list_of_strings(one: list[str], two: list[str]) -> None:
    import tomli_w

    text = tomli_w.dumps(
        {"a": {"key": one, "other": two}, "b": {"key": two}}, multiline_strings=False
    )
    assert install.read_value(text, "a", "key") == one
    assert install.read_value(text, "a", "other") == two
    assert install.read_value(text, "b", "key") == two


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("[other]\nkey = 'x'\n", "[t]"),
        ("[t]\n[u]\nkey = 'x'\n", "key in [t]"),
        ("[t]\nkey = 3\n", "neither"),
        ("[t]\nkey = ['x'\n", "neither"),
    ],
)
def test_the_small_reader_says_what_is_wrong(text: str, word: str) -> None:
    with pytest.raises(KeyError) as caught:
        install.read_value(text, "t", "key")
    assert word in caught.value.args[0]


def test_no_checkout_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(install.InstallError) as caught:
        install.read_project(tmp_path)
    assert caught.value.exit_code == errors.EXIT_INPUT
    assert str(tmp_path) in str(caught.value)


# --- the plan --------------------------------------------------------------------------------


def test_the_plan_is_lean_and_complete() -> None:
    project = install.read_project(ROOT)
    steps = install.plan(project, dev=False, torch_index=None)
    assert [install.name_of(r) for r in steps[0].requirements] == ["torch"]
    everything = [r for step in steps for r in step.requirements]
    names = install.required_names(steps)
    assert not set(names) & {install.name_of(n) for n in project.unwanted}
    assert "opencv-contrib-python-headless" in names
    for requirement in project.dependencies:
        if install.name_of(requirement) != "opencv-contrib-python":
            assert requirement in everything
    for step in steps:
        bare = {"mediapipe", "pocketsphinx"} & {install.name_of(r) for r in step.requirements}
        assert bool(bare) is not step.with_dependencies


def test_dev_adds_the_tools_and_the_index_is_for_torch_alone() -> None:
    project = install.read_project(ROOT)
    steps = install.plan(project, dev=True, torch_index="https://example.invalid/cpu")
    assert {"pytest", "ruff", "mypy"} <= set(install.required_names(steps))
    assert [step.index_url for step in steps] == ["https://example.invalid/cpu", None, None]


@pytest.mark.parametrize(
    ("requirement", "name"),
    [("tomli_w>=1", "tomli-w"), ("OpenImageIO", "openimageio"), ("a.b_c[x]==1; y", "a-b-c")],
)
def test_names_are_normalised(requirement: str, name: str) -> None:
    assert install.name_of(requirement) == name


def test_the_source_fingerprint_follows_names_and_contents(tmp_path: Path) -> None:
    package = tmp_path / "core" / "relip"
    package.mkdir(parents=True)
    (package / "a.py").write_text("1")
    first = install.source_fingerprint(tmp_path)
    (package / "__pycache__").mkdir()
    (package / "__pycache__" / "a.cpython-311.pyc").write_bytes(b"x")
    assert install.source_fingerprint(tmp_path) == first
    (package / "a.py").rename(package / "b.py")
    second = install.source_fingerprint(tmp_path)
    (package / "b.py").write_text("2")
    assert len({first, second, install.source_fingerprint(tmp_path)}) == 3


# --- children --------------------------------------------------------------------------------


def test_children_do_not_inherit_another_python() -> None:
    cleaned = install.child_environment(
        {"PYTHONHOME": "/nuke", "PYTHONPATH": "/nuke", "PIP_USER": "1", "PIP_FIND_LINKS": "/w"}
    )
    assert not {"PYTHONHOME", "PYTHONPATH", "PIP_USER"} & set(cleaned)
    assert cleaned["PIP_FIND_LINKS"] == "/w"  # where packages come from stays the user's choice


def test_a_logged_command_leaves_its_output_and_says_that_it_lives(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(install, "HEARTBEAT", 0.2)
    code = "import time, sys; print('Collecting numpy', flush=True); time.sleep(1); sys.exit(3)"
    log = tmp_path / "log"
    assert install.run_logged([sys.executable, "-c", code], log, "numbers") == 3
    said = capsys.readouterr().err
    assert "collecting numpy" in said
    assert "numbers: failed" in said
    assert "Collecting numpy" in log.read_text()


@posix_only
def test_a_terminated_installation_leaves_no_process_behind(tmp_path: Path) -> None:
    log = tmp_path / "log"
    child = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); import install, pathlib, signal\n"
        "signal.signal(signal.SIGTERM, install.on_terminate)\n"
        "install.run_logged(['sh', '-c', 'sleep 60 & echo grandchild $!; wait'],"
        f" pathlib.Path({str(log)!r}), 'x')\n"
    )
    process = subprocess.Popen([sys.executable, "-c", child], stderr=subprocess.DEVNULL)
    try:
        grandchild = 0
        deadline = time.monotonic() + 30
        while not grandchild and time.monotonic() < deadline:
            time.sleep(0.05)
            found = re.search(r"(?m)^grandchild (\d+)$", log.read_text() if log.exists() else "")
            grandchild = int(found[1]) if found else 0
        assert grandchild
        assert psutil.pid_exists(grandchild)
        process.terminate()
        process.wait(30)
        deadline = time.monotonic() + 10
        while is_alive(grandchild) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not is_alive(grandchild)
    finally:
        process.kill()
        process.wait()


def is_alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize(
    ("output", "exit_code", "word"),
    [
        ("OSError: [Errno 28] No space left on device", errors.EXIT_OUTPUT, "full"),
        ("ERROR: No matching distribution found for mediapipe==0.10.21", errors.EXIT_MODEL, "x86"),
        ("Failed to establish: getaddrinfo failed", errors.EXIT_MODEL, "--wheels"),
        ("something nobody has seen", errors.EXIT_MODEL, "install.log"),
    ],
)
def test_a_failed_pip_is_one_line_with_its_cause(
    tmp_path: Path, output: str, exit_code: int, word: str
) -> None:
    install.log_of(tmp_path).write_text(f"Collecting x\n{output}\n")
    with pytest.raises(install.InstallError) as caught:
        install.fail_with_log(tmp_path, "pip could not install x", errors.EXIT_MODEL)
    assert caught.value.exit_code == exit_code
    assert word in str(caught.value)
    assert "\n" not in str(caught.value)


# --- finding a Python ------------------------------------------------------------------------


def fake_python(path: Path, version: str = "", *, body: str = "", **answer: object) -> Path:
    """An executable that answers the probe as a Python of that version would."""
    reply = {
        "version": version,
        "implementation": "CPython",
        "wide": True,
        "pip": True,
        **answer,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n" + (body or f"echo '{json.dumps(reply)}'") + "\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Series that no real machine has, so that only the test's own executables are found."""
    monkeypatch.setattr(install, "PYTHONS", ("3.98", "3.99", "3.97"))
    return {
        "PATH": os.pathsep.join([str(tmp_path / "shims"), str(tmp_path / "bin")]),
        "PYENV_ROOT": str(tmp_path / "pyenv"),
    }


@posix_only
def test_the_preferred_series_is_taken(tmp_path: Path, search: dict[str, str]) -> None:
    fake_python(tmp_path / "bin" / "python3.99", "3.99.1")
    wanted = fake_python(tmp_path / "bin" / "python3.98", "3.98.4")
    found = install.find_python(None, tmp_path / "env", search)
    assert found == ([str(wanted)], "3.98.4")
    assert install.find_python("3.99", tmp_path / "env", search).version == "3.99.1"


@posix_only
def test_a_shim_that_does_not_run_is_passed_over(tmp_path: Path, search: dict[str, str]) -> None:
    fake_python(tmp_path / "shims" / "python3.98", body="echo 'command not found' >&2; exit 127")
    wanted = fake_python(tmp_path / "bin" / "python3.98", "3.98.0")
    assert install.find_python(None, tmp_path / "env", search).command == [str(wanted)]


@posix_only
def test_pyenv_is_searched_newest_first(tmp_path: Path, search: dict[str, str]) -> None:
    for version in ("3.97.9", "3.97.10", "3.97.2"):
        fake_python(tmp_path / "pyenv/versions" / version / "bin" / "python3.97", version)
    assert install.find_python(None, tmp_path / "env", search).version == "3.97.10"


@posix_only
@pytest.mark.parametrize(
    ("answer", "word"),
    [
        ({"version": "3.98.1", "pip": False}, "python3.98-venv"),
        ({"version": "3.98.1", "wide": False}, "32-bit"),
        ({"version": "3.98.1", "implementation": "PyPy"}, "PyPy"),
        ({"version": "3.96.0"}, "3.96.0"),
        ({"version": "3.97.0"}, "another version"),
        ({"body": "echo gibberish"}, "does not run"),
    ],
)
def test_why_a_python_is_not_taken_is_said(
    tmp_path: Path, search: dict[str, str], answer: dict[str, Any], word: str
) -> None:
    fake_python(tmp_path / "bin" / "python3.98", **answer)
    with pytest.raises(install.InstallError) as caught:
        install.find_python(None, tmp_path / "env", search)
    assert caught.value.exit_code == errors.EXIT_MODEL
    assert word in str(caught.value)
    assert "--python" in str(caught.value)


@posix_only
def test_a_named_python_is_taken_or_refused(tmp_path: Path, search: dict[str, str]) -> None:
    good = fake_python(tmp_path / "opt" / "mypython", "3.99.0")
    assert install.find_python(str(good), tmp_path / "env", search).command == [str(good)]
    for bad in (tmp_path / "nowhere", fake_python(tmp_path / "opt" / "old", "3.5.0")):
        with pytest.raises(install.InstallError) as caught:
            install.find_python(str(bad), tmp_path / "env", search)
        assert caught.value.exit_code == errors.EXIT_MODEL
        assert str(bad) in str(caught.value)


@posix_only
def test_the_environment_cannot_hold_its_successor(tmp_path: Path, search: dict[str, str]) -> None:
    fake_python(tmp_path / "bin" / "python3.98", "3.98.0")
    with pytest.raises(install.InstallError, match="inside the environment"):
        install.find_python(None, tmp_path, search)


def test_this_very_python_passes_the_probe() -> None:
    found, reason = install.probe([sys.executable])
    assert reason == ""
    assert found.version == ".".join(map(str, sys.version_info[:3]))


# --- what is ours and what is not ------------------------------------------------------------


def own_env(env: Path, **fields: object) -> Path:
    env.mkdir(parents=True)
    install.write_marker(env, {"made_by": install.MADE_BY, "format": 1, **fields})
    return env


def run(*arguments: object) -> int:
    return install.main([str(a) for a in arguments])


@pytest.mark.parametrize("action", [(), ("--uninstall",), ("--test",), ("--rebuild",)])
def test_a_folder_of_someone_else_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], action: tuple[str, ...]
) -> None:
    precious = tmp_path / "work" / "thesis.txt"
    precious.parent.mkdir()
    precious.write_text("years")
    assert run("--env", precious.parent, *action) == errors.EXIT_USAGE
    assert precious.read_text() == "years"
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["thesis.txt", "work"]
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert said.count("\n") == 1


def test_a_forged_marker_is_not_ours(tmp_path: Path) -> None:
    env = tmp_path / "env"
    env.mkdir()
    (env / install.MARKER).write_text('{"made_by": "somebody"}')
    assert run("--env", env, "--uninstall") == errors.EXIT_USAGE
    assert env.is_dir()


def test_uninstall_removes_its_own_and_follows_no_link(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("x")
    env = own_env(tmp_path / "env", complete=True)
    (env / "lib").mkdir()
    (env / "lib" / "module.py").write_text("")
    (env / "lib64").symlink_to("lib")
    (env / "outside").symlink_to(precious)
    assert run("--env", env, "--uninstall") == 0
    assert [p.name for p in tmp_path.iterdir()] == ["precious"]
    assert (precious / "file").read_text() == "x"
    assert run("--env", env, "--uninstall") == 0


def test_a_link_to_an_environment_is_not_followed(tmp_path: Path) -> None:
    env = own_env(tmp_path / "env", complete=True)
    link = tmp_path / "link"
    link.symlink_to(env)
    assert run("--env", link, "--uninstall") == errors.EXIT_USAGE
    assert env.is_dir()


def test_two_installations_into_one_folder_exclude_each_other(tmp_path: Path) -> None:
    env = tmp_path / "env"
    with install.locked(env):
        child = (
            f"import importlib.util as u; s = u.spec_from_file_location('i', {str(SCRIPT)!r})\n"
            "i = u.module_from_spec(s); import sys; sys.modules['i'] = i; s.loader.exec_module(i)\n"
            "from pathlib import Path\n"
            f"with i.locked(Path({str(env)!r})): pass\n"
        )
        done = subprocess.run([sys.executable, "-c", child], capture_output=True, text=True)
        assert done.returncode != 0
        assert "another install.py is at work" in done.stderr
    with install.locked(env):
        pass


def test_a_full_disk_is_said_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(install, "ROOM", 2**60)
    assert run("--env", tmp_path / "env", "--python", sys.executable) == errors.EXIT_OUTPUT
    assert "GiB free" in capsys.readouterr().err
    assert not (tmp_path / "env").exists()


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_parent_is_an_output_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        assert run("--env", tmp_path / "env") == errors.EXIT_OUTPUT
    finally:
        tmp_path.chmod(0o700)


def test_a_parent_that_is_a_file_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert run("--env", tmp_path / "file" / "env") == errors.EXIT_OUTPUT


# --- the command line ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "exit_code"),
    [
        (("--env", "{tmp}/none", "--check"), errors.EXIT_MODEL),
        (("--env", "{tmp}/none", "--wheels", "{tmp}/none"), errors.EXIT_INPUT),
        (("--env", "{tmp}/none", "--", "-x"), errors.EXIT_USAGE),
        (
            ("--env", "{tmp}/none", "--wheels", "{tmp}", "--torch-index", "https://x.invalid"),
            errors.EXIT_USAGE,
        ),
        (("--env", "{tmp}/none", "--python", "{tmp}/nopython"), errors.EXIT_MODEL),
    ],
)
def test_wrong_arguments_end_with_one_line(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    exit_code: int,
) -> None:
    assert run(*(a.format(tmp=tmp_path) for a in arguments)) == exit_code
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    "arguments", [("--demo", "--test"), ("--nonsense",), ("--env",), ("--de",)]
)
def test_usage_errors_end_with_2(arguments: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as caught:
        run(*arguments)
    assert caught.value.code == errors.EXIT_USAGE


# --- what is left to do ----------------------------------------------------------------------


def distribution(env: Path, name: str) -> Path:
    """Metadata of an installed distribution, as pip leaves it."""
    version = "{}.{}".format(*sys.version_info[:2])
    site = env / ("Lib/site-packages" if os.name == "nt" else f"lib/python{version}/site-packages")
    folder = site / f"{name}-1.0.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    return folder


def wish(**changes: Any) -> Any:
    nothing = install.Wish(None, False, False, None, None, False)
    return nothing._replace(**changes)


def test_only_what_is_left_is_done(tmp_path: Path) -> None:
    project = install.read_project(ROOT)
    env = tmp_path / "env"
    assert install.work_left(env, project, wish(), ROOT) == "create"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", env], check=True)
    steps = install.plan(project, dev=False, torch_index=None)
    folders = {name: distribution(env, name) for name in install.required_names(steps)}
    folders["relip"] = distribution(env, "relip")
    marker = {
        "made_by": install.MADE_BY,
        "format": install.MARKER_FORMAT,
        "python": ".".join(map(str, sys.version_info[:3])),
        "complete": True,
        "checked": True,
        "editable": False,
        "plan": install.fingerprint(steps),
        "source": install.source_fingerprint(ROOT),
    }

    def left(wanted: Any = None, **changes: object) -> str:
        install.write_marker(env, {**marker, **changes})
        return str(install.work_left(env, project, wanted or wish(), ROOT))

    other = next(v for v in install.PYTHONS if not marker["python"].startswith(v + "."))
    assert left() == "nothing"
    assert left(wish(python=sys.executable)) == "nothing"
    assert left(checked=False) == "check"
    assert left(source="older") == "package"
    assert left(wish(editable=True)) == "package"
    assert left(wish(dev=True)) == "update"
    assert left(plan="older") == "update"
    assert left(complete=False) == "rebuild"
    assert left(format=0) == "rebuild"
    assert left(python="3.11.99") == "rebuild"
    assert left(wish(python=other)) == "rebuild"
    assert left(wish(rebuild=True)) == "rebuild"
    for path in (folders["numpy"] / "METADATA", install.env_python(env)):
        path.unlink()
        assert left() == "rebuild"


# --- a whole installation, without a network -------------------------------------------------

BACKEND = """
    import zipfile
    from pathlib import Path

    def build_wheel(folder, config_settings=None, metadata_directory=None):
        name = "relip-0.1.0-py3-none-any.whl"
        info = "relip-0.1.0.dist-info"
        with zipfile.ZipFile(Path(folder) / name, "w") as wheel:
            for path in Path("core/relip").rglob("*.py"):
                wheel.write(path, path.relative_to("core").as_posix())
            metadata = ["Metadata-Version: 2.1", "Name: relip", "Version: 0.1.0", ""]
            wheel.writestr(f"{info}/METADATA", "\\n".join(metadata))
            tags = ["Wheel-Version: 1.0", "Root-Is-Purelib: true", "Tag: py3-none-any", ""]
            wheel.writestr(f"{info}/WHEEL", "\\n".join(tags))
            wheel.writestr(f"{info}/RECORD", "")
        return name
"""


def make_wheel(folder: Path, name: str, module: str) -> None:
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{module}/__init__.py", "")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")


@pytest.fixture
def little_project(tmp_path: Path) -> Path:
    """A checkout with the shape of Relip's, whose dependencies are empty wheels."""
    root = tmp_path / "checkout"
    package = root / "core" / "relip"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("answer = 1\n")
    (package / "backend.py").write_text(textwrap.dedent(BACKEND))
    (package / "environment.py").write_text(
        "import json, cv2, mediapipe, torch\n"
        "print(json.dumps([{'name': 'all', 'status': 'ok', 'needed': True}]))\n"
    )
    (root / "pyproject.toml").write_text(
        textwrap.dedent("""
        [build-system]
        requires = []
        build-backend = "backend"
        backend-path = ["core/relip"]
        [project]
        name = "relip"
        version = "0.1.0"
        dependencies = ["torch", "opencv-contrib-python", "mediapipe"]
        [project.optional-dependencies]
        dev = ["pytest"]
        [tool.relip.install]
        first = ["torch"]
        headless-opencv = "opencv-contrib-python-headless"
        without-dependencies = ["mediapipe"]
        needed-by-them = []
        unwanted = ["jax"]
        """)
    )
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    make_wheel(wheels, "torch", "torch")
    make_wheel(wheels, "mediapipe", "mediapipe")
    make_wheel(wheels, "opencv_contrib_python_headless", "cv2")
    return root


def answer(env: Path) -> int:
    code = "import relip; print(relip.answer)"
    return int(subprocess.check_output([install.env_python(env), "-I", "-c", code]))


@pytest.mark.slow
def test_install_again_mend_update_remove(little_project: Path, tmp_path: Path) -> None:
    env = tmp_path / "an env"
    wanted = wish(python=sys.executable, wheels=tmp_path / "wheels")
    project = install.read_project(little_project)
    install.ensure(env, wanted, little_project)
    assert answer(env) == 1
    made = install.env_python(env).lstat().st_mtime_ns
    assert install.work_left(env, project, wanted, little_project) == "nothing"

    source = little_project / "core" / "relip" / "__init__.py"
    source.write_text("answer = 2\n")
    install.ensure(env, wanted, little_project)
    assert answer(env) == 2
    assert install.env_python(env).lstat().st_mtime_ns == made  # the package alone was replaced

    make_wheel(tmp_path / "wheels", "pytest", "pytest")
    install.ensure(env, wanted._replace(dev=True), little_project)
    assert install.env_python(env).lstat().st_mtime_ns == made
    assert install.work_left(env, project, wanted, little_project) == "nothing"

    found = install.present(env)
    assert found is not None
    assert {"torch", "mediapipe", "pytest", "relip"} <= found[1]
    install.write_marker(env, {**install.read_marker(env), "complete": False})  # as after a kill
    install.ensure(env, wanted, little_project)
    assert answer(env) == 2
    assert install.env_python(env).lstat().st_mtime_ns != made

    assert sorted(p.name for p in little_project.iterdir()) == ["core", "pyproject.toml"]
    assert run("--env", env, "--uninstall") == 0
    assert not env.exists()


@pytest.mark.slow
def test_a_missing_wheel_fails_clearly_and_is_mended(
    little_project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    env = tmp_path / "env"
    wheels = tmp_path / "wheels"
    wanted = wish(python=sys.executable, wheels=wheels)
    (wheels / "torch-1.0-py3-none-any.whl").rename(tmp_path / "kept.whl")
    with pytest.raises(install.InstallError, match="torch") as caught:
        install.ensure(env, wanted, little_project)
    assert caught.value.exit_code == errors.EXIT_MODEL
    assert "No matching distribution" in capsys.readouterr().err
    project = install.read_project(little_project)
    assert install.work_left(env, project, wanted, little_project) == "rebuild"
    (tmp_path / "kept.whl").rename(wheels / "torch-1.0-py3-none-any.whl")
    install.ensure(env, wanted, little_project)
    assert answer(env) == 1


@pytest.mark.slow
def test_a_failed_check_names_the_mend(
    little_project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = {"name": "x", "status": "missing", "needed": True, "detail": "d", "mend": "do this"}
    checks = little_project / "core" / "relip" / "environment.py"
    checks.write_text(f"import json; print(json.dumps([{bad!r}]))\n")
    wanted = wish(python=sys.executable, wheels=tmp_path / "wheels")
    for _ in range(2):  # the second time nothing is installed again, only checked
        with pytest.raises(install.InstallError, match="do this") as caught:
            install.ensure(tmp_path / "env", wanted, little_project)
        assert caught.value.exit_code == errors.EXIT_MODEL
    assert capsys.readouterr().err.count("environment: done") == 1


# --- Nuke ------------------------------------------------------------------------------------


def paths_added(init: Path) -> list[str]:
    """What Nuke would add to its path when it runs an init.py."""
    import types

    added: list[str] = []
    nuke = types.ModuleType("nuke")
    nuke.pluginAddPath = added.append  # type: ignore[attr-defined]
    before = sys.modules.get("nuke")
    sys.modules["nuke"] = nuke
    try:
        exec(compile(init.read_bytes(), str(init), "exec"), {"__file__": str(init)})
    finally:
        del sys.modules["nuke"]
        if before is not None:
            sys.modules["nuke"] = before
    return added


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What register needs of a checkout."""
    root = tmp_path / "Relip – é'\" checkout"
    (root / "nuke_plugin" / "relip_nuke").mkdir(parents=True)
    (root / "gizmos").mkdir()
    for name in ("pyproject.toml", "LICENSE", "NOTICE.md"):
        (root / name).write_bytes((ROOT / name).read_bytes())
    (root / "nuke_plugin" / "init.py").write_text("loaded = True\n")
    (root / "nuke_plugin" / "relip_nuke" / "__init__.py").write_text("")
    (root / "gizmos" / "Relip_v1_0.gizmo").write_text("Gizmo {\n}\n")
    return root


def nuke_wish(folder: Path, **changes: Any) -> Any:
    return install.NukeWish(**{"folder": folder, "studio": False, "dry_run": False, **changes})


contents = st.binary(max_size=60) | st.lists(
    st.sampled_from([b"import nuke", b"# a comment", b"", b"\n", b"\r\n", b"\r", b"x = 1"])
).map(b"".join)


@settings(deadline=None, max_examples=300)
@given(contents, st.text(max_size=30), st.text(max_size=30))
def test_the_line_is_added_once_and_taken_away_without_a_trace(
    content: bytes, plugin: str, other: str
) -> None:
    once = install.registered(content, plugin)
    assert once.startswith(content) and once.count(install.NUKE_MARK.encode()) == 1
    assert install.registered(once, plugin) == once
    moved = install.registered(once, other)
    assert moved == install.registered(content, other)
    assert install.registered(moved, None) == content
    assert install.registered(content, None) == content


def test_what_was_written_after_the_line_stays(tmp_path: Path) -> None:
    changed = install.registered(b"a = 1", "/p") + b"b = 2\n"
    assert install.registered(changed, None) == b"a = 1\nb = 2\n"


@pytest.mark.parametrize(
    "content", [None, b"", b"import nuke\n", b"import nuke", b"x = 1\r\ny = 2\r\n", b"# \xe9\n"]
)
def test_nuke_is_registered_again_moved_and_restored(
    tmp_path: Path, checkout: Path, content: bytes | None
) -> None:
    folder, env = tmp_path / "home" / ".nuke", tmp_path / "env"
    init = folder / "init.py"
    if content is not None:
        folder.mkdir(parents=True)
        init.write_bytes(content)
    install.register(nuke_wish(folder, dry_run=True), env, checkout)
    assert not (checkout / "engine.json").exists()
    assert init.exists() == (content is not None)

    for _ in range(2):
        install.register(nuke_wish(folder), env, checkout)
        if content is None or b"\xe9" not in content:
            assert paths_added(init) == [(checkout / "nuke_plugin").as_posix()]
        assert b"\r\n" not in (content or b"") or init.read_bytes().count(b"\n") == 3
    named = json.loads((checkout / "engine.json").read_text())
    assert named["protocol"] == "1.0" and list(named["environment"].values()) == [str(env)]

    install.unregister(nuke_wish(folder, dry_run=True), checkout)
    assert install.NUKE_MARK in init.read_text("latin-1")
    for _ in range(2):
        install.unregister(nuke_wish(folder), checkout)
        assert (init.read_bytes() if init.exists() else None) == content
        assert not (checkout / "engine.json").exists()
    assert not list(tmp_path.rglob("*.tmp"))


def test_a_linked_init_stays_a_link_and_keeps_its_permissions(
    tmp_path: Path, checkout: Path
) -> None:
    folder = tmp_path / ".nuke"
    folder.mkdir()
    (tmp_path / "dotfiles.py").write_text("x = 1\n")
    (tmp_path / "dotfiles.py").chmod(0o640)
    (folder / "init.py").symlink_to(tmp_path / "dotfiles.py")
    install.register(nuke_wish(folder), tmp_path / "env", checkout)
    assert (folder / "init.py").is_symlink()
    assert install.NUKE_MARK in (tmp_path / "dotfiles.py").read_text()
    assert stat.S_IMODE((tmp_path / "dotfiles.py").stat().st_mode) == 0o640
    install.unregister(nuke_wish(folder), checkout)
    assert (tmp_path / "dotfiles.py").read_text() == "x = 1\n"


def test_a_studio_gets_its_own_copy_and_every_system_its_engine(
    tmp_path: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio = tmp_path / "studio"
    version = install.read_project(checkout).version
    release = studio / "relip" / version
    install.register(nuke_wish(studio, studio=True, dry_run=True), tmp_path / "env", checkout)
    assert not studio.exists()
    install.register(nuke_wish(studio, studio=True), tmp_path / "env", checkout)
    assert paths_added(studio / "init.py") == [f"./relip/{version}/nuke_plugin"]
    assert (release / "gizmos" / "Relip_v1_0.gizmo").read_text() == "Gizmo {\n}\n"
    assert (release / "nuke_plugin" / "relip_nuke" / "__init__.py").exists()
    before = (release / "gizmos").stat().st_mtime_ns

    monkeypatch.setattr(install.sys, "platform", "win32")
    install.register(nuke_wish(studio, studio=True), Path("S:/relip"), checkout)
    assert (release / "gizmos").stat().st_mtime_ns == before  # the copy is left as it is
    (checkout / "gizmos" / "Relip_v1_0.gizmo").write_text("Gizmo {\n name x\n}\n")
    install.register(nuke_wish(studio, studio=True), Path("S:/relip"), checkout)
    assert "name x" in (release / "gizmos" / "Relip_v1_0.gizmo").read_text()
    named = json.loads((release / "engine.json").read_text())["environment"]
    assert named == {"linux": str(tmp_path / "env"), "win32": "S:/relip"}

    (studio / "relip" / "mine").mkdir()
    install.unregister(nuke_wish(studio, studio=True), checkout)
    assert sorted(p.name for p in studio.rglob("*")) == ["mine", "relip"]


def test_a_folder_of_someone_else_is_no_release(tmp_path: Path, checkout: Path) -> None:
    release = tmp_path / "relip" / install.read_project(checkout).version
    release.mkdir(parents=True)
    (release / "theirs").write_text("x")
    with pytest.raises(install.InstallError, match="left alone") as caught:
        install.register(nuke_wish(tmp_path, studio=True), tmp_path / "env", checkout)
    assert caught.value.exit_code == errors.EXIT_USAGE
    assert sorted(p.name for p in tmp_path.glob("*.py")) == []


def test_a_folder_that_cannot_be_written_is_an_output_error(tmp_path: Path, checkout: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(install.InstallError, match="cannot be") as caught:
        install.register(nuke_wish(tmp_path / "file"), tmp_path / "env", checkout)
    assert caught.value.exit_code == errors.EXIT_OUTPUT


def test_nuke_on_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert run("--nuke", "--dry-run") == 0
    said = capsys.readouterr().err
    assert f"{tmp_path / '.nuke' / 'init.py'}: would have the line" in said
    assert not (tmp_path / ".nuke").exists()
    (tmp_path / ".nuke").mkdir()
    (tmp_path / ".nuke" / "init.py").write_bytes(install.registered(b"x = 1\n", "/old"))
    assert run("--uninstall", "--studio", tmp_path / ".nuke") == 0
    assert (tmp_path / ".nuke" / "init.py").read_bytes() == b"x = 1\n"
    for wrong in (("--dry-run",), ("--nuke", "--test"), ("--studio", tmp_path, "--check")):
        assert run(*wrong) == errors.EXIT_USAGE
    with pytest.raises(SystemExit):
        run("--nuke", "--studio", tmp_path)


def test_the_protocol_is_the_engine_s() -> None:
    from relip import worker

    assert install.PROTOCOL == worker.PROTOCOL
    link = (ROOT / "nuke_plugin" / "relip_nuke" / "link.py").read_text("utf-8")
    assert f'\nPROTOCOL = "{worker.PROTOCOL}"\n' in link


def test_the_plugin_finds_the_engine_that_was_registered(tmp_path: Path, checkout: Path) -> None:
    spec = importlib.util.spec_from_file_location(
        "relip_location", ROOT / "nuke_plugin" / "relip_nuke" / "location.py"
    )
    assert spec and spec.loader
    location = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(location)
    python = tmp_path / "env" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    python.parent.mkdir(parents=True)
    python.touch()
    install.register(nuke_wish(tmp_path / ".nuke"), tmp_path / "env", checkout)
    assert location.find(str(checkout), {}).command == [str(python), "-I", "-m", "relip"]
