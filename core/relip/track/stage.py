"""The track stage: plate → track/track.npz and track.json."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from relip import records
from relip.errors import FaceError, PlateError, ShotError
from relip.frames import format_range
from relip.plate import BadFrame, Colour
from relip.plate.prefetch import prefetch
from relip.progress import Progress
from relip.records import StageReport
from relip.shot import Shot
from relip.track import geometry, people, points, stabilise
from relip.track.facemesh import FaceMesh
from relip.track.facetrack import FaceTrack
from relip.track.picture import detection_picture

NAME = "track"
VERSION = 3

#: Fewer visible frames than this cannot carry a network.
MIN_VISIBLE = 8


def detection_key(shot: Shot) -> str:
    """Fingerprint of everything the detection depends on; the artist's offsets come after it."""
    with shot.open_plate() as plate:
        pictures = (
            plate.fingerprint()
            if plate.kind == "movie"
            else [plate.fingerprint(f) for f in shot.frames]
        )
        colourspace = plate.colourspace
    duplicates = shot.settings.plate.duplicates
    return records.fingerprint(
        NAME,
        VERSION,
        pictures,
        colourspace,
        [shot.frames.start, shot.frames.stop],
        *([] if duplicates == "hold" else [duplicates]),
        shot.settings.track.face,
    )


def key(shot: Shot, detected: str | None = None) -> str:
    """Fingerprint of everything the track depends on."""
    override = shot.override("track.json")
    return records.fingerprint(
        detected or detection_key(shot),
        records.file_fingerprint(override) if override else None,
    )


@dataclass
class Detection:
    """What was seen in the pictures, before any smoothing and offset.

    Attributes
    ----------
    landmarks : np.ndarray [shape=(F, 478, 3)]
        NaN where no face was found.
    motions : np.ndarray [shape=(F, 2, 3)]
        Of the nose since the frame before; NaN where unknown.
    several : int
        Frames with more than one face.
    unreadable : dict of int to str
        Frames that could not be read, and why.
    skipped, repeated : list of int
        Frames that the plate lacks, and frames equal to the one before them.
    """

    landmarks: np.ndarray
    motions: np.ndarray
    several: int = 0
    unreadable: dict[int, str] = field(default_factory=dict)
    skipped: list[int] = field(default_factory=list)
    repeated: list[int] = field(default_factory=list)

    def save(self, path: Path, stage_key: str) -> None:
        """Write it, so that an edit of the offsets needs no second detection."""
        facts = {
            "key": stage_key,
            "several": self.several,
            "unreadable": {str(f): reason for f, reason in self.unreadable.items()},
            "skipped": self.skipped,
            "repeated": self.repeated,
        }
        records.write_npz(
            path,
            landmarks=self.landmarks,
            motions=self.motions,
            facts=np.frombuffer(json.dumps(facts).encode(), np.uint8),
        )

    @classmethod
    def load(cls, path: Path, stage_key: str) -> Detection | None:
        """Read it; None when there is none with this key."""
        try:
            data = records.read_npz(path)
            facts = json.loads(data["facts"].tobytes())
            if facts["key"] != stage_key:
                return None
            return cls(
                data["landmarks"],
                data["motions"],
                int(facts["several"]),
                {int(f): str(reason) for f, reason in facts["unreadable"].items()},
                [int(f) for f in facts["skipped"]],
                [int(f) for f in facts["repeated"]],
            )
        except (FileNotFoundError, ShotError, KeyError, ValueError, TypeError, AttributeError):
            return None


