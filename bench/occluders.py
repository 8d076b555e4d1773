"""Occluders with known alpha that move over a face.

A hand, a microphone, a glass of tea; a fist as smooth as the face and of its
own colour, a biscuit, and strands of hair.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter

from relip.mask.coverage import fill
from relip.track import geometry

KINDS = ("hand", "microphone", "glass", "fist", "food", "strands")

#: Alpha from which a pixel is the occluder's: half of it, or any of the glass's clear wall.
EXTENT = {
    "hand": 0.5, "microphone": 0.5, "glass": 0.2, "fist": 0.5, "food": 0.5, "strands": 0.5,
}  # fmt: skip

#: Where each comes from: its place from the mouth's middle in face widths while it is away.
_FROM = {
    "hand": (0.9, 0.55),
    "microphone": (0.25, 0.85),
    "glass": (-0.75, 0.6),
    "fist": (-0.5, 0.9),
    "food": (0.6, 0.5),
    "strands": (-0.7, -0.3),
}

#: Of the shot's length, when the occluder comes in and when it is gone again.
ENTERS, LEAVES = 0.2, 0.85

#: Pictures are drawn this many times finer and shrunk.
_FINE = 2

#: How far an occluder reaches from its place, face widths.
_REACH = 1.15


def place(kind: str, share: float) -> tuple[np.ndarray, float] | None:
    """Where an occluder is at a share of the shot.

    Parameters
    ----------
    kind : str
        One of :data:`KINDS`.
    share : float
        0 at the shot's beginning, 1 at its end.

    Returns
    -------
    tuple of (np.ndarray [shape=(2,)], float) or None
        Its place from the mouth's middle in face widths and its turn in radians; None while it
        is away.
    """
    if not ENTERS <= share <= LEAVES:
        return None
    t = (share - ENTERS) / (LEAVES - ENTERS)
    reach = np.clip(min(t, 1 - t) / 0.3, 0, 1)
    reach = reach * reach * (3 - 2 * reach)
    sway = 0.10 * np.array([np.sin(9 * t), np.cos(13 * t)])
    at = (1 - reach) * np.array(_FROM[kind]) + sway + np.array([0.06, 0.08])
    return at, 0.35 * np.sin(7 * t)


def draw(
    kind: str,
    centre: np.ndarray,
    turn: float,
    face_width: float,
    skin: np.ndarray,
    size: tuple[int, int],
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw an occluder.

    Parameters
    ----------
    kind : {"hand", "microphone", "glass"}
    centre : np.ndarray [shape=(2,)]
        Pixels.
    turn : float
        Radians.
    face_width : float
        Pixels.
    skin : np.ndarray [shape=(3,)]
        Colour of the face's skin, display-encoded, 0-1.
    size : tuple of int
        Width, height of the picture.
    seed : int
        Of its texture.

    Returns
    -------
    colour : np.ndarray [shape=(height, width, 3), dtype=float32]
    alpha : np.ndarray [shape=(height, width), dtype=float32]
    """
    width, height = size
    colour = np.zeros((height, width, 3), np.float32)
    alpha = np.zeros((height, width), np.float32)
    x0, y0 = np.clip(np.floor(centre - _REACH * face_width), 0, size).astype(int)
    x1, y1 = np.clip(np.ceil(centre + _REACH * face_width), 0, size).astype(int)
    if x1 <= x0 or y1 <= y0:
        return colour, alpha
    xs = (np.arange((x1 - x0) * _FINE, dtype=np.float32) + 0.5) / _FINE + np.float32(x0 - centre[0])
    ys = (np.arange((y1 - y0) * _FINE, dtype=np.float32) + 0.5) / _FINE + np.float32(y0 - centre[1])
    xs, ys = np.meshgrid(xs / np.float32(face_width), ys / np.float32(face_width))
    cos, sin = np.float32(np.cos(turn)), np.float32(np.sin(turn))
    u, v = xs * cos + ys * sin, ys * cos - xs * sin
    grain = _grain(u, v, seed)
    draw_kind: Callable[..., tuple[np.ndarray, np.ndarray]] = {
        "hand": _hand,
        "microphone": _microphone,
        "glass": _glass,
        "fist": _fist,
        "food": _food,
        "strands": _strands,
    }[kind]
    fine, cover = draw_kind(u, v, grain, skin.astype(np.float32))
    small = (x1 - x0, y1 - y0)
    fine = (fine * cover[..., None]).astype(np.float32)
    fine = cv2.resize(fine, small, interpolation=cv2.INTER_AREA)
    cover = cv2.resize(cover.astype(np.float32), small, interpolation=cv2.INTER_AREA)
    colour[y0:y1, x0:x1] = np.clip(fine / np.maximum(cover, 1e-4)[..., None], 0, 1)
    alpha[y0:y1, x0:x1] = np.clip(cover, 0, 1)
    return colour, alpha


