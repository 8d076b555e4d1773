"""relip dub: the whole job in one command."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from relip.demo import make_plate
from relip.dubbing import dub, from_here
from relip.errors import AudioError, SettingError
from relip.plate import open_plate, read_exr
from relip.render import training


@pytest.fixture(autouse=True)
def few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Train for a moment: what is looked at here is not how good the lips are."""
    monkeypatch.setitem(training.STEPS, "draft", 2)


def sound_of(path: Path) -> tuple[int, int, float]:
    """Sample rate, channels and seconds."""
    import av

    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        samples = sum(frame.samples for frame in container.decode(stream))
        return stream.rate, stream.channels, samples / stream.rate


def test_movie_in_movie_out(relip: Callable, tmp_path: Path, demo_clip, dialogue):
    out = tmp_path / "made" / "dubbed.mp4"
    command = ("dub", demo_clip.path, "--audio", dialogue.audio, "--text", dialogue.text, "-o", out,
               "--quality", "draft")  # fmt: skip
    first = relip(*command, "--progress", "json", "--output", "json")
    assert first.code == 0, first
    assert first.data["output"] == str(out)
    lines = [json.loads(line) for line in first.err.splitlines()]
    fractions = [line["fraction"] for line in lines if "fraction" in line]
    assert fractions == sorted(fractions) and fractions[0] == 0 and fractions[-1] == 1
    assert list(dict.fromkeys(line["stage"] for line in lines))[-1] == "movie"
    with open_plate(demo_clip.path) as plate, open_plate(out) as made:
        assert (made.width, made.height, made.rate, made.frames) == (
            plate.width, plate.height, plate.rate, plate.frames,
        )  # fmt: skip
        assert made.info["pix_fmt"] == plate.info["pix_fmt"]
        before, after = plate.read(5).rgb, made.read(5).rgb
        difference = np.abs(before - after).max(-1)
        assert np.median(difference[:60]) < 0.02  # another encoding of the same pixels
    rate, channels, seconds = sound_of(out)
    assert (rate, channels) == (16000, 1) and seconds == pytest.approx(1.6, abs=0.13)
    assert sorted(p.name for p in out.parent.iterdir()) == ["dubbed.mp4", "dubbed.relip"]

    # the second dub into the same folder: another strength, everything slow is reused
    again = relip(*command, "--articulation", "0.5", "--clean", "--output", "json", "--progress",
                  "none")  # fmt: skip
    assert again.code == 0 and again.data["shot"] is None
    kept = {s["stage"]: s["kept"] for s in again.data["stages"]}
    assert (kept["track"], kept["train"], kept["mask"]) == (40, 40, 40)
    assert kept["render"] < 20  # those at rest, which look the same at any strength
    assert [p.name for p in out.parent.iterdir()] == ["dubbed.mp4"]


def test_face_in_half_of_a_sequence(relip: Callable, tmp_path: Path, dialogue):
    """Frames without a face are the plate, reported, and no failure."""
    plate = make_plate(tmp_path / "plate" / "p.####.exr", n_frames=40, size=240, exr=True,
                       faceless_frames=range(18, 38))  # fmt: skip
    ended = relip("dub", plate, "--audio", dialogue.audio, "--text", dialogue.text, "-o",
                  tmp_path / "out" / "comp.####.exr", "--quality", "draft", "--progress", "none",
                  "--output", "json")  # fmt: skip
    assert ended.code == 0, ended
    stages = {s["stage"]: s for s in ended.data["stages"]}
    faceless = stages["track"]["passed"]
    assert set(range(1019, 1039)) <= set(faceless) <= set(range(1016, 1041))
    assert stages["blend"]["passed"] == faceless and stages["blend"]["failed"] == {}
    assert any("no face in frames" in note for note in stages["track"]["notes"])
    made = sorted((tmp_path / "out").glob("comp.*.exr"))
    assert [p.name for p in made] == [f"comp.{f}.exr" for f in range(1001, 1041)]
    for frame in range(1001, 1041):
        old, _, _, _ = read_exr(tmp_path / "plate" / f"p.{frame}.exr")
        new, _, _, _ = read_exr(tmp_path / "out" / f"comp.{frame}.exr")
        assert list(new) == list(old)
        same = all(np.array_equal(new[c], old[c]) for c in old)
        assert same == (frame in faceless), frame
    shot = tmp_path / "out" / "comp.relip"
    assert not (shot / "render" / f"patch.{faceless[0]}.exr").exists()
    # what a damaged record or a lost file needs, and nothing else, is made again
    (shot / "render" / "patch.1002.exr").unlink()
    (tmp_path / "out" / "comp.1003.exr").unlink()
    (tmp_path / "out" / f"comp.{faceless[0]}.exr").unlink()
    before = made[10].stat().st_mtime_ns
    outcome = dub(plate, audio=dialogue.audio, text=dialogue.text, quality="draft",
                  output=tmp_path / "out" / "comp.####.exr")  # fmt: skip
    done = {r.stage: r.done for r in outcome.reports}
    assert done["train"] == [] and done["render"] == [1002]
    assert done["blend"] == [1003, faceless[0]] and made[10].stat().st_mtime_ns == before


