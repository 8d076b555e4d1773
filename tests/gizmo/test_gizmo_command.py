"""``relip gizmo``, as it is typed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gizmo_making import COMP

from relip.gizmo.library import ENVIRONMENT, Library
from relip.gizmo.manifest import NAME
from relip.handoff import nk

Relip = Callable[..., Any]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "comp.nk"
    path.write_text(COMP)
    return path


@pytest.fixture(autouse=True)
def _gizmos(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENVIRONMENT, str(library.folder))


def test_help(relip: Relip):
    ended = relip("gizmo", "--help")
    assert ended.code == 0
    for action in ("list", "lint", "audit", "upgrade", "freeze", "bundle", "manifest"):
        assert f"\n    {action} " in ended.out
        assert relip("gizmo", action, "--help").code == 0
    assert "exit codes: 0 fine" in ended.out
    assert relip("gizmo").code == 2 and relip("gizmo", "dance").code == 2


def test_list(relip: Relip, three: Library, library: Library):
    ended = relip("gizmo", "list")
    assert ended.code == 0 and str(library.folder) in ended.out
    assert "RelipBlend_v1_1  1.1.0   draft     newest" in ended.out
    data = relip("gizmo", "list", "--gizmos", three.folder, "--output", "json").data
    assert [(g["class"], g["newest"]) for g in data["gizmos"]] == [
        ("RelipBlend_v1_0", False), ("RelipBlend_v1_1", False), ("RelipBlend_v2_0", True),
    ]  # fmt: skip


def test_lint(relip: Relip, library: Library, tmp_path: Path):
    ended = relip("gizmo", "lint")
    assert ended.code == 0 and ended.out == "2 gizmos looked at, nothing found\n"
    bad = tmp_path / "RelipBad_v1_0.gizmo"
    text = library.path("RelipBlend_v1_0").read_text()
    bad.write_text(text.replace(' t "Edge."', "").replace("Gizmo {", "Gizmo {\n xpos 3"))
    ended = relip("gizmo", "lint", bad)
    assert ended.code == 4 and f"{bad}:2: position: " in ended.out
    assert "feather has no tooltip" in ended.out and "1 gizmo looked at, " in ended.out
    data = relip("gizmo", "lint", bad, "--output", "json").data
    assert {f["rule"] for f in data["findings"]} == {"position", "tooltip"}
    assert relip("gizmo", "lint", tmp_path / "no.gizmo").code == 4


def test_audit(relip: Relip, path: Path, tmp_path: Path):
    ended = relip("gizmo", "audit", path)
    assert ended.code == 4, "an unknown class is a fault"
    assert f"{path}: 5 Relip nodes" in ended.out
    assert "outdated, draft  newest RelipBlend_v1_1  clone of Blend_hero" in ended.out
    fine = tmp_path / "fine.nk"
    fine.write_text(COMP.split("RelipBlend_v9_9")[0])
    assert relip("gizmo", "audit", fine).code == 0
    assert relip("gizmo", "audit", fine, "--strict").code == 4
    data = relip("gizmo", "audit", fine, path, "--output", "json").data
    assert [len(c["nodes"]) for c in data["comps"]] == [4, 5]
    assert data["comps"][1]["nodes"][4]["problem"] is True
    assert data["comps"][1]["nodes"][4]["states"] == ["unknown"]


def test_upgrade_dry_run_writes_nothing(relip: Relip, path: Path):
    before = sorted(path.parent.iterdir())
    ended = relip("gizmo", "upgrade", path, "--dry-run")
    assert ended.code == 4 and "4 would be upgraded" in ended.out
    line = next(n for n, x in enumerate(COMP.split("\n"), 1) if x.startswith(" colour {"))
    assert f"Blend_hero.colour (line {line}): renamed: now gain" in ended.out
    assert path.read_text() == COMP and sorted(path.parent.iterdir()) == before


def test_upgrade_to_another_file(relip: Relip, path: Path, tmp_path: Path):
    out = tmp_path / "new" / "out.nk"
    ended = relip("gizmo", "upgrade", path, "-o", out, "--output", "json")
    assert ended.code == 4 and path.read_text() == COMP
    assert "RelipBlend_v1_1 {" in out.read_text() and ended.data["changed"]
    assert ended.data["out"] == str(out) and ended.data["backup"] == ""
    assert {c["what"] for c in ended.data["changes"]} >= {"class", "renamed", "pinned", "look"}
    again = relip("gizmo", "upgrade", out, "--output", "json")
    assert not again.data["changed"] and again.data["out"] == ""


def test_upgrade_in_place_keeps_what_it_was(relip: Relip, path: Path):
    only = relip("gizmo", "upgrade", path, "--only", "Alone")
    assert only.code == 0 and "1 node upgraded" in only.out
    assert path.with_name("comp.nk.bak").read_text() == COMP
    ended = relip("gizmo", "upgrade", path)
    assert ended.code == 4 and "comp.nk.bak1" in ended.out
    upgraded = path.read_text()
    assert upgraded.count("RelipBlend_v1_1 {") == 3
    assert path.with_name("comp.nk.bak").read_text() == COMP
    ended = relip("gizmo", "upgrade", path)
    assert "nothing to upgrade" in ended.out and path.read_text() == upgraded
    assert sorted(p.name for p in path.parent.glob("comp*")) == [
        "comp.nk", "comp.nk.bak", "comp.nk.bak1",
    ]  # fmt: skip


def test_freeze(relip: Relip, path: Path, tmp_path: Path):
    path.write_text(COMP.split("RelipBlend_v9_9")[0])
    out = tmp_path / "frozen.nk"
    ended = relip("gizmo", "freeze", path, "-o", out)
    assert ended.code == 0 and f"{out}: 4 nodes frozen" in ended.out
    assert "RelipBlend_v1_0 {" not in out.read_text()
    data = relip("gizmo", "audit", out, "--output", "json").data
    assert [n["states"][0] for n in data["comps"][0]["nodes"]] == ["frozen"] * 4
    assert relip("gizmo", "freeze", path).code == 2
    data = relip("gizmo", "freeze", path, "-o", out, "--only", "Alone", "--output", "json").data
    assert data["frozen"] == [{"node": "Alone", "class": "RelipBlend_v1_0"}]


def test_bundle(relip: Relip, path: Path, tmp_path: Path):
    path.write_text(COMP.split("RelipBlend_v9_9")[0])
    out = tmp_path / "b.zip"
    ended = relip("gizmo", "bundle", path, "-o", out)
    assert ended.code == 0 and out.exists() and f"{out}: 3 files" in ended.out


def test_manifest(relip: Relip, library: Library):
    path = library.folder / NAME
    assert relip("gizmo", "manifest", "--check").out == f"{path}: up to date\n"
    gizmo = library.path("RelipBlend_v1_1")
    gizmo.write_text(gizmo.read_text().replace(" mix 1\n", " mix 0.5\n"))
    text = path.read_text()
    ended = relip("gizmo", "manifest", "--check")
    assert ended.code == 4 and "old: RelipBlend_v1_1" in ended.out and path.read_text() == text
    ended = relip("gizmo", "manifest")
    assert ended.code == 0 and "written: RelipBlend_v1_1" in ended.out
    assert relip("gizmo", "manifest").out == f"{path}: up to date\n"
    assert relip("gizmo", "lint").code == 0
    data = relip("gizmo", "manifest", "--release", "--output", "json").data
    assert data["changed"] == ["RelipBlend_v1_0", "RelipBlend_v1_1"] and data["written"]
    assert path.read_text().count("released = true") == 2
    gizmo.write_text(gizmo.read_text() + "# x\n")
    assert relip("gizmo", "manifest").code == 3


def test_bad_input(refused: Relip, path: Path, library: Library, tmp_path: Path):
    nothing = tmp_path / "nothing.nk"
    for action in (["audit"], ["upgrade"], ["freeze", "-o", tmp_path / "o.nk"],
                   ["bundle", "-o", tmp_path / "o"]):  # fmt: skip
        refused(3, ["gizmo", action[0], nothing, *action[1:]], "nothing.nk", "does not exist")
    bad = tmp_path / "bad.nk"
    bad.write_text("Blur {\n}\nexec rm -rf /\n")
    refused(3, ["gizmo", "audit", bad], "line 3", "exec", "not run")
    refused(3, ["gizmo", "upgrade", bad], "line 3")
    assert not bad.with_name("bad.nk.bak").exists()
    refused(3, ["gizmo", "list", "--gizmos", nothing], "--gizmos")
    refused(3, ["gizmo", "freeze", path, "-o", tmp_path / "o.nk"], "RelipBlend_v9_9", "--gizmos")
    refused(2, ["gizmo", "upgrade", path, "--only", "X"], "X", "Blend_hero")
    refused(2, ["gizmo", "upgrade", path, "--dry-run", "-o", tmp_path / "o.nk"], "--dry-run")
    refused(6, ["gizmo", "upgrade", path, "-o", tmp_path], "folder")
    assert not (tmp_path / "o.nk").exists() and not (tmp_path / "o").exists()
    assert path.read_text() == COMP
    (library.folder / NAME).write_text("schema = 7")
    refused(3, ["gizmo", "list"], NAME, "schema")


def test_the_gizmos_of_the_checkout(relip: Relip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = Path(__file__).parents[2] / "gizmos"
    if not (folder / "RelipBlend_v1_1.gizmo").is_file():
        pytest.skip("no gizmos in this checkout")
    monkeypatch.delenv(ENVIRONMENT)
    comp = tmp_path / "comp.nk"
    comp.write_text(
        "Read {\n inputs 0\n name R\n}\nRelipBlend_v1_0 {\n colour {{curve x1 1 x9 2} 1 1}\n"
        " name B\n xpos 3\n}\nGrade {\n white {{B.colour.r}}\n name G\n}\n"
    )
    data = relip("gizmo", "audit", comp, "--output", "json").data
    assert data["folder"] == str(folder)
    assert "outdated" in data["comps"][0]["nodes"][0]["states"]
    ended = relip("gizmo", "upgrade", comp, "--output", "json")
    newest = ended.data["changes"][0]["detail"].split()[-1]
    text = comp.read_text()
    assert f"\n{newest} {{" in text and "RelipBlend_v1_0" not in text
    assert "colour" not in text and " white {{B." in text and "{curve x1 1 x9 2} 1 1}" in text
    assert not relip("gizmo", "upgrade", comp, "--output", "json").data["changed"]
    out = tmp_path / "frozen.nk"
    assert relip("gizmo", "freeze", comp, "-o", out).code == 0
    assert relip("gizmo", "bundle", comp, "-o", tmp_path / "v.zip").code == 0
    assert json.dumps(data)


@pytest.mark.parametrize(
    ("family", "before", "after"),
    [
        ("RelipRender", "1_0", "1_1"),
        ("RelipSpeech", "1_0", "1_1"),
        ("RelipMask", "1_0", "1_1"),
        ("Relip", "1_0", "1_2"),
        ("Relip", "1_1", "1_2"),
    ],
)
def test_older_panels_become_the_newest(
    relip: Relip, tmp_path: Path, family: str, before: str, after: str
):
    """Nothing is dropped, renamed or pinned: the panels only have more."""
    folder = Path(__file__).resolve().parents[2] / "gizmos"
    old = nk.read(folder / f"{family}_v{before}.gizmo").nodes[0]
    new = nk.read(folder / f"{family}_v{after}.gizmo").nodes[0]

    def names(node: nk.Node) -> list[str]:
        return [definition.split()[1] for definition in node.user_knobs]

    assert set(names(old)) - set(names(new)) <= {"render_line", "drive_line"}
    values = {
        "audio": "a.wav",
        "quality": "draft",
        "drive": "csv",
        "csv": "c.csv",
        "mix": "0.5",
        "grain": "0.25",
        "mode": "multiply",
        "grow": "0.02",
        "jawOpen": "{{curve L x1001 0 x1002 0.5}}",
        "seed": "{{frame}}",
    }
    lines = "".join(f" {name} {v}\n" for name, v in values.items() if name in names(old))
    comp = tmp_path / "comp.nk"
    text = f"{family}_v{before} {{\n inputs 0\n{lines} name {family}1\n}}\n"
    text += f'NoOp {{\n inputs 0\n label "\\[value {family}1.quality]"\n name Label\n}}\n'
    comp.write_text(text)
    ended = relip("gizmo", "upgrade", comp, "-o", tmp_path / "new.nk", "--gizmos", folder)
    assert ended.code == 0, ended.out + ended.err
    assert (tmp_path / "new.nk").read_text() == text.replace(f"_v{before}", f"_v{after}")
