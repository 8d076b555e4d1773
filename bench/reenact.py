"""Re-enactment: learn from the first part of a clip, reproduce the rest from its own lips.

    python bench/reenact.py CLIP [--quality default] [--steps N] [--sheet sheet.png]

The network and the baselines see the first 65 % of the frames. The rest is
reproduced from its own lip and jaw lines (``drive = track``) and compared
with the plate in the mouth box (outer lips + 15 % / 25 %) at plate
resolution, in 8-bit display encoding:

- PSNR, SSIM, sharpness (RMS Laplacian over the plate's), HFncc (correlation of
  the fine band with the plate's: whether the detail is the right one), flicker
  (frame difference over the plate's);
- LMD: mean distance of the 40 lip landmarks between finished frame and plate,
  in per cent of the face width, both measured in the same crops around the
  face; ``LMD+`` lets the detector find the face anew in the finished frame,
  which adds the noise of its own box;
- cross-driving: every held-out frame is given the lips and the jaw of another
  one, seen in its own pose (by the rig, fitted to the learned frames); the
  correlation of the opening tracked in the result with the opening asked for,
  the distance of the lips from those asked for, and the mean sharpness of the
  mouths over that of the plate's mouths with the same lips.

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
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from scipy.interpolate import RBFInterpolator

from relip.blend.comp import over
from relip.errors import FaceError
from relip.mask.matte import make_layers
from relip.mask.region import Region, make_region
from relip.plate import Colour, Picture, Plate
from relip.progress import Progress
from relip.render import canonical, train_stage
from relip.render import rig as rig_module
from relip.render.calibration import N_LIPS
from relip.render.encoding import Encoding
from relip.render.generate import generate_window
from relip.render.interior import choose, shapes
from relip.render.model import ShotModel
from relip.render.premult import premultiply
from relip.render.stage import onto
from relip.review import metrics
from relip.shot import Shot, ShotSettings
from relip.track import geometry
from relip.track import stage as track_stage
from relip.track.facemesh import FaceMesh
from relip.track.facetrack import FaceTrack, lip_opening
from relip.track.picture import detection_picture
from relip.track.pose import pose_curves

#: Share of the clip, from its first frame, that is learned from.
LEARN = 0.65

#: Width and height at which mouth boxes of different frames are compared for flicker.
SMALL = (96, 64)

#: Rows of the contact sheet.
STRIPS = 8


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clip")
    parser.add_argument("--quality", default="default", choices=("draft", "default", "final"))
    parser.add_argument("--steps", type=int, default=0, help="optimiser steps; 0: by quality")
    parser.add_argument("--every", type=int, default=1, help="test every Nth held-out frame")
    parser.add_argument(
        "--half",
        type=int,
        choices=(1, 2),
        help="test the first half of the held-out frames (to choose settings on) or the second"
        " (to report)",
    )
    parser.add_argument("--sheet", type=Path, help="write a contact sheet here")
    parser.add_argument(
        "--shot",
        type=Path,
        help="keep the shot folder here; what was trained there with the same settings is used"
        " again (0 training minutes)",
    )
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--progress", default="auto")
    parser.add_argument("--no-baselines", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        table, facts = reenact(args, args.shot or Path(scratch) / "bench.relip")
    print(f"# {Path(args.clip).name}: {facts}")
    print(
        f"{'method':<20}{'PSNR':>7}{'SSIM':>8}{'LMD %fw':>9}"
        f"{'LMD+':>9}{'sharp':>7}{'HFncc':>7}{'flicker':>9}{'cross r':>9}{'cross LMD':>11}"
        f"{'cross sharp':>13}"
    )
    for name, row in table.items():
        cross = (
            f"{row['cross_r']:>9.3f}{row['cross_lmd']:>11.2f}{row['cross_sharp']:>13.2f}"
            if "cross_r" in row
            else ""
        )
        print(
            f"{name:<20}{row['psnr']:>7.2f}{row['ssim']:>8.3f}{row['lmd']:>9.2f}"
            f"{row['found']:>9.2f}{row['sharp']:>7.2f}{row['detail']:>7.2f}"
            f"{row['flicker']:>9.2f}{cross}"
        )
    if args.json:
        args.json.write_text(
            json.dumps({"clip": args.clip, "facts": facts, "table": table}, indent=1)
        )
    return 0


@dataclass(frozen=True)
class Learned:
    """A shot whose network saw only its first frames.

    Attributes
    ----------
    lines : np.ndarray [shape=(F, 57, 2)]
        Lip and jaw lines of every frame in crop units.
    pose : np.ndarray [shape=(F, 3)]
        How the head is turned.
    mouths : np.ndarray [shape=(F,)]
        Which learned mouth lends its fine band to each frame, chosen by lips alone.
    test : list of int
        Held-out frames to reproduce.
    learn_rows : list of int
        Rows in the track of the frames that the network saw.
    minutes, steps
        What training took.
    """

    shot: Shot
    track: FaceTrack
    region: Region
    model: ShotModel
    lines: np.ndarray
    pose: np.ndarray
    mouths: np.ndarray
    test: list[int]
    learn_rows: list[int]
    minutes: float
    steps: int | None


@dataclass(frozen=True)
class View:
    """The network's window onto one frame of the plate.

    Attributes
    ----------
    to_window : np.ndarray [shape=(2, 3)]
        Plate pixels to window pixels.
    rect : tuple of int
        x0, y0, x1, y1 of the plate's pixels under the window.
    crop : np.ndarray [shape=(window.height, window.width, 3), dtype=float32]
        The plate in the window, in the network's encoding.
    """

    window: canonical.Window
    to_window: np.ndarray
    rect: tuple[int, int, int, int]
    crop: np.ndarray

    @classmethod
    def of(cls, learned: Learned, row: int, rgb: np.ndarray) -> View:
        """Look at one frame, given its row in the track and its plate."""
        model = learned.model
        window = model.window.on(learned.region.outline[row])
        to_window = window.from_plate(learned.track.transform[row])
        height, width = rgb.shape[:2]
        rect = x0, y0, x1, y1 = canonical.plate_rect(to_window, window, width, height)
        piece = model.encoding.encode(np.ascontiguousarray(rgb[y0:y1, x0:x1]))
        crop = canonical.cut_out(piece, geometry.shifted(to_window, x0, y0), window)
        return cls(window, to_window, rect, crop)


@dataclass(frozen=True)
class HeldFrame:
    """One held-out frame: the truth, and what puts a window's picture into it.

    Attributes
    ----------
    row : int
        Its row in the track.
    matte : np.ndarray [shape=(y1 - y0, x1 - x0), dtype=float32]
        Over ``view.rect``.
    outline, own : np.ndarray
        The region and the frame's own lines in window pixels.
    truth : np.ndarray [shape=(height, width, 3), dtype=uint8]
        The plate, display-encoded.
    landmarks : np.ndarray [shape=(478, 3)]
        Tracked in the plate.
    box : tuple of int
        x0, y0, x1, y1 of the mouth box.
    """

    rgb: np.ndarray
    plate: Plate
    colour: Colour
    encoding: Encoding
    row: int
    view: View
    matte: np.ndarray
    outline: np.ndarray
    own: np.ndarray
    truth: np.ndarray
    landmarks: np.ndarray
    box: tuple[int, int, int, int]

    @classmethod
    def of(cls, learned: Learned, plate: Plate, picture: Picture, colour: Colour) -> HeldFrame:
        """Gather all that is known of one frame."""
        track, region = learned.track, learned.region
        row = track.index(picture.frame)
        view = View.of(learned, row, picture.rgb)
        x0, y0, x1, y1 = view.rect
        layers = make_layers(
            track,
            region,
            row,
            feather=learned.shot.settings.mask.feather,
            width=plate.width,
            height=plate.height,
        )
        if layers is None:
            raise FaceError(f"{plate.path}, frame {picture.frame}: the mouth is out of the picture")
        return cls(
            rgb=picture.rgb,
            plate=plate,
            colour=colour,
            encoding=learned.model.encoding,
            row=row,
            view=view,
            matte=onto(layers.matte, layers.origin, (y1 - y0, x1 - x0), (x0, y0)),
            outline=view.window.to_pixels(region.outline[row]),
            own=view.window.to_pixels(learned.lines[row]),
            truth=detection_picture(picture.rgb, plate, colour),
            landmarks=track.landmarks[row],
            box=metrics.mouth_box(track.landmarks[row], plate.width, plate.height),
        )

    def finish(self, window_picture: np.ndarray) -> np.ndarray:
        """The comp ``[shape=(height, width, 3), dtype=uint8]`` with a window's picture in it."""
        view = self.view
        raw = self.encoding.decode(canonical.put_back(window_picture, view.to_window, view.rect))
        rgb, alpha = premultiply(raw, self.matte, half=self.plate.half)
        return detection_picture(over(self.rgb, rgb, alpha, view.rect[:2]), self.plate, self.colour)

    def mouth(self, picture: np.ndarray) -> np.ndarray:
        """The mouth box of an 8-bit picture of this frame, 0 to 1."""
        x0, y0, x1, y1 = self.box
        return picture[y0:y1, x0:x1].astype(np.float32) / 255


