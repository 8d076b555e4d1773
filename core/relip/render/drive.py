"""The drive: which lip and jaw lines every frame gets.

``speech`` (the new dialogue), ``track`` (the shot's own lips: re-enactment)
or ``csv`` (mouth controls from a file: Relip's own or ARKit curves).
"""

from __future__ import annotations

import numpy as np

from relip.errors import InputError
from relip.render import rig as rig_module
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
    """Mouth controls per frame ``[shape=(F, 10)]``; None when the drive is ``track``.

    Raises
    ------
    StageMissingError
        If the drive is speech and its stage was not run.
    InputError
        If the CSV is missing or damaged.
    """
    from relip.speech import MOUTH_CONTROLS

    settings = shot.settings.render
    if settings.drive == "track":
        return None
    if settings.drive == "csv":
        curves = _from_csv(shot)
    else:
        from relip.speech import stage as speech_stage

        curves = speech_stage.load(shot).curves
    curves = curves.copy()
    for name in _SCALED:
        column = MOUTH_CONTROLS.index(name)
        curves[:, column] = np.clip(curves[:, column] * settings.articulation, 0, 1)
    return curves


def driven_lines(shot: Shot, track: FaceTrack, rig: Rig) -> np.ndarray:
    """Lip and jaw lines of every frame ``[shape=(F, 57, 2)]`` in crop units; NaN without a face."""
    controls = driven_controls(shot)
    if controls is None:
        return rig_module.track_lines(track)
    lines = rig.lines(controls, pose.pose_curves(track))
    lines[~track.visible] = np.nan
    return lines


def _from_csv(shot: Shot) -> np.ndarray:
    from relip import speech
    from relip.speech import stage as speech_stage

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
    if header.split(",")[0] != "frame":
        return speech.read_arkit_csv(path, shot.frames, shot.rate)
    frames, columns = speech.read_mouth_csv(path)
    base = np.zeros((len(shot.frames), len(speech.MOUTH_CONTROLS)))
    return speech_stage.to_shot(shot, frames, columns, base, str(path))
