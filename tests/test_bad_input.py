"""Bad input: one clear line, the documented exit code, nothing half-written."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from relip.errors import OutputError

Refused = Callable[..., object]


def files(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def wave(path: Path, samples: np.ndarray) -> Path:
    from relip.demo.output import write_wave

    write_wave(path, samples.astype(np.float32), 16000)
    return path


@pytest.fixture
def dub(refused: Refused, tmp_path: Path, demo_clip, dialogue) -> Callable[..., None]:
    """``relip dub`` with one thing wrong: refused, without output or temporary files."""

    def run(
        code: int,
        *words: object,
        plate: object = None,
        audio: object = None,
        text: object = None,
        out: object = None,
        options: tuple[object, ...] = (),
    ) -> None:
        before = files(tmp_path)
        target = out or tmp_path / "made" / "out.mp4"
        refused(
            code,
            ["dub", plate or demo_clip.path, "--audio", audio or dialogue.audio,
             "--text", text or dialogue.text, "-o", target, "--progress", "none", *options],
            *words,
        )  # fmt: skip
        shot = {"shot.toml", "record.json", "phones.TextGrid", "mouth.csv"}
        left = {Path(f).name for f in files(tmp_path)} - {Path(f).name for f in before}
        assert left <= shot, left

    return run


def test_missing_plate(dub, tmp_path: Path):
    dub(3, tmp_path / "no.mp4", "does not exist", "check the path", plate=tmp_path / "no.mp4")
    assert files(tmp_path) == [] and not (tmp_path / "made").exists()


def test_missing_sequence(dub, tmp_path: Path):
    dub(3, "no.####.exr matches no file", plate=tmp_path / "no.####.exr", out=tmp_path / "c.#.exr")
    assert files(tmp_path) == []


def test_text_named_mp4(dub, tmp_path: Path):
    fake = tmp_path / "fake.mp4"
    fake.write_text("this is no movie\n" * 100)
    dub(3, fake, "not a movie", "give a movie", plate=fake)
    assert files(tmp_path) == ["fake.mp4"]


def test_empty_and_truncated_movie(dub, tmp_path: Path, demo_clip):
    short = tmp_path / "short.mp4"
    short.write_bytes(b"")
    dub(3, short, plate=short)
    short.write_bytes(demo_clip.path.read_bytes()[:400])
    dub(3, short, plate=short)


def test_a_folder_as_movie(dub, tmp_path: Path):
    (tmp_path / "folder.mp4").mkdir()
    dub(3, tmp_path / "folder.mp4", plate=tmp_path / "folder.mp4")


def test_a_clip_without_a_face(dub, grey_clip: Path, tmp_path: Path):
    dub(3, grey_clip, "a face was found in 0 of 40 frames", "check that", plate=grey_clip)
    assert not (tmp_path / "made" / "out.mp4").exists()
    assert not (tmp_path / "made" / "out.relip" / "track" / "track.npz").exists()


def test_a_clip_without_a_face_says_one_line_as_a_process(
    grey_clip: Path, dialogue, tmp_path: Path
):
    """The C++ libraries below write nothing to stderr either."""
    ended = subprocess.run(
        [sys.executable, "-m", "relip", "dub", grey_clip, "--audio", dialogue.audio, "--text",
         dialogue.text, "-o", tmp_path / "out.mp4", "--progress", "none"],
        capture_output=True, text=True, env=os.environ | {"PYTHONPATH": _core()},
    )  # fmt: skip
    assert ended.returncode == 3
    assert ended.stderr.startswith("error: ") and ended.stderr.count("\n") == 1, ended.stderr
    assert not (tmp_path / "out.mp4").exists()


def _core() -> str:
    import relip

    return str(Path(relip.__file__).parents[1])


def test_missing_audio_and_transcript(dub, tmp_path: Path):
    dub(3, tmp_path / "no.wav", "does not exist", "give a sound", audio=tmp_path / "no.wav")
    dub(3, tmp_path, "the dialogue", "is a folder", audio=tmp_path)
    dub(3, tmp_path / "no.txt", "no such file", "check --text", text=tmp_path / "no.txt")
    assert files(tmp_path) == [] and not (tmp_path / "made").exists()


def test_silent_audio(dub, tmp_path: Path):
    silent = wave(tmp_path / "silent.wav", np.zeros(16000))
    dub(3, silent, "silent", "check the file", audio=silent)


def test_audio_of_0_s(dub, tmp_path: Path):
    empty = wave(tmp_path / "empty.wav", np.zeros(0))
    dub(3, empty, "0 s long", "give one", audio=empty)


def test_audio_that_is_no_sound(dub, tmp_path: Path, grey_clip: Path):
    fake = tmp_path / "fake.wav"
    fake.write_text("no sound\n" * 100)
    dub(3, fake, "give a sound", audio=fake)
    dub(3, grey_clip, "has no sound", "give a sound", audio=grey_clip)


def test_transcript_that_does_not_match(dub, tmp_path: Path):
    other = tmp_path / "other.txt"
    other.write_text("The committee published seventeen extraordinary recommendations yesterday.\n")
    dub(3, "transcript", "does not match", text=other)


@pytest.mark.parametrize("content", [b"", b" \n\t\n", b"\xef\xbb\xbf", b"\xff\xfe\x00\xd8"])
def test_transcript_that_is_empty_or_no_text(dub, tmp_path: Path, content: bytes):
    path = tmp_path / "bad.txt"
    path.write_bytes(content)
    dub(3, path, ";", text=path)
    assert files(tmp_path) == ["bad.txt"] and not (tmp_path / "made").exists()


def test_frames_outside_the_plate(dub, refused: Refused, tmp_path: Path, demo_clip, finished_shot):
    dub(2, demo_clip.path, "41-50", "1-40", "give frames", options=("--frames", "31-50"))
    for bad in ("5-1", "a-b", "-5--1"):
        dub(2, bad, options=("--frames", bad))
    assert files(tmp_path) == []
    refused(2, ["render", finished_shot, "--frames", "900-910"], "900-910", "1001-1040", "give")
    refused(2, ["blend", finished_shot, "--frames", "1040-1041"], "1041", "1001-1040")


@pytest.mark.parametrize("where", ["file", "/proc"])
def test_unwritable_output_folder(dub, tmp_path: Path, where: str):
    if where == "file":
        (tmp_path / "file").write_text("")
        folder = tmp_path / "file" / "sub"
    else:
        folder = Path("/proc/relip")
        if sys.platform != "linux":
            pytest.skip("/proc is Linux's")
    dub(6, folder, "cannot write there", "choose another", out=folder / "out.mp4")


def test_unwritable_shot_folder(refused: Refused, tmp_path: Path, demo_clip, dialogue):
    (tmp_path / "file").write_text("kept")
    shot = tmp_path / "file" / "a.relip"
    refused(6, ["new", shot, "--plate", demo_clip.path], shot, "a file stands")
    grid = tmp_path / "file" / "a.TextGrid"
    refused(
        6, ["align", dialogue.audio, "--text", dialogue.text, "-o", grid], grid, "a file stands"
    )
    assert (tmp_path / "file").read_text() == "kept"


def test_dialogue_longer_than_the_plate(dub):
    dub(3, "the dialogue ends at", "--when-longer trim", "pingpong", options=("--frames", "1-20"))


@pytest.mark.parametrize("offset", ["0.9", "-60"])
def test_dialogue_beside_the_plate(relip, refused, tmp_path: Path, demo_clip, dialogue, offset):
    shot = tmp_path / "a.relip"
    made = relip("new", shot, "--plate", demo_clip.path, "--frames", "1-20", "--audio",
                 dialogue.audio, "--when-longer", "trim", f"--offset={offset}")  # fmt: skip
    assert made.code == 0
    refused(
        3,
        ["speech", shot, "--progress", "none"],
        "none of the dialogue lies in the plate",
        "the offset",
    )
    assert not (shot / "speech" / "mouth.csv").exists()


@pytest.mark.parametrize(("how", "rows"), [("trim", 20), ("pingpong", 36)])
def test_dialogue_longer_than_the_plate_cut_or_played_back_and_forth(
    relip, tmp_path: Path, demo_clip, dialogue, how: str, rows: int
):
    shot = tmp_path / "a.relip"
    made = relip("new", shot, "--plate", demo_clip.path, "--frames", "1-20", "--audio",
                 dialogue.audio, "--text", dialogue.text, "--when-longer", how)  # fmt: skip
    assert made.code == 0
    assert relip("speech", shot, "--progress", "none").code == 0
    assert len((shot / "speech" / "mouth.csv").read_text().splitlines()) == rows + 1


def test_unknown_colourspace_names_near_ones(dub):
    dub(3, "ACEScgg", "ACEScg", options=("--colourspace", "ACEScgg"))


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["dubb"],
        ["dub"],
        ["dub", "a.mp4", "--audio", "a.wav"],
        ["run", "a.relip", "--sideways"],
        ["track", "a.relip", "--frames", "1-2"],
        ["render", "a.relip", "--progress", "loud"],
        ["run", "a.relip", "--until", "lunch"],
        ["new", "a.relip", "--plate", "p.mp4", "--offset", "soon"],
    ],
)
def test_usage(refused: Refused, argv: list[object]):
    ended = refused(2, argv, "--help explains")
    assert ended.out == ""  # type: ignore[attr-defined]


def test_no_shot_folder(refused: Refused, tmp_path: Path):
    for command in ("run", "status", "track", "render", "review"):
        refused(3, [command, tmp_path / "no.relip"], tmp_path / "no.relip", "relip new")
    assert files(tmp_path) == []


def test_threads_below_1(refused: Refused, finished_shot: Path):
    refused(2, ["status", finished_shot, "--threads", "-1"], "--threads -1", "give 1 or more")


MODEL = "model/model.safetensors"


@pytest.mark.parametrize("damage", ["text", "half", "empty", "other"])
def test_damaged_model(refused: Refused, shot_copy: Path, damage: str):
    path = shot_copy / MODEL
    whole = path.read_bytes()
    if damage == "other":
        from safetensors.numpy import save_file

        save_file({"x": np.zeros(3, np.float32)}, path)
    else:
        path.write_bytes(
            {"text": b"no model", "half": whole[: len(whole) // 2], "empty": b""}[damage]
        )
    before = files(shot_copy)
    refused(
        5,
        ["render", shot_copy, "--force", "--frames", "1001", "--progress", "none"],
        path,
        "delete",
    )
    assert files(shot_copy) == before


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("track/track.npz", b"PK\x03\x04 no archive"),
        ("track/track.npz", b""),
        ("speech/mouth.csv", b"frame,jawOpen\n1001,wide\n"),
        ("speech/mouth.csv", b"\xff\x00"),
        ("speech/mouth.csv", b"frame,jawOpen\n1,0.5\n"),
        ("speech/phones.TextGrid", b"no TextGrid"),
        ("overrides/phones.TextGrid", b"no TextGrid"),
        ("overrides/mouth.csv", b"frame,jawOpen\n1001,7\n"),
        ("overrides/mouth.csv", b"frame,jawOpen\n1,0.5\n"),
        ("overrides/mask.1001.exr", b"no picture"),
        ("mask/mask.1001.exr", b"no picture"),
        ("shot.toml", b"[plate\npath = 1"),
    ],
)
def test_damaged_files_of_a_shot(refused: Refused, shot_copy: Path, name: str, content: bytes):
    path = shot_copy / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    before = {p: p.read_bytes() for p in (shot_copy / "render").glob("*.exr")}
    refused(
        3, ["render", shot_copy, "--force", "--frames", "1001", "--progress", "none"], path, "; "
    )
    assert {p: p.read_bytes() for p in (shot_copy / "render").glob("*.exr")} == before


def test_a_damaged_textgrid_override_stops_speech(refused: Refused, shot_copy: Path):
    path = shot_copy / "overrides" / "phones.TextGrid"
    path.parent.mkdir()
    path.write_text("no TextGrid")
    refused(3, ["speech", shot_copy, "--progress", "none"], path, "mend or remove the override")


@pytest.mark.parametrize("name", ["render/patch.1001.exr", "overrides/patch.1001.exr"])
def test_a_damaged_patch_fails_its_frame_alone(relip, shot_copy: Path, name: str):
    path = shot_copy / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"no picture")
    argv = ["blend", shot_copy, "--force", "--frames", "1001-1002", "--progress", "none"]
    ended = relip(*argv, "--output", "json")
    assert ended.code == 4 and ended.err == "" and ended.data["done"] == 1
    reason = ended.data["failed"]["1001"]
    assert str(path) in reason and "; " in reason


def test_a_stage_whose_input_is_not_made(refused: Refused, tmp_path: Path, demo_clip, relip):
    shot = tmp_path / "a.relip"
    assert relip("new", shot, "--plate", demo_clip.path).code == 0
    for stage, first in (("mask", "track"), ("train", "track"), ("render", "track"),
                         ("blend", "render")):  # fmt: skip
        refused(3, [stage, shot, "--progress", "none"], f"run relip {first}", shot)
    refused(3, ["speech", shot, "--progress", "none"], "names no dialogue", "set dialogue.audio")


def test_a_plate_frame_that_cannot_be_read(relip, shot_copy: Path, demo_sequence, tmp_path: Path):
    """The rest is done, the report names the frame, the exit code is 4."""
    plate = tmp_path / "plate"
    plate.mkdir()
    for file in demo_sequence.path.parent.glob("*.exr"):
        os.link(file, plate / file.name)
    (plate / "plate.1003.exr").unlink()
    (plate / "plate.1003.exr").write_bytes((plate / "plate.1004.exr").read_bytes()[:3000])
    toml = shot_copy / "shot.toml"
    toml.write_text(toml.read_text().replace(str(demo_sequence.path.parent), str(plate)))
    for stage in ("render", "blend"):
        ended = relip(stage, shot_copy, "--frames", "1001-1005", "--output", "json", "--progress",
                      "none")  # fmt: skip
        assert ended.code == 4 and list(ended.data["failed"]) == ["1003"], ended
    state = relip("status", shot_copy, "--per-frame", "--output", "json").data["stages"]
    assert [s["per_frame"]["1003"] for s in state if s["stage"] in ("render", "blend")] == [
        "failed",
        "failed",
    ]


def full_disk(*_: object) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("stage", ["speech", "mask", "render", "blend"])
def test_disk_full(refused: Refused, shot_copy: Path, monkeypatch: pytest.MonkeyPatch, stage: str):
    """When the last step of writing a file fails: the old file stays, no other is left."""
    before = {f: (shot_copy / f).read_bytes() for f in files(shot_copy)}
    monkeypatch.setattr(os, "replace", full_disk)
    chunk = () if stage == "speech" else ("--frames", "1001-1003")
    refused(
        6,
        [stage, shot_copy, "--force", "--progress", "none", *chunk],
        shot_copy,
        "No space left on device",
        "free some space",
    )
    assert {f: (shot_copy / f).read_bytes() for f in files(shot_copy)} == before


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "tiny"
    folder.mkdir()
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("mounting a disk of 300 kB needs root on Linux")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", folder], capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"no tmpfs here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_disk_that_is_really_full(shot_copy: Path, tiny_disk: Path):
    from relip.blend import stage
    from relip.progress import Progress
    from relip.shot import Shot

    shot = Shot.open(shot_copy)
    with pytest.raises(OutputError, match=str(tiny_disk)) as caught:
        stage.run(
            shot, list(shot.frames), progress=Progress(), target=str(tiny_disk / "c.####.exr")
        )
    assert caught.value.mend
    written = sorted(tiny_disk.iterdir())
    assert 0 < len(written) < 40
    assert [p.name for p in written] == [f"c.{1001 + i}.exr" for i in range(len(written))]
    for path in written:
        assert path.read_bytes() == shot.path("comp", path.name.replace("c.", "comp.")).read_bytes()
