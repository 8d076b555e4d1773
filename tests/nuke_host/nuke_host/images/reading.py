"""Read, Constant, CheckerBoard2: where pictures come from."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from .. import expressions
from ..faults import fault
from ..formats import Format
from .engine import RANGES, Op, RenderError, computes
from .image import Image, black

_LINEAR = {
    "default",
    "linear",
    "default (linear)",
    "scene_linear",
    "scene_linear (linear)",
    "raw",
    "data",
    "Utility - Raw",
    "Raw",
}


def _first_last(op: Op) -> tuple[int, int]:
    return (int(op.number("first")), int(op.number("last")))


RANGES["Read"] = _first_last
RANGES["Constant"] = _first_last


def _wrap(op: Op, frame: int, first: int, last: int) -> int | None:
    """The file's frame for a frame outside first to last; None for black."""
    if first <= frame <= last:
        return frame
    way = op.choice("before" if frame < first else "after")
    if way == "hold":
        return first if frame < first else last
    if way == "black":
        return None
    length = last - first + 1
    if way == "loop":
        return first + (frame - first) % length
    turn = (frame - first) % max(2 * (length - 1), 1)
    return first + (turn if turn < length else 2 * (length - 1) - turn)


def _own_frame(op: Op) -> int:
    text = op.knob("frame")._text.strip()
    mode = op.choice("frame_mode")
    if not text:
        return int(op.frame)
    if mode == "expression":

        def value(path: str, at: float) -> float:
            return op.host.path_number(path, op.node, at)

        scope = expressions.Scope(op.frame, value, lambda at: at)
        return int(expressions.evaluate(text, scope))
    if mode == "start at":
        return int(op.frame) - int(float(text)) + int(op.number("first"))
    op.refuse(f"frame_mode {mode}")
    raise AssertionError


def resolve(op: Op, name: str) -> Path:
    """A file name on disk; relative ones stand below the project directory."""
    path = Path(name)
    if not path.is_absolute():
        folder = op.host.root._knobs["project_directory"]._text
        if not folder:
            fault(f"{op.node.name()}: {name!r} is relative and there is no project directory")
        path = Path(folder) / path
    return path


@computes("Read")
def read(op: Op) -> Image:
    """A Read."""
    knob = op.knob("file")
    if not knob._text:
        raise RenderError(f"{op.node.name()}: no file")
    shape = op.knob("format").value()
    first, last = _first_last(op)
    frame = _wrap(op, _own_frame(op), first, last)
    if frame is None:
        return black(shape)
    path = resolve(op, knob._file(frame))
    if not path.is_file():
        path = _missing(op, path, frame, first, last)  # type: ignore[assignment]
        if path is None:
            return black(shape)
    check_colourspace(op)
    if path.suffix.lower() != ".exr" and not op.flag("raw"):
        op.refuse(f"the colourspace of a {path.suffix} file that is not raw")
    if op.flag("premultiplied") or op.flag("auto_alpha"):
        op.refuse("premultiplied or auto_alpha")
    return load(op, path)


def check_colourspace(op: Op) -> None:
    """Refuse a conversion: raw, linear and the working space itself need none."""
    space = op.choice("colorspace")
    working = op.host.root._knobs["workingSpaceLUT"]._text
    if not op.flag("raw") and space not in _LINEAR and space != working:
        op.refuse(f"colourspace {space!r}")


def _missing(op: Op, path: Path, frame: int, first: int, last: int) -> Path | None:
    """What on_error says about a file that is not there; None for black."""
    way = op.choice("on_error")
    if way == "black":
        return None
    if way == "nearest frame":
        by_distance = sorted(range(first, last + 1), key=lambda f: (abs(f - frame), f))
        for other in by_distance:
            near = resolve(op, op.knob("file")._file(other))
            if near.is_file():
                return near
    elif way == "checkerboard":
        op.refuse("on_error checkerboard")
    raise RenderError(f"{op.node.name()}: {path}: no such file")


