"""Damaged files for every reader: none may crash it, hang it, or fill the memory.

    python bench/fuzz.py [--minutes 1] [--readers plate,sound,...] [--seed 0]

Each reader (of the table in ``tests/bad_inputs``) is given good files with
random damage: bytes changed, cut out, doubled, or swapped for numbers that
programs trip over. It may refuse with a :class:`relip.errors.RelipError` or
read what is there. Anything else is a find: the file is kept. Runs in a
process of its own per reader, with a limit of 4 GB and of 20 s a file, so that
crashes of native libraries are finds too.
"""

from __future__ import annotations

import argparse
import importlib.util
import multiprocessing
import os
import random
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


def seeds(module: Any) -> dict[str, list[tuple[str, bytes]]]:
    """Good files by reader: suffix and content."""
    import av
    import numpy as np
    import OpenImageIO as oiio

    found: dict[str, list[tuple[str, bytes]]] = {name: [] for name in module.READERS}
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
        np.savez_compressed(Path(folder) / "t.npz", frames=np.arange(3), landmarks=np.zeros(9))
        found["track"].append((".npz", (Path(folder) / "t.npz").read_bytes()))
        from safetensors.numpy import save_file

        save_file({"mean": np.zeros(3, np.float32)}, Path(folder) / "m", {"relip": "{}"})
        found["model"].append((".safetensors", (Path(folder) / "m").read_bytes()))
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
    return found


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
    material = seeds(module)[name]
    read = module.READERS[name]
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
            content = spoilt(data, rng)
            path = Path(folder) / f"{name}{suffix}"
            path.write_bytes(content)
            Path(keep, f"last-{name}{suffix}").write_bytes(content)
            signal.alarm(LIMIT_SECONDS)
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
    names = args.readers.split(",") if args.readers else list(table().READERS)
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
