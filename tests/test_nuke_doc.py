"""docs/nuke.md: every command line, variable, button and link in it exists."""

from __future__ import annotations

import importlib.util
import re
import shlex
import sys
from pathlib import Path
from types import ModuleType

import pytest

from relip.__main__ import build_parser
from relip.handoff import nk

ROOT = Path(__file__).resolve().parents[1]
DOC = ROOT / "docs" / "nuke.md"
TEXT = DOC.read_text(encoding="utf-8")
#: The lines of all code blocks, without comments.
LINES = [
    line.split("  # ")[0].split("    # ")[0].strip()
    for block in re.findall(r"(?ms)^ *```\n(.*?)^ *```", TEXT)
    for line in block.splitlines()
]
INLINE = re.findall(r"`([^`\n]+)`", TEXT)
COMMANDS = [
    line for line in [*LINES, *INLINE] if line.startswith(("relip ", "python3 install.py "))
]


def _install() -> ModuleType:
    spec = importlib.util.spec_from_file_location("relip_install_for_the_doc", ROOT / "install.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_document_was_read():
    assert len(COMMANDS) > 20
    assert {"relip gizmo lint", "relip gizmo list"} <= set(COMMANDS)


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_line_is_taken_by_its_parser(line: str, capsys: pytest.CaptureFixture[str]):
    words = shlex.split(line)
    if words[0] == "python3":
        install = _install()
        install.check_arguments(install.build_parser().parse_args(words[2:]), [])
        return
    if words[1:] in (["gizmo"], ["doctor"]) and len(words) == 2:
        words = [*words, "--help"]
        with pytest.raises(SystemExit) as caught:
            build_parser().parse_args(words[1:])
        assert caught.value.code == 0
        return
    assert callable(build_parser().parse_args(words[1:]).run)


def _variables_of_the_code() -> set[str]:
    files = [
        *(ROOT / "core" / "relip").rglob("*.py"), *(ROOT / "nuke_plugin").rglob("*.py"),
        ROOT / "install.py",
    ]  # fmt: skip
    text = "\n".join(path.read_text(encoding="utf-8") for path in files)
    return set(re.findall(r"\bRELIP_[A-Z_]+\b", text))


def test_the_variables_are_those_of_the_code():
    rows = set(re.findall(r"(?m)^\| `(RELIP_[A-Z_]+)` \|", TEXT))
    assert rows == _variables_of_the_code()
    assert set(re.findall(r"\bRELIP_[A-Z_]+\b", TEXT)) == rows


def test_buttons_and_knobs_have_these_labels():
    labels = {"lip sync"}  # what to type into the Tab search; the menu's test wants it there
    for path in (ROOT / "gizmos").glob("*.gizmo"):
        for definition in nk.read(path).nodes[0].user_knobs:
            words = nk.split_list(definition)
            labels.update(b for a, b in zip(words, words[1:], strict=False) if a == "l")
    named = re.findall(r"(?<![*\w])\*([A-Za-z][^*\n]*)\*(?!\*)", TEXT)
    assert len(named) > 15
    assert [label for label in named if label not in labels] == []


def test_classes_inputs_and_files_are_there():
    gizmos = {path.stem: nk.read(path).nodes[0] for path in (ROOT / "gizmos").glob("*.gizmo")}
    for cls in re.findall(r"`(Relip\w*_v\d+_\d+)`", TEXT):
        assert cls in gizmos
    rows = re.findall(r"(?m)^\| (Relip\w*) \| (`Input`[^|]*) \|", TEXT)
    assert [family for family, _ in rows] == [
        "RelipSpeech", "RelipTrack", "RelipMask", "RelipRender", "RelipBlend", "Relip",
    ]  # fmt: skip
    for family, cell in rows:
        inside = [node for node in gizmos[f"{family}_v1_0"].children if node.cls == "Input"]
        inside.sort(key=lambda node: int(node.knobs.get("number", "0")))
        assert re.findall(r"`(\w+)`", cell) == [node.name for node in inside], family
    for name in re.findall(r"`((?:tests|nuke_plugin|gizmos)/[\w./]*)`", TEXT):
        assert (ROOT / name).exists(), name


def test_links_lead_somewhere():
    def anchors(text: str) -> set[str]:
        heads = re.findall(r"(?m)^#+ (.*)$", text)
        return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}

    links = re.findall(r"\]\(([^)]+)\)", TEXT)
    assert links
    for link in links:
        file, _, anchor = link.partition("#")
        target = DOC.parent / file if file else DOC
        assert target.is_file(), link
        assert not anchor or anchor in anchors(target.read_text(encoding="utf-8")), link
