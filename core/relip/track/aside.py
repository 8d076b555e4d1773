"""Recordings tracked beside the plate: a shot folder of its own inside the shot.

A witness camera's movie, or another plate of the same actor, is tracked like
any plate. Its folder (``witness/``, ``model/extra-1/``) is a whole shot
folder, so that everything holds there that holds for a shot: the track is
made again only when the recording changed, and ``overrides/track.json`` in it
moves points.
"""

from __future__ import annotations

from relip.errors import RelipError, StageMissingError
from relip.plate.opening import IMAGE_SUFFIXES
from relip.progress import Progress
from relip.records import StageReport
from relip.shot import Shot, ShotSettings
from relip.track import stage as track_stage
from relip.track.facetrack import FaceTrack


def beside(shot: Shot, folder: str, recording: str, *, face: str = "") -> Shot:
    """The shot folder of a recording, as its settings say; nothing is written.

    Parameters
    ----------
    shot : Shot
    folder : str
        Inside the shot, ``witness``.
    recording : str
        A path of ``shot.toml``: a movie of any rate, or a sequence, which is
        taken to have the shot's.
    face : str
        Whose face, ``X,Y@FRAME``.
    """
    path = shot.resolve(recording)
    sequence = path.is_dir() or path.suffix.lower() in IMAGE_SUFFIXES
    settings = ShotSettings.from_dict(
        {
            "plate": {
                "path": str(path),
                "fps": str(shot.rate) if sequence else "",
                "colourspace": shot.settings.plate.colourspace if sequence else "",
                "missing": "hold",
                "interlaced": "progressive",
            },
            "track": {"face": face},
        }
    )
    return Shot(shot.path(*folder.split("/")), settings)


def track(aside: Shot, name: str, *, progress: Progress, force: bool = False) -> StageReport:
    """Track a recording, unless its track is up to date.

    Parameters
    ----------
    aside : Shot
        From :func:`beside`.
    name : str
        What it is, for messages.

    Raises
    ------
    RelipError
        What :func:`relip.track.stage.run` raises, its message begun with ``name``.
    """
    try:
        aside.frames  # noqa: B018  opens it
        aside.save()
        return track_stage.run(aside, progress=progress, force=force)
    except RelipError as exc:
        if exc.message.startswith(name):
            raise
        exc.message = f"{name}: {exc.message}"
        raise


def is_tracked(aside: Shot) -> bool:
    """Whether the recording's track is there and up to date."""
    from relip import records

    record = records.read_record(aside.path("track"))
    there = aside.path("track", "track.npz").exists()
    return there and record.get("key") == track_stage.key(aside)


def load(aside: Shot, name: str) -> FaceTrack:
    """The track of a recording.

    Raises
    ------
    StageMissingError
        If it is not made, or was made of another recording.
    """
    if not is_tracked(aside):
        raise StageMissingError(
            f"{name}: {aside.settings.plate.path} is not tracked yet",
            mend="run relip track on the shot",
        )
    return track_stage.load(aside)
