"""Names and links in files of others lead nowhere outside their folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from relip import containment
from relip.errors import GizmoError, OutputError
from relip.shot import Shot

needs_links = pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")


@pytest.mark.parametrize("name", ["comp", "comp/a.exr", "not/there/yet", "a/../comp", "."])
def test_inside(tmp_path: Path, name: str):
    assert containment.inside(tmp_path / name, tmp_path) == tmp_path / name


@pytest.mark.parametrize("name", ["..", "../other", "comp/../../x", "/etc/passwd"])
def test_outside(tmp_path: Path, name: str):
    folder = tmp_path / "shot.relip"
    folder.mkdir()
    with pytest.raises(OutputError, match="outside") as caught:
        containment.inside(folder / name, folder)
    assert caught.value.exit_code == 6


def test_a_neighbour_whose_name_begins_alike_is_outside(tmp_path: Path):
    (tmp_path / "shot").mkdir()
    with pytest.raises(OutputError):
        containment.inside(tmp_path / "shot2" / "a", tmp_path / "shot")


@needs_links
def test_links_are_followed(tmp_path: Path):
    folder, other = tmp_path / "shot", tmp_path / "other"
    folder.mkdir()
    other.mkdir()
    (folder / "comp").symlink_to(other)
    (folder / "hanging").symlink_to(tmp_path / "gone")
    (folder / "inner").mkdir()
    (folder / "alias").symlink_to(folder / "inner")
    for name in ("comp", "comp/a.exr", "hanging"):
        with pytest.raises(OutputError, match=containment.VARIABLE):
            containment.inside(folder / name, folder)
    containment.inside(folder / "alias" / "a.exr", folder)
    # The folder itself may be reached by a link.
    (tmp_path / "here").symlink_to(folder)
    containment.inside(tmp_path / "here" / "inner", folder)


@needs_links
def test_a_studio_may_name_another_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder, disk = tmp_path / "shot", tmp_path / "disk"
    folder.mkdir()
    (disk / "comp").mkdir(parents=True)
    (folder / "comp").symlink_to(disk / "comp")
    monkeypatch.setenv(containment.VARIABLE, os.pathsep.join(["", "relative", str(disk)]))
    containment.inside(folder / "comp", folder)
    monkeypatch.setenv(containment.VARIABLE, "..")
    with pytest.raises(OutputError):
        containment.inside(folder / "comp", folder)


@pytest.mark.parametrize("name", ["a.gizmo", "RelipBlend_v1_0.gizmo", ".hidden", "ä b.txt"])
def test_plain_names(name: str):
    assert containment.plain_name(name) == name


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "a/b", "../a", "/a", "a\\b", "..\\a", "C:a", "C:\\a", "a.txt:stream", "nul",
     "CON.gizmo", "a\0b", "a\nb", "a.", "a ", "-rf", "*.gizmo"],
)  # fmt: skip
def test_names_that_are_none(name: str):
    with pytest.raises(ValueError, match="no plain file name"):
        containment.plain_name(name)


@needs_links
@pytest.mark.parametrize(
    "stage, link", [("mask", "mask"), ("mask", "mask/status"), ("render", "render"),
                    ("blend", "comp"), ("blend", "comp/status"), ("speech", "speech"),
                    ("train", "model"), ("track", "track"), ("review", "review")],
)  # fmt: skip
def test_no_stage_writes_through_a_link(
    shot_copy: Path, tmp_path: Path, refused: Callable, stage: str, link: str
):
    target = tmp_path / "elsewhere"
    place = shot_copy / link
    if place.exists():
        place.rename(target)
    else:
        target.mkdir()
    place.symlink_to(target)
    before = {p: p.stat().st_mtime_ns for p in target.rglob("*")}
    refused(6, [stage, shot_copy, "--force", "--progress", "none"], place, "outside", target)
    assert {p: p.stat().st_mtime_ns for p in target.rglob("*")} == before


@needs_links
def test_a_file_that_is_a_link_is_replaced_not_followed(shot_copy: Path, tmp_path: Path, relip):
    victim = tmp_path / "victim.exr"
    victim.write_bytes(b"precious")
    comp = shot_copy / "comp" / "comp.1003.exr"
    comp.unlink()
    comp.symlink_to(victim)
    argv = ("blend", shot_copy, "--frames", "1003", "--force", "--progress", "none")
    assert relip(*argv).code == 0
    assert victim.read_bytes() == b"precious"
    assert not comp.is_symlink() and comp.stat().st_size > 1000


@needs_links
def test_tracks_are_not_imported_through_a_link(shot_copy: Path, tmp_path: Path, relip):
    from relip.handoff.tracks import import_tracks

    out = tmp_path / "points.json"
    argv = ("export", shot_copy, "--to", "json", "-o", out, "--points", "chin")
    assert relip(*argv).code == 0
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (shot_copy / "overrides").symlink_to(elsewhere)
    with pytest.raises(OutputError, match="outside"):
        import_tracks(Shot.open(shot_copy), out)
    assert list(elsewhere.iterdir()) == []


def test_clean_removes_no_folder_of_something_else(
    tmp_path: Path, demo_clip, dialogue, refused: Callable
):
    project = tmp_path / "project"
    (project / "model").mkdir(parents=True)
    (project / "model" / "statue.obj").write_text("mine")
    argv = ["dub", demo_clip.path, "--audio", dialogue.audio, "-o", tmp_path / "o.mp4"]
    refused(2, [*argv, "--shot", project, "--clean"], project, "no shot folder", "model")
    assert (project / "model" / "statue.obj").read_text() == "mine"
    assert not (project / "shot.toml").exists()


@needs_links
def test_clean_does_not_empty_what_a_link_leads_to(shot_copy: Path, tmp_path: Path):
    from relip import dubbing

    other = tmp_path / "other"
    other.mkdir()
    (other / "keep.txt").write_text("mine")
    (shot_copy / "review").symlink_to(other)
    dubbing._remove(shot_copy)
    assert (other / "keep.txt").read_text() == "mine"
    assert not (shot_copy / "comp").exists()


@pytest.mark.parametrize(
    "file", ["..", "../../evil.gizmo", "C:\\\\evil.gizmo", "/tmp/evil", "a\\\\b"]
)
def test_a_manifest_names_files_beside_it(tmp_path: Path, file: str):
    from relip.gizmo.manifest import read_manifest

    path = tmp_path / "gizmos.toml"
    path.write_text(f'schema = 1\n[[gizmo]]\nclass = "RelipBlend_v1_0"\nfile = "{file}"\n')
    with pytest.raises(GizmoError, match="must lie beside"):
        read_manifest(path)


def test_labels_of_a_textgrid_name_no_files(tmp_path: Path):
    """A word may be anything, and is only ever text; a phone that is none is refused."""
    from relip.errors import TranscriptError
    from relip.speech import read_textgrid, write_textgrid

    text = (Path(__file__).parent / "bad_inputs" / "test_table.py").read_text()
    grid = text.partition('GRID = """')[2].partition('"""')[0]
    tier = grid[grid.index("    item [1]:") :]
    words = tier.replace("item [1]", "item [2]").replace("phones", "words")
    both = grid.replace("size = 1\nitem", "size = 2\nitem") + words.replace("AH1", "../../word")
    path = tmp_path / "in" / "a.TextGrid"
    path.parent.mkdir()
    path.write_text(both)
    alignment = read_textgrid(path)
    assert [w.label for w in alignment.words if w.label] == ["../../word"]
    write_textgrid(tmp_path / "out" / "b.TextGrid", alignment)
    assert sorted(p.name for p in tmp_path.rglob("*.*")) == ["a.TextGrid", "b.TextGrid"]
    path.write_text(grid.replace("AH1", "../../AH1"))
    with pytest.raises(TranscriptError, match="phone 1"):
        read_textgrid(path)


@pytest.mark.parametrize("name", ["../x", "a%s.####.exr", "%n.exr", "a.%04d%s.exr"])
def test_a_sequences_name_is_no_format_string(name: str):
    from relip.blend.stage import sequence_path
    from relip.errors import UsageError

    try:
        assert "1001" in str(sequence_path(name, 1001))
    except UsageError:
        assert "#" not in name and "d" not in name
