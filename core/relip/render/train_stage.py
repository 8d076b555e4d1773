"""The train stage: plate and track → model/model.safetensors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from relip import records
from relip.errors import FaceError, SettingError
from relip.frames import format_range, select_frames
from relip.mask import stage as mask_stage
from relip.mask.region import Region, make_region
from relip.progress import Progress
from relip.records import StageReport
from relip.render.canonical import Window, crop_size, fold
from relip.shot import Shot
from relip.track import pose
from relip.track import stage as track_stage
from relip.track.facetrack import FaceTrack
from relip.track.stabilise import CROP_FACE_WIDTHS

if TYPE_CHECKING:
    from relip.render.checkpoint import Moment

NAME = "train"
VERSION = 9

#: A network cannot be trained on fewer frames than this.
MIN_EXAMPLES = 8


def model_path(shot: Shot) -> Path:
    """The shot's model file."""
    return shot.path("model", "model.safetensors")


def key(shot: Shot) -> str:
    """Fingerprint of everything the model depends on."""
    from relip.render.extra import model_file

    settings = shot.settings.to_dict()
    # how it is watched and where its files lie makes no other network
    aside = ("device", "precision", "preview", "model_from", "extra")
    wanted = {k: v for k, v in settings["train"].items() if k not in aside}
    begun = model_file(shot)
    # what stands before the face is not learnt; without it the model is what it always was
    hidden = mask_stage.occluded(shot)
    return records.fingerprint(
        NAME,
        VERSION,
        wanted,
        {k: settings["mask"][k] for k in ("grow", "jaw", "sides")},
        records.file_fingerprint(shot.path("track", "track.npz")),
        settings["plate"]["colourspace"],
        records.file_fingerprint(begun) if begun else None,
        [_plate_key(shot, name) for name in shot.settings.train.extra],
        *([{str(f): k for f, k in hidden.items()}] if hidden else []),
    )


def _plate_key(shot: Shot, name: str) -> str:
    """Fingerprint of an extra plate; of one that is not there, that it is not."""
    from relip.errors import PlateError
    from relip.track.aside import beside

    try:
        with beside(shot, "model/extra", name).open_plate() as plate:
            return plate.fingerprint()
    except PlateError:
        return "absent"


def shot_window(shot: Shot, track: FaceTrack, region: Region) -> Window:
    """The window that holds the region in every frame of the shot."""
    size = shot.settings.train.crop or crop_size(track.face_width)
    return Window.for_outlines(region.outline, size)


