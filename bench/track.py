"""The face track: found, steady, equivariant, exact, quick, and honest about damage.

    python bench/track.py [--media DIR] [--frames 60] [--backends facemesh,tasks] [--only PART ...]

Parts, each a table:

clips         every clip of --media (default: RELIP_SHARED/media, or ``shared`` beside the
              repository): share of frames with the face, jitter of the alignment at the nose
              (robust sigma of the third difference / sqrt(20), % of the face width, without and
              with the flow correction; in the crop, so that true motion is not in it), false
              refusals, frames/s per core (CPU time of the process, without decoding), confidence
equivariance  the clips re-tracked resized, mirrored, rotated and with noise: distance of the lips
              from where the untouched clip has them, % fw
truth         the demo's plate, whose lips and jaw are known
moved         stills of the clips moved by known motions (``known.py``) and coded: how far the
              alignment at the nose is off the true motion, % fw: jitter as above, and RMS of what
              is faster than 6 frames; aligned by landmarks, by the flow of each pair of frames,
              and by the neighbours' mean as well
small         the clips shrunk until the face is 40 and 30 pixels wide
people        two clips in one picture, side by side and one crossing before the other: swaps
confidence    faces damaged on purpose (blob over the mouth, blur): AUC of the lips' confidence

--backends facemesh,tasks measures both, one after the other; tasks needs its model installed
(relip models fetch face_landmarker). --frames limits the frames per clip (0: all). Figures of one
run on one machine; the CPU time of frames/s depends on what else runs there.
"""

from __future__ import annotations

import argparse
import itertools
import os
import resource
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import av
import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "core"))

from known import moved
from scipy.ndimage import gaussian_filter1d

from relip.errors import ModelError
from relip.threads import steady
from relip.track import confidence, fade, geometry, points, stabilise
from relip.track.backend import open_finder
from relip.track.detection import Detection, gather
from relip.track.finder import Finder, cut
from relip.track.follower import Actor, Follower
from relip.track.points import face_width

LIPS = list(points.LIPS)
_MIRRORED = [
    *points.OUTER_UPPER[::-1], *points.OUTER_LOWER[::-1],
    *points.INNER_UPPER[::-1], *points.INNER_LOWER[::-1],
]  # fmt: skip
PARTS = ("clips", "equivariance", "truth", "moved", "small", "people", "confidence")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    beside = Path(__file__).resolve().parents[2] / "shared"
    shared = Path(os.environ.get("RELIP_SHARED", beside))
    parser.add_argument("--media", type=Path, default=shared / "media")
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--backends", default="facemesh")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--clips", nargs="+", help="names of clips, by default all")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    clips = sorted(args.media.glob("*.mp4")) if args.media.is_dir() else []
    if args.clips:
        clips = [c for c in clips if c.name in args.clips]
    if not clips:
        print(f"no clips in {args.media}: only the demo's plate is measured")
    for backend in args.backends.split(","):
        try:
            opened = open_finder(backend)
        except ModelError as exc:
            print(f"\n{backend} is not measured: {exc}")
            continue
        # as the engine runs its stages: BLAS threads that wait for work spin, and are counted
        with opened as finder, steady():
            print(f"\n== {finder.name} ==")
            for part in args.only:
                globals()[f"part_{part}"](finder, clips, args.frames or 10**9)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\npeak memory of this process {peak:.0f} MiB")
    return 0


def read(clip: Path, limit: int, step: int = 1) -> Iterator[np.ndarray]:
    with av.open(str(clip)) as container:
        for frame in itertools.islice(container.decode(video=0), 0, limit * step, step):
            yield np.ascontiguousarray(frame.to_ndarray(format="rgb24"))


def track(finder: Finder, pictures: Iterable[np.ndarray]) -> tuple[Follower, int, float]:
    """Everybody in the pictures, how many there were, and the CPU seconds without decoding."""
    follower, spent, count = Follower(finder), 0.0, 0
    for row, picture in enumerate(pictures):
        start = time.process_time()
        follower.step(row, picture)
        spent += time.process_time() - start
        count += 1
    follower.finish()
    return follower, count, spent


