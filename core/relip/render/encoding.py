"""What the network sees: the plate in a working encoding, on a scale of about 0 to 1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from relip.plate import default_colour

#: ACEScct code values of black and of diffuse white, put on 0 and 1 for the network.
ACESCCT_BLACK, ACESCCT_WHITE = 0.0729, 0.5548


@dataclass(frozen=True)
class Encoding:
    """Conversion between a plate's colourspace and the network's numbers.

    Attributes
    ----------
    colourspace : str
        The plate's.
    working : str
        An OCIO log or display colourspace; the plate's own when that is
        already display-encoded.
    offset, scale : float
        ``network = (working − offset) / scale``.
    """

    colourspace: str
    working: str
    offset: float
    scale: float

    @classmethod
    def choose(cls, colourspace: str, working: str, *, integer: bool) -> Encoding:
        """The encoding for a plate.

        Parameters
        ----------
        colourspace : str
            The plate's.
        working : str
            ``"auto"``, or a colourspace's name. ``auto`` takes the plate's
            own encoding for integer pictures (movies, PNG), which are display-
            or log-encoded already, and ACEScct for float pictures.
        integer : bool
            Whether the plate's pixels are integers on file.
        """
        if working == "auto":
            working = colourspace if integer else "ACEScct"
        if working == "ACEScct":
            return cls(colourspace, working, ACESCCT_BLACK, ACESCCT_WHITE - ACESCCT_BLACK)
        return cls(colourspace, working, 0.0, 1.0)

    def encode(self, rgb: np.ndarray) -> np.ndarray:
        """Plate pixels ``[shape=(h, w, 3)]`` to network numbers, NaN and infinities made finite."""
        # a log curve would make a monster of the lowest number: minus infinity is black
        rgb = np.nan_to_num(rgb, nan=0.0, posinf=65504.0, neginf=0.0)
        if self.working != self.colourspace:
            rgb = default_colour().to_working(rgb, self.colourspace, self.working)
        return ((rgb - self.offset) / self.scale).astype(np.float32)

    def decode(self, values: np.ndarray) -> np.ndarray:
        """The inverse of :meth:`encode`."""
        rgb = np.ascontiguousarray(values * self.scale + self.offset, dtype=np.float32)
        if self.working != self.colourspace:
            rgb = default_colour().from_working(rgb, self.colourspace, self.working)
        return rgb
