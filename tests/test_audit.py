"""The audit that works without a network: bounds, licences, and code that must not be there."""

from __future__ import annotations

import ast
import sys
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]

#: Words of licences that would bind whoever installs Relip beside closed work.
COPYLEFT = ("gpl", "general public license", "agpl", "sspl", "cc-by-nc", "non-commercial")

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
NEEDED = [Requirement(r) for r in PROJECT["dependencies"]]


@pytest.mark.parametrize("requirement", NEEDED, ids=lambda r: r.name)
def test_every_dependency_has_an_upper_bound_and_a_free_licence(requirement: Requirement):
    operators = {s.operator for s in requirement.specifier}
    # packaging and tomli are read-only helpers with a stable interface.
    if requirement.name not in ("packaging", "tomli"):
        assert operators & {"<", "==", "<="}, f"{requirement} has no upper bound"
    try:
        said = metadata(requirement.name)
    except PackageNotFoundError:
        pytest.skip(f"{requirement.name} is not installed here")
    words = " ".join([said.get("License-Expression") or "", (said.get("License") or "")[:80],
                      *(said.get_all("Classifier") or [])]).lower()  # fmt: skip
    lesser = words.replace("lesser general public", "").replace("lgpl", "")
    assert not any(word in lesser for word in COPYLEFT), words


def calls() -> list[tuple[str, ast.Call, str]]:
    found = []
    for folder in ("core", "nuke_plugin"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Call):
                    place = f"{path.relative_to(ROOT)}:{node.lineno}"
                    found.append((place, node, ast.unparse(node.func)))
    return found


def test_no_pickle_no_shell_no_evaluation():
    bad = []
    for place, node, name in calls():
        words = {k.arg: ast.unparse(k.value) for k in node.keywords}
        if name in ("eval", "exec", "os.system", "os.popen", "torch.load", "pickle.load",
                    "pickle.loads", "joblib.load", "yaml.load", "marshal.loads"):  # fmt: skip
            bad.append(f"{place} {name}")
        if words.get("shell") == "True" or words.get("allow_pickle") == "True":
            bad.append(f"{place} {name}({words})")
        if name == "np.load" and words.get("allow_pickle") != "False":
            bad.append(f"{place} np.load without allow_pickle=False")
    assert len(calls()) > 1000 and bad == []


def test_nothing_imports_pickle():
    for path in (ROOT / "core").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {"pickle", "dill", "shelve", "joblib"} & set(names), path