def largest(follower: Follower, count: int) -> Detection:
    known = [p for p in follower.crowd if p.faces]
    found = gather(max(known, key=Actor.size) if known else None, count, 0)
    found.cuts = follower.cuts
    return found


def seen(found: Detection) -> np.ndarray:
    result: np.ndarray = np.isfinite(found.landmarks[:, 0, 0])
    return result


def jitter(found: Detection, pictures: Iterable[np.ndarray]) -> tuple[float, float]:
    """Of the nose in the crop, % fw: aligned by landmarks alone, and with the flow.

    How far the nose's picture moves in the crop from frame to frame is measured by phase
    correlation, which shares nothing with the landmarks or the alignment's flow; the sum of these
    steps is the path whose third difference is taken. Motion of the head is not in it.
    """
    visible = seen(found)
    shape, width = stabilise.reference_shape(found.landmarks[visible])
    aligned = [
        stabilise.align(found.landmarks, visible, motions, shape)
        for motions in (np.full_like(found.motions, np.nan), found.motions)
    ]
    side, across = 128, 0.4  # pixels, face widths
    scale = side / (across / stabilise.CROP_FACE_WIDTHS)
    nose = shape[[4, 195, 5, 1]].mean(0)
    window = cv2.createHanningWindow((side, side), cv2.CV_32F)
    steps: list[list[np.ndarray]] = [[], []]
    before: list[np.ndarray | None] = [None, None]
    for row, picture in enumerate(pictures):
        for i, transform in enumerate(aligned):
            if not visible[row]:
                before[i] = None
                steps[i].append(np.full(2, np.nan))
                continue
            to_patch = transform[row] * scale
            to_patch[:, 2] += side / 2 - nose * scale
            patch = cv2.cvtColor(cut(picture, to_patch, side), cv2.COLOR_RGB2GRAY)
            now = patch.astype(np.float32)
            last = before[i]
            step = (np.nan, np.nan) if last is None else cv2.phaseCorrelate(last, now, window)[0]
            steps[i].append(np.array(step) / side * across)
            before[i] = now
    # the third difference of the path is the second of its steps
    result = []
    for each in steps:
        second = np.diff(np.array(each), 2, axis=0)
        second = second[np.isfinite(second).all(1)]
        spread = 1.4826 * np.median(np.abs(second - np.median(second, axis=0)))
        result.append(100 * float(spread) / np.sqrt(20))
    return result[0], result[1]


def belief(found: Detection) -> confidence.Belief:
    return confidence.believe(
        found.landmarks, found.looks, found.template, found.away, found.followed
    )


def table(title: str, head: list[str], rows: list[list[object]]) -> None:
    print(f"\n{title}")
    cells = [head, *[[_cell(v) for v in row] for row in rows]]
    widths = [max(len(str(row[i])) for row in cells) for i in range(len(head))]
    for row in cells:
        print("  " + "  ".join(str(v).ljust(w) for v, w in zip(row, widths, strict=True)))
    sys.stdout.flush()


