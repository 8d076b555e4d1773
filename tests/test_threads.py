"""Threads: as many as asked for, and those that wait do not take the others' time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from relip.plate import write_exr
from relip.shot import PlateSettings, Shot, ShotSettings

SHOW = """
import os, sys
from relip import __main__
__main__.main(["models"])
print("policy", os.environ.get("OMP_WAIT_POLICY"))
"""


@pytest.mark.parametrize(("given", "seen"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_waiting_threads_sleep_unless_told_otherwise(given: str | None, seen: str):
    environment = {k: v for k, v in os.environ.items() if k != "OMP_WAIT_POLICY"}
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    if given:
        environment["OMP_WAIT_POLICY"] = given
    done = subprocess.run(
        [sys.executable, "-c", SHOW], env=environment, capture_output=True, text=True, check=True
    )
    assert f"policy {seen}" in done.stdout


FROM_PYTHON = """
import os, sys
import relip
from relip import pipeline
from relip.errors import RelipError
assert "torch" not in sys.modules
shot = relip.Shot.open(sys.argv[1])
try:
    shot.run(until="speech")
except RelipError as error:
    print(error)
print("policy", os.environ.get("OMP_WAIT_POLICY"))
"""


def test_a_program_that_imports_relip_gets_it_too(tmp_path: Path):
    shot = Shot.create(
        tmp_path / "a.relip",
        ShotSettings(plate=PlateSettings(str(clip(tmp_path)), fps="25", colourspace="ACEScg")),
    )
    environment = {k: v for k, v in os.environ.items() if k != "OMP_WAIT_POLICY"}
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    done = subprocess.run(
        [sys.executable, "-c", FROM_PYTHON, str(shot.folder)],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "names no dialogue" in done.stdout and "policy PASSIVE" in done.stdout


def clip(folder: Path) -> Path:
    """Two frames of grey."""
    for frame in (1001, 1002):
        write_exr(folder / f"a.{frame}.exr", np.zeros((8, 8, 3), np.float32), display=(8, 8))
    return folder / "a.####.exr"


def test_nothing_large_is_loaded_before_the_policy_is_set():
    """OpenMP reads it once, when it is loaded."""
    code = "import sys, relip.__main__; print([m for m in ('torch', 'cv2') if m in sys.modules])"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
