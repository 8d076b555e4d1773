"""Random damage to text and archives: refused in one line or read, never a traceback.

The pictures and sounds, whose native readers take longer, are in ``bench/fuzz.py``.
"""

from __future__ import annotations

import importlib.util
import re
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
    "kept.json": b'{"key": "0a", "notes": ["a"], "reasons": {"1001": "no"}, "faceless": [1001]}',
    "script.srt": table.CUES.encode(),
    "script.tsv": b"0.00\tX\n0.30\tB\n1.20\tX\n",
    "script.json": b'{"mouthCues": [{"start": 0, "end": 0.3, "value": "X"}]}',
    "lexicon.txt": b"plum P L AH1 M\nfive(2)\tF AY1 V\n",
    "curves.nk": b" jawOpen {{curve x1 0 x2 0.5 x3 -1e-3}}\n",
    "models.toml": table.RENDERER.encode(),
    "parsers.toml": table.PARSER.encode(),
    "gizmos.toml": b"schema = 1\n[[gizmo]]\nclass = 'R_v1_0'\nfile = 'R_v1_0.gizmo'\nknobs = []\n",
    "override.json": b'{"offsets": {"1001": {"mouth": [0, 0]}, "1004": {"13": [4, -2]}}, '
    b'"alignment": {"tracks": {"nose": {"1001": [64.5, 36.2]}}}}',
    "points.txt": table.AFTER_EFFECTS.encode(),
    "comp.nk": b"Read {\n inputs 0\n file a.%04d.exr\n name Read1\n}\nset N1 [stack 0]\npush $N1\n",
    "pathmap.json": b'{"path_mapping_rules": [{"source_path": "P:/s", "source_path_format": '
    b'"WINDOWS", "destination_path": "/s"}]}',
}

#: Values in the place of those that are expected.
ODD = st.sampled_from(
    [b"null", b"true", b"[]", b"{}", b'""', b"-1", b"1e400", b"1" + b"0" * 400, b"1" + b"0" * 5000,
     b"[" * 3000, b'"\\u0000"', b"nan", b"'", b'"\xb2"', b"1001", b"x"]
)  # fmt: skip
#: What an interpreter says of its own, and no user reads.
RAW = re.compile(
    r"\b[A-Z]\w+Error\b|Traceback|NoneType|<class|codec can't|not subscriptable|unhashable"
    r"|\w+\(\) argument|object (is|has)|invalid literal|could not convert|recursion|digits\) for"
)
WORD = re.compile(rb"([\s,:=\[\]{}]+)")


def read(name: str, content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        try:
            table.READERS[path.stem](path)
        except RelipError as error:
            assert error.exit_code in (2, 3, 5) and error.mend
            assert "\n" not in str(error) and len(str(error)) < 700
            assert not RAW.search(str(error).replace(folder, "")), str(error)


@pytest.mark.parametrize("name", list(GOOD))
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(swaps=st.lists(st.tuples(st.integers(0, 200), ODD), min_size=1, max_size=3))
def test_swapped_values(name: str, swaps: list[tuple[int, bytes]]):
    """Values of another kind, or of a size that nobody writes, where the form stays."""
    words = WORD.split(GOOD[name])
    for place, value in swaps:
        words[2 * (place % ((len(words) + 1) // 2))] = value
    read(name, b"".join(words))


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
    read(name, bytes(data))
