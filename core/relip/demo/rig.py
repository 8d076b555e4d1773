"""The mouth rig: from mouth controls to the shape of lips and jaw.

Two mappings, both bent thin plates slit along the contact line of the lips:

* the *neutral*, relaxed closed mouth, made once from the smiling still (the upper lip comes
  down over the teeth, the corners come in);
* per frame, the displacement of the neutral skin, a sum of fields weighted by what the controls
  say. Where each lip line goes is therefore known exactly.

Units are those of the still (:mod:`relip.demo.portrait`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from relip.demo.field import Pins, Slit, SlitSheet
from relip.demo.portrait import LipLines, jaw_line
from relip.speech.visemes import MOUTH_CONTROLS

#: Gap of the lips at their centre at ``jawOpen`` 1, and how far the jaw itself falls.
OPEN_GAP = 14.0
JAW_DROP = 11.0

#: How much of that it falls behind closed lips.
CLOSED_DROP = 0.6

#: Nodes of the sheet per still unit.
STEP = 0.8

#: The neutral mouth: contact line at its centre, how much higher its corners are, half width,
#: thickness of the lips relative to the smiling ones, and how far the chin comes up.
_NEUTRAL_Y = 147.9
_NEUTRAL_RISE = 3.0
_NEUTRAL_HALF_WIDTH = 19.2
_UPPER_THICKER = 1.35
_LOWER_THICKER = 1.28
_CHIN_UP = 0.7


@dataclass(frozen=True)
class Move:
    """What a field does at full weight.

    A pair is how far the middle of a line goes down, and the power of the lens ``1 - t^2`` it
    fades with towards the corners: ``upper`` and ``lower`` lip where they meet, ``border_up`` and
    ``border_low`` where the lips end. The corners go out and down, the chin drops.
    """

    upper: tuple[float, float] = (0.0, 0.8)
    lower: tuple[float, float] = (0.0, 0.8)
    border_up: tuple[float, float] = (0.0, 0.8)
    border_low: tuple[float, float] = (0.0, 0.8)
    corner_out: float = 0.0
    corner_down: float = 0.0
    drop: float = 0.0


_MOVES = {
    "open": Move((-1.6, 0.7), (OPEN_GAP - 1.6, 0.6), (-1.1, 0.7), (OPEN_GAP - 2.6, 0.5),
                 corner_out=-1.6, corner_down=3.2, drop=JAW_DROP),
    "jaw_closed": Move((2.2, 0.6), (2.2, 0.6), (0.6, 0.6), (3.2, 0.6),
                       corner_down=1.2, drop=CLOSED_DROP * JAW_DROP),
    "funnel": Move(border_up=(-0.7, 0.6), border_low=(0.9, 0.6),
                   corner_out=-4.0, corner_down=0.9, drop=0.4),
    "funnel_open": Move((-0.9, 0.7), (0.9, 0.7), (-0.5, 0.7), (0.6, 0.7)),
    "pucker": Move((-0.2, 0.8), (-0.2, 0.8), (-1.3, 0.6), (1.2, 0.6),
                   corner_out=-6.2, corner_down=1.5),
    "stretch": Move(border_up=(0.5, 0.8), border_low=(-0.5, 0.8),
                    corner_out=2.6, corner_down=-1.2),
    "upper_up": Move(upper=(-2.6, 0.7), border_up=(-1.9, 0.7)),
    "lower_down": Move(lower=(2.6, 0.7), border_low=(2.2, 0.6), corner_down=0.3, drop=0.3),
    "roll": Move(lower=(-2.4, 0.7), border_low=(-2.0, 0.6), drop=-0.3),
    "press": Move((0.3, 0.7), (-0.9, 0.7), (0.9, 0.6), (-1.3, 0.6), corner_out=0.6),
}  # fmt: skip

FIELDS = tuple(_MOVES)


@dataclass(frozen=True)
class Activations:
    """Weights of the rig's fields for one frame, in the order of :data:`FIELDS`."""

    weights: np.ndarray
    tongue: float
    jaw: float