def load(op: Op, path: Path) -> Image:
    """The picture in a file, each channel under Nuke's name."""
    import OpenImageIO as oiio

    opened = oiio.ImageInput.open(str(path))
    if opened is None:
        raise RenderError(f"{op.node.name()}: {path}: {oiio.geterror() or 'cannot be read'}")
    try:
        spec = opened.spec()
        pixels = opened.read_image(0, 0, 0, spec.nchannels, oiio.FLOAT)
        if pixels is None:
            raise RenderError(f"{op.node.name()}: {path}: {opened.geterror()}")
        more = opened.seek_subimage(1, 0)
    finally:
        opened.close()
    if more:
        fault(f"{path}: files of several parts are not known to this host")
    pixels = np.asarray(pixels, np.float32).reshape(spec.height, spec.width, spec.nchannels)
    aspect = float(spec.getattribute("PixelAspectRatio") or 1.0)
    shape = Format(spec.full_width, spec.full_height, pixelAspect=aspect)
    for known in op.host.formats.values():
        if known == shape:
            shape = known
            break
    x = spec.x - spec.full_x
    top = spec.full_height - (spec.y - spec.full_y)
    box = (x, top - spec.height, x + spec.width, top)
    names = [op.host.layers.from_exr(n) for n in spec.channelnames]
    if len(set(names)) != len(names):
        fault(f"{path}: two channels have the name {sorted(names)}")
    planes = {n: np.ascontiguousarray(pixels[::-1, :, i]) for i, n in enumerate(names)}
    image = Image(shape, box, planes, {a.name: a.value for a in spec.extra_attribs})
    return _edges(op, image)


def _edges(op: Op, image: Image) -> Image:
    """Nuke puts a black pixel outside a data window that is smaller than the picture."""
    way = op.choice("edge_pixels")
    if way == "repeat":
        return image
    if way == "edge detect":
        op.refuse("edge_pixels edge detect")
    x, y, r, t = image.box
    width, height = image.format.width(), image.format.height()
    sides = (x != 0, y != 0, r != width, t != height)
    if way == "black":
        sides = (True, True, True, True)
    left, low, right, high = (int(s) for s in sides)
    if not any(sides):
        return image
    planes = {n: np.pad(p, ((low, high), (left, right))) for n, p in image.channels.items()}
    return image.with_channels(planes, (x - left, y - low, r + right, t + high))


def _size(op: Op) -> Format:
    if op.connected(0):
        return op.input(0).format
    found: Format = op.knob("format").value()
    return found


@computes("Constant")
def constant(op: Op) -> Image:
    """A Constant. Its channels get the colour's numbers in order."""
    shape = _size(op)
    box = (0, 0, shape.width(), shape.height())
    planes = {}
    for i, name in enumerate(op.knob("channels")._names_at([])):
        value = np.float32(op.number("color", min(i, 3)))
        planes[name] = np.full((shape.height(), shape.width()), value, np.float32)
    return Image(shape, box, planes)


@computes("CheckerBoard2")
def checkerboard(op: Op) -> Image:
    """A checkerboard without lines, counted from the centre."""
    if op.number("linewidth") or op.number("centerlinewidth"):
        op.refuse("lines of a checkerboard (set linewidth and centerlinewidth to 0)")
    shape = _size(op)
    width, height = shape.width(), shape.height()
    w, h = op.numbers("boxsize")
    columns = np.floor((np.arange(width) + 0.5 - width / 2) / w).astype(int) % 2
    rows = np.floor((np.arange(height) + 0.5 - height / 2) / h).astype(int) % 2
    which = rows[:, None] * 2 + columns[None]
    # around the centre: 0 upper left, 1 upper right, 2 lower right, 3 lower left
    order = np.array([2, 3, 1, 0])[which]
    planes = {}
    for i, name in enumerate(("red", "green", "blue", "alpha")):
        colours = np.array([op.number(f"color{c}", i) for c in range(4)], np.float32)
        planes[f"rgba.{name}"] = colours[order]
    return Image(shape, (0, 0, width, height), planes)


def exists(path: str) -> bool:
    """Whether a file is there."""
    return os.path.isfile(path)
