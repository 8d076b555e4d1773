"""The face track: what the track stage knows of every frame, and its file."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from relip import records
from relip.errors import ShotError, StageMissingError
from relip.track import geometry, points, square


@dataclass(frozen=True)
class FaceTrack:
    """One face through a shot.

    Attributes
    ----------
    frames : np.ndarray [shape=(F,), dtype=int64]
        Frame numbers, in order.
    landmarks : np.ndarray [shape=(F, 478, 3)]
        Plate pixels (x right, y down, centres at +0.5); NaN where not visible.
        z in square pixels.
    transform : np.ndarray [shape=(F, 2, 3)]
        From plate pixels to the canonical crop, whose corners are (0, 0) and
        (1, 1): a similarity of square pixels; NaN where not visible.
    visible : np.ndarray [shape=(F,), dtype=bool]
    confidence : np.ndarray [shape=(F,)]
        0 to 1.
    shape : np.ndarray [shape=(478, 2)]
        The shot's mean face in crop units.
    face_width : float
        Median face width in square pixels (fw, the unit of geometric error).
    run : np.ndarray [shape=(F,), dtype=int64]
        Number of the run between cuts.
    mix : np.ndarray [shape=(F,)]
        How much of the edit the frame shows: 0 where the plate passes
        through, between 0 and 1 where the edit comes or goes.
    bridged : np.ndarray [shape=(F,), dtype=bool]
        Not found in the picture, but between frames that were.
    regions : np.ndarray [shape=(F, 3)]
        Confidence of alignment, lips and jaw, 0 to 1.
    angles : np.ndarray [shape=(F, 3)]
        Yaw, pitch and roll in degrees; NaN where not visible.
    aspect : float
        Width over height of the plate's pixels as shown; see :attr:`square`.
    """

    frames: np.ndarray
    landmarks: np.ndarray
    transform: np.ndarray
    visible: np.ndarray
    confidence: np.ndarray
    shape: np.ndarray
    face_width: float
    run: np.ndarray = None  # type: ignore[assignment]
    mix: np.ndarray = None  # type: ignore[assignment]
    bridged: np.ndarray = None  # type: ignore[assignment]
    regions: np.ndarray = None  # type: ignore[assignment]
    angles: np.ndarray = None  # type: ignore[assignment]
    aspect: float = 1.0

    def __post_init__(self) -> None:
        """What was not given: one run, edited wherever the face is visible."""
        count = len(self.frames)
        given = {
            "run": np.zeros(count, np.int64),
            "mix": np.asarray(self.visible, float),
            "bridged": np.zeros(count, bool),
            "regions": np.repeat(np.asarray(self.confidence, float)[:, None], 3, axis=1),
            "angles": np.full((count, 3), np.nan),
        }
        for name, value in given.items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)

    @property
    def editable(self) -> np.ndarray:
        """Frames that are edited, be it in part ``[shape=(F,), dtype=bool]``."""
        return self.visible & (self.mix > 0)

    @cached_property
    def square(self) -> FaceTrack:
        """The same face in square coordinates, where distances and angles are what they look.

        See :mod:`relip.track.square`; of a plate whose pixels are square, this track.
        """
        if self.aspect == 1:
            return self
        return replace(
            self,
            landmarks=square.to_square(self.landmarks, self.aspect),
            transform=square.from_square(self.transform, self.aspect),
            aspect=1.0,
        )

    def squeezed(self, aspect: float) -> FaceTrack:
        """This face, measured in square coordinates, on the plate that holds it squeezed."""
        if aspect == 1:
            return self
        return replace(
            self,
            landmarks=square.to_plate(self.landmarks, aspect),
            transform=square.from_plate(self.transform, aspect),
            aspect=aspect,
        )

    def part(self, rows: slice) -> FaceTrack:
        """The track of some of its frames; ``shape`` and ``face_width`` stay the shot's."""
        whole = ("shape", "face_width", "aspect")
        names = [f.name for f in fields(self) if f.name not in whole]
        return replace(self, **{name: getattr(self, name)[rows] for name in names})

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
        return lip_opening(self.square.landmarks)

    def as_kept(self) -> FaceTrack:
        """The same as ``track.npz`` keeps it: a track made again is equal to one that was read."""
        kept = {name: getattr(self, name).astype(np.float32).astype(np.float64) for name in _SINGLE}
        return replace(self, **kept)

    def save(self, path: Path) -> None:
        """Write ``track.npz``."""
        records.write_npz(
            path,
            frames=self.frames.astype(np.int64),
            transform=self.transform,
            visible=self.visible,
            shape=self.shape,
            face_width=np.array(self.face_width, np.float64),
            run=self.run,
            mix=self.mix,
            bridged=self.bridged,
            **{name: getattr(self, name).astype(np.float32) for name in _SINGLE},
            **({} if self.aspect == 1 else {"aspect": np.array(self.aspect, np.float64)}),
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
            count = data["frames"].size
            arrays = {
                name: _array(
                    data[name], name, tuple(count if n is None else n for n in shape), kind
                )
                for name, (shape, kind) in _ARRAYS.items()
            }
            width = float(_array(data["face_width"], "face_width", (), np.float64))
            # files of plates with square pixels do not name it
            given = data.get("aspect", np.array(1.0))
            aspect = float(_array(given, "aspect", (), np.float64))
            if not square.LEAST <= aspect <= square.MOST:
                raise ValueError("its pixels have no such aspect")
            if count == 0 or (np.diff(arrays["frames"]) != 1).any():
                raise ValueError("its frames are not one run")
            if not (np.isfinite(width) and width > 0 and np.isfinite(arrays["shape"]).all()):
                raise ValueError("the face has no size")
            if not arrays["visible"].any():
                raise ValueError("no face is visible")  # such a track is never written
            if not np.isfinite(arrays["landmarks"][arrays["visible"]]).all():
                raise ValueError("a visible face has no place")
            faces = arrays["landmarks"][arrays["visible"]][..., :2]
            if not (np.ptp(faces, axis=1) > 0).all():
                raise ValueError("a visible face is a point")
            seen = arrays["transform"][arrays["visible"]]
            if (
                not np.isfinite(seen).all()
                or (np.abs(np.linalg.det(seen[:, :, :2])) < _LEAST_AREA).any()
            ):
                raise ValueError("a visible face has no alignment")
            return cls(face_width=width, aspect=aspect, **arrays)
        except KeyError as exc:
            raise ShotError(f"{path}: holds no {exc}", mend="run relip track again") from None
        except ValueError as exc:
            raise ShotError(f"{path}: damaged: {exc}", mend="run relip track again") from None


#: What a pixel of the plate covers of the crop at least, in crop units squared.
_LEAST_AREA = 1e-12

#: Shape and kind of each array of the file; None stands for the number of frames.
_ARRAYS: dict[str, tuple[tuple[int | None, ...], type]] = {
    "frames": ((None,), np.int64),
    "landmarks": ((None, points.COUNT, 3), np.float64),
    "transform": ((None, 2, 3), np.float64),
    "visible": ((None,), np.bool_),
    "confidence": ((None,), np.float64),
    "shape": ((points.COUNT, 2), np.float64),
    "run": ((None,), np.int64),
    "mix": ((None,), np.float64),
    "bridged": ((None,), np.bool_),
    "regions": ((None, 3), np.float64),
    "angles": ((None, 3), np.float64),
}

#: Those that the file keeps in single precision.
_SINGLE = ("landmarks", "confidence", "regions", "angles")


def _array(value: np.ndarray, name: str, shape: tuple[int, ...], kind: type) -> np.ndarray:
    """An array as the track has it.

    Raises
    ------
    ValueError
        If its shape is another or its values are of another kind.
    """
    if value.shape != shape or not np.can_cast(value.dtype, kind, "same_kind"):
        raise ValueError(f"{name} is {value.dtype} {value.shape}")
    return value.astype(kind)


def lip_opening(landmarks: np.ndarray) -> np.ndarray:
    """Inner-lip opening of landmarks as a share of the face width.

    Parameters
    ----------
    landmarks : np.ndarray [shape=(..., 478, 2 or 3)]
        In square coordinates.

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
