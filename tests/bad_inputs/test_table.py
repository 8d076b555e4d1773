"""One table of bad inputs: what is given, the exit code, and what the message must say.

A row is ``(what, content, code, words)``: a file with this content is given to
the reader of its kind, which must refuse it with one line that names the file.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from relip.errors import RelipError


@functools.lru_cache(maxsize=1)
def exr() -> bytes:
    """A good EXR of 8 x 8, to be spoilt."""
    import tempfile

    from relip.plate import write_exr

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.exr"
        picture = np.random.default_rng(0).random((8, 8, 3)).astype(np.float32)
        write_exr(path, picture, display=(8, 8), metadata={"colorInteropID": "lin_ap1_scene"})
        return path.read_bytes()


def poke(data: bytes, name: bytes, offset: int, value: bytes) -> bytes:
    place = data.index(name) + len(name) + 4 + offset
    return data[:place] + value + data[place + len(value) :]


def sized(side: int) -> bytes:
    window = struct.pack("<4i", 0, 0, side - 1, side - 1)
    data = poke(exr(), b"dataWindow\0box2i\0", 0, window)
    return poke(data, b"displayWindow\0box2i\0", 0, window)


def exr_named(name: bytes) -> bytes:
    return exr().replace(b"\0G\0", b"\0" + name + b"\0", 1)


def wave(*, rate: int = 16000, channels: int = 1, bits: int = 16, data: bytes = b"",
         kind: int = 1, promised: int | None = None) -> bytes:  # fmt: skip
    size = len(data) if promised is None else promised
    head = struct.pack("<HHIIHH", kind, channels, rate, rate * channels * bits // 8,
                       channels * bits // 8, bits)  # fmt: skip
    body = b"fmt " + struct.pack("<I", 16) + head + b"data" + struct.pack("<I", size) + data
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


GRID = """File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 1
tiers? <exists>
size = 1
item []:
    item [1]:
        class = "IntervalTier"
        name = "phones"
        xmin = 0
        xmax = 1
        intervals: size = 1
        intervals [1]:
            xmin = 0
            xmax = 1
            text = "AH1"
