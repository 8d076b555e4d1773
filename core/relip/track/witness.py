"""The witness camera: a recording of the voice actor, tracked inside the shot."""

from __future__ import annotations

import numpy as np

from relip.plate import MoviePlate
from relip.plate.movie_index import MovieIndex
from relip.shot import Shot
from relip.track import aside
from relip.track.facetrack import FaceTrack

#: Its folder in the shot.
FOLDER = "witness"

NAME = "the witness"


def witness(shot: Shot) -> Shot:
    """The shot folder of the witness, ``witness/`` in the shot."""
    drive = shot.settings.drive
    return aside.beside(shot, FOLDER, drive.witness, face=drive.witness_face)


def load(shot: Shot) -> tuple[FaceTrack, np.ndarray, float]:
    """The witness's track and when its pictures were taken.

    Returns
    -------
    track : FaceTrack
        One row per picture; those that a movie of variable rate repeats to
        fill a constant one are left out.
    times : np.ndarray [shape=(W,)]
        The middle of each picture's time, in seconds from the first
        picture's beginning.
    span : float
        Usual time of a picture in seconds.

    Raises
    ------
    StageMissingError
        If the witness is not tracked.
    """
    own = witness(shot)
    track = aside.load(own, NAME)
    rate = own.rate
    with own.open_plate() as plate:
        # by exact time stamps: a phone's camera drops its rate in the dark
        index = plate.index if isinstance(plate, MoviePlate) else None
    span = float(1 / rate)
    if index is None or index.pts is None:
        return track, (np.arange(len(track.frames)) + 0.5) * span, span
    shown, rows = pictures(index, len(track.frames))
    begins = (index.pts[shown] - index.pts[0]) * float(index.time_base)
    lengths = np.diff(begins, append=begins[-1] + span)
    # a picture that stayed long on screen was still taken at the beginning of that time
    return _rows(track, rows), begins + np.minimum(lengths, span) / 2, span


def pictures(index: MovieIndex, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Which pictures the first ``count`` frames of a movie show, and the first row of each.

    Returns
    -------
    shown, rows : np.ndarray [shape=(W,), dtype=int64]
        Without what a movie cut short lacks.
    """
    there = np.flatnonzero(~index.missing[:count])
    shown, first = np.unique(index.grid[there], return_index=True)
    return shown, there[first]


def _rows(track: FaceTrack, rows: np.ndarray) -> FaceTrack:
    return FaceTrack(
        frames=track.frames[rows],
        landmarks=track.landmarks[rows],
        transform=track.transform[rows],
        visible=track.visible[rows],
        confidence=track.confidence[rows],
        shape=track.shape,
        face_width=track.face_width,
        aspect=track.aspect,
    )
