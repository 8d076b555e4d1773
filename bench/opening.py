"""How far the mouth opens on speech: the curves of a clip's own sound against its own mouth.

    python bench/opening.py CLIP [CLIP ...] [--text TEXT] [--json out.json]

The clip's sound goes through the speech stage, its pictures through the track
stage; the opening that the curves ask for is compared with the one that was
tracked, both in parts of the actor's full opening (97 % of the frames open
less), in the frames in which somebody speaks:

- r: their correlation, and the lag of the tracked mouth in frames (within a
  quarter of a second) at which it is best;
- slope: the tracked opening over the curve's, by least squares: the curves
  are too shy where it is above 1 in most clips;
- percentiles of both.

Without ``--text`` (of a single clip) the phones are recognised, some of them
wrongly: that lowers r, and the slope a little. A voice that is not the one in
the picture shows in an r near 0.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

from relip import records
from relip.progress import Progress
from relip.render import rig
from relip.render.retarget import actor_controls
from relip.render.rig import UNIT
from relip.review.metrics import correlation
from relip.shot import Shot, ShotSettings
from relip.speech import MOUTH_CONTROLS, opening
from relip.speech import stage as speech_stage
from relip.track import stage as track_stage

#: Per cent of the spoken frames that open less.
PERCENTILES = (10, 25, 50, 75, 90, 97)

#: Opening of the curves from which somebody speaks.
SPOKEN = 0.02

#: Seconds by which the tracked mouth may lag behind the curves, or lead them.
LAG = 0.25

_JAW = MOUTH_CONTROLS.index("jawOpen")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clips", nargs="+", type=Path, metavar="CLIP")
    parser.add_argument("--text", type=Path, help="what is said in the one clip")
    parser.add_argument("--json", type=Path, help="write the figures here")
    args = parser.parse_args()
    if args.text and len(args.clips) > 1:
        parser.error("--text goes with one clip")
    print(f"{'clip':<28}{'full %fw':>9}{'r':>7}{'lag':>5}{'slope':>7}   percentiles {PERCENTILES}")
    table = {}
    for clip in args.clips:
        row = table[clip.name] = measure(clip, args.text)
        print(
            f"{clip.name:<28}{row['full']:>9.1f}{row['r']:>7.2f}{row['lag']:>5d}{row['slope']:>7.2f}"
            f"   curve {shown(row['curve'])}   mouth {shown(row['mouth'])}"
        )
    if args.json:
        records.write_json(args.json, table)
    return 0


def shown(values: list[float]) -> str:
    return " ".join(f"{v:.2f}" for v in values)


def measure(clip: Path, text: Path | None) -> dict:
    """Speech and mouth of one clip, compared."""
    settings = {
        "plate": {"path": str(clip.resolve())},
        "dialogue": {"audio": str(clip.resolve()), "when_longer": "trim"},
    }
    if text:
        settings["dialogue"]["text"] = str(text.resolve())
    progress = Progress("none")
    with tempfile.TemporaryDirectory() as scratch:
        shot = Shot.create(Path(scratch) / "bench.relip", ShotSettings.from_dict(settings))
        speech_stage.run(shot, progress=progress)
        track_stage.run(shot, progress=progress)
        asked = opening(speech_stage.load(shot).curves)
        track = track_stage.load(shot)
        rate = float(shot.rate)
    full = float(rig.fit(track).levels[1]) / UNIT
    own = actor_controls(track)[:, _JAW]
    r, lag = max(
        (correlation(*pair), shift)
        for shift in range(-round(LAG * rate), round(LAG * rate) + 1)
        if len((pair := seen(asked, np.roll(own, -shift)))[0]) > 2
    )
    curve, mouth = seen(asked, np.roll(own, -lag))
    spoken = curve > SPOKEN
    curve, mouth = curve[spoken], mouth[spoken]
    return {
        "full": 100 * full,
        "r": r,
        "lag": lag,
        "slope": float(curve @ mouth / max(float(curve @ curve), 1e-9)),
        "curve": np.percentile(curve, PERCENTILES).tolist(),
        "mouth": np.percentile(mouth, PERCENTILES).tolist(),
    }


def seen(curve: np.ndarray, mouth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both where there is a face."""
    there = np.isfinite(mouth)
    return curve[there], mouth[there]


if __name__ == "__main__":
    sys.exit(main())
