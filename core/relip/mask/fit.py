"""What the mask stage learns of a shot before its frames: how the face looks, and its colours.

The fit is a pure function of the plate, the track and the settings. Whoever
needs it first (one of many farm tasks, perhaps several at once) makes it; the
others find it, or make the same one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from relip import records
from relip.errors import ShotError
from relip.mask import appearance, areas, occlusion, parsing
from relip.mask.appearance import Appearance, opponent
from relip.mask.coverage import fill
from relip.mask.crop import SMALL, ShapeSpace, display_crop, inner_mouth, reference_face, sample
from relip.mask.likelihood import frequency
from relip.mask.parsing import COLOURS, Palette
from relip.mask.region import Region
from relip.mask.sight import SURE, Suspicion
from relip.plate import BadFrame, Colour, Plate
from relip.plate.prefetch import prefetch
from relip.progress import Progress
from relip.shot import Shot
from relip.track import points, pose
from relip.track.facetrack import FaceTrack

VERSION = 10

#: Frames looked at, evenly spread, and how many are needed at all.
FRAMES = 96
LEAST = 10

#: Frames whose colours are learnt.
_COLOURS = 24

#: Frames that make an occluder's colours known, and pixels in each of them: a crease that is taken
#: for an occluder has fewer. So many of them are no face for sure: with the colours of what only
#: may stand before it, the face itself would be found in all frames.
_SHOW_IT, _ENOUGH, _SURE_SHARE = 3, 40, 0.25

#: A colour is the occluders' in half where the face shows it as often, divided by this.
_FLESHY = 2.0


@dataclass(frozen=True)
class ShotFit:
    """What was learnt.

    Attributes
    ----------
    space : ShapeSpace
    model : Appearance
    palette : Palette
    mean_face : np.ndarray [shape=(478, 2)]
        In crop units, of frames that show the face clear.
    by_pose : np.ndarray [shape=(k, 956)]
        How it changes with the head's pose, see :func:`relip.track.pose.pose_curves`.
    occluders : np.ndarray or None
        Colours of what stands before the face, see :func:`occluder_colours`.
    """

    space: ShapeSpace
    model: Appearance
    palette: Palette
    mean_face: np.ndarray
    by_pose: np.ndarray
    occluders: np.ndarray | None = None

    def posed(self, curves: np.ndarray) -> np.ndarray:
        """The face as the head's pose alone has it.

        Where something covers a face its landmarks are pushed about; the pose
        comes from eyes and nose, and holds.

        Parameters
        ----------
        curves : np.ndarray [shape=(F, k)]
            See :func:`relip.track.pose.pose_curves`.

        Returns
        -------
        np.ndarray [shape=(F, 478, 2)]
            In crop units.
        """
        return self.mean_face + (curves @ self.by_pose).reshape(-1, *self.mean_face.shape)


def fit_path(shot: Shot) -> Path:
    """The file of the fit."""
    return shot.path("mask", "fit.npz")


def chosen_frames(track: FaceTrack) -> list[int]:
    """The frames that are looked at."""
    seen = track.frames[track.visible]
    if len(seen) <= FRAMES:
        return [int(f) for f in seen]
    return [int(f) for f in seen[np.linspace(0, len(seen) - 1, FRAMES).round().astype(int)]]


def fit_key(shot: Shot, plate: Plate, track: FaceTrack, region: Region) -> str:
    """Fingerprint of everything the fit depends on."""
    frames = chosen_frames(track)
    pictures = (
        [plate.fingerprint()] if plate.kind == "movie" else [plate.fingerprint(f) for f in frames]
    )
    return records.fingerprint(
        "mask fit",
        VERSION,
        pictures,
        frames,
        plate.colourspace,
        track.landmarks,
        track.transform,
        track.visible,
        region.outline,
    )


def obtain(
    shot: Shot,
    plate: Plate,
    track: FaceTrack,
    region: Region,
    progress: Progress,
    *,
    key: str,
    force: bool = False,
) -> ShotFit | None:
    """The shot's fit, found or made.

    Parameters
    ----------
    key : str
        From :func:`fit_key`.
    force : bool
        Make it even if it is there.

    Returns
    -------
    ShotFit or None
        None when too few frames show the face to say what it looks like.
    """
    path = fit_path(shot)
    found = None if force else _read(path, key)
    if found is not None:
        return found
    made = make(plate, track, region, progress)
    if made is not None:
        model, palette = made.model, made.palette
        records.write_npz(
            path,
            key=np.frombuffer(key.encode(), np.uint8),
            reference=reference_face(track),
            area=model.area,
            mean=model.mean,
            modes=model.modes,
            spread=model.spread,
            level=model.level,
            anchor=model.anchor,
            chances=palette.chances,
            skin=palette.skin,
            lips=palette.lips,
            mean_face=made.mean_face,
            by_pose=made.by_pose,
            occluders=np.zeros(0) if made.occluders is None else made.occluders,
        )
    return made


def _read(path: Path, key: str) -> ShotFit | None:
    try:
        data = records.read_npz(path)
        if data["key"].tobytes().decode() != key:
            return None
        model = Appearance(
            *(data[n] for n in ("area", "mean", "modes", "spread", "level", "anchor"))
        )
        palette = Palette(data["chances"], data["skin"], data["lips"])
        space = ShapeSpace.of(data["reference"])
        occluders = data["occluders"] if data["occluders"].size else None
        return ShotFit(space, model, palette, data["mean_face"], data["by_pose"], occluders)
    except (FileNotFoundError, ShotError, KeyError, UnicodeDecodeError):
        return None


def make(plate: Plate, track: FaceTrack, region: Region, progress: Progress) -> ShotFit | None:
    """Look at the chosen frames and learn from them."""
    frames = chosen_frames(track)
    if len(frames) < LEAST:
        return None
    reference = reference_face(track)
    space = ShapeSpace.of(reference)
    canonical = track.canonical()
    colour = Colour()
    crops: list[np.ndarray] = []
    rows: list[int] = []
    normal: list[np.ndarray] = []
    progress.start("mask fit", len(frames))
    for picture in prefetch(plate.iter(frames, on_error="mark")):
        progress.step()
        if isinstance(picture, BadFrame):
            continue
        row = track.index(picture.frame)
        crop = display_crop(picture, track.transform[row], plate, colour)
        at = space.crop_map(canonical[row])
        normal.append(sample(cv2.blur(crop, (2, 2)), at))
        crops.append(crop)
        rows.append(row)
    progress.finish()
    if len(normal) < LEAST:
        return None
    area, cheeks, mouth = zones(reference, region)
    model, certain = appearance.fit(np.stack(normal), area | cheeks, cheeks, mouth)
    # colours and shapes are learnt where nothing stands before the face
    few = np.sort(certain)[LEAST - 1]
    clear = np.flatnonzero(certain <= few)
    step = max(-(-len(clear) // _COLOURS), 1)
    palette = parsing.learn(
        [crops[i] for i in clear[::step]], [canonical[rows[i]] for i in clear[::step]]
    )
    seen = np.array(rows)[clear]
    mean = np.median(canonical[seen, :, :2], axis=0)
    off = (canonical[seen, :, :2] - mean).reshape(len(seen), -1)
    curves = pose.pose_curves(track)
    found = ShotFit(space, model, palette, mean, pose.ridge(curves[seen], off))
    covered = np.flatnonzero(certain > few)
    occluders = occluder_colours(
        model,
        palette,
        space,
        [crops[i] for i in covered],
        [canonical[rows[i]] for i in covered],
        list(found.posed(curves[np.array(rows)[covered]])),
    )
    return replace(found, occluders=occluders)


def zones(reference: np.ndarray, region: Region) -> tuple[np.ndarray, ...]:
    """Parts of the normalised picture: the region in all frames, cheeks above it, the mouth.

    Parameters
    ----------
    reference : np.ndarray [shape=(478, 2)]
        In crop units.
    region : Region

    Returns
    -------
    tuple of three np.ndarray [shape=(128, 128), dtype=bool]
    """
    size = (SMALL, SMALL)
    area = np.zeros(size[::-1], bool)
    outlines = region.outline[np.isfinite(region.outline[:, 0, 0])]
    for outline in outlines[:: max(len(outlines) // 60, 1)]:
        area |= fill(outline * SMALL, size) > 0
    area = cv2.dilate(area.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    rows = np.arange(SMALL)[:, None] / SMALL
    columns = np.arange(SMALL)[None] / SMALL
    eyes, top = reference[[33, 133, 362, 263], 1].max() + 0.05, outlines[..., 1].min() - 0.01
    whole = fill(reference[list(parsing.OVAL)] * SMALL, size) > 0.9
    cheeks = whole & (rows > eyes)
    cheeks &= (rows < top) & (np.abs(columns - reference[1, 0]) < 0.25)
    if not cheeks.any():  # a region grown up to the eyes: the nose will do
        cheeks = fill(reference[list(points.NOSE)[:4] + [115, 344]] * SMALL, size) > 0
    mouth = fill(inner_mouth(reference) * SMALL, size)
    return area, cheeks, cv2.dilate(mouth, np.ones((5, 5), np.uint8)) > 0


def occluder_colours(
    model: Appearance,
    palette: Palette,
    space: ShapeSpace,
    crops: list[np.ndarray],
    faces: list[np.ndarray],
    posed: list[np.ndarray],
) -> np.ndarray | None:
    """The colours of what stands before the face in frames of a shot.

    Where it comes in from the side only these tell it from what is beside the
    face, which changes as the head turns.

    Parameters
    ----------
    model, palette, space
        As for :func:`relip.mask.occlusion.find`.
    crops, faces, posed : list of np.ndarray
        Of frames in which something may stand before the face.

    Returns
    -------
    np.ndarray [shape=(COLOURS,), dtype=float32] or None
        How often each bin of colour is seen; None where hardly anything is found.
    """
    counts = np.zeros(COLOURS, np.float32)
    frames = 0
    for crop, face, mesh in zip(crops, faces, posed, strict=True):
        found = occlusion.find(model, palette, space, crop, face, mesh)
        if found is None:
            continue
        small = cv2.resize(crop, (SMALL, SMALL), interpolation=cv2.INTER_AREA)
        bins = parsing.colour_bins(opponent(small))
        surely = (found > 0.5) & areas.inside_face(areas.face_area(face))
        if np.count_nonzero(surely) < _ENOUGH:
            continue
        suspicion = Suspicion(model, space, crop)
        for seen in (face, mesh):
            suspicion.see(seen)
        if (suspicion.strange(0)[surely] > SURE).mean() >= _SURE_SHARE:
            counts += np.bincount(bins[surely], minlength=COLOURS)
            frames += 1
    if frames < _SHOW_IT:
        return None
    # a wrinkle or a light on the chin taken for an occluder must not be looked for in all frames
    own = frequency(counts)
    own = own / (own + _FLESHY * palette.flesh)
    counts = counts * own
    return counts if counts.sum() >= _SHOW_IT * _ENOUGH else None
