"""Who is who: the faces of a shot gathered into people, and the one to follow chosen."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from relip.errors import FaceError, SettingError
from relip.track import square
from relip.track.points import face_width

#: A face further than this from where a person was last seen, in that person's face widths,
#: is somebody else; every frame out of sight allows a little more.
NEAR = 0.7
NEAR_PER_FRAME = 0.05

#: A face is somebody else's as well when its width changed by more than this factor.
GROWTH = 1.6

#: Looks that correlate more than this are one person's, wherever they are. Measured on five people:
#: 0.79 to 0.98 between frames of one (0.66 with the head turned by 27°), at most 0.71 between two.
ALIKE = 0.75

#: Looks that correlate less than this are two people's, even in one place: not much, since a hand
#: before the face or a turned head makes another look.
UNLIKE = 0.3

#: Where a picture holds one face and only one person is known, a little less is asked of the look.
ALONE = 0.65

#: After so many frames out of sight, or a cut, only the look counts, not the place.
FORGET_PLACE = 12


@dataclass
class Person:
    """One person's faces.

    Attributes
    ----------
    faces : dict of int to np.ndarray [shape=(478, 3)]
        Landmarks in square pixels by row of the shot.
    run : int
        Row from which on places can be compared: where the last cut stands.
    """

    faces: dict[int, np.ndarray] = field(default_factory=dict)
    run: int = 0

    @property
    def last(self) -> int:
        """The last row in which the person was seen."""
        return max(self.faces)

    def strangeness(self, row: int, face: np.ndarray) -> float:
        """How unlike this person a face of a later row is: below 1 it may be the same."""
        before = self.faces[self.last]
        width, now = face_width(before), face_width(face)
        away = float(np.linalg.norm(_middle(face) - _middle(before)))
        reach = width * (NEAR + NEAR_PER_FRAME * (row - self.last - 1))
        grown = max(width / now, now / width)
        return max(away / reach, np.log(grown) / np.log(GROWTH))

    def size(self) -> float:
        """Sum of the face widths: how much of the shot is this person's."""
        return sum(face_width(face) for face in self.faces.values())


def meet(
    people: list[Person],
    row: int,
    faces: Sequence[np.ndarray],
    *,
    alike: Callable[[Person, int], float] | None = None,
    taken: Sequence[Person] = (),
    make: Callable[[], Person] = Person,
) -> list[Person]:
    """Give the faces of one row to the people they belong to; newcomers are added to ``people``.

    The pairs least strange to each other are joined first. Without looks the
    one face of a picture is the one person's; with them the place counts only
    near the row in which the person was last seen, and the look always.

    Parameters
    ----------
    people : list of Person
    row : int
    faces : sequence of np.ndarray [shape=(478, 3)]
    alike : callable, optional
        Of a person and the number of a face: how much its look is the
        person's (:func:`relip.track.looks.likeness`).
    taken : sequence of Person
        People who are accounted for in this row already.
    make : callable
        Makes a newcomer.

    Returns
    -------
    list of Person
        Whose each face is.
    """
    known = [p for p in people if p.faces and not any(p is t for t in taken)]
    single = len(people) == 1 and len(faces) == 1 and not taken
    pairs = []
    for p, person in enumerate(known):
        for f, face in enumerate(faces):
            strange = person.strangeness(row, face)
            if alike is None:
                if strange < 1 or single:
                    pairs.append((strange, p, f))
                continue
            look = alike(person, f)
            forgotten = row - person.last > FORGET_PLACE or person.last < person.run
            near = strange < 1 and not forgotten
            if look > (UNLIKE if near else ALONE if single else ALIKE):
                pairs.append(((1 - look) + (0.3 * strange if near else 0.3), p, f))
    owner: dict[int, Person] = {}
    used: set[int] = set()
    for _, p, f in sorted(pairs):
        if p not in used and f not in owner:
            owner[f] = known[p]
            used.add(p)
    for f, face in enumerate(faces):
        if f not in owner:
            owner[f] = make()
            people.append(owner[f])
        owner[f].faces[row] = face
    return [owner[f] for f in range(len(faces))]


