"""The bundled FaceMesh backend: 478 landmarks of every face, offline.

A frame's landmarks are a pure function of that frame. The face is found in
the whole picture (or, when it is small, in overlapping tiles), then measured
again in upright crops of fixed size around it: the crops remove the jitter
that the detector's own box puts into the landmarks (1.0 to 0.23 % of the face
width on a seated speaker), as MediaPipe's video mode does, but without
depending on the frames before. Crops of different width disagree on the lips
by 0.36 % of the face width; their mean is used.
"""

from __future__ import annotations

import contextlib
import os
from typing import Any

import cv2
import numpy as np

from relip.errors import ModelError
from relip.track import geometry
from relip.track.points import face_width

#: Side of the upright crops in pixels, and of their content in face widths.
CROP_SIZE = 512
CROP_FACES = (1.9, 2.2, 2.6)

#: Tiles tried when the whole picture shows no face, as a share of its shorter side.
TILE_SHARES = (0.75, 0.5, 0.33)
MAX_FACES = 4


@contextlib.contextmanager
def quiet_stderr():
    """Silence the C++ log lines MediaPipe writes while its graph starts."""
    try:
        saved = os.dup(2)
    except OSError:
        yield
        return
    with open(os.devnull, "w") as sink:
        os.dup2(sink.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)


class FaceMesh:
    """Finds and measures faces in single pictures.

    Raises
    ------
    ModelError
        If MediaPipe or its bundled models are missing.
    """

    name = "mediapipe-facemesh"

    def __init__(self) -> None:
        os.environ.setdefault("GLOG_minloglevel", "3")
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        self._warm: set[Any] = set()
        try:
            with quiet_stderr():
                from mediapipe.python.solutions.face_mesh import FaceMesh as Graph

                self._graph: Any = Graph(
                    static_image_mode=True, refine_landmarks=True, max_num_faces=MAX_FACES
                )
                self._single: Any = Graph(
                    static_image_mode=True, refine_landmarks=True, max_num_faces=1
                )
                for graph in (self._graph, self._single):
                    graph.process(np.zeros((64, 64, 3), np.uint8))  # its start-up lines come now
        except (ImportError, FileNotFoundError, ValueError) as exc:
            raise ModelError(
                f"MediaPipe's bundled face models cannot be loaded: {exc}",
                mend="install mediapipe==0.10.21; relip doctor tells what is missing",
            ) from exc

    def close(self) -> None:
        """Release the graphs."""
        for graph in (self._graph, self._single):
            with contextlib.suppress(ValueError):
                graph.close()

    def __enter__(self) -> FaceMesh:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def faces(self, picture: np.ndarray) -> list[np.ndarray]:
        """All faces of a picture, the largest first.

        Parameters
        ----------
        picture : np.ndarray [shape=(height, width, 3), dtype=uint8]
            Display-encoded RGB.

        Returns
        -------
        list of np.ndarray [shape=(478, 3)]
            Landmarks in picture pixels (x right, y down, pixel centres at
            +0.5); z in the same scale, negative towards the camera.
        """
        found = self._landmarks(self._graph, picture)
        if not found:
            found = self._search_tiles(picture)
        refined = [self.refine(picture, face) for face in found]
        kept = [face for face in refined if face is not None]
        return sorted(_distinct(kept), key=face_width, reverse=True)

    def refine(self, picture: np.ndarray, face: np.ndarray) -> np.ndarray | None:
        """Measure a face again in upright crops around it; None when no crop shows it."""
        measured = [
            found
            for width in CROP_FACES
            if (found := self._in_crop(picture, _upright(face, width))) is not None
        ]
        return np.mean(measured, axis=0) if measured else None

    def _in_crop(self, picture: np.ndarray, to_crop: np.ndarray) -> np.ndarray | None:
        scale = float(np.hypot(to_crop[0, 0], to_crop[1, 0]))
        crop = cv2.warpAffine(
            picture,
            geometry.for_opencv(to_crop),
            (CROP_SIZE, CROP_SIZE),
            flags=cv2.INTER_AREA if scale < 0.7 else cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        found = self._landmarks(self._single, crop)
        if not found:
            return None
        result = found[0].copy()
        result[:, :2] = geometry.apply(geometry.invert(to_crop), result[:, :2])
        result[:, 2] /= scale
        return result

    def _landmarks(self, graph: Any, picture: np.ndarray) -> list[np.ndarray]:
        height, width = picture.shape[:2]
        if graph in self._warm:
            result = graph.process(picture)
        else:  # the first face makes MediaPipe log a warning that means nothing here
            with quiet_stderr():
                result = graph.process(picture)
        found = result.multi_face_landmarks or ()
        if found:
            self._warm.add(graph)
        scale = np.array([width, height, width], float)
        return [np.array([(p.x, p.y, p.z) for p in face.landmark], float) * scale for face in found]

    def _search_tiles(self, picture: np.ndarray) -> list[np.ndarray]:
        height, width = picture.shape[:2]
        for share in TILE_SHARES:
            side = int(share * min(width, height))
            if side < 64:
                break
            found: list[np.ndarray] = []
            for y in _starts(height, side):
                for x in _starts(width, side):
                    tile = np.ascontiguousarray(picture[y : y + side, x : x + side])
                    for face in self._landmarks(self._graph, tile):
                        found.append(face + np.array([x, y, 0.0]))
            if found:
                return _distinct(found)
        return []


def _upright(face: np.ndarray, width: float) -> np.ndarray:
    left = face[[33, 133], :2].mean(0)
    right = face[[362, 263], :2].mean(0)
    angle = np.arctan2(*(right - left)[::-1])
    extent = face[:, :2].max(0) - face[:, :2].min(0)
    size = max(face_width(face), 0.75 * float(extent.max()), 4.0)
    scale = CROP_SIZE / (width * size)
    cos, sin = np.cos(angle) * scale, np.sin(angle) * scale
    linear = np.array([[cos, sin], [-sin, cos]])
    centre = (face[:, :2].min(0) + face[:, :2].max(0)) / 2
    return np.c_[linear, CROP_SIZE / 2 - linear @ centre]


def _starts(length: int, side: int) -> list[int]:
    count = max(1, int(np.ceil((length - side) / (side * 0.5))) + 1)
    return [round(i * (length - side) / max(count - 1, 1)) for i in range(count)]


def _distinct(faces: list[np.ndarray]) -> list[np.ndarray]:
    kept: list[np.ndarray] = []
    for face in sorted(faces, key=face_width, reverse=True):
        centre = face[:, :2].mean(0)
        if all(
            np.linalg.norm(centre - other[:, :2].mean(0)) > 0.5 * face_width(other)
            for other in kept
        ):
            kept.append(face)
    return kept
