"""``relip review --stage track``: what the tracker saw, drawn over the plate.

A movie of the whole shot and a contact sheet around the face: the mesh's
lines, the canonical crop, the rigid points, a bar of confidence for
alignment, lips and jaw, how much of the edit the frame shows, and the reason
where it shows none.
"""

from __future__ import annotations

import cv2
import numpy as np

from relip import records
from relip.progress import Progress
from relip.records import StageReport
from relip.review import sheet
from relip.review.stage_movie import write_stage_movie
from relip.shot import Shot
from relip.track import confidence, geometry, points, square
from relip.track import stage as track_stage
from relip.track.facetrack import FaceTrack

NAME = "review"
VERSION = 2
FILES = ("track.mp4", "track.png")

#: Longer side of the movie, and of the close-up beside it, in pixels.
SIDE = 720
CLOSE = 360

SHEET_FRAMES = 24

#: Confidence above which a bar is green.
_BELIEVED = 0.6

_GOOD, _FAIR, _BAD = (70, 200, 120), (235, 190, 60), (230, 70, 60)
_LIPS, _JAW, _RIGID, _CROP = (255, 120, 140), (120, 200, 255), (250, 230, 90), (160, 160, 160)


def run(shot: Shot, *, progress: Progress, force: bool = False) -> StageReport:
    """Draw them, unless they are up to date.

    Raises
    ------
    StageMissingError
        If the shot is not tracked.
    """
    report = StageReport(NAME)
    folder = shot.stage_folder("review")
    track = track_stage.load(shot)
    why = track_stage.reasons(shot)
    frames = list(shot.frames)
    key = records.fingerprint(
        VERSION,
        records.file_fingerprint(shot.path("track", "track.npz")),
        records.file_fingerprint(shot.path("track", "record.json")),
    )
    old = records.read_record(folder, "track_pictures.json")
    if not force and old.get("key") == key and all((folder / name).exists() for name in FILES):
        report.kept = frames
        return report
    chosen = _frames_to_show(track)
    tiles: dict[int, np.ndarray] = {}
    progress.start(NAME, len(frames))

    def draw(frame: int, shown: np.ndarray) -> np.ndarray:
        row, reason = track.index(frame), why.get(frame, "")
        if frame in chosen:
            tiles[frame] = close_up(shown, track, row, reason, sheet.TILE)
        return page(shown, track, row, reason)

    write_stage_movie(shot, folder / FILES[0], frames, draw, report=report, progress=progress)
    if tiles:
        picture_of_all = sheet.assemble([[tiles[f]] for f in sorted(tiles)])
        sheet.write_png(folder / FILES[1], picture_of_all)
    records.write_json(folder / "track_pictures.json", {"key": key})
    progress.finish()
    return report


