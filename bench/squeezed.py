#!/usr/bin/env python3
"""Squeezed plates: how far their lips are from where they are in the plate without the squeeze.

Frames of a clip are squeezed sideways into an EXR sequence whose header says so, and tracked. The
picture squeezed and stretched again, its pixels square, shows what the fewer columns alone cost::

    python bench/squeezed.py [CLIP ...] [--aspects 1.33 1.5 1.8 2] [--frames 12]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from relip.plate import open_plate, write_exr
from relip.progress import Progress
from relip.shot import Shot, ShotSettings
from relip.track import points, stage
from relip.track.facetrack import FaceTrack

CLIPS = ("seated_man_20s", "moving_camera_man_7s", "wide_open_man_7s", "distant_woman_10s")
MEDIA = Path(__file__).resolve().parents[2] / "shared" / "media"
_LIPS = list(points.LIPS)

#: A picture and the aspect of its pixels.
Picture = tuple[np.ndarray, float]


def squeezed(picture: np.ndarray, aspect: float) -> Picture:
    """A picture with fewer columns; with more of them for an aspect below 1."""
    height, width = picture.shape[:2]
    count = round(width / aspect)
    how = cv2.INTER_AREA if aspect > 1 else cv2.INTER_CUBIC
    return cv2.resize(picture, (count, height), interpolation=how), width / count


def stretched(picture: np.ndarray, aspect: float) -> Picture:
    """A picture that was squeezed and has all its columns again."""
    small, _ = squeezed(picture, aspect)
    return cv2.resize(small, picture.shape[1::-1], interpolation=cv2.INTER_LINEAR), 1.0


def track(
    folder: Path, pictures: list[np.ndarray], colourspace: str, change: Callable[..., Picture]
) -> FaceTrack:
    """Track pictures that were changed."""
    folder.mkdir()
    for number, picture in enumerate(pictures, start=1001):
        made, aspect = change(picture)
        write_exr(
            folder / f"p.{number}.exr", made, display=made.shape[1::-1], half=True,
            pixel_aspect=aspect,
        )  # fmt: skip
    plate = {"path": str(folder / "p.####.exr"), "fps": "25", "colourspace": colourspace}
    shot = Shot.create(folder / "a.relip", ShotSettings.from_dict({"plate": plate}))
    stage.run(shot, progress=Progress("none"))
    return stage.load(shot)


def off(found: FaceTrack, own: FaceTrack) -> tuple[float, float]:
    """Mean distance of the lips in per cent of the face width, and the worst frame's."""
    both = found.visible & own.visible
    apart = (found.square.landmarks - own.landmarks)[both][:, _LIPS, :2]
    each = 100 * np.linalg.norm(apart, axis=-1).mean(1) / own.face_width
    return float(each.mean()), float(each.max())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", nargs="*", type=Path)
    parser.add_argument("--aspects", nargs="+", type=float, default=[1.33, 1.5, 1.8, 2.0])
    parser.add_argument("--first", type=int, default=60, help="pictures of the clip left out")
    parser.add_argument("--frames", type=int, default=12)
    args = parser.parse_args()
    for clip in args.clips or [MEDIA / f"{name}.mp4" for name in CLIPS]:
        with open_plate(clip) as plate:
            wanted = list(plate.frames)[args.first :][: args.frames]
            pictures = [picture.rgb.copy() for picture in plate.iter(wanted)]
            colourspace = plate.colourspace
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            own = track(folder / "own", pictures, colourspace, lambda picture: (picture, 1.0))
            print(f"{clip.stem}: face {own.face_width:.0f} px, frames {wanted[0]}-{wanted[-1]}")
            for aspect in args.aspects:
                words = [f"  {aspect:g}"]
                for name, change in (("squeezed", squeezed), ("columns alone", stretched)):
                    found = track(
                        folder / f"{name} {aspect}",
                        pictures,
                        colourspace,
                        lambda picture, change=change, aspect=aspect: change(picture, aspect),
                    )
                    mean, worst = off(found, own)
                    seen = int(found.visible.sum())
                    words.append(
                        f"{name}: lips {mean:.3f} % (worst {worst:.3f}), seen {seen} of"
                        f" {len(pictures)}, confidence {np.median(found.confidence):.2f}"
                    )
                print("; ".join(words), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