def _grain(u: np.ndarray, v: np.ndarray, seed: int) -> np.ndarray:
    """Noise that is fixed to the occluder, −1 to 1 by its standard deviation."""
    rng = np.random.default_rng(seed)
    tile = rng.standard_normal((256, 256)).astype(np.float32)
    tile = gaussian_filter(tile, 1.3, mode="wrap")
    tile /= tile.std()
    column = np.mod(u * 160, 255).astype(np.float32)
    row = np.mod(v * 160, 255).astype(np.float32)
    return cv2.remap(tile, column, row, cv2.INTER_LINEAR)


def _edge(distance: np.ndarray, soft: float) -> np.ndarray:
    """1 inside (negative distance), 0 outside, over a width of ``soft``."""
    t = np.clip(0.5 - distance / soft, 0, 1)
    return t * t * (3 - 2 * t)


def _capsule(u: np.ndarray, v: np.ndarray, a: tuple, b: tuple, radius: float) -> np.ndarray:
    du, dv = b[0] - a[0], b[1] - a[1]
    along = np.clip(((u - a[0]) * du + (v - a[1]) * dv) / (du * du + dv * dv), 0, 1)
    return np.hypot(u - a[0] - along * du, v - a[1] - along * dv) - radius


def _hand(u: np.ndarray, v: np.ndarray, grain: np.ndarray, skin: np.ndarray) -> tuple:
    fingers = [
        _capsule(u, v, (0.1, 0.02 + 0.1 * i), (-0.26 + 0.03 * abs(i - 1), -0.12 + 0.1 * i), 0.047)
        for i in range(4)
    ]
    thumb = _capsule(u, v, (0.16, 0.0), (-0.02, -0.2), 0.055)
    palm = np.hypot((u - 0.22) / 0.2, (v - 0.16) / 0.22) - 1
    parts = np.stack([*fingers, thumb, palm * 0.2, _capsule(u, v, (0.25, 0.2), (0.9, 0.5), 0.16)])
    distance = parts.min(0)
    # each finger is round: darker towards its sides, and a crease where two meet
    round_ = np.clip(-distance / 0.05, 0, 1)
    second = np.sort(parts, axis=0)[1]
    crease = np.exp(-(((second - distance) / 0.012) ** 2)) * (distance < 0)
    light = 0.80 + 0.22 * np.sqrt(round_) - 0.16 * crease + 0.035 * grain + 0.12 * v
    colour = np.clip(skin * np.array([1.03, 0.97, 0.95]) * light[..., None], 0, 1)
    return colour, _edge(distance, 0.02)


def _microphone(u: np.ndarray, v: np.ndarray, grain: np.ndarray, skin: np.ndarray) -> tuple:
    stick = _capsule(u, v, (0.02, 0.02), (0.35, 0.9), 0.022)
    head = np.hypot(u, v) - 0.07
    mesh = 0.5 + 0.5 * np.sin(u * 260) * np.sin(v * 260)
    lit = np.exp(-(((u + 0.02) ** 2 + (v + 0.025) ** 2) / 0.0012))
    colour = np.where(
        (head < stick)[..., None],
        (0.07 + 0.10 * mesh + 0.3 * lit)[..., None] * np.array([1.0, 1.0, 1.05]),
        (0.10 + 0.25 * np.exp(-((stick + 0.016) ** 2) / 2e-5))[..., None] * np.ones(3),
    )
    return np.clip(colour + 0.01 * grain[..., None], 0, 1), _edge(np.minimum(stick, head), 0.012)


