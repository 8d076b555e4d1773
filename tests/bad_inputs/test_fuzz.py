"""Random damage to text and archives: refused in one line or read, never a traceback.

The pictures and sounds, whose native readers take longer, are in ``bench/fuzz.py``.
"""

from __future__ import annotations

import importlib.util
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from relip.errors import RelipError

_path = Path(__file__).with_name("test_table.py")
_spec = importlib.util.spec_from_file_location("bad_inputs_table", _path)
assert _spec is not None and _spec.loader is not None
table = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(table)

GOOD = {
    "textgrid.TextGrid": table.GRID.encode(),
    "mouth.csv": b"frame,jawOpen,mouthClose\n1,0.5,0\n2,0.25,1\n",
    "arkit.csv": b"Timecode,BlendshapeCount,JawOpen\n00:00:00:00,61,0.1\n00:00:00:01,61,0.5\n",
    "shot.txt": b"version = 1\n[plate]\npath = 'a.mp4'\n[mask]\nfeather = 0.1\n",
    "transcript.txt": "Five big plums, 21st of May: £3.50 - né?".encode(),
    "record.json": b'{"stage": "mask", "again": {"settings": {}, "keys": {}}}',
}

damage = st.lists(
    st.tuples(st.integers(0, 400), st.integers(0, 12), st.binary(max_size=12)), max_size=4
)


@pytest.mark.parametrize("name", list(GOOD))
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(changes=damage)
def test_damaged_text(name: str, changes: list[tuple[int, int, bytes]]):
    data = bytearray(GOOD[name])
    for place, cut, new in changes:
        data[place : place + cut] = new
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(bytes(data))
        try:
            table.READERS[path.stem](path)
        except RelipError as error:
            assert error.exit_code in (2, 3)