#: Draws the window of a held-out frame, in the network's encoding.
Method = Callable[[HeldFrame], np.ndarray]


@dataclass
class Score:
    """Figures of one method, frame by frame.

    ``small`` and ``small_truth`` are the mouth boxes at one size, for flicker.
    """

    psnr: list[float] = field(default_factory=list)
    ssim: list[float] = field(default_factory=list)
    lmd: list[float] = field(default_factory=list)
    found: list[float] = field(default_factory=list)
    sharp: list[float] = field(default_factory=list)
    detail: list[float] = field(default_factory=list)
    small: list[np.ndarray] = field(default_factory=list)
    small_truth: list[np.ndarray] = field(default_factory=list)

    def add(self, frame: HeldFrame, comp: np.ndarray, mesh: FaceMesh, face_width: float) -> None:
        """Compare one finished frame with its plate."""
        shown, truth = frame.mouth(comp), frame.mouth(frame.truth)
        self.psnr.append(metrics.psnr(shown, truth))
        self.ssim.append(metrics.ssim(shown, truth))
        self.sharp.append(metrics.sharpness(shown) / max(metrics.sharpness(truth), 1e-6))
        self.detail.append(metrics.detail_correlation(shown, truth))
        self.small.append(cv2.resize(shown, SMALL))
        self.small_truth.append(cv2.resize(truth, SMALL))
        again = mesh.refine(comp, frame.landmarks)
        reference = mesh.refine(frame.truth, frame.landmarks)
        if again is not None and reference is not None:
            self.lmd.append(100 * metrics.landmark_distance(again, reference, face_width))
        found = mesh.faces(comp)
        if found:
            nearest = min(
                found, key=lambda f: float(np.linalg.norm((f - frame.landmarks)[:, :2].mean(0)))
            )
            self.found.append(100 * metrics.landmark_distance(nearest, frame.landmarks, face_width))

    def figures(self, *, every_frame: bool) -> dict[str, float]:
        """Means over the frames; flicker only means something when none was left out."""
        flicker = metrics.flicker(self.small, self.small_truth) if every_frame else float("nan")
        return {
            "psnr": float(np.mean(self.psnr)),
            "ssim": float(np.mean(self.ssim)),
            "lmd": float(np.mean(self.lmd)),
            "found": float(np.mean(self.found)),
            "sharp": float(np.mean(self.sharp)),
            "detail": float(np.mean(self.detail)),
            "flicker": flicker,
        }


