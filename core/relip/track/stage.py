"""The track stage: plate → track/track.npz and track.json."""

from __future__ import annotations

from typing import Any

import numpy as np

from relip import records
from relip.errors import FaceError
from relip.frames import format_range
from relip.plate import MoviePlate
from relip.progress import Progress
from relip.records import StageReport
from relip.shot import Shot
from relip.track import (
    backend,
    confidence,
    fade,
    geometry,
    overrides,
    people,
    points,
    square,
    stabilise,
)
from relip.track.detection import Detection, detect
from relip.track.facetrack import FaceTrack

NAME = "track"
VERSION = 12

#: Fewer visible frames than this cannot carry a network.
MIN_VISIBLE = 8

#: Faces of fewer pixels than this are found and followed in part only.
LEAST_FACE_PX = 40


def detection_key(shot: Shot) -> str:
    """Fingerprint of everything the detection depends on; the artist's word comes after it."""
    with shot.open_plate() as plate:
        pictures = (
            plate.fingerprint()
            if plate.kind == "movie"
            else [plate.fingerprint(f) for f in shot.frames]
        )
        colourspace = plate.colourspace
        aspect = square.aspect_of(plate.info, shot.settings.track.pixel_aspect)
    duplicates = shot.settings.plate.duplicates
    return records.fingerprint(
        NAME,
        VERSION,
        pictures,
        colourspace,
        [shot.frames.start, shot.frames.stop],
        *([] if duplicates == "hold" else [duplicates]),
        shot.settings.track.face,
        backend.identity(shot.settings.track.backend),
        *([] if aspect == 1 else ["square", aspect]),
    )


def key(shot: Shot, detected: str | None = None) -> str:
    """Fingerprint of everything the track depends on."""
    override = shot.override("track.json")
    return records.fingerprint(
        detected or detection_key(shot),
        records.file_fingerprint(override) if override else None,
        shot.settings.track.ramp,
    )