def activations(controls: np.ndarray) -> Activations:
    """What the controls of one frame (10,) ask of the fields.

    ``mouthClose`` keeps the lips together however far the jaw is open: the opening is
    ``jawOpen * (1 - mouthClose)``, and it holds back every other control that parts the lips.
    """
    c = dict(zip(MOUTH_CONTROLS, np.clip(np.asarray(controls, float), 0, 1), strict=True))
    apart = 1 - c["mouthClose"]
    weights = np.array([
        c["jawOpen"] * apart,
        c["jawOpen"] * c["mouthClose"],
        c["mouthFunnel"],
        c["mouthFunnel"] * apart,
        c["mouthPucker"],
        c["mouthStretch"],
        c["mouthUpperUp"] * apart,
        c["mouthLowerDown"] * apart,
        c["mouthRollLower"],
        c["mouthPress"],
    ])  # fmt: skip
    jaw = float(weights[0] + CLOSED_DROP * weights[1])
    return Activations(weights, float(c["tongueOut"] * apart), jaw)


@dataclass(frozen=True)
class MouthShape:
    """Lips and jaw of one frame, in still coordinates.

    ``fields`` (2, ny, nx, 2) is the skin's displacement as the upper and the lower lip continue
    it; ``upper`` and ``lower`` (n, 2) are the lips' edges along the contact line, drawn on beyond
    the ``corners`` (2, 2), where they are one. ``drop`` is the fall of the lower teeth.
    """

    fields: np.ndarray
    upper: np.ndarray
    lower: np.ndarray
    corners: np.ndarray
    opening: float
    inner_lips: np.ndarray
    outer_lips: np.ndarray
    jaw: np.ndarray
    drop: float
    tongue: float


