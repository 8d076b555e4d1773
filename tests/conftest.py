"""What all tests share: footage made on the spot, a finished shot, the command line."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

# One thread each: the work here is small, and threads that wait for one another on a busy machine
# take many times as long. Read by PyTorch and the BLAS libraries when they are first imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# The same examples in every run: a change is judged by what it changed. To look for new ones,
# HYPOTHESIS_PROFILE=search (bench/fuzz.py looks for longer).
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("search", deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

#: The fixtures of the stand-in for Nuke: nuke_host and its like.
pytest_plugins = ["nuke_host.fixtures"]

#: Optimiser steps of the shots made here: enough to run every line, far too few to look good.
STEPS = 4


@dataclass(frozen=True)
class Clip:
    """A plate with its exact truth (see ``relip.demo.making.truth_arrays``)."""

    path: Path
    truth: Path
    n_frames: int


@dataclass(frozen=True)
class Dialogue:
    """A short recording: where its words stand is known."""

    audio: Path
    text: Path
    seconds: float
    words: tuple[tuple[str, float, float], ...]


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """The result of ``--output json``."""
        return json.loads(self.out)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real test footage: RELIP_SHARED, or ``shared`` beside the repository."""
    beside = Path(__file__).resolve().parents[2] / "shared"
    folder = Path(os.environ.get("RELIP_SHARED", beside))
    if not (folder / "media").is_dir():
        pytest.skip(f"no test footage in {folder}; set RELIP_SHARED")
    return folder


@pytest.fixture(scope="session")
def demo_clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """A movie of 40 frames at 25 fps with a face 77 pixels wide."""
    from relip.demo import make_plate

    folder = tmp_path_factory.mktemp("clip")
    truth = folder / "truth.npz"
    path = make_plate(folder / "plate.mp4", n_frames=40, size=240, truth=truth)
    return Clip(path, truth, 40)


@pytest.fixture(scope="session")
def demo_sequence(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """The same pictures as a scene-linear half-float EXR sequence, frames 1001-1040."""
    from relip.demo import make_plate

    folder = tmp_path_factory.mktemp("sequence")
    truth = folder / "truth.npz"
    path = make_plate(folder / "plate.####.exr", n_frames=40, size=240, exr=True, truth=truth)
    return Clip(path, truth, 40)


@pytest.fixture(scope="session")
def dialogue(tmp_path_factory: pytest.TempPathFactory) -> Dialogue:
    """The demo's "five big plums", cut at word boundaries: 1.4 s with its final silence."""
    from relip.demo.curves import voice_file
    from relip.demo.output import write_wave
    from relip.speech import load_audio, read_textgrid

    folder = tmp_path_factory.mktemp("dialogue")
    sound = load_audio(voice_file("dialogue.flac"))
    words = [w for w in read_textgrid(voice_file("dialogue.TextGrid")).words if w.label]
    labels = [w.label for w in words]
    first = labels.index("five")
    chosen = words[first : first + 3]
    start, end = chosen[0].start, (chosen[-1].end + words[first + 3].start) / 2
    samples = sound.samples[round(start * sound.rate) : round(end * sound.rate)]
    write_wave(folder / "dialogue.wav", samples, sound.rate)
    (folder / "dialogue.txt").write_text("Five big plums.\n")
    return Dialogue(
        folder / "dialogue.wav",
        folder / "dialogue.txt",
        len(samples) / sound.rate,
        tuple((w.label, w.start - start, w.end - start) for w in chosen),
    )


@pytest.fixture(scope="session")
def finished_shot(
    tmp_path_factory: pytest.TempPathFactory, demo_sequence: Clip, dialogue: Dialogue
) -> Path:
    """A shot folder run up to blend. Do not change it: ``shot_copy`` gives one to change."""
    from relip.shot import Shot, ShotSettings

    folder = tmp_path_factory.mktemp("finished") / "sh010.relip"
    settings = {
        "plate": {"path": str(demo_sequence.path)},
        "dialogue": {"audio": str(dialogue.audio), "text": str(dialogue.text)},
        "train": {"steps": STEPS},
    }
    Shot.create(folder, ShotSettings.from_dict(settings)).run(until="blend")
    return folder


@pytest.fixture
def shot_copy(finished_shot: Path, tmp_path: Path) -> Path:
    """A copy of the finished shot that the test may change."""
    return Path(shutil.copytree(finished_shot, tmp_path / "copy" / finished_shot.name))


@pytest.fixture
def relip(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """Runs the command line in this process: ``relip("dub", plate, "-o", out)``."""
    from relip.__main__ import main

    def run(*argv: object) -> Ended:
        capsys.readouterr()
        code = main([str(word) for word in argv])
        caught = capsys.readouterr()
        return Ended(code, caught.out, caught.err)

    return run


@pytest.fixture
def refused(relip: Callable[..., Ended]) -> Callable[..., Ended]:
    """Runs a command that must fail: ``refused(3, ["track", shot], "face", "check")``.

    Its exit code is the one given, stderr is one line that begins with
    ``error: `` and holds all the words given, and no traceback.
    """

    def run(code: int, argv: list[object], *words: object) -> Ended:
        ended = relip(*argv)
        assert ended.code == code, ended
        lines = ended.err.splitlines()
        assert len(lines) == 1, ended.err
        assert lines[0].startswith("error: ")
        assert "Traceback" not in ended.err + ended.out
        for word in words:
            assert str(word) in lines[0], f"{word!r} is not in {lines[0]!r}"
        return ended

    return run


@pytest.fixture(scope="session")
def grey_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A movie of 40 grey frames: no face."""
    import av

    path = tmp_path_factory.mktemp("grey") / "grey.mp4"
    noise = np.random.default_rng(0)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        for _ in range(40):
            picture = noise.integers(110, 130, (120, 160, 1)).repeat(3, 2).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode(None))
    return path