@dataclass
class CrossScore:
    """Openings asked for and tracked again, and the distance of the lips from those asked for.

    ``sharp`` and ``plate_sharp`` are the sharpness of driven mouths and of the plate's own.
    """

    wanted: list[float] = field(default_factory=list)
    got: list[float] = field(default_factory=list)
    lmd: list[float] = field(default_factory=list)
    sharp: list[float] = field(default_factory=list)
    plate_sharp: list[float] = field(default_factory=list)

    def add(
        self,
        frame: HeldFrame,
        other: int,
        lines: np.ndarray,
        comp: np.ndarray,
        mesh: FaceMesh,
        track: FaceTrack,
    ) -> None:
        """Compare one frame, driven by the lips of row ``other``, with those lips.

        ``lines`` are these in crop units in the frame's pose.
        """
        self.plate_sharp.append(metrics.sharpness(frame.mouth(frame.truth)))
        again = mesh.refine(comp, frame.landmarks)
        if again is None:
            return
        self.wanted.append(float(lip_opening(track.landmarks[other])))
        self.got.append(float(lip_opening(again)))
        lips = list(rig_module.LINE_POINTS[:N_LIPS])
        seen = geometry.apply(track.transform[frame.row], again[lips, :2])
        apart = np.linalg.norm(seen - lines[:N_LIPS], axis=1)
        self.lmd.append(100 * float(apart.mean()) / rig_module.UNIT)
        x0, y0, x1, y1 = metrics.mouth_box(again, frame.plate.width, frame.plate.height)
        self.sharp.append(metrics.sharpness(comp[y0:y1, x0:x1].astype(np.float32) / 255))

    def figures(self) -> dict[str, float]:
        """Correlation of the openings, mean distance of the lips, sharpness of the mouths."""
        return {
            "cross_r": metrics.correlation(np.array(self.wanted), np.array(self.got)),
            "cross_lmd": float(np.mean(self.lmd)),
            # over all frames every mouth is driven once: the same lips on both sides
            "cross_sharp": float(np.mean(self.sharp) / max(np.mean(self.plate_sharp), 1e-6)),
        }