class MouthRig:
    """Neutral mouth and displacement fields; see the module's text."""

    def __init__(self) -> None:
        lips = LipLines()
        self.lips = lips
        self.slit = Slit(lips.centre + 0.1, _NEUTRAL_HALF_WIDTH, _NEUTRAL_Y, _NEUTRAL_RISE)
        self.sheet = SlitSheet(self.slit, 158.0, 292.0, 34.0, 74.0, STEP)
        self.t = np.linspace(-1, 1, 121)
        self._t_wide = np.linspace(-1.6, 1.6, 193)
        self._jaw = jaw_line()
        self._jaw_neutral = self._jaw - self._chin_profile(self._jaw)[:, None] * (0, _CHIN_UP)
        self.neutral_upper, self.neutral_lower = self._neutral()
        self.upper, self.lower = self._fields()

    # ---- the neutral mouth -----------------------------------------------------------------

    def contact(self, t: np.ndarray) -> np.ndarray:
        """Points (n, 2) of the closed lips' contact line."""
        x = self.slit.centre + self.slit.half_width * np.asarray(t, float)
        return np.stack([x, self.slit.line(x)], -1)

    def outer_upper(self, t: np.ndarray) -> np.ndarray:
        """Points (n, 2) of the upper lip's border in the neutral mouth."""
        thick = (self.lips.at("upper_inner", t) - self.lips.at("upper_outer", t))[:, 1]
        return self.contact(t) - np.stack([0 * thick, _UPPER_THICKER * np.maximum(thick, 0)], -1)

    def outer_lower(self, t: np.ndarray) -> np.ndarray:
        """Points (n, 2) of the lower lip's border in the neutral mouth."""
        thick = (self.lips.at("lower_outer", t) - self.lips.at("lower_inner", t))[:, 1]
        return self.contact(t) + np.stack([0 * thick, _LOWER_THICKER * np.maximum(thick, 0)], -1)

    @staticmethod
    def _chin_profile(points: np.ndarray) -> np.ndarray:
        """How much of the chin's fall a point (n, 2) of the jaw line takes: 1 at the chin."""
        chin_x, chin_y, hinge_y = 222.5, 178.0, 126.0
        down = np.clip((points[:, 1] - hinge_y) / (chin_y - hinge_y), 0, 1)
        middle = np.exp(-(((points[:, 0] - chin_x) / 34.0) ** 4))
        return down**1.3 * (0.35 + 0.65 * middle)

    def _neutral(self) -> tuple[np.ndarray, np.ndarray]:
        lips, t = self.lips, self.t
        inside = np.linspace(-0.93, 0.93, 81)
        contact = self.contact(t)
        pins = [
            Pins(contact, lips.at("upper_inner", t) - contact, 4.0, -1),
            Pins(contact, lips.at("lower_inner", t) - contact, 4.0, 1),
            Pins(self.outer_upper(inside),
                 lips.at("upper_outer", inside) - self.outer_upper(inside), 2.0),
            Pins(self.outer_lower(inside),
                 lips.at("lower_outer", inside) - self.outer_lower(inside), 2.0),
            Pins(self._jaw_neutral, self._jaw - self._jaw_neutral, 1.0),
            self._nose(2),
        ]  # fmt: skip
        return self.sheet.solve(pins)

    @staticmethod
    def _nose(m: int) -> Pins:
        """The nose does not move."""
        x = np.linspace(209, 239, 16)
        points = np.stack([x, 131.5 + 2.5 * np.exp(-(((x - 224) / 7) ** 2))], -1)
        return Pins(points, np.zeros((len(points), m)), 1.0)

    # ---- the fields ------------------------------------------------------------------------

    def _fields(self) -> tuple[np.ndarray, np.ndarray]:
        t = self.t
        inside = np.linspace(-0.93, 0.93, 81)
        jaw = self._jaw_neutral
        m = len(FIELDS) * 2
        slit_u, slit_l = np.zeros((len(t), m)), np.zeros((len(t), m))
        out_u, out_l = np.zeros((len(inside), m)), np.zeros((len(inside), m))
        chin = np.zeros((len(jaw), m))
        profile = self._chin_profile(jaw)

        for k, name in enumerate(FIELDS):
            move = _MOVES[name]
            for array, at, (amount, power) in (
                (slit_u, t, move.upper),
                (slit_l, t, move.lower),
                (out_u, inside, move.border_up),
                (out_l, inside, move.border_low),
            ):
                shape = (1 - at**2) ** power
                array[:, 2 * k] = move.corner_out * np.sin(at * np.pi / 2)
                array[:, 2 * k + 1] = amount * shape + move.corner_down * (1 - shape)
            chin[:, 2 * k + 1] = move.drop * profile
        pins = [
            Pins(self.contact(t), slit_u, 4.0, -1),
            Pins(self.contact(t), slit_l, 4.0, 1),
            Pins(self.outer_upper(inside), out_u, 1.5),
            Pins(self.outer_lower(inside), out_l, 1.5),
            Pins(jaw, chin, 1.0),
            self._nose(m),
        ]
        return self.sheet.solve(pins)

    # ---- one frame -------------------------------------------------------------------------

    def shape(self, controls: np.ndarray) -> MouthShape:
        """Lips and jaw for the controls (10,) of one frame."""
        acts = activations(controls)
        mix = np.stack([np.kron(acts.weights, (1, 0)), np.kron(acts.weights, (0, 1))], -1)
        upper_field, lower_field = self.upper @ mix, self.lower @ mix

        def carried(points: np.ndarray, field: np.ndarray) -> np.ndarray:
            return points + self.sheet.sample(field, points)

        upper = carried(self.contact(self._t_wide), upper_field)
        lower = carried(self.contact(self._t_wide), lower_field)
        # A lower lip that rolls in slides behind the upper one.
        hidden = np.interp(lower[:, 0], upper[:, 0], upper[:, 1])
        lower_seen = np.stack([lower[:, 0], np.maximum(lower[:, 1], hidden)], -1)
        middle = len(self._t_wide) // 2
        opening = float(lower_seen[middle, 1] - upper[middle, 1])
        t_in, t_out = self.lips.landmark_places()

        def along(line: np.ndarray, t: np.ndarray) -> np.ndarray:
            return np.stack([np.interp(t, self._t_wide, line[:, i]) for i in (0, 1)], -1)

        corners = along(upper, np.array((-1.0, 1.0)))
        inner = np.concatenate([along(upper, t_in[:11]), along(lower_seen, t_in[11:])])
        outer = np.concatenate([
            carried(self.outer_upper(t_out[:11]), upper_field),
            carried(self.outer_lower(t_out[11:]), lower_field),
        ])  # fmt: skip
        jaw = carried(self._jaw_neutral, lower_field)
        return MouthShape(
            fields=np.stack([upper_field, lower_field]),
            upper=upper,
            lower=lower_seen,
            corners=corners,
            opening=opening,
            inner_lips=inner,
            outer_lips=outer,
            jaw=jaw,
            drop=JAW_DROP * acts.jaw,
            tongue=acts.tongue,
        )


@lru_cache(maxsize=1)
def rig() -> MouthRig:
    """The rig, built once (about two seconds)."""
    return MouthRig()