def detect(shot: Shot, progress: Progress) -> Detection:
    """Find the face in every frame.

    Raises
    ------
    PlateError
        If frames repeat the one before and the shot's policy is to refuse that.
    """
    count = len(shot.frames)
    found = Detection(np.full((count, points.COUNT, 3), np.nan), np.full((count, 2, 3), np.nan))
    policy = shot.settings.plate.duplicates
    crowd: list[people.Person] = []
    motions: dict[tuple[int, int], np.ndarray] = {}  # by person and row
    last_grey: np.ndarray | None = None
    last_rgb: np.ndarray | None = None
    progress.start(NAME, count)
    with shot.open_plate() as plate, FaceMesh() as mesh:
        colour = Colour()
        for row, picture in enumerate(prefetch(plate.iter(shot.frames, on_error="mark"))):
            if isinstance(picture, BadFrame):
                if picture.skipped:
                    found.skipped.append(picture.frame)
                else:
                    found.unreadable[picture.frame] = picture.reason
                last_grey = last_rgb = None
                progress.step()
                continue
            if last_rgb is not None and np.array_equal(picture.rgb, last_rgb, equal_nan=True):
                found.repeated.append(picture.frame)
                if policy == "skip":
                    progress.step()
                    continue
            last_rgb = picture.rgb
            shown = detection_picture(picture.rgb, plate, colour)
            faces = mesh.faces(shown)
            found.several += len(faces) > 1
            grey = cv2.cvtColor(shown, cv2.COLOR_RGB2GRAY) if faces else None
            for face, person in zip(faces, people.meet(crowd, row, faces), strict=True):
                before = person.faces.get(row - 1)
                if before is not None and last_grey is not None and grey is not None:
                    motion = stabilise.nose_motion(last_grey, grey, before, face)
                    if motion is not None:
                        motions[id(person), row] = motion
            last_grey = grey
            progress.step()
    if found.repeated and policy == "error":
        raise PlateError(
            f"{shot.settings.plate.path}: frames {format_range(found.repeated)} repeat the frame "
            "before them",
            mend="mend the plate, or set plate.duplicates to hold or skip",
        )
    chosen = people.choose(crowd, shot.settings.track.face, shot.frames, shot.settings.plate.path)
    if chosen is not None:
        for row, face in chosen.faces.items():
            found.landmarks[row] = face
            found.motions[row] = motions.get((id(chosen), row), np.nan)
    return found


def run(shot: Shot, *, progress: Progress, force: bool = False) -> StageReport:
    """Track the face through the whole shot.

    Raises
    ------
    FaceError
        If hardly any frame shows a face.
    PlateError
        If the plate cannot be read.
    """
    report = StageReport(NAME)
    folder = shot.stage_folder("track")
    target = folder / "track.npz"
    detected_key = detection_key(shot)
    stage_key = key(shot, detected_key)
    old = records.read_record(folder)
    if not force and old.get("key") == stage_key and target.exists():
        report.kept = list(shot.frames)
        report.passed = old.get("faceless", [])
        report.failed = {int(k): v for k, v in old.get("unreadable", {}).items()}
        report.data = old.get("data", {})
        report.notes = old.get("notes", [])
        return report

    count = len(shot.frames)
    found = None if force else Detection.load(folder / "detected.npz", detected_key)
    fresh = found is None
    if found is None:
        found = detect(shot, progress)
    landmarks, motions, several = found.landmarks, found.motions, found.several
    report.failed = dict(found.unreadable)
    visible = np.isfinite(landmarks[:, 0, 0])
    report.passed = [f for f, v in zip(shot.frames, visible, strict=True) if not v]
    if visible.sum() < min(MIN_VISIBLE, count):
        raise FaceError(
            f"{shot.settings.plate.path}: a face was found in"
            f" {int(visible.sum())} of {count} frames",
            mend="check that the plate shows a face of at least 40 pixels",
        )
    if fresh:
        found.save(folder / "detected.npz", detected_key)
    shape, width = stabilise.reference_shape(landmarks[visible])
    raw = stabilise.align(landmarks, visible, np.full_like(motions, np.nan), shape)
    transform = stabilise.align(landmarks, visible, motions, shape)
    offset = _offsets(shot, landmarks.shape)
    if offset is not None:
        landmarks[..., :2] += offset
    confidence = _confidence(landmarks, transform, shape, visible)
    track = FaceTrack(
        frames=np.arange(shot.frames.start, shot.frames.stop),
        landmarks=landmarks,
        transform=transform,
        visible=visible,
        confidence=confidence,
        shape=shape,
        face_width=width,
    )
    track.save(target)
    percent = 100 * stabilise.CROP_FACE_WIDTHS
    report.data = {
        "face_width_px": round(width, 2),
        "visible": int(visible.sum()),
        "frames": count,
        "frames_with_several_faces": several,
        "jitter_percent_fw": {
            "landmarks": round(percent * stabilise.residual_jitter(raw, motions, shape), 4),
            "with_flow": round(percent * stabilise.residual_jitter(transform, motions, shape), 4),
        },
    }
    report.done = list(shot.frames)
    if found.skipped:
        report.notes.append(f"frames {format_range(found.skipped)} are missing and left out")
    if found.repeated:
        report.notes.append(
            f"frames {format_range(found.repeated)} repeat the frame before them"
            + (": the plate passes through" if shot.settings.plate.duplicates == "skip" else "")
        )
    with shot.open_plate() as plate:
        report.notes.extend(plate.info.get("notes", []))
    if report.passed:
        report.notes.append(
            f"no face in frames {format_range(report.passed)}: the plate passes through"
        )
    if several:
        report.notes.append(
            f"several faces in {several} frames: "
            + (
                f"the one at {shot.settings.track.face} is followed"
                if people.parse_choice(shot.settings.track.face)
                else "the largest is followed; --face X,Y@FRAME chooses another"
            )
        )
    opening = track.lip_opening()[visible]
    summary = {
        **report.data,
        "backend": FaceMesh.name,
        "faceless": report.passed,
        "lip_opening_percent_fw": {
            "min": round(100 * float(opening.min()), 2),
            "median": round(100 * float(np.median(opening)), 2),
            "max": round(100 * float(opening.max()), 2),
        },
    }
    records.write_json(folder / "track.json", summary)
    records.write_record(
        folder,
        {
            "stage": NAME,
            "key": stage_key,
            "state": "done",
            "faceless": report.passed,
            "skipped": found.skipped,
            "repeated": found.repeated,
            "unreadable": {str(k): v for k, v in report.failed.items()},
            "data": report.data,
            "notes": report.notes,
            "versions": records.versions(),
        },
    )
    progress.finish()
    return report