def _glass(u: np.ndarray, v: np.ndarray, grain: np.ndarray, skin: np.ndarray) -> tuple:
    half = 0.17 - 0.05 * np.clip((v + 0.22) / 0.5, 0, 1)
    side = np.abs(u) - half
    distance = np.maximum(side, np.maximum(-0.22 - v, v - 0.28))
    wall = np.exp(-((side / 0.012) ** 2))
    rim = np.exp(-(((np.hypot(u / 0.17, (v + 0.22) / 0.03) - 1) / 0.18) ** 2))
    tea = _edge(0.02 - v, 0.01)
    streak = np.exp(-(((u + 0.09 - 0.05 * v) / 0.014) ** 2)) * _edge(np.abs(v) - 0.16, 0.04)
    inside = _edge(distance, 0.014)
    alpha = 0.34 + 0.30 * tea
    alpha = np.maximum.reduce([alpha, 0.9 * wall, 0.97 * streak])
    alpha = np.maximum(alpha * inside, 0.9 * rim * (np.abs(u) < 0.19))
    base = (1 - tea[..., None]) * np.array([0.78, 0.86, 0.88]) + tea[..., None] * np.array(
        [0.55, 0.25, 0.06]
    )
    shine = np.maximum.reduce([0.8 * wall, streak, 0.8 * rim])[..., None]
    colour = base * (1 - shine) + shine * np.array([0.97, 0.98, 1.0])
    return np.clip(colour, 0, 1), np.clip(alpha, 0, 1)


def _fist(u: np.ndarray, v: np.ndarray, grain: np.ndarray, skin: np.ndarray) -> tuple:
    knuckles = [np.hypot((u + 0.15 - 0.1 * i) / 0.062, (v + 0.03) / 0.09) - 1 for i in range(4)]
    back = np.hypot(u / 0.22, (v - 0.13) / 0.17) - 1
    parts = np.stack([0.06 * k for k in knuckles] + [0.17 * back])
    parts = np.concatenate([parts, [_capsule(u, v, (0.0, 0.2), (-0.35, 0.95), 0.13)]])
    distance = parts.min(0)
    second = np.sort(parts, axis=0)[1]
    crease = np.exp(-(((second - distance) / 0.02) ** 2)) * (distance < 0)
    round_ = np.clip(-distance / 0.09, 0, 1)
    light = 0.72 + 0.30 * np.sqrt(round_) - 0.12 * crease + 0.008 * grain - 0.10 * v
    return np.clip(skin * light[..., None], 0, 1), _edge(distance, 0.02)


def _food(u: np.ndarray, v: np.ndarray, grain: np.ndarray, skin: np.ndarray) -> tuple:
    distance = np.hypot(u, v) - 0.16 - 0.006 * np.sin(11 * np.arctan2(v, u))
    crumb = 0.92 + 0.05 * grain + 0.12 * np.clip(-distance / 0.1, 0, 1)
    dots = np.exp(-((np.hypot(np.mod(u, 0.08) - 0.04, np.mod(v, 0.08) - 0.04) / 0.012) ** 2))
    colour = np.array([0.71, 0.49, 0.26]) * (crumb - 0.6 * dots)[..., None]
    return np.clip(colour, 0, 1), _edge(distance, 0.012)


