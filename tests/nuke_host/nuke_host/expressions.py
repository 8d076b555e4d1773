"""Nuke's knob expressions, as far as gizmos use them: arithmetic, knob paths, ``curve``, frame."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .faults import fault

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?![\w])"
    r"|(?P<name>\$?[A-Za-z_][A-Za-z_0-9]*(?:\.[A-Za-z_0-9]+)*)"
    r"|(?P<op>\*\*|==|!=|<=|>=|&&|\|\||[-+*/%^()<>!?:,]))"
)

_FUNCTIONS: dict[str, Callable[..., float]] = {
    "abs": abs,
    "ceil": math.ceil,
    "cos": math.cos,
    "exp": math.exp,
    "floor": math.floor,
    "int": math.trunc,
    "trunc": math.trunc,
    "log": math.log,
    "pow": math.pow,
    "rint": lambda x: math.floor(x + 0.5),
    "sin": math.sin,
    "sqrt": math.sqrt,
    "tan": math.tan,
    "atan2": math.atan2,
    "degrees": math.degrees,
    "radians": math.radians,
    "min": min,
    "max": max,
    "clamp": lambda x, lo=0.0, hi=1.0: min(max(x, lo), hi),
    "lerp": lambda a, b, x: a + (b - a) * x,
    "step": lambda a, x: float(x >= a),
    "smoothstep": lambda a, b, x: _smoothstep(a, b, x),
}


def _smoothstep(a: float, b: float, x: float) -> float:
    if x <= a:
        return 0.0
    if x >= b:
        return 1.0
    u = (x - a) / (b - a)
    return u * u * (3 - 2 * u)


@dataclass
class Scope:
    """What a name means inside an expression.

    ``value(path, frame)`` gives a knob's number; ``curve(frame)`` the curve under the expression.
    """

    frame: float
    value: Callable[[str, float], float]
    curve: Callable[[float], float]


def evaluate(text: str, scope: Scope) -> float:
    """The value of an expression.

    Raises
    ------
    HostFault
        If it uses anything unknown to this host.
    """
    return _Parser(text, scope, None).run()


def evaluate_arrays(text: str, variables: Callable[[str], Any], scope: Scope) -> Any:
    """An Expression node's expression, over arrays; names are tried as channels first."""
    return _Parser(text, scope, variables).run()


