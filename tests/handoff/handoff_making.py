"""A synthetic scene, and an evaluation of Nuke's knobs that shares no code with the writers."""

from __future__ import annotations

import struct
from fractions import Fraction

import face_making
import numpy as np

from relip.handoff import nk
from relip.handoff.coordinates import Format
from relip.handoff.scene import Scene

WIDTH, HEIGHT = 320, 260


def make_scene(
    n: int = 24,
    *,
    hidden: tuple[int, ...] = (),
    first: int = 1001,
    width: int = WIDTH,
    height: int = HEIGHT,
    pixel_aspect: float = 1.0,
    left: float = 0.0,
) -> Scene:
    """A talking, turning face on a plate; rows in ``hidden`` show none.

    With a ``pixel_aspect`` the plate holds it squeezed.
    """
    shot = face_making.make_shot(n)
    track = face_making.make_track(shot.landmarks, first=first, hidden=hidden)
    form = Format(width, height, pixel_aspect, left)
    return Scene("sh010", track.squeezed(pixel_aspect), form, Fraction(24000, 1001), "ACEScg")


def up(places: np.ndarray, height: int = HEIGHT) -> np.ndarray:
    """Engine places as Nuke counts them, written out again."""
    return np.stack([places[..., 0], height - places[..., 1]], -1)


def keys_of(text: str) -> dict[int, float]:
    """A curve's keys; a frame without a number follows the last."""
    words = text.strip().strip("{}").split()
    assert words[0] == "curve", text
    keys: dict[int, float] = {}
    frame = None
    for word in words[1:]:
        if word in ("L", "K"):
            continue
        if word.startswith("x"):
            frame = int(word[1:])
        else:
            assert frame is not None
            keys[frame] = float(word)
            frame += 1
    return keys


def values_of(knob: str, frame: int) -> list[float]:
    """A knob's components in a frame; constants are their own value."""
    parts = nk.split_list(knob)
    return [keys_of(p)[frame] if p.startswith("curve") else float(p) for p in parts]


def homography(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The projective map of four points onto four others, by its eight linear equations."""
    rows, right = [], []
    for (x, y), (u, v) in zip(source, target, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        right += [u, v]
    return np.append(np.linalg.solve(np.array(rows, float), np.array(right)), 1).reshape(3, 3)


def project(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points through a homography."""
    mapped = np.c_[points, np.ones(len(points))] @ matrix.T
    return mapped[:, :2] / mapped[:, 2:]


def decode(word: str) -> float:
    """A Roto's number."""
    if word.startswith("x"):
        return float(struct.unpack(">f", bytes.fromhex(word[1:]))[0])
    return float(word)


def roto_shapes(node: nk.Node) -> dict[str, tuple[list[int], np.ndarray]]:
    """Shapes by name: key frames, and ``[shape=(F, n, 3, 2)]`` handle, point, handle as stored."""
    (tree,) = [nk.split_list(node.knobs["curves"])]
    if len(tree) == 1:
        tree = nk.split_list(tree[0])
    body = {nk.split_list(part)[0]: part for part in tree}
    layer = nk.split_list(nk.split_list(body["n"])[1])
    assert layer[:2] == ["layer", "Root"]
    shapes = {}
    for part in layer[2:]:
        group = nk.split_list(part)
        if group[0] != "curvegroup":
            continue
        name, flags, kind = group[1:4]
        assert (flags, kind) == ("512", "bezier")
        centre, feather = nk.split_list(group[4])
        assert feather == "idem"
        pieces = nk.split_list(centre)
        assert pieces[0] == "cc" and nk.split_list(pieces[1]) == ["f", "8192"]
        px = nk.split_list(pieces[2])
        assert px[0] == "px"
        frames = [round(decode(word)) for word in nk.split_list(px[1])]
        columns = []
        for place in px[2:]:
            for axis in nk.split_list(place):
                words = nk.split_list(axis)
                assert len(words) in (1, len(frames))
                column = [decode(word) for word in words]
                columns.append(column * len(frames) if len(column) == 1 else column)
        table = np.array(columns).T.reshape(len(frames), -1, 3, 2)
        shapes[name] = (frames, table)
    return shapes
