"""STMap, CornerPin2D, Transform, Crop, Reformat: pixels that move."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ..formats import Format
from .engine import Op, blend, computes
from .image import Box, Image, intersection, is_empty, shape

#: Larger pictures than this are a mistake in a matrix.
_LARGEST = 20000


def _cubic(t: np.ndarray) -> np.ndarray:
    return np.where(t < 1, (2 * t - 3) * t * t + 1, 0)


def _keys_family(a: float) -> Callable[[np.ndarray], np.ndarray]:
    def weight(t: np.ndarray) -> np.ndarray:
        near = ((a + 2) * t - (a + 3)) * t * t + 1
        far = a * (((t - 5) * t + 8) * t - 4)
        return np.where(t < 1, near, np.where(t < 2, far, 0))

    return weight


def _mitchell(b: float, c: float) -> Callable[[np.ndarray], np.ndarray]:
    def weight(t: np.ndarray) -> np.ndarray:
        near = ((12 - 9 * b - 6 * c) * t + (-18 + 12 * b + 6 * c)) * t * t + (6 - 2 * b)
        far = (((-b - 6 * c) * t + (6 * b + 30 * c)) * t + (-12 * b - 48 * c)) * t + 8 * b + 24 * c
        return np.where(t < 1, near, np.where(t < 2, far, 0)) / 6

    return weight


#: Weight by distance and radius, in source pixels, as Foundry describes its filters.
FILTERS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], int]] = {
    "Cubic": (_cubic, 1),
    "Keys": (_keys_family(-0.5), 2),
    "Simon": (_keys_family(-0.75), 2),
    "Rifman": (_keys_family(-1.0), 2),
    "Mitchell": (_mitchell(1 / 3, 1 / 3), 2),
    "Parzen": (_mitchell(1.0, 0.0), 2),
}


def sample(
    image: Image,
    names: list[str],
    x: np.ndarray,
    y: np.ndarray,
    filter: str,
    *,
    refuse: Callable[[str], None],
    clamp: bool = False,
) -> dict[str, np.ndarray]:
    """Channels at positions, in pixels with centres at 0.5.

    Where the positions lie further apart than one pixel the filter is widened by as much.
    """
    if is_empty(image.box) or x.size == 0:
        return {n: np.zeros(x.shape, np.float32) for n in names}
    if filter == "Impulse":
        columns, rows = np.floor(x).astype(int), np.floor(y).astype(int)
        return {n: _at(image, n, columns, rows) for n in names}
    if filter not in FILTERS:
        refuse(f"filter {filter}")
    weight, radius = FILTERS[filter]
    spread_x, spread_y = _spread(x), _spread(y)
    reach_x = math.ceil(radius * float(spread_x.max()))
    reach_y = math.ceil(radius * float(spread_y.max()))
    base_x, base_y = np.floor(x - 0.5).astype(int), np.floor(y - 0.5).astype(int)
    total: dict[str, np.ndarray] = {n: np.zeros(x.shape) for n in names}
    columns_weights = [
        (base_x + i, weight(np.abs(base_x + i + 0.5 - x) / spread_x))
        for i in range(1 - reach_x, reach_x + 1)
    ]
    rows_weights = [
        (base_y + j, weight(np.abs(base_y + j + 0.5 - y) / spread_y))
        for j in range(1 - reach_y, reach_y + 1)
    ]
    sum_x = sum(w for _, w in columns_weights)
    sum_y = sum(w for _, w in rows_weights)
    for rows, wy in rows_weights:
        for columns, wx in columns_weights:
            both = (wx / sum_x) * (wy / sum_y)
            if not both.any():
                continue
            for name in names:
                # a weight of 0 must not let an infinity through
                value = _at(image, name, columns, rows)
                total[name] += np.where(both == 0, 0, value * both)
    if clamp:
        for name in names:
            total[name] = np.maximum(total[name], 0)
    return {n: t.astype(np.float32) for n, t in total.items()}


def _spread(values: np.ndarray) -> np.ndarray:
    """How far neighbouring output pixels lie apart in the source, at least 1."""
    along_rows = np.gradient(values, axis=1) if values.shape[1] > 1 else np.zeros(values.shape)
    along_columns = np.gradient(values, axis=0) if values.shape[0] > 1 else np.zeros(values.shape)
    apart = np.hypot(along_rows, along_columns)
    return np.where(apart > 1 + 1e-6, apart, 1.0)


def _at(image: Image, name: str, columns: np.ndarray, rows: np.ndarray) -> np.ndarray:
    plane = image.channels.get(name)
    if plane is None:
        return np.zeros(columns.shape, np.float32)
    x = np.clip(columns - image.box[0], 0, plane.shape[1] - 1)
    y = np.clip(rows - image.box[1], 0, plane.shape[0] - 1)
    return plane[y, x]


def centres(box: Box) -> tuple[np.ndarray, np.ndarray]:
    """Positions of a box's pixels."""
    x, y = np.meshgrid(np.arange(box[0], box[2]) + 0.5, np.arange(box[1], box[3]) + 0.5)
    return x, y


