"""What the pictures of a shot show of its face, before any smoothing and any offset."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from relip import records
from relip.errors import PlateError, ShotError
from relip.frames import format_range
from relip.plate import BadFrame, Colour, Picture, Plate
from relip.plate.movie_picture import MoviePicture
from relip.plate.prefetch import prefetch
from relip.progress import Progress
from relip.shot import Shot
from relip.track import geometry, looks, nose, people, points, square
from relip.track.backend import open_finder
from relip.track.cuts import jumps
from relip.track.follower import Actor, Follower
from relip.track.picture import Look, Shown, squared
from relip.track.stabilise import runs


@dataclass
class Detection:
    """The chosen face, frame by frame, in square coordinates (:mod:`relip.track.square`).

    Attributes
    ----------
    landmarks : np.ndarray [shape=(F, 478, 3)]
        NaN where no face was found.
    motions : np.ndarray [shape=(F, 2, 3)]
        Of the nose since the frame before; NaN where unknown.
    away, followed : np.ndarray [shape=(F, 3)]
        See :meth:`relip.track.flow.Flow.disagreement`.
    looks : np.ndarray [shape=(F, SIDE, SIDE), dtype=uint8]
    template : np.ndarray [shape=(478, 2)]
    bridged : np.ndarray [shape=(F,), dtype=bool]
        Carried over by flow between frames in which the face was found.
    blendshapes : np.ndarray [shape=(F, n)]
        NaN where no face was found; n is 0 when the backend gives none.
    shape_names : list of str
        Their names.
    backend : str
    cuts : list of int
        Rows that begin after a cut.
    people : int
        How many people were told apart.
    several : int
        Frames with more than one face.
    unreadable : dict of int to str
        Frames that could not be read, and why.
    skipped, repeated : list of int
        Frames that the plate lacks, and frames equal to the one before them.
    """

    landmarks: np.ndarray
    motions: np.ndarray
    away: np.ndarray
    followed: np.ndarray
    looks: np.ndarray
    template: np.ndarray
    bridged: np.ndarray
    blendshapes: np.ndarray
    shape_names: list[str] = field(default_factory=list)
    backend: str = ""
    cuts: list[int] = field(default_factory=list)
    people: int = 0
    several: int = 0
    unreadable: dict[int, str] = field(default_factory=dict)
    skipped: list[int] = field(default_factory=list)
    repeated: list[int] = field(default_factory=list)

    @classmethod
    def empty(cls, count: int, shapes: int = 0) -> Detection:
        """Nothing found in ``count`` frames."""
        return cls(
            landmarks=np.full((count, points.COUNT, 3), np.nan),
            motions=np.full((count, 2, 3), np.nan),
            away=np.full((count, 3), np.nan),
            followed=np.zeros((count, 3)),
            looks=np.zeros((count, looks.SIDE, looks.SIDE), np.uint8),
            template=np.zeros((points.COUNT, 2)),
            bridged=np.zeros(count, bool),
            blendshapes=np.full((count, shapes), np.nan),
        )

    def save(self, path: Path, stage_key: str) -> None:
        """Write it, so that an edit of the overrides needs no second look at the pictures."""
        facts = {
            "key": stage_key,
            "shape_names": self.shape_names,
            "backend": self.backend,
            "cuts": self.cuts,
            "people": self.people,
            "several": self.several,
            "unreadable": {str(f): reason for f, reason in self.unreadable.items()},
            "skipped": self.skipped,
            "repeated": self.repeated,
        }
        records.write_npz(
            path,
            **{name: getattr(self, name) for name in _ARRAYS},
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
                **{name: data[name] for name in _ARRAYS},
                shape_names=[str(n) for n in facts["shape_names"]],
                backend=str(facts["backend"]),
                cuts=[int(c) for c in facts["cuts"]],
                people=int(facts["people"]),
                several=int(facts["several"]),
                unreadable={int(f): str(reason) for f, reason in facts["unreadable"].items()},
                skipped=[int(f) for f in facts["skipped"]],
                repeated=[int(f) for f in facts["repeated"]],
            )
        except (FileNotFoundError, ShotError, KeyError, ValueError, TypeError, AttributeError):
            return None


_ARRAYS = (
    "landmarks", "motions", "away", "followed", "looks", "template", "bridged", "blendshapes",
)  # fmt: skip


def detect(shot: Shot, progress: Progress) -> Detection:
    """Find the face in every frame.

    Raises
    ------
    PlateError
        If frames repeat the one before and the shot's policy is to refuse that.
    FaceError
        If the face that the shot names is not there.
    """
    settings = shot.settings
    policy = settings.plate.duplicates
    unreadable: dict[int, str] = {}
    skipped: list[int] = []
    repeated: list[int] = []
    last: Picture | None = None
    with shot.open_plate() as plate:
        size = plate.width, plate.height
    people.check_choice(settings.track.face, shot.frames, size, settings.plate.path)
    progress.start("track", len(shot.frames))
    with shot.open_plate() as plate, open_finder(settings.track.backend) as finder:
        follower = Follower(finder)
        aspect = square.aspect_of(plate.info, settings.track.pixel_aspect)
        pictures = _shown(plate.iter(shot.frames, on_error="mark"), plate, aspect)
        for row, (picture, shown) in enumerate(prefetch(pictures)):
            if isinstance(picture, BadFrame):
                if picture.skipped:
                    skipped.append(picture.frame)
                else:
                    unreadable[picture.frame] = picture.reason
                last = None
                progress.step()
                continue
            if last is not None and picture.same_pixels(last):
                repeated.append(picture.frame)
                if policy == "skip":
                    progress.step()
                    continue
            last = picture
            follower.step(row, shown)
            progress.step()
        follower.finish()
        backend, names = finder.name, list(finder.blendshape_names)
    if repeated and policy == "error":
        raise PlateError(
            f"{settings.plate.path}: frames {format_range(repeated)} repeat the frame before them",
            mend="mend the plate, or set plate.duplicates to hold or skip",
        )
    chosen = people.choose(
        follower.crowd, settings.track.face, shot.frames, settings.plate.path, aspect
    )
    found = gather(chosen, len(shot.frames), len(names))
    found.backend, found.shape_names = backend, names
    found.cuts = sorted({*follower.cuts, *jumps(found.landmarks, found.motions)})
    found.people = len(follower.crowd)
    found.several = follower.crowded
    found.unreadable, found.skipped, found.repeated = unreadable, skipped, repeated
    return found


def _shown(
    pictures: Iterable[Picture | BadFrame], plate: Plate, aspect: float
) -> Iterator[tuple[Picture | BadFrame, Look]]:
    """Each picture and how the finder sees it; nothing of one that cannot be read.

    A movie's picture waits as the few bytes it is stored in; others, whose floats are there
    already, are converted at once, that they need not be kept.
    """
    colour = Colour()
    nothing = np.empty((0, 0, 3), np.uint8)
    for picture in pictures:
        if isinstance(picture, BadFrame):
            yield picture, nothing
        else:
            late = isinstance(picture, MoviePicture)
            shown = Shown(picture, plate, colour)
            yield picture, squared(shown if late else shown.whole(), aspect)


def gather(person: people.Person | None, count: int, shapes: int) -> Detection:
    """What was seen of a person as arrays over the shot's rows.

    Where the person was carried over a gap by flow, what the flow missed at
    its end is spread over the gap.
    """
    found = Detection.empty(count, shapes)
    if not isinstance(person, Actor):
        return found
    found.template = person.template
    patches = [np.empty(0, np.uint8)] * count
    to_patch = np.full((count, 2, 3), np.nan)
    for row, sight in person.sights.items():
        found.landmarks[row] = person.faces[row]
        found.motions[row] = sight.motion
        found.away[row], found.followed[row] = sight.away, sight.followed
        found.looks[row] = sight.look
        patches[row], to_patch[row] = sight.nose, sight.to_nose
        found.bridged[row] = sight.carried
        if sight.blendshapes is not None and shapes:
            found.blendshapes[row] = sight.blendshapes
    found.motions = nose.refined(found.motions, patches, to_patch)
    close_gaps(found)
    return found


def close_gaps(found: Detection) -> None:
    """Let the bridged rows end where the face was found again."""
    for first, last in runs(found.bridged):
        end = last + 1
        if end >= len(found.landmarks) or first == 0:
            continue
        arrived = found.landmarks[end - 1].copy()
        if np.isfinite(found.motions[end]).all():
            arrived[:, :2] = geometry.apply(found.motions[end], arrived[:, :2])
        missed = found.landmarks[end] - arrived
        for i, row in enumerate(range(first, end), start=1):
            found.landmarks[row] += missed * (i / (end - first + 1))
        if found.blendshapes.size:
            ends = found.blendshapes[[first - 1, end]]
            for i, row in enumerate(range(first, end), start=1):
                t = i / (end - first + 1)
                found.blendshapes[row] = (1 - t) * ends[0] + t * ends[1]
