"""Who is who: the faces of a shot gathered into people, and the one to follow chosen."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from relip.errors import FaceError, SettingError
from relip.track.points import face_width

#: A face further than this from where a person was last seen, in that person's face widths,
#: is somebody else; every frame out of sight allows a little more.
NEAR = 0.7
NEAR_PER_FRAME = 0.05

#: A face is somebody else's as well when its width changed by more than this factor.
GROWTH = 1.6


@dataclass
class Person:
    """One person's faces.

    Attributes
    ----------
    faces : dict of int to np.ndarray [shape=(478, 3)]
        Landmarks in plate pixels by row of the shot.
    """

    faces: dict[int, np.ndarray] = field(default_factory=dict)

    @property
    def last(self) -> int:
        """The row in which the person was last seen."""
        return next(reversed(self.faces))

    def strangeness(self, row: int, face: np.ndarray) -> float:
        """How unlike this person a face of a later row is: below 1 it may be the same."""
        before = self.faces[self.last]
        width, now = face_width(before), face_width(face)
        away = float(np.linalg.norm(face[:, :2].mean(0) - before[:, :2].mean(0)))
        reach = width * (NEAR + NEAR_PER_FRAME * (row - self.last - 1))
        grown = max(width / now, now / width)
        return max(away / reach, np.log(grown) / np.log(GROWTH))

    def size(self) -> float:
        """Sum of the face widths: how much of the shot is this person's."""
        return sum(face_width(face) for face in self.faces.values())


def meet(people: list[Person], row: int, faces: Sequence[np.ndarray]) -> list[Person]:
    """Give the faces of one row to the people they belong to; newcomers are added to ``people``.

    The pairs least strange to each other are joined first. Where the whole
    picture holds one face and one person, they are the same.

    Returns
    -------
    list of Person
        Whose each face is.
    """
    pairs = sorted(
        (person.strangeness(row, face), p, f)
        for p, person in enumerate(people)
        for f, face in enumerate(faces)
    )
    alone = len(people) == 1 and len(faces) == 1
    owner: dict[int, Person] = {}
    taken: set[int] = set()
    for strange, p, f in pairs:
        if (strange < 1 or alone) and p not in taken and f not in owner:
            owner[f] = people[p]
            taken.add(p)
    for f, face in enumerate(faces):
        if f not in owner:
            owner[f] = Person()
            people.append(owner[f])
        owner[f].faces[row] = face
    return [owner[f] for f in range(len(faces))]


def parse_choice(text: str) -> tuple[float, float, int | None] | None:
    """``"640,360"`` or ``"640,360@1001"`` as (x, y, frame or None); None for "" or "largest".

    Raises
    ------
    SettingError
        If it is neither.
    """
    if text.strip() in ("", "largest"):
        return None
    found = re.fullmatch(r"\s*(-?[\d.]+)\s*,\s*(-?[\d.]+)\s*(?:@\s*(-?\d+))?\s*", text)
    try:
        if found:
            return float(found[1]), float(found[2]), int(found[3]) if found[3] else None
    except ValueError:
        pass
    raise SettingError(
        f"track.face is {text!r}",
        mend="write X,Y@FRAME: a place on the face in plate pixels from the top left, and a frame",
    )


def choose(people: Sequence[Person], face: str, frames: range, where: str) -> Person | None:
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
    if not people:
        return None
    if choice is None:
        return max(people, key=Person.size)
    x, y, frame = choice
    if frame is not None and frame not in frames:
        raise FaceError(
            f"track.face names frame {frame}, the shot has {frames.start}-{frames[-1]}",
            mend="name a frame of the shot",
        )
    rows = sorted({row for person in people for row in person.faces})
    if frame is not None:
        rows = [row for row in rows if frames[row] == frame]
    for row in rows:
        near = [(_away(p.faces[row], x, y), p) for p in people if row in p.faces]
        distance, person = min(near, key=lambda pair: pair[0])
        if distance < 1:
            return person
    at = f"frame {frame}" if frame is not None else "any frame"
    seen = [_middle(p.faces[row]) for row in rows[:1] for p in people if row in p.faces]
    places = "; ".join(f"{mx:.0f},{my:.0f}" for mx, my in seen)
    raise FaceError(
        f"{where}: no face at {x:g},{y:g} in {at}",
        mend=f"faces are at {places}" if places else "name a frame that shows the face",
    )


def _middle(face: np.ndarray) -> np.ndarray:
    return (face[:, :2].min(0) + face[:, :2].max(0)) / 2


def _away(face: np.ndarray, x: float, y: float) -> float:
    """Distance of a place from a face's middle: below 1 inside a circle around the face."""
    extent = float((face[:, :2].max(0) - face[:, :2].min(0)).max())
    return float(np.linalg.norm(_middle(face) - (x, y))) / (0.75 * extent)
