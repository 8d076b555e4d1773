"""Damaged files for every reader: none may crash it, hang it, or fill the memory.

    python bench/fuzz.py [--minutes 1] [--readers plate,sound,...] [--seed 0]

Each reader (of the table in ``tests/bad_inputs``, and four of its own: ``splice``,
which writes an EXR again, ``index``, which lists a movie's pictures and decodes the
first and the last, ``nk``, and ``folder``, which spoils one file of a finished shot
folder and asks for its status and a frame of each stage) is given good files with
random damage: bytes changed, cut out, doubled, or swapped for numbers that programs
trip over; and, where the file's form is known, values swapped for others of the wrong
kind (JSON, TOML, .npz, safetensors). It may refuse with a
:class:`relip.errors.RelipError` or read what is there. Anything else is a find: the
file is kept. Each reader runs in a process of its own, with a limit of 4 GB and of
20 s a file, so that crashes of native libraries are finds too.

``python bench/fuzz.py --minutes 10`` is the long run: ten minutes for each reader.
"""

from __future__ import annotations

import argparse
import copy
import importlib.util
import io
import json
import multiprocessing
import os
import random
import re
import signal
import struct
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

NASTY = [b"\0" * 4, b"\xff" * 4, b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\x80",
         struct.pack("<d", float("nan")), b"nan", b"-1", b"1e999", b"\r\n\0"]  # fmt: skip
LIMIT_BYTES, LIMIT_SECONDS = 4 << 30, 20


