"""The demo's files: readable by anyone, complete or absent, and made once."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import OpenImageIO as oiio
import pytest

from relip.demo import Demo, Scene, make_demo, make_plate
from relip.errors import OutputError, SettingError
from relip.plate import open_plate
from relip.progress import Progress
from relip.records import read_npz
from relip.speech import load_audio, read_textgrid

SMALL = {"seconds": 0.6, "size": 160}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    return make_demo(tmp_path_factory.mktemp("demo"), **SMALL)


def test_movie(demo: Demo):
    with av.open(str(demo.plate)) as movie:
        video, sound = movie.streams.video[0], movie.streams.audio[0]
        assert (video.width, video.height, video.average_rate) == (160, 160, 25)
        assert video.codec_context.name == "h264"
        assert video.codec_context.pix_fmt == "yuv420p"
        assert sound.codec_context.name == "aac"
        pictures = [f.to_ndarray(format="rgb24") for f in movie.decode(video)]
    assert len(pictures) == 15
    plate = open_plate(demo.plate)
    assert len(plate.frames) == 15
    assert plate.rate == Fraction(25)
    frame = list(plate.frames)[7]
    made = Scene(15, size=160).render(7)
    got = plate.read(frame).rgb
    # Chroma is halved and the codec rounds; the picture stays.
    assert np.abs(got.astype(float) - made).mean() < 0.015
    assert load_audio(demo.plate).duration == pytest.approx(0.6, abs=0.1)


def test_dialogue(demo: Demo):
    sound = load_audio(demo.audio)
    assert sound.rate == 16000
    assert 4 < sound.duration < 8
    assert np.abs(sound.samples).max() > 0.1
    words = demo.text.read_text("utf-8").split()
    alignment = read_textgrid(demo.textgrid)
    assert len([w for w in alignment.words if w.label]) == len(words)
    assert alignment.duration == pytest.approx(sound.duration, abs=0.05)


def test_truth(demo: Demo):
    truth = read_npz(demo.truth)
    shapes = {"controls": (10,), "opening": (), "inner_lips": (20, 2), "outer_lips": (20, 2),
              "jaw": (21, 2), "rigid": (2, 3), "face_width": (), "covered": ()}  # fmt: skip
    for name, shape in shapes.items():
        assert truth[name].shape == (15, *shape)
        assert truth[name].dtype == np.float64
        assert np.isfinite(truth[name]).all()
    scene = Scene(15, size=160)
    np.testing.assert_array_equal(truth["inner_lips"][9], scene.truth(9).inner_lips)
    np.testing.assert_array_equal(truth["controls"], scene.controls)
    assert truth["fps"].tolist() == [25, 1]


def test_a_movie_is_the_same_to_the_byte_every_time(tmp_path: Path):
    made = set()
    for number in range(8):
        path = tmp_path / f"{number}.mp4"
        make_plate(path, n_frames=18, size=320, faceless_frames=(10,))
        made.add(path.read_bytes())
    assert len(made) == 1


def test_made_once_and_remade_when_something_differs(tmp_path: Path):
    small = {"seconds": 0.12, "size": 128}
    first = make_demo(tmp_path, **small)
    stamps = {p.name: p.stat().st_mtime_ns for p in tmp_path.iterdir()}
    pixels = first.plate.read_bytes()
    assert make_demo(tmp_path, **small) == first
    assert {p.name: p.stat().st_mtime_ns for p in tmp_path.iterdir()} == stamps
    first.plate.write_bytes(pixels[:-100])  # damaged
    make_demo(tmp_path, **small)
    assert first.plate.read_bytes() == pixels  # and the movie is the same to the byte
    first.truth.unlink()
    make_demo(tmp_path, **small)
    assert first.truth.is_file()
    make_demo(tmp_path, seconds=0.12, size=128, seed=1)
    assert first.plate.read_bytes() != pixels
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(stamps)  # nothing left lying


def test_progress_counts_frames(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    make_demo(tmp_path, seconds=0.12, size=128, progress=Progress("json"))
    assert '"done": 3, "total": 3' in capsys.readouterr().err


@pytest.mark.parametrize("seconds", [0, -1, 1e9, float("nan")])
def test_bad_length(tmp_path: Path, seconds: float):
    with pytest.raises(SettingError, match="demo of"):
        make_demo(tmp_path / "new", seconds=seconds)
    assert not (tmp_path / "new").exists()


def test_folder_that_cannot_be_made(tmp_path: Path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError):
        make_demo(tmp_path / "file" / "demo", seconds=0.12, size=128)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_folder_that_cannot_be_written(tmp_path: Path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(OutputError):
            make_demo(tmp_path, seconds=0.12, size=128)
    finally:
        tmp_path.chmod(0o700)


def test_plate_of_another_rate(tmp_path: Path):
    path = make_plate(tmp_path / "p.mp4", n_frames=5, size=128, fps=Fraction(24000, 1001),
                      truth=tmp_path / "t.npz")  # fmt: skip
    assert open_plate(path).rate == Fraction(24000, 1001)
    assert read_npz(tmp_path / "t.npz")["fps"].tolist() == [24000, 1001]


@pytest.mark.parametrize("space", ["ACEScg", "Linear Rec.709 (sRGB)"])
@pytest.mark.parametrize("half", [True, False])
def test_exr_sequence(tmp_path: Path, space: str, half: bool):
    pattern = make_plate(tmp_path / "seq" / "sh.####.exr", n_frames=3, size=128, exr=True,
                         colourspace=space, half=half, fps=Fraction(24), first=1001)  # fmt: skip
    names = sorted(p.name for p in pattern.parent.iterdir())
    assert names == ["sh.1001.exr", "sh.1002.exr", "sh.1003.exr"]
    plate = open_plate(pattern)
    assert list(plate.frames) == [1001, 1002, 1003]
    assert plate.rate == 24
    assert plate.colourspace in (space, "lin_rec709", "lin_ap1")
    picture = plate.read(1002)
    header = oiio.ImageInput.open(str(tmp_path / "seq" / "sh.1002.exr")).spec()
    assert str(header.format) == ("half" if half else "float")
    assert header.getattribute("smpte:TimeCode")[0] == 0x00004118  # 00:00:41:18
    assert header.getattribute("slate") == "demo_010"
    from relip.plate import to_display

    shown = to_display(picture.rgb, plate.colourspace)
    made = Scene(3, Fraction(24), size=128).render(1)
    assert np.abs(shown / 255.0 - made).max() < 0.01


@pytest.mark.parametrize(
    "bad",
    [{"path": "p.mov"}, {"path": "p.mp4", "exr": True}, {"path": "p.exr", "exr": True},
     {"path": "p.####.exr", "exr": True, "colourspace": "sRGB"},
     {"path": "p.####.exr", "exr": True, "first": -5},
     {"path": "p.####.exr", "exr": True, "fps": Fraction(60)},
     {"path": "p.mp4", "size": 129}],
)  # fmt: skip
def test_bad_plate(tmp_path: Path, bad: dict):
    path = tmp_path / bad["path"]
    with pytest.raises(SettingError):
        make_plate(**{"n_frames": 2, "size": 128, **bad, "path": path})
    assert list(tmp_path.iterdir()) == []
