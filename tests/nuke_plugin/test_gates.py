"""What the plugin and the gizmos must be, whatever they do."""

from __future__ import annotations

import ast
import hashlib
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from relip.handoff import nk

ROOT = Path(__file__).resolve().parents[2]
PLUGIN = ROOT / "nuke_plugin"
GIZMOS = ROOT / "gizmos"
SOURCES = sorted([*PLUGIN.glob("*.py"), *(PLUGIN / "relip_nuke").glob("*.py")])
FILES = sorted(GIZMOS.glob("*.gizmo"))
INSIDE_NUKE = [path for path in SOURCES if path.name != "package.py"]


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.name)
def test_the_syntax_is_that_of_python_39(path: Path):
    ast.parse(path.read_text("utf-8"), feature_version=(3, 9))


@pytest.mark.parametrize("path", INSIDE_NUKE, ids=lambda p: p.name)
def test_only_the_standard_library_and_nuke_are_imported(path: Path):
    allowed = {*sys.stdlib_module_names, "nuke", "relip_nuke", "__future__"}
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: a relative import"
            names = [node.module or ""]
        else:
            continue
        for name in names:
            assert name.split(".")[0] in allowed, f"{path.name} imports {name}"


def test_types_against_nukes_stubs(tmp_path: Path):
    pytest.importorskip("mypy")
    (tmp_path / "mypy.ini").write_text(f"[mypy]\nmypy_path = {PLUGIN}\n")
    ran = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-error-summary",
         "--config-file", str(tmp_path / "mypy.ini"), "--cache-dir", str(ROOT / ".mypy_cache"),
         *map(str, INSIDE_NUKE)],
        capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_start_up_imports_nothing_but_the_callbacks(nukes):
    """What init.py and menu.py load is what Nuke's start costs."""
    nuke = nukes()
    code = (
        "import sys, types\n"
        "nuke = types.ModuleType('nuke')\n"
        "calls = []\n"
        "nuke.__getattr__ = lambda name: lambda *a, **k: calls.append(name)\n"
        "sys.modules['nuke'] = nuke\n"
        f"sys.path.insert(0, {str(PLUGIN)!r})\n"
        "import os, typing, __future__\n"
        "before = set(sys.modules)\n"
        f"exec(compile(open({str(PLUGIN / 'init.py')!r}).read(), 'init.py', 'exec'))\n"
        "print(' '.join(sorted(set(sys.modules) - before)))\n"
        "print(' '.join(sorted(set(calls))))\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules, calls = ran.stdout.splitlines()
    assert modules.split() == ["relip_nuke", "relip_nuke.callbacks"]
    assert set(calls.split()) == {
        "pluginAddPath", "addOnCreate", "addKnobChanged", "addOnScriptLoad",
        "addBeforeRender", "addBeforeFrameRender",
    }  # fmt: skip
    # and neither starts the engine nor says a word
    assert nuke.host.said == [] and nuke.host.questions == [] and nuke.host.progress == []


def test_every_menu_entry_is_found_as_lip_sync_and_makes_its_node(nukes):
    nuke = nukes()
    entries = [i for i in nuke.api.menu("Nodes").menu("Relip").items() if i.name()]
    commands = [item for item in entries if item.script()]
    assert len(commands) == 7
    for item in commands:
        assert "lip sync" in item.name()
        before = len(nuke.api.allNodes())
        item.invoke()
        assert len(nuke.api.allNodes()) - before == (5 if "five" in item.name() else 1)
    assert nuke.node("RelipTrack1") and nuke.node("RelipTrack2")
    assert nuke.messages == []


def knobs_of(node: nk.Node) -> list[tuple[int, str, dict[str, str]]]:
    """Type, name, and the options of every user knob: l label, t tooltip, T value."""
    found = []
    for raw in node.user_knobs:
        words = nk.split_list(raw)
        options = {}
        at = 2
        while at < len(words):
            if words[at][0] in "+-":
                at += 1
            elif words[at] == "R":
                at += 3
            else:
                options[words[at]] = words[at + 1]
                at += 2
        found.append((int(words[0]), words[1], options))
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_a_gizmo_is_fit_for_people(path: Path):
    node = nk.read(path).nodes[0]
    assert node.cls == "Gizmo"
    knobs = knobs_of(node)
    assert knobs[0][0] == 20 and knobs[0][2]["l"] == "Relip"  # the first tab is not "User"
    names = [name for _, name, _ in knobs]
    assert {"state", "shot", "version", "update", "refresh"} <= set(names)
    for kind, name, options in knobs:
        hidden = "INVISIBLE" in " ".join(r for r in node.user_knobs if f" {name} " in f" {r} ")
        group_end = kind == 20 and options.get("n") == "-1"
        if not group_end:
            assert options.get("t"), f"{name} has no tooltip"
        if kind not in (20, 26) and not hidden:
            assert options.get("l"), f"{name} has no label"
        if kind == 22:
            code = compile(options["T"], name, "exec")
            assert "relip_nuke.actions" in code.co_names or "relip_nuke" in options["T"]
            assert "except ImportError" in options["T"]
    family, _, version = path.stem.partition("_v")
    version = version.replace("_", ".")
    stated = {name: options for _, name, options in knobs}["version"]["T"]
    assert stated == f"{family} {version}"
    assert node.knobs["help"].startswith(f"{family} {version} - lip sync")
    assert node.knobs["label"] == "[value state]"


def test_one_colour_family():
    import colorsys

    hues = []
    for path in FILES:
        colour = int(nk.read(path).nodes[0].knobs["tile_color"], 16)
        red, green, blue = ((colour >> shift & 255) / 255 for shift in (24, 16, 8))
        hues.append(360 * colorsys.rgb_to_hsv(red, green, blue)[0])
    assert max(hues) - min(hues) < 25


def test_the_manifest_holds_every_file_and_its_checksum():
    tomllib = pytest.importorskip("tomllib")
    manifest = tomllib.loads((GIZMOS / "gizmos.toml").read_text("utf-8"))
    entries = {entry["class"]: entry for entry in manifest["gizmo"]}
    assert set(entries) == {path.stem for path in FILES}
    for path in FILES:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        assert entries[path.stem]["sha256"] == digest, f"{path.name} was changed after its release"


def test_buttons_without_the_plugin_say_so(nukes):
    nuke = nukes()
    nuke.plugin("comp").create("RelipRender")
    sys.modules["relip_nuke.actions"] = None  # type: ignore[assignment]
    try:
        nuke.host.press("RelipRender1", "update")
    finally:
        del sys.modules["relip_nuke.actions"]
    assert nuke.messages == ["The Relip plugin is not installed here: run install.py --nuke."]


def test_every_button_is_known_to_the_plugin(nukes):
    nuke = nukes()
    known = set(nuke.plugin("actions")._BUTTONS)
    for path in FILES:
        for kind, name, options in knobs_of(nk.read(path).nodes[0]):
            if kind == 22:
                assert name in known
                assert f"'{name}')" in textwrap.dedent(options["T"])
