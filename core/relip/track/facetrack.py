"""The face track: what the track stage knows of every frame, and its file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from relip import records
from relip.errors import ShotError, StageMissingError
from relip.track import geometry, points


@dataclass(frozen=True)
class FaceTrack:
    """One face through a shot.

    Attributes
    ----------
    frames : np.ndarray [shape=(F,), dtype=int64]
        Frame numbers, in order.
    landmarks : np.ndarray [shape=(F, 478, 3)]
        Plate pixels (x right, y down, centres at +0.5); NaN where not visible.
    transform : np.ndarray [shape=(F, 2, 3)]
        Similarity from plate pixels to the canonical crop, whose corners are
        (0, 0) and (1, 1); NaN where not visible.
    visible : np.ndarray [shape=(F,), dtype=bool]
    confidence : np.ndarray [shape=(F,)]
        0 to 1.
    shape : np.ndarray [shape=(478, 2)]
        The shot's mean face in crop units.
    face_width : float
        Median face width in plate pixels (fw, the unit of geometric error).
    """

    frames: np.ndarray
    landmarks: np.ndarray
    transform: np.ndarray
    visible: np.ndarray
    confidence: np.ndarray
    shape: np.ndarray
    face_width: float

    def index(self, frame: int) -> int:
        """Row of a frame."""
        row = int(frame) - int(self.frames[0])
        if not 0 <= row < len(self.frames):
            raise ShotError(f"frame {frame} is not in the face track")
        return row

    def canonical(self) -> np.ndarray:
        """Landmarks in crop units ``[shape=(F, 478, 2)]``; NaN where not visible."""
        return geometry.apply(self.transform, self.landmarks[..., :2])

    def lip_opening(self) -> np.ndarray:
        """Inner-lip opening at the middle as a share of the face width ``[shape=(F,)]``."""
        return lip_opening(self.landmarks)

    def save(self, path: Path) -> None:
        """Write ``track.npz``."""
        records.write_npz(
            path,
            frames=self.frames.astype(np.int64),
            landmarks=self.landmarks.astype(np.float32),
            transform=self.transform,
            visible=self.visible,
            confidence=self.confidence.astype(np.float32),
            shape=self.shape,
            face_width=np.array(self.face_width, np.float64),
        )

    @classmethod
    def load(cls, path: Path) -> FaceTrack:
        """Read ``track.npz``.

        Raises
        ------
        StageMissingError
            If it was not made yet.
        ShotError
            If it is damaged.
        """
        try:
            data = records.read_npz(path)
        except FileNotFoundError:
            raise StageMissingError(
                f"{path}: the face track is not made yet", mend="run relip track on the shot"
            ) from None
        try:
            return cls(
                frames=data["frames"],
                landmarks=data["landmarks"].astype(np.float64),
                transform=data["transform"],
                visible=data["visible"],
                confidence=data["confidence"].astype(np.float64),
                shape=data["shape"],
                face_width=float(data["face_width"]),
            )
        except KeyError as exc:
            raise ShotError(f"{path}: holds no {exc}", mend="run relip track again") from None


def lip_opening(landmarks: np.ndarray) -> np.ndarray:
    """Inner-lip opening of landmarks as a share of the face width.

    Parameters
    ----------
    landmarks : np.ndarray [shape=(..., 478, 2 or 3)]

    Returns
    -------
    np.ndarray [shape=(...)]
        Distance of the inner lips' middle points (13, 14) over the distance
        of the cheeks (234, 454).
    """
    xy = landmarks[..., :2]
    gap = np.linalg.norm(xy[..., 13, :] - xy[..., 14, :], axis=-1)
    width = np.linalg.norm(xy[..., points.FACE_RIGHT, :] - xy[..., points.FACE_LEFT, :], axis=-1)
    return gap / width