def run(shot: Shot, *, progress: Progress, force: bool = False) -> StageReport:
    """Train the shot's network.

    Raises
    ------
    FaceError
        If too few frames show a face.
    ModelError
        If the device is not there.
    """
    report = StageReport(NAME)
    folder = shot.stage_folder("model")
    stage_key = key(shot)
    old = records.read_record(folder)
    if not force and old.get("key") == stage_key and model_path(shot).exists():
        report.kept = list(shot.frames)
        report.data = old.get("data", {})
        report.notes = old.get("notes", [])
        return report
    from relip.render import examples as example_module
    from relip.render import extra, holdout, training
    from relip.render import rig as rig_module
    from relip.render.calibration import Calibration
    from relip.render.checkpoint import Checkpoint
    from relip.render.encoding import Encoding
    from relip.render.interior import Mouths, shapes
    from relip.render.model import ShotModel
    from relip.render.monitor import Monitor
    from relip.render.network import ShotNet
    from relip.render.opened import opened_examples
    from relip.render.retrack import lip_errors

    settings = shot.settings.train
    device = training.choose_device(settings.device)
    mixed = training.mixed_precision(device, settings.precision)
    track = track_stage.load(shot)
    frames = select_frames(settings.frames or None, shot.frames)
    region = make_region(track, shot.settings.mask)
    window = shot_window(shot, track, region)
    learnable = [f for f in frames if track.editable[track.index(f)]]
    check_enough(shot, len(learnable))
    kept_back = holdout.choose(learnable, settings.held_out)
    learned = [f for f in learnable if f not in set(kept_back)]
    begun = extra.model_file(shot)
    start = extra.first_weights(begun, ShotNet(fold(window.size))) if begun else None
    hidden = mask_stage.occluded(shot)

    def occlusion(frame: int) -> tuple[np.ndarray, tuple[int, int]] | None:
        return mask_stage.read_occlusion(shot, frame) if frame in hidden else None

    with shot.open_plate() as plate:
        encoding = Encoding.choose(plate.colourspace, settings.working)
        with progress.part(0, 0.05):
            examples = example_module.collect(
                plate, track, region, window, encoding, learned, progress, occlusion
            )
            held = (
                example_module.collect(plate, track, region, window, encoding, kept_back, progress)
                if settings.patience and kept_back
                else None
            )
    check_enough(shot, len(examples.frames))
    rows = np.array([track.index(f) for f in examples.frames])
    rig = rig_module.fit(track, rows)
    steps = settings.steps or training.STEPS[settings.quality]
    checkpoint = Checkpoint(model_path(shot).with_name("training.safetensors"), stage_key)
    if force:
        checkpoint.remove()
    with progress.part(0.05, 0.03):
        others = extra.extra_examples(shot, window, encoding, progress)
    own_widest = rig_module.widest(track, rows)
    widest = max([own_widest, *(rig_module.widest(t, r) for _, t, r in others)])
    more = [(e, shape_sampling(t, r)) for e, t, r in others]
    silent = widest < rig_module.MIN_FULL_OPENING and not begun
    if silent:
        finest = window.size / (CROP_FACE_WIDTHS * track.face_width)
        curves = pose.pose_curves(track)[rows]
        made = opened_examples(examples, rig, curves, settings.seed, finest=finest)
        more.append((made, np.full(len(made.frames), 1 / len(made.frames))))
    material, sampling = extra.joined(examples, shape_sampling(track, rows), more)
    monitor = Monitor(folder, material, steps, settings.preview)
    watch: list[Callable[[Moment], None]] = [monitor]
    if held is not None and len(held.frames):
        # the zero of all examples is that of those learned from
        held = replace(held, mean=examples.mean)
        watch.insert(0, holdout.plateau(held, settings.patience))
    with progress.part(0.08, 0.86):
        trained = training.train(
            material,
            steps=steps,
            seed=settings.seed,
            device=device,
            progress=progress,
            sampling=sampling,
            checkpoint=checkpoint,
            watch=watch,
            start=start,
            mixed=mixed,
        )
    report.data = {
        "steps": trained.steps,
        "seconds": round(trained.seconds, 1),
        "examples": len(examples.frames),
        "loss": round(trained.history[-1][1], 5),
        "device": str(device),
        "window": window.as_list(),
        "working": encoding.working,
    }
    if mixed:
        report.data["precision"] = "bfloat16"
    if others:
        report.data["extra_examples"] = sum(len(e.frames) for e, *_ in others)
    if begun:
        report.data["model_from"] = records.file_fingerprint(begun)
    report.data["widest_opening"] = round(widest, 4)
    if silent:
        report.data["opened_examples"] = len(made.frames)
        report.notes.append(
            f"the mouth opens by {100 * widest:.1f} % of the face width at most in the frames "
            "learned from: what lies behind the lips is painted, and the teeth are no actor's; "
            "for the actor's own add a plate that shows them (--extra, train.extra) or begin with "
            "another shot of the actor (--model-from, train.model_from)"
        )
    if trained.steps < steps:
        report.notes.append(
            f"ended after {trained.steps} of {steps} steps: nothing was gained on held-out frames"
        )
    model = ShotModel(trained.network, rig, window, encoding, examples.mean)
    with shot.open_plate() as plate, progress.part(0.94, 0.03):
        asked, errors = lip_errors(
            model,
            plate,
            track,
            region,
            examples.frames.tolist(),
            progress,
            backend=shot.settings.track.backend,
        )
    model.calibration = Calibration.fit(asked, errors)
    model.mouths = Mouths.collect(examples, shapes(rig_module.track_lines(track))[rows])
    notes = {k: v for k, v in report.data.items() if k != "seconds"}
    if kept_back:
        pad = examples.pad
        mean = examples.pictures[:, pad:-pad, pad:-pad].mean(0, dtype=np.float32)
        with shot.open_plate() as plate, progress.part(0.97, 0.03):
            still = own_widest if own_widest < rig_module.MIN_FULL_OPENING else None
            verdict = holdout.check(
                model, plate, track, region, kept_back, mean, progress, still=still
            )
        report.data["held_out"] = verdict
        report.notes.append(f"held-out check: {verdict['verdict']}: {verdict['reason']}")
    # Without the time it took: the same network must be the same file, or all frames go stale.
    model.save(model_path(shot), {"key": stage_key, **notes})
    records.write_record(
        folder,
        {
            "stage": NAME,
            "key": stage_key,
            "state": "done",
            "settings": shot.settings.to_dict()["train"],
            "learned_from": format_range(int(f) for f in examples.frames),
            "data": report.data,
            "notes": report.notes,
            "history": [[s, round(x, 5), round(t, 1)] for s, x, t in trained.history],
            "model": records.file_fingerprint(model_path(shot)),
            "versions": records.versions(),
        },
    )
    checkpoint.remove()
    report.done = list(shot.frames)
    return report


def check_enough(shot: Shot, count: int) -> None:
    """Refuse to train on fewer than :data:`MIN_EXAMPLES` frames with a face."""
    if count < MIN_EXAMPLES:
        more = "widen train.frames" if shot.settings.train.frames else "give a longer plate"
        raise FaceError(
            f"{shot.settings.plate.path}: frames to learn from: only {count}",
            mend=f"a network needs {MIN_EXAMPLES} frames with a face; {more}",
        )


def shape_sampling(track: FaceTrack, rows: np.ndarray) -> np.ndarray:
    """Probability of each frame in training: rare openings and widths come more often.

    Inverse square root of the density of (opening, width) in a coarse
    histogram, so that a shot of mostly closed lips still learns the open ones.
    """
    if not len(rows):
        raise SettingError("no frames to sample")
    canonical_points = track.canonical()[rows]
    opening = canonical_points[:, 14, 1] - canonical_points[:, 13, 1]
    width = canonical_points[:, 291, 0] - canonical_points[:, 61, 0]
    cells = np.zeros(len(rows), int)
    for values, bins in ((opening, 8), (width, 4)):
        low, high = np.percentile(values, [1, 99])
        place = np.clip((values - low) / max(high - low, 1e-6) * bins, 0, bins - 1).astype(int)
        cells = cells * bins + place
    counts = np.bincount(cells, minlength=int(cells.max()) + 1)
    weight = 1 / np.sqrt(counts[cells])
    return weight / weight.sum()
