"""The train stage: plate and track → model/model.safetensors."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from relip import records
from relip.errors import FaceError, SettingError
from relip.frames import format_range, select_frames
from relip.mask import stage as mask_stage
from relip.mask.region import Region, make_region
from relip.progress import Progress
from relip.records import StageReport
from relip.render.canonical import Window
from relip.shot import Shot
from relip.track import stage as track_stage
from relip.track.facetrack import FaceTrack

NAME = "train"
VERSION = 3

CROP_SIZE = 256

#: A network cannot be trained on fewer frames than this.
MIN_EXAMPLES = 8


def model_path(shot: Shot) -> Path:
    """The shot's model file."""
    return shot.path("model", "model.safetensors")


def key(shot: Shot) -> str:
    """Fingerprint of everything the model depends on."""
    settings = shot.settings.to_dict()
    wanted = {k: v for k, v in settings["train"].items() if k != "device"}
    # what stands before the face is not learnt; without it the model is what it always was
    hidden = mask_stage.occluded(shot)
    return records.fingerprint(
        NAME,
        VERSION,
        wanted,
        {k: settings["mask"][k] for k in ("grow", "jaw", "sides")},
        records.file_fingerprint(shot.path("track", "track.npz")),
        settings["plate"]["colourspace"],
        *([{str(f): k for f, k in hidden.items()}] if hidden else []),
    )


def shot_window(region: Region) -> Window:
    """The window that holds the region in every frame of the shot."""
    return Window.for_outlines(region.outline, CROP_SIZE)


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
        return report
    from relip.render import examples as example_module
    from relip.render import rig as rig_module
    from relip.render import training
    from relip.render.calibration import Calibration
    from relip.render.checkpoint import Checkpoint
    from relip.render.encoding import Encoding
    from relip.render.model import ShotModel
    from relip.render.retrack import lip_errors

    settings = shot.settings.train
    device = training.choose_device(settings.device)
    track = track_stage.load(shot)
    frames = select_frames(settings.frames or None, shot.frames)
    region = make_region(track, shot.settings.mask)
    window = shot_window(region)
    learnable = [f for f in frames if track.visible[track.index(f)]]
    check_enough(shot, len(learnable))
    hidden = mask_stage.occluded(shot)

    def occlusion(frame: int) -> tuple[np.ndarray, tuple[int, int]] | None:
        return mask_stage.read_occlusion(shot, frame) if frame in hidden else None

    with shot.open_plate() as plate:
        encoding = Encoding.choose(
            plate.colourspace, settings.working, integer=not plate.info.get("float", False)
        )
        with progress.part(0, 0.05):
            examples = example_module.collect(
                plate, track, region, window, encoding, learnable, progress, occlusion
            )
    check_enough(shot, len(examples.frames))
    rows = np.array([track.index(f) for f in examples.frames])
    rig = rig_module.fit(track, rows)
    steps = settings.steps or training.STEPS[settings.quality]
    checkpoint = Checkpoint(model_path(shot).with_name("training.safetensors"), stage_key)
    if force:
        checkpoint.remove()
    with progress.part(0.05, 0.92):
        trained = training.train(
            examples,
            steps=steps,
            seed=settings.seed,
            device=device,
            progress=progress,
            sampling=shape_sampling(track, rows),
            checkpoint=checkpoint,
        )
    report.data = {
        "steps": steps,
        "seconds": round(trained.seconds, 1),
        "examples": len(examples.frames),
        "loss": round(trained.history[-1][1], 5),
        "device": str(device),
        "window": window.as_list(),
        "working": encoding.working,
    }
    model = ShotModel(trained.network, rig, window, encoding, examples.mean)
    with shot.open_plate() as plate, progress.part(0.97, 0.03):
        asked, errors = lip_errors(model, plate, track, region, examples.frames.tolist(), progress)
    model.calibration = Calibration.fit(asked, errors)
    # Without the time it took: the same network must be the same file, or all frames go stale.
    notes = {k: v for k, v in report.data.items() if k != "seconds"}
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
        raise FaceError(
            f"{shot.settings.plate.path}: only {count} frames to learn from",
            mend=f"a network needs {MIN_EXAMPLES} frames with a face; widen train.frames",
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
