"""Animation curves: Nuke's text for them, and their value at any time.

The text is Foundry's "curve serialisation format" (NDK developers' guide); the interpolations are
those documented for ``nuke.AnimationKey``.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field

from .faults import fault
from .tcl import words

CONSTANT, LINEAR, SMOOTH, CATMULL_ROM, CUBIC = "K", "L", "S", "R", "C"
_NUMBERED = {"x", "s", "t", "u", "v"}


@dataclass
class Key:
    """One key. A slope is None unless the artist set it."""

    x: float
    y: float
    interpolation: str = SMOOTH
    lslope: float | None = None
    rslope: float | None = None
    la: float = 1.0
    ra: float = 1.0


@dataclass
class Curve:
    """Keys by time, with an expression over them (``curve`` by default)."""

    keys: list[Key] = field(default_factory=list)
    expression: str = "curve"
    flags: str = ""

    def key_at(self, x: float) -> Key | None:
        """The key at exactly this time."""
        return next((k for k in self.keys if k.x == x), None)

    def set_key(self, x: float, y: float) -> Key:
        """Set or change the key at a time."""
        key = self.key_at(x)
        if key is None:
            before = [k for k in self.keys if k.x < x]
            key = Key(float(x), float(y), before[-1].interpolation if before else SMOOTH)
            if not before and self.keys:
                key.interpolation = self.keys[0].interpolation
            self.keys.append(key)
            self.keys.sort(key=lambda k: k.x)
        key.y = float(y)
        return key

    def evaluate(self, t: float) -> float:
        """The value at a time; held before the first and after the last key."""
        keys = self.keys
        if not keys:
            return 0.0
        if t <= keys[0].x:
            return keys[0].y
        if t >= keys[-1].x:
            return keys[-1].y
        i = bisect_right([k.x for k in keys], t) - 1
        left, right = keys[i], keys[i + 1]
        if t == left.x or left.interpolation == CONSTANT:
            return left.y
        span = right.x - left.x
        u = (t - left.x) / span
        straight = left.interpolation == LINEAR and right.interpolation == LINEAR
        if straight and left.rslope is None and right.lslope is None:
            return left.y + (right.y - left.y) * u
        if left.interpolation == CUBIC:
            fault("cubic (C) interpolation between keys is not known to this host")
        if (left.ra, right.la) != (1.0, 1.0):
            fault("curve handles of other lengths than 1 are not known to this host")
        m0 = self._slope(i, right_side=True) * span
        m1 = self._slope(i + 1, right_side=False) * span
        u2, u3 = u * u, u * u * u
        return (
            (2 * u3 - 3 * u2 + 1) * left.y
            + (u3 - 2 * u2 + u) * m0
            + (-2 * u3 + 3 * u2) * right.y
            + (u3 - u2) * m1
        )

    def _slope(self, i: int, *, right_side: bool) -> float:
        key = self.keys[i]
        given = key.rslope if right_side and key.rslope is not None else key.lslope
        if given is not None:
            return given
        if key.interpolation == LINEAR:
            a, b = (i, i + 1) if right_side else (i - 1, i)
            return (self.keys[b].y - self.keys[a].y) / (self.keys[b].x - self.keys[a].x)
        if i in (0, len(self.keys) - 1):
            return 0.0
        before, after = self.keys[i - 1], self.keys[i + 1]
        slope = (after.y - before.y) / (after.x - before.x)
        if key.interpolation == CATMULL_ROM:
            return slope
        # SMOOTH: Catmull-Rom, clamped so that no part leaves the range of the keys beside it;
        # a cubic's handle stands at a third of the span.
        if (key.y - before.y) * (after.y - key.y) <= 0:
            return 0.0
        steepest = 3 * min(
            abs((key.y - before.y) / (key.x - before.x)), abs((after.y - key.y) / (after.x - key.x))
        )
        return max(-steepest, min(steepest, slope))

    def to_text(self) -> str:
        """The curve as Nuke writes it, without outer braces."""
        parts = [_expression_word(self.expression)]
        if self.flags:
            parts.append(self.flags)
        now = SMOOTH
        last: list[float] = []
        for key in self.keys:
            if key.interpolation != now:
                now = key.interpolation
                parts.append(now)
            step = last[-1] - last[-2] if len(last) > 1 else 1.0
            if not last or last[-1] + step != key.x:
                parts.append(f"x{number(key.x)}")
            parts.append(number(key.y))
            if key.lslope is not None:
                parts.append(f"s{number(key.lslope)}")
            if key.rslope is not None:
                parts.append(f"t{number(key.rslope)}")
            if key.la != 1:
                parts.append(f"u{number(key.la)}")
            if key.ra != 1:
                parts.append(f"v{number(key.ra)}")
            last.append(key.x)
        return " ".join(parts)


def _expression_word(expression: str) -> str:
    return f'"{expression}"' if " " in expression else expression


def number(value: float) -> str:
    """A number as Nuke writes it."""
    if float(value).is_integer() and abs(value) < 1e15:
        return str(int(value))
    return f"{value:.9g}"


def parse(text: str) -> Curve:
    """A curve or expression from the inside of its braces.

    Raises
    ------
    HostFault
        If the text is not Nuke's.
    """
    parts = [w for w, _ in words(text)]
    if not parts:
        fault("an empty curve")
    curve = Curve(expression=parts[0])
    interpolation = SMOOTH
    x: float | None = None
    key: Key | None = None
    times: list[float] = []
    for part in parts[1:]:
        if part in ("i", "I") and not curve.keys:
            curve.flags = part
        elif part in (CONSTANT, LINEAR, SMOOTH, CATMULL_ROM, CUBIC):
            interpolation = part
        elif part in ("k", "l"):
            fault(f"extrapolation flag {part!r} in a curve is not known to this host")
        elif part[0] in _NUMBERED and _is_number(part[1:]):
            value = float(part[1:])
            if part[0] == "x":
                x = value
            elif key is None:
                fault(f"{part!r} before the first key of {text[:60]!r}")
            else:
                setattr(key, {"s": "lslope", "t": "rslope", "u": "la", "v": "ra"}[part[0]], value)
        elif _is_number(part):
            if x is None:
                if not times:
                    x = 0.0
                elif len(times) == 1:
                    x = times[0] + 1
                else:
                    x = times[-1] + (times[-1] - times[-2])
            key = Key(x, float(part), interpolation)
            curve.keys.append(key)
            times.append(x)
            x = None
        else:
            fault(f"{part!r} is not part of Nuke's curve format ({text[:60]!r})")
    if times != sorted(set(times)):
        fault(f"the keys of {text[:60]!r} are not in order of time")
    return curve


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text[0] in "+-.0123456789"