def reenact(
    args: argparse.Namespace, folder: Path
) -> tuple[dict[str, dict[str, float]], dict[str, object]]:
    """Train, reproduce, measure: the figures of every method, and facts about the run."""
    progress = Progress(args.progress)
    learned = learn(args, folder, progress)
    methods = {"relip": own_lips(learned), "network alone": own_lips(learned, teeth=0.0)}
    if not args.no_baselines:
        methods |= baselines(learned)
    scores, cross, strips = compare(learned, methods, progress)
    table = {name: s.figures(every_frame=args.every == 1) for name, s in scores.items()}
    table["relip"] |= cross.figures()
    if args.sheet and strips:
        cv2.imwrite(str(args.sheet), cv2.cvtColor(np.concatenate(strips), cv2.COLOR_RGB2BGR))
    return table, {
        "learned": len(learned.learn_rows),
        "tested": len(learned.test),
        "train_minutes": round(learned.minutes, 2),
        "steps": learned.steps,
        "face_width_px": round(learned.track.face_width, 1),
        "window": learned.model.window.as_list(),
    }


def learn(args: argparse.Namespace, folder: Path, progress: Progress) -> Learned:
    """Make the shot, track all of it, train on its first part."""
    plate = {"path": str(Path(args.clip).resolve())}
    settings = ShotSettings.from_dict({"plate": plate})
    shot = Shot.open(folder) if folder.exists() else Shot.create(folder, settings)
    if shot.settings.plate != settings.plate:
        raise SystemExit(f"{folder}: the shot of another plate, {shot.settings.plate.path}")
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
    visible = [f for f in frames if track.visible[track.index(f)]]
    model = ShotModel.load(train_stage.model_path(shot))
    lines = rig_module.track_lines(track)
    return Learned(
        shot=shot,
        track=track,
        region=make_region(track, shot.settings.mask),
        model=model,
        lines=lines,
        pose=pose_curves(track),
        mouths=choose(model.mouths.frames, model.mouths.shapes, shapes(lines)),
        test=half([f for f in visible if f >= cut], args.half)[:: args.every],
        learn_rows=[track.index(f) for f in visible if f < cut],
        minutes=minutes,
        steps=trained.data.get("steps"),
    )


def half(frames: list[int], which: int | None) -> list[int]:
    """The first or the second half of the frames; all of them for None."""
    middle = len(frames) // 2
    return {1: frames[:middle], 2: frames[middle:]}.get(which or 0, frames)


def own_lips(learned: Learned, teeth: float = 1.0) -> Method:
    """Relip, driven by the frame's own lips; without mouths of the shot when ``teeth`` is 0."""
    model, mouths = learned.model, learned.mouths
    return lambda frame: generate_window(
        model,
        frame.view.crop,
        frame.own,
        frame.outline,
        mouth=int(mouths[frame.row]),
        teeth=teeth,
        finest=canonical.magnification(frame.view.to_window),
    )