def run(shot: Shot, *, progress: Progress, force: bool = False) -> StageReport:
    """Track the face through the whole shot.

    Raises
    ------
    FaceError
        If hardly any frame shows a face.
    PlateError
        If the plate cannot be read.
    ModelError
        If the landmark backend cannot be loaded.
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
    seen = int(np.isfinite(found.landmarks[:, 0, 0]).sum())
    if seen < min(MIN_VISIBLE, count):
        raise FaceError(
            f"{shot.settings.plate.path}: a face was found in {seen} of {count} frames",
            mend=f"check that the plate shows a face of at least {LEAST_FACE_PX} pixels",
        )
    if fresh:
        found.save(folder / "detected.npz", detected_key)
    track, out, facts = make_track(shot, found)
    track.save(target)
    _write_blendshapes(shot, found)
    opening = track.lip_opening()[track.visible]
    report.data = {
        "face_width_px": round(track.face_width, 2),
        "visible": int(track.visible.sum()),
        "frames": count,
        "frames_with_several_faces": found.several,
        "backend": found.backend,
        **({} if track.aspect == 1 else {"pixel_aspect": track.aspect}),
        **facts,
    }
    report.failed = dict(found.unreadable)
    report.passed = [shot.frames[row] for row in sorted(out)]
    report.done = list(shot.frames)
    report.notes = _notes(shot, found, track, out)
    summary = {
        **report.data,
        "people": found.people,
        "cuts": [shot.frames[row] for row in found.cuts],
        "bridged": [int(f) for f in track.frames[track.bridged & track.visible]],
        "faceless": report.passed,
        "reasons": {str(shot.frames[row]): why for row, why in sorted(out.items())},
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
            "backend": found.backend,
            "faceless": report.passed,
            "reasons": summary["reasons"],
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


def uncorrected(shot: Shot) -> FaceTrack:
    """The track as it was found, without the artist's word.

    What is learned of the whole shot is learned from it, so that a point moved
    in one frame changes nothing in the others.
    """
    track = load(shot)
    if shot.override("track.json") is None:
        return track
    found = Detection.load(shot.path("track", "detected.npz"), detection_key(shot))
    return track if found is None else make_track(shot, found, corrected=False)[0].as_kept()


def make_track(
    shot: Shot, found: Detection, *, corrected: bool = True
) -> tuple[FaceTrack, dict[int, str], dict[str, Any]]:
    """The face track from what was detected, the artist's word and the settings.

    Parameters
    ----------
    corrected : bool
        False to leave the artist's word out.

    Returns
    -------
    FaceTrack
    dict of int to str
        Why rows are not edited.
    dict
        Figures for the record.
    """
    count = len(shot.frames)
    with shot.open_plate() as plate:
        aspect = square.aspect_of(plate.info, shot.settings.track.pixel_aspect)
        size = plate.width * aspect, plate.height
    landmarks, motions = found.landmarks.copy(), found.motions.copy()
    cuts = [row for row in found.cuts if 0 < row < count]
    motions[cuts] = np.nan
    visible = np.isfinite(landmarks[:, 0, 0])
    belief = confidence.believe(landmarks, found.looks, found.template, found.away, found.followed)
    # a face that was not found and does not look like itself is behind something
    gone = found.bridged & (belief.regions[:, :2].min(1) < confidence.BRIDGED_LIMIT)
    visible &= ~gone
    landmarks[gone] = np.nan
    bridged = found.bridged & visible

    measured = visible & ~bridged
    shape, width = stabilise.reference_shape(landmarks[measured])
    raw = stabilise.align(landmarks, visible, np.full_like(motions, np.nan), shape)
    transform = stabilise.align(landmarks, visible, motions, shape)
    fit = _rigid_fit(landmarks, transform, shape, visible)
    regions = np.where(visible[:, None], belief.regions * fit[:, None], 0)
    percent = 100 * stabilise.CROP_FACE_WIDTHS
    facts: dict[str, Any] = {
        "jitter_percent_fw": {
            "landmarks": round(percent * stabilise.residual_jitter(raw, motions, shape), 4),
            "with_flow": round(percent * stabilise.residual_jitter(transform, motions, shape), 4),
        },
    }
    override = shot.override("track.json") if corrected else None
    tracks = overrides.read_tracks(override, shot.frames) if override else None
    if tracks:
        tracks = {name: square.to_square(places, aspect) for name, places in tracks.items()}
        transform, imported = overrides.realign(transform, tracks)
        facts["alignment"] = {"tracks": sorted(tracks), "frames": int(imported.sum())}
    offset = _offsets(shot, landmarks.shape) if corrected else None
    if offset is not None:
        landmarks[..., :2] += square.to_square(offset, aspect)
    runs = fade.runs_of(count, cuts)
    border = _over_border(landmarks, *size)
    belief = confidence.Belief(
        regions, regions.min(1), np.where(visible[:, None], belief.angles, np.nan), belief.causes
    )
    out = fade.reasons(visible, runs, belief, border)
    track = FaceTrack(
        frames=np.arange(shot.frames.start, shot.frames.stop),
        landmarks=landmarks,
        transform=transform,
        visible=visible,
        confidence=belief.overall,
        shape=shape,
        face_width=width,
        run=runs,
        mix=fade.mix(count, runs, out, shot.settings.track.ramp),
        bridged=bridged,
        regions=regions,
        angles=belief.angles,
    )
    facts["confidence"] = {
        name: round(float(np.median(regions[visible, i])), 3)
        for i, name in enumerate(confidence.REGIONS)
    }
    turned = np.abs(belief.angles[visible])
    facts["largest_angles"] = {
        name: round(float(turned[:, i].max()), 1) for i, name in enumerate(("yaw", "pitch", "roll"))
    }
    return track.squeezed(aspect), out, facts


def _notes(shot: Shot, found: Detection, track: FaceTrack, out: dict[int, str]) -> list[str]:
    notes = []
    if found.skipped:
        notes.append(f"frames {format_range(found.skipped)} are missing and left out")
    with shot.open_plate() as plate:
        known = plate.held if isinstance(plate, MoviePlate) else []
        passed = shot.settings.plate.duplicates == "skip"
        repeated = [f for f in found.repeated if passed or f not in known]
        if repeated:
            notes.append(
                f"frames {format_range(repeated)} repeat the frame before them"
                + (": the plate passes through" if passed else "")
            )
        notes.extend(plate.info.get("notes", []))
        told = float(plate.info.get("pixel_aspect") or 1.0)
    if track.aspect != 1:
        notes.append(
            f"its pixels are {track.aspect:g} times as wide as high: the face is measured as it is "
            "shown (track.pixel_aspect=1 if only the header says so)"
        )
    elif not (shot.settings.track.pixel_aspect or square.LEAST <= told <= square.MOST):
        notes.append(
            f"its header says that pixels are {told:g} times as wide as high: taken for square "
            "(track.pixel_aspect says otherwise)"
        )
    if round(track.face_width) < LEAST_FACE_PX:
        notes.append(
            f"the face is {track.face_width:.0f} pixels wide: below {LEAST_FACE_PX} lips are "
            "followed less exactly and the mouth has little detail to learn; look at the track "
            "(relip review SHOT.relip --stage track), or take a larger scan or a closer shot"
        )
    if found.cuts:
        notes.append(f"cuts before frames {format_range(shot.frames[r] for r in found.cuts)}")
    if track.bridged.any():
        over = [int(f) for f in track.frames[track.bridged]]
        notes.append(f"the face was not found in frames {format_range(over)}: bridged")
    notes.extend(fade.describe(out, shot.frames))
    ramping = track.visible & (track.mix > 0) & (track.mix < 1)
    if ramping.any():
        fading = [int(f) for f in track.frames[ramping]]
        notes.append(f"the edit comes and goes in frames {format_range(fading)}")
    if found.several:
        plural = "s" if found.several > 1 else ""
        notes.append(
            f"several faces in {found.several} frame{plural}: "
            + (
                f"the one at {shot.settings.track.face} is followed"
                if people.parse_choice(shot.settings.track.face)
                else "the largest is followed; --face X,Y@FRAME chooses another"
            )
        )
    return notes


def _write_blendshapes(shot: Shot, found: Detection) -> None:
    """``track/blendshapes.csv``: a row per frame, ARKit's names; empty cells without a face."""
    path = shot.path("track", "blendshapes.csv")
    if not found.shape_names:
        path.unlink(missing_ok=True)
        return
    lines = [",".join(["frame", *found.shape_names])]
    for frame, values in zip(shot.frames, found.blendshapes, strict=True):
        cells = [f"{v:.5f}" if np.isfinite(v) else "" for v in values]
        lines.append(",".join([str(frame), *cells]))
    records.write_text(path, "\n".join(lines) + "\n")


