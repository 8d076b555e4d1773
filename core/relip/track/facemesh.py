"""The bundled FaceMesh backend: 478 landmarks with refined lips, offline.

MediaPipe's wheel carries two face detectors and the landmark model. The
landmark model is run on crops of our own choosing, not on what a detector
found in them: a detector's box jitters, and its jitter goes into the
landmarks (1.0 against 0.23 % of the face width on a seated speaker).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from relip.errors import ModelError
from relip.track import geometry, points
from relip.track.finder import Face, Finder, cut, extent, landmark_array, quiet_stderr
from relip.track.picture import Look, sparse, whole

__all__ = ["FaceMesh", "quiet_stderr"]

#: Scores below which a detector's find is no face.
SHORT_RANGE_SCORE = 0.5
FULL_RANGE_SCORE = 0.6

#: Longer side that a picture is reduced to for the detectors, whose own input is 128 or 192 px.
DETECTOR_SIDE = 640

#: Side of the first crop around a detection, in sides of its box.
_AROUND_BOX = 1.6

_CROP = 192

#: A landmark in a message's encoding: field 1 of 15 bytes, in it the floats x, y and z.
_LANDMARK = np.dtype(
    [
        ("head", "<u2"),
        ("x_tag", "u1"),
        ("x", "<f4"),
        ("y_tag", "u1"),
        ("y", "<f4"),
        ("z_tag", "u1"),
        ("z", "<f4"),
    ]
)
_TAGS = {"head": 0x0F0A, "x_tag": 0x0D, "y_tag": 0x15, "z_tag": 0x1D}

#: One face landmark model on one rectangle of a picture. It runs in the thread that asks: handing
#: a picture to a pool of threads and back takes a tenth of the time again.
_GRAPH = """
executor { name: "" type: "ApplicationThreadExecutor" }
input_stream: "IMAGE:image"
input_stream: "ROI:roi"
input_side_packet: "WITH_ATTENTION:with_attention"
output_stream: "LANDMARKS:landmarks"
node {
  calculator: "FaceLandmarkCpu"
  input_stream: "IMAGE:image"
  input_stream: "ROI:roi"
  input_side_packet: "WITH_ATTENTION:with_attention"
  output_stream: "LANDMARKS:landmarks"
}
"""


class _LandmarkModel:
    """MediaPipe's landmark model on a picture that is the crop itself."""

    def __init__(self) -> None:
        import mediapipe
        from google.protobuf import text_format
        from mediapipe.framework import calculator_pb2
        from mediapipe.framework.formats import rect_pb2
        from mediapipe.python import _framework_bindings as bindings
        from mediapipe.python import packet_creator, packet_getter

        bindings.resource_util.set_resource_dir(str(Path(mediapipe.__file__).parents[1]))
        config = calculator_pb2.CalculatorGraphConfig()
        text_format.Parse(_GRAPH, config)
        self._image_frame = bindings.image_frame
        self._creator, self._getter = packet_creator, packet_getter
        self._time = 0
        self._result: Any = None
        self._graph = bindings.calculator_graph.CalculatorGraph(graph_config=config)
        self._graph.observe_output_stream("landmarks", self._keep, True)
        self._graph.start_run({"with_attention": packet_creator.create_bool(True)})
        self._whole = rect_pb2.NormalizedRect(x_center=0.5, y_center=0.5, width=1.0, height=1.0)

    def _keep(self, _name: str, packet: Any) -> None:
        self._result = packet

    def __call__(self, crop: np.ndarray) -> np.ndarray | None:
        height, width = crop.shape[:2]
        self._time += 1
        self._result = None
        frames = self._image_frame
        image = frames.ImageFrame(image_format=frames.ImageFormat.SRGB, data=crop)
        packet = self._creator.create_image_frame(image).at(self._time)
        roi = self._creator.create_proto(self._whole).at(self._time)
        self._graph.add_packet_to_input_stream("image", packet)
        self._graph.add_packet_to_input_stream("roi", roi)
        self._graph.wait_until_idle()
        if self._result is None or self._result.is_empty():
            return None
        return landmarks_of(self._getter.get_proto(self._result), width, height)

    def close(self) -> None:
        self._graph.close()