def _frames_to_show(track: FaceTrack) -> set[int]:
    """Evenly chosen frames, and the doubtful ones: refused, fading, least believed."""
    hidden = np.flatnonzero(~track.visible)
    hidden = hidden[:: max(1, -(-len(hidden) // 4))]
    believed = np.minimum(track.confidence, track.mix)
    doubtful = np.flatnonzero(track.visible & (believed <= _BELIEVED))
    doubtful = doubtful[np.argsort(believed[doubtful], kind="stable")]
    doubtful = doubtful[: SHEET_FRAMES // 2 - len(hidden)]
    worst = np.concatenate([hidden, doubtful])
    shown = np.flatnonzero(track.visible)
    even = shown[np.linspace(0, len(shown) - 1, min(SHEET_FRAMES, len(shown))).round().astype(int)]
    chosen: dict[int, None] = {}
    for a, b in zip(worst, even[:: max(1, len(even) // max(len(worst), 1))], strict=False):
        chosen[int(track.frames[a])] = None
        chosen[int(track.frames[b])] = None
    for row in even:
        if len(chosen) < SHEET_FRAMES:
            chosen[int(track.frames[row])] = None
    return set(chosen)


def page(picture: np.ndarray, track: FaceTrack, row: int, why: str) -> np.ndarray:
    """A movie frame: the plate with the face marked, and a close-up beside it."""
    whole = sheet.seen(picture, track.aspect, SIDE)
    if track.visible[row]:
        scale = sheet.reduction(picture, track.aspect, SIDE)
        to_shown = square.from_plate(np.array([[scale, 0, 0], [0, scale, 0]]), track.aspect)
        corners = geometry.apply(geometry.invert(track.transform[row]), _SQUARE)
        _line(whole, geometry.apply(to_shown, corners), _CROP, closed=True)
        _lines(whole, track, row, to_shown)
    close = close_up(picture, track, row, why, CLOSE)
    result_height = max(whole.shape[0], close.shape[0])
    result = np.full((result_height, whole.shape[1] + close.shape[1], 3), 24, np.uint8)
    result[: whole.shape[0], : whole.shape[1]] = whole
    result[: close.shape[0], whole.shape[1] :] = close
    even = (result.shape[0] + result.shape[0] % 2, result.shape[1] + result.shape[1] % 2)
    return cv2.copyMakeBorder(
        result, 0, even[0] - result.shape[0], 0, even[1] - result.shape[1], cv2.BORDER_REPLICATE
    )


def close_up(picture: np.ndarray, track: FaceTrack, row: int, why: str, side: int) -> np.ndarray:
    """The face's surroundings with all marks, bars below ``[shape=(side + 60, side, 3)]``."""
    height, width = picture.shape[0], picture.shape[1] * track.aspect
    if track.visible[row]:
        home = geometry.invert(track.square.transform[row])
        middle = geometry.apply(home, np.array([[0.5, 0.45]]))[0]
        half = 0.85 * track.face_width
    else:
        middle, half = np.array([width, height]) / 2, max(width, height) / 2
    to_tile = sheet.centred(middle, side / (2 * half), side, track.aspect)
    tile = sheet.placed(picture, to_tile, side, border=40)
    if track.visible[row]:
        corners = geometry.apply(geometry.invert(track.transform[row]), _SQUARE)
        _line(tile, geometry.apply(to_tile, corners), _CROP, closed=True)
        _lines(tile, track, row, to_tile)
        for place in geometry.apply(to_tile, track.landmarks[row, list(points.RIGID), :2]):
            cv2.circle(tile, _fixed(place), 2 << 4, _RIGID, -1, cv2.LINE_AA, 4)
    return np.concatenate([tile, _bars(track, row, why, side)])


def _bars(track: FaceTrack, row: int, why: str, side: int) -> np.ndarray:
    """Confidence of the regions, the mix, and words."""
    strip = np.full((60, side, 3), 24, np.uint8)
    bars = [*zip(confidence.REGIONS, track.regions[row], strict=True), ("mix", track.mix[row])]
    length = side // len(bars)
    for i, (name, value) in enumerate(bars):
        value = float(np.nan_to_num(value))
        colour = _GOOD if value > _BELIEVED else _FAIR if value > 0.25 else _BAD
        x = i * length + 4
        cv2.rectangle(strip, (x, 4), (x + length - 8, 12), (60, 60, 60), -1)
        cv2.rectangle(strip, (x, 4), (x + round((length - 8) * value), 12), colour, -1)
        _text(strip, f"{name[:5]} {100 * value:.0f}", (x, 26), (200, 200, 200))
    words = f"{int(track.frames[row])}"
    if track.visible[row] and np.isfinite(track.angles[row]).all():
        yaw, pitch, roll = track.angles[row]
        words += f"  yaw {yaw:.0f} pitch {pitch:.0f} roll {roll:.0f}"
    if track.bridged[row]:
        words += " bridged"
    _text(strip, words, (4, 42), (220, 220, 220))
    if why:
        _text(strip, why, (4, 56), _BAD)
    return strip


def _lines(picture: np.ndarray, track: FaceTrack, row: int, to_shown: np.ndarray) -> None:
    face = geometry.apply(to_shown, track.landmarks[row, :, :2])
    _line(picture, face[list(points.OUTER_LIPS)], _LIPS, closed=True)
    _line(picture, face[list(points.INNER_LIPS)], _LIPS, closed=True)
    _line(picture, face[list(points.JAW)], _JAW, closed=False)
    for eye in (points.EYE_LEFT, points.EYE_RIGHT):
        _line(picture, face[list(eye)], _RIGID, closed=True)
    _line(picture, face[[168, 6, 197, 195, 5, 4, 1]], _RIGID, closed=False)


def _line(
    picture: np.ndarray, places: np.ndarray, colour: tuple[int, int, int], *, closed: bool
) -> None:
    outline = np.round((places - 0.5) * 16).astype(np.int32)
    cv2.polylines(picture, [outline], closed, colour, 1, cv2.LINE_AA, 4)


def _fixed(place: np.ndarray) -> tuple[int, int]:
    return round(float(place[0] - 0.5) * 16), round(float(place[1] - 0.5) * 16)


def _text(
    picture: np.ndarray, words: str, at: tuple[int, int], colour: tuple[int, int, int]
) -> None:
    cv2.putText(picture, words, at, cv2.FONT_HERSHEY_SIMPLEX, 0.36, colour, 1, cv2.LINE_AA)


_SQUARE = np.array([[0.0, 0], [1, 0], [1, 1], [0, 1]])