def _cell(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def part_clips(finder: Finder, clips: list[Path], limit: int) -> None:
    rows: list[list[object]] = []
    for clip in clips:
        follower, count, spent = track(finder, read(clip, limit))
        start = time.process_time()
        found = largest(follower, count)
        spent += time.process_time() - start
        visible = seen(found)
        if not visible.any():
            rows.append([clip.name, count, 0.0, *["-"] * 9])
            continue
        trust = belief(found)
        runs = fade.runs_of(count, found.cuts)
        out = fade.reasons(visible, runs, trust, np.zeros(count, bool))
        plain, steady = jitter(found, read(clip, limit))
        width = float(np.median([face_width(f) for f in found.landmarks[visible]]))
        turned = np.abs(trust.angles[visible])
        rows.append([
            clip.name, count, round(width), 100 * float(visible.mean()),
            int(np.flatnonzero(visible)[0]), plain, steady, count / spent,
            " ".join(f"{v:.2f}" for v in np.percentile(trust.regions[visible], 5, axis=0)),
            "/".join(f"{v:.0f}" for v in turned.max(0)), sum(bool(visible[r]) for r in out),
            f"{len(found.cuts)} {len(follower.crowd)} {int(found.bridged.sum())}",
        ])  # fmt: skip
    table(
        "clips",
        ["clip", "frames", "fw px", "found %", "first", "jitter", "with flow", "frames/s",
         "confidence 5 % (align lips jaw)", "yaw/pitch/roll", "refused", "cuts people bridged"],
        rows,
    )  # fmt: skip


def part_equivariance(finder: Finder, clips: list[Path], limit: int) -> None:
    rng = np.random.default_rng(0)

    def resized(p: np.ndarray) -> np.ndarray:
        size = (round(p.shape[1] * 0.63), round(p.shape[0] * 0.63))
        return cv2.resize(p, size, interpolation=cv2.INTER_AREA)

    def turn(p: np.ndarray) -> np.ndarray:
        height, width = p.shape[:2]
        matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), 9, 1)
        return cv2.warpAffine(p, matrix, (width, height), flags=cv2.INTER_CUBIC)

    def turned_back(lips: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
        height, width = size[:2]
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), 9, 1)
        return geometry.apply(geometry.invert(matrix), lips)

    variants: dict[str, tuple[Callable[..., np.ndarray], Callable[..., np.ndarray], list[int]]] = {
        "resized 63 %": (
            resized,
            lambda lips, size: lips * [
                size[1] / round(size[1] * 0.63), size[0] / round(size[0] * 0.63)],
            LIPS,
        ),
        "mirrored": (
            lambda p: np.ascontiguousarray(p[:, ::-1]),
            lambda lips, size: np.array([size[1], 0]) + lips * [-1, 1],
            _MIRRORED,
        ),
        "rotated 9°": (turn, turned_back, LIPS),
        "noise σ 5/255": (
            lambda p: np.clip(p + rng.normal(0, 5, p.shape), 0, 255).astype(np.uint8),
            lambda lips, size: lips,
            LIPS,
        ),
    }  # fmt: skip
    rows: list[list[object]] = []
    for clip in clips:
        pictures = list(read(clip, min(limit, 16)))
        follower, count, _ = track(finder, pictures)
        own = largest(follower, count).landmarks
        row: list[object] = [clip.name]
        for change, back, index in variants.values():
            other = largest(track(finder, [change(p) for p in pictures])[0], count).landmarks
            lips = back(other[:, index, :2], pictures[0].shape)
            away = np.linalg.norm(lips - own[:, LIPS, :2], axis=-1).mean(1)
            widths = np.array([face_width(f) for f in own])
            row.append(float(np.nanmean(100 * away / widths)))
        rows.append(row)
    table("equivariance error of the lips, % fw", ["clip", *variants], rows)


def part_truth(finder: Finder, _clips: list[Path], limit: int) -> None:
    from relip.demo import INNER_LIPS, JAW, OUTER_LIPS, Scene

    rows: list[list[object]] = []
    for size in (400, 720):
        scene = Scene(min(limit, 24), size=size)
        pictures = [np.round(scene.render(i) * 255).astype(np.uint8) for i in range(scene.n_frames)]
        follower, count, _ = track(finder, pictures)
        face = largest(follower, count).landmarks
        truth = [scene.truth(i) for i in range(count)]
        row: list[object] = [f"demo {size} px", count, 100 * float(seen_of(face).mean())]
        for name, index in (
            ("inner_lips", INNER_LIPS), ("outer_lips", OUTER_LIPS), ("jaw", JAW)
        ):  # fmt: skip
            away = [
                np.linalg.norm(f[list(index), :2] - getattr(t, name), axis=1).mean() / t.face_width
                for f, t in zip(face, truth, strict=True)
            ]
            row.append(100 * float(np.nanmean(away)))
        opening = np.linalg.norm(face[:, 13, :2] - face[:, 14, :2], axis=1)
        row.append(float(np.corrcoef(opening, [t.opening for t in truth])[0, 1]))
        rows.append(row)
    table(
        "demo's truth, mean distance in % fw",
        ["plate", "frames", "found %", "inner lips", "outer lips", "jaw", "opening r"],
        rows,
    )


