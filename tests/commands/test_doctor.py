"""relip doctor and the checks it shares with install.py."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from relip import environment
from relip.commands import doctor
from relip.environment import MISSING, OK, WARNING, Check
from relip.errors import EXIT_DONE, EXIT_MODEL

LIBGL = "libGL.so.1: cannot open shared object file: No such file or directory"


def test_this_environment_is_complete_and_the_report_is_json() -> None:
    result = doctor.run(argparse.Namespace())
    assert result.exit_code == EXIT_DONE, result.to_text()
    data = json.loads(json.dumps(result.to_dict()))
    assert data["ok"] is True
    assert data["missing"] == []
    found = {check["name"] for check in data["checks"]}
    assert {"python", "torch", "mediapipe", "devices", "face models", "face mesh"} <= found
    assert {"speech model", "colour", "exr", "movie", "temporary files", "memory"} <= found
    for check in data["checks"]:
        assert check["status"] in (OK, WARNING, MISSING)
        assert check["detail"]
        assert check["mend"] or check["status"] == OK
        assert check["name"] in result.to_text()


def test_what_is_missing_gives_5_and_its_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "FACE_MODELS", ("modules/nothing.tflite",))
    result = doctor.run(argparse.Namespace())
    assert result.exit_code == EXIT_MODEL
    assert result.data["missing"] == ["face models"]
    last = result.to_text().splitlines()
    assert last[-1] == "1 needed thing is missing"
    assert any(line.startswith("mend: face models: run pip") for line in last)


def test_it_is_a_subcommand_of_relip() -> None:
    parser = argparse.ArgumentParser()
    doctor.register(parser.add_subparsers())
    args = parser.parse_args(["doctor", "--output", "json"])
    assert args.run is doctor.run
    assert args.output_form == "json"


@pytest.mark.slow
def test_the_checks_run_by_themselves(tmp_path: Path) -> None:
    core = Path(environment.__file__).resolve().parents[1]
    done = subprocess.run(
        [sys.executable, "-m", "relip.environment"],
        cwd=core,
        capture_output=True,
        text=True,
    )
    assert done.returncode == EXIT_DONE, done.stdout
    assert all(isinstance(c["needed"], bool) for c in json.loads(done.stdout))


@pytest.mark.parametrize(
    ("exc", "words"),
    [
        (ImportError(LIBGL), ["libgl1", "install.py"]),
        (OSError("libgomp.so.1: cannot open shared object file"), ["libgomp1"]),
        (ModuleNotFoundError("No module named 'cv2'", name="cv2"), ["opencv-contrib-python"]),
        (ModuleNotFoundError("No module named 'a.b'", name="a.b"), ["pip install a"]),
        (ImportError("numpy.core.multiarray failed to import"), ["numpy>=1.26.4,<2"]),
        (TypeError("Descriptors cannot be created directly."), ["protobuf"]),
        (RuntimeError("two\nlines"), ["RuntimeError", "two lines", "install.py"]),
    ],
)
def test_a_failed_import_is_explained_in_one_line(exc: Exception, words: list[str]) -> None:
    said = environment.explain_import_error(exc)
    assert "\n" not in said
    for word in words:
        assert word in said


def test_an_opencv_without_its_system_library_names_both_mends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "windowed_cv2.py").write_text(f"raise ImportError({LIBGL!r})\n")
    monkeypatch.syspath_prepend(tmp_path)
    check = environment.check_import("opencv-contrib-python", "windowed_cv2")
    assert check.fatal
    assert "apt-get install libgl1" in check.mend
    assert "install.py" in check.mend


def test_versions_are_held_against_their_bounds() -> None:
    version = importlib.metadata.version("numpy")
    assert environment.check_distribution(Requirement("numpy>=1.20")).status == OK
    old = environment.check_distribution(Requirement("numpy<1.20"))
    assert old.fatal
    assert version in old.detail
    assert "numpy<1.20" in old.mend
    absent = environment.check_distribution(Requirement("no-such-distribution>=1"))
    assert absent.fatal
    assert absent.detail == "not installed"


def test_either_opencv_build_will_do() -> None:
    for name in ("opencv-contrib-python", "opencv-contrib-python-headless"):
        assert environment.check_distribution(Requirement(f"{name}>=4.11,<4.12")).status == OK


def test_all_declared_packages_are_checked() -> None:
    requirements = {r.name for r in environment.declared_requirements()}
    assert {"torch", "mediapipe", "opencv-contrib-python", "av", "pocketsphinx"} <= requirements


def test_a_wrong_ocio_variable_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCIO", str(tmp_path / "none.ocio"))
    check = environment.check_colour()
    assert check.fatal
    assert "none.ocio" in check.detail
    assert "OCIO" in check.mend
    monkeypatch.delenv("OCIO")
    assert environment.check_colour().status == OK


def test_a_folder_that_cannot_be_written_is_a_hint(tmp_path: Path) -> None:
    assert environment.check_writable(tmp_path).status == OK
    assert list(tmp_path.iterdir()) == []
    check = environment.check_writable(tmp_path / "none")
    assert check.status == WARNING
    assert not check.fatal


def test_little_room_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "LOW_DISK", 2**60)
    monkeypatch.setattr(environment, "LOW_MEMORY", 2**60)
    for check in (environment.check_temporary(), environment.check_memory()):
        assert check.status == WARNING
        assert not check.fatal
        assert check.mend


def test_optional_things_never_stop_the_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("RELIP_ESPEAK", raising=False)
    check = environment.check_espeak()
    assert (check.status, check.fatal) == (WARNING, False)
    monkeypatch.setenv("RELIP_ESPEAK", sys.executable)
    assert environment.check_espeak().status == OK
    monkeypatch.setenv(environment.MODELS_VARIABLE, str(tmp_path))
    assert "not in" in environment.check_landmarker().detail
    (tmp_path / "face_landmarker.task").write_bytes(b"x")
    assert environment.check_landmarker().detail == str(tmp_path / "face_landmarker.task")


def test_the_report_puts_the_mends_last() -> None:
    checks = [
        Check("a", OK, "fine"),
        Check("bb", MISSING, "gone", "get it"),
        Check("c", WARNING, "low", "add some", needed=False),
    ]
    lines = doctor.render(checks).splitlines()
    assert lines[0].split() == ["ok", "a", "fine"]
    assert lines[4:6] == ["mend: bb: get it", "hint: c: add some"]
    assert lines[-1] == "1 needed thing is missing"
