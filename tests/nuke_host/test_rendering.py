"""nuke.execute: files, callbacks, errors."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture
def comp(nuke_host, tmp_path):
    import nuke

    nuke.addFormat("16 8 1 tiny")
    plate = nuke.nodes.Constant(channels="rgba", format="tiny", name="Plate")
    plate["color"].setExpression("frame/1000", 0)
    write = nuke.nodes.Write(inputs=[plate], name="Out", channels="rgba", raw=True)
    write["file"].setValue(str(tmp_path / "out" / "a.%04d.exr"))
    write["file_type"].setValue("exr")
    write["datatype"].setValue("32 bit float")
    write["create_directories"].setValue(True)
    return write


def test_callbacks_in_nukes_order(comp, tmp_path):
    import nuke

    log = []

    def note(what):
        log.append((what, nuke.thisNode().name(), nuke.frame()))

    nuke.addBeforeRender(note, ("before render",))
    nuke.addBeforeFrameRender(note, ("before frame",))
    nuke.addAfterFrameRender(note, ("after frame",))
    nuke.addAfterRender(note, ("after render",))
    nuke.execute("Out", 1001, 1003, 2)
    assert [w for w, _, _ in log] == [
        "before render",
        *["before frame", "after frame"] * 2,
        "after render",
    ]
    assert {n for _, n, _ in log} == {"Out"}
    assert [f for w, _, f in log if w == "before frame"] == [1001, 1003]
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["a.1001.exr", "a.1003.exr"]


def test_the_file_is_the_picture(comp, tmp_path):
    import nuke

    from relip.plate import read_exr

    nuke.execute(comp, 1001, 1001, 1)
    channels, origin, display, _ = read_exr(tmp_path / "out" / "a.1001.exr")
    assert (origin, display) == ((0, 0), (16, 8))
    assert (channels["R"] == np.float32(1.001)).all() and set(channels) == set("RGBA")


def test_the_data_window_goes_through_a_file(nuke_host, comp, tmp_path):
    import nuke

    crop = nuke.nodes.Crop(inputs=[comp.input(0)], box=[2, 1, 6, 4], crop=False)
    comp.setInput(0, crop)
    nuke.execute(comp, 1001, 1001, 1)
    from relip.plate import read_exr

    channels, origin, display, _ = read_exr(tmp_path / "out" / "a.1001.exr")
    assert channels["R"].shape == (3, 4) and origin == (2, 8 - 4) and display == (16, 8)


def test_an_error_before_a_frame_ends_the_render(comp, tmp_path):
    import nuke

    def refuse():
        raise ValueError("the cache of frame 1002 is missing")

    nuke.addBeforeFrameRender(lambda: refuse() if nuke.frame() == 1002 else None)
    with pytest.raises(RuntimeError, match="1002 is missing"):
        nuke.execute(comp, 1001, 1003, 1)
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["a.1001.exr"]


def test_a_missing_file_upstream_ends_the_render(nuke_host, comp, tmp_path):
    import nuke

    read = nuke.nodes.Read(raw=True, first=1001, last=1002)
    read["file"].setValue(str(tmp_path / "no.####.exr"))
    comp.setInput(0, read)
    with pytest.raises(RuntimeError, match="no such file"):
        nuke.execute(comp, 1001, 1001, 1)


def test_filename_filters_see_every_file(comp, tmp_path):
    import nuke

    nuke.addFilenameFilter(lambda name: name.replace("/out/", "/moved/"))
    nuke.execute(comp, 1, 1, 1)
    assert (tmp_path / "moved" / "a.0001.exr").is_file()


def test_a_render_works_in_a_terminal_too(nuke_hosts, tmp_path):
    host = nuke_hosts(gui=False)
    import nuke

    plate = nuke.nodes.Constant(channels="rgba")
    write = nuke.nodes.Write(inputs=[plate])
    write["file"].setValue(str(tmp_path / "a.exr"))
    nuke.execute(write, 1, 1, 1)
    assert (tmp_path / "a.exr").is_file() and host.said == []
