"""What the network sees: the plate in a working encoding, on a scale of about 0 to 1.

A scene-linear plate goes through the ACEScct curve in its own primaries. The
network belongs to one shot and does not care for primaries; a change of them
would mix the channels, and on the way back a dark channel beside a bright one
would be the small difference of two large numbers, hundreds of half-float
steps off. Without it every channel comes back to a fraction of one step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from relip.plate import default_colour

#: The largest half float.
BRIGHTEST = 65504.0

#: The working encoding that ``auto`` takes for scene-linear plates.
CURVE = "ACEScct curve"

#: The curve (S-2016-001): a line below the break, above it log2 between an offset and a scale.
_LINE, _LINE_AT_ZERO, _BREAK = 10.5402377416545, 0.0729055341958355, 0.0078125
_LOG_OFFSET, _LOG_SCALE = 9.72, 17.52

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
        :data:`CURVE`, or an OCIO log or display colourspace; the plate's own
        when that is log- or display-encoded already.
    offset, scale : float
        ``network = (working − offset) / scale``.
    """

    colourspace: str
    working: str
    offset: float
    scale: float

    @classmethod
    def from_dict(cls, values: object) -> Encoding:
        """From its attributes by name.

        Raises
        ------
        ValueError
            If they are not all there, or of another kind.
        """
        if not isinstance(values, dict) or set(values) != set(cls.__dataclass_fields__):
            raise ValueError(f"an encoding of {values!r}")
        names = values["colourspace"], values["working"]
        numbers = values["offset"], values["scale"]
        if not all(isinstance(v, str) and v for v in names):
            raise ValueError(f"colourspaces {names!r}")
        if not all(type(v) in (int, float) and np.isfinite(v) for v in numbers) or not numbers[1]:
            raise ValueError(f"an offset and a scale of {numbers!r}")
        return cls(*names, *numbers)

    @classmethod
    def choose(cls, colourspace: str, working: str) -> Encoding:
        """The encoding for a plate.

        Parameters
        ----------
        colourspace : str
            The plate's.
        working : str
            ``"auto"``, :data:`CURVE`, or a colourspace's name. ``auto`` takes
            the curve for what is linear in light. All others (movies, PNG,
            DPX; EXR in a camera's log) are display- or log-encoded already:
            they are taken as they are.

        Raises
        ------
        ColourError
            If a name is unknown.
        """
        if working == "auto":
            working = CURVE if default_colour().is_linear(colourspace) else colourspace
        elif working != CURVE:
            default_colour().resolve(working)
        if working in (CURVE, "ACEScct"):
            return cls(colourspace, working, ACESCCT_BLACK, ACESCCT_WHITE - ACESCCT_BLACK)
        return cls(colourspace, working, 0.0, 1.0)

    @property
    def linear(self) -> bool:
        """Whether the plate is linear in light."""
        return self.working == CURVE or (
            self.working != self.colourspace and default_colour().is_linear(self.colourspace)
        )

    def encode(self, rgb: np.ndarray) -> np.ndarray:
        """Plate pixels ``[shape=(h, w, 3)]`` to network numbers, NaN and infinities made finite."""
        # a log curve would make a monster of the lowest number: minus infinity is black
        rgb = np.nan_to_num(rgb, nan=0.0, posinf=BRIGHTEST, neginf=0.0)
        if self.working == CURVE:
            rgb = to_curve(rgb)
        elif self.working != self.colourspace:
            rgb = default_colour().to_working(rgb, self.colourspace, self.working)
        return ((rgb - self.offset) / self.scale).astype(np.float32)

    def decode(self, values: np.ndarray) -> np.ndarray:
        """The inverse of :meth:`encode`."""
        rgb = np.ascontiguousarray(values * self.scale + self.offset, dtype=np.float32)
        if self.working == CURVE:
            rgb = from_curve(rgb)
        elif self.working != self.colourspace:
            rgb = default_colour().from_working(rgb, self.colourspace, self.working)
        return rgb


def to_curve(linear: np.ndarray) -> np.ndarray:
    """The ACEScct curve, without a change of primaries.

    Parameters
    ----------
    linear : np.ndarray
        Finite; below 0 the curve's line goes on.

    Returns
    -------
    np.ndarray, same shape, float32
    """
    linear = np.asarray(linear, np.float32)
    log = (np.log2(np.maximum(linear, _BREAK)) + _LOG_OFFSET) / _LOG_SCALE
    return np.where(linear > _BREAK, log, linear * _LINE + _LINE_AT_ZERO).astype(np.float32)


def from_curve(values: np.ndarray) -> np.ndarray:
    """The inverse of :func:`to_curve`; what is brighter than a half float holds becomes its most.

    Parameters
    ----------
    values : np.ndarray

    Returns
    -------
    np.ndarray, same shape, float32
    """
    values = np.asarray(values, np.float32)
    low = (np.log2(_BREAK) + _LOG_OFFSET) / _LOG_SCALE
    light = np.exp2(np.clip(values, low, 2.0) * _LOG_SCALE - _LOG_OFFSET)
    light = np.minimum(light, BRIGHTEST)
    return np.where(values > low, light, (values - _LINE_AT_ZERO) / _LINE).astype(np.float32)
