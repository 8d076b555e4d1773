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


def tiled(height: int) -> bytes:
    """A good EXR of 24 x 16 in tiles of 16 x 16, which are said to be of another height."""
    import tempfile

    import OpenImageIO as oiio

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.exr"
        spec = oiio.ImageSpec(24, 16, 3, "half")
        spec.tile_width = spec.tile_height = 16
        output = oiio.ImageOutput.create(str(path))
        output.open(str(path), spec)
        output.write_image(np.zeros((16, 24, 3), np.float32))
        output.close()
        return poke(path.read_bytes(), b"tiles\0tiledesc\0", 4, struct.pack("<I", height))


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


def script(path: Path) -> Any:
    from relip.speech.script import read_script

    return read_script(path)


def lexicon(path: Path) -> Any:
    from relip.speech import read_lexicon

    return read_lexicon(path)


def curves(path: Path) -> Any:
    from relip.speech.nuke_curves import read_nuke_curves

    return read_nuke_curves(path)


def models(path: Path) -> Any:
    from relip.render.catalogue import read_models

    return read_models(path)


def parsers(path: Path) -> Any:
    from relip.mask import external

    with pytest.MonkeyPatch.context() as patched:
        patched.setenv(external.VARIABLE, str(path))
        return external.find_parser("parser")


def gizmos(path: Path) -> Any:
    from relip.gizmo.manifest import read_manifest

    return read_manifest(path)


def override(path: Path) -> Any:
    from relip.track.overrides import read_offsets, read_tracks

    frames = range(1001, 1011)
    return read_offsets(path, frames), read_tracks(path, frames)


def points(path: Path) -> Any:
    from relip.handoff.coordinates import Format
    from relip.handoff.tracks import read_tracks

    return read_tracks(path, Format(64, 48), first_frame=1001)


def comp(path: Path) -> Any:
    from relip.handoff import nk

    return nk.read(path)


def ocio(path: Path) -> Any:
    from relip.plate.colour import Colour

    found = Colour(path)
    return found.names(), found.from_file_rules("a/plate.exr")


def pathmap(path: Path) -> Any:
    from relip.pathmap import parse

    return parse(str(path))


def kept(path: Path) -> Any:
    """A stage's record, and a frame's status, as every command reads them."""
    from relip.records import FrameRecord, read_record

    status = path.parent / "status" / "1001.json"
    status.parent.mkdir(exist_ok=True)
    status.write_bytes(path.read_bytes())
    try:
        return read_record(path.parent, path.name), FrameRecord(path.parent).get(1001)
    finally:
        status.unlink()
        status.parent.rmdir()


def zipped(size: int) -> bytes:
    """An .npz with one array of zeros that is said to be of this many bytes."""
    import io
    import zipfile

    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        head, {"descr": "|u1", "fortran_order": False, "shape": (size,)}
    )
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("frames.npy", head.getvalue() + b"\0" * 16)
    data = bytearray(file.getvalue())
    # both of the archive's notes of how large it is unpacked
    for mark, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        place = data.index(mark) + offset
        data[place : place + 4] = struct.pack("<I", min(size, 2**32 - 2))
    return bytes(data)


def tracked(**changed: Any) -> bytes:
    """A good track of three frames, its arrays changed; None leaves one out."""
    import io

    count = 3
    arrays: dict[str, Any] = {
        "frames": np.arange(1001, 1001 + count),
        "landmarks": np.zeros((count, 478, 3), np.float32),
        "transform": np.zeros((count, 2, 3)),
        "visible": np.ones(count, bool),
        "confidence": np.ones(count, np.float32),
        "shape": np.zeros((478, 2)),
        "face_width": np.array(100.0),
        "run": np.zeros(count, np.int64),
        "mix": np.ones(count),
        "bridged": np.zeros(count, bool),
        "regions": np.ones((count, 3), np.float32),
        "angles": np.zeros((count, 3), np.float32),
    } | changed
    file = io.BytesIO()
    np.savez(file, **{name: value for name, value in arrays.items() if value is not None})
    return file.getvalue()


#: A renderer of a models.toml, to be spoilt.
RENDERER = """[[renderer]]
name = "lips"
adapter = "mel96"
file = "lips.pt"
format = "torchscript"
sha256 = "%s"
licence = "own"
commercial = true
""" % ("0" * 64)

PARSER = """[[parser]]
name = "parser"
file = "parser.onnx"
format = "onnx"
sha256 = "%s"
licence = "own"
commercial = true
size = 512
[parser.labels]
skin = [1]
hair = [17]
""" % ("0" * 64)

CUES = """1
00:00:00,000 --> 00:00:01,500
<i>Five</i> big plums

2
00:00:02,000 --> 00:00:03,000
again
"""