def test_pingpong_movie(relip: Callable, tmp_path: Path, demo_clip, dialogue):
    out = tmp_path / "long.mov"
    ended = relip("dub", demo_clip.path, "--frames", "1-20", "--audio", dialogue.audio, "--text",
                  dialogue.text, "-o", out, "--quality", "draft", "--when-longer", "pingpong",
                  "--progress", "none")  # fmt: skip
    assert ended.code == 0, ended
    with open_plate(out) as made:
        assert len(made.frames) == 36
    assert sound_of(out)[2] == pytest.approx(36 / 25, abs=0.05)


def test_kinds_of_output(refused: Callable, tmp_path: Path, demo_clip, demo_sequence, dialogue):
    def wrong(plate: Path, out: Path, *words: object) -> None:
        refused(2, ["dub", plate, "--audio", dialogue.audio, "-o", out], out, *words)
        assert list(tmp_path.iterdir()) == []

    wrong(demo_clip.path, tmp_path / "o.gif", "is not an output", ".mp4")
    wrong(demo_clip.path, tmp_path / "o", "a name without ending is not an output")
    wrong(demo_clip.path, tmp_path / "o.####.exr", "the plate gives a movie", "change")
    wrong(demo_sequence.path, tmp_path / "o.mp4", "the plate gives a sequence", "change")
    wrong(demo_sequence.path, tmp_path / "o.exr", "a place for the frame number", "name.####.exr")


def test_an_input_is_never_overwritten(refused: Callable, tmp_path: Path, demo_clip, dialogue,
                                       demo_sequence):  # fmt: skip
    link = tmp_path / "link.mp4"
    link.symlink_to(demo_clip.path)
    before = demo_clip.path.read_bytes()
    for out in (demo_clip.path, link):
        refused(2, ["dub", demo_clip.path, "--audio", dialogue.audio, "-o", out], out, "overwrite")
    pattern = str(demo_sequence.path).replace("####", "%04d")
    refused(2, ["dub", demo_sequence.path, "--audio", dialogue.audio, "-o", pattern], "overwrite")
    refused(2, ["dub", demo_clip.path, "--audio", link, "-o", link], "overwrite")
    assert demo_clip.path.read_bytes() == before


def test_clean_removes_nothing_that_is_not_its_own(tmp_path: Path, finished_shot, shot_copy: Path):
    from relip.dubbing import _remove

    (shot_copy / "notes.txt").write_text("mine")
    (shot_copy / "overrides").mkdir()
    (shot_copy / "overrides" / "mouth.csv").write_text("mine")
    _remove(shot_copy)
    assert sorted(p.name for p in shot_copy.iterdir()) == ["notes.txt", "overrides"]
    assert (shot_copy / "overrides" / "mouth.csv").exists()


def test_python_calls_it_as_often_as_it_likes(tmp_path: Path, dialogue):
    """A module of the function's own name took its place in the package when it was loaded."""
    import relip

    for _ in range(2):
        with pytest.raises(relip.RelipError, match="does not exist"):
            relip.dub(tmp_path / "no.mp4", audio=dialogue.audio, output=tmp_path / "out.mp4")
    for name in relip.__all__:
        assert not isinstance(getattr(relip, name), ModuleType), name


def test_files_in_further_sections_are_those_of_the_current_folder(
    tmp_path: Path, demo_clip, dialogue, monkeypatch: pytest.MonkeyPatch
):
    """Not of a shot folder that is not there yet."""
    monkeypatch.chdir(tmp_path)
    given = {"audio": dialogue.audio, "output": tmp_path / "out.mp4"}
    with pytest.raises(AudioError, match=f"production sound {tmp_path / 'set.wav'} does not"):
        dub(demo_clip.path, **given, dialogue={"production_audio": "set.wav"})
    found = from_here({"train": {"extra": ["b.mp4"], "steps": 5}, "mask": {"grow": 0.1}})
    assert found == {"train": {"extra": [str(tmp_path / "b.mp4")], "steps": 5},
                     "mask": {"grow": 0.1}}  # fmt: skip
    with pytest.raises(SettingError, match="must be a section"):
        dub(demo_clip.path, **given, mask=3)
