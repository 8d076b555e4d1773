"""Does the finished shot say what it should? Track it again and compare with the drive."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from relip.progress import Progress
from relip.review import metrics
from relip.shot import Shot
from relip.speech import closures, opening, silences
from relip.speech import stage as speech_stage
from relip.track import stage as track_stage
from relip.track.backend import open_finder
from relip.track.facetrack import lip_opening
from relip.track.picture import squared

#: Lips count as closed below this share of the shot's own full opening …
CLOSED_SHARE = 0.15

#: … or below this opening in face widths, which is what the tracker shows for touching lips.
CLOSED_FW = 0.012

#: A closure may be seen this many frames early or late.
CLOSURE_REACH = 1

#: Silences from this length on must be at rest, away from their ends by this much (seconds).
SILENCE, SILENCE_EDGE = 0.3, 0.12


@dataclass
class Sync:
    """How well the finished mouth follows the dialogue.

    Attributes
    ----------
    frames : list of int
        Frames in which the face was found again.
    seen, driven : np.ndarray [shape=(n,)]
        Tracked inner-lip opening in face widths, and the driving opening 0-1.
    r : float
        Their correlation; ``lag``: where it is highest, in frames (+: picture late).
    closures : list of dict
        Every p, b, m with its frames and the smallest opening seen there.
    rest : list of dict
        Every silence over 0.3 s with the share of its frames at rest.
    """

    frames: list[int]
    seen: np.ndarray
    driven: np.ndarray
    r: float
    lag: int
    closed_below: float
    closures: list[dict[str, Any]] = field(default_factory=list)
    rest: list[dict[str, Any]] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """JSON-able figures."""
        closed = [c for c in self.closures if c["closed"]]
        resting = [r["share"] for r in self.rest]
        return {
            "frames": len(self.frames),
            "opening_r": round(self.r, 4),
            "lag_frames": self.lag,
            "closed_below_percent_fw": round(100 * self.closed_below, 3),
            "closures": len(self.closures),
            "closures_closed": len(closed),
            "closures_closed_percent": round(100 * len(closed) / len(self.closures), 1)
            if self.closures
            else None,
            "closures_open": [c for c in self.closures if not c["closed"]],
            "silences": len(self.rest),
            "silence_frames_at_rest_percent": round(100 * float(np.mean(resting)), 1)
            if resting
            else None,
        }


def measure_sync(
    shot: Shot, pictures: Iterable[tuple[int, np.ndarray]], progress: Progress, total: int
) -> Sync:
    """Track finished frames from scratch and compare them with the drive.

    Parameters
    ----------
    shot : Shot
        With the speech and track stages done.
    pictures : iterable of (frame, np.ndarray [shape=(height, width, 3), dtype=uint8])
        Finished frames, display-encoded.
    progress : Progress
    total : int
        How many there are.

    Returns
    -------
    Sync
    """
    dialogue = speech_stage.load(shot)
    track = track_stage.load(shot)
    drive = opening(dialogue.curves)
    frames, seen, driven = [], [], []
    progress.start("measure", total)
    last: np.ndarray | None = None
    with open_finder(shot.settings.track.backend) as mesh:
        for frame, picture in pictures:
            faces = mesh.faces(squared(picture, track.aspect))
            if faces and track.editable[track.index(frame)]:
                reference = track.square.landmarks[track.index(frame), :, :2].mean(0)
                last = min(faces, key=lambda f: float(np.linalg.norm(f[:, :2].mean(0) - reference)))
                frames.append(frame)
                seen.append(float(lip_opening(last)))
                driven.append(float(drive[frame - shot.frames.start]))
            progress.step()
    progress.finish()
    seen_array, driven_array = np.array(seen), np.array(driven)
    lag, _ = metrics.best_lag(driven_array, seen_array)
    full = float(np.percentile(seen_array, 97)) if len(seen_array) else 0.0
    below = max(CLOSED_FW, CLOSED_SHARE * full)
    at = dict(zip(frames, seen, strict=True))
    alignment: Any = dialogue.alignment
    return Sync(
        frames=frames,
        seen=seen_array,
        driven=driven_array,
        r=metrics.correlation(driven_array, seen_array),
        lag=lag,
        closed_below=below,
        closures=_closures(shot, alignment, at, below),
        rest=_rest(shot, alignment, at, below),
    )


def _closures(
    shot: Shot, alignment: Any, at: dict[int, float], below: float
) -> list[dict[str, Any]]:
    result = []
    for phone, inside in closures(alignment, shot.frames, shot.rate, shot.settings.dialogue.offset):
        if not inside:
            continue
        around = range(min(inside) - CLOSURE_REACH, max(inside) + CLOSURE_REACH + 1)
        values = [at[f] for f in around if f in at]
        if values:
            result.append(
                {
                    "phone": getattr(phone, "label", str(phone)),
                    "frames": list(inside),
                    "opening_percent_fw": round(100 * min(values), 3),
                    "closed": min(values) <= below,
                }
            )
    return result


def _rest(shot: Shot, alignment: Any, at: dict[int, float], below: float) -> list[dict[str, Any]]:
    result = []
    offset = shot.settings.dialogue.offset
    # before and after the dialogue nobody speaks either
    last = float(len(shot.frames) / shot.rate) - offset
    for start, end in silences(alignment, SILENCE, start=-offset, end=last):
        inside = [
            f
            for f in shot.frames
            if start + offset + SILENCE_EDGE
            <= float((f - shot.frames.start + 0.5) / shot.rate)
            <= end + offset - SILENCE_EDGE
            and f in at
        ]
        if inside:
            share = float(np.mean([at[f] <= below for f in inside]))
            result.append(
                {
                    "from": round(start, 3),
                    "to": round(end, 3),
                    "frames": len(inside),
                    "share": share,
                }
            )
    return result