def baselines(learned: Learned) -> dict[str, Method]:
    """What a network has to beat."""
    crops = training_windows(learned)
    frozen = crops[len(crops) // 2].astype(np.float32)
    mean = crops.mean(0).astype(np.float32)
    return {
        "frozen": lambda frame: frozen,
        "mean mouth": lambda frame: mean,
        "nearest-frame warp": lambda frame: nearest_warp(learned, crops, frame.row),
    }


def compare(
    learned: Learned, methods: dict[str, Method], progress: Progress
) -> tuple[dict[str, Score], CrossScore, list[np.ndarray]]:
    """Reproduce every held-out frame by every method, and cross-drive it.

    Returns
    -------
    scores : dict of str to Score
    cross : CrossScore
    strips : list of np.ndarray
        Up to eight rows of a contact sheet: plate, methods, cross-driven.
    """
    track, test = learned.track, learned.test
    # every held-out frame gets the lips of one about a third of the set away
    partner = {f: track.index(test[(i + len(test) // 3) % len(test)]) for i, f in enumerate(test)}
    shown = set(test[:: max(len(test) // STRIPS, 1)][:STRIPS])
    scores = {name: Score() for name in methods}
    cross = CrossScore()
    strips: list[np.ndarray] = []
    colour = Colour()
    progress.start("compare", len(test))
    with learned.shot.open_plate() as plate, FaceMesh() as mesh:
        for picture in plate.iter(test):
            frame = HeldFrame.of(learned, plate, picture, colour)
            comps = []
            for name, method in methods.items():
                comps.append(frame.finish(method(frame)))
                scores[name].add(frame, comps[-1], mesh, track.face_width)
            other = partner[picture.frame]
            asked = in_pose(learned, other, frame.row)
            comps.append(frame.finish(cross_driven(learned, frame, other, asked)))
            cross.add(frame, other, asked, comps[-1], mesh, track)
            if picture.frame in shown:
                strips.append(face_strip([frame.truth, *comps], frame.landmarks, track.face_width))
            progress.step()
    progress.finish()
    return scores, cross, strips


def in_pose(learned: Learned, other: int, row: int) -> np.ndarray:
    """The lines of row ``other`` as they look in the pose of ``row`` ``[shape=(57, 2)]``."""
    turned = (learned.pose[row] - learned.pose[other]) @ learned.model.rig.pose_weights
    return learned.lines[other] + turned.reshape(-1, 2)


def cross_driven(learned: Learned, frame: HeldFrame, other: int, lines: np.ndarray) -> np.ndarray:
    """The window with the lines and the mouth of another row of the track."""
    return generate_window(
        learned.model,
        frame.view.crop,
        frame.view.window.to_pixels(lines),
        frame.outline,
        old_lines=frame.own,
        mouth=int(learned.mouths[other]),
        finest=canonical.magnification(frame.view.to_window),
    )


def training_windows(learned: Learned) -> np.ndarray:
    """The windows of all frames that the network saw, in its encoding, as half floats."""
    track = learned.track
    frames = [int(track.frames[row]) for row in learned.learn_rows]
    with learned.shot.open_plate() as plate:
        return np.stack(
            [
                View.of(learned, track.index(picture.frame), picture.rgb).crop.astype(np.float16)
                for picture in plate.iter(frames)
            ]
        )


def nearest_warp(learned: Learned, crops: np.ndarray, row: int) -> np.ndarray:
    """The training window with the nearest lips, warped to the lines of a row of the track."""
    known, wanted = learned.lines[learned.learn_rows], learned.lines[row]
    lips = slice(0, rig_module.N_OUTER + rig_module.N_INNER)
    best = int(np.linalg.norm(known[:, lips] - wanted[lips], axis=(1, 2)).argmin())
    window, outlines = learned.model.window, learned.region.outline
    height, width = window.height, window.width
    edges = [(x, y) for y in (0, height / 2, height) for x in (0, width / 2, width)]
    border = np.array([e for e in edges if e != (width / 2, height / 2)], float)
    source = window.on(outlines[learned.learn_rows[best]]).to_pixels(known[best])
    target = window.on(outlines[row]).to_pixels(wanted)
    source, target = np.concatenate([source, border]), np.concatenate([target, border])
    small_y, small_x = np.mgrid[0:height:4, 0:width:4]
    grid = np.stack([small_x + 0.5, small_y + 0.5], -1).reshape(-1, 2)
    warp = RBFInterpolator(target, source - target, kernel="thin_plate_spline", smoothing=1.0)
    shift = warp(grid).reshape(*small_x.shape, 2).astype(np.float32)
    shift = cv2.resize(shift, (width, height), interpolation=cv2.INTER_LINEAR)
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    return cv2.remap(
        crops[best].astype(np.float32),
        xs + shift[..., 0],
        ys + shift[..., 1],
        cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )


def face_strip(pictures: list[np.ndarray], landmarks: np.ndarray, width: float) -> np.ndarray:
    """Face crops of several pictures side by side, 220 px each."""
    centre = landmarks[164, :2]
    half = 0.62 * width
    tiles = []
    for picture in pictures:
        x0, y0 = np.clip(np.round(centre - half).astype(int), 0, None)
        tile = picture[y0 : int(y0 + 2 * half), x0 : int(x0 + 2 * half)]
        tiles.append(cv2.resize(tile, (220, 220), interpolation=cv2.INTER_AREA))
    return np.concatenate(tiles, axis=1)


if __name__ == "__main__":
    sys.exit(main())
