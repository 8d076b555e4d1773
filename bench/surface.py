"""The patch's surface against its plate: grain, seam, colour at the edge, steadiness.

    python bench/surface.py SHOT.relip [--frames 60-83] [--json out.json] [--pictures DIR]

The shot is rendered (``relip render``); its patches are put over the plate as
the blend stage does it and compared, in 8-bit display encoding at plate
resolution, with the functions of ``relip.review.texture``:

- grain: power of the top octave over the plate's, on smooth skin under the
  whole matte, away from both frames' lips (wanted 0.9-1.1);
- seam: gradient across the matte's edge over the plate's (at most 1.1);
- drift: CIEDE2000 between patch and plate in the ring inside the matte's
  edge, above the lower lip: below it a jaw that moved shows other skin (at
  most 1.0);
- warping: squared difference along the optical flow over the plate's, over
  the matte and at its edge alone (at most 1.05).

``--pictures`` writes plate and comp side by side, of every eighth frame.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from relip import records
from relip.blend import stage as blend_stage
from relip.blend.comp import over
from relip.frames import select_frames
from relip.mask.coverage import fill
from relip.plate import Colour
from relip.render import stage as render_stage
from relip.review import sheet, texture
from relip.shot import Shot
from relip.track import geometry, points
from relip.track.picture import detection_picture


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("shot", type=Path)
    parser.add_argument("--frames", help="only these frames, one run of them")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--pictures", type=Path, metavar="DIR")
    args = parser.parse_args()
    shot = Shot.open(args.shot)
    views = look(shot, select_frames(args.frames, shot.frames))
    figures = measure(views)
    grain = records.read_record(shot.path("render", "grain")).get("grain")
    print(json.dumps({"figures": figures, "plate grain": grain}, indent=1))
    if args.json:
        records.write_json(args.json, {"figures": figures, "grain": grain})
    if args.pictures:
        for view in views[::8]:
            both = np.rint(255 * np.concatenate([view.plate, view.comp], axis=1))
            sheet.write_png(args.pictures / f"surface.{view.frame}.png", both.astype(np.uint8))
    return 0


@dataclass(frozen=True)
class View:
    """One frame under its patch.

    Attributes
    ----------
    origin : tuple of int
        x, y of the patch in the plate.
    comp, plate : np.ndarray [shape=(h, w, 3), dtype=float32]
        Display encoded, 0 to 1.
    alpha : np.ndarray [shape=(h, w)]
    skin : np.ndarray [shape=(h, w)]
        1 under the whole matte and away from lips.
    still : np.ndarray [shape=(h, w), dtype=bool]
        Above the lower lip.
    """

    frame: int
    origin: tuple[int, int]
    comp: np.ndarray
    plate: np.ndarray
    alpha: np.ndarray
    skin: np.ndarray
    still: np.ndarray


def look(shot: Shot, frames: list[int]) -> list[View]:
    """The frames that have a patch."""
    inputs = render_stage.load_inputs(shot)
    track, colour, views = inputs.track, Colour(), []
    with shot.open_plate() as plate:
        for picture in plate.iter(frames):
            found = blend_stage.read_patch(shot, picture.frame, plate)
            if found is None:
                continue
            rgb, alpha, (x, y) = found
            height, width = alpha.shape
            window = (slice(y, y + height), slice(x, x + width))
            comp = over(picture.rgb, rgb, alpha, (x, y), mix=shot.settings.blend.mix)
            shown = [
                detection_picture(p, plate, colour)[window].astype(np.float32) / 255
                for p in (comp, picture.rgb)
            ]
            row = track.index(picture.frame)
            own = track.landmarks[row, list(points.OUTER_LIPS), :2]
            new = geometry.apply(
                geometry.invert(track.transform[row]), inputs.lines[row][: len(own)]
            )
            corner = np.array([x, y], float)
            lips = np.maximum(*(fill(p - corner, (width, height)) for p in (own, new)))
            room = 2 * int(0.03 * track.face_width) + 1
            lips = cv2.dilate(lips, np.ones((room, room), np.uint8))
            still = np.zeros((height, width), bool)
            still[: max(int(max(own[:, 1].max(), new[:, 1].max()) - y), 0)] = True
            skin = ((alpha > 0.999) & (lips < 0.01)).astype(np.float32)
            views.append(View(picture.frame, (x, y), *shown, alpha, skin, still))
    return views


def measure(views: list[View]) -> dict[str, float]:
    """Means over the frames, and the 95th percentile of what must not be exceeded."""
    grain = [texture.grain_power_ratio(v.comp, v.plate, v.skin) for v in views]
    seam = [texture.seam_gradient_ratio(v.comp, v.plate, v.alpha) for v in views]
    drift = [texture.ring_colour_drift(v.comp, v.plate, v.alpha, where=v.still) for v in views]
    # one window for all frames, which all patches cover
    x0, y0 = np.max([v.origin for v in views], axis=0)
    x1, y1 = np.min([np.add(v.origin, v.alpha.shape[::-1]) for v in views], axis=0)

    def cut(view: View, picture: np.ndarray) -> np.ndarray:
        x, y = view.origin
        return picture[y0 - y : y1 - y, x0 - x : x1 - x]

    comps, plates = [cut(v, v.comp) for v in views], [cut(v, v.plate) for v in views]
    alphas = [cut(v, v.alpha) for v in views]
    whole = [(a > 0.02).astype(np.float32) for a in alphas]
    edge = [((a > 0.02) & (a < 0.98)).astype(np.float32) for a in alphas]
    figures = {
        "frames": len(views),
        "grain": np.nanmean(grain),
        "grain_p5": np.nanpercentile(grain, 5),
        "grain_p95": np.nanpercentile(grain, 95),
        "seam": np.nanmean(seam),
        "seam_p95": np.nanpercentile(seam, 95),
        "drift": np.nanmean(drift),
        "drift_p95": np.nanpercentile(drift, 95),
        "warping": texture.warping_error_ratio(comps, plates, whole),
        "warping_edge": texture.warping_error_ratio(comps, plates, edge),
    }
    return {k: round(float(v), 3) for k, v in figures.items()}


if __name__ == "__main__":
    sys.exit(main())
