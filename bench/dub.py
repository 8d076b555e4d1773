"""The whole job on a clip: time, peak memory, sync of the finished lips.

    python bench/dub.py CLIP AUDIO [--text T] [--quality default|draft] [--loop 3] [--cores 2]

Runs ``relip dub`` as a user would, in its own process limited to ``--cores``
CPU cores, and watches the memory of its whole process tree (sum of RSS,
sampled five times a second). Then runs ``relip review`` on the shot, which
tracks the finished frames from scratch, and prints: minutes, peak memory, the
correlation and lag of the inner-lip opening against the driving curve, the
share of p/b/m closures seen closed within one frame, the share of silent
frames at rest, and the largest change outside the matte.

``--loop N`` plays the clip N times over (copied packets, nothing re-encoded),
to see that memory does not grow with length.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import av
import psutil


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clip", type=Path)
    parser.add_argument("audio", type=Path)
    parser.add_argument("--text", type=Path)
    parser.add_argument("--quality", default="default", choices=("draft", "default", "final"))
    parser.add_argument("--loop", type=int, default=1)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="work in this folder and keep it")
    parser.add_argument("--json", type=Path, help="write the figures here")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = args.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        row = measure(args, folder)
    width = max(len(k) for k in row)
    for name, value in row.items():
        print(f"{name:<{width}}  {value}")
    if args.json:
        args.json.write_text(json.dumps(row, indent=1))
    return 0


def measure(args: argparse.Namespace, folder: Path) -> dict[str, object]:
    """Dub, review, and collect the figures."""
    clip = args.clip
    if args.loop > 1:
        clip = folder / f"loop{args.loop}.mp4"
        loop_movie(args.clip, clip, args.loop)
    out = folder / f"{args.clip.stem}_{args.quality}_{args.loop}.mp4"
    command = [sys.executable, "-m", "relip", "dub", str(clip), "--audio", str(args.audio)]
    command += ["-o", str(out), "--quality", args.quality, "--progress", "plain"]
    command += ["--text", str(args.text)] if args.text else []
    seconds, peak = watched(command, args.cores)
    shot = out.with_suffix(".relip")
    watched([sys.executable, "-m", "relip", "review", str(shot), "--progress", "none"], args.cores)
    review = json.loads((shot / "review" / "metrics.json").read_text())
    sync = review["sync"]
    training = json.loads((shot / "model" / "record.json").read_text())["data"]
    return {
        "clip": f"{args.clip.name} x{args.loop}",
        "audio": args.audio.name,
        "quality": f"{args.quality} ({training['steps']} steps, {training['seconds']:.0f} s)",
        "cores": args.cores,
        "minutes": round(seconds / 60, 2),
        "peak memory MB": round(peak / 1e6),
        "frames": sync["frames"],
        "opening r": sync["opening_r"],
        "lag frames": sync["lag_frames"],
        "closed below % fw": sync["closed_below_percent_fw"],
        "p/b/m closed": f"{sync['closures_closed']}/{sync['closures']}"
        f" ({sync['closures_closed_percent']} %)",
        "silence at rest %": sync["silence_frames_at_rest_percent"],
        "max change outside matte": review["max_difference_outside_matte"],
    }


def watched(command: list[str], cores: int) -> tuple[float, int]:
    """Run a command on some cores; seconds and peak memory of its process tree in bytes."""
    # this checkout's relip, whatever copy the environment holds
    here = str(Path(__file__).resolve().parents[1] / "core")
    found = os.pathsep.join([here, *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "OMP_NUM_THREADS": str(cores), "PYTHONPATH": found}
    began = time.monotonic()
    process = subprocess.Popen(command, env=environment)
    if hasattr(os, "sched_setaffinity"):
        available = sorted(os.sched_getaffinity(0))[:cores]
        os.sched_setaffinity(process.pid, available)
    peak = 0
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        root = psutil.Process(process.pid)
        while not done.wait(0.2):
            total = 0
            try:
                for one in [root, *root.children(recursive=True)]:
                    total += one.memory_info().rss
            except psutil.Error:
                continue
            peak = max(peak, total)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    code = process.wait()
    done.set()
    thread.join()
    if code not in (0, 4):
        raise SystemExit(f"error: {' '.join(command)} ended with {code}")
    return time.monotonic() - began, peak


def loop_movie(source: Path, target: Path, times: int) -> None:
    """Write the pictures of a movie ``times`` times over by copying packets."""
    with av.open(str(target), "w") as output:
        stream = None
        offset = 0
        for _ in range(times):
            with av.open(str(source)) as movie:
                video = movie.streams.video[0]
                if stream is None:
                    stream = output.add_stream_from_template(video)
                end = 0
                for packet in movie.demux(video):
                    if packet.pts is None or packet.dts is None:
                        continue
                    end = max(end, packet.pts + (packet.duration or 0))
                    packet.pts += offset
                    packet.dts += offset
                    packet.stream = stream
                    output.mux(packet)
                offset += end


if __name__ == "__main__":
    sys.exit(main())