def apply(
    op: Op,
    image: Image,
    matrix: np.ndarray,
    *,
    format: Format | None = None,
    box: Box | None = None,
) -> Image:
    """A picture through a matrix that takes source positions to output positions."""
    if op.number("motionblur") if "motionblur" in op.node._knobs else 0:
        op.refuse("motion blur")
    if is_empty(image.box):
        return image if format is None else Image(format, image.box, image.channels)
    source = image.black_edge() if op.flag("black_outside") else image
    if box is None:
        box = _mapped(op, source.box, matrix)
    out_format = image.format if format is None else format
    if np.array_equal(matrix, np.eye(3)):
        return Image(out_format, box, source.over(box), image.metadata)
    x, y = centres(box)
    inverse = np.linalg.inv(matrix)
    w = inverse[2, 0] * x + inverse[2, 1] * y + inverse[2, 2]
    if (w <= 0).any():
        op.refuse("a pin that folds over")
    u = (inverse[0, 0] * x + inverse[0, 1] * y + inverse[0, 2]) / w
    v = (inverse[1, 0] * x + inverse[1, 1] * y + inverse[1, 2]) / w
    planes = sample(
        source,
        list(source.channels),
        u,
        v,
        op.choice("filter"),
        refuse=op.refuse,
        clamp=op.flag("clamp"),
    )
    return Image(out_format, box, planes, image.metadata)


def _mapped(op: Op, box: Box, matrix: np.ndarray) -> Box:
    corners = np.array([[box[i], box[j], 1.0] for i in (0, 2) for j in (1, 3)]) @ matrix.T
    if (corners[:, 2] <= 0).any():
        op.refuse("a pin that folds over")
    points = corners[:, :2] / corners[:, 2:]
    low = np.floor(points.min(0) + 1e-6).astype(int)
    high = np.ceil(points.max(0) - 1e-6).astype(int)
    if (high - low).max() > _LARGEST:
        op.refuse(f"a picture {(high - low).max()} pixels wide")
    return (int(low[0]), int(low[1]), int(high[0]), int(high[1]))


def transform_matrix(op: Op) -> np.ndarray:
    """The matrix of a Transform: move to the centre, scale, skew, rotate, move back, translate."""
    tx, ty = op.numbers("translate")
    cx, cy = op.numbers("center")
    sx, sy = op.numbers("scale")
    angle = math.radians(op.number("rotate"))
    if op.number("skewX") or op.number("skewY"):
        op.refuse("skew")
    turn = np.array(
        [[math.cos(angle), -math.sin(angle), 0], [math.sin(angle), math.cos(angle), 0], [0, 0, 1]]
    )
    there = np.array([[1, 0, cx + tx], [0, 1, cy + ty], [0, 0, 1.0]])
    back = np.array([[1, 0, -cx], [0, 1, -cy], [0, 0, 1.0]])
    matrix = there @ turn @ np.diag([sx, sy, 1.0]) @ back
    return np.linalg.inv(matrix) if op.flag("invert_matrix") else matrix


@computes("Transform")
def transform(op: Op) -> Image:
    """A Transform."""
    return apply(op, op.input(0), transform_matrix(op))


