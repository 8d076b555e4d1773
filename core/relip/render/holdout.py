"""Frames kept back from the training, and what they say of it.

Evenly spread frames are not learned from. At the end they are drawn from
their own lips and compared with the plate: a plain verdict for the artist,
in the record and on the terminal. Each lies between frames that were learned
from, so that it tells how well the network draws mouths of this shot, not how
well it draws what the shot never shows.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from relip.mask.region import Region
from relip.plate import BadFrame, Colour, Plate
from relip.plate.prefetch import prefetch
from relip.progress import Progress
from relip.render import match as matching
from relip.render import retrack
from relip.render import rig as rig_module
from relip.render.checkpoint import Moment
from relip.render.examples import Examples, mouth_weight
from relip.render.generate import Finish, draw_frame, finish_frame
from relip.render.interior import choose as choose_mouths
from relip.render.interior import shapes
from relip.render.model import ShotModel
from relip.render.monitor import example_inputs
from relip.track import geometry, square
from relip.track.facemesh import FaceMesh
from relip.track.facetrack import FaceTrack
from relip.track.picture import detection_picture, squared

#: With fewer frames than this every one is needed; from there on at least so many are kept back.
FEWEST, LEAST = 60, 4

#: Steps between two looks at the held-out frames, and the share that counts as a gain.
EVERY, GAIN = 100, 0.003

#: A network is bad whose lips lie further off than this (share of the face width), or that is
#: hardly better than the mean mouth (dB); soft, whose detail is less than this share.
BAD_LMD, BAD_GAIN, SOFT = 0.010, 1.0, 0.6

#: A mouth box of fewer pixels than this, across or down, cannot be compared.
LEAST_BOX_PX = 4


def choose(frames: Sequence[int], share: float) -> list[int]:
    """The frames to keep back.

    Parameters
    ----------
    frames : sequence of int
        Those that could be learned from, in order.
    share : float
    """
    count = round(share * len(frames))
    if share <= 0 or len(frames) < FEWEST:
        return []
    count = max(count, LEAST)
    places = (np.arange(count) + 0.5) * len(frames) / count
    return [int(frames[int(p)]) for p in places]


def plateau(held: Examples, patience: int) -> Callable[[Moment], None]:
    """Ends a training that gains nothing on held-out frames for ``patience`` steps.

    What it decides by stands in the moment and so in the checkpoint: a
    training that goes on ends where one that was never stopped ends.

    Returns
    -------
    callable
        Called with the moment after each step.
    """
    inputs, targets, weights = _tensors(held)

    def look(moment: Moment) -> None:
        if moment.step % EVERY:
            return
        network, device = moment.network, next(moment.network.parameters()).device
        kept = {k: v.clone() for k, v in network.state_dict().items()}
        network.load_state_dict(moment.average)
        with torch.inference_mode():
            errors = [
                float(
                    ((network(i[None].to(device))[0].cpu() - t).abs() * w).sum()
                    / (3 * w.sum()).clamp_min(1e-6)
                )
                for i, t, w in zip(inputs, targets, weights, strict=True)
            ]
        network.load_state_dict(kept)
        moment.checks.append((moment.step, float(np.mean(errors))))
        moment.stopped = has_ended(moment.checks, patience)

    return look


def has_ended(checks: Sequence[tuple[int, float]], patience: int) -> bool:
    """Whether the last ``patience`` steps of (step, error) gained nothing."""
    if not checks:
        return False
    before = [e for s, e in checks if s <= checks[-1][0] - patience]
    since = [e for s, e in checks if s > checks[-1][0] - patience]
    return bool(before) and min(since) > (1 - GAIN) * min(before)


def _tensors(held: Examples) -> tuple[list[torch.Tensor], list[torch.Tensor], list[torch.Tensor]]:
    inputs, targets, weights = [], [], []
    for row in range(len(held.frames)):
        plate, given, region = example_inputs(held, row)
        inputs.append(torch.from_numpy(given))
        targets.append(torch.from_numpy((plate - held.mean).transpose(2, 0, 1).copy()))
        weights.append(
            torch.from_numpy(region * mouth_weight(held.lines[row], held.window, 3.0))[None]
        )
    return inputs, targets, weights


def check(
    model: ShotModel,
    plate: Plate,
    track: FaceTrack,
    region: Region,
    frames: Sequence[int],
    mean: np.ndarray,
    progress: Progress,
    *,
    still: float | None = None,
) -> dict[str, Any]:
    """Draw held-out frames from their own lips and compare them with the plate.

    Without skin detail of the plate, which would show the truth.

    Parameters
    ----------
    model : ShotModel
    frames : sequence of int
    mean : np.ndarray [shape=(height, width, 3)]
        The mean of the windows learned from: what any network must beat.
    still : float, optional
        As for :func:`judge`.

    Returns
    -------
    dict
        ``frames``, ``psnr``, ``ssim``, ``lmd_percent_fw``, ``sharpness`` (of
        the plate's), ``mean_mouth_psnr``, ``verdict`` ("good", "still",
        "soft" or "bad"; "none" when no frame could be judged) and ``reason``.
    """
    # figures are the business of review, which stands after render: this alone is borrowed
    from relip.review import metrics

    own = rig_module.track_lines(track)
    mouths = choose_mouths(model.mouths.frames, model.mouths.shapes, shapes(own))
    found: dict[str, list[float]] = {k: [] for k in ("psnr", "ssim", "lmd", "sharp", "mean")}
    judged: list[int] = []
    left_out: list[str] = []
    colour = Colour()
    progress.start("check", len(frames))
    with FaceMesh() as mesh:
        for picture in prefetch(plate.iter(frames, on_error="mark")):
            progress.step()
            if isinstance(picture, BadFrame):
                left_out.append(f"{picture.reason}: mend the plate")
                continue
            row = track.index(picture.frame)
            x0, y0, x1, y1 = retrack.around(track, row, plate.width, plate.height)
            rgb = picture.cut(x0, y0, x1, y1)
            transform = geometry.shifted(track.transform[row], x0, y0)
            outline = region.outline[row]
            mouth = int(mouths[row])
            drawn = draw_frame(
                model, rgb, transform, own[row], outline, own[row], detail=0.0, mouth=mouth
            )
            if drawn is None:
                left_out.append("the face lies outside the picture: look at the track")
                continue
            plain = dataclasses.replace(drawn, picture=mean.astype(np.float32))
            plain_match = matching.fit(
                plain.picture, plain.cut.crop, plain.region, model.window.size
            )
            shown = []
            for each, match in ((drawn, drawn.match), (plain, plain_match)):
                patch = finish_frame(each, match, model.encoding, Finish(detail=0.0))
                put = retrack.put(patch.raw, patch.origin, rgb, outline, transform)
                shown.append(detection_picture(put, plate, colour))
            truth = detection_picture(rgb, plate, colour)
            start = track.landmarks[row] - np.array([x0, y0, 0.0])
            mx0, my0, mx1, my1 = metrics.mouth_box(start, x1 - x0, y1 - y0)
            made, wanted, middle = (
                p[my0:my1, mx0:mx1].astype(np.float32) / 255 for p in (shown[0], truth, shown[1])
            )
            if min(made.shape[:2]) < LEAST_BOX_PX:
                left_out.append(
                    f"the mouth is {made.shape[1]} by {made.shape[0]} pixels with its "
                    "surroundings, too small to compare: look at the frames yourself, or take a "
                    "larger plate"
                )
                continue
            start = square.to_square(start, track.aspect)
            again, there = (
                mesh.refine(squared(each, track.aspect), start) for each in (shown[0], truth)
            )
            if again is not None and there is not None:
                found["lmd"].append(metrics.landmark_distance(again, there, track.face_width))
            found["psnr"].append(metrics.psnr(made, wanted))
            found["mean"].append(metrics.psnr(middle, wanted))
            found["ssim"].append(metrics.ssim(made, wanted))
            found["sharp"].append(metrics.sharpness(made) / max(metrics.sharpness(wanted), 1e-6))
            judged.append(picture.frame)
    progress.finish()
    if not judged:
        why = max(sorted(set(left_out)), key=left_out.count)
        return {
            "frames": [],
            "verdict": "none",
            "reason": f"no held-out frame could be judged: {why}",
        }
    figures = {k: float(np.mean(v)) if v else float("nan") for k, v in found.items()}
    verdict, reason = judge(
        figures["psnr"], figures["mean"], figures["lmd"], figures["sharp"], still
    )
    return {
        "frames": judged,
        "psnr": round(figures["psnr"], 2),
        "ssim": round(figures["ssim"], 4),
        "lmd_percent_fw": round(100 * figures["lmd"], 3) if found["lmd"] else None,
        "sharpness": round(figures["sharp"], 3),
        "mean_mouth_psnr": round(figures["mean"], 2),
        "verdict": verdict,
        "reason": reason,
    }


def judge(
    psnr: float, mean_psnr: float, lmd: float, sharpness: float, still: float | None = None
) -> tuple[str, str]:
    """The verdict in a word, and why.

    Parameters
    ----------
    psnr, mean_psnr : float
        Of the network and of the mean mouth, dB.
    lmd : float
        Distance of the lips from where they were asked for, in face widths;
        NaN when they were not found.
    sharpness : float
        Detail of the mouth, 1 being the plate's.
    still : float, optional
        How far the mouth opens at most, face widths, of an actor who keeps silent: a mouth that
        does not move is its own mean, which nothing can beat.
    """
    gain = BAD_GAIN if still is None else -BAD_GAIN
    if psnr < mean_psnr + gain:
        return "bad", (
            f"{'hardly better' if still is None else 'worse'} than the mean mouth "
            f"({psnr:.1f} dB, {mean_psnr:.1f} dB): train longer, or look at the track"
        )
    if lmd > BAD_LMD:
        return "bad", (
            f"the lips lie {100 * lmd:.2f} % of the face width off: train longer, or look at the "
            "track"
        )
    if sharpness < SOFT:
        return "soft", (
            f"the mouth has {100 * sharpness:.0f} % of the plate's detail: train longer or with "
            "more frames"
        )
    lips = f", lips within {100 * lmd:.2f} % of the face width" if lmd == lmd else ""
    found = f"{psnr:.1f} dB{lips}, {100 * sharpness:.0f} % of the plate's detail"
    if still is not None:
        return "still", (
            f"the mouth at rest has {found}; how it opens cannot be checked on frames in which it "
            f"opens by {100 * still:.1f} % of the face width at most"
        )
    return "good", found
