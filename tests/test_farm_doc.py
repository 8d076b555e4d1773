"""docs/farm.md: its command lines, exit codes, order of steps and path rules are the code's."""

from __future__ import annotations

import io
import re
import shlex
from pathlib import Path

import pytest

from relip import errors, pathmap, pipeline
from relip.__main__ import build_parser
from relip.farm import bundle
from relip.frames import parse_range
from relip.progress import Progress

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "docs" / "farm.md").read_text(encoding="utf-8")
#: Code blocks; a line that ends in a backslash, or that the next one is indented under, goes on.
BLOCKS = [
    re.sub(r"\\?\n {4,}(?=[\[-])", " ", b) for b in re.findall(r"(?ms)^```\w*\n(.*?)^```", TEXT)
]

#: What a farm puts in, and what its words stand for.
TOKENS = {"<STARTFRAME>": "1001", "<ENDFRAME>": "1050", "<STARTFRAME%4>": "0001",
          "#FRAME_START#": "1001", "#FRAME_END#": "1050", "#IFRAME#": "1001"}  # fmt: skip


def filled(line: str) -> str:
    for token, value in TOKENS.items():
        line = line.replace(token, value)
    return line


def commands() -> list[list[str]]:
    """Every command line of Relip in the page, however a farm wraps it."""
    found: list[list[str]] = []
    for block in BLOCKS:
        for line in block.splitlines():
            line = filled(line.strip())
            if line.startswith("relip "):
                # [ ] are options of the synopsis
                found.append(shlex.split(re.sub(r"[\[\]]", " ", line))[1:])
            elif line.startswith("deadlinecommand "):
                words = shlex.split(line)
                assert words[words.index("-executable") + 1].endswith("/relip")
                found.append(shlex.split(words[words.index("-arguments") + 1]))
            found += [
                shlex.split(words) for words in re.findall(r"RemoteCmd \{relip ([^}]*)\}", line)
            ]
    return found


def test_the_page_was_read():
    found = commands()
    assert len(found) >= 20
    assert {words[0] for words in found} >= {*pipeline.STAGES, "farm"}


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_command_line_is_taken_by_the_parser(words: list[str]):
    args = build_parser().parse_args(words)
    assert callable(args.run)
    if getattr(args, "frames", None):
        assert parse_range(args.frames)


def test_frames_are_written_with_an_equals_sign():
    """A negative first frame would be taken for an option."""
    split = [words for words in commands() if words[0] in ("mask", "render", "blend")]
    assert len(split) >= 9
    assert all("--frames" not in words for words in split)


def test_deadline_s_own_words():
    """Those of its manual, "Manual Job Submission"."""
    known = {"-SubmitCommandLineJob", "-executable", "-arguments", "-frames", "-chunksize", "-name",
             "-pool", "-group", "-priority", "-department", "-initialstatus", "-prop",
             "-startupdirectory"}  # fmt: skip
    lines = [s for b in BLOCKS for s in b.splitlines() if s.startswith("deadlinecommand")]
    assert len(lines) == 2
    for line in lines:
        words = shlex.split(line)
        assert {w for w in words if w.startswith("-")} <= known
        assert all("=" in words[i + 1] for i, w in enumerate(words) if w == "-prop")


def test_the_exit_codes_are_those_of_the_errors():
    rows = re.findall(r"(?m)^\| ([0-9, ]+) \|", TEXT)
    listed = {int(code) for row in rows for code in row.split(",")}
    kinds = [
        k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, errors.RelipError)
    ]
    # frames that failed end a run with a code, and no error is raised for them
    told = {0, errors.EXIT_SOME_FRAMES_FAILED, 128 + 15}
    assert listed == told | {kind.exit_code for kind in kinds}


def test_the_order_of_the_steps_is_the_bundle_s():
    rows = dict(re.findall(r"(?m)^\| (\w+) \| [^|]* \| (yes|no) \|", TEXT))
    assert [name for name in rows if name in pipeline.STAGES] == list(pipeline.STAGES)
    assert {name for name, split in rows.items() if split == "no"} == set(pipeline.WHOLE)
    assert set(bundle.READS) == set(rows)


def test_tractor_s_progress_line():
    line = re.search(r"`TR_PROGRESS (\d+)%`", TEXT)
    assert line
    out = io.StringIO()
    progress = Progress("tractor", stream=out)
    progress.start("render", 100)
    for _ in range(int(line[1])):
        progress.step()
    lines = out.getvalue().splitlines()
    assert lines and all(re.fullmatch(r"TR_PROGRESS \d+%", text) for text in lines)


def test_the_path_rules_of_the_page():
    options = re.findall(r'--path-map "([^"]+)"', TEXT)
    variable = re.search(r'RELIP_PATH_MAP="([^"]+)"', TEXT)
    assert len(options) == 2 and variable
    for rules in (options, variable[1].split(";")):
        found = [rule for text in rules for rule in pathmap.parse(text)]
        assert [r.windows for r in found] == [True, True]
        assert [r.target for r in found] == ["/mnt/show", "/mnt/audio"]