"""


# What reads a file of each kind, as the commands do.
def plate(path: Path) -> Any:
    from relip.plate import open_plate

    with open_plate(path, colourspace="ACEScg") as opened:
        return opened.read(opened.frames[0])


def sound(path: Path) -> Any:
    from relip.speech import is_silent, load_audio

    audio = load_audio(path)
    if is_silent(audio):
        raise AssertionError("silence is refused by the stage")
    return audio


def transcript(path: Path) -> Any:
    from relip.shot import DialogueSettings, Shot, ShotSettings
    from relip.speech import normalise
    from relip.speech.stage import read_transcript

    shot = Shot(path.parent, ShotSettings(dialogue=DialogueSettings(text=str(path))))
    return normalise(read_transcript(shot) or "")


def shot(path: Path) -> Any:
    from relip.shot import Shot

    path.rename(path.with_name("shot.toml"))
    return Shot.open(path.parent)


def textgrid(path: Path) -> Any:
    from relip.speech import read_textgrid

    return read_textgrid(path)


def mouth(path: Path) -> Any:
    from relip.speech import read_mouth_csv

    return read_mouth_csv(path)


def arkit(path: Path) -> Any:
    from relip.speech import read_arkit_csv

    return read_arkit_csv(path, range(1, 5), Fraction(25))


def model(path: Path) -> Any:
    from relip.render.model import ShotModel

    return ShotModel.load(path)


def track(path: Path) -> Any:
    from relip.track.facetrack import FaceTrack

    return FaceTrack.load(path)


def record(path: Path) -> Any:
    from relip.rerun import rerun

    return rerun(path)


def toml(text: str) -> bytes:
    return text.encode()


#: ``plate.exr`` names the reader and the suffix; two rows may share a name.
TABLE: list[tuple[str, Callable[[], bytes] | bytes, int, tuple[str, ...]]] = [
    # Plates
    ("plate.exr", b"", 3, ("not an image",)),
    ("plate.exr", b"v/1\x01", 3, ("not an image",)),
    ("plate.exr", b"no picture " * 50, 3, ("not an image",)),
    ("plate.exr", lambda: exr()[:60], 3, ("not an image",)),
    ("plate.exr", lambda: exr()[: len(exr()) // 2], 3, ()),
    ("plate.exr", lambda: exr()[:-40], 3, ()),
    ("plate.exr", lambda: sized(100_000), 3, ()),
    ("plate.exr", lambda: sized(2_000_000_000), 3, ()),
    ("plate.exr", lambda: exr_named(b"X"), 3, ("no channels R, G, B",)),
    ("plate.exr", lambda: poke(exr(), b"channels\0chlist\0", 2, b"\x09"), 3, ()),
    ("plate.png", b"\x89PNG\r\n\x1a\n", 3, ()),
    ("plate.png", b"\x89PNG\r\n\x1a\n" + b"\0" * 60, 3, ()),
    ("plate.dpx", b"SDPX" + b"\xff" * 100, 3, ()),
    ("plate.dpx", b"XPDS" + b"\0" * 3000, 3, ()),
    ("plate.tif", b"II*\0\x08\0\0\0\xff\xff", 3, ()),
    ("plate.tif", b"MM\0*", 3, ()),
    ("plate.jpg", b"\xff\xd8\xff\xe0", 3, ()),
    ("plate.hdr", b"#?RADIANCE\n\n-Y 9999999 +X 9999999\n", 3, ()),
    ("plate.mp4", b"", 3, ("is empty", "copy it again")),
    ("plate.mp4", b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", 3, ()),
    ("plate.mp4", b"this is no movie\n" * 99, 3, ("not a movie",)),
    ("plate.mov", b"\0\0\0\x08moov", 3, ()),
    ("plate.mkv", b"\x1aE\xdf\xa3" + b"\xff" * 64, 3, ()),
    ("plate.avi", b"RIFF\xff\xff\xff\xffAVI LIST", 3, ()),
    # Sound
    ("sound.wav", b"", 3, ()),
    ("sound.wav", b"RIFF", 3, ()),
    ("sound.wav", b"no sound\n" * 99, 3, ("give a sound",)),
    ("sound.wav", lambda: wave(), 3, ("0 s long",)),
    ("sound.wav", lambda: wave(data=b"\0" * 40), 3, ("0 s long",)),
    ("sound.wav", lambda: wave(rate=0, data=b"\1" * 3200), 3, ()),
    ("sound.wav", lambda: wave(channels=0, data=b"\1" * 3200), 3, ()),
    ("sound.wav", lambda: wave(kind=0x7777, data=b"\1" * 3200), 3, ()),
    ("sound.wav", lambda: wave(kind=3, bits=32, data=struct.pack("<f", np.nan) * 4000), 3,
     ("not numbers",)),
    ("sound.flac", b"fLaC" + b"\0" * 40, 3, ()),
    ("sound.mp3", b"ID3\x04\0\0\0\0\0\0", 3, ()),
    ("sound.ogg", b"OggS" + b"\xff" * 60, 3, ()),
    # Transcripts
    ("transcript.txt", b"", 3, ("empty",)),
    ("transcript.txt", b" \n\t ", 3, ("empty",)),
    ("transcript.txt", b"\xef\xbb\xbf", 3, ("empty",)),
    ("transcript.txt", b"\xff\xfeh\0i\0", 3, ("UTF-8",)),
    ("transcript.txt", b"\x80\x81\x82", 3, ("UTF-8",)),
    # Shots
    ("shot.txt", b"[plate\n", 3, ("cannot be read",)),
    ("shot.txt", b"\xff\xfe", 3, ("cannot be read",)),
    ("shot.txt", b"version = 99\n", 3, ("version 99",)),
    ("shot.txt", b"[lunch]\nwhen = 1\n", 2, ("unknown section", "lunch")),
    ("shot.txt", b"plate = 3\n", 2, ("must be a section",)),
    ("shot.txt", b"[plate]\npaht = 'a'\n", 2, ("unknown setting plate.paht",)),
    ("shot.txt", b"[plate]\npath = 3\n", 2, ("plate.path",)),
    ("shot.txt", b"[plate]\nmissing = 'guess'\n", 2, ("plate.missing", "hold")),
    ("shot.txt", b"[plate]\nduplicates = ''\n", 2, ("plate.duplicates",)),
    ("shot.txt", b"[plate]\ninterlaced = 'yes'\n", 2, ("plate.interlaced",)),
    ("shot.txt", b"[mask]\nfeather = 9.0\n", 2, ("mask.feather", "between")),
    ("shot.txt", b"[mask]\nfeather = nan\n", 2, ("mask.feather",)),
    ("shot.txt", b"[mask]\ngrow = -inf\n", 2, ("mask.grow",)),
    ("shot.txt", b"[train]\nsteps = -1\n", 2, ("train.steps",)),
    ("shot.txt", b"[train]\nsteps = 1.5\n", 2, ("train.steps",)),
    ("shot.txt", b"[train]\nquality = 'best'\n", 2, ("train.quality", "draft")),
    ("shot.txt", b"[train]\ndevice = 'abacus'\n", 2, ("train.device",)),
    ("shot.txt", b"[render]\ndrive = 'csv'\n", 2, ("render.csv",)),
    ("shot.txt", b"[render]\nlayers = ['depth']\n", 2, ("render.layers",)),
    ("shot.txt", b"[render]\narticulation = true\n", 2, ("render.articulation",)),
    ("shot.txt", b"[blend]\nmix = 2\n", 2, ("blend.mix",)),
    ("shot.txt", b"[dialogue]\noffset = 1e9\n", 2, ("dialogue.offset",)),
    # TextGrids
    ("textgrid.TextGrid", b"", 3, ()),
    ("textgrid.TextGrid", b"no TextGrid", 3, ()),
    ("textgrid.TextGrid", b"\xff\xfe\0", 3, ()),
    ("textgrid.TextGrid", GRID[:200].encode(), 3, ()),
    ("textgrid.TextGrid", GRID.replace("phones", "lunch").encode(), 3, ()),
    ("textgrid.TextGrid", GRID.replace("xmax = 1\n            text", "xmax = -1\n            text")
     .encode(), 3, ()),
    ("textgrid.TextGrid", GRID.replace("xmin = 0\n", "xmin = soon\n").encode(), 3, ()),
    # Mouth controls
    ("mouth.csv", b"", 3, ()),
    ("mouth.csv", b"\xff\x00", 3, ("UTF-8",)),
    ("mouth.csv", b"frame,jawOpen\n", 3, ()),
    ("mouth.csv", b"jawOpen\n1\n", 3, ()),
    ("mouth.csv", b"frame,jawOpen\n1,wide\n", 3, ("line 2", "column 2")),
    ("mouth.csv", b"frame,jawOpen\n1,nan\n", 3, ("not a number",)),
    ("mouth.csv", b"frame,jawOpen\n1,7\n", 3, ("between 0 and 1",)),
    ("mouth.csv", b"frame,jawOpen\n1\n", 3, ("1 columns",)),
    ("mouth.csv", b"frame,jawOpen\nx,1\n", 3, ("not a frame number",)),
    ("mouth.csv", b"frame,jawOpen\n2,1\n1,1\n", 3, ("does not come after",)),
    ("arkit.csv", b"", 3, ()),
    ("arkit.csv", b"Timecode,BlendshapeCount\n", 3, ()),
    ("arkit.csv", b"a,b\n1,2\n", 3, ()),
    ("arkit.csv", b"Timecode,BlendshapeCount,JawOpen\n00:00:00:00,61,wide\n", 3, ()),
    # Models, tracks and records
    ("model.safetensors", b"", 5, ("damaged model", "relip train")),
    ("model.safetensors", b"no model", 5, ("damaged model",)),
    ("model.safetensors", b"\xff" * 64, 5, ("damaged model",)),
    ("model.safetensors", struct.pack("<Q", 1 << 60) + b"{}", 5, ("damaged model",)),
    ("model.safetensors", struct.pack("<Q", 2) + b"{}", 5, ("damaged model",)),
    ("model.safetensors", b"\x80\x04\x95pickled", 5, ("damaged model",)),
    ("track.npz", b"", 3, ("damaged",)),
    ("track.npz", b"PK\x03\x04 no archive", 3, ("damaged",)),
    ("track.npz", b"PK\x05\x06" + b"\0" * 18, 3, ("holds no",)),
    ("record.json", b"{", 3, ("damaged",)),
    ("record.json", b"[]", 3, ("no record",)),
    ("record.json", b'{"stage": "render"}', 3, ("no record",)),
]  # fmt: skip

READERS = {
    f.__name__: f
    for f in (plate, sound, transcript, shot, textgrid, mouth, arkit, model, track, record)
}


def test_the_table_is_long_enough():
    assert len(TABLE) >= 60


@pytest.mark.parametrize("row", range(len(TABLE)), ids=lambda i: f"{i}-{TABLE[i][0]}")
def test_bad_input(tmp_path: Path, row: int):
    name, content, code, words = TABLE[row]
    path = tmp_path / name
    path.write_bytes(content() if callable(content) else content)
    with pytest.raises(RelipError) as caught:
        READERS[path.stem](path)
    text = str(caught.value)
    assert caught.value.exit_code == code, text
    assert text.count("\n") == 0 and len(text) < 600
    where = "shot.toml" if path.stem == "shot" else path.name
    assert where in text or (path.stem == "transcript" and words == ())
    for word in words:
        assert word in text, text
    left = [p.name for p in tmp_path.iterdir() if p.name != where]
    assert left == [], "nothing is left beside it"


def test_a_dialogue_too_long_is_refused_while_it_is_read(tmp_path: Path, monkeypatch):
    from relip.speech import audio, load_audio

    monkeypatch.setattr(audio, "MAX_SECONDS", 2)
    path = tmp_path / "long.wav"
    path.write_bytes(wave(data=b"\1\1" * 16000 * 5))
    with pytest.raises(RelipError, match=r"long\.wav is longer than"):
        load_audio(path)
    path.write_bytes(wave(data=b"\1\1" * 16000))
    assert load_audio(path).duration == pytest.approx(1.0)
