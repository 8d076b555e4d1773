"""People followed through a shot, frame by frame: where each is and what is seen of each.

A face is looked for where the flow of the frame before takes it, in crops at
the picture's own resolution, so that a face too small, too turned or too
blurred for a detector is held as long as the landmark model sees it. The
detectors are asked when somebody is missing and in every :data:`CENSUS`-th
frame. Who is found late is followed backwards through the frames before, so
that no frame is lost to a detector's hesitation.

The shot's frames are given in order, from its first to its last, whatever
part of the shot is rendered later: this is the shot's first pass, and what
comes out is a function of all pictures of the shot and of nothing else.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import cv2
import numpy as np

from relip.track import geometry, looks, nose, people, points
from relip.track.cuts import CutFinder
from relip.track.finder import Finder, extent
from relip.track.flow import Flow, follow
from relip.track.people import Person
from relip.track.picture import Look

#: The detectors are asked in every frame of this many, and whenever somebody is missing.
CENSUS = 8

#: Of so many such frames one is searched for smaller faces, and one in tiles for the smallest.
FAR, BESIDE = 3, 6

#: With nobody in sight tiles are searched in every frame of this many; those between are
#: caught up on backwards.
THOROUGH = 8

#: Frames that are kept to be followed backwards.
KEPT = THOROUGH

#: Somebody out of sight for longer is not missed any more.
MISSED = 50

#: Frames over which somebody who is not found is carried along by flow alone.
BRIDGE = 4

#: Share of a new look in the look that a person is known by.
_LEARN = 0.25
_LEARN_EVERY = 4


@dataclass
class Sight:
    """What was seen of a person in one frame.

    Attributes
    ----------
    motion : np.ndarray [shape=(2, 3)]
        Of the nose since the frame before, from the flow; NaN where unknown.
    away, followed : np.ndarray [shape=(3,)]
        See :meth:`relip.track.flow.Flow.disagreement`.
    look : np.ndarray [shape=(SIDE, SIDE), dtype=uint8]
    nose, to_nose : np.ndarray [shape=(SIDE, SIDE), dtype=uint8] and [shape=(2, 3)]
        See :func:`relip.track.nose.take`.
    blendshapes : np.ndarray [shape=(52,)] or None
    carried : bool
        Not found, but carried along by the flow.
    """

    motion: np.ndarray
    away: np.ndarray
    followed: np.ndarray
    look: np.ndarray
    nose: np.ndarray
    to_nose: np.ndarray
    blendshapes: np.ndarray | None = None
    carried: bool = False


@dataclass
class Actor(Person):
    """A person with what was seen of them.

    Attributes
    ----------
    sights : dict of int to Sight
        By row, like ``faces``.
    template : np.ndarray [shape=(478, 2)]
        Where their first face lies in a look.
    known : np.ndarray
        Their look as a signature, learnt slowly.
    """

    sights: dict[int, Sight] = field(default_factory=dict)
    template: np.ndarray = field(default_factory=lambda: np.zeros((points.COUNT, 2)))
    known: np.ndarray = field(default_factory=lambda: np.zeros(0))

    @property
    def last_found(self) -> int:
        """The last row in which the person was found, and not carried along; -1 for none."""
        return max((row for row, sight in self.sights.items() if not sight.carried), default=-1)


@dataclass
class _Frame:
    row: int
    picture: Look


class Follower:
    """Follows all people of a shot.

    Parameters
    ----------
    finder : Finder

    Attributes
    ----------
    crowd : list of Actor
    cuts : list of int
        Rows that begin after a cut.
    crowded : int
        Frames that show more than one face.
    """

    def __init__(self, finder: Finder) -> None:
        self.crowd: list[Actor] = []
        self.cuts: list[int] = []
        self.crowded = 0
        self._finder = finder
        self._cutter = CutFinder()
        self._recent: deque[_Frame] = deque(maxlen=KEPT)
        self._run = 0
        self._searched: int | None = None

    def lose(self) -> None:
        """The next frame does not follow on the last one: a frame between could not be read."""
        self._recent.clear()
        self._searched = None

    def step(self, row: int, picture: Look) -> None:
        """Look at the next frame.

        Parameters
        ----------
        row : int
            Row of the shot, rising.
        picture : np.ndarray [shape=(height, width, 3), dtype=uint8] or Shown
            Display-encoded RGB.
        """
        now = _Frame(row, picture)
        if self._cutter.step(row, picture, self.cuts):
            self.lose()
            self._run = row
            for person in self.crowd:
                person.run = row
        before = self._recent[-1] if self._recent else None
        if before is not None and before.row != row - 1:
            self.lose()
            before = None
        here = [p for p in self.crowd if before is not None and before.row in p.sights]
        lost: list[Actor] = []
        flows: dict[int, Flow | None] = {}
        if before is not None:
            for person in here:
                flows[id(person)] = follow(before.picture, now.picture, person.faces[before.row])
                if not self._track(person, before, now, flows[id(person)]):
                    lost.append(person)
        lost += self._drop_doubles(row)
        if self._must_search(row, here, lost):
            self._search(now, bool(here) and len(here) > len(lost))
            self._recognise(now)
        for person in lost:
            if row not in person.sights and before is not None:
                self._carry(person, before, now, flows.get(id(person)))
        self.crowded += sum(row in p.sights for p in self.crowd) > 1
        self._recent.append(now)

    def finish(self) -> None:
        """Forget those who were carried along and never found again."""
        for person in self.crowd:
            for row in sorted(person.sights, reverse=True):
                if not person.sights[row].carried:
                    break
                self._forget(person, row)
            rows = sorted(person.sights)
            for row in rows:
                # … or found again only beyond a frame in which they were not
                if row in person.sights and person.sights[row].carried:
                    end = row
                    while end in person.sights and person.sights[end].carried:
                        end += 1
                    if end not in person.sights:
                        for each in range(row, end):
                            self._forget(person, each)
        self.crowd = [p for p in self.crowd if p.sights]

    def _forget(self, person: Actor, row: int) -> None:
        person.sights.pop(row, None)
        person.faces.pop(row, None)

    def _must_search(self, row: int, here: list[Actor], lost: list[Actor]) -> bool:
        if lost or not here:
            return True
        return any(_is_missing(p, row) for p in self.crowd) or row % CENSUS == 0

    def _track(self, person: Actor, before: _Frame, now: _Frame, flow: Flow | None) -> bool:
        """Find a person near where the flow takes them."""
        start = person.faces[before.row]
        motion = flow.motion if flow is not None else None
        if motion is not None:
            start = moved(start, motion)
        found = self._finder.measure(now.picture, start)
        if found is None or person.strangeness(now.row, found.landmarks) >= 1:
            return False
        self._see(person, before, now, found.landmarks, found.blendshapes, flow)
        return True

    def _see(
        self,
        person: Actor,
        before: _Frame | None,
        now: _Frame,
        face: np.ndarray,
        blendshapes: np.ndarray | None,
        flow: Flow | None = None,
        *,
        carried: bool = False,
    ) -> None:
        """Note a person's face in a frame, with the flow that leads to it."""
        unknown = np.full((2, 3), np.nan)
        away, followed = np.full(3, np.nan), np.zeros(3)
        motion = flow.motion if flow is not None else None
        if before is not None and before.row in person.faces and motion is None:
            # too fast for a search from where it was: start from where it is
            flow = follow(before.picture, now.picture, person.faces[before.row], face) or flow
            motion = flow.motion if flow is not None else None
        if flow is not None:
            away, followed = flow.disagreement(face)
        look = looks.take(now.picture, face, person.template)
        person.faces[now.row] = face
        person.sights[now.row] = Sight(
            unknown if motion is None else motion,
            away,
            followed,
            looks.grey(look),
            *nose.take(now.picture, face, person.template),
            blendshapes,
            carried,
        )
        if not carried and len(person.sights) % _LEARN_EVERY == 1:
            new = looks.signature(look)
            learn = max(_LEARN, _LEARN_EVERY / (len(person.sights) + _LEARN_EVERY - 1))
            mixed = new if learn == 1 else (1 - learn) * person.known + learn * new
            person.known = mixed / max(float(np.linalg.norm(mixed)), 1e-9)

    def _carry(self, person: Actor, before: _Frame, now: _Frame, flow: Flow | None) -> None:
        motion = flow.motion if flow is not None else None
        since = 0
        while (sight := person.sights.get(before.row - since)) and sight.carried:
            since += 1
        if motion is None or since >= BRIDGE or not sight:
            return
        face = moved(person.faces[before.row], motion)
        if any(_overlap(face, p.faces[now.row]) for p in self.crowd if now.row in p.sights):
            return
        self._see(person, before, now, face, None, flow, carried=True)

    def _drop_doubles(self, row: int) -> list[Actor]:
        """Where two people were found on one face, it is whose look it is."""
        dropped: list[Actor] = []
        present = [p for p in self.crowd if row in p.sights]
        for i, one in enumerate(present):
            for other in present[i + 1 :]:
                if one in dropped or other in dropped:
                    continue
                if _overlap(one.faces[row], other.faces[row]):
                    dropped.append(one if self._fit(one, row) < self._fit(other, row) else other)
        for person in dropped:
            self._forget(person, row)
        self.crowd = [p for p in self.crowd if p.sights]
        return [p for p in dropped if p.sights]

    def _fit(self, person: Actor, row: int) -> float:
        """How well a person's newest look fits those before."""
        rows = [r for r in sorted(person.sights) if r < row and not person.sights[r].carried][
            -25::3
        ]
        new = looks.signature(np.repeat(person.sights[row].look[..., None], 3, -1))
        old = [
            looks.likeness(new, looks.signature(np.repeat(person.sights[r].look[..., None], 3, -1)))
            for r in rows
        ]
        return float(np.median(old)) if old else -1.0

    def _search(self, now: _Frame, some_here: bool) -> None:
        """Ask the detectors, and find out who it is."""
        due = self._searched is None or now.row - self._searched >= THOROUGH
        tiles = not some_here and due
        if tiles:
            self._searched = now.row
        present = [p for p in self.crowd if now.row in p.sights]
        fresh: list[np.ndarray] = []
        shapes: list[np.ndarray | None] = []
        # small faces beside large ones: in the first frame of a run, and now and then
        first = not self._recent
        far, beside = (first or now.row % (each * CENSUS) == 0 for each in (FAR, BESIDE))
        known = [p.faces[now.row] for p in present]
        for rough in self._finder.search(
            now.picture, tiles=tiles, far=far, beside=beside, known=known
        ):
            over = [p for p in present if _overlap(rough, p.faces[now.row])]
            if over and not self._hidden_by(over, rough, now):
                continue
            found = self._finder.measure(now.picture, rough)
            if over and found is not None and self._missed(found.landmarks, now):
                for mistaken in over:
                    present.remove(mistaken)
                    self._forget(mistaken, now.row)
                self.crowd = [p for p in self.crowd if p.sights]
            if found is None or any(_overlap(found.landmarks, f) for f in fresh):
                continue
            if not any(_overlap(found.landmarks, p.faces[now.row]) for p in present):
                fresh.append(found.landmarks)
                shapes.append(found.blendshapes)
        if not fresh:
            return

        def alike(person: Person, number: int) -> float:
            assert isinstance(person, Actor)
            return self._alike(person, now.picture, fresh[number])

        owners = people.meet(
            self.crowd,  # type: ignore[arg-type]
            now.row,
            fresh,
            alike=alike,
            taken=present,
            make=lambda: Actor(run=self._run),
        )
        before = self._recent[-1] if self._recent else None
        for person, face, shape in zip(owners, fresh, shapes, strict=True):
            assert isinstance(person, Actor)
            if not person.known.size:
                person.template = looks.template(face)
            self._see(person, before, now, face, shape)
            if before is not None and before.row not in person.sights:
                self._catch_up(person, now)

    def _hidden_by(self, over: list[Actor], rough: np.ndarray, now: _Frame) -> bool:
        """Whether faces that are followed may be no faces, but lie over one that is missed.

        What hid a face, and what is left of it, at times is taken for a newcomer's, who is
        followed on: of quite another size than the face that a detector finds in the same place.
        """
        return all(
            person.last - min(person.sights) < MISSED
            and abs(np.log(extent(rough) / extent(person.faces[now.row]))) > np.log(people.GROWTH)
            for person in over
        ) and any(_is_missing(other, now.row) for other in self.crowd)

    def _missed(self, face: np.ndarray, now: _Frame) -> bool:
        """Whether a face is that of somebody who is missing."""
        return any(
            _is_missing(other, now.row) and self._alike(other, now.picture, face) > people.ALIKE
            for other in self.crowd
        )

    def _recognise(self, now: _Frame) -> None:
        """Somebody taken for a newcomer, with a hand before the face, turns out to be known."""
        here = [p for p in self.crowd if now.row in p.sights]
        missing = [p for p in self.crowd if now.row not in p.sights and p.sights]
        for person in here:
            for other in missing:
                if (
                    other.last_found < min(person.sights)
                    and self._alike(other, now.picture, person.faces[now.row]) > people.ALIKE
                ):
                    self._join(other, person)
                    missing.remove(other)
                    break

    def _alike(self, person: Actor, picture: Look, face: np.ndarray) -> float:
        """How much a face of a picture looks like a person."""
        look = looks.take(picture, face, person.template)
        return looks.likeness(looks.signature(look), person.known)

    def _join(self, person: Actor, later: Actor) -> None:
        """Give a person what was noted of the same person under another name."""
        other_look = geometry.for_opencv(
            geometry.fit_similarity(
                later.template[list(points.RIGID)], person.template[list(points.RIGID)]
            )
        )
        for row in [r for r in person.sights if r >= min(later.sights)]:
            self._forget(person, row)  # carried along behind what hid the face
        for row in sorted(later.sights):
            sight = later.sights[row]
            sight.look = cv2.warpAffine(
                sight.look, other_look, sight.look.shape[::-1], borderMode=cv2.BORDER_REPLICATE
            )
            person.sights[row], person.faces[row] = sight, later.faces[row]
        self.crowd = [p for p in self.crowd if p is not later]

    def _catch_up(self, person: Actor, now: _Frame) -> None:
        """Follow somebody who was found late backwards through the frames that are kept."""
        after = now
        for frame in reversed(self._recent):
            if frame.row in person.sights or frame.row != after.row - 1:
                break
            flow = follow(after.picture, frame.picture, person.faces[after.row])
            motion = flow.motion if flow is not None else None
            start = person.faces[after.row]
            found = self._finder.measure(
                frame.picture, start if motion is None else moved(start, motion)
            )
            if found is None:
                break
            face = found.landmarks
            present = [p for p in self.crowd if p is not person and frame.row in p.sights]
            near = geometry.apply(np.eye(2, 3), face[:, :2]).mean(0) - start[:, :2].mean(0)
            if np.linalg.norm(near) > 0.7 * extent(start) or any(
                _overlap(face, p.faces[frame.row]) for p in present
            ):
                break
            self._see(person, None, frame, face, found.blendshapes)
            # the frame after now has one before it to follow from
            old = person.sights[after.row]
            self._see(person, frame, after, person.faces[after.row], old.blendshapes)
            after = frame


def moved(face: np.ndarray, motion: np.ndarray) -> np.ndarray:
    """Landmarks moved by a similarity ``[shape=(2, 3)]``; z scales with it."""
    result = face.copy()
    result[:, :2] = geometry.apply(motion, face[:, :2])
    result[:, 2] *= float(np.hypot(motion[0, 0], motion[1, 0]))
    return result


def _is_missing(person: Actor, row: int) -> bool:
    """Whether somebody known is out of sight, and not for long."""
    return row not in person.sights and row - person.last <= MISSED


def _overlap(face: np.ndarray, other: np.ndarray) -> bool:
    apart = float(np.linalg.norm(face[:, :2].mean(0) - other[:, :2].mean(0)))
    return apart < 0.4 * max(extent(face), extent(other))