def landmarks_of(message: Any, width: int, height: int) -> np.ndarray:
    """A list of normalised landmarks ``[shape=(478, 3)]`` in pixels of a crop.

    Read from the message's encoding where each landmark is three floats with
    their tags, and nothing else: value by value takes ten times as long.
    """
    data = message.SerializeToString()
    if len(data) != points.COUNT * _LANDMARK.itemsize:
        return landmark_array(message.landmark, width, height)
    each = np.frombuffer(data, _LANDMARK)
    if any((each[name] != tag).any() for name, tag in _TAGS.items()):
        return landmark_array(message.landmark, width, height)
    result = np.empty((points.COUNT, 3))
    for axis, (name, size) in enumerate((("x", width), ("y", height), ("z", width))):
        np.multiply(each[name], float(size), out=result[:, axis], dtype=float)
    return result


class FaceMesh(Finder):
    """Finds and measures faces with the models in MediaPipe's wheel.

    Raises
    ------
    ModelError
        If MediaPipe or its bundled models are missing.
    """

    name = "mediapipe-facemesh"
    crop_size = _CROP
    crop_faces = (1.4,)
    sees_far = True

    def __init__(self) -> None:
        os.environ.setdefault("GLOG_minloglevel", "3")
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        self._open: list[Any] = []
        try:
            with quiet_stderr():
                from mediapipe.python.solutions.face_detection import FaceDetection

                self._short: Any = FaceDetection(SHORT_RANGE_SCORE, 0)
                self._open.append(self._short)
                self._far: Any = FaceDetection(FULL_RANGE_SCORE, 1)
                self._open.append(self._far)
                self._model = _LandmarkModel()
                self._open.append(self._model)
                # their start-up lines come now
                grey = np.full((_CROP, _CROP, 3), 128, np.uint8)
                self._short.process(grey)
                self._far.process(grey)
                self._model(grey)
        except (ImportError, OSError, RuntimeError, ValueError) as exc:
            self.close()
            raise ModelError(
                f"MediaPipe's bundled face models cannot be loaded: {exc}",
                mend="install mediapipe==0.10.21, or fetch the other backend's model: "
                "relip models fetch face_landmarker",
            ) from exc

    def close(self) -> None:
        """Release the graphs."""
        for each in self._open:
            with contextlib.suppress(ValueError, RuntimeError):
                each.close()
        self._open = []

    def detect(
        self, picture: Look, *, far: bool = False, known: Sequence[np.ndarray] = ()
    ) -> list[np.ndarray]:
        """Rough landmarks of the faces that the short-range or full-range detector finds."""
        height, width = picture.shape[:2]
        shrink = min(1.0, DETECTOR_SIDE / max(height, width))
        # the detectors themselves sample without a filter, so this need not be better
        rows, columns = max(round(height * shrink), 1), max(round(width * shrink), 1)
        shown = sparse(picture, rows, columns) if shrink < 1 else whole(picture)
        detector = self._far if far else self._short
        found = detector.process(np.ascontiguousarray(shown)).detections or ()
        result = []
        for detection in found:
            place = detection.location_data
            box = place.relative_bounding_box
            right, left = place.relative_keypoints[0], place.relative_keypoints[1]
            size2 = np.array([width, height], float)
            centre = np.array([box.xmin + box.width / 2, box.ymin + box.height / 2]) * size2
            side = _AROUND_BOX * max(box.width * width, box.height * height)
            same = next((face for face in known if _stands_on(centre, side, face)), None)
            if same is not None:
                result.append(same)
                continue
            eyes = np.array([left.x - right.x, left.y - right.y]) * size2
            angle = float(np.arctan2(eyes[1], eyes[0]))
            face = self._first(picture, centre, max(side, 8.0), angle)
            if face is not None:
                result.append(face)
        return result

    def _first(
        self, picture: Look, centre: np.ndarray, side: float, angle: float
    ) -> np.ndarray | None:
        cos, sin = np.cos(angle), np.sin(angle)
        linear = np.array([[cos, sin], [-sin, cos]]) * (_CROP / side)
        to_crop = np.c_[linear, _CROP / 2 - linear @ centre]
        found = self._model(cut(picture, to_crop, _CROP))
        if found is None:
            return None
        found[:, :2] = geometry.apply(geometry.invert(to_crop), found[:, :2])
        found[:, 2] *= side / _CROP
        return found

    def in_crop(self, crop: np.ndarray) -> Face | None:
        """The face of an upright crop; None when the model sees none in it."""
        found = self._model(crop)
        return None if found is None else Face(found)


def _stands_on(centre: np.ndarray, side: float, face: np.ndarray) -> bool:
    """Whether a detector's box is that of a face known already."""
    own = extent(face)
    apart = float(np.linalg.norm(face[:, :2].mean(0) - centre))
    return apart < 0.25 * own and 0.6 < side / (_AROUND_BOX * own) < 1.6