class _Parser:
    def __init__(self, text: str, scope: Scope, variables: Callable[[str], Any] | None) -> None:
        self.text, self.scope, self.variables = text, scope, variables
        self.tokens: list[tuple[str, str]] = []
        at = 0
        stripped = text.rstrip()
        while at < len(stripped):
            match = _TOKEN.match(stripped, at)
            if not match:
                fault(f"expression {text!r}: {stripped[at:]!r} is not known to this host")
            kind = match.lastgroup or ""
            self.tokens.append((kind, match[kind]))
            at = match.end()
        self.at = 0

    def run(self) -> Any:
        if not self.tokens:
            fault("an empty expression")
        value = self.ternary()
        if self.at != len(self.tokens):
            fault(f"expression {self.text!r}: unexpected {self.tokens[self.at][1]!r}")
        return value

    def take(self, *operators: str) -> str | None:
        if self.at < len(self.tokens):
            kind, word = self.tokens[self.at]
            if kind == "op" and word in operators:
                self.at += 1
                return word
        return None

    def need(self, operator: str) -> None:
        if not self.take(operator):
            fault(f"expression {self.text!r}: {operator!r} is missing")

    def ternary(self) -> Any:
        test = self.either()
        if self.take("?"):
            yes = self.ternary()
            self.need(":")
            no = self.ternary()
            if self.variables is not None:
                import numpy as np

                return np.where(np.asarray(test) != 0, yes, no)
            return yes if test else no
        return test

    def either(self) -> Any:
        value = self.both()
        while self.take("||"):
            other = self.both()
            value = self.truth(value) | self.truth(other)
        return value

    def both(self) -> Any:
        value = self.compare()
        while self.take("&&"):
            other = self.compare()
            value = self.truth(value) & self.truth(other)
        return value

    def truth(self, value: Any) -> Any:
        if self.variables is not None:
            import numpy as np

            return (np.asarray(value) != 0) * 1
        return int(value != 0)

    def compare(self) -> Any:
        value = self.sum()
        while op := self.take("==", "!=", "<=", ">=", "<", ">"):
            other = self.sum()
            result = {
                "==": lambda a, b: a == b,
                "!=": lambda a, b: a != b,
                "<=": lambda a, b: a <= b,
                ">=": lambda a, b: a >= b,
                "<": lambda a, b: a < b,
                ">": lambda a, b: a > b,
            }[op](value, other)
            value = result * 1
        return value

    def sum(self) -> Any:
        value = self.product()
        while op := self.take("+", "-"):
            other = self.product()
            value = value + other if op == "+" else value - other
        return value

    def product(self) -> Any:
        value = self.unary()
        while op := self.take("*", "/", "%"):
            other = self.unary()
            if op == "*":
                value = value * other
            elif op == "/":
                if self.variables is None and other == 0:
                    fault(f"expression {self.text!r} divides by zero")
                value = value / other
            else:
                value = value % other
        return value

    def unary(self) -> Any:
        if op := self.take("-", "+", "!"):
            value = self.unary()
            if op == "!":
                return 1 - self.truth(value)
            return -value if op == "-" else value
        return self.power()

    def power(self) -> Any:
        value = self.atom()
        if self.take("^", "**"):
            return value ** self.unary()
        return value

    def atom(self) -> Any:
        if self.take("("):
            value = self.ternary()
            self.need(")")
            return value
        if self.at >= len(self.tokens):
            fault(f"expression {self.text!r} ends too early")
        kind, word = self.tokens[self.at]
        self.at += 1
        if kind == "number":
            return float(word)
        if kind != "name":
            fault(f"expression {self.text!r}: unexpected {word!r}")
        if self.take("("):
            given = [self.ternary()]
            while self.take(","):
                given.append(self.ternary())
            self.need(")")
            return self.call(word, given)
        if word in ("frame", "t"):
            return self.scope.frame
        if word == "pi":
            return math.pi
        if word == "curve":
            return self.scope.curve(self.scope.frame)
        if self.variables is not None:
            found = self.variables(word)
            if found is not None:
                return found
        return self.scope.value(word, self.scope.frame)

    def call(self, name: str, given: list[Any]) -> Any:
        if name == "curve" and len(given) == 1:
            return self.scope.curve(given[0])
        if name in _FUNCTIONS:
            if self.variables is not None:
                return self.over_arrays(name, given)
            try:
                return float(_FUNCTIONS[name](*given))
            except (TypeError, ValueError, OverflowError) as exc:
                fault(f"expression {self.text!r}: {name}: {exc}")
        if len(given) == 1 and name not in _FUNCTIONS:
            return self.scope.value(name, given[0])
        fault(f"expression {self.text!r}: function {name!r} is not known to this host")

    def over_arrays(self, name: str, given: list[Any]) -> Any:
        import numpy as np

        known: dict[str, Callable[..., Any]] = {
            "abs": np.abs,
            "floor": np.floor,
            "ceil": np.ceil,
            "sqrt": np.sqrt,
            "exp": np.exp,
            "log": np.log,
            "sin": np.sin,
            "cos": np.cos,
            "pow": np.power,
            "min": lambda *a: np.minimum.reduce(np.broadcast_arrays(*a)),
            "max": lambda *a: np.maximum.reduce(np.broadcast_arrays(*a)),
            "clamp": lambda x, lo=0.0, hi=1.0: np.clip(x, lo, hi),
            "lerp": lambda a, b, x: a + (b - a) * x,
        }
        if name not in known:
            fault(f"Expression node: function {name!r} is not known to this host")
        return known[name](*given)
