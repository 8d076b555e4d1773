"""Fingerprints, atomic writes, per-frame status."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from relip import records
from relip.errors import OutputError, ShotError
from relip.records import FrameRecord


def full_disk(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_fingerprints_differ_where_the_values_do():
    a = np.arange(6.0)
    parts = [
        (1,), ("1",), (1.0, 2), (1, 2.0, None), ([1, 2],), (a,), (a.reshape(2, 3),),
        (a.astype(np.float32),), (b"x",), ("x",), ({"a": 1},), ({"a": 2},),
        ("ab", "c"), ("a", "bc"),
    ]  # fmt: skip
    assert len({records.fingerprint(*p) for p in parts}) == len(parts)


def test_fingerprint_does_not_see_the_order_of_keys_or_memory():
    assert records.fingerprint({"a": 1, "b": 2}) == records.fingerprint({"b": 2, "a": 1})
    a = np.arange(12.0).reshape(3, 4)
    assert records.fingerprint(a) == records.fingerprint(np.asfortranarray(a))


def test_file_fingerprint(tmp_path: Path):
    path = tmp_path / "a.bin"
    assert records.file_fingerprint(path) == "absent"
    assert records.file_fingerprint(tmp_path) == "absent"
    seen = set()
    for content in (b"", b"a", b"b", b"a" * (4 << 20), b"b" + b"a" * ((4 << 20) - 1)):
        path.write_bytes(content)
        seen.add(records.file_fingerprint(path))
    assert len(seen) == 5
    os.utime(path, (0, 0))
    assert records.file_fingerprint(path) in seen


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path):
    path = tmp_path / "deep" / "a.json"
    records.write_json(path, {"a": 1})
    with pytest.raises(RuntimeError), records.atomic_write(path) as handle:
        handle.write("half")
        raise RuntimeError
    assert records.read_json(path) == {"a": 1}
    assert os.listdir(path.parent) == ["a.json"]


def test_a_written_file_has_ordinary_permissions(tmp_path: Path):
    records.write_json(tmp_path / "a.json", 1)
    umask = os.umask(0)
    os.umask(umask)
    assert (tmp_path / "a.json").stat().st_mode & 0o777 == 0o666 & ~umask


def test_disk_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "a.json"
    records.write_json(path, "old")
    monkeypatch.setattr(os, "replace", full_disk)
    with pytest.raises(
        OutputError, match="a.json cannot be written: No space left on device; free some space"
    ):
        records.write_json(path, "new")
    assert records.read_json(path) == "old" and os.listdir(tmp_path) == ["a.json"]


def test_a_file_in_place_of_a_folder(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="a file stands where a folder is needed"):
        records.write_json(tmp_path / "file" / "a.json", 1)
    with pytest.raises(OutputError, match="a file stands where a folder is needed"):
        records.write_json(tmp_path / "file" / "b" / "a.json", 1)


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe\x00", b""])
def test_damaged_json_and_npz(tmp_path: Path, content: bytes):
    path = tmp_path / "record.json"
    path.write_bytes(content)
    with pytest.raises(ShotError, match="record.json: damaged.*delete it"):
        records.read_json(path)
    with pytest.raises(ShotError, match="delete it"):
        records.read_npz(path)


def test_a_record_is_a_dictionary(tmp_path: Path):
    assert records.read_record(tmp_path) == {}
    records.write_record(tmp_path, {"key": "k"})
    assert records.read_record(tmp_path) == {"key": "k"}
    records.write_json(tmp_path / "record.json", [1])
    with pytest.raises(ShotError, match="not a record"):
        records.read_record(tmp_path)


def test_npz_carries_no_objects(tmp_path: Path):
    path = tmp_path / "a.npz"
    values = np.linspace(0, 1, 7, dtype=np.float32)
    records.write_npz(path, values=values)
    assert np.array_equal(records.read_npz(path)["values"], values)
    with pytest.raises(TypeError):
        records.write_npz(path, bad=np.array([{}], dtype=object))
    np.savez(tmp_path / "pickled.npz", bad=np.array([{}], dtype=object))
    with pytest.raises(ShotError):
        records.read_npz(tmp_path / "pickled.npz")


def test_frame_record(tmp_path: Path):
    record, output = FrameRecord(tmp_path), tmp_path / "out.exr"
    assert record.get(7) is None and not record.is_current(7, "k", None)
    record.set(7, "k", "done")
    assert record.is_current(7, "k", None)
    assert not record.is_current(7, "other", None)
    assert not record.is_current(7, "k", output)
    output.write_bytes(b"")
    assert record.is_current(7, "k", output)
    record.set(8, "k", "passed", "no face")
    assert record.is_current(8, "k", tmp_path / "never.exr")
    record.set(9, "k", "failed", "why")
    assert not record.is_current(9, "k", None)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b'{"key": "k"}', b'{"state": "?"}'])
def test_a_damaged_status_counts_as_not_done(tmp_path: Path, content: bytes):
    record = FrameRecord(tmp_path)
    record.set(7, "k", "done")
    (record.status_folder / "7.json").write_bytes(content)
    assert record.get(7) is None and not record.is_current(7, "k", None)


def test_many_writers_of_one_status(tmp_path: Path):
    record, stop, seen = FrameRecord(tmp_path), threading.Event(), []

    def write() -> None:
        while not stop.is_set():
            record.set(1, "k", "done", "x" * 2000)

    writers = [threading.Thread(target=write) for _ in range(3)]
    record.set(1, "k", "done")
    for writer in writers:
        writer.start()
    for _ in range(300):
        seen.append(record.is_current(1, "k", None))
    stop.set()
    for writer in writers:
        writer.join()
    assert all(seen)
    assert [p.name for p in record.status_folder.iterdir()] == ["1.json"]


def leave(folder: Path, host: str, pid: int, *, age: float = 0.0) -> Path:
    path = folder / f".patch.1001.{host}-{pid}-0123abcd.exr"
    path.write_bytes(b"half")
    then = path.stat().st_mtime - age
    os.utime(path, (then, then))
    return path


def test_what_killed_processes_left_is_swept_away(tmp_path: Path):
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"],
                           capture_output=True, text=True)  # fmt: skip
    here = records._host()
    dead = leave(tmp_path, here, int(ended.stdout))
    alive = leave(tmp_path, here, os.getpid())
    other = leave(tmp_path, "0" * 8, 1)
    old = leave(tmp_path, "1" * 8, 1, age=records.STALE + 60)
    kept = [tmp_path / n for n in (".nfs000012", "patch.1001.exr", ".hidden.exr", ".a.b-c-d.exr")]
    for path in kept:
        path.write_bytes(b"")
    assert sorted(records.sweep(tmp_path)) == sorted([dead, old])
    assert sorted(tmp_path.iterdir()) == sorted([alive, other, *kept])
    assert records.sweep(tmp_path / "absent") == []


def test_clocks_that_differ_do_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """This machine's clock is years ahead of the file server's."""
    import time

    other = leave(tmp_path, "0" * 8, 1)
    monkeypatch.setattr(time, "time", lambda: 4e9)
    assert records.sweep(tmp_path) == [] and other.exists()


def test_the_temporary_name_is_one_that_is_swept(tmp_path: Path):
    with records.atomic_path(tmp_path / ("x" * 200 + ".exr")) as temporary:
        assert records._TEMPORARY.match(temporary.name)
        assert len(temporary.name) < 255
