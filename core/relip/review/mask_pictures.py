"""``relip review --stage mask``: the parsing's classes and the matte, drawn over the plate.

A movie of the whole shot and a contact sheet around the face. Each face is
shown twice: with every class in its colour, and with the matte, which is red
where the plate will be replaced and ends at what stands in front.
"""

from __future__ import annotations

import contextlib

import cv2
import numpy as np

from relip import records
from relip.errors import StageMissingError
from relip.mask import stage as mask_stage
from relip.plate import read_exr
from relip.progress import Progress
from relip.records import FrameRecord, StageReport
from relip.review import sheet
from relip.review.stage_movie import write_stage_movie
from relip.shot import Shot
from relip.track import geometry
from relip.track import stage as track_stage
from relip.track.facetrack import FaceTrack

NAME = "review"
VERSION = 2
FILES = ("mask.mp4", "mask.png")

#: Side of the movie's two pictures in pixels.
SIDE = 480

SHEET_FRAMES = 12

#: Colours of the layers.
COLOURS = {
    "skin": (90, 160, 230),
    "lips": (240, 90, 120),
    "mouth": (120, 30, 60),
    "teeth": (250, 250, 235),
    "hair": (140, 90, 200),
    "neck": (90, 200, 170),
    "occlusion": (255, 190, 40),
}
_MATTE = (230, 40, 40)

#: How strongly the colours cover the plate.
_STRENGTH = 0.5


def run(shot: Shot, *, progress: Progress, force: bool = False) -> StageReport:
    """Draw them, unless they are up to date.

    Raises
    ------
    StageMissingError
        If no frame of the shot is masked.
    """
    report = StageReport(NAME)
    folder = shot.stage_folder("review")
    track = track_stage.load(shot)
    frames = list(shot.frames)
    status = FrameRecord(shot.path("mask"))
    states = {f: status.get(f) for f in frames}
    if not any(states.values()):
        raise StageMissingError(
            f"{shot.path('mask')}: no frame is masked yet", mend="run relip mask on the shot"
        )
    mattes = [mask_stage.matte_fingerprint(shot, f) for f in frames]
    key = records.fingerprint(VERSION, mattes)
    old = records.read_record(folder, "mask_pictures.json")
    if not force and old.get("key") == key and all((folder / name).exists() for name in FILES):
        report.kept = frames
        return report
    chosen = _frames_to_show(track, mask_stage.occluded(shot))
    columns: dict[int, list[np.ndarray]] = {}
    progress.start(NAME, len(frames))

    def draw(frame: int, shown: np.ndarray) -> np.ndarray:
        note = str((states[frame] or {}).get("note", ""))
        tiles = close_ups(shot, shown, track, frame, note)
        if frame in chosen:
            # the words are written anew: half as large nobody could read them
            words = _words(frame, note)
            small = [cv2.resize(t[:SIDE], None, fx=0.5, fy=0.5, interpolation=3) for t in tiles]
            columns[frame] = [_labelled(t, w) for t, w in zip(small, words, strict=True)]
        return np.concatenate(tiles, axis=1)

    write_stage_movie(shot, folder / FILES[0], frames, draw, report=report, progress=progress)
    if columns:
        picture_of_all = sheet.assemble([columns[f] for f in sorted(columns)])
        legend = _legend(picture_of_all.shape[1])
        sheet.write_png(folder / FILES[1], np.concatenate([legend, picture_of_all]))
    records.write_json(folder / "mask_pictures.json", {"key": key})
    progress.finish()
    return report


