"""The package: what it declares, what it contains, and that the notices name all of it."""

from __future__ import annotations

import ast
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from relip import environment

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def noticed() -> dict[str, str]:
    """Package name to licence, from the tables of NOTICE.md."""
    text = (ROOT / "NOTICE.md").read_text(encoding="utf-8")
    rows = re.findall(r"(?m)^\| ([\w.-]+) \| ([\w.]+) \| ([^|]+) \|.*\|$", text)
    return {canonicalize_name(name): licence.strip() for name, _, licence in rows}


def names(requirements: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(r).name) for r in requirements}


def test_every_declared_dependency_has_a_notice(
    project: dict[str, Any], noticed: dict[str, str]
) -> None:
    own = project["tool"]["relip"]["install"]
    declared = names(project["project"]["dependencies"])
    for extra in ("dev", "usd"):
        declared |= names(project["project"]["optional-dependencies"][extra])
    declared |= names([own["headless-opencv"], *own["needed-by-them"]])
    assert declared - set(noticed) == set()


def test_every_package_that_comes_along_has_a_notice(
    project: dict[str, Any], noticed: dict[str, str]
) -> None:
    own = project["tool"]["relip"]["install"]
    bare = names(own["without-dependencies"])
    queue = [*project["project"]["dependencies"], *own["needed-by-them"]]
    seen: set[str] = set()
    while queue:
        requirement = Requirement(queue.pop())
        name = canonicalize_name(requirement.name)
        applies = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        if name in seen or not applies:
            continue
        seen.add(name)
        if name not in bare:
            try:
                queue += importlib.metadata.requires(name) or []
            except importlib.metadata.PackageNotFoundError:
                continue  # the other OpenCV build
    assert len(seen) > 40
    platforms = re.compile(r"nvidia-|cuda-|triton$|six$|colorama$")  # named in the text
    assert {n for n in seen if not platforms.match(n)} - set(noticed) == set()


def test_what_mediapipe_and_pocketsphinx_import_is_installed_and_the_rest_is_named_unwanted(
    project: dict[str, Any],
) -> None:
    own = project["tool"]["relip"]["install"]
    given = names([*project["project"]["dependencies"], *own["needed-by-them"]])
    given |= names(own["unwanted"])
    for package in own["without-dependencies"]:
        asked = names(importlib.metadata.requires(package) or [])
        assert asked, f"{package} names nothing: the list can go"
        assert asked - given == set()


def test_headless_opencv_lies_in_the_declared_bounds(project: dict[str, Any]) -> None:
    headless = Requirement(project["tool"]["relip"]["install"]["headless-opencv"])
    declared = next(
        r
        for r in map(Requirement, project["project"]["dependencies"])
        if r.name == "opencv-contrib-python"
    )
    version = next(iter(headless.specifier)).version
    assert declared.specifier.contains(version)


#: Called where the user has installed it and names a model; no extra installs it.
BROUGHT_BY_THE_USER = {"faster-whisper"}


def extras(project: dict[str, Any]) -> list[str]:
    """What the extras of the engine bring: all but the tools for development."""
    optional = project["project"]["optional-dependencies"]
    return [r for name, group in optional.items() if name != "dev" for r in group]


def test_every_dependency_is_bounded_above(project: dict[str, Any]) -> None:
    unbounded_by_choice = {"packaging", "tomli"}  # both promise to stay compatible
    for requirement in map(Requirement, [*project["project"]["dependencies"], *extras(project)]):
        operators = {s.operator for s in requirement.specifier}
        assert operators & {"<", "=="} or requirement.name in unbounded_by_choice, requirement


def test_every_import_is_declared(project: dict[str, Any]) -> None:
    declared = names(project["project"]["dependencies"])
    declared |= names(extras(project)) | BROUGHT_BY_THE_USER
    known = {**environment.MODULES, "usd-core": "pxr"}
    modules = {known.get(n, n.replace("-", "_")).split(".")[0] for n in declared}
    undeclared = {}
    for path in (ROOT / "core" / "relip").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                tops = {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                tops = {str(node.module).split(".")[0]}
            else:
                continue
            for top in tops - modules - sys.stdlib_module_names - {"relip", "tomllib"}:
                undeclared[top] = str(path.relative_to(ROOT))
    assert undeclared == {}


def test_versions_and_pythons_are_said_once(project: dict[str, Any]) -> None:
    import relip

    assert relip.__version__ == project["project"]["version"]
    assert SpecifierSet(project["project"]["requires-python"]) == environment.PYTHON_VERSIONS
    text = (ROOT / "install.py").read_text(encoding="utf-8")
    pythons = ast.literal_eval(re.search(r"(?m)^PYTHONS = (.*)$", text)[1])  # type: ignore[index]
    series = {f"3.{minor}" for minor in range(6, 30)}
    assert set(pythons) == {s for s in series if environment.PYTHON_VERSIONS.contains(f"{s}.1")}


def test_pre_commit_uses_the_versions_of_the_dev_extra(project: dict[str, Any]) -> None:
    text = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    pinned = set(re.findall(r'"((?:ruff|mypy)==[^"]+)"', text))
    assert pinned
    assert pinned <= set(project["project"]["optional-dependencies"]["dev"])


def test_ci_runs_the_commands_of_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    for command in ("python3 install.py --demo", "python3 install.py --test"):
        assert command in readme
        assert command in ci
    assert ci.rstrip().endswith("\npython3 install.py --test")
    assert "set -euo pipefail" in ci
    if os.name != "nt":
        assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_the_licence_is_apache_2_0_in_full() -> None:
    text = " ".join((ROOT / "LICENSE").read_text(encoding="utf-8").split())
    assert text.startswith("Apache License Version 2.0, January 2004")
    for number in range(1, 10):
        assert f" {number}. " in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert text.endswith("limitations under the License.")


def test_the_wheel_contains_every_file_of_the_package(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", "NOTICE.md"):
        shutil.copy(ROOT / name, copy)
    shutil.copytree(
        ROOT / "core" / "relip",
        copy / "core" / "relip",
        ignore=shutil.ignore_patterns("__pycache__", "*.pyc"),
    )
    build = "import sys; from setuptools import build_meta as b; print(b.build_wheel(sys.argv[1]))"
    subprocess.run(
        [sys.executable, "-c", build, str(tmp_path)], cwd=copy, check=True, capture_output=True
    )
    (path,) = tmp_path.glob("relip-*.whl")
    with zipfile.ZipFile(path) as wheel:
        inside = set(wheel.namelist())
        entry = wheel.read(next(n for n in inside if n.endswith("entry_points.txt"))).decode()
    package = ROOT / "core"
    files = {
        p.relative_to(package).as_posix()
        for p in (package / "relip").rglob("*")
        if p.is_file() and "__pycache__" not in p.parts and p.suffix != ".pyc"
    }
    assert len(files) > 10
    assert files - inside == set()
    assert "relip = relip.__main__:main" in entry
    assert any(n.endswith("licenses/LICENSE") for n in inside)
    assert any(n.endswith("licenses/NOTICE.md") for n in inside)
