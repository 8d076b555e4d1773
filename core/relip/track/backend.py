"""Which landmark backend a shot uses."""

from __future__ import annotations

from pathlib import Path

from relip.errors import ModelError, SettingError
from relip.track.finder import Finder

#: The setting ``track.backend``. ``auto`` is FaceMesh where MediaPipe carries it, else Tasks.
BACKENDS = ("auto", "facemesh", "tasks")

#: The model of the Tasks backend, as ``relip models`` calls it.
TASK = "face_landmarker"

#: What MediaPipe's wheel must carry for FaceMesh.
_FACEMESH = (
    "python/solutions/face_mesh.py",
    "modules/face_landmark/face_landmark_with_attention.tflite",
    "modules/face_detection/face_detection_short_range.tflite",
)


def has_facemesh() -> bool:
    """Whether the installed MediaPipe carries FaceMesh and its models."""
    from importlib.util import find_spec

    # looked up without importing it, which takes seconds that relip status has no need to spend
    spec = find_spec("mediapipe")
    places = (spec.submodule_search_locations or []) if spec else []
    return any(all((Path(place) / part).is_file() for part in _FACEMESH) for place in places)


def resolve(name: str) -> str:
    """The backend that a setting means on this machine: ``facemesh`` or ``tasks``.

    ``auto`` does not depend on whether a model file happens to lie about:
    where FaceMesh runs, it is FaceMesh. The answer is part of the track's
    fingerprint and record.

    Raises
    ------
    SettingError
        If there is no such backend.
    ModelError
        If it is auto and neither can run.
    """
    if name not in BACKENDS:
        raise SettingError(f"track.backend is {name!r}", mend=f"use one of {', '.join(BACKENDS)}")
    if name != "auto":
        return name
    if has_facemesh():
        return "facemesh"
    from relip import models

    if models.find(TASK) is not None:
        return "tasks"
    raise ModelError(
        "this MediaPipe carries no face models, and face_landmarker.task is not installed",
        mend="run relip models fetch face_landmarker, or install mediapipe==0.10.21",
    )


def identity(name: str) -> str:
    """What a fingerprint holds of a backend: its name, and of Tasks the model's checksum."""
    chosen = resolve(name)
    if chosen == "facemesh":
        return chosen
    from relip import models

    return f"{chosen} {models.get(TASK).sha256}"


def open_finder(name: str = "auto") -> Finder:
    """Load a backend.

    Raises
    ------
    SettingError
        If there is no such backend.
    ModelError
        If it cannot be loaded, or its model is not installed or damaged.
    """
    if resolve(name) == "facemesh":
        from relip.track.facemesh import FaceMesh

        return FaceMesh()
    from relip import models
    from relip.track.tasks import TasksLandmarker

    return TasksLandmarker(models.require(TASK))
