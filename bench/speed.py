"""How fast a trained shot is drawn, beyond decoding the plate and writing EXR.

    python bench/speed.py SHOT.relip [--frames 48] [--threads 2] [--crops 256,512] [--json out.json]

The plate's pictures are read first. Then they are drawn and finished as ``relip
render`` does it, several frames side by side, each on one thread: the network,
the teeth, the match to the plate, the skin's detail and the grain. The median
of ``--rounds`` rounds counts. A crop of another size than the shot's is drawn
by a network of that size with random weights, which takes as long as a trained
one. Printed: frames a second, CPU seconds a frame, peak memory of the process.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from pathlib import Path
from statistics import median

import numpy as np
import torch

from relip.plate import Picture
from relip.plate.prefetch import side_by_side
from relip.render import train_stage
from relip.render.canonical import Window, fold
from relip.render.generate import Finish, draw_frame, finish_frame
from relip.render.interior import Mouths
from relip.render.model import ShotModel
from relip.render.network import ShotNet
from relip.render.stage import Inputs, load_inputs, plate_grain
from relip.shot import Shot
from relip.threads import one_each, set_threads, steady


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("shot", type=Path)
    parser.add_argument("--frames", type=int, default=48, help="so many, in the middle of the shot")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--crops", default="256,512")
    parser.add_argument("--json", type=Path, help="write the figures here")
    args = parser.parse_args()
    set_threads(args.threads)
    shot = Shot.open(args.shot)
    inputs = load_inputs(shot)
    model = ShotModel.load(train_stage.model_path(shot))
    grain = plate_grain(shot, inputs, model.encoding)
    finish = Finish(detail=shot.settings.render.detail, grain=grain, amount=1.0)
    editable = [f for f in shot.frames if inputs.track.editable[inputs.track.index(f)]]
    # in a row, as they are rendered: a frame's grain is made of its neighbours' noise too
    first = max((len(editable) - args.frames) // 2, 0)
    chosen = editable[first : first + args.frames]
    with shot.open_plate() as plate:
        pictures = [Picture(p.frame, p.rgb.copy()) for p in plate.iter(chosen)]
    rows = {}
    for crop in (int(c) for c in args.crops.split(",")):
        rows[str(crop)] = row = measure(
            sized(model, inputs, crop), inputs, finish, pictures, args.threads, args.rounds
        )
        print(f"{crop:>4}: " + ", ".join(f"{k} {v}" for k, v in row.items()), flush=True)
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1))
    return 0


def sized(model: ShotModel, inputs: Inputs, crop: int) -> ShotModel:
    """The model, or one of random weights for another size of the crop."""
    if crop == model.window.size:
        return model
    torch.manual_seed(0)
    network = ShotNet(fold(crop)).placed(torch.device("cpu")).eval()
    window = Window.for_outlines(inputs.region.outline, crop)
    scale = crop / model.window.size
    if scale < 1:
        mouths = Mouths.none()
    else:
        times = np.ones((int(scale), int(scale), 1), np.float16)
        pictures = np.stack([np.kron(p, times) for p in model.mouths.pictures[:40]])
        count = len(pictures)
        mouths = Mouths(
            model.mouths.frames[:count],
            pictures,
            model.mouths.lines[:count] * scale,
            model.mouths.shapes[:count],
        )
    return ShotModel(
        network, model.rig, window, model.encoding, model.mean, model.calibration, mouths
    )


def measure(
    model: ShotModel,
    inputs: Inputs,
    finish: Finish,
    pictures: list[Picture],
    threads: int,
    rounds: int,
) -> dict[str, float]:
    """Draw all pictures, several times over."""
    track, region = inputs.track, inputs.region
    count = len(model.mouths.frames)

    def make(picture: Picture) -> bool:
        row = track.index(picture.frame)
        drawn = draw_frame(
            model,
            picture,
            track.transform[row],
            inputs.lines[row],
            region.outline[row],
            inputs.own_lines[row],
            detail=finish.detail,
            visibility=inputs.visibility[row],
            mouth=int(inputs.mouths[row]) % count if count else -1,
            teeth=inputs.teeth,
        )
        if drawn is None:
            return False
        finish_frame(drawn, drawn.match, model.encoding, finish, picture.frame)
        return True

    seconds, used = [], []
    # as the pipeline runs the stage: a BLAS thread that waits spins
    with steady(), one_each():
        for _ in range(rounds + 1):  # the first one warms up
            began, before = time.monotonic(), time.process_time()
            done = sum(side_by_side(make, pictures, threads))
            seconds.append((time.monotonic() - began) / max(done, 1))
            used.append((time.process_time() - before) / max(done, 1))
    return {
        "frames/s": round(1 / median(seconds[1:]), 1),
        "CPU s/frame": round(median(used[1:]), 4),
        "window": model.window.width * model.window.height,
        "peak MB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000),
    }


if __name__ == "__main__":
    sys.exit(main())