def _over_border(landmarks: np.ndarray, width: float, height: float) -> np.ndarray:
    """Rows in which the face comes within 3 % of its size of the picture's border."""
    low, high = landmarks[..., :2].min(1), landmarks[..., :2].max(1)
    room = 0.03 * (high - low).max(1, keepdims=True)
    with np.errstate(invalid="ignore"):
        over: np.ndarray = ((low < room) | (high > np.array([width, height]) - room)).any(1)
    return over


def _offsets(shot: Shot, size: tuple[int, ...]) -> np.ndarray | None:
    """The artist's point offsets ``[shape=(F, 478, 2)]``; None without an override."""
    path = shot.override("track.json")
    if path is None:
        return None
    start = shot.frames.start
    return overrides.read_offsets(path, range(start, start + size[0]))


def _rigid_fit(
    landmarks: np.ndarray, transform: np.ndarray, shape: np.ndarray, visible: np.ndarray
) -> np.ndarray:
    """How well the rigid points fit the shot's mean face: 1 up to 6 % fw, 0 from 20 % fw on."""
    result = np.zeros(len(landmarks))
    rigid = list(points.RIGID)
    for t in np.flatnonzero(visible):
        fitted = geometry.apply(transform[t], landmarks[t, rigid, :2])
        residual = np.sqrt(np.mean(np.square(fitted - shape[rigid])) * 2)
        result[t] = np.clip((0.20 - residual * stabilise.CROP_FACE_WIDTHS) / 0.14, 0, 1)
    return result


def load(shot: Shot) -> FaceTrack:
    """The shot's face track."""
    return FaceTrack.load(shot.path("track", "track.npz"))


def reasons(shot: Shot) -> dict[int, str]:
    """Why frames of the shot are not edited, by frame; empty before the track is made."""
    found = records.read_record(shot.path("track")).get("reasons", {})
    return {int(frame): str(why) for frame, why in found.items()}