#: How moved stills are treated: name, grain in 8-bit steps, CRF of H.264, and whether they jerk.
_TREATED = (
    ("not coded", 2.0, 0, False),
    ("crf 24", 3.0, 24, False),
    ("crf 28, jerks", 4.0, 28, True),
)


def part_moved(finder: Finder, clips: list[Path], limit: int) -> None:
    rows: list[list[object]] = []
    count = min(limit, 100)
    for number, clip in enumerate(clips):
        pictures = list(read(clip, 2, 60))
        for what, grain, crf, jerks in _TREATED:
            still = pictures[-1]
            faces = finder.faces(still)
            if not faces:
                continue
            known = moved(
                still, faces[0], count, seed=10 * number + crf, grain=grain, crf=crf, jerks=jerks
            )
            follower, total, _ = track(finder, known.pictures)
            found = largest(follower, total)
            visible = seen(found)
            if not visible.all():
                rows.append([clip.name, what, *["-"] * 6])
                continue
            shape, _ = stabilise.reference_shape(found.landmarks)
            person = max((p for p in follower.crowd if p.faces), key=Actor.size)
            pairs = np.array([person.sights[row].motion for row in range(total)])
            row: list[object] = [clip.name, what]
            for motions in (np.full_like(pairs, np.nan), pairs, found.motions):
                aligned = stabilise.align(found.landmarks, visible, motions, shape)
                row += true_error(aligned, known.nose)
            rows.append(row)
    if not rows:
        return
    means = np.exp(np.log([[float(str(v)) for v in r[2:]] for r in rows if r[2] != "-"]).mean(0))
    rows.append(["geometric mean", "", *means])
    table(
        "error of the alignment against true motion at the nose, % fw",
        ["still of", "how", "landmarks jitter", "fast", "flow jitter", "fast", "neighbours jitter",
         "fast"],
        rows,
    )  # fmt: skip


def true_error(aligned: np.ndarray, nose: np.ndarray) -> tuple[float, float]:
    """Of the true nose in the crop: the jitter of :func:`jitter`, and RMS of its fast part."""
    path = 100 * stabilise.CROP_FACE_WIDTHS * geometry.apply(aligned, nose).mean(1)
    third = np.diff(path, 3, axis=0)
    spread = 1.4826 * np.median(np.abs(third - np.median(third, axis=0))) / np.sqrt(20)
    slow = gaussian_filter1d(path, stabilise.DRIFT_FRAMES, axis=0, mode="nearest")
    return float(spread), float(np.sqrt(np.square(path - slow).mean()))


def seen_of(face: np.ndarray) -> np.ndarray:
    result: np.ndarray = np.isfinite(face[:, 0, 0])
    return result


def part_small(finder: Finder, clips: list[Path], limit: int) -> None:
    rows: list[list[object]] = []
    for clip in clips:
        first = list(read(clip, 1))
        face = finder.faces(first[0])
        if not face:
            continue
        row: list[object] = [clip.name]
        for wanted in (40, 30, 24):
            scale = wanted / face_width(face[0])

            def shrunk(scale: float = scale, clip: Path = clip) -> Iterator[np.ndarray]:
                for p in read(clip, min(limit, 40), 3):
                    size = (round(p.shape[1] * scale), round(p.shape[0] * scale))
                    small = cv2.resize(p, size, interpolation=cv2.INTER_AREA)
                    # in a picture of 1080p, as a face that far away would be
                    canvas = np.full((1080, 1920, 3), small.mean(axis=(0, 1)), np.uint8)
                    y, x = (1080 - size[1]) // 2, 1100
                    canvas[y : y + size[1], x : x + size[0]] = small
                    yield canvas

            follower, count, spent = track(finder, shrunk())
            row += [100 * float(seen(largest(follower, count)).mean()), count / spent]
        rows.append(row)
    table(
        "small faces in a 1080p picture: found %, frames/s",
        ["clip", "40 px", "fps", "30 px", "fps", "24 px", "fps"],
        rows,
    )


