"""Processes on the same frames share them out, without a lock and without losing one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from relip import records
from relip.records import FrameRecord
from relip.sharing import BLOCK, Sharing

TODO = {frame: f"key {frame}" for frame in range(1001, 1041)}


def output(folder: Path) -> Callable[[int], Path]:
    return lambda frame: folder / f"patch.{frame}.exr"


def make(folder: Path, block: list[int]) -> None:
    for frame in block:
        output(folder)(frame).write_bytes(b"picture")
        FrameRecord(folder).set(frame, TODO[frame], "done")


def walk(folder: Path, share: Sharing, made: list[int]) -> Iterator[None]:
    """A process that stops after it took a block, and after it made it."""
    for block in share.blocks():
        yield
        make(folder, block)
        made += block
        yield


def test_one_alone_goes_from_first_to_last(tmp_path: Path):
    made: list[int] = []
    with Sharing(FrameRecord(tmp_path), TODO, output(tmp_path)) as share:
        for _ in walk(tmp_path, share, made):
            assert len(list((tmp_path / "status").glob(".working*"))) == 1
    assert made == list(TODO) and share.taken == []
    assert list((tmp_path / "status").glob(".*")) == []


@pytest.mark.parametrize("number", [2, 3, 8])
def test_processes_that_walk_in_step(tmp_path: Path, number: int):
    """The worst case: all start together and are equally quick."""
    made: list[list[int]] = [[] for _ in range(number)]
    shares = [Sharing(FrameRecord(tmp_path), TODO, output(tmp_path)) for _ in range(number)]
    for share in shares:
        share.__enter__()
    walks = [walk(tmp_path, s, m) for s, m in zip(shares, made, strict=True)]
    while walks:
        walks = [w for w in walks if next(w, "end") is None]
    for share in shares:
        share.__exit__(None, None, None)
    total = sum(len(m) for m in made)
    assert {f for m in made for f in m} == set(TODO)
    assert total <= len(TODO) + number * BLOCK
    for own, share in zip(made, shares, strict=True):
        assert sorted([*own, *share.taken]) == list(TODO), "each knows the fate of every frame"
    assert list((tmp_path / "status").glob(".*")) == []


def test_frames_made_before_are_left_out(tmp_path: Path):
    make(tmp_path, [1003, 1010, 1040])
    FrameRecord(tmp_path).set(1020, "another key", "done")
    with Sharing(FrameRecord(tmp_path), TODO, output(tmp_path)) as share:
        blocks = list(share.blocks())
    assert share.taken == [1003, 1010, 1040]
    assert sorted(f for b in blocks for f in b) == sorted(set(TODO) - {1003, 1010, 1040})


def test_force_makes_all(tmp_path: Path):
    make(tmp_path, list(TODO))
    plate = SimpleNamespace(kind="sequence", iter=lambda frames, on_error: iter(frames))
    with Sharing(FrameRecord(tmp_path), TODO, output(tmp_path), alone=True) as share:
        assert list(share.pictures(plate)) == list(TODO)
        assert not list((tmp_path / "status").glob(".working*"))


def test_what_another_made_since_it_was_taken_is_not_made_again(tmp_path: Path):
    with Sharing(FrameRecord(tmp_path), TODO, output(tmp_path)) as share:
        first = next(share.blocks())
        make(tmp_path, first[1:2])
        assert [share.made_by_another(f) for f in first[:3]] == [False, True, False]
    assert share.taken == first[1:2]
    forced = Sharing(FrameRecord(tmp_path), TODO, output(tmp_path), alone=True)
    assert not forced.made_by_another(first[1])


def test_a_movie_is_read_in_one_pass(tmp_path: Path):
    calls = []
    plate = SimpleNamespace(kind="movie", iter=lambda f, on_error: calls.append(f) or iter(f))
    with Sharing(FrameRecord(tmp_path), TODO, output(tmp_path)) as share:
        assert list(share.pictures(plate)) == list(TODO)
    assert calls == [list(TODO)]


def test_what_a_killed_process_leaves_is_swept(tmp_path: Path):
    status = tmp_path / "status"
    status.mkdir()
    dead = status / f".working{records.temporary_mark(2**22 + 1)}0123abcd"
    dead.touch()
    made: list[int] = []
    with Sharing(FrameRecord(tmp_path), TODO, output(tmp_path)) as share:
        for _ in walk(tmp_path, share, made):
            pass
    assert sorted(made) == list(TODO), "a dead one only changes the order"
    records.sweep(status)
    assert not dead.exists()


def test_a_folder_that_cannot_be_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def no(*_: object) -> list[str]:
        raise OSError("stale handle")

    with Sharing(FrameRecord(tmp_path), TODO, output(tmp_path)) as share:
        monkeypatch.setattr(os, "listdir", no)
        assert [f for b in share.blocks() for f in b] == list(TODO)
