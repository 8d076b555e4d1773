"""The host's nuke module against the published stubs of Nuke's API (types-nuke)."""

from __future__ import annotations

import ast
import importlib.metadata
import inspect
from pathlib import Path

import pytest


def _stub_folder() -> Path:
    try:
        found = importlib.metadata.distribution("types-nuke")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("types-nuke is not installed: pip install types-nuke")
    return Path(str(found.locate_file("nuke-stubs")))


class Stubs:
    """Functions and classes of the stubs: argument names, None for anything."""

    def __init__(self) -> None:
        self.functions: dict[str, list[list[str] | None]] = {}
        self.classes: dict[str, dict[str, list[list[str] | None]]] = {}
        self.bases: dict[str, list[str]] = {}
        self.values: set[str] = set()
        folder = _stub_folder()
        for name in ("_nuke", "callbacks", "executeInMain", "utils", "overrides", "scripts"):
            tree = ast.parse((folder / f"{name}.pyi").read_text())
            for item in tree.body:
                if isinstance(item, ast.FunctionDef):
                    self.functions.setdefault(item.name, []).append(_arguments(item, drop=0))
                elif isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
                    self.values.add(item.target.id)
                elif isinstance(item, ast.ClassDef):
                    self.bases[item.name] = [ast.unparse(b) for b in item.bases]
                    methods = self.classes.setdefault(item.name, {})
                    for part in item.body:
                        if isinstance(part, ast.FunctionDef):
                            methods.setdefault(part.name, []).append(_arguments(part, drop=1))
                        elif isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
                            methods.setdefault(part.target.id, []).append(None)

    def method(self, cls: str, name: str) -> list[list[str] | None] | None:
        found = self.classes.get(cls, {}).get(name)
        if found is not None:
            return found
        for base in self.bases.get(cls, []):
            found = self.method(base, name)
            if found is not None:
                return found
        return None


def _arguments(item: ast.FunctionDef, *, drop: int) -> list[str] | None:
    if item.args.vararg is not None:
        return None
    return [a.arg for a in item.args.args][drop:]


def _named(function: object, *, drop: int) -> list[str]:
    parameters = list(inspect.signature(function).parameters.values())[drop:]  # type: ignore[arg-type]
    return [
        p.name for p in parameters if p.kind is not p.VAR_KEYWORD and p.kind is not p.VAR_POSITIONAL
    ]


#: Where the stubs are garbled: ``sample(Xcoordinate)`` stands for the Python reference's
#: ``sample(channel, x, y, dx, dy, frame)``.
_BEYOND = {"Node.sample"}


@pytest.fixture(scope="module")
def stubs() -> Stubs:
    return Stubs()


def test_nothing_is_there_that_the_stubs_lack(nuke_host, stubs):
    import nuke

    unknown = []
    for name, value in vars(nuke).items():
        if name.startswith("_"):
            continue
        known = name in stubs.functions or name in stubs.classes or name in stubs.values
        if not known:
            unknown.append(name)
        if inspect.isclass(value):
            for attribute in dir(value):
                if attribute.startswith("_") or attribute in dir(dict) + dir(Exception):
                    continue
                if stubs.method(name, attribute) is None:
                    unknown.append(f"{name}.{attribute}")
    assert not unknown, "\n".join(unknown)


def test_arguments_have_the_names_of_the_stubs(nuke_host, stubs):
    import nuke

    wrong = []
    for name, value in vars(nuke).items():
        if name.startswith("_"):
            continue
        if inspect.isclass(value):
            for attribute, method in inspect.getmembers(value, inspect.isfunction):
                label = f"{name}.{attribute}"
                owner = next(c.__name__ for c in value.__mro__ if attribute in vars(c))
                if attribute.startswith("_") or f"{owner}.{attribute}" in _BEYOND:
                    continue
                known = stubs.method(name, attribute)
                if known is None or None in known:
                    continue
                static = isinstance(inspect.getattr_static(value, attribute), staticmethod)
                mine = _named(method, drop=0 if static else 1)
                if not any(_fits(mine, k, method) for k in known if k is not None):
                    wrong.append((label, mine, known))
        elif inspect.isfunction(value) and name in stubs.functions:
            known = stubs.functions[name]
            if None in known:
                continue
            mine = _named(inspect.unwrap(value), drop=0)
            if not any(mine == k for k in known):
                wrong.append((name, mine, known))
    assert not wrong, "\n".join(map(str, wrong))


def _fits(mine: list[str], known: list[str], method: object) -> bool:
    """Equal names; the base class's further arguments may be left out by a stub."""
    return mine == known or (
        any(p.kind is p.VAR_POSITIONAL for p in inspect.signature(method).parameters.values())  # type: ignore[arg-type]
        and mine == []
    )


def test_the_version_is_the_one_asked_for(nuke_hosts):
    nuke_hosts(version=(16, 0, 2))
    import nuke

    assert (nuke.NUKE_VERSION_MAJOR, nuke.NUKE_VERSION_STRING) == (16, "16.0v2")
    assert nuke.env["NukeVersionMajor"] == 16


def test_what_nuke_has_not_is_a_fault(nuke_host):
    import nuke
    from nuke_host import faults

    assert not hasattr(nuke, "noSuchFunction")
    node = nuke.createNode("NoOp")
    assert not hasattr(node, "noSuchMethod")
    assert len(faults.recorded()) == 2
    faults.forget()