def crossing(
    one: list[np.ndarray], other: list[np.ndarray], face: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray, float]]:
    """The head of ``other`` moved over ``one``: the picture, where the head is, its width."""
    low, high = face[:, :2].min(0), face[:, :2].max(0)
    size = high - low
    x0, y0 = np.maximum(low - size * [0.5, 0.7], 0).astype(int)
    x1, y1 = (high + size * [0.5, 0.6]).astype(int)
    for i, (a, b) in enumerate(zip(one, other, strict=True)):
        canvas = cv2.copyMakeBorder(a, 0, 0, a.shape[1] // 2, a.shape[1] // 2, cv2.BORDER_REPLICATE)
        head = b[y0:y1, x0:x1]
        scale = 0.5 * a.shape[0] / head.shape[0]
        head = cv2.resize(head, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        t = i / (len(one) - 1)
        left = round((canvas.shape[1] - head.shape[1]) * (1 - t))
        top = round(0.1 * a.shape[0])
        canvas[top : top + head.shape[0], left : left + head.shape[1]] = head
        place = np.array([left + head.shape[1] / 2, top + 0.52 * head.shape[0]])
        yield canvas, place, float(head.shape[1])


def part_people(finder: Finder, clips: list[Path], limit: int) -> None:
    rows: list[list[object]] = []
    count = min(limit, 50)
    material = {}
    for clip in clips:
        pictures = [
            cv2.resize(p, None, fx=480 / p.shape[0], fy=480 / p.shape[0],
                       interpolation=cv2.INTER_AREA)
            for p in read(clip, count)
        ]  # fmt: skip
        faces = finder.faces(pictures[0])
        if faces:
            material[clip.name] = (pictures, faces[0])
    for a, b in list(itertools.combinations(material, 2)):
        one, other = material[a][0], material[b][0]
        wide = [np.concatenate([p, q], axis=1) for p, q in zip(one, other, strict=True)]
        border = one[0].shape[1]
        for name, pictures, places in (
            ("side by side", wide, [np.array([border + border / 2, 240.0])] * count),
            ("crossing", *_crossed(one, other, material[b][1])),
        ):
            follower, total, _ = track(finder, pictures)
            swaps, kept = _swaps(follower, places, name == "side by side", border)
            rows.append([f"{a[:12]} + {b[:12]}", name, total, len(follower.crowd), swaps, kept])
    table(
        "two people: 0 swaps asked",
        ["clips", "how", "frames", "people told apart", "swaps", "frames with both"],
        rows,
    )


def _crossed(
    one: list[np.ndarray], other: list[np.ndarray], face: np.ndarray
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    made = list(crossing(one, other, face))
    return [m[0] for m in made], [m[1] for m in made]


def _swaps(
    follower: Follower, places: list[np.ndarray], still: bool, border: int
) -> tuple[int, int]:
    """How often a person's face is the other one's: by whether it is near the moving head."""
    both = 0
    owners: dict[int, list[bool]] = {}
    for row, place in enumerate(places):
        here = [(id(p), p.faces[row][:, :2].mean(0)) for p in follower.crowd if row in p.faces]
        both += len(here) > 1
        for who, middle in here:
            moving = middle[0] > border if still else bool(np.linalg.norm(middle - place) < 60)
            owners.setdefault(who, []).append(moving)
    swaps = sum(int(np.abs(np.diff(np.array(v, int))).sum()) for v in owners.values())
    return swaps, both


def part_confidence(finder: Finder, clips: list[Path], limit: int) -> None:
    rows: list[list[object]] = []
    count = min(limit, 60)
    for clip in clips:
        pictures = list(read(clip, count, 2))
        follower, total, _ = track(finder, pictures)
        face = largest(follower, total).landmarks
        for name, damage in (("blob over the mouth", blob), ("blur", blurred), ("bar", bar)):
            rng = np.random.default_rng(1)
            hurt = np.zeros(total, bool)
            for start in range(6, total, 15):
                hurt[start : start + 5] = True
            made = [
                damage(p, f, rng) if h and np.isfinite(f[0, 0]) else p
                for p, f, h in zip(pictures, face, hurt, strict=True)
            ]
            follower, _, _ = track(finder, made)
            found = largest(follower, total)
            trust = belief(found)
            # the frames beside the damage belong to neither
            calm = ~np.convolve(hurt, [1, 1, 1], "same").astype(bool)
            lips = trust.regions[:, 1]
            out = fade.reasons(seen(found), np.zeros(total, int), trust, np.zeros(total, bool))
            refused = np.isin(np.arange(total), list(out))
            rows.append([
                clip.name, name, auc(lips[calm], lips[hurt]),
                auc(trust.regions[calm, 0], trust.regions[hurt, 0]),
                auc(trust.regions[calm, 2], trust.regions[hurt, 2]),
                float(np.median(lips[calm])), float(np.median(lips[hurt])),
                100 * float(refused[hurt].mean()), 100 * float(refused[calm].mean()),
            ])  # fmt: skip
    table(
        "confidence: AUC of undamaged over damaged frames",
        ["clip", "damage", "lips", "alignment", "jaw", "median calm", "median hurt",
         "hurt refused %", "calm refused %"],
        rows,
    )  # fmt: skip


def auc(high: np.ndarray, low: np.ndarray) -> float:
    """Share of pairs in the right order; ties count half."""
    if not len(high) or not len(low):
        return float("nan")
    more = (high[:, None] > low[None]).mean()
    return float(more + 0.5 * (high[:, None] == low[None]).mean())


def blob(picture: np.ndarray, face: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A hand-like blob of skin colour over mouth and chin."""
    width = face_width(face)
    centre = face[[13, 14, 17], :2].mean(0) + rng.normal(0, 0.05 * width, 2)
    skin = np.median(picture[_box(face, points.CHEEK_LEFT, 0.06 * width, picture)], axis=(0, 1))
    layer = np.zeros(picture.shape[:2], np.float32)
    axes = (round(0.38 * width), round(0.26 * width))
    cv2.ellipse(layer, _whole(centre), axes, float(rng.uniform(-20, 20)), 0, 360, 1.0, -1)
    layer = cv2.GaussianBlur(layer, (0, 0), 0.012 * width)[..., None]
    texture = cv2.GaussianBlur(
        rng.normal(0, 30, picture.shape[:2]).astype(np.float32), (0, 0), 0.03 * width
    )
    hand = np.clip(skin * rng.uniform(0.8, 1.05) + texture[..., None], 0, 255)
    return np.round(picture * (1 - layer) + hand * layer).astype(np.uint8)


def bar(picture: np.ndarray, face: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A dark microphone with its stand before the mouth."""
    width = face_width(face)
    centre = face[[13, 14], :2].mean(0) + rng.normal(0, 0.03 * width, 2)
    result = picture.copy()
    cv2.circle(result, _whole(centre), round(0.2 * width), (38, 36, 40), -1, cv2.LINE_AA)
    end = centre + np.array([0.25, 0.9]) * width
    cv2.line(result, _whole(centre), _whole(end), (60, 60, 62), round(0.12 * width), cv2.LINE_AA)
    return result


def blurred(picture: np.ndarray, face: np.ndarray, _rng: np.random.Generator) -> np.ndarray:
    """The whole picture out of focus by 6 % of the face width."""
    return cv2.GaussianBlur(picture, (0, 0), 0.06 * face_width(face))


def _whole(place: np.ndarray) -> tuple[int, int]:
    return round(float(place[0])), round(float(place[1]))


def _box(face: np.ndarray, point: int, half: float, picture: np.ndarray) -> tuple[slice, slice]:
    x, y = face[point, :2]
    height, width = picture.shape[:2]
    x0, y0 = max(int(x - half), 0), max(int(y - half), 0)
    return slice(y0, min(int(y + half) + 1, height)), slice(x0, min(int(x + half) + 1, width))


if __name__ == "__main__":
    sys.exit(main())
