"""Pictures whose motion is known: stills of faces, moved, turned and made to talk by their mesh.

Each still is shifted, turned and scaled in the plane; depth from its landmarks makes yaw and
pitch of a few degrees, and the lower lip and the jaw open and shut. Grain is added and the
pictures are coded in H.264, so that what moves truly and what noise and coding move are told
apart. Every number comes from the seed.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import av
import cv2
import numpy as np
from scipy.interpolate import RBFInterpolator

from relip.plate.movie_writer import X264
from relip.track import geometry, points

#: Depth and opening are worked out on every so many pixels.
_STEP = 4

#: Side of the source and of the pictures in face widths, and the radius where nothing turns.
_SOURCE, _SHOWN, _RADIUS = 3.0, 2.6, 1.25

#: Room around the picture, made by reflection, that the source may need.
_ROOM = 400

_FPS = 25
_LOWER = (*points.OUTER_LOWER, *points.INNER_LOWER, *points.JAW)
_UPPER = (*points.OUTER_UPPER, *points.INNER_UPPER)


@dataclass(frozen=True)
class Known:
    """Pictures ``[shape=(height, width, 3), dtype=uint8]``, and where landmarks truly are.

    ``nose`` [shape=(F, n, 2)] holds those of :data:`relip.track.points.NOSE`.
    """

    pictures: list[np.ndarray]
    nose: np.ndarray


def moved(
    still: np.ndarray, face: np.ndarray, count: int, *, seed: int, grain: float, crf: int,
    jerks: bool,
) -> Known:  # fmt: skip
    """A still moved for ``count`` frames.

    Parameters
    ----------
    still : np.ndarray [shape=(height, width, 3), dtype=uint8]
    face : np.ndarray [shape=(478, 3)]
        Its landmarks in pixels.
    count, seed : int
    grain : float
        Standard deviation, 8-bit steps.
    crf : int
        Of H.264; 0 for pictures that are not coded.
    jerks : bool
        Whether the head also jumps, by about a per cent of its width at a time.
    """
    rng = np.random.default_rng(seed)
    width = points.face_width(face)
    middle = face[:, :2].mean(0)
    low = np.floor(middle - _SOURCE / 2 * width).astype(int)
    side = int(_SOURCE * width)
    room = cv2.copyMakeBorder(still, _ROOM, _ROOM, _ROOM, _ROOM, cv2.BORDER_REFLECT_101)
    x0, y0 = low + _ROOM
    source = np.ascontiguousarray(room[y0 : y0 + side, x0 : x0 + side])
    face = face - [*low, 0.0]
    middle = middle - low
    depth, opening = _fields(face, middle, width, side)
    nose = face[list(points.NOSE), :2]
    nose_depth, nose_opening = (_sample(f, nose) for f in (depth, opening))

    time = np.arange(count) / _FPS
    phases = iter(rng.uniform(0, 2 * np.pi, 16))

    def swing(*terms: tuple[float, float]) -> np.ndarray:
        return sum(  # type: ignore[no-any-return]
            size * np.sin(2 * np.pi * hertz * time + next(phases)) for size, hertz in terms
        )

    shift = width * np.stack(
        [swing((0.10, 0.43), (0.02, 1.9)), swing((0.07, 0.61), (0.02, 1.3))], axis=1
    )
    if jerks:
        shift[:, 0] += np.cumsum(rng.normal(0, 0.01 * width, count) * (rng.random(count) < 0.3))
        shift[:, 1] += rng.normal(0, 0.004 * width, count)
    roll, scale = swing((0.05, 0.31), (0.01, 1.1)), 1 + swing((0.03, 0.21))
    yaw = np.sin(np.radians(swing((5, 0.47), (1.2, 1.6))))
    pitch = np.sin(np.radians(swing((3, 0.7), (1.2, 1.9))))
    talk = width * (swing((0.025, 2.7), (0.01, 4.1)).clip(0) + 0.01)

    shown = int(_SHOWN * width) // 2 * 2
    pictures, places = [], []
    for t in range(count):
        cos, sin = scale[t] * np.cos(roll[t]), scale[t] * np.sin(roll[t])
        linear = np.array([[cos, -sin], [sin, cos]])
        motion = np.c_[linear, shown / 2 + shift[t] - linear @ middle]
        x = depth * np.float32(yaw[t])
        y = depth * np.float32(pitch[t]) + opening * np.float32(talk[t])
        pictures.append(_draw(source, motion, x, y, shown))
        own = np.stack([nose_depth * yaw[t], nose_depth * pitch[t] + nose_opening * talk[t]], 1)
        places.append(geometry.apply(motion, nose + own))
    soft = np.array((0.18, 0.64, 0.18))
    for t, picture in enumerate(pictures):
        noise = cv2.sepFilter2D(rng.normal(0, grain, picture.shape), -1, soft, soft)
        noisy = picture + noise / np.square(soft).sum()
        pictures[t] = np.round(noisy).clip(0, 255).astype(np.uint8)
    return Known(coded(pictures, crf) if crf else pictures, np.array(places))


def coded(pictures: list[np.ndarray], crf: int) -> list[np.ndarray]:
    """Pictures as H.264 of a quality brings them back."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=_FPS)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": str(crf), "threads": "1", "x264-params": X264["x264-params"]}
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    file.seek(0)
    with av.open(file) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def _fields(
    face: np.ndarray, middle: np.ndarray, width: float, side: int
) -> tuple[np.ndarray, np.ndarray]:
    """Depth behind the jaw's in pixels, and the share of the mouth's opening, by pixel."""
    used = np.unique([*range(0, 468, 3), *points.RIGID, *points.NOSE, *points.LIPS, *points.JAW])
    angles = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    ring = middle + _RADIUS * width * np.stack([np.cos(angles), np.sin(angles)], 1)
    deep = face[used, 2] - face[list(points.JAW), 2].mean()
    open_ = np.where(np.isin(used, _LOWER), 1.0, np.where(np.isin(used, _UPPER), -0.15, 0.0))
    values = np.r_[np.stack([deep, open_], 1), np.zeros((len(ring), 2))]
    field = RBFInterpolator(np.r_[face[used, :2], ring], values, smoothing=5.0, neighbors=40)
    axis = np.arange(0, side, _STEP) + _STEP / 2
    grid = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
    coarse = field(grid).reshape(len(axis), len(axis), 2).astype(np.float32)
    size = len(axis) * _STEP
    fine = cv2.resize(coarse, (size, size), interpolation=cv2.INTER_LINEAR)[:side, :side]
    return np.ascontiguousarray(fine[..., 0]), np.ascontiguousarray(fine[..., 1])


def _sample(field: np.ndarray, at: np.ndarray) -> np.ndarray:
    own = (at - 0.5).astype(np.float32)
    result: np.ndarray = cv2.remap(field, own[None, :, 0], own[None, :, 1], cv2.INTER_LINEAR)[0]
    return result


def _draw(
    source: np.ndarray, motion: np.ndarray, x: np.ndarray, y: np.ndarray, side: int
) -> np.ndarray:
    """The source with each pixel shifted by its own x and y, then moved ``[dtype=float32]``."""
    back = geometry.invert(motion)
    axis = np.arange(side) + 0.5
    across, down = np.meshgrid(axis, axis)
    to = [(row[0] * across + row[1] * down + row[2] - 0.5).astype(np.float32) for row in back]
    at = list(to)
    for _ in range(5):  # the pixel that the shift brings here
        moved_by = [
            cv2.remap(f, at[0], at[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            for f in (x, y)
        ]
        at = [own - by for own, by in zip(to, moved_by, strict=True)]
    result: np.ndarray = cv2.remap(
        source.astype(np.float32), at[0], at[1], cv2.INTER_LANCZOS4,
        borderMode=cv2.BORDER_REFLECT_101,
    )  # fmt: skip
    return result