def _strands(u: np.ndarray, v: np.ndarray, grain: np.ndarray, skin: np.ndarray) -> tuple:
    cover = np.zeros(u.shape, np.float32)
    for i, (start, bend, half) in enumerate(
        ((-0.05, 0.30, 0.011), (0.0, 0.22, 0.016), (0.03, 0.34, 0.006), (0.10, 0.18, 0.009))
    ):
        middle = start + bend * (v + 0.3) ** 2 + 0.01 * np.sin(14 * v + i)
        there = _edge(np.abs(u - middle) - half, 0.008) * _edge(np.abs(v) - 0.75, 0.05)
        cover = np.maximum(cover, 0.95 * there)
    light = 1 + 0.15 * grain + 0.5 * np.exp(-(((v + 0.1) / 0.12) ** 2))
    return np.clip(np.array([0.19, 0.13, 0.09]) * light[..., None], 0, 1), cover


#: Hair that hangs beside the face all shot long: strands of each side by their ranges of place at
#: the cheekbone (face widths from the middle), bend, half width and wave.
HAIR = {
    "curtain": (
        (60, (0.43, 0.72), (-0.06, 0.02), (0.006, 0.014), (0.0, 0.006)),
        (9, (0.37, 0.43), (-0.06, 0.02), (0.002, 0.006), (0.004, 0.012)),
    ),
    "wisps": ((6, (0.30, 0.45), (-0.10, 0.02), (0.002, 0.005), (0.004, 0.015)),),
}

#: How far it hangs from above the middle of the face to below the jaw, face widths.
_HANGS = np.linspace(-0.7, 0.85, 60)


def draw_hair(
    kind: str, to_plate: np.ndarray, colour: np.ndarray, size: tuple[int, int], seconds: float
) -> tuple[np.ndarray, np.ndarray]:
    """Draw hair that hangs on the head and sways.

    Parameters
    ----------
    kind : str
        One of :data:`HAIR`.
    to_plate : np.ndarray [shape=(2, 3)]
        Face widths from the face's middle to pixels.
    colour : np.ndarray [shape=(3,)]
        Display-encoded, 0-1; each strand is lighter or darker.
    size : tuple of int
        Width, height of the picture.
    seconds : float

    Returns
    -------
    colour : np.ndarray [shape=(height, width, 3), dtype=float32]
        Premultiplied.
    alpha : np.ndarray [shape=(height, width), dtype=float32]
    """
    rng = np.random.default_rng(list(HAIR).index(kind))
    shown = np.zeros((size[1], size[0], 3), np.float32)
    alpha = np.zeros(shown.shape[:2], np.float32)
    v = _HANGS
    for side, (count, *ranges) in itertools.product((-1, 1), HAIR[kind]):
        for _ in range(count):
            start, bend, half, wave = (rng.uniform(*r) for r in ranges)
            phase = rng.uniform(0, 6)
            sway = 0.008 * np.sin(2.2 * seconds + phase) * np.clip(v + 0.3, 0, 1)
            middle = start + bend * np.clip(v + 0.1, 0, None) ** 1.5 + sway
            middle = side * (middle + wave * np.sin(9 * v + phase))
            reach = half * np.clip((v[-1] - v) / 0.5, 0.1, 1)
            left, right = np.c_[middle - reach, v], np.c_[middle + reach, v]
            outline = geometry.apply(to_plate, np.concatenate([left, right[::-1]]))
            low = np.clip(np.floor(outline.min(0)).astype(int), 0, np.array(size) - 1)
            high = np.clip(np.ceil(outline.max(0)).astype(int), low + 1, size)
            share = 0.97 * fill(outline - low, (int(high[0] - low[0]), int(high[1] - low[1])))
            part = np.s_[low[1] : high[1], low[0] : high[0]]
            down = np.linspace(v[0], v[-1], len(share))
            light = 1 + 0.35 * np.sin(7 * phase) + 0.25 * np.exp(-(((down - 0.05) / 0.12) ** 2))
            strand = np.clip(colour * light[:, None, None], 0, 1) * share[..., None]
            shown[part] = shown[part] * (1 - share[..., None]) + strand
            alpha[part] = 1 - (1 - alpha[part]) * (1 - share)
    return shown, alpha
