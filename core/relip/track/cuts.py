"""Cuts inside a shot: where the picture changes as no motion changes it.

Two measures of neighbouring frames, both 0 for equal ones: structure, the
correlation that small grey pictures lack, and histogram, the share of pixels
whose colour the other frame does not have. A cut has both; motion of camera
or actor leaves the colours, a change of exposure leaves the structure. A flash
of a frame or two is no cut: the frame after it looks like the one before.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from relip.track import points
from relip.track.picture import Look, sparse

#: A cut has at least this lack of structure and this share of foreign colours …
STRUCTURE = 0.35
HISTOGRAM = 0.25

#: … or structure alone beyond this: a cut to a picture of the same colours.
STRUCTURE_ALONE = 0.75

#: Frames of a flash that is looked through.
FLASH = 2

#: A face that is this far from where it was a frame before, in face widths, and that no flow leads
#: to, has jumped: a cut in one and the same scene.
JUMP = 0.3

_SIZE = (48, 32)
_LEVELS = 6


def _softening() -> np.ndarray:
    """Spreads each colour over its neighbours, a quarter to either side, in all three channels."""
    line = 0.5 * np.eye(_LEVELS) + 0.25 * (np.eye(_LEVELS, k=1) + np.eye(_LEVELS, k=-1))
    line[0, 0] = line[-1, -1] = 0.75
    return np.kron(np.kron(line, line), line)


_SOFTEN = _softening()


@dataclass(frozen=True)
class Gist:
    """What a cut is judged by.

    Attributes
    ----------
    structure : np.ndarray [shape=(n,)]
        Small grey picture, zero mean, unit length; all 0 for a flat one.
    colours : np.ndarray [shape=(m,)]
        Shares of coarse colours.
    """

    structure: np.ndarray
    colours: np.ndarray

    @classmethod
    def of(cls, picture: Look) -> Gist:
        """The gist of a picture, see :class:`relip.track.picture.Shown`."""
        sampled = sparse(picture, 4 * _SIZE[1], 4 * _SIZE[0])
        small = cv2.resize(sampled, _SIZE, interpolation=cv2.INTER_AREA)
        grey = cv2.GaussianBlur(
            cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32), (5, 5), 0
        )
        grey = (grey - grey.mean()).reshape(-1)
        length = float(np.linalg.norm(grey))
        level = small.astype(int) * _LEVELS // 256
        code = (level[..., 0] * _LEVELS + level[..., 1]) * _LEVELS + level[..., 2]
        colours = np.bincount(code.reshape(-1), minlength=_LEVELS**3)
        # neighbouring colours count in part, or a slow fade would look like a cut
        soft = _SOFTEN @ colours
        flat = length < 2.0 * len(grey) ** 0.5 / 10
        return cls(np.zeros_like(grey) if flat else grey / length, soft / soft.sum())

    def change(self, other: Gist) -> tuple[float, float]:
        """Structure and histogram difference from another frame, 0 to 1."""
        both = self.structure.any() and other.structure.any()
        neither = not self.structure.any() and not other.structure.any()
        lack = 1 - float(self.structure @ other.structure) if both else 0.0 if neither else 1.0
        foreign = 0.5 * float(np.abs(self.colours - other.colours).sum())
        return min(max(lack, 0.0), 1.0), foreign


def is_cut(structure: float, histogram: float) -> bool:
    """Whether a change this large is a cut."""
    return structure > STRUCTURE_ALONE or (structure > STRUCTURE and histogram > HISTOGRAM)


class CutFinder:
    """Tells of every frame whether a cut stands before it.

    Give it the frames in order; a frame that cannot be read is left out, and
    so is looked through.
    """

    def __init__(self) -> None:
        self._last: list[Gist] = []
        self._doubtful: list[int] = []

    def step(self, row: int, picture: Look, cuts: list[int]) -> bool:
        """Whether ``row`` begins after a cut; ``cuts`` gains it, and loses flashes.

        Parameters
        ----------
        row : int
        picture : np.ndarray [shape=(height, width, 3), dtype=uint8] or Shown
        cuts : list of int
            Rows that begin after a cut, in order.
        """
        gist = Gist.of(picture)
        cut = bool(self._last) and is_cut(*gist.change(self._last[-1]))
        if cut:
            for back in range(2, min(FLASH + 1, len(self._last)) + 1):
                flash = [c for c in cuts if row - back < c < row]
                if flash and not is_cut(*gist.change(self._last[-back])):
                    for each in flash:
                        cuts.remove(each)
                    self._last = [*self._last[-FLASH:], gist]
                    return True
            cuts.append(row)
        self._last = [*self._last[-FLASH:], gist]
        return cut


def jumps(landmarks: np.ndarray, motions: np.ndarray) -> list[int]:
    """Rows in which the face stands elsewhere than the flow can explain.

    Parameters
    ----------
    landmarks : np.ndarray [shape=(F, 478, 3)]
        NaN where no face was found.
    motions : np.ndarray [shape=(F, 2, 3)]
        Of the nose since the frame before; NaN where no flow leads there.
    """
    rigid = landmarks[:, list(points.RIGID), :2].mean(1)
    width = np.linalg.norm(
        landmarks[:, points.FACE_RIGHT, :2] - landmarks[:, points.FACE_LEFT, :2], axis=1
    )
    step = np.linalg.norm(np.diff(rigid, axis=0), axis=1) / width[:-1]
    grown = np.abs(np.log(width[1:] / width[:-1]))
    unexplained = np.isnan(motions[1:, 0, 0])
    with np.errstate(invalid="ignore"):
        found = unexplained & ((step > JUMP) | (grown > JUMP))
    return [int(row) + 1 for row in np.flatnonzero(found)]