def _frames_to_show(track: FaceTrack, occluded: dict[int, str]) -> set[int]:
    """Half of them where something stands before the face, if there are such; the rest evenly."""
    seen = [int(f) for f in track.frames[track.visible]]
    hidden = sorted(occluded)
    chosen: set[int] = set()
    for frames, count in ((hidden, SHEET_FRAMES // 2), (seen, SHEET_FRAMES)):
        room = min(count, len(frames), SHEET_FRAMES - len(chosen))
        if room > 0:
            places = np.linspace(0, len(frames) - 1, room).round().astype(int)
            chosen |= {frames[i] for i in places}
    return chosen


def close_ups(
    shot: Shot, picture: np.ndarray, track: FaceTrack, frame: int, note: str
) -> list[np.ndarray]:
    """The face's surroundings with the classes, and with the matte.

    Parameters
    ----------
    shot : Shot
    picture : np.ndarray [shape=(height, width, 3), dtype=uint8]
        The plate, display-encoded.
    track : FaceTrack
    frame : int
    note : str
        Written below.

    Returns
    -------
    list of np.ndarray [shape=(500, 480, 3), dtype=uint8]
    """
    row = track.index(frame)
    seen = np.flatnonzero(track.visible)
    around = row if track.visible[row] else int(seen[np.abs(seen - row).argmin()])
    home = geometry.invert(track.square.transform[around])
    middle = geometry.apply(home, np.array([[0.5, 0.62]]))[0]
    to_tile = sheet.centred(middle, SIDE / (1.15 * track.face_width), SIDE, track.aspect)
    face = sheet.placed(picture, to_tile, SIDE).astype(np.float32)
    height, width = picture.shape[:2]
    path = mask_stage.mask_path(shot, frame)
    classes = face.copy()
    if path.exists():
        channels, (x, y), _, _ = read_exr(path)
        from_layer = to_tile.copy()
        from_layer[:, 2] += to_tile[:, :2] @ np.array([x, y], float)
        for name, colour in COLOURS.items():
            if name in channels:
                covered = np.clip(sheet.placed(channels[name], from_layer, SIDE), 0, 1)
                amount = _STRENGTH * covered[..., None]
                classes = classes * (1 - amount) + amount * np.array(colour, np.float32)
    matted = face.copy()
    with contextlib.suppress(StageMissingError):
        found = mask_stage.read_matte(shot, frame, width, height)
        if found is not None:
            from_matte = to_tile.copy()
            from_matte[:, 2] += to_tile[:, :2] @ np.array(found[1], float)
            amount = np.clip(sheet.placed(found[0], from_matte, SIDE), 0, 1)
            matted = matted * (1 - _STRENGTH * amount[..., None])
            matted += _STRENGTH * amount[..., None] * np.array(_MATTE, np.float32)
            _outline(matted, amount)
    return [_labelled(t, w) for t, w in zip((classes, matted), _words(frame, note), strict=True)]


def _words(frame: int, note: str) -> tuple[str, str]:
    """What stands below the two pictures of a frame."""
    return f"{frame} {note}", f"{frame} matte"


def _outline(picture: np.ndarray, amount: np.ndarray) -> None:
    """Where the matte ends."""
    edges, _ = cv2.findContours(
        (amount > 0.01).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE
    )
    cv2.drawContours(picture, edges, -1, (255, 255, 255), 1, cv2.LINE_8)


def _labelled(picture: np.ndarray, words: str) -> np.ndarray:
    bar = np.full((20, picture.shape[1], 3), 24, np.uint8)
    cv2.putText(
        bar, words, (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (220, 220, 220), 1, cv2.LINE_AA
    )
    return np.concatenate([np.clip(picture, 0, 255).astype(np.uint8), bar])


def _legend(width: int) -> np.ndarray:
    """The names of the layers in their colours ``[shape=(20, width, 3), dtype=uint8]``."""
    bar = np.full((20, width, 3), 24, np.uint8)
    x = 4
    for name, colour in {**COLOURS, "matte": _MATTE}.items():
        bright = tuple(int(max(c, 90)) for c in colour)
        cv2.rectangle(bar, (x, 5), (x + 10, 15), colour, -1)
        cv2.putText(bar, name, (x + 14, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.42, bright, 1, cv2.LINE_AA)
        x += 24 + 8 * len(name)
    return bar
