"""Grade, ColorCorrect, Saturation, Multiply, Add, Gamma, Clamp, Invert, Expression."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .. import expressions
from ..faults import fault
from .engine import Op, computes
from .image import Image, shape

#: Weights of luminance that Nuke calls Rec 709 and Ccir 601.
_LUMA = {"Rec 709": (0.2125, 0.7154, 0.0721), "Ccir 601": (0.299, 0.587, 0.114)}


def _place(op: Op, name: str) -> int:
    """Which of a colour's four numbers belongs to a channel."""
    layer, _, channel = name.partition(".")
    return min(op.host.layers.known[layer].index(channel), 3)


def _each(op: Op, work: Callable[[np.ndarray, int], np.ndarray]) -> Image:
    """Work on the chosen channels, unpremultiplied when asked."""
    image = op.input(0)
    planes = dict(image.channels)
    alpha = None
    if "unpremult" in op.node._knobs and (by := op.one("unpremult")) is not None:
        alpha = image.get(by, image.box)
        if op.flag("invert_unpremult"):
            op.refuse("invert of unpremult")
    for name in op.names("channels", image):
        if name not in planes:
            continue
        plane = planes[name]
        if alpha is not None and name != op.one("unpremult"):
            safe = np.where(alpha == 0, np.float32(1), alpha)
            done = work(plane / safe, _place(op, name)) * alpha
            planes[name] = np.where(alpha == 0, work(plane, _place(op, name)) * 0, done)
        else:
            planes[name] = work(plane, _place(op, name))
        planes[name] = planes[name].astype(np.float32)
    return image.with_channels(planes)


@computes("Grade")
def grade(op: Op) -> Image:
    """``A × in + B`` to the power 1 / gamma, as the reference guide gives it."""
    if op.flag("reverse"):
        op.refuse("reverse of a grade")

    def work(plane: np.ndarray, i: int) -> np.ndarray:
        n = {
            k: op.number(k, i)
            for k in ("blackpoint", "whitepoint", "black", "white", "multiply", "add", "gamma")
        }
        spread = n["whitepoint"] - n["blackpoint"]
        a = n["multiply"] * (n["white"] - n["black"]) / (spread if spread else 1e-4)
        b = n["add"] + n["black"] - a * n["blackpoint"]
        result = plane
        if (a, b) != (1.0, 0.0):
            result = result * np.float32(a) + np.float32(b)
        if n["gamma"] <= 0:
            op.refuse("a gamma of 0")
        if n["gamma"] != 1:
            power = 1 / n["gamma"]
            inner = np.power(np.clip(result, 0, 1), power)
            result = np.where(
                result > 1, 1 + (result - 1) * power, np.where(result > 0, inner, result)
            )
        if op.flag("black_clamp"):
            result = np.maximum(result, 0)
        if op.flag("white_clamp"):
            result = np.minimum(result, 1)
        return result

    return _each(op, work)


def _saturate(op: Op, image: Image, amounts: list[float], weights: tuple[float, ...]) -> Image:
    names = ["rgba.red", "rgba.green", "rgba.blue"]
    if all(a == 1 for a in amounts) or not any(n in image.channels for n in names):
        return image
    luma = sum(w * image.get(n, image.box) for w, n in zip(weights, names, strict=True))
    planes = dict(image.channels)
    chosen = set(op.names("channels", image))
    for i, name in enumerate(names):
        if name in planes and name in chosen:
            planes[name] = (luma + (planes[name] - luma) * amounts[i]).astype(np.float32)
    return image.with_channels(planes)


@computes("Saturation")
def saturation(op: Op) -> Image:
    """Between a pixel and its luminance."""
    mode = op.choice("mode")
    if mode == "Average":
        weights = (1 / 3, 1 / 3, 1 / 3)
    elif mode in _LUMA:
        weights = _LUMA[mode]
    else:
        op.refuse(f"saturation mode {mode}")
        raise AssertionError
    if op.one("unpremult") is not None:
        op.refuse("unpremult of a saturation")
    return _saturate(op, op.input(0), [op.number("saturation")] * 3, weights)