def table() -> Any:
    """The readers and small inputs of the tests."""
    path = Path(__file__).resolve().parents[1] / "tests" / "bad_inputs" / "test_table.py"
    spec = importlib.util.spec_from_file_location("bad_inputs_table", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def splice(path: Path) -> Any:
    """Write an EXR again with its first two rows changed, without a picture library before it."""
    import numpy as np

    from relip.errors import PlateError
    from relip.plate import exrfile
    from relip.plate.exrsplice import splice as spliced

    data = path.read_bytes()
    try:
        raw = exrfile.parse(data)
        part = raw.parts[0]
        left, top, right, bottom = part.window
        shape = (bottom - top + 1, right - left + 1, len(part.channels))
        if np.prod(shape, dtype=object) > 1 << 22:
            raise exrfile.LayoutError("too large for this test")
        pixels = np.ones(shape, np.float32)
        names = [n for n, _, _ in part.channels]

        def encode(first: int, last: int, kinds: Any, compression: str) -> bytes:
            return data

        return spliced(data, 0, pixels, names, (0, min(2, shape[0])), encode)
    except exrfile.LayoutError as error:
        raise PlateError(str(error)) from None


def index(path: Path) -> Any:
    """List a movie's pictures, decode the first and the last."""
    from relip.plate import open_plate
    from relip.plate.movie_index import movie_index

    found = movie_index(str(path))
    if len(found.grid) > 10_000_000:
        raise AssertionError(f"a grid of {len(found.grid)}")
    with open_plate(path) as opened:
        frames = opened.frames
        return opened.read(frames[0]), opened.read(frames[-1])


def nk(path: Path) -> Any:
    """Read a script, write it again, and read tracks and curves from it."""
    import contextlib

    from relip.errors import RelipError
    from relip.handoff import nk as scripts
    from relip.handoff.coordinates import Format
    from relip.handoff.curves import read_curves
    from relip.handoff.tracks import read_tracks

    with contextlib.suppress(RelipError):
        read_curves(path)
    with contextlib.suppress(RelipError):
        read_tracks(path, Format(64, 48))
    script = scripts.read(path)
    return scripts.format_nodes(script.nodes)


OCIO = """ocio_profile_version: 2
search_path: ""
roles:
  default: lin
  scene_linear: lin
  color_timing: log
file_rules:
  - !<Rule> {name: exr, extension: exr, pattern: "*", colorspace: lin}
  - !<Rule> {name: Default, colorspace: lin}
displays:
  sRGB:
    - !<View> {name: Raw, colorspace: lin}
active_displays: [sRGB]
active_views: [Raw]
colorspaces:
  - !<ColorSpace>
    name: lin
    isdata: false
  - !<ColorSpace>
    name: log
    from_scene_reference: !<LogTransform> {base: 10}
"""

SCRIPT = b"""#! nuke -nx
version 15.1 v1
Root {
 inputs 0
 format "64 48 0 0 64 48 1 small"
}
Read {
 inputs 0
 file a.%04d.exr
 name Read1
}
set N1 [stack 0]
Tracker4 {
 tracks { { 1 31 1 }
{ { 5 1 20 enable e 1 } { 3 1 75 name name 1 } { 2 1 58 track_x track_x 1 } }
{ { {curve K x1 1} "track 1" {curve x1 3 4 5} } } }
 name Tracker1
}
push $N1
CornerPin2D {
 to1 {{curve x1 1 2 3} {curve L x1 0 x9 4}}
 from1 {0 0}
 name CornerPin1
}
NoOp {
 addUserKnob {20 User}
 addUserKnob {7 jawOpen R 0 1}
 jawOpen {{curve x1 0 0.5 x7 1 C x9 0}}
 label "[value jawOpen]\\n\\{"
 name Curves
}
Group {
 name G
}
 Input {
  inputs 0
  name I
 }
 clone node1 {
 }
end_group
"""

#: The finished shot that ``folder`` spoils; made by :func:`make_shot`.
SHOT = Path(tempfile.gettempdir()) / f"relip-fuzz-shot-{os.getuid()}"


def make_shot() -> Path:
    """A finished shot of a few frames, made once."""
    from relip.demo import make_plate
    from relip.shot import Shot, ShotSettings

    shot = SHOT / "a.relip"
    if not (shot / "comp" / "record.json").exists():
        make_plate(SHOT / "p.####.exr", n_frames=10, size=256, exr=True, half=True)
        settings = {
            "plate": {"path": str(SHOT / "p.####.exr"), "colourspace": "ACEScg"},
            "render": {"drive": "track"},
            "train": {"steps": 2},
        }
        Shot.create(shot, ShotSettings.from_dict(settings)).run(until="blend")
    return shot


def folder(path: Path) -> Any:
    """Put a spoilt file into the shot, do what commands do with it, put the good one back.

    The name of ``path`` says which file of the shot it is: ``folder+track+track.npz``.
    """
    import contextlib

    from relip import pipeline, records, rerun
    from relip.errors import RelipError
    from relip.progress import Progress
    from relip.shot import Shot

    name = path.name.split("+", 1)[1]
    place = SHOT / "a.relip" / name.replace("+", "/")
    kept = place.read_bytes()
    quiet = Progress("none")
    try:
        place.write_bytes(path.read_bytes())
        shot = Shot.open(SHOT / "a.relip")
        for stage in ("mask", "render", "blend"):
            with contextlib.suppress(RelipError):
                pipeline.run_stage(shot, stage, frames="1002", progress=quiet)
        if place.name == "record.json":
            with contextlib.suppress(RelipError):
                again = records.read_record(place.parent).get("again", {})
                if isinstance(again.get("keys"), dict):
                    rerun.changed_inputs(shot, "mask", again)
        return pipeline.status(shot)
    finally:
        place.write_bytes(kept)


OWN = {"splice": splice, "index": index, "nk": nk, "folder": folder}


def seeds(module: Any) -> dict[str, list[tuple[str, bytes]]]:
    """Good files by reader: suffix and content."""
    import av
    import numpy as np
    import OpenImageIO as oiio

    found: dict[str, list[tuple[str, bytes]]] = {name: [] for name in (*module.READERS, *OWN)}
    found["plate"].append((".exr", module.exr()))
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        for suffix in ("png", "dpx", "tif", "jpg", "exr"):
            path = Path(folder) / f"a.{suffix}"
            spec = oiio.ImageSpec(24, 16, 3, "half" if suffix == "exr" else "uint8")
            if suffix == "exr":
                spec.tile_width = spec.tile_height = 16
                spec.attribute("compression", "piz")
            output = oiio.ImageOutput.create(str(path))
            output.open(str(path), spec)
            output.write_image(rng.integers(0, 255, (16, 24, 3)).astype(np.uint8))
            output.close()
            found["plate"].append((f".{suffix}", path.read_bytes()))
        for suffix, codec in ((".mp4", "libx264"), (".mov", "prores_ks"), (".mkv", "libx264")):
            path = Path(folder) / f"a{suffix}"
            with av.open(str(path), "w") as container:
                stream = container.add_stream(codec, rate=25)
                stream.width, stream.height = 64, 48
                stream.pix_fmt = "yuv422p10le" if codec == "prores_ks" else "yuv420p"
                for number in range(4):
                    picture = rng.integers(0, 255, (48, 64, 3)).astype(np.uint8)
                    frame = av.VideoFrame.from_ndarray(picture, "rgb24")
                    frame.pts = number
                    container.mux(stream.encode(frame))
                container.mux(stream.encode(None))
            found["plate"].append((suffix, path.read_bytes()))
        found["track"].append((".npz", module.tracked()))
        from safetensors.numpy import save_file

        save_file({"mean": np.zeros(3, np.float32)}, Path(folder) / "m", {"relip": "{}"})
        found["model"].append((".safetensors", (Path(folder) / "m").read_bytes()))
    found["index"] = [(s, d) for s, d in found["plate"] if s in (".mp4", ".mov", ".mkv")]
    found["splice"] = [(s, d) for s, d in found["plate"] if s == ".exr"]
    here = Path(__file__).resolve().parents[1]
    scripts = [*sorted((here / "gizmos").glob("*.gizmo"))[:3]]
    found["nk"] = [(".nk", p.read_bytes()) for p in scripts]
    found["nk"].append((".nk", SCRIPT))
    sine = (np.sin(np.arange(4000) / 9) * 9000).astype("<i2").tobytes()
    found["sound"].append((".wav", module.wave(data=sine)))
    found["transcript"].append((".txt", "Five big plums, 21st of May: £3.50 — né?".encode()))
    found["shot"].append(
        (
            ".txt",
            b"version = 1\n[plate]\npath = 'a.mp4'\nfps = '25'\n"
            b"[mask]\nfeather = 0.1\n[render]\nlayers = ['raw']\n",
        )
    )  # noqa: E501
    found["textgrid"].append((".TextGrid", module.GRID.encode()))
    found["mouth"].append((".csv", b"frame,jawOpen,mouthClose\n1,0.5,0\n2,0.25,1\n"))
    found["arkit"].append((".csv", b"Timecode,BlendshapeCount,JawOpen\n00:00:00:00,61,0.1\n"
                                   b"00:00:00:01,61,0.5\n"))  # fmt: skip
    found["record"].append((".json", b'{"stage": "mask", "again": {"settings": {}, "keys": {}}}'))
    found["kept"].append(
        (
            ".json",
            json.dumps(
                {
                    "stage": "track", "key": "0123", "data": {"visible": 3}, "notes": ["a", "b"],
                    "faceless": [1001, 1002], "reasons": {"1001": "no face"}, "target": "comp",
                    "unreadable": {"1003": "damaged"}, "versions": {"relip": "1"}, "frame": 1001,
                    "again": {"settings": {}, "keys": {"1001": "a"}}, "state": "done", "note": "",
                }
            ).encode(),
        )
    )  # fmt: skip
    cues = module.CUES
    found["script"] = [
        (".srt", cues.encode()),
        (".vtt", ("WEBVTT\n\n" + cues.replace(",", ".") + "&#233;&lt;\n").encode()),
        (".tsv", b"0.00\tX\n0.30\tB\n0.45\tC\n1.20\tX\n"),
        (".json", b'{"mouthCues": [{"start": 0, "end": 0.3, "value": "X"}, '
                  b'{"start": 0.3, "end": 1, "value": "B"}]}'),
        (".TextGrid", module.GRID.encode()),
    ]  # fmt: skip
    found["lexicon"].append((".txt", "plum P L AH1 M\nfive(2)\tf aɪ v\n# no\n".encode()))
    found["curves"].append(
        (".nk", b"NoOp {\n jawOpen {{curve x1 0 x2 0.5 x3 -1e-3}}\n"
                b" mouthClose {{curve x1 1 x2 1 x3 0}}\n}\n")
    )  # fmt: skip
    found["models"].append((".toml", module.RENDERER.encode()))
    found["parsers"].append((".toml", module.PARSER.encode()))
    found["gizmos"].append((".toml", (here / "gizmos" / "gizmos.toml").read_bytes()))
    found["override"].append(
        (
            ".json",
            b'{"offsets": {"1001": {"mouth": [0, 0]}, "1004": {"mouth": [4, -2], "13": [0, 1]}}, '
            b'"alignment": {"from": "a.txt", "tracks": {"nose": {"1001": [64.5, 36.2]}}}}',
        )
    )
    found["points"] = [
        (".txt", module.AFTER_EFFECTS.encode()),
        (".txt", b"# nuke\n1001 10 12\n1002 11.5 12.25\n1003 12 13\n"),
        (".nk", SCRIPT),
        (".json", json.dumps({"format": "relip track 1", "frames": [1001, 1002],
                              "points": {"nose": [[1, 2], None]}}).encode()),
    ]  # fmt: skip
    found["comp"] = [(".nk", SCRIPT), *found["nk"]]
    found["ocio"].append((".ocio", OCIO.encode()))
    found["pathmap"].append(
        (
            ".json",
            b'{"version": "pathmapping-1.0", "path_mapping_rules": [{"source_path": "P:/show", '
            b'"source_path_format": "WINDOWS", "destination_path": "/mnt/show"}]}',
        )
    )
    return found


def shot_files() -> list[tuple[str, bytes]]:
    """The files of the finished shot that others may have written, by what :func:`folder` takes."""
    shot = make_shot()
    files = ["shot.toml", *(str(p.relative_to(shot)) for p in sorted(shot.rglob("record.json")))]
    for pattern in ("track/*.npz", "mask/*.npz", "model/*.safetensors", "*/status/1002.json",
                    "mask/mask.1002.exr", "render/patch.1002.exr", "track/*.json"):  # fmt: skip
        files += [str(p.relative_to(shot)) for p in sorted(shot.glob(pattern))]
    return [
        ("+" + name.replace("/", "+"), (shot / name).read_bytes()) for name in dict.fromkeys(files)
    ]


#: Values that are not what is expected in their place.
ODD: list[Any] = [None, True, [], {}, "", "x", "²", -1, 0, 1, 10**400, 1e308, float("inf"),
                  float("nan"), [[]], {"a": 1}, "1001", "-", "\0", [1, "a"], -(10**12)]  # fmt: skip


def swapped(suffix: str, data: bytes, rng: random.Random) -> bytes:
    """The data with one or two values swapped for others, where its form is known."""
    try:
        if suffix.endswith(".json"):
            return _swapped_json(data, rng)
        if suffix.endswith((".toml", ".txt", ".csv", ".nk")):
            return _swapped_words(data, rng)
        if suffix.endswith(".npz"):
            return _swapped_arrays(data, rng)
        if suffix.endswith(".safetensors"):
            return _swapped_head(data, rng)
    except Exception:  # it is no good file of its kind any more
        pass
    return spoilt(data, rng)


def _swapped_json(data: bytes, rng: random.Random) -> bytes:
    tree = json.loads(data)
    for _ in range(rng.randint(1, 2)):
        places: list[tuple[Any, Any]] = []
        waiting = [tree]
        while waiting:
            node = waiting.pop()
            keys = node if isinstance(node, dict) else range(len(node))
            for key in keys:
                places.append((node, key))
                if isinstance(node[key], (dict, list)):
                    waiting.append(node[key])
        if not places:
            return json.dumps(rng.choice(ODD)).encode()
        odd = copy.deepcopy(rng.choice(ODD))  # else it may come to hold itself
        node, key = rng.choice(places)
        how = rng.randrange(4)
        if how == 0:
            del node[key]
        elif how == 1 and isinstance(node, dict):
            node[str(odd)] = node.pop(key)
        else:
            node[key] = odd
    return json.dumps(tree).encode()


def _swapped_words(data: bytes, rng: random.Random) -> bytes:
    words = re.split(rb"([\s,=\[\]{}\"']+)", data)
    for _ in range(rng.randint(1, 3)):
        value = rng.choice(ODD)
        text = value if isinstance(value, str) else json.dumps(value)
        words[rng.randrange(0, len(words), 2)] = text.encode()
    return b"".join(words)


def _swapped_arrays(data: bytes, rng: random.Random) -> bytes:
    import numpy as np

    with np.load(io.BytesIO(data), allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    name = rng.choice(list(arrays))
    value = arrays[name]
    how = rng.randrange(6)
    if how == 0:
        del arrays[name]
    elif how == 1:
        arrays[name] = value[..., None]
    elif how == 2:
        arrays[name] = value.ravel()[: rng.randrange(value.size + 1)]
    elif how == 3:
        arrays[name] = value.astype(
            rng.choice(["U8", "complex64", "float16", "int8", "bool", "M8[s]"])
        )
    elif how == 4:
        arrays[name] = np.full_like(value, rng.choice([0, 1, -1]))
    else:
        arrays[name] = np.full(value.shape, rng.choice([np.nan, np.inf, 1e300]))
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def _swapped_head(data: bytes, rng: random.Random) -> bytes:
    """A safetensors file with another head; its numbers stay."""
    size = int.from_bytes(data[:8], "little")
    head = json.loads(data[8 : 8 + size])
    if "relip" in head.get("__metadata__", {}) and rng.random() < 0.5:
        own = head["__metadata__"]["relip"].encode()
        head["__metadata__"]["relip"] = _swapped_json(own, rng).decode()
        made = json.dumps(head).encode()
    elif rng.random() < 0.5:
        one, two = rng.sample([k for k in head if k != "__metadata__"], 2)
        head[one], head[two] = head[two], head[one]
        made = json.dumps(head).encode()
    else:
        made = _swapped_json(data[8 : 8 + size], rng)
    return len(made).to_bytes(8, "little") + made + data[8 + size :]


def spoilt(data: bytes, rng: random.Random) -> bytes:
    """The data with one to eight kinds of damage."""
    out = bytearray(data)
    for _ in range(rng.randint(1, 8)):
        place = rng.randrange(len(out) + 1)
        kind = rng.randrange(6)
        if kind == 0 and out:
            out[place % len(out)] = rng.randrange(256)
        elif kind == 1:
            del out[place : place + rng.randint(1, 40)]
        elif kind == 2:
            out[place:place] = out[place : place + rng.randint(1, 40)]
        elif kind == 3:
            value = rng.choice(NASTY)
            out[place : place + len(value)] = value
        elif kind == 4:
            out[place:] = b""
        elif out:
            out[place % len(out)] ^= 1 << rng.randrange(8)
    return bytes(out)


def work(name: str, seconds: float, seed: int, keep: str, queue: Any) -> None:
    """Fuzz one reader; runs in its own process."""
    import resource

    from relip.errors import RelipError

    module = table()
    material = shot_files() if name == "folder" else seeds(module)[name]
    if name == "model":
        network = make_shot() / "model" / "model.safetensors"
        material = [*material, *[(".safetensors", network.read_bytes())] * 4]
    read = {**module.READERS, **OWN}[name]
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT_BYTES, LIMIT_BYTES))
    rng = random.Random(seed)
    counts = {"read": 0, "refused": 0}
    finds: dict[str, str] = {}
    end = time.monotonic() + seconds

    def late(*_: object) -> None:
        raise TimeoutError(f"longer than {LIMIT_SECONDS} s")

    signal.signal(signal.SIGALRM, late)
    with tempfile.TemporaryDirectory() as folder:
        while time.monotonic() < end:
            suffix, data = rng.choice(material)
            content = swapped(suffix, data, rng) if rng.random() < 0.5 else spoilt(data, rng)
            path = Path(folder) / f"{name}{suffix}"
            path.write_bytes(content)
            Path(keep, f"last-{name}{suffix}").write_bytes(content)
            # a stage of the shot may be made again, frames around the one that is asked for
            signal.alarm(LIMIT_SECONDS * (6 if name == "folder" else 1))
            try:
                read(path)
                counts["read"] += 1
            except RelipError:
                counts["refused"] += 1
            except BaseException as error:
                place = traceback.extract_tb(error.__traceback__)[-1]
                what = f"{type(error).__name__} in {Path(place.filename).name}:{place.lineno}"
                if what not in finds:
                    finds[what] = str(error)[:120]
                    Path(keep, f"find-{name}-{len(finds)}{suffix}").write_bytes(content)
            finally:
                signal.alarm(0)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    queue.put((counts, finds, peak))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=1.0, help="for each reader")
    parser.add_argument("--readers", help="names with commas; all by default")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", default="fuzz-finds", help="folder for the finds")
    args = parser.parse_args()
    os.makedirs(args.keep, exist_ok=True)
    names = args.readers.split(",") if args.readers else [*table().READERS, *OWN]
    context = multiprocessing.get_context("spawn")
    bad = 0
    for name in names:
        queue = context.Queue()
        process = context.Process(
            target=work, args=(name, 60 * args.minutes, args.seed, args.keep, queue)
        )
        process.start()
        try:
            counts, finds, peak = queue.get(timeout=60 * args.minutes + 120)
            process.join()
        except Exception:
            counts, finds, peak = {}, {f"the process ended with {process.exitcode}": ""}, 0
            process.kill()
        bad += len(finds)
        said = ", ".join(f"{k} {v}" for k, v in counts.items())
        print(f"{name:<11} {said}; peak {peak / 1000:.0f} MB; {len(finds)} finds", flush=True)
        for what, text in finds.items():
            print(f"            {what}: {text}", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
