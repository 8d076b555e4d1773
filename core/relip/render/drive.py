"""The drive: which lip and jaw lines every frame gets.

``speech`` (the new dialogue), ``track`` (the shot's own lips: re-enactment),
``csv`` (mouth controls from a file: Relip's own or ARKit curves), ``video``
(the tracked mouth of a voice actor before a witness camera), or several of
them mixed by weight (:mod:`relip.render.mix`).
"""

from __future__ import annotations

import numpy as np

from relip.errors import InputError
from relip.render import rig as rig_module
from relip.render.mix import drive_weights
from relip.render.rig import Rig
from relip.shot import Shot
from relip.track import pose
from relip.track.facetrack import FaceTrack

#: Controls that ``render.articulation`` scales.
_SCALED = (
    "jawOpen",
    "mouthFunnel",
    "mouthPucker",
    "mouthStretch",
    "mouthUpperUp",
    "mouthLowerDown",
)


def driven_controls(shot: Shot) -> np.ndarray | None:
    """Mouth controls per frame ``[shape=(F, 10)]``; None when the drive is ``track`` alone.

    Where ``track`` has a share, these are the other drives' controls, as if
    it had none.

    Raises
    ------
    StageMissingError
        If the drive is speech and its stage was not run, or video and the
        witness is not tracked.
    InputError
        If the CSV, or the table of weights, is missing or damaged.
    """
    from relip.speech import MOUTH_CONTROLS

    weights = {n: w for n, w in drive_weights(shot).items() if n != "track"}
    if not weights:
        return None
    whole = np.sum(list(weights.values()), axis=0)
    curves = np.zeros((len(shot.frames), len(MOUTH_CONTROLS)))
    for name, weight in weights.items():
        # 1 exactly where a drive is alone
        share = np.divide(weight, whole, out=np.zeros_like(whole), where=whole > 0)
        curves += share[:, None] * _CONTROLS[name](shot)
    for name in _SCALED:
        column = MOUTH_CONTROLS.index(name)
        curves[:, column] = np.clip(curves[:, column] * shot.settings.render.articulation, 0, 1)
    return curves


def driven_lines(shot: Shot, track: FaceTrack, rig: Rig) -> np.ndarray:
    """Lip and jaw lines of every frame ``[shape=(F, 57, 2)]`` in crop units; NaN without a face."""
    controls = driven_controls(shot)
    own = rig_module.track_lines(track)
    if controls is None:
        return own
    lines = rig.lines(controls, pose.pose_curves(track))
    share = drive_weights(shot).get("track")
    if share is not None:
        lines = lines + share[:, None, None] * (own - lines)
    lines[~track.visible] = np.nan
    return lines


def driven_visibility(shot: Shot) -> np.ndarray:
    """How much the compositor wants to see of teeth and tongue, per frame ``[shape=(F, 2)]``.

    The columns ``teeth`` and ``tongue`` of a mouth sheet: of the CSV that
    drives the shot, and over it of ``overrides/mouth.csv``.
    :data:`relip.speech.mouth_csv.NEUTRAL` (0.5) leaves it to the renderer; 0
    hides, 1 shows as much as the mouth allows.

    Raises
    ------
    InputError
        If a sheet is missing or damaged.
    """
    from relip import speech
    from relip.speech.mouth_csv import NEUTRAL, VISIBILITY

    result = np.full((len(shot.frames), len(VISIBILITY)), NEUTRAL)
    sheets = []
    csv = shot.settings.render.csv
    if csv and "csv" in drive_weights(shot) and not _is_arkit(shot):
        sheets.append(shot.resolve(csv))
    override = shot.override("mouth.csv")
    if override:
        sheets.append(override)
    for path in sheets:
        frames, columns = speech.read_mouth_csv(path)
        listed = np.asarray(frames, int)
        inside = (listed >= shot.frames.start) & (listed < shot.frames.stop)
        for i, name in enumerate(VISIBILITY):
            if name in columns:
                result[listed[inside] - shot.frames.start, i] = columns[name][inside]
    return result


def _from_speech(shot: Shot) -> np.ndarray:
    from relip.speech import stage as speech_stage

    return speech_stage.load(shot).curves


def _from_video(shot: Shot) -> np.ndarray:
    """The witness's mouth at the shot's frames."""
    from relip.render import retarget
    from relip.speech.alignment import frame_times
    from relip.track import witness

    track, times, span = witness.load(shot)
    curves = retarget.bridged(retarget.actor_controls(track), times)
    wanted = frame_times(shot.frames, shot.rate, shot.settings.drive.witness_offset)
    return retarget.resample(curves, times, span, wanted, float(1 / shot.rate))


def _from_csv(shot: Shot) -> np.ndarray:
    from relip import speech
    from relip.speech import stage as speech_stage

    path = shot.resolve(shot.settings.render.csv)
    if _is_arkit(shot):
        return speech.read_arkit_csv(path, shot.frames, shot.rate)
    frames, columns = speech.read_mouth_csv(path)
    base = np.zeros((len(shot.frames), len(speech.MOUTH_CONTROLS)))
    return speech_stage.to_shot(shot, frames, columns, base, str(path))


def _is_arkit(shot: Shot) -> bool:
    """Whether the CSV is a capture and no mouth sheet of Relip's, whose first column is frame."""
    path = shot.resolve(shot.settings.render.csv)
    try:
        with path.open(encoding="utf-8-sig") as handle:
            header = handle.readline().strip().lower()
    except OSError as exc:
        raise InputError(
            f"{path}: cannot be read: {exc.strerror}", mend="check render.csv"
        ) from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: not a text file", mend="check render.csv") from None
    return header.split(",")[0] != "frame"


_CONTROLS = {"speech": _from_speech, "video": _from_video, "csv": _from_csv}