AFTER_EFFECTS = (
    "Adobe After Effects 8.0 Keyframe Data\n\n\tUnits Per Second\t24\n\tSource Width\t64\n"
    "\tSource Height\t48\n\nPosition\n\tFrame\tX pixels\tY pixels\n\t0\t10\t12\n"
    "\t1\t11\t12.5\n\nEnd of Keyframe Data\n"
)


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
    ("plate.exr", lambda: tiled(1 << 28), 3, ("tiles are 16x268435456", "copy")),
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
    ("transcript.txt", b"\xff\xfeh\0\0\xd8", 3, ("UTF-8",)),
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
    ("textgrid.TextGrid", GRID.replace("size = 1\nitem", "size = 1e999\nitem").encode(), 3,
     ("inf tiers",)),
    ("textgrid.TextGrid", GRID.replace("intervals: size = 1", "intervals: size = -1e999").encode(),
     3, ("-inf tiers or intervals",)),
    ("textgrid.TextGrid", GRID.replace("xmax = 1\ntiers", "xmax = 1e999\ntiers").encode(), 3,
     ("inf s long",)),
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
    ("track.npz", lambda: zipped(5 << 30), 3, ("damaged", "bytes", "delete it")),
    ("track.npz", lambda: tracked(angles=None), 3, ("holds no", "angles", "relip track")),
    ("track.npz", lambda: tracked(landmarks=np.zeros((3, 68, 3))), 3, ("landmarks is",)),
    ("track.npz", lambda: tracked(landmarks=np.full((3, 478, 3), np.nan)), 3, ("no place",)),
    ("track.npz", lambda: tracked(visible=np.array(["a", "b", "c"])), 3, ("visible is",)),
    ("track.npz", lambda: tracked(frames=np.array([1001, 1003, 1004])), 3, ("not one run",)),
    ("track.npz", lambda: tracked(frames=np.zeros(0, np.int64)), 3, ("damaged",)),
    ("track.npz", lambda: tracked(face_width=np.array(0.0)), 3, ("no size",)),
    ("record.json", b"{", 3, ("damaged", "delete it")),
    ("record.json", b"[]", 3, ("not a record",)),
    ("record.json", b'{"stage": "render"}', 3, ("no record",)),
    ("record.json", b'{"stage": "render", "again": 3}', 3, ("again",)),
    ("record.json", b"[" * 100_000, 3, ("damaged",)),
    ("kept.json", b"\xff\xfe", 3, ("damaged", "delete it")),
    ("kept.json", b'{"notes": "all fine"}', 3, ("its notes",)),
    ("kept.json", b'{"reasons": {"soon": "no face"}}', 3, ("its reasons",)),
    ("kept.json", b'{"faceless": ["1001"]}', 3, ("its faceless",)),
    ("kept.json", b'{"key": {"a": 1}}', 3, ("its key",)),
    ("kept.json", b'{"target": ["a.exr"]}', 3, ("its target",)),
    # More of the shot's settings
    ("shot.txt", b"[mask]\nfeather = 1" + b"0" * 400, 2, ("mask.feather",)),
    ("shot.txt", b"[train]\nsteps = 1" + b"0" * 400, 2, ("train.steps",)),
    ("shot.txt", b"[train]\nsteps = 1" + b"0" * 5000, 3, ("cannot be read",)),
    ("shot.txt", b"a = " + b"[" * 5000, 3, ("cannot be read",)),
    ("shot.txt", b'[plate]\npath = "a\\u0000.exr"\n', 2, ("plate.path", "zero byte")),
    # Transcripts with times
    ("script.srt", b"", 3, ("holds no subtitles", "SRT")),
    ("script.srt", b"\xff\xfe\0", 3, ("UTF-8",)),
    ("script.srt", CUES.replace("00:00:01,500", "00:00:00,000").replace("00:00:00,000 -->",
     "00:00:01,000 -->").encode(), 3, ("ends at", "before it starts")),
    ("script.srt", CUES.replace("00:00:00", "9" * 5000 + ":00:00").encode()[:5050], 3,
     ("holds no subtitles",)),
    ("script.vtt", b"WEBVTT\n\nNOTE nothing\n", 3, ("holds no subtitles",)),
    ("script.tsv", b"", 3, ("no mouth cues",)),
    ("script.tsv", b"0\tX\nsoon\tA\n", 3, ("line 2", "not a time and a shape")),
    ("script.tsv", b"0\tX\n1\tQ\n2\tX\n", 3, ("cue 2", "unknown")),
    ("script.json", b"{", 3, ("not a Rhubarb result",)),
    ("script.json", b'{"mouthCues": [{"start": 1' + b"0" * 400 + b', "end": 2, "value": "A"}]}', 3,
     ("not a Rhubarb result",)),
    ("script.json", b"[" * 100_000, 3, ("not a Rhubarb result",)),
    ("lexicon.txt", b"\xff\xfe\0", 3, ("UTF-8",)),
    ("lexicon.txt", b"plum\n", 3, ("line 1", "plum")),
    ("lexicon.txt", b"plum P L QQ9 M\n", 3, ("line 1", "plum")),
    # Scripts of Nuke and curves in them
    ("comp.nk", b"Read {\n file a.exr\n", 3, ()),
    ("comp.nk", b"\xff\xfe\0 no script", 3, ()),
    ("comp.nk", b"Read {\n name \"[exec rm -rf /]\"\n}\nexec rm -rf /\n", 3, ()),
    ("comp.nk", b"Group {\n" * 5000, 3, ()),
    ("comp.nk", b"}\n", 3, ()),
    ("curves.nk", b"", 3, ("no mouth curves",)),
    ("curves.nk", b"\xff\xfe", 3, ("cannot read",)),
    ("curves.nk", b" jawOpen {{curve x1 wide}}\n", 3, ("jawOpen", "not a number")),
    ("curves.nk", b" jawOpen {{curve x" + b"9" * 5000 + b" 1}}\n", 3, ("jawOpen", "no frame")),
    ("curves.nk", b" jawOpen {{curve x1 0}}\n mouthClose {{curve x2 0}}\n", 3, ("mouthClose",)),
    # Tracks of other tools, and the artist's word
    ("points.txt", b"", 3, ("holds no track",)),
    ("points.txt", b"1001 10\n", 3, ("line 1", "frame, x and y")),
    ("points.txt", b"1001 10 nan\n", 3, ("line 1",)),
    ("points.txt", b"1001 1e30 10\n", 3, ("far outside",)),
    ("points.txt", AFTER_EFFECTS.replace("Width\t64", "Width\t0").encode(), 3, ("line 4", "size")),
    ("points.txt", AFTER_EFFECTS.replace("11\t", "wide\t").encode(), 3, ("line 10",)),
    ("points.json", b'{"format": "else"}', 3, ("not a track by Relip",)),
    ("points.json", b'{"format": ' + b"[" * 100_000, 3, ("not a track by Relip",)),
    ("points.nk", b"Blur {\n name Blur1\n}\n", 3, ("no tracker or corner pin",)),
    ("points.nk", b"Tracker4 {\n tracks {{1 31 1} {{5 1 20}} {{}}}\n name T\n}\n", 3, ()),
    ("override.json", b"[1]", 3, ("not a track override", "offsets")),
    ("override.json", b'{"offsets": {"1001": {"ear": [0, 0]}}}', 3, ("not a track override",)),
    ("override.json", b'{"offsets": {"1001": {"13": [1]}}}', 3, ("not a track override",)),
    ("override.json", b'{"offsets": {"1001": {"13": [1' + b"0" * 400 + b", 0]}}}", 3,
     ("not a track override",)),
    ("override.json", b'{"alignment": {"tracks": {}}}', 3, ("alignment", "relip track")),
    ("override.json", b"[" * 100_000, 3, ("damaged",)),
    # Descriptions of models and gizmos, colour, path maps
    ("models.toml", b"[[renderer]\n", 5, ("cannot be read",)),
    ("models.toml", b"renderer = 3\n", 5, ("no list",)),
    ("models.toml", RENDERER.replace('name = "lips"\n', "").encode(), 5, ("name is missing",)),
    ("models.toml", RENDERER.replace("torchscript", "pickle").encode(), 5, ("format is",)),
    ("models.toml", RENDERER.replace("0" * 64, "0" * 63).encode(), 5, ("sha256",)),
    ("models.toml", RENDERER.replace("true", "1").encode(), 5, ("commercial",)),
    ("models.toml", (RENDERER + RENDERER).encode(), 5, ("is taken",)),
    ("models.toml", b"a = " + b"[" * 5000, 5, ("cannot be read",)),
    ("parsers.toml", PARSER.replace("size = 512", "size = 3").encode(), 5, ("size is 3",)),
    ("parsers.toml", PARSER.replace("[17]", "[-1]").encode(), 5, ("label hair",)),
    ("parsers.toml", PARSER.replace('"parser"', '"other"').encode(), 2, ("no parser", "other")),
    ("gizmos.toml", b"gizmo = 3\n", 3, ("no list",)),
    ("gizmos.toml", b'[[gizmo]]\nclass = "R_v1_0"\nfile = "../a.gizmo"\n', 3, ("beside",)),
    ("ocio.ocio", b"", 3, ()),
    ("ocio.ocio", b"ocio_profile_version: 99\n", 3, ()),
    ("pathmap.json", b"{", 2, ("holds no rules",)),
    ("pathmap.json", b'{"path_mapping_rules": [{"source_path": "a"}]}', 2, ("holds no rules",)),
    ("pathmap.json", b"[" * 100_000, 2, ("holds no rules",)),
]  # fmt: skip

READERS = {
    f.__name__: f
    for f in (
        plate,
        sound,
        transcript,
        shot,
        textgrid,
        mouth,
        arkit,
        model,
        track,
        record,
        kept,
        script,
        lexicon,
        curves,
        models,
        parsers,
        gizmos,
        override,
        points,
        comp,
        ocio,
        pathmap,
    )
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
    assert caught.value.mend, text
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