def parse_choice(text: str) -> tuple[float | int | None, ...] | None:
    """What ``track.face`` says: a place, a box, or nothing.

    Returns
    -------
    tuple or None
        ``"640,360@1001"`` as (x, y, frame), ``"600,300,700,420@1001"`` as
        (x0, y0, x1, y1, frame); the frame None where none is named. None for
        "" and "largest".

    Raises
    ------
    SettingError
        If it is none of them, or a box without area.
    """
    if text.strip() in ("", "largest"):
        return None
    number = r"\s*(-?[\d.]+)\s*"
    for count in (2, 4):
        found = re.fullmatch(",".join([number] * count) + r"(?:@\s*(-?\d+))?\s*", text)
        try:
            if found:
                *places, frame = found.groups()
                values = [float(v) for v in places]
                if count == 2 or (values[0] < values[2] and values[1] < values[3]):
                    return (*values, int(frame) if frame else None)
        except ValueError:
            pass
    raise SettingError(
        f"track.face is {text!r}",
        mend="write X,Y@FRAME, a place on the face, or X0,Y0,X1,Y1@FRAME, a box around it: plate "
        "pixels from the top left, and a frame",
    )


def check_choice(face: str, frames: range, size: tuple[int, int], where: str) -> None:
    """See that the shot has the place that is pointed at, before any picture is looked at.

    Parameters
    ----------
    face : str
        As for :func:`parse_choice`.
    frames : range
        The shot's.
    size : (int, int)
        Columns and rows of the plate's pictures.
    where : str
        The plate, named in messages.

    Raises
    ------
    FaceError
        If the frame is none of the shot's, or the place lies outside the picture.
    """
    choice = parse_choice(face)
    if choice is None:
        return
    frame = choice[-1]
    if frame is not None and frame not in frames:
        raise FaceError(
            f"track.face names frame {frame}, the shot has {frames.start}-{frames[-1]}",
            mend="name a frame of the shot",
        )
    named = [float(v) for v in choice[:-1] if v is not None]
    low, high = named[:2], named[-2:]
    if any(h < 0 or v > side for v, h, side in zip(low, high, size, strict=True)):
        raise FaceError(
            f"{where}: its pictures are {size[0]}x{size[1]}, and --face "
            f"{','.join(f'{v:g}' for v in named)} lies outside",
            mend="give plate pixels, from the top left",
        )


def choose(
    people: Sequence[Person], face: str, frames: range, where: str, aspect: float = 1.0
) -> Person | None:
    """The person to follow.

    Parameters
    ----------
    people : sequence of Person
    face : str
        As for :func:`parse_choice`; without a place the largest over the shot,
        without a frame the first frame that shows a face near the place.
    frames : range
        Frame numbers of the rows.
    where : str
        The plate, named in messages.
    aspect : float
        Of the plate's pixels: a place is named in them.

    Returns
    -------
    Person or None
        None when no frame shows a face.

    Raises
    ------
    FaceError
        If there is no face at the place.
    """
    choice = parse_choice(face)
    people = [person for person in people if person.faces]
    if not people:
        return None
    if choice is None:
        return max(people, key=Person.size)
    named = [float(v) for v in choice[:-1] if v is not None]
    place = square.to_square(np.reshape(named, (-1, 2)), aspect).ravel().tolist()
    frame = choice[-1]
    rows = sorted({row for person in people for row in person.faces})
    if frame is not None:
        rows = [row for row in rows if frames[row] == frame]
    away = _outside if len(place) == 4 else _away
    for row in rows:
        near = [(away(p.faces[row], *place), p) for p in people if row in p.faces]
        distance, person = min(near, key=lambda pair: pair[0])
        if distance < 1:
            return person
    at = f"frame {frame}" if frame is not None else "any frame"
    seen = [
        square.to_plate(_middle(p.faces[row]), aspect)
        for row in rows[:1]
        for p in people
        if row in p.faces
    ]
    places = "; ".join(f"{mx:.0f},{my:.0f}" for mx, my in seen)
    raise FaceError(
        f"{where}: no face at {','.join(f'{v:g}' for v in named)} in {at}",
        mend=f"faces are at {places}" if places else "name a frame that shows the face",
    )


def _middle(face: np.ndarray) -> np.ndarray:
    return (face[:, :2].min(0) + face[:, :2].max(0)) / 2


def _away(face: np.ndarray, x: float, y: float) -> float:
    """Distance of a place from a face's middle: below 1 inside a circle around the face."""
    extent = float((face[:, :2].max(0) - face[:, :2].min(0)).max())
    return float(np.linalg.norm(_middle(face) - (x, y))) / (0.75 * extent)


def _outside(face: np.ndarray, x0: float, y0: float, x1: float, y1: float) -> float:
    """Below 1 when more than half the face lies in a box; of two such the tighter one is nearer."""
    low, high = face[:, :2].min(0), face[:, :2].max(0)
    both = np.minimum(high, (x1, y1)) - np.maximum(low, (x0, y0))
    shared = float(np.prod(np.clip(both, 0, None)))
    if shared <= 0:
        return np.inf
    union = float(np.prod(high - low)) + (x1 - x0) * (y1 - y0) - shared
    return float(np.prod(high - low)) / (2 * shared) - 1e-3 * shared / union
