"""Re-enactment: learn from the first part of a clip, reproduce the rest from its own lips.

    python bench/reenact.py CLIP [--quality default] [--steps N] [--sheet sheet.png]

The network and the baselines see the first 65 % of the frames. The rest is
reproduced from its own lip and jaw lines (``drive = track``) and compared
with the plate in the mouth box (outer lips + 15 % / 25 %) at plate
resolution, in 8-bit display encoding:

- PSNR, SSIM, sharpness (RMS Laplacian over the plate's), flicker (frame
  difference over the plate's);
- LMD: distance of lip landmarks, tracked again in the finished frame, in
  per cent of the face width;
- cross-driving: every held-out frame is given the lips of another one; the
  correlation of the opening tracked in the result with the opening asked for.

Skin detail carried over from the edited frame (``render.detail``) would let the
truth leak into the reproduction; it is off there and on in cross-driving.

Baselines: ``frozen`` (the plate's own mouth region from the middle training
frame), ``mean mouth`` (mean of the training windows), ``nearest-frame warp``
(the training frame with the nearest lips, warped by thin-plate splines).
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from relip.blend.comp import over
from relip.mask import matte as matte_module
from relip.mask.region import make_region
from relip.plate import Colour
from relip.progress import Progress
from relip.render import canonical, train_stage
from relip.render import rig as rig_module
from relip.render.generate import generate_window
from relip.render.model import ShotModel
from relip.render.premult import premultiply
from relip.review import metrics
from relip.shot import Shot, ShotSettings
from relip.track import geometry
from relip.track import stage as track_stage
from relip.track.facemesh import FaceMesh
from relip.track.facetrack import lip_opening
from relip.track.picture import detection_picture

LEARN = 0.65


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clip")
    parser.add_argument("--quality", default="default", choices=("draft", "default", "final"))
    parser.add_argument("--steps", type=int, default=0, help="optimiser steps; 0: by quality")
    parser.add_argument("--every", type=int, default=1, help="test every Nth held-out frame")
    parser.add_argument("--sheet", type=Path, help="write a contact sheet here")
    parser.add_argument("--shot", type=Path, help="keep the shot folder here")
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--progress", default="auto")
    parser.add_argument("--no-baselines", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        table, facts = reenact(args, args.shot or Path(scratch) / "bench.relip")
    print(f"# {Path(args.clip).name}: {facts}")
    print(f"{'method':<20}{'PSNR':>7}{'SSIM':>8}{'LMD %fw':>9}{'sharp':>7}{'flicker':>9}{'cross r':>9}"
          f"{'cross LMD':>11}")
    for name, row in table.items():
        cross = f"{row['cross_r']:>9.3f}{row['cross_lmd']:>11.2f}" if "cross_r" in row else ""
        print(
            f"{name:<20}{row['psnr']:>7.2f}{row['ssim']:>8.3f}{row['lmd']:>9.2f}"
            f"{row['sharp']:>7.2f}{row['flicker']:>9.2f}{cross}"
        )
    if args.json:
        args.json.write_text(json.dumps({"clip": args.clip, "facts": facts, "table": table}, indent=1))
    return 0


def reenact(args: argparse.Namespace, folder: Path) -> tuple[dict, dict]:
    """Train, reproduce, measure."""
    progress = Progress(args.progress)
    shot = Shot.create(
        folder, ShotSettings.from_dict({"plate": {"path": str(Path(args.clip).resolve())}})
    )
    frames = list(shot.frames)
    cut = frames[0] + int(LEARN * len(frames))
    shot = shot.change(
        train={
            "quality": args.quality,
            "steps": args.steps,
            "frames": f"{frames[0]}-{cut - 1}",
        }
    )
    shot.save()
    track_stage.run(shot, progress=progress)
    began = time.monotonic()
    trained = train_stage.run(shot, progress=progress)
    minutes = (time.monotonic() - began) / 60
    track = track_stage.load(shot)
    region = make_region(track, shot.settings.mask)
    model = ShotModel.load(train_stage.model_path(shot))
    lines = rig_module.track_lines(track)
    test = [f for f in frames if f >= cut and track.visible[track.index(f)]][:: args.every]
    rows = [track.index(f) for f in test]
    learn_rows = [
        track.index(f) for f in frames if f < cut and track.visible[track.index(f)]
    ]
    crops = training_windows(shot, model, track, region, learn_rows)
    # every held-out frame gets the lips of one about a third of the set away
    partner = {r: rows[(i + len(rows) // 3) % len(rows)] for i, r in enumerate(rows)}

    methods = {"relip": None}
    if not args.no_baselines:
        methods |= {
            "frozen": crops[len(crops) // 2],
            "mean mouth": crops.mean(0),
            "nearest-frame warp": "warp",
        }
    made: dict[str, list[np.ndarray]] = {m: [] for m in methods}
    table: dict[str, dict[str, list[float]]] = {
        m: {k: [] for k in ("psnr", "ssim", "lmd", "sharp")} for m in methods
    }
    truth_boxes: list[np.ndarray] = []
    wanted, got, cross_lmd = [], [], []
    sheet: list[np.ndarray] = []
    colour = Colour()
    progress.start("compare", len(test))
    with shot.open_plate() as plate, FaceMesh() as mesh:
        for picture in plate.iter(test):
            row = track.index(picture.frame)
            window = model.window.on(region.outline[row])
            to_window = window.from_plate(track.transform[row])
            rect = canonical.plate_rect(to_window, window, plate.width, plate.height)
            x0, y0, x1, y1 = rect
            piece = model.encoding.encode(np.ascontiguousarray(picture.rgb[y0:y1, x0:x1]))
            crop = canonical.cut_out(piece, canonical.shifted(to_window, x0, y0), window)
            outline = window.to_pixels(region.outline[row])
            layers = matte_module.make_layers(
                track, region, row, feather=shot.settings.mask.feather,
                width=plate.width, height=plate.height,
            )

            def finish(window_picture: np.ndarray) -> np.ndarray:
                raw = model.encoding.decode(canonical.put_back(window_picture, to_window, rect))
                matte = np.zeros(raw.shape[:2], np.float32)
                lx, ly = layers.origin
                h, w = layers.matte.shape
                sub = layers.matte[max(y0 - ly, 0): y1 - ly, max(x0 - lx, 0): x1 - lx]
                oy, ox = max(ly - y0, 0), max(lx - x0, 0)
                matte[oy: oy + sub.shape[0], ox: ox + sub.shape[1]] = sub
                rgb, alpha = premultiply(raw, matte, half=plate.half)
                return over(picture.rgb, rgb, alpha, (x0, y0))

            truth8 = detection_picture(picture.rgb, plate, colour)
            truth_landmarks = track.landmarks[row]
            box = metrics.mouth_box(truth_landmarks, plate.width, plate.height)
            truth_box = truth8[box[1]: box[3], box[0]: box[2]].astype(np.float32) / 255
            truth_boxes.append(truth_box)
            own = window.to_pixels(lines[row])
            strip = [truth8]
            for name, source in methods.items():
                if name == "relip":
                    window_picture = generate_window(model, crop, own, outline)
                elif isinstance(source, str):
                    window_picture = nearest_warp(crops, lines[learn_rows], lines[row], region.outline, learn_rows, row, model)
                else:
                    window_picture = source.astype(np.float32)
                comp8 = detection_picture(finish(window_picture), plate, colour)
                shown = comp8[box[1]: box[3], box[0]: box[2]].astype(np.float32) / 255
                made[name].append(shown)
                entry = table[name]
                entry["psnr"].append(metrics.psnr(shown, truth_box))
                entry["ssim"].append(metrics.ssim(shown, truth_box))
                entry["sharp"].append(
                    metrics.sharpness(shown) / max(metrics.sharpness(truth_box), 1e-6)
                )
                again = mesh.refine(comp8, truth_landmarks)
                if again is not None:
                    entry["lmd"].append(
                        100 * metrics.landmark_distance(again, truth_landmarks, track.face_width)
                    )
                strip.append(comp8)
            other = partner[row]
            # the partner's lines, turned from its pose to this frame's
            crossed = window.to_pixels(lines[other])
            comp8 = detection_picture(
                finish(generate_window(model, crop, crossed, outline, old_lines=own)), plate, colour
            )
            strip.append(comp8)
            again = mesh.refine(comp8, truth_landmarks)
            if again is not None:
                wanted.append(lip_opening(track.landmarks[other]))
                got.append(lip_opening(again))
                seen = geometry.apply(track.transform[row], again[:, :2])
                wish = geometry.apply(track.transform[other], track.landmarks[other, :, :2])
                cross_lmd.append(
                    100 * metrics.landmark_distance(seen, wish, rig_module.UNIT)
                )
            if args.sheet and len(sheet) < 8 and (test.index(picture.frame) % max(len(test) // 8, 1) == 0):
                sheet.append(face_strip(strip, truth_landmarks, track.face_width))
            progress.step()
    progress.finish()
    result = {}
    for name, values in table.items():
        result[name] = {k: float(np.mean(v)) for k, v in values.items()}
        if args.every == 1:
            sized = [[cv2.resize(p, (96, 64)) for p in s] for s in (made[name], truth_boxes)]
            result[name]["flicker"] = metrics.flicker(*sized)
        else:
            result[name]["flicker"] = float("nan")
    result["relip"]["cross_r"] = metrics.correlation(np.array(wanted), np.array(got))
    result["relip"]["cross_lmd"] = float(np.mean(cross_lmd))
    if args.sheet and sheet:
        cv2.imwrite(str(args.sheet), cv2.cvtColor(np.concatenate(sheet), cv2.COLOR_RGB2BGR))
    facts = {
        "learned": len(learn_rows),
        "tested": len(test),
        "train_minutes": round(minutes, 2),
        "steps": trained.data.get("steps"),
        "face_width_px": round(track.face_width, 1),
        "window": model.window.as_list(),
    }
    return result, facts


def training_windows(shot: Shot, model: ShotModel, track, region, rows: list[int]) -> np.ndarray:
    """The training frames' windows, at most 400, in the network's encoding."""
    crops = []
    with shot.open_plate() as plate:
        for picture in plate.iter([int(track.frames[r]) for r in rows]):
            row = track.index(picture.frame)
            window = model.window.on(region.outline[row])
            to_window = window.from_plate(track.transform[row])
            x0, y0, x1, y1 = canonical.plate_rect(to_window, window, plate.width, plate.height)
            piece = model.encoding.encode(np.ascontiguousarray(picture.rgb[y0:y1, x0:x1]))
            crops.append(
                canonical.cut_out(piece, canonical.shifted(to_window, x0, y0), window).astype(
                    np.float16
                )
            )
    return np.stack(crops)


def nearest_warp(
    crops: np.ndarray,
    known: np.ndarray,
    wanted: np.ndarray,
    outlines: np.ndarray,
    rows: list[int],
    row: int,
    model: ShotModel,
) -> np.ndarray:
    """The training window with the nearest lips, warped to the wanted lines."""
    lips = slice(0, rig_module.N_OUTER + rig_module.N_INNER)
    distance = np.linalg.norm(known[:, lips] - wanted[lips], axis=(1, 2))
    best = int(distance.argmin())
    source = model.window.on(outlines[rows[best]]).to_pixels(known[best])
    target = model.window.on(outlines[row]).to_pixels(wanted)
    height, width = model.window.height, model.window.width
    border = np.array(
        [[0, 0], [width / 2, 0], [width, 0], [0, height / 2], [width, height / 2], [0, height],
         [width / 2, height], [width, height]], float
    )
    source, target = np.concatenate([source, border]), np.concatenate([target, border])
    from scipy.interpolate import RBFInterpolator

    small_y, small_x = np.mgrid[0:height:4, 0:width:4]
    grid = np.stack([small_x + 0.5, small_y + 0.5], -1).reshape(-1, 2)
    warp = RBFInterpolator(target, source - target, kernel="thin_plate_spline", smoothing=1.0)
    shift = warp(grid).reshape(*small_x.shape, 2).astype(np.float32)
    shift = cv2.resize(shift, (width, height), interpolation=cv2.INTER_LINEAR)
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    return cv2.remap(
        crops[best].astype(np.float32), xs + shift[..., 0], ys + shift[..., 1], cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )


def face_strip(pictures: list[np.ndarray], landmarks: np.ndarray, width: float) -> np.ndarray:
    """Face crops of several pictures side by side, 220 px each."""
    centre = landmarks[164, :2]
    half = 0.62 * width
    tiles = []
    for picture in pictures:
        x0, y0 = np.clip(np.round(centre - half).astype(int), 0, None)
        tile = picture[y0: int(y0 + 2 * half), x0: int(x0 + 2 * half)]
        tiles.append(cv2.resize(tile, (220, 220), interpolation=cv2.INTER_AREA))
    return np.concatenate(tiles, axis=1)


if __name__ == "__main__":
    sys.exit(main())
