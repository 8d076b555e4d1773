"""What a handoff needs to know of a shot: the face track, the format, the pictures' names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np

from relip.errors import FaceError, FrameRangeError, RelipError, UsageError
from relip.frames import format_range, select_frames
from relip.handoff.coordinates import Format
from relip.render import canonical
from relip.shot import MaskSettings, Shot
from relip.track import geometry, points
from relip.track.facetrack import FaceTrack

#: The named points of the exports, each a mean of landmarks (MediaPipe's numbers); left and
#: right are the picture's.
NAMED_POINTS = points.NAMED


@dataclass(frozen=True)
class Scene:
    """A tracked shot, ready to be written down for other programs.

    Attributes
    ----------
    name : str
        The shot's, fit for a node name.
    track : FaceTrack
        Of the chosen frames.
    form : Format
        The plate's.
    rate : Fraction or None
        Frames per second; None when nobody said.
    colourspace : str
        The plate's.
    mask : MaskSettings
    whole : FaceTrack
        The track of the whole shot: the region depends on all of its poses.
    """

    name: str
    track: FaceTrack
    form: Format
    rate: Fraction | None = None
    colourspace: str = ""
    mask: MaskSettings = field(default_factory=MaskSettings)
    whole: FaceTrack | None = None

    @classmethod
    def of(cls, shot: Shot, frames: str | None = None) -> Scene:
        """Read a shot's track.

        Parameters
        ----------
        shot : Shot
        frames : str, optional
            Only these frames.

        Raises
        ------
        StageMissingError
            If the shot is not tracked yet.
        FrameRangeError
            If frames are outside the shot, or not one run.
        FaceError
            If none of them shows a face.
        """
        from relip.track import stage as track_stage

        track = track_stage.load(shot)
        with shot.open_plate() as plate:
            form = Format.of_plate(plate.width, plate.height, plate.info)
            colourspace = plate.colourspace
        try:
            rate: Fraction | None = shot.rate
        except RelipError:
            rate = None
        scene = cls(node_name(shot.folder.stem), track, form, rate, colourspace, shot.settings.mask)
        return scene.only(frames) if frames else scene.checked()

    def only(self, frames: str) -> Scene:
        """The same scene with some of its frames."""
        all_frames = range(int(self.track.frames[0]), int(self.track.frames[-1]) + 1)
        chosen = select_frames(frames, all_frames)
        if chosen != list(range(chosen[0], chosen[-1] + 1)):
            raise FrameRangeError(
                f"frames {frames!r}: an export is one run of frames, without gaps",
                mend="write it as 1001-1100",
            )
        rows = slice(self.track.index(chosen[0]), self.track.index(chosen[-1]) + 1)
        part = self.track.part(rows)
        return replace(self, track=part, whole=self.whole or self.track).checked()

    def checked(self) -> Scene:
        """This scene; an error when no frame shows a face."""
        if not self.track.visible.any():
            raise FaceError(
                f"{self.name}: no face in frames {format_range(self.track.frames.tolist())}",
                mend="choose frames with a face: relip status --per-frame lists them",
            )
        return self

    @property
    def frames(self) -> list[int]:
        """All frame numbers."""
        return [int(f) for f in self.track.frames]

    @property
    def visible_frames(self) -> list[int]:
        """The frames that show the face."""
        return [int(f) for f in self.track.frames[self.track.visible]]

    @property
    def faceless_frames(self) -> list[int]:
        """The frames that do not."""
        return [int(f) for f in self.track.frames[~self.track.visible]]

    @property
    def label(self) -> str:
        """What a node says under its name: the shot, its frames, those without a face."""
        text = f"Relip {self.name} {format_range(self.frames)}"
        if self.faceless_frames:
            text += f"\nno face in {format_range(self.faceless_frames)}"
        return text

    @property
    def reference(self) -> int:
        """The visible frame in the middle: where transforms are nothing when none is asked for."""
        visible = self.visible_frames
        return visible[len(visible) // 2]

    def check_reference(self, frame: int | None) -> int:
        """A reference frame that shows the face.

        Raises
        ------
        FrameRangeError
            If it does not, or is outside the export.
        """
        if frame is None:
            return self.reference
        if frame not in self.visible_frames:
            why = "shows no face" if frame in self.frames else "is outside the export"
            raise FrameRangeError(
                f"reference frame {frame} {why}",
                mend=f"choose one of {format_range(self.visible_frames)}",
            )
        return frame

    def crop_size(self, size: int | None = None) -> int:
        """Side of the canonical crop in pixels: as given, else what the network sees."""
        if size is None:
            return canonical.crop_size(self.track.face_width)
        if not 16 <= size <= 8192:
            raise UsageError(f"a crop of {size} pixels", mend="use 16 to 8192")
        return size

    def to_crop(self, size: int) -> np.ndarray:
        """Plate pixels to pixels of the canonical crop, of visible frames ``[shape=(V, 2, 3)]``."""
        return self.track.transform[self.track.visible] * size

    def outlines(self) -> np.ndarray:
        """The edited region's knots and handles on the plate, of visible frames.

        Returns
        -------
        np.ndarray [shape=(V, n, 3, 2)]
            For each knot of the closed curve: the handle before it, the knot,
            the handle after it, all as places on the plate.
        """
        from relip.mask import region

        whole = self.whole or self.track
        outline = region.make_region(whole, self.mask).outline
        first = whole.index(int(self.track.frames[0]))
        outline = outline[first : first + len(self.track.frames)][self.track.visible]
        corners = 5 + len(region.LOWER)
        knots = outline[:, :: outline.shape[1] // corners]
        curve = bspline_handles(knots)
        to_plate = geometry.invert(self.track.transform[self.track.visible])
        flat = geometry.apply(to_plate, curve.reshape(len(curve), -1, 2))
        return flat.reshape(curve.shape)


def bspline_handles(knots: np.ndarray) -> np.ndarray:
    """The Bézier form of a closed uniform cubic B-spline, exactly.

    Parameters
    ----------
    knots : np.ndarray [shape=(..., n, 2)]
        Where the curve passes from one piece to the next.

    Returns
    -------
    np.ndarray [shape=(..., n, 3, 2)]
        Handle before, knot, handle after.

    Notes
    -----
    A knot is (c₋₁ + 4c₀ + c₁)/6 of the spline's corners c: a circulant system
    gives the corners back. The derivative there is (c₁ − c₋₁)/2, a Bézier
    handle a third of it (Farin, Curves and Surfaces for CAGD, ch. 8).
    """
    n = knots.shape[-2]
    around = np.eye(n) * 4 + np.roll(np.eye(n), 1, 0) + np.roll(np.eye(n), -1, 0)
    corners = np.linalg.solve(around / 6, knots)
    reach = (np.roll(corners, -1, axis=-2) - np.roll(corners, 1, axis=-2)) / 6
    return np.stack([knots - reach, knots, knots + reach], axis=-2)


def choose_points(names: Sequence[str] | None) -> dict[str, tuple[int, ...]]:
    """Named points, or landmarks by number.

    Parameters
    ----------
    names : sequence of str, optional
        Names of :data:`NAMED_POINTS`, landmark numbers (``"61"``), or
        ``"all"``; the named ones by default.

    Returns
    -------
    dict of str to tuple of int
        Landmarks whose mean each point is.

    Raises
    ------
    UsageError
        If a name is unknown or stands twice.
    """
    if not names:
        return dict(NAMED_POINTS)
    if list(names) == ["all"]:
        return {f"p{number:03d}": (number,) for number in range(points.COUNT)}
    chosen: dict[str, tuple[int, ...]] = {}
    for name in names:
        if name in NAMED_POINTS:
            key, value = name, NAMED_POINTS[name]
        elif name.isdecimal() and int(name) < points.COUNT:
            key, value = f"p{int(name):03d}", (int(name),)
        else:
            raise UsageError(
                f"point {name!r} is unknown",
                mend=f"use {', '.join(NAMED_POINTS)}, a landmark number 0-{points.COUNT - 1}"
                " or all",
            )
        if key in chosen:
            raise UsageError(f"point {name!r} stands twice", mend="name it once")
        chosen[key] = value
    return chosen


def point_track(track: FaceTrack, landmarks: tuple[int, ...]) -> np.ndarray:
    """A point through the shot: the mean of its landmarks ``[shape=(F, 2)]``, y down."""
    return track.landmarks[:, list(landmarks), :2].mean(axis=1)


def node_name(text: str) -> str:
    """Text made fit for a node name: letters, digits and underscores, no digit first."""
    name = "".join(c if c.isascii() and (c.isalnum() or c == "_") else "_" for c in text)
    return f"_{name}" if name[:1].isdigit() or not name else name
