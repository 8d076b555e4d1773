"""The gizmos a comp needs, for someone else."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from gizmo_making import comp, make_library

from relip.errors import GizmoError, OutputError
from relip.gizmo.bundle import bundle, needed
from relip.gizmo.library import Library, open_library
from relip.gizmo.manifest import NAME, read_manifest

TEXT = "RelipBlend_v1_0 {\n name B\n}\nset C1 [stack 0]\nclone $C1 {\n}\nBlur {\n name A\n}\n"


def test_a_folder(library: Library, tmp_path: Path):
    out = tmp_path / "new" / "vendor"
    files = bundle(comp(TEXT), library, out)
    assert sorted(files) == sorted(p.name for p in out.iterdir())
    assert sorted(files) == ["README.txt", "RelipBlend_v1_0.gizmo", NAME]
    original = library.path("RelipBlend_v1_0").read_bytes()
    assert (out / "RelipBlend_v1_0.gizmo").read_bytes() == original
    entries = read_manifest(out / NAME)
    assert entries == {"RelipBlend_v1_0": library.entries["RelipBlend_v1_0"]}
    assert "comp.nk needs: RelipBlend_v1_0" in (out / "README.txt").read_text()
    assert open_library(out).file_state("RelipBlend_v1_0") == "draft"
    assert [p.name for p in out.parent.iterdir()] == ["vendor"]


def test_a_zip_is_the_same_every_time(library: Library, tmp_path: Path):
    for name in ("a.zip", "b.zip"):
        bundle(comp(TEXT), library, tmp_path / name / "gizmos.zip")
    one, two = (tmp_path / n / "gizmos.zip" for n in ("a.zip", "b.zip"))
    assert one.read_bytes() == two.read_bytes()
    with zipfile.ZipFile(one) as archive:
        assert archive.testzip() is None
        assert sorted(archive.namelist()) == [
            "gizmos/README.txt", "gizmos/RelipBlend_v1_0.gizmo", "gizmos/gizmos.toml",
        ]  # fmt: skip


def test_gizmos_inside_gizmos_come_along(tmp_path: Path):
    library = make_library(tmp_path / "g", ("RelipAll_v1_0", "RelipBlend_v1_0", "RelipBlend_v1_1"))
    entries = needed(comp("RelipAll_v1_0 {\n name A\n}\n"), library)
    assert [e.cls for e in entries] == ["RelipAll_v1_0", "RelipBlend_v1_0"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Blur {\n name A\n}\n", "no Relip gizmo"),
        ("RelipBlend_v9_0 {\n name A\n}\n", "RelipBlend_v9_0, which A needs, is not there"),
    ],
)
def test_what_cannot_be_bundled_is_refused(text: str, words: str, library: Library, tmp_path: Path):
    with pytest.raises(GizmoError, match=words):
        bundle(comp(text), library, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_touched_file_is_not_given_away(library: Library, tmp_path: Path):
    path = library.path("RelipBlend_v1_0")
    path.write_text(path.read_text() + "#\n")
    with pytest.raises(GizmoError, match="modified"):
        bundle(comp(TEXT), open_library(library.folder), tmp_path / "out")
    path.unlink()
    with pytest.raises(GizmoError, match="missing"):
        bundle(comp(TEXT), open_library(library.folder), tmp_path / "out")


def test_nothing_is_overwritten(library: Library, tmp_path: Path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "precious").write_text("x")
    with pytest.raises(OutputError, match="there already"):
        bundle(comp(TEXT), library, out)
    assert [p.name for p in out.iterdir()] == ["precious"]
    (out / "precious").unlink()
    bundle(comp(TEXT), library, out)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        bundle(comp(TEXT), library, tmp_path / "file" / "out")
    with pytest.raises(OutputError):
        bundle(comp(TEXT), library, tmp_path / "file" / "out.zip")
