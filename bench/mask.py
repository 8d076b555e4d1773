"""Measure the mask stage: occluders with known alpha, false alarms, lips, flicker, speed.

    python bench/mask.py WORK --shared ../shared [--clips demo seated ...] [--kinds hand ...]
                         [--hair curtain ...] [--every 6]

Occluders (``occluders.py``) move over real clips and over the demo plate. Each
plate made so is tracked and masked as any shot would be, and what is found is
compared with the alpha it was made with. Hair of known alpha hangs beside the
face all shot long; the matte's error where the region ends in it is printed
beside that of the region without looking. Plates and tracks are kept in WORK
and used again by the next run.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import occluders

from relip.blend.comp import over
from relip.mask import fit, rim
from relip.mask import region as regions
from relip.mask import stage as mask_stage
from relip.mask.coverage import fill
from relip.mask.matte import make_layers
from relip.plate import Colour, open_plate, read_exr
from relip.progress import Progress
from relip.render.premult import premultiply
from relip.shot import PlateSettings, Shot, ShotSettings
from relip.threads import steady
from relip.track import geometry, points
from relip.track import stage as track_stage
from relip.track.facetrack import FaceTrack
from relip.track.picture import detection_picture

QUIET = Progress("none")

#: Clips: file, first frame, frames, and whether anything was tuned on it.
CLIPS = {
    "seated": ("seated_man_20s.mp4", 1, 48, "tuned"),
    "moving": ("moving_camera_man_7s.mp4", 1, 48, "tuned"),
    "seated-later": ("seated_man_20s.mp4", 401, 48, "held out"),
    "wide-open": ("wide_open_man_7s.mp4", 1, 48, "held out"),
    "distant": ("distant_woman_10s.mp4", 1, 48, "held out"),
    "demo": ("", 1, 48, "held out"),
}

#: An eyebrow, whose colour synthetic hair has.
_BROW = (70, 63, 105, 66, 107)

#: Half the side of the window cut out around the face, in face widths.
_AROUND = 1.3

ASKED = {
    "occluder IoU": ">= 0.85",
    "occluder's pixels changed %": "< 1",
    "false occlusion %": "< 1",
    "lips IoU, other mesh": ">= 0.85",
    "matte flicker / explained": "<= 1",
    "frames/s per core": ">= 20",
}


@dataclass
class Clip:
    """A clean plate of 8-bit pictures around the face, and its track."""

    name: str
    folder: Path
    frames: range
    shot: Shot
    track: FaceTrack
    skin: np.ndarray


def source(name: str, work: Path, shared: Path | None) -> Path | None:
    """The movie of a clip; None, with a word on why, when it is not there."""
    file = CLIPS[name][0]
    if not file:
        from relip.demo import make_plate

        path = work / "demo.mp4"
        if not path.exists():
            make_plate(path, n_frames=CLIPS[name][2], size=480)
        return path
    movie = shared / "media" / file if shared else None
    if movie is None or not movie.exists():
        print(f"{name}: skipped, {movie or file} is not there (--shared)")
        return None
    return movie


def clean_clip(name: str, work: Path, shared: Path | None) -> Clip | None:
    """The clip around its face as a PNG sequence, tracked."""
    movie = source(name, work, shared)
    if movie is None:
        return None
    first, count = CLIPS[name][1:3]
    folder = work / name / "clean"
    frames = range(first, first + count)
    if not (folder / "done").exists():
        whole = tracked(Shot(work / name / "whole.relip", settings(movie, frames)))[0]
        folder.mkdir(parents=True, exist_ok=True)
        faces = whole.landmarks[whole.visible][..., :2]
        reach = _AROUND * whole.face_width
        centre = np.median(faces[:, 164], axis=0)
        with open_plate(movie) as plate:
            frames = range(first, min(first + count, plate.frames.stop))
            x0, y0 = np.maximum(np.floor(centre - reach), 0).astype(int)
            x1, y1 = np.minimum(np.ceil(centre + reach), (plate.width, plate.height)).astype(int)
            colour = Colour()
            for picture in plate.iter(frames):
                shown = detection_picture(picture.rgb[y0:y1, x0:x1], plate, colour)
                write_png(folder / f"plate.{picture.frame:04d}.png", shown)
        (folder / "done").write_text(f"{x0} {y0}")
    frames = range(first, first + len(list(folder.glob("plate.*.png"))))
    shot = Shot(folder.with_suffix(".relip"), settings(folder / "plate.####.png", frames))
    track, _ = tracked(shot)
    return Clip(name, folder, frames, shot, track, skin_colour(folder, frames, track))


def settings(plate: Path, frames: range) -> ShotSettings:
    """A shot's description; PNG files are sRGB."""
    png = plate.suffix == ".png"
    return ShotSettings(
        plate=PlateSettings(
            path=str(plate.resolve()),
            frames=f"{frames[0]}-{frames[-1]}",
            fps="25" if png else "",
            colourspace="sRGB - Texture" if png else "",
        )
    )


