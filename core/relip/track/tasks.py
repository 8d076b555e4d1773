"""The MediaPipe Tasks face landmarker: 478 landmarks and 52 ARKit blendshapes.

Needs ``face_landmarker.task`` (``relip models fetch face_landmarker``); works
with MediaPipe releases that no longer carry the models of
:mod:`relip.track.facemesh`. Tasks runs its own detector in every crop, so the
crops are wider and the landmarks jitter a little more.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from relip.errors import ModelError
from relip.track.finder import MAX_FACES, Face, Finder, landmark_array, quiet_stderr
from relip.track.picture import Look, whole


class TasksLandmarker(Finder):
    """Finds and measures faces with a ``face_landmarker.task``.

    Parameters
    ----------
    path : Path

    Raises
    ------
    ModelError
        If MediaPipe has no Tasks, or the file is missing or damaged.
    """

    name = "mediapipe-tasks"
    crop_size = 384
    crop_faces = (2.0,)

    def __init__(self, path: Path) -> None:
        os.environ.setdefault("GLOG_minloglevel", "3")
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        try:
            with quiet_stderr():
                import mediapipe
                from mediapipe.tasks.python.core.base_options import BaseOptions
                from mediapipe.tasks.python.vision import face_landmarker

                self._image = mediapipe.Image
                self._format = mediapipe.ImageFormat.SRGB
                names = tuple(b.name.lower() for b in face_landmarker.Blendshapes)
                # bytes, not a path: MediaPipe resolves paths against its own folder
                content = Path(path).read_bytes()

                def make(count: int, *, blendshapes: bool) -> Any:
                    return face_landmarker.FaceLandmarker.create_from_options(
                        face_landmarker.FaceLandmarkerOptions(
                            base_options=BaseOptions(model_asset_buffer=content),
                            num_faces=count,
                            output_face_blendshapes=blendshapes,
                        )
                    )

                self._many = make(MAX_FACES, blendshapes=False)
                self._one = make(1, blendshapes=True)
                self.blendshape_names = tuple(_camel(name) for name in names)
                grey = np.full((self.crop_size, self.crop_size, 3), 128, np.uint8)
                self._one.detect(self._picture(grey))
                self._many.detect(self._picture(grey))
        except (ImportError, OSError, RuntimeError, ValueError, AttributeError) as exc:
            raise ModelError(
                f"{path}: the face landmarker cannot be loaded: {exc}",
                mend="get it again: relip models fetch face_landmarker",
            ) from exc

    def _picture(self, picture: np.ndarray) -> Any:
        return self._image(image_format=self._format, data=np.ascontiguousarray(picture))

    def close(self) -> None:
        """Release the models."""
        self._many.close()
        self._one.close()

    def detect(
        self, picture: Look, *, far: bool = False, known: Sequence[np.ndarray] = ()
    ) -> list[np.ndarray]:
        """Rough landmarks of the faces of a picture; there is no second detector for ``far``."""
        if far:
            return []
        height, width = picture.shape[:2]
        with quiet_stderr():
            found = self._many.detect(self._picture(whole(picture))).face_landmarks
        return [landmark_array(face, width, height) for face in found]

    def in_crop(self, crop: np.ndarray) -> Face | None:
        """The face of an upright crop, with its blendshapes."""
        height, width = crop.shape[:2]
        found = self._one.detect(self._picture(crop))
        if not found.face_landmarks:
            return None
        shapes = np.zeros(len(self.blendshape_names))
        for category in found.face_blendshapes[0] if found.face_blendshapes else ():
            shapes[category.index] = category.score
        return Face(landmark_array(found.face_landmarks[0], width, height), shapes)


def _camel(name: str) -> str:
    """``mouth_smile_left`` as ARKit writes it: ``mouthSmileLeft``; ``_neutral`` stays."""
    if name.startswith("_") or name == "neutral":
        return "_neutral"
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