@computes("ColorCorrect")
def color_correct(op: Op) -> Image:
    """The master controls: saturation, contrast around 0.18, gamma, gain, offset, in this order."""
    for part in ("shadows.", "midtones.", "highlights."):
        for control, neutral in (
            ("saturation", 1),
            ("contrast", 1),
            ("gamma", 1),
            ("gain", 1),
            ("offset", 0),
        ):
            if any(v != neutral for v in op.numbers(part + control)):
                op.refuse(f"{part}{control}")
    if op.one("unpremult") is not None:
        op.refuse("unpremult of a ColorCorrect")
    image = _saturate(op, op.input(0), op.numbers("saturation"), _LUMA["Rec 709"])
    planes = dict(image.channels)
    for name in op.names("channels", image):
        if name not in planes:
            continue
        i, plane = _place(op, name), planes[name].astype(float)
        contrast, gamma = op.number("contrast", i), op.number("gamma", i)
        if contrast != 1:
            plane = np.where(
                plane > 0, np.power(np.maximum(plane, 0) / 0.18, contrast) * 0.18, plane
            )
        if gamma != 1:
            plane = np.where(plane > 0, np.power(np.maximum(plane, 0), 1 / gamma), plane)
        planes[name] = (plane * op.number("gain", i) + op.number("offset", i)).astype(np.float32)
    return image.with_channels(planes)


@computes("Multiply")
def multiply(op: Op) -> Image:
    """Times a number."""
    return _each(op, lambda p, i: p * np.float32(op.number("value", i)))


@computes("Add")
def add(op: Op) -> Image:
    """Plus a number."""
    return _each(op, lambda p, i: p + np.float32(op.number("value", i)))


@computes("Gamma")
def gamma(op: Op) -> Image:
    """To the power 1 / gamma; negative values stay."""

    def work(plane: np.ndarray, i: int) -> np.ndarray:
        return np.where(plane > 0, np.power(np.maximum(plane, 0), 1 / op.number("value", i)), plane)

    return _each(op, work)


@computes("Clamp")
def clamp(op: Op) -> Image:
    """Between two numbers."""
    if op.flag("MinClampTo_enable") or op.flag("MaxClampTo_enable"):
        op.refuse("clamping to other values")

    def work(plane: np.ndarray, i: int) -> np.ndarray:
        if op.flag("minimum_enable"):
            plane = np.maximum(plane, np.float32(op.number("minimum", i)))
        if op.flag("maximum_enable"):
            plane = np.minimum(plane, np.float32(op.number("maximum", i)))
        return plane

    return _each(op, work)


@computes("Invert")
def invert(op: Op) -> Image:
    """``1 - x``."""

    def work(plane: np.ndarray, i: int) -> np.ndarray:
        result = 1 - plane
        return np.clip(result, 0, 1) if op.flag("clamp") else result

    return _each(op, work)


@computes("Expression")
def expression(op: Op) -> Image:
    """Arithmetic by pixel: r, g, b, a, x, y, width, height, channels by name, temporaries."""
    image = op.input(0)
    box = image.box
    if op.one("unpremult") is not None:
        op.refuse("unpremult of an Expression")
    xs, ys = np.meshgrid(np.arange(box[0], box[2]), np.arange(box[1], box[3]))
    known: dict[str, np.ndarray | float] = {
        "x": xs.astype(np.float64),
        "y": ys.astype(np.float64),
        "width": float(image.format.width()),
        "height": float(image.format.height()),
    }
    for short, name in zip("rgba", ("red", "green", "blue", "alpha"), strict=True):
        plane = image.get(f"rgba.{name}", box)
        known[short] = known[name] = known[f"rgba.{name}"] = plane

    def variable(name: str) -> np.ndarray | float | None:
        if name in known:
            return known[name]
        return image.channels.get(name)

    def value(path: str, at: float) -> float:
        return op.host.path_number(path, op.node, at)

    scope = expressions.Scope(op.frame, value, lambda at: fault("curve in an Expression node"))
    for i in range(4):
        name, text = op.knob(f"temp_name{i}")._text, op.knob(f"temp_expr{i}")._text
        if name and text:
            known[name] = expressions.evaluate_arrays(text, variable, scope)
    planes = dict(image.channels)
    for i in range(4):
        text = op.knob(f"expr{i}")._text.strip()
        if not text:
            continue
        with np.errstate(all="ignore"):
            result = expressions.evaluate_arrays(text, variable, scope)
        for channel in op.knob(f"channel{i}")._names_at(list(image.channels)):
            planes[channel] = np.broadcast_to(np.asarray(result, np.float32), shape(box)).copy()
    return image.with_channels(planes)
