"""The suite for a real Nuke, run in the stand-in: both are held to the same facts."""

from __future__ import annotations

import importlib
import io
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "in_nuke"
MODULES = (
    "run", "checking", "facts_gizmos", "facts_nodes", "facts_pixels", "facts_relip", "facts_text",
)  # fmt: skip


@pytest.fixture
def suite(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    yield lambda: importlib.import_module("run")
    for name in MODULES:
        sys.modules.pop(name, None)


def test_all_facts_hold_in_the_stand_in(nuke_terminal, suite):
    out = io.StringIO()
    code = suite().run(out)
    print(out.getvalue())
    assert code == 0, out.getvalue()
    assert "facts hold, 0 do not" in out.getvalue()


def test_a_fact_that_does_not_hold_is_a_failure(nuke_terminal, suite, monkeypatch):
    from nuke_host.images import merging

    monkeypatch.setitem(merging.OPERATIONS, "over", lambda A, B, a, b: A + B)
    monkeypatch.setattr("nuke_host.curves.Curve.evaluate", lambda self, t: self.keys[0].y)
    out = io.StringIO()
    assert suite().run(out) == 1
    failed = [line for line in out.getvalue().splitlines() if line.startswith("FAIL")]
    assert any("Merge over" in line for line in failed)
    assert any("smooth" in line for line in failed)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda p: p.name)
def test_it_runs_on_the_oldest_nukes_python(path):
    """Nuke 13 has Python 3.7; nothing but the standard library and nuke is imported."""
    import ast

    tree = ast.parse(path.read_text(), feature_version=(3, 7))
    allowed = set(sys.stdlib_module_names) | {"nuke"} | set(MODULES)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [a.name for a in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        else:
            continue
        assert {n.split(".")[0] for n in names} <= allowed


def test_its_calls_are_those_of_the_stubs(tmp_path):
    """Without strict None checks: a node that is not there is a fact that does not hold."""
    pytest.importorskip("mypy")
    (tmp_path / "mypy.ini").write_text(f"[mypy]\nmypy_path = {FOLDER}\n")
    ran = subprocess.run(
        [sys.executable, "-m", "mypy", "--check-untyped-defs", "--no-strict-optional",
         "--no-error-summary", "--config-file", str(tmp_path / "mypy.ini"),
         "--cache-dir", str(FOLDER.parents[1] / ".mypy_cache"),
         *map(str, sorted(FOLDER.glob("*.py")))],
        capture_output=True, text=True,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