def tracked(shot: Shot) -> tuple[FaceTrack, Shot]:
    """The track of a shot, made when it is not there."""
    shot.folder.mkdir(parents=True, exist_ok=True)
    shot.save()
    track_stage.run(shot, progress=QUIET)
    return track_stage.load(shot), shot


def skin_colour(folder: Path, frames: range, track: FaceTrack) -> np.ndarray:
    """Display-encoded colour of the cheek in the middle of the shot."""
    frame = frames[len(frames) // 2]
    rgb = read_png(folder / f"plate.{frame:04d}.png")
    x, y = track.landmarks[track.index(frame), points.CHEEK_LEFT, :2].astype(int)
    return np.median(rgb[y - 3 : y + 4, x - 3 : x + 4].reshape(-1, 3), axis=0)


def write_png(path: Path, rgb: np.ndarray) -> None:
    """Write an 8-bit RGB picture."""
    cv2.imwrite(str(path), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))


def read_png(path: Path) -> np.ndarray:
    """An 8-bit picture as RGB, 0-1."""
    return cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB).astype(np.float32) / 255


def drawn(clip: Clip, kind: str, frame: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Colour and alpha of an occluder in a frame of a clip; None while it is away."""
    share = (frame - clip.frames[0]) / max(len(clip.frames) - 1, 1)
    where = occluders.place(kind, share)
    row = clip.track.index(frame)
    if where is None or not clip.track.visible[row]:
        return None
    face = clip.track.landmarks[row, :, :2]
    width = clip.track.face_width
    picture = cv2.imread(str(clip.folder / f"plate.{frame:04d}.png"))
    size = (picture.shape[1], picture.shape[0])
    # anchored to the face's middle, that the mouth's own motion does not move it
    mouth = face[points.SUBNASALE] + np.array([0.0, 0.16 * width])
    return occluders.draw(kind, mouth + where[0] * width, where[1], width, clip.skin, size)


#: Draws on a picture of a clip, given its place in the clip, its frame and its pixels: what is
#: added, premultiplied, and its alpha; None for nothing.
Paint = Callable[[int, int, np.ndarray], tuple[np.ndarray, np.ndarray] | None]


def painted_shot(clip: Clip, name: str, paint: Paint) -> Shot:
    """The clip with something of known alpha before it, kept under a name, tracked."""
    folder = clip.folder.with_name(name)
    if not (folder / "done").exists():
        folder.mkdir(parents=True, exist_ok=True)
        for number, frame in enumerate(clip.frames):
            rgb = read_png(clip.folder / f"plate.{frame:04d}.png")
            found = paint(number, frame, rgb)
            if found is not None:
                shown, alpha = found
                rgb = rgb * (1 - alpha[..., None]) + shown
                np.savez_compressed(
                    folder / f"alpha.{frame:04d}.npz", alpha=alpha.astype(np.float16)
                )
            write_png(folder / f"plate.{frame:04d}.png", np.round(rgb * 255).astype(np.uint8))
        (folder / "done").write_text("")
    return tracked(
        Shot(folder.with_suffix(".relip"), settings(folder / "plate.####.png", clip.frames))
    )[1]


def occluded_shot(clip: Clip, kind: str) -> Shot:
    """The clip with an occluder laid over it, tracked."""

    def paint(_: int, frame: int, __: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        found = drawn(clip, kind, frame)
        return None if found is None else (found[0] * found[1][..., None], found[1])

    return painted_shot(clip, kind, paint)


def masked(shot: Shot, *, force: bool = False, step: int = 1) -> None:
    """Run the mask stage on every so many frames."""
    with steady():
        mask_stage.run(shot, list(shot.frames)[::step], progress=QUIET, force=force)


@dataclass
class Window:
    """One frame's layers over the whole plate, and the region's matte without any occluder."""

    layers: dict[str, np.ndarray]
    region: np.ndarray


def windows(shot: Shot, track: FaceTrack, frame: int, size: tuple[int, int]) -> Window | None:
    """The layers of a frame; None where there are none."""
    path = mask_stage.mask_path(shot, frame)
    if not path.exists():
        return None
    channels, (x, y), _, _ = read_exr(path)
    whole = {}
    for name, values in channels.items():
        whole[name] = np.zeros(size[::-1], np.float32)
        whole[name][y : y + values.shape[0], x : x + values.shape[1]] = values
    drawn_layers = make_layers(
        track,
        regions.make_region(track, shot.settings.mask),
        track.index(frame),
        feather=shot.settings.mask.feather,
        width=size[0],
        height=size[1],
    )
    assert drawn_layers is not None
    geometric = np.zeros(size[::-1], np.float32)
    x, y = drawn_layers.origin
    height, width = drawn_layers.matte.shape
    geometric[y : y + height, x : x + width] = drawn_layers.matte
    return Window(whole, geometric)


def measure_occluder(clip: Clip, kind: str, *, force: bool, step: int) -> dict[str, float]:
    """How well an occluder is found, and what the comp does to it."""
    shot = occluded_shot(clip, kind)
    masked(shot, force=force, step=step)
    track = track_stage.load(shot)
    both = either = covered = changed = lost = free = 0.0
    wrong: list[float] = []
    per_frame: list[float] = []
    for frame in clip.frames[::step]:
        plate = read_png(clip.folder.with_name(kind) / f"plate.{frame:04d}.png")
        found = windows(shot, track, frame, (plate.shape[1], plate.shape[0]))
        if found is None:
            continue
        inside = found.region > 0
        guess = (found.layers["occlusion"] > 0.5) & inside
        file = clip.folder.with_name(kind) / f"alpha.{frame:04d}.npz"
        alpha = np.zeros(inside.shape, np.float32)
        if file.exists():
            alpha = np.load(file)["alpha"].astype(np.float32)
        truth = (alpha > occluders.EXTENT[kind]) & inside
        if not truth.any():
            wrong.append(100 * float(guess.sum()) / float(inside.sum()))
            continue
        both += float((guess & truth).sum())
        either += float((guess | truth).sum())
        per_frame.append(float((guess & truth).sum()) / float((guess | truth).sum()))
        # a renderer that draws the face as it is behind the occluder
        behind = read_png(clip.folder / f"plate.{frame:04d}.png")
        patch, matte = premultiply(behind, found.layers["matte"], half=False)
        comp = over(plate, patch, matte, (0, 0))
        solid = (alpha > 0.9) & inside
        covered += float(solid.sum())
        changed += float(np.abs(comp - plate).mean(-1)[solid].sum())
        clear = inside & (cv2.dilate(alpha, np.ones((5, 5))) < 0.02)
        free += float(found.region[clear].sum())
        lost += float((found.region - found.layers["matte"])[clear].sum())
    return {
        "occluder IoU": both / max(either, 1),
        "IoU, median frame": float(np.median(per_frame)) if per_frame else float("nan"),
        "occluder's pixels changed %": 100 * changed / max(covered, 1),
        "face lost beside it %": 100 * lost / max(free, 1),
        "false occlusion, frames before and after %": float(np.mean(wrong)) if wrong else 0.0,
    }


def hairy_shot(clip: Clip, kind: str) -> Shot:
    """The clip with hair of the brows' colour hanging beside the face, tracked."""
    track = clip.track
    mean = np.median(track.canonical()[track.visible][..., :2], axis=0)
    left, right = mean[points.FACE_LEFT], mean[points.FACE_RIGHT]
    width = float(np.linalg.norm(right - left))
    to_crop = np.c_[width * np.eye(2), (left + right) / 2]
    middle = clip.frames[len(clip.frames) // 2]
    brow = read_png(clip.folder / f"plate.{middle:04d}.png")
    x, y = track.landmarks[track.index(middle), list(_BROW), :2].astype(int).T
    colour = 0.8 * np.median(brow[y, x], axis=0)

    def paint(number: int, frame: int, rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        row = track.index(frame)
        if not track.visible[row]:
            return None
        to_plate = geometry.compose(geometry.invert(track.transform[row]), to_crop)
        size = (rgb.shape[1], rgb.shape[0])
        return occluders.draw_hair(kind, to_plate, colour, size, number / 25)

    return painted_shot(clip, f"hair-{kind}", paint)


def measure_hair(clip: Clip, kind: str, *, force: bool, step: int) -> dict[str, float]:
    """How far the matte at the region's sides is from what leaves hair of known alpha alone."""
    shot = hairy_shot(clip, kind)
    masked(shot, force=force, step=step)
    track = track_stage.load(shot)
    away = plain = band = lost = free = 0.0
    for frame in clip.frames[::step]:
        folder = clip.folder.with_name(f"hair-{kind}")
        plate = read_png(folder / f"plate.{frame:04d}.png")
        size = (plate.shape[1], plate.shape[0])
        found = windows(shot, track, frame, size)
        if found is None:
            continue
        row = track.index(frame)
        alpha = np.load(folder / f"alpha.{frame:04d}.npz")["alpha"].astype(np.float32)
        sides = cv2.warpAffine(
            rim.sides(track.canonical()[row, :, :2]),
            geometry.for_opencv(track.transform[row] * 256),
            size,
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        )
        near = (found.region > 0) & (sides > 0.5) & (cv2.dilate(alpha, np.ones((9, 9))) > 0.05)
        wanted = found.region * (1 - alpha)
        away += float(np.abs(found.layers["matte"] - wanted)[near].sum())
        plain += float(np.abs(found.region - wanted)[near].sum())
        band += float(near.sum())
        clear = (found.region > 0) & (cv2.dilate(alpha, np.ones((5, 5))) < 0.02)
        free += float(found.region[clear].sum())
        lost += float((found.region - found.layers["matte"])[clear].sum())
    return {
        "matte error at the sides' hair": away / max(band, 1),
        "the same of the region as it is drawn": plain / max(band, 1),
        "face lost beside it %": 100 * lost / max(free, 1),
    }


def true_lips(clip: Clip) -> dict[int, np.ndarray]:
    """The lips of the demo's plate by frame, which are known; nothing for other clips."""
    corner = (clip.folder / "done").read_text().split()
    if CLIPS[clip.name][0] or len(corner) != 2:
        return {}
    from relip.demo import Scene

    scene = Scene(len(clip.frames), size=480)
    rgb = read_png(clip.folder / f"plate.{clip.frames[0]:04d}.png")
    size = (rgb.shape[1], rgb.shape[0])
    found = {}
    for index, frame in enumerate(clip.frames):
        truth = scene.truth(index)
        outer, inner = (
            line - np.array(corner, float) for line in (truth.outer_lips, truth.inner_lips)
        )
        found[frame] = (fill(outer, size) - fill(inner, size)) > 0.5
    return found


def measure_clean(clip: Clip, shared: Path | None, *, force: bool) -> dict[str, Any]:
    """False alarms, lips and flicker on the clip as it is."""
    masked(clip.shot, force=force)
    track = clip.track
    other = other_backend(shared)
    wrong, ious, own, steps, explained = [], [], [], [], []
    truth = true_lips(clip)
    true, true_other = [], []
    before: tuple[np.ndarray, np.ndarray] | None = None
    moving = [*points.JAW, points.CHEEK_LEFT, points.CHEEK_RIGHT]
    for frame in clip.frames:
        picture = cv2.imread(str(clip.folder / f"plate.{frame:04d}.png"))
        size = (picture.shape[1], picture.shape[0])
        found = windows(clip.shot, track, frame, size)
        if found is None:
            before = None
            continue
        inside = found.region > 0
        wrong.append(100 * float((found.layers["occlusion"][inside] > 0.5).mean()))
        row = track.index(frame)
        lips = found.layers["lips"] > 0.5
        own.append(iou(lips, lip_picture(track.landmarks[row, :, :2], size)))
        if other is not None:
            face = other(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), track.landmarks[row, :, :2])
            if face is not None:
                ious.append(iou(lips, lip_picture(face, size)))
                if truth:
                    true_other.append(iou(truth[frame], lip_picture(face, size)))
        if truth:
            true.append(iou(lips, truth[frame]))
        matte = cv2.warpAffine(
            found.layers["matte"], geometry.for_opencv(track.transform[row] * 256), (256, 256)
        )
        face = geometry.apply(track.transform[row], track.landmarks[row, moving, :2]) * 256
        if before is not None:
            gy, gx = np.gradient((matte + before[0]) / 2)
            motion = np.linalg.norm(face - before[1], axis=1).mean()
            steps.append(float(np.abs(matte - before[0]).sum()))
            explained.append(float(np.hypot(gx, gy).sum() * motion))
        before = (matte, face)
    return {
        "false occlusion %": float(np.mean(wrong)),
        "false occlusion, worst frame %": float(np.max(wrong)),
        "lips IoU, other mesh": float(np.mean(ious)) if ious else None,
        "lips IoU, own mesh": float(np.mean(own)),
        "lips IoU, truth": float(np.mean(true)) if true else None,
        "lips IoU, other mesh against truth": float(np.mean(true_other)) if true_other else None,
        "matte flicker / explained": float(np.sum(steps) / np.sum(explained)),
    }


def iou(a: np.ndarray, b: np.ndarray) -> float:
    """Of two bool pictures."""
    return float((a & b).sum()) / max(float((a | b).sum()), 1.0)


def lip_picture(face: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The lips of a mesh, without the opening between them."""
    outer = fill(face[list(points.OUTER_LIPS)], size)
    return (outer - fill(face[list(points.INNER_LIPS)], size)) > 0.5


def other_backend(shared: Path | None) -> Any:
    """The Tasks face landmarker as a function of a picture and the face meant; None without it."""
    file = shared / "models" / "face_landmarker.task" if shared else None
    if file is None or not file.exists():
        return None
    import mediapipe as mp

    options = mp.tasks.vision.FaceLandmarkerOptions(
        base_options=mp.tasks.BaseOptions(model_asset_path=str(file)), num_faces=3
    )
    finder = mp.tasks.vision.FaceLandmarker.create_from_options(options)

    def find(picture: np.ndarray, near: np.ndarray) -> np.ndarray | None:
        image = mp.Image(image_format=mp.ImageFormat.SRGB, data=np.ascontiguousarray(picture))
        height, width = picture.shape[:2]
        faces = [
            np.array([(p.x * width, p.y * height) for p in face])
            for face in finder.detect(image).face_landmarks
        ]
        if not faces:
            return None
        return min(faces, key=lambda f: float(np.linalg.norm(f[:468] - near[:468])))

    return find


def measure_speed(shared: Path, work: Path, frames: int = 60) -> dict[str, float]:
    """Seconds of one core for the stage beyond decoding, on a 1080p movie; and its memory."""
    import psutil

    movie = shared / "media" / "seated_man_20s.mp4"
    cv2.setNumThreads(1)
    track, shot = tracked(Shot(work / "speed.relip", settings(movie, range(1, frames + 1))))
    process = psutil.Process()
    with shot.open_plate() as plate:
        start = time.process_time()
        for _ in plate.iter(shot.frames):
            pass
        decoding = time.process_time() - start
        inputs = mask_stage.load_inputs(shot, plate)
        assert inputs.fit_key is not None
        start = time.process_time()
        with steady():
            fit.obtain(shot, plate, track, inputs.region, QUIET, key=inputs.fit_key, force=True)
        fitting = time.process_time() - start
    held = []
    for count in (frames // 3, frames):
        start = time.process_time()
        for frame in shot.frames:
            mask_stage.mask_path(shot, frame).unlink(missing_ok=True)
        with steady():
            mask_stage.run(shot, shot.frames[:count], progress=QUIET)
        held.append(process.memory_info().rss / 1e6)
        spent = time.process_time() - start
    return {
        "frames/s per core": frames / (spent - decoding),
        "fit, s (one core, with decoding)": fitting,
        "decoding, s": decoding,
        f"memory after {frames // 3} frames, MB": held[0],
        f"memory after {frames} frames, MB": held[1],
        "peak memory, MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
    }


def main() -> int:
    """Run what is asked and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("work", type=Path, help="a folder for plates and tracks")
    parser.add_argument("--shared", type=Path, help="the folder of test footage")
    parser.add_argument("--clips", nargs="+", default=list(CLIPS), choices=list(CLIPS))
    parser.add_argument("--kinds", nargs="*", default=list(occluders.KINDS))
    parser.add_argument("--hair", nargs="*", default=list(occluders.HAIR))
    parser.add_argument(
        "--every", type=int, default=1, help="look at every so many frames with occluders or hair"
    )
    parser.add_argument("--speed", action="store_true", help="measure speed and memory too")
    parser.add_argument("--force", action="store_true", help="make the masks again")
    parser.add_argument("--json", type=Path, help="write the figures here")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    results: dict[str, Any] = {}
    for name in args.clips:
        clip = clean_clip(name, args.work, args.shared)
        if clip is None:
            continue
        results[name] = {"clean": measure_clean(clip, args.shared, force=args.force)}
        show(name, "clean", results[name]["clean"])
        for kind in args.kinds:
            results[name][kind] = measure_occluder(clip, kind, force=args.force, step=args.every)
            show(name, kind, results[name][kind])
        for kind in args.hair:
            results[name][kind] = measure_hair(clip, kind, force=args.force, step=args.every)
            show(name, kind, results[name][kind])
    if args.speed and args.shared is not None:
        results["speed"] = measure_speed(args.shared, args.work)
        show("1080p", "speed", results["speed"])
    if args.json:
        args.json.write_text(json.dumps(results, indent=1))
    return 0


def show(clip: str, kind: str, figures: dict[str, Any]) -> None:
    """One line per figure, with what is asked."""
    how = f" ({CLIPS[clip][3]})" if clip in CLIPS else ""
    for name, value in figures.items():
        text = "not measured" if value is None else f"{value:.3f}"
        asked = f"  asked {ASKED[name]}" if name in ASKED else ""
        print(f"{clip + how:<24} {kind:<11} {name:<44} {text:>10}{asked}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