def homography(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The matrix that takes points to points; more or fewer than four give an affine fit."""
    rows, right = [], []
    for (x, y), (u, v) in zip(source, target, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        right += [u, v]
    solved = np.linalg.solve(np.array(rows, float), np.array(right, float))
    return np.append(solved, 1.0).reshape(3, 3)


@computes("CornerPin2D")
def corner_pin(op: Op) -> Image:
    """Four points onto four points."""
    if not all(op.flag(f"enable{i}") for i in (1, 2, 3, 4)):
        op.refuse("a corner that is not enabled")
    source = np.array([op.numbers(f"from{i}") for i in (1, 2, 3, 4)])
    target = np.array([op.numbers(f"to{i}") for i in (1, 2, 3, 4)])
    try:
        matrix = homography(source, target)
    except np.linalg.LinAlgError:
        op.refuse("corners on one line")
        raise
    return apply(op, op.input(0), np.linalg.inv(matrix) if op.flag("invert") else matrix)


@computes("STMap")
def stmap(op: Op) -> Image:
    """Each pixel of the map shows the source at (u × width, v × height).

    The result has the map's format and box.
    """
    source = op.input(0)
    names = op.names("channels", source)
    names = [n for n in names if n in source.channels]
    uv = op.knob("uv")._names_at([])
    if not uv:
        return source
    if len(uv) < 2:
        op.refuse(f"a map of {len(uv)} channels")
    if op.knob("blur").value() != "none":
        op.refuse("blur of an STMap")
    if op.knob("maskChannel").value() != "none":
        op.refuse("the mask of an STMap")
    map_image = op.input(1)
    box = map_image.box
    du, dv = op.numbers("offset")
    su, sv = op.numbers("scale")
    width, height = source.format.width(), source.format.height()
    x = (map_image.get(uv[0], box).astype(float) * su + du) * width
    y = (map_image.get(uv[1], box).astype(float) * sv + dv) * height
    picked = source.black_edge() if op.flag("black_outside") else source
    planes = source.over(box)
    planes |= sample(
        picked, names, x, y, op.choice("filter"), refuse=op.refuse, clamp=op.flag("clamp")
    )
    result = Image(map_image.format, box, planes, source.metadata)
    mix = op.number("mix")
    if mix == 1:
        return result
    return blend(source.rebox(box), result, np.full(shape(box), np.float32(mix)), box)


@computes("Crop")
def crop(op: Op) -> Image:
    """A picture cut to a box; with ``reformat`` the box becomes the format."""
    image = op.input(0)
    if op.number("softness"):
        op.refuse("softness of a crop")
    x, y, r, t = op.numbers("box")
    box: Box = (math.floor(x), math.floor(y), math.ceil(r), math.ceil(t))
    if is_empty(box):
        box = (box[0], box[1], box[0], box[1])
    cut = intersection(image.box, box) if op.flag("intersect") else box
    result = image.rebox(cut)
    if op.flag("crop"):
        result = _black_beyond(image.rebox(cut))
    if not op.flag("reformat"):
        return result
    made = Format(box[2] - box[0], box[3] - box[1], pixelAspect=image.format.pixelAspect())
    x0, y0, x1, y1 = result.box
    moved = (x0 - box[0], y0 - box[1], x1 - box[0], y1 - box[1])
    return Image(made, moved, result.channels, image.metadata)


def _black_beyond(image: Image) -> Image:
    return image.black_edge()


@computes("Reformat")
def reformat(op: Op) -> Image:
    """A picture scaled to another format."""
    image = op.input(0)
    if op.flag("flip") or op.flag("flop") or op.flag("turn"):
        op.refuse("flip, flop or turn")
    width, height = image.format.width(), image.format.height()
    kind = op.choice("type")
    if kind == "to format":
        made: Format = op.knob("format").value()
    elif kind == "to box":
        if not op.flag("box_fixed"):
            op.refuse("a box that is not forced to its shape")
        made = Format(
            int(op.number("box_width")),
            int(op.number("box_height")),
            pixelAspect=op.number("box_pixel_aspect"),
        )
    else:
        sx, sy = op.numbers("scale")
        made = Format(round(width * sx), round(height * sy), pixelAspect=image.format.pixelAspect())
    if made.pixelAspect() != image.format.pixelAspect():
        op.refuse("a change of pixel aspect")
    sx, sy = made.width() / width, made.height() / height
    way = op.choice("resize")
    if way == "none":
        sx = sy = 1.0
    elif way == "width":
        sy = sx
    elif way == "height":
        sx = sy
    elif way == "fit":
        sx = sy = min(sx, sy)
    elif way == "fill":
        sx = sy = max(sx, sy)
    dx = dy = 0.0
    if op.flag("center"):
        dx, dy = (made.width() - width * sx) / 2, (made.height() - height * sy) / 2
        if way == "none":
            dx, dy = math.floor(dx), math.floor(dy)
    matrix = np.array([[sx, 0, dx], [0, sy, dy], [0, 0, 1.0]])
    x, y, r, t = image.box
    box: Box = (
        math.floor(x * sx + dx + 1e-6),
        math.floor(y * sy + dy + 1e-6),
        math.ceil(r * sx + dx - 1e-6),
        math.ceil(t * sy + dy - 1e-6),
    )
    if not op.flag("pbb"):
        box = intersection(box, (0, 0, made.width(), made.height()))
    return apply(op, image, matrix, format=made, box=box)