def _offsets(shot: Shot, size: tuple[int, ...]) -> np.ndarray | None:
    """The artist's point offsets: ``overrides/track.json``, linear between key frames.

    ``{"offsets": {"1001": {"13": [dx, dy], "all": [dx, dy]}}}`` in plate
    pixels, y down; held before the first and after the last key.
    """
    path = shot.override("track.json")
    if path is None:
        return None
    data: Any = records.read_json(path)
    result = np.zeros((size[0], size[1], 2))
    keys: dict[str, list[tuple[int, list[float]]]] = {}
    try:
        for frame, moves in data["offsets"].items():
            for name, move in moves.items():
                shift = [float(move[0]), float(move[1])]
                if not np.isfinite(shift).all():
                    raise ValueError(f"{move} is not a place")
                keys.setdefault(name, []).append((int(frame), shift))
        frames = np.arange(shot.frames.start, shot.frames.stop)
        for name, moves in keys.items():
            moves.sort()
            at = [m[0] for m in moves]
            curve = np.stack([np.interp(frames, at, [m[1][i] for m in moves]) for i in (0, 1)], -1)
            if name == "all":
                result += curve[:, None]
            else:
                if not 0 <= int(name) < points.COUNT:
                    raise ValueError(f"there is no point {name}")
                result[:, int(name)] += curve
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as exc:
        raise ShotError(
            f"{path}: not a track override ({exc.__class__.__name__}: {exc})",
            mend='write {"offsets": {"1001": {"13": [dx, dy]}}}',
        ) from None
    return result


def _confidence(
    landmarks: np.ndarray, transform: np.ndarray, shape: np.ndarray, visible: np.ndarray
) -> np.ndarray:
    """How well the rigid points fit the shot's mean face: 1 at no residual, 0 at 10 % fw."""
    result = np.zeros(len(landmarks))
    rigid = list(points.RIGID)
    for t in np.flatnonzero(visible):
        fitted = geometry.apply(transform[t], landmarks[t, rigid, :2])
        residual = np.sqrt(np.mean(np.square(fitted - shape[rigid])) * 2)
        result[t] = np.clip(1 - residual * stabilise.CROP_FACE_WIDTHS / 0.10, 0, 1)
    return result


def load(shot: Shot) -> FaceTrack:
    """The shot's face track."""
    return FaceTrack.load(shot.path("track", "track.npz"))
