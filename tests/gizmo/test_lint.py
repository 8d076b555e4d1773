"""What lint finds, and what it leaves alone."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from gizmo_making import gizmo_text, make_library

from relip.gizmo.library import Library, find_folder, open_library
from relip.gizmo.lint import Finding, lint_file, lint_manifest, unescaped
from relip.gizmo.manifest import NAME
from relip.gizmo.python_code import python_of, trouble
from relip.handoff import nk

CLS = "RelipBlend_v1_0"


def lint(text: str, tmp_path: Path, name: str = CLS) -> list[Finding]:
    path = tmp_path / f"{name}.gizmo"
    path.write_text(text)
    return lint_file(path)


def with_line(line: str) -> str:
    """The faultless gizmo with one more line among its knobs."""
    return gizmo_text(CLS).replace(" addUserKnob {20 about", f"{line}\n addUserKnob {{20 about", 1)


def inside(line: str) -> str:
    """The faultless gizmo with one more line in its Blur."""
    return gizmo_text(CLS).replace("  name Soften\n", f"  name Soften\n  {line}\n", 1)


def test_a_gizmo_without_faults(library: Library):
    for cls in library.entries:
        assert lint_file(library.path(cls), library) == []
    assert lint_manifest(library) == []


GOOD = {
    "an escaped expression": ' label "\\[value mix]"',
    "an expression in braces": ' label {[value mix]}',
    "a url in the help": ' help "See https://example.com/a/b/c and docs/readme"',
    "a relative path": ' addUserKnob {2 c l C t "Files."}\n c "\\[value shot]/render/a.exr"',
    "a divider": ' addUserKnob {26 ""}',
    "a group of knobs": ' addUserKnob {20 g l G t "M." n 1}\n g 0\n addUserKnob {20 h l "" n -1}',
    "code": ' addUserKnob {22 go l Go t "Go." T "import os\\nprint(os.sep)"}',
    "a callback": ' knobChanged "try:\\n    import a\\nexcept ImportError:\\n    pass"',
    "an autolabel": " autolabel \"nuke.thisNode().name() + '\\\\n'\"",
    "a link": ' addUserKnob {41 quality l Q t "Quality." T Soften.quality}',
    "python in tcl": ' label "\\[python \\{nuke.thisNode().name()\\}]"',
    "a dollar alone": ' addUserKnob {1 price l P t "Cost."}\n price "5 $"',
    "a panel's knob": " colour_panelDropped true",
    "a division": ' addUserKnob {7 half l H t "Half."}\n half {{mix/2}}',
}  # fmt: skip
BAD = {
    "no tooltip": (" addUserKnob {7 x l X}", "tooltip", "x has no tooltip"),
    "an empty tooltip": (' addUserKnob {7 x l X t " "}', "tooltip", "x"),
    "a tab without a tooltip": (" addUserKnob {20 x l X}", "tooltip", "x"),
    "a button without a tooltip": (" addUserKnob {22 x l X T pass}", "tooltip", "x"),
    "unescaped tcl": (' label "[value mix]"', "tcl", "label"),
    "unescaped tcl in a user knob": (
        ' addUserKnob {26 x l X t "T." T "[value mix]"}', "tcl", "'[value mix]"),
    "a variable": (' label "$gui"', "tcl", "$gui"),
    "exec": (' label "\\[exec ls]"', "tcl", "outside the comp"),
    "file delete": (' label {[file delete a]}', "tcl", "outside the comp"),
    "an absolute path": (
        ' addUserKnob {2 f l F t "File."}\n f /jobs/a/b.exr', "path", "f holds an absolute path"),
    "a drive": (' addUserKnob {2 f l F t "File."}\n f C:/a.exr', "path", "C:/a.exr"),
    "a server": (' addUserKnob {2 f l F t "File."}\n f "\\\\\\\\srv\\\\a"', "path", "srv"),
    "a home": (' addUserKnob {2 f l F t "File."}\n f ~/a.exr', "path", "f"),
    "a path in code": (
        ' addUserKnob {22 go l Go t "Go." T "open(\'/home/me/a\')"}', "path", "go"),
    "a path in the help": (' help "see /jobs/show/docs"', "path", "help"),
    "xpos": (" xpos 5", "position", "xpos"),
    "ypos": (" ypos -5", "position", "ypos"),
    "selected": (" selected true", "position", "selected"),
    "bad python": (
        ' addUserKnob {22 go l Go t "Go." T "a = ="}', "python", f"{CLS}.go is no Python 3.9"),
    "python of 3.10": (
        ' addUserKnob {22 go l Go t "Go." T "match a:\\n    case 1:\\n        pass"}',
        "python", "3.9"),
    "bad callback": (' knobChanged "if:"', "python", "knobChanged"),
    "bad autolabel": (' autolabel "a = 1"', "python", "autolabel"),
    "return outside": (' onCreate "return 5"', "python", "onCreate"),
    "bad python in tcl": (' label "\\[python \\{1 +\\}]"', "python", "label"),
    "code of a value": (
        ' addUserKnob {22 go l Go t "Go."}\n go "a = ="', "python", "go"),
    "a knob that is not there": (" nothing 5", "knob", "nothing"),
    "a knob twice": (' addUserKnob {7 mix l M t "Again."}', "knob", "mix is added twice"),
    "a user tab": (' addUserKnob {20 User l Tools t "A tab."}', "tab", "User"),
    "a user tab's label": (' addUserKnob {20 tools l User t "A tab."}', "tab", "User"),
    "a group that never ends": (' addUserKnob {20 g l G t "More." n 1}', "tab", "never ended"),
    "an end without a group": (' addUserKnob {20 g l "" n -1}', "tab", "none has begun"),
    "a link to nothing": (
        ' addUserKnob {41 a l A t "A." T Nobody.size}', "link", "Nobody.size"),
    "a link to no knob": (
        ' addUserKnob {41 a l A t "A." T Soften.sise}', "link", "no knob sise"),
    "no knob at all": (" addUserKnob {mix}", "knob", "no list of type and name"),
    "another name": (" name RelipOther", "class", "RelipOther"),
}  # fmt: skip


@pytest.mark.parametrize("what", GOOD)
def test_what_is_fine_is_left_alone(what: str, tmp_path: Path):
    assert lint(with_line(GOOD[what]).replace("RelipBlend_v1_0.go", ""), tmp_path) == []


@pytest.mark.parametrize("what", BAD)
def test_what_is_wrong_is_found(what: str, tmp_path: Path):
    line, rule, words = BAD[what]
    text = with_line(line)
    findings = lint(text, tmp_path)
    own = [f for f in findings if f.rule == rule]
    shown = [str(f).replace("Gizmo.", f"{CLS}.") for f in own]
    assert any(words in f for f in shown), findings
    # Only this is found, and where it stands.
    assert {f.rule for f in findings} == {rule}, findings
    first = text.split("\n")
    if rule not in ("class",) and "never ended" not in words:
        wanted = max(line.split("\n")[-1].split(), key=len)
        assert any(wanted in first[f.line - 1] for f in own)


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("sise 5", "knob"),
        ('label "[value size]"', "tcl"),
        ("file /jobs/a/b.exr", "knob"),
        ('knobChanged "a = ="', "python"),
        ('label "/home/me/x"', "path"),
    ],
)
def test_nodes_inside_are_looked_at(line: str, rule: str, tmp_path: Path):
    assert rule in {f.rule for f in lint(inside(line), tmp_path)}
    assert lint(inside("quality 15"), tmp_path) == []
    assert lint(inside("xpos 15"), tmp_path) == [], "positions inside are the graph's layout"


@pytest.mark.parametrize(
    ("old", "new", "rule", "words"),
    [
        (' help "RelipBlend: a blend."\n', "", "help", "no help"),
        ('T "RelipBlend 1.0"', 'T "RelipBlend 1.1"', "version", "says 'RelipBlend 1.1'"),
        ('T "RelipBlend 1.0"', 'T "RelipBlend 11.0"', "version", "11.0"),
        ("{26 version ", "{26 release ", "version", "no knob named version"),
        (' addUserKnob {20 relip l Relip t "The main controls."}\n', "", "tab", "called User"),
        ("  name Input\n", "  name Source\n", "input", "Source"),
        ("  number 1\n", "  number 2\n", "input", "without gaps"),
        ("  number 1\n", "  number one\n", "input", "no number"),
        (" inputs 2\n", " inputs 3\n", "input", "make them agree"),
        (" Output {\n  name Output1\n }\n", "", "input", "0 Output"),
    ],
)
def test_the_whole_is_looked_at(old: str, new: str, rule: str, words: str, tmp_path: Path):
    text = gizmo_text(CLS)
    assert old in text
    findings = lint(text.replace(old, new, 1), tmp_path)
    assert any(f.rule == rule and words in f.message for f in findings), findings


def test_names_of_files(tmp_path: Path):
    for name in ("RelipBlend", "relip blend"):
        findings = lint(gizmo_text(CLS), tmp_path, name)
        assert [f.rule for f in findings if f.rule == "class"] == ["class"]


def test_what_cannot_be_read_is_one_finding(tmp_path: Path):
    (finding,) = lint("Gizmo {\n}\nexec rm\n", tmp_path)
    assert finding.rule == "parse" and finding.line == 3 and "not run" in finding.message
    (finding,) = lint("Blur {\n}\n", tmp_path)
    assert finding.rule == "parse" and "not one Gizmo" in finding.message
    (finding,) = lint_file(tmp_path / "nothing.gizmo")
    assert finding.rule == "parse" and "does not exist" in finding.message


def test_a_finding_reads_like_a_compiler():
    assert str(Finding("a.gizmo", 3, "tcl", "bad")) == "a.gizmo:3: tcl: bad"


def rules(library: Library) -> list[str]:
    fresh = open_library(library.folder)
    paths = [fresh.path(cls) for cls in fresh.entries if fresh.path(cls).exists()]
    findings = [f for p in paths for f in lint_file(p, fresh)] + lint_manifest(fresh)
    return [f.message for f in findings if f.rule == "manifest"]


def test_the_manifest_is_looked_at(tmp_path: Path):
    library = make_library(tmp_path / "g", release=True)
    assert rules(library) == []
    path = library.path("RelipBlend_v1_0")
    text = path.read_text()
    path.write_text(text + "# x\n")
    assert len(rules(library)) == 1 and "released and changed" in rules(library)[0]
    path.unlink()
    assert "RelipBlend_v1_0.gizmo is gone" in rules(library)[0]
    path.write_text(text)
    extra = library.folder / "RelipBlend_v3_0.gizmo"
    extra.write_text(gizmo_text("RelipBlend_v1_0").replace("RelipBlend 1.0", "RelipBlend 3.0"))
    assert any("not in gizmos.toml" in message for message in rules(library))
    assert any("no migration from RelipBlend_v1_1" in message for message in rules(library))


def test_a_draft_must_be_computed_again(library: Library):
    path = library.path("RelipBlend_v1_0")
    path.write_text(path.read_text().replace(" mix 1\n", " mix 0.5\n"))
    assert ["checksum" in m or "knobs" in m for m in rules(library)] == [True, True]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('colour = "gain"', 'color = "gain"', "color, which RelipBlend_v1_0 does not have"),
        ('colour = "gain"', 'colour = "gian"', "gian, which RelipBlend_v1_1 does not have"),
        ('colour = "gain"', 'mix = "mix"', "colour of RelipBlend_v1_0 is gone"),
        ('from = "RelipBlend_v1_0"', 'from = "RelipBlend_v0_9"', "not in gizmos.toml"),
    ],
)
def test_migrations_are_looked_at(old: str, new: str, words: str, library: Library):
    path = library.folder / NAME
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    assert any(words in message for message in rules(library)), rules(library)


def test_where_tcl_would_act():
    def at(text: str) -> list[int]:
        return list(unescaped(text, 0, len(text)))

    assert at('"a [b]"') == [3] and at('"a \\[b]"') == [] and at("[a]") == [0]
    assert at("{[a]}") == [] and at('{x "[a]" {[b]}}') == [4]
    assert at('"$a"') == [1] and at('"5 $"') == [] and at('"\\$a \\\\$b"') == [7]


def test_python_is_compiled_for_nuke_14():
    assert trouble("a: list[int] = [1]\n", "exec") is None
    assert trouble("  a.b  ", "eval") is None
    assert trouble("match a:\n case 1: pass", "exec") and trouble("f'{a!r:>{b}}'", "eval") is None
    assert trouble("a\n  b", "exec") and trouble("break", "exec") and trouble("\0", "exec")
    assert trouble("(" * 500 + ")" * 500, "eval")
    with pytest.raises(SyntaxError):
        ast.parse("match a:\n case 1: pass", feature_version=(3, 9))


def test_where_python_stands():
    node = nk.parse(
        'NoOp {\n addUserKnob {22 a T "x = 1"}\n a "y = 2"\n knobChanged "z"\n autolabel "w"\n'
        ' label "\\[python -execlocal \\{v = 1\\}] \\[python \\{u\\}]"\n'
        ' addUserKnob {52 c T "t"}\n}\n'
    ).nodes[0]
    assert list(python_of(node)) == [
        ("a", "exec", "x = 1"), ("c", "eval", "t"), ("a", "exec", "y = 2"),
        ("knobChanged", "exec", "z"), ("autolabel", "eval", "w"), ("label", "exec", "v = 1"),
        ("label", "eval", "u"),
    ]  # fmt: skip


def test_the_released_gizmos_have_no_faults():
    folder = Path(__file__).parents[2] / "gizmos"
    if not folder.is_dir():
        pytest.skip("no gizmos in this checkout")
    assert find_folder(folder) == folder
    library = open_library(folder)
    findings = [f for p in sorted(folder.glob("*.gizmo")) for f in lint_file(p, library)]
    assert findings + lint_manifest(library) == []
